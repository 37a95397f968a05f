"""Train the network to recognise one digit, report how well it does, save it.

    python train_network.py                  the lab's run: 5,000 images, 15 epochs
    python train_network.py --resume         resume a run that was interrupted
    python train_network.py --help           everything that can be changed

A run is one file, with its settings, its history and its network: checkpoint.npz in
sample_outputs/ (or --output-dir) until the last epoch is done, then model.npz.
training_log.txt and metrics.json report what is in it.
"""

# First: it refuses an old Python, and asks for one BLAS thread before NumPy loads
import utils  # isort: split

import json
import math
import textwrap
import time
from argparse import SUPPRESS
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

import mnist_loader
import neural_network
from mnist_loader import (
    FULL_INK,
    IMAGE_SIDE,
    PIXELS,
    Dataset,
    Split,
    augment,
    load_dataset,
)
from neural_network import SGD, ModelError, NeuralNetwork
from utils import N_, Evaluation, Output, Range, Rate, Translate, UserError, check

# --- settings -------------------------------------------------------------------------


def setting(default: Any, group: str, allowed: Range, text: str, **how: Any) -> Any:
    """A field of `Settings`, which is an option of the command line, too.

    Parameters
    ----------
    default : the lab's value; False makes the option a switch
    group : where --help lists it. "network" is handed to NeuralNetwork and "rule" to
        SGD, under the field's name; the others are read where they are used
    allowed : its range
    text : what it does, for --help
    how : what argparse needs to know beside the default's type
    """
    if default is False:
        how["action"] = "store_true"
    else:
        metavars = {int: "N", float: "X", str: "NAME"}
        how.setdefault("type", type(default))
        how.setdefault("metavar", metavars.get(how["type"]))
        if default is not None:
            text += f" (default: {as_typed(default)})"
    metadata = {"group": group, "allowed": allowed, "argparse": how | {"help": text}}
    return field(default=default, metadata=metadata)


def as_typed(value: Any) -> str:
    """A setting's value as it is typed on the command line."""
    if isinstance(value, tuple):
        return " ".join(map(str, value))
    return "all" if value is None else str(value)  # None is only typed for sizes


def size(text: str) -> int | None:
    """A number of images as typed: None for "all"."""
    return None if text == "all" else int(text)


DATA = mnist_loader.RANGES
NETWORK = neural_network.NETWORK_RANGES
RULE = neural_network.RULE_RANGES
UNITS = Range(
    "whole numbers, at least 1",
    lambda v: len(v) > 0 and all(n in utils.COUNT for n in v),
)


