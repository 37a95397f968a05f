"""The lab's network in other people's hands: one epoch of 5,000 images, side by side.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_peers.py

Uses PyTorch, scikit-learn and a C compiler where they are installed, and says where
they are not. The loop in C is the lab's update, float32, over all 784 inputs, built for
this very processor. Epochs alternate; the best of a few counts. One thread each.
"""

from __future__ import annotations

import ctypes
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

from measure import best_of, print_header, print_row  # isort: split

import numpy as np
from bench_training import TextbookNetwork

from mnist_loader import load_dataset
from neural_network import NeuralNetwork

ROUNDS = 5
RATE = 0.01
LOOP_IN_C = r"""
#include <math.h>
enum { K = 784, H = 64 };
void train(const float *x, const float *y, const long *order, long n, float rate,
           float *w1, float *b1, float *w2, float *b2) {
    for (long s = 0; s < n; s++) {
        const float *input = x + order[s] * K;
        float z[H], a[H], d[H], z2 = *b2;
        for (int j = 0; j < H; j++) z[j] = b1[j];
        for (int k = 0; k < K; k++)
            for (int j = 0; j < H; j++) z[j] += input[k] * w1[k * H + j];
        for (int j = 0; j < H; j++) { a[j] = tanhf(z[j]); z2 += a[j] * w2[j]; }
        float output = 1 / (1 + expf(-z2));
        float step = rate * 2 * (output - y[order[s]]) * output * (1 - output);
        for (int j = 0; j < H; j++) {
            d[j] = step * w2[j] * (1 - a[j] * a[j]);
            w2[j] -= step * a[j];
            b1[j] -= d[j];
        }
        *b2 -= step;
        for (int k = 0; k < K; k++)
            for (int j = 0; j < H; j++) w1[k * H + j] -= input[k] * d[j];
    }
}
"""
Epoch = Callable[[], object]


def block_form(x: np.ndarray, y: np.ndarray) -> Epoch:
    network = NeuralNetwork()
    return lambda: network.train_epoch(x, y)


def textbook_loop(x: np.ndarray, y: np.ndarray) -> Epoch:
    network = TextbookNetwork(NeuralNetwork())
    order = np.random.default_rng(0).permutation(len(x))
    return lambda: network.train_epoch(x, y, np.float32(RATE), order)


def compiled_loop(x: np.ndarray, y: np.ndarray) -> Epoch:
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "loop.c").write_text(LOOP_IN_C)
        command = ["cc", "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
        subprocess.run(
            [*command, "loop.c", "-o", "loop.so", "-lm"], cwd=directory, check=True
        )
        library = ctypes.CDLL(f"{directory}/loop.so")
    network = NeuralNetwork()
    hidden, output = network.layers
    order = np.random.default_rng(0).permutation(len(x))

    def train() -> None:
        library.train(
            address(x),
            address(y),
            address(order),
            ctypes.c_long(len(x)),
            ctypes.c_float(RATE),
            address(hidden.w),
            address(hidden.b),
            address(output.w),
            address(output.b),
        )

    return train


def address(array: np.ndarray) -> ctypes.c_void_p:
    return array.ctypes.data_as(ctypes.c_void_p)


def pytorch(batch: int) -> Callable[[np.ndarray, np.ndarray], Epoch]:
    def start(x: np.ndarray, y: np.ndarray) -> Epoch:
        import torch

        torch.set_num_threads(1)
        inputs = torch.from_numpy(x)
        targets = torch.from_numpy(y)[:, None]
        layers = torch.nn.Linear(784, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1)
        model = torch.nn.Sequential(*layers, torch.nn.Sigmoid())
        optimizer = torch.optim.SGD(model.parameters(), lr=RATE)

        def epoch() -> None:
            for rows in torch.randperm(len(x)).split(batch):
                optimizer.zero_grad()
                loss = torch.nn.functional.mse_loss(model(inputs[rows]), targets[rows])
                loss.backward()
                optimizer.step()

        return epoch

    return start


def scikit_learn(x: np.ndarray, y: np.ndarray) -> Epoch:
    from sklearn.neural_network import MLPClassifier

    warnings.filterwarnings("ignore", module="sklearn")  # one epoch does not converge
    settings = {"solver": "sgd", "momentum": 0, "alpha": 0, "learning_rate_init": RATE}
    model = MLPClassifier(
        (64,), "tanh", batch_size=1, max_iter=1, warm_start=True, **settings
    )
    return lambda: model.fit(x, y)


PEERS = {
    "ours, per-sample SGD by the block form": block_form,
    "textbook loop in NumPy, float32": textbook_loop,
    "loop in C, float32, all inputs": compiled_loop,
    "PyTorch, batches of one": pytorch(1),
    "PyTorch, batches of 64 (another algorithm: 64 times fewer updates)": pytorch(64),
    "scikit-learn's MLPClassifier, batches of one (log-loss)": scikit_learn,
}


def main() -> None:
    train = load_dataset(source="mnist").train
    epochs: dict[str, Epoch] = {}
    for name, start in PEERS.items():
        try:
            epochs[name] = start(train.images, train.targets())
        except (ImportError, FileNotFoundError) as error:
            print(f"left out, not installed: {name} ({error})", file=sys.stderr)
    best = best_of(ROUNDS, epochs.values())
    print_header("", "us a sample", "times ours")
    for name, spent in zip(epochs, best, strict=True):
        microseconds = 1e6 * spent / len(train.images)
        print_row(name, f"{microseconds:.1f}", f"{spent / best[0]:.1f}")


if __name__ == "__main__":
    main()
