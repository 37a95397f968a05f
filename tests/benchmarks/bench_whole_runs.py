"""Time and memory of train_network.py, the default run and runs over all of MNIST; of loading.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_whole_runs.py

Each run is a process of its own, started as a user starts it; its peak memory is what the kernel
counted for that process (Unix only).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

from measure import ROOT, best_of, print_header, print_row  # isort: split

from mnist_loader import DATA_DIR, read_idx

RUNS = (
    *("--help", "", "--train-size all --test-size all"),
    "--train-size all --epochs 1 --dtype float64",
)
ROUNDS = 2
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss
LIMITS, LOADING_ROUNDS = (5000, None), 7


def measure(options: str) -> tuple[float, float]:
    """Seconds and peak MB of one run."""
    with tempfile.TemporaryDirectory() as output_dir:
        command = [
            sys.executable,
            str(ROOT / "train_network.py"),
            "--output-dir",
            output_dir,
        ]
        start = time.perf_counter()
        process = subprocess.Popen(
            [*command, *options.split()], stdout=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        spent = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return spent, usage.ru_maxrss * RSS_UNIT / 1e6


def main() -> None:
    print_header("run", "s", "peak MB", title=f"train_network.py, best of {ROUNDS}")
    for options in RUNS:
        measured = [measure(options) for _ in range(ROUNDS)]
        spent, megabytes = map(min, zip(*measured, strict=True))
        print_row(options or "default", f"{spent:.2f}", f"{megabytes:.0f}")

    path = DATA_DIR / "train-images-idx3-ubyte.gz"
    best = best_of(LOADING_ROUNDS, [partial(read_idx, path, limit) for limit in LIMITS])
    print_header(
        "images", "ms", "of all", title=f"{path.name}, best of {LOADING_ROUNDS}"
    )
    for limit, spent in zip(LIMITS, best, strict=True):
        print_row(limit or "all", f"{1000 * spent:.1f}", f"{spent / best[-1]:.1%}")


if __name__ == "__main__":
    main()
