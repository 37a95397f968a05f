"""utils: metrics by their definitions, files whole or not at all, the log, both languages."""

from __future__ import annotations

import errno
import io
import itertools
import json
import math
import os
import signal
import string
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

import utils
from utils import (
    MESSAGES,
    Evaluation,
    Progress,
    RunLog,
    UserError,
    ascii_art,
    atomic_write,
    percent,
    roc_auc,
    writable_directory,
)

# --- metrics ----------------------------------------------------------------------------------

PROBABILITIES = np.array([0.9, 0.8, 0.5, 0.4, 0.7, 0.3, 0.2, 0.1, 0.05, 0.0])
TARGETS = np.array([1, 1, 1, 1, 0, 0, 0, 0, 0, 0])


def test_confusion_counts_are_those_counted_by_hand():
    result = Evaluation.of(PROBABILITIES, TARGETS)
    assert result.true_positives == 3  # 0.9, 0.8 and 0.5, which is on the threshold
    assert result.false_negatives == 1  # 0.4
    assert result.false_positives == 1  # 0.7
    assert result.true_negatives == 5


def test_ratios_are_those_computed_by_hand():
    result = Evaluation.of(PROBABILITIES, TARGETS)
    assert (result.positives, result.negatives, result.total, result.correct) == (4, 6, 10, 8)
    assert result.accuracy == 0.8
    assert result.majority_share == 0.6
    assert result.precision == 0.75
    assert result.recall == 0.75
    assert result.f1 == 0.75
    assert result.roc_auc == pytest.approx(22 / 24)  # 0.5 and 0.4 each lose to 0.7


def test_f1_is_the_harmonic_mean_of_precision_and_recall():
    result = Evaluation.of(PROBABILITIES, TARGETS, threshold=0.6)
    precision, recall = 2 / 3, 2 / 4
    assert result.f1 == pytest.approx(2 * precision * recall / (precision + recall))


def test_threshold_moves_the_answers():
    assert Evaluation.of(PROBABILITIES, TARGETS, threshold=0.35).recall == 1
    assert Evaluation.of(PROBABILITIES, TARGETS, threshold=0.95).true_positives == 0


def test_majority_share_is_that_of_yes_where_yes_is_commoner():
    assert Evaluation.of(PROBABILITIES, 1 - TARGETS).majority_share == 0.6


def test_ratios_that_do_not_exist_are_nan():
    none_there = Evaluation.of(np.array([0.1, 0.2]), np.array([0, 0]))
    assert math.isnan(none_there.recall)
    assert math.isnan(none_there.precision)
    assert math.isnan(none_there.f1)
    assert math.isnan(none_there.roc_auc)
    assert none_there.accuracy == 1
    all_there = Evaluation.of(np.array([0.1, 0.2]), np.array([1, 1]))
    assert (all_there.recall, all_there.accuracy) == (0, 0)
    assert math.isnan(all_there.roc_auc)


def test_evaluation_for_json_has_none_for_nan():
    values = Evaluation.of(np.array([0.1, 0.2]), np.array([0, 0])).as_dict()
    assert json.loads(json.dumps(values, allow_nan=False)) == values
    assert values["recall"] is values["roc_auc"] is None
    assert values["accuracy"] == 1
    assert values["true_negatives"] == 2


@pytest.mark.parametrize("levels", [2, 5, 1000])
def test_roc_auc_is_how_often_a_positive_scores_above_a_negative(levels):
    """Pair by pair, a tie counting half; few levels make many ties."""
    rng = np.random.default_rng(levels)
    for _ in range(20):
        scores = rng.integers(0, levels, 40) / levels
        targets = rng.random(40) < 0.3
        pairs = [(p > n) + (p == n) / 2 for p in scores[targets] for n in scores[~targets]]
        assert roc_auc(scores, targets) == pytest.approx(sum(pairs) / len(pairs), rel=1e-12)


