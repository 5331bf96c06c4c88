"""Rays in the span of the rows: with hundreds of inputs, nearly all that a region's rows need.

Whatever the later layers do, their rows are combinations of the first layer's. Points x + E z, the
columns of E orthonormal vectors of that span in a fixed metric of the box, are therefore enough to
look for points beyond rows, and of as many coordinates as the first layer has walls. Sides of the
box are no rows there: as |(E z)_j| <= |E_j| |z|, a single number tells how long z may be.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular
from scipy.optimize import nnls

from .kernel import TINY
from .meet import ROUNDED_UP, are_beyond_alone, first_met
from .shoot import CENTRING_STEPS, FAR, NEAR_CENTRE, STEPS_WITHOUT_CENTRE, Rows, within

Array = np.ndarray

RIDGE = 2.0**-40  # of the Hessian's diagonal, so that it has a Cholesky factor in float64 too
NEAR_SIDE = 0.25  # of the metric's unit: from there the box's sides are to be reckoned with


@dataclass(frozen=True)
class Span:
    """Directions E z.

    Attributes:
        basis: E, shape (d, k).
        lengths: l2 norms of the rows of E, rounded up.
        centre: a point well inside of the box.
        scale: the metric's unit of each coordinate, that of the box's barrier at the centre.
        push: that barrier's gradient there.
    """

    basis: Array
    lengths: Array
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
        return cls(basis, lengths, centre, scale, below - above)

    @property
    def largest(self) -> float:
        return float(np.abs(self.basis).max(initial=0.0))


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
    def is_near_side(self) -> np.bool_:
        """Is x so near the box's sides that they matter?"""
        return (self._room < NEAR_SIDE * self.span.scale).any()

    def centre(self) -> None:
        """A few damped Newton steps: the rows' barrier, and the box's to second order."""
        span, bounded = self.span, np.isfinite(self._room).all()
        for _ in range(CENTRING_STEPS if bounded else STEPS_WITHOUT_CENTRE):
            box = span.push - (self.x - span.centre) / span.scale**2
            gradient = self.slopes.T @ (1 / self.values) + box @ span.basis
            step = cho_solve(self._factor, gradient, check_finite=False)
            if not self._move(span.basis @ step):
                break
            if float(gradient @ step) < NEAR_CENTRE:
                break

    def _move(self, along: Array) -> bool:
        """Go as far, or most of the way to the first row. Is the point certainly inside?"""
        moved = self.x + min(1.0, 0.7 * self.rows.reach(self.x, along)) * along
        if not (np.isfinite(moved).all() and self.rows.certainly_inside(moved)):
            return False
        self.x = moved
        self._look()
        return True

    def towards(self) -> Array:
        """Steps (columns) towards all rows, in the metric of the barrier."""
        found: Array = cho_solve(self._factor, -self.slopes.T, check_finite=False)
        return found

    def shoot(self, steps: Array) -> Steps:
        """What rays along the steps (columns) meet first, as far as it is certain."""
        if steps.size == 0:
            return Steps(np.zeros(0, dtype=np.int64), np.zeros((len(steps), 0)))
        nothing, rates = np.zeros(0), self.slopes @ steps
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

        With |x| for its largest entry, e for that of E and u for the unit roundoff: the point is off
        by u |x| + (k + 3) u e |z|_1, a slope by (d + 2) u |a| e, and the sums by (d + 2) u |a| |x|
        and (k + 3) u |a| (|x| + e |z|_1). As k <= d, 4 (d + 8) u |a| (|x| + 2 e |z|_1) is more.
        """
        reached = self.span.largest * np.abs(steps).sum(axis=0)
        size: Array = max(1.0, float(np.abs(self.x).max(initial=0.0))) + 2 * reached
        return size

    def _are_in_box(self, steps: Array) -> Array:
        """Which points are certainly in the box?"""
        with np.errstate(divide="ignore"):
            longest = float((self._room / self.span.lengths).min(initial=np.inf))
        inside = ROUNDED_UP * np.sqrt((steps**2).sum(axis=0)) < longest
        for i in np.flatnonzero(~inside).tolist():
            point = self.x + self.span.basis @ steps[:, i]
            inside[i] = (self.rows.low < point).all() and (point < self.rows.high).all()
        return inside

    def nearest_beyond(self, rows: Array) -> Iterator[tuple[Array | None, Array]]:
        """For each given row a step to the nearest point beyond it alone, in the metric of the
        barrier, if there is one; and multipliers that may prove it redundant.

        A least distance problem by non-negative least squares (Lawson and Hanson 1974, chapter 23),
        in the coordinates in which the metric is the unit matrix. The box is left out of account.
        """
        factor, values = self._factor[0], self.values
        forms = solve_triangular(factor, self.slopes.T, lower=True, check_finite=False)
        for r in rows.tolist():
            sign = np.where(np.arange(len(values)) == r, -1.0, 1.0)
            wanted = -0.99 * values
            wanted[r] = 1.01 * values[r]
            system = np.vstack([forms * sign, wanted / values[r]])
            aim = np.zeros(len(system))
            aim[-1] = 1.0
            try:
                found, _ = nnls(system, aim)
            except (RuntimeError, ValueError):  # too many steps; an overflow
                yield None, np.zeros(len(values))
                continue
            rest = system @ found - aim
            multipliers = found / found[r] if found[r] > 0 else found
            step = None
            if rest[-1] < 0:
                whitened = rest[:-1] / -rest[-1] * values[r]
                step = solve_triangular(factor, whitened, lower=True, trans="T", check_finite=False)
            yield step, multipliers
