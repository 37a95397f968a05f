"""What every script shares: errors, ranges, languages, metrics, shapes, files, output.

Nothing in here needs another module of the project. The others import it before all
else, so that what follows comes before NumPy loads.
"""

import os
import sys

EXIT_BAD_INPUT = 2


def refuse_to_start(fault: str) -> "NoReturn":
    """End with an error before `run_script` can tell it."""
    script = os.path.basename(sys.argv[0])  # noqa: PTH119
    print(f"{script}: error: {fault}", file=sys.stderr)
    sys.exit(EXIT_BAD_INPUT)


if sys.version_info < (3, 10):  # noqa: UP036
    version = sys.version.split()[0]
    refuse_to_start(f"needs Python 3.10 or newer, this is {version}; see README.md")

# One BLAS thread: the engine's matrices are small, so a second thread waits more than
# it works; and the number of threads changes the last bits.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import json
import math
import re
import shlex
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from inspect import cleandoc
from numbers import Integral, Real
from pathlib import Path
from string import Formatter
from textwrap import indent
from types import FrameType
from typing import Any, BinaryIO, NamedTuple, NoReturn, TextIO

try:
    import numpy as np
except ModuleNotFoundError as error:
    refuse_to_start(f"{error}; python -m pip install -r requirements.txt brings it")

PROJECT_DIR = Path(__file__).resolve().parent

# --- errors and exit codes ------------------------------------------------------------


class UserError(Exception):
    """Something the user can put right, in one line: what, where, what to do."""


class SettingError(UserError, ValueError):
    """A value outside what is allowed; its text names the value and the range."""


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


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run a script's `main` and leave with its exit code; an error is a line on stderr.

    Ctrl-C passes as KeyboardInterrupt. A script dies of it without a traceback, so that
    a shell's loop of runs ends too. What runs the script inside itself, as a notebook
    or a prompt does, gets the KeyboardInterrupt and lives.
    """
    if hasattr(sys.stdout, "reconfigure"):  # IDLE's and a notebook's have none
        # A console without Cyrillic must not end a run
        sys.stdout.reconfigure(errors="replace")
    message = None
    try:
        try:
            code = main()
        finally:
            print(end="", flush=True)  # here, where a full disk can still be told
    except UserError as error:
        message = str(error)
    except MemoryError:
        message = "not enough memory; take fewer images, or a smaller network"
    except (OSError, KeyboardInterrupt) as error:
        _discard_what_cannot_be_printed()
        interrupt = _interrupt_behind(error)
        if interrupt:
            if _has_last_word(sys._getframe(1)):
                sys.excepthook = _tell_nothing
            raise interrupt from None
        # Such as a full disk, or a pipe that `| head` has closed
        reason = error.strerror or str(error) or type(error).__name__
        message = f"{error.filename}: {reason}" if error.filename else reason
    if message is not None:
        warn(f"{Path(sys.argv[0]).name}: error: {message}")
        code = EXIT_BAD_INPUT
    sys.exit(code)


def _interrupt_behind(error: BaseException | None) -> BaseException | None:
    """The KeyboardInterrupt that is the error, or was being handled when it arose.

    Ctrl-C ends `| tee`, too, and then main's last word raises a BrokenPipeError.
    """
    while error and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error


def _tell_nothing(*error: Any) -> None:
    """In place of Python's traceback; the script still dies of SIGINT."""


def _has_last_word(frame: FrameType) -> bool:
    """Whether Python ends with this frame: nothing has called it, no prompt follows."""
    return frame.f_back is None and not sys.flags.inspect  # inspect: python -i


def _discard_what_cannot_be_printed() -> None:
    """Let it go to the null device, or Python's own flush at exit fails again."""
    try:
        print(end="", flush=True)
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def command_line(script: str, *options: str) -> str:
    """The command that runs a script of this project, as the user typed the last one.

    With that interpreter and that way to the script; in a notebook, "python script".
    """
    typed = Path(sys.argv[0])
    is_script = typed.resolve().parent == PROJECT_DIR
    path = typed.parent / script if is_script else script
    python = sys.orig_argv[0] if sys.argv[0] in sys.orig_argv else "python"
    return shlex.join([python, str(path), *options])


