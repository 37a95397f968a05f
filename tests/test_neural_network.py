"""neural_network: held against finite differences, closed forms and arithmetic written out here.

Nothing in here that is compared with comes from the module itself, but for its forward pass in the
finite differences, which the hand-computed network checks.
"""

from __future__ import annotations

import gc
import io
import json
import math
import random
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from neural_network import (
    SGD,
    ModelError,
    NeuralNetwork,
    TrainingDivergedError,
    sigmoid,
    sigmoid_derivative,
    tanh,
    tanh_derivative,
)

DTYPES = ["float32", "float64"]


def made_samples(n: int, n_in: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.random((n, n_in)), (rng.random(n) < 0.5).astype(float)


def parameters(network: NeuralNetwork) -> list[np.ndarray]:
    return [array.copy() for array in network.weights + network.biases]


def assert_same(network: NeuralNetwork, other: NeuralNetwork, **tolerance: float) -> None:
    for mine, others in zip(parameters(network), parameters(other), strict=True):
        np.testing.assert_allclose(mine, others, **tolerance or {"rtol": 0, "atol": 0})


# --- activations ------------------------------------------------------------------------------

POINTS = np.array([-30, -5, -1, -0.1, 0, 0.1, 1, 5, 30])


def test_sigmoid_is_its_formula():
    expected = [1 / (1 + math.exp(-z)) for z in POINTS]
    np.testing.assert_allclose(sigmoid(POINTS), expected, rtol=1e-14)


def test_tanh_is_its_formula():
    expected = [(math.exp(z) - math.exp(-z)) / (math.exp(z) + math.exp(-z)) for z in POINTS]
    np.testing.assert_allclose(tanh(POINTS), expected, rtol=1e-13)


@pytest.mark.parametrize("dtype", DTYPES)
def test_sigmoid_of_a_thousand_neither_overflows_nor_warns(dtype):
    z = np.array([-1000, 1000, -88, 88, -104, 0], dtype)
    with np.errstate(all="raise"), warnings.catch_warnings():
        warnings.simplefilter("error")
        a = sigmoid(z)
    assert a.dtype == dtype
    assert a[[0, 1, 5]].tolist() == [0, 1, 0.5]
    assert ((a >= 0) & (a <= 1)).all()


def test_sigmoid_keeps_small_probabilities():
    assert sigmoid(np.array([-700.0]))[0] == pytest.approx(math.exp(-700), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "derivative"), [(sigmoid, sigmoid_derivative), (tanh, tanh_derivative)]
)
def test_derivative_of_the_activation_is_its_slope(function, derivative):
    z, h = np.linspace(-4, 4, 33), 1e-5
    slope = (function(z + h) - function(z - h)) / (2 * h)
    np.testing.assert_allclose(derivative(function(z)), slope, rtol=1e-8)


# --- the network ------------------------------------------------------------------------------


def test_new_network_has_the_shapes_of_its_layers_and_no_biases():
    network = NeuralNetwork((5, 4, 3, 1))
    assert [w.shape for w in network.weights] == [(5, 4), (4, 3), (3, 1)]
    assert [b.shape for b in network.biases] == [(4,), (3,), (1,)]
    assert not any(b.any() for b in network.biases)


def test_lab_network_is_784_64_1_in_float32():
    network = NeuralNetwork()
    assert [w.shape for w in network.weights] == [(784, 64), (64, 1)]
    assert {array.dtype for array in parameters(network)} == {np.dtype("float32")}


@pytest.mark.parametrize("scale", [0.1, 0.5])
def test_starting_weights_are_normal_with_the_given_scale(scale):
    w = NeuralNetwork((400, 250, 1), weight_scale=scale, dtype="float64").weights[0] / scale
    assert w.mean() == pytest.approx(0, abs=5 / math.sqrt(w.size))
    assert w.std() == pytest.approx(1, abs=5 / math.sqrt(2 * w.size))
    assert (w**4).mean() == pytest.approx(3, abs=0.2)  # a uniform distribution has 1.8


def test_same_seed_gives_the_same_weights():
    assert_same(NeuralNetwork((9, 4, 1), seed=3), NeuralNetwork((9, 4, 1), seed=3))


def test_another_seed_gives_other_weights():
    first, second = (NeuralNetwork((9, 4, 1), seed=seed).weights[0] for seed in (0, 1))
    assert not np.any(first == second)


