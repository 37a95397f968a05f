"""The block form of `train_epoch` beside the loop over `train_step` that it must agree with.

Both start alike and take the same samples in the same order (and so draw the same masks).
"""

from __future__ import annotations

import numpy as np
import pytest

import neural_network
from mnist_loader import load_dataset
from neural_network import SGD, NeuralNetwork, TrainingDivergedError

EPOCHS = 3
CHAOTIC = "learning rate 0.1 and momentum"  # steps so large that float32's rounding is amplified

CASES = {
    "plain": {},
    "momentum": {"sgd": SGD(momentum=0.9)},
    "l2": {"sgd": SGD(l2=1e-4)},
    "dropout": {"dropout": 0.3},
    "two hidden layers": {"hidden": (64, 32)},
    "three hidden layers": {"hidden": (64, 32, 16)},
    "no hidden layer": {"hidden": ()},
    "all together": {
        "sgd": SGD(momentum=0.9, l2=1e-4),
        "dropout": 0.3,
        "hidden": (64, 32, 16),
    },
    "strong l2 and momentum": {"sgd": SGD(0.02, momentum=0.5, l2=0.5)},
    "learning rate 0.001": {"sgd": SGD(0.001)},
    "learning rate 0.1": {"sgd": SGD(0.1)},
    CHAOTIC: {"sgd": SGD(0.1, momentum=0.9)},
    "one sample": {"n": 1},
    "less than a block": {"n": neural_network.BLOCK - 7},
    "just a block": {"n": neural_network.BLOCK},
    "a block and a sample": {"n": neural_network.BLOCK + 1},
}


def both_forms(x, y, *, sgd=SGD(), hidden=(64,), dropout=0.0, n=400, dtype="float64"):  # noqa: B008
    """Train a network in either form; the two networks and their last epochs' losses."""
    block, loop = (
        NeuralNetwork((x.shape[1], *hidden, 1), dropout=dropout, dtype=dtype, seed=1)
        for _ in range(2)
    )
    rng = np.random.default_rng(5)
    for _ in range(EPOCHS):
        order = rng.permutation(n)
        block_loss = block.train_epoch(x[:n], y[:n], sgd, order)
        loop_loss = np.mean([loop.train_step(x[i], y[i], sgd) for i in order])
    return block, loop, block_loss, loop_loss


def assert_same_network(block, loop, tolerance):
    """Each array within the tolerance of its scale; biases start at 0, so theirs is at least 0.1"""
    for ours, theirs in zip(block.weights + block.biases, loop.weights + loop.biases, strict=True):
        assert ours.dtype == theirs.dtype
        scale = max(np.abs(theirs).max(), 0.1)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * scale)


@pytest.fixture(scope="module")
def real_digits(mnist_dir):
    train = load_dataset(mnist_dir, "mnist", 400, 1).train
    return train.images, train.targets()


@pytest.fixture(scope="module")
def drawn_digits():
    """400 images of strokes with a margin that is never inked, some of them with a mark to learn"""
    rng = np.random.default_rng(2)
    images = np.zeros((400, 12, 12), np.float32)
    images[:, 2:10, 2:10] = np.clip(rng.normal(0, 0.6, (400, 8, 8)), 0, 1)
    y = (rng.random(400) < 0.3).astype(np.float32)
    images[y == 1, 4:6, 4:8] = 1
    return images.reshape(400, 144), y


@pytest.mark.parametrize("case", CASES)
def test_float64_block_form_equals_the_loop(drawn_digits, case):
    block, loop, block_loss, loop_loss = both_forms(*drawn_digits, **CASES[case])
    assert_same_network(block, loop, 1e-10)
    assert block_loss == pytest.approx(loop_loss, rel=1e-10)


@pytest.mark.parametrize("case", [case for case in CASES if case != CHAOTIC])
def test_float32_block_form_equals_the_loop(drawn_digits, case):
    block, loop, block_loss, loop_loss = both_forms(*drawn_digits, **CASES[case], dtype="float32")
    assert_same_network(block, loop, 1e-3)
    assert block_loss == pytest.approx(loop_loss, rel=1e-4)


@pytest.mark.parametrize("case", CASES)
def test_float64_block_form_equals_the_loop_on_real_digits(real_digits, case):
    block, loop, block_loss, loop_loss = both_forms(*real_digits, **CASES[case])
    assert_same_network(block, loop, 1e-10)
    assert block_loss == pytest.approx(loop_loss, rel=1e-10)


