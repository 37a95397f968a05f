"""train_network: the whole lab on a small made data set, and on MNIST where it is at hand."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from made_data import TEST_IMAGES, write_dataset

import train_network
from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork
from train_network import main
from utils import Evaluation, run_script

OUTPUTS = ["metrics.json", "model.npz", "training_log.txt"]
SMALL_RUN = {
    "--train-size": "all",
    "--test-size": "all",
    "--hidden": "8",
    "--epochs": "3",
    "--learning-rate": "0.1",
}


def arguments(data_dir: Path, output_dir: Path, *options: str, **changes: str) -> list[str]:
    """The command line of a small run, with options such as epochs="5" changed or added."""
    settings = SMALL_RUN | {f"--{name.replace('_', '-')}": v for name, v in changes.items()}
    settings |= {"--data-dir": str(data_dir), "--output-dir": str(output_dir)}
    return [*itertools.chain(*settings.items()), *options]


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def read_log(directory: Path) -> str:
    return (directory / "training_log.txt").read_text(encoding="utf-8")


def read_metrics(directory: Path) -> dict:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads((directory / "metrics.json").read_bytes(), parse_constant=refuse)


def script(root: Path, options: list[str], **settings: object) -> subprocess.Popen:
    """Start the script; Ctrl-C works in it even if whoever runs the tests ignores Ctrl-C."""
    return subprocess.Popen(
        [sys.executable, str(root / "train_network.py"), *options],
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | settings,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def run(root: Path, options: list[str], **settings: object) -> tuple[int, bytes, bytes]:
    with script(root, options, **settings) as process:
        out, err = process.communicate(timeout=60)
    return process.returncode, out, err


@pytest.fixture(scope="module")
def small(made_dir, tmp_path_factory) -> Path:
    """The outputs of a small run; not to be changed."""
    output_dir = tmp_path_factory.mktemp("small")
    assert main(arguments(made_dir, output_dir)) == 0
    return output_dir


@pytest.fixture(scope="module")
def mixed(made_dir, tmp_path_factory) -> Path:
    """The outputs of a run that answers now rightly, now wrongly; not to be changed."""
    output_dir = tmp_path_factory.mktemp("mixed")
    main(arguments(made_dir, output_dir, digit="2", learning_rate="0.2"))
    evaluation = read_metrics(output_dir)["evaluation"]
    for outcome in ("true_positives", "false_positives", "false_negatives", "true_negatives"):
        assert evaluation[outcome] > 0
    return output_dir


# --- what a run writes ------------------------------------------------------------------------


def test_run_writes_log_metrics_and_model_and_nothing_else(small):
    assert sorted(contents(small)) == OUTPUTS


def test_two_runs_write_the_same_bytes(made_dir, small, tmp_path):
    main(arguments(made_dir, tmp_path))
    assert contents(tmp_path) == contents(small)


def test_run_as_a_script_elsewhere_writes_the_same_bytes(root, made_dir, small, tmp_path):
    code, _, err = run(root, arguments(made_dir, tmp_path / "out"), cwd=tmp_path)
    assert (code, err) == (0, b"")
    assert contents(tmp_path / "out") == contents(small)


def test_another_seed_writes_another_model(made_dir, small, tmp_path):
    main(arguments(made_dir, tmp_path, seed="1"))
    assert contents(tmp_path)["model.npz"] != contents(small)["model.npz"]


def test_log_is_the_screen_without_its_remarks(made_dir, tmp_path, capsys):
    main(arguments(made_dir, tmp_path))
    screen = capsys.readouterr().out.splitlines()
    remarks = [line for line in screen if line.startswith(("Trained in ", "Written: "))]
    assert len(remarks) == 1 + len(OUTPUTS)
    assert [line for line in screen if line not in remarks] == read_log(tmp_path).splitlines()


def test_log_has_no_times_and_no_paths(made_dir, small):
    log = read_log(small)
    assert not re.search(r"\d s\b|second|\d:\d\d|20\d\d", log)
    assert str(small) not in log
    assert str(made_dir) not in log
    assert "/home" not in log


def test_log_says_what_is_trained_on(small):
    log = read_log(small)
    assert "Training images: 120, of them 12 show the digit 8 (10.00%)" in log
    assert "Test images: 60, of them 6 show the digit 8 (10.00%)" in log
    assert "784 -> 8 tanh -> 1 sigmoid; 6289 parameters" in log


def test_log_shows_five_examples_of_the_digit_side_by_side(small):
    lines = read_log(small).splitlines()
    first = next(n for n, line in enumerate(lines) if line.startswith("Example 1:"))
    assert re.split(" {2,}", lines[first]) == [f"Example {n}:" for n in range(1, 6)]
    drawing = lines[first + 1 : first + 10]
    starts = [lines[first].index(f"Example {n}:") for n in range(1, 6)]
    for start in starts:  # an 18 x 12 eight: a bar above, the two sides, a bar below
        eight = [line[start : start + 12].ljust(12) for line in drawing]
        assert " " not in eight[0] + eight[-1]
        assert all(row[0] != " " and row[-1] != " " for row in eight)
        assert eight[2][3:9] == " " * 6


def test_log_and_metrics_tell_the_same_losses(small):
    logged = re.findall(r"^Epoch (\d)/3, loss: (\d\.\d{6})$", read_log(small), re.M)
    history = read_metrics(small)["history"]
    assert logged == [(str(row["epoch"]), f"{row['loss']:.6f}") for row in history]
    assert len(logged) == 3


def test_metrics_hold_the_configuration(small):
    metrics = read_metrics(small)
    assert metrics["dataset"] == "MNIST"
    assert metrics["epochs_completed"] == 3
    expected = {
        "digit": 8,
        "layer_sizes": [784, 8, 1],
        "learning_rate": 0.1,
        "momentum": 0.0,
        "l2": 0.0,
        "epochs": 3,
        "train_size": 120,
        "test_size": 60,
        "seed": 0,
    }
    assert expected.items() <= metrics["configuration"].items()


def test_history_and_model_are_those_of_the_same_training_by_hand(made_dir, mixed):
    """The script adds nothing to what the network's own methods do with the same numbers."""
    dataset = load_dataset(made_dir, "mnist", None, None)
    network = NeuralNetwork((784, 8, 1), seed=0)
    test_targets = dataset.test.targets(2)
    for row in read_metrics(mixed)["history"]:
        loss = network.train_epoch(dataset.train.images, dataset.train.targets(2), SGD(0.2))
        answers = network.predict(dataset.test.images)
        assert row["loss"] == loss
        assert row["test_accuracy"] == pytest.approx(np.mean(answers == test_targets))
        assert row["test_recall"] == pytest.approx(np.mean(answers[test_targets == 1]))
    saved = NeuralNetwork.load(mixed / "model.npz")
    for mine, others in zip(network.weights, saved.weights, strict=True):
        np.testing.assert_array_equal(mine, others)


