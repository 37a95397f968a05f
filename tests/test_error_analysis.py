"""The shape measures on drawn shapes, the intervals on published numbers, the claims on both."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from mnist_loader import DATA_DIR, load_dataset
from train_network import main
from utils import (
    MESSAGES,
    Claim,
    ErrorRate,
    closed_loops,
    connected_components,
    examine_claims,
    slant,
    stray_ink,
    stroke_width,
)

SIDE = 28


def drawing(*rows: str) -> np.ndarray:
    """An image (1, 28, 28) with the drawing in its middle: # is ink."""
    image = np.zeros((SIDE, SIDE), np.float32)
    top, left = (SIDE - len(rows)) // 2, (SIDE - len(rows[0])) // 2
    for y, row in enumerate(rows):
        for x, character in enumerate(row):
            image[top + y, left + x] = character == "#"
    return image[np.newaxis]


def bar(width: float, lean: float = 0.0, length: int = 20) -> np.ndarray:
    """A bar (1, 28, 28), `lean` pixels to the right for each pixel up, with soft edges."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float) - (SIDE - 1) / 2
    from_axis = np.abs(x + lean * y)
    inside = np.clip(width / 2 - from_axis + 0.5, 0, 1) * (np.abs(y) <= length / 2)
    return inside[np.newaxis].astype(np.float32)


EIGHT = drawing(".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###.")
EIGHT_WITH_GAP = drawing(".####", "#....", "#....", ".###.", "#...#", "#...#", ".###.")
SIX = drawing("#....", "#....", "####.", "#...#", "####.")
ONE = drawing("#", "#", "#", "#", "#", "#", "#")
FILLED_EIGHT = drawing(".###.", "#####", ".###.", "#...#", ".###.")
FIVE_WITH_LOOSE_BAR = drawing("#.###", "#....", "###..", "...#.", "###..")


# --- shape ------------------------------------------------------------------------------------


@pytest.mark.parametrize("lean", [-0.6, -0.2, 0.0, 0.3, 0.7])
def test_slant_of_a_leaning_bar_is_its_angle(lean):
    assert slant(bar(3, lean))[0] == pytest.approx(math.degrees(math.atan(lean)), abs=0.5)


def test_slant_does_not_depend_on_place_or_darkness():
    image = bar(3, 0.3, length=12)
    assert slant(np.roll(image, (3, -4), axis=(1, 2))) == pytest.approx(slant(image), abs=1e-3)
    assert slant(0.4 * image) == pytest.approx(slant(image), abs=1e-3)


def test_an_upright_symmetric_shape_has_no_slant():
    assert slant(EIGHT)[0] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_stroke_width_of_a_long_bar_is_2_area_over_perimeter(width):
    length = 24
    image = np.zeros((1, SIDE, SIDE))
    image[0, 2 : 2 + length, 5 : 5 + width] = 1
    corners = 4 / math.sqrt(2) - 4  # Duda's weights cut the four corners
    expected = 2 * width * length / (2 * (width + length) + corners)
    assert stroke_width(image)[0] == pytest.approx(expected)
    assert stroke_width(image)[0] == pytest.approx(width, rel=0.15)


def test_stroke_width_of_a_slanting_bar_is_that_across_it():
    lean = 1.0
    across = 3 / math.hypot(1, lean)
    assert stroke_width(bar(3, lean))[0] == pytest.approx(across, rel=0.2)


@pytest.mark.parametrize(
    ("image", "loops"),
    [
        (EIGHT, 2),
        (EIGHT_WITH_GAP, 1),
        (SIX, 1),
        (ONE, 0),
        (FILLED_EIGHT, 1),
        (FIVE_WITH_LOOSE_BAR, 0),
        (np.zeros((1, SIDE, SIDE)), 0),
        (drawing(".#.", "#.#", ".#."), 1),  # corners close a loop
    ],
)
def test_closed_loops_are_counted(image, loops):
    assert closed_loops(image).tolist() == [loops]


def test_ink_at_the_edge_of_the_image_does_not_close_a_loop():
    image = np.zeros((1, SIDE, SIDE))
    image[0, 5, :] = image[0, 15, :] = 1
    assert closed_loops(image).tolist() == [0]


def test_stray_ink_is_the_share_outside_the_largest_part():
    image = drawing("####.", ".....", "...##")
    assert stray_ink(image)[0] == pytest.approx(2 / 6)
    assert stray_ink(np.concatenate([EIGHT, np.zeros_like(EIGHT)])).tolist() == [0, 0]


def test_components_are_those_of_a_flood_fill():
    images = (
        np.random.default_rng(1).random((60, 11, 13)) < np.linspace(0.05, 0.9, 60)[:, None, None]
    )
    for image, numbers in zip(images, connected_components(images), strict=True):
        expected = flood_fill(image)
        pairs = set(zip(numbers.ravel().tolist(), expected.ravel().tolist(), strict=True))
        assert len(pairs) == len({one for one, _ in pairs}) == len({other for _, other in pairs})
        assert set(numbers.ravel()) <= set(range(numbers.max() + 1))
        assert ((numbers == 0) == ~image).all()


def flood_fill(image: np.ndarray) -> np.ndarray:
    numbers = np.zeros(image.shape, int)
    for start in map(tuple, np.argwhere(image)):
        if numbers[start]:
            continue
        number, waiting = numbers.max() + 1, [start]
        while waiting:
            y, x = waiting.pop()
            inside = 0 <= y < image.shape[0] and 0 <= x < image.shape[1]
            if inside and image[y, x] and not numbers[y, x]:
                numbers[y, x] = number
                waiting += [(y + j, x + i) for j in (-1, 0, 1) for i in (-1, 0, 1)]
    return numbers


def test_loops_are_those_of_a_flood_fill_of_the_paper():
    images = np.random.default_rng(2).random((40, 9, 9)) < 0.6
    for image, loops in zip(images, closed_loops(images.astype(float)), strict=True):
        assert holes(image) == loops


def holes(image: np.ndarray) -> int:
    """Parts of the paper, joined along sides, less the one outside."""
    paper = np.pad(~image, 1, constant_values=True)
    count = 0
    while paper.any():
        count += 1
        waiting = [tuple(np.argwhere(paper)[0])]
        while waiting:
            y, x = waiting.pop()
            if 0 <= y < paper.shape[0] and 0 <= x < paper.shape[1] and paper[y, x]:
                paper[y, x] = False
                waiting += [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
    return count - 1


def test_measures_of_no_images_are_empty():
    nothing = np.zeros((0, SIDE, SIDE))
    for measure in slant, stroke_width, closed_loops, stray_ink:
        assert measure(nothing).shape == (0,)


# --- intervals and verdicts -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("errors", "total", "low", "high"),
    [(0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_interval_is_the_published_one(errors, total, low, high):
    """The last two rows: Newcombe, Statistics in Medicine 17 (1998) 857, table I."""
    assert ErrorRate(errors, total).interval == pytest.approx((low, high), abs=5e-5)


def test_interval_of_no_images_is_everything():
    assert ErrorRate(0, 0).interval == (0, 1)
    assert math.isnan(ErrorRate(0, 0).share)


def a_claim(errors: int, total: int, rest_errors: int, rest_total: int) -> Claim:
    return Claim("gap", 2, ErrorRate(errors, total), ErrorRate(rest_errors, rest_total), ())


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090)],
)
def test_interval_of_a_difference_is_the_published_one(counts, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    assert a_claim(*counts).interval == pytest.approx((low, high), abs=5e-5)


@pytest.mark.parametrize(
    ("counts", "verdict"),
    [
        ((60, 100, 100, 1000), "held"),
        ((10, 100, 100, 1000), "too_few"),
        ((100, 1000, 1000, 10000), "not_held"),
        ((0, 2000, 60, 7000), "not_held"),
        ((3, 5, 1, 5), "too_few"),
        ((0, 0, 5, 50), "too_few"),
        ((5, 50, 0, 0), "too_few"),
        ((3, 3, 7, 7), "too_few"),
    ],
)
def test_verdict_follows_from_the_interval(counts, verdict):
    assert a_claim(*counts).verdict == verdict


# --- the claims -------------------------------------------------------------------------------


def labelled(*groups: tuple[np.ndarray, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Images and digits of (drawing, digit, how often)."""
    images = np.concatenate([np.repeat(image, n, axis=0) for image, _, n in groups])
    digits = np.concatenate([np.full(n, digit, np.uint8) for _, digit, n in groups])
    return images.reshape(len(images), -1), digits


