"""utils: ranges, languages, metrics by hand, shapes on drawings, files, leaving."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

import utils
from utils import (
    ArgumentParser,
    Claim,
    Evaluation,
    Output,
    Rate,
    SettingError,
    UserError,
    atomic_write,
    translator,
)

parametrize = pytest.mark.parametrize

# --- what a value may be --------------------------------------------------------------

NO_NUMBERS = [None, "1", b"1", [1], np.array([1, 2]), 1j, math.nan, math.inf, True]
NO_NUMBERS += [np.True_]
RANGES = {  # by name, what is in each and what is not
    "POSITIVE": (
        [1, 0.1, 1e-300, 1e308, np.float32(0.5), np.int64(3), Fraction(1, 3)],
        [0, -1, 10**400, *NO_NUMBERS],
    ),
    "POSITIVE_OR_NONE": ([None, 1, 0.1], [0, -1, "", math.nan, True]),
    "NOT_NEGATIVE": ([0, 0.0, 1e308, np.float64(2)], [-1e-9, *NO_NUMBERS]),
    "SHARE": ([0, 0.5, 1, 1.0], [-1e-9, 1.000001, *NO_NUMBERS]),
    "BELOW_1": ([0, 0.5, 0.999999], [-1e-9, 1, 1.0, *NO_NUMBERS]),
    "WHOLE": ([0, 1, 10**20, np.uint8(0)], [-1, 0.0, 1.0, *NO_NUMBERS]),
    "COUNT": ([1, 10**20, np.int64(1)], [0, -1, 1.0, *NO_NUMBERS]),
    "SIZE": ([1, 5000, None], [0, -1, 1.0, "all", True]),
    "SWITCH": ([False, True], [None, 0, 1, "true", []]),
    "LANGUAGE": (["en", "ru"], ["", "e", "EN", "fr", None, ["en"]]),
}


@pytest.mark.filterwarnings("error")
@parametrize("name", RANGES)
def test_range_has_its_values_and_no_others(name):
    inside, outside = RANGES[name]
    allowed = getattr(utils, name)
    assert [value for value in inside if value not in allowed] == []
    assert [value for value in outside if value in allowed] == []


@parametrize(
    ("value", "test"),
    [
        ([], lambda v: v[0] > 0),
        ({}, lambda v: v[0] > 0),
        (None, lambda v: v > 0),
        (np.array([1, 2]), lambda v: v > 0),  # neither true nor false
        (10**400, lambda v: float(v) > 0),
    ],
)
def test_value_that_cannot_even_be_compared_is_in_no_range(value, test):
    assert value not in utils.Range("in words", test)


@parametrize(
    ("allowed", "value", "message"),
    [
        (utils.POSITIVE, -1, "x is -1; it must be a number above 0"),
        (utils.POSITIVE_OR_NONE, 0, "x is 0; it must be a number above 0"),
        (utils.NOT_NEGATIVE, -2.5, "x is -2.5; it must be a number from 0 up"),
        (utils.SHARE, 2, "x is 2; it must be a number from 0 to 1"),
        (utils.BELOW_1, 1.0, "x is 1.0; it must be a number from 0 to below 1"),
        (utils.WHOLE, True, "x is True; it must be a whole number, at least 0"),
        (utils.COUNT, "3", "x is '3'; it must be a whole number, at least 1"),
        (
            utils.SIZE,
            0,
            'x is 0; it must be a whole number, at least 1, or "all" (None in Python)',
        ),
        (utils.SWITCH, None, "x is None; it must be True or False"),
        (utils.LANGUAGE, "fr", "x is 'fr'; it must be one of en, ru"),
        (utils.one_of(3, "b"), 8, "x is 8; it must be one of 3, b"),
    ],
)
def test_value_out_of_range_is_refused_by_name_with_what_is_allowed(
    allowed, value, message
):
    with pytest.raises(SettingError) as refused:
        utils.check({"x": allowed}, x=value)
    assert str(refused.value) == message


def test_each_value_is_held_against_the_range_of_its_own_name():
    ranges = {"epochs": utils.COUNT, "dropout": utils.BELOW_1, "seed": utils.WHOLE}
    utils.check(ranges, dropout=0.5, epochs=3)
    with pytest.raises(SettingError, match=r"^dropout is 3;"):
        utils.check(ranges, epochs=1, dropout=3)


def test_setting_error_is_what_python_code_and_what_the_scripts_catch():
    assert issubclass(SettingError, ValueError)
    assert issubclass(SettingError, UserError)


# --- the command line -----------------------------------------------------------------


@pytest.fixture
def parser() -> ArgumentParser:
    parser = ArgumentParser(
        "Draws a digit.",
        """
        python draw.py
        python draw.py --size 3     three times as large
        """,
    )
    parser.prog = "draw.py"
    parser.add_argument("--size", type=int)
    return parser


@parametrize(
    ("arguments", "message"),
    [
        (["--colour"], "unrecognized arguments: --colour"),
        (["--siz=3"], "unrecognized arguments: --siz=3"),  # no abbreviations
        (["--size=x"], "argument --size: invalid int value: 'x'"),
    ],
)
def test_bad_command_line_is_an_error_that_names_the_help(parser, arguments, message):
    with pytest.raises(UserError) as refused:
        parser.parse_args(arguments)
    assert str(refused.value) == f"{message} (--help lists the options)"


def test_help_says_what_the_script_does_and_ends_with_examples_as_written(parser):
    text = parser.format_help()
    assert text.startswith("usage: draw.py [options]\n\nDraws a digit.\n")
    examples = "  python draw.py\n  python draw.py --size 3     three times as large\n"
    assert text.endswith(f"\n\nexamples:\n{examples}")


# What is typed, in which directory of the project; what the user types next
TYPED = [
    ("python3 train_network.py", "", "python3 plot.py"),
    ("py -u ./train_network.py --epochs=3", "", "py plot.py"),
    ("/bin/python ../train_network.py", "tests", "/bin/python ../plot.py"),
    ("python {root}/train_network.py", "tests", "python {root}/plot.py"),
    # Not by a script of the project: a notebook, one's own script
    ("/bin/python -m kernel", "tests", "python plot.py"),
    ("python3 /absent/mine.py", "tests", "python3 plot.py"),
]


@parametrize(("typed", "directory", "told"), TYPED)
def test_next_command_is_told_as_the_last_one_was_typed(
    root, monkeypatch, typed, directory, told
):
    """With its interpreter and its way to the scripts, and quoted for a shell."""
    words = [word.format(root=root) for word in typed.split()]
    expected = [word.format(root=root) for word in told.split()]
    # Of a module that is run by its name, Python puts in its path
    scripts = [word for word in words if word.endswith(".py")] or ["/absent/kernel.py"]
    monkeypatch.chdir(root / directory)
    monkeypatch.setattr(sys, "orig_argv", words)
    monkeypatch.setattr(sys, "argv", scripts)
    command = utils.command_line("plot.py", "--output-dir=my run", "--resume")
    assert command == f"{shlex.join(expected)} '--output-dir=my run' --resume"


# --- the two languages ----------------------------------------------------------------

NO_BREAK_SPACE = "\N{NO-BREAK SPACE}"
RUSSIAN = {
    "{a:,} of {b}, {c}": "{a:,} из {b}, {c}",
    "n/a": "н/д",
    "Training:": "Обучение:",
    "  loss": "  ошибка",
}


@pytest.fixture
def russian_file(tmp_path, monkeypatch) -> Path:
    path = tmp_path / "russian.json"
    path.write_text(json.dumps(RUSSIAN), encoding="utf-8")
    monkeypatch.setattr(utils, "RUSSIAN_FILE", path)
    return path


@parametrize(
    ("language", "line"),
    [
        ("en", "12,345,678 of /a/1,000, 2000"),
        ("ru", f"12{NO_BREAK_SPACE}345{NO_BREAK_SPACE}678 из /a/1,000, 2000"),
    ],
)
def test_thousands_are_parted_as_the_language_does_and_texts_left_alone(
    russian_file, language, line
):
    _ = translator(language)
    assert _("{a:,} of {b}, {c}", a=12345678, b="/a/1,000", c=2000) == line


@parametrize("value", [math.nan, None, np.float32("nan")])
@parametrize(("language", "line"), [("en", "n/a of 1, 2"), ("ru", "н/д из 1, 2")])
def test_what_is_no_number_is_said_to_be_none(russian_file, value, language, line):
    _ = translator(language)
    assert _("{a:,} of {b}, {c}", a=value, b=1, c=2) == line


def test_each_of_several_lines_is_translated_by_itself(russian_file):
    """They are written as in a docstring; one that has no Russian stays English."""
    paragraph = """
        Training:
          loss
        {n} epochs
        """
    assert translator("en")(paragraph, n=3) == "Training:\n  loss\n3 epochs"
    assert translator("ru")(paragraph, n=3) == "Обучение:\n  ошибка\n3 epochs"


def test_single_line_keeps_the_blanks_at_its_start(russian_file):
    assert translator("en")("  loss") == "  loss"
    assert translator("ru")("  loss") == "  ошибка"


def test_value_that_looks_like_a_field_or_a_line_is_said_as_it_is(russian_file):
    assert translator("ru")("{path}", path="{a}") == "{a}"
    assert translator("ru")("{path}", path="Training:") == "Training:"


@parametrize("content", [b"{", b"\xff", None])
def test_russian_that_cannot_be_read_is_an_error_in_one_line(russian_file, content):
    if content is None:
        russian_file.unlink()
    else:
        russian_file.write_bytes(content)
    with pytest.raises(UserError) as refused:
        translator("ru")
    fault = f"{russian_file}: missing or damaged; get it from the project again"
    assert str(refused.value) == fault
    assert translator("en")("Training:") == "Training:"


# --- metrics --------------------------------------------------------------------------

SCORES = np.array([0.9, 0.8, 0.5, 0.4, 0.7, 0.65, 0.2, 0.1, 0.05, 0.0])
TRUTH = np.array([True] * 4 + [False] * 6)


@parametrize(
    ("threshold", "counts", "only_answer"),
    [  # true and false positives, false and true negatives
        (0.0, (4, 6, 0, 0), "yes"),
        (0.35, (4, 2, 0, 4), None),
        (0.5, (3, 2, 1, 4), None),  # the score 0.5 is a yes
        (0.6, (2, 2, 2, 4), None),
        (0.75, (2, 0, 2, 6), None),
        (0.95, (0, 0, 4, 6), "no"),
    ],
)
def test_confusion_counts_are_those_counted_by_hand(threshold, counts, only_answer):
    result = Evaluation(SCORES, TRUTH, threshold)
    told = {
        "true positives": result.true_positives,
        "false positives": result.false_positives,
        "false negatives": result.false_negatives,
        "true negatives": result.true_negatives,
    }
    assert told == dict(zip(told, counts, strict=True))
    assert result.only_answer == only_answer


def test_metrics_are_those_computed_by_hand():
    """Of four 8s three are found at 0.5; of six others two are taken for it."""
    by_hand = {
        "true_positives": 3,
        "false_positives": 2,
        "false_negatives": 1,
        "true_negatives": 4,
        "positives": 4,
        "negatives": 6,
        "total": 10,
        "correct": 7,
        "accuracy": 0.7,
        "majority_share": 0.6,
        "precision": 3 / 5,
        "recall": 3 / 4,
        "f1": 2 / 3,
        # Squares: .01 .04 .25 .36, and .49 .4225 .04 .01 .0025 0
        "loss": 0.1625,
        # Of 24 pairs 0.5 and 0.4 each lose two, to 0.7 and 0.65
        "roc_auc": 20 / 24,
        "threshold": 0.5,
    }
    result = Evaluation(SCORES, TRUTH)
    assert result.as_dict() == pytest.approx(by_hand)
    assert result.positive_share == 0.4
    assert result.alarm_rate == pytest.approx(2 / 6)
    assert result.answers.tolist() == [True] * 3 + [False] + [True] * 2 + [False] * 4


@parametrize(
    ("truth", "usual_answer", "majority_share"),
    [(TRUTH, "no", 0.6), (~TRUTH, "yes", 0.6), (np.arange(10) % 2 == 0, "no", 0.5)],
)
def test_usual_answer_is_the_commoner_one(truth, usual_answer, majority_share):
    result = Evaluation(SCORES, truth)
    assert result.usual_answer == usual_answer
    assert result.majority_share == majority_share


@pytest.mark.filterwarnings("error")
@parametrize(
    ("scores", "truth", "missing"),
    [
        ([0.1, 0.2], [False, False], {"precision", "recall", "f1", "roc_auc"}),
        ([0.1, 0.2], [True, True], {"precision", "roc_auc"}),
        ([0.1, 0.9], [True, True], {"roc_auc"}),
    ],
)
def test_ratios_that_do_not_exist_are_nan_and_null_in_json(scores, truth, missing):
    result = Evaluation(np.array(scores), np.array(truth))
    told = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    assert {name for name, value in told.items() if value is None} == missing
    for name in missing:
        assert math.isnan(getattr(result, name)), name


def test_alarm_rate_without_a_negative_is_nan():
    assert math.isnan(Evaluation(np.array([0.1]), np.array([True])).alarm_rate)


@pytest.mark.filterwarnings("error")
def test_of_no_images_there_are_counts_of_0_and_no_ratios():
    told = Evaluation(np.zeros(0), np.zeros(0, bool)).as_dict()
    assert {name for name, value in told.items() if value == 0} == {
        "true_positives",
        "false_positives",
        "false_negatives",
        "true_negatives",
        "positives",
        "negatives",
        "total",
        "correct",
    }
    assert {name for name, value in told.items() if value is None} == {
        "accuracy",
        "majority_share",
        "precision",
        "recall",
        "f1",
        "loss",
        "roc_auc",
    }


def test_loss_of_float32_scores_is_their_mean_in_float64():
    scores = np.array([0.1, 0.2, 0.4], np.float32)
    squares = [float(score * score) for score in scores]
    result = Evaluation(scores, np.zeros(3, bool))
    assert result.loss == pytest.approx(math.fsum(squares) / 3, rel=1e-14)


def test_nan_is_null_in_json_however_deep():
    value = {"a": math.nan, "b": [1.5, (math.nan, "x")], "c": {"d": np.float32("nan")}}
    assert utils.for_json(value) == {
        "a": None,
        "b": [1.5, [None, "x"]],
        "c": {"d": None},
    }


@parametrize("levels", [1, 2, 5, 1000])
def test_roc_auc_is_how_often_a_positive_scores_above_a_negative(levels):
    """Pair by pair, a tie counting half; few levels make many ties."""
    rng = np.random.default_rng(levels)
    scores = rng.integers(0, levels, 200) / levels
    truth = rng.random(200) < 0.3
    won = []
    for positive in scores[truth]:
        for negative in scores[~truth]:
            won.append((positive > negative) + (positive == negative) / 2)
    assert utils.roc_auc(scores, truth) == pytest.approx(np.mean(won), rel=1e-12)


@parametrize(
    ("k", "n", "low", "high"),
    [
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
        (81, 263, 0.2553, 0.3662),
        (0, 0, 0, 1),
    ],
)
def test_wilson_interval_is_the_published_one(k, n, low, high):
    """The second and third: Newcombe, Statistics in Medicine 17 (1998) 857, table I."""
    assert Rate(k, n).interval == pytest.approx((low, high), abs=5e-5)
    assert Rate(n - k, n).interval == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_rate_is_how_many_of_how_many():
    rate = Rate.of(np.array([True, False, False, True, False]))
    assert rate == Rate(count=2, total=5)
    assert rate.share == 0.4
    assert math.isnan(Rate(0, 0).share)


# --- shapes ---------------------------------------------------------------------------

SIDE = 28


def drawing(*rows: str) -> np.ndarray:
    """An image (1, 28, 28) with the drawing in its middle: # is ink."""
    ink = np.array([[character == "#" for character in row] for row in rows])
    height, width = ink.shape
    top = (SIDE - height) // 2
    left = (SIDE - width) // 2
    image = np.zeros((1, SIDE, SIDE), np.float32)
    image[0, top : top + height, left : left + width] = ink
    return image


