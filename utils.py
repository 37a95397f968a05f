"""What every script shares: errors, metrics, the shape of a digit, the log, safe writes.

Nothing in here knows about networks or about where images come from.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from inspect import cleandoc
from numbers import Integral
from pathlib import Path
from string import Formatter
from textwrap import indent
from typing import Any, BinaryIO, NamedTuple, NoReturn, TextIO

import numpy as np

# --- errors and exit codes --------------------------------------------------------------------

EXIT_BAD_INPUT = 2


class UserError(Exception):
    """Something the user can put right; its text is one line: what, where, what to do."""


class SettingError(UserError, ValueError):
    """A setting or an argument outside what is allowed; names the value and the allowed range."""


class ArgumentParser(argparse.ArgumentParser):
    """A parser that takes no abbreviations, and whose complaints are UserErrors."""

    def __init__(self, description: str, examples: str):
        super().__init__(
            description=description,
            epilog=f"examples:\n{indent(cleandoc(examples), '  ')}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            usage="%(prog)s [options]",
            allow_abbrev=False,
        )

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the options)")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        sys.stdout.flush()  # so that `run_script` reports it if --help cannot be written
        super().exit(status, message)


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run a script's ``main`` and leave with its exit code, errors told in one line on stderr.

    The first Ctrl-C or SIGTERM raises KeyboardInterrupt in main, which may clean up and raises it
    again; further ones are ignored. The script then dies of it, so that a shell's loop ends too.
    """
    for name in ("stdout", "stderr"):
        if not getattr(sys, name):  # closed by the shell, as `>&-` does
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        if hasattr(stream := getattr(sys, name), "reconfigure"):  # IDLE's and Jupyter's have none
            stream.reconfigure(errors="replace")  # a console without Cyrillic must not end a run
    received: list[int] = []

    def interrupt(number: int, _: object) -> None:
        received.append(number)
        if len(received) == 1:
            raise KeyboardInterrupt

    # What is ignored stays so: a shell script's `&` does that, for one
    signals = [n for n in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(n) != signal.SIG_IGN]
    code, message = EXIT_BAD_INPUT, ""
    try:
        for number in signals:
            signal.signal(number, interrupt)
        code = main()
        sys.stdout.flush()
    except UserError as error:
        message = str(error)
    except MemoryError:
        message = "not enough memory; take fewer or smaller images, or a smaller network"
    except KeyboardInterrupt:
        received.append(signal.SIGINT)  # the first where a library raised it without a signal
    except BrokenPipeError:  # the reader of our output left, as `| head` does: not an error
        discard_output(sys.stdout)
        code = 0
    except OSError as error:  # such as a full disk behind `> file`
        discard_output(sys.stdout)
        code, message = EXIT_BAD_INPUT, error.strerror or str(error)
    for number in signals:
        signal.signal(number, signal.SIG_DFL)
    if message:
        warn(f"{Path(sys.argv[0]).name}: error: {message}")
    if received and os.name == "posix":
        signal.raise_signal(received[0])
    sys.exit(128 + received[0] if received else code)  # Windows, or a container's first process


def warn(line: str) -> None:
    """Write a line to stderr; where that is closed or full, the work goes on without it."""
    try:
        print(printable(line), file=sys.stderr)
    except OSError:
        discard_output(sys.stderr)


def discard_output(stream: TextIO) -> None:
    """Let what is still to be written to a stream that failed go nowhere, without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def printable(line: str) -> str:
    """The line with all escaped that steers a terminal or, in a file's name, is no text."""
    return re.sub(r"[\0-\x1f\x7f-\x9f\ud800-\udfff]", lambda found: ascii(found[0])[1:-1], line)


# --- what a setting may be --------------------------------------------------------------------

SOURCES = ("auto", "mnist", "sample")
LANGUAGES, DTYPES = ("en", "ru"), ("float32", "float64")
MOST_UNITS = 10**6  # of a layer; more is a slip: 784 x 10^6 weights alone take 6 GB to draw
LARGEST_SCALE = 1000  # of weights; far below it every unit is saturated, far above they overflow
Range = tuple[str, Callable[[Any], bool]]  # in words, and whether a value is in it


def is_whole(value: Any, least: int = 0) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and value >= least


def is_number(value: Any, low: float, high: float) -> bool:
    return not isinstance(value, bool | str) and low <= float(value) <= high


