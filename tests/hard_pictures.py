"""Pictures of handwritten digits made to be hard, each with its truth.

    for made in hard_pictures("ruled, dark", images, digits, seed=0, n=5): ...

Digits of a data set are written anew, their middle lines traced with a pen of any width, on a page
with or without lines. The page is then seen as a phone sees it: turned and in perspective, on a
table, under uneven light, blurred, with the sensor's noise. Everything follows from the seed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from utils import connected_components

FINE = 4  # times the data set's 28 pixels, where middle lines are sought
SPECK = 0.05  # of a digit's ink: smaller pieces of it are not copied


class HardPicture(NamedTuple):
    """A picture and what is on it, in reading order."""

    picture: np.ndarray  # uint8 (h, w, 3)
    boxes: np.ndarray  # float (n, 4): left, top, right, bottom
    digits: np.ndarray  # int (n,)
    images: np.ndarray  # float32 (n, 784): what was copied
    name: str  # of the file to save it as: drawings as PNG, photos as JPEG
    quality: int  # of the JPEG


# What a picture is unless its case says otherwise. A pair is a range to draw from.
USUAL: dict[str, Any] = {
    "width": (700, 1600),  # pixels
    "heights": (0.56, 0.75, 0.75, 1.0, 1.33),  # to choose from, in widths
    "rows": (2, 5),
    "size": (0.35, 0.6),  # of a digit: share of the distance between rows
    "spread": 1.15,  # the largest digit by the usual one
    "row_spread": None,  # the largest row's digits by the smallest's
    "gap": (0.15, 0.9),  # between digits, in digits
    "pen": (0.05, 0.13),  # of a digit's longer side; None: as in the data set
    "ink": (0.6, 0.92),  # 1 would be black
    "pressure": 0.0,  # how much of its ink the pen loses where it is pressed least
    "signs": 0.0,  # how often a + - or = follows a digit
    "paper": (205, 250),  # grey level
    "turn": (-0.05, 0.05),  # radians
    "slope": 0.0,  # of the rows on the page
    "keystone": 0.03,  # how far each corner may be off, in widths
    "light": (0.1, 0.4),  # how much darker the dark side is
    "shadow": 0.0,  # how much light a shadow with a sharp edge takes
    "noise": (1, 5),
    "blur": (0.4, 1.1),  # pixels at a width of 1000
    "blotches": 0,  # shades of dust on the lens
    "quality": (60, 95),
    "lines": None,  # or "ruled", "squared"
    "line_ink": (0.1, 0.25),
    "pitch": (0.5, 1.6),  # from line to line, in digits
    "share": None,  # of the picture that the sheet takes, a table around it
    "crop": None,  # or "touches" or "fills": the picture ends at the only digit
    "around": None,  # or "table", "frame", "finger", "text"
    "kind": "paper",  # or "board" (light on dark), "coloured" (as bright), "drawing" (no camera)
    "only": None,  # digits to choose from
}

# Of a pen and its paper, in [0, 1]: as grey they are the same
EQUALLY_BRIGHT = np.array([[0.85, 0.37, 0.4], [0.3, 0.65, 0.4], [0.43, 0.48, 0.95]])

CASES: dict[str, dict[str, Any]] = {
    "sheet": {},
    "single digit": {"rows": 1, "count": 1, "width": (300, 900), "size": (0.35, 0.8)},
    "uneven light": {"light": (0.4, 0.65), "shadow": (0.3, 0.55), "noise": (3, 9)},
    "table around": {"around": "table"},
    "dark frame": {"around": "frame"},
    "finger or pen": {"around": "finger"},
    "cut-off text": {"around": "text"},
    "folded": {"fold": True, "shadow": 0.25},
    "ruled, light": {"lines": "ruled"},
    "ruled, dark": {"lines": "ruled", "line_ink": (0.35, 0.7), "turn": (-0.1, 0.1)},
    "squared, light": {"lines": "squared"},
    "squared, dark": {"lines": "squared", "line_ink": (0.35, 0.7)},
    "squared dark paper": {
        "lines": "squared",
        "kind": "board",
        "line_ink": (0.15, 0.4),
    },
    "tall beside small": {"spread": 2.2, "gap": (0.1, 0.5), "tall": True},
    "dense": {"rows": (4, 7), "size": (0.6, 0.78), "gap": (0.08, 0.25)},
    "slanted": {"slope": (0.08, 0.19), "rows": (3, 5), "keystone": 0.06},
    "rows close": {"rows": (2, 4), "size": (0.75, 0.86), "spread": 1.1, "lean": 0},
    "touching": {"touch": True, "only": (0, 2, 3, 4, 5, 6, 8), "gap": (0.3, 0.7)},
    "thin pen": {"pen": (0.02, 0.05), "ink": (0.65, 0.95)},
    "thick pen": {"pen": (0.14, 0.2)},
    "pencil": {"pen": (0.025, 0.06), "ink": (0.25, 0.45), "noise": (1, 3)},
    "pencil and marker": {"mixed": True},
    "small JPEG": {
        "width": (300, 480),
        "rows": (1, 3),
        "quality": (15, 40),
        "blur": (0.5, 1.5),
    },
    "far away": {"width": (1600, 4000), "rows": (5, 8), "count": (10, 30)},
    "blackboard": {
        "kind": "board",
        "ink": (0.5, 0.8),
        "paper": (30, 75),
        "pen": (0.05, 0.12),
    },
    "whiteboard": {"glare": True, "pen": (0.05, 0.1), "light": (0.2, 0.5)},
    "drawing": {
        "kind": "drawing",
        "rows": (1, 3),
        "width": (300, 900),
        "pen": (0.04, 0.2),
    },
    "no digits": {"nothing": True, "rows": (1, 4)},
    "sheet on a table": {
        "share": (0.1, 0.6),
        "around": "table",
        "width": (1200, 2400),
        "rows": (1, 4),
        "turn": (-0.4, 0.4),
        "noise": (2, 6),
    },
    "ballpoint on lines": {
        "lines": "ruled",
        "ink": (0.4, 0.7),
        "line_ink": (0.4, 0.7),
        "pen": (0.03, 0.06),
        "rows": (3, 7),
        "pitch": (0.9, 1.6),
    },
    "sizes 1 to 4": {"spread": 4.0, "gap": (0.08, 0.3), "size": (0.5, 0.8)},
    "rows of other sizes": {"row_spread": 4.0, "size": (0.5, 0.9)},
    "faint on squares": {
        "lines": "squared",
        "line_ink": (0.1, 0.2),
        "ink": (0.25, 0.45),
        "pen": (0.04, 0.08),
        "pressure": 0.6,
        "noise": (1, 3),
    },
    "signs": {"signs": 0.4, "gap": (0.15, 0.5)},
    "other colour": {"kind": "coloured"},
    "touches the edge": {"crop": "touches", "rows": 1, "count": 1, "size": (0.5, 0.8)},
    "fills the picture": {"crop": "fills", "rows": 1, "count": 1, "size": (0.5, 0.8)},
    "blurred, blotches": {"blur": (2, 4), "blotches": 4, "rows": (1, 4)},
    "scan": {
        "turn": (-0.02, 0.02),
        "keystone": 0.0,
        "light": (0, 0.05),
        "noise": (0, 2),
    },
}


def hard_pictures(
    case: str, images: np.ndarray, digits: np.ndarray, seed: int, n: int, **changes: Any
) -> Iterator[HardPicture]:
    """n pictures of a case, written from images (m, 784) of digits (m,).

    Changes are settings, named as in `USUAL`, that are to be others than the case's.
    """
    rng = np.random.default_rng([seed, list(CASES).index(case)])
    settings = USUAL | CASES[case] | changes
    if settings["only"]:
        chosen = np.isin(digits, settings["only"])
        images, digits = images[chosen], digits[chosen]
    for _ in range(n):
        yield _Maker(settings, images, digits, rng).make()


class _Maker:
    """Makes one picture: lays digits out on a page, then photographs the page."""

    def __init__(self, settings, images, digits, rng):
        self.settings, self.source, self.rng = settings, (images, digits), rng
        self.width = int(self.draw("width"))
        self.height = int(self.width * rng.choice(settings["heights"]))
        self.scale = self.width / 1000
        self.ink = np.zeros((self.height, self.width), np.float32)  # of the page
        self.points = []  # of each digit: (n, 2) its ink's pixels
        self.copied = []  # which image each digit is written after

    def draw(self, name):
        """A setting: where it is a pair of numbers, one drawn from that range."""
        value = self.settings.get(name)
        if not isinstance(value, tuple):
            return value
        if all(isinstance(end, int) for end in value) and name in ("rows", "count"):
            return int(self.rng.integers(value[0], value[1] + 1))
        return self.rng.uniform(*value)

    def make(self) -> HardPicture:
        self.write_rows()
        if self.settings.get("nothing"):
            self.ink[:] = 0
            self.points, self.copied = [], []
            self.scrawl()
        picture, to_picture = self.photograph()
        seen = [to_picture(points) for points in self.points]
        boxes = [np.append(p.min(axis=0), p.max(axis=0) + 1) for p in seen]
        if self.settings["crop"]:
            picture, boxes = self.cropped(picture, boxes[0])
        images, digits = self.source
        return HardPicture(
            picture,
            np.reshape(boxes, (-1, 4)),
            digits[self.copied].astype(int),
            images[self.copied],
            "drawing.png" if self.settings["kind"] == "drawing" else "photo.jpg",
            int(self.draw("quality")),
        )

    def cropped(self, picture: np.ndarray, box: np.ndarray):
        """The picture cut off at its only digit, on all sides or on some; and its box there."""
        side = max(box[2:] - box[:2])
        margins = self.rng.uniform(0.1, 0.6, 4) * (self.rng.random(4) < 0.5)
        if self.settings["crop"] == "fills":
            margins = self.rng.uniform(0, 0.04, 4)
        else:
            margins[self.rng.integers(4)] = 0
        low = np.maximum(np.rint(box[:2] - side * margins[:2]), 0).astype(int)
        high = np.rint(box[2:] + side * margins[2:]).astype(int)
        cut = picture[low[1] : high[1], low[0] : high[0]]
        return cut, [(box - np.tile(low, 2)).clip(0, np.tile(cut.shape[1::-1], 2))]

    # --- the page -----------------------------------------------------------------------------

    def write_rows(self):
        rows, slope = (
            self.draw("rows"),
            (self.draw("slope") or 0) * self.rng.choice([-1, 1]),
        )
        margin = 0.08 * min(self.width, self.height)
        count = self.draw("count")
        pitch = (self.height - 2 * margin - abs(slope) * self.width) / rows
        size = min(self.draw("size") * pitch, 0.8 * (self.width - 2 * margin))
        self.size, pen, ink = size, self.draw("pen"), self.draw("ink")
        left_on_page = count or 30
        for row in range(rows):
            if self.settings["row_spread"]:
                size = self.size * self.rng.uniform(1 / self.settings["row_spread"], 1)
            x = margin + self.rng.uniform(0, 1.0) * size * (rows > 1)
            if count == 1:
                x = self.rng.uniform(
                    margin, max(margin + 1, self.width - margin - size)
                )
            lift = max(0, -slope * self.width) + margin + (row + 0.5) * pitch
            before = None
            for _ in range(int(self.rng.integers(2, 11)) if count != 1 else 1):
                if left_on_page == 0:
                    break
                side = size * self.rng.uniform(1 / self.settings["spread"], 1)
                index = int(self.rng.integers(len(self.source[0])))
                if self.settings.get("tall"):
                    is_tall = self.source[1][index] in (7, 9)
                    side = size * (self.rng.uniform(0.85, 1) if is_tall else 0.5)
                if self.settings.get("mixed"):
                    pen, ink = [(0.12, 0.9), (0.05, 0.35)][int(self.rng.integers(2))]
                digit = self.written(index, side, pen)
                touches = (
                    self.settings.get("touch")
                    and before is not None
                    and before % 2 == 0
                )
                x = self.touching_place(digit, x) if touches else x
                if x + digit.shape[1] > self.width - margin:
                    break
                wobble = self.rng.uniform(-0.06, 0.06) * size * (not touches)
                y = lift + slope * (x + size / 2) - digit.shape[0] / 2 + wobble
                self.put(digit * ink, int(x), int(y), index)
                if (
                    self.settings["signs"]
                    and self.rng.random() < self.settings["signs"]
                ):
                    x += digit.shape[1] + self.draw("gap") * size
                    digit = self.sign(0.6 * size, (pen or 0.1) * size)
                    middle = lift + slope * (x + size / 2) - digit.shape[0] / 2
                    self.put(digit * ink, int(x), int(middle))
                before = 0 if before is None else before + 1
                paired = self.settings.get("touch") and before % 2 == 0
                x += digit.shape[1] + (0 if paired else self.draw("gap") * size)
                left_on_page -= 1

    def touching_place(self, digit: np.ndarray, x: float) -> float:
        """Where a digit must lie to touch the one before it by about a third of a pen's width."""
        before = self.points[-1]
        _, columns = np.nonzero(digit > 0.5)
        top = (before[:, 1].min() + before[:, 1].max() - digit.shape[0]) // 2
        rows_before = {}
        for px, py in before.astype(int):
            rows_before[py] = max(rows_before.get(py, 0), px)
        need = []
        for row in range(digit.shape[0]):
            ink = np.flatnonzero(digit[row] > 0.5)
            if len(ink) and int(top) + row in rows_before:
                need.append(rows_before[int(top) + row] - ink[0])
        overlap = max(2, 0.02 * self.size)
        return max(need) - overlap if need else before[:, 0].max() - columns.min()

    def written(self, index: int, side: float, pen: float | None) -> np.ndarray:
        """An image's digit written anew with a pen: (h, w) in [0, 1], cut to its ink."""
        image = self.source[0][index].reshape(28, 28)
        fine = Image.fromarray(np.rint(255 * image).astype(np.uint8)).resize(
            (28 * FINE, 28 * FINE), Image.Resampling.BICUBIC
        )
        mask = np.asarray(fine) > 110
        parts = connected_components(mask)
        sizes = np.bincount(parts.ravel())
        mask &= sizes[parts] >= SPECK * mask.sum()
        y, x = np.nonzero(_middle_line(mask))
        places = np.stack([x, y], axis=1).astype(float)
        apart = np.hypot(*(places[:, np.newaxis] - places).transpose(2, 0, 1))
        near = apart <= 3  # a moving mean takes the stairs out of the line
        places = near @ places / near.sum(axis=1, keepdims=True)
        thick = max(1.2, (pen or 0.1) * side)
        span = np.ptp(places, axis=0).max() or 1
        places = (
            (places - places.min(axis=0)) * max(1.0, side - thick) / span
            + thick / 2
            + 1
        )
        canvas = Image.new(
            "L", tuple(int(v) + 2 for v in places.max(axis=0) + thick / 2 + 1)
        )
        pencil, half = ImageDraw.Draw(canvas), thick / 2
        for a, b in zip(*np.nonzero(np.triu(apart < 1.5, 1)), strict=True):
            pencil.line([*places[a], *places[b]], fill=255, width=round(thick))
        if half > 1:
            for px, py in places:
                pencil.ellipse((px - half, py - half, px + half, py + half), fill=255)
        ink = np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.6)), np.float32) / 255
        rows, columns = np.nonzero(ink > 0.3)
        return ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]

    def sign(self, side: float, pen: float) -> np.ndarray:
        """A + - or = so wide, drawn by hand: (h, w) in [0, 1]."""
        strokes = {
            "+": [(0, 0.5, 1, 0.5), (0.5, 0, 0.5, 1)],
            "-": [(0, 0.5, 1, 0.5)],
            "=": [(0, 0.25, 1, 0.25), (0, 0.75, 1, 0.75)],
        }[self.rng.choice(["+", "-", "="])]
        canvas, thick = Image.new("L", (int(side + pen),) * 2), max(1, round(pen))
        for stroke in strokes:
            ends = np.array(stroke) + self.rng.normal(0, 0.04, 4)
            ImageDraw.Draw(canvas).line(
                [*(ends.clip(0, 1) * side + pen / 2)], 255, thick
            )
        return (
            np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.6)), np.float32) / 255
        )

    def put(self, ink: np.ndarray, x: int, y: int, index: int | None = None):
        """Ink on the page; what it shows is remembered if it is an image's digit."""
        x, y = max(x, 0), max(y, 0)
        place = self.ink[y : y + ink.shape[0], x : x + ink.shape[1]]
        ink = ink[: place.shape[0], : place.shape[1]]
        np.maximum(place, ink, out=place)
        if index is not None:
            rows, columns = np.nonzero(ink > 0.5 * ink.max())
            self.points.append(np.stack([columns + x, rows + y], axis=1).astype(float))
            self.copied.append(index)

    def scrawl(self):
        """What is no digit: dashes, dots, a scribble."""
        canvas = Image.new("L", (self.width, self.height))
        pencil, pen = ImageDraw.Draw(canvas), max(2, round(0.01 * self.width))
        for _ in range(int(self.rng.integers(1, 5))):
            x, y = self.rng.uniform(0.15, 0.7) * self.width, self.rng.uniform(0.2, 0.75)
            y, size = y * self.height, self.rng.uniform(0.06, 0.2) * self.height
            kind = self.rng.integers(3)
            if kind == 0:
                pencil.line((x, y, x + size, y + 0.05 * size), fill=230, width=pen)
            elif kind == 1:
                pencil.ellipse((x, y, x + 2 * pen, y + 2 * pen), fill=230)
            else:
                zigzag = self.rng.uniform((x, y), (x + size, y + size), (30, 2))
                pencil.line([tuple(p) for p in zigzag], fill=230, width=pen)
        self.ink = np.asarray(canvas, np.float32) / 255

    def lines_of_paper(self, shape) -> np.ndarray:
        """How much ink the paper's own lines hold: (h, w)."""
        h, w = shape
        kind, strength = self.settings["lines"], self.draw("line_ink")
        pitch = self.size * self.draw("pitch")
        thick = max(1.0, 0.0022 * self.width * self.rng.uniform(0.6, 1.3))
        ink = np.zeros(shape, np.float32)
        if kind is None:
            return ink
        for axis, length in enumerate((h, w)[: 1 + (kind == "squared")]):
            places = np.arange(length) + self.rng.uniform(0, pitch)
            line = np.clip(thick / 2 + 0.5 - np.abs(places % pitch - pitch / 2), 0, 1)
            ink = np.maximum(
                ink, strength * (line[:, np.newaxis] if axis == 0 else line)
            )
        if kind == "ruled" and self.rng.random() < 0.4:
            margin = int(0.06 * w)
            ink[:, margin : margin + max(1, round(thick))] = strength
        return ink

    # --- the photograph -----------------------------------------------------------------------

    def photograph(self):
        """The page as a camera sees it, and how points of the page come to lie in the picture."""
        rng, (h, w) = self.rng, self.ink.shape
        kind, around = self.settings["kind"], self.settings["around"]
        if kind == "drawing":
            ink, paper = (np.array(c, float) for c in ([0] * 3, [255] * 3))
            if rng.random() < 0.5:
                ink, paper = paper, ink
            if rng.random() < 0.3:
                ink = np.array([200.0, 30, 30])
            cover = (self.ink > 0.4)[..., np.newaxis]
            return np.where(cover, ink, paper).astype(np.uint8), lambda points: points

        pad = int(0.3 * w)  # the page goes on beyond the picture
        page_ink = np.pad(self.ink, pad)
        lines = self.lines_of_paper(page_ink.shape)
        tint = 1 + rng.uniform(-0.04, 0.04, 3)
        pen = rng.choice([[1.0, 1, 1], [1, 0.85, 0.5], [0.6, 1, 1]], p=[0.5, 0.4, 0.1])
        line_tint = rng.choice([[1.0, 1, 1], [1, 0.8, 0.45], [0.5, 1, 1]])
        level = rng.uniform(30, 75) if kind == "board" else self.draw("paper")
        grain = self.clouds(page_ink.shape, 6, 0.008) + self.clouds(
            page_ink.shape, 60, 0.012
        )
        page = np.ones((*page_ink.shape, 3), np.float32) * tint * level / 255
        if self.settings["pressure"]:
            uneven = 0.5 + self.clouds(page_ink.shape, max(2, int(self.size / 4)), 0.4)
            page_ink = page_ink * (1 - self.settings["pressure"] * uneven.clip(0, 1))
        if kind == "coloured":
            colours = rng.permutation(EQUALLY_BRIGHT)[:2]
            page = colours[0] + (colours[1] - colours[0]) * page_ink[..., np.newaxis]
        elif kind == "board":
            chalk = page_ink * (1 + 0.15 * rng.standard_normal(page_ink.shape))
            page += (
                np.maximum(chalk, 0)[..., np.newaxis] + lines[..., np.newaxis]
            ) * 0.8
        else:
            page *= 1 - page_ink[..., np.newaxis] * pen
            page *= 1 - lines[..., np.newaxis] * line_tint
        page *= 1 + grain[..., np.newaxis]
        if self.settings.get("fold"):
            ramp = np.arange(page.shape[1]) - page.shape[1] * rng.uniform(0.35, 0.65)
            page *= 1 - 0.22 * np.exp(-np.abs(ramp) / (0.05 * w))[:, np.newaxis] * (
                ramp[:, np.newaxis] > 0
            )

        corners = np.array([[0, 0], [w, 0], [w, h], [0, h]], float)
        turn, middle = self.draw("turn"), np.array([w, h]) / 2
        rotation = np.array(
            [[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]]
        )
        inset = rng.uniform(0.84, 0.95) if around == "table" else 0.97
        share = self.draw("share")
        if share:
            inset, room = share**0.5, (1 - share**0.5) / 2
            middle_seen = middle + rng.uniform(-room, room, 2) * (w, h)
        else:
            middle_seen = middle
        seen = (corners - middle) * inset @ rotation + middle_seen
        seen += rng.uniform(-1, 1, (4, 2)) * self.settings["keystone"] * w / 2
        forward = _homography(corners + pad, seen)
        back = _homography(seen, corners + pad)

        def warp(values, fill=0):
            image = Image.fromarray(np.clip(values * 255, 0, 255).astype(np.uint8))
            coefficients = (back / back[2, 2]).ravel()[:8]
            kwargs = {"resample": Image.Resampling.BICUBIC, "fillcolor": fill}
            return np.asarray(
                image.transform(
                    (w, h), Image.Transform.PERSPECTIVE, coefficients, **kwargs
                )
            ).astype(np.float32)

        def to_picture(points):
            mapped = np.c_[points + 0.5 + pad, np.ones(len(points))] @ forward.T
            return mapped[:, :2] / mapped[:, 2:] - 0.5

        view = warp(page) / 255
        if around == "table":
            sheet = np.zeros(page_ink.shape)
            rim = rng.uniform(0, 0.02, 4) * w + pad
            inner = np.s_[int(rim[0]) : -int(rim[1]), int(rim[2]) : -int(rim[3])]
            sheet[inner] = 1
            cover = warp(sheet)[..., np.newaxis] / 255
            wood = np.ones((h, w, 3)) * rng.choice(
                [
                    [0.45, 0.3, 0.2],
                    [0.15, 0.15, 0.17],
                    [0.7, 0.6, 0.5],
                    [0.3, 0.35, 0.45],
                ]
            )
            streaks = np.repeat(self.clouds((h // 8 + 1, w), 12, 0.16), 8, axis=0)[:h]
            if share:
                wood = self.things_on_table(wood * rng.uniform(0.5, 1))
                streaks = streaks + self.clouds((h, w), 3, 0.08)
            view = view * cover + wood * (1 + streaks[..., np.newaxis]) * (1 - cover)
        view = self.put_around(view, around)
        return self.exposed(view), to_picture

    def things_on_table(self, table):
        """Round and straight things of any brightness, upon which the sheet lies."""
        rng, (h, w, _) = self.rng, table.shape
        canvas = Image.fromarray(np.rint(table * 255).astype(np.uint8))
        for _ in range(int(rng.integers(3))):
            (x, y), size = rng.uniform(0, (w, h)), rng.uniform(0.03, 0.12) * w
            colour = tuple(int(value) for value in rng.uniform(10, 240, 3))
            if rng.random() < 0.5:
                ImageDraw.Draw(canvas).ellipse(
                    (x - size, y - size, x + size, y + size), colour
                )
            else:
                way = rng.uniform(0, 2 * np.pi)
                end = (x + 0.4 * w * np.cos(way), y + 0.4 * w * np.sin(way))
                ImageDraw.Draw(canvas).line((x, y, *end), colour, width=round(size / 3))
        return np.asarray(canvas, np.float64) / 255

    def put_around(self, view, around):
        rng, (h, w, _) = self.rng, view.shape
        canvas = Image.fromarray(np.clip(view * 255, 0, 255).astype(np.uint8))
        pencil = ImageDraw.Draw(canvas)
        if around == "frame":
            shade = (int(rng.uniform(0, 60)),) * 3
            for side in rng.choice(4, int(rng.integers(1, 5)), replace=False):
                a, b = rng.uniform(0.0, 0.06, 2)
                corners = [(0, 0), (1, 0), (1, b), (0, a)]
                corners = [(x, y) if side < 2 else (y, x) for x, y in corners]
                corners = [(1 - x, 1 - y) if side % 2 else (x, y) for x, y in corners]
                pencil.polygon([(x * w, y * h) for x, y in corners], fill=shade)
        elif around == "finger":
            size, x = 0.06 * w, rng.uniform(0.1, 0.9) * w
            skin = tuple(
                int(v) for v in np.array([200, 150, 120]) * rng.uniform(0.5, 1)
            )
            if rng.random() < 0.5:
                pencil.ellipse(
                    (x - size, h - 0.6 * size, x + size, h + 3 * size), fill=skin
                )
            else:
                end = (x + rng.uniform(-0.1, 0.1) * w, 0.955 * h)
                pencil.line(
                    (x, h + 9, *end), fill=(25, 30, 60), width=round(0.25 * size)
                )
        elif around == "text":
            for edge in (0, 1):
                for place in np.arange(0.02, 0.95, 0.11):
                    index = int(rng.integers(len(self.source[0])))
                    digit = self.written(index, self.size, 0.08)
                    shade = Image.fromarray((255 * 0.8 * digit).astype(np.uint8))
                    y = round((-0.5, -0.55)[edge] * digit.shape[0]) if edge == 0 else 0
                    y = h - round(0.45 * digit.shape[0]) if edge else y
                    if rng.random() < 0.8:
                        canvas.paste((40, 40, 60), (round(place * w), y), shade)
        return np.asarray(canvas, np.float32) / 255

    def exposed(self, view):
        """Under the scene's light, through a lens, on a sensor."""
        rng, (h, w, _) = self.rng, view.shape
        y, x = np.mgrid[0 : 1 : h * 1j, 0 : 1 : w * 1j].astype(np.float32)
        way, dark = rng.uniform(0, 2 * np.pi), self.draw("light")
        ramp = np.cos(way) * (x - 0.5) + np.sin(way) * (y - 0.5)
        light = (
            1 - dark * (0.5 + ramp / 1.42) - 0.25 * ((x - 0.5) ** 2 + (y - 0.5) ** 2)
        )
        light = light + self.clouds((h, w), max(h, w) // 3, 0.025)
        shadow = self.draw("shadow") or 0
        if shadow:
            way = rng.uniform(0, 2 * np.pi)
            edge = (
                np.cos(way) * (x - 0.5)
                + np.sin(way) * (y - 0.5)
                - rng.uniform(-0.2, 0.2)
            )
            softness = rng.uniform(0.001, 0.02)
            light = light * (
                1 - shadow / (1 + np.exp(-np.clip(edge / softness, -30, 30)))
            )
        if self.settings.get("glare"):
            gx, gy = rng.uniform(0.2, 0.8, 2)
            light = light + 0.35 * np.exp(-((x - gx) ** 2 + (y - gy) ** 2) / 0.03)
        for _ in range(self.settings["blotches"]):
            (bx, by), size = rng.uniform(0.1, 0.9, 2), rng.uniform(0.01, 0.04)
            away = np.hypot(x - bx, (y - by) * h / w) / size
            light = light * (
                1 - rng.uniform(0.08, 0.2) / (1 + np.exp(8 * (away - 1).clip(-2, 4)))
            )
        cast = 1 + rng.uniform(-0.07, 0.07, 3)
        lit = np.clip(view * light[..., np.newaxis] * cast, 0, 1)
        image = Image.fromarray(np.rint(255 * lit).astype(np.uint8))
        image = image.filter(
            ImageFilter.GaussianBlur(self.draw("blur") * max(self.scale, 0.6))
        )
        noise = rng.normal(0, self.draw("noise"), (h, w, 3))
        return np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)

    def clouds(self, shape, size, strength):
        """Smooth random values of a standard deviation, with bumps of about that many pixels."""
        h, w = shape
        coarse = self.rng.normal(0, 40, (h // size + 2, w // size + 2)) + 128
        image = Image.fromarray(np.clip(coarse, 0, 255).astype(np.uint8))
        smooth = np.asarray(image.resize((w, h), Image.Resampling.BICUBIC), np.float32)
        return (smooth - 128) / 40 * strength


def _middle_line(mask: np.ndarray) -> np.ndarray:
    """Thin a mask to lines a pixel wide (Zhang and Suen, Comm. ACM 27, 1984)."""
    mask = np.pad(mask, 1)
    ring = ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1))
    changed = True
    while changed:
        changed = False
        for first, second in (((0, 2, 4), (2, 4, 6)), ((0, 2, 6), (0, 4, 6))):
            p = np.array([np.roll(mask, (-dy, -dx), (0, 1)) for dy, dx in ring])
            rises = (~p & np.roll(p, -1, axis=0)).sum(axis=0)
            around = p.sum(axis=0)
            goes = mask & (around >= 2) & (around <= 6) & (rises == 1)
            goes &= ~p[list(first)].all(axis=0) & ~p[list(second)].all(axis=0)
            mask = mask & ~goes
            changed |= bool(goes.any())
    return mask[1:-1, 1:-1]


def _homography(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The projective map (3, 3) that takes four points to four others."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return np.append(np.linalg.solve(np.array(rows), values), 1).reshape(3, 3)
