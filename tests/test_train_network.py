"""train_network: small runs on a made data set, and the lab's own run on MNIST."""

from __future__ import annotations

import io
import itertools
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import fields, replace
from pathlib import Path
from unittest.mock import Mock, patch

import numpy as np
import pytest
from made_data import TEST_IMAGES, write_dataset
from made_runs import CHECKPOINT, OUTPUTS, SMALL_RUN, Lab, made_run

import mnist_loader
import neural_network
import train_network
import utils
from mnist_loader import Dataset, Split, load_dataset
from neural_network import SGD, NeuralNetwork
from train_network import Run, Settings, main
from utils import Claim, Evaluation, Output, Rate, UserError

parametrize = pytest.mark.parametrize

# Every setting of plain training is another than the small run's
MIXED_RUN = ["--digit=7", "--train-size=100", "--test-size=40", "--threshold=0.2"]
MIXED_RUN += ["--hidden", "8", "6", "--dropout=0.1", "--weight-scale=0.3"]
MIXED_RUN += ["--dtype=float64", "--seed=5", "--learning-rate=0.3", "--momentum=0.5"]
MIXED_RUN += ["--l2=1e-4", "--final-learning-rate=0.1", "--epochs=5"]
DEFORMED_RUN = ["--augment", "--focus", "--dropout=0.2", "--momentum=0.5", "--epochs=5"]
RUNS = {
    "small": [],
    "part": ["--test-size=40", "--epochs=50", "--threshold=0.25"],
    "mixed": MIXED_RUN,
    "deformed": DEFORMED_RUN,
}


@pytest.fixture(scope="module", autouse=True)
def portions() -> Iterator[None]:
    """Of the 120 images three, the last of them short."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(train_network, "PORTION", 50)
        yield


@pytest.fixture(scope="module")
def runs(made_dir, tmp_path_factory) -> dict[str, Lab]:
    """Finished runs, not to be changed."""
    labs = {}
    for name, options in RUNS.items():
        labs[name] = Lab(made_dir, tmp_path_factory.mktemp(name))
        assert labs[name].run(*options) == 0
    return labs


@pytest.fixture
def small(runs) -> Lab:
    return runs["small"]


@pytest.fixture
def mixed(runs) -> Lab:
    return runs["mixed"]


@pytest.fixture
def lab(made_dir, tmp_path) -> Lab:
    """No run yet."""
    return Lab(made_dir, tmp_path / "out")


@pytest.fixture
def over_small(small, lab) -> Lab:
    """A finished small run, over which others are to go."""
    shutil.copytree(small.out, lab.out)
    return lab


def outputs(lab: Lab) -> dict[str, bytes]:
    """The files of a finished run, without those of an unfinished one."""
    return {name: lab.files()[name] for name in OUTPUTS}


def script(root: Path, options: list[str], **settings: object) -> subprocess.Popen:
    """Start the script; Ctrl-C works in it, even where the tests are run without."""
    usual = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    usual["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)
    command = [sys.executable, str(root / "train_network.py"), *options]
    return subprocess.Popen(command, **usual | settings)


# --- what a run writes ----------------------------------------------------------------


def test_log_is_the_screen_without_its_remarks_of_times_and_paths(lab, capsys):
    lab.run()
    screen = capsys.readouterr().out.splitlines()
    remarks = [line for line in screen if line.startswith(("Trained in ", "Written: "))]
    assert len(remarks) == 1 + len(OUTPUTS)
    assert screen.pop().startswith("python visualize_results.py")
    assert [line for line in screen if line not in remarks] == lab.log().splitlines()


def test_run_names_the_command_that_draws_its_figures(
    small, tmp_path, monkeypatch, capsys
):
    """With its directory, unless that is the usual one."""
    lab = replace(small, out=tmp_path / "my run")
    lab.run()
    command = f"python visualize_results.py '--output-dir={lab.out}'"
    told = f"{command} draws the figures of this run"
    assert capsys.readouterr().out.splitlines()[-1] == told
    monkeypatch.setattr(train_network, "OUTPUT_DIR", lab.out)
    lab.run()
    told = "python visualize_results.py draws the figures of this run"
    assert capsys.readouterr().out.splitlines()[-1] == told


def test_log_holds_no_time_and_no_path(small):
    assert not re.search(r"\d s\b|second|\d:\d\d|20\d\d|/tmp|/home", small.log())


def test_run_trains_as_the_networks_methods_driven_by_hand(made_dir, lab, monkeypatch):
    """The mixed run's settings, and nothing of train_network; the rate falls to 0.1."""
    monkeypatch.setattr(train_network, "MEASURED", 70)
    lab.run(*MIXED_RUN)
    dataset = load_dataset(made_dir, "mnist", 100)
    train, test = dataset.train, dataset.test.first(40)
    is_7 = test.digits == 7
    settings = {"dropout": 0.1, "weight_scale": 0.3, "seed": 5, "dtype": np.float64}
    network = NeuralNetwork((784, 8, 6, 1), **settings)
    history = []
    for epoch, rate in enumerate([0.3, 0.25, 0.2, 0.15, 0.1], start=1):
        sgd = SGD(rate, momentum=0.5, l2=1e-4)
        loss = network.train_epoch(train.images, train.targets(7), sgd)
        seen = network.predict_proba(train.images[:70])  # of 100
        seen_7 = train.digits[:70] == 7
        scores = network.predict_proba(test.images)
        row = {
            "epoch": epoch,
            "loss": loss,
            "train_loss": np.mean((seen - seen_7) ** 2),
            "train_accuracy": np.mean((seen >= 0.2) == seen_7),
            "test_loss": np.mean((scores - is_7) ** 2),
            "test_accuracy": np.mean((scores >= 0.2) == is_7),
            "test_recall": np.mean(scores[is_7] >= 0.2),
        }
        history.append(pytest.approx(row))
    assert lab.metrics()["history"] == history
    for saved, ours in zip(lab.network().weights, network.weights, strict=True):
        np.testing.assert_allclose(saved, ours, rtol=1e-9)


def test_all_training_images_of_the_labs_run_are_measured():
    assert Settings().train_size <= train_network.MEASURED


def test_metrics_hold_the_settings_of_the_run(mixed):
    expected = {
        "digit": 7,
        "train_size": 100,
        "test_size": 40,
        "threshold": 0.2,
        "layer_sizes": [784, 8, 6, 1],
        "dropout": 0.1,
        "weight_scale": 0.3,
        "dtype": "float64",
        "seed": 5,
        "learning_rate": 0.3,
        "momentum": 0.5,
        "l2": 0.0001,
        "final_learning_rate": 0.1,
        "epochs": 5,
        "augment": False,
        "focus": False,
        "loop": False,
    }
    configuration = mixed.metrics()["configuration"]
    assert configuration == configuration | expected


def test_metrics_name_the_data_set_and_the_epochs_done(mixed):
    metrics = mixed.metrics()
    assert metrics["dataset"] == "made0"
    assert metrics["epochs_completed"] == 5


def test_sizes_in_the_metrics_are_numbers_where_all_were_asked_for(small):
    configuration = small.metrics()["configuration"]
    assert configuration["train_size"] == 120
    assert configuration["test_size"] == 60


def test_saved_model_has_the_history_and_the_scores_that_the_metrics_tell(
    made_dir, mixed
):
    test = load_dataset(made_dir, "mnist", 100).test
    scores = mixed.network().predict_proba(test.images[:40])
    evaluation = Evaluation(scores, test.digits[:40] == 7, 0.2)
    metrics = mixed.metrics()
    assert metrics["evaluation"] == evaluation.as_dict()
    assert metrics["history"] == mixed.network().metadata["history"]


def test_claims_are_about_the_answers_of_the_saved_model_to_all_test_images(
    made_dir, mixed
):
    dataset = load_dataset(made_dir, "mnist", 100)
    examples = dataset.train.images[dataset.train.digits == 7]
    answers = mixed.network().predict(dataset.test.images, 0.2)
    claims = utils.examine_claims(7, examples, *dataset.test, answers)
    expected = {"test_images": 60, "claims": [claim.as_dict() for claim in claims]}
    assert mixed.metrics()["error_analysis"] == json.loads(json.dumps(expected))
    assert claims[-1].affected.count + claims[-1].rest.count > 0  # it does err