def test_evaluation_is_that_of_the_saved_model(made_dir, mixed):
    test = load_dataset(made_dir, "mnist", None, None).test
    probabilities = NeuralNetwork.load(mixed / "model.npz").predict_proba(test.images)
    expected = Evaluation.of(probabilities, test.targets(2)).as_dict()
    assert expected.items() <= read_metrics(mixed)["evaluation"].items()


def test_metrics_name_their_model_by_its_checksum(small):
    digest = hashlib.sha256(contents(small)["model.npz"]).hexdigest()
    assert read_metrics(small)["model_sha256"] == digest


def test_results_stand_beside_the_share_of_always_no(small):
    log, evaluation = read_log(small), read_metrics(small)["evaluation"]
    assert f"Accuracy on the test set: {evaluation['accuracy']:.2%}" in log
    assert f"Recognised correctly: {evaluation['correct']} of 60." in log
    assert 'Always answering "no" would score 90.00%' in log


def test_log_counts_false_alarms_by_digit_and_names_the_missed(made_dir, mixed):
    test = load_dataset(made_dir, "mnist", None, None).test
    answers = NeuralNetwork.load(mixed / "model.npz").predict(test.images)
    log = read_log(mixed)
    alarms = re.findall(r"^  digit (\d): (\d+) of 6 ", log, re.M)
    expected = [(d, np.sum(answers & (test.digits == d))) for d in range(10) if d != 2]
    assert alarms == [(str(d), str(count)) for d, count in expected if count]
    missed = np.flatnonzero(~answers & (test.digits == 2))
    assert f"not recognised: {len(missed)} of 6" in log
    assert f"counted from 0: {', '.join(map(str, missed))}\n" in log


