"""Draw what a training run learnt, and let its network read your own handwriting.

    python visualize_results.py --help       everything that can be done, with examples

Reads a run's model.npz in sample_outputs/ (or --output-dir) and the images that it is
about, and writes pictures there. A figure is a function of a `View`, listed in
`FIGURES`: a title, axes, a call a panel. From Python, `draw_report(View.of(directory))`
is a Figure.
"""

# First: it refuses an old Python, and asks for one BLAS thread before NumPy loads
import utils  # isort: split

import argparse
import math
import os
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial, reduce
from glob import escape, glob
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

# How the user wants windows to be opened, which the pad alone does. matplotlib's import
# would fail on a name that it does not know, so the script hides it.
WINDOW_BACKEND = os.environ.get("MPLBACKEND")
if __name__ == "__main__":
    os.environ.pop("MPLBACKEND", None)

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import NullFormatter
from matplotlib.transforms import Bbox, offset_copy

import train_network
from mnist_loader import (
    DIGITS,
    FULL_INK,
    IMAGE_SIDE,
    PIXELS,
    FoundDigits,
    PictureError,
    augment,
    find_digits,
    read_picture,
)
from mnist_loader import FORMATS as PICTURE_FORMATS
from neural_network import ModelError, NeuralNetwork
from train_network import MODEL_FILE, OUTPUT_DIR, Run, Settings, dataset_name
from utils import EXIT_BAD_INPUT, N_, Output, Rate, Translate, UserError, check

# --- how every figure looks -----------------------------------------------------------

WIDTH = 8.4  # inches: a page shows 840 pixels of it, so that 9 points are 12 high
DPI = 160  # sharper than that, for zooming and for print
STYLE = {  # beside matplotlib's own defaults, whatever the user's matplotlibrc says
    "figure.dpi": DPI,
    "savefig.dpi": DPI,
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "errorbar.capsize": 5,  # so tall that an interval behind its marker is seen
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "legend.edgecolor": "none",
    "lines.markersize": 4,
    "text.parse_math": False,  # a data set may be called x$y$
}
# Decorates whatever makes or saves a figure, as matplotlib reads settings in both
in_our_style = matplotlib.style.context(["default", STYLE])

SMALL_TEXT = 8  # points
TITLE_CHARACTERS = 84  # that fit into a line of a figure
FOOTER_CHARACTERS = 120
TITLE_AND_FOOTER = 0.9  # inches
PANEL_TITLE = 0.35  # inches
LONG_PANEL_TITLE = 0.5  # inches, of two lines
LEGEND_PLACE = (-28, -34)  # points from the axes: below their numbers and their name

# Each of these means one thing; blue twice, but never in one figure. Most are Okabe and
# Ito's, which colour-blind readers tell apart.
DIGIT_COLOUR = "#E69F00"  # orange: images of the digit
OTHERS_COLOUR = "#0072B2"  # blue: images of the others
FOR_COLOUR = "#8B0A14"  # red: speaks for the digit
AGAINST_COLOUR = "#4285F4"  # blue: speaks against it; the lighter, also in grey print

LOSS_LINE = {"color": "black", "marker": "D"}
ACCURACY_LINE = {"color": "black", "marker": "o"}
ON_TRAINING_IMAGES = {"linewidth": 1, "markerfacecolor": "white"}  # either of them
RECALL_LINE = {"color": "#009E73", "marker": "s", "linestyle": ":"}
PRECISION_LINE = {"color": "#AA4499", "marker": "^", "linestyle": "-."}
GREY = "#555555"
REFERENCE_LINE = {"color": GREY, "linestyle": "--", "linewidth": 1}
THRESHOLD_POINT = {
    "color": "black",
    "marker": "o",
    "markerfacecolor": "white",
    "markersize": 8,
    "linestyle": "",
}

# How imshow draws an image of ink, what speaks for and against, and a picture's grey
INK_IMAGE = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest"}
# An odd number of colours: the one in the middle, of no effect, is white
EFFECT_COLOURS = LinearSegmentedColormap.from_list(
    "effect", [AGAINST_COLOUR, "white", FOR_COLOUR], N=257
)
EFFECT_IMAGE = INK_IMAGE | {"cmap": EFFECT_COLOURS, "vmin": -1}
GREY_IMAGE = {"cmap": "gray", "vmin": 0, "vmax": FULL_INK}

# Lines that several figures have

FOUND_AND_ALARMS = N_(
    "Images of the digit {digit} found: {r.true_positives:,} of {r.positives:,}; "
    "false alarms: {r.false_positives:,} of {r.negatives:,} others"
)
RECALL_LABEL = N_("recall: found among the images of the digit {digit}")
PRECISION_LABEL = N_("precision: correct among the yes answers")
THRESHOLD_LABEL = N_("threshold {threshold}")
RATE = N_("{rate.share:.2%} ({rate.count:,} of {rate.total:,})")


def percent(share: float, place: int | None = None) -> str:
    """How an axis writes a share: 0%, 2.5%, 100%."""
    return f"{100 * share:g}%"


def legend_below(axes: Axes, columns: int = 1, **style: Any) -> None:
    """Name what is drawn below the axes and their label, where nothing is covered."""
    x, y = LEGEND_PLACE
    below = offset_copy(axes.transAxes, axes.figure, x, y, units="points")
    axes.legend(
        loc="upper left",
        bbox_to_anchor=(0, 0),
        bbox_transform=below,
        borderaxespad=0,
        ncols=columns,
        **{"labelcolor": "markeredgecolor"} | style,
    )


# --- the script -----------------------------------------------------------------------

FORMATS = ("png", "svg", "pdf")


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    for name in options.figures or []:
        check({"figures": utils.one_of(*FIGURES)}, figures=name)
    if options.format is not None:
        check({"format": utils.one_of(*FORMATS)}, format=options.format)
    if options.lang is not None:
        check({"lang": utils.LANGUAGE}, lang=options.lang)

    if options.image or options.draw:
        mode = "--draw" if options.draw else "--image"
        without_meaning = ["figures", "data_dir"]
        if options.draw:
            without_meaning.append("format")
        for name in without_meaning:
            if getattr(options, name):
                option = f"--{name.replace('_', '-')}"
                raise UserError(f"{option} has no meaning with {mode}")
        return read_handwriting(options)

    directory = options.output_dir or OUTPUT_DIR
    view = View.of(directory, options.data_dir, options.lang)
    out = Output(view.language)
    for name in options.figures or FIGURES:
        path = directory / f"{name}.{options.format or FORMATS[0]}"
        save_figure(FIGURES[name](view), path)
        out.screen("Written: {path}", path=path)
    return 0


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser(
        "Draw what the last run of train_network.py learnt, or read your handwriting.",
        """
        python visualize_results.py                              the last run's figures
        python visualize_results.py --figures report --lang ru   one of them, in Russian
        python visualize_results.py --image my_digit.jpg         is it an 8?
        """,
    )
    figures = parser.add_argument_group("figures")
    figures.add_argument(
        "--figures",
        nargs="+",
        metavar="NAME",
        help=f"write these of {', '.join(FIGURES)} (default: all)",
    )
    group = parser.add_argument_group("instead of figures")
    instead = group.add_mutually_exclusive_group()
    instead.add_argument(
        "--image",
        type=utils.user_path,
        nargs="+",
        metavar="PATH",
        help="read the digits in these pictures, or in those of a directory",
    )
    instead.add_argument(
        "--draw", action="store_true", help="open a pad to draw digits on"
    )
    files = parser.add_argument_group("files and language")
    files.add_argument(
        "--format",
        metavar="NAME",
        help="write pictures as png, svg or pdf (default: png)",
    )
    files.add_argument(
        "--data-dir",
        type=utils.user_path,
        metavar="DIR",
        help="find MNIST there (default: $MNIST_DATA_DIR or data/)",
    )
    files.add_argument(
        "--output-dir",
        type=utils.user_path,
        metavar="DIR",
        help="take the run from there, and write there; --image and --draw need no "
        "run there (default: sample_outputs/)",
    )
    files.add_argument(
        "--lang",
        metavar="NAME",
        help="print in English (en) or Russian (ru) (default: as the run)",
    )
    return parser


