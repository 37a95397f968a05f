"""The figures and the film of a tiny run, and what is refused; all without MNIST or a screen."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text
from PIL import Image

import train_network
import visualize_results
from mnist_loader import DATA_DIR, TEST_FILES, TRAIN_FILES
from neural_network import NeuralNetwork
from utils import UserError
from visualize_results import FIGURES, FILM_FILE, load_run, main

SIDE = 28


def write_digits(directory: Path, seed: int = 0) -> Path:
    """Four IDX files of noisy made-up digits: each is a blot at a place of its own."""
    rng = np.random.default_rng(seed)
    directory.mkdir(parents=True, exist_ok=True)
    for (images_name, labels_name), n in ((TRAIN_FILES, 200), (TEST_FILES, 120)):
        digits = np.arange(n, dtype=np.uint8) % 10
        images = np.zeros((n, SIDE, SIDE), np.uint8)
        for image, digit in zip(images, digits, strict=True):
            top, left = 2 + 4 * (digit // 2) + rng.integers(3), 4 + 10 * (digit % 2)
            image[top : top + 7, left : left + 6] = rng.integers(60, 256, (7, 6))
        for name, data in ((images_name, images), (labels_name, digits)):
            header = bytes([0, 0, 8, data.ndim]) + np.array(data.shape, ">u4").tobytes()
            (directory / name).write_bytes(gzip.compress(header + data.tobytes(), 1))
    return directory


def train(data_dir: Path, output_dir: Path, *options: str) -> Path:
    arguments = ["--data-dir", data_dir, "--output-dir", output_dir, "--train-size", "all"]
    arguments += ["--test-size", "all", "--learning-rate", "0.1", "--hidden", "12", *options]
    assert train_network.main(list(map(str, arguments))) == 0
    return output_dir


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("digits"))


@pytest.fixture(scope="module")
def trained(data_dir, tmp_path_factory):
    return train(data_dir, tmp_path_factory.mktemp("run"), "--epochs", "3", "--keep-history")


@pytest.fixture
def run_dir(trained, tmp_path):
    """A copy of the run, for tests that damage it."""
    return Path(shutil.copytree(trained, tmp_path / "run"))


@pytest.fixture(scope="module")
def drawn(trained, data_dir, tmp_path_factory):
    directory = Path(shutil.copytree(trained, tmp_path_factory.mktemp("drawn") / "run"))
    assert main(["--data-dir", str(data_dir), "--output-dir", str(directory)]) == 0
    return directory


def draw(data_dir: Path, output_dir: Path, *options: str) -> int:
    return main(["--data-dir", str(data_dir), "--output-dir", str(output_dir), *options])


def refusal(data_dir: Path, output_dir: Path, *options: str) -> str:
    """The one line in which a run is refused; nothing may have been written by then."""
    before = sorted(output_dir.iterdir()) if output_dir.is_dir() else None
    with pytest.raises(UserError) as caught:
        draw(data_dir, output_dir, *options)
    after = sorted(output_dir.iterdir()) if output_dir.is_dir() else None
    assert before == after
    message = str(caught.value)
    assert "\n" not in message
    return message


def change_metrics(run_dir: Path, *place: object, value: object = None, delete: bool = False):
    path = run_dir / "metrics.json"
    metrics = json.loads(path.read_text())
    inside = metrics
    for key in place[:-1]:
        inside = inside[key]
    if delete:
        del inside[place[-1]]
    else:
        inside[place[-1]] = value
    path.write_text(json.dumps(metrics))


# --- figures ----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", FIGURES)
def test_figure_is_a_whole_picture_with_something_on_it(drawn, name):
    with Image.open(drawn / name) as picture:
        assert picture.format == "PNG"
        pixels = np.asarray(picture.convert("L"))
    assert min(pixels.shape) > 400
    assert 0.005 < np.mean(pixels < 200) < 0.9
    assert (drawn / name).stat().st_size < 300_000


@pytest.mark.parametrize("digit", [8, 1])
@pytest.mark.parametrize("name", FIGURES)
def test_no_label_is_clipped_and_no_title_overlaps(data_dir, tmp_path_factory, name, digit):
    run = runs(data_dir, tmp_path_factory, digit)
    with visualize_results.rc_context(visualize_results.STYLE):
        figure = FIGURES[name](run)
        canvas = FigureCanvasAgg(figure)
        canvas.draw()
    width, height = canvas.get_width_height()
    shown = [text for text in figure.findobj(Text) if text.get_visible() and text.get_text()]
    titles = [axes.title for axes in figure.axes] + [figure._suptitle]
    for text in shown:
        box = text.get_window_extent(canvas.get_renderer())
        in_axes = text.axes is not None and text in text.axes.texts
        if text in titles or in_axes:
            assert box.x0 >= -1 and box.x1 <= width + 1, text
            assert box.y0 >= -1 and box.y1 <= height + 1, text
    assert_apart(titles)
    for axes in figure.axes:
        assert_apart(axes.get_xticklabels() if axes.axison else [])
        assert_apart(axes.get_yticklabels() if axes.axison else [])


def assert_apart(texts: list[Text]) -> None:
    boxes = [text.get_window_extent() for text in texts if text.get_visible() and text.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[place + 1 :]), texts


_RUNS: dict[int, visualize_results.Run] = {}


def runs(data_dir: Path, tmp_path_factory, digit: int) -> visualize_results.Run:
    """A run for each digit, made once: of 8 with one hidden layer, of another with two."""
    if digit not in _RUNS:
        options = ["--digit", str(digit), "--epochs", "1"]
        options += [] if digit == 8 else ["--hidden", "70", "5"]
        directory = train(data_dir, tmp_path_factory.mktemp(f"run_{digit}"), *options)
        _RUNS[digit] = load_run(directory, data_dir)
    return _RUNS[digit]


def test_titles_state_the_numbers_of_the_run(data_dir, tmp_path_factory):
    run = runs(data_dir, tmp_path_factory, 8)
    title = FIGURES["confusion_matrix.png"](run).get_suptitle()
    result = run.evaluation
    for number in result.true_positives, result.positives, result.false_positives:
        assert str(number) in title
    assert f"{result.accuracy:.1%}" in title
    assert f"{result.majority_share:.1%}" in title


@pytest.mark.parametrize("name", FIGURES)
def test_title_says_when_the_data_was_the_sample(data_dir, tmp_path_factory, name):
    run = runs(data_dir, tmp_path_factory, 8)
    sample = visualize_results.Run(
        run.metrics,
        run.network,
        run.dataset._replace(name="sample"),
        run.probabilities,
        run.evaluation,
    )
    assert "sample" in FIGURES[name](sample).get_suptitle()
    assert "bundled sample" not in FIGURES[name](run).get_suptitle()


def test_figures_of_the_same_run_are_the_same_bytes(drawn, data_dir, tmp_path):
    run = load_run(drawn, data_dir)
    with visualize_results.rc_context(visualize_results.STYLE):
        visualize_results.save_figure(FIGURES["false_alarms.png"](run), tmp_path / "again.png")
    assert (tmp_path / "again.png").read_bytes() == (drawn / "false_alarms.png").read_bytes()


def test_curve_counts_end_at_all_and_pass_through_the_threshold(drawn, data_dir):
    run = load_run(drawn, data_dir)
    true, false = visualize_results.curve_counts(run)
    assert (true[0], false[0]) == (0, 0)
    assert (true[-1], false[-1]) == (run.evaluation.positives, run.evaluation.negatives)
    result = run.evaluation
    assert (result.true_positives, result.false_positives) in set(
        zip(true.tolist(), false.tolist(), strict=True)
    )
    trapezoids = np.diff(false) * (true[1:] + true[:-1]) / 2
    area = trapezoids.sum() / (result.positives * result.negatives)
    assert area == pytest.approx(result.roc_auc)


def test_units_are_ordered_by_output_weight():
    network = NeuralNetwork((784, 90, 1))
    order, output_weights = visualize_results.units_in_order(network)
    assert len(order) == visualize_results.UNITS_SHOWN
    assert np.all(np.diff(output_weights) <= 0)
    assert output_weights[0] == network.weights[1].max()
    assert output_weights[-1] == network.weights[1].min()


def test_output_weights_of_a_deep_network_are_summed_over_paths():
    network = NeuralNetwork((784, 4, 3, 1))
    order, output_weights = visualize_results.units_in_order(network)
    assert output_weights == pytest.approx((network.weights[1] @ network.weights[2])[order, 0])


def test_what_training_added_is_nothing_before_training(drawn, data_dir):
    run = load_run(drawn, data_dir)
    untrained = NeuralNetwork(run.network.layer_sizes, seed=run.metrics["configuration"]["seed"])
    before = visualize_results.Run(
        run.metrics, untrained, run.dataset, run.probabilities, run.evaluation
    )
    assert not visualize_results.learnt_change(before).any()
    assert visualize_results.learnt_change(run).any()


def test_interrupted_writing_leaves_the_old_figure(drawn, data_dir, tmp_path, monkeypatch):
    path = tmp_path / "figure.png"
    path.write_bytes(b"old")

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(UserError, match="No space left"):
        visualize_results.save_figure(FIGURES["false_alarms.png"](load_run(drawn, data_dir)), path)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_show_without_a_screen_says_so_and_writes(run_dir, data_dir, monkeypatch, capsys):
    monkeypatch.setenv("MPLBACKEND", "agg")
    monkeypatch.setattr(visualize_results, "FIGURES", {"samples.png": FIGURES["samples.png"]})
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    assert draw(data_dir, run_dir, "--show") == 0
    assert "No screen" in capsys.readouterr().out
    assert (run_dir / "samples.png").exists()


# --- the film ---------------------------------------------------------------------------------


def test_film_shows_every_epoch(run_dir, data_dir, monkeypatch):
    assert draw(data_dir, run_dir, "--animate") == 0
    with Image.open(run_dir / FILM_FILE) as film:
        assert film.format == "GIF"
        assert film.n_frames >= 4  # the start and three epochs
    assert not [path for path in run_dir.iterdir() if path.name.endswith(".part")]


def test_history_ends_with_the_weights_of_the_model(trained):
    with np.load(trained / "history.npz") as history:
        last = history["first_weights"][-1]
        assert history["first_weights"].dtype == np.float16
        assert history["first_weights"].shape == (4, 784, 12)
        assert len(history["losses"]) == 3
    weights = NeuralNetwork.load(trained / "model.npz").weights[0]
    assert last == pytest.approx(weights, abs=1e-3)


def test_film_without_history_asks_for_keep_history(run_dir, data_dir):
    (run_dir / "history.npz").unlink()
    assert "--keep-history" in refusal(data_dir, run_dir, "--animate")


def test_history_of_an_earlier_run_is_refused(run_dir, data_dir):
    train(data_dir, run_dir, "--epochs", "1")
    message = refusal(data_dir, run_dir, "--animate")
    assert "different runs" in message
    assert "--keep-history" in message


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut short"])
def test_damaged_history_is_refused(run_dir, data_dir, content):
    (run_dir / "history.npz").write_bytes(content)
    assert "history.npz" in refusal(data_dir, run_dir, "--animate")


def test_history_of_another_shape_is_refused(run_dir, data_dir):
    with np.load(run_dir / "history.npz") as history:
        arrays = dict(history)
    np.savez(run_dir / "history.npz", **arrays | {"losses": arrays["losses"][:2]})
    assert "history of this network" in refusal(data_dir, run_dir, "--animate")


# --- runs that are refused --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["model.npz", "metrics.json"])
def test_missing_file_is_named(run_dir, data_dir, name):
    (run_dir / name).unlink()
    message = refusal(data_dir, run_dir)
    assert name in message
    assert "train_network.py" in message


@pytest.mark.parametrize("name", ["model.npz", "metrics.json"])
@pytest.mark.parametrize("content", [b"", b"rubbish", b"[]", b"[" * 100_000, b"\xff\xfe\x00"])
def test_damaged_file_is_named(run_dir, data_dir, name, content):
    (run_dir / name).write_bytes(content)
    assert name in refusal(data_dir, run_dir)


@pytest.mark.parametrize("name", ["model.npz", "metrics.json"])
def test_truncated_file_is_named(run_dir, data_dir, name):
    path = run_dir / name
    path.write_bytes(path.read_bytes()[:-200])
    assert name in refusal(data_dir, run_dir)


def test_model_of_another_run_is_refused(run_dir, data_dir, tmp_path):
    other = train(data_dir, tmp_path / "other", "--epochs", "1", "--seed", "5")
    shutil.copy(other / "model.npz", run_dir)
    assert "different runs" in refusal(data_dir, run_dir)


def test_network_of_other_inputs_is_refused(run_dir, data_dir):
    NeuralNetwork((10, 3, 1)).save(run_dir / "model.npz")
    assert "10 inputs" in refusal(data_dir, run_dir)


def test_test_images_of_another_run_are_refused(run_dir, data_dir, tmp_path):
    digits = write_digits(tmp_path / "other", seed=3)
    labels = digits / TEST_FILES[1]
    changed = bytearray(gzip.decompress(labels.read_bytes()))
    changed[8] = (changed[8] + 8) % 10  # the first test image is said to be an 8
    labels.write_bytes(gzip.compress(bytes(changed)))
    assert "answers otherwise" in refusal(digits, run_dir)


@pytest.mark.parametrize(
    "place",
    [
        ("dataset",),
        ("configuration",),
        ("configuration", "digit"),
        ("configuration", "test_size"),
        ("configuration", "seed"),
        ("evaluation", "threshold"),
        ("evaluation", "true_positives"),
        ("history",),
        ("history", 1, "loss"),
        ("model_sha256",),
    ],
)
@pytest.mark.parametrize("value", ["missing", "text", None, -1, [], {}, True, 1e999])
def test_metrics_without_a_value_or_with_a_wrong_one_are_refused(run_dir, data_dir, place, value):
    change_metrics(run_dir, *place, value=value, delete=value == "missing")
    assert "metrics.json" in refusal(data_dir, run_dir)


def test_test_images_without_the_digit_are_refused(data_dir, tmp_path):
    run_dir = train(data_dir, tmp_path / "run", "--epochs", "1", "--test-size", "8")
    message = refusal(data_dir, run_dir)
    assert "--test-size" in message


def test_directory_in_a_figures_place_is_refused_before_any_is_written(run_dir, data_dir):
    (run_dir / "samples.png").mkdir()
    assert "samples.png" in refusal(data_dir, run_dir)


# --- on real MNIST ----------------------------------------------------------------------------


@pytest.mark.skipif(not list(DATA_DIR.glob("t10k-images*")), reason="MNIST's files are not there")
def test_figures_of_a_real_run_are_drawn(tmp_path):
    arguments = ["--epochs", "1", "--train-size", "500", "--output-dir", str(tmp_path)]
    assert train_network.main(arguments) == 0
    assert main(["--output-dir", str(tmp_path)]) == 0
    assert all((tmp_path / name).exists() for name in FIGURES)
