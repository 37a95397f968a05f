"""How near is the bundled sample to real handwriting?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_sample.py

Trains the lab's network with the lab's settings on the bundled sample, tests it on all 10,000 real
MNIST test images, and prints the same for a network trained on 5,000 real images beside it.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnist_loader import Split, load_dataset
from neural_network import SGD, NeuralNetwork
from utils import Evaluation

SEEDS = range(5)
EPOCHS = 15


def evaluate(train: Split, test: Split, seed: int) -> Evaluation:
    network = NeuralNetwork(seed=seed)
    for _ in range(EPOCHS):
        network.train_epoch(train.images, train.targets(), SGD())
    return Evaluation.of(network.predict_proba(test.images), test.targets())


def main() -> None:
    mnist = load_dataset(source="mnist", train_size=5000, test_size=None)
    sample = load_dataset(source="sample")
    print(f"| trained on | tested on | ROC AUC, mean of {len(SEEDS)} seeds (each) | accuracy "
          "| always no | precision | recall | F1 |")  # fmt: skip
    print("|---|---|---|---|---|---|---|---|")
    for trained_on, train, tested_on, test in (
        ("sample, 5,000", sample.train, "MNIST, all 10,000", mnist.test),
        ("MNIST, first 5,000", mnist.train, "MNIST, all 10,000", mnist.test),
        ("sample, 5,000", sample.train, "sample, 1,000", sample.test),
    ):
        results = [evaluate(train, test, seed) for seed in SEEDS]
        aucs = [result.roc_auc for result in results]
        shares = [
            f"{np.mean([getattr(result, name) for result in results]):.1%}"
            for name in ("accuracy", "majority_share", "precision", "recall", "f1")
        ]
        each = " ".join(f"{auc:.4f}" for auc in aucs)
        print(f"| {trained_on} | {tested_on} | {np.mean(aucs):.4f} ({each}) | "
              + " | ".join(shares) + " |")  # fmt: skip


if __name__ == "__main__":
    main()