def test_dropout_leaves_the_starting_weights_as_they_were():
    assert_same(NeuralNetwork((9, 4, 1), dropout=0.5), NeuralNetwork((9, 4, 1)))


def test_predictions_have_one_value_an_image():
    network = NeuralNetwork((5, 4, 1))
    x, _ = made_samples(7, 5)
    probabilities = network.predict_proba(x)
    assert probabilities.shape == (7,)
    assert probabilities.dtype == np.float32
    assert ((probabilities > 0) & (probabilities < 1)).all()
    answers = network.predict(x)
    assert answers.shape == (7,)
    assert answers.dtype == bool


def test_predictions_of_no_images_are_empty():
    assert NeuralNetwork((5, 4, 1)).predict(np.zeros((0, 5))).shape == (0,)


def test_answer_is_yes_from_the_threshold_up():
    network = NeuralNetwork((5, 4, 1))
    x, _ = made_samples(50, 5)
    probabilities = network.predict_proba(x)
    threshold = float(np.median(probabilities[:49]))  # one of them, so that it is met exactly
    assert threshold in probabilities
    assert network.predict(x, threshold).tolist() == (probabilities >= threshold).tolist()
    assert network.predict(x).tolist() == (probabilities >= 0.5).tolist()


# --- one update, by hand ----------------------------------------------------------------------


def test_train_step_on_a_2_2_1_network_gives_the_weights_computed_by_hand():
    network = NeuralNetwork((2, 2, 1), dtype="float64")
    network.weights[0][:] = [[0.1, -0.2], [0.4, 0.3]]
    network.weights[1][:] = [[0.5], [-0.6]]
    network.biases[0][:] = [0.05, -0.1]
    network.biases[1][:] = [0.2]

    loss = network.train_step(np.array([1.0, 0.5]), 1, SGD(learning_rate=0.5))

    # z1 = x w1 + b1:  1 * 0.1 + 0.5 * 0.4 + 0.05 = 0.35,  1 * -0.2 + 0.5 * 0.3 - 0.1 = -0.15
    h1, h2 = math.tanh(0.35), math.tanh(-0.15)
    # z2 = h w2 + b2, about 0.4575
    p = 1 / (1 + math.exp(-(h1 * 0.5 + h2 * -0.6 + 0.2)))
    d_output = 2 * (p - 1) * p * (1 - p)
    d_1 = d_output * 0.5 * (1 - h1 * h1)  # through w2 as it was before the update
    d_2 = d_output * -0.6 * (1 - h2 * h2)
    expected = [
        [
            [0.1 - 0.5 * 1.0 * d_1, -0.2 - 0.5 * 1.0 * d_2],
            [0.4 - 0.5 * 0.5 * d_1, 0.3 - 0.25 * d_2],
        ],
        [[0.5 - 0.5 * h1 * d_output], [-0.6 - 0.5 * h2 * d_output]],
        [0.05 - 0.5 * d_1, -0.1 - 0.5 * d_2],
        [0.2 - 0.5 * d_output],
    ]
    assert loss == pytest.approx((p - 1) ** 2, rel=1e-14)
    # With tanh 0.35 = 0.336376, tanh 0.15 = 0.148885: 1 / (1 + e^-0.457519) = 1 / 1.632852.
    assert p == pytest.approx(0.612425, abs=1e-6)
    for array, by_hand in zip(parameters(network), expected, strict=True):
        np.testing.assert_allclose(array, by_hand, rtol=1e-14)


# --- backpropagation against central differences ----------------------------------------------

LAYERS = {1: (6, 1), 2: (6, 5, 1), 3: (6, 5, 4, 1)}


