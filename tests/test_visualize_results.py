"""Figures show the numbers that a test wrote down; pictures, pad, window, refusals."""

from __future__ import annotations

import functools
import io
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
from made_runs import HISTORY, SCORES, Lab, lit, made_run
from matplotlib.axes import Axes
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.legend import Legend
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.text import Text
from matplotlib.transforms import Bbox
from PIL import Image, ImageDraw

import mnist_loader
import train_network
import visualize_results
from mnist_loader import Dataset, FoundDigit, FoundDigits, Split
from neural_network import NeuralNetwork
from train_network import Run, Settings
from utils import Claim, Evaluation, Output, Rate, UserError, connected_components
from visualize_results import (
    FIGURES,
    DrawingPad,
    Reader,
    Reading,
    View,
    in_our_style,
    main,
)

parametrize = pytest.mark.parametrize
nan = float("nan")

ORANGE = "#e69f00"  # images of the digit
BLUE = "#0072b2"  # images of the others
RED_BOX = "#8b0a14"  # speaks for the digit
BLUE_BOX = "#4285f4"  # speaks against it
BLACK = "#000000"
WHITE = "#ffffff"
GREY = "#777777"
GREEN = "#009e73"  # recall
PURPLE = "#aa4499"  # precision


# --- made runs, and the figures of them -----------------------------------------------


def many_images(**settings) -> Run:
    """The made run, trained a little, with its images over and over: 10,000 of each."""
    run = made_run(**settings)
    run.network.layers[0].w *= 1.1
    splits = []
    for split in (run.dataset.train, run.dataset.test):
        times = 10_000 // len(split.digits)
        images = np.tile(split.images, (times, 1))
        splits.append(Split(images, np.tile(split.digits, times)))
    return replace(run, dataset=Dataset(run.dataset.name, *splits))


# As old files have it: nothing was measured on the training images
OLD_HISTORY = [(loss, None, None, *of_test) for loss, _, _, *of_test in HISTORY]
ALMOST_NOTHING = [(digit, score / 10**6) for digit, score in SCORES]
# The largest counts and the longest lines
WIDE = {"hidden": (40, 3), "digit": 3, "augment": True, "threshold": 0.2}
RUNS = {
    "made": made_run,
    "wide": partial(many_images, **WIDE),
    "no": partial(made_run, ALMOST_NOTHING, name="sample"),
    "yes": partial(made_run, threshold=0.01),
    "old": partial(made_run, history=OLD_HISTORY),
}


@functools.cache
def view_of(run: str, language: str = "en") -> View:
    """The view of one of RUNS."""
    return View(RUNS[run](), language)


@functools.cache
def drawn(name: str, run: str = "made", language: str = "en") -> Figure:
    """A figure of one of RUNS; not to be changed."""
    return FIGURES[name](view_of(run, language))


@functools.cache
def laid_out(name: str, run: str, language: str) -> Figure:
    """The same with all its parts in their places."""
    return in_places(drawn(name, run, language))


@in_our_style
def in_places(figure: Figure) -> Figure:
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    return figure


def title_of(axes: Axes) -> str:
    """Wherever it stands above the axes."""
    return "".join(axes.get_title(loc=place) for place in ("left", "center", "right"))


def axes_of(figure: Figure, title: str) -> Axes:
    (axes,) = (axes for axes in figure.axes if title in title_of(axes))
    return axes


def line_of(axes: Axes, label: str) -> Line2D:
    (line,) = (line for line in axes.lines if str(line.get_label()) == label)
    return line


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def tiles(axes: Axes) -> list[tuple[int, str]]:
    """Which pixel of each image of a gallery is lit, and its caption, as one reads."""
    found = []
    for image, frame, caption in zip(
        axes.images, axes.patches, axes.texts, strict=True
    ):
        left, right, bottom, top = image.get_extent()
        assert frame.get_xy() == (left, top)
        assert image.get_interpolation() == "nearest"  # as it is, not blurred
        assert not frame.get_fill()
        x, y = caption.get_position()
        assert left < x < right
        assert bottom < y < bottom + 0.1
        assert right <= axes.get_xlim()[1]
        assert bottom <= axes.get_ylim()[0]
        pixel = int(image.get_array().argmax())
        found.append((round(top, 2), left, pixel, caption.get_text()))
    return [(pixel, caption) for _top, _left, pixel, caption in sorted(found)]


def colour_at(image: AxesImage, pixel: int) -> str:
    """What a pixel is drawn as: red, blue, white, black, or a shade of grey."""
    red, green, blue, _ = image.to_rgba(image.get_array()).reshape(-1, 4)[pixel]
    if abs(red - blue) > 0.1:
        return "red" if red > blue else "blue"
    if green > 0.95:
        return "white"
    return "black" if green < 0.05 else f"{green:.2f}"


# --- what the panels show -------------------------------------------------------------

FOUND = "Images of the digit 8 found: 4 of 6; false alarms: 3 of 14 others"
TITLES = {
    "report": f'{FOUND}\nCorrect answers: 15 of 20 (by always answering "no": 14)',
    "learning_curves": (
        "Accuracy on training images: 90.00% (9 of 10)\n"
        "Accuracy on test images: 75.00% (15 of 20)\n"
        "Test loss: 0.3500; lowest, 0.3200, after epoch 2 of 3"
    ),
    "threshold_curves": (
        f"{FOUND}\n"
        "Threshold 0.54; the lower it is, the more answers are yes, right and wrong"
    ),
    "mistakes": FOUND,
    "error_analysis": (
        "The lab sheet's claims about errors: 0 of 4 confirmed, 0 refuted\n"
        "(all 20 test images, 95% intervals; limits from the training images)"
    ),
    "hidden_units": (
        "Training changed the hidden units' weights by 0% of their random start"
    ),
    "samples": "The digit 8 is on 3 of 10 training images",
}

# Of each panel its title, and what stands below and beside it
SHARES = ("Accuracy and recall", "epoch", "")
MISSED = ("Missed: 2\nscores, lowest first", "", "")
ALARMS = ("False alarms: 3\ndigit (score), highest first", "", "")
PANELS = {
    "report": [
        SHARES,
        ("Answers at threshold 0.54", "the network's answer", "the image shows"),
        (
            "Precision and recall\naverage precision 75.3%",
            "recall: found among the images of the digit 8",
            "precision: correct among the yes answers",
        ),
        MISSED,
        ALARMS,
    ],
    "learning_curves": [("Loss (mean squared error)", "epoch", ""), SHARES],
    "threshold_curves": [
        (
            "What another threshold would find, and cost",
            "threshold: yes from this score up",
            "",
        ),
        (
            "How many images have which score",
            "score: the network's probability",
            "images (logarithmic)",
        ),
    ],
    "mistakes": [MISSED, ALARMS],
    "error_analysis": [
        (
            "Is the network wrong on these more often?",
            "difference in percentage points, 95% intervals",
            "",
        ),
        ("First mistakes", "", ""),
        (
            "How often each other digit is taken for 8",
            "share of the images of that digit, 95% intervals",
            "",
        ),
    ],
    "hidden_units": [
        (
            "Hidden units: 2; number: size of its output weight, largest first\n"
            "tile: change of a unit's weights, times the sign of that weight",
            "",
            "",
        ),
        ("", "red: ink there came to speak for 8, blue: against it", ""),
    ],
    "samples": [("", "", "")],
}


@parametrize("name", FIGURES)
def test_title_states_the_finding_in_counts(name):
    assert drawn(name).get_suptitle() == TITLES[name]


@parametrize("name", FIGURES)
def test_panels_say_what_they_show(name):
    said = []
    for axes in drawn(name).axes:
        said.append((title_of(axes), axes.get_xlabel(), axes.get_ylabel()))
    assert said == PANELS[name]


@parametrize("name", FIGURES)
def test_titles_of_panels_stand_on_the_left(name):
    for axes in drawn(name).axes:
        assert axes.get_title(loc="left") == title_of(axes)


@parametrize(
    ("name", "panels"),
    [
        ("report", ["Missed", "False alarms"]),
        ("mistakes", ["Missed", "False alarms"]),
        ("error_analysis", ["First mistakes"]),
        ("hidden_units", ["Hidden units"]),
    ],
)
def test_images_stand_without_axes_that_count_pixels(name, panels):
    for title in panels:
        axes = axes_of(drawn(name), title)
        assert not any(part.axison for part in (axes, *axes.child_axes))


# Each score that occurs, and how many of the six 8s and of the 14 others are taken for
# one from it up; below all of them everything is, and above nothing
SCORES_RISING = [0.02, 0.03, 0.04, 0.05, 0.15, 0.25, 0.35]
SCORES_RISING += [0.55, 0.58, 0.62, 0.65, 0.75, 0.85, 0.95]
EIGHTS_FROM = [6, 6, 6, 6, 5, 5, 4, 4, 4, 3, 3, 2, 2, 1]
OTHERS_FROM = [14, 7, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 0, 0]
RECALL_OVER_THRESHOLD = [(0, 1)]
PRECISION_OVER_THRESHOLD = [(0, 6 / 20)]
for score, eights, others in zip(SCORES_RISING, EIGHTS_FROM, OTHERS_FROM, strict=True):
    RECALL_OVER_THRESHOLD.append((score, eights / 6))
    PRECISION_OVER_THRESHOLD.append((score, eights / (eights + others)))
RECALL_OVER_THRESHOLD.append((1, 0))
PRECISION_OVER_THRESHOLD.append((1, nan))

# Of each figure and panel its curves: colour, marker and line; inside of the markers;
# points, of lines right through the axes from 0 to 1 of their length
REFERENCE = "#555555  --"
SHARES_BY_EPOCH = {
    "accuracy on training images": (
        "#000000 o -",
        WHITE,
        [(1, 0.6), (2, 0.8), (3, 0.9)],
    ),
    "accuracy on test images": ("#000000 o -", BLACK, [(1, 0.7), (2, 0.8), (3, 0.75)]),
    "recall on test images": (
        "#009e73 s :",
        GREEN,
        [(1, nan), (2, 0.5), (3, 4 / 6)],
    ),
    'always "no": 70.0%': (REFERENCE, None, [(0, 0.7), (1, 0.7)]),
}
CURVES = {
    ("learning_curves", "Loss"): {
        "training images": ("#000000 D -", WHITE, [(1, 0.28), (2, 0.18), (3, 0.08)]),
        "test images": ("#000000 D -", BLACK, [(1, 0.4), (2, 0.32), (3, 0.35)]),
    },
    ("learning_curves", "Accuracy"): SHARES_BY_EPOCH,
    ("report", "Accuracy"): SHARES_BY_EPOCH,
    ("report", "Precision and recall"): {
        'always "yes": 30.0%': (REFERENCE, None, [(0, 0.3), (1, 0.3)]),
        "threshold 0.54": ("#000000 o ", WHITE, [(4 / 6, 4 / 7)]),
    },
    ("threshold_curves", "What another threshold"): {
        "recall: found among the images of the digit 8": (
            "#009e73  :",
            None,
            RECALL_OVER_THRESHOLD,
        ),
        "precision: correct among the yes answers": (
            "#aa4499  -.",
            None,
            PRECISION_OVER_THRESHOLD,
        ),
        "threshold 0.54": (REFERENCE, None, [(0.54, 0), (0.54, 1)]),
    },
    ("threshold_curves", "How many images"): {
        "threshold 0.54": (REFERENCE, None, [(0.54, 0), (0.54, 1)]),
    },
    ("error_analysis", "How often each other"): {
        "all others: 21.43% (3 of 14)": (REFERENCE, None, [(3 / 14, 0), (3 / 14, 1)]),
    },
}


@parametrize(("figure", "panel"), CURVES)
def test_curves_are_the_numbers_each_in_its_own_look(figure, panel):
    axes = axes_of(drawn(figure), panel)
    for label, (look, inside, points) in CURVES[figure, panel].items():
        line = line_of(axes, label)
        marker = line.get_marker().replace("None", "")
        style = line.get_linestyle().replace("None", "")
        assert f"{to_hex(line.get_color())} {marker} {style}" == look, label
        if inside is not None:
            assert to_hex(line.get_markerfacecolor()) == inside, label
        shown = line.get_xydata().astype(float)
        np.testing.assert_allclose(shown, points, atol=1e-9, err_msg=label)


def is_in_sight(line: Line2D) -> bool:
    """Whether any part of it is drawn within its axes."""
    points = line.get_xydata().astype(float)
    points = points[np.isfinite(points).all(axis=1)]
    on_screen = line.get_transform().transform(points)
    places = line.axes.transAxes.inverted().transform(on_screen)
    return bool(((places > -1e-9) & (places < 1 + 1e-9)).all(axis=1).any())


# Of the runs that have something peculiar, the figures that show it
LEGENDS = [(name, run) for run in ("made", "no") for name in FIGURES]
LEGENDS += [(name, "yes") for name in ("report", "threshold_curves", "error_analysis")]
LEGENDS += [(name, "old") for name in ("report", "learning_curves")]


@parametrize(("name", "run"), LEGENDS)
def test_legends_name_all_that_is_labelled_and_that_is_in_sight(name, run):
    for axes in drawn(name, run).axes:
        labelled = axes.get_legend_handles_labels()[1]
        legend = axes.get_legend()
        named = [text.get_text() for text in legend.texts] if legend else []
        assert sorted(named) == sorted(labelled)
        for line in axes.lines:
            assert str(line.get_label()).startswith("_") or is_in_sight(line)


# What the curves are about, by the first word of their label or of their axis
SUBJECTS = {"recall": GREEN, "precision": PURPLE, "accuracy": BLACK}


@parametrize("name", ["report", "learning_curves", "threshold_curves"])
def test_recall_precision_and_accuracy_have_their_colours_and_their_names_too(name):
    coloured = set()
    for axes in drawn(name).axes:
        for line in axes.lines:
            coloured.add((str(line.get_label()), to_hex(line.get_color())))
        texts = [axes.xaxis.label, axes.yaxis.label]
        if axes.get_legend():
            texts += axes.get_legend().texts
        for text in texts:
            coloured.add((text.get_text(), to_hex(text.get_color())))
    found = set()
    for words, colour in coloured:
        subject = words.replace(":", " ").split(" ")[0]
        if subject in SUBJECTS:
            found.add(subject)
            assert colour == SUBJECTS[subject], words
    expected = {"learning_curves": {"recall", "accuracy"}, "report": set(SUBJECTS)}
    assert found == expected.get(name, {"recall", "precision"})


@parametrize("name", ["report", "learning_curves", "threshold_curves"])
def test_texts_of_a_legend_can_be_read_on_white(name):
    """The hollow markers of some lines are white inside."""
    for axes in drawn(name).axes:
        legend = axes.get_legend()
        for text in legend.texts if legend else []:
            assert np.mean(to_rgb(text.get_color())) < 0.6, text


