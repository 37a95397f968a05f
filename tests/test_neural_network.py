"""neural_network: held against finite differences, closed forms and arithmetic written out here.

The block form of `train_epoch` is held against the loop over `train_step`, and `train_step` against
central differences of the loss, which use nothing but the forward pass.
"""

from __future__ import annotations

import copy
import io
import json
import math
import re
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from made_data import made_images

import neural_network
from neural_network import SGD, ModelError, NeuralNetwork, TrainingDivergedError

DTYPES = ["float32", "float64"]
STEP = 1e-5  # of the central differences
parametrize = pytest.mark.parametrize
NAN = math.nan


def made_samples(n: int, n_in: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((n, n_in)), (rng.random(n) < 0.5).astype(float)


def parameters(network: NeuralNetwork) -> list[np.ndarray]:
    return network.weights + network.biases


def assert_same(
    network: NeuralNetwork, other: NeuralNetwork, tolerance: float = 0
) -> None:
    """Each array within the tolerance of its scale; biases start at 0, so of 0.1 at least."""
    for ours, theirs in zip(parameters(network), parameters(other), strict=True):
        assert ours.dtype == theirs.dtype
        scale = max(np.abs(theirs).max(), 0.1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


def saved_bytes(network: NeuralNetwork, path: Path) -> bytes:
    network.save(path)
    return path.read_bytes()


# --- activations ------------------------------------------------------------------------------

Z = np.array([-700, -30, -5, -1, -0.1, 0, 0.1, 1, 5, 30])
FORMULAS = {"sigmoid": lambda z: 1 / (1 + math.exp(-z))}
FORMULAS |= {"tanh": lambda z: 1 - 2 / (math.exp(2 * z) + 1)}


@parametrize("name", FORMULAS)
def test_activation_is_its_formula_and_the_derivative_of_it_its_slope(name):
    function, formula = getattr(neural_network, name), FORMULAS[name]
    derivative = getattr(neural_network, f"{name}_derivative")
    np.testing.assert_allclose(function(Z), [formula(z) for z in Z], 1e-12, 1e-300)
    slope = (function(Z + STEP) - function(Z - STEP)) / (2 * STEP)
    np.testing.assert_allclose(derivative(function(Z)), slope, rtol=1e-6, atol=1e-11)


@pytest.mark.filterwarnings("error")
@parametrize("dtype", DTYPES)
def test_sigmoid_of_a_thousand_neither_overflows_nor_warns(dtype):
    with np.errstate(all="raise"):
        a = neural_network.sigmoid(np.array([-1000, 1000, 0], dtype))
    assert (a.dtype, a.tolist()) == (dtype, [0, 1, 0.5])


# --- the update rule --------------------------------------------------------------------------


def test_two_updates_are_those_worked_out_by_hand():
    """g + 0.5 w, then v = 0.9 v + that, then w - 0.1 v; from w = 2, v = 0 with g = 1 twice."""
    w, v, g = np.array([2.0]), np.array([0.0]), np.array([1.0])
    sgd = SGD(0.1, momentum=0.9, l2=0.5)
    for by_hand in (
        (1.8, 2.0),
        (1.43, 3.7),
    ):  # v = 0.9 * 2 + 1 + 0.5 * 1.8, w = 1.8 - 0.37
        sgd.update(w, g, v)
        assert (w[0], v[0], g[0]) == pytest.approx((*by_hand, 1))
    sgd.of_biases.update(w, g, v)  # without L2: v = 0.9 * 3.7 + 1
    assert (w[0], v[0]) == pytest.approx((1.43 - 0.433, 4.33))


# --- the network ------------------------------------------------------------------------------


def test_a_network_says_its_layers_dropout_and_dtype():
    network = NeuralNetwork((784, 64, 32, 1), dropout=0.25, dtype="float64")
    assert (
        repr(network) == "NeuralNetwork((784, 64, 32, 1), dropout=0.25, dtype=float64)"
    )


def test_two_moons_are_learnt_from_any_finite_coordinates():
    """Of two half circles that interlock, one below 0; no straight line parts them."""
    angles = np.linspace(0, np.pi, 100)
    moon = np.column_stack([np.cos(angles), np.sin(angles)])
    x, y = np.concatenate([moon, [1, 0.5] - moon]) * 5, np.repeat([0, 1], 100)
    network = NeuralNetwork((2, 16, 1), weight_scale=0.5)
    for _ in range(60):
        network.train_epoch(x, y, SGD(0.1))
    assert x.min() == -5
    assert np.mean(network.predict(x) == y) > 0.95


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


@parametrize("sgd", [SGD(), SGD(momentum=0.9, l2=1e-3)])
def test_hidden_layers_may_have_another_activation(monkeypatch, sgd):
    """All that computes takes it from one place: block form, step, prediction, input gradient."""
    monkeypatch.setattr(
        neural_network, "HIDDEN", neural_network.Activation(relu, lambda a: a > 0)
    )
    block, steps = (
        NeuralNetwork((784, 9, 5, 1), dropout=0.2, dtype="float64") for _ in range(2)
    )
    order = np.arange(150)
    block.train_epoch(DRAWN, IS_8, sgd, order)
    steps.train_epoch(DRAWN, IS_8, sgd, order, loop=True)
    assert_same(block, steps, 1e-12)
    a1 = np.maximum(DRAWN @ block.weights[0] + block.biases[0], 0)
    a2 = np.maximum(a1 @ block.weights[1] + block.biases[1], 0)
    z = (a2 @ block.weights[2] + block.biases[2])[:, 0]
    np.testing.assert_allclose(
        block.predict_proba(DRAWN), 1 / (1 + np.exp(-z)), rtol=1e-12
    )
    x = DRAWN[:1].astype(float)
    gradient = block.input_gradient(x)[0, 300:310]
    steps = x + STEP * np.eye(784)[300:310], x - STEP * np.eye(784)[300:310]
    above, below = map(block.predict_proba, steps)
    np.testing.assert_allclose(
        gradient, (above - below) / (2 * STEP), rtol=1e-5, atol=1e-9
    )


@parametrize("scale", [0.1, 0.5])
def test_starting_weights_are_normal_with_the_given_scale_and_biases_zero(scale):
    network = NeuralNetwork((400, 250, 1), weight_scale=scale, dtype="float64")
    w = network.weights[0] / scale
    assert w.mean() == pytest.approx(0, abs=5 / math.sqrt(w.size))
    assert w.std() == pytest.approx(1, abs=5 / math.sqrt(2 * w.size))
    assert (w**4).mean() == pytest.approx(3, abs=0.2)  # a uniform distribution has 1.8
    assert [(b.shape, b.any()) for b in network.biases] == [
        ((250,), False),
        ((1,), False),
    ]


def test_answer_is_yes_from_the_threshold_up():
    network = NeuralNetwork((5, 4, 1))
    x, _ = made_samples(49, 5)
    probabilities = network.predict_proba(x)
    assert (probabilities.shape, probabilities.dtype) == ((49,), np.float32)
    threshold = float(
        np.median(probabilities)
    )  # one of them, so that it is met exactly
    assert (
        network.predict(x, threshold).tolist() == (probabilities >= threshold).tolist()
    )
    assert network.predict(x).tolist() == (probabilities >= 0.5).tolist()
    assert network.predict(x[:0]).shape == (0,)


# --- gradients against central differences ----------------------------------------------------


def check_gradient(
    gradient: np.ndarray, function: Callable[[], float], at: np.ndarray
) -> None:
    """Hold d function / d at, by central differences, against the gradient; show both numbers."""
    assert gradient.shape == at.shape
    for place in np.ndindex(at.shape):
        kept = at[place]
        at[place] = kept + STEP
        above = function()
        at[place] = kept - STEP
        numeric, at[place] = (above - function()) / (2 * STEP), kept
        assert gradient[place] == pytest.approx(numeric, rel=1e-6, abs=1e-8), (
            f"at {place}: {gradient[place]:.10g}, by differences {numeric:.10g}"
        )


RULES = [
    SGD(1),
    SGD(0.5, l2=0.3),
    SGD(0.5, momentum=0.9),
    SGD(0.2, momentum=0.5, l2=0.1),
]


@parametrize("y", [0, 1])
@parametrize("hidden", [(), (5,), (5, 4), (5, 4, 3)])
@parametrize("sgd", RULES)
def test_each_of_three_steps_follows_the_rule_with_the_gradient_of_the_loss(
    hidden, sgd, y
):
    """w lost learning_rate * v, with v = momentum * v + g; so g is told from two changes of w."""
    network = NeuralNetwork((6, *hidden, 1), weight_scale=0.7, seed=5, dtype="float64")
    for b in network.biases:
        b += 0.1
    velocities = [0.0] * len(parameters(network))
    for x in made_samples(3, 6)[0]:
        before = copy.deepcopy(network)
        told = network.train_step(x, y, sgd)

        def loss(x=x, before=before) -> float:
            return float((before.predict_proba(x[np.newaxis])[0] - y) ** 2)

        def with_decay(loss=loss, before=before) -> float:
            return loss() + sgd.l2 / 2 * sum(
                float((w**2).sum()) for w in before.weights
            )

        assert told == pytest.approx(loss())
        changes = zip(parameters(before), parameters(network), strict=True)
        for n, (old, new) in enumerate(changes):
            velocity = (old - new) / sgd.learning_rate
            check_gradient(velocity - sgd.momentum * velocities[n], with_decay, old)
            velocities[n] = velocity


@parametrize("hidden", [(), (5,), (5, 4)])
def test_input_gradient_is_the_slope_of_the_probability(hidden):
    network = NeuralNetwork((6, *hidden, 1), weight_scale=0.7, seed=5, dtype="float64")
    x, _ = made_samples(3, 6)
    gradient = network.input_gradient(x)
    for row in range(3):
        check_gradient(
            gradient[row], lambda row=row: network.predict_proba(x)[row], x[row]
        )


def test_probability_of_a_2_2_1_network_is_the_one_computed_by_hand():
    network = NeuralNetwork((2, 2, 1), dtype="float64")
    network.weights = [np.array([[0.1, -0.2], [0.4, 0.3]]), np.array([[0.5], [-0.6]])]
    network.biases = [np.array([0.05, -0.1]), np.array([0.2])]
    # z1 = x w1 + b1:  1 * 0.1 + 0.5 * 0.4 + 0.05 = 0.35,  1 * -0.2 + 0.5 * 0.3 - 0.1 = -0.15
    z2 = math.tanh(0.35) * 0.5 + math.tanh(-0.15) * -0.6 + 0.2  # about 0.457519
    by_hand = pytest.approx([1 / (1 + math.exp(-z2))] * 2, rel=1e-14)
    assert network.predict_proba(np.array([[1.0, 0.5]] * 2)) == by_hand


# --- the block form against train_step --------------------------------------------------------

CASES = {
    "plain": {},
    "momentum": {"sgd": SGD(momentum=0.9)},
    "l2": {"sgd": SGD(l2=1e-2)},
    "dropout": {"dropout": 0.3},
    "no hidden layer": {"hidden": ()},
    "no hidden layer, momentum and l2": {
        "hidden": (),
        "sgd": SGD(momentum=0.9, l2=1e-2),
    },
    "two hidden layers": {"hidden": (64, 32)},
    "all together": {
        "sgd": SGD(momentum=0.9, l2=1e-4),
        "dropout": 0.3,
        "hidden": (64, 32, 16),
    },
    "strong l2 and momentum": {"sgd": SGD(0.02, momentum=0.5, l2=0.5)},
    "large steps": {"sgd": SGD(0.1)},
    "settings that change": {
        "sgd": SGD(l2=0.01),
        "then": [SGD(momentum=0.9), SGD(0.03, 0.5, 1e-3), SGD()],
        "hidden": (8, 4),
    },
    "one sample": {"order": [5]},
    "less than a block": {"order": range(neural_network.BLOCK - 7)},
    "just a block": {"order": range(neural_network.BLOCK)},
    "a block and a sample": {"order": range(neural_network.BLOCK + 1)},
    "rows repeated and left out": {"sgd": SGD(0.1), "order": [3, 3, 7, 3, 0] * 30},
}
TOLERANCES = {"float64": 1e-10, "float32": 1e-3}
DIGITS = np.arange(150) % 10
DRAWN = made_images(DIGITS).reshape(150, 784) / np.float32(
    255
)  # some inputs are blank in all
IS_8 = (DIGITS == 8).astype(np.float32)


@parametrize("dtype", DTYPES)
@parametrize("case", CASES)
def test_epoch_is_its_steps_in_the_given_order(case, dtype):
    """For two epochs or more, so that velocities and masks go on from one into the next."""
    settings = {"sgd": SGD(), "then": (), "hidden": (64,), "order": None} | CASES[case]
    block, loop = (
        NeuralNetwork(
            (784, *settings["hidden"], 1),
            dropout=settings.get("dropout", 0),
            dtype=dtype,
        )
        for _ in range(2)
    )
    for epoch, sgd in enumerate([settings["sgd"], settings["sgd"], *settings["then"]]):
        order = settings["order"] or np.random.default_rng(epoch).permutation(150)
        loss = block.train_epoch(DRAWN, IS_8, sgd, order)
        losses = [loop.train_step(DRAWN[row], IS_8[row], sgd) for row in order]
        assert loss == pytest.approx(np.mean(losses), rel=TOLERANCES[dtype])
    assert_same(block, loop, TOLERANCES[dtype])


# --- an epoch ---------------------------------------------------------------------------------


def test_default_order_has_every_row_once_and_is_another_one_each_epoch():
    """One-hot rows tell: each moves its own weight alone, less the later it comes (the bias)."""
    network = NeuralNetwork((30, 1), weight_scale=0, dtype="float64")
    orders = []
    for _ in range(2):
        network.weights[0][:] = network.biases[0][:] = 0
        network.train_epoch(np.eye(30), np.zeros(30), SGD(0.001))
        np.testing.assert_allclose(
            network.weights[0], -0.001 * 2 * 0.5 * 0.25, rtol=0.02
        )
        orders.append(np.argsort(network.weights[0][:, 0]).tolist())
    assert orders[0] != orders[1]
    assert sorted(orders[0]) not in orders


def test_same_seed_trains_to_the_same_bits_and_another_to_others():
    x, y = made_samples(50, 12)
    networks = [NeuralNetwork((12, 8, 1), dropout=0.2, seed=seed) for seed in (4, 4, 5)]
    losses = [
        [network.train_epoch(x, y, SGD(0.1)) for _ in range(3)] for network in networks
    ]
    assert losses[0] == losses[1] != losses[2]
    assert_same(*networks[:2])


def test_epoch_counts_its_samples_and_leaves_them_and_the_weights_of_blank_inputs_as_they_were():
    x, y, counts, network = DRAWN.copy(), IS_8.copy(), [], NeuralNetwork((784, 8, 1))
    before, blank = network.weights[0].copy(), ~x.any(axis=0)
    network.train_epoch(x, y, SGD(0.5, momentum=0.5), on_progress=counts.append)
    np.testing.assert_array_equal(x, DRAWN)
    np.testing.assert_array_equal(y, IS_8)
    np.testing.assert_array_equal(network.weights[0][blank], before[blank])
    assert 0 < blank.sum() < 784
    assert counts == sorted(counts)
    assert (len(counts) > 2, counts[-1]) == (True, 150)


@pytest.mark.filterwarnings("error")
@parametrize("dtype", DTYPES)
@parametrize(
    (
        "sgd",
        "order",
    ),  # each update multiplies the weights by -99; one update makes them infinite
    [(SGD(100, l2=1), [*range(150)] * 2), (SGD(1e300, l2=1e300), [0])],
)
def test_divergence_is_told_in_a_line_with_the_settings(dtype, sgd, order):
    network = NeuralNetwork((784, 8, 1), dtype=dtype)
    told = rf"^.*learning_rate={re.escape(str(sgd.learning_rate))}.*lower.*$"
    with pytest.raises(TrainingDivergedError, match=told):
        network.train_epoch(DRAWN, IS_8, sgd, order)


def test_smallest_learning_rate_trains_without_an_error():
    network = NeuralNetwork((784, 8, 1), dtype="float64")
    network.train_epoch(DRAWN, IS_8, SGD(1e-300))


# --- dropout ----------------------------------------------------------------------------------


def test_each_update_drops_other_units_as_often_as_asked_and_scales_the_rest():
    """An update changes w2 by a1 * mask * d_output, and b2 by d_output alone, which tells it."""
    network = NeuralNetwork((6, 50, 1), dropout=0.3, dtype="float64")
    x, masks = made_samples(1, 6)[0][0], []
    for _ in range(400):
        w1, w2, b1, b2 = (array.copy() for array in parameters(network))
        network.train_step(x, 1, SGD(0.001))
        mask = (
            (network.weights[1] - w2)[:, 0]
            / (network.biases[1] - b2)
            / np.tanh(x @ w1 + b1)
        )
        learnt = (network.weights[0] != w1).any(axis=0)
        np.testing.assert_array_equal(
            learnt, np.abs(mask) > 1e-6
        )  # a dropped unit learns nothing
        masks.append(mask)
    masks, kept = np.array(masks), np.abs(masks) > 1e-6
    np.testing.assert_allclose(masks[kept], 1 / 0.7, rtol=1e-6)
    assert kept.mean() == pytest.approx(0.7, abs=5 * math.sqrt(0.21 / masks.size))
    assert len(np.unique(kept, axis=0)) > 390


# --- save and load ----------------------------------------------------------------------------

X, Y = made_samples(20, 6)


@pytest.fixture
def saved(tmp_path) -> Path:
    """The file of a network that was trained with momentum, dropout and two hidden layers."""
    network = NeuralNetwork((6, 5, 4, 1), dropout=0.25, seed=2)
    network.metadata = {"dataset": "made", "digit": 8}
    network.train_epoch(X, Y, SGD(0.1, momentum=0.5))
    network.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


@parametrize("dtype", DTYPES)
@parametrize("sgd", [SGD(0.1), SGD(0.1, momentum=0.9, l2=0.01)])
def test_loaded_network_goes_on_as_if_it_had_never_stopped(tmp_path, sgd, dtype):
    network = NeuralNetwork((6, 5, 4, 1), dropout=0.25, dtype=dtype, seed=3)
    network.metadata = {"digit": 3, "history": [{"loss": 0.1}]}
    network.train_epoch(X, Y, sgd)
    network.save(tmp_path / "half")
    loaded = NeuralNetwork.load(str(tmp_path / "half"))
    with np.load(tmp_path / "half") as file:
        assert ("vw1" in file) == (sgd.momentum > 0)
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    assert (loaded.layer_sizes, loaded.dropout, loaded.dtype) == (
        (6, 5, 4, 1),
        0.25,
        dtype,
    )
    assert loaded.metadata == network.metadata
    for one in network, loaded:
        one.train_epoch(X, Y, sgd)  # shuffles, draws masks, has velocities
        one.train_step(X[0], Y[0], sgd)
    assert saved_bytes(loaded, tmp_path / "a") == saved_bytes(network, tmp_path / "b")


def test_same_network_is_saved_to_the_same_bytes_at_any_time(
    saved, tmp_path, monkeypatch
):
    network, later = NeuralNetwork.load(saved), time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(later))
    assert saved_bytes(network, tmp_path / "no-suffix") == saved.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "model.npz",
        "no-suffix",
    ]


