"""The decision boundary of a network: where the greatest output is attained twice."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..activations import Real
from ..domain import Domain, Slice
from ..engine.generators import determinant, simplices
from ..enumeration import regions
from ..errors import IncompleteError
from ..faces import FaceComplex, face_complex
from ..graph import RegionGraph, as_keys
from ..homology import betti_numbers
from ..limits import Limits
from ..network import Array, Layer, Network, quotient
from ..progress import Progress
from ..rational import IntegerRow, dot, primitive, rank, rows_of
from ..region import ExactPoint, Region, region_forms, square_root
from .decision import Decision, decision
from .where import resolve, stopped

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Closure = Literal["none", "infinity"]
TIED = -1


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
        total += square_root(_gram_determinant(edges)) / math.factorial(dim)
    return total


def _gram_determinant(edges: list[list[Fraction]]) -> Fraction:
    return determinant(
        [
            [sum((a * b for a, b in zip(u, v, strict=True)), Fraction(0)) for v in edges]
            for u in edges
        ]
    )


@dataclass(frozen=True)
class Component:
    """A connected component of a decision boundary.

    Attributes:
        pieces: numbers of its pieces inside the domain.
        tied: regions of the graph that it contains.
        bounded: whether it is.
        closed: bounded and away from the domain's boundary: it has no end.
        betti: its Betti numbers over Z/2.
    """

    pieces: tuple[int, ...]
    tied: tuple[int, ...]
    bounded: bool
    closed: bool
    betti: tuple[int, ...]


@dataclass(frozen=True)
class DecisionRegion:
    """Where one class wins, an open set.

    Attributes:
        label: the class.
        components: for each connected component its regions of the graph.
        bounded: for each component whether it is.
    """

    label: int
    components: tuple[tuple[int, ...], ...]
    bounded: tuple[bool, ...]


class DecisionBoundary:
    """A decision boundary as a polyhedral complex. Made by :func:`decision_boundary`.

    Attributes:
        decision: the network, its classes, and the network that has the decision's thresholds too.
        graph: the regions of that one: each lies on one side of every comparison.
        labels: for each region the index of the class that wins there (in ``decision.classes``),
            or -1 if several do: the zero set is full-dimensional.
        parts: rows (region, region on the other side, facet of the first): walls of the graph.
        piece_of: for each part the number of the piece that it belongs to.
    """

    def __init__(self, decided: Decision, graph: RegionGraph) -> None:
        self.decision, self.graph = decided, graph
        self._walls_of = _path_walls(decided, graph)
        self.labels = self._labels()
        self.parts = self._find_parts()
        self.piece_of = self._number_pieces()

    def __len__(self) -> int:
        return int(self.piece_of.max(initial=-1)) + 1

    def __getitem__(self, index: int) -> Piece:
        n = len(self)
        if not -n <= index < n:
            raise IndexError(f"piece {index} of {n}")
        return Piece(self, index % n)

    def __iter__(self) -> Iterator[Piece]:
        return (Piece(self, i) for i in range(len(self)))

    def __repr__(self) -> str:
        tied = f", {len(self.tied)} regions tied" if len(self.tied) else ""
        state = "" if self.graph.complete else f", incomplete: {stopped(self.graph)}"
        return f"DecisionBoundary({len(self)} pieces, {len(self.graph)} regions{tied}{state})"

    # -- from the graph's columns --------------------------------------------------------------

    def _labels(self) -> npt.NDArray[np.int64]:
        labels = self.decision.winners(self.graph.packed_patterns)
        wall = self.graph.compiled.threshold_wall
        for i, t in self.graph.vanishing.tolist():
            if labels[i] != TIED and int(wall[t]) in self._walls_of[labels[i]]:
                labels[i] = TIED
        labels.flags.writeable = False
        return labels

    def _find_parts(self) -> npt.NDArray[np.int64]:
        """The walls of the graph on which two outputs are the greatest."""
        graph, labels = self.graph, self.labels
        facet = np.flatnonzero(graph.neighbor >= 0)
        owner = np.repeat(np.arange(len(graph)), np.diff(graph.indptr))[facet]
        other = graph.neighbor[facet].astype(np.int64)
        mine, its = labels[owner], labels[other]
        forward = (mine < its) | ((mine == its) & (owner < other))
        changes = forward & (mine != its) & (mine != TIED)
        same = np.flatnonzero((mine == its) & forward & (mine != TIED))
        touches = self._touching(facet[same], mine[same])
        chosen = np.sort(np.concatenate([np.flatnonzero(changes), same[touches]]))
        return np.stack([owner[chosen], other[chosen], facet[chosen]], axis=1)

    def _touching(
        self, facet: npt.NDArray[np.int64], label: npt.NDArray[np.int64]
    ) -> npt.NDArray[np.bool_]:
        """Which facets between regions of one class lie on a match of it."""
        graph = self.graph
        wall = graph.compiled.threshold_wall
        matches = np.zeros((len(self._walls_of), int(wall.max(initial=-1)) + 1), dtype=bool)
        for k, walls in enumerate(self._walls_of):
            matches[k, list(walls)] = True
        found: npt.NDArray[np.bool_] = matches[label, wall[graph.facets[facet]]]
        place = {f: i for i, f in enumerate(facet.tolist())} if len(graph.coincident) else {}
        for f, t in graph.coincident.tolist():
            if f in place:
                found[place[f]] |= matches[label[place[f]], wall[t]]
        return found

    def _number_pieces(self) -> npt.NDArray[np.int64]:
        """Parts between the same regions of the network and the same classes are one piece."""
        if len(self.decision.classes) == 2:
            return np.arange(len(self.parts))
        sides = self.parts[:, :2]
        rows = _without_bits(self.graph.packed_patterns[sides.ravel()], self.decision.first)
        base = np.zeros(sides.size, dtype=np.int64)
        if rows.shape[1]:
            _, base = np.unique(as_keys(rows), return_inverse=True)
        keys = np.concatenate([base.reshape(-1, 2), self.labels[sides]], axis=1)
        _, first, number = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        in_order: npt.NDArray[np.int64] = np.argsort(np.argsort(first))[number.ravel()]
        return in_order

    @property
    def volume(self) -> float:
        """The (d-1)-dimensional volume of all pieces; infinite if one is unbounded."""
        return sum(piece.volume for piece in self)

    @property
    def complete(self) -> bool:
        """Whether all of it is there: no limit was reached."""
        return self.graph.complete

    @property
    def tied(self) -> npt.NDArray[np.int64]:
        """The regions of the graph on which several classes win alike, everywhere."""
        return np.flatnonzero(self.labels == TIED)

    def decision_region(self, label: int) -> DecisionRegion:
        """Where class ``label`` wins: its connected components.

        Raises:
            IncompleteError: not all regions are there.
        """
        from scipy.sparse.csgraph import connected_components

        self._need_all()
        inside = np.flatnonzero(self.labels == self._index(label))
        number, which = connected_components(self._crossings()[inside][:, inside], directed=False)
        members = tuple(tuple(inside[which == c].tolist()) for c in range(number))
        bounded = tuple(not self.graph.unbounded[list(m)].any() for m in members)
        return DecisionRegion(label, members, bounded)

    def is_convex(self, label: int) -> bool:
        """Whether the open set on which class ``label`` wins is convex (also if it is empty).

        It is iff it is connected and lies on one side of every wall where it ends: a segment that
        leaves it does so through one.

        Raises:
            IncompleteError: not all regions are there.
        """
        components = self.decision_region(label).components
        if len(components) != 1:
            return not components
        members = self.complex.members[-1]
        corners = {g for i in components[0] for g in members[i]}
        rows = {tuple(row) for i in components[0] for row in self._ends_of(i)}
        generators = [self.complex.generators[g] for g in corners]
        return all(dot(row, g) >= 0 for row in rows for g in generators)

    def _ends_of(self, index: int) -> Iterator[IntegerRow]:
        """The rows of a region's facets behind which, or on which, its class does not win."""
        region = self.graph[index]
        first = int(self.graph.indptr[index])
        for k, facet in enumerate(region.facets):
            j = facet.neighbor
            if j is not None and (
                self.labels[j] != self.labels[index] or first + k in self._facets_of_parts
            ):
                yield region.inequality_rows[k]

    @cached_property
    def _facets_of_parts(self) -> frozenset[int]:
        """Facets, of the graph's columns, that are parts of pieces, seen from the first side."""
        return frozenset(self.parts[:, 2].tolist())

    def _crossings(self) -> csr_array:
        """The walls that are no parts of the boundary, as an adjacency matrix."""
        from scipy.sparse import csr_array

        n = len(self.graph)
        edges, parts = self.graph.edges(), np.sort(self.parts[:, :2], axis=1)
        inside = edges[~np.isin(edges @ [n, 1], parts @ [n, 1])]
        ones = np.ones(len(inside), dtype=bool)
        return csr_array((ones, (inside[:, 0], inside[:, 1])), shape=(n, n))

    def _index(self, label: int) -> int:
        if label not in self.decision.classes:
            raise ValueError(f"class {label!r} is none of {self.decision.classes}")
        return self.decision.classes.index(label)

    def _need_all(self) -> None:
        if not self.complete:
            raise IncompleteError(f"topology needs all regions, but {stopped(self.graph)}")

    # -- as a complex --------------------------------------------------------------------------

    @cached_property
    def complex(self) -> FaceComplex:
        """The faces of all dimensions of the graph's regions."""
        self._need_all()
        return face_complex(self.graph)

    @cached_property
    def winners(self) -> list[list[int]]:
        """For each k and face of dimension ``complex.n_lines + k`` the classes that win on it, as
        bits. Two outputs agree on a face iff they do at its vertices and along its directions."""
        bits = self.decision.winners_at(self.complex.generators)
        return self.complex.in_common(bits)

    @cached_property
    def _in_boundary(self) -> list[list[bool]]:
        return [[w & (w - 1) != 0 for w in row] for row in self.winners]

    def betti(self, closure: Closure = "none") -> tuple[int, ...]:
        """The Betti numbers b_0, ..., b_d over Z/2 of the boundary.

        Args:
            closure: "none": of the boundary within the (closed) domain. "infinity": of what is
                left when all its unbounded ends, and all of the domain's boundary, are one point;
                on R^d that is the closure at infinity of the literature, on a bounded domain the
                homology relative to the domain's boundary. No point is added where nothing ends.

        Raises:
            IncompleteError: not all regions are there.
        """
        return self._betti(self._in_boundary, closure)

    def _betti(self, faces: Sequence[Sequence[bool]], closure: Closure) -> tuple[int, ...]:
        if closure not in ("none", "infinity"):
            raise ValueError(f'closure must be "none" or "infinity", not {closure!r}')
        cells = self.complex
        dim = cells.dim
        if closure == "none":
            # Pointed polyhedra retract to their bounded faces, all at once (docs/boundary.md).
            kept = [
                [b and m <= self._points for b, m in zip(row, members, strict=True)]
                for row, members in zip(faces, cells.members, strict=True)
            ]
            found = betti_numbers(cells.boundary, kept)
            return found + (0,) * (dim + 1 - len(found))
        ends = self._ends
        kept = [
            [b and not side for b, side in zip(row, sides, strict=True)]
            for row, sides in zip(faces, cells.in_domain_boundary, strict=True)
        ]
        found = (0,) * cells.n_lines + betti_numbers(cells.boundary, kept)
        ending = any(
            b and e for row, end in zip(faces, ends, strict=True)
            for b, e in zip(row, end, strict=True)
        )  # fmt: skip
        return (found[0] + ending, *found[1:])

    @cached_property
    def _points(self) -> frozenset[int]:
        return frozenset(range(self.complex.n_points))

    @cached_property
    def _ends(self) -> list[list[bool]]:
        """Which faces are unbounded or in the domain's boundary."""
        cells = self.complex
        lines = cells.n_lines > 0
        return [
            [lines or side or not m <= self._points for side, m in zip(sides, faces, strict=True)]
            for sides, faces in zip(cells.in_domain_boundary, cells.members, strict=True)
        ]

    def region_betti(self, label: int) -> tuple[int, ...]:
        """The Betti numbers b_0, ..., b_d over Z/2 of the open set on which a class wins.

        By duality: of a d-manifold, b_k is that of dimension d - k with closed supports.
        """
        wins = 1 << self._index(label)
        cells = self.complex
        kept = [
            [w == wins and not side for w, side in zip(row, sides, strict=True)]
            for row, sides in zip(self.winners, cells.in_domain_boundary, strict=True)
        ]
        found = betti_numbers(cells.boundary, kept)[::-1]
        return found + (0,) * cells.n_lines

    @property
    def f_vector(self) -> tuple[int, ...]:
        """How many faces of each dimension the boundary has, in the domain."""
        return (0,) * self.complex.n_lines + tuple(map(sum, self._in_boundary))

    @property
    def euler_characteristic(self) -> int:
        """Of the closed cells: the alternating sum of ``betti()``."""
        return sum((-1) ** k * b for k, b in enumerate(self.betti()))

    def piece_graph(self) -> csr_array:
        """Which pieces meet in a (d-2)-dimensional face: an adjacency matrix, shape (pieces,
        pieces)."""
        from scipy.sparse import csr_array

        number = self._piece_of_face()
        k = self.complex.dim - 1 - self.complex.n_lines
        around: dict[int, set[int]] = {}
        for face, piece in number.items():
            for below in self.complex.boundary[k][face] if k > 0 else ():
                around.setdefault(below, set()).add(piece)
        pairs = {(a, b) for pieces in around.values() for a in pieces for b in pieces if a != b}
        rows, columns = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
        ones = np.ones(len(rows), dtype=bool)
        return csr_array((ones, (rows, columns)), shape=(len(self), len(self)))

    def _piece_of_face(self) -> dict[int, int]:
        """Which faces of dimension d - 1 are parts of pieces, and of which."""
        below = self.complex.boundary[-1]
        sides: dict[tuple[int, int], int] = {}
        for (i, j, _), piece in zip(self.parts.tolist(), self.piece_of.tolist(), strict=True):
            sides[i, j] = piece
        return {min(set(below[i]) & set(below[j])): piece for (i, j), piece in sides.items()}

    @cached_property
    def components(self) -> tuple[Component, ...]:
        """The connected components of the boundary within the domain.

        Raises:
            IncompleteError: not all regions are there.
        """
        group = self._groups()
        piece_of_face = self._piece_of_face()
        number = {root: n for n, root in enumerate(dict.fromkeys(group.values()))}
        faces = [[[False] * len(row) for row in self._in_boundary] for _ in number]
        pieces: list[set[int]] = [set() for _ in number]
        for k, row in enumerate(self._in_boundary):
            for i, inside in enumerate(row):
                if inside:
                    c = number[group[min(self.complex.members[k][i])]]
                    faces[c][k][i] = True
                    if k == len(self._in_boundary) - 2 and i in piece_of_face:
                        pieces[c].add(piece_of_face[i])
        return tuple(self._component(rows, p) for rows, p in zip(faces, pieces, strict=True))

    def _groups(self) -> dict[int, int]:
        """For each vertex of the boundary one that stands for its component."""
        parent: dict[int, int] = {}

        def root(v: int) -> int:
            while parent.setdefault(v, v) != v:
                parent[v] = v = parent[parent[v]]
            return v

        for members, inside in zip(self.complex.members, self._in_boundary, strict=True):
            for face, kept in zip(members, inside, strict=True):
                if kept:
                    first, *rest = sorted(g for g in face if g < self.complex.n_points)
                    for v in rest:
                        parent[root(v)] = root(first)
                    root(first)
        return {v: root(v) for v in sorted(parent)}

    def _component(self, faces: list[list[bool]], pieces: set[int]) -> Component:
        inside = [(k, i) for k, row in enumerate(faces) for i, kept in enumerate(row) if kept]
        members, sides = self.complex.members, self.complex.in_domain_boundary
        bounded = not self.complex.n_lines and all(members[k][i] <= self._points for k, i in inside)
        return Component(
            pieces=tuple(sorted(pieces)),
            tied=tuple(i for i, kept in enumerate(faces[-1]) if kept),
            bounded=bounded,
            closed=bounded and not any(sides[k][i] for k, i in inside),
            betti=self._betti(faces, "none"),
        )


