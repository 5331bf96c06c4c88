"""The driver of cells without vertices, and the rational answers to what the kernel asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import inf

import numpy as np
from flint import fmpz_mat

from ..errors import FileFormatError
from ..exact_program import scaled_table
from ..network import quotient
from ..rational import IntegerRow, dot, dot_point, margin, null_space, solve_affine
from . import kernel, lp
from .compiled import Compiled, bit_of_wall
from .enumerate import NOT_ON_THE_WAY, Enumeration, Found
from .exact import Resolver
from .open_cells import OpenCells
from .patterns import in_kernel_words
from .state import Cells

Point = tuple[Fraction, ...]

ANSWERS = (lp.NEED_SIDE, lp.NEED_CUT, lp.NEED_FACET, lp.NEED_BOUNDED)

REMEMBERED_WITNESSES = 4096

SHORT = 1 << 64  # rows of such integers take exact programs that are soon done


@dataclass
class LpResolver(Resolver):
    """Answers in integers; exact witnesses are remembered by their idents."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.witnesses: dict[int, Point] = {}
        self._last_ident = 0

    def exact_rows(self, cells: Cells, e: int) -> list[IntegerRow]:
        """The rows of entry e that bound it, as integers with ``row . (x, 1) >= 0``."""
        return [self.coded_row(cells, e, int(cells.code[e, k])) for k in bounding(cells, e)]

    def coded_row(self, cells: Cells, e: int, code: int) -> IntegerRow:
        row = self.row(cells, e, code >> 1)
        return [-v for v in row] if code & 1 else row

    def witness_of(self, cells: Cells, e: int) -> Point:
        ident = int(cells.ident[e])
        if ident:
            return self.witnesses[ident]
        return tuple(Fraction(v) for v in cells.witness[e, :-1].tolist())

    def remember_point(self, point: Point, x: np.ndarray) -> tuple[float, float, int]:
        """Write a point, rounded; returns its radius, size and ident."""
        x[:-1] = [quotient(v.numerator, v.denominator) for v in point]
        x[-1] = 1.0
        size = max(1.0, float(np.abs(x[:-1]).max(initial=0.0)))
        self._last_ident += 1
        self.witnesses[self._last_ident] = point
        self.counters.rational_witnesses += 1
        return 2 * kernel.UNIT * size, size, self._last_ident

    def forget_witnesses(self, cells: Cells) -> None:
        """Those of cells that are done with, when there are many."""
        if len(self.witnesses) >= REMEMBERED_WITNESSES:
            waiting = set(cells.ident[: int(cells.scalar[lp.TOP]) + 1].tolist())
            self.witnesses = {i: self.witnesses[i] for i in waiting if i}

    # -- questions -----------------------------------------------------------------------------

    def side(self, cells: Cells, e: int) -> None:
        """The side of the witness; if it lies on the wall, another witness is found."""
        r = first_free(cells, e)
        form = self.row(cells, e, int(cells.code[e, r]) >> 1)
        self.counters.rational_signs += 1
        point = self.witness_of(cells, e)
        value = dot_point(form, point)
        if value == 0 and not any(form[:-1]):
            cells.scalar[lp.SIDE] = lp.ZERO_FORM
            return
        if value == 0:
            moved = margin([*self.exact_rows(cells, e), form])
            if moved.value <= 0:  # nowhere positive: then it is negative around
                form = [-v for v in form]
                moved = margin([*self.exact_rows(cells, e), form])
            point = moved.point
            about = self.remember_point(point, cells.witness[e])
            cells.radius[e], cells.size[e], cells.ident[e] = about
            value = dot_point(self.row(cells, e, int(cells.code[e, r]) >> 1), point)
        cells.scalar[lp.SIDE] = 1 if value > 0 else -1

    def cut(self, cells: Cells, e: int) -> None:
        """Does the wall of the first free row cut the cell?"""
        r = first_free(cells, e)
        self.counters.rational_signs += 1
        form = self.row(cells, e, int(cells.code[e, r]) >> 1)
        wall = int(cells.code[e, r]) >> 1
        if cells.scalar[lp.SIDE] < 0:
            form = [-v for v in form]
        least = self._least(cells, e, form)
        if least is None:
            point = self._beyond(cells, e, form)
            if point is not None:
                cells.other_about[:] = self.remember_point(point, cells.other)
                cells.scalar[lp.CUT] = 1
                return
            least = Fraction(0)
        if least == 0:
            self._attach(cells, e, form, wall)
        cells.scalar[lp.CUT] = 2

    def _beyond(self, cells: Cells, e: int, form: IntegerRow) -> Point | None:
        """A point inside the cell where the form is negative, if there is one: at the vertex of
        the basis, where float64's programs end, drawn half way to the wall; else by a program."""
        rows = self.exact_rows(cells, e)
        basis = [self.coded_row(cells, e, int(cells.code[e, k])) for k in cells.basis[e]]
        vertex = solve_affine(basis, len(basis))
        value = Fraction(0) if vertex is None else dot_point(form, vertex)
        if vertex is not None and value < 0 and all(dot_point(row, vertex) >= 0 for row in rows):
            witness = self.witness_of(cells, e)
            step = value / (value - dot_point(form, witness)) / 2
            return tuple(v + step * (w - v) for v, w in zip(vertex, witness, strict=True))
        return interior_point([*rows, [-v for v in form]])

    def _least(self, cells: Cells, e: int, form: IntegerRow) -> Fraction | None:
        """A lower bound on the form over the cell, if the basis gives one that is >= 0."""
        rows = [self.coded_row(cells, e, int(cells.code[e, k])) for k in cells.basis[e]]
        dim = len(rows)
        system = fmpz_mat([[row[j] for row in rows] for j in range(dim)])
        try:
            y = system.solve(fmpz_mat([[v] for v in form[:-1]]))
        except ZeroDivisionError:
            return None
        multipliers = [Fraction(int(y[i, 0].p), int(y[i, 0].q)) for i in range(dim)]
        if any(m < 0 for m in multipliers):
            return None
        used = sum((m * row[-1] for m, row in zip(multipliers, rows, strict=True)), Fraction(0))
        least = form[-1] - used
        return least if least >= 0 else None

    def _attach(self, cells: Cells, e: int, form: IntegerRow, wall: int) -> None:
        """Note the facets on which a form that never cuts the cell is 0."""
        for k in bounding(cells, e):
            code = int(cells.code[e, k])
            row = self.coded_row(cells, e, code)
            if code >> 1 >= self.compiled.program.n_domain and is_multiple(form, row):
                n = int(cells.n_attached[e])
                cells.attached[e, n] = code >> 1, wall
                cells.n_attached[e] = n + 1

    def facet(self, cells: Cells, e: int) -> None:
        """Is a row irredundant? Of rows that coincide, that of the lowest wall stands for all."""
        r = int(cells.scalar[lp.ROW])
        self.counters.rational_signs += 1
        code = int(cells.code[e, r])
        row = self.coded_row(cells, e, code)
        needed = [k for k in bounding(cells, e) if cells.kind[e, k] != lp.KEPT and k != r]
        rows = {k: self.coded_row(cells, e, int(cells.code[e, k])) for k in needed}
        same = [int(cells.code[e, k]) for k in needed if is_multiple(row, rows[k])]
        first = min(same, default=code)
        if first < code:
            cells.scalar[lp.FACET] = 2
            self._note(cells, e, first >> 1, code >> 1)
            return
        others = {k: v for k, v in rows.items() if int(cells.code[e, k]) not in same}
        if self._is_irredundant(cells, e, row, others):
            cells.scalar[lp.FACET] = 1
            for other in same:
                self._note(cells, e, code >> 1, other >> 1)
        else:
            cells.scalar[lp.FACET] = 2

    def _is_irredundant(
        self, cells: Cells, e: int, row: IntegerRow, others: dict[int, IntegerRow]
    ) -> bool:
        """Is a row negative somewhere where the others, by their places, are positive?"""
        by_basis = set(cells.basis[e].tolist()) <= set(others)
        if by_basis and self._least(cells, e, row) is not None:
            return False
        return margin([*others.values(), [-v for v in row]]).value > 0

    def _note(self, cells: Cells, e: int, facet: int, wall: int) -> None:
        """A facet is on another wall as well; a wall of the domain has no other side."""
        n = int(cells.n_attached[e])
        pairs = cells.attached[e, :n].tolist()
        if facet >= self.compiled.program.n_domain and [facet, wall] not in pairs:
            cells.attached[e, n] = facet, wall
            cells.n_attached[e] = n + 1

    def bounded(self, cells: Cells, e: int) -> None:
        """Is the cell bounded?"""
        self.counters.rational_signs += 1
        rows = self.exact_rows(cells, e)
        ray = int(cells.scalar[lp.RAY])
        unbounded = ray >= 0 and self._is_ray(cells, e, ray, rows)
        cells.scalar[lp.BOUNDED] = 2 if unbounded or not is_bounded(rows) else 1

    def _is_ray(self, cells: Cells, e: int, leave: int, rows: list[IntegerRow]) -> bool:
        """Is the edge of the vertex along slack ``leave`` a ray of the cell?"""
        basis = [self.coded_row(cells, e, int(cells.code[e, k])) for k in cells.basis[e]]
        along = null_space([g[:-1] for j, g in enumerate(basis) if j != leave], len(basis))
        if len(along) != 1:
            return False
        sign = 1 if dot(basis[leave][:-1], along[0]) > 0 else -1
        return all(sign * dot(row[:-1], along[0]) >= 0 for row in rows)


