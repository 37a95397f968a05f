"""Draw what a training run learnt.

    python visualize_results.py              the figures of the last run
    python visualize_results.py --help       everything that can be changed

Reads metrics.json and model.npz from sample_outputs/ (or --output-dir), writes PNGs there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mnist_loader import Dataset, load_dataset
from neural_network import ModelError, NeuralNetwork
from train_network import METRICS_FILE, MODEL_FILE, OUTPUT_DIR
from utils import (
    EXIT_DONE,
    ArgumentParser,
    Evaluation,
    UserError,
    atomic_write,
    run_script,
    writable_directory,
)


@dataclass(frozen=True)
class Run:
    """A finished run: what train_network.py wrote, and the images that it was about."""

    metrics: dict[str, Any]
    network: NeuralNetwork
    dataset: Dataset
    probabilities: np.ndarray  # (n_test,), the network's for the test images
    evaluation: Evaluation

    @property
    def digit(self) -> int:
        return self.metrics["configuration"]["digit"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    run = load_run(options.output_dir, options.data_dir)
    output_dir = writable_directory(options.output_dir, tuple(FIGURES))
    for name, draw in FIGURES.items():
        save_figure(draw(run), output_dir / name)
        print(f"Written: {output_dir / name}")
    return EXIT_DONE


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = ArgumentParser(
        description="Draw what the last run of train_network.py learnt.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data-dir", type=Path, help="where the MNIST files are (default: $MNIST_DATA_DIR, data/)")
    add("--output-dir", type=Path, default=OUTPUT_DIR, metavar="DIR", help="of the run to draw")
    return parser.parse_args(arguments)


def load_run(output_dir: Path, data_dir: Path | None) -> Run:
    """Read a run's metrics and model, and the images it used; refuse what does not fit together."""
    network = NeuralNetwork.load(output_dir / MODEL_FILE)
    metrics = read_metrics(output_dir)
    configuration = metrics["configuration"]
    dataset = load_dataset(
        data_dir, "mnist", configuration["train_size"], configuration["test_size"]
    )
    probabilities = network.predict_proba(dataset.test.images)
    targets = dataset.test.targets(configuration["digit"])
    return Run(metrics, network, dataset, probabilities, Evaluation.of(probabilities, targets))


def read_metrics(output_dir: Path) -> dict[str, Any]:
    """Read metrics.json, which must be whole and of the same run as the model beside it."""
    path = output_dir / METRICS_FILE
    again = "run train_network.py again"
    try:
        metrics = json.loads(path.read_bytes())
        digest = hashlib.sha256((output_dir / MODEL_FILE).read_bytes()).hexdigest()
        same_run = metrics["model_sha256"] == digest
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; run train_network.py first") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: damaged, or not of this project; {again}") from error
    if not same_run:
        raise ModelError(f"{path} and {MODEL_FILE} are of different runs; {again}")
    return metrics


def save_figure(figure: Figure, path: Path) -> None:
    with atomic_write(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def draw_learning_curves(run: Run) -> Figure:
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    history = run.metrics["history"]
    axes.plot([row["epoch"] for row in history], [row["loss"] for row in history])
    return figure


FIGURES: dict[str, Callable[[Run], Figure]] = {
    "learning_curves.png": draw_learning_curves,
}


if __name__ == "__main__":
    run_script(main)
