"""Draw what a training run learnt, and let its network read your own handwriting.

    python visualize_results.py --help       everything that can be done, with examples

Reads a run's model.npz in sample_outputs/ (or --output-dir) and the images that it is about, and
writes pictures there. A figure is a function, listed in `FIGURES`: a title, axes, a call a panel.
"""

from __future__ import annotations

import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while NumPy loads: no traceback

import argparse
import math
import os
import textwrap
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial, reduce
from glob import glob
from itertools import chain, count, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

# It is for --show and --draw alone, and one that is unknown would end the import of matplotlib.
WINDOW_BACKEND = os.environ.pop("MPLBACKEND", None)

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import NullFormatter, PercentFormatter
from matplotlib.widgets import Button

import mnist_loader
import train_network
import utils
from mnist_loader import DIGITS, FULL_INK, IMAGE_SIDE, PIXELS, PictureError, augment, find_digits
from neural_network import ModelError, NeuralNetwork
from train_network import MODEL_FILE, OUTPUT_DIR, Run, Settings, dataset_name
from utils import EXIT_BAD_INPUT, N_, Evaluation, Output, Rate, UserError, atomic_write

# --- how every figure looks -------------------------------------------------------------------

WIDTH, DPI = 8.4, 160  # inches: shown 840 pixels wide, an inch has 100, and 9 points are 12 high
STYLE = {  # beside matplotlib's own defaults, whatever the user's matplotlibrc says
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "errorbar.capsize": 3,
    "figure.titlesize": 11,
    "figure.titleweight": "bold",
    "legend.edgecolor": "none",
    "lines.markersize": 4,
    "text.parse_math": False,  # a data set may be called x$y$
}
SMALL_TEXT = 8  # points
TITLE_CHARACTERS, FOOTER_CHARACTERS = 84, 125  # that fit into a line of a figure
TITLE_AND_FOOTER = 0.9  # inches
# Each colour means one thing. Most are Okabe and Ito's, told apart by colour-blind readers.
DIGIT_COLOUR, OTHERS_COLOUR = "#E69F00", "#0072B2"  # orange: images of the digit; blue: others
FOR_COLOUR, AGAINST_COLOUR = "#B2182B", "#2166AC"  # red speaks for the digit, blue against it
ACCURACY = {"color": "black", "marker": "o"}
RECALL = {"color": "#009E73", "marker": "s", "linestyle": ":"}
PRECISION = {"color": "#AA4499", "marker": "^", "linestyle": "-."}
TEST_LOSS = {"color": "black", "marker": "s"}
TRAINING_LOSS = {"color": "black", "marker": "o", "linestyle": ":", "markerfacecolor": "white"}
THRESHOLD = {"color": "white", "marker": "o", "markeredgecolor": "black", "markersize": 8}
REFERENCE = {"color": "#555555", "linestyle": "--", "linewidth": 1}
INK = {"cmap": "gray_r", "vmin": 0, "vmax": 1, "interpolation": "nearest"}  # ink is dark
EFFECT_COLOURS = (AGAINST_COLOUR, "white", FOR_COLOUR)
EFFECT = INK | {"cmap": LinearSegmentedColormap.from_list("", EFFECT_COLOURS), "vmin": -1}
PAPER = {"cmap": "gray", "vmin": 0, "vmax": FULL_INK}
VERDICTS = {  # colour, marker, colour of its inside
    **dict.fromkeys((utils.CONFIRMED, train_network.BETTER), ("black", "s", "black")),
    **dict.fromkeys((utils.REFUTED, train_network.WORSE), ("black", "o", "white")),
    **dict.fromkeys((utils.INCONCLUSIVE, train_network.NO_EFFECT), ("#777777", "D", "#777777")),
}
IMAGE_SHARE, CAPTION_SHARE = 0.9, 0.26  # of a tile's width: its image, and the text below it
MISTAKE_ROWS, MISTAKE_COLUMNS = 2, 8  # of misses, and of false alarms
UNITS_SHOWN, UNIT_COLUMNS = 16, 4  # hidden units most for the digit, and most against it
CLAIM_EXAMPLES, SAMPLES_SHOWN, COPIES_SHOWN, MOST_EPOCH_TICKS = 5, 16, 3, 8
SCORE_BINS = np.linspace(0, 1, 11)  # the usual threshold, 0.5, is an edge
FOUND_AND_TAKEN = N_(
    "{r.true_positives:,} of {r.positives:,} {digit}s found; "
    "{r.false_positives:,} of {r.negatives:,} others taken for one"
)
PRECISION_LABEL = N_("precision: correct among the yes answers")
RATE = N_("{rate.share:.1%} ({rate.count:,} of {rate.total:,})")
FILM_FILE, STUDY_FIGURE = "hidden_units.gif", "study"
FILM_DPI, FRAME_MS, LAST_FRAME_MS = 100, 333, 2000  # it rests on its end before it starts again
Translate = Callable[..., str]  # `_`: a Language, or one that has some fields filled in


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    if (options.figures or options.show) and (options.animate or options.image or options.draw):
        raise UserError("--figures and --show have no meaning with --animate, --image or --draw")
    directory = options.output_dir or OUTPUT_DIR
    with matplotlib.style.context(["default", STYLE]):
        if options.image or options.draw:
            return read_handwriting(options, directory)
        run = read_run(directory, options.data_dir)
        out = Output(options.lang or run.settings.lang)
        if options.animate:
            write_film(run, out, utils.writable_directory(directory, [FILM_FILE]) / FILM_FILE)
        else:
            write_figures(run, out, options, directory)
    return 0


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser(
        "Draw what the last run of train_network.py learnt, or read your own handwriting.",
        """
        python visualize_results.py                              the figures of the last run
        python visualize_results.py --figures report --lang ru   one of them, in Russian
        python visualize_results.py --image my_digit.jpg         which digits are in the picture?
        """,
    )
    names, formats = (*FIGURES, STUDY_FIGURE), ("png", "svg", "pdf")
    add, name = parser.add_argument_group("figures").add_argument, {"metavar": "NAME"}
    which = f"which to write, of {', '.join(names)} (default: all)"
    add("--figures", nargs="+", choices=names, help=which, **name)
    add("--format", choices=formats, default="png", help="png, svg or pdf (default: png)", **name)
    add("--show", action="store_true", help="open a window for each figure, too")
    group = parser.add_argument_group("instead of figures")
    add = group.add_mutually_exclusive_group().add_argument
    add("--animate", action="store_true", help=f"write a film of the hidden units, {FILM_FILE}")
    add("--image", type=Path, nargs="+", metavar="FILE", help="read the digits in these pictures")
    add("--draw", action="store_true", help="open a pad to draw digits on")
    directory = {"type": Path, "metavar": "DIR"}
    add = parser.add_argument_group("directories and language").add_argument
    add("--data-dir", help="of MNIST (default: $MNIST_DATA_DIR or data/)", **directory)
    where = "of the run (default: sample_outputs/; for --image and --draw its best/, if there)"
    add("--output-dir", help=where, **directory)
    add("--lang", choices=utils.LANGUAGES, help="language, en or ru (default: the run's)", **name)
    return parser


