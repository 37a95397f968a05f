"""What the scripts share: errors, metrics, the log and its two languages, progress, safe writes.

Nothing in here knows about networks or about where images come from.
"""

from __future__ import annotations

import argparse
import math
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO, NoReturn, TextIO

import numpy as np

# --- errors and exit codes --------------------------------------------------------------------

EXIT_DONE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 2, 130


class UserError(Exception):
    """Something the user can put right; its text is one line: what, where, what to do."""


class SettingError(UserError, ValueError):
    """A setting or an argument outside what is allowed; names the value and the allowed range."""


class ArgumentParser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line, like every other error of the project."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the options)")


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run a script's ``main`` and leave with its exit code, errors told in one line on stderr."""
    # After `>&-` there is no stream at all.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # the streams of IDLE and Jupyter have none
            stream.reconfigure(errors="replace")  # a console without Cyrillic must not end a run
    script = Path(sys.argv[0]).name
    try:
        code = main()
        sys.stdout.flush()
    except UserError as error:
        message = " ".join(str(error).splitlines())  # a file's name may hold a line break
        print(f"{script}: error: {message}", file=sys.stderr)
        code = EXIT_BAD_INPUT
    except MemoryError:
        print(
            f"{script}: error: not enough memory for this run; "
            "choose fewer images (--train-size) or a smaller network (--hidden)",
            file=sys.stderr,
        )
        code = EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"\n{script}: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `| head` does: not an error
        discard_output(sys.stdout)
        code = EXIT_DONE
    except OSError as error:  # such as a full disk behind `> file`
        discard_output(sys.stdout)
        print(f"{script}: error: {error.strerror or error}", file=sys.stderr)
        code = EXIT_BAD_INPUT
    sys.exit(code)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Do not heed Ctrl-C in this block: for the short work that must not be lost half-way."""
    try:
        usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # in another thread than the main one, where Ctrl-C does not arrive
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def discard_output(stream: TextIO) -> None:
    """Let what is still to be written to a stream that failed go nowhere, without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# --- metrics ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation:
    """How a yes/no classifier did on a labelled set: the confusion counts and what follows.

    A ratio whose denominator is zero (the recall of no 8s at all) is NaN, not a made-up number.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    roc_auc: float
    threshold: float

    @classmethod
    def of(
        cls, probabilities: np.ndarray, targets: np.ndarray, threshold: float = 0.5
    ) -> Evaluation:
        """Evaluate probabilities (n,) against targets (n,), answering yes from the threshold up."""
        answers = probabilities >= threshold
        truth = targets > 0.5
        return cls(
            true_positives=int(np.sum(answers & truth)),
            false_positives=int(np.sum(answers & ~truth)),
            false_negatives=int(np.sum(~answers & truth)),
            true_negatives=int(np.sum(~answers & ~truth)),
            roc_auc=roc_auc(probabilities, truth),
            threshold=threshold,
        )

    @property
    def positives(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        return self.true_negatives + self.false_positives

    @property
    def total(self) -> int:
        return self.positives + self.negatives

    @property
    def correct(self) -> int:
        return self.true_positives + self.true_negatives

    @property
    def accuracy(self) -> float:
        return _ratio(self.correct, self.total)

    @property
    def majority_share(self) -> float:
        """The accuracy of always giving the commoner answer: what accuracy has to beat."""
        return _ratio(max(self.positives, self.negatives), self.total)

    @property
    def precision(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positives, self.positives)

    @property
    def f1(self) -> float:
        """2 precision recall / (precision + recall), as counts: 2 TP / (2 TP + FP + FN)."""
        doubled = 2 * self.true_positives
        return _ratio(doubled, doubled + self.false_positives + self.false_negatives)

    def as_dict(self) -> dict[str, int | float | None]:
        """All counts and ratios by name, for JSON: NaN, which JSON does not have, becomes None."""
        derived = ("total", "correct", "accuracy", "majority_share", "precision", "recall", "f1")
        values = asdict(self) | {name: getattr(self, name) for name in derived}
        return {name: json_number(value) for name, value in values.items()}


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def json_number(value: float) -> float | None:
    """The number itself, or None for NaN, which JSON does not have."""
    return None if np.isnan(value) else value


def roc_auc(scores: np.ndarray, targets: np.ndarray) -> float:
    """Area under the ROC curve: how often a random positive scores above a random negative.

    The Mann-Whitney form, AUC = (R - P (P + 1) / 2) / (P N), with R the sum of the positives'
    ranks, ties sharing their mean rank (Hanley and McNeil, Radiology 143, 1982). NaN where a
    class is empty.
    """
    truth = np.asarray(targets) > 0.5
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[place][truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


# --- the shape of a digit ---------------------------------------------------------------------

IMAGES_AT_ONCE = 1000  # so that the shapes of all test images take no more memory than training
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
    """Mean width in pixels of the strokes in each of (n, h, w): 2 area / perimeter, (n,).

    That is exact for a line much longer than wide, and less than the width of a short one: a
    stroke of length l and width w has area l w and perimeter 2 l + 2 w. Area and perimeter come
    from counts of 2x2 windows, with Duda's weights, which suit slanting edges:

        area      = Q1 / 4 + Q2 / 2 + 7 Q3 / 8 + Q4 + 3 QD / 4
        perimeter = Q2 + (Q1 + Q3 + 2 QD) / sqrt(2)

    (Gray, IEEE Trans. Computers 20, 1971; Pratt, Digital Image Processing, "Bit quads"). NaN
    where there is no ink.
    """
    q1, q2, q3, q4, qd = _bit_quads(images >= INK_THRESHOLD)
    area = q1 / 4 + q2 / 2 + 7 * q3 / 8 + q4 + 3 * qd / 4
    perimeter = q2 + (q1 + q3 + 2 * qd) / np.sqrt(2)
    with np.errstate(invalid="ignore"):
        return 2 * area / perimeter


def closed_loops(images: np.ndarray) -> np.ndarray:
    """Number of patches of paper that the ink of each of (n, h, w) encloses: int (n,).

        loops = components - Euler number,   Euler number = (Q1 - Q3 - 2 QD) / 4

    with ink pixels joined along sides and corners (Gray, 1971, as in `stroke_width`). A loop that
    thick ink has filled is none.
    """
    ink = images >= INK_THRESHOLD
    q1, _, q3, _, qd = _bit_quads(ink)
    return connected_components(ink).max(axis=(1, 2)) - (q1 - q3 - 2 * qd) // 4


def stray_ink(images: np.ndarray) -> np.ndarray:
    """Share of the ink pixels of each of (n, h, w) outside its largest component: (n,).

    0 for a digit in one piece, and for an empty image. It counts whatever is not joined to the
    main stroke: specks of noise, and the bar that some writers leave off their 5.
    """
    components = connected_components(images >= INK_THRESHOLD)
    n, most = len(components), components.max(initial=0)
    in_order = components + (most + 1) * np.arange(n)[:, np.newaxis, np.newaxis]
    sizes = np.bincount(in_order.ravel(), minlength=n * (most + 1)).reshape(n, most + 1)[:, 1:]
    total = sizes.sum(axis=1)
    return (total - sizes.max(axis=1, initial=0)) / np.maximum(total, 1)


def connected_components(ink: np.ndarray) -> np.ndarray:
    """Number the connected parts of each image of ink, bool (n, h, w): 1, 2, ...; 0 is paper.

    Pixels that share a side or a corner are connected. Many images are done at once: the runs of
    ink in each row are numbered, and touching runs of neighbouring rows joined.
    """
    if len(ink) > IMAGES_AT_ONCE:
        batches = np.array_split(ink, math.ceil(len(ink) / IMAGES_AT_ONCE))
        return np.concatenate([connected_components(batch) for batch in batches])
    n, height, width = ink.shape
    framed = np.zeros((n, height + 1, width + 1), bool)  # paper above, and where a row ends
    framed[:, 1:, :-1] = ink
    is_ink = framed.ravel()
    pixels = np.flatnonzero(is_ink)
    run_of = np.zeros(is_ink.size, np.int64)
    run_of[pixels] = np.cumsum(~is_ink[pixels - 1]) - 1

    above = pixels[:, np.newaxis] - (width + np.arange(3))  # the three pixels that touch it there
    touching = is_ink[above]
    upper = run_of[above[touching]]
    lower = run_of[np.broadcast_to(pixels[:, np.newaxis], above.shape)[touching]]
    part = connect(run_of.max(initial=-1) + 1, upper, lower)

    # Parts in order of appearance; what came before an image's own is taken off.
    numbers = np.zeros(is_ink.size, np.int32)
    numbers[pixels] = part[run_of[pixels]] + 1
    numbers = numbers.reshape(framed.shape)[:, 1:, :-1]
    last = np.maximum.accumulate(numbers.max(axis=(1, 2), initial=0))
    before = np.append(0, last[:-1]).astype(np.int32)
    return np.where(ink, numbers - before[:, np.newaxis, np.newaxis], 0)


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


def _bit_quads(ink: np.ndarray) -> np.ndarray:
    """Count the 2x2 windows of each image of ink, bool (n, h, w), by their ink pixels: int (5, n).

    Q1 to Q4 have one to four; QD are those with two on a diagonal, which Q2 leaves out.
    """
    framed = np.pad(ink, ((0, 0), (1, 1), (1, 1))).view(np.uint8)
    top_left, top_right = framed[:, :-1, :-1], framed[:, :-1, 1:]
    low_left, low_right = framed[:, 1:, :-1], framed[:, 1:, 1:]
    kind = top_left + top_right + low_left + low_right
    kind[(top_left == low_right) & (top_right == low_left) & (top_left != top_right)] = 5
    return np.stack([(kind == k).sum(axis=(1, 2)) for k in range(1, 6)])


# --- the error analysis -----------------------------------------------------------------------

CONFIDENCE_Z = 1.959964  # standard normal quantile: two-sided intervals of 95%
NOTABLE_EXCESS = 0.5  # half as many errors again; with less it is no case of its own
OUTER_DECILE = 0.1  # "very thin", "strongly slanted": as one training image in ten is
# Which digits look like the one to recognise. For 8 the lab sheet says it; for the others it is
# our choice, made by eye before any run.
LOOKALIKES = {
    0: (6, 9),
    1: (4, 7),
    2: (3, 7),
    3: (5, 8),
    4: (7, 9),
    5: (3, 6),
    6: (0, 5),
    7: (1, 9),
    8: (6, 9),
    9: (4, 7),
}
LabelledImages = tuple[np.ndarray, np.ndarray]  # images (n, side * side), digits (n,)


@dataclass(frozen=True)
class ErrorRate:
    """So many errors on so many images."""

    errors: int
    total: int

    @property
    def share(self) -> float:
        return _ratio(self.errors, self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95% score interval (J. Am. Stat. Assoc. 22, 1927); all of [0, 1] for no images.

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n)
        """
        if not self.total:
            return 0.0, 1.0
        p, n, z = self.share, self.total, CONFIDENCE_Z
        centre = p + z * z / (2 * n)
        reach = z * np.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        whole = 1 + z * z / n
        return max(0.0, float((centre - reach) / whole)), min(1.0, float((centre + reach) / whole))


