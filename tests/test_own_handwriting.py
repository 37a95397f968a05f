"""Your own handwriting: pictures become MNIST's form, and the pad follows the mouse."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent, MouseButton, MouseEvent
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image, ImageDraw

import visualize_results
from mnist_loader import (
    DATA_DIR,
    WORKING_SIDE,
    DatasetError,
    PictureError,
    find_digits,
    label_components,
    load_dataset,
    otsu_threshold,
    read_picture,
    to_mnist_form,
)
from neural_network import SGD, NeuralNetwork
from utils import UserError
from visualize_results import MODEL_FILE, DrawingPad

# --- helpers ----------------------------------------------------------------------------------


def drawn(size=(120, 100), lines=(((30, 20), (70, 100)),), width=10) -> np.ndarray:
    """Dark lines on white paper: uint8 (height, width) of a size (width, height)."""
    image = Image.new("L", size, 255)
    for line in lines:
        ImageDraw.Draw(image).line(line, fill=0, width=width)
    return np.asarray(image)


def loop_eight(side=200, pen=14) -> np.ndarray:
    image = Image.new("L", (side, side), 255)
    pencil = ImageDraw.Draw(image)
    pencil.ellipse((70, 30, 130, 100), outline=0, width=pen)
    pencil.ellipse((62, 90, 138, 175), outline=0, width=pen)
    return np.asarray(image)


def saved(tmp_path, picture, name="picture.png", **options) -> Path:
    path = tmp_path / name
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    image.save(path, **options)
    return path


def only_image(picture) -> np.ndarray:
    (digit,) = find_digits(picture)
    return digit.image.reshape(28, 28)


def difference(one, other) -> float:
    """Mean difference of two images, either of which may lie a pixel off the other."""
    shifts = [(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)]
    return min(np.abs(np.roll(one, shift, (0, 1)) - other).mean() for shift in shifts)


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
    directory = tmp_path / "out"
    directory.mkdir()
    network.save(directory / MODEL_FILE)
    return directory


def run(output_dir, *arguments) -> int:
    return visualize_results.main(["--output-dir", str(output_dir), *map(str, arguments)])


# --- MNIST's form -----------------------------------------------------------------------------


def test_longer_side_becomes_twenty_pixels_and_aspect_is_kept():
    image = to_mnist_form(np.ones((60, 30)))
    rows, columns = np.nonzero(image)
    assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == (20, 10)


def test_centre_of_mass_lies_in_the_middle():
    ink = np.zeros((50, 70))
    ink[5:45, 5:12] = ink[38:45, 5:30] = 1  # an L, heavier below and left
    image = to_mnist_form(ink)
    places = np.indices(image.shape).reshape(2, -1)
    assert places @ image.ravel() / image.sum() == pytest.approx([14, 14], abs=0.5)


def test_no_ink_has_an_empty_form():
    assert not to_mnist_form(np.zeros((10, 10))).any()


# --- finding ink ------------------------------------------------------------------------------


def test_otsu_parts_two_clusters():
    values = np.repeat([0.1, 0.2, 0.8, 0.9], [50, 50, 5, 5])
    assert 0.2 <= otsu_threshold(values) < 0.8


def test_components_touch_at_corners_and_not_round_the_edge():
    mask = np.array([[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]], bool)
    labels, boxes = label_components(mask)
    assert len(boxes) == labels.max() == 4
    assert labels[0, 0] == labels[1, 1]
    assert sorted(map(tuple, boxes)) == [(0, 0, 2, 2), (0, 3, 1, 4), (2, 3, 4, 4), (3, 0, 4, 1)]


def test_a_spiral_is_one_component():
    image = Image.new("1", (41, 41))
    pencil, x, y, length = ImageDraw.Draw(image), 0, 0, 40
    for turn, (dx, dy) in enumerate([(1, 0), (0, 1), (-1, 0), (0, -1)] * 5):
        pencil.line((x, y, x + dx * length, y + dy * length), fill=1)
        x, y, length = x + dx * length, y + dy * length, length - (2 if turn % 2 else 0)
    assert len(label_components(np.asarray(image))[1]) == 1


def test_light_on_dark_is_the_same_as_dark_on_light():
    picture = loop_eight()
    np.testing.assert_allclose(only_image(255 - picture), only_image(picture), atol=0.02)


@pytest.mark.parametrize(
    "light",
    [
        lambda x, y: 1 - 0.6 * x,
        lambda x, y: 1 - 0.6 * ((x - 0.5) ** 2 + (y - 0.5) ** 2),
        lambda x, y: np.where(x + 0.3 * y > 0.65, 0.5, 1.0),
    ],
    ids=["gradient", "vignette", "shadow edge"],
)
def test_uneven_light_changes_little(light):
    picture = loop_eight()
    y, x = np.mgrid[0 : 1 : len(picture) * 1j, 0 : 1 : len(picture) * 1j]
    lit = np.rint((0.1 + 0.9 * picture / 255) * light(x, y) * 255).astype(np.uint8)
    assert difference(only_image(lit), only_image(picture)) < 0.02


def test_noise_changes_little():
    picture = loop_eight()
    noise = np.random.default_rng(0).normal(0, 12, picture.shape)
    noisy = np.clip(picture * 0.8 + 20 + noise, 0, 255).astype(np.uint8)
    assert difference(only_image(noisy), only_image(picture)) < 0.03


def test_pencil_inside_a_black_border_is_found():
    picture = 255 - (255 - loop_eight()) // 3
    (expected,) = find_digits(picture)
    picture[:6] = picture[-6:] = 0
    picture[:, :6] = picture[:, -6:] = 0
    (found,) = find_digits(picture)
    assert found.box == expected.box


def test_thin_pen_comes_out_as_thick_as_usual():
    thin, usual = only_image(loop_eight(pen=2)), only_image(loop_eight(pen=14))
    assert thin.max() == pytest.approx(1)
    assert thin.sum() > 0.7 * usual.sum()


def test_image_in_mnist_form_stays_as_it_is():
    ink = to_mnist_form((255 - loop_eight()) / 255)
    again = only_image(np.rint(ink * 255).astype(np.uint8))
    assert np.abs(again - ink).max() <= 0.1  # what is fainter counts as paper


@pytest.mark.parametrize("shade", [0, 128, 255])
def test_empty_paper_holds_no_digit(shade):
    assert find_digits(np.full((90, 120), shade, np.uint8)) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (300, 3)])
def test_tiny_pictures_hold_no_digit(shape):
    assert find_digits(np.full(shape, 255, np.uint8)) == []


def test_faint_noise_alone_is_no_ink():
    noise = np.random.default_rng(0).normal(200, 8, (400, 300))
    assert find_digits(np.clip(noise, 0, 255).astype(np.uint8)) == []


# --- several digits ---------------------------------------------------------------------------


def test_ten_in_a_row_give_ten_boxes_in_reading_order():
    lefts = range(20, 520, 50)
    lines = [((x, 30 + 7 * (i % 3)), (x + 12, 90 + 5 * (i % 2))) for i, x in enumerate(lefts)]
    found = find_digits(drawn((550, 130), lines))
    assert len(found) == 10
    assert [digit.box[0] for digit in found] == sorted(digit.box[0] for digit in found)


def test_rows_are_read_from_the_top_each_from_the_left():
    starts = [(30, 40), (130, 20), (230, 35), (40, 150), (140, 130)]  # as one would read them
    lines = [((x, y), (x + 20, y + 60)) for x, y in starts]
    found = find_digits(drawn((300, 260), lines[::-1]))
    assert [round(digit.box[0] / 10) * 10 for digit in found] == [30, 130, 230, 40, 140]


def test_bar_of_a_five_belongs_to_it():
    body = [
        ((40, 40), (40, 80)),
        ((40, 80), (80, 90)),
        ((80, 90), (75, 130)),
        ((75, 130), (35, 140)),
    ]
    assert len(find_digits(drawn((140, 180), [*body, ((54, 36), (90, 34))], width=8))) == 1


def test_halves_of_an_eight_with_a_gap_are_one():
    image = Image.new("L", (160, 220), 255)
    pencil = ImageDraw.Draw(image)
    pencil.ellipse((50, 30, 110, 100), outline=0, width=10)
    pencil.ellipse((45, 106, 115, 190), outline=0, width=10)
    assert len(find_digits(np.asarray(image))) == 1


def test_specks_are_ignored():
    picture = loop_eight().copy()
    picture[10:14, 10:14] = picture[180:186, 20:25] = 0
    clean, specked = find_digits(loop_eight()), find_digits(picture)
    assert [digit.box for digit in specked] == [digit.box for digit in clean]


def test_neighbour_does_not_show_in_the_cut_out():
    one = drawn((300, 120), [((60, 20), (60, 100))])
    two = drawn((300, 120), [((60, 20), (60, 100)), ((72, 20), (72, 100))])
    left, _ = find_digits(two)
    np.testing.assert_array_equal(left.image, find_digits(one)[0].image)


# --- reading pictures -------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "LA", "CMYK"])
def test_every_colour_mode_is_read(tmp_path, mode):
    name = "picture.jpg" if mode == "CMYK" else "picture.png"
    path = saved(tmp_path, Image.fromarray(loop_eight()).convert(mode), name)
    assert difference(only_image(read_picture(path)), only_image(loop_eight())) < 0.02


def test_sixteen_bits_are_scaled_not_cut_off(tmp_path):
    path = saved(tmp_path, loop_eight().astype(np.uint16) * 257)
    np.testing.assert_array_equal(read_picture(path)[..., 0], loop_eight())


@pytest.mark.parametrize("ink", [0, 255])
def test_transparent_is_paper(tmp_path, ink):
    alpha = 255 - loop_eight()
    bands = [np.full_like(alpha, ink)] * 3 + [alpha]
    path = saved(tmp_path, np.dstack(bands))
    np.testing.assert_allclose(only_image(read_picture(path)), only_image(loop_eight()), atol=0.02)


def test_transparent_palette_colour_is_paper(tmp_path):
    image = Image.fromarray((loop_eight() < 128).astype(np.uint8), "P")
    image.putpalette([0, 0, 0, 0, 0, 0])  # black on black, of which colour 0 is transparent
    path = saved(tmp_path, image, transparency=0)
    assert only_image(read_picture(path)).any()


def test_exif_turns_the_picture_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # Orientation: to be turned 90 degrees clockwise
    lying = Image.fromarray(loop_eight()).rotate(90)
    path = saved(tmp_path, lying, "photo.jpg", exif=exif, quality=95)
    assert difference(only_image(read_picture(path)), only_image(loop_eight())) < 0.02


def test_large_photo_is_shrunk(tmp_path):
    path = saved(tmp_path, Image.new("RGB", (4000, 3000), "white"), "photo.jpg")
    assert read_picture(path).shape == (WORKING_SIDE * 3 // 4, WORKING_SIDE, 3)


def png_header(width, height) -> bytes:
    """A PNG file that promises so many pixels and holds none."""
    chunks = b"\x89PNG\r\n\x1a\n"
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    for kind, data in ((b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + kind + data
        chunks += struct.pack(">I", zlib.crc32(kind + data))
    return chunks


@pytest.mark.parametrize("side", [10_000, 30_000])
def test_absurdly_large_is_refused_from_the_header(tmp_path, side):
    (path := tmp_path / "bomb.png").write_bytes(png_header(side, side))
    with pytest.raises(PictureError, match=r"bomb\.png: absurdly large"):
        read_picture(path)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"Dear diary, today I wrote an 8.", "neither a PNG nor a JPEG"),
        (b"GIF89a\x01\x00\x01\x00\x00\x00\x00;", "neither a PNG nor a JPEG"),
        (png_header(20, 20), "cannot be read"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path, content, complaint):
    (path := tmp_path / "page.png").write_bytes(content)
    with pytest.raises(PictureError, match=complaint):
        read_picture(path)


@pytest.mark.parametrize("name", ["picture.png", "picture.jpg"])
def test_truncated_picture_is_refused(tmp_path, name):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200), np.uint8)
    path = saved(tmp_path, noise, name)
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(PictureError, match="truncated") as error:
        read_picture(path)
    assert "\n" not in str(error.value)


def test_directory_is_refused(tmp_path):
    with pytest.raises(PictureError, match="not a file"):
        read_picture(tmp_path)


def test_missing_picture_is_refused(tmp_path):
    with pytest.raises(PictureError, match="does not exist"):
        read_picture(tmp_path / "none.png")


# --- the command ------------------------------------------------------------------------------


def test_each_digit_has_a_line_and_each_picture_a_figure(tmp_path, output_dir, capsys):
    lines = [((40, 20), (60, 100)), ((140, 20), (120, 100))]
    first = saved(tmp_path, drawn((200, 120), lines), "a.png")
    (tmp_path / "other").mkdir()
    second = saved(tmp_path / "other", loop_eight(), "a.png")
    assert run(output_dir, "--image", first, second) == 0
    said = capsys.readouterr().out
    assert f"{first}: digit 1 of 2: " in said
    assert f"{first}: digit 2 of 2: " in said
    assert f"{second}: digit 1 of 1: " in said
    for name in ("a_recognised.png", "a_recognised_2.png"):
        with Image.open(output_dir / name) as figure:
            assert min(figure.size) > 300


def test_blank_picture_is_refused_in_a_line(tmp_path, output_dir):
    path = saved(tmp_path, np.full((50, 50), 255, np.uint8))
    with pytest.raises(UserError, match=r"picture\.png: no ink") as error:
        run(output_dir, "--image", path)
    assert "\n" not in str(error.value)


def test_foreign_network_is_refused(output_dir):
    NeuralNetwork((9, 1)).save(output_dir / MODEL_FILE)
    with pytest.raises(UserError, match="9 inputs"):
        run(output_dir, "--image", "any.png")


def test_figure_says_that_the_network_learnt_from_the_sample(network):
    assert "sample" not in visualize_results.picture_title(network, np.array([0.9]))
    network.metadata["dataset"] = "sample"
    assert "sample, not from MNIST" in visualize_results.picture_title(network, np.array([0.9]))


def test_drawing_without_a_screen_is_refused_in_a_line(output_dir, monkeypatch):
    monkeypatch.setenv("MPLBACKEND", "agg")
    pyplot = pytest.importorskip("matplotlib.pyplot")
    pyplot.switch_backend("agg")
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


# --- real MNIST -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def mnist():
    try:
        return load_dataset(DATA_DIR, "mnist", 5000, 500)
    except DatasetError:
        pytest.skip("MNIST is not there")


@pytest.fixture(scope="module")
def mnist_network(mnist) -> NeuralNetwork:
    network = NeuralNetwork()
    for _ in range(3):
        network.train_epoch(mnist.train.images, mnist.train.targets(8), SGD(0.05))
    return network


def enlarged(image: np.ndarray, scale: int) -> np.ndarray:
    """A digit's ink (784,), enlarged smoothly: (28 scale, 28 scale) in [0, 1]."""
    small = Image.fromarray(np.rint(image.reshape(28, 28) * 255).astype(np.uint8))
    return np.asarray(small.resize((28 * scale, 28 * scale), Image.Resampling.BICUBIC)) / 255