@dataclass(frozen=True)
class Settings:
    """Everything that decides what a run writes.

    The command line fills it. A run's file holds `asdict(settings)`, from which
    `Settings(**values)` makes it again. Raises SettingError for a value outside its
    range. For a new option add a field, and what it does; the command line, the file,
    --resume and the log know it by itself.
    """

    digit: int = setting(8, "data", DATA["digit"], "recognise this digit")
    train_size: int | None = setting(
        5000,
        "data",
        DATA["train_size"],
        'train on the first N images, or on "all"',
        type=size,
        metavar="N",
    )
    test_size: int | None = setting(
        1000,
        "data",
        utils.SIZE,
        'test on the first N images, or on "all"',
        type=size,
        metavar="N",
    )
    threshold: float = setting(
        0.5, "data", utils.SHARE, "answer yes from this score up"
    )
    hidden: tuple[int, ...] = setting(
        (64,), "network", UNITS, "units of each hidden layer", type=int, nargs="+"
    )
    dropout: float = setting(
        0.0, "network", NETWORK["dropout"], "leave out this share of hidden units"
    )
    weight_scale: float = setting(
        0.1, "network", NETWORK["weight_scale"], "spread of the starting weights"
    )
    dtype: str = setting(
        "float32", "network", NETWORK["dtype"], "compute in float32 or float64"
    )
    seed: int = setting(
        0, "network", NETWORK["seed"], "number from which all that is random follows"
    )
    learning_rate: float = setting(
        0.01, "rule", RULE["learning_rate"], "step size of an update"
    )
    momentum: float = setting(
        0.0, "rule", RULE["momentum"], "keep this share of the last step"
    )
    l2: float = setting(0.0, "rule", RULE["l2"], "strength of L2 regularisation")
    final_learning_rate: float | None = setting(
        None,
        "training",
        utils.POSITIVE_OR_NONE,
        "let the rate fall to X (default: it stays)",
        type=float,
    )
    epochs: int = setting(
        15, "training", utils.COUNT, "pass N times over the training images"
    )
    augment: bool = setting(
        False, "training", utils.SWITCH, "train on copies, deformed anew in each epoch"
    )
    focus: bool = setting(
        False,
        "training",
        utils.SWITCH,
        "train mostly on images it gets wrong, or nearly",
    )
    loop: bool = setting(
        False, "training", utils.SWITCH, "update by the lab sheet's own lines, slowly"
    )
    lang: str = setting(
        "en", "output", utils.LANGUAGE, "print in English (en) or Russian (ru)"
    )

    def __post_init__(self) -> None:
        ranges = {f.name: f.metadata["allowed"] for f in fields(self)}
        check(ranges, **vars(self))
        # Frozen, and argparse and JSON give a list
        object.__setattr__(self, "hidden", tuple(self.hidden))

    def of_group(self, group: str) -> dict[str, Any]:
        """The settings of a group by name."""
        names = [f.name for f in fields(self) if f.metadata["group"] == group]
        return {name: getattr(self, name) for name in names}

    def network(self) -> NeuralNetwork:
        """The network that training starts from."""
        arguments = self.of_group("network")
        hidden = arguments.pop("hidden")
        return NeuralNetwork((PIXELS, *hidden, 1), **arguments)

    def sgd(self, epoch: int) -> SGD:
        """The update rule of an epoch, from 1: the rate falls linearly, or stays."""
        arguments = self.of_group("rule")
        if self.final_learning_rate is not None and self.epochs > 1:
            # A mean of both, weighed so that the last epoch has exactly the final rate
            t = (epoch - 1) / (self.epochs - 1)
            rate = (1 - t) * self.learning_rate + t * self.final_learning_rate
            arguments["learning_rate"] = rate
        return SGD(**arguments)

    def options(self) -> str:
        """The options that make these settings, as they are typed; "" for the lab's."""
        typed = []
        for f in fields(self):
            value = getattr(self, f.name)
            if value != f.default and f.name != "lang":
                typed.append(f"--{f.name.replace('_', '-')}")
                typed += [] if value is True else [as_typed(value)]
        return " ".join(typed)


OUTPUT_DIR = utils.PROJECT_DIR / "sample_outputs"


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser(
        "Train a NumPy network to recognise one handwritten digit.",
        """
        python train_network.py                             the lab's run
        python train_network.py --digit 3 --hidden 128 64   another digit, two layers
        python train_network.py --resume --epochs 30        train the last run longer
        """,
    )
    titles = {
        "data": "data and question",
        "network": "network",
        "rule": "update rule",
        "training": "training",
        "output": "files and language",
    }
    groups = {name: parser.add_argument_group(title) for name, title in titles.items()}
    for f in fields(Settings):
        option = f"--{f.name.replace('_', '-')}"
        how = f.metadata["argparse"]
        # Only what is typed is a setting given, which a resumed run must agree with
        groups[f.metadata["group"]].add_argument(option, default=SUPPRESS, **how)
    groups["data"].add_argument(
        "--data-dir",
        type=utils.user_path,
        metavar="DIR",
        help="find MNIST there (default: $MNIST_DATA_DIR or data/)",
    )
    groups["data"].add_argument(
        "--dataset",
        metavar="NAME",
        help="use mnist, sample (bundled), or auto: mnist if it is to be had "
        "(default: auto)",
    )
    groups["output"].add_argument(
        "--output-dir",
        type=utils.user_path,
        default=OUTPUT_DIR,
        metavar="DIR",
        help="write there (default: sample_outputs/)",
    )
    groups["output"].add_argument(
        "--resume",
        action="store_true",
        help="continue the run in the output directory",
    )
    return parser


# --- the run --------------------------------------------------------------------------

LOG_FILE = "training_log.txt"
METRICS_FILE = "metrics.json"
MODEL_FILE = "model.npz"
CHECKPOINT_FILE = "checkpoint.npz"
MEASURES = (
    "train_loss",
    "train_accuracy",
    "test_loss",
    "test_accuracy",
    "test_recall",
)
# Training images after each epoch: all of the lab's, whose run takes 7% longer by it;
# of 60,000 so many are measured in 1% of the time that the epoch takes
MEASURED = 5000