def bar(width: float, lean: float = 0.0, length: int = 20) -> np.ndarray:
    """A bar (1, 28, 28), `lean` pixels to the right for each pixel up; soft edges."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    across = np.clip(width / 2 - np.abs(x + lean * y) + 0.5, 0, 1)
    along = np.abs(y) <= length / 2
    return (across * along)[np.newaxis].astype(np.float32)


NOTHING = np.zeros((1, SIDE, SIDE), np.float32)
EIGHT = drawing(".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###.")
EIGHT_WITH_GAP = drawing(".####", "#....", "#....", ".###.", "#...#", "#...#", ".###.")
EIGHT_WITH_SPECK = drawing(
    ".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###.", ".....", "..#.."
)
THIN_EIGHT = drawing(".#.", "#.#", ".#.", "#.#", ".#.")
RIGHT_EIGHT = drawing("...####", "...#..#", "...####", "####...", "#..#...", "####...")
LEFT_EIGHT = RIGHT_EIGHT[:, :, ::-1]
THREE_LOOPS = drawing("#####", "#...#", "#####", "#...#", "#####", "#...#", "#####")
SIX = drawing("#....", "#....", "####.", "#...#", "####.")
ONE = drawing("#", "#", "#", "#", "#", "#", "#")
FIVE_WITH_LOOSE_BAR = drawing("#.###", "#....", "###..", "...#.", "###..")
SPECK_OF_30 = drawing(*["#" * 10] * 2, "#########.", "..........", "#.........")


@parametrize("lean", [-0.6, -0.2, 0.0, 0.3, 0.7])
def test_slant_of_a_leaning_bar_is_its_angle_wherever_and_however_dark(lean):
    image = bar(3, lean, length=12)
    angle = math.degrees(math.atan(lean))
    assert utils.slant(image)[0] == pytest.approx(angle, abs=0.5)
    elsewhere = 0.4 * np.roll(image, (3, -4), axis=(1, 2))
    assert utils.slant(elsewhere) == pytest.approx(utils.slant(image), abs=1e-3)


def test_slant_of_two_boxes_is_that_computed_by_hand():
    """Each of 10 pixels, 1.5 across and 1.5 up or down of the middle.

    Within a box the rows, of 4, 2 and 4 pixels, add 0.8 to the 2.25 of mu02: the slant
    is arctan(2.25 / 3.05).
    """
    assert utils.slant(RIGHT_EIGHT)[0] == pytest.approx(36.4164, abs=1e-4)
    assert utils.slant(LEFT_EIGHT)[0] == pytest.approx(-36.4164, abs=1e-4)


@pytest.mark.filterwarnings("error")
def test_what_cannot_be_measured_is_nan():
    assert np.isnan(utils.slant(NOTHING)).all()
    assert np.isnan(utils.stroke_width(NOTHING)).all()


@parametrize("dtype", [np.float32, np.float64])
def test_ink_without_height_has_no_slant_however_grey_and_wherever(dtype):
    """Of greys the moments are rounded, and what should be 0 need not be."""
    rng = np.random.default_rng(0)
    images = np.zeros((300, SIDE, SIDE), dtype)
    for image in images:
        image[rng.integers(SIDE), 3:20] = rng.random(17)
    assert np.isnan(utils.slant(images)).all()


def test_ink_two_rows_high_has_a_slant():
    """The middles of the rows are a pixel apart, across as down."""
    assert utils.slant(drawing(".##", "##."))[0] == pytest.approx(45)


@parametrize("width", [1, 2, 3, 4])
def test_stroke_width_is_twice_the_area_by_the_outline(width):
    rectangle = drawing(*["#" * width] * 20)
    expected = 2 * 20 * width / (math.pi / 4 * 2 * (20 + width))
    assert utils.stroke_width(rectangle)[0] == pytest.approx(expected)


@parametrize("width", [1, 2, 3, 4])
def test_stroke_width_of_a_ring_is_about_its_own(width):
    """Its outline runs in all directions alike."""
    y, x = np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2
    ring = np.abs(np.hypot(x, y) - 9) <= width / 2
    assert utils.stroke_width(ring[np.newaxis])[0] == pytest.approx(width, rel=0.15)


DRAWINGS = {  # with its number of closed loops, and the share of ink beside the stroke
    "an 8": (EIGHT, 2, 0),
    "an 8 with a gap": (EIGHT_WITH_GAP, 1, 0),
    "an 8 with a speck": (EIGHT_WITH_SPECK, 2, 1 / 18),
    "three loops": (THREE_LOOPS, 3, 0),
    "a 6": (SIX, 1, 0),
    "a 1": (ONE, 0, 0),
    "a 5 with a loose bar": (FIVE_WITH_LOOSE_BAR, 0, 3 / 12),
    "nothing": (NOTHING, 0, 0),
    "corners, which close a loop": (drawing(".#.", "#.#", ".#."), 1, 0),
    "the edge, which closes none": (
        drawing("#" * SIDE, *["." * SIDE] * 9, "#" * SIDE),
        0,
        1 / 2,
    ),
    "the smaller part first": (drawing("##...", ".....", ".####"), 0, 2 / 6),
    "a speck of 30 pixels": (SPECK_OF_30, 0, 1 / 30),
}


def test_closed_loops_are_those_counted_by_eye():
    images = np.concatenate([image for image, _, _ in DRAWINGS.values()])
    told = dict(zip(DRAWINGS, utils.closed_loops(images).tolist(), strict=True))
    assert told == {name: loops for name, (_, loops, _) in DRAWINGS.items()}


def test_stray_ink_is_the_share_outside_the_largest_part():
    images = np.concatenate([image for image, _, _ in DRAWINGS.values()])
    told = dict(zip(DRAWINGS, utils.stray_ink(images), strict=True))
    by_eye = {name: share for name, (_, _, share) in DRAWINGS.items()}
    assert told == pytest.approx(by_eye)


def test_pixel_that_is_half_covered_is_ink_and_one_that_is_less_is_paper():
    images = np.concatenate([0.5 * EIGHT_WITH_SPECK, 0.499 * EIGHT_WITH_SPECK])
    assert utils.closed_loops(images).tolist() == [2, 0]
    assert utils.stray_ink(images).tolist() == [1 / 18, 0]
    assert np.isfinite(utils.stroke_width(images)).tolist() == [True, False]


@parametrize(
    "measure", [utils.slant, utils.stroke_width, utils.closed_loops, utils.stray_ink]
)
def test_measure_is_the_same_on_a_sheet_that_is_not_square(measure):
    images = np.concatenate([RIGHT_EIGHT, EIGHT_WITH_SPECK, FIVE_WITH_LOOSE_BAR])
    assert measure(images[:, 8:21, 10:18]) == pytest.approx(measure(images))


@parametrize("measure", [utils.closed_loops, utils.stray_ink, utils.stroke_width])
def test_measure_of_no_images_has_no_values(measure):
    assert measure(np.zeros((0, SIDE, SIDE))).tolist() == []


def flood_fill(mask: np.ndarray, corners: bool) -> np.ndarray:
    """`connected_components` of one mask, pixel by pixel."""
    height, width = mask.shape
    steps = [(0, 1), (0, -1), (1, 0), (-1, 0)]
    if corners:
        steps += [(1, 1), (1, -1), (-1, 1), (-1, -1)]
    numbers = np.zeros(mask.shape, int)
    last = 0
    for start in np.ndindex(mask.shape):
        if not mask[start] or numbers[start]:
            continue
        last += 1
        waiting = [start]
        while waiting:
            y, x = waiting.pop()
            is_inside = 0 <= y < height and 0 <= x < width
            if is_inside and mask[y, x] and not numbers[y, x]:
                numbers[y, x] = last
                waiting += [(y + down, x + across) for down, across in steps]
    return numbers


@parametrize("corners", [True, False])
def test_components_are_those_of_a_flood_fill(corners):
    """Sparse masks have many parts, dense ones have parts that wind."""
    rng = np.random.default_rng(1)
    for density in np.linspace(0.0, 1.0, 60):
        mask = rng.random((11, 13)) < density
        told = utils.connected_components(mask, corners)
        np.testing.assert_array_equal(told, flood_fill(mask, corners))


def test_things_are_grouped_in_the_order_of_their_first_members():
    """0 and 4 are joined by 5, 1 and 2 directly, 3 is alone."""
    groups = utils.connect(6, np.array([5, 1, 4]), np.array([0, 2, 5]))
    assert groups.tolist() == [0, 1, 1, 2, 0, 0]


def test_chain_in_any_order_is_one_group_and_nothing_joined_is_all_apart():
    links = np.random.default_rng(0).permutation(999)
    assert not utils.connect(1000, links, links + 1).any()
    none = np.zeros(0, int)
    assert utils.connect(3, none, none).tolist() == [0, 1, 2]


# --- the claims -----------------------------------------------------------------------


def made_claim(affected: Rate, rest: Rate) -> Claim:
    return Claim("{digit} with a gap", {"digit": 8}, affected, rest, [3, 70])


@parametrize(
    ("one", "other", "low", "high"),
    [
        (Rate(56, 70), Rate(48, 80), 0.0524, 0.3339),
        (Rate(9, 10), Rate(3, 10), 0.1705, 0.8090),
    ],
)
def test_interval_of_a_difference_is_the_published_one(one, other, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    assert made_claim(one, other).interval == pytest.approx((low, high), abs=5e-5)
    assert made_claim(other, one).interval == pytest.approx((-high, -low), abs=5e-5)


@parametrize(
    ("affected", "rest", "verdict"),
    [
        # The interval's lower end is -0.007, then 0.029
        (Rate(5, 20), Rate(10, 100), "inconclusive"),
        (Rate(6, 20), Rate(10, 100), "confirmed"),
        # Its upper end is 0.0497, then 0.0507; half the rest's share is 0.05
        (Rate(122, 1000), Rate(100, 1000), "refuted"),
        (Rate(123, 1000), Rate(100, 1000), "inconclusive"),
        # 0.040, above half the affected's own share, 0.031; then 0.061
        (Rate(5, 80), Rate(100, 1000), "refuted"),
        (Rate(15, 150), Rate(100, 1000), "inconclusive"),
        # From 0.004 to 0.016: small, but more for certain
        (Rate(1100, 10_000), Rate(10_000, 100_000), "confirmed"),
        (Rate(0, 2000), Rate(60, 7000), "refuted"),
        # However clear, fewer than 20 images decide nothing
        (Rate(19, 19), Rate(0, 1000), "too few images"),
        (Rate(20, 20), Rate(0, 1000), "confirmed"),
        (Rate(0, 19), Rate(900, 1000), "too few images"),
        (Rate(0, 20), Rate(900, 1000), "refuted"),
        (Rate(0, 0), Rate(5, 50), "too few images"),
        # Nothing to compare with, or no errors of which there could be more
        (Rate(25, 50), Rate(0, 0), "inconclusive"),
        (Rate(0, 5000), Rate(0, 5000), "inconclusive"),
    ],
)
def test_verdict_follows_from_the_interval_and_the_number_of_images(
    affected, rest, verdict
):
    assert made_claim(affected, rest).verdict == verdict


def test_claim_in_json_says_what_was_compared_and_found():
    told = made_claim(Rate(56, 70), Rate(48, 80)).as_dict()
    low, high = told.pop("interval")
    assert told.pop("difference") == pytest.approx(0.2)
    assert low == pytest.approx(0.0524, abs=5e-5)
    assert high == pytest.approx(0.3339, abs=5e-5)
    assert told == {
        "claim": "8 with a gap",
        "affected": {"errors": 56, "total": 70},
        "rest": {"errors": 48, "total": 80},
        "verdict": "confirmed",
        "wrong": [3, 70],
    }


def test_claim_about_what_could_not_be_measured_says_so():
    """Where the digit's training images are blank."""
    line = "digit {digit} strongly slanted (over {limit:.1f} degrees)"
    values = {"digit": 8, "limit": math.nan}
    told = Claim(line, values, Rate(0, 30), Rate(0, 30), []).as_dict()
    assert told["claim"] == "digit 8 strongly slanted (over n/a degrees)"


