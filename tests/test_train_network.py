"""train_network: the whole lab on a small made data set, and on MNIST where it is at hand."""

from __future__ import annotations

import itertools
import json
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from kill_runs import kill_runs
from made_data import TEST_IMAGES, write_dataset

import train_network
from mnist_loader import Dataset, Split, load_dataset
from neural_network import SGD, NeuralNetwork
from train_network import main
from utils import Evaluation, UserError, ascii_art, percent, run_script

parametrize = pytest.mark.parametrize
OUTPUTS = ["metrics.json", "model.npz", "training_log.txt"]
CHECKPOINT = "checkpoint.npz"
SMALL_RUN = ["--train-size=all", "--test-size=all", "--hidden=8", "--epochs=3"]
SMALL_RUN += ["--learning-rate=0.1"]
HARD_RUN = ["--hidden", "8", "6", "--momentum=0.5", "--dropout=0.2", "--l2=1e-4", "--epochs=5"]
FALLING = ["--learning-rate=0.3", "--final-learning-rate=0.1"]
DEFORMED_RUN = [*HARD_RUN, *FALLING, "--augment", "--focus"]
RUNS = {"small": [], "mixed": ["--digit=2", *FALLING], "hard": HARD_RUN, "deformed": DEFORMED_RUN}


@dataclass(frozen=True)
class Lab:
    """Small runs on the made data set, with an output directory of their own."""

    data: Path
    out: Path

    def options(self, *more: str) -> list[str]:
        """The command line of a small run; what is said twice counts the second time."""
        return [*SMALL_RUN, f"--data-dir={self.data}", f"--output-dir={self.out}", *more]

    def run(self, *more: str) -> int:
        return main(self.options(*more))

    def resume(self, *more: str) -> int:
        return main(["--resume", f"--data-dir={self.data}", f"--output-dir={self.out}", *more])

    def files(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in self.out.iterdir()}

    def log(self) -> str:
        return (self.out / "training_log.txt").read_text(encoding="utf-8")

    def metrics(self) -> dict:
        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        return json.loads((self.out / "metrics.json").read_bytes(), parse_constant=refuse)

    def network(self) -> NeuralNetwork:
        return NeuralNetwork.load(self.out / "model.npz")


def script(root: Path, options: list[str], **settings: object) -> subprocess.Popen:
    """Start the script; Ctrl-C works in it even if whoever runs the tests ignores Ctrl-C."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    usual["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, str(root / "train_network.py"), *options]
    return subprocess.Popen(command, **usual | settings)


def run(root: Path, options: list[str], **settings: object) -> tuple[int, str, str]:
    with script(root, options, **settings) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def runs(made_dir, tmp_path_factory) -> dict[str, Lab]:
    """A small run, one that answers now rightly, now wrongly, and hard ones; not to be changed."""
    labs = {name: Lab(made_dir, tmp_path_factory.mktemp(name)) for name in RUNS}
    assert [labs[name].run(*options) for name, options in RUNS.items()] == [0] * len(RUNS)
    return labs


@pytest.fixture(scope="module", autouse=True)
def portions() -> Iterator[None]:
    """Of the 120 images three, the last of them short."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_network, "PORTION", 50)
        yield


small, mixed, hard, deformed = (
    pytest.fixture(lambda runs, name=name: runs[name], name=name) for name in RUNS
)


@pytest.fixture
def lab(made_dir, tmp_path) -> Lab:
    """No run yet."""
    return Lab(made_dir, tmp_path / "out")


@pytest.fixture
def over_small(small, lab) -> Lab:
    """A finished small run, over which others are to go."""
    shutil.copytree(small.out, lab.out)
    return lab


# --- what a run writes ------------------------------------------------------------------------


def test_run_as_a_script_elsewhere_writes_the_same_three_files(root, lab, small, tmp_path):
    code, _, err = run(root, lab.options(), cwd=tmp_path)
    assert (code, err) == (0, "")
    assert sorted(lab.files()) == OUTPUTS
    assert lab.files() == small.files()


