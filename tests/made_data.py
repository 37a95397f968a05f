"""Small made data sets in MNIST's format, so that tests need neither MNIST nor a network.

The digits are those of a seven-segment display, drawn at a random place and strength: every digit
differs from the others, an 8 is the one with all segments lit, and a small network can learn them.
"""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import numpy as np

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"
MNIST_FILES = (TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS)

SIDE = 28
# Which segments each digit lights: top, top left, top right, middle, bottom left, bottom right,
# bottom; and the rows and columns of each, of an 18 x 12 digit.
LIT = ["1110111", "0010010", "1011101", "1011011", "0111010"]
LIT += ["1101011", "1101111", "1010010", "1111111", "1111011"]
SEGMENTS = [
    (slice(0, 2), slice(0, 12)),
    (slice(0, 9), slice(0, 2)),
    (slice(0, 9), slice(10, 12)),
    (slice(8, 10), slice(0, 12)),
    (slice(9, 18), slice(0, 2)),
    (slice(9, 18), slice(10, 12)),
    (slice(16, 18), slice(0, 12)),
]


def made_images(labels: np.ndarray, seed: int = 0) -> np.ndarray:
    """Seven-segment digits, uint8 (n, 28, 28), one a label."""
    rng = np.random.default_rng(seed)
    images = np.zeros((len(labels), SIDE, SIDE), np.uint8)
    for image, label in zip(images, labels, strict=True):
        top, left = rng.integers(3, 8, 2)
        digit = image[top : top + 18, left : left + 12]
        for is_lit, (rows, columns) in zip(LIT[label], SEGMENTS, strict=True):
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
    path.write_bytes(
        gzip.compress(content, mtime=0) if path.suffix == ".gz" else content
    )
    return path


def write_dataset(
    directory: Path,
    train: int = 120,
    test: int = 60,
    *,
    gzipped: bool = True,
    seed: int = 0,
) -> Path:
    """Write the four files of a made data set; its labels go 0, 1, ... 9, 0, 1, ..."""
    directory.mkdir(parents=True, exist_ok=True)
    for images_name, labels_name, size in (
        (TRAIN_IMAGES, TRAIN_LABELS, train),
        (TEST_IMAGES, TEST_LABELS, test),
    ):
        labels = (np.arange(size) % 10).astype(np.uint8)
        for name, array in (
            (images_name, made_images(labels, seed)),
            (labels_name, labels),
        ):
            write_idx(
                directory / (name if gzipped else name.removesuffix(".gz")), array
            )
        seed += 1  # other test images than training images
    return directory
