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
import json
import math
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import partial, reduce
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import rc_context
from matplotlib.animation import PillowWriter
from matplotlib.axes import Axes
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator, PercentFormatter
from matplotlib.widgets import Button
from PIL import Image, ImageDraw

import train_network
from mnist_loader import (
    DIGITS,
    FULL_INK,
    IMAGE_SIDE,
    PIXELS,
    FoundDigit,
    augment,
    find_digits,
    read_picture,
)
from neural_network import ModelError, NeuralNetwork
from train_network import (
    BETTER,
    FIGURES,
    MODEL_FILE,
    NO_EFFECT,
    OUTPUT_DIR,
    STUDY_FILE,
    STUDY_LOG_FILE,
    STUDY_SEEDS,
    WORSE,
    Run,
    StudyRow,
    dataset_name,
    fresh_network,
    load_data,
    load_run,
    study_rows,
)
from utils import (
    CONFIRMED,
    EXIT_BAD_INPUT,
    EXIT_DONE,
    INCONCLUSIVE,
    LANGUAGES,
    REFUTED,
    ArgumentParser,
    Claim,
    Language,
    Rate,
    RunLog,
    UserError,
    atomic_write,
    percent,
    run_script,
    said,
    writable_directory,
)

# --- how every figure looks -------------------------------------------------------------------

WIDTH, DPI = 8.4, 160  # inches: shown 840 pixels wide, an inch has 100, and 9 points are 12 high
# Okabe and Ito's colours, told apart by colour-blind readers and, light against dark, in grey.
OTHERS_COLOUR = "#0072B2"  # blue: the other digits, the answer "no"
DIGIT_COLOUR = "#E69F00"  # orange: the digit to recognise
DIGIT_LINE_COLOUR = "#D55E00"  # vermilion: the same, dark enough for lines and letters
BASELINE = {"color": "#555555", "linestyle": "--", "linewidth": 1}
INK_LOOK = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest"}  # ink is dark
EFFECT_LOOK = INK_LOOK | {"cmap": "RdBu_r", "vmin": -1}  # red for, blue against, white nothing
VERDICT_LOOKS = {
    **dict.fromkeys((CONFIRMED, BETTER), (DIGIT_LINE_COLOUR, "s")),
    **dict.fromkeys((REFUTED, WORSE), (OTHERS_COLOUR, "o")),
    **dict.fromkeys((INCONCLUSIVE, NO_EFFECT), (BASELINE["color"], "D")),
}
STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "hatch.linewidth": 0.6,
    "legend.edgecolor": "none",
    "legend.labelcolor": "linecolor",
    "lines.markersize": 4,
}
SMALL_TEXT = 8  # points
TITLE_CHARACTERS, FOOTER_CHARACTERS = 84, 125  # that fit into a line of a figure
TITLE_AND_FOOTER = 0.9  # inches
TILE_ROOM, CAPTION_ROOM = 0.9, 0.26  # of a tile's width: its image, and the text below it
MISTAKES_EACH, MISTAKE_COLUMNS = 16, 8  # of misses and of false alarms
UNITS_EACH, UNIT_COLUMNS = 16, 4  # hidden units most for the digit, and most against it
CLAIM_EXAMPLES, SAMPLES_EACH, COPIES_SHOWN = 5, 16, 3
SCORE_BINS = np.linspace(0, 1, 21)  # the usual threshold, 0.5, is an edge
STUDY_FIGURE = "study"
FILM_FILE, FILM_DPI, FRAMES_PER_SECOND = "hidden_units.gif", 100, 3
LAST_FRAME_REPEATS = 6  # the film rests on its end before it starts again
Say = Callable[..., str]  # a Language, or one that knows the facts of a run


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    directory = options.output_dir or OUTPUT_DIR
    with rc_context(STYLE):
        if options.image or options.draw:
            return look_at_handwriting(options, directory)
        run = read_run(directory, options.data_dir)
        log = RunLog(options.lang or run.settings.lang)
        if options.animate:
            write_film(run, log, writable_directory(directory, [FILM_FILE]) / FILM_FILE)
        else:
            write_figures(run, log, options, directory)
    return EXIT_DONE


def make_parser() -> ArgumentParser:
    parser = ArgumentParser("Draw what the last run of train_network.py learnt.")
    add, whose = parser.add_argument, "of the run; None: sample_outputs/, or for --image and --draw"
    add("--data-dir", type=Path, metavar="DIR", help="of MNIST; None: $MNIST_DATA_DIR, or data/")
    add("--output-dir", type=Path, metavar="DIR", help=f"{whose} its best/ where there is one")
    names = (*FIGURES, STUDY_FIGURE)
    add("--figures", nargs="+", choices=names, metavar="NAME", help=f"of {', '.join(names)}")
    add("--format", choices=("png", "svg", "pdf"), default="png", help="of the figures")
    add("--lang", choices=LANGUAGES, help="language of what is said; None: the run's")
    task = parser.add_mutually_exclusive_group()
    task.add_argument("--show", action="store_true", help="open a window for each figure too")
    task.add_argument("--animate", action="store_true", help=f"write {FILM_FILE} instead")
    task.add_argument("--image", type=Path, nargs="+", metavar="FILE", help="recognise pictures")
    task.add_argument("--draw", action="store_true", help="open a pad to draw digits on")
    return parser


# --- reading a run, writing and showing -------------------------------------------------------


def read_run(directory: Path, data_dir: Path | None) -> Run:
    """The finished run in a directory; UserError where its test images leave nothing to draw."""
    run = load_run(directory / MODEL_FILE, data_dir)
    if not run.evaluation.positives or not run.evaluation.negatives:
        raise UserError(
            f"the {run.evaluation.total} test images of that run do not show both the digit "
            f"{run.settings.digit} and others, so there is nothing to draw; "
            "take more with train_network.py --test-size"
        )
    return run


def on_all_test_images(run: Run, data_dir: Path | None) -> Run:
    """The same network on all test images of its data; the first of them are the run's own."""
    name, train_size = run.dataset.name, run.settings.train_size
    return Run(run.network, load_data(name, data_dir, train_size, None))


