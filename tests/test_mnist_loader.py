"""mnist_loader: every good file is read rightly, every bad one refused for its own reason."""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import random
import re
import struct
import tracemalloc
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from made_data import (
    MNIST_FILES,
    TEST_IMAGES,
    TEST_LABELS,
    TRAIN_IMAGES,
    TRAIN_LABELS,
    idx_bytes,
    made_images,
    write_dataset,
    write_idx,
)

import mnist_loader
from mnist_loader import DatasetError, Split, load_dataset, read_idx

LABELS = np.array([5, 0, 4, 1, 9, 8, 8], np.uint8)
IMAGES = made_images(LABELS)


def refusal(path: Path, **arguments: object) -> str:
    """The text of the DatasetError with which the file is refused; one line that names it."""
    with pytest.raises(DatasetError) as caught:
        read_idx(path, **arguments)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def dataset_refusal(directory: Path, **arguments: object) -> str:
    with pytest.raises(DatasetError) as caught:
        load_dataset(
            directory, source="mnist", **{"train_size": None, "test_size": None, **arguments}
        )
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    return write_idx(tmp_path / "images", IMAGES)


@pytest.fixture
def zipped(tmp_path: Path) -> Path:
    return write_idx(tmp_path / "images.gz", IMAGES)


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "made", 30, 20)


def edited(path: Path, old: bytes, new: bytes) -> Path:
    """Replace the first bytes of a plain file."""
    content = path.read_bytes()
    assert content.startswith(old)
    path.write_bytes(new + content[len(old) :])
    return path


# --- good files -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_image_file_is_read_as_it_was_written(tmp_path, name):
    images = read_idx(write_idx(tmp_path / name, IMAGES))
    assert images.dtype == np.uint8
    np.testing.assert_array_equal(images, IMAGES)


def test_label_file_is_read_as_it_was_written(tmp_path):
    np.testing.assert_array_equal(read_idx(write_idx(tmp_path / "labels.gz", LABELS)), LABELS)


def test_path_may_be_a_string(plain):
    np.testing.assert_array_equal(read_idx(str(plain)), IMAGES)


def test_gzip_is_told_by_content_not_by_name(tmp_path):
    path = tmp_path / "images-without-suffix"
    path.write_bytes(gzip.compress(idx_bytes(IMAGES)))
    np.testing.assert_array_equal(read_idx(path), IMAGES)


def test_gzip_file_of_several_members_is_read_whole(tmp_path):
    content = idx_bytes(IMAGES)
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(content[:1000]) + gzip.compress(content[1000:]))
    np.testing.assert_array_equal(read_idx(path), IMAGES)


def test_symbolic_link_to_a_file_is_read(tmp_path, plain):
    link = tmp_path / "link"
    link.symlink_to(plain)
    np.testing.assert_array_equal(read_idx(link), IMAGES)


def test_file_of_no_images_is_an_empty_array(tmp_path):
    assert read_idx(write_idx(tmp_path / "none", IMAGES[:0])).shape == (0, 28, 28)


def test_array_read_may_be_changed(plain):
    images = read_idx(plain)
    images[0, 0, 0] = 7
    assert images[0, 0, 0] == 7


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("limit", [0, 1, 3, len(IMAGES), len(IMAGES) + 1, 10**30])
def test_limit_takes_the_first_items(tmp_path, name, limit):
    path = write_idx(tmp_path / name, IMAGES)
    np.testing.assert_array_equal(read_idx(path, limit), IMAGES[: min(limit, len(IMAGES))])


def test_negative_limit_is_refused(plain):
    with pytest.raises(ValueError, match="-1"):
        read_idx(plain, -1)


