"""How fast, and how exact, is the block form of per-sample SGD? All in one run, on real MNIST.

    OPENBLAS_NUM_THREADS=1 MNIST_DATA_DIR=... python tests/benchmarks/bench_training.py

Prints tables in Markdown: the engine beside the textbook loop, the settings that make it sweep
more, and how its time grows (bench_whole_runs.py has the memory). Times are the best of a few, so
that a busy machine tells less; nothing here is a test.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before NumPy: the arrays are small
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import neural_network
from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork

LAB_EPOCHS = 15
COMPARED_EPOCHS = 3


class TextbookNetwork:
    """The lab's network as a good student writes it: vectors, in-place updates, no waste."""

    def __init__(self, network: NeuralNetwork):
        self.w1, w2 = (w.copy() for w in network.weights)
        self.b1, self.b2 = (b.copy() for b in network.biases)
        self.w2 = w2[:, 0].copy()

    def train_epoch(self, x: np.ndarray, y: np.ndarray, eta: float, order: np.ndarray) -> float:
        loss = 0.0
        for i in order:
            a1 = np.tanh(x[i] @ self.w1 + self.b1)
            a2 = 1 / (1 + np.exp(-(a1 @ self.w2 + self.b2[0])))
            error = a2 - y[i]
            d_output = 2 * error * a2 * (1 - a2)
            d_hidden = d_output * self.w2 * (1 - a1 * a1)
            self.w2 -= eta * d_output * a1
            self.b2 -= eta * d_output
            self.w1 -= eta * np.outer(x[i], d_hidden)
            self.b1 -= eta * d_hidden
            loss += error * error
        return loss / len(order)

    def largest_difference(self, network: NeuralNetwork) -> float:
        w1, w2 = network.weights
        return max(np.abs(self.w1 - w1).max(), np.abs(self.w2 - w2[:, 0]).max())


class SweepCounter:
    """Counts the sweeps by the one question after each, whether it changed anything."""

    def __enter__(self) -> SweepCounter:
        self.sweeps = 0
        self._all_close = neural_network._all_close
        neural_network._all_close = self._count
        return self

    def _count(self, *arrays: object) -> bool:
        self.sweeps += 1
        return self._all_close(*arrays)

    def __exit__(self, *_: object) -> None:
        neural_network._all_close = self._all_close


def seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def epoch_seconds(
    train_size: int = 5000,
    hidden: tuple[int, ...] = (64,),
    dtype: str = "float32",
    sgd: SGD | None = None,
    dropout: float = 0.0,
    epochs: int = 3,
) -> tuple[float, float]:
    """The best epoch's seconds, and the mean number of sweeps a block."""
    sgd = sgd or SGD()
    x, y = images_and_targets(train_size)
    network = NeuralNetwork((784, *hidden, 1), dtype=dtype, dropout=dropout)
    with SweepCounter() as counter:
        best = min(seconds(lambda: network.train_epoch(x, y, sgd)) for _ in range(epochs))
    blocks = epochs * -(-train_size // neural_network.BLOCK)
    return best, 1 + counter.sweeps / blocks  # nothing is asked after the first sweep


_data = None


def images_and_targets(train_size: int) -> tuple[np.ndarray, np.ndarray]:
    global _data
    if _data is None or len(_data.train.images) < train_size:
        _data = load_dataset(source="mnist", train_size=train_size)
    return _data.train.images[:train_size], _data.train.targets()[:train_size]


def print_row(*cells: object) -> None:
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


def print_header(title: str, *cells: str) -> None:
    print(f"\n{title}\n")
    print_row(*cells)
    print_row(*["---"] * len(cells))


def against_the_textbook() -> None:
    """Alternating epochs of both, so that a busy moment hits both alike."""
    print_header(
        f"{COMPARED_EPOCHS} epochs of the lab's network in the same order, alternating; seconds "
        f"of the best epoch times {LAB_EPOCHS}",
        "", "seconds", "updates/s", "times as fast", "sweeps/block",
        "largest change of a weight against the float64 loop",
    )  # fmt: skip
    x, y = images_and_targets(5000)
    orders = [np.random.default_rng(epoch).permutation(len(x)) for epoch in range(COMPARED_EPOCHS)]
    start = NeuralNetwork(dtype="float64")
    start.weights = [w.astype("float32").astype("float64") for w in start.weights]
    loops, engines, counts = {}, {}, {}
    best: dict[str, float] = {}
    for dtype in ("float64", "float32"):
        network = NeuralNetwork(dtype=dtype)
        network.weights = [w.astype(dtype) for w in start.weights]
        engines[dtype], loops[dtype], counts[dtype] = network, TextbookNetwork(network), 0
    for order in orders:
        for dtype in ("float64", "float32"):
            x_typed, y_typed = x.astype(dtype), y.astype(dtype)
            rate = np.dtype(dtype).type(0.01)
            names = f"textbook loop, {dtype}", f"block form, {dtype}"
            loop, network = loops[dtype], engines[dtype]
            spent = seconds(lambda: loop.train_epoch(x_typed, y_typed, rate, order))  # noqa: B023
            with SweepCounter() as counter:
                spent_engine = seconds(lambda: network.train_epoch(x, y, SGD(), order))  # noqa: B023
            counts[dtype] += counter.sweeps
            for name, value in zip(names, (spent, spent_engine), strict=True):
                best[name] = min(best.get(name, np.inf), value)
    truth = loops["float64"]
    reference = best["textbook loop, float64"]
    blocks = COMPARED_EPOCHS * -(-len(x) // neural_network.BLOCK)
    for dtype in ("float64", "float32"):
        for kind in ("textbook loop", "block form"):
            spent = best[f"{kind}, {dtype}"]
            sweeps = f"{1 + counts[dtype] / blocks:.1f}" if kind == "block form" else ""
            if kind == "block form":
                difference = truth.largest_difference(engines[dtype])
            else:
                loop = loops[dtype]
                difference = np.abs(loop.w1 - truth.w1).max()
            print_row(
                f"{kind}, {dtype}",
                f"{spent * LAB_EPOCHS:.2f}",
                f"{len(x) / spent:,.0f}",
                f"{reference / spent:.1f}",
                sweeps,
                f"{difference:.0e}",
            )


def settings() -> None:
    print_header("Settings, float32", "", "us/update", "sweeps/block")
    for name, options in {
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
    }.items():
        spent, sweeps = epoch_seconds(**options)
        print_row(name, f"{spent / 5000 * 1e6:.1f}", f"{sweeps:.1f}")


def growth() -> None:
    print_header("Training size (lab's network, float32)", "images", "us/update", "s/epoch")
    for size in (1250, 2500, 5000, 10000, 20000, 40000, 60000):
        spent, _ = epoch_seconds(size)
        print_row(f"{size:,}", f"{spent / size * 1e6:.1f}", f"{spent:.3f}")
    print_header("Hidden size (5,000 images, float32)", "units", "us/update", "sweeps/block")
    for units in (16, 32, 64, 128, 256, 512):
        spent, sweeps = epoch_seconds(hidden=(units,))
        print_row(units, f"{spent / 5000 * 1e6:.1f}", f"{sweeps:.1f}")
    print_header(
        "Block length (lab's network)", "samples", "float32 us/update", "float64 us/update"
    )
    usual = neural_network.BLOCK
    for block in (16, 32, 48, 64, 96, 128):
        neural_network.BLOCK = block
        cells = [epoch_seconds(dtype=dtype)[0] / 5000 * 1e6 for dtype in ("float32", "float64")]
        print_row(block, *(f"{cell:.1f}" for cell in cells))
    neural_network.BLOCK = usual


def main() -> None:
    against_the_textbook()
    settings()
    growth()


if __name__ == "__main__":
    main()
