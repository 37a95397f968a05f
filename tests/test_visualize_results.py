"""Figures show the numbers that a test wrote down; film, pictures, pad, windows, refusals."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import sys
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import matplotlib.style
import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageDraw

import mnist_loader
import train_network
import visualize_results
from mnist_loader import Dataset, FoundDigit, FoundDigits, Split
from neural_network import NeuralNetwork
from train_network import Run, Settings
from utils import CLAIM_TITLES, Claim, Language, Rate, UserError, connected_components
from visualize_results import FIGURES, DrawingPad, Reader, main

parametrize = pytest.mark.parametrize
ORANGE, BLUE = "#e69f00", "#0072b2"  # images of the digit, and of the others
RED_BOX, BLUE_BOX = "#b2182b", "#2166ac"  # speaks for the digit, and against it

# The test images of the made run: what each shows, and its score. At threshold 0.54 four of six
# 8s are found and two missed; three of 14 others are false alarms.
SCORES = [
    (8, 0.95),
    (2, 0.75),
    (8, 0.25),
    (8, 0.85),
    (3, 0.62),
    (8, 0.65),
    (2, 0.55),
    (8, 0.05),
]
SCORES += [(8, 0.58), (2, 0.35), (3, 0.15), (0, 0.03), (1, 0.04)]
SCORES += [(digit, 0.02) for digit in (0, 1, 4, 5, 6, 7, 9)]
HISTORY = [(0.30, 0.40, 0.70, None), (0.20, 0.35, 0.80, 0.5), (0.10, 0.32, 0.75, 4 / 6)]
TRAIN_DIGITS = [8, 1, 8, 0, 3, 8, 5, 7, 7, 2]


def lit(*rows: int) -> np.ndarray:
    """Images (n, 784), each dark at one pixel, whose number tells it."""
    return np.eye(784, dtype=np.float32)[list(rows)]


def made_run(
    scores=SCORES, history=HISTORY, train=TRAIN_DIGITS, name="MNIST", **settings
) -> Run:
    """A run whose network has these scores for the test images, each lit at its own pixel."""
    usual = {"threshold": 0.54, "hidden": (2,), "epochs": len(history), "seed": 7}
    settings = Settings(**usual | settings)
    network, names = (
        settings.network(),
        ("loss", "test_loss", "test_accuracy", "test_recall"),
    )
    network.predict_proba = lambda x: np.array([score for _, score in scores])[
        x.argmax(axis=1)
    ]
    splits = [
        Split(lit(*range(len(digits))), np.array(digits, np.uint8))
        for digits in (train, [digit for digit, _ in scores])
    ]
    rows = [
        {"epoch": n} | dict(zip(names, row, strict=True))
        for n, row in enumerate(history, 1)
    ]
    return Run(settings, network, Dataset(name, *splits), rows)


RUNS = {
    "made": made_run,
    "deep": partial(
        made_run, history=HISTORY[1:2], hidden=(20, 3), digit=3, augment=True
    ),
    "one answer": partial(
        made_run, [(digit, s / 10**6) for digit, s in SCORES], name="sample"
    ),
    "yes": partial(made_run, threshold=0.01),
}


@functools.cache
def run_of(name: str, mnist_dir: Path | None) -> Run:
    """One of RUNS, or the "real" one: that of the repository, on all test images of MNIST."""
    if name != "real":
        return RUNS[name]()
    run = visualize_results.read_run(train_network.OUTPUT_DIR, mnist_dir)
    return replace(
        run, dataset=mnist_loader.load_dataset(mnist_dir, "mnist", 5000, None)
    )


@functools.cache
def drawn(name: str, run: str = "made", language: str = "en", mnist_dir=None) -> Figure:
    """A figure with all its parts in their places; not to be changed."""
    with matplotlib.style.context(["default", visualize_results.STYLE]):
        figure = FIGURES[name](run_of(run, mnist_dir), Language(language))
        FigureCanvasAgg(figure)
        figure.draw_without_rendering()
    return figure


@pytest.fixture(autouse=True)
def style():
    with matplotlib.style.context(["default", visualize_results.STYLE]):
        yield


def axes_of(figure: Figure, title: str):
    (axes,) = (axes for axes in figure.axes if title in axes.get_title(loc="left"))
    return axes


def line_of(axes, label: str):
    (found,) = (line for line in axes.lines if label in str(line.get_label()))
    return found


def points(axes, label: str) -> list[tuple[float, float]]:
    return [
        tuple(point)
        for point in np.round(line_of(axes, label).get_xydata(), 4).tolist()
    ]


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


def tiles(axes) -> list[tuple[int, str]]:
    """Which pixel of each image of a gallery is lit, and the caption below it."""
    for image, caption in zip(axes.images, axes.texts, strict=True):
        left, right, bottom, top = image.get_extent()
        x, y = caption.get_position()
        assert left < x < right and top < bottom < y < bottom + 0.1
    return [
        (int(image.get_array().argmax()), caption.get_text())
        for image, caption in zip(axes.images, axes.texts, strict=True)
    ]


def colour_at(image, pixel: int) -> str:
    """What the pixel of an image is drawn as: red, blue, white, black, or a shade of grey."""
    red, green, blue, _ = image.to_rgba(image.get_array()).reshape(-1, 4)[pixel]
    if abs(red - blue) > 0.1:
        return "red" if red > blue else "blue"
    return "white" if green > 0.95 else "black" if green < 0.05 else f"{green:.2f}"


# --- what the panels show ---------------------------------------------------------------------


TITLES = {
    "report": (
        "4 of 6 8s found; 3 of 14 others taken for one\n"
        '15 of 20 answers correct (14 by always answering "no")'
    ),
    "learning_curves": "4 of 6 8s found; test loss 0.1594",
    "threshold_curves": (
        "4 of 6 8s found; 3 of 14 others taken for one\n"
        "Threshold 0.54; a lower one finds more, and takes more others for it"
    ),
    "mistakes": "4 of 6 8s found; 3 of 14 others taken for one",
    "samples": "3 of 10 training images show the 8",
}


@parametrize("name", TITLES)
def test_title_states_the_finding_in_counts(name):
    assert drawn(name).get_suptitle() == TITLES[name]


def test_curves_are_the_history_by_epoch_with_the_first_and_the_last_named():
    loss, shares = drawn("learning_curves").axes
    assert points(loss, "training images") == [(1, 0.3), (2, 0.2), (3, 0.1)]
    assert points(loss, "test images") == [(1, 0.4), (2, 0.35), (3, 0.32)]
    assert points(shares, "accuracy") == [(1, 0.7), (2, 0.8), (3, 0.75)]
    assert points(shares, "recall: 8s found")[1:] == [(2, 0.5), (3, 0.6667)]
    assert np.isnan(line_of(shares, "recall").get_ydata()[0])
    assert points(shares, 'always "no": 70.0%') == [(0, 0.7), (1, 0.7)]
    for axes in loss, shares:
        assert (ticks(axes.xaxis), axes.get_xlabel()) == (["1", "2", "3"], "epoch")
        shown = zip(
            axes.get_legend().texts, axes.get_legend().legend_handles, strict=True
        )
        for text, handle in shown:
            assert handle.get_color() == line_of(axes, text.get_text()).get_color()
    assert loss.get_ylim()[0] == 0
    assert shares.get_ylim()[1] == 1
    assert 0.4 < shares.get_ylim()[0] < 0.5
    assert {"70%", "80%"} <= set(ticks(shares.yaxis))
    long = visualize_results.draw_learning_curves(
        made_run(history=HISTORY * 10), Language()
    )
    assert [int(tick) for tick in long.axes[0].get_xticks()] == [
        1,
        5,
        9,
        13,
        18,
        22,
        26,
        30,
    ]


def test_confusion_counts_stand_at_their_labels_on_the_shade_of_their_share():
    axes = axes_of(drawn("report"), "Answers at threshold 0.54")
    texts = {
        tuple(np.round(t.get_position(), 2).tolist()): t.get_text() for t in axes.texts
    }
    assert (ticks(axes.xaxis), axes.get_xlabel()) == (
        ["yes", "no"],
        "the network's answer",
    )
    assert (ticks(axes.yaxis), axes.get_ylabel()) == (
        ["8\n(6)", "others\n(14)"],
        "the image shows",
    )
    assert texts == {
        (0, 0): "4",
        (0, 0.06): "found",
        (1, 0): "2",
        (1, 0.06): "missed",
        (0, 1): "3",
        (0, 1.06): "false alarms",
        (1, 1): "11",
        (1, 1.06): "correctly no",
    }
    shades = axes.images[0].get_array()
    np.testing.assert_allclose(shades, [[4 / 6, 2 / 6], [3 / 14, 11 / 14]])
    darkness = axes.images[0].to_rgba(shades).mean(axis=2)
    assert darkness[1, 1] < darkness[0, 0] < darkness[0, 1] < darkness[1, 0]
    assert {t.get_text(): t.get_color() for t in axes.texts}["11"] == "white"


def test_precision_is_steps_over_recall_and_its_average_weighs_them():
    """Down the scores: 8, 8, a 2, 8, a 3, 8, a 2, a 2, 8, a 3, 8, the others."""
    axes = axes_of(drawn("threshold_curves"), "average precision 75.3%")
    curve, reference, mark = axes.lines
    expected = [
        (0, 1),
        (1, 1),
        (2, 1),
        (2, 2 / 3),
        (3, 3 / 4),
        (3, 3 / 5),
        (4, 4 / 6),
        (4, 4 / 7),
    ]
    expected += [
        (4, 4 / 8),
        (5, 5 / 9),
        (5, 5 / 10),
        (6, 6 / 11),
        (6, 6 / 12),
        (6, 6 / 13),
    ]
    expected = np.array([*expected, (6, 6 / 20)])
    np.testing.assert_allclose(curve.get_xdata() * 6, expected[:, 0], atol=1e-9)
    np.testing.assert_allclose(curve.get_ydata(), expected[:, 1])
    assert curve.get_drawstyle() == "steps-pre"
    assert (reference.get_label(), set(reference.get_ydata())) == (
        'always "yes": 30.0%',
        {0.3},
    )
    np.testing.assert_allclose(mark.get_xydata(), [[4 / 6, 4 / 7]])
    assert mark.get_label() == "threshold 0.54"
    assert axes.get_xlabel() == "recall: 8s found"
    assert axes.get_ylabel() == "precision: correct among the yes answers"
    for axis in axes.xaxis, axes.yaxis:
        assert ticks(axis)[:2] == ["0%", "20%"]


def test_recall_and_precision_are_drawn_over_the_threshold():
    axes = axes_of(drawn("threshold_curves"), "another threshold")
    x = [
        0,
        0.02,
        0.03,
        0.04,
        0.05,
        0.15,
        0.25,
        0.35,
        0.55,
        0.58,
        0.62,
        0.65,
        0.75,
        0.85,
        0.95,
        1,
    ]
    found = [6, 6, 6, 6, 6, 5, 5, 4, 4, 4, 3, 3, 2, 2, 1, 0]
    others = [14, 14, 7, 6, 5, 5, 4, 4, 3, 2, 2, 1, 1, 0, 0, 0]
    recall, precision = (
        line_of(axes, "recall: 8s found"),
        line_of(axes, "precision: correct"),
    )
    for line in recall, precision:
        np.testing.assert_allclose(line.get_xdata(), x)
        assert line.get_drawstyle() == "steps-pre"
    np.testing.assert_allclose(np.multiply(recall.get_ydata(), 6), found, atol=1e-9)
    with np.errstate(invalid="ignore"):
        np.testing.assert_allclose(precision.get_ydata(), found / np.add(found, others))
    assert set(line_of(axes, "threshold 0.54").get_xdata()) == {0.54}
    assert axes.get_xlabel() == "threshold: yes from this score up"
    assert ticks(axes.yaxis)[:2] == ["0%", "20%"]


def test_score_histogram_has_a_bar_and_its_count_for_each_group():
    axes = axes_of(drawn("threshold_curves"), "How many images")
    expected = {
        "8s": (ORANGE, [1, 0, 1, 0, 0, 1, 1, 0, 1, 1]),
        "others": (BLUE, [9, 1, 0, 1, 0, 1, 1, 1, 0, 0]),
    }
    legend = axes.get_legend()
    handles = dict(
        zip([t.get_text() for t in legend.texts], legend.legend_handles, strict=True)
    )
    for group, (label, (colour, heights)) in zip(
        axes.containers, expected.items(), strict=True
    ):
        assert [bar.get_height() for bar in group] == heights
        assert {to_hex(bar.get_facecolor()) for bar in group} == {colour}
        assert to_hex(handles[label].get_facecolor()) == colour
        edges = [(n / 10, (n + 1) / 10) for n in range(10)]
        for bar, (low, high) in zip(group, edges, strict=True):
            assert (
                low - 1e-9 <= bar.get_x() < bar.get_x() + bar.get_width() <= high + 1e-9
            )
    written = [str(n) if n else "" for _, heights in expected.values() for n in heights]
    assert [text.get_text() for text in axes.texts] == written
    assert (axes.get_yscale(), axes.get_ylabel()) == ("log", "images (logarithmic)")
    places = dict(zip(axes.get_yticks(), ticks(axes.yaxis), strict=True))
    assert (places[1], places[10]) == ("1", "10")
    assert set(line_of(axes, "threshold 0.54").get_xdata()) == {0.54}


@parametrize("name", ["mistakes", "report"])
def test_galleries_show_the_mistakes_with_what_the_numbers_are(name):
    figure = drawn(name)
    missed, alarms = (
        axes_of(figure, "Missed 8s: 2; scores"),
        axes_of(figure, "False alarms: 3;"),
    )
    assert tiles(missed) == [(7, "0.050"), (2, "0.250")]
    assert tiles(alarms) == [(1, "2 (0.750)"), (4, "3 (0.620)"), (6, "2 (0.550)")]
    image = missed.images[0]
    assert [colour_at(image, pixel) for pixel in (7, 8)] == ["black", "white"]


@parametrize(("name", "shown"), [("mistakes", 16), ("report", 10)])
def test_of_many_mistakes_the_surest_are_shown(name, shown):
    run = made_run([(8, 0.4 - n / 100) for n in range(19)] + [(1, 0.9)])
    axes = axes_of(FIGURES[name](run, Language()), "Missed 8s: 19;")
    assert [pixel for pixel, _ in tiles(axes)] == list(range(18, 18 - shown, -1))


CLAIMS = [
    (
        "gap",
        {"digit": 8, "limit": 2},
        Rate(90, 100),
        Rate(10, 100),
        [4, 9],
        "confirmed",
        "black",
    ),
    (
        "thin",
        {"digit": 8, "limit": 1.5},
        Rate(0, 90),
        Rate(30, 110),
        [],
        "refuted",
        "white",
    ),
    (
        "slant",
        {"digit": 8, "limit": 20},
        Rate(1, 2),
        Rate(1, 4),
        [3],
        "inconclusive",
        "#777777",
    ),
    ("noise", {}, Rate(50, 100), Rate(5, 100), [5], "confirmed", "black"),
]


def test_claims_are_differences_with_intervals_between_rates_and_verdicts(monkeypatch):
    """The intervals by Newcombe's formula, worked out by hand."""
    claims = [Claim(name, CLAIM_TITLES[name], *rest) for name, *rest, _, _ in CLAIMS]
    monkeypatch.setattr(Run, "examine_claims", lambda run, result: claims)
    figure = visualize_results.draw_error_analysis(made_run(), Language())
    title = "20 test images: 2 of 4 claims about errors confirmed, 1 refuted"
    assert figure.get_suptitle() == title
    axes, examples = (
        axes_of(figure, "Is the network wrong"),
        axes_of(figure, "First mistakes"),
    )
    expected = [
        (80, 69.5, 86.3),
        (-27.3, -36.3, -18.8),
        (25, -35.5, 70.4),
        (45, 33.6, 55),
    ]
    for row, (container, interval) in enumerate(
        zip(axes.containers, expected, strict=True)
    ):
        point, _, (bars,) = container.lines
        ends = np.reshape(bars.get_segments(), (2, 2))
        np.testing.assert_allclose(
            [*point.get_xdata(), *ends[:, 0]], interval, atol=0.06
        )
        assert {*point.get_ydata(), *ends[:, 1]} == {row}
        assert to_hex(point.get_markerfacecolor()) == to_hex(CLAIMS[row][-1])
    lines = [
        (c.lines[0].get_marker(), to_hex(c.lines[0].get_color()))
        for c in axes.containers
    ]
    square, circle, diamond = ("s", "#000000"), ("o", "#000000"), ("D", "#777777")
    assert lines == [square, circle, diamond, square]
    (right,) = axes.child_axes
    assert ticks(right.yaxis) == ["confirmed", "refuted", "inconclusive", "confirmed"]
    assert [
        set(line.get_xdata()) for line in axes.lines if line.get_marker() == "None"
    ] == [{0}]
    words = [label.replace("\n", " ") for label in ticks(axes.yaxis)]
    gap = "8 with a gap (under 2 closed loops)"
    assert (
        words[0] == f"{gap} wrong: 90.0% (90 of 100) of the others: 10.0% (10 of 100)"
    )
    assert axes.get_ylim() == (3.5, -0.5)
    shown = [
        np.flatnonzero(a.images[0].get_array().any(axis=0)) for a in examples.child_axes
    ]
    assert [columns.tolist() for columns in shown] == [[4, 28 + 9], [], [3], [5]]
    tops = [a.get_position().y0 for a in examples.child_axes]
    assert tops == sorted(tops, reverse=True)


