"""Are the digits in a picture found, and do they get the decisions that they ought to?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_own_handwriting.py [cases of hard_pictures ...]

Four measurements, all with the lab's network, trained on MNIST's first 5,000 images:

- pictures made to be hard, by case (see `hard_pictures`), in two halves of other seeds and other
  training digits: the constants were tuned on the one, the other reports;
- 500 of MNIST's test images 5,000 to 9,999, which nothing was tuned on, pasted as dark ink on
  white, scaled 3 to 10 times, off centre, under a light gradient;
- rows of ten digits, which must give ten boxes in reading order;
- time and memory for a photo of 12 megapixels.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hard_pictures import CASES, HardPicture, hard_pictures

from mnist_loader import Split, find_digits, load_dataset, read_picture
from neural_network import SGD, NeuralNetwork

HALVES = {
    "tune": (1, slice(0, 20_000)),
    "report": (77, slice(30_000, 50_000)),
}  # seed, digits
PICTURES_A_CASE = 5
SAME_BOX = 0.7  # intersection over union
PICTURES, ROWS = 500, 100
FIRST_UNTOUCHED = 5000
LIGHT = 0.7  # of the dark side, where the light side is 1
FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "Lanczos": Image.Resampling.LANCZOS,
}
ONE_PICTURE = """
import re, sys, time
from pathlib import Path
from mnist_loader import find_digits, read_picture
started = time.perf_counter()
found = find_digits(read_picture(sys.argv[1]))
seconds = time.perf_counter() - started
status = Path("/proc/self/status").read_text()  # getrusage counts what the parent held, too
most = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
print(f"{len(found)} digits, {seconds:.2f} s, {most:.0f} MB at most")
"""


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    a, b = a[:, np.newaxis], b[np.newaxis]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(axis=-1)
    areas = (np.prod(box[..., 2:] - box[..., :2], axis=-1) for box in (a, b))
    return shared / (sum(areas) - shared)


def score(made: HardPicture, network: NeuralNetwork, directory: Path) -> np.ndarray:
    """Exactly right, digits found, digits, false boxes, decisions kept, order right: (6,)."""
    path = directory / made.name
    Image.fromarray(made.picture).save(path, quality=made.quality)
    picture = read_picture(path)
    found = find_digits(picture)
    boxes = np.array([digit.box for digit in found], float).reshape(-1, 4)
    match = overlaps(made.boxes * (picture.shape[1] / made.picture.shape[1]), boxes)
    seen, place = np.nonzero(match >= SAME_BOX)
    kept = 0
    if len(seen):
        images = np.array([found[i].image for i in place])
        kept = np.count_nonzero(
            network.predict(images) == network.predict(made.images[seen])
        )
    in_order = (np.diff(place) > 0).all()
    false = len(boxes) - len(place)
    exact = len(seen) == len(made.boxes) and false == 0 and in_order
    return np.array([exact, len(seen), len(made.boxes), false, kept, in_order])


def hard_table(train: Split, network: NeuralNetwork, cases: list[str]) -> None:
    n = PICTURES_A_CASE
    with tempfile.TemporaryDirectory() as directory:
        for half, (seed, digits) in HALVES.items():
            print(
                f"\n| {half} half | exactly right | found | false boxes | order | decision kept |"
            )
            print("|---|---|---|---|---|---|")
            total = np.zeros(6, int)
            for case in cases:
                pictures = hard_pictures(
                    case, train.images[digits], train.digits[digits], seed, n
                )
                sums = sum(score(made, network, Path(directory)) for made in pictures)
                total += sums
                print(table_row(case, sums, n), flush=True)
            print(table_row("all", total, n * len(cases)), flush=True)


def table_row(name: str, sums: np.ndarray, n: int) -> str:
    exact, seen, digits, false, kept, ordered = (int(value) for value in sums)
    share = f"{kept / seen:.1%}" if seen else "-"
    return f"| {name} | {exact} of {n} | {seen} of {digits} | {false} | {ordered} of {n} | {share} |"


def pasted(image: np.ndarray, rng: np.random.Generator, resampling: int) -> np.ndarray:
    """An image (784,) as ink, enlarged and put somewhere on a larger sheet: (h, w) in [0, 1]."""
    side = 28 * int(rng.integers(3, 11))
    digit = Image.fromarray(np.rint(255 * image.reshape(28, 28)).astype(np.uint8))
    ink = np.zeros([side + int(rng.integers(10, 200)) for _ in "hw"])
    top, left = (int(rng.integers(0, length - side)) for length in ink.shape)
    enlarged = np.asarray(digit.resize((side, side), resampling)) / 255
    ink[top : top + side, left : left + side] = enlarged
    return ink


def as_photo(ink: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    light = np.linspace(1, LIGHT, ink.shape[1]) * (1 - ink) + rng.normal(
        0, noise, ink.shape
    )
    return np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)


def agreement(
    network: NeuralNetwork, images: np.ndarray, draw: Callable[[np.ndarray], np.ndarray]
) -> tuple[float, float]:
    """The share of pictures with the original's decision: of all, and of those called 8."""
    expected = network.predict(images)
    agreed = np.zeros(len(images), bool)
    for place, image in enumerate(images):
        found = find_digits(draw(image))
        agreed[place] = (
            len(found) == 1
            and network.predict(found[0].image[np.newaxis])[0] == expected[place]
        )
    return agreed.mean(), agreed[expected].mean()


