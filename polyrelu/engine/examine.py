"""From the cell at a point to its region: which of its rows are facets, and what is beyond them.

Rays find most facets (:mod:`.shoot`); linear programs and, where they are not certain, integers
decide the others.
"""

from __future__ import annotations

import numpy as np

from ..rational import margin
from . import kernel, lp
from .anchor import Anchor
from .compiled import Compiled
from .explored import Beyond, Region
from .facet_search import FacetSearch
from .located import NARROW, Located
from .ray import Point
from .row_systems import is_multiple
from .span import Step


class Examiner:
    """Examines one region after the other, and remembers what helps with the next.

    Attributes:
        here: the cell at the point that is looked at.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.here = Located(compiled)
        self._anchor = Anchor(compiled, self.here.tables, self.here.domain)
        self._proofs: dict[int, dict[int, float]] = {}

    def examine(self, x: np.ndarray, exact: Point | None) -> Region:
        """The region at a point that was just located."""
        rows, pattern = self.here.rows(), self.here.pattern()
        signs = self.here.signs()
        first = self.here.first_wall
        search = FacetSearch(rows, self.here.walls, None)
        unbounded = False
        if exact is None and rows.certainly_inside(x):
            with np.errstate(all="ignore"):  # what overflows is not certain, here as everywhere
                x, search.spanned = self._anchor.centred(rows, *self.here.of_rows(rows), x)
                search.shoot(x)
                if not self.here.is_bounded and search.spanned is not None:
                    unbounded = search.spanned.escapes()
                if self.compiled.dim > NARROW:
                    self._search_nearest(search, x)
                    self._search_by_programs(search, x)
        open_rows = search.open_rows()
        attached: dict[int, list[int]] = {}
        if self.here.has_lines():
            unbounded, attached = True, self._settle_with_lines(search, open_rows)
        elif len(open_rows) or not (self.here.is_bounded or unbounded):
            known = 1 if self.here.is_bounded else (2 if unbounded else 0)
            unbounded, attached = self._settle(search, x, open_rows, pattern, known)
        walls = np.sort(self.here.walls[search.is_facet]).astype(np.int32)
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
                    codes, used = self.here.codes(), np.flatnonzero(multipliers > 0)
                    self._proofs[codes[r]] = {codes[k]: multipliers[k] for k in used.tolist()}

    def _recall(self, search: FacetSearch, r: int) -> bool:
        """What proved the row redundant in a region before may do so here."""
        codes = self.here.codes()
        proof = self._proofs.get(codes[r])
        if proof is None:
            return False
        return search.prove(r, np.array([proof.get(c, 0.0) for c in codes[: search.rows.m]]))

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
        cells = self.here.cells
        cells.scalar[:] = 0
        starts, walls = np.array([0, len(asked)]), self.here.walls[asked].astype(np.int32)
        columns = (pattern[None], starts, walls, doubtful, x[None], facet, bounded)
        while (
            status := lp.settle(self.compiled.program, cells, self.here.tables, *columns)
        ) != kernel.DONE:
            if status == lp.NEED_FACET:
                self.here.resolver.facet(cells, 0)
            else:
                self.here.resolver.bounded(cells, 0)
        search.is_facet[asked[facet]] = True
        attached: dict[int, list[int]] = {}
        for kept, wall in cells.attached[0, : int(cells.n_attached[0])].tolist():
            attached.setdefault(kept, []).append(wall)
        return bool(bounded[0] == 2), attached

    def _settle_with_lines(
        self, search: FacetSearch, open_rows: np.ndarray
    ) -> dict[int, list[int]]:
        """Of a region without vertices, in integers; further walls of facets."""
        rows = self.here.exact_rows()
        attached: dict[int, list[int]] = {}
        for r in open_rows.tolist():
            same = [k for k, row in rows.items() if k != r and is_multiple(row, rows[r])]
            first = min((self.here.walls[k] for k in same), default=self.here.walls[r])
            others = [row for k, row in rows.items() if k != r and k not in same]
            if first < self.here.walls[r]:
                if first >= self.compiled.program.n_domain:
                    attached.setdefault(int(first), []).append(int(self.here.walls[r]))
            elif margin([*others, [-v for v in rows[r]]]).value > 0:
                search.is_facet[r] = True
        return attached

    def _points_across(self, search: FacetSearch) -> dict[int, Beyond | None]:
        """For each facet that is no wall of the domain, a point beyond it alone, if known."""
        first = self.here.first_wall
        facets = np.flatnonzero(search.is_facet[: search.rows.m])
        walls = self.here.walls[facets].tolist()
        return {
            wall: search.beyond(r)
            for wall, r in zip(walls, facets.tolist(), strict=True)
            if wall >= first
        }

    def point_beyond(self, region: Region, wall: int) -> np.ndarray | Point:
        """A point beyond a facet of the region alone, or beyond those that coincide with it too."""
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
        inside = (self.here.domain.low < point).all() and (point < self.here.domain.high).all()
        return point if inside else None

    def _find_across(self, region: Region) -> None:
        """Points that were not needed to tell that a row is a facet, and are to be crossed now."""
        assert region.across is not None
        x = region.witness
        self.here.at(x, region.exact_witness)
        search = FacetSearch(self.here.rows(), self.here.walls, None)
        at = {wall: r for r, wall in enumerate(self.here.walls.tolist())}
        missing = [at[wall] for wall, point in region.across.items() if point is None]
        if region.exact_witness is None and search.rows.certainly_inside(x):
            with np.errstate(all="ignore"):
                self._aim_beyond(search, x, np.array(missing))
        for r in missing:
            found = self._stepped(region, search.beyond(r))
            region.across[int(self.here.walls[r])] = (
                self._beyond_exactly(r) if found is None else found
            )

    def _aim_beyond(self, search: FacetSearch, x: np.ndarray, facets: np.ndarray) -> None:
        """Rays at facets, or else linear programs, for a point beyond each."""
        search.spanned = self._anchor.around(search.rows, *self.here.of_rows(search.rows), x)
        search.aim(x, facets)
        for r in facets.tolist():
            if search.beyond(r) is None:
                search.decide(r, x)

    def _beyond_exactly(self, r: int) -> Point:
        """A point beyond row r, in integers; rows that coincide with it are crossed as well."""
        rows = self.here.exact_rows()
        others = [row for k, row in rows.items() if k != r and not is_multiple(row, rows[r])]
        return margin([*others, [-v for v in rows[r]]]).point
