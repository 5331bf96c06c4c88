"""The next layer's walls out of a pool of witnesses: followed, confirmed far away, fitted again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..network import Array
from .follow import Wall, follow
from .lifted import Known
from .normals import Witness, locate
from .oracle import Oracle
from .places import Places

_TESTS = 12  # places at which a followed wall must have a kink
_SHARE = 0.7  # of them
_GRID = 129  # samples of a segment among which a wall's sign changes are looked for
_NEAR = 1e-6  # a witness so close to a wall is on it
_ALONG = 1e-3  # if its normal is the wall's as closely as that


@dataclass(frozen=True)
class Neuron:
    """A wall that was confirmed.

    Attributes:
        wall: its coefficients in the lifted features.
        residual: the greatest distance of a kink on it from it.
        points: kinks seen on it, shape (n, d).
        open: the neurons below that its wall does not meet from their active side: its weights
            on them are guesses.
    """

    wall: Wall
    residual: float
    points: Array
    open: tuple[int, ...] = ()


@dataclass
class NextLayer:
    """The neurons found on a known layer, and witnesses that none of them explains."""

    known: Known
    neurons: list[Neuron] = field(default_factory=list)
    others: list[Witness] = field(default_factory=list)
    partial: list[tuple[Witness, Wall]] = field(default_factory=list)

    def values(self, x: Array) -> Array:
        """Of every wall, shape (n, neurons)."""
        theta = np.array([n.wall.theta for n in self.neurons]).reshape(-1, self.known.n_features)
        constant = np.array([n.wall.constant for n in self.neurons])
        return np.asarray(self.known.features(x) @ theta.T + constant)

    def has(self, wall: Wall) -> bool:
        """Is it, up to a factor, the wall of a neuron that is found?"""
        row = wall.theta / np.linalg.norm(wall.theta)
        rows = [n.wall.theta / np.linalg.norm(n.wall.theta) for n in self.neurons]
        return any(np.linalg.norm(row - np.sign(row @ r) * r) < _ALONG for r in rows)

    def explains(self, witness: Witness) -> bool:
        """Does a witness lie on a wall that is found?"""
        if not self.neurons:
            return False
        jacobian = self.known.local(witness.point).jacobian
        values = self.values(witness.point[None])[0]
        for neuron, value in zip(self.neurons, values, strict=True):
            normal = neuron.wall.theta @ jacobian
            size = float(np.linalg.norm(normal))
            near = abs(value) <= _NEAR * size * (1 + np.linalg.norm(witness.point))
            if near and size - abs(float(normal @ witness.normal)) <= _ALONG * size:
                return True
        return False


def extend(
    oracle: Oracle,
    places: Places,
    layer: NextLayer,
    pool: list[Witness],
    rng: np.random.Generator,
) -> int:
    """Add to a layer the neurons whose walls pass through witnesses of a pool; how many are new.

    What is followed in vain stays in `layer.others`: a deeper layer's, or a wall that meets too
    few of the known ones.
    """
    before = len(layer.neurons)
    for witness in sorted(pool, key=lambda w: w.error):
        if layer.explains(witness):
            continue
        wall = follow(oracle, places, layer.known, witness, rng)
        neuron = None
        if wall is not None and wall.null.shape[1]:
            layer.partial.append((witness, wall))
        elif wall is not None:
            neuron = _confirmed(oracle, places, layer.known, wall, rng)
        if neuron is None:
            layer.others.append(witness)
        elif not layer.has(neuron.wall):
            layer.neurons.append(neuron)
    layer.others = [w for w in layer.others if not layer.explains(w)]
    return len(layer.neurons) - before


def complete(
    oracle: Oracle,
    places: Places,
    layer: NextLayer,
    signs: Array,
    guess: bool,
    rng: np.random.Generator,
) -> int:
    """Finish walls that met too few known ones, once the signs below are known; how many.

    A row then has one unknown weight for each neuron below, where it had a pair in the lifted
    features. With `guess` a weight on a neuron whose active side no piece of the wall reaches is
    chosen such that the wall stays off there: the outputs have the last word on it.
    """
    before = len(layer.neurons)
    for witness, wall in sorted(layer.partial, key=lambda p: p[1].null.shape[1]):
        if layer.explains(witness):
            continue
        solved = _in_activations(layer.known, wall, signs)
        if solved is None or (solved[1].any() and not guess):
            continue
        row, loose = solved
        for j in np.flatnonzero(loose):
            row[j] = _keeping_off(places, layer.known, wall, signs, row, int(j), rng)
        neuron = _confirmed(
            oracle, places, layer.known, _lifted(layer.known, wall, signs, row), rng
        )
        if neuron is not None and not layer.has(neuron.wall):
            layer.neurons.append(replace(neuron, open=tuple(np.flatnonzero(loose).tolist())))
    layer.partial = [p for p in layer.partial if not layer.explains(p[0])]
    return len(layer.neurons) - before


def _lift_matrix(known: Known, signs: Array) -> Array:
    """Takes weights on the top layer's outputs to coefficients (c, L)."""
    return np.concatenate([np.eye(known.n_top), known.top[0].T * signs]) / 2


def _in_activations(
    known: Known, wall: Wall, signs: Array
) -> tuple[Array, npt.NDArray[np.bool_]] | None:
    """The weights on the top layer's outputs, 0 where they are not determined, and where that is;
    None if no weights fit."""
    n = known.n_top
    matrix = np.concatenate([_lift_matrix(known, signs), -wall.null], axis=1)
    size, right = np.linalg.svd(matrix)[1:]
    rank = int(np.count_nonzero(size > 1e-6))
    loose = np.linalg.norm(right[rank:, :n], axis=0) > 1e-3
    keep = np.concatenate([~loose, np.ones(wall.null.shape[1], dtype=bool)])
    solution = np.linalg.lstsq(matrix[:, keep], wall.theta, rcond=1e-9)[0]
    off = np.linalg.norm(matrix[:, keep] @ solution - wall.theta)
    if off > 1e-6 * np.linalg.norm(wall.theta):
        return None
    row = np.zeros(n)
    row[~loose] = solution[: np.count_nonzero(~loose)]
    return row, loose