@dataclass
class Run:
    """A network, the settings and the data it is trained with, its epochs so far."""

    settings: Settings
    network: NeuralNetwork
    dataset: Dataset
    history: list[dict[str, Any]] = field(default_factory=list)  # see `train_epochs`

    def __post_init__(self) -> None:
        # What is said of test images is said of these; only the claims take them all
        self.test: Split = self.dataset.test.first(self.settings.test_size)

    def evaluate(self, split: Split) -> Evaluation:
        """How the network, as it is now, does on these images."""
        scores = self.network.predict_proba(split.images)
        truth = split.digits == self.settings.digit
        return Evaluation(scores, truth, self.settings.threshold)

    @property
    def measured(self) -> Split:
        """The training images that `measures` takes: the first MEASURED."""
        train = self.dataset.train
        return train.first(min(MEASURED, len(train.digits)))

    def measures(self) -> dict[str, Any]:
        """By MEASURES, how it does; None for what the images do not tell."""
        train = self.evaluate(self.measured)
        test = self.evaluate(self.test)
        values = (train.loss, train.accuracy, test.loss, test.accuracy, test.recall)
        return utils.for_json(dict(zip(MEASURES, values, strict=True)))

    def save(self, path: Path) -> None:
        """Write the run's file: the network, and in its metadata all the rest."""
        self.network.metadata = {
            "settings": asdict(self.settings),
            "dataset": self.dataset.name,
            "fingerprint": self.fingerprint,
            "history": self.history,
        }
        self.network.save(path)

    @cached_property
    def fingerprint(self) -> str:
        """The data's, which is dear, kept for the next `save`."""
        return self.dataset.fingerprint


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    names = [f.name for f in fields(Settings) if f.name in options]
    given = {name: getattr(options, name) for name in names}
    output_dir = options.output_dir
    checkpoint = output_dir / CHECKPOINT_FILE

    if options.resume:
        if options.dataset:
            raise UserError(
                "--dataset has no meaning with --resume: the run has its own"
            )
        run = resume_run(output_dir, options.data_dir, given)
    else:
        settings = Settings(**given)
        source = options.dataset or "auto"
        dataset = load_dataset(options.data_dir, source, settings.train_size)
        run = Run(settings, settings.network(), dataset)

    out = Output(run.settings.lang)
    if checkpoint.exists() and not options.resume:
        out.screen("This run replaces an unfinished one; --resume continues that")
    try:
        describe_run(out, run)
        show_examples(out, run)
        train(out, run, checkpoint)
        result = run.evaluate(run.test)
        claims = claims_about(run)
        report_results(out, run, result)
        report_claims(out, run, claims)
        report_limits(out, run)
        write_results(out, run, result, claims, output_dir)
    except KeyboardInterrupt:
        suggest_resume(out, output_dir, options.data_dir)
        raise
    return 0


# --- what is trained ------------------------------------------------------------------

EXAMPLES_SHOWN = 5
FAINTEST_PIXEL = 128  # of 255; with fainter images the lab's run finds fewer 8s


def describe_run(out: Output, run: Run) -> None:
    """Say which network is trained how, and on which data."""
    settings = run.settings
    _ = out.translate

    # The title, underlined
    name = dataset_name(run.dataset.name, _)
    line = N_("Recognising the handwritten digit {n} in {name}")
    title = _(line, n=settings.digit, name=name)
    out.log("{title}", title=title)
    out.log("{line}", line="=" * len(title))
    warn_of_sample(out, run)

    # The network
    inputs, *units = run.network.layer_sizes
    layers = [f"{inputs}"]
    for n, layer in zip(units, run.network.layers, strict=True):
        layers.append(f"{n} {layer.activation.function.__name__}")
    rate = f"{settings.learning_rate:g}"
    if settings.final_learning_rate is not None:
        rate += f" .. {settings.final_learning_rate:g}"
    arrays = run.network.weights + run.network.biases
    out.log(
        """
        Network: {layers}; {parameters:,} parameters, {s.dtype}, seed {s.seed}
        Training: epochs {s.epochs}, an update after every sample; learning rate {rate}
        """,
        layers=" -> ".join(layers),
        parameters=sum(array.size for array in arrays),
        rate=rate,
        s=settings,
    )
    if settings.options():
        out.log("Other than the lab's: {options}", options=settings.options())

    # The data
    train = run.dataset.train
    line = N_("Training images: {n.total:,}; {n.count:,} show {digit} ({n.share:.2%})")
    out.log(line, n=Rate.of(train.digits == settings.digit), digit=settings.digit)
    warn_of_missing(out, run, train, "--train-size all")
    line = N_("Test images: {n.total:,}; {n.count:,} show {digit} ({n.share:.2%})")
    out.log(line, n=Rate.of(run.test.digits == settings.digit), digit=settings.digit)
    warn_of_missing(out, run, run.test, "--test-size all")
    largest = round(FULL_INK * float(train.images.max()))
    if largest < FAINTEST_PIXEL:
        line = N_("The largest pixel of the training images is {n}; full ink is {full}")
        out.log(line, n=largest, full=FULL_INK)


