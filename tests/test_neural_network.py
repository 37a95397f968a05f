"""neural_network, held against what cannot share its mistakes.

The forward pass and the attribution are held against a network worked out by hand;
`train_step` against central differences of the loss, which use nothing but the forward
pass; the block form of `train_epoch` against the loop over `train_step`.
"""

from __future__ import annotations

import copy
import io
import json
import math
import re
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from made_data import made_images

import neural_network
from neural_network import (
    ACTIVATIONS,
    BLOCK_SIZE,
    SGD,
    Activation,
    Layer,
    ModelError,
    NeuralNetwork,
    TrainingDivergedError,
)
from utils import UserError

DTYPES = ["float32", "float64"]
STEP = 1e-5  # of the central differences
NAN = math.nan
parametrize = pytest.mark.parametrize
warnings_are_errors = pytest.mark.filterwarnings("error")


def made_samples(n: int, n_in: int = 6) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.random((n, n_in)), (rng.random(n) < 0.5).astype(float)


# Images of which some inputs are blank in all
DIGITS = np.arange(150) % 10
DRAWN = made_images(DIGITS).reshape(150, 784) / np.float32(255)
IS_8 = (DIGITS == 8).astype(np.float32)


def made_network(hidden: tuple[int, ...], **settings: Any) -> NeuralNetwork:
    """Six inputs, weights of about 0.7, and no bias at 0."""
    usual = {"weight_scale": 0.7, "seed": 5, "dtype": "float64"}
    network = NeuralNetwork((6, *hidden, 1), **usual | settings)
    for b in network.biases:
        b += 0.1
    return network


def in_float64(network: NeuralNetwork) -> NeuralNetwork:
    """The same weights and biases in a network that computes in float64."""
    twin = NeuralNetwork(network.layer_sizes, dtype="float64", **network.config)
    for layer, original in zip(twin.layers, network.layers, strict=True):
        layer.w[...] = original.w
        layer.b[...] = original.b
    return twin


def parameters(network: NeuralNetwork) -> tuple[np.ndarray, ...]:
    return network.weights + network.biases


