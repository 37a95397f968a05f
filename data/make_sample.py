"""Draw data/sample/: a small handwriting-like digit set in MNIST's files and form.

Neither MNIST nor a font. 600 invented writers each write the ten digits once: a few pen
strokes, smooth curves through the points of WAYS, strayed, bent, slanted and pressed as
that hand does. 500 writers make the training set, 100 others the test set. The same
seed draws the same set.

    python data/make_sample.py [--output-dir DIR]

Beside the four files it writes contact_sheet.png, to see at a glance what they hold.
"""

import argparse
import gzip
import struct
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the project's modules

from mnist_loader import to_mnist_form
from utils import atomic_write

SEED = 8  # the lab's digit, chosen before anything was measured
N_TRAIN_WRITERS = 500
N_TEST_WRITERS = 100
N_DIGITS = 10
FULL_INK = 255  # of a pixel in an IDX file, and white in a PNG

# Every way of writing each digit: the digit, how common the way is among that digit's,
# its name, its strokes. A stroke is a smooth curve through its points, each "x,y" in
# percent of the digit's height, x to the right and y down; "|" lifts the pen; a point
# written twice is a corner. A way is a line; "\" goes on with it in the next.
WAYS = """
0 12 oval from the top: 56,0 30,10 15,48 25,88 48,100 72,88 86,50 76,12 52,1 44,5
0 8 round: 52,0 20,12 4,50 16,88 48,100 80,88 96,50 84,12 56,0 46,3
0 4 closing inside: 64,8 36,4 14,40 21,85 50,100 79,80 86,40 72,8 52,3 43,22
0 2 curling in: 32,6 12,40 17,84 48,100 83,80 89,36 68,2 42,4 31,30 46,44
0 2 open at the top: 32,3 13,30 13,75 43,100 79,84 88,45 82,10 70,3
0 4 narrow: 54,0 37,14 28,50 34,88 48,100 65,86 73,50 66,12 50,1
0 4 pear, pointed top: 54,0 31,28 9,68 24,96 54,100 87,80 80,45 61,14 52,0
0 3 lying: 61,22 26,30 2,55 14,78 49,82 84,70 98,42 81,24 51,22
1 40 a bar: 52,0 50,50 48,100
1 8 a bent bar: 54,0 49,35 49,70 50,100
1 6 a bar bent back: 50,0 52,40 51,75 44,100
1 3 with a flag: 35,22 48,8 56,0 56,0 52,50 48,100
1 2 with flag and foot: 30,20 54,0 54,0 51,50 48,98 | 18,98 48,98 80,98
2 10 flat foot: 13,24 29,4 57,3 71,24 58,52 37,76 17,97 17,97 53,98 91,96
2 6 like a Z: 6,8 35,4 72,5 72,5 58,34 40,66 22,95 22,95 55,96 88,94
2 14 looped: 15,22 31,3 60,6 70,32 55,64 32,94 12,94 13,76 37,76 66,92 96,88
2 8 wide loop: 11,16 41,0 72,14 76,48 52,86 21,100 3,84 16,66 46,74 79,96 102,94
2 6 wavy foot: 15,22 35,2 62,12 63,38 42,68 18,94 18,94 40,88 67,98 92,90
2 4 curled head: 32,32 18,28 18,8 47,0 71,18 64,46 42,74 19,96 19,96 50,94 91,98
2 4 long tail: 6,34 23,18 45,20 49,42 36,68 14,92 14,92 44,86 73,84 107,82
2 4 upright, narrow: 21,16 41,1 66,12 65,44 52,74 35,97 35,97 61,98 89,96
3 12 two bows: 16,12 38,0 64,10 64,34 42,47 42,47 70,54 86,76 68,98 41,98 23,88
3 6 flat top: 10,6 38,5 67,4 67,4 56,26 42,44 42,44 72,52 84,76 62,98 25,92
3 6 small loop at the waist: 14,14 39,0 67,16 60,42 36,52 33,44 55,46 81,68 71,96 23,92
3 6 round waist: 16,10 41,0 65,18 58,42 46,48 65,54 82,76 66,98 27,94
3 4 big belly: 21,8 39,0 55,12 53,30 39,38 39,38 73,44 91,70 71,98 32,98 17,86
3 4 big head: 7,16 38,0 73,12 72,40 44,56 44,56 68,62 78,82 60,98 33,94
3 4 leaning bows: 9,12 43,2 74,4 58,30 38,44 38,44 75,48 79,76 51,96 14,92
3 3 curled ends: 18,26 14,8 39,0 64,12 61,38 42,46 42,46 78,56 82,86 53,100 26,94 27,80
4 12 open, two strokes: 28,2 21,28 16,54 16,54 50,56 86,50 | 72,4 65,50 60,100
4 8 open, wide: 15,6 12,30 12,54 12,54 48,52 82,48 | 81,2 78,50 78,100
4 8 open, narrow: 36,4 27,30 22,52 35,60 65,46 | 74,2 65,48 55,100
4 6 closed: 62,0 38,32 12,66 12,66 50,64 90,62 | 62,0 61,50 60,100
4 4 rounded, one stroke: 30,6 23,34 31,54 56,50 74,10 74,10 67,54 60,100
4 6 crossing bar: 34,0 25,26 18,46 18,46 56,46 95,42 | 61,18 56,60 51,100
4 1 like a 9: 68,6 43,8 23,36 35,54 58,46 70,6 70,6 65,52 60,100
4 3 like an H: 22,2 21,30 18,62 | 21,44 50,46 80,42 | 79,2 78,50 78,100
5 12 hat last: 31,4 26,24 23,44 23,44 51,36 77,56 75,84 47,100 15,92 | 31,4 58,4 84,2
5 10 one stroke: 84,4 58,5 31,6 31,6 26,26 23,44 23,44 54,40 77,60 71,88 43,100 14,94
5 6 smooth, like an S: 82,6 51,2 27,14 33,36 61,54 74,74 57,94 30,98 7,90
5 6 long hat: 37,10 32,28 29,46 29,46 54,44 67,62 56,86 28,98 1,90 | 37,10 68,8 105,2
5 4 small hat: 27,8 24,28 23,48 23,48 60,44 84,66 67,96 34,98 15,88 | 27,8 64,8
5 4 belly curling in: 78,2 27,5 27,5 23,44 23,44 59,36 84,60 69,94 39,100 15,86 27,72
5 4 narrow: 66,3 33,5 33,5 33,38 33,38 58,48 68,74 57,94 38,98
5 2 belly closing: 72,6 41,6 26,26 33,42 60,46 74,68 59,94 32,92 29,72 42,60
6 12 curved back: 57,0 33,20 19,52 25,84 51,100 75,88 76,66 54,54 33,66 26,80
6 8 straight back: 40,0 30,30 23,62 31,90 52,100 75,84 70,62 47,60 30,78
6 6 wide loop: 46,0 22,24 10,60 25,92 58,100 90,84 91,60 62,50 33,64 20,78
6 4 small loop: 55,0 37,30 29,66 37,92 56,100 71,88 67,72 47,72 36,86
6 4 hooked top: 73,8 57,0 33,16 19,52 25,86 51,100 77,86 76,62 52,52 28,66
6 3 loop left open: 48,0 28,30 20,66 35,96 62,98 79,78 68,62 53,62 45,70
6 4 loop crossing the back: 51,0 31,28 23,62 35,94 62,98 79,78 64,58 37,66 13,80
6 4 tall, narrow: 51,0 41,26 37,62 42,92 58,100 69,86 64,66 51,62 42,76
6 4 like a b: 24,0 16,36 16,76 39,100 72,94 84,74 68,56 43,60 24,82
7 10 plain: 5,8 41,6 77,4 77,4 67,34 59,66 55,100
7 10 round shoulder: 6,10 39,6 69,6 76,22 68,50 60,76 57,100
7 6 with a serif: 7,28 9,8 9,8 45,7 77,4 77,4 67,40 61,100
7 5 barred: 10,10 45,8 77,4 77,4 65,40 55,100 | 34,54 58,52 88,48
7 2 barred, with a serif: 11,26 13,6 13,6 75,5 75,5 66,44 59,100 | 32,54 84,48
7 6 arched: 13,28 21,8 49,2 74,16 72,46 65,74 63,100
7 4 narrow: 23,26 30,10 49,8 69,2 69,2 63,40 55,100
7 1 with a foot: 10,10 43,8 75,6 75,6 62,50 49,96 | 23,98 51,96 79,94
8 12 one stroke: 71,12 46,0 24,12 30,34 52,50 73,68 74,90 54,100 33,88 34,68 52,48 \
    69,30 71,10
8 10 tail flying right: 62,18 40,4 22,16 33,38 54,56 67,80 54,100 33,90 34,70 52,48 \
    70,24 92,4
8 8 gap at the top right: 68,22 47,2 22,12 27,34 52,50 70,72 60,98 35,92 33,70 50,50 \
    69,40 81,30
8 6 two rings: 46,0 26,10 27,32 50,46 68,32 65,10 44,0 | 50,46 24,60 27,88 56,100 \
    82,86 76,60 50,46
8 6 narrow lower loop: 68,14 43,0 20,14 31,36 54,56 62,84 52,100 43,88 48,62 65,38 71,14
8 4 narrow upper loop: 61,10 46,0 36,14 47,36 73,60 82,84 57,100 31,86 34,62 53,40 62,14
8 4 start at the middle: 50,48 24,30 26,6 48,0 69,14 64,36 46,52 31,72 42,96 67,98 \
    76,78 50,48
8 6 start at the top left: 15,6 28,30 54,52 76,78 60,100 35,90 38,66 55,42 70,18 52,2 \
    15,6
8 5 open at the top: 19,8 28,30 54,52 76,74 67,98 46,100 32,82 43,58 62,34 74,4
8 3 heart on top: 46,14 31,2 14,14 31,36 56,54 74,74 64,98 44,96 33,76 49,54 70,34 \
    75,12 58,2 46,14
8 2 lower loop left open: 65,10 40,2 25,16 38,38 63,62 83,98 | 28,98 44,66 61,40 67,12
8 6 S, then back up: 82,6 49,8 25,20 43,40 65,62 67,90 44,100 27,88 39,64 61,44 83,8
8 6 wide: 80,16 44,0 12,14 22,38 54,50 90,70 81,96 46,100 15,86 24,60 54,48 78,32 80,14
8 1 a 3 with a back: 21,4 27,50 30,98 | 21,4 54,0 72,22 39,46 39,46 83,62 75,96 30,98
9 12 straight stem: 70,16 46,2 24,20 29,42 52,44 70,16 70,16 69,56 67,100
9 8 loop, then bent stem: 71,10 46,0 22,20 27,42 50,46 68,26 71,10 73,40 72,70 65,100
9 4 hooked foot: 72,14 46,0 24,18 30,42 56,44 72,14 72,14 75,60 67,96 42,98 28,88
9 6 small loop: 62,12 44,0 27,12 30,30 49,32 62,12 62,12 62,54 60,100
9 6 wide loop: 79,14 44,0 9,22 19,48 54,44 79,14 79,14 77,56 75,100
9 4 open at the top: 67,4 39,12 23,36 38,50 61,40 74,14 74,14 71,56 69,100
9 4 head like an S: 79,2 46,6 26,24 36,44 57,40 72,16 72,16 68,56 64,100
9 4 stem to the left: 73,10 48,0 24,18 30,42 57,40 73,10 71,50 57,82 40,100
"""

