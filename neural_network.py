"""The network: activations, forward pass, backpropagation, per-sample SGD.

The letters and numbers are the lab sheet's. Layer l, from 1 up, has weights w_l and
biases b_l. It turns the output of the layer before it into its own,

    z_l = a_(l-1) w_l + b_l,     a_l = tanh(z_l),  and sigmoid(z_l) for the last layer,

with the input as a_0. Nothing in here knows about digits, or about files but a
network's own.

    python neural_network.py         check the gradients against finite differences
"""

# First: it refuses an old Python, and asks for one BLAS thread before NumPy loads
import utils  # isort: split

import copy
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from utils import N_, Range, SettingError, UserError, atomic_write, check


class ModelError(UserError):
    """A model file that cannot be used: which, what is wrong, what to do."""


class TrainingDivergedError(UserError):
    """The weights have left the range of finite numbers; the settings must change."""


# --- activations: the derivatives take the activation, not z, as in the lab sheet -----


def sigmoid(z: np.ndarray) -> np.ndarray:
    """sigmoid(z) = 1 / (1 + e^-z), in (0, 1)."""
    with np.errstate(over="ignore"):  # e^1000 is infinite to a float, and 1 / it is 0
        return 1 / (1 + np.exp(-z))


def sigmoid_derivative(a: np.ndarray) -> np.ndarray:
    """d sigmoid(z) / dz = a (1 - a), of the activation a = sigmoid(z)."""
    return a * (1 - a)


def tanh(z: np.ndarray) -> np.ndarray:
    """tanh(z) = (e^z - e^-z) / (e^z + e^-z), in (-1, 1)."""
    return np.tanh(z)


def tanh_derivative(a: np.ndarray) -> np.ndarray:
    """d tanh(z) / dz = 1 - a^2, of the activation a = tanh(z)."""
    return 1 - a * a


class Activation(NamedTuple):
    """a = function(z), and da / dz = derivative(a)."""

    function: Callable[[np.ndarray], np.ndarray]
    derivative: Callable[[np.ndarray], np.ndarray]


# Of the hidden layers, by the name that a network's file holds
ACTIVATIONS = {"tanh": Activation(tanh, tanh_derivative)}
OUTPUT = Activation(sigmoid, sigmoid_derivative)


# --- the update rule ------------------------------------------------------------------


RULE_RANGES = {
    "learning_rate": utils.POSITIVE,
    "momentum": utils.BELOW_1,
    "l2": utils.NOT_NEGATIVE,
}


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: what an update does to a weight w with gradient g.

        g += l2 * w            (weights, not biases: the gradient of l2 / 2 * w^2)
        v  = momentum * v + g
        w -= learning_rate * v

    The velocity v is neither used nor changed while momentum is 0. Momentum is Polyak's
    (1964), in the form that PyTorch's SGD has. Whatever `update` does must be linear in
    w, v and g, or `_BlockLayer` is wrong; clipping, for one, is not. Raises
    SettingError for a setting outside its range.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        check(RULE_RANGES, **vars(self))

    def update(self, w: np.ndarray, g: np.ndarray, v: np.ndarray) -> None:
        """Update w in place by its gradient g, and with momentum its velocity v."""
        if self.l2:
            g = g + self.l2 * w
        if self.momentum:
            v *= self.momentum
            v += g
            g = v
        w -= self.learning_rate * g

    @cached_property
    def of_biases(self) -> "SGD":
        """The same rule without L2."""
        return replace(self, l2=0.0)


# --- the network ----------------------------------------------------------------------


# Samples trained at once. Shorter blocks cost more calls, longer ones more sweeps and
# larger Gram matrices; the optimum is flat, and no setting tried needs another
# (tests/benchmarks).
BLOCK_SIZE = 64
PREDICTED_AT_ONCE = 1000  # samples, so that memory does not grow with their number
MOST_UNITS = 10**6  # of a layer; more is a slip: 784 x 10^6 weights alone take 3 GB
LARGEST_SCALE = 1000  # units are saturated from far less on; far more overflows float32
DTYPES = ("float32", "float64")


def are_layer_sizes(values: Sequence[int]) -> bool:
    are_units = all(utils.is_whole(n, 1) and n <= MOST_UNITS for n in values)
    return are_units and len(values) > 1 and values[-1] == 1


def is_dtype(value: Any) -> bool:
    # None would be float64 to NumPy
    return value is not None and np.dtype(value) in map(np.dtype, DTYPES)


