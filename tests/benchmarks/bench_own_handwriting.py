"""Does a picture of a digit get the decision that the digit itself got?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_own_handwriting.py

500 of MNIST's test images 5,000 to 9,999, which nothing was tuned on, are pasted as dark ink on
white, scaled 3 to 10 times, off centre, under a light gradient, and go the way of --image. The
network is the lab's. Also: rows of ten digits, which must give ten boxes in reading order.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from mnist_loader import find_digits, load_dataset
from neural_network import SGD, NeuralNetwork

PICTURES, ROWS = 500, 100
FIRST_UNTOUCHED = 5000
LIGHT = 0.7  # of the dark side, where the light side is 1
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}


def pasted(image: np.ndarray, rng: np.random.Generator, resampling: int) -> np.ndarray:
    """An image (784,) as ink, enlarged and put somewhere on a larger sheet: (h, w) in [0, 1]."""
    side = 28 * int(rng.integers(3, 11))
    digit = Image.fromarray(np.rint(255 * image.reshape(28, 28)).astype(np.uint8))
    ink = np.zeros([side + int(rng.integers(10, 200)) for _ in "hw"])
    top, left = (int(rng.integers(0, length - side)) for length in ink.shape)
    enlarged = np.asarray(digit.resize((side, side), resampling)) / 255
    ink[top : top + side, left : left + side] = enlarged
    return ink


def as_photo(ink: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    light = np.linspace(1, LIGHT, ink.shape[1]) * (1 - ink) + rng.normal(0, noise, ink.shape)
    return np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)


def agreement(
    network: NeuralNetwork, images: np.ndarray, draw: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """The share of pictures with the original's decision: of all, and of those called 8."""
    expected = network.predict(images)
    agreed = np.zeros(len(images), bool)
    for place, image in enumerate(images):
        found = find_digits(draw(image))
        agreed[place] = (
            len(found) == 1 and network.predict(found[0].image[np.newaxis])[0] == expected[place]
        )
    return agreed.mean(), agreed[expected].mean()


def main() -> None:
    dataset = load_dataset(source="mnist", test_size=None)
    network = NeuralNetwork()
    for _ in range(15):
        network.train_epoch(dataset.train.images, dataset.train.targets(), SGD())
    rng = np.random.default_rng(0)
    test = dataset.test.images[FIRST_UNTOUCHED:]
    images = test[rng.choice(len(test), PICTURES, replace=False)]
    called = int(network.predict(images).sum())
    print(f"| {PICTURES} pictures | same decision | same, of the {called} called 8 |")
    print("|---|---|---|")
    for name, resampling in FILTERS.items():
        for noise in (0.0, 0.05) if name == "bicubic" else (0.0,):
            shares = agreement(
                network,
                images,
                lambda image: as_photo(pasted(image, rng, resampling), noise, rng),  # noqa: B023
            )
            title = f"enlarged by {name}" + (f", noise {noise:g}" if noise else "")
            print(f"| {title} | {shares[0]:.1%} | {shares[1]:.1%} |", flush=True)

    whole = 0
    for _ in range(ROWS):
        digits = test[rng.choice(len(test), 10, replace=False)].reshape(10, 28, 28)
        row = np.hstack(digits).repeat(4, axis=0).repeat(4, axis=1)
        found = find_digits(np.rint(255 * (1 - row)).astype(np.uint8))
        whole += [digit.box[0] // (28 * 4) for digit in found] == list(range(10))
    print(f"\nRows of ten digits that give ten boxes in reading order: {whole} of {ROWS}")


if __name__ == "__main__":
    main()