def write_figures(run: Run, log: RunLog, options: argparse.Namespace, directory: Path) -> None:
    study = directory / STUDY_FILE
    has_study = (directory / STUDY_LOG_FILE).exists()  # it is finished
    names = options.figures or [*FIGURES, *([STUDY_FIGURE] if has_study else [])]
    writable_directory(directory, [f"{name}.{options.format}" for name in names])
    figures = {}
    for name in names:
        file = f"{name}.{options.format}"
        if name == STUDY_FIGURE:
            figures[file] = draw_study(study, log.text)
        else:
            is_all = name == "error_analysis"
            subject = on_all_test_images(run, options.data_dir) if is_all else run
            figures[file] = draw_figure(name, subject, log.text)
        save_figure(figures[file], directory / file)
        log.remark("Written: {path}", path=directory / file)
    if options.show:
        show_figures(figures, log)


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its name's ending; a PNG of the same has the same bytes."""
    with atomic_write(path) as file:
        if path.suffix == ".png":  # 256 colours are enough, and a third of the bytes
            picture = Image.fromarray(pixels_of(figure)).convert("RGB")
            picture.quantize(dither=Image.Dither.NONE).save(file, "PNG", dpi=(DPI, DPI))
        else:
            figure.savefig(file, format=path.suffix[1:])


def pixels_of(figure: Figure) -> np.ndarray:
    """The figure drawn: uint8 (height, width, 4)."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def has_screen() -> bool:
    """Whether a window can be opened here."""
    import matplotlib.pyplot as plt  # looks for a screen when it is imported, so not before

    try:
        return plt.figure().canvas.required_interactive_framework is not None
    except Exception:  # each window system has its own way to say that there is no screen
        return False
    finally:
        plt.close("all")


def show_figures(figures: dict[str, Figure], log: RunLog) -> None:
    """Open a window for each figure, and wait until all are closed."""
    import matplotlib.pyplot as plt

    if not has_screen():
        return log.remark("No screen to open windows on; the figures are in the files")
    for name, figure in figures.items():
        window = plt.figure(name, figsize=figure.get_size_inches())
        window.add_axes((0, 0, 1, 1), frameon=False).imshow(pixels_of(figure))
    return plt.show()


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
    """What a line may say of a run, by name: a number has one rounding wherever it is said."""
    result, train = run.evaluation, run.dataset.train
    own = int(np.sum(train.digits == run.settings.digit))
    start = np.linalg.norm(fresh_network(run.settings).weights[0])
    verdicts = [claim.verdict for claim in run.claims]
    shares = {name: getattr(result, name) for name in ("accuracy", "precision", "recall")}
    shares |= {
        "majority_share": result.majority_share,
        "alarm_rate": result.false_positives / result.negatives,
        "own_share": result.positives / result.total,
        "train_share": own / len(train.digits),
        "pairs_in_order": result.roc_auc,
        "change": np.linalg.norm(learnt_change(run, run.network)) / start if start else math.nan,
    }
    told = {name: percent(share) for name, share in shares.items()}
    told |= {verdict: verdicts.count(verdict) for verdict in (CONFIRMED, REFUTED, INCONCLUSIVE)}
    told |= {"claims": len(verdicts), "usual": text(result.usual_answer)}
    told |= {"positives": result.positives, "negatives": result.negatives}
    told |= {"dataset": dataset_name(run.dataset.name, text), "layers": layers_of(run.network)}
    told |= {"train": len(train.digits), "train_own": own, "n": len(run.history)}
    return vars(run.settings) | asdict(result) | told


def layers_of(network: NeuralNetwork) -> str:
    return "-".join(map(str, network.layer_sizes))


# --- panels: each draws one thing on axes that a figure gives it ------------------------------


def plot_loss(axes: Axes, run: Run, text: Say) -> None:
    plot_history(axes, run, "loss", text("training images, during the epoch"), OTHERS_COLOUR)
    plot_history(axes, run, "test_loss", text("test images, after it"), DIGIT_LINE_COLOUR)
    axes.set(title=text("Loss: mean squared error"), xlabel=text("epoch"))
    axes.set_ylim(0, 1.08 * axes.get_ylim()[1])
    axes.legend()


def plot_shares(axes: Axes, run: Run, text: Say) -> None:
    """Test accuracy and recall by epoch, beside the accuracy of the commoner answer alone."""
    plot_history(axes, run, "test_accuracy", text("accuracy {accuracy}"), OTHERS_COLOUR)
    label = text('always "{usual}": {majority_share}')
    axes.axhline(run.evaluation.majority_share, label=label, **BASELINE)
    label = text("recall (of the {digit}s found) {recall}")
    plot_history(axes, run, "test_recall", label, DIGIT_LINE_COLOUR)
    axes.set(title=text("Test images answered rightly"), xlabel=text("epoch"), ylim=(0, 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(fontsize=SMALL_TEXT)


def plot_history(axes: Axes, run: Run, name: str, label: str, colour: str) -> None:
    """A value of the history by epoch; None, which is no number, is not drawn."""
    rows = np.array([(row["epoch"], row[name]) for row in run.history], float)
    look = "o-" if colour == OTHERS_COLOUR else "s:"
    axes.plot(*rows.T, look, clip_on=False, color=colour, label=label)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def plot_confusion(axes: Axes, run: Run, text: Say) -> None:
    """The four counts, each with its share of the row, which is also its shade."""
    r = run.evaluation
    counts = np.array(
        [[r.true_positives, r.false_negatives], [r.false_positives, r.true_negatives]]
    )
    shares = counts / counts.sum(axis=1, keepdims=True)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1.2, aspect="auto")
    whole = said("{share}\nof the {digit}s"), said("{share}\nof the others")
    for (row, column), images in np.ndenumerate(counts):
        look = {"ha": "center", "color": "white" if shares[row, column] > 0.6 else "black"}
        axes.text(column, row, text("{images:,}", images=images), va="bottom", fontsize=16, **look)
        share = text(whole[row], share=percent(shares[row, column]))
        axes.text(column, row + 0.06, share, va="top", **look)
    axes.set_xticks([0, 1], [text('answered "{digit}"'), text("answered no")])
    axes.set_yticks([0, 1], [text("{digit}s\n({positives:,})"), text("others\n({negatives:,})")])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(text("Answers at threshold {threshold:g}"))


def curve_counts(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives from each threshold that makes a difference, from none to all."""
    order = np.argsort(-run.probabilities, kind="stable")
    last_of_ties = np.append(np.diff(run.probabilities[order]) != 0, True)
    hits = run.is_digit[order]
    true, false = np.cumsum(hits)[last_of_ties], np.cumsum(~hits)[last_of_ties]
    return np.append(0, true), np.append(0, false)


