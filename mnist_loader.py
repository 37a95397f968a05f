"""Where digits come from: IDX files, a download, your own pictures, deformed copies.

An image becomes a row of 784 numbers in [0, 1], row by row from the top left; a label
stays the digit that it is until `Split.targets` asks which images show the one digit to
recognise.

    python mnist_loader.py          download MNIST, verify it and say what it holds
"""

# First: it refuses an old Python, and asks for one BLAS thread before NumPy loads
import utils  # isort: split

import gzip
import hashlib
import io
import math
import os
import sys
import threading
import time
import urllib.request
import warnings
import zlib
from collections import Counter
from collections.abc import Iterable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, NoReturn
from urllib.error import HTTPError, URLError

import numpy as np

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

# What a download fills by itself. (Of a loop of links, Path.resolve would make a
# RuntimeError before Python 3.13.)
OWN_DIR = Path(os.path.realpath(Path(__file__).parent / "data"))
# Where the four MNIST files are: $MNIST_DATA_DIR, or data/ beside this file, or set
# your own path here
DATA_DIR = utils.user_path(os.environ.get("MNIST_DATA_DIR") or OWN_DIR)
SAMPLE_DIR = OWN_DIR / "sample"  # handwriting-like digits, for machines without MNIST

IMAGE_SIDE = 28
PIXELS = IMAGE_SIDE * IMAGE_SIDE
FULL_INK = 255  # the largest value of a pixel's byte
DIGITS = 10
SOURCES = ("auto", "mnist", "sample")
RANGES = {  # of the arguments of the functions below
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

# For who has made the files
FORM = (
    "the form that is read: unsigned bytes, big-endian sizes; images n x 28 x 28, ink "
    "bright on 0; labels n, 0 to 9; data/README.md shows how to write them"
)
GET_AGAIN = "get the file again"  # it was damaged on its way
GET_OR_MAKE_AGAIN = f"{GET_AGAIN}; {FORM}"  # LF became CRLF, or numbers are too wide
SEE_README = "see data/README.md"
# There, URLs and system errors have their place
DOWNLOAD = "`python mnist_loader.py` downloads MNIST or says what hinders it"


class Split(NamedTuple):
    """The training or the test part of a data set."""

    images: np.ndarray  # float32 (n, 784), 0 paper to 1 full ink
    digits: np.ndarray  # uint8 (n,), 0 to 9

    def targets(self, digit: int = 8) -> np.ndarray:
        """The right answers, float32 (n,): 1 where the image shows `digit`, else 0."""
        check(RANGES, digit=digit)
        return (self.digits == digit).astype(np.float32)

    def first(self, n: int | None) -> "Split":
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
    directory = utils.user_path(DATA_DIR if data_dir is None else data_dir)
    is_own = Path(os.path.realpath(directory)) == OWN_DIR
    if source == "sample":
        directory = SAMPLE_DIR
    elif is_own and None in _files_in(directory).values():
        try:
            download_mnist(directory)
        except UserError as error:
            if source == "mnist":
                raise _lack(directory, f"{DOWNLOAD}; {SEE_README}") from error
            utils.warn("MNIST is not there; the bundled sample, NOT MNIST, steps in")
            utils.warn(DOWNLOAD)
            directory = SAMPLE_DIR

    # Its four files, each read once: the bytes called MNIST are the bytes parsed
    found = _files_in(directory)
    if None in found.values():
        raise _lack(directory, SEE_README)
    files = [(path, _content(path)) for path in found.values()]
    train = _read_split(files[0], files[1], train_size)
    test = _read_split(files[2], files[3], None)
    is_mnist = all(
        _is_original(name, content)
        for name, (_path, content) in zip(found, files, strict=True)
    )
    return Dataset(_name_of(directory, is_mnist), train, test)


def _files_in(directory: Path) -> dict[str, Path | None]:
    """The path of each MNIST file, in any usual spelling; None where it is missing.

    Some unpackers make a directory of a file's name, and the file is in there.
    """
    found = {}
    for name in MNIST_FILES:
        plain = name.removesuffix(".gz")
        dotted = plain.replace("-idx", ".idx")  # as the original host named them
        spellings = [name, plain, dotted, f"{dotted}.gz"]
        inside = [f"{folder}/{file}" for folder in spellings for file in spellings]
        paths = [directory / place for place in spellings + inside]
        are_there = (path for path in paths if os.path.lexists(path))
        found[name] = next((path for path in are_there if not _is_dir(path)), None)
    return found


def _is_dir(path: Path) -> bool:
    """Path.is_dir, but False where that may not be known; it would raise an error."""
    return os.path.isdir(path)  # noqa: PTH112


# Parts of the names of what is often met in place of the files
DATA_NAMES = ("ubyte", "mnist", ".npy", ".npz", ".csv", ".gz", ".zip", ".7z")
MOST_NAMED = 8  # so that the line stays one


def _lack(directory: Path, remedy: str) -> DatasetError:
    """The error that a directory lacks files: which, what is there, what to do."""
    missing = [name for name, path in _files_in(directory).items() if path is None]
    has_none = len(missing) == len(MNIST_FILES)
    lacking = "MNIST's four files" if has_none else ", ".join(missing)
    fault = f"{directory} lacks {lacking}"
    try:
        paths = sorted(directory.iterdir())
    except OSError as error:
        return DatasetError(f"{fault} ({error.strerror or error}); {remedy}")

    # One directory further in, or two, as torchvision's MNIST/raw is; but the bundled
    # sample, which has the same names, is not what anyone looks for
    folders = [path for path in paths if _is_dir(path) and path.name != SAMPLE_DIR.name]
    folders += [folder / "raw" for folder in folders]
    for folder in folders:
        if None not in _files_in(folder).values():
            inner = folder.relative_to(directory).as_posix()
            return DatasetError(f"{fault}; {inner}/ in it holds them: name that")

    # What the user may have meant
    names = [path.name for path in paths]
    alike = [name for name in names if any(part in name.lower() for part in DATA_NAMES)]
    there = f"it holds {', '.join(alike[:MOST_NAMED]) or 'nothing like them'}"
    return DatasetError(f"{fault} ({there}); {remedy}")


def _name_of(directory: Path, is_mnist: bool) -> str:
    """What the data set is called: MNIST is said of the original bytes alone."""
    directory = Path(os.path.realpath(directory))
    if directory == SAMPLE_DIR:
        return "sample"
    if is_mnist:
        return "MNIST"
    name = utils.printable(directory.name)
    return f"{name} (other files)" if name.lower() in ("mnist", "sample") else name


def _read_split(
    image_file: tuple[Path, bytes], label_file: tuple[Path, bytes], size: int | None
) -> Split:
    """The first `size` images and their digits, of two files: paths and contents."""
    images_path, images_content = image_file
    labels_path, labels_content = label_file
    pixels, n_images = _parse_idx(images_path, images_content, size)
    digits, n_labels = _parse_idx(labels_path, labels_content, None)

    # Each holds what its name says
    image_size = (IMAGE_SIDE, IMAGE_SIDE)
    if pixels.ndim == 1 and digits.shape[1:] == image_size:
        fault = f"{images_path} holds labels, {labels_path.name} images"
        raise DatasetError(f"{fault}; the two are interchanged: rename both")
    if pixels.shape[1:] != image_size:
        fault = f"{images_path} holds items of {_size_of(pixels)}, not of 28x28"
        raise DatasetError(f"{fault}; {FORM}")
    if digits.ndim != 1:
        fault = f"{labels_path} holds items of {_size_of(digits)}, not of one number"
        raise DatasetError(f"{fault}; {FORM}")
    is_no_digit = digits >= DIGITS
    if is_no_digit.any():
        place = int(is_no_digit.argmax())
        fault = f"label {place} is {digits[place]}, not a digit from 0 to 9"
        extent = f"they run from {digits.min()} to {digits.max()}"
        raise DatasetError(f"{labels_path}: {fault} ({extent}); {FORM}")

    # There are as many of both, and enough
    if n_images != n_labels or not n_images:
        raise DatasetError(
            f"{images_path} holds {n_images} images, {labels_path.name} {n_labels} "
            "labels; as many of both are expected; take both from one source"
        )
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
# What is met in place of an IDX file, by its first bytes, and what to do
OTHER_KINDS = {
    GZIP_MAGIC: "packed by gzip twice; unpack it once",
    b"PK\3\4": "a zip archive; unpack it",
    b"7z\xbc\xaf": "a 7z archive; unpack it",
    b"\xfd7zXZ": "packed by xz; unpack it",
    b"BZh": "packed by bzip2; unpack it",
    b"\x93NUMPY": f"a NumPy file (.npy), not IDX; {FORM}",
    b"version https://git-lfs": "a pointer of Git LFS; `git lfs pull` gets the file",
}
TOLD_BY = 300  # first bytes of a file tell its kind: in those of tar it is the 257th
MOST_BYTES = 1 << 28  # of data; MNIST's largest file has 47 MB
MOST_DIMENSIONS = 32  # that an array of NumPy 1 can have


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
    path = utils.user_path(path)
    return _parse_idx(path, _content(path), limit)[0]


def _content(path: Path) -> bytes:
    """A file's bytes; DatasetError if there is none or it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError as error:
        raise DatasetError(f"{path} does not exist; {SEE_README}") from error
    except OSError as error:
        fault = f"{path}: cannot be read: {error.strerror or error}"
        raise DatasetError(f"{fault}; {SEE_README}") from error


def _parse_idx(path: Path, content: bytes, limit: int | None) -> tuple[np.ndarray, int]:
    """`read_idx` of a file's content, and how many items its header promises."""
    is_gzip = content.startswith(GZIP_MAGIC)
    stream = io.BytesIO(content)
    if is_gzip:
        stream = gzip.GzipFile(fileobj=stream)
    try:
        shape = _read_header(stream)
        n_bytes = math.prod(shape)
        # Of no images at all, too, NumPy cannot hold one that is too large
        if math.prod(filter(None, shape)) > MOST_BYTES:
            raise ValueError(_misfit(shape, "more than a data set holds", FORM))
        if not is_gzip:
            there = len(content) - stream.tell()
            if there != n_bytes:
                remedy = GET_AGAIN if there < n_bytes else GET_OR_MAKE_AGAIN
                raise ValueError(_misfit(shape, f"there are {there}", remedy))

        wanted = shape if limit is None else (min(limit, shape[0]), *shape[1:])
        data = bytearray(stream.read(math.prod(wanted)))  # bytes would be read-only
        if len(data) < math.prod(wanted):
            raise ValueError(_misfit(shape, f"there are {len(data)}", GET_AGAIN))
        if wanted == shape and stream.read(1):
            raise ValueError(_misfit(shape, "more follow", GET_OR_MAKE_AGAIN))
        return np.frombuffer(data, np.uint8).reshape(wanted), shape[0]
    except (gzip.BadGzipFile, zlib.error, EOFError) as error:
        fault = f"{path}: damaged gzip data ({error})"
        raise DatasetError(f"{fault}; {GET_AGAIN}") from error
    except ValueError as error:
        raise DatasetError(f"{path}: {error}") from error


def _misfit(shape: tuple[int, ...], there: str, remedy: str) -> str:
    """What is wrong with a file of another length than its header promises."""
    in_reverse = np.array(shape, ">u4").view("<u4").tolist()
    if math.prod(in_reverse) < math.prod(shape):
        return f"the sizes in its header are little-endian; {FORM}"
    promised = f"the header promises {'x'.join(map(str, shape))} bytes"
    return f"{promised}, {there}; {remedy}"


def _read_header(stream: BinaryIO) -> tuple[int, ...]:
    """The shape that an IDX file's header gives.

    ValueError for another file says what it is, and what to do.
    """
    magic = stream.read(4)
    if len(magic) < 4:
        raise ValueError(f"empty, or truncated within the header; {GET_AGAIN}")
    if magic[:2] != b"\0\0":
        raise ValueError(_other_kind(magic + stream.read(TOLD_BY)))
    kind = magic[2]
    if kind != UNSIGNED_BYTE:
        name = IDX_TYPES.get(kind, "unknown to IDX")
        fault = f"data of type 0x{kind:02x} ({name})"
        raise ValueError(f"{fault}, not unsigned bytes (0x08); {FORM}")
    dimensions = magic[3]
    if not 0 < dimensions <= MOST_DIMENSIONS:
        raise ValueError(f"an array of {dimensions} dimensions; {FORM}")
    sizes = stream.read(4 * dimensions)
    if len(sizes) < 4 * dimensions:
        raise ValueError(f"truncated within the header; {GET_AGAIN}")
    return tuple(np.frombuffer(sizes, ">u4").tolist())


def _other_kind(begin: bytes) -> str:
    """What a file that begins so is, if not IDX, and what to do."""
    if begin.startswith(b"PK") and b".npy" in begin:  # a zip archive of .npy files
        return f"a NumPy file (.npz), not IDX; {FORM}"
    for first_bytes, what in OTHER_KINDS.items():
        if begin.startswith(first_bytes):
            return what
    if begin[257:262] == b"ustar":
        return "a tar archive; unpack it"
    # A web page may begin with a byte order mark or with white space
    if begin.lstrip(b"\xef\xbb\xbf\r\n\t ").startswith(b"<"):
        return f"a web page; {GET_AGAIN}"
    first_four = begin[:4].hex(" ")
    if begin[2:4] == b"\0\0" and begin[1] in (UNSIGNED_BYTE, *IDX_TYPES):
        return f"its header is little-endian ({first_four}); {FORM}"
    return f"neither gzip nor IDX, it begins with {first_four}; {FORM}"


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
# For a whole file, headers too; the largest comes in it at 1.3 Mbit/s
DEADLINE_SECONDS = 60.0
CHUNK_BYTES = 1 << 18  # at most, between two looks at the clock
INSTALL_CERTIFICATES = (
    'on macOS open "Install Certificates.command" in /Applications/Python '
    f"{sys.version_info.major}.{sys.version_info.minor}"
)


def download_mnist(data_dir: str | Path | None = None) -> list[Path]:
    """Make sure that the directory holds MNIST's four files; returns their paths.

    A file that is there and right, byte for byte, is left alone, one that is there and
    wrong is refused. Nothing takes its name before its SHA-256 has been checked, so an
    interrupted download is simply begun again. Raises DatasetError if a file is wrong
    or can be had from no mirror, UserError if it cannot be written.
    """
    directory = utils.user_path(DATA_DIR if data_dir is None else data_dir)
    found = _files_in(directory)
    for name, path in found.items():
        if path and not _is_original(name, _content(path)):
            fault = f"{path} is not MNIST's file of that name"
            raise DatasetError(f"{fault}; move it away, try again")
    failures = {}
    for name in found:
        if not found[name]:
            content = _fetch(name, directory, failures)
            found[name] = directory / name
            with utils.atomic_write(found[name]) as file:
                file.write(content)
    return list(found.values())


def _is_original(name: str, content: bytes) -> bool:
    """Whether this is, byte for byte, MNIST's file of that name, or that unpacked."""
    sha256_by_size = dict(MNIST_FILES[name])
    sha256 = sha256_by_size.get(len(content))
    return sha256 is not None and sha256 == hashlib.sha256(content).hexdigest()


def _fetch(name: str, directory: Path, failures: dict[str, str]) -> bytes:
    """A file's verified content, from the first mirror that gives it.

    A mirror that fails is entered in `failures` with its fault, and not asked again.
    """
    (size, _sha256), _unpacked = MNIST_FILES[name]
    for mirror in MIRRORS:
        if mirror in failures:
            continue
        answer = _Answer(mirror + name, size)
        answer.wait(name)
        content = bytes(answer.content)
        if _is_original(name, content):
            return content
        other = f"it sent another file, {len(content)} bytes of {size}"
        failures[mirror] = answer.fault or other

    reasons = "; ".join(f"{mirror}: {fault}" for mirror, fault in failures.items())
    fault = f"{directory} lacks {name} and no mirror gave it ({reasons})"
    remedy = "data/README.md says how to put it there by hand"
    if "CERTIFICATE_VERIFY_FAILED" in reasons:
        remedy = f"{INSTALL_CERTIFICATES}; or {remedy}"
    raise DatasetError(f"{fault}; {remedy}")


class _Answer(threading.Thread):
    """What a mirror answers, as far as it has come, read by a thread of its own.

    A socket's time limit begins anew with every byte, and a mirror that drips would
    hold its reader for hours. So this one may be left alone: it says nothing, and as a
    daemon it does not keep Python alive.
    """

    def __init__(self, url: str, size: int):
        super().__init__(daemon=True)
        self.url = url
        self.size = size  # bytes that the file has; with more, it is another
        self.content = bytearray()
        self.fault = ""
        self.deadline = time.monotonic() + DEADLINE_SECONDS

    def run(self) -> None:
        try:
            opener = urllib.request.build_opener(_NoRedirects)
            with opener.open(self.url, timeout=ANSWER_SECONDS) as response:
                while len(self.content) <= self.size and not self._is_late():
                    chunk = response.read1(CHUNK_BYTES)
                    if not chunk:
                        break
                    self.content += chunk
        except Exception as error:  # servers fail in many ways
            # urllib wraps a socket's error, but not a server's, in a bare URLError
            cause = error.reason if type(error) is URLError else error
            self.fault = str(cause).strip() or type(cause).__name__

    def wait(self, name: str) -> None:
        """Start, and wait for the end or the deadline, showing how far it is."""
        out = utils.Output()
        self.start()
        while self.is_alive() and not self._is_late():
            self.join(utils.SECONDS_BETWEEN)  # in short steps, so that Ctrl-C works
            out.progress("{name}", len(self.content) / self.size, name=name)
        if self._is_late():
            self.fault = f"not all of it within {DEADLINE_SECONDS:g} seconds"

    def _is_late(self) -> bool:
        return time.monotonic() >= self.deadline


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses to be sent elsewhere: a mirror has the file, a hotel's login has not."""

    def redirect_request(
        self, request: Any, answer: Any, code: int, _why: str, headers: Any, url: str
    ) -> NoReturn:
        place = url.partition("?")[0]
        fault = f"it redirects to {place}"
        raise HTTPError(request.full_url, code, fault, headers, answer)


# --- handwriting of your own: a picture becomes images in MNIST's form ----------------

# Throughout this section:
#     picture    uint8 (h, w) grey or (h, w, 3) RGB, as it was handed in
#     grey       uint8 (h, w), the picture shrunk to WORKING_SIDE
#     sheet      bool (h, w), the paper that is written on
#     ink        float (h, w), 0 paper to 1: what is missing of the paper's brightness
#     strokes    bool (h, w), where there is enough ink for a stroke
#     part       connected pixels: their rows (n,) and columns (n,)
#     box        left, top, right, bottom of a part: [top:bottom, left:right]
#
# The way of a picture, and the order of the functions:
#     read -> sheet -> ink -> lines out -> parts -> sorted out -> joined -> digits
#
# "Without it: -8 / +26" says what a rule is worth: 8 fewer digits are found, of 786,
# and 26 more boxes are false; "0.4 is -1 / +2" says the same of another value. Measured
# on 118 pictures by strangers: 55 photographs, drawings and a scan of many digits, and
# 63 images of 28 x 28.

Part = tuple[np.ndarray, np.ndarray]
Box = tuple[int, int, int, int]

# What to do about the reasons in `FoundDigits`; of other shapes, the shape says enough
HINTS = {
    "nothing": N_("Write larger, or darker on an even background"),
    "too faint": N_("Write darker, and as dark everywhere"),
    "at the edge": N_("Show the digits whole, with paper around them"),
    "too small": N_("Write larger, or come closer"),
    "ruled lines": N_("Write darker than the paper's lines, or on plain paper"),
}


class PictureError(UserError):
    """A picture that cannot be used: one line on which, what is wrong, what to do."""


class FoundDigit(NamedTuple):
    """A digit found in a picture."""

    box: Box  # in the picture's pixels
    image: np.ndarray  # float32 (784,), in MNIST's form


class FoundDigits(list):
    """The digits found, in reading order; `left_out` counts what else was seen.

    It is a dict from a reason: "ruled lines", "too faint", "at the edge", "frame",
    "too small", or a shape that is plainly no digit: "dash", "plus sign".
    """

    def __init__(self, digits: Iterable[FoundDigit], left_out: dict[str, int]):
        super().__init__(digits)
        self.left_out = {reason: int(n) for reason, n in left_out.items() if n}

    @property
    def hint(self) -> str:
        """What to do where no digit was found, by what was left out most."""
        reason = max(self.left_out, key=self.left_out.get, default="nothing")
        return HINTS.get(reason, "")


# A picture's file is read.

FORMATS = ("PNG", "JPEG", "BMP", "WEBP", "GIF", "TIFF")
PICTURE_SIDE = 1600  # pixels; larger pictures are shrunk: a figure shows no more


def read_picture(path: str | Path) -> np.ndarray:
    """Read a picture file, upright, shrunk to `PICTURE_SIDE` where it is larger.

    Returns uint8 (height, width, 3), red, green, blue; transparent parts show paper. Of
    several frames or pages it is the first. Raises PictureError if the file is missing,
    damaged, absurdly large, or in none of `FORMATS`.
    """
    from PIL import Image, UnidentifiedImageError  # here: training does without it

    path = utils.user_path(path)
    if not os.path.isfile(path):  # noqa: PTH113  (no error of a name too long)
        is_there = os.path.lexists(path)
        fault = "is not a file; name a picture" if is_there else "does not exist"
        raise PictureError(f"{path} {fault}")
    try:
        with warnings.catch_warnings():
            # Pillow warns of oddities that do not matter, and of sizes that do.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=FORMATS) as image:
                return _upright_rgb(image)
    except UnidentifiedImageError as error:
        fault = f"no picture of a known kind ({', '.join(FORMATS)}); save it as one"
        with path.open("rb") as file:
            if file.read(8).endswith(b"ftyp"):
                fault = (
                    "HEIC or a relative of it, which is not read; export it as JPEG, "
                    "or choose Settings > Camera > Formats > Most Compatible on the "
                    "iPhone"
                )
        raise PictureError(f"{path} is {fault}") from error
    except Exception as error:  # damaged pictures fail in many ways
        reason = " ".join(str(error).split()) or type(error).__name__
        raise PictureError(
            f"{path}: cannot be read; damaged or too large? ({reason})"
        ) from error


def _upright_rgb(image: "Image.Image") -> np.ndarray:
    """Decode, shrink, turn upright by EXIF's data, and lay on paper where transparent.

    The paper is white, but black under sparse and light writing, which white would
    swallow.
    """
    from PIL import Image, ImageOps

    if image.mode[0] in "IF":  # more than 8 bits a pixel, which Pillow would cut off
        values = np.nan_to_num(np.asarray(image, np.float32)).clip(0)
        values *= FULL_INK / max(values.max(), 1)
        image = Image.fromarray(np.rint(values).astype(np.uint8))
    elif image.mode in ("1", "P", "PA"):  # only true colours can be mixed
        image = image.convert("RGBA")
    image.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    image = ImageOps.exif_transpose(image)
    if "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        grey_and_alpha = np.asarray(image.convert("LA"), np.float32)
        grey, alpha = np.moveaxis(grey_and_alpha, 2, 0)
        visible = (grey * alpha).sum() / max(alpha.sum(), 1)
        is_light_writing = alpha.mean() < FULL_INK / 2 < visible
        colour = "black" if is_light_writing else "white"
        paper = Image.new("RGBA", image.size, colour)
        image = Image.alpha_composite(paper, image)
    return np.asarray(image.convert("RGB"))


# The way of a picture

# Less is JPEG's ripples and the paper's grain: share of the paper's brightness
FAINTEST_INK = 0.1
# Share of the most ink around: less is the edge of a stroke or of a shadow. Of the most
# in all of the picture it is -15 / +19. Of a part also: share of the darkest parts'
# ink.
FAINTEST_SHARE = 0.3
# "Around" is a window of the shorter side divided by this, larger than strokes are wide
STROKE_WINDOW = 14
# It has at least so many pixels: with fewer, noise around a digit is taken for strokes
# in two images of 28 x 28
LEAST_WINDOW = 5
# What is too small for a digit: the longer side's pixels
SMALLEST_DIGIT = 7


def find_digits(picture: np.ndarray) -> FoundDigits:
    """Find the handwritten digits in a picture and bring each to MNIST's form.

    The picture is uint8 (h, w) grey or (h, w, 3) RGB: dark ink on light or light on
    dark, the digits upright. They come in reading order, rows from the top, each from
    left to right; `left_out` says what was seen but is no digit. Raises SettingError
    for a picture in another form.
    """
    picture = np.asarray(picture)
    grey = _grey(picture)
    scale = max(picture.shape[:2]) / max(grey.shape)

    # The sheet, and the ink on it without printed lines
    sheet = _find_sheet(grey)
    left, top, right, bottom = bounding_box(np.nonzero(sheet))
    sheet = sheet[top:bottom, left:right]
    grey = grey[top:bottom, left:right]
    paper = np.median(grey[sheet]).astype(np.uint8)
    ink = sheet * extract_ink(np.where(sheet, grey, paper))
    ink, lines = _without_lines(ink)

    # Connected parts of its strokes, without those that are of no digit
    ink = np.where(ink < FAINTEST_INK, 0, ink)
    window = max(LEAST_WINDOW, min(ink.shape) // STROKE_WINDOW | 1)
    strokes = ink > FAINTEST_SHARE * _over_windows(np.maximum, ink, window)
    left_out = Counter({N_("ruled lines"): lines})
    parts = _connected(strokes)
    parts, left_out[N_("too faint")] = _without(_is_faint(parts, ink), parts)
    parts, left_out[N_("at the edge")] = _without(_is_at_edge(parts, sheet), parts)
    parts, left_out[N_("frame")] = _without(_is_frame(parts), parts)

    # Fragments of a digit joined, rows sorted, each digit brought to MNIST's form
    typical = _typical_height(parts)
    parts = _join_fragments(parts, strokes, typical)
    parts, left_out[N_("too small")] = _without(_is_small(parts), parts)
    digits = []
    for n in _reading_order(_boxes(parts)):
        box = bounding_box(parts[n])
        image = to_mnist_form(_cut_out(parts[n], ink, strokes))
        reason = _why_no_digit(box, image)
        if reason:
            left_out[reason] += 1
        else:
            in_picture = np.rint(scale * np.add(box, (left, top, left, top)))
            box = tuple(in_picture.astype(int).tolist())
            digits.append(FoundDigit(box, image.ravel()))
    return FoundDigits(digits, left_out)


def _without(refused: np.ndarray, parts: list[Part]) -> tuple[list[Part], int]:
    """The parts that are not refused, bool (parts,), and how many are."""
    kept = [parts[n] for n in np.flatnonzero(~refused)]
    return kept, len(parts) - len(kept)


def bounding_box(part: Part) -> Box:
    """The smallest box around pixels, given as np.nonzero gives a mask's."""
    rows, columns = part
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def _boxes(parts: list[Part]) -> np.ndarray:
    """The box of each part: int (parts, 4)."""
    return np.reshape([bounding_box(part) for part in parts], (-1, 4)).astype(int)


def _weighted_quantile(values: np.ndarray, weights: np.ndarray, share: float) -> float:
    """The value (of n) at which a share of all n weights is reached; 0 of none."""
    if not len(values):
        return 0.0
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    return values[order][np.searchsorted(reached, share * reached[-1])]


def _over_windows(extreme: np.ufunc, values: np.ndarray, side: int) -> np.ndarray:
    """np.maximum or np.minimum over side x side pixels around each of (h, w)."""
    down = _over_columns(extreme, values, side)
    return _over_columns(extreme, down.T, side).T


def _over_columns(extreme: np.ufunc, values: np.ndarray, side: int) -> np.ndarray:
    """np.maximum or np.minimum over the side pixels above and below each of (h, w).

    Each step doubles the window, so a large one costs little more than a small one.
    """
    values = np.pad(values, ((side // 2, (side - 1) // 2), (0, 0)), mode="edge")
    span = 1
    while span < side:
        step = min(span, side - span)
        values = extreme(values[:-step], values[step:])
        span += step
    return values


def _over_rows(extreme: np.ufunc, values: np.ndarray, side: int) -> np.ndarray:
    """As `_over_columns`, over the pixels to the left and to the right."""
    return _over_columns(extreme, values.T, side).T


# Pixels. With 1,600: -8 / +10 on 185 other photographs, in twice the time.
WORKING_SIDE = 1000


def _grey(picture: np.ndarray) -> np.ndarray:
    """The darker of red and green, shrunk to `WORKING_SIDE`: uint8 (h, w).

    Blue and red ink stand out better than in luma; blue has the sensor's noise, and
    yellow paper is dark in it.
    """
    from PIL import Image

    values = np.asarray(picture)
    is_picture = values.dtype == np.uint8 and values.size > 0
    is_grey = values.ndim == 2
    is_rgb = values.ndim == 3 and values.shape[2] == 3
    if not (is_picture and (is_grey or is_rgb)):
        raise utils.SettingError(
            f"a picture is uint8 (h, w) grey or (h, w, 3) RGB, "
            f"not {values.dtype} {values.shape}"
        )
    if is_rgb:
        values = np.minimum(values[..., 0], values[..., 1])
    image = Image.fromarray(values)
    image.thumbnail((WORKING_SIDE, WORKING_SIDE))
    return np.asarray(image)


# The sheet, where it lies on a table. Without it: -7 / +3 in one picture here, and
# -35 / +24 to +500 on 185 other photographs.

# Whole sheets are looked for in a picture whose shorter side has so many pixels.
COARSE_SIDE = 150
# A window of the shorter side divided by this: any sheet fills it
SHEET_WINDOW = 5
# So much of a sheet's hull is light, and so much of all that is light lies in it
WHOLE_SHEET = 0.8
FRAYED = 0.002  # of the sheet: a corner that is not quite straight
# Of the sheet's brightness, if all of the picture's rim is table
LIGHTEST_TABLE = 0.75


def _find_sheet(grey: np.ndarray) -> np.ndarray:
    """Where the sheet is, if it lies on a darker table; else everywhere: bool (h, w).

    The light region, its writing closed and specks opened, is a sheet if it is convex
    and clearly brighter than what is around. The more of the picture's rim it takes,
    the brighter it must be: it may be the lit side of a shadow.
    """
    from PIL import Image

    everywhere = np.ones(grey.shape, bool)
    step = max(1, min(grey.shape) // COARSE_SIDE)
    coarse = np.asarray(Image.fromarray(grey).reduce(step))
    closing = min(coarse.shape) // STROKE_WINDOW | 1
    opening = min(coarse.shape) // SHEET_WINDOW | 1
    if opening < SMALLEST_DIGIT:  # no room for a digit
        return everywhere

    # The largest light region, with its corners
    bright = _over_windows(np.maximum, coarse, closing)
    bright = _over_windows(np.minimum, bright, closing)
    light = bright > _otsu_threshold(bright)
    wide = _over_windows(np.minimum, light, opening)
    wide = _over_windows(np.maximum, wide, opening)
    if not wide.any():
        return everywhere
    number = connected_components(wide)
    largest = number == np.bincount(number[wide]).argmax()
    largest = light & _over_windows(np.maximum, largest, closing)

    # Is it a sheet?
    hull = _convex_hull(largest)
    is_whole = light[hull].sum() >= WHOLE_SHEET * max(hull.sum(), light.sum())
    if not is_whole or hull.all():
        return everywhere
    rim = [largest[0], largest[-1], largest[:, 0], largest[:, -1]]
    table_limit = LIGHTEST_TABLE - np.concatenate(rim).mean()
    if np.median(coarse[~hull]) > table_limit * np.median(coarse[hull]):
        return everywhere
    sheet = _over_windows(np.minimum, hull, 3)
    return np.asarray(Image.fromarray(sheet).resize(grey.shape[::-1]))


def _otsu_threshold(values: np.ndarray) -> float:
    """What divides values best into two classes (Otsu, IEEE Trans. SMC 9, 1979)."""
    values = np.sort(values, axis=None).astype(float)
    n = np.arange(1, values.size + 1)
    off_mean = values.mean() * n - np.cumsum(values)
    between = off_mean**2 / np.maximum(n * (values.size - n), 1)
    return values[between.argmax()]


def _convex_hull(mask: np.ndarray) -> np.ndarray:
    """The hull of a mask (h, w), but for frayed corners, by 32 of its tangents."""
    places = np.indices(mask.shape)
    hull = np.ones(mask.shape, bool)
    for angle in np.arange(0, 2 * np.pi, np.pi / 16):
        along = np.sin(angle) * places[0] + np.cos(angle) * places[1]
        hull &= along <= np.quantile(along[mask], 1 - FRAYED)
    return hull


# Ink

# A window of the shorter side divided by this: no stroke fills it, whatever the light
PAPER_WINDOW = 4
# Of the brightest paper: in a shadow; a table is darker, and its grain is no ink
DARKEST_PAPER = 0.4
# Times the noise's median deviation, 4.5 standard deviations: no longer noise. Without
# it 5 of 100 pasted test images under a noise of 0.05 get another decision, not 3.
NOISE_REACH = 6.7


def extract_ink(grey: np.ndarray) -> np.ndarray:
    """How much ink lies where, whatever the light: uint8 (h, w) -> float32 (h, w).

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
    window = max(3, min(grey.shape) // PAPER_WINDOW | 1)  # odd: it has a middle
    values = smooth if noise else grey
    values = np.pad(values, window, mode="edge")  # what reaches the edge goes on
    inner = np.s_[window:-window, window:-window]
    brightest = _over_windows(np.maximum, values, window)
    darkest = _over_windows(np.minimum, values, window)
    if 2 * values[inner].mean() < brightest[inner].mean() + darkest[inner].mean():
        grey = FULL_INK - grey
        brightest = FULL_INK - darkest
    paper = _over_windows(np.minimum, brightest, window)[inner].astype(np.float32)
    light = np.maximum(paper, max(1, DARKEST_PAPER * paper.max()))
    ink = (paper - grey) / light
    ink -= min(np.median(ink), FAINTEST_INK)  # noise lifts the paper's brightest values
    return np.where(ink < np.maximum(FAINTEST_INK / 2, noise / light), 0, ink)


# Lines that are printed on the paper. A line is thin for its length, long beside the
# picture, hardly bent, and goes on behind the digits; a stem is none of that for long.
# Without it: -42 / -6, in five pictures.

# How thick a line is at most, beside its length and the picture's longer side: from
# 1/70 to 1/40 all is the same; at 1/100 it is -3 / -2.
LINE_THICKNESS = 1 / 60
# How much it covers, beside the side of a square as large as the picture: 0.4 is
# -1 / +2.
LINE_LENGTH = 0.5
# A piece of it without a gap, beside the longer side; twice that is bridged.
LINE_PIECE = 1 / 40
# How often a parabola is fitted, for paper is seldom flat, and how many pixels from it
# ink is the line's: without a fit -2 / +1, 3 fits are 0 / +1, 3 pixels -1 / -1.
LINE_FITS = 6
OFF_LINE = 2
# Times a line's ink: a digit's stroke lies on it. 1.4 is -1 / +13, 2.5 is -2 / +1.
STROKE_ON_LINE = 1.7
# A single line may be a long 1.
FEWEST_LINES = 2


class Runs(NamedTuple):
    """Ink without a gap in a column: from its top down to bottom, its sum."""

    x: np.ndarray  # int (runs,), as are top and bottom
    top: np.ndarray
    bottom: np.ndarray  # the row after its last
    ink: np.ndarray  # float (runs,)


def _without_lines(ink: np.ndarray) -> tuple[np.ndarray, int]:
    """Ink (h, w) without the lines printed across or down, and how many those are."""
    ink, across = _without_level_lines(ink)
    turned, down = _without_level_lines(ink.T)
    return turned.T, across + down


def _without_level_lines(ink: np.ndarray) -> tuple[np.ndarray, int]:
    """Ink (h, w) without the lines printed across it, and how many those are.

    A line is made of short vertical runs of ink. Where a digit's stroke crosses it or
    lies on it, the run is longer, or holds more ink than the line does, and stays.
    """
    # 0 in images of 28 x 28, which stay whole
    thickest = int(LINE_THICKNESS * max(ink.shape))
    runs = _short_runs(ink, thickest)
    piece = _connected_pieces(runs, ink.shape)
    needed = LINE_LENGTH * math.sqrt(ink.size)

    # Each line grows from its longest piece.
    lines = 0
    found = np.zeros(len(piece), bool)
    erased = np.zeros(len(piece), bool)
    length = np.bincount(piece, minlength=1)  # in runs; piece 0 is no piece
    for n in np.argsort(-length):
        if length[n] < needed / 4:  # too short to grow into a line
            break
        if n == 0 or found[piece == n].any():
            continue
        on_line = _grown(piece == n, runs)
        covered = len(np.unique(runs.x[on_line]))
        if covered < needed:
            continue
        thickness = np.median((runs.bottom - runs.top)[on_line])
        if thickness > LINE_THICKNESS * covered:
            continue
        lines += 1
        found |= on_line
        usual = np.median(runs.ink[on_line])
        erased |= on_line & (runs.ink < STROKE_ON_LINE * usual)
    if lines < FEWEST_LINES:
        return ink, 0

    # The lines' runs are erased, row by row, but where a digit's stroke lies on them
    ink = ink.copy()
    for row in range(thickest):
        y = runs.top + row
        within = erased & (y < runs.bottom)
        ink[y[within], runs.x[within]] = 0
    return ink, lines


def _short_runs(ink: np.ndarray, longest: int) -> Runs:
    """The runs of ink in each column that are not longer than a line is thick."""
    edges = np.diff(np.pad(ink > 0, ((1, 1), (0, 0))).view(np.int8), axis=0)
    x, top = np.nonzero(edges.T > 0)
    _, bottom = np.nonzero(edges.T < 0)
    above = np.cumsum(np.pad(ink, ((1, 0), (0, 0))), axis=0)
    runs = Runs(x, top, bottom, above[bottom, x] - above[top, x])
    is_short = (bottom - top <= longest) & (runs.ink >= FAINTEST_INK)
    return Runs(*(values[is_short] for values in runs))


def _connected_pieces(runs: Runs, shape: tuple[int, int]) -> np.ndarray:
    """The number of the line's piece that each run belongs to, from 1; 0: to none."""
    piece = round(LINE_PIECE * max(shape)) | 1
    middle = (runs.top + runs.bottom) // 2
    band = np.zeros(shape, bool)
    band[middle, runs.x] = True
    band = _over_columns(np.maximum, band, 5)  # so that a line may rise
    band = _over_rows(np.minimum, band, piece)
    band = _over_rows(np.maximum, band, 3 * piece)
    return connected_components(band)[middle, runs.x]


def _grown(on_line: np.ndarray, runs: Runs) -> np.ndarray:
    """The runs along the parabola through those that are on a line: bool (runs,)."""
    x = runs.x / runs.x.max()
    y = (runs.top + runs.bottom - 1) / 2
    for _ in range(LINE_FITS):
        if len(np.unique(x[on_line])) < 3:
            break
        parabola = np.polyfit(x[on_line], y[on_line], 2)
        near = np.abs(y - np.polyval(parabola, x)) <= OFF_LINE
        if (near == on_line).all():
            break
        on_line = near
    return on_line


# Parts

MOST_PARTS = 1000  # the rest is dust


def _connected(strokes: np.ndarray) -> list[Part]:
    """The connected parts of strokes (h, w), the largest, without dust."""
    part = connected_components(strokes)[strokes]
    order = np.argsort(part, kind="stable")
    places = np.argwhere(strokes).T[:, order]
    ends = np.cumsum(np.bincount(part)[1:-1])
    parts = np.split(places, ends, axis=1)
    parts = [part for part in parts if part.shape[1] >= SMALLEST_DIGIT]
    largest = sorted(parts, key=np.size)[-MOST_PARTS:]
    return [tuple(part) for part in largest]


# Parts are sorted out.

# Of the ink of pixels: the pen's full ink
FULL_INK_QUANTILE = 0.9
# Of a frame's height: how high together is what it surrounds
FRAME_CONTENT = 0.8
# Of its longer side: with what a whole digit touches the edge. With 0.1 to 0.25 all is
# the same; with 0 it is -1 / -2, and 7s of rows of ten are lost.
LONGEST_CONTACT = 0.2
# Of the typical digit's pixels: what has fewer is too small. From 0.15 to 0.3 no digit
# is lost; with 0.15 it is 0 / +9.
SMALLEST_SHARE = 0.2


def _is_faint(parts: list[Part], ink: np.ndarray) -> np.ndarray:
    """Which parts hold little ink beside the darkest, as a shadow's edge does.

    Without it: -2 / +19, in 9 pictures.
    """
    means = np.array([ink[part].mean() for part in parts])
    sums = np.array([ink[part].sum() for part in parts])
    return means < FAINTEST_SHARE * _weighted_quantile(means, sums, FULL_INK_QUANTILE)


def _is_at_edge(parts: list[Part], sheet: np.ndarray) -> np.ndarray:
    """Which parts the sheet's edge cuts off.

    One that hardly touches it is whole, and one that is alone fills the picture.
    Without it: -20 / +23, in 11 pictures.
    """
    inside = _over_windows(np.minimum, np.pad(sheet, 1), 3)[1:-1, 1:-1]
    rim = sheet & ~inside
    contact = np.array([np.count_nonzero(rim[part]) for part in parts], int)
    boxes = _boxes(parts)
    side = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    return (contact > LONGEST_CONTACT * side) & (len(parts) > 1)


def _is_frame(parts: list[Part]) -> np.ndarray:
    """Which parts are drawn around others that together are about as high.

    Without it a grid or a frame would be the typical height: no change where lines are
    taken out, else 71 digits of a sudoku.
    """
    boxes = _boxes(parts)
    height = boxes[:, 3] - boxes[:, 1]
    starts_before = (boxes[:, np.newaxis, :2] < boxes[:, :2]).all(axis=2)
    ends_behind = (boxes[:, np.newaxis, 2:] > boxes[:, 2:]).all(axis=2)
    return (starts_before & ends_behind) @ height > FRAME_CONTENT * height


def _is_small(parts: list[Part]) -> np.ndarray:
    """Which low parts have few pixels beside the typical digit, as specks do.

    Crumbs are thinner than digits, so pixels tell more than sides do: a quarter of the
    typical height instead is 0 / +12, in 6 pictures. Without it: 0 / +81, in 16.
    """
    boxes = _boxes(parts)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    pixels = np.array([len(part[0]) for part in parts], int)
    typical = _weighted_quantile(pixels, height**2, 0.5)
    is_tiny = np.maximum(width, height) < SMALLEST_DIGIT
    is_low = height < WHOLE_HEIGHT * _typical_height(parts)
    return is_tiny | (is_low & (pixels < SMALLEST_SHARE * typical))


def _typical_height(parts: list[Part]) -> float:
    """The height below which half of all heights lie, weighed by their squares.

    So even hundreds of crumbs count little, and dashes not at all. Weighed by heights
    alone: -1 / +5, in three pictures.
    """
    boxes = _boxes(parts)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    height = height[height >= DASH_HEIGHT_BY_WIDTH * width]
    return _weighted_quantile(height, height**2, 0.5)


# Fragments are joined.

BROKEN = 0.05  # of the typical height: a gap in a stroke is narrower
NARROWEST_BROKEN = 3  # pixels
WHOLE_HEIGHT = 0.5  # of the typical height: what is lower may be a fragment


def _join_fragments(
    parts: list[Part], strokes: np.ndarray, typical: float
) -> list[Part]:
    """Join what lies hardly apart, unless two of it are whole digits.

    So is a bar, low and wider than high, to a whole digit whose box it overlaps (0 / 0;
    without it two of 100 rows of ten have a 5 or 2 in pieces). An image of MNIST's size
    is one digit (without that: -1 / +3). Nothing joined: -9 / +20, in 10 pictures.

    Parameters
    ----------
    parts : list of Part
        The parts of digits.
    strokes : bool (h, w)
        The strokes that they are parts of.
    typical : float
        The typical height of a digit.

    Returns
    -------
    list of Part
        Digits.
    """
    if parts and max(strokes.shape) <= IMAGE_SIDE:
        return [tuple(np.concatenate(parts, axis=1))]
    gap = max(NARROWEST_BROKEN, int(BROKEN * typical) | 1)
    number = connected_components(_over_windows(np.maximum, strokes, gap))
    group = np.array([number[rows[0], columns[0]] for rows, columns in parts], int)
    boxes = _boxes(parts)
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    is_whole = height >= WHOLE_HEIGHT * typical
    is_bar = ~is_whole & (width > height)
    starts_before = (boxes[:, np.newaxis, :2] < boxes[:, 2:]).all(axis=2)
    overlaps = starts_before & starts_before.T & is_whole
    for n in np.flatnonzero(is_bar & overlaps.any(axis=1)):
        group[n] = group[overlaps[n].argmax()]
    digits = []
    for own in np.unique(group):
        members = np.flatnonzero(group == own)
        together = [parts[n] for n in members]
        if np.count_nonzero(is_whole[members]) > 1:
            digits += together
        else:
            digits.append(tuple(np.concatenate(together, axis=1)))
    return digits


def _reading_order(boxes: np.ndarray) -> np.ndarray:
    """The order of boxes (n, 4): rows from the top, each from left to right.

    A row is a chain: each box's next is the nearest to the right that half overlaps it
    in height. The rows' slope is the median of the steps from box to box.
    """
    if not len(boxes):
        return np.zeros(0, int)
    x, y = (boxes[:, :2] + boxes[:, 2:]).T / 2
    height = boxes[:, 3] - boxes[:, 1]
    ahead = x - x[:, np.newaxis]  # (n, n): how far each is to the right of each
    slope = 0.0
    for _ in range(2):  # as if rows were level, then along the slope that they have
        level = y - slope * x
        apart = np.abs(level - level[:, np.newaxis])
        is_next = (ahead > 0) & (apart <= np.maximum.outer(height, height) / 2)
        this = np.flatnonzero(is_next.any(axis=1))
        following = np.where(is_next, ahead, np.inf).argmin(axis=1)[this]
        step = x[following] - x[this]
        rise = (y[following] - y[this]) / step
        is_near = step < 3 * np.median(height)  # so that they are hardly of two rows
        slope = np.median(rise[is_near]) if np.count_nonzero(is_near) > 2 else 0.0
    row = connect(len(boxes), this, following)
    row_level = np.bincount(row, level) / np.bincount(row)
    return np.lexsort((x, row_level[row]))


# Each digit is brought to MNIST's form.

SOFT_EDGE = 1 / 16  # of its longer side: what may belong to it around its strokes
USUAL_STROKE = 0.1  # of its longer side, 2 of 20 pixels; a thinner pen is thickened


def _cut_out(part: Part, ink: np.ndarray, strokes: np.ndarray) -> np.ndarray:
    """A digit's ink with its soft edges, without its neighbours: (h, w) in [0, 1].

    A thin pen, which would all but vanish in MNIST's 20 pixels, is made as thick as
    usual: without that, 5 of 90 8s are not recognised.
    """
    left, top, right, bottom = bounding_box(part)
    side = max(right - left, bottom - top)
    margin = max(1, round(SOFT_EDGE * side))
    left = max(left - margin, 0)
    top = max(top - margin, 0)
    window = np.s_[top : bottom + margin, left : right + margin]
    own = np.zeros_like(strokes[window])
    own[part[0] - top, part[1] - left] = True
    near = _over_windows(np.maximum, own, 2 * margin + 1)
    digit = np.where(near & (own | ~strokes[window]), ink[window], 0)
    digit = np.minimum(digit / np.quantile(ink[part], FULL_INK_QUANTILE), 1)
    thicker = round(USUAL_STROKE * side - stroke_width(own[np.newaxis])[0])
    if thicker > 0:
        digit = _over_windows(np.maximum, np.pad(digit, thicker), thicker + 1)
    return digit


# A dash is flatter: height by width. Of 20,000 MNIST digits none is. Without it:
# 0 / +33, in 16 pictures.
DASH_HEIGHT_BY_WIDTH = 0.4
# A plus sign is about as wide as high, and so much of its ink lies on a cross.
# No 4 of these pictures is taken for one. Without it: 0 / +8, in 6 pictures.
PLUS_NARROW_BY_WIDE = 0.7
PLUS_INK_ON_CROSS = 0.85


def _why_no_digit(box: Box, image: np.ndarray) -> str:
    """What a part is if it is plainly no digit, else ""; its image is (28, 28)."""
    width = box[2] - box[0]
    height = box[3] - box[1]
    if height < DASH_HEIGHT_BY_WIDTH * width:
        return N_("dash")
    # A cross of two bars of four pixels through the middle of the image
    middle = np.abs(np.arange(IMAGE_SIDE) + 0.5 - CENTRE) < USUAL_STROKE * BOX_SIDE
    on_cross = image[middle | middle[:, np.newaxis]].sum()
    is_cross = on_cross > PLUS_INK_ON_CROSS * image.sum()
    is_square = min(width, height) > PLUS_NARROW_BY_WIDE * max(width, height)
    return N_("plus sign") if is_cross and is_square else ""


BOX_SIDE = 20  # the longer side of the digit, in pixels
# Where a digit's centre of mass lies: pixel 14, counted from 0. Over the 60,000
# training images the mean is 14.00 down and 14.01 across, each within half a pixel.
CENTRE = 14.0
# Of the darkest pixel: fainter edges are cropped. Of 10,000 MNIST digits enlarged and
# brought back, 4 land a pixel off with 0.05, 28 with 0.1.
INK_SHARE = 0.05


def to_mnist_form(ink: np.ndarray) -> np.ndarray:
    """Crop, scale and centre one digit as http://yann.lecun.com/exdb/mnist/ describes.

    `ink` is float (height, width) of any size, 0 paper to 1 full ink. Returns float32
    (28, 28) in [0, 1], all zeros if there is no ink. Each pixel is the exact mean of
    the area it covers.
    """
    image = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.float32)
    if not ink.any():
        return image
    enough = ink >= INK_SHARE * ink.max()
    left, top, right, bottom = bounding_box(np.nonzero(enough))
    digit = ink[top:bottom, left:right]
    height, width = digit.shape
    scale = BOX_SIDE / max(height, width)
    down = _coverage(max(1, round(height * scale)), height)
    across = _coverage(max(1, round(width * scale)), width)
    small = down @ digit @ across.T
    row = _offset(small.sum(axis=1))
    column = _offset(small.sum(axis=0))
    image[row : row + len(down), column : column + len(across)] = small
    return image


def _coverage(n_out: int, n_in: int) -> np.ndarray:
    """How much of each output pixel each input pixel covers: (n_out, n_in)."""
    edges_in = np.arange(n_in + 1) * (n_out / n_in)  # in output pixels
    inside = np.clip(edges_in - np.arange(n_out)[:, np.newaxis], 0, 1)
    return np.diff(inside, axis=1)


def _offset(profile: np.ndarray) -> int:
    """Where a side starts in the image: its centre of mass at CENTRE, all inside."""
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
    # Each (n, 1, 1)
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
    """What maps mix: row, column, 1, a spline a control point: (67, 784)."""
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
        help="verify the files there, and download what is missing "
        "(default: $MNIST_DATA_DIR or data/)",
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
