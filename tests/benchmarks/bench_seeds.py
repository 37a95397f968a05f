"""How much does one run say? The lab's run with ten seeds, on the first 1,000 MNIST test images.

    MNIST_DATA_DIR=../shared/mnist python tests/benchmarks/bench_seeds.py

The log's last line quotes the range of recall.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import train_network

SEEDS = 10


def main() -> None:
    print("| seed | accuracy | recall | precision | F1 | ROC AUC |")
    print("|---|---|---|---|---|---|")
    results = []
    for seed in range(SEEDS):
        options = train_network.make_parser().parse_args(["--seed", str(seed)])
        run = train_network.new_run(options)
        for _ in train_network.train_epochs(run.network, run.dataset):
            pass
        result = run.evaluation
        results.append((result.accuracy, result.recall, result.precision, result.f1))
        shares = " | ".join(f"{share:.2%}" for share in results[-1])
        print(f"| {seed} | {shares} | {result.roc_auc:.4f} |", flush=True)
    ranges = (f"{min(column):.1%} to {max(column):.1%}" for column in zip(*results, strict=True))
    print(f"| range | {' | '.join(ranges)} | |")


if __name__ == "__main__":
    main()