@parametrize("run", ["one answer", "yes"])
def test_a_run_that_answers_the_same_to_everything_gets_no_verdicts(run):
    (axes,) = visualize_results.draw_error_analysis(RUNS[run](), Language()).axes
    assert "How often" in axes.get_title(loc="left")


def test_false_alarms_are_sorted_dots_with_intervals_and_zero_is_one():
    axes = axes_of(drawn("error_analysis"), "How often each other digit is taken for 8")
    labels = [
        "2:  66.7% (2 of 3)",
        "3:  50.0% (1 of 2)",
        "0:  0.0% (0 of 2)",
        "1:  0.0% (0 of 2)",
    ]
    assert ticks(axes.yaxis) == labels + [
        f"{n}:  0.0% (0 of 1)" for n in (4, 5, 6, 7, 9)
    ]
    dots, _, (bars,) = axes.containers[0].lines
    np.testing.assert_allclose(dots.get_xdata(), [2 / 3, 1 / 2] + [0] * 7)
    assert dots.get_ydata().tolist() == list(range(9))
    ends = [segment[:, 0] for segment in bars.get_segments()]  # Wilson's, to a percent
    np.testing.assert_allclose(
        ends[:3], [(0.21, 0.94), (0.09, 0.91), (0, 0.66)], atol=0.006
    )
    assert to_hex(dots.get_color()) == BLUE
    (mark,) = set(line_of(axes, "all others: 21.4% (3 of 14)").get_xdata())
    assert mark == pytest.approx(3 / 14)
    assert axes.get_ylim() == (8.5, -0.5)
    assert {"0%", "20%"} <= set(ticks(axes.xaxis))