# --- reading a run, writing and showing -------------------------------------------------------


def read_run(directory: Path, data_dir: Path | None) -> Run:
    """The finished run in a directory; UserError where its test images leave nothing to draw."""
    run = train_network.load_run(directory / MODEL_FILE, data_dir)
    if len(np.unique(run.dataset.test.digits == run.settings.digit)) < 2:
        line = f"the run's test images do not show both the {run.settings.digit} and other digits"
        raise UserError(f"{line}; take more with train_network.py --test-size")
    return run


def write_figures(run: Run, out: Output, options: argparse.Namespace, directory: Path) -> None:
    """The figures asked for, or all; of the study, where there is a finished one."""
    has_study = (directory / train_network.STUDY_LOG_FILE).exists()
    names = options.figures or [*FIGURES, *([STUDY_FIGURE] if has_study else [])]
    utils.writable_directory(directory, [f"{name}.{options.format}" for name in names])
    figures = {}
    for name in names:
        if name == STUDY_FIGURE:
            figure = draw_study(directory / train_network.STUDY_FILE, out.language)
        elif name == "error_analysis":  # errors are few: those on all test images
            sizes = run.settings.train_size, None
            data = train_network.load_data(run.dataset.name, options.data_dir, *sizes)
            figure = draw_error_analysis(replace(run, dataset=data), out.language)
        else:
            figure = FIGURES[name](run, out.language)
        path = directory / f"{name}.{options.format}"
        save_figure(figure, path)
        out.screen("Written: {path}", path=path)
        figures[name] = figure
    if options.show:
        for name, figure in figures.items():
            window = open_window(name, figure.get_size_inches())
            window.add_axes((0, 0, 1, 1), frameon=False).imshow(picture_of(figure).convert("RGB"))
        show_windows()


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure in the format of its name's ending; a PNG of the same has the same bytes."""
    with atomic_write(path) as file:
        if path.suffix == ".png":
            picture_of(figure).save(file, "PNG", dpi=(DPI, DPI))
        else:
            figure.savefig(file, format=path.suffix[1:])


