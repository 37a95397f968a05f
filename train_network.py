"""Train the network to recognise one digit, report how well it does, and save what it learnt.

    python train_network.py                  the lab's run: 5,000 images, 15 epochs
    python train_network.py --resume         resume a run that was interrupted
    python train_network.py --help           everything that can be changed

A run is one file, with its settings, its history and its network: checkpoint.npz in sample_outputs/
(or --output-dir) until the last epoch is done, then model.npz. training_log.txt and metrics.json
report what is in it.
"""

from __future__ import annotations

import os
import signal

if __name__ == "__main__" and signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # Ctrl-C while NumPy loads: no traceback
# One BLAS thread, set before NumPy loads: the engine's matrices are small, a second thread waits
# more than it works, and the number of threads decides the last bits of the result.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import json
import shlex
import sys
import textwrap
import time
from argparse import SUPPRESS
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache, cached_property, partial
from itertools import chain, count, product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import utils
from mnist_loader import IMAGE_SIDE, PIXELS, Dataset, augment, load_dataset
from neural_network import SGD, ModelError, NeuralNetwork
from utils import N_, Evaluation, Language, Output, UserError, check_settings, write_text

OUTPUT_DIR = Path(__file__).resolve().parent / "sample_outputs"
LOG_FILE, METRICS_FILE = "training_log.txt", "metrics.json"
MODEL_FILE, CHECKPOINT_FILE = "model.npz", "checkpoint.npz"
STUDY_FILE, STUDY_LOG_FILE = "study.json", "study_log.txt"
PICTURE_SUFFIXES = (".png", ".svg", ".pdf", ".gif")
EXAMPLES_SHOWN = 5
ONE_ANSWER = N_(
    "The network answers {only} to everything: lower the learning rate, or train longer"
)
LAB_DIGIT = 8  # the variant that the lab sheet's claims are about
LOG_WIDTH = 100  # columns; longer lists of numbers are wrapped

# With --focus an image is taken with this chance; chosen, as the size of the portions in which
# that is decided, on held-out training images
LEAST_CHANCE, CHANCE_BY_ERROR = 0.1, 10.0
PORTION = 5000


# --- settings ---------------------------------------------------------------------------------


def size(text: str) -> int | None:
    return None if text == "all" else int(text)


def setting(default: Any, group: str, text: str, **how: Any) -> Any:
    """A field of `Settings`: its group and its sentence in --help, and how argparse reads it.

    False as the default makes a switch; otherwise the default's type is the option's, and the
    sentence is given the default unless it says one.
    """
    if default is False:
        how = {"action": "store_true"}
    else:
        how = {"type": type(default), "metavar": "X" if isinstance(default, float) else "N"} | how
        text += "" if "default" in text else f" (default: {default})"
    return field(default=default, metadata={"group": group, "argparse": how | {"help": text}})


