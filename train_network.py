"""Train the network to recognise one digit, tell how well it does, and save what it learnt.

    python train_network.py                  the lab's run: 5,000 images, 15 epochs
    python train_network.py --resume         go on with a run that was interrupted
    python train_network.py --help           everything that can be changed

A run is one file. Its settings go from the command line into the network's metadata, and from
there to all that trains, reports or draws. The file is checkpoint.npz in sample_outputs/ (or
--output-dir) until the last epoch is done, then model.npz; training_log.txt and metrics.json tell
what is in it.
"""

from __future__ import annotations

import os

# One BLAS thread, set before NumPy loads: the engine's matrices are small, a second thread waits
# more than it works, and the number of threads decides the last bits of the result.
for variable in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
    os.environ.setdefault(variable, "1")

import json
import shlex
import sys
import textwrap
import time
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from itertools import chain, count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

import utils
from mnist_loader import DIGITS, IMAGE_SIDE, PIXELS, SOURCES, Dataset, augment, load_dataset
from neural_network import DTYPES, SGD, ModelError, NeuralNetwork, check
from utils import Evaluation, RunLog, UserError, said, writable_directory, write_text

OUTPUT_DIR = Path(__file__).resolve().parent / "sample_outputs"
LOG_FILE, METRICS_FILE = "training_log.txt", "metrics.json"
MODEL_FILE, CHECKPOINT_FILE = "model.npz", "checkpoint.npz"
STUDY_FILE, STUDY_LOG_FILE = "study.json", "study_log.txt"
FIGURES = (  # what visualize_results.py draws of a run
    *("report", "learning_curves", "threshold_curves", "mistakes", "error_analysis"),
    *("hidden_units", "samples"),
)
# Options that do not change the result
PLACES = ("data_dir", "dataset", "output_dir", "resume", "study")
EXAMPLES_SHOWN = 5
ONE_ANSWER = said(
    "The network answers {only} to everything: lower the learning rate, or train longer"
)
LAB_DIGIT = 8  # the variant that the lab sheet's claims are about
LOG_WIDTH = 100  # columns; longer lists of numbers are wrapped

# With --focus an image is taken with this chance; chosen, as the size of the portions in which
# that is decided, on held-out training images
LEAST_CHANCE, CHANCE_BY_ERROR = 0.1, 10.0
PORTION = 5000

# The lab sheet's possible improvements, each alone, as one types it
STUDY = (
    *("", "--hidden 128", "--hidden 256", "--hidden 64 32", "--dropout 0.2", "--epochs 30"),
    *("--epochs 50", "--train-size 15000", "--train-size 30000", "--l2 1e-4", "--momentum 0.9"),
    *("--final-learning-rate 0.001", "--augment"),
)
STUDY_SEEDS = 5
STUDENT_T = 2.776445  # its 0.975 quantile for 5 seeds, 4 degrees of freedom
BETTER, WORSE, NO_EFFECT = said("better"), said("worse"), said("no measurable effect")


@dataclass
class Run:
    """A network, whose metadata hold the run's settings and history, and the data it is about."""

    network: NeuralNetwork
    dataset: Dataset
    saved: int = 0  # epochs of its history that are in a file

    @property
    def settings(self) -> Namespace:
        return Namespace(**self.network.metadata["settings"])

    @property
    def history(self) -> list[dict]:
        """A row per epoch: its number, loss, and loss, accuracy and recall on the test images."""
        return self.network.metadata["history"]

    @property
    def is_digit(self) -> np.ndarray:
        """Which test images show the digit, bool (n_test,)."""
        return self.dataset.test.digits == self.settings.digit

    @cached_property
    def probabilities(self) -> np.ndarray:
        """The trained network's, for the test images: (n_test,)."""
        return self.network.predict_proba(self.dataset.test.images)

    @property
    def answers(self) -> np.ndarray:
        """Which test images the trained network takes for the digit, bool (n_test,)."""
        return self.probabilities >= self.settings.threshold

    @cached_property
    def evaluation(self) -> Evaluation:
        return Evaluation.of(self.probabilities, self.is_digit, self.settings.threshold)

    def false_alarms(self) -> dict[int, utils.Rate]:
        """For each other digit among the test images, how often it is taken for the digit."""
        digits = self.dataset.test.digits
        others = np.unique(digits[~self.is_digit]).tolist()
        return {n: utils.Rate.of(self.answers[digits == n]) for n in others}

    @cached_property
    def claims(self) -> list[utils.Claim]:
        train, test = self.dataset.train, self.dataset.test
        return utils.examine_claims(self.settings.digit, train, test, self.answers)


