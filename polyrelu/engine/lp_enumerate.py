"""The driver of cells without vertices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..errors import FileFormatError
from ..network import quotient
from . import kernel, lp
from .compiled import Compiled, bit_of_wall
from .enumerate import NOT_ON_THE_WAY, Enumeration, Found
from .lp_answers import LpResolver
from .open_cells import OpenCells
from .patterns import in_kernel_words
from .row_systems import domain_is_bounded, reach
from .state import Cells

ANSWERS = (lp.NEED_SIDE, lp.NEED_CUT, lp.NEED_FACET, lp.NEED_BOUNDED)


class TooManyAnswers(Exception):
    """Rational arithmetic is needed more often than was allowed."""


@dataclass
class LpEnumeration(Enumeration):
    """As :class:`Enumeration`, for cells with many vertices.

    Args:
        max_answers: in rational arithmetic; one more raises TooManyAnswers.
    """

    max_answers: int | None = None
    resolver: LpResolver = field(init=False)

    def __post_init__(self) -> None:
        self.resolver = LpResolver(self.compiled)
        self._prepare()
        self._cells = new_cells(self.compiled)
        self._cells.scalar[lp.TOP] = -1
        self._generators = [
            [Fraction(v, g[-1] or max(map(abs, g))) for v in g[:-1]]
            for g in self._roots.cone.generators
        ]
        self._rounded = np.array(
            [[quotient(v.numerator, v.denominator) for v in g] for g in self._generators]
        )
        self._worked = 0  # before the present cone, and its last pause
        self.is_bounded = domain_is_bounded(self.compiled)
        if self.is_bounded:
            self._cells.reach[0] = reach(self.compiled.root_rows)

    @property
    def working_bytes(self) -> int:
        return sum(array.nbytes for array in self._cells)

    def resume(self, begun: Found | int, counting: bool, most: int | None) -> None:
        super().resume(begun, counting, most)
        self.max_answers = None

    _SPLITS, _TOP = lp.SPLITS, lp.TOP

    @property
    def _scalar(self) -> np.ndarray:
        scalar: np.ndarray = self._cells.scalar
        return scalar

    @property
    def work(self) -> int:
        """Rows of the cells that were looked at, each time that one was, times (dim + 1)**2."""
        return self._worked + int(self._cells.scalar[lp.WORK])

    def _start(self) -> bool:
        signs = next(self._roots.signs(self._next_cone, self._last_cone), None)
        if signs is None:
            return False
        self._next_cone += 1
        cells, dim = self._cells, self.compiled.dim
        self._worked = self.work
        cells.scalar[:] = 0
        cells.scalar[lp.PHASE] = lp.ENTER_LAYER
        cells.layer[0] = -1
        cells.n_rows[0] = dim
        cells.positive[0] = cells.negative[0] = 0
        cells.n_attached[0] = 0
        turned = np.array(signs, dtype=np.int64)
        cells.code[0, :dim] = 2 * self._roots.walls + (turned < 0)
        cells.kind[0, :dim] = lp.CANDIDATE
        cells.level[0, :dim] = 0
        cells.n_live[0, 0] = dim
        cells.basis[0] = np.arange(dim)
        self._roots.mark(cells.positive[:1], cells.negative[:1], turned[None])
        self._place_witness(turned)
        if self._guide is not None:
            cells.guide[:] = self._guide
            cells.scalar[lp.GUIDED] = 1
            self._guide = None
        return True

    def _entries_left(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray | None]:
        cells, n = self._cells, int(self._cells.scalar[lp.TOP]) + 1
        guide = cells.guide if cells.scalar[lp.GUIDED] else None
        return cells.layer[:n], cells.positive[:n], cells.negative[:n], guide

    def _place_witness(self, signs: np.ndarray) -> None:
        """The apex and all directions of the root cone, added up; exactly if need be."""
        cells, tables, dim = self._cells, self._tables, self.compiled.dim
        cells.witness[0, dim] = 1.0
        cells.witness[0, :dim] = self._rounded[0] + signs @ self._rounded[1:]
        if lp.certainly_inside(
            tables.wall, tables.wall_norm, tables.wall_error, cells.code[0], cells.kind[0],
            cells.level[0], dim, cells.basis[0], lp.ALL, lp.DEEPER, cells.witness[0], 0.0, dim,
        ):  # fmt: skip
            cells.radius[0], cells.ident[0] = 0.0, 0
            cells.size[0] = max(1.0, np.abs(cells.witness[0]).max())
            return
        apex, *directions = self._generators
        point = [
            sum((s * g[j] for s, g in zip(signs.tolist(), directions, strict=True)), apex[j])
            for j in range(dim)
        ]
        about = self.resolver.remember_point(tuple(point), cells.witness[0])
        cells.radius[0], cells.size[0], cells.ident[0] = about

    def _run(self) -> int:
        return int(
            lp.run_cells(
                self.compiled.program, self._cells, self._tables, self._block, self.counting,
                bool(self._cells.reach[0] > 0), self._end,
            )
        )  # fmt: skip

    @property
    def _end(self) -> int:
        """The first wall that is left to look-ups. Auxiliary walls cut parents apart, which
        makes one pattern of several cells: then there are none."""
        program = self.compiled.program
        if int(program.first_wall[1]) > program.n_domain or program.n_layers == 0:
            return lp.ALL_WALLS
        return int(program.first_wall[program.n_layers])

    def settle(self, found: Found, doubtful: np.ndarray, left: Sequence[OpenCells]) -> np.ndarray:
        """Where a cell that is left may hold the region across, by linear programs."""
        indptr = np.concatenate([[0], np.cumsum(found.n_facets, dtype=np.int64)])
        rows = np.flatnonzero(doubtful)
        owners = np.searchsorted(indptr, rows, side="right") - 1
        across = self._across(found, rows, owners)
        answer = np.zeros_like(doubtful)
        for cells in left:
            may = self._may_lie_in(self._signs_left(cells), across)
            if may.any():
                search = LpEnumeration(self.compiled, max_regions=0, begin=cells)
                search.resolver.counters = self.resolver.counters
                answer[search._facets_near(found, indptr, rows[may])] = True
                rows, across = rows[~may], across[~may]
        return answer

    def _facets_near(self, found: Found, indptr: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Which doubtful ``rows`` are facets, of regions of the cell of the layer before the last
        that this search is to begin in. It cannot go on then."""
        self._start()
        while (status := self._run()) != kernel.BLOCK_FULL:  # its forms are set at its first region
            self._serve(status)
        doubtful = np.zeros(len(found.facet), dtype=np.bool_)
        doubtful[rows] = True
        asked = np.unique(np.searchsorted(indptr, rows, side="right") - 1)
        theirs = np.concatenate([np.arange(indptr[i], indptr[i + 1]) for i in asked])
        starts = np.concatenate([[0], np.cumsum(found.n_facets[asked], dtype=np.int64)])
        facet = np.zeros(len(theirs), dtype=np.bool_)
        cells, top = self._cells, int(self._cells.scalar[lp.TOP])
        cells.positive[0], cells.negative[0] = cells.positive[top], cells.negative[top]
        cells.scalar[:] = 0
        words = in_kernel_words(self.compiled.layout, found.pattern[asked])
        columns = (words, starts, found.facet[theirs], doubtful[theirs],
                   found.witness[asked], facet, np.ones(len(asked), np.int64))  # fmt: skip
        while (
            status := lp.settle(self.compiled.program, self._cells, self._tables, *columns)
        ) != kernel.DONE:
            self._serve(status)
        facets: np.ndarray = theirs[facet & doubtful[theirs]]
        return facets

    def _signs_left(self, left: OpenCells) -> list[tuple[np.ndarray, np.ndarray]]:
        """Signs (positive and negative words) that hold on cells that are still to split: any
        region of them across a wall of the last layer agrees with some."""
        program, last = self.compiled.program, self.compiled.program.n_layers
        words = slice(int(program.first_word[last]), int(program.first_word[last + 1]))
        signs = left.cells(words)
        if last == 1:  # the cones not begun are cells of the last layer as well
            for cone in self._roots.signs(left.first + (left.guide is not None), left.stop):
                above, below = np.zeros((2, 1, words.stop), np.uint64)
                self._roots.mark(above, below, np.array([cone], dtype=np.int64))
                signs.append((above[0], below[0]))
        return signs

    def _across(self, found: Found, rows: np.ndarray, owners: np.ndarray) -> np.ndarray:
        """Patterns on the other side of facets, in the kernel's words."""
        first = int(self.compiled.program.first_wall[1])
        bits = bit_of_wall(self.compiled)
        across = in_kernel_words(self.compiled.layout, found.pattern[owners])
        n = np.arange(len(rows))
        place = dict(zip(rows.tolist(), n.tolist(), strict=True))
        also = [(place[f], w) for _, f, w in found.attached.tolist() if f in place]
        which = np.concatenate([n, np.array([i for i, _ in also], dtype=np.int64)])
        walls = np.concatenate([found.facet[rows], np.array([w for _, w in also], dtype=np.int64)])
        bit = bits[walls - first]
        flip = np.uint64(1) << (bit & 63).astype(np.uint64)
        np.bitwise_xor.at(across, (which, bit >> 6), flip)
        return across

    def _may_lie_in(
        self, open_signs: list[tuple[np.ndarray, np.ndarray]], patterns: np.ndarray
    ) -> np.ndarray:
        """Which patterns agree with one of the open cells on what is decided there."""
        start = int(self.compiled.program.first_word[1])
        may = np.zeros(len(patterns), dtype=bool)
        for positive, negative in open_signs:
            decided = (positive | negative)[start:]
            may |= ((patterns & decided) == positive[start:]).all(axis=1)
        return may

    def _serve(self, status: int) -> None:
        cells, e = self._cells, int(self._cells.scalar[lp.TOP])
        if status in ANSWERS:
            if self.max_answers == self.resolver.counters.rational_signs:
                raise TooManyAnswers
            self._room_for_attached(e)
            cells = self._cells
        if status in (lp.NEED_SIDE, lp.NEED_CUT):
            self.resolver.forget_witnesses(cells)
            answer = self.resolver.side if status == lp.NEED_SIDE else self.resolver.cut
            answer(cells, e)
        elif status == lp.NEED_FACET:
            self.resolver.facet(cells, e)
        elif status == lp.NEED_BOUNDED:
            self.resolver.bounded(cells, e)
        elif status == kernel.NEED_ROWS:
            self.resolver.compose(cells, e, self._tables)
            cells.scalar[lp.READY] = 1
        elif status == kernel.NEED_WITNESS:
            self._write_witness(self.resolver.witness_of(cells, e))
            cells.scalar[lp.READY] = 1
        elif status == kernel.LOST:
            raise FileFormatError(NOT_ON_THE_WAY)
        elif status == kernel.PAUSE:
            self._worked += kernel.WORK_LIMIT
        else:
            assert status == kernel.GROW_STACK
            self._cells = self._cells._replace(
                **{name: np.concatenate([v, np.zeros_like(v)]) for name, v in self._entries()}
            )

    def _entries(self) -> list[tuple[str, np.ndarray]]:
        per_entry = ("layer", "n_rows", "code", "kind", "level", "n_free", "n_live", "place",
                     "coordinate", "beyond", "basis", "witness", "radius", "size", "ident",
                     "positive", "negative", "n_attached", "attached")  # fmt: skip
        return [(name, getattr(self._cells, name)) for name in per_entry]

    def _room_for_attached(self, e: int) -> None:
        attached = self._cells.attached
        if int(self._cells.n_attached[e]) + self._cells.code.shape[1] > attached.shape[1]:
            more = np.concatenate([attached, np.zeros_like(attached)], axis=1)
            self._cells = self._cells._replace(attached=more)


