"""Small runs: a lab with its directories, and a run whose scores a test writes down."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from mnist_loader import Dataset, Split
from neural_network import NeuralNetwork
from train_network import MEASURES, Run, Settings, main

OUTPUTS = ["metrics.json", "model.npz", "training_log.txt"]
CHECKPOINT = "checkpoint.npz"
SMALL_RUN = ["--train-size=all", "--test-size=all", "--hidden=8", "--epochs=3"]
SMALL_RUN += ["--learning-rate=0.1"]


@dataclass(frozen=True)
class Lab:
    """Small runs on the made data set, with an output directory of their own."""

    data: Path
    out: Path

    def options(self, *more: str) -> list[str]:
        """The command line of a small run; of what is said twice the second counts."""
        directories = [f"--data-dir={self.data}", f"--output-dir={self.out}"]
        return [*SMALL_RUN, *directories, *more]

    def run(self, *more: str) -> int:
        return main(self.options(*more))

    def interrupted(self, *more: str) -> None:
        with pytest.raises(KeyboardInterrupt):
            self.run(*more)

    def resume(self, *more: str) -> int:
        directories = [f"--data-dir={self.data}", f"--output-dir={self.out}"]
        return main(["--resume", *directories, *more])

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def log(self) -> str:
        return (self.out / "training_log.txt").read_text(encoding="utf-8")

    def metrics(self) -> dict:
        """NaN, which json would write, is not JSON."""
        content = (self.out / "metrics.json").read_bytes()
        return json.loads(content, parse_constant=pytest.fail)

    def network(self) -> NeuralNetwork:
        return NeuralNetwork.load(self.out / "model.npz")


# The test images of the made run: what each shows, and its score. At threshold 0.54
# four of six 8s are found and two missed; three of 14 others are false alarms. Neither
# the missed nor the false alarms are sorted by their scores, up or down.
SCORES = [(8, 0.95), (2, 0.62), (8, 0.25), (8, 0.85), (3, 0.75), (8, 0.65), (2, 0.55)]
SCORES += [(8, 0.05), (8, 0.58), (2, 0.35), (3, 0.15), (0, 0.03), (1, 0.04)]
SCORES += [(digit, 0.02) for digit in (0, 1, 4, 5, 6, 7, 9)]
# Of each epoch the loss in its course, of the training images loss and accuracy, and of
# the test images loss, accuracy and recall
HISTORY = [
    (0.30, 0.28, 0.6, 0.40, 0.70, None),
    (0.20, 0.18, 0.8, 0.32, 0.80, 0.5),
    (0.10, 0.08, 0.9, 0.35, 0.75, 4 / 6),
]
TRAIN_DIGITS = [8, 1, 8, 0, 3, 8, 5, 7, 7, 2]


def lit(*rows: int) -> np.ndarray:
    """Images (n, 784), each dark at one pixel, whose number tells it."""
    return np.eye(784, dtype=np.float32)[list(rows)]


def made_run(
    scores=SCORES, history=HISTORY, train=TRAIN_DIGITS, name="MNIST", **settings
) -> Run:
    """A run with these scores for the test images, each lit at a pixel of its own."""
    usual = {"threshold": 0.54, "hidden": (2,), "epochs": len(history), "seed": 7}
    usual["test_size"] = None
    settings = Settings(**usual | settings)
    network = settings.network()
    score_of_image = np.array([score for _, score in scores])
    network.predict_proba = lambda x: score_of_image[x.argmax(axis=1)]
    shown = [digit for digit, _ in scores]
    train_split = Split(lit(*range(len(train))), np.array(train, np.uint8))
    test_split = Split(lit(*range(len(shown))), np.array(shown, np.uint8))
    names = ("loss", *MEASURES)
    rows = []
    for epoch, row in enumerate(history, start=1):
        rows.append({"epoch": epoch} | dict(zip(names, row, strict=True)))
    return Run(settings, network, Dataset(name, train_split, test_split), rows)