def warn(line: str) -> None:
    """Write a line to stderr, over a line of progress if there is one."""
    clear = "\r\x1b[K" if sys.stderr and sys.stderr.isatty() else ""
    print(clear + printable(line), file=sys.stderr)


def printable(line: str) -> str:
    """The line with control characters and lone surrogates escaped.

    Control characters steer a terminal; surrogates stand for bytes of a file's name
    that are no text.
    """
    to_escape = r"[\0-\x1f\x7f-\x9f\ud800-\udfff]"
    return re.sub(to_escape, lambda found: ascii(found[0])[1:-1], line)


# --- what a value may be --------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """The values that are allowed: in words, and by a test, which `in` runs."""

    words: str
    test: Callable[[Any], bool]

    def __contains__(self, value: Any) -> bool:
        try:
            return bool(self.test(value))
        except (TypeError, ValueError, LookupError, OverflowError):
            return False  # nothing that could be compared


def is_whole(value: Any, least: int = 0) -> bool:
    is_bool = isinstance(value, bool)
    return isinstance(value, Integral) and not is_bool and value >= least


def is_number(value: Any, low: float = 0, high: float = sys.float_info.max) -> bool:
    is_bool = isinstance(value, bool)
    return isinstance(value, Real) and not is_bool and low <= float(value) <= high


def one_of(*values: Any) -> Range:
    words = f"one of {', '.join(map(str, values))}"
    return Range(words, lambda v: not isinstance(v, bool) and v in values)


POSITIVE = Range("a number above 0", lambda v: is_number(v) and v > 0)
POSITIVE_OR_NONE = Range(POSITIVE.words, lambda v: v is None or v in POSITIVE)
NOT_NEGATIVE = Range("a number from 0 up", is_number)
SHARE = Range("a number from 0 to 1", lambda v: is_number(v, high=1))
BELOW_1 = Range("a number from 0 to below 1", lambda v: is_number(v) and v < 1)
WHOLE = Range("a whole number, at least 0", is_whole)
COUNT = Range("a whole number, at least 1", lambda v: is_whole(v, 1))
SIZE = Range(
    'a whole number, at least 1, or "all" (None in Python)',
    lambda v: v is None or v in COUNT,
)
SWITCH = Range("True or False", lambda v: isinstance(v, bool))
LANGUAGE = one_of("en", "ru")


def check(ranges: Mapping[str, Range], **values: Any) -> None:
    """Refuse a value outside the range of its name.

    Raises SettingError, which is a ValueError, with the name, the value and the range.
    """
    for name, value in values.items():
        if value not in ranges[name]:
            allowed = ranges[name].words
            raise SettingError(f"{name} is {value!r}; it must be {allowed}")


# --- two languages --------------------------------------------------------------------

RUSSIAN_FILE = PROJECT_DIR / "data" / "russian.json"
LANGUAGE_HELP = "print in English (en) or Russian (ru) (default: en)"
Translate = Callable[..., str]  # what `translator` returns; its users call it `_`


def N_(english: str) -> str:  # noqa: N802
    """Mark a line that `_(line)` translates elsewhere: both names are gettext's."""
    return english


def translator(language: str = "en") -> Translate:
    """The function `_`, which says an English line in a language, its fields filled in.

        _("{n:,} of {total:,}", n=974, total=1000)

    The Russian is in data/russian.json, keyed by the English line; a line that is
    missing there stays English (the tests find such lines). A text of several lines is
    dedented as a docstring is, and translated line by line.
    """
    russian = _read_russian() if language == "ru" else {}
    fields = _FieldFormatter(russian)

    def translate(english: str, **values: object) -> str:
        lines = cleandoc(english).split("\n") if "\n" in english else [english]
        translated = "\n".join(russian.get(line, line) for line in lines)
        return fields.vformat(translated, (), values)

    return translate