@dataclass(frozen=True)
class Settings:
    """Everything that decides the result of a run.

    The command line fills it. A run's file holds `asdict(settings)`, from which
    `Settings(**values)` makes it again. Raises SettingError for a value outside its range, which
    `utils.RANGES` has under the field's name.
    """

    digit: int = setting(8, "data", "Recognise this digit")
    train_size: int | None = setting(5000, "data", 'Train on N images, or on "all"', type=size)
    test_size: int | None = setting(1000, "data", 'Test on N images, or on "all"', type=size)
    augment: bool = setting(False, "data", "Train on copies, deformed anew in each epoch.")
    focus: bool = setting(False, "data", "Train mostly on images that are got wrong, or nearly so.")
    hidden: tuple[int, ...] = setting(
        (64,), "network", "Units of each hidden layer (default: 64)", type=int, nargs="+"
    )
    dropout: float = setting(0.0, "network", "Leave out this share of hidden units in each update")
    weight_scale: float = setting(0.1, "network", "Standard deviation of the starting weights")
    dtype: str = setting("float32", "network", "Compute in float32 or float64", metavar="TYPE")
    threshold: float = setting(0.5, "network", "Answer yes from this probability up")
    learning_rate: float = setting(0.01, "training", "Step size of an update")
    final_learning_rate: float | None = setting(
        None, "training", "Let the rate fall to X (default: it stays)", type=float, metavar="X"
    )
    momentum: float = setting(0.0, "training", "Keep this share of the last step")
    l2: float = setting(0.0, "training", "Strength of the weights' L2 regularisation")
    epochs: int = setting(15, "training", "Pass N times over the training images")
    seed: int = setting(0, "training", "Number from which all that is random follows")
    loop: bool = setting(False, "training", "Update by the lab sheet's own lines, slowly.")
    lang: str = setting("en", "output", "Print in English (en) or Russian (ru)", metavar="LANG")

    def __post_init__(self) -> None:
        check_settings(**vars(self))
        object.__setattr__(self, "hidden", tuple(self.hidden))  # a list in a file

    def network(self) -> NeuralNetwork:
        """The network that training starts from."""
        sizes, names = (PIXELS, *self.hidden, 1), ("dropout", "weight_scale", "seed", "dtype")
        return NeuralNetwork(sizes, **{name: getattr(self, name) for name in names})

    def sgd(self, epoch: int) -> SGD:
        """The update rule of an epoch, counted from 1: the rate falls linearly, or stays."""
        rate, last = self.learning_rate, self.final_learning_rate
        if last is not None and self.epochs > 1:
            rate += (last - rate) * (epoch - 1) / (self.epochs - 1)
        return SGD(rate, self.momentum, self.l2)


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser(
        "Train a NumPy network to recognise one handwritten digit.",
        """
        python train_network.py                              the lab's run
        python train_network.py --digit 3 --hidden 128 64    another digit, a deeper network
        python train_network.py --resume --epochs 30         train the last run for longer
        """,
    )
    titles = {name: name for name in ("data", "network", "training")} | {"output": "what to do"}
    add = {name: parser.add_argument_group(title).add_argument for name, title in titles.items()}
    for f in fields(Settings):
        option = f"--{f.name.replace('_', '-')}"
        add[f.metadata["group"]](option, default=SUPPRESS, **f.metadata["argparse"])
    directory = {"type": Path, "metavar": "DIR"}
    add["data"](
        "--data-dir", help="Find MNIST there (default: $MNIST_DATA_DIR or data/)", **directory
    )
    source = "Use mnist, the bundled sample, or what can be had (default: auto)"
    add["data"]("--dataset", choices=utils.SOURCES, default="auto", metavar="NAME", help=source)
    add["output"]("--resume", action="store_true", help="Continue the run in the output directory.")
    add["output"]("--study", action="store_true", help="Measure the lab sheet's improvements.")
    where = "Write there (default: sample_outputs/)"
    add["output"]("--output-dir", default=OUTPUT_DIR, help=where, **directory)
    return parser


# --- the run ----------------------------------------------------------------------------------


# A row of a run's history: an epoch's number, its loss, and how the test images fare after it
ROW = {"epoch", "loss", "test_loss", "test_accuracy", "test_recall"}


@dataclass
class Run:
    """A network, the settings and the data it is trained with, and how far it has got."""

    settings: Settings
    network: NeuralNetwork
    dataset: Dataset
    history: list[dict[str, Any]] = field(default_factory=list)  # a ROW per epoch
    saved: int = 0  # epochs of the history that are in its file
    file: tuple[Path, int, int] | None = None  # which one that is, and what tells it from another

    @cached_property
    def about(self) -> dict[str, Any]:
        """What is trained on what, in plain JSON."""
        data = {"dataset": self.dataset.name, "fingerprint": self.dataset.fingerprint}
        return {"settings": asdict(self.settings), **data}

    def save(self, path: Path) -> None:
        self.network.metadata = self.about | {"history": self.history}
        self.network.save(path)
        self.saved, self.file = len(self.history), identity(path)

    def is_in_place(self) -> bool:
        """Whether its file is still where it was saved, and no other run's is there instead."""
        with suppress(OSError):
            return self.file is not None and self.file == identity(self.file[0])
        return False

    def evaluate(self) -> Evaluation:
        """How the network, as it is now, does on the test images."""
        images, digits = self.dataset.test
        scores, truth = self.network.predict_proba(images), digits == self.settings.digit
        return Evaluation.of(scores, truth, self.settings.threshold)

    def false_alarms(self, result: Evaluation) -> dict[int, utils.Rate]:
        """For each other digit among the test images, how often it is taken for the digit."""
        digits = self.dataset.test.digits
        others = np.unique(digits[~result.truth]).tolist()
        return {n: utils.Rate.of(result.answers[digits == n]) for n in others}

    def examine_claims(self, result: Evaluation) -> list[utils.Claim]:
        """The lab sheet's claims, tested; none where the same answer is given to everything."""
        if result.only_answer:
            return []
        train, test = self.dataset.train, self.dataset.test
        return utils.examine_claims(self.settings.digit, train, test, result.answers)