@pytest.mark.parametrize("l2", [0, 0.3])
@pytest.mark.parametrize("weight_layers", LAYERS)
@pytest.mark.parametrize("y", [0, 1])
def test_backpropagation_agrees_with_central_differences(weight_layers, l2, y):
    """The gradient is what one update with learning rate 1 takes from the weights."""
    network = NeuralNetwork(LAYERS[weight_layers], weight_scale=0.7, seed=5, dtype="float64")
    for b in network.biases:
        b += 0.1
    x = made_samples(1, 6)[0]

    def loss() -> float:
        decay = sum(float((w**2).sum()) for w in network.weights)
        return float((network.predict_proba(x)[0] - y) ** 2) + l2 / 2 * decay

    numeric = []
    h = 1e-5
    for array in network.weights + network.biases:
        gradient = np.empty_like(array)
        for place in np.ndindex(array.shape):
            kept = array[place]
            array[place] = kept + h
            above = loss()
            array[place] = kept - h
            below = loss()
            array[place] = kept
            gradient[place] = (above - below) / (2 * h)
        numeric.append(gradient)

    before = parameters(network)
    network.train_step(x[0], y, SGD(learning_rate=1, l2=l2))
    for old, new, gradient in zip(before, parameters(network), numeric, strict=True):
        assert np.linalg.norm(gradient) > 1e-3  # there is something to agree about
        assert np.linalg.norm((old - new) - gradient) <= 1e-7 * np.linalg.norm(gradient)


# --- momentum and L2 over many updates --------------------------------------------------------


class PlainNetwork:
    """The lab sheet's network and DESIGN's update rule in lists and loops of Python floats."""

    def __init__(self, network: NeuralNetwork):
        self.weights = [w.tolist() for w in network.weights]
        self.biases = [b.tolist() for b in network.biases]
        self.v_weights = [[[0.0] * len(row) for row in w] for w in self.weights]
        self.v_biases = [[0.0] * len(b) for b in self.biases]

    def train_step(self, x, y, sgd):
        inputs = [list(map(float, x))]
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True)):
            z = [
                sum(a * row[j] for a, row in zip(inputs[-1], w, strict=True)) + b[j]
                for j in range(len(b))
            ]
            last = layer == len(self.weights) - 1
            inputs.append([1 / (1 + math.exp(-v)) if last else math.tanh(v) for v in z])
        p = inputs.pop()[0]
        d = [2 * (p - y) * p * (1 - p)]
        for layer in reversed(range(len(self.weights))):
            w, b, a = self.weights[layer], self.biases[layer], inputs[layer]
            down = [
                sum(row[j] * d[j] for j in range(len(d))) * (1 - a_i * a_i)
                for row, a_i in zip(w, a, strict=True)
            ]
            for j in range(len(d)):
                for i in range(len(a)):
                    g = a[i] * d[j] + sgd.l2 * w[i][j]
                    self.v_weights[layer][i][j] = sgd.momentum * self.v_weights[layer][i][j] + g
                    w[i][j] -= sgd.learning_rate * self.v_weights[layer][i][j]
                self.v_biases[layer][j] = sgd.momentum * self.v_biases[layer][j] + d[j]
                b[j] -= sgd.learning_rate * self.v_biases[layer][j]
            d = down
        return (p - y) ** 2


RULES = [
    SGD(0.2),
    SGD(0.2, momentum=0.9),
    SGD(0.2, l2=0.05),
    SGD(0.1, momentum=0.5, l2=0.01),
]


@pytest.mark.parametrize("sgd", RULES, ids=str)
@pytest.mark.parametrize("weight_layers", LAYERS)
@pytest.mark.parametrize("whole_epoch", [False, True])
def test_updates_follow_the_rule_written_out_in_python(weight_layers, sgd, whole_epoch):
    network = NeuralNetwork(LAYERS[weight_layers], weight_scale=0.5, dtype="float64")
    plain = PlainNetwork(network)
    x, y = made_samples(20, 6)
    order = np.random.default_rng(1).permutation(20)
    expected = [plain.train_step(x[row], y[row], sgd) for row in order]
    if whole_epoch:
        assert network.train_epoch(x, y, sgd, order) == pytest.approx(sum(expected) / 20, rel=1e-10)
    else:
        losses = [network.train_step(x[row], y[row], sgd) for row in order]
        np.testing.assert_allclose(losses, expected, rtol=1e-10)
    for array, plainly in zip(parameters(network), plain.weights + plain.biases, strict=True):
        np.testing.assert_allclose(array, plainly, rtol=1e-10, atol=1e-12)


def test_float32_network_follows_the_same_rule():
    network = NeuralNetwork((6, 5, 1), weight_scale=0.5)
    plain = PlainNetwork(network)
    x, y = made_samples(20, 6)
    sgd = SGD(0.1, momentum=0.5, l2=0.01)
    network.train_epoch(x.astype(np.float32), y, sgd, np.arange(20))
    for row in range(20):
        plain.train_step(x[row], y[row], sgd)
    for array, plainly in zip(parameters(network), plain.weights + plain.biases, strict=True):
        assert array.dtype == np.float32
        np.testing.assert_allclose(array, plainly, rtol=1e-4, atol=1e-6)


