"""The point of a polyhedron that is nearest to the origin, exactly, in the norm 1, 2 or inf.

A polyhedron is given by integer rows g: ``{u : g . (u, 1) >= 0}``. With g = (a, -c) and
multipliers y >= 0, every point has ``y . c <= (sum of y_i a_i) . u <= |sum of y_i a_i|* |u|``,
where |.|* is the dual norm. So ``|u| >= y . c / |sum of y_i a_i|*``, and if that sum is 0 while
y . c > 0 there is no point at all. Multipliers for which this bound is attained exist in all three
norms (strong duality), and they are what a reader needs to check an answer: :func:`dual_bound`.

Float64 only guesses which rows are active (Lawson and Hanson's non-negative least squares; a dense
simplex tableau). What is guessed is solved in rationals and, if it is not optimal, the exact
methods go on from there: for the Euclidean norm Goldfarb and Idnani's dual method (1983; every step
that takes a row in raises the distance, so it ends), for the others the simplex method with Bland's
rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import inf, isinf

import numpy as np
from flint import fmpz_mat

from .network import Array, quotient
from .rational import IntegerRow, dot, independent, integer_row, to_fraction

NORMS = (1, 2, inf)
GUESSES = 20  # float pivots, per row and column: beyond it the guess is given up
SMALL = 1e-11
FAR = 1e6
PERTURBATION = 1e-9  # of the float tableau's right-hand side, against cycling


@dataclass(frozen=True)
class Nearest:
    """The point of a polyhedron that is nearest to the origin.

    Attributes:
        distance: its distance, in the norm 2 squared; None: no point satisfies the rows.
        point: it; in the norms 1 and inf one of them. None if there is none.
        multipliers: row -> positive integer: they prove that no point is nearer, or that there
            is none (:func:`dual_bound`). Empty if the origin is in the polyhedron.
    """

    distance: Fraction | None
    point: tuple[Fraction, ...] | None
    multipliers: dict[int, int]


def nearest_point(
    rows: Sequence[IntegerRow], dim: int, norm: float, table: Array | None = None
) -> Nearest:
    """Minimise ``|u|`` subject to ``g . (u, 1) >= 0`` for all rows g.

    Args:
        rows: integers, each of length dim + 1; rows without a linear part are welcome.
        norm: 1, 2 or inf.
        table: :func:`scaled_table` of the rows, if it is known.

    The cost is that of a float64 solution (some 0.1 ms for 40 rows in 4 dimensions) and of an exact
    linear system as large as there are active rows; on degenerate input some more.
    """
    if all(g[-1] >= 0 for g in rows):
        return Nearest(Fraction(0), (Fraction(0),) * dim, {})
    table = scaled_table(rows) if table is None else table
    if norm == 2:
        return _Euclidean(rows, dim, table).solve()
    return _polyhedral(rows, dim, isinf(norm), table)


def dual_bound(
    rows: Sequence[IntegerRow], multipliers: dict[int, int], norm: float
) -> Fraction | None:
    """What multipliers prove: no point is nearer than this (norm 2: squared); None: no point is."""
    dim = len(rows[0]) - 1
    total = [sum(y * rows[i][j] for i, y in multipliers.items()) for j in range(dim)]
    height = -sum(y * rows[i][-1] for i, y in multipliers.items())
    if min(multipliers.values(), default=0) < 0 or height <= 0:
        return Fraction(0)
    if not any(total):
        return None
    return length_bound(total, height, norm)


def length_bound(normal: Sequence[int], height: int, norm: float) -> Fraction:
    """The distance of the origin from ``{u : normal . u = height}`` (norm 2: squared)."""
    if norm == 2:
        return Fraction(height * height, dot(normal, normal))
    size = sum(map(abs, normal)) if isinf(norm) else max(map(abs, normal))
    return Fraction(abs(height), size)


def length(u: Sequence[Fraction], norm: float) -> Fraction:
    """The norm of a vector (norm 2: squared)."""
    if norm == 2:
        return sum((v * v for v in u), Fraction(0))
    return max(map(abs, u), default=Fraction(0)) if isinf(norm) else sum(map(abs, u), Fraction(0))


def scaled_table(rows: Sequence[IntegerRow]) -> Array:
    """The rows in float64, each divided by its greatest coefficient."""
    table = np.empty((len(rows), len(rows[0]) if rows else 0))
    for i, g in enumerate(rows):
        size = max(map(abs, g[:-1]), default=0) or abs(g[-1]) or 1
        table[i] = [quotient(v, size) for v in g]
    return table


def _integers(values: dict[int, Fraction]) -> dict[int, int]:
    kept = {i: v for i, v in values.items() if v}
    return dict(zip(kept, integer_row(list(kept.values())), strict=True))


def outside_or_tight(
    rows: Sequence[IntegerRow], table: Array, point: Sequence[Fraction]
) -> dict[int, int]:
    """The rows that are not positive at a point, and their values there times a common factor.

    Float64 with an error bound tells most of those that are positive.
    """
    column = integer_row([*point, Fraction(1)])
    x = np.array([quotient(v, column[-1]) for v in column])
    with np.errstate(all="ignore"):  # what overflows is not certain
        size = np.abs(table) @ np.abs(x)
        # Both factors of each product are rounded once, by 2**-53 or below 2**-1074.
        unsure = (len(x) + 10) * 2.0**-52 * size + (np.abs(x).max() + 4) * 2.0**-1020
        certain = table @ x > unsure
    doubtful = np.flatnonzero(~certain).tolist()
    values = {i: dot(rows[i], column) for i in doubtful}
    return {i: v for i, v in values.items() if v <= 0}


# --- the Euclidean norm -----------------------------------------------------------------------


class _Euclidean:
    """The dual method: the nearest point to the origin on some rows, with weights >= 0, to which
    violated rows are added one by one."""

    def __init__(self, rows: Sequence[IntegerRow], dim: int, table: Array) -> None:
        self.rows, self.dim, self.table = rows, dim, table
        self.active: list[int] = []
        self.weights: list[Fraction] = []

    def solve(self) -> Nearest:
        proof = self._start(self._guess())
        if proof is not None:
            return Nearest(None, None, proof)
        while True:
            point = self._point()
            violated = self._violated(point)
            if violated is None:
                weights = dict(zip(self.active, self.weights, strict=True))
                return Nearest(length(point, 2), point, _integers(weights))
            proof = self._take_in(violated)
            if proof is not None:
                return Nearest(None, None, proof)

    def _guess(self) -> list[int]:
        """The rows that float64 finds active, or finds to exclude each other."""
        from scipy.optimize import nnls

        with np.errstate(all="ignore"):
            scale = -self.table[:, -1].min()
            if not np.isfinite(self.table).all() or scale == 0:
                return []
            # Rows that hold by far at the origin must not dwarf those that do not.
            heights = np.maximum(-self.table[:, -1] / scale, -FAR)
            system = np.vstack([self.table[:, :-1].T, heights])
            aim = np.zeros(self.dim + 1)
            aim[-1] = 1.0
            try:
                found, _ = nnls(system, aim)
            except (RuntimeError, ValueError):  # too many steps
                return []
        guessed: list[int] = np.flatnonzero(found).tolist()
        return guessed

    def _start(self, guessed: list[int]) -> dict[int, int] | None:
        """Start from guessed rows, if they are independent and their weights >= 0; or, if they
        are found to exclude each other, the multipliers that prove it."""
        weights = self._solve(guessed, [-self.rows[i][-1] for i in guessed])
        if weights is not None:
            if min(weights, default=Fraction(0)) >= 0:
                self.active, self.weights = guessed, weights
            return None
        relation, nullity = fmpz_mat([self.rows[i][:-1] for i in guessed]).transpose().nullspace()
        if nullity != 1:
            return None
        y = [int(relation[i, 0]) for i in range(len(guessed))]
        height = -sum(v * self.rows[i][-1] for v, i in zip(y, guessed, strict=True))
        y = y if height > 0 else [-v for v in y]
        if height == 0 or min(y) < 0:
            return None
        return _integers({i: Fraction(v) for i, v in zip(guessed, y, strict=True)})

    def _solve(self, active: list[int], aim: Sequence[int]) -> list[Fraction] | None:
        """y with ``a_i . sum of y_k a_k = aim_i``; None if the rows are dependent."""
        if not active:
            return []
        if len(active) > self.dim:
            return None
        normals = fmpz_mat([self.rows[i][:-1] for i in active])
        try:
            found = (normals * normals.transpose()).solve(fmpz_mat([[v] for v in aim]))
        except ZeroDivisionError:
            return None
        return [to_fraction(v) for v in found.entries()]

    def _point(self) -> tuple[Fraction, ...]:
        if not self.active:
            return (Fraction(0),) * self.dim
        *weights, scale = integer_row([*self.weights, Fraction(1)])
        normals = fmpz_mat([self.rows[i][:-1] for i in self.active])
        found = fmpz_mat([weights]) * normals
        return tuple(Fraction(int(v), scale) for v in found.entries())

    def _violated(self, point: tuple[Fraction, ...]) -> int | None:
        """The row that is violated most, roughly."""
        worst, least = None, 0.0
        for i, v in outside_or_tight(self.rows, self.table, point).items():
            if v < 0:
                value = quotient(v, max(map(abs, self.rows[i][:-1]), default=0) or 1)
                if worst is None or value < least:
                    worst, least = i, value
        return worst

    def _take_in(self, q: int) -> dict[int, int] | None:
        """Make row q active, dropping others where their weights get 0; the multipliers of a
        proof if no point satisfies them all."""
        normal = self.rows[q][:-1]
        square = dot(normal, normal)
        own = Fraction(0)
        while True:
            products = [dot(self.rows[i][:-1], normal) for i in self.active]
            shares = self._solve(self.active, products)
            assert shares is not None, "active rows are independent"
            off = square - sum((s * p for s, p in zip(shares, products, strict=True)), Fraction(0))
            inside = sum((w * p for w, p in zip(self.weights, products, strict=True)), own * square)
            missing = -self.rows[q][-1] - inside
            falling = [(w / s, k) for k, (w, s) in enumerate(zip(self.weights, shares, strict=True))
                       if s > 0]  # fmt: skip
            if off == 0 and not falling:
                proof = {i: -s for i, s in zip(self.active, shares, strict=True)}
                return _integers(proof | {q: Fraction(1)})
            first = min(falling, default=None)
            if off and (first is None or missing / off <= first[0]):
                step = missing / off
                self.weights = [w - step * s for w, s in zip(self.weights, shares, strict=True)]
                self.active.append(q)
                self.weights.append(own + step)
                return None
            assert first is not None
            step, k = first
            self.weights = [w - step * s for w, s in zip(self.weights, shares, strict=True)]
            own += step
            del self.active[k], self.weights[k]


# --- the norms 1 and inf ----------------------------------------------------------------------


def _polyhedral(rows: Sequence[IntegerRow], dim: int, maximum: bool, table: Array) -> Nearest:
    """By the dual linear program, ``max y . c : |sum of y_i a_i|* <= 1``.

    Of the norm inf, with ``sum of y_i a_i = v - w``, ``v, w, s >= 0`` and
    ``sum of v + sum of w + s = 1``, from which the equations before are taken off; of the norm 1
    with slacks, ``-1 <= sum of y_i a_i <= 1``. Both start from a basis that is the unit matrix.
    """
    m, n = len(rows), dim
    unit = [[int(i == j) for j in range(n)] for i in range(n)]
    normals = [list(g[:-1]) for g in rows]
    if maximum:
        columns = [[*a, -sum(a)] for a in normals]
        columns += [[*e, 0] for e in unit]
        columns += [[0] * n + [1]]
        columns += [[*(-v for v in e), 2] for e in unit]
        aim = [0] * n + [1]
    else:
        columns = [[*a, *(-v for v in a)] for a in normals]
        columns += [[int(i == j) for j in range(2 * n)] for i in range(2 * n)]
        aim = [1] * (2 * n)
    cost = [-g[-1] for g in rows] + [0] * (len(columns) - m)
    program = _Simplex(columns, aim, cost, list(range(m, m + len(aim))), table)
    found = program.solve()
    multipliers = _integers({j: v for j, v in found.values.items() if j < m})
    if found.ray:
        return Nearest(None, None, multipliers)
    y = found.prices
    if maximum:
        point = tuple(v - y[-1] for v in y[:-1])
    else:
        point = tuple(a - b for a, b in zip(y[:n], y[n:], strict=True))
    return Nearest(length(point, inf if maximum else 1), point, multipliers)


@dataclass(frozen=True)
class _Optimum:
    """A solution and the dual prices of the equations; or a ray along which there is no end."""

    values: dict[int, Fraction]
    prices: list[Fraction]
    ray: bool


class _Simplex:
    """``max cost . x : sum of x_j columns_j = aim, x >= 0``, from a basis that is the unit.

    ``rows`` are the rows of the first columns in float64, as :func:`scaled_table` gives them.
    """

    def __init__(
        self,
        columns: list[list[int]],
        aim: list[int],
        cost: list[int],
        start: list[int],
        rows: Array,
    ) -> None:
        self.columns, self.aim, self.cost, self.start = columns, aim, cost, start
        self.rows = rows

    def solve(self) -> _Optimum:
        basis, hint = self._guess()
        values = self._solve(basis, self.aim)
        if values is None or min(values) < 0:
            basis = list(self.start)
            values = self._solve(basis, self.aim)
        while True:
            assert values is not None
            prices = self._prices(basis)
            enter = self._entering(prices, hint)
            if enter is None:
                return _Optimum(dict(zip(basis, values, strict=True)), prices, False)
            hint = None
            along = self._solve(basis, self.columns[enter])
            assert along is not None
            rising = [(v / a, basis[r], r) for r, (v, a) in
                      enumerate(zip(values, along, strict=True)) if a > 0]  # fmt: skip
            if not rising:
                ray = {j: -a for j, a in zip(basis, along, strict=True)}
                return _Optimum(ray | {enter: Fraction(1)}, prices, True)
            _, _, r = min(rising)  # of equal ratios the least index leaves: Bland's rule
            basis[r] = enter
            values = self._solve(basis, self.aim)

    def _solve(self, basis: list[int], aim: Sequence[int]) -> list[Fraction] | None:
        matrix = fmpz_mat([self.columns[j] for j in basis]).transpose()
        try:
            found = matrix.solve(fmpz_mat([[v] for v in aim]))
        except ZeroDivisionError:
            return None
        return [to_fraction(v) for v in found.entries()]

    def _prices(self, basis: list[int]) -> list[Fraction]:
        matrix = fmpz_mat([self.columns[j] for j in basis])
        found = matrix.solve(fmpz_mat([[self.cost[j]] for j in basis]))
        return [to_fraction(v) for v in found.entries()]

    def _entering(self, prices: list[Fraction], hint: int | None) -> int | None:
        """The hint if it gains, else the first column that does."""
        *whole, scale = integer_row([*prices, Fraction(1)])
        order = range(len(self.columns)) if hint is None else (hint, *range(len(self.columns)))
        for j in order:
            if self.cost[j] * scale > dot(self.columns[j], whole):
                return j
        return None

    def _guess(self) -> tuple[list[int], int | None]:
        """A basis that float64 finds optimal, and a column that it finds to gain without end."""
        n, m = len(self.aim), len(self.rows)
        table = np.zeros((n, len(self.columns)))
        slacks = np.array(self.columns[m:], dtype=np.float64).T
        normals = self.rows[:, :-1].T
        if n == len(normals) + 1:  # as the columns are made of the rows
            table[:, :m] = np.vstack([normals, -normals.sum(axis=0)])
        else:
            table[:, :m] = np.vstack([normals, -normals])
        table[:, m:] = slacks
        gains = np.concatenate([-self.rows[:, -1], np.zeros(len(self.columns) - m)])
        shift = PERTURBATION * np.random.default_rng(0).random(n)
        right = np.array(self.aim, dtype=np.float64) + shift
        basis = list(self.start)
        if not (np.isfinite(table).all() and np.isfinite(gains).all()):
            return basis, None
        scale = float(gains.max()) or 1.0
        with np.errstate(all="ignore"):
            gains = np.maximum(gains / scale, -FAR)
            for _ in range(GUESSES * (n + len(gains))):
                enter = int(gains.argmax())
                if not gains[enter] > SMALL:
                    break
                along = table[:, enter]
                ratio = np.where(along > SMALL, right / along, np.inf)
                r = int(ratio.argmin())
                if isinf(ratio[r]):
                    return self._repaired(basis), enter
                lead = table[r] / along[r]
                right_r = right[r] / along[r]
                right = right - along * right_r
                right[r] = right_r
                table = table - np.outer(along, lead)
                table[r] = lead
                gains = gains - gains[enter] * lead
                basis[r] = enter
        return self._repaired(basis), None

    def _repaired(self, basis: list[int]) -> list[int]:
        """If rounding chose dependent columns: the independent ones, and slacks."""
        n = len(self.aim)
        chosen = [*basis, *self.start]
        kept = independent([self.columns[j] for j in chosen], n)
        return [chosen[i] for i in kept]