def assert_same(
    network: NeuralNetwork, other: NeuralNetwork, tolerance: float = 0
) -> None:
    """Each array within the tolerance of its scale, which is taken as 0.1 at least."""
    for ours, theirs in zip(parameters(network), parameters(other), strict=True):
        assert ours.dtype == theirs.dtype
        scale = max(np.abs(theirs).max(), 0.1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


def by_differences(function: Callable[[], float], at: np.ndarray) -> np.ndarray:
    """d function() / d at, where function depends on what `at` holds."""
    slope = np.empty_like(at)
    for place in np.ndindex(at.shape):
        kept = at[place]
        at[place] = kept + STEP
        above = function()
        at[place] = kept - STEP
        below = function()
        at[place] = kept
        slope[place] = (above - below) / (2 * STEP)
    return slope


def loss(network: NeuralNetwork, x: np.ndarray, y: float) -> float:
    return float((network.predict_proba(x[np.newaxis])[0] - y) ** 2)


# --- activations ----------------------------------------------------------------------

Z = np.array([-700, -30, -5, -1, -0.1, 0, 0.1, 1, 5, 30])
FORMULAS = {
    "sigmoid": lambda z: 1 / (1 + math.exp(-z)),
    "tanh": lambda z: 1 - 2 / (math.exp(2 * z) + 1),
}


@parametrize("name", FORMULAS)
def test_activation_is_its_formula(name):
    function = getattr(neural_network, name)
    by_formula = [FORMULAS[name](z) for z in Z]
    np.testing.assert_allclose(function(Z), by_formula, rtol=1e-12, atol=1e-300)


@parametrize("name", FORMULAS)
def test_derivative_takes_the_activation_and_is_its_slope(name):
    function = getattr(neural_network, name)
    derivative = getattr(neural_network, f"{name}_derivative")
    slope = (function(Z + STEP) - function(Z - STEP)) / (2 * STEP)
    np.testing.assert_allclose(derivative(function(Z)), slope, rtol=1e-6, atol=1e-11)


@warnings_are_errors
@parametrize("dtype", DTYPES)
def test_sigmoid_of_a_thousand_does_not_warn(dtype):
    a = neural_network.sigmoid(np.array([-1000, 1000, 0], dtype))
    assert a.dtype == dtype
    assert a.tolist() == [0, 1, 0.5]


# --- the update rule ------------------------------------------------------------------


def updated(sgd: SGD, times: int) -> dict[str, float]:
    """What becomes of w = 2, v = 0 by that many gradients of 1."""
    w = np.array([2.0])
    v = np.array([0.0])
    g = np.array([1.0])
    for _ in range(times):
        sgd.update(w, g, v)
    return {"w": w[0], "v": v[0], "g": g[0]}


# By hand. With momentum and L2 the first v is 1 + 0.5 * 2 = 2 and w = 2 - 0.1 * 2; the
# second v is 0.9 * 2 + 1 + 0.5 * 1.8 = 3.7 and w = 1.8 - 0.1 * 3.7.
UPDATES = [
    (SGD(0.1), 1, {"w": 1.9, "v": 0}),
    (SGD(0.1, l2=0.5), 1, {"w": 1.8, "v": 0}),
    (SGD(0.1, momentum=0.9), 2, {"w": 1.71, "v": 1.9}),
    (SGD(0.1, momentum=0.9, l2=0.5), 1, {"w": 1.8, "v": 2}),
    (SGD(0.1, momentum=0.9, l2=0.5), 2, {"w": 1.43, "v": 3.7}),
    (SGD(0.1, momentum=0.9, l2=0.5).of_biases, 2, {"w": 1.71, "v": 1.9}),
]


@parametrize(("sgd", "times", "by_hand"), UPDATES)
def test_update_is_the_one_worked_out_by_hand(sgd, times, by_hand):
    assert updated(sgd, times) == pytest.approx(by_hand | {"g": 1})


# --- the network and its layers -------------------------------------------------------


def test_a_network_says_its_layers_dropout_and_dtype():
    network = NeuralNetwork((784, 64, 32, 1), dropout=0.25, dtype="float64")
    told = "NeuralNetwork((784, 64, 32, 1), dropout=0.25, dtype=float64)"
    assert repr(network) == told


@parametrize("scale", [0.1, 0.5])
def test_starting_weights_are_normal_with_the_given_scale(scale):
    network = NeuralNetwork((400, 250, 1), weight_scale=scale, dtype="float64")
    w = network.weights[0] / scale
    assert w.mean() == pytest.approx(0, abs=5 / math.sqrt(w.size))
    assert w.std() == pytest.approx(1, abs=5 / math.sqrt(2 * w.size))
    assert (w**4).mean() == pytest.approx(3, abs=0.2)  # a uniform distribution has 1.8


def test_biases_start_at_zero():
    network = NeuralNetwork((6, 5, 4, 1))
    assert [b.tolist() for b in network.biases] == [[0] * 5, [0] * 4, [0]]


@parametrize("dtype", DTYPES)
def test_all_arrays_are_of_the_networks_dtype(dtype):
    network = NeuralNetwork((6, 5, 1), dtype=dtype)
    arrays = [array for layer in network.layers for array in vars(layer).values()]
    kinds = {array.dtype.name for array in arrays if isinstance(array, np.ndarray)}
    assert kinds == {dtype}


def test_weights_and_biases_are_the_layers_own_arrays():
    network = NeuralNetwork((6, 5, 1))
    for n, layer in enumerate(network.layers):
        assert network.weights[n] is layer.w
        assert network.biases[n] is layer.b


@parametrize("name", ["weights", "biases"])
def test_assigning_an_array_past_its_layer_fails_aloud(name):
    """It would change a tuple that was just made, and no network."""
    network = NeuralNetwork((6, 5, 1))
    arrays = getattr(network, name)
    with pytest.raises(TypeError):
        arrays[0] = np.zeros(5)
    with pytest.raises(AttributeError):
        setattr(network, name, arrays)


# --- prediction -----------------------------------------------------------------------


@pytest.fixture
def by_hand() -> NeuralNetwork:
    """A network of round numbers, its output's arrays exchanged for others."""
    network = NeuralNetwork((2, 2, 1), dtype="float64")
    hidden, output = network.layers
    hidden.w[...] = [[0.1, -0.2], [0.4, 0.3]]
    hidden.b[...] = [0.05, -0.1]
    output.w = np.array([[0.5], [-0.6]])
    output.b = np.array([0.2])
    return network


def logistic(z: float) -> float:
    return 1 / (1 + math.exp(-z))


def test_probability_of_a_2_2_1_network_is_the_one_computed_by_hand(by_hand):
    # 1 * 0.1 + 0.5 * 0.4 + 0.05 = 0.35,   1 * -0.2 + 0.5 * 0.3 - 0.1 = -0.15
    z = math.tanh(0.35) * 0.5 + math.tanh(-0.15) * -0.6 + 0.2
    p = by_hand.predict_proba(np.array([[1, 0.5], [0, 0], [1, 0.5]]))
    assert p[[0, 2]] == pytest.approx(logistic(z), rel=1e-14)


def test_many_rows_are_predicted_in_their_order(monkeypatch):
    """Also where their number is no multiple of those predicted at once."""
    monkeypatch.setattr(neural_network, "PREDICTED_AT_ONCE", 10)
    network = made_network((5,))
    x, _ = made_samples(25)
    one_by_one = [network.predict_proba(x[[n]])[0] for n in range(25)]
    np.testing.assert_allclose(network.predict_proba(x), one_by_one, rtol=1e-14)


@parametrize("dtype", DTYPES)
def test_probabilities_are_of_the_networks_dtype_whatever_the_inputs(dtype):
    network = NeuralNetwork((6, 5, 1), dtype=dtype)
    for kind in "float32", "float64", "uint8", "bool":
        assert network.predict_proba(np.ones((3, 6), kind)).dtype == dtype


@parametrize("kind", ["uint8", "int64", "bool"])
def test_zeros_and_ones_of_any_type_are_inputs(kind):
    network = NeuralNetwork((6, 5, 1))
    x = (made_samples(9)[0] > 0.5).astype(kind)
    p = network.predict_proba(x)
    np.testing.assert_array_equal(p, network.predict_proba(x.astype(float)))


def test_answer_is_yes_from_the_threshold_up(by_hand):
    x = np.array([[1, 0.5], [0, 0], [5, 0], [-5, 0]])
    p = by_hand.predict_proba(x)
    assert np.argsort(p).tolist() == [3, 1, 0, 2]
    assert by_hand.predict(x, threshold=p[0]).tolist() == [True, False, True, False]


def test_threshold_is_a_half_unless_given(by_hand):
    """With its biases at 0 this network takes the opposite of x for the opposite."""
    for b in by_hand.biases:
        b[...] = 0
    x = np.array([[1, 0.5], [0, 0], [-1, -0.5]])
    assert by_hand.predict(x).tolist() == [True, True, False]


@parametrize("method", ["predict_proba", "predict", "attribution"])
def test_no_rows_get_no_answers(method):
    answers = getattr(NeuralNetwork((6, 5, 1)), method)(np.zeros((0, 6)))
    assert len(answers) == 0


@parametrize("method", ["predict_proba", "attribution"])
def test_prediction_drops_no_units(method):
    with_dropout = made_network((5, 4), dropout=0.9)
    without = made_network((5, 4))
    x, _ = made_samples(3)
    told = getattr(with_dropout, method)(x)
    np.testing.assert_array_equal(told, getattr(without, method)(x))


# --- attribution ----------------------------------------------------------------------

HIDDEN = [(), (5,), (5, 4)]


def test_attribution_of_a_2_2_1_network_is_the_one_computed_by_hand(by_hand):
    """DeepLIFT's rescale rule, with secants from what the network makes of (0, 0)."""
    # The hidden units go from z = 0.05 to 0.35 and from -0.1 to -0.15
    secant_1 = (math.tanh(0.35) - math.tanh(0.05)) / 0.3
    secant_2 = (math.tanh(-0.15) - math.tanh(-0.1)) / -0.05
    z = math.tanh(0.35) * 0.5 + math.tanh(-0.15) * -0.6 + 0.2
    z_of_0 = math.tanh(0.05) * 0.5 + math.tanh(-0.1) * -0.6 + 0.2
    secant = (logistic(z) - logistic(z_of_0)) / (z - z_of_0)
    through_units = [
        1 * (0.1 * secant_1 * 0.5 + -0.2 * secant_2 * -0.6) * secant,
        0.5 * (0.4 * secant_1 * 0.5 + 0.3 * secant_2 * -0.6) * secant,
    ]
    attribution = by_hand.attribution(np.array([[1, 0.5]]))
    np.testing.assert_allclose(attribution, [through_units], rtol=1e-13)


@parametrize("dtype", DTYPES)
@parametrize("hidden", HIDDEN)
def test_attributions_sum_to_the_probability_less_that_of_nothing(hidden, dtype):
    """Computed in float64, also where the network is not."""
    network = made_network(hidden, dtype=dtype)
    x = np.random.default_rng(1).normal(scale=2, size=(30, 6))
    exact = in_float64(network)
    rise = exact.predict_proba(x) - exact.predict_proba(np.zeros((1, 6)))
    np.testing.assert_allclose(network.attribution(x).sum(axis=1), rise, atol=1e-15)


@parametrize("hidden", HIDDEN)
def test_attribution_of_tiny_inputs_is_the_gradient_times_them(hidden):
    network = made_network(hidden)
    at = np.zeros((1, 6))
    gradient = by_differences(lambda: network.predict_proba(at)[0], at)
    x = 1e-6 * made_samples(3)[0]
    np.testing.assert_allclose(network.attribution(x), x * gradient, rtol=1e-4)


@warnings_are_errors
@parametrize("hidden", HIDDEN)
def test_input_of_zero_adds_exactly_nothing(hidden):
    network = made_network(hidden)
    x = np.ones((3, 6))
    x[0, 2] = 0
    x[1] = 0
    attribution = network.attribution(x)
    assert (attribution[x == 0] == 0).all()
    assert (attribution[x == 1] != 0).all()


@warnings_are_errors
def test_unit_for_which_inputs_cancel_out_has_its_slope_for_a_secant(by_hand):
    """Its z is that of empty paper; the inputs still speak for and against."""
    by_hand.layers[0].w[...] = [[0.1, 0.5], [0.4, -0.5]]
    by_hand.layers[1].w[...] = [[0], [0.5]]
    slope = 1 - math.tanh(-0.1) ** 2
    p = logistic(math.tanh(-0.1) * 0.5 + 0.2)
    spoken = 0.5 * slope * 0.5 * p * (1 - p)
    attribution = by_hand.attribution(np.array([[1, 1], [1, 0]]))
    np.testing.assert_allclose(attribution[0], [spoken, -spoken], rtol=1e-13)


# --- train_step against central differences -------------------------------------------

RULES = [
    SGD(1),
    SGD(0.5, l2=0.3),
    SGD(0.5, momentum=0.9),
    SGD(0.2, momentum=0.5, l2=0.1),
]


def loss_with_l2(network: NeuralNetwork, x: np.ndarray, y: float, l2: float) -> float:
    squares = sum(float((w**2).sum()) for w in network.weights)
    return loss(network, x, y) + l2 / 2 * squares


@parametrize("y", [0, 1])
@parametrize("hidden", [*HIDDEN, (5, 4, 3)])
@parametrize("sgd", RULES)
def test_each_of_three_steps_follows_the_rule_with_the_gradient_of_the_loss(
    hidden, sgd, y
):
    """w lost learning_rate * v, with v = momentum * v + g: two changes of w tell g."""
    network = made_network(hidden)
    velocities = [0.0] * len(parameters(network))
    for x in made_samples(3)[0]:
        before = copy.deepcopy(network)
        network.train_step(x, y, sgd)
        objective = partial(loss_with_l2, before, x, y, sgd.l2)
        steps = zip(parameters(before), parameters(network), velocities, strict=True)
        velocities = []
        for old, new, last_v in steps:
            v = (old - new) / sgd.learning_rate
            g = v - sgd.momentum * last_v
            slope = by_differences(objective, old)
            np.testing.assert_allclose(g, slope, rtol=1e-6, atol=1e-8)
            velocities.append(v)


def test_step_tells_the_loss_before_its_update():
    network = made_network((5,))
    x = made_samples(1)[0][0]
    before = loss(network, x, 0.25)
    assert network.train_step(x, 0.25, SGD(1)) == pytest.approx(before)
    assert loss(network, x, 0.25) < 0.9 * before


@parametrize("y", [0.0, 0.25, 1.0])
@parametrize("hidden", HIDDEN)
def test_check_of_gradients_finds_formula_and_differences_alike(hidden, y):
    network = made_network(hidden)
    found = neural_network.gradients(network, made_samples(1)[0][0], y)
    for name, g, slope in found:
        np.testing.assert_allclose(g, slope, rtol=0, atol=1e-8, err_msg=name)
        assert np.abs(slope).max() > 1e-4


def test_check_of_gradients_is_of_all_arrays():
    found = neural_network.gradients(made_network((5, 4)), np.ones(6), 1.0)
    shapes = {name: by_formula.shape for name, by_formula, _ in found}
    weights = {"w1": (6, 5), "w2": (5, 4), "w3": (4, 1)}
    assert shapes == weights | {"b1": (5,), "b2": (4,), "b3": (1,)}


def test_check_of_gradients_leaves_the_network_as_it_was(tmp_path):
    """Also its random streams."""
    network = made_network((5, 4), dropout=0.3)
    network.save(tmp_path / "before")
    list(neural_network.gradients(network, np.ones(6), 1.0))
    network.save(tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


def test_check_of_gradients_shows_a_wrong_formula_where_it_is(monkeypatch):
    """Half of tanh' is wrong below the output layer, and right in it."""
    half = Activation(np.tanh, lambda a: (1 - a * a) / 2)
    monkeypatch.setitem(ACTIVATIONS, "tanh", half)
    found = neural_network.gradients(made_network((5,)), made_samples(1)[0][0], 1.0)
    ratios = {name: np.median(formula / slope) for name, formula, slope in found}
    assert ratios == pytest.approx({"w1": 0.5, "b1": 0.5, "w2": 1, "b2": 1}, rel=1e-6)


class StudentsNetwork(NeuralNetwork):
    """The lab sheet's two layers, written by somebody else."""

    updates_w2_first = False  # the classic mistake

    def train_step(self, x, y, sgd):
        hidden, output = self.layers
        a1 = np.tanh(x @ hidden.w + hidden.b)
        a2 = 1 / (1 + np.exp(-(a1 @ output.w + output.b)))
        d2 = 2 * (a2 - y) * a2 * (1 - a2)
        kept = output.w.copy()
        output.w -= sgd.learning_rate * np.outer(a1, d2)
        output.b -= sgd.learning_rate * d2
        w2 = output.w if self.updates_w2_first else kept
        d1 = (w2 @ d2) * (1 - a1**2)
        hidden.w -= sgd.learning_rate * np.outer(x, d1)
        hidden.b -= sgd.learning_rate * d1


def test_check_of_updates_finds_a_students_right_step_right():
    network = StudentsNetwork((784, 64, 1), dtype=np.float64)
    assert neural_network.check_update(network) < 1e-14
    assert neural_network.check_update(network, SGD(0.1)) < 1e-13


@parametrize("layer_sizes", [(784, 64, 1), (6, 5, 1)])
def test_check_of_updates_finds_the_classic_mistake(layer_sizes):
    network = StudentsNetwork(layer_sizes, dtype=np.float64)
    network.updates_w2_first = True
    assert 1e-4 < neural_network.check_update(network) < 1e-3


def test_check_of_updates_is_by_the_rule_that_is_given():
    """By plain SGD this step is right; it knows no momentum and no L2."""
    network = StudentsNetwork((6, 5, 1), dtype=np.float64)
    assert neural_network.check_update(network, SGD(momentum=0.5)) > 1e-3
    assert neural_network.check_update(network, SGD(l2=0.5)) > 1e-3


def test_check_of_updates_does_not_ask_a_students_own_epoch():
    """It might be a loop over the step in question."""

    class WithEpoch(StudentsNetwork):
        updates_w2_first = True

        def train_epoch(self, *arguments):
            return super().train_epoch(*arguments, loop=True)

    network = WithEpoch((6, 5, 1), dtype=np.float64)
    assert 1e-4 < neural_network.check_update(network) < 1e-3


def test_check_of_updates_finds_one_wrong_bias_and_what_is_no_number():
    class Wrong(NeuralNetwork):
        def train_step(self, x, y, sgd):
            super().train_step(x, y, sgd)
            self.layers[0].b[3] += self.drift

    network = Wrong((6, 5, 1), dtype=np.float64)
    network.drift = 0.0
    assert neural_network.check_update(network) < 1e-14
    network.drift = 1e-9  # after 100 samples 1e-7
    largest = max(np.abs(w).max() for w in network.weights)
    found = neural_network.check_update(network)
    assert found == pytest.approx(1e-7 / largest, rel=0.02)
    network.drift = np.nan
    assert np.isnan(neural_network.check_update(network))


def test_check_of_updates_leaves_the_network_as_it_was(tmp_path):
    network = made_network((5, 4), dropout=0.3)
    network.save(tmp_path / "before")
    neural_network.check_update(network)
    network.save(tmp_path / "after")
    assert (tmp_path / "after").read_bytes() == (tmp_path / "before").read_bytes()


# What the script is made to find: an array's gradient by either way. The largest
# numbers are 2 and 0.25, and the ways differ by 4e-8 and by 1e-9.
FOUND = {
    "w1": (np.array([[0.5, 2.0, -1.0]]), np.array([[0.5, 2.0, -1.00000004]])),
    "b1": (np.array([-0.25, 0.1, 0.2]), np.array([-0.250000001, 0.1, 0.2])),
}
TOLD = {
    "en": """\
The gradient of the loss of one sample, by backpropagation
and by finite differences, (loss(w + h) - loss(w - h)) / 2h:

    shape  largest gradient  largest relative difference
w1    1x3          2.000000                        2e-08
b1      3          0.250000                        4e-09
Backpropagation computes the gradient of the loss

100 samples by train_epoch, and one at a time by train_step:
largest difference of a weight: 3e-15 of the largest weight
train_epoch makes the updates of train_step
""",
    "ru": """\
Градиент ошибки на одном примере: обратным распространением
и конечными разностями, (loss(w + h) - loss(w - h)) / 2h:

    размер  наибольший градиент  наибольшее относительное отличие
w1     1x3             2.000000                             2e-08
b1       3             0.250000                             4e-09
Обратное распространение верно вычисляет градиент функции потерь

100 примеров через train_epoch и по одному через train_step:
веса отличаются не более чем на 3e-15 от наибольшего веса
train_epoch обновляет веса так же, как train_step
""",
}


@pytest.fixture
def checks_find(monkeypatch) -> Callable[..., None]:
    """Make the script's checks find these gradients, and updates this far apart."""

    def make(apart: float, **found: tuple[np.ndarray, np.ndarray]) -> None:
        rows = [(name, *pair) for name, pair in found.items()]
        monkeypatch.setattr(neural_network, "gradients", lambda *_: iter(rows))
        monkeypatch.setattr(neural_network, "check_update", lambda network: apart)

    return make


@parametrize("language", TOLD)
def test_script_tells_what_its_checks_found(checks_find, capsys, language):
    checks_find(3e-15, **FOUND)
    assert neural_network.main(["--lang", language]) == 0
    assert capsys.readouterr().out == TOLD[language]


@parametrize("wrong", [3e-6, NAN])
@parametrize("name", FOUND)
def test_script_refuses_one_wrong_gradient_of_several(checks_find, name, wrong):
    formula, slope = FOUND[name]
    checks_find(0, **FOUND | {name: (formula, slope + wrong)})
    with pytest.raises(UserError, match=r"^backpropagation does not compute the grad"):
        neural_network.main([])


@parametrize("apart", [2e-12, NAN])
def test_script_refuses_updates_that_differ_by_more_than_rounding(checks_find, apart):
    checks_find(apart, **FOUND)
    with pytest.raises(UserError, match=r"^train_epoch does not make the updates of"):
        neural_network.main([])


def test_script_refuses_another_language():
    with pytest.raises(UserError, match=r"^lang is 'de'; it must be one of en, ru$"):
        neural_network.main(["--lang", "de"])


# --- the block form against train_step ------------------------------------------------

CASES = {
    "plain": {},
    "momentum": {"sgd": SGD(momentum=0.9)},
    "l2": {"sgd": SGD(l2=1e-2)},
    "dropout": {"dropout": 0.3},
    "no hidden layer": {"hidden": (), "dropout": 0.3},
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
    "less than a block": {"order": range(BLOCK_SIZE - 7)},
    "just a block": {"order": range(BLOCK_SIZE)},
    "a block and a sample": {"order": range(BLOCK_SIZE + 1)},
    "rows repeated and left out": {"sgd": SGD(0.1), "order": [3, 3, 7, 3, 0] * 30},
}
USUAL = {"sgd": SGD(), "then": [], "hidden": (64,), "dropout": 0, "order": None}
TOLERANCES = {"float64": 1e-13, "float32": 1e-4}


@parametrize("dtype", DTYPES)
@parametrize("case", CASES)
def test_epoch_is_its_steps_in_the_given_order(case, dtype):
    """In two epochs or more: velocities and masks go on from one into the next."""
    settings = USUAL | CASES[case]
    sizes = (784, *settings["hidden"], 1)
    block = NeuralNetwork(sizes, dropout=settings["dropout"], dtype=dtype)
    steps = copy.deepcopy(block)
    for epoch, sgd in enumerate([settings["sgd"], settings["sgd"], *settings["then"]]):
        order = settings["order"] or np.random.default_rng(epoch).permutation(150)
        mean_loss = block.train_epoch(DRAWN, IS_8, sgd, order)
        losses = [steps.train_step(DRAWN[row], IS_8[row], sgd) for row in order]
        assert mean_loss == pytest.approx(np.mean(losses), rel=TOLERANCES[dtype])
    assert_same(block, steps, TOLERANCES[dtype])


def largest_change(network: NeuralNetwork, other: NeuralNetwork) -> float:
    pairs = zip(parameters(network), parameters(other), strict=True)
    return max(np.abs(ours - theirs).max() for ours, theirs in pairs)


@parametrize("sgd", [SGD(), SGD(0.1), SGD(0.1, momentum=0.9)])
def test_float32_block_ends_nearer_to_float64_than_the_float32_loop(sgd):
    block = NeuralNetwork()
    loop = copy.deepcopy(block)
    exact = in_float64(block)
    for epoch in range(2):
        order = np.random.default_rng(epoch).permutation(150)
        block.train_epoch(DRAWN, IS_8, sgd, order)
        loop.train_epoch(DRAWN, IS_8, sgd, order, loop=True)
        exact.train_epoch(DRAWN, IS_8, sgd, order, loop=True)
    assert largest_change(block, exact) < 0.5 * largest_change(loop, exact)


@parametrize(("dtype", "most"), [("float32", 8), ("float64", 15)])
def test_block_of_the_labs_network_settles_in_a_few_sweeps(monkeypatch, dtype, most):
    """All 64 would do by themselves: after m sweeps the first m rows are exact."""
    activate = Layer.activate
    calls = []

    def counted(*arguments: Any) -> Any:
        calls.append(arguments)
        return activate(*arguments)

    monkeypatch.setattr(Layer, "activate", counted)
    NeuralNetwork(dtype=dtype).train_epoch(DRAWN, IS_8, SGD(), range(BLOCK_SIZE))
    assert len(calls) / 2 <= most  # two layers


@parametrize("dtype", DTYPES)
def test_change_that_counts_as_none_moves_weights_by_less_than_their_rounding(dtype):
    """The norm is 2, and a step by 0.01 in the end 0.01 / (1 - 0.9) = 0.1: 20 eps."""
    eps = np.finfo(dtype).eps
    ones = np.ones((2, 2), dtype)
    tolerance = neural_network._tolerance
    assert tolerance(ones, SGD(0.01, momentum=0.9)) == pytest.approx(20 * eps)
    assert tolerance(ones, SGD(0.01)) == pytest.approx(200 * eps)


@parametrize("layer", [0, 1, 2])
def test_block_has_not_settled_while_one_layer_moves(layer):
    before = [np.ones((4, 3)) for _ in range(3)]
    after = copy.deepcopy(before)
    assert neural_network._has_settled(after, before, [1e-6] * 3)
    after[layer][2, 1] += 1e-5
    assert not neural_network._has_settled(after, before, [1e-6] * 3)


# --- another activation ---------------------------------------------------------------


def relu(z: np.ndarray) -> np.ndarray:
    return np.maximum(z, 0)


def relu_derivative(a: np.ndarray) -> np.ndarray:
    return a > 0


def add_relu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ACTIVATIONS, "relu", Activation(relu, relu_derivative))


@parametrize("sgd", [SGD(), SGD(momentum=0.9, l2=1e-3)])
def test_hidden_layers_of_another_activation_train_in_blocks_as_in_steps(
    monkeypatch, sgd
):
    add_relu(monkeypatch)
    settings = {"activation": "relu", "dropout": 0.2, "dtype": "float64"}
    block = NeuralNetwork((784, 9, 5, 1), **settings)
    steps = copy.deepcopy(block)
    order = np.arange(150)
    block.train_epoch(DRAWN, IS_8, sgd, order)
    steps.train_epoch(DRAWN, IS_8, sgd, order, loop=True)
    assert_same(block, steps, 1e-13)


def test_step_of_another_activation_goes_down_the_slope_of_the_loss(monkeypatch):
    add_relu(monkeypatch)
    network = made_network((5, 4), activation="relu")
    for name, g, slope in neural_network.gradients(network, np.ones(6), 1.0):
        np.testing.assert_allclose(g, slope, rtol=0, atol=1e-8, err_msg=name)


def test_output_is_a_sigmoid_whatever_the_hidden_layers_are(monkeypatch):
    add_relu(monkeypatch)
    network = made_network((5, 4), activation="relu")
    x = np.random.default_rng(1).normal(size=(20, 6))
    (w1, w2, w3), (b1, b2, b3) = network.weights, network.biases
    a1 = np.maximum(x @ w1 + b1, 0)
    a2 = np.maximum(a1 @ w2 + b2, 0)
    p = [logistic(z) for z in (a2 @ w3 + b3)[:, 0]]
    np.testing.assert_allclose(network.predict_proba(x), p, rtol=1e-13)


@warnings_are_errors
def test_attributions_sum_up_with_another_activation(monkeypatch):
    add_relu(monkeypatch)
    network = made_network((5, 4), activation="relu")
    x = np.random.default_rng(1).normal(size=(30, 6))
    rise = network.predict_proba(x) - network.predict_proba(np.zeros((1, 6)))
    np.testing.assert_allclose(network.attribution(x).sum(axis=1), rise, atol=1e-15)


def test_network_of_another_activation_is_loaded_as_what_it_is(monkeypatch, tmp_path):
    add_relu(monkeypatch)
    network = made_network((5, 4), activation="relu")
    network.train_epoch(X, Y)
    network.save(tmp_path / "model.npz")
    loaded = NeuralNetwork.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.predict_proba(X), network.predict_proba(X))
    for one in network, loaded:
        one.train_epoch(X, Y)
    assert_same(loaded, network)


