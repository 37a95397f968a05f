"""Are the digits in a picture found, and do they get the decisions that they ought to?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_own_handwriting.py [PHOTOGRAPHS]

PHOTOGRAPHS is a directory with pictures and their truth.json, a list of
{"file", "kind", "boxes": [[is it an 8, left, top, right, bottom], ...]}: then it prints
how many of their digits are found, by kind. Without it there are four measurements,
with the lab's network, trained on MNIST's first 5,000 images:

- pictures made to be hard, by case (see `hard_pictures`);
- 500 of MNIST's test images 5,000 to 9,999, which nothing was tuned on, pasted as dark
  ink on white, scaled 3 to 10 times, off centre, under a light gradient;
- rows of ten digits, which must give ten boxes in reading order;
- time and memory for a photo of 12 megapixels.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
import json
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from hard_pictures import CASES, hard_pictures

from mnist_loader import FoundDigits, find_digits, load_dataset, read_picture
from neural_network import SGD, NeuralNetwork

PICTURES_A_CASE = 5
WRITTEN_FROM = slice(30_000, 50_000)  # of the training images: not the network's own
SAME_BOX = 0.7  # intersection over union
PICTURES = 500
ROWS = 100
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
status = Path("/proc/self/status").read_text()  # getrusage counts the parent's, too
most = int(re.search(r"VmHWM:\\s+(\\d+)", status)[1]) / 1024
print(f"{len(found)} digits, {seconds:.2f} s, {most:.0f} MB at most")
"""


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of boxes (n, 4) and (m, 4): (n, m)."""
    a = a[:, np.newaxis]
    b = b[np.newaxis]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = sides.clip(0).prod(axis=-1)
    area_a = np.prod(a[..., 2:] - a[..., :2], axis=-1)
    area_b = np.prod(b[..., 2:] - b[..., :2], axis=-1)
    return shared / (area_a + area_b - shared)


def matches(found: FoundDigits, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Which of the true boxes (n, 4) are found, and by which digit."""
    seen = np.reshape([digit.box for digit in found], (-1, 4))
    return np.nonzero(overlaps(boxes, seen) >= SAME_BOX)


# --- photographs ----------------------------------------------------------------------


def photographs_table(directory: Path) -> None:
    """Print how many digits are found in a directory's pictures, by kind."""
    totals = defaultdict(lambda: np.zeros(4, int))
    for picture in json.loads((directory / "truth.json").read_text()):
        boxes = np.reshape(picture["boxes"], (-1, 5))[:, 1:].astype(float)
        found = find_digits(read_picture(directory / picture["file"]))
        truth, _ = matches(found, boxes)
        counts = (1, len(boxes), len(truth), len(found) - len(truth))
        totals[picture["kind"]] += counts
        totals["all"] += counts
    print("| kind | pictures | found | false boxes |\n|---|---|---|---|")
    for kind, (pictures, digits, seen, false) in totals.items():
        print(f"| {kind} | {pictures} | {seen} of {digits} | {false} |")


# --- pictures made to be hard ---------------------------------------------------------


def hard_table(images: np.ndarray, network: NeuralNetwork) -> None:
    """Print, by case, what is found and whether the decision is the original's."""
    print("\n| case | found | false boxes | in order | decision kept |")
    print("|---|---|---|---|---|")
    for case in CASES:
        digits = seen = false = kept = ordered = 0
        for made in hard_pictures(case, images, seed=77, n=PICTURES_A_CASE):
            found = find_digits(made.picture)
            truth, place = matches(found, made.boxes)
            digits += len(made.boxes)
            seen += len(truth)
            false += len(found) - len(truth)
            ordered += bool((np.diff(place) > 0).all())
            if len(truth):
                cut_out = np.array([found[k].image for k in place])
                expected = network.predict(made.images[truth])
                kept += np.count_nonzero(network.predict(cut_out) == expected)
        share = f"{kept / seen:.1%}" if seen else "-"
        in_order = f"{ordered} of {PICTURES_A_CASE}"
        print(f"| {case} | {seen} of {digits} | {false} | {in_order} | {share} |")


# --- MNIST's own images, pasted -------------------------------------------------------