def test_claim_that_compares_with_nothing_has_null_in_json():
    told = made_claim(Rate(5, 50), Rate(0, 0)).as_dict()
    assert told["difference"] is None
    assert told["interval"] == [None, None]


def rows(*groups: tuple[np.ndarray, int]) -> np.ndarray:
    """Images (n, 784), each drawing as often as is said."""
    images = [np.repeat(image, n, axis=0) for image, n in groups]
    return np.concatenate(images).reshape(-1, SIDE * SIDE)


# Of 30, so that the deciles lie a tenth of the way to the next: 0.1 * 29 = 2.9
EXAMPLES = rows(
    (EIGHT, 22),
    (THIN_EIGHT, 3),
    (RIGHT_EIGHT, 2),
    (LEFT_EIGHT, 1),
    (EIGHT_WITH_GAP, 1),
    (THREE_LOOPS, 1),
)
# Drawing, what it shows, how many, how many of them the network gets wrong. Each group
# has its own number of errors, so that none passes for another
TEST_GROUPS = [
    (SIX, 6, 30, 8),
    (EIGHT, 8, 50, 2),
    (EIGHT_WITH_GAP, 8, 20, 13),
    (FIVE_WITH_LOOSE_BAR, 5, 12, 5),
    (THIN_EIGHT, 8, 25, 9),
    (RIGHT_EIGHT, 8, 9, 4),
    (LEFT_EIGHT, 8, 6, 3),
    (SIX, 9, 10, 1),
    (EIGHT_WITH_SPECK, 8, 7, 6),
    (THREE_LOOPS, 8, 11, 10),
    (bar(4), 1, 60, 7),
]