def test_network_of_an_activation_that_is_not_known_is_refused(monkeypatch, tmp_path):
    """Read as tanh, it would answer, and wrongly."""
    path = tmp_path / "model.npz"
    with monkeypatch.context() as with_relu:
        add_relu(with_relu)
        NeuralNetwork((6, 5, 1), activation="relu").save(path)
    assert_refused(path)


# --- an epoch -------------------------------------------------------------------------

X, Y = made_samples(20)


def test_two_moons_are_learnt_from_any_finite_coordinates():
    """Of two half circles that interlock, one below 0; no straight line parts them."""
    angles = np.linspace(0, np.pi, 100)
    moon = np.column_stack([np.cos(angles), np.sin(angles)])
    x = 5 * np.concatenate([moon, [1, 0.5] - moon])
    y = np.repeat([0, 1], 100)
    network = NeuralNetwork((2, 16, 1), weight_scale=0.5)
    for _ in range(60):
        network.train_epoch(x, y, SGD(0.1))
    assert x.min() == -5
    assert np.mean(network.predict(x) == y) > 0.95


def test_loop_is_train_step_itself():
    loop = made_network((5, 4), dropout=0.3)
    steps = copy.deepcopy(loop)
    order = [3, 1, 3, 19]
    mean_loss = loop.train_epoch(X, Y, SGD(0.1, 0.9), order, loop=True)
    losses = [steps.train_step(X[row], Y[row], SGD(0.1, 0.9)) for row in order]
    assert mean_loss == pytest.approx(sum(losses) / 4, rel=1e-14)
    assert_same(loop, steps)