def is_multiple(a: IntegerRow, b: IntegerRow) -> bool:
    """Is a a positive multiple of b?"""
    j = next((i for i, v in enumerate(b) if v), None)
    if j is None or a[j] * b[j] <= 0:
        return False
    return all(v * b[j] == w * a[j] for v, w in zip(a, b, strict=True))


def is_bounded(rows: list[IntegerRow]) -> bool:
    """Is a polyhedron without lines bounded? Unbounded iff along some direction no row
    decreases and their sum grows."""
    if axis_reach(rows) is not None:
        return True
    flat = [[*row[:-1], 0] for row in rows]
    total = [sum(column) for column in zip(*flat, strict=True)]
    return margin([*flat, [*total[:-1], -1]]).value < 0


def domain_is_bounded(compiled: Compiled) -> bool:
    """Has the domain, in the engine's coordinates, neither lines nor rays?"""
    pointed = all(wall < compiled.program.n_domain for wall in compiled.root)
    return pointed and is_bounded(compiled.root_rows)


def axis_reach(rows: list[IntegerRow]) -> Fraction | None:
    """A bound on the absolute values of the coordinates, where rows of one coordinate each, as
    those of a box, bound them all on both sides."""
    ends = {}
    for row in rows:
        axes = [j for j, v in enumerate(row[:-1]) if v]
        if len(axes) == 1:
            (j,) = axes
            ends[j, row[j] > 0] = abs(Fraction(row[-1], row[j]))
    return max(ends.values()) if len(ends) == 2 * len(rows[0]) - 2 else None


