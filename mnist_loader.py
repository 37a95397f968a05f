"""Where digits come from: IDX files, a download, your own pictures, deformed copies.

An image becomes a row of 784 numbers in [0, 1], row by row from the top left; a label
stays the digit that it is until `Split.targets` asks which images show the one digit to
recognise.

    python mnist_loader.py          download MNIST, verify it and say what it holds
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import urllib.request
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import numpy as np

import utils
from utils import (
    N_,
    Range,
    UserError,
    check,
    connect,
    connected_components,
    stroke_width,
)

if TYPE_CHECKING:
    from PIL import Image

# Where the four MNIST files are: $MNIST_DATA_DIR, or data/ beside this file, or set
# your own path here
OWN_DIR = Path(__file__).resolve().parent / "data"  # what a download fills by itself
DATA_DIR = Path(os.environ.get("MNIST_DATA_DIR") or OWN_DIR)
SAMPLE_DIR = OWN_DIR / "sample"  # handwriting-like digits, for machines without MNIST

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE
FULL_INK = 255  # the largest value of a pixel's byte
DIGITS = 10
SOURCES = ("auto", "mnist", "sample")
RANGES = {
    "digit": utils.one_of(*range(DIGITS)),
    "source": utils.one_of(*SOURCES),
    "train_size": utils.SIZE,
    "n": utils.SIZE,
    "limit": Range(
        "a whole number, at least 0, or None", lambda v: v is None or v in utils.WHOLE
    ),
}


class DatasetError(UserError):
    """Data that cannot be used: which file, what is wrong, what to do."""


# --- a data set -----------------------------------------------------------------------

REMEDY = (
    "put all four files there by hand (data/README.md), name another directory with "
    "--data-dir or MNIST_DATA_DIR, or use --dataset sample"
)


class Split(NamedTuple):
    """The training or the test part of a data set."""

    images: np.ndarray  # float32 (n, 784), 0 paper to 1 full ink
    digits: np.ndarray  # uint8 (n,), 0 to 9

    def targets(self, digit: int = 8) -> np.ndarray:
        """The right answers, float32 (n,): 1 where the image shows `digit`, else 0."""
        check(RANGES, digit=digit)
        return (self.digits == digit).astype(np.float32)

    def first(self, n: int | None) -> Split:
        """The first n images and their digits; None is all of them."""
        check(RANGES, n=n)
        there = len(self.digits)
        if n is not None and n > there:
            fault = f"{n} images are asked for, {there} are there"
            raise DatasetError(f'{fault}; ask for fewer, or for "all"')
        return Split(self.images[:n], self.digits[:n])


class Dataset(NamedTuple):
    """Images to train on, and all test images there are, from one source."""

    name: str  # "MNIST" for the original bytes, "sample", or the directory's name
    train: Split
    test: Split

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all images and digits: are the data those of a run?"""
        digest = hashlib.sha256()
        for array in (*self.train, *self.test):
            digest.update(np.ascontiguousarray(array))
        return digest.hexdigest()


def load_dataset(
    data_dir: str | Path | None = None,
    source: str = "auto",
    train_size: int | None = 5000,
) -> Dataset:
    """Load images and digits to train on and to test with.

    Parameters
    ----------
    data_dir : the directory of four files in MNIST's names; None is `DATA_DIR`. The
        project's own data/ is filled by a download where files are missing.
    source : "mnist": from the directory; "sample": the bundled set, always; "auto":
        from the directory, but where the own data/ cannot be filled the sample, with
        two lines on stderr that say so
    train_size : how many training images, the first in file order; None is all of them

    Raises DatasetError if a file is missing and cannot be had, is damaged, or does not
    hold what its name says; SettingError, a ValueError, for an argument that is none of
    the above.
    """
    check(RANGES, source=source, train_size=train_size)

    # Which directory
    directory = Path(DATA_DIR if data_dir is None else data_dir)
    if source == "sample":
        directory = SAMPLE_DIR
    elif directory.resolve() == OWN_DIR and None in _files_in(directory).values():
        try:
            download_mnist(directory)
        except UserError:
            if source == "mnist":
                raise
            utils.warn("MNIST is not there; the bundled sample, NOT MNIST, steps in")
            utils.warn("`python mnist_loader.py` downloads it, or says what hinders it")
            directory = SAMPLE_DIR

    # Its four files, each read once: what is called MNIST is what is parsed
    found = _files_in(directory)
    missing = [name for name, path in found.items() if path is None]
    if missing:
        there = _what_is_in(directory)
        fault = f"{directory} lacks {', '.join(missing)} ({there})"
        raise DatasetError(f"{fault}; {REMEDY}")
    files = [(path, _content(path)) for path in found.values()]
    train = _read_split(files[0], files[1], train_size)
    test = _read_split(files[2], files[3], None)
    is_mnist = all(
        _is_original(name, content)
        for name, (_path, content) in zip(found, files, strict=True)
    )
    return Dataset(_name_of(directory, is_mnist), train, test)


def _files_in(directory: Path) -> dict[str, Path | None]:
    """The directory's file of each MNIST name, as it is, unpacked, or with a dot."""
    found = {}
    for name in MNIST_FILES:
        plain = name.removesuffix(".gz")
        dotted = plain.replace("-idx", ".idx")  # as the original host named them
        spellings = [name, plain, dotted, f"{dotted}.gz"]
        paths = [directory / spelling for spelling in spellings]
        found[name] = next((path for path in paths if os.path.lexists(path)), None)
    return found


# Parts of the names of what is often met in place of the files
DATA_NAMES = ("ubyte", "mnist", ".npz", ".csv", ".gz", ".zip")
MOST_NAMED = 8  # so that the line stays one


def _what_is_in(directory: Path) -> str:
    """What a user may have meant, or what else is wrong with the directory."""
    try:
        names = sorted(path.name for path in directory.iterdir())
    except OSError as error:
        return error.strerror
    alike = [name for name in names if any(part in name.lower() for part in DATA_NAMES)]
    return f"it holds {', '.join(alike[:MOST_NAMED]) or 'nothing like them'}"


def _name_of(directory: Path, is_mnist: bool) -> str:
    """What the data set is called: MNIST is said of the original bytes alone."""
    if directory.resolve() == SAMPLE_DIR:
        return "sample"
    if is_mnist:
        return "MNIST"
    name = utils.printable(directory.resolve().name)
    return f"{name} (other files)" if name.lower() in ("mnist", "sample") else name