@dataclass(frozen=True)
class Claim:
    """One claim of the lab sheet about where the network errs, put to the test."""

    name: str  # "gap", "thin", "slant", "lookalikes" or "noise", as in MESSAGES
    limit: float | None  # the measure from which an image counts as affected, where there is one
    affected: ErrorRate
    rest: ErrorRate
    wrong: tuple[int, ...]  # the affected images got wrong, by their number in the test set

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
        low = self.difference - np.hypot(p - p_low, q_high - q)
        high = self.difference + np.hypot(p_high - p, q - q_low)
        return float(low), float(high)

    @property
    def verdict(self) -> str:
        """Held: the interval lies above 0, the affected are got wrong more often.

        Not held: it does not, and it ends below half the rest's own error rate (half its rate of
        right answers if that is less), so that a notable excess is ruled out. Too few to tell:
        neither.
        """
        low, high = self.interval
        if low > 0:
            return "held"
        notable = NOTABLE_EXCESS * min(self.rest.share, 1 - self.rest.share)
        return "not_held" if high < notable else "too_few"

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        low, high = self.interval
        return asdict(self) | {
            "difference": json_number(self.difference),
            "interval": [json_number(low), json_number(high)],
            "verdict": self.verdict,
        }


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
    of five false ones about one in eight times one would seem to hold by chance.
    """
    is_digit, taught = test[1] == digit, train[1] == digit
    wrong = answers != is_digit
    own, examples = _square(test[0][is_digit]), _square(train[0][taught])

    def claim(
        name: str, compared: np.ndarray, affected: np.ndarray, limit: float | None = None
    ) -> Claim:
        def rate(group: np.ndarray) -> ErrorRate:
            return ErrorRate(int(np.sum(wrong & group)), int(np.sum(group)))

        rows = tuple(np.flatnonzero(wrong & affected).tolist())
        return Claim(name, limit, rate(affected), rate(compared & ~affected), rows)

    def claim_about_shape(name: str, affected_of_own: np.ndarray, limit: float) -> Claim:
        affected = np.zeros_like(is_digit)
        affected[is_digit] = affected_of_own
        return claim(name, is_digit, affected, limit)

    claims = []
    if len(examples):
        usual_loops = int(np.bincount(closed_loops(examples)).argmax())
        thin = float(np.quantile(stroke_width(examples), OUTER_DECILE))
        strong = float(np.quantile(np.abs(slant(examples)), 1 - OUTER_DECILE))
        if usual_loops:
            claims.append(claim_about_shape("gap", closed_loops(own) < usual_loops, usual_loops))
        claims.append(claim_about_shape("thin", stroke_width(own) < thin, thin))
        claims.append(claim_about_shape("slant", np.abs(slant(own)) > strong, strong))
    claims.append(claim("lookalikes", ~is_digit, np.isin(test[1], LOOKALIKES[digit])))
    claims.append(claim("noise", np.ones_like(is_digit), stray_ink(_square(test[0])) > 0))
    return claims


def _square(images: np.ndarray) -> np.ndarray:
    """Rows of pixels (n, side * side) as images (n, side, side)."""
    side = math.isqrt(images.shape[1])
    return images.reshape(len(images), side, side)


# --- writing files ----------------------------------------------------------------------------


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes its name only when whole.

    The bytes go to a hidden file beside `path`, renamed to `path` when the block ends
    without an error and removed otherwise: whatever happens, `path` is the old file or the new
    one. Several of these in one ``ExitStack``, each flushed after its last write, are all written
    before any takes its name.

    Raises
    ------
    UserError
        If the file cannot be written there.
    """
    path = Path(os.path.realpath(path))  # a link keeps its place: what it points at is replaced
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with staged.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def writable_directory(path: Path, names: Sequence[str]) -> Path:
    """Make sure that these files can be written there, now rather than after the work."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".write-test.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
        for name in names:
            if (path / name).is_dir():
                raise IsADirectoryError(0, f"{name} in it is a directory")
    except OSError as error:
        raise UserError(
            f"cannot write to the directory {path}: {error.strerror or error}; "
            "choose another with --output-dir"
        ) from error
    return path


# --- screen and log ---------------------------------------------------------------------------


class RunLog:
    """What a run says: every line to the screen at once, and kept for the log file.

    Lines are named in `MESSAGES`, so the same run can be told in either language.
    """

    def __init__(self, language: str, screen: TextIO | None = None):
        self.language = language
        self.screen = screen or sys.stdout
        self.lines: list[str] = []

    def text(self, key: str, **values: object) -> str:
        return MESSAGES[self.language][key].format(**values)

    def say(self, key: str, **values: object) -> None:
        """Say the named message on the screen and in the log."""
        self.write(self.text(key, **values))

    def write(self, text: str = "") -> None:
        """The same with a ready text, which needs no translation (art, numbers)."""
        self.lines += text.split("\n")
        self._show(text)

    def remark(self, key: str, **values: object) -> None:
        """Say it on the screen alone: times and paths, which differ from run to run."""
        self._show(self.text(key, **values))

    def _show(self, text: str) -> None:
        try:
            print(text, file=self.screen, flush=True)
        except BrokenPipeError:  # `| head` has seen enough; the run's files are still wanted
            discard_output(self.screen)

    def contents(self) -> str:
        return "\n".join(self.lines) + "\n"


class Progress:
    """One line on a terminal that tells how far the work is; silent where output is piped."""

    SECONDS_BETWEEN = 0.1
    SECONDS_BEFORE_FIRST = 0.5  # what is quicker than this needs no progress

    def __init__(self, label: str, total: int, stream: TextIO | None = None):
        self.label = label
        self.total = total
        self.stream = stream or sys.stdout
        self.shown = False
        self._next = time.monotonic() + self.SECONDS_BEFORE_FIRST
        self._on_terminal = self.stream.isatty()

    def update(self, done: int) -> None:
        if not self._on_terminal or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.SECONDS_BETWEEN
        self.stream.write(f"\r{self.label} {done / max(self.total, 1):4.0%}")
        self.stream.flush()
        self.shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.stream.write("\r\x1b[K")  # the line makes room for what comes next
            self.stream.flush()


INK_RAMP = " .:+*#"  # from paper to full ink


def ascii_art(images: np.ndarray, captions: Sequence[str]) -> str:
    """Draw images (n, height, width), in [0, 1], side by side in characters under captions.

    Each is cut to its ink. A character is about twice as tall as wide, so it stands for one
    column and two rows of pixels.
    """
    drawings = [_draw(image) for image in images]
    height = max(len(rows) for rows in drawings)
    lines = [""] * (height + 1)
    for caption, rows in zip(captions, drawings, strict=True):
        width = max(len(caption), len(rows[0]))
        column = [caption, *rows] + [""] * (height - len(rows))
        lines = [line + text.ljust(width + 2) for line, text in zip(lines, column, strict=True)]
    return "\n".join(line.rstrip() for line in lines)


def _draw(image: np.ndarray) -> list[str]:
    rows, columns = np.nonzero(image > 0)
    if not len(rows):
        return [""]
    ink = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    ink = np.pad(ink, ((0, len(ink) % 2), (0, 0)))
    pairs = ink.reshape(len(ink) // 2, 2, -1).mean(axis=1)
    levels = np.rint(pairs * (len(INK_RAMP) - 1)).astype(int)
    return ["".join(INK_RAMP[level] for level in line) for line in levels]


def percent(share: float) -> str:
    """0.927 -> "92.70%", as the lab sheet writes it; a ratio that does not exist is "n/a"."""
    return "n/a" if np.isnan(share) else f"{share:.2%}"


# --- the two languages ------------------------------------------------------------------------

# The Russian lines are the lab sheet's own, word for word, where the sheet gives a line.
MESSAGES: dict[str, dict[str, str]] = {
    "en": {
        "not_mnist": "NOT MNIST: the data is the bundled sample, drawn to look like handwriting; "
        "python mnist_loader.py downloads MNIST",
        "verified": "Verified: {path}",
        "fact_total": "{total} images of the digits {lowest} to {highest}",
        "fact_splits": "{train} training examples, {test} test examples",
        "fact_size": "Size of each image: {height}x{width} pixels ({pixels} pixels)",
        "fact_range": "Each pixel has a value from {lowest} to {highest} (levels of grey)",
        "fact_mean": "Mean ink of the training images: {mean:.4f} of full; "
        "inked pixels: {inked:.1%}",
        "fact_digits": "Images of each digit:",
        "fact_digit": "  {digit}: {train} training, {test} test",
        "sample": "the bundled sample",
        "title": "Recognising the handwritten digit {digit} in {dataset}",
        "network": "Network: {layers}; {parameters} parameters, {dtype}, seed {seed}",
        "training_plan": "Training: {epochs} epochs, an update after every sample; "
        "learning rate {learning_rate:g}, momentum {momentum:g}, L2 {l2:g}, dropout {dropout:g}",
        "training_images": "Training images: {total}, of them {positives} show the digit {digit} "
        "({share})",
        "test_images": "Test images: {total}, of them {positives} show the digit {digit} ({share})",
        "no_positives": "Note: no {digit} among the training images, so there is nothing to learn; "
        "take more with --train-size",
        "examples": "Examples of the digit {digit} from the training set:",
        "example": "Example {number}:",
        "training": "Training:",
        "epoch": "Epoch {epoch}/{epochs}, loss: {loss:.6f}",
        "epoch_progress": "Epoch {epoch}/{epochs}",
        "interrupted": "Interrupted: what follows is the network after {epoch} of {epochs} epochs",
        "interrupted_early": "Interrupted before the first epoch ended: nothing to save",
        "results": "Results on the test set:",
        "accuracy": "Accuracy on the test set: {accuracy}",
        "correct": "Recognised correctly: {correct} of {total}.",
        "majority": 'Always answering "{answer}" would score {share}; '
        "accuracy means something only beside that.",
        "yes": "yes",
        "no": "no",
        "confusion": "Confusion counts (threshold {threshold:g}):",
        "answered": "answered",
        "is_digit": "shows {digit}",
        "is_other": "shows another",
        "ratios": "Of the digit {digit}: precision {precision}, recall {recall}, F1 {f1}; "
        "ROC AUC {roc_auc:.4f}",
        "false_alarms": "False alarms, other digits taken for {digit}: {alarms} of {total}",
        "false_alarms_of": "  digit {other}: {alarms} of {total} ({share})",
        "missed": "Missed, images of {digit} not recognised: {missed} of {total}",
        "missed_numbers": "  images of the test set, counted from 0: {numbers}",
        "claims": "Error analysis: does the network err where the lab sheet says that it does?",
        "claims_note": "(test images, with 95% Wilson intervals; the limits come from the training "
        "images)",
        "claims_of_other_digit": "(the lab sheet speaks of the digit 8; here the same is asked of "
        "the digit {digit})",
        "affected": "errors on these",
        "others": "on the others",
        "errors_of": "{errors} of {total}",
        "claim_gap": "{digit} with a gap (fewer than {limit:g} closed loops)",
        "claim_thin": "{digit} with very thin lines (under {limit:.2f} pixels)",
        "claim_slant": "{digit} strongly slanted (over {limit:.1f} degrees)",
        "claim_lookalikes": "{lookalikes} taken for {digit}",
        "claim_noise": "noisy images (ink outside the main stroke)",
        "claim_sentence": "{claim}: {verdict}. Errors on {affected} of these and on {rest} of the "
        "others: {difference:+.2f} points, 95% interval {low:+.2f} to {high:+.2f}.",
        "claim_unseen": "{claim}: {verdict}. There are none to compare.",
        "verdict_held": "held",
        "verdict_not_held": "not held",
        "verdict_too_few": "too few to tell",
        "one_run": "One run with seed {seed}; another seed gives slightly other numbers.",
        "time": "Trained in {seconds:.2f} s, {rate:,.0f} samples a second",
        "written": "Written: {path}",
    },
    "ru": {
        "not_mnist": "НЕ MNIST: данные взяты из встроенного набора, нарисованного похоже на "
        "рукописный; python mnist_loader.py скачает MNIST",
        "verified": "Проверено: {path}",
        "fact_total": "{total} изображений цифр от {lowest} до {highest}",
        "fact_splits": "{train} обучающих примеров, {test} тестовых",
        "fact_size": "Размер каждого изображения: {height}×{width} пикселей ({pixels} пикселя)",
        "fact_range": "Каждый пиксель имеет значение от {lowest} до {highest} (градации серого)",
        "fact_mean": "Средняя яркость обучающих изображений: {mean:.4f} от полной; "
        "закрашено пикселей: {inked:.1%}",
        "fact_digits": "Изображений каждой цифры:",
        "fact_digit": "  {digit}: {train} обучающих, {test} тестовых",
        "sample": "«встроенный набор»",
        "title": "Распознавание цифры {digit} из датасета {dataset}",
        "network": "Сеть: {layers}; параметров: {parameters}, {dtype}, seed {seed}",
        "training_plan": "Обучение: эпох: {epochs}, обновление после каждого примера; "
        "скорость обучения {learning_rate:g}, momentum {momentum:g}, L2 {l2:g}, "
        "dropout {dropout:g}",
        "training_images": "Обучающих примеров: {total}, из них с цифрой {digit}: {positives} "
        "({share})",
        "test_images": "Тестовых примеров: {total}, из них с цифрой {digit}: {positives} ({share})",
        "no_positives": "Внимание: среди обучающих примеров нет цифры {digit}, учиться не на чем; "
        "возьмите больше примеров: --train-size",
        "examples": "Примеры цифры {digit} из обучающей выборки:",
        "example": "Пример {number}:",
        "training": "Процесс обучения:",
        "epoch": "Эпоха {epoch}/{epochs}, Ошибка: {loss:.6f}",
        "epoch_progress": "Эпоха {epoch}/{epochs}",
        "interrupted": "Прервано: далее результаты сети после {epoch} эпох из {epochs}",
        "interrupted_early": "Прервано до конца первой эпохи: сохранять нечего",
        "results": "Итоговая точность:",
        "accuracy": "Точность на тестовой выборке: {accuracy}",
        "correct": "Цифра {digit} распознана верно в {correct} из {total} случаев.",
        "majority": "Ответ «{answer}» на все изображения дал бы {share}; "
        "точность имеет смысл только рядом с этим числом.",
        "yes": "да",
        "no": "нет",
        "confusion": "Матрица ошибок (порог {threshold:g}):",
        "answered": "ответ",
        "is_digit": "цифра {digit}",
        "is_other": "другая цифра",
        "ratios": "Для цифры {digit}: точность (precision) {precision}, полнота (recall) {recall}, "
        "F1 {f1}; ROC AUC {roc_auc:.4f}",
        "false_alarms": "Ложные срабатывания, другие цифры приняты за {digit}: {alarms} из {total}",
        "false_alarms_of": "  цифра {other}: {alarms} из {total} ({share})",
        "missed": "Пропуски, цифра {digit} не распознана: {missed} из {total}",
        "missed_numbers": "  номера изображений тестовой выборки, с 0: {numbers}",
        "claims": "Анализ ошибок: ошибается ли сеть там, где сказано в лабораторной работе?",
        "claims_note": "(тестовые изображения, с 95%-ми интервалами Уилсона; границы заданы "
        "обучающими примерами)",
        "claims_of_other_digit": "(в лабораторной работе речь о цифре 8; здесь то же проверяется "
        "для цифры {digit})",
        "affected": "ошибки на таких",
        "others": "на остальных",
        "errors_of": "{errors} из {total}",
        "claim_gap": "{digit} с разрывом (замкнутых петель меньше {limit:g})",
        "claim_thin": "{digit} с очень тонкими линиями (тоньше {limit:.2f} пикселя)",
        "claim_slant": "{digit} с сильным наклоном (больше {limit:.1f} градуса)",
        "claim_lookalikes": "{lookalikes}, принятые за {digit}",
        "claim_noise": "зашумленные изображения (краска вне основного штриха)",
        "claim_sentence": "{claim}: {verdict}. Ошибки на {affected} таких и на {rest} остальных: "
        "{difference:+.2f} п. п., 95%-й интервал от {low:+.2f} до {high:+.2f}.",
        "claim_unseen": "{claim}: {verdict}. Сравнивать не с чем.",
        "verdict_held": "подтвердилось",
        "verdict_not_held": "не подтвердилось",
        "verdict_too_few": "примеров слишком мало, чтобы судить",
        "one_run": "Один запуск с seed {seed}; другой seed даст немного другие числа.",
        "time": "Обучение заняло {seconds:.2f} с, {rate:,.0f} примеров в секунду",
        "written": "Записано: {path}",
    },
}