# How tall people write each digit, 0 to 9, against their own average. MNIST enlarges
# all to the same height, so that a digit written small ends up with the bolder line.
HEIGHTS = (0.80, 0.85, 0.91, 0.94, 1.02, 1.0, 0.95, 0.95, 1.02, 1.06)

# What one hand's digits differ in from each other, and how much: standard deviations,
# chosen by measure and by eye against MNIST's training images.
SLANT_SPREAD = 0.1
WIDTH_SPREAD = 0.12  # of the logarithm
TAPER_SPREAD = 0.3  # a top wider than the bottom, or narrower
WAIST_SPREAD = 0.1  # the middle higher or lower, in digit heights
TURN_SPREAD = 0.07  # radians
# Long, shallow waves across the plane bend the whole digit
N_WAVES = 3
WAVE_NUMBER_SPREAD = 0.35  # cycles per digit height
WAVE_DEPTH_SPREAD = 0.07  # digit heights

PRESSURE_KNOTS = 6  # along a stroke the pen is pressed anew this often
SKIP_SHARE = 0.02  # of the digits: their line breaks off
SKIP_LENGTH = 0.08  # of the stroke: is lost there
SPECK_SHARE = 0.01  # of the digits: a stray dot of ink lies beside them

DOTS_PER_STROKE = 96  # close enough that even a thin line shows no beads
DOTS_PER_SPAN = 12  # between two points of WAYS, before they are spaced evenly
CANVAS_SIDE = 56  # pixels; brought down to MNIST's 20, black-and-white edges turn grey
CANVAS_MARGIN = 3  # room for the ink's edge to fray
# From no ink to full in a third of a canvas pixel: nearly black and white
EDGE_SHARPNESS = 3.0