class CountingFile(io.FileIO):
    """A raw file that counts the bytes taken from it."""

    taken = 0

    def readinto(self, buffer):
        count = super().readinto(buffer)
        CountingFile.taken += count
        return count

    def readall(self):
        content = super().readall()
        CountingFile.taken += len(content)
        return content


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_limit_reads_only_as_much_of_the_file_as_it_needs(tmp_path, monkeypatch, name):
    noise = np.random.default_rng(0).integers(0, 256, (4000, 28, 28), np.uint8)  # incompressible
    path = write_idx(tmp_path / name, noise)
    monkeypatch.setattr(
        Path, "open", lambda self, mode="r", *rest: io.BufferedReader(CountingFile(self, mode))
    )
    CountingFile.taken = 0
    np.testing.assert_array_equal(read_idx(path, 400), noise[:400])
    assert CountingFile.taken >= 400 * 784
    assert CountingFile.taken < 400 * 784 + (1 << 19)  # of 3.1 MB; readers may look ahead a bit


def test_damage_behind_the_limit_goes_unnoticed(plain):
    plain.write_bytes(plain.read_bytes()[:-5])
    np.testing.assert_array_equal(read_idx(plain, len(IMAGES) - 1), IMAGES[:-1])


# --- bad files --------------------------------------------------------------------------------


def test_missing_file_is_named(tmp_path):
    assert "does not exist" in refusal(tmp_path / "absent.gz")


def test_dangling_link_is_a_missing_file(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "absent")
    assert "does not exist" in refusal(link)


def test_circle_of_links_is_refused(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    assert "cannot be read" in refusal(link)


def test_empty_file_is_refused(tmp_path):
    path = tmp_path / "empty.gz"
    path.touch()
    assert "empty" in refusal(path)


def test_gzip_of_nothing_is_refused(tmp_path):
    path = tmp_path / "empty.gz"
    path.write_bytes(gzip.compress(b""))
    assert "empty" in refusal(path)


@pytest.mark.parametrize("limit", [None, 1])
def test_web_page_in_place_of_the_file_is_neither_gzip_nor_idx(tmp_path, limit):
    path = tmp_path / "images.gz"
    path.write_bytes(b"<!DOCTYPE html><title>403 Forbidden</title>")
    assert "neither gzip nor IDX" in refusal(path, limit=limit)


def test_gzipped_web_page_is_neither_gzip_nor_idx(tmp_path):
    path = tmp_path / "images.gz"
    path.write_bytes(gzip.compress(b"<!DOCTYPE html><title>403 Forbidden</title>"))
    assert "neither gzip nor IDX" in refusal(path)


@pytest.mark.parametrize("start", [b"\1\0\10\3", b"\0\1\10\3"])
def test_wrong_magic_number_is_refused_with_the_bytes_found(plain, start):
    edited(plain, b"\0\0\10\3", start)
    assert start.hex(" ") in refusal(plain)


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        (0x09, "signed byte"),
        (0x0B, "int16"),
        (0x0C, "int32"),
        (0x0D, "float32"),
        (0x0E, "float64"),
        (0x0A, "unknown"),
        (0x00, "unknown"),
        (0xFF, "unknown"),
    ],
)
def test_type_other_than_unsigned_byte_is_refused_by_name(tmp_path, kind, name):
    path = tmp_path / "images"
    path.write_bytes(idx_bytes(IMAGES, kind))
    assert re.search(rf"0x{kind:02x} \(.*{name}", refusal(path))


def test_header_without_dimensions_is_refused(tmp_path):
    path = tmp_path / "scalar"
    path.write_bytes(b"\0\0\10\0\7")
    assert "no dimensions" in refusal(path)


