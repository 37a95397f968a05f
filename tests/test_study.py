"""The study of the lab sheet's improvements compares what it says that it compares."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork
from train_network import Settings
from utils import Output

sys.path.insert(0, str(Path(__file__).parent / "benchmarks"))

import bench_study
from bench_study import Change

OPTIONS = {
    "the lab's run": "",
    "128 hidden units": "--hidden 128",
    "256 hidden units": "--hidden 256",
    "two hidden layers, 64 and 32 units": "--hidden 64 32",
    "dropout 0.2": "--dropout 0.2",
    "30 epochs": "--epochs 30",
    "50 epochs": "--epochs 50",
    "15,000 training images": "--train-size 15000",
    "30,000 training images": "--train-size 30000",
    "L2 0.0001": "--l2 0.0001",
    "momentum 0.9": "--momentum 0.9",
    "learning rate falling to 0.001": "--final-learning-rate 0.001",
    "deformed copies (--augment)": "--augment",
}


def test_each_change_is_the_one_that_its_name_says():
    changes = bench_study.CHANGES.items()
    assert {name: Settings(**change).options() for name, change in changes} == OPTIONS


def change_with(mean: float) -> Change:
    """Five seeds' gains of F1 by hand, whose standard deviation is 0.0068457.

    By Student's t their interval is 2.776445 * 0.0068457 / sqrt(5) = 0.0085 wide to
    either side of the mean.
    """
    gains = mean + 0.0068457 * np.array([1, -1, 0, -1, 1])
    lab = [0.8, 0.81, 0.82, 0.83, 0.84]
    pairs = zip(lab, gains, strict=True)
    return Change(
        "made",
        [SimpleNamespace(f1=before + gain) for before, gain in pairs],
        [SimpleNamespace(f1=before) for before in lab],
    )


@pytest.mark.parametrize(
    ("mean", "interval", "verdict"),
    [
        (0.0080, (-0.0005, 0.0165), "no measurable effect"),
        (0.0086, (0.0001, 0.0171), "better"),
        (-0.0080, (-0.0165, 0.0005), "no measurable effect"),
        (-0.0086, (-0.0171, -0.0001), "worse"),
    ],
)
def test_verdict_follows_from_the_interval_of_the_mean_gain(mean, interval, verdict):
    change = change_with(mean)
    assert change.difference == pytest.approx(mean)
    assert change.interval == pytest.approx(interval, abs=1e-6)
    assert change.verdict == verdict


def test_every_change_is_trained_with_every_seed_and_tested_on_all_images(
    made_dir, monkeypatch
):
    """On 120 training and 60 test images; the network of seed 3 as driven by hand."""
    short = {"epochs": 2, "hidden": (4,), "train_size": 100, "learning_rate": 0.1}
    changes = {bench_study.LAB: short, "more": short | {"train_size": 120}}
    monkeypatch.setattr(bench_study, "CHANGES", changes)
    dataset = load_dataset(made_dir, "mnist", 120)
    lab, more = bench_study.study(dataset, Output())
    assert [result.total for result in lab.results + more.results] == [60] * 10
    assert more.lab_results is lab.results
    for change, n in (lab, 100), (more, 120):
        network = NeuralNetwork((784, 4, 1), seed=3)
        x = dataset.train.images[:n]
        y = dataset.train.targets(8)[:n]
        for _epoch in range(2):
            network.train_epoch(x, y, SGD(0.1))
        scores = network.predict_proba(dataset.test.images)
        np.testing.assert_allclose(change.results[3].scores, scores, rtol=1e-6)
        assert len({result.loss for result in change.results}) == 5
