"""The decision boundary of a network: where the greatest output is attained twice."""

from __future__ import annotations

import operator
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from ..activations import Real
from ..domain import Domain, Slice
from ..enumeration import regions
from ..errors import IncompleteError
from ..faces import FaceComplex, face_complex
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..notebook import InNotebook
from ..progress import Progress
from ..rational import IntegerRow, dot
from .decision import Decision, decision
from .piece import Piece
from .topology import Closure, betti_of_closed, betti_of_open, components, inside, is_bounded
from .where import resolve, stopped

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from ..engine.compiled import Compiled

TIED = -1


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

    def __repr__(self) -> str:
        kind = "closed" if self.closed else "bounded" if self.bounded else "unbounded"
        tied = f", {len(self.tied)} regions tied" if self.tied else ""
        return f"Component({len(self.pieces)} pieces{tied}, {kind}, betti {self.betti})"


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


class DecisionBoundary(InNotebook):
    """A decision boundary as a polyhedral complex. Made by :func:`decision_boundary`.

    Attributes:
        decision: the network, its classes, and the network that has the decision's thresholds too.
        graph: the regions of that one: each lies on one side of every comparison.
        labels: for each region the place in ``decision.classes`` of the class that wins there, or
            -1 if several do: the zero set is full-dimensional.
        parts: rows (region, region on the other side, facet of the first): walls of the graph.
        piece_of: for each part the number of the piece that it belongs to.
    """

    def __init__(self, decided: Decision, graph: RegionGraph) -> None:
        self.decision, self.graph = decided, graph
        self._walls_of = path_walls(decided, graph.compiled)
        self.labels = self._labels()
        self.parts = self._find_parts()
        self.piece_of = self._number_pieces()

    def __len__(self) -> int:
        return int(self.piece_of.max(initial=-1)) + 1

    def __getitem__(self, index: int) -> Piece:
        n, index = len(self), operator.index(index)
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
        labels = labels_of(self.decision, self.graph, self._walls_of)
        labels.flags.writeable = False
        return labels

    def _find_parts(self) -> npt.NDArray[np.int64]:
        """The walls of the graph on which two outputs are the greatest."""
        neighbors = self.graph.neighbor.astype(np.int64)
        return find_parts(self.decision, self.graph, self._walls_of, self.labels, neighbors)

    def _number_pieces(self) -> npt.NDArray[np.int64]:
        """Parts between the same regions of the network and the same classes are one piece."""
        if len(self.decision.classes) == 2:
            return np.arange(len(self.parts))
        sides = self.parts[:, :2]
        first = self.decision.first
        base = _numbered(_without_bits(self.graph.packed_patterns[sides.ravel()], first))
        pairs, labels = base.reshape(-1, 2), self.labels[sides]
        same = labels[:, 0] == labels[:, 1]  # then either side may be the first of a part
        pairs[same] = np.sort(pairs[same], axis=1)
        return _numbered(np.concatenate([pairs, labels], axis=1))

    @property
    def volume(self) -> float:
        """The (d-1)-dimensional volume of all pieces; infinite if one is unbounded.

        Raises:
            IncompleteError: not all regions are there.
        """
        self._need_all()
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
        """Whether the open set on which class ``label`` wins, inside the domain, is convex (also if
        it is empty).

        It is iff it is connected, lies on one side of every wall where it ends, and lacks no point
        of what these walls bound: a segment that leaves it does so through a wall, or meets a
        face of the boundary of less dimension, such as 0 for \\|x\\| + \\|y\\|.

        Raises:
            IncompleteError: not all regions are there.
        """
        found = self.decision_region(label).components
        if len(found) != 1:
            return not found
        cells, table = self.complex, self.complex.generators
        corners = {g for i in found[0] for g in cells.members[-1][i]}
        rows = {tuple(row) for i in found[0] for row in self._ends_of(i)}
        if any(dot(row, table[g]) < 0 for row in rows for g in corners):
            return False
        for k, faces in enumerate(self._lacking(label)):
            for i in faces:
                middle = [
                    sum(v) for v in zip(*(table[g] for g in cells.members[k][i]), strict=True)
                ]
                if all(dot(row, middle) > 0 for row in rows):
                    return False
        return True

    def _lacking(self, label: int) -> list[list[int]]:
        """Faces of the boundary, but for those in the domain's, on which a class wins as well."""
        bit = 1 << self._index(label)
        return [
            [i for i in row if self.winners[k][i] & bit]
            for k, row in enumerate(inside(self.complex, self.faces))
        ]

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
            raise IncompleteError(f"this needs all regions, but {stopped(self.graph)}")

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
    def faces(self) -> list[list[int]]:
        """For each k the numbers of the faces of dimension ``complex.n_lines + k`` that the
        boundary has."""
        return [[i for i, w in enumerate(row) if w & (w - 1)] for row in self.winners]

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
        return betti_of_closed(self.complex, self.faces, closure)

    def region_betti(
        self, label: int, closure: Closure | Literal["open"] = "open"
    ) -> tuple[int, ...]:
        """The Betti numbers b_0, ..., b_d over Z/2 of where a class wins.

        Args:
            closure: "open": of the open set on which it alone wins. "none": of the closed set on
                which no other is greater, within the domain. "infinity": of that closed set with
                its unbounded ends and the domain's boundary as one point, as in :meth:`betti`.
        """
        bit = 1 << self._index(label)
        if closure == "open":
            alone = [[i for i, w in enumerate(row) if w == bit] for row in self.winners]
            return betti_of_open(self.complex, alone)
        among = [[i for i, w in enumerate(row) if w & bit] for row in self.winners]
        return betti_of_closed(self.complex, among, closure)

    @property
    def f_vector(self) -> tuple[int, ...]:
        """How many faces of each dimension the boundary has, in the domain."""
        return (0,) * self.complex.n_lines + tuple(map(len, self.faces))

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
        piece_of_face = self._piece_of_face()
        return tuple(
            self._component(faces, piece_of_face) for faces in components(self.complex, self.faces)
        )

    def _component(self, faces: list[list[int]], piece_of_face: dict[int, int]) -> Component:
        cells = self.complex
        walls = faces[-2] if len(faces) > 1 else []
        bounded = all(is_bounded(cells, k, i) for k, row in enumerate(faces) for i in row)
        return Component(
            pieces=tuple(sorted({piece_of_face[i] for i in walls if i in piece_of_face})),
            tied=tuple(faces[-1]),
            bounded=bounded,
            closed=bounded and inside(cells, faces) == faces,
            betti=betti_of_closed(cells, faces, "none"),
        )