# --- an epoch ---------------------------------------------------------------------------------


@pytest.mark.parametrize("dropout", [0, 0.3])
@pytest.mark.parametrize("sgd", RULES, ids=str)
def test_epoch_is_its_steps_in_the_given_order(sgd, dropout):
    """Two epochs, as momentum and masks go on from one into the next; 150 is no round number."""
    epochs, steps = (NeuralNetwork((12, 8, 4, 1), dropout=dropout, dtype="float64") for _ in "ab")
    x, y = made_samples(60, 12)
    order = np.random.default_rng(2).integers(0, 60, 150)  # some rows often, some never
    for _ in range(2):
        loss = epochs.train_epoch(x, y, sgd, order)
        losses = [steps.train_step(x[row], y[row], sgd) for row in order]
        assert loss == pytest.approx(np.mean(losses), rel=1e-10)
    assert_same(epochs, steps, rtol=1e-10, atol=1e-11)


def test_order_of_an_epoch_makes_a_difference():
    forward, backward = (NeuralNetwork((12, 8, 1), dtype="float64") for _ in "ab")
    x, y = made_samples(60, 12)
    forward.train_epoch(x, y, SGD(0.1), np.arange(60))
    backward.train_epoch(x, y, SGD(0.1), np.arange(60)[::-1])
    assert np.abs(forward.weights[0] - backward.weights[0]).max() > 1e-6


def test_default_order_has_every_row_once():
    """One-hot rows tell: each moves its own weight alone, and about as far as one update does."""
    network = NeuralNetwork((30, 1), weight_scale=0, dtype="float64")
    network.train_epoch(np.eye(30), np.zeros(30), SGD(0.001))
    np.testing.assert_allclose(network.weights[0], -0.001 * 2 * 0.5 * 0.25, rtol=0.02)


def test_default_order_is_another_one_each_epoch():
    """Not shuffled, equal weights would move by amounts that rise or fall with the row."""
    network = NeuralNetwork((30, 1), weight_scale=0, dtype="float64")
    orders = []
    for _ in range(2):
        network.weights[0][:] = network.biases[0][:] = 0
        network.train_epoch(np.eye(30), np.zeros(30), SGD(0.1))
        orders.append(np.argsort(network.weights[0][:, 0]).tolist())  # the bias shrinks the steps
    assert orders[0] != orders[1]
    assert sorted(orders[0]) != orders[0]


def test_same_seed_trains_to_the_same_bits():
    x, y = made_samples(50, 12)
    networks = [NeuralNetwork((12, 8, 1), dropout=0.2, seed=4) for _ in "ab"]
    losses = [[network.train_epoch(x, y, SGD(0.1)) for _ in range(3)] for network in networks]
    assert losses[0] == losses[1]
    assert_same(*networks)


def test_another_seed_takes_another_order():
    x, y = made_samples(50, 12)
    networks = [NeuralNetwork((12, 1), weight_scale=0, seed=seed) for seed in (0, 1)]
    for network in networks:
        network.train_epoch(x, y, SGD(0.1))
    assert np.any(networks[0].weights[0] != networks[1].weights[0])


def test_training_lowers_the_loss_of_a_learnable_task():
    network = NeuralNetwork((2, 8, 1), weight_scale=0.5, seed=1)
    x = np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.float32)
    y = np.array([0, 1, 1, 0], np.float32)  # exclusive or, which needs the hidden layer
    for _ in range(400):
        loss = network.train_epoch(x, y, SGD(0.3, momentum=0.9))
    assert loss < 0.01
    assert network.predict(x).tolist() == [False, True, True, False]


def test_training_leaves_its_samples_as_they_were():
    x, y = made_samples(20, 6)
    kept = x.copy(), y.copy()
    NeuralNetwork((6, 5, 1), dropout=0.5, dtype="float64").train_epoch(x, y, SGD(0.5, 0.5, 0.1))
    np.testing.assert_array_equal(x, kept[0])
    np.testing.assert_array_equal(y, kept[1])


