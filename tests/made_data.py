"""Small made data sets in MNIST's format: tests need neither MNIST nor a network.

The digits are those of a seven-segment display, drawn at a random place and strength:
every digit differs from the others, an 8 is the one with all segments lit, and a small
network can learn them.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

TRAIN_IMAGES = "train-images-idx3-ubyte.gz"
TRAIN_LABELS = "train-labels-idx1-ubyte.gz"
TEST_IMAGES = "t10k-images-idx3-ubyte.gz"
TEST_LABELS = "t10k-labels-idx1-ubyte.gz"
MNIST_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

SIDE = 28
DIGIT_HEIGHT = 18
DIGIT_WIDTH = 12
# The rows and columns of each segment: top, top left, top right, middle, bottom left,
# bottom right, bottom
SEGMENTS = [
    (slice(0, 2), slice(0, 12)),
    (slice(0, 9), slice(0, 2)),
    (slice(0, 9), slice(10, 12)),
    (slice(8, 10), slice(0, 12)),
    (slice(9, 18), slice(0, 2)),
    (slice(9, 18), slice(10, 12)),
    (slice(16, 18), slice(0, 12)),
]
# Which of them each digit lights, in that order
LIT = {
    0: "1110111",
    1: "0010010",
    2: "1011101",
    3: "1011011",
    4: "0111010",
    5: "1101011",
    6: "1101111",
    7: "1010010",
    8: "1111111",
    9: "1111011",
}


def made_images(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Seven-segment digits, uint8 (n, 28, 28), one a label."""
    rng = np.random.default_rng(seed)
    images = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(3, 8, 2)
        digit = image[top : top + DIGIT_HEIGHT, left : left + DIGIT_WIDTH]
        for is_lit, (rows, columns) in zip(LIT[int(label)], SEGMENTS, strict=True):
            if is_lit == "1":
                digit[rows, columns] = rng.integers(128, 256)
    return images


def idx_bytes(array: np.ndarray) -> bytes:
    """An IDX file's content, written from the format's description alone."""
    header = struct.pack(f">HBB{array.ndim}I", 0, 0x08, array.ndim, *array.shape)
    return header + array.tobytes()


def write_idx(path: Path, array: np.ndarray) -> Path:
    """Write an IDX file, gzipped where the name ends in .gz."""
    content = idx_bytes(array)
    if path.suffix == ".gz":
        content = gzip.compress(content, mtime=0)
    path.write_bytes(content)
    return path


def write_dataset(
    directory: Path, train: int = 120, test: int = 60, *, seed: int = 0
) -> Path:
    """Write the four files of a made data set; its labels go 0, 1, ... 9, 0, 1, ..."""
    directory.mkdir(parents=True, exist_ok=True)
    _write_split(directory, TRAIN_IMAGES, TRAIN_LABELS, train, seed)
    # Other test images than training images
    _write_split(directory, TEST_IMAGES, TEST_LABELS, test, seed + 1)
    return directory


def _write_split(
    directory: Path, images_name: str, labels_name: str, size: int, seed: int
) -> None:
    labels = (np.arange(size) % 10).astype(np.uint8)
    write_idx(directory / images_name, made_images(labels, seed))
    write_idx(directory / labels_name, labels)