def test_headline_is_of_the_first_test_images_and_the_claims_are_of_all(runs):
    """The digits of the 60 test images go 0, 1 ... 9, 0 ...: of 40 four are 8s."""
    metrics = runs["part"].metrics()
    evaluation = metrics["evaluation"]
    assert evaluation["total"] == 40
    assert evaluation["positives"] == 4
    totals = {}
    for claim in metrics["error_analysis"]["claims"]:
        affected = claim["affected"]["total"]
        totals[claim["claim"].partition(" (")[0]] = affected + claim["rest"]["total"]
    assert totals == {
        "digit 8 with a gap": 6,
        "digit 8 with very thin lines": 6,
        "digit 8 strongly slanted": 6,
        "6 and 9 taken for 8": 54,
        "noisy images": 60,
    }


def test_log_says_on_how_many_images_headline_and_claims_are_measured(runs):
    log = runs["part"].log()
    assert "\nTest images: 40; 4 show 8 (10.00%)\n" in log
    assert "\n(all 60 test images, 95% intervals; limits from the training" in log


# --- the log, worked out by hand ------------------------------------------------------

# What the test images show, their scores, and how many there are of each. The headline
# is of the first 5,000, the claims are of all. The score is an image's last pixel.
SHOWN = [
    (8, 0.875, 996),
    (8, 0.25, 12),
    (8, 0.875, 204),
    (3, 0.8125, 1000),
    (3, 0.125, 250),
    (9, 0.75, 600),
    (9, 0.125, 900),
    (0, 0.125, 1038),
    (8, 0.25, 700),
    (4, 0.875, 300),
]
# With their intervals: 3 of 10, 0 of 29 and 48 of 80 are the examples (b), (d) and (a)
# of Newcombe's table II for method 10; 64 of 7,059 is the lab's run on MNIST.
CLAIMS = [
    Claim(
        "digit {digit} with a gap (closed loops: under {limit:g})",
        {"digit": 8, "limit": 2},
        Rate(9, 10),
        Rate(3, 10),
        [],
    ),
    Claim(
        "digit {digit} with very thin lines (under {limit:.2f} pixels)",
        {"digit": 8, "limit": 1.5},
        Rate(5, 56),
        Rate(0, 29),
        [],
    ),
    Claim(
        "digit {digit} strongly slanted (over {limit:.1f} degrees)",
        {"digit": 8, "limit": 31},
        Rate(56, 70),
        Rate(48, 80),
        [3],
    ),
    Claim("6 and 9 taken for {digit}", {"digit": 8}, Rate(1, 1967), Rate(64, 7059), []),
    Claim("noisy images (ink outside the main stroke)", {}, Rate(0, 0), Rate(1, 5), []),
]
LOG = """\
Recognising the handwritten digit 8 in made
===========================================
Network: 784 -> 6 tanh -> 4 tanh -> 1 sigmoid; 4,743 parameters, float32, seed 7
Training: epochs 2, an update after every sample; learning rate 0.3 .. 0.1
Other than the lab's: --train-size 4800 --test-size 5000 --threshold 0.75 --hidden 6 4 \
--seed 7 --learning-rate 0.3 --final-learning-rate 0.1 --epochs 2
Training images: 4,800; 1,200 show 8 (25.00%)
Test images: 5,000; 1,212 show 8 (24.24%)

Examples of the digit 8 from the training set:

Example 1:  Example 2:  Example 3:  Example 4:  Example 5:
###
###          :::::

Training:

Epoch 1/2, loss: 0.250000
Epoch 2/2, loss: 0.125000

Results on the test set:

Accuracy on the test set: 67.76%
Is it 8 or not? Answered correctly: 3,388 of 5,000.
Always answering "no" scores 75.76%; compare accuracy with this.

Confusion counts (threshold 0.75):
               answered: yes  answered: no
shows 8                1,200            12
shows another          1,600         2,188

Of the digit 8: precision 42.86%, recall 99.01%, F1 59.82%
Area under the ROC curve: 0.9958

False alarms, other digits taken for 8: 1,600 of 3,788
  digit 3: 1,000 of 1,250 (80.00%)
  digit 9: 600 of 1,500 (40.00%)
Missed, images of 8 not recognised: 12 of 1,212
  images of the test set, counted from 0: 996, 997, 998, 999, 1000, 1001, 1002, 1003, 1004, \
1005,
  1006, 1007

Error analysis: does the network err where the lab sheet says that it does?
(all 6,000 test images, 95% intervals; limits from the training images)

                                                     errors on these        on the others   \
      difference, points         verdict
digit 8 with a gap (closed loops: under 2)           9 of 10  90.00%      3 of 10  30.00%  \
+60.00 (+17.05 .. +80.90)  too few images
digit 8 with very thin lines (under 1.50 pixels)     5 of 56   8.93%      0 of 29   0.00%   \
 +8.93 (-3.81 .. +19.26)    inconclusive
digit 8 strongly slanted (over 31.0 degrees)        56 of 70  80.00%     48 of 80  60.00%   \
+20.00 (+5.24 .. +33.39)       confirmed
6 and 9 taken for 8                               1 of 1,967   0.05%  64 of 7,059   0.91%   \
  -0.86 (-1.11 .. -0.55)         refuted
noisy images (ink outside the main stroke)                0 of 0 n/a       1 of 5  20.00%   \
                     n/a  too few images

Confirmed: the interval lies above 0. Refuted: it ends below half the others' error rate. \
Fewer than
20 images get no verdict.
"""  # noqa: E501
RUSSIAN_LOG = """\
Распознавание цифры 8 из датасета made
======================================
Сеть: 784 -> 6 tanh -> 4 tanh -> 1 sigmoid; число параметров 4 743, float32, seed 7
Обучение: число эпох 2, веса обновляются после каждого примера; скорость обучения 0.3 .. 0.1
Отличия от лабораторной работы: --train-size 4800 --test-size 5000 --threshold 0.75 \
--hidden 6 4 --seed 7 --learning-rate 0.3 --final-learning-rate 0.1 --epochs 2
Обучающие примеры: всего 4 800, с цифрой 8 — 1 200 (25.00%)
Тестовые примеры: всего 5 000, с цифрой 8 — 1 212 (24.24%)

Примеры цифры 8 из обучающей выборки:

Пример 1:  Пример 2:  Пример 3:  Пример 4:  Пример 5:
###
###         :::::

Процесс обучения:

Эпоха 1/2, Ошибка: 0.250000
Эпоха 2/2, Ошибка: 0.125000

Итоговая точность:

Точность на тестовой выборке: 67.76%
Цифра 8 распознана верно в 3388 из 5000 случаев.
Здесь точность — доля верных ответов (accuracy), «да» и «нет» вместе; при ответе «нет» на \
всё она равна 75.76%.

Матрица ошибок (порог 0.75):
              ответ: да  ответ: нет
цифра 8           1 200          12
другая цифра      1 600       2 188

Для цифры 8: точность (precision) 42.86%, полнота (recall) 99.01%, F1 59.82%
Площадь под ROC-кривой: 0.9958

Ложные срабатывания (другие цифры, принятые за 8): 1 600 из 3 788
  цифра 3: 1 000 из 1 250 (80.00%)
  цифра 9: 600 из 1 500 (40.00%)
Пропуски (нераспознанные изображения цифры 8): 12 из 1 212
  номера изображений в тестовой выборке, считая с нуля: 996, 997, 998, 999, 1000, 1001, \
1002, 1003,
  1004, 1005, 1006, 1007

Анализ ошибок: там ли ошибается сеть, где указано в лабораторной работе?
(все 6 000 тестовых изображений, 95%-е интервалы; границы по обучающим примерам)

                                                           ошибки в группе    ошибки вне \
группы            разность, п. п.             вывод
цифра 8 с разрывом (замкнутых петель меньше 2)             9 из 10  90.00%      3 из 10  \
30.00%  +60.00 (+17.05 .. +80.90)  мало изображений
цифра 8 с очень тонкими линиями (тоньше 1.50 пикселя)      5 из 56   8.93%      0 из 29   \
0.00%    +8.93 (-3.81 .. +19.26)    не установлено
цифра 8 с сильным наклоном (больше 31.0 градуса)          56 из 70  80.00%     48 из 80  \
60.00%   +20.00 (+5.24 .. +33.39)      подтверждено
цифры 6 и 9, принятые за 8                              1 из 1 967   0.05%  64 из 7 059   \
0.91%     -0.86 (-1.11 .. -0.55)      опровергнуто
зашумлённые изображения (пиксели вне основного штриха)          0 из 0 н/д       1 из 5  \
20.00%                        н/д  мало изображений

Подтверждено: весь интервал выше нуля. Опровергнуто: верхняя граница интервала меньше \
половины доли
ошибок вне группы. Если изображений меньше 20, вывод не делается.
"""  # noqa: E501