@pytest.mark.parametrize("case", [case for case in CASES if case != CHAOTIC])
def test_float32_block_form_equals_the_loop_on_real_digits(real_digits, case):
    block, loop, block_loss, loop_loss = both_forms(*real_digits, **CASES[case], dtype="float32")
    assert_same_network(block, loop, 1e-3)
    assert block_loss == pytest.approx(loop_loss, rel=1e-4)


def test_float32_block_form_is_nearer_to_float64_than_the_float32_loop(drawn_digits):
    truth, _, _, _ = both_forms(*drawn_digits)
    block, loop, _, _ = both_forms(*drawn_digits, dtype="float32")
    start = NeuralNetwork((144, 64, 1), seed=1).weights[0]
    truth_start = NeuralNetwork((144, 64, 1), seed=1, dtype="float64").weights[0]
    moved = truth.weights[0] - truth_start
    error_of_block = np.abs(block.weights[0] - start - moved).max()
    error_of_loop = np.abs(loop.weights[0] - start - moved).max()
    assert error_of_block <= error_of_loop


def test_settings_may_change_between_epochs(drawn_digits):
    x, y = drawn_digits
    block, loop = (NeuralNetwork((144, 8, 1), dtype="float64") for _ in range(2))
    for sgd in SGD(0.1, l2=0.01), SGD(0.1, momentum=0.9), SGD(0.1):
        block.train_epoch(x, y, sgd, np.arange(400))
        for row in range(400):
            loop.train_step(x[row], y[row], sgd)
    assert_same_network(block, loop, 1e-10)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_vanishing_learning_rate_is_no_error(drawn_digits, dtype):
    network = NeuralNetwork((144, 8, 1), dtype=dtype)
    before = network.weights[0].copy()
    network.train_epoch(*drawn_digits, SGD(1e-200))
    np.testing.assert_array_equal(network.weights[0], before)


def test_velocities_are_those_of_the_loop(drawn_digits):
    block, loop, _, _ = both_forms(*drawn_digits, sgd=SGD(momentum=0.9, l2=1e-3), hidden=(16, 8))
    for ours, theirs in zip(block._weight_velocities, loop._weight_velocities, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_result_does_not_depend_on_the_block_length(drawn_digits, monkeypatch):
    options = {"sgd": SGD(momentum=0.5), "dropout": 0.2}
    usual, _, _, _ = both_forms(*drawn_digits, **options)
    monkeypatch.setattr(neural_network, "BLOCK", 13)
    other, _, _, _ = both_forms(*drawn_digits, **options)
    assert_same_network(other, usual, 1e-12)


def test_inputs_without_ink_keep_their_weights(drawn_digits):
    x, y = drawn_digits
    network = NeuralNetwork((144, 8, 1))
    before = network.weights[0].copy()
    network.train_epoch(x, y, SGD())
    never_inked = ~x.any(axis=0)
    assert never_inked.sum() == 144 - 64
    np.testing.assert_array_equal(network.weights[0][never_inked], before[never_inked])


def test_repeated_rows_in_the_order_are_trained_again(drawn_digits):
    x, y = drawn_digits
    block, loop = (NeuralNetwork((144, 8, 1), dtype="float64") for _ in range(2))
    order = np.array([3, 3, 7, 3, 0] * 30)
    block.train_epoch(x, y, SGD(0.1), order)
    for row in order:
        loop.train_step(x[row], y[row], SGD(0.1))
    assert_same_network(block, loop, 1e-12)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_divergence_is_told_and_does_not_hang(drawn_digits, dtype):
    network = NeuralNetwork((144, 8, 1), dtype=dtype)
    growing = SGD(learning_rate=100, l2=1)  # each update multiplies the weights by -99
    with pytest.raises(TrainingDivergedError, match=r"learning_rate=100.*lower") as error:
        network.train_epoch(*drawn_digits, growing)
    assert "\n" not in str(error.value)


def test_interruption_leaves_weights_of_full_size(drawn_digits):
    x, y = drawn_digits
    network = NeuralNetwork((144, 8, 1))

    def interrupt(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        network.train_epoch(x, y, SGD(), on_progress=interrupt)
    assert network.weights[0].shape == (144, 8)
    assert network.train_epoch(x, y, SGD()) > 0


def test_progress_counts_up_to_all_samples(drawn_digits):
    counts = []
    NeuralNetwork((144, 8, 1)).train_epoch(*drawn_digits, SGD(), on_progress=counts.append)
    assert counts == sorted(counts)
    assert counts[-1] == 400