@in_our_style
def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its name's ending."""
    with utils.atomic_write(path) as file:
        figure.savefig(file, format=path.suffix[1:])


# --- a view of a run ------------------------------------------------------------------


class View:
    """A run, how it does on its test images, and the language that it is shown in.

    run : Run
    result : Evaluation of the test images that the headline is measured on
    language : "en" or "ru"
    translate : the function `_`, with {digit}, {threshold} and {r}, the result, filled
        in; it also writes numbers as the language does
    """

    def __init__(self, run: Run, language: str | None = None):
        self.run = run
        self.language = language or run.settings.lang
        self.result = run.evaluate(run.test)
        threshold = np.format_float_positional(
            run.settings.threshold, precision=12, trim="-"
        )
        self.translate = partial(
            utils.translator(self.language),
            digit=run.settings.digit,
            threshold=threshold,
            r=self.result,
        )

    @classmethod
    def of(
        cls,
        directory: str | Path,
        data_dir: str | Path | None = None,
        language: str | None = None,
    ) -> "View":
        """The view of the finished run in a directory.

        Parameters
        ----------
        directory : where train_network.py has written
        data_dir : the directory of the run's images; None is `mnist_loader.DATA_DIR`
        language : "en" or "ru"; None is the run's own

        Raises UserError if there is no run, if the images are others, or if the test
        images leave nothing to draw.
        """
        run = train_network.load_run(utils.user_path(directory) / MODEL_FILE, data_dir)
        digit = run.settings.digit
        is_digit = run.test.digits == digit
        if is_digit.all() or not is_digit.any():
            there = ", ".join(map(str, np.unique(run.test.digits)))
            is_among_all = run.dataset.test.digits == digit
            if is_among_all.any() and not is_among_all.all():
                remedy = "train_network.py --resume --test-size all takes more of them"
            else:
                remedy = "train_network.py --digit N asks for another digit"
            raise UserError(
                f"no figures without both {digit} and other digits among the test "
                f"images, which show {there}; {remedy}"
            )
        return cls(run, language)

    def on_all_test_images(self) -> "View":
        """The same run, measured on all test images that there are."""
        settings = replace(self.run.settings, test_size=None)
        return View(replace(self.run, settings=settings), self.language)

    def figure(
        self, title: str, rows: dict[str, float], note: str = ""
    ) -> tuple[Figure, dict[str, Axes]]:
        """A figure of the run with its axes by name.

        Parameters
        ----------
        title : the finding; what readers must not overlook follows it
        rows : {"left right": 3.1} is one row, 3.1 inches high, with the axes "left" and
            "right"; a name that is repeated takes more columns
        note : what stands above the line of data and settings, if anything
        """
        _ = self.translate
        run = self.run
        lines = [title]
        if self.result.only_answer:
            lines.append(_(train_network.ONE_ANSWER, only=_(self.result.only_answer)))
        if run.dataset.name == "sample":
            lines.append(_("(data: the bundled sample, not MNIST)"))
        footer = [
            dataset_name(run.dataset.name, _),
            _("training images: {n:,}", n=len(run.dataset.train.digits)),
            _("test images: {n:,}", n=self.result.total),
            _("network {layers}", layers="-".join(map(str, run.network.layer_sizes))),
            _("seed {n}", n=run.settings.seed),
            _("epochs: {n}", n=len(run.history)),
        ]
        return empty_figure("\n".join(lines), f"{note}\n{'; '.join(footer)}", rows)


def empty_figure(
    title: str, footer: str, rows: dict[str, float]
) -> tuple[Figure, dict[str, Axes]]:
    """A figure with title, footer, and axes by name, for rows as in `View.figure`."""
    heights = list(rows.values())
    size = (WIDTH, sum(heights) + TITLE_AND_FOOTER)
    figure = Figure(size, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.07)
    figure.suptitle(wrap(title, TITLE_CHARACTERS), x=0.01, ha="left")
    figure.supxlabel(
        wrap(footer, FOOTER_CHARACTERS),
        x=0.01,
        ha="left",
        fontsize=SMALL_TEXT,
        color=GREY,
    )
    mosaic = [row.split() for row in rows]
    return figure, figure.subplot_mosaic(mosaic, height_ratios=heights)


def wrap(text: str, characters: int) -> str:
    """Wrap each line of a text; empty ones are left out, so that any may be."""
    lines = [line for line in text.split("\n") if line]
    return "\n".join(textwrap.fill(line, characters) for line in lines)


# --- figures --------------------------------------------------------------------------


@in_our_style
def draw_report(view: View) -> Figure:
    """What the run learnt, in one page."""
    _ = view.translate
    result = view.result
    line = _(
        "Correct answers: {r.correct:,} of {r.total:,} "
        '(by always answering "{usual}": {n:,})',
        n=max(result.positives, result.negatives),
        usual=_(result.usual_answer),
    )
    figure, axes = view.figure(
        f"{_(FOUND_AND_ALARMS)}\n{line}",
        {"shares confusion": 3.5, "precision missed": 2.2, "precision alarms": 2.2},
        measured_note(view),
    )
    plot_shares(axes["shares"], view)
    plot_confusion(axes["confusion"], view)
    plot_precision_recall(axes["precision"], view)
    plot_missed(axes["missed"], view, columns=5)
    plot_false_alarms(axes["alarms"], view, columns=5)
    return figure


@in_our_style
def draw_learning_curves(view: View) -> Figure:
    """Whether it still learns, and whether it overfits.

    Measured after each epoch, on training and test images alike.
    """
    _ = view.translate
    rate = Rate(view.result.correct, view.result.total)
    lines = [
        training_accuracy(view),
        _("Accuracy on test images: {rate}", rate=_(RATE, rate=rate)),
    ]
    losses = np.array([row["test_loss"] for row in view.run.history], float)
    if not np.isnan(losses).any():  # as those of a run that was measured anew are
        line = _(
            "Test loss: {last:.4f}; lowest, {least:.4f}, after epoch {epoch} of {n}",
            last=losses[-1],
            least=losses.min(),
            epoch=losses.argmin() + 1,
            n=len(losses),
        )
        lines.append(line)
    rows = {"loss shares": 3.7}
    figure, axes = view.figure("\n".join(lines), rows, measured_note(view))
    plot_loss(axes["loss"], view)
    plot_shares(axes["shares"], view)
    return figure


@in_our_style
def draw_threshold_curves(view: View) -> Figure:
    """What another threshold would find, and cost."""
    _ = view.translate
    line = _(
        "Threshold {threshold}; the lower it is, the more answers are yes, "
        "right and wrong"
    )
    title = f"{_(FOUND_AND_ALARMS)}\n{line}"
    figure, axes = view.figure(title, {"thresholds": 3, "scores": 2.7})
    plot_by_threshold(axes["thresholds"], view)
    plot_scores(axes["scores"], view)
    return figure


MISTAKE_ROWS = 2  # of misses, and of false alarms
MISTAKE_COLUMNS = 8


