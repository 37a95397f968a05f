"""How much does one run say? The lab's run with ten seeds, on the first 1,000 MNIST test images.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_seeds.py

The log's last line quotes the range of recall.
"""

from __future__ import annotations

from functools import partial

from measure import print_header, print_row  # isort: split

import train_network
from mnist_loader import load_dataset
from train_network import Settings

SEEDS = range(10)


def main() -> None:
    print_header("seed", "accuracy", "recall", "precision", "F1", "ROC AUC")
    results = []
    for seed in SEEDS:
        run = train_network.new_run(
            Settings(seed=seed), partial(load_dataset, None, "mnist")
        )
        for _ in train_network.train_epochs(run):
            pass
        result = run.evaluate()
        results.append((result.accuracy, result.recall, result.precision, result.f1))
        print_row(
            seed, *(f"{share:.2%}" for share in results[-1]), f"{result.roc_auc:.4f}"
        )
    columns = zip(*results, strict=True)
    print_row(
        "range", *(f"{min(column):.1%} to {max(column):.1%}" for column in columns), ""
    )


if __name__ == "__main__":
    main()
