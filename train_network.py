"""Train the network to recognise one digit, tell how well it does, and save what it learnt.

    python train_network.py                  the lab's run: 5,000 images, 15 epochs
    python train_network.py --help           everything that can be changed

Writes training_log.txt, metrics.json and model.npz to sample_outputs/ (or --output-dir), and with
--keep-history history.npz, from which visualize_results.py --animate makes its film.
"""

from __future__ import annotations

import os

# One BLAS thread, set before NumPy loads: the engine's matrices are small, a second thread waits
# more than it works, and the number of threads decides the last bits of the result.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import argparse
import hashlib
import io
import json
import textwrap
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mnist_loader import DIGITS, IMAGE_SIDE, PIXELS, SOURCES, Dataset, load_dataset
from neural_network import DTYPES, SGD, NeuralNetwork
from utils import (
    EXIT_DONE,
    EXIT_INTERRUPTED,
    LOOKALIKES,
    ArgumentParser,
    Claim,
    ErrorRate,
    Evaluation,
    Progress,
    RunLog,
    ascii_art,
    atomic_write,
    examine_claims,
    json_number,
    percent,
    run_script,
    uninterrupted,
    writable_directory,
)

OUTPUT_DIR = Path(__file__).resolve().parent / "sample_outputs"
LOG_FILE, METRICS_FILE, MODEL_FILE = "training_log.txt", "metrics.json", "model.npz"
HISTORY_FILE = "history.npz"
OUTPUT_FILES = (LOG_FILE, METRICS_FILE, MODEL_FILE, HISTORY_FILE)
EXAMPLES_SHOWN = 5
LAB_DIGIT = 8  # the variant that the lab sheet's claims are about
LOG_WIDTH = 100  # columns; longer lists of numbers are wrapped


@dataclass
class Training:
    """What is known after the last whole epoch; an interrupted run falls back to it."""

    history: list[dict[str, Any]]  # of each epoch: its number, loss, test accuracy and recall
    weights: list[np.ndarray]
    biases: list[np.ndarray]
    first_weights: list[np.ndarray]  # with --keep-history: the first layer's, from epoch 0 on
    interrupted: bool = False


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    sgd = SGD(options.learning_rate, options.momentum, options.l2)
    network = NeuralNetwork(
        (PIXELS, *options.hidden, 1),
        dropout=options.dropout,
        seed=options.seed,
        dtype=options.dtype,
    )
    dataset = load_dataset(options.data_dir, options.dataset, options.train_size, options.test_size)
    output_dir = writable_directory(options.output_dir, OUTPUT_FILES)

    log = RunLog(options.lang)
    describe_run(log, options, dataset, network)
    show_examples(log, dataset, options.digit)
    training = train(log, options, dataset, network, sgd)
    if not training.history:
        log.remark("interrupted_early")
        return EXIT_INTERRUPTED
    with uninterrupted():  # what was trained is not lost to a second Ctrl-C
        evaluation = report_results(log, options, dataset, network)
        claims = report_claims(log, options, dataset, network)
        log.write()
        log.say("one_run", seed=options.seed)
        warn_of_sample(log, dataset)
        save_run(log, output_dir, options, dataset, network, training, evaluation, claims)
    return EXIT_INTERRUPTED if training.interrupted else EXIT_DONE


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = ArgumentParser(
        description="Train a NumPy network to recognise one handwritten digit of MNIST.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add(
        "--data-dir",
        type=Path,
        metavar="DIR",
        help="where the MNIST files are; with None $MNIST_DATA_DIR, or else data/",
    )
    add(
        "--dataset",
        choices=SOURCES,
        default="auto",
        help="MNIST, the bundled sample, or what is to be had",
    )
    add("--digit", type=int, default=8, choices=range(DIGITS), help="the digit to recognise")
    add("--hidden", type=_count, nargs="+", default=[64], metavar="N", help="hidden layers' sizes")
    add("--learning-rate", type=float, default=0.01, metavar="RATE", help="step of an update")
    add("--epochs", type=_count, default=15, metavar="N", help="passes over the training images")
    add("--train-size", type=_size, default=5000, metavar="N", help='training images, or "all"')
    add("--test-size", type=_size, default=1000, metavar="N", help='test images, or "all"')
    add("--momentum", type=float, default=0.0, metavar="M", help="share of the last step kept")
    add("--l2", type=float, default=0.0, metavar="L", help="L2 regularisation of the weights")
    add("--dropout", type=float, default=0.0, metavar="P", help="share of hidden units left out")
    add("--dtype", choices=DTYPES, default=DTYPES[0], help="of the weights and all computation")
    add("--seed", type=int, default=0, metavar="N", help="of all that is random")
    add("--keep-history", action="store_true", help="for visualize_results.py --animate")
    add("--output-dir", type=Path, default=OUTPUT_DIR, metavar="DIR", help="where results go")
    add("--lang", choices=("en", "ru"), default="en", help="language of the log")
    return parser.parse_args(arguments)