def by_name(claims: list[Claim]) -> dict[str, Claim]:
    return {claim.name: claim for claim in claims}


def test_missed_8s_with_a_gap_make_the_claim_hold():
    train = labelled((EIGHT, 8, 30), (ONE, 1, 10))
    test = labelled((EIGHT, 8, 50), (EIGHT_WITH_GAP, 8, 20), (ONE, 1, 50), (SIX, 6, 50))
    answers = np.arange(170) < 50  # the whole 8s are found, those with a gap are not
    claims = by_name(examine_claims(8, train, test, answers))
    assert claims["gap"].affected == ErrorRate(20, 20)
    assert claims["gap"].rest == ErrorRate(0, 50)
    assert claims["gap"].verdict == "held"
    assert claims["gap"].wrong == tuple(range(50, 70))
    assert claims["lookalikes"].affected == ErrorRate(0, 50)
    assert claims["lookalikes"].rest == ErrorRate(0, 50)


def test_noise_is_tested_on_all_digits_and_both_kinds_of_error():
    train = labelled((EIGHT, 8, 5))
    test = labelled((FIVE_WITH_LOOSE_BAR, 5, 4), (EIGHT, 8, 3), (ONE, 1, 2))
    claims = by_name(examine_claims(8, train, test, np.ones(9, bool)))
    assert claims["noise"].affected == ErrorRate(4, 4)
    assert claims["noise"].rest == ErrorRate(2, 5)