def test_same_seed_trains_to_the_same_bits_and_another_to_others():
    losses = []
    for seed in 4, 4, 5:
        network = NeuralNetwork((6, 8, 1), dropout=0.2, seed=seed)
        losses.append([network.train_epoch(X, Y, SGD(0.1)) for _ in range(3)])
    assert losses[0] == losses[1]
    assert losses[0] != losses[2]


def test_epoch_leaves_its_samples_as_they_were():
    x = DRAWN.copy()
    y = IS_8.copy()
    NeuralNetwork((784, 8, 1)).train_epoch(x, y, SGD(0.5, momentum=0.5))
    np.testing.assert_array_equal(x, DRAWN)
    np.testing.assert_array_equal(y, IS_8)


def test_weights_of_inputs_that_are_always_blank_stay_as_they_were():
    network = NeuralNetwork((784, 8, 1))
    before = network.weights[0].copy()
    network.train_epoch(DRAWN, IS_8, SGD(0.5, momentum=0.5))
    is_blank = ~DRAWN.any(axis=0)
    is_kept = (network.weights[0] == before).all(axis=1)
    assert 0 < is_blank.sum() < 784
    assert is_kept.tolist() == is_blank.tolist()


EACH_MULTIPLIES_BY_99 = {"sgd": SGD(100, l2=1), "order": [*range(150)] * 2}
ONE_MAKES_INFINITE = {"sgd": SGD(1e300, l2=1e300), "order": [0]}


