"""utils: metrics by hand, shapes on drawings, intervals as published, safe writes, the screen."""

from __future__ import annotations

import errno
import io
import json
import math
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest

import utils
from utils import Claim, Evaluation, Language, Output, Rate, UserError, atomic_write

parametrize = pytest.mark.parametrize

# --- metrics ----------------------------------------------------------------------------------

PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.4, 0.7, 0.65, 0.2, 0.1, 0.05, 0.0])
TARGETS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])


@parametrize(
    (
        "threshold",
        "counts",
        "only",
    ),  # true and false positives, false and true negatives
    [
        *[
            (0.5, (3, 2, 1, 4), None),
            (0.6, (2, 2, 2, 4), None),
            (0.35, (4, 2, 0, 4), None),
        ],
        *[(0.95, (0, 0, 4, 6), "no"), (0, (4, 6, 0, 0), "yes")],
    ],
)
def test_confusion_counts_are_those_counted_by_hand(threshold, counts, only):
    """0.5 itself is a yes at the threshold 0.5."""
    r = Evaluation.of(PROBABILITIES, TARGETS, threshold)
    told = r.true_positives, r.false_positives, r.false_negatives, r.true_negatives
    assert (told, r.threshold, r.only_answer) == (counts, threshold, only)


def test_ratios_are_those_computed_by_hand():
    result = Evaluation.of(PROBABILITIES, TARGETS)
    squares = [0.01, 0.04, 0.25, 0.36, 0.49, 0.4225, 0.04, 0.01, 0.0025, 0]
    by_hand = {"positives": 4, "negatives": 6, "total": 10, "correct": 7}
    by_hand |= {
        "accuracy": 0.7,
        "majority_share": 0.6,
        "precision": 3 / 5,
        "recall": 3 / 4,
    }
    by_hand |= {"f1": 2 * 0.6 * 0.75 / (0.6 + 0.75), "loss": sum(squares) / 10}
    by_hand |= {"roc_auc": 20 / 24}  # 0.5 and 0.4 each lose to 0.7 and 0.65
    assert {name: getattr(result, name) for name in by_hand} == pytest.approx(by_hand)
    other = Evaluation.of(PROBABILITIES, 1 - TARGETS)
    assert (result.usual_answer, other.usual_answer, other.majority_share) == (
        "no",
        "yes",
        0.6,
    )


@pytest.mark.filterwarnings("error")
@parametrize("target", [0, 1])
def test_ratios_that_do_not_exist_are_nan_and_null_in_json(target):
    result = Evaluation.of(np.array([0.1, 0.2]), np.array([target, target]))
    values = json.loads(json.dumps(result.as_dict(), allow_nan=False))
    missing = {"precision", "roc_auc"} | ({"recall", "f1"} if target == 0 else set())
    assert {name for name, value in values.items() if value is None} == missing
    assert all(math.isnan(getattr(result, name)) for name in missing)
    assert (values["total"], "scores" in values) == (2, False)


@parametrize("levels", [1, 2, 5, 1000])
def test_roc_auc_is_how_often_a_positive_scores_above_a_negative(levels):
    """Pair by pair, a tie counting half; few levels make many ties."""
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores, targets = rng.integers(0, levels, 40) / levels, rng.random(40) < 0.3
        pairs = [
            (p > n) + (p == n) / 2 for p in scores[targets] for n in scores[~targets]
        ]
        assert utils.roc_auc(scores, targets) == pytest.approx(
            sum(pairs) / len(pairs), rel=1e-12
        )


def test_roc_auc_of_nan_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        utils.roc_auc(np.array([0.1, math.nan]), np.array([0, 1]))


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


# --- shapes -----------------------------------------------------------------------------------

SIDE = 28


def drawing(*rows: str) -> np.ndarray:
    """An image (1, 28, 28) with the drawing in its middle: # is ink."""
    image = np.zeros((1, SIDE, SIDE), np.float32)
    ink = np.array([[character == "#" for character in row] for row in rows])
    top, left = (SIDE - len(rows)) // 2, (SIDE - len(rows[0])) // 2
    image[0, top : top + len(rows), left : left + len(rows[0])] = ink
    return image