def test_log_is_the_screen_without_its_remarks_of_times_and_paths(lab, capsys):
    lab.run()
    screen, log = capsys.readouterr().out.splitlines(), lab.log()
    remarks = [line for line in screen if line.startswith(("Trained in ", "Written: "))]
    assert len(remarks) == 1 + len(OUTPUTS)
    assert [line for line in screen if line not in remarks] == log.splitlines()
    assert not re.search(r"\d s\b|second|\d:\d\d|20\d\d|/tmp|/home", log)


def test_log_says_what_is_trained_on(small, mixed, deformed):
    for line in (
        "Recognising the handwritten digit 8 in made0\n============",
        "Training images: 120, of them 12 show the digit 8 (10.00%)",
        "Test images: 60, of them 6 show the digit 8 (10.00%)",
        "784 -> 8 tanh -> 1 sigmoid; 6,289 parameters, float32, seed 0",
        "epochs 3, an update after every sample; learning rate 0.1\nMomentum 0, L2 0, dropout 0\n",
    ):
        assert line in small.log()
    assert "learning rate 0.3 .. 0.1\n" in mixed.log()
    assert "\nEvery epoch trains on copies deformed anew\nIt takes what the net" in deformed.log()


def test_log_shows_the_first_five_examples_of_the_digit_side_by_side(made_dir, small):
    train = load_dataset(made_dir, "mnist", None, None).train
    eights = train.images[train.digits == 8][:5].reshape(5, 28, 28)
    art = ascii_art(eights, [f"Example {n}:" for n in range(1, 6)])
    assert f"training set:\n\n{art}\n\n" in small.log()


def test_log_metrics_and_model_tell_the_training_that_the_networks_methods_do(made_dir, mixed):
    dataset = load_dataset(made_dir, "mnist", None, None)
    network, history = NeuralNetwork((784, 8, 1)), mixed.metrics()["history"]
    test_images, is_digit = dataset.test.images, dataset.test.digits == 2
    for number, row in enumerate(history, start=1):
        sgd = SGD([0.3, 0.2, 0.1][number - 1])
        loss = network.train_epoch(dataset.train.images, dataset.train.targets(2), sgd)
        answers = network.predict(test_images)
        errors = network.predict_proba(test_images) - dataset.test.targets(2)
        assert row == {
            "epoch": number,
            "loss": loss,
            "test_loss": pytest.approx(np.mean(errors**2)),
            "test_accuracy": pytest.approx(np.mean(answers == is_digit)),
            "test_recall": pytest.approx(np.mean(answers[is_digit])),
        }
    saved = mixed.network()
    np.testing.assert_array_equal(saved.weights[0], network.weights[0])
    assert saved.metadata["history"] == history
    logged = re.findall(r"^Epoch (\d)/3, loss: (\d\.\d{6})$", mixed.log(), re.M)
    assert logged == [(str(row["epoch"]), f"{row['loss']:.6f}") for row in history]


def test_metrics_hold_the_configuration_and_the_evaluation_of_the_saved_model(made_dir, mixed):
    metrics, test = mixed.metrics(), load_dataset(made_dir, "mnist", None, None).test
    assert (metrics["dataset"], metrics["epochs_completed"]) == ("made0", 3)
    expected = {"digit": 2, "layer_sizes": [784, 8, 1], "learning_rate": 0.3, "epochs": 3}
    expected |= {"momentum": 0, "l2": 0, "dropout": 0, "weight_scale": 0.1, "threshold": 0.5}
    expected |= {"train_size": 120, "test_size": 60, "seed": 0, "dtype": "float32", "loop": False}
    expected |= {"augment": False, "focus": False, "final_learning_rate": 0.1}
    assert metrics["configuration"] == expected
    probabilities = mixed.network().predict_proba(test.images)
    assert metrics["evaluation"] == asdict(Evaluation.of(probabilities, test.targets(2)))


# --- the report's numbers, held against the data ----------------------------------------------


@pytest.fixture
def outcome(made_dir, mixed) -> tuple[np.ndarray, np.ndarray]:
    """The test digits and the answers about them, with a number of its own for each outcome."""
    test = load_dataset(made_dir, "mnist", 1, 60).test
    answers, is_2 = mixed.network().predict(test.images), test.digits == 2
    counts = {int(np.sum(a & b)) for a in (answers, ~answers) for b in (is_2, ~is_2)}
    assert len(counts | {0}) == 5
    return test.digits, answers


