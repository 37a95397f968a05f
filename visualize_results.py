"""Draw what a training run learnt.

    python visualize_results.py              the figures of the last run
    python visualize_results.py --show       the same, and a window for each
    python visualize_results.py --animate    a film of the hidden units while they learnt
    python visualize_results.py --image my_digit.png     your own handwriting
    python visualize_results.py --draw                   the same, drawn with the mouse
    python visualize_results.py --help       everything that can be changed

Reads metrics.json and model.npz (for the film history.npz too) from sample_outputs/ (or
--output-dir), and writes PNGs, or a GIF, there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import tempfile
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backend_bases import Event, KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from PIL import Image

from mnist_loader import (
    DIGITS,
    FULL_INK,
    IMAGE_SIDE,
    PIXELS,
    Dataset,
    FoundDigit,
    find_digits,
    load_dataset,
    read_picture,
)
from neural_network import ModelError, NeuralNetwork
from train_network import HISTORY_FILE, METRICS_FILE, MODEL_FILE, OUTPUT_DIR, claim_title
from utils import (
    EXIT_DONE,
    ArgumentParser,
    Claim,
    ErrorRate,
    Evaluation,
    RunLog,
    UserError,
    atomic_write,
    examine_claims,
    run_script,
    writable_directory,
)

# --- how every figure looks -------------------------------------------------------------------

# Okabe and Ito's colours, told apart by colour-blind readers and, light against dark, in grey.
OTHERS_COLOUR = "#0072B2"  # blue: the other digits, the answer "no"
DIGIT_COLOUR = "#E69F00"  # orange: the digit to recognise
AFFECTED_COLOUR = "#9A5B00"  # the same orange, dark enough for thin lines and letters
BASELINE_COLOUR = "#555555"
INK_COLOURS = "gray_r"  # ink dark on white paper
WEIGHT_COLOURS = "RdBu_r"  # red for, blue against; white is nothing
DPI = 160
PNG_COLOURS = 256
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "figure.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.8,
    "lines.linewidth": 1.6,
    "lines.markersize": 4,
    "hatch.linewidth": 0.6,
    "legend.frameon": False,
}
TITLE_CHARACTERS_PER_INCH = 10  # of a title's letters at that size
SMALL_TEXT = 7  # points
TILE_GAP, CAPTION_BAND = 3, 11  # pixels of a 28x28 image: between tiles, and under each for text
EXAMPLES_EACH = 12  # samples of each digit
MISTAKES_EACH = 16  # of misses and of false alarms
SURE = 0.1  # a score as close as this to 0 or 1 is called sure
SCORE_BINS = np.linspace(0, 1, 21)  # the usual threshold, 0.5, is an edge
CLAIM_EXAMPLES = 6
UNITS_SHOWN = 64
STILL_RANDOM = 0.5  # change over start, in norm, below which the eye sees the start
FILM_FILE = "hidden_units.gif"
FILM_DPI = 100
FRAMES_PER_SECOND = 3
LAST_FRAME_REPEATS = 6  # the film rests on its end before it starts again


@dataclass(frozen=True)
class Run:
    """A finished run: what train_network.py wrote, and the images that it was about."""

    metrics: dict[str, Any]
    network: NeuralNetwork
    dataset: Dataset
    probabilities: np.ndarray  # (n_test,), the network's for the test images
    evaluation: Evaluation

    @property
    def digit(self) -> int:
        return self.metrics["configuration"]["digit"]

    @property
    def is_digit(self) -> np.ndarray:
        """Which test images show the digit, bool (n_test,)."""
        return self.dataset.test.digits == self.digit

    @property
    def answers(self) -> np.ndarray:
        """Which test images the network takes for the digit, bool (n_test,)."""
        return self.probabilities >= self.evaluation.threshold

    @property
    def baseline(self) -> str:
        """What accuracy has to beat, in words."""
        usual = "no" if self.evaluation.negatives >= self.evaluation.positives else "yes"
        return f'always "{usual}" scores {self.evaluation.majority_share:.1%}'


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    if options.image or options.draw:
        return try_own_handwriting(options)
    run = load_run(options.output_dir, options.data_dir)
    output_dir = writable_directory(options.output_dir, (*FIGURES, FILM_FILE))
    with rc_context(STYLE):
        if options.animate:
            write_film(run, output_dir)
        else:
            write_figures(run, output_dir)
    if options.show:
        show_figures(output_dir)
    return EXIT_DONE


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = ArgumentParser(
        description="Draw what the last run of train_network.py learnt.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="where the MNIST files are; with None $MNIST_DATA_DIR, or else data/",
    )
    add("--output-dir", type=Path, default=OUTPUT_DIR, metavar="DIR", help="of the run to draw")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--show", action="store_true", help="open a window for each figure too")
    task.add_argument("--animate", action="store_true", help=f"write {FILM_FILE} instead")
    task.add_argument("--image", type=Path, nargs="+", metavar="FILE", help="recognise pictures")
    task.add_argument("--draw", action="store_true", help="open a pad to draw digits on")
    return parser.parse_args(arguments)


# --- reading a run ----------------------------------------------------------------------------

AGAIN = "run train_network.py again"
BORDERLINE = 1  # another machine's rounding may put a score on the threshold's other side
COUNTS = ("true_positives", "false_positives", "false_negatives", "true_negatives")


def load_run(output_dir: Path, data_dir: Path | None) -> Run:
    """Read a run's metrics and model, and the images it used; refuse what does not fit together."""
    network = load_network(output_dir)
    metrics = read_metrics(output_dir)
    configuration = metrics["configuration"]
    source = "sample" if metrics["dataset"] == "sample" else "mnist"
    dataset = load_dataset(
        data_dir, source, configuration["train_size"], configuration["test_size"]
    )
    probabilities = network.predict_proba(dataset.test.images)
    targets = dataset.test.targets(configuration["digit"])
    evaluation = Evaluation.of(probabilities, targets, metrics["evaluation"]["threshold"])
    recorded = metrics["evaluation"]
    tipped = [abs(getattr(evaluation, name) - recorded[name]) for name in COUNTS]
    positives = recorded["true_positives"] + recorded["false_negatives"]
    if evaluation.positives != positives or max(tipped) > BORDERLINE:
        raise UserError(
            f"{output_dir / METRICS_FILE}: the network answers otherwise on these test images "
            f"than it did in that run; name the run's own images with --data-dir, or {AGAIN}"
        )
    if not evaluation.positives or not evaluation.negatives:
        raise UserError(
            f"the {evaluation.total} test images of that run do not show both the digit "
            f"{configuration['digit']} and others, so there is nothing to draw; "
            "take more with train_network.py --test-size"
        )
    return Run(metrics, network, dataset, probabilities, evaluation)