def path_walls(decided: Decision, compiled: Compiled) -> list[set[int]]:
    """For each class the walls of the matches that it has played if it wins."""
    wall = compiled.threshold_wall
    winners = range(len(decided.classes))
    return [{int(wall[t]) for t in decided.matches_of(k)} for k in winners]


def labels_of(
    decided: Decision, graph: RegionGraph, walls_of: list[set[int]]
) -> npt.NDArray[np.int64]:
    """For each region the class that wins there, or ``TIED``."""
    labels = decided.winners(graph.packed_patterns)
    wall = graph.compiled.threshold_wall
    for i, t in graph.vanishing.tolist():
        if labels[i] != TIED and int(wall[t]) in walls_of[labels[i]]:
            labels[i] = TIED
    return labels


def find_parts(
    decided: Decision,
    graph: RegionGraph,
    walls_of: list[set[int]],
    labels: npt.NDArray[np.signedinteger],
    neighbors: npt.NDArray[np.int64],
    start: int = 0,
) -> npt.NDArray[np.int64]:
    """The walls on which two outputs are the greatest, each seen from one side: rows (region,
    region on the other side, facet of the graph).

    The graph may be a part of one whose regions ``labels`` and ``neighbors`` are about, in which it
    begins with the region number ``start``.
    """
    facet = _facets_of_matches(graph, decided.first, neighbors)
    owner = np.searchsorted(graph.indptr, facet, side="right") - 1 + start
    other = neighbors[facet]
    mine, its = labels[owner], labels[other]
    forward = (mine < its) | ((mine == its) & (owner < other))
    changes = forward & (mine != its) & (mine != TIED)
    same = np.flatnonzero((mine == its) & forward & (mine != TIED))
    touches = _touching(graph, walls_of, facet[same], mine[same])
    chosen = np.sort(np.concatenate([np.flatnonzero(changes), same[touches]]))
    return np.stack([owner[chosen], other[chosen], facet[chosen]], axis=1)


def _facets_of_matches(
    graph: RegionGraph, first: int, neighbors: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64]:
    """The facets, behind which there is a region, on which a match vanishes."""
    also, threshold = graph.coincident.T
    on_match = graph.facets >= first
    on_match[also[threshold >= first]] = True
    on_match &= neighbors >= 0
    return np.flatnonzero(on_match)


def _touching(
    graph: RegionGraph,
    walls_of: list[set[int]],
    facet: npt.NDArray[np.int64],
    label: npt.NDArray[np.signedinteger],
) -> npt.NDArray[np.bool_]:
    """Which facets between regions of one class lie on a match of it."""
    wall = graph.compiled.threshold_wall
    matches = np.zeros((len(walls_of), int(wall.max(initial=-1)) + 1), dtype=bool)
    for k, walls in enumerate(walls_of):
        matches[k, list(walls)] = True
    found: npt.NDArray[np.bool_] = matches[label, wall[graph.facets[facet]]]
    place = {f: i for i, f in enumerate(facet.tolist())} if len(graph.coincident) else {}
    for f, t in graph.coincident.tolist():
        if f in place:
            found[place[f]] |= matches[label[place[f]], wall[t]]
    return found


def _without_bits(packed: npt.NDArray[np.uint8], n: int) -> npt.NDArray[np.int64]:
    """The first n bits of packed patterns, in words."""
    kept = np.zeros((len(packed), (n + 63) // 64 * 8), dtype=np.uint8)
    kept[:, : (n + 7) // 8] = packed[:, : (n + 7) // 8]
    if n % 8:
        kept[:, n // 8] &= (1 << n % 8) - 1
    return kept.view(np.int64)


def _numbered(rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The number of each row among the different ones, in the order in which they first occur."""
    if not rows.size:
        return np.zeros(len(rows), dtype=np.int64)
    order = np.lexsort(rows.T)
    ordered = rows[order]
    new = np.concatenate([[True], (ordered[1:] != ordered[:-1]).any(axis=1)])
    place = np.empty(len(rows), dtype=np.int64)
    place[order] = np.cumsum(new) - 1
    first = order[new]  # lexsort is stable
    number = np.empty(len(first), dtype=np.int64)
    number[np.argsort(first)] = np.arange(len(first))
    return number[place]


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

    The comparisons are appended to the network as further thresholds. It takes about half as long
    again as :func:`polyrelu.regions` with one output or two classes, and as long again with ten.
    Topology needs the faces of all dimensions, see :func:`polyrelu.face_complex`.

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
    if isinstance(domain, Slice):
        graph = replace(graph, slice=domain)
    return DecisionBoundary(decided, graph)
