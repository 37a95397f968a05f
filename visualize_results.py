"""Draw what a training run learnt.

    python visualize_results.py              the figures of the last run
    python visualize_results.py --image my_digit.png     your own handwriting
    python visualize_results.py --draw                   the same, drawn with the mouse
    python visualize_results.py --help       everything that can be changed

Reads metrics.json and model.npz from sample_outputs/ (or --output-dir), writes PNGs there.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import Event, KeyEvent, MouseButton, MouseEvent
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from matplotlib.patches import Rectangle

from mnist_loader import (
    FULL_INK,
    IMAGE_SIDE,
    PIXELS,
    Dataset,
    FoundDigit,
    find_digits,
    load_dataset,
    read_picture,
)
from neural_network import ModelError, NeuralNetwork
from train_network import METRICS_FILE, MODEL_FILE, OUTPUT_DIR
from utils import (
    EXIT_DONE,
    ArgumentParser,
    Evaluation,
    UserError,
    atomic_write,
    run_script,
    writable_directory,
)


@dataclass(frozen=True)
class Run:
    """A finished run: what train_network.py wrote, and the images that it was about."""

    metrics: dict[str, Any]
    network: NeuralNetwork
    dataset: Dataset
    probabilities: np.ndarray  # (n_test,), the network's for the test images
    evaluation: Evaluation

    @property
    def digit(self) -> int:
        return self.metrics["configuration"]["digit"]


def main(arguments: Sequence[str] | None = None) -> int:
    options = parse_options(arguments)
    if options.image or options.draw:
        return try_own_handwriting(options)
    run = load_run(options.output_dir, options.data_dir)
    output_dir = writable_directory(options.output_dir, tuple(FIGURES))
    for name, draw in FIGURES.items():
        save_figure(draw(run), output_dir / name)
        print(f"Written: {output_dir / name}")
    return EXIT_DONE


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = ArgumentParser(
        description="Draw what the last run of train_network.py learnt.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--data-dir", type=Path, help="where the MNIST files are (default: $MNIST_DATA_DIR, data/)")
    add("--output-dir", type=Path, default=OUTPUT_DIR, metavar="DIR", help="of the run to draw")
    own = parser.add_mutually_exclusive_group()
    own.add_argument("--image", type=Path, nargs="+", metavar="FILE", help="recognise pictures")
    own.add_argument("--draw", action="store_true", help="open a pad to draw digits on")
    return parser.parse_args(arguments)


def load_run(output_dir: Path, data_dir: Path | None) -> Run:
    """Read a run's metrics and model, and the images it used; refuse what does not fit together."""
    network = NeuralNetwork.load(output_dir / MODEL_FILE)
    metrics = read_metrics(output_dir)
    configuration = metrics["configuration"]
    dataset = load_dataset(
        data_dir, "mnist", configuration["train_size"], configuration["test_size"]
    )
    probabilities = network.predict_proba(dataset.test.images)
    targets = dataset.test.targets(configuration["digit"])
    return Run(metrics, network, dataset, probabilities, Evaluation.of(probabilities, targets))


def read_metrics(output_dir: Path) -> dict[str, Any]:
    """Read metrics.json, which must be whole and of the same run as the model beside it."""
    path = output_dir / METRICS_FILE
    again = "run train_network.py again"
    try:
        metrics = json.loads(path.read_bytes())
        digest = hashlib.sha256((output_dir / MODEL_FILE).read_bytes()).hexdigest()
        same_run = metrics["model_sha256"] == digest
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist; run train_network.py first") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise UserError(f"{path}: damaged, or not of this project; {again}") from error
    if not same_run:
        raise ModelError(f"{path} and {MODEL_FILE} are of different runs; {again}")
    return metrics


