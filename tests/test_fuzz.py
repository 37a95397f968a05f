"""Damaged files: read rightly or refused in a line; no other exception, no hang, little memory.

A few hundred seeded mutations of each kind of file; many more by

    MUTATIONS=3000 python -m pytest tests/test_fuzz.py
"""

from __future__ import annotations

import copy
import gzip
import io
import json
import math
import os
import random
import resource
import signal
import struct
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path

import numpy as np
import pytest
from made_data import idx_bytes, made_images

import train_network
from mnist_loader import WORKING_SIDE, find_digits, read_idx, read_picture
from neural_network import NeuralNetwork
from utils import UserError

MUTATIONS = int(
    os.environ.get("MUTATIONS", 300)
)  # in all, shared by five kinds of file
SECONDS = 20  # for one file; what takes longer hangs
MOST_MEMORY = 64 << 20  # bytes that a reader asks for
# Of pictures the growth of the process counts: Pillow asks for as much as a header says, but
# touches no more than there is, or than a picture of its limit takes: 90 million pixels of 3 bytes.
PICTURES, MOST_GROWTH = ("png", "jpeg"), 400 << 20
NUMBERS = np.arange(12) % 10


def mutated(content: bytes, other: bytes, rng: random.Random) -> bytes:
    """The content after one to three accidents; `other` is a good file to be mixed up with."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        length, size = rng.choice((1, 1, 4, 30, 400)), len(content) or 1
        place = rng.randrange(size)
        place = (
            rng.choice((place, place % 40, -1 - place % 300)) % size
        )  # the ends tell most
        before, rest = content[:place], content[place:]
        struck, after = rest[:length], rest[length:]
        accidents = [before, before + after, before + bytes(len(struck)) + after]
        accidents += [
            before + rng.randbytes(length) + rest,
            before + other[place:][:length] + after,
        ]
        accidents.append(
            before + rng.choice((b"\x01", b"\x08", b"\x7f", b"\xff")) + rest[1:]
        )
        flipped = bytes(byte ^ 1 << rng.randrange(8) for byte in rest[:1])
        content = rng.choice([*accidents, *[before + flipped + rest[1:]] * 2])
    return content


class HangError(BaseException):
    """Reading took too long; no UserError, and no Exception that a reader may catch."""


@contextmanager
def limited(kind: str) -> Iterator[None]:
    """Fail where the block takes too long, or too much memory."""

    def ring(*_: object) -> None:
        raise HangError

    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    tracemalloc.start()
    try:
        yield
        assert kind in PICTURES or tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


# --- how each kind is made, and what reading it rightly means ----------------------------------


def idx(path: Path) -> None:
    """Read by `read_idx` and, after the format's description, here; they must agree."""
    content = path.read_bytes()
    try:
        content = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        zeros, kind, dimensions = struct.unpack(">HBB", content[:4])
        data_at = 4 + 4 * dimensions
        shape = struct.unpack(f">{dimensions}I", content[4:data_at])
        is_good = (zeros, kind, prod(shape)) == (
            0,
            8,
            len(content) - data_at,
        ) and dimensions
        expected = (
            np.frombuffer(content[data_at:], np.uint8).reshape(shape)
            if is_good
            else None
        )
    except Exception:
        expected = None
    try:
        array = read_idx(path)
    except UserError:
        assert expected is None, "a good file was refused"
        raise
    assert expected is not None, "a bad file was read"
    np.testing.assert_array_equal(array, expected)


def picture(path: Path) -> None:
    pixels = read_picture(path)
    assert (pixels.dtype, pixels.ndim, pixels.shape[2]) == (np.uint8, 3, 3)
    assert max(pixels.shape) <= WORKING_SIDE
    assert all(found.image.shape == (784,) for found in find_digits(pixels))


def drawn(kind: str, seed: int) -> bytes:
    from PIL import Image

    row = np.hstack(made_images(np.array([8, 1, 5]), seed))
    file = io.BytesIO()
    Image.fromarray(255 - row).convert("RGB").save(file, kind)
    return file.getvalue()