def plot_roc(axes: Axes, run: Run, text: Say) -> None:
    result, (true, false) = run.evaluation, curve_counts(run)
    axes.plot(false / result.negatives, true / result.positives, color=OTHERS_COLOUR)
    axes.plot([0, 1], [0, 1], label=text("guessing"), **BASELINE)
    label = text("threshold {threshold:g}:\n{alarm_rate} false alarms,\nrecall {recall}")
    mark_threshold(axes, result.false_positives / result.negatives, result.recall, label)
    axes.set_title(text("ROC: area under the curve (AUC) {roc_auc:.4f}"))
    axes.set_xlabel(text("others taken for it (false alarms)"))
    axes.set_ylabel(text("{digit}s found (recall)"))


def plot_precision_recall(axes: Axes, run: Run, text: Say) -> None:
    result = run.evaluation
    true, false = (counts[1:] for counts in curve_counts(run))  # with no yes, no precision
    marker = "." if len(true) == 1 else ""  # of a network that scores all alike
    axes.plot(true / result.positives, true / (true + false), color=OTHERS_COLOUR, marker=marker)
    label = text('always "yes": {own_share}')
    axes.axhline(result.positives / result.total, label=label, **BASELINE)
    label = text("threshold {threshold:g}:\nprecision {precision},\nrecall {recall}")
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


def plot_scores(axes: Axes, run: Run, text: Say, own: bool) -> None:
    """How many images of the digit (own), or of the others, have which score."""
    look = {"color": OTHERS_COLOUR}
    title = said('{total:,} other digits: {no:,} answered no, {yes:,} ({share}) answered "{digit}"')
    if own:
        look = {"fc": DIGIT_COLOUR, "ec": "black", "linewidth": 0.5, "hatch": "///"}
        title = said('{total:,} images of {digit}: {no:,} no, {yes:,} ({share}) answered "{digit}"')
        axes.set_xlabel(text("score: the network's probability (dashed: threshold {threshold:g})"))
    scores, yes = run.probabilities[run.is_digit == own], run.answers[run.is_digit == own]
    counts = {"total": len(yes), "no": int(np.sum(~yes)), "yes": int(np.sum(yes))}
    axes.set_title(text(title, share=percent(np.mean(yes)), **counts))
    axes.hist(scores, SCORE_BINS, **look)
    axes.axvline(run.settings.threshold, **BASELINE)
    axes.set(yscale="log", xlim=(0, 1), ylabel=text("images (log)"))
    axes.set_ylim(0.6, 2 * axes.get_ylim()[1])
    axes.yaxis.set_major_formatter(lambda images, _: text("{images:,}", images=round(images)))


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
    """How high n such tiles are where a row of them is so wide, both in inches."""
    return width / columns * math.ceil(n / columns) * (TILE_ROOM + CAPTION_ROOM)


def plot_mistakes(axes: Axes, run: Run, text: Say, own: bool, shown: int, columns: int) -> None:
    """The digits missed (own), or the false alarms: the surest first, what they show, the score."""
    order = np.argsort(run.probabilities, kind="stable")[:: 1 if own else -1]
    rows = order[(run.answers != run.is_digit)[order] & (run.is_digit[order] == own)]
    none, every, some = (
        said("No {digit} is missed"),
        said("The one missed {digit}|All {n} missed {digit}s, surest first"),
        said("{shown} of the {n} missed {digit}s, surest first"),
    )
    if not own:
        none, every, some = (
            said("No false alarms"),
            said("The one false alarm|All {n} false alarms, surest first"),
            said("{shown} of the {n} false alarms, surest first"),
        )
    count_title = some if len(rows) > shown else every if len(rows) else none
    axes.set_title(text(count_title, n=len(rows), shown=shown))
    rows = rows[:shown]
    digits, scores = run.dataset.test.digits[rows], run.probabilities[rows]
    captions = [f"{digit}: {score:.3f}" for digit, score in zip(digits, scores, strict=True)]
    show_tiles(axes, run.dataset.test.images[rows], columns, captions, INK_LOOK)


def plot_claims(axes: Axes, run: Run, text: Say) -> None:
    """How much more often the affected images are got wrong than the others, by claim."""
    labels = []
    for claim in run.claims:
        lines = textwrap.wrap(text(claim.title, **claim.fields), 32)
        lines.append(text("wrong: {rate}", rate=rate_text(text, claim.affected)))
        lines.append(text("of the others: {rate}", rate=rate_text(text, claim.rest)))
        labels.append("\n".join(lines))
    plot_differences(axes, run.claims, labels, text)
    axes.set_title(text("Is the network wrong on these more often?"))


def plot_differences(
    axes: Axes, compared: Sequence[Claim | StudyRow], labels: Sequence[str], text: Say
) -> None:
    """Differences with their intervals beside a line at zero, in the colours of their verdicts."""
    for verdict, (colour, marker) in VERDICT_LOOKS.items():
        rows = [row for row, one in enumerate(compared) if one.verdict == verdict]
        if rows:
            points = 100 * np.array([compared[row].difference for row in rows])
            reach = np.abs(100 * np.array([compared[row].interval for row in rows]).T - points)
            look = {"color": colour, "capsize": 3, "markersize": 6, "label": text(verdict)}
            axes.errorbar(points, rows, xerr=reach, fmt=marker, **look)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(labels)), labels, fontsize=SMALL_TEXT)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.set_xlabel(text("difference in percentage points, 95% intervals"))
    axes.legend()


def plot_claim_examples(axes: Axes, run: Run, text: Say) -> None:
    """Beside each claim some of the affected images that were got wrong."""
    axes.set_axis_off()
    axes.set_title(text("First mistakes among these"))
    for row, claim in enumerate(run.claims):
        images = run.dataset.test.images[list(claim.wrong[:CLAIM_EXAMPLES])]
        strip = np.zeros((IMAGE_SIDE, CLAIM_EXAMPLES, IMAGE_SIDE))
        strip[:, : len(images)] = images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE).swapaxes(0, 1)
        inset = axes.inset_axes((0, 1 - (row + 1) / len(run.claims), 1, 1 / len(run.claims)))
        inset.imshow(strip.reshape(IMAGE_SIDE, -1), **INK_LOOK)
        inset.set_axis_off()