class Writer(NamedTuple):
    """One invented hand. Lengths are in heights of its average digit."""

    slant: float  # how far the top stands to the right of the bottom
    width: float  # how broadly it writes, 1.0 as in WAYS
    straying: float  # of a stroke's point from its place, standard deviation
    pen_radius: float
    unevenness: float  # share of the pen's radius that comes and goes with the pressure
    raggedness: float  # of the ink's edge, standard deviation in canvas pixels


class Way(NamedTuple):
    """One line of WAYS, but for its name, which is for the reader."""

    share: float
    # Each (points, 2): x, y in digit heights from the digit's middle
    strokes: list[np.ndarray]


class Trace(NamedTuple):
    """What a round pen leaves: dots so close together that they make lines."""

    places: np.ndarray  # (dots, 2)
    radii: np.ndarray  # (dots,)


def parse_ways(table: str) -> list[list[Way]]:
    """Read a table like WAYS into each digit's ways, indexed by the digit."""
    ways: list[list[Way]] = [[] for _ in range(N_DIGITS)]
    for line in table.strip().splitlines():
        title, strokes = line.split(":")
        digit, share, _name = title.split(maxsplit=2)
        ways[int(digit)].append(Way(float(share), list(_parse_strokes(strokes))))
    return ways


def _parse_strokes(text: str) -> Iterator[np.ndarray]:
    for stroke in text.split("|"):
        percent = [point.split(",") for point in stroke.split()]
        yield np.array(percent, dtype=float) / 100 - 0.5


