"""What the scripts share: errors, metrics, the log and its two languages, progress, safe writes.

Nothing in here knows about networks or about where images come from.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn, TextIO

import numpy as np

# --- errors and exit codes --------------------------------------------------------------------

EXIT_DONE, EXIT_BAD_INPUT, EXIT_INTERRUPTED = 0, 2, 130


class UserError(Exception):
    """Something the user can put right; its text is one line: what, where, what to do."""


class SettingError(UserError, ValueError):
    """A setting or an argument outside what is allowed; names the value and the allowed range."""


class ArgumentParser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line, like every other error of the project."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message} (--help lists the options)")


def run_script(main: Callable[[], int]) -> NoReturn:
    """Run a script's ``main`` and leave with its exit code, errors told in one line on stderr."""
    # After `>&-` there is no stream at all.
    sys.stdout = sys.stdout or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    sys.stderr = sys.stderr or os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="replace")  # a console without Cyrillic must not end a run
    script = Path(sys.argv[0]).name
    try:
        code = main()
        sys.stdout.flush()
    except UserError as error:
        message = " ".join(str(error).splitlines())  # a file's name may hold a line break
        print(f"{script}: error: {message}", file=sys.stderr)
        code = EXIT_BAD_INPUT
    except MemoryError:
        print(
            f"{script}: error: not enough memory for this run; "
            "choose fewer images (--train-size) or a smaller network (--hidden)",
            file=sys.stderr,
        )
        code = EXIT_BAD_INPUT
    except KeyboardInterrupt:
        print(f"\n{script}: interrupted", file=sys.stderr)
        code = EXIT_INTERRUPTED
    except BrokenPipeError:  # the reader of our output left, as `| head` does: not an error
        discard_output(sys.stdout)
        code = EXIT_DONE
    except OSError as error:  # such as a full disk behind `> file`
        discard_output(sys.stdout)
        print(f"{script}: error: {error.strerror or error}", file=sys.stderr)
        code = EXIT_BAD_INPUT
    sys.exit(code)