def main(arguments: Sequence[str] | None = None) -> int:
    arguments = sys.argv[1:] if arguments is None else arguments
    options = make_parser().parse_args(arguments)
    if options.study:
        return run_study(arguments, options)
    options, run = resume_run(arguments, options) if options.resume else (options, new_run(options))
    output_dir = writable_directory(options.output_dir, (LOG_FILE, METRICS_FILE, MODEL_FILE))
    log, epochs_before = RunLog(options.lang), len(run.history)
    try:
        describe_run(log, run)
        show_examples(log, run)
        train(log, run, options)
        report_results(log, run)
        report_claims(log, run)
        write_results(log, run, output_dir)
    except KeyboardInterrupt as interrupt:
        say_how_to_go_on(log, run, options)
        return utils.exit_code(interrupt)
    if len(run.history) > epochs_before:
        point_out_old_figures(log, output_dir)
    return 0


# --- what a run starts from -------------------------------------------------------------------


def make_parser() -> utils.ArgumentParser:
    parser = utils.ArgumentParser("Train a NumPy network to recognise one handwritten digit.")
    add = parser.add_argument
    add("--data-dir", type=Path, metavar="DIR", help="of MNIST; None: $MNIST_DATA_DIR, or data/")
    add("--dataset", choices=SOURCES, default="auto", help="MNIST, the sample, or what can be had")
    add("--digit", type=int, default=8, choices=range(DIGITS), help="the digit to recognise")
    add("--hidden", type=int, nargs="+", default=[64], metavar="N", help="hidden layers' sizes")
    add("--learning-rate", type=float, default=0.01, metavar="RATE", help="step of an update")
    add("--final-learning-rate", type=float, metavar="RATE", help="to fall to; None: constant")
    add("--epochs", type=int, default=15, metavar="N", help="passes over the training images")
    add("--train-size", type=size, default=5000, metavar="N", help='training images, or "all"')
    add("--test-size", type=size, default=1000, metavar="N", help='test images, or "all"')
    add("--threshold", type=float, default=0.5, metavar="P", help="probability that means yes")
    add("--weight-scale", type=float, default=0.1, metavar="S", help="spread of the first weights")
    add("--momentum", type=float, default=0.0, metavar="M", help="share of the last step kept")
    add("--l2", type=float, default=0.0, metavar="L", help="L2 regularisation of the weights")
    add("--dropout", type=float, default=0.0, metavar="P", help="share of hidden units left out")
    add("--dtype", choices=DTYPES, default=DTYPES[0], help="of the weights and all computation")
    add("--seed", type=int, default=0, metavar="N", help="of all that is random")
    add("--augment", action="store_true", help="train on copies deformed anew in each epoch")
    add("--focus", action="store_true", help="train mostly on what is got wrong or unsure")
    add("--loop", action="store_true", help="train by the lab sheet's lines, slowly")
    add("--resume", action="store_true", help="go on with the run in --output-dir")
    add("--study", action="store_true", help="measure what each improvement brings")
    add("--output-dir", type=Path, default=OUTPUT_DIR, metavar="DIR", help="where results go")
    add("--lang", choices=utils.LANGUAGES, default="en", help="language of the log")
    return parser


def size(text: str) -> int | None:
    return None if text == "all" else int(text)


def resume_run(arguments: Sequence[str], options: Namespace) -> tuple[Namespace, Run]:
    """The options, whose defaults are the run's settings, and the run: an unfinished one first."""
    path = options.output_dir / CHECKPOINT_FILE
    path = path if path.exists() else options.output_dir / MODEL_FILE
    run, parser = load_run(path, options.data_dir), make_parser()
    settings = run.network.metadata["settings"]
    parser.set_defaults(**settings)
    options = parser.parse_args(arguments)
    free = {"lang"} if settings["final_learning_rate"] else {"lang", "epochs"}
    for name, value in settings.items():
        asked = getattr(options, name)
        if asked != value and name not in free:
            raise UserError(
                f"--{name.replace('_', '-')} is {asked}, but {value} in {path}; to go on with "
                "that run leave the option out, for a new run leave out --resume"
            )
    if options.epochs < len(run.history):
        raise UserError(f"--epochs is {options.epochs}, but {path} has had {len(run.history)}")
    settings |= {"epochs": options.epochs, "lang": options.lang}
    return options, run