def test_report_has_the_counts_and_ratios_of_the_answers(mixed, outcome):
    (digits, yes), is_2 = outcome, outcome[0] == 2
    right, found, f1 = sum(yes == is_2), sum(yes & is_2), 2 * sum(yes & is_2) / sum(yes + 1 * is_2)
    alarms = {d: sum(yes & (digits == d)) for d in range(10) if d != 2}
    told = [f"  digit {d}: {n} of 6 ({n / 6:.2%})\n" for d, n in alarms.items() if n]
    report = f"""
Accuracy on the test set: {right / 60:.2%}
Is it 2 or not? Answered correctly: {right} of 60.
Always answering "no" scores 90.00%; compare accuracy with this.

Confusion counts (threshold 0.5):
               answered: yes  answered: no
shows 2      {found:15} {sum(~yes & is_2):13}
shows another{sum(yes & ~is_2):15} {sum(~yes & ~is_2):13}

Of the digit 2: precision {found / sum(yes):.2%}, recall {found / 6:.2%}, F1 {f1:.2%}
Area under the ROC curve: AREA

False alarms, other digits taken for 2: {sum(alarms.values())} of 54
{"".join(told)}Missed, images of 2 not recognised: {sum(~yes & is_2)} of 6
  images of the test set, counted from 0: {", ".join(map(str, np.flatnonzero(~yes & is_2)))}
"""
    area = mixed.metrics()["evaluation"]["roc_auc"]
    assert report.replace("AREA", f"{area:.4f}") in mixed.log()


def rate(errors: int, total: int) -> str:
    return f"{errors} of {total} {percent(errors / total if total else np.nan)}"


def test_table_of_claims_has_their_errors_in_their_columns(mixed, outcome):
    (digits, yes), alike = outcome, np.isin(outcome[0], (3, 7))
    rest = (digits != 2) & ~alike
    claims = {claim["name"]: claim for claim in mixed.metrics()["error_analysis"]}
    counted = [{"errors": sum(yes & g), "total": sum(g)} for g in (alike, rest)]
    assert [claims["lookalikes"]["affected"], claims["lookalikes"]["rest"]] == counted
    assert counted[0]["errors"] != counted[1]["errors"]

    table = re.search(r"\n( +errors on these .*verdict\n(?:.+\n)+)", mixed.log())[1]
    rows = re.sub(r" of (\d+) +", r" of \1 ", table.rstrip()).split("\n")
    head, *cells = (re.split(" {2,}", row)[1:] for row in rows)
    assert head == ["errors on these", "on the others", "difference, points", "verdict"]
    expected = []
    for claim in claims.values():
        difference, low, high = (100 * (x or 0) for x in (claim["difference"], *claim["interval"]))
        compared = f"{difference:+.2f} ({low:+.2f} .. {high:+.2f})"
        expected.append([rate(**claim["affected"]), rate(**claim["rest"])])
        expected[-1] += ["n/a" if claim["difference"] is None else compared, claim["verdict"]]
    assert cells == expected


# --- options ----------------------------------------------------------------------------------