def identity(path: Path) -> tuple[Path, int, int]:
    """What changes when another file takes its place."""
    return path, path.stat().st_ino, path.stat().st_mtime_ns


def main(arguments: Sequence[str] | None = None) -> int:
    options = make_parser().parse_args(arguments)
    given = {f.name: vars(options)[f.name] for f in fields(Settings) if f.name in options}
    data_dir, output_dir = options.data_dir, options.output_dir
    load = partial(load_dataset, data_dir, options.dataset)
    if options.study:
        return run_study(Settings(**given), output_dir, load)
    if options.resume:
        run = resume_run(given, output_dir, data_dir)
    else:
        run = new_run(Settings(**given), load)
    utils.writable_directory(output_dir, (LOG_FILE, METRICS_FILE, MODEL_FILE, CHECKPOINT_FILE))
    out, epochs_before = Output(run.settings.lang), len(run.history)
    try:
        describe_run(out, run)
        show_examples(out, run)
        train(out, run, output_dir / CHECKPOINT_FILE, options.resume)
        result = run.evaluate()
        claims = run.examine_claims(result)
        report_results(out, run, result)
        report_claims(out, run, claims)
        write_results(out, run, result, claims, output_dir)
    except KeyboardInterrupt:
        suggest_resume(out, run, output_dir, data_dir)
        raise
    if len(run.history) > epochs_before:
        point_out_old_pictures(out, output_dir)
    return 0


def new_run(settings: Settings, load: Callable[..., Dataset]) -> Run:
    """A run that has not begun; `load` takes the numbers of training and of test images."""
    return Run(settings, settings.network(), load(settings.train_size, settings.test_size))


def load_run(path: Path, data_dir: Path | None) -> Run:
    """Read a run's file, and the images that it is about; UserError where they are others."""
    network = NeuralNetwork.load(path)
    if not {"settings", "dataset", "fingerprint", "history"} <= network.metadata.keys():
        raise ModelError(f"{path} holds a network, but no run; run train_network.py")
    history = network.metadata["history"]
    settings = read_settings(path, network.metadata, history)
    layers = (PIXELS, *settings.hidden, 1), settings.dropout, settings.dtype
    if (network.layer_sizes, network.dropout, network.dtype) != layers:
        raise ModelError(f"{path}: its parts do not fit together; run train_network.py again")
    name, sizes = network.metadata["dataset"], (settings.train_size, settings.test_size)
    dataset = load_data(name, data_dir, *sizes)
    if dataset.fingerprint != network.metadata["fingerprint"]:
        raise UserError(
            f"{path}: that run was about other images ({name}) than these ({dataset.name}); name "
            "their directory with --data-dir"
        )
    return Run(settings, network, dataset, list(history), len(history), identity(path))


def read_settings(path: Path, about: dict[str, Any], history: Any = ()) -> Settings:
    """The settings in a file, checked, and its history with them; ModelError says what is wrong.

    A setting that is missing is younger than the file, and has its default.
    """
    try:
        for number, row in enumerate(history, start=1):
            if row.keys() != ROW or row["epoch"] != number:
                raise utils.SettingError(f"epoch {number} is {row}")
            check_settings(**row)
        return Settings(**about["settings"])
    except (TypeError, AttributeError, utils.SettingError) as error:  # TypeError: of other names
        raise ModelError(f"{path}: {error}; run train_network.py again") from error


def load_data(name: str, data_dir: Path | None, *sizes: int | None) -> Dataset:
    """The data set that a run calls by this name, with so many training and test images."""
    return load_dataset(data_dir, "sample" if name == "sample" else "mnist", *sizes)


