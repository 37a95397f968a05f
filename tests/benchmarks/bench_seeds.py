"""How much does one run say? The lab's run with ten seeds, on 1,000 MNIST test images.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_seeds.py

The log's last line quotes the range of recall.
"""

from __future__ import annotations

from measure import print_header, print_row  # isort: split

from mnist_loader import load_dataset
from train_network import Run, Settings, train_epochs

SEEDS = range(10)


def main() -> None:
    print_header("seed", "accuracy", "recall", "precision", "F1", "ROC AUC")
    dataset = load_dataset(source="mnist")
    rows = []
    for seed in SEEDS:
        settings = Settings(seed=seed)
        run = Run(settings, settings.network(), dataset)
        for _ in train_epochs(run):
            pass
        result = run.evaluate(run.test)
        shares = [result.accuracy, result.recall, result.precision, result.f1]
        rows.append(shares)
        print_row(seed, *map("{:.2%}".format, shares), f"{result.roc_auc:.4f}")
    columns = zip(*rows, strict=True)
    ranges = [f"{min(column):.1%} to {max(column):.1%}" for column in columns]
    print_row("range", *ranges, "")


if __name__ == "__main__":
    main()
