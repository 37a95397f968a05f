"""How should the best network's learning rate fall? Asked of held-out training images.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_schedules.py

Trains the best network on 50,000 training images with every schedule and three seeds,
and counts its mistakes on the 10,000 that are held out; test images play no part. The
schedules of a seed are trained side by side, an epoch each, so that the deformed copies
are made once; each is trained as `train_network.py` would.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import measure  # isort: split

import numpy as np

import train_network
from mnist_loader import Dataset, Split, load_dataset
from neural_network import SGD, NeuralNetwork
from train_network import Run, Settings
from utils import Evaluation

HELD_OUT = 10_000
SEEDS = range(3)
START = 0.02
EPOCHS = 80  # instead of 200: three seeds of five schedules take an hour on two cores
BEST = Settings(
    augment=True, focus=True, hidden=(512, 128), learning_rate=START, epochs=EPOCHS
)


def linear(t: float, end: float) -> float:
    return (1 - t) * START + t * end


def cosine(t: float, end: float) -> float:
    return linear((1 - math.cos(math.pi * t)) / 2, end)


Schedule = tuple[Callable[[float, float], float], float]
SCHEDULES: list[Schedule] = [
    (linear, 0.0005),
    (linear, 0.001),
    (linear, 0.002),
    (linear, 0.004),
    (cosine, 0.002),
]
AVERAGED = (5, 10, 20)  # last epochs, whose weights are averaged


class Candidate:
    """A run with a schedule, and the sums of its weights over the last epochs."""

    def __init__(self, settings: Settings, schedule: Schedule, dataset: Dataset):
        self.shape, self.end = schedule
        self.run = Run(settings, settings.network(), dataset)
        self.averages = {n: self.empty() for n in AVERAGED}
        self.results: list[Evaluation] = []  # of each epoch

    def empty(self) -> NeuralNetwork:
        """A network like the run's, with all weights 0."""
        network = self.run.settings.network()
        for array in network.weights + network.biases:
            array[...] = 0
        return network

    def train(self, epoch: int, targets: np.ndarray) -> None:
        epochs = self.run.settings.epochs
        sgd = SGD(self.shape((epoch - 1) / (epochs - 1), self.end))
        train_network.train_portions(self.run, epoch, targets, sgd)
        arrays = self.run.network.weights + self.run.network.biases
        for n, average in self.averages.items():
            if epoch > epochs - n:
                sums = average.weights + average.biases
                for mean, array in zip(sums, arrays, strict=True):
                    mean += array / n
        self.results.append(self.run.evaluate(self.run.dataset.test))

    def row(self) -> list[str]:
        """Its cells: at the last epoch, over the last ten, with averaged weights."""
        cells = [cell(self.results[-1])]
        cells.append(f"{np.mean([mistakes(r) for r in self.results[-10:]]):.1f}")
        for average in self.averages.values():
            run = Run(self.run.settings, average, self.run.dataset)
            cells.append(cell(run.evaluate(run.dataset.test)))
        return cells


def mistakes(result: Evaluation) -> int:
    return result.false_positives + result.false_negatives


def cell(result: Evaluation) -> str:
    return f"{mistakes(result)}/{1e4 * result.loss:.1f}"


def share_copies() -> None:
    """Let all runs of this process, which have one seed, see the same copies."""
    make_copies = train_network.images_of
    kept: dict[int, list[np.ndarray]] = {}  # by epoch, the last one alone

    def images_of(run: Run, epoch: int, portions: Sequence[np.ndarray]) -> list:
        if epoch not in kept:
            kept.clear()
            kept[epoch] = list(make_copies(run, epoch, portions))
        return kept[epoch]

    train_network.images_of = images_of


def try_schedules(settings: Settings) -> list[list[str]]:
    """A row of cells for each schedule, of one seed."""
    share_copies()
    train = load_dataset(source="mnist", train_size=None).train
    n = len(train.digits) - HELD_OUT
    held_out = Split(train.images[n:], train.digits[n:])
    dataset = Dataset("MNIST's training images", train.first(n), held_out)
    targets = dataset.train.targets(settings.digit)
    candidates = [Candidate(settings, schedule, dataset) for schedule in SCHEDULES]
    for epoch in range(1, settings.epochs + 1):
        for candidate in candidates:
            candidate.train(epoch, targets)
        counts = [mistakes(candidate.results[-1]) for candidate in candidates]
        line = f"seed {settings.seed}, epoch {epoch}: mistakes {counts}"
        print(line, file=sys.stderr, flush=True)
    return [candidate.row() for candidate in candidates]


def main() -> None:
    settings = [replace(BEST, seed=seed) for seed in SEEDS]
    with ProcessPoolExecutor(len(SEEDS)) as pool:
        tables = list(pool.map(try_schedules, settings))
    measure.print_header(
        "schedule",
        "last epoch, mistakes / MSE",
        "mean of ten",
        *(f"weights of {n} epochs averaged" for n in AVERAGED),
        title=f"{EPOCHS} epochs, the rate falls from {START:g}; seeds 0, 1, 2",
    )
    for (shape, end), *rows in zip(SCHEDULES, *tables, strict=True):
        name = f"{shape.__name__} to {end:g}"
        measure.print_row(name, *map(", ".join, zip(*rows, strict=True)))


if __name__ == "__main__":
    main()