def test_limits_come_from_the_training_images_alone():
    bars = [(bar(width), 1, 10) for width in (2, 3, 4, 5)]
    answers = np.zeros(20, bool)
    limits = [
        [claim.limit for claim in examine_claims(1, labelled(*bars), labelled(of_test), answers)]
        for of_test in ((bar(1), 1, 20), (bar(9), 1, 20))
    ]
    assert limits[0] == limits[1]


def test_a_digit_without_loops_is_not_tested_for_gaps():
    train, test = labelled((ONE, 1, 9)), labelled((ONE, 1, 3), (SIX, 6, 3))
    assert "gap" not in by_name(examine_claims(1, train, test, np.zeros(6, bool)))


def test_no_training_image_of_the_digit_leaves_only_what_needs_none():
    train, test = labelled((ONE, 1, 9)), labelled((ONE, 1, 3), (SIX, 6, 3))
    claims = by_name(examine_claims(8, train, test, np.zeros(6, bool)))
    assert list(claims) == ["lookalikes", "noise"]


@pytest.mark.parametrize("digit", range(10))
def test_every_digit_can_be_examined(digit):
    groups = [(image, d, 3) for d, image in enumerate([EIGHT, ONE, SIX, EIGHT_WITH_GAP] * 3)][:10]
    claims = examine_claims(digit, labelled(*groups), labelled(*groups), np.zeros(30, bool))
    assert {claim.verdict for claim in claims} <= {"held", "not_held", "too_few"}
    json.dumps([claim.as_dict() for claim in claims], allow_nan=False)
    for messages in MESSAGES.values():
        assert all(f"claim_{claim.name}" in messages for claim in claims)


# --- on real MNIST ----------------------------------------------------------------------------

needs_mnist = pytest.mark.skipif(
    not list(DATA_DIR.glob("t10k-images*")), reason="MNIST's files are not there"
)


@needs_mnist
def test_most_digits_of_mnist_have_the_loops_of_the_printed_digit():
    test = load_dataset(None, "mnist", 1, 2000).test
    loops = closed_loops(test.images.reshape(-1, SIDE, SIDE))
    for digit, printed in {0: 1, 1: 0, 3: 0, 5: 0, 6: 1, 7: 0, 8: 2, 9: 1}.items():
        assert np.bincount(loops[test.digits == digit]).argmax() == printed


@needs_mnist
@pytest.mark.parametrize(
    ("language", "words"),
    [("en", ("held", "too few to tell")), ("ru", ("подтвердилось", "слишком мало"))],
)
def test_the_log_and_the_metrics_tell_each_verdict(tmp_path, language, words):
    arguments = ["--epochs", "1", "--train-size", "300", "--test-size", "300", "--lang", language]
    assert main([*arguments, "--output-dir", str(tmp_path)]) == 0
    log = (tmp_path / "training_log.txt").read_text(encoding="utf-8")
    assert any(word in log for word in words)
    assert max(map(len, log.splitlines())) <= 140
    analysis = json.loads((tmp_path / "metrics.json").read_text())["error_analysis"]
    names = [claim["name"] for claim in analysis]
    assert names == ["gap", "thin", "slant", "lookalikes", "noise"]
    assert all(claim["verdict"] for claim in analysis)