def run_with_units(*weights: list, change: list[tuple[int, float]], **settings) -> Run:
    """A made run with these weights above the first layer; there, unit u has gained
    change[u] = (row of pixels, what was added to each of the row's 28).
    """
    run = made_run(hidden=tuple(len(w) for w in weights), **settings)
    for unit, (row, added) in enumerate(change):
        run.network.weights[0][28 * row : 28 * row + 28, unit] += added
    run.network.weights[1:] = [np.array(w, np.float32) for w in weights]
    return run


@parametrize(
    ("weights", "number", "captions"),
    [
        pytest.param(
            [[[2], [-1], [0.5]]],
            "output weights",
            ("+2.00", "-1.00", "+0.50"),
            id="flat",
        ),
        # 1 * 3 + 0, 2 * 3 - 8 * 1, 0.5 * 1
        pytest.param(
            [[[1, 0], [2, -8], [0, 0.5]], [[3], [1]]],
            "sums over paths to the output",
            ("+3.00", "-2.00", "+0.50"),
            id="deep",
        ),
    ],
)
def test_red_is_where_ink_in_a_unit_speaks_for_the_digit(weights, number, captions):
    """Unit 0, for the 8, gains at row 3; unit 1, against it, at row 5; unit 2, for it, loses."""
    run = run_with_units(*weights, change=[(3, 0.4), (5, 0.4), (9, -0.2)])
    figure = visualize_results.draw_hidden_units(run, Language())
    for_it, against = axes_of(figure, "Units for 8"), axes_of(figure, "Units against 8")
    assert for_it.get_title(loc="left") == f"Units for 8: {number}"
    assert [text.get_text() for text in for_it.texts] == [captions[0], captions[2]]
    assert [text.get_text() for text in against.texts] == [captions[1]]
    (first, last), (other,) = for_it.images, against.images
    np.testing.assert_allclose(
        first.get_array()[3], 1, atol=1e-6
    )  # 0.4 is drawn in full
    np.testing.assert_allclose(last.get_array()[9], -0.5, atol=1e-6)
    colours = [
        colour_at(image, 28 * row) for image, row in ((first, 3), (other, 5), (last, 9))
    ]
    assert colours == ["red", "blue", "blue"]
    assert colour_at(first, 28 * 9) == "white"  # nothing learnt there
    bar = figure.axes[-1]
    assert ticks(bar.xaxis) == ["-0.40", "0", "+0.40"]
    assert [colour_at(bar.images[0], pixel) for pixel in (0, 255)] == ["blue", "red"]
    assert bar.images[0].get_extent() == pytest.approx([-0.4, 0.4, 0, 1])