def new_writer(rng: np.random.Generator) -> Writer:
    """Invent a hand: slants and pens spread as in MNIST, none too thin or thick."""
    return Writer(
        slant=rng.normal(0.22, 0.2),
        width=rng.lognormal(0.0, 0.12),
        straying=rng.uniform(0.01, 0.04),
        pen_radius=np.clip(rng.lognormal(np.log(0.077), 0.27), 0.045, 0.14),
        unevenness=rng.uniform(0.05, 0.35),
        raggedness=rng.uniform(0.1, 0.4),
    )


def write_digit(
    ways: list[Way], height: float, writer: Writer, rng: np.random.Generator
) -> Trace:
    """Write a digit in one of its ways, as this hand does it this time."""
    shares = np.array([way.share for way in ways])
    way = ways[rng.choice(len(ways), p=shares / shares.sum())]
    strokes = stray(way.strokes, writer.straying, rng)
    curves = np.concatenate([smooth_curve(stroke) for stroke in strokes])
    places = bend(curves, writer, rng)
    pressure = np.concatenate([press(writer.unevenness, rng) for _ in strokes])
    trace = Trace(places, writer.pen_radius / height * pressure)  # in digit heights
    if rng.random() < SKIP_SHARE:
        trace = skip(trace, rng)
    if rng.random() < SPECK_SHARE:
        trace = add_speck(trace, rng)
    return trace


def stray(
    strokes: list[np.ndarray], spread: float, rng: np.random.Generator
) -> list[np.ndarray]:
    """Move every point a little; points at one place (corners, joins) move as one."""
    points = np.concatenate(strokes)
    places, place_of_point = np.unique(points, axis=0, return_inverse=True)
    points = points + rng.normal(0, spread, places.shape)[place_of_point.ravel()]
    return np.split(points, np.cumsum([len(stroke) for stroke in strokes])[:-1])


