"""The block form beside a compiled loop over all 784 inputs, in one run; needs a C compiler.

    MNIST_DATA_DIR=... python tests/benchmarks/bench_compiled.py

The loop is the lab's update in C, float32, dense, built for this very processor; both train the
lab's 75,000 updates in the same order.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import ctypes
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork

EPOCHS, ROUNDS, RATE = 15, 3, 0.01
SOURCE = r"""
#include <math.h>
enum { K = 784, H = 64 };
double train(const float *x, const float *y, const int *order, int n, float rate,
             float *w1, float *b1, float *w2, float *b2) {
    double loss = 0;
    for (int s = 0; s < n; s++) {
        const float *input = x + (long)order[s] * K;
        float z[H], a[H], d[H], z2 = *b2;
        for (int j = 0; j < H; j++) z[j] = b1[j];
        for (int k = 0; k < K; k++)
            for (int j = 0; j < H; j++) z[j] += input[k] * w1[k * H + j];
        for (int j = 0; j < H; j++) { a[j] = tanhf(z[j]); z2 += a[j] * w2[j]; }
        float output = 1 / (1 + expf(-z2)), error = output - y[order[s]];
        float step = rate * 2 * error * output * (1 - output);
        for (int j = 0; j < H; j++) {
            d[j] = step * w2[j] * (1 - a[j] * a[j]);
            w2[j] -= step * a[j];
            b1[j] -= d[j];
        }
        *b2 -= step;
        for (int k = 0; k < K; k++)
            for (int j = 0; j < H; j++) w1[k * H + j] -= input[k] * d[j];
        loss += error * error;
    }
    return loss / n;
}
"""


def build(directory: Path) -> ctypes.CDLL:
    compiler = shutil.which("cc") or shutil.which("gcc") or sys.exit("no C compiler here")
    (directory / "loop.c").write_text(SOURCE)
    command = [compiler, "-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
    subprocess.run([*command, "loop.c", "-o", "loop.so", "-lm"], cwd=directory, check=True)
    library = ctypes.CDLL(str(directory / "loop.so"))
    library.train.restype = ctypes.c_double
    return library


def main() -> None:
    train = load_dataset(source="mnist").train
    x, y = train.images, train.targets()
    orders = [np.random.default_rng(epoch).permutation(len(x)) for epoch in range(EPOCHS)]
    whole_order = np.concatenate(orders).astype(np.int32)
    with tempfile.TemporaryDirectory() as directory:
        library = build(Path(directory))
        print("| round | compiled dense loop, s | block form, s | largest change of a weight |")
        print("|---|---|---|---|")
        for number in range(1, ROUNDS + 1):
            network, start = NeuralNetwork(), NeuralNetwork()
            (w1, w2), (b1, b2) = start.weights, start.biases
            arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (x, y, whole_order)]
            own = [array.ctypes.data_as(ctypes.c_void_p) for array in (w1, b1, w2, b2)]
            rate = ctypes.c_float(RATE)
            begin = time.perf_counter()
            library.train(*arrays, len(whole_order), rate, *own)
            middle = time.perf_counter()
            for order in orders:
                network.train_epoch(x, y, SGD(RATE), order)
            end = time.perf_counter()
            difference = np.abs(network.weights[0] - w1).max()
            print(f"| {number} | {middle - begin:.2f} | {end - middle:.2f} | {difference:.0e} |")


if __name__ == "__main__":
    main()