def test_title_of_hidden_units_is_the_change_in_parts_of_the_start():
    run = made_run()
    run.network.weights[0] *= 1.5
    title = visualize_results.draw_hidden_units(run, Language()).get_suptitle()
    assert (
        title
        == "Training changed the hidden units' weights by 50% of their random start"
    )


def test_samples_are_the_first_of_each_digit_and_the_digits_row_is_framed():
    (axes,) = drawn("samples").axes
    labels = "0  (1),1  (1),2  (1),3  (1),4  (0),5  (1),6  (0),7  (2),8  (3),9  (0)"
    assert ticks(axes.yaxis) == labels.split(",")
    rows, columns = (
        axes.images[0].get_array().nonzero()
    )  # lit is row 0, at the image's number
    shown = sorted(
        (int(row) // 28, *divmod(int(column), 28))
        for row, column in zip(rows, columns, strict=True)
    )
    ordered = [
        (TRAIN_DIGITS[n], TRAIN_DIGITS[:n].count(TRAIN_DIGITS[n]), n) for n in range(10)
    ]
    assert shown == sorted(ordered)
    (frame,) = axes.patches
    assert (frame.get_y(), frame.get_height()) == (8 * 28 - 0.5, 28)
    assert to_hex(frame.get_edgecolor()) == ORANGE
    weights = [label.get_fontweight() for label in axes.yaxis.get_ticklabels()]
    assert weights == ["normal"] * 8 + ["bold", "normal"]


def test_copies_are_shown_of_a_run_that_trained_on_them(monkeypatch):
    monkeypatch.setattr(visualize_results, "augment", lambda images, rng: images / 2)
    figure = visualize_results.draw_samples(made_run(augment=True), Language())
    copies = axes_of(figure, "Deformed copies").images[0].get_array()
    first = [3, 1, 9, 4, 6, 7, 0]  # of the digits 0, 1, 2, 3, 5, 7, 8, in TRAIN_DIGITS
    for row, ink in enumerate((1, 0.5, 0.5, 0.5)):
        lit_at = np.flatnonzero(copies[28 * row] == ink)
        assert lit_at.tolist() == [28 * place + n for place, n in enumerate(first)]


def study_file(path: Path, monkeypatch) -> Path:
    """One change without effect, one much worse, and two better, by 10 and by 20 points."""
    f1 = {
        "the lab's run": [0.5] * 5,
        "same": [0.5, 0.6, 0.4, 0.5, 0.5],
        "bad": [0.2, 0.3] * 2 + [0.2],
    }
    f1 |= {"good": [0.58, 0.62, 0.6, 0.61, 0.59], "best": [0.68, 0.72, 0.7, 0.71, 0.69]}
    monkeypatch.setattr(train_network, "STUDY", {change: {} for change in f1})
    rest = dict.fromkeys(
        ("recall", "precision", "false_positives", "false_negatives"), 1
    )
    runs = {
        change: [{"f1": value, **rest} for value in values]
        for change, values in f1.items()
    }
    about = {"settings": asdict(Settings(digit=3)), "dataset": "MNIST"}
    path.write_text(json.dumps({"about": about, "runs": runs}))
    return path


def test_study_is_sorted_by_effect_with_each_verdict_and_the_labs_run_at_zero(
    tmp_path, monkeypatch
):
    path = study_file(tmp_path / "study.json", monkeypatch)
    figure = visualize_results.draw_study(path, Language())
    title = "Of 4 changes to the lab's run, each alone, 2 are better, 1 worse"
    assert figure.get_suptitle() == title
    assert figure.get_supxlabel().startswith("digit 3, MNIST; 5 seeds")
    axes = axes_of(figure, "0: the lab's run, F1 50.0%")
    assert ticks(axes.yaxis) == [
        "best: F1 70.0%",
        "good: F1 60.0%",
        "same: F1 50.0%",
        "bad: F1 24.0%",
    ]
    assert ticks(axes.child_axes[0].yaxis) == ["better"] * 2 + [
        "no measurable effect",
        "worse",
    ]
    # Standard deviations of 5: 1.581, 7.071 and 5.477 points; t is 2.776; so 2.776 s / 5 ** 0.5
    expected = [
        (20, 1.96, "#000000"),
        (10, 1.96, "#000000"),
        (0, 8.78, "#777777"),
        (-26, 6.80, "#ffffff"),
    ]
    for row, (container, (x, reach, colour)) in enumerate(
        zip(axes.containers, expected, strict=True)
    ):
        point, _, (bars,) = container.lines
        np.testing.assert_allclose(point.get_xydata(), [(x, row)], atol=1e-9)
        ends = bars.get_segments()[0][:, 0]
        np.testing.assert_allclose(ends, (x - reach, x + reach), atol=0.006)
        assert to_hex(point.get_markerfacecolor()) == colour
    assert [
        set(line.get_xdata()) for line in axes.lines if line.get_marker() == "None"
    ] == [{0}]


# --- what every figure must hold --------------------------------------------------------------


def texts_drawn(figure: Figure) -> list[tuple[Text, object]]:
    """The texts in sight, with their extents; of tick labels those within their axis."""
    of_ticks = {}
    for axes in figure.findobj(lambda artist: hasattr(artist, "get_xlim")):
        for axis, interval in (
            (axes.xaxis, axes.viewLim.intervalx),
            (axes.yaxis, axes.viewLim.intervaly),
        ):
            for tick in axis.get_major_ticks() + axis.get_minor_ticks():
                inside = min(interval) <= tick.get_loc() <= max(interval)
                of_ticks |= dict.fromkeys(
                    (tick.label1, tick.label2), inside and axes.axison
                )
    found = figure.findobj(
        lambda artist: isinstance(artist, Text) and artist.get_text().strip()
    )
    found = [text for text in found if text.get_visible() and of_ticks.get(text, True)]
    return [(text, text.get_window_extent()) for text in found]


def assert_all_texts_are_apart_and_inside(figure: Figure) -> None:
    placed, frame = texts_drawn(figure), figure.bbox.padded(1)
    assert len(placed) > 5
    for number, (text, box) in enumerate(placed):
        assert frame.x0 <= box.x0 and box.x1 <= frame.x1, text
        assert frame.y0 <= box.y0 and box.y1 <= frame.y1, text
        for other, other_box in placed[:number]:
            assert not box.padded(-1).overlaps(other_box.padded(-1)), (text, other)


@parametrize(("run", "language"), [("real", "en"), ("real", "ru"), ("deep", "ru")])
@parametrize("name", FIGURES)
def test_texts_are_inside_and_apart(request, name, run, language):
    directory = request.getfixturevalue("mnist_dir") if run == "real" else None
    assert_all_texts_are_apart_and_inside(drawn(name, run, language, directory))


@parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_about(name):
    figure = FIGURES[name](RUNS["one answer"](), Language())
    run = "training images: 10; test images: 20; network 784-2-1; seed 7; epochs: 3"
    assert figure.get_supxlabel() == f"the bundled sample, NOT MNIST; {run}"
    assert figure.get_suptitle().split("\n")[-2:] == [
        "The network answers no to everything: lower the learning rate, or train longer",
        "(data: the bundled sample, not MNIST)",
    ]


@parametrize("name", FIGURES)
def test_russian_figure_has_no_english_line(name):
    allowed = {"seed", "mnist", "n", "a"}  # n/a
    for text, _ in texts_drawn(drawn(name, "deep", "ru")):
        words = (
            "".join(c if c.isalpha() else " " for c in text.get_text()).lower().split()
        )
        assert not {word for word in words if word.isascii()} - allowed, text


def test_threshold_is_written_in_decimals():
    figure = visualize_results.draw_report(made_run(threshold=1.4e-9), Language())
    assert axes_of(figure, "Answers at threshold 0.0000000014")


# --- the command ------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained(made_dir, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained")
    options = [
        "--train-size=all",
        "--test-size=30",
        "--learning-rate=0.1",
        "--hidden=4",
        "--epochs=3",
    ]
    assert (
        train_network.main([*options, f"--data-dir={made_dir}", f"--output-dir={out}"])
        == 0
    )
    return out


@pytest.fixture
def run_dir(trained, tmp_path):
    """A copy of the run, to write to."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture
def draw(made_dir, run_dir):
    return lambda *options: main(
        ["--data-dir", str(made_dir), "--output-dir", str(run_dir), *map(str, options)]
    )


@pytest.fixture
def written(monkeypatch) -> dict[str, Figure]:
    """What would be written, by name."""
    figures = {}
    monkeypatch.setattr(
        visualize_results,
        "save_figure",
        lambda figure, path: figures.update({path.name: figure}),
    )
    return figures


def test_figures_and_format_choose_what_is_written(draw, run_dir, capsys):
    before = set(run_dir.iterdir())
    assert (
        draw(
            "--figures", "samples", "learning_curves", "--format", "svg", "--lang", "ru"
        )
        == 0
    )
    assert {path.name for path in set(run_dir.iterdir()) - before} == {
        *("samples.svg", "learning_curves.svg")
    }
    assert "<svg" in (run_dir / "samples.svg").read_text()
    assert "Записано: " in capsys.readouterr().out
    assert draw("--figures", "samples", "--format", "pdf") == 0
    assert (run_dir / "samples.pdf").read_bytes().startswith(b"%PDF")


def test_all_figures_are_drawn_and_the_errors_are_of_all_test_images(
    draw, run_dir, written, monkeypatch
):
    (run_dir / "study_log.txt").touch()
    study_file(run_dir / "study.json", monkeypatch)
    assert draw() == 0
    assert list(written) == [f"{name}.png" for name in [*FIGURES, "study"]]
    assert "test images: 60" in written["error_analysis.png"].get_supxlabel()
    assert "test images: 30" in written["report.png"].get_supxlabel()


HOSTILE = (
    "text.usetex: True\nfont.family: No Such Font\nsavefig.dpi: 7\naxes.grid: True\n"
)
HOSTILE += "figure.facecolor: red\nimage.cmap: hot\nfont.size: 30\nbackend: pdf\n"


def test_users_matplotlibrc_and_backend_change_no_byte(
    draw, made_dir, run_dir, root, monkeypatch, tmp_path
):
    assert draw("--figures", "learning_curves") == 0
    picture = run_dir / "learning_curves.png"
    content = picture.read_bytes()
    picture.unlink()
    (tmp_path / "matplotlibrc").write_text(HOSTILE)
    monkeypatch.setenv("MATPLOTLIBRC", str(tmp_path))
    monkeypatch.setenv("MPLBACKEND", "foo")
    command = [
        sys.executable,
        str(root / "visualize_results.py"),
        "--figures=learning_curves",
    ]
    command += [f"--data-dir={made_dir}", f"--output-dir={run_dir}"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert picture.read_bytes() == content


@parametrize(
    ("backend", "reason"),
    [
        (None, "there is no screen"),
        ("Agg", "MPLBACKEND is Agg: there is no screen"),
        ("foo", "MPLBACKEND is foo: "),
        ("module://no.such", "MPLBACKEND is module://no.such: "),
    ],
)
@parametrize("option", ["--show", "--draw"])
def test_what_is_wrong_with_a_window_is_said_in_a_line(
    draw, run_dir, written, monkeypatch, backend, reason, option
):
    monkeypatch.setattr(visualize_results, "WINDOW_BACKEND", backend)
    with pytest.raises(UserError, match="cannot open a window") as error:
        draw(option, *(["--figures", "samples"] if option == "--show" else []))
    assert reason in str(error.value)
    assert len(str(error.value)) < 250
    assert "\n" not in str(error.value)
    assert list(written) == (["samples.png"] if option == "--show" else [])


def test_dollars_in_the_name_of_a_data_set_are_dollars(tmp_path):
    run = made_run(name=r"x$\bad$y")
    visualize_results.save_figure(
        visualize_results.draw_learning_curves(run, Language()), tmp_path / "figure.png"
    )


def test_a_photos_greys_leave_the_red_as_it_is(tmp_path):
    """In the file that is written: a box's red, blue, and red ink, beside every level of grey."""
    figure = Figure((4, 2), 100)
    picture = (
        np.random.default_rng(0)
        .integers(0, 256, (200, 400, 1), np.uint8)
        .repeat(3, axis=2)
    )
    colours = [(178, 24, 43), (33, 102, 172), (230, 159, 0), (103, 0, 31)]
    picture[90:93, :, :] = 255
    for n, colour in enumerate(colours):
        picture[90:93, 10 + 60 * n : 30 + 60 * n] = colour
    figure.figimage(picture)
    visualize_results.save_figure(figure, tmp_path / "figure.png")
    with Image.open(tmp_path / "figure.png") as image:
        assert len(image.getcolors()) <= 256
        shown = np.asarray(image.convert("RGB")).astype(int)
    for n, colour in enumerate(colours):
        pixels = shown[-92, 15 + 60 * n], shown[91, 15 + 60 * n]  # upside down, or not
        assert min(np.abs(pixel - colour).max() for pixel in pixels) <= 8


def test_an_interruption_ends_the_script(draw, monkeypatch):
    monkeypatch.setitem(FIGURES, "report", partial(raising, KeyboardInterrupt(15)))
    with pytest.raises(KeyboardInterrupt):
        draw()


def test_film_replays_the_training(draw, run_dir, made_dir, monkeypatch):
    figures, pictures, picture_of = [], [], visualize_results.picture_of

    def watched(figure: Figure) -> Image.Image:
        figures.append(figure)
        pictures.append(picture_of(figure))
        return pictures[-1]

    monkeypatch.setattr(visualize_results, "picture_of", watched)
    assert draw("--animate") == 0
    with Image.open(run_dir / "hidden_units.gif") as film:
        assert (film.format, film.n_frames) == ("GIF", 4)  # the start and three epochs
        drawn_frames = np.array([picture.convert("RGB") for picture in pictures], int)
        for n in range(4):
            film.seek(n)
            difference = np.abs(drawn_frames - np.asarray(film.convert("RGB")))
            assert difference.mean(axis=(1, 2, 3)).argmin() == n
            assert film.info["duration"] == pytest.approx(
                2000 if n == 3 else 333, abs=5
            )
    for epoch, figure in enumerate(figures):
        loss = axes_of(figure, f"Loss; epoch {epoch} of 3")
        assert set(loss.lines[-1].get_xdata()) == {epoch}
        assert loss.get_xlim() == (-0.5, 3.5)
    learnt = [
        np.abs([a.get_array() for axes in figure.axes[:2] for a in axes.images])
        for figure in figures
    ]
    assert not learnt[0].any()
    run = visualize_results.read_run(run_dir, made_dir)
    still = visualize_results.draw_hidden_units(run, Language())
    last = [a.get_array() for axes in still.axes[:2] for a in axes.images]
    np.testing.assert_allclose(learnt[-1], np.abs(last), atol=1e-6)
    assert 0 < learnt[1].sum() != learnt[2].sum() != learnt[3].sum()


@parametrize(
    ("options", "words"),
    [
        (("--figures", "portrait"), "invalid choice"),
        (("--format", "bmp"), "invalid choice"),
        (("--show", "--draw"), "no meaning"),
        (("--animate", "--draw"), "not allowed with"),
        (("--figures", "samples", "--animate"), "no meaning"),
    ],
)
def test_options_are_refused_in_a_line(draw, options, words):
    with pytest.raises(UserError, match=words) as error:
        draw(*options)
    assert "\n" not in str(error.value)


def test_help_has_groups_real_defaults_and_examples(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for words in (
        "figures:",
        "instead of figures:",
        "examples:",
        "(default: png)",
        "sample_outputs/",
    ):
        assert words in text
    assert not [word for word in ("None", "False", str(Path.cwd())) if word in text]


@parametrize("content", [None, b"", b"rubbish", b"PK\x03\x04 cut short"])
def test_missing_or_damaged_model_is_refused(draw, run_dir, content):
    (run_dir / "model.npz").unlink()
    if content is not None:
        (run_dir / "model.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.npz"):
        draw()


def test_run_whose_test_images_lack_the_digit_is_refused(made_dir, tmp_path):
    options = [f"--data-dir={made_dir}", f"--output-dir={tmp_path}"]
    train_network.main([*options, "--train-size=all", "--epochs=1", "--test-size=3"])
    with pytest.raises(UserError, match="--test-size"):
        main(options)


def test_directory_in_a_figures_place_is_refused_before_any_is_written(draw, run_dir):
    (run_dir / "samples.png").mkdir()
    with pytest.raises(UserError, match=r"samples\.png"):
        draw()
    assert not (run_dir / "report.png").exists()


def test_failed_write_leaves_the_old_figure(draw, run_dir, monkeypatch):
    (run_dir / "samples.png").write_bytes(b"old")
    monkeypatch.setattr(
        Image.Image, "save", partial(raising, OSError(28, "No space left"))
    )
    with pytest.raises(UserError, match="No space left"):
        draw("--figures", "samples")
    assert (run_dir / "samples.png").read_bytes() == b"old"


def raising(error: BaseException, *_: object, **__: object) -> None:
    raise error


# --- your own handwriting ---------------------------------------------------------------------


def ring_picture(path: Path, *rings: tuple, size=(200, 200)) -> Path:
    """A picture of thick rings: left, top, right, bottom of each."""
    image = Image.new("L", size, 255)
    for box in rings:
        ImageDraw.Draw(image).ellipse(box, outline=0, width=14)
    image.save(path)
    return path


@pytest.fixture
def eight(tmp_path):
    return ring_picture(tmp_path / "eight.png", (70, 30, 130, 100), (62, 90, 138, 175))


def test_pictures_that_fail_are_reported_and_the_others_are_read(
    draw, run_dir, eight, tmp_path, capsys
):
    bad, blank, dash = (
        tmp_path / f"{name}.png" for name in ("bad\x1b[1m", "blank", "dash")
    )
    bad.write_bytes(b"no picture")
    Image.new("L", (50, 50), 255).save(blank)
    Image.fromarray(np.pad(np.zeros((9, 40), np.uint8), 60, constant_values=255)).save(
        dash
    )
    assert draw("--image", bad, blank, dash, eight, eight) == 2
    printed = capsys.readouterr()
    errors = printed.err.splitlines()
    assert len(errors) == 3
    assert errors[0].startswith(
        f"{tmp_path}/bad\\x1b[1m.png is no picture"
    )  # steers no terminal
    assert errors[1].startswith(f"{blank}: no digit made out. Write larger")
    assert errors[2] == f"{dash}: no digit made out. Left out: dash: 1"
    assert f"{eight}: digit 1 of 1: " in printed.out
    assert "Network 784-4-1, trained on made0" in printed.out
    assert (run_dir / "eight_recognised.png").exists()
    assert (run_dir / "eight_recognised_2.png").exists()
    with Image.open(eight) as image:
        image.paste(0, (150, 100, 180, 104))
        image.save(blank)
    assert draw("--image", blank) == 0
    assert f"{blank}: Left out: too small: 1\n" in capsys.readouterr().out
    assert draw("--image", dash, "--lang", "ru") == 2
    assert (
        capsys.readouterr().err
        == f"{dash}: цифр не найдено. Не разобрано: чёрточка: 1\n"
    )


def test_a_pattern_that_the_shell_has_left_is_expanded(
    draw, written, eight, tmp_path, capsys
):
    for name in "b.jpg.png", "a[1].png", "c.txt":
        shutil.copy(eight, tmp_path / name)
    assert draw("--image", tmp_path / "[ab]*.png", tmp_path / "a[1].png") == 0
    expected = ["a[1]_recognised.png", "b.jpg_recognised.png", "a[1]_recognised_2.png"]
    assert list(written) == expected
    assert draw("--image", tmp_path / "*.gif") == 2
    assert capsys.readouterr().err == f"{tmp_path / '*.gif'} does not exist\n"


def test_no_picture_is_overwritten_before_it_is_read(draw, run_dir, eight):
    first, second = run_dir / "a.png", run_dir / "a_recognised.png"
    shutil.copy(eight, first)
    shutil.copy(eight, second)
    assert draw("--image", first, second) == 0
    assert second.read_bytes() == eight.read_bytes()
    written = {"a_recognised_2.png", "a_recognised_recognised.png"}
    assert written < {path.name for path in run_dir.iterdir()}


@parametrize("letter", ["x", "ж"])
def test_pictures_with_the_longest_names_are_read(
    draw, run_dir, eight, tmp_path, letter
):
    stem = letter * (250 // len(letter.encode()))
    for ending in ".png", ".gif":
        shutil.copy(eight, tmp_path / f"{stem}{ending}")
    assert draw("--image", tmp_path / f"{stem}.png", tmp_path / f"{stem}.gif") == 0
    names = sorted(path.name for path in run_dir.glob("*_recognised*"))
    assert [name.lstrip(letter) for name in names] == [
        "_recognised.png",
        "_recognised_2.png",
    ]


def test_network_is_the_best_unless_one_is_named(
    trained, eight, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "out"
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", out)
    monkeypatch.setattr(visualize_results, "save_figure", lambda *_: None)
    shutil.copytree(trained, out)
    best = NeuralNetwork((784, 3, 2, 1))
    for layers, options in (
        ("784-4-1, trained on made0", []),
        ("784-3-2-1;", []),
        ("784-4-1, trained on made0", [f"--output-dir={out}"]),
    ):
        assert main(["--image", str(eight), *options]) == 0
        assert f"Network {layers}" in capsys.readouterr().out.replace("1; it", "1;; it")
        (out / "best").mkdir(exist_ok=True)
        best.save(out / "best" / "model.npz")


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
    draw, run_dir, eight, network, metadata, words
):
    network = NeuralNetwork(network)
    network.metadata = metadata
    network.save(run_dir / "model.npz")
    with pytest.raises(UserError, match=words):
        draw("--image", eight)


def fixed_reader(scores: list[float], **settings) -> Reader:
    """A reader whose network gives image n, lit at pixel n, its score; ink in the upper half
    speaks for the digit, at pixel 400, in the lower half, against it.
    """
    network = NeuralNetwork((784, 1, 1))
    network.predict_proba = lambda x: np.array(scores)[x.argmax(axis=1)]
    network.input_gradient = lambda x: (
        np.where(np.arange(784) < 392, 2.0, -1.0) * np.ones_like(x)
    )
    return Reader(network, Settings(threshold=0.6, **settings))


def found_digits(boxes: list[tuple], left_out: dict) -> FoundDigits:
    images = lit(*range(len(boxes)))
    images[:, 400] = 0.8
    return FoundDigits(map(FoundDigit, boxes, images), left_out)


def test_picture_figure_boxes_each_digit_and_shows_what_spoke_for_it(monkeypatch):
    """Of a wide picture: a 3 at score 0.9, above the threshold 0.6, and two others below it."""
    boxes = [(20, 30, 50, 90), (100, 10, 180, 40), (230, 50, 250, 110)]
    monkeypatch.setattr(
        visualize_results,
        "find_digits",
        lambda _: found_digits(boxes, {"too small": 3}),
    )
    picture = np.full((120, 300), 255, np.uint8)
    picture[50, 210] = 0
    reader = fixed_reader([0.55, 0.9, 0.1], digit=3)
    figure = visualize_results.draw_recognised(reader, picture, reader.read(picture))
    assert (
        figure.get_suptitle()
        == "Digits found: 3; taken for 3: 1\nLeft out: too small: 3"
    )
    axes, pairs = figure.axes
    assert [
        (box.get_xy(), box.get_width(), box.get_height()) for box in axes.patches
    ] == [
        ((19.5, 29.5), 30, 60),
        ((99.5, 9.5), 80, 30),
        ((229.5, 49.5), 20, 60),
    ]
    assert [to_hex(box.get_edgecolor()) for box in axes.patches] == [
        BLUE_BOX,
        RED_BOX,
        BLUE_BOX,
    ]
    assert [box.get_linestyle() == "solid" for box in axes.patches] == [
        False,
        True,
        False,
    ]
    assert "solid box: yes, dashed: no" in axes.get_title(loc="left")
    assert [text.get_text() for text in axes.texts] == ["1", "2", "3"]
    # A pixel is 0.028 inches, a tag 4 x 6 of them, above the left corner of its box.
    places = [text.get_position() for text in axes.texts]
    assert places == [(21.5, 26.5), (101.5, 6.5), (231.5, 46.5)]
    tags = [to_hex(text.get_bbox_patch().get_facecolor()) for text in axes.texts]
    assert tags == [BLUE_BOX, RED_BOX, BLUE_BOX]
    image = axes.images[0]
    assert [colour_at(image, 300 * y + x) for x, y in ((210, 50), (50, 110))] == [
        "black",
        "white",
    ]
    assert image.get_extent() == [-0.5, 299.5, 119.5, -0.5]
    captions = [text.get_text() for text in pairs.texts]
    assert captions == [
        *("1: not 3", "score 0.550", "2: 3", "score 0.900", "3: not 3", "score 0.100")
    ]
    assert "for 3 (red) or against (blue)" in pairs.get_title(loc="left")
    for n, (seen, why) in enumerate(
        zip(pairs.images[::2], pairs.images[1::2], strict=True)
    ):
        assert [colour_at(seen, pixel) for pixel in (n, 700)] == ["black", "white"]
        assert [colour_at(why, pixel) for pixel in (n, 400)] == ["red", "blue"]
        np.testing.assert_allclose(why.get_array().flat[[n, 400]], [1, -0.4])


def test_of_many_digits_all_are_boxed_and_sixty_shown(monkeypatch):
    boxes = [
        (20 * n, 30 * row, 20 * n + 9, 30 * row + 9)
        for row in range(7)
        for n in range(10)
    ]
    reasons = [
        "ruled lines",
        "too faint",
        "at the edge",
        "frame",
        "too small",
        "dash",
        "dot",
    ]
    found = found_digits(boxes, dict.fromkeys(reasons, 12))
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    picture, reader = (
        np.full((220, 220), 255, np.uint8),
        fixed_reader([0.9] * 70, lang="ru"),
    )
    reader.description += "; its footer fills a line, and is broken" * 3
    figure = visualize_results.draw_recognised(reader, picture, reader.read(picture))
    axes, pairs = figure.axes
    title = "Найдено цифр: 70; принято за 8: 70\nПо одной показаны только первые 60\nНе разобрано: "
    assert figure.get_suptitle().startswith(title)
    assert len(pairs.images) == 120
    assert [text.get_text() for text in axes.texts] == [str(n) for n in range(1, 71)]
    FigureCanvasAgg(figure)
    figure.draw_without_rendering()
    assert_all_texts_are_apart_and_inside(figure)


# The pad's network: much ink is its 8, and ink in the lower half speaks against it.
@pytest.fixture
def reader():
    network = NeuralNetwork((784, 1, 1))
    network.weights[0][:] = np.where(np.arange(784) < 392, 0.03, -0.01)[:, np.newaxis]
    network.weights[1][:], network.biases[1][:] = 12, -6
    return Reader(network, Settings())


@pytest.fixture
def pad(reader, tmp_path):
    figure = FigureCanvasAgg(Figure((8.4, 6))).figure
    pad = DrawingPad(figure, reader, tmp_path)
    figure.canvas.draw()
    return pad


def mouse(pad: DrawingPad, axes, *places, button=MouseButton.LEFT) -> None:
    """Press, move and release a button, at places of the axes."""
    names = [
        "button_press_event",
        *["motion_notify_event"] * len(places),
        "button_release_event",
    ]
    for name, place in zip(names, [places[0], *places, places[-1]], strict=True):
        x, y = axes.transData.transform(place)
        event = MouseEvent(name, pad.figure.canvas, x, y, button)
        pad.figure.canvas.callbacks.process(name, event)


def ask(pad: DrawingPad, way: str, name: str) -> None:
    if way == "button":
        return mouse(pad, pad.buttons[name].ax, (0.5, 0.5))
    event = KeyEvent("key_press_event", pad.figure.canvas, way)
    return pad.figure.canvas.callbacks.process("key_press_event", event)


def test_pad_shows_what_is_drawn_what_is_seen_and_why_and_saves_it(
    pad, tmp_path, monkeypatch
):
    before = np.array(pad.figure.canvas.buffer_rgba())
    mouse(pad, pad.axes, (60, 80), (120, 200), (200, 80))
    pad.figure.canvas.draw()
    assert (np.array(pad.figure.canvas.buffer_rgba()) != before).any()
    (digit,) = mnist_loader.find_digits(pad.drawing)
    shown, seen, why = pad.images
    titles = [image.axes.get_title(loc="left") for image in (seen, why)]
    assert titles == ["what the network sees", "red: for 8, blue: against"]
    np.testing.assert_array_equal(shown.get_array(), pad.drawing)
    assert [colour_at(shown, 280 * y + 120) for y in (200, 20)] == ["black", "white"]
    np.testing.assert_array_equal(seen.get_array().ravel(), digit.image)
    upper, lower = (np.flatnonzero(half > 0.9)[0] for half in np.split(digit.image, 2))
    colours = [colour_at(why, pixel) for pixel in (upper, 392 + lower)]
    assert colours == ["red", "blue"]
    ask(pad, "s", "save")
    assert pad.verdict == "Saved as drawing.png"
    picture = mnist_loader.read_picture(tmp_path / "drawing.png")
    np.testing.assert_array_equal(
        mnist_loader.find_digits(picture)[0].image, digit.image
    )
    ask(pad, "c", "clear")
    assert pad.drawing.all()
    assert not pad.images[2].get_array().any()
    closed = []
    monkeypatch.setattr("matplotlib.pyplot.close", closed.append)
    ask(pad, "q", "close")
    assert closed == [pad.figure]


def test_keys_of_both_layouts_and_buttons_do_the_same(pad):
    done, names = [], ["clear", "save", "close"]
    for name in names:
        setattr(pad, name, partial(done.append, name))
    for ways in "csq", "CSQ", "сый", "СЫЙ", ["button"] * 3:
        for way, name in zip(ways, names, strict=True):
            ask(pad, way, name)
    assert done == names * 5


def test_pad_shows_the_likeliest_of_several_digits_and_says_all(pad):
    """A thin stroke, and a thick 8 to its right, each with its answer and its score."""
    thick = Image.new("L", (280, 280), 255)
    ImageDraw.Draw(thick).line((50, 80, 50, 200), fill=0, width=10)
    for box in (170, 60, 250, 140), (165, 130, 255, 220):
        ImageDraw.Draw(thick).ellipse(box, outline=0, width=28)
    pad.reader.read = lambda _, read=pad.reader.read: read(np.array(thick))
    mouse(pad, pad.axes, (100, 100), (101, 100))
    stroke, eight = mnist_loader.find_digits(np.array(thick))
    low, high = pad.reader.network.predict_proba(np.stack([stroke.image, eight.image]))
    assert low < 0.4 < 0.6 < high
    assert pad.verdict == f"not 8 ({low:.2f}), 8 ({high:.2f})"
    assert pad.figure.get_suptitle() == pad.verdict
    _, seen, why = (image.get_array().ravel() for image in pad.images)
    np.testing.assert_array_equal(seen, eight.image)
    np.testing.assert_array_equal(why != 0, eight.image != 0)


STROKES = {  # places, the ink's left, top, right and bottom, number of lines
    "fast": ([(40, 140), (240, 140)], (30, 130, 251, 151), 1),
    "click": ([(100, 100)], (90, 90, 111, 111), 1),
    "beyond": ([(100, 140), (-60, 140), (-60, 200), (100, 200)], (0, 130, 111, 211), 2),
}


def test_ink_lies_where_the_left_button_was_down(pad):
    for name, (places, box, lines) in STROKES.items():
        pad.clear()
        for button in MouseButton.RIGHT, MouseButton.MIDDLE:
            mouse(pad, pad.axes, *places, button=button)
        mouse(pad, pad.axes, (-30, 100), (150, 100))  # begun beside the pad
        assert pad.drawing.all()
        pad.figure.set_size_inches(5, 7)  # a window that was resized
        pad.figure.canvas.draw()
        mouse(pad, pad.axes, *places)
        drawing = pad.drawing
        event = MouseEvent("motion_notify_event", pad.figure.canvas, 200, 300)
        pad.figure.canvas.callbacks.process("motion_notify_event", event)
        np.testing.assert_array_equal(
            pad.drawing, drawing
        )  # it moves, and no button is down
        assert connected_components(drawing == 0).max() == lines
        rows, columns = np.nonzero(drawing == 0)
        ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose(ends, box, atol=2, err_msg=name)


def test_pad_keeps_saved_drawings_and_says_what_it_cannot_save(pad, tmp_path):
    ask(pad, "s", "save")
    assert (pad.verdict[:15], list(tmp_path.iterdir())) == ("Nothing to save", [])
    for places in ((100, 60), (80, 200)), ((80, 200), (180, 220)):
        mouse(pad, pad.axes, *places)
        ask(pad, "s", "save")
    first, second = (tmp_path / name for name in ("drawing.png", "drawing_2.png"))
    assert first.read_bytes() != second.read_bytes()
    pad.output_dir = tmp_path / "gone"
    ask(pad, "s", "save")
    assert "cannot write" in pad.verdict


def test_pad_is_russian_where_the_run_is(reader, tmp_path):
    figure = FigureCanvasAgg(Figure((8.4, 6))).figure
    russian = Reader(reader.network, Settings(lang="ru"))
    pad = DrawingPad(figure, russian, tmp_path)
    labels = [button.label.get_text() for button in pad.buttons.values()]
    assert labels == ["Стереть (c)", "Сохранить (s)", "Закрыть (q)"]
    assert "Нарисуйте" in figure.get_suptitle()
    assert (
        Reader(reader.network, Settings(lang="ru"), "en").read(pad.drawing).left_out
        == ""
    )