def one_of(*values: Any) -> Range:
    return f"one of {', '.join(map(str, values))}", lambda value: value in values


FINITE = sys.float_info.max
POSITIVE: Range = "a number above 0", lambda v: is_number(v, 0, FINITE) and v > 0
BELOW_1: Range = "a number from 0 to below 1", lambda v: is_number(v, 0, 1) and v < 1
COUNT: Range = "a whole number, at least 1", lambda v: is_whole(v, 1)
SIZE: Range = f'{COUNT[0]}, or "all" (None in Python)', lambda v: v is None or is_whole(v, 1)
SHARE: Range = "a number from 0 to 1, or null", lambda v: v is None or is_number(v, 0, 1)
RANGES: dict[str, Range] = {
    # What is asked for
    "digit": one_of(*range(10)),
    "source": one_of(*SOURCES),
    "train_size": SIZE,
    "test_size": SIZE,
    "limit": ("a whole number, at least 0, or None for all", lambda v: v is None or is_whole(v)),
    "layer_sizes": (
        f"two or more whole numbers from 1 to {MOST_UNITS}, the last of them 1, as (784, 64, 1)",
        lambda v: len(v) > 1 and all(is_whole(n, 1) and n <= MOST_UNITS for n in v) and v[-1] == 1,
    ),
    "hidden": ("whole numbers, at least 1", lambda v: v[0] and all(is_whole(n, 1) for n in v)),
    "dropout": BELOW_1,
    "weight_scale": (
        f"a number from 0 to {LARGEST_SCALE}",
        lambda v: is_number(v, 0, LARGEST_SCALE),
    ),
    "dtype": (
        " or ".join(DTYPES),
        lambda v: v is not None and np.dtype(v) in map(np.dtype, DTYPES),
    ),
    "threshold": ("a number from 0 to 1", lambda v: is_number(v, 0, 1)),
    "sgd": ("an SGD, such as SGD(learning_rate=0.01)", lambda v: hasattr(v, "learning_rate")),
    "learning_rate": POSITIVE,
    "final_learning_rate": (POSITIVE[0], lambda v: v is None or POSITIVE[1](v)),
    "momentum": BELOW_1,
    "l2": ("a number from 0 up", lambda v: is_number(v, 0, FINITE)),
    "epochs": COUNT,
    "seed": ("a whole number, at least 0", is_whole),
    **dict.fromkeys(("augment", "focus", "loop"), one_of(False, True)),
    "lang": one_of(*LANGUAGES),
    # What the history of a run holds, and a study
    "epoch": COUNT,
    **dict.fromkeys(("loss", "test_loss", "test_accuracy", "test_recall"), SHARE),
    **dict.fromkeys(("f1", "recall", "precision"), SHARE),
    **dict.fromkeys(("false_positives", "false_negatives"), ("a whole number", is_whole)),
}


def check_settings(**settings: Any) -> None:
    """Refuse a value that is out of its range: SettingError with its name, the value, the range."""
    for name, value in settings.items():
        allowed, is_allowed = RANGES[name]
        try:
            good = bool(is_allowed(value))
        except (TypeError, ValueError, LookupError, OverflowError):
            good = False
        if not good:
            raise SettingError(f"{name} is {value!r}; it must be {allowed}")


# --- two languages ----------------------------------------------------------------------------

RUSSIAN_FILE = Path(__file__).resolve().parent / "data" / "russian.json"


def N_(english: str) -> str:  # noqa: N802
    """Mark a line that is translated elsewhere, by `_(line)`: both names are gettext's."""
    return english


