"""How fast, and how exact, is the block form of per-sample SGD? In one run, on MNIST.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_training.py

Prints tables in Markdown: the engine beside the textbook loop, the settings that make
it sweep more, and how its time grows (bench_whole_runs.py has the memory). Times are
the best of a few, so that a busy machine tells less; nothing here is a test.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, partial
from itertools import product

from measure import best_of, print_header, print_row, seconds  # isort: split

import numpy as np

import neural_network
from mnist_loader import Dataset, load_dataset
from neural_network import SGD, NeuralNetwork

LAB_EPOCHS = 15
EPOCHS = 3
DTYPES = ("float32", "float64")
LABS_RULE = SGD()
LOOP = "textbook loop"
BLOCKS = "block form"


class TextbookNetwork:
    """The lab's network as a good student writes it: vectors, updates in place."""

    def __init__(self, network: NeuralNetwork):
        hidden, output = network.layers
        self.w1 = hidden.w.copy()
        self.b1 = hidden.b.copy()
        self.w2 = output.w[:, 0].copy()
        self.b2 = output.b.copy()

    @property
    def weights(self) -> list[np.ndarray]:
        return [self.w1, self.w2[:, np.newaxis]]

    def train_epoch(
        self, x: np.ndarray, y: np.ndarray, eta: float, order: np.ndarray
    ) -> None:
        for i in order:
            a1 = np.tanh(x[i] @ self.w1 + self.b1)
            a2 = 1 / (1 + np.exp(-(a1 @ self.w2 + self.b2[0])))
            d_output = 2 * (a2 - y[i]) * a2 * (1 - a2)
            d_hidden = d_output * self.w2 * (1 - a1 * a1)
            self.w2 -= eta * d_output * a1
            self.b2 -= eta * d_output
            self.w1 -= eta * np.outer(x[i], d_hidden)
            self.b1 -= eta * d_hidden


@contextmanager
def counted_sweeps() -> Iterator[list[int]]:
    """A list that grows by one in each sweep."""
    sweeps = []
    has_settled = neural_network._has_settled

    def count(*arrays: object) -> bool:
        sweeps.append(1)
        return has_settled(*arrays)

    neural_network._has_settled = count
    yield sweeps
    neural_network._has_settled = has_settled


def sweeps_a_block(sweeps: list[int], samples: int) -> float:
    blocks = math.ceil(samples / neural_network.BLOCK_SIZE)
    return len(sweeps) / (EPOCHS * blocks)


@cache
def mnist() -> Dataset:
    return load_dataset(source="mnist", train_size=None)


def images_and_targets(train_size: int) -> tuple[np.ndarray, np.ndarray]:
    train = mnist().train.first(train_size)
    return train.images, train.targets()


def update_seconds(
    train_size: int = 5000,
    hidden: tuple[int, ...] = (64,),
    dtype: str = "float32",
    sgd: SGD = LABS_RULE,
    dropout: float = 0.0,
    block_size: int = neural_network.BLOCK_SIZE,
) -> tuple[float, float]:
    """The best epoch's seconds an update, and the mean number of sweeps a block."""
    x, y = images_and_targets(train_size)
    network = NeuralNetwork((784, *hidden, 1), dtype=dtype, dropout=dropout)
    neural_network.BLOCK_SIZE = block_size
    with counted_sweeps() as sweeps:
        (best,) = best_of(EPOCHS, [lambda: network.train_epoch(x, y, sgd)])
    return best / train_size, sweeps_a_block(sweeps, train_size)


def against_the_textbook() -> None:
    """Alternating epochs of all four, so that a busy moment hits them alike."""
    x, y = images_and_targets(5000)
    start = NeuralNetwork()
    networks = {}
    for dtype in reversed(DTYPES):
        network = NeuralNetwork(dtype=dtype)
        for layer, w in zip(network.layers, start.weights, strict=True):
            layer.w[...] = w
        networks[LOOP, dtype] = TextbookNetwork(network)
        networks[BLOCKS, dtype] = network

    best = dict.fromkeys(networks, math.inf)
    sweeps = {kind: [] for kind in networks}
    for epoch, kind in product(range(EPOCHS), networks):
        form, dtype = kind
        order = np.random.default_rng(epoch).permutation(len(x))
        rate = np.dtype(dtype).type(LABS_RULE.learning_rate)
        rule = LABS_RULE if form == BLOCKS else rate
        samples = x.astype(dtype), y.astype(dtype)
        with counted_sweeps() as counted:
            spent = seconds(partial(networks[kind].train_epoch, *samples, rule, order))
        best[kind] = min(best[kind], spent)
        sweeps[kind] += counted

    print_header(
        *("", "seconds", "updates/s", "times as fast", "sweeps/block"),
        "largest change of a weight against the float64 loop",
        title=f"{EPOCHS} epochs of the lab's network in the same order, alternating; "
        f"seconds of the best epoch times {LAB_EPOCHS}",
    )
    truth = LOOP, "float64"
    for kind, network in networks.items():
        pairs = zip(network.weights, networks[truth].weights, strict=True)
        swept = sweeps_a_block(sweeps[kind], len(x))
        print_row(
            ", ".join(kind),
            f"{best[kind] * LAB_EPOCHS:.2f}",
            f"{len(x) / best[kind]:,.0f}",
            f"{best[truth] / best[kind]:.1f}",
            f"{swept:.1f}" if sweeps[kind] else "",
            f"{max(np.abs(w - true).max() for w, true in pairs):.0e}",
        )


# Each table's rows: what is other than in the lab's run. The title heads the first
# column.
TABLES = {
    "settings, float32": {
        "the lab's": {},
        "learning rate 0.001": {"sgd": SGD(0.001)},
        "learning rate 0.1": {"sgd": SGD(0.1)},
        "momentum 0.9": {"sgd": SGD(momentum=0.9)},
        "L2 1e-4": {"sgd": SGD(l2=1e-4)},
        "dropout 0.3": {"dropout": 0.3},
        "two hidden layers, 64 and 32": {"hidden": (64, 32)},
        "three hidden layers, 64, 32 and 16": {"hidden": (64, 32, 16)},
        "momentum 0.9, L2 1e-4, dropout 0.3, 64 and 32": {
            "sgd": SGD(momentum=0.9, l2=1e-4),
            "dropout": 0.3,
            "hidden": (64, 32),
        },
    },
    "training images": {
        f"{size:,}": {"train_size": size}
        for size in (1250, 2500, 5000, 10000, 20000, 40000, 60000)
    },
    "hidden units": {
        units: {"hidden": (units,)} for units in (16, 32, 64, 128, 256, 512)
    },
    "samples in a block": {
        f"{size}, {dtype}": {"block_size": size, "dtype": dtype}
        for dtype in DTYPES
        for size in (16, 32, 48, 64, 96, 128)
    },
}


def main() -> None:
    against_the_textbook()
    for title, rows in TABLES.items():
        print_header(title, "us/update", "sweeps/block")
        for name, options in rows.items():
            spent, sweeps = update_seconds(**options)
            print_row(name, f"{spent * 1e6:.1f}", f"{sweeps:.1f}")


if __name__ == "__main__":
    main()