def test_log_has_the_confusion_counts(mixed):
    evaluation = read_metrics(mixed)["evaluation"]
    rows = re.findall(r"^ +shows (?:2|another) +(\d+) +(\d+)$", read_log(mixed), re.M)
    names = ["true_positives", "false_negatives"], ["false_positives", "true_negatives"]
    assert rows == [tuple(str(evaluation[name]) for name in row) for row in names]


# --- options ----------------------------------------------------------------------------------


def test_russian_log_has_the_sheets_lines_and_the_same_numbers(made_dir, small, tmp_path):
    main(arguments(made_dir, tmp_path, lang="ru"))
    log, history = read_log(tmp_path), read_metrics(small)["history"]
    for row in history:
        assert f"\nЭпоха {row['epoch']}/3, Ошибка: {row['loss']:.6f}\n" in log
    for line in (
        "Примеры цифры 8 из обучающей выборки:",
        "Процесс обучения:",
        "Итоговая точность:",
    ):
        assert f"\n{line}\n" in log
    assert re.search(r"^Точность на тестовой выборке: \d+\.\d\d%$", log, re.M)
    assert re.search(r"^Цифра 8 распознана верно в \d+ из 60 случаев\.$", log, re.M)
    for name in ("metrics.json", "model.npz"):
        assert contents(tmp_path)[name] == contents(small)[name]


def test_russian_runs_on_a_console_without_cyrillic_and_logs_in_utf8(root, made_dir, tmp_path):
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    code, out, err = run(root, arguments(made_dir, tmp_path, lang="ru"), env=environment)
    assert (code, err) == (0, b"")
    assert b"?????" in out
    assert "Процесс обучения:" in read_log(tmp_path)


def test_digit_option_is_learnt_and_told(made_dir, tmp_path):
    main(arguments(made_dir, tmp_path, digit="3"))
    assert "Examples of the digit 3" in read_log(tmp_path)
    assert read_metrics(tmp_path)["configuration"]["digit"] == 3
    assert NeuralNetwork.load(tmp_path / "model.npz").metadata["digit"] == 3


def test_several_hidden_layers_are_trained(made_dir, tmp_path):
    main([*arguments(made_dir, tmp_path), "--hidden", "6", "5"])
    assert NeuralNetwork.load(tmp_path / "model.npz").layer_sizes == (784, 6, 5, 1)
    assert "784 -> 6 tanh -> 5 tanh -> 1 sigmoid" in read_log(tmp_path)


@pytest.mark.parametrize("change", [{"momentum": "0.5"}, {"l2": "0.01"}, {"learning_rate": "0.2"}])
def test_settings_of_the_update_reach_the_training(made_dir, small, tmp_path, change):
    main(arguments(made_dir, tmp_path, **change))
    ((name, value),) = change.items()
    assert read_metrics(tmp_path)["configuration"][name] == float(value)
    assert contents(tmp_path)["model.npz"] != contents(small)["model.npz"]


def test_data_directory_is_taken_from_the_environment(root, made_dir, small, tmp_path):
    options = arguments(made_dir, tmp_path)
    place = options.index("--data-dir")
    del options[place : place + 2]
    code, _, err = run(root, options, env=os.environ | {"MNIST_DATA_DIR": str(made_dir)})
    assert (code, err) == (0, b"")
    assert contents(tmp_path) == contents(small)