def resume_run(given: dict[str, Any], output_dir: Path, data_dir: Path | None) -> Run:
    """The unfinished run in the directory, or else the finished one, with the settings given.

    Only the language may be another, and the number of epochs where no rate depends on it.
    """
    path = output_dir / CHECKPOINT_FILE
    path = path if path.exists() else output_dir / MODEL_FILE
    run = load_run(path, data_dir)
    asked = replace(run.settings, **given)
    free = {"lang"} if asked.final_learning_rate else {"lang", "epochs"}
    for name, value in vars(run.settings).items():
        if getattr(asked, name) != value and name not in free:
            raise UserError(
                f"--{name.replace('_', '-')} is {as_typed(name, getattr(asked, name))}, but "
                f"{as_typed(name, value)} in {path}; to resume that run leave the option out, for "
                "a new run leave out --resume"
            )
    if asked.epochs < len(run.history):
        raise UserError(f"--epochs is {asked.epochs}, but {path} has had {len(run.history)}")
    run.settings = asked
    return run


def as_typed(name: str, value: Any) -> str:
    """A setting as one types it."""
    if value is None:
        return "all" if name.endswith("size") else "not given"
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


# --- training ---------------------------------------------------------------------------------


def train_epochs(run: Run, on_progress: Callable[[int], None] | None = None) -> Iterator[dict]:
    """Train from where the run's history ends to the last epoch of its settings.

    Yields the epoch's row of `run.history` after each; prints nothing. `on_progress` is called
    with the number of the epoch's samples done.
    """
    network, settings, history, train = run.network, run.settings, run.history, run.dataset.train
    x, y = train.images, train.targets(settings.digit)
    for epoch in range(len(history) + 1, settings.epochs + 1):
        sgd = settings.sgd(epoch)
        if settings.augment or settings.focus:
            loss = train_portions(run, y, sgd, epoch, on_progress)
        else:
            loss = network.train_epoch(x, y, sgd, on_progress=on_progress, loop=settings.loop)
        test = run.evaluate()
        row = {"epoch": epoch, "loss": loss, "test_loss": test.loss}
        row |= {"test_accuracy": test.accuracy, "test_recall": test.recall}
        history.append(utils.for_json(row))
        yield history[-1]


def train_portions(
    run: Run, y: np.ndarray, sgd: SGD, epoch: int, on_progress: Callable[[int], None] | None
) -> float:
    """An epoch of `--augment` or `--focus`, a portion of the images at a time -> mean loss.

    With --augment each portion is deformed anew, by generators that follow from seed and epoch.
    With --focus the network then looks at it, and an image is taken with a chance of LEAST_CHANCE +
    CHANCE_BY_ERROR |a - y|: it learns from what it gets wrong (as the importance sampling of
    Katharopoulos and Fleuret, ICML 2018, but without its weights).
    """
    network, settings, x = run.network, run.settings, run.dataset.train.images
    rng = np.random.default_rng([settings.seed, epoch])
    portions = np.split(rng.permutation(len(x)), range(PORTION, len(x), PORTION))

    def copies_of(portion: np.ndarray, number: int) -> np.ndarray:
        own_rng = np.random.default_rng([settings.seed, epoch, number])
        return augment(x[portion], own_rng) if settings.augment else x[portion]

    losses, trained, seen = [], [], 0
    with ThreadPoolExecutor(1) as ahead:  # deforms the next portions while this one trains
        try:
            deformed = ahead.map(copies_of, portions, count())
        except RuntimeError:  # where no thread can start, each when it is needed
            deformed = map(copies_of, portions, count())
        for portion, copies in zip(portions, deformed, strict=True):
            targets, order = y[portion], np.arange(len(portion))
            if settings.focus:
                error = np.abs(network.predict_proba(copies) - targets)
                is_taken = rng.random(len(order)) < LEAST_CHANCE + CHANCE_BY_ERROR * error
                order = order[is_taken] if is_taken.any() else order
            losses.append(network.train_epoch(copies, targets, sgd, order, loop=settings.loop))
            trained.append(len(order))
            seen += len(portion)
            if on_progress:
                on_progress(seen)
    return float(np.average(losses, weights=trained))