def warn_of_missing(out: Output, run: Run, split: Split, more: str) -> None:
    """Where no image shows the digit: which digits there are, and what would help."""
    digit = run.settings.digit
    there = np.unique(split.digits).tolist()
    if digit in there:
        return
    # Files that are sorted by digit have it further on, as all the test images tell
    is_sorted = digit in run.dataset.test.digits
    out.log(
        "No image of {digit} among these, only of {there}; try {option}",
        digit=digit,
        there=", ".join(map(str, there)),
        option=more if is_sorted else f"--digit {there[0]}",
    )


def dataset_name(name: str, _: Translate) -> str:
    return _("the bundled sample, NOT MNIST") if name == "sample" else name


def warn_of_sample(out: Output, run: Run) -> None:
    """Whoever reads only the first or the last lines must see that it was not MNIST."""
    if run.dataset.name == "sample":
        out.log(
            """
            NOT MNIST: the data is the bundled sample, drawn to look like handwriting;
            python mnist_loader.py downloads MNIST
            """
        )


def show_examples(out: Output, run: Run) -> None:
    """Draw the first training images of the digit, as the lab sheet does."""
    train = run.dataset.train
    digit = run.settings.digit
    _ = out.translate
    rows = np.flatnonzero(train.digits == digit)[:EXAMPLES_SHOWN]
    if not len(rows):
        return
    out.log()
    out.log("Examples of the digit {digit} from the training set:", digit=digit)
    out.log()
    captions = [_("Example {n}:", n=number) for number in range(1, len(rows) + 1)]
    images = train.images[rows].reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    out.log("{art}", art=utils.ascii_art(images, captions))


# --- training -------------------------------------------------------------------------

EPOCH_LINE = N_("Epoch {epoch}/{epochs}, loss: {loss:.6f}")

# With --focus an image is taken with the chance LEAST_CHANCE + CHANCE_BY_ERROR times
# the network's error on it, so from an error of 0.09 on for certain. Both, and the
# portions in which that is decided, were chosen on held-out training images
# (tests/benchmarks).
LEAST_CHANCE = 0.1
CHANCE_BY_ERROR = 10.0
PORTION = 5000  # images


def train(out: Output, run: Run, checkpoint: Path) -> None:
    """Train to the end; the run's file is written after every epoch."""
    epochs = run.settings.epochs
    out.log()
    out.log("Training:")
    out.log()
    for row in run.history:  # of a resumed run, whose log tells all of it
        out.log(EPOCH_LINE, epochs=epochs, **row)
    epochs_before = len(run.history)
    if run.history:  # resumed, with the epochs and the language asked for now
        out.screen("Resumed: the epochs above were trained before")
        run.save(checkpoint)
    start = time.perf_counter()
    for row in train_epochs(run):
        run.save(checkpoint)  # first, so that what is shown is saved
        out.log(EPOCH_LINE, epochs=epochs, **row)
    seconds = time.perf_counter() - start
    samples = (epochs - epochs_before) * len(run.dataset.train.digits)
    if samples:
        line = N_("Trained in {time:.2f} s, {rate:,.0f} samples a second")
        out.screen(line, time=seconds, rate=samples / seconds)


def train_epochs(run: Run) -> Iterator[dict[str, Any]]:
    """Train from where the run's history ends to the last epoch of its settings.

    After each epoch a row is added to the history and yielded: its number, the mean
    loss of its updates, and the run's `measures` after it. Prints nothing.
    """
    settings = run.settings
    images = run.dataset.train.images
    targets = run.dataset.train.targets(settings.digit)
    for epoch in range(len(run.history) + 1, settings.epochs + 1):
        sgd = settings.sgd(epoch)
        if settings.augment or settings.focus:
            loss = train_portions(run, epoch, targets, sgd)
        else:
            loss = run.network.train_epoch(images, targets, sgd, loop=settings.loop)
        run.history.append({"epoch": epoch, "loss": loss} | run.measures())
        yield run.history[-1]