def test_training_images_without_the_digit_are_told_and_no_failure(made_dir, tmp_path):
    assert main(arguments(made_dir, tmp_path, train_size="8", test_size="8")) == 0
    assert "no 8 among the training images" in read_log(tmp_path)
    evaluation = read_metrics(tmp_path)["evaluation"]
    assert evaluation["recall"] is evaluation["roc_auc"] is None
    assert "recall n/a" in read_log(tmp_path)


def test_easy_digit_is_learnt(tmp_path):
    """A 1 has two segments, the only other digit of so little ink a 7."""
    data_dir = write_dataset(tmp_path / "data", 400, 100)
    main(arguments(data_dir, tmp_path, digit="1", epochs="10"))
    evaluation = read_metrics(tmp_path)["evaluation"]
    assert evaluation["roc_auc"] > 0.99
    assert evaluation["accuracy"] > evaluation["majority_share"] == 0.9


# --- refusals ---------------------------------------------------------------------------------


def refusal(options: list[str], monkeypatch, capsys) -> str:
    """What the script says on its way out with code 2: one line."""
    monkeypatch.setattr(sys, "argv", ["train_network.py", *options])
    with pytest.raises(SystemExit) as caught:
        run_script(main)
    captured = capsys.readouterr()
    assert caught.value.code == 2
    assert captured.err.startswith("train_network.py: error: ")
    assert captured.err.count("\n") == 1
    return captured.err


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (["--epoch-count", "3"], ["--epoch-count", "--help"]),
        (["stray"], ["stray"]),
        (["stray\nline"], ["stray line"]),
        (["--epochs"], ["--epochs"]),
        (["--epochs", "0"], ["--epochs", "'0'", "from 1 up"]),
        (["--epochs", "1.5"], ["--epochs", "'1.5'", "whole number"]),
        (["--digit", "10"], ["--digit", "10", "0, 1, 2"]),
        (["--digit", "eight"], ["--digit", "eight"]),
        (["--learning-rate", "-1"], ["learning_rate", "-1.0", "above 0"]),
        (["--learning-rate", "nan"], ["learning_rate", "nan", "above 0"]),
        (["--learning-rate", "fast"], ["--learning-rate", "fast"]),
        (["--momentum", "1"], ["momentum", "1.0", "below 1"]),
        (["--l2", "-0.1"], ["l2", "-0.1", "at least 0"]),
        (["--train-size", "0"], ["--train-size", "'0'", '"all"']),
        (["--train-size", "x"], ["--train-size", "'x'", '"all"']),
        (["--train-size", "121"], ["120", "121", '"all"']),
        (["--test-size", "61"], ["60", "61", '"all"']),
        (["--test-size", "-5"], ["--test-size", "'-5'", '"all"']),
        (["--hidden", "0"], ["--hidden", "'0'"]),
        (["--hidden", "8", "x"], ["--hidden", "'x'"]),
        (["--hidden", "1000000000000000000"], ["1000000000000000000"]),
        (["--seed", "-1"], ["seed", "-1", "at least 0"]),
        (["--seed", "0.5"], ["--seed", "0.5"]),
        (["--lang", "de"], ["--lang", "de", "ru"]),
        (["--learning-rate", "1e38", "--l2", "1"], ["diverged", "lower the learning rate"]),
    ],
    ids=lambda value: " ".join(value) if value[0].startswith("-") else "",
)
def test_bad_option_is_one_line_that_names_it(
    made_dir, tmp_path, monkeypatch, capsys, options, named
):
    text = refusal([*arguments(made_dir, tmp_path), *options], monkeypatch, capsys)
    for part in named:
        assert part in text
    assert list(tmp_path.iterdir()) == []


def test_file_in_place_of_the_output_directory_is_refused(made_dir, tmp_path, monkeypatch, capsys):
    path = tmp_path / "file"
    path.write_text("mine")
    text = refusal(arguments(made_dir, path), monkeypatch, capsys)
    assert str(path) in text
    assert "--output-dir" in text
    assert path.read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_output_directory_is_refused(made_dir, tmp_path, monkeypatch, capsys):
    tmp_path.chmod(0o500)
    assert "Permission denied" in refusal(arguments(made_dir, tmp_path), monkeypatch, capsys)


