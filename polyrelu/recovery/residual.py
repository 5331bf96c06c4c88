"""The neurons that the walls did not show, from what they add to the outputs.

Where all of a network but one neuron of the last hidden layer is known, the outputs less what is
known are a multiple of that neuron: 0 where it is off, and affine in the features where it is on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ..network import Array
from .follow import follow_on
from .last import Asked, Output
from .lifted import Known
from .normals import locate
from .oracle import Oracle
from .places import Places
from .robust import robust_solution
from .wall import Wall, roots

_EACH = 5  # samples for each feature
_NEAREST = (1.0, 0.5, 0.25)  # of them, where several neurons are missing
_STEPS = 10.0 ** np.linspace(-3, 1, 9)  # of a walk, in typical distances
_WALKS = 400
_ABOVE = 10.0  # times a misfit that is none
_EXACT = 1e-3  # what is left over must be known as exactly as that
_EDGES = 6  # places where a neuron that is missing must switch
_SHARE = 0.6  # of the samples must follow one rule


def missing_wall(
    oracle: Oracle,
    places: Places,
    asked: Asked,
    below: Known,
    output: Output,
    start: Array,
    rng: np.random.Generator,
) -> Wall | None:
    """The wall of a neuron on a known layer, which an unexplained sample is active on.

    Args:
        below: the layer that it is on.
        output: the outputs explained by the neurons found.
        start: shape (d,), the sample.

    Returns:
        None if what is not explained there is not one neuron's.
    """
    count = _EACH * (below.n_features + 1) + 10
    x, behind, rest = _spread(oracle, places, asked, output, start, count, rng)
    nearest = np.argsort(np.linalg.norm(x - start, axis=1), kind="stable")
    for share in _NEAREST:
        near = nearest[: int(np.ceil(share * len(x)))]
        wall = _one_neuron(asked, below, x[near], rest[near])
        edge = None if wall is None else _edge(oracle, below, wall, x[near], behind[near])
        if wall is not None and edge is not None:
            more = None if wall.full else follow_on(oracle, places, below, wall, edge, rng)
            return replace(more or wall, shown=True)
    return None


def _edge(oracle: Oracle, below: Known, wall: Wall, x: Array, behind: Array) -> Array | None:
    """A kink on a wall, between a sample and where it is left behind; None where it has none: where
    two neurons are on everywhere, their sum is no neuron."""
    crossed = (wall.values(below, x) > 0) != (wall.values(below, behind) > 0)
    ends = np.flatnonzero(crossed)[:_EDGES]
    if not len(ends):
        return None
    points = roots(below, wall, x[ends], behind[ends])
    normals = np.array([wall.theta @ below.local(p).jacobian for p in points])
    normals /= np.linalg.norm(normals, axis=1)[:, None]
    room = np.linalg.norm(x[ends] - behind[ends], axis=1)
    seen = locate(oracle, points, normals, 1e-2 * room, 1e-5 * room)
    if not seen.kinked.any():
        return None
    # best where the wall's own slope is determined
    loose = [np.linalg.norm(wall.null[:-1].T @ below.local(p).jacobian) for p in points]
    return np.asarray(points[int(np.argmin(np.where(seen.kinked, loose, np.inf)))])


def _one_neuron(asked: Asked, below: Known, x: Array, rest: Array) -> Wall | None:
    """The wall of the neuron of which what is left over is a multiple; the first sample counts."""
    direction = np.linalg.svd(rest, full_matrices=False)[2][0]
    features = np.concatenate([below.features(x), np.ones((len(x), 1))], axis=1)
    size = np.linalg.norm(features, axis=1, keepdims=True)
    matrix, right = features / size, rest @ direction[:, None] / size
    fits = _ABOVE * asked.fits * asked.size * float(np.max(1 / size))
    if fits > _EXACT * np.abs(right).max():
        return None
    solution = robust_solution(matrix, right, fits)
    good = np.abs(matrix @ solution - right)[:, 0] <= fits
    if not good[0]:
        return None
    values, right_vectors = np.linalg.svd(matrix[good])[1:]
    rank = int(np.count_nonzero(values > 1e-7 * values[0]))  # less is noise of the samples
    if np.count_nonzero(good) < max(rank + 5, _SHARE * len(x)):
        return None
    vector = solution[:, 0] / np.linalg.norm(solution[:-1, 0] @ below.local(x[0]).jacobian)
    return Wall(vector, right_vectors[rank:].T)


def _spread(
    oracle: Oracle,
    places: Places,
    asked: Asked,
    output: Output,
    start: Array,
    count: int,
    rng: np.random.Generator,
) -> tuple[Array, Array, Array]:
    """Samples that are connected with the first by what is not explained, a place behind each where
    that may have ended, and how much it is: a neuron is on along a straight way until nothing is
    left over."""
    found = behind = start[None]
    rest = oracle(found) - output(found)
    for walk in range(_WALKS):
        if len(found) >= count or len(found) < walk / 4:
            break
        ways = rng.normal(size=(8, places.dim))
        ways *= places.scale * np.sqrt(places.dim) / np.linalg.norm(ways, axis=1)[:, None]
        x = found[rng.integers(len(found), size=8)][:, None] + _STEPS[:, None] * ways[:, None]
        inside = places.holds(x)
        flat = x.reshape(-1, places.dim)
        more = np.zeros((len(flat), output.coefficients.shape[1]))
        more[inside.ravel()] = oracle(flat[inside.ravel()]) - output(flat[inside.ravel()])
        on = (asked.off(more, flat) > _ABOVE * asked.fits).reshape(inside.shape)
        # only the last of each run: the others say the same
        last = np.logical_and.accumulate(on, axis=1).sum(axis=1) - 1
        take = np.flatnonzero(last >= 0)
        found = np.concatenate([found, x[take, last[take]]])
        behind = np.concatenate([behind, x[take, np.minimum(last[take] + 1, len(_STEPS) - 1)]])
        rest = np.concatenate([rest, more.reshape(*inside.shape, -1)[take, last[take]]])
    return found, behind, rest