def discard_output(stream: TextIO) -> None:
    """Let what is still to be written to a stream that failed go nowhere, without an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


# --- metrics ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Evaluation:
    """How a yes/no classifier did on a labelled set: the confusion counts and what follows.

    A ratio whose denominator is zero (the recall of no 8s at all) is NaN, not a made-up number.
    """

    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    roc_auc: float
    threshold: float

    @classmethod
    def of(
        cls, probabilities: np.ndarray, targets: np.ndarray, threshold: float = 0.5
    ) -> Evaluation:
        """Evaluate probabilities (n,) against targets (n,), answering yes from the threshold up."""
        answers = probabilities >= threshold
        truth = targets > 0.5
        return cls(
            true_positives=int(np.sum(answers & truth)),
            false_positives=int(np.sum(answers & ~truth)),
            false_negatives=int(np.sum(~answers & truth)),
            true_negatives=int(np.sum(~answers & ~truth)),
            roc_auc=roc_auc(probabilities, truth),
            threshold=threshold,
        )

    @property
    def positives(self) -> int:
        return self.true_positives + self.false_negatives

    @property
    def negatives(self) -> int:
        return self.true_negatives + self.false_positives

    @property
    def total(self) -> int:
        return self.positives + self.negatives

    @property
    def correct(self) -> int:
        return self.true_positives + self.true_negatives

    @property
    def accuracy(self) -> float:
        return _ratio(self.correct, self.total)

    @property
    def majority_share(self) -> float:
        """The accuracy of always giving the commoner answer: what accuracy has to beat."""
        return _ratio(max(self.positives, self.negatives), self.total)

    @property
    def precision(self) -> float:
        return _ratio(self.true_positives, self.true_positives + self.false_positives)

    @property
    def recall(self) -> float:
        return _ratio(self.true_positives, self.positives)

    @property
    def f1(self) -> float:
        """2 precision recall / (precision + recall), as counts: 2 TP / (2 TP + FP + FN)."""
        doubled = 2 * self.true_positives
        return _ratio(doubled, doubled + self.false_positives + self.false_negatives)

    def as_dict(self) -> dict[str, int | float | None]:
        """All counts and ratios by name, for JSON: NaN, which JSON does not have, becomes None."""
        derived = ("total", "correct", "accuracy", "majority_share", "precision", "recall", "f1")
        values = asdict(self) | {name: getattr(self, name) for name in derived}
        return {name: json_number(value) for name, value in values.items()}


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


def json_number(value: float) -> float | None:
    """The number itself, or None for NaN, which JSON does not have."""
    return None if np.isnan(value) else value


def roc_auc(scores: np.ndarray, targets: np.ndarray) -> float:
    """Area under the ROC curve: how often a random positive scores above a random negative.

    The Mann-Whitney form, AUC = (R - P (P + 1) / 2) / (P N), with R the sum of the positives'
    ranks, ties sharing their mean rank (Hanley and McNeil, Radiology 143, 1982). NaN where a
    class is empty.
    """
    truth = np.asarray(targets) > 0.5
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return float("nan")
    _, place, counts = np.unique(scores, return_inverse=True, return_counts=True)
    mean_rank = np.cumsum(counts) - (counts - 1) / 2
    rank_sum = mean_rank[place][truth].sum()
    return float((rank_sum - positives * (positives + 1) / 2) / (positives * negatives))


# --- writing files ----------------------------------------------------------------------------


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open a binary file that takes its name only when whole.

    The bytes go to a hidden file beside `path`, renamed to `path` when the block ends
    without an error and removed otherwise: whatever happens, `path` is the old file or the new
    one. Several of these in one ``ExitStack``, each flushed after its last write, are all written
    before any takes its name.

    Raises
    ------
    UserError
        If the file cannot be written there.
    """
    path = Path(os.path.realpath(path))  # a link keeps its place: what it points at is replaced
    staged = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with staged.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        staged.replace(path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            staged.unlink(missing_ok=True)


def writable_directory(path: Path, names: Sequence[str]) -> Path:
    """Make sure that these files can be written there, now rather than after the work."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / f".write-test.{os.getpid()}.part"
        probe.touch()
        probe.unlink()
        for name in names:
            if (path / name).is_dir():
                raise IsADirectoryError(0, f"{name} in it is a directory")
    except OSError as error:
        raise UserError(
            f"cannot write to the directory {path}: {error.strerror or error}; "
            "choose another with --output-dir"
        ) from error
    return path


# --- screen and log ---------------------------------------------------------------------------


class RunLog:
    """What a run says: every line to the screen at once, and kept for the log file.

    Lines are named in `MESSAGES`, so the same run can be told in either language.
    """

    def __init__(self, language: str, screen: TextIO | None = None):
        self.language = language
        self.screen = screen or sys.stdout
        self.lines: list[str] = []

    def text(self, key: str, **values: object) -> str:
        return MESSAGES[self.language][key].format(**values)

    def say(self, key: str, **values: object) -> None:
        """Say the named message on the screen and in the log."""
        self.write(self.text(key, **values))

    def write(self, text: str = "") -> None:
        """The same with a ready text, which needs no translation (art, numbers)."""
        self.lines += text.split("\n")
        self._show(text)

    def remark(self, key: str, **values: object) -> None:
        """Say it on the screen alone: times and paths, which differ from run to run."""
        self._show(self.text(key, **values))

    def _show(self, text: str) -> None:
        try:
            print(text, file=self.screen, flush=True)
        except BrokenPipeError:  # `| head` has seen enough; the run's files are still wanted
            discard_output(self.screen)

    def contents(self) -> str:
        return "\n".join(self.lines) + "\n"


class Progress:
    """One line on a terminal that tells how far the work is; silent where output is piped."""

    SECONDS_BETWEEN = 0.1
    SECONDS_BEFORE_FIRST = 0.5  # what is quicker than this needs no progress

    def __init__(self, label: str, total: int, stream: TextIO | None = None):
        self.label = label
        self.total = total
        self.stream = stream or sys.stdout
        self.shown = False
        self._next = time.monotonic() + self.SECONDS_BEFORE_FIRST
        self._on_terminal = self.stream.isatty()

    def update(self, done: int) -> None:
        if not self._on_terminal or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self.SECONDS_BETWEEN
        self.stream.write(f"\r{self.label} {done / max(self.total, 1):4.0%}")
        self.stream.flush()
        self.shown = True

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_: object) -> None:
        if self.shown:
            self.stream.write("\r\x1b[K")  # the line makes room for what comes next
            self.stream.flush()


INK_RAMP = " .:+*#"  # from paper to full ink


def ascii_art(images: np.ndarray, captions: Sequence[str]) -> str:
    """Draw images (n, height, width), in [0, 1], side by side in characters under captions.

    Each is cut to its ink. A character is about twice as tall as wide, so it stands for one
    column and two rows of pixels.
    """
    drawings = [_draw(image) for image in images]
    height = max(len(rows) for rows in drawings)
    lines = [""] * (height + 1)
    for caption, rows in zip(captions, drawings, strict=True):
        width = max(len(caption), len(rows[0]))
        column = [caption, *rows] + [""] * (height - len(rows))
        lines = [line + text.ljust(width + 2) for line, text in zip(lines, column, strict=True)]
    return "\n".join(line.rstrip() for line in lines)


def _draw(image: np.ndarray) -> list[str]:
    rows, columns = np.nonzero(image > 0)
    if not len(rows):
        return [""]
    ink = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    ink = np.pad(ink, ((0, len(ink) % 2), (0, 0)))
    pairs = ink.reshape(len(ink) // 2, 2, -1).mean(axis=1)
    levels = np.rint(pairs * (len(INK_RAMP) - 1)).astype(int)
    return ["".join(INK_RAMP[level] for level in line) for line in levels]


def percent(share: float) -> str:
    """0.927 -> "92.70%", as the lab sheet writes it; a ratio that does not exist is "n/a"."""
    return "n/a" if np.isnan(share) else f"{share:.2%}"


# --- the two languages ------------------------------------------------------------------------

# The Russian lines are the lab sheet's own, word for word, where the sheet gives a line.
MESSAGES: dict[str, dict[str, str]] = {
    "en": {
        "not_mnist": "NOT MNIST: the data is the bundled sample, drawn to look like handwriting; "
        "python mnist_loader.py downloads MNIST",
        "verified": "Verified: {path}",
        "fact_total": "{total} images of the digits {lowest} to {highest}",
        "fact_splits": "{train} training examples, {test} test examples",
        "fact_size": "Size of each image: {height}x{width} pixels ({pixels} pixels)",
        "fact_range": "Each pixel has a value from {lowest} to {highest} (levels of grey)",
        "fact_mean": "Mean ink of the training images: {mean:.4f} of full; "
        "inked pixels: {inked:.1%}",
        "fact_digits": "Images of each digit:",
        "fact_digit": "  {digit}: {train} training, {test} test",
        "title": "Recognising the handwritten digit {digit} in {dataset}",
        "network": "Network: {layers}; {parameters} parameters, {dtype}, seed {seed}",
        "training_plan": "Training: {epochs} epochs, an update after every sample; "
        "learning rate {learning_rate:g}, momentum {momentum:g}, L2 {l2:g}, dropout {dropout:g}",
        "training_images": "Training images: {total}, of them {positives} show the digit {digit} "
        "({share})",
        "test_images": "Test images: {total}, of them {positives} show the digit {digit} ({share})",
        "no_positives": "Note: no {digit} among the training images, so there is nothing to learn; "
        "take more with --train-size",
        "examples": "Examples of the digit {digit} from the training set:",
        "example": "Example {number}:",
        "training": "Training:",
        "epoch": "Epoch {epoch}/{epochs}, loss: {loss:.6f}",
        "epoch_progress": "Epoch {epoch}/{epochs}",
        "interrupted": "Interrupted: what follows is the network after {epoch} of {epochs} epochs",
        "interrupted_early": "Interrupted before the first epoch ended: nothing to save",
        "results": "Results on the test set:",
        "accuracy": "Accuracy on the test set: {accuracy}",
        "correct": "Recognised correctly: {correct} of {total}.",
        "majority": 'Always answering "{answer}" would score {share}; '
        "accuracy means something only beside that.",
        "yes": "yes",
        "no": "no",
        "confusion": "Confusion counts (threshold {threshold:g}):",
        "answered": "answered",
        "is_digit": "a {digit}",
        "is_other": "not a {digit}",
        "ratios": "Of the digit {digit}: precision {precision}, recall {recall}, F1 {f1}; "
        "ROC AUC {roc_auc:.4f}",
        "false_alarms": "False alarms, other digits taken for {digit}: {alarms} of {total}",
        "false_alarms_of": "  digit {other}: {alarms} of {total} ({share})",
        "missed": "Missed, images of {digit} not recognised: {missed} of {total}",
        "missed_numbers": "  images of the test set, counted from 0: {numbers}",
        "none": "none",
        "one_run": "One run with seed {seed}; another seed gives slightly other numbers.",
        "time": "Trained in {seconds:.2f} s, {rate:,.0f} samples a second",
        "written": "Written: {path}",
    },
    "ru": {
        "not_mnist": "НЕ MNIST: данные взяты из встроенного набора, нарисованного похоже на "
        "рукописный; python mnist_loader.py скачает MNIST",
        "verified": "Проверено: {path}",
        "fact_total": "{total} изображений цифр от {lowest} до {highest}",
        "fact_splits": "{train} обучающих примеров, {test} тестовых",
        "fact_size": "Размер каждого изображения: {height}×{width} пикселей ({pixels} пикселя)",
        "fact_range": "Каждый пиксель имеет значение от {lowest} до {highest} (градации серого)",
        "fact_mean": "Средняя яркость обучающих изображений: {mean:.4f} от полной; "
        "закрашено пикселей: {inked:.1%}",
        "fact_digits": "Изображений каждой цифры:",
        "fact_digit": "  {digit}: {train} обучающих, {test} тестовых",
        "title": "Распознавание цифры {digit} из датасета {dataset}",
        "network": "Сеть: {layers}; параметров: {parameters}, {dtype}, seed {seed}",
        "training_plan": "Обучение: эпох: {epochs}, обновление после каждого примера; "
        "скорость обучения {learning_rate:g}, momentum {momentum:g}, L2 {l2:g}, "
        "dropout {dropout:g}",
        "training_images": "Обучающих примеров: {total}, из них с цифрой {digit}: {positives} "
        "({share})",
        "test_images": "Тестовых примеров: {total}, из них с цифрой {digit}: {positives} ({share})",
        "no_positives": "Внимание: среди обучающих примеров нет цифры {digit}, учиться не на чем; "
        "возьмите больше примеров: --train-size",
        "examples": "Примеры цифры {digit} из обучающей выборки:",
        "example": "Пример {number}:",
        "training": "Процесс обучения:",
        "epoch": "Эпоха {epoch}/{epochs}, Ошибка: {loss:.6f}",
        "epoch_progress": "Эпоха {epoch}/{epochs}",
        "interrupted": "Прервано: далее результаты сети после {epoch} эпох из {epochs}",
        "interrupted_early": "Прервано до конца первой эпохи: сохранять нечего",
        "results": "Итоговая точность:",
        "accuracy": "Точность на тестовой выборке: {accuracy}",
        "correct": "Цифра {digit} распознана верно в {correct} из {total} случаев.",
        "majority": "Ответ «{answer}» на все изображения дал бы {share}; "
        "точность имеет смысл только рядом с этим числом.",
        "yes": "да",
        "no": "нет",
        "confusion": "Матрица ошибок (порог {threshold:g}):",
        "answered": "ответ",
        "is_digit": "цифра {digit}",
        "is_other": "не {digit}",
        "ratios": "Для цифры {digit}: точность (precision) {precision}, полнота (recall) {recall}, "
        "F1 {f1}; ROC AUC {roc_auc:.4f}",
        "false_alarms": "Ложные срабатывания, другие цифры приняты за {digit}: {alarms} из {total}",
        "false_alarms_of": "  цифра {other}: {alarms} из {total} ({share})",
        "missed": "Пропуски, цифра {digit} не распознана: {missed} из {total}",
        "missed_numbers": "  номера изображений тестовой выборки, с 0: {numbers}",
        "none": "нет",
        "one_run": "Один запуск с seed {seed}; другой seed даст немного другие числа.",
        "time": "Обучение заняло {seconds:.2f} с, {rate:,.0f} примеров в секунду",
        "written": "Записано: {path}",
    },
}