def load_network(output_dir: Path) -> NeuralNetwork:
    network = NeuralNetwork.load(output_dir / MODEL_FILE)
    if network.layer_sizes[0] != PIXELS:
        raise ModelError(
            f"{output_dir / MODEL_FILE}: the network has {network.layer_sizes[0]} inputs, "
            f"an image {PIXELS} pixels; {AGAIN}"
        )
    return network


def read_metrics(output_dir: Path) -> dict[str, Any]:
    """Read metrics.json, which must be whole and of the same run as the model beside it."""
    path = output_dir / METRICS_FILE
    try:
        metrics = json.loads(path.read_bytes())
        digest = hashlib.sha256((output_dir / MODEL_FILE).read_bytes()).hexdigest()
        same_run = metrics["model_sha256"] == digest
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; run train_network.py first") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError, RecursionError) as error:
        raise UserError(f"{path}: damaged, or not of this project; {AGAIN}") from error
    if not same_run:
        raise ModelError(f"{path} and {MODEL_FILE} are of different runs; {AGAIN}")
    if problem := _problem_with(metrics):
        raise UserError(f"{path}: {problem}; {AGAIN}")
    return metrics


def _problem_with(metrics: dict[str, Any]) -> str | None:
    """The first value that the figures need and that is missing or not what it must be."""

    def count(value: Any) -> bool:
        return type(value) is int and value >= 0

    def loss(value: Any) -> bool:
        return type(value) in (int, float) and 0 <= value < math.inf

    def share(value: Any) -> bool:
        return loss(value) and value <= 1

    needed = [
        (("dataset",), lambda value: value in ("MNIST", "sample")),
        (("configuration", "digit"), lambda value: count(value) and value < DIGITS),
        (("configuration", "train_size"), lambda value: count(value) and value),
        (("configuration", "test_size"), lambda value: count(value) and value),
        (("configuration", "seed"), count),
        (("evaluation", "threshold"), share),
        *((("evaluation", name), count) for name in COUNTS),
        (("history",), lambda value: isinstance(value, list) and value),
    ]
    for row in range(len(history) if isinstance(history := metrics.get("history"), list) else 0):
        needed += [
            (("history", row, "epoch"), count),
            (("history", row, "loss"), loss),
            (("history", row, "test_accuracy"), share),
            (("history", row, "test_recall"), lambda value: value is None or share(value)),
        ]
    for place, is_good in needed:
        name = ".".join(map(str, place))
        try:
            value = reduce(lambda inside, key: inside[key], place, metrics)
        except (LookupError, TypeError):
            return f"{name} is missing"
        if not is_good(value):
            return f"{name} is {str(value)[:40]!r}, which no run writes"
    return None