def test_bars_of_the_digit_and_of_the_others_differ_in_grey_too():
    """As ITU-R 601 weighs red, green and blue: orange 162, blue 87 of 255."""
    (digit, others) = (
        np.dot((0.299, 0.587, 0.114), to_rgb(colour)) for colour in (ORANGE, BLUE)
    )
    assert digit - others == pytest.approx((162.1 - 87.2) / 255, abs=0.001)


@parametrize(
    ("figure", "panel", "ends"),
    [
        ("learning_curves", "Loss", {"y": (0, None)}),
        ("learning_curves", "Accuracy", {"y": (None, 1)}),
        ("threshold_curves", "What another threshold", {"x": (0, 1), "y": (0, 1)}),
        ("threshold_curves", "How many images", {"x": (0, 1), "y": (0.6, None)}),
        ("report", "Precision and recall", {"x": (0, 1), "y": (0, None)}),
        ("error_analysis", "Is the network wrong", {"y": (3.5, -0.5)}),
        ("error_analysis", "How often each other", {"x": (0, None), "y": (None, -0.5)}),
    ],
)
def test_axes_begin_and_end_where_the_values_can(figure, panel, ends):
    """None is an end that follows from the values."""
    axes = axes_of(drawn(figure), panel)
    limits = {"x": axes.get_xlim(), "y": axes.get_ylim()}
    for name, (first, last) in ends.items():
        assert first in (None, limits[name][0])
        assert last in (None, limits[name][1])


@parametrize("name", FIGURES)
def test_all_points_lie_within_their_axes(name):
    for axes in drawn(name).axes:
        for line in axes.lines:
            points = line.get_xydata().astype(float)
            points = points[np.isfinite(points).all(axis=1)]
            places = axes.transAxes.inverted().transform(
                line.get_transform().transform(points)
            )
            assert (places >= -1e-9).all()
            assert (places <= 1 + 1e-9).all()


@parametrize("name", ["report", "learning_curves"])
def test_markers_at_the_edge_of_their_axes_are_whole(name):
    for axes in drawn(name).axes:
        for line in axes.lines:
            assert line.get_marker() == "None" or not line.get_clip_on()


@parametrize(
    ("figure", "panel", "axis", "expected"),
    [
        ("learning_curves", "Loss", "x", {"1", "2", "3"}),
        ("learning_curves", "Accuracy", "x", {"1", "2", "3"}),
        ("learning_curves", "Accuracy", "y", {"70%", "80%", "100%"}),
        ("report", "Precision and recall", "x", {"0%", "20%", "100%"}),
        ("report", "Precision and recall", "y", {"0%", "20%", "100%"}),
        ("threshold_curves", "What another threshold", "x", {"0.0", "0.2", "1.0"}),
        ("threshold_curves", "What another threshold", "y", {"0%", "20%", "100%"}),
        ("threshold_curves", "How many images", "x", {"0.0", "0.2", "1.0"}),
        ("threshold_curves", "How many images", "y", {"1", "10"}),
        ("error_analysis", "How often each other", "x", {"0%", "20%"}),
    ],
)
def test_ticks_are_written_in_what_the_axis_counts(figure, panel, axis, expected):
    axes = axes_of(drawn(figure), panel)
    assert expected <= set(ticks({"x": axes.xaxis, "y": axes.yaxis}[axis]))


@parametrize(
    ("share", "written"),
    [(0, "0%"), (0.005, "0.5%"), (3 * 0.05, "15%"), (0.2, "20%"), (1, "100%")],
)
def test_a_share_on_an_axis_has_no_more_decimals_than_it_needs(share, written):
    assert visualize_results.percent(share) == written


@parametrize(
    ("figure", "panel"),
    [
        ("learning_curves", "Accuracy"),
        ("report", "Precision and recall"),
        ("threshold_curves", "What another threshold"),
    ],
)
def test_no_share_above_100_percent_is_named(figure, panel):
    axes = axes_of(drawn(figure), panel)
    top = axes.get_ylim()[1]
    assert max(share for share in axes.get_yticks() if share <= top) == 1


def test_shares_are_shown_from_just_below_the_lowest():
    """The lowest is a recall of 50%."""
    low = axes_of(drawn("learning_curves"), "Accuracy").get_ylim()[0]
    assert 0.4 < low < 0.5


def test_of_many_epochs_some_are_named_the_first_and_the_last_among_them():
    run = made_run(history=[HISTORY[1]] * 30)
    loss = visualize_results.draw_learning_curves(View(run)).axes[0]
    assert ticks(loss.xaxis) == ["1", "5", "9", "13", "18", "22", "26", "30"]


# The panel of the four counts: its columns are yes and no, its rows 8 and others
CELLS = {(0, 0): "4 found", (1, 0): "2 missed"}
CELLS |= {(0, 1): "3 false alarms", (1, 1): "11 correctly rejected"}


def test_confusion_counts_stand_in_their_row_and_column():
    axes = axes_of(drawn("report"), "Answers at threshold")
    written = {}
    for text in axes.texts:
        x, y = np.round(text.get_position()).astype(int).tolist()
        written[x, y] = f"{written.get((x, y), '')} {text.get_text()}".strip()
    assert written == CELLS
    assert ticks(axes.xaxis) == ["yes", "no"]
    assert ticks(axes.yaxis) == ["digit 8\n(6)", "another\n(14)"]


def test_confusion_cells_are_the_darker_the_greater_their_share_of_the_row():
    image = axes_of(drawn("report"), "Answers at threshold").images[0]
    shades = image.get_array()
    np.testing.assert_allclose(shades, [[4 / 6, 2 / 6], [3 / 14, 11 / 14]])
    light = image.to_rgba(shades).mean(axis=2)
    assert light[1, 1] < light[0, 0] < light[0, 1] < light[1, 0]


def test_confusion_counts_are_white_on_dark_cells_alone():
    axes = axes_of(drawn("report"), "Answers at threshold")
    colours = {text.get_text(): text.get_color() for text in axes.texts}
    on_light = dict.fromkeys(("2", "missed", "3", "false alarms"), "black")
    on_dark = dict.fromkeys(("4", "found", "11", "correctly rejected"), "white")
    assert colours == on_light | on_dark


def test_precision_is_steps_over_recall():
    """Down the scores: 8, 8, a 3, 8, a 2, 8, a 2, a 2, 8, a 3, 8, the others.

    The average precision, 75.3% in the panel's title, is (1 + 1 + 3/4 + 4/6 + 5/9 +
    6/11) / 6: the precision at each 8.
    """
    curve = axes_of(drawn("report"), "Precision and recall").lines[0]
    expected = [(0, 1), (1, 1), (2, 1), (2, 2 / 3), (3, 3 / 4), (3, 3 / 5)]
    expected += [(4, 4 / 6), (4, 4 / 7), (4, 4 / 8), (5, 5 / 9), (5, 5 / 10)]
    expected += [(6, 6 / 11), (6, 6 / 12), (6, 6 / 13), (6, 6 / 20)]
    shown = curve.get_xydata() * (6, 1)
    np.testing.assert_allclose(shown, expected, atol=1e-9)
    assert curve.get_drawstyle() == "steps-pre"
    assert to_hex(curve.get_color()) == BLACK


def test_curves_over_the_threshold_are_steps():
    """From one score to the next nothing changes: what holds at a score held before."""
    axes = axes_of(drawn("threshold_curves"), "What another threshold")
    for color in GREEN, PURPLE:
        (line,) = (line for line in axes.lines if to_hex(line.get_color()) == color)
        assert line.get_drawstyle() == "steps-pre"


# Colour of the bars, and how many images have a score of 0.0 to 0.1, and so on
BARS = {
    "images of the digit 8": (ORANGE, [1, 0, 1, 0, 0, 1, 1, 0, 1, 1]),
    "others": (BLUE, [9, 1, 0, 1, 0, 1, 1, 1, 0, 0]),
}


@parametrize("label", BARS)
def test_score_histogram_has_a_bar_for_each_group(label):
    colour, heights = BARS[label]
    axes = axes_of(drawn("threshold_curves"), "How many images")
    handles, labels = axes.get_legend_handles_labels()
    handle = handles[labels.index(label)]
    (bars,) = (bars for bars in axes.containers if handle in bars)
    assert [bar.get_height() for bar in bars] == heights
    assert {to_hex(bar.get_facecolor()) for bar in bars} == {colour}
    for number, bar in enumerate(bars):
        assert number / 10 <= bar.get_x() + 1e-9
        assert bar.get_x() + bar.get_width() <= (number + 1) / 10 + 1e-9


def test_score_histogram_says_the_counts_above_its_bars():
    axes = axes_of(drawn("threshold_curves"), "How many images")
    written = {}
    for text in axes.texts:
        if text.get_text():
            x, y = text.xy
            written[round(x, 3)] = (text.get_text(), y)
    expected = {}
    for bars in axes.containers:
        for bar in bars:
            if bar.get_height():
                x = bar.get_x() + bar.get_width() / 2
                expected[round(x, 3)] = (f"{bar.get_height():.0f}", bar.get_height())
    assert written == expected
    assert axes.get_yscale() == "log"


def test_few_images_leave_no_powers_of_ten_beside_their_bars():
    """Bars of two and one: on so short an axis matplotlib would name 2 and 3, too."""
    run = made_run([(8, 0.9), (8, 0.91), (1, 0)])
    figure = in_places(visualize_results.draw_threshold_curves(View(run)))
    axes = axes_of(figure, "How many images")
    minor = axes.yaxis.get_ticklabels(minor=True)
    assert "".join(label.get_text() for label in minor) == ""


@parametrize("name", ["mistakes", "report"])
def test_galleries_show_the_mistakes_with_what_the_numbers_are(name):
    figure = drawn(name)
    missed = axes_of(figure, "Missed: 2\nscores, lowest")
    assert tiles(missed) == [(7, "0.050"), (2, "0.250")]
    alarms = axes_of(figure, "False alarms: 3\ndigit (score), highest")
    expected = [(4, "3 (0.750)"), (1, "2 (0.620)"), (6, "2 (0.550)")]
    assert tiles(alarms) == expected
    for axes in missed, alarms:
        pixel = int(axes.images[0].get_array().argmax())
        assert colour_at(axes.images[0], pixel) == "black"
        assert colour_at(axes.images[0], pixel + 1) == "white"


@parametrize(("name", "columns"), [("mistakes", 8), ("report", 5)])
def test_few_mistakes_are_no_larger_than_many(name, columns):
    """Each is as wide as one of a whole row."""
    for title in "Missed: 2", "False alarms: 3":
        left, right = axes_of(drawn(name), title).get_xlim()
        assert right - left == pytest.approx(columns, abs=0.02)


@parametrize(("n", "height"), [(0, 0), (1, 1.218), (8, 1.218), (9, 2.436), (16, 2.436)])
def test_rows_of_tiles_have_the_height_that_they_need(n, height):
    """Eight in a row of 8.4 inches are 1.05 wide and, with captions, 1.218 high."""
    assert visualize_results.tiles_height(8.4, n, 8) == pytest.approx(height)


def test_faint_ink_is_shown_as_faint():
    run = made_run()
    run.dataset.test.images[:] /= 2
    missed = axes_of(visualize_results.draw_mistakes(View(run)), "Missed: 2")
    assert colour_at(missed.images[0], 7) == "0.50"


@parametrize(("name", "shown"), [("mistakes", 16), ("report", 10)])
def test_of_many_mistakes_the_surest_are_shown(name, shown):
    """19 8s, each with a lower score than the one before; 19 3s, with a higher one."""
    missed = [(8, 0.4 - n / 100) for n in range(19)]
    alarms = [(3, 0.6 + n / 100) for n in range(19)]
    figure = FIGURES[name](View(made_run([*missed, *alarms])))
    missed = axes_of(figure, f"Missed: 19; shown: {shown}\nscores, lowest first")
    assert [n for n, _ in tiles(missed)] == list(range(18, 18 - shown, -1))
    alarms = axes_of(
        figure, f"False alarms: 19; shown: {shown}\ndigit (score), highest"
    )
    assert [n for n, _ in tiles(alarms)] == list(range(37, 37 - shown, -1))


def test_a_run_without_mistakes_has_empty_galleries():
    run = made_run([(8, 0.9), (1, 0)])
    figure = in_places(visualize_results.draw_mistakes(View(run)))
    assert [len(axes.images) for axes in figure.axes] == [0, 0]
    assert list(map(title_of, figure.axes)) == ["Missed: 0", "False alarms: 0"]


# --- a run that answers the same to everything ----------------------------------------


def cells_of(figure: Figure) -> dict[str, str]:
    """The four counts by their names."""
    texts = [t.get_text() for t in axes_of(figure, "Answers at threshold").texts]
    return dict(zip(texts[1::2], texts[::2], strict=True))


def test_report_of_a_run_that_answers_yes_to_everything():
    """All six 8s are found, and all 14 others taken for one; 6 of 20 are right."""
    figure = drawn("report", "yes")
    assert figure.get_suptitle() == (
        "Images of the digit 8 found: 6 of 6; false alarms: 14 of 14 others\n"
        'Correct answers: 6 of 20 (by always answering "no": 14)\n'
        "The network answers yes to everything: its errors tell nothing"
    )
    assert cells_of(figure) == {
        "found": "6",
        "missed": "0",
        "false alarms": "14",
        "correctly rejected": "0",
    }
    assert not axes_of(figure, "Missed: 0").images
    alarms = tiles(axes_of(figure, "False alarms: 14; shown: 10\n"))
    assert alarms[:2] == [(4, "3 (0.750)"), (1, "2 (0.620)")]
    assert len(alarms) == 10


def test_threshold_of_a_run_that_answers_yes_to_everything_ends_the_curve():
    """At full recall, with the precision of always yes."""
    axes = axes_of(drawn("report", "yes"), "Precision and recall")
    point = line_of(axes, "threshold 0.01").get_xydata()
    np.testing.assert_allclose(point, [(1, 6 / 20)])
    np.testing.assert_allclose(axes.lines[0].get_xydata()[-1], point[0])


def test_report_of_a_run_that_answers_no_to_everything():
    """Without a yes there is no precision, and no point at it, nor in the legend."""
    figure = drawn("report", "no")
    assert figure.get_suptitle().split("\n")[:2] == [
        "Images of the digit 8 found: 0 of 6; false alarms: 0 of 14 others",
        'Correct answers: 14 of 20 (by always answering "no": 14)',
    ]
    assert cells_of(figure) == {
        "found": "0",
        "missed": "6",
        "false alarms": "0",
        "correctly rejected": "14",
    }
    axes = axes_of(figure, "Precision and recall")
    named = [text.get_text() for text in axes.get_legend().texts]
    assert named == ['always "yes": 30.0%']
    assert len(axes.lines) == 2


# --- training and test images side by side --------------------------------------------


def test_a_run_from_before_training_images_were_measured_says_so():
    figure = drawn("learning_curves", "old")
    assert figure.get_suptitle().split("\n")[:2] == [
        "Not measured on training images, as this run is old: train again",
        "Accuracy on test images: 75.00% (15 of 20)",
    ]
    loss, shares = figure.axes
    assert [line.get_label() for line in loss.lines] == ["test images"]
    assert "accuracy on training images" not in [
        line.get_label() for line in shares.lines
    ]