@pytest.fixture
def scored() -> Run:
    """A finished run on the SHOWN images."""
    settings = Settings(
        train_size=4800,
        test_size=5000,
        threshold=0.75,
        hidden=(6, 4),
        seed=7,
        learning_rate=0.3,
        final_learning_rate=0.1,
        epochs=2,
    )
    network = settings.network()
    network.predict_proba = lambda images: images[:, -1]
    numbers = [n for _, _, n in SHOWN]
    shown = np.repeat([digit for digit, _, _ in SHOWN], numbers).astype(np.uint8)
    test = Split(np.zeros((6000, 784), np.float32), shown)
    test.images[:, -1] = np.repeat([score for _, score, _ in SHOWN], numbers)

    digits = np.tile([8, 3, 1, 0], 1200).astype(np.uint8)
    drawings = np.zeros((4800, 28, 28), np.float32)
    drawings[0, 4:8, 10:13] = 1  # four rows, two lines of characters
    drawings[1] = 1  # a 3
    drawings[4, 6:8, 11:16] = 0.4
    train = Split(drawings.reshape(4800, 784), digits)
    measures = {"train_loss": 0.1, "train_accuracy": 0.9}
    measures |= {"test_loss": 0.2, "test_accuracy": 0.8, "test_recall": 0.5}
    history = [
        {"epoch": 1, "loss": 0.25} | measures,
        {"epoch": 2, "loss": 0.125} | measures,
    ]
    return Run(settings, network, Dataset("made", train, test), history)


@parametrize(("language", "log"), [("en", LOG), ("ru", RUSSIAN_LOG)])
def test_log_of_a_run_worked_out_by_hand(scored, tmp_path, language, log):
    """An 8 wins 1,200 * 3,788 + 12 * 2,188 of 1,212 * 3,788 pairs: AUC 0.9958."""
    out = Output(language, io.StringIO())
    train_network.describe_run(out, scored)
    train_network.show_examples(out, scored)
    train_network.train(out, scored, tmp_path / CHECKPOINT)
    train_network.report_results(out, scored, scored.evaluate(scored.test))
    train_network.report_claims(out, scored, CLAIMS)
    told = out.contents().replace("\N{NO-BREAK SPACE}", " ")
    assert told.splitlines() == log.splitlines()


def test_log_of_a_run_with_the_labs_settings_names_no_options():
    run = made_run()
    run.settings = Settings(lang="ru")
    out = Output("en", io.StringIO())
    train_network.describe_run(out, run)
    assert "Other than the lab's" not in out.contents()


def test_log_counts_and_shows_the_images_of_the_digit_asked_for():
    """Two training images are 7s, each lit at its own pixel, and one test image is."""
    run = made_run(digit=7)
    out = Output("en", io.StringIO())
    train_network.describe_run(out, run)
    train_network.show_examples(out, run)
    assert out.lines[-7:] == [
        "Training images: 10; 2 show 7 (20.00%)",
        "Test images: 20; 1 show 7 (5.00%)",
        "",
        "Examples of the digit 7 from the training set:",
        "",
        "Example 1:  Example 2:",
        ":            :",
    ]


def told_with_claims(run: Run) -> str:
    out = Output("en", io.StringIO())
    train_network.report_claims(out, run, CLAIMS)
    return out.contents()


def test_claims_about_another_digit_than_the_lab_sheets_say_so():
    remark = "(the lab sheet speaks of 8; here the same is asked of 3)"
    assert f"\n{remark}\n" in told_with_claims(made_run(digit=3))
    assert "speaks of" not in told_with_claims(made_run(digit=8))


@parametrize(
    ("name", "settings", "is_told"),
    [
        ("MNIST", Settings(seed=3, lang="ru"), True),
        ("MNIST", Settings(epochs=16), False),
        ("MNIST", Settings(digit=3), False),
        ("made", Settings(), False),
    ],
)
def test_range_of_ten_seeds_is_told_of_the_labs_run_alone(name, settings, is_told):
    run = made_run(name=name)
    run.settings = settings
    out = Output("en", io.StringIO())
    train_network.report_limits(out, run)
    told = (
        "One run is one sample: over ten seeds the lab's run finds 74 to 84% of the 8s"
    )
    assert out.lines == ([told] if is_told else [])


def test_training_images_without_the_digit_are_told_and_no_failure(lab):
    assert lab.run("--digit=9", "--train-size=8", "--test-size=8") == 0
    assert "recall n/a" in lab.log()
    assert lab.metrics()["evaluation"]["recall"] is None


def told_of_data(digits, test_digits, digit=8, **settings) -> list[str]:
    """What is told of the data of a run, whose images show these digits."""
    run = made_run(train=digits, digit=digit, **settings)
    test = run.dataset.test
    test = Split(test.images[: len(test_digits)], np.array(test_digits, np.uint8))
    run = replace(run, dataset=run.dataset._replace(test=test))
    out = Output("en", io.StringIO())
    train_network.describe_run(out, run)
    train_network.show_examples(out, run)
    return [line for line in out.lines if line.startswith("No image")]


@parametrize(
    ("digits", "test_digits", "settings", "told"),
    [
        # Sorted files: the test images tell that there is an 8 further on
        (
            [0, 0, 1, 2],
            [0, 1, 8],
            {},
            ["No image of 8 among these, only of 0, 1, 2; try --train-size all"],
        ),
        (
            [0, 8],
            [0, 1, 8],
            {"test_size": 2},
            ["No image of 8 among these, only of 0, 1; try --test-size all"],
        ),
        # Labels without any
        (
            [1, 0],
            [3, 1],
            {},
            [
                "No image of 8 among these, only of 0, 1; try --digit 0",
                "No image of 8 among these, only of 1, 3; try --digit 1",
            ],
        ),
        ([8, 0], [0, 8], {}, []),
        ([1, 0], [0, 1], {"digit": 1}, []),
    ],
)
def test_where_no_image_shows_the_digit_the_log_says_what_would_help(
    digits, test_digits, settings, told
):
    assert told_of_data(digits, test_digits, **settings) == told


@parametrize(("largest", "is_told"), [(1, True), (127, True), (128, False)])
def test_pixels_of_another_scale_are_told(largest, is_told):
    run = made_run()
    run.dataset.train.images[:] *= np.float32(largest / 255)
    out = Output("en", io.StringIO())
    train_network.describe_run(out, run)
    told = f"The largest pixel of the training images is {largest}; full ink is 255"
    assert (told in out.lines) == is_told


