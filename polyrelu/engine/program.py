"""From a network and a domain to what the kernel reads, rounded once, with its errors.

The forms of layer 1 are composed with the domain's chart exactly.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property, lru_cache, partial
from itertools import accumulate, pairwise
from math import lcm
from typing import TypeVar

import numpy as np
from flint import fmpz_mat

from ..activations import PiecewiseLinear, relu
from ..challenges import first_match
from ..domain import Chart, Domain
from ..network import Array, Layer, Network, binary_places, quotient
from ..rational import (
    IntegerRow,
    dot,
    independent,
    integer_row,
    null_space,
    primitive,
    rows_of,
    solve_affine,
)
from .kernel import SAFE_WEIGHT, TINY, UNIT, set_walls
from .state import Program, Tables
from .walls import Wall, group, shifted

T = TypeVar("T")

RELU = relu()

# Points kept for reuse (a power of two): more than the L2 cache holds is slower.
CACHE_SLOTS = 1 << 12
LARGEST_SCALE = 1 << 100  # denominators beyond it are as good as infinite


@dataclass(frozen=True)
class Compiled:
    """A network on a domain, ready for the kernel.

    Attributes:
        network, domain: as given.
        layers: the layers up to the last one with thresholds; the kernel's layer k is
            ``layers[k - 1]``.
        chart: exact coordinates in which the domain is full-dimensional and no direction is
            constant for the network: shape (dim + 1, program.dim + 1).
        kept: the coordinates of the domain's chart that these are. Others were left out, as
            neither the network nor the domain's walls depend on as many directions, n_lines.
        sources: for each wall of the domain the index of the domain's inequality.
        root_rows: integer rows of layer 0: the domain's walls, then the auxiliary ones.
        first_table: the forms of the units of layer 1, shape (units, dim + 1), if float64 holds
            them exactly.
        walls: of layers 1, 2, ...
        threshold_wall, threshold_side: for each threshold of the network, its wall (counted
            from layer 1 on) and +1 or -1.
        root: indices (as global walls) of independent walls that make the root cones.
    """

    network: Network
    domain: Domain
    layers: tuple[Layer, ...]
    chart: fmpz_mat
    kept: tuple[int, ...]
    n_lines: int
    sources: tuple[int, ...]
    root_rows: list[IntegerRow]
    first_table: Array | None
    walls: list[list[Wall]]
    threshold_wall: np.ndarray
    threshold_side: np.ndarray
    root: list[int]
    program: Program

    @property
    def dim(self) -> int:
        return self.program.dim

    @cached_property
    def first_forms(self) -> fmpz_mat:
        """Integer forms of the units of layer 1, shape (units + 1, dim + 1)."""
        return _first_matrix(self.network, self.layers) * self.chart

    @cached_property
    def lines(self) -> list[IntegerRow]:
        """A basis of the lineality space (integers, length of the domain's dimension)."""
        if self.n_lines == 0:
            return []
        return _lines(self.domain.chart(), _first_matrix(self.network, self.layers))

    def form(self, layer: int, index: int, unit_forms: fmpz_mat | None) -> IntegerRow:
        """The integer row of wall ``index`` of a layer, given its units' integer forms."""
        if layer == 0:
            return self.root_rows[index]
        assert unit_forms is not None
        wall = self.walls[layer - 1][index]
        return shifted(unit_forms, wall.unit, wall.shift)


def _section(
    chart: Chart, first: Callable[[], fmpz_mat]
) -> tuple[list[int], fmpz_mat, list[IntegerRow]]:
    """Leave out coordinates until no direction is constant for domain and first layer.

    Returns the remaining coordinates, their matrix, and the domain's rows in them.
    """
    k = chart.dim
    linear = [list(g[:-1]) for g in chart.constraints]
    if k == 0 or len(independent(linear, k)) == k:
        return list(range(k)), chart.matrix, [primitive(g) for g in chart.constraints]
    linear = [g[:-1] for g in _varying(chart, first())]
    kept = independent([list(column) for column in zip(*linear, strict=True)], len(linear))
    columns = [*kept, k]
    matrix = fmpz_mat([[row[j] for j in columns] for row in rows_of(chart.matrix)])
    return kept, matrix, [primitive([g[j] for j in columns]) for g in chart.constraints]


def _varying(chart: Chart, first: fmpz_mat) -> list[IntegerRow]:
    """The rows of the domain's walls and of layer 1, in the domain's coordinates."""
    return [*map(list, chart.constraints), *rows_of(first * chart.matrix)[:-1]]


def _lines(chart: Chart, first: fmpz_mat) -> list[IntegerRow]:
    """A basis of the directions on which neither depends."""
    directions = null_space([g[:-1] for g in _varying(chart, first)], chart.dim)
    if not directions:
        return []
    linear = fmpz_mat([row[:-1] for row in rows_of(chart.matrix)[:-1]])
    return [primitive(line) for line in rows_of(fmpz_mat(directions) * linear.transpose())]


def _root_walls(
    domain: list[IntegerRow], first_walls: Iterable[IntegerRow], n_first: int, dim: int
) -> tuple[list[int], list[IntegerRow]]:
    """``dim`` independent walls: of the domain first, then of layer 1, then auxiliary ones.

    Auxiliary walls are needed only if a direction first matters in a later layer (through
    identity units) and the domain is unbounded in it; what they cut apart is merged again.
    """
    axes = ([int(i == j) for j in range(dim)] + [0] for i in range(dim))
    rows: list[IntegerRow] = []
    chosen: list[int] = []
    for more in (domain, first_walls, axes):
        if len(chosen) < dim:
            rows += more
            chosen = independent([row[:-1] for row in rows], dim)
    n_domain = len(domain)
    auxiliary = [rows[i] for i in chosen if i >= n_domain + n_first]
    shift = len(auxiliary)  # auxiliary walls are numbered between the domain's and layer 1's
    root = [i if i < n_domain else i + shift for i in chosen if i < n_domain + n_first]
    return [*root, *(n_domain + i for i in range(shift))], auxiliary


def compile_network(network: Network, domain: Domain) -> Compiled:
    """Prepare a network on a domain for the kernel."""
    layers = list(network.layers)
    while layers and not layers[-1].thresholds:
        layers.pop()
    chart = domain.chart()
    kept, matrix, rows = _section(chart, partial(_first_matrix, network, layers))
    at = {tuple(row): i for i, row in reversed(list(enumerate(rows)))}  # the first of equal ones
    different = sorted(at.values())
    domain_rows = [rows[i] for i in different]
    dim = int(matrix.ncols()) - 1
    in_place = matrix == fmpz_mat([[int(i == j) for j in range(dim + 1)] for i in range(dim + 1)])
    first_table = layers[0].table if layers and in_place and layers[0].is_exact else None
    first_forms = cache(lambda: _first_matrix(network, layers) * matrix)
    groupings = [group(layers[0].thresholds, first_forms, first_table)] if layers else []
    for layer in layers[1:]:
        exact = partial(getattr, layer, "integer_matrix")
        groupings.append(group(layer.thresholds, exact, layer.table if layer.is_exact else None))
    walls = [grouping.walls for grouping in groupings]
    first_walls = walls[0] if walls else []
    root, auxiliary = _root_walls(
        domain_rows,
        (shifted(first_forms(), w.unit, w.shift) for w in first_walls),
        len(first_walls),
        dim,
    )
    offsets = [0, *accumulate(map(len, walls))]
    threshold_wall = [at + w for at, g in zip(offsets, groupings, strict=False) for w in g.wall]
    threshold_side = [side for g in groupings for side in g.side]
    program = _program(
        layers, walls, threshold_wall, threshold_side, len(domain_rows), len(auxiliary), dim
    )
    return Compiled(
        network=network,
        domain=domain,
        layers=tuple(layers),
        chart=matrix,
        kept=tuple(kept),
        n_lines=chart.dim - dim,
        sources=tuple(chart.sources[i] for i in different),
        root_rows=domain_rows + auxiliary,
        first_table=first_table,
        walls=walls,
        threshold_wall=np.array(threshold_wall, dtype=np.int64),
        threshold_side=np.array(threshold_side, dtype=np.int64),
        root=root,
        program=program,
    )


def _first_matrix(network: Network, layers: Sequence[Layer]) -> fmpz_mat:
    """The forms of layer 1 in input coordinates; of no layer: the scale alone."""
    return layers[0].integer_matrix if layers else fmpz_mat([[0] * network.input_dim + [1]])


def _program(
    layers: Sequence[Layer],
    walls: list[list[Wall]],
    threshold_wall: list[int],
    threshold_side: list[int],
    n_domain: int,
    n_auxiliary: int,
    dim: int,
) -> Program:
    n_root = n_domain + n_auxiliary
    n_walls = [n_root] + [len(w) for w in walls]
    words = [(n + 63) // 64 for n in n_walls]
    first_unit = _starts([0, *(layer.out_features for layer in layers)])
    flushed = [_flushed(layer) for layer in layers]
    flat = [weight.T.ravel() for weight, _, _ in flushed[1:]]
    shifts = [wall.shift for walls_of_layer in walls for wall in walls_of_layer]
    wall_unit = [-1] * n_root
    for at, walls_of_layer in zip(first_unit[1:].tolist(), walls, strict=False):
        wall_unit += [at + wall.unit for wall in walls_of_layer]
    rounded = {id(s): (_float(s), _rounding(s)) for s in _different(shifts)}
    units = [u for layer in layers for u in layer.units]
    pieces = {id(u): _pieces(u) for u in _different(units)}
    slope, intercept, piece_error = (
        [v for u in units for v in pieces[id(u)][column]] for column in range(3)
    )
    first_wall, first_word = _starts(n_walls), _starts(words)
    wall_bit = np.arange(first_wall[-1]) + np.repeat(
        64 * first_word[:-1] - first_wall[:-1], n_walls
    )
    errors = [0.0, 0.0] + [_weight_error(a, b) for a, b in pairwise(layers)]
    return Program(
        dim=dim,
        n_layers=len(layers),
        first_match=first_match(layers),
        n_domain=n_domain,
        first_wall=first_wall,
        first_word=first_word,
        first_unit=first_unit,
        is_plain=np.array([False, *map(_is_plain, layers, walls), False]),
        wall_unit=np.array(wall_unit, dtype=np.int64),
        wall_shift=np.array([0.0] * n_root + [rounded[id(s)][0] for s in shifts]),
        wall_shift_error=np.array([0.0] * n_root + [rounded[id(s)][1] for s in shifts]),
        unit_threshold=_starts(len(u.breakpoints) for u in units),
        threshold_bit=wall_bit[np.array(threshold_wall, dtype=np.int64) + n_root],
        threshold_side=np.array(threshold_side, dtype=np.int64),
        slope=np.array(slope, dtype=np.float64),
        intercept=np.array(intercept, dtype=np.float64),
        piece_error=np.array(piece_error, dtype=np.float64),
        weight=np.concatenate([np.zeros(0), *flat]),
        first_weight=_starts([0, 0, *(x.weight.size for x in layers[1:])]),
        weight_norm=np.concatenate([np.zeros(0), *(norm for _, norm, _ in flushed)]),
        left_out=np.concatenate([np.zeros(0), *(left for _, _, left in flushed)]),
        weight_error=np.array(errors),
        bias=np.concatenate([np.zeros(0), *(layer.bias for layer in layers)]),
    )


def _starts(lengths: Iterable[int]) -> np.ndarray:
    """Where parts of these lengths begin, and the end of the last."""
    return np.array([0, *accumulate(lengths)], dtype=np.int64)


def _is_plain(layer: Layer, walls: list[Wall]) -> bool:
    """Are all units ReLUs, and has each a wall of its own?"""
    return len(walls) == layer.out_features and _different(layer.units) == [RELU]


def _different(things: Iterable[T]) -> list[T]:
    """By identity: to hash every unit's fractions costs more than all the rest."""
    return list({id(thing): thing for thing in things}.values())


@lru_cache
def _pieces(unit: PiecewiseLinear) -> tuple[list[float], list[float], list[float]]:
    """A unit's slopes, intercepts and the relative errors of both, in float64."""
    errors = [2 * UNIT if _rounding(s) or _rounding(c) else 0.0 for s, c in unit.pieces]
    return [_float(s) for s, _ in unit.pieces], [_float(c) for _, c in unit.pieces], errors


@lru_cache
def _denominator(unit: PiecewiseLinear) -> int:
    """A common denominator of a unit's slopes and intercepts."""
    return lcm(*(v.denominator for piece in unit.pieces for v in piece))


@lru_cache
def _is_safe_unit(unit: PiecewiseLinear) -> bool:
    numbers = [v for piece in unit.pieces for v in piece]
    return all(map(_is_safe, [*numbers, *unit.breakpoints]))


def _float(value: Fraction) -> float:
    """Rounded to nearest; infinite where float64 ends."""
    return quotient(value.numerator, value.denominator)


def _rounding(value: Fraction) -> float:
    """A bound on ``|_float(value) - value|``; 0 if value is a float."""
    if value.denominator == 1 and abs(value.numerator) < 2**53:
        return 0.0
    rounded = _float(value)
    if is_exact(value.numerator, value.denominator, rounded):
        return 0.0
    return 2 * UNIT * abs(rounded) + TINY


def _is_safe(value: Fraction) -> bool:
    """No underflow or overflow that could escape the kernel's bounds."""
    return value == 0 or SAFE_WEIGHT < abs(value) < 1 / SAFE_WEIGHT


def _weight_error(before: Layer, layer: Layer) -> float:
    """Relative rounding of a layer's weights; infinite (compose exactly) if its numbers, or
    those of the units before it, are so small or large that they under- or overflow.

    Small weights, which training leaves behind by the dozen, are no reason: see `_flushed`.
    """
    units_safe = all(map(_is_safe_unit, _different((*before.units, *layer.units))))
    bias_safe = layer.is_exact or all(
        abs(b) > SAFE_WEIGHT or row[-1] == 0
        for b, row in zip(layer.bias, layer.integer_matrix.table(), strict=False)
    )
    largest = max(np.abs(layer.weight).max(), np.abs(layer.bias).max())
    if not (units_safe and bias_safe and largest < 1 / SAFE_WEIGHT):
        return np.inf
    return 0.0 if layer.is_exact else UNIT * 2


def _flushed(layer: Layer) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The layer's weights without those below SAFE_WEIGHT, bounds on its rows' l1 norms, and what
    of these stands for the weights left out.

    The kernel's error of a row is at least 2**-52 * (greatest input) * (what stands for them);
    2**-148 for each weight left out therefore covers what it could contribute.
    """
    weight = layer.weight
    small = np.abs(weight) <= SAFE_WEIGHT
    left_out = np.zeros(len(weight))
    if small.any():
        nonzero = weight != 0
        if not layer.is_exact:  # rounding may have made it 0
            table = layer.integer_matrix.table()
            nonzero = np.array([[v != 0 for v in row[:-1]] for row in table[:-1]])
        left_out = (small & nonzero).sum(axis=1) * 2.0**-148
        weight = np.where(small, 0.0, weight)
    with np.errstate(over="ignore"):
        norm = np.abs(weight).sum(axis=1) * (1 + 1e-6)
    return weight, norm + left_out, left_out


def round_rows(
    rows: list[IntegerRow], scales: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, each divided by its scale, in float64: columns, l1 norms and errors."""
    table = np.array(
        [
            [quotient(v, scale) if v else 0.0 for v in row]
            for row, scale in zip(rows, scales, strict=True)
        ]
    )
    norm = _norms(table)
    exact = [
        all(is_exact(v, scale, q) for v, q in zip(row, line, strict=True) if v)
        for row, line, scale in zip(rows, table.tolist(), scales, strict=True)
    ]
    error = np.where(exact, 0.0, 2 * UNIT * norm + 2.0**-1000)
    return table.T, norm, error


def _norms(table: np.ndarray) -> np.ndarray:
    """Upper bounds on the l1 norms of the rows."""
    with np.errstate(over="ignore"):
        norms: np.ndarray = np.abs(table).sum(axis=1) * (1 + 1e-7)
    return norms


def is_exact(value: int, scale: int, rounded: float) -> bool:
    """Is ``rounded`` the quotient of the integers, not merely near it?"""
    if not math.isfinite(rounded):
        return False
    numerator, denominator = rounded.as_integer_ratio()
    return value * denominator == numerator * scale


def new_tables(compiled: Compiled, facet_slots: int) -> Tables:
    """Tables with the forms of the domain and of layer 1 in place."""
    program = compiled.program
    n_units, n_walls = int(program.first_unit[-1]), int(program.first_wall[-1])
    dim = program.dim
    widest = max([1, *np.diff(program.first_wall), *np.diff(program.first_unit)])
    tables = Tables(
        unit=np.zeros((dim + 1, n_units)),
        unit_norm=np.zeros(n_units),
        unit_error=np.zeros(n_units),
        wall=np.zeros((dim + 1, n_walls)),
        wall_norm=np.zeros(n_walls),
        wall_error=np.zeros(n_walls),
        wall_scale=_wall_scales(compiled),
        scratch=np.zeros((3, dim + 2, dim + 1)),
        low=np.zeros((3, dim + 1)),
        values=np.zeros(int(widest)),
        live=np.zeros(int(widest) + 3, dtype=np.int64),
        coefficient=np.zeros((dim + 2, int(widest) + 3)),
        picked=np.zeros(facet_slots + 1, dtype=np.int64),
        name=np.arange(n_walls, dtype=np.int64),
        names=np.zeros(dim + 1, dtype=np.int64),
        cache_names=np.empty((CACHE_SLOTS, dim), dtype=np.int64),
        cache_x=np.empty((CACHE_SLOTS, dim)),
        cache_radius=np.empty(CACHE_SLOTS),
        cache_gap=np.empty(CACHE_SLOTS),
        cache_size=np.empty(CACHE_SLOTS),
        cache_ident=np.zeros(CACHE_SLOTS, dtype=np.int64),
    )
    if compiled.root_rows:  # scaling a row of the domain by a positive number moves nothing
        scales = _root_scales(compiled)
        columns, norms, errors = round_rows(compiled.root_rows, scales)
        n = len(scales)
        tables.wall[:, :n], tables.wall_norm[:n], tables.wall_error[:n] = columns, norms, errors
    if compiled.first_table is not None:
        here = slice(*program.first_unit[1:3].tolist())
        tables.unit[:, here] = compiled.first_table.T
        tables.unit_norm[here] = _norms(compiled.first_table)
        set_walls.py_func(program, tables, 1)
    elif compiled.layers:
        set_unit_forms(compiled, tables, 1, compiled.first_forms)
    return tables


def _root_scales(compiled: Compiled) -> list[int]:
    return [max(map(abs, row)) for row in compiled.root_rows]


def _wall_scales(compiled: Compiled) -> np.ndarray:
    """For each wall a multiple of its form's common denominator, on every cell; or infinity.

    The forms of layer k, composed, are integers over the product of the denominators of its
    weights and of all before it. Quantised networks have small ones; others get no use of it.
    """
    scales: list[int] = _root_scales(compiled)
    layer_scale = 1
    for k, (layer, walls) in enumerate(zip(compiled.layers, compiled.walls, strict=True)):
        if k == 0 and compiled.first_table is not None:
            layer_scale = 1 << binary_places(compiled.first_table)
        elif k == 0:
            layer_scale = int(compiled.first_forms[layer.out_features, compiled.dim])
        elif layer_scale < LARGEST_SCALE:
            units = _different(compiled.layers[k - 1].units)
            layer_scale *= lcm(*map(_denominator, units)) * layer.denominator
        denominators = {id(w.shift): w.shift.denominator for w in walls}
        scales += [layer_scale * denominators[id(w.shift)] for w in walls]
    return np.array([float(s) if s < LARGEST_SCALE else np.inf for s in scales])


def set_unit_forms(compiled: Compiled, tables: Tables, layer: int, forms: fmpz_mat) -> None:
    """Write exact forms of a layer's units into the tables, each rounded once, and its walls."""
    table = rows_of(forms)
    here = slice(*compiled.program.first_unit[layer : layer + 2].tolist())
    columns, norms, errors = round_rows(table[:-1], [table[-1][-1]] * (len(table) - 1))
    tables.unit[:, here], tables.unit_norm[here], tables.unit_error[here] = columns, norms, errors
    set_walls.py_func(compiled.program, tables, layer)


def bit_of_wall(compiled: Compiled) -> np.ndarray:
    """Where the sign of each wall (layer 1 on) stands in a found pattern."""
    program = compiled.program
    bits = [
        64 * int(program.first_word[k] - program.first_word[1]) + i
        for k in range(1, program.n_layers + 1)
        for i in range(int(program.first_wall[k + 1] - program.first_wall[k]))
    ]
    return np.array(bits, dtype=np.int64)


def to_engine(compiled: Compiled, x: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
    """A point of the domain in the engine's coordinates; None if it is off the domain's affine
    hull. Where coordinates were left out, it is a point with the same values in layer 1."""
    if compiled.n_lines == 0:
        return solve_affine(_equations(compiled.chart, x), compiled.dim)
    chart = compiled.domain.chart()
    y = solve_affine(_equations(chart.matrix, x), chart.dim)
    if y is None:
        return None
    varying = _varying(chart, _first_matrix(compiled.network, compiled.layers))
    *point, scale = integer_row([*y, Fraction(1)])
    equations = []
    for i in independent([[g[j] for j in compiled.kept] for g in varying], compiled.dim):
        g = varying[i]
        value = Fraction(dot(g[:-1], point), scale)
        equations.append(integer_row([*(Fraction(g[j]) for j in compiled.kept), -value]))
    return solve_affine(equations, compiled.dim)


def _equations(matrix: fmpz_mat, x: Sequence[Fraction]) -> list[IntegerRow]:
    """Rows g with ``g . (y, 1) = 0`` for the y that a chart's matrix takes to x."""
    *rows, scale = rows_of(matrix)
    equations = []
    for row, v in zip(rows, x, strict=True):
        numerator, denominator = v.as_integer_ratio()
        constant = denominator * row[-1] - numerator * scale[-1]
        equations.append([*(denominator * a for a in row[:-1]), constant])
    return equations
