"""Time and memory of train_network.py: the default run, and runs over all of MNIST.

    MNIST_DATA_DIR=../shared/mnist python tests/benchmarks/bench_whole_runs.py

Each run is a process of its own, started as a user starts it; its peak memory is what the kernel
counted for that process (Unix only). BLAS uses one thread unless OPENBLAS_NUM_THREADS says more.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCRIPT = Path(__file__).resolve().parents[2] / "train_network.py"
RUNS = {
    "--help": ["--help"],
    "default": [],
    "--train-size all --test-size all": ["--train-size", "all", "--test-size", "all"],
    "--train-size all --epochs 1 --dtype float64": [
        *("--train-size", "all", "--epochs", "1", "--dtype", "float64"),
    ],
}
ROUNDS = 2
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss


def measure(options: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of one run."""
    environment = {"OPENBLAS_NUM_THREADS": "1"} | os.environ
    with tempfile.TemporaryDirectory() as output_dir:
        start = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, str(SCRIPT), "--output-dir", output_dir, *options],
            env=environment,
            stdout=subprocess.DEVNULL,
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(process.returncode)
    return seconds, usage.ru_maxrss * RSS_UNIT / 1e6


def main() -> None:
    print(f"train_network.py, best of {ROUNDS}\n")
    print("| run | s | peak MB |")
    print("|---|---|---|")
    for name, options in RUNS.items():
        measured = [measure(options) for _ in range(ROUNDS)]
        seconds, megabytes = (min(column) for column in zip(*measured, strict=True))
        print(f"| {name} | {seconds:.2f} | {megabytes:.0f} |", flush=True)


if __name__ == "__main__":
    main()
