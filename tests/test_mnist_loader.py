"""mnist_loader: good files are read rightly, bad ones refused by reason, names are earned.

Downloads come from small servers on the loopback address, which give made files; the loader is
told their checksums in place of MNIST's. No test asks the network.
"""

from __future__ import annotations

import errno
import gzip
import hashlib
import io
import math
import os
import re
import runpy
import socket
import subprocess
import sys
import threading
import time
import tracemalloc
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from made_data import MNIST_FILES, idx_bytes, made_images, write_dataset, write_idx

import mnist_loader
from mnist_loader import DatasetError, Split, download_mnist, load_dataset, read_idx
from utils import UserError

parametrize = pytest.mark.parametrize
TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS = MNIST_FILES
REAL_MIRRORS = mnist_loader.MIRRORS  # before the tests take them away
LABELS = np.array([5, 0, 4, 1, 9, 8, 8], np.uint8)
IMAGES = made_images(LABELS)
IDX = idx_bytes(IMAGES)
GZIPPED = gzip.compress(IDX, mtime=0)


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


# --- IDX files --------------------------------------------------------------------------------

GOOD = {
    "plain": (IDX, IMAGES),
    "gzipped": (GZIPPED, IMAGES),
    "gzipped in two members": (
        gzip.compress(IDX[:1000]) + gzip.compress(IDX[1000:]),
        IMAGES,
    ),
    "labels": (idx_bytes(LABELS), LABELS),
    "no images": (idx_bytes(IMAGES[:0]), IMAGES[:0]),
}


@parametrize("case", GOOD)
@parametrize("limit", [None, 0, 1, 3, len(IMAGES), len(IMAGES) + 1, 10**30])
def test_first_items_are_read_as_they_were_written(tmp_path, case, limit):
    """Whether it is gzipped is told by the content, as the name here tells nothing."""
    content, expected = GOOD[case]
    (tmp_path / "images").write_bytes(content)
    array = read_idx(str(tmp_path / "images"), limit)
    assert array.dtype == np.uint8
    np.testing.assert_array_equal(
        array, expected if limit is None else expected[:limit]
    )
    array[:] = 7  # and may be changed


def test_negative_limit_is_refused(tmp_path):
    with pytest.raises(
        ValueError, match="limit is -1; it must be a whole number, at least 0, or None"
    ):
        read_idx(write_idx(tmp_path / "labels", LABELS), -1)


def changed(content: bytes, place: int, new: bytes) -> bytes:
    """The content with other bytes at this place, counted from the end where it is negative."""
    place %= len(content)
    return content[:place] + new + content[place + len(new) :]


HTML = b"<!DOCTYPE html><title>403 Forbidden</title>"
VAST = b"\0\0\10\3\xff\xff\xff\xff\0\0\0\x1c\0\0\0\x1c" + bytes(1000)
TYPES = {
    0x09: "signed byte",
    0x0B: "int16",
    0x0C: "int32",
    0x0D: "float32",
    0x0E: "float64",
}
TYPES |= {0x0A: "unknown to IDX", 0xFF: "unknown to IDX"}
REFUSED = [  # plain, and in good gzip
    (b"", "empty"),
    (HTML, "a web page"),
    (b"\xef\xbb\xbf\r\n" + HTML, "a web page"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:44", "a Git LFS pointer"),
    (b"PK\3\4", "neither gzip nor IDX, it begins with 50 4b 03 04"),
    (changed(IDX, 0, b"\1"), "neither gzip nor IDX, it begins with 01 00 08 03"),
    (changed(IDX, 1, b"\1"), "neither gzip nor IDX, it begins with 00 01 08 03"),
    *(
        (changed(IDX, 2, bytes([n])), rf"0x{n:02x} \({kind}\), not")
        for n, kind in TYPES.items()
    ),
    (b"\0\0\10\0\7", "truncated within the header"),
    *((IDX[:n], "truncated within the header") for n in (1, 2, 3, 4, 7, 15)),
    (b"\0\0\10\xff" + b"\0\0\0\1" * 255 + b"\7", "make no array"),
    (b"\0\0\10\3" + bytes(4) + b"\xff" * 8, "make no array"),
    (IDX[:16], f"0 of the {len(IDX) - 16} to read"),
    (IDX[:-1], f"7x28x28 bytes, {len(IDX) - 17} of the {len(IDX) - 16} to read"),
    (IDX + b"\0", "bytes follow after the 7x28x28"),
    (VAST, "4294967295x28x28 bytes, more than a data set holds"),
    (changed(VAST, 4, b"\0\4"), "1000 of the"),
]
REFUSED += [(gzip.compress(content), reason) for content, reason in REFUSED]
DAMAGED_GZIP = [
    *(GZIPPED[:n] for n in (2, 5, 10, 40, -9, -8, -1)),
    GZIPPED + HTML,
    changed(GZIPPED, -8, bytes([GZIPPED[-8] ^ 1])),  # the checksum
    changed(GZIPPED, -4, bytes([GZIPPED[-4] ^ 1])),  # the length
    changed(GZIPPED, 60, bytes(20)),
]
REFUSED += [(content, "damaged gzip data") for content in DAMAGED_GZIP]
REFUSED += [(gzip.compress(GZIPPED), "gzip within gzip")]


@parametrize(("content", "reason"), REFUSED, ids=range(len(REFUSED)))
def test_damaged_file_is_refused_in_a_line_at_no_cost_of_memory(
    tmp_path, content, reason
):
    (tmp_path / "images.gz").write_bytes(content)
    tracemalloc.start()
    try:
        with pytest.raises(
            DatasetError, match=rf"^{tmp_path / 'images.gz'}: .*{reason}.*$"
        ):
            read_idx(tmp_path / "images.gz")
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "does not exist"),
        (lambda path: path.symlink_to("absent"), "does not exist"),
        (lambda path: path.symlink_to(path), "cannot be read"),
        (lambda path: path.mkdir(), "not a regular file"),
        (os.mkfifo, "not a regular file"),  # which would be waited for
    ],
)
def test_what_is_no_file_is_refused(tmp_path, make, reason):
    make(tmp_path / "images")
    with pytest.raises(DatasetError, match=f"^{tmp_path / 'images'}.*{reason}"):
        read_idx(tmp_path / "images")