def read_history(run: Run, output_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """The first layer's weights (1 + epochs, 784, units) and the losses (epochs,) of this run."""
    path = output_dir / HISTORY_FILE
    wanted = "run train_network.py --keep-history"
    epochs = len(run.metrics["history"])
    try:
        with np.load(path, allow_pickle=False) as file:
            weights, losses = file["first_weights"], file["losses"]
            same_run = str(file["model_sha256"]) == run.metrics["model_sha256"]
        whole = weights.shape == (1 + epochs, *run.network.weights[0].shape)
        whole = whole and losses.shape == (epochs,) and losses.dtype.kind == "f"
        whole = whole and weights.dtype == np.float16 and np.isfinite(weights).all()
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; {wanted}") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except Exception as error:  # bytes that are not what they should be fail in many ways
        raise UserError(f"{path}: damaged, or not of this project; {wanted}") from error
    if not same_run:
        raise UserError(f"{path} and {MODEL_FILE} are of different runs; {wanted}")
    if not whole:
        raise UserError(f"{path}: does not hold the history of this network; {wanted}")
    return weights.astype(np.float32), losses


# --- writing and showing ----------------------------------------------------------------------


def write_figures(run: Run, output_dir: Path) -> None:
    for name, draw in FIGURES.items():
        save_figure(draw(run), output_dir / name)
        print(f"Written: {output_dir / name}")


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of 256 colours, which are enough and a third of the bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    with atomic_write(path) as file:
        picture.quantize(PNG_COLOURS, dither=Image.Dither.NONE).save(
            file, format="PNG", dpi=(DPI, DPI)
        )


def show_figures(output_dir: Path) -> None:
    """Open a window for each figure written; where there is no screen, say so."""
    import matplotlib.pyplot as plt  # looks for a screen when it is imported, so not before

    try:
        for name in FIGURES:
            image = plt.imread(output_dir / name)
            height, width = image.shape[:2]
            window = plt.figure(num=name, figsize=(width / DPI, height / DPI))
            window.add_axes((0, 0, 1, 1), frameon=False, xticks=[], yticks=[]).imshow(image)
        has_screen = window.canvas.required_interactive_framework is not None
    except Exception:  # each window system has its own way to say that there is no screen
        has_screen = False
    if has_screen:
        plt.show()
    else:
        print("No screen to open windows on; the figures are in the files.")
    plt.close("all")


def start_figure(run: Run, finding: str, width: float, height: float) -> Figure:
    """An empty figure, sizes in inches, under a title that says what there is to see."""
    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    title = textwrap.fill(finding, int(width * TITLE_CHARACTERS_PER_INCH))
    if run.dataset.name == "sample":
        title += "\n(data: the bundled sample, not MNIST)"
    figure.suptitle(title, x=0.01, horizontalalignment="left", fontweight="bold")
    return figure


# --- panels: each draws one thing on axes that a figure or the report gives it ----------------


def plot_loss(axes: Axes, run: Run) -> None:
    history = run.metrics["history"]
    epochs, losses = [row["epoch"] for row in history], [row["loss"] for row in history]
    axes.plot(epochs, losses, "o-", color=OTHERS_COLOUR)
    axes.set(title="Mean squared error of training", xlabel="epoch", ylim=(0, 1.08 * max(losses)))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def plot_accuracy(axes: Axes, run: Run) -> None:
    """Test accuracy and recall by epoch, beside the accuracy of the commoner answer alone."""
    history = run.metrics["history"]
    epochs = [row["epoch"] for row in history]
    accuracy = [row["test_accuracy"] for row in history]
    recall = [np.nan if row["test_recall"] is None else row["test_recall"] for row in history]
    baseline = run.evaluation.majority_share
    usual = "no" if run.evaluation.negatives >= run.evaluation.positives else "yes"
    axes.plot(epochs, accuracy, "o-", color=OTHERS_COLOUR, clip_on=False)
    axes.axhline(baseline, color=BASELINE_COLOUR, linestyle="--", linewidth=1)
    axes.plot(epochs, recall, "s:", color=DIGIT_COLOUR, clip_on=False)
    low = max(0.0, min(*accuracy, *recall, baseline) - 0.05)
    axes.set(title="Share of the test images", xlabel="epoch", ylim=(low, 1.0))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    label_line_ends(
        axes,
        [
            (accuracy[-1], f"accuracy {accuracy[-1]:.1%}", OTHERS_COLOUR),
            (baseline, f'always "{usual}" {baseline:.1%}', BASELINE_COLOUR),
            (recall[-1], f"recall {recall[-1]:.1%}", "black"),
        ],
    )


def label_line_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    """Write (height, text, colour) at the right of the axes, moved apart where they would touch."""
    low, high = axes.get_ylim()
    apart = 0.075 * (high - low)
    ordered = sorted(labels, reverse=True)
    top = high
    for place, (height, text, colour) in enumerate(ordered):
        still_below = len(ordered) - 1 - place
        height = max(min(height, top), low + apart * still_below)
        axes.annotate(
            text,
            (1.02, height),
            xycoords=("axes fraction", "data"),
            color=colour,
            verticalalignment="center",
            annotation_clip=False,
        )
        top = height - apart


def plot_confusion(axes: Axes, run: Run) -> None:
    """The four counts, each with its share of the row, which is also its shade."""
    result, digit = run.evaluation, run.digit
    counts = np.array(
        [
            [result.true_positives, result.false_negatives],
            [result.false_positives, result.true_negatives],
        ]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    for (row, column), images in np.ndenumerate(counts):
        colour = "white" if shares[row, column] > 0.6 else "black"
        place = {"horizontalalignment": "center", "color": colour}
        axes.text(column, row, f"{images:,}", verticalalignment="bottom", fontsize=16, **place)
        share = f"{shares[row, column]:.1%} of the {'others' if row else f'{digit}s'}"
        axes.text(column, row + 0.08, share, verticalalignment="top", **place)
    axes.set_xticks([0, 1], [f'answered "{digit}"', "answered no"])
    axes.set_yticks(
        [0, 1], [f"{digit}s\n({result.positives:,})", f"others\n({result.negatives:,})"]
    )
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(f"Threshold {result.threshold:g}")


def curve_counts(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives from each threshold that makes a difference, from none to all."""
    order = np.argsort(-run.probabilities, kind="stable")
    last_of_ties = np.append(np.diff(run.probabilities[order]) != 0, True)
    hits = run.is_digit[order]
    starts = np.zeros(1, int)
    true = np.concatenate([starts, np.cumsum(hits)[last_of_ties]])
    false = np.concatenate([starts, np.cumsum(~hits)[last_of_ties]])
    return true, false


def plot_roc(axes: Axes, run: Run) -> None:
    result = run.evaluation
    true, false = curve_counts(run)
    axes.plot(false / result.negatives, true / result.positives, color=OTHERS_COLOUR)
    axes.plot([0, 1], [0, 1], "--", color=BASELINE_COLOUR, linewidth=1)
    axes.text(0.62, 0.55, "guessing", color=BASELINE_COLOUR)
    alarms = result.false_positives / result.negatives
    mark_threshold(
        axes, run, alarms, result.recall, f"{alarms:.1%} false alarms\nrecall {result.recall:.1%}"
    )
    axes.set(
        title=f"ROC, area under the curve {result.roc_auc:.3f}",
        xlabel="others taken for it (false-alarm rate)",
        ylabel=f"{run.digit}s found (recall)",
    )
    percent_axes(axes)


def plot_precision_recall(axes: Axes, run: Run) -> None:
    result = run.evaluation
    true, false = curve_counts(run)
    true, false = true[1:], false[1:]  # with no answer of yes there is no precision
    axes.plot(true / result.positives, true / (true + false), color=OTHERS_COLOUR)
    share = result.positives / result.total
    axes.axhline(share, linestyle="--", color=BASELINE_COLOUR, linewidth=1)
    axes.text(0.02, share + 0.02, f'always "yes": {share:.1%}', color=BASELINE_COLOUR)
    if result.true_positives + result.false_positives:
        text = f"precision {result.precision:.1%}\nrecall {result.recall:.1%}"
        mark_threshold(axes, run, result.recall, result.precision, text)
    axes.set(
        title="Precision and recall",
        xlabel=f"{run.digit}s found (recall)",
        ylabel="yes answers that are right (precision)",
    )
    percent_axes(axes)


def mark_threshold(axes: Axes, run: Run, x: float, y: float, text: str) -> None:
    """Mark the point of the chosen threshold, and say on the free side what it means."""
    look = {"color": DIGIT_COLOUR, "markeredgecolor": "black", "markersize": 8, "clip_on": False}
    axes.plot(x, y, "o", **look)
    free = (0.1, 0.35) if x > 0.5 else (0.12, 0.52) if y > 0.6 else (0.5, 0.12)
    axes.annotate(
        f"threshold {run.evaluation.threshold:g}\n{text}",
        (x, y),
        xytext=free,
        arrowprops={"arrowstyle": "-", "color": BASELINE_COLOUR, "shrinkB": 5},
    )


def percent_axes(axes: Axes) -> None:
    axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.03), box_aspect=1)
    for axis in axes.xaxis, axes.yaxis:
        axis.set_major_formatter(PercentFormatter(1, decimals=0))


def plot_scores(above: Axes, below: Axes, run: Run) -> None:
    """How many others (above) and 8s (below) have which score; counts on a logarithmic scale."""
    result, threshold = run.evaluation, run.evaluation.threshold
    groups = [
        (above, ~run.is_digit, f"{result.negatives:,} other digits", {"color": OTHERS_COLOUR}),
        (
            below,
            run.is_digit,
            f"{result.positives:,} images of {run.digit}",
            {"facecolor": DIGIT_COLOUR, "edgecolor": "black", "linewidth": 0.5, "hatch": "///"},
        ),
    ]
    for axes, group, title, look in groups:
        scores = run.probabilities[group]
        axes.hist(scores, SCORE_BINS, **look)
        axes.axvline(threshold, color="black", linestyle="--", linewidth=1)
        axes.set(yscale="log", xlim=(0, 1), ylabel="images (log scale)", title=title)
        axes.set_ylim(0.6, 6 * axes.get_ylim()[1])
        yes = int(np.sum(scores >= threshold))
        no = len(scores) - yes
        for side, offset, text in (
            ("right", -5, f"{no:,} answered no ({no / len(scores):.1%})"),
            ("left", 5, f'{yes:,} answered "{run.digit}" ({yes / len(scores):.1%})'),
        ):
            axes.annotate(
                text,
                (threshold, 0.97),
                xycoords=("data", "axes fraction"),
                xytext=(offset, 0),
                textcoords="offset points",
                horizontalalignment=side,
                verticalalignment="top",
            )
    above.tick_params(labelbottom=False)
    below.set_xlabel(
        f"score: the network's probability that it is the {run.digit}; threshold {threshold:g}"
    )


def false_alarms(run: Run) -> dict[int, ErrorRate]:
    """For each other digit among the test images, how often it is taken for the digit."""
    digits = run.dataset.test.digits
    return {
        int(other): ErrorRate(int(run.answers[digits == other].sum()), int((digits == other).sum()))
        for other in np.unique(digits)
        if other != run.digit
    }


def plot_false_alarms(axes: Axes, run: Run) -> None:
    """False-alarm rate by digit with 95% Wilson intervals."""
    rates = false_alarms(run)
    shares = np.array([rate.share for rate in rates.values()])
    intervals = np.array([rate.interval for rate in rates.values()])  # (others, 2)
    places = np.arange(len(rates))
    axes.bar(places, shares, color=OTHERS_COLOUR, width=0.65)
    reach = np.abs(intervals - shares[:, np.newaxis]).T
    axes.errorbar(places, shares, reach, fmt="none", color="black", capsize=2, linewidth=0.9)
    overall = run.evaluation.false_positives / run.evaluation.negatives
    axes.axhline(overall, color=BASELINE_COLOUR, linestyle="--", linewidth=1)
    axes.annotate(
        f"all {overall:.1%}",
        (1.01, overall),
        xycoords=("axes fraction", "data"),
        color=BASELINE_COLOUR,
        verticalalignment="center",
        annotation_clip=False,
    )
    counts = [f"{other}\n{rate.errors} of\n{rate.total:,}" for other, rate in rates.items()]
    axes.set_xticks(places, counts, fontsize=SMALL_TEXT)
    axes.set_xlabel(f"digit shown, and how many of its images are taken for the {run.digit}")
    axes.set_ylim(0, 1.05 * intervals.max())
    axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.3g}%")


def tile(images: np.ndarray, columns: int, gap_below: int = TILE_GAP) -> np.ndarray:
    """Lay images (n, 784) out row by row as one picture; NaN, which stays blank, between them."""
    pitch = IMAGE_SIDE + gap_below, IMAGE_SIDE + TILE_GAP
    rows = max(1, math.ceil(len(images) / columns))
    sheet = np.full((rows * columns, *pitch), np.nan, np.float32)
    sheet[: len(images), :IMAGE_SIDE, :IMAGE_SIDE] = images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    by_row = sheet.reshape(rows, columns, *pitch).swapaxes(1, 2)
    return by_row.reshape(rows * pitch[0], columns * pitch[1])


def show_tiles(
    axes: Axes, images: np.ndarray, columns: int, captions: Sequence[str] = (), **look: Any
) -> AxesImage:
    """Draw images (n, 784) as tiles, with captions beneath them."""
    gap_below = CAPTION_BAND if captions else TILE_GAP
    for place, caption in enumerate(captions):
        row, column = divmod(place, columns)
        axes.text(
            column * (IMAGE_SIDE + TILE_GAP) + IMAGE_SIDE / 2,
            row * (IMAGE_SIDE + gap_below) + IMAGE_SIDE + 0.5,
            caption,
            horizontalalignment="center",
            verticalalignment="top",
            fontsize=SMALL_TEXT,
        )
    axes.set_axis_off()
    axes.set_anchor("NW")
    return axes.imshow(tile(images, columns, gap_below), interpolation="nearest", **look)


def plot_claims(axes: Axes, claims: Sequence[Claim], digit: int) -> None:
    """Error rates of the affected images and of the others, a pair for each claim."""
    log = RunLog("en")
    for place, claim in enumerate(claims):
        plot_error_rate(axes, claim.affected, place - 0.14, "s", AFFECTED_COLOUR)
        plot_error_rate(axes, claim.rest, place + 0.14, "o", OTHERS_COLOUR)
    titles = [textwrap.fill(claim_title(log, claim, digit), 28) for claim in claims]
    verdicts = [log.text(f"verdict_{claim.verdict}") for claim in claims]
    labels = [f"{title}\n→ {verdict}" for title, verdict in zip(titles, verdicts, strict=True)]
    axes.set_yticks(range(len(claims)), labels)
    axes.set_ylim(len(claims) - 0.5, -0.5)
    rates = [rate for claim in claims for rate in (claim.affected, claim.rest) if rate.total]
    right = 1.2 * max(rate.interval[1] for rate in rates)  # room for the counts
    axes.set_xlim(0, right)
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= min(1, right)])
    axes.xaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_xlabel("errors, with 95% Wilson intervals: ■ affected, ● the others")


def plot_error_rate(axes: Axes, rate: ErrorRate, height: float, marker: str, colour: str) -> None:
    """A marker, its Wilson interval and the counts; nothing where there are no images."""
    if not rate.total:
        return
    axes.plot(rate.interval, [height, height], color=colour, linewidth=1.2)
    axes.plot(rate.share, height, marker, color=colour, markersize=6, clip_on=False)
    axes.annotate(
        f"{rate.errors} of {rate.total:,}",
        (max(rate.interval[1], rate.share), height),
        xytext=(5, 0),
        textcoords="offset points",
        verticalalignment="center",
        fontsize=SMALL_TEXT,
        color=colour,
    )


INK_LOOK = {"cmap": INK_COLOURS, "vmin": 0, "vmax": 1}


def worst_mistakes(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """Test numbers of the misses and of the false alarms, the most confident mistake first."""
    order = np.argsort(run.probabilities, kind="stable")
    missed = order[(run.is_digit & ~run.answers)[order]]
    alarms = order[(~run.is_digit & run.answers)[order]][::-1]
    return missed, alarms


def plot_misses(axes: Axes, run: Run, shown: int, columns: int) -> None:
    missed, _ = worst_mistakes(run)
    captions = [f"{run.probabilities[row]:.3f}" for row in missed[:shown]]
    show_tiles(axes, run.dataset.test.images[missed[:shown]], columns, captions, **INK_LOOK)
    axes.set_title(_so_many(len(missed), shown, f"missed {run.digit}s", "lowest scores"))


def plot_alarms(axes: Axes, run: Run, shown: int, columns: int) -> None:
    _, alarms = worst_mistakes(run)
    rows, digits = alarms[:shown], run.dataset.test.digits
    captions = [f"{digits[row]}: {run.probabilities[row]:.3f}" for row in rows]
    show_tiles(axes, run.dataset.test.images[rows], columns, captions, **INK_LOOK)
    axes.set_title(_so_many(len(alarms), shown, "false alarms", "highest scores"))


def _so_many(total: int, shown: int, what: str, order: str) -> str:
    if not total:
        return f"No {what}"
    return (
        f"{what[0].upper()}{what[1:]}: {order} of {total}"
        if total > shown
        else f"All {total} {what}"
    )


def units_in_order(
    network: NeuralNetwork, shown: int = UNITS_SHOWN
) -> tuple[np.ndarray, np.ndarray]:
    """The first layer's units from most for to most against the digit: (their numbers, weights).

    A unit's output weight is w2's; through further layers it is the product of the weights,
    summed over all paths. Of more units than are shown, the outermost on both sides are kept.
    """
    units = network.weights[0].shape[1]
    output_weights = reduce(np.matmul, network.weights[1:], np.eye(units))[:, 0]
    order = np.argsort(-output_weights, kind="stable")
    if units > shown:
        order = np.concatenate([order[: shown // 2], order[-(shown // 2) :]])
    return order, output_weights[order]


def signed(value: float) -> str:
    return f"{round(value, 2) + 0.0:+.2f}"  # the sum turns -0.0 into 0.0


def learnt_change(run: Run) -> np.ndarray:
    """What training added to the first layer's weights: (784, units).

    The weights that it started from follow from the seed.
    """
    start = NeuralNetwork(
        run.network.layer_sizes,
        seed=run.metrics["configuration"]["seed"],
        dtype=run.network.dtype,
    )
    return run.network.weights[0] - start.weights[0]


def weight_look(weights: np.ndarray) -> dict[str, Any]:
    """Colours symmetric about 0, so that white is 0; the few largest weights saturate."""
    reach = max(float(np.quantile(np.abs(weights), 0.995)), 1e-6)
    return {"cmap": WEIGHT_COLOURS, "vmin": -reach, "vmax": reach}


def plot_units(
    axes: Axes, weights: np.ndarray, order: np.ndarray, columns: int, captions: Sequence[str] = ()
) -> AxesImage:
    """Weights or their change (784, units) as images of the pixels, white where they are 0."""
    chosen = weights[:, order]
    return show_tiles(axes, chosen.T, columns, captions, **weight_look(chosen))


# --- figures ----------------------------------------------------------------------------------


def draw_report(run: Run) -> Figure:
    result = run.evaluation
    finds = result.true_positives + result.false_positives
    right = f", {result.precision:.0%} of the finds right" if finds else ""
    figure = start_figure(
        run,
        f"Recognising the handwritten {run.digit}: {result.recall:.0%} of the {run.digit}s found"
        f"{right}; accuracy {result.accuracy:.1%}, where {run.baseline}",
        13.33,
        7.5,  # inches: a 16:9 slide
    )
    panels = figure.subplots(2, 3)
    plot_accuracy(panels[0, 0], run)
    plot_confusion(panels[0, 1], run)
    plot_precision_recall(panels[0, 2], run)
    plot_false_alarms(panels[1, 0], run)
    panels[1, 0].set_title("False alarms by digit, 95% intervals")
    plot_misses(panels[1, 1], run, shown=20, columns=5)
    order, output_weights = units_in_order(run.network, shown=16)
    captions = [signed(value) for value in output_weights]
    plot_units(panels[1, 2], learnt_change(run), order, 4, captions)
    panels[1, 2].set_title("What hidden units learnt (red +, blue -)")
    return figure


def draw_learning_curves(run: Run) -> Figure:
    history, result = run.metrics["history"], run.evaluation
    figure = start_figure(
        run,
        f"Loss: {history[0]['loss']:.4f} in the first epoch, {history[-1]['loss']:.4f} in epoch "
        f"{len(history)}; accuracy on the test images: {result.accuracy:.1%}, where {run.baseline}",
        8.5,
        3.6,
    )
    loss, shares = figure.subplots(1, 2)
    plot_loss(loss, run)
    plot_accuracy(shares, run)
    return figure


def draw_confusion_matrix(run: Run) -> Figure:
    result = run.evaluation
    finding = (
        f"{result.true_positives:,} of {result.positives:,} {run.digit}s are found, "
        f"{result.false_positives:,} of {result.negatives:,} others are taken for one: "
        f"accuracy {result.accuracy:.1%}, where {run.baseline}"
    )
    figure = start_figure(run, finding, 5.6, 4.2)
    plot_confusion(figure.subplots(), run)
    return figure


def draw_threshold_curves(run: Run) -> Figure:
    result = run.evaluation
    finding = (
        f"In {result.roc_auc:.1%} of pairs the {run.digit} scores above the other digit; "
        f"at threshold {result.threshold:g}, {result.recall:.1%} of the {run.digit}s are found"
    )
    figure = start_figure(run, finding, 8.5, 4.6)
    roc, precision_recall = figure.subplots(1, 2)
    plot_roc(roc, run)
    plot_precision_recall(precision_recall, run)
    return figure


def draw_score_distribution(run: Run) -> Figure:
    sure_no = np.mean(run.probabilities[~run.is_digit] < SURE)
    sure_yes = np.mean(run.probabilities[run.is_digit] > 1 - SURE)
    finding = (
        f"{sure_no:.0%} of the other digits score below {SURE:g}, {sure_yes:.0%} of the "
        f"{run.digit}s above {1 - SURE:g}"
    )
    figure = start_figure(run, finding, 7, 5)
    plot_scores(*figure.subplots(2, 1), run)
    return figure


def draw_false_alarms(run: Run) -> Figure:
    rates = false_alarms(run)
    worst = max(rates, key=lambda other: rates[other].share)
    if run.evaluation.false_positives:
        finding = (
            f"Most often taken for the {run.digit} is the {worst}: {rates[worst].errors} of "
            f"{rates[worst].total:,} (95% Wilson intervals)"
        )
    else:
        finding = f"No other digit is taken for the {run.digit} (95% Wilson intervals)"
    figure = start_figure(run, finding, 7, 3.8)
    axes = figure.subplots()
    plot_false_alarms(axes, run)
    axes.set_ylabel("false-alarm rate")
    return figure


def draw_mistakes(run: Run) -> Figure:
    result = run.evaluation
    finding = (
        f"{result.false_negatives:,} of {result.positives:,} {run.digit}s are missed, "
        f"{result.false_positives:,} of {result.negatives:,} others taken for one: the most "
        "confident mistakes first, each with its score"
    )
    columns = 8
    rows = [
        max(1, math.ceil(min(wrong, MISTAKES_EACH) / columns))
        for wrong in (result.false_negatives, result.false_positives)
    ]
    figure = start_figure(run, finding, 6.5, 1.4 + 0.95 * sum(rows))
    above, below = figure.subplots(2, 1, height_ratios=rows)
    plot_misses(above, run, MISTAKES_EACH, columns)
    plot_alarms(below, run, MISTAKES_EACH, columns)
    return figure


def draw_hidden_units(run: Run) -> Figure:
    order, output_weights = units_in_order(run.network)
    weights, change = run.network.weights[0], learnt_change(run)
    moved = np.linalg.norm(change) / np.linalg.norm(weights - change)
    units = weights.shape[1]
    look = "still look random" if moved < STILL_RANDOM else "are no longer random"
    finding = (
        f"Training changed the weights of the {units} hidden units by {moved:.0%} of their random "
        f"start: they {look} (left); what they learnt is the change (right)"
    )
    columns = min(8, len(order))
    rows = math.ceil(len(order) / columns)
    captions = [signed(value) for value in output_weights]
    figure = start_figure(run, finding, 11.5, 1.7 + 0.72 * rows)
    titles = (
        "Weights; below each, the unit's output weight: from most for to most against the "
        f"{run.digit}",
        "What training added to them",
    )
    for axes, values, title in zip(figure.subplots(1, 2), (weights, change), titles, strict=True):
        image = plot_units(axes, values, order, columns, captions)
        axes.set_title(title)
        reach = image.norm.vmax
        bar = figure.colorbar(
            image, ax=axes, location="bottom", shrink=0.5, aspect=40, ticks=(-reach, 0, reach)
        )
        bar.ax.set_xticklabels([f"{-reach:.2g}", "0", f"{reach:+.2g}"])
        bar.set_label("ink here lowers the unit (blue) or raises it (red)")
    return figure


def draw_samples(run: Run) -> Figure:
    train = run.dataset.train
    counts = np.bincount(train.digits, minlength=DIGITS)
    finding = (
        f"{counts[run.digit]:,} of {len(train.digits):,} training images show the {run.digit} "
        f"({counts[run.digit] / len(train.digits):.1%}); the first {EXAMPLES_EACH} of each digit"
    )
    figure = start_figure(run, finding, 6, 5.2)
    axes = figure.subplots()
    sheet = np.full((DIGITS, EXAMPLES_EACH, PIXELS), np.nan)
    for digit in range(DIGITS):
        first = train.images[train.digits == digit][:EXAMPLES_EACH]
        sheet[digit, : len(first)] = first
    show_tiles(axes, sheet.reshape(-1, PIXELS), EXAMPLES_EACH, **INK_LOOK)
    pitch = IMAGE_SIDE + TILE_GAP
    for digit in range(DIGITS):
        middle = digit * pitch + IMAGE_SIDE / 2
        weight = "bold" if digit == run.digit else "normal"
        axes.text(
            -8,
            middle,
            f"{digit}  ({counts[digit]:,})",
            horizontalalignment="right",
            verticalalignment="center",
            fontweight=weight,
        )
    axes.axhspan(
        run.digit * pitch - 2,
        run.digit * pitch + IMAGE_SIDE + 1,
        facecolor="none",
        edgecolor=DIGIT_COLOUR,
        linewidth=2,
        clip_on=False,
    )
    return figure


def draw_error_analysis(run: Run) -> Figure:
    """The lab sheet's claims: error rates of the affected images and the others, and examples."""
    claims = examine_claims(run.digit, run.dataset.train, run.dataset.test, run.answers)
    verdicts = [claim.verdict for claim in claims]
    finding = (
        f"Claims about where the network errs: on {run.evaluation.total:,} test images "
        f"{verdicts.count('held')} held, {verdicts.count('not_held')} did not, "
        f"{verdicts.count('too_few')} had too few images to tell"
    )
    figure = start_figure(run, finding, 9, 1.3 + 0.85 * len(claims))
    grid = figure.add_gridspec(len(claims), 2, width_ratios=(3, 2.4))
    plot_claims(figure.add_subplot(grid[:, 0]), claims, run.digit)
    for place, claim in enumerate(claims):
        strip = figure.add_subplot(grid[place, 1])
        shown = run.dataset.test.images[list(claim.wrong[:CLAIM_EXAMPLES])]
        show_tiles(strip, shown, CLAIM_EXAMPLES, **INK_LOOK)
        strip.set_anchor("W")
        if not place:
            strip.set_title("Affected and got wrong: the first of them")
    return figure


FIGURES: dict[str, Callable[[Run], Figure]] = {
    "report.png": draw_report,
    "learning_curves.png": draw_learning_curves,
    "confusion_matrix.png": draw_confusion_matrix,
    "threshold_curves.png": draw_threshold_curves,
    "score_distribution.png": draw_score_distribution,
    "false_alarms.png": draw_false_alarms,
    "mistakes.png": draw_mistakes,
    "error_analysis.png": draw_error_analysis,
    "hidden_units.png": draw_hidden_units,
    "samples.png": draw_samples,
}


# --- the film ---------------------------------------------------------------------------------


def write_film(run: Run, output_dir: Path) -> None:
    """Write the GIF of the first layer's weights and the loss, epoch by epoch."""
    weights, losses = read_history(run, output_dir)
    order, _ = units_in_order(run.network)
    columns = math.ceil(math.sqrt(len(order)))
    change = weights - weights[0]
    figure = start_figure(run, f"What the hidden units learn of the {run.digit}", 11, 4.4)
    as_they_are, added, loss = figure.subplots(1, 3)
    now = plot_units(as_they_are, weights[-1], order, columns)
    since = plot_units(added, change[-1], order, columns)
    added.set_title("What training added: red +, blue -")
    plot_loss(loss, run)
    for line in loss.lines:
        line.set(color="lightgrey", marker="")
    (so_far,) = loss.plot([], [], "o-", color=OTHERS_COLOUR)

    writer = PillowWriter(fps=FRAMES_PER_SECOND)
    with tempfile.TemporaryDirectory() as directory:
        film = Path(directory) / FILM_FILE
        with writer.saving(figure, film, FILM_DPI):
            for epoch in range(len(weights)):
                now.set_data(tile(weights[epoch][:, order].T, columns))
                since.set_data(tile(change[epoch][:, order].T, columns))
                as_they_are.set_title(f"Weights after epoch {epoch}")
                so_far.set_data(np.arange(1, epoch + 1), losses[:epoch])
                for _ in range(LAST_FRAME_REPEATS if epoch == len(losses) else 1):
                    writer.grab_frame()
        with atomic_write(output_dir / FILM_FILE) as file:
            file.write(film.read_bytes())
    print(f"Written: {output_dir / FILM_FILE}")


# --- your own handwriting: pictures -----------------------------------------------------------

THRESHOLD = 0.5  # the lab sheet's: from this score up, the answer is yes
CAPTIONED = (IMAGE_SIDE + CAPTION_BAND) / (IMAGE_SIDE + TILE_GAP)  # height by width of such a tile
# Okabe and Ito's vermilion and blue; who sees no colours tells them by the dashes.
YES_BOX = {"color": "#D55E00", "linewidth": 2.2}
NO_BOX = {"color": OTHERS_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
FRAME_COLOUR = "#AAAAAA"
PICTURE_INCHES = 5.0  # the longer side of a picture with its digits beside it
PAGE_INCHES = 9.5  # the width of a wide one, which has them below
WIDE, FEW = 1.5, 4  # that is wider than 1.5 times its height, or than high with over 4 digits
TILE_INCHES = 0.93  # a digit as the network sees it
SINGLE_TILE_INCHES = 3.0  # ... where there is only one
MOST_TILES = 60  # digits beyond these keep their box and their line on the screen


def try_own_handwriting(options: argparse.Namespace) -> int:
    """Do what --image or --draw asks; of the run, that takes the model alone."""
    network = load_network(options.output_dir)
    output_dir = writable_directory(options.output_dir, ())
    if options.draw:
        open_pad(network, output_dir)
    else:
        recognise_pictures(network, options.image, output_dir)
    return EXIT_DONE


def recognise_pictures(network: NeuralNetwork, paths: Sequence[Path], output_dir: Path) -> None:
    """Say what the network takes each digit in each picture for, and draw it."""
    taken: set[Path] = set()
    for path in paths:
        picture = read_picture(path)
        found = find_digits(picture)
        if not found:
            raise UserError(
                f"{path}: no ink found that could be a digit; write larger, or darker on an "
                "even background"
            )
        scores = score_digits(network, found)
        for number, score in enumerate(scores, start=1):
            answer = f"{decision(network, score)} (score {score:.3f})"
            print(f"{path}: digit {number} of {len(found)}: {answer}")
        figure_path = unused_path(output_dir / f"{path.stem}_recognised.png", taken.__contains__)
        taken.add(figure_path)
        save_figure(draw_recognised(network, picture, found, scores), figure_path)
        print(f"Written: {figure_path}")


def score_digits(network: NeuralNetwork, found: Sequence[FoundDigit]) -> np.ndarray:
    """The network's probability of a yes for each digit found, (n,)."""
    images = np.array([digit.image for digit in found], np.float32)
    return network.predict_proba(images.reshape(-1, PIXELS))


def decision(network: NeuralNetwork, score: float) -> str:
    digit = network.metadata.get("digit", 8)
    return str(digit) if score >= THRESHOLD else f"not {digit}"


def unused_path(path: Path, is_used: Callable[[Path], bool]) -> Path:
    """The path itself, or else with _2, _3 and so on before its suffix."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return next(other for other in chain([path], others) if not is_used(other))


def draw_recognised(
    network: NeuralNetwork, picture: np.ndarray, found: Sequence[FoundDigit], scores: np.ndarray
) -> Figure:
    """The picture with its digits boxed, and what the network saw of each, with its score."""
    height, width = picture.shape[:2]
    shown = min(len(found), MOST_TILES)
    tile = TILE_INCHES if len(found) > 1 else SINGLE_TILE_INCHES
    if width > height * (WIDE if len(found) <= FEW else 1):
        columns = min(shown, int(PAGE_INCHES / tile))
        sizes = PAGE_INCHES * height / width, math.ceil(shown / columns) * tile * CAPTIONED
        size, grid = (PAGE_INCHES, sum(sizes)), {"nrows": 2, "height_ratios": sizes}
    else:
        columns = math.ceil(math.sqrt(shown / 1.5))
        inches = PICTURE_INCHES / max(height, width)
        sizes = width * inches, columns * tile
        rows_inches = math.ceil(shown / columns) * tile * CAPTIONED
        size = sum(sizes) + 0.3, max(height * inches, rows_inches)
        grid = {"ncols": 2, "width_ratios": sizes}
    figure = Figure((size[0], size[1] + 0.9), DPI, layout="constrained")
    picture_axes, tiles_axes = figure.subplots(**grid)
    figure.suptitle(
        picture_title(network, scores), x=0.01, ha="left", fontsize=11, fontweight="bold"
    )
    show_boxes(picture_axes, picture, found, scores)
    captions = [
        f"{number}: {decision(network, score)}\n{score:.3f}"
        for number, score in enumerate(scores[:shown], start=1)
    ]
    images = np.array([digit.image for digit in found[:shown]])
    show_tiles(tiles_axes, images, columns, captions, cmap="gray_r", vmin=0, vmax=1)
    if len(found) == 1:
        tiles_axes.texts[0].set_fontsize(11)
    for place in range(shown):
        row, column = divmod(place, columns)
        corner = column * (IMAGE_SIDE + TILE_GAP) - 0.5, row * (IMAGE_SIDE + CAPTION_BAND) - 0.5
        frame = Rectangle(corner, IMAGE_SIDE, IMAGE_SIDE, fill=False, color=FRAME_COLOUR)
        frame.set(linewidth=0.6, clip_on=False)
        tiles_axes.add_patch(frame)
    tiles_axes.set_title("what the network saw, and its score", loc="left", fontsize=9)
    return figure


def picture_title(network: NeuralNetwork, scores: np.ndarray) -> str:
    """What was found, in a line; a second one where the network never saw MNIST."""
    digit = network.metadata.get("digit", 8)
    yes = int(np.sum(scores >= THRESHOLD))
    if len(scores) == 1:
        title = f"The network takes this for {'an' if digit == 8 else 'a'} {digit}"
        title = title if yes else title.replace(" takes this for ", " does not take this for ")
    else:
        title = f"{len(scores)} digits found; the network takes {yes or 'none'} of them for {digit}"
    if network.metadata.get("dataset") == "sample":
        title += "\n(it learnt from the bundled sample, not from MNIST)"
    return title


def show_boxes(
    axes: Axes, picture: np.ndarray, found: Sequence[FoundDigit], scores: np.ndarray
) -> None:
    """The picture, its digits boxed and numbered: solid boxes where the answer is yes."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=FULL_INK)
    for number, (digit, score) in enumerate(zip(found, scores, strict=True), start=1):
        style = YES_BOX if score >= THRESHOLD else NO_BOX
        left, top, right, bottom = digit.box
        corner = left - 0.5, top - 0.5  # imshow's pixels lie around whole numbers
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, **style))
        axes.annotate(
            f"{number}",
            corner,
            xytext=(0, 2),
            textcoords="offset points",
            va="bottom",
            fontsize=8,
            color="white",
            bbox={"boxstyle": "square,pad=0.15", "color": style["color"]},
        )
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.set_title("the picture (solid box: yes, dashed: no)", loc="left", fontsize=9)


# --- your own handwriting: the pad ------------------------------------------------------------

PAD_SIDE = 280  # pixels of the drawing: ten for each of MNIST's
PEN_WIDTH = 20  # of these pixels; two of MNIST's, a stroke of usual thickness there
MOST_VERDICTS = 5  # that fit into the line above the pad
PAD_HINT = "draw with the left button    c clears    s saves    q closes"


class DrawingPad:
    """A figure to draw on with the mouse, which says what the network takes the drawing for.

    Parameters
    ----------
    figure
        Empty; with a canvas that hands out events, on a screen or not.
    network
        What recognises; its input is MNIST's 784 pixels.
    output_dir
        Where the drawing goes when it is saved: dark on white, `drawing.png`, `drawing_2.png` ...

    Attributes
    ----------
    drawing : uint8 (PAD_SIDE, PAD_SIDE), 255 paper to 0 ink; what --image would read
    found, scores : what `find_digits` makes of it, and the network's score of each
    verdict : what the pad says
    """

    def __init__(self, figure: Figure, network: NeuralNetwork, output_dir: Path):
        self.network, self.output_dir = network, output_dir
        self._canvas = figure.canvas
        self._pen: tuple[float, float] | None = None  # where the stroke has got to, if down
        self._background: Any = None  # all that stays, copied from the screen

        figure.set_facecolor("#E4E4E4")  # so that the paper's edges are seen
        self.axes, seen_axes = figure.subplots(1, 2, width_ratios=(2, 1))
        figure.subplots_adjust(0.03, 0.08, 0.97, 0.84, wspace=0.06)
        figure.text(0.03, 0.025, PAD_HINT, color="#444444")
        title = "Draw a digit" + (
            " (the network learnt from the bundled sample, not from MNIST)"
            if network.metadata.get("dataset") == "sample"
            else ""
        )
        figure.text(0.03, 0.95, title, fontsize=9, color="#444444", va="center")
        seen_axes.set_title("what the network sees (of several, the likeliest)", fontsize=8)
        for axes in (self.axes, seen_axes):
            axes.set_axis_off()
        look = {"vmin": 0, "animated": True, "interpolation": "nearest"}
        self._image = self.axes.imshow(
            np.full((PAD_SIDE, PAD_SIDE), FULL_INK), cmap="gray", vmax=FULL_INK, **look
        )
        self._seen = seen_axes.imshow(
            np.zeros((IMAGE_SIDE, IMAGE_SIDE)), cmap="gray_r", vmax=1, **look
        )
        self._verdict = figure.text(
            0.03, 0.89, "", fontsize=13, fontweight="bold", va="center", animated=True
        )
        self._moving = self._image, self._seen, self._verdict
        for name, handle in (
            ("button_press_event", self._press),
            ("motion_notify_event", self._move),
            ("button_release_event", self._release),
            ("key_press_event", self._key),
            ("draw_event", self._redraw),
        ):
            self._canvas.mpl_connect(name, handle)
        self.clear()

    def clear(self) -> None:
        self.drawing = np.full((PAD_SIDE, PAD_SIDE), FULL_INK, np.uint8)
        self._pen = None
        self._recognise()

    def save(self) -> None:
        """Write the drawing under a name that no file has; the pad says which, or what failed."""
        from PIL import Image

        if not self.found:
            return self._say("Nothing to save: there is no digit yet")
        path = unused_path(self.output_dir / "drawing.png", Path.exists)
        try:
            with atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            return self._say(str(error))
        print(f"Written: {path}")
        return self._say(f"Saved as {path.name}")

    def _press(self, event: MouseEvent) -> None:
        if event.button == MouseButton.LEFT and event.inaxes is self.axes:
            self._pen = self._place(event)
            self._draw_to(self._pen)

    def _move(self, event: MouseEvent) -> None:
        if self._pen is not None:
            self._draw_to(self._place(event))

    def _release(self, event: MouseEvent) -> None:
        if event.button == MouseButton.LEFT:
            self._pen = None

    def _key(self, event: KeyEvent) -> None:
        if event.key == "c":
            self.clear()
        elif event.key == "s":
            self.save()
        elif event.key == "q":
            self._canvas.manager.destroy()

    def _place(self, event: MouseEvent) -> tuple[float, float]:
        """Where the mouse is in the drawing's pixels, beyond the pad's edges too."""
        return tuple(self.axes.transData.inverted().transform((event.x, event.y)))

    def _draw_to(self, place: tuple[float, float]) -> None:
        """A stroke with round ends from the pen to a place; from a place to itself, a dot."""
        from PIL import Image, ImageDraw

        image = Image.fromarray(self.drawing)
        pen = ImageDraw.Draw(image)
        pen.line((self._pen, place), fill=0, width=PEN_WIDTH)
        for x, y in (self._pen, place):
            radius = PEN_WIDTH / 2
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        self.drawing = np.array(image)
        self._pen = place
        self._recognise()

    def _recognise(self) -> None:
        """Let the drawing go the way that a picture of it would go."""
        self.found = find_digits(self.drawing)
        self.scores = score_digits(self.network, self.found)
        self._image.set_data(self.drawing)
        seen = self.found[self.scores.argmax()].image if self.found else np.zeros(PIXELS)
        self._seen.set_data(seen.reshape(IMAGE_SIDE, IMAGE_SIDE))
        verdicts = [f"{decision(self.network, s)} ({s:.2f})" for s in self.scores[:MOST_VERDICTS]]
        more = " ..." if len(self.scores) > MOST_VERDICTS else ""
        self._say("    ".join(verdicts) + more)

    def _say(self, verdict: str) -> None:
        self.verdict = verdict
        self._verdict.set_text(verdict)
        self._refresh()

    def _redraw(self, _: Event) -> None:
        """All is being drawn anew, as when the window opens or changes size: keep what stays."""
        self._background = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        for artist in self._moving:
            self._canvas.figure.draw_artist(artist)

    def _refresh(self) -> None:
        """Draw what moves over the kept rest, which is quick enough to follow the mouse."""
        if self._background is None:
            return
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            self._canvas.figure.draw_artist(artist)
        self._canvas.blit(self._canvas.figure.bbox)


def open_pad(network: NeuralNetwork, output_dir: Path) -> None:
    """Show the pad in a window until it is closed; UserError where there is no screen."""
    import matplotlib.pyplot as plt  # looks for a screen when it is imported, so not before

    try:
        with plt.rc_context({"toolbar": "None"}):  # its zoom and pan would take the mouse
            figure = plt.figure("Does it know your digit?", figsize=(8, 6))
        has_screen = figure.canvas.required_interactive_framework is not None
    except Exception:  # each window system has its own way to say that there is no screen
        has_screen = False
    if not has_screen:
        raise UserError("--draw needs a screen to open a window on; try --image with a picture")
    figure.canvas.mpl_disconnect(figure.canvas.manager.key_press_handler_id)  # s, c, q are ours
    figure.pad = DrawingPad(figure, network, output_dir)  # events alone would not keep it alive
    plt.show()


if __name__ == "__main__":
    run_script(main)