def picture_of(figure: Figure) -> Image.Image:
    """The figure drawn, in 256 colours: they are enough, and a fraction of the bytes.

    Chosen to cover all that occur: chosen by number, a photo's greys would leave none for a red.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
    return picture.quantize(method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)


def open_window(title: str, size: Sequence[float]) -> Figure:
    """An empty figure in a window, by pyplot; UserError where there is no screen."""
    reason = "there is no screen"
    try:
        if WINDOW_BACKEND:
            matplotlib.use(WINDOW_BACKEND)
        import matplotlib.pyplot as plt

        figure = plt.figure(title, size)
        if figure.canvas.required_interactive_framework:
            return figure
    except Exception as error:  # each window system fails in its own way
        reason = textwrap.shorten(str(error), 90, placeholder=" ...")
    if WINDOW_BACKEND:
        reason = f"MPLBACKEND is {WINDOW_BACKEND}: {reason}"
    raise UserError(f"cannot open a window ({reason}); use neither --show nor --draw, but --image")


def show_windows() -> None:
    import matplotlib.pyplot as plt

    plt.show()


# --- figures ----------------------------------------------------------------------------------


def evaluated(run: Run, _: Translate) -> tuple[Evaluation, Translate]:
    """How the run does, and `_` with this, as {r}, and {digit} and {threshold} filled in."""
    result = run.evaluate()
    threshold = np.format_float_positional(result.threshold, precision=12, trim="-")
    return result, partial(_, r=result, digit=run.settings.digit, threshold=threshold)


def start_figure(
    run: Run, result: Evaluation, title: str, rows: dict[str, float], _: Translate
) -> tuple[Figure, dict[str, Axes]]:
    """A figure of the run with its axes by name: rows of names, and how many inches high each is.

    What readers must not overlook follows the title.
    """
    lines = [title]
    if only := result.only_answer:
        lines.append(_(train_network.ONE_ANSWER, only=_(only)))
    if run.dataset.name == "sample":
        lines.append(_("(data: the bundled sample, not MNIST)"))
    footer = [
        dataset_name(run.dataset.name, _),
        _("training images: {n:,}", n=len(run.dataset.train.digits)),
        _("test images: {n:,}", n=result.total),
        _("network {layers}", layers="-".join(map(str, run.network.layer_sizes))),
        _("seed {n}", n=run.settings.seed),
        _("epochs: {n}", n=len(run.history)),
    ]
    return empty_figure("\n".join(lines), "; ".join(footer), rows)


def empty_figure(title: str, footer: str, rows: dict[str, float]) -> tuple[Figure, dict[str, Axes]]:
    heights = list(rows.values())
    figure = Figure((WIDTH, sum(heights) + TITLE_AND_FOOTER), DPI, layout="constrained")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.07)
    lines = (textwrap.fill(line, TITLE_CHARACTERS) for line in title.splitlines())
    figure.suptitle("\n".join(lines), x=0.01, ha="left")
    small = {"fontsize": SMALL_TEXT, "color": REFERENCE["color"]}
    figure.supxlabel(textwrap.fill(footer, FOOTER_CHARACTERS), x=0.01, ha="left", **small)
    return figure, figure.subplot_mosaic([row.split() for row in rows], height_ratios=heights)


def draw_report(run: Run, _: Translate) -> Figure:
    result, _ = evaluated(run, _)
    usual, n = _(result.usual_answer), max(result.positives, result.negatives)
    line = N_('{r.correct:,} of {r.total:,} answers correct ({n:,} by always answering "{usual}")')
    title = f"{_(FOUND_AND_TAKEN)}\n{_(line, n=n, usual=usual)}"
    rows = {"shares confusion": 3.1, "precision missed": 2.1, "precision alarms": 2.1}
    figure, axes = start_figure(run, result, title, rows, _)
    plot_shares(axes["shares"], run, result, _)
    plot_confusion(axes["confusion"], result, _)
    plot_precision_recall(axes["precision"], result, _)
    plot_missed(axes["missed"], run, result, 5, _)
    plot_false_alarms(axes["alarms"], run, result, 5, _)
    return figure


def draw_learning_curves(run: Run, _: Translate) -> Figure:
    result, _ = evaluated(run, _)
    title = _("{r.true_positives:,} of {r.positives:,} {digit}s found; test loss {r.loss:.4f}")
    figure, axes = start_figure(run, result, title, {"loss shares": 3.3}, _)
    plot_loss(axes["loss"], run, _)
    plot_shares(axes["shares"], run, result, _)
    return figure


def draw_threshold_curves(run: Run, _: Translate) -> Figure:
    result, _ = evaluated(run, _)
    line = N_("Threshold {threshold}; a lower one finds more, and takes more others for it")
    rows = {"thresholds precision": 3.4, "scores scores": 2.6}
    figure, axes = start_figure(run, result, f"{_(FOUND_AND_TAKEN)}\n{_(line)}", rows, _)
    plot_by_threshold(axes["thresholds"], result, _)
    plot_precision_recall(axes["precision"], result, _)
    plot_scores(axes["scores"], result, _)
    return figure


def draw_mistakes(run: Run, _: Translate) -> Figure:
    result, _ = evaluated(run, _)
    counts, rows = {"missed": result.false_negatives, "alarms": result.false_positives}, {}
    for name, n in counts.items():
        shown = min(n, MISTAKE_ROWS * MISTAKE_COLUMNS)
        rows[name] = 0.3 + tiles_height(WIDTH, shown, MISTAKE_COLUMNS)
    figure, axes = start_figure(run, result, _(FOUND_AND_TAKEN), rows, _)
    plot_missed(axes["missed"], run, result, MISTAKE_COLUMNS, _)
    plot_false_alarms(axes["alarms"], run, result, MISTAKE_COLUMNS, _)
    return figure


def draw_error_analysis(run: Run, _: Translate) -> Figure:
    """No claim is tested where the network answers the same to everything."""
    result, _ = evaluated(run, _)
    claims = run.examine_claims(result)
    yes, no = (sum(c.verdict == v for c in claims) for v in (utils.CONFIRMED, utils.REFUTED))
    line = N_("{r.total:,} test images: {yes} of {n} claims about errors confirmed, {no} refuted")
    title = _(line, n=len(claims), yes=yes, no=no) if claims else _(FOUND_AND_TAKEN)
    rows = {"claims claims examples": 0.8 * len(claims) + 0.7} if claims else {}
    figure, axes = start_figure(run, result, title, rows | {"alarms alarms alarms": 2.9}, _)
    if claims:
        plot_claims(axes["claims"], axes["examples"], run, claims, _)
    plot_alarm_rates(axes["alarms"], run, result, _)
    return figure


def draw_hidden_units(run: Run, _: Translate, replay: Run | None = None) -> Figure:
    """Also a frame of the film: a replay of the run, as far as it has got, with its loss below."""
    result, _ = evaluated(run, _)
    start = run.settings.network().weights[0]
    learnt, change = (one.network.weights[0] - start for one in (run, replay or run))
    share = np.linalg.norm(learnt) / np.linalg.norm(start) if start.any() else None
    full = max(float(np.quantile(np.abs(learnt), 0.998)), 1e-6)  # the few larger look the same
    line = N_("Training changed the hidden units' weights by {share:.0%} of their random start")
    n = min(len(run.network.biases[0]), UNITS_SHOWN)
    rows = {"for against": 0.3 + tiles_height(WIDTH / 2, n, UNIT_COLUMNS), "colours colours": 0.15}
    if replay:
        rows["loss loss"] = 2.4
    figure, axes = start_figure(run, result, _(line, share=share), rows, _)
    plot_units(axes["for"], run.network, 1, change / full, _("Units for {digit}"), _)
    plot_units(axes["against"], run.network, -1, change / full, _("Units against {digit}"), _)
    plot_unit_colours(axes["colours"], full, _)
    if replay:
        epoch, epochs = len(replay.history), run.settings.epochs
        plot_loss(axes["loss"], run, _)
        axes["loss"].axvline(epoch, **REFERENCE)
        axes["loss"].set_xlim(-0.5, epochs + 0.5)  # in all frames, the start's epoch 0 too
        axes["loss"].legend(loc="upper right")
        axes["loss"].set_title(_("Loss; epoch {epoch} of {epochs}", epoch=epoch, epochs=epochs))
    return figure


def draw_samples(run: Run, _: Translate) -> Figure:
    result, _ = evaluated(run, _)
    rate = Rate.of(run.dataset.train.digits == run.settings.digit)
    title = _("{rate.count:,} of {rate.total:,} training images show the {digit}", rate=rate)
    rows = {"samples": 4.9} | ({"copies": 2.4} if run.settings.augment else {})
    figure, axes = start_figure(run, result, title, rows, _)
    plot_samples(axes["samples"], run, _)
    if run.settings.augment:
        plot_copies(axes["copies"], run, _)
    return figure


# A new figure is a function, a line here, its lines in data/russian.json, a row in README.md.
FIGURES: dict[str, Callable[[Run, Translate], Figure]] = {
    "report": draw_report,
    "learning_curves": draw_learning_curves,
    "threshold_curves": draw_threshold_curves,
    "mistakes": draw_mistakes,
    "error_analysis": draw_error_analysis,
    "hidden_units": draw_hidden_units,
    "samples": draw_samples,
}


def draw_study(path: Path, _: Translate) -> Figure:
    """What each improvement of the lab's run brings, from the file that --study wrote."""
    about, study = train_network.read_study(path)
    lab_run, *rows = train_network.compare_study(study)
    rows.sort(key=lambda row: -row.difference)
    verdicts = [row.verdict for row in rows]
    better, worse = verdicts.count(train_network.BETTER), verdicts.count(train_network.WORSE)
    line = N_("Of {n} changes to the lab's run, each alone, {better} are better, {worse} worse")
    title = _(line, n=len(rows), better=better, worse=worse)
    digit, data = about["settings"]["digit"], dataset_name(about["dataset"], _)
    line = N_("digit {digit}, {data}; {n} seeds, compared with the lab's run seed by seed")
    footer = _(line, n=train_network.STUDY_SEEDS, digit=digit, data=data)
    figure, axes = empty_figure(title, footer, {"study": 0.3 * len(rows) + 0.8})
    labels = [f"{_(row.change)}: F1 {row.f1:.1%}" for row in rows]
    plot_differences(axes["study"], rows, labels, _)
    axes["study"].set_title(_("0: the lab's run, F1 {f1:.1%}", f1=lab_run.f1))
    axes["study"].set_xlabel(_("difference of F1 in percentage points, 95% intervals"))
    return figure


