"""Facets of a region with many walls in many dimensions, by shooting rays from inside it.

A row is a facet iff some point is beyond it and inside of all other rows: the point where a
ray leaves the region, moved on by a little, is one if float64 is certain of all signs there.
Good rays come from the interior point's *Dikin ellipsoid*, the ball of the metric H of the
logarithmic barrier: towards row a the ray runs along -H^-1 a. In hundreds of dimensions nearly
all facets are found so (Dikin 1967; Boyd and Vandenberghe, Convex Optimization, 8.5.3).

Nothing here decides that a row is not a facet but :meth:`Rows.is_redundant`, by a dual solution.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from math import inf

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.optimize import linprog

from .interior import Iterate, iterates
from .kernel.names import TINY, UNIT
from .meet import ROUNDED_UP, are_beyond_alone, are_beyond_bound_alone, first_met, met_along_axes

Array = np.ndarray

CENTRING_STEPS, NEAR_CENTRE = 20, 1.0  # of the squared Newton decrement
STEPS_WITHOUT_CENTRE = 3  # an unbounded region has none
FAR = 2.0**10


@dataclass(frozen=True)
class Hits:
    """What some rays met first: row[i], with a point certainly beyond it alone, ``point[:, i]``."""

    row: Array
    point: Array


@dataclass(frozen=True)
class Rows:
    """``A x + b > 0`` and ``low < x < high``, float64 with bounds on the errors of A and b.

    Row i < m is row i of A; row m + j is the lower bound of coordinate j, row m + d + j the upper.

    Attributes:
        norm, error: of each row of A with its constant: the l1 norm, and a bound on its error.
        low, high: exact; infinite where there is none.
    """

    A: Array
    b: Array
    norm: Array
    error: Array
    low: Array
    high: Array

    @property
    def m(self) -> int:
        return len(self.b)

    @property
    def bounds(self) -> Array:
        """The rows that are bounds."""
        d = len(self.low)
        finite = np.concatenate([np.isfinite(self.low), np.isfinite(self.high)])
        return self.m + np.flatnonzero(finite) if d else np.zeros(0, dtype=np.int64)

    @cached_property
    def relative(self) -> Array:
        """The part of :meth:`uncertainty` that grows with the point."""
        part: Array = 4.0 * (len(self.low) + 8) * UNIT * self.norm + self.error
        return part

    def uncertainty(self, x: Array) -> Array:
        """How far computed values of the rows at points (columns) may be from the true ones."""
        size = np.maximum(1.0, np.abs(x).max(axis=0, initial=0.0))
        unsure: Array = ROUNDED_UP * self.relative[:, None] * size + TINY
        return unsure

    def certainly_inside(self, x: Array) -> bool:
        with np.errstate(all="ignore"):  # what overflows is not certain
            values = self.A @ x + self.b
            certain = (values > self.uncertainty(x[:, None])[:, 0]).all()
        return bool(certain and (self.low < x).all() and (x < self.high).all())

    def escapes(self, direction: Array) -> bool:
        """Does certainly every ray along the direction stay inside that starts there?"""
        longest = float(np.abs(direction).max(initial=0.0))
        if not 0 < longest < inf:
            return False
        unit = direction / longest
        certain = (self.A @ unit > self.uncertainty(unit[:, None])[:, 0]).all()
        open_ends = (np.isinf(self.low) | (unit >= 0)) & (np.isinf(self.high) | (unit <= 0))
        return bool(certain and open_ends.all())

    # -- interior points ---------------------------------------------------------------------

    def carried_on(self, start: Array, x: Array) -> Array:
        """Further on from ``start`` beyond an interior point x, half way to the next row."""
        along = x - start
        further: Array = x + 0.5 * min(1.0, self.reach(x, along)) * along
        return further if self.certainly_inside(further) else x

    def centred(self, x: Array, near: float = NEAR_CENTRE) -> Array:
        """A few damped Newton steps towards the analytic centre, from an interior point."""
        bounded = np.isfinite(self.low).all() and np.isfinite(self.high).all()
        for _ in range(CENTRING_STEPS if bounded else STEPS_WITHOUT_CENTRE):
            values = self.A @ x + self.b
            with np.errstate(divide="ignore"):
                gradient = self.A.T @ (1 / values) + 1 / (x - self.low) - 1 / (self.high - x)
            step = self.metric(x)(gradient[:, None])[:, 0]
            moved = x + min(1.0, 0.7 * self.reach(x, step)) * step
            if not (np.isfinite(moved).all() and self.certainly_inside(moved)):
                break
            x = moved
            if float(gradient @ step) < near:
                break
        return x

    def metric(self, x: Array) -> Callable[[Array], Array]:
        """The inverse Hessian of the barrier at x, as a function of columns."""
        values, diagonal = self._barrier(x)
        m, d = self.A.shape
        if m < d and (diagonal > 0).all():
            scaled = self.A / diagonal  # Woodbury: a system of the rows' number
            inner = scaled @ self.A.T
            inner[np.diag_indices(m)] += values**2
            return lambda v: v / diagonal[:, None] - scaled.T @ _solve(inner, scaled @ v)
        hessian = (self.A / values[:, None] ** 2).T @ self.A
        hessian[np.diag_indices(d)] += diagonal
        return lambda v: _solve(hessian, v)

    def _barrier(self, x: Array) -> tuple[Array, Array]:
        """The rows' values, and what the bounds add to the Hessian's diagonal."""
        diagonal = 1 / (x - self.low) ** 2 + 1 / (self.high - x) ** 2
        return self.A @ x + self.b, diagonal

    # -- rays --------------------------------------------------------------------------------

    def reach(self, x: Array, direction: Array) -> float:
        """How far a ray from x may go before it meets a row, about; infinite if it never does."""
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            falls = np.concatenate(
                [
                    (self.A @ direction) / -(self.A @ x + self.b),
                    direction / (self.low - x),
                    direction / (self.high - x),
                ]
            )
        fastest = float(falls.max(initial=0.0))
        return 1 / fastest if fastest > 0 else inf

    def shoot(self, x: Array, directions: Array) -> Hits:
        """What rays (columns) from x meet first, as far as it is certain."""
        if directions.size == 0:
            return Hits(np.zeros(0, dtype=np.int64), np.zeros((len(x), 0)))
        directions = np.ascontiguousarray(directions)
        row, first, second = self._first_met(x, directions)
        with np.errstate(invalid="ignore"):
            point = x[:, None] + (first + np.minimum(second - first, first) / 64) * directions
        values = self.A @ point + self.b[:, None]
        size = np.maximum(1.0, np.abs(point).max(axis=0))
        sure = are_beyond_alone(values, self.relative, size, row)
        sure &= are_beyond_bound_alone(point, self.low, self.high, row - self.m)
        return Hits(row[sure], point[:, sure])

    def shoot_along_axes(self, x: Array, inwards_of: Callable[[Array], Array]) -> Array:
        """Bounds that are met along their own axes: no product of matrices is needed.

        Where a row is in the way, from a point further inside of it.

        Args:
            inwards_of: of rows the directions (columns) that lead further inside of them.
        """
        first = np.where(np.isfinite(np.concatenate([self.low, self.high])), 0, -1)
        met, blocker = self._met_along_axes(x[None], first)
        if (blocker >= 0).any():
            used, which = np.unique(blocker, return_inverse=True)
            inwards = self._drawn_in(x, inwards_of(used))
            inside = np.array([self.certainly_inside(p) for p in inwards])
            which = np.where((blocker >= 0) & inside[which], which, -1)
            met |= self._met_along_axes(inwards, which)[0]
        return self.m + np.flatnonzero(met)

    def _met_along_axes(self, starts: Array, which: Array) -> tuple[Array, Array]:
        values = starts @ self.A.T + self.b
        columns = np.ascontiguousarray(self.A.T)
        found: tuple[Array, Array] = met_along_axes(
            columns, starts, values, which, self.relative, self.low, self.high
        )
        return found

    def _drawn_in(self, x: Array, directions: Array) -> Array:
        """Points (rows) half way to the first row that is met."""
        directions = np.ascontiguousarray(directions)
        _, first, _ = self._first_met(x, directions)
        drawn: Array = x + 0.5 * np.where(np.isfinite(first), first, 0.0)[:, None] * directions.T
        return np.ascontiguousarray(drawn)

    def _first_met(self, x: Array, directions: Array) -> tuple[Array, Array, Array]:
        values, slopes = self.A @ x + self.b, self.A @ directions
        met: tuple[Array, Array, Array] = first_met(
            values, slopes, x - self.low, self.high - x, directions
        )
        return met

    def normals(self, bounds: Array) -> Array:
        """Of rows that are bounds, as columns."""
        d = len(self.low)
        normals = np.zeros((d, len(bounds)))
        axis = bounds - self.m
        normals[axis % d, np.arange(len(bounds))] = np.where(axis < d, 1.0, -1.0)
        return normals

    # -- proofs that there is no facet -------------------------------------------------------

    def target(self, r: int) -> tuple[Array, float, float, float, Array, Array]:
        """Row r as (a, b, norm, error), and the bounds without it: one further out, which no
        region with a point inside reaches if it does not reach row r."""
        if r < self.m:
            return self.A[r], self.b[r], self.norm[r], self.error[r], self.low, self.high
        d = len(self.low)
        j, upper = (r - self.m) % d, r >= self.m + d
        low, high, normal = self.low.copy(), self.high.copy(), np.zeros(d)
        normal[j] = -1.0 if upper else 1.0
        constant = float(self.high[j] if upper else -self.low[j])
        if upper:
            high[j] += 1.0
        else:
            low[j] -= 1.0
        return normal, constant, 1.0 + abs(constant), 0.0, low, high

    def is_redundant(self, r: int, multipliers: Array) -> bool:
        """Is row r certainly positive where all others are, by some multipliers >= 0 of these?

        What they leave of the row is charged with the bounds (Neumaier and Shcherbina 2004).
        """
        a, b, norm, error, low, high = self.target(r)
        y = np.where(np.arange(self.m) == r, 0.0, np.maximum(multipliers, 0.0))
        rest = a - y @ self.A
        with np.errstate(invalid="ignore"):
            least = np.minimum(rest * low, rest * high).sum() + b - y @ self.b
        size = max(1.0, float(np.abs([low, high]).max(initial=0.0)))
        rounding = 4.0 * (sum(self.A.shape) + 8) * UNIT * (norm + y @ self.norm)
        error += y @ self.error + rounding
        return bool(least > ROUNDED_UP * error * size + TINY)

    def towards_least(self, r: int, x: Array) -> Iterator[Iterate]:
        """Points and multipliers, neither certain, of where row r is least while the others are
        positive; where there are no bounds, around x."""
        a, b, _, _, low, high = self.target(r)
        low, high = within(FAR, x, low, high)
        others = np.arange(self.m) != r
        for found in iterates((a, b), self.A[others], self.b[others], low, high, x):
            multipliers = np.zeros(self.m)
            multipliers[others] = found.multipliers
            yield found._replace(multipliers=multipliers)

    def minimise(self, r: int, x: Array) -> tuple[Array | None, Array]:
        """A point where row r is least while the others are positive, if it is negative there,
        and multipliers of the rows. Not certain: HiGHS computes with tolerances, and where
        there are no bounds it looks around x only."""
        a, b, _, _, low, high = self.target(r)
        low, high = within(FAR, x, low, high)
        others = np.arange(self.m) != r
        multipliers = np.zeros(self.m)
        if not all(np.isfinite(v).all() for v in (self.A, self.b, low, high)):
            return None, multipliers
        found = linprog(a, -self.A[others], self.b[others], bounds=np.stack([low, high], axis=1))
        if found.status != 0:
            return None, multipliers
        multipliers[others] = -found.ineqlin.marginals
        return (found.x if found.fun + b < 0 else None), multipliers


def within(factor: float, x: Array, low: Array, high: Array) -> tuple[Array, Array]:
    """The bounds, no further out than some multiple of the size of x."""
    far = factor * max(1.0, float(np.abs(x).max(initial=0.0)))
    return np.maximum(low, -far), np.minimum(high, far)


def _solve(matrix: Array, columns: Array) -> Array:
    """Nearly, or least squares; NaN where that is beyond float64."""
    found: Array = np.full(columns.shape, np.nan)
    if np.isfinite(matrix).all() and np.isfinite(columns).all():
        try:
            found = cho_solve(cho_factor(matrix, check_finite=False), columns)
        except LinAlgError:
            with contextlib.suppress(LinAlgError):
                found = np.linalg.lstsq(matrix, columns, rcond=None)[0]
    return found