def save_figure(figure: Figure, path: Path) -> None:
    with atomic_write(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def draw_learning_curves(run: Run) -> Figure:
    figure = Figure(layout="constrained")
    axes = figure.add_subplot()
    history = run.metrics["history"]
    axes.plot([row["epoch"] for row in history], [row["loss"] for row in history])
    return figure


FIGURES: dict[str, Callable[[Run], Figure]] = {
    "learning_curves.png": draw_learning_curves,
}


# --- your own handwriting: pictures -----------------------------------------------------------

THRESHOLD = 0.5  # the lab sheet's: from this score up, the answer is yes
SMALL_TEXT = 7  # points
TILE_GAP, CAPTION_BAND = 3, 11  # pixels of a 28x28 image: between tiles, and under each for text
CAPTIONED = (IMAGE_SIDE + CAPTION_BAND) / (IMAGE_SIDE + TILE_GAP)  # height by width of such a tile
# Okabe and Ito's vermilion and blue; who sees no colours tells them by the dashes.
YES_BOX = {"color": "#D55E00", "linewidth": 2.2}
NO_BOX = {"color": "#0072B2", "linewidth": 1.6, "linestyle": (0, (3, 1.5))}
FRAME_COLOUR = "#AAAAAA"
PICTURE_DPI = 160
PICTURE_INCHES = 5.0  # the longer side of a picture with its digits beside it
PAGE_INCHES = 9.5  # the width of a wide one, which has them below
WIDE, FEW = 1.5, 4  # that is wider than 1.5 times its height, or than high with over 4 digits
TILE_INCHES = 0.93  # a digit as the network sees it
SINGLE_TILE_INCHES = 3.0  # ... where there is only one
MOST_TILES = 60  # digits beyond these keep their box and their line on the screen


def show_tiles(
    axes: Axes, images: np.ndarray, columns: int, captions: Sequence[str] = (), **look: Any
) -> AxesImage:
    """Draw images (n, 784) as tiles, with captions beneath them."""
    gap_below = CAPTION_BAND if captions else TILE_GAP
    for place, caption in enumerate(captions):
        row, column = divmod(place, columns)
        axes.text(
            column * (IMAGE_SIDE + TILE_GAP) + IMAGE_SIDE / 2,
            row * (IMAGE_SIDE + gap_below) + IMAGE_SIDE + 0.5,
            caption,
            horizontalalignment="center",
            verticalalignment="top",
            fontsize=SMALL_TEXT,
        )
    axes.set_axis_off()
    axes.set_anchor("NW")
    return axes.imshow(tile(images, columns, gap_below), interpolation="nearest", **look)


def tile(images: np.ndarray, columns: int, gap_below: int = TILE_GAP) -> np.ndarray:
    """Lay images (n, 784) out row by row as one picture; NaN, which stays blank, between them."""
    pitch = IMAGE_SIDE + gap_below, IMAGE_SIDE + TILE_GAP
    rows = max(1, math.ceil(len(images) / columns))
    sheet = np.full((rows * columns, *pitch), np.nan, np.float32)
    sheet[: len(images), :IMAGE_SIDE, :IMAGE_SIDE] = images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)
    by_row = sheet.reshape(rows, columns, *pitch).swapaxes(1, 2)
    return by_row.reshape(rows * pitch[0], columns * pitch[1])


def try_own_handwriting(options: argparse.Namespace) -> int:
    """Do what --image or --draw asks; of the run, that takes the model alone."""
    path = options.output_dir / MODEL_FILE
    network = NeuralNetwork.load(path)
    if network.layer_sizes[0] != PIXELS:
        raise ModelError(
            f"{path} takes {network.layer_sizes[0]} inputs, a digit has {PIXELS}; "
            "run train_network.py again"
        )
    output_dir = writable_directory(options.output_dir, ())
    if options.draw:
        open_pad(network, output_dir)
    else:
        recognise_pictures(network, options.image, output_dir)
    return EXIT_DONE


def recognise_pictures(network: NeuralNetwork, paths: Sequence[Path], output_dir: Path) -> None:
    """Say what the network takes each digit in each picture for, and draw it."""
    taken: set[Path] = set()
    for path in paths:
        picture = read_picture(path)
        found = find_digits(picture)
        if not found:
            raise UserError(
                f"{path}: no ink found that could be a digit; write larger, or darker on an "
                "even background"
            )
        scores = score_digits(network, found)
        for number, score in enumerate(scores, start=1):
            answer = f"{decision(network, score)} (score {score:.3f})"
            print(f"{path}: digit {number} of {len(found)}: {answer}")
        figure_path = unused_path(output_dir / f"{path.stem}_recognised.png", taken.__contains__)
        taken.add(figure_path)
        save_figure(draw_recognised(network, picture, found, scores), figure_path)
        print(f"Written: {figure_path}")


