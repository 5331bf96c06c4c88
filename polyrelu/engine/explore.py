"""Outward from a point: regions breadth first, through true facets.

For networks that have far too many regions to enumerate, in any number of dimensions. Each is
examined at a point of it (:mod:`.examine`); across each of its facets lies the next.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from fractions import Fraction

import numpy as np
from threadpoolctl import threadpool_limits

from ..network import quotient
from ..rational import dot_point
from .compiled import Compiled
from .enumerate import Found
from .examine import Examiner
from .explored import Region, columns, nbytes
from .located import OnWall, exact
from .lp_answers import LpResolver
from .measure import Measure
from .open_cells import OpenCells
from .ray import Point, enter

RETAINED = 1 << 28  # bytes of points across facets that are kept; others are found again
TRIES = 20


class Explorer:
    """Has the methods of an :class:`.enumerate.Enumeration`, for one region after the other."""

    def __init__(
        self, compiled: Compiled, start: Sequence[Fraction], max_regions: int | None = None
    ) -> None:
        self.compiled = compiled
        self.splits = self.found = 0
        self.finished = False
        self._most = max_regions
        self._start = start
        self._examiner = Examiner(compiled)
        self._here = self._examiner.here
        self._pending: list[Region] = []
        self._retained = 0

    @property
    def resolver(self) -> LpResolver:
        return self._here.resolver

    @property
    def working_bytes(self) -> int:
        return self._retained

    # -- what a search does ------------------------------------------------------------------

    def blocks(self) -> Iterator[Found | int]:
        """Regions one by one, and empty blocks that let the caller look at the clock."""
        with threadpool_limits(limits=1, user_api="blas"):  # matrices too small to be shared
            yield from self._search()

    def _search(self) -> Iterator[Found]:
        self._pending = [self._first()]
        seen = {self._pending[0].pattern.tobytes()}
        queue = deque(self._pending)
        self._retain(self._pending[0])
        while queue:
            region = queue.popleft()
            if region.across is None:
                self._look_again(region)
            assert region.across is not None
            for wall in list(region.across):
                if self._expected(region, wall) in seen:
                    continue
                child = self._cross(region, wall)
                yield self.nothing()
                key = child.pattern.tobytes()
                if key not in seen:
                    seen.add(key)
                    queue.append(child)
                    self._retain(child)
                    yield self._release()
                    self._pending = [child]
            self._retained -= nbytes(region.across)
            region.across = None
        self.finished = True
        yield self._release()

    def flush(self) -> Found:
        """What was found since the last block."""
        if self._most is not None and self.found >= self._most:
            return self.nothing()
        return self._release()

    def nothing(self) -> Found:
        return columns(self.compiled, [])

    def left(self, parts: int = 1, measure: Measure | None = None) -> list[OpenCells]:
        """Nothing that another search could go on from."""
        return []

    def settle(self, found: Found, doubtful: np.ndarray, left: Sequence[OpenCells]) -> np.ndarray:
        assert not doubtful.any()
        return doubtful

    def _release(self) -> Found:
        """One region is held back, so that a limit just reached tells an end from a stop."""
        regions, self._pending = self._pending, []
        self.found += len(regions)
        return columns(self.compiled, regions)

    # -- from region to region ---------------------------------------------------------------

    def _first(self) -> Region:
        """The region that the starting point is in, or one that it is on the boundary of."""
        inwards = self._here.domain.direction_inwards(self._start)
        return self._enter(self._start, inwards)

    def _enter(self, start: Sequence[Fraction], direction: Sequence[Fraction]) -> Region:
        """The region that a ray enters; if it runs in a wall, it is turned by a little."""
        rng = np.random.default_rng(0)
        turned = list(direction)
        for k in range(TRIES):
            point = enter(self.compiled, start, turned)
            try:
                return self._examiner.examine(*self._rounded(point))
            except OnWall:
                by = rng.integers(-(2**10), 2**10, size=len(turned)).tolist()
                size = max(map(abs, direction), default=Fraction(0)) or Fraction(1)
                turned = [v + size * b / 2 ** (20 + k) for v, b in zip(direction, by, strict=True)]
        raise AssertionError("a ray of general direction runs in no wall")

    def _rounded(self, point: Point) -> tuple[np.ndarray, Point | None]:
        """The nearest float64 point if it is in the same region, certainly; else both."""
        x = np.array([quotient(v.numerator, v.denominator) for v in point])
        self._here.at(x, point)
        return x, None if self._here.is_certain(x) else point

    def _expected(self, region: Region, wall: int) -> bytes | None:
        """The pattern across a facet, if it differs in this wall's sign alone."""
        if region.zero or wall in region.attached:
            return None
        across = region.pattern.copy()
        bit = self._here.bit(wall)
        across[bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
        return across.tobytes()

    def _cross(self, region: Region, wall: int) -> Region:
        assert region.across is not None
        before = nbytes(region.across)
        beyond = self._examiner.point_beyond(region, wall)
        self._retained += nbytes(region.across) - before
        expected = self._expected(region, wall)
        if expected is not None and isinstance(beyond, np.ndarray):
            try:
                self._here.at(beyond, None)
                if self._here.pattern().tobytes() == expected and self._here.is_certain(beyond):
                    inside = self._here.rows().carried_on(region.witness, beyond)
                    return self._examiner.examine(inside, None)
            except OnWall:
                pass
        return self._cross_exactly(region, wall, beyond)

    def _cross_exactly(self, region: Region, wall: int, beyond: np.ndarray | Point) -> Region:
        """From the point of the facet on the line to the point beyond, further along it."""
        self._here.at(region.witness, region.exact_witness)
        form = self.resolver.row(self._here.cells, 0, wall)
        here, there = exact(region.exact_witness or region.witness), exact(beyond)
        at_here, at_there = dot_point(form, here), dot_point(form, there)
        t = at_here / (at_here - at_there)
        along = [b - a for a, b in zip(here, there, strict=True)]
        facet_point = [a + t * v for a, v in zip(here, along, strict=True)]
        return self._enter(facet_point, along)

    def _retain(self, region: Region) -> None:
        """Keep the points across the facets of a region that waits, while there is room."""
        assert region.across is not None
        size = nbytes(region.across)
        if self._retained + size > RETAINED:
            region.across = None
        else:
            self._retained += size

    def _look_again(self, region: Region) -> None:
        """Find the points across the facets of a region again."""
        self._here.at(region.witness, region.exact_witness)
        region.across = self._examiner.examine(region.witness, region.exact_witness).across
        assert region.across is not None
        self._retained += nbytes(region.across)