def train_portions(run: Run, epoch: int, targets: np.ndarray, sgd: SGD) -> float:
    """An epoch of `--augment` or `--focus`, portion by portion; the mean of its losses.

    With --focus the network looks at a portion before it trains on it, and an image is
    taken with a chance of LEAST_CHANCE + CHANCE_BY_ERROR |a - y|: it learns from what
    it gets wrong (as the importance sampling of Katharopoulos and Fleuret, ICML 2018,
    but without its weights). The loss is that of the images taken.
    """
    network = run.network
    rng = np.random.default_rng([run.settings.seed, epoch])
    order = rng.permutation(len(targets))
    portions = np.split(order, range(PORTION, len(order), PORTION))  # row numbers, (m,)
    losses = []
    numbers_taken = []
    for portion, x in zip(portions, images_of(run, epoch, portions), strict=True):
        y = targets[portion]
        taken = np.arange(len(portion))
        if run.settings.focus:
            error = np.abs(network.predict_proba(x) - y)
            chance = LEAST_CHANCE + CHANCE_BY_ERROR * error
            is_taken = rng.random(len(portion)) < chance
            if is_taken.any():  # an epoch of none is no epoch
                taken = taken[is_taken]
        losses.append(network.train_epoch(x, y, sgd, taken, loop=run.settings.loop))
        numbers_taken.append(len(taken))
    return float(np.average(losses, weights=numbers_taken))


def images_of(
    run: Run, epoch: int, portions: Sequence[np.ndarray]
) -> Iterator[np.ndarray]:
    """Yield the images of each portion, (m, 784).

    With `--augment` they are copies, deformed anew by a thread that runs ahead while
    this one trains; their random numbers follow from seed, epoch and the portion's
    number, so that timing changes nothing.
    """
    images = run.dataset.train.images

    def deform(number: int) -> np.ndarray:
        # Numbered from 1: to NumPy [seed, epoch, 0] is [seed, epoch], the order's seed
        rng = np.random.default_rng([run.settings.seed, epoch, number + 1])
        return augment(images[portions[number]], rng)

    if run.settings.augment:
        with ThreadPoolExecutor(1) as ahead:
            yield from ahead.map(deform, range(len(portions)))
    else:
        for portion in portions:
            yield images[portion]


# --- the report -----------------------------------------------------------------------

LOG_WIDTH = 100  # columns; longer lines are wrapped
# How far each setting may go, alone, and the lab's run still learns: the loss on its
# training images falls clearly below p (1 - p)
STILL_LEARNS = {
    "weight_scale": 0.5,  # with 1 it does not
    "l2": 0.05,  # with 0.1 it does not
    "dropout": 0.9,  # with 0.99 it does not
    "hidden": 2,  # units of each layer; with one it does not
    "step": 0.4,  # learning rate / (1 - momentum); with momentum 0.98 it does not
    "way": 12,  # the step times epochs times images; with 7.5 it does not
}
CLEARLY_BELOW = 0.95  # of p (1 - p)

ONE_ANSWER = N_("The network answers {only} to everything: its errors tell nothing")


def report_results(out: Output, run: Run, result: Evaluation) -> None:
    """Say how the network does on the test images, and what it gets wrong."""
    digit = run.settings.digit
    _ = out.translate
    yes = _("answered: {answer}", answer=_(utils.YES))
    no = _("answered: {answer}", answer=_(utils.NO))
    confusion = [
        ["", yes, no],
        [
            _("shows {digit}", digit=digit),
            _("{n:,}", n=result.true_positives),
            _("{n:,}", n=result.false_negatives),
        ],
        [
            _("shows another"),
            _("{n:,}", n=result.false_positives),
            _("{n:,}", n=result.true_negatives),
        ],
    ]
    out.log()
    out.log("Results on the test set:")
    out.log()
    out.log("Accuracy on the test set: {r.accuracy:.2%}", r=result)
    line = N_("Is it {digit} or not? Answered correctly: {r.correct:,} of {r.total:,}.")
    out.log(line, digit=digit, r=result)
    line = N_(
        'Always answering "{usual}" scores {r.majority_share:.2%}; '
        "compare accuracy with this."
    )
    out.log(line, usual=_(result.usual_answer), r=result)
    out.log()
    out.log("Confusion counts (threshold {r.threshold:g}):", r=result)
    out.log("{table}", table=utils.table(confusion))
    out.log()
    line = N_(
        "Of the digit {digit}: precision {r.precision:.2%}, recall {r.recall:.2%}, "
        "F1 {r.f1:.2%}"
    )
    out.log(line, digit=digit, r=result)
    out.log("Area under the ROC curve: {r.roc_auc:.4f}", r=result)
    out.log()
    report_nothing_learnt(out, run)
    if result.only_answer:
        out.log(ONE_ANSWER, only=_(result.only_answer))
        line = N_("Its scores go from {low:.3f} to {high:.3f}, the threshold is {t:g}")
        low = result.scores.min()
        high = result.scores.max()
        out.log(line, low=low, high=high, t=result.threshold)
        return

    # Which digits are taken for it, and which of its images are missed
    alarms = Rate(result.false_positives, result.negatives)
    line = N_(
        "False alarms, other digits taken for {digit}: {r.count:,} of {r.total:,}"
    )
    out.log(line, digit=digit, r=alarms)
    for n, rate in false_alarms(run.test, result).items():
        if rate.count:
            line = N_("  digit {n}: {r.count:,} of {r.total:,} ({r.share:.2%})")
            out.log(line, n=n, r=rate)
    misses = Rate(result.false_negatives, result.positives)
    line = N_("Missed, images of {digit} not recognised: {r.count:,} of {r.total:,}")
    out.log(line, digit=digit, r=misses)
    missed = np.flatnonzero(result.truth & ~result.answers).tolist()
    if missed:
        line = N_("images of the test set, counted from 0: {rows}")
        text = _(line, rows=", ".join(map(str, missed)))
        wrapped = textwrap.fill(
            text, LOG_WIDTH, initial_indent="  ", subsequent_indent="  "
        )
        out.log("{text}", text=wrapped)