# --- data sets --------------------------------------------------------------------------------


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "made", 30, 20)


def test_data_set_is_images_as_rows_in_0_to_1_and_their_digits(made):
    dataset = load_dataset(made, "mnist", None, None)
    assert (dataset.train.images.shape, dataset.test.images.shape) == (
        (30, 784),
        (20, 784),
    )
    assert (dataset.train.images.dtype, dataset.train.digits.dtype) == (
        np.float32,
        np.uint8,
    )
    np.testing.assert_array_equal(dataset.test.digits, np.arange(20) % 10)
    written = made_images(dataset.train.digits).reshape(30, 784)
    np.testing.assert_allclose(dataset.train.images, written / 255, rtol=1e-7)
    part = load_dataset(made, "auto", np.int64(7), 4)
    np.testing.assert_array_equal(part.train.images, dataset.train.images[:7])
    np.testing.assert_array_equal(part.test.images, dataset.test.images[:4])
    np.testing.assert_array_equal(part.test.digits, dataset.test.digits[:4])


def test_fingerprint_tells_images_digits_and_splits_apart(made):
    images, digits = load_dataset(made, "mnist", None, None).train
    split, other_images, other_digits = (
        (images, digits),
        (1 - images, digits),
        (images, 9 - digits),
    )
    pairs = [(split, split), (other_images, split), (split, other_digits)]
    prints = {
        mnist_loader.Dataset("a", Split(*a), Split(*b)).fingerprint
        for a, b in pairs * 2
    }
    assert len(prints) == 3


def test_targets_are_one_for_the_digit_and_zero_for_the_rest():
    split = Split(np.zeros((5, 784), np.float32), np.array([8, 0, 8, 3, 9], np.uint8))
    assert (split.targets().tolist(), split.targets().dtype) == (
        [1, 0, 1, 0, 0],
        np.float32,
    )
    assert split.targets(3).tolist() == [0, 0, 0, 1, 0]
    for digit in 10, 11, -1, "8", 8.5, None:
        with pytest.raises(
            ValueError, match=f"digit is {digit!r}; it must be one of 0, 1, .*8, 9"
        ):
            split.targets(digit)


@parametrize(
    ("arguments", "complaint"),
    [
        (
            {"source": "fashion"},
            "source is 'fashion'; it must be one of auto, mnist, sample",
        ),
        *(
            (
                {name: size},
                f"{name} is {size!r}; it must be a whole number, at least 1, or",
            )
            for name in ("train_size", "test_size")
            for size in (0, -1, "5", 2.5, 2.0, True, math.nan)
        ),
        ({"train_size": 31}, "holds 30 images, 31 are asked for"),
    ],
)
def test_argument_out_of_its_range_is_refused(made, arguments, complaint):
    with pytest.raises(UserError, match=complaint):
        load_dataset(made, **{"train_size": None, "test_size": None} | arguments)