def train(out: Output, run: Run, checkpoint: Path, resumed: bool) -> None:
    """Train to the end, the run's file written after every epoch: no whole epoch is ever lost."""
    if checkpoint.exists() and not resumed:
        out.screen("This run replaces an unfinished one; --resume continues that instead")
    line, epochs = N_("Epoch {epoch}/{epochs}, loss: {loss:.6f}"), run.settings.epochs
    _ = out.language
    out.log_text(f"\n{_('Training:')}\n")
    for row in run.history:
        out.log(line, epochs=epochs, **row)
    before, start = len(run.history), time.perf_counter()
    for row in train_epochs(run, partial(show_progress, out, run)):
        run.save(checkpoint)
        out.log(line, epochs=epochs, **row)
    if done := len(run.history) - before:
        seconds = time.perf_counter() - start
        rate = done * len(run.dataset.train.digits) / seconds
        out.screen("Trained in {time:.2f} s, {rate:,.0f} samples a second", time=seconds, rate=rate)


def show_progress(out: Output, run: Run, done: int) -> None:
    """Show on a terminal how many samples of the run's present epoch are done."""
    share, epoch = done / len(run.dataset.train.digits), len(run.history) + 1
    out.progress("Epoch {epoch}/{epochs}", share, epoch=epoch, epochs=run.settings.epochs)


def suggest_resume(out: Output, run: Run, output_dir: Path, data_dir: Path | None) -> None:
    """After an interruption: what is saved, and the command that continues it."""
    epochs, command = run.settings.epochs, f"python {shlex.quote(sys.argv[0])} --resume"
    for option, path in ("--output-dir", output_dir), ("--data-dir", data_dir):
        if path not in (None, OUTPUT_DIR):
            command += f" {option}={shlex.quote(str(path))}"  # with =, as it may begin with a dash
    if run.is_in_place():
        line = N_("Interrupted after epoch {saved} of {epochs}. To resume: {command}")
        out.screen(line, saved=run.saved, epochs=epochs, command=f"{command} --epochs={epochs}")
    elif (output_dir / CHECKPOINT_FILE).exists():
        out.screen(
            "Interrupted. To resume the run whose checkpoint is there: {command}", command=command
        )
    else:
        out.screen("Interrupted before an epoch was done: there is nothing to resume")


# --- the report -------------------------------------------------------------------------------


def describe_run(out: Output, run: Run) -> None:
    """Say which network is trained how, and on which data."""
    network, settings, data = run.network, run.settings, run.dataset
    _ = out.language
    name = dataset_name(data.name, _)
    title = _("Recognising the handwritten digit {n} in {name}", n=settings.digit, name=name)
    out.log_text(f"{title}\n{'=' * len(title)}")
    warn_of_sample(out, run)
    inputs, *units = network.layer_sizes
    names = [activation.function.__name__ for activation in network.activations]
    first, last = settings.learning_rate, settings.final_learning_rate
    out.log(
        """
        Network: {layers}; {parameters:,} parameters, {s.dtype}, seed {s.seed}
        Training: epochs {s.epochs}, an update after every sample; learning rate {rate}
        Momentum {s.momentum:g}, L2 {s.l2:g}, dropout {s.dropout:g}
        Training images: {a.total:,}, of them {a.count:,} show the digit {s.digit} ({a.share:.2%})
        Test images: {b.total:,}, of them {b.count:,} show the digit {s.digit} ({b.share:.2%})
        """,
        layers=" -> ".join([f"{inputs}", *map("{} {}".format, units, names)]),
        parameters=sum(array.size for array in network.weights + network.biases),
        rate=f"{first:g}" if last is None else f"{first:g} .. {last:g}",
        a=utils.Rate.of(data.train.digits == settings.digit),
        b=utils.Rate.of(data.test.digits == settings.digit),
        s=settings,
    )
    if settings.augment:
        out.log("Every epoch trains on copies deformed anew")
    if settings.focus:
        out.log("It trains mostly on what the network gets wrong or is unsure of")


def dataset_name(name: str, _: Language) -> str:
    return _("the bundled sample, NOT MNIST") if name == "sample" else name


def warn_of_sample(out: Output, run: Run) -> None:
    """Whoever reads only the first or the last lines must see that this was not MNIST."""
    if run.dataset.name == "sample":
        out.log(
            """
            NOT MNIST: the data is the bundled sample, drawn to look like handwriting;
            python mnist_loader.py downloads MNIST
            """
        )