@in_our_style
def draw_mistakes(view: View) -> Figure:
    """Which images it gets wrong."""
    _ = view.translate
    most = MISTAKE_ROWS * MISTAKE_COLUMNS
    missed = min(view.result.false_negatives, most)
    alarms = min(view.result.false_positives, most)
    rows = {
        "missed": LONG_PANEL_TITLE + tiles_height(WIDTH, missed, MISTAKE_COLUMNS),
        "alarms": LONG_PANEL_TITLE + tiles_height(WIDTH, alarms, MISTAKE_COLUMNS),
    }
    figure, axes = view.figure(_(FOUND_AND_ALARMS), rows)
    plot_missed(axes["missed"], view, MISTAKE_COLUMNS)
    plot_false_alarms(axes["alarms"], view, MISTAKE_COLUMNS)
    return figure


@in_our_style
def draw_error_analysis(view: View) -> Figure:
    """Whether it errs where the lab sheet says that it does, asked of all test images.

    No claim is tested where the network answers the same to everything.
    """
    view = view.on_all_test_images()
    _ = view.translate
    claims = train_network.claims_about(view.run)
    alarms = {"alarms alarms alarms alarms alarms": 2.9}
    if not claims:
        figure, axes = view.figure(_(FOUND_AND_ALARMS), alarms)
        plot_alarm_rates(axes["alarms"], view)
        return figure
    verdicts = [claim.verdict for claim in claims]
    line = _(
        "The lab sheet's claims about errors: {yes} of {n} confirmed, {no} refuted",
        n=len(claims),
        yes=verdicts.count(utils.CONFIRMED),
        no=verdicts.count(utils.REFUTED),
    )
    about = N_(
        "(all {n:,} test images, 95% intervals; limits from the training images)"
    )
    lines = [line, _(about, n=view.result.total)]
    if view.run.settings.digit != utils.LAB_DIGIT:
        about = N_("(the lab sheet speaks of 8; here the same is asked of {n})")
        lines.append(_(about, n=view.run.settings.digit))
    rows = {"claims claims claims examples examples": 0.8 * len(claims) + 0.7}
    note = _(utils.VERDICT_RULE, fewest=utils.FEWEST_AFFECTED)
    figure, axes = view.figure("\n".join(lines), rows | alarms, note)
    plot_claims(axes["claims"], view, claims, axes["examples"])
    plot_alarm_rates(axes["alarms"], view)
    return figure


UNITS_SHOWN = 32
UNIT_COLUMNS = 8
FULL_COLOUR_QUANTILE = 0.998  # of the changes of weights: the few larger look alike
LEAST_CHANGE = 1e-6  # so that weights which hardly changed look so


@in_our_style
def draw_hidden_units(view: View) -> Figure:
    """What the hidden units look for."""
    _ = view.translate
    run = view.run
    start = run.settings.network().weights[0]
    change = run.network.weights[0] - start  # (784, n_hidden)
    full = float(np.quantile(np.abs(change), FULL_COLOUR_QUANTILE))
    full = max(full, LEAST_CHANGE)
    share = np.linalg.norm(change) / np.linalg.norm(start) if start.any() else None
    title = _(
        "Training changed the hidden units' weights by {share:.0%} "
        "of their random start",
        share=share,
    )
    shown = min(change.shape[1], UNITS_SHOWN)
    rows = {
        "units": LONG_PANEL_TITLE + tiles_height(WIDTH, shown, UNIT_COLUMNS),
        "colours": 0.15,
    }
    figure, axes = view.figure(title, rows)
    plot_units(axes["units"], view, change / full)
    plot_unit_colours(axes["colours"], view, full)
    return figure


@in_our_style
def draw_samples(view: View) -> Figure:
    """What the data look like."""
    _ = view.translate
    run = view.run
    title = _(
        "The digit {digit} is on {rate.count:,} of {rate.total:,} training images",
        rate=Rate.of(run.dataset.train.digits == run.settings.digit),
    )
    rows = {"samples": 4.9}
    if run.settings.augment:
        rows["copies"] = 2.4
    figure, axes = view.figure(title, rows)
    plot_samples(axes["samples"], view)
    if run.settings.augment:
        plot_copies(axes["copies"], view)
    return figure


# A new figure is a function above, @in_our_style, a line here, and its Russian in
# data/russian.json
FIGURES: dict[str, Callable[[View], Figure]] = {
    "report": draw_report,
    "learning_curves": draw_learning_curves,
    "threshold_curves": draw_threshold_curves,
    "mistakes": draw_mistakes,
    "error_analysis": draw_error_analysis,
    "hidden_units": draw_hidden_units,
    "samples": draw_samples,
}


# --- panels: each draws one thing on axes that a figure gives it ----------------------


def measured_note(view: View) -> str:
    """On which training images the curves are measured; "" for all of them, or none."""
    measured = len(view.run.measured.digits)
    is_all = measured == len(view.run.dataset.train.digits)
    if is_all or view.run.history[-1]["train_accuracy"] is None:
        return ""
    return view.translate(
        "Of the training images the first {n:,} are measured", n=measured
    )


def training_accuracy(view: View) -> str:
    """The accuracy on training images after the last epoch, in words."""
    _ = view.translate
    share = view.run.history[-1]["train_accuracy"]
    if share is None:
        return _("Not measured on training images, as this run is old: train again")
    measured = len(view.run.measured.digits)
    rate = Rate(round(share * measured), measured)
    return _("Accuracy on training images: {rate}", rate=_(RATE, rate=rate))


def plot_loss(axes: Axes, view: View) -> None:
    """Loss by epoch on training and test images."""
    _ = view.translate
    plot_history(
        axes,
        view,
        train_loss=(LOSS_LINE | ON_TRAINING_IMAGES, _("training images")),
        test_loss=(LOSS_LINE, _("test images")),
    )
    axes.set_title(_("Loss (mean squared error)"))
    axes.set_ylim(0, None)
    legend_below(axes)


def plot_shares(axes: Axes, view: View) -> None:
    """Accuracy and recall by epoch, beside the accuracy of the commoner answer."""
    _ = view.translate
    result = view.result
    on_training = _("accuracy on training images")
    plot_history(
        axes,
        view,
        train_accuracy=(ACCURACY_LINE | ON_TRAINING_IMAGES, on_training),
        test_accuracy=(ACCURACY_LINE, _("accuracy on test images")),
        test_recall=(RECALL_LINE, _("recall on test images")),
    )
    label = _('always "{usual}": {r.majority_share:.1%}', usual=_(result.usual_answer))
    axes.axhline(result.majority_share, label=label, **REFERENCE_LINE)
    axes.set_title(_("Accuracy and recall"))
    axes.set_ylim(max(0, axes.get_ylim()[0]), 1)
    axes.yaxis.set_major_formatter(percent)
    legend_below(axes)


MOST_EPOCH_TICKS = 8


def plot_history(axes: Axes, view: View, **lines: tuple[dict, str]) -> None:
    """Values of the history by epoch, each with its style and label.

    What was never measured is left out.
    """
    _ = view.translate
    history = view.run.history
    epochs = [row["epoch"] for row in history]
    for name, (style, label) in lines.items():
        values = np.array([row[name] for row in history], float)
        if not np.isnan(values).all():
            axes.plot(epochs, values, clip_on=False, label=label, **style)
    axes.set_xticks(np.unique(np.linspace(1, len(epochs), MOST_EPOCH_TICKS).round()))
    axes.set_xlabel(_("epoch"))


