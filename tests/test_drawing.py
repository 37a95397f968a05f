"""The network looks at your handwriting: the --image command, and the pad."""

from pathlib import Path

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

import visualize_results
from mnist_loader import find_digits, read_picture
from neural_network import NeuralNetwork
from utils import UserError
from visualize_results import MODEL_FILE, DrawingPad


def drawn(*lines) -> np.ndarray:
    """Dark lines on white paper: uint8 (120, 200)."""
    image = Image.new("L", (200, 120), 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=0, width=10)
    return np.asarray(image)


def saved(directory, picture) -> Path:
    Image.fromarray(picture).save(path := directory / "picture.png")
    return path


# --- the command ------------------------------------------------------------------------------


@pytest.fixture
def network() -> NeuralNetwork:
    """Says yes where there is ink in the upper left quarter of the image, no elsewhere."""
    network = NeuralNetwork((784, 1), weight_scale=0)
    weights = np.zeros((28, 28), np.float32)
    weights[:14, :14] = 1
    network.weights[0][:, 0] = weights.ravel()
    network.biases[0][:] = -5
    network.metadata = {"dataset": "MNIST", "digit": 8}
    return network


@pytest.fixture
def output_dir(tmp_path, network) -> Path:
    (directory := tmp_path / "out").mkdir()
    network.save(directory / MODEL_FILE)
    return directory


def run(output_dir, *arguments) -> int:
    return visualize_results.main(["--output-dir", str(output_dir), *map(str, arguments)])


def test_each_digit_has_a_line_and_each_picture_a_figure(tmp_path, output_dir, capsys):
    first = saved(tmp_path, drawn([(40, 20), (60, 100)], [(140, 20), (120, 100)]))
    (tmp_path / "other").mkdir()
    second = saved(tmp_path / "other", drawn([(40, 20), (60, 100)]))
    assert run(output_dir, "--image", first, second) == 0
    said = capsys.readouterr().out
    for line in (f"{first}: digit 1 of 2: ", f"{first}: digit 2 of 2: ", f"{second}: digit 1 of 1"):
        assert line in said
    for name in ("picture_recognised.png", "picture_recognised_2.png"):
        with Image.open(output_dir / name) as figure:
            assert min(figure.size) > 300


def test_foreign_network_is_refused(output_dir):
    NeuralNetwork((9, 1)).save(output_dir / MODEL_FILE)
    with pytest.raises(UserError, match="9 inputs"):
        run(output_dir, "--image", "any.png")


