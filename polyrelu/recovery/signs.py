"""The signs of a layer's neurons, as one linear system over all functions of the layer.

A function of layer k with weights 2 c on its outputs is c . |y| + sum_j s_j c_j y_j + const: where
its values are known (0 on a neuron's wall), that is linear in the signs s. Where the rank is short,
the signs being +1 or -1 is what decides: the free ones are tried in all ways.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..network import Array
from .lifted import Known

_FREE = 18  # so many free signs are tried in all 2**18 ways
_EXACT = 1e-6  # how close to +1 or -1 signs found by trying must come
_CLOSE = 0.05  # and signs of full rank
_RANK = 1e-7  # a pivot as small beside the greatest is noise: the signs behind it are free
_NOISE = 1e-9  # and such a singular value of what is eliminated, which has no other error


def sign_equations(known: Known, c: Array, points: Array, values: Array) -> tuple[Array, Array]:
    """Matrix and right-hand side for one function of the top layer; its constant is eliminated,
    and what is linear in the inputs that a neuron of the layer weighs loosely.

    Args:
        c: shape (n,), half its weights on the layer's outputs.
        points, values: shapes (s, d) and (s,): the function there.
    """
    if not len(points):
        return np.empty((0, known.n_top)), np.empty(0)
    absolute, h = np.split(known.features(points), [known.n_top], axis=1)
    y = h @ known.top[0].T + known.top[1]
    size = np.linalg.norm(y, axis=1, keepdims=True)
    size[size == 0] = 1.0
    matrix, right = c * y / size, (values - absolute @ c) / size[:, 0]
    free = np.concatenate([np.ones((len(y), 1)), h[:, known.loose.any(axis=0)]], axis=1) / size
    free = np.linalg.svd(free / np.linalg.norm(free, axis=0).clip(1e-300), full_matrices=False)
    free = free[0][:, free[1] > _NOISE * free[1][0]]
    return matrix - free @ (free.T @ matrix), right - free @ (free.T @ right)


def solve_signs(matrix: Array, right: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Signs s in {-1, 1}^n with matrix @ s = right, and which of them are open.

    Raises nothing: if no signs fit, or several do, those are open.
    """
    from scipy.linalg import qr

    n = matrix.shape[1]
    if not n or not matrix.size:
        return np.ones(n), np.ones(n, dtype=bool)
    q, r, order = qr(matrix, mode="economic", pivoting=True)
    size = np.abs(np.diag(r))
    rank = int(np.count_nonzero(size > _RANK * size[0])) if size[0] > 0 else 0
    if n - rank > _FREE or rank == 0:
        return np.ones(n), np.ones(n, dtype=bool)
    free = _all_signs(n - rank)
    solved = np.linalg.solve(r[:rank, :rank], (q.T @ right)[:rank, None] - r[:rank, rank:] @ free)
    off = np.abs(np.abs(solved) - 1).max(axis=0)
    fits = off <= (_CLOSE if rank == n else _EXACT)
    signs = np.ones(n)
    if not fits.any():
        return signs, np.ones(n, dtype=bool)
    candidates = np.ones((n, np.count_nonzero(fits)))
    candidates[order] = np.concatenate([np.where(solved[:, fits] < 0, -1.0, 1.0), free[:, fits]])
    open_ = np.any(candidates != candidates[:, :1], axis=1)
    misfit = np.abs(matrix @ candidates - right[:, None]).max(axis=0)
    return candidates[:, np.argmin(misfit)], open_


def _all_signs(n: int) -> Array:
    """All columns of n signs, shape (n, 2**n)."""
    bits = np.arange(1 << n)[None] >> np.arange(n)[:, None] & 1
    return np.asarray(1.0 - 2.0 * bits, dtype=np.float64)
