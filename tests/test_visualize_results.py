"""Figures say what the run holds, read back from their artists; film, pictures, pad, refusals."""

from __future__ import annotations

import json
import shutil
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from made_data import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, write_idx
from matplotlib.axis import Tick
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageDraw

import mnist_loader
import train_network
import visualize_results
from neural_network import NeuralNetwork
from utils import Language, UserError, connected_components
from visualize_results import FIGURES, DrawingPad, Reader, draw_figure, main


def train(data_dir: Path, output_dir: Path, *options: str) -> Path:
    sizes = ["--train-size", "300", "--test-size", "100", "--learning-rate", "0.1"]
    paths = ["--data-dir", str(data_dir), "--output-dir", str(output_dir)]
    assert train_network.main([*sizes, *paths, *options]) == 0
    return output_dir


@pytest.fixture(autouse=True)
def style():
    with visualize_results.plt.rc_context(visualize_results.STYLE):
        yield


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """Digits that a network learns at once, blots at places of their own; every third is another,
    so that there are mistakes of both kinds to draw.
    """
    directory, rng = tmp_path_factory.mktemp("digits"), np.random.default_rng(0)
    for images_name, labels_name, n in (
        (TRAIN_IMAGES, TRAIN_LABELS, 300),
        (TEST_IMAGES, TEST_LABELS, 200),
    ):
        labels = (np.arange(n) % 10).astype(np.uint8)
        drawn = labels.copy()
        if n == 200:
            drawn[::3] = rng.permutation(drawn[::3])
        images = np.zeros((n, 28, 28), np.uint8)
        for image, digit in zip(images, drawn, strict=True):
            top, left = 2 + 4 * (digit // 2) + rng.integers(3), 4 + 10 * (digit % 2)
            image[top : top + 7, left : left + 6] = rng.integers(60, 256, (7, 6))
        write_idx(directory / images_name, images)
        write_idx(directory / labels_name, labels)
    return directory


RUNS = {
    "usual": ("--epochs", "3", "--hidden", "12"),
    "deep": ("--epochs", "1", "--hidden", "70", "5", "--digit", "3"),
    "collapsed": ("--epochs", "1", "--hidden", "4", "--learning-rate", "500"),
}


@pytest.fixture(scope="module")
def run_dirs(data_dir, tmp_path_factory):
    parent = tmp_path_factory.mktemp("runs")
    return {name: train(data_dir, parent / name, *options) for name, options in RUNS.items()}


@pytest.fixture(scope="module")
def runs(data_dir, run_dirs):
    return {name: visualize_results.read_run(path, data_dir) for name, path in run_dirs.items()}


@pytest.fixture
def run(runs):
    return runs["usual"]


@pytest.fixture
def run_dir(run_dirs, tmp_path):
    """A copy of the run, to write to."""
    return Path(shutil.copytree(run_dirs["usual"], tmp_path / "run"))


@pytest.fixture
def draw(data_dir, run_dir):
    return lambda *options: main(
        ["--data-dir", str(data_dir), "--output-dir", str(run_dir), *map(str, options)]
    )


def axes_of(figure: Figure, title: str):
    (axes,) = (axes for axes in figure.axes if title in axes.get_title(loc="left"))
    return axes


def line(axes, label: str) -> np.ndarray:
    (found,) = (line for line in axes.lines if label in str(line.get_label()))
    return np.array(found.get_xydata())


def images_in(axes) -> np.ndarray:
    """The images of a gallery, and those beside other panels, in their order."""
    shown = [inset.images[0].get_array() for inset in axes.child_axes if inset.images]
    return np.array(shown).reshape(-1, 784)


def ticks(axis) -> list[str]:
    return [label.get_text() for label in axis.get_ticklabels()]


# --- what the panels show ---------------------------------------------------------------------


def test_learning_curves_are_the_history(run):
    figure = draw_figure("learning_curves", run, Language())
    epochs = [1, 2, 3]
    for title, label, name in (
        ("Loss", "training", "loss"),
        ("Loss", "test", "test_loss"),
        ("answered rightly", "accuracy", "test_accuracy"),
        ("answered rightly", "recall", "test_recall"),
    ):
        expected = np.column_stack([epochs, [row[name] for row in run.history]])
        np.testing.assert_allclose(line(axes_of(figure, title), label), expected)
    for axes in figure.axes:
        figure.draw_without_rendering()
        assert [tick for tick in ticks(axes.xaxis) if not tick.isdigit()] == []
        for text, drawn in zip(axes.get_legend().texts, axes.get_lines(), strict=True):
            assert text.get_color() == drawn.get_color()


def test_confusion_counts_stand_at_their_labels(run):
    axes = axes_of(draw_figure("report", run, Language()), "Answers at threshold")
    texts = {text.get_position()[:2]: text.get_text() for text in axes.texts}
    result = run.evaluation
    counts = {
        ("8s", 'answered "8"'): result.true_positives,
        ("8s", "answered no"): result.false_negatives,
        ("others", 'answered "8"'): result.false_positives,
        ("others", "answered no"): result.true_negatives,
    }
    assert len(set(counts.values())) == 4
    for (row, column), expected in counts.items():
        x = ticks(axes.xaxis).index(column)
        (y,) = (y for y, label in enumerate(ticks(axes.yaxis)) if label.startswith(row))
        assert texts[x, y] == str(expected)
        whole = result.positives if row == "8s" else result.negatives
        assert texts[x, y + 0.06].startswith(f"{expected / whole:.2%}")


@pytest.mark.parametrize("name", RUNS)
def test_threshold_curves_have_the_axes_they_name(runs, name):
    run = runs[name]
    figure = draw_figure("threshold_curves", run, Language())
    scores, own = run.probabilities, run.is_digit
    recall = [np.mean(scores[own] >= t) for t in np.unique(scores)[::-1]]
    alarms = [np.mean(scores[~own] >= t) for t in np.unique(scores)[::-1]]
    precision = [np.mean(own[scores >= t]) for t in np.unique(scores)[::-1]]
    roc, curve = axes_of(figure, "ROC"), axes_of(figure, "Precision and recall")
    assert f"AUC) {run.evaluation.roc_auc:.4f}" in roc.get_title(loc="left")
    for axes, x, y, xlabel, ylabel in (
        (roc, [0, *alarms], [0, *recall], "false alarms", "recall"),
        (curve, recall, precision, "recall", "precision"),
    ):
        np.testing.assert_allclose(axes.lines[0].get_xydata(), np.column_stack([x, y]), atol=1e-6)
        assert xlabel in axes.get_xlabel()
        assert ylabel in axes.get_ylabel()
    result = run.evaluation
    point = result.false_positives / result.negatives, result.recall
    np.testing.assert_allclose(line(roc, "threshold")[0], point)
    np.testing.assert_allclose(line(curve, "threshold")[0], (result.recall, result.precision))


def test_score_histogram_counts_each_group(run):
    figure = draw_figure("threshold_curves", run, Language())
    axes = axes_of(figure, "How many images")
    legend = axes.get_legend()
    shown = {
        text.get_text(): h for text, h in zip(legend.texts, legend.legend_handles, strict=True)
    }
    groups = ("8s", run.is_digit), ("others", ~run.is_digit)
    for bars, (name, group) in zip(axes.containers, groups, strict=True):
        expected = np.histogram(run.probabilities[group], visualize_results.SCORE_BINS)[0]
        np.testing.assert_array_equal([bar.get_height() for bar in bars], expected)
        yes = int(np.sum(run.answers[group]))
        label = f'{name}: {yes} answered "8", {group.sum() - yes} no'
        assert bars[0].get_facecolor() == shown[label].get_facecolor()
    figure.draw_without_rendering()
    assert {"1", "10"} <= set(ticks(axes.yaxis))


@pytest.mark.parametrize("name", ["mistakes", "report"])
def test_galleries_hold_the_surest_mistakes_first(run, name):
    figure = draw_figure(name, run, Language())
    test, shown = run.dataset.test, 16 if name == "mistakes" else 10
    for title, own, sign in ("missed 8", True, 1), ("false alarm", False, -1):
        axes = axes_of(figure, title)
        wrong = np.flatnonzero((run.is_digit == own) & (run.answers != own))
        rows = wrong[np.argsort(sign * run.probabilities[wrong], kind="stable")][:shown]
        np.testing.assert_array_equal(images_in(axes), test.images[rows])
        captions = [f"{test.digits[row]}: {run.probabilities[row]:.3f}" for row in rows]
        assert [inset.get_xlabel() for inset in axes.child_axes] == captions


@pytest.mark.parametrize(
    ("wrong", "title"),
    [
        (0, "0 missed 8s"),
        (1, "1 missed 8"),
        (3, "3 missed 8s"),
        (19, "19 missed 8s, the 16 surest"),
    ],
)
def test_gallery_title_counts_rightly(run, wrong, title):
    digits = np.array([8] * 20 + [1], np.uint8)
    images = np.zeros((21, 784), np.float32)
    other = train_network.Run(
        run.network, run.dataset._replace(test=mnist_loader.Split(images, digits))
    )
    other.__dict__["probabilities"] = np.array([0.0] * wrong + [1.0] * (20 - wrong) + [0.0])
    figure = draw_figure("mistakes", other, Language())
    assert figure.axes[0].get_title(loc="left") == title


def test_claims_are_differences_with_intervals_beside_their_rates(run):
    figure = draw_figure("error_analysis", run, Language())
    axes, examples = axes_of(figure, "Is the network wrong"), axes_of(figure, "First mistakes")
    drawn = {}
    for container in axes.containers:
        points, _, (bars,) = container.lines
        for (x, y), segment in zip(points.get_xydata(), bars.get_segments(), strict=True):
            drawn[round(y)] = (x, *np.reshape(segment, (-1, 2))[:, 0]), container.get_label()
    assert any(set(found.get_xdata()) == {0} for found in axes.lines)
    for row, claim in enumerate(run.claims):
        (values, verdict), label = drawn[row], ticks(axes.yaxis)[row].replace("\n", " ")
        np.testing.assert_allclose(values, 100 * np.array([claim.difference, *claim.interval]))
        assert verdict == claim.verdict
        for words, rate in ("wrong", claim.affected), ("of the others", claim.rest):
            assert f"{words}: {rate.share:.2%} ({rate.count} of {rate.total})" in label
        strip = np.asarray(examples.child_axes[row].images[0].get_array())
        first = run.dataset.test.images[list(claim.wrong[:5])].reshape(-1, 28, 28)
        np.testing.assert_array_equal(
            strip[:, : 28 * len(first)], np.hstack([strip[:, :0], *first])
        )


def test_false_alarms_are_sorted_dots_and_zero_is_one(run):
    axes = axes_of(draw_figure("error_analysis", run, Language()), "False alarms")
    rates = run.false_alarms()
    order = sorted(rates, key=lambda other: -rates[other].share)
    assert [label.split(":")[0] for label in ticks(axes.yaxis)] == list(map(str, order))
    points, _, bars = axes.containers[0].lines
    for (x, y), segment, other in zip(
        points.get_xydata(), bars[0].get_segments(), order, strict=True
    ):
        assert x == rates[other].share
        assert ticks(axes.yaxis)[round(y)].endswith(
            f"({rates[other].count} of {rates[other].total})"
        )
        np.testing.assert_allclose(segment[:, 0], rates[other].interval)
    assert points.get_xdata()[-1] == 0


@pytest.mark.parametrize("name", ["usual", "deep"])
def test_hidden_units_show_what_training_added(runs, name):
    run, weights = runs[name], runs[name].network.weights
    figure = draw_figure("hidden_units", run, Language())
    output = np.linalg.multi_dot([*weights[1:], [1]]) if len(weights) > 2 else weights[1][:, 0]
    change = weights[0] - train_network.fresh_network(run.settings).weights[0]
    for title, sign in (f"for {run.settings.digit}", 1), (f"against {run.settings.digit}", -1):
        axes = axes_of(figure, title)
        units = [u for u in np.argsort(-sign * output, kind="stable") if sign * output[u] > 0][:16]
        shown = images_in(axes) * visualize_results.full_colour(run)
        np.testing.assert_allclose(shown, change[:, units].T, atol=1e-6)
        assert [a.get_xlabel() for a in axes.child_axes] == [f"{output[u]:+.2f}" for u in units]


def test_samples_are_the_first_of_each_digit_with_their_number(run):
    axes, deformed = draw_figure("samples", run, Language()).axes
    train_split = run.dataset.train
    sheet = axes.images[0].get_array().reshape(10, 28, -1, 28).swapaxes(1, 2)
    for digit in range(10):
        first = train_split.images[train_split.digits == digit][: sheet.shape[1]]
        np.testing.assert_array_equal(sheet[digit].reshape(-1, 784)[: len(first)], first)
        assert ticks(axes.yaxis)[digit] == f"{digit}  (30)"
    first, *copies = deformed.images[0].get_array().reshape(4, 28, 10, 28).swapaxes(1, 2)
    np.testing.assert_array_equal(first, sheet[:, 0])
    assert all(np.abs(copy - first).mean() > 0.01 for copy in copies)


def test_study_shows_each_difference_with_its_interval_in_the_colour_of_its_verdict(
    tmp_path, monkeypatch
):
    monkeypatch.setattr(train_network, "STUDY", ("", "--hidden 9", "--epochs 2"))
    f1 = {
        "": [0.5] * 5,
        "--hidden 9": [0.5, 0.6, 0.4, 0.5, 0.5],
        "--epochs 2": [0.2, 0.3] * 2 + [0.2],
    }
    rest = dict.fromkeys(("recall", "precision", "false_positives", "false_negatives"), 1)
    runs = {
        f"{name} --seed {seed}": {"f1": value, **rest}
        for name, values in f1.items()
        for seed, value in enumerate(values)
    }
    about = {"settings": {"digit": 8}, "dataset": "MNIST"}
    path = tmp_path / "study.json"
    path.write_text(json.dumps({"about": about, "runs": runs}))
    figure = visualize_results.draw_study(path, Language())
    assert "0 are better, 1 worse" in figure.get_suptitle().replace("\n", " ")
    (axes,) = figure.axes
    told = dict(zip(ticks(axes.yaxis), range(2), strict=True))
    assert told == {"--hidden 9\nF1 50.00%": 0, "--epochs 2\nF1 24.00%": 1}
    found = {bars.get_label(): bars for bars in axes.containers}
    for verdict, row, difference in ("no measurable effect", 0, 0), ("worse", 1, -26):
        line, _, (bar,) = found[verdict]
        np.testing.assert_allclose(line.get_xydata(), [[difference, row]], atol=1e-9)
        gain = np.subtract(f1[list(f1)[row + 1]], 0.5)
        reach = 100 * 2.776445 * gain.std(ddof=1) / 5**0.5
        ends = [difference - reach, difference + reach]
        np.testing.assert_allclose(bar.get_segments()[0][:, 0], ends, atol=1e-6)


# --- titles, footers, languages, what does not fit --------------------------------------------


@pytest.mark.parametrize(("run_name", "language"), [("usual", "ru"), ("deep", "en")])
@pytest.mark.parametrize("name", FIGURES)
def test_nothing_is_cut_off_and_no_title_overlaps(runs, name, run_name, language):
    figure = draw_figure(name, runs[run_name], Language(language))
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    width, height = canvas.get_width_height()
    of_ticks = {label for tick in figure.findobj(Tick) for label in (tick.label1, tick.label2)}
    titles = []
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_text()):
        box = text.get_window_extent()
        if text.get_visible() and text not in of_ticks:
            assert -1 <= box.x0 <= box.x1 <= width + 1, text
            assert -1 <= box.y0 <= box.y1 <= height + 1, text
        if text in figure.texts or text.get_text() in {
            axes.get_title(loc="left") for axes in figure.axes
        }:
            titles.append(box)
    assert len(titles) >= 2
    assert not any(a.overlaps(b) for i, a in enumerate(titles) for b in titles[:i])


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_says_what_it_is_about(runs, name):
    figure = draw_figure(name, runs["deep"], Language())
    footer = figure.get_supxlabel()
    for words in "300 training and 100 test images", "784-70-5-1", "seed 0", "1 epoch":
        assert words in footer
    assert "epochs" not in footer + figure.get_suptitle()
    collapsed = draw_figure(name, runs["collapsed"], Language()).get_suptitle()
    assert "answers no to everything" in collapsed or "answers yes to everything" in collapsed