@pytest.fixture(scope="module")
def kinds(
    made_dir, tmp_path_factory
) -> dict[str, tuple[list[bytes], Callable[[Path], None]]]:
    """Of each kind of file two good ones, and how it is read."""
    images = [idx_bytes(made_images(NUMBERS, seed)) for seed in (0, 1)]
    runs, out = [], tmp_path_factory.mktemp("runs")
    for seed in ("0", "1"):
        options = [
            "--train-size=all",
            "--test-size=all",
            "--hidden",
            "3",
            "2",
            "--epochs=1",
        ]
        options += ["--momentum=0.5", "--dropout=0.1", f"--output-dir={out}"]
        train_network.main([*options, f"--data-dir={made_dir}", f"--seed={seed}"])
        runs.append((out / "model.npz").read_bytes())

    def run(path: Path) -> None:
        network = train_network.load_run(path, made_dir).network
        network.save(path)
        assert path.read_bytes() == runs[0]

    return {
        "idx": (images, idx),
        "gzipped idx": ([gzip.compress(content, mtime=0) for content in images], idx),
        "run": (runs, run),
        "png": ([drawn("PNG", seed) for seed in (0, 1)], picture),
        "jpeg": ([drawn("JPEG", seed) for seed in (0, 1)], picture),
    }


@pytest.mark.parametrize("kind", ["idx", "gzipped idx", "run", "png", "jpeg"])
def test_damaged_file_is_read_rightly_or_refused_in_a_line(kinds, tmp_path, kind):
    (good, other), read = kinds[kind]
    path, rng, refused = tmp_path / "file", random.Random(kind), 0
    path.write_bytes(good)
    read(path)  # what the first use costs does not count
    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(MUTATIONS // len(kinds)):
        content = mutated(good, other, rng)
        path.write_bytes(content)
        try:
            with limited(kind):
                read(path)
        except UserError as error:
            assert str(path) in str(error)
            assert "\n" not in str(error)
            refused += 1
        except BaseException as error:
            raise AssertionError(f"mutation {number} of {kind}: {error!r}") from error
    assert refused > MUTATIONS / len(kinds) / 10
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before
    assert grown << 10 < MOST_GROWTH


# --- values in what a run and a study keep as JSON ----------------------------------------------

ODD = [
    None,
    True,
    -1,
    0,
    0.5,
    3,
    1e300,
    math.nan,
    math.inf,
    10**400,
    "",
    "8",
    "sample",
    [],
    {},
    [5],
]


def with_an_odd_value(content: dict, rng: random.Random) -> dict:
    """A copy in which a value, at any depth, is odd or missing, or has a stranger beside it."""
    content = copy.deepcopy(content)
    place, key = {"": content}, ""
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
def test_odd_values_of_a_run_and_a_study_end_in_a_line(
    made_dir, tmp_path, monkeypatch, capsys
):
    """Many more: MUTATIONS=20000 gives 2,000 of a run and 200 of a study."""
    changes = {"the lab's run": {}, "momentum 0.9": {"momentum": 0.9}}
    monkeypatch.setattr(train_network, "STUDY", changes)
    small = ["--train-size=40", "--test-size=20", "--hidden=3", "--epochs=1"]
    options = [f"--data-dir={made_dir}", f"--output-dir={tmp_path}"]
    model, study = tmp_path / "model.npz", tmp_path / "study.json"
    train_network.main([*options, *small])
    train_network.main([*options, *small, "--study"])
    network, content = NeuralNetwork.load(model), json.loads(study.read_bytes())
    metadata, rng, refused = network.metadata, random.Random(0), 0
    for _ in range(MUTATIONS // 10):
        network.metadata = with_an_odd_value(metadata, rng)
        network.save(model)
        try:
            assert train_network.main([*options, "--resume", "--epochs=1"]) == 0
        except UserError as error:
            assert "\n" not in str(error)
            refused += 1
    assert refused > MUTATIONS / 30
    for _ in range(MUTATIONS // 100):
        study.write_text(json.dumps(with_an_odd_value(content, rng)))
        with suppress(UserError):
            train_network.compare_study(train_network.read_study(study)[1])
        assert train_network.main([*options, *small, "--study"]) == 0
    assert capsys.readouterr().err == ""