# What is changed in the lab's run; its lowest loss on training images on MNIST, where
# 0.0924 of them are 8s and a constant answer has 0.0839; what is named as the cause
CAUSES = [
    ({}, 0.0084, None),
    ({"weight_scale": 0.0}, 0.0839, "--weight-scale 0.0 (the lab's is 0.1)"),
    ({"weight_scale": 0.5}, 0.0178, None),
    ({"weight_scale": 1.0}, 0.0922, "--weight-scale 1.0 (the lab's is 0.1)"),
    ({"weight_scale": 100.0}, 0.4798, "--weight-scale 100.0 (the lab's is 0.1)"),
    ({"l2": 0.05}, 0.0626, None),
    ({"l2": 0.1}, 0.0839, "--l2 0.1 (the lab's is 0.0)"),
    ({"l2": 1.0}, 0.0839, "--l2 1.0 (the lab's is 0.0)"),
    ({"momentum": 0.97}, 0.0357, None),
    ({"momentum": 0.98}, 0.0924, "--momentum 0.98 (the lab's is 0.0)"),
    ({"momentum": 0.99}, 0.0924, "--momentum 0.99 (the lab's is 0.0)"),
    (
        {"momentum": 0.9, "learning_rate": 0.1},
        0.0924,
        "--momentum 0.9 (the lab's is 0.0)",
    ),
    ({"learning_rate": 1.0}, 0.0924, "--learning-rate 1.0 (the lab's is 0.01)"),
    ({"learning_rate": 10.0}, 0.0924, "--learning-rate 10.0 (the lab's is 0.01)"),
    ({"learning_rate": 0.0002}, 0.0738, None),
    ({"learning_rate": 0.0001}, 0.0836, "--learning-rate 0.0001 (the lab's is 0.01)"),
    ({"learning_rate": 0.001, "epochs": 1}, 0.1009, "--epochs 1 (the lab's is 15)"),
    ({"dropout": 0.9}, 0.0449, None),
    ({"dropout": 0.99}, 0.0874, "--dropout 0.99 (the lab's is 0.0)"),
    ({"hidden": (64, 1)}, 0.0838, "--hidden 64 1 (the lab's is 64)"),
    ({"hidden": (64, 2)}, 0.0070, None),
    # Harmless settings beside the one that is not
    (
        {"l2": 1.0, "weight_scale": 0.2, "momentum": 0.5, "hidden": (8,)},
        0.0839,
        "--l2 1.0 (the lab's is 0.0)",
    ),
    ({"l2": 1.0, "train_size": None}, 0.0839, "--l2 1.0 (the lab's is 0.0)"),
    # Ten times beyond what still learns, and 1.2 times
    ({"dropout": 0.99, "l2": 0.06}, 0.0839, "--dropout 0.99 (the lab's is 0.0)"),
    # Beyond, but it learnt for a while
    ({"momentum": 0.98}, 0.0357, None),
    # Nothing learnt, and no setting to name, as with shuffled labels
    ({}, 0.0839, None),
    ({"hidden": (64, 2)}, 0.0839, None),
    ({"l2": 1e-4, "seed": 3, "threshold": 0.9}, 0.0839, None),
]


@parametrize(("settings", "loss", "told"), CAUSES)
def test_where_nothing_was_learnt_the_log_names_the_likeliest_cause(
    settings, loss, told
):
    run = made_run()
    n = 5000
    digits = np.zeros(n, np.uint8)
    digits[:462] = 8
    train = Split(np.zeros((n, 784), np.float32), digits)
    run.settings = Settings(**settings)
    run.dataset = run.dataset._replace(train=train)
    run.history = [run.history[0] | {"train_loss": value} for value in (0.9, loss, 0.8)]
    out = Output("en", io.StringIO())
    train_network.report_nothing_learnt(out, run)
    if told is None:
        assert out.lines == []
        return
    assert out.lines == [
        f"Nothing was learnt: on training images the loss stayed at {loss:.4f}; "
        "answering 0.0924 to everything has 0.0839",
        f"The likeliest cause is {told}",
        "",
    ]


def test_report_tells_that_nothing_was_learnt_also_where_answers_differ():
    """Of ten training images three are 8s: a constant answer has 0.3 * 0.7."""
    row = (0.3, 0.21, 0.7, 0.4, 0.7, 0.5)
    run = made_run(history=[row, row], l2=1.0)
    out = Output("en", io.StringIO())
    train_network.report_results(out, run, run.evaluate(run.test))
    told = (
        "on training images the loss stayed at 0.2100; answering 0.3000 to everything"
    )
    assert f"Nothing was learnt: {told} has 0.2100" in out.lines
    assert "False alarms, other digits taken for 8: 3 of 14" in out.lines


def test_labels_without_the_digit_are_no_fault_of_a_setting():
    run = made_run(train=[0, 1], l2=1.0)
    out = Output("en", io.StringIO())
    train_network.report_nothing_learnt(out, run)
    assert out.lines == []


def test_few_images_are_the_likeliest_cause_where_nothing_else_is():
    settings = Settings(train_size=30, learning_rate=0.005)
    assert train_network.likeliest_cause(settings, 30) == "train_size"


@parametrize(("threshold", "answer"), [("1", "no"), ("0", "yes")])
def test_constant_answer_is_remarked_and_neither_mistakes_nor_claims_follow(
    lab, threshold, answer
):
    lab.run("--threshold", threshold)
    log = lab.log()
    assert f"The network answers {answer} to everything: its errors tell nothing" in log
    assert "counted from 0" not in log
    assert "verdict" not in log
    assert lab.metrics()["error_analysis"]["claims"] == []


@parametrize("threshold", [0, 1])
def test_constant_answer_is_explained_by_scores_and_threshold(threshold):
    run = made_run(threshold=threshold)
    out = Output("en", io.StringIO())
    train_network.report_results(out, run, run.evaluate(run.test))
    told = f"Its scores go from 0.020 to 0.950, the threshold is {threshold}"
    assert out.lines[-1] == told


def test_a_run_on_the_sample_says_so_at_both_ends(lab):
    options = ["--dataset=sample", "--epochs=1", "--train-size=200"]
    main([*options, f"--output-dir={lab.out}"])
    log = lab.log()
    assert "in the bundled sample, NOT MNIST\n" in log
    assert "NOT MNIST: the data is the bundled sample" in log[:300]
    assert "NOT MNIST: the data is the bundled sample" in log[-300:]
    assert "ten seeds" not in log  # which is known of MNIST
    assert lab.metrics()["dataset"] == "sample"


def test_sample_steps_in_where_no_data_set_is_named_and_mnist_is_not_there(
    lab, tmp_path, monkeypatch
):
    monkeypatch.setattr(mnist_loader, "OWN_DIR", tmp_path / "data")
    monkeypatch.setattr(mnist_loader, "DATA_DIR", tmp_path / "data")
    options = ["--epochs=1", "--train-size=200", "--hidden=2"]
    assert main([*options, f"--output-dir={lab.out}"]) == 0
    assert lab.metrics()["dataset"] == "sample"


def test_speed_is_that_of_the_epochs_trained_now(lab, monkeypatch, capsys):
    """Of 120 images each, three in two seconds; then two more; then none."""
    clock = Mock(perf_counter=Mock(side_effect=[10.0, 12.0, 20.0, 22.0, 30.0, 30.1]))
    monkeypatch.setattr(train_network, "time", clock)
    lab.run()
    assert "\nTrained in 2.00 s, 180 samples a second\n" in capsys.readouterr().out
    lab.resume("--epochs=5")
    assert "\nTrained in 2.00 s, 120 samples a second\n" in capsys.readouterr().out
    lab.resume()
    assert "Trained in" not in capsys.readouterr().out


def test_russian_script_has_the_sheets_lines_and_the_same_numbers(
    root, lab, small, tmp_path
):
    """Started elsewhere, on a console without Cyrillic; the log is UTF-8 anyway."""
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    options = lab.options("--lang=ru")
    with script(root, options, env=environment, cwd=tmp_path) as process:
        out, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == 0
    assert "?????" in out
    log = lab.log()
    for row in small.metrics()["history"]:
        assert f"\nЭпоха {row['epoch']}/3, Ошибка: {row['loss']:.6f}\n" in log
    assert "\nПримеры цифры 8 из обучающей выборки:\n" in log
    assert "\nПроцесс обучения:\n" in log
    assert "\nИтоговая точность:\n" in log
    assert re.search(r"^Точность на тестовой выборке: \d+\.\d\d%$", log, re.M)
    assert re.search(r"^Цифра 8 распознана верно в \d+ из 60 случаев\.$", log, re.M)
    assert lab.files()["metrics.json"] == small.files()["metrics.json"]


# --- options --------------------------------------------------------------------------

TYPED = """\
--digit 3 --train-size 4000 --test-size all --threshold 0.25 --hidden 32 16
--dropout 0.1 --weight-scale 0.2 --dtype float64 --seed 5 --learning-rate 0.02
--momentum 0.5 --l2 0.0001 --final-learning-rate 0.001 --epochs 7 --augment --focus
--loop"""


def test_settings_tell_their_options_as_they_are_typed():
    given = vars(train_network.make_parser().parse_args([*TYPED.split(), "--lang=ru"]))
    names = {f.name for f in fields(Settings)}
    settings = Settings(**{name: given[name] for name in names & given.keys()})
    assert settings.options().split() == TYPED.split()