@warnings_are_errors
@parametrize("dtype", DTYPES)
@parametrize("loop", [False, True])
@parametrize("updates", [EACH_MULTIPLIES_BY_99, ONE_MAKES_INFINITE])
def test_divergence_is_told_in_a_line_with_the_settings(updates, loop, dtype):
    network = NeuralNetwork((784, 8, 1), dtype=dtype)
    rate = re.escape(str(updates["sgd"].learning_rate))
    told = rf"^training diverged: .*learning_rate={rate}, .*lower the learning rate.*$"
    with pytest.raises(TrainingDivergedError, match=told):
        network.train_epoch(DRAWN, IS_8, **updates, loop=loop)


@warnings_are_errors
@parametrize("dtype", DTYPES)
def test_smallest_learning_rate_trains_without_an_error(dtype):
    network = NeuralNetwork((784, 8, 1), dtype=dtype)
    before = copy.deepcopy(network)
    network.train_epoch(DRAWN, IS_8, SGD(5e-324))
    assert_same(network, before)


# --- what is random: three streams, which follow from the seed ------------------------


def stream(seed: int, number: int) -> np.random.Generator:
    return np.random.default_rng(np.random.SeedSequence(seed).spawn(3)[number])


@parametrize("dropout", [0, 0.5])
def test_first_stream_gives_the_weights_layer_after_layer(dropout):
    settings = {"seed": 7, "dropout": dropout, "weight_scale": 1, "dtype": "float64"}
    network = NeuralNetwork((6, 5, 4, 1), **settings)
    drawn = stream(7, 0).standard_normal(6 * 5 + 5 * 4 + 4)
    weights = np.concatenate([w.ravel() for w in network.weights])
    np.testing.assert_array_equal(weights, drawn)