def test_an_old_run_that_went_on_shows_what_was_measured_since():
    run = made_run(history=[*OLD_HISTORY[:2], HISTORY[2]])
    figure = visualize_results.draw_learning_curves(View(run))
    assert figure.get_suptitle().startswith("Accuracy on training images: 90.00% (9 of")
    points = line_of(figure.axes[0], "training images").get_xydata().astype(float)
    np.testing.assert_allclose(points, [(1, nan), (2, nan), (3, 0.08)])


@parametrize("name", ["report", "learning_curves"])
def test_where_not_all_training_images_are_measured_the_figure_says_how_many(
    name, monkeypatch
):
    monkeypatch.setattr(train_network, "MEASURED", 4)
    note, about = FIGURES[name](View(made_run())).get_supxlabel().split("\n")
    assert note == "Of the training images the first 4 are measured"
    assert "training images: 10;" in about


def test_accuracy_on_training_images_counts_those_that_are_measured(monkeypatch):
    """Of the first four, 0.75 are three."""
    monkeypatch.setattr(train_network, "MEASURED", 4)
    run = made_run(history=[(0.3, 0.28, 0.75, 0.4, 0.7, 0.6)])
    title = visualize_results.draw_learning_curves(View(run)).get_suptitle()
    assert title.startswith("Accuracy on training images: 75.00% (3 of 4)\n")


# --- the lab sheet's claims, and how often each digit is taken for it -----------------

CLAIMS = [
    Claim(
        "digit {digit} with a gap (closed loops: under {limit:g})",
        {"digit": 8, "limit": 2},
        affected=Rate(90, 100),
        rest=Rate(10, 100),
        wrong=[4, 9],
    ),
    Claim(
        "digit {digit} with very thin lines (under {limit:.2f} pixels)",
        {"digit": 8, "limit": 1.5},
        affected=Rate(0, 90),
        rest=Rate(30, 110),
        wrong=[],
    ),
    Claim(
        "digit {digit} strongly slanted (over {limit:.1f} degrees)",
        {"digit": 8, "limit": 20},
        affected=Rate(1, 2),
        rest=Rate(1, 4),
        wrong=[3],
    ),
    Claim(
        "6 and 9 taken for {digit}",
        {"digit": 8},
        affected=Rate(5, 50),
        rest=Rate(10, 200),
        wrong=[0, 1, 2, 5, 6, 7],
    ),
    Claim(
        "noisy images (ink outside the main stroke)",
        {},
        affected=Rate(50, 100),
        rest=Rate(5, 100),
        wrong=[19],
    ),
]
# Of each its verdict, how it is drawn, and the difference with the ends of its interval
# in percentage points, by Newcombe's formula, worked out by hand
SQUARE = {"marker": "s", "colour": BLACK, "inside": BLACK}
RING = {"marker": "o", "colour": BLACK, "inside": WHITE}
DIAMOND = {"marker": "D", "colour": GREY, "inside": GREY}
EXPECTED_OF_CLAIMS = [
    ("confirmed", SQUARE, (80, 69.5, 86.3)),
    ("refuted", RING, (-27.3, -36.3, -18.8)),
    ("too few images", DIAMOND, (25, -35.5, 70.4)),
    ("inconclusive", DIAMOND, (5, -1.9, 16.6)),
    ("confirmed", SQUARE, (45, 33.6, 55)),
]


@pytest.fixture(scope="module")
def claims_figure() -> Figure:
    """Of a run whose headline is measured on 8 of its 20 test images."""
    view = View(made_run(test_size=8))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train_network, "claims_about", lambda run: CLAIMS)
        return in_places(visualize_results.draw_error_analysis(view))


def test_title_counts_the_verdicts(claims_figure):
    assert claims_figure.get_suptitle() == (
        "The lab sheet's claims about errors: 2 of 5 confirmed, 1 refuted\n"
        "(all 20 test images, 95% intervals; limits from the training images)"
    )


def test_title_says_of_another_digit_that_the_lab_sheet_speaks_of_8():
    title = visualize_results.draw_error_analysis(View(made_run(digit=3)))
    last = title.get_suptitle().split("\n")[-1]
    assert last == "(the lab sheet speaks of 8; here the same is asked of 3)"


def test_claims_are_differences_with_their_intervals(claims_figure):
    axes = axes_of(claims_figure, "Is the network wrong")
    for row, (_verdict, _look, interval) in enumerate(EXPECTED_OF_CLAIMS):
        point, _, (bar,) = axes.containers[row].lines
        ends = bar.get_segments()[0]
        shown = [*point.get_xdata(), *ends[:, 0]]
        np.testing.assert_allclose(shown, interval, atol=0.06)
        assert {*point.get_ydata(), *ends[:, 1]} == {row}
    assert len(axes.containers) == len(CLAIMS)
    (zero,) = (line for line in axes.lines if line.get_marker() == "None")
    assert set(zero.get_xdata()) == {0}


def test_claims_look_like_their_verdicts(claims_figure):
    axes = axes_of(claims_figure, "Is the network wrong")
    (right,) = axes.child_axes
    words = right.yaxis.get_ticklabels()
    for row, (verdict, look, _interval) in enumerate(EXPECTED_OF_CLAIMS):
        point, _, (bar,) = axes.containers[row].lines
        shown = {
            "marker": point.get_marker(),
            "colour": to_hex(point.get_color()),
            "inside": to_hex(point.get_markerfacecolor()),
        }
        assert shown == look
        assert to_hex(bar.get_color()[0]) == look["colour"]
        assert words[row].get_text() == verdict
        assert to_hex(words[row].get_color()) == look["colour"]


def test_claims_stand_beside_both_rates(claims_figure):
    axes = axes_of(claims_figure, "Is the network wrong")
    labels = ticks(axes.yaxis)
    assert labels[0] == (
        "digit 8 with a gap\n(closed loops: under 2)\n"
        "wrong: 90.00% (90 of 100)\nof the others: 10.00% (10 of 100)"
    )
    assert labels[3] == (
        "6 and 9 taken for 8\nwrong: 10.00% (5 of 50)\nof the others: 5.00% (10 of 200)"
    )


def test_first_mistakes_stand_beside_their_claim(claims_figure):
    """At most four, of all test images, also beyond those of the headline."""
    axes = axes_of(claims_figure, "Is the network wrong")
    strips = axes_of(claims_figure, "First mistakes").child_axes
    expected = [[4, 9], [], [3], [0, 1, 2, 5], [19]]
    for row, (strip, numbers) in enumerate(zip(strips, expected, strict=True)):
        (image,) = strip.images
        columns = np.flatnonzero(image.get_array().any(axis=0)).tolist()
        assert columns == [28 * place + n for place, n in enumerate(numbers)]
        box = strip.get_window_extent()
        beside = axes.transData.transform((0, row))[1]
        assert (box.y0 + box.y1) / 2 == pytest.approx(beside, abs=2)


def test_rule_of_the_verdicts_stands_under_the_figure(claims_figure):
    under = claims_figure.get_supxlabel().replace("\n", " ")
    assert under.startswith(
        "Confirmed: the interval lies above 0. Refuted: it ends below half the others' "
        "error rate. Fewer than 20 images get no verdict. "
        "MNIST; training images: 10; test images: 20; "
    )


def test_errors_are_analysed_on_all_test_images():
    """Of the first 8 all three others are taken for an 8, and two 8s are missed; of all
    20 three of 14 others, and two 8s, as before.
    """
    view = View(made_run(test_size=8))
    figure = visualize_results.draw_error_analysis(view)
    assert "\n(all 20 test images, " in figure.get_suptitle()
    claims = axes_of(figure, "Is the network wrong")
    noisy = ticks(claims.yaxis)[-1]
    assert noisy.endswith("of the others: 25.00% (5 of 20)")
    alarms = axes_of(figure, "How often each other")
    assert ticks(alarms.yaxis)[0] == "2:  66.67% (2 of 3)"
    assert line_of(alarms, "all others: 21.43% (3 of 14)")


@parametrize("name", ["report", "threshold_curves", "mistakes"])
def test_other_figures_are_of_the_first_test_images(name):
    figure = FIGURES[name](View(made_run(test_size=8)))
    assert figure.get_suptitle().startswith("Images of the digit 8 found: 3 of 5; ")
    assert "test images: 8;" in figure.get_supxlabel()


def test_where_most_images_show_the_digit_always_yes_is_what_is_to_be_beaten():
    figure = visualize_results.draw_report(View(made_run(test_size=8)))
    title = 'Correct answers: 3 of 8 (by always answering "yes": 5)'
    assert figure.get_suptitle().split("\n")[1] == title


@parametrize("run", ["no", "yes"])
def test_a_run_that_answers_the_same_to_everything_gets_no_verdicts(run):
    figure = drawn("error_analysis", run)
    (axes,) = figure.axes
    assert title_of(axes) == "How often each other digit is taken for 8"
    assert "Confirmed" not in figure.get_supxlabel()


def test_alarm_rates_are_sorted_dots_with_their_intervals():
    axes = axes_of(drawn("error_analysis"), "How often each other")
    labels = [
        "2:  66.67% (2 of 3)",
        "3:  50.00% (1 of 2)",
        "0:  0.00% (0 of 2)",
        "1:  0.00% (0 of 2)",
    ]
    labels += [f"{n}:  0.00% (0 of 1)" for n in (4, 5, 6, 7, 9)]
    assert ticks(axes.yaxis) == labels
    dots, _, (bars,) = axes.containers[0].lines
    np.testing.assert_allclose(dots.get_xdata(), [2 / 3, 1 / 2] + [0] * 7)
    assert dots.get_ydata().tolist() == list(range(9))
    assert dots.get_marker() == "o"
    assert to_hex(dots.get_color()) == BLUE
    ends = [segment[:, 0] for segment in bars.get_segments()]
    by_wilson = [(0.21, 0.94), (0.09, 0.91), (0, 0.66)]  # to a percent
    np.testing.assert_allclose(ends[:3], by_wilson, atol=0.006)
    assert np.max(ends) < axes.get_xlim()[1] < 1


# --- the study of improvements, whose benchmark draws by the same panel ---------------


def evaluation(found: int) -> Evaluation:
    """Of ten 8s so many are found, and no other is taken for one."""
    truth = np.arange(20) < 10
    return Evaluation(np.where(np.arange(20) < found, 0.9, 0.1), truth)


def test_figure_of_the_study_says_what_its_numbers_are(root, monkeypatch):
    """F1 of five found is 2 * 5 / 15, of six 3 / 4, of eight 8 / 9; the lab's run has
    five three times, and six twice.
    """
    monkeypatch.syspath_prepend(root / "tests" / "benchmarks")
    import bench_study

    lab = [evaluation(n) for n in (5, 6, 5, 6, 5)]
    better = [evaluation(n) for n in (8, 8, 8, 8, 8)]
    changes = [bench_study.Change("the lab's run", lab, lab)]
    changes.append(bench_study.Change("more units", better, lab))
    figure = bench_study.draw(made_run().dataset, changes)
    assert figure.get_suptitle() == (
        "Changes to the lab's run, each alone: better 1 of 1, worse 0\n"
        "(F1 on 20 test images, means of 5 seeds)"
    )
    (axes,) = figure.axes
    assert title_of(axes) == "0: the lab's run, mean F1 70.0%"
    assert ticks(axes.yaxis) == ["more units: mean F1 88.9%"]
    under = figure.get_supxlabel().split("\n")[0]
    assert under == "Better: the interval lies above 0. Worse: it lies below 0."


# --- hidden units and samples ---------------------------------------------------------


def run_with_units(*weights: list, change: list[tuple[int, float]], **settings) -> Run:
    """A made run with these weights above the first layer.

    In that unit u has gained change[u]: a row of pixels, and what was added to each of
    the row's 28.
    """
    run = made_run(hidden=tuple(len(w) for w in weights), **settings)
    first, *others = run.network.layers
    for unit, (row, added) in enumerate(change):
        first.w[28 * row : 28 * row + 28, unit] += added
    for layer, w in zip(others, weights, strict=True):
        layer.w = np.array(w, np.float32)
    return run


# Four units with output weights 0.5, -1, 2 and -3; deep these are sums over two paths:
# 0 * 3 + 0.5 * 1, 2 * 3 - 7 * 1, 0.5 * 3 + 0.5 * 1, 0 * 3 - 3 * 1
FLAT = [[[0.5], [-1], [2], [-3]]]
DEEP = [[[0, 0.5], [2, -7], [0.5, 0.5], [0, -3]], [[3], [1]]]
UNIT_CHANGES = [(9, -0.2), (5, 0.4), (3, 0.4), (12, -0.4)]


NUMBERS = {
    "flat": (
        "Hidden units: 4; number: size of its output weight, largest first\n"
        "tile: change of a unit's weights, times the sign of that weight"
    ),
    "deep": (
        "Hidden units: 4; number: size of the product of its later weights, largest "
        "first\ntile: change of a unit's weights, times the sign of that product"
    ),
}


@parametrize("layers", NUMBERS)
def test_units_are_sorted_by_the_size_of_their_weight_to_the_output(layers):
    weights = {"flat": FLAT, "deep": DEEP}[layers]
    run = run_with_units(*weights, change=UNIT_CHANGES)
    units = visualize_results.draw_hidden_units(View(run)).axes[0]
    assert title_of(units) == NUMBERS[layers]
    numbers = [caption for _pixel, caption in tiles(units)]
    assert numbers == ["3.00", "2.00", "1.00", "0.50"]


def test_red_is_where_ink_in_a_unit_came_to_speak_for_the_digit():
    """Units with weights above 0 have gained at row 3, lost at row 9; those with
    weights below have lost at row 12, gained at row 5. The largest change, 0.4, has the
    full colour.
    """
    run = run_with_units(*FLAT, change=UNIT_CHANGES)
    tiles_shown = visualize_results.draw_hidden_units(View(run)).axes[0].images
    rows = {  # of each tile, from the largest weight, -3, on: which row, and its change
        12: 1,
        3: 1,
        5: -1,
        9: -0.5,
    }
    colours = []
    for tile, (row, change) in zip(tiles_shown, rows.items(), strict=True):
        np.testing.assert_allclose(tile.get_array()[row], change, atol=1e-6)
        colours.append(colour_at(tile, 28 * row))
        assert colour_at(tile, 0) == "white"
    assert colours == ["red", "red", "blue", "blue"]


def test_a_unit_whose_weights_all_change_their_signs_looks_the_same():
    """As it does the same: tanh is odd."""
    looks = []
    for sign in 1, -1:
        weights = [[sign * w for w in of_unit] for of_unit in FLAT[0]]
        change = [(row, sign * added) for row, added in UNIT_CHANGES]
        run = run_with_units(weights, change=change)
        units = visualize_results.draw_hidden_units(View(run)).axes[0]
        pictures = np.array([image.get_array() for image in units.images])
        looks.append((pictures, [text.get_text() for text in units.texts]))
    (pictures, numbers), (flipped, same_numbers) = looks
    np.testing.assert_allclose(flipped, pictures, atol=1e-6)
    assert numbers == same_numbers


