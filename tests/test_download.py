"""Downloading MNIST, against a small server on the loopback address; no test needs the network.

The server gives made files, and the loader is told their checksums in place of MNIST's.
"""

from __future__ import annotations

import errno
import hashlib
import os
import runpy
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

import mnist_loader
import train_network
import utils
from mnist_loader import DatasetError, download_mnist, load_dataset

IMAGES = "train-images-idx3-ubyte.gz"
REAL_MIRRORS = mnist_loader.MIRRORS  # before the tests take them away


class Mirror(ThreadingHTTPServer):
    """Serves `files`, counts the `requests` for each, and misbehaves as `fault` says."""

    daemon_threads = True

    def __init__(self, files: dict[str, bytes], fault: str = ""):
        super().__init__(("127.0.0.1", 0), MirrorHandler)
        self.files, self.fault, self.requests = files, fault, []
        self.released = threading.Event()  # what hangs goes on when this is set
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/"

    def close(self) -> None:
        self.released.set()
        self.shutdown()
        self.server_close()


class MirrorHandler(BaseHTTPRequestHandler):
    def do_GET(self):
        name = self.path.lstrip("/")
        self.server.requests.append(name)
        fault, body = self.server.fault, self.server.files[name]
        if fault == "hangs":
            self.server.released.wait(20)
            return
        if fault == "forbids":
            self.send_error(403)
            return
        if fault == "redirects":
            self.send_response(302)
            self.send_header("Location", f"http://127.0.0.1:{self.server.server_port}/{name}")
            self.end_headers()
            return
        if fault == "lies":
            body = b"<html>Sign in to this network</html>"
        if fault == "alters":
            body = body[:-1] + bytes([body[-1] ^ 1])
        if fault == "exceeds":
            body += b"more"
        self.send_response(200)
        if fault != "streams":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if fault == "cuts":
            body = body[: len(body) // 2]
        if fault == "trickles":
            for byte in body:
                self.wfile.write(bytes([byte]))
                if self.server.released.wait(0.05):
                    return
        if fault == "stalls":
            self.wfile.write(body[:100])
            self.wfile.flush()
            self.server.released.wait(20)
            return
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def files(made_dir, monkeypatch):
    """The made data set's files, known to the loader as the right ones."""
    contents = {name: (made_dir / name).read_bytes() for name in mnist_loader.MNIST_FILES}
    facts = {name: (len(body), sha256(body)) for name, body in contents.items()}
    monkeypatch.setattr(mnist_loader, "MNIST_FILES", facts)
    monkeypatch.setattr(mnist_loader, "ANSWER_SECONDS", 0.3)
    return contents


@pytest.fixture
def mirrors(files, monkeypatch):
    """Start mirrors with the given faults ("" for none) and let the loader know just these."""
    started = []

    def start(*faults):
        started.extend(Mirror(files, fault) for fault in faults)
        monkeypatch.setattr(mnist_loader, "MIRRORS", tuple(mirror.url for mirror in started))
        return started

    yield start
    for mirror in started:
        mirror.close()


def sha256(content):
    return hashlib.sha256(content).hexdigest()


def contents(directory):
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_four_files_are_downloaded_and_loaded_as_mnist(mirrors, files, tmp_path):
    mirrors("")
    dataset = load_dataset(tmp_path / "new" / "data", "mnist", None, None)
    assert contents(tmp_path / "new" / "data") == files
    assert dataset.name == "MNIST"
    assert dataset.train.images.shape == (120, 784)


def test_a_stream_without_a_length_is_read_whole(mirrors, files, tmp_path):
    mirrors("streams")
    download_mnist(tmp_path)
    assert contents(tmp_path) == files


def test_files_that_are_right_are_not_fetched_again(mirrors, files, tmp_path):
    (mirror,) = mirrors("")
    (tmp_path / IMAGES).write_bytes(files[IMAGES])
    download_mnist(tmp_path)
    assert sorted(mirror.requests) == sorted(set(files) - {IMAGES})
    download_mnist(tmp_path)
    assert len(mirror.requests) == 3


def test_a_wrong_file_is_named_fetched_anew_and_kept(mirrors, files, tmp_path, capsys):
    mirrors("")
    for mine in (b"my own drawing", b"another one"):
        (tmp_path / IMAGES).write_bytes(mine)
        download_mnist(tmp_path)
        assert f"{IMAGES} is not the original" in capsys.readouterr().err
        assert (tmp_path / IMAGES).read_bytes() == files[IMAGES]
    assert (tmp_path / f"{IMAGES}.replaced").read_bytes() == b"my own drawing"
    assert (tmp_path / f"{IMAGES}.replaced1").read_bytes() == b"another one"


def test_a_wrong_file_stays_where_no_mirror_answers(mirrors, tmp_path):
    mirrors("forbids")
    (tmp_path / IMAGES).write_bytes(b"my own drawing")
    with pytest.raises(DatasetError):
        download_mnist(tmp_path)
    assert contents(tmp_path) == {IMAGES: b"my own drawing"}


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("forbids", "403"),
        ("redirects", "not HTTPS"),
        ("lies", "36 of"),
        ("alters", "SHA-256 differs"),
        ("exceeds", "SHA-256 differs"),
        ("cuts", "ended after"),
        ("hangs", "no answer within 0.3 s|timed out"),
        ("stalls", "timed out"),
        ("trickles", "too slow"),
    ],
)
class TestFaultyMirror:
    def test_the_next_one_is_asked_and_the_faulty_one_not_again(
        self, mirrors, files, tmp_path, fault, reason
    ):
        faulty, sound = mirrors(fault, "")
        download_mnist(tmp_path)
        assert contents(tmp_path) == files
        assert faulty.requests == [IMAGES]
        assert len(sound.requests) == 4

    def test_it_is_named_with_the_reason_where_there_is_no_other(
        self, mirrors, tmp_path, fault, reason
    ):
        (mirror,) = mirrors(fault)
        with pytest.raises(DatasetError, match=reason) as error:
            download_mnist(tmp_path)
        text = str(error.value)
        assert "\n" not in text
        for part in (mirror.url + IMAGES, str(tmp_path), "by hand", "--dataset sample"):
            assert part in text
        assert contents(tmp_path) == {}