def new_cells(compiled: Compiled, entries: int = 64) -> Cells:
    program, dim = compiled.program, compiled.dim
    words = int(program.first_word[-1])
    rows = int(program.first_wall[-1]) + 1
    width = (dim + 1 + 3) // 4 * 4
    i64 = np.int64
    return Cells(
        scalar=np.zeros(lp.N_SCALARS, i64),
        layer=np.zeros(entries, i64),
        n_rows=np.zeros(entries, i64),
        code=np.zeros((entries, rows), i64),
        kind=np.zeros((entries, rows), np.int8),
        level=np.zeros((entries, rows), i64),
        n_free=np.zeros(entries, i64),
        n_live=np.zeros((entries, program.n_layers + 1), i64),
        place=np.zeros((entries, rows, width)),
        coordinate=np.zeros((entries, dim, width)),
        beyond=np.zeros((entries, rows, dim + 1)),
        basis=np.zeros((entries, dim), i64),
        witness=np.zeros((entries, dim + 1)),
        radius=np.zeros(entries),
        size=np.zeros(entries),
        ident=np.zeros(entries, i64),
        positive=np.zeros((entries, words), np.uint64),
        negative=np.zeros((entries, words), np.uint64),
        n_attached=np.zeros(entries, i64),
        attached=np.zeros((entries, 2 * rows, 2), i64),
        other=np.zeros(dim + 1),
        other_about=np.zeros(3),
        walls=np.zeros(dim, i64),
        codes=np.zeros(dim, i64),
        dual=np.zeros((2, dim)),
        unused=np.zeros(dim, np.bool_),
        lead=np.zeros(width),
        rays=np.zeros((4, max(rows, dim))),
        reach=np.zeros(1),
        guide=np.zeros((3, words), np.uint64),
    )
