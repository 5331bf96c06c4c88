"""The cell at a point: its signs in all layers, and its rows, of which no facet is known yet."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ..rational import IntegerRow, dot_point, independent
from . import kernel, lp
from .compiled import Compiled, bit_of_wall
from .facet_search import DomainRows
from .lp_answers import LpResolver
from .lp_enumerate import new_cells
from .ray import Point
from .row_systems import domain_is_bounded
from .shoot import Rows
from .tables import new_tables

NARROW = 64  # in so many dimensions a dense dictionary of all rows is quick


class OnWall(Exception):
    """The point has no region: a form that is not identically 0 vanishes there."""


class Located:
    """Walls, signs and rows of the point that :meth:`at` was called with last.

    Attributes:
        walls: of the rows: those of the network, then general and simple bounds of the domain.
    """

    def __init__(self, compiled: Compiled) -> None:
        self.compiled = compiled
        self.resolver = LpResolver(compiled)
        self.tables = new_tables(compiled, 64)
        self.cells = new_cells(compiled, 1)
        self.domain = DomainRows(compiled)
        self.is_bounded = bool(np.isfinite(self.domain.reach))
        if self.is_bounded:
            self.cells.reach[0] = self.domain.reach
        elif compiled.dim <= NARROW:
            self.is_bounded = domain_is_bounded(compiled)
        self.first_wall = int(compiled.program.first_wall[1])
        self._bits = bit_of_wall(compiled)
        self._rows: Rows | None = None

    def at(self, x: np.ndarray, exact: Point | None) -> None:
        """Follow the signs at a point through all layers; they stand in the cell then.

        Raises:
            OnWall: the point is on a wall of its region.
        """
        cells, program = self.cells, self.compiled.program
        self._rows = None
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
        while (status := lp.follow(program, cells, self.tables)) != kernel.DONE:
            if status == kernel.NEED_ROWS:
                self.resolver.compose(cells, 0, self.tables)
                cells.scalar[lp.READY] = 1
            else:
                cells.scalar[lp.SIDE] = self._side(int(cells.scalar[lp.ROW]))

    def _side(self, wall: int) -> int:
        self.resolver.counters.rational_signs += 1
        form = self.resolver.row(self.cells, 0, wall)
        value = dot_point(form, self.resolver.witness_of(self.cells, 0))
        if value == 0 and any(form):
            raise OnWall
        return lp.ZERO_FORM if value == 0 else (1 if value > 0 else -1)

    def pattern(self) -> np.ndarray:
        """Words from layer 1 on."""
        words: np.ndarray = self.cells.positive[0, int(self.compiled.program.first_word[1]) :]
        return words.copy()

    def signs(self) -> np.ndarray:
        """Of all walls from layer 1 on: 1, -1, or 0 for a form that is identically 0."""
        start = int(self.compiled.program.first_word[1])
        word, bit = self._bits >> 6, (self._bits & 63).astype(np.uint64)
        above, below = (
            ((words[0, start:][word] >> bit) & np.uint64(1)).astype(np.int64)
            for words in (self.cells.positive, self.cells.negative)
        )
        signs: np.ndarray = above - below
        return signs

    def rows(self) -> Rows:
        """The rows of the region whose signs stand in the cell."""
        if self._rows is None:
            self._rows = self._gathered_rows()
        return self._rows

    def _gathered_rows(self) -> Rows:
        first = self.first_wall
        signs = self.signs()
        walls = first + np.flatnonzero(signs)
        self.walls = np.concatenate([walls, self.domain.general, self.domain.bound_walls])
        tables, kept = self.tables, np.concatenate([walls, self.domain.general])
        sign = np.concatenate([signs[signs != 0], np.ones(len(self.domain.general))])
        self._sign_of_row = sign
        chosen: slice | np.ndarray = kept
        if len(kept) and kept[-1] - kept[0] == len(kept) - 1:  # a slice takes a fifth of the time
            chosen = slice(int(kept[0]), int(kept[-1]) + 1)
        table = tables.wall[:, chosen] * sign
        return Rows(
            table[:-1].T, table[-1], tables.wall_norm[kept], tables.wall_error[kept],
            self.domain.low, self.domain.high,
        )  # fmt: skip

    def of_rows(self, rows: Rows) -> tuple[np.ndarray, np.ndarray]:
        """Wall and sign of each row that is no bound."""
        return self.walls[: rows.m], self._sign_of_row

    def codes(self) -> list[int]:
        """Each row's wall and side as one number."""
        first = self.first_wall
        signs = np.concatenate([np.ones(first, dtype=np.int64), self.signs()])
        codes: list[int] = (2 * self.walls + (signs[self.walls] < 0)).tolist()
        return codes

    def has_lines(self) -> bool:
        """Does the region contain a line? Only where auxiliary walls would be needed."""
        compiled = self.compiled
        if len(compiled.root_rows) == compiled.program.n_domain:
            return False
        rows = [row[:-1] for row in self.exact_rows().values()]
        return len(rows) < compiled.dim or len(independent(rows, compiled.dim)) < compiled.dim

    def exact_rows(self) -> dict[int, IntegerRow]:
        """By their places; simple bounds that the domain does not have are left out."""
        first = self.first_wall
        signs = self.signs()
        rows = {}
        for k, wall in enumerate(self.walls.tolist()):
            if wall >= 0:
                row = self.resolver.row(self.cells, 0, wall)
                rows[k] = row if wall < first or signs[wall - first] > 0 else [-v for v in row]
        return rows

    def bit(self, wall: int) -> int:
        """Where the sign of a wall stands in a pattern."""
        return int(self._bits[wall - self.first_wall])

    def is_certain(self, x: np.ndarray) -> bool:
        """Is a float64 point in the interior of this cell?"""
        return self.rows().certainly_inside(x)


def exact(point: np.ndarray | Sequence[Fraction]) -> Point:
    """The point as fractions."""
    return tuple(Fraction(v) for v in (point.tolist() if isinstance(point, np.ndarray) else point))
