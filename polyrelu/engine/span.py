"""Rays in the span of the rows: with hundreds of inputs, nearly all that a region's rows need.

Whatever the later layers do, their rows are combinations of the first layer's. Points x + E z, the
columns of E orthonormal vectors of that span in a fixed metric of the box, are therefore enough to
look for points beyond rows, and of as many coordinates as the first layer has walls. Sides of the
box are no rows there: as |(E z)_j| <= |E_j| |z|, a single number tells how long z may be.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from .kernel.names import TINY
from .meet import ROUNDED_UP, are_beyond_alone, are_beyond_bound_alone, first_met, nearest_beyond
from .shoot import CENTRING_STEPS, FAR, NEAR_CENTRE, STEPS_WITHOUT_CENTRE, Rows, within

Array = np.ndarray

RIDGE = 2.0**-40  # of the Hessian's diagonal, so that it has a Cholesky factor in float64 too
MARGIN, LEAST_MARGIN = 2.0**-7, 2.0**-16  # of values; the larger hides what is nearly redundant
ROUNDS, MOST_SIDES = 4, 32  # of nearest points: with more sides of the box each time, up to a few
NEAR_SIDE = 0.25  # of the metric's unit: from there the box's sides are to be reckoned with


@dataclass(frozen=True)
class Span:
    """Directions E z.

    Attributes:
        basis: E, shape (d, k).
        lengths: l2 norms of the rows of E, rounded up; ``largest``: of its entries.
        centre: a point well inside of the box.
        scale: the metric's unit of each coordinate, that of the box's barrier at the centre.
        push: that barrier's gradient there.
    """

    basis: Array
    lengths: Array
    largest: float
    centre: Array
    scale: Array
    push: Array

    @classmethod
    def of(cls, A: Array, low: Array, high: Array, centre: Array) -> Span | None:
        """Of the rows of A; None if it is beyond float64."""
        low, high = within(FAR, centre, low, high)
        with np.errstate(all="ignore"):
            below, above = 1 / (centre - low), 1 / (high - centre)
            scale = (below**2 + above**2) ** -0.5
            scaled = A.T * scale[:, None]
            if not (np.isfinite(scaled).all() and np.isfinite(scale).all()):
                return None
            n, d = A.shape
            columns = np.linalg.qr(scaled).Q if n < d else np.eye(d)
            basis = np.ascontiguousarray(columns * scale[:, None])
            lengths = ROUNDED_UP * np.sqrt((basis**2).sum(axis=1)) + TINY
            largest = float(np.abs(basis).max(initial=0.0))
        return cls(basis, lengths, largest, centre, scale, below - above)


class Steps(NamedTuple):
    """Rows, and for each a step z (column) to a point beyond it alone."""

    row: Array
    step: Array


class Step(NamedTuple):
    """To the point x + E z."""

    basis: Array
    z: Array

    def end(self, x: Array) -> Array:
        point: Array = x + self.basis @ self.z
        return point


class SpannedRows:
    """A region's rows around an interior point x, along the span.

    Attributes:
        x: where rays start.
        slopes: A E.
    """

    def __init__(self, rows: Rows, span: Span, slopes: Array, x: Array) -> None:
        self.rows, self.span, self.slopes, self.x = rows, span, slopes, x
        self._look()

    def _look(self) -> None:
        rows, x = self.rows, self.x
        self.values = rows.A @ x + rows.b
        self._room = np.minimum(x - rows.low, rows.high - x)
        scaled = self.slopes / self.values[:, None]
        hessian = scaled.T @ scaled
        if not np.isfinite(hessian).all():
            hessian = np.zeros_like(hessian)
        diagonal = np.diag_indices(len(hessian))
        hessian[diagonal] += 1.0 + RIDGE * hessian[diagonal].max(initial=0.0)
        self._factor = cho_factor(hessian, overwrite_a=True, check_finite=False, lower=True)

    @property
    def is_near_side(self) -> bool:
        """Is x so near the box's sides that they matter?"""
        return bool((self._room < NEAR_SIDE * self.span.scale).any())

    def centre(self) -> None:
        """A few damped Newton steps: the rows' barrier, and the box's to second order."""
        bounded = np.isfinite(self._room).all()
        for _ in range(CENTRING_STEPS if bounded else STEPS_WITHOUT_CENTRE):
            step, decrement = self._newton_step()
            if decrement < NEAR_CENTRE or not self._move(step):
                break

    def _newton_step(self) -> tuple[Array, float]:
        """In all coordinates, and its squared decrement."""
        span = self.span
        box = span.push - (self.x - span.centre) / span.scale**2
        gradient = self.slopes.T @ (1 / self.values) + box @ span.basis
        step = cho_solve(self._factor, gradient, check_finite=False)
        return span.basis @ step, float(gradient @ step)

    def escapes(self) -> bool:
        """Is the region certainly unbounded, along the next Newton step?"""
        return self.rows.escapes(self._newton_step()[0])

    def _move(self, along: Array) -> bool:
        """Go as far, or most of the way to the first row. Is the point certainly inside?"""
        moved = self.x + min(1.0, 0.7 * self.rows.reach(self.x, along)) * along
        if not (np.isfinite(moved).all() and self.rows.certainly_inside(moved)):
            return False
        self.x = moved
        self._look()
        return True

    def metric(self, normals: Array) -> Array:
        """The inverse Hessian of the barrier, the box's to second order, times columns.

        All rows are in the span, A' = D E R' with D the box's Hessian and R the slopes. So
        (D + A' V A)^-1 = D^-1 - E (1 - (1 + R' V R)^-1) E'.
        """
        along = normals.T @ self.span.basis
        kept = along.T - cho_solve(self._factor, along.T, check_finite=False)
        found: Array = self.span.scale[:, None] ** 2 * normals - self.span.basis @ kept
        return found

    @cached_property
    def towards(self) -> Array:
        """Steps (columns) towards all rows, in the metric of the barrier."""
        found: Array = cho_solve(self._factor, -self.slopes.T, check_finite=False)
        return found

    @cached_property
    def _rates(self) -> Array:
        rates: Array = self.slopes @ self.towards
        return rates

    def shoot(self, steps: Array) -> Steps:
        """What rays along the steps (columns) meet first, as far as it is certain."""
        if steps.size == 0:
            return Steps(np.zeros(0, dtype=np.int64), np.zeros((len(steps), 0)))
        nothing = np.zeros(0)
        rates = self._rates if steps is self.towards else self.slopes @ steps
        row, first, second = first_met(
            self.values, rates, nothing, nothing, np.zeros((0, steps.shape[1]))
        )
        with np.errstate(invalid="ignore"):
            t = first + np.minimum(second - first, first) / 64
            reached = t * steps
        values = self.values[:, None] + t * rates
        sure = are_beyond_alone(values, self.rows.relative, self._size(reached), row)
        sure[sure] = self._are_in_box(reached[:, sure])
        return Steps(row[sure], reached[:, sure])

    def _size(self, steps: Array) -> Array:
        """The size that bounds the error of ``values + slopes z`` at the float64 point x + E z.

        With |x| for its largest entry, e for that of E and u for the unit roundoff, the point is
        off by u |x| + (k + 3) u e |z|_1, a slope by (d + 2) u |a| e, and the sums by
        (d + 2) u |a| |x| and (k + 3) u |a| (|x| + e |z|_1). As k <= d, all this is less than
        4 (d + 8) u |a| (|x| + 2 e |z|_1).
        """
        reached = self.span.largest * np.abs(steps).sum(axis=0)
        size: Array = max(1.0, float(np.abs(self.x).max(initial=0.0))) + 2 * reached
        return size

    def _are_in_box(self, steps: Array) -> Array:
        """Which points are certainly in the box?"""
        with np.errstate(divide="ignore"):
            longest = float((self._room / self.span.lengths).min(initial=np.inf))
        inside: Array = ROUNDED_UP * np.sqrt((steps**2).sum(axis=0)) < longest
        if not inside.all():
            points = self.x[:, None] + self.span.basis @ steps[:, ~inside]
            nowhere = np.full(points.shape[1], -1)
            inside[~inside] = are_beyond_bound_alone(points, self.rows.low, self.rows.high, nowhere)
        return inside

    def nearest_beyond(self, asked: Array) -> tuple[Array, Array]:
        """For each row asked about a step (column; 0 if there is none) to the nearest point beyond
        it alone, in the metric of the barrier, and multipliers (row) that may prove it redundant.

        The box is left out of account.
        """
        weights, multipliers = nearest_beyond(-self._rates, self.values, asked, MARGIN)
        return self.towards @ weights.T, multipliers

    def nearest_in_box(self, asked: Array) -> tuple[Array, Array]:
        """The same with those sides of the box as rows that a point was found to be beyond of.
        These are not in the span: the first result is in all coordinates.
        """
        rows, x, m = self.rows, self.x, self.rows.m
        ahead, multipliers = np.zeros((len(x), len(asked))), np.zeros((len(asked), m))
        bounds, left = np.zeros(0, dtype=np.int64), np.arange(len(asked))
        for _ in range(ROUNDS):
            inner, values, towards = self._with_bounds(bounds)
            weights, found = nearest_beyond(inner, values, asked[left], LEAST_MARGIN)
            multipliers[left] = found[:, :m]
            ahead[:, left] = self.span.basis @ (self.towards @ weights[:, :m].T)
            ahead[:, left] += towards @ weights[:, m:].T
            points = x[:, None] + ahead[:, left]
            out = np.concatenate([points <= rows.low[:, None], points >= rows.high[:, None]])
            sides = out.sum(axis=0)
            again = (sides > 0) & (sides <= MOST_SIDES)
            left, more = left[again], np.flatnonzero(out[:, again].any(axis=1))
            bounds = np.union1d(bounds, m + more)
            if not len(left) or len(bounds) > MOST_SIDES:
                break
        return ahead, multipliers

    def _with_bounds(self, bounds: Array) -> tuple[Array, Array, Array]:
        """Inner products of the rows and of some bounds, their values, and directions (columns)
        towards the bounds."""
        rows, m, n = self.rows, self.rows.m, self.rows.m + len(bounds)
        normals = rows.normals(bounds)
        towards = -self.metric(normals)
        inner = np.empty((n, n))
        inner[:m, :m] = -self._rates
        inner[m:, m:] = -normals.T @ towards
        inner[m:, :m] = -(normals.T @ self.span.basis) @ self.towards
        inner[:m, m:] = inner[m:, :m].T
        room = np.concatenate([self.x - rows.low, rows.high - self.x])
        return inner, np.concatenate([self.values, room[bounds - m]]), towards
