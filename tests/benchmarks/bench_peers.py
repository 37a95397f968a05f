"""The lab's network in other people's hands: one epoch of 5,000 images, side by side in one run.

    MNIST_DATA_DIR=../shared/mnist python tests/benchmarks/bench_peers.py

Uses PyTorch and scikit-learn where they are installed and says where they are not. Epochs
alternate, so that a busy moment hits all alike; the best of a few counts. One thread each.
"""

from __future__ import annotations

import os

for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from bench_training import TextbookNetwork

from mnist_loader import load_dataset
from neural_network import NeuralNetwork

ROUNDS = 3
RATE = 0.01
Epoch = Callable[[], object]


def block_form(x: np.ndarray, y: np.ndarray) -> Epoch:
    network = NeuralNetwork()
    return lambda: network.train_epoch(x, y)


def textbook_loop(x: np.ndarray, y: np.ndarray) -> Epoch:
    network = TextbookNetwork(NeuralNetwork())
    order = np.random.default_rng(0).permutation(len(x))
    return lambda: network.train_epoch(x, y, np.float32(RATE), order)


def pytorch(batch: int) -> Callable[[np.ndarray, np.ndarray], Epoch]:
    def start(x: np.ndarray, y: np.ndarray) -> Epoch:
        import torch

        torch.set_num_threads(1)
        inputs, targets = torch.from_numpy(x), torch.from_numpy(y)[:, None]
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
    model = MLPClassifier((64,), "tanh", batch_size=1, max_iter=1, warm_start=True, **settings)
    return lambda: model.fit(x, y)


PEERS = {
    "ours, per-sample SGD by the block form": block_form,
    "textbook loop in NumPy, float32": textbook_loop,
    "PyTorch, batches of one": pytorch(1),
    "PyTorch, batches of 64 (another algorithm: 64 times fewer updates)": pytorch(64),
    "scikit-learn's MLPClassifier, batches of one (log-loss)": scikit_learn,
}


def main() -> None:
    train = load_dataset(source="mnist").train
    x, y = train.images, train.targets()
    epochs: dict[str, Epoch] = {}
    for name, start in PEERS.items():
        try:
            epochs[name] = start(x, y)
        except ImportError as error:
            print(f"left out, not installed: {name} ({error})", file=sys.stderr)
    best = dict.fromkeys(epochs, np.inf)
    for _ in range(ROUNDS):
        for name, epoch in epochs.items():
            start_time = time.perf_counter()
            epoch()
            best[name] = min(best[name], time.perf_counter() - start_time)
    ours = next(iter(best.values()))
    print("| | us a sample | times ours |\n|---|---|---|")
    for name, seconds in best.items():
        print(f"| {name} | {1e6 * seconds / len(x):.1f} | {seconds / ours:.1f} |")


if __name__ == "__main__":
    main()