def test_help_shows_the_default_of_every_option():
    text = " ".join(train_network.make_parser().format_help().split())
    text = text.partition("data and question:")[2].partition("examples:")[0]
    shown = {}
    for option in re.split(r" --(?=[a-z])", text)[1:]:
        default = re.search(r"\(default: (.*)\)$", re.sub(r" [a-z ]+:$", "", option))
        shown[option.split()[0]] = default and default[1]
    assert shown == {
        "digit": "8",
        "train-size": "5000",
        "test-size": "1000",
        "threshold": "0.5",
        "data-dir": "$MNIST_DATA_DIR or data/",
        "dataset": "auto",
        "hidden": "64",
        "dropout": "0.0",
        "weight-scale": "0.1",
        "dtype": "float32",
        "seed": "0",
        "learning-rate": "0.01",
        "momentum": "0.0",
        "l2": "0.0",
        "final-learning-rate": "it stays",
        "epochs": "15",
        "augment": None,  # a switch
        "focus": None,
        "loop": None,
        "lang": "en",
        "output-dir": "sample_outputs/",
        "resume": None,
    }


# An option, its value, and that of the small run
OTHERS = [
    ("--digit 3", 3, 8),
    ("--train-size 100", 100, None),
    ("--test-size 40", 40, None),
    ("--threshold 0.1", 0.1, 0.5),
    ("--hidden 9 7", (9, 7), (8,)),
    ("--dropout 0.3", 0.3, 0.0),
    ("--weight-scale 0.3", 0.3, 0.1),
    ("--dtype float64", "float64", "float32"),
    ("--seed 1", 1, 0),
    ("--learning-rate 0.2", 0.2, 0.1),
    ("--momentum 0.5", 0.5, 0.0),
    ("--l2 0.01", 0.01, 0.0),
    ("--final-learning-rate 0.01", 0.01, None),
    ("--augment", True, False),
    ("--focus", True, False),
    ("--loop", True, False),
]


@parametrize("option", [option for option, _, _ in OTHERS])
def test_every_setting_changes_the_result(lab, small, option):
    lab.run(*option.split())
    assert lab.metrics()["history"] != small.metrics()["history"]


OF_TRAINING = [
    other for other in OTHERS if not other[0].startswith(("--test", "--thresh"))
]


@parametrize(("option", "value", "usual"), OF_TRAINING)
def test_resumed_run_may_have_no_other_settings(small, option, value, usual):
    before = small.files()
    name = option.split()[0].removeprefix("--").replace("-", "_")
    with pytest.raises(UserError) as refusal:
        small.resume(*option.split())
    assert str(refusal.value) == (
        f"{name} is {value!r}, but {usual!r} in {small.out / 'model.npz'}; to resume "
        "that run leave the option out, for a new run leave out --resume"
    )
    assert small.files() == before


# Measures that depend on the threshold, and on how many test images there are
BY_THRESHOLD = {"train_accuracy", "test_accuracy", "test_recall"}
BY_TEST_IMAGES = {"test_loss", "test_accuracy", "test_recall"}


@parametrize(
    ("options", "expected"),
    [
        (["--threshold=0.1"], BY_THRESHOLD),
        (["--test-size=40"], BY_TEST_IMAGES),
        (["--threshold=0.1", "--test-size=40"], BY_THRESHOLD | BY_TEST_IMAGES),
    ],
)
def test_resumed_with_what_is_no_part_of_training_it_is_measured_anew(
    lab, over_small, monkeypatch, tmp_path, options, expected
):
    """As by a run that had it from the start, but for what earlier epochs were."""
    anew = replace(lab, out=tmp_path / "anew")
    anew.run(*options)
    with monkeypatch.context() as patched:
        patched.setattr(NeuralNetwork, "train_epoch", Mock(side_effect=AssertionError))
        assert over_small.resume(*options) == 0
    before, asked = over_small.metrics(), anew.metrics()
    *earlier, last = before.pop("history")
    *_, last_asked = asked.pop("history")
    assert before == asked
    assert last == last_asked
    unknown = {name for row in earlier for name, value in row.items() if value is None}
    assert len(earlier) == 2
    assert unknown == expected
    np.testing.assert_array_equal(
        over_small.network().weights[0], anew.network().weights[0]
    )


def test_resumed_with_the_same_threshold_it_forgets_nothing(over_small, small, capsys):
    over_small.resume("--threshold=0.5", "--test-size=all")
    assert over_small.files() == small.files()
    told = capsys.readouterr().out.splitlines()
    place = told.index("Resumed: the epochs above were trained before")
    assert told[place - 1].startswith("Epoch 3/3, loss: ")


def test_run_that_is_not_resumed_does_not_say_so(lab, capsys):
    lab.run()
    assert "Resumed" not in capsys.readouterr().out


@parametrize("settings", [[], MIXED_RUN, DEFORMED_RUN])
def test_loop_trains_the_same_network_to_rounding(lab, tmp_path, settings):
    by_loop = replace(lab, out=tmp_path / "loop")
    options = [*settings, "--dtype=float64", "--epochs=2"]
    lab.run(*options)
    by_loop.run(*options, "--loop")
    ours = lab.network()
    theirs = by_loop.network()
    for name in "weights", "biases":
        layers = zip(getattr(ours, name), getattr(theirs, name), strict=True)
        for one, other in layers:
            np.testing.assert_allclose(one, other, rtol=0, atol=1e-12)


@parametrize("settings", [[], DEFORMED_RUN])
def test_loop_takes_the_lab_sheets_own_steps_and_nothing_else_does(lab, settings):
    step = NeuralNetwork.train_step
    for options, is_loop in ([], False), (["--loop"], True):
        with patch.object(
            NeuralNetwork, "train_step", autospec=True, side_effect=step
        ) as called:
            lab.run(*settings, *options, "--epochs=1")
        assert called.called == is_loop


def test_rule_has_the_settings_rate_momentum_and_l2_as_they_are():
    settings = Settings(learning_rate=0.3, momentum=0.5, l2=0.1)
    assert settings.sgd(1) == SGD(learning_rate=0.3, momentum=0.5, l2=0.1)
    assert settings.sgd(15) == settings.sgd(1)


@parametrize(
    ("epochs", "rates"),
    [(1, [0.3]), (2, [0.3, 0.1]), (5, [0.3, 0.25, 0.2, 0.15, 0.1])],
)
def test_rate_falls_in_equal_steps_to_the_last_epoch(epochs, rates):
    settings = Settings(learning_rate=0.3, final_learning_rate=0.1, epochs=epochs)
    falling = [settings.sgd(epoch).learning_rate for epoch in range(1, epochs + 1)]
    assert falling == pytest.approx(rates)


# --- refusals -------------------------------------------------------------------------


@parametrize(
    ("options", "named"),
    [
        ("--epoch 3", "--epoch 3 .*--help"),  # abbreviations are refused
        ("stray", "stray"),
        ("--epochs", "--epochs"),
        ("--epochs 1.5", "--epochs: invalid int value: '1.5'"),
        ("--learning-rate fast", "--learning-rate.*fast"),
        ("--hidden 8 x", "--hidden: invalid int value: 'x'"),
        ("--digit 10", "digit is 10; it must be one of 0, 1, 2"),
        ("--train-size 0", 'train_size is 0; .* whole number, at least 1, or "all"'),
        ("--train-size some", "--train-size: invalid size value: 'some'"),
        ("--train-size 121", '120 images, 121 .*"all"'),
        ("--test-size 0", 'test_size is 0; .* whole number, at least 1, or "all"'),
        ("--test-size 61", "61 .*60"),
        ("--threshold 1.5", r"threshold is 1\.5; .* from 0 to 1"),
        ("--hidden 0", r"hidden is \[0\]; .* whole numbers, at least 1"),
        ("--hidden 1000000000000000000", "1000000000000000000"),
        ("--dropout 1", r"dropout is 1\.0; .* from 0 to below 1"),
        ("--weight-scale 1e300", r"weight_scale is 1e\+300; .* from 0 to 1000"),
        ("--dtype float16", "dtype is 'float16'; .* float32 or float64"),
        ("--seed -1", "seed is -1; .* at least 0"),
        ("--learning-rate nan", "learning_rate is nan; .* above 0"),
        ("--momentum 1", r"momentum is 1\.0; .* from 0 to below 1"),
        ("--l2 -1", r"l2 is -1\.0; .* from 0 up"),
        ("--final-learning-rate 0", r"final_learning_rate is 0\.0; .* above 0"),
        ("--epochs 0", "epochs is 0; it must be a whole number, at least 1"),
        ("--lang de", "lang is 'de'; it must be one of en, ru"),
        ("--dataset x", "source is 'x'; it must be one of auto, mnist, sample"),
        ("--resume", r"model\.npz does not exist"),
        ("--resume --dataset mnist", "--dataset has no meaning with --resume"),
        ("--learning-rate 1e38 --l2 1", "diverged.* lower the learning rate"),
        ("--learning-rate 1e38 --l2 1 --loop", "diverged.* lower the learning rate"),
    ],
)
@pytest.mark.filterwarnings("error")  # whose text would be further lines
def test_bad_option_is_one_line_that_names_it(lab, capsys, options, named):
    with pytest.raises(UserError, match=f"^.*{named}.*$"):
        lab.run(*options.split())
    assert capsys.readouterr().err == ""
    assert not lab.out.exists() or lab.files() == {}