def _path_walls(decided: Decision, graph: RegionGraph) -> list[set[int]]:
    """For each class the walls of the matches that it has played if it wins."""
    wall = graph.compiled.threshold_wall
    winners = range(len(decided.classes))
    return [{int(wall[t]) for t in decided.matches_of(k)} for k in winners]


def _without_bits(packed: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.uint8]:
    """The first n bits of packed patterns."""
    kept = packed[:, : (n + 7) // 8].copy()
    if n % 8:
        kept[:, -1] &= (1 << n % 8) - 1
    return kept


def decision_boundary(
    network: Layer | Network,
    domain: Domain | Slice | None = None,
    *,
    classes: Sequence[int] | None = None,
    level: Real = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> DecisionBoundary:
    """Where the decision of a network changes, exactly, as the polyhedral complex that it is.

    With one output it is the level set {f = level}; with several the set of inputs at which the
    greatest of the chosen outputs is attained at least twice (for two classes {y_i = y_j}). That
    takes in where a class only touches its equal, and full-dimensional ties (``tied``).

    The comparisons are appended to the network as further thresholds, so the cost is that of
    :func:`polyrelu.regions`, some 1.2 times; topology needs the faces of all dimensions, see
    :func:`polyrelu.face_complex`.

    Args:
        domain: default the network's input box, else R^d.
        classes: which outputs are compared; default all.
        level: of a network with one output.

    Raises:
        NetworkError: classes that are not there, or fewer than two.
    """
    net, where = resolve(network, domain)
    decided = decision(net, classes, level)
    graph = regions(decided.extended, where, limits=limits, progress=progress)
    return DecisionBoundary(decided, graph)