def test_bar_says_which_change_has_which_colour():
    run = run_with_units(*FLAT, change=UNIT_CHANGES)
    bar = visualize_results.draw_hidden_units(View(run)).axes[1]
    assert ticks(bar.xaxis) == ["-0.4", "0", "+0.4"]
    assert ticks(bar.yaxis) == []
    np.testing.assert_allclose(bar.get_xticks(), [-0.4, 0, 0.4], atol=1e-6)
    (image,) = bar.images
    assert image.get_extent() == pytest.approx([-0.4, 0.4, 0, 1])
    assert colour_at(image, 0) == "blue"
    assert colour_at(image, 128) == "white"
    assert colour_at(image, 255) == "red"


def test_a_few_extreme_weights_leave_the_others_their_colours():
    """Of 40 units two have 28 weights each that changed ten times as much: 56 of
    31,360, less than two in a thousand. Full colour is the usual change.
    """
    change = [(3, 4.0)] * 2 + [(5, 0.4)] * 10
    run = run_with_units([[1]] * 40, change=change)
    units, bar = visualize_results.draw_hidden_units(View(run)).axes
    assert ticks(bar.xaxis) == ["-0.4", "0", "+0.4"]
    assert units.images[2].get_array()[5, 0] == pytest.approx(1)


def test_weights_that_hardly_changed_look_so():
    """By a billionth, where full colour is at least a millionth."""
    run = run_with_units([[1], [1]], change=[(3, 1e-9)], weight_scale=0.0)
    units, bar = visualize_results.draw_hidden_units(View(run)).axes
    assert colour_at(units.images[0], 28 * 3) == "white"
    assert ticks(bar.xaxis) == ["-1e-06", "0", "+1e-06"]


def test_of_many_units_the_32_strongest_are_shown():
    """Each stronger than the one before, and of the other sign."""
    weights = [[(-1) ** n * n / 10] for n in range(40)]
    run = run_with_units(weights, change=[])
    units = visualize_results.draw_hidden_units(View(run)).axes[0]
    assert title_of(units).startswith("Hidden units: 40; shown: 32; number: ")
    captions = [caption for _, caption in tiles(units)]
    assert captions == [f"{n / 10:.2f}" for n in range(39, 7, -1)]


def test_title_of_hidden_units_is_the_change_in_parts_of_the_start():
    run = made_run()
    run.network.layers[0].w *= 1.5
    title = visualize_results.draw_hidden_units(View(run)).get_suptitle()
    assert "by 50% of their" in title


def test_hidden_units_that_began_at_zero_have_no_share_of_it():
    run = made_run(weight_scale=0.0)
    title = visualize_results.draw_hidden_units(View(run)).get_suptitle()
    assert "by n/a of their" in title


def lit_columns(rows: np.ndarray) -> list[list[int]]:
    """The columns with ink of a picture that has images in rows, a row at a time."""
    return [np.flatnonzero(row).tolist() for row in rows[::28]]


def test_samples_are_the_first_of_each_digit():
    """Image n is lit at pixel n of its first row."""
    (axes,) = drawn("samples").axes
    labels = "0  (1),1  (1),2  (1),3  (1),4  (0),5  (1),6  (0),7  (2),8  (3),9  (0)"
    assert ticks(axes.yaxis) == labels.split(",")
    assert ticks(axes.xaxis) == []
    (image,) = axes.images
    assert lit_columns(image.get_array()) == [
        [3],
        [1],
        [9],
        [4],
        [],
        [6],
        [],
        [7, 28 + 8],
        [0, 28 + 2, 56 + 5],
        [],
    ]
    assert colour_at(image, 3) == "black"
    assert colour_at(image, 4) == "white"


def test_of_many_samples_the_first_sixteen_are_shown():
    (axes,) = visualize_results.draw_samples(View(made_run(train=[5] * 20))).axes
    assert lit_columns(axes.images[0].get_array())[5] == [29 * n for n in range(16)]
    assert ticks(axes.yaxis)[5] == "5  (20)"


@parametrize("digit", [8, 3])
def test_the_digits_row_is_framed_in_orange_and_its_label_bold(digit):
    (axes,) = visualize_results.draw_samples(View(made_run(digit=digit))).axes
    (frame,) = axes.patches
    assert frame.get_y() == digit * 28 - 0.5
    assert frame.get_height() == 28
    assert to_hex(frame.get_edgecolor()) == ORANGE
    weights = [label.get_fontweight() for label in axes.yaxis.get_ticklabels()]
    assert [n for n, weight in enumerate(weights) if weight == "bold"] == [digit]