def claims_of_test_groups() -> dict[str, Claim]:
    """The claims about the test groups, by their lines as they are said."""
    images = rows(*((image, n) for image, _, n, _ in TEST_GROUPS))
    digits = []
    wrong = []
    for _, digit, n, errors in TEST_GROUPS:
        digits += [digit] * n
        wrong += [True] * errors + [False] * (n - errors)
    digits = np.array(digits, np.uint8)
    answers = (digits == 8) ^ np.array(wrong)
    claims = utils.examine_claims(8, EXAMPLES, images, digits, answers)
    return {found.line.format(**found.values): found for found in claims}


def test_errors_are_counted_among_the_affected_and_among_the_rest():
    """Of the digit for the first three, of the others, and of all images."""
    told = {line: (c.affected, c.rest) for line, c in claims_of_test_groups().items()}
    assert told == {
        "digit 8 with a gap (closed loops: under 2)": (Rate(13, 20), Rate(34, 108)),
        "digit 8 with very thin lines (under 0.88 pixels)": (
            Rate(9, 25),
            Rate(38, 103),
        ),
        "digit 8 strongly slanted (over 3.6 degrees)": (Rate(7, 15), Rate(40, 113)),
        "6 and 9 taken for 8": (Rate(9, 40), Rate(12, 72)),
        "noisy images (ink outside the main stroke)": (Rate(11, 19), Rate(57, 221)),
    }


