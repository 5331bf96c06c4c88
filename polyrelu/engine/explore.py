"""Outward from a point: regions breadth first, through true facets.

For networks that have far too many regions to enumerate, in any number of dimensions. Signs at
a region's interior point give its rows; rays find most facets (:mod:`.shoot`), linear programs
and, where they are not certain, integers decide the others; and across each facet lies the
next region.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from threadpoolctl import threadpool_limits

from ..network import quotient
from ..rational import IntegerRow, dot_point, independent, margin
from . import kernel, lp
from .anchor import Anchor
from .enumerate import Found
from .facet_search import DomainRows, FacetSearch
from .lp_enumerate import LpResolver, domain_is_bounded, is_multiple, new_cells
from .measure import Measure
from .open_cells import OpenCells
from .program import Compiled, bit_of_wall, new_tables
from .ray import Point, enter
from .shoot import Rows
from .span import Step

NARROW = 64  # in so many dimensions a dense dictionary of all rows is quick
RETAINED = 1 << 28  # bytes of points across facets that are kept; others are found again
TRIES = 20

Beyond = np.ndarray | Step | Point


class OnWall(Exception):
    """The point has no region: a form that is not identically 0 vanishes there."""


@dataclass
class Region:
    """One that was explored.

    Attributes:
        pattern: words from layer 1 on.
        walls: of its facets, sorted.
        across: wall of a facet -> a point beyond it and inside of all other rows, or a step to it
            from the witness, or None if it was not looked for yet; None if they were forgotten.
    """

    pattern: np.ndarray
    witness: np.ndarray
    exact_witness: Point | None
    walls: np.ndarray
    across: dict[int, Beyond | None] | None
    attached: dict[int, list[int]]
    zero: list[int]
    unbounded: bool


class Explorer:
    """Has the methods of an :class:`.enumerate.Enumeration`, for one region after the other."""

    def __init__(
        self, compiled: Compiled, start: Sequence[Fraction], max_regions: int | None = None
    ) -> None:
        self.compiled = compiled
        self.resolver = LpResolver(compiled)
        self.splits = self.found = 0
        self.finished = False
        self._most = max_regions
        self._start = start
        self._tables = new_tables(compiled, 64)
        self._cells = new_cells(compiled, 1)
        self._bits = bit_of_wall(compiled)
        self._domain = DomainRows(compiled)
        self._bounded = bool(np.isfinite(self._domain.reach))
        if self._bounded:
            self._cells.reach[0] = self._domain.reach
        elif compiled.dim <= NARROW:
            self._bounded = domain_is_bounded(compiled)
        self._anchor = Anchor(compiled, self._tables, self._domain)
        self._pending: list[Region] = []
        self._rows_here: Rows | None = None
        self._proofs: dict[int, dict[int, float]] = {}
        self._retained = 0

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
            self._retained -= _nbytes(region.across)
            region.across = None
        self.finished = True
        yield self._release()

    def flush(self) -> Found:
        """What was found since the last block."""
        if self._most is not None and self.found >= self._most:
            return self.nothing()
        return self._release()

    def nothing(self) -> Found:
        return self._columns([])

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
        return self._columns(regions)

    def _columns(self, regions: list[Region]) -> Found:
        program = self.compiled.program
        words = int(program.first_word[-1] - program.first_word[1])
        facets = np.concatenate([np.zeros(0, np.int32), *(region.walls for region in regions)])
        also = [
            (i, int(np.searchsorted(region.walls, facet)), wall)
            for i, region in enumerate(regions)
            for facet, others in region.attached.items()
            for wall in others
        ]
        zero = [(i, wall) for i, region in enumerate(regions) for wall in region.zero]
        i64 = np.int64
        return Found(
            pattern=np.array([r.pattern for r in regions], np.uint64).reshape(len(regions), words),
            witness=np.array([r.witness for r in regions]).reshape(len(regions), program.dim),
            exact_witness={
                i: r.exact_witness for i, r in enumerate(regions) if r.exact_witness is not None
            },
            n_facets=np.array([len(r.walls) for r in regions], np.int32),
            n_vertices=np.zeros(len(regions), np.int32),
            unbounded=np.array([r.unbounded for r in regions], bool),
            facet=facets,
            maybe=np.zeros(len(facets), bool),
            attached=np.array(also, i64).reshape(-1, 3),
            zero=np.array(zero, i64).reshape(-1, 2),
        )

    # -- from region to region ---------------------------------------------------------------

    def _first(self) -> Region:
        """The region that the starting point is in, or one that it is on the boundary of."""
        inwards = self._domain.direction_inwards(self._start)
        return self._enter(self._start, inwards)

    def _enter(self, start: Sequence[Fraction], direction: Sequence[Fraction]) -> Region:
        """The region that a ray enters; if it runs in a wall, it is turned by a little."""
        rng = np.random.default_rng(0)
        turned = list(direction)
        for k in range(TRIES):
            point = enter(self.compiled, start, turned)
            try:
                return self._examine(*self._rounded(point))
            except OnWall:
                by = rng.integers(-(2**10), 2**10, size=len(turned)).tolist()
                size = max(map(abs, direction), default=Fraction(0)) or Fraction(1)
                turned = [v + size * b / 2 ** (20 + k) for v, b in zip(direction, by, strict=True)]
        raise AssertionError("a ray of general direction runs in no wall")

    def _rounded(self, point: Point) -> tuple[np.ndarray, Point | None]:
        """The nearest float64 point if it is in the same region, certainly; else both."""
        x = np.array([quotient(v.numerator, v.denominator) for v in point])
        self._locate(x, point)
        return x, None if self._is_certain(x) else point

    def _is_certain(self, x: np.ndarray) -> bool:
        return self._rows().certainly_inside(x)

    def _expected(self, region: Region, wall: int) -> bytes | None:
        """The pattern across a facet, if it differs in this wall's sign alone."""
        if region.zero or wall in region.attached:
            return None
        across = region.pattern.copy()
        bit = int(self._bits[wall - int(self.compiled.program.first_wall[1])])
        across[bit >> 6] ^= np.uint64(1) << np.uint64(bit & 63)
        return across.tobytes()

    def _cross(self, region: Region, wall: int) -> Region:
        beyond = self._point_beyond(region, wall)
        expected = self._expected(region, wall)
        if expected is not None and isinstance(beyond, np.ndarray):
            try:
                self._locate(beyond, None)
                if self._pattern().tobytes() == expected and self._is_certain(beyond):
                    return self._examine(self._rows().carried_on(region.witness, beyond), None)
            except OnWall:
                pass
        return self._cross_exactly(region, wall, beyond)

    def _point_beyond(self, region: Region, wall: int) -> np.ndarray | Point:
        assert region.across is not None
        beyond = self._stepped(region, region.across[wall])
        if beyond is None:
            region.across[wall] = None
            self._find_across(region)
            beyond = self._stepped(region, region.across[wall])
        assert beyond is not None
        return beyond

    def _stepped(self, region: Region, beyond: Beyond | None) -> np.ndarray | Point | None:
        """The point that a step leads to, if rounding does not leave it on a side of the box."""
        if not isinstance(beyond, Step):
            return beyond
        point = beyond.end(region.witness)
        inside = (self._domain.low < point).all() and (point < self._domain.high).all()
        return point if inside else None

    def _cross_exactly(self, region: Region, wall: int, beyond: np.ndarray | Point) -> Region:
        """From the point of the facet on the line to the point beyond, further along it."""
        self._locate(region.witness, region.exact_witness)
        form = self.resolver.row(self._cells, 0, wall)
        here, there = _exact(region.exact_witness or region.witness), _exact(beyond)
        at_here, at_there = dot_point(form, here), dot_point(form, there)
        t = at_here / (at_here - at_there)
        along = [b - a for a, b in zip(here, there, strict=True)]
        facet_point = [a + t * v for a, v in zip(here, along, strict=True)]
        return self._enter(facet_point, along)

    def _retain(self, region: Region) -> None:
        """Keep the points across the facets of a region that waits, while there is room."""
        assert region.across is not None
        size = _nbytes(region.across)
        if self._retained + size > RETAINED:
            region.across = None
        else:
            self._retained += size

    def _look_again(self, region: Region) -> None:
        """Find the points across the facets of a region again."""
        self._locate(region.witness, region.exact_witness)
        region.across = self._examine(region.witness, region.exact_witness).across
        assert region.across is not None
        self._retained += _nbytes(region.across)

    # -- one region --------------------------------------------------------------------------

    def _locate(self, x: np.ndarray, exact: Point | None) -> None:
        """Follow the signs at a point through all layers; they stand in the cell then.

        Raises:
            OnWall: the point is on a wall of its region.
        """
        cells, program = self._cells, self.compiled.program
        self._rows_here = None
        self.resolver.witnesses.clear()
        cells.scalar[:] = 0
        cells.scalar[lp.ROW] = program.first_wall[1]
        cells.layer[0] = cells.n_attached[0] = 0
        cells.positive[0] = cells.negative[0] = 0
        cells.n_live[0, 0] = self.compiled.dim
        if exact is None:
            cells.witness[0, :-1], cells.witness[0, -1] = x, 1.0
            about = 0.0, max(1.0, float(np.abs(x).max(initial=0.0))), 0
        else:
            about = self.resolver.remember_point(exact, cells.witness[0])
        cells.radius[0], cells.size[0], cells.ident[0] = about
        while (status := lp.follow(program, cells, self._tables)) != kernel.DONE:
            if status == kernel.NEED_ROWS:
                self.resolver.compose(cells, 0, self._tables)
                cells.scalar[lp.READY] = 1
            else:
                cells.scalar[lp.SIDE] = self._side(int(cells.scalar[lp.ROW]))

    def _side(self, wall: int) -> int:
        self.resolver.counters.rational_signs += 1
        form = self.resolver.row(self._cells, 0, wall)
        value = dot_point(form, self.resolver.witness_of(self._cells, 0))
        if value == 0 and any(form):
            raise OnWall
        return lp.ZERO_FORM if value == 0 else (1 if value > 0 else -1)

    def _pattern(self) -> np.ndarray:
        words: np.ndarray = self._cells.positive[0, int(self.compiled.program.first_word[1]) :]
        return words.copy()

    def _signs(self) -> np.ndarray:
        """Of all walls from layer 1 on: 1, -1, or 0 for a form that is identically 0."""
        start = int(self.compiled.program.first_word[1])
        word, bit = self._bits >> 6, (self._bits & 63).astype(np.uint64)
        above, below = (
            ((words[0, start:][word] >> bit) & np.uint64(1)).astype(np.int64)
            for words in (self._cells.positive, self._cells.negative)
        )
        signs: np.ndarray = above - below
        return signs

    def _rows(self) -> Rows:
        """The rows of the region whose signs stand in the cell."""
        if self._rows_here is None:
            self._rows_here = self._gathered_rows()
        return self._rows_here

    def _gathered_rows(self) -> Rows:
        first = int(self.compiled.program.first_wall[1])
        signs = self._signs()
        walls = first + np.flatnonzero(signs)
        self._walls = np.concatenate([walls, self._domain.general, self._domain.bound_walls])
        tables, kept = self._tables, np.concatenate([walls, self._domain.general])
        sign = np.concatenate([signs[signs != 0], np.ones(len(self._domain.general))])
        self._sign_of_row = sign
        chosen: slice | np.ndarray = kept
        if len(kept) and kept[-1] - kept[0] == len(kept) - 1:  # a slice takes a fifth of the time
            chosen = slice(int(kept[0]), int(kept[-1]) + 1)
        table = tables.wall[:, chosen] * sign
        return Rows(
            table[:-1].T, table[-1], tables.wall_norm[kept], tables.wall_error[kept],
            self._domain.low, self._domain.high,
        )  # fmt: skip

    def _of_rows(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Wall and sign of each row that is no bound."""
        return self._walls[: rows.m], self._sign_of_row

    def _examine(self, x: np.ndarray, exact: Point | None) -> Region:
        """The region at a point that was just located."""
        rows, pattern = self._rows(), self._pattern()
        signs = self._signs()
        first = int(self.compiled.program.first_wall[1])
        search = FacetSearch(rows, self._walls, None)
        unbounded = False
        if exact is None and rows.certainly_inside(x):
            with np.errstate(all="ignore"):  # what overflows is not certain, here as everywhere
                x, search.spanned = self._anchor.centred(rows, *self._of_rows(rows), x)
                search.shoot(x)
                if not self._bounded and search.spanned is not None:
                    unbounded = search.spanned.escapes()
                if self.compiled.dim > NARROW:
                    self._search_nearest(search, x)
                    self._search_by_programs(search, x)
        open_rows = search.open_rows()
        attached: dict[int, list[int]] = {}
        if self._has_lines():
            unbounded, attached = True, self._settle_with_lines(search, open_rows)
        elif len(open_rows) or not (self._bounded or unbounded):
            known = 1 if self._bounded else (2 if unbounded else 0)
            unbounded, attached = self._settle(search, x, open_rows, pattern, known)
        walls = np.sort(self._walls[search.is_facet]).astype(np.int32)
        return Region(
            pattern=pattern,
            witness=x,
            exact_witness=exact,
            walls=walls,
            across=self._points_across(search),
            attached={w: attached[w] for w in walls.tolist() if w in attached} if attached else {},
            zero=(first + np.flatnonzero(signs == 0)).tolist(),
            unbounded=unbounded,
        )

    def _search_nearest(self, search: FacetSearch, x: np.ndarray) -> None:
        """Rays towards the nearest points beyond the rows that other rays did not find."""
        open_rows = search.open_rows()
        search.aim(x, open_rows[open_rows < search.rows.m])
        for r in search.open_rows().tolist():
            self._recall(search, r)

    def _search_by_programs(self, search: FacetSearch, x: np.ndarray) -> None:
        """What is left, where a dictionary of all rows would be too large."""
        for r in search.open_rows().tolist():
            if not search.is_facet[r]:
                multipliers = search.decide(r, x)
                if multipliers is not None:
                    codes, used = self._codes(), np.flatnonzero(multipliers > 0)
                    self._proofs[codes[r]] = {codes[k]: multipliers[k] for k in used.tolist()}

    def _recall(self, search: FacetSearch, r: int) -> bool:
        """What proved the row redundant in a region before may do so here."""
        codes = self._codes()
        proof = self._proofs.get(codes[r])
        if proof is None:
            return False
        return search.prove(r, np.array([proof.get(c, 0.0) for c in codes[: search.rows.m]]))

    def _codes(self) -> list[int]:
        """Each row's wall and side as one number."""
        first = int(self.compiled.program.first_wall[1])
        signs = np.concatenate([np.ones(first, dtype=np.int64), self._signs()])
        codes: list[int] = (2 * self._walls + (signs[self._walls] < 0)).tolist()
        return codes

    def _settle(
        self,
        search: FacetSearch,
        x: np.ndarray,
        open_rows: np.ndarray,
        pattern: np.ndarray,
        is_bounded: int,
    ) -> tuple[bool, dict[int, list[int]]]:
        """Certified linear programs on the open rows, and on whether the region is bounded (1), or
        not (2), if that is not known (0). Returns whether it is unbounded, and further walls of
        facets."""
        kept = search.is_facet.copy()
        kept[open_rows] = True
        asked = np.flatnonzero(kept)
        doubtful = np.isin(asked, open_rows)
        facet = np.zeros(len(asked), dtype=np.bool_)
        bounded = np.array([is_bounded])
        cells = self._cells
        cells.scalar[:] = 0
        columns = (pattern[None], np.array([0, len(asked)]), self._walls[asked].astype(np.int32),
                   doubtful, x[None], facet, bounded)  # fmt: skip
        while (
            status := lp.settle(self.compiled.program, cells, self._tables, *columns)
        ) != kernel.DONE:
            if status == lp.NEED_FACET:
                self.resolver.facet(cells, 0)
            else:
                self.resolver.bounded(cells, 0)
        search.is_facet[asked[facet]] = True
        attached: dict[int, list[int]] = {}
        for kept, wall in cells.attached[0, : int(cells.n_attached[0])].tolist():
            attached.setdefault(kept, []).append(wall)
        return bool(bounded[0] == 2), attached

    def _has_lines(self) -> bool:
        """Does the region contain a line? Only where auxiliary walls would be needed."""
        compiled = self.compiled
        if len(compiled.root_rows) == compiled.program.n_domain:
            return False
        rows = [row[:-1] for row in self._exact_rows().values()]
        return len(rows) < compiled.dim or len(independent(rows, compiled.dim)) < compiled.dim

    def _settle_with_lines(
        self, search: FacetSearch, open_rows: np.ndarray
    ) -> dict[int, list[int]]:
        """Of a region without vertices, in integers; further walls of facets."""
        rows = self._exact_rows()
        attached: dict[int, list[int]] = {}
        for r in open_rows.tolist():
            same = [k for k, row in rows.items() if k != r and is_multiple(row, rows[r])]
            first = min((self._walls[k] for k in same), default=self._walls[r])
            others = [row for k, row in rows.items() if k != r and k not in same]
            if first < self._walls[r]:
                if first >= self.compiled.program.n_domain:
                    attached.setdefault(int(first), []).append(int(self._walls[r]))
            elif margin([*others, [-v for v in rows[r]]]).value > 0:
                search.is_facet[r] = True
        return attached

    def _points_across(self, search: FacetSearch) -> dict[int, Beyond | None]:
        """For each facet that is no wall of the domain, a point beyond it alone, if known."""
        first = int(self.compiled.program.first_wall[1])
        facets = np.flatnonzero(search.is_facet[: search.rows.m])
        walls = self._walls[facets].tolist()
        return {
            wall: search.beyond(r)
            for wall, r in zip(walls, facets.tolist(), strict=True)
            if wall >= first
        }

    def _find_across(self, region: Region) -> None:
        """Points that were not needed to tell that a row is a facet, and are to be crossed now."""
        assert region.across is not None
        x, before = region.witness, _nbytes(region.across)
        self._locate(x, region.exact_witness)
        search = FacetSearch(self._rows(), self._walls, None)
        at = {wall: r for r, wall in enumerate(self._walls.tolist())}
        missing = [at[wall] for wall, point in region.across.items() if point is None]
        if region.exact_witness is None and search.rows.certainly_inside(x):
            with np.errstate(all="ignore"):
                self._aim_beyond(search, x, np.array(missing))
        for r in missing:
            found = self._stepped(region, search.beyond(r))
            region.across[int(self._walls[r])] = self._beyond(r) if found is None else found
        self._retained += _nbytes(region.across) - before

    def _aim_beyond(self, search: FacetSearch, x: np.ndarray, facets: np.ndarray) -> None:
        """Rays at facets, or else linear programs, for a point beyond each."""
        search.spanned = self._anchor.around(search.rows, *self._of_rows(search.rows), x)
        search.aim(x, facets)
        for r in facets.tolist():
            if search.beyond(r) is None:
                search.decide(r, x)

    def _beyond(self, r: int) -> Point:
        """A point beyond row r, in integers; rows that coincide with it are crossed as well."""
        rows = self._exact_rows()
        others = [row for k, row in rows.items() if k != r and not is_multiple(row, rows[r])]
        return margin([*others, [-v for v in rows[r]]]).point

    def _exact_rows(self) -> dict[int, IntegerRow]:
        first = int(self.compiled.program.first_wall[1])
        signs = self._signs()
        rows = {}
        for k, wall in enumerate(self._walls.tolist()):
            if wall >= 0:
                row = self.resolver.row(self._cells, 0, wall)
                rows[k] = row if wall < first or signs[wall - first] > 0 else [-v for v in row]
        return rows


def _exact(point: np.ndarray | Sequence[Fraction]) -> Point:
    return tuple(Fraction(v) for v in (point.tolist() if isinstance(point, np.ndarray) else point))


def _nbytes(points: dict[int, Beyond | None]) -> int:
    known = [p.z if isinstance(p, Step) else p for p in points.values() if p is not None]
    return sum(p.nbytes if isinstance(p, np.ndarray) else 100 * len(p) for p in known)
