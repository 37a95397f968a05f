"""Time and memory of train_network.py, the lab's run and runs over all MNIST; loading.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_whole_runs.py
    MNIST_DATA_DIR=... python tests/benchmarks/bench_whole_runs.py DIR

Each run is a process of its own, started as a user starts it; its peak memory is what
the kernel counted for that process (Unix only). With DIR, another checkout of this
project, the lab's run of both is measured instead, in turn.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

from measure import ROOT, best_of, print_header, print_row  # isort: split

from mnist_loader import DATA_DIR, read_idx

RUNS = (
    "--help",
    "",
    "--train-size all --test-size all",
    "--train-size all --epochs 1 --dtype float64",
)
ROUNDS = 2
LIMITS = (5000, None)
LOADING_ROUNDS = 7
COMPARED_ROUNDS = 9
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


class Measured(NamedTuple):
    """What one run takes."""

    seconds: float
    processor_seconds: float  # says more on a machine that others share
    megabytes: float  # at the peak


def measure(options: str, root: Path = ROOT) -> Measured:
    """One run of a checkout's train_network.py."""
    command = [sys.executable, str(root / "train_network.py"), *options.split()]
    with tempfile.TemporaryDirectory() as output_dir:
        command += ["--output-dir", output_dir]
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    processor_seconds = usage.ru_utime + usage.ru_stime
    return Measured(seconds, processor_seconds, usage.ru_maxrss * RSS_UNIT / 1e6)


def print_runs() -> None:
    print_header("run", "s", "peak MB", title=f"train_network.py, best of {ROUNDS}")
    for options in RUNS:
        runs = [measure(options) for _ in range(ROUNDS)]
        seconds = min(run.seconds for run in runs)
        megabytes = min(run.megabytes for run in runs)
        print_row(options or "default", f"{seconds:.2f}", f"{megabytes:.0f}")


def print_loading() -> None:
    path = DATA_DIR / "train-images-idx3-ubyte.gz"
    best = best_of(LOADING_ROUNDS, [partial(read_idx, path, limit) for limit in LIMITS])
    title = f"{path.name}, best of {LOADING_ROUNDS}"
    print_header("images", "ms", "of all", title=title)
    for limit, seconds in zip(LIMITS, best, strict=True):
        print_row(limit or "all", f"{1000 * seconds:.1f}", f"{seconds / best[-1]:.1%}")


def compare_with(other: Path) -> None:
    """The lab's run of this checkout and of another one, in turn."""
    here = []
    there = []
    for _ in range(COMPARED_ROUNDS):
        here.append(measure("", ROOT))
        there.append(measure("", other))
    title = f"the lab's run, median of {COMPARED_ROUNDS}"
    print_header("", "here", "there", "difference", title=title)
    for name in Measured._fields:
        ours = median(getattr(run, name) for run in here)
        theirs = median(getattr(run, name) for run in there)
        cells = [f"{ours:.2f}", f"{theirs:.2f}", f"{ours - theirs:+.2f}"]
        print_row(name.replace("_", " "), *cells)


def main() -> None:
    if len(sys.argv) > 1:
        compare_with(Path(sys.argv[1]).resolve())
    else:
        print_runs()
        print_loading()


if __name__ == "__main__":
    main()