def _count(text: str) -> int:
    with suppress(ValueError):
        if (value := int(text)) >= 1:
            return value
    raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 up")


def _size(text: str) -> int | None:
    if text == "all":
        return None
    with suppress(argparse.ArgumentTypeError):
        return _count(text)
    raise argparse.ArgumentTypeError(f'{text!r} is neither a whole number from 1 up nor "all"')


def describe_run(
    log: RunLog, options: argparse.Namespace, dataset: Dataset, network: NeuralNetwork
) -> None:
    """Say what is trained on what."""
    digit = options.digit
    name = log.text("sample") if dataset.name == "sample" else dataset.name
    title = log.text("title", digit=digit, dataset=name)
    log.write(title)
    log.write("=" * len(title))
    warn_of_sample(log, dataset)
    inputs, *hidden, output = network.layer_sizes
    layers = [str(inputs), *(f"{size} tanh" for size in hidden), f"{output} sigmoid"]
    log.say(
        "network",
        layers=" -> ".join(layers),
        parameters=sum(array.size for array in network.weights + network.biases),
        dtype=network.dtype,
        seed=options.seed,
    )
    log.say("training_plan", **vars(options))
    for key, split in ("training_images", dataset.train), ("test_images", dataset.test):
        positives = int(split.targets(digit).sum())
        total = len(split.digits)
        share = percent(positives / total)
        log.say(key, total=total, positives=positives, digit=digit, share=share)


def warn_of_sample(log: RunLog, dataset: Dataset) -> None:
    """Whoever reads only the first or the last lines must see that this was not MNIST."""
    if dataset.name != "MNIST":
        log.say("not_mnist")


def show_examples(log: RunLog, dataset: Dataset, digit: int) -> None:
    """Draw the first training images of the digit, as the lab sheet does."""
    log.write()
    rows = np.flatnonzero(dataset.train.digits == digit)[:EXAMPLES_SHOWN]
    if not len(rows):
        log.say("no_positives", digit=digit)
        return
    log.say("examples", digit=digit)
    log.write()
    images = dataset.train.images[rows].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    captions = [log.text("example", number=number) for number in range(1, len(rows) + 1)]
    log.write(ascii_art(images, captions))


def train(
    log: RunLog, options: argparse.Namespace, dataset: Dataset, network: NeuralNetwork, sgd: SGD
) -> Training:
    """Train epoch by epoch; Ctrl-C leaves the network as it was after the last whole epoch."""
    x, y = dataset.train.images, dataset.train.targets(options.digit)
    test_targets = dataset.test.targets(options.digit)
    log.write()
    log.say("training")
    log.write()
    training = Training([], [], [], first_weights(options, network))
    seconds = 0.0
    try:
        for epoch in range(1, options.epochs + 1):
            label = log.text("epoch_progress", epoch=epoch, epochs=options.epochs)
            start = time.perf_counter()
            with Progress(label, len(x), log.screen) as progress:
                loss = network.train_epoch(x, y, sgd, on_progress=progress.update)
            seconds += time.perf_counter() - start
            test = Evaluation.of(network.predict_proba(dataset.test.images), test_targets)
            row = {
                "epoch": epoch,
                "loss": loss,
                "test_accuracy": test.accuracy,
                "test_recall": json_number(test.recall),
            }
            training = Training(
                [*training.history, row],
                [w.copy() for w in network.weights],
                [b.copy() for b in network.biases],
                training.first_weights + first_weights(options, network),
            )
            log.say("epoch", epoch=epoch, epochs=options.epochs, loss=loss)
    except KeyboardInterrupt:
        training.interrupted = True
        if training.history:
            network.weights, network.biases = training.weights, training.biases
            log.say("interrupted", epoch=len(training.history), epochs=options.epochs)
    if training.history:
        rate = len(x) * len(training.history) / seconds
        log.remark("time", seconds=seconds, rate=rate)
    return training


