"""LS0 by branch and bound over cones of directions, without enumerating chambers.

A difference that is not positive at the vertices of a simplicial cone is positive nowhere in it. So
the others bound the score in the cone from above, and the scores of the vertices bound the maximum
from below; the cone with the greatest bound is bisected along its longest edge. All signs are
exact: projections are integers, and only their order is kept.
"""

from __future__ import annotations

import heapq
import time
from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt

from ..rational import IntegerRow, rank
from .points import PointSets
from .scores import positive_pairs

Ranks = npt.NDArray[np.int32]

MOST_DIMS = 5
MOST_PAIRS = 20_000_000
NODES = 5000
EFFORT = 2_000_000_000  # signs that are looked at


@dataclass(frozen=True, eq=False)
class _Vertex:
    """A direction: what it has of each axis, itself in integers, and the order of projections."""

    share: IntegerRow
    w: IntegerRow
    first: Ranks
    second: Ranks
    positive: int


@dataclass(frozen=True, eq=False)
class _Cone:
    """Its vertices, how many pairs are positive throughout, and those that may change."""

    vertices: tuple[_Vertex, ...]
    positive: int
    open: npt.NDArray[np.int32]

    @property
    def bound(self) -> int:
        return self.positive + len(self.open)


@dataclass(frozen=True)
class Bracket:
    """The greatest number of positive pairs is in [low, high]; ``w`` has ``low`` of them."""

    low: int
    high: int
    w: IntegerRow
    nodes: int


class ConeSearch:
    def __init__(self, sets: PointSets, seconds: float | None) -> None:
        self.sets = sets
        self.until = None if seconds is None else time.monotonic() + seconds
        self.effort = 0
        self.axes = sets.frame.axes()

    @property
    def possible(self) -> bool:
        """Few enough dimensions and pairs, and axes that float64 did not make dependent."""
        few = self.sets.rank <= MOST_DIMS and self.sets.n_pairs <= MOST_PAIRS
        return few and rank(self.axes) == self.sets.rank

    def run(self, w: IntegerRow) -> Bracket:
        """From a direction that is known to be good."""
        best, low = w, positive_pairs(*self.sets.projections(w))
        heap: list[tuple[int, int, _Cone]] = []
        number = 0
        for cone in self._orthants():
            heapq.heappush(heap, (-cone.bound, number, cone))
            number += 1
            for v in cone.vertices:
                if v.positive > low:
                    best, low = v.w, v.positive
        while heap and -heap[0][0] > low and not self._exhausted(number):
            _, _, cone = heapq.heappop(heap)
            middle, halves = self._bisected(cone)
            if middle.positive > low:
                best, low = middle.w, middle.positive
            for half in halves:
                if half.bound > low:
                    heapq.heappush(heap, (-half.bound, number, half))
                    number += 1
        return Bracket(low, max(low, -heap[0][0]) if heap else low, best, number)

    def _exhausted(self, nodes: int) -> bool:
        if self.until is not None:
            return time.monotonic() > self.until
        return nodes > NODES or self.effort > EFFORT

    def _orthants(self) -> list[_Cone]:
        """Cones that cover all directions."""
        r = self.sets.rank
        ends = []
        for k in range(r):
            unit = [int(i == k) for i in range(r)]
            ends.append((self._vertex(unit), self._vertex([-v for v in unit])))
        everything = np.arange(self.sets.n_pairs, dtype=np.int32)
        return [self._cone(corner, 0, everything) for corner in product(*ends)]

    def _vertex(self, share: IntegerRow) -> _Vertex:
        columns = zip(*self.axes, strict=True)
        w = [sum(c * v for c, v in zip(share, column, strict=True)) for column in columns]
        p, q = self.sets.projections(w)
        order = {v: k for k, v in enumerate(sorted({*p, *q}))}
        first, second = (np.array([order[v] for v in part], dtype=np.int32) for part in (p, q))
        return _Vertex(share, w, first, second, positive_pairs(p, q))

    def _cone(
        self, vertices: tuple[_Vertex, ...], positive: int, pairs: npt.NDArray[np.int32]
    ) -> _Cone:
        from .kernel import divide

        first, second = (np.array(part) for part in zip(*((v.first, v.second) for v in vertices),
                                                        strict=True))  # fmt: skip
        still = np.empty(len(pairs), dtype=np.int32)
        more, n_still = divide(first, second, pairs, still)
        self.effort += len(pairs) * len(vertices)
        return _Cone(vertices, positive + more, still[:n_still].copy())

    def _bisected(self, cone: _Cone) -> tuple[_Vertex, list[_Cone]]:
        at = np.array([v.share for v in cone.vertices], dtype=np.float64)
        at /= np.linalg.norm(at, axis=1, keepdims=True)
        k, m = divmod(int((at @ at.T).argmin()), len(at))
        middle = self._vertex(_between(cone.vertices[k].share, cone.vertices[m].share))
        halves = []
        for out in (k, m):
            vertices = tuple(middle if i == out else v for i, v in enumerate(cone.vertices))
            halves.append(self._cone(vertices, cone.positive, cone.open))
        return middle, halves


def _between(u: IntegerRow, v: IntegerRow) -> IntegerRow:
    """A positive combination of two directions, near to the middle."""
    sizes = [max(map(abs, x)).bit_length() for x in (u, v)]
    shifts = [max(sizes) - k for k in sizes]
    return [(x << shifts[0]) + (y << shifts[1]) for x, y in zip(u, v, strict=True)]
