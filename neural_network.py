"""The network: activations, forward pass, backpropagation, per-sample SGD; NumPy and nothing else.

The letters are the lab sheet's. Layer l turns its input a[l] into

    z[l] = a[l] w[l] + b[l],     a[l+1] = tanh(z[l]),  and sigmoid(z) for the output,

with the image as a[0]. It knows nothing of files but its own model's, and nothing of digits.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from utils import SettingError, UserError, atomic_write

DTYPES = ("float32", "float64")
# Samples trained at once. Shorter blocks cost more calls, longer ones more sweeps and larger Gram
# matrices; the optimum is flat, and no setting tried needs another (tests/benchmarks).
BLOCK = 64
MOST_UNITS = 10**6  # of a layer; more is a slip: 784 x 10^6 weights alone take 6 GB to draw


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


# --- the update rule --------------------------------------------------------------------------


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent: what one update does with the gradient g of a weight w.

        g += l2 * w            (weights, not biases: the gradient of l2 / 2 * w^2)
        v  = momentum * v + g
        w -= learning_rate * v

    v is kept only while momentum is above 0. Momentum as in Polyak (1964), in the form that
    PyTorch's SGD has. Raises SettingError, which
    is a ValueError, for a setting outside its range.
    """

    learning_rate: float = 0.01
    momentum: float = 0.0
    l2: float = 0.0

    def __post_init__(self) -> None:
        _require("learning_rate", self.learning_rate, "a number above 0", lambda v: v > 0)
        _require(
            "momentum", self.momentum, "a number, at least 0 and below 1", lambda v: 0 <= v < 1
        )
        _require("l2", self.l2, "a number, at least 0", lambda v: v >= 0)

    @property
    def matrix(self) -> np.ndarray:
        """The linear part of an update, (2, 2): (w, v) becomes matrix (w, v) + (-rate, 1) g."""
        return np.array(
            [[1 - self.learning_rate * self.l2, -self.learning_rate * self.momentum],
             [self.l2, self.momentum]]
        )  # fmt: skip


# --- the network ------------------------------------------------------------------------------