def show_examples(out: Output, run: Run) -> None:
    """Draw the first training images of the digit, as the lab sheet does."""
    train, digit, _ = run.dataset.train, run.settings.digit, out.language
    rows = np.flatnonzero(train.digits == digit)[:EXAMPLES_SHOWN]
    out.log_text()
    if not len(rows):
        out.log("No {digit} among the training images: nothing to learn; --train-size", digit=digit)
        return
    out.log("Examples of the digit {digit} from the training set:", digit=digit)
    out.log_text()
    captions = [_("Example {n}:", n=number) for number in range(1, len(rows) + 1)]
    out.log_text(utils.ascii_art(train.images[rows].reshape(-1, IMAGE_SIDE, IMAGE_SIDE), captions))


def report_results(out: Output, run: Run, result: Evaluation) -> None:
    """Say how the network does on the test set: accuracy beside its baseline, and each mistake."""
    values = {"digit": run.settings.digit, "r": result}
    log, _ = partial(out.log, **values), partial(out.language, **values)
    confusion = [
        ["", f"{_('answered')}: {_(utils.YES)}", f"{_('answered')}: {_(utils.NO)}"],
        [_("shows {digit}"), _("{r.true_positives:,}"), _("{r.false_negatives:,}")],
        [_("shows another"), _("{r.false_positives:,}"), _("{r.true_negatives:,}")],
    ]
    out.log_text()
    log(
        """
        Results on the test set:

        Accuracy on the test set: {r.accuracy:.2%}
        Is it {digit} or not? Answered correctly: {r.correct:,} of {r.total:,}.
        Always answering "{usual}" scores {r.majority_share:.2%}; compare accuracy with this.

        Confusion counts (threshold {r.threshold:g}):
        {confusion}

        Of the digit {digit}: precision {r.precision:.2%}, recall {r.recall:.2%}, F1 {r.f1:.2%}
        Area under the ROC curve: {r.roc_auc:.4f}
        """,
        usual=_(result.usual_answer),
        confusion=table(confusion),
    )
    out.log_text()
    if result.only_answer:
        log(ONE_ANSWER, only=_(result.only_answer))
        return
    log("False alarms, other digits taken for {digit}: {r.false_positives:,} of {r.negatives:,}")
    for n, rate in run.false_alarms(result).items():
        if rate.count:
            log("  digit {n}: {rate.count:,} of {rate.total:,} ({rate.share:.2%})", n=n, rate=rate)
    log("Missed, images of {digit} not recognised: {r.false_negatives:,} of {r.positives:,}")
    if missed := np.flatnonzero(result.truth & ~result.answers).tolist():
        line = _("images of the test set, counted from 0: {rows}", rows=str(missed)[1:-1])
        out.log_text(textwrap.indent(textwrap.fill(line, LOG_WIDTH), "  "))


def report_claims(out: Output, run: Run, claims: list[utils.Claim]) -> None:
    """Say whether the network errs where the lab sheet claims it does: a table with verdicts."""
    settings, _ = run.settings, out.language
    rows = [["", _("errors on these"), _("on the others"), _("difference, points"), _("verdict")]]
    rate = N_("{r.count:,} of {r.total:,} {r.share:7.2%}")
    for claim in claims:
        row = [_(claim.title, **claim.fields), _(rate, r=claim.affected), _(rate, r=claim.rest)]
        rows.append([*row, in_points(claim, _), _(claim.verdict)])
    out.log_text()
    if claims:
        out.log(
            """
            Error analysis: does the network err where the lab sheet says that it does?
            (shares of the test images, with 95% intervals; limits from the training images)
            """
        )
        if settings.digit != LAB_DIGIT:
            line = N_("(the lab sheet speaks of the digit 8; here the same is asked of {n})")
            out.log(line, n=settings.digit)
        out.log_text(f"\n{table(rows)}\n")
        if settings.test_size and all(claim.verdict == utils.INCONCLUSIVE for claim in claims):
            out.log("Too few of these images to tell; --test-size all takes all test images")
    is_labs = settings == Settings(seed=settings.seed, lang=settings.lang)
    if is_labs and run.dataset.name == "MNIST":
        out.log("One run is one sample: over ten seeds the lab's run finds 74 to 84% of the 8s")
    warn_of_sample(out, run)