def test_more_dimensions_than_numpy_has_are_refused(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(b"\0\0\10\xff" + struct.pack(">255I", *[1] * 255) + b"\7")
    assert "1x1x1" in refusal(path)


@pytest.mark.parametrize("limit", [None, 0, 1])
@pytest.mark.parametrize("length", range(1, 16))
def test_file_that_ends_within_the_header_is_truncated(plain, length, limit):
    plain.write_bytes(plain.read_bytes()[:length])
    assert "truncated within the header" in refusal(plain, limit=limit)


@pytest.mark.parametrize("missing", [1, 784, len(IMAGES) * 784])
def test_file_that_ends_within_the_data_is_truncated(plain, missing):
    plain.write_bytes(plain.read_bytes()[:-missing])
    text = refusal(plain)
    assert "truncated" in text
    assert f"{len(IMAGES) * 784 - missing} of the {len(IMAGES) * 784}" in text


def test_data_that_ends_before_the_limit_is_truncated(plain):
    plain.write_bytes(plain.read_bytes()[: 16 + 2 * 784 - 1])
    assert "truncated" in refusal(plain, limit=2)


@pytest.mark.parametrize("length", [2, 5, 10, 40, -9, -8, -4, -1])
def test_gzip_stream_that_ends_early_is_truncated(zipped, length):
    zipped.write_bytes(zipped.read_bytes()[:length])
    assert "gzip data ends early" in refusal(zipped)


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("limit", [None, 2**32 - 2])
def test_header_that_promises_more_than_there_is_costs_no_memory(tmp_path, name, limit):
    content = struct.pack(">HBB3I", 0, 8, 3, 2**32 - 1, 28, 28) + bytes(1000)
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if path.suffix else content)
    refusal(path)  # what the first use costs does not count
    tracemalloc.start()
    try:
        text = refusal(path, limit=limit)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert "1000 of the" in text
    assert peak < 1 << 20


def test_empty_file_whose_sizes_no_array_can_have_is_refused(tmp_path):
    path = tmp_path / "images"
    path.write_bytes(struct.pack(">HBB3I", 0, 8, 3, 0, 2**32 - 1, 2**32 - 1))
    assert "0x4294967295x4294967295" in refusal(path)


@pytest.mark.parametrize("name", ["images", "images.gz"])
@pytest.mark.parametrize("limit", [None, len(IMAGES)])
def test_bytes_behind_the_data_are_refused(tmp_path, name, limit):
    content = idx_bytes(IMAGES) + b"\0"
    path = tmp_path / name
    path.write_bytes(gzip.compress(content) if path.suffix else content)
    assert "bytes follow" in refusal(path, limit=limit)


def test_bytes_behind_the_gzip_stream_are_refused(zipped):
    zipped.write_bytes(zipped.read_bytes() + b"<html>")
    assert "damaged gzip data" in refusal(zipped)


@pytest.mark.parametrize("place", [-8, -4])
def test_gzip_checksum_or_length_that_disagrees_is_refused(zipped, place):
    content = bytearray(zipped.read_bytes())
    content[place] ^= 1
    zipped.write_bytes(content)
    assert "damaged gzip data" in refusal(zipped)


def test_damage_within_the_gzip_stream_is_refused(zipped):
    content = bytearray(zipped.read_bytes())
    content[60:80] = bytes(20)
    zipped.write_bytes(content)
    assert "damaged gzip data" in refusal(zipped)


def test_directory_in_place_of_the_file_is_refused(tmp_path):
    assert "not a file" in refusal(tmp_path)