@parametrize("dropout", [0, 0.5])
def test_second_stream_gives_a_fresh_order_each_epoch(dropout):
    shuffled = made_network((5,), seed=7, dropout=dropout)
    ordered = copy.deepcopy(shuffled)
    rng = stream(7, 1)
    for _ in range(2):
        shuffled.train_epoch(X, Y, SGD(0.1))
        ordered.train_epoch(X, Y, SGD(0.1), order=rng.permutation(20))
    assert_same(shuffled, ordered)


def test_third_stream_gives_the_masks_sample_after_sample():
    """The bias of a hidden unit changes unless it is dropped."""
    network = made_network((5, 40), seed=7, dropout=0.4)
    rng = stream(7, 2)
    for _ in range(4):
        before = copy.deepcopy(network)
        network.train_step(np.ones(6), 1, SGD(0.1))
        learnt = []
        for old, new in zip(before.biases[:-1], network.biases[:-1], strict=True):
            learnt += (old != new).tolist()
        assert learnt == (rng.random(45) >= 0.4).tolist()


# --- dropout --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def dropped() -> dict[str, np.ndarray]:
    """The masks of 400 updates, and whether the unit's own weights changed: (400, 50).

    An update changes w2 by a1 * mask * d_output, and b2 by d_output alone.
    """
    network = NeuralNetwork((6, 50, 1), dropout=0.3, dtype="float64")
    hidden, output = network.layers
    x = made_samples(1)[0][0]
    masks = []
    learnt = []
    for _ in range(400):
        before = copy.deepcopy(network)
        a1 = before.layers[0].forward(x)
        network.train_step(x, 1, SGD(0.001))
        w2_change = (output.w - before.weights[1])[:, 0]
        b2_change = output.b - before.biases[1]
        masks.append(w2_change / b2_change / a1)
        learnt.append((hidden.w != before.weights[0]).any(axis=0))
    return {"masks": np.array(masks), "learnt": np.array(learnt)}


def test_kept_units_make_up_for_the_dropped(dropped):
    masks = dropped["masks"]
    np.testing.assert_allclose(masks[masks > 0.5], 1 / 0.7, rtol=1e-6)
    np.testing.assert_allclose(masks[masks <= 0.5], 0, atol=1e-6)


def test_units_are_dropped_as_often_as_asked(dropped):
    is_kept = dropped["masks"] > 0.5
    chance = pytest.approx(0.7, abs=5 * math.sqrt(0.3 * 0.7 / is_kept.size))
    assert is_kept.mean() == chance


def test_each_update_drops_other_units(dropped):
    assert len(np.unique(dropped["masks"] > 0.5, axis=0)) > 390


def test_dropped_units_learn_nothing(dropped):
    np.testing.assert_array_equal(dropped["learnt"], dropped["masks"] > 0.5)


# --- save and load --------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path) -> Path:
    """The file of a network that was trained with momentum, two layers and dropout."""
    network = NeuralNetwork((6, 5, 4, 1), dropout=0.25, weight_scale=0.3, seed=2)
    network.metadata = {"dataset": "made", "digit": 8, "history": [{"loss": 0.1}]}
    network.train_epoch(X, Y, SGD(0.1, momentum=0.5))
    network.save(tmp_path / "model.npz")
    return tmp_path / "model.npz"


