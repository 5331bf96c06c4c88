"""The oracle: activation regions by rational arithmetic alone. Slow, and meant to be read.

It shares nothing with the engine: it takes the float64 weights, the units and the domain's
inequalities as data and does everything else itself, in ``flint.fmpq``. There is no tolerance
and no float anywhere below.

A *form* is an affine function: its coefficients, then its constant. A cell is the open set
``{y : row(y) > 0 for every row}``, y being coordinates in which it is full-dimensional, and it
always carries a *witness*, a point inside. The one tool is :func:`climb`, the simplex method.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from itertools import combinations, product
from math import gcd, lcm

from flint import fmpq, fmpq_mat

Form = list[fmpq]
Point = list[fmpq]

ROUNDING_BITS = (1, 4, 10, 20, 40, 80)


def rational(number: float | Fraction) -> fmpq:
    """The exact value of a float64, an integer or a fraction."""
    return fmpq(*number.as_integer_ratio())


def fraction(number: fmpq) -> Fraction:
    return Fraction(int(number.p), int(number.q))


def value(form: Form, point: Sequence[fmpq]) -> fmpq:
    return sum((a * x for a, x in zip(form, point, strict=False)), form[-1])


def negated(form: Form) -> Form:
    return [-a for a in form]


def is_constant(form: Form) -> bool:
    return not any(form[:-1])


def combination(weights: Iterable[fmpq], forms: Sequence[Form], constant: fmpq) -> Form:
    """The form ``sum of weight * form + constant``."""
    total = [fmpq(0)] * len(forms[0])
    for weight, form in zip(weights, forms, strict=True):
        if weight != 0:
            total = [t + weight * a for t, a in zip(total, form, strict=True)]
    total[-1] += constant
    return total


# ---------------------------------------------------------------- linear programming


def climb(form: Form, rows: Sequence[Form], start: Point) -> Point:
    """From ``start``, walk in ``{x : row(x) >= 0 for every row}`` to where ``form`` > 0.

    If it is positive nowhere, the answer is a point where it is greatest. ``start`` must
    satisfy the rows. This is the simplex method on a dictionary: what is ``inside`` the basis
    is written as a form in what is ``outside``, and what is outside is 0. The displacement
    from ``start`` (names 0 to n-1) is free, the slacks of the rows (names from n) are >= 0.
    Bland's rule (lowest names first) makes it end on degenerate input.
    """
    n = len(start)
    outside = list(range(n))
    inside = {n + i: [*row[:-1], value(row, start)] for i, row in enumerate(rows)}
    goal = [*form[:-1], value(form, start)]
    displacement = [fmpq(0)] * n

    while goal[-1] <= 0:
        improving = [
            (name, column)
            for column, name in enumerate(outside)
            if goal[column] > 0 or (name < n and goal[column] < 0)
        ]
        if not improving:
            break
        enter, column = min(improving)
        way = 1 if goal[column] > 0 else -1
        blocking = [
            (-row[-1] / (way * row[column]), name)
            for name, row in inside.items()
            if name >= n and way * row[column] < 0
        ]
        if not blocking:  # the form grows without end: stop where it is 1
            step = (1 - goal[-1]) / goal[column]
            if enter < n:
                displacement[enter] = step
            for row in inside.values():
                row[-1] += step * row[column]
            break
        leave = min(blocking)[1]
        # Solve the leaving row for the entering variable and substitute it everywhere.
        row = inside.pop(leave)
        solved = [-a / row[column] for a in row]
        solved[column] = 1 / row[column]
        outside[column] = leave
        inside[enter] = solved
        goal = _substituted(goal, column, solved)
        for name in inside:
            if name != enter:
                inside[name] = _substituted(inside[name], column, solved)

    for name, row in inside.items():
        if name < n:
            displacement[name] = row[-1]
    return [x + dx for x, dx in zip(start, displacement, strict=True)]


def _substituted(row: list[fmpq], column: int, solved: list[fmpq]) -> list[fmpq]:
    factor = row[column]
    if factor == 0:
        return row
    new = [a + factor * s for a, s in zip(row, solved, strict=True)]
    new[column] = factor * solved[column]
    return new


def inner_point(rows: Sequence[Form], dim: int) -> tuple[Point, fmpq]:
    """``(x, t)`` with ``row(x) >= t`` for every row, t > 0 if possible, else as great as possible.

    So t > 0 says that x is strictly inside, t = 0 that the polyhedron has no interior, t < 0
    that it is empty.
    """
    if not rows:
        return [fmpq(0)] * dim, fmpq(1)
    with_margin = [[*row[:-1], fmpq(-1), row[-1]] for row in rows]
    margin = [fmpq(0)] * dim + [fmpq(1), fmpq(0)]
    low = min(row[-1] for row in rows) - 1
    *x, t = climb(margin, with_margin, [fmpq(0)] * dim + [low])
    return x, t


# ---------------------------------------------------------------- hyperplanes


def restricted(form: Form, wall: Form, axis: int) -> Form:
    """``form`` on the hyperplane ``wall = 0``, whose coordinate ``axis`` is solved for."""
    factor = form[axis] / wall[axis]
    return [a - factor * h for j, (a, h) in enumerate(zip(form, wall, strict=True)) if j != axis]


def first_axis(form: Form) -> int:
    return next(j for j, a in enumerate(form) if a != 0)


def primitive(form: Form) -> tuple[int, ...]:
    """The positive multiple with coprime integers: equal for equal half-spaces."""
    scale = lcm(*(int(a.q) for a in form))
    integers = [int(a.p) * (scale // int(a.q)) for a in form]
    common = gcd(*integers) or 1
    return tuple(a // common for a in integers)


def distinct_halfspaces(rows: Iterable[Form]) -> list[Form]:
    """One row a half-space; rows that say nothing (0 >= 0, 1 >= 0) are dropped."""
    unique = {primitive(row): row for row in rows if not is_constant(row) or row[-1] < 0}
    return list(unique.values())


# ---------------------------------------------------------------- cells


@dataclass(frozen=True)
class Cell:
    """An open convex set, and what is known of the network on it.

    Attributes:
        coordinates: the input's coordinates as forms of y.
        free: ``y[k]`` is the input's coordinate ``free[k]``.
        rows: the cell is ``{y : row(y) > 0}``.
        witness: a y inside.
        values: what the next layer takes, as forms of y.
        signs: of every threshold so far, -1, 0 or 1; 0 where it is met on the whole cell.
    """

    coordinates: tuple[Form, ...]
    free: tuple[int, ...]
    rows: tuple[Form, ...]
    witness: Point
    values: tuple[Form, ...]
    signs: tuple[int, ...] = ()

    @property
    def dim(self) -> int:
        return len(self.free)

    @property
    def pattern(self) -> tuple[int, ...]:
        return tuple(int(s > 0) for s in self.signs)

    def contains(self, point: Sequence[Fraction]) -> bool:
        """Is this input strictly inside (relative to the domain's affine hull)?"""
        x = [rational(v) for v in point]
        y = [x[j] for j in self.free]
        on_hull = all(value(c, y) == v for c, v in zip(self.coordinates, x, strict=True))
        return on_hull and all(value(row, y) > 0 for row in self.rows)

    def to_input(self, y: Sequence[fmpq]) -> tuple[Fraction, ...]:
        return tuple(fraction(value(c, y)) for c in self.coordinates)

    @property
    def point(self) -> tuple[Fraction, ...]:
        return self.to_input(self.witness)

    @cached_property
    def walls(self) -> list[tuple[Form, Cell]]:
        """The rows that cannot be left out, each with the facet that it bounds.

        Without such a row the cell reaches beyond it, and on the way there crosses the facet.
        """
        kept, beyond = list(self.rows), []
        for row in self.rows:
            others = [r for r in kept if r is not row]
            far = climb(negated(row), others, self.witness)
            if value(row, far) < 0:
                beyond.append((row, far))
            else:
                kept = others
        bounded = replace(self, rows=tuple(kept))
        return [(row, wall_between(bounded, row, self.witness, far)) for row, far in beyond]

    @cached_property
    def facets(self) -> list[Form]:
        return [row for row, _ in self.walls]

    def vertices(self) -> set[tuple[Fraction, ...]]:
        """Every point where dim facets meet in one point that the closed cell contains."""
        found = set()
        for chosen in combinations(self.facets, self.dim):
            y = _solution(chosen, self.dim)
            if y is not None and all(value(row, y) >= 0 for row in self.facets):
                found.add(self.to_input(y))
        return found

    def rays(self) -> set[tuple[int, ...]]:
        """Extreme directions, in primitive integers (of a cell that contains no line)."""
        if self.dim == 0:
            return set()
        found = set()
        linear = [[*row[:-1], fmpq(0)] for row in self.facets]
        for chosen in combinations(linear, self.dim - 1):
            for k, way in ((k, way) for k in range(self.dim) for way in (1, -1)):
                unit = [fmpq(int(j == k)) for j in range(self.dim)] + [fmpq(-way)]
                y = _solution([*chosen, unit], self.dim)
                if y is not None and all(value(row, y) >= 0 for row in linear):
                    found.add(primitive([value([*c[:-1], fmpq(0)], y) for c in self.coordinates]))
        return found


def _solution(equations: Sequence[Form], dim: int) -> Point | None:
    """The only point where all ``dim`` forms are 0, or None."""
    if dim == 0:
        return []
    matrix = fmpq_mat([row[:-1] for row in equations])
    if matrix.rank() < dim:
        return None
    return list(matrix.solve(fmpq_mat([[-row[-1]] for row in equations])).entries())


def domain_cell(domain) -> Cell:
    """The relative interior of a domain, in a choice of its own coordinates that spans it."""
    n = domain.dim
    coordinates = [[fmpq(int(i == j)) for j in range(n)] + [fmpq(0)] for i in range(n)]
    free = list(range(n))
    rows = [[rational(v) for v in row] for row in domain.inequalities()]
    rows = distinct_halfspaces(rows)
    point, margin = inner_point(rows, n)
    if margin < 0:
        raise ValueError("the domain is empty")
    if margin == 0:  # rows that are never positive are equations
        flat = [row for row in rows if value(row, climb(row, rows, point)) == 0]
        while flat:
            equation = flat.pop()
            if is_constant(equation):
                continue
            axis = first_axis(equation)
            del free[axis]
            flat = [restricted(row, equation, axis) for row in flat]
            rows = [restricted(row, equation, axis) for row in rows]
            coordinates = [restricted(c, equation, axis) for c in coordinates]
        rows = distinct_halfspaces(rows)
        point, margin = inner_point(rows, len(free))
        assert margin > 0, "a polyhedron has an interior in its affine hull"
    return Cell(
        tuple(coordinates), tuple(free), tuple(rows), simplified(point, rows), tuple(coordinates)
    )


def simplified(point: Point, rows: Sequence[Form]) -> Point:
    """``point``, or one near it with fewer digits that is strictly inside all the same."""
    for bits in ROUNDING_BITS:
        rounded = [(x * 2**bits + fmpq(1, 2)).floor() * fmpq(1, 2**bits) for x in point]
        if all(value(row, rounded) > 0 for row in rows):
            return rounded
    return point


# ---------------------------------------------------------------- the network


def affine(factor, forms: Sequence[Form]) -> tuple[Form, ...]:
    """One factor ``(weight @ forms + bias) / divisor``."""
    n = len(factor.bias)
    divisors = [1.0] * n if factor.divisor is None else factor.divisor.tolist()
    return tuple(
        combination(
            [rational(w) / rational(divisor) for w in weights],
            forms,
            rational(bias) / rational(divisor),
        )
        for weights, bias, divisor in zip(
            factor.weight.tolist(), factor.bias.tolist(), divisors, strict=True
        )
    )


def unit_piece(unit, right_of: int) -> tuple[fmpq, fmpq]:
    """Slope and intercept of a unit on the piece right of that many breakpoints."""
    breakpoints = [rational(t) for t in unit.breakpoints]
    slopes = [rational(s) for s in unit.slopes]
    at = breakpoints[0] if breakpoints else fmpq(0)
    intercept = rational(unit.value) - slopes[0] * at
    for k in range(right_of):  # continuous: both lines meet at the breakpoint
        intercept += (slopes[k] - slopes[k + 1]) * breakpoints[k]
    return slopes[right_of], intercept


def pieces(cell: Cell, form: Form, walls: bool) -> list[Cell]:
    """The cell cut by the sign of ``form``: the parts where it is > 0, < 0 and (walls) = 0."""
    if is_constant(form):
        sign = (form[-1] > 0) - (form[-1] < 0)
        return [replace(cell, signs=(*cell.signs, sign))]
    sides = {sign: side(cell, form if sign > 0 else negated(form)) for sign in (1, -1)}
    if sides[1] is None or sides[-1] is None:
        sign = 1 if sides[-1] is None else -1
        return [replace(cell, signs=(*cell.signs, sign))]
    parts = [
        replace(
            cell,
            rows=(*cell.rows, form if sign > 0 else negated(form)),
            witness=witness,
            signs=(*cell.signs, sign),
        )
        for sign, witness in sides.items()
    ]
    if walls:
        parts.append(wall_between(cell, form, sides[1], sides[-1]))
    return parts


def side(cell: Cell, form: Form) -> Point | None:
    """A point inside the cell with ``form`` > 0, None if there is none."""
    here = value(form, cell.witness)
    if here > 0:
        return cell.witness
    far = climb(form, cell.rows, cell.witness)
    there = value(form, far)
    if there <= 0:
        return None
    # The segment from the witness to ``far`` is inside the cell but for its end.
    zero = -here / (there - here)
    return simplified(between(cell.witness, far, (zero + 1) / 2), [*cell.rows, form])


def between(a: Point, b: Point, t: fmpq) -> Point:
    return [x + t * (y - x) for x, y in zip(a, b, strict=True)]


def wall_between(cell: Cell, form: Form, above: Point, below: Point) -> Cell:
    """The part of the cell on the hyperplane ``form = 0``, one dimension lower."""
    axis = first_axis(form)
    high, low = value(form, above), value(form, below)
    witness = between(below, above, -low / (high - low))
    rows = distinct_halfspaces(restricted(row, form, axis) for row in cell.rows)
    del witness[axis]
    return Cell(
        tuple(restricted(c, form, axis) for c in cell.coordinates),
        cell.free[:axis] + cell.free[axis + 1 :],
        tuple(rows),
        simplified(witness, rows),
        tuple(restricted(v, form, axis) for v in cell.values),
        (*cell.signs, 0),
    )


def cells(network, domain, walls: bool = False) -> list[Cell]:
    """All cells of a network on a domain (or on a slice, in the slice's coordinates).

    With ``walls`` also those of lower dimension inside the domain: one for every vector of
    signs -1, 0, 1 that occurs.
    """
    embedding = getattr(domain, "embedding", None)
    root = domain_cell(domain if embedding is None else domain.domain)
    for factor in () if embedding is None else embedding.factors:
        root = replace(root, values=affine(factor, root.values))
    found = [root]
    for layer in network.layers:
        found = [part for cell in found for part in through_layer(cell, layer, walls)]
    return found


def through_layer(cell: Cell, layer, walls: bool) -> list[Cell]:
    for factor in layer.factors:
        cell = replace(cell, values=affine(factor, cell.values))
    decided = len(cell.signs)
    parts = [cell]
    for i, unit in enumerate(layer.units):
        for breakpoint_ in unit.breakpoints:
            shift = rational(breakpoint_)
            parts = [
                piece
                for part in parts
                for piece in pieces(part, [*part.values[i][:-1], part.values[i][-1] - shift], walls)
            ]
    return [replace(part, values=outputs(part, layer, part.pattern[decided:])) for part in parts]


def outputs(cell: Cell, layer, bits: Sequence[int]) -> tuple[Form, ...]:
    """What the layer's units make of its pre-activations on the cell."""
    made, position = [], 0
    for unit, form in zip(layer.units, cell.values, strict=True):
        end = position + len(unit.breakpoints)
        slope, intercept = unit_piece(unit, sum(bits[position:end]))
        made.append(combination([slope], [form], intercept))
        position = end
    return tuple(made)


# ---------------------------------------------------------------- the answers


@dataclass(frozen=True)
class Truth:
    """All regions of a network, by pattern, and which of them share a wall."""

    regions: dict[tuple[int, ...], Cell]

    @property
    def patterns(self) -> set[tuple[int, ...]]:
        return set(self.regions)

    @cached_property
    def edges(self) -> set[frozenset[tuple[int, ...]]]:
        """Pairs of patterns whose closures share a set of dimension d - 1.

        Such a set lies in a facet of one and a facet of the other, in opposite half-spaces
        of one hyperplane. Two such hyperplanes leave room for dimension d - 2 only.
        """
        behind = defaultdict(list)
        for pattern, cell in self.regions.items():
            for row, facet in cell.walls:
                behind[primitive(row)].append((pattern, row, facet))
        opposite = defaultdict(list)
        for halfspace, here in behind.items():
            there = behind.get(tuple(-a for a in halfspace), [])
            for (pattern, row, facet), (other, _, _) in product(here, there):
                if pattern < other:
                    opposite[pattern, other].append((row, facet))
        return {
            frozenset((pattern, other))
            for (pattern, other), walls in opposite.items()
            if len(walls) == 1 and meet(*walls[0], self.regions[other])
        }


def meet(row: Form, facet: Cell, other: Cell) -> bool:
    """Do a facet and a facet of ``other``, on the same hyperplane, overlap?

    The facet is cut down by the facets of ``other`` for as long as something is left.
    """
    axis = first_axis(row)
    for limit in other.facets:
        on_wall = restricted(limit, row, axis)
        if not any(on_wall):  # the wall itself, seen from the other side
            continue
        witness = side(facet, on_wall)
        if witness is None:
            return False
        facet = replace(facet, rows=(*facet.rows, on_wall), witness=witness)
    return True


def solve(network, domain) -> Truth:
    """Every activation region, exactly."""
    found = cells(network, domain)
    regions = {cell.pattern: cell for cell in found}
    assert len(regions) == len(found), "every split separates two patterns"
    return Truth(regions)


def f_vector(network, domain) -> tuple[int, ...]:
    """The number of open cells of dimension 0, 1, ..., d inside the domain."""
    counts: dict[int, int] = defaultdict(int)
    found = cells(network, domain, walls=True)
    for cell in found:
        counts[cell.dim] += 1
    return tuple(counts[k] for k in range(max(counts) + 1))