def pasted(image: np.ndarray, rng: np.random.Generator, resampling: int) -> np.ndarray:
    """An image (784,) enlarged, somewhere on a larger sheet: ink (h, w) in [0, 1]."""
    side = 28 * int(rng.integers(3, 11))
    digit = Image.fromarray(np.rint(255 * image.reshape(28, 28)).astype(np.uint8))
    ink = np.zeros([side + int(rng.integers(10, 200)) for _ in "hw"])
    top, left = (int(rng.integers(0, length - side)) for length in ink.shape)
    enlarged = np.asarray(digit.resize((side, side), resampling)) / 255
    ink[top : top + side, left : left + side] = enlarged
    return ink


def as_photo(ink: np.ndarray, noise: float, rng: np.random.Generator) -> np.ndarray:
    """Ink (h, w) on white paper, lit from the left, with a sensor's noise."""
    light = np.linspace(1, LIGHT, ink.shape[1]) * (1 - ink)
    light = light + rng.normal(0, noise, ink.shape)
    return np.rint(255 * np.clip(light, 0, 1)).astype(np.uint8)


def agreement(
    network: NeuralNetwork,
    images: np.ndarray,
    draw: Callable[[np.ndarray], np.ndarray],
) -> tuple[float, float]:
    """The share of pictures with the original's decision: of all, of those called 8."""
    expected = network.predict(images)
    agreed = np.zeros(len(images), bool)
    for place, image in enumerate(images):
        found = find_digits(draw(image))
        if len(found) == 1:
            decision = network.predict(found[0].image[np.newaxis])[0]
            agreed[place] = decision == expected[place]
    return agreed.mean(), agreed[expected].mean()


def pasted_table(test: np.ndarray, network: NeuralNetwork) -> None:
    rng = np.random.default_rng(0)
    images = test[rng.choice(len(test), PICTURES, replace=False)]
    called = int(network.predict(images).sum())
    print(f"\n| {PICTURES} pictures | same decision | same, of the {called} called 8 |")
    print("|---|---|---|")
    ways = [(name, 0.0) for name in FILTERS]
    ways.insert(3, ("bicubic", 0.05))
    for name, noise in ways:

        def draw(image, name=name, noise=noise):
            return as_photo(pasted(image, rng, FILTERS[name]), noise, rng)

        shares = agreement(network, images, draw)
        title = f"enlarged by {name}" + (f", noise {noise:g}" if noise else "")
        print(f"| {title} | {shares[0]:.1%} | {shares[1]:.1%} |", flush=True)


def rows_of_ten(test: np.ndarray) -> None:
    rng = np.random.default_rng(1)
    whole = 0
    for _ in range(ROWS):
        digits = test[rng.choice(len(test), 10, replace=False)].reshape(10, 28, 28)
        row = np.hstack(digits).repeat(4, axis=0).repeat(4, axis=1)
        found = find_digits(np.rint(255 * (1 - row)).astype(np.uint8))
        whole += [digit.box[0] // (28 * 4) for digit in found] == list(range(10))
    print(f"\nRows of ten digits that give ten boxes in order: {whole} of {ROWS}")


# --- time and memory ------------------------------------------------------------------


def time_and_memory(images: np.ndarray) -> None:
    print("\nA photo of 12 megapixels, reading it included:")
    with tempfile.TemporaryDirectory() as directory:
        for case in ("sheet", "table around", "squared"):
            (made,) = hard_pictures(case, images, seed=0, n=1)
            photo = Image.fromarray(made.picture).resize((4000, 3000))
            path = Path(directory) / "photo.jpg"
            photo.save(path, quality=90)
            command = [sys.executable, "-c", ONE_PICTURE, str(path)]
            done = subprocess.run(
                command, cwd=ROOT, check=True, capture_output=True, text=True
            )
            print(f"  {case}: {done.stdout.strip()}", flush=True)


def main() -> None:
    if sys.argv[1:]:
        photographs_table(Path(sys.argv[1]))
        return
    started = time.perf_counter()
    dataset = load_dataset(source="mnist", train_size=None)
    network = NeuralNetwork()
    images = dataset.train.images[:5000]
    targets = dataset.train.targets()[:5000]
    for _ in range(15):
        network.train_epoch(images, targets, SGD())
    written_from = dataset.train.images[WRITTEN_FROM]
    hard_table(written_from, network)
    pasted_table(dataset.test.images[FIRST_UNTOUCHED:], network)
    rows_of_ten(dataset.test.images[FIRST_UNTOUCHED:])
    time_and_memory(written_from)
    print(f"\n{time.perf_counter() - started:.0f} s in all")


if __name__ == "__main__":
    main()
