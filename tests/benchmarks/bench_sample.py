"""How near is the bundled sample to real handwriting?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_sample.py

Trains the lab's network with the lab's settings on the bundled sample, tests it on all
10,000 real MNIST test images, and prints the same for a network trained on 5,000 real
images beside it.
"""

from __future__ import annotations

from measure import print_header, print_row  # isort: split

from statistics import mean

from mnist_loader import Split, load_dataset
from neural_network import NeuralNetwork
from utils import Evaluation

DIGIT = 8
SEEDS = range(5)
EPOCHS = 15


def evaluate(train: Split, test: Split, seed: int) -> Evaluation:
    """How the lab's network does on one split when it is trained on another."""
    network = NeuralNetwork(seed=seed)
    for _ in range(EPOCHS):
        network.train_epoch(train.images, train.targets(DIGIT))
    scores = network.predict_proba(test.images)
    return Evaluation(scores, test.digits == DIGIT)


def main() -> None:
    mnist = load_dataset(source="mnist")
    sample = load_dataset(source="sample")
    auc = f"ROC AUC, mean of {len(SEEDS)} seeds (each)"
    columns = ["accuracy", "always no", "precision", "recall", "F1"]
    print_header("trained on", "tested on", auc, *columns)
    for trained_on, train, tested_on, test in (
        ("sample, 5,000", sample.train, "MNIST, all 10,000", mnist.test),
        ("MNIST, first 5,000", mnist.train, "MNIST, all 10,000", mnist.test),
        ("sample, 5,000", sample.train, "sample, 1,000", sample.test),
    ):
        results = [evaluate(train, test, seed) for seed in SEEDS]
        areas = [result.roc_auc for result in results]
        each = " ".join(f"{area:.4f}" for area in areas)
        means = [
            mean(result.accuracy for result in results),
            mean(result.majority_share for result in results),
            mean(result.precision for result in results),
            mean(result.recall for result in results),
            mean(result.f1 for result in results),
        ]
        shares = [f"{share:.1%}" for share in means]
        print_row(trained_on, tested_on, f"{mean(areas):.4f} ({each})", *shares)


if __name__ == "__main__":
    main()
