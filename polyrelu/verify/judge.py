"""Level "judge": cddlib, another program by another author, in rational arithmetic."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import fmpz_mat

from ..errors import MissingExtraError
from .forms import Row, dot, null_space, over_common, primitive
from .report import Check, Tally
from .run import Run

RELATIVE_ROUNDING = Fraction(1, 2**52)  # twice that of float64, as it is of the rounded value
SMALLEST = Fraction(1, 2**1074)  # what underflow may lose


def import_cdd() -> Any:
    try:
        import cdd
        import cdd.gmp
    except ImportError as error:
        raise MissingExtraError(
            f"level 'judge' needs pycddlib with GMP ({error}): pip install polyrelu[cdd] "
            f"(system packages: libcdd-dev libgmp-dev)"
        ) from None
    return cdd


@dataclass(frozen=True)
class _Judged:
    """A polyhedron as cddlib sees it, in the domain's coordinates."""

    walls: list[tuple[int, ...]]  # irredundant rows, in the chart
    points: list[list[Fraction]]
    rays: list[list[Fraction]]
    lines: list[Row]  # left out of the generators, which are at right angles to them

    @property
    def dim(self) -> int:
        """-1 if empty."""
        if not self.points:
            return -1
        one, zero = [Fraction(1)], [Fraction(0)]
        spanned = [one + p for p in self.points] + [zero + r for r in self.rays]
        rows = [over_common(row) for row in spanned]
        return int(fmpz_mat(rows).rank()) - 1 + len(self.lines)


def _judge(run: Run, cdd: Any, rows: list[Row], equalities: list[Row]) -> _Judged:
    """Ask for the irredundant among ``rows`` and for the generators.

    ``equalities`` are declared: cddlib does not always find implicit ones by itself. Lines are
    cut off at right angles (declared too): cddlib was seen to crash on polyhedra with lines.
    """
    unique = [list(g) for g in {tuple(g): None for g in rows if any(g[:-1])}]
    lines = null_space([g[:-1] for g in [*unique, *equalities]], run.graph.dim)
    declared = [*equalities, *([*line, 0] for line in lines)]
    table = [[Fraction(g[-1]), *map(Fraction, g[:-1])] for g in [*declared, *unique]]
    table.append([Fraction(1)] + [Fraction(0)] * run.graph.dim)  # else cddlib leaves out an apex 0
    matrix = cdd.gmp.matrix_from_array(
        table, lin_set=range(len(declared)), rep_type=cdd.RepType.INEQUALITY
    )
    found = cdd.gmp.copy_generators(cdd.gmp.polyhedron_from_matrix(matrix))
    cdd.gmp.matrix_canonicalize(matrix)
    kept = [row for k, row in enumerate(matrix.array) if k not in matrix.lin_set and any(row[1:])]
    walls = [tuple(run.on_hull(over_common([*row[1:], row[0]]))) for row in kept]
    assert not found.lin_set, "its lines were cut off"
    points, rays = (
        [row[1:] for row in found.array if bool(row[0]) is finite] for finite in (True, False)
    )
    return _Judged(walls, points, rays, lines)


def check_by_judge(run: Run, cdd: Any) -> list[Check]:
    lack = Tally("judge", "dimension", "domain and regions have the chart's dimension", 1)
    walls = Tally("judge", "redundancy", "what cddlib finds irredundant are the facets")
    corners = Tally("judge", "vertices", "cddlib's vertices, rays and lines are the regions'")
    steps = Tally("judge", "crossing", "one step through a facet is in the neighbour")
    if _judge(run, cdd, run.inequalities, []).dim != run.dim:
        lack.fail(None, f"the domain does not have dimension {run.dim}")
    flat = [g for g, is_flat in zip(run.inequalities, run.flat, strict=True) if is_flat]
    rest = [g for g, is_flat in zip(run.inequalities, run.flat, strict=True) if not is_flat]
    flat = [g for g in flat if any(g)]
    for i in run.chosen:
        judged = _judge(run, cdd, run.input_rows(i) + rest, flat)
        named = run.facets(i)
        lack.checked += 1
        if judged.dim != run.dim:
            lack.fail(i, f"its thresholds leave a polyhedron of dimension {judged.dim}")
            continue
        walls.checked += len(named)
        listed = sorted(tuple(run.wall(i, name)) for name, _ in named)
        if listed != sorted(judged.walls):
            both = len(set(judged.walls) & set(listed))
            walls.fail(i, f"{len(judged.walls)} walls are irredundant, {len(listed)} facets are "
                          f"listed, {both} of them right")  # fmt: skip
        _check_generators(run, judged, i, corners)
        for name, j in named:
            if j >= 0:
                steps.checked += 1
                why = _crossing(run, judged, i, name, j)
                if why is not None:
                    steps.fail(i, why)
        run.step()
    return [lack.done(), walls.done(), corners.done(), steps.done()]