def new_run(options: Namespace) -> Run:
    """A run that has not begun; what is not allowed is refused before the data are read."""
    check(epochs=options.epochs, threshold=options.threshold)
    sgd_of(options, epoch=options.epochs)
    sgd_of(options, epoch=1)
    network = fresh_network(options)
    dataset = load_dataset(options.data_dir, options.dataset, options.train_size, options.test_size)
    network.metadata = {
        "settings": settings_of(options),
        "dataset": dataset.name,
        "fingerprint": dataset.fingerprint,
        "history": [],
    }
    return Run(network, dataset)


def settings_of(options: Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name not in PLACES}


def fresh_network(settings: Namespace) -> NeuralNetwork:
    """The network that a run with these settings starts from."""
    return NeuralNetwork(
        (PIXELS, *settings.hidden, 1),
        dropout=settings.dropout,
        weight_scale=settings.weight_scale,
        seed=settings.seed,
        dtype=settings.dtype,
    )


def load_data(name: str, data_dir: Path | None, *sizes: int | None) -> Dataset:
    """The data set that a run calls by this name, with so many training and test images."""
    return load_dataset(data_dir, "sample" if name == "sample" else "mnist", *sizes)


def load_run(path: Path, data_dir: Path | None) -> Run:
    """Read a run's file, and the images that it is about; UserError where they are others."""
    network = NeuralNetwork.load(path)
    metadata = network.metadata
    if not {"settings", "dataset", "fingerprint", "history"} <= metadata.keys():
        raise ModelError(f"{path} holds a network, but no run; run train_network.py")
    usual = settings_of(make_parser().parse_args([]))
    metadata["settings"] = usual | metadata["settings"]  # an older run lacks what is new since
    settings, name = Namespace(**metadata["settings"]), metadata["dataset"]
    dataset = load_data(name, data_dir, settings.train_size, settings.test_size)
    if dataset.fingerprint != metadata["fingerprint"]:
        raise UserError(
            f"{path}: that run was about other images ({name}) than these ({dataset.name}); name "
            "their directory with --data-dir"
        )
    return Run(network, dataset, len(metadata["history"]))


# --- training ---------------------------------------------------------------------------------


def train_epochs(run: Run, on_progress: Callable[[int], None] | None = None) -> Iterator[dict]:
    """Train from where the run's history ends to the last epoch of its settings.

    Yields the epoch's row of `Run.history` after each; prints nothing. `on_progress` is called
    with the number of the epoch's samples done.
    """
    network, settings, history, train = run.network, run.settings, run.history, run.dataset.train
    x, y = train.images, train.targets(settings.digit)
    for epoch in range(len(history) + 1, settings.epochs + 1):
        sgd = sgd_of(settings, epoch)
        if settings.augment or settings.focus:
            loss = train_portions(run, y, sgd, epoch, on_progress)
        else:
            loss = network.train_epoch(x, y, sgd, on_progress=on_progress, by_steps=settings.loop)
        test = Run(network, run.dataset).evaluation  # of now: `run` keeps what it once evaluated
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
        for portion, copies in zip(portions, ahead.map(copies_of, portions, count()), strict=True):
            targets, order = y[portion], np.arange(len(portion))
            if settings.focus:
                error = np.abs(network.predict_proba(copies) - targets)
                is_taken = rng.random(len(order)) < LEAST_CHANCE + CHANCE_BY_ERROR * error
                order = order[is_taken] if is_taken.any() else order
            losses.append(network.train_epoch(copies, targets, sgd, order, by_steps=settings.loop))
            trained.append(len(order))
            seen += len(portion)
            if on_progress:
                on_progress(seen)
    return float(np.average(losses, weights=trained))


def sgd_of(settings: Namespace, epoch: int) -> SGD:
    """The update rule of an epoch, counted from 1: the rate falls linearly, or stays."""
    rate, last = settings.learning_rate, settings.final_learning_rate
    if last is not None and settings.epochs > 1:
        rate += (last - rate) * (epoch - 1) / (settings.epochs - 1)
    return SGD(rate, settings.momentum, settings.l2)


