"""The top level holds what a newcomer is told to find there, and nothing else."""

import shutil
import subprocess

import pytest

TOP_LEVEL = {
    *("mnist_loader.py", "neural_network.py", "train_network.py", "visualize_results.py"),
    *("utils.py", "sample_outputs", "data", "tests", "requirements.txt", "README.md"),
}


def test_top_level_is_the_fixed_layout(root):
    if not shutil.which("git") or not (root / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(
        ["git", "ls-tree", "--name-only", "HEAD"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    names = {name for name in listing.stdout.splitlines() if not name.startswith(".")}
    assert names == TOP_LEVEL
