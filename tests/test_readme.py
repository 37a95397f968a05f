"""The README's Python does what the README says, word for word."""

from __future__ import annotations

import re
import shutil
import textwrap
from pathlib import Path

import pytest
from matplotlib.figure import Figure


def python_of(readme: Path) -> dict[str, str]:
    """The indented blocks that import something, by their first lines of Python."""
    text = readme.read_text(encoding="utf-8")
    text = re.sub(r"^    %.*\n", "", text, flags=re.M)  # a notebook's own commands
    blocks = re.findall(r"(?:^    .*\n|^\n(?=    ))+", text, re.M)
    blocks = [textwrap.dedent(block).strip() for block in blocks]
    python = [block for block in blocks if re.search("^(from|import) ", block, re.M)]
    return {block.partition("\n")[0]: block for block in python}


@pytest.fixture
def run(root, tmp_path, monkeypatch, capsys):
    """Run the README's block with this first line: its names, and what it prints."""
    (tmp_path / "sample_outputs").symlink_to(root / "sample_outputs")
    monkeypatch.chdir(tmp_path)

    def run(first_line: str) -> tuple[dict, list[str]]:
        names = {}
        exec(python_of(root / "README.md")[first_line], names)
        return names, capsys.readouterr().out.splitlines()

    return run


def test_network_trains_from_python(run):
    names, printed = run("from mnist_loader import load_dataset")
    losses = [float(line) for line in printed[:15]]
    assert losses[14] < losses[0] / 2
    assert names["network"].layer_sizes == (784, 64, 1)


def test_run_and_its_report_from_a_notebook_and_a_table_of_metrics(run, tmp_path):
    names, printed = run("import train_network")
    assert "Epoch 15/15" in "\n".join(printed)
    assert isinstance(names["figure"], Figure)
    for digit in range(10):
        shutil.copytree(tmp_path / "runs" / "notebook", tmp_path / "runs" / str(digit))
    _, table = run("import json")
    accuracy = re.search(r"Accuracy on the test set: (\S+)", "\n".join(printed))[1]
    assert [line.split()[:2] for line in table] == [
        [str(digit), accuracy] for digit in range(10)
    ]


def test_weights_of_a_run_are_read(run):
    _, printed = run("from neural_network import NeuralNetwork")
    assert printed == ["8 (784, 64)"]


def test_students_step_of_the_readme_is_right(run):
    _, printed = run("from neural_network import SGD, NeuralNetwork, check_update")
    assert float(printed[0]) < 1e-14
