"""Pictures of handwritten digits made to be hard, each with its truth.

    for made in hard_pictures("ruled", images, seed=0, n=5): ...

Images of a data set are enlarged and laid out in rows on a page, with or without
printed lines, and the page is seen as a phone sees it: turned, its paper bent, on a
table, under uneven light, with the sensor's noise. Everything follows from the seed.
What a rule is worth is measured on real photographs instead, which cannot be part of
the project.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

# What a picture is unless its case says otherwise
USUAL: dict[str, Any] = {
    "shape": (700, 900),  # pixels: height, width
    "rows": 4,
    "size": 80,  # pixels: the largest digit's longer side
    "spread": 1.2,  # the largest by the smallest
    "gap": 40,  # pixels from digit to digit
    "slope": 0.0,  # of the rows on the page
    "signs": False,  # a plus sign or a dash behind every third digit
    "lines": None,  # or "ruled", "squared"
    "pitch": 60,  # pixels from line to line
    "line_ink": 0.5,
    "bend": 0,  # pixels: how far the paper's middle bulges
    "turn": 2.0,  # degrees
    "paper": 0.85,  # its brightness
    "ink": 0.15,  # its brightness
    "shadow": 0.0,  # how much light a shadow with a sharp edge takes
    "table": None,  # its brightness
    "noise": 0.01,
}

# The kinds that teach something: each is the reason for a stage of `find_digits`
CASES: dict[str, dict[str, Any]] = {
    "sheet": {},
    "uneven light": {"shadow": 0.45, "noise": 0.03},
    "table around": {"table": 0.3, "turn": 8.0},
    "dark board": {"paper": 0.2, "ink": 0.8},
    "ruled": {"lines": "ruled"},
    "ruled, bent": {"lines": "ruled", "bend": 25},
    "squared": {"lines": "squared", "line_ink": 0.3, "pitch": 35},
    "low drawing": {"shape": (110, 900), "rows": 1, "size": 95, "turn": 0.0},
    "tall beside small": {"spread": 2.2},
    "slanted": {"slope": 0.12, "turn": 0.0},
    "signs": {"signs": True},
    "no digits": {"rows": 0, "lines": "ruled"},
}


class HardPicture(NamedTuple):
    """A picture and what is on it, in reading order."""

    picture: np.ndarray  # uint8 (h, w, 3)
    boxes: np.ndarray  # int (n, 4): left, top, right, bottom
    images: np.ndarray  # float32 (n, 784): what was copied


def hard_pictures(
    case: str, images: np.ndarray, seed: int, n: int, **changes: Any
) -> Iterator[HardPicture]:
    """Make pictures of a case.

    Parameters
    ----------
    case : str
        One of `CASES`.
    images : float32 (m, 784)
        What to write from.
    seed, n : int
        Which pictures, and how many.
    **changes
        Settings, named as in `USUAL`, that are to be others than the case's.
    """
    rng = np.random.default_rng([seed, list(CASES).index(case)])
    settings = USUAL | CASES[case] | changes
    for _ in range(n):
        ink, number, written = _page(settings, images, rng)
        ink = np.maximum(ink, _printed_lines(settings, rng))
        picture, number = _photograph(ink, number, settings, rng)
        boxes = [_box(number == k + 1) for k in range(len(written))]
        yield HardPicture(picture, np.reshape(boxes, (-1, 4)), images[written])


def _box(mask: np.ndarray) -> tuple[int, int, int, int]:
    rows, columns = np.nonzero(mask)
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def _page(settings, images, rng):
    """Ink (h, w) in [0, 1], the number of each pixel's digit, the images written."""
    height, width = settings["shape"]
    ink = np.zeros((height, width), np.float32)
    number = np.zeros((height, width), np.uint8)
    written = []
    size = settings["size"]
    for row in range(settings["rows"]):
        x = size + int(rng.integers(0, size))
        while x < width - 2 * size:
            side = int(size * rng.uniform(1 / settings["spread"], 1))
            image = int(rng.integers(len(images)))
            digit = _enlarged(images[image], side)
            level = (row + 0.5) * height / settings["rows"]
            level += settings["slope"] * (x - width / 2)
            top = int(level - digit.shape[0] / 2)
            place = np.s_[top : top + digit.shape[0], x : x + digit.shape[1]]
            written.append(image)
            ink[place] = digit
            number[place][digit > 0.5] = len(written)
            x += digit.shape[1] + settings["gap"]
            if settings["signs"] and len(written) % 3 == 0:
                sign = _sign(size // 2, rng)
                top = int(level - size / 4)
                ink[top : top + len(sign), x : x + len(sign)] = sign
                x += len(sign) + settings["gap"]
    return ink, number, written


def _enlarged(image: np.ndarray, side: int) -> np.ndarray:
    """An image (784,), cut to its digit, whose longer side becomes so long."""
    small = Image.fromarray(np.rint(255 * image.reshape(28, 28)).astype(np.uint8))
    small = small.crop(small.getbbox())
    scale = side / max(small.size)
    size = [max(1, round(length * scale)) for length in small.size]
    return np.asarray(small.resize(size, Image.Resampling.BICUBIC), np.float32) / 255


def _sign(side: int, rng: np.random.Generator) -> np.ndarray:
    """A plus sign or a dash, drawn by hand: (side, side) in [0, 1]."""
    canvas = Image.new("L", (side, side))
    pencil = ImageDraw.Draw(canvas)
    middle = side / 2
    rise = rng.normal(0, 0.03) * side
    pencil.line((3, middle - rise, side - 4, middle + rise), fill=255, width=6)
    if rng.random() < 0.5:
        pencil.line((middle + rise, 3, middle - rise, side - 4), fill=255, width=6)
    return np.asarray(canvas, np.float32) / 255


def _printed_lines(settings, rng) -> np.ndarray:
    """How much ink the paper's own lines hold: (h, w)."""
    height, width = settings["shape"]
    lines = np.zeros((height, width), np.float32)
    start = int(rng.integers(0, settings["pitch"]))
    if settings["lines"]:
        for row in (0, 1):
            lines[start + row :: settings["pitch"]] = settings["line_ink"]
    if settings["lines"] == "squared":
        for column in (0, 1):
            lines[:, start + column :: settings["pitch"]] = settings["line_ink"]
    return lines


def _photograph(ink, number, settings, rng):
    """The page as a camera sees it, uint8 (h, w, 3), and each pixel's digit there."""
    height, width = ink.shape

    # The paper bulges, and the camera is turned.
    across = np.linspace(-1, 1, width)
    shift = np.rint(settings["bend"] * (1 - across**2)).astype(int)
    rows = (np.arange(height)[:, np.newaxis] - shift) % height
    ink = np.take_along_axis(ink, rows, axis=0)
    number = np.take_along_axis(number, rows, axis=0)
    margin = 0 if settings["table"] is None else 150
    turn = settings["turn"] * rng.uniform(0.5, 1) * rng.choice([-1, 1])
    bicubic = Image.Resampling.BICUBIC
    page = Image.fromarray(np.pad(ink, margin))
    page = np.asarray(page.rotate(turn, bicubic)).clip(0, 1)
    number = np.asarray(Image.fromarray(np.pad(number, margin)).rotate(turn))

    # Ink and paper have their brightness, and so has a table around.
    view = settings["paper"] + (settings["ink"] - settings["paper"]) * page
    if settings["table"] is not None:
        sheet = Image.fromarray(np.pad(np.ones(ink.shape, np.float32), margin))
        is_sheet = np.asarray(sheet.rotate(turn)) > 0.5
        grain = rng.normal(settings["table"], 0.04, view.shape)
        view = np.where(is_sheet, view, grain)

    # Light from one side, a shadow, the lens, the sensor
    y, x = np.indices(view.shape) / max(view.shape)
    light = 1 - 0.2 * x
    light = light * np.where(x + 0.3 * y > 0.6, 1 - settings["shadow"], 1)
    seen = Image.fromarray(np.rint(255 * view * light).clip(0, 255).astype(np.uint8))
    seen = np.asarray(seen.filter(ImageFilter.GaussianBlur(0.7)), np.float32)
    seen = seen + rng.normal(0, 255 * settings["noise"], seen.shape)
    picture = np.rint(seen).clip(0, 255).astype(np.uint8)
    return np.dstack([picture] * 3), number