def test_russian_log_has_the_sheets_lines_and_the_same_numbers(root, lab, small):
    """Also on a console without Cyrillic, as the log is UTF-8 in any case."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    code, out, err = run(root, lab.options("--lang", "ru"), env=environment)
    assert (code, err, "?????" in out) == (0, "", True)
    log = lab.log()
    for row in small.metrics()["history"]:
        assert f"\nЭпоха {row['epoch']}/3, Ошибка: {row['loss']:.6f}\n" in log
    for line in "Примеры цифры 8 из обучающей выборки", "Процесс обучения", "Итоговая точность":
        assert f"\n{line}:\n" in log
    assert re.search(r"^Точность на тестовой выборке: \d+\.\d\d%$", log, re.M)
    assert re.search(r"^Цифра 8 распознана верно в \d+ из 60 случаев\.$", log, re.M)
    assert lab.files()["metrics.json"] == small.files()["metrics.json"]


CHANGES = ["momentum 0.5", "l2 0.01", "dropout 0.3", "learning_rate 0.2", "weight_scale 0.3"]
CHANGES += ["seed 1", "final_learning_rate 0.01"]


@parametrize("change", CHANGES)
def test_setting_reaches_the_training_and_the_metrics(lab, small, change):
    name, value = change.split()
    lab.run(f"--{name.replace('_', '-')}", value)
    assert lab.metrics()["configuration"][name] == float(value)
    assert lab.metrics()["history"] != small.metrics()["history"]


def test_threshold_moves_the_answers_and_not_the_training(lab, mixed):
    lab.run(*RUNS["mixed"], "--threshold", "0.05")
    low, usual = lab.metrics(), mixed.metrics()
    assert low["evaluation"]["true_negatives"] < usual["evaluation"]["true_negatives"]
    assert low["evaluation"]["threshold"] == 0.05
    assert "Confusion counts (threshold 0.05):" in lab.log()
    assert [row["loss"] for row in low["history"]] == [row["loss"] for row in usual["history"]]
    assert low["history"][-1]["test_recall"] == low["evaluation"]["recall"]


@parametrize("settings", [[], HARD_RUN, DEFORMED_RUN])
def test_loop_trains_the_same_network_to_rounding(lab, monkeypatch, settings):
    options = [*settings, "--dtype", "float64", "--epochs", "2"]
    lab.run(*options)
    block = lab.network()
    monkeypatch.setattr(NeuralNetwork, "_train_block", None)  # not so much as touched
    lab.run(*options, "--loop")
    loop = lab.network()
    for ours, theirs in zip(block.weights + block.biases, loop.weights + loop.biases, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_training_images_without_the_digit_are_told_and_no_failure(lab):
    assert lab.run("--train-size", "8", "--test-size", "8") == 0
    assert "No 8 among the training images" in lab.log()
    assert "recall n/a" in lab.log()
    assert lab.metrics()["evaluation"]["recall"] is None


@parametrize(("threshold", "answer"), [("1", "no"), ("0", "yes")])
def test_constant_answer_is_remarked_and_its_mistakes_are_not_listed(lab, threshold, answer):
    lab.run("--threshold", threshold)
    log = lab.log()
    assert f"The network answers {answer} to everything: lower the learning rate" in log
    assert "counted from 0" not in log


def test_a_run_on_the_sample_says_so_at_both_ends(lab):
    options = ["--dataset=sample", "--epochs=1", "--train-size=200", f"--output-dir={lab.out}"]
    main(options)
    log = lab.log()
    assert "NOT MNIST" in log[:300]
    assert "NOT MNIST" in log[-300:]
    assert "in the bundled sample, NOT MNIST\n" in log
    assert lab.metrics()["dataset"] == "sample"
    assert main(["--resume", options[-1]]) == 0  # from the sample again
    assert lab.log() == log


def test_figures_of_an_older_run_are_named_at_the_end(over_small, capsys):
    for name in ("report.png", "mistakes.svg", "my_own.png"):
        (over_small.out / name).touch()
    over_small.run()
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("Figures of an older run: mistakes.svg, report.png; python visualize")
    over_small.resume()  # trains nothing more
    assert "older run" not in capsys.readouterr().out


# --- refusals ---------------------------------------------------------------------------------


def refusal(options: list[str], monkeypatch, capsys) -> str:
    """What the script says on its way out with code 2: one line."""
    monkeypatch.setattr(sys, "argv", ["train_network.py", *options])
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    said = capsys.readouterr().err
    assert caught.value.code == 2
    assert re.fullmatch(r"train_network\.py: error: .*\n", said)
    return said


@parametrize(
    ("options", "named"),
    [
        ("--epoch 3", "--epoch 3 .*--help"),  # abbreviations are refused
        ("stray", "stray"),
        ("--epochs", "--epochs"),
        ("--epochs 0", "epochs is 0; it must be a whole number, at least 1"),
        ("--epochs 1.5", "--epochs: invalid int value: '1.5'"),
        ("--digit 10", "--digit.* 10 .*0, 1, 2"),
        ("--learning-rate nan", "learning_rate is nan.* above 0"),
        ("--learning-rate fast", "--learning-rate.*fast"),
        ("--final-learning-rate 0", r"learning_rate is 0\.0.* above 0"),
        ("--threshold 1.5", r"threshold is 1\.5.* from 0 to 1"),
        ("--train-size 0", "train_size is 0; it must be at least 1"),
        ("--train-size 121", '120 images, 121 .*"all"'),
        ("--test-size 61", '60 images, 61 .*"all"'),
        ("--hidden 8 x", "--hidden: invalid int value: 'x'"),
        ("--hidden 1000000000000000000", "1000000000000000000"),
        ("--seed -1", "seed is -1.* at least 0"),
        ("--lang de", "--lang.*de.*ru"),
        ("--resume", r"model\.npz does not exist"),
        ("--learning-rate 1e38 --l2 1", "diverged.* lower the learning rate"),
        ("--learning-rate 1e38 --l2 1 --loop", "diverged.* lower the learning rate"),
    ],
)
@pytest.mark.filterwarnings("error")  # whose text would be further lines
def test_bad_option_is_one_line_that_names_it(lab, monkeypatch, capsys, options, named):
    arguments = lab.options(*options.split())
    assert re.search(named, refusal(arguments, monkeypatch, capsys))
    assert not lab.out.exists() or lab.files() == {}


def test_bad_data_and_bad_places_are_refused_and_leave_all_as_it_was(
    over_small, small, tmp_path, monkeypatch, capsys
):
    data = shutil.copytree(small.data, tmp_path / "data")
    (data / TEST_IMAGES).write_bytes(b"<html>")
    for lab in (replace(over_small, data=data), replace(over_small, out=data / TEST_IMAGES)):
        assert str(data / TEST_IMAGES) in refusal(lab.options(), monkeypatch, capsys)
    assert over_small.files() == small.files()


def test_full_disk_leaves_the_old_files(root, over_small, small):
    """A limit on the size of files stands in for it: the kernel refuses to write more."""
    code, _, err = run(
        root,
        over_small.options("--seed", "1"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000)),
    )
    assert (code, err.count("\n")) == (2, 1)
    assert "error: cannot write" in err
    assert over_small.files() == small.files()


# --- resuming ---------------------------------------------------------------------------------


def interrupt(monkeypatch, call: int, *number: int) -> None:
    """Press Ctrl-C, or send the signal of this number, within that call of train_epoch."""
    train_epoch, calls = NeuralNetwork.train_epoch, itertools.count(1)

    def interrupted(self, x, y, sgd, order=None, **options):
        if next(calls) == call:
            train_epoch(self, x, y, sgd, np.arange(len(x) // 2))
            raise KeyboardInterrupt(*number)
        return train_epoch(self, x, y, sgd, order, **options)

    monkeypatch.setattr(NeuralNetwork, "train_epoch", interrupted)


@parametrize(
    ("name", "call", "done", "number", "code"),  # three calls an epoch of portions
    [
        *[("hard", 2, 1, [], 130), ("hard", 5, 4, [15], 143)],
        *[("deformed", 5, 1, [15], 143), ("deformed", 15, 4, [], 130)],
    ],
)
def test_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one(
    over_small, small, runs, monkeypatch, capsys, name, call, done, number, code
):
    with monkeypatch.context() as patched:
        interrupt(patched, call, *number)
        assert over_small.run(*RUNS[name]) == code
    assert f"Interrupted after epoch {done} of 5. To go on: " in capsys.readouterr().out
    now = over_small.files()
    assert now.pop(CHECKPOINT)
    assert now == small.files()  # the first run's files are as they were
    assert over_small.resume() == 0
    assert over_small.files() == runs[name].files()


@parametrize("options", [[], ["--augment", "--focus"]])
def test_finished_run_goes_on_to_more_epochs(lab, tmp_path, options):
    whole = replace(lab, out=tmp_path / "whole")
    whole.run(*HARD_RUN, *options)
    lab.run(*HARD_RUN, *options, "--epochs", "2")
    for more in (["--epochs", "5"], []):  # then nothing is left to do
        lab.resume(*more)
        assert lab.files() == whole.files()


def test_epochs_may_not_change_where_the_rate_depends_on_their_number(mixed):
    with pytest.raises(UserError, match="--epochs is 9, but 3 in "):
        mixed.resume("--epochs", "9")


OTHERS = ["learning-rate 0.2 0.1", "hidden 9 8", "train-size 100 None", "digit 3 8", "seed 1 0"]
OTHERS += ["final-learning-rate 0.2 None", "dtype float64 float32", "threshold 0.4 0.5"]
OTHERS += [
    "dropout 0.5 0.0",
    "momentum 0.5 0.0",
    "l2 0.1 0.0",
    "weight-scale 0.2 0.1",
    "epochs 2 3",
]
OTHERS += [f"{name} True False" for name in ("augment", "focus", "loop")]


@parametrize("other", OTHERS)
def test_setting_that_disagrees_with_the_run_is_refused_by_name(
    over_small, small, monkeypatch, capsys, other
):
    name, asked, has = other.split()
    arguments = over_small.options("--resume", f"--{name}", *[asked] * (asked != "True"))
    told = refusal(arguments, monkeypatch, capsys).replace("[", "").replace("]", "")
    assert re.search(rf"--{name} is {asked}, but ({has} in )?.*model\.npz( has had {has})?", told)
    assert over_small.files() == small.files()


def test_run_is_not_resumed_on_other_images_or_from_a_bare_network(over_small, tmp_path):
    other = replace(over_small, data=write_dataset(tmp_path / "other", seed=5))
    with pytest.raises(UserError, match=r"about other images \(made0\) than these \(other"):
        other.resume()
    NeuralNetwork((784, 8, 1)).save(over_small.out / "model.npz")
    with pytest.raises(UserError, match="holds a network, but no run"):
        over_small.resume()


@parametrize(
    ("options", "told"),
    [
        (["--seed", "1"], "Interrupted before an epoch was done: there is nothing to go on with"),
        (["--resume", "--epochs", "9"], "Interrupted after epoch 3 of 9.* --resume --epochs 9 "),
    ],
)
def test_interrupted_in_its_first_epoch_a_run_says_what_there_is_to_go_on_with(
    over_small, small, monkeypatch, capsys, options, told
):
    interrupt(monkeypatch, 1)
    assert over_small.run(*options) == 130
    assert re.search(told, capsys.readouterr().out)
    assert over_small.files() == small.files()


@parametrize("moment", ["checkpoint.npz", *OUTPUTS, "nothing"])
def test_stopped_at_any_file_the_run_goes_on_from_its_checkpoint(lab, small, monkeypatch, moment):
    """As `kill -9` does just before that file is moved in; of checkpoints the second."""
    with monkeypatch.context() as patched:
        move, first = Path.replace, itertools.count()

        def stop(self, target):
            if Path(target).name == moment and (moment != CHECKPOINT or next(first)):
                raise SystemExit
            return move(self, target)

        patched.setattr(Path, "replace", stop)
        with suppress(SystemExit):
            lab.run()
    assert (lab.out / CHECKPOINT).exists() == (moment != "nothing")
    assert lab.resume() == 0
    assert lab.files() == small.files()


@parametrize("moment", ["report_results", "report_claims"])
def test_interruption_after_training_says_how_to_go_on(lab, monkeypatch, capsys, moment):
    monkeypatch.setattr(train_network, moment, lambda *_: signal.default_int_handler(2, None))
    assert lab.run() == 130
    assert "Interrupted after epoch 3 of 3. To go on: python " in capsys.readouterr().out


def test_new_run_over_an_unfinished_one_says_that_it_replaces_it(lab, small, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        interrupt(patched, 2)
        lab.run("--seed", "1")
    capsys.readouterr()
    lab.run()
    assert "This run replaces an unfinished one; --resume goes on" in capsys.readouterr().out
    assert lab.files() == small.files()


@parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_the_command_that_a_stopped_script_names_goes_on(root, small, tmp_path, number, code):
    lab = replace(small, out=shutil.copytree(small.out, tmp_path / "with 'space'"))
    with script(root, lab.options(*HARD_RUN, "--epochs", "250"), cwd=tmp_path) as process:
        while not (line := process.stdout.readline()).startswith("Epoch 3/"):
            assert line, process.stderr.read()
        process.send_signal(number)
        told, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (code, "")
    epoch, command = re.search(r"after epoch (\d+) of 250\. To go on: python (.*)\n", told).groups()
    saved = NeuralNetwork.load(lab.out / CHECKPOINT).metadata["history"]
    assert len(saved) == int(epoch) >= 3
    assert lab.files() == small.files() | {CHECKPOINT: lab.files()[CHECKPOINT]}
    done = subprocess.run([sys.executable, *shlex.split(command)], cwd=tmp_path, check=False)
    assert (done.returncode, sorted(lab.files())) == (0, OUTPUTS)
    assert lab.metrics()["epochs_completed"] == 250


def test_killed_at_random_moments_nothing_is_lost(tmp_path):
    """The short form of `python tests/kill_runs.py --kills 50`."""
    assert kill_runs(tmp_path, 6).total() == 6


# --- start ------------------------------------------------------------------------------------


def test_help_names_all_and_neither_it_nor_training_imports_matplotlib(root, lab, tmp_path):
    for options in (["--help"], lab.options()):
        command = [sys.executable, "-X", "importtime", str(root / "train_network.py"), *options]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        imported = {line.rsplit("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
        assert "numpy" in imported
        assert not imported & {"matplotlib", "PIL"}
        if options == ["--help"]:
            names = "data-dir dataset digit hidden learning-rate epochs train-size test-size loop"
            names += " threshold weight-scale momentum l2 dropout dtype seed resume output-dir lang"
            names += " study augment focus final-learning-rate"
            assert set(re.findall(r"^  --([\w-]+)", done.stdout, re.M)) == set(names.split())


# --- deformed copies, focus, the study --------------------------------------------------------


def test_every_epoch_deforms_all_images_anew_and_keeps_their_targets(lab, monkeypatch):
    train, draws, calls = load_dataset(lab.data, "mnist", None, None).train, [], []

    def draw(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        draws.append(rng.random())
        return images

    monkeypatch.setattr(train_network, "augment", draw)
    monkeypatch.setattr(NeuralNetwork, "train_epoch", lambda *call, **_: calls.append(call) or 0.0)
    lab.run("--augment", "--epochs", "2")
    assert len(set(draws)) == len(draws) == len(calls) == 2 * 3
    target_of = dict(zip(map(bytes, train.images), train.targets(), strict=True))
    for epoch in calls[:3], calls[3:]:
        seen = [(bytes(x[i]), y[i]) for _, x, y, _, order in epoch for i in order]
        assert sorted(seen) == sorted(zip(map(bytes, train.images), train.targets(), strict=True))
    assert len(target_of) == 120


def test_focus_takes_an_image_by_its_own_error(monkeypatch):
    """With a chance of 0.1 and ten times the error; the answer here is the image's first pixel."""
    images, digits, taken, done = np.zeros((3000, 784)), np.zeros(3000, np.uint8), [], []
    images[:, 0] = np.tile([0, 0.02, 1], 1000)

    def train_epoch(self, x, y, sgd, order, by_steps):
        taken.extend(x[order, 0])
        return x[order, 0].mean()

    monkeypatch.setattr(NeuralNetwork, "train_epoch", train_epoch)
    monkeypatch.setattr(NeuralNetwork, "predict_proba", lambda _, x: x[:, 0])
    dataset = Dataset("made", Split(images, digits), Split(images, digits))
    for digit, chances in ("8", [0.1, 0.3, 1]), ("0", [1, 1, 0.1]):  # none is an 8, all are a 0
        taken.clear()
        settings = train_network.make_parser().parse_args(["--focus", "--digit", digit])
        network = NeuralNetwork()
        network.metadata = {"settings": vars(settings), "history": []}
        row = next(train_network.train_epochs(network, dataset, done.append))
        shares = [taken.count(error) / 1000 for error in (0, 0.02, 1)]
        assert shares == pytest.approx(chances, abs=0.05)
        assert row["loss"] == pytest.approx(np.mean(taken))
    assert done == [*range(50, 3001, 50)] * 2