def test_digits_pasted_into_pictures_get_the_decision_of_the_original(mnist, mnist_network):
    rng = np.random.default_rng(0)
    expected = mnist_network.predict(mnist.test.images)
    agreed = 0
    for image, decision in zip(mnist.test.images, expected, strict=True):
        digit = enlarged(image, rng.integers(3, 11))
        ink = np.zeros([len(digit) + int(rng.integers(10, 200)) for _ in "hw"])
        top, left = (rng.integers(0, side - len(digit)) for side in ink.shape)
        ink[top : top + len(digit), left : left + len(digit)] = digit
        light = np.linspace(1, 0.7, ink.shape[1])
        found = find_digits(np.rint(255 * light * (1 - ink)).astype(np.uint8))
        agreed += len(found) == 1 and mnist_network.predict(found[0].image[None])[0] == decision
    assert agreed >= 0.98 * len(expected)


def test_ten_real_digits_in_a_row_give_ten_boxes(mnist):
    rows = mnist.test.images.reshape(-1, 10, 784)[:5]
    for row in rows:
        ink = np.hstack([enlarged(image, 4) for image in row])
        found = find_digits(np.rint(255 * (1 - ink)).astype(np.uint8))
        assert [digit.box[0] // (28 * 4) for digit in found] == list(range(10))


def test_mnist_images_themselves_come_out_as_good_as_unchanged(mnist, mnist_network):
    images = mnist.test.images[:200]
    pictures = np.rint(images * 255).astype(np.uint8).reshape(-1, 28, 28)
    seen = np.array([find_digits(picture)[0].image for picture in pictures])
    agreed = mnist_network.predict(seen) == mnist_network.predict(images)
    assert agreed.mean() >= 0.99
