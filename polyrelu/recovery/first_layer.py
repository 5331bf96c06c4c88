"""The first layer's hyperplanes: the walls that run straight on through the whole domain."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..network import Array
from .kinks import Kinks, find_kinks
from .normals import Located, Witness, locate, witnesses
from .oracle import Oracle
from .places import Places
from .robust import refitted

_TESTS = 12  # places at which a wall's tangent plane must have a kink again
_SHARE = 0.7  # of them, as a rule
_LEAST = 0.25  # of them, where the others are explained
_ENDS = 2  # of the kinks on a tangent plane, that are looked at
_HALVINGS = 18
_AROUND = 17  # samples of each side of a quadrilateral about an end, to begin with
_QUIET = 3  # lines without a new plane before the search ends
_SAME = 1e-6  # a kink so close to a known wall, in units of its gap, is that wall's; so are planes


@dataclass
class Plane:
    """The hyperplane normal . x + offset = 0, normal of length 1.

    Attributes:
        error: how far the points that define it are from it, at most.
        doubt: how far normal and offset may be off for that reason.
        witnesses: how many kinks were seen on it.
    """

    normal: Array
    offset: float
    error: float
    doubt: float
    witnesses: int

    def values(self, x: Array) -> Array:
        return np.asarray(x @ self.normal + self.offset)


@dataclass
class FirstLayer:
    """The planes found, and the witnesses of walls that are none of them."""

    planes: list[Plane] = field(default_factory=list)
    others: list[Witness] = field(default_factory=list)
    unclear: int = 0
    torn: int = 0

    @property
    def rows(self) -> tuple[Array, Array]:
        """Weight and bias, up to each row's sign."""
        return (
            np.array([p.normal for p in self.planes]),
            np.array([p.offset for p in self.planes]),
        )


def find_first_layer(
    oracle: Oracle, places: Places, rng: np.random.Generator, lines: int, layer: FirstLayer
) -> None:
    """Search along random lines, until several in a row show nothing new (at most ``lines``).

    A wall of the first layer is a hyperplane of the input space. A deeper wall bends where it
    crosses one, so its tangent plane shows no kink far away. Per neuron: some 8 d queries.
    """
    quiet = 0
    for _ in range(lines):
        kinks = find_kinks(oracle, *places.segments(1, rng))[0]
        layer.unclear += len(kinks.unclear)
        layer.torn += len(kinks.torn)
        new = np.flatnonzero(~on_planes(layer.planes, kinks))
        found = add_planes(oracle, places, layer, witnesses(oracle, kinks, new, rng), rng)
        quiet = 0 if found else quiet + 1
        if quiet == _QUIET:
            break


def on_planes(planes: list[Plane], kinks: Kinks) -> npt.NDArray[np.bool_]:
    """Which kinks of a segment lie on known planes, and counts them as seen."""
    known = np.zeros(len(kinks.t), dtype=bool)
    for plane in planes:
        near = np.abs(plane.values(kinks.points)) <= _SAME * kinks.gap
        known |= near
        plane.witnesses += int(near.any())
    return known


def add_planes(
    oracle: Oracle,
    places: Places,
    layer: FirstLayer,
    candidates: list[Witness],
    rng: np.random.Generator,
) -> int:
    """Sort witnesses into new planes and others; the number of new planes."""
    found = 0
    for witness in candidates:
        plane = _tested(oracle, places, witness, rng)
        if plane is None:
            layer.others.append(witness)
        elif not any(_same(plane, other) for other in layer.planes):
            layer.planes.append(plane)
            found += 1
    return found


def _same(plane: Plane, other: Plane) -> bool:
    sign = np.sign(plane.normal @ other.normal)
    off = np.linalg.norm(plane.normal - sign * other.normal) + abs(
        plane.offset - sign * other.offset
    )
    return bool(off < max(_SAME, 10 * (plane.doubt + other.doubt)))


