"""What all benchmarks share; imported first, for it puts the project on the path.

Also BLAS on one thread, before NumPy loads: the arrays are small, and so are the
peers'.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Collection
from pathlib import Path

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def best_of(rounds: int, works: Collection[Callable[[], object]]) -> list[float]:
    """The best seconds of each, all in turn, so that a busy moment hits all alike."""
    times = [[seconds(work) for work in works] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def print_row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def print_header(*cells: str, title: str = "") -> None:
    """The first two lines of a table in Markdown."""
    print(f"\n{title}\n" if title else "")
    print_row(*cells)
    print_row(*["---"] * len(cells))