def reach(rows: list[IntegerRow]) -> float:
    """A bound on the absolute values of the coordinates of a polytope; 0 if none was found.

    Read off the rows of a box; else guessed in float64, a power of two, and proved: no point is
    beyond.
    """
    read = axis_reach(rows)
    if read is not None:
        rounded = quotient(read.numerator, read.denominator) * (1 + 2.0**-50)
        return max(1.0, rounded) if rounded < inf else 0.0
    from scipy.optimize import linprog

    scales = [max(map(abs, row)) for row in rows]
    table = np.array([[quotient(v, s) for v in row] for row, s in zip(rows, scales, strict=True)])
    dim = table.shape[1] - 1
    least = 1.0
    for j in range(dim):
        for sign in (1.0, -1.0):
            cost = np.zeros(dim)
            cost[j] = -sign
            found = linprog(cost, -table[:, :-1], table[:, -1], bounds=(None, None))
            least = max(least, -found.fun if found.fun is not None else 1.0)
    power = 1 << int(np.ceil(np.log2(least)))
    beyond = [
        [sign * int(i == j) for i in range(dim)] + [-2 * power]
        for j in range(dim)
        for sign in (1, -1)
    ]
    proved = all(margin([*rows, row]).value < 0 for row in beyond)
    return 2.0 * power if proved else 0.0


def interior_point(rows: list[IntegerRow]) -> Point | None:
    """A point at which ``row . (x, 1) > 0`` for all rows; None if there is none.

    A program in float64 guesses one, which integers confirm, or the few rows that leave no room,
    for which :func:`.rational.margin` takes a hundredth of the time that it takes for long integers
    of all. Of short ones it is as quick.
    """
    if max(abs(v) for row in rows for v in row) >= SHORT:
        point, tight = _guess(rows)
        if point is not None and all(dot_point(row, point) > 0 for row in rows):
            return point
        if tight and margin([rows[i] for i in tight]).value <= 0:
            return None
    best = margin(rows)
    return best.point if best.value > 0 else None


def _guess(rows: list[IntegerRow]) -> tuple[Point | None, list[int]]:
    """About the point that is farthest inside of all rows, and which rows hold it there."""
    from scipy.optimize import linprog

    table = scaled_table(rows)
    if not np.isfinite(table).all():
        return None, []
    dim = table.shape[1] - 1
    slack = np.hstack([-table[:, :-1], np.ones((len(rows), 1))])
    bounds = [(None, None)] * dim + [(None, 1.0)]
    found = linprog(np.append(np.zeros(dim), -1.0), slack, table[:, -1], bounds=bounds)
    if found.x is None or not np.isfinite(found.x).all():
        return None, []
    point = tuple(map(Fraction, found.x[:-1].tolist()))
    return point, np.flatnonzero(found.ineqlin.marginals).tolist()


def bounding(cells: Cells, e: int) -> list[int]:
    return [k for k in range(int(cells.n_rows[e])) if cells.kind[e, k] != lp.FREE]


def first_free(cells: Cells, e: int) -> int:
    return next(k for k in range(int(cells.n_rows[e])) if cells.kind[e, k] == lp.FREE)


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
        if status in ANSWERS and self.max_answers == self.resolver.counters.rational_signs:
            raise TooManyAnswers
        if status in ANSWERS:
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
