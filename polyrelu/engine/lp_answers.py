"""What float64 leaves open of cells without vertices is decided here, in integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from flint import fmpz_mat

from ..network import quotient
from ..rational import IntegerRow, dot, dot_point, margin, null_space, solve_affine
from . import kernel, lp
from .exact import Resolver
from .row_systems import Point, interior_point, is_bounded, is_multiple
from .state import Cells

REMEMBERED_WITNESSES = 4096


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


def bounding(cells: Cells, e: int) -> list[int]:
    return [k for k in range(int(cells.n_rows[e])) if cells.kind[e, k] != lp.FREE]


def first_free(cells: Cells, e: int) -> int:
    return next(k for k in range(int(cells.n_rows[e])) if cells.kind[e, k] == lp.FREE)