def train(log: RunLog, run: Run, options: Namespace) -> None:
    """Train to the end, the run's file written after every epoch: no whole epoch is ever lost."""
    checkpoint, epochs = options.output_dir / CHECKPOINT_FILE, run.settings.epochs
    if checkpoint.exists() and not options.resume:
        log.remark("This run replaces an unfinished one; --resume goes on with that instead")
    before, start = len(run.history), time.perf_counter()
    log.write(f"\n{log.text('Training:')}\n")
    for row in chain(list(run.history), train_epochs(run, partial(show_progress, log, run))):
        if row["epoch"] > before:
            run.network.save(checkpoint)
            run.saved = row["epoch"]
        log.say("Epoch {epoch}/{epochs}, loss: {loss:.6f}", epochs=epochs, **row)
    if done := len(run.history) - before:
        seconds = time.perf_counter() - start
        rate = done * len(run.dataset.train.digits) / seconds
        log.remark("Trained in {time:.2f} s, {rate:,.0f} samples a second", time=seconds, rate=rate)


def show_progress(log: RunLog, run: Run, done: int) -> None:
    """Tell a terminal how many samples of the run's present epoch are done."""
    share, epoch = done / len(run.dataset.train.digits), len(run.history) + 1
    log.progress("Epoch {epoch}/{epochs}", share, epoch=epoch, epochs=run.settings.epochs)


def say_how_to_go_on(log: RunLog, run: Run, options: Namespace) -> None:
    """After an interruption: what is saved, and the command that goes on from there."""
    if not run.saved:
        log.remark("Interrupted before an epoch was done: there is nothing to go on with")
        return
    command = ["python", os.path.relpath(__file__), "--resume", "--epochs", str(options.epochs)]
    for option, place in ("--output-dir", options.output_dir), ("--data-dir", options.data_dir):
        command += [option, str(place)] if place not in (None, OUTPUT_DIR) else []
    log.remark(
        "Interrupted after epoch {saved} of {epochs}. To go on: {command}",
        saved=run.saved,
        epochs=options.epochs,
        command=shlex.join(command),
    )


# --- the report -------------------------------------------------------------------------------


def describe_run(log: RunLog, run: Run) -> None:
    """Say which network is trained how, and on which data."""
    network, settings, data = run.network, run.settings, run.dataset
    name = dataset_name(data.name, log.text)
    title = log.text("Recognising the handwritten digit {n} in {name}", n=settings.digit, name=name)
    log.write(f"{title}\n{'=' * len(title)}")
    warn_of_sample(log, run)
    inputs, *hidden, output = network.layer_sizes
    first, last = settings.learning_rate, settings.final_learning_rate
    log.say(
        """
        Network: {layers}; {parameters:,} parameters, {s.dtype}, seed {s.seed}
        Training: epochs {s.epochs}, an update after every sample; learning rate {rate}
        Momentum {s.momentum:g}, L2 {s.l2:g}, dropout {s.dropout:g}
        Training images: {a.total:,}, of them {a.count:,} show the digit {s.digit} ({a.share:.2%})
        Test images: {b.total:,}, of them {b.count:,} show the digit {s.digit} ({b.share:.2%})
        """,
        layers=" -> ".join([f"{inputs}", *(f"{n} tanh" for n in hidden), f"{output} sigmoid"]),
        parameters=sum(array.size for array in network.weights + network.biases),
        rate=f"{first:g}" if last is None else f"{first:g} .. {last:g}",
        a=utils.Rate.of(data.train.digits == settings.digit),
        b=utils.Rate.of(run.is_digit),
        s=settings,
    )
    if settings.augment:
        log.say("Every epoch trains on copies deformed anew")
    if settings.focus:
        log.say("It trains mostly on what the network gets wrong or is unsure of")


def dataset_name(name: str, text: Callable[..., str]) -> str:
    return text("the bundled sample, NOT MNIST") if name == "sample" else name


def warn_of_sample(log: RunLog, run: Run) -> None:
    """Whoever reads only the first or the last lines must see that this was not MNIST."""
    if run.dataset.name == "sample":
        log.say(
            """
            NOT MNIST: the data is the bundled sample, drawn to look like handwriting;
            python mnist_loader.py downloads MNIST
            """
        )


def show_examples(log: RunLog, run: Run) -> None:
    """Draw the first training images of the digit, as the lab sheet does."""
    train, digit = run.dataset.train, run.settings.digit
    rows = np.flatnonzero(train.digits == digit)[:EXAMPLES_SHOWN]
    log.write()
    if not len(rows):
        log.say("No {digit} among the training images: nothing to learn; --train-size", digit=digit)
        return
    log.say("Examples of the digit {digit} from the training set:", digit=digit)
    log.write()
    captions = [log.text("Example {n}:", n=number) for number in range(1, len(rows) + 1)]
    log.write(utils.ascii_art(train.images[rows].reshape(-1, IMAGE_SIDE, IMAGE_SIDE), captions))