def write_film(run: Run, out: Output, path: Path) -> None:
    """Replay the training from the run's settings: a frame for what each epoch has added."""
    replay, frames = Run(run.settings, run.settings.network(), run.dataset), []
    on_progress = partial(train_network.show_progress, out, replay)
    for _row in chain([None], train_network.train_epochs(replay, on_progress)):
        figure = draw_hidden_units(run, out.language, replay)
        figure.set_dpi(FILM_DPI)
        frames.append(picture_of(figure))
    times = [FRAME_MS] * (len(frames) - 1) + [LAST_FRAME_MS]
    with atomic_write(path) as file:
        frames[0].save(file, "GIF", save_all=True, append_images=frames[1:], duration=times, loop=0)
    out.screen("Written: {path}", path=path)


# --- panels: each draws one thing on axes that a figure gives it ------------------------------
# Their `_` has {digit}, {threshold} and the evaluation, {r}, filled in already.


def plot_loss(axes: Axes, run: Run, _: Translate) -> None:
    training, test = _("training images, during the epoch"), _("test images, after it")
    plot_history(axes, run, _, loss=(TRAINING_LOSS, training), test_loss=(TEST_LOSS, test))
    axes.set(title=_("Loss (mean squared error)"), ylim=(0, None))
    axes.legend()