def test_bad_data_is_refused_before_the_old_outputs_are_touched(
    made_dir, small, tmp_path, monkeypatch, capsys
):
    output_dir = shutil.copytree(small, tmp_path / "out")
    data_dir = shutil.copytree(made_dir, tmp_path / "data")
    (data_dir / TEST_IMAGES).write_bytes(b"<html>")
    text = refusal(arguments(data_dir, output_dir), monkeypatch, capsys)
    assert str(data_dir / TEST_IMAGES) in text
    assert contents(output_dir) == contents(small)


def test_bad_option_given_to_the_script_is_one_line_without_traceback(root):
    code, out, err = run(root, ["--epochs", "0"])
    assert (code, out) == (2, b"")
    assert err.count(b"\n") == 1


def limit_file_size() -> None:
    import resource

    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def test_full_disk_leaves_all_three_old_files(root, made_dir, small, tmp_path):
    """A limit on the size of files stands in: the kernel refuses to write more than 1,000 bytes."""
    output_dir = shutil.copytree(small, tmp_path / "out")
    with subprocess.Popen(
        [
            sys.executable,
            str(root / "train_network.py"),
            *arguments(made_dir, output_dir, seed="1"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=limit_file_size,
    ) as process:
        _, err = process.communicate(timeout=60)
    assert process.returncode == 2
    assert b"cannot write" in err
    assert err.count(b"\n") == 1
    assert contents(output_dir) == contents(small)


def test_file_that_is_full_only_when_flushed_leaves_all_three_old_files(
    made_dir, small, tmp_path, monkeypatch, capsys
):
    """Short contents wait in a buffer, so that the disk may be found full as late as that."""
    output_dir = shutil.copytree(small, tmp_path / "out")
    real_open = Path.open

    class FullWhenFlushed:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            return len(content)

        def flush(self):
            raise OSError(28, "No space left on device")

    def open_(self, mode="r", *rest, **settings):
        file = real_open(self, mode, *rest, **settings)
        return FullWhenFlushed(file) if self.name.startswith(".training_log") else file

    monkeypatch.setattr(Path, "open", open_)
    text = refusal(arguments(made_dir, output_dir, seed="1"), monkeypatch, capsys)
    assert "No space left" in text
    monkeypatch.undo()
    assert contents(output_dir) == contents(small)


# --- interruption -----------------------------------------------------------------------------


def interrupt_within_epoch(monkeypatch, epoch: int) -> None:
    """Press Ctrl-C when half of that epoch's updates are done."""
    train_epoch = NeuralNetwork.train_epoch
    calls = itertools.count(1)

    def interrupted(self, x, y, *rest, **options):
        if next(calls) < epoch:
            return train_epoch(self, x, y, *rest, **options)
        train_epoch(self, x[: len(x) // 2], y[: len(x) // 2], *rest, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(NeuralNetwork, "train_epoch", interrupted)


def test_interrupted_run_saves_the_network_of_the_last_whole_epoch(
    made_dir, tmp_path, monkeypatch, capsys
):
    main(arguments(made_dir, tmp_path / "two", epochs="2"))
    interrupt_within_epoch(monkeypatch, 3)
    assert main(arguments(made_dir, tmp_path / "cut", epochs="5")) == 130
    assert contents(tmp_path / "cut")["model.npz"] == contents(tmp_path / "two")["model.npz"]
    cut, two = read_metrics(tmp_path / "cut"), read_metrics(tmp_path / "two")
    assert cut["epochs_completed"] == 2
    assert cut["configuration"]["epochs"] == 5
    assert (cut["history"], cut["evaluation"]) == (two["history"], two["evaluation"])
    assert "Interrupted: what follows is the network after 2 of 5 epochs" in read_log(
        tmp_path / "cut"
    )


def test_run_interrupted_in_its_first_epoch_leaves_the_old_outputs(
    made_dir, small, tmp_path, monkeypatch, capsys
):
    output_dir = shutil.copytree(small, tmp_path / "out")
    interrupt_within_epoch(monkeypatch, 1)
    assert main(arguments(made_dir, output_dir, seed="1")) == 130
    assert "nothing to save" in capsys.readouterr().out
    assert contents(output_dir) == contents(small)


def test_control_c_after_training_loses_nothing(made_dir, small, tmp_path, monkeypatch, capsys):
    report = train_network.report_results

    def press_and_report(*everything):
        signal.raise_signal(signal.SIGINT)
        return report(*everything)

    monkeypatch.setattr(train_network, "report_results", press_and_report)
    assert main(arguments(made_dir, tmp_path / "out")) == 0
    assert contents(tmp_path / "out") == contents(small)


def test_control_c_ends_the_script_with_130_and_whole_epochs_saved(root, made_dir, tmp_path):
    options = arguments(made_dir, tmp_path / "cut", epochs="100000")
    with script(root, options) as process:
        while not (line := process.stdout.readline()).startswith(b"Epoch 3/"):
            assert line, process.stderr.read()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, b"")
    completed = read_metrics(tmp_path / "cut")["epochs_completed"]
    assert completed >= 3
    main(arguments(made_dir, tmp_path / "whole", epochs=str(completed)))
    assert contents(tmp_path / "cut")["model.npz"] == contents(tmp_path / "whole")["model.npz"]


def test_run_whose_reader_left_still_saves_its_outputs(root, made_dir, small, tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    code, _, err = run(root, arguments(made_dir, tmp_path), stdout=writer)
    os.close(writer)
    assert (code, err) == (0, b"")
    assert contents(tmp_path) == contents(small)


# --- start ------------------------------------------------------------------------------------


def test_help_works_anywhere_and_imports_no_matplotlib(root, tmp_path):
    command = [sys.executable, "-X", "importtime", str(root / "train_network.py"), "--help"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0
    imported = {line.rsplit(b"|")[-1].strip() for line in done.stderr.splitlines()}
    assert b"numpy" in imported
    assert not any(name.split(b".")[0] in (b"matplotlib", b"PIL") for name in imported)
    for option in (
        *("--data-dir", "--digit", "--hidden", "--learning-rate", "--epochs", "--train-size"),
        *("--test-size", "--momentum", "--l2", "--seed", "--output-dir", "--lang"),
    ):
        assert option in done.stdout.decode()


def test_training_imports_no_matplotlib(root, made_dir, tmp_path):
    code = (
        "import sys; sys.path.insert(0, sys.argv.pop(1)); import train_network; "
        "train_network.main(sys.argv[1:]); sys.exit('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), *arguments(made_dir, tmp_path)],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")


def test_lab_settings_are_the_defaults(tmp_path):
    options = train_network.parse_options([])
    assert (options.digit, options.hidden, options.epochs) == (8, [64], 15)
    assert (options.train_size, options.test_size) == (5000, 1000)
    assert (options.learning_rate, options.momentum, options.l2) == (0.01, 0, 0)
    assert (options.seed, options.lang) == (0, "en")
    assert options.output_dir == Path(train_network.__file__).parent / "sample_outputs"


# --- MNIST itself -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist_run(mnist_dir, tmp_path_factory) -> Path:
    output_dir = tmp_path_factory.mktemp("mnist")
    assert main(["--data-dir", str(mnist_dir), "--output-dir", str(output_dir)]) == 0
    return output_dir


def test_default_run_on_mnist_reaches_the_known_accuracy(mnist_run):
    evaluation = read_metrics(mnist_run)["evaluation"]
    assert evaluation["total"] == 1000
    assert evaluation["accuracy"] >= 0.970


def test_default_run_on_mnist_reaches_the_known_loss(mnist_run):
    history = read_metrics(mnist_run)["history"]
    assert len(history) == 15
    assert 0.058 <= history[0]["loss"] <= 0.073  # DESIGN.md's facts, over five seeds
    assert history[-1]["loss"] < 0.0095


def test_default_run_on_mnist_repeats_byte_for_byte(mnist_dir, mnist_run, tmp_path):
    main(["--data-dir", str(mnist_dir), "--output-dir", str(tmp_path)])
    assert contents(tmp_path) == contents(mnist_run)