def report_results(log: RunLog, run: Run) -> None:
    """Say how the network does on the test set: accuracy beside its baseline, and each mistake."""
    result, facts = run.evaluation, {"digit": run.settings.digit, "r": run.evaluation}
    say, text = partial(log.say, **facts), partial(log.text, **facts)
    confusion = [
        ["", f"{text('answered')}: {text(utils.YES)}", f"{text('answered')}: {text(utils.NO)}"],
        [text("shows {digit}"), text("{r.true_positives:,}"), text("{r.false_negatives:,}")],
        [text("shows another"), text("{r.false_positives:,}"), text("{r.true_negatives:,}")],
    ]
    log.write()
    say(
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
        usual=text(result.usual_answer),
        confusion=table(confusion),
    )
    log.write()
    if result.only_answer:
        say(ONE_ANSWER, only=text(result.only_answer))
        return
    say("False alarms, other digits taken for {digit}: {r.false_positives:,} of {r.negatives:,}")
    for n, rate in run.false_alarms().items():
        if rate.count:
            say("  digit {n}: {rate.count:,} of {rate.total:,} ({rate.share:.2%})", n=n, rate=rate)
    say("Missed, images of {digit} not recognised: {r.false_negatives:,} of {r.positives:,}")
    if missed := np.flatnonzero(run.is_digit & ~run.answers).tolist():
        line = text("images of the test set, counted from 0: {rows}", rows=str(missed)[1:-1])
        log.write(textwrap.indent(textwrap.fill(line, LOG_WIDTH), "  "))


def report_claims(log: RunLog, run: Run) -> None:
    """Say whether the network errs where the lab sheet claims it does: a table with verdicts."""
    digit, text = run.settings.digit, log.text
    rows = [["", text("errors on these"), text("on the others")]]
    rows[0] += [text("difference, points"), text("verdict")]
    rate = partial(text, said("{r.count:,} of {r.total:,} {r.share:7.2%}"))
    for claim in run.claims:
        row = [text(claim.title, **claim.fields), rate(r=claim.affected), rate(r=claim.rest)]
        rows.append([*row, in_points(claim), text(claim.verdict)])
    log.write()
    log.say(
        """
        Error analysis: does the network err where the lab sheet says that it does?
        (shares of the test images, with 95% intervals; limits from the training images)
        """
    )
    if digit != LAB_DIGIT:
        log.say("(the lab sheet speaks of the digit 8; here the same is asked of {n})", n=digit)
    log.write(f"\n{table(rows)}\n")
    if run.settings.test_size and all(c.verdict == utils.INCONCLUSIVE for c in run.claims):
        log.say("Too few of these images to tell; --test-size all takes all test images")
    if (run.dataset.name, digit) == ("MNIST", LAB_DIGIT):
        log.say("One run is one sample: over ten seeds the lab's run finds 74 to 84% of the 8s")
    warn_of_sample(log, run)


def in_points(compared: Any) -> str:
    """The difference of a claim or a row of the study, and its interval, in percentage points."""
    low, high = compared.interval
    points = f"{100 * compared.difference:+.2f} ({100 * low:+.2f} .. {100 * high:+.2f})"
    return "n/a" if np.isnan(low) else points


def table(rows: list[list[str]]) -> str:
    """Rows of cells as lines of aligned columns, the first to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip()
        for row in rows
    )


# --- the files --------------------------------------------------------------------------------


def write_results(log: RunLog, run: Run, output_dir: Path) -> None:
    """Write log and metrics, then the model; the checkpoint goes last, so no state is lost."""
    settings = {name: v for name, v in vars(run.settings).items() if name not in ("hidden", "lang")}
    sizes = {"train_size": len(run.dataset.train.digits), "test_size": run.evaluation.total}
    metrics = {
        "dataset": run.dataset.name,
        "configuration": settings | sizes | {"layer_sizes": run.network.layer_sizes},
        "epochs_completed": len(run.history),
        "history": run.history,
        "evaluation": utils.for_json(asdict(run.evaluation)),
        "error_analysis": [claim.as_dict() for claim in run.claims],
    }
    write_text(output_dir / LOG_FILE, log.contents())
    write_text(output_dir / METRICS_FILE, json.dumps(metrics, indent=2) + "\n")
    run.network.save(output_dir / MODEL_FILE)
    (output_dir / CHECKPOINT_FILE).unlink(missing_ok=True)
    for name in LOG_FILE, METRICS_FILE, MODEL_FILE:
        log.remark("Written: {path}", path=output_dir / name)


def point_out_old_figures(log: RunLog, output_dir: Path) -> None:
    """Name the figures beside the new run that were drawn of an older one."""
    if old := sorted(path.name for path in output_dir.iterdir() if path.stem in FIGURES):
        log.remark(
            "Figures of an older run: {names}; python visualize_results.py draws them anew",
            names=", ".join(old),
        )


# --- the study --------------------------------------------------------------------------------


class StudyRow(NamedTuple):
    """What one improvement brings: means over the seeds, and its F1 less that of the lab's run."""

    improvement: str  # as on the command line; "" is the lab's run itself
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