def bar(width: float, lean: float = 0.0, length: int = 20) -> np.ndarray:
    """A bar (1, 28, 28), `lean` pixels to the right for each pixel up, with soft edges."""
    y, x = np.mgrid[:SIDE, :SIDE].astype(float) - (SIDE - 1) / 2
    inside = np.clip(width / 2 - np.abs(x + lean * y) + 0.5, 0, 1) * (
        np.abs(y) <= length / 2
    )
    return inside[np.newaxis].astype(np.float32)


NOTHING = np.zeros((1, SIDE, SIDE), np.float32)
EIGHT = drawing(".###.", "#...#", "#...#", ".###.", "#...#", "#...#", ".###.")
EIGHT_WITH_GAP = drawing(".####", "#....", "#....", ".###.", "#...#", "#...#", ".###.")
SIX = drawing("#....", "#....", "####.", "#...#", "####.")
ONE = drawing("#", "#", "#", "#", "#", "#", "#")
FIVE_WITH_LOOSE_BAR = drawing("#.###", "#....", "###..", "...#.", "###..")


@parametrize("lean", [-0.6, -0.2, 0.0, 0.3, 0.7])
def test_slant_of_a_leaning_bar_is_its_angle_wherever_and_however_dark(lean):
    angle, image = math.degrees(math.atan(lean)), bar(3, lean, length=12)
    elsewhere = 0.4 * np.roll(image, (3, -4), axis=(1, 2))
    assert utils.slant(image)[0] == pytest.approx(angle, abs=0.5)
    assert utils.slant(elsewhere) == pytest.approx(utils.slant(image), abs=1e-3)


@parametrize("width", [1, 2, 3, 4])
def test_stroke_width_is_twice_the_area_by_the_outline(width):
    rectangle = drawing(*["#" * width] * 20)
    expected = 2 * 20 * width / (math.pi / 4 * 2 * (20 + width))
    assert utils.stroke_width(rectangle)[0] == pytest.approx(expected)
    radius = np.hypot(*(np.mgrid[:SIDE, :SIDE] - (SIDE - 1) / 2))
    ring = (np.abs(radius - 9) <= width / 2)[
        np.newaxis
    ]  # whose outline runs in all directions
    assert utils.stroke_width(ring)[0] == pytest.approx(width, rel=0.15)


def test_closed_loops_are_counted_and_ink_outside_the_largest_part_is_measured():
    shapes = [  # loops, and the share of the ink
        (EIGHT, 2, 0),
        (EIGHT_WITH_GAP, 1, 0),
        (SIX, 1, 0),
        (ONE, 0, 0),
        (FIVE_WITH_LOOSE_BAR, 0, 3 / 12),
        (NOTHING, 0, 0),
        (
            drawing(".#.", "#.#", ".#."),
            1,
            0,
        ),  # corners close a loop, and hold ink together
        (
            drawing("#" * SIDE, *["." * SIDE] * 9, "#" * SIDE),
            0,
            1 / 2,
        ),  # the edge closes none
        (drawing("##...", ".....", ".####"), 0, 2 / 6),
    ]
    images, loops, stray = zip(*shapes, strict=True)
    assert utils.closed_loops(np.concatenate(images)).tolist() == list(loops)
    assert utils.stray_ink(np.concatenate(images)).tolist() == pytest.approx(stray)


def flood_fill(mask: np.ndarray, corners: bool) -> np.ndarray:
    """`connected_components` of one mask, pixel by pixel."""
    numbers = np.zeros(mask.shape, int)
    steps = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1) if corners or not y * x]
    for start in map(tuple, np.argwhere(mask)):
        number, waiting = numbers.max() + 1, [start] * (not numbers[start])
        while waiting:
            y, x = waiting.pop()
            if (
                0 <= y < mask.shape[0]
                and 0 <= x < mask.shape[1]
                and mask[y, x] > numbers[y, x]
            ):
                numbers[y, x] = number
                waiting += [(y + j, x + i) for j, i in steps]
    return numbers


@parametrize("corners", [True, False])
def test_components_are_those_of_a_flood_fill(corners):
    density = np.linspace(0.05, 0.9, 60)[:, np.newaxis, np.newaxis]
    for mask in np.random.default_rng(1).random((60, 11, 13)) < density:
        expected = flood_fill(mask, corners)
        np.testing.assert_array_equal(
            utils.connected_components(mask, corners), expected
        )


# --- the claims -------------------------------------------------------------------------------


