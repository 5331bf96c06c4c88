"""Linear equations of which some are wrong."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..network import Array

_ROUNDS = 40
_OUTLIER = 20.0  # times the median deviation


def robust_solution(matrix: Array, right: Array, fits: float) -> Array:
    """matrix @ solution = right for as many rows as possible, by least sums of deviations
    (reweighted least squares), then by least squares on those that fit.

    Args:
        matrix, right: shapes (n, k) and (n, m).
        fits: a deviation that is none.
    """
    solution = _solved(matrix, right)
    off = _rows_off(matrix, right, solution)
    for _ in range(_ROUNDS):
        good = off <= fits
        if good.all():
            break
        least = max(1e-3 * np.median(off), 1e-2 * fits, np.finfo(np.float64).tiny)
        weight = 1 / np.sqrt(np.maximum(off, least))[:, None]
        solution = _solved(weight * matrix, weight * right)
        before, off = np.count_nonzero(good), _rows_off(matrix, right, solution)
        now = np.count_nonzero(off <= fits)
        if now == before and 2 * now > len(matrix):
            break
    good = off <= fits
    if np.count_nonzero(good) > matrix.shape[1] and not good.all():
        solution = _solved(matrix[good], right[good])
    return solution


def _solved(matrix: Array, right: Array) -> Array:
    return np.asarray(np.linalg.lstsq(matrix, right, rcond=1e-13)[0], dtype=np.float64)


def _rows_off(matrix: Array, right: Array, solution: Array) -> Array:
    return np.asarray(np.abs(matrix @ solution - right).max(axis=1))


def refitted(design: Array, row: Array) -> tuple[Array, npt.NDArray[np.bool_]]:
    """The row next to a given one that lets design @ row = 0, and which equations it is fitted to:
    a kink that was measured next to an unknown wall may be off.

    Args:
        design, row: shapes (n, k) and (k,).
    """
    across = np.linalg.svd(row[None])[2][1:].T  # the length of the row is free
    solution = robust_solution(design @ across, -(design @ row)[:, None], 0.0)
    off = np.abs(design @ (row + across @ solution[:, 0]))
    good = off <= _OUTLIER * np.median(off)
    change = np.linalg.lstsq((design @ across)[good], -(design @ row)[good], rcond=1e-8)[0]
    return row + across @ change, good