STUDIED = ["--study", *RUNS["mixed"]]


@pytest.fixture
def study(lab, monkeypatch) -> Path:
    """The file of a study of three improvements with two seeds, not yet made."""
    improvements = ("", "--epochs 5", "--hidden 4 3", "--momentum 0.5")
    monkeypatch.setattr(train_network, "STUDY", improvements)
    monkeypatch.setattr(train_network, "STUDY_SEEDS", 2)
    lab.out.mkdir()
    return lab.out / "study.json"


def test_study_evaluates_the_same_runs_and_goes_on_where_it_was(lab, study, monkeypatch, capsys):
    trained, train_epochs = [], train_network.train_epochs

    def interrupted(*arguments):
        trained.append(1)
        if len(trained) == 4:
            raise KeyboardInterrupt
        return train_epochs(*arguments)

    with monkeypatch.context() as patched:
        patched.setattr(train_network, "train_epochs", interrupted)
        assert lab.run(*STUDIED) == 130
        assert "the same command goes on" in capsys.readouterr().out
        assert [lab.run(*STUDIED), lab.run(*STUDIED)] == [0, 0]
    assert len(trained) == 4 + 5
    told = json.loads(study.read_bytes())["runs"]
    for options, evaluation in told.items():
        lab.run(*RUNS["mixed"], *options.split())
        assert evaluation == lab.metrics()["evaluation"]
    assert len({str(evaluation) for evaluation in told.values()}) == len(told) == 2 * 4


