"""Where digits come from: IDX files, gzipped or plain, turned into what a network learns from.

An image becomes a row of 784 numbers in [0, 1], row by row from the top left; a label stays the
digit that it is until `Split.targets` asks which images show the one digit to recognise.

The format is the one of http://yann.lecun.com/exdb/mnist/: two zero bytes, a type byte, the number
of dimensions, their sizes as big-endian uint32, then the data, row-major.
"""

from __future__ import annotations

import gzip
import math
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from utils import UserError

# Where the four MNIST files are: $MNIST_DATA_DIR, or data/ beside this file, or set your own path
# here.
DATA_DIR = Path(os.environ.get("MNIST_DATA_DIR") or Path(__file__).resolve().parent / "data")

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE
FULL_INK = 255  # the largest value of a pixel's byte
DIGITS = 10

IDX_TYPES = {
    0x08: "unsigned byte",
    0x09: "signed byte",
    0x0B: "int16",
    0x0C: "int32",
    0x0D: "float32",
    0x0E: "float64",
}
UNSIGNED_BYTE = 0x08  # the one type that MNIST uses
GZIP_MAGIC = b"\x1f\x8b"
READ_CHUNK = 1 << 18  # a header's promise costs no more memory than this until the data is there

TRAIN_FILES = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
TEST_FILES = ("t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz")


class DatasetError(UserError):
    """Data that cannot be used; one line that says which file, what is wrong, what to do."""


class Split(NamedTuple):
    """The training or the test part of a data set."""

    images: np.ndarray  # float32 (n, 784), 0 paper to 1 full ink
    digits: np.ndarray  # uint8 (n,), 0 to 9

    def targets(self, digit: int = 8) -> np.ndarray:
        """The right answers, float32 (n,): 1.0 where the image shows `digit`, else 0.0."""
        return (self.digits == digit).astype(np.float32)


class Dataset(NamedTuple):
    """A training and a test split from one source."""

    name: str  # "MNIST" or "sample"
    train: Split
    test: Split


