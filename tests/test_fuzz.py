"""Damaged files: read rightly or refused in a line; no other exception, and no hang.

A few hundred seeded mutations of six kinds of file; many more by

    MUTATIONS=5000 python -m pytest tests/test_fuzz.py
"""

from __future__ import annotations

import copy
import gzip
import io
import math
import os
import random
import signal
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from made_data import idx_bytes, made_images
from made_runs import Lab
from PIL import Image

import train_network
from mnist_loader import PICTURE_SIDE, find_digits, read_idx, read_picture
from utils import UserError

MUTATIONS = int(os.environ.get("MUTATIONS", 60))  # of each kind of file
LEAST_REFUSED = 0.1  # of the mutations, or they are too gentle
SECONDS = 20  # for one file; what takes longer hangs
SMALL_RUN = ["--hidden", "3", "2", "--epochs=1", "--momentum=0.5", "--dropout=0.1"]


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """The content after one to three accidents; `other` is a good file to mix in."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        # Where, at the ends more often than between, and how much
        size = len(content) or 1
        place = rng.randrange(size)
        place = rng.choice((place, place % 40, size - 1 - place % min(size, 300)))
        length = rng.choice((1, 1, 4, 30, 400))
        before = content[:place]
        struck = content[place : place + length]
        after = content[place + length :]

        flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in struck[:1])
        accidents = {
            "cut off": before,
            "left out": before + after,
            "zero": before + bytes(len(struck)) + after,
            "put in": before + rng.randbytes(length) + struck + after,
            "mixed up": before + other[place : place + length] + after,
            "another byte": before + rng.choice((b"\x01", b"\x08", b"\xff")) + after,
            "flipped": before + flipped + struck[1:] + after,
            "flipped again": before + flipped + struck[1:] + after,
        }
        content = rng.choice([*accidents.values()])
    return content


class HangError(BaseException):
    """Reading took too long; no UserError, and no Exception that a reader may catch."""


@contextmanager
def time_limit() -> Iterator[None]:
    def ring(*_: object) -> None:
        raise HangError

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


# --- what reading a file rightly means ------------------------------------------------


def read_by_description(content: bytes) -> np.ndarray:
    """An IDX file's array after the format's description; many errors if it is none."""
    if content[:2] == b"\x1f\x8b":
        content = gzip.decompress(content)
    zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
    data_at = 4 + 4 * dimensions
    shape = struct.unpack(f">{dimensions}I", content[4:data_at])
    if zeros != 0 or kind != 8 or not dimensions:
        raise ValueError
    return np.frombuffer(content[data_at:], np.uint8).reshape(shape)


def check_idx(path: Path) -> None:
    try:
        expected = read_by_description(path.read_bytes())
    except Exception:
        expected = None
    try:
        array = read_idx(path)
    except UserError:
        assert expected is None, "a good file was refused"
        raise
    assert expected is not None, "a bad file was read"
    np.testing.assert_array_equal(array, expected)


def check_picture(path: Path) -> None:
    picture = read_picture(path)
    assert picture.dtype == np.uint8
    assert picture.shape[2:] == (3,)
    assert max(picture.shape) <= PICTURE_SIDE
    for found in find_digits(picture):
        assert found.image.shape == (784,)


class Kind(NamedTuple):
    """A kind of file: a good one, another to mix up with it, and how one is read."""

    good: bytes
    other: bytes
    read: Callable[[Path], None]


def idx_kind(pack: Callable[[bytes], bytes]) -> Kind:
    labels = np.arange(12) % 10
    good, other = (pack(idx_bytes(made_images(labels, seed))) for seed in (0, 1))
    return Kind(good, other, check_idx)


def picture_kind(name: str) -> Kind:
    files = []
    for seed in 0, 1:
        row = np.hstack(made_images(np.array([8, 1, 5]), seed))
        file = io.BytesIO()
        Image.fromarray(255 - row).convert("RGB").save(file, name)
        files.append(file.getvalue())
    return Kind(*files, check_picture)


def run_kind(data: Path, out: Path) -> Kind:
    lab = Lab(data, out)
    files = []
    for seed in 0, 1:
        lab.run(*SMALL_RUN, f"--seed={seed}")
        files.append((out / "model.npz").read_bytes())

    def check_run(path: Path) -> None:
        network = train_network.load_run(path, data).network
        network.save(path)
        assert path.read_bytes() == files[0]

    return Kind(*files, check_run)


@pytest.mark.parametrize("name", ["idx", "gzipped idx", "run", "png", "jpeg"])
def test_damaged_file_is_read_rightly_or_refused_in_a_line(made_dir, tmp_path, name):
    if name == "run":
        kind = run_kind(made_dir, tmp_path / "out")
    elif "idx" in name:
        kind = idx_kind(partial(gzip.compress, mtime=0) if "gzip" in name else bytes)
    else:
        kind = picture_kind(name)
    path = tmp_path / "file"
    path.write_bytes(kind.good)
    kind.read(path)
    rng = random.Random(name)
    refused = 0
    for number in range(MUTATIONS):
        path.write_bytes(mutated(kind.good, kind.other, rng))
        try:
            with time_limit():
                kind.read(path)
        except UserError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)
            refused += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number}: {error!r}") from error
    assert refused >= LEAST_REFUSED * MUTATIONS


# --- values in what a run keeps as JSON -----------------------------------------------

ODD = [None, True, -1, 0, 0.5, 3, 1e300, math.nan, math.inf, 10**400]
ODD += ["", "8", "sample", [], {}, [5]]


def with_an_odd_value(content: dict, rng: random.Random) -> dict:
    """A copy in which a value, at any depth, is odd, missing, or has one beside it."""
    content = copy.deepcopy(content)
    place = content
    key = rng.choice(list(place))
    while isinstance(place[key], dict | list) and place[key] and rng.random() < 0.9:
        place = place[key]
        key = rng.choice(list(place) if isinstance(place, dict) else range(len(place)))
    if rng.random() < 0.1:
        del place[key]
    elif isinstance(place[key], dict) and rng.random() < 0.5:
        place[key]["stranger"] = rng.choice(ODD)
    else:
        place[key] = rng.choice(ODD)
    return content


@pytest.mark.filterwarnings("error")  # whose text would be a second line
def test_odd_values_of_a_run_are_used_or_refused_in_a_line(made_dir, tmp_path, capsys):
    lab = Lab(made_dir, tmp_path)
    lab.run(*SMALL_RUN, "--epochs=2")
    network = lab.network()
    metadata = network.metadata
    rng = random.Random(0)
    refused = 0
    for number in range(MUTATIONS):
        network.metadata = with_an_odd_value(metadata, rng)
        network.save(lab.out / "model.npz")
        try:
            with time_limit():
                assert lab.resume("--epochs=2") == 0
            lab.metrics()  # which is JSON
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
        except BaseException as error:
            raise AssertionError(f"{number}: {network.metadata}: {error!r}") from error
    assert refused >= LEAST_REFUSED * MUTATIONS
    assert capsys.readouterr().err == ""