def _read_russian() -> dict[str, str]:
    try:
        return json.loads(RUSSIAN_FILE.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        fault = f"{RUSSIAN_FILE}: missing or damaged"
        raise UserError(f"{fault}; get it from the project again") from error


class _FieldFormatter(Formatter):
    """Fills fields in: thousands as the language has them, NaN and None as n/a."""

    def __init__(self, russian: dict[str, str]):
        self.not_available = russian.get(N_("n/a"), "n/a")
        self.thousands = "\N{NO-BREAK SPACE}" if russian else ","

    def format_field(self, value: Any, spec: str) -> str:
        if value is None or value != value:
            return self.not_available
        text = format(value, spec)
        return text.replace(",", self.thousands) if "," in spec else text


# --- metrics --------------------------------------------------------------------------

YES = N_("yes")
NO = N_("no")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """How a yes/no classifier does on n labelled images.

    `scores` (n,) are its probabilities of a yes, `truth`, bool (n,), the right answers,
    and a score from `threshold` up is answered yes. A ratio whose denominator is zero
    (the recall of no 8s at all) is NaN, not a made-up number.
    """

    scores: np.ndarray
    truth: np.ndarray
    threshold: float = 0.5

    @property
    def answers(self) -> np.ndarray:
        """Which are answered yes, bool (n,)."""
        return self.scores >= self.threshold

    # The four counts

    @property
    def true_positives(self) -> int:
        return int(np.sum(self.answers & self.truth))

    @property
    def false_positives(self) -> int:
        return int(np.sum(self.answers & ~self.truth))

    @property
    def false_negatives(self) -> int:
        return int(np.sum(~self.answers & self.truth))

    @property
    def true_negatives(self) -> int:
        return int(np.sum(~self.answers & ~self.truth))

    # Their sums

    @property
    def positives(self) -> int:
        """TP + FN"""
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        """FP + TN"""
        return self.false_positives + self.true_negatives

    @property
    def total(self) -> int:
        return len(self.truth)

    @property
    def correct(self) -> int:
        """TP + TN"""
        return self.true_positives + self.true_negatives

    # Their ratios

    @property
    def accuracy(self) -> float:
        """(TP + TN) / n"""
        return _ratio(self.correct, self.total)

    @property
    def majority_share(self) -> float:
        """Accuracy of always giving the commoner answer: the accuracy to beat."""
        return _ratio(max(self.positives, self.negatives), self.total)

    @property
    def precision(self) -> float:
        """TP / (TP + FP)"""
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        """TP / (TP + FN)"""
        return _ratio(self.true_positives, self.positives)

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall: 2 TP / (2 TP + FP + FN)"""
        wrong = self.false_positives + self.false_negatives
        return _ratio(2 * self.true_positives, 2 * self.true_positives + wrong)

    @property
    def positive_share(self) -> float:
        """(TP + FN) / n"""
        return _ratio(self.positives, self.total)

    @property
    def alarm_rate(self) -> float:
        """FP / (FP + TN)"""
        return _ratio(self.false_positives, self.negatives)

    # What needs no threshold

    @property
    def loss(self) -> float:
        """Mean squared error of the scores."""
        if not self.total:
            return math.nan
        return float(np.mean((self.scores - self.truth) ** 2, dtype=np.float64))

    @property
    def roc_auc(self) -> float:
        return roc_auc(self.scores, self.truth)

    # The answers in words

    @property
    def usual_answer(self) -> str:
        return YES if self.positives > self.negatives else NO

    @property
    def only_answer(self) -> str | None:
        """The answer given to everything, where there is but one."""
        if not self.answers.any():
            return NO
        return YES if self.answers.all() else None

    def as_dict(self) -> dict[str, Any]:
        """The numbers of the report by name, for JSON."""
        names = """
            true_positives false_positives false_negatives true_negatives
            positives negatives total correct
            accuracy majority_share precision recall f1 loss roc_auc threshold
        """
        return for_json({name: getattr(self, name) for name in names.split()})


def _ratio(part: float, whole: int) -> float:
    return part / whole if whole else math.nan


def for_json(value: Any) -> Any:
    """The same with None for NaN, which JSON does not have, in dicts and lists too."""
    if isinstance(value, dict):
        return {name: for_json(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [for_json(item) for item in value]
    return None if value != value else value


def roc_auc(scores: np.ndarray, truth: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive scores above a negative.

    The Mann-Whitney form, AUC = (R - P (P + 1) / 2) / (P N), with R the sum of the P
    positives' ranks among all, ties sharing their mean rank (Hanley and McNeil,
    Radiology 143, 1982). `scores` (n,), `truth` bool (n,). NaN where a class is empty.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = float(mean_rank[place][truth].sum())
    pairs_won = rank_sum - positives * (positives + 1) / 2
    return _ratio(pairs_won, positives * negatives)


CONFIDENCE_Z = 1.959964  # standard normal quantile: two-sided intervals of 95%


class Rate(NamedTuple):
    """`count` images out of `total`."""

    count: int
    total: int

    @classmethod
    def of(cls, mask: np.ndarray) -> "Rate":
        return cls(int(np.sum(mask)), len(mask))

    @property
    def share(self) -> float:
        return _ratio(self.count, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% score interval for the share p (J. Am. Stat. Assoc. 22, 1927).

            (p + z^2 / (2n)  -+  z sqrt(p (1 - p) / n + z^2 / (4n^2))) / (1 + z^2 / n)

        All of [0, 1] where n, the total, is 0.
        """
        p, n, z = self.share, self.total, CONFIDENCE_Z
        if not n:
            return 0.0, 1.0
        centre = p + z * z / (2 * n)
        reach = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        scale = 1 + z * z / n
        return max(0.0, (centre - reach) / scale), min(1.0, (centre + reach) / scale)


# --- the shape of a digit -------------------------------------------------------------

# Images are floats in [0, 1], 0 paper to 1 full ink

INK_THRESHOLD = 0.5  # a pixel that is at least half covered belongs to the stroke
FLAT = 1e-9  # square pixels: less variance down the image is rounding


def slant(images: np.ndarray) -> np.ndarray:
    """Angle in degrees by which each of (n, h, w) leans to the right of upright: (n,).

        slant = arctan(-mu11 / mu02)
        mu11 = sum I (x - x0) (y - y0),   mu02 = sum I (y - y0)^2

    with y downwards and (x0, y0) the centre of the ink I: a shear by this angle sets
    the image upright (Castro et al., Morpho-MNIST, JMLR 20, 2019). NaN where the ink
    has no height.
    """
    n, height, width = images.shape
    y, x = np.mgrid[:height, :width].reshape(2, -1)
    powers = np.stack([np.ones_like(x), x, y, x * y, y * y], axis=1).astype(float)
    sums = images.reshape(n, height * width) @ powers  # (n, 5)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean_x, mean_y, mean_xy, mean_yy = (sums[:, 1:] / sums[:, :1]).T
        # Both per unit of ink, which their ratio cancels
        mu11 = mean_xy - mean_x * mean_y
        mu02 = mean_yy - mean_y**2
        has_height = mu02 > FLAT
        return np.degrees(np.arctan(np.where(has_height, -mu11 / mu02, np.nan)))


def stroke_width(images: np.ndarray) -> np.ndarray:
    """Mean width in pixels of the strokes in each of (n, h, w): (n,).

        width = 2 area / outline

    as for a line much longer than wide. The outline is estimated as pi / 4 times the
    number of pixel sides between ink and paper, which is right for a curve that runs in
    all directions alike (Cauchy and Crofton's formula with two directions); a level or
    upright line comes out about a quarter too wide. NaN where there is no ink.
    """
    # In a frame of paper, so that ink at the border has a side there, too
    ink = np.pad(images >= INK_THRESHOLD, ((0, 0), (1, 1), (1, 1)))
    area = np.count_nonzero(ink, axis=(1, 2))
    level_sides = np.count_nonzero(np.diff(ink, axis=1), axis=(1, 2))
    upright_sides = np.count_nonzero(np.diff(ink, axis=2), axis=(1, 2))
    outline = np.pi / 4 * (level_sides + upright_sides)
    with np.errstate(invalid="ignore"):
        return 2 * area / outline


def closed_loops(images: np.ndarray) -> np.ndarray:
    """Number of patches of paper that the ink of each of (n, h, w) encloses: int (n,).

    Ink may be connected by a corner, so paper may not. A loop that thick ink has filled
    is none.
    """
    around = ((0, 0), (1, 1), (1, 1))
    paper = np.pad(images < INK_THRESHOLD, around, constant_values=True)
    number = _components_of_each(paper, corners=False)
    # Numbers run on from image to image, so that each adds as many as it has
    patches = np.diff(number.max(axis=(1, 2)), prepend=0)
    return patches - 1  # the paper around is no loop


def stray_ink(images: np.ndarray) -> np.ndarray:
    """Share of the ink pixels of each of (n, h, w) outside its largest component: (n,).

    0 for a digit in one piece, and for an empty image. It counts whatever is not joined
    to the main stroke: specks of noise, and the bar that some leave off their 5.
    """
    numbers = _components_of_each(images >= INK_THRESHOLD)
    total = np.count_nonzero(numbers, axis=(1, 2))
    largest = []
    for number in numbers:
        # At least one size, where there is no ink
        sizes = np.bincount(number[number > 0], minlength=1)
        largest.append(sizes.max())
    return (total - largest) / np.maximum(total, 1)


def _components_of_each(masks: np.ndarray, corners: bool = True) -> np.ndarray:
    """Number the components of masks (n, h, w), on through all: int (n, h + 1, w)."""
    # With an empty row below each, all may be one tall mask
    apart = np.pad(masks, ((0, 0), (0, 1), (0, 0)))
    tall = apart.reshape(-1, masks.shape[2])
    return connected_components(tall, corners).reshape(apart.shape)


def connected_components(mask: np.ndarray, corners: bool = True) -> np.ndarray:
    """Number the connected parts of a mask, bool (h, w), from 1 in reading order.

    Pixels that share a side are connected, and with `corners` those that share a
    corner. Returns int (h, w), 0 off the mask.
    """
    # Pixels side by side make a run, which gets a number. Around are an empty row above
    # and an empty column at each side.
    height, width = mask.shape
    starts = mask & ~np.pad(mask[:, :-1], ((0, 0), (1, 0)))  # no neighbour to the left
    framed = np.zeros((height + 1, width + 2), int)
    run = framed[1:, 1:-1]  # a view: it fills the frame
    run[mask] = np.cumsum(starts).reshape(mask.shape)[mask]

    # Which runs touch which of the row above; `connect` counts from 0
    shifts = [-1, 0, 1] if corners else [0]
    pairs = []
    for shift in shifts:
        above = framed[:-1, 1 + shift : 1 + shift + width]
        touching = mask & (above > 0)
        pairs.append((run[touching] - 1, above[touching] - 1))
    part_of_run = connect(np.count_nonzero(starts), *np.concatenate(pairs, axis=1))
    part = np.zeros(mask.shape, int)
    part[mask] = 1 + part_of_run[run[mask] - 1]
    return part


def connect(n: int, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Group n things of which each a[i] belongs with b[i]: int (n,).

    The groups are numbered from 0 in the order of their first members. Union-find in
    which every round hangs the higher root of each pair on the lower one (Shiloach and
    Vishkin, J. Algorithms 3, 1982).
    """
    root = np.arange(n)
    while len(a):
        root[np.maximum(a, b)] = np.minimum(a, b)
        # Until everyone points at its root itself
        while (root != root[root]).any():
            root = root[root]
        a = root[a]
        b = root[b]
        apart = a != b
        a = a[apart]
        b = b[apart]
    is_first = root == np.arange(n)
    return (np.cumsum(is_first) - 1)[root]


# --- the lab sheet's claims about errors ----------------------------------------------

IMAGES_AT_ONCE = 200  # so that the claims take no more memory than the training did
NOTABLE_EXCESS = 0.5  # half as many errors again; less is not worth a remark
FEWEST_AFFECTED = 20  # fewer images decide nothing
EXTREME_SHARE = 0.1  # "very thin", "strongly slanted": as one training image in ten is
LAB_DIGIT = 8  # the variant that the lab sheet's claims are about
LOOKALIKES = (6, 9)  # of the 8, as the lab sheet has it

CONFIRMED = N_("confirmed")
REFUTED = N_("refuted")
INCONCLUSIVE = N_("inconclusive")
TOO_FEW = N_("too few images")
VERDICT_RULE = N_(  # NOTABLE_EXCESS in words
    "Confirmed: the interval lies above 0. Refuted: it ends below half the others' "
    "error rate. Fewer than {fewest} images get no verdict."
)


class Claim(NamedTuple):
    """One claim of the lab sheet about where the network errs, put to the test."""

    line: str  # which images are affected: an English line with fields
    values: dict[str, float]  # of the fields
    affected: Rate
    rest: Rate
    wrong: list[int]  # the affected images got wrong, by their number in the test set

    @property
    def difference(self) -> float:
        """The error rate of the affected less that of the rest."""
        return self.affected.share - self.rest.share

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the difference, by the Wilson intervals [l, u] of p and q:

            difference - sqrt((p - l_p)^2 + (u_q - q)^2)   to
            difference + sqrt((u_p - p)^2 + (q - l_q)^2)

        (Newcombe, Statistics in Medicine 17, 1998, method 10). NaN where a group is
        empty.
        """
        p, q = self.affected.share, self.rest.share
        (l_p, u_p), (l_q, u_q) = self.affected.interval, self.rest.interval
        low = self.difference - math.hypot(p - l_p, u_q - q)
        high = self.difference + math.hypot(u_p - p, q - l_q)
        return low, high

    @property
    def verdict(self) -> str:
        """By VERDICT_RULE: where even the upper end is no notable excess, refuted."""
        if self.affected.total < FEWEST_AFFECTED:
            return TOO_FEW
        low, high = self.interval
        if low > 0:
            return CONFIRMED
        return REFUTED if high < NOTABLE_EXCESS * self.rest.share else INCONCLUSIVE

    def as_dict(self) -> dict[str, Any]:
        """What the claim compared and found, by name, for JSON."""
        affected, rest = self.affected, self.rest
        return for_json(
            {
                "claim": translator()(self.line, **self.values),
                "affected": {"errors": affected.count, "total": affected.total},
                "rest": {"errors": rest.count, "total": rest.total},
                "difference": self.difference,
                "interval": self.interval,
                "verdict": self.verdict,
                "wrong": self.wrong,
            }
        )


def examine_claims(
    digit: int,
    examples: np.ndarray,
    images: np.ndarray,
    digits: np.ndarray,
    answers: np.ndarray,
) -> list[Claim]:
    """Test the lab sheet's claims about errors with a network's answers.

    The first three compare how often images of the digit are missed, the next one how
    often others are taken for it, the last one errors of both kinds:

        gap         fewer closed loops than most training images of the digit have; left
                    out for a digit that has none
        thin        thinner lines than nine in ten of them
        slanted     further from upright, to either side, than nine in ten of them
        look-alike  6 and 9, compared with the others; for the digit 8 alone
        noise       ink outside the main stroke, compared with none

    The training images alone set the limits. Each claim is tested by itself; of five
    false ones, one would seem confirmed by chance about once in eight (1 - 0.975^5).

    Parameters
    ----------
    digit : the digit that was to be recognised
    examples : float (n, side * side), the training images of the digit
    images : float (n_test, side * side), the test images
    digits : uint8 (n_test,), what they show
    answers : bool (n_test,), which were taken for the digit
    """
    is_digit = digits == digit
    wrong = answers != is_digit

    def compare(
        line: str, among: np.ndarray, affected: np.ndarray, **values: float
    ) -> Claim:
        """Compare the affected among these images with the others: masks (n_test,)."""
        return Claim(
            line,
            {"digit": digit, **values},
            affected=Rate.of(wrong[affected]),
            rest=Rate.of(wrong[among & ~affected]),
            wrong=np.flatnonzero(wrong & affected).tolist(),
        )

    def of_digit(mask: np.ndarray) -> np.ndarray:
        """Spread a mask of the digit's own test images over all: bool (n_test,)."""
        among_all = np.zeros(len(images), bool)
        among_all[is_digit] = mask
        return among_all

    claims = []
    if len(examples):
        own = images[is_digit]
        usual_loops = int(np.bincount(_measured(closed_loops, examples)).argmax())
        if usual_loops:
            has_gap = of_digit(_measured(closed_loops, own) < usual_loops)
            line = N_("digit {digit} with a gap (closed loops: under {limit:g})")
            claims.append(compare(line, is_digit, has_gap, limit=usual_loops))

        thin = _quantile(_measured(stroke_width, examples), EXTREME_SHARE)
        is_thin = of_digit(_measured(stroke_width, own) < thin)
        line = N_("digit {digit} with very thin lines (under {limit:.2f} pixels)")
        claims.append(compare(line, is_digit, is_thin, limit=thin))

        slants = np.abs(_measured(slant, examples))
        strong = _quantile(slants, 1 - EXTREME_SHARE)
        is_slanted = of_digit(np.abs(_measured(slant, own)) > strong)
        line = N_("digit {digit} strongly slanted (over {limit:.1f} degrees)")
        claims.append(compare(line, is_digit, is_slanted, limit=strong))
    if digit == LAB_DIGIT:
        is_alike = np.isin(digits, LOOKALIKES)
        claims.append(compare(N_("6 and 9 taken for {digit}"), ~is_digit, is_alike))
    is_noisy = _measured(stray_ink, images) > 0
    everything = np.ones(len(images), bool)
    claims.append(
        compare(N_("noisy images (ink outside the main stroke)"), everything, is_noisy)
    )
    return claims


def _quantile(values: np.ndarray, share: float) -> float:
    """Of those of values (n,) that are numbers: a blank image has no width or slant."""
    numbers = values[~np.isnan(values)]
    return float(np.quantile(numbers, share)) if len(numbers) else math.nan


def _measured(
    measure: Callable[[np.ndarray], np.ndarray], images: np.ndarray
) -> np.ndarray:
    """A measure of shape of images (n, side * side), a batch at a time: (n,)."""
    side = math.isqrt(images.shape[1])
    squares = images.reshape(-1, side, side)
    batches = np.array_split(squares, len(images) // IMAGES_AT_ONCE + 1)
    return np.concatenate([measure(batch) for batch in batches])


# --- files ----------------------------------------------------------------------------


def user_path(text: str | Path) -> Path:
    """A path that the user names; `~` is home, also where the shell leaves it."""
    # Path.expanduser raises an error for a ~name of nobody; this leaves it
    return Path(os.path.expanduser(text))  # noqa: PTH111


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes its name only when whole; its directory is made.

    The bytes go to a hidden file beside `path`, moved to `path` when the block ends
    without an error and removed otherwise: whatever happens, `path` is the old file or
    the new one. An OSError, also of the block, becomes a UserError: it cannot be
    written.
    """
    path = Path(os.path.realpath(path))  # of a link, what it points at is replaced
    staged = path.parent / f".{os.urandom(8).hex()}.part"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with staged.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError as error:
        reason = error.strerror or error
        fault = f"cannot write {path}: {reason}; choose another place"
        raise UserError(fault) from error
    finally:
        with suppress(OSError):
            staged.unlink()


def write_text(path: Path, text: str) -> None:
    """Write a text file of this project, UTF-8, whole or not at all."""
    with atomic_write(path) as file:
        file.write(text.encode(errors="backslashreplace"))


# --- screen and log -------------------------------------------------------------------

SECONDS_BETWEEN = 0.2  # between two updates of the line of progress
INK_RAMP = " .:+*#"  # from paper to full ink


class Output:
    """What a run says: on the screen and, by `log`, in `contents` for its log file."""

    def __init__(self, language: str = "en", stream: TextIO | None = None):
        self.translate = translator(language)
        self.lines: list[str] = []  # of the log
        self._stream = stream or sys.stdout
        self._last_progress: float | None = None  # when, by time.monotonic()

    def log(self, english: str = "", **values: object) -> None:
        """Translate a line and write it to the screen and the log."""
        text = self.translate(english, **values)
        self.lines += map(printable, text.split("\n"))
        self._print(text)

    def screen(self, english: str, **values: object) -> None:
        """Translate a line and write it to the screen alone, as of times and paths."""
        self._print(self.translate(english, **values))

    def progress(self, english: str, share: float, **values: object) -> None:
        """Show on a terminal how far the work is; the line gives way to the next."""
        now = time.monotonic()
        last = self._last_progress
        is_due = last is None or now > last + SECONDS_BETWEEN
        if is_due and self._is_terminal():
            self._last_progress = now
            self._print(f"{self.translate(english, **values)} {share:4.0%}", end="\r")

    def _is_terminal(self) -> bool:
        has_screen = self._stream is not None and self._stream.isatty()
        return has_screen and os.getenv("TERM") != "dumb"

    def _print(self, text: str, end: str = "\n") -> None:
        # What is left of a line of progress
        clear = "" if self._last_progress is None else "\x1b[K"
        shown = "\n".join(map(printable, text.split("\n")))
        print(clear + shown, end=end, file=self._stream, flush=True)

    def contents(self) -> str:
        """The log so far."""
        return "\n".join(self.lines) + "\n"


def ascii_art(images: np.ndarray, captions: Sequence[str]) -> str:
    """Draw images (n, height, width), in [0, 1], side by side in characters.

    All are cut to the ink that they have together, and stand under their captions. A
    character is about twice as tall as wide, so it stands for one column and two rows.
    """
    # Cut, and make the number of rows even
    ink = images.any(axis=0)
    images = images[:, ink.any(axis=1)][:, :, ink.any(axis=0)]
    images = np.pad(images, ((0, 0), (0, images.shape[1] % 2), (0, 0)))

    # A character for two rows
    n, height, width = images.shape
    pairs = images.reshape(n, height // 2, 2, width).mean(axis=2)
    levels = np.rint(pairs * (len(INK_RAMP) - 1)).astype(int)
    characters = np.array(list(INK_RAMP))[levels]  # (n, height // 2, width)

    # Side by side
    room = 2 + max(width, *map(len, captions))
    lines = ["".join(caption.ljust(room) for caption in captions)]
    for row in characters.swapaxes(0, 1):
        lines.append("".join("".join(cells).ljust(room) for cells in row))
    return "\n".join(line.rstrip() for line in lines)


def table(rows: list[list[str]]) -> str:
    """Rows of cells as lines of columns: the first aligned left, the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *others in rows:
        cells = [first.ljust(widths[0])]
        cells += map(str.rjust, others, widths[1:])
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)