def test_study_that_is_damaged_or_of_other_settings_is_begun_anew(lab, study):
    lab.run(*STUDIED, "--seed", "7", "--weight-scale", "0.2")
    other = study.read_text()
    lab.run(*STUDIED)
    whole = study.read_text()
    about = whole[: whole.index('"runs"')]
    runs = [f'{about}"runs": {runs}}}' for runs in ("[5]", "5", '{" --seed 0": 5}')]
    for content in ("", "{", "5", '{"about": 1}', whole[:-20], other, *runs):
        study.write_text(content)
        assert lab.run(*STUDIED) == 0
        assert study.read_text() == whole


def test_study_compares_means_and_judges_by_the_interval_of_the_paired_differences(lab, study):
    """Of two gains g and h the interval is their mean -+ t |g - h| / 2, with t = 2.776445."""
    lab.run(*STUDIED)
    content = json.loads(study.read_bytes())
    f1 = [50, 60, 61, 73, 38, 46, 52, 59]
    for number, run in enumerate(content["runs"].values()):
        run |= {"f1": f1[number] / 100, "recall": 0.25 + number % 2 / 10}
        run |= {"precision": None, "false_positives": 3 + number % 2, "false_negatives": 7}
    study.write_text(json.dumps(content))
    lab.run(*STUDIED)
    table = """
options              F1  recall  precision  errors         difference, points               verdict
(the lab's run)  55.00%  30.00%        n/a    10.5
--epochs 5       67.00%  30.00%        n/a    10.5   +12.00 (+9.22 .. +14.78)                better
--hidden 4 3     42.00%  30.00%        n/a    10.5  -13.00 (-15.78 .. -10.22)                 worse
--momentum 0.5   55.50%  30.00%        n/a    10.5     +0.50 (-3.66 .. +4.66)  no measurable effect
"""
    assert table in (lab.out / "study_log.txt").read_text()