@pytest.mark.parametrize("name", FIGURES)
def test_title_says_when_the_data_was_the_sample(run, name):
    sample = train_network.Run(run.network, run.dataset._replace(name="sample"))
    assert "not MNIST" in draw_figure(name, sample, Language()).get_suptitle()
    assert "not MNIST" not in draw_figure(name, run, Language()).get_suptitle()


@pytest.mark.parametrize("name", FIGURES)
def test_russian_figure_has_no_english_line(runs, name):
    figure = draw_figure(name, runs["deep"], Language("ru"))
    of_the_field = {"roc", "auc", "mse", "accuracy", "precision", "recall", "seed"}
    allowed = of_the_field | {"digits", "n", "a", "augment"}  # the data set, symbols, an option
    for text in figure.findobj(Text):
        words = {
            w.lower() for w in "".join(c if c.isalpha() else " " for c in text.get_text()).split()
        }
        assert not {word for word in words if word.isascii()} - allowed, text


# --- the command ------------------------------------------------------------------------------


def test_figures_and_format_choose_what_is_written(draw, run_dir, capsys):
    before = set(run_dir.iterdir())
    assert draw("--figures", "samples", "report", "--format", "svg", "--lang", "ru") == 0
    assert {path.name for path in set(run_dir.iterdir()) - before} == {"samples.svg", "report.svg"}
    assert "<svg" in (run_dir / "report.svg").read_text()
    assert "Записано: " in capsys.readouterr().out
    assert draw("--figures", "mistakes", "--format", "pdf") == 0
    assert (run_dir / "mistakes.pdf").read_bytes().startswith(b"%PDF")


