"""The next layer's walls out of a pool of witnesses: followed, confirmed far away, fitted again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..network import Array
from .follow import follow
from .lifted import Known
from .normals import Witness, locate
from .oracle import Oracle
from .partial import joined_all, kept_sides, row_of, wall_of
from .places import Places
from .robust import refitted
from .wall import Wall, merged, roots

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
        side: shape (n_top,): 0, but where no wall shows the weight on a neuron below: the sign that
            this one keeps where that one is on.
    """

    wall: Wall
    residual: float
    points: Array
    side: Array


@dataclass
class NextLayer:
    """The neurons found on a known layer.

    Attributes:
        whole: those with all their weights.
        loose: those with weights that no wall shows, once the signs below are known.
        partial: walls that met too few of the known ones.
        others: witnesses that nothing found explains: a deeper layer's, or those of `partial`.
    """

    known: Known
    whole: list[Neuron] = field(default_factory=list)
    loose: list[Neuron] = field(default_factory=list)
    partial: list[Wall] = field(default_factory=list)
    others: list[Witness] = field(default_factory=list)

    @property
    def neurons(self) -> list[Neuron]:
        return [*self.whole, *self.loose]

    @property
    def vectors(self) -> Array:
        """Of every wall, shape (neurons, features + 1)."""
        vectors = np.array([n.wall.vector for n in self.neurons])
        return vectors.reshape(-1, self.known.n_features + 1)

    def values(self, x: Array) -> Array:
        """Of every wall, shape (n, neurons)."""
        vectors = self.vectors
        return np.asarray(self.known.features(x) @ vectors[:, :-1].T + vectors[:, -1])

    def has(self, wall: Wall) -> bool:
        """May it be, or be a part of, a wall that is found?"""
        return any(merged(wall, n.wall) is not None for n in self.whole)

    def explains(self, witness: Witness) -> bool:
        """Does a witness lie on a wall that is found?"""
        if not self.neurons:
            return False
        normals = self.vectors[:, :-1] @ self.known.local(witness.point).jacobian
        sizes = np.linalg.norm(normals, axis=1)
        values = np.abs(self.values(witness.point[None])[0])
        near = values <= _NEAR * sizes * (1 + np.linalg.norm(witness.point))
        return bool(np.any(near & (sizes - np.abs(normals @ witness.normal) <= _ALONG * sizes)))


def extend(
    oracle: Oracle,
    places: Places,
    layer: NextLayer,
    pool: list[Witness],
    rng: np.random.Generator,
) -> int:
    """Add to a layer the neurons whose walls pass through witnesses of a pool; how many are new.

    What is followed in vain stays in `layer.others`.
    """
    before = len(layer.whole)
    for witness in sorted(pool, key=lambda w: w.error):
        if layer.explains(witness):
            continue
        wall = follow(oracle, places, layer.known, witness, rng)
        if wall is None or not add_wall(oracle, places, layer, wall, rng):
            layer.others.append(witness)
    layer.others = [w for w in layer.others if not layer.explains(w)]
    return len(layer.whole) - before


def add_wall(
    oracle: Oracle,
    places: Places,
    layer: NextLayer,
    wall: Wall,
    rng: np.random.Generator,
) -> bool:
    """Add the neuron of a wall, if it is one of this layer's; else keep what is known of it. What
    the outputs show takes the place of the same wall by kinks, which must have been inexact."""
    if wall.shown:
        layer.whole = [n for n in layer.whole if merged(wall, n.wall) is None]
    elif layer.has(wall):
        return False
    apart = []
    for other in layer.partial:
        both = merged(other, wall)
        if both is None:
            apart.append(other)
        else:
            wall = both
    layer.partial = apart
    if not wall.full:
        layer.partial.append(wall)
        return False
    neuron = _confirmed(oracle, places, layer.known, wall, rng)
    if neuron is None or layer.has(neuron.wall):
        return False
    layer.whole.append(neuron)
    layer.partial = [w for w in layer.partial if merged(w, neuron.wall) is None]
    return True


def complete(
    oracle: Oracle,
    places: Places,
    layer: NextLayer,
    signs: Array,
    rng: np.random.Generator,
) -> None:
    """Finish walls that met too few known ones, once the signs below are known. Weights on neurons
    that are off all along a wall stay loose."""
    known, layer.loose = layer.known, []
    rows = [row_of(known, wall, signs) for wall in layer.partial]
    for row in joined_all([row for row in rows if row is not None]):
        wall = wall_of(known, row, signs)
        if not row.loose.any():
            add_wall(oracle, places, layer, wall, rng)
            continue
        off = np.where(row.loose, signs, 0.0)
        at, share = _kinks_on(oracle, places, known, wall, _TESTS, 1e-5, rng, off)
        if row.shown or share >= _SHARE:
            side = kept_sides(places, known, wall, row, signs, rng)
            layer.loose.append(Neuron(wall, _residual(known, wall, at), at, side))


def _confirmed(
    oracle: Oracle,
    places: Places,
    known: Known,
    wall: Wall,
    rng: np.random.Generator,
) -> Neuron | None:
    """The wall fitted to kinks all over it, or None if it does not have them."""
    at, share = _kinks_on(oracle, places, known, wall, _TESTS, 1e-5, rng)
    if wall.shown:
        return Neuron(wall, _residual(known, wall, at), at, np.zeros(known.n_top))
    if share < _SHARE:
        return None
    need = known.n_features + 10 - len(at)
    if need > 0:
        more, _ = _kinks_on(oracle, places, known, wall, need, 1e-6, rng)
        at = np.concatenate([at, more])
    design = np.concatenate([known.features(at), np.ones((len(at), 1))], axis=1)
    weight = 1 / _gradient_sizes(known, wall, at)
    row, good = refitted(design * weight[:, None], wall.vector)
    fitted = replace(wall, vector=row)
    return Neuron(fitted, _residual(known, fitted, at[good]), at[good], np.zeros(known.n_top))


def _residual(known: Known, wall: Wall, at: Array) -> float:
    off = wall.values(known, at) / _gradient_sizes(known, wall, at)
    return float(np.abs(off).max(initial=0.0))


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
    off: Array | None = None,
) -> tuple[Array, float]:
    """Kinks at random places of a wall, and their share of the places that were clear; with `off`,
    only where the pre-activations of the top layer, times this, are not positive."""
    points = crossings(places, known, wall, n, rng)
    if off is not None:
        points = points[np.all(off * known.pre_activations(points) <= 0, axis=1)]
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
        found.extend(roots(known, wall, low, high))
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
