"""What all tests share: the project on the path, and data sets."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

# Before matplotlib and NumPy load, here and in the scripts that tests start
os.environ.setdefault("MPLBACKEND", "Agg")  # draws without a screen
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as utils.py does

from made_data import MNIST_FILES, write_dataset  # noqa: E402

import mnist_loader  # noqa: E402

LONGEST_TEST = 300  # seconds, for a busy machine; most take a tenth of one


@pytest.fixture(autouse=True)
def no_test_hangs() -> Iterator[None]:
    """A test that takes longer fails, where the system has an alarm clock."""
    if not hasattr(signal, "SIGALRM"):
        yield
        return

    def too_long(*_signal: object) -> None:
        pytest.fail(f"took more than {LONGEST_TEST} s")

    before = signal.signal(signal.SIGALRM, too_long)
    signal.alarm(LONGEST_TEST)
    yield
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test asks a real mirror; those about downloading start their own."""
    monkeypatch.setattr(mnist_loader, "MIRRORS", ())


@pytest.fixture(scope="session")
def mnist_dir() -> Path:
    """The directory of the real MNIST files; skips the test where they are not."""
    directory = Path(os.environ.get("MNIST_DATA_DIR") or ROOT / "data").resolve()
    if not all((directory / name).is_file() for name in MNIST_FILES):
        pytest.skip("the MNIST files are neither in $MNIST_DATA_DIR nor in data/")
    return directory


@pytest.fixture(scope="session")
def made_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory of a small made data set, 120 and 60 images; not to be changed."""
    return write_dataset(tmp_path_factory.mktemp("made"))


@pytest.fixture
def root() -> Path:
    """The project's top level."""
    return ROOT
