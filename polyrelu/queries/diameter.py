"""How far apart regions are: the diameter of the region graph."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import IncompleteError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..progress import Progress
from .where import graph_of, stopped

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Diameter:
    """The greatest number of walls that a walk from one region to another has to cross.

    Attributes:
        low, high: bounds on it; equal unless a limit on seconds stopped the search.
        pair: two regions that are ``low`` walls apart.
        searches: how many regions distances were measured from.
    """

    low: int
    high: int
    pair: tuple[int, int]
    searches: int

    @property
    def exact(self) -> int | None:
        """The diameter, or None if it is only bounded."""
        return self.low if self.low == self.high else None


def diameter(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Diameter:
    """The diameter of a region graph, exactly.

    By breadth-first searches from some regions. Each bounds the eccentricities of all others by
    the triangle inequality, and regions that cannot be an end of the diameter are left out (Takes
    and Kosters 2011). A search takes some 0.3 ms for a thousand regions. Tens mostly do; in simple
    arrangements, with many pairs that far apart, half as many as there are regions.

    Args:
        what: a network, with a domain (default its input box, else R^d), or its region graph.
        limits: of the enumeration; ``seconds`` of the search, too.

    Raises:
        IncompleteError: a limit came before all regions were found.
    """
    graph = graph_of(what, domain, limits, progress)
    if not graph.complete:
        raise IncompleteError(f"the diameter needs all regions, but {stopped(graph)}")
    return _search(graph, Limits.checked(limits).seconds)


def _search(graph: RegionGraph, seconds: float | None) -> Diameter:
    from scipy.sparse.csgraph import dijkstra

    n, began = len(graph), time.perf_counter()
    matrix, degrees = graph.to_scipy(), graph.degrees
    reach = _Reach(np.zeros(n, dtype=np.int64), np.full(n, n - 1, dtype=np.int64))
    least, pair, searches = 0, (0, 0), 0
    candidates = np.arange(n)
    while len(candidates):
        source = reach.next_source(candidates, degrees, outward=searches % 2 == 0)
        found = dijkstra(matrix, directed=False, indices=source, unweighted=True)
        distances = found.astype(np.int64)
        reach.learn(source, distances)
        searches += 1
        if reach.high[source] > least:
            least, pair = int(reach.high[source]), (source, int(distances.argmax()))
        candidates = np.flatnonzero(reach.high > least)
        if seconds is not None and time.perf_counter() - began > seconds:
            break
    return Diameter(least, max(least, int(reach.high.max())), pair, searches)


@dataclass(frozen=True)
class _Reach:
    """Bounds on how far the farthest region is from each one."""

    low: Counts
    high: Counts

    def next_source(self, candidates: Counts, degrees: Counts, outward: bool) -> int:
        """In turn a region that may be far out and one that may be central."""
        key = self.high[candidates] if outward else -self.low[candidates]
        best = candidates[key == key.max()]
        return int(best[degrees[best].argmax()])

    def learn(self, source: int, distances: Counts) -> None:
        """From all distances from one region."""
        farthest = distances.max()
        np.maximum(self.low, np.maximum(distances, farthest - distances), out=self.low)
        np.minimum(self.high, distances + farthest, out=self.high)
        self.low[source] = self.high[source] = farthest