def first_weights(options: argparse.Namespace, network: NeuralNetwork) -> list[np.ndarray]:
    """The first layer's weights as they are now, if they are to be kept: in half the bytes."""
    return [network.weights[0].astype(np.float16)] if options.keep_history else []


def report_results(
    log: RunLog, options: argparse.Namespace, dataset: Dataset, network: NeuralNetwork
) -> Evaluation:
    """Say how the network does on the test set: accuracy beside its baseline, and each mistake."""
    digit, digits = options.digit, dataset.test.digits
    probabilities = network.predict_proba(dataset.test.images)
    result = Evaluation.of(probabilities, dataset.test.targets(digit))
    answers = probabilities >= result.threshold

    log.write()
    log.say("results")
    log.write()
    log.say("accuracy", accuracy=percent(result.accuracy))
    log.say("correct", digit=digit, correct=result.correct, total=result.total)
    answer = log.text("no" if result.negatives >= result.positives else "yes")
    log.say("majority", answer=answer, share=percent(result.majority_share))
    log.write()
    log.say("confusion", threshold=result.threshold)
    log.write(confusion_table(log, digit, result))
    log.write()
    log.say(
        "ratios",
        digit=digit,
        precision=percent(result.precision),
        recall=percent(result.recall),
        f1=percent(result.f1),
        roc_auc=result.roc_auc,
    )
    log.write()
    log.say("false_alarms", digit=digit, alarms=result.false_positives, total=result.negatives)
    for other in range(DIGITS):
        of_other = digits == other
        alarms, total = int(np.sum(answers & of_other)), int(np.sum(of_other))
        if other != digit and alarms:
            share = percent(alarms / total)
            log.say("false_alarms_of", other=other, alarms=alarms, total=total, share=share)
    log.say("missed", digit=digit, missed=result.false_negatives, total=result.positives)
    missed = np.flatnonzero(~answers & (digits == digit))
    if len(missed):
        numbers = log.text("missed_numbers", numbers=", ".join(map(str, missed)))
        log.write(textwrap.fill(numbers, LOG_WIDTH, subsequent_indent="  "))
    return result


def confusion_table(log: RunLog, digit: int, result: Evaluation) -> str:
    """The four confusion counts with what the images are down and what was answered across."""
    answered = log.text("answered")
    corner = [log.text("is_digit", digit=digit), log.text("is_other", digit=digit)]
    header = ["", *(f"{answered}: {log.text(answer)}" for answer in ("yes", "no"))]
    rows = [
        header,
        [corner[0], result.true_positives, result.false_negatives],
        [corner[1], result.false_positives, result.true_negatives],
    ]
    widths = [max(len(str(row[column])) for row in rows) for column in range(3)]
    return "\n".join(
        "  " + "  ".join(str(cell).rjust(width) for cell, width in zip(row, widths, strict=True))
        for row in rows
    )