def plot_confusion(axes: Axes, view: View) -> None:
    """The four counts, each shaded by its share of its row."""
    _ = view.translate
    r = view.result
    of_digit = [r.true_positives, r.false_negatives]
    of_others = [r.false_positives, r.true_negatives]
    counts = [of_digit, of_others]
    names = [[_("found"), _("missed")], [_("false alarms"), _("correctly rejected")]]
    shares = np.array(counts) / [[r.positives], [r.negatives]]
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.2, aspect="auto")
    for row in range(2):
        for column in range(2):
            colour = "white" if shares[row, column] > 0.6 else "black"
            style = {"ha": "center", "color": colour, "fontsize": SMALL_TEXT}
            count = _("{n:,}", n=counts[row][column])
            axes.text(column, row, count, va="bottom", **style | {"fontsize": 16})
            axes.text(column, row + 0.06, names[row][column], va="top", **style)
    axes.set_xticks([0, 1], [_(utils.YES), _(utils.NO)])
    shown = [_("digit {digit}\n({r.positives:,})"), _("another\n({r.negatives:,})")]
    axes.set_yticks([0, 1], shown)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_title(_("Answers at threshold {threshold}"))
    axes.set_xlabel(_("the network's answer"))
    axes.set_ylabel(_("the image shows"))


