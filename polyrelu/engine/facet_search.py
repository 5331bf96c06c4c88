"""What a search outward knows of a region: which rows are facets; and of the domain: its rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import isfinite, isinf

import numpy as np

from ..network import quotient
from ..rational import margin
from .compiled import Compiled
from .ray import Point
from .shoot import Hits, Rows
from .span import SpannedRows, Step, Steps


class FacetSearch:
    """Which rows of a region are facets, as far as it is known.

    Attributes:
        walls: of each row, -1 where a coordinate has no bound.
        is_facet, is_redundant: of each row, if it is certain.
        points: of facets that are no bounds, a point beyond.
        steps: the same by steps in the span, from the point that rays were shot from.
    """

    def __init__(self, rows: Rows, walls: np.ndarray, spanned: SpannedRows | None) -> None:
        self.rows, self.walls, self.spanned = rows, walls, spanned
        self.is_facet = np.zeros(len(walls), dtype=np.bool_)
        self.is_redundant = np.zeros(len(walls), dtype=np.bool_)
        self.points: dict[int, np.ndarray | Point] = {}
        self.steps: dict[int, np.ndarray] = {}

    def open_rows(self) -> np.ndarray:
        return np.flatnonzero(~self.is_facet & ~self.is_redundant & (self.walls >= 0))

    def take(self, hits: Hits) -> None:
        self.is_facet[hits.row] = True
        for i, r in enumerate(hits.row.tolist()):
            if r < self.rows.m and r not in self.points:
                self.points[r] = hits.point[:, i].copy()

    def take_steps(self, found: Steps) -> None:
        self.is_facet[found.row] = True
        for i, r in enumerate(found.row.tolist()):
            self.steps.setdefault(r, found.step[:, i])

    def beyond(self, r: int) -> np.ndarray | Step | Point | None:
        """A point beyond a facet, if one is known."""
        if r not in self.points and r in self.steps:
            assert self.spanned is not None
            return Step(self.spanned.span.basis, self.steps[r])
        return self.points.get(r)

    def prove(self, r: int, multipliers: np.ndarray) -> bool:
        """Do these multipliers prove the row redundant?"""
        if not self.rows.is_redundant(r, multipliers):
            return False
        self.is_redundant[r] = True
        return True

    def decide(self, r: int, x: np.ndarray) -> np.ndarray | None:
        """A linear program on one row. If it proves the row redundant: by these multipliers."""
        for found in self.rows.towards_least(r, x):
            if found.value < 0:
                self.take(self.rows.shoot(x, (found.point - x)[:, None]))
                if self.is_facet[r] and (r in self.points or r >= self.rows.m):
                    return None
            elif found.bound > 0 and self.prove(r, found.multipliers):
                return found.multipliers
        return self._decide_slowly(r, x)

    def _decide_slowly(self, r: int, x: np.ndarray) -> np.ndarray | None:
        """What is nearly a tie is left to HiGHS."""
        point, multipliers = self.rows.minimise(r, x)
        if point is not None:
            self.take(self.rows.shoot(x, (point - x)[:, None]))
        elif self.prove(r, multipliers):
            return multipliers
        return None

    def aim(self, x: np.ndarray, asked: np.ndarray) -> None:
        """Rays towards the nearest points beyond some rows; or these are proved redundant."""
        spanned = self.spanned
        if spanned is None:
            return
        steps, multipliers = spanned.nearest_beyond(asked)
        self.take_steps(spanned.shoot(steps))
        asked = self._unproved(asked, multipliers)
        if len(asked):
            ahead, multipliers = spanned.nearest_in_box(asked)
            self.take(self.rows.shoot(x, ahead))
            self._unproved(asked, multipliers)

    def _unproved(self, asked: np.ndarray, multipliers: np.ndarray) -> np.ndarray:
        """Those that are still open."""
        open_here = [
            r
            for r, found in zip(asked.tolist(), multipliers, strict=True)
            if not self.is_facet[r] and not self.prove(r, found)
        ]
        return np.array(open_here, dtype=np.int64)

    def shoot(self, x: np.ndarray) -> None:
        """Rays towards all rows."""
        rows, spanned = self.rows, self.spanned
        metric: Callable[[np.ndarray], np.ndarray]
        if spanned is not None:
            metric, towards = spanned.metric, spanned.towards
            self.take_steps(spanned.shoot(towards))
            met = rows.shoot_along_axes(x, lambda used: -spanned.span.basis @ towards[:, used])
        else:
            metric = rows.metric(x)
            self.take(rows.shoot(x, -metric(rows.A.T)))
            met = rows.shoot_along_axes(x, lambda used: metric(rows.A[used].T))
        self.is_facet[met] = True
        bounds = self.open_rows()
        bounds = bounds[bounds >= rows.m]
        if len(bounds):
            self.take(rows.shoot(x, -metric(rows.normals(bounds))))


class DomainRows:
    """The domain's walls: bounds of one coordinate that float64 holds exactly, and others.

    Attributes:
        low, high: of each coordinate, infinite where there is none.
        bound_walls: walls of the lower, then of the upper bounds; -1 where there is none.
        general: the other walls.
    """

    def __init__(self, compiled: Compiled) -> None:
        d = compiled.dim
        self.rows = compiled.root_rows[: int(compiled.program.n_domain)]
        self.low, self.high = np.full(d, -np.inf), np.full(d, np.inf)
        self.bound_walls = np.full(2 * d, -1, dtype=np.int64)
        general = []
        for wall, row in enumerate(self.rows):
            axes = [j for j, v in enumerate(row[:-1]) if v]
            j = axes[0]
            bounds, at = (self.low, j) if row[j] > 0 else (self.high, d + j)
            value = Fraction(-row[-1], row[j])
            rounded = quotient(value.numerator, value.denominator)
            exact = isfinite(rounded) and Fraction(rounded) == value
            if len(axes) > 1 or self.bound_walls[at] >= 0 or not exact:
                general.append(wall)
            else:
                bounds[j], self.bound_walls[at] = rounded, wall
        self.general = np.array(general, dtype=np.int64)

    @property
    def reach(self) -> float:
        """A bound on the coordinates, infinite if the bounds give none."""
        return float(np.abs([self.low, self.high]).max(initial=0.0))

    def direction_inwards(self, start: Sequence[Fraction]) -> list[Fraction]:
        """From a point of the domain to one inside."""
        if len(self.general):
            inside: Sequence[Fraction] = margin(self.rows).point
        else:
            ends = zip(self.low.tolist(), self.high.tolist(), start, strict=True)
            inside = [_between(low, high, x) for low, high, x in ends]
        return [a - s for a, s in zip(inside, start, strict=True)]


def _between(low: float, high: float, x: Fraction) -> Fraction:
    """A number between two bounds; x, which is, if there are none."""
    if isinf(low) and isinf(high):
        return x
    if isinf(high):
        return Fraction(low) + 1
    return Fraction(high) - 1 if isinf(low) else (Fraction(low) + Fraction(high)) / 2