def _check_generators(run: Run, judged: _Judged, i: int, tally: Tally) -> None:
    region = run.graph[i]
    tally.checked += len(judged.points) + len(judged.rays) + len(judged.lines)
    try:
        points, rays = region.exact_vertices(), region.exact_rays()
        lines = region.lines().tolist()
    except Exception as error:  # of a wrong graph; it must not end the verification
        tally.fail(i, f"its vertices cannot be computed ({type(error).__name__}: {error})")
        return
    reduce = _modulo(judged.lines)
    for what, of_graph, of_judge in (
        ("vertices", points, judged.points),
        ("rays", rays, judged.rays),
    ):
        shown = tuple if what == "vertices" else _direction
        mine, right = ([shown(reduce(p)) for p in found] for found in (of_graph, of_judge))
        if sorted(mine) != sorted(right):
            both = len(set(mine) & set(right))
            tally.fail(i, f"has {len(right)} {what}, the graph's region {len(mine)}, "
                          f"with {both} in common")  # fmt: skip
    if not _may_span(lines, judged.lines):
        tally.fail(i, f"its lines span {len(judged.lines)} dimensions, not what the graph's "
                      f"region lists ({len(lines)} lines)")  # fmt: skip


def _may_span(rounded: list[list[float]], lines: list[Row]) -> bool:
    """Can ``rounded`` be a basis of the span of ``lines``, but for one rounding of each entry?

    What :func:`_modulo` leaves of a point is linear in it and 0 on the span, so it cannot exceed
    what it leaves of the unit vectors, weighed by the roundings.
    """
    vectors = [[Fraction(v) for v in line] for line in rounded]
    if len(vectors) != len(lines):
        return False
    if not vectors:
        return True
    dim, reduce = len(vectors[0]), _modulo(lines)
    units = [reduce([Fraction(int(j == k)) for k in range(dim)]) for j in range(dim)]
    for vector in vectors:
        doubt = [abs(v) * RELATIVE_ROUNDING + SMALLEST for v in vector]
        for k, rest in enumerate(reduce(vector)):
            if abs(rest) > sum(abs(u[k]) * d for u, d in zip(units, doubt, strict=True)):
                return False
    return int(fmpz_mat([over_common(v) for v in vectors]).rank()) == len(lines)


def _modulo(lines: list[Row]) -> Callable[[Sequence[Fraction]], tuple[Any, ...]]:
    """Take points to representatives modulo the span of ``lines``."""
    basis: list[tuple[int, list[Fraction]]] = []

    def reduce(point: Sequence[Fraction]) -> tuple[Any, ...]:
        rest = list(point)
        for pivot, line in basis:
            factor = rest[pivot]
            rest = [a - factor * b for a, b in zip(rest, line, strict=True)]
        return tuple(rest)

    for line in lines:
        rest = reduce([Fraction(v) for v in line])
        pivot = next(k for k, v in enumerate(rest) if v)
        scaled = [v / rest[pivot] for v in rest]
        basis = [(p, [a - u[pivot] * b for a, b in zip(u, scaled, strict=True)]) for p, u in basis]
        basis.append((pivot, scaled))
    return reduce


def _direction(ray: Sequence[Fraction]) -> tuple[int, ...]:
    return tuple(primitive(over_common(ray)))


def _crossing(run: Run, judged: _Judged, i: int, name: int, j: int) -> str | None:
    """Walk from the region's point through the middle of a facet: what is wrong behind it?"""
    wall = run.input_rows(i)[name]
    on = [p for p in judged.points if dot(wall[:-1], p) + wall[-1] == 0]
    if not on:
        return f"facet {name} holds no vertex"
    along = [r for r in judged.rays if dot(wall[:-1], r) == 0]
    middle = [sum(v) / len(on) + sum(r[k] for r in along)
              for k, v in enumerate(zip(*on, strict=True))]  # fmt: skip
    ahead = [a - b for a, b in zip(middle, run.graph.exact_point(i), strict=True)]
    step = Fraction(1)
    for row in run.input_rows(j) + run.inequalities:
        value, slope = dot(row[:-1], middle) + row[-1], dot(row[:-1], ahead)
        if value < 0 or (value == 0 and slope < 0):
            return f"region {j} does not lie behind the middle of facet {name}"
        if value + step * slope <= 0 and slope:
            step = -value / slope / 2
    beyond = [a + step * b for a, b in zip(middle, ahead, strict=True)]
    why = run.misplaced(beyond, j)
    return None if why is None else f"the point behind facet {name} {why}, in region {j}"