def test_progress_rises_within_an_epoch_and_never_exceeds_it():
    x, y = made_samples(600, 6)
    reported = []
    NeuralNetwork((6, 3, 1)).train_epoch(x, y, SGD(), on_progress=reported.append)
    assert len(reported) >= 2
    assert reported == sorted(reported)
    assert 0 <= reported[0] <= reported[-1] <= 600


@pytest.mark.parametrize("dtype", DTYPES)
def test_divergence_is_told_with_the_settings_and_without_warnings(dtype):
    network = NeuralNetwork((6, 5, 1), dtype=dtype)
    x, y = made_samples(500, 6)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(TrainingDivergedError, match="learning_rate=10"):
            network.train_epoch(x, y, SGD(learning_rate=10, l2=10))  # each weight times -99


# --- dropout ----------------------------------------------------------------------------------


def mask_of_a_step(network: NeuralNetwork, x: np.ndarray) -> np.ndarray:
    """The mask of one update, told from what it did.

    It changes w2 by a1 * mask * d_output and b2 by d_output alone, each times the learning rate.
    """
    a1 = np.tanh(x @ network.weights[0] + network.biases[0])
    w2, b2 = network.weights[1].copy(), network.biases[1].copy()
    network.train_step(x, 1, SGD(0.001))
    return (network.weights[1] - w2)[:, 0] / (network.biases[1] - b2) / a1


@pytest.mark.parametrize("dropout", [0, 0.2, 0.5])
def test_dropped_units_are_zero_and_the_others_scaled_to_make_up(dropout):
    network = NeuralNetwork((6, 300, 1), dropout=dropout, dtype="float64")
    mask = mask_of_a_step(network, made_samples(1, 6)[0][0])
    kept = np.abs(mask) > 1e-6
    np.testing.assert_allclose(mask[kept], 1 / (1 - dropout), rtol=1e-6)
    np.testing.assert_allclose(mask[~kept], 0, atol=1e-9)
    assert (~kept).sum() == 0 if dropout == 0 else 0 < (~kept).sum() < 300


def test_dropped_units_learn_nothing_from_the_sample():
    network = NeuralNetwork((6, 40, 1), dropout=0.5, dtype="float64")
    before = network.weights[0].copy()
    dropped = np.abs(mask_of_a_step(network, made_samples(1, 6)[0][0])) < 1e-6
    moved = (network.weights[0] != before).any(axis=0)
    np.testing.assert_array_equal(moved, ~dropped)


def test_dropout_drops_each_unit_as_often_as_asked():
    network = NeuralNetwork((6, 50, 1), dropout=0.3, dtype="float64")
    x = made_samples(1, 6)[0][0]
    masks = np.array([mask_of_a_step(network, x) for _ in range(400)])
    spread = math.sqrt(0.3 * 0.7)
    assert np.mean(masks < 0.5) == pytest.approx(0.3, abs=5 * spread / math.sqrt(masks.size))
    assert masks.mean() == pytest.approx(1, abs=5 * spread / 0.7 / math.sqrt(masks.size))
    assert masks.mean(axis=0) == pytest.approx(1, abs=5 * spread / 0.7 / math.sqrt(400))


def test_each_update_draws_a_fresh_mask_and_the_same_seed_the_same_ones():
    x = made_samples(1, 6)[0][0]
    runs = []
    for seed in (7, 7, 8):
        network = NeuralNetwork((6, 30, 1), dropout=0.5, seed=seed, dtype="float64")
        runs.append([(np.abs(mask_of_a_step(network, x)) > 1e-6).tolist() for _ in range(5)])
    assert runs[0] == runs[1]
    assert runs[0] != runs[2]
    assert len({tuple(mask) for mask in runs[0]}) == 5


def test_prediction_drops_nothing():
    x, _ = made_samples(5, 6)
    dropping, whole = NeuralNetwork((6, 30, 1), dropout=0.5), NeuralNetwork((6, 30, 1))
    np.testing.assert_array_equal(dropping.predict_proba(x), whole.predict_proba(x))


# --- save and load ----------------------------------------------------------------------------


@pytest.fixture
def trained() -> NeuralNetwork:
    network = NeuralNetwork((6, 5, 4, 1), dropout=0.25, seed=2)
    network.metadata = {"dataset": "made", "digit": 8}
    x, y = made_samples(20, 6)
    network.train_epoch(x, y, SGD(0.1, momentum=0.5))
    return network


