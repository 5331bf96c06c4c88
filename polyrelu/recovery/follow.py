"""Walls of the next layer, each followed from one witness across the walls of the known layers.

On a piece of the known layers a wall of the next layer is flat, with normal n = theta @ jacobian
for its coefficients theta = (c, L) in the lifted features (:mod:`.lifted`). Where it crosses the
wall of a known neuron with gradient g, continuity leaves its normal behind one unknown number:
n + alpha g. Two kinks beyond the crossing measure it; every crossing that known coefficients
predict costs nothing. The normals of all pieces passed are one linear system for theta.
(Rolnick and Koerding, ICML 2020, follow walls in unlifted inputs, which needs the signs.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .kinks import find_kinks
from .lifted import Known
from .normals import Witness, locate
from .oracle import SAFETY, Oracle
from .places import Places
from .wall import Wall

_SEEN = 1e-4  # a direction is determined if its equation is so far from singular
_DETERMINED = 1e-6  # if so little of a normal is open it is computed, and costs no queries
_FIXED = 1e-9  # so little of a slope may be open where a wall is followed on
_STEPS_EACH = 40  # crossings, for each unknown; most cost no queries
_STEEP = 1e6  # a wall that turns back at a crossing as sharply as that is not followed
_GONE = 2  # crossings before which a wall may be missing: it may be invisible in places
_HOPELESS = 4  # attempts to reach a wall, or to measure behind it
_IDLE = 100  # crossings that tell nothing new, before what is known must do
_GRAZING = 1e-2  # sine of the least angle at which a wall is crossed
_EXACT = 1e-8  # the noise must leave a normal as exact as that behind a crossing
_NEAR = 0.05  # the kinks beyond a crossing: so far behind it, in units of the room there


class _System:
    """The equations theta @ jacobian = normal of the pieces passed."""

    def __init__(self, n: int) -> None:
        self.theta, self.null = np.zeros(n), np.eye(n)

    def add(self, jacobian: Array, normal: Array) -> None:
        """Only what is not determined yet is solved for: most pieces add one equation."""
        left, size, right = np.linalg.svd(self.null.T @ jacobian, full_matrices=True)
        rank = int(np.count_nonzero(size > _SEEN * np.linalg.norm(jacobian)))
        rest = right[:rank] @ (normal - self.theta @ jacobian)
        self.theta = self.theta + self.null @ (left[:, :rank] @ (rest / size[:rank]))
        self.null = self.null @ left[:, rank:]

    def open(self) -> Array:
        """How much of each coefficient is not determined, shape (features,)."""
        return np.asarray(np.linalg.norm(self.null, axis=1))

    def wall(self, features: Array) -> Wall:
        """With the constant that lets it pass through the point with these features."""
        ends = np.concatenate([self.theta[:, None], self.null], axis=1)
        vectors = np.concatenate([ends, -(features @ ends)[None]])
        return Wall(vectors[:, 0], np.linalg.qr(vectors[:, 1:])[0])


class Follower:
    """Follows one wall; see :func:`follow`."""

    def __init__(
        self,
        oracle: Oracle,
        places: Places,
        known: Known,
        system: _System,
        point: Array,
        rng: np.random.Generator,
    ) -> None:
        self.oracle, self.places, self.known, self.rng = oracle, places, known, rng
        self.point, self.system = point, system
        self.local = known.local(point)
        self.normal = system.theta @ self.local.jacobian
        self.gone = 0  # crossings before which it was not there any more
        self.idle = 0  # crossings since the last one that was measured
        self.hopeless: dict[int, int] = {}  # failures to reach a wall, or to measure behind it

    def run(self) -> Wall | None:
        """None where the wall bends at something that is not known: a deeper layer's."""
        for _ in range(_STEPS_EACH * self.known.n_features):
            target = self._target()
            if target is None or self.idle > _IDLE:
                break
            self._walk(*target)
            if self.gone == _GONE:
                return None
        return self.system.wall(self.local.features)

    def _wanted(self) -> npt.NDArray[np.intp]:
        """Walls of known neurons whose crossing may determine more, as indices into all walls."""
        n_top, n_walls = self.known.n_top, len(self.local.walls)
        missing = self.system.open() > 1e-3  # where to look: wrong, it costs queries
        top = n_walls - n_top + np.flatnonzero(missing[:n_top])
        if not self.known.below:
            return top
        n_under = len(missing) - n_top
        under = n_walls - n_top - n_under + np.flatnonzero(missing[n_top:])
        return np.concatenate([top, under])

    def _target(self) -> tuple[int, Array] | None:
        """The wanted wall nearest along this one, and the way to it."""
        wanted = [i for i in self._wanted() if self.hopeless.get(int(i), 0) < _HOPELESS]
        slopes, normal = self.local.slopes[wanted], self.normal
        if not normal.any():  # everything below is off here
            return None
        along = slopes - np.outer(slopes @ normal / (normal @ normal), normal)
        size = np.einsum("ij,ij->i", along, along)
        # Along a wall that is nearly parallel another is too far away to be reached.
        reached = size >= 1e-6 * np.maximum(np.einsum("ij,ij->i", slopes, slopes), 1e-12)
        if not reached.any():
            return None
        tries = np.array([self.hopeless.get(int(i), 0) for i in wanted])
        # The nearest way may lead around in circles, or have something in it: then others.
        other = (tries > 0) | (self.idle > 2)
        luck = np.where(other, self.rng.exponential(size=len(tries)), 1.0)
        values = self.local.walls[wanted]
        with np.errstate(divide="ignore"):
            cost = np.where(reached, np.abs(values) / np.sqrt(size) * (1 + tries) * luck, np.inf)
        k = int(np.argmin(cost))
        way = -values[k] / size[k] * along[k]
        if other[k]:
            way = way + self.rng.exponential() * self._sideways(along[k], np.linalg.norm(way))
        return int(wanted[k]), way

    def _sideways(self, along: Array, size: float | np.floating) -> Array:
        """A random step along the wall and across a direction along it."""
        step = self.rng.normal(size=len(along))
        if len(along) < 3:  # there is no other direction
            return np.zeros(len(along))
        for direction in (self.normal, along):
            step -= (step @ direction) / (direction @ direction) * direction
        return np.asarray(step * (size + 0.1 * self.places.scale) / np.linalg.norm(step))

    def _walk(self, target: int, way: Array) -> None:
        """To the first known wall on the way, and across it."""
        rates = self.local.slopes @ way
        with np.errstate(divide="ignore", invalid="ignore"):
            times = np.where(rates == 0, np.inf, -self.local.walls / rates)
        times[times <= 1e-12] = np.inf  # the wall that it stands on
        wall = int(np.argmin(times))
        if not (times[wall] <= 1 + 1e-9 and self._cross(wall, self.point + times[wall] * way, way)):
            self.hopeless[target] = self.hopeless.get(target, 0) + 1

    def _cross(self, wall: int, at: Array, way: Array) -> bool:
        """Go on behind a crossing; False if it cannot be measured, or leaves the domain."""
        unit = way / np.linalg.norm(way)
        slope = self.local.slopes[wall]
        behind = self.known.local(at, 1e-7 * self.places.scale * unit)
        # the wall's own value at the crossing is 0 but for rounding
        others = np.delete(np.arange(len(behind.walls)), wall)
        sizes = np.linalg.norm(behind.slopes[others], axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            far = np.abs(behind.walls[others]) / sizes
        room = min(float(np.nanmin(far, initial=np.inf)), self.places.scale)
        if room < 1e-7 * self.places.scale or not self.places.holds(at):
            return False
        if abs(slope @ unit) < _GRAZING * np.linalg.norm(slope):
            return False
        across = self.normal - (self.normal @ slope) / (slope @ slope) * slope
        across /= np.linalg.norm(across)
        step = _Crossing(at, unit, slope, across, room)
        missing = np.linalg.norm(self.system.null.T @ behind.jacobian, axis=0).max()
        if missing < _DETERMINED:
            normal = self.system.theta @ behind.jacobian
            point = step.point(self.normal, float((normal - self.normal) @ slope / (slope @ slope)))
            if point is None:
                return False
        else:
            measured = self._measure(step)
            if measured is None:
                self.gone += self._is_gone(step)
                return False
            point, alpha = measured
            normal = self.normal + alpha * slope
            self.idle = -1
        self.idle += 1
        self.point, self.normal = point, normal
        if not 0 < np.linalg.norm(normal) < np.inf:
            return False
        self.local = self.known.local(point)
        if missing >= _DETERMINED:
            self.system.add(self.local.jacobian, normal)
        return True

    def _is_gone(self, step: _Crossing) -> bool:
        """Is the function straight just before a crossing? Then the wall has bent on the way."""
        size = np.linalg.norm(self.normal)
        back = _NEAR * step.room
        before = (step.at - back * step.unit)[None]
        radius = np.array([0.3 * back * abs(step.slope @ step.unit) / np.linalg.norm(step.slope)])
        seen = locate(self.oracle, before, (self.normal / size)[None], radius, 0.1 * radius)
        return bool(seen.straight[0])

    def _measure(self, step: _Crossing) -> tuple[Array, float] | None:
        """A point of the wall behind the crossing, and alpha."""
        for near in (_NEAR, _NEAR / 10, _NEAR / 100):
            ahead = near * step.room
            middle = step.at + ahead * step.unit
            half = 0.5 * step.room * step.across
            kinks = find_kinks(self.oracle, middle[None] - half, middle[None] + half, 9)[0]
            places = kinks.t - 0.5 * step.room
            if not len(places):
                continue
            # the same wall is seen from twice as far at twice the distance
            count = len(places)
            points = step.at + 2 * ahead * step.unit + 2 * places[:, None] * step.across
            inside = np.abs(2 * places) < 0.5 * step.room
            seen = locate(
                self.oracle,
                points,
                np.tile(step.across, (count, 1)),
                np.full(count, 0.1 * ahead),
                np.full(count, 1e-4 * ahead),
            )
            good = np.flatnonzero(seen.kinked & inside)
            if len(good) == 1:
                k = int(good[0])
                rise = (places[k] + seen.offset[k]) / ahead
                per_rise = -(self.normal @ step.across) / (step.slope @ step.unit)
                off = SAFETY * float(self.oracle.noise(points[k])) / np.abs(seen.jump[k]).max()
                change = np.linalg.norm(step.slope) * abs(per_rise) * off / ahead
                if change > _EXACT * np.linalg.norm(self.normal):
                    return None
                return points[k] + seen.offset[k] * step.across, float(rise * per_rise)
            if len(good) > 1:
                return None
        return None


@dataclass(frozen=True)
class _Crossing:
    """Where the followed wall meets a known one.

    Attributes:
        at, unit: the place, and the direction of the walk.
        slope: gradient of the known neuron.
        across: the direction in which the followed wall is looked for; along the known wall.
        room: the distance to the next known wall.
    """

    at: Array
    unit: Array
    slope: Array
    across: Array
    room: float

    def point(self, normal: Array, alpha: float) -> Array | None:
        """A point of the wall with normal + alpha * slope a little way behind."""
        rise = -alpha * (self.slope @ self.unit) / (normal @ self.across)
        if not abs(rise) < _STEEP:
            return None
        ahead = 0.3 * self.room / (1 + abs(float(rise)))
        return np.asarray(self.at + ahead * (self.unit + rise * self.across))


def follow(
    oracle: Oracle, places: Places, known: Known, witness: Witness, rng: np.random.Generator
) -> Wall | None:
    """The coefficients of the wall on which a witness lies, as far as crossings determine them.

    Some 40 queries for each neuron of the top known layer; None if the wall is a deeper layer's.
    """
    system = _System(known.n_features)
    system.add(known.local(witness.point).jacobian, witness.normal)
    return Follower(oracle, places, known, system, witness.point, rng).run()


def follow_on(
    oracle: Oracle,
    places: Places,
    known: Known,
    wall: Wall,
    point: Array,
    rng: np.random.Generator,
) -> Wall | None:
    """More of a wall of which a part is known, from a point on that part."""
    system = _System(known.n_features)
    left, size, _ = np.linalg.svd(wall.null[:-1], full_matrices=False)
    system.theta, system.null = wall.theta, left[:, size > _SEEN]
    if np.linalg.norm(system.null.T @ known.local(point).jacobian) > _FIXED:
        return None
    return Follower(oracle, places, known, system, point, rng).run()