def test_the_same_figure_has_the_same_bytes(draw, run_dir):
    contents = []
    for _ in range(2):
        assert draw("--figures", "samples") == 0
        contents.append((run_dir / "samples.png").read_bytes())
    assert contents[0] == contents[1]


def test_all_figures_are_drawn_and_the_errors_are_of_all_test_images(draw, run_dir, monkeypatch):
    drawn = {}
    monkeypatch.setattr(
        visualize_results, "save_figure", lambda figure, path: drawn.update({path.stem: figure})
    )
    assert draw() == 0
    assert tuple(drawn) == FIGURES == train_network.FIGURES
    assert "all 200 test images" in drawn["error_analysis"].get_suptitle()
    assert "100 test images" in drawn["report"].get_supxlabel()


def test_show_without_a_screen_says_so_and_writes(draw, run_dir, capsys):
    with pytest.raises(UserError, match="no screen"):
        draw("--show", "--figures", "report", "samples")
    assert "samples.png" in capsys.readouterr().out
    with Image.open(run_dir / "samples.png") as picture:
        assert min(picture.size) > 700


def test_film_replays_the_training(draw, run_dir, run, monkeypatch):
    shown, picture_of = [], visualize_results.picture_of

    def watched(figure: Figure) -> Image.Image:
        shown.append(images_in(figure.axes[0]))
        return picture_of(figure)

    monkeypatch.setattr(visualize_results, "picture_of", watched)
    assert draw("--animate") == 0
    with Image.open(run_dir / visualize_results.FILM_FILE) as film:
        assert (film.format, film.n_frames) == ("GIF", 4)  # the start and three epochs
    assert not shown[0].any()
    last = images_in(axes_of(draw_figure("hidden_units", run, Language()), "for 8"))
    np.testing.assert_allclose(shown[-1], last, atol=1e-6)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--figures", "portrait"), "invalid choice"),
        (("--format", "bmp"), "invalid choice"),
        (("--show", "--draw"), "not allowed with"),
        (("--draw",), "no screen"),
        (("--figures", "samples", "--animate"), "no meaning with"),
    ],
)
def test_options_are_refused_in_a_line(draw, options, words):
    with pytest.raises(UserError, match=words) as error:
        draw(*options)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [None, b"", b"rubbish", b"PK\x03\x04 cut short"])