def study_runs() -> list[str]:
    """The options of each run of the study: those of all seeds of an improvement together."""
    return [f"{improvement} --seed {n}" for improvement in STUDY for n in range(STUDY_SEEDS)]


def run_study(arguments: Sequence[str], options: Namespace) -> int:
    """Train the lab's run and each improvement with every seed; what is done is not done again."""

    def begin(command: str) -> Run:
        command += " --test-size all --lang en"
        return new_run(make_parser().parse_args([*arguments, *command.split()]))

    lab_run = begin("")
    output_dir, log = writable_directory(options.output_dir), RunLog(options.lang)
    path, about, runs = output_dir / STUDY_FILE, lab_run.network.metadata, {}
    commands = study_runs()
    with suppress(OSError, ValueError, LookupError, TypeError):
        earlier = json.loads(path.read_bytes())
        if earlier["about"] == about:
            runs = {command: dict(run) for command, run in dict(earlier["runs"]).items()}
    try:
        for command in commands:
            if command not in runs:
                run = begin(command)
                for _ in train_epochs(run):
                    log.progress("Study:", len(runs) / len(commands))
                runs[command] = utils.for_json(asdict(run.evaluation))
                write_text(path, json.dumps({"about": about, "runs": runs}, indent=1) + "\n")
    except KeyboardInterrupt as interrupt:
        log.remark("Interrupted; the same command goes on from here")
        return utils.exit_code(interrupt)
    report_study(log, lab_run, read_study(path)[1])
    write_text(output_dir / STUDY_LOG_FILE, log.contents())
    log.remark("Written: {path}", path=output_dir / STUDY_LOG_FILE)
    return 0


def read_study(path: Path) -> tuple[dict[str, Any], list[StudyRow]]:
    """The finished study that `run_study` wrote: the lab's run's metadata, and its rows."""
    names = ("f1", "recall", "precision", "false_positives", "false_negatives")
    try:
        study = json.loads(path.read_bytes())
        about, runs = study["about"], study["runs"]
        values = [[runs[command][name] for name in names] for command in study_runs()]
        values = np.array(values, float).reshape(len(STUDY), STUDY_SEEDS, len(names))
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path} is no finished study; run train_network.py --study") from error
    gains = values[:, :, 0] - values[0, :, 0]  # (improvements, seeds)
    reach = STUDENT_T * gains.std(axis=1, ddof=1) / np.sqrt(STUDY_SEEDS)
    means = zip(STUDY, values.mean(axis=1), gains.mean(axis=1), reach, strict=True)
    return about, [
        StudyRow(improvement, f1, recall, precision, alarms + missed, gain, (gain - by, gain + by))
        for improvement, (f1, recall, precision, alarms, missed), gain, by in means
    ]


def report_study(log: RunLog, lab_run: Run, rows: list[StudyRow]) -> None:
    """A table of the improvements with verdicts."""
    text = log.text
    cells = [[text("options"), "F1", text("recall"), text("precision"), text("errors")]]
    cells[0] += [text("difference, points"), text("verdict")]
    for row in rows:
        name = row.improvement or text("(the lab's run)")
        compared = [in_points(row), text(row.verdict)] if row.improvement else ["", ""]
        means = text("{r.f1:.2%} {r.recall:.2%} {r.precision:.2%} {r.errors:.1f}", r=row).split()
        cells.append([name, *means, *compared])
    log.say(
        """
        What each improvement of the lab's run brings: digit {digit}, {name}, {n:,} test images
        (means of {seeds} seeds; the difference is of F1, from the lab's run with the same seed,
        with a 95% interval by Student's t)

        {table}
        """,
        digit=lab_run.settings.digit,
        name=dataset_name(lab_run.dataset.name, text),
        n=len(lab_run.dataset.test.digits),
        seeds=STUDY_SEEDS,
        table=table(cells),
    )


if __name__ == "__main__":
    utils.run_script(main)
