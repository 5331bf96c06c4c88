"""The faces of all dimensions of the closures of a graph's regions: a polyhedral complex.

Two closures meet in a common face, since each threshold is continuous and affine on every cell
that the thresholds before it leave (Grigsby, Lindsey 2022; docs/boundary.md). So a face is known
by its vertices and directions, wherever it is seen from.
"""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property, reduce
from operator import and_

import numpy as np

from .engine.generators import cell_generators
from .errors import DomainError
from .graph import RegionGraph
from .rational import ExactPoint, IntegerRow, dot, primitive, rows_of
from .region import Region

Members = frozenset[int]


@dataclass(frozen=True)
class Face:
    """A face of a complex. Made by :class:`FaceComplex`.

    Attributes:
        dim: its dimension.
        index: its number among those of its dimension.
        members: numbers of its generators, see :attr:`FaceComplex.generators`.
    """

    complex: FaceComplex = field(repr=False)
    dim: int
    index: int
    members: Members = field(repr=False)

    @property
    def bounded(self) -> bool:
        return self.complex.n_lines == 0 and max(self.members) < self.complex.n_points

    def exact_vertices(self) -> tuple[ExactPoint, ...]:
        """Its vertices (with common lines: a point of each minimal face)."""
        table = self.complex.generators
        points = (table[g] for g in sorted(self.members) if g < self.complex.n_points)
        return tuple(tuple(Fraction(v, g[-1]) for v in g[:-1]) for g in points)

    def exact_rays(self) -> tuple[ExactPoint, ...]:
        """Its extreme directions, in primitive integers."""
        table = self.complex.generators
        rays = (table[g] for g in sorted(self.members) if g >= self.complex.n_points)
        return tuple(tuple(map(Fraction, g[:-1])) for g in rays)

    def exact_point(self) -> ExactPoint:
        """A point of its relative interior."""
        corners, rays = self.exact_vertices(), self.exact_rays()
        total = [sum(c, Fraction(0)) / len(corners) for c in zip(*corners, strict=True)]
        for ray in rays:
            total = [t + v for t, v in zip(total, ray, strict=True)]
        return tuple(total)

    def signs(self) -> tuple[int, ...]:
        """The sign of every threshold on its relative interior, -1, 0 or 1, in the order of
        ``network.thresholds``. No other face of a domain without walls has these signs."""
        return self.complex.graph.network.exact(self.exact_point())[1]

    def boundary(self) -> list[Face]:
        """The faces of one dimension less that it has."""
        below = self.complex.boundary[self.dim - self.complex.n_lines][self.index]
        return [self.complex.face(self.dim - 1, i) for i in below]