def test_drawing_without_a_screen_is_refused_in_a_line(output_dir, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    pytest.importorskip("matplotlib.pyplot").switch_backend("agg")
    with pytest.raises(UserError, match="needs a screen"):
        run(output_dir, "--draw")


# --- the pad ----------------------------------------------------------------------------------


class Mouse:
    """Sends a pad the events that a mouse and a keyboard make; places are the drawing's pixels."""

    def __init__(self, pad: DrawingPad):
        self.pad = pad
        self.canvas = pad.axes.figure.canvas

    def _send(self, name, place, button=None):
        x, y = self.pad.axes.transData.transform(place)
        self.canvas.callbacks.process(name, MouseEvent(name, self.canvas, x, y, button))

    def press(self, place, button=MouseButton.LEFT):
        self._send("button_press_event", place, button)

    def move(self, *places):
        for place in places:
            self._send("motion_notify_event", place)

    def release(self, place, button=MouseButton.LEFT):
        self._send("button_release_event", place, button)

    def stroke(self, first, *rest, button=MouseButton.LEFT):
        self.press(first, button)
        self.move(*rest)
        self.release((first, *rest)[-1], button)

    def key(self, key):
        self.canvas.callbacks.process(
            "key_press_event", KeyEvent("key_press_event", self.canvas, key)
        )


@pytest.fixture
def pad(network, output_dir) -> DrawingPad:
    figure = Figure((8, 6))
    pad = DrawingPad(FigureCanvasAgg(figure).figure, network, output_dir)
    figure.canvas.draw()
    return pad


@pytest.fixture
def mouse(pad) -> Mouse:
    return Mouse(pad)


def test_score_follows_the_stroke(pad, mouse):
    mouse.press((100, 60))
    mouse.move((100, 140))
    early = pad.scores.copy()
    mouse.move((100, 220), (200, 220))
    assert len(early) == len(pad.scores) == 1
    assert early != pad.scores


def test_fast_stroke_has_no_gaps(pad, mouse):
    mouse.stroke((40, 140), (240, 140))
    assert not pad.drawing[140, 40:241].any()


def test_click_leaves_a_dot(pad, mouse):
    mouse.stroke((100, 100))
    rows, columns = np.nonzero(pad.drawing == 0)
    assert np.ptp(rows) == pytest.approx(visualize_results.PEN_WIDTH, abs=2)
    assert np.ptp(columns) == pytest.approx(visualize_results.PEN_WIDTH, abs=2)


def test_moving_without_pressing_draws_nothing(pad, mouse):
    mouse.stroke((40, 40), (60, 60))
    before = pad.drawing
    mouse.move((200, 200), (220, 250))
    np.testing.assert_array_equal(pad.drawing, before)


@pytest.mark.parametrize("button", [MouseButton.RIGHT, MouseButton.MIDDLE])
def test_only_the_left_button_draws(pad, mouse, button):
    mouse.stroke((40, 40), (200, 200), button=button)
    assert pad.drawing.all()


def test_stroke_may_leave_the_pad_and_come_back(pad, mouse):
    mouse.stroke((100, 140), (-60, 140), (-60, 200), (100, 200))
    assert not pad.drawing[140, :100].any()
    assert not pad.drawing[200, :100].any()
    assert pad.drawing[170, 0] == 255


def test_press_beside_the_pad_does_not_draw(pad, mouse):
    mouse.stroke((-30, 100), (150, 100))
    assert pad.drawing.all()


def test_resized_window_draws_where_the_mouse_is(pad, mouse):
    pad.axes.figure.set_size_inches(5, 7)
    pad.axes.figure.canvas.draw()
    mouse.stroke((140, 50), (140, 230))
    assert not pad.drawing[50:231, 140].any()


def test_key_clears(pad, mouse):
    mouse.stroke((100, 60), (100, 220))
    mouse.key("c")
    assert pad.drawing.all()
    assert len(pad.found) == 0


def test_screen_shows_the_stroke_at_once(pad, mouse):
    canvas = pad.axes.figure.canvas
    before = np.array(canvas.buffer_rgba())
    mouse.press((100, 60))
    mouse.move((100, 220))
    assert (np.array(canvas.buffer_rgba()) != before).any()


def test_saved_drawing_is_read_back_with_the_same_score(pad, mouse, output_dir, network):
    mouse.stroke((100, 60), (80, 200), (180, 220))
    mouse.key("s")
    (again,) = find_digits(read_picture(output_dir / "drawing.png"))
    np.testing.assert_array_equal(network.predict_proba(again.image[np.newaxis]), pad.scores)


def test_saving_again_keeps_the_first_drawing(pad, mouse, output_dir):
    mouse.stroke((100, 60), (80, 200))
    mouse.key("s")
    mouse.stroke((80, 200), (180, 220))
    mouse.key("s")
    first, second = (output_dir / name for name in ("drawing.png", "drawing_2.png"))
    assert first.read_bytes() != second.read_bytes()


def test_empty_drawing_is_not_saved(mouse, output_dir):
    mouse.key("s")
    assert [path.name for path in output_dir.iterdir()] == [MODEL_FILE]


def test_failed_save_is_said_on_the_pad(pad, mouse, tmp_path):
    pad.output_dir = tmp_path / "gone"
    mouse.stroke((100, 60), (80, 200))
    mouse.key("s")
    assert "cannot write" in pad.verdict