NETWORK_RANGES = {  # of the arguments of a network and of its methods
    "layer_sizes": Range(
        f"whole numbers from 1 to {MOST_UNITS}, at least two, the last 1: (784, 64, 1)",
        are_layer_sizes,
    ),
    "dropout": utils.BELOW_1,
    "weight_scale": Range(
        f"a number from 0 to {LARGEST_SCALE}",
        lambda v: utils.is_number(v, high=LARGEST_SCALE),
    ),
    "activation": Range(f"one of {', '.join(ACTIVATIONS)}", lambda v: v in ACTIVATIONS),
    "seed": utils.WHOLE,
    "dtype": Range(" or ".join(DTYPES), is_dtype),
    "threshold": utils.SHARE,
    "sgd": Range(
        "an SGD, such as SGD(learning_rate=0.01)", lambda v: isinstance(v, SGD)
    ),
}


class Layer:
    """output = activation(a w + b), for its input a.

    w, b : weights (n_in, n_out) and biases (n_out,)
    vw, vb : their velocities, of the same shapes, which only momentum uses
    """

    def __init__(self, w: np.ndarray, activation: Activation):
        self.w = w
        self.b = np.zeros(w.shape[1], w.dtype)
        self.vw = np.zeros_like(self.w)
        self.vb = np.zeros_like(self.b)
        self.activation = activation

    def forward(self, a: np.ndarray) -> np.ndarray:
        """The output (..., n_out) of an input a (..., n_in)."""
        return self.activation.function(a @ self.w + self.b)

    def activate(
        self, z: np.ndarray, mask: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """The output activation(z) and its slope, d output / d z, both masked.

        z, the output and the slope are (..., n_out), as the mask of dropout is: 0 for a
        dropped unit, 1 / (1 - dropout) for the others; None: nothing is dropped.
        """
        output = self.activation.function(z)
        slope = self.activation.derivative(output)
        if mask is None:
            return output, slope
        return output * mask, slope * mask

    def update(self, a: np.ndarray, d: np.ndarray, sgd: SGD) -> None:
        """One update, for an input a (n_in,) and d (n_out,) = d loss / d z."""
        sgd.update(self.w, np.outer(a, d), self.vw)
        sgd.of_biases.update(self.b, d, self.vb)


class NeuralNetwork:
    """A fully connected network: tanh in the hidden layers, one sigmoid at the end.

    Parameters
    ----------
    layer_sizes : the units of each layer, from the inputs to the output; the output has
        one, the probability of a yes
    dropout : each hidden unit is left out of an update with this probability
        (Srivastava et al., JMLR 15, 2014); the others are scaled by 1 / (1 - dropout),
        so that prediction needs no change
    weight_scale : standard deviation of the normal distribution that the weights start
        from; biases start at 0
    activation : of the hidden layers, a name in `ACTIVATIONS`
    seed : decides the starting weights, the order of samples and the dropout masks,
        each from a stream of its own: changing one leaves the others as they were
    dtype : of the weights and all computation, float32 or float64

    Raises SettingError for an argument outside its range.

    Attributes
    ----------
    layers : list of Layer, from the first hidden layer to the output
    config : dict, what `load` hands to the constructor beside sizes and dtype
    metadata : dict of what the file should remember, plain JSON, such as what the
        network was trained on
    """

    def __init__(
        self,
        layer_sizes: Sequence[int] = (784, 64, 1),
        *,
        dropout: float = 0.0,
        weight_scale: float = 0.1,
        activation: str = "tanh",
        seed: int = 0,
        dtype: type | str = np.float32,
    ):
        check(NETWORK_RANGES, layer_sizes=layer_sizes, seed=seed, dtype=dtype)
        check(NETWORK_RANGES, dropout=dropout, weight_scale=weight_scale)
        check(NETWORK_RANGES, activation=activation)
        self.config = {
            "dropout": float(dropout),
            "weight_scale": float(weight_scale),
            "activation": activation,
        }
        self.metadata: dict[str, Any] = {}
        streams = np.random.SeedSequence(int(seed)).spawn(3)
        weight_rng = np.random.default_rng(streams[0])
        self._order_rng = np.random.default_rng(streams[1])
        self._mask_rng = np.random.default_rng(streams[2])

        shapes = list(pairwise(layer_sizes))
        activations = [ACTIVATIONS[activation]] * (len(shapes) - 1) + [OUTPUT]
        self.layers = []
        for shape, function in zip(shapes, activations, strict=True):
            w = weight_scale * weight_rng.standard_normal(shape)
            self.layers.append(Layer(w.astype(dtype), function))

    @property
    def weights(self) -> tuple[np.ndarray, ...]:
        """Each layer's w, (n_in, n_out): weights[0] is w1."""
        return tuple(layer.w for layer in self.layers)

    @property
    def biases(self) -> tuple[np.ndarray, ...]:
        """Each layer's b, (n_out,)."""
        return tuple(layer.b for layer in self.layers)

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        n_in = len(self.weights[0])
        return (n_in, *map(len, self.biases))  # a bias a unit

    @property
    def dropout(self) -> float:
        return self.config["dropout"]

    @property
    def dtype(self) -> np.dtype:
        return self.weights[0].dtype

    def __repr__(self) -> str:
        sizes = self.layer_sizes
        return f"NeuralNetwork({sizes}, dropout={self.dropout:g}, dtype={self.dtype})"

    # --- prediction

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The probability of a yes for each row of finite floats: (n, n_in) -> (n,)."""
        x = check_inputs(x, (None, self.layer_sizes[0]), self.dtype)
        probabilities = []
        for batch in np.array_split(x, len(x) // PREDICTED_AT_ONCE + 1):
            a = batch.astype(self.dtype, copy=False)
            for layer in self.layers:
                a = layer.forward(a)
            probabilities.append(a[:, 0])
        return np.concatenate(probabilities)

    def predict(self, x: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Whether each row's probability reaches the threshold: bool (n,)."""
        check(NETWORK_RANGES, threshold=threshold)
        return self.predict_proba(x) >= threshold

    def attribution(self, x: np.ndarray) -> np.ndarray:
        """What each input added to the probability p: (n, n_in) -> (n, n_in).

        Above 0 it raised p, below 0 it lowered it, and a row sums to p(x) - p(0), the
        score less that of an input of zeros, such as empty paper. It is backpropagation
        with secants in place of slopes: (a(x) - a(0)) / (z(x) - z(0)) for each unit
        (DeepLIFT's rescale rule, Shrikumar et al., ICML 2017). In float64, as
        differences of numbers that are close lose digits.
        """
        x = check_inputs(x, (None, self.layer_sizes[0]), self.dtype).astype(np.float64)

        # Forward, with the input of zeros as the last row
        a = np.pad(x, ((0, 1), (0, 0)))
        secants = []  # of each layer, (n, n_out)
        for layer in self.layers:
            z = a @ layer.w + layer.b
            a, slope = layer.activate(z, None)
            rise = a[:-1] - a[-1]
            run = z[:-1] - z[-1]
            is_flat = run == 0  # there the slope is the secant's limit
            secant = rise / np.where(is_flat, 1, run)
            secants.append(np.where(is_flat, slope[:-1], secant))

        # Backward
        multiplier = np.ones((len(x), 1))
        for layer, secant in zip(self.layers[::-1], secants[::-1], strict=True):
            multiplier = (multiplier * secant) @ layer.w.T
        return x * multiplier

    # --- training

    def train_step(self, x: np.ndarray, y: float, sgd: SGD = SGD()) -> float:
        """Learn from one sample x (n_in,) with its target y; the loss before that.

        The lab sheet's formulas, for its two layers:

            loss     = (a2 - y)^2
            d_output = 2 (a2 - y) * sigmoid'(a2)
            d_hidden = d_output w2^T * tanh'(a1)
            w       -= learning_rate * (inputs^T gradient)

        d is d_output, then d_hidden; `SGD.update` does the last line, with momentum and
        L2 where they are used.
        """
        check(NETWORK_RANGES, sgd=sgd)
        x = check_inputs(x, (self.layer_sizes[0],), self.dtype)
        y = check_targets(y, ()).astype(self.dtype, copy=False)

        # Forward: a[0] is the input, a[l] the output of layer l
        a = [x.astype(self.dtype, copy=False)]
        slopes = []  # d a[l] / d z[l] of each layer, (n_out,)
        for layer, mask in zip(self.layers, self._draw_masks(1), strict=True):
            z = a[-1] @ layer.w + layer.b
            output, slope = layer.activate(z, None if mask is None else mask[0])
            a.append(output)
            slopes.append(slope)

        # Backward: d is d loss / d z. The error of a layer's inputs comes from its
        # weights before their update; that of the images is not used.
        error = 2 * (a[-1] - y)
        for layer, inputs, slope in zip(
            reversed(self.layers), reversed(a[:-1]), reversed(slopes), strict=True
        ):
            d = error * slope
            error = d @ layer.w.T
            layer.update(inputs, d, sgd)
        return float((a[-1][0] - y) ** 2)

    def train_epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sgd: SGD = SGD(),
        order: np.ndarray | None = None,
        *,
        loop: bool = False,
    ) -> float:
        """The updates of `train_step` on one sample after the other, much faster.

        Parameters
        ----------
        x : (n, n_in), any finite floats
        y : (n,), targets in [0, 1]
        sgd : the update rule
        order : (m,), row numbers; by default every row once, freshly shuffled
        loop : call `train_step` itself: the same weights to rounding, much slower

        Returns the mean of the losses, each taken before its sample's update. Raises
        TrainingDivergedError if the weights stop being finite numbers, SettingError if
        the arrays do not have these shapes or values.
        """
        check(NETWORK_RANGES, sgd=sgd)
        x = check_inputs(x, (None, self.layer_sizes[0]), self.dtype)
        y = check_targets(y, (len(x),)).astype(self.dtype, copy=False)
        if order is None:
            order = self._order_rng.permutation(len(x))
        order = check_order(order, len(x))

        total_loss = 0.0
        with np.errstate(all="ignore"):  # divergence is told below, in words
            tolerances = [_tolerance(layer.w, sgd) for layer in self.layers]
            for first in range(0, len(order), BLOCK_SIZE):
                samples = order[first : first + BLOCK_SIZE]
                if loop:
                    for row in samples:
                        total_loss += self.train_step(x[row], y[row], sgd)
                else:
                    block = x[samples].astype(self.dtype, copy=False)
                    total_loss += self._train_block(block, y[samples], sgd, tolerances)
                if not np.isfinite(total_loss):
                    break
        arrays = [total_loss, *self.weights, *self.biases]
        if not all(np.isfinite(array).all() for array in arrays):
            raise TrainingDivergedError(
                f"training diverged: with {sgd} weights are no longer finite numbers; "
                "lower the learning rate, momentum or L2"
            )
        return total_loss / len(order)

    def _train_block(
        self, x: np.ndarray, y: np.ndarray, sgd: SGD, tolerances: Sequence[float]
    ) -> float:
        """Train on samples x (n, n_in), y (n,) in their order; the sum of their losses.

        The n updates of `train_step`, to rounding, at matrix speed: `_BlockLayer` says
        how. `tolerances`, one a layer, say from where on gradients have settled.
        """
        masks = self._draw_masks(len(x))
        block_layers = []
        for layer, mask in zip(self.layers, masks, strict=True):
            kind = _BlockOutput if layer is self.layers[-1] else _BlockLayer
            block_layers.append(kind(layer, len(x), mask, sgd))

        # D of each, (n, n_out), unknown at first
        gradients = [None] * len(block_layers)
        for _ in range(len(x)):  # so many sweeps are always enough; a few usually are
            before = gradients

            # Forward, as in `train_step`, for all samples
            a = x
            for layer, d in zip(block_layers, before, strict=True):
                a = layer.forward(a, d)
            difference = a - y[:, np.newaxis]

            # Backward
            error = 2 * difference
            gradients = []
            for layer in reversed(block_layers):
                d = error * layer.slope
                gradients.insert(0, d)
                if layer is not block_layers[0]:
                    error = layer.backward(d)
            if _has_settled(gradients, before, tolerances):
                break
        for layer, d in zip(block_layers, gradients, strict=True):
            layer.update(d)
        return float(np.sum(difference[:, 0] ** 2))

    def _draw_masks(self, n: int) -> list[np.ndarray | None]:
        """For each layer the dropout masks of n samples, (n, units), or None.

        A mask holds 0, or 1 / (1 - dropout) to make up for it. They are drawn sample by
        sample, so that n masks at once are those that n single draws would give.
        Nothing is dropped from the output.
        """
        hidden_sizes = self.layer_sizes[1:-1]
        if not self.dropout or not hidden_sizes:
            return [None] * len(self.layers)
        is_kept = self._mask_rng.random((n, sum(hidden_sizes))) >= self.dropout
        masks = is_kept.astype(self.dtype) / self.dtype.type(1 - self.dropout)
        return [*np.split(masks, np.cumsum(hidden_sizes)[:-1], axis=1), None]

    # --- files

    def save(self, path: str | Path) -> None:
        """Write the network to an .npz file, whole or not at all.

        The file holds all that further training depends on: weights w1, w2 ..., biases
        b1 ..., where momentum is used the velocities vw1, vb1 ..., the configuration,
        the state of the random streams; and `metadata`. The same network gives the same
        bytes. Raises UserError if the file cannot be written.
        """
        network = {
            "config": self.config,
            "generators": [rng.bit_generator.state for rng in self._generators()],
        }
        file = {"network": _json_array(network), "metadata": _json_array(self.metadata)}
        file |= self._arrays(with_velocities=self._has_velocities())
        with atomic_write(Path(path)) as stream:
            np.savez(stream, **file)

    @classmethod
    def load(cls, path: str | Path) -> "NeuralNetwork":
        """Read a network that `save` wrote; it trains on as if it had never stopped.

        Raises ModelError if the file is missing, damaged, or no model of this project.
        """
        try:
            return cls._from_file(_read_npz(Path(path)))
        except FileNotFoundError as error:
            fault = f"{path} does not exist; run train_network.py first"
            raise ModelError(fault) from error
        except OSError as error:
            fault = f"{path}: cannot be read: {error.strerror or error}"
            raise ModelError(fault) from error
        except MemoryError:
            raise
        except Exception as error:  # wrong bytes fail in many ways
            fault = f"{path}: damaged, or not a model of this project"
            raise ModelError(f"{fault}; run train_network.py again") from error

    @classmethod
    def _from_file(cls, file: dict[str, np.ndarray]) -> "NeuralNetwork":
        """The network of a file's arrays; ValueError and others if they make none."""
        spec = json.loads(file.pop("network").item())
        metadata = json.loads(file.pop("metadata").item())
        sizes = list(file["w1"].shape)  # inputs and units of layer 1; next is w2
        while f"w{len(sizes)}" in file:
            sizes.append(file[f"w{len(sizes)}"].shape[1])
        network = cls(sizes, dtype=file["w1"].dtype, **spec["config"])
        network.metadata = dict(metadata)
        states = spec["generators"]
        for rng, state in zip(network._generators(), states, strict=True):
            rng.bit_generator.state = state
        arrays = network._arrays(with_velocities="vw1" in file)
        if arrays.keys() != file.keys():
            raise ValueError("an array is missing, or one too many")
        for name, array in arrays.items():
            read = file[name]
            if (read.shape, read.dtype) != (array.shape, array.dtype):
                raise ValueError(f"{name} is of another shape or type")
            if not np.isfinite(read).all():
                raise ValueError(f"{name} holds what is no finite number")
            array[...] = read
        return network

    def _arrays(self, with_velocities: bool) -> dict[str, np.ndarray]:
        """The layers' arrays by their names in a file: w1, b1 ... vw1, vb1 ..."""
        kinds = ["w", "b", "vw", "vb"] if with_velocities else ["w", "b"]
        return {
            f"{kind}{number}": getattr(layer, kind)
            for kind in kinds
            for number, layer in enumerate(self.layers, start=1)
        }

    def _has_velocities(self) -> bool:
        return any(layer.vw.any() or layer.vb.any() for layer in self.layers)

    def _generators(self) -> list[np.random.Generator]:
        """The random streams that training draws from."""
        return [self._order_rng, self._mask_rng]


