"""What does each improvement that the lab sheet names bring, alone, in the lab's run?

    MNIST_DATA_DIR=... python tests/benchmarks/bench_study.py

Trains the lab's run and each change of it with five seeds, measures them on all test
images, prints a table with verdicts, and writes study_log.txt and study.png to
sample_outputs/ (or --output-dir). Takes a few minutes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any

import measure  # noqa: F401  (puts the project on the path)  # isort: split
import numpy as np

import utils
import visualize_results
from mnist_loader import Dataset, load_dataset
from train_network import OUTPUT_DIR, Run, Settings, in_points, train_epochs
from utils import Evaluation, Output
from visualize_results import (
    CONFIRMED_POINT,
    REFUTED_POINT,
    UNDECIDED_POINT,
    empty_figure,
    in_our_style,
    plot_differences,
    save_figure,
)

LAB = "the lab's run"
CHANGES: dict[str, dict[str, Any]] = {  # each alone
    LAB: {},
    "128 hidden units": {"hidden": (128,)},
    "256 hidden units": {"hidden": (256,)},
    "two hidden layers, 64 and 32 units": {"hidden": (64, 32)},
    "dropout 0.2": {"dropout": 0.2},
    "30 epochs": {"epochs": 30},
    "50 epochs": {"epochs": 50},
    "15,000 training images": {"train_size": 15000},
    "30,000 training images": {"train_size": 30000},
    "L2 0.0001": {"l2": 1e-4},
    "momentum 0.9": {"momentum": 0.9},
    "learning rate falling to 0.001": {"final_learning_rate": 0.001},
    "deformed copies (--augment)": {"augment": True},
}
SEEDS = range(5)
STUDENT_T = 2.776445  # its 0.975 quantile for five seeds, 4 degrees of freedom
BETTER = "better"
WORSE = "worse"
NO_EFFECT = "no measurable effect"
POINTS = {
    BETTER: CONFIRMED_POINT,
    WORSE: REFUTED_POINT,
    NO_EFFECT: UNDECIDED_POINT,
}


@dataclass(frozen=True)
class Change:
    """What one change brings: an evaluation a seed, beside those of the lab's run."""

    name: str
    results: list[Evaluation]
    lab_results: list[Evaluation]

    def mean(self, metric: str) -> float:
        return float(np.mean([getattr(result, metric) for result in self.results]))

    @cached_property
    def gains(self) -> np.ndarray:
        """F1 less that of the lab's run with the same seed: (seeds,)."""
        pairs = zip(self.results, self.lab_results, strict=True)
        return np.array([result.f1 - lab.f1 for result, lab in pairs])

    @property
    def difference(self) -> float:
        return float(self.gains.mean())

    @property
    def interval(self) -> tuple[float, float]:
        """95% interval of the mean gain m, by Student's t: m -+ t s / sqrt(n)."""
        n = len(self.gains)
        reach = STUDENT_T * self.gains.std(ddof=1) / math.sqrt(n)
        return self.difference - reach, self.difference + reach

    @property
    def verdict(self) -> str:
        low, high = self.interval
        if low > 0:
            return BETTER
        return WORSE if high < 0 else NO_EFFECT


def main(arguments: Sequence[str] | None = None) -> int:
    parser = utils.ArgumentParser(
        "Measure what each improvement of the lab's run brings.",
        """
        python tests/benchmarks/bench_study.py
        python tests/benchmarks/bench_study.py --data-dir ~/mnist --output-dir /tmp
        """,
    )
    for option, default in ("--data-dir", None), ("--output-dir", OUTPUT_DIR):
        parser.add_argument(
            option, type=utils.user_path, default=default, metavar="DIR"
        )
    options = parser.parse_args(arguments)

    # All that any run needs, before the first of them
    sizes = [Settings(**change).train_size for change in CHANGES.values()]
    dataset = load_dataset(options.data_dir, train_size=max(sizes))
    out = Output()
    changes = study(dataset, out)
    report(out, dataset, changes)
    utils.write_text(options.output_dir / "study_log.txt", out.contents())
    save_figure(draw(dataset, changes), options.output_dir / "study.png")
    for name in "study_log.txt", "study.png":
        out.screen("Written: {path}", path=options.output_dir / name)
    return 0


def study(dataset: Dataset, out: Output) -> list[Change]:
    """Train every change with every seed."""
    runs = list(product(CHANGES, SEEDS))
    results: dict[str, list[Evaluation]] = {name: [] for name in CHANGES}
    for done, (name, seed) in enumerate(runs):
        out.progress("Study:", done / len(runs))
        settings = Settings(**CHANGES[name], test_size=None, seed=seed)
        train = dataset.train.first(settings.train_size)
        run = Run(settings, settings.network(), dataset._replace(train=train))
        for _row in train_epochs(run):
            out.progress("Study:", done / len(runs))
        results[name].append(run.evaluate(run.test))
    return [Change(name, results[name], results[LAB]) for name in CHANGES]


def report(out: Output, dataset: Dataset, changes: list[Change]) -> None:
    """A table of the changes with verdicts."""
    head = ["change", "F1", "recall", "precision", "errors"]
    rows = [[*head, "difference, points", "verdict"]]
    for change in changes:
        errors = change.mean("false_positives") + change.mean("false_negatives")
        row = [change.name]
        row += [f"{change.mean(name):.2%}" for name in ("f1", "recall", "precision")]
        row.append(f"{errors:.1f}")
        if change.name == LAB:
            row += ["", ""]
        else:
            difference = in_points(change.difference, change.interval, out.translate)
            row += [difference, change.verdict]
        rows.append(row)
    out.log(
        """
        What each improvement of the lab's run brings: {name}, {n:,} test images
        (means of {seeds} seeds; the difference is of F1, from the lab's run with the
        same seed, with a 95% interval by Student's t)

        {table}
        """,
        name=dataset.name,
        n=len(dataset.test.digits),
        seeds=len(SEEDS),
        table=utils.table(rows),
    )


@in_our_style
def draw(dataset: Dataset, changes: list[Change]) -> visualize_results.Figure:
    """The differences with their intervals, the largest on top."""
    lab, *others = changes
    others.sort(key=lambda change: -change.difference)
    verdicts = [change.verdict for change in others]
    better = verdicts.count(BETTER)
    worse = verdicts.count(WORSE)
    title = f"Changes to the lab's run, each alone: better {better} of {len(others)}, "
    title += f"worse {worse}\n"
    title += f"(F1 on {len(dataset.test.digits):,} test images, means of {len(SEEDS)} "
    title += "seeds)"
    footer = "Better: the interval lies above 0. Worse: it lies below 0.\n"
    footer += (
        f"{dataset.name}; {len(SEEDS)} seeds, compared with the lab's run seed by "
    )
    footer += "seed"
    figure, axes = empty_figure(title, footer, {"study": 0.3 * len(others) + 0.8})
    labels = [f"{change.name}: mean F1 {change.mean('f1'):.1%}" for change in others]
    points = [POINTS[verdict] for verdict in verdicts]
    plot_differences(axes["study"], others, labels, verdicts, points)
    axes["study"].set_title(f"0: the lab's run, mean F1 {lab.mean('f1'):.1%}")
    axes["study"].set_xlabel(
        "difference of the mean F1 in percentage points, 95% intervals"
    )
    return figure


if __name__ == "__main__":
    utils.run_script(main)
