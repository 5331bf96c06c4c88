"""Points drawn uniformly from a bounded domain, and walks by hit and run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..domain import Box, Domain
from ..errors import DomainError
from ..network import Array, quotient
from ..rational import margin, rows_of
from .sample import positive

TRIALS = 20_000
LEAST_SHARE = 0.002  # of accepted points; below it a walk is cheaper than rejection
WALKERS = 256
THINNING = 10  # steps per coordinate between two points of a walk


def generator(seed: int, *purpose: int) -> np.random.Generator:
    """A random generator; of another purpose, independent of the first with the same seed.

    Raises:
        DomainError: a seed that is no integer of at least 0.
    """
    positive("seed", seed, 0)
    return np.random.default_rng([int(seed), *purpose] if purpose else int(seed))


def float_rows(domain: Domain) -> Array:
    """The domain's inequalities, ``g . (x, 1) >= 0``, in float64, largest entries 1."""
    return _rounded(domain.inequalities(), domain.dim)


def _rounded(rows: Sequence[Sequence[int]], dim: int) -> Array:
    table = [[quotient(v, max(map(abs, g)) or 1) for v in g] for g in rows]
    return np.array(table).reshape(-1, dim + 1)


def inside(rows: Array, x: Array) -> npt.NDArray[np.bool_]:
    """Which points satisfy all rows, in float64."""
    satisfied = np.asarray(x @ rows[:, :-1].T + rows[:, -1]) >= 0
    return np.asarray(satisfied.all(axis=1))


def bounding_box(domain: Domain) -> tuple[Array, Array]:
    """The least box around a domain, infinite where it is unbounded; in float64.

    Raises:
        DomainError: the domain is empty.
    """
    if isinstance(domain, Box):
        return domain.low, domain.high
    domain.chart()  # raises if it is empty
    return _bounds(float_rows(domain))


def _bounds(rows: Array) -> tuple[Array, Array]:
    from scipy.optimize import linprog

    dim = rows.shape[1] - 1
    ends = np.empty((2, dim))
    for axis in range(dim):
        for k, sign in enumerate((1.0, -1.0)):
            cost = np.zeros(dim)
            cost[axis] = sign
            found = linprog(cost, A_ub=-rows[:, :-1], b_ub=rows[:, -1], bounds=(None, None))
            ends[k, axis] = sign * found.fun if found.status == 0 else -sign * np.inf
    return ends[0], ends[1]


def between(box: Box, share: Array) -> Array:
    """The points at shares of a box's sides, shape (n, dim); rounding does not leave the box."""
    x: Array = np.clip(box.low * (1 - share) + box.high * share, box.low, box.high)
    return x


class Uniform:
    """Uniform points of a bounded domain.

    Attributes:
        independent: False if they come from a walk.

    Raises:
        DomainError: the domain is empty or unbounded.
    """

    def __init__(self, domain: Domain, rng: np.random.Generator) -> None:
        chart = domain.chart()
        self._rng = rng
        self._box = domain if isinstance(domain, Box) else None
        matrix = rows_of(chart.matrix)
        self._chart = np.array([[quotient(v, matrix[-1][-1]) for v in row] for row in matrix[:-1]])
        self._rows = _rounded(chart.constraints, chart.dim)
        self._low, self._high = (
            (-np.ones(chart.dim), np.ones(chart.dim)) if self._box else _bounds(self._rows)
        )
        if not np.isfinite([self._low, self._high]).all():
            raise DomainError(f"there is no uniform distribution on {domain!r}: it is unbounded")
        self._walk: Array | None = None
        if self._box is None and not self._accepted(TRIALS)[1] >= LEAST_SHARE:
            self._walk = np.tile(np.array(margin(list(map(list, chart.constraints))).point, float),
                                 (WALKERS, 1))  # fmt: skip
            self._advance(20)

    @property
    def independent(self) -> bool:
        return self._walk is None

    def draw(self, n: int) -> Array:
        """At most n points, shape (m, dim), at least one."""
        if self._box is not None:
            share = self._rng.random((n, self._box.dim))
            return between(self._box, share)
        if self._walk is not None:
            self._advance(THINNING)
            return self._outside(self._walk[:n])
        while True:
            y, accepted = self._accepted(n)
            if accepted > 0:
                return self._outside(y)

    def take(self, n: int) -> Array:
        """n points, shape (n, dim)."""
        parts = [self.draw(n)]
        while (left := n - sum(map(len, parts))) > 0:
            parts.append(self.draw(left))
        return np.concatenate(parts)

    def _accepted(self, n: int) -> tuple[Array, float]:
        y = self._rng.uniform(self._low, self._high, size=(n, len(self._low)))
        y = y[inside(self._rows, y)]
        return y, len(y) / n

    def _outside(self, y: Array) -> Array:
        """From coordinates of the chart to the domain's."""
        x: Array = y @ self._chart[:, :-1].T + self._chart[:, -1]
        return x

    def _advance(self, per_coordinate: int) -> None:
        assert self._walk is not None
        steps = per_coordinate * max(1, self._walk.shape[1])
        self._walk = hit_and_run(self._rows, self._walk, steps, self._rng)


def full_dimensional(domain: Domain) -> None:
    """Raises a DomainError if a domain is flat: directions of its hull are not drawn."""
    if domain.chart().dim < domain.dim:
        raise DomainError(f"random directions need a full-dimensional domain, not {domain!r}")


def hit_and_run(rows: Array, x: Array, steps: int, rng: np.random.Generator) -> Array:
    """Walk inside of a polytope: each step goes to a uniform point of a random chord.

    Args:
        rows: ``g . (x, 1) >= 0``, shape (m, d + 1); the polytope is bounded.
        x: starting points inside, shape (n, d), one for each walker.
        steps: how many; of the order of (d length / width)^2 forget the start (Lovász, "Hit-and-run
            mixes fast", 1999).

    Returns:
        Where the walkers are, shape (n, d).
    """
    normals, offsets = rows[:, :-1], rows[:, -1]
    for _ in range(steps):
        u = directions(len(x), x.shape[1], rng)
        low, high = chord(x @ normals.T + offsets, u @ normals.T)
        t = low + (high - low) * rng.random(len(x))
        x = x + t[:, None] * u
    return x


def directions(n: int, dim: int, rng: np.random.Generator) -> Array:
    """Uniform on the unit sphere, shape (n, dim)."""
    u = rng.normal(size=(n, dim))
    lengths: Array = np.linalg.norm(u, axis=1, keepdims=True)
    unit: Array = u / np.where(lengths > 0, lengths, 1.0)
    return unit


def chord(slack: Array, speed: Array) -> tuple[Array, Array]:
    """Where lines enter and leave a polytope: the greatest t <= 0 and the least t >= 0 at which one
    of the rows, that are ``slack + t speed``, shape (n, m), vanishes; infinite if none does."""
    with np.errstate(all="ignore"):  # what overflows is never the nearest
        t = -np.maximum(slack, 0.0) / speed
    low = np.where(speed > 0, t, -np.inf).max(axis=1, initial=-np.inf)
    high = np.where(speed < 0, t, np.inf).min(axis=1, initial=np.inf)
    return low, high