def _json_array(content: dict[str, Any]) -> np.ndarray:
    """A dict as an array that an .npz file takes without pickling."""
    return np.array(json.dumps(content).encode())


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file as `save` writes it.

    `save` compresses nothing. What is compressed might unpack to more than memory
    holds.
    """
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        if any(member.compress_type for member in file.zip.infolist()):
            raise ValueError("compressed")
        return dict(file)


# --- many updates at once: the block form ---------------------------------------------


class _BlockLayer:
    """A hidden layer while a block of n samples is trained: n updates at matrix speed.

    Seen from sample t, a layer's weights are those at the block's start and what the
    samples before it did to them. With a_s a sample's input of the layer and d_s its
    local gradient, d loss / d z, plain SGD has

        w_t = w - learning_rate * sum_{s<t} a_s^T d_s

    So no sample needs weights of its own. With the block's inputs as rows of A (n,
    n_in), its local gradients as rows of D (n, n_out), and K (n, n) holding
    -learning_rate below its diagonal, 0 elsewhere (* is elementwise):

        forward     Z = A w + b + (K * (A A^T) + K_b) D     K_b = K
        backward    E = D w^T + (K * (D D^T)) A             the error of the inputs
        update      w += A^T (g * D),  b += g^T D           once, at the block's end

    with g (n, 1) = -learning_rate. Momentum and L2 change no more than the numbers,
    which `_Updates` has, for weights and, without L2, for biases: K_ts is how much of
    gradient s is in the w that sample t sees, and

        A w    becomes    p * (A w) + q * (A v)
        b      becomes    p_b * b + q_b * v_b

    Dropout multiplies the layer's outputs, and their slopes, by its mask.

    Z needs D, and D needs Z. But row t of Z needs only the rows of D before t: start
    from D = 0 and sweep forward and backward again and again. After m sweeps the first
    m rows are exact, after n all of them. In practice, with the lab's settings, no row
    changes any more after 6 or 7 sweeps in float32 and 13 in float64 (`_tolerance` says
    what counts as a change).

    Relatives: the linear case is Benesty and Duhamel, "A Fast Exact Least Mean Square
    Adaptive Algorithm" (IEEE Trans. Signal Processing 40, 1992), and chunked delta-rule
    attention (DeltaNet, arXiv 2406.06484). More in tests/benchmarks/README.md.
    """

    def __init__(self, layer: Layer, n: int, mask: np.ndarray | None, sgd: SGD):
        self.layer = layer
        self.mask = mask  # (n, n_out)
        self.w_updates = _Updates.of(sgd, n, layer.w.dtype)
        self.b_updates = _Updates.of(sgd.of_biases, n, layer.w.dtype)
        self.b_seen = self.b_updates.seen(layer.b, layer.vb)
        # Of the last `forward`, for `backward` and `update`
        self.a = None  # A
        self.slope = None  # (n, n_out)

    def forward(self, a: np.ndarray, d: np.ndarray | None) -> np.ndarray:
        """The layer's outputs (n, n_out) of its inputs A; D is None where still 0."""
        z = self._z(a, d)
        outputs, self.slope = self.layer.activate(z, self.mask)
        return outputs

    def _z(self, a: np.ndarray, d: np.ndarray | None) -> np.ndarray:
        """Z (n, n_out) of A (n, n_in) and D (n, n_out)."""
        if a is not self.a:  # the first layer gets the same array in every sweep
            self.a = a
            product = self.w_updates.product(a, self.layer.w, self.layer.vw)
            self.z_start = product + self.b_seen
            self.coupling = self.w_updates.k * (a @ a.T) + self.b_updates.k
        return self.z_start if d is None else self.z_start + self.coupling @ d

    def backward(self, d: np.ndarray) -> np.ndarray:
        """E (n, n_in), the error of the layer's inputs, of D (n, n_out)."""
        product = self.w_updates.product(d, self.layer.w.T, self.layer.vw.T)
        return product + (self.w_updates.k * (d @ d.T)) @ self.a

    def update(self, d: np.ndarray) -> None:
        """Update the layer's own weights and biases by all n gradients."""
        layer = self.layer
        self.w_updates.apply(layer.w, layer.vw, self.a, d)
        # A bias is the weight of an input that is always 1. b[np.newaxis] is a view.
        ones = np.ones((len(d), 1), d.dtype)
        self.b_updates.apply(layer.b[np.newaxis], layer.vb[np.newaxis], ones, d)