def test_errors_among_the_affected_are_listed_by_their_number_in_the_test_set():
    gap, thin, slanted, alike, noisy = claims_of_test_groups().values()
    assert gap.wrong == [*range(80, 93)]
    assert thin.wrong == [*range(112, 121)]
    assert slanted.wrong == [*range(137, 141), *range(146, 149)]
    assert alike.wrong == [*range(8), 152]
    assert noisy.wrong == [*range(100, 105), *range(162, 168)]


def test_limits_are_the_outer_deciles_of_the_training_images():
    """An 8 has 17 pixels and 48 sides, a thin one four sides a pixel."""
    width_of_eight = 2 * 17 / (math.pi / 4 * 48)
    width_of_thin = 2 / (math.pi / 4 * 4)
    slant_of_boxes = 36.4164
    _, thin, slanted, _, _ = claims_of_test_groups().values()
    thin_limit = width_of_thin + 0.9 * (width_of_eight - width_of_thin)
    assert thin.values["limit"] == pytest.approx(thin_limit)
    assert slanted.values["limit"] == pytest.approx(0.1 * slant_of_boxes, abs=1e-5)


def test_gap_is_fewer_loops_than_the_commonest_number_not_others_or_the_median():
    """The training images have 0 0 1 1 2 2 2 loops, of which the median is 1."""
    examples = rows((ONE, 2), (SIX, 2), (EIGHT, 3))
    images = rows((ONE, 4), (SIX, 3), (EIGHT, 5), (THREE_LOOPS, 6))
    eights = np.full(18, 8, np.uint8)
    gap, *_ = utils.examine_claims(8, examples, images, eights, eights == 8)
    assert gap.values["limit"] == 2
    assert gap.affected.total == 4 + 3
    assert gap.rest.total == 5 + 6