@parametrize(
    ("counts", "low", "high"),
    [((56, 70, 48, 80), 0.0524, 0.3339), ((9, 10, 3, 10), 0.1705, 0.8090)],
)
def test_interval_of_a_difference_is_the_published_one(counts, low, high):
    """Newcombe, Statistics in Medicine 17 (1998) 873, table II, method 10."""
    one, other = Rate(*counts[:2]), Rate(*counts[2:])
    assert Claim("", "", {}, one, other, []).interval == pytest.approx(
        (low, high), abs=5e-5
    )
    assert Claim("", "", {}, other, one, []).interval == pytest.approx(
        (-high, -low), abs=5e-5
    )


@parametrize(
    ("affected", "rest", "verdict"),
    [
        (Rate(60, 100), Rate(100, 1000), "confirmed"),
        (Rate(10, 100), Rate(100, 1000), "inconclusive"),
        (Rate(100, 1000), Rate(1000, 10000), "refuted"),
        (Rate(0, 2000), Rate(60, 7000), "refuted"),
        (Rate(3, 5), Rate(1, 5), "inconclusive"),
        (Rate(0, 0), Rate(5, 50), "inconclusive"),
        (Rate(5, 50), Rate(0, 0), "inconclusive"),
        (Rate(3, 3), Rate(7, 7), "inconclusive"),
    ],
)
def test_verdict_follows_from_the_interval(affected, rest, verdict):
    told = Claim("gap", "", {}, affected, rest, []).as_dict()
    assert told["verdict"] == verdict
    assert told["affected"] == {"errors": affected.count, "total": affected.total}
    json.dumps(told, allow_nan=False)


