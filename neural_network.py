"""The network: activations, forward pass, backpropagation, per-sample SGD; NumPy and nothing else.

The letters are the lab sheet's. Layer l turns its input a[l] into

    z[l] = a[l] w[l] + b[l],     a[l+1] = tanh(z[l]),  and sigmoid(z) for the output,

with the image as a[0]. It knows nothing of files but its own, and nothing of digits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from utils import SettingError, UserError, atomic_write, check_settings, regular_file

# Samples trained at once. Shorter blocks cost more calls, longer ones more sweeps and larger Gram
# matrices; the optimum is flat, and no setting tried needs another (tests/benchmarks).
BLOCK = 64
AT_ONCE = 1000  # images predicted at once, so that memory does not grow with their number


class ModelError(UserError):
    """A model file that cannot be used; one line that says which, what is wrong, what to do."""


class TrainingDivergedError(UserError):
    """The weights have left the range of finite numbers; the settings must change."""


# --- activations: the derivatives take the activation, not z, as in the lab sheet -------------


def sigmoid(z: np.ndarray) -> np.ndarray:
    """sigmoid(z) = 1 / (1 + e^-z), in (0, 1)."""
    with np.errstate(over="ignore", under="ignore"):  # e^1000 is infinite to a float, 1 / it is 0
        return 1 / (1 + np.exp(-np.asarray(z)))


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


HIDDEN = Activation(tanh, tanh_derivative)  # with another, train anew: a model's file names none
OUTPUT = Activation(sigmoid, sigmoid_derivative)


# --- the update rule --------------------------------------------------------------------------


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: what one update does with the gradient g of a weight w.

        g += l2 * w            (weights, not biases: the gradient of l2 / 2 * w^2)
        v  = momentum * v + g
        w -= learning_rate * v

    v is kept only while momentum is above 0. Momentum as in Polyak (1964), in the form that
    PyTorch's SGD has. Whatever `update` does must be linear in w, v and g, or the block form below
    is wrong; clipping, for one, is not. Raises SettingError, which is a ValueError, for a setting
    outside its range.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        check_settings(**vars(self))

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
    def of_biases(self) -> SGD:
        """The same rule without L2."""
        return SGD(self.learning_rate, self.momentum)


# --- the network ------------------------------------------------------------------------------


class NeuralNetwork:
    """A fully connected network: tanh in the hidden layers, one sigmoid at the end.

    `layer_sizes` are the units of each layer from input to output, which has 1, the probability of
    a yes. With `dropout` each hidden unit is left out of an update with that probability
    (Srivastava et al., JMLR 15, 2014); the others are scaled by 1 / (1 - dropout), so that
    prediction needs no change. The weights start from a normal distribution of standard deviation
    `weight_scale`, the biases at 0. `seed` decides the starting weights, the order of samples and
    the dropout masks, each from a stream of its own: changing one of them leaves the others as
    they were. `dtype`, float32 or float64, is that of the weights and all computation. Raises
    SettingError, which is a ValueError, for an argument outside its range; the text names the
    value and the range.

    weights : list of arrays; weights[l] is (layer_sizes[l], layer_sizes[l + 1])
    biases : list of arrays; biases[l] is (layer_sizes[l + 1],)
    metadata : dict of what the file should remember, plain JSON, such as what it was trained on
    """

    def __init__(
        self,
        layer_sizes: Sequence[int] = (784, 64, 1),
        *,
        dropout: float = 0.0,
        weight_scale: float = 0.1,
        seed: int = 0,
        dtype: type | str = np.float32,
    ):
        check_settings(layer_sizes=layer_sizes, dropout=dropout, weight_scale=weight_scale)
        check_settings(seed=seed, dtype=dtype)
        self.dropout = float(dropout)
        self.metadata: dict[str, Any] = {}
        streams = np.random.SeedSequence(int(seed)).spawn(3)
        weight_rng, self._order_rng, self._mask_rng = map(np.random.default_rng, streams)
        self.weights = [
            (weight_scale * weight_rng.standard_normal(shape)).astype(dtype)
            for shape in pairwise(layer_sizes)
        ]
        self.biases = [np.zeros(n_out, dtype) for n_out in layer_sizes[1:]]
        # The v of momentum, one beside each weight and bias; untouched while momentum is 0.
        self._weight_velocities = [np.zeros_like(w) for w in self.weights]
        self._bias_velocities = [np.zeros_like(b) for b in self.biases]

    @property
    def layer_sizes(self) -> tuple[int, ...]:
        return len(self.weights[0]), *map(len, self.biases)

    @property
    def dtype(self) -> np.dtype:
        return self.weights[0].dtype

    @property
    def activations(self) -> list[Activation]:
        return [HIDDEN] * (len(self.weights) - 1) + [OUTPUT]

    def __repr__(self) -> str:
        return f"NeuralNetwork({self.layer_sizes}, dropout={self.dropout:g}, dtype={self.dtype})"

    # --- prediction

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The probability of a yes for each row of x, finite floats: (n, n_in) -> (n,)."""
        batches = np.array_split(x, len(x) // AT_ONCE + 1)
        return np.concatenate([self._forward(batch)[-1][:, 0] for batch in batches])

    def predict(self, x: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Whether each row's probability reaches the threshold: (n, n_in) -> bool (n,)."""
        check_settings(threshold=threshold)
        return self.predict_proba(x) >= threshold

    def input_gradient(self, x: np.ndarray) -> np.ndarray:
        """How much each input moves the probability, d a / d x: (n, n_in) -> (n, n_in).

        Times x itself, it says what spoke for a yes (above 0) and against it, pixel by pixel
        (gradient times input: Shrikumar et al., arXiv 1605.01713).
        """
        layers, gradient = zip(self.weights, self.activations, self._forward(x)[1:], strict=True), 1
        for w, activation, a in reversed(list(layers)):
            gradient = (gradient * activation.derivative(a)) @ w.T
        return gradient

    def _forward(self, x: np.ndarray) -> list[np.ndarray]:
        """x and every layer's activations, (n, units) each."""
        a = [as_inputs(x, (None, self.layer_sizes[0]), self.dtype).astype(self.dtype, copy=False)]
        for w, b, activation in zip(self.weights, self.biases, self.activations, strict=True):
            a.append(activation.function(a[-1] @ w + b))
        return a

    # --- training

    def train_step(self, x: np.ndarray, y: float, sgd: SGD = SGD()) -> float:
        """One sample x (n_in,) with its target y: forward, backward, update, as the lab sheet does.

            loss     = (a2 - y)^2
            d_output = 2 (a2 - y) * sigmoid'(a2)
            d_hidden = d_output w2^T * tanh'(a1)
            w       -= learning_rate * (inputs^T gradient)

        Returns the loss before the update.
        """
        check_settings(sgd=sgd)
        x = as_inputs(x, (self.layer_sizes[0],), self.dtype).astype(self.dtype, copy=False)
        y = as_targets(y, ()).astype(self.dtype, copy=False)
        masks = self._draw_masks(1)

        # Forward: a[l] is the input of layer l, (layer_sizes[l],); slopes[l] = d a[l + 1] / d z[l].
        a, slopes = [x], []
        for w, b, activation, mask in zip(
            self.weights, self.biases, self.activations, masks, strict=True
        ):
            output = activation.function(a[-1] @ w + b)
            a.append(output * mask[0])
            slopes.append(activation.derivative(output) * mask[0])

        # Backward: d is the gradient of the loss with respect to z[l], (layer_sizes[l + 1],). The
        # error below a layer comes from its weights before their update.
        error = 2 * (a[-1] - y)
        for layer in reversed(range(len(self.weights))):
            d = error * slopes[layer]
            w, b = self.weights[layer], self.biases[layer]
            error = d @ w.T
            sgd.update(w, np.outer(a[layer], d), self._weight_velocities[layer])
            sgd.of_biases.update(b, d, self._bias_velocities[layer])
        return float((a[-1][0] - y) ** 2)

    def train_epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sgd: SGD = SGD(),
        order: np.ndarray | None = None,
        on_progress: Callable[[int], None] | None = None,
        *,
        loop: bool = False,
    ) -> float:
        """One update for each sample of x (n, n_in), y (n,): `train_step` in the given order.

        x holds any finite floats, y targets in [0, 1]. `order` holds row numbers, (m,); by default
        every row once, freshly shuffled. `on_progress` is called now and then with the number of
        samples done. `loop` calls `train_step` itself: the same weights to rounding, much slower.

        Returns the mean of the losses, each taken before its sample's update. Raises
        TrainingDivergedError if the weights stop being finite numbers, SettingError if the arrays
        do not have these shapes or values.
        """
        check_settings(sgd=sgd)
        x = as_inputs(x, (None, self.layer_sizes[0]), self.dtype)
        y = as_targets(y, (len(x),)).astype(self.dtype, copy=False)
        order = self._order_rng.permutation(len(x)) if order is None else np.asarray(order)
        if order.ndim != 1 or order.dtype.kind not in "iu" or not len(order):
            raise SettingError(f"order is {order!r}; it must be at least one row number, (m,)")
        if order.min() < 0 or order.max() >= len(x):
            raise SettingError(f"order is {order!r}; its rows must be from 0 to {len(x) - 1}")
        total_loss = 0.0
        with np.errstate(all="ignore"):  # divergence is reported below, in words
            tolerances = [_tolerance(w, sgd) for w in self.weights]
            for first in range(0, len(order), BLOCK):
                samples = order[first : first + BLOCK]
                if loop:
                    total_loss += sum(self.train_step(x[n], y[n], sgd) for n in samples)
                else:
                    block = x[samples].astype(self.dtype, copy=False)
                    total_loss += self._train_block(block, y[samples], sgd, tolerances)
                if not np.isfinite(total_loss):
                    break
                if on_progress:
                    on_progress(first + len(samples))
        if not all(np.isfinite(a).all() for a in [total_loss, *self.weights, *self.biases]):
            raise TrainingDivergedError(
                f"training diverged: the weights are no longer finite numbers with {sgd}; "
                "lower the learning rate, momentum or L2"
            )
        return total_loss / len(order)

    def _train_block(
        self, x: np.ndarray, y: np.ndarray, sgd: SGD, tolerances: Sequence[float]
    ) -> float:
        """Train on a block of samples x (n, n_in), y (n,) in their order; the sum of their losses.

        The n updates of `train_step`, to rounding, at matrix speed: `_BlockLayer` says how.
        """
        layers = self._block_layers(len(x), sgd)
        d = [None] * len(layers)  # the local gradients (n, n_out) of each layer, unknown at first
        for _ in range(len(x)):
            before = d
            output, d = self._sweep(layers, x, y[:, np.newaxis], before)
            if _has_settled(d, before, tolerances):
                break
        for layer, gradient in zip(layers, d, strict=True):
            layer.update(gradient)
        return float(np.sum((output[:, 0] - y) ** 2))

    def _block_layers(self, n: int, sgd: SGD) -> list[_BlockLayer]:
        """The layers while a block of n samples is trained."""
        velocities = self._weight_velocities, self._bias_velocities
        layers = []
        for w, b, v, v_b, activation, mask in zip(
            self.weights,
            self.biases,
            *velocities,
            self.activations,
            self._draw_masks(n),
            strict=True,
        ):
            kind = _BlockLayer if len(layers) < len(self.weights) - 1 else _BlockOutput
            layers.append(kind((w, v), (b, v_b), sgd, activation, mask))
        return layers

    def _sweep(
        self,
        layers: list[_BlockLayer],
        x: np.ndarray,
        y: np.ndarray,
        before: list[np.ndarray | None],
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Forward and backward, as in `train_step`, for all samples of a block.

        `before` are the local gradients as the last sweep found them. Returns the output (n, 1) and
        the local gradients as this one finds them.
        """
        a, slopes = x, []
        for layer, gradient in zip(layers, before, strict=True):
            a = layer.activation.function(layer.forward(a, gradient))
            slopes.append(layer.activation.derivative(a))
            if self.dropout:
                a, slopes[-1] = a * layer.mask, slopes[-1] * layer.mask

        error, d = 2 * (a - y), [None] * len(layers)
        for n in reversed(range(len(layers))):
            d[n] = error * slopes[n]
            if n:
                error = layers[n].backward(d[n])
        return a, d

    def _draw_masks(self, n: int) -> list[np.ndarray]:
        """A dropout mask for each layer, (n, units): 0, or 1 / (1 - dropout) to make up.

        Drawn sample by sample, so that n masks at once are those that n single draws would give.
        Where nothing is dropped, as from the output, it is (n, 1) of ones.
        """
        hidden_sizes = self.layer_sizes[1:-1]
        masks = [np.ones((n, 1), self.dtype)] * (len(hidden_sizes) + 1)
        if self.dropout and hidden_sizes:
            kept = self._mask_rng.random((n, sum(hidden_sizes))) >= self.dropout
            scaled = kept.astype(self.dtype) / self.dtype.type(1 - self.dropout)
            masks[:-1] = np.split(scaled, np.cumsum(hidden_sizes)[:-1], axis=1)
        return masks

    # --- files

    def save(self, path: str | Path) -> None:
        """Write the network to an .npz file, whole or not at all; the same network, the same bytes.

        The file holds all that further training depends on: weights w1, w2 ..., biases b1 ..., of
        momentum the velocities vw1, vb1 ..., the state of the random streams; and `metadata`.
        Raises UserError if that fails.
        """
        rngs = [self._order_rng, self._mask_rng]
        network = {
            "layer_sizes": self.layer_sizes,
            "dropout": self.dropout,
            "generators": [rng.bit_generator.state for rng in rngs],
        }
        texts = {"network": network, "metadata": self.metadata}
        arrays = {name: np.array(json.dumps(text).encode()) for name, text in texts.items()}
        kinds = {"w": self.weights, "b": self.biases}
        if any(v.any() for v in self._weight_velocities + self._bias_velocities):
            kinds |= {"vw": self._weight_velocities, "vb": self._bias_velocities}
        arrays |= {f"{kind}{n}": a for kind, group in kinds.items() for n, a in enumerate(group, 1)}
        with atomic_write(Path(path)) as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> NeuralNetwork:
        """Read a network that `save` wrote; it goes on training as if it had never stopped.

        Raises ModelError if the file is missing, damaged, or no model of this project.
        """
        try:
            arrays = _read_arrays(Path(path))
            spec, metadata = (
                json.loads(arrays.pop(name).item()) for name in ("network", "metadata")
            )
            check_settings(layer_sizes=spec["layer_sizes"])
            shapes = dict(enumerate(pairwise(spec["layer_sizes"]), start=1))
            wanted = {f"w{n}": shape for n, shape in shapes.items()}
            wanted |= {f"b{n}": (n_out,) for n, (_, n_out) in shapes.items()}
            velocities = {f"v{name}": shape for name, shape in wanted.items()}
            if {name: a.shape for name, a in arrays.items()} not in (wanted, wanted | velocities):
                raise ValueError("an array is missing, one too many, or of another shape")
            # A network of the least size, whose arrays then give way to those of the file
            network = cls((1, 1), dropout=spec["dropout"], dtype=arrays["w1"].dtype)
            if {a.dtype for a in arrays.values()} != {network.dtype}:
                raise ValueError("arrays of several types")
            network.metadata = dict(metadata)
            rngs = network._order_rng, network._mask_rng
            for rng, state in zip(rngs, spec["generators"], strict=True):
                rng.bit_generator.state = state
        except FileNotFoundError as error:
            raise ModelError(f"{path} does not exist; run train_network.py first") from error
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # bytes that are not what they should be fail in many ways
            raise ModelError(
                f"{path}: damaged, or not a model of this project; run train_network.py again"
            ) from error
        w, b = ([arrays[f"{kind}{n}"] for n in shapes] for kind in "wb")
        network.weights, network.biases = w, b
        network._weight_velocities = [arrays.get(f"vw{n}", np.zeros_like(w[n - 1])) for n in shapes]
        network._bias_velocities = [arrays.get(f"vb{n}", np.zeros_like(b[n - 1])) for n in shapes]
        return network


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an .npz file as `save` writes it, which packs nothing.

    Raises ValueError where their headers promise more than the file holds, before any memory is
    taken for them.
    """
    with regular_file(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        bytes_left = raw.seek(0, 2)
        for name in file:
            with file.zip.open(f"{name}.npy") as member:
                np.lib.format.read_magic(member)
                shape, _, dtype = np.lib.format.read_array_header_1_0(member)
            bytes_left -= math.prod(shape) * dtype.itemsize
        if bytes_left < 0:
            raise ValueError("arrays that are larger than the file")
        return dict(file)


# --- many updates at once: the block form -----------------------------------------------------


class _Updates(NamedTuple):
    """What n updates of `SGD` in a row make of a weight w and its velocity v.

    The rule is linear, so w and v are at any time a sum of the first w, the first v and the
    gradients, each times a number. These numbers are what the rule makes of unit vectors.
    """

    p: np.ndarray | None  # (n, 1): how much of the first w sample t sees; None: all of it
    q: np.ndarray | None  # (n, 1): how much of the first v; None: nothing
    k: np.ndarray  # (n, n): how much of gradient s is in the w that sample t sees, 0 from s = t on
    w_end: tuple[float, float, np.ndarray]  # w after all: of the first w and v, of each g (n, 1)
    v_end: tuple[float, float, np.ndarray]  # v after all, likewise

    @classmethod
    @lru_cache(maxsize=16)
    def of(cls, sgd: SGD, n: int, dtype: np.dtype) -> _Updates:
        w, v, *gradients = np.eye(n + 2)
        seen = np.empty((n, n + 2))
        for t, g in enumerate(gradients):
            seen[t] = w
            sgd.update(w, g, v)
        p, q, k = (part.astype(dtype) for part in np.split(seen, [1, 2], axis=1))
        w_end, v_end = ((*end[:2].tolist(), end[2:, np.newaxis].astype(dtype)) for end in (w, v))
        has_p, has_q = sgd.momentum or sgd.l2, sgd.momentum
        return cls(p if has_p else None, q if has_q else None, k, w_end, v_end)

    def base(self, w: np.ndarray, v: np.ndarray, a: np.ndarray | None = None) -> np.ndarray:
        """p (a w) + q (a v): row t of a times what is left of the first w and v at sample t.

        Without a, p w + q v for each t, which is w itself where nothing but gradients changes it.
        """
        product = w if a is None else a @ w
        if self.p is not None:
            product = self.p * product
        if self.q is not None:
            product += self.q * (v if a is None else a @ v)
        return product

    def apply(self, w: np.ndarray, v: np.ndarray, a: np.ndarray, d: np.ndarray) -> None:
        """Update w and v in place by the n gradients a_s^T d_s."""
        w_of_w, w_of_v, w_of_g = self.w_end
        v_of_w, v_of_v, v_of_g = self.v_end
        has_l2 = w_of_w != 1  # without it w keeps all of itself, and v gets nothing of w
        if self.q is not None:
            gain = a.T @ (v_of_g * d)
            if has_l2:
                gain += v_of_w * w
        if has_l2:
            w *= w_of_w
        if self.q is not None:
            w += w_of_v * v
            v *= v_of_v
            v += gain
        w += a.T @ (w_of_g * d)


class _BlockLayer:
    """A hidden layer while a block of n samples is trained: n updates at matrix speed.

    Seen from sample t, a layer's weights are those at the block's start and what the samples before
    it did to them. With a_s a sample's input of the layer and d_s its local gradient, the loss's
    with respect to z, plain SGD has

        w_t = w - learning_rate sum_{s<t} a_s^T d_s

    So, with the block's inputs as rows of A (n, n_in), its local gradients as rows of D (n, n_out),
    and K (n, n) holding -learning_rate below its diagonal (* is elementwise), no sample needs
    weights of its own; the weights change once, at the block's end:

        forward     Z = A w + b + (K * (A A^T) + K') D    K' = K, for the biases
        backward    E = D w^T + (K * (D D^T)) A           the error below
        update      w += A^T (k D),  b += k^T D           with k = -learning_rate (n, 1)

    Momentum and L2 change no more than numbers, which `_Updates` has: A w becomes p (A w) + q (A v)
    and b p' b + q' v_b, and k_ts is what gradient s has by sample t done to w (k'_ts to b, which L2
    spares). Dropout multiplies a row of A, and the activation's derivative with it, by its mask.

    D stands on both sides. But row t needs only rows before t: start from D = 0, sweep forward and
    backward again and again, and after k sweeps the first k rows are exact. In practice, with the
    lab's settings, no row changes any more after 6 or 7 sweeps in float32 and 13 in float64
    (`_tolerance` says what counts as a change).

    Relatives: the linear case is Benesty and Duhamel, "A Fast Exact Least Mean Square Adaptive
    Algorithm" (IEEE Trans. Signal Processing 40, 1992), and chunked delta-rule attention (DeltaNet,
    arXiv 2406.06484). Jacobi sweeps over a feed-forward recursion: Song et al. (ICML 2021); the
    whole SGD trajectory as one triangular system: PASO (ICML 2026).
    """

    def __init__(
        self,
        weights: tuple[np.ndarray, np.ndarray],
        biases: tuple[np.ndarray, np.ndarray],
        sgd: SGD,
        activation: Activation,
        mask: np.ndarray,
    ):
        (self.w, self.v), (self.b, self.v_b) = weights, biases  # (n_in, n_out) and (n_out,)
        self.activation, self.mask = activation, mask  # (n, n_out)
        self.w_updates = _Updates.of(sgd, len(mask), self.w.dtype)
        self.b_updates = _Updates.of(sgd.of_biases, len(mask), self.w.dtype)
        self.b_base = self.b_updates.base(self.b, self.v_b)
        self.a = None  # the inputs of the last `forward`, which `backward` and `update` need

    def forward(self, a: np.ndarray, d: np.ndarray | None) -> np.ndarray:
        """Z (n, n_out) of the inputs A (n, n_in); D (n, n_out) is None where it is still 0."""
        if a is not self.a:  # the images are the same in every sweep
            self.a = a
            self.z_base = self.w_updates.base(self.w, self.v, a) + self.b_base
            self.coupling = self.w_updates.k * (a @ a.T) + self.b_updates.k
        return self.z_base if d is None else self.z_base + self.coupling @ d

    def backward(self, d: np.ndarray) -> np.ndarray:
        """E (n, n_in), the error below the layer, of D (n, n_out)."""
        base = self.w_updates.base(self.w.T, self.v.T, d)
        return base + (self.w_updates.k * (d @ d.T)) @ self.a

    def update(self, d: np.ndarray) -> None:
        """Update the network's own weights and biases by all n gradients."""
        self.w_updates.apply(self.w, self.v, self.a, d)
        ones = np.ones((len(d), 1), d.dtype)  # a bias is the weight of an input that is always 1
        self.b_updates.apply(self.b[np.newaxis], self.v_b[np.newaxis], ones, d)


class _BlockOutput(_BlockLayer):
    """The output layer, of one unit: its w_t is a row, so that all n of them are written out.

    With w_t as row t of W (n, n_in), and rows . rows for the products of rows with rows,

        W = p w^T + q v^T + (K * d^T) A,     z = A . W + p' b + q' v_b + K' d,     E = d W
    """

    def forward(self, a: np.ndarray, d: np.ndarray | None) -> np.ndarray:
        if self.a is None:
            self.w_base = self.w_updates.base(self.w.T, self.v.T)
        self.a, self.w_t, b = a, self.w_base, self.b_base[..., 0]
        if d is not None:
            self.w_t = self.w_base + (self.w_updates.k * d[:, 0]) @ a
            b = b + self.b_updates.k @ d[:, 0]
        return (dot_rows(a, self.w_t) + b)[:, np.newaxis]

    def backward(self, d: np.ndarray) -> np.ndarray:
        return d * self.w_t


# The product of each row with the other's, which NumPy 1 has only in a slower form
dot_rows = getattr(np, "vecdot", partial(np.einsum, "ij,ij->i"))


def _has_settled(
    d: list[np.ndarray], before: list[np.ndarray | None], tolerances: Sequence[float]
) -> bool:
    """Whether no gradient moved by more than its tolerance, in the Euclidean norm."""
    for new, old, tolerance in zip(d[::-1], before[::-1], tolerances[::-1], strict=True):
        moved = new if old is None else new - old
        if not np.sqrt(np.vdot(moved, moved)) <= tolerance:  # nor NaN
            return False
    return True


def _tolerance(w: np.ndarray, sgd: SGD) -> float:
    """How far d may be from its limit before the weights notice: eps |w| / step size.

    A change of d moves the weights by the step size times it and the size of the inputs, a few
    dozen for a block of images; the next sweep would make a tenth of it again, or less. So where
    step size times change is below eps |w|, |w| the Frobenius norm, what is left to change is
    about what writing w in its dtype changes. Measured: the float32 weights end nearer to the
    float64 ones than those of the float32 loop do (tests/benchmarks/bench_training.py).
    """
    step_size = sgd.learning_rate / (1 - sgd.momentum)
    return float(np.finfo(w.dtype).eps * np.linalg.norm(w) / step_size)


# --- what goes in -----------------------------------------------------------------------------


def as_inputs(x: Any, shape: tuple[int | None, ...], dtype: np.dtype) -> np.ndarray:
    """Numbers that a network of this dtype can take in, or SettingError."""
    largest = np.finfo(dtype).max
    if np.asarray(x).dtype.kind in "iu":
        return as_array("inputs", x, shape, (-largest, 1), "whole numbers: divide by 255")
    return as_array("inputs", x, shape, (-largest, largest), f"they must be finite in {dtype}")


def as_targets(y: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """Targets, or SettingError."""
    return as_array("targets", y, shape, (0, 1), "they must be in [0, 1]; targets(8) makes them")


def as_array(
    name: str, values: Any, shape: tuple[int | None, ...], limits: tuple[float, float], remedy: str
) -> np.ndarray:
    """The values as an array of this shape (None: any length) and within these limits."""
    values = np.asarray(values)
    fits = values.ndim == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(values.shape, shape, strict=True)
    )
    if not fits or values.dtype.kind not in "fbiu":
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise SettingError(
            f"{name}: shape {values.shape} of type {values.dtype}; it must be numbers, ({wanted})"
        )
    low, high = limits
    if values.size and not (values.min() >= low and values.max() <= high):  # nor NaN
        raise SettingError(f"{name}: values from {values.min():g} to {values.max():g}; {remedy}")
    return values
