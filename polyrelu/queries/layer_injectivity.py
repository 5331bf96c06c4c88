"""Is one layer injective on a convex domain? By branching, not by enumerating its cells.

For units that are monotone (ReLU, leaky ReLU, hard tanh, identity), with K the domain: F is
injective on K iff on every full-dimensional cell the rows of the *active* units (not flat there)
have the rank of K's affine hull. If F(x) = F(y), then at the midpoint z each unit is either in the
interior of a flat piece, or its row vanishes on x - y; the closure of some cell holds z, and its
active rows are among those that vanish. (Puthawala et al. 2022, theorem 2, for ReLU without bias
on R^n; with bias and a domain: docs/injectivity.md.)
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..answer import Answer, Status
from ..domain import Domain
from ..engine import branch
from ..engine.rounding import round_rows
from ..engine.walls import shifted
from ..interrupt import deferred_interrupt
from ..limits import Limits
from ..network import Layer
from ..progress import Progress, compilation_announced
from ..rational import (
    ExactPoint,
    IntegerRow,
    dot,
    dot_point,
    independent,
    integer_row,
    margin,
    null_space,
    primitive,
    rows_of,
)
from .layer_certificate import Constraint, LayerCertificate, PairsCertificate, boundaries
from .where import why_stopped
from .witness import Collision


def is_monotone(unit: PiecewiseLinear) -> bool:
    """Nowhere rising and falling; the criterion holds for such units only."""
    return all(s >= 0 for s in unit.slopes) or all(s <= 0 for s in unit.slopes)


@dataclass
class LayerProblem:
    """A layer on a domain in the domain's chart, as exact homogeneous rows.

    Attributes:
        rank: the dimension of the domain.
        central: no row has a constant: cells are cones, and rows have no last entry.
        forms: the layer's pre-activations in the chart, with the scale as last row.
        units: those that are not constant, by their numbers in the layer.
        rows: what bounds a node: the domain, then the boundaries of ``units``, in order.
        constraints: what each row is.
        first: index of each unit's first row, and one past the last.
        lowest_active: for each unit whether it is active in its lowest interval.
    """

    layer: Layer
    domain: Domain

    def __post_init__(self) -> None:
        chart = self.domain.chart()
        self.matrix = chart.matrix
        self.rank = chart.dim
        self.forms = self.layer.integer_matrix * chart.matrix
        table = rows_of(self.forms)
        self.units = [u for u, row in enumerate(table[:-1]) if any(row[:-1])]
        named = [boundaries(self.layer.units[u]) for u in self.units]
        self.lowest_active = [active for _, active in named]
        rows = [list(g) for g in chart.constraints]
        constraints = [Constraint("domain", i) for i in chart.sources]
        edges = [
            shifted(self.forms, u, t)
            for u, (turns, _) in zip(self.units, named, strict=True)
            for t in turns
        ]
        self.central = not rows and not any(g[-1] for g in edges)
        if not self.central:
            rows.append([0] * self.rank + [1])
            constraints.append(Constraint("infinity"))
        self.n_fixed = len(rows)
        counts = [len(turns) for turns, _ in named]
        self.first = (self.n_fixed + np.cumsum([0, *counts])).tolist()
        rows += edges
        constraints += [
            Constraint("unit", u, b)
            for u, count in zip(self.units, counts, strict=True)
            for b in range(count)
        ]
        self.dim = self.rank if self.central else self.rank + 1
        self.rows = [g[: self.dim] for g in rows]
        self.constraints = tuple(constraints)
        self.linear = [table[u][: self.rank] for u in self.units]

    def coded(self, code: int) -> IntegerRow:
        row = self.rows[code >> 1]
        return [-v for v in row] if code & 1 else row

    def codes_of(self, intervals: Sequence[int]) -> list[int]:
        """The rows that bound a node."""
        codes = [2 * r for r in range(self.n_fixed)]
        for u, i in enumerate(intervals):
            if i > 0:
                codes.append(2 * (self.first[u] + i - 1))
            if i >= 0 and self.first[u] + i < self.first[u + 1]:
                codes.append(2 * (self.first[u] + i) + 1)
        return codes

    def intervals_at(self, x: Sequence[int]) -> list[int]:
        """The interval of each unit at a point on none of their boundaries."""
        return [
            sum(dot(self.rows[r], x) > 0 for r in range(a, b))
            for a, b in zip(self.first, self.first[1:], strict=False)
        ]

    def is_active(self, u: int, interval: int) -> bool:
        return self.lowest_active[u] == (interval % 2 == 0)

    def to_input(self, x: Sequence[Fraction]) -> ExactPoint:
        """From the coordinates of the rows to a point of the domain."""
        point = integer_row([*x, Fraction(1)] if self.central else x)
        image = [dot(row, point) for row in rows_of(self.matrix)]
        return tuple(Fraction(v, image[-1]) for v in image[:-1])

    @cached_property
    def tables(self) -> branch.Layer:
        """The rows as the kernel reads them, each scaled by a power of two and rounded once."""
        n_rows = len(self.rows)
        wall, wall_error = np.zeros((self.dim + 1, n_rows)), np.zeros(n_rows)
        row = np.zeros((n_rows, self.dim))
        if n_rows:
            wall[: self.dim], _, wall_error[:] = round_rows(self.rows, _scales(self.rows))
            row[:] = wall[: self.dim].T
            row /= np.maximum(np.linalg.norm(row, axis=1), 2.0**-100)[:, None]
        unit, unit_error = np.zeros((self.rank + 1, len(self.units))), np.zeros(len(self.units))
        if self.units:
            unit[: self.rank], _, unit_error[:] = round_rows(self.linear, _scales(self.linear))
        return branch.Layer(
            rank=self.rank,
            dim=self.dim,
            n_fixed=self.n_fixed,
            row=row,
            wall=wall,
            wall_error=wall_error,
            unit=unit,
            unit_error=unit_error,
            first=np.array(self.first, dtype=np.int64),
            lowest_active=np.array(self.lowest_active, dtype=np.int64),
        )


def _scales(rows: Sequence[IntegerRow]) -> list[int]:
    return [1 << max((max(map(abs, row)) - 1).bit_length(), 0) for row in rows]


@dataclass
class LayerProof:
    """One run of the branching: the kernel's tree, and exact answers to what it asks."""

    problem: LayerProblem
    exact_questions: int = 0
    deficient: list[int] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        p = self.problem
        n_units, dim, rank = len(p.units), p.dim, p.rank
        width = max(2 * rank + 1, dim + 3)
        self.tree = branch.Tree(
            scalar=np.zeros(branch.N_SCALARS, np.int64),
            interval=np.full((64, n_units), -1, np.int16),
            corral=np.zeros((64, dim + 2), np.int64),
            weight=np.zeros((64, dim + 2)),
            size=np.zeros(64, np.int64),
            record=np.zeros((256, width), np.int32),
            basis=np.zeros(rank, np.int64),
            place=np.zeros(n_units, np.int64),
            x=np.zeros(dim),
            codes=np.zeros(len(p.rows) + 1, np.int64),
            order=np.zeros(n_units),
            echelon=np.zeros((rank, rank)),
            lead=np.zeros(rank, np.int64),
            work=np.zeros((dim + 2, dim + 3)),
            found=np.zeros(dim + 2),
            scratch=np.zeros((3, dim + 2, dim + 2)),
            walls=np.zeros(dim, np.int64),
            solve_codes=np.zeros(dim, np.int64),
            free=np.zeros(dim, np.bool_),
            target=np.zeros((2, dim + 2)),
            kept=np.zeros(n_units, np.int16),
            kept_corral=np.zeros(dim + 2, np.int64),
            kept_weight=np.zeros(dim + 2),
        )

    @property
    def nodes(self) -> int:
        return int(self.tree.scalar[branch.NODES])

    def run(self, limits: Limits, progress: Progress | None) -> str | None:
        """Until all is done or a cell lacks rank; or the name of a limit that was reached."""
        began = time.perf_counter()
        with deferred_interrupt() as interrupted, compilation_announced():
            while (status := branch.run(self.problem.tables, self.tree)) != branch.DONE:
                if status == branch.NEED_BASIS:
                    self._find_basis()
                elif status == branch.NEED_EMPTY:
                    self._is_empty()
                elif status != branch.PAUSE:
                    self._grow(status)
                if self.deficient is not None:
                    return None
                seconds = time.perf_counter() - began
                if progress is not None and status == branch.PAUSE:
                    progress(self.nodes, seconds)
                stopped = limits.reached(self.nodes, seconds, self._bytes, limits.regions)
                if stopped is None and interrupted():
                    stopped = "interrupt"
                if stopped is not None:
                    return stopped
        return None

    @property
    def _bytes(self) -> int:
        return int(self.tree.record.nbytes + self.tree.interval.nbytes)

    def _grow(self, status: int) -> None:
        names = ("record",) if status == branch.GROW_RECORDS else (
            "interval", "corral", "weight", "size")  # fmt: skip
        doubled = {}
        for name in names:
            array = getattr(self.tree, name)
            doubled[name] = np.concatenate([array, np.zeros_like(array)])
        self.tree = self.tree._replace(**doubled)

    @property
    def _top(self) -> int:
        return int(self.tree.scalar[branch.TOP])

    def _node_codes(self) -> list[int]:
        return self.problem.codes_of(self.tree.interval[self._top].tolist())

    def _is_empty(self) -> None:
        """Decide whether the top node has an interior: by the combination that float64 found,
        else by an exact linear program."""
        self.exact_questions += 1
        e = self._top
        corral = self.tree.corral[e, : self.tree.size[e]].tolist()
        support = self._positive_combination(corral)
        if support is None:
            x, support = self._interior(self._node_codes())
            if support is None:
                self._use_point(x)
                return
        self._mark_empty(support)

    def _mark_empty(self, support: list[int]) -> None:
        e, tree = self._top, self.tree
        tree.corral[e, : len(support)] = support
        tree.size[e] = len(support)
        tree.scalar[branch.PHASE] = branch.EMPTY

    def _positive_combination(self, codes: list[int]) -> list[int] | None:
        """Those of the rows that a nonnegative combination, unique up to scale, takes to 0."""
        if not codes:
            return None
        columns = list(zip(*(self.problem.coded(c) for c in codes), strict=True))
        basis = null_space([list(c) for c in columns], len(codes))
        if len(basis) != 1:
            return None
        y = basis[0] if sum(basis[0]) > 0 else [-v for v in basis[0]]
        return [c for c, v in zip(codes, y, strict=True) if v] if min(y) >= 0 else None

    def _interior(self, codes: list[int]) -> tuple[list[int], list[int] | None]:
        """A point inside the node; or the rows of a nonnegative combination that is 0."""
        if not codes:
            return [1] * self.problem.dim, None
        best = margin([[*self.problem.coded(c), 0] for c in codes])
        if best.value > 0:
            return integer_row(best.point), None
        return [], [c for c, y in zip(codes, best.multipliers, strict=True) if y > 0]

    def _find_basis(self) -> None:
        """A basis of active units of the top node, at a point that is certainly inside."""
        self.exact_questions += 1
        x = integer_row([Fraction(v) for v in self.tree.x.tolist()])
        codes = self._node_codes()
        if not all(dot(self.problem.coded(c), x) > 0 for c in codes):
            x, support = self._interior(codes)
            if support is not None:
                self._mark_empty(support)
                return
        self._use_point(x)

    def _use_point(self, x: list[int]) -> None:
        """Take the basis of the cell of x, a point inside the top node; or it lacks rank."""
        p = self.problem
        x = self._off_boundaries(x)
        intervals = p.intervals_at(x)
        fixed = self.tree.interval[self._top]
        active = [u for u, i in enumerate(intervals) if p.is_active(u, i)]
        active.sort(key=lambda u: fixed[u] < 0)
        chosen = independent([p.linear[u] for u in active], p.rank) if active else []
        if len(chosen) < p.rank:
            self.deficient = x
            return
        self.tree.basis[:] = [active[i] for i in chosen]
        self.tree.place[:] = intervals
        self.tree.scalar[branch.PHASE] = branch.PUSH

    def _off_boundaries(self, x: list[int]) -> list[int]:
        """A point inside the top node on no boundary."""
        p, codes = self.problem, self._node_codes()
        while True:
            on = [r for r in range(p.n_fixed, len(p.rows)) if dot(p.rows[r], x) == 0]
            if not on:
                return x
            for code in (2 * on[0], 2 * on[0] + 1):  # there is room on one side at least
                moved, support = self._interior([*codes, code])
                if support is None:
                    x = moved
                    codes.append(code)
                    break

    def certificate(self) -> LayerCertificate:
        p = self.problem
        n = int(self.tree.scalar[branch.RECORDS])
        records = self.tree.record[:n].copy()
        records.flags.writeable = False
        return LayerCertificate(p.layer, p.domain, p.rank, records, tuple(p.units), p.constraints)

    def collision(self) -> Collision:
        """Two points of the cell that lacks rank with the same output."""
        p, x = self.problem, self.deficient
        assert x is not None
        intervals = p.intervals_at(x)
        # Of a cone every multiple will do: one of norm about 1.
        size = 1 << max(map(abs, x)).bit_length() if p.central else 1
        here = [Fraction(v, size) for v in x]
        active = [p.linear[u] for u, i in enumerate(intervals) if p.is_active(u, i)]
        along = null_space(active, p.rank)[0]
        direction = [*along, *[0] * (p.dim - p.rank)]
        codes = p.codes_of(intervals)
        ratios = [
            -dot_point([*p.coded(c), 0], here) / slope
            for c in codes
            if (slope := dot(p.coded(c), direction)) < 0
        ]
        # Far enough to be seen, near enough to stay inside.
        far = max(map(abs, here)) / max(map(abs, along))
        step = min([far, *(r / 2 for r in ratios)])
        there = [a + step * v for a, v in zip(here, direction, strict=True)]
        return collision_of(p.layer, p.to_input(here), p.to_input(there))