class _BlockOutput(_BlockLayer):
    """The output layer, of one unit: its w_t is a row, so all n fit into a matrix.

    With w_t as row t of W (n, n_in), and A . W (n,) for the product of each row of A
    with that of W,

        W = p w^T + q v^T + (K * d^T) A
        z = A . W + p_b b + q_b v_b + K_b d
        E = d * W
    """

    def __init__(self, layer: Layer, n: int, mask: None, sgd: SGD):
        super().__init__(layer, n, mask, sgd)
        self.w_seen = self.w_updates.seen(layer.w.T, layer.vw.T)
        self.w_t = None  # W of the last `forward`

    def _z(self, a: np.ndarray, d: np.ndarray | None) -> np.ndarray:
        self.a = a
        self.w_t = self.w_seen
        b_t = self.b_seen[..., 0]
        if d is not None:
            self.w_t = self.w_seen + (self.w_updates.k * d[:, 0]) @ a
            b_t = b_t + self.b_updates.k @ d[:, 0]
        return (dot_rows(a, self.w_t) + b_t)[:, np.newaxis]

    def backward(self, d: np.ndarray) -> np.ndarray:
        return d * self.w_t


class _Sum(NamedTuple):
    """A weight or a velocity after n updates, as how much it holds of what."""

    w: float  # of the first w
    v: float  # of the first v
    g: np.ndarray  # of each gradient, (n, 1)


