"""Draw what a training run learnt, and let its network look at your own handwriting.

    python visualize_results.py              the figures of the last run
    python visualize_results.py --figures report mistakes --format pdf     some of them, for a paper
    python visualize_results.py --animate    a film of the hidden units while they learn
    python visualize_results.py --image my_digit.png     your own handwriting
    python visualize_results.py --draw                   the same, drawn with the mouse
    python visualize_results.py --help       everything that can be changed

Reads a run's model.npz in sample_outputs/ (or --output-dir) and the images that it is about, and
writes pictures there. A figure is a few panels under a title that says what there is to see.
"""

from __future__ import annotations

import argparse
import math
import sys
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import partial, reduce
from itertools import chain, count, product
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter
from matplotlib.widgets import Button
from PIL import Image, ImageDraw

import mnist_loader
import train_network
import utils
from mnist_loader import DIGITS, FULL_INK, IMAGE_SIDE, PIXELS, PictureError, augment, find_digits
from neural_network import ModelError, NeuralNetwork
from train_network import FIGURES, MODEL_FILE, OUTPUT_DIR, Run, dataset_name
from utils import EXIT_BAD_INPUT, Language, RunLog, UserError, atomic_write, said

# --- how every figure looks -------------------------------------------------------------------

WIDTH, DPI = 8.4, 160  # inches: shown 840 pixels wide, an inch has 100, and 9 points are 12 high
# Okabe and Ito's colours, told apart by colour-blind readers and, light against dark, in grey.
OTHERS_COLOUR = "#0072B2"  # blue: the other digits, the answer "no"
DIGIT_COLOUR = "#E69F00"  # orange: the digit to recognise
DIGIT_LINE_COLOUR = "#D55E00"  # vermilion: the same, dark enough for lines and letters
FIRST_LINE = {"color": OTHERS_COLOUR, "marker": "o"}
SECOND_LINE = {"color": DIGIT_LINE_COLOUR, "marker": "s", "linestyle": ":"}
BASELINE = {"color": "#555555", "linestyle": "--", "linewidth": 1}
INK_LOOK = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest"}  # ink is dark
EFFECT_LOOK = INK_LOOK | {"cmap": "RdBu_r", "vmin": -1}  # red for, blue against, white nothing
PAPER_LOOK = {"cmap": "gray", "vmin": 0, "vmax": FULL_INK}
VERDICT_LOOKS = {
    **dict.fromkeys((utils.CONFIRMED, train_network.BETTER), (DIGIT_LINE_COLOUR, "s")),
    **dict.fromkeys((utils.REFUTED, train_network.WORSE), (OTHERS_COLOUR, "o")),
    **dict.fromkeys((utils.INCONCLUSIVE, train_network.NO_EFFECT), (BASELINE["color"], "D")),
}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "legend.edgecolor": "none",
    "legend.labelcolor": "linecolor",
    "lines.markersize": 4,
}
SMALL_TEXT = 8  # points
TITLE_CHARACTERS, FOOTER_CHARACTERS = 84, 125  # that fit into a line of a figure
TITLE_AND_FOOTER = 0.9  # inches
TILE_ROOM, CAPTION_ROOM = 0.9, 0.26  # of a tile's width: its image, and the text below it
MISTAKE_ROWS, MISTAKE_COLUMNS = 2, 8  # of misses, and of false alarms
UNITS_EACH, UNIT_COLUMNS = 16, 4  # hidden units most for the digit, and most against it
CLAIM_EXAMPLES, SAMPLES_EACH, COPIES_SHOWN = 5, 16, 3
SCORE_BINS = np.linspace(0, 1, 21)  # the usual threshold, 0.5, is an edge
RATE = said("{rate.share:.2%} ({rate.count:,} of {rate.total:,})")
STUDY_FIGURE, FILM_FILE = "study", "hidden_units.gif"
FILM_DPI, FRAME_MS, LAST_FRAME_MS = 100, 333, 2000  # it rests on its end before it starts again
Say = Callable[..., str]  # a Language, or one that knows the facts of a run


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    if options.figures and (options.animate or options.image or options.draw):
        raise UserError("--figures has no meaning with --animate, --image or --draw; leave it out")
    directory = options.output_dir or OUTPUT_DIR
    with plt.rc_context(STYLE):
        if options.image or options.draw:
            return look_at_handwriting(options, directory)
        run = read_run(directory, options.data_dir)
        log = RunLog(options.lang or run.settings.lang)
        if options.animate:
            write_film(run, log, utils.writable_directory(directory, [FILM_FILE]) / FILM_FILE)
        else:
            write_figures(run, log, options, directory)
    return 0


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser("Draw what the last run of train_network.py learnt.")
    add, whose = parser.add_argument, "of the run; None: sample_outputs/, or for --image and --draw"
    add("--data-dir", type=Path, metavar="DIR", help="of MNIST; None: $MNIST_DATA_DIR, or data/")
    add("--output-dir", type=Path, metavar="DIR", help=f"{whose} its best/ where there is one")
    names = (*FIGURES, STUDY_FIGURE)
    add("--figures", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    add("--format", choices=("png", "svg", "pdf"), default="png", help="of the figures")
    add("--lang", choices=utils.LANGUAGES, help="language of what is said; None: the run's")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--show", action="store_true", help="open a window for each figure too")
    task.add_argument("--animate", action="store_true", help=f"write {FILM_FILE} instead")
    task.add_argument("--image", type=Path, nargs="+", metavar="FILE", help="recognise pictures")
    task.add_argument("--draw", action="store_true", help="open a pad to draw digits on")
    return parser


# --- reading a run, writing and showing -------------------------------------------------------


def read_run(directory: Path, data_dir: Path | None) -> Run:
    """The finished run in a directory; UserError where its test images leave nothing to draw."""
    run = train_network.load_run(directory / MODEL_FILE, data_dir)
    if not run.evaluation.positives or not run.evaluation.negatives:
        line = f"the run's test images do not show both the {run.settings.digit} and other digits"
        raise UserError(f"{line}; take more with train_network.py --test-size")
    return run


def write_figures(run: Run, log: RunLog, options: argparse.Namespace, directory: Path) -> None:
    """The figures asked for, or all; of the study, where there is a finished one."""
    has_study = (directory / train_network.STUDY_LOG_FILE).exists()
    names = options.figures or [*FIGURES, *([STUDY_FIGURE] if has_study else [])]
    utils.writable_directory(directory, [f"{name}.{options.format}" for name in names])
    figures = {}
    for name in names:
        if name == STUDY_FIGURE:
            figure = draw_study(directory / train_network.STUDY_FILE, log.text)
        elif name == "error_analysis":
            sizes = run.settings.train_size, None  # all test images: the errors are few
            data = train_network.load_data(run.dataset.name, options.data_dir, *sizes)
            figure = draw_figure(name, Run(run.network, data), log.text)
        else:
            figure = draw_figure(name, run, log.text)
        path = directory / f"{name}.{options.format}"
        save_figure(figure, path)
        log.remark("Written: {path}", path=path)
        figures[name] = figure
    if options.show:
        for name, figure in figures.items():
            window = open_window(name, figure.get_size_inches())
            window.add_axes((0, 0, 1, 1), frameon=False).imshow(picture_of(figure).convert("RGB"))
        plt.show()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its name's ending; a PNG of the same has the same bytes."""
    with atomic_write(path) as file:
        if path.suffix == ".png":
            picture_of(figure).save(file, "PNG", dpi=(DPI, DPI))
        else:
            figure.savefig(file, format=path.suffix[1:])


def picture_of(figure: Figure) -> Image.Image:
    """The figure drawn, in 256 colours: they are enough, and a third of the bytes."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return picture.quantize(dither=Image.Dither.NONE)


def open_window(title: str, size: Sequence[float]) -> Figure:
    """An empty figure in a window; UserError where there is no screen."""
    with suppress(Exception):  # each window system has its own way to say that
        figure = plt.figure(title, size)
        if figure.canvas.required_interactive_framework:
            return figure
    raise UserError("no screen to open a window on; use neither --show nor --draw, but --image")


def start_figure(title: str, footer: str, height: float) -> Figure:
    """An empty figure with a title on top and a footer below; inches for what is between."""
    figure = Figure((WIDTH, height + TITLE_AND_FOOTER), DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.07)
    lines = (textwrap.fill(line, TITLE_CHARACTERS) for line in title.splitlines())
    figure.suptitle("\n".join(lines), x=0.01, ha="left")
    look = {"fontsize": SMALL_TEXT, "color": BASELINE["color"]}
    figure.supxlabel(textwrap.fill(footer, FOOTER_CHARACTERS), x=0.01, ha="left", **look)
    return figure


def facts(run: Run, text: Say) -> dict[str, Any]:
    """What a line may say of a run, by name."""
    result = run.evaluation
    start = np.linalg.norm(train_network.fresh_network(run.settings).weights[0])
    return {
        **vars(run.settings),
        **asdict(result),
        "claims": len(run.claims),
        "confirmed": sum(claim.verdict == utils.CONFIRMED for claim in run.claims),
        "usual": text(result.usual_answer),
        "alarm_rate": result.alarm_rate,
        "own_share": result.own_share,
        "dataset": dataset_name(run.dataset.name, text),
        "layers": "-".join(map(str, run.network.layer_sizes)),
        "n": len(run.history),
        "own": utils.Rate.of(run.dataset.train.digits == run.settings.digit),
        "change": np.linalg.norm(learnt_change(run)) / start if start else math.nan,
    }


# --- panels: each draws one thing on axes that a figure gives it ------------------------------


def plot_loss(axes: Axes, run: Run, text: Say) -> None:
    plot_history(axes, run, "loss", text("training images, during the epoch"), FIRST_LINE)
    plot_history(axes, run, "test_loss", text("test images, after it"), SECOND_LINE)
    axes.set(title=text("Loss: mean squared error"), xlabel=text("epoch"))
    axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    axes.legend()


def plot_shares(axes: Axes, run: Run, text: Say) -> None:
    """Test accuracy and recall by epoch, beside the accuracy of the commoner answer alone."""
    plot_history(axes, run, "test_accuracy", text("accuracy {accuracy:.2%}"), FIRST_LINE)
    label = text('always "{usual}": {majority_share:.2%}')
    axes.axhline(run.evaluation.majority_share, label=label, **BASELINE)
    label = text("recall (of the {digit}s found) {recall:.2%}")
    plot_history(axes, run, "test_recall", label, SECOND_LINE)
    axes.set(title=text("Test images answered rightly"), xlabel=text("epoch"), ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(fontsize=SMALL_TEXT, borderaxespad=1.5)  # off the lines at 0 and 1


def plot_history(axes: Axes, run: Run, name: str, label: str, look: dict[str, Any]) -> None:
    """A value of the history by epoch; None, which is no number, is not drawn."""
    rows = np.array([(row["epoch"], row[name]) for row in run.history], float)
    axes.plot(*rows.T, clip_on=False, label=label, **look)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def plot_confusion(axes: Axes, run: Run, text: Say) -> None:
    """The four counts, each with its share of the row, which is also its shade."""
    r = run.evaluation
    cells = r.true_positives, r.false_negatives, r.false_positives, r.true_negatives
    shares = np.reshape(cells, (2, 2)) / [[r.positives], [r.negatives]]
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    whole = said("{share:.2%}\nof the {digit}s"), said("{share:.2%}\nof the others")
    for images, ((row, column), share) in zip(cells, np.ndenumerate(shares), strict=True):
        look = {"ha": "center", "color": "white" if share > 0.6 else "black"}
        axes.text(column, row, text("{images:,}", images=images), va="bottom", fontsize=16, **look)
        axes.text(column, row + 0.06, text(whole[row], share=share), va="top", **look)
    axes.set_xticks([0, 1], [text('answered "{digit}"'), text("answered no")])
    axes.set_yticks([0, 1], [text("{digit}s\n({positives:,})"), text("others\n({negatives:,})")])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(text("Answers at threshold {threshold:g}"))


def curve_counts(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives from each threshold that makes a difference, from none to all."""
    own, others = (np.sort(run.probabilities[run.is_digit == own]) for own in (True, False))
    thresholds = np.append(np.inf, np.unique(run.probabilities)[::-1])
    return tuple(len(scores) - np.searchsorted(scores, thresholds) for scores in (own, others))


def plot_roc(axes: Axes, run: Run, text: Say) -> None:
    result, (true, false) = run.evaluation, curve_counts(run)
    axes.plot(false / result.negatives, true / result.positives, color=OTHERS_COLOUR)
    axes.plot([0, 1], [0, 1], label=text("guessing"), **BASELINE)
    label = text("threshold {threshold:g}:\n{alarm_rate:.2%} false alarms,\nrecall {recall:.2%}")
    mark_threshold(axes, result.alarm_rate, result.recall, label)
    axes.set_title(text("ROC: area under the curve (AUC) {roc_auc:.4f}"))
    axes.set_xlabel(text("others taken for it (false alarms)"))
    axes.set_ylabel(text("{digit}s found (recall)"))


def plot_precision(axes: Axes, run: Run, text: Say) -> None:
    result = run.evaluation
    true, false = (counts[1:] for counts in curve_counts(run))  # with no yes, no precision
    marker = "." if len(true) == 1 else ""  # of a network that scores all alike
    axes.plot(true / result.positives, true / (true + false), color=OTHERS_COLOUR, marker=marker)
    label = text('always "yes": {own_share:.2%}')
    axes.axhline(result.own_share, label=label, **BASELINE)
    label = text("threshold {threshold:g}:\nprecision {precision:.2%},\nrecall {recall:.2%}")
    mark_threshold(axes, result.recall, result.precision, label)
    axes.set_title(text("Precision and recall"))
    axes.set_xlabel(text("{digit}s found (recall)"))
    axes.set_ylabel(text("yes answers that are right (precision)"))


def mark_threshold(axes: Axes, x: float, y: float, label: str) -> None:
    """Mark the run's threshold on a curve (nowhere where that is NaN), and finish the axes."""
    look = {"color": DIGIT_COLOUR, "markeredgecolor": "black", "markersize": 8, "clip_on": False}
    axes.plot(x, y, "o", label=label, zorder=3, **look)
    axes.set(xlim=(-0.01, 1.01), ylim=(0, 1.03))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(labelcolor="black")


def plot_scores(axes: Axes, run: Run, text: Say) -> None:
    """How many images of the digit, and of the others, have which score."""
    own = text('{digit}s: {true_positives:,} answered "{digit}", {false_negatives:,} no')
    others = text('others: {false_positives:,} answered "{digit}", {true_negatives:,} no')
    groups = run.probabilities[run.is_digit], run.probabilities[~run.is_digit]
    axes.hist(groups, SCORE_BINS, label=[own, others], color=[DIGIT_COLOUR, OTHERS_COLOUR])
    axes.axvline(run.settings.threshold, label=text("threshold {threshold:g}"), **BASELINE)
    axes.set(yscale="log", xlim=(0, 1), ylabel=text("images (log)"))
    axes.set_ylim(0.6, 6 * axes.get_ylim()[1])  # room for the legend
    axes.yaxis.set_major_formatter(lambda images, _: text("{images:,}", images=round(images)))
    axes.set_title(text("How many images have which score"))
    axes.set_xlabel(text("score: the network's probability"))
    axes.legend(loc="upper center", ncols=3, labelcolor="black", fontsize=SMALL_TEXT, framealpha=1)


def sheet(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Rows of images, each (n, 784), as one picture; a row may be short, or cut after columns."""
    tiles = np.zeros((len(rows), columns, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for row, images in zip(tiles, rows, strict=True):
        row[: len(images)] = images[:columns].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    return tiles.swapaxes(1, 2).reshape(len(rows) * IMAGE_SIDE, columns * IMAGE_SIDE)


def show_tiles(
    axes: Axes, images: np.ndarray, columns: int, captions: Sequence[str], *looks: dict[str, Any]
) -> None:
    """Draw images (n, 784) in rows, captions beneath them; the looks take turns."""
    rows, high = max(1, math.ceil(len(images) / columns)), 1 / (TILE_ROOM + CAPTION_ROOM)
    axes.set(box_aspect=rows / high / columns, anchor="NW")
    axes.set_axis_off()
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        row, column = divmod(place, columns)
        corner = column / columns, 1 - (row + TILE_ROOM * high) / rows
        inset = axes.inset_axes((*corner, TILE_ROOM / columns, TILE_ROOM * high / rows))
        inset.imshow(image.reshape(IMAGE_SIDE, IMAGE_SIDE), **looks[place % len(looks)])
        inset.set(xticks=[], yticks=[])
        inset.spines[:].set(visible=True, color="#CCCCCC")
        inset.set_xlabel(caption, fontsize=SMALL_TEXT, labelpad=2)


def tiles_height(width: float, n: int, columns: int) -> float:
    """The height of n tiles in rows of this width, both in inches."""
    return width / columns * math.ceil(n / columns) * (TILE_ROOM + CAPTION_ROOM)


def plot_mistakes(
    axes: Axes, run: Run, text: Say, own: bool, title: str, columns: int = MISTAKE_COLUMNS
) -> None:
    """The digits missed (own), or the false alarms: the surest first, what they show, the score."""
    wrong = np.flatnonzero((run.is_digit == own) & (run.answers != own))
    scores = run.probabilities[wrong]
    rows = wrong[np.argsort(scores if own else -scores, kind="stable")][: MISTAKE_ROWS * columns]
    title = text(title, n=len(wrong))
    if len(rows) < len(wrong):
        title += text(", the {shown} surest", shown=len(rows))
    axes.set_title(title)
    digits, scores = run.dataset.test.digits[rows], run.probabilities[rows]
    captions = [f"{digit}: {score:.3f}" for digit, score in zip(digits, scores, strict=True)]
    show_tiles(axes, run.dataset.test.images[rows], columns, captions, INK_LOOK)


def plot_claims(axes: Axes, run: Run, text: Say) -> None:
    """How much more often the affected images are got wrong than the others, by claim."""
    labels = []
    for claim in run.claims:
        lines = textwrap.wrap(text(claim.title, **claim.fields), 32)
        lines.append(text("wrong: {rate}", rate=text(RATE, rate=claim.affected)))
        lines.append(text("of the others: {rate}", rate=text(RATE, rate=claim.rest)))
        labels.append("\n".join(lines))
    plot_differences(axes, run.claims, labels, text)
    axes.set_title(text("Is the network wrong on these more often?"))
    axes.set_xlabel(text("difference in percentage points, 95% intervals"))


def plot_differences(axes: Axes, compared: Sequence[Any], labels: Sequence[str], text: Say) -> None:
    """Differences with their intervals beside a line at zero, in the colours of their verdicts."""
    for verdict, (colour, marker) in VERDICT_LOOKS.items():
        if rows := [row for row, one in enumerate(compared) if one.verdict == verdict]:
            points = 100 * np.array([compared[row].difference for row in rows])
            reach = np.abs(100 * np.array([compared[row].interval for row in rows]).T - points)
            look = {"color": colour, "capsize": 3, "markersize": 6, "label": text(verdict)}
            axes.errorbar(points, rows, xerr=reach, fmt=marker, **look)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_TEXT)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.legend()


def plot_claim_examples(axes: Axes, run: Run, text: Say) -> None:
    """Beside each claim some of the affected images that were got wrong."""
    axes.set_axis_off()
    axes.set_title(text("First mistakes among these"))
    high = 1 / len(run.claims)
    for row, claim in enumerate(run.claims, start=1):
        inset = axes.inset_axes((0, 1 - row * high, 1, high))
        inset.imshow(sheet([run.dataset.test.images[claim.wrong]], CLAIM_EXAMPLES), **INK_LOOK)
        inset.set_axis_off()


def plot_false_alarms(axes: Axes, run: Run, text: Say) -> None:
    """How often each other digit is taken for the digit, most often on top; zero is a dot too."""
    rates = dict(sorted(run.false_alarms().items(), key=lambda item: -item[1].share))
    shares = np.array([rate.share for rate in rates.values()])
    ends = np.array([rate.interval for rate in rates.values()]).T  # (2, others)
    look = {"fmt": "o", "color": OTHERS_COLOUR, "capsize": 3, "clip_on": False}
    axes.errorbar(shares, range(len(rates)), xerr=np.abs(ends - shares), **look)
    axes.axvline(run.evaluation.alarm_rate, **BASELINE)
    labels = [f"{other}:  {text(RATE, rate=rate)}" for other, rate in rates.items()]
    axes.set_yticks(range(len(rates)), labels)
    axes.set(xlim=(0, 1.03 * ends.max()), ylim=(len(rates) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(text("False alarms: how often each other digit is taken for {digit}"))
    axes.set_xlabel(text("share of images, 95% intervals (dashed: all others, {alarm_rate:.2%})"))


def learnt_change(run: Run) -> np.ndarray:
    """What training added to the first layer's weights, (784, n_hidden)."""
    return run.network.weights[0] - train_network.fresh_network(run.settings).weights[0]


def full_colour(run: Run) -> float:
    """The change that is drawn in full colour; the few larger ones look the same."""
    return max(float(np.quantile(np.abs(learnt_change(run)), 0.998)), 1e-6)


def plot_units(
    axes: Axes, run: Run, text: Say, sign: int, title: str, so_far: Run | None = None
) -> None:
    """What training added to the units most for the digit (sign 1) or most against it (-1).

    `so_far` is the run on the way to its end. A unit's output weight is w2's; through further
    layers it is the product of the weights, summed over all paths.
    """
    weights = reduce(np.matmul, run.network.weights[1:])[:, 0]
    units = np.argsort(-sign * weights, kind="stable")[: np.sum(sign * weights > 0)][:UNITS_EACH]
    change = learnt_change(so_far or run)[:, units].T / full_colour(run)
    captions = [f"{weight:+.2f}" for weight in weights[units]]
    show_tiles(axes, change, UNIT_COLUMNS, captions, EFFECT_LOOK)
    axes.set_title(text(title))


def plot_unit_colours(axes: Axes, run: Run, text: Say) -> None:
    reach = full_colour(run)
    colours = np.linspace(-1, 1, 256)[np.newaxis]
    axes.imshow(colours, aspect="auto", extent=(-reach, reach, 0, 1), **EFFECT_LOOK)
    axes.set_xticks([-reach, 0, reach], [f"{-reach:.2f}", "0", f"{reach:+.2f}"])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_xlabel(text("added to the weight: ink there lowers (blue) or raises (red) the unit"))


def plot_samples(axes: Axes, run: Run, text: Say) -> None:
    """The first training images of each digit, a row for each, and how many there are."""
    train, digit = run.dataset.train, run.settings.digit
    by_digit = [train.images[train.digits == n] for n in range(DIGITS)]
    axes.imshow(sheet(by_digit, SAMPLES_EACH), **INK_LOOK)
    labels = [text("{n}  ({images:,})", n=n, images=len(own)) for n, own in enumerate(by_digit)]
    axes.set_yticks(IMAGE_SIDE * (np.arange(DIGITS) + 0.5), labels)
    axes.get_yticklabels()[digit].set_fontweight("bold")
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    edges = digit * IMAGE_SIDE - 0.5, (digit + 1) * IMAGE_SIDE - 0.5
    axes.axhspan(*edges, fill=False, edgecolor=DIGIT_COLOUR, linewidth=2, clip_on=False)


def plot_deformed(axes: Axes, run: Run, text: Say) -> None:
    """One training image of each digit, and below it copies as --augment deforms them."""
    train, rng = run.dataset.train, np.random.default_rng(run.settings.seed)
    first = train.images[np.unique(train.digits, return_index=True)[1]]
    copies = [augment(first, rng) for _ in range(COPIES_SHOWN)]
    axes.imshow(sheet([first, *copies], len(first)), **INK_LOOK)
    axes.axhline(IMAGE_SIDE - 0.5, color=DIGIT_COLOUR, linewidth=2)
    axes.set_title(text("Deformed copies, as --augment makes them anew in each epoch"))
    axes.set_axis_off()


# --- figures: what each says, its rows of panels, and their heights in inches -----------------

missed = partial(plot_mistakes, own=True, title=said("{n} missed {digit}|{n} missed {digit}s"))
alarms = partial(plot_mistakes, own=False, title=said("{n} false alarm|{n} false alarms"))
few_missed, few_alarms = partial(missed, columns=5), partial(alarms, columns=5)
units_for = partial(plot_units, sign=1, title=said("Units for {digit}: output weights"))
units_against = partial(plot_units, sign=-1, title=said("Units against {digit}: output weights"))


def mistakes_heights(run: Run) -> list[float]:
    counts = run.evaluation.false_negatives, run.evaluation.false_positives
    shown = np.minimum(counts, MISTAKE_ROWS * MISTAKE_COLUMNS)
    return [0.3 + tiles_height(WIDTH, n, MISTAKE_COLUMNS) for n in shown]


def units_heights(run: Run) -> list[float]:
    shown = min(len(run.network.biases[0]), UNITS_EACH)
    return [0.3 + tiles_height(WIDTH / 2, shown, UNIT_COLUMNS), 0.15]


PLANS = {
    "report": (
        said(
            "Recognising the handwritten {digit}: {recall:.2%} of the {digit}s found, "
            "{precision:.2%} of the finds right; "
            'accuracy {accuracy:.2%}, where always "{usual}" scores {majority_share:.2%}'
        ),
        [[plot_shares, plot_confusion], [plot_precision, few_missed], [plot_precision, few_alarms]],
        lambda _: (3.1, 2.1, 2.1),
    ),
    "learning_curves": (
        said('Loss {loss:.4f}, accuracy {accuracy:.2%}; always "{usual}": {majority_share:.2%}'),
        [[plot_loss, plot_shares]],
        lambda _: [3.3],
    ),
    "threshold_curves": (
        said("In {roc_auc:.2%} of all pairs the {digit} scores above the other digit"),
        [[plot_roc, plot_precision], [plot_scores] * 2],
        lambda _: (3.6, 2.4),
    ),
    "mistakes": (
        said(
            "{false_negatives:,} of {positives:,} {digit}s are missed, {false_positives:,} of "
            "{negatives:,} others taken for one; surest first, with what it shows and its score"
        ),
        [[missed], [alarms]],
        mistakes_heights,
    ),
    "error_analysis": (
        said("On all {total:,} test images, {confirmed} of {claims} claims about errors confirmed"),
        [[plot_claims, plot_claims, plot_claim_examples], [plot_false_alarms] * 3],
        lambda run: (0.8 * len(run.claims) + 0.7, 2.9),
    ),
    "hidden_units": (
        said("Training changed the hidden units' weights by {change:.2%} of their random start"),
        [[units_for, units_against], [plot_unit_colours] * 2],
        units_heights,
    ),
    "samples": (
        said("{own.count:,} of {own.total:,} training images show the {digit} ({own.share:.2%})"),
        [[plot_samples], [plot_deformed]],
        lambda _: (4.9, 2.4),
    ),
    "film": (
        said("What the hidden units learn of the {digit}"),
        [[units_for, units_against], [plot_unit_colours] * 2, [plot_loss] * 2],
        lambda run: (*units_heights(run), 2.4),
    ),
}


def draw_figure(name: str, run: Run, language: Language) -> Figure:
    """One of PLANS; what readers must not overlook follows its title."""
    title, rows, heights = PLANS[name]
    text = partial(language, **facts(run, language))
    lines = [text(title)]
    if only := run.evaluation.only_answer:
        lines.append(text(train_network.ONE_ANSWER, only=text(only)))
    if run.dataset.name == "sample":
        lines.append(text("(data: the bundled sample, not MNIST)"))
    footer = text("{dataset}: {own.total:,} training and {total:,} test images; network {layers}")
    footer += text("; seed {seed}; {n} epoch|; seed {seed}; {n} epochs")
    figure = start_figure("\n".join(lines), footer, sum(heights(run)))
    for draw, axes in figure.subplot_mosaic(rows, height_ratios=heights(run)).items():
        draw(axes, run, text)
    return figure


def draw_study(path: Path, text: Language) -> Figure:
    """What each improvement of the lab's run brings, from the file that --study wrote."""
    about, (_, *rows) = train_network.read_study(path)  # the first row is the lab's run itself
    verdicts = [row.verdict for row in rows]
    better, worse = verdicts.count(train_network.BETTER), verdicts.count(train_network.WORSE)
    line = said("Of {n} changes to the lab's run, each alone, {better} are better, {worse} worse")
    title = text(line, n=len(rows), better=better, worse=worse)
    digit, dataset = about["settings"]["digit"], dataset_name(about["dataset"], text)
    line = said("digit {digit}, {dataset}; {n} seeds, compared with the lab's run seed by seed")
    footer = text(line, n=train_network.STUDY_SEEDS, digit=digit, dataset=dataset)
    figure = start_figure(title, footer, 0.34 * len(rows) + 0.6)
    labels = [text("{row.improvement}\nF1 {row.f1:.2%}", row=row) for row in rows]
    axes = figure.subplots()
    plot_differences(axes, rows, labels, text)
    axes.set_xlabel(text("difference of F1 in percentage points, 95% intervals"))
    return figure


def write_film(run: Run, log: RunLog, path: Path) -> None:
    """Replay the training from the run's settings: a frame for what each epoch has added."""
    text = partial(log.text, **vars(run.settings))
    network = train_network.fresh_network(run.settings)
    network.metadata = {"settings": vars(run.settings), "history": []}
    figure, frames = draw_figure("film", run, log.text), []
    figure.set_dpi(FILM_DPI)
    *units, _, loss = figure.axes
    here = loss.axvline(0, **BASELINE)
    replay = Run(network, run.dataset)
    show_progress = partial(train_network.show_progress, log, replay)
    for epoch, _ in enumerate(chain([None], train_network.train_epochs(replay, show_progress))):
        for draw, axes in zip((units_for, units_against), units, strict=True):
            axes.clear()
            draw(axes, run, text, so_far=replay)
        here.set_xdata([epoch])
        loss.set_title(text("Loss; epoch {epoch} of {epochs}", epoch=epoch))
        frames.append(picture_of(figure))
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    with atomic_write(path) as file:
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    log.remark("Written: {path}", path=path)


# --- your own handwriting ---------------------------------------------------------------------

USUAL_SETTINGS = {"digit": 8, "threshold": 0.5, "lang": "en"}  # the lab sheet's
NO_BOX = {"color": OTHERS_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
YES_BOX = {"color": DIGIT_LINE_COLOUR, "linewidth": 2.2}
MOST_TILES = 60  # digits beyond these keep their box and their line on the screen
PICTURE_HEIGHT, PAIR_WIDTH, PAIR_COLUMNS = 6.0, 2.8, 6  # at most: inches, and digits in a row
TAG_INCHES = 0.09, 0.16  # of a digit of a number's tag: width and height
STAINED = 64  # levels of grey off the picture's median: ink, which a tag should not cover
PAD_SIDE, PEN_WIDTH = 280, 20  # pixels, ten for each of MNIST's: a stroke of usual thickness there
VERDICT_CHARACTERS = 70  # that fit into the line above the pad
KEYS = dict(zip("csqсый", ("clear", "save", "close") * 2, strict=True))  # also in Russian layout


class Reading(NamedTuple):
    """What a network makes of a picture with n digits."""

    boxes: list[tuple[int, int, int, int]]  # left, top, right, bottom in pixels
    images: np.ndarray  # (n, 784): what the network saw
    effects: np.ndarray  # (n, 784): what spoke for a yes (up to 1) and against it (down to -1)
    scores: np.ndarray  # (n,): the network's probabilities of a yes
    is_yes: np.ndarray  # bool (n,)
    answers: list[str]  # the same in words
    left_out: str  # what was taken for no digit, and how much of it; empty if nothing was


class Reader:
    """A network that reads the digits in pictures, and says so in the language of its run."""

    def __init__(self, network: NeuralNetwork, language: str | None = None):
        settings = USUAL_SETTINGS | network.metadata.get("settings", {})
        layers, data = "-".join(map(str, network.layer_sizes)), network.metadata.get("dataset")
        self.network, self.threshold = network, settings["threshold"]
        self.log = RunLog(language or settings["lang"])
        self.text: Say = partial(self.log.text, digit=settings["digit"])
        line = said("Network {layers}, trained on {data}") if data else said("Network {layers}")
        self.description = self.text(line, layers=layers, data=dataset_name(data, self.text))
        self.description += self.text("; it cannot tell what is no digit at all")

    def read(self, picture: np.ndarray) -> Reading:
        """Read a picture, uint8 (height, width) or (height, width, 3)."""
        found, text = find_digits(picture), self.text
        images = np.array([digit.image for digit in found], np.float32).reshape(-1, PIXELS)
        effects = images * self.network.input_gradient(images)
        effects /= np.maximum(np.abs(effects).max(axis=1, keepdims=True), 1e-30)
        scores = self.network.predict_proba(images)
        is_yes = scores >= self.threshold
        answers = [text("{digit}") if yes else text("not {digit}") for yes in is_yes]
        reasons = ", ".join(f"{text(reason)}: {n}" for reason, n in found.left_out.items())
        left_out = text("Left out: {reasons}", reasons=reasons) if reasons else ""
        boxes = [digit.box for digit in found]
        return Reading(boxes, images, effects, scores, is_yes, answers, left_out)


def look_at_handwriting(options: argparse.Namespace, directory: Path) -> int:
    """Do what --image or --draw asks; that takes a network alone, the best there is by default."""
    best = directory / "best" / MODEL_FILE
    path = best if best.exists() and not options.output_dir else directory / MODEL_FILE
    network = NeuralNetwork.load(path)
    if network.layer_sizes[0] != PIXELS:
        raise ModelError(f"{path}: its network takes no images; run train_network.py again")
    reader = Reader(network, options.lang)
    reader.log.remark("{description} ({path})", description=reader.description, path=path)
    if options.image:
        return recognise_pictures(reader, options.image, directory)
    with plt.rc_context({"toolbar": "None"}):  # its zoom and pan would take the mouse
        window = open_window(reader.text("Does it know your digit?"), (WIDTH, 6))
    window.canvas.mpl_disconnect(window.canvas.manager.key_press_handler_id)  # s, c, q are ours
    window.pad = DrawingPad(window, reader, directory)  # keeps it alive
    plt.show()
    return 0


def recognise_pictures(reader: Reader, paths: Sequence[Path], directory: Path) -> int:
    """Say what each digit in each picture is taken for, and draw it; 2 where a picture fails."""
    code, written = 0, set()
    for path in paths:
        file = unused_path(directory / f"{path.stem}_recognised.png", written.__contains__)
        try:
            picture = mnist_loader.read_picture(path)
            reading = reader.read(picture)
            tell(reader, path, reading)
        except PictureError as error:
            print(" ".join(str(error).splitlines()), file=sys.stderr)
            code = EXIT_BAD_INPUT
            continue
        save_figure(draw_recognised(reader, picture, reading), file)
        written.add(file)
        reader.log.remark("Written: {path}", path=file)
    return code


def tell(reader: Reader, path: Path, reading: Reading) -> None:
    """Say what was read in a picture; PictureError where there is no digit."""
    say, text, n = reader.log.remark, reader.text, len(reading.boxes)
    if not n:
        hint = reading.left_out or text("Write larger, or darker on an even background")
        raise PictureError(text("{path}: no digit made out. {hint}", path=path, hint=hint))
    line = said("{path}: digit {number} of {n}: {answer} (score {score:.3f})")
    for number, (answer, score) in enumerate(zip(reading.answers, reading.scores, strict=True), 1):
        say(line, path=path, number=number, n=n, answer=answer, score=score)
    if reading.left_out:
        say("{path}: {left_out}", path=path, left_out=reading.left_out)


def unused_path(path: Path, is_used: Callable[[Path], bool]) -> Path:
    """The path itself, or else with _2, _3 and so on before its suffix."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return next(free for free in chain([path], others) if not is_used(free))


def draw_recognised(reader: Reader, picture: np.ndarray, reading: Reading) -> Figure:
    """The picture with its digits boxed, and each as the network saw it, with what spoke for it."""
    text, (height, width) = reader.text, picture.shape[:2]
    found, yes = len(reading.boxes), np.sum(reading.is_yes)
    shown = min(found, MOST_TILES)
    lines = [text("Digits found: {found}; taken for {digit}: {yes}", found=found, yes=yes)]
    if shown < found:
        lines.append(text("Only the first {shown} are shown one by one", shown=shown))
    lines.append(reading.left_out)
    columns = min(shown, PAIR_COLUMNS)
    heights = [
        min(WIDTH * height / width, PICTURE_HEIGHT),
        tiles_height(min(WIDTH, columns * PAIR_WIDTH), 2 * shown, 2 * columns),
    ]
    figure = start_figure("\n".join(lines), reader.description, sum(heights) + 0.7)
    boxes, pairs = figure.subplots(2, height_ratios=heights)
    show_boxes(boxes, picture, reading, heights[0] / height)
    boxes.set_title(text("the picture (solid box: yes, dashed: no)"))
    images, captions = np.hstack([reading.images, reading.effects])[:shown], []
    for n in range(shown):
        captions += [f"{n + 1}: {reading.answers[n]}", f"{reading.scores[n]:.3f}"]
    show_tiles(pairs, images.reshape(-1, PIXELS), 2 * columns, captions, INK_LOOK, EFFECT_LOOK)
    title = said("what the network saw, and what spoke for {digit} (red) or against (blue)")
    pairs.set_title(text(title))
    return figure


def show_boxes(axes: Axes, picture: np.ndarray, reading: Reading, scale: float) -> None:
    """The picture, `scale` inches a pixel, its digits boxed and numbered: solid boxes say yes."""
    axes.imshow(picture, **PAPER_LOOK)
    wide, high = (math.ceil(inches / scale) for inches in TAG_INCHES)
    wide *= len(str(len(reading.boxes)))
    tags = tag_places(picture, reading.boxes, wide, high)
    digits = zip(reading.boxes, reading.is_yes, tags, strict=True)
    for number, ((left, top, right, bottom), is_yes, tag) in enumerate(digits, start=1):
        look = YES_BOX if is_yes else NO_BOX
        corner = left - 0.5, top - 0.5  # imshow's pixels lie around whole numbers
        axes.add_patch(plt.Rectangle(corner, right - left, bottom - top, fill=False, **look))
        ground = {"boxstyle": "square,pad=0.1", "color": look["color"]}
        place = {"ha": "center", "va": "center_baseline", "fontsize": SMALL_TEXT - 1}
        axes.text(*tag, f"{number}", color="white", bbox=ground, **place)
    height, width = picture.shape[:2]
    axes.set(xlim=(-wide, width + wide), ylim=(height + high, -high), anchor="NW")
    axes.set_axis_off()


def tag_places(picture: np.ndarray, boxes: list, wide: int, high: int) -> Iterator[tuple]:
    """The middle of a tag at each box: where it covers least ink and no other tag. All in pixels.

    It lies at a corner, above the box if it can, else below it, else in it.
    """
    grey = picture.reshape(*picture.shape[:2], -1).mean(axis=2)
    is_ink = np.abs(grey - np.median(grey)) > STAINED
    cost = np.pad(is_ink.astype(int), ((high, high), (wide, wide)))  # tags may lie on the rim
    for left, top, right, bottom in boxes:
        corners = product((top, bottom + high, top + high, bottom), (left + wide, right))
        tags = [np.s_[y : y + high, x : x + wide] for y, x in corners]
        tag = min(tags, key=lambda tag: cost[tag].sum())
        cost[tag] = wide * high  # more than any ink
        yield tag[1].start - wide / 2 - 0.5, tag[0].start - high / 2 - 0.5


class DrawingPad:
    """A figure to draw on with the mouse, which says what the network takes the drawing for.

    The figure's canvas hands out events, on a screen or not. `drawing`, uint8 (PAD_SIDE, PAD_SIDE)
    with 255 paper and 0 ink, is what --image would read, `reading` what the network makes of it,
    and `verdict` what the pad says. It is saved to `output_dir`: drawing.png, drawing_2.png ...
    `images` are the drawing, what the network sees, and what in it spoke for a yes; `buttons` do
    what the keys do.
    """

    def __init__(self, figure: Figure, reader: Reader, output_dir: Path):
        self.figure, self.reader, self.output_dir = figure, reader, output_dir
        self._pen: tuple[float, float] | None = None  # where the stroke has got to, if down
        text = reader.text
        figure.set(layout_engine="constrained", facecolor="#E4E4E4")  # so that paper is seen
        figure.supxlabel(reader.description, x=0.02, ha="left", fontsize=SMALL_TEXT)
        rows = [["pad"] * 3 + ["seen"], ["pad"] * 3 + ["why"], ["clear", "save", "close", "."]]
        panels = figure.subplot_mosaic(rows, height_ratios=(4, 4, 0.6), width_ratios=(1, 1, 1, 1.6))
        panels["seen"].set_title(text("what the network sees"))
        panels["why"].set_title(text("red: for {digit}, blue: against"))
        self.axes, self.images = panels["pad"], []
        for name, look in ("pad", PAPER_LOOK), ("seen", INK_LOOK), ("why", EFFECT_LOOK):
            panels[name].set_axis_off()
            self.images.append(panels[name].imshow(np.zeros((PAD_SIDE, PAD_SIDE)), **look))
        labels = {"clear": text("Clear (c)"), "save": text("Save (s)"), "close": text("Quit (q)")}
        self.buttons = {name: Button(panels[name], label) for name, label in labels.items()}
        for name, button in self.buttons.items():
            button.ax.spines[:].set_visible(True)
            button.on_clicked(lambda _, name=name: getattr(self, name)())
        for event in ("button_press", "motion_notify", "button_release"):
            figure.canvas.mpl_connect(f"{event}_event", self._follow_mouse)
        figure.canvas.mpl_connect("key_press_event", self._press_key)
        self.clear()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, it is drawn faster while the mouse moves

    def clear(self) -> None:
        self.drawing = np.full((PAD_SIDE, PAD_SIDE), FULL_INK, np.uint8)
        self._recognise()

    def save(self) -> None:
        """Write the drawing under a name that no file has; the pad says which, or what failed."""
        text = self.reader.text
        path = unused_path(self.output_dir / "drawing.png", Path.exists)
        if not self.reading.boxes:
            return self._say(text("Nothing to save: there is no digit yet"))
        try:
            with atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            return self._say(str(error))
        self.reader.log.remark("Written: {path}", path=path)
        return self._say(text("Saved as {name}", name=path.name))

    def close(self) -> None:
        plt.close(self.figure)

    def _press_key(self, event: KeyEvent) -> None:
        if name := KEYS.get((event.key or "").lower()):
            getattr(self, name)()

    def _follow_mouse(self, event: MouseEvent) -> None:
        """The left button puts a round pen on the pad; the stroke may leave it and come back."""
        x, y = self.axes.transData.inverted().transform((event.x, event.y))
        is_left, radius = event.button == MouseButton.LEFT, PEN_WIDTH / 2
        if event.name == "button_press_event" and is_left and event.inaxes is self.axes:
            self._pen = x, y
        if self._pen is None:
            return
        image = Image.fromarray(self.drawing)
        pen = ImageDraw.Draw(image)
        pen.line((self._pen, (x, y)), fill=0, width=PEN_WIDTH)
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        self.drawing = np.array(image)
        self._pen = None if event.name == "button_release_event" and is_left else (x, y)
        self._recognise()

    def _recognise(self) -> None:
        """Let the drawing go the way of a picture; of several digits the likeliest is shown."""
        self.reading = reading = self.reader.read(self.drawing)
        seen = why = np.zeros(PIXELS)
        if reading.boxes:
            best = reading.scores.argmax()
            seen, why = reading.images[best], reading.effects[best]
        for image, pixels in zip(self.images, (self.drawing, seen, why), strict=True):
            side = math.isqrt(pixels.size)
            image.set_data(pixels.reshape(side, side))
        verdicts = [f"{a} ({s:.2f})" for a, s in zip(reading.answers, reading.scores, strict=True)]
        self._say(textwrap.shorten(", ".join(verdicts), VERDICT_CHARACTERS, placeholder=" ..."))

    def _say(self, verdict: str) -> None:
        self.verdict = verdict
        hint = self.reader.text("Draw a digit here with the left mouse button")
        self.figure.suptitle(verdict or hint, x=0.02, ha="left")
        self.figure.canvas.draw_idle()


if __name__ == "__main__":
    utils.run_script(main)
