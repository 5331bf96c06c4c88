"""One piece of a decision boundary: its classes, its sides, its exact geometry."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from ..engine.generators import determinant, simplices
from ..network import Array, quotient
from ..rational import ExactPoint, IntegerRow, dot, gram, primitive, rank, rows_of
from ..region import Region, region_forms, square_root

if TYPE_CHECKING:
    from .boundary import DecisionBoundary


@dataclass(frozen=True)
class Piece:
    """A (d-1)-dimensional polyhedron of a decision boundary, one for each two closures of regions
    of the network and classes on its sides that meet in one.

    Attributes:
        boundary: whose piece it is.
        index: its number.
    """

    boundary: DecisionBoundary = field(repr=False)
    index: int

    def __repr__(self) -> str:
        return f"Piece({self.index} of {len(self.boundary)}, classes {self.classes})"

    @property
    def classes(self) -> tuple[int, int]:
        """The classes on its two sides; the same one if the boundary only touches there."""
        first, second = self.boundary.labels[list(self.regions[0])].tolist()
        names = self.boundary.decision.classes
        return names[first], names[second]

    @property
    def regions(self) -> list[tuple[int, int]]:
        """The regions of ``boundary.graph`` on its two sides. Several pairs only with more than two
        classes, where comparisons between the others cut regions further."""
        rows = self.boundary.parts[self.boundary.piece_of == self.index]
        return [(i, j) for i, j, _ in rows.tolist()]

    @cached_property
    def _parts(self) -> list[tuple[Region, int]]:
        """Regions on the first side, and the number of their facet that is a part of this."""
        rows = self.boundary.parts[self.boundary.piece_of == self.index]
        graph = self.boundary.graph
        return [(graph[i], f - int(graph.indptr[i])) for i, _, f in rows.tolist()]

    @property
    def equation(self) -> IntegerRow:
        """Integers g with ``g . (x, 1) = 0`` on the piece and > 0 on its first side."""
        region, k = self._parts[0]
        return region.inequality_rows[k]

    @property
    def bounded(self) -> bool:
        return not self._generators[1] and not self._parts[0][0].exact_lines()

    @cached_property
    def _generators(self) -> tuple[list[IntegerRow], list[IntegerRow]]:
        """Extreme points and directions, in the chart's coordinates."""
        found: dict[tuple[int, ...], None] = {}
        for region, k in self._parts:
            row = region.local_rows[k]
            found |= dict.fromkeys(tuple(g) for g in region.generators() if dot(row, g) == 0)
        kept = [list(g) for g in found]
        if len(self._parts) > 1:
            kept = self._extreme(kept)
        return [g for g in kept if g[-1]], [g for g in kept if not g[-1]]

    def _extreme(self, generators: list[IntegerRow]) -> list[IntegerRow]:
        """Those that further comparisons have not made: where as many rows of the network's region
        and its winner's comparisons are 0 as a vertex or extreme direction needs."""
        graph, region = self.boundary.graph, self._parts[0][0]
        decided = self.boundary.decision
        columns = list(zip(*rows_of(graph.compiled.chart), strict=True))
        values = rows_of(region_forms(decided.network, region.pattern[: decided.first])[-1])
        outputs = [decided.forms_at(column) for column in zip(*values, strict=True)]
        winner = int(self.boundary.labels[region.index])
        rows = [region.form(t) for t in range(decided.first)]
        rows += graph.domain.inequalities()
        rows += [
            [y[winner] - y[k] for y in outputs] for k in range(len(decided.classes)) if k != winner
        ]
        local = [primitive([dot(g, c) for c in columns]) for g in rows]
        local.append([0] * graph.compiled.dim + [1])
        need = graph.compiled.dim - len(region.local_lines)
        return [g for g in generators if rank([r for r in local if dot(r, g) == 0]) == need]

    def exact_vertices(self) -> tuple[ExactPoint, ...]:
        """The vertices, exactly (with lines: a point of each minimal face)."""
        matrix = rows_of(self.boundary.graph.compiled.chart)
        columns = ([dot(row, g) for row in matrix] for g in self._generators[0])
        return tuple(tuple(Fraction(v, x[-1]) for v in x[:-1]) for x in columns)

    def exact_rays(self) -> tuple[ExactPoint, ...]:
        """The extreme directions, in primitive integers."""
        matrix = rows_of(self.boundary.graph.compiled.chart)[:-1]
        columns = (primitive([dot(row, g) for row in matrix]) for g in self._generators[1])
        return tuple(tuple(map(Fraction, x)) for x in columns)

    def vertices(self) -> Array:
        """The vertices, shape (n, dim), each coordinate rounded once."""
        dim = self.boundary.graph.dim
        rows = [[quotient(v.numerator, v.denominator) for v in p] for p in self.exact_vertices()]
        return np.array(rows, dtype=np.float64).reshape(-1, dim)

    @property
    def volume(self) -> float:
        """The (d-1)-dimensional volume (the number of points for d = 1); infinite if unbounded."""
        if not self.bounded:
            return math.inf
        return sum(_facet_volume(region, k) for region, k in self._parts)


def _facet_volume(region: Region, facet: int) -> float:
    """Of a bounded facet: each square of a simplex's volume is rational."""
    graph = region.graph
    dim = graph.compiled.dim - 1
    matrix = rows_of(graph.compiled.chart)
    points, on = region.vertices_on(facet)
    columns = [[dot(row, g) for row in matrix] for g in points]
    x = [[Fraction(v, c[-1]) for v in c[:-1]] for c in columns]
    total = 0.0
    for simplex in simplices(list(range(len(x))), on, dim):
        edges = [[a - b for a, b in zip(x[i], x[simplex[0]], strict=True)] for i in simplex[1:]]
        total += square_root(determinant(gram(edges))) / math.factorial(dim)
    return total