def test_missing_or_damaged_model_is_refused(draw, run_dir, content):
    (run_dir / "model.npz").unlink()
    if content is not None:
        (run_dir / "model.npz").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.npz"):
        draw()


def test_run_whose_test_images_lack_the_digit_is_refused(data_dir, tmp_path):
    train(data_dir, tmp_path, "--epochs", "1", "--test-size", "3")
    with pytest.raises(UserError, match="--test-size"):
        main(["--data-dir", str(data_dir), "--output-dir", str(tmp_path)])


def test_directory_in_a_figures_place_is_refused_before_any_is_written(draw, run_dir):
    (run_dir / "samples.png").mkdir()
    with pytest.raises(UserError, match=r"samples\.png"):
        draw()
    assert not (run_dir / "report.png").exists()


def test_failed_write_leaves_the_old_figure(draw, run_dir, monkeypatch):
    (run_dir / "samples.png").write_bytes(b"old")
    monkeypatch.setattr(Image.Image, "save", partial(raising, OSError(28, "No space left")))
    with pytest.raises(UserError, match="No space left"):
        draw("--figures", "samples")
    assert (run_dir / "samples.png").read_bytes() == b"old"


def raising(error: Exception, *_: object, **__: object) -> None:
    raise error


# --- your own handwriting ---------------------------------------------------------------------