def test_every_mirror_and_its_reason_is_named(mirrors, tmp_path):
    mirrors("forbids", "cuts")
    with pytest.raises(DatasetError, match=r"403.*ended after"):
        download_mnist(tmp_path)


def test_redirects_are_refused_unless_to_https():
    handler = mnist_loader._OnlyHttps()
    request = mnist_loader.urllib.request.Request("https://example.org/a")
    followed = handler.redirect_request(request, None, 302, "", {}, "https://example.org/b")
    assert followed.full_url == "https://example.org/b"
    with pytest.raises(OSError, match="not HTTPS"):
        handler.redirect_request(request, None, 302, "", {}, "http://example.org/b")


def test_mirrors_are_https():
    assert len(REAL_MIRRORS) >= 2
    assert all(url.startswith("https://") and url.endswith("/") for url in REAL_MIRRORS)


def test_a_port_where_nobody_listens_is_told(files, monkeypatch, tmp_path):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
    monkeypatch.setattr(mnist_loader, "MIRRORS", (url,))
    with pytest.raises(DatasetError, match="refused"):
        download_mnist(tmp_path)


def test_a_name_look_up_that_hangs_is_not_waited_for(files, monkeypatch, tmp_path):
    monkeypatch.setattr(mnist_loader, "MIRRORS", ("https://one.invalid/", "https://two.invalid/"))
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(5))
    start = time.monotonic()
    with pytest.raises(DatasetError, match="no answer within"):
        download_mnist(tmp_path)
    assert time.monotonic() - start < 3


def test_a_full_disk_is_told_and_leaves_nothing(mirrors, tmp_path, monkeypatch):
    mirrors("")

    def no_space(_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(utils.os, "fsync", no_space)
    with pytest.raises(DatasetError, match="No space left"):
        download_mnist(tmp_path)
    assert contents(tmp_path) == {}


def test_a_directory_that_cannot_be_made_is_told(mirrors, tmp_path):
    mirrors("")
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DatasetError, match="cannot write"):
        download_mnist(tmp_path / "file" / "data")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_directory_is_told(mirrors, tmp_path):
    mirrors("")
    tmp_path.chmod(0o500)
    with pytest.raises(DatasetError, match="cannot write"):
        download_mnist(tmp_path)


def test_killed_during_the_download_the_next_run_recovers(mirrors, files, tmp_path, monkeypatch):
    stalling, sound = mirrors("stalls", "")
    script = f"""
        import mnist_loader
        mnist_loader.MNIST_FILES = {mnist_loader.MNIST_FILES!r}
        mnist_loader.MIRRORS = ({stalling.url!r},)
        mnist_loader.ANSWER_SECONDS = 20
        mnist_loader.download_mnist({str(tmp_path)!r})
    """
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)], cwd=mnist_loader.SAMPLE_DIR.parents[1]
    )
    while not stalling.requests:
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert contents(tmp_path) == {}
    monkeypatch.setattr(mnist_loader, "MIRRORS", (sound.url,))
    download_mnist(tmp_path)
    assert contents(tmp_path) == files


# --- what load_dataset makes of it


def test_auto_takes_mnist_where_it_is_and_asks_no_mirror(mirrors, made_dir):
    (mirror,) = mirrors("")
    assert load_dataset(made_dir, "auto", 10, 10).name == "MNIST"
    assert mirror.requests == []


def test_auto_downloads_what_is_missing(mirrors, files, tmp_path):
    (mirror,) = mirrors("")
    (tmp_path / IMAGES).write_bytes(files[IMAGES])
    assert load_dataset(tmp_path, "auto", 10, 10).name == "MNIST"
    assert len(mirror.requests) == 3