def counts_by_threshold(view: View) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How many images score at least as much as each score that occurs.

    Returns three arrays (m,): the scores, rising, and how many images of the digit and
    of the others score so much or more.
    """
    scores = view.result.scores
    truth = view.result.truth
    thresholds = np.unique(scores)
    of_digit = np.sort(scores[truth])
    of_others = np.sort(scores[~truth])
    true_positives = len(of_digit) - np.searchsorted(of_digit, thresholds)
    false_positives = len(of_others) - np.searchsorted(of_others, thresholds)
    return thresholds, true_positives, false_positives


def plot_by_threshold(axes: Axes, view: View) -> None:
    """Recall and precision with each threshold; above all scores nothing is found."""
    _ = view.translate
    result = view.result
    thresholds, hits, alarms = counts_by_threshold(view)
    recall = hits / result.positives
    precision = hits / (hits + alarms)
    # Back to the score before, each threshold finds what the next score up does
    steps = {"marker": "", "drawstyle": "steps-pre", "clip_on": False}
    axes.plot(
        [0, *thresholds, 1],
        [1, *recall, 0],
        label=_(RECALL_LABEL),
        **RECALL_LINE | steps,
    )
    axes.plot(
        [0, *thresholds, 1],
        [result.positive_share, *precision, np.nan],
        label=_(PRECISION_LABEL),
        **PRECISION_LINE | steps,
    )
    axes.axvline(result.threshold, label=_(THRESHOLD_LABEL), **REFERENCE_LINE)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_title(_("What another threshold would find, and cost"))
    axes.set_xlabel(_("threshold: yes from this score up"))
    axes.yaxis.set_major_formatter(percent)
    legend_below(axes, columns=2)


def plot_precision_recall(axes: Axes, view: View) -> None:
    """Precision P as steps over recall R, and its average, sum (R_i - R_(i-1)) P_i.

    As scikit-learn's precision_recall_curve has it since 1.1, down to the answer yes to
    everything, which has full recall. Its first point, precision 1 at recall 0, is left
    out: no threshold has it.
    """
    _ = view.translate
    result = view.result
    _thresholds, hits, alarms = counts_by_threshold(view)
    recall = hits[::-1] / result.positives  # rising
    precision = (hits / (hits + alarms))[::-1]
    average = np.sum(np.diff(recall, prepend=0) * precision)
    axes.plot(
        [0, *recall],
        [precision[0], *precision],
        color="black",
        drawstyle="steps-pre",
    )
    label = _('always "yes": {r.positive_share:.1%}')
    axes.axhline(result.positive_share, label=label, **REFERENCE_LINE)
    if not np.isnan(result.precision):  # of no yes answers at all
        axes.plot(
            result.recall,
            result.precision,
            label=_(THRESHOLD_LABEL),
            clip_on=False,
            zorder=3,
            **THRESHOLD_POINT,
        )
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.03)
    line = N_("Precision and recall\naverage precision {average:.1%}")
    axes.set_title(_(line, average=average))
    axes.set_xlabel(_(RECALL_LABEL), color=RECALL_LINE["color"])
    axes.set_ylabel(_(PRECISION_LABEL), color=PRECISION_LINE["color"])
    axes.xaxis.set_major_formatter(percent)
    axes.yaxis.set_major_formatter(percent)
    legend_below(axes, columns=2)


SCORE_BINS = np.linspace(0, 1, 11)  # the usual threshold, 0.5, is an edge
SHORTEST_BAR = 0.6  # images: where the axis begins, so that a bar of one is seen


def plot_scores(axes: Axes, view: View) -> None:
    """How many images of the digit and of the others have which score, with counts."""
    _ = view.translate
    result = view.result
    axes.hist(
        [result.scores[result.truth], result.scores[~result.truth]],
        SCORE_BINS,
        label=[_("images of the digit {digit}"), _("others")],
        color=[DIGIT_COLOUR, OTHERS_COLOUR],
        log=True,
    )
    for bars in axes.containers:
        heights = [int(bar.get_height()) for bar in bars]
        labels = [_("{n:,}", n=n) if n else "" for n in heights]
        axes.bar_label(bars, labels, fontsize=SMALL_TEXT)
    axes.axvline(result.threshold, label=_(THRESHOLD_LABEL), **REFERENCE_LINE)
    axes.set_xlim(0, 1)
    axes.set_ylim(SHORTEST_BAR, 2 * axes.get_ylim()[1])  # room for the counts
    axes.set_title(_("How many images have which score"))
    axes.set_xlabel(_("score: the network's probability"))
    axes.set_ylabel(_("images (logarithmic)"))
    axes.yaxis.set_major_formatter(lambda images, place: _("{n:,}", n=round(images)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    legend_below(axes, columns=3, labelcolor="black")


# Of a tile, which is 1 wide: its image, and the text below it
IMAGE_SHARE = 0.9
CAPTION_SHARE = 0.26


def show_tiles(
    axes: Axes,
    images: np.ndarray,
    columns: int,
    captions: Sequence[str],
    *styles: dict[str, Any],
) -> None:
    """Draw images (n, 784) in rows, captions beneath them; the styles take turns."""
    side = IMAGE_SHARE
    height = IMAGE_SHARE + CAPTION_SHARE
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x = place % columns
        y = place // columns * height
        axes.imshow(
            image.reshape(IMAGE_SIDE, IMAGE_SIDE),
            extent=(x, x + side, y + side, y),
            **styles[place % len(styles)],
        )
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor="#CCCCCC"))
        axes.text(
            x + side / 2,
            y + side + 0.04,
            caption,
            ha="center",
            va="top",
            fontsize=SMALL_TEXT,
        )
    rows = max(1, math.ceil(len(images) / columns))
    axes.set_xlim(-0.01, columns)
    axes.set_ylim(rows * height, -0.01)
    axes.set(aspect="equal", anchor="NW")
    axes.set_axis_off()


def tiles_height(width: float, n: int, columns: int) -> float:
    """The height of n tiles in rows of this width, both in inches."""
    rows = math.ceil(n / columns)
    return width / columns * rows * (IMAGE_SHARE + CAPTION_SHARE)


def plot_missed(axes: Axes, view: View, columns: int) -> None:
    """The missed images of the digit, the lowest score first."""
    _ = view.translate
    result = view.result
    missed = np.flatnonzero(result.truth & ~result.answers)
    order = np.argsort(result.scores[missed], kind="stable")
    shown = missed[order][: MISTAKE_ROWS * columns]
    captions = [f"{score:.3f}" for score in result.scores[shown]]
    show_tiles(axes, view.run.test.images[shown], columns, captions, INK_IMAGE)
    lines = [_("Missed: {count}", count=shown_of(len(shown), len(missed), _))]
    if len(shown):
        lines.append(_("scores, lowest first"))
    axes.set_title("\n".join(lines))


def plot_false_alarms(axes: Axes, view: View, columns: int) -> None:
    """The other digits taken for it, the highest score first."""
    _ = view.translate
    result = view.result
    test = view.run.test
    alarms = np.flatnonzero(~result.truth & result.answers)
    order = np.argsort(-result.scores[alarms], kind="stable")
    shown = alarms[order][: MISTAKE_ROWS * columns]
    captions = [f"{test.digits[n]} ({result.scores[n]:.3f})" for n in shown]
    show_tiles(axes, test.images[shown], columns, captions, INK_IMAGE)
    lines = [_("False alarms: {count}", count=shown_of(len(shown), len(alarms), _))]
    if len(shown):
        lines.append(_("digit (score), highest first"))
    axes.set_title("\n".join(lines))


def shown_of(shown: int, total: int, _: Translate) -> str:
    """How many there are and, if these are more, how many of them are shown."""
    if shown == total:
        return _("{n:,}", n=total)
    return _("{n:,}; shown: {shown}", shown=shown, n=total)


def image_grid(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Rows of images, each (n, 784), as one picture (28 rows, 28 columns).

    A row that is short is filled up with paper, a long one is cut.
    """
    tiles = np.zeros((len(rows), columns, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for row, images in zip(tiles, rows, strict=True):
        row[: len(images)] = images[:columns].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    height = len(rows) * IMAGE_SIDE
    return tiles.swapaxes(1, 2).reshape(height, columns * IMAGE_SIDE)


CLAIM_EXAMPLES = 4
CONFIRMED_POINT = {"color": "black", "marker": "s", "markerfacecolor": "black"}
REFUTED_POINT = {"color": "black", "marker": "o", "markerfacecolor": "white"}
UNDECIDED_POINT = {"color": "#777777", "marker": "D", "markerfacecolor": "#777777"}
VERDICT_POINTS = {
    utils.CONFIRMED: CONFIRMED_POINT,
    utils.REFUTED: REFUTED_POINT,
    utils.INCONCLUSIVE: UNDECIDED_POINT,
    utils.TOO_FEW: UNDECIDED_POINT,
}


def plot_claims(
    axes: Axes, view: View, claims: Sequence[utils.Claim], examples: Axes
) -> None:
    """How much more often the affected images are got wrong; `examples` get the first.

    The claims count the run's test images, as those of `View.on_all_test_images` do.
    """
    _ = view.translate
    labels = []
    for row, claim in enumerate(claims, start=1):
        # What is in brackets has a line of its own
        lines = [_(claim.line, **claim.values).replace(" (", "\n(")]
        lines.append(_("wrong: {rate}", rate=_(RATE, rate=claim.affected)))
        lines.append(_("of the others: {rate}", rate=_(RATE, rate=claim.rest)))
        labels.append("\n".join(lines))
        strip = examples.inset_axes((0, 1 - row / len(claims), 1, 1 / len(claims)))
        images = view.run.test.images[claim.wrong]
        strip.imshow(image_grid([images], CLAIM_EXAMPLES), **INK_IMAGE)
        strip.set_axis_off()
    verdicts = [_(claim.verdict) for claim in claims]
    points = [VERDICT_POINTS[claim.verdict] for claim in claims]
    plot_differences(axes, claims, labels, verdicts, points)
    axes.set_title(_("Is the network wrong on these more often?"))
    axes.set_xlabel(_("difference in percentage points, 95% intervals"))
    examples.set_title(_("First mistakes"))
    examples.set_axis_off()


def plot_differences(
    axes: Axes,
    rows: Sequence[Any],
    labels: Sequence[str],
    verdicts: Sequence[str],
    points: Sequence[dict[str, Any]],
) -> None:
    """Differences with their intervals, from a line at zero.

    tests/benchmarks/bench_study.py draws by it, too.

    Parameters
    ----------
    rows : utils.Claim, or what else has its `difference` and `interval`, as shares
    labels, verdicts : what stands to the left and to the right of each
    points : how each is drawn
    """
    places = range(len(rows))
    right = axes.secondary_yaxis("right")
    axes.set_yticks(places, labels, fontsize=SMALL_TEXT)
    right.set_yticks(places, verdicts, fontsize=SMALL_TEXT)
    for place, row, point in zip(places, rows, points, strict=True):
        reach = np.abs(np.array(row.interval) - row.difference)  # below and above
        axes.errorbar(
            100 * row.difference,
            place,
            xerr=100 * reach[:, np.newaxis],
            linestyle="",
            markersize=5,
            **point,
        )
        right.get_yticklabels()[place].set_color(point["color"])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)


def plot_alarm_rates(axes: Axes, view: View) -> None:
    """How often each other digit is taken for the digit, most often on top."""
    _ = view.translate
    result = view.result
    alarms = train_network.false_alarms(view.run.test, result)
    digits = sorted(alarms, key=lambda digit: -alarms[digit].share)
    rates = [alarms[digit] for digit in digits]
    shares = np.array([rate.share for rate in rates])
    ends = np.array([rate.interval for rate in rates]).T  # (2, others)
    axes.errorbar(
        shares,
        range(len(rates)),
        xerr=np.abs(ends - shares),
        fmt="o",
        color=OTHERS_COLOUR,
        clip_on=False,
    )
    rate = _(RATE, rate=Rate(result.false_positives, result.negatives))
    label = _("all others: {rate}", rate=rate)
    axes.axvline(result.alarm_rate, label=label, **REFERENCE_LINE)
    labels = [f"{digit}:  {_(RATE, rate=alarms[digit])}" for digit in digits]
    axes.set_yticks(range(len(rates)), labels)
    axes.set_xlim(0, 1.03 * ends.max())
    axes.set_ylim(len(rates) - 0.5, -0.5)
    axes.xaxis.set_major_formatter(percent)
    axes.set_xlabel(_("share of the images of that digit, 95% intervals"))
    axes.set_title(_("How often each other digit is taken for {digit}"))
    legend_below(axes)


def plot_units(axes: Axes, view: View, change: np.ndarray) -> None:
    """The units with the largest weights to the output, whatever their sign.

    `change`, (784, n_hidden), is that of the first layer's weights, 1 at full colour. A
    unit's weight to the output is the entry of the second layer's weights; with further
    layers, of the product of them all. Its sign is the random start's choice: tanh is
    odd, so that a unit whose weights all change their signs does the same. Times this
    sign, the change is red where ink came to speak for the digit.
    """
    _ = view.translate
    later = view.run.network.weights[1:]
    weights = reduce(np.matmul, later)[:, 0]  # (n_hidden,)
    units = np.argsort(-np.abs(weights), kind="stable")[:UNITS_SHOWN]
    captions = [f"{weight:.2f}" for weight in np.abs(weights[units])]
    tiles = np.sign(weights[units, np.newaxis]) * change[:, units].T
    show_tiles(axes, tiles, UNIT_COLUMNS, captions, EFFECT_IMAGE)
    title = _("Hidden units: {count}", count=shown_of(len(units), len(weights), _))
    if len(later) == 1:
        number = N_("number: size of its output weight, largest first")
        tile = N_("tile: change of a unit's weights, times the sign of that weight")
    else:
        number = N_("number: size of the product of its later weights, largest first")
        tile = N_("tile: change of a unit's weights, times the sign of that product")
    axes.set_title(f"{title}; {_(number)}\n{_(tile)}")


def plot_unit_colours(axes: Axes, view: View, full: float) -> None:
    """Which change of a weight each colour is; the full one at both ends."""
    _ = view.translate
    colours = np.linspace(-1, 1, 256)[np.newaxis]
    axes.imshow(colours, aspect="auto", extent=(-full, full, 0, 1), **EFFECT_IMAGE)
    axes.set_xticks([-full, 0, full], [f"{-full:.2g}", "0", f"{full:+.2g}"])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_xlabel(_("red: ink there came to speak for {digit}, blue: against it"))


SAMPLES_SHOWN = 16  # of each digit
COPIES_SHOWN = 3  # of each original


def plot_samples(axes: Axes, view: View) -> None:
    """The first training images of each digit, in a row, and how many there are."""
    _ = view.translate
    train = view.run.dataset.train
    digit = view.run.settings.digit
    images_of = [train.images[train.digits == n] for n in range(DIGITS)]
    axes.imshow(image_grid(images_of, SAMPLES_SHOWN), **INK_IMAGE)
    labels = []
    for n, images in enumerate(images_of):
        labels.append(_("{shown}  ({n:,})", shown=n, n=len(images)))
    axes.set_yticks(IMAGE_SIDE * (np.arange(DIGITS) + 0.5), labels)
    axes.get_yticklabels()[digit].set_fontweight("bold")
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    axes.axhspan(
        digit * IMAGE_SIDE - 0.5,
        (digit + 1) * IMAGE_SIDE - 0.5,
        fill=False,
        edgecolor=DIGIT_COLOUR,
        linewidth=2,
        clip_on=False,
    )


def plot_copies(axes: Axes, view: View) -> None:
    """One training image of each digit, and below it copies by --augment."""
    _ = view.translate
    train = view.run.dataset.train
    rng = np.random.default_rng(view.run.settings.seed)
    first_of_each = np.unique(train.digits, return_index=True)[1]
    originals = train.images[first_of_each]
    copies = [augment(originals, rng) for _copy in range(COPIES_SHOWN)]
    axes.imshow(image_grid([originals, *copies], len(originals)), **INK_IMAGE)
    axes.axhline(IMAGE_SIDE - 0.5, color="black", linewidth=1)
    line = N_("Deformed copies of the first row; every epoch trains on new ones")
    axes.set_title(_(line))
    axes.set_axis_off()


# --- your own handwriting -------------------------------------------------------------


class Reading(NamedTuple):
    """What a network makes of the n digits in a picture."""

    found: FoundDigits
    images: np.ndarray  # (n, 784): what the network saw
    scores: np.ndarray  # (n,): its probabilities of a yes
    is_yes: np.ndarray  # bool (n,)
    effects: np.ndarray  # (n, 784): what spoke for a yes (to 1), against it (to -1)


class Reader:
    """A network that reads the digits in pictures, and says so in a language.

    path : the network's file; None of a network that has none
    paper_score : the score of empty paper, to which all effects in an image are added
    """

    def __init__(
        self,
        network: NeuralNetwork,
        settings: Settings,
        language: str,
        path: Path | None = None,
    ):
        self.network = network
        self.settings = settings
        self.path = path
        self.out = Output(language)
        self.translate = partial(self.out.translate, digit=settings.digit)
        paper = np.zeros((1, PIXELS), np.float32)
        self.paper_score = float(network.predict_proba(paper)[0])

    @classmethod
    def load(cls, path: Path, language: str | None) -> "Reader":
        """The reader of a run's file, or of a bare network's with the lab's settings.

        `language` is "en" or "ru"; None is the run's own. Raises ModelError for a file
        that is none, or whose network takes no images.
        """
        network = NeuralNetwork.load(path)
        if network.layer_sizes[0] != PIXELS:
            fault = f"{path}: its network takes no images"
            raise ModelError(f"{fault}; run train_network.py again")
        settings = train_network.read_settings(path, network.metadata)
        return cls(network, settings, language or settings.lang, path)

    def read(self, picture: np.ndarray) -> Reading:
        """Read a picture, uint8 (height, width) or (height, width, 3)."""
        found = find_digits(picture)
        images = np.array([digit.image for digit in found], np.float32)
        images = images.reshape(len(found), PIXELS)
        scores = self.network.predict_proba(images)
        effects = self.network.attribution(images)
        # An image without any effect is not divided by 0
        strongest = np.abs(effects).max(axis=1, keepdims=True, initial=1e-30)
        is_yes = scores >= self.settings.threshold
        return Reading(found, images, scores, is_yes, effects / strongest)

    def description(self) -> str:
        """Which network it is, and what it cannot do."""
        _ = self.translate
        layers = "-".join(map(str, self.network.layer_sizes))
        data = self.network.metadata.get("dataset")
        if data:
            line = N_("Network {layers} for the digit {digit}, trained on {data}")
            text = _(line, layers=layers, data=dataset_name(data, _))
        else:
            text = _("Network {layers} for the digit {digit}", layers=layers)
        return text + _("; it cannot tell what is no digit at all")

    def answers(self, reading: Reading) -> list[str]:
        """What each digit is taken for."""
        _ = self.translate
        if self.settings.digit == 8:  # the one that English has another article for
            yes = _("an {digit}")
            no = _("not an {digit}")
        else:
            yes = _("a {digit}")
            no = _("not a {digit}")
        return [yes if is_yes else no for is_yes in reading.is_yes]

    def left_out(self, reading: Reading) -> str:
        """What was found but is no digit, with its numbers; "" if nothing was."""
        _ = self.translate
        counts = [f"{_(reason)} ({n})" for reason, n in reading.found.left_out.items()]
        line = N_("Parts left out, as no digits: {reasons}")
        return _(line, reasons=", ".join(counts)) if counts else ""

    def why_none(self, reading: Reading) -> str:
        """Why no digit was made out in a picture, and what to do."""
        reasons = [self.left_out(reading), self.translate(reading.found.hint)]
        return ". ".join(reason for reason in reasons if reason)


def read_handwriting(options: argparse.Namespace) -> int:
    """Do what --image or --draw asks."""
    directory = options.output_dir or OUTPUT_DIR
    reader = choose_reader(options.output_dir, options.lang)
    line = N_("{description} ({path})")
    reader.out.screen(line, description=reader.description(), path=reader.path)
    if options.image:
        ending = options.format or FORMATS[0]
        return recognise_pictures(reader, options.image, directory, ending)
    open_pad(reader, directory)
    return 0


def choose_reader(named: Path | None, language: str | None) -> Reader:
    """The network of the directory that is named, if it has one.

    Otherwise it is the best network, if that knows the digit of the last run, else the
    last run's. `language` is as in `Reader.load`.
    """
    if named is not None and (named / MODEL_FILE).exists():
        return Reader.load(named / MODEL_FILE, language)
    last_run = OUTPUT_DIR / MODEL_FILE
    best = OUTPUT_DIR / "best" / MODEL_FILE
    if not best.exists():
        return Reader.load(last_run, language)
    reader = Reader.load(best, language)
    if last_run.exists():
        own = Reader.load(last_run, language)
        if own.settings.digit != reader.settings.digit:
            return own
    return reader


# The name of a figure that `recognise_pictures` wrote
RESULT_NAME = re.compile(rf".*_recognised(_\d+)?\.({'|'.join(FORMATS)})")


def recognise_pictures(
    reader: Reader, names: Sequence[Path], directory: Path, ending: str
) -> int:
    """Say and draw what is read in each picture; returns 2 if any of them failed.

    Parameters
    ----------
    names : pictures, directories of them, and patterns that the shell has left
    directory : where the figures go, each called after its picture
    ending : one of `FORMATS`
    """
    code = 0
    paths = []
    # The names may be a pattern that the shell has expanded, to our own figures as well
    originals = [name for name in names if not RESULT_NAME.fullmatch(name.name)]
    for name in originals or names:
        pictures = find_pictures(name)
        if not pictures:
            kinds = ", ".join(PICTURE_FORMATS)
            utils.warn(f"{name}: no picture there ({kinds}); name one")
            code = EXIT_BAD_INPUT
        paths += pictures

    written = Counter()  # results by the stem of their picture
    for path in dict.fromkeys(paths):  # each once
        try:
            picture = read_picture(path)
            reading = reader.read(picture)
            report_reading(reader, path, reading)
        except PictureError as error:
            utils.warn(str(error))
            code = EXIT_BAD_INPUT
            continue
        # a.jpg and a.png, or those of two directories, become a_recognised and
        # a_recognised_2; for some file systems so do a.jpg and A.jpg
        stem = path.stem.lower()
        written[stem] += 1
        number = f"_{written[stem]}" if written[stem] > 1 else ""
        target = directory / f"{path.stem}_recognised{number}.{ending}"
        save_figure(draw_recognised(reader, picture, reading), target)
        reader.out.screen("Written: {path}", path=target)
    return code


def find_pictures(name: Path) -> list[Path]:
    """The pictures that a name stands for, sorted.

    A directory stands for those in it, a pattern for those that it matches, both
    without what `recognise_pictures` wrote. What else is named is taken as it is, also
    where nothing is there.
    """
    is_directory = os.path.isdir(name)  # noqa: PTH112  (no error of a name too long)
    if is_directory:
        pattern = str(Path(escape(str(name))) / "*")
    elif os.path.lexists(name):
        return [name]
    else:
        pattern = str(name)
    matches = [Path(match) for match in sorted(glob(pattern))]  # noqa: PTH207
    if not matches and not is_directory:
        return [name]
    format_of = Image.registered_extensions()  # of an ending, as Pillow knows it
    pictures = []
    for path in matches:
        is_picture = format_of.get(path.suffix.lower()) in PICTURE_FORMATS
        if is_picture and path.is_file() and not RESULT_NAME.fullmatch(path.name):
            pictures.append(path)
    return pictures


def report_reading(reader: Reader, path: Path, reading: Reading) -> None:
    """Say what was read in a picture; PictureError where there is no digit."""
    _ = reader.translate
    if not reading.found:
        line = N_("{path}: no digit made out. {hint}")
        raise PictureError(_(line, path=path, hint=reader.why_none(reading)))
    line = N_("{path}: no. {number} of {n}: {answer} (score {score:.3f})")
    for place, answer in enumerate(reader.answers(reading)):
        reader.out.screen(
            line,
            path=path,
            number=place + 1,
            n=len(reading.found),
            answer=answer,
            score=reading.scores[place],
        )
    left_out = reader.left_out(reading)
    if left_out:
        reader.out.screen("{path}: {left_out}", path=path, left_out=left_out)


MOST_TILES = 60  # digits beyond these keep their box and their line on the screen
PICTURE_HEIGHT = 6.0  # inches, at most
PAIR_WIDTH = 2.8  # inches of a digit and of what spoke for it, at most
PAIR_COLUMNS = 4  # so that each caption has room


@in_our_style
def draw_recognised(reader: Reader, picture: np.ndarray, reading: Reading) -> Figure:
    """The picture with its digits, one at least, boxed, and what the network saw."""
    _ = reader.translate
    found = len(reading.found)
    shown = min(found, MOST_TILES)
    line = N_("Digits found: {found}; taken for {digit}: {yes}")
    title = [_(line, found=found, yes=np.sum(reading.is_yes))]
    if shown < found:
        title.append(_("Only the first {shown} are shown one by one", shown=shown))
    line = N_(
        "A digit's colours add up from the score of empty paper to its own score; "
        "its strongest pixel has full colour"
    )
    footer = [_(line), reader.left_out(reading), reader.description()]

    # The picture, and below it a pair of tiles for each digit
    height, width = picture.shape[:2]
    columns = min(shown, PAIR_COLUMNS)
    tiles_width = min(WIDTH, columns * PAIR_WIDTH)
    rows = {
        "picture": PANEL_TITLE + min(WIDTH * height / width, PICTURE_HEIGHT),
        "pairs": PANEL_TITLE + tiles_height(tiles_width, 2 * shown, 2 * columns),
    }
    figure, axes = empty_figure("\n".join(title), "\n".join(footer), rows)
    plot_boxes(axes["picture"], picture, reading)
    axes["picture"].set_title(_("The picture (solid box: yes, dashed: no)"))

    pairs = np.stack([reading.images, reading.effects], axis=1)  # (n, 2, 784)
    paper = reader.paper_score
    captions = []
    for place, answer in enumerate(reader.answers(reading)[:shown]):
        captions.append(_("No. {number}: {answer}", number=place + 1, answer=answer))
        score = reading.scores[place]
        captions.append(_("from {paper:.2f} to {score:.2f}", paper=paper, score=score))
    tiles = pairs[:shown].reshape(2 * shown, PIXELS)
    show_tiles(axes["pairs"], tiles, 2 * columns, captions, INK_IMAGE, EFFECT_IMAGE)
    line = N_(
        "What the network saw, and what spoke for {digit} (dark red) "
        "or against (lighter blue)"
    )
    axes["pairs"].set_title(_(line))
    return figure


NO_BOX = {"edgecolor": AGAINST_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
YES_BOX = {"edgecolor": FOR_COLOUR, "linewidth": 2.2}
# Around both, as a picture may be as dark as they are
BOX_EDGE = [withStroke(linewidth=3.4, foreground="white")]


def plot_boxes(axes: Axes, picture: np.ndarray, reading: Reading) -> None:
    """The picture with its digits boxed and numbered: solid boxes say yes."""
    axes.imshow(picture, **GREY_IMAGE)
    for place, digit in enumerate(reading.found):
        left, top, right, bottom = digit.box
        style = YES_BOX if reading.is_yes[place] else NO_BOX
        corner = (left - 0.5, top - 0.5)  # imshow's pixels lie around whole numbers
        box = Rectangle(corner, right - left, bottom - top, fill=False, **style)
        box.set_path_effects(BOX_EDGE)
        axes.add_patch(box)
        axes.text(
            *corner,
            f"{place + 1}",
            ha="right",
            va="bottom",
            color="white",
            fontsize=SMALL_TEXT - 1,
            bbox={"boxstyle": "square,pad=0.1", "color": style["edgecolor"]},
        )
    axes.set(anchor="NW")
    axes.set_axis_off()


# --- a pad to draw digits on ----------------------------------------------------------

PAD_SIDE = 280  # pixels, ten for each of MNIST's
PEN_WIDTH = 20  # pixels: two of MNIST's, a stroke of usual thickness there
PAD_SIZE = (WIDTH, 6)  # inches
PAD_PANELS = {  # left, bottom, width, height, as shares of the window
    "pad": (0.02, 0.12, 0.6, 0.78),
    "seen": (0.66, 0.53, 0.32, 0.33),
    "why": (0.66, 0.12, 0.32, 0.33),
}
POINTS_PER_INCH = 72  # of a line's width
VERDICT_CHARACTERS = 80  # that fit into a line above the pad
VERDICT_LINES = 2  # that fit there
KEYS = {"c": "clear", "s": "save", "q": "close"}


# As matplotlib comes, whatever the user's matplotlibrc says; and a path may hold $
@matplotlib.style.context(["default", {"text.parse_math": False}])
def open_pad(reader: Reader, directory: Path) -> None:
    """Open a window with a pad until it is closed; UserError without a screen."""
    fault = "there is no screen"
    try:
        if WINDOW_BACKEND:
            matplotlib.use(WINDOW_BACKEND)
        import matplotlib.pyplot as plt

        # Without its toolbar, whose zoom and pan would take the mouse
        with matplotlib.rc_context({"toolbar": "None"}):
            window = plt.figure(reader.translate("Does it know your digit?"), PAD_SIZE)
        has_screen = bool(window.canvas.required_interactive_framework)
    except Exception as error:  # each window system fails in its own way
        fault = textwrap.shorten(str(error), 90, placeholder=" ...")
        has_screen = False
    if not has_screen:
        if WINDOW_BACKEND:
            fault = f"MPLBACKEND is {WINDOW_BACKEND}: {fault}"
        raise UserError(
            f"cannot open a window ({fault}); use --image instead of --draw"
        )
    # Keys are the pad's; callbacks alone would not keep it alive
    window.canvas.mpl_disconnect(window.canvas.manager.key_press_handler_id)
    window.pad = DrawingPad(window, reader, directory)
    plt.show()


class DrawingPad:
    """A figure to draw on with the mouse, which says what the drawing is taken for.

    It is read when a stroke ends: a window loses what the mouse does while its program
    is busy, and a quick 8 would become a triangle. Until then the ink alone is shown.

    drawing : uint8 (PAD_SIDE, PAD_SIDE), 255 paper and 0 ink: what --image would read
    reading : what the network makes of it, as it was when the last stroke ended
    verdict : what the pad says
    panels : matplotlib's images of the drawing, of what the network sees, and of what
        in it spoke for a yes
    """

    def __init__(self, figure: Figure, reader: Reader, directory: Path):
        self.figure = figure
        self.reader = reader
        self.directory = directory
        self._pen: tuple[float, float] | None = None  # where the stroke has got to
        _ = reader.translate
        figure.set(facecolor="#E4E4E4")  # so that paper is seen
        keys = _("Keys: c clears, s saves, q closes")
        figure.text(0.02, 0.02, f"{keys}\n{reader.description()}", fontsize=SMALL_TEXT)
        titles = {
            "pad": "",
            "seen": _("What the network sees"),
            "why": "",  # which each reading says
        }
        styles = {"pad": GREY_IMAGE, "seen": INK_IMAGE, "why": EFFECT_IMAGE}
        self.panels = []
        for name, rectangle in PAD_PANELS.items():
            axes = figure.add_axes(rectangle)
            axes.set_title(titles[name], fontsize="medium")
            axes.set_axis_off()
            blank = np.zeros((PAD_SIDE, PAD_SIDE))  # images of 28 x 28 fill its place
            self.panels.append(axes.imshow(blank, **styles[name]))
        self.axes = self.panels[0].axes
        # A line of a stroke, as the screen shows it until the whole figure is drawn
        self._line = Line2D([], [], color="black", solid_capstyle="round")
        self._line.set_animated(True)
        self.axes.add_artist(self._line)
        for event in "button_press", "motion_notify", "button_release":
            figure.canvas.mpl_connect(f"{event}_event", self._follow_mouse)
        figure.canvas.mpl_connect("key_press_event", self._press_key)
        self.clear()

    def clear(self) -> None:
        self.drawing = np.full((PAD_SIDE, PAD_SIDE), FULL_INK, np.uint8)
        self._recognise()

    def save(self) -> None:
        """Write the drawing under a new name; the pad says which, or what failed."""
        _ = self.reader.translate
        if not self.reading.found:
            self._show(_("Nothing to save: there is no digit yet"))
            return
        path = self.directory / "drawing.png"
        number = 1
        while path.exists():
            number += 1
            path = self.directory / f"drawing_{number}.png"
        try:
            with utils.atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            self._show(str(error))
            return
        self.reader.out.screen("Written: {path}", path=path)
        self._show(_("Saved as {name}", name=path.name))

    def close(self) -> None:
        import matplotlib.pyplot as plt

        plt.close(self.figure)

    def _press_key(self, event: KeyEvent) -> None:
        key = (event.key or "").lower()
        if key in KEYS:
            getattr(self, KEYS[key])()

    def _follow_mouse(self, event: MouseEvent) -> None:
        """The left button puts a round pen down; the stroke may leave the pad."""
        to_pixels = self.axes.transData.inverted()
        x, y = to_pixels.transform((event.x, event.y))
        is_left = event.button == MouseButton.LEFT
        if event.name == "button_press_event" and is_left and event.inaxes is self.axes:
            self._pen = (x, y)
        if self._pen is None:
            return
        self._add_ink(self._pen, (x, y))
        self._show_ink(self._pen, (x, y))
        self._pen = (x, y)
        if event.name == "button_release_event" and is_left:
            self._pen = None
            self._recognise()

    def _add_ink(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw a line of the stroke into the drawing."""
        image = Image.fromarray(self.drawing)
        pen = ImageDraw.Draw(image)
        pen.line((start, end), fill=0, width=PEN_WIDTH)
        x, y = end
        radius = PEN_WIDTH / 2
        pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        self.drawing = np.array(image)
        self.panels[0].set_data(self.drawing)

    def _show_ink(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        """Draw the same line on the screen; the panel alone takes ten times as long."""
        canvas = self.figure.canvas
        if not canvas.supports_blit:
            canvas.draw_idle()
            return
        dots = PEN_WIDTH * self.axes.bbox.width / PAD_SIDE
        self._line.set_linewidth(dots * POINTS_PER_INCH / self.figure.dpi)
        self._line.set_data(*zip(start, end, strict=True))
        self.axes.draw_artist(self._line)
        around = self._line.get_window_extent().padded(dots)
        changed = Bbox.intersection(around, self.axes.bbox)
        if changed is not None:  # some of it is on the pad
            canvas.blit(changed)

    def _recognise(self) -> None:
        """Let the drawing go the way of a picture; of several digits the likeliest."""
        _ = self.reader.translate
        self.reading = reading = self.reader.read(self.drawing)
        seen = why = np.zeros(PIXELS)
        title = _("Red: for {digit}, blue: against")
        if reading.found:
            likeliest = reading.scores.argmax()
            seen = reading.images[likeliest]
            why = reading.effects[likeliest]
            paper = self.reader.paper_score
            score = reading.scores[likeliest]
            line = N_("in sum from {paper:.2f} to {score:.2f}")
            title += ",\n" + _(line, paper=paper, score=score)
        for image, pixels in zip(self.panels, (self.drawing, seen, why), strict=True):
            side = math.isqrt(pixels.size)
            image.set_data(pixels.reshape(side, side))
        self.panels[2].axes.set_title(title, fontsize="medium")
        self._show(self._verdict())

    def _verdict(self) -> str:
        """What the drawing is taken for, what was left out; "" if nothing is drawn."""
        reader = self.reader
        reading = self.reading
        if not reading.found:
            is_blank = (self.drawing == FULL_INK).all()
            return "" if is_blank else reader.why_none(reading)
        verdicts = []
        answers = reader.answers(reading)
        for answer, score in zip(answers, reading.scores, strict=True):
            verdicts.append(f"{answer} ({score:.2f})")
        texts = [", ".join(verdicts), reader.left_out(reading)]
        return ". ".join(text for text in texts if text)

    def _show(self, verdict: str) -> None:
        self.verdict = verdict
        hint = self.reader.translate("Draw a digit here with the left mouse button")
        text = textwrap.fill(
            verdict or hint,
            VERDICT_CHARACTERS,
            max_lines=VERDICT_LINES,
            placeholder=" ...",
        )
        self.figure.suptitle(text, x=0.02, ha="left")
        self.figure.canvas.draw_idle()


if __name__ == "__main__":
    utils.run_script(main)