def test_damaged_data_are_refused_and_leave_a_finished_run_as_it_was(
    over_small, small, tmp_path
):
    data = shutil.copytree(small.data, tmp_path / "data")
    (data / TEST_IMAGES).write_bytes(b"<html>")
    with pytest.raises(UserError, match=str(data / TEST_IMAGES)):
        replace(over_small, data=data).run()
    assert over_small.files() == small.files()


def test_directory_that_cannot_be_written_shows_after_one_epoch(
    small, tmp_path, capsys
):
    (tmp_path / "file").touch()
    lab = replace(small, out=tmp_path / "file" / "out")
    with pytest.raises(UserError, match=f"^cannot write {lab.out}.*: .*place$"):
        lab.run()
    assert "Epoch" not in capsys.readouterr().out


def test_file_that_cannot_be_written_at_the_end_costs_no_epoch(lab, small):
    (lab.out / "metrics.json").mkdir(parents=True)
    with pytest.raises(UserError, match=r"^cannot write .*metrics\.json: .*place$"):
        lab.run()
    (lab.out / "metrics.json").rmdir()
    with patch.object(NeuralNetwork, "train_epoch", Mock(side_effect=AssertionError)):
        lab.resume()
    assert lab.files() == small.files()


# --- Ctrl-C, kills, and how a run goes on ---------------------------------------------