def smooth_curve(points: np.ndarray) -> np.ndarray:
    """Catmull-Rom spline through (points, 2): (DOTS_PER_STROKE, 2), evenly spaced."""
    padded = np.concatenate([points[:1], points, points[-1:]])
    n_spans = len(points) - 1
    before, start, stop, after = (padded[i : i + n_spans, None] for i in range(4))
    t = np.linspace(0, 1, DOTS_PER_SPAN)[:, None]
    curve = start + 0.5 * (
        t * (stop - before)
        + t**2 * (2 * before - 5 * start + 4 * stop - after)
        + t**3 * (3 * start - before - 3 * stop + after)
    )
    x, y = curve.reshape(-1, 2).T
    length = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
    even = np.linspace(0, length[-1], DOTS_PER_STROKE)
    return np.stack([np.interp(even, length, x), np.interp(even, length, y)], axis=1)


def bend(places: np.ndarray, writer: Writer, rng: np.random.Generator) -> np.ndarray:
    """Give (dots, 2) this digit's own proportions and the writer's width and slant."""
    for _ in range(N_WAVES):
        spreads = [[WAVE_NUMBER_SPREAD], [WAVE_DEPTH_SPREAD]]
        wave_number, depth = rng.normal(0, spreads, (2, 2))
        cycles = places @ wave_number + rng.random()
        places = places + np.outer(np.sin(2 * np.pi * cycles), depth)
    x, y = places.T  # both about -0.5 to 0.5
    y = y + rng.normal(0, WAIST_SPREAD) * (1 - 4 * y**2)
    x = x * (1 + rng.normal(0, TAPER_SPREAD) * y)
    x = x * writer.width * rng.lognormal(0, WIDTH_SPREAD)
    x = x - rng.normal(writer.slant, SLANT_SPREAD) * y
    turn = rng.normal(0, TURN_SPREAD)
    cos = np.cos(turn)
    sin = np.sin(turn)
    return np.stack([cos * x - sin * y, sin * x + cos * y], axis=1)


def press(unevenness: float, rng: np.random.Generator) -> np.ndarray:
    """The pen's pressure along one stroke, (DOTS_PER_STROKE,), at most 1."""
    knots = 1 - unevenness * rng.random(PRESSURE_KNOTS)
    along = np.linspace(0, PRESSURE_KNOTS - 1, DOTS_PER_STROKE)
    return np.interp(along, np.arange(PRESSURE_KNOTS), knots)


def skip(trace: Trace, rng: np.random.Generator) -> Trace:
    """Lose a piece of the line, as when a pen runs dry: the gap in a loop of an 8."""
    first = rng.integers(len(trace.radii))
    lost = slice(first, first + round(SKIP_LENGTH * DOTS_PER_STROKE))
    return Trace(np.delete(trace.places, lost, axis=0), np.delete(trace.radii, lost))


def add_speck(trace: Trace, rng: np.random.Generator) -> Trace:
    """Put a stray dot, smaller than the pen's, somewhere in the digit's box."""
    radius = trace.radii.mean() * rng.uniform(0.3, 0.8)
    speck = rng.uniform(-0.5, 0.5, (1, 2))
    return Trace(np.concatenate([trace.places, speck]), np.append(trace.radii, radius))


def draw(trace: Trace, raggedness: float, rng: np.random.Generator) -> np.ndarray:
    """Ink the dots as large as they fit: (CANVAS_SIDE, CANVAS_SIDE), 1 is full ink.

    The power distance |q - p|^2 - r^2 of pixel q from a dot of radius r at p is a sum
    of a part in x and a part in y, and near the dot's edge it is 2r times the distance
    from that edge.
    """
    low = trace.places.min(axis=0)
    high = trace.places.max(axis=0)
    extent = (high - low).max() + 2 * trace.radii.max()
    scale = (CANVAS_SIDE - 2 * CANVAS_MARGIN) / extent
    places = (trace.places - (low + high) / 2) * scale + CANVAS_SIDE / 2
    radii = trace.radii * scale
    pixel_centres = np.arange(CANVAS_SIDE)[:, None] + 0.5
    # Each (CANVAS_SIDE, dots)
    x_part, y_part = ((pixel_centres - axis) ** 2 for axis in places.T)
    power = (x_part[None, :, :] + (y_part - radii**2)[:, None, :]).min(axis=2)
    outside = power / (2 * radii.mean()) + raggedness * _blotches(rng)
    return np.clip(0.5 - EDGE_SHARPNESS * outside, 0, 1)


