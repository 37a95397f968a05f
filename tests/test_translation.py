"""The Russian of every line that is said: a walk through the source finds each of them.

A line is the literal that `log`, `screen`, `progress`, `translate`, `_` or `N_` is
called with first, whether the call is of a name (`_`) or of an attribute (`out.log`).
"""

from __future__ import annotations

import ast
import functools
import inspect
import json
import re
import string
from pathlib import Path
from types import SimpleNamespace

import pytest

import utils

ROOT = Path(utils.__file__).parent
SAYING = {"log", "screen", "progress", "translate", "_", "N_"}
MODULES = [
    "utils",
    "mnist_loader",
    "neural_network",
    "train_network",
    "visualize_results",
]
# Where the lab sheet's own line writes 10000 without a space
SHEETS_OWN = "Is it {digit} or not? Answered correctly: {r.correct:,} of {r.total:,}."


@functools.cache
def first_arguments(module: str) -> list[ast.expr]:
    """What is said in the module: each first argument of a call that says something."""
    found = []
    for node in ast.walk(ast.parse((ROOT / f"{module}.py").read_bytes())):
        if isinstance(node, ast.Call) and node.args:
            name = getattr(node.func, "attr", getattr(node.func, "id", ""))
            if name in SAYING:
                found.append(node.args[0])
    return found


def is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)


def has_words(line: str) -> bool:
    """Whether there is something to translate outside the line's fields."""
    return any(c.isalpha() for text, *_ in string.Formatter().parse(line) for c in text)


def lines_said(module: str) -> set[str]:
    """The lines of the literals, of which a paragraph has several."""
    lines = []
    for argument in filter(is_text, first_arguments(module)):
        text = argument.value
        lines += inspect.cleandoc(text).split("\n") if "\n" in text else [text]
    return set(filter(has_words, lines))


def fields(line: str) -> set[tuple[str, str, str]]:
    """The fields of the line: their names, formats and conversions."""
    parsed = string.Formatter().parse(line)
    return {
        (name, spec, how or "") for _, name, spec, how in parsed if name is not None
    }


@pytest.fixture(scope="module")
def russian() -> dict[str, str]:
    def without_repeats(pairs: list[tuple[str, str]]) -> dict[str, str]:
        assert len(dict(pairs)) == len(pairs), "a line stands in the file twice"
        return dict(pairs)

    text = (ROOT / "data" / "russian.json").read_text(encoding="utf-8")
    return json.loads(text, object_pairs_hook=without_repeats)


@pytest.mark.parametrize("module", MODULES)
def test_a_line_is_a_literal_or_a_name_never_put_together_where_it_is_said(module):
    """What an f-string, a sum or a `format` gives is not one line to be translated."""
    put_together = []
    for argument in first_arguments(module):
        if isinstance(argument, ast.Constant):
            continue
        if any(isinstance(p, ast.JoinedStr) or is_text(p) for p in ast.walk(argument)):
            put_together.append(f"line {argument.lineno}: {ast.unparse(argument)}")
    assert put_together == []


@pytest.mark.parametrize("module", MODULES)
def test_every_line_that_is_said_has_its_russian(module, russian):
    assert lines_said(module) - russian.keys() == set()


def test_every_russian_line_is_said_somewhere(russian):
    assert russian.keys() - set().union(*map(lines_said, MODULES)) == set()


def test_russian_has_the_same_fields(russian):
    for english, line in russian.items():
        expected = fields(english)
        if english == SHEETS_OWN:
            expected = {("digit", "", ""), ("r.correct", "", ""), ("r.total", "", "")}
        assert fields(line) == expected, english


def names(line: str) -> list[str]:
    """The fields of numbers in their order, options and scripts.

    Other fields may stand where a sentence likes.
    """
    fields = [name for _, name, *_ in string.Formatter().parse(line) if name]
    of_numbers = [name for name in fields if name not in ("digit", "usual")]
    return of_numbers + re.findall(r"--[a-z]+|\w+\.py", line)


def test_numbers_stand_in_the_same_order_in_russian(russian):
    """Or "3 of 4" would be said as "4 of 3"."""
    for english, line in russian.items():
        assert names(line) == names(english), english


# Lines that would mislead if they were exchanged
OPPOSITES = {
    "yes": "да",
    "no": "нет",
    "found": "найдено",
    "missed": "пропущено",
    "false alarms": "ложные срабатывания",
    "correctly rejected": "верно отвергнуто",
    "confirmed": "подтверждено",
    "refuted": "опровергнуто",
    "inconclusive": "не установлено",
    "too few images": "мало изображений",
    "errors on these": "ошибки в группе",
    "on the others": "ошибки вне группы",
    "training images": "обучающие изображения",
    "test images": "тестовые изображения",
    "accuracy on training images": "доля верных ответов: обучающие изображения",
    "accuracy on test images": "доля верных ответов: тестовые изображения",
    "recall on test images": "полнота (recall): тестовые изображения",
    "recall: found among the images of the digit {digit}": (
        "полнота (recall): найденные изображения цифры {digit}"
    ),
    "precision: correct among the yes answers": (
        "точность (precision): верные среди ответов «да»"
    ),
    "scores, lowest first": "оценки по возрастанию",
    "digit (score), highest first": "цифра (оценка), по убыванию оценок",
    "digit {digit} with very thin lines (under {limit:.2f} pixels)": (
        "цифра {digit} с очень тонкими линиями (тоньше {limit:.2f} пикселя)"
    ),
    "digit {digit} strongly slanted (over {limit:.1f} degrees)": (
        "цифра {digit} с сильным наклоном (больше {limit:.1f} градуса)"
    ),
    "The picture (solid box: yes, dashed: no)": (
        "Изображение (сплошная рамка — да, пунктирная — нет)"
    ),
    "Red: for {digit}, blue: against": "Красное — за {digit}, синее — против",
    "answered: {answer}": "ответ: {answer}",
    "shows {digit}": "цифра {digit}",
    "shows another": "другая цифра",
    "Keys: c clears, s saves, q closes": (
        "Клавиши: c — стереть, s — сохранить, q — закрыть"
    ),
    "too faint": "слишком бледные",
    "too small": "слишком мелкие",
    "dash": "чёрточки",
    "plus sign": "знаки «плюс»",
}


@pytest.mark.parametrize("english", OPPOSITES)
def test_words_of_opposite_meaning_are_not_exchanged(english, russian):
    assert russian[english] == OPPOSITES[english]


@pytest.mark.parametrize(
    ("english", "values", "line"),
    [
        (
            "Epoch {epoch}/{epochs}, loss: {loss:.6f}",
            {"epoch": 1, "epochs": 15, "loss": 0.087234},
            "Эпоха 1/15, Ошибка: 0.087234",
        ),
        (
            SHEETS_OWN,
            {"digit": 8, "r": SimpleNamespace(correct=9740, total=10000)},
            "Цифра 8 распознана верно в 9740 из 10000 случаев.",
        ),
        (
            "Accuracy on the test set: {r.accuracy:.2%}",
            {"r": SimpleNamespace(accuracy=0.927)},
            "Точность на тестовой выборке: 92.70%",
        ),
    ],
)
def test_the_lab_sheets_own_lines_are_said_as_it_has_them(english, values, line):
    _ = utils.translator("ru")
    assert _(english, **values) == line