def report_claims(
    log: RunLog, options: argparse.Namespace, dataset: Dataset, network: NeuralNetwork
) -> list[Claim]:
    """Say whether the network errs where the lab sheet claims it does: a table, then verdicts."""
    digit = options.digit
    answers = network.predict(dataset.test.images)
    claims = examine_claims(digit, dataset.train, dataset.test, answers)
    titles = [claim_title(log, claim, digit) for claim in claims]

    log.write()
    log.say("claims")
    log.say("claims_note")
    if digit != LAB_DIGIT:
        log.say("claims_of_other_digit", digit=digit)
    log.write()
    log.write(claims_table(log, claims, titles))
    log.write()
    for claim, title in zip(claims, titles, strict=True):
        low, high = claim.interval
        sentence = log.text(
            "claim_sentence" if claim.affected.total and claim.rest.total else "claim_unseen",
            claim=title,
            verdict=log.text(f"verdict_{claim.verdict}"),
            affected=percent(claim.affected.share),
            rest=percent(claim.rest.share),
            difference=100 * claim.difference,
            low=100 * low,
            high=100 * high,
        )
        log.write(textwrap.fill(sentence, LOG_WIDTH, subsequent_indent="  "))
    return claims


def claim_title(log: RunLog, claim: Claim, digit: int) -> str:
    """Which images the claim is about, and what makes them so."""
    lookalikes = ", ".join(map(str, LOOKALIKES[digit]))
    return log.text(f"claim_{claim.name}", digit=digit, limit=claim.limit, lookalikes=lookalikes)


def claims_table(log: RunLog, claims: Sequence[Claim], titles: Sequence[str]) -> str:
    """One claim a row: errors of the affected images and of the others, with their intervals."""

    def cell(rate: ErrorRate) -> str:
        low, high = rate.interval
        counts = log.text("errors_of", errors=rate.errors, total=rate.total)
        interval = f"{low:.1%} .. {high:.1%}"
        return f"{counts} {percent(rate.share):>7} {interval:>15}"

    header = ["", log.text("affected"), log.text("others")]
    rows = [
        [title, cell(claim.affected), cell(claim.rest)]
        for claim, title in zip(claims, titles, strict=True)
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    return "\n".join(
        f"  {title:<{widths[0]}}  {affected:>{widths[1]}}  {others:>{widths[2]}}"
        for title, affected, others in [header, *rows]
    )


def save_run(
    log: RunLog,
    output_dir: Path,
    options: argparse.Namespace,
    dataset: Dataset,
    network: NeuralNetwork,
    training: Training,
    evaluation: Evaluation,
    claims: Sequence[Claim],
) -> None:
    """Write the log, the metrics, the model (and the history): if one cannot be written, none."""
    network.metadata = {"dataset": dataset.name, "digit": options.digit}
    model = network.to_bytes()
    digest = hashlib.sha256(model).hexdigest()  # ties the other files to the model
    metrics = {
        "dataset": dataset.name,
        "configuration": {
            "digit": options.digit,
            "layer_sizes": network.layer_sizes,
            "learning_rate": options.learning_rate,
            "momentum": options.momentum,
            "l2": options.l2,
            "dropout": network.dropout,
            "dtype": network.dtype.name,
            "epochs": options.epochs,
            "train_size": len(dataset.train.digits),
            "test_size": len(dataset.test.digits),
            "seed": options.seed,
        },
        "epochs_completed": len(training.history),
        "history": training.history,
        "evaluation": evaluation.as_dict(),
        "error_analysis": [claim.as_dict() for claim in claims],
        "model_sha256": digest,
    }
    contents = {
        LOG_FILE: log.contents().encode(),
        METRICS_FILE: (json.dumps(metrics, indent=2) + "\n").encode(),
        MODEL_FILE: model,
    }
    if training.first_weights:
        contents[HISTORY_FILE] = history_bytes(training, digest)
    with ExitStack() as files:
        for name, content in contents.items():
            file = files.enter_context(atomic_write(output_dir / name))
            file.write(content)
            file.flush()  # a full disk shows now, before the first of them is moved into place
    for name in contents:
        log.remark("written", path=output_dir / name)


def history_bytes(training: Training, model_sha256: str) -> bytes:
    """The .npz file of the first layer's weights, float16 (1 + epochs, n_in, units), and losses."""
    content = io.BytesIO()
    np.savez_compressed(
        content,
        first_weights=np.stack(training.first_weights),
        losses=np.array([row["loss"] for row in training.history]),
        model_sha256=np.array(model_sha256),
    )
    return content.getvalue()


if __name__ == "__main__":
    run_script(main)