def score_digits(network: NeuralNetwork, found: Sequence[FoundDigit]) -> np.ndarray:
    """The network's probability of a yes for each digit found, (n,)."""
    images = np.array([digit.image for digit in found], np.float32)
    return network.predict_proba(images.reshape(-1, PIXELS))


def decision(network: NeuralNetwork, score: float) -> str:
    digit = network.metadata.get("digit", 8)
    return str(digit) if score >= THRESHOLD else f"not {digit}"


def unused_path(path: Path, is_used: Callable[[Path], bool]) -> Path:
    """The path itself, or else with _2, _3 and so on before its suffix."""
    others = (path.with_stem(f"{path.stem}_{number}") for number in count(2))
    return next(other for other in chain([path], others) if not is_used(other))


def draw_recognised(
    network: NeuralNetwork, picture: np.ndarray, found: Sequence[FoundDigit], scores: np.ndarray
) -> Figure:
    """The picture with its digits boxed, and what the network saw of each, with its score."""
    height, width = picture.shape[:2]
    shown = min(len(found), MOST_TILES)
    tile = TILE_INCHES if len(found) > 1 else SINGLE_TILE_INCHES
    if width > height * (WIDE if len(found) <= FEW else 1):
        columns = min(shown, int(PAGE_INCHES / tile))
        sizes = PAGE_INCHES * height / width, math.ceil(shown / columns) * tile * CAPTIONED
        size, grid = (PAGE_INCHES, sum(sizes)), {"nrows": 2, "height_ratios": sizes}
    else:
        columns = math.ceil(math.sqrt(shown / 1.5))
        inches = PICTURE_INCHES / max(height, width)
        sizes = width * inches, columns * tile
        rows_inches = math.ceil(shown / columns) * tile * CAPTIONED
        size = sum(sizes) + 0.3, max(height * inches, rows_inches)
        grid = {"ncols": 2, "width_ratios": sizes}
    figure = Figure((size[0], size[1] + 0.9), PICTURE_DPI, layout="constrained")
    picture_axes, tiles_axes = figure.subplots(**grid)
    figure.suptitle(
        picture_title(network, scores), x=0.01, ha="left", fontsize=11, fontweight="bold"
    )
    show_boxes(picture_axes, picture, found, scores)
    captions = [
        f"{number}: {decision(network, score)}\n{score:.3f}"
        for number, score in enumerate(scores[:shown], start=1)
    ]
    images = np.array([digit.image for digit in found[:shown]])
    show_tiles(tiles_axes, images, columns, captions, cmap="gray_r", vmin=0, vmax=1)
    if len(found) == 1:
        tiles_axes.texts[0].set_fontsize(11)
    for place in range(shown):
        row, column = divmod(place, columns)
        corner = column * (IMAGE_SIDE + TILE_GAP) - 0.5, row * (IMAGE_SIDE + CAPTION_BAND) - 0.5
        frame = Rectangle(corner, IMAGE_SIDE, IMAGE_SIDE, fill=False, color=FRAME_COLOUR)
        frame.set(linewidth=0.6, clip_on=False)
        tiles_axes.add_patch(frame)
    tiles_axes.set_title("what the network saw, and its score", loc="left", fontsize=9)
    return figure


def picture_title(network: NeuralNetwork, scores: np.ndarray) -> str:
    """What was found, in a line; a second one where the network never saw MNIST."""
    digit = network.metadata.get("digit", 8)
    yes = int(np.sum(scores >= THRESHOLD))
    if len(scores) == 1:
        title = f"The network takes this for {'an' if digit == 8 else 'a'} {digit}"
        title = title if yes else title.replace(" takes this for ", " does not take this for ")
    else:
        title = f"{len(scores)} digits found; the network takes {yes or 'none'} of them for {digit}"
    if network.metadata.get("dataset") == "sample":
        title += "\n(it learnt from the bundled sample, not from MNIST)"
    return title