def labelled(*groups: tuple[np.ndarray, int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Images and digits of (drawing, digit, how often)."""
    images = np.concatenate([np.repeat(image, n, axis=0) for image, _, n in groups])
    digits = np.concatenate([np.full(n, digit, np.uint8) for _, digit, n in groups])
    return images.reshape(len(images), -1), digits


def test_errors_are_counted_among_the_affected_and_among_the_rest():
    """Every group of test images has its own number of errors, so that none passes for another."""
    groups = {  # drawing, digit, how many, how many of them got wrong
        "whole": (EIGHT, 8, 50, 2),
        "gap": (EIGHT_WITH_GAP, 8, 20, 13),
        "to the right": (bar(1, 0.9), 8, 9, 4),
        "to the left": (bar(1, -0.9), 8, 6, 3),
        "six": (SIX, 6, 30, 3),
        "nine": (SIX, 9, 10, 1),
        "five": (FIVE_WITH_LOOSE_BAR, 5, 12, 5),
        "one": (bar(4), 1, 40, 4),
    }
    train = labelled((EIGHT, 8, 30), (ONE, 1, 10))
    test = labelled(*(group[:3] for group in groups.values()))
    wrong = np.concatenate([np.arange(n) < errors for *_, n, errors in groups.values()])
    claims = utils.examine_claims(8, train, test, (test[1] == 8) ^ wrong)

    told = {claim.name: (claim.affected, claim.rest) for claim in claims}
    assert told["gap"] == (Rate(20, 35), Rate(2, 50))
    assert told["slant"] == (Rate(7, 15), Rate(15, 70))
    assert told["lookalikes"] == (Rate(4, 40), Rate(9, 52))
    assert told["noise"] == (Rate(5, 12), Rate(30, 165))
    assert claims[0].wrong == [*range(50, 63), *range(70, 74), *range(79, 82)]


def test_thin_and_slanted_are_those_beyond_the_outer_decile_of_the_training_images():
    leans = np.linspace(-0.6, 0.3, 20)
    train = labelled(
        *((bar(3 + n / 5, lean), 8, 1) for n, lean in enumerate(leans)), (ONE, 1, 9)
    )
    test = labelled((bar(1), 8, 6), (bar(5), 8, 4), (bar(1), 3, 9))
    claims = utils.examine_claims(8, train, test, np.arange(19) >= 5)
    thin, slanted = (claim for claim in claims if claim.name in ("thin", "slant"))
    assert (thin.affected, thin.rest) == (Rate(5, 6), Rate(0, 4))
    examples = train[0][:20].reshape(20, SIDE, SIDE)
    widths, angles = utils.stroke_width(examples), np.abs(utils.slant(examples))
    assert thin.fields["limit"] == pytest.approx(np.quantile(widths, 0.1))
    assert slanted.fields["limit"] == pytest.approx(np.quantile(angles, 0.9))


@parametrize(
    ("digit", "image", "names"),
    [
        (8, EIGHT, ["gap", "thin", "slant", "lookalikes", "noise"]),
        (1, ONE, ["thin", "slant", "lookalikes", "noise"]),  # has no loop to lack
        (3, ONE, ["lookalikes", "noise"]),  # not among the training images
    ],
)
def test_claims_that_make_no_sense_are_left_out(digit, image, names):
    train, test = (
        labelled((image, digit if digit != 3 else 1, 9)),
        labelled((SIX, 6, 3)),
    )
    claims = utils.examine_claims(digit, train, test, np.zeros(3, bool))
    assert [claim.name for claim in claims] == names


# --- files ----------------------------------------------------------------------------------


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    (tmp_path / "file").write_bytes(b"old")
    return tmp_path / "file"


@parametrize("name", ["file", "link"])
def test_file_takes_its_name_only_when_the_block_ends(old_file, name):
    link = old_file.with_name("link")
    link.symlink_to(old_file)  # keeps its place: what it points at is replaced
    with atomic_write(old_file.with_name(name)) as file:
        file.write(b"new")
        file.flush()
        assert old_file.read_bytes() == b"old"
    assert (old_file.read_bytes(), link.is_symlink()) == (b"new", True)
    assert sorted(old_file.parent.iterdir()) == [old_file, link]


@parametrize(
    "where", [None, "os.fsync", "pathlib.Path.replace"]
)  # None: in the block itself
@parametrize(
    ("error", "expected", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left"),
            UserError,
            "^cannot write {file}: No space left",
        ),
        (KeyboardInterrupt(), KeyboardInterrupt, None),
    ],
)
def test_failed_write_leaves_the_old_file_alone(
    old_file, monkeypatch, where, error, expected, told
):
    with (
        pytest.raises(expected, match=told and told.format(file=old_file)),
        atomic_write(old_file) as file,
    ):
        file.write(b"new")
        if where is None:
            raise error
        monkeypatch.setattr(where, Mock(side_effect=error))
    assert old_file.read_bytes() == b"old"
    assert list(old_file.parent.iterdir()) == [old_file]


@parametrize(
    "name", ["file", "\N{CYRILLIC SMALL LETTER ZHE}" * 127 + "x"]
)  # as long as names may be
def test_two_writers_of_one_file_do_not_meet_and_the_later_wins(tmp_path, name):
    with (
        atomic_write(tmp_path / name) as first,
        atomic_write(tmp_path / name) as second,
    ):
        first.write(b"first, and longer")
        second.write(b"second")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [
        (name, b"first, and longer")
    ]


def test_link_planted_in_the_staged_files_place_is_not_written_through(
    old_file, monkeypatch
):
    monkeypatch.setattr(utils.os, "urandom", bytes)
    old_file.with_name(f".{bytes(8).hex()}.part").symlink_to(old_file)
    with (
        pytest.raises(UserError, match="File exists"),
        atomic_write(old_file.with_name("new")),
    ):
        pass
    assert old_file.read_bytes() == b"old"


def test_new_file_has_the_usual_permissions_and_an_old_one_keeps_its_own(old_file):
    old_file.chmod(0o604)
    umask = os.umask(0o027)
    try:
        for path in old_file, old_file.with_name("new"):
            utils.write_text(path, "")
    finally:
        os.umask(umask)
    modes = [
        stat.S_IMODE(path.stat().st_mode)
        for path in (old_file, old_file.with_name("new"))
    ]
    assert modes == [0o604, 0o640]


@parametrize(
    "make",
    [
        os.mkfifo,
        Path.mkdir,
        lambda path: path.symlink_to("/dev/null"),
        lambda p: p.symlink_to(p),
    ],
)
def test_what_is_no_regular_file_is_neither_read_nor_replaced(tmp_path, make):
    make(path := tmp_path / "model.npz")
    before = path.lstat()
    for attempt in (
        lambda: utils.read_file(path, UserError, ""),
        lambda: utils.write_text(path, "new"),
        lambda: utils.writable_directory(tmp_path, ["log", "model.npz"]),
    ):
        with pytest.raises(
            UserError, match=r"(model\.npz|/dev/null): .*not a regular file"
        ):
            attempt()
    assert (path.lstat(), list(tmp_path.iterdir())) == (before, [path])


def test_file_is_read_whole_or_refused_in_a_line(old_file, monkeypatch):
    assert utils.read_file(old_file, UserError, "make it") == b"old"
    with pytest.raises(utils.SettingError, match=r"^/absent does not exist; make it$"):
        utils.read_file("/absent", utils.SettingError, "make it")
    monkeypatch.setattr(utils, "MOST_BYTES", 2)
    with pytest.raises(
        UserError, match=f"^{old_file}: cannot be read: larger than 2 bytes"
    ):
        utils.read_file(old_file, UserError, "make it")


def test_text_that_no_encoding_has_is_written_escaped(tmp_path):
    utils.write_text(tmp_path / "log", "\N{CYRILLIC SMALL LETTER ZHE} \udcff\n")
    assert (tmp_path / "log").read_bytes() == b"\xd0\xb6 \\udcff\n"


def test_directory_is_made_and_refused_where_it_cannot_take_the_files(
    tmp_path, old_file
):
    assert (
        list(utils.writable_directory(tmp_path / "b" / "c", ["file"]).iterdir()) == []
    )
    for path in old_file, Path("/proc"):  # where not even root may write
        with pytest.raises(
            UserError, match=f"^cannot write to {path}: .*; choose another place"
        ):
            utils.writable_directory(path)
    with (
        pytest.raises(UserError, match="cannot write"),
        atomic_write(tmp_path / "absent" / "file"),
    ):
        pass


def test_link_to_what_is_not_there_yet_is_written_through_if_that_can_be(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "good").symlink_to("elsewhere/model")
    (tmp_path / "bad").symlink_to("absent/model")
    utils.writable_directory(tmp_path, ["good"])
    utils.write_text(tmp_path / "good", "new")
    assert (
        (tmp_path / "elsewhere/model").read_text(),
        (tmp_path / "good").is_symlink(),
    ) == (
        "new",
        True,
    )
    with pytest.raises(
        UserError, match=f"^cannot write to {tmp_path / 'bad'}: No such file"
    ):
        utils.writable_directory(tmp_path, ["good", "bad"])


def test_what_killed_runs_have_left_is_removed_and_nothing_else(tmp_path):
    """What is fresh may be another run's, which is writing now."""
    staged = []
    for _ in range(2):
        with atomic_write(tmp_path / "model.npz") as file:
            staged.append(Path(file.name))
    left, fresh, own = *staged, tmp_path / ".film.part"
    for path in left, fresh, own:
        path.touch()
    for path in left, own, tmp_path / "model.npz":
        os.utime(path, (0, time.time() - 2 * utils.STALE_SECONDS))
    utils.writable_directory(tmp_path)
    assert sorted(tmp_path.iterdir()) == sorted([fresh, own, tmp_path / "model.npz"])


# --- the two languages ------------------------------------------------------------------------


@pytest.fixture
def russian(tmp_path, monkeypatch) -> Language:
    lines = {"{a:,} of {b}, {c}": "{a:,} из {b}, {c}", "n/a": "н/д"}
    (tmp_path / "russian.json").write_text(json.dumps(lines), encoding="utf-8")
    monkeypatch.setattr(utils, "RUSSIAN_FILE", tmp_path / "russian.json")
    return Language("ru")


def test_thousands_are_parted_as_the_language_does_and_texts_left_alone(russian):
    values = {"a": 12345678, "b": "/a/1,000", "c": 2000}
    assert Language()("{a:,} of {b}, {c}", **values) == "12,345,678 of /a/1,000, 2000"
    assert (
        russian("{a:,} of {b}, {c}", **values) == "12\xa0345\xa0678 из /a/1,000, 2000"
    )


def test_what_is_no_number_is_said_to_be_none_in_either_language(russian):
    for value in math.nan, None:
        values = {"a": value, "b": 1, "c": 2}
        assert Language()("{a:,} of {b}, {c}", **values) == "n/a of 1, 2"
        assert russian("{a:,} of {b}, {c}", **values) == "н/д из 1, 2"


# --- the screen -------------------------------------------------------------------------------


def test_log_has_what_was_logged_and_the_screen_all():
    stream = io.StringIO()
    out = Output("en", stream)
    out.log("Epoch {epoch}/15, loss: {loss:.6f}", epoch=1, loss=0.0872341)
    out.log_text()
    out.log_text("two\nlines")
    out.screen("Written: {path}", path="/somewhere")
    assert out.contents() == "Epoch 1/15, loss: 0.087234\n\ntwo\nlines\n"
    assert stream.getvalue() == out.contents() + "Written: /somewhere\n"


def test_names_steer_no_terminal_on_the_screen_or_in_the_log():
    stream = io.StringIO()
    out = Output("en", stream)
    out.log("Data:\n{name}", name="\x1b[31m\x7f\x9b\r\t\udcff Ж\N{NO-BREAK SPACE}8")
    assert (
        out.contents()
        == "Data:\n\\x1b[31m\\x7f\\x9b\\r\\t\\udcff Ж\N{NO-BREAK SPACE}8\n"
    )
    assert stream.getvalue() == out.contents()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@parametrize(
    ("screen", "term", "waits", "shown"),
    [
        (Terminal, "xterm", 0, "\x1b[KEpoch 1   0%\r\x1b[KEpoch 1  50%\r\x1b[Kdone\n"),
        (Terminal, "xterm", 100, "\x1b[KEpoch 1   0%\r\x1b[Kdone\n"),
        (Terminal, "dumb", 0, "done\n"),
        (io.StringIO, "xterm", 0, "done\n"),
    ],
)
def test_progress_shows_on_a_terminal_now_and_then_and_gives_way_to_a_line(
    monkeypatch, screen, term, waits, shown
):
    monkeypatch.setenv("TERM", term)
    monkeypatch.setattr(utils, "SECONDS_BETWEEN", waits)
    monkeypatch.setattr(utils.time, "monotonic", iter([1000.0, 1050.0]).__next__)
    stream = screen()
    out = Output("en", stream)
    out.progress("Epoch {n}", 0, n=1)
    out.progress("Epoch {n}", 0.5, n=1)
    out.log("done")
    assert (stream.getvalue(), out.contents()) == (shown, "done\n")


def test_ascii_art_stands_side_by_side_two_rows_to_a_line_cut_to_the_ink():
    images = np.zeros((2, 8, 6))
    images[0, 1:3, 1:4] = 1  # full ink: #
    images[0, 3:5, 1] = 0.4  # 0.4 of the ramp of five steps: :
    images[0, 3, 3] = 1  # half of its pair of rows: 2.5 of 5, rounded to even
    images[1, 5, 1] = 1  # the last of an odd number of rows
    art = utils.ascii_art(images, ["One:", "B"])
    assert art.split("\n") == ["One:  B", "###", ": :", "      :"]


# --- leaving a script -------------------------------------------------------------------------

ERROR = "script.py: error: "
LOG = "out = Output(); out.log('x'); out.log('y'); return len(out.lines)"
SCRIPTS = [  # the body of main, the exit code, how stderr begins, and where stdout goes
    ("return 0", 0, ""),
    ("return 130", 130, ""),
    ("raise UserError('no such file')", 2, ERROR + "no such file\n"),
    ("raise UserError('a\\nname\\x1b[1m')", 2, ERROR + "a\\nname\\x1b[1m\n"),
    ("raise UserError('\\udcff')", 2, ERROR + "\\udcff\n"),
    ("raise UserError('Ж')", 2, ERROR + "?\n"),
    (
        "ArgumentParser('', '').parse_args(['--x'])",
        2,
        ERROR + "unrecognized arguments: --x ",
    ),
    ("raise MemoryError", 2, ERROR + "not enough memory"),
    ("open('/absent/file')", 2, ERROR + "No such file or directory\n"),
    ("raise ZeroDivisionError", 1, "Traceback"),  # a bug keeps its traceback
    ("Output('ru').log('Training:'); return 0", 0, ""),  # a console without Cyrillic
    ("print('x'); return 5", 0, "", "to a reader that left"),  # which is no error
    ("print('x', flush=True); return 5", 0, "", "to a reader that left"),
    (
        LOG,
        2,
        "",
        "to a reader that left",
    ),  # the log goes on without it: main's own code
    (LOG, 2, "", ">&-"),
    ("ArgumentParser('', '').parse_args(['--help'])", 0, "", "to a reader that left"),
    (
        "ArgumentParser('', '').parse_args(['--help'])",
        2,
        ERROR + "No space left",
        "> /dev/full",
    ),
    ("print('x'); return 0", 2, ERROR + "No space left on device\n", "> /dev/full"),
    ("raise UserError('x')", 2, "", "2> /dev/full"),
    ("warn('x'); warn('y'); return 5", 5, "", "2> /dev/full"),
    ("warn('x'); return 5", 5, "", "2>&-"),
    ("warn('\\x1b'); return 5", 5, "\\x1b\n"),
]


@pytest.fixture
def script(root, tmp_path, monkeypatch) -> Callable[[str], Path]:
    """Write a script with this body of main; a stand-in for NumPy makes it start quickly."""
    monkeypatch.setenv("PYTHONPATH", str(root))
    (tmp_path / "numpy.py").write_text("ndarray = object")

    def write(body: str) -> Path:
        text = (
            f"import os, signal, sys, time\nfrom utils import *\ndef main():\n{body}\n"
        )
        (tmp_path / "script.py").write_text(
            f"{text}run_script(main)\n", encoding="utf-8"
        )
        return tmp_path / "script.py"

    return write


@parametrize("case", SCRIPTS, ids=lambda case: case[0])
def test_script_leaves_with_its_code_and_one_line_at_most(script, tmp_path, case):
    body, code, message, output = (*case, "> out")[:4]
    if "/dev/full" in output and not Path("/dev/full").exists():
        pytest.skip("needs /dev/full")
    script(f"    {body}")
    reader, writer = os.pipe()
    os.close(reader)
    command = f'"$0" script.py {output.removeprefix("to a reader that left")}'
    done = subprocess.run(
        ["sh", "-c", command, sys.executable],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUNBUFFERED": ""},
        stdout=writer,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    os.close(writer)
    assert (done.returncode, done.stderr[: len(message)]) == (code, message)
    assert done.stderr.count("\n") == bool(message) or code == 1


class Script:
    """A script that is running, has written its first line, and is then sent signals."""

    def __init__(self, path: Path, before=signal.SIG_DFL):
        self.process = subprocess.Popen(
            [sys.executable, str(path)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: signal.signal(signal.SIGINT, before),
        )
        assert self.process.stdout.readline() == "begun\n"

    def end(self, *numbers: int) -> tuple[int, str, str]:
        """Its exit code, negative for a signal, and what else it wrote."""
        for number in numbers:
            self.process.send_signal(number)
        output = self.process.communicate(timeout=60)
        return self.process.returncode, *output


INT, TERM = signal.SIGINT, signal.SIGTERM
WORK = "    print('begun', flush=True); time.sleep(60)"
CLEAN_UP = """
    try:
        print('begun', flush=True); time.sleep(60)
    except KeyboardInterrupt:
        os.kill(os.getpid(), signal.SIGINT); os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)
        print('cleaned up', flush=True)
        raise"""


@parametrize(
    "numbers", [[INT], [TERM], [INT, INT], [INT, TERM, INT], [TERM, INT, TERM]]
)
@parametrize(("body", "output"), [(WORK, ""), (CLEAN_UP, "cleaned up\n")])
def test_script_dies_of_the_first_signal_once_it_has_cleaned_up(
    script, numbers, body, output
):
    """So that a shell's loop of runs stops; further ones change nothing, however soon they come."""
    code, *written = Script(script(body)).end(*numbers)
    assert written == [output, ""]
    assert -code in (
        numbers[:1] if len(set(numbers)) == 1 else numbers
    )  # the order is the system's


@parametrize(
    ("body", "code"),
    [
        ("raise KeyboardInterrupt", -INT),  # without a signal
        (
            "try: os.kill(os.getpid(), signal.SIGTERM)\n    except KeyboardInterrupt: return 5",
            -TERM,
        ),
        (
            "signal.raise_signal = print; os.kill(os.getpid(), signal.SIGTERM)",
            143,
        ),  # it survives
    ],
)
def test_script_that_was_interrupted_never_seems_to_have_finished(script, body, code):
    assert (
        Script(script(f"    print('begun', flush=True)\n    {body}")).end()[0] == code
    )


def test_signal_that_the_shell_has_ignored_stays_ignored(script):
    body = (
        "    print('begun', flush=True); os.kill(os.getpid(), signal.SIGINT); return 7"
    )
    assert Script(script(body), signal.SIG_IGN).end() == (7, "", "")


@parametrize("name", ["mnist_loader.py", "train_network.py", "visualize_results.py"])
def test_ctrl_c_while_numpy_loads_ends_a_script_without_a_traceback(
    root, tmp_path, monkeypatch, name
):
    (tmp_path / "numpy.py").write_text(
        "import time; print('begun', flush=True); time.sleep(60)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert Script(root / name).end(INT) == (-INT, "", "")