def test_pipe_in_place_of_the_file_is_refused_without_waiting(tmp_path):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    assert "not a file" in refusal(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_file_without_permission_is_refused(plain):
    plain.chmod(0)
    assert "Permission denied" in refusal(plain)


# --- data sets --------------------------------------------------------------------------------


@pytest.mark.parametrize("gzipped", [True, False])
def test_data_set_is_images_as_rows_in_0_to_1_and_their_digits(tmp_path, gzipped):
    dataset = load_dataset(write_dataset(tmp_path, 30, 20, gzipped=gzipped), "mnist", None, None)
    assert dataset.name == "MNIST"
    assert (dataset.train.images.shape, dataset.test.images.shape) == ((30, 784), (20, 784))
    assert dataset.train.images.dtype == np.float32
    assert dataset.train.digits.dtype == np.uint8
    np.testing.assert_array_equal(dataset.test.digits, np.arange(20) % 10)
    bytes_written = made_images(dataset.train.digits).reshape(30, 784)
    np.testing.assert_allclose(dataset.train.images, bytes_written / 255.0, rtol=1e-7)
    assert dataset.train.images.max() <= 1


def test_sizes_take_the_first_images_of_each_split(made):
    whole = load_dataset(made, "mnist", None, None)
    part = load_dataset(made, "mnist", 7, 4)
    np.testing.assert_array_equal(part.train.images, whole.train.images[:7])
    np.testing.assert_array_equal(part.train.digits, whole.train.digits[:7])
    np.testing.assert_array_equal(part.test.images, whole.test.images[:4])


def test_targets_are_one_for_the_digit_and_zero_for_the_rest():
    split = Split(np.zeros((5, 784), np.float32), np.array([8, 0, 8, 3, 9], np.uint8))
    assert split.targets().dtype == np.float32
    assert split.targets().tolist() == [1, 0, 1, 0, 0]
    assert split.targets(3).tolist() == [0, 0, 0, 1, 0]


def test_gzipped_file_is_preferred_to_the_plain_one(made):
    write_idx(made / TRAIN_LABELS.removesuffix(".gz"), LABELS)
    assert len(load_dataset(made, "mnist", None, None).train.digits) == 30


def test_directory_is_data_dir_unless_given(made, monkeypatch):
    monkeypatch.setattr(mnist_loader, "DATA_DIR", made)
    assert len(load_dataset(source="mnist", train_size=30, test_size=20).train.digits) == 30


@pytest.mark.parametrize("gone", [MNIST_FILES, MNIST_FILES[:1], MNIST_FILES[1:3]])
def test_all_missing_files_are_named_with_where_and_how_to_get_them(made, gone):
    for name in gone:
        (made / name).unlink()
    text = dataset_refusal(made)
    assert {name for name in MNIST_FILES if name in text} == set(gone)
    assert str(made) in text
    assert "--data-dir" in text
    assert "MNIST_DATA_DIR" in text


def test_directory_that_is_not_there_lacks_all_files(tmp_path):
    text = dataset_refusal(tmp_path / "absent")
    assert all(name in text for name in MNIST_FILES)
    assert str(tmp_path / "absent") in text


@pytest.mark.parametrize("size", [None, 5])
@pytest.mark.parametrize("labels", [29, 31, 0])
def test_numbers_of_images_and_labels_that_disagree_are_refused(made, labels, size):
    write_idx(made / TRAIN_LABELS, (np.arange(labels) % 10).astype(np.uint8))
    text = dataset_refusal(made, train_size=size)
    assert f"{made / TRAIN_IMAGES} holds 30 images, {TRAIN_LABELS} {labels} labels" in text


def test_label_above_9_is_refused_with_its_place(made):
    digits = (np.arange(20) % 10).astype(np.uint8)
    digits[13] = 10
    write_idx(made / TEST_LABELS, digits)
    text = dataset_refusal(made)
    assert f"{made / TEST_LABELS}: label 13 is 10" in text


@pytest.mark.parametrize("sides", [(28, 27), (27, 28), (32, 32), (1, 784)])
def test_images_that_are_not_28x28_are_refused(made, sides):
    write_idx(made / TEST_IMAGES, np.zeros((20, *sides), np.uint8))
    text = dataset_refusal(made)
    assert f"{made / TEST_IMAGES}: its images are {sides[0]}x{sides[1]} pixels" in text


def test_interchanged_images_and_labels_are_told(made):
    (made / TRAIN_IMAGES).rename(made / "aside")
    (made / TRAIN_LABELS).rename(made / TRAIN_IMAGES)
    (made / "aside").rename(made / TRAIN_LABELS)
    assert "interchanged" in dataset_refusal(made)


def test_split_without_images_is_refused(made):
    write_idx(made / TEST_IMAGES, IMAGES[:0])
    write_idx(made / TEST_LABELS, LABELS[:0])
    assert "no images" in dataset_refusal(made)


def test_asking_for_more_images_than_there_are_says_how_many_there_are(made):
    text = dataset_refusal(made, train_size=31)
    assert "30" in text
    assert "31" in text


@pytest.mark.parametrize("sizes", [(0, 1), (1, 0), (-1, 1), (1, -1)])
def test_size_below_1_is_refused_with_its_value(made, sizes):
    with pytest.raises(ValueError, match=f"size is {min(sizes)}; .* at least 1"):
        load_dataset(made, "mnist", *sizes)


def test_unknown_source_is_refused_with_its_name(made):
    with pytest.raises(ValueError, match="emnist"):
        load_dataset(made, "emnist")


# --- the real files ---------------------------------------------------------------------------

PUBLISHED_SHA256 = {
    TRAIN_IMAGES: "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
    TRAIN_LABELS: "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
    TEST_IMAGES: "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
    TEST_LABELS: "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
}


@pytest.fixture(scope="module")
def mnist(mnist_dir):
    return load_dataset(mnist_dir, "mnist", None, None)


@pytest.mark.parametrize("name", MNIST_FILES)
def test_mnist_files_have_the_published_checksums(mnist_dir, name):
    assert hashlib.sha256((mnist_dir / name).read_bytes()).hexdigest() == PUBLISHED_SHA256[name]


def test_mnist_has_the_published_sizes(mnist):
    assert mnist.train.images.shape == (60_000, 784)
    assert mnist.test.images.shape == (10_000, 784)


def test_mnist_begins_with_the_published_digits(mnist):
    assert mnist.train.digits[:5].tolist() == [5, 0, 4, 1, 9]


def test_mnist_has_the_published_numbers_of_eights(mnist):
    assert (mnist.train.targets().sum(), mnist.test.targets().sum()) == (5_851, 974)


def test_lab_sizes_of_mnist_have_the_published_numbers_of_eights(mnist_dir):
    dataset = load_dataset(mnist_dir, "mnist")
    assert (len(dataset.train.digits), len(dataset.test.digits)) == (5_000, 1_000)
    assert (dataset.train.targets().sum(), dataset.test.targets().sum()) == (462, 89)


def test_mnist_has_the_published_mean_pixel(mnist):
    assert mnist.train.images.mean(dtype=np.float64) == pytest.approx(0.1307, abs=5e-5)


# --- fuzzing ----------------------------------------------------------------------------------


class InvalidFileError(Exception):
    """The reference's verdict on a file."""


def reference_gunzip(content: bytes) -> tuple[bytes, bool]:
    """What a gzip file holds up to its first fault (RFC 1952), and whether it has none."""
    data = b""
    while content:
        if len(content) < 10 or content[:3] != b"\x1f\x8b\x08":
            return data, False
        flags, at = content[3], 10
        if flags & 4:
            at += 2 + int.from_bytes(content[at : at + 2], "little")
        for flag in 8, 16:  # a name and a comment, each ended by a zero
            if flags & flag:
                end = content.find(0, at)
                at = len(content) if end < 0 else end + 1
        at += 2 if flags & 2 else 0
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        start = len(data)
        for place in range(at, len(content)):  # byte by byte, to get all that precedes a fault
            try:
                data += inflater.decompress(content[place : place + 1])
            except zlib.error:
                return data, False
            if inflater.eof:
                at = place + 1
                break
        member = data[start:]
        check = struct.pack("<II", zlib.crc32(member), len(member) % 2**32)
        if not inflater.eof or content[at : at + 8] != check:
            return data, False
        content = content[at + 8 :].lstrip(b"\0")  # zeros may pad a member
    return data, True


def reference_read(content: bytes, limit: int | None) -> tuple[tuple[int, ...], bytes, bool]:
    """Shape and data of an IDX file, and whether all of the file is as it should be."""
    whole = True
    if content[:2] == b"\x1f\x8b":
        content, whole = reference_gunzip(content)
    if len(content) < 4 or content[:3] != b"\0\0\10" or not content[3]:
        raise InvalidFileError
    data_at = 4 + 4 * content[3]
    sizes = [int.from_bytes(content[at : at + 4], "big") for at in range(4, data_at, 4)]
    data = content[data_at:]
    if len(content) < data_at:
        raise InvalidFileError
    whole = whole and len(data) == math.prod(sizes)
    if limit is not None:
        sizes[0] = min(sizes[0], limit)
    if len(data) < math.prod(sizes) or math.prod(filter(None, sizes)) >= 2**63 or len(sizes) > 64:
        raise InvalidFileError  # too short, or no array can have these sizes
    return tuple(sizes), data[: math.prod(sizes)], whole


def mutated(content: bytes, rng: random.Random) -> bytes:
    """The content after one to three small accidents."""
    changed = bytearray(content)
    for _ in range(rng.choice((1, 1, 2, 3))):
        place = rng.randrange(len(changed) + 1)
        accident = rng.choice(("flip", "flip", "byte", "header", "size", "cut", "insert", "delete"))
        if accident == "flip" and place < len(changed):
            changed[place] ^= 1 << rng.randrange(8)
        elif accident == "byte" and place < len(changed):
            changed[place] = rng.randrange(256)
        elif accident == "header":
            place = rng.randrange(16)
            changed[place : place + 1] = bytes([rng.choice((0, 1, 2, 3, 8, 31, 139, 255))])
        elif accident == "size":
            place = 4 + 4 * rng.randrange(3)
            size = rng.choice((0, 1, 2, 5, 6, 9, 10, 255, 2**16, 2**31 - 1, 2**32 - 1))
            changed[place : place + 4] = size.to_bytes(4, "big")
        elif accident == "cut":
            del changed[place:]
        elif accident == "insert":
            changed[place:place] = rng.randbytes(rng.randrange(1, 9))
        elif accident == "delete":
            del changed[place : place + rng.randrange(1, 9)]
    return bytes(changed)


FUZZ_ARRAY = np.random.default_rng(0).integers(0, 4, (9, 6, 5), np.uint8)
FUZZ_MUTATIONS = 1000  # of each of three kinds of file, read with and without a limit


def fuzzed_files(kind: str, rng: random.Random) -> Iterator[bytes]:
    content = idx_bytes(FUZZ_ARRAY)
    zipped_content = gzip.compress(content, mtime=0)
    for _ in range(FUZZ_MUTATIONS):
        if kind == "plain":
            yield mutated(content, rng)
        elif kind == "gzip":
            yield mutated(zipped_content, rng)
        else:
            yield gzip.compress(mutated(content, rng), mtime=0)


@pytest.mark.parametrize("limit", [None, 4])
@pytest.mark.parametrize("kind", ["plain", "gzip", "gzip of mutated"])
def test_mutated_file_is_read_rightly_or_refused(tmp_path, kind, limit):
    """Any exception but DatasetError fails this test by itself.

    With a limit, damage behind it may go unnoticed or not, as buffers happen to end.
    """
    path = tmp_path / "mutated"
    outcomes = {"read": 0, "refused": 0}
    for number, content in enumerate(fuzzed_files(kind, random.Random(f"{kind} {limit}"))):
        path.write_bytes(content)
        where = f"mutation {number}, {content[:40].hex(' ')}"
        try:
            shape, data, whole = reference_read(content, limit)
            readable = True
        except InvalidFileError:
            readable = whole = False
        tracemalloc.start()
        try:
            array = read_idx(path, limit)
        except DatasetError as error:
            assert not whole, f"{where}: refused a good file: {error}"
            assert "\n" not in str(error)
            outcomes["refused"] += 1
        else:
            assert readable, f"{where}: read a bad file"
            assert whole or limit is not None, f"{where}: overlooked damage"
            assert (array.shape, array.tobytes()) == (shape, data), where
            outcomes["read"] += 1
        finally:
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        assert peak < 8 * len(content) + (1 << 20), f"{where}: allocated {peak} bytes"
    assert min(outcomes.values()) > FUZZ_MUTATIONS // 50, outcomes  # both are put to the test