def test_one_stray_pixel_of_30_is_noise():
    images = rows((SPECK_OF_30, 3), (EIGHT, 2))
    sixes = np.full(5, 6, np.uint8)
    *_, noisy = utils.examine_claims(8, EXAMPLES, images, sixes, sixes == 0)
    assert noisy.affected.total == 3


@parametrize(
    "measure", [utils.slant, utils.stroke_width, utils.closed_loops, utils.stray_ink]
)
def test_many_images_are_measured_as_each_alone_in_their_order(measure):
    """450 are more than twice what is measured at once."""
    images = np.random.default_rng(0).random((450, 9, 9))
    together = utils._measured(measure, images.reshape(450, 81))
    alone = [measure(image[np.newaxis])[0] for image in images]
    np.testing.assert_allclose(together, alone, rtol=1e-9)
    assert len(set(alone)) > 5


def test_blank_training_images_leave_the_limits_as_they_are():
    sixes = np.full(3, 6, np.uint8)
    test = rows((SIX, 3)), sixes, sixes == 0
    few = rows((SIX, 2), (EIGHT, 9), (RIGHT_EIGHT, 4))
    blank = rows((NOTHING, 3))
    limits = []
    for examples in few, np.concatenate([few, blank]):
        _, thin, slanted, *_ = utils.examine_claims(8, examples, *test)
        limits.append([thin.values["limit"], slanted.values["limit"]])
    assert limits[0] == limits[1]


@parametrize(
    ("digit", "image", "lines"),
    [
        (8, EIGHT, ["with a gap", "thin", "slanted", "6 and 9", "noisy"]),
        (0, SIX, ["with a gap", "thin", "slanted", "noisy"]),
        (1, ONE, ["thin", "slanted", "noisy"]),  # has no loop to lack
        (8, None, ["6 and 9", "noisy"]),  # not among the training images
        (3, None, ["noisy"]),
    ],
)
def test_claims_that_make_no_sense_are_left_out(digit, image, lines):
    examples = rows((SIX, 0)) if image is None else rows((image, 9))
    images = rows((SIX, 3))
    sixes = np.full(3, 6, np.uint8)
    claims = utils.examine_claims(digit, examples, images, sixes, sixes == 0)
    assert len(claims) == len(lines)
    for told, line in zip(claims, lines, strict=True):
        assert line in told.line


def test_image_like_all_training_images_is_affected_by_nothing():
    eights = np.full(30, 8, np.uint8)
    answers = eights == 8
    claims = utils.examine_claims(
        8, rows((EIGHT, 9)), rows((EIGHT, 30)), eights, answers
    )
    gap, thin, slanted, _, noisy = claims
    for told in gap, thin, slanted, noisy:
        assert told.affected == Rate(0, 0), told.line
        assert told.rest == Rate(0, 30), told.line


def test_digit_that_no_test_image_shows_has_too_few_of_it():
    sixes = np.full(40, 6, np.uint8)
    claims = utils.examine_claims(8, EXAMPLES, rows((SIX, 40)), sixes, sixes == 0)
    gap, thin, slanted, *_ = claims
    for told in gap, thin, slanted:
        assert told.affected == Rate(0, 0)
        assert told.verdict == "too few images"


# --- files ----------------------------------------------------------------------------


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"old")
    return tmp_path / "file"


@parametrize(
    ("text", "path"),
    [
        ("~", "/made"),
        ("~/runs/~", "/made/runs/~"),
        ("runs/~", "runs/~"),
        ("~no-such-user/runs", "~no-such-user/runs"),
    ],
)
def test_tilde_is_home_where_it_comes_first(monkeypatch, text, path):
    monkeypatch.setenv("HOME", "/made")
    monkeypatch.setenv("USERPROFILE", "/made")  # the same on Windows
    assert utils.user_path(text) == Path(path)


def test_file_takes_its_name_only_when_it_is_whole(old_file):
    with atomic_write(old_file) as file:
        file.write(b"new")
        file.flush()
        assert old_file.read_bytes() == b"old"
        # Beside it, as a file is moved only within a file system
        assert Path(file.name).parent == old_file.parent
    assert old_file.read_bytes() == b"new"
    assert list(old_file.parent.iterdir()) == [old_file]


def test_bytes_are_on_the_disk_before_the_file_takes_its_name(old_file, monkeypatch):
    """Or a power cut leaves an empty file in the place of the old one."""
    seen = []

    def fsync(descriptor: int) -> None:
        size = os.fstat(descriptor).st_size
        seen.append((size, old_file.read_bytes()))

    monkeypatch.setattr(os, "fsync", fsync)
    with atomic_write(old_file) as file:
        file.write(b"newer")
    assert seen == [(5, b"old")]


@parametrize("error", [KeyboardInterrupt(), ZeroDivisionError()])
def test_block_that_ends_with_an_error_leaves_the_old_file_alone(old_file, error):
    with pytest.raises(type(error)), atomic_write(old_file) as file:
        file.write(b"new")
        raise error
    assert old_file.read_bytes() == b"old"
    assert list(old_file.parent.iterdir()) == [old_file]


@parametrize("where", ["os.fsync", "pathlib.Path.replace"])
def test_disk_that_fails_is_told_in_a_line_and_leaves_the_old_file_alone(
    old_file, monkeypatch, where
):
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(where, Mock(side_effect=full))
    with pytest.raises(UserError) as refused, atomic_write(old_file) as file:
        file.write(b"new")
    reason = "No space left on device; choose another place"
    assert str(refused.value) == f"cannot write {old_file}: {reason}"
    assert old_file.read_bytes() == b"old"
    assert list(old_file.parent.iterdir()) == [old_file]


def test_error_without_a_system_text_is_told_in_its_own_words(old_file):
    with pytest.raises(UserError, match="own words; choose"), atomic_write(old_file):
        raise OSError("own words")


def test_directory_is_made(tmp_path):
    utils.write_text(tmp_path / "runs" / "first" / "log", "new")
    assert (tmp_path / "runs" / "first" / "log").read_text() == "new"
    utils.write_text(tmp_path / "runs" / "first" / "log", "newer")
    assert (tmp_path / "runs" / "first" / "log").read_text() == "newer"


def test_place_that_can_take_no_file_is_told(old_file):
    with pytest.raises(UserError, match=f"^cannot write {old_file / 'log'}: "):
        utils.write_text(old_file / "log", "new")
    with pytest.raises(UserError, match=f"^cannot write {old_file.parent}: "):
        utils.write_text(old_file.parent, "new")
    assert list(old_file.parent.iterdir()) == [old_file]