def _read_split(
    image_file: tuple[Path, bytes], label_file: tuple[Path, bytes], size: int | None
) -> Split:
    """The first `size` images and their digits, of two files: paths and contents."""
    images_path, labels_path = image_file[0], label_file[0]
    pixels, n_images = _parse_idx(*image_file, size)
    digits, n_labels = _parse_idx(*label_file, None)
    if pixels.shape[1:] != (IMAGE_SIDE, IMAGE_SIDE) or digits.ndim != 1:
        raise DatasetError(
            f"{images_path} holds items of {_size_of(pixels)}, {labels_path.name} of "
            f"{_size_of(digits)}; {IMAGE_SIDE}x{IMAGE_SIDE} images and one label each "
            "are expected; are two files interchanged?"
        )
    if n_images != n_labels or not n_images:
        raise DatasetError(
            f"{images_path} holds {n_images} images, {labels_path.name} {n_labels} "
            "labels; as many of both are expected; get both from one source"
        )
    is_no_digit = digits >= DIGITS
    if is_no_digit.any():
        place = int(is_no_digit.argmax())
        fault = f"label {place} is {digits[place]}, not a digit from 0 to 9"
        raise DatasetError(f"{labels_path}: {fault}; get the original file")
    if size is not None and size > n_images:
        fault = f"{images_path} holds {n_images} images, {size} are asked for"
        raise DatasetError(f'{fault}; ask for fewer, or for "all"')
    rows = pixels.reshape(len(pixels), PIXELS)
    return Split(np.divide(rows, FULL_INK, dtype=np.float32), digits[: len(rows)])


def _size_of(items: np.ndarray) -> str:
    return "x".join(map(str, items.shape[1:])) or "one number"


# --- IDX files ------------------------------------------------------------------------

GZIP_MAGIC = b"\x1f\x8b"
UNSIGNED_BYTE = 0x08  # the one type that MNIST uses; the others:
IDX_TYPES = {
    0x09: "signed byte",
    0x0B: "int16",
    0x0C: "int32",
    0x0D: "float32",
    0x0E: "float64",
}
MOST_BYTES = 1 << 28  # of data; MNIST's largest file has 47 MB


def read_idx(path: str | Path, limit: int | None = None) -> np.ndarray:
    """Read an IDX file of unsigned bytes, gzipped or plain, as its first bytes tell.

    The format (http://yann.lecun.com/exdb/mnist/): two zero bytes, a type byte, the
    number of dimensions, their sizes as big-endian uint32, then the data, row-major.

    Returns a uint8 array of the header's shape, its first axis cut to `limit`. No more
    of a gzipped file is unpacked than that takes, so damage behind it goes unnoticed;
    without a limit it is checked to its end. Raises DatasetError if the file is
    missing, unreadable, damaged or not IDX of unsigned bytes.
    """
    check(RANGES, limit=limit)
    path = Path(path)
    return _parse_idx(path, _content(path), limit)[0]


def _content(path: Path) -> bytes:
    """A file's bytes; DatasetError if there is none or it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist; see data/README.md") from error
    except OSError as error:
        fault = f"{path}: cannot be read: {error.strerror or error}"
        raise DatasetError(f"{fault}; see data/README.md") from error


def _parse_idx(path: Path, content: bytes, limit: int | None) -> tuple[np.ndarray, int]:
    """`read_idx` of a file's content, and how many items its header promises."""
    is_gzip = content.startswith(GZIP_MAGIC)
    stream = io.BytesIO(content)
    if is_gzip:
        stream = gzip.GzipFile(fileobj=stream)
    try:
        shape = _read_header(stream)
        size = math.prod(shape)
        promised = f"the header promises {'x'.join(map(str, shape))} bytes"
        if size > MOST_BYTES:
            raise ValueError(f"{promised}, more than a data set holds")
        if not is_gzip:
            there = len(content) - stream.tell()
            if there != size:
                raise ValueError(f"{promised}, there are {there}")

        wanted = shape if limit is None else (min(limit, shape[0]), *shape[1:])
        data = bytearray(stream.read(math.prod(wanted)))  # bytes would be read-only
        if len(data) < math.prod(wanted):
            raise ValueError(f"truncated: {promised}")
        if wanted == shape and stream.read(1):
            raise ValueError(f"{promised}, and more follow")
        return np.frombuffer(data, np.uint8).reshape(wanted), shape[0]
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        fault = f"{path}: damaged gzip data ({error})"
        raise DatasetError(f"{fault}; get the file again") from error
    except ValueError as error:
        raise DatasetError(f"{path}: {error}; get the file again") from error


def _read_header(stream: BinaryIO) -> tuple[int, ...]:
    """The shape that an IDX file's header gives; ValueError for another file."""
    magic = stream.read(4)
    if len(magic) < 4:
        raise ValueError("empty, or truncated within the header")
    if magic[:2] != b"\0\0":
        # A web page may begin with a byte order mark or with white space
        begin = magic + stream.read(12)
        is_page = begin.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<")
        what = "a web page" if is_page else f"it begins with {magic.hex(' ')}"
        raise ValueError(f"neither gzip nor IDX, {what}")
    kind = magic[2]
    if kind != UNSIGNED_BYTE:
        name = IDX_TYPES.get(kind, "unknown to IDX")
        fault = f"data of type 0x{kind:02x} ({name})"
        raise ValueError(f"{fault}, not unsigned bytes (0x08)")
    dimensions = magic[3]
    sizes = stream.read(4 * dimensions)
    if not dimensions or len(sizes) < 4 * dimensions:
        raise ValueError("no dimensions, or truncated within the header")
    return tuple(np.frombuffer(sizes, ">u4").tolist())


# --- download -------------------------------------------------------------------------