def report_nothing_learnt(out: Output, run: Run) -> None:
    """Where the network is no better than one that knows no image, say why.

    Answering the share p of the digit to everything has a loss of p (1 - p).
    """
    digits = run.dataset.train.digits
    share = Rate.of(digits == run.settings.digit).share
    constant = share * (1 - share)
    losses = [row["train_loss"] for row in run.history]
    lowest = min((loss for loss in losses if loss is not None), default=0)
    cause = likeliest_cause(run.settings, len(digits))
    if lowest < CLEARLY_BELOW * constant or not share or not cause:
        return
    line = N_(
        "Nothing was learnt: on training images the loss stayed at {loss:.4f}; "
        "answering {share:.4f} to everything has {constant:.4f}"
    )
    out.log(line, loss=lowest, share=share, constant=constant)
    out.log(
        "The likeliest cause is --{option} {value} (the lab's is {usual})",
        option=cause.replace("_", "-"),
        value=as_typed(getattr(run.settings, cause)),
        usual=as_typed(getattr(Settings(), cause)),
    )
    out.log()


def likeliest_cause(settings: Settings, n_train: int) -> str | None:
    """The setting that may be why nothing was learnt: its name, or None.

    It is the one furthest beyond STILL_LEARNS.
    """
    limit = STILL_LEARNS
    step = settings.learning_rate / (1 - settings.momentum)
    times_beyond = {
        "weight_scale": settings.weight_scale / limit["weight_scale"],
        "l2": settings.l2 / limit["l2"],
        "dropout": (1 - limit["dropout"]) / (1 - settings.dropout),
        "hidden": limit["hidden"] / min(settings.hidden),
        "learning_rate": settings.learning_rate / limit["step"],
        "momentum": step / limit["step"] if settings.momentum else 0,
    }
    if not settings.weight_scale:  # the units of a layer stay alike
        times_beyond["weight_scale"] = math.inf
    if step * settings.epochs * n_train < limit["way"]:
        lab = Settings()
        times_beyond |= {
            "learning_rate": lab.learning_rate / settings.learning_rate,
            "epochs": lab.epochs / settings.epochs,
            "train_size": lab.train_size / n_train,
        }
    cause = max(times_beyond, key=times_beyond.get)
    return cause if times_beyond[cause] > 1 else None


def false_alarms(split: Split, result: Evaluation) -> dict[int, Rate]:
    """For each other digit among these images, how often it is taken for the digit."""
    others = np.unique(split.digits[~result.truth]).tolist()
    return {n: Rate.of(result.answers[split.digits == n]) for n in others}


def claims_about(run: Run) -> list[utils.Claim]:
    """The lab sheet's claims about errors, asked of all test images.

    There are none where the network answers the same to everything: then its errors are
    all images of one kind.
    """
    digit = run.settings.digit
    train = run.dataset.train
    test = run.dataset.test
    result = run.evaluate(test)
    if result.only_answer:
        return []
    examples = train.images[train.digits == digit]
    return utils.examine_claims(
        digit, examples, test.images, test.digits, result.answers
    )


