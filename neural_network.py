"""The network: activations, forward pass, backpropagation, per-sample SGD; NumPy and nothing else.

The letters are the lab sheet's. Layer l turns its input a[l] into

    z[l] = a[l] w[l] + b[l],     a[l+1] = tanh(z[l]),  and sigmoid(z) for the output,

with the image as a[0]. It knows nothing of files but its own, and nothing of digits.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from utils import SettingError, UserError, atomic_write

DTYPES = ("float32", "float64")
# Samples trained at once. Shorter blocks cost more calls, longer ones more sweeps and larger Gram
# matrices; the optimum is flat, and no setting tried needs another (tests/benchmarks).
BLOCK = 64
AT_ONCE = 1000  # images predicted at once, so that memory does not grow with their number
MOST_UNITS = 10**6  # of a layer; more is a slip: 784 x 10^6 weights alone take 6 GB to draw
SLACK = 0.1  # of images beyond [0, 1]: a small step outside, as finite differences take, is no slip


class ModelError(UserError):
    """A model file that cannot be used; one line that says which, what is wrong, what to do."""


class TrainingDivergedError(UserError):
    """The weights have left the range of finite numbers; the settings must change."""


# --- what is allowed --------------------------------------------------------------------------


def _are_sizes(sizes: Any) -> bool:
    whole = all(isinstance(size, int | np.integer) and 1 <= size <= MOST_UNITS for size in sizes)
    return whole and len(sizes) >= 2 and sizes[-1] == 1


ALLOWED: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "learning_rate": ("a number above 0", lambda v: 0 < v < np.inf),
    "momentum": ("a number, at least 0 and below 1", lambda v: 0 <= v < 1),
    "l2": ("a number, at least 0", lambda v: 0 <= v < np.inf),
    "dropout": ("a number, at least 0 and below 1", lambda v: 0 <= v < 1),
    "weight_scale": ("a number, at least 0", lambda v: 0 <= v < np.inf),
    "seed": ("a whole number, at least 0", lambda v: v == int(v) >= 0),
    "epochs": ("a whole number, at least 1", lambda v: v == int(v) >= 1),
    "threshold": ("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "dtype": ("float32 or float64", lambda v: v is not None and np.dtype(v).name in DTYPES),
    "sgd": ("an SGD, such as SGD(learning_rate=0.01)", lambda v: isinstance(v, SGD)),
    "layer_sizes": (
        f"two or more whole numbers from 1 to {MOST_UNITS}, the last of them 1, as (784, 64, 1)",
        _are_sizes,
    ),
}


def check(**settings: Any) -> None:
    """Refuse a setting that `ALLOWED` does not allow: SettingError with the value and the range."""
    for name, value in settings.items():
        allowed, is_allowed = ALLOWED[name]
        try:
            good = bool(is_allowed(value))
        except (TypeError, ValueError, OverflowError):
            good = False
        if not good:
            raise SettingError(f"{name} is {value!r}; it must be {allowed}")


def checked(name: str, values: Any, shape: tuple[int | None, ...]) -> np.ndarray:
    """The values as an array of this shape (None: any length), within [0, 1] or SLACK of it.

    Raises SettingError, which says what they are instead.
    """
    values = np.asarray(values)
    fits = len(values.shape) == len(shape) and all(
        wanted in (None, size) for size, wanted in zip(values.shape, shape, strict=True)
    )
    if not fits or values.dtype.kind not in "fbiu":
        wanted = ", ".join("n" if size is None else str(size) for size in shape)
        raise SettingError(
            f"{name}: shape {values.shape} of type {values.dtype}; it must be numbers, ({wanted})"
        )
    if values.size and not (values.min() >= -SLACK and values.max() <= 1 + SLACK):  # nor NaN
        raise SettingError(
            f"{name}: values from {values.min():g} to {values.max():g}; they must be in [0, 1], "
            "bytes divided by 255, as load_dataset gives them"
        )
    return values


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


# --- the update rule --------------------------------------------------------------------------


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: what one update does with the gradient g of a weight w.

        g += l2 * w            (weights, not biases: the gradient of l2 / 2 * w^2)
        v  = momentum * v + g
        w -= learning_rate * v

    v is kept only while momentum is above 0. Momentum as in Polyak (1964), in the form that
    PyTorch's SGD has. Raises SettingError, which is a ValueError, for a setting outside its range.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        check(learning_rate=self.learning_rate, momentum=self.momentum, l2=self.l2)

    def update(self, w: np.ndarray, g: np.ndarray, v: np.ndarray) -> None:
        """Update w in place by its gradient g, and with momentum its velocity v."""
        if self.momentum:
            v *= self.momentum
            v += g
            g = v
        w -= self.learning_rate * g


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
        check(layer_sizes=layer_sizes, dropout=dropout, weight_scale=weight_scale)
        check(seed=seed, dtype=dtype)
        self.layer_sizes = tuple(map(int, layer_sizes))
        self.dropout = float(dropout)
        self.dtype = np.dtype(dtype)
        self.metadata: dict[str, Any] = {}
        streams = np.random.SeedSequence(int(seed)).spawn(3)
        weight_rng, self._order_rng, self._mask_rng = map(np.random.default_rng, streams)
        shapes = list(zip(self.layer_sizes, self.layer_sizes[1:], strict=False))
        self.weights = [
            (weight_scale * weight_rng.standard_normal(shape)).astype(self.dtype)
            for shape in shapes
        ]
        self.biases = [np.zeros(n_out, self.dtype) for _, n_out in shapes]
        # The v of momentum, one beside each weight and bias; untouched while momentum is 0.
        self._weight_velocities = [np.zeros_like(w) for w in self.weights]
        self._bias_velocities = [np.zeros_like(b) for b in self.biases]

    # --- prediction

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The probability of a yes for each row of x: (n, n_in) -> (n,)."""
        batches = np.array_split(x, len(x) // AT_ONCE + 1)
        return np.concatenate([self._activations(batch)[-1][:, 0] for batch in batches])

    def predict(self, x: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Whether each row's probability reaches the threshold: (n, n_in) -> bool (n,)."""
        check(threshold=threshold)
        return self.predict_proba(x) >= threshold

    def input_gradient(self, x: np.ndarray) -> np.ndarray:
        """How much each input moves the probability, d a / d x: (n, n_in) -> (n, n_in).

        Times x itself, it says what spoke for a yes (above 0) and against it, pixel by pixel
        (gradient times input: Shrikumar et al., arXiv 1605.01713).
        """
        *hidden, output = self._activations(x)[1:]
        d = sigmoid_derivative(output)
        for w, a in zip(self.weights[:0:-1], hidden[::-1], strict=True):
            d = (d @ w.T) * tanh_derivative(a)
        return d @ self.weights[0].T

    def _activations(self, x: np.ndarray) -> list[np.ndarray]:
        """x and every layer's activations, (n, units) each."""
        a = [checked("images", x, (None, self.layer_sizes[0])).astype(self.dtype, copy=False)]
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            a.append(tanh(a[-1] @ w + b))
        return [*a, sigmoid(a[-1] @ self.weights[-1] + self.biases[-1])]

    # --- training

    def train_step(self, x: np.ndarray, y: float, sgd: SGD = SGD()) -> float:
        """One sample x (n_in,) with its target y: forward, backward, update, as the lab sheet does.

            loss     = (a2 - y)^2
            d_output = 2 (a2 - y) * sigmoid'(a2)
            d_hidden = d_output w2^T * tanh'(a1)
            w       -= learning_rate * (inputs^T gradient)

        Returns the loss before the update.
        """
        check(sgd=sgd)
        x = checked("an image", x, (self.layer_sizes[0],)).astype(self.dtype, copy=False)
        y = checked("a target", y, ()).astype(self.dtype, copy=False)
        masks = self._draw_masks(1)

        # Forward: a[l] is the input of layer l, (layer_sizes[l],), and slopes[l] = d a[l] / d z.
        a, slopes = [x], [None]
        for w, b, mask in zip(self.weights[:-1], self.biases[:-1], masks, strict=True):
            hidden = tanh(a[-1] @ w + b)
            a.append(hidden * mask[0])
            slopes.append(tanh_derivative(hidden) * mask[0])
        output = sigmoid(a[-1] @ self.weights[-1] + self.biases[-1])

        # Backward: d is the gradient of the loss with respect to z[l], (layer_sizes[l + 1],). The
        # error below a layer comes from its weights before their update.
        d = 2 * (output - y) * sigmoid_derivative(output)
        for layer in reversed(range(len(self.weights))):
            w, b = self.weights[layer], self.biases[layer]
            error_below = d @ w.T
            sgd.update(w, np.outer(a[layer], d) + sgd.l2 * w, self._weight_velocities[layer])
            sgd.update(b, d, self._bias_velocities[layer])
            if layer:
                d = error_below * slopes[layer]
        return float((output[0] - y) ** 2)

    def train_epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sgd: SGD = SGD(),
        order: np.ndarray | None = None,
        on_progress: Callable[[int], None] | None = None,
        *,
        by_steps: bool = False,
    ) -> float:
        """One update for each sample of x (n, n_in), y (n,): `train_step` in the given order.

        `order` holds row numbers, (m,); by default every row once, freshly shuffled. `on_progress`
        is called now and then with the number of samples done. `by_steps` calls `train_step`
        itself: the same weights to rounding, much slower.

        Returns the mean of the losses, each taken before its sample's update. Raises
        TrainingDivergedError if the weights stop being finite numbers, SettingError if the arrays
        do not have these shapes, or x or y are not in [0, 1].
        """
        check(sgd=sgd)
        x = checked("images", x, (None, self.layer_sizes[0]))
        y = checked("targets", y, (len(x),)).astype(self.dtype, copy=False)
        order = self._order_rng.permutation(len(x)) if order is None else np.asarray(order)
        if order.ndim != 1 or order.dtype.kind not in "iu" or not len(order):
            raise SettingError(f"order is {order!r}; it must be at least one row number, (m,)")
        if order.min() < 0 or order.max() >= len(x):
            raise SettingError(f"order is {order!r}; its rows must be from 0 to {len(x) - 1}")
        total_loss = 0.0
        with np.errstate(all="ignore"):  # divergence is reported below, in words
            tolerances = [_rounding(w, sgd) for w in self.weights]
            for start in range(0, len(order), BLOCK):
                rows = order[start : start + BLOCK]
                if by_steps:
                    total_loss += sum(self.train_step(x[row], y[row], sgd) for row in rows)
                else:
                    block = x[rows].astype(self.dtype, copy=False)
                    total_loss += self._train_block(block, y[rows], sgd, tolerances)
                if not np.isfinite(total_loss):
                    break
                if on_progress:
                    on_progress(start + len(rows))
        if not all(np.isfinite(a).all() for a in [total_loss, *self.weights, *self.biases]):
            raise TrainingDivergedError(
                f"training diverged: the weights are no longer finite numbers with {sgd}; "
                "lower the learning rate, momentum or L2"
            )
        return total_loss / len(order)

    def _train_block(
        self, x: np.ndarray, y: np.ndarray, sgd: SGD, tolerances: list[float]
    ) -> float:
        """Train on a block of samples x (n, n_in), y (n,) in their order; the sum of their losses.

        The n updates of `train_step`, to rounding, at matrix speed. Seen from sample t, a layer's
        weights are those at the block's start, w and v, and what the samples before it did to
        them. That is linear (`_Unrolled` has the numbers), with a_s a sample's input of the layer
        and d_s its local gradient:

            w_t = p_t w + q_t v + sum_{s<t} k_ts a_s^T d_s      plain SGD: p = 1, q = 0,
                                                                k_ts = -learning_rate

        So, with the block's inputs as rows of A (n, n_in), its local gradients as rows of
        D (n, n_out), and K the strictly lower triangular matrix of the k_ts (p', q', K' for the
        biases, which L2 spares; * is elementwise), no sample needs weights of its own:

            z of all samples    Z = p (A w) + q (A v) + p' b + q' v_b  +  (K * (A A^T) + K') D
            error below         E = p (D w^T) + q (D v^T)  +  (K * (D D^T)) A

        and the weights change once, at the block's end. The output layer has one unit, its w_t is
        but a row, so there all of them are written out instead: row t of p w + q v + (K * d) A,
        with d as a row. Dropout multiplies a row of A, and tanh' with it, by its mask.

        D stands on both sides. But row t needs only rows before t: start from D = 0, sweep
        forward and backward again and again, and after k sweeps the first k rows are exact. In
        practice, with the lab's settings, no row changes any more after 6 or 7 sweeps in float32
        and 13 in float64 (`_rounding` says what counts as a change).

        Relatives: the linear case is Benesty and Duhamel, "A Fast Exact Least Mean Square Adaptive
        Algorithm" (IEEE Trans. Signal Processing 40, 1992), and chunked delta-rule attention
        (DeltaNet, arXiv 2406.06484). Jacobi sweeps over a feed-forward recursion: Song et al.
        (ICML 2021); the whole SGD trajectory as one triangular system: PASO (ICML 2026).
        """
        n, last = len(x), len(self.weights) - 1
        of_w = _Unrolled.of(sgd.learning_rate, sgd.momentum, sgd.l2, n, self.dtype)
        of_b = _Unrolled.of(sgd.learning_rate, sgd.momentum, 0.0, n, self.dtype)
        masks, ones = self._draw_masks(n), np.ones((n, 1), self.dtype)

        # An input that is 0 in the whole block gets no gradient in it: do without those.
        inked = np.flatnonzero(x.any(axis=0))
        w = [self.weights[0].take(inked, axis=0), *self.weights[1:]]
        v = [self._weight_velocities[0].take(inked, axis=0), *self._weight_velocities[1:]]
        b = [
            of_b.at_start(b, v_b)  # (n, n_out), or (n_out,): p' b + q' v_b
            for b, v_b in zip(self.biases, self._bias_velocities, strict=True)
        ]
        w_output = of_w.at_start(w[last][:, 0], v[last][:, 0])  # (n, its n_in), or a row

        a = [x[:, inked], *[None] * last]  # a[l]: (n, n_in of layer l)
        z_start, coupling, slopes = [None] * last, [None] * last, [None] * last
        d: list[np.ndarray] = []  # d[l]: (n, n_out), of the output layer (n,); at first all 0
        for _ in range(n):
            for layer in range(last):
                if layer or not d:  # the block's own inputs do not change from sweep to sweep
                    z_start[layer] = of_w.at_start(w[layer], v[layer], a[layer]) + b[layer]
                    coupling[layer] = of_w.k * (a[layer] @ a[layer].T) + of_b.k
                z = z_start[layer] + coupling[layer] @ d[layer] if d else z_start[layer]
                a[layer + 1] = tanh(z)
                slopes[layer] = tanh_derivative(a[layer + 1])
                if self.dropout:
                    a[layer + 1] *= masks[layer]
                    slopes[layer] *= masks[layer]
            w_t, b_t = w_output, b[last][..., 0]
            if d:
                w_t = w_t + (of_w.k * d[last]) @ a[last]
                b_t = b_t + of_b.k @ d[last]
            output = 1 / (1 + np.exp(-(np.vecdot(a[last], w_t) + b_t)))  # sigmoid
            error = output - y

            before, d = d, [None] * last + [2 * error * sigmoid_derivative(output)]
            error_below = d[last][:, np.newaxis] * w_t
            for layer in reversed(range(last)):
                d[layer] = error_below * slopes[layer]
                if layer:
                    error_below = of_w.at_start(w[layer].T, v[layer].T, d[layer])
                    error_below += (of_w.k * (d[layer] @ d[layer].T)) @ a[layer]
            if before and _all_close(d, before, tolerances):
                break

        d[last] = d[last][:, np.newaxis]
        for layer in range(last + 1):
            w, v = self.weights[layer], self._weight_velocities[layer]
            of_w.finish(w, v, a[layer], d[layer], np.s_[:] if layer else inked)
            b, v = self.biases[layer], self._bias_velocities[layer]
            of_b.finish(b[np.newaxis], v[np.newaxis], ones, d[layer], np.s_[:])
        return float(error @ error)

    def _draw_masks(self, n: int) -> list[np.ndarray]:
        """A dropout mask (n, units) for each hidden layer: 0, or 1 / (1 - dropout) to make up.

        Drawn sample by sample, so that n masks at once are those that n single draws would give.
        """
        hidden_sizes = self.layer_sizes[1:-1]
        if not self.dropout or not hidden_sizes:
            return [np.ones((n, size), self.dtype) for size in hidden_sizes]
        kept = self._mask_rng.random((n, sum(hidden_sizes))) >= self.dropout
        masks = kept.astype(self.dtype) / self.dtype.type(1 - self.dropout)
        return np.split(masks, np.cumsum(hidden_sizes)[:-1], axis=1)

    # --- files

    def _arrays(self) -> dict[str, np.ndarray]:
        """Every array by its name in the file: w1, b1, of momentum vw1, vb1, and so on."""
        named = {"w": self.weights, "b": self.biases}
        named |= {"vw": self._weight_velocities, "vb": self._bias_velocities}
        return {f"{kind}{n}": a for kind, arrays in named.items() for n, a in enumerate(arrays, 1)}

    def save(self, path: str | Path) -> None:
        """Write the network to an .npz file, whole or not at all; the same network, the same bytes.

        The file holds all that further training depends on: weights, biases, velocities where
        there are any, the state of the random streams; and `metadata`. UserError if that fails.
        """
        rngs = [self._order_rng, self._mask_rng]
        network = {
            "layer_sizes": self.layer_sizes,
            "dropout": self.dropout,
            "generators": [rng.bit_generator.state for rng in rngs],
        }
        texts = {"network": network, "metadata": self.metadata}
        arrays = {name: np.array(json.dumps(text).encode()) for name, text in texts.items()}
        moving = any(v.any() for v in self._weight_velocities + self._bias_velocities)
        arrays |= {name: a for name, a in self._arrays().items() if moving or name[0] != "v"}
        with atomic_write(Path(path)) as file:
            np.savez(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> NeuralNetwork:
        """Read a network that `save` wrote; it goes on training as if it had never stopped.

        Raises ModelError if the file is missing, damaged, or no model of this project.
        """
        try:
            with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                spec = json.loads(file["network"].item())
                network = cls(spec["layer_sizes"], dropout=spec["dropout"], dtype=file["w1"].dtype)
                network.metadata = dict(json.loads(file["metadata"].item()))
                rngs = network._order_rng, network._mask_rng
                for rng, state in zip(rngs, spec["generators"], strict=True):
                    rng.bit_generator.state = state
                arrays, found = network._arrays(), set(file) - {"network", "metadata"}
                if found not in (set(arrays), {name for name in arrays if name[0] != "v"}):
                    raise ValueError("an array is missing, or one too many")
                for name in found:
                    np.copyto(arrays[name], file[name].reshape(arrays[name].shape), casting="no")
        except FileNotFoundError as error:
            raise ModelError(f"{path} does not exist; run train_network.py first") from error
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # bytes that are not what they should be fail in many ways
            raise ModelError(
                f"{path}: damaged, or not a model of this project; run train_network.py again"
            ) from error
        return network


# --- many updates at once ---------------------------------------------------------------------


class _Unrolled(NamedTuple):
    """What n updates of `SGD` in a row make of a weight w and its velocity v, written out.

    Without a gradient an update multiplies (w, v) by the matrix M, and a gradient g adds u g:

        M = [[1 - learning_rate l2, -learning_rate momentum], [l2, momentum]],
        u = (-learning_rate, 1)

    so that after t updates (w, v) is M^t (w, v) + sum_{s<t} M^(t-1-s) u g_s.
    """

    p: np.ndarray | None  # (n, 1): (M^t)_00, how much of the first w sample t sees; None: all
    q: np.ndarray | None  # (n, 1): (M^t)_01, how much of the first v; None: nothing
    k: np.ndarray  # (n, n): (M^(t-1-s) u)_0 for s < t, else 0; what gradient s did to w before t
    after: list[list[float]]  # 2 x 2: M^n
    gradient_after: np.ndarray  # (2, n, 1): M^(n-1-s) u, what gradient s did to w and v in the end

    @classmethod
    @lru_cache(maxsize=16)
    def of(
        cls, learning_rate: float, momentum: float, l2: float, n: int, dtype: np.dtype
    ) -> _Unrolled:
        step = np.array([[1 - learning_rate * l2, -learning_rate * momentum], [l2, momentum]])
        powers = [np.eye(2)]
        for _ in range(n):
            powers.append(step @ powers[-1])
        impulses = np.array(powers[:n]) @ (-learning_rate, 1)  # (n, 2): M^j u
        t, s = np.indices((n, n))
        p, q = np.array(powers)[:n, 0].T[..., np.newaxis].astype(dtype)
        return cls(
            p=p if momentum or l2 else None,
            q=q if momentum else None,
            k=np.where(s < t, impulses[t - 1 - s, 0], 0).astype(dtype),
            after=powers[n].tolist(),
            gradient_after=impulses[::-1].T[..., np.newaxis].astype(dtype),
        )

    def at_start(self, w: np.ndarray, v: np.ndarray, rows: np.ndarray | None = None) -> np.ndarray:
        """p (rows w) + q (rows v): row t times what is left at t of the first w and v.

        Without rows p w + q v for each t, which is w itself where nothing changes it.
        """
        product = w if rows is None else rows @ w
        if self.p is not None:
            product = self.p * product
        if self.q is not None:
            product += self.q * (v if rows is None else rows @ v)
        return product

    def finish(
        self, w: np.ndarray, v: np.ndarray, a: np.ndarray, d: np.ndarray, inputs: np.ndarray | slice
    ) -> None:
        """Update w and v in place by the n gradients a_s^T d_s, which are of these inputs."""
        (ww, wv), (vw, vv) = self.after
        for_w, for_v = self.gradient_after
        if self.q is not None:
            w[:], v[:] = ww * w + wv * v, vw * w + vv * v
            v[inputs] += a.T @ (for_v * d)
        elif self.p is not None:
            w *= ww
        w[inputs] += a.T @ (for_w * d)


def _all_close(now: list[np.ndarray], before: list[np.ndarray], tolerances: list[float]) -> bool:
    """Whether no array moved by more than its tolerance, in the Euclidean norm; smallest first."""
    return all(  # "<=" does not hold for NaN
        np.linalg.norm(new - old) <= tolerance
        for new, old, tolerance in reversed(list(zip(now, before, tolerances, strict=True)))
    )


def _rounding(w: np.ndarray, sgd: SGD) -> float:
    """How far d may be from its limit before the weights notice: eps |w| / step size.

    A change of d moves the weights by the step size times it and the size of the inputs, a few
    dozen for a block of images; the next sweep would make a tenth of it again, or less. So where
    step size times change is below eps |w|, |w| the Frobenius norm, what is left to change is
    about what writing w in its dtype changes. Measured: the float32 weights end nearer to the
    float64 ones than those of the float32 loop do (tests/benchmarks/bench_training.py).
    """
    step_size = sgd.learning_rate / (1 - sgd.momentum)
    return float(np.finfo(w.dtype).eps * np.linalg.norm(w) / step_size)