# --- MNIST itself -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist_run(mnist_dir, tmp_path_factory) -> Lab:
    """The lab's run, all settings by default."""
    lab = Lab(mnist_dir, tmp_path_factory.mktemp("mnist"))
    assert main([f"--data-dir={mnist_dir}", f"--output-dir={lab.out}"]) == 0
    return lab


def test_default_run_on_mnist_reaches_the_known_accuracy_and_loss(mnist_run):
    metrics = mnist_run.metrics()
    evaluation, losses = metrics["evaluation"], [row["loss"] for row in metrics["history"]]
    assert (evaluation["total"], evaluation["threshold"]) == (1000, 0.5)
    assert evaluation["majority_share"] == 0.911
    assert evaluation["accuracy"] >= 0.970
    assert (len(losses), losses[-1] < 0.0095, 0.058 <= losses[0] <= 0.073) == (15, True, True)


def test_committed_log_has_the_losses_of_a_fresh_default_run(root, mnist_run):
    """Another machine's last digits differ; another algorithm differs by far more."""
    pattern = r"^Epoch (\d+)/15, loss: (\d\.\d{6})$"
    logs = mnist_run.log(), replace(mnist_run, out=root / "sample_outputs").log()
    fresh, committed = (np.array(re.findall(pattern, log, re.M), float) for log in logs)
    np.testing.assert_allclose(committed, fresh, rtol=1e-3)


def test_default_run_on_mnist_repeats_byte_for_byte(mnist_run, lab):
    main([f"--data-dir={mnist_run.data}", f"--output-dir={lab.out}"])
    assert lab.files() == mnist_run.files()