@pytest.fixture
def saved(tmp_path: Path, trained: NeuralNetwork) -> Path:
    path = tmp_path / "model.npz"
    trained.save(path)
    return path


@pytest.mark.parametrize("dtype", DTYPES)
def test_loaded_network_is_the_saved_one(tmp_path, dtype):
    network = NeuralNetwork((6, 5, 1), dropout=0.25, dtype=dtype)
    network.metadata = {"digit": 3}
    network.save(tmp_path / "model.npz")
    loaded = NeuralNetwork.load(tmp_path / "model.npz")
    assert_same(loaded, network)
    assert loaded.dtype == network.dtype
    assert (loaded.layer_sizes, loaded.dropout) == ((6, 5, 1), 0.25)
    assert loaded.metadata == {"digit": 3}
    x, _ = made_samples(9, 6)
    np.testing.assert_array_equal(loaded.predict_proba(x), network.predict_proba(x))


def test_loaded_network_can_be_trained(saved):
    x, y = made_samples(20, 6)
    assert 0 < NeuralNetwork.load(saved).train_epoch(x, y, SGD(0.1, momentum=0.5)) < 1


def test_path_is_taken_as_it_is(tmp_path, trained):
    trained.save(str(tmp_path / "model"))  # without NumPy's habit of adding .npz
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_same_network_is_saved_to_the_same_bytes_at_any_time(tmp_path, trained, monkeypatch):
    trained.save(tmp_path / "now")
    later = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(later))
    trained.save(tmp_path / "later")
    assert (tmp_path / "now").read_bytes() == (tmp_path / "later").read_bytes()


def test_saved_model_is_readable_without_pickle(saved, trained):
    with np.load(saved, allow_pickle=False) as file:
        assert {"w1", "b1", "w2", "b2", "w3", "b3"} <= set(file.files)
        np.testing.assert_array_equal(file["w1"], trained.weights[0])


def refusal(path: Path) -> str:
    with pytest.raises(ModelError) as caught:
        NeuralNetwork.load(path)
    text = str(caught.value)
    assert str(path) in text
    assert "\n" not in text
    return text


def rewritten(path: Path, **changes: object) -> Path:
    """Save the model file again with some of its arrays replaced."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files}
    np.savez(
        path, **{name: value for name, value in (arrays | changes).items() if value is not None}
    )
    return path


def test_missing_model_says_how_to_get_one(tmp_path):
    text = refusal(tmp_path / "model.npz")
    assert "does not exist" in text
    assert "train_network.py" in text


def test_directory_in_place_of_the_model_is_refused(tmp_path):
    assert "cannot be read" in refusal(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"<html>", bytes(1000), b"\x93NUMPY\1\0"])
def test_garbage_in_place_of_the_model_is_refused(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    assert "not a model of this project" in refusal(path)


def test_single_array_in_place_of_the_model_is_refused(tmp_path):
    content = io.BytesIO()
    np.save(content, np.zeros(3))
    (tmp_path / "model.npz").write_bytes(content.getvalue())
    assert "not a model of this project" in refusal(tmp_path / "model.npz")


def test_foreign_npz_is_refused(tmp_path):
    np.savez(tmp_path / "model.npz", x_train=np.zeros(3))
    assert "not a model of this project" in refusal(tmp_path / "model.npz")


class Trap:
    """Unpickling it makes a directory."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


@pytest.mark.parametrize("name", ["settings", "w1"])
def test_pickled_objects_are_refused_unopened(saved, name):
    sprung = saved.parent / "sprung"
    rewritten(saved, **{name: np.array([Trap(sprung)], dtype=object)})
    assert "not a model of this project" in refusal(saved)
    assert not sprung.exists()


@pytest.mark.parametrize("name", ["settings", "w1", "b3"])
def test_model_that_lacks_a_part_is_refused(saved, name):
    assert "not a model of this project" in refusal(rewritten(saved, **{name: None}))


@pytest.mark.parametrize(
    ("name", "shape"), [("w1", (6, 4)), ("w1", (5, 5)), ("w2", (20,)), ("b2", (5,)), ("b3", ())]
)
def test_model_whose_shapes_disagree_is_refused(saved, name, shape):
    text = refusal(rewritten(saved, **{name: np.zeros(shape, np.float32)}))
    assert f"w{name[1]} and b{name[1]} have shapes" in text
    assert str(shape) in text


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_model_with_a_number_that_is_not_finite_is_refused(saved, trained, value):
    trained.biases[1][2] = value
    assert "not all finite" in refusal(rewritten(saved, b2=trained.biases[1]))