def _tested(
    oracle: Oracle, places: Places, witness: Witness, rng: np.random.Generator
) -> Plane | None:
    """The plane through a witness if it has kinks all over, fitted to them; else None."""
    offset = -float(witness.normal @ witness.point)
    at, straight = _on_tangent(oracle, places, witness, _TESTS, rng)
    share = len(at) / max(len(at) + len(straight), 1)
    if share < _LEAST:
        return None
    if share < 1:
        ends = [_kinks_about_end(oracle, places, witness, a, b)
                for a, b in zip(at[:_ENDS], straight[:_ENDS], strict=False)]  # fmt: skip
        if max(ends) > 3 or (share < _SHARE and ends != [3] * len(ends)):
            return None
    d = places.dim
    if len(at) < d + 4:
        more, _ = _on_tangent(oracle, places, witness, d + 8 - len(at), rng)
        at = np.concatenate([at, more])
    if len(at) < d + 1:  # too few to fit a plane to: keep the one by differences
        doubt = witness.error * (1 + float(np.linalg.norm(witness.point)))
        return Plane(witness.normal, offset, witness.error, doubt, len(at) + 1)
    center = at.mean(axis=0)  # about which normal and offset are told apart best
    design = np.concatenate([at - center, np.ones((len(at), 1))], axis=1)
    row = np.append(witness.normal, witness.normal @ center + offset)
    row, good = refitted(design, row)
    row /= np.linalg.norm(row[:-1])
    error = float(np.abs(design[good] @ row).max())
    spread = np.linalg.svd(at - center, compute_uv=False)[d - 2] if d > 1 else np.inf
    turned = error * np.sqrt(len(at)) / spread  # the least of the d directions is across
    doubt = error + turned * (1 + float(np.linalg.norm(center)))
    return Plane(row[:-1], float(row[-1] - row[:-1] @ center), error, doubt, len(at) + 1)


def _on_tangent(
    oracle: Oracle, places: Places, witness: Witness, n: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Kinks next to random points, near and far, of a witness's tangent plane, and those of the
    points at which the function is straight."""
    points = places.mixed(2 * n, rng)
    points -= ((points - witness.point) @ witness.normal)[:, None] * witness.normal
    points = points[places.holds(points)][:n]
    seen = _located(oracle, places, witness, points)
    at = points + np.where(seen.kinked, seen.offset, 0.0)[:, None] * witness.normal
    return at[seen.kinked], points[seen.straight]


def _located(
    oracle: Oracle, places: Places, witness: Witness, points: Array, size: float = np.inf
) -> Located:
    far = places.scale + np.linalg.norm(points - witness.point, axis=1)
    within = 4 * witness.error * far + 10 * oracle.noise(points) / np.abs(witness.jump).max()
    radius = np.maximum(min(0.02 * places.scale, size), 4 * within)
    return locate(oracle, points, np.tile(witness.normal, (len(points), 1)), radius, within)


def _kinks_about_end(
    oracle: Oracle, places: Places, witness: Witness, kinked: Array, straight: Array
) -> int:
    """How many kinks surround the place where those on a tangent plane end; 0 if it is not found.

    In a plane across, there are four where the wall bends: its own two, and those of the plane at
    which it does; but three where it is only invisible from there on, as no neuron above is on: its
    own, and those of the wall behind which that is so.
    """
    way = straight - kinked
    way = way - (way @ witness.normal) * witness.normal
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        room = 0.02 * (high - low) * float(np.linalg.norm(way))
        seen = _located(oracle, places, witness, (kinked + middle * way)[None], room)
        if not (seen.kinked[0] or seen.straight[0]):
            return 0
        low, high = (middle, high) if seen.kinked[0] else (low, middle)
    size = 100 * (high - low) * np.linalg.norm(way)
    along = size * way / np.linalg.norm(way)
    across = size * witness.normal
    # not quite a square: no kink runs through a corner
    corners = np.array([[-1.1, -1.0], [0.9, -1.2], [1.05, 1.15], [-1.0, 1.0]])
    corners = kinked + low * way + corners @ np.stack([along, across])
    around = find_kinks(oracle, corners, np.roll(corners, -1, axis=0), _AROUND)
    return sum(len(k.t) for k in around)