def show_boxes(
    axes: Axes, picture: np.ndarray, found: Sequence[FoundDigit], scores: np.ndarray
) -> None:
    """The picture, its digits boxed and numbered: solid boxes where the answer is yes."""
    axes.imshow(picture, cmap="gray", vmin=0, vmax=FULL_INK)
    for number, (digit, score) in enumerate(zip(found, scores, strict=True), start=1):
        style = YES_BOX if score >= THRESHOLD else NO_BOX
        left, top, right, bottom = digit.box
        corner = left - 0.5, top - 0.5  # imshow's pixels lie around whole numbers
        axes.add_patch(Rectangle(corner, right - left, bottom - top, fill=False, **style))
        axes.annotate(
            f"{number}",
            corner,
            xytext=(0, 2),
            textcoords="offset points",
            va="bottom",
            fontsize=8,
            color="white",
            bbox={"boxstyle": "square,pad=0.15", "color": style["color"]},
        )
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.set_title("the picture (solid box: yes, dashed: no)", loc="left", fontsize=9)


# --- your own handwriting: the pad ------------------------------------------------------------

PAD_SIDE = 280  # pixels of the drawing: ten for each of MNIST's
PEN_WIDTH = 20  # of these pixels; two of MNIST's, a stroke of usual thickness there
MOST_VERDICTS = 5  # that fit into the line above the pad
PAD_HINT = "draw with the left button    c clears    s saves    q closes"