@pytest.fixture
def eight(tmp_path):
    """A picture of two thick loops, one above the other."""
    image = Image.new("L", (200, 200), 255)
    for box in (70, 30, 130, 100), (62, 90, 138, 175):
        ImageDraw.Draw(image).ellipse(box, outline=0, width=14)
    image.save(tmp_path / "eight.png")
    return tmp_path / "eight.png"


def test_pictures_that_fail_are_told_and_the_others_go_on(draw, run_dir, eight, tmp_path, capsys):
    bad, blank, dash = (tmp_path / f"{name}.png" for name in ("bad", "blank", "dash"))
    bad.write_bytes(b"no picture")
    Image.new("L", (50, 50), 255).save(blank)
    Image.fromarray(np.pad(np.zeros((9, 40), np.uint8), 60, constant_values=255)).save(dash)
    assert draw("--image", bad, blank, dash, eight, eight) == 2
    said = capsys.readouterr()
    told = said.err.splitlines()
    assert len(told) == 3
    assert told[0].startswith(f"{bad} is no picture")
    assert told[1].startswith(f"{blank}: no digit made out. Write larger")
    assert told[2] == f"{dash}: no digit made out. Left out: dash: 1"
    assert f"{eight}: digit 1 of 1: " in said.out
    assert "Network 784-12-1, trained on digits0" in said.out
    assert (run_dir / "eight_recognised.png").exists()
    assert (run_dir / "eight_recognised_2.png").exists()
    assert draw("--image", dash, "--lang", "ru") == 2
    assert capsys.readouterr().err == f"{dash}: цифр не найдено. Не разобрано: чёрточка: 1\n"


