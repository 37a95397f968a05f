"""What stands at the top level, what imports what, the names that others rely on."""

from __future__ import annotations

import ast
import functools
import importlib
import inspect
import os
import platform
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
    "README.md",
    "data",
    "mnist_loader.py",
    "neural_network.py",
    "requirements.txt",
    "sample_outputs",
    "tests",
    "train_network.py",
    "utils.py",
    "visualize_results.py",
}
IMPORTS = {  # beside Python's own; Pillow is for pictures alone
    "utils": {"numpy"},
    "mnist_loader": {"numpy", "utils", "PIL"},
    "neural_network": {"numpy", "utils"},
    "train_network": {"numpy", "mnist_loader", "neural_network", "utils"},
}
NAMES = {
    "mnist_loader": """
        read_idx(path, limit=None)
        Split(images, digits)
        Split.targets(self, digit=8)
        Split.first(self, n)
        Dataset(name, train, test)
        load_dataset(data_dir=None, source='auto', train_size=5000)
        download_mnist(data_dir=None)
        read_picture(path)
        find_digits(picture)
        FoundDigit(box, image)
        augment(images, rng)
        """,
    "neural_network": """
        sigmoid(z)
        sigmoid_derivative(a)
        tanh(z)
        tanh_derivative(a)
        SGD(learning_rate=0.01, momentum=0.0, l2=0.0)
        SGD.update(self, w, g, v)
        NeuralNetwork(layer_sizes=(784, 64, 1), *, dropout=0.0, weight_scale=0.1,
            activation='tanh', seed=0, dtype=float32)
        NeuralNetwork.predict_proba(self, x)
        NeuralNetwork.predict(self, x, threshold=0.5)
        NeuralNetwork.attribution(self, x)
        NeuralNetwork.train_step(self, x, y, sgd=SGD())
        NeuralNetwork.train_epoch(self, x, y, sgd=SGD(), order=None, *, loop=False)
        NeuralNetwork.save(self, path)
        NeuralNetwork.load(path)
        """,
}


def test_top_level_is_the_fixed_layout(root):
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-tree", "--name-only", "HEAD"]
    listing = subprocess.check_output(command, cwd=root, text=True).splitlines()
    assert {name for name in listing if not name.startswith(".")} == TOP_LEVEL


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
    loaded = subprocess.check_output([sys.executable, "-c", command], cwd=root)
    assert loaded.split() == [b"set()"]


def names_with_signatures() -> list[tuple[str, str, str]]:
    """Of `NAMES` the module, the name in it, and what stands in parentheses."""
    found = []
    for module, text in NAMES.items():
        lines = " ".join(text.split()).replace(") ", ")\n").splitlines()
        for line in lines:
            name, parameters = line.split("(", maxsplit=1)
            found.append((module, name, f"({parameters}"))
    return found


@pytest.mark.parametrize(("module", "name", "signature"), names_with_signatures())
def test_name_that_other_code_relies_on_has_its_signature(module, name, signature):
    path = name.split(".")
    function = functools.reduce(getattr, path, importlib.import_module(module))
    parameters = inspect.signature(function).parameters.values()
    bare = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    told = str(inspect.Signature(bare))
    told = told.replace(str(np.float32), "float32")
    told = told.replace(str(neural_network.SGD()), "SGD()")
    assert told == signature


def test_networks_attributes_that_other_code_relies_on_are_there():
    network = neural_network.NeuralNetwork((3, 2, 1))
    assert len(network.layers) == 2
    assert [w.shape for w in network.weights] == [(3, 2), (2, 1)]
    assert [b.shape for b in network.biases] == [(2,), (1,)]
    assert isinstance(network.weights, tuple)
    assert isinstance(network.biases, tuple)
    assert network.metadata == {}


def test_loaders_own_directory_and_error_are_of_the_kinds_that_are_relied_on():
    assert isinstance(mnist_loader.DATA_DIR, Path)
    assert issubclass(mnist_loader.DatasetError, utils.UserError)


# --- python neural_network.py ---------------------------------------------------------

BROKEN = {  # one line of Python that breaks a formula
    "tanh'": "n.ACTIVATIONS['tanh'] = n.Activation(n.tanh, lambda a: 1 - a)",
    "sigmoid', by a thousandth": (
        "n.OUTPUT = n.Activation(n.sigmoid, lambda a: 1.001 * a * (1 - a))"
    ),
    "the update of biases": "n.SGD.of_biases = n.SGD(learning_rate=0.9)",
}
BLOCK_BROKEN = "n._Updates.of = lambda *all: of(*all)._replace(k=0 * of(*all).k)"