class DrawingPad:
    """A figure to draw on with the mouse, which says what the network takes the drawing for.

    Parameters
    ----------
    figure
        Empty; with a canvas that hands out events, on a screen or not.
    network
        What recognises; its input is MNIST's 784 pixels.
    output_dir
        Where the drawing goes when it is saved: dark on white, `drawing.png`, `drawing_2.png` ...

    Attributes
    ----------
    drawing : uint8 (PAD_SIDE, PAD_SIDE), 255 paper to 0 ink; what --image would read
    found, scores : what `find_digits` makes of it, and the network's score of each
    verdict : what the pad says
    """

    def __init__(self, figure: Figure, network: NeuralNetwork, output_dir: Path):
        self.network, self.output_dir = network, output_dir
        self._canvas = figure.canvas
        self._pen: tuple[float, float] | None = None  # where the stroke has got to, if down
        self._background: Any = None  # all that stays, copied from the screen

        figure.set_facecolor("#E4E4E4")  # so that the paper's edges are seen
        self.axes, seen_axes = figure.subplots(1, 2, width_ratios=(2, 1))
        figure.subplots_adjust(0.03, 0.08, 0.97, 0.84, wspace=0.06)
        figure.text(0.03, 0.025, PAD_HINT, color="#444444")
        title = "Draw a digit" + (
            " (the network learnt from the bundled sample, not from MNIST)"
            if network.metadata.get("dataset") == "sample"
            else ""
        )
        figure.text(0.03, 0.95, title, fontsize=9, color="#444444", va="center")
        seen_axes.set_title("what the network sees (of several, the likeliest)", fontsize=8)
        for axes in (self.axes, seen_axes):
            axes.set_axis_off()
        look = {"vmin": 0, "animated": True, "interpolation": "nearest"}
        self._image = self.axes.imshow(
            np.full((PAD_SIDE, PAD_SIDE), FULL_INK), cmap="gray", vmax=FULL_INK, **look
        )
        self._seen = seen_axes.imshow(
            np.zeros((IMAGE_SIDE, IMAGE_SIDE)), cmap="gray_r", vmax=1, **look
        )
        self._verdict = figure.text(
            0.03, 0.89, "", fontsize=13, fontweight="bold", va="center", animated=True
        )
        self._moving = self._image, self._seen, self._verdict
        for name, handle in (
            ("button_press_event", self._press),
            ("motion_notify_event", self._move),
            ("button_release_event", self._release),
            ("key_press_event", self._key),
            ("draw_event", self._redraw),
        ):
            self._canvas.mpl_connect(name, handle)
        self.clear()

    def clear(self) -> None:
        self.drawing = np.full((PAD_SIDE, PAD_SIDE), FULL_INK, np.uint8)
        self._pen = None
        self._recognise()

    def save(self) -> None:
        """Write the drawing under a name that no file has; the pad says which, or what failed."""
        from PIL import Image

        if not self.found:
            return self._say("Nothing to save: there is no digit yet")
        path = unused_path(self.output_dir / "drawing.png", Path.exists)
        try:
            with atomic_write(path) as file:
                Image.fromarray(self.drawing).save(file, format="PNG")
        except UserError as error:
            return self._say(str(error))
        print(f"Written: {path}")
        return self._say(f"Saved as {path.name}")

    def _press(self, event: MouseEvent) -> None:
        if event.button == MouseButton.LEFT and event.inaxes is self.axes:
            self._pen = self._place(event)
            self._draw_to(self._pen)

    def _move(self, event: MouseEvent) -> None:
        if self._pen is not None:
            self._draw_to(self._place(event))

    def _release(self, event: MouseEvent) -> None:
        if event.button == MouseButton.LEFT:
            self._pen = None

    def _key(self, event: KeyEvent) -> None:
        if event.key == "c":
            self.clear()
        elif event.key == "s":
            self.save()
        elif event.key == "q":
            self._canvas.manager.destroy()

    def _place(self, event: MouseEvent) -> tuple[float, float]:
        """Where the mouse is in the drawing's pixels, beyond the pad's edges too."""
        return tuple(self.axes.transData.inverted().transform((event.x, event.y)))

    def _draw_to(self, place: tuple[float, float]) -> None:
        """A stroke with round ends from the pen to a place; from a place to itself, a dot."""
        from PIL import Image, ImageDraw

        image = Image.fromarray(self.drawing)
        pen = ImageDraw.Draw(image)
        pen.line((self._pen, place), fill=0, width=PEN_WIDTH)
        for x, y in (self._pen, place):
            radius = PEN_WIDTH / 2
            pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=0)
        self.drawing = np.array(image)
        self._pen = place
        self._recognise()

    def _recognise(self) -> None:
        """Let the drawing go the way that a picture of it would go."""
        self.found = find_digits(self.drawing)
        self.scores = score_digits(self.network, self.found)
        self._image.set_data(self.drawing)
        seen = self.found[self.scores.argmax()].image if self.found else np.zeros(PIXELS)
        self._seen.set_data(seen.reshape(IMAGE_SIDE, IMAGE_SIDE))
        verdicts = [f"{decision(self.network, s)} ({s:.2f})" for s in self.scores[:MOST_VERDICTS]]
        more = " ..." if len(self.scores) > MOST_VERDICTS else ""
        self._say("    ".join(verdicts) + more)

    def _say(self, verdict: str) -> None:
        self.verdict = verdict
        self._verdict.set_text(verdict)
        self._refresh()

    def _redraw(self, _: Event) -> None:
        """All is being drawn anew, as when the window opens or changes size: keep what stays."""
        self._background = self._canvas.copy_from_bbox(self._canvas.figure.bbox)
        for artist in self._moving:
            self._canvas.figure.draw_artist(artist)

    def _refresh(self) -> None:
        """Draw what moves over the kept rest, which is quick enough to follow the mouse."""
        if self._background is None:
            return
        self._canvas.restore_region(self._background)
        for artist in self._moving:
            self._canvas.figure.draw_artist(artist)
        self._canvas.blit(self._canvas.figure.bbox)


def open_pad(network: NeuralNetwork, output_dir: Path) -> None:
    """Show the pad in a window until it is closed; UserError where there is no screen."""
    import matplotlib.pyplot as plt  # looks for a screen when it is imported, so not before

    try:
        with plt.rc_context({"toolbar": "None"}):  # its zoom and pan would take the mouse
            figure = plt.figure("Does it know your digit?", figsize=(8, 6))
        has_screen = figure.canvas.required_interactive_framework is not None
    except Exception:  # each window system has its own way to say that there is no screen
        has_screen = False
    if not has_screen:
        raise UserError("--draw needs a screen to open a window on; try --image with a picture")
    figure.canvas.mpl_disconnect(figure.canvas.manager.key_press_handler_id)  # s, c, q are ours
    figure.pad = DrawingPad(figure, network, output_dir)  # events alone would not keep it alive
    plt.show()


if __name__ == "__main__":
    run_script(main)