def read_idx(path: str | Path, limit: int | None = None) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or plain.

    Parameters
    ----------
    path
        The file. Whether it is gzipped is seen from its first bytes, not from its name.
    limit
        Read only the first so many items of the first axis, and no more of the file than they
        take; damage behind them then goes unnoticed. None reads, and checks, the file to its end.

    Returns
    -------
    uint8 array of the header's shape, its first axis cut to `limit`.

    Raises
    ------
    DatasetError
        If the file is missing, unreadable, damaged or not IDX of unsigned bytes.
    """
    return _read_idx(Path(path), limit)[0]


def load_dataset(
    data_dir: str | Path | None = None,
    source: str = "auto",
    train_size: int | None = 5000,
    test_size: int | None = 1000,
) -> Dataset:
    """Load MNIST's images and digits.

    Parameters
    ----------
    data_dir
        The directory of the four files; None is `DATA_DIR`.
    source
        "mnist" or "auto".
    train_size, test_size
        How many images, the first ones in file order; None is all of them.

    Raises
    ------
    DatasetError
        If a file is missing, damaged, or does not hold what its name says.
    ValueError
        If an argument is none of the above.
    """
    if source not in ("auto", "mnist"):
        raise ValueError(f'source is {source!r}; it must be "auto" or "mnist"')
    directory = Path(DATA_DIR if data_dir is None else data_dir)
    paths = _find_files(directory)
    return Dataset(
        "MNIST",
        _read_split(*paths[:2], train_size, "training"),
        _read_split(*paths[2:], test_size, "test"),
    )


def _find_files(directory: Path) -> list[Path]:
    """The paths of the four files in their order, each gzipped or else unpacked."""
    found, missing = [], []
    for name in TRAIN_FILES + TEST_FILES:
        candidates = directory / name, directory / name.removesuffix(".gz")
        present = [path for path in candidates if os.path.lexists(path)]
        found += present[:1]
        missing += [] if present else [name]
    if missing:
        raise DatasetError(
            f"{directory} lacks {', '.join(missing)}; see data/README.md for where to get the "
            "files, or name their directory with --data-dir or MNIST_DATA_DIR"
        )
    return found


def _read_split(images_path: Path, labels_path: Path, size: int | None, part: str) -> Split:
    """Read the first `size` images and their digits, and check that they belong together."""
    if size is not None and size < 1:
        raise ValueError(f"the {part} size is {size}; it must be at least 1, or None for all")
    digits, (labels_promised, *_) = _read_idx(labels_path, size, dimensions=1)
    pixels, (images_promised, *sides) = _read_idx(images_path, size, dimensions=3)
    if sides != [IMAGE_SIDE, IMAGE_SIDE]:
        raise DatasetError(
            f"{images_path}: its images are {sides[0]}x{sides[1]} pixels, not "
            f"{IMAGE_SIDE}x{IMAGE_SIDE}; this is not MNIST, get the original file"
        )
    if images_promised != labels_promised:
        raise DatasetError(
            f"{images_path} holds {images_promised} images, {labels_path.name} {labels_promised} "
            "labels; they do not belong together, get both again from one source"
        )
    if not images_promised:
        raise DatasetError(f"{images_path}: it holds no images; get the original file")
    if size is not None and size > images_promised:
        raise DatasetError(
            f"{images_path} holds {images_promised} images, {size} are asked for; "
            f'ask for {images_promised} {part} images or fewer, or for "all"'
        )
    if digits.max() >= DIGITS:
        place = int(np.argmax(digits >= DIGITS))
        raise DatasetError(
            f"{labels_path}: label {place} is {digits[place]}, not a digit from 0 to 9; "
            "get the original file"
        )
    images = np.divide(pixels.reshape(len(pixels), PIXELS), FULL_INK, dtype=np.float32)
    return Split(images, digits)


def _read_idx(
    path: Path, limit: int | None, dimensions: int | None = None
) -> tuple[np.ndarray, tuple[int, ...]]:
    """`read_idx`, which also gives the header's shape and can insist on a number of dimensions."""
    if limit is not None and limit < 0:
        raise ValueError(f"limit is {limit}; it must not be negative, or None for all")
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would block, a directory cannot be read
            raise DatasetError(f"{path} is not a file; put the IDX file in its place")
        with path.open("rb") as raw:
            zipped = raw.read(len(GZIP_MAGIC)) == GZIP_MAGIC
            raw.seek(0)
            if not zipped:
                return _parse_idx(raw, path, limit, dimensions)
            with gzip.GzipFile(fileobj=raw) as stream:
                return _parse_idx(stream, path, limit, dimensions)
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist; see data/README.md") from error
    except (gzip.BadGzipFile, zlib.error) as error:
        raise DatasetError(f"{path}: damaged gzip data ({error}); get the file again") from error
    except EOFError as error:
        raise DatasetError(f"{path}: the gzip data ends early; get the file again") from error
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _parse_idx(
    stream: BinaryIO, path: Path, limit: int | None, dimensions: int | None
) -> tuple[np.ndarray, tuple[int, ...]]:
    shape = _read_header(stream, path)
    if dimensions is not None and len(shape) != dimensions:
        content = {1: "labels", 3: "images"}
        raise DatasetError(
            f"{path}: holds {content.get(len(shape), f'{len(shape)}-dimensional data')}, "
            f"{content[dimensions]} are expected; are two files interchanged?"
        )
    whole = limit is None or limit >= shape[0]
    wanted_shape = shape if whole else (limit, *shape[1:])
    wanted = math.prod(wanted_shape)
    data = _read_up_to(stream, wanted)
    if len(data) < wanted:
        raise DatasetError(
            f"{path}: truncated: the header promises {'x'.join(map(str, shape))} bytes, "
            f"{len(data)} of the {wanted} to read are there; get the file again"
        )
    if whole and stream.read(1):
        raise DatasetError(
            f"{path}: bytes follow after the {'x'.join(map(str, shape))} that the header promises; "
            "get the file again"
        )
    try:
        return np.frombuffer(data, np.uint8).reshape(wanted_shape), shape
    except ValueError as error:  # sizes such as 0 x 2^32 x 2^32, empty but past NumPy's limits
        raise DatasetError(
            f"{path}: the header's sizes {'x'.join(map(str, shape))} make no array; "
            "get the file again"
        ) from error


def _read_header(stream: BinaryIO, path: Path) -> tuple[int, ...]:
    """Read the magic number and the sizes, and return the sizes."""
    magic = stream.read(4)
    if not magic:
        raise DatasetError(f"{path}: the file is empty; get it again")
    if magic[:2] != b"\0\0"[: len(magic)]:
        raise DatasetError(
            f"{path}: neither gzip nor IDX, it begins with {magic.hex(' ')} where IDX has 00 00; "
            "a web page saved in the file's place? get the file again"
        )
    if len(magic) < 4:
        raise DatasetError(f"{path}: truncated within the header; get the file again")
    kind, dimensions = magic[2:]
    if kind != UNSIGNED_BYTE:
        raise DatasetError(
            f"{path}: holds data of type 0x{kind:02x} ({IDX_TYPES.get(kind, 'unknown to IDX')}); "
            "MNIST is unsigned bytes (0x08)"
        )
    if not dimensions:
        raise DatasetError(f"{path}: the header gives no dimensions; get the file again")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise DatasetError(f"{path}: truncated within the header; get the file again")
    return tuple(np.frombuffer(sizes, ">u4").tolist())


def _read_up_to(stream: BinaryIO, size: int) -> bytearray:
    """Read `size` bytes, or what there is: memory grows with the data, not with the promise."""
    data = bytearray()
    while len(data) < size and (chunk := stream.read(min(READ_CHUNK, size - len(data)))):
        data += chunk
    return data