def test_network_is_the_best_unless_one_is_named(run_dirs, eight, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(visualize_results, "OUTPUT_DIR", tmp_path / "out")
    shutil.copytree(run_dirs["usual"], tmp_path / "out")
    for layers, named in ("784-12-1", ()), ("784-70-5-1", ()), ("784-12-1", ("--output-dir",)):
        if layers == "784-70-5-1":
            shutil.copytree(run_dirs["deep"], tmp_path / "out" / "best")
        options = [*named, str(run_dirs["usual"])] if named else []
        assert main(["--image", str(eight), *options]) == 0
        assert f"Network {layers}," in capsys.readouterr().out


def test_network_of_other_images_is_refused(draw, run_dir, eight):
    NeuralNetwork((9, 1)).save(run_dir / visualize_results.MODEL_FILE)
    with pytest.raises(UserError, match="takes no images"):
        draw("--image", eight)


def test_picture_figure_shows_each_digit_why_and_what_was_left_out(run, monkeypatch):
    reader = Reader(run.network)
    images, picture = run.dataset.test.images, np.full((220, 220), 255, np.uint8)
    boxes = [
        (20 * (n % 10), 30 * (n // 10), 20 * (n % 10) + 9, 30 * (n // 10) + 9) for n in range(70)
    ]
    digits = [mnist_loader.FoundDigit(box, images[n]) for n, box in enumerate(boxes)]
    found = mnist_loader.FoundDigits(digits, {"too small": 3})
    monkeypatch.setattr(visualize_results, "find_digits", lambda _: found)
    figure = visualize_results.draw_recognised(reader, picture, reader.read(picture))
    title = figure.get_suptitle()
    yes = int(run.answers[:70].sum())
    for words in f"Digits found: 70; taken for 8: {yes}", "first 60", "Left out: too small: 3":
        assert words in title
    picture, pairs = figure.axes
    shown = images_in(pairs)
    assert len(shown) == 120
    np.testing.assert_array_equal(shown[::2], images[:60])
    effects = run.network.input_gradient(images[:60]) * images[:60]
    largest = np.abs(effects).max(axis=1, keepdims=True)
    np.testing.assert_allclose(shown[1::2], effects / largest, rtol=1e-5)
    assert pairs.child_axes[3].get_xlabel() == f"{run.probabilities[1]:.3f}"
    figure.draw_without_rendering()
    tags = [text.get_window_extent() for text in picture.texts]
    assert [text.get_text() for text in picture.texts] == [str(n) for n in range(1, 71)]
    assert not any(a.overlaps(b) for i, a in enumerate(tags) for b in tags[:i])


@pytest.fixture
def pad(run, tmp_path):
    figure = FigureCanvasAgg(Figure((8.4, 6))).figure
    pad = DrawingPad(figure, Reader(run.network), tmp_path)
    figure.canvas.draw()
    return pad


def mouse(pad: DrawingPad, axes, *places, button=MouseButton.LEFT) -> None:
    """Press, move and release a button, at places of the axes."""
    names = ["button_press_event", *["motion_notify_event"] * len(places), "button_release_event"]
    for name, place in zip(names, [places[0], *places, places[-1]], strict=True):
        x, y = axes.transData.transform(place)
        event = MouseEvent(name, pad.figure.canvas, x, y, button)
        pad.figure.canvas.callbacks.process(name, event)


def ask(pad: DrawingPad, way: str, name: str) -> None:
    if way == "button":
        return mouse(pad, pad.buttons[name].ax, (0.5, 0.5))
    event = KeyEvent("key_press_event", pad.figure.canvas, way)
    return pad.figure.canvas.callbacks.process("key_press_event", event)


@pytest.mark.parametrize("ways", ["csq", "CSQ", "сый", "СЫЙ", ["button"] * 3])
def test_pad_draws_saves_clears_and_closes_by_keys_and_buttons(pad, tmp_path, monkeypatch, ways):
    import matplotlib.pyplot as plt

    closed = []
    monkeypatch.setattr(plt, "close", closed.append)
    before = np.array(pad.figure.canvas.buffer_rgba())
    mouse(pad, pad.axes, (60, 80), (120, 200), (200, 80))
    pad.figure.canvas.draw()
    assert (np.array(pad.figure.canvas.buffer_rgba()) != before).any()
    assert pad.verdict.endswith(f"({pad.reading.scores[0]:.2f})")
    x = mnist_loader.find_digits(pad.drawing)[0].image[np.newaxis]
    effects = pad.reader.network.input_gradient(x) * x
    shown, seen, why = (image.get_array() for image in pad.images)
    np.testing.assert_array_equal(shown, pad.drawing)
    np.testing.assert_array_equal(seen.reshape(1, -1), x)
    np.testing.assert_allclose(why.reshape(1, -1), effects / np.abs(effects).max())
    clear, save, quit_ = ways
    ask(pad, save, "save")
    assert pad.verdict == "Saved as drawing.png"
    picture = mnist_loader.read_picture(tmp_path / "drawing.png")
    np.testing.assert_array_equal(mnist_loader.find_digits(picture)[0].image, x[0])
    ask(pad, clear, "clear")
    assert pad.drawing.all()
    assert not pad.images[2].get_array().any()
    assert not closed
    ask(pad, quit_, "close")
    assert closed == [pad.figure]


@pytest.mark.parametrize(
    ("places", "box", "lines"),  # left, top, right, bottom of the ink
    [
        pytest.param([(40, 140), (240, 140)], (30, 130, 251, 151), 1, id="fast"),
        pytest.param([(100, 100)], (90, 90, 111, 111), 1, id="click"),
        pytest.param(
            [(100, 140), (-60, 140), (-60, 200), (100, 200)], (0, 130, 111, 211), 2, id="beyond"
        ),
        pytest.param([(-30, 100), (150, 100)], None, 0, id="begun beside the pad"),
    ],
)
def test_ink_lies_where_the_left_button_was_down(pad, places, box, lines):
    for button in MouseButton.RIGHT, MouseButton.MIDDLE:
        mouse(pad, pad.axes, *places, button=button)
        assert pad.drawing.all()
    pad.figure.set_size_inches(5, 7)  # a window that was resized
    pad.figure.canvas.draw()
    mouse(pad, pad.axes, *places)
    drawing = pad.drawing
    event = MouseEvent("motion_notify_event", pad.figure.canvas, 200, 300)
    pad.figure.canvas.callbacks.process("motion_notify_event", event)
    np.testing.assert_array_equal(pad.drawing, drawing)  # it moves, and no button is down
    assert connected_components(drawing == 0).max() == lines
    if lines:
        rows, columns = np.nonzero(drawing == 0)
        ends = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        np.testing.assert_allclose(ends, box, atol=2)


def test_pad_keeps_saved_drawings_and_says_what_it_cannot_save(pad, tmp_path):
    ask(pad, "s", "save")
    assert (pad.verdict[:15], list(tmp_path.iterdir())) == ("Nothing to save", [])
    for places in ((100, 60), (80, 200)), ((80, 200), (180, 220)):
        mouse(pad, pad.axes, *places)
        ask(pad, "s", "save")
    first, second = (tmp_path / name for name in ("drawing.png", "drawing_2.png"))
    assert first.read_bytes() != second.read_bytes()
    pad.output_dir = tmp_path / "gone"
    ask(pad, "s", "save")
    assert "cannot write" in pad.verdict


def test_pad_and_pictures_speak_russian(run, tmp_path):
    figure = FigureCanvasAgg(Figure((8.4, 6))).figure
    pad = DrawingPad(figure, Reader(run.network, "ru"), tmp_path)
    labels = [button.label.get_text() for button in pad.buttons.values()]
    assert labels == ["Стереть (c)", "Сохранить (s)", "Закрыть (q)"]
    assert "Нарисуйте" in figure.get_suptitle()
