"""The exact generators (vertices and directions) of one polyhedron given by inequalities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from flint import fmpz_mat

from ..domain import Chart, Domain
from ..network import Network
from ..rational import IntegerRow, dot, primitive, rows_of
from . import kernel
from .enumerate import Enumeration
from .program import compile_network


@dataclass(frozen=True)
class Generators:
    """Homogeneous integer generators of a polyhedron.

    Attributes:
        points: columns (x, w) with w > 0: the vertices, or, if there are lines, one point of
            each minimal face.
        directions: columns (x, 0).
        lines: columns (x, 0), a basis of the lineality space.
        on_point: for each point the set of inequalities that hold with equality.
    """

    points: list[IntegerRow]
    directions: list[IntegerRow]
    lines: list[IntegerRow]
    on_point: list[frozenset[int]]


class _Rows(Domain):
    """Inequalities that are known to have an interior point: no LP is needed."""

    def __init__(self, rows: Sequence[IntegerRow], dim: int) -> None:
        self._rows, self._dim = [list(g) for g in rows], dim

    @property
    def dim(self) -> int:
        return self._dim

    def inequalities(self) -> list[IntegerRow]:
        return self._rows

    def chart(self) -> Chart:
        n = self._dim + 1
        one = fmpz_mat([[int(i == j) for j in range(n)] for i in range(n)])
        return Chart(one, tuple(map(tuple, self._rows)), tuple(range(len(self._rows))))

    def to_dict(self) -> dict[str, Any]:
        raise NotImplementedError("an internal domain is not written")


def generators(rows: Sequence[IntegerRow], dim: int) -> Generators:
    """The vertices and extreme directions of ``{x in R^dim : g . (x, 1) >= 0 for g in rows}``.

    Args:
        rows: the facets, irredundant; the polyhedron is full-dimensional.
    """
    if dim == 0:
        return Generators([[1]], [], [], [frozenset()])
    constant = Network.from_layers([(np.zeros((1, dim)), np.zeros(1))])
    compiled = compile_network(constant, _Rows(rows, dim))
    search = Enumeration(compiled, counting=True, max_regions=0)
    matrix = rows_of(compiled.chart)  # lines are left out of the search: back from its section
    points, directions, on_point = [], [], []
    for stack in search.cells():
        e = int(stack.scalar[kernel.TOP])
        for i in range(int(stack.n_vertices[e])):
            mask = stack.mask[e, i]
            local = search.resolver.generator(stack, e, int(stack.vertex[e, i]), mask, [])
            generator = primitive([dot(row, local) for row in matrix])
            if generator[-1] == 0:
                directions.append(generator)
            else:
                points.append(generator)
                on = search.resolver.facets_of(stack, e, mask)
                on_point.append(frozenset(f >> 1 for f in on))
    lines = [[*line, 0] for line in compiled.lines]
    return Generators(points, directions, lines, on_point)


def volume(cell: Generators, dim: int) -> Fraction:
    """The exact volume of a bounded polyhedron, by a pulling triangulation.

    Each face is the union of the pyramids over its own facets that miss its first vertex.
    """
    points = [[Fraction(v, g[-1]) for v in g[:-1]] for g in cell.points]
    total = Fraction(0)
    for simplex in _triangulate(list(range(len(points))), cell.on_point, dim):
        apex = points[simplex[0]]
        edges = [[a - b for a, b in zip(points[i], apex, strict=True)] for i in simplex[1:]]
        total += abs(_determinant(edges))
    for k in range(2, dim + 1):
        total /= k
    return total


def _triangulate(face: list[int], on: list[frozenset[int]], dim: int) -> list[list[int]]:
    if dim == 0:
        return [face[:1]]
    shared = frozenset.intersection(*(on[i] for i in face))
    simplices = []
    seen = set()
    for wall in sorted(frozenset.union(*(on[i] for i in face)) - shared - on[face[0]]):
        below = tuple(i for i in face if wall in on[i])
        if below in seen or not _is_facet(below, face, on):
            continue
        seen.add(below)
        simplices += [[face[0], *rest] for rest in _triangulate(list(below), on, dim - 1)]
    return simplices


def _is_facet(below: tuple[int, ...], face: list[int], on: list[frozenset[int]]) -> bool:
    """Is ``below``, a face of ``face``, a maximal proper one?"""
    members = set(below)
    for wall in frozenset.union(*(on[i] for i in face)):
        larger = {i for i in face if wall in on[i]}
        if members < larger and len(larger) < len(face):
            return False
    return True


def _determinant(rows: list[list[Fraction]]) -> Fraction:
    from flint import fmpq, fmpq_mat

    if not rows:
        return Fraction(1)
    det = fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows]).det()
    return Fraction(int(det.p), int(det.q))