class _Updates(NamedTuple):
    """The coefficients of n updates in a row of a weight w and its velocity v.

    The rule is linear, so w and v are at any time a sum of the first w, the first v and
    the gradients, each times a number. Row t of the arrays is what sample t sees.
    """

    sgd: SGD
    p: np.ndarray  # (n, 1): how much of the first w
    q: np.ndarray  # (n, 1): how much of the first v
    k: np.ndarray  # K (n, n): how much of gradient s; 0 from s = t on
    last_w: _Sum
    last_v: _Sum

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, sgd: SGD, n: int, dtype: np.dtype) -> "_Updates":
        """Run the rule on unit vectors: 0 is the first w, 1 the first v, 2 + s is g_s.

        So w and v are at any time the list of their own coefficients.
        """
        w, v, *gradients = np.eye(n + 2)
        seen = np.empty((n, n + 2))
        for t, g in enumerate(gradients):
            seen[t] = w
            sgd.update(w, g, v)

        def as_sum(row: np.ndarray) -> _Sum:
            return _Sum(float(row[0]), float(row[1]), row[2:, np.newaxis].astype(dtype))

        p, q, k = np.split(seen.astype(dtype), [1, 2], axis=1)
        return cls(sgd, p, q, k, as_sum(w), as_sum(v))

    def seen(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """p * w + q * v: what samples see of the first w and v, (n, m).

        w and v are (1, m), or (n, m) for each sample its own. By plain SGD, where p is
        1 and q is 0, it is w as it is.
        """
        if self.sgd.momentum:
            return self.p * w + self.q * v
        return self.p * w if self.sgd.l2 else w

    def product(self, a: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """p * (a w) + q * (a v) for a (n, n_in), w and v (n_in, n_out): (n, n_out)."""
        of_first_v = a @ v if self.sgd.momentum else None
        return self.seen(a @ w, of_first_v)

    def apply(self, w: np.ndarray, v: np.ndarray, a: np.ndarray, d: np.ndarray) -> None:
        """Update w and v (n_in, n_out) in place by the n gradients a_s^T d_s.

            w = last_w.w * w + last_w.v * v + a^T (last_w.g * d)
            v = last_v.w * w + last_v.v * v + a^T (last_v.g * d)

        with the first w and v on the right of both.
        """
        if self.sgd.momentum:
            v_gain = a.T @ (self.last_v.g * d)
            if self.sgd.l2:
                v_gain += self.last_v.w * w
        if self.sgd.l2:
            w *= self.last_w.w
        if self.sgd.momentum:
            w += self.last_w.v * v
            v *= self.last_v.v
            v += v_gain
        w += a.T @ (self.last_w.g * d)


# The product of each row with the other's, which NumPy 1 has only in a slower form
dot_rows = getattr(np, "vecdot", partial(np.einsum, "ij,ij->i"))


def _has_settled(
    gradients: list[np.ndarray],
    before: list[np.ndarray | None],
    tolerances: Sequence[float],
) -> bool:
    """Whether no gradient moved by more than its tolerance, in the Euclidean norm."""
    # From the output, which settles last
    layers = zip(gradients[::-1], before[::-1], tolerances[::-1], strict=True)
    for new, old, tolerance in layers:
        moved = new if old is None else new - old
        if not np.sqrt(np.vdot(moved, moved)) <= tolerance:  # NaN has not settled, too
            return False
    return True


def _tolerance(w: np.ndarray, sgd: SGD) -> float:
    """The largest change of D between two sweeps that counts as none.

    It moves the weights by about step size * change. Where that is below eps |w|, with
    |w| the Frobenius norm, it is no more than writing w in its dtype changes. Measured:
    the float32 weights end nearer to the float64 ones than those of the float32 loop do
    (tests/benchmarks/bench_training.py).
    """
    step_size = sgd.learning_rate / (1 - sgd.momentum)
    return float(np.finfo(w.dtype).eps * np.linalg.norm(w) / step_size)


# --- what goes in ---------------------------------------------------------------------


def check_inputs(x: Any, shape: tuple[int | None, ...], dtype: np.dtype) -> np.ndarray:
    """Numbers that a network of this dtype can take in, or SettingError."""
    x = np.asarray(x)
    largest = np.finfo(dtype).max
    if x.dtype.kind in "iu":
        # Whole numbers above 1 are pixels that nobody has scaled
        allowed = "whole numbers must be 0 or 1: divide by 255"
        return check_array("inputs", x, shape, 0, 1, allowed)
    allowed = f"they must be finite in {dtype}"
    return check_array("inputs", x, shape, -largest, largest, allowed)


def check_targets(y: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """Targets, or SettingError."""
    allowed = "they must be in [0, 1]; Split.targets(8) makes them"
    return check_array("targets", np.asarray(y), shape, 0, 1, allowed)


def check_order(order: Any, n: int) -> np.ndarray:
    """Row numbers from 0 to n - 1, (m,), or SettingError."""
    order = np.asarray(order)
    if order.ndim != 1 or order.dtype.kind not in "iu" or not len(order):
        raise SettingError(
            f"order is {order!r}; it must be at least one row number, (m,)"
        )
    allowed = f"its rows must be from 0 to {n - 1}"
    return check_array("order", order, (None,), 0, n - 1, allowed)


def check_array(
    name: str,
    values: np.ndarray,
    shape: tuple[int | None, ...],
    low: float,
    high: float,
    allowed: str,
) -> np.ndarray:
    """The values, if they have this shape (None: any length) and lie within the limits.

    Raises SettingError with their name, and in words what is allowed.
    """
    has_shape = values.ndim == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(values.shape, shape, strict=True)
    )
    if not has_shape or values.dtype.kind not in "fbiu":
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        there = f"shape {values.shape} of type {values.dtype}"
        raise SettingError(f"{name}: {there}; it must be numbers, ({wanted})")
    # By "not", so that NaN is refused, too
    if values.size and not (values.min() >= low and values.max() <= high):
        there = f"values from {values.min():g} to {values.max():g}"
        raise SettingError(f"{name}: {there}; {allowed}")
    return values


# --- python neural_network.py ---------------------------------------------------------

STEP = 1e-5  # of the differences: less drowns in rounding, more in the loss's curvature
SAMPLES_CHECKED = 100  # by `check_update`: two blocks, the second one not full
# What still counts as right, of the largest gradient and of the largest weight.
# Rounding is a hundredth of it; a wrong formula misses by far more.
GRADIENT_TOLERANCE = 1e-6
UPDATE_TOLERANCE = 1e-12


def main(arguments: Sequence[str] | None = None) -> int:
    """Hold a small network's training against what cannot share its mistakes."""
    parser = utils.ArgumentParser(
        "Check backpropagation against finite differences, and the quick training "
        "against the plain one.",
        """
        python neural_network.py
        python neural_network.py --lang ru             in Russian
        """,
    )
    parser.add_argument(
        "--lang", default="en", metavar="NAME", help=utils.LANGUAGE_HELP
    )
    options = parser.parse_args(arguments)
    check({"lang": utils.LANGUAGE}, lang=options.lang)

    out = utils.Output(options.lang)
    _ = out.translate
    network = NeuralNetwork((6, 5, 4, 1), weight_scale=0.7, dtype=np.float64)
    out.log("The gradient of the loss of one sample, by backpropagation")
    out.log("and by finite differences, (loss(w + h) - loss(w - h)) / 2h:")
    out.log()
    rows = [["", _("shape"), _("largest gradient"), _("largest relative difference")]]
    differences = []
    x = np.random.default_rng(0).random(6)
    for name, by_formula, by_difference in gradients(network, x, 1.0):
        largest = np.abs(by_formula).max()
        difference = np.abs(by_formula - by_difference).max() / largest
        differences.append(difference)
        shape = "x".join(map(str, by_formula.shape))
        rows.append([name, shape, f"{largest:.6f}", f"{difference:.0e}"])
    out.log("{table}", table=utils.table(rows))
    if not np.max(differences) <= GRADIENT_TOLERANCE:  # NaN where any is
        raise UserError("backpropagation does not compute the gradient of the loss")
    out.log("Backpropagation computes the gradient of the loss")

    out.log()
    difference = check_update(network)
    line = N_("{n} samples by train_epoch, and one at a time by train_step:")
    out.log(line, n=SAMPLES_CHECKED)
    line = N_("largest difference of a weight: {share:.0e} of the largest weight")
    out.log(line, share=difference)
    if not difference <= UPDATE_TOLERANCE:
        raise UserError("train_epoch does not make the updates of train_step")
    out.log("train_epoch makes the updates of train_step")
    return 0


def gradients(
    network: NeuralNetwork, x: np.ndarray, y: float
) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """The gradient of the loss of a sample, by backpropagation and by differences.

        dloss / dw = (loss(w + h) - loss(w - h)) / 2h

    Yields each array's name and its gradient by either way, shaped like the array.
    """

    def loss() -> float:
        return float((network.predict_proba(x[np.newaxis])[0] - y) ** 2)

    stepped = copy.deepcopy(network)
    stepped.train_step(x, y, SGD(learning_rate=1))
    after = stepped._arrays(with_velocities=False)
    for name, w in network._arrays(with_velocities=False).items():
        by_formula = w - after[name]  # a step of rate 1 is the gradient
        by_difference = np.empty_like(w)
        for place in np.ndindex(w.shape):
            kept = w[place]
            w[place] = kept + STEP
            above = loss()
            w[place] = kept - STEP
            below = loss()
            w[place] = kept
            by_difference[place] = (above - below) / (2 * STEP)
        yield name, by_formula, by_difference


def check_update(network: NeuralNetwork, sgd: SGD = SGD()) -> float:
    """How far the network's own `train_step` leads from where `train_epoch` does.

    For a subclass whose `train_step(x, y, sgd)` somebody has written: is it right? One
    copy of the network takes random samples by it, one after the other, another copy
    takes them by NeuralNetwork's `train_epoch`, whose block form has other lines.

    Returns the largest difference of a weight or bias, as a share of the largest. In
    float64 a right step differs by rounding, 1e-15 or so; one that updates w2 before it
    computes the hidden error, the classic mistake, by 5e-4 in the lab's network. The
    network stays as it was.
    """
    stepped = copy.deepcopy(network)
    expected = copy.deepcopy(network)
    rng = np.random.default_rng(0)
    x = rng.random((SAMPLES_CHECKED, network.layer_sizes[0]))
    y = rng.integers(0, 2, SAMPLES_CHECKED).astype(float)
    for sample, target in zip(x, y, strict=True):
        stepped.train_step(sample, target, sgd)
    NeuralNetwork.train_epoch(expected, x, y, sgd, np.arange(SAMPLES_CHECKED))
    ours = stepped._arrays(with_velocities=False).values()
    theirs = expected._arrays(with_velocities=False).values()
    differences = [np.abs(w - v).max() for w, v in zip(ours, theirs, strict=True)]
    largest = max(np.abs(v).max() for v in theirs)
    return float(np.max(differences) / largest)  # NaN where any is


if __name__ == "__main__":
    utils.run_script(main)