def test_network_run_as_a_script_finds_its_gradients_right(root):
    command = [sys.executable, "neural_network.py"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    lines = done.stdout.splitlines()
    assert "Backpropagation computes the gradient of the loss" in lines
    assert lines[-1] == "train_epoch makes the updates of train_step"
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize("breakage", BROKEN.values(), ids=BROKEN)
def test_network_run_as_a_script_finds_a_broken_formula(root, breakage):
    line = f"import neural_network as n; {breakage}; n.utils.run_script(n.main)"
    command = [sys.executable, "-c", line]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    fault = "backpropagation does not compute the gradient of the loss"
    assert done.stderr == f"-c: error: {fault}\n"
    assert done.returncode == 2


def test_network_run_as_a_script_finds_a_broken_block_form(root):
    line = f"import neural_network as n; of = n._Updates.of; {BLOCK_BROKEN}"
    command = [sys.executable, "-c", f"{line}; n.utils.run_script(n.main)"]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert "Backpropagation computes the gradient of the loss\n" in done.stdout
    fault = "train_epoch does not make the updates of train_step"
    assert done.stderr == f"-c: error: {fault}\n"
    assert done.returncode == 2


SCRIPTS = ["train_network", "visualize_results", "mnist_loader", "neural_network"]


def refused(root: Path, script: str, before: str) -> tuple[str, int]:
    """What a script says on stderr after some lines of Python, and its exit code."""
    lines = ["import runpy, sys", f"sys.argv = ['{script}.py']", before]
    lines.append(f"runpy.run_path('{script}.py', run_name='__main__')")
    command = [sys.executable, "-c", "\n".join(lines)]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    assert done.stdout == ""
    return done.stderr, done.returncode


@pytest.mark.parametrize("script", SCRIPTS)
def test_old_python_is_refused_before_anything_else_can_fail(root, script):
    """Also where it has no NumPy, as the one that comes with macOS has none."""
    version = platform.python_version()
    fault = f"needs Python 3.10 or newer, this is {version}; see README.md"
    old = "sys.modules['numpy'] = None; sys.version_info = (3, 9, 18)"
    assert refused(root, script, old) == (f"{script}.py: error: {fault}\n", 2)


@pytest.mark.parametrize("script", SCRIPTS)
def test_missing_numpy_is_told_with_the_command_that_brings_it(root, script):
    """By the oldest Python that is taken, too."""
    oldest = "sys.modules['numpy'] = None; sys.version_info = (3, 10, 0)"
    told, code = refused(root, script, oldest)
    assert told.startswith(f"{script}.py: error: ")
    assert told.endswith("; python -m pip install -r requirements.txt brings it\n")
    assert code == 2


@pytest.mark.parametrize("module", ["utils", *SCRIPTS])
def test_an_old_python_can_read_the_modules_so_that_it_says_so(root, module):
    """Python 3.6 knows neither := nor annotations from the future."""
    source = (root / f"{module}.py").read_text(encoding="utf-8")
    ast.parse(source, feature_version=(3, 6))
    assert "from __future__ import annotations" not in source


def blas_threads(root: Path, module: str, asked: dict[str, str]) -> str:
    """The numbers of threads that are set when NumPy loads, by a program's start."""
    variables = ["OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"]
    code = f"""
import os, sys
class Watch:
    def find_spec(name, *others):
        if name == "numpy":
            print(*[os.environ.get(variable) for variable in {variables}])
            sys.meta_path.remove(Watch)
sys.meta_path.insert(0, Watch)
import {module}
"""
    environment = {k: v for k, v in os.environ.items() if k not in variables}
    command = [sys.executable, "-c", code]
    return subprocess.check_output(
        command, cwd=root, env=environment | asked, text=True
    ).strip()


@pytest.mark.parametrize("module", ["utils", *SCRIPTS])
def test_modules_ask_for_one_blas_thread_before_numpy_loads(root, module):
    assert blas_threads(root, module, {}) == "1 1 1"


def test_who_sets_a_number_of_blas_threads_gets_it(root):
    assert blas_threads(root, "utils", {"MKL_NUM_THREADS": "4"}) == "1 4 1"