def collision_of(layer: Layer, x: ExactPoint, y: ExactPoint) -> Collision:
    """Check that two points collide, and say where."""
    a, b = layer_output(layer, x), layer_output(layer, y)
    assert x != y, "the points of a refutation differ"
    assert a == b, "the points of a refutation have the same output"
    return Collision(x, y, a)


def layer_output(layer: Layer, x: ExactPoint) -> ExactPoint:
    """A layer's output at a point, exactly."""
    column = integer_row([*x, Fraction(1)])
    z = (layer.integer_matrix * fmpz_mat([[v] for v in column])).entries()
    scale = int(z[-1])
    return tuple(
        unit.exact(Fraction(int(v), scale)) for unit, v in zip(layer.units, z, strict=False)
    )


def opposite_pairs(problem: LayerProblem) -> tuple[tuple[int, ...], ...] | None:
    """Slots of a :class:`PairsCertificate`, if there are enough."""
    slots: list[tuple[int, ...]] = []
    linear: list[IntegerRow] = []
    flat: dict[tuple[int, ...], tuple[Fraction, int]] = {}
    for at, u in enumerate(problem.units):
        first, last = problem.first[at], problem.first[at + 1]
        if first == last and problem.lowest_active[at]:
            slots.append((u,))
            linear.append(problem.linear[at])
        if last - first != 1:
            continue
        sign = 1 if problem.lowest_active[at] else -1  # flat where sign * row > 0
        row = [sign * v for v in problem.rows[first]]
        direction = primitive(row[: problem.rank])
        scale = next(Fraction(v, d) for v, d in zip(row, direction, strict=False) if d)
        beyond = Fraction(-row[-1]) / scale if problem.dim > problem.rank else Fraction(0)
        key = tuple(direction)  # flat where direction . x > beyond
        if key not in flat or beyond > flat[key][0]:
            flat[key] = beyond, u
    for key, (beyond, u) in flat.items():
        other = flat.get(tuple(-v for v in key))
        if other is not None and u < other[1] and -other[0] <= beyond:
            slots.append((u, other[1]))
            linear.append(list(key))
    chosen = independent(linear, problem.rank) if linear else []
    return tuple(slots[i] for i in chosen) if len(chosen) == problem.rank else None


def decide_layer(layer: Layer, domain: Domain, limits: Limits, progress: Progress | None) -> Answer:
    """Is a layer of monotone units injective on a domain?"""
    began = time.perf_counter()
    problem = LayerProblem(layer, domain)
    slots = opposite_pairs(problem)
    if slots is not None:
        return Answer(
            Status.PROVED,
            "of opposite rows, that span the space, one of two is active everywhere",
            certificate=PairsCertificate(layer, domain, slots),
            stats={"nodes": 0, "exact_questions": 0, "seconds": time.perf_counter() - began},
        )
    proof = LayerProof(problem)
    stopped = proof.run(limits, progress) if problem.rank else None
    stats = {
        "nodes": proof.nodes,
        "exact_questions": proof.exact_questions,
        "seconds": time.perf_counter() - began,
    }
    if stopped is not None:
        return Answer(Status.UNKNOWN, why_stopped(stopped, f"{proof.nodes} nodes"), stats=stats)
    if proof.deficient is not None:
        reason = "on some cell the active rows have too little rank"
        return Answer(Status.REFUTED, reason, witness=proof.collision(), stats=stats)
    reason = "on every cell the active rows have full rank"
    return Answer(Status.PROVED, reason, certificate=proof.certificate(), stats=stats)