INTERCHANGED = (
    f"{TRAIN_IMAGES} holds labels, {TRAIN_LABELS} 3-dimensional data.*interchanged"
)
MISFITS = [
    (
        {TRAIN_LABELS: np.zeros(29)},
        f"{TRAIN_IMAGES} holds 30 images, {TRAIN_LABELS} 29 labels",
    ),
    ({TRAIN_IMAGES: np.zeros((31, 28, 28))}, "holds 31 images, .* 30 labels"),
    ({TEST_IMAGES: IMAGES[:0], TEST_LABELS: LABELS[:0]}, "holds 0 images, .* 0 labels"),
    (
        {TEST_LABELS: np.where(np.arange(20) == 13, 10, 1)},
        f"{TEST_LABELS}: label 13 is 10",
    ),
    (
        {TEST_IMAGES: np.zeros((20, 28, 27))},
        f"{TEST_IMAGES} holds 28x27 pixels an image",
    ),
    ({TEST_IMAGES: np.zeros((20, 784))}, f"{TEST_IMAGES} holds 784 pixels an image"),
    ({TRAIN_IMAGES: np.zeros(30), TRAIN_LABELS: np.zeros((30, 28, 28))}, INTERCHANGED),
    ({TRAIN_LABELS: np.zeros((30, 28, 28))}, f"{TRAIN_LABELS} 3-dimensional data"),
]


@parametrize(("arrays", "complaint"), MISFITS, ids=range(len(MISFITS)))
@parametrize("size", [None, 5])
def test_files_that_do_not_fit_each_other_are_refused(made, arrays, complaint, size):
    for name, array in arrays.items():
        write_idx(made / name, array.astype(np.uint8))
    with pytest.raises(DatasetError, match=f"^{made}/.*{complaint}.*$"):
        load_dataset(made, "mnist", size, None)


# --- where the files are, and what they are called --------------------------------------------

SPELLINGS = {  # of train-images-idx3-ubyte.gz
    "packed": lambda name: name,
    "plain": lambda name: name.removesuffix(".gz"),
    "dotted": lambda name: name.removesuffix(".gz").replace("-idx", ".idx"),
    "dotted, packed": lambda name: name.replace("-idx", ".idx"),
}