# The files of LeCun, Cortes and Burges: size in bytes and SHA-256, packed and unpacked
MNIST_FILES = {
    "train-images-idx3-ubyte.gz": (
        (9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"),
        (47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"),
    ),
    "train-labels-idx1-ubyte.gz": (
        (28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"),
        (60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ),
    "t10k-images-idx3-ubyte.gz": (
        (1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"),
        (7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"),
    ),
    "t10k-labels-idx1-ubyte.gz": (
        (4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"),
        (10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
    ),
}
# yann.lecun.com has answered 403 since 2021; these serve the same bytes
MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
ANSWER_SECONDS = 3.0  # a mirror silent for so long is passed over: nobody waits long
CHUNK_BYTES = 1 << 18  # between two updates of the progress


def download_mnist(data_dir: str | Path | None = None) -> list[Path]:
    """Make sure that the directory holds MNIST's four files; returns their paths.

    A file that is there and right, byte for byte, is left alone, one that is there and
    wrong is refused. Nothing takes its name before its SHA-256 has been checked, so an
    interrupted download is simply begun again. Raises DatasetError if a file is wrong
    or can be had from no mirror, UserError if it cannot be written.
    """
    directory = Path(DATA_DIR if data_dir is None else data_dir)
    found = _files_in(directory)
    for name, path in found.items():
        if path and not _is_original(name, _content(path)):
            fault = f"{path} is not MNIST's file of that name"
            raise DatasetError(f"{fault}; move it away, try again")
    for name in found:
        if not found[name]:
            content = _fetch(name, directory)
            found[name] = directory / name
            with utils.atomic_write(found[name]) as file:
                file.write(content)
    return list(found.values())


def _is_original(name: str, content: bytes) -> bool:
    """Whether this is, byte for byte, MNIST's file of that name, or that unpacked."""
    sha256_by_size = dict(MNIST_FILES[name])
    sha256 = sha256_by_size.get(len(content))
    return sha256 is not None and sha256 == hashlib.sha256(content).hexdigest()


def _fetch(name: str, directory: Path) -> bytes:
    """A file's verified content, from the first mirror that gives it."""
    (size, _sha256), _unpacked = MNIST_FILES[name]
    out = utils.Output()
    failures = []
    for mirror in MIRRORS:
        url = mirror + name
        content = bytearray()
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_SECONDS) as response:
                while len(content) <= size and (chunk := response.read1(CHUNK_BYTES)):
                    content += chunk
                    out.progress("{name}", len(content) / size, name=name)
        except (OSError, HTTPException, ValueError) as error:
            failures.append(f"{url}: {str(error).strip()}")
            continue
        if _is_original(name, content):
            return bytes(content)
        failures.append(f"{url}: it sent another file, {len(content)} bytes of {size}")
    reasons = "; ".join(failures) or "none to ask"
    fault = f"{directory} lacks {name} and no mirror gave it ({reasons})"
    raise DatasetError(f"{fault}; {REMEDY}")


# --- handwriting of your own: a picture becomes images in MNIST's form ------------------------

WORKING_SIDE = (
    1600  # pixels; larger pictures are shrunk: a 1 cm digit on A4 keeps over 50
)
COARSE_SIDE = 150  # of the shorter side, where whole sheets are looked for
LUMA = (
    0.299,
    0.587,
    0.114,
)  # of red, green, blue: how bright the eye finds them (ITU-R BT.601)
FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")

# Ink, as shares of the paper's brightness
PAPER_WINDOW, SHEET_WINDOW, STROKE_WINDOW = (
    4,
    5,
    14,
)  # the shorter side over this: no stroke
# fills it, any sheet does, few strokes do
DARKEST_PAPER = (
    0.4  # of the brightest paper: in a shadow; a table is darker, its grain no ink
)
LIGHTEST_TABLE = 0.75  # of the sheet's brightness, if all of the picture's rim is table
FAINTEST_INK = (
    0.1  # less is JPEG's ripples and the paper's grain; a printed line may have half
)
NOISE_REACH = (
    6.7  # times the noise's median deviation, 4.5 standard deviations: no longer noise
)
FAINTEST_PART = 0.3  # of the most ink around: the edge of a stroke or of a shadow

# Ruled paper: lines at most so thick (share of the longer side) and so steep (paper
# turned by 11 degrees), looked for in quarters of the width, half of which no row of
# digits fills at one height
RULE_THICKNESS, STEEPEST_RULE, QUARTERS = 1 / 100, 0.2, 4
DARKER = 1.7  # times the ink across a line: where a digit's stroke lies on it

# Which parts make a digit, as shares of the typical digit's height
SMALLEST_DIGIT, MOST_PARTS = 7, 1000  # in pixels; how many, the rest is dust
SMALLEST_SHARE, WHOLE = 0.25, 0.8  # less is a speck; less is a fragment
NEAR = 0.2  # a scrap to the table; a fragment, of the larger's; what touches the edge, of its side
WIDEST, NECK = (
    1.2,
    0.5,
)  # a digit that is not two; where two touch. Of 20,000, 23 pass for two
# By itself: height by width, a dash is less; its ink in the square around it, a dot is
# more; on two crossed lines, a plus is more. Of 20,000 MNIST digits, none is flatter, 9
# fuller, 4 such a cross
FLAT, BLOT, CROSS = 0.4, 0.6, 0.85

# MNIST's form. Where its centre of mass lies: pixel 14, counted from 0. Measured over
# the 60,000 training images: the mean is 14.00 down and 14.01 across, every image
# within half a pixel of it.
BOX_SIDE, CENTRE = 20, 14.0  # the longer side of the digit, in pixels
SOFT_EDGE = (
    1 / 16
)  # of its longer side: what may belong to it around the pixels that surely do
FULL_INK_QUANTILE = 0.9  # of the ink of a digit's pixels: its pen's full ink
USUAL_STROKE = (
    0.1  # of the digit's longer side: 2 of 20 pixels; a thinner pen is thickened to it
)
INK_SHARE = 0.05  # of the darkest pixel: fainter edges are cropped. Of 10,000 MNIST digits enlarged
# and brought back, 4 land a pixel off with 0.05, 28 with 0.1

HINTS = {  # of the reasons in `FoundDigits`; of what has another shape, the shape says enough
    "nothing": N_("Write larger, or darker on an even background"),
    "too faint": N_("Write darker, and as dark everywhere"),
    "at the edge": N_("Show the digits whole, with paper around them"),
    "too small": N_("Write larger, or come closer"),
    "ruled lines": N_("Write darker than the paper's lines, or on plain paper"),
}

# A connected part of the ink: the rows and the columns of its pixels, as np.nonzero
# gives them
Part = tuple[np.ndarray, np.ndarray]


class PictureError(UserError):
    """A picture that cannot be used; one line that says which, what is wrong, what to do."""


class FoundDigit(NamedTuple):
    """A digit found in a picture."""

    box: tuple[
        int, int, int, int
    ]  # left, top, right, bottom in pixels, as a slice: [top:bottom]
    image: np.ndarray  # float32 (784,), in MNIST's form


class FoundDigits(list):
    """The digits found, in reading order; `left_out` counts what else was seen, by reason.

    The reasons: "ruled lines", "too faint", "at the edge", "frame", "too small", and
    shapes that are plainly no digit: "dash", "plus sign", "dot".
    """

    def __init__(self, digits: Iterable[FoundDigit], left_out: Counter[str]):
        super().__init__(digits)
        self.left_out = {reason: int(n) for reason, n in left_out.items() if n}

    @property
    def hint(self) -> str:
        """What to do where no digit was found, by what was left out most."""
        reason = max(self.left_out, key=self.left_out.get, default="nothing")
        return HINTS.get(reason, "")


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture file, upright, shrunk to `WORKING_SIDE` where it is larger.

    Returns uint8 (height, width, 3), red, green, blue; transparent parts show paper. Of
    several frames or pages it is the first. Raises PictureError if the file is missing,
    damaged, absurdly large, or in none of `FORMATS`.
    """
    from PIL import (
        Image,
        UnidentifiedImageError,
    )  # here, because training does without it

    path = Path(path)
    if not os.path.isfile(path):  # noqa: PTH113  (no error of any name, however long)
        fault = (
            "is not a file; name a picture"
            if os.path.lexists(path)
            else "does not exist"
        )
        raise PictureError(f"{path} {fault}")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's, of oddities that do not matter
            warnings.simplefilter(
                "error", Image.DecompressionBombWarning
            )  # by the header alone
            with Image.open(path, formats=FORMATS) as image:
                return _upright_rgb(image, WORKING_SIDE)
    except UnidentifiedImageError as error:
        fault = f"no picture of a known kind ({', '.join(FORMATS)}); save it as one"
        with path.open("rb") as file:
            if file.read(8).endswith(b"ftyp"):
                fault = "HEIC or a relative of it, which is not read; export it as JPEG, or choose "
                fault += "Settings > Camera > Formats > Most Compatible on the iPhone"
        raise PictureError(f"{path} is {fault}") from error
    except Exception as error:  # damaged pictures fail in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(
            f"{path}: cannot be read; damaged or too large? ({reason})"
        ) from error


def _upright_rgb(image: Image.Image, most: int) -> np.ndarray:
    """Decode, shrink, turn upright as its EXIF data says, and lay on paper where transparent.

    The paper is white, but black under sparse and light writing, which white would
    swallow.
    """
    from PIL import Image, ImageOps

    if (
        image.mode[0] in "IF"
    ):  # more than 8 bits a pixel, which Pillow would cut off, not scale
        values = np.nan_to_num(np.asarray(image, np.float32)).clip(0)
        values *= FULL_INK / max(values.max(), 1)
        image = Image.fromarray(np.rint(values).astype(np.uint8))
    elif image.mode in (
        "1",
        "P",
        "PA",
    ):  # to shrink, it takes colours that can be mixed
        image = image.convert("RGBA")
    image.thumbnail((most, most))
    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        *colours, alpha = np.moveaxis(np.asarray(image, np.float32), 2, 0)
        visible = (np.tensordot(LUMA, colours, 1) * alpha).sum() / max(alpha.sum(), 1)
        light_ink = alpha.mean() < FULL_INK / 2 < visible
        paper = Image.new("RGBA", image.size, "black" if light_ink else "white")
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("RGB"))


def find_digits(picture: np.ndarray | Image.Image) -> FoundDigits:
    """Find the handwritten digits in a picture and bring each to MNIST's form.

    The picture is (height, width) grey or (height, width, 3 or 4) RGB or RGBA, of whole
    numbers, bool, or floats in [0, 1], or one of Pillow's; dark ink on light or light
    on dark. The sheet is told from the table and ink from paper, printed lines are
    taken out, and the connected parts of what is left are sorted out, parted where
    digits touch, and joined where a digit has several.

    Returns the digits in reading order, rows from the top, each from left to right, and
    in its `left_out` what was seen but is none. Raises SettingError for a picture in
    another form.
    """
    from PIL import Image

    grey, coarse = _grey(_rgb(picture))
    sheet = np.asarray(Image.fromarray(_sheet(coarse)).resize(grey.shape[::-1]))
    [(left, top, right, bottom)] = _boxes([np.nonzero(sheet)])
    grey, sheet = grey[top:bottom, left:right], sheet[top:bottom, left:right]
    ink = sheet * extract_ink(
        np.where(sheet, grey, np.median(grey[sheet]).astype(np.uint8))
    )
    lines = 0
    for turn in range(
        4
    ):  # across and down, and again: a margin's line is darker than the others
        if turn == 2 and not lines:
            break  # plain paper
        ink, n = _without_lines(ink)
        ink, lines = ink.T, lines + n
    ink = np.where(ink < FAINTEST_INK, 0, ink)
    nearby = _over_windows(np.maximum, ink, min(ink.shape) // STROKE_WINDOW | 1)
    strokes = ink > FAINTEST_PART * nearby
    parts, left_out = _connected(strokes), Counter({N_("ruled lines"): lines})
    for reason, is_that, where in (
        (N_("too faint"), _is_faint, ink),
        (N_("at the edge"), _is_at_edge, sheet),
        (N_("frame"), _is_frame, ink),
    ):
        which = is_that(parts, where)
        left_out[reason] = np.count_nonzero(which)
        parts = [parts[n] for n in np.flatnonzero(~which)]
    parts = _join_fragments(_part_touching(parts), strokes)
    digits, boxes = [], _boxes(parts)
    smallest = max(SMALLEST_DIGIT, SMALLEST_SHARE * _typical_height(boxes))
    for n in _reading_order(boxes):
        image = to_mnist_form(_cut_out(parts[n], boxes[n], ink, strokes))
        if reason := _why_no_digit(boxes[n], image, smallest):
            left_out[reason] += 1
        else:
            box = boxes[n] + (left, top, left, top)
            digits.append(FoundDigit(tuple(box.tolist()), image.ravel()))
    return FoundDigits(digits, left_out)


def _rgb(picture: np.ndarray | Image.Image) -> np.ndarray:
    """A picture in any usual form as uint8 (h, w, 3); SettingError names another form."""
    from PIL import Image

    if isinstance(picture, Image.Image):
        return _upright_rgb(picture.copy(), max(picture.size))
    values = np.asarray(picture)
    most = 1 if values.dtype.kind in "bf" else np.inf
    is_picture = (
        values.dtype.kind in "buif" and values.ndim in (2, 3) and values.size > 0
    )
    is_picture = is_picture and values.shape[2:] in ((), (3,), (4,))
    if not (is_picture and 0 <= values.min() <= values.max() <= most):
        raise utils.SettingError(
            f"a picture is (height, width) or (height, width, 3 or 4), of whole numbers from 0 or "
            f"floats in [0, 1]; not {values.dtype} {values.shape}"
        )
    values = values * (FULL_INK / min(most, max(FULL_INK, values.max())))
    return _upright_rgb(
        Image.fromarray(np.rint(values).astype(np.uint8)), max(values.shape)
    )


def _grey(rgb: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The luma of uint8 (h, w, 3), or the colour with over twice its contrast: uint8 (h, w).

    Red ink may be as bright as green paper: it stands out in red and in green, not in
    luma. Returns beside it the darkest colour, reduced to about `COARSE_SIDE`: white
    paper is bright in all three, a table of light wood is not.
    """
    from PIL import Image

    step = max(1, min(rgb.shape[:2]) // COARSE_SIDE)
    channels = [np.rint(rgb @ np.array(LUMA)).astype(np.uint8), *np.moveaxis(rgb, 2, 0)]
    coarse = [np.asarray(Image.fromarray(channel).reduce(step)) for channel in channels]
    contrasts = [np.square(np.diff(channel.astype(float))).sum() for channel in coarse]
    best = np.argmax(np.multiply(contrasts, (2**2, 1, 1, 1)))
    return channels[best], np.asarray(Image.fromarray(rgb.min(axis=2)).reduce(step))


def _sheet(coarse: np.ndarray) -> np.ndarray:
    """Which pixels of uint8 (h, w) show the sheet, if it lies on a darker table; else all of them.

    The light region, by Otsu's threshold (IEEE Trans. SMC 9, 1979), its writing closed
    and specks opened, is a sheet if it is convex and brighter than what is around: the
    more so, the more of the picture's rim it takes, for the lit side of a shadow takes
    much of it.
    """
    closing = min(coarse.shape) // STROKE_WINDOW | 1
    opening = min(coarse.shape) // SHEET_WINDOW | 1
    bright = _over_windows(
        np.minimum, _over_windows(np.maximum, coarse, closing), closing
    )
    values = np.sort(bright, axis=None).astype(float)
    n = np.arange(1, values.size + 1)
    between = (values.mean() * n - np.cumsum(values)) ** 2 / np.maximum(
        n * (values.size - n), 1
    )
    light = bright > values[between.argmax()]
    wide = _over_windows(np.maximum, _over_windows(np.minimum, light, opening), opening)
    hull = everything = np.ones(coarse.shape, bool)
    if opening < SMALLEST_DIGIT or not wide.any():  # no room for a digit, or no sheet
        return everything
    number, places = connected_components(wide), np.indices(coarse.shape)
    largest = number == np.bincount(number[wide]).argmax()
    largest = light & _over_windows(np.maximum, largest, closing)  # with its corners
    for angle in np.arange(0, 2 * np.pi, np.pi / 16):
        along = np.tensordot((np.sin(angle), np.cos(angle)), places, 1)
        hull = hull & (
            along <= np.quantile(along[largest], 0.998)
        )  # but for a frayed corner
    is_whole = light[hull].sum() >= WHOLE * max(
        hull.sum(), light.sum()
    )  # and the only one
    rim = np.concatenate(
        [largest[0], largest[-1], largest[:, 0], largest[:, -1]]
    ).mean()
    if not is_whole or hull.all():
        return everything
    is_lighter = (LIGHTEST_TABLE - rim) * np.median(coarse[hull]) >= np.median(
        coarse[~hull]
    )
    return _over_windows(np.minimum, hull, 3) if is_lighter else everything


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """How much ink lies where, whatever the light: uint8 (h, w) -> float32 (h, w) up to 1.

        ink = 1 - brightness / paper

    where paper, the brightness without ink, is a morphological closing: the darkest of
    the brightest values in windows that no stroke fills. It follows gradients and a
    shadow's sharp edge. (The black top-hat of Serra, *Image Analysis and Mathematical
    Morphology*, 1982, as a ratio because light multiplies.) A negative is turned over
    first: paper is what most pixels are nearer to, the brightest or the darkest around
    them. What is left of noise becomes 0.
    """
    from PIL import Image, ImageFilter

    smooth = np.asarray(Image.fromarray(grey).filter(ImageFilter.MedianFilter(3)))
    noise = NOISE_REACH * np.median(np.abs(smooth.astype(np.float32) - grey))
    window = max(
        3, int(min(grey.shape) / PAPER_WINDOW) | 1
    )  # odd, so that it has a middle
    values = np.pad(
        smooth if noise else grey, window, mode="edge"
    )  # what reaches it goes on
    inner = np.s_[window:-window, window:-window]
    brightest, darkest = (
        _over_windows(e, values, window) for e in (np.maximum, np.minimum)
    )
    if 2 * values[inner].mean() < brightest[inner].mean() + darkest[inner].mean():
        grey, brightest = FULL_INK - grey, FULL_INK - darkest
    paper = _over_windows(np.minimum, brightest, window)[inner].astype(np.float32)
    light = np.maximum(paper, max(1, DARKEST_PAPER * paper.max()))
    ink = (paper - grey) / light
    ink -= min(
        np.median(ink), FAINTEST_INK
    )  # noise lifts the brightest values above the paper
    return np.where(ink < np.maximum(FAINTEST_INK / 2, noise / light), 0, ink)


def _over_windows(extreme: np.ufunc, values: np.ndarray, side: int) -> np.ndarray:
    """np.maximum or np.minimum over the side x side window around each pixel of (h, w).

    Each step doubles the window, so a large one costs little more than a small one.
    """
    for _ in range(2):  # down, then across
        values = np.pad(values, ((side // 2, (side - 1) // 2), (0, 0)), mode="edge")
        span = 1
        while span < side:
            step = min(span, side - span)
            values = extreme(values[:-step], values[step:])
            span += step
        values = values.T
    return values


def _without_lines(ink: np.ndarray) -> tuple[np.ndarray, int]:
    """Ink (h, w) without the lines printed across the paper, and how many those are.

    Short vertical runs of ink that lie on a line are its pixels; where a digit's stroke
    crosses it or lies on it, the run is longer, or holds more ink than the line does.
    The lines are found by the Hough transform (Duda and Hart, Comm. ACM 15, 1972), in
    each quarter of the width anew, for paper is seldom flat.
    """
    thickest = max(3, round(RULE_THICKNESS * max(ink.shape)))
    edges = np.diff(np.pad(ink > 0, ((1, 1), (0, 0))).view(np.int8), axis=0)
    (x, top), (_, bottom) = np.nonzero(edges.T > 0), np.nonzero(edges.T < 0)
    below = np.cumsum(np.pad(ink, ((1, 0), (0, 0))), axis=0)
    across = below[bottom, x] - below[top, x]
    short = (bottom - top <= thickest) & (across >= FAINTEST_INK)
    x, top, bottom, across = x[short], top[short], bottom[short], across[short]
    span = ink.shape[1] / QUARTERS
    quarter, on_line = (x / span).astype(int), np.zeros(len(x), bool)
    for slope in np.arange(-STEEPEST_RULE, STEEPEST_RULE, 0.01):
        place = (top + bottom) / 2 - slope * x
        place = ((place - place.min(initial=0)) / 2).astype(
            int
        ) + 1  # in steps of two pixels
        place += quarter * (place.max(initial=0) + 2)
        counts = np.bincount(place, minlength=place.max(initial=0) + 2)
        near = counts[place - 1] + counts[place] + counts[place + 1]
        on_line |= near >= span / 2
    # In the quarter with second least: a hand may cover one, a digit's bars fill two.
    lines = np.sort(np.bincount(quarter[on_line], minlength=QUARTERS) / span)[1]
    from_rim_to_rim = np.isin((0, ink.shape[1] - 1), x[on_line]).all()
    if lines < (0.5 if from_rim_to_rim else 1):
        return ink, 0
    on_line &= across < DARKER * np.median(across[on_line])
    x, top, bottom = x[on_line], top[on_line], bottom[on_line]
    ink = ink.copy()
    for offset in range(thickest):
        ink[np.minimum(top + offset, bottom - 1), x] = 0
    return ink, int(np.ceil(lines))


def _connected(mask: np.ndarray) -> list[Part]:
    """The connected parts of a mask (h, w), without dust."""
    part = connected_components(mask)[mask]
    places = np.argwhere(mask).T[:, np.argsort(part, kind="stable")]
    parts = np.split(places, np.cumsum(np.bincount(part)[1:-1]), axis=1)
    parts = sorted(
        (part for part in parts if part.shape[1] >= SMALLEST_DIGIT), key=np.size
    )
    return [tuple(part) for part in parts[-MOST_PARTS:]]


def _boxes(parts: list[Part]) -> np.ndarray:
    """Left, top, right and bottom of each part: int (parts, 4)."""
    boxes = [(x.min(), y.min(), x.max() + 1, y.max() + 1) for y, x in parts]
    return np.reshape(boxes, (-1, 4)).astype(int)


def _typical_height(boxes: np.ndarray) -> int:
    """The height below which half of all heights (n,) together lie: specks count little."""
    heights = np.sort(np.append(0, boxes[:, 3] - boxes[:, 1]))
    return heights[np.searchsorted(np.cumsum(heights), heights.sum() / 2)]


def _is_faint(parts: list[Part], ink: np.ndarray) -> np.ndarray:
    """Which parts hold little ink beside the darkest, as a shadow's edge does: bool (parts,)."""
    mean = np.array([ink[part].mean() for part in parts])
    of_ink = np.repeat(mean, [int(ink[part].sum()) + 1 for part in parts] or 0)
    return mean < FAINTEST_PART * np.quantile(np.append(of_ink, 0), FULL_INK_QUANTILE)


def _is_at_edge(parts: list[Part], sheet: np.ndarray) -> np.ndarray:
    """Which parts are of what the picture cuts off, the table or other writing: bool (parts,).

    In a picture cut close to its digits they touch the edge, but hardly, and are as
    high as those within. Scraps of the table lie near to something larger that is cut
    off.
    """
    boxes = _boxes(parts)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    rim = sheet & ~_over_windows(np.minimum, np.pad(sheet, 1), 3)[1:-1, 1:-1]
    contact = np.array([np.count_nonzero(rim[part]) for part in parts], int)
    within = boxes[contact == 0]
    typical = _typical_height(within if len(within) else boxes)
    is_whole = (WHOLE * typical <= height) & (WHOLE * height <= typical)
    side = np.maximum(width, height)
    is_whole &= contact <= NEAR * side
    is_alone = np.array(
        [np.count_nonzero(side > SMALLEST_SHARE * own) == 1 for own in side], bool
    )
    is_whole |= is_alone & (contact < side)
    edge = np.zeros(sheet.shape, int)
    for n in np.flatnonzero((contact > 0) & ~is_whole):
        edge[parts[n]] = height[n]
    near = _over_windows(np.maximum, edge, 2 * round(NEAR * typical) + 1)
    return np.array(
        [0 < near[part].max() >= own for part, own in zip(parts, height, strict=True)],
        bool,
    )


def _is_frame(parts: list[Part], _: np.ndarray) -> np.ndarray:
    """Which parts are drawn around others that together are about as high: bool (parts,)."""
    boxes = _boxes(parts)
    height = boxes[:, 3] - boxes[:, 1]
    starts_before = boxes[:, np.newaxis, :2] < boxes[:, :2]
    ends_behind = boxes[:, np.newaxis, 2:] > boxes[:, 2:]
    return (starts_before & ends_behind).all(axis=2) @ height > WHOLE * height


def _part_touching(parts: list[Part]) -> list[Part]:
    """Cut each wide part where a column near its middle meets least of it.

    It stays whole if that is much, or if what lies to either side is no whole digit.
    """
    boxes, halves = _boxes(parts), []
    typical = _typical_height(boxes)
    for (y, x), (width, height) in zip(parts, boxes[:, 2:] - boxes[:, :2], strict=True):
        sides, least = [(y, x)], NECK * height
        lowest = WHOLE * max(height, typical)
        middle = x.min() + np.arange(width // 3, 2 * width // 3)
        for cut in middle if width >= WIDEST * height else ():
            left, extent = x < cut, _extent(y[x == cut])
            if extent < least and min(_extent(y[left]), _extent(y[~left])) >= lowest:
                sides, least = [(y[left], x[left]), (y[~left], x[~left])], extent
        halves += sides
    return halves


def _extent(places: np.ndarray) -> int:
    """How long a line is from the first to the last of places (n,)."""
    return np.ptp(places) + 1 if len(places) else 0


def _join_fragments(parts: list[Part], strokes: np.ndarray) -> list[Part]:
    """Join each fragment of a digit to the nearest part above or below it, or behind a small gap.

    Fragments of a digit lie one above the other, digits do not; so it is with a 5 and
    its bar. Of a broken stroke they lie anywhere, hardly apart.
    """
    boxes = _boxes(parts)
    (left, top, right, bottom), typical = boxes.T, _typical_height(boxes)
    height = bottom - top
    beside = np.maximum.outer(left, left) - np.minimum.outer(right, right)
    gap = np.maximum.outer(top, top) - np.minimum.outer(bottom, bottom)
    broken = max(
        3, int(USUAL_STROKE / 2 * typical) | 1
    )  # a gap in a stroke is narrower
    cluster = connected_components(_over_windows(np.maximum, strokes, broken))
    cluster = np.array([cluster[y[0], x[0]] for y, x in parts], int)
    fits = (beside < 0) & (gap <= NEAR * np.maximum.outer(height, height))
    fits |= np.equal.outer(cluster, cluster)
    np.fill_diagonal(fits, False)
    fragment = np.flatnonzero((height < WHOLE * typical) & fits.any(axis=1))
    nearest = np.array(
        [np.where(fits[n], gap[n], np.inf).argmin() for n in fragment], int
    )
    digit = connect(len(parts), fragment, nearest)
    of_digit = [np.flatnonzero(digit == n) for n in np.unique(digit)]
    return [tuple(np.concatenate([parts[n] for n in own], axis=1)) for own in of_digit]


def _reading_order(boxes: np.ndarray) -> np.ndarray:
    """The order of boxes (n, 4): rows from the top, each from left to right.

    A row is a chain: each box's next is the nearest to the right that half overlaps it
    in height. The rows' slope is the median of the steps from box to box.
    """
    if not len(boxes):
        return np.zeros(0, int)
    x, y = (boxes[:, :2] + boxes[:, 2:]).T / 2
    height, ahead, slope = boxes[:, 3] - boxes[:, 1], x - x[:, np.newaxis], 0.0
    for _ in range(2):  # the second time along the slope
        level = y - slope * x
        apart = np.abs(level - level[:, np.newaxis])
        is_next = (ahead > 0) & (apart <= np.maximum.outer(height, height) / 2)
        this = np.flatnonzero(is_next.any(axis=1))
        following = np.where(is_next, ahead, np.inf).argmin(axis=1)[this]
        step = x[following] - x[this]
        steps = ((y[following] - y[this]) / step)[step < 3 * np.median(height)]
        slope = np.median(steps) if len(steps) > 2 else 0.0
    row = connect(len(boxes), this, following)
    return np.lexsort((x, (np.bincount(row, level) / np.bincount(row))[row]))


def _cut_out(
    part: Part, box: np.ndarray, ink: np.ndarray, strokes: np.ndarray
) -> np.ndarray:
    """A digit's ink with its soft edges and nothing of its neighbours: (h, w) in [0, 1].

    A thin pen, which would all but vanish in MNIST's 20 pixels, is made as thick as
    usual.
    """
    side = max(box[2:] - box[:2])
    margin = max(1, round(SOFT_EDGE * side))
    left, top = np.maximum(box[:2] - margin, 0)
    window = np.s_[top : box[3] + margin, left : box[2] + margin]
    own = np.zeros_like(strokes[window])
    own[part[0] - top, part[1] - left] = True
    near = _over_windows(np.maximum, own, 2 * margin + 1)
    digit = np.where(near & (own | ~strokes[window]), ink[window], 0)
    digit = np.minimum(digit / np.quantile(ink[part], FULL_INK_QUANTILE), 1)
    thicker = round(USUAL_STROKE * side - stroke_width(own[np.newaxis])[0])
    if thicker > 0:
        digit = _over_windows(np.maximum, np.pad(digit, thicker), thicker + 1)
    return digit


def _why_no_digit(box: np.ndarray, image: np.ndarray, smallest: float) -> str:
    """What a part is if it is plainly no digit, by its box and its image (28, 28); else empty."""
    width, height = box[2:] - box[:2]
    if max(width, height) < smallest:
        return N_("too small")
    if height < FLAT * width:
        return N_("dash")
    middle = np.abs(np.arange(IMAGE_SIDE) + 0.5 - CENTRE) < USUAL_STROKE * BOX_SIDE
    on_cross = image[middle | middle[:, np.newaxis]].sum()
    if on_cross > CROSS * image.sum() and 2 * min(width, height) > max(width, height):
        return N_("plus sign")
    is_blot = np.count_nonzero(image >= utils.INK_THRESHOLD) > BLOT * BOX_SIDE**2
    return N_("dot") if is_blot else ""


def to_mnist_form(ink: np.ndarray) -> np.ndarray:
    """Crop, scale and centre one digit the way MNIST's were, by http://yann.lecun.com/exdb/mnist/.

    `ink` is float (height, width) of any size, 0 paper to 1 full ink. Returns float32
    (28, 28) in [0, 1], all zeros if there is no ink. Each pixel is the exact mean of
    the area it covers.
    """
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    if not ink.any():
        return image
    [(left, top, right, bottom)] = _boxes([np.nonzero(ink >= INK_SHARE * ink.max())])
    digit = ink[top:bottom, left:right]
    scale = BOX_SIDE / max(digit.shape)
    down, across = (
        _coverage(max(1, round(side * scale)), side) for side in digit.shape
    )
    small = down @ digit @ across.T
    row, column = (_offset(small.sum(axis=axis)) for axis in (1, 0))
    image[row : row + len(down), column : column + len(across)] = small
    return image


def _coverage(n_out: int, n_in: int) -> np.ndarray:
    """How much of each output pixel each input pixel covers, along one axis: (n_out, n_in)."""
    edges_in = np.arange(n_in + 1) * (n_out / n_in)  # in output pixels
    inside = np.clip(edges_in - np.arange(n_out)[:, np.newaxis], 0, 1)
    return np.diff(inside, axis=1)


def _offset(profile: np.ndarray) -> int:
    """Where a side starts in the image: its centre of mass at CENTRE, nothing cut off."""
    centre_of_mass = profile @ np.arange(len(profile)) / profile.sum()
    return int(np.clip(round(CENTRE - centre_of_mass), 0, IMAGE_SIDE - len(profile)))


# --- deformed copies ------------------------------------------------------------------

# How far a copy may differ from its original, to either side. Chosen on held-out
# training images: less overfits.
ROTATION = np.deg2rad(12)
SHEAR = 0.2
SCALE = 0.12  # of each axis by itself, as the exponent of e
SHIFT = 1.5  # pixels
BEND = 1.75  # pixels: the standard deviation of a control point's displacement
CELLS = 5  # of the control points' grid, along a side
COPIES_AT_ONCE = 64  # so that what is computed on the way stays in the cache


def augment(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A deformed copy of each image: turned, scaled, sheared, shifted, bent at random.

    Pixel p of a copy shows what its original has at A (p - c) + c + shift + bend(p),
    with c the centre, A a rotation times a shear times a scaling, and bend a cubic
    B-spline over a coarse grid of random displacements (instead of the blurred fields
    of Simard et al., ICDAR 2003). What lies outside an image is paper. `images` and the
    copies are float32 (n, 784).
    """
    copies = np.empty_like(images)
    for start in range(0, len(images), COPIES_AT_ONCE):
        originals = images[start : start + COPIES_AT_ONCE]
        maps = _random_maps(len(originals), rng)
        copies[start : start + COPIES_AT_ONCE] = _between_pixels(
            originals, rows=maps[:, 0], columns=maps[:, 1]
        )
    return copies


def _random_maps(n: int, rng: np.random.Generator) -> np.ndarray:
    """Which place of its original each pixel of n copies shows: (n, 2, 784)."""
    turn, shear, scale_down, scale_across = rng.uniform(-1, 1, (4, n, 1, 1))
    cos = np.cos(turn * ROTATION)
    sin = np.sin(turn * ROTATION)
    shear = shear * SHEAR
    stretch_down = np.exp(scale_down * SCALE)
    stretch_across = np.exp(scale_across * SCALE)
    # Rotation @ shear @ scaling, multiplied out: (n, 2, 2)
    matrix = np.block(
        [
            [cos * stretch_down, (cos * shear - sin) * stretch_across],
            [sin * stretch_down, (sin * shear + cos) * stretch_across],
        ]
    )
    basis = _map_basis()
    shift = CENTRE + rng.uniform(-1, 1, (n, 2, 1)) * SHIFT
    bend = rng.normal(0, BEND, (n, 2, len(basis) - 3))
    # Row, column, 1 and each spline, each times how much of it there is
    mixture = np.concatenate([matrix, shift, bend], axis=2)
    return mixture.astype(np.float32) @ basis


@cache
def _map_basis() -> np.ndarray:
    """What a map is a mixture of: row, column, 1 and the splines, (3 + points, 784)."""
    pixels = np.arange(IMAGE_SIDE)
    points = np.arange(-1, CELLS + 2)[:, np.newaxis]
    t = np.abs(pixels * CELLS / (IMAGE_SIDE - 1) - points)  # distance in cells
    near = 2 / 3 - t**2 + t**3 / 2
    far = np.maximum(2 - t, 0) ** 3 / 6
    spline = np.where(t < 1, near, far)
    rows, columns = np.indices((IMAGE_SIDE, IMAGE_SIDE)).reshape(2, -1) - CENTRE
    basis = [rows, columns, np.ones(PIXELS), np.kron(spline, spline)]
    return np.vstack(basis).astype(np.float32)


def _between_pixels(
    images: np.ndarray, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """The images' values at these places, by bilinear interpolation: all (n, 784)."""
    # Paper around each image: a pixel before, two behind
    n = len(images)
    side = IMAGE_SIDE + 3
    squares = images.reshape(n, IMAGE_SIDE, IMAGE_SIDE)
    paper = np.pad(squares, ((0, 0), (1, 2), (1, 2)))

    # The pixel above and to the left of each place, and how far the place is from it
    rows = np.clip(rows + 1, 0, IMAGE_SIDE + 1)
    columns = np.clip(columns + 1, 0, IMAGE_SIDE + 1)
    top = np.floor(rows)
    left = np.floor(columns)
    down = rows - top
    right = columns - left

    # Its number in all of `paper`, and the values of the four pixels around the place
    corner = (top * side + left).astype(np.intp)
    corner += side * side * np.arange(n)[:, np.newaxis]
    upper = paper.take(corner)
    upper_next = paper.take(corner + 1)
    lower = paper.take(corner + side)
    lower_next = paper.take(corner + side + 1)

    upper += right * (upper_next - upper)
    lower += right * (lower_next - lower)
    return upper + down * (lower - upper)


# --- python mnist_loader.py -----------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Download and verify MNIST, and tell its characteristics."""
    parser = utils.ArgumentParser(
        "Download MNIST, verify it, and say what it holds.",
        """
        python mnist_loader.py                         into data/
        python mnist_loader.py --data-dir ~/mnist      elsewhere
        python mnist_loader.py --lang ru               in Russian
        """,
    )
    parser.add_argument(
        "--data-dir",
        type=utils.user_path,
        metavar="DIR",
        help="put the files there (default: $MNIST_DATA_DIR or data/)",
    )
    parser.add_argument("--lang", default="en", help=utils.LANGUAGE_HELP)
    options = parser.parse_args(arguments)
    check({"lang": utils.LANGUAGE}, lang=options.lang)

    paths = download_mnist(options.data_dir)
    out = utils.Output(options.lang)
    for path in paths:
        out.log("Verified: {path}", path=path)
    images, train_digits, _test_images, test_digits = map(read_idx, paths)
    out.log(
        """
        {total:,} images of the digits 0 to 9
        {train:,} training examples, {test:,} test examples
        Size of each image: {height}x{width} pixels ({pixels} pixels)
        Each pixel has a value from {lowest} to {highest} (levels of grey)
        Mean ink of the training images: {mean:.4f} of full; with ink: {covered:.1%}
        Images of each digit:
        """,
        total=len(train_digits) + len(test_digits),
        train=len(train_digits),
        test=len(test_digits),
        height=images.shape[1],
        width=images.shape[2],
        pixels=images[0].size,
        lowest=images.min(),
        highest=images.max(),
        mean=images.mean() / FULL_INK,
        covered=np.mean(images > 0),
    )
    for digit in range(DIGITS):
        out.log(
            "  {digit}: {train:,} training, {test:,} test",
            digit=digit,
            train=np.sum(train_digits == digit),
            test=np.sum(test_digits == digit),
        )
    return 0


if __name__ == "__main__":
    utils.run_script(main)