class FaceComplex:
    """The polyhedral complex of a region graph, in exact arithmetic.

    Coordinates are the domain's. If all regions contain the same lines, dimensions below are
    those of faces: the least is the number of lines, ``n_lines``.

    Attributes:
        graph: whose regions are the faces of greatest dimension, with the same numbers.
        generators: homogeneous integers (x, w): vertices (w > 0), then directions (w = 0).
        n_points: how many of them are vertices.
        members: for each k the generators of each face of dimension ``n_lines + k``.
        boundary: for each k the faces of dimension one less that each has; vertices have none.

    Made by :func:`face_complex`.
    """

    def __init__(self, graph: RegionGraph) -> None:
        self.graph = graph
        lines, cells = cells_of(graph)
        self.n_lines = graph.compiled.n_lines + lines
        self._top = graph.compiled.dim - lines
        points_first = _points_first(cells)
        number = {g: i for i, g in enumerate(points_first)}
        self.n_points = sum(g[-1] > 0 for g in points_first)
        matrix = rows_of(graph.compiled.chart)
        self.generators = [tuple(primitive([dot(r, g) for r in matrix])) for g in points_first]
        self.members: list[list[Members]] = [[] for _ in range(self._top + 1)]
        self.boundary: list[list[tuple[int, ...]]] = [[] for _ in range(self._top + 1)]
        self._number: list[dict[Members, int]] = [{} for _ in range(self._top + 1)]
        for p in range(self.n_points):
            self._new(0, frozenset([p]), ())
        for found, masks in cells:
            self._add_region([number[g] for g in found], masks)

    def __repr__(self) -> str:
        return f"FaceComplex({', '.join(f'{n:,}' for n in self.f_vector)} faces)"

    def _add_region(self, generators: list[int], masks: list[int]) -> None:
        """A region, given for each generator the bits of the facets that it is on."""
        walls: dict[int, list[int]] = {}
        for g, mask in zip(generators, masks, strict=True):
            while mask:
                low = mask & -mask
                walls.setdefault(low, []).append(g)
                mask ^= low
        self._add(self._top, frozenset(generators), [frozenset(on) for on in walls.values()])

    def _add(self, k: int, members: Members, walls: Sequence[Members]) -> int:
        """The number of a face of a region with these facets."""
        known = self._number[k].get(members)
        if known is not None:
            return known
        if k == 1:
            below = [frozenset([g]) for g in members if g < self.n_points]
        else:
            parts = {members & wall for wall in walls} - {members}
            below = self._edges(parts) if k == 2 else self._maximal(parts)
        return self._new(k, members, tuple(self._add(k - 1, face, walls) for face in below))

    def _edges(self, parts: set[Members]) -> list[Members]:
        """Those with two generators, not both directions: what is left of a polygon is less."""
        return [part for part in parts if len(part) == 2 and min(part) < self.n_points]

    def _maximal(self, parts: set[Members]) -> list[Members]:
        """Those with a vertex that lie in no other: facets of a face. (A part with a vertex that
        is not maximal lies in a larger one, which has that vertex as well.)"""
        with_vertex = [part for part in parts if min(part, default=self.n_points) < self.n_points]
        return [part for part in with_vertex if not any(part < other for other in with_vertex)]

    def _new(self, k: int, members: Members, below: tuple[int, ...]) -> int:
        number = len(self.members[k])
        self._number[k][members] = number
        self.members[k].append(members)
        self.boundary[k].append(below)
        return number

    # -- faces ---------------------------------------------------------------------------------

    @property
    def dim(self) -> int:
        """The dimension of the regions."""
        return self.n_lines + self._top

    def face(self, dim: int, index: int) -> Face:
        """Face number ``index`` of a dimension."""
        dim, index = operator.index(dim), operator.index(index)
        n = self._count(dim)
        if not 0 <= index < n:
            raise DomainError(f"face {index} of {n} of dimension {dim}")
        return Face(self, dim, index, self.members[dim - self.n_lines][index])

    def _count(self, dim: int) -> int:
        return self.f_vector[dim] if 0 <= dim <= self.dim else 0

    def faces(self, dim: int) -> Iterator[Face]:
        """All faces of a dimension; those of the greatest one are the regions."""
        return (self.face(dim, i) for i in range(self._count(dim)))

    def find(self, dim: int, members: Members) -> int | None:
        """The number of the face with these generators."""
        return self._number[dim - self.n_lines].get(members)

    @property
    def f_vector(self) -> tuple[int, ...]:
        """How many faces of each dimension 0, ..., d."""
        return (0,) * self.n_lines + tuple(map(len, self.members))

    @property
    def average_degree(self) -> float:
        """How many others a region touches, on average: on R^d at most 2 d for a network in general
        position (docs/boundary.md)."""
        return 2 * self.graph.n_walls / len(self.graph)

    @property
    def euler_characteristic(self) -> int:
        """The alternating sum of the f-vector, that of compact support: (-1)^d if the domain is
        R^d, 1 if it is bounded."""
        return sum((-1) ** k * n for k, n in enumerate(self.f_vector))

    def points_of(self, k: int, index: int) -> list[int]:
        """The vertices of a face of dimension ``n_lines + k``, by their numbers."""
        return sorted(g for g in self.members[k][index] if g < self.n_points)

    def has_only_points(self, k: int, index: int) -> bool:
        """Has a face of dimension ``n_lines + k`` no direction? Vertices have the least numbers."""
        return max(self.members[k][index]) < self.n_points

    def in_common(self, bits: Sequence[int]) -> list[list[int]]:
        """For each k and face of dimension ``n_lines + k`` the bits that all of its generators
        have, of those given for each generator."""
        return [[reduce(and_, (bits[g] for g in face)) for face in faces] for faces in self.members]

    @cached_property
    def in_domain_boundary(self) -> list[list[bool]]:
        """For each k and face of dimension ``n_lines + k``: does the domain's boundary hold it?"""
        inequalities = self.graph.domain.inequalities()
        sides = [inequalities[i] for i in self.graph.compiled.sources]
        bits = [_zeros(sides, g) for g in self.generators]
        return [list(map(bool, row)) for row in self.in_common(bits)]


def face_complex(graph: RegionGraph) -> FaceComplex:
    """The faces of all dimensions of a graph's regions, exactly.

    If the graph is incomplete these are the faces of the regions that were found.

    The cost is some 0.2 ms a region in three dimensions; in d dimensions a simple region has as
    many as 2^d faces for each vertex.

    Raises:
        TypeError: not a graph.
    """
    if not isinstance(graph, RegionGraph):
        raise TypeError(f"a RegionGraph is needed, such as regions(...), not {graph!r}")
    return FaceComplex(graph)


Cell = tuple[list[tuple[int, ...]], list[int]]


def cells_of(graph: RegionGraph) -> tuple[int, list[Cell]]:
    """How many independent lines all regions contain beyond ``graph.lines``; and for each region
    its generators, in the coordinates of the chart, and bits of their facets."""
    compiled = graph.compiled
    if graph.complete and len(compiled.root_rows) == compiled.program.n_domain:
        patterns, cells = cell_generators(compiled)
        at = graph._lookup(patterns)
        assert sorted(at.tolist()) == list(range(len(graph))), "the same regions are found again"
        return 0, [cells[i] for i in np.argsort(at).tolist()]
    # Along a line of a region no threshold of layer 1 changes, so what reaches layer 2 changes
    # alike in all regions, and so on: all of them contain the line. Their generators are then
    # taken where the same coordinates are 0, and are the same wherever they are seen from.
    return len(graph[0].local_lines) if len(graph) else 0, [_cell_of(region) for region in graph]


def _cell_of(region: Region) -> Cell:
    rows, found = region.local_rows, region.generators()
    return [tuple(g) for g in found], [_zeros(rows, g) for g in found]


def _zeros(rows: Sequence[IntegerRow], generator: Sequence[int]) -> int:
    """Bits for the rows that are 0 at a generator."""
    return sum(1 << s for s, row in enumerate(rows) if dot(row, generator) == 0)


def _points_first(cells: Sequence[Cell]) -> list[tuple[int, ...]]:
    """The generators of all cells, each once."""
    seen = dict.fromkeys(g for found, _ in cells for g in found)
    return sorted(seen, key=lambda g: g[-1] == 0)