def test_copies_are_shown_of_a_run_that_trained_on_them(monkeypatch):
    """Each row below the originals is deformed anew, as seed 7 has it."""

    def fade(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        return images * rng.random(dtype=np.float32)

    monkeypatch.setattr(visualize_results, "augment", fade)
    figure = visualize_results.draw_samples(View(made_run(augment=True)))
    assert not axes_of(figure, "Deformed copies").axison
    (image,) = axes_of(figure, "Deformed copies").images
    copies = image.get_array()
    first = [3, 1, 9, 4, 6, 7, 0]  # in TRAIN_DIGITS, of the digits 0, 1, 2, 3, 5, 7, 8
    columns = [28 * place + n for place, n in enumerate(first)]
    assert lit_columns(copies) == [columns] * 4
    strengths = np.random.default_rng(7).random(3, dtype=np.float32)
    np.testing.assert_allclose(copies[::28, 3], [1, *strengths])
    (below,) = axes_of(figure, "Deformed copies").lines
    assert set(below.get_ydata()) == {27.5}


def test_a_run_that_trained_on_no_copies_shows_none():
    assert len(drawn("samples").axes) == 1


# --- what every figure must hold ------------------------------------------------------


def ticks_out_of_sight(figure: Figure) -> set[Text]:
    """The labels of ticks that lie beyond their axis, or whose axis is not shown."""
    hidden = set()
    for outer in figure.axes:
        for axes in (outer, *outer.child_axes):
            for axis in (axes.xaxis, axes.yaxis):
                low, high = sorted(axis.get_view_interval())
                for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                    if not (low <= tick.get_loc() <= high and axes.axison):
                        hidden |= {tick.label1, tick.label2}
    return hidden


def texts_of(figure: Figure) -> list[Text]:
    """The texts in sight."""
    hidden = ticks_out_of_sight(figure)
    found = []
    for text in figure.findobj(Text):
        if text.get_text().strip() and text.get_visible() and text not in hidden:
            found.append(text)
    return found


def assert_all_texts_are_apart_and_inside(figure: Figure) -> None:
    texts = texts_of(figure)
    assert len(texts) > 3
    boxes = np.array([text.get_window_extent().extents for text in texts])
    left, bottom, right, top = boxes.T
    frame = figure.bbox.padded(1)
    is_inside = (frame.x0 <= left) & (left < right) & (right <= frame.x1)
    is_inside &= (frame.y0 <= bottom) & (bottom < top) & (top <= frame.y1)
    assert [
        text for text, inside in zip(texts, is_inside, strict=True) if not inside
    ] == []

    # Two texts overlap where they do both across and up, by more than two pixels
    across = np.minimum.outer(right, right) - np.maximum.outer(left, left)
    up = np.minimum.outer(top, top) - np.maximum.outer(bottom, bottom)
    pairs = np.argwhere(np.triu((across > 2) & (up > 2), k=1))
    assert [(texts[a], texts[b]) for a, b in pairs] == []


# The most that a claim can say, of the largest counts
LARGEST = Rate(4567, 9026)
LONG_CLAIMS = [
    claim._replace(affected=LARGEST, rest=LARGEST, wrong=list(range(20)))
    for claim in CLAIMS
]


@pytest.fixture(autouse=True)
def made_up_claims(monkeypatch) -> None:
    """Those of the "wide" run are made up; its 10,000 images would take long."""
    examine = train_network.claims_about

    def claims_about(run: Run) -> list[Claim]:
        return LONG_CLAIMS if len(run.test.digits) == 10_000 else examine(run)

    monkeypatch.setattr(train_network, "claims_about", claims_about)


@parametrize("language", ["en", "ru"])
@parametrize("name", FIGURES)
def test_texts_are_inside_and_apart_at_the_largest_counts(name, language):
    assert_all_texts_are_apart_and_inside(laid_out(name, "wide", language))


@parametrize("language", ["en", "ru"])
@parametrize("name", FIGURES)
def test_no_text_is_broken_inside_brackets(name, language):
    for text in texts_of(laid_out(name, "wide", language)):
        for line in text.get_text().split("\n"):
            assert line.count("(") == line.count(")"), line


def covers(legend: Legend, artist: Line2D | Patch | Text) -> bool:
    box = legend.get_window_extent()
    if isinstance(artist, Line2D):
        path = artist.get_transform().transform_path(artist.get_path())
        return path.intersects_bbox(box, filled=False)
    extent = artist.get_window_extent()
    if isinstance(artist, Patch):  # a bar begins below its axes, where it is not drawn
        extent = Bbox.intersection(extent, artist.axes.bbox)
    return extent is not None and bool(extent.overlaps(box))


@parametrize("language", ["en", "ru"])
@parametrize("name", FIGURES)
def test_legend_covers_no_curve_no_bar_and_no_text(name, language):
    for axes in laid_out(name, "wide", language).axes:
        legend = axes.get_legend()
        texts = [child for child in axes.get_children() if isinstance(child, Text)]
        texts += [axes.xaxis.label, *axes.xaxis.get_ticklabels()]
        for artist in [*axes.lines, *axes.patches, *texts]:
            assert legend is None or not covers(legend, artist), artist


def test_long_claims_leave_room_for_their_intervals():
    claims = laid_out("error_analysis", "wide", "ru").axes[0]
    assert claims.get_position().width > 0.33


@parametrize("language", ["en", "ru"])
def test_first_mistakes_are_large_enough_to_see(language):
    """On a page of 840 pixels at least 38 for an image."""
    figure = laid_out("error_analysis", "wide", language)
    for strip in figure.axes[1].child_axes:
        width = strip.get_window_extent().width / figure.bbox.width * 840
        assert width / 4 > 38


@parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_about(name):
    figure = drawn(name, "no")
    assert figure.get_suptitle().split("\n")[-2:] == [
        "The network answers no to everything: its errors tell nothing",
        "(data: the bundled sample, not MNIST)",
    ]
    assert figure.get_supxlabel().replace("\n", " ") == (
        "the bundled sample, NOT MNIST; training images: 10; test images: 20; "
        "network 784-2-1; seed 7; epochs: 3"
    )


@parametrize("name", FIGURES)
def test_russian_figure_has_no_english_line(name):
    # Words that a Russian textbook has in brackets, too
    allowed = {"seed", "mnist", "precision", "recall", "average"}
    for text in texts_of(laid_out(name, "wide", "ru")):
        words = re.findall(r"[a-z]+", text.get_text().lower())
        assert not set(words) - allowed, text


@parametrize("name", FIGURES)
def test_thousands_are_written_as_the_language_has_them(name):
    said = {}
    for language in ("en", "ru"):
        texts = texts_of(laid_out(name, "wide", language))
        said[language] = " ".join(text.get_text() for text in texts)
    assert re.search(r"\d,\d", said["en"])
    assert re.search(r"\d\N{NO-BREAK SPACE}\d", said["ru"])
    for text in said.values():
        assert not re.search(r"(?<![\d.])\d{4}", text)
    assert not re.search(r"\d,\d", said["ru"])


def test_threshold_is_written_in_decimals():
    figure = visualize_results.draw_report(View(made_run(threshold=1.4e-9)))
    assert axes_of(figure, "Answers at threshold 0.0000000014")


def test_a_figure_has_its_axes_by_name_a_title_and_a_note():
    """Long lines of a title are broken, the breaks of others kept."""
    rows = {"left right": 3.0, "low low": 1.0}
    title = "word " * 20 + "\nend"
    figure, axes = View(made_run()).figure(title, rows, "note")
    assert list(axes) == ["left", "right", "low"]
    assert figure.get_figwidth() == 8.4
    first, second, third = figure.get_suptitle().split("\n")
    assert f"{first} {second}" == "word " * 19 + "word"
    assert third == "end"
    note, about = figure.get_supxlabel().split("\n")
    assert note == "note"
    assert about.startswith("MNIST; training images: 10; ")


def test_dollars_in_the_name_of_a_data_set_are_dollars(tmp_path):
    view = View(made_run(name=r"x$\bad$y"))
    figure = visualize_results.draw_learning_curves(view)
    figure.set_layout_engine("none")  # quick
    visualize_results.save_figure(figure, tmp_path / "figure.png")


# --- a view ---------------------------------------------------------------------------


def test_view_has_the_language_of_its_run_unless_another_is_named():
    run = made_run(lang="ru")
    assert View(run).language == "ru"
    assert View(run).translate("yes") == "да"
    assert View(run, "en").language == "en"
    assert View(run, "en").translate("yes") == "yes"


def test_view_on_all_test_images_is_another_of_the_same_run():
    view = View(made_run(test_size=8), "ru")
    wide = view.on_all_test_images()
    assert wide.result.total == 20
    assert wide.language == "ru"
    assert wide.run.network is view.run.network
    assert wide.run.settings.test_size is None
    assert view.result.total == 8
    assert view.run.settings.test_size == 8


# --- the user's own matplotlib settings -----------------------------------------------

HOSTILE = {
    "font.size": 30,
    "axes.facecolor": "black",
    "axes.grid": True,
    "axes.titlelocation": "right",
    "axes.spines.left": False,
    "figure.facecolor": "red",
    "image.cmap": "hot",
    "lines.linewidth": 9,
    "patch.force_edgecolor": True,
    "savefig.dpi": 7,
    "text.color": "green",
    "xtick.labelsize": 20,
}


@pytest.fixture
def settings_in_force(monkeypatch) -> list[dict]:
    """Those of matplotlib whenever a figure is made or saved; nothing is rendered."""
    kept = []
    make = Figure.__init__

    def making(figure: Figure, *arguments, **settings) -> None:
        kept.append(dict(matplotlib.rcParams))
        make(figure, *arguments, **settings)

    def saving(figure: Figure, file, **_settings) -> None:
        kept.append(dict(matplotlib.rcParams))
        file.write(b"a picture")

    monkeypatch.setattr(Figure, "__init__", making)
    monkeypatch.setattr(Figure, "savefig", saving)
    return kept


def draw_made_picture() -> Figure:
    picture = np.full((40, 40), 255, np.uint8)
    reader = fixed_reader([2])
    reading = reading_of(reader, [(10, 10, 30, 30)])
    return visualize_results.draw_recognised(reader, picture, reading)


def made_drawings() -> dict[str, Callable[[], Figure]]:
    """All that writes a picture, by name."""
    view = View(made_run(augment=True))
    drawings = {name: partial(draw, view) for name, draw in FIGURES.items()}
    return drawings | {"recognised": draw_made_picture}


@parametrize("name", [*FIGURES, "recognised"])
def test_users_settings_are_not_in_force_where_a_picture_is_made(
    name, tmp_path, settings_in_force
):
    with matplotlib.rc_context(HOSTILE):
        figure = made_drawings()[name]()
        visualize_results.save_figure(figure, tmp_path / "picture.png")
    ours = matplotlib.rcParamsDefault | visualize_results.STYLE
    expected = {key: ours[key] for key in HOSTILE | visualize_results.STYLE}
    made, saved = settings_in_force
    assert {key: made[key] for key in expected} == expected
    assert {key: saved[key] for key in expected} == expected


def test_users_settings_change_no_byte_of_a_picture(tmp_path, monkeypatch):
    monkeypatch.setitem(visualize_results.STYLE, "savefig.dpi", 40)  # quick
    written = []
    for settings in ({}, HOSTILE):
        with matplotlib.rc_context(settings):
            figure = visualize_results.draw_report(View(made_run()))
            figure.set_layout_engine("none")  # quick, too
            visualize_results.save_figure(figure, tmp_path / "picture.png")
        written.append((tmp_path / "picture.png").read_bytes())
    plain, hostile = written
    assert hostile == plain


def test_users_settings_are_left_as_they_were(tmp_path):
    with matplotlib.rc_context(HOSTILE):
        before = matplotlib.rcParams.copy()
        figure = visualize_results.draw_learning_curves(View(made_run()))
        figure.set_layout_engine("none")  # quick
        visualize_results.save_figure(figure, tmp_path / "figure.png")
        assert matplotlib.rcParams == before
        assert matplotlib.rcParams["font.size"] == 30


# --- the command ----------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(made_dir, tmp_path_factory) -> Path:
    """The directory of a small run, its headline of half its test images."""
    lab = Lab(made_dir, tmp_path_factory.mktemp("trained"))
    assert lab.run("--test-size=30", "--hidden=4") == 0
    return lab.out


@pytest.fixture
def run_dir(trained, tmp_path) -> Path:
    """A copy of the run, to write to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def draw(made_dir, run_dir) -> Callable[..., int]:
    directories = [f"--data-dir={made_dir}", f"--output-dir={run_dir}"]
    return lambda *options: main([*directories, *map(str, options)])


@pytest.fixture
def read(run_dir) -> Callable[..., int]:
    """What reads handwriting: for it no images of a run are needed."""
    return lambda *options: main([f"--output-dir={run_dir}", *map(str, options)])


@pytest.fixture
def written(monkeypatch) -> dict[str, Figure]:
    """What would be written, by name."""
    figures = {}

    def keep(figure: Figure, path: Path) -> None:
        figures[path.name] = figure

    monkeypatch.setattr(visualize_results, "save_figure", keep)
    return figures


def test_figures_and_their_language_are_chosen(draw, run_dir, capsys):
    before = set(run_dir.iterdir())
    names = ["samples", "learning_curves"]
    assert draw("--figures", *names, "--format", "svg", "--lang", "ru") == 0
    new = {path.name for path in set(run_dir.iterdir()) - before}
    assert new == {"samples.svg", "learning_curves.svg"}
    assert capsys.readouterr().out.splitlines() == [
        f"Записано: {run_dir}/samples.svg",
        f"Записано: {run_dir}/learning_curves.svg",
    ]


@parametrize(
    ("ending", "start"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")]
)
def test_a_figure_is_written_in_the_form_of_its_name(ending, start, tmp_path):
    path = tmp_path / f"figure.{ending}"
    visualize_results.save_figure(Figure((1, 1)), path)
    assert path.read_bytes().startswith(start)


def test_a_figure_is_so_wide_that_its_text_is_read_on_a_page(tmp_path):
    """8.4 inches of 160 pixels, with a font of 9 points."""
    path = tmp_path / "figure.png"
    figure = visualize_results.draw_learning_curves(View(made_run()))
    figure.set_layout_engine("none")  # quick
    visualize_results.save_figure(figure, path)
    with Image.open(path) as picture:
        assert picture.width == 1344
    assert figure.axes[0].xaxis.label.get_fontsize() == 9


def test_without_options_all_figures_are_drawn(draw, written):
    assert draw() == 0
    assert list(written) == [
        "report.png",
        "learning_curves.png",
        "threshold_curves.png",
        "mistakes.png",
        "error_analysis.png",
        "hidden_units.png",
        "samples.png",
    ]
    counted = {}
    for name, figure in written.items():
        counted[name] = re.search("test images: [0-9]+", figure.get_supxlabel())[0]
    expected = dict.fromkeys(written, "test images: 30")
    assert counted == expected | {"error_analysis.png": "test images: 60"}


def test_figures_are_of_the_run_that_is_there(draw, run_dir, made_dir, written, capsys):
    Lab(made_dir, run_dir).run("--hidden=3", "--digit=5", "--epochs=1", "--lang=ru")
    capsys.readouterr()
    assert draw("--figures", "report") == 0
    assert capsys.readouterr().out == f"Записано: {run_dir}/report.png\n"
    (figure,) = written.values()
    assert "784-3-1" in figure.get_supxlabel()
    assert "обуч" in figure.get_supxlabel().lower()


MATPLOTLIBRC = "text.usetex: True\nfont.family: No Such Font\nsavefig.dpi: 7\n"
MATPLOTLIBRC += "figure.facecolor: red\nbackend: pdf\n"


def test_matplotlibrc_and_an_unknown_backend_end_no_script(
    draw, made_dir, run_dir, root, monkeypatch, tmp_path
):
    assert draw("--figures", "learning_curves") == 0
    picture = run_dir / "learning_curves.png"
    content = picture.read_bytes()
    picture.unlink()
    (tmp_path / "matplotlibrc").write_text(MATPLOTLIBRC)
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "foo")
    command = [sys.executable, str(root / "visualize_results.py")]
    command += ["--figures=learning_curves"]
    command += [f"--data-dir={made_dir}", f"--output-dir={run_dir}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stderr == ""
    assert done.returncode == 0
    assert picture.read_bytes() == content


NAMES = "report, learning_curves, threshold_curves, mistakes, error_analysis, "
NAMES += "hidden_units, samples"


@parametrize(
    ("options", "line"),
    [
        (
            ("--figures", "report", "nope"),
            f"figures is 'nope'; it must be one of {NAMES}",
        ),
        (("--format", "x"), "format is 'x'; it must be one of png, svg, pdf"),
        (("--lang", "de"), "lang is 'de'; it must be one of en, ru"),
        (
            ("--image", "a.png", "--lang", "de"),
            "lang is 'de'; it must be one of en, ru",
        ),
        (
            ("--image", "a.png", "--figures", "samples"),
            "--figures has no meaning with --image",
        ),
        (
            ("--draw", "--figures", "samples"),
            "--figures has no meaning with --draw",
        ),
        (
            ("--draw", "--format", "png"),
            "--format has no meaning with --draw",
        ),
        (
            ("--image", "a.png", "--format", "gif"),
            "format is 'gif'; it must be one of png, svg, pdf",
        ),
        (
            ("--draw", "--data-dir", "there"),
            "--data-dir has no meaning with --draw",
        ),
        (
            ("--image", "a.png", "--data-dir", "there"),
            "--data-dir has no meaning with --image",
        ),
    ],
)
def test_a_bad_choice_is_refused_in_a_line(written, options, line):
    with pytest.raises(UserError) as error:
        main(options)
    assert str(error.value) == line
    assert not written


@parametrize(
    "options", [("--draw", "--image", "a.png"), ("--animate",), ("--show",), ("--fig",)]
)
def test_options_that_are_none_are_refused(options):
    with pytest.raises(UserError, match=r"\(--help lists the options\)$"):
        main(options)


def test_help_has_groups_real_defaults_and_examples(capsys):
    with pytest.raises(SystemExit) as left:
        main(["--help"])
    assert not left.value.code
    text = capsys.readouterr().out
    groups = ["figures:", "instead of figures:", "files and language:", "examples:"]
    assert re.findall(r"^[a-z ]+:$", text, re.MULTILINE)[-4:] == groups
    text = re.sub(r"\s+", " ", text)
    for words in ("(default: png)", "(default: as the run)", "sample_outputs/"):
        assert words in text
    for words in ("None", "False", str(Path.cwd())):
        assert words not in text


@parametrize("content", [None, b"", b"rubbish", b"PK\x03\x04 cut short"])
def test_missing_or_damaged_model_is_refused(draw, run_dir, content):
    (run_dir / "model.npz").unlink()
    if content is not None:
        (run_dir / "model.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.npz"):
        draw()


@parametrize(
    ("digits", "test_size", "there", "remedy"),
    [
        ([0, 1, 8], 2, "0, 1", "--resume --test-size all takes more of them"),
        ([8, 8, 1], 2, "8", "--resume --test-size all takes more of them"),
        ([3, 1, 1], None, "1, 3", "--digit N asks for another digit"),
        ([8, 8, 8], None, "8", "--digit N asks for another digit"),
    ],
)
def test_run_whose_test_images_lack_a_class_is_refused_with_what_would_help(
    monkeypatch, tmp_path, digits, test_size, there, remedy
):
    run = made_run(scores=[(digit, 0.5) for digit in digits])
    settings = replace(run.settings, test_size=test_size)
    run = replace(run, settings=settings)
    monkeypatch.setattr(train_network, "load_run", lambda *_: run)
    with pytest.raises(UserError) as error:
        View.of(tmp_path)
    assert str(error.value) == (
        "no figures without both 8 and other digits among the test images, which show "
        f"{there}; train_network.py {remedy}"
    )


def raising(error: BaseException, *_: object, **__: object) -> None:
    raise error


def test_failed_write_leaves_the_old_figure(draw, run_dir, monkeypatch):
    (run_dir / "samples.png").write_bytes(b"old")
    full = OSError(28, "No space left")
    monkeypatch.setattr(Figure, "savefig", partial(raising, full))
    with pytest.raises(UserError, match=r"samples\.png: No space left"):
        draw("--figures", "samples")
    assert (run_dir / "samples.png").read_bytes() == b"old"


# --- your own handwriting: pictures ---------------------------------------------------


@pytest.fixture
def eight(tmp_path) -> Path:
    """A picture of an 8: two thick rings, one upon the other."""
    image = Image.new("L", (200, 200), 255)
    for ring in (70, 30, 130, 100), (62, 90, 138, 175):
        ImageDraw.Draw(image).ellipse(ring, outline=0, width=14)
    path = tmp_path / "eight.png"
    image.save(path)
    return path


def test_a_picture_is_read_and_drawn_over_what_was_read_before(
    read, run_dir, eight, capsys
):
    target = run_dir / "eight_recognised.png"
    target.write_bytes(b"of another eight.png")
    before = set(run_dir.iterdir())
    assert read("--image", eight) == 0
    network, answer, last = capsys.readouterr().out.splitlines()
    assert network == (
        "Network 784-4-1 for the digit 8, trained on made0; "
        f"it cannot tell what is no digit at all ({run_dir}/model.npz)"
    )
    number = r"0\.\d{3}|1\.000"
    said = rf"{eight}: no. 1 of 1: (not )?an 8 \(score ({number})\)"
    assert re.fullmatch(said, answer)
    assert last == f"Written: {target}"
    assert target.read_bytes().startswith(b"\x89PNG")
    assert set(run_dir.iterdir()) == before


def test_pictures_that_fail_are_reported_and_the_others_are_read(
    read, written, eight, tmp_path, capsys
):
    bad = tmp_path / "bad\x1b[1m.png"
    bad.write_bytes(b"no picture")
    blank = tmp_path / "blank.png"
    Image.new("L", (50, 50), 255).save(blank)
    assert read("--image", bad, blank, eight) == 2
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith(f"{tmp_path}/bad\\x1b[1m.png is no picture")
    assert second.startswith(f"{blank}: no digit made out. Write larger")
    assert list(written) == ["eight_recognised.png"]


def test_a_pattern_that_the_shell_has_left_is_expanded_in_order(
    read, written, eight, tmp_path
):
    names = ["d.png", "b.jpg.png", "e.png", "a[1].png", "c.png", "a.txt"]
    for name in [*names, "c_recognised.png", "c_recognised_2.png", "c_recognised.svg"]:
        shutil.copy(eight, tmp_path / name)
    assert read("--image", tmp_path / "[a-d]*", tmp_path / "e.png") == 0
    assert list(written) == [
        "a[1]_recognised.png",
        "b.jpg_recognised.png",
        "c_recognised.png",
        "d_recognised.png",
        "e_recognised.png",
    ]


def test_a_directory_stands_for_the_pictures_in_it_in_order(
    read, written, eight, tmp_path, capsys
):
    """Not for text, for hidden files, directories, nor for what was written itself."""
    photos = tmp_path / "my [photos]"
    (photos / "a directory.png").mkdir(parents=True)
    names = ["c.bmp", "B.JPG", "a.tiff", "note.txt", "._a.png"]
    for name in [*names, "d_recognised.png", "d_recognised_12.png"]:
        shutil.copy(eight, photos / name)
    assert read("--image", photos) == 0
    assert list(written) == [
        "B_recognised.png",
        "a_recognised.png",
        "c_recognised.png",
    ]
    assert capsys.readouterr().err == ""


def test_a_directory_or_a_pattern_without_pictures_is_reported_in_a_line(
    read, written, eight, tmp_path, capsys
):
    """And the others are read."""
    empty = tmp_path / "empty"
    empty.mkdir()
    (empty / "note.txt").touch()
    assert read("--image", empty, empty / "*.txt", eight) == 2
    kinds = "(PNG, JPEG, BMP, WEBP, GIF, TIFF)"
    assert capsys.readouterr().err.splitlines() == [
        f"{empty}: no picture there {kinds}; name one",
        f"{empty}/*.txt: no picture there {kinds}; name one",
    ]
    assert list(written) == ["eight_recognised.png"]


def test_what_was_written_is_read_where_it_alone_is_named(
    read, written, eight, tmp_path
):
    """Beside others it may come from a pattern that the shell has expanded."""
    old = Path(shutil.copy(eight, tmp_path / "eight_recognised.png"))
    older = Path(shutil.copy(eight, tmp_path / "eight_recognised_2.png"))
    own = Path(shutil.copy(eight, tmp_path / "my_recognised.jpg"))
    assert read("--image", eight, older, old, own) == 0
    assert list(written) == ["eight_recognised.png", "my_recognised_recognised.png"]
    written.clear()
    assert read("--image", old) == 0
    assert read("--image", older, old) == 0
    assert list(written) == [
        "eight_recognised_recognised.png",
        "eight_recognised_2_recognised.png",
    ]


def test_pictures_of_one_name_have_results_of_their_own(
    read, written, eight, run_dir, tmp_path, capsys
):
    """Also where only capitals differ, which some file systems take for the same."""
    other = tmp_path / "other"
    other.mkdir()
    pictures = [tmp_path / "a.jpg", tmp_path / "a.png", other / "A.png"]
    for picture in pictures:
        shutil.copy(eight, picture)
    repeated = tmp_path / "a.jpg"
    assert read("--image", *pictures, repeated, eight) == 0
    assert list(written) == [
        "a_recognised.png",
        "a_recognised_2.png",
        "A_recognised_3.png",
        "eight_recognised.png",
    ]
    said = capsys.readouterr().out.splitlines()[1:]
    names = list(written)[:3]
    for n, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        assert said[2 * n].startswith(f"{picture}: no. 1 of 1: ")
        assert said[2 * n + 1] == f"Written: {run_dir}/{name}"


@parametrize(("ending", "start"), [("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_what_is_read_is_written_in_the_format_that_is_named(
    read, run_dir, eight, ending, start, capsys
):
    before = set(run_dir.iterdir())
    assert read("--image", eight, "--format", ending) == 0
    target = run_dir / f"eight_recognised.{ending}"
    assert set(run_dir.iterdir()) - before == {target}
    assert target.read_bytes().startswith(start)
    assert capsys.readouterr().out.endswith(f"Written: {target}\n")


def test_a_name_that_looks_like_a_pattern_is_a_name(read, written, eight, tmp_path):
    for name in ("a[1].png", "a1.png"):
        shutil.copy(eight, tmp_path / name)
    assert read("--image", tmp_path / "a[1].png") == 0
    assert list(written) == ["a[1]_recognised.png"]


@parametrize("name", ["none.png", "*.gif"])
def test_a_picture_that_is_not_there_is_missed(read, written, tmp_path, name, capsys):
    assert read("--image", tmp_path / name) == 2
    assert capsys.readouterr().err == f"{tmp_path / name} does not exist\n"
    assert not written


def save_network(directory: Path, digit: int, hidden: int, **metadata) -> None:
    network = NeuralNetwork((784, hidden, 1))
    network.metadata = {"settings": {"digit": digit}, **metadata}
    network.save(directory / "model.npz")


@pytest.fixture
def loaded(monkeypatch) -> list[Path]:
    """The networks' files, each time that one is read."""
    paths = []
    load = NeuralNetwork.load

    def watched(path: Path) -> NeuralNetwork:
        paths.append(path)
        return load(path)

    monkeypatch.setattr(NeuralNetwork, "load", watched)
    return paths


@parametrize("named", [None, "new", "old"])
@parametrize(
    ("own", "best", "digit", "hidden"),
    [
        pytest.param(8, None, 8, 4, id="no best"),
        pytest.param(None, 8, 8, 5, id="no own"),
        pytest.param(8, 8, 8, 5, id="same digit"),
        pytest.param(3, 8, 3, 4, id="other digit"),
        pytest.param(3, 3, 3, 5, id="same other digit"),
    ],
)
def test_network_is_the_best_if_it_knows_the_digit_of_the_last_run(
    own, best, digit, hidden, named, loaded, tmp_path, monkeypatch
):
    """The own one has 4 hidden units, the best 5; no file is read twice.

    So it is where a directory without a network is named, be it new or old.
    """
    out = tmp_path / "out"
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", out)
    (out / "best").mkdir(parents=True)
    (tmp_path / "old").mkdir()
    if own is not None:
        save_network(out, own, hidden=4)
    if best is not None:
        save_network(out / "best", best, hidden=5)
    directory = None if named is None else tmp_path / named
    reader = visualize_results.choose_reader(directory, None)
    assert reader.settings.digit == digit
    assert reader.network.layer_sizes == (784, hidden, 1)
    assert reader.path == (out if hidden == 4 else out / "best") / "model.npz"
    assert len(set(loaded)) == len(loaded)


@parametrize(
    ("own", "best"),
    [
        pytest.param(8, None, id="the last run's"),
        pytest.param(8, 8, id="the best"),
        pytest.param(3, 8, id="the last run's, of another digit"),
    ],
)
def test_network_speaks_its_runs_language_unless_another_is_named(
    own, best, tmp_path, monkeypatch
):
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path)
    (tmp_path / "best").mkdir()
    for directory, digit in ((tmp_path, own), (tmp_path / "best", best)):
        if digit is not None:
            settings = {"digit": digit, "lang": "ru"}
            save_network(directory, digit, hidden=4, settings=settings)
    choose_reader = visualize_results.choose_reader
    assert choose_reader(None, None).translate("yes") == "да"
    assert choose_reader(None, "en").translate("yes") == "yes"