class Trap:
    """Unpickling it makes a directory."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


ONE_ARRAY = io.BytesIO()
np.save(ONE_ARRAY, np.zeros(3))
NO_LAYERS = np.array(b'{"layer_sizes": [], "dropout": 0, "generators": []}')
TRAP = "a pickled object"
NO_MODELS = [  # the file's content, or the arrays that are changed in a good one; None: left out
    *(b"", b"PK\3\4", b"<html>", bytes(1000), b"\x93NUMPY\1\0", ONE_ARRAY.getvalue()),
    *({name: None} for name in ("network", "metadata", "w1", "b3", "vw2")),
    *({"w1": np.zeros(shape, np.float32)} for shape in ((6, 4), 10, (1, 5))),
    *({"w1": np.zeros((6, 5), dtype)} for dtype in ("float64", "float16", ">f4")),
    *({"network": text} for text in (np.array(b""), np.array(b"{}"), NO_LAYERS)),
    *({"network": np.array(b"[" * 100_000)}, {"metadata": np.array(b"5")}),
    *({"stranger": np.zeros(3)}, {"metadata": TRAP}, {"w1": TRAP}),
]


@parametrize("change", NO_MODELS, ids=range(len(NO_MODELS)))
@pytest.mark.filterwarnings("error")  # such as that of a file left open
def test_file_that_is_no_model_is_refused_in_a_line_and_never_unpickled(saved, change):
    if isinstance(change, bytes):
        saved.write_bytes(change)
    else:
        trap = np.array([Trap(saved.parent / "sprung")], dtype=object)
        with np.load(saved) as file:
            arrays = dict(file) | {
                name: trap if v is TRAP else v for name, v in change.items()
            }
        np.savez(
            saved,
            **{name: value for name, value in arrays.items() if value is not None},
        )
    with pytest.raises(
        ModelError, match=rf"^{saved}: damaged, or not a model of this project.*$"
    ):
        NeuralNetwork.load(saved)
    assert not (saved.parent / "sprung").exists()


@parametrize("claims", ["layer_sizes", "headers", "headers and data"])
def test_small_file_that_claims_a_huge_network_costs_nothing(saved, claims):
    """10,000 hidden units: 31 MB of weights."""
    with np.load(saved) as file:
        arrays = dict(file)
    spec = json.loads(arrays["network"].item()) | {"layer_sizes": [784, 10_000, 1]}
    arrays["network"] = np.array(json.dumps(spec).encode())
    with zipfile.ZipFile(saved, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in arrays.items():
            shape = {
                "w1": (784, 10_000),
                "b1": (10_000,),
                "w2": (10_000, 1),
                "b2": (1,),
            }.get(name)
            with archive.open(f"{name}.npy", "w") as member:
                if shape is None or claims == "layer_sizes":
                    np.save(member, array)
                    continue
                header = {"descr": "<f4", "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                for _ in range(shape[0] if claims == "headers and data" else 0):
                    member.write(bytes(4 * math.prod(shape[1:])))
    assert saved.stat().st_size < 10**6
    tracemalloc.start()
    with pytest.raises(ModelError, match="damaged"):
        NeuralNetwork.load(saved)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10**6


def test_missing_model_says_how_to_get_one(tmp_path):
    with pytest.raises(
        ModelError, match=r"absent does not exist; run train_network\.py"
    ):
        NeuralNetwork.load(tmp_path / "absent")
    with pytest.raises(
        ModelError, match=rf"^{tmp_path}: cannot be read: not a regular file"
    ):
        NeuralNetwork.load(tmp_path)


# --- refused arguments ------------------------------------------------------------------------

SMALL, IMAGES, TARGETS = NeuralNetwork((6, 5, 1)), np.zeros((4, 6)), np.zeros(4)
SIZES = [
    784,
    (),
    (6,),
    (6, 5),
    (6, 0, 1),
    (6, -5, 1),
    (6, 2.5, 1),
    (6, "5", 1),
    (6, 10**18, 1),
]
REFUSED = [  # what takes the setting, the range that it names, values outside of it
    (SGD, "learning_rate", "a number above 0", [0, -1, NAN, math.inf, "fast", None]),
    (SGD, "momentum", "from 0 to below 1", [-0.1, 1, NAN]),
    (SGD, "l2", "from 0 up", [-0.1, NAN, math.inf]),
    (NeuralNetwork, "dropout", "from 0 to below 1", [1, -0.5, NAN]),
    (NeuralNetwork, "weight_scale", "from 0 to 1000", [-1, 1e300, NAN, True, "0.1"]),
    (
        NeuralNetwork,
        "seed",
        "a whole number, at least 0",
        [-1, 1.5, "x", NAN, math.inf],
    ),
    (NeuralNetwork, "dtype", "float32 or float64", ["float16", "nonsense", int, None]),
    (NeuralNetwork, "layer_sizes", "whole numbers from 1", SIZES),
    (
        partial(SMALL.predict, IMAGES),
        "threshold",
        "from 0 to 1",
        [-0.1, 1.1, NAN, None],
    ),
    (
        partial(SMALL.train_epoch, IMAGES, TARGETS),
        "sgd",
        "an SGD, such",
        [0.01, None, "fast"],
    ),
    (partial(SMALL.train_step, IMAGES[0], 0), "sgd", "an SGD, such", [0.01]),
]


@parametrize(
    ("takes", "name", "allowed", "value"),
    [(*row, v) for *row, values in REFUSED for v in values],
)
def test_setting_out_of_its_range_is_refused_with_value_and_range(
    takes, name, allowed, value
):
    told = rf"^{re.escape(f'{name} is {value!r}')}; it must be .*{allowed}"
    with pytest.raises(ValueError, match=told):
        takes(**{name: value})


NO_ROWS = np.array([], int)
WRONG = [
    ({"x": np.zeros((4, 7))}, r"inputs: shape \(4, 7\).* \(n, 6\)"),
    ({"x": np.zeros(6)}, r"inputs: shape \(6,\).* \(n, 6\)"),
    ({"x": np.full((4, 6), "0")}, "inputs: .*must be numbers"),
    (
        {"x": np.full((4, 6), 255, np.uint8)},
        "values from 255 to 255; whole numbers: divide by 255",
    ),
    ({"x": np.full((4, 6), NAN)}, "inputs: values from nan"),
    ({"x": np.full((4, 6), math.inf)}, "inputs: values from inf"),
    ({"y": np.zeros(3)}, r"targets: shape \(3,\).* \(4\)"),
    ({"y": np.zeros((4, 1))}, r"targets: shape \(4, 1\)"),
    (
        {"y": np.array([0, 0, 1.5, 0])},
        r"targets: values from 0 to 1\.5; .*targets\(8\) makes them",
    ),
    ({"y": np.array([0, NAN, 0, 0])}, "targets: values from nan"),
    ({"y": np.array(["a"] * 4)}, "targets: .*must be numbers"),
    *(({"order": order}, "from 0 to 3") for order in ([0, 4], [-1, 0])),
    *(
        ({"order": order}, "at least one row number")
        for order in ([0.0], [[0, 1]], NO_ROWS)
    ),
    *(({"step": True, "x": x}, "inputs: ") for x in (np.zeros(5), np.full(6, NAN))),
    ({"step": True, "x": IMAGES[0], "y": 2}, "targets: values from 2 to 2"),
]


@parametrize(("change", "complaint"), WRONG, ids=range(len(WRONG)))
def test_samples_of_a_wrong_shape_type_or_range_are_refused(change, complaint):
    samples = {"x": IMAGES, "y": TARGETS} | change
    train = SMALL.train_step if samples.pop("step", False) else SMALL.train_epoch
    with pytest.raises(ValueError, match=complaint):
        train(**samples)