class NeuralNetwork:
    """A fully connected network: tanh in the hidden layers, one sigmoid at the end.

    Parameters
    ----------
    layer_sizes
        Units of each layer from input to output; the last is 1, the probability of a yes.
    dropout
        The probability with which each hidden unit is left out of an update (Srivastava et al.,
        JMLR 15, 2014). The others are scaled by 1 / (1 - dropout), so that prediction needs
        no change.
    weight_scale
        Standard deviation of the normal distribution that the weights start from.
    seed
        Of the starting weights, the order of samples and the dropout masks, each from a stream
        of its own: changing one of them leaves the others as they were.
    dtype
        float32 or float64, of the weights and all computation.

    Attributes
    ----------
    weights : list of arrays; weights[l] is (layer_sizes[l], layer_sizes[l + 1])
    biases : list of arrays; biases[l] is (layer_sizes[l + 1],), starting at 0
    metadata : dict of what the model's file should remember, such as what it was trained on

    Raises
    ------
    SettingError (a ValueError)
        For an argument outside its range; the text names the value and the range.
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
        self.layer_sizes = _checked_layer_sizes(layer_sizes)
        _require("dropout", dropout, "a number, at least 0 and below 1", lambda v: 0 <= v < 1)
        _require("weight_scale", weight_scale, "a number, at least 0", lambda v: v >= 0)
        _require("seed", seed, "a whole number, at least 0", lambda v: v == int(v) and v >= 0)
        self.dropout = float(dropout)
        self.dtype = _checked_dtype(dtype)
        self.metadata: dict[str, object] = {}
        streams = np.random.SeedSequence(int(seed)).spawn(3)
        weight_rng, self._order_rng, self._mask_rng = map(np.random.default_rng, streams)
        shapes = list(zip(self.layer_sizes, self.layer_sizes[1:], strict=False))
        self.weights = [
            (weight_scale * weight_rng.standard_normal(shape)).astype(self.dtype)
            for shape in shapes
        ]
        self.biases = [np.zeros(n_out, self.dtype) for _, n_out in shapes]
        self._zero_velocities()

    def _zero_velocities(self) -> None:
        """The v of momentum, one beside each weight and bias; untouched while momentum is 0."""
        self._weight_velocities = [np.zeros_like(w) for w in self.weights]
        self._bias_velocities = [np.zeros_like(b) for b in self.biases]

    # --- prediction

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """The probability of a yes for each row of x: (n, n_in) -> (n,)."""
        a = self._checked_images(x).astype(self.dtype, copy=False)
        for w, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            a = tanh(a @ w + b)
        return sigmoid(a @ self.weights[-1] + self.biases[-1])[:, 0]

    def predict(self, x: np.ndarray, threshold: float = 0.5) -> np.ndarray:
        """Whether each row's probability reaches the threshold: (n, n_in) -> bool (n,)."""
        _require("threshold", threshold, "a number from 0 to 1", lambda v: 0 <= v <= 1)
        return self.predict_proba(x) >= threshold

    # --- training

    def train_step(self, x: np.ndarray, y: float, sgd: SGD) -> float:
        """One sample x (n_in,) with its target y: forward, backward, update, as the lab sheet does.

            loss     = (a2 - y)^2
            d_output = 2 (a2 - y) * sigmoid'(a2)
            d_hidden = d_output w2^T * tanh'(a1)
            w       -= learning_rate * (inputs^T gradient)

        Returns the loss before the update.
        """
        x = self._checked_images(np.asarray(x)[np.newaxis])[0].astype(self.dtype, copy=False)
        (y,) = self._checked_targets(np.atleast_1d(y), 1)
        masks = self._draw_masks(1)

        # Forward: a[l] is the input of layer l, (layer_sizes[l],), and slopes[l] = d a[l] / d z.
        a, slopes = [x], [None]
        for w, b, mask in zip(self.weights[:-1], self.biases[:-1], masks, strict=True):
            hidden = tanh(a[-1] @ w + b)
            a.append(hidden * mask[0])
            slopes.append(tanh_derivative(hidden) * mask[0])
        output = sigmoid(a[-1] @ self.weights[-1] + self.biases[-1])

        # Backward: d is the gradient of the loss with respect to z[l], (layer_sizes[l + 1],). What
        # a layer hands down comes from its weights before their update.
        d = 2 * (output - y) * sigmoid_derivative(output)
        for layer in reversed(range(len(self.weights))):
            w, b = self.weights[layer], self.biases[layer]
            handed_down = d @ w.T
            _update(w, np.outer(a[layer], d) + sgd.l2 * w, self._weight_velocities[layer], sgd)
            _update(b, d, self._bias_velocities[layer], sgd)
            if layer:
                d = handed_down * slopes[layer]
        return float((output[0] - y) ** 2)

    def train_epoch(
        self,
        x: np.ndarray,
        y: np.ndarray,
        sgd: SGD,
        order: np.ndarray | None = None,
        on_progress: Callable[[int], None] | None = None,
    ) -> float:
        """One update for each sample of x (n, n_in), y (n,): `train_step` in the given order.

        Parameters
        ----------
        order
            Row numbers, (m,); by default every row once, freshly shuffled.
        on_progress
            Called now and then with the number of samples done.

        Returns
        -------
        The mean of the losses, each taken before its sample's update.

        Raises
        ------
        TrainingDivergedError
            If the weights stop being finite numbers.
        """
        x = self._checked_images(x)
        y = self._checked_targets(y, len(x))
        order = self._order_rng.permutation(len(x)) if order is None else _checked_order(order, x)
        if not len(order):
            raise SettingError("there are no samples to train on; at least 1 is needed")
        total_loss = 0.0
        with np.errstate(all="ignore"):  # divergence is told below, in words
            tolerances = [_rounding(w, sgd) for w in self.weights]
            for start in range(0, len(order), BLOCK):
                rows = order[start : start + BLOCK]
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
        them. That is linear (`_UnrolledSGD` has the numbers), with a_s a sample's input of the
        layer and d_s its local gradient:

            w_t = p_t w + q_t v + sum_{s<t} k_ts a_s^T d_s      plain SGD: p = 1, q = 0,
                                                                k_ts = -learning_rate

        So, with the block's inputs as rows of A (n, n_in), its local gradients as rows of
        D (n, n_out), and K the strictly lower triangular matrix of the k_ts (K' for the biases,
        which L2 spares), no sample needs weights of its own:

            z of all samples      Z = p (A w) + q (A v) + (K * (A A^T)) D  +  b + q' v' + K' D
            what it hands down    E = p (D w^T) + q (D v^T) + (K * (D D^T)) A

        and the weights change once, at the block's end. The output layer has one unit, its w_t is
        but a row, so there all of them are written out instead: row t of p w + q v + (K * d) A,
        with d as a row. Dropout multiplies a row of A, and tanh' with it, by its mask.

        D stands on both sides. But row t needs only rows before t: start from D = 0, sweep
        forward and backward again and again, and after k sweeps the first k rows are exact. In
        practice, with the lab's settings, no row changes any more after 6 or 7 sweeps in float32
        and 13 in float64 (`_rounding` says what counts as a change). Solving a feed-forward
        recursion by such Jacobi sweeps is known from Song et al., "Accelerating Feedforward
        Computation via Parallel Nonlinear Equation Solving" (ICML 2021).
        """
        n, last = len(x), len(self.weights) - 1
        unrolled, unrolled_bias = _unrolled(sgd, n, self.dtype)
        masks = self._draw_masks(n)

        # An input that is 0 in the whole block gets no gradient in it: do without those.
        inked = np.flatnonzero(x.any(axis=0))
        x = x[:, inked]
        w = [self.weights[0].take(inked, axis=0), *self.weights[1:]]
        v = [self._weight_velocities[0].take(inked, axis=0), *self._weight_velocities[1:]]

        # What does not change from sweep to sweep: all that the block's first weights say.
        bias = [
            unrolled_bias.drift(b, bias_v)
            for b, bias_v in zip(self.biases, self._bias_velocities, strict=True)
        ]
        if last:
            first_z = unrolled.from_start(x, w[0], v[0]) + bias[0]
            first_coupling = unrolled.k * (x @ x.T) + unrolled_bias.k
        output_w = unrolled.drift(w[last].T, v[last].T)  # (n, n_in of the output layer), or one row
        output_bias = bias[last][..., 0]  # (n,), or one

        d = [np.zeros((n, size), self.dtype) for size in self.layer_sizes[1:-1]]
        d_output = np.zeros(n, self.dtype)
        for _ in range(n):
            # Forward, with the gradients of the sweep before: a[l] (n, n_in of layer l).
            a, slopes = [x], [None]
            for layer in range(last):
                if layer == 0:
                    z = first_z + first_coupling @ d[0]
                else:
                    coupling = unrolled.k * (a[layer] @ a[layer].T) + unrolled_bias.k
                    z = unrolled.from_start(a[layer], w[layer], v[layer]) + bias[layer]
                    z += coupling @ d[layer]
                hidden = tanh(z)
                slope = tanh_derivative(hidden)
                if self.dropout:
                    hidden, slope = hidden * masks[layer], slope * masks[layer]
                a.append(hidden)
                slopes.append(slope)
            w_t = output_w + (unrolled.k * d_output) @ a[last]
            b_t = output_bias + unrolled_bias.k @ d_output
            output = 1 / (1 + np.exp(-(np.vecdot(a[last], w_t) + b_t)))  # sigmoid
            error = output - y

            # Backward: the new gradients d[l] (n, n_out of layer l), from the output layer down.
            before, d = [*d, d_output], [None] * last
            d_output = 2 * error * sigmoid_derivative(output)
            handed_down = d_output[:, np.newaxis] * w_t
            for layer in reversed(range(last)):
                d[layer] = handed_down * slopes[layer + 1]
                if layer:
                    handed_down = unrolled.from_start(d[layer], w[layer].T, v[layer].T)
                    handed_down += (unrolled.k * (d[layer] @ d[layer].T)) @ a[layer]
            if _all_close([*d, d_output], before, tolerances):
                break

        d.append(d_output[:, np.newaxis])
        for layer in range(last + 1):
            inputs = inked if layer == 0 else slice(None)
            unrolled.finish(
                self.weights[layer], self._weight_velocities[layer], a[layer], d[layer], inputs
            )
            unrolled_bias.finish(
                self.biases[layer], self._bias_velocities[layer], np.ones(n, self.dtype), d[layer]
            )
        return float(error @ error)

    def _draw_masks(self, n: int) -> list[np.ndarray]:
        """A dropout mask (n, units) for each hidden layer: 0, or 1 / (1 - dropout) to make up.

        Drawn sample by sample, so that n masks at once are those that n single draws would give.
        """
        hidden_sizes = self.layer_sizes[1:-1]
        if not self.dropout:
            return [np.ones((n, size), self.dtype) for size in hidden_sizes]
        kept = self._mask_rng.random((n, sum(hidden_sizes))) >= self.dropout
        masks = kept.astype(self.dtype) / self.dtype.type(1 - self.dropout)
        return np.split(masks, np.cumsum(hidden_sizes)[:-1], axis=1)

    def _checked_images(self, x: np.ndarray) -> np.ndarray:
        x = np.asarray(x)
        n_in = self.layer_sizes[0]
        if x.ndim != 2 or x.shape[1] != n_in:
            raise SettingError(f"images have shape {x.shape}; it must be (n, {n_in})")
        if not np.issubdtype(x.dtype, np.floating):
            raise SettingError(
                f"images are of type {x.dtype}; they must be floats in [0, 1], as load_dataset "
                "gives them"
            )
        return _checked_finite("images", x)

    def _checked_targets(self, y: np.ndarray, n: int) -> np.ndarray:
        y = np.asarray(y)
        if y.shape != (n,):
            raise SettingError(f"targets have shape {y.shape}; it must be ({n},), one an image")
        if y.dtype.kind not in "fbiu":
            raise SettingError(f"targets are of type {y.dtype}; they must be numbers from 0 to 1")
        y = _checked_finite("targets", y.astype(self.dtype, copy=False))
        if n and not (y.min() >= 0 and y.max() <= 1):
            raise SettingError(f"targets reach from {y.min()} to {y.max()}; allowed is 0 to 1")
        return y

    # --- files

    def save(self, path: str | Path) -> None:
        """Write the network to an .npz file, whole or not at all; UserError if that fails."""
        with atomic_write(Path(path)) as file:
            file.write(self.to_bytes())

    def to_bytes(self) -> bytes:
        """The .npz file's content: weights, biases and settings; the same network, the same bytes.

        Velocities and random streams are left out: the file is for prediction.
        """
        settings = {
            "layer_sizes": self.layer_sizes,
            "dropout": self.dropout,
            "metadata": self.metadata,
        }
        arrays = {"settings": np.array(json.dumps(settings, sort_keys=True))}
        for layer, (w, b) in enumerate(zip(self.weights, self.biases, strict=True), start=1):
            arrays |= {f"w{layer}": w, f"b{layer}": b}
        content = io.BytesIO()
        np.savez(content, **arrays)
        return content.getvalue()

    @classmethod
    def load(cls, path: str | Path) -> NeuralNetwork:
        """Read a network that `save` wrote.

        Raises
        ------
        ModelError
            If the file is missing, damaged, or no model of this project.
        """
        try:
            with Path(path).open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                settings = json.loads(str(file["settings"]))
                layer_sizes = settings["layer_sizes"]
                layers = range(1, len(layer_sizes))
                weights = [file[f"w{layer}"] for layer in layers]
                biases = [file[f"b{layer}"] for layer in layers]
            network = cls((1, 1), dropout=settings["dropout"], dtype=weights[0].dtype)
            network.layer_sizes = _checked_layer_sizes(layer_sizes)
            network.metadata = dict(settings["metadata"])
        except FileNotFoundError as error:
            raise ModelError(f"{path} does not exist; run train_network.py first") from error
        except OSError as error:
            raise ModelError(f"{path}: cannot be read: {error.strerror or error}") from error
        except Exception as error:  # bytes that are not what they should be fail in many ways
            raise ModelError(
                f"{path}: damaged, or not a model of this project; run train_network.py again"
            ) from error
        network.weights, network.biases = weights, biases
        network._zero_velocities()
        for layer, (w, b) in enumerate(zip(weights, biases, strict=True)):
            n_in, n_out = layer_sizes[layer : layer + 2]
            if w.shape != (n_in, n_out) or b.shape != (n_out,):
                raise ModelError(
                    f"{path}: w{layer + 1} and b{layer + 1} have shapes {w.shape} and {b.shape}, "
                    f"not ({n_in}, {n_out}) and ({n_out},); run train_network.py again"
                )
            for values in (w, b):
                if values.dtype != network.dtype or not np.isfinite(values).all():
                    raise ModelError(
                        f"{path}: the weights are not all finite {network.dtype} numbers; "
                        "run train_network.py again"
                    )
        return network


@dataclass(frozen=True)
class _UnrolledSGD:
    """What n updates of `SGD` in a row make of a weight w and its velocity v, written out.

    Without a gradient an update multiplies (w, v) by the matrix M, and a gradient g adds u g:

        M = [[1 - learning_rate l2, -learning_rate momentum], [l2, momentum]],
        u = (-learning_rate, 1)

    so that after t updates (w, v) is M^t (w, v) + sum_{s<t} M^(t-1-s) u g_s.
    """

    p: np.ndarray  # (n, 1): (M^t)_00, how much of the first w sample t sees
    q: np.ndarray  # (n, 1): (M^t)_01, how much of the first v
    k: np.ndarray  # (n, n): (M^(t-1-s) u)_0 for s < t, else 0; what gradient s did to w before t
    after: list[list[float]]  # 2 x 2: M^n
    gradient_after: np.ndarray  # (2, n, 1): M^(n-1-s) u, what gradient s did to w and v in the end
    momentum: bool  # without it q is 0, and v is left alone
    decay: bool  # without it p is 1

    @classmethod
    def of(cls, sgd: SGD, n: int, dtype: np.dtype) -> _UnrolledSGD:
        powers = [np.eye(2)]
        for _ in range(n):
            powers.append(sgd.matrix @ powers[-1])
        impulses = np.array(powers[:n]) @ (-sgd.learning_rate, 1)  # (n, 2): M^j u
        t, s = np.indices((n, n))
        k = np.where(s < t, impulses[t - 1 - s, 0], 0)
        p, q = np.array(powers)[:n, 0].T
        return cls(
            p=p[:, np.newaxis].astype(dtype),
            q=q[:, np.newaxis].astype(dtype),
            k=k.astype(dtype),
            after=powers[n].tolist(),
            gradient_after=impulses[::-1].T[..., np.newaxis].astype(dtype),
            momentum=bool(sgd.momentum),
            decay=bool(sgd.momentum or sgd.l2),
        )

    def drift(self, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """p w + q v for rows w and v (n_out,): what is left of them at each sample, (n, n_out).

        Where nothing changes them it is w itself, which stands for all the rows.
        """
        return self.p * w + self.q * v if self.decay else w

    def from_start(self, rows: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        """p (rows w) + q (rows v): row t times what is left at t of the first w and v."""
        product = rows @ w
        if self.decay:
            product *= self.p
        if self.momentum:
            product += self.q * (rows @ v)
        return product

    def finish(
        self,
        w: np.ndarray,
        v: np.ndarray,
        a: np.ndarray,
        d: np.ndarray,
        inputs: np.ndarray | slice = np.s_[:],
    ) -> None:
        """Update w and v in place by the n gradients a_s^T d_s, which are of these inputs."""
        (ww, wv), (vw, vv) = self.after
        for_w, for_v = self.gradient_after
        if self.momentum:
            w[:], v[:] = ww * w + wv * v, vw * w + vv * v
            v[inputs] += a.T @ (for_v * d)
        elif self.decay:
            w *= ww
        w[inputs] += a.T @ (for_w * d)


@lru_cache(maxsize=16)
def _unrolled(sgd: SGD, n: int, dtype: np.dtype) -> tuple[_UnrolledSGD, _UnrolledSGD]:
    """The unrolled updates of the weights and, without L2, of the biases."""
    return _UnrolledSGD.of(sgd, n, dtype), _UnrolledSGD.of(replace(sgd, l2=0.0), n, dtype)


def _all_close(now: list[np.ndarray], before: list[np.ndarray], tolerances: list[float]) -> bool:
    """Whether no array moved by more than its tolerance, in the Euclidean norm; smallest first."""
    for layer in reversed(range(len(now))):
        change = np.linalg.norm(now[layer] - before[layer])
        if not change <= tolerances[layer]:  # "not <=" holds for NaN as well
            return False
    return True


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


def _update(w: np.ndarray, g: np.ndarray, v: np.ndarray, sgd: SGD) -> None:
    """Update w in place by its gradient g, and with momentum its velocity v (see `SGD`)."""
    if sgd.momentum:
        v *= sgd.momentum
        v += g
        g = v
    w -= sgd.learning_rate * g


def _require(name: str, value: float, allowed: str, is_allowed: Callable[[float], bool]) -> None:
    """Refuse a setting that is not a finite number or not allowed, naming it and the range."""
    try:
        good = bool(np.isfinite(value)) and is_allowed(value)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise SettingError(f"{name} is {value!r}; it must be {allowed}")


def _checked_layer_sizes(layer_sizes: Sequence[int]) -> tuple[int, ...]:
    sizes = tuple(layer_sizes) if isinstance(layer_sizes, Sequence | np.ndarray) else layer_sizes
    if not isinstance(sizes, tuple):
        raise SettingError(f"layer_sizes is {sizes!r}; it must be a sequence such as (784, 64, 1)")
    whole = all(isinstance(size, int | np.integer) and 1 <= size <= MOST_UNITS for size in sizes)
    if len(sizes) < 2 or not whole or sizes[-1] != 1:
        raise SettingError(
            f"layer_sizes is {sizes}; it must be two or more whole numbers from 1 to "
            f"{MOST_UNITS}, the last of them 1"
        )
    return tuple(int(size) for size in sizes)


def _checked_dtype(dtype: type | str) -> np.dtype:
    try:
        checked = None if dtype is None else np.dtype(dtype)
    except TypeError:
        checked = None
    if checked is None or checked.name not in DTYPES:
        raise SettingError(f"dtype is {dtype!r}; it must be one of {', '.join(DTYPES)}")
    return checked


def _checked_finite(name: str, values: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore", invalid="ignore"):
        suspicious = not np.isfinite(values.sum())  # one pass; may be no more than a large sum
    if suspicious and not np.isfinite(values).all():
        place = tuple(int(i) for i in np.argwhere(~np.isfinite(values))[0])
        raise SettingError(f"{name} hold {values[place]} at {place}; they must be finite numbers")
    return values


def _checked_order(order: np.ndarray, x: np.ndarray) -> np.ndarray:
    order = np.asarray(order)
    if order.ndim != 1 or order.dtype.kind not in "iu":
        raise SettingError(
            f"order has shape {order.shape} and type {order.dtype}; it must be row numbers, (m,)"
        )
    if len(order) and not (order.min() >= 0 and order.max() < len(x)):
        raise SettingError(
            f"order reaches from {order.min()} to {order.max()}; rows go from 0 to {len(x) - 1}"
        )
    return order
