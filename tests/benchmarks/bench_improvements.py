"""What each improvement that the lab sheet suggests brings, one at a time, on real MNIST.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_improvements.py

Each line is the lab's run with one thing changed, tested on all 10,000 test images; means over the
seeds, with the standard deviation of F1. Nothing is chosen by these figures.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork
from utils import Evaluation

SEEDS = range(5)
LAB_EPOCHS, LAB_TRAIN_SIZE = 15, 5000
RUNS = {
    "(the lab's run)": {},
    "--hidden 128": {"hidden": (128,)},
    "--hidden 256": {"hidden": (256,)},
    "--hidden 64 32": {"hidden": (64, 32)},
    "--dropout 0.2": {"dropout": 0.2},
    "--epochs 30": {"epochs": 30},
    "--epochs 50": {"epochs": 50},
    "--train-size 15000": {"train_size": 15000},
    "--train-size 30000": {"train_size": 30000},
    "--l2 1e-5": {"sgd": SGD(l2=1e-5)},
    "--l2 1e-4": {"sgd": SGD(l2=1e-4)},
    "--momentum 0.9": {"sgd": SGD(momentum=0.9)},
    "--hidden 128 64 --dropout 0.2 --epochs 30 --train-size 30000 --momentum 0.9": {
        "hidden": (128, 64),
        "dropout": 0.2,
        "epochs": 30,
        "train_size": 30000,
        "sgd": SGD(momentum=0.9),
    },
}


def main() -> None:
    dataset = load_dataset(source="mnist", train_size=30000, test_size=None)
    images, targets = dataset.train.images, dataset.train.targets()
    test_targets = dataset.test.targets()
    print(
        "| options | last epoch's loss | accuracy | precision | recall | F1 | ROC AUC | seconds |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, options in RUNS.items():
        size = options.get("train_size", LAB_TRAIN_SIZE)
        results, losses = [], []
        start = time.perf_counter()
        for seed in SEEDS:
            network = NeuralNetwork(
                (784, *options.get("hidden", (64,)), 1),
                dropout=options.get("dropout", 0.0),
                seed=seed,
            )
            for _ in range(options.get("epochs", LAB_EPOCHS)):
                loss = network.train_epoch(images[:size], targets[:size], options.get("sgd", SGD()))
            losses.append(loss)
            probabilities = network.predict_proba(dataset.test.images)
            results.append(Evaluation.of(probabilities, test_targets))
        seconds = (time.perf_counter() - start) / len(SEEDS)

        def mean(measure: str) -> float:
            return float(np.mean([getattr(result, measure) for result in results]))  # noqa: B023

        spread = np.std([result.f1 for result in results], ddof=1)
        print(
            f"| `{name}` | {np.mean(losses):.5f} | {mean('accuracy'):.2%} | "
            f"{mean('precision'):.1%} | {mean('recall'):.1%} | {mean('f1'):.1%} ± {spread:.1%} | "
            f"{mean('roc_auc'):.4f} | {seconds:.1f} |",
            flush=True,
        )
    print(f"\nAlways answering no: accuracy {results[0].majority_share:.2%}. {len(SEEDS)} seeds.")


if __name__ == "__main__":
    main()