@parametrize("target", ["file", "elsewhere/not/there/yet"])
def test_link_stays_and_what_it_points_at_is_written(old_file, target):
    link = old_file.with_name("link")
    link.symlink_to(target)
    utils.write_text(link, "new")
    assert link.is_symlink()
    assert (old_file.parent / target).read_text() == "new"


@parametrize("name", ["file", "\N{CYRILLIC SMALL LETTER ZHE}" * 127 + "x"])
def test_two_writers_of_one_file_do_not_meet_and_the_later_wins(tmp_path, name):
    """Also where the name is as long as names may be, 255 bytes."""
    path = tmp_path / name
    with atomic_write(path) as first, atomic_write(path) as second:
        first.write(b"first, and longer")
        second.write(b"second")
    assert path.read_bytes() == b"first, and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_text_is_utf8_and_what_no_encoding_has_is_written_escaped(tmp_path):
    utils.write_text(tmp_path / "log", "\N{CYRILLIC SMALL LETTER ZHE} \udcff\n")
    assert (tmp_path / "log").read_bytes() == b"\xd0\xb6 \\udcff\n"


# --- the screen and the log -----------------------------------------------------------


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_log_has_what_was_logged_and_the_screen_all():
    stream = io.StringIO()
    out = Output("en", stream)
    out.log("Epoch {epoch}/15, loss: {loss:.6f}", epoch=1, loss=0.0872341)
    out.log()
    out.log("{art}", art="two\nlines")
    out.screen("Written: {path}", path="/somewhere")
    log = "Epoch 1/15, loss: 0.087234\n\ntwo\nlines\n"
    assert out.contents() == log
    assert stream.getvalue() == f"{log}Written: /somewhere\n"


def test_output_speaks_its_language_everywhere(russian_file):
    stream = Terminal()
    out = Output("ru", stream)
    out.log("Training:")
    out.screen("Training:")
    out.progress("Training:", 0.5)
    assert out.translate("Training:") == "Обучение:"
    assert out.contents() == "Обучение:\n"
    assert stream.getvalue().count("Обучение:") == 3


def test_names_steer_no_terminal_on_the_screen_or_in_the_log():
    stream = io.StringIO()
    out = Output("en", stream)
    out.log("Data:\n{name}", name=f"\x1b[31m\x7f\x9b\r\t\udcff Ж{NO_BREAK_SPACE}8")
    log = f"Data:\n\\x1b[31m\\x7f\\x9b\\r\\t\\udcff Ж{NO_BREAK_SPACE}8\n"
    assert out.contents() == log
    assert stream.getvalue() == log


@parametrize(
    ("screen", "term", "waits", "shown"),
    [
        (Terminal, "xterm", 0, "\x1b[KEpoch 1   0%\r\x1b[KEpoch 1  50%\r\x1b[Kdone\n"),
        (Terminal, "xterm", 49.5, "\x1b[KEpoch 1   0%\r\x1b[Kdone\n"),
        (Terminal, "dumb", 0, "done\n"),
        (io.StringIO, "xterm", 0, "done\n"),
    ],
)
def test_progress_shows_on_a_terminal_now_and_then_and_gives_way_to_a_line(
    monkeypatch, screen, term, waits, shown
):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(utils, "SECONDS_BETWEEN", waits)
    monkeypatch.setattr(utils.time, "monotonic", iter([1.0, 50.0]).__next__)
    stream = screen()
    out = Output("en", stream)
    out.progress("Epoch {n}", 0, n=1)
    out.progress("Epoch {n}", 0.5, n=1)
    out.log("done")
    assert stream.getvalue() == shown
    assert out.contents() == "done\n"


@parametrize(
    ("screen", "shown"),
    [(Terminal, "\r\x1b[Kbeware of \\x07\n"), (io.StringIO, "beware of \\x07\n")],
)
def test_warning_takes_the_place_of_a_line_of_progress(monkeypatch, screen, shown):
    stream = screen()
    monkeypatch.setattr(sys, "stderr", stream)
    utils.warn("beware of \x07")
    assert stream.getvalue() == shown


def test_ascii_art_stands_side_by_side_two_rows_to_a_line_cut_to_the_ink():
    images = np.zeros((2, 8, 6))
    images[0, 1:3, 1:4] = 1  # full ink: #
    images[0, 3:5, 1] = 0.4  # 0.4 of the ramp of five steps: :
    images[0, 3, 3] = 1  # half of its pair of rows: 2.5 of 5, rounded to even
    images[1, 5, 1] = 1  # the last of an odd number of rows
    art = utils.ascii_art(images, ["One:", "B"])
    assert art.split("\n") == ["One:  B", "###", ": :", "      :"]


def test_ascii_art_wider_than_its_captions_keeps_them_apart():
    art = utils.ascii_art(np.ones((2, 2, 5)), ["A", "B"])
    assert art.split("\n") == ["A      B", "#####  #####"]


def test_table_has_its_first_column_to_the_left_and_the_others_to_the_right():
    text = utils.table([["", "n", "share"], ["gap", "1,000", "2%"], ["thin", "3", ""]])
    assert text.split("\n") == [
        "          n  share",
        "gap   1,000     2%",
        "thin      3",
    ]


# --- leaving a script -----------------------------------------------------------------


@pytest.fixture
def script(root, tmp_path, monkeypatch) -> Callable[[str], Path]:
    """Write script.py with this body of main into the directory of the test.

    A stand-in for NumPy makes it start quickly.
    """
    monkeypatch.setenv("PYTHONPATH", str(root))
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "numpy.py").write_text("ndarray = object")

    def write(body: str) -> Path:
        path = tmp_path / "script.py"
        start = "import os, signal, sys, time\nfrom utils import *\ndef main():\n"
        path.write_text(f"{start}{body}\nrun_script(main)\n", encoding="utf-8")
        return path

    return write


needs_posix = pytest.mark.skipif(os.name != "posix", reason="of shells and signals")
HELP = "ArgumentParser('', '').parse_args(['--help'])"
LOG = "out = Output(); out.log('x'); out.log('y'); return 7"