def report_claims(out: Output, run: Run, claims: list[utils.Claim]) -> None:
    """Say whether the network errs where the lab sheet claims that it does."""
    settings = run.settings
    _ = out.translate
    out.log()
    if claims:
        out.log(
            """
            Error analysis: does the network err where the lab sheet says that it does?
            (all {n:,} test images, 95% intervals; limits from the training images)
            """,
            n=len(run.dataset.test.digits),
        )
        if settings.digit != utils.LAB_DIGIT:
            line = N_("(the lab sheet speaks of 8; here the same is asked of {n})")
            out.log(line, n=settings.digit)
        out.log()
        out.log("{table}", table=utils.table(claim_rows(claims, _)))
        out.log()
        rule = _(utils.VERDICT_RULE, fewest=utils.FEWEST_AFFECTED)
        out.log("{rule}", rule=textwrap.fill(rule, LOG_WIDTH))


def report_limits(out: Output, run: Run) -> None:
    """Say what the numbers are worth: of one seed, or of a sample that is not MNIST."""
    settings = run.settings
    is_labs = settings == Settings(seed=settings.seed, lang=settings.lang)
    if is_labs and run.dataset.name == "MNIST":
        out.log(
            "One run is one sample: over ten seeds the lab's run finds "
            "74 to 84% of the 8s"
        )
    warn_of_sample(out, run)


def claim_rows(claims: list[utils.Claim], _: Translate) -> list[list[str]]:
    """The cells of the table of claims, its head first."""
    rate = N_("{r.count:,} of {r.total:,} {r.share:7.2%}")
    rows = [
        [
            "",
            _("errors on these"),
            _("on the others"),
            _("difference, points"),
            _("verdict"),
        ]
    ]
    for claim in claims:
        rows.append(
            [
                _(claim.line, **claim.values),
                _(rate, r=claim.affected),
                _(rate, r=claim.rest),
                in_points(claim.difference, claim.interval, _),
                _(claim.verdict),
            ]
        )
    return rows


def in_points(difference: float, interval: tuple[float, float], _: Translate) -> str:
    """A difference of shares and its interval in percentage points."""
    low, high = interval
    if np.isnan(low):
        return _("n/a")
    return f"{100 * difference:+.2f} ({100 * low:+.2f} .. {100 * high:+.2f})"


# --- the files ------------------------------------------------------------------------


def write_results(
    out: Output,
    run: Run,
    result: Evaluation,
    claims: list[utils.Claim],
    output_dir: Path,
) -> None:
    """Write log, metrics and model; the checkpoint is removed last, so none is lost."""
    # The sizes as they are, instead of "all", and the layers with inputs and output
    configuration = asdict(run.settings)
    del configuration["hidden"]
    del configuration["lang"]
    configuration |= {
        "train_size": len(run.dataset.train.digits),
        "test_size": result.total,
        "layer_sizes": run.network.layer_sizes,
    }
    metrics = {
        "dataset": run.dataset.name,
        "configuration": configuration,
        "epochs_completed": len(run.history),
        "history": run.history,
        "evaluation": result.as_dict(),
        "error_analysis": {
            "test_images": len(run.dataset.test.digits),
            "claims": [claim.as_dict() for claim in claims],
        },
    }
    utils.write_text(output_dir / LOG_FILE, out.contents())
    utils.write_text(output_dir / METRICS_FILE, json.dumps(metrics, indent=2) + "\n")
    run.save(output_dir / MODEL_FILE)
    (output_dir / CHECKPOINT_FILE).unlink(missing_ok=True)
    for name in LOG_FILE, METRICS_FILE, MODEL_FILE:
        out.screen("Written: {path}", path=output_dir / name)
    command = utils.command_line("visualize_results.py", *of_directories(output_dir))
    out.screen("{command} draws the figures of this run", command=command)


def of_directories(output_dir: Path, data_dir: Path | None = None) -> list[str]:
    """The options that name these directories, where they are not the usual ones."""
    options = []
    if output_dir != OUTPUT_DIR:
        options.append(f"--output-dir={output_dir}")
    if data_dir is not None:
        options.append(f"--data-dir={data_dir}")
    return options


# --- resuming a run -------------------------------------------------------------------