def interrupt(monkeypatch: pytest.MonkeyPatch, call: int) -> None:
    """Press Ctrl-C within that call of train_epoch."""
    train_epoch = NeuralNetwork.train_epoch
    calls = itertools.count(1)

    def interrupted(self, x, y, sgd, order=None, **options):
        if next(calls) == call:
            train_epoch(self, x, y, sgd, np.arange(len(x) // 2))
            raise KeyboardInterrupt
        return train_epoch(self, x, y, sgd, order, **options)

    monkeypatch.setattr(NeuralNetwork, "train_epoch", interrupted)


def options_told(screen: str, saved: int, epochs: int) -> list[str]:
    """The options of the command that an interrupted run names in its last line."""
    line = screen.splitlines()[-1]
    start = f"Interrupted. Of {epochs} epochs {saved} are saved; to resume: python "
    assert line.startswith(start)
    return shlex.split(line)[shlex.split(line).index("--resume") :]


@parametrize(
    ("name", "call", "saved"),  # three calls an epoch of portions
    [("mixed", 2, 1), ("mixed", 5, 4), ("deformed", 5, 1), ("deformed", 15, 4)],
)
def test_resumed_run_ends_with_the_bytes_of_an_uninterrupted_one(
    over_small, runs, monkeypatch, capsys, name, call, saved
):
    with monkeypatch.context() as patched:
        interrupt(patched, call)
        over_small.interrupted(*RUNS[name])
    assert main(options_told(capsys.readouterr().out, saved, epochs=5)) == 0
    assert over_small.files() == runs[name].files()


def test_interrupted_run_leaves_the_files_of_the_finished_one_before(
    over_small, small, monkeypatch
):
    interrupt(monkeypatch, 3)
    over_small.interrupted(*MIXED_RUN)
    assert outputs(over_small) == small.files()


def test_run_interrupted_within_its_first_epoch_has_nothing_to_resume(
    over_small, small, monkeypatch, capsys
):
    interrupt(monkeypatch, 1)
    over_small.interrupted("--seed=1")
    told = "Interrupted before an epoch was done: nothing new is saved"
    assert capsys.readouterr().out.splitlines()[-1] == told
    assert over_small.files() == small.files()


def test_run_interrupted_in_its_report_resumes_without_training(
    lab, small, monkeypatch, capsys
):
    with monkeypatch.context() as patched:
        patched.setattr(
            train_network, "report_results", Mock(side_effect=KeyboardInterrupt)
        )
        lab.interrupted()
    options = options_told(capsys.readouterr().out, saved=3, epochs=3)
    with patch.object(NeuralNetwork, "train_epoch", Mock(side_effect=AssertionError)):
        main(options)
    assert lab.files() == small.files()


def test_run_interrupted_at_once_says_how_to_resume_the_unfinished_one_before(
    lab, runs, monkeypatch, capsys
):
    for call, options in (4, MIXED_RUN), (1, ["--seed=1"]):
        with monkeypatch.context() as patched:
            interrupt(patched, call)
            lab.interrupted(*options)
    assert main(options_told(capsys.readouterr().out, saved=3, epochs=5)) == 0
    assert lab.files() == runs["mixed"].files()


@parametrize("name", ["-o", "with space", "it's"])
def test_command_to_resume_names_the_directories_so_that_a_shell_finds_them(
    small, tmp_path, monkeypatch, capsys, name
):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(small.data, f"{name} data")
    lab = Lab(Path(f"{name} data"), Path(name))
    with monkeypatch.context() as patched:
        interrupt(patched, 2)
        lab.interrupted()
    assert main(options_told(capsys.readouterr().out, saved=1, epochs=3)) == 0
    assert lab.metrics()["epochs_completed"] == 3


def test_command_to_resume_names_no_usual_directory(lab, monkeypatch, capsys):
    monkeypatch.setattr(train_network, "OUTPUT_DIR", lab.out)
    monkeypatch.setattr(mnist_loader, "DATA_DIR", lab.data)
    interrupt(monkeypatch, 3)
    with pytest.raises(KeyboardInterrupt):
        main(SMALL_RUN)
    assert capsys.readouterr().out.splitlines()[-1] == (
        "Interrupted. Of 3 epochs 2 are saved; to resume: "
        "python train_network.py --resume"
    )


def test_script_stopped_by_ctrl_c_dies_of_it_and_names_a_command_that_resumes(
    root, small, tmp_path
):
    lab = replace(small, out=tmp_path / "with 'space'")
    with script(root, lab.options("--epochs=120"), cwd=tmp_path) as process:
        while not (line := process.stdout.readline()).startswith("Epoch 3/"):
            assert line, process.stderr.read()
        process.send_signal(signal.SIGINT)
        told, err = process.communicate(timeout=60)
    assert err == ""
    assert process.returncode == -signal.SIGINT
    saved, command = re.search(
        r"Interrupted\. Of 120 epochs (\d+) are saved; to resume: (.*)\n$", told
    ).groups()
    assert 3 <= int(saved) < 120
    resumed = shlex.split(command)
    assert resumed[:2] == [sys.executable, str(root / "train_network.py")]
    assert subprocess.run(resumed, cwd=tmp_path, check=False).returncode == 0
    assert lab.metrics()["epochs_completed"] == 120


@parametrize("moment", [CHECKPOINT, *OUTPUTS, "nothing"])
def test_killed_before_any_file_is_moved_in_the_run_goes_on_from_its_checkpoint(
    lab, small, monkeypatch, moment
):
    """Of checkpoints before the second; "nothing": before the checkpoint is removed."""
    move = Path.replace
    checkpoints = itertools.count()

    def stop(self, target):
        if Path(target).name == moment and (moment != CHECKPOINT or next(checkpoints)):
            raise SystemExit
        return move(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", stop)
        if moment == "nothing":
            patched.setattr(Path, "unlink", Mock(side_effect=SystemExit))
        with suppress(SystemExit):
            lab.run()
    assert (lab.out / CHECKPOINT).exists()
    assert lab.resume() == 0
    assert outputs(lab) == small.files()
    assert not (lab.out / CHECKPOINT).exists()


def test_new_run_over_an_unfinished_one_says_that_it_replaces_it(
    lab, small, monkeypatch, capsys
):
    with monkeypatch.context() as patched:
        interrupt(patched, 2)
        lab.interrupted("--seed", "1")
    remark = "This run replaces an unfinished one; --resume continues that\n"
    assert remark not in capsys.readouterr().out
    lab.run()
    assert remark in capsys.readouterr().out
    assert lab.files() == small.files()


def test_resumed_run_does_not_say_that_it_replaces_one(lab, monkeypatch, capsys):
    with monkeypatch.context() as patched:
        interrupt(patched, 2)
        lab.interrupted()
    lab.resume()
    assert "replaces" not in capsys.readouterr().out


@parametrize("options", [["--momentum=0.5", "--dropout=0.2"], ["--augment", "--focus"]])
def test_finished_run_goes_on_to_more_epochs(lab, tmp_path, options):
    whole = replace(lab, out=tmp_path / "whole")
    whole.run(*options, "--epochs=5")
    lab.run(*options, "--epochs=2")
    lab.resume("--epochs=5")
    assert lab.files() == whole.files()


def test_run_that_is_interrupted_as_soon_as_it_is_resumed_keeps_what_was_asked_for(
    over_small, monkeypatch, capsys
):
    with monkeypatch.context() as patched:
        interrupt(patched, 1)
        with pytest.raises(KeyboardInterrupt):
            over_small.resume("--epochs=4")
    assert main(options_told(capsys.readouterr().out, saved=3, epochs=4)) == 0
    assert over_small.metrics()["epochs_completed"] == 4


def test_finished_run_that_is_resumed_writes_the_same_bytes_again(over_small, small):
    assert over_small.resume() == 0
    assert over_small.files() == small.files()


def test_run_whose_recall_was_never_known_is_resumed(lab):
    lab.run("--train-size=8", "--test-size=8")  # without a single 8
    before = lab.files()
    assert lab.resume() == 0
    assert lab.files() == before


def test_language_is_free_when_a_run_is_resumed(over_small):
    over_small.resume("--lang=ru")
    assert "Процесс обучения:" in over_small.log()
    assert over_small.network().metadata["settings"]["lang"] == "ru"  # for the figures


def test_epochs_may_not_change_where_the_rate_depends_on_them(mixed):
    with pytest.raises(UserError, match=r"^epochs is 9, but 5 in .*model\.npz; "):
        mixed.resume("--epochs=9")


def test_epochs_may_not_be_fewer_than_were_done(small):
    with pytest.raises(UserError) as refusal:
        small.resume("--epochs=2")
    path = small.out / "model.npz"
    assert str(refusal.value) == f"epochs is 2, but {path} has had 3; ask for more"


def test_run_on_the_sample_is_resumed_with_the_sample(lab, monkeypatch):
    """Though there are other images where images are looked for."""
    monkeypatch.setattr(mnist_loader, "DATA_DIR", lab.data)
    main(["--dataset=sample", "--train-size=200", f"--output-dir={lab.out}"])
    before = lab.files()
    assert main(["--resume", f"--output-dir={lab.out}"]) == 0
    assert lab.files() == before


@parametrize("name", ["other", "made0"])
def test_run_is_not_resumed_on_other_images(over_small, tmp_path, name):
    """Not even where they are in a directory of the same name."""
    other = replace(over_small, data=write_dataset(tmp_path / name, seed=5))
    with pytest.raises(UserError) as refusal:
        other.resume()
    assert str(refusal.value) == (
        f"{over_small.out / 'model.npz'}: that run was about other images (made0) "
        f"than these ({name}); name their directory with --data-dir"
    )


# --- files that are no run, or no sound one -------------------------------------------


def change(lab: Lab, how: Callable[[NeuralNetwork], None]) -> None:
    """Change the network of a finished run, and write it back."""
    network = lab.network()
    how(network)
    network.save(lab.out / "model.npz")


def test_run_from_before_an_option_goes_on_as_by_its_default(over_small, small):
    change(over_small, lambda network: network.metadata["settings"].pop("focus"))
    assert over_small.resume() == 0
    assert over_small.files() == small.files()


def test_bare_network_has_the_labs_settings():
    """For those who only read digits with it."""
    assert train_network.read_settings(Path("bare.npz"), {}) == Settings()


@parametrize("name", ["settings", "dataset", "fingerprint", "history"])
def test_bare_network_is_not_resumed(over_small, name):
    change(over_small, lambda network: network.metadata.pop(name))
    with pytest.raises(UserError, match=r"model\.npz holds a network, but no run; run"):
        over_small.resume()


@parametrize(
    ("part", "settings"),
    [
        ("layer_sizes", {"hidden": [9]}),
        ("config", {"dropout": 0.5}),
        ("config", {"weight_scale": 0.2}),
        ("dtype", {"dtype": "float64"}),
    ],
)
def test_network_that_is_not_its_settings_is_refused(over_small, part, settings):
    change(over_small, lambda network: network.metadata["settings"].update(settings))
    told = rf"model\.npz: its {part} and its settings do not fit together; run train_"
    with pytest.raises(UserError, match=told):
        over_small.resume()


def test_network_with_another_activation_than_its_settings_is_refused(
    over_small, monkeypatch
):
    activations = neural_network.ACTIVATIONS
    monkeypatch.setitem(activations, "other", activations["tanh"])
    allowed = utils.one_of("tanh", "other")
    monkeypatch.setitem(neural_network.NETWORK_RANGES, "activation", allowed)
    change(over_small, lambda network: network.config.update(activation="other"))
    with pytest.raises(UserError, match="its config and its settings do not fit"):
        over_small.resume()


@parametrize(
    ("settings", "told"),
    [
        ({"stranger": 1}, "stranger"),
        ({"momentum": 1}, "momentum is 1; it must be a number from 0 to below 1"),
        ({"hidden": 8}, "hidden is 8; it must be whole numbers"),
        ({"hidden": []}, r"hidden is \[\]; it must be whole numbers"),
    ],
)
def test_unsound_settings_are_named(over_small, settings, told):
    change(over_small, lambda network: network.metadata["settings"].update(settings))
    with pytest.raises(UserError, match=rf"model\.npz: .*{told}.*; run train_network"):
        over_small.resume()


@parametrize(
    "row",
    [
        5,
        {},
        {"epoch": 2},
        {"epoch": 1, "test_loss": 0, "test_accuracy": 0, "test_recall": 0},
        {"loss": "0.1"},
        {"loss": float("nan")},
        {"loss": 10**400},
        {"stranger": 0.1},
    ],
)
def test_history_of_rows_that_are_none_is_refused(over_small, row):
    """What is no row of an epoch's names, of finite numbers, in the epochs' order."""

    def spoil(network: NeuralNetwork) -> None:
        history = network.metadata["history"]
        is_change = isinstance(row, dict) and len(row) == 1
        history[0] = history[0] | row if is_change else row

    change(over_small, spoil)
    with pytest.raises(UserError, match=r"model\.npz: .*; run train_network\.py again"):
        over_small.resume()


def test_a_run_from_before_training_images_were_measured_goes_on(over_small):
    """What was not measured in its epochs is None; the next one has all."""

    def age(network: NeuralNetwork) -> None:
        for row in network.metadata["history"]:
            del row["train_loss"]
            del row["train_accuracy"]

    change(over_small, age)
    over_small.resume("--epochs=4")
    losses = [row["train_loss"] for row in over_small.metrics()["history"]]
    accuracies = [row["train_accuracy"] for row in over_small.metrics()["history"]]
    assert losses[:3] == accuracies[:3] == [None] * 3
    assert 0 < losses[3] < 1
    assert 0 < accuracies[3] <= 1


@parametrize(
    ("measured", "accuracy", "loss"),
    [(1, 1, 0.05**2), (4, 1 / 4, 1.6719 / 4), (5000, 4 / 10, 3.1208 / 10)],
)
def test_training_images_are_measured_after_the_epoch_the_first_of_them(
    monkeypatch, measured, accuracy, loss
):
    """Of ten, whose scores training leaves, 8s are 0.95, 0.25, 0.65; others 0.62, 0.85,
    0.75, 0.55, 0.05, 0.58, 0.35. The loss in the epoch's course is another.
    """
    monkeypatch.setattr(train_network, "MEASURED", measured)
    run = made_run(history=[], epochs=1)
    run.network.train_epoch = lambda *_, **__: 0.123
    (row,) = train_network.train_epochs(run)
    assert row["train_accuracy"] == pytest.approx(accuracy)
    assert row["train_loss"] == pytest.approx(loss)
    assert row["loss"] == 0.123


# --- deformed copies and focus --------------------------------------------------------


@pytest.fixture
def seen(lab, monkeypatch) -> Callable[..., list[list[tuple[bytes, float]]]]:
    """A function of options: the images and targets of each call of train_epoch."""

    def run(*options: str) -> list[list[tuple[bytes, float]]]:
        calls = []

        def train_epoch(self, x, y, sgd, order, loop):
            images = map(bytes, x[order])
            calls.append(list(zip(images, y[order].tolist(), strict=True)))
            return 0.0

        monkeypatch.setattr(NeuralNetwork, "train_epoch", train_epoch)
        lab.run("--epochs=2", *options)
        return calls

    return run


@parametrize("option", ["--augment", "--focus"])
def test_every_epoch_trains_on_all_images_in_another_order(
    seen, lab, monkeypatch, option
):
    """Three portions an epoch; copies are the images, and all are got half wrong."""
    train = load_dataset(lab.data, "mnist", None).train
    targets = train.targets(8).tolist()
    written = sorted(zip(map(bytes, train.images), targets, strict=True))
    monkeypatch.setattr(train_network, "augment", lambda images, rng: images)
    monkeypatch.setattr(
        NeuralNetwork, "predict_proba", lambda _, images: np.full(len(images), 0.5)
    )
    calls = seen(option)
    assert [len(call) for call in calls] == [50, 50, 20] * 2
    first = [*itertools.chain(*calls[:3])]
    second = [*itertools.chain(*calls[3:])]
    assert sorted(first) == written
    assert sorted(second) == written
    assert first != second


def test_every_seed_epoch_and_portion_draws_other_deformations(seen, monkeypatch):
    draws = []

    def draw(images: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        draws.append(rng.random())
        return images

    monkeypatch.setattr(train_network, "augment", draw)
    seen("--augment", "--seed=0")
    seen("--augment", "--seed=1")
    assert len(draws) == 2 * 2 * 3
    assert len(set(draws)) == len(draws)


def test_network_trains_on_the_deformed_copies(seen, monkeypatch):
    monkeypatch.setattr(train_network, "augment", lambda images, rng: images + 1)
    images = {image for call in seen("--augment") for image, _ in call}
    assert min(np.frombuffer(image, np.float32).min() for image in images) == 1


def test_focus_looks_at_the_copies_not_at_their_originals(seen, monkeypatch):
    """Copies are got wrong and taken, originals are not: of 120 images 108 are no 8."""
    monkeypatch.setattr(train_network, "augment", lambda images, rng: images + 1)
    monkeypatch.setattr(
        NeuralNetwork, "predict_proba", lambda _, x: (x.min(axis=1) == 1).astype(float)
    )
    calls = seen("--augment", "--focus")
    taken_of_others = [target for call in calls[:3] for _, target in call if not target]
    assert len(taken_of_others) == 108


def test_order_focus_and_copies_follow_from_seed_epoch_and_portion(monkeypatch):
    """Two seeds, two epochs, three portions: each of them is another, and repeatable.

    With [seed, epoch, 0] for its numbers a portion's copies would share the order's.
    """
    images = np.zeros((120, 784), np.float32)
    images[:, 0] = np.arange(120)  # an image's number
    split = Split(images, np.zeros(120, np.uint8))
    orders = []
    taken = []
    deformations = []

    def augment(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        assert len(x) <= 50  # a portion
        deformations.append(rng.random())
        return x

    def train_epoch(self, x, y, sgd, order, loop):
        orders.append(tuple(x[:, 0]))
        taken.append(tuple(order))
        return 0.0

    monkeypatch.setattr(train_network, "augment", augment)
    monkeypatch.setattr(NeuralNetwork, "train_epoch", train_epoch)
    monkeypatch.setattr(train_network, "LEAST_CHANCE", 0.5)
    monkeypatch.setattr(train_network, "CHANCE_BY_ERROR", 0)
    for seed in 0, 1, 0, 1:
        settings = Settings(seed=seed, augment=True, focus=True, test_size=None)
        run = Run(settings, NeuralNetwork(), Dataset("", split, split))
        for epoch in 1, 2:
            train_network.train_portions(run, epoch, np.zeros(120), SGD())
    for drawn in orders, taken, deformations:
        assert drawn[:12] == drawn[12:]
        assert len(set(drawn)) == 12
    for seed, epoch in itertools.product((0, 1), (1, 2)):
        assert np.random.default_rng([seed, epoch]).random() not in deformations


@pytest.fixture
def taken(monkeypatch) -> Callable[[list[float], int], tuple[list[float], float]]:
    """A function of images' scores and a digit: whom an epoch with --focus takes.

    All images are 0s. Of those taken it gives the scores, and the loss told of them:
    here the mean of their scores.
    """

    def train_epoch(self, x, y, sgd, order, loop):
        scores.extend(x[order, 0])
        return x[order, 0].mean()

    def first_epoch(all_scores: list[float], digit: int) -> tuple[list[float], float]:
        scores.clear()
        images = np.zeros((len(all_scores), 784))
        images[:, 0] = all_scores
        split = Split(images, np.zeros(len(images), np.uint8))
        settings = Settings(focus=True, digit=digit, test_size=None)
        run = Run(settings, NeuralNetwork(), Dataset("", split, split))
        row = next(train_network.train_epochs(run))
        return list(scores), row["loss"]

    scores: list[float] = []
    monkeypatch.setattr(NeuralNetwork, "train_epoch", train_epoch)
    monkeypatch.setattr(NeuralNetwork, "predict_proba", lambda _, x: x[:, 0])
    return first_epoch


@parametrize(
    ("digit", "chances"),
    [(8, [0.1, 0.3, 1]), (0, [1, 1, 0.1])],  # none is an 8, all are 0s
)
def test_focus_takes_an_image_with_a_chance_of_a_tenth_and_ten_times_its_error(
    taken, digit, chances
):
    scores, _ = taken([0, 0.02, 1] * 1000, digit)
    shares = [scores.count(score) / 1000 for score in (0, 0.02, 1)]
    assert shares == pytest.approx(chances, abs=0.05)


def test_loss_with_focus_is_the_mean_over_the_images_taken(taken):
    scores, loss = taken([0, 0.02, 1] * 1000, 8)
    assert loss == pytest.approx(np.mean(scores))


def test_portion_of_which_focus_would_take_none_is_taken_whole(taken):
    assert taken([0], 8) == ([0], 0)


# --- MNIST itself ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist_run(mnist_dir, tmp_path_factory) -> Lab:
    """The lab's run, all settings by default."""
    lab = Lab(mnist_dir, tmp_path_factory.mktemp("mnist"))
    assert main([f"--data-dir={mnist_dir}", f"--output-dir={lab.out}"]) == 0
    return lab


def test_default_run_on_mnist_reaches_the_known_accuracy(mnist_run):
    evaluation = mnist_run.metrics()["evaluation"]
    assert evaluation["total"] == 1000
    assert evaluation["threshold"] == 0.5
    assert evaluation["majority_share"] == 0.911
    assert evaluation["accuracy"] >= 0.970


def test_default_run_on_mnist_reaches_the_known_loss(mnist_run):
    losses = [row["loss"] for row in mnist_run.metrics()["history"]]
    assert len(losses) == 15
    assert 0.058 <= losses[0] <= 0.073
    assert losses[-1] < 0.0095


def test_default_run_on_mnist_tests_its_claims_on_all_images(mnist_run):
    assert mnist_run.metrics()["error_analysis"]["test_images"] == 10000
    assert "\n(all 10,000 test images, 95% intervals;" in mnist_run.log()


def test_committed_log_has_the_losses_of_a_fresh_default_run(root, mnist_run):
    """Another machine's last digits differ; another algorithm differs by far more."""
    losses = {}
    for directory in root / "sample_outputs", mnist_run.out:
        log = (directory / "training_log.txt").read_text(encoding="utf-8")
        pattern = r"^Epoch (\d+)/15, loss: (\d\.\d{6})$"
        losses[directory] = np.array(re.findall(pattern, log, re.M), float)
    committed, fresh = losses.values()
    np.testing.assert_allclose(committed, fresh, rtol=1e-3)