@needs_posix
@parametrize(
    ("body", "code", "error"),
    [
        ("return 0", 0, None),
        ("return 130", 130, None),
        ("raise UserError('no such file')", 2, "no such file"),
        ("raise UserError('a\\nname\\x1b[1m')", 2, "a\\nname\\x1b[1m"),
        ("raise UserError('\\udcff')", 2, "\\udcff"),
        ("raise UserError('Ж')", 2, "\\u0416"),  # a console without Cyrillic
        (
            "ArgumentParser('', '').parse_args(['--x'])",
            2,
            "unrecognized arguments: --x (--help lists the options)",
        ),
        (
            "raise MemoryError",
            2,
            "not enough memory; take fewer images, or a smaller network",
        ),
        ("open('/absent/a\\tb')", 2, "/absent/a\\tb: No such file or directory"),
        ("raise OSError('own words')", 2, "own words"),
        ("raise OSError", 2, "OSError"),
    ],
)
def test_script_leaves_with_its_code_and_an_error_in_one_line(
    script, body, code, error
):
    done = subprocess.run(
        [sys.executable, script(f"    {body}")], capture_output=True, text=True
    )
    assert done.stderr == (f"script.py: error: {error}\n" if error else "")
    assert done.returncode == code


def test_bug_keeps_its_traceback(script):
    path = script("    raise ZeroDivisionError")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.stderr.startswith("Traceback")
    assert done.returncode == 1


def test_console_without_cyrillic_does_not_end_a_run(script):
    path = script("    Output().log('Ж8'); return 0")
    done = subprocess.run([sys.executable, path], capture_output=True, text=True)
    assert done.stdout == "?8\n"
    assert done.stderr == ""
    assert done.returncode == 0


def test_stdout_that_is_no_file_of_pythons_own_will_do(monkeypatch):
    """Such as IDLE's, which has no encoding to set."""
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with pytest.raises(SystemExit) as left:
        utils.run_script(lambda: 5)
    assert left.value.code == 5


@needs_posix
@parametrize("body", ["print('x'); return 0", "print('x', flush=True)", LOG, HELP])
@parametrize(
    ("place", "reason"),
    [
        ("/dev/full", "No space left on device"),
        ("a reader that left", "Broken pipe"),  # as `| head` does
    ],
)
def test_output_that_cannot_be_written_is_an_error_in_one_line(
    script, body, place, reason
):
    """And Python does not complain of it once more at its end."""
    path = script(f"    {body}")
    if place == "/dev/full":
        if not Path(place).exists():
            pytest.skip("needs /dev/full")
        target = os.open(place, os.O_WRONLY)
    else:
        reader, target = os.pipe()
        os.close(reader)
    done = subprocess.run(
        [sys.executable, path], stdout=target, stderr=subprocess.PIPE, text=True
    )
    os.close(target)
    assert done.stderr == f"script.py: error: {reason}\n"
    assert done.returncode == 2


@needs_posix
@parametrize(
    "body", ["print('x'); return 7", LOG, "Output().progress('x', 0.5); return 7"]
)
def test_closed_stdout_takes_what_is_printed_without_an_error(script, body):
    script(f"    {body}")
    command = '"$0" script.py >&-'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.returncode == 7


# --- Ctrl-C ---------------------------------------------------------------------------

WORK = "    print('begun', flush=True); time.sleep(10)"
WORK_AND_A_LAST_WORD = """
    try:
        print('begun', flush=True); time.sleep(10)
    except KeyboardInterrupt:
        time.sleep(0.3)  # for tee, which does not wait
        Output().screen('To resume: ...')
        raise"""
CTRL_C = "    signal.raise_signal(signal.SIGINT); time.sleep(10)"


def start(*command: str | Path) -> subprocess.Popen:
    """A process that takes Ctrl-C, and leads a group that a terminal would send it to.

    In the background of a shell script SIGINT is ignored, and children inherit that.
    """
    return subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


@needs_posix
@parametrize(
    ("body", "last_word"), [(WORK, ""), (WORK_AND_A_LAST_WORD, "To resume: ...\n")]
)
def test_script_dies_of_ctrl_c_with_the_last_word_of_its_main_alone(
    script, body, last_word
):
    process = start(sys.executable, script(body))
    assert process.stdout.readline() == "begun\n"
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert output == last_word
    assert errors == ""
    assert process.returncode == -signal.SIGINT


@needs_posix
@pytest.mark.skipif(not shutil.which("bash"), reason="needs bash")
@parametrize("run", ['"$0" script.py', '"$0" script.py | tee copy'])
@parametrize("body", [WORK, WORK_AND_A_LAST_WORD])
def test_one_ctrl_c_ends_a_shells_loop_of_runs(script, body, run):
    """Bash goes on with the loop unless the script dies of the signal.

    So it must where its reader has died first, and its last word reaches nobody.
    """
    script(body)
    loop = f"for d in 0 1 2; do {run}; done; echo after"
    process = start("bash", "-c", loop, sys.executable)
    assert process.stdout.readline() == "begun\n"
    os.killpg(process.pid, signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert "begun" not in output
    assert "after" not in output
    assert errors == ""
    assert process.returncode == -signal.SIGINT


# As a notebook or Spyder: it has a handler and a hook of its own
HOST = """
import runpy, signal, sys

def handler(number, frame):
    raise KeyboardInterrupt

def hook(*error):
    print("the hook of the host")

signal.signal(signal.SIGINT, handler)
sys.excepthook = hook
try:
    {run}
except BaseException as error:
    print(type(error).__name__)
print("handler kept:", signal.getsignal(signal.SIGINT) is handler)
print("hook kept:", sys.excepthook is hook)
"""


@needs_posix
@parametrize(
    "run",
    [
        "runpy.run_path('script.py', run_name='__main__')",
        "exec(compile(open('script.py').read(), 'script.py', 'exec'), {})",
    ],
)
@parametrize(
    ("body", "ends_with"),
    [
        (CTRL_C, "KeyboardInterrupt"),
        ("    return 0", "SystemExit"),
        ("    raise UserError('bad')", "SystemExit"),
    ],
)
def test_host_that_runs_a_script_lives_and_is_as_before(
    script, tmp_path, run, body, ends_with
):
    script(body)
    (tmp_path / "host.py").write_text(HOST.replace("{run}", run))
    process = start(sys.executable, "host.py")
    output, _ = process.communicate(timeout=60)
    told = output.splitlines()
    assert told == [ends_with, "handler kept: True", "hook kept: True"]
    assert process.returncode == 0


@needs_posix
@parametrize(
    ("body", "shown"),
    [(CTRL_C, "KeyboardInterrupt"), ("    return 0", "SystemExit: 0")],
)
def test_prompt_after_a_script_is_as_before(script, body, shown):
    process = start(sys.executable, "-i", script(body))
    output, errors = process.communicate(
        """\
print("hook kept:", sys.excepthook is sys.__excepthook__)
print("handler kept:", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
""",
        timeout=60,
    )
    assert output.splitlines() == ["hook kept: True", "handler kept: True"]
    assert shown in errors
    assert process.returncode == 0