def rate_text(text: Say, rate: Rate) -> str:
    """Like "27.78% (10 of 36)"."""
    counts = text("{errors:,} of {total:,}", errors=rate.count, total=rate.total)
    return f"{percent(rate.share)} ({counts})"


def plot_false_alarms(axes: Axes, run: Run, text: Say) -> None:
    """How often each other digit is taken for the digit, most often on top; zero is a dot too."""
    rates = dict(sorted(run.false_alarms().items(), key=lambda item: -item[1].share))
    shares = np.array([rate.share for rate in rates.values()])
    ends = np.array([rate.interval for rate in rates.values()]).T  # (2, others)
    look = {"fmt": "o", "color": OTHERS_COLOUR, "capsize": 3, "clip_on": False}
    axes.errorbar(shares, range(len(rates)), xerr=np.abs(ends - shares), **look)
    axes.axvline(run.evaluation.false_positives / run.evaluation.negatives, **BASELINE)
    labels = [f"{other}:  {rate_text(text, rate)}" for other, rate in rates.items()]
    axes.set_yticks(range(len(rates)), labels)
    axes.set(xlim=(0, 1.03 * ends.max()), ylim=(len(rates) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(text("False alarms: how often each other digit is taken for {digit}"))
    axes.set_xlabel(
        text("share of that digit's images, 95% intervals (dashed: all of them, {alarm_rate})")
    )


def chosen_units(run: Run, own: bool) -> tuple[np.ndarray, np.ndarray]:
    """The first layer's units most for the digit (own), or most against it, the outermost first.

    Returns their numbers and output weights. A unit's output weight is w2's; through further
    layers it is the product of the weights, summed over all paths.
    """
    weights = reduce(np.matmul, run.network.weights[1:])[:, 0]
    order = np.argsort(-weights if own else weights, kind="stable")
    order = order[weights[order] > 0 if own else weights[order] < 0][:UNITS_EACH]
    return order, weights[order]


def learnt_change(run: Run, network: NeuralNetwork) -> np.ndarray:
    """What the run's training had added to the first layer's weights by then: (784, units).

    The weights that it started from follow from the settings.
    """
    return network.weights[0] - fresh_network(run.settings).weights[0]


def largest_change(run: Run) -> float:
    """The change that has the full colour, as the few that are larger have."""
    return max(float(np.quantile(np.abs(learnt_change(run, run.network)), 0.998)), 1e-6)


def plot_units(
    axes: Axes, run: Run, text: Say, own: bool, network: NeuralNetwork | None = None
) -> None:
    """What training added to these units, by its end or in a network on the way there."""
    units, output_weights = chosen_units(run, own)
    change = learnt_change(run, network or run.network)[:, units].T / largest_change(run)
    captions = [f"{weight:+.2f}" for weight in output_weights]
    show_tiles(axes, change, UNIT_COLUMNS, captions, EFFECT_LOOK)
    title = said("{n} unit for {digit}: output weight|{n} units most for {digit}: output weights")
    if not own:
        title = said(
            "{n} unit against {digit}: output weight|{n} units most against {digit}: output weights"
        )
    axes.set_title(text(title, n=len(units)))


def plot_unit_colours(axes: Axes, run: Run, text: Say) -> None:
    reach = largest_change(run)
    colours = ScalarMappable(Normalize(-reach, reach), EFFECT_LOOK["cmap"])
    bar = axes.figure.colorbar(colours, cax=axes, orientation="horizontal")
    bar.set_ticks([-reach, 0, reach], labels=[f"{-reach:.2f}", "0", f"{reach:+.2f}"])
    bar.set_label(text("added to the weight: ink there lowers the unit (blue) or raises it (red)"))


def plot_samples(axes: Axes, run: Run, text: Say) -> None:
    """The first training images of each digit, a row for each, and how many there are."""
    train, digit = run.dataset.train, run.settings.digit
    sheet = np.zeros((DIGITS, IMAGE_SIDE, SAMPLES_EACH, IMAGE_SIDE), np.float32)
    for n in range(DIGITS):
        first = train.images[train.digits == n][:SAMPLES_EACH]
        sheet[n, :, : len(first)] = first.reshape(-1, IMAGE_SIDE, IMAGE_SIDE).swapaxes(0, 1)
    axes.imshow(sheet.reshape(DIGITS * IMAGE_SIDE, -1), **INK_LOOK)
    counts = np.bincount(train.digits, minlength=DIGITS)
    labels = [text("{other}  ({images:,})", other=n, images=counts[n]) for n in range(DIGITS)]
    axes.set_yticks(IMAGE_SIDE * (np.arange(DIGITS) + 0.5), labels)
    axes.get_yticklabels()[digit].set_fontweight("bold")
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    edges = digit * IMAGE_SIDE - 0.5, (digit + 1) * IMAGE_SIDE - 0.5
    axes.axhspan(*edges, fill=False, edgecolor=DIGIT_COLOUR, linewidth=2, clip_on=False)


def plot_deformed(axes: Axes, run: Run, text: Say) -> None:
    """One training image of each digit, and below it copies as --augment deforms them."""
    train = run.dataset.train
    first = train.images[[int(np.argmax(train.digits == n)) for n in np.unique(train.digits)]]
    rng = np.random.default_rng(run.settings.seed)
    rows = np.stack([first, *(augment(first, rng) for _ in range(COPIES_SHOWN))])
    tiles = rows.reshape(len(rows), len(first), IMAGE_SIDE, IMAGE_SIDE).swapaxes(1, 2)
    axes.imshow(tiles.reshape(len(rows) * IMAGE_SIDE, -1), **INK_LOOK)
    axes.axhline(IMAGE_SIDE - 0.5, color=DIGIT_COLOUR, linewidth=2)
    axes.set_title(text("Deformed copies, as --augment makes them anew in each epoch"))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


# --- figures: what each says, its rows of panels, and their heights in inches -----------------

Panel = Callable[[Axes, Run, Say], None]
other_scores, own_scores = (partial(plot_scores, own=own) for own in (False, True))
units_for, units_against = (partial(plot_units, own=own) for own in (True, False))
all_mistakes = partial(plot_mistakes, shown=MISTAKES_EACH, columns=MISTAKE_COLUMNS)
missed, alarms = (partial(all_mistakes, own=own) for own in (True, False))
few_missed, few_alarms = (partial(m, shown=10, columns=5) for m in (missed, alarms))


def mistakes_heights(run: Run) -> list[float]:
    wrong = run.evaluation.false_negatives, run.evaluation.false_positives
    return [0.3 + tiles_height(WIDTH, min(n, MISTAKES_EACH), MISTAKE_COLUMNS) for n in wrong]


def units_heights(run: Run) -> list[float]:
    most = max(len(chosen_units(run, own)[0]) for own in (True, False))
    return [0.3 + tiles_height(WIDTH / 2, most, UNIT_COLUMNS), 0.15]


_PLANS = (
    (
        said(
            "Recognising the handwritten {digit}: {recall} of the {digit}s found, "
            "{precision} of the finds right; "
            'accuracy {accuracy}, where always "{usual}" scores {majority_share}'
        ),
        [
            [plot_shares, plot_confusion],
            [plot_precision_recall, few_missed],
            [plot_precision_recall, few_alarms],
        ],
        lambda _: (3.1, 2.1, 2.1),
    ),
    (
        said(
            "After {n} epoch: loss {loss:.4f} on the test images, "
            'accuracy {accuracy}, where always "{usual}" scores {majority_share}|'
            "After {n} epochs: loss {loss:.4f} on the test images, "
            'accuracy {accuracy}, where always "{usual}" scores {majority_share}'
        ),
        [[plot_loss, plot_shares]],
        lambda _: [3.3],
    ),
    (
        said(
            "In {pairs_in_order} of all pairs the {digit} scores above the other digit; "
            "at threshold {threshold:g}, {recall} of the {digit}s are found"
        ),
        [[plot_roc, plot_precision_recall], [other_scores] * 2, [own_scores] * 2],
        lambda _: (3.6, 1.5, 1.7),
    ),
    (
        said(
            "{false_negatives:,} of {positives:,} {digit}s are missed, {false_positives:,} "
            "of {negatives:,} others taken for one; below each: what it shows, its score"
        ),
        [[missed], [alarms]],
        mistakes_heights,
    ),
    (
        said(
            "Where the network errs, on all {total:,} test images: of {claims} claims "
            "{confirmed} confirmed, {refuted} refuted, {inconclusive} inconclusive"
        ),
        [[plot_claims, plot_claims, plot_claim_examples], [plot_false_alarms] * 3],
        lambda run: (0.8 * len(run.claims) + 0.7, 2.9),
    ),
    (
        said("Training changed the weights of the hidden units by {change} of their random start"),
        [[units_for, units_against], [plot_unit_colours] * 2],
        units_heights,
    ),
    (
        said("{train_own:,} of {train:,} training images show the {digit} ({train_share})"),
        [[plot_samples], [plot_deformed]],
        lambda _: (4.9, 2.4),
    ),
)
PLANS = dict(zip(FIGURES, _PLANS, strict=True))


def draw_figure(name: str, run: Run, language: Language) -> Figure:
    """One of FIGURES."""
    title, rows, heights = PLANS[name]
    text = partial(language, **facts(run, language))
    return draw_panels(run, text, text(title), rows, heights(run))[0]


def draw_panels(
    run: Run, text: Say, title: str, rows: list[list[Panel]], heights: Sequence[float]
) -> tuple[Figure, dict[Panel, Axes]]:
    """A figure about a run; what its readers must not overlook follows its title."""
    if answer := run.evaluation.only_answer:
        line = said(
            "The network answers {only} to everything: lower the learning rate, or train longer"
        )
        title += "\n" + text(line, only=text(answer))
    if run.dataset.name == "sample":
        title += "\n" + text("(data: the bundled sample, not MNIST)")
    footer = text("{dataset}: {train:,} training and {total:,} test images; network {layers}")
    footer += text("; seed {seed}; {n} epoch|; seed {seed}; {n} epochs")
    figure = start_figure(title, footer, sum(heights))
    panels = figure.subplot_mosaic(rows, height_ratios=heights)
    for draw, axes in panels.items():
        draw(axes, run, text)
    return figure, panels


def draw_study(path: Path, text: Language) -> Figure:
    """What each improvement of the lab's run brings, from the file that --study wrote."""
    rows = study_rows(path)[1:]
    told = Counter(row.verdict for row in rows)
    title = text(
        "Of {n} changes to the lab's run, each alone, {better} are better, {worse} worse, {other} "
        "without measurable effect",
        n=len(rows),
        better=told[BETTER],
        worse=told[WORSE],
        other=told[NO_EFFECT],
    )
    about = json.loads(path.read_bytes())["about"]
    footer = text(
        "digit {digit}, {dataset}; difference from the lab's run with the same seed; {n} seeds",
        digit=about["settings"]["digit"],
        dataset=dataset_name(about["dataset"], text),
        n=STUDY_SEEDS,
    )
    figure = start_figure(title, footer, 0.34 * len(rows) + 0.6)
    labels = [f"{row.improvement}\nF1 {percent(row.f1)}" for row in rows]
    axes = figure.subplots()
    plot_differences(axes, rows, labels, text)
    axes.set_xlabel(text("difference of F1 in percentage points, 95% intervals"))
    return figure


# --- the film ---------------------------------------------------------------------------------


def write_film(run: Run, log: RunLog, path: Path) -> None:
    """Replay the training from the run's settings: a frame for what each epoch has added."""
    text = partial(log.text, **facts(run, log.text))
    network = fresh_network(run.settings)
    network.metadata = {"settings": vars(run.settings), "history": []}
    rows = [[units_for, units_against], [plot_unit_colours] * 2, [plot_loss] * 2]
    title = text("What the hidden units learn of the {digit}")
    figure, panels = draw_panels(run, text, title, rows, [*units_heights(run), 2.4])
    writer, samples = PillowWriter(FRAMES_PER_SECOND), len(run.dataset.train.digits)

    def show_progress(done: int) -> None:
        epoch = len(network.metadata["history"]) + 1
        log.progress(
            "Epoch {epoch}/{epochs}", done / samples, epoch=epoch, epochs=run.settings.epochs
        )

    def show_epoch(epoch: int) -> None:
        for draw in units_for, units_against:
            panels[draw].clear()
            draw(panels[draw], run, text, network=network)
        here.set_xdata([epoch])
        panels[plot_loss].set_title(text("Loss; epoch {epoch} of {epochs}", epoch=epoch))
        writer.grab_frame()

    here = panels[plot_loss].axvline(0, **BASELINE)
    with tempfile.TemporaryDirectory() as directory:
        film = Path(directory) / FILM_FILE
        with writer.saving(figure, film, FILM_DPI):
            show_epoch(0)
            for row in train_network.train_epochs(network, run.dataset, show_progress):
                show_epoch(row["epoch"])
            for _ in range(LAST_FRAME_REPEATS - 1):
                writer.grab_frame()
        with atomic_write(path) as file:
            file.write(film.read_bytes())
    log.remark("Written: {path}", path=path)


# --- your own handwriting: who looks ----------------------------------------------------------

USUAL_SETTINGS = {"digit": 8, "threshold": 0.5, "lang": "en", "train_size": None}  # the lab sheet's


class Reader:
    """A network that looks at digits found in pictures, and says what it takes them for."""

    def __init__(self, network: NeuralNetwork, language: Language):
        settings = USUAL_SETTINGS | network.metadata.get("settings", {})
        self.network, self.digit = network, settings["digit"]
        self.threshold, size = settings["threshold"], settings["train_size"]
        dataset = network.metadata.get("dataset")
        told = {"layers": layers_of(network), "size": size, "digit": self.digit}
        self.text: Say = partial(language, dataset=dataset_name(dataset, language), **told)
        line = said("Network {layers}, which learnt from all training images of {dataset}")
        if size:
            line = said("Network {layers}, which learnt from {size:,} images of {dataset}")
        if not dataset:
            line = said("Network {layers}")
        self.description = self.text(line)
        if dataset == "sample":
            self.description += self.text(", NOT from MNIST")

    def scores(self, found: Sequence[FoundDigit]) -> np.ndarray:
        """The probability of a yes for each digit found, (n,)."""
        return self.network.predict_proba(images_of(found))

    def reasons(self, found: Sequence[FoundDigit]) -> np.ndarray:
        """What spoke for (up to 1) and against (down to -1) a yes in each image, (n, 784)."""
        effects = self.network.input_gradient(images_of(found)) * images_of(found)
        largest = np.abs(effects).max(axis=1, keepdims=True, initial=0)
        return effects / np.where(largest > 0, largest, 1)

    def answer(self, score: float) -> str:
        return f"{self.digit}" if score >= self.threshold else self.text("not {digit}")


def images_of(found: Sequence[FoundDigit]) -> np.ndarray:
    return np.array([digit.image for digit in found], np.float32).reshape(-1, PIXELS)


def look_at_handwriting(options: argparse.Namespace, directory: Path) -> int:
    """Do what --image or --draw asks; that takes a network alone, the best there is by default."""
    path, best = directory / MODEL_FILE, directory / "best" / MODEL_FILE
    path = best if not options.output_dir and best.exists() else path
    network = NeuralNetwork.load(path)
    if network.layer_sizes[0] != PIXELS:
        raise ModelError(
            f"{path}: the network has {network.layer_sizes[0]} inputs, an image {PIXELS} pixels; "
            "run train_network.py again"
        )
    settings = USUAL_SETTINGS | network.metadata.get("settings", {})
    log = RunLog(options.lang or settings["lang"])
    reader = Reader(network, log.text)
    log.remark("{description} ({path})", description=reader.description, path=path)
    writable_directory(directory)
    if options.image:
        return recognise_pictures(reader, options.image, log, directory)
    open_pad(reader, log.text, directory)
    return EXIT_DONE


# --- your own handwriting: pictures -----------------------------------------------------------

YES_BOX = {"color": DIGIT_LINE_COLOUR, "linewidth": 2.2}
NO_BOX = {"color": OTHERS_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
MOST_TILES = 60  # digits beyond these keep their box and their line on the screen
FEW, WIDE = 6, 1.6  # with more digits, or so much wider than high, a picture has them below it
PAIRS_BESIDE, PAIRS_BELOW, WIDEST_PAIR = 2, 6, 4.0  # in a row; inches
PICTURE_INCHES = 6.0  # the largest height of a picture
TAG_INCHES = 0.09, 0.16  # of a digit of a number's tag: width and height
STAINED = 64  # levels of grey off the picture's usual one: ink, as far as tags should not cover it


def recognise_pictures(reader: Reader, paths: Sequence[Path], log: RunLog, directory: Path) -> int:
    """Say what each digit in each picture is taken for, and draw it; 2 where a picture fails."""
    code, taken = EXIT_DONE, set()
    for path in paths:
        try:
            picture = read_picture(path)
            found = find_digits(picture)
            if not found:
                line = said("no digit made out; write larger, or darker on an even background")
                if reasons := left_out(found, log.text):
                    line = said("no digit made out ({reasons})")
                raise UserError(f"{path}: {log.text(line, reasons=reasons)}")
        except UserError as error:
            print(" ".join(str(error).splitlines()), file=sys.stderr)
            code = EXIT_BAD_INPUT
            continue
        for number, score in enumerate(reader.scores(found), start=1):
            told = {"path": path, "number": number, "total": len(found)}
            line = said("{path}: digit {number} of {total}: {answer} (score {score:.3f})")
            log.remark(line, answer=reader.answer(score), score=score, **told)
        if reasons := left_out(found, log.text):
            reasons = log.text("Left out: {reasons}", reasons=reasons)
            log.remark("{path}: {reasons}", path=path, reasons=reasons)
        file = unused_path(directory / f"{path.stem}_recognised.png", taken.__contains__)
        taken.add(file)
        save_figure(draw_recognised(reader, picture, found), file)
        log.remark("Written: {path}", path=file)
    return code


def left_out(found: Sequence[FoundDigit], text: Say) -> str:
    """What of the picture was taken for no digit, and how much of it; empty if nothing was."""
    reasons = getattr(found, "left_out", {})
    return ", ".join(f"{text(reason)}: {n}" for reason, n in reasons.items() if n)


def unused_path(path: Path, is_used: Callable[[Path], bool]) -> Path:
    """The path itself, or else with _2, _3 and so on before its suffix."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return path if not is_used(path) else next(other for other in others if not is_used(other))


def draw_recognised(reader: Reader, picture: np.ndarray, found: Sequence[FoundDigit]) -> Figure:
    """The picture with its digits boxed, and each as the network saw it, with what spoke for it."""
    text, scores, shown = reader.text, reader.scores(found), found[:MOST_TILES]
    height, width = picture.shape[:2]
    beside = len(found) <= FEW and width < WIDE * height
    room = WIDTH / 2 if beside else WIDTH
    columns = min(len(shown), PAIRS_BESIDE if beside else PAIRS_BELOW)
    room_for_pairs = min(room, columns * WIDEST_PAIR)
    picture_height = min(room * height / width, PICTURE_INCHES)
    heights = picture_height, tiles_height(room_for_pairs, len(shown) * 2, columns * 2)
    grid = {"ncols": 2} if beside else {"nrows": 2, "height_ratios": heights}
    title, needed = picture_title(reader, found), max(heights) if beside else sum(heights)
    figure = start_figure(title, reader.description, needed + 0.7)
    boxes, pairs = figure.subplots(**grid)
    show_boxes(boxes, picture, found, scores >= reader.threshold, picture_height / height)
    boxes.set_title(text("the picture (solid box: yes, dashed: no)"))
    captions = [(f"{n}: {reader.answer(s)}", f"{s:.3f}") for n, s in enumerate(scores, 1)]
    images = np.stack([images_of(shown), reader.reasons(shown)], axis=1).reshape(-1, PIXELS)
    told = [caption for pair in captions[: len(shown)] for caption in pair]
    show_tiles(pairs, images, 2 * columns, told, INK_LOOK, EFFECT_LOOK)
    pairs.set_title(
        text("what the network saw, and what in it\nspoke for {digit} (red) or against (blue)")
    )
    return figure


def picture_title(reader: Reader, found: Sequence[FoundDigit]) -> str:
    """What was found and, in lines of their own, what was not."""
    scores = reader.scores(found)
    yes, told = int(np.sum(scores >= reader.threshold)), {"n": len(found), "shown": MOST_TILES}
    title = said("The network takes this for {digit}: score {score:.3f}")
    if not yes:
        title = said("The network does not take this for {digit}: score {score:.3f}")
    if len(found) > 1:
        title = said(
            "{n} digit found; taken for {digit}: {yes}|{n} digits found; taken for {digit}: {yes}"
        )
    lines = [reader.text(title, score=scores[0], yes=yes, **told)]
    if len(found) > MOST_TILES:
        lines.append(reader.text("Only the first {shown} are shown one by one", **told))
    if reasons := left_out(found, reader.text):
        lines.append(reader.text("Left out: {reasons}", reasons=reasons))
    return "\n".join(lines)


def show_boxes(
    axes: Axes, picture: np.ndarray, found: Sequence[FoundDigit], yes: np.ndarray, scale: float
) -> None:
    """The picture, `scale` inches a pixel, its digits boxed and numbered: solid boxes say yes."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=FULL_INK)
    wide, high = (math.ceil(inches / scale) for inches in TAG_INCHES)
    wide *= len(f"{len(found)}")
    places = tag_places(picture, found, wide, high)
    for number, (digit, is_yes, place) in enumerate(zip(found, yes, places, strict=True), start=1):
        look = YES_BOX if is_yes else NO_BOX
        left, top, right, bottom = digit.box
        corner = left - 0.5, top - 0.5  # imshow's pixels lie around whole numbers
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, **look))
        ground = {"boxstyle": "square,pad=0.1", "color": look["color"]}
        tag = axes.text(*place, f"{number}", color="white", fontsize=SMALL_TEXT - 1, bbox=ground)
        tag.set(ha="center", va="center_baseline")
    height, width = picture.shape[:2]
    axes.set(xlim=(-wide, width + wide), ylim=(height + high, -high), anchor="NW")
    axes.set_axis_off()


def tag_places(
    picture: np.ndarray, found: Sequence[FoundDigit], wide: int, high: int
) -> list[tuple[float, float]]:
    """The middle of a tag for each digit: at its box, where it covers least ink and no other tag.

    Sizes in pixels. Outside the box if it can be there, else in a corner of it.
    """
    grey = picture.reshape(*picture.shape[:2], -1).mean(axis=2)
    stains = (np.abs(grey - np.median(grey)) > STAINED).astype(float)
    taken = np.pad(stains, ((high, high), (wide, wide)))  # a rim for tags
    places = []
    for digit in found:
        left, top, right, bottom = digit.box
        right, bottom = max(right, left + wide), max(bottom, top + high)
        corners = [  # where the tag begins in `taken`, in which the picture begins a tag later
            *((x, top) for x in (left + wide, right)),
            *(
                (x, y)
                for x in (left, right + wide, left + wide, right)
                for y in (top + high, bottom)
            ),
            *((x, bottom + high) for x in (left + wide, right)),
        ]
        x, y = min(corners, key=lambda at: taken[at[1] :, at[0] :][:high, :wide].sum())
        taken[y : y + high, x : x + wide] = wide * high  # more than any ink
        places.append((x - wide / 2 - 0.5, y - high / 2 - 0.5))
    return places


# --- your own handwriting: the pad ------------------------------------------------------------

PAD_SIDE, PEN_WIDTH = 280, 20  # pixels, ten for each of MNIST's: a stroke of usual thickness there
MOST_VERDICTS = 5  # that fit into the line above the pad
KEYS = {"clear": "cс", "save": "sы", "quit": "qй"}  # the second: the same key, Russian layout
EMPTY = np.zeros((IMAGE_SIDE, IMAGE_SIDE))


class DrawingPad:
    """A figure to draw on with the mouse, which says what the network takes the drawing for.

    Parameters
    ----------
    figure : empty; with a canvas that hands out events, on a screen or not
    network : what recognises; its input is MNIST's 784 pixels
    output_dir : where drawings are saved: dark on white, `drawing.png`, `drawing_2.png` ...

    Attributes
    ----------
    drawing : uint8 (PAD_SIDE, PAD_SIDE), 255 paper to 0 ink; what --image would read
    found, scores, verdict : what `find_digits` makes of it, their scores, what the pad says
    axes, seen, why : what is drawn on, what the network sees, and what in it spoke for a yes
    buttons : by the names in KEYS, which do the same
    """

    def __init__(
        self,
        figure: Figure,
        network: NeuralNetwork,
        output_dir: Path,
        language: Language | None = None,
    ):
        self.figure, self.output_dir = figure, output_dir
        self.reader = Reader(network, language or Language())
        self._pen: tuple[float, float] | None = None  # where the stroke has got to, if down
        text = self.reader.text
        figure.set(layout_engine="constrained", facecolor="#E4E4E4")  # so that paper is seen
        self._title = figure.suptitle(" ", x=0.02, ha="left")
        figure.supxlabel(self.reader.description, x=0.02, ha="left", fontsize=SMALL_TEXT)
        rows = [["pad"] * 3 + ["seen"], ["pad"] * 3 + ["why"], [*KEYS, "."]]
        panels = figure.subplot_mosaic(rows, height_ratios=(4, 4, 0.6), width_ratios=(1, 1, 1, 1.6))
        for name in ("pad", "seen", "why"):
            panels[name].set_axis_off()
        self.axes = panels["pad"]
        paper = np.full((PAD_SIDE, PAD_SIDE), FULL_INK)
        self._image = self.axes.imshow(paper, cmap="gray", vmin=0, vmax=FULL_INK)
        panels["seen"].set_title(text("what the network sees"))
        self.seen = panels["seen"].imshow(EMPTY, **INK_LOOK)
        panels["why"].set_title(text("red: for {digit}, blue: against"))
        self.why = panels["why"].imshow(EMPTY, **EFFECT_LOOK)
        labels = text("Clear (c)"), text("Save (s)"), text("Quit (q)")
        self.actions = dict(zip(KEYS, (self.clear, self.save, self.close), strict=True))
        self.buttons = {n: Button(panels[n], lab) for n, lab in zip(KEYS, labels, strict=True)}
        for name, button in self.buttons.items():
            button.ax.spines[:].set_visible(True)
            button.on_clicked(lambda _, act=self.actions[name]: act())
        for event in ("button_press", "motion_notify", "button_release"):
            figure.canvas.mpl_connect(f"{event}_event", self._follow_mouse)
        figure.canvas.mpl_connect("key_press_event", self._key)
        self.clear()
        figure.draw_without_rendering()
        figure.set_layout_engine("none")  # laid out once, it is drawn faster while the mouse moves

    def clear(self) -> None:
        self.drawing = np.full((PAD_SIDE, PAD_SIDE), FULL_INK, np.uint8)
        self._recognise()

    def save(self) -> None:
        """Write the drawing under a name that no file has; the pad says which, or what failed."""
        text = self.reader.text
        if not self.found:
            return self._say(text("Nothing to save: there is no digit yet"))
        path = unused_path(self.output_dir / "drawing.png", Path.exists)
        try:
            with atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            return self._say(str(error))
        print(text("Written: {path}", path=path))
        return self._say(text("Saved as {name}", name=path.name))

    def close(self) -> None:
        import matplotlib.pyplot as plt

        plt.close(self.figure)

    def _follow_mouse(self, event: MouseEvent) -> None:
        """The left button puts the pen down on the pad; the stroke may leave it and come back."""
        place = tuple(self.axes.transData.inverted().transform((event.x, event.y)))
        is_left = event.button == MouseButton.LEFT
        if event.name == "button_press_event" and is_left and event.inaxes is self.axes:
            self._pen = place
            self._draw_to(place)
        elif event.name == "motion_notify_event" and self._pen is not None:
            self._draw_to(place)
        elif event.name == "button_release_event" and is_left:
            self._pen = None

    def _key(self, event: KeyEvent) -> None:
        for name, keys in KEYS.items():
            if event.key and event.key.lower() in tuple(keys):
                self.actions[name]()

    def _draw_to(self, place: tuple[float, float]) -> None:
        """A stroke with round ends from the pen to a place; from a place to itself, a dot."""
        image = Image.fromarray(self.drawing)
        pen, radius = ImageDraw.Draw(image), PEN_WIDTH / 2
        pen.line((self._pen, place), fill=0, width=PEN_WIDTH)
        for x, y in (self._pen, place):
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        self.drawing, self._pen = np.array(image), place
        self._recognise()

    def _recognise(self) -> None:
        """Let the drawing go the way of a picture; of several digits the likeliest is shown."""
        self.found = find_digits(self.drawing)
        self.scores = self.reader.scores(self.found)
        self._image.set_data(self.drawing)
        best = [self.found[self.scores.argmax()]] if self.found else []
        self.seen.set_data(
            images_of(best).reshape(-1, IMAGE_SIDE, IMAGE_SIDE)[0] if best else EMPTY
        )
        self.why.set_data(self.reader.reasons(best).reshape(EMPTY.shape) if best else EMPTY)
        verdicts = [f"{self.reader.answer(s)} ({s:.2f})" for s in self.scores[:MOST_VERDICTS]]
        more = " ..." if len(self.scores) > MOST_VERDICTS else ""
        self._say("    ".join(verdicts) + more)

    def _say(self, verdict: str) -> None:
        self.verdict = verdict
        hint = self.reader.text("Draw a digit here with the left mouse button")
        self._title.set_text(verdict or hint)
        self.figure.canvas.draw_idle()


def open_pad(reader: Reader, language: Language, output_dir: Path) -> None:
    """Show the pad in a window until it is closed; UserError where there is no screen."""
    import matplotlib.pyplot as plt

    if not has_screen():
        raise UserError("--draw needs a screen to open a window on; try --image with a picture")
    with rc_context({"toolbar": "None"}):  # its zoom and pan would take the mouse
        figure = plt.figure(reader.text("Does it know your digit?"), figsize=(WIDTH, 6))
    figure.canvas.mpl_disconnect(figure.canvas.manager.key_press_handler_id)  # s, c, q are ours
    figure.pad = DrawingPad(figure, reader.network, output_dir, language)  # keeps it alive
    plt.show()


if __name__ == "__main__":
    run_script(main)
