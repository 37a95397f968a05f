"""What stands at the top level, what may import what, and the names that other code relies on."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mnist_loader
import neural_network
import utils

TOP_LEVEL = {
    *(
        "mnist_loader.py",
        "neural_network.py",
        "train_network.py",
        "visualize_results.py",
    ),
    *("utils.py", "sample_outputs", "data", "tests", "requirements.txt", "README.md"),
}
IMPORTS = {  # they run one way: scripts -> network, loader -> utils; Pillow only for pictures
    "utils": {"numpy"},
    "mnist_loader": {"numpy", "utils", "PIL"},
    "neural_network": {"numpy", "utils"},
    "train_network": {"numpy", "mnist_loader", "neural_network", "utils"},
}
NAMES = """
neural_network.sigmoid(z)
neural_network.sigmoid_derivative(a)
neural_network.tanh(z)
neural_network.tanh_derivative(a)
neural_network.SGD(learning_rate=0.01, momentum=0.0, l2=0.0)
neural_network.NeuralNetwork(layer_sizes=(784, 64, 1), *, dropout=0.0, weight_scale=0.1, seed=0, dtype=F32)
neural_network.NeuralNetwork.predict_proba(self, x)
neural_network.NeuralNetwork.predict(self, x, threshold=0.5)
neural_network.NeuralNetwork.train_step(self, x, y, sgd=SGD)
neural_network.NeuralNetwork.train_epoch(self, x, y, sgd=SGD, order=None, on_progress=None, *, loop=False)
neural_network.NeuralNetwork.save(self, path)
neural_network.NeuralNetwork.load(path)
mnist_loader.read_idx(path, limit=None)
mnist_loader.load_dataset(data_dir=None, source='auto', train_size=5000, test_size=1000)
mnist_loader.download_mnist(data_dir=None)
mnist_loader.read_picture(path)
mnist_loader.find_digits(picture)
mnist_loader.Split.targets(self, digit=8)
mnist_loader.augment(images, rng)
"""  # noqa: E501


def test_top_level_is_the_fixed_layout(root):
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-tree", "--name-only", "HEAD"]
    listing = subprocess.run(
        command, cwd=root, check=True, capture_output=True, text=True
    ).stdout
    assert {
        name for name in listing.splitlines() if not name.startswith(".")
    } == TOP_LEVEL


@pytest.mark.parametrize("module", IMPORTS)
def test_imports_run_one_way_and_need_only_numpy(root, module):
    imported = set()
    for node in ast.walk(ast.parse((root / f"{module}.py").read_bytes())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - sys.stdlib_module_names == IMPORTS[module]


def test_loading_the_training_loads_no_pillow_or_matplotlib(root):
    command = (
        "import sys, train_network; print({'PIL', 'matplotlib'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=root, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("set()\n", "")


@pytest.mark.parametrize("expected", NAMES.strip().splitlines())
def test_names_that_other_code_relies_on_are_there(expected):
    path, signature = expected.split("(", 1)
    module, *names = path.split(".")
    function = functools.reduce(getattr, names, importlib.import_module(module))
    parameters = inspect.signature(function).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    told = str(inspect.Signature(bare)).replace(str(np.float32), "F32")
    assert told.replace(str(neural_network.SGD()), "SGD") == f"({signature}"


def test_attributes_that_other_code_relies_on_are_there():
    network = neural_network.NeuralNetwork((3, 2, 1))
    assert (len(network.weights), len(network.biases), network.metadata) == (2, 2, {})
    assert mnist_loader.Split._fields == ("images", "digits")
    assert mnist_loader.Dataset._fields == ("name", "train", "test")
    assert mnist_loader.FoundDigit._fields == ("box", "image")
    assert issubclass(mnist_loader.DatasetError, utils.UserError)
    assert isinstance(mnist_loader.DATA_DIR, Path)