def pasted_table(test: np.ndarray, network: NeuralNetwork) -> None:
    rng = np.random.default_rng(0)
    images = test[rng.choice(len(test), PICTURES, replace=False)]
    called = int(network.predict(images).sum())
    print(f"\n| {PICTURES} pictures | same decision | same, of the {called} called 8 |")
    print("|---|---|---|")
    for name, resampling in FILTERS.items():
        for noise in (0.0, 0.05) if name == "bicubic" else (0.0,):
            shares = agreement(
                network,
                images,
                lambda image: as_photo(pasted(image, rng, resampling), noise, rng),  # noqa: B023
            )
            title = f"enlarged by {name}" + (f", noise {noise:g}" if noise else "")
            print(f"| {title} | {shares[0]:.1%} | {shares[1]:.1%} |", flush=True)

    whole = 0
    for _ in range(ROWS):
        digits = test[rng.choice(len(test), 10, replace=False)].reshape(10, 28, 28)
        row = np.hstack(digits).repeat(4, axis=0).repeat(4, axis=1)
        found = find_digits(np.rint(255 * (1 - row)).astype(np.uint8))
        whole += [digit.box[0] // (28 * 4) for digit in found] == list(range(10))
    print(
        f"\nRows of ten digits that give ten boxes in reading order: {whole} of {ROWS}"
    )


def time_and_memory(train: Split) -> None:
    with tempfile.TemporaryDirectory() as directory:
        print("\nA photo of 12 megapixels, reading it included:")
        for case in ("sheet", "table around", "squared, dark"):
            changes = {"width": 4000, "heights": (0.75,)}
            (made,) = hard_pictures(case, train.images, train.digits, 0, 1, **changes)
            path = Path(directory) / "photo.jpg"
            Image.fromarray(made.picture).save(path, quality=90)
            command = [sys.executable, "-c", ONE_PICTURE, str(path)]
            said = subprocess.run(
                command, cwd=ROOT, check=True, capture_output=True, text=True
            )
            print(f"  {case}: {said.stdout.strip()}", flush=True)


def main() -> None:
    dataset = load_dataset(source="mnist", train_size=None, test_size=None)
    network = NeuralNetwork()
    for _ in range(15):
        images, targets = dataset.train.images[:5000], dataset.train.targets()[:5000]
        network.train_epoch(images, targets, SGD())
    started = time.perf_counter()
    hard_table(dataset.train, network, sys.argv[1:] or list(CASES))
    if not sys.argv[1:]:
        pasted_table(dataset.test.images[FIRST_UNTOUCHED:], network)
        time_and_memory(dataset.train)
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
