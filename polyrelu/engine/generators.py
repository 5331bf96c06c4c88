"""The exact generators (vertices and directions) of one polyhedron given by inequalities, and of
all regions of a network."""

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
from .compiled import Compiled, bit_of_wall
from .enumerate import Enumeration
from .patterns import threshold_bits, without_gaps
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


Cell = tuple[list[tuple[int, ...]], list[int]]


def cell_generators(compiled: Compiled) -> tuple[np.ndarray, list[Cell]]:
    """The generators of all regions, ten times quicker than one region after the other: the search
    by vertices once more, which gives each exact generator once.

    There must be no auxiliary walls.

    Returns:
        The packed patterns, and for each region its generators, in the coordinates of
        ``compiled.chart``, and the facets that each is on, as bits (in no order of facets).
    """
    search = Enumeration(compiled, counting=True, max_regions=0)
    first = slice(int(compiled.program.first_word[1]), None)
    exact: dict[int, tuple[int, ...]] = {}
    positive, negative, cells = [], [], []
    for stack in search.cells():
        e = int(stack.scalar[kernel.TOP])
        n = int(stack.n_vertices[e])
        found = []
        places = stack.vertex[e, :n].astype(np.int64)
        for i, ident in enumerate(stack.ident[places].tolist()):
            generator = exact.get(ident)
            if generator is None:
                p, mask = int(places[i]), stack.mask[e, i]
                generator = tuple(search.resolver.generator(stack, e, p, mask, []))
                exact[ident] = generator
            found.append(generator)
        cells.append((found, _bits(stack.mask[e, :n] & stack.used[e])))
        positive.append(stack.positive[e, first].copy())
        negative.append(stack.negative[e, first].copy())
    return _patterns(compiled, np.array(positive), np.array(negative)), cells


def _bits(words: np.ndarray) -> list[int]:
    """Rows of words as integers, without bit 0, which is infinity."""
    rows = (sum(w << 64 * k for k, w in enumerate(row)) for row in words.tolist())
    return [row & ~(1 << kernel.INFINITY) for row in rows]


def _patterns(compiled: Compiled, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
    bits = bit_of_wall(compiled)
    signs = (positive | negative).view(np.uint8)
    decided = np.unpackbits(signs, axis=1, bitorder="little")[:, bits]
    patterns = without_gaps(compiled.layout, positive)
    return threshold_bits(compiled, patterns, np.argwhere(decided == 0))


def volume(cell: Generators, dim: int) -> Fraction:
    """The exact volume of a bounded polyhedron, by a pulling triangulation.

    Each face is the union of the pyramids over its own facets that miss its first vertex.
    """
    points = [[Fraction(v, g[-1]) for v in g[:-1]] for g in cell.points]
    total = Fraction(0)
    for simplex in simplices(list(range(len(points))), cell.on_point, dim):
        apex = points[simplex[0]]
        edges = [[a - b for a, b in zip(points[i], apex, strict=True)] for i in simplex[1:]]
        total += abs(determinant(edges))
    for k in range(2, dim + 1):
        total /= k
    return total


def simplices(face: list[int], on: list[frozenset[int]], dim: int) -> list[list[int]]:
    """A triangulation of a bounded face of some dimension, given for each vertex what it is on."""
    if dim == 0:
        return [face[:1]]
    shared = frozenset.intersection(*(on[i] for i in face))
    found = []
    seen = set()
    for wall in sorted(frozenset.union(*(on[i] for i in face)) - shared - on[face[0]]):
        below = tuple(i for i in face if wall in on[i])
        if below in seen or not is_facet(below, face, on):
            continue
        seen.add(below)
        found += [[face[0], *rest] for rest in simplices(list(below), on, dim - 1)]
    return found


def is_facet(below: tuple[int, ...], face: list[int], on: list[frozenset[int]]) -> bool:
    """Is ``below``, a face of ``face``, a maximal proper one?"""
    members = set(below)
    for wall in frozenset.union(*(on[i] for i in face)):
        larger = {i for i in face if wall in on[i]}
        if members < larger and len(larger) < len(face):
            return False
    return True


def determinant(rows: list[list[Fraction]]) -> Fraction:
    """Of a square matrix; 1 if it has no rows."""
    from flint import fmpq, fmpq_mat

    if not rows:
        return Fraction(1)
    det = fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in rows]).det()
    return Fraction(int(det.p), int(det.q))
