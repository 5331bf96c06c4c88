"""What is known of the first layers, and the features in which the next layer's walls are flat.

Let layer k be known but for its neurons' signs: y = A h + b with h the activations of layer k - 1
(h = x for k = 1), and unit j is relu(s_j y_j), s_j = 1 or -1. As relu(s y) = (|y| + s y) / 2, every
affine function of the layer's output is affine in the features (|y|, h), with coefficients (c, L):
2 c are its weights, and L = sum_j s_j c_j A_j. So a neuron of layer k + 1 has the wall
c . |y(x)| + L . h(x) + const = 0, linear in the features whatever the signs are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array

Rows = tuple[Array, Array]  # weight (out, in) and bias (out,)


@dataclass(frozen=True)
class Local:
    """All that is known at a point, as affine maps there.

    Attributes:
        walls, slopes: pre-activations of every known neuron, shape (n,), and their gradients,
            shape (n, d); the top layer's are the last.
        features, jacobian: shape (f,) and (f, d).
    """

    walls: Array
    slopes: Array
    features: Array
    jacobian: Array


@dataclass(frozen=True)
class Known:
    """The known layers: those below with their signs, the top one up to its signs.

    Attributes:
        below, top: their rows.
        side: shape (n_top, inputs of the layer), or None: 0, but where a weight is not known, as no
            wall shows it: the sign that the pre-activation keeps where that input is positive. The
            row has a 0 there; y is then right up to a multiple of the input, which is a feature.
    """

    below: tuple[Rows, ...]
    top: Rows
    side: Array | None = None

    @property
    def loose(self) -> npt.NDArray[np.bool_]:
        """Which weights of the top layer no wall shows, shape (n_top, inputs of the layer)."""
        return np.asarray(self.sides != 0)

    @property
    def sides(self) -> Array:
        """`side`, or zeros."""
        return np.zeros(self.top[0].shape) if self.side is None else self.side

    @property
    def rows(self) -> tuple[Rows, ...]:
        return (*self.below, self.top)

    @property
    def n_top(self) -> int:
        return len(self.top[1])

    @property
    def n_features(self) -> int:
        return self.n_top + int(self.top[0].shape[1])

    def under(self, x: Array) -> Array:
        """The activations under the top layer for x of shape (n, d)."""
        for weight, bias in self.below:
            x = np.maximum(x @ weight.T + bias, 0.0)
        return x

    def pre_activations(self, x: Array) -> Array:
        """Of the top layer for x of shape (n, d), up to their signs."""
        weight, bias = self.top
        return self.under(x) @ weight.T + bias

    def features(self, x: Array) -> Array:
        """(|y|, h) for x of shape (n, d)."""
        h = self.under(x)
        weight, bias = self.top
        y = h @ weight.T + bias
        return np.concatenate([self._signs(y > 0, h > 0) * y, h], axis=1)

    def _signs(self, positive: npt.NDArray[np.bool_], active: npt.NDArray[np.bool_]) -> Array:
        """Signs of y of shape (..., n_top), given which inputs of the layer are positive."""
        signs = np.where(positive, 1.0, -1.0)
        if self.side is None:
            return signs
        kept = active @ self.side.T
        return np.where(kept == 0, signs, np.sign(kept))

    def local(self, x: Array, along: Array | None = None) -> Local:
        """At one point; on a wall, as it is a little way along a direction."""
        h, jacobian = x, np.eye(len(x))
        walls, slopes = [], []
        active = h > 0
        for weight, bias in self.below:
            y, slope = weight @ h + bias, weight @ jacobian
            walls.append(y)
            slopes.append(slope)
            active = (y if along is None else y + slope @ along) > 0
            h, jacobian = np.where(active, y, 0.0), slope * active[:, None]
        weight, bias = self.top
        y, slope = weight @ h + bias, weight @ jacobian
        sign = self._signs((y if along is None else y + slope @ along) > 0, active)
        features = np.concatenate([sign * y, h])
        lifted = np.concatenate([sign[:, None] * slope, jacobian])
        return Local(
            np.concatenate([*walls, y]), np.concatenate([*slopes, slope]), features, lifted
        )
