"""The Russian of every line that is said: a walk through the source finds each of them.

A line is the literal that `log`, `screen`, `progress`, `translate`, `_` or `N_` is
called with first, whether the call is of a name (`_`) or of an attribute (`out.log`).
"""

from __future__ import annotations

import ast
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


def in_no_language(line: str) -> list[str]:
    """In their order the fields, then the numbers, options and files in the line."""
    words = {"digit", "usual"}  # fields that a sentence may place where it likes
    names = [name for _, name, *_ in string.Formatter().parse(line) if name]
    text = re.sub(r"{.*?}", "{}", line)
    return [
        *(name for name in names if name not in words),
        *re.findall(r"\b\d+\b|--[a-z]+|\w+\.py", text),
    ]


def test_numbers_and_names_stand_in_the_same_order_in_russian(russian):
    """Or "3 of 4" would be said as "4 of 3"."""
    for english, line in russian.items():
        assert in_no_language(line) == in_no_language(english), english


# Words of opposite meaning, in English and, in the same order, in Russian
OPPOSITES = [
    (["confirmed", "refuted"], ["подтвержд", "опровергн"]),
    (["precision", "recall"], ["точность", "полнота"]),
    (
        [r"\bfound|finds|made out|correctly", "missed|not recognised", "false alarm"],
        ["найден|находит|верно", "пропу|не распозн", "ложные"],
    ),
    (
        [r"\byes\b", r'^no$|"no"|correctly no|dashed: no'],
        [r"\bда\b", r"\bнет\b"],
    ),
    (
        ["training (?:image|set|example)", "(?<!on the )test (?:image|set|example)"],
        ["обучающ", "тест"],
    ),
    # The Russian titles of galleries have no room for "lowest first"
    (["below|lower", "above|higher"], ["ниже|низк", "выше|высок"]),
    (
        [r"\(under|fewer", r"\(over|\bmore\b(?! often)"],
        ["меньше|менее|тоньше", "больше"],
    ),
    ([r"\bred\b", r"\bblue\b"], ["красн", "син"]),
    ([r"\bfor {}", "against"], [r"\bза {}", "против"]),
    (
        ["(?:on|of) these", "(?:the|all) others|^others$|another"],
        ["таких", "остальн|друг"],
    ),
    (["solid", "dashed"], ["сплошная", "пунктир"]),
    (["larger", "darker"], ["крупнее", "темнее"]),
    (["during", "after"], ["по ходу", "после"]),
    (["faint", "small"], ["бледн", "мелк"]),
    (["clears", "saves", "closes"], ["стереть", "сохранить", "закрыть"]),
]


def occurrences(words: list[str], line: str) -> list[int]:
    """Which of the words stand in the line outside its fields, in their order."""
    line = re.sub(r"{.*?}", "{}", line)
    return [
        found.lastindex
        for found in re.finditer("|".join(f"({word})" for word in words), line, re.I)
    ]


@pytest.mark.parametrize(("english", "russian_words"), OPPOSITES)
def test_words_of_opposite_meaning_are_not_exchanged(english, russian_words, russian):
    with_words = [line for line in russian if occurrences(english, line)]
    assert len(with_words) > 0
    for line in with_words:
        expected = occurrences(english, line)
        assert occurrences(russian_words, russian[line]) == expected, line


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