def test_network_is_the_best_where_no_directory_is_named(
    eight, written, tmp_path, monkeypatch, capsys
):
    """Although the default directory has a network of its own."""
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path)
    (tmp_path / "best").mkdir()
    save_network(tmp_path, 8, hidden=4)
    save_network(tmp_path / "best", 8, hidden=5)
    assert main(["--image", str(eight)]) == 0
    first, *_ = capsys.readouterr().out.splitlines()
    assert first.startswith("Network 784-5-1 for the digit 8; ")
    assert first.endswith(f"({tmp_path}/best/model.npz)")


def test_what_is_read_is_written_to_a_directory_that_has_no_network(
    eight, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path)
    save_network(tmp_path, 3, hidden=4)
    new = tmp_path / "new" / "one"
    assert main(["--image", str(eight), f"--output-dir={new}"]) == 0
    first, *_, last = capsys.readouterr().out.splitlines()
    assert first.startswith("Network 784-4-1 for the digit 3; ")
    assert first.endswith(f"({tmp_path}/model.npz)")
    assert last == f"Written: {new}/eight_recognised.png"
    assert [path.name for path in new.iterdir()] == ["eight_recognised.png"]


def test_network_is_that_of_the_directory_that_is_named(
    eight, written, loaded, tmp_path, monkeypatch, capsys
):
    """Whatever its digit is, and although the last run's and a best one are there."""
    out = tmp_path / "out"
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", out)
    named = tmp_path / "named"
    for directory in out, out / "best", named / "best":
        directory.mkdir(parents=True)
        save_network(directory, 8, hidden=5)
    save_network(named, 3, hidden=4)
    assert main(["--image", str(eight), f"--output-dir={named}"]) == 0
    network = "784-4-1 for the digit 3; it cannot tell what is no digit at all"
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"Network {network} ({named}/model.npz)"
    assert loaded == [named / "model.npz"]


def test_a_damaged_network_of_the_directory_that_is_named_is_refused(
    eight, tmp_path, monkeypatch
):
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path / "out")
    (tmp_path / "out").mkdir()
    save_network(tmp_path / "out", 8, hidden=4)
    (tmp_path / "model.npz").write_bytes(b"rubbish")
    with pytest.raises(UserError, match=f"^{tmp_path}/model.npz: damaged"):
        main(["--image", str(eight), f"--output-dir={tmp_path}"])


@parametrize("options", [[], ["--output-dir=new"]])
def test_without_any_network_the_runs_own_is_missed(
    options, eight, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path)
    with pytest.raises(UserError, match=f"^{tmp_path}/model.npz does not exist"):
        main(["--image", str(eight), *options])
    assert not (tmp_path / "new").exists()


@parametrize(
    ("network", "metadata", "words"),
    [
        pytest.param((9, 1), {}, "takes no images", id="other images"),
        pytest.param(
            (784, 1), {"settings": {"digit": 12}}, "digit is 12", id="no digit"
        ),
        pytest.param((784, 1), {"settings": 7}, r"model\.npz", id="no settings"),
    ],
)
def test_networks_that_cannot_read_are_refused(
    read, run_dir, eight, network, metadata, words
):
    network = NeuralNetwork(network)
    network.metadata = metadata
    network.save(run_dir / "model.npz")
    with pytest.raises(UserError, match=words):
        read("--image", eight)


@parametrize(
    ("metadata", "language", "line"),
    [
        (
            {"dataset": "MNIST"},
            "en",
            "Network 784-5-2-1 for the digit 3, trained on MNIST; "
            "it cannot tell what is no digit at all",
        ),
        (
            {"dataset": "sample"},
            "en",
            "Network 784-5-2-1 for the digit 3, trained on the bundled sample, "
            "NOT MNIST; it cannot tell what is no digit at all",
        ),
        (
            {},
            "en",
            "Network 784-5-2-1 for the digit 3; it cannot tell what is no digit at all",
        ),
        (
            {"dataset": "MNIST"},
            "ru",
            "Сеть 784-5-2-1 узнаёт цифру 3, обучена на данных: MNIST; "
            "не отличает цифры от того, что цифрой не является",
        ),
    ],
)
def test_reader_says_which_network_it_is(metadata, language, line):
    network = NeuralNetwork((784, 5, 2, 1))
    network.metadata = metadata
    assert Reader(network, Settings(digit=3), language).description() == line


# --- your own handwriting: what is read -----------------------------------------------


def fixed_reader(logits: list[float], language: str = "en", **settings) -> Reader:
    """A reader that gives digit n of `found_digits` the score sigmoid(logits[n]).

    Its network is one unit. Empty paper has -2, the ink at pixel 400 adds -1, and that
    at pixel n what is missing: of [-1, 2, 0] it is 2, 5 and 3. The scores are 0.269,
    0.881 and 0.500, that of empty paper is 0.119, and the threshold is 0.5.
    """
    network = NeuralNetwork((784, 1), dtype=np.float64)
    (layer,) = network.layers
    layer.w[:] = 0
    layer.b[:] = -2
    layer.w[400] = -2
    layer.w[: len(logits), 0] = np.array(logits) + 3
    return Reader(network, Settings(**settings), language)


def found_digits(boxes: list[tuple], left_out: dict) -> FoundDigits:
    """Digit n has full ink at pixel n, and half of it at pixel 400."""
    images = lit(*range(len(boxes)))
    images[:, 400] = 0.5
    return FoundDigits(map(FoundDigit, boxes, images), left_out)