def test_model_of_mixed_types_is_refused(saved, trained):
    assert "float32" in refusal(rewritten(saved, w2=trained.weights[1].astype(np.float64)))


@pytest.mark.parametrize("dtype", ["int64", "float16", "U5"])
def test_model_of_a_foreign_type_is_refused(saved, trained, dtype):
    arrays = {f"w{n}": w.astype(dtype) for n, w in enumerate(trained.weights, start=1)}
    arrays |= {f"b{n}": b.astype(dtype) for n, b in enumerate(trained.biases, start=1)}
    refusal(rewritten(saved, **arrays))


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"layer_sizes": 7, "dropout": 0, "metadata": {}}',
        '{"layer_sizes": [], "dropout": 0, "metadata": {}}',
        '{"layer_sizes": [6, 5, 4, 2], "dropout": 0, "metadata": {}}',
        '{"layer_sizes": [6, 5, 4, 1], "dropout": 2, "metadata": {}}',
        '{"layer_sizes": [6, 5, 4, 1], "dropout": 0, "metadata": 5}',
        "[" * 100_000,
    ],
)
def test_model_with_senseless_settings_is_refused(saved, settings):
    assert "not a model of this project" in refusal(rewritten(saved, settings=np.array(settings)))


def test_model_cut_off_anywhere_is_refused(saved):
    content = saved.read_bytes()
    for length in range(0, len(content), 23):
        saved.write_bytes(content[:length])
        refusal(saved)


@pytest.mark.parametrize("content", [b"", b"PK\3\4 and no more", b"<html>"])
def test_refused_model_is_not_left_open(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        refusal(path)
        gc.collect()
    assert [str(warning.message) for warning in warned] == []


def test_damaged_model_is_refused_or_unharmed(saved, trained):
    """Checksums find a flipped bit in the arrays; elsewhere it may have no effect."""
    content = saved.read_bytes()
    rng = random.Random(0)
    refused = 0
    for _ in range(300):
        damaged = bytearray(content)
        damaged[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        saved.write_bytes(damaged)
        try:
            loaded = NeuralNetwork.load(saved)
        except ModelError:
            refused += 1
        else:
            assert_same(loaded, trained)
    assert refused > 100


def test_model_that_promises_a_vast_array_is_refused(saved):
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        header, {"descr": "<f4", "fortran_order": False, "shape": (2**40, 2**10)}
    )
    settings = {"layer_sizes": [2**40, 1], "dropout": 0, "metadata": {}}
    with np.load(saved) as file:
        b1 = file["b1"]
    np.savez(saved, settings=np.array(json.dumps(settings)), b1=b1)
    with zipfile.ZipFile(saved, "a") as file:
        file.writestr("w1.npy", header.getvalue() + bytes(100))
    assert "not a model of this project" in refusal(saved)


# --- refused arguments ------------------------------------------------------------------------

NAN = float("nan")


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("learning_rate", 0, "above 0"),
        ("learning_rate", -1, "above 0"),
        ("learning_rate", NAN, "above 0"),
        ("learning_rate", math.inf, "above 0"),
        ("learning_rate", "fast", "a number"),
        ("learning_rate", None, "a number"),
        ("momentum", -0.1, "at least 0 and below 1"),
        ("momentum", 1, "at least 0 and below 1"),
        ("momentum", NAN, "at least 0 and below 1"),
        ("l2", -0.1, "at least 0"),
        ("l2", NAN, "at least 0"),
    ],
)
def test_sgd_setting_out_of_range_is_refused_with_value_and_range(setting, value, allowed):
    with pytest.raises(ValueError, match=f"{setting} is {value!r}; .*{allowed}"):
        SGD(**{setting: value})