def arrays_of(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def assert_refused(path: Path) -> None:
    named = re.escape(str(path))
    told = rf"^{named}: damaged, or not a model of this project; run .* again$"
    with pytest.raises(ModelError, match=told):
        NeuralNetwork.load(path)


@parametrize("dtype", DTYPES)
@parametrize("sgd", [SGD(0.1), SGD(0.1, momentum=0.9, l2=0.01)])
def test_loaded_network_goes_on_as_if_it_had_never_stopped(tmp_path, sgd, dtype):
    network = NeuralNetwork((6, 5, 4, 1), dropout=0.25, dtype=dtype, seed=3)
    network.train_epoch(X, Y, sgd)
    network.save(tmp_path / "half")
    loaded = NeuralNetwork.load(str(tmp_path / "half"))
    for one, name in (network, "never stopped"), (loaded, "loaded"):
        one.train_epoch(X, Y, sgd)  # shuffles, draws masks, has velocities
        one.train_step(X[0], Y[0], sgd)
        one.save(tmp_path / name)
    loaded_bytes = (tmp_path / "loaded").read_bytes()
    assert loaded_bytes == (tmp_path / "never stopped").read_bytes()


def test_loaded_network_is_what_was_saved(saved):
    loaded = NeuralNetwork.load(saved)
    assert loaded.layer_sizes == (6, 5, 4, 1)
    assert loaded.dtype == "float32"
    assert loaded.dropout == 0.25
    config = {"dropout": 0.25, "weight_scale": 0.3, "activation": "tanh"}
    assert loaded.config == config
    metadata = {"dataset": "made", "digit": 8, "history": [{"loss": 0.1}]}
    assert loaded.metadata == metadata


@warnings_are_errors
@parametrize("dropout", [np.float32(0.25), np.int64(0)])
def test_setting_may_be_a_number_of_numpys(tmp_path, dropout):
    NeuralNetwork((6, 5, 1), dropout=dropout).save(tmp_path / "model.npz")
    assert NeuralNetwork.load(tmp_path / "model.npz").dropout == dropout


def test_momentum_of_biases_alone_is_kept(tmp_path):
    """Where all inputs are 0 the weights stay, and so do their velocities."""
    network = NeuralNetwork((6, 1))
    blank = np.zeros_like(X)
    network.train_epoch(blank, Y, SGD(momentum=0.9))
    network.save(tmp_path / "model.npz")
    loaded = NeuralNetwork.load(tmp_path / "model.npz")
    for one in network, loaded:
        one.train_epoch(blank, Y, SGD(momentum=0.9))
    assert_same(loaded, network)


@parametrize("name", ["vw1", "vb1", "vw2", "vb2"])
def test_velocities_are_kept_where_one_number_of_one_array_is_not_0(tmp_path, name):
    network = NeuralNetwork((6, 5, 1))
    network._arrays(with_velocities=True)[name].flat[-1] = 0.25
    network.save(tmp_path / "model.npz")
    loaded = NeuralNetwork.load(tmp_path / "model.npz")._arrays(with_velocities=True)
    sums = {kept: loaded[kept].sum() for kept in ("vw1", "vb1", "vw2", "vb2")}
    assert sums == {"vw1": 0, "vb1": 0, "vw2": 0, "vb2": 0} | {name: 0.25}


@parametrize("momentum", [0, 0.9])
def test_file_holds_velocities_where_momentum_made_some(tmp_path, momentum):
    network = NeuralNetwork((6, 5, 1))
    network.train_epoch(X, Y, SGD(momentum=momentum))
    network.save(tmp_path / "model.npz")
    names = {"network", "metadata", "w1", "w2", "b1", "b2"}
    velocities = {"vw1", "vw2", "vb1", "vb2"} if momentum else set()
    assert arrays_of(tmp_path / "model.npz").keys() == names | velocities


def test_same_network_is_saved_to_the_same_bytes_at_any_time(saved, monkeypatch):
    network = NeuralNetwork.load(saved)
    later = time.time() + 100_000
    monkeypatch.setattr(time, "time", lambda: later)
    monkeypatch.setattr(time, "localtime", lambda *_: time.gmtime(later))
    network.save(saved.parent / "later.npz")
    assert (saved.parent / "later.npz").read_bytes() == saved.read_bytes()


def test_saving_makes_one_file_of_just_that_name(saved):
    NeuralNetwork.load(saved).save(saved.parent / "no-suffix")
    names = sorted(path.name for path in saved.parent.iterdir())
    assert names == ["model.npz", "no-suffix"]


# --- files that are refused -----------------------------------------------------------

ONE_ARRAY = io.BytesIO()
np.save(ONE_ARRAY, np.zeros(3))
NO_NPZ = {
    "empty": lambda content: b"",
    "start of a zip": lambda content: b"PK\3\4",
    "page": lambda content: b"<html>",
    "zeros": lambda content: bytes(1000),
    "start of an .npy": lambda content: b"\x93NUMPY\1\0",
    "array": lambda content: ONE_ARRAY.getvalue(),
    "cut": lambda content: content[:-100],
    "cut in half": lambda content: content[: len(content) // 2],
}


@warnings_are_errors  # such as that of a file left open
@parametrize("spoil", NO_NPZ.values(), ids=NO_NPZ)
def test_file_that_is_no_npz_is_refused(saved, spoil):
    saved.write_bytes(spoil(saved.read_bytes()))
    assert_refused(saved)


def test_changed_bit_of_a_weight_is_noticed(saved):
    w1 = arrays_of(saved)["w1"].tobytes()
    content = bytearray(saved.read_bytes())
    content[content.index(w1)] ^= 1
    saved.write_bytes(content)
    assert_refused(saved)


def changed_spec(**changes: Any) -> Callable[[dict], dict]:
    """Changes of what a file's "network" says; None takes a name out."""

    def change(arrays: dict) -> dict:
        spec = json.loads(arrays["network"].item()) | changes
        kept = {name: value for name, value in spec.items() if value is not None}
        return {"network": np.array(json.dumps(kept).encode())}

    return change


def changed_config(**changes: Any) -> Callable[[dict], dict]:
    usual = {"dropout": 0.25, "weight_scale": 0.3, "activation": "tanh"}
    return changed_spec(config=usual | changes)


NO_NETWORK = {
    "no spec": {"network": None},
    "no metadata": {"metadata": None},
    "no first weights": {"w1": None},
    "no last weights": {"w3": None},
    "no last biases": {"b3": None},
    "one velocity missing": {"vw2": None},
    "array too many": {"stranger": np.zeros(3)},
    "layer too many": {"w4": np.zeros((1, 1), np.float32)},
    "shape of another network": {"w1": np.zeros((6, 4), np.float32)},
    "vector for a matrix": {"w1": np.zeros(10, np.float32)},
    "row for a vector": {"b1": np.zeros((1, 5), np.float32)},
    "would broadcast": {"w2": np.zeros((1, 4), np.float32)},
    "one of another type": {"w2": np.zeros((5, 4))},
    "type that is not supported": {"w1": np.zeros((6, 5), np.float16)},
    "order of bytes that is not ours": {"w1": np.zeros((6, 5), ">f4")},
    "empty spec": {"network": np.array(b"")},
    "spec of nothing": {"network": np.array(b"{}")},
    "spec that nests without end": {"network": np.array(b"[" * 100_000)},
    "metadata that are a number": {"metadata": np.array(b"5")},
    "no config": changed_spec(config=None),
    "no generators": changed_spec(generators=None),
    "no generator": changed_spec(generators=[]),
    "generator that is none": changed_spec(generators=[{}, {}]),
    "dropout out of range": changed_config(dropout=1),
    "activation that is not known": changed_config(activation="relu"),
    "setting that is not known": changed_config(spread=0.1),
}


def rewrite(
    path: Path, change: dict | Callable[[dict], dict], write: Callable = np.savez
) -> None:
    """Write a file's arrays anew, some of them changed; None takes one out."""
    arrays = arrays_of(path)
    changes = change(arrays) if callable(change) else change
    kept = {name: a for name, a in (arrays | changes).items() if a is not None}
    write(path, **kept)


def test_file_that_others_wrote_anew_is_taken(saved):
    network = NeuralNetwork.load(saved)
    rewrite(saved, {})
    assert_same(NeuralNetwork.load(saved), network)


@warnings_are_errors
@parametrize("change", NO_NETWORK.values(), ids=NO_NETWORK)
def test_arrays_that_make_no_network_are_refused(saved, change):
    rewrite(saved, change)
    assert_refused(saved)


@parametrize("value", [NAN, math.inf, -math.inf])
@parametrize("name", ["w1", "w3", "b1", "b3", "vw2", "vb2"])
def test_number_that_is_not_finite_is_refused(saved, name, value):
    array = arrays_of(saved)[name]
    array[..., -1] = value
    rewrite(saved, {name: array})
    assert_refused(saved)


def test_packed_file_is_refused(saved):
    """`save` packs nothing, so a small file cannot fill the memory."""
    rewrite(saved, {}, np.savez_compressed)
    assert_refused(saved)


class Trap:
    """Unpickling it makes a directory."""

    def __init__(self, path: Path):
        self.path = path

    def __reduce__(self):
        return Path.mkdir, (self.path,)


@parametrize("name", ["w1", "network", "metadata"])
def test_pickled_object_is_refused_and_never_unpickled(saved, name):
    trap = saved.parent / "sprung"
    rewrite(saved, {name: np.array([Trap(trap)], dtype=object)})
    assert_refused(saved)
    assert not trap.exists()


def test_missing_model_says_how_to_get_one(tmp_path):
    told = r"absent does not exist; run train_network\.py first$"
    with pytest.raises(ModelError, match=told):
        NeuralNetwork.load(tmp_path / "absent")


def test_lack_of_memory_is_not_called_damage(saved, monkeypatch):
    def load(*_: Any, **__: Any) -> None:
        raise MemoryError

    monkeypatch.setattr(np, "load", load)
    with pytest.raises(MemoryError):
        NeuralNetwork.load(saved)


def test_model_that_cannot_be_read_is_named_with_the_systems_reason(tmp_path):
    told = rf"^{re.escape(str(tmp_path))}: cannot be read: Is a directory$"
    with pytest.raises(ModelError, match=told):
        NeuralNetwork.load(tmp_path)


# --- refused settings -----------------------------------------------------------------

SMALL = NeuralNetwork((6, 5, 1))
IMAGES = np.zeros((4, 6))
TARGETS = np.zeros(4)
train_small = partial(SMALL.train_epoch, IMAGES, TARGETS)
step_small = partial(SMALL.train_step, IMAGES[0], 0)
predict_small = partial(SMALL.predict, IMAGES)

SIZES = [784, (), (1,), (6,), (6, 5), (6, 0, 1), (6, -5, 1), (6, 2.5, 1), (6, "5", 1)]
SIZES += [(6, True, 1), (6, 10**6 + 1, 1), (6, 10**18, 1)]
# What takes the setting, the range that it names, values outside of it
REFUSED = [
    (SGD, "learning_rate", "a number above 0", [0, -1, NAN, math.inf, "fast", None]),
    (SGD, "momentum", "from 0 to below 1", [-0.1, 1, NAN]),
    (SGD, "l2", "from 0 up", [-0.1, NAN, math.inf]),
    (NeuralNetwork, "dropout", "from 0 to below 1", [1, -0.5, NAN]),
    (NeuralNetwork, "weight_scale", "from 0 to 1000", [-1, 1001, NAN, True, "0.1"]),
    (NeuralNetwork, "activation", "one of tanh", ["sigmoid", "Tanh", None, []]),
    (NeuralNetwork, "seed", "a whole number, at least 0", [-1, 1.5, "x", NAN]),
    (NeuralNetwork, "dtype", "float32 or float64", ["float16", "nonsense", int, None]),
    (NeuralNetwork, "layer_sizes", "whole numbers from 1", SIZES),
    (predict_small, "threshold", "from 0 to 1", [-0.1, 1.1, NAN, None]),
    (train_small, "sgd", "an SGD, such", [0.01, None, "fast"]),
    (step_small, "sgd", "an SGD, such", [0.01]),
]
REFUSED = [(*row, value) for *row, values in REFUSED for value in values]


@parametrize(("takes", "name", "allowed", "value"), REFUSED)
def test_setting_out_of_its_range_is_refused_with_value_and_range(
    takes, name, allowed, value
):
    told = rf"^{re.escape(f'{name} is {value!r}')}; it must be .*{allowed}"
    with pytest.raises(ValueError, match=told):
        takes(**{name: value})


# --- refused samples ------------------------------------------------------------------

TOO_LARGE = np.full((4, 6), 1e39)  # for float32
WRONG_INPUTS = {
    "seven inputs": (np.zeros((4, 7)), r"shape \(4, 7\).*; .* numbers, \(n, 6\)"),
    "a vector": (np.zeros(6), r"shape \(6,\).*; .* numbers, \(n, 6\)"),
    "text": (np.full((4, 6), "0"), "it must be numbers"),
    "pixels": (np.full((4, 6), 255, np.uint8), "values from 255 .*: divide by 255"),
    "whole number below 0": (np.full((4, 6), -1), "values from -1 .* must be 0 or 1"),
    "NaN": (np.full((4, 6), NAN), "values from nan .* finite in float32"),
    "inf": (np.full((4, 6), math.inf), "values from inf .* finite in float32"),
    "-inf": (np.full((4, 6), -math.inf), "values from -inf .* finite in float32"),
    "too large": (TOO_LARGE, r"values from 1e\+39 .* finite in float32"),
}
TAKE_INPUTS = {
    "predict_proba": SMALL.predict_proba,
    "predict": SMALL.predict,
    "attribution": SMALL.attribution,
    "train_epoch": lambda x: SMALL.train_epoch(x, np.zeros(len(x))),
}


@parametrize("takes", TAKE_INPUTS.values(), ids=TAKE_INPUTS)
@parametrize(("x", "complaint"), WRONG_INPUTS.values(), ids=WRONG_INPUTS)
def test_inputs_of_a_wrong_shape_type_or_range_are_refused(takes, x, complaint):
    with pytest.raises(ValueError, match=f"^inputs: .*{complaint}"):
        takes(x)


def test_float64_network_takes_what_is_too_large_for_float32():
    NeuralNetwork((6, 1), dtype="float64").predict_proba(TOO_LARGE)


WRONG_TARGETS = {
    "three of four": (np.zeros(3), r"shape \(3,\).*; .* numbers, \(4\)"),
    "a column": (np.zeros((4, 1)), r"shape \(4, 1\).*; .* numbers, \(4\)"),
    "above 1": (np.array([0, 0, 1.5, 0]), r"values from 0 to 1\.5; .*targets\(8\)"),
    "below 0": (np.array([0, 0, -1, 0]), r"values from -1 to 0; .*targets\(8\)"),
    "NaN": (np.array([0, NAN, 0, 0]), "values from nan"),
    "text": (np.array(["a"] * 4), "it must be numbers"),
}


@parametrize(("y", "complaint"), WRONG_TARGETS.values(), ids=WRONG_TARGETS)
def test_targets_of_a_wrong_shape_type_or_range_are_refused(y, complaint):
    with pytest.raises(ValueError, match=f"^targets: .*{complaint}"):
        SMALL.train_epoch(IMAGES, y)


WRONG_ORDERS = {
    "row past the last": ([0, 4], "values from 0 to 4; .* from 0 to 3"),
    "row below 0": ([-1, 0], "values from -1 to 0; .* from 0 to 3"),
    "fraction": ([0.0], "row number"),
    "mask": ([True, False, True, True], "row number"),
    "matrix": ([[0, 1]], "row number"),
    "nothing": (np.array([], int), "row number"),
}


@parametrize(("order", "complaint"), WRONG_ORDERS.values(), ids=WRONG_ORDERS)
def test_order_that_is_no_row_numbers_is_refused(order, complaint):
    with pytest.raises(ValueError, match=f"^order.*{complaint}"):
        SMALL.train_epoch(IMAGES, TARGETS, order=order)


WRONG_SAMPLES = {
    "five inputs": (np.zeros(5), 0, r"inputs: shape \(5,\)"),
    "a row of a matrix": (np.zeros((1, 6)), 0, r"inputs: shape \(1, 6\)"),
    "NaN": (np.full(6, NAN), 0, "inputs: values from nan"),
    "target above 1": (np.zeros(6), 2, "targets: values from 2 to 2"),
    "a target in a list": (np.zeros(6), [1], r"targets: shape \(1,\)"),
}


@parametrize(("x", "y", "complaint"), WRONG_SAMPLES.values(), ids=WRONG_SAMPLES)
def test_sample_of_a_wrong_shape_or_range_is_refused(x, y, complaint):
    with pytest.raises(ValueError, match=f"^{complaint}"):
        SMALL.train_step(x, y)