def test_other_data_in_mnists_names_is_neither_mixed_with_mnist_nor_moved(mirrors, tmp_path):
    (mirror,) = mirrors("")
    (tmp_path / IMAGES).write_bytes(b"clothes, not digits")
    with pytest.raises(DatasetError, match=r"lacks train-labels.* not MNIST"):
        load_dataset(tmp_path, "mnist")
    assert contents(tmp_path) == {IMAGES: b"clothes, not digits"}
    assert mirror.requests == []


def test_auto_takes_the_sample_where_mnist_cannot_be_had_and_says_so(mirrors, tmp_path, capsys):
    mirrors("forbids")
    dataset = load_dataset(tmp_path, "auto")
    assert dataset.name == "sample"
    assert "NOT MNIST" in capsys.readouterr().err


def test_mnist_is_never_the_sample(mirrors, tmp_path):
    mirrors("forbids")
    with pytest.raises(DatasetError, match="403"):
        load_dataset(tmp_path, "mnist")


def test_sample_asks_no_mirror_even_where_mnist_is(mirrors, made_dir):
    (mirror,) = mirrors("")
    assert load_dataset(made_dir, "sample").name == "sample"
    assert mirror.requests == []


def test_unknown_source_is_refused():
    with pytest.raises(ValueError, match=r"'fashion'.*auto, mnist, sample"):
        load_dataset(source="fashion")


# --- the bundled sample


def test_sample_is_what_its_readme_says():
    dataset = load_dataset(source="sample", train_size=None, test_size=None)
    assert dataset.train.images.shape == (5000, 784)
    assert dataset.test.images.shape == (1000, 784)
    assert np.bincount(dataset.train.digits).tolist() == [500] * 10
    assert np.bincount(dataset.test.digits).tolist() == [100] * 10
    assert sum(path.stat().st_size for path in mnist_loader.SAMPLE_DIR.glob("*.gz")) <= 1_500_000


def test_sample_images_have_mnists_form():
    images = load_dataset(source="sample").train.images.reshape(-1, 28, 28)
    rows, columns = images.any(axis=2), images.any(axis=1)
    heights, widths = rows.sum(axis=1), columns.sum(axis=1)
    assert (np.maximum(heights, widths) <= 20).all()
    mass = images.sum(axis=(1, 2))
    for axis in (1, 2):
        centre = (images.sum(axis=3 - axis) @ np.arange(28)) / mass
        assert np.abs(centre - mnist_loader.CENTRE).max() <= 1


def test_the_script_that_draws_the_sample_writes_the_same_bytes_again(tmp_path, root):
    script = runpy.run_path(str(root / "data" / "make_sample.py"))
    written = []
    for _ in range(2):
        images, digits = script["make_split"](3, np.random.default_rng(script["SEED"]))
        script["write_idx"](images, tmp_path / "images.gz")
        written.append((tmp_path / "images.gz").read_bytes())
        assert sorted(digits) == sorted(list(range(10)) * 3)
        np.testing.assert_array_equal(mnist_loader.read_idx(tmp_path / "images.gz"), images)
    assert written[0] == written[1]


@pytest.mark.parametrize("option", ["--train-size", "--test-size"])
def test_more_images_than_the_sample_has_are_refused_with_what_to_do(option, tmp_path):
    arguments = ["--dataset", "sample", option, "6000", "--output-dir", str(tmp_path)]
    with pytest.raises(DatasetError, match=r"6000 are asked for.*mnist_loader\.py"):
        train_network.main(arguments)


def test_a_run_on_the_sample_says_so_everywhere(tmp_path, capsys):
    arguments = ["--dataset", "sample", "--epochs", "1", "--train-size", "200"]
    train_network.main([*arguments, "--output-dir", str(tmp_path)])
    log = (tmp_path / "training_log.txt").read_text(encoding="utf-8")
    assert log.count("NOT MNIST") == 2
    assert "NOT MNIST" in log[:300]
    assert "NOT MNIST" in log[-300:]
    assert '"dataset": "sample"' in (tmp_path / "metrics.json").read_text()
    network = train_network.NeuralNetwork.load(tmp_path / "model.npz")
    assert network.metadata["dataset"] == "sample"


# --- python mnist_loader.py


def test_script_downloads_verifies_and_tells_the_characteristics(mirrors, tmp_path, capsys):
    mirrors("")
    assert mnist_loader.main(["--data-dir", str(tmp_path)]) == 0
    out = capsys.readouterr().out
    for line in (
        "180 images of the digits 0 to 9",
        "120 training examples, 60 test examples",
        "28x28 pixels (784 pixels)",
        "  8: 12 training, 6 test",
    ):
        assert line in out


def test_script_tells_the_lab_sheets_characteristics_of_mnist_in_russian(mnist_dir, capsys):
    assert mnist_loader.main(["--data-dir", str(mnist_dir), "--lang", "ru"]) == 0
    out = capsys.readouterr().out
    for line in (
        "70000 изображений цифр от 0 до 9",
        "60000 обучающих примеров, 10000 тестовых",
        "Размер каждого изображения: 28×28 пикселей (784 пикселя)",
        "Каждый пиксель имеет значение от 0 до 255 (градации серого)",
        "  8: 5851 обучающих, 974 тестовых",
    ):
        assert line in out