@pytest.fixture
def files(made_dir, monkeypatch) -> dict[str, bytes]:
    """The made data set's files, known to the loader as MNIST's."""
    packed = contents(made_dir)
    facts = {}
    for name in MNIST_FILES:
        both = packed[name], gzip.decompress(packed[name])
        facts[name] = [
            (len(content), hashlib.sha256(content).hexdigest()) for content in both
        ]
    monkeypatch.setattr(mnist_loader, "MNIST_FILES", facts)
    monkeypatch.setattr(mnist_loader, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(mnist_loader, "PATIENCE_SECONDS", 0.2)
    return packed


@parametrize("spelling", SPELLINGS)
@parametrize(
    ("directory", "changed_files", "name"),
    [
        ("digits", 0, "MNIST"),
        ("digits", 1, "digits"),  # one of another origin is enough
        ("fashion", 4, "fashion"),
        *((name, 4, f"{name} (other files)") for name in ("MNIST", "mnist", "sample")),
    ],
)
def test_original_bytes_are_mnist_however_spelt_and_others_carry_their_directorys_name(
    files, tmp_path, monkeypatch, spelling, directory, changed_files, name
):
    path, others = (
        tmp_path / directory,
        contents(write_dataset(tmp_path / "others", seed=3)),
    )
    path.mkdir()
    for number, file in enumerate(MNIST_FILES):
        content = (others if number < changed_files else files)[file]
        new = SPELLINGS[spelling](file)
        (path / new).write_bytes(
            content if new.endswith(".gz") else gzip.decompress(content)
        )
    assert load_dataset(path, "mnist", 5, 5).name == name
    monkeypatch.chdir(path)
    assert load_dataset(".", "auto", 5, 5).name == name


def test_a_file_is_read_once_so_that_what_is_called_mnist_is_what_was_read(
    files, made_dir, monkeypatch
):
    """A link that is switched meanwhile changes nothing."""
    really_open, opened = io.open, []
    monkeypatch.setattr(
        io, "open", lambda path, *how: opened.append(path) or really_open(path, *how)
    )
    assert load_dataset(made_dir, "mnist", 5, 5).name == "MNIST"
    assert sorted(path.name for path in opened) == sorted(MNIST_FILES)


def test_a_directorys_name_becomes_a_name_that_can_be_shown(tmp_path):
    directory = write_dataset(tmp_path / os.fsdecode(b"\xff\x1b[2J\n8"), 30, 20)
    assert load_dataset(directory, "mnist", 5, 5).name == r"\udcff\x1b[2J\n8"


@parametrize("share", [0.5, 0.999])
@parametrize("name", [TRAIN_IMAGES, TRAIN_IMAGES.removesuffix(".gz")])
def test_an_original_that_is_cut_off_is_told_with_both_sizes(
    files, made, capsys, name, share
):
    """Where the images that are asked for can be read; a smaller data set is no cut one."""
    whole = files[TRAIN_IMAGES]
    for directory_file in MNIST_FILES:
        (made / directory_file).write_bytes(files[directory_file])
    (made / TRAIN_IMAGES).unlink()
    content = whole if name == TRAIN_IMAGES else gzip.decompress(whole)
    cut = content[: int(share * len(content))]
    (made / name).write_bytes(cut)
    assert load_dataset(made, "mnist", 5, 5).name == "made"
    told = f"{made / name} is cut off: {len(cut)} bytes of MNIST's {len(content)}; get"
    assert re.fullmatch(f"{re.escape(told)} it again\n", capsys.readouterr().err)


@parametrize(("level", "padding"), [(0, 8), (9, 0)])
def test_other_data_and_other_packing_is_not_called_cut_off(
    files, made, capsys, monkeypatch, level, padding
):
    """Packed worse and padded, as tar does, or better than the original, whose size is raised."""
    load_dataset(made, "mnist", 5, 5)
    facts = {
        name: ((9000, ""), plain)
        for name, (_, plain) in mnist_loader.MNIST_FILES.items()
    }
    monkeypatch.setattr(mnist_loader, "MNIST_FILES", facts)
    for name, content in files.items():
        packed = gzip.compress(gzip.decompress(content), level)
        (made / name).write_bytes(packed + bytes(padding))
    assert load_dataset(made, "mnist", 5, 5).name == "made"
    assert capsys.readouterr().err == ""


def test_what_unpacks_to_more_than_a_data_set_holds_is_refused_early(made):
    """The headers are compared before anything is unpacked."""
    count = b"\1\xc9\xc3\x80"  # 30 million
    labels = gzip.compress(b"\0\0\10\1" + count + bytes(30_000_000), 1)
    images = gzip.compress(
        b"\0\0\10\3" + count + b"\0\0\0\x1c" * 2 + bytes(30_000_000), 1
    )
    for bombs in ({TRAIN_LABELS: labels}, {TRAIN_IMAGES: images, TRAIN_LABELS: labels}):
        for name, bomb in bombs.items():
            (made / name).write_bytes(bomb)
        tracemalloc.start()
        try:
            with pytest.raises(DatasetError, match=f"{made}.*holds .*{TRAIN_LABELS}"):
                load_dataset(made, "mnist", 5, 5)
            assert tracemalloc.get_traced_memory()[1] < 10 << 20
        finally:
            tracemalloc.stop()


@parametrize("source", ["auto", "mnist"])
@parametrize("gone", [MNIST_FILES, MNIST_FILES[1:3]])
def test_named_directory_that_lacks_files_is_an_error(made, mirrors, source, gone):
    """It is neither filled nor passed over for the sample."""
    (mirror,) = mirrors("")
    for name in gone:
        (made / name).unlink()
    (made / "digits.csv").touch()
    with pytest.raises(
        DatasetError, match=f"^{made} lacks .*--data-dir.*MNIST_DATA_DIR"
    ) as caught:
        load_dataset(made, source)
    lacks, holds = str(caught.value).split(" (it holds ")
    assert {name for name in MNIST_FILES if name in lacks} == set(gone)
    assert {name for name in MNIST_FILES if name in holds} == set(MNIST_FILES) - set(
        gone
    )
    assert "digits.csv" in holds
    assert mirror.requests == []


@parametrize(
    "name",
    [
        *(
            "train-images-idx3-ubyte (1).gz",
            "train-images-idx3-ubyte.gz.gz",
            "mnist.npz",
        ),
        *("train.csv", "archive.zip", "emnist-digits-train-images-idx3-ubyte.gz"),
    ],
)
def test_what_the_user_may_have_meant_is_named(tmp_path, name):
    for other in name, "a.txt", ".b.jpg":
        (tmp_path / other).touch()
    with pytest.raises(
        DatasetError, match=rf"{TEST_LABELS} \(it holds {re.escape(name)}\); put"
    ):
        load_dataset(tmp_path)


@parametrize(
    ("make", "told"),
    [
        (Path.touch, "Not a directory"),
        (lambda path: None, "No such file or directory"),
        (Path.mkdir, "it holds nothing like them"),
    ],
)
def test_what_is_wrong_with_the_directory_is_told(tmp_path, make, told):
    make(tmp_path / "MNIST")
    with pytest.raises(
        DatasetError, match=rf"^{tmp_path / 'MNIST'} lacks .* \({told}\); put"
    ):
        load_dataset(tmp_path / "MNIST")


def test_a_typo_in_the_environment_ends_the_script_with_2(root, tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import mnist_loader as m; m.utils.run_script(m.load_dataset)",
        ],
        env=os.environ | {"MNIST_DATA_DIR": f"{tmp_path}/absent"},
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(f"-c: error: {tmp_path}/absent lacks .*\n", done.stderr)


# --- download ---------------------------------------------------------------------------------

OK = b"HTTP/1.0 200 OK\r\n\r\n"
LONGER = b"HTTP/1.0 200 OK\r\nContent-Length: 99999999\r\n\r\n"
ANSWERS = {  # what a mirror sends for a file, by its fault; one that hangs or stalls says no more
    "": lambda content: OK + content,
    "forbids": lambda content: b"HTTP/1.0 403 Forbidden\r\n\r\n",
    "babbles": lambda content: b"SSH-2.0-OpenSSH_9.9",
    "lies": lambda content: OK + b"<html>",
    "alters": lambda content: OK + changed(content, -1, b"?"),
    "exceeds": lambda content: OK + content + bytes(2 << 20),
    "cuts": lambda content: LONGER + content[: len(content) // 2],
    "hangs": lambda content: b"",
    "stalls": lambda content: LONGER + content[:100],
    "trickles": lambda content: OK,  # and then a byte now and then
}


class Mirror:
    """Serves the files with the fault, and notes the requests."""

    def __init__(self, files: dict[str, bytes], fault: str):
        self.files, self.fault, self.requests, self.connections = files, fault, [], []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "http://{}:{}/".format(*self.socket.getsockname())
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            with suppress(ConnectionError), self.socket.accept()[0] as connection:
                self.requests.append(
                    connection.recv(10_000).decode().split()[1].lstrip("/")
                )
                connection.sendall(ANSWERS[self.fault](self.files[self.requests[-1]]))
                for _ in range(300 * (self.fault == "trickles")):
                    connection.sendall(b"x")
                    time.sleep(0.01)
                if self.fault in ("hangs", "stalls"):
                    self.connections.append(connection.dup())  # which keeps it open


@pytest.fixture
def mirrors(files, monkeypatch):
    """Start mirrors with the given faults ("" for none) and let the loader know just these."""
    started = []

    def start(*faults: str) -> list[Mirror]:
        started.extend(Mirror(files, fault) for fault in faults)
        monkeypatch.setattr(
            mnist_loader, "MIRRORS", tuple(mirror.url for mirror in started)
        )
        return started

    return start


def test_what_is_missing_is_downloaded_and_what_is_right_left_alone(
    mirrors, files, tmp_path
):
    (mirror,) = mirrors("")
    directory = tmp_path / "new" / "data"
    paths = download_mnist(directory)
    assert [path.name for path in paths] == list(MNIST_FILES)
    assert contents(directory) == files
    (directory / TEST_LABELS).unlink()
    download_mnist(directory)
    assert contents(directory) == files
    assert mirror.requests == [*MNIST_FILES, TEST_LABELS]


def test_wrong_file_is_refused_by_name_and_left_alone(mirrors, tmp_path):
    (mirror,) = mirrors("")
    (tmp_path / TEST_LABELS).write_bytes(b"clothes, not digits")
    with pytest.raises(
        DatasetError, match=f"^{tmp_path / TEST_LABELS} is not MNIST's.*move it"
    ):
        download_mnist(tmp_path)
    assert contents(tmp_path) == {TEST_LABELS: b"clothes, not digits"}
    assert mirror.requests == []


@parametrize(
    ("fault", "reason"),
    [
        ("forbids", "403"),
        ("babbles", "SSH"),
        ("lies", "another file, 6 bytes of"),
        ("alters", "another file"),
        (
            "exceeds",
            r"another file, \d{1,6} bytes",
        ),  # no more of it is taken than shows that
        ("cuts", "another file|IncompleteRead"),
        ("hangs", "timed out"),
        ("stalls", "timed out"),
        ("trickles", r"too slow, \d\d? bytes of \d{4} came"),
    ],
)
def test_faulty_mirror_is_named_and_the_next_one_asked(
    mirrors, files, tmp_path, fault, reason
):
    (faulty,), begin = mirrors(fault), time.perf_counter()
    named = rf"^{tmp_path} lacks .*{faulty.url}{TRAIN_IMAGES}: .*{reason}.*by hand.*--dataset sample"
    with pytest.raises(DatasetError, match=named):
        download_mnist(tmp_path)
    assert time.perf_counter() - begin < 5  # whoever is offline must not wait
    assert contents(tmp_path) == {}
    _, sound = mirrors("")
    download_mnist(tmp_path)
    assert contents(tmp_path) == files
    assert (len(faulty.requests), len(sound.requests)) == (2, 4)  # once a download


@parametrize("where", ["file", "/proc", "planted"])
def test_nothing_is_fetched_that_could_not_be_written(mirrors, tmp_path, where):
    (mirror,) = mirrors("")
    (tmp_path / "file").touch()
    (tmp_path / "planted").mkdir()
    (tmp_path / "planted" / TEST_LABELS).symlink_to("/absent/file")
    with pytest.raises(UserError, match=r"cannot write to|does not exist"):
        download_mnist(tmp_path / where)
    assert mirror.requests == []


def test_every_mirror_that_failed_is_named(mirrors, tmp_path):
    one, other = mirrors("lies", "forbids")
    with pytest.raises(
        DatasetError, match=f"{one.url}.* another file.*{other.url}.* 403"
    ):
        download_mnist(tmp_path)


def test_full_disk_leaves_no_part_of_a_download(mirrors, tmp_path, monkeypatch):
    mirrors("")
    monkeypatch.setattr(
        os, "fsync", Mock(side_effect=OSError(errno.ENOSPC, "No space left"))
    )
    with pytest.raises(UserError, match="No space left"):
        download_mnist(tmp_path)
    assert contents(tmp_path) == {}


def test_mirrors_are_https():
    assert len(REAL_MIRRORS) >= 2
    assert all(url.startswith("https://") and url.endswith("/") for url in REAL_MIRRORS)


# --- the project's own data/, and the sample --------------------------------------------------


@pytest.fixture
def own_dir(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(mnist_loader, "OWN_DIR", tmp_path)
    monkeypatch.setattr(mnist_loader, "DATA_DIR", tmp_path)
    return tmp_path


@parametrize("source", ["auto", "mnist"])
def test_own_data_directory_is_filled_by_itself(mirrors, files, own_dir, source):
    mirrors("")
    assert load_dataset(None, source, 5, 5).name == "MNIST"
    assert contents(own_dir) == files


def test_sample_steps_in_in_two_lines_and_the_script_tells_the_whole_story(
    mirrors, own_dir, capsys
):
    (mirror,) = mirrors("forbids")
    assert load_dataset(train_size=5, test_size=5).name == "sample"
    what, more = capsys.readouterr().err.splitlines()
    assert "NOT MNIST" in what
    assert "python mnist_loader.py" in more
    assert max(map(len, (what, more))) <= 80
    for ask in (lambda: load_dataset(source="mnist"), lambda: mnist_loader.main([])):
        with pytest.raises(DatasetError, match=f"{mirror.url}.*403"):
            ask()


def test_sample_steps_in_where_stderr_is_full(own_dir, monkeypatch):
    if not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    with open("/dev/full", "w", buffering=1) as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stderr", full)
        assert load_dataset(train_size=5, test_size=5).name == "sample"


def test_sample_is_what_its_readme_says_even_where_mnist_is(made_dir):
    dataset = load_dataset(made_dir, "sample", None, None)
    assert dataset.name == "sample"
    assert [np.bincount(split.digits).tolist() for split in dataset[1:]] == [
        [500] * 10,
        [100] * 10,
    ]
    assert (
        sum(path.stat().st_size for path in mnist_loader.SAMPLE_DIR.glob("*.gz"))
        <= 1_500_000
    )
    images = dataset.train.images.reshape(-1, 28, 28)
    for axis in (1, 2):  # in MNIST's form
        assert (images.any(axis=axis).sum(axis=1) <= 20).all()
        profile = images.sum(axis=axis)
        centres = profile @ np.arange(28) / profile.sum(axis=1)
        assert np.abs(centres - mnist_loader.CENTRE).max() <= 1


def test_the_script_that_draws_the_sample_writes_the_same_bytes_again(tmp_path, root):
    script = runpy.run_path(str(root / "data" / "make_sample.py"))
    for name in "ab":
        images, digits = script["make_split"](3, np.random.default_rng(script["SEED"]))
        script["write_idx"](images, tmp_path / name)
        assert sorted(digits) == sorted([*range(10)] * 3)
        np.testing.assert_array_equal(read_idx(tmp_path / name), images)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


# --- python mnist_loader.py, and MNIST itself -------------------------------------------------


def test_script_downloads_verifies_and_tells_the_characteristics(
    mirrors, tmp_path, capsys
):
    mirrors("")
    assert mnist_loader.main(["--data-dir", str(tmp_path)]) == 0
    told = capsys.readouterr().out
    for line in (
        "180 images of the digits",
        "120 training examples, 60 test examples",
        "28x28",
    ):
        assert line in told
    assert told.count("Verified: ") == 4


def test_script_tells_the_lab_sheets_characteristics_of_mnist_in_russian(
    mnist_dir, capsys
):
    assert mnist_loader.main(["--data-dir", str(mnist_dir), "--lang", "ru"]) == 0
    told = capsys.readouterr().out.replace("\N{NO-BREAK SPACE}", "")
    for line in (
        "70000 изображений цифр от 0 до 9",
        "60000 обучающих примеров, 10000 тестовых",
        "Размер каждого изображения: 28×28 пикселей (784 пикселя)",
        "Каждый пиксель имеет значение от 0 до 255 (градации серого)",
        "изображениях: 0.1307 от полного; пикселей с чернилами: 19.1%",
        "  8: 5851 обучающих, 974 тестовых",
    ):
        assert line in told


def test_mnist_is_what_is_published(mnist_dir):
    dataset = load_dataset(mnist_dir, "mnist", None, None)
    assert dataset.name == "MNIST"
    assert (dataset.train.images.shape, dataset.test.images.shape) == (
        (60000, 784),
        (10000, 784),
    )
    assert dataset.train.digits[:5].tolist() == [5, 0, 4, 1, 9]
    assert dataset.train.images.mean(dtype=np.float64) == pytest.approx(
        0.1307, abs=5e-5
    )
    assert [split.targets().sum() for split in dataset[1:]] == [5851, 974]
    assert [split.targets().sum() for split in load_dataset(mnist_dir)[1:]] == [462, 89]


# --- deformed copies --------------------------------------------------------------------------

DEFORMATIONS = ("ROTATION", "SHEAR", "SCALE", "SHIFT", "BEND")
PLACES = (
    np.indices((28, 28)) - mnist_loader.CENTRE
)  # row and column of each pixel from the centre
INSIDE = slice(8, 20)  # pixels that no deformation of these tests brings near the edge
INNER = PLACES[:, INSIDE, INSIDE].reshape(2, 144)


def copies_of(monkeypatch, image: np.ndarray, rng=None, **sizes: float) -> np.ndarray:
    """200 copies (200, 28, 28), deformed in these ways alone; by the same draws where none are."""
    for name in DEFORMATIONS:
        monkeypatch.setattr(mnist_loader, name, sizes.get(name, 0))
    images = np.float32(image).reshape(1, 784).repeat(200, axis=0)
    return mnist_loader.augment(images, rng or np.random.default_rng(1)).reshape(
        200, 28, 28
    )


def maps_of_copies(monkeypatch, rng=None, **sizes: float) -> np.ndarray:
    """Where the inner pixels of each copy come from, from the centre: (200, 2, 144).

    Copies of ramps tell: each pixel is as bright as its row, or its column, is far.
    """
    copies = [
        copies_of(monkeypatch, 0.5 + places / 40, rng, **sizes) for places in PLACES
    ]
    return 40 * (
        np.stack(copies, axis=1)[:, :, INSIDE, INSIDE].reshape(200, 2, 144) - 0.5
    )


def matrices_of_copies(monkeypatch, **sizes: float) -> np.ndarray:
    """The maps as matrices, the shift in the last column: (200, 2, 3); they are affine."""
    maps, inner = maps_of_copies(monkeypatch, **sizes), np.vstack([INNER, np.ones(144)])
    matrices = maps @ np.linalg.pinv(inner)
    np.testing.assert_allclose(matrices @ inner, maps, atol=1e-4)
    return matrices


AFFINE = {  # how a map is made of one amount or two, and where and how those are told from it
    "ROTATION": (
        lambda u: [[np.cos(u), -np.sin(u), 0], [np.sin(u), np.cos(u), 0]],
        [3],
        np.arcsin,
    ),
    "SHEAR": (lambda u: [[1, u, 0], [0, 1, 0]], [1], np.float64),
    "SCALE": (lambda u, v: [[np.exp(u), 0, 0], [0, np.exp(v), 0]], [0, 4], np.log),
    "SHIFT": (lambda u, v: [[1, 0, u], [0, 1, v]], [2, 5], np.float64),
}


def test_each_copy_is_turned_sheared_scaled_and_shifted_by_amounts_of_its_own(
    monkeypatch,
):
    alone = {}
    for name, (make, places, amount_of) in AFFINE.items():
        alone[name] = matrices_of_copies(monkeypatch, **{name: 0.2})
        amounts = amount_of(alone[name].reshape(200, 6)[:, places])
        for drawn in amounts.T:  # evenly, to either side
            assert np.sort(drawn) == pytest.approx(
                np.linspace(-0.2, 0.2, 200), abs=0.04
            )
        assert (
            abs(np.corrcoef(amounts[:, 0], amounts[:, -1])[0, 1]) < 0.2
            or len(places) == 1
        )
        np.testing.assert_allclose(alone[name], [make(*u) for u in amounts], atol=1e-4)
    together = matrices_of_copies(monkeypatch, **dict.fromkeys(AFFINE, 0.2))
    rotation, shear, scale, shift = alone.values()
    expected = rotation[..., :2] @ shear[..., :2] @ scale[..., :2]
    np.testing.assert_allclose(together[..., :2], expected, atol=1e-4)
    np.testing.assert_allclose(together[..., 2], shift[..., 2], atol=1e-4)


def test_paper_follows_where_an_image_is_shifted(monkeypatch):
    down, across = matrices_of_copies(monkeypatch, SHIFT=2)[..., 2].T
    ink = copies_of(monkeypatch, np.ones((28, 28)), SHIFT=2).sum(axis=(1, 2))
    np.testing.assert_allclose(
        ink, (28 - np.abs(down)) * (28 - np.abs(across)), rtol=1e-4
    )


def test_each_copy_is_bent_smoothly_by_half_the_control_points_deviation(monkeypatch):
    """At a control point the cubic B-spline's weights are 1/6, 2/3, 1/6, whose squares sum to 1/2,

    so in two directions a displacement there deviates half as much. Pixel 11 lies at 2.04 points.
    """
    bends = (maps_of_copies(monkeypatch, BEND=1.5) - INNER).reshape(200, 2, 12, 12)
    assert bends[:, :, 3, 3].std(axis=0) == pytest.approx([0.75, 0.75], rel=0.15)
    assert bends.mean(axis=0) == pytest.approx(np.zeros((2, 12, 12)), abs=0.25)
    assert np.abs(np.diff(bends, n=2)).max() < 0.4 < np.ptp(bends, axis=3).max()
    assert abs(np.corrcoef(bends[:, :, 3, 3].T)[0, 1]) < 0.2
    alike = Mock(uniform=lambda low, high, shape: np.zeros(shape))
    alike.normal = lambda mean, deviation, shape: np.full(shape, deviation)
    shifts = (
        maps_of_copies(monkeypatch, alike, BEND=1.5) - INNER
    )  # the splines' sum is 1
    np.testing.assert_allclose(shifts, 1.5, atol=1e-4)


def test_copies_keep_shape_type_and_range_and_follow_from_the_generator(monkeypatch):
    images = made_images(np.arange(70) % 10).reshape(70, 784).astype(np.float32) / 255
    first, again = (
        mnist_loader.augment(images, np.random.default_rng(3)) for _ in range(2)
    )
    assert (first.shape, first.dtype) == ((70, 784), np.float32)
    assert (first.min(), first.max() <= 1, first.max() > 0.9) == (0, True, True)
    np.testing.assert_array_equal(first, again)
    assert mnist_loader.augment(images[:0], np.random.default_rng(3)).shape == (0, 784)
    unchanged = copies_of(monkeypatch, images[0])
    np.testing.assert_array_equal(
        unchanged, images[0].reshape(1, 28, 28).repeat(200, axis=0)
    )
