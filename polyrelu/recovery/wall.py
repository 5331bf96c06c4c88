"""The wall of one neuron in the lifted features, as far as it is determined; two that are one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..network import Array
from .lifted import Known

_SAME = 1e-5  # parts of one wall agree as closely as that
_TURNED = 1e-9  # 1 less the cosine of an angle that is only rounding
_SPARE = 2  # equations beyond the unknowns before agreement means something


@dataclass(frozen=True)
class Wall:
    """The wall theta . features(x) + constant = 0.

    Attributes:
        vector: shape (features + 1,), theta and the constant, of a scale such that the first normal
            has length 1.
        null: orthonormal directions, shape (features + 1, r), in which it is not determined.
        shown: by what it adds to the outputs, of which a kink on it was confirmed.
    """

    vector: Array
    null: Array
    shown: bool = False

    @property
    def theta(self) -> Array:
        return self.vector[:-1]

    @property
    def constant(self) -> float:
        return float(self.vector[-1])

    @property
    def full(self) -> bool:
        return not self.null.shape[1]

    def values(self, known: Known, x: Array) -> Array:
        """Shape (n,), of x of shape (n, d)."""
        return np.asarray(known.features(x) @ self.theta + self.constant)


def merged(a: Wall, b: Wall) -> Wall | None:
    """What both say, if they may be parts of one wall, and that is no accident: each seen where the
    other's neurons do not switch."""
    # b.vector + b.null q = alpha a.vector + a.null p
    matrix = np.concatenate([a.vector[:, None], a.null, -b.null], axis=1)
    if matrix.shape[1] + _SPARE > len(a.vector):
        return None
    solution = np.linalg.lstsq(matrix, b.vector, rcond=1e-9)[0]
    off = np.linalg.norm(matrix @ solution - b.vector)
    if off > _SAME * np.linalg.norm(b.vector) or abs(solution[0]) < _SAME:
        return None
    vector = a.vector + a.null @ solution[1 : 1 + a.null.shape[1]] / solution[0]
    return Wall(vector, _common(a.null, b.null), a.shown or b.shown)


def _common(a: Array, b: Array) -> Array:
    """An orthonormal basis of what two spaces, given by orthonormal bases, have in common."""
    left, cosines = np.linalg.svd(a.T @ b)[:2]
    return np.asarray(a @ left[:, : np.count_nonzero(cosines > 1 - _TURNED)])


def roots(known: Known, wall: Wall, low: Array, high: Array) -> Array:
    """Where a wall lies between points of shape (n, d) on either side of it. Halving, then one
    straight step: the wall is our own function, and costs no queries."""
    below = wall.values(known, low) > 0
    for _ in range(30):
        middle = (low + high) / 2
        same = (wall.values(known, middle) > 0) == below
        low, high = np.where(same[:, None], middle, low), np.where(same[:, None], high, middle)
    a, b = wall.values(known, low), wall.values(known, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(a == b, 0.5, a / (a - b))
    return np.asarray(low + share[:, None] * (high - low))