def resume_run(output_dir: Path, data_dir: Path | None, given: dict[str, Any]) -> Run:
    """The unfinished run in the directory, or else the finished one, to go on.

    What is no part of training may be given anew, and the number of epochs unless the
    learning rate falls over them. UserError names what else differs.
    """
    path = output_dir / CHECKPOINT_FILE
    if not path.exists():
        path = output_dir / MODEL_FILE
    run = load_run(path, data_dir)
    asked = replace(run.settings, **given)
    is_free = {"lang", "threshold", "test_size"}
    if not asked.final_learning_rate:
        is_free.add("epochs")
    for name, value in vars(run.settings).items():
        other = getattr(asked, name)
        if other != value and name not in is_free:
            raise UserError(
                f"{name} is {other!r}, but {value!r} in {path}; to resume that run "
                "leave the option out, for a new run leave out --resume"
            )
    if asked.epochs < len(run.history):
        done = len(run.history)
        fault = f"epochs is {asked.epochs}, but {path} has had {done}"
        raise UserError(f"{fault}; ask for more")
    return measured_anew(run, asked)


def measured_anew(run: Run, settings: Settings) -> Run:
    """The run with settings that may measure it by another threshold or test size.

    Of the epochs before the last one nobody can tell any more what these would give.
    """
    unknown = []
    if settings.threshold != run.settings.threshold:
        unknown += ["train_accuracy", "test_accuracy", "test_recall"]
    if settings.test_size != run.settings.test_size:
        unknown += ["test_loss", "test_accuracy", "test_recall"]
    history = [row | dict.fromkeys(unknown) for row in run.history]
    run = replace(run, settings=settings, history=history)
    if unknown and history:
        history[-1] |= run.measures()
    return run


def load_run(path: Path, data_dir: Path | None) -> Run:
    """Read a run's file, and its images; UserError if they are not those of the run."""
    network = NeuralNetwork.load(path)
    metadata = network.metadata
    if not {"settings", "dataset", "fingerprint", "history"} <= metadata.keys():
        raise ModelError(f"{path} holds a network, but no run; run train_network.py")
    settings = read_settings(path, metadata)
    history = read_history(path, metadata)
    expected = settings.network()
    for part in "layer_sizes", "config", "dtype":
        if getattr(network, part) != getattr(expected, part):
            fault = f"{path}: its {part} and its settings do not fit together"
            raise ModelError(f"{fault}; run train_network.py again")

    name = metadata["dataset"]
    source = "sample" if name == "sample" else "mnist"
    dataset = load_dataset(data_dir, source, settings.train_size)
    run = Run(settings, network, dataset, history)
    if run.fingerprint != metadata["fingerprint"]:
        fault = f"{path}: that run was about other images ({name}) than these"
        there = f"({dataset.name}); name their directory with --data-dir"
        raise UserError(f"{fault} {there}")
    return run


def read_settings(path: Path, metadata: dict[str, Any]) -> Settings:
    """The settings in a file's metadata; ModelError says what is wrong with them.

    A setting that an older file lacks gets its default; a bare network lacks them all.
    """
    try:
        return Settings(**metadata.get("settings", {}))
    except (TypeError, utils.SettingError) as error:  # TypeError: an unknown name
        raise ModelError(f"{path}: {error}; run train_network.py again") from error


def read_history(path: Path, metadata: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a file's history; ModelError if `train_epochs` made no such rows.

    What an older file has not measured on the training images is None.
    """
    names = {"epoch", "loss", *MEASURES}
    try:
        history = list(metadata["history"])
        for number, row in enumerate(history, start=1):
            row.setdefault("train_loss", None)
            row.setdefault("train_accuracy", None)
            values = [value for value in row.values() if value is not None]
            are_values = all(value in utils.NOT_NEGATIVE for value in values)
            if set(row) != names or row["epoch"] != number or not are_values:
                raise ValueError(f"epoch {number} is {row}")
    except (TypeError, AttributeError, ValueError) as error:
        raise ModelError(f"{path}: {error}; run train_network.py again") from error
    return history


def suggest_resume(out: Output, output_dir: Path, data_dir: Path | None) -> None:
    """After an interruption: what is saved, and the command that continues it."""
    try:
        saved = NeuralNetwork.load(output_dir / CHECKPOINT_FILE).metadata
        epochs = saved["settings"]["epochs"]
        done = len(saved["history"])
    except (UserError, LookupError, TypeError):  # none, or not one of a run
        out.screen("Interrupted before an epoch was done: nothing new is saved")
        return
    options = ["--resume", *of_directories(output_dir, data_dir)]
    command = utils.command_line("train_network.py", *options)
    line = N_("Interrupted. Of {epochs} epochs {n} are saved; to resume: {command}")
    out.screen(line, epochs=epochs, n=done, command=command)


if __name__ == "__main__":
    utils.run_script(main)