@pytest.mark.parametrize(
    ("setting", "value", "allowed"),
    [
        ("dropout", 1, "at least 0 and below 1"),
        ("dropout", -0.5, "at least 0 and below 1"),
        ("dropout", NAN, "at least 0 and below 1"),
        ("weight_scale", -1, "at least 0"),
        ("weight_scale", NAN, "at least 0"),
        ("seed", -1, "at least 0"),
        ("seed", 1.5, "whole"),
        ("seed", "x", "whole"),
        ("dtype", "float16", "float32, float64"),
        ("dtype", "nonsense", "float32, float64"),
        ("dtype", int, "float32, float64"),
        ("dtype", None, "float32, float64"),
    ],
)
def test_network_setting_out_of_range_is_refused_with_value_and_range(setting, value, allowed):
    with pytest.raises(ValueError, match=f"{setting} is {value!r}; .*{allowed}"):
        NeuralNetwork((6, 5, 1), **{setting: value})


def test_layer_sizes_that_are_no_sequence_are_refused():
    with pytest.raises(ValueError, match="layer_sizes is 784; it must be a sequence"):
        NeuralNetwork(784)


@pytest.mark.parametrize(
    "sizes", [(), (6,), (6, 5), (6, 0, 1), (6, -5, 1), (6, 2.5, 1), (6, "5", 1), (6, 10**18, 1)]
)
def test_senseless_layer_sizes_are_refused(sizes):
    with pytest.raises(ValueError, match=r"layer_sizes is .* whole numbers from 1"):
        NeuralNetwork(sizes)


SMALL = NeuralNetwork((6, 5, 1))
X, Y = np.zeros((4, 6)), np.zeros(4)
NAN_IMAGE = np.where(np.arange(24).reshape(4, 6) == 15, NAN, 0)


@pytest.mark.parametrize(
    ("x", "complaint"),
    [
        (np.zeros((4, 7)), r"\(4, 7\); it must be \(n, 6\)"),
        (np.zeros(6), r"\(6,\); it must be \(n, 6\)"),
        (np.zeros((2, 2, 6)), r"\(2, 2, 6\)"),
        (np.zeros((4, 6), np.uint8), "uint8; they must be floats"),
        (np.full((4, 6), "0"), "must be floats"),
        (NAN_IMAGE, r"nan at \(2, 3\)"),
        (np.where(np.isnan(NAN_IMAGE), math.inf, 0), r"inf at \(2, 3\)"),
    ],
)
def test_images_of_wrong_shape_type_or_value_are_refused(x, complaint):
    with pytest.raises(ValueError, match=complaint):
        SMALL.predict_proba(x)
    with pytest.raises(ValueError, match=complaint):
        SMALL.train_epoch(x, Y, SGD())


@pytest.mark.parametrize(
    ("y", "complaint"),
    [
        (np.zeros(3), r"\(3,\); it must be \(4,\)"),
        (np.zeros((4, 1)), r"\(4, 1\)"),
        (np.array([0, 0, 1.5, 0]), "1.5; allowed is 0 to 1"),
        (np.array([0, -1, 0, 0]), "-1.* allowed is 0 to 1"),
        (np.array([0, NAN, 0, 0]), "nan"),
        (np.array(["a"] * 4), "must be numbers"),
    ],
)
def test_targets_of_wrong_shape_type_or_value_are_refused(y, complaint):
    with pytest.raises(ValueError, match=complaint):
        SMALL.train_epoch(X, y, SGD())


@pytest.mark.parametrize(
    ("order", "complaint"),
    [
        ([0, 4], "to 4; rows go from 0 to 3"),
        ([-1, 0], "from -1"),
        ([0.0, 1.0], "float64"),
        ([[0, 1]], r"\(1, 2\)"),
        (np.array([], int), "no samples"),
    ],
)
def test_order_that_is_no_list_of_rows_is_refused(order, complaint):
    with pytest.raises(ValueError, match=complaint):
        SMALL.train_epoch(X, Y, SGD(), order)


@pytest.mark.parametrize(("x", "y"), [(np.zeros(5), 0), (np.full(6, NAN), 0), (np.zeros(6), 2)])
def test_sample_that_a_step_cannot_take_is_refused_and_changes_nothing(x, y):
    before = parameters(SMALL)
    with pytest.raises(ValueError):
        SMALL.train_step(x, y, SGD())
    for old, new in zip(before, parameters(SMALL), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("threshold", [-0.1, 1.1, NAN, None])
def test_threshold_outside_0_to_1_is_refused(threshold):
    with pytest.raises(ValueError, match=f"threshold is {threshold!r}"):
        SMALL.predict(X, threshold)
