"""Exact polyhedra of any dimension, by what bounds them and by what spans them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy.typing as npt
from flint import fmpz_mat

from ..domain import Polytope
from ..engine.generators import generators
from ..rational import ExactPoint, IntegerRow, dot, integer_row, margin, primitive, rows_of
from .exact_layer import exact_vector

Row = tuple[int, ...]


@dataclass(frozen=True)
class Span:
    """What spans a closed polyhedron: convex hull of points, cone of rays, span of lines.

    Attributes:
        points: the vertices; with lines, one point of each minimal face. None: it is empty.
        rays, lines: in primitive integers.
    """

    points: tuple[ExactPoint, ...]
    rays: tuple[Row, ...] = ()
    lines: tuple[Row, ...] = ()


@dataclass(frozen=True, eq=False)
class Polyhedron:
    """A convex polyhedron in R^n, exactly; of any dimension, bounded or not, perhaps empty.

    Some of its inequalities may be strict: sectors of a layer are half-open.
    :attr:`points`, :attr:`rays` and :attr:`lines` are those of the closure.

    Attributes:
        ambient_dim: n.
        equations: integer rows g with ``g . (x, 1) == 0``.
        inequalities: integer rows g with ``g . (x, 1) >= 0``, and ``> 0`` for those in ``strict``.
        strict: indices into ``inequalities``.
        known_span: what spans the closure, if theory gives it; else it is computed when asked for.
    """

    ambient_dim: int
    equations: tuple[Row, ...]
    inequalities: tuple[Row, ...]
    strict: frozenset[int] = frozenset()
    known_span: Span | None = field(default=None, repr=False)

    def contains(self, x: npt.ArrayLike) -> bool:
        """Whether a point (n numbers, float64 or exact) lies in it, exactly.

        Raises:
            NetworkError: a wrong length, NaN, infinity.
        """
        point = integer_row([*exact_vector("x", x, self.ambient_dim), Fraction(1)])
        if any(dot(g, point) for g in self.equations):
            return False
        values = [dot(g, point) for g in self.inequalities]
        return all(v > 0 or (v == 0 and i not in self.strict) for i, v in enumerate(values))

    @cached_property
    def is_empty(self) -> bool:
        """Whether no point satisfies all rows, the strict ones strictly."""
        if self.known_span is not None:
            return not self.known_span.points
        strict = [g for i, g in enumerate(self.inequalities) if i in self.strict]
        one = (*(0,) * self.ambient_dim, 1)  # margin wants a row that is not weak
        rows = [list(g) for g in (*self._weak_rows, *strict, one)]
        try:
            return margin(rows, frozenset(range(len(self._weak_rows)))).value <= 0
        except ValueError:  # no point satisfies the weak rows
            return True

    @property
    def _weak_rows(self) -> list[Row]:
        rows = [tuple(s * v for v in g) for g in self.equations for s in (1, -1)]
        return rows + [g for i, g in enumerate(self.inequalities) if i not in self.strict]

    @cached_property
    def _span(self) -> Span:
        """The closure of a polyhedron that is not empty has the same rows, none of them strict."""
        if self.known_span is not None:
            return self.known_span
        if self.is_empty:
            return Span(())
        return _span(
            [*self._weak_rows, *(self.inequalities[i] for i in self.strict)], self.ambient_dim
        )

    @property
    def points(self) -> tuple[ExactPoint, ...]:
        """The vertices of the closure; with lines, one point of each minimal face."""
        return self._span.points

    @property
    def rays(self) -> tuple[Row, ...]:
        """The extreme directions of the closure (modulo lines), in primitive integers."""
        return self._span.rays

    @property
    def lines(self) -> tuple[Row, ...]:
        """Directions that it contains both ways: a basis of the lineality space, in integers."""
        return self._span.lines

    @cached_property
    def dim(self) -> int:
        """The dimension of its affine hull; -1 if it is empty."""
        if self.is_empty:
            return -1
        columns = [integer_row([*p, Fraction(1)]) for p in self.points]
        columns += [[*r, 0] for r in (*self.rays, *self.lines)]
        return int(fmpz_mat(columns).rank()) - 1

    def __repr__(self) -> str:
        if self.is_empty:
            return f"Polyhedron(empty, in R^{self.ambient_dim})"
        return (
            f"Polyhedron(dim {self.dim} in R^{self.ambient_dim}: {len(self.points)} points, "
            f"{len(self.rays)} rays, {len(self.lines)} lines)"
        )


def _span(rows: Sequence[Row], dim: int) -> Span:
    """By the engine, in coordinates of the affine hull, where it has an interior."""
    chart = Polytope.from_rows(rows, dim).chart()
    found = generators([list(g) for g in chart.constraints], chart.dim)
    matrix = rows_of(chart.matrix)

    def carried(columns: Sequence[IntegerRow]) -> list[IntegerRow]:
        return [primitive([dot(row, g) for row in matrix]) for g in columns]

    return Span(
        tuple(tuple(Fraction(v, g[-1]) for v in g[:-1]) for g in carried(found.points)),
        tuple(tuple(g[:-1]) for g in carried(found.directions)),
        tuple(tuple(g[:-1]) for g in carried(found.lines)),
    )


def empty(dim: int) -> Polyhedron:
    """The empty set: the equation 1 = 0."""
    return Polyhedron(dim, ((*(0,) * dim, 1),), (), known_span=Span(()))