def plot_shares(axes: Axes, run: Run, result: Evaluation, _: Translate) -> None:
    """Test accuracy and recall by epoch, beside the accuracy of the commoner answer alone."""
    accuracy, recall = (ACCURACY, _("accuracy")), (RECALL, _("recall: {digit}s found"))
    plot_history(axes, run, _, test_accuracy=accuracy, test_recall=recall)
    label = _('always "{usual}": {r.majority_share:.1%}', usual=_(result.usual_answer))
    axes.axhline(result.majority_share, label=label, **REFERENCE)
    axes.set(title=_("Answers on the test images"), ylim=(max(0, axes.get_ylim()[0]), 1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend(labelcolor="linecolor")


def plot_history(axes: Axes, run: Run, _: Translate, **lines: tuple[dict, str]) -> None:
    """Values of the history by epoch, each with its style and label; None is not drawn."""
    epochs = [row["epoch"] for row in run.history]
    for name, (style, label) in lines.items():
        values = np.array([row[name] for row in run.history], float)
        axes.plot(epochs, values, clip_on=False, label=label, **style)
    axes.set_xticks(np.unique(np.linspace(1, len(epochs), MOST_EPOCH_TICKS).round()))
    axes.set_xlabel(_("epoch"))


def plot_confusion(axes: Axes, result: Evaluation, _: Translate) -> None:
    """The four counts, each shaded by its share of its row."""
    r, names = result, [_("found"), _("missed"), _("false alarms"), _("correctly no")]
    counts = r.true_positives, r.false_negatives, r.false_positives, r.true_negatives
    shares = np.reshape(counts, (2, 2)) / [[r.positives], [r.negatives]]
    axes.imshow(shares, cmap="Greys", vmin=0, vmax=1.2, aspect="auto")
    for n, name, ((row, column), share) in zip(counts, names, np.ndenumerate(shares), strict=True):
        style = {"ha": "center", "color": "white" if share > 0.6 else "black"}
        axes.text(column, row, _("{n:,}", n=n), va="bottom", fontsize=16, **style)
        axes.text(column, row + 0.06, name, va="top", **style)
    axes.set_xticks([0, 1], [_(utils.YES), _(utils.NO)])
    axes.set_yticks([0, 1], [_("{digit}\n({r.positives:,})"), _("others\n({r.negatives:,})")])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set(title=_("Answers at threshold {threshold}"))
    axes.set(xlabel=_("the network's answer"), ylabel=_("the image shows"))


def counts_by_threshold(result: Evaluation) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Each score that occurs, rising, and the true and false positives with it as threshold."""
    thresholds = np.unique(result.scores)
    groups = (np.sort(result.scores[result.truth == group]) for group in (True, False))
    return thresholds, *(len(scores) - np.searchsorted(scores, thresholds) for scores in groups)


def plot_by_threshold(axes: Axes, result: Evaluation, _: Translate) -> None:
    """Recall and precision with each threshold; above all scores nothing is found."""
    thresholds, true, false = counts_by_threshold(result)
    recall, precision = true / result.positives, true / (true + false)
    for style, label, values in (
        (RECALL, _("recall: {digit}s found"), [1, *recall, 0]),
        (PRECISION, _(PRECISION_LABEL), [result.positive_share, *precision, np.nan]),
    ):
        style = style | {"marker": "", "drawstyle": "steps-pre"}
        axes.plot([0, *thresholds, 1], values, label=label, clip_on=False, **style)
    axes.axvline(result.threshold, label=_("threshold {threshold}"), **REFERENCE)
    axes.set(xlim=(0, 1), ylim=(0, 1.03), xlabel=_("threshold: yes from this score up"))
    axes.set(title=_("What another threshold would find, and cost"))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend()


def plot_precision_recall(axes: Axes, result: Evaluation, _: Translate) -> None:
    """Precision as steps over recall. Its average weighs each precision by the recall it adds."""
    _thresholds, true, false = counts_by_threshold(result)
    recall, precision = true[::-1] / result.positives, (true / (true + false))[::-1]
    average = np.sum(np.diff(recall, prepend=0) * precision)
    axes.plot([0, *recall], [precision[0], *precision], color="black", drawstyle="steps-pre")
    label = _('always "yes": {r.positive_share:.1%}')
    axes.axhline(result.positive_share, label=label, **REFERENCE)
    label, style = _("threshold {threshold}"), {"clip_on": False, "zorder": 3, **THRESHOLD}
    axes.plot(result.recall, result.precision, linestyle="", label=label, **style)
    axes.set(xlim=(0, 1), ylim=(0, 1.03))
    axes.set(xlabel=_("recall: {digit}s found"), ylabel=_(PRECISION_LABEL))
    axes.set_title(_("Precision and recall; average precision {average:.1%}", average=average))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.yaxis.set_major_formatter(PercentFormatter(1))
    axes.legend()


def plot_scores(axes: Axes, result: Evaluation, _: Translate) -> None:
    """How many images of the digit, and of the others, have which score: bars with their counts."""
    groups, colours = [result.truth, ~result.truth], [DIGIT_COLOUR, OTHERS_COLOUR]
    scores, labels = [result.scores[group] for group in groups], [_("{digit}s"), _("others")]
    axes.hist(scores, SCORE_BINS, label=labels, color=colours, log=True)
    for bars in axes.containers:
        heights = [int(bar.get_height()) for bar in bars]
        axes.bar_label(bars, [_("{n:,}", n=n) if n else "" for n in heights], fontsize=SMALL_TEXT)
    axes.axvline(result.threshold, label=_("threshold {threshold}"), **REFERENCE)
    axes.set(xlim=(0, 1), ylim=(0.6, 6 * axes.get_ylim()[1]))  # room for the legend
    axes.set(xlabel=_("score: the network's probability"), ylabel=_("images (logarithmic)"))
    axes.set_title(_("How many images have which score"))
    axes.yaxis.set_major_formatter(lambda images, place: _("{n:,}", n=round(images)))
    axes.yaxis.set_minor_formatter(NullFormatter())
    axes.legend(loc="upper center", ncols=3, framealpha=1)


def show_tiles(
    axes: Axes, images: np.ndarray, columns: int, captions: Sequence[str], *styles: dict[str, Any]
) -> None:
    """Draw images (n, 784) in rows, captions beneath them; the styles take turns."""
    side, high = IMAGE_SHARE, IMAGE_SHARE + CAPTION_SHARE  # where a tile is 1 wide
    for place, (image, caption) in enumerate(zip(images, captions, strict=True)):
        x, y = place % columns, place // columns * high
        extent, style = (x, x + side, y + side, y), styles[place % len(styles)]
        axes.imshow(image.reshape(IMAGE_SIDE, IMAGE_SIDE), extent=extent, **style)
        axes.add_patch(Rectangle((x, y), side, side, fill=False, edgecolor="#CCCCCC"))
        middle = {"ha": "center", "va": "top", "fontsize": SMALL_TEXT}
        axes.text(x + side / 2, y + side + 0.04, caption, **middle)
    rows = max(1, math.ceil(len(images) / columns))
    axes.set(xlim=(-0.01, columns), ylim=(rows * high, -0.01), aspect="equal", anchor="NW")
    axes.set_axis_off()


def tiles_height(width: float, n: int, columns: int) -> float:
    """The height of n tiles in rows of this width, both in inches."""
    return width / columns * math.ceil(n / columns) * (IMAGE_SHARE + CAPTION_SHARE)


def plot_missed(axes: Axes, run: Run, result: Evaluation, columns: int, _: Translate) -> None:
    missed = np.flatnonzero(result.truth & ~result.answers)
    shown = missed[np.argsort(result.scores[missed], kind="stable")][: MISTAKE_ROWS * columns]
    captions = [f"{score:.3f}" for score in result.scores[shown]]
    show_tiles(axes, run.dataset.test.images[shown], columns, captions, INK)
    axes.set_title(_("Missed {digit}s: {r.false_negatives:,}; scores, lowest first"))


def plot_false_alarms(axes: Axes, run: Run, result: Evaluation, columns: int, _: Translate) -> None:
    alarms, (images, digits) = np.flatnonzero(~result.truth & result.answers), run.dataset.test
    shown = alarms[np.argsort(-result.scores[alarms], kind="stable")][: MISTAKE_ROWS * columns]
    captions = [f"{digits[row]} ({result.scores[row]:.3f})" for row in shown]
    show_tiles(axes, images[shown], columns, captions, INK)
    axes.set_title(_("False alarms: {r.false_positives:,}; digit shown (score), highest first"))


def image_grid(rows: Sequence[np.ndarray], columns: int) -> np.ndarray:
    """Rows of images, each (n, 784), as one picture; a row may be short, or cut after columns."""
    tiles = np.zeros((len(rows), columns, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    for row, images in zip(tiles, rows, strict=True):
        row[: len(images)] = images[:columns].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    return tiles.swapaxes(1, 2).reshape(len(rows) * IMAGE_SIDE, columns * IMAGE_SIDE)


def plot_claims(
    axes: Axes, examples: Axes, run: Run, claims: Sequence[utils.Claim], _: Translate
) -> None:
    """How much more often the affected images are got wrong than the others, and some of them."""
    labels = []
    for row, claim in enumerate(claims, start=1):
        lines = textwrap.wrap(_(claim.title, **claim.fields), 32)
        lines.append(_("wrong: {rate}", rate=_(RATE, rate=claim.affected)))
        lines.append(_("of the others: {rate}", rate=_(RATE, rate=claim.rest)))
        labels.append("\n".join(lines))
        strip = examples.inset_axes((0, 1 - row / len(claims), 1, 1 / len(claims)))
        strip.imshow(image_grid([run.dataset.test.images[claim.wrong]], CLAIM_EXAMPLES), **INK)
        strip.set_axis_off()
    plot_differences(axes, claims, labels, _)
    axes.set_title(_("Is the network wrong on these more often?"))
    axes.set_xlabel(_("difference in percentage points, 95% intervals"))
    examples.set_title(_("First mistakes"))
    examples.set_axis_off()


def plot_differences(axes: Axes, rows: Sequence[Any], labels: Sequence[str], _: Translate) -> None:
    """Differences with their intervals, from a line at zero, between their labels and verdicts."""
    places, verdicts = range(len(rows)), [_(row.verdict) for row in rows]
    right = axes.secondary_yaxis("right")
    axes.set_yticks(places, labels, fontsize=SMALL_TEXT)
    right.set_yticks(places, verdicts, fontsize=SMALL_TEXT)
    for place, row, verdict in zip(places, rows, right.get_yticklabels(), strict=True):
        (colour, marker, inside), ends = VERDICTS[row.verdict], np.array(row.interval)
        reach = 100 * np.abs(ends - row.difference)[:, np.newaxis]
        style = {"color": colour, "markerfacecolor": inside, "markersize": 6}
        axes.errorbar(100 * row.difference, place, xerr=reach, fmt=marker, **style)
        verdict.set_color(colour)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_ylim(len(rows) - 0.5, -0.5)
    right.tick_params(length=0)
    right.spines[:].set_visible(False)


def plot_alarm_rates(axes: Axes, run: Run, result: Evaluation, _: Translate) -> None:
    """How often each other digit is taken for the digit, most often on top; zero is a dot too."""
    rates = dict(sorted(run.false_alarms(result).items(), key=lambda item: -item[1].share))
    shares = np.array([rate.share for rate in rates.values()])
    ends = np.array([rate.interval for rate in rates.values()]).T  # (2, others)
    style = {"fmt": "o", "color": OTHERS_COLOUR, "clip_on": False}
    axes.errorbar(shares, range(len(rates)), xerr=np.abs(ends - shares), **style)
    rate = _(RATE, rate=Rate.of(result.answers[~result.truth]))
    axes.axvline(result.alarm_rate, label=_("all others: {rate}", rate=rate), **REFERENCE)
    labels = [f"{digit}:  {_(RATE, rate=rate)}" for digit, rate in rates.items()]
    axes.set_yticks(range(len(rates)), labels)
    axes.set(xlim=(0, 1.03 * ends.max()), ylim=(len(rates) - 0.5, -0.5))
    axes.xaxis.set_major_formatter(PercentFormatter(1))
    axes.set_title(_("How often each other digit is taken for {digit}"))
    axes.set_xlabel(_("share of the images of that digit, 95% intervals"))
    axes.legend(loc="lower right", bbox_to_anchor=(1, 1), borderaxespad=0)  # above the axes


def plot_units(
    axes: Axes, network: NeuralNetwork, sign: int, change: np.ndarray, title: str, _: Translate
) -> None:
    """The change (784, n_hidden) of the units most for the digit (sign 1) or most against it (-1).

    A unit's weight to the output is w2's; through further layers it is the product of the weights,
    summed over all paths. Times its sign, the change is red where ink speaks for the digit.
    """
    weights = reduce(np.matmul, network.weights[1:])[:, 0]
    units = np.argsort(-sign * weights, kind="stable")[: np.sum(sign * weights > 0)][:UNITS_SHOWN]
    captions = [f"{weight:+.2f}" for weight in weights[units]]
    show_tiles(axes, sign * change[:, units].T, UNIT_COLUMNS, captions, EFFECT)
    shallow = len(network.weights) == 2
    number = _("output weights") if shallow else _("sums over paths to the output")
    axes.set_title(f"{title}: {number}")


def plot_unit_colours(axes: Axes, full: float, _: Translate) -> None:
    colours = np.linspace(-1, 1, 256)[np.newaxis]
    axes.imshow(colours, aspect="auto", extent=(-full, full, 0, 1), **EFFECT)
    axes.set_xticks([-full, 0, full], [f"{-full:.2f}", "0", f"{full:+.2f}"])
    axes.set_yticks([])
    axes.spines[:].set_visible(True)
    axes.set_xlabel(
        _("red: ink speaks for {digit}, blue: against (change times the number's sign)")
    )


def plot_samples(axes: Axes, run: Run, _: Translate) -> None:
    """The first training images of each digit, a row for each, and how many there are."""
    train, digit = run.dataset.train, run.settings.digit
    by_digit = [train.images[train.digits == n] for n in range(DIGITS)]
    axes.imshow(image_grid(by_digit, SAMPLES_SHOWN), **INK)
    labels = [_("{digit}  ({n:,})", digit=n, n=len(images)) for n, images in enumerate(by_digit)]
    axes.set_yticks(IMAGE_SIDE * (np.arange(DIGITS) + 0.5), labels)
    axes.get_yticklabels()[digit].set_fontweight("bold")
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(False)
    edges = digit * IMAGE_SIDE - 0.5, (digit + 1) * IMAGE_SIDE - 0.5
    axes.axhspan(*edges, fill=False, edgecolor=DIGIT_COLOUR, linewidth=2, clip_on=False)


def plot_copies(axes: Axes, run: Run, _: Translate) -> None:
    """One training image of each digit, and below it copies as --augment deforms them."""
    train, rng = run.dataset.train, np.random.default_rng(run.settings.seed)
    first = train.images[np.unique(train.digits, return_index=True)[1]]
    copies = [augment(first, rng) for _copy in range(COPIES_SHOWN)]
    axes.imshow(image_grid([first, *copies], len(first)), **INK)
    axes.axhline(IMAGE_SIDE - 0.5, color="black", linewidth=1)
    axes.set_title(_("Deformed copies of the first row; every epoch trains on new ones"))
    axes.set_axis_off()


# --- your own handwriting ---------------------------------------------------------------------

NO_BOX = {"color": AGAINST_COLOUR, "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
YES_BOX = {"color": FOR_COLOUR, "linewidth": 2.2}
MOST_TILES = 60  # digits beyond these keep their box and their line on the screen
PICTURE_HEIGHT, PAIR_WIDTH, PAIR_COLUMNS = 6.0, 2.8, 5  # at most: inches, and digits in a row
TAG_INCHES = 0.09, 0.16  # of a digit of a number's tag: width and height
STAINED = 64  # levels of grey off the picture's median: ink, which a tag should not cover
STEM_BYTES = 200  # of a picture's name, so that names made from it are no longer than 255
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
    hint: str  # what to do where there is no digit


class Reader:
    """A network that reads the digits in pictures, and answers in the language of its run."""

    def __init__(self, network: NeuralNetwork, settings: Settings, language: str | None = None):
        self.network, self.settings = network, settings
        self.out = Output(language or settings.lang)
        _, data = self.out.language, network.metadata.get("dataset")
        layers = "-".join(map(str, network.layer_sizes))
        line = N_("Network {layers}, trained on {data}") if data else N_("Network {layers}")
        self.description = _(line, layers=layers, data=dataset_name(data, _))
        self.description += _("; it cannot tell what is no digit at all")

    def read(self, picture: np.ndarray) -> Reading:
        """Read a picture, uint8 (height, width) or (height, width, 3)."""
        found, digit, _ = find_digits(picture), self.settings.digit, self.out.language
        images = np.array([digit.image for digit in found], np.float32).reshape(-1, PIXELS)
        effects = images * self.network.input_gradient(images)
        effects /= np.maximum(np.abs(effects).max(axis=1, keepdims=True), 1e-30)
        scores = self.network.predict_proba(images)
        is_yes = scores >= self.settings.threshold
        answers = [f"{digit}" if yes else _("not {digit}", digit=digit) for yes in is_yes]
        reasons = ", ".join(f"{_(reason)}: {n}" for reason, n in found.left_out.items())
        left_out = _("Left out: {reasons}", reasons=reasons) if reasons else ""
        boxes = [digit.box for digit in found]
        return Reading(boxes, images, effects, scores, is_yes, answers, left_out, _(found.hint))


def read_handwriting(options: argparse.Namespace, directory: Path) -> int:
    """Do what --image or --draw asks; that takes a network alone, the best there is by default."""
    best = directory / "best" / MODEL_FILE
    path = best if best.exists() and not options.output_dir else directory / MODEL_FILE
    network = NeuralNetwork.load(path)
    if network.layer_sizes[0] != PIXELS:
        raise ModelError(f"{path}: its network takes no images; run train_network.py again")
    settings = train_network.read_settings(path, {"settings": {}} | network.metadata)
    reader = Reader(network, settings, options.lang)
    reader.out.screen("{description} ({path})", description=reader.description, path=path)
    if options.image:
        return recognise_pictures(reader, options.image, directory)
    _ = reader.out.language
    with matplotlib.rc_context({"toolbar": "None"}):  # its zoom and pan would take the mouse
        window = open_window(_("Does it know your digit?"), (WIDTH, 6))
    window.canvas.mpl_disconnect(window.canvas.manager.key_press_handler_id)  # s, c, q are ours
    window.pad = DrawingPad(window, reader, directory)  # keeps it alive
    show_windows()
    return 0


def recognise_pictures(reader: Reader, names: Sequence[Path], directory: Path) -> int:
    """Say what each digit in each picture is taken for, and draw it; 2 where a picture fails."""
    paths = []
    for name in names:  # a pattern, where the shell does not expand it
        paths += [name] if os.path.lexists(name) else map(Path, sorted(glob(str(name))) or [name])  # noqa: PTH207
    code, used = 0, {os.path.realpath(path) for path in paths}  # none is overwritten unread
    for path in paths:
        stem = path.stem
        while len(os.fsencode(stem)) > STEM_BYTES:
            stem = stem[:-1]
        target = directory / f"{stem}_recognised.png"
        file = unused_path(target, lambda file: os.path.realpath(file) in used)
        try:
            picture = mnist_loader.read_picture(path)
            reading = reader.read(picture)
            report_reading(reader, path, reading)
        except PictureError as error:
            utils.warn(str(error))
            code = EXIT_BAD_INPUT
            continue
        save_figure(draw_recognised(reader, picture, reading), file)
        used.add(os.path.realpath(file))
        reader.out.screen("Written: {path}", path=file)
    return code


def report_reading(reader: Reader, path: Path, reading: Reading) -> None:
    """Say what was read in a picture; PictureError where there is no digit."""
    screen, _, n = reader.out.screen, reader.out.language, len(reading.boxes)
    if not n:
        hint = ". ".join(filter(None, (reading.left_out, reading.hint)))
        raise PictureError(_("{path}: no digit made out. {hint}", path=path, hint=hint))
    line = N_("{path}: digit {number} of {n}: {answer} (score {score:.3f})")
    for number, (answer, score) in enumerate(zip(reading.answers, reading.scores, strict=True), 1):
        screen(line, path=path, number=number, n=n, answer=answer, score=score)
    if reading.left_out:
        screen("{path}: {left_out}", path=path, left_out=reading.left_out)


def unused_path(path: Path, is_used: Callable[[Path], bool]) -> Path:
    """The path itself, or else with _2, _3 and so on before its suffix."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return next(free for free in chain([path], others) if not is_used(free))


def draw_recognised(reader: Reader, picture: np.ndarray, reading: Reading) -> Figure:
    """The picture with its digits boxed, and each as the network saw it, with what spoke for it."""
    digit, _, (height, width) = reader.settings.digit, reader.out.language, picture.shape[:2]
    found, shown = len(reading.boxes), min(len(reading.boxes), MOST_TILES)
    line = N_("Digits found: {found}; taken for {digit}: {yes}")
    lines = [_(line, found=found, digit=digit, yes=np.sum(reading.is_yes))]
    if shown < found:
        lines.append(_("Only the first {shown} are shown one by one", shown=shown))
    lines.append(reading.left_out)
    columns = min(shown, PAIR_COLUMNS)
    high = min(WIDTH * height / width, PICTURE_HEIGHT)
    pairs = tiles_height(min(WIDTH, columns * PAIR_WIDTH), 2 * shown, 2 * columns)
    rows = {"picture": high + 0.35, "pairs": pairs + 0.35}
    figure, axes = empty_figure("\n".join(lines), reader.description, rows)
    plot_boxes(axes["picture"], picture, reading, high / height)
    axes["picture"].set_title(_("the picture (solid box: yes, dashed: no)"))
    images, captions = np.hstack([reading.images, reading.effects])[:shown], []
    for n in range(shown):
        captions += [f"{n + 1}: {reading.answers[n]}", _("score {s:.3f}", s=reading.scores[n])]
    show_tiles(axes["pairs"], images.reshape(-1, PIXELS), 2 * columns, captions, INK, EFFECT)
    line = N_("what the network saw, and what spoke for {digit} (red) or against (blue)")
    axes["pairs"].set_title(_(line, digit=digit))
    return figure


def plot_boxes(axes: Axes, picture: np.ndarray, reading: Reading, scale: float) -> None:
    """The picture, `scale` inches a pixel, its digits boxed and numbered: solid boxes say yes."""
    axes.imshow(picture, **PAPER)
    wide, high = (math.ceil(inches / scale) for inches in TAG_INCHES)
    wide *= len(str(len(reading.boxes)))
    tags = tag_places(picture, reading.boxes, wide, high)
    digits = zip(reading.boxes, reading.is_yes, tags, strict=True)
    for number, ((left, top, right, bottom), is_yes, tag) in enumerate(digits, start=1):
        style = YES_BOX if is_yes else NO_BOX
        corner = left - 0.5, top - 0.5  # imshow's pixels lie around whole numbers
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, **style))
        background = {"boxstyle": "square,pad=0.1", "color": style["color"]}
        place = {"ha": "center", "va": "center_baseline", "fontsize": SMALL_TEXT - 1}
        axes.text(*tag, f"{number}", color="white", bbox=background, **place)
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

    `drawing`, uint8 (PAD_SIDE, PAD_SIDE) with 255 paper and 0 ink, is what --image would read,
    `reading` what the network makes of it, and `verdict` what the pad says. `images` are the
    drawing, what the network sees, and what in it spoke for a yes; `buttons` do what the keys do.
    """

    def __init__(self, figure: Figure, reader: Reader, output_dir: Path):
        self.figure, self.reader, self.output_dir = figure, reader, output_dir
        self._pen: tuple[float, float] | None = None  # where the stroke has got to, if down
        _, digit = reader.out.language, reader.settings.digit
        figure.set(layout_engine="constrained", facecolor="#E4E4E4")  # so that paper is seen
        figure.supxlabel(reader.description, x=0.02, ha="left", fontsize=SMALL_TEXT)
        rows = [["pad"] * 3 + ["seen"], ["pad"] * 3 + ["why"], ["clear", "save", "close", "."]]
        panels = figure.subplot_mosaic(rows, height_ratios=(4, 4, 0.6), width_ratios=(1, 1, 1, 1.6))
        panels["seen"].set_title(_("what the network sees"))
        panels["why"].set_title(_("red: for {digit}, blue: against", digit=digit))
        self.axes, self.images = panels["pad"], []
        for name, style in ("pad", PAPER), ("seen", INK), ("why", EFFECT):
            panels[name].set_axis_off()
            self.images.append(panels[name].imshow(np.zeros((PAD_SIDE, PAD_SIDE)), **style))
        labels = {"clear": _("Clear (c)"), "save": _("Save (s)"), "close": _("Quit (q)")}
        self.buttons = {name: Button(panels[name], label) for name, label in labels.items()}
        for name, button in self.buttons.items():
            button.ax.spines[:].set_visible(True)
            button.on_clicked(lambda event, name=name: getattr(self, name)())
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
        _ = self.reader.out.language
        path = unused_path(self.output_dir / "drawing.png", Path.exists)
        if not self.reading.boxes:
            return self._show(_("Nothing to save: there is no digit yet"))
        try:
            with atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            return self._show(str(error))
        self.reader.out.screen("Written: {path}", path=path)
        return self._show(_("Saved as {name}", name=path.name))

    def close(self) -> None:
        import matplotlib.pyplot as plt

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
        self._show(textwrap.shorten(", ".join(verdicts), VERDICT_CHARACTERS, placeholder=" ..."))

    def _show(self, verdict: str) -> None:
        self.verdict = verdict
        _ = self.reader.out.language
        hint = _("Draw a digit here with the left mouse button")
        self.figure.suptitle(verdict or hint, x=0.02, ha="left")
        self.figure.canvas.draw_idle()


if __name__ == "__main__":
    utils.run_script(main)