def reading_of(reader: Reader, boxes: list[tuple], left_out=None) -> Reading:
    """What a reader makes of a picture in which these digits are found."""
    found = found_digits(boxes, left_out or {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(visualize_results, "find_digits", lambda _: found)
        return reader.read(np.full((9, 9), 255, np.uint8))


BOXES = [(20, 30, 50, 90), (100, 10, 180, 40), (230, 50, 250, 110)]
LEFT_OUT = {"too small": 3, "dash": 1}
LOGITS_READ = [-1, 2, 0]
SCORES_READ = [0.2689, 0.8808, 0.5]


def test_reading_is_what_was_measured():
    reading = reading_of(fixed_reader(LOGITS_READ), BOXES)
    assert [digit.box for digit in reading.found] == BOXES
    assert reading.scores == pytest.approx(SCORES_READ, abs=1e-4)
    assert reading.is_yes.tolist() == [False, True, True]
    for n in range(3):
        assert np.flatnonzero(reading.images[n]).tolist() == [n, 400]


@parametrize(
    ("threshold", "is_yes"),
    [(0.2, [True, True, True]), (0.6, [False, True, False])],
)
def test_yes_is_said_from_the_runs_own_threshold_up(threshold, is_yes):
    reader = fixed_reader(LOGITS_READ, threshold=threshold)
    assert reading_of(reader, BOXES).is_yes.tolist() == is_yes


def test_effects_are_parts_of_the_strongest_of_their_image():
    """-1 beside 2, 5 and 3. Of a score that rises by 0.011 as of one by 0.863."""
    effects = reading_of(fixed_reader(LOGITS_READ), BOXES).effects
    for n, share in enumerate([-1 / 2, -1 / 5, -1 / 3]):
        assert effects[n, [n, 400]] == pytest.approx([1, share])
        assert np.count_nonzero(effects[n]) == 2
    reading = reading_of(fixed_reader([-1.9, 4]), BOXES[:2])
    rises = reading.scores - 0.1192
    assert rises == pytest.approx([0.0109, 0.8628], abs=1e-4)
    assert reading.effects[0, [0, 400]] == pytest.approx([1, -1 / 1.1])
    assert reading.effects[1, [1, 400]] == pytest.approx([1, -1 / 7])


def test_effects_add_up_from_the_score_of_empty_paper():
    """Of the digit with 0.5: 3 parts and -1 of 2 that add up to 0.500 - 0.119."""
    reader = fixed_reader(LOGITS_READ)
    assert reader.paper_score == pytest.approx(0.1192, abs=1e-4)
    images = reading_of(reader, BOXES).images
    effects = reader.network.attribution(images)
    expected = [3 / 2 * 0.3808, -1 / 2 * 0.3808]
    assert effects[2, [2, 400]] == pytest.approx(expected, abs=1e-4)


def test_effects_have_the_signs_of_the_networks_weights():
    network = NeuralNetwork((784, 1, 1))
    network.layers[0].w[:] = np.where(np.arange(784) < 392, 0.3, -0.1)[:, np.newaxis]
    network.layers[1].w[:] = 2
    effects = reading_of(Reader(network, Settings(), "en"), BOXES).effects
    assert effects[0, [0, 400]] == pytest.approx([1, -0.5 / 3])


def test_a_network_without_any_effect_has_none_to_show():
    network = NeuralNetwork((784, 1, 1), weight_scale=0.0)
    reading = reading_of(Reader(network, Settings(), "en"), BOXES)
    assert not reading.effects.any()


def test_a_picture_without_digits_is_read_as_none():
    reader = fixed_reader([])
    reading = reading_of(reader, [], {"dash": 1})
    assert reading.images.shape == (0, 784)
    assert reader.answers(reading) == []
    assert reader.left_out(reading) == "Parts left out, as no digits: dash (1)"


@parametrize(
    ("digit", "language", "answers"),
    [
        (8, "en", ["not an 8", "an 8"]),
        (3, "en", ["not a 3", "a 3"]),
        (8, "ru", ["не 8", "это 8"]),
        (3, "ru", ["не 3", "это 3"]),
    ],
)
def test_answers_are_of_the_digit_in_the_readers_language(digit, language, answers):
    reader = fixed_reader([-1, 2], language, digit=digit)
    assert reader.answers(reading_of(reader, BOXES[:2])) == answers


SAID = {
    "en": [
        "my.png: no. 1 of 3: not a 3 (score 0.269)",
        "my.png: no. 2 of 3: a 3 (score 0.881)",
        "my.png: no. 3 of 3: a 3 (score 0.500)",
        "my.png: Parts left out, as no digits: too small (3), dash (1)",
    ],
    "ru": [
        "my.png: № 1 из 3: не 3 (оценка 0.269)",
        "my.png: № 2 из 3: это 3 (оценка 0.881)",
        "my.png: № 3 из 3: это 3 (оценка 0.500)",
        "my.png: Части, не принятые за цифры: слишком мелкие (3), чёрточки (1)",
    ],
}


@parametrize("language", SAID)
def test_what_is_read_is_said_digit_by_digit(language, capsys):
    reader = fixed_reader(LOGITS_READ, language, digit=3)
    reading = reading_of(reader, BOXES, LEFT_OUT)
    visualize_results.report_reading(reader, Path("my.png"), reading)
    assert capsys.readouterr().out.splitlines() == SAID[language]


def test_a_single_digit_does_not_hide_what_was_left_out(capsys):
    reader = fixed_reader([2])
    reading = reading_of(reader, BOXES[:1], {"dash": 1})
    visualize_results.report_reading(reader, Path("my.png"), reading)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "my.png: Parts left out, as no digits: dash (1)"


WHY_NONE = [
    ({}, "Write larger, or darker on an even background"),
    ({"dash": 1}, "Parts left out, as no digits: dash (1)"),
    (
        {"dash": 1, "too faint": 2},
        "Parts left out, as no digits: dash (1), too faint (2). "
        "Write darker, and as dark everywhere",
    ),
]


@parametrize(("left_out", "words"), WHY_NONE)
def test_where_no_digit_is_the_error_says_what_to_do(left_out, words):
    reader = fixed_reader([])
    reading = reading_of(reader, [], left_out)
    with pytest.raises(mnist_loader.PictureError) as error:
        visualize_results.report_reading(reader, Path("my.png"), reading)
    assert str(error.value) == f"my.png: no digit made out. {words}"


@pytest.fixture(scope="module")
def recognised() -> Figure:
    """Of a wide picture with a dark pixel: of three digits the middle one is a 3."""
    picture = np.full((120, 300), 255, np.uint8)
    picture[50, 210] = 0
    reader = fixed_reader([-1, 2, -1.9], digit=3)
    reading = reading_of(reader, BOXES, LEFT_OUT)
    return in_places(visualize_results.draw_recognised(reader, picture, reading))


def test_title_of_a_picture_counts_what_was_found(recognised):
    assert recognised.get_suptitle() == "Digits found: 3; taken for 3: 1"


def test_what_was_left_out_of_a_picture_stands_small_under_it(recognised):
    assert recognised.get_supxlabel().split("\n") == [
        "A digit's colours add up from the score of empty paper to its own score; "
        "its strongest pixel has full colour",
        "Parts left out, as no digits: too small (3), dash (1)",
        "Network 784-1 for the digit 3; it cannot tell what is no digit at all",
    ]
    under = recognised.get_supxlabel()
    (footer,) = (text for text in recognised.texts if text.get_text() == under)
    assert footer.get_fontsize() == 8
    assert to_hex(footer.get_color()) == "#555555"


def test_panels_of_a_picture_say_what_they_show(recognised):
    assert not any(axes.axison for axes in recognised.axes)
    assert [title_of(axes) for axes in recognised.axes] == [
        "The picture (solid box: yes, dashed: no)",
        "What the network saw, and what spoke for 3 (dark red) "
        "or against (lighter blue)",
    ]


def test_picture_is_shown_as_it_is(recognised):
    (image,) = recognised.axes[0].images
    assert image.get_extent() == [-0.5, 299.5, 119.5, -0.5]
    assert colour_at(image, 300 * 50 + 210) == "black"
    assert colour_at(image, 300 * 110 + 50) == "white"


def picture_figure(picture: np.ndarray) -> Figure:
    """Of a picture with one digit."""
    reader = fixed_reader([2])
    reading = reading_of(reader, BOXES[:1])
    return visualize_results.draw_recognised(reader, picture, reading)


def test_a_pale_picture_is_shown_as_pale():
    """Ink of 100 on paper of 200, where white is 255: 0.39 and 0.78."""
    picture = np.full((120, 300), 200, np.uint8)
    picture[50, 210] = 100
    (image,) = picture_figure(picture).axes[0].images
    assert colour_at(image, 300 * 50 + 210) == "0.39"
    assert colour_at(image, 0) == "0.78"


@parametrize(
    ("height", "panel"),
    [
        pytest.param(100, 8.4 / 3, id="as wide as the figure"),
        pytest.param(3000, 6, id="as high as is allowed"),
    ],
)
def test_a_tall_picture_makes_no_endless_figure(height, panel):
    """Below it are the two tiles of its digit, 1.4 inches wide and 1.624 high."""
    figure = picture_figure(np.full((height, 300), 255, np.uint8))
    titles = 0.9 + 2 * 0.35
    assert figure.get_figheight() == pytest.approx(titles + panel + 1.624)


def test_digits_of_a_picture_are_boxed_solid_and_red_for_yes(recognised):
    places = []
    looks = []
    for box in recognised.axes[0].patches:
        places.append((box.get_xy(), box.get_width(), box.get_height()))
        is_solid = box.get_linestyle() == "solid"
        looks.append((to_hex(box.get_edgecolor()), is_solid))
        assert not box.get_fill()
        assert box.get_path_effects()  # white around it, for dark pictures
    assert places == [
        ((19.5, 29.5), 30, 60),
        ((99.5, 9.5), 80, 30),
        ((229.5, 49.5), 20, 60),
    ]
    assert looks == [(BLUE_BOX, False), (RED_BOX, True), (BLUE_BOX, False)]


def test_numbers_of_digits_stand_at_the_upper_left_corner_of_their_box(recognised):
    axes = recognised.axes[0]
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    corners = [(19.5, 29.5), (99.5, 9.5), (229.5, 49.5)]
    for text, corner in zip(axes.texts, corners, strict=True):
        box = text.get_window_extent()
        at = axes.transData.transform(corner)
        assert (box.x1, box.y0) == pytest.approx(at, abs=3)
    tags = [to_hex(text.get_bbox_patch().get_facecolor()) for text in axes.texts]
    assert tags == [BLUE_BOX, RED_BOX, BLUE_BOX]


def test_each_digit_is_shown_as_the_network_saw_it_and_what_spoke_for_it(recognised):
    """The scores are 0.269, 0.881 and 0.130, that of empty paper 0.119."""
    pairs = recognised.axes[1]
    assert [caption for _, caption in tiles(pairs)] == [
        "No. 1: not a 3",
        "from 0.12 to 0.27",
        "No. 2: a 3",
        "from 0.12 to 0.88",
        "No. 3: not a 3",
        "from 0.12 to 0.13",
    ]
    for n in range(3):
        seen = pairs.images[2 * n]
        why = pairs.images[2 * n + 1]
        assert colour_at(seen, n) == "black"
        assert colour_at(seen, 700) == "white"
        assert colour_at(why, n) == "red"
        assert colour_at(why, 400) == "blue"
        assert colour_at(why, 700) == "white"


def hex_at(image: AxesImage, pixel: int) -> str:
    return to_hex(image.to_rgba(image.get_array()).reshape(-1, 4)[pixel])


def test_the_weak_and_the_strong_digit_both_reach_full_colour(recognised):
    """Of two scores, one rises by 0.762 from that of empty paper, one by 0.011."""
    images = recognised.axes[1].images
    assert hex_at(images[3], 1) == RED_BOX
    assert hex_at(images[5], 2) == RED_BOX


def test_no_effect_is_white_and_print_without_colours_tells_red_from_blue(recognised):
    """As Pillow makes them grey: the full red is dark, the full blue is not."""
    why = recognised.axes[1].images[1]
    assert hex_at(why, 700) == WHITE
    colours = [visualize_results.EFFECT_COLOURS(end) for end in (0.0, 0.5, 1.0)]
    assert [to_hex(colour) for colour in colours] == [BLUE_BOX, WHITE, RED_BOX]
    greys = []
    for colour in colours:
        rgb = tuple(round(255 * share) for share in colour[:3])
        greys.append(Image.new("RGB", (1, 1), rgb).convert("L").getpixel((0, 0)))
    blue, white, red = greys
    assert white == 255
    assert red < 60
    assert blue > 120


@pytest.fixture(scope="module")
def crowded() -> Figure:
    """Of a picture with 70 digits, in Russian, and with all that may be left out."""
    boxes = []
    for y in range(0, 210, 30):
        boxes += [(x, y + 9, x + 9, y + 18) for x in range(9, 209, 20)]
    reasons = ["ruled lines", "too faint", "at the edge", "frame", "too small"]
    reasons += ["dash", "plus sign", "dot"]
    reader = fixed_reader([2] * 70, "ru")
    reader.network.metadata = {"dataset": "a data set with a name " * 5}
    reading = reading_of(reader, boxes, dict.fromkeys(reasons, 12))
    picture = np.full((220, 220), 255, np.uint8)
    return in_places(visualize_results.draw_recognised(reader, picture, reading))


def test_of_many_digits_all_are_boxed_and_sixty_shown(crowded):
    axes, pairs = crowded.axes
    assert [text.get_text() for text in axes.texts] == [str(n) for n in range(1, 71)]
    assert len(axes.patches) == 70
    assert len(pairs.images) == 120
    assert crowded.get_suptitle().split("\n") == [
        "Найдено цифр: 70; из них распознано как 8: 70",
        "По отдельности показаны только первые 60",
    ]


def test_texts_of_a_crowded_picture_are_inside_and_apart(crowded):
    assert_all_texts_are_apart_and_inside(crowded)


# --- a pad to draw digits on ----------------------------------------------------------


@pytest.fixture
def reader() -> Reader:
    """Much ink is its 8, and ink in the lower half speaks against it."""
    network = NeuralNetwork((784, 1, 1))
    first, last = network.layers
    first.w[:] = np.where(np.arange(784) < 392, 0.03, -0.01)[:, np.newaxis]
    last.w[:] = 12
    last.b[:] = -6
    return Reader(network, Settings(), "en")


def pad_of(reader: Reader, directory: Path) -> DrawingPad:
    figure = FigureCanvasAgg(Figure((8.4, 6))).figure
    return DrawingPad(figure, reader, directory)


@pytest.fixture
def ink_is_a_digit(monkeypatch) -> None:
    """Any ink is found to be one digit, lit at pixels 0 and 400: quick."""

    def find_ink(picture: np.ndarray) -> FoundDigits:
        boxes = [(0, 0, 280, 280)] if (picture == 0).any() else []
        return found_digits(boxes, {})

    monkeypatch.setattr(visualize_results, "find_digits", find_ink)


@pytest.fixture
def pad(ink_is_a_digit, reader, tmp_path, monkeypatch) -> DrawingPad:
    """A pad that is not drawn."""
    monkeypatch.setattr(FigureCanvasAgg, "draw_idle", lambda canvas: None)
    return pad_of(reader, tmp_path)


def mouse_event(
    pad: DrawingPad, name: str, place: tuple, which: MouseButton | None
) -> None:
    canvas = pad.figure.canvas
    event = MouseEvent(name, canvas, *pad.axes.transData.transform(place), which)
    canvas.callbacks.process(name, event)


def button(
    pad: DrawingPad, what: str, place: tuple, which: MouseButton = MouseButton.LEFT
) -> None:
    """Press or release a button at a place of the pad."""
    mouse_event(pad, f"button_{what}_event", place, which)


def move(pad: DrawingPad, place: tuple) -> None:
    mouse_event(pad, "motion_notify_event", place, None)


def mouse(pad: DrawingPad, *places, which: MouseButton = MouseButton.LEFT) -> None:
    """Press, move and release a button, at places of the pad."""
    button(pad, "press", places[0], which)
    for place in places:
        move(pad, place)
    button(pad, "release", places[-1], which)


def press(pad: DrawingPad, key: str | None) -> None:
    event = KeyEvent("key_press_event", pad.figure.canvas, key)
    pad.figure.canvas.callbacks.process("key_press_event", event)


STROKE = [(60, 80), (120, 200), (200, 80)]


def test_pad_shows_what_is_drawn_what_is_seen_and_why(pad):
    mouse(pad, *STROKE)
    shown, seen, why = pad.panels
    np.testing.assert_array_equal(shown.get_array(), pad.drawing)
    colours = {
        "drawn": colour_at(shown, 280 * 200 + 120),
        "not drawn": colour_at(shown, 280 * 80 + 120),
        "seen": colour_at(seen, 0),
        "not seen": colour_at(seen, 1),
        "for it": colour_at(why, 0),
        "against it": colour_at(why, 400),
        "neither": colour_at(why, 1),
    }
    assert colours == {
        "drawn": "black",
        "not drawn": "white",
        "seen": "black",
        "not seen": "white",
        "for it": "red",
        "against it": "blue",
        "neither": "white",
    }


def test_panels_of_the_pad_say_what_they_show(pad):
    assert not any(image.axes.axison for image in pad.panels)
    assert [title_of(image.axes) for image in pad.panels] == [
        "",
        "What the network sees",
        "Red: for 8, blue: against",
    ]
    pad.reader = fixed_reader([2])
    mouse(pad, *STROKE)
    why = title_of(pad.panels[2].axes)
    assert why == "Red: for 8, blue: against,\nin sum from 0.12 to 0.88"
    press(pad, "c")
    assert title_of(pad.panels[2].axes) == "Red: for 8, blue: against"


def test_paper_of_the_pad_is_brighter_than_what_is_around_it(pad):
    assert (pad.drawing == 255).all()
    assert max(pad.figure.get_facecolor()[:3]) < 0.95


def test_ink_is_seen_at_once_and_nothing_else_is_drawn(reader, tmp_path, monkeypatch):
    """Of a line from the middle to the right, half way into the panel's right half."""
    pad = pad_of(reader, tmp_path)
    canvas = pad.figure.canvas
    canvas.draw()
    shown = []
    monkeypatch.setattr(canvas, "draw_idle", lambda: pytest.fail("all is drawn"))
    monkeypatch.setattr(canvas, "blit", shown.append)
    before = np.array(canvas.buffer_rgba())
    button(pad, "press", (140, 140))
    move(pad, (210, 140))
    changed = (np.array(canvas.buffer_rgba()) != before).any(axis=2)
    rows, columns = np.nonzero(changed[::-1])  # from the bottom, as a window has it
    left, bottom = pad.axes.transData.transform((130, 150))
    right, top = pad.axes.transData.transform((220, 130))
    ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(ends, (left, bottom, right, top), atol=2)
    box = shown[-1].padded(1)
    assert box.x0 <= columns.min() < columns.max() < box.x1
    assert box.y0 <= rows.min() < rows.max() < box.y1
    assert shown[-1].height < pad.axes.bbox.height / 5


def test_a_canvas_that_cannot_show_a_part_is_drawn_anew(pad, monkeypatch):
    drawn = []
    monkeypatch.setattr(type(pad.figure.canvas), "supports_blit", False)
    monkeypatch.setattr(pad.figure.canvas, "draw_idle", lambda: drawn.append(1))
    button(pad, "press", (140, 140))
    move(pad, (210, 140))
    assert len(drawn) == 2
    np.testing.assert_array_equal(pad.panels[0].get_array(), pad.drawing)


def test_the_drawing_is_read_when_a_stroke_ends_and_only_then(pad, monkeypatch):
    readings = []
    read = pad.reader.read

    def watched(picture: np.ndarray) -> Reading:
        readings.append(picture)
        return read(picture)

    monkeypatch.setattr(pad.reader, "read", watched)
    button(pad, "press", (40, 140))
    for x in range(50, 240, 10):
        move(pad, (x, 140))
    assert not readings
    assert pad.verdict == ""
    button(pad, "release", (240, 140))
    assert len(readings) == 1
    np.testing.assert_array_equal(readings[0], pad.drawing)
    assert pad.verdict.startswith(("an 8", "not an 8"))
    move(pad, (60, 60))
    assert len(readings) == 1


def test_every_place_of_a_stroke_gets_ink(pad):
    """A ring: each of its 72 places, and nothing in its middle."""
    places = []
    for angle in np.linspace(0, 2 * np.pi, 72):
        places.append((140 + 90 * np.cos(angle), 140 + 90 * np.sin(angle)))
    mouse(pad, *places)
    for x, y in places:
        assert pad.drawing[round(y), round(x)] == 0
    assert (pad.drawing[90:190, 90:190] == 255).all()


@parametrize("place", [(-400, 140), (140, 900), (2000, -2000)])
def test_a_stroke_ends_where_the_button_is_released_outside_the_window(pad, place):
    button(pad, "press", (140, 140))
    button(pad, "release", place)
    assert pad.reading.found
    drawing = pad.drawing
    move(pad, (30, 30))
    np.testing.assert_array_equal(pad.drawing, drawing)


def test_pad_says_what_to_do_and_then_what_is_drawn(pad):
    hint = "Draw a digit here with the left mouse button"
    assert pad.figure.get_suptitle() == hint
    pad.reader = fixed_reader([1])
    mouse(pad, *STROKE)
    assert pad.verdict == "an 8 (0.73)"
    assert pad.figure.get_suptitle() == pad.verdict


def test_pad_says_what_was_left_out_beside_a_digit(pad, monkeypatch):
    found = found_digits(BOXES[:1], {"dash": 1})
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    pad.reader = fixed_reader([2])
    mouse(pad, *STROKE)
    left_out = "Parts left out, as no digits: dash (1)"
    assert pad.verdict == f"an 8 (0.88). {left_out}"
    assert pad.figure.get_suptitle() == pad.verdict


@parametrize(("left_out", "words"), WHY_NONE)
def test_pad_says_why_no_digit_was_made_out(pad, left_out, words, monkeypatch):
    found = found_digits([], left_out)
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    mouse(pad, *STROKE)
    assert pad.verdict == words
    assert pad.figure.get_suptitle().replace("\n", " ") == words


def test_a_dash_on_the_pad_is_left_out_as_one(reader, tmp_path):
    pad = pad_of(reader, tmp_path)
    mouse(pad, (60, 140), (220, 140))
    assert pad.verdict == "Parts left out, as no digits: dash (1)"


def test_pad_names_its_keys_and_its_network(pad):
    texts = [text.get_text() for text in pad.figure.texts]
    assert (
        "Keys: c clears, s saves, q closes\n"
        "Network 784-1-1 for the digit 8; it cannot tell what is no digit at all"
    ) in texts


@parametrize("key", ["c", "C"])
def test_c_clears(pad, key):
    mouse(pad, *STROKE)
    press(pad, key)
    assert (pad.drawing == 255).all()
    assert pad.drawing.shape == (280, 280)
    assert not pad.panels[1].get_array().any()
    assert not pad.panels[2].get_array().any()
    assert pad.verdict == ""


def test_a_cleared_pad_looks_as_it_did_before(reader, tmp_path):
    pad = pad_of(reader, tmp_path)
    looks = []
    for _time in range(2):
        pad.figure.canvas.draw()
        looks.append(np.array(pad.figure.canvas.buffer_rgba()))
        button(pad, "press", (40, 140))
        button(pad, "release", (240, 140))
        press(pad, "c")
    before, after = looks
    np.testing.assert_array_equal(after, before)


@parametrize("key", ["s", "S"])
def test_s_saves_the_drawing(pad, tmp_path, key):
    screen = io.StringIO()
    pad.reader.out = Output("en", screen)
    mouse(pad, *STROKE)
    press(pad, key)
    assert pad.verdict == "Saved as drawing.png"
    assert pad.figure.get_suptitle() == pad.verdict
    assert screen.getvalue() == f"Written: {tmp_path}/drawing.png\n"
    with Image.open(tmp_path / "drawing.png") as picture:
        np.testing.assert_array_equal(np.array(picture), pad.drawing)


def test_what_was_saved_is_read_as_it_was_on_the_pad(reader, tmp_path):
    pad = pad_of(reader, tmp_path)
    mouse(pad, *STROKE)
    press(pad, "s")
    picture = mnist_loader.read_picture(tmp_path / "drawing.png")
    (digit,) = mnist_loader.find_digits(picture)
    np.testing.assert_array_equal(digit.image, pad.reading.images[0])


@parametrize("key", ["q", "Q"])
def test_q_closes(pad, key, monkeypatch):
    closed = []
    monkeypatch.setattr(plt, "close", closed.append)
    press(pad, key)
    assert closed == [pad.figure]


@parametrize("key", [None, "x", "с"])
def test_other_keys_do_nothing(pad, key):
    mouse(pad, *STROKE)
    verdict = pad.verdict
    press(pad, key)
    assert pad.verdict == verdict


def test_pad_shows_the_likeliest_of_several_digits_and_says_all(pad, monkeypatch):
    """Digit n is lit at pixel n: the second is likeliest."""
    found = found_digits(BOXES, {})
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    pad.reader = fixed_reader(LOGITS_READ)
    mouse(pad, *STROKE)
    assert pad.verdict == "not an 8 (0.27), an 8 (0.88), an 8 (0.50)"
    _shown, seen, why = pad.panels
    assert np.flatnonzero(seen.get_array()).tolist() == [1, 400]
    assert np.flatnonzero(why.get_array()).tolist() == [1, 400]
    assert title_of(why.axes).endswith("\nin sum from 0.12 to 0.88")


def test_a_long_verdict_is_cut_where_its_second_line_ends(pad, monkeypatch):
    found = found_digits([(0, 0, 9, 9)] * 20, {})
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    pad.reader = fixed_reader([2] * 20)
    mouse(pad, *STROKE)
    first, second = pad.figure.get_suptitle().split("\n")
    assert first.startswith("an 8 (0.88), an 8 (0.88), ")
    assert second.endswith(" ...")
    assert 60 < len(first) <= 80
    assert_all_texts_are_apart_and_inside(pad.figure)


STROKES = {  # places, the ink's left, top, right and bottom, number of lines
    "fast": ([(40, 140), (240, 140)], (30, 130, 251, 151), 1),
    "click": ([(100, 100)], (90, 90, 111, 111), 1),
    "beyond": ([(100, 140), (-60, 140), (-60, 200), (100, 200)], (0, 130, 111, 211), 2),
}


@parametrize("resized", [False, True])
@parametrize("stroke", STROKES)
def test_ink_lies_where_the_pen_was_down(pad, stroke, resized):
    places, box, lines = STROKES[stroke]
    if resized:
        pad.figure.set_size_inches(5, 7)
        pad.figure.draw_without_rendering()
    mouse(pad, *places)
    ink = pad.drawing == 0
    assert connected_components(ink).max() == lines
    rows, columns = np.nonzero(ink)
    ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    np.testing.assert_allclose(ends, box, atol=2)


def test_only_the_left_button_draws_and_only_what_begins_on_the_pad(pad):
    for which in MouseButton.RIGHT, MouseButton.MIDDLE:
        mouse(pad, *STROKE, which=which)
    mouse(pad, (-30, 100), (150, 100))
    assert (pad.drawing == 255).all()


def test_a_lifted_pen_draws_no_more(pad):
    mouse(pad, *STROKE)
    drawing = pad.drawing
    move(pad, (30, 30))
    np.testing.assert_array_equal(pad.drawing, drawing)


def test_another_button_lifts_no_pen(pad):
    """The right one goes down and up in the middle of a stroke."""
    button(pad, "press", (40, 140))
    button(pad, "press", (100, 140), MouseButton.RIGHT)
    button(pad, "release", (100, 140), MouseButton.RIGHT)
    move(pad, (240, 140))
    assert pad.drawing[140, 230] == 0


def test_pad_keeps_what_was_saved_before(pad, tmp_path):
    for places in ((100, 60), (80, 200)), ((80, 200), (180, 220)):
        mouse(pad, *places)
        press(pad, "s")
    assert pad.verdict == "Saved as drawing_2.png"
    first = (tmp_path / "drawing.png").read_bytes()
    assert first != (tmp_path / "drawing_2.png").read_bytes()


def test_what_is_no_digit_is_not_saved(pad, tmp_path, monkeypatch):
    found = found_digits([], {"dash": 1})
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    mouse(pad, *STROKE)
    press(pad, "s")
    assert pad.verdict == "Nothing to save: there is no digit yet"
    assert not list(tmp_path.iterdir())


def test_empty_pad_saves_nothing(pad, tmp_path):
    press(pad, "s")
    assert pad.verdict == "Nothing to save: there is no digit yet"
    assert not list(tmp_path.iterdir())


def test_pad_says_what_it_cannot_save(pad, tmp_path):
    mouse(pad, *STROKE)
    pad.directory = tmp_path / "file"
    pad.directory.touch()
    press(pad, "s")
    assert pad.verdict.startswith(f"cannot write {tmp_path}/file/drawing.png: ")
    assert pad.figure.get_suptitle().startswith("cannot write ")
    assert_all_texts_are_apart_and_inside(pad.figure)


def test_pad_is_russian_where_the_reader_is(reader, tmp_path):
    pad = pad_of(Reader(reader.network, reader.settings, "ru"), tmp_path)
    mouse(pad, *STROKE)
    for text in texts_of(pad.figure):
        words = re.findall(r"[a-z]+", text.get_text().lower())
        assert not set(words) - {"c", "s", "q"}, text
    assert_all_texts_are_apart_and_inside(pad.figure)


# --- its window -----------------------------------------------------------------------


@parametrize(
    ("backend", "reason"),
    [
        (None, "(there is no screen)"),
        ("Agg", "(MPLBACKEND is Agg: there is no screen)"),
        ("foo", "(MPLBACKEND is foo: "),
        ("module://no.such", "(MPLBACKEND is module://no.such: "),
    ],
)
def test_what_is_wrong_with_a_window_is_said_in_a_line(
    read, monkeypatch, backend, reason
):
    monkeypatch.setattr(visualize_results, "WINDOW_BACKEND", backend)
    with pytest.raises(UserError, match=r"^cannot open a window ") as error:
        read("--draw")
    line = str(error.value)
    assert reason in line
    assert line.endswith("; use --image instead of --draw")
    assert "\n" not in line


def test_a_long_reason_why_there_is_no_window_is_cut(read, monkeypatch):
    endless = RuntimeError("no\nwindow " * 100)
    monkeypatch.setattr(visualize_results, "WINDOW_BACKEND", "Qt9")
    monkeypatch.setattr(matplotlib, "use", partial(raising, endless))
    with pytest.raises(UserError, match=r"\(MPLBACKEND is Qt9: no window no") as error:
        read("--draw")
    assert " ...);" in str(error.value)
    assert len(str(error.value)) < 200


@pytest.fixture
def screen(monkeypatch) -> list[Figure]:
    """As if there were one; the windows that are open while they are shown."""
    plt.close("all")
    plt.switch_backend("agg")
    monkeypatch.setattr(FigureCanvasAgg, "required_interactive_framework", "made")
    shown = []

    def show() -> None:
        shown.extend(map(plt.figure, plt.get_fignums()))

    monkeypatch.setattr(visualize_results, "WINDOW_BACKEND", None)
    monkeypatch.setattr(plt, "show", show)
    yield shown
    plt.close("all")


def test_window_has_a_pad_that_saves_into_the_directory(read, screen, run_dir):
    assert read("--draw") == 0
    (window,) = screen
    assert isinstance(window.pad, DrawingPad)
    assert window.pad.figure is window
    assert window.pad.directory == run_dir
    assert window.pad.reader.network.layer_sizes == (784, 4, 1)


@parametrize(
    ("language", "title"),
    [("en", "Does it know your digit?"), ("ru", "Узнает ли сеть вашу цифру?")],
)
def test_window_is_named_in_the_language(read, screen, language, title):
    read("--draw", "--lang", language)
    (window,) = screen
    assert window.get_label() == title  # from which the window has its own


def test_keys_of_matplotlib_do_nothing_to_the_pad(read, screen):
    """Its l would make the axis under the mouse logarithmic."""
    read("--draw")
    (window,) = screen
    window.canvas.draw()
    x, y = window.pad.axes.transData.transform((100, 100))
    event = KeyEvent("key_press_event", window.canvas, "l", x, y)
    window.canvas.callbacks.process("key_press_event", event)
    assert window.pad.axes.get_yscale() == "linear"


def test_dollars_in_a_path_are_dollars_on_the_pad(
    ink_is_a_digit, reader, screen, tmp_path, monkeypatch
):
    """What cannot be saved is told with its path, and drawn while the pad is shown."""
    directory = tmp_path / r"x$\bad$y"
    directory.touch()

    def save_and_draw() -> None:
        pad = plt.gcf().pad
        mouse(pad, (120, 200))
        press(pad, "s")
        assert r"x$\bad$y" in pad.verdict
        pad.figure.canvas.draw()
        screen.append(pad.figure)

    monkeypatch.setattr(plt, "show", save_and_draw)
    visualize_results.open_pad(reader, directory)
    assert len(screen) == 1


def test_window_has_no_tools_that_take_the_mouse(read, screen, monkeypatch):
    """And the toolbar of the user's own windows stays as it was."""
    toolbars = []
    make_figure = plt.figure

    def watched(*arguments) -> Figure:
        toolbars.append(matplotlib.rcParams["toolbar"])
        return make_figure(*arguments)

    monkeypatch.setattr(plt, "figure", watched)
    before = matplotlib.rcParams["toolbar"]
    read("--draw")
    assert toolbars[0] == "None"
    assert matplotlib.rcParams["toolbar"] == before != "None"


def test_users_settings_change_nothing_on_the_pad(read, screen):
    looks = []
    for settings in ({}, HOSTILE):
        with matplotlib.rc_context(settings):
            read("--draw")
        window = screen.pop()
        window.canvas.draw()
        looks.append(np.array(window.canvas.buffer_rgba()))
        plt.close(window)
    plain, hostile = looks
    np.testing.assert_array_equal(hostile, plain)


def test_lowest_test_loss_is_not_told_of_a_run_measured_anew():
    """Of its earlier epochs nobody knows it; of the last one all is drawn."""
    run = made_run()
    run.history[0]["test_loss"] = None
    figure = visualize_results.draw_learning_curves(View(run))
    assert "Accuracy on test images" in figure.get_suptitle()
    assert "Test loss" not in figure.get_suptitle()
