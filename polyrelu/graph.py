"""The region graph: every region of a network on a domain, and which of them touch."""

from __future__ import annotations

import builtins
import operator
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

import numpy as np
import numpy.typing as npt

from .domain import Domain, Slice
from .engine.compiled import rounded_points
from .errors import DomainError
from .network import Array, FieldsOnly, Network
from .notebook import InNotebook
from .rational import ExactPoint, IntegerRow, dot, integer_row, rows_of
from .region import Region, affine_hull_rows

if TYPE_CHECKING:
    import networkx
    from scipy.sparse import csr_array

    from .engine.compiled import Compiled
    from .progress import Progress
    from .verify import Verification

DOMAIN_WALL, UNEXPLORED = -1, -2


@dataclass(frozen=True, eq=False)
class RegionGraph(FieldsOnly, InNotebook):
    """The activation regions of a network on a domain, in immutable columns.

    Made by :func:`polyrelu.regions`. Two regions are adjacent iff their closures share a
    (d-1)-dimensional wall; ``neighbors`` of region i stand in
    ``neighbor[indptr[i]:indptr[i + 1]]``, one for each facet.

    Attributes:
        network: the network; for a slice, the network restricted to it.
        domain: the domain; for a slice, that of its coordinates.
        slice: the slice, or None.
        complete: False if a limit or an interrupt stopped the enumeration.
        stopped_by: "regions", "seconds", "memory", "interrupt", "executor" or None.
        packed_patterns: shape (n, ceil(thresholds / 8)), uint8: bit t of a pattern is bit
            ``t % 8`` of byte ``t // 8``.
        local_witnesses: shape (n, d): points inside, in the coordinates of ``compiled.chart``.
        exact_witnesses: for regions too thin for a certified float64 point: index -> point in
            the same coordinates.
        unbounded: shape (n,): which regions are unbounded.
        indptr: shape (n + 1,).
        facets: for each facet the threshold that vanishes on it, or -1 - k for inequality k of
            the domain.
        neighbor: for each facet the region behind it, or -1 (domain) or -2 (unexplored).
        coincident: rows (facet, threshold), shape (m, 2): what else vanishes on a facet inside the
            domain (one threshold for each boundary, also where it is not crossed there).
        vanishing: rows (region, threshold), shape (m, 2): what is identically 0 on a region.
        stats: what the enumeration took: seconds, splits, rational arithmetic, versions.
    """

    network: Network
    domain: Domain
    packed_patterns: npt.NDArray[np.uint8]
    local_witnesses: Array
    exact_witnesses: Mapping[int, ExactPoint]
    unbounded: npt.NDArray[np.bool_]
    indptr: npt.NDArray[np.int64]
    facets: npt.NDArray[np.int32]
    neighbor: npt.NDArray[np.signedinteger[Any]]
    coincident: npt.NDArray[np.int64]
    vanishing: npt.NDArray[np.int64]
    complete: bool = True
    stopped_by: str | None = None
    slice: Slice | None = None
    stats: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("packed_patterns", "local_witnesses", "unbounded", "indptr", "facets",
                     "neighbor", "coincident", "vanishing"):  # fmt: skip
            getattr(self, name).flags.writeable = False

    # -- regions -----------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.packed_patterns)

    @overload
    def __getitem__(self, index: int) -> Region: ...
    @overload
    def __getitem__(self, index: builtins.slice) -> list[Region]: ...
    def __getitem__(self, index: int | builtins.slice) -> Region | list[Region]:
        if isinstance(index, builtins.slice):
            return [Region(self, i) for i in range(*index.indices(len(self)))]
        return Region(self, self._checked(index))

    def _checked(self, index: int) -> int:
        """A region's number, 0, ..., n - 1; negative ones count from the end."""
        n = len(self)
        index = operator.index(index)
        if not -n <= index < n:
            raise IndexError(f"region {index} of {n}")
        return index % n

    def __iter__(self) -> Iterator[Region]:
        return (Region(self, i) for i in range(len(self)))

    def __repr__(self) -> str:
        state = "" if self.complete else f", incomplete: stopped by {self.stopped_by}"
        return f"RegionGraph({len(self)} regions, {self.n_walls} walls{state})"

    @property
    def dim(self) -> int:
        """The number of coordinates of the domain."""
        return self.domain.dim

    @property
    def n_walls(self) -> int:
        """How many pairs of regions touch."""
        return int(np.count_nonzero(self.neighbor >= 0)) // 2

    @property
    def patterns(self) -> npt.NDArray[np.uint8]:
        """All patterns, shape (n, thresholds), entries 0 and 1; made anew at each call."""
        n = len(self.network.thresholds)
        return np.unpackbits(self.packed_patterns, axis=1, count=n, bitorder="little")

    def pattern(self, index: int) -> npt.NDArray[np.uint8]:
        """Shape (thresholds,), entries 0 and 1."""
        index = self._checked(index)
        n = len(self.network.thresholds)
        return np.unpackbits(self.packed_patterns[index], count=n, bitorder="little")

    @cached_property
    def compiled(self) -> Compiled:
        """What the engine worked on: the chart of the domain and the network's walls."""
        from .engine.program import compile_network

        return compile_network(self.network, self.domain)

    @property
    def lines(self) -> list[IntegerRow]:
        """Directions along which neither the network nor the domain changes (integers)."""
        return self.compiled.lines

    def equalities(self) -> list[IntegerRow]:
        """Integers g with ``g . (x, 1) = 0`` on the domain; empty if it is full-dimensional."""
        return affine_hull_rows(self.domain.chart().matrix)

    @cached_property
    def witnesses(self) -> Array:
        """A point inside each region, shape (n, dim), rounded to float64.

        :meth:`Region.exact_point` is exact; where walls are closer than rounding, only that one is
        inside.
        """
        points = rounded_points(self.compiled, self.local_witnesses)
        beyond = np.flatnonzero(~np.isfinite(points).all(axis=1)).tolist()
        for i in {*self.exact_witnesses, *beyond}:
            points[i] = self[i].witness
        points.flags.writeable = False
        return points

    def exact_point(self, index: int) -> ExactPoint:
        """A rational point strictly inside a region."""
        index = self._checked(index)
        local = self.exact_witnesses.get(index)
        if local is None:
            local = tuple(Fraction(float(v)) for v in self.local_witnesses[index])
        column = integer_row([*local, Fraction(1)])
        x = [dot(row, column) for row in rows_of(self.compiled.chart)]
        return tuple(Fraction(v, x[-1]) for v in x[:-1])

    def to_input(self, x: npt.ArrayLike) -> Array:
        """Points of the domain as inputs of the original network (other only for a slice)."""
        points = np.asarray(x, dtype=np.float64)
        return points if self.slice is None else self.slice.to_input(points)

    # -- adjacency ---------------------------------------------------------------------------

    def neighbors(self, index: int) -> npt.NDArray[np.int64]:
        """The regions that share a (d-1)-dimensional wall with region ``index``."""
        index = self[index].index
        found = self.neighbor[self.indptr[index] : self.indptr[index + 1]]
        return found[found >= 0].astype(np.int64)

    @property
    def degrees(self) -> npt.NDArray[np.int64]:
        """The number of neighbours of each region."""
        cumulative = np.concatenate([[0], np.cumsum(self.neighbor >= 0)])
        return np.diff(cumulative[self.indptr])

    def _directed_edges(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Facets with a region behind them, and the regions that they belong to."""
        facets = np.flatnonzero(self.neighbor >= 0)
        owner = np.repeat(np.arange(len(self)), np.diff(self.indptr))[facets]
        return facets, owner

    def edges(self) -> npt.NDArray[np.int64]:
        """Shape (walls, 2): the pairs i < j of regions that touch."""
        return self.walls()[0]

    def walls(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The :meth:`edges`, and for each, shape (walls,), the threshold that vanishes there (of
        several the one that its facet names)."""
        facets, owner = self._directed_edges()
        other = self.neighbor[facets].astype(np.int64)
        forward = owner < other
        between = np.stack([owner[forward], other[forward]], axis=1)
        return between, self.facets[facets[forward]].astype(np.int64)

    def flips(self, i: int, j: int) -> npt.NDArray[np.int64]:
        """The thresholds whose bits differ between two regions."""
        return np.flatnonzero(self.pattern(i) != self.pattern(j))

    def to_scipy(self) -> csr_array:
        """The adjacency matrix, shape (n, n), boolean."""
        from scipy.sparse import csr_array

        edges = self.edges()
        rows, columns = np.concatenate([edges, edges[:, ::-1]]).T
        ones = np.ones(len(rows), dtype=bool)
        return csr_array((ones, (rows, columns)), shape=(len(self), len(self)))

    def to_networkx(self) -> networkx.Graph:
        """An undirected networkx graph: nodes 0..n-1, edges with the attribute ``threshold``.

        Heavy beyond some 10^5 regions (half a kilobyte each); see :meth:`to_scipy`.
        """
        import networkx as nx

        graph = nx.Graph()
        graph.add_nodes_from(range(len(self)))
        facets, owner = self._directed_edges()
        other = self.neighbor[facets]
        for i, j, t in zip(owner.tolist(), other.tolist(), self.facets[facets].tolist(),
                           strict=True):  # fmt: skip
            if i < j:
                graph.add_edge(i, j, threshold=t)
        return graph

    # -- looking up --------------------------------------------------------------------------

    @cached_property
    def _order(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.void]]:
        keys = as_keys(self.packed_patterns)
        order = np.argsort(keys)
        return order, keys[order]

    def find(self, pattern: npt.ArrayLike) -> int:
        """The region with a pattern of zeros and ones, or -1."""
        return int(self._lookup(packed_pattern(self.network, pattern)[None])[0])

    def _lookup(self, packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
        if packed.shape[1] == 0:
            return np.zeros(len(packed), dtype=np.int64) if len(self) else np.full(len(packed), -1)
        order, keys = self._order
        wanted = as_keys(packed)
        at = np.minimum(np.searchsorted(keys, wanted), max(len(keys) - 1, 0))
        if not len(keys):
            return np.full(len(packed), -1, dtype=np.int64)
        return np.where(keys[at] == wanted, order[at], -1)

    def locate(self, points: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """The region that each point lies strictly inside of, for points of shape (m, dim).

        -1 for a point outside the domain, on a wall, or (if the graph is incomplete) in a
        region that was not found. The domain's boundary is no wall here: the domain is
        closed. Decided exactly: the points are the floats given.
        """
        from .locate import exact_patterns

        packed, inside = exact_patterns(self, points)
        return np.where(inside, self._lookup(packed), -1)

    def region_at(self, x: npt.ArrayLike) -> Region:
        """The region that the point x, shape (dim,), lies strictly inside of.

        Raises:
            DomainError: x is outside the domain, on a wall, or in no region that was found.
        """
        index = int(self.locate(np.asarray(x, dtype=np.float64)[None])[0])
        if index < 0:
            why = "" if self.complete else ", or in a part that was not enumerated"
            raise DomainError(f"{x!r} is outside the domain or on a wall{why}")
        return self[index]

    # -- answers -----------------------------------------------------------------------------

    def statistics(self) -> dict[str, Any]:
        """Counts in a dictionary of plain numbers."""
        degrees = self.degrees
        return {
            "regions": len(self),
            "complete": self.complete,
            "stopped_by": self.stopped_by,
            "walls": self.n_walls,
            "domain_facets": int(np.count_nonzero(self.neighbor == DOMAIN_WALL)),
            "unexplored_facets": int(np.count_nonzero(self.neighbor == UNEXPLORED)),
            "unbounded_regions": int(self.unbounded.sum()),
            "average_degree": float(degrees.mean()) if len(self) else 0.0,
            "least_degree": int(degrees.min(initial=0)) if len(self) == 0 else int(degrees.min()),
            "greatest_degree": int(degrees.max(initial=0)),
            "thin_regions": len(self.exact_witnesses),
            **self.stats,
        }

    def linear_regions(self) -> npt.NDArray[np.int64]:
        """Shape (n,): a label 0, 1, ... for each region; regions that connect and on which the
        network is exactly the same affine map share one (a linear region)."""
        from .merge import linear_regions

        return linear_regions(self)

    def verify(
        self,
        level: str = "geometry",
        *,
        sample: int | None = None,
        seed: int = 0,
        progress: bool | Progress = False,
    ) -> Verification:
        """Re-check the graph by code that shares nothing with the engine.

        See :func:`polyrelu.verify.verify`.
        """
        from .verify import verify

        return verify(self, level, sample=sample, seed=seed, progress=progress)

    def save(self, path: Any) -> None:
        """Write the graph, its network and what made it; see :mod:`polyrelu.io.graph`."""
        from .io.graph import save_graph

        save_graph(self, path)

    @classmethod
    def load(cls, path: Any) -> RegionGraph:
        """Read what :meth:`save` wrote."""
        from .io.graph import load_graph

        return load_graph(path)


def packed_pattern(network: Network, pattern: npt.ArrayLike) -> npt.NDArray[np.uint8]:
    """A pattern of zeros and ones, eight to a byte.

    Raises:
        ValueError: it is none of this network.
    """
    bits = np.asarray(pattern)
    n = len(network.thresholds)
    if bits.shape != (n,) or not np.isin(bits, (0, 1)).all():
        raise ValueError(f"a pattern must be {n} zeros and ones, not {pattern!r}")
    return np.packbits(bits.astype(np.uint8), bitorder="little")


def as_keys(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.void]:
    """Rows of bytes as single values that sort."""
    rows = np.ascontiguousarray(packed)
    return rows.view(np.dtype((np.void, rows.shape[1]))).ravel()
