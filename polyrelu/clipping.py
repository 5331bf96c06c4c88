"""The pieces of a decision boundary inside a window, exactly: segments and polygons.

A piece is a facet of a region: its plane, cut by the region's other facets. So it needs no
vertices, rays or lines, and unbounded pieces are no special case.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .domain import Box, Domain
from .engine.generators import generators
from .errors import DomainError
from .rational import ExactPoint, IntegerRow, dot, integer_row, primitive, rows_of
from .region import Region

if TYPE_CHECKING:
    from .queries.boundary import DecisionBoundary

Point = tuple[int, ...]  # homogeneous and primitive, the last entry > 0: equal iff the same point
Bounds = tuple[ExactPoint, ExactPoint]


def clipped_pieces(
    boundary: DecisionBoundary, bounds: Bounds
) -> Iterator[tuple[int, IntegerRow, list[Point]]]:
    """The pieces that reach into a box, of a boundary in two or three dimensions.

    Yields:
        The piece's number, its equation g (positive on its first side), and its extreme points
        inside the box: two, or those of a polygon in cyclic order, counterclockwise for who looks
        from the second side. What only touches the box in less is left out.

    The cost is one or two milliseconds a piece.
    """
    parts = boundary.parts[np.argsort(boundary.piece_of, kind="stable")]
    numbers = np.sort(boundary.piece_of)
    box = integer_row([*bounds[0], *bounds[1], Fraction(1)])
    starts = np.flatnonzero(np.diff(numbers, prepend=-1)).tolist()
    region = boundary.graph[0] if len(parts) else None
    for start, stop in pairwise([*starts, len(parts)]):
        found: list[Point] = []
        equation: IntegerRow = []
        for i, _, facet in parts[start:stop].tolist():
            if region is None or region.index != i:  # its forms serve all of its facets
                region = boundary.graph[i]
            k = facet - int(boundary.graph.indptr[i])
            equation = region.inequality_rows[k]
            found += clipped_facet(region, k, box)
        if stop - start > 1:
            found = _hull(found, equation)
        if len(found) >= boundary.graph.dim:
            yield int(numbers[start]), equation, found


def clipped_facet(region: Region, facet: int, box: IntegerRow) -> list[Point]:
    """The part of a facet inside a box (low, high, divisor)."""
    rows = region.inequality_rows
    dim = len(rows[facet]) - 1
    axis, points = _plane_over_box(rows[facet], box)
    for row in [*_sides(axis, dim, box), *rows[:facet], *rows[facet + 1 :]]:
        points = _cut(points, row)
        if len(points) < dim:
            return []
    return points


def _plane_over_box(equation: IntegerRow, box: IntegerRow) -> tuple[int, list[Point]]:
    """The coordinate in which a plane is steepest, and its part over the box in the others."""
    *normal, constant = equation
    axis = _steepest(equation)
    size, sign = abs(normal[axis]), 1 if normal[axis] > 0 else -1
    points = []
    for corner in _corners(axis, len(normal), box):  # in units of 1 / box[-1]; 0 along the axis
        value = sum(a * v for a, v in zip(normal, corner, strict=True)) + constant * box[-1]
        point = [size * v for v in corner]
        point[axis] = -sign * value
        points.append(tuple(primitive([*point, size * box[-1]])))
    # For who looks from the positive end of the axis they run counterclockwise.
    return axis, points if sign < 0 else points[::-1]


def _steepest(equation: IntegerRow) -> int:
    return max(range(len(equation) - 1), key=lambda i: abs(equation[i]))


def _corners(axis: int, dim: int, box: IntegerRow) -> list[list[int]]:
    turns = [(0,), (1,)] if dim == 2 else [(0, 0), (1, 0), (1, 1), (0, 1)]
    corners = []
    for turn in turns:
        corner = [0] * dim
        for step, end in enumerate(turn, start=1):
            i = (axis + step) % dim
            corner[i] = box[end * dim + i]
        corners.append(corner)
    return corners


def _sides(axis: int, dim: int, box: IntegerRow) -> list[IntegerRow]:
    """The rows of the two sides of the box that the axis goes through."""
    low, high = [0] * (dim + 1), [0] * (dim + 1)
    low[axis], low[-1] = box[-1], -box[axis]
    high[axis], high[-1] = -box[-1], box[dim + axis]
    return [low, high]


def _cut(points: list[Point], row: IntegerRow) -> list[Point]:
    """The part of a convex polygon, or segment, where a form is not negative."""
    values = [dot(row, p) for p in points]
    if min(values) >= 0:
        return points
    kept: dict[Point, None] = {}  # the edge of a segment is met twice
    for k, (point, value) in enumerate(zip(points, values, strict=True)):
        before, last = values[k - 1], points[k - 1]
        if (before < 0 < value) or (value < 0 < before):
            a, b = abs(value), abs(before)
            kept[tuple(primitive([a * u + b * v for u, v in zip(last, point, strict=True)]))] = None
        if value >= 0:
            kept[point] = None
    return list(kept)


def _hull(points: list[Point], equation: IntegerRow) -> list[Point]:
    """The extreme ones of points of a line or plane, in cyclic order (monotone chain)."""
    axis, dim = _steepest(equation), len(equation) - 1
    kept = [(axis + step) % dim for step in range(1, dim)]
    place = {p: [Fraction(p[i], p[-1]) for i in kept] for p in points}
    ordered = sorted(place, key=place.__getitem__)
    if dim == 2 or len(ordered) < 3:
        return [ordered[0], ordered[-1]] if len(ordered) > 1 else ordered
    halves: list[Point] = []
    for turn in (ordered, ordered[::-1]):
        half: list[Point] = []
        for p in turn:
            while len(half) > 1 and _turn(*(place[q] for q in (*half[-2:], p))) <= 0:
                half.pop()
            half.append(p)
        halves += half[:-1]
    return halves if equation[axis] < 0 else halves[::-1]


def _turn(a: list[Fraction], b: list[Fraction], c: list[Fraction]) -> Fraction:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


# --- boxes ---------------------------------------------------------------------------------------


def domain_bounds(domain: Domain) -> Bounds | None:
    """The least box around a bounded domain with an interior; None if it is not bounded."""
    if isinstance(domain, Box):
        return exact_bounds(domain)
    if not domain.inequalities():
        return None
    chart = domain.chart()
    found = generators([list(g) for g in chart.constraints], chart.dim)
    if found.directions or found.lines or not found.points:
        return None
    matrix = rows_of(chart.matrix)
    return bounds_of([[dot(row, g) for row in matrix] for g in found.points])


def bounds_of(points: Sequence[Sequence[int]]) -> Bounds:
    """The least box around homogeneous points, of which there is one at least."""
    columns = list(zip(*([Fraction(v, p[-1]) for v in p[:-1]] for p in points), strict=True))
    return tuple(map(min, columns)), tuple(map(max, columns))


def exact_bounds(box: Box) -> Bounds:
    low, high = (tuple(Fraction(v) for v in side.tolist()) for side in (box.low, box.high))
    return low, high


def checked_window(window: Sequence[object], dim: int) -> Bounds:
    """A window ``(low, high)``, as a box takes them.

    Raises:
        DomainError: it is something else, or flat.
    """
    try:
        low, high = window
    except (TypeError, ValueError):
        raise DomainError(f"window must be (low, high), not {window!r}") from None
    box = Box(low, high, dim=dim)  # type: ignore[arg-type]
    if not (box.low < box.high).all():
        raise DomainError(f"low must be less than high in every coordinate of a window: {window!r}")
    return exact_bounds(box)