def in_points(compared: Any, _: Language) -> str:
    """The difference of a claim or a row of the study, and its interval, in percentage points."""
    low, high = compared.interval
    if np.isnan(low):
        return _("n/a")
    return f"{100 * compared.difference:+.2f} ({100 * low:+.2f} .. {100 * high:+.2f})"


def table(rows: list[list[str]]) -> str:
    """Rows of cells as lines of aligned columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


# --- the files --------------------------------------------------------------------------------


def write_results(
    out: Output, run: Run, result: Evaluation, claims: list[utils.Claim], output_dir: Path
) -> None:
    """Write log and metrics, then the model; the checkpoint goes last, so no state is lost."""
    settings = asdict(run.settings)
    del settings["hidden"], settings["lang"]
    sizes = {"train_size": len(run.dataset.train.digits), "test_size": result.total}
    metrics = {
        "dataset": run.dataset.name,
        "configuration": settings | sizes | {"layer_sizes": run.network.layer_sizes},
        "epochs_completed": len(run.history),
        "history": run.history,
        "evaluation": result.as_dict(),
        "error_analysis": [claim.as_dict() for claim in claims],
    }
    write_text(output_dir / LOG_FILE, out.contents())
    write_text(output_dir / METRICS_FILE, json.dumps(metrics, indent=2) + "\n")
    checkpoint, file, is_own = output_dir / CHECKPOINT_FILE, run.file, run.is_in_place()
    run.save(output_dir / MODEL_FILE)
    if is_own and file[0] == checkpoint:
        checkpoint.unlink()
    elif checkpoint.exists():
        out.screen(
            "Another run is at work in {path}: the last to end leaves its files", path=output_dir
        )
    for name in LOG_FILE, METRICS_FILE, MODEL_FILE:
        out.screen("Written: {path}", path=output_dir / name)


def point_out_old_pictures(out: Output, output_dir: Path) -> None:
    """Name the pictures beside the new run, which cannot be of it, and what draws them anew."""
    if old := sorted(p.name for p in output_dir.iterdir() if p.suffix in PICTURE_SUFFIXES):
        out.screen(
            """
            Pictures from before this run: {names}
            python visualize_results.py draws figures anew, with --animate the film, with --image
            what was read in your own pictures
            """,
            names=", ".join(old),
        )


# --- the study of the lab sheet's possible improvements ---------------------------------------

STUDY: dict[str, dict[str, Any]] = {  # each alone: what it changes in the lab's run
    N_("the lab's run"): {},
    N_("128 hidden units"): {"hidden": (128,)},
    N_("256 hidden units"): {"hidden": (256,)},
    N_("two hidden layers, 64 and 32 units"): {"hidden": (64, 32)},
    N_("dropout 0.2"): {"dropout": 0.2},
    N_("30 epochs"): {"epochs": 30},
    N_("50 epochs"): {"epochs": 50},
    N_("15,000 training images"): {"train_size": 15000},
    N_("30,000 training images"): {"train_size": 30000},
    N_("L2 0.0001"): {"l2": 1e-4},
    N_("momentum 0.9"): {"momentum": 0.9},
    N_("learning rate falling to 0.001"): {"final_learning_rate": 0.001},
    N_("deformed copies (--augment)"): {"augment": True},
}
STUDY_SEEDS = 5
COMPARED = ("f1", "recall", "precision", "false_positives", "false_negatives")
STUDENT_T = 2.776445  # its 0.975 quantile for 5 seeds, 4 degrees of freedom
BETTER, WORSE, NO_EFFECT = N_("better"), N_("worse"), N_("no measurable effect")
Study = dict[str, list[dict[str, Any]]]  # of each change an evaluation per seed


class StudyRow(NamedTuple):
    """What one change brings: means over the seeds, and its F1 less that of the lab's run."""

    change: str  # a key of STUDY
    f1: float
    recall: float
    precision: float
    errors: float
    difference: float  # mean of the paired differences of F1
    interval: tuple[float, float]  # 95%, by Student's t

    @property
    def verdict(self) -> str:
        low, high = self.interval
        return BETTER if low > 0 else WORSE if high < 0 else NO_EFFECT