def _lifted(known: Known, wall: Wall, signs: Array, row: Array) -> Wall:
    theta = _lift_matrix(known, signs) @ row
    constant = -float(theta @ known.features(wall.point[None])[0])
    return replace(wall, theta=theta, constant=constant, null=np.empty((len(theta), 0)))


def _keeping_off(
    places: Places,
    known: Known,
    wall: Wall,
    signs: Array,
    row: Array,
    j: int,
    rng: np.random.Generator,
) -> float:
    """A weight on neuron j that lets the row keep its sign where j is active."""
    x = places.mixed(2000, rng)
    at = x[np.argsort(np.abs(known.pre_activations(x)[:, j]))[:100]]
    values = _lifted(known, wall, signs, row).values(known, at)
    return float(np.sign(np.median(np.sign(values)) + 0.5) * np.linalg.norm(row))


def _confirmed(
    oracle: Oracle, places: Places, known: Known, wall: Wall, rng: np.random.Generator
) -> Neuron | None:
    """The wall fitted to kinks all over it, or None if it does not have them."""
    at, share = _kinks_on(oracle, places, known, wall, _TESTS, 1e-5, rng)
    if share < _SHARE:
        return None
    need = known.n_features + 10 - len(at)
    if need > 0:
        more, _ = _kinks_on(oracle, places, known, wall, need, 1e-6, rng)
        at = np.concatenate([at, more])
    design = np.concatenate([known.features(at), np.ones((len(at), 1))], axis=1)
    weight = 1 / _gradient_sizes(known, wall, at)
    row = np.append(wall.theta, wall.constant)
    off = weight * (design @ row)
    change = np.linalg.lstsq(design * weight[:, None], -off, rcond=1e-8)[0]
    row = row + change - (change @ row) / (row @ row) * row
    residual = float(np.abs(weight * (design @ row)).max())
    fitted = replace(wall, theta=row[:-1], constant=float(row[-1]))
    return Neuron(fitted, residual, at)


def _gradient_sizes(known: Known, wall: Wall, points: Array) -> Array:
    return np.array([np.linalg.norm(wall.theta @ known.local(x).jacobian) for x in points])


def _kinks_on(
    oracle: Oracle,
    places: Places,
    known: Known,
    wall: Wall,
    n: int,
    within: float,
    rng: np.random.Generator,
) -> tuple[Array, float]:
    """Kinks at random places of a wall, and their share of the places that were clear."""
    points = crossings(places, known, wall, n, rng)
    if not len(points):
        return points, 0.0
    normals, room = np.empty_like(points), np.empty(len(points))
    for i, x in enumerate(points):
        local = known.local(x)
        normal = wall.theta @ local.jacobian
        normals[i] = normal / np.linalg.norm(normal)
        size = np.maximum(np.linalg.norm(local.slopes, axis=1), 1e-300)
        room[i] = float((np.abs(local.walls) / size).min())
    radius = np.minimum(room / 3, 0.05 * places.scale)
    wide = radius > 100 * within * places.scale
    points, normals, radius = points[wide], normals[wide], radius[wide]
    if not len(points):
        return points, 0.0
    seen = locate(oracle, points, normals, radius, np.full(len(points), within * places.scale))
    at = points + np.where(seen.kinked, seen.offset, 0.0)[:, None] * normals
    clear = np.count_nonzero(seen.kinked) + np.count_nonzero(seen.straight)
    return at[seen.kinked], float(np.count_nonzero(seen.kinked) / max(int(clear), 1))


def crossings(places: Places, known: Known, wall: Wall, n: int, rng: np.random.Generator) -> Array:
    """Points at which random segments cross a wall, at most n; no queries."""
    found: list[Array] = []
    for _ in range(8):
        starts, ends = places.mixed(2 * n, rng), places.mixed(2 * n, rng)
        low, high = _bracketed(known, wall, starts, ends)
        found.extend(_roots(known, wall, low, high))
        if len(found) >= n:
            break
    return np.array(found[:n]).reshape(-1, places.dim)


def _bracketed(known: Known, wall: Wall, starts: Array, ends: Array) -> tuple[Array, Array]:
    """Pairs of neighbouring samples of segments between which the wall's sign changes: the first
    change of each segment."""
    t = np.linspace(0.0, 1.0, _GRID)[:, None, None]
    samples = starts + t * (ends - starts)
    values = wall.values(known, samples.reshape(-1, starts.shape[1])).reshape(_GRID, -1)
    changes: npt.NDArray[np.bool_] = (values[1:] > 0) != (values[:-1] > 0)
    columns = np.flatnonzero(changes.any(axis=0))
    first = changes[:, columns].argmax(axis=0)
    return samples[first, columns], samples[first + 1, columns]


def _roots(known: Known, wall: Wall, low: Array, high: Array) -> Array:
    """Halving, then one straight step: the wall is our own function, and costs no queries."""
    below = wall.values(known, low) > 0
    for _ in range(30):
        middle = (low + high) / 2
        same = (wall.values(known, middle) > 0) == below
        low, high = np.where(same[:, None], middle, low), np.where(same[:, None], high, middle)
    a, b = wall.values(known, low), wall.values(known, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(a == b, 0.5, a / (a - b))
    return np.asarray(low + share[:, None] * (high - low))