def _blotches(rng: np.random.Generator) -> np.ndarray:
    """Normal noise in blots of 2x2 canvas pixels, which averaging does not wipe out."""
    coarse = rng.standard_normal((CANVAS_SIDE // 2, CANVAS_SIDE // 2))
    return coarse.repeat(2, axis=0).repeat(2, axis=1)


def make_split(
    n_writers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Every writer's ten digits, shuffled: uint8 images (n, 28, 28) and digits (n,)."""
    images, digits = zip(*write_all(n_writers, rng), strict=True)
    order = rng.permutation(len(digits))
    greys = np.rint(FULL_INK * np.array(images))
    return greys.astype(np.uint8)[order], np.array(digits, dtype=np.uint8)[order]


def write_all(
    n_writers: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, int]]:
    """Every writer's ten digits, one by one: the image (28, 28), 0 to 1, and which."""
    ways = parse_ways(WAYS)
    for writer in [new_writer(rng) for _ in range(n_writers)]:
        for digit in range(N_DIGITS):
            trace = write_digit(ways[digit], HEIGHTS[digit], writer, rng)
            yield to_mnist_form(draw(trace, writer.raggedness, rng)), digit


def write_idx(array: np.ndarray, path: Path) -> None:
    """Write a uint8 array as gzip IDX; with no time and no name in it, bytes repeat."""
    unsigned_byte = 0x08
    kind = (0, unsigned_byte, array.ndim)
    header = struct.pack(f">HBB{array.ndim}I", *kind, *array.shape)
    with atomic_write(path) as file:
        file.write(gzip.compress(header + array.tobytes(), compresslevel=9, mtime=0))


def contact_sheet(images: np.ndarray, digits: np.ndarray, path: Path) -> None:
    """Show the first images of every digit, a row each, ink black on white, as a PNG.

    Parameters
    ----------
    images : (n, 28, 28) uint8
    digits : (n,) uint8, every digit at least 16 times
    path : the PNG to write
    """
    n_columns = 16
    enlargement = 3
    rows = [np.hstack(images[digits == digit][:n_columns]) for digit in range(N_DIGITS)]
    ink = np.vstack(rows).repeat(enlargement, axis=0).repeat(enlargement, axis=1)
    write_png(FULL_INK - ink, path)


def write_png(grey: np.ndarray, path: Path) -> None:
    """Write (height, width) uint8, 0 black, as an 8-bit greyscale PNG."""
    height, width = grey.shape
    bit_depth = 8
    greyscale = 0
    header = struct.pack(">2I5B", width, height, bit_depth, greyscale, 0, 0, 0)
    # Each row starts with its filter's number, 0
    unfiltered_rows = np.pad(grey, ((0, 0), (1, 0)))
    chunks = (
        (b"IHDR", header),
        (b"IDAT", zlib.compress(unfiltered_rows.tobytes(), level=9)),
        (b"IEND", b""),
    )
    png = b"\x89PNG\r\n\x1a\n"
    for kind, content in chunks:
        length = struct.pack(">I", len(content))
        checksum = struct.pack(">I", zlib.crc32(kind + content))
        png += length + kind + content + checksum
    with atomic_write(path) as file:
        file.write(png)


def main() -> None:
    parser = argparse.ArgumentParser(description="Draw the bundled sample digit set.")
    beside_this_file = Path(__file__).parent / "sample"
    parser.add_argument(
        "--output-dir", type=Path, default=beside_this_file, metavar="DIR"
    )
    folder = parser.parse_args().output_dir
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    for split, n_writers in (("train", N_TRAIN_WRITERS), ("t10k", N_TEST_WRITERS)):
        images, digits = make_split(n_writers, rng)
        write_idx(images, folder / f"{split}-images-idx3-ubyte.gz")
        write_idx(digits, folder / f"{split}-labels-idx1-ubyte.gz")
    contact_sheet(images, digits, folder / "contact_sheet.png")


if __name__ == "__main__":
    main()