def test_roc_auc_is_one_in_perfect_order_and_half_where_all_tie():
    assert roc_auc(np.array([0.1, 0.2, 0.8]), np.array([0, 0, 1])) == 1
    assert roc_auc(np.array([0.9, 0.2, 0.1]), np.array([0, 0, 1])) == 0
    assert roc_auc(np.full(5, 0.3), np.array([0, 1, 0, 0, 1])) == 0.5


@pytest.mark.parametrize(("share", "text"), [(0.927, "92.70%"), (1, "100.00%"), (np.nan, "n/a")])
def test_percent_is_written_as_the_lab_sheet_does(share, text):
    assert percent(share) == text


# --- files ------------------------------------------------------------------------------------


@pytest.fixture
def old_file(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(b"old")
    return path


def test_file_takes_its_name_only_when_the_block_ends(old_file):
    with atomic_write(old_file) as file:
        file.write(b"new")
        file.flush()
        assert old_file.read_bytes() == b"old"
    assert old_file.read_bytes() == b"new"
    assert list(old_file.parent.iterdir()) == [old_file]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_error_in_the_block_leaves_the_old_file_alone(old_file, error):
    with pytest.raises(error), atomic_write(old_file) as file:
        file.write(b"ne")
        raise error
    assert old_file.read_bytes() == b"old"
    assert list(old_file.parent.iterdir()) == [old_file]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_full_disk_is_told_and_leaves_the_old_file_alone(old_file, monkeypatch, failing):
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if failing == "fsync":
        monkeypatch.setattr(os, "fsync", fail)
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(UserError, match="No space left") as caught, atomic_write(old_file) as file:
        file.write(b"new")
    assert str(old_file) in str(caught.value)
    assert old_file.read_bytes() == b"old"
    assert list(old_file.parent.iterdir()) == [old_file]


def test_write_into_a_missing_directory_is_told(tmp_path):
    with pytest.raises(UserError, match="absent"), atomic_write(tmp_path / "absent" / "file"):
        pass


def test_link_stays_a_link_and_its_target_is_replaced(tmp_path, old_file):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(old_file)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert old_file.read_bytes() == b"new"


def test_circle_of_links_is_no_crash(tmp_path):
    link = tmp_path / "link"
    link.symlink_to(link)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.read_bytes() == b"new"


def test_files_of_one_stack_all_stay_old_if_one_cannot_be_written(tmp_path):
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        path.write_bytes(b"old")
    with pytest.raises(UserError, match="full"), ExitStack() as files:
        for path in paths:
            file = files.enter_context(atomic_write(path))
            file.write(b"new")
            if path.name == "b":
                raise OSError(errno.ENOSPC, "full")
    assert [path.read_bytes() for path in paths] == [b"old"] * 3
    assert sorted(tmp_path.iterdir()) == paths


def test_writable_directory_is_made_with_its_parents_and_left_empty(tmp_path):
    path = tmp_path / "a" / "b"
    assert writable_directory(path, ["log"]) == path
    assert list(path.iterdir()) == []


def test_file_in_place_of_the_directory_is_refused_with_advice(old_file):
    with pytest.raises(UserError, match="--output-dir") as caught:
        writable_directory(old_file, [])
    assert str(old_file) in str(caught.value)


def test_directory_in_place_of_an_output_file_is_refused(tmp_path):
    (tmp_path / "log").mkdir()
    with pytest.raises(UserError, match="log in it is a directory"):
        writable_directory(tmp_path, ["log"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_directory_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="Permission denied"):
        writable_directory(tmp_path, [])


# --- the log and progress ---------------------------------------------------------------------


def test_log_keeps_what_it_said_and_not_its_remarks():
    log = RunLog("en", io.StringIO())
    log.say("epoch", epoch=1, epochs=15, loss=0.0872341)
    log.write()
    log.write("two\nlines")
    log.remark("written", path="/somewhere")
    assert log.contents() == "Epoch 1/15, loss: 0.087234\n\ntwo\nlines\n"
    assert log.screen.getvalue() == log.contents() + "Written: /somewhere\n"


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def no_waiting(monkeypatch):
    monkeypatch.setattr(Progress, "SECONDS_BEFORE_FIRST", 0)
    monkeypatch.setattr(Progress, "SECONDS_BETWEEN", 0)


def test_progress_is_silent_where_output_is_piped(no_waiting):
    stream = io.StringIO()
    with Progress("Epoch 1/2", 100, stream) as progress:
        progress.update(50)
    assert stream.getvalue() == ""


def test_progress_shows_on_a_terminal_and_clears_its_line(no_waiting):
    stream = Terminal()
    with Progress("Epoch 1/2", 100, stream) as progress:
        progress.update(0)
        progress.update(50)
        progress.update(100)
    assert stream.getvalue() == "\rEpoch 1/2   0%\rEpoch 1/2  50%\rEpoch 1/2 100%\r\x1b[K"


def test_progress_clears_its_line_when_interrupted(no_waiting):
    stream = Terminal()
    with pytest.raises(KeyboardInterrupt), Progress("Epoch 1/2", 100, stream) as progress:
        progress.update(50)
        raise KeyboardInterrupt
    assert stream.getvalue().endswith("\r\x1b[K")


def test_quick_work_shows_no_progress():
    stream = Terminal()
    with Progress("Epoch 1/2", 100, stream) as progress:
        progress.update(50)
    assert stream.getvalue() == ""


def test_progress_is_shown_ten_times_a_second_at_most(monkeypatch):
    clock = itertools.count(step=0.01)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    stream = Terminal()
    with Progress("Epoch 1/2", 1000, stream) as progress:
        for done in range(400):
            progress.update(done)
    assert 5 <= stream.getvalue().count("%") <= 40


# --- ASCII art --------------------------------------------------------------------------------


def test_ascii_art_draws_the_ink_two_rows_to_a_line():
    image = np.zeros((8, 6))
    image[1:3, 1:4] = 1  # full ink: #
    image[3:5, 1] = 0.4  # 0.4 of the ramp of five steps: :
    image[3, 3] = 1  # half of its pair of rows: 2.5 of 5, rounded to even
    assert ascii_art([image], ["One:"]) == "One:\n###\n: :"


def test_ascii_art_stands_side_by_side_under_its_captions():
    tall, small = np.ones((4, 2)), np.ones((2, 3))
    assert ascii_art([tall, small], ["A", "Bcde"]) == "A   Bcde\n##  ###\n##"


def test_odd_number_of_rows_loses_none():
    assert ascii_art([np.ones((3, 1))], [""]) == "\n#\n:"  # the last row pairs with paper


def test_blank_image_is_a_blank_drawing():
    assert ascii_art([np.zeros((4, 4)), np.ones((2, 2))], ["A", "B"]) == "A  B\n   ##"


# --- the two languages ------------------------------------------------------------------------


def placeholders(text: str) -> set[tuple[str, str]]:
    return {(name, spec) for _, name, spec, _ in string.Formatter().parse(text) if name is not None}


def test_both_languages_have_the_same_messages():
    assert set(MESSAGES) == {"en", "ru"}
    assert set(MESSAGES["en"]) == set(MESSAGES["ru"])


@pytest.mark.parametrize("key", MESSAGES["en"])
def test_message_has_the_same_placeholders_in_both_languages(key):
    english, russian = (placeholders(MESSAGES[language][key]) for language in ("en", "ru"))
    if key == "correct":  # the sheet's own line names the digit, the English has no need to
        russian.remove(("digit", ""))
    assert english == russian


@pytest.mark.parametrize("key", MESSAGES["en"])
def test_message_has_text_in_both_languages(key):
    assert MESSAGES["en"][key].strip()
    assert MESSAGES["ru"][key].strip()


@pytest.mark.parametrize(
    ("key", "values", "line"),
    [
        ("epoch", {"epoch": 1, "epochs": 15, "loss": 0.087234}, "Эпоха 1/15, Ошибка: 0.087234"),
        ("accuracy", {"accuracy": "92.70%"}, "Точность на тестовой выборке: 92.70%"),
        (
            "correct",
            {"digit": 8, "correct": 927, "total": 1000},
            "Цифра 8 распознана верно в 927 из 1000 случаев.",
        ),
        ("examples", {"digit": 8}, "Примеры цифры 8 из обучающей выборки:"),
        ("example", {"number": 1}, "Пример 1:"),
        ("training", {}, "Процесс обучения:"),
        ("results", {}, "Итоговая точность:"),
    ],
)
def test_russian_lines_are_the_lab_sheets_own(key, values, line):
    assert RunLog("ru", io.StringIO()).text(key, **values) == line


def test_english_epoch_line_is_the_agreed_one():
    text = RunLog("en", io.StringIO()).text("epoch", epoch=1, epochs=15, loss=0.087234)
    assert text == "Epoch 1/15, loss: 0.087234"


# --- leaving a script -------------------------------------------------------------------------


def run_main(tmp_path: Path, body: str, **options: object) -> subprocess.CompletedProcess:
    """Run a script whose `main` has this body through `run_script`."""
    script = tmp_path / "script.py"
    script.write_text(
        "import os, signal, sys\n"
        "from utils import *\n"
        "from utils import run_script\n"
        f"def main():\n    {body}\n"
        "run_script(main)\n"
    )
    root = str(Path(utils.__file__).parent)
    environment = os.environ | {"PYTHONPATH": root} | options.pop("env", {})
    options = {"stdout": subprocess.PIPE} | options
    return subprocess.run(
        [sys.executable, str(script)],
        env=environment,
        stderr=subprocess.PIPE,
        timeout=60,
        check=False,
        **options,
    )


def test_script_leaves_with_the_code_of_its_main(tmp_path):
    assert run_main(tmp_path, "return 130").returncode == 130


@pytest.mark.parametrize("text", ["no such file", "a\\nname of two lines", "Ж"])
def test_bad_input_is_one_line_on_stderr_and_code_2(tmp_path, text):
    done = run_main(tmp_path, f'raise UserError("{text}")', env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 2
    assert done.stdout == b""
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"script.py: error: ")


def test_lack_of_memory_is_one_line_on_stderr_and_code_2(tmp_path):
    done = run_main(tmp_path, "raise MemoryError")
    assert (done.returncode, done.stderr.count(b"\n")) == (2, 1)


def test_interrupted_script_leaves_with_130_and_no_traceback(tmp_path):
    done = run_main(
        tmp_path, "signal.default_int_handler(signal.SIGINT, None)", stdin=subprocess.DEVNULL
    )
    assert done.returncode == 128 + signal.SIGINT
    assert done.stderr == b"\nscript.py: interrupted\n"


def test_bug_keeps_its_traceback(tmp_path):
    done = run_main(tmp_path, "raise ZeroDivisionError")
    assert done.returncode == 1
    assert b"Traceback" in done.stderr


def closed_pipe() -> int:
    reader, writer = os.pipe()
    os.close(reader)
    return writer


@pytest.mark.parametrize("flush", [True, False])
def test_reader_that_left_is_no_error(tmp_path, flush):
    writer = closed_pipe()
    try:
        done = run_main(tmp_path, f'print("x", flush={flush}); return 0', stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, b"")


def test_log_goes_on_when_its_reader_left(tmp_path):
    """And the code of main is kept, as the files that it wrote are worth as much as ever."""
    writer = closed_pipe()
    body = 'log = RunLog("en"); log.write("x"); log.write("y"); return len(log.lines)'
    try:
        done = run_main(tmp_path, body, stdout=writer)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (2, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_that_cannot_be_written_is_one_line_and_code_2(tmp_path):
    with Path("/dev/full").open("wb") as full:
        done = run_main(tmp_path, 'print("x"); return 0', stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"script.py: error: No space left on device\n"


def test_script_without_standard_output_runs(tmp_path):
    done = run_main(
        tmp_path, 'RunLog("en").write("x"); return 0', stdout=None, preexec_fn=lambda: os.close(1)
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_console_without_cyrillic_shows_question_marks(tmp_path):
    body = 'log = RunLog("ru"); log.say("training"); return 0'
    done = run_main(tmp_path, body, env={"PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert done.stdout.split() == [b"?" * len("Процесс"), b"?" * len("обучения") + b":"]
