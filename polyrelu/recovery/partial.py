"""Walls that meet too few of the known ones, finished once the signs below are known.

A row then has one unknown weight for each neuron below, where it had a pair in the lifted features;
and what stays open are the weights on neurons that are off all along the part of the wall that was
seen. Parts of one wall that were seen in different places show different weights.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .lifted import Known, Rows
from .places import Places
from .wall import Wall

_FITS = 1e-6  # weights explain a wall as closely as that
_DEPENDS = 1e-6  # equations depend on each other if a singular value is as small as that
_SHOWN = 1e-3  # a weight is seen if so much of it is determined, or if it is so large a part
_COMMON = 3  # weights that two parts must share before agreement means something
_NEAR = 100  # points of many, close to where an input becomes active


@dataclass(frozen=True)
class Row:
    """Weights of a neuron on the outputs of the layer below, and its bias.

    Attributes:
        vector: shape (n + 1 + l,): the weights, 0 where one is not known, the bias, and what is
            added to the coefficients of the l inputs below that some known neuron weighs loosely.
        loose: shape (n,), where that is.
        shown: as of its walls.
    """

    vector: Array
    loose: npt.NDArray[np.bool_]
    shown: bool


def row_of(known: Known, wall: Wall, signs: Array) -> Row | None:
    """The weights that a wall shows; None if no weights fit, as of a deeper layer's wall."""
    n = known.n_top
    matrix = np.concatenate([_lift(known, signs), -wall.null], axis=1)
    size, right = np.linalg.svd(matrix)[1:]
    rank = int(np.count_nonzero(size > _DEPENDS))
    if rank + (0 if wall.shown else 1) > len(matrix):
        return None
    loose = np.linalg.norm(right[rank:, :n], axis=0) > _SHOWN
    keep = np.concatenate([~loose, np.ones(matrix.shape[1] - n, dtype=bool)])
    solution = np.linalg.lstsq(matrix[:, keep], wall.vector, rcond=1e-9)[0]
    off = np.linalg.norm(matrix[:, keep] @ solution - wall.vector)
    if off > _FITS * np.linalg.norm(wall.vector):
        return None
    weights = keep[: matrix.shape[1] - wall.null.shape[1]]
    vector = np.zeros(len(weights))
    vector[weights] = solution[: np.count_nonzero(weights)]
    return Row(vector, loose, wall.shown)


def wall_of(known: Known, row: Row, signs: Array) -> Wall:
    """Back in the lifted features, loose weights taken for 0."""
    vector = _lift(known, signs) @ row.vector
    return Wall(vector, np.empty((len(vector), 0)), row.shown)


def _lift(known: Known, signs: Array) -> Array:
    """Takes a row's vector to (c, L, constant): relu(s y) = (|y| + s y) / 2 with y = A h + b."""
    n, weight, bias = known.n_top, *known.top
    inputs = np.flatnonzero(known.loose.any(axis=0))
    lift = np.zeros((known.n_features + 1, n + 1 + len(inputs)))
    lift[:n, :n] = np.eye(n) / 2
    lift[n:-1, :n] = weight.T * signs / 2
    lift[-1, :n] = signs * bias / 2
    lift[-1, n] = 1.0
    lift[n + inputs, n + 1 + np.arange(len(inputs))] = 1.0
    return lift


def joined(a: Row, b: Row) -> Row | None:
    """What both say, if they may be parts of one wall and that is no accident."""
    both = np.ones(len(a.vector), dtype=bool)
    both[: len(a.loose)] = ~a.loose & ~b.loose
    u, v = a.vector[both], b.vector[both]
    size = np.linalg.norm(u)
    if size == 0 or np.count_nonzero(np.abs(u) > _SHOWN * size) < _COMMON:
        return None
    factor = (u @ v) / size**2
    if abs(factor) < _FITS or np.linalg.norm(v - factor * u) > _FITS * np.linalg.norm(v):
        return None
    vector = a.vector.copy()
    vector[: len(a.loose)][a.loose] = b.vector[: len(a.loose)][a.loose] / factor
    return Row(vector, a.loose & b.loose, a.shown or b.shown)


def joined_all(rows: list[Row]) -> list[Row]:
    """Parts of one wall put together, as far as they can be told to be."""
    out: list[Row] = []
    for row in rows:
        while True:
            pairs = ((k, joined(other, row)) for k, other in enumerate(out))
            k, whole = next(((k, w) for k, w in pairs if w is not None), (-1, None))
            if whole is None:
                break
            out.pop(k)
            row = whole
        out.append(row)
    return out


def kept_sides(
    places: Places, known: Known, wall: Wall, row: Row, signs: Array, rng: np.random.Generator
) -> Array:
    """The sign of a neuron where an input with a loose weight becomes active, shape (n,); 0 where
    the weight is known."""
    side = np.zeros(known.n_top)
    if not row.loose.any():
        return side
    x = places.mixed(2000, rng)
    y = signs * known.pre_activations(x)
    values = wall.values(known, x)
    for j in np.flatnonzero(row.loose):
        others = row.loose.copy()
        others[j] = False
        alone = np.flatnonzero(~np.any(y[:, others] > 0, axis=1))
        if not len(alone):
            alone = np.arange(len(x))
        near = alone[np.argsort(np.abs(y[alone, j]))[:_NEAR]]
        side[j] = 1.0 if np.median(np.sign(values[near])) >= 0 else -1.0
    return side


def resolved(known: Known, signs: Array, c: Array, slopes: Array, x: Array) -> Rows:
    """The top layer with its signs and its loose weights chosen by functions of it.

    Where an input with a loose weight is positive, a neuron that is on there adds a multiple of the
    input to every function that weighs the neuron; one that is off there stays so with any weight
    that is negative enough. Several that are on share one equation for each function.

    Args:
        c, slopes: shapes (f, n) and (f, inputs of the layer): the functions' coefficients in the
            lifted features.
        x: shape (s, d), inputs at which what is off shall be.
    """
    weight, bias = known.top
    weight, loose = signs[:, None] * weight, known.loose
    rest = slopes - c @ weight
    h = known.under(x) if loose.any() else np.empty((0, weight.shape[1]))
    for j in np.flatnonzero(loose.any(axis=0)):
        on = loose[:, j] & (signs * known.sides[:, j] > 0)
        weight[on, j] = np.linalg.lstsq(2 * c[:, on], rest[:, j], rcond=1e-9)[0]
        active = h[h[:, j] > 0]
        for k in np.flatnonzero(loose[:, j] & ~on):
            rise = (active @ weight[k] + signs[k] * bias[k]) / active[:, j]
            weight[k, j] = -2 * float(np.max(rise, initial=0.0))
    return weight, signs * bias


def shown(
    known: Known, signs: Array, sign_known: npt.NDArray[np.bool_], c: Array
) -> npt.NDArray[np.bool_]:
    """Which weights of the top layer are determined, shape of its weight: those that are not loose,
    and the loose ones of neurons that are on where functions with coefficients c, of shape (f, n),
    tell them apart."""
    out = ~known.loose
    for j in np.flatnonzero(known.loose.any(axis=0)):
        on = np.flatnonzero(known.loose[:, j] & (signs * known.sides[:, j] > 0))
        if len(on) and sign_known[on].all() and np.linalg.matrix_rank(c[:, on]) == len(on):
            out[on, j] = True
    return out
