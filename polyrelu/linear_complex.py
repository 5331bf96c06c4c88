"""The complex that a function shows: its affine pieces and the walls between them, unlabelled.

No patterns, thresholds or layers: only where the function bends, and by how much.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction
from random import Random

from .errors import DomainError, IncompleteError
from .faces import FaceComplex, face_complex
from .graph import RegionGraph
from .rational import ExactPoint, IntegerRow

AffineMap = tuple[tuple[Fraction, ...], ...]


@dataclass(frozen=True)
class Part:
    """A convex polyhedron in a cell.

    Attributes:
        cell: in which cell.
        point: a point inside.
        generators: homogeneous integers: its vertices (x, w > 0) and directions (x, 0); a line that
            it contains is there both ways.
    """

    cell: int
    point: ExactPoint
    generators: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Wall:
    """A (d-1)-dimensional polyhedron on which the function bends.

    Attributes:
        equation: primitive integers g with ``g . (x, 1) = 0`` on it, > 0 on the first side.
        sides: the parts on its two sides.
        point: a point of its relative interior.
    """

    equation: tuple[int, ...]
    sides: tuple[int, int]
    point: ExactPoint


@dataclass(frozen=True, eq=False)
class Complex:
    """A continuous piecewise affine function as the polyhedral complex of its linear regions.

    Attributes:
        maps: for each cell (linear region) the exact map: for each output the coefficients and the
            constant.
        parts: convex polyhedra of which the cells are unions.
        walls: between cells.
        seams: pairs of parts of one cell that share a (d-1)-dimensional polyhedron.
        ridges: the walls around each (d-2)-dimensional face inside the domain.
    """

    maps: tuple[AffineMap, ...]
    parts: tuple[Part, ...]
    walls: tuple[Wall, ...]
    seams: tuple[tuple[int, int], ...]
    ridges: tuple[tuple[int, ...], ...]

    @property
    def dim(self) -> int:
        return len(self.maps[0][0]) - 1

    @property
    def outputs(self) -> int:
        return len(self.maps[0])

    def __repr__(self) -> str:
        return (
            f"Complex({len(self.maps)} cells, {len(self.walls)} walls, {len(self.ridges)} ridges)"
        )

    @classmethod
    def from_graph(cls, graph: RegionGraph, seed: int = 0) -> Complex:
        """The complex of a graph's linear regions, in random order.

        All that is known of the network is thrown away. The cost is that of
        :func:`polyrelu.face_complex`, and an exact map for each region.

        Raises:
            IncompleteError: the graph does not have all regions.
            DomainError: the domain is flat.
        """
        if not graph.complete:
            raise IncompleteError(f"all regions are needed, but {graph!r} is incomplete")
        if graph.equalities():
            raise DomainError("the domain must be full-dimensional; use a Slice for a flat one")
        return _Builder(graph, Random(seed)).build()


class _Builder:
    def __init__(self, graph: RegionGraph, choose: Random) -> None:
        self.graph, self.choose = graph, choose
        self.faces: FaceComplex = face_complex(graph)
        self.cell = self._shuffled_names(graph.linear_regions().tolist())
        self.part = self._shuffled_names(range(len(graph)))

    def _shuffled_names(self, values: object) -> list[int]:
        """The same partition, with other names."""
        listed: list[int] = list(values)  # type: ignore[call-overload]
        names = list(range(max(listed, default=-1) + 1))
        self.choose.shuffle(names)
        return [names[v] for v in listed]

    def build(self) -> Complex:
        maps: dict[int, AffineMap] = {}
        parts: dict[int, Part] = {}
        for region in self.graph:
            cell = self.cell[region.index]
            if cell not in maps:
                weight, bias = region.exact_affine_map
                maps[cell] = tuple((*row, c) for row, c in zip(weight, bias, strict=True))
            parts[self.part[region.index]] = Part(
                cell, region.exact_point(), self._generators(region.index)
            )
        walls, seams, around = self._walls()
        number = list(range(len(walls)))
        self.choose.shuffle(number)
        ridges = [tuple(number[w] for w in sorted(found)) for found in around if found]
        self.choose.shuffle(ridges)
        placed = dict(zip(number, walls, strict=True))
        return Complex(
            tuple(maps[i] for i in range(len(maps))),
            tuple(parts[i] for i in range(len(parts))),
            tuple(placed[i] for i in range(len(walls))),
            tuple(seams),
            tuple(ridges),
        )

    def _generators(self, index: int) -> tuple[tuple[int, ...], ...]:
        own = [self.faces.generators[g] for g in sorted(self.faces.members[-1][index])]
        lines = self.graph[index].exact_lines()
        return (*own, *((*(s * v for v in line), 0) for line in lines for s in (1, -1)))

    def _walls(self) -> tuple[list[Wall], list[tuple[int, int]], list[list[int]]]:
        """Walls and seams, and for each ridge inside the domain its walls."""
        top = len(self.faces.members) - 1
        facets_of = [set(below) for below in self.faces.boundary[top]]
        shared: dict[int, int] = defaultdict(int)
        for facets in facets_of:
            for f in facets:
                shared[f] += 1
        walls: list[Wall] = []
        seams, wall_of = [], {}
        for region in self.graph:
            rows = region.inequality_rows
            for facet, row in zip(region.facets, rows, strict=True):
                if facet.neighbor is None or facet.neighbor < region.index:
                    continue
                sides = self.part[region.index], self.part[facet.neighbor]
                if self.cell[region.index] == self.cell[facet.neighbor]:
                    seams.append(sides)
                    continue
                (face,) = facets_of[region.index] & facets_of[facet.neighbor]
                wall_of[face] = len(walls)
                walls.append(self._wall(row, sides, face))
        if top < 2:
            return walls, seams, []
        around: dict[int, list[int]] = defaultdict(list)
        outer = set()
        for f, ridges in enumerate(self.faces.boundary[top - 1]):
            for ridge in ridges:
                if shared[f] == 1:
                    outer.add(ridge)
                elif f in wall_of:
                    around[ridge].append(wall_of[f])
        return walls, seams, [found for ridge, found in around.items() if ridge not in outer]

    def _wall(self, row: IntegerRow, sides: tuple[int, int], face: int) -> Wall:
        if self.choose.random() < 0.5:
            row, sides = [-v for v in row], sides[::-1]
        point = self.faces.face(self.faces.dim - 1, face).exact_point()
        return Wall(tuple(row), sides, point)