def run_study(settings: Settings, output_dir: Path, load: Callable[..., Dataset]) -> int:
    """Train the lab's run and each change of it with every seed; what is done is not done again."""
    out, settings = Output(settings.lang), replace(settings, test_size=None, seed=0, lang="en")
    load = cache(load)  # the runs differ in few sizes, and none changes its data
    lab_run = new_run(settings, load)
    path = utils.writable_directory(output_dir, (STUDY_FILE, STUDY_LOG_FILE)) / STUDY_FILE
    study: Study = {change: [] for change in STUDY}
    with suppress(UserError):
        about, earlier = read_study(path)
        study = earlier if about == json.loads(json.dumps(lab_run.about)) else study
    try:
        for change, seed in product(STUDY, range(STUDY_SEEDS)):
            if seed < len(study[change]):
                continue
            run = new_run(replace(settings, **STUDY[change], seed=seed), load)
            done = sum(map(len, study.values())) / (len(STUDY) * STUDY_SEEDS)
            for _ in train_epochs(run):
                out.progress("Study:", done)
            study[change].append(run.evaluate().as_dict())
            write_text(path, json.dumps({"about": lab_run.about, "runs": study}, indent=1) + "\n")
    except KeyboardInterrupt:
        out.screen("Interrupted; the same command continues from here")
        raise
    report_study(out, lab_run, compare_study(study))
    write_text(output_dir / STUDY_LOG_FILE, out.contents())
    out.screen("Written: {path}", path=output_dir / STUDY_LOG_FILE)
    return 0


def read_study(path: Path) -> tuple[dict[str, Any], Study]:
    """What `run_study` has written so far: what the lab's run is, and the evaluations."""
    try:
        content = json.loads(utils.read_file(path, UserError, "run train_network.py --study"))
        about, runs = content["about"], content["runs"]
        study = {change: list(runs.pop(change, [])) for change in STUDY}
        for row in chain(*study.values()):
            check_settings(**{name: row[name] for name in COMPARED})
        if runs:
            raise ValueError
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is no study; run train_network.py --study") from error
    read_settings(path, about)
    return about, study


def compare_study(study: Study) -> list[StudyRow]:
    """Each change beside the lab's run, seed by seed; UserError where a run is missing."""
    if {len(rows) for rows in study.values()} != {STUDY_SEEDS}:
        raise UserError("the study is not finished; run train_network.py --study again")
    values = [[[row[name] for name in COMPARED] for row in rows] for rows in study.values()]
    values = np.array(values, float)  # (changes, seeds, names)
    gains = values[:, :, 0] - values[0, :, 0]  # (changes, seeds)
    reach = STUDENT_T * gains.std(axis=1, ddof=1) / np.sqrt(STUDY_SEEDS)
    means = zip(STUDY, values.mean(axis=1), gains.mean(axis=1), reach, strict=True)
    return [
        StudyRow(change, f1, recall, precision, alarms + missed, gain, (gain - by, gain + by))
        for change, (f1, recall, precision, alarms, missed), gain, by in means
    ]


def report_study(out: Output, lab_run: Run, rows: list[StudyRow]) -> None:
    """A table of the changes with verdicts."""
    _ = out.language
    table_rows = [[_("change"), "F1", _("recall"), _("precision"), _("errors")]]
    table_rows[0] += [_("difference, points"), _("verdict")]
    for n, row in enumerate(rows):
        means = _("{r.f1:.2%} {r.recall:.2%} {r.precision:.2%} {r.errors:.1f}", r=row).split()
        compared = [in_points(row, _), _(row.verdict)] if n else ["", ""]
        table_rows.append([_(row.change), *means, *compared])
    out.log(
        """
        What each improvement of the lab's run brings: digit {digit}, {name}, {n:,} test images
        (means of {seeds} seeds; the difference is of F1, from the lab's run with the same seed,
        with a 95% interval by Student's t)

        {table}
        """,
        digit=lab_run.settings.digit,
        name=dataset_name(lab_run.dataset.name, _),
        n=len(lab_run.dataset.test.digits),
        seeds=STUDY_SEEDS,
        table=table(table_rows),
    )


if __name__ == "__main__":
    utils.run_script(main)