class Language(Formatter):
    """The function `_`: a line in English or in Russian, with its fields filled in.

    The Russian is in data/russian.json, keyed by the English line; a line that is missing there
    stays English (the tests find such lines).
    """

    def __init__(self, name: str = "en"):
        self.russian: dict[str, str] = {}
        if name == "ru":
            try:
                self.russian = json.loads(RUSSIAN_FILE.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise UserError(f"{RUSSIAN_FILE}: cannot be read: {error}; get it again") from error

    def __call__(self, english: str, **values: object) -> str:
        """The line with its fields filled in; thousands as the language has them, NaN and None
        as n/a.

        Several lines are written as in a docstring, and each is translated by itself.
        """
        english = cleandoc(english) if "\n" in english else english
        lines = [self.russian.get(line, line) for line in english.split("\n")]
        return self.vformat("\n".join(lines), (), values)

    def format_field(self, value: Any, spec: str) -> str:
        if value is None or value != value:
            return self(N_("n/a"))
        text = format(value, spec)
        return text.replace(",", "\N{NO-BREAK SPACE}") if self.russian and "," in spec else text


# --- metrics ----------------------------------------------------------------------------------


YES, NO = N_("yes"), N_("no")
CONFIRMED, REFUTED, INCONCLUSIVE = N_("confirmed"), N_("refuted"), N_("inconclusive")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a yes/no classifier did on a labelled set: the confusion counts and what follows.

    A ratio whose denominator is zero (the recall of no 8s at all) is NaN, not a made-up number.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    positives: int
    negatives: int
    total: int
    correct: int
    accuracy: float
    majority_share: float  # accuracy of always giving the commoner answer: what is to be beaten
    precision: float
    recall: float
    f1: float  # 2 precision recall / (precision + recall), as counts: 2 TP / (2 TP + FP + FN)
    loss: float  # mean squared error of the probabilities
    roc_auc: float
    threshold: float
    scores: np.ndarray  # the probabilities (n,)
    truth: np.ndarray  # bool (n,)

    @classmethod
    def of(
        cls, probabilities: np.ndarray, targets: np.ndarray, threshold: float = 0.5
    ) -> Evaluation:
        """Evaluate probabilities (n,) against targets (n,), answering yes from the threshold up."""
        yes, truth = probabilities >= threshold, targets > 0.5
        groups = yes & truth, yes & ~truth, ~yes & truth, ~yes & ~truth
        tp, fp, fn, tn = (int(np.sum(group)) for group in groups)
        total = tp + fp + fn + tn
        return cls(
            *(tp, fp, fn, tn, tp + fn, fp + tn, total, tp + tn),
            accuracy=_ratio(tp + tn, total),
            majority_share=_ratio(max(tp + fn, fp + tn), total),
            precision=_ratio(tp, tp + fp),
            recall=_ratio(tp, tp + fn),
            f1=_ratio(2 * tp, 2 * tp + fp + fn),
            loss=float(np.mean((probabilities - targets) ** 2, dtype=np.float64)),
            roc_auc=roc_auc(probabilities, truth),
            threshold=threshold,
            scores=probabilities,
            truth=truth,
        )

    def as_dict(self) -> dict[str, Any]:
        """The numbers by name, for JSON, without the arrays they were counted from."""
        return for_json({k: v for k, v in vars(self).items() if not isinstance(v, np.ndarray)})

    @property
    def answers(self) -> np.ndarray:
        """Which are answered yes, bool (n,)."""
        return self.scores >= self.threshold

    @property
    def positive_share(self) -> float:
        return _ratio(self.positives, self.total)

    @property
    def alarm_rate(self) -> float:
        return _ratio(self.false_positives, self.negatives)

    @property
    def usual_answer(self) -> str:
        return YES if self.positives > self.negatives else NO

    @property
    def only_answer(self) -> str | None:
        """The answer given to everything, where there is but one."""
        yes = self.true_positives + self.false_positives
        return NO if not yes else YES if yes == self.total else None


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else math.nan


def for_json(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have, in dicts and lists too."""
    if isinstance(value, dict):
        return {name: for_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_json(item) for item in value]
    return None if value != value else value


def roc_auc(scores: np.ndarray, targets: np.ndarray) -> float:
    """Area under the ROC curve: how often a random positive scores above a random negative.

    The Mann-Whitney form, AUC = (R - P (P + 1) / 2) / (P N), with R the sum of the positives'
    ranks, ties sharing their mean rank (Hanley and McNeil, Radiology 143, 1982). NaN where a
    class is empty. Raises SettingError for scores that are NaN, which have no rank.
    """
    if np.isnan(scores).any():
        raise SettingError("a score is NaN; scores must be numbers")
    truth = np.asarray(targets) > 0.5
    positives = int(truth.sum())
    negatives = len(truth) - positives
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[place][truth].sum()
    above = float(rank_sum - positives * (positives + 1) / 2)  # pairs, the positive scoring higher
    return _ratio(above, positives * negatives)


CONFIDENCE_Z = 1.959964  # standard normal quantile: two-sided intervals of 95%


class Rate(NamedTuple):
    """How many images of a total."""

    count: int
    total: int

    @classmethod
    def of(cls, mask: np.ndarray) -> Rate:
        return cls(int(np.sum(mask)), len(mask))

    @property
    def share(self) -> float:
        return _ratio(self.count, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% score interval for the share p (J. Am. Stat. Assoc. 22, 1927).

            (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)

        All of [0, 1] where n, the total, is 0.
        """
        p, n, z = self.share, self.total, CONFIDENCE_Z
        if not n:
            return 0.0, 1.0
        centre, whole = p + z * z / (2 * n), 1 + z * z / n
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, (centre - reach) / whole), min(1.0, (centre + reach) / whole)


# --- the shape of a digit ---------------------------------------------------------------------

INK_THRESHOLD = 0.5  # a pixel that is at least half covered belongs to the stroke


def slant(images: np.ndarray) -> np.ndarray:
    """Angle in degrees by which each of (n, h, w) leans to the right of upright: (n,).

        slant = arctan(-mu11 / mu02),   mu11 = sum I (x - x0) (y - y0),   mu02 = sum I (y - y0)^2

    with y downwards and (x0, y0) the centre of the ink I: the shear that would set the image
    upright by its second moments (Castro et al., Morpho-MNIST, JMLR 20, 2019). NaN where the ink
    has no height.
    """
    n, height, width = images.shape
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    moments = np.stack([np.ones_like(x), x, y, x * y, y * y], axis=1).astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        sums = images.reshape(n, height * width) @ moments
        mean_x, mean_y, mean_xy, mean_yy = (sums[:, 1:] / sums[:, :1]).T
        return np.degrees(np.arctan(-(mean_xy - mean_x * mean_y) / (mean_yy - mean_y**2)))


def stroke_width(images: np.ndarray) -> np.ndarray:
    """Mean width in pixels of the strokes in each of (n, h, w): 2 area / outline, (n,).

    That is exact for a line much longer than wide. The outline's length is pi / 4 times the
    number of pixel sides between ink and paper: a curve that runs in all directions alike crosses
    so many grid lines (Cauchy and Crofton's formula with two directions). NaN where there is no
    ink.
    """
    ink = np.pad(images >= INK_THRESHOLD, ((0, 0), (1, 1), (1, 1)))
    sides = sum(np.count_nonzero(np.diff(ink, axis=axis), axis=(1, 2)) for axis in (1, 2))
    with np.errstate(invalid="ignore"):
        return 2 * np.count_nonzero(ink, axis=(1, 2)) / (np.pi / 4 * sides)


def closed_loops(images: np.ndarray) -> np.ndarray:
    """Number of patches of paper that the ink of each of (n, h, w) encloses: int (n,).

    Paper that shares only a corner is not connected, as ink that does is. A loop that thick ink
    has filled is none.
    """
    paper = np.pad(images < INK_THRESHOLD, ((0, 0), (1, 1), (1, 1)), constant_values=True)
    number = _components_of_each(paper, corners=False)
    return np.diff(number.max(axis=(1, 2)), prepend=0) - 1  # the paper around is none


def stray_ink(images: np.ndarray) -> np.ndarray:
    """Share of the ink pixels of each of (n, h, w) outside its largest component: (n,).

    0 for a digit in one piece, and for an empty image. It counts whatever is not joined to the
    main stroke: specks of noise, and the bar that some writers leave off their 5.
    """
    numbers = _components_of_each(images >= INK_THRESHOLD)
    total = np.count_nonzero(numbers, axis=(1, 2))
    largest = [np.bincount(number[number > 0], minlength=1).max() for number in numbers]
    return (total - largest) / np.maximum(total, 1)


def _components_of_each(masks: np.ndarray, corners: bool = True) -> np.ndarray:
    """Number the components of masks (n, h, w), the first mask's first: int (n, h + 1, w)."""
    apart = np.pad(masks, ((0, 0), (0, 1), (0, 0)))  # an empty row, and all may be one tall mask
    return connected_components(apart.reshape(-1, masks.shape[2]), corners).reshape(apart.shape)


def connected_components(mask: np.ndarray, corners: bool = True) -> np.ndarray:
    """Number the connected parts of a mask, bool (h, w), from 1 as they appear: int, 0 off it.

    Pixels that share a side are connected, and with `corners` those that share a corner.
    """
    height, width = mask.shape
    framed = np.zeros((height + 1, width + 2), int)  # 0: nothing above and at both sides
    number, pixels = framed[1:, 1:-1], np.count_nonzero(mask)
    number[mask] = np.arange(1, pixels + 1)
    pairs = []
    for up, left in [(0, 1), (1, 0), (1, 1), (1, -1)][: 4 if corners else 2]:
        neighbour = framed[1 - up : height + 1 - up, 1 - left : width + 1 - left]
        touching = mask & (neighbour > 0)
        pairs.append((number[touching] - 1, neighbour[touching] - 1))
    number[mask] = 1 + connect(pixels, *np.concatenate(pairs, axis=1))
    return number


def connect(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Group n things of which each a[i] belongs with b[i]: int (n,).

    The groups are numbered from 0 in the order of their first members. Union-find in which every
    round hangs the higher root of each pair on the lower one (Shiloach and Vishkin, J. Algorithms
    3, 1982).
    """
    root = np.arange(n)
    while len(a):
        root[np.maximum(a, b)] = np.minimum(a, b)
        while (root != root[root]).any():
            root = root[root]
        a, b = root[a], root[b]
        apart = a != b
        a, b = a[apart], b[apart]
    return (np.cumsum(root == np.arange(n)) - 1)[root]


# --- the lab sheet's claims about errors ------------------------------------------------------

IMAGES_AT_ONCE = 200  # so that the claims take no more memory than the training before them
NOTABLE_EXCESS = 0.5  # half as many errors again; less is not worth a remark
OUTER_DECILE = 0.1  # "very thin", "strongly slanted": as one training image in ten is
# For each digit from 0 to 9, the two that look like it. For 8 the lab sheet says it; for the others
# it is our choice, made by eye before any run.
LOOKALIKES = ((6, 9), (4, 7), (3, 7), (5, 8), (7, 9), (3, 6), (0, 5), (1, 9), (6, 9), (4, 7))
CLAIM_TITLES = {
    "gap": N_("{digit} with a gap (under {limit:g} closed loops)"),
    "thin": N_("{digit} with very thin lines (under {limit:.2f} pixels)"),
    "slant": N_("{digit} strongly slanted (over {limit:.1f} degrees)"),
    "lookalikes": N_("{first} and {second} taken for {digit}"),
    "noise": N_("noisy images (ink outside the main stroke)"),
}
LabelledImages = tuple[np.ndarray, np.ndarray]  # images (n, side * side), digits (n,)


class Claim(NamedTuple):
    """One claim of the lab sheet about where the network errs, put to the test."""

    name: str  # a key of CLAIM_TITLES
    title: str  # its line there, which says what images are affected
    fields: dict[str, float]  # of the line: the digit, the limit of the measure, the look-alikes
    affected: Rate
    rest: Rate
    wrong: list[int]  # the affected images got wrong, by their number in the test set

    @property
    def difference(self) -> float:
        """The error rate of the affected less that of the rest."""
        return self.affected.share - self.rest.share

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the difference, from the two Wilson intervals [l, u] about p and q:

            difference - sqrt((p - l_p)^2 + (u_q - q)^2)   to
            difference + sqrt((u_p - p)^2 + (q - l_q)^2)

        (Newcombe, Statistics in Medicine 17, 1998, method 10). NaN where a group is empty.
        """
        p, q = self.affected.share, self.rest.share
        (p_low, p_high), (q_low, q_high) = self.affected.interval, self.rest.interval
        low = self.difference - math.hypot(p - p_low, q_high - q)
        return low, self.difference + math.hypot(p_high - p, q - q_low)

    @property
    def verdict(self) -> str:
        """Confirmed: the interval lies above 0, the affected are got wrong more often.

        Refuted: it does not, and it ends below half the rest's own error rate (half its rate of
        right answers if that is less), so that a notable excess is ruled out. Inconclusive:
        neither; there are too few images to tell.
        """
        low, high = self.interval
        if low > 0:
            return CONFIRMED
        notable = NOTABLE_EXCESS * min(self.rest.share, 1 - self.rest.share)
        return REFUTED if high < notable else INCONCLUSIVE

    def as_dict(self) -> dict[str, Any]:
        """What the claim compared and found, by name, for JSON."""
        groups = {"affected": self.affected, "rest": self.rest}
        rates = {n: {"errors": rate.count, "total": rate.total} for n, rate in groups.items()}
        found = {name: getattr(self, name) for name in ("difference", "interval", "verdict")}
        title = {"title": self.title.format(**self.fields)}
        return for_json(self._asdict() | title | rates | found)


def examine_claims(
    digit: int, train: LabelledImages, test: LabelledImages, answers: np.ndarray
) -> list[Claim]:
    """Test the lab sheet's claims about errors with the network's answers, bool (n_test,).

    Three are about the digit itself, and compare how often it is missed: written with a gap
    (fewer closed loops than most training images of it have; left out for a digit that has none),
    with very thin lines, with a strong slant to either side (beyond the outer decile of its
    training images). One compares how often other digits are taken for it: those that look like
    it, and the rest. The last compares errors of both kinds: images with stray ink, and without.

    What counts as affected is set by the training images alone. Each claim is tested by itself;
    of five false ones about one in eight times one would seem confirmed by chance.
    """
    images, shown = test
    is_digit, examples = shown == digit, train[0][train[1] == digit]
    wrong = answers != is_digit

    def claim(name: str, among: Any, affected: Any, **fields: float) -> Claim:
        """Compare, among these images, the affected with the others: masks (n_test,), or True."""
        rates = Rate.of(wrong[among & affected]), Rate.of(wrong[among & ~affected])
        numbers = np.flatnonzero(wrong & among & affected).tolist()
        return Claim(name, CLAIM_TITLES[name], {"digit": digit, **fields}, *rates, numbers)

    claims = []
    if len(examples):
        loops = int(np.bincount(_measured(closed_loops, examples)).argmax())
        thin = float(np.quantile(_measured(stroke_width, examples), OUTER_DECILE))
        strong = float(np.quantile(np.abs(_measured(slant, examples)), 1 - OUTER_DECILE))
        has_gap = _measured(closed_loops, images) < loops
        is_thin = _measured(stroke_width, images) < thin
        is_slanted = np.abs(_measured(slant, images)) > strong
        if loops:
            claims.append(claim("gap", is_digit, has_gap, limit=loops))
        claims.append(claim("thin", is_digit, is_thin, limit=thin))
        claims.append(claim("slant", is_digit, is_slanted, limit=strong))
    first, second = LOOKALIKES[digit]
    is_alike = np.isin(shown, (first, second))
    claims.append(claim("lookalikes", ~is_digit, is_alike, first=first, second=second))
    claims.append(claim("noise", True, _measured(stray_ink, images) > 0))
    return claims


def _measured(measure: Callable[[np.ndarray], np.ndarray], images: np.ndarray) -> np.ndarray:
    """A measure of shape of rows of pixels (n, side * side), a batch at a time: (n,)."""
    side, batches = math.isqrt(images.shape[1]), len(images) // IMAGES_AT_ONCE + 1
    squares = np.array_split(images.reshape(-1, side, side), batches)
    return np.concatenate([measure(batch) for batch in squares])


# --- files ------------------------------------------------------------------------------------

STALE_SECONDS = 3600  # since a staged file grew; the frames of a film may be minutes apart
MOST_BYTES = 1 << 28  # of a file that is read; MNIST's largest, unpacked, has 47 MB


def regular_file(path: str | Path) -> Path:
    """What a path names, its links followed; OSError if it is a FIFO, a device, a directory."""
    path = Path(os.path.realpath(path))
    if os.path.lexists(path) and not path.is_file():
        raise OSError(0, "not a regular file")
    return path


def read_file(path: str | Path, error_class: type[UserError], if_absent: str) -> bytes:
    """A file's bytes; an error of that class if there is none or it cannot be read."""
    try:
        if regular_file(path).stat().st_size <= MOST_BYTES:
            return Path(path).read_bytes()
    except FileNotFoundError as error:
        raise error_class(f"{path} does not exist; {if_absent}") from error
    except OSError as error:
        raise error_class(f"{path}: cannot be read: {error.strerror or error}") from error
    raise error_class(f"{path}: cannot be read: larger than {MOST_BYTES:,} bytes")


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes its name only when whole; UserError if it cannot be written.

    The bytes go to a hidden file beside `path`, renamed to `path` when the block ends without an
    error and removed otherwise: whatever happens, `path` is the old file or the new one.
    """
    path = Path(os.path.realpath(path))  # a link keeps its place: what it points at is replaced
    staged = path.with_name(f".{os.urandom(8).hex()}.part")
    try:
        regular_file(path)
        with staged.open("xb") as file:  # x: never what someone else has put there
            with suppress(OSError):  # no old file, or no permissions on this file system
                staged.chmod(path.stat().st_mode)
            yield file
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            staged.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file of this project, UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode(errors="backslashreplace"))


def writable_directory(path: Path, names: Sequence[str] = ()) -> Path:
    """Make sure that these files can be written there, now rather than after the work."""
    target = path
    try:
        path.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=path).close()
        for target in (path / name for name in names):  # a link's file may lie elsewhere
            tempfile.TemporaryFile(dir=regular_file(target).parent).close()
    except OSError as error:
        raise UserError(
            f"cannot write to {target}: {error.strerror or error}; choose another place"
        ) from error
    for staged in path.glob(f".{'[0-9a-f]' * 16}.part"):  # what killed runs have left
        with suppress(OSError):
            if time.time() - staged.lstat().st_mtime > STALE_SECONDS:
                staged.unlink()
    return path


# --- screen and log ---------------------------------------------------------------------------

SECONDS_BETWEEN = 0.2  # between two updates of the line of progress
INK_RAMP = " .:+*#"  # from paper to full ink


class Output:
    """What a run prints: lines for the screen and the log file, and lines for the screen alone."""

    def __init__(self, language: str = "en", stream: TextIO | None = None):
        self.language = Language(language)
        self._stream = stream or sys.stdout
        self.lines: list[str] = []
        self._progress_shown = 0.0  # when, by the clock of time.monotonic()

    def log(self, english: str, **values: object) -> None:
        """Translate a line and write it to the screen and the log."""
        self.log_text(self.language(english, **values))

    def log_text(self, text: str = "") -> None:
        """Write a text that needs no translation (art, numbers) to the screen and the log."""
        self.lines += text.split("\n")
        self._print(text)

    def screen(self, english: str, **values: object) -> None:
        """Translate a line and write it to the screen alone: times and paths differ by run."""
        self._print(self.language(english, **values))

    def progress(self, english: str, share: float, **values: object) -> None:
        """Show on a terminal how far the work is, on a line that gives way to the next."""
        now, is_terminal = time.monotonic(), self._stream.isatty() and os.getenv("TERM") != "dumb"
        if is_terminal and now > self._progress_shown + SECONDS_BETWEEN:
            self._progress_shown = now
            self._print(f"{self.language(english, **values)} {share:4.0%}", end="\r")

    def _print(self, text: str, end: str = "\n") -> None:
        clear = "\x1b[K" if self._progress_shown else ""  # what is left of the line of progress
        text = "\n".join(map(printable, text.split("\n")))
        try:
            print(clear + text, end=end, file=self._stream, flush=True)
        except BrokenPipeError:  # `| head` has seen enough; the run's files are still wanted
            discard_output(self._stream)

    def contents(self) -> str:
        return "\n".join(map(printable, self.lines)) + "\n"


def ascii_art(images: np.ndarray, captions: Sequence[str]) -> str:
    """Draw images (n, height, width), in [0, 1], side by side in characters under captions.

    All are cut to the ink that they have together. A character is about twice as tall as wide, so
    it stands for one column and two rows of pixels.
    """
    ink = images.any(axis=0)
    images = images[:, ink.any(axis=1)][:, :, ink.any(axis=0)]
    images = np.pad(images, ((0, 0), (0, images.shape[1] % 2), (0, 0)))
    n, height, width = images.shape
    pairs = images.reshape(n, height // 2, 2, width).mean(axis=2)
    characters = np.array(list(INK_RAMP))[np.rint(pairs * (len(INK_RAMP) - 1)).astype(int)]
    room = 2 + max(width, *map(len, captions))
    rows = [captions, *characters.swapaxes(0, 1)]
    lines = ("".join("".join(cell).ljust(room) for cell in row) for row in rows)
    return "\n".join(line.rstrip() for line in lines)
