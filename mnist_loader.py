"""Where digits come from: IDX files, gzipped or plain, turned into what a network learns from.

An image becomes a row of 784 numbers in [0, 1], row by row from the top left; a label stays the
digit that it is until `Split.targets` asks which images show the one digit to recognise.

The format is the one of http://yann.lecun.com/exdb/mnist/: two zero bytes, a type byte, the number
of dimensions, their sizes as big-endian uint32, then the data, row-major.

    python mnist_loader.py          download MNIST, verify it and say what it holds
"""

from __future__ import annotations

import gzip
import hashlib
import itertools
import math
import os
import stat
import sys
import threading
import time
import urllib.error
import urllib.request
import warnings
import zlib
from collections.abc import Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

from utils import (
    EXIT_DONE,
    ArgumentParser,
    Progress,
    RunLog,
    SettingError,
    UserError,
    atomic_write,
    connect,
    connected_components,
    run_script,
)

if TYPE_CHECKING:
    from PIL import Image

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

# The files of LeCun, Cortes and Burges: bytes and SHA-256.
MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        9912422,
        "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    ),
    "train-labels-idx1-ubyte.gz": (
        28881,
        "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    ),
    "t10k-images-idx3-ubyte.gz": (
        1648877,
        "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    ),
    "t10k-labels-idx1-ubyte.gz": (
        4542,
        "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
    ),
}
# yann.lecun.com has answered 403 since 2021; these serve the same bytes.
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
ANSWER_SECONDS = 3.0  # a mirror that has not answered by then is passed over: offline must not wait
SLOWEST_RATE = 4096  # bytes a second, on average; below it a mirror counts as hanging

# Handwriting-like digits in the same files' form, for machines without MNIST: see its README.md.
SAMPLE_DIR = Path(__file__).resolve().parent / "data" / "sample"
SAMPLE_HINT = "; there are more in MNIST: python mnist_loader.py downloads it"
SOURCES = ("auto", "mnist", "sample")


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
    """Load images and digits to train on and to test with.

    Parameters
    ----------
    data_dir
        The directory of MNIST's four files, where they are also downloaded to; None is `DATA_DIR`.
    source
        "mnist": from the directory, or else downloaded. "sample": the bundled set, always. "auto":
        MNIST where it can be had, or else the sample, with a line on stderr that says why.
    train_size, test_size
        How many images, the first ones in file order; None is all of them.

    Raises
    ------
    DatasetError
        If a file is missing and cannot be had, is damaged, or does not hold what its name says.
    SettingError (a ValueError)
        If an argument is none of the above.
    """
    if source not in SOURCES:
        raise SettingError(f"source is {source!r}; it must be one of {', '.join(SOURCES)}")
    for name, size in ("train_size", train_size), ("test_size", test_size):
        if size is not None and size < 1:
            raise SettingError(f"{name} is {size}; it must be at least 1, or None for all")

    directory = SAMPLE_DIR
    if source != "sample":
        directory = Path(DATA_DIR if data_dir is None else data_dir)
        try:
            _complete(directory)
        except DatasetError as error:
            if source == "mnist":
                raise
            print(f"{error}. Going on with the bundled sample, NOT MNIST.", file=sys.stderr)
            directory = SAMPLE_DIR
    return Dataset(
        "sample" if directory == SAMPLE_DIR else "MNIST",
        _read_split(directory, TRAIN_FILES, train_size, "training"),
        _read_split(directory, TEST_FILES, test_size, "test"),
    )


# --- download ---------------------------------------------------------------------------------


def download_mnist(data_dir: str | Path | None = None) -> list[Path]:
    """Make sure that the directory holds MNIST's four files, byte for byte.

    A file that is there and right is left alone. One that is there and wrong is kept under another
    name, ending in ".replaced", once the right one has come. Nothing takes its name before its
    SHA-256 has been checked, so an interrupted download is simply begun again.

    Returns
    -------
    The four paths, images before labels, training before test.

    Raises
    ------
    DatasetError
        If a file can be had from no mirror or cannot be written; says why, and how to help.
    """
    directory = Path(DATA_DIR if data_dir is None else data_dir)
    _download([name for name in MNIST_FILES if not _is_original(directory / name)], directory)
    return [directory / name for name in MNIST_FILES]


def _complete(directory: Path) -> None:
    """Download what is missing there, unless the rest is some other data in MNIST's names."""
    missing = [name for name in MNIST_FILES if not os.path.lexists(_path_of(directory, name))]
    if not missing:
        return
    there = [directory / name for name in MNIST_FILES if os.path.lexists(directory / name)]
    if not all(_is_original(path) for path in there):
        raise DatasetError(
            f"{directory} lacks {', '.join(missing)}, and what is there is not MNIST; put all four "
            "files of one set there, name another directory with --data-dir or MNIST_DATA_DIR, or "
            "get MNIST with: python mnist_loader.py"
        )
    _download(missing, directory)


def _download(names: list[str], directory: Path) -> None:
    mirrors = list(MIRRORS)
    for name in names:
        path = directory / name
        content = _fetch(name, mirrors, names, directory)
        try:
            directory.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(path):
                kept = _free_name(path)
                path.rename(kept)
                print(f"{path} is not the original; it is kept as {kept.name}", file=sys.stderr)
            with atomic_write(path) as file:
                file.write(content)
        except OSError as error:
            raise DatasetError(f"cannot write {path}: {error.strerror or error}") from error
        except UserError as error:
            raise DatasetError(str(error)) from error


def _is_original(path: Path) -> bool:
    """Whether this is, byte for byte, the MNIST file of its name."""
    size, sha256 = MNIST_FILES[path.name]
    try:
        if not path.is_file() or path.stat().st_size != size:
            return False
        return hashlib.sha256(path.read_bytes()).hexdigest() == sha256
    except OSError as error:
        raise DatasetError(f"{path}: cannot be read: {error.strerror or error}") from error


def _free_name(path: Path) -> Path:
    names = (f"{path.name}.replaced{number or ''}" for number in itertools.count())
    return next(path.with_name(name) for name in names if not path.with_name(name).exists())


def _fetch(name: str, mirrors: list[str], wanted: list[str], directory: Path) -> bytes:
    """The file's verified content, from the first mirror that gives it.

    A mirror that fails is not asked for the next file: `mirrors` loses it.
    """
    failures = []
    while mirrors:
        url = mirrors[0] + name
        try:
            return _fetch_from(url, name)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{url}: {error}")
            mirrors.pop(0)
    raise DatasetError(
        f"MNIST is not whole in {directory} (wanted: {', '.join(wanted)}) and no mirror gave "
        f"{name} ({'; '.join(failures) or 'none left to ask'}); put the files there by hand as "
        "data/README.md says, name their directory with --data-dir or MNIST_DATA_DIR, or use "
        "--dataset sample"
    )


def _fetch_from(url: str, name: str) -> bytes:
    """Download one file and check it; raises OSError or ValueError that says what went wrong."""
    size, sha256 = MNIST_FILES[name]
    start = time.monotonic()
    content = bytearray()
    with _open_url(url) as response, Progress(name, size) as progress:
        # One byte more than expected is read, to see that there is none. read1 returns what has
        # come, so that a trickle is seen as one.
        while len(content) <= size and (chunk := response.read1(READ_CHUNK)):
            content += chunk
            progress.update(len(content))
            elapsed = time.monotonic() - start
            if elapsed > ANSWER_SECONDS and len(content) < SLOWEST_RATE * elapsed:
                raise TimeoutError(f"too slow, {len(content)} bytes in {elapsed:.0f} s")
    if len(content) < size:
        raise ValueError(f"the connection ended after {len(content)} of {size} bytes")
    if hashlib.sha256(content).hexdigest() != sha256:
        raise ValueError("it sent another file: the SHA-256 differs")
    return bytes(content)


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows redirects, but never to an address where anyone on the way could change the data."""

    def redirect_request(self, request, file, code, message, headers, url):
        if not url.startswith("https://"):
            raise urllib.error.URLError(f"refused its redirect to {url}, which is not HTTPS")
        return super().redirect_request(request, file, code, message, headers, url)


def _open_url(url: str) -> HTTPResponse:
    """Open a URL within ANSWER_SECONDS, name look-up included, or raise OSError.

    The socket's time-out does not cover the look-up of names, which can hang for half a minute on
    a machine that is half offline; so the wait is bounded from outside.
    """
    outcome: list[HTTPResponse | Exception] = []

    def open_it() -> None:
        try:
            outcome.append(opener.open(url, timeout=ANSWER_SECONDS))
        except Exception as error:  # whatever it is, it is raised again below
            outcome.append(error)

    opener = urllib.request.build_opener(_OnlyHttps)
    thread = threading.Thread(target=open_it, daemon=True)
    thread.start()
    thread.join(ANSWER_SECONDS)
    answer = outcome[0] if outcome else TimeoutError(f"no answer within {ANSWER_SECONDS:g} s")
    if isinstance(answer, urllib.error.URLError) and isinstance(answer.reason, Exception):
        raise answer.reason  # what it is about, without its wrapping
    if isinstance(answer, Exception):
        raise answer
    return answer


def _path_of(directory: Path, name: str) -> Path:
    """The file under its own name, or under its name unpacked where only that is there."""
    zipped, plain = directory / name, directory / name.removesuffix(".gz")
    return plain if os.path.lexists(plain) and not os.path.lexists(zipped) else zipped


# --- reading ----------------------------------------------------------------------------------


def _read_split(directory: Path, names: tuple[str, str], size: int | None, part: str) -> Split:
    """Read the first `size` images and their digits, and check that they belong together."""
    images_path, labels_path = (_path_of(directory, name) for name in names)
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
            f"{SAMPLE_HINT if directory == SAMPLE_DIR else ''}"
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
        raise SettingError(f"limit is {limit}; it must not be negative, or None for all")
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


# --- handwriting of your own: a picture becomes images in MNIST's form ------------------------

WORKING_SIDE = 1600  # pixels; larger pictures are shrunk: a 1 cm digit on A4 keeps over 50
LUMA = (0.299, 0.587, 0.114)  # of red, green, blue: how bright the eye finds them (ITU-R BT.601)

# Ink against paper, as shares of the paper's brightness
PAPER_WINDOW = 2.5  # the shorter side over this is a window that no stroke fills
SMOOTHED_FROM = 100  # pixels along the shorter side; in smaller pictures a stroke may be one pixel
MOST_HAZE = 0.1  # of paper under noise; where most pixels hold more, most are ink
NOISE_REACH = 4.5  # standard deviations, beyond which a pixel is not noise
MAD_TO_SIGMA = 1.4826  # a normal distribution's standard deviation by its median deviation
LEAST_EDGE, LEAST_INK = 0.1, 0.12  # fainter is JPEG's ripples, not the edge or body of a stroke

# Which parts make a digit: shares of the larger part's longer side unless said otherwise
SMALLEST_DIGIT = 7  # pixels along the longer side; less cannot be read
SMALLEST_SHARE = 0.25  # of the largest digit's longer side; less is a speck
SMALLEST_PART, MOST_PARTS = 0.08, 1000  # keeps a picture of dust from costing time and memory
SMALLEST_PIXELS = 3  # along its longer side; smaller parts are dust too
GAP_OF_HALVES, GAP_OF_BAR, GAP_BESIDE = 0.15, 0.19, 0.12  # tuned on rows of MNIST's digits
TALLEST = 2.5  # times its width, what two halves make; two digits one above the other are taller
BAR_HEIGHT = 0.6  # times the other part's; what is higher is a digit of its own

# The cut-out digit: shares of its longer side
SOFT_EDGE = 1 / 16  # what may belong to it around the pixels that surely do
FULL_INK_QUANTILE = 0.9  # of its pixels' ink: this becomes 1, whatever the pen
THIN_STROKE, USUAL_STROKE = 0.05, 0.1  # one and two pixels of MNIST's 20


class PictureError(UserError):
    """A picture that cannot be used; one line that says which, what is wrong, what to do."""


class FoundDigit(NamedTuple):
    """A digit found in a picture."""

    box: tuple[int, int, int, int]  # left, top, right, bottom in pixels, as a slice: [top:bottom]
    image: np.ndarray  # float32 (784,), in MNIST's form


def read_picture(path: str | Path) -> np.ndarray:
    """Read a PNG or JPEG file, upright, shrunk to `WORKING_SIDE` where it is larger.

    Returns
    -------
    uint8 (height, width, 3), red, green, blue; transparent parts show paper.

    Raises
    ------
    PictureError
        If the file is missing, damaged, absurdly large, or neither PNG nor JPEG.
    """
    from PIL import Image, UnidentifiedImageError  # here, because training does without it

    path = Path(path)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise PictureError(f"{path} is not a file; name a PNG or JPEG picture")
        with warnings.catch_warnings():  # Pillow's own limit, held against the header alone
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=("PNG", "JPEG"))
        with image:
            return _upright_rgb(image)
    except FileNotFoundError as error:
        raise PictureError(f"{path} does not exist") from error
    except UnidentifiedImageError as error:
        raise PictureError(f"{path} is neither a PNG nor a JPEG picture; save it as one") from error
    except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
        limit = Image.MAX_IMAGE_PIXELS // 1_000_000
        raise PictureError(
            f"{path}: absurdly large, over {limit} million pixels; cut it or scale it down"
        ) from error
    except (PictureError, MemoryError):
        raise
    except Exception as error:  # damaged pictures fail in many ways
        reason = " ".join(str(error).split())
        raise PictureError(f"{path}: cannot be read, a damaged picture? ({reason})") from error


def _upright_rgb(image: Image.Image) -> np.ndarray:
    """Decode, shrink, turn upright as its EXIF data says, and lay on paper where transparent.

    The paper is white, but black under sparse and light writing, which white would swallow.
    """
    from PIL import Image, ImageOps

    if image.mode.startswith("I"):  # 16 bits a pixel, which Pillow would cut off, not scale
        image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
    elif image.mode in ("1", "P", "PA"):  # to shrink, it takes colours that can be mixed
        image = image.convert("RGBA")
    image.thumbnail((WORKING_SIDE, WORKING_SIDE))
    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        bands = np.moveaxis(np.asarray(image, np.float32), 2, 0)
        alpha = bands[3]
        visible = (np.tensordot(LUMA, bands[:3], 1) * alpha).sum() / max(alpha.sum(), 1)
        light_ink = alpha.mean() < FULL_INK / 2 < visible
        paper = Image.new("RGBA", image.size, "black" if light_ink else "white")
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("RGB"))


def find_digits(picture: np.ndarray) -> list[FoundDigit]:
    """Find the handwritten digits in a picture and bring each to MNIST's form.

    Parameters
    ----------
    picture
        uint8, (height, width) grey or (height, width, 3) RGB; dark ink on light or light on dark.

    Returns
    -------
    The digits in reading order: rows from top to bottom, each from left to right.
    """
    grey = picture if picture.ndim == 2 else np.rint(picture @ np.array(LUMA)).astype(np.uint8)
    ink = extract_ink(grey)
    labels, part_boxes = _ink_parts(ink)
    if not len(part_boxes):
        return []
    digit_of_part = connect(len(part_boxes), *np.nonzero(_belong_together(part_boxes)))
    boxes = _bounding_boxes(part_boxes, digit_of_part)
    owners = np.append(0, digit_of_part + 1)[labels]  # (h, w): 0, or the digit's number from 1
    sides = _longer_sides(boxes)
    readable = np.flatnonzero(sides >= max(SMALLEST_DIGIT, SMALLEST_SHARE * sides.max()))
    digits = readable[_reading_order(boxes[readable])]
    cut_outs = (_cut_out(ink, owners, digit + 1, boxes[digit]) for digit in digits)
    return [
        FoundDigit(tuple(boxes[digit].tolist()), to_mnist_form(cut_out).ravel())
        for digit, cut_out in zip(digits, cut_outs, strict=True)
    ]


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """How much ink lies where, whatever the light: uint8 (h, w) -> float32 (h, w) up to 1.

        ink = 1 - brightness / paper

    where paper, the brightness without ink, is a morphological closing: the darkest of the
    brightest values in windows that no stroke fills. It follows gradients and a shadow's sharp
    edge. (The black top-hat of Serra, *Image Analysis and Mathematical Morphology*, 1982, as a
    ratio because light multiplies.) A negative is turned over first: paper is what most pixels
    are nearer to, the brightest or the darkest around them. What is left of noise becomes 0.
    """
    from PIL import Image, ImageFilter

    original = smooth = grey
    if min(grey.shape) >= SMOOTHED_FROM:
        smooth = np.asarray(Image.fromarray(grey).filter(ImageFilter.MedianFilter(3)))
    window = max(3, int(min(grey.shape) / PAPER_WINDOW) | 1)  # odd, so that it has a middle
    smooth = np.pad(smooth, window, mode="edge")  # what reaches the picture's edge goes on
    inner = np.s_[window:-window, window:-window]
    brightest, darkest = (_over_windows(e, smooth, window) for e in (np.maximum, np.minimum))
    if 2 * smooth[inner].mean() < brightest[inner].mean() + darkest[inner].mean():
        grey, brightest = FULL_INK - grey, FULL_INK - darkest
    paper = _over_windows(np.minimum, brightest, window)[inner]
    ink = (paper.astype(np.float32) - grey) / np.maximum(paper, 1)  # black all over: no ink
    ink -= min(np.median(ink), MOST_HAZE)  # noise lifts the brightest values above the paper
    noise = MAD_TO_SIGMA * np.median(np.abs(smooth[inner].astype(np.float32) - original))
    faintest = max(LEAST_EDGE, NOISE_REACH * noise / max(np.median(paper), 1))
    return np.where(ink < faintest, 0, ink)


def _over_windows(extreme: np.ufunc, values: np.ndarray, side: int) -> np.ndarray:
    """np.maximum or np.minimum over the side x side window around each pixel of (h, w).

    Each step doubles the window, so a large one costs little more than a small one.
    """
    for _ in range(2):  # down, then across
        n, before = len(values), side // 2
        values = np.pad(values, ((before, side - 1 - before), (0, 0)), mode="edge")
        span = 1
        while 2 * span <= side:
            values = extreme(values[:-span], values[span:])
            span *= 2
        rest = side - span
        values = extreme(values[:n], values[rest : rest + n]).T
    return values


def otsu_threshold(values: np.ndarray) -> float:
    """The threshold that parts values in [0, 1] into two classes as far apart as can be.

    It maximises the variance between the classes, n0 n1 (mean0 - mean1)^2 (Otsu, 1979).
    """
    counts, edges = np.histogram(values, 256, (0, 1))
    sums = counts * (edges[:-1] + edges[1:]) / 2
    n0, sum0 = counts.cumsum()[:-1], sums.cumsum()[:-1]
    n1, sum1 = values.size - n0, sums.sum() - sum0
    both = (n0 > 0) & (n1 > 0)
    means = sum0 / np.maximum(n0, 1), sum1 / np.maximum(n1, 1)
    return float(edges[1 + np.argmax(both * n0 * n1 * (means[0] - means[1]) ** 2)])


def label_components(mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Number the connected parts of a mask (h, w), corners counting as contact.

    Returns
    -------
    labels, int (h, w): 0 off the mask, else the part's number from 1;
    boxes, int (n, 4): left, top, right, bottom of each part.
    """
    labels = connected_components(mask[np.newaxis])[0]
    y, x = np.nonzero(mask)
    return labels, _bounding_boxes(np.stack([x, y, x + 1, y + 1], axis=1), labels[mask] - 1)


def _bounding_boxes(boxes: np.ndarray, group: np.ndarray) -> np.ndarray:
    """The box around the boxes (n, 4) of each group."""
    order = np.argsort(group, kind="stable")
    begins = np.flatnonzero(np.diff(group[order], prepend=-1))
    if not len(begins):
        return boxes
    corners = np.minimum, np.minimum, np.maximum, np.maximum
    return np.stack([e.reduceat(boxes[order, i], begins) for i, e in enumerate(corners)], axis=1)


def _longer_sides(boxes: np.ndarray) -> np.ndarray:
    return (boxes[:, 2:] - boxes[:, :2]).max(axis=1)


def _ink_parts(ink: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`label_components` of the ink, without dust and what reaches from edge to edge.

    The latter, such as a photo's black border or a ruled line, would also spoil the threshold for
    fainter ink, so that is then sought again. It stays where there is nothing else.
    """
    height, width = ink.shape
    while True:
        labels, boxes = label_components(ink > max(otsu_threshold(ink), LEAST_INK))
        sides = _longer_sides(boxes)
        spans = boxes[:, 2:] - boxes[:, :2]
        across = (spans == (width, height)).any(axis=1)
        if not across.any() or sides[~across].max(initial=0) < SMALLEST_DIGIT:
            break
        ink = np.where(np.append(False, across)[labels], 0, ink)
    kept = np.flatnonzero(sides >= max(SMALLEST_PIXELS, SMALLEST_PART * sides.max(initial=0)))
    kept = kept[np.argsort(sides[kept])[-MOST_PARTS:]]
    new_label = np.zeros(len(boxes) + 1, int)
    new_label[kept + 1] = np.arange(len(kept)) + 1
    return new_label[labels], boxes[kept]


def _belong_together(boxes: np.ndarray) -> np.ndarray:
    """Whether two parts (n, 4) are one digit's, such as the bar and the body of a 5: (n, n)."""
    left, top, right, bottom = boxes.T
    width, height, side = right - left, bottom - top, _longer_sides(boxes)
    larger = np.maximum.outer(side, side)
    lower, higher = np.minimum.outer(height, height), np.maximum.outer(height, height)
    gap_x = (np.maximum.outer(left, left) - np.minimum.outer(right, right)) / larger
    gap_y = (np.maximum.outer(top, top) - np.minimum.outer(bottom, bottom)) / larger
    joint_width = np.maximum.outer(right, right) - np.minimum.outer(left, left)
    joint_height = np.maximum.outer(bottom, bottom) - np.minimum.outer(top, top)

    is_bar = lower <= BAR_HEIGHT * higher
    is_above = -gap_x * larger >= np.minimum.outer(width, width) / 2
    halves = is_above & (gap_y <= GAP_OF_HALVES) & (joint_height <= TALLEST * joint_width)
    bar_above = is_above & is_bar & (gap_y <= GAP_OF_BAR)
    bar_beside = is_bar & (np.maximum(gap_x, gap_y) <= GAP_BESIDE)
    return halves | bar_above | bar_beside


def _reading_order(boxes: np.ndarray) -> np.ndarray:
    """The order of boxes (n, 4): row by row from the top, each row from left to right.

    A row is the box whose bottom is highest, and each that it overlaps by half of its own height
    or of the other's.
    """
    _, top, _, bottom = boxes.T
    middle = (top + bottom) / 2
    order, rest = [], np.arange(len(boxes))
    while len(rest):
        first = rest[np.argmin(bottom[rest])]
        in_row = (top[rest] <= middle[first]) | (middle[rest] <= bottom[first])
        row = rest[in_row]
        order += row[np.argsort(boxes[row, 0])].tolist()
        rest = rest[~in_row]
    return np.array(order, int)


def _cut_out(ink: np.ndarray, owners: np.ndarray, owner: int, box: np.ndarray) -> np.ndarray:
    """A digit's ink with its soft edges and nothing of its neighbours: (h, w) in [0, 1].

    A pen so thin that it would all but vanish in MNIST's 20 pixels is made as thick as usual. A
    stroke's width is twice its area by its outline; counted in pixels, that is 4 / pi too long.
    """
    side = (box[2:] - box[:2]).max()
    margin = max(1, round(SOFT_EDGE * side))
    left, top = np.maximum(box[:2] - margin, 0)
    right, bottom = box[2:] + margin
    ink, owners = ink[top:bottom, left:right], owners[top:bottom, left:right]
    own = owners == owner
    near = _over_windows(np.maximum, own, 2 * margin + 1)
    digit = np.where(near & (own | (owners == 0)), ink, 0)
    digit = np.minimum(digit / np.quantile(ink[own], FULL_INK_QUANTILE), 1)
    outline = sum(np.count_nonzero(np.diff(np.pad(own, 1), axis=axis)) for axis in (0, 1))
    stroke = 2 * np.count_nonzero(own) / (outline * np.pi / 4)
    if stroke < THIN_STROKE * side:
        thicker = round(USUAL_STROKE * side - stroke)
        digit = _over_windows(np.maximum, np.pad(digit, thicker), thicker + 1)
    return digit


BOX_SIDE = 20  # the longer side of the digit, in pixels
# Where MNIST puts the centre of mass: pixel 14, counted from 0. Measured over its 60,000 training
# images: the mean is 14.00 down and 14.01 across, and every image lies within half a pixel of it.
CENTRE = 14.0
# A scan's paper keeps a faint haze, a digit's edge is faint too: a pixel belongs to the digit's
# bounding box if it has at least this share of the darkest pixel's ink. Of 10,000 MNIST digits
# enlarged and brought back, 4 land a pixel off with 0.05, 2 with 0.001, but 28 with 0.1.
INK_SHARE = 0.05


def to_mnist_form(ink: np.ndarray) -> np.ndarray:
    """Crop, scale and centre one digit the way MNIST's were.

    Parameters
    ----------
    ink : (height, width) float, 0 paper to 1 full ink; any size

    Returns
    -------
    (28, 28) float32 in [0, 1]; all zeros if the picture holds no ink

    Notes
    -----
    The scaling is exact area averaging, R @ ink @ C.T with one coverage matrix a side, so that it
    enlarges a small picture as well as it shrinks a large one.
    """
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    if ink.size == 0 or ink.max() <= 0:
        return image
    digit = _crop_to_ink(ink)
    scale = BOX_SIDE / max(digit.shape)
    height, width = (max(1, round(side * scale)) for side in digit.shape)
    small = _coverage(height, digit.shape[0]) @ digit @ _coverage(width, digit.shape[1]).T
    top, left = (_offset(small.sum(axis=axis)) for axis in (1, 0))
    image[top : top + height, left : left + width] = small
    return image


def _crop_to_ink(ink: np.ndarray) -> np.ndarray:
    """Cut away the rows and columns around the digit that hold no ink."""
    is_ink = ink >= INK_SHARE * ink.max()
    rows, columns = (np.flatnonzero(is_ink.any(axis=axis)) for axis in (1, 0))
    return ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _coverage(n_out: int, n_in: int) -> np.ndarray:
    """Area averaging along one axis as a matrix.

    Returns (n_out, n_in): row i holds the share of output pixel i that each input pixel covers;
    each row sums to 1.
    """
    edges_in = np.arange(n_in + 1) * (n_out / n_in)  # in output pixels
    edges_out = np.arange(n_out)[:, None]
    inside = np.clip(edges_in - edges_out, 0, 1)  # of each output pixel, how much lies before it
    return np.diff(inside, axis=1)


def _offset(profile: np.ndarray) -> int:
    """Where a side starts in the image: its centre of mass at CENTRE, nothing cut off."""
    centre_of_mass = profile @ np.arange(len(profile)) / profile.sum()
    return int(np.clip(round(CENTRE - centre_of_mass), 0, IMAGE_SIDE - len(profile)))


# --- python mnist_loader.py -------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Download and verify MNIST, and tell its characteristics."""
    parser = ArgumentParser(description="Download MNIST, verify it, and say what it holds.")
    parser.add_argument("--data-dir", type=Path, help="where to (default: $MNIST_DATA_DIR, data/)")
    parser.add_argument("--lang", choices=("en", "ru"), default="en", help="language")
    options = parser.parse_args(arguments)

    paths = download_mnist(options.data_dir)
    log = RunLog(options.lang)
    for path in paths:
        log.say("verified", path=path)
    train_pixels, train_digits, _, test_digits = map(read_idx, paths)
    total = len(train_digits) + len(test_digits)
    log.say("fact_total", total=total, lowest=train_digits.min(), highest=train_digits.max())
    log.say("fact_splits", train=len(train_digits), test=len(test_digits))
    _, height, width = train_pixels.shape
    log.say("fact_size", height=height, width=width, pixels=height * width)
    log.say("fact_range", lowest=train_pixels.min(), highest=train_pixels.max())
    log.say("fact_mean", mean=train_pixels.mean() / FULL_INK, inked=(train_pixels > 0).mean())
    log.say("fact_digits")
    counts = (np.bincount(digits, minlength=DIGITS) for digits in (train_digits, test_digits))
    for digit, (train, test) in enumerate(zip(*counts, strict=True)):
        log.say("fact_digit", digit=digit, train=train, test=test)
    return EXIT_DONE


if __name__ == "__main__":
    run_script(main)
