"""How long read_idx takes for the first 5,000 of MNIST's 60,000 training images, and for all.

    MNIST_DATA_DIR=../shared/mnist python tests/benchmarks/bench_loading.py

Both are measured in turn, several times; the table gives the best of each.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnist_loader import DATA_DIR, TRAIN_FILES, read_idx

LIMITS = (5000, None)
ROUNDS = 7


def seconds_to_read(path: Path, limit: int | None) -> float:
    start = time.perf_counter()
    read_idx(path, limit)
    return time.perf_counter() - start


def main() -> None:
    path = DATA_DIR / TRAIN_FILES[0]
    rounds = [[seconds_to_read(path, limit) for limit in LIMITS] for _ in range(ROUNDS)]
    part, whole = (min(column) for column in zip(*rounds, strict=True))
    print(f"{path.name}, best of {ROUNDS}\n")
    print("| images | ms | of all |")
    print("|---|---|---|")
    print(f"| 5,000 | {1000 * part:.1f} | {part / whole:.1%} |")
    print(f"| 60,000 | {1000 * whole:.1f} | 100% |")


if __name__ == "__main__":
    main()
