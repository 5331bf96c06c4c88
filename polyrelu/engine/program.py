"""From a network and a domain to what the kernel reads, rounded once, with its errors.

The forms of layer 1 are composed with the domain's chart exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache, partial
from itertools import pairwise
from math import lcm

import numpy as np
from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..challenges import first_match
from ..domain import Chart, Domain
from ..network import Array, Layer, Network
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
from .frame import Frame, frame, frame_of
from .kernel.forms import set_walls
from .kernel.names import SAFE_WEIGHT, UNIT
from .layout import RELU, Layout, are_relus, different, layout, own_walls
from .rounding import LARGEST_SCALE, as_scale, l1_norms, round_rows
from .state import Program, Tables
from .survey import Survey, survey
from .walls import Grouping, Wall, group, shifted

# Points kept for reuse (a power of two): more than the L2 cache holds is slower.
CACHE_SLOTS = 1 << 12

NO_TABLE, NO_COLUMN, NO_NAMES = np.empty((0, 0)), np.empty(0), np.empty(0, dtype=np.int64)


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
        frame: the walls of the domain, in these coordinates.
        root_rows: integer rows of layer 0: the domain's walls, then the auxiliary ones.
        root: indices (as global walls) of independent walls that make the root cones.
        first_table: the forms of the units of layer 1, shape (units, dim + 1), if float64 holds
            them exactly.
        places: of each layer, see :class:`.survey.Survey`.
        layout: its walls.
    """

    network: Network
    domain: Domain
    layers: tuple[Layer, ...]
    chart: fmpz_mat
    kept: tuple[int, ...]
    n_lines: int
    sources: tuple[int, ...]
    frame: Frame
    root_rows: list[IntegerRow]
    root: list[int]
    first_table: Array | None
    places: Sequence[int]
    layout: Layout
    program: Program

    @property
    def walls(self) -> Sequence[Sequence[Wall]]:
        """Of layers 1, 2, ..."""
        return self.layout.walls

    @property
    def threshold_wall(self) -> np.ndarray:
        """For each threshold of the network its wall, counted from layer 1 on."""
        return self.layout.threshold_wall

    @property
    def threshold_side(self) -> np.ndarray:
        """For each threshold +1 or -1, whether it looks the same way as its wall."""
        return self.layout.threshold_side

    @property
    def dim(self) -> int:
        return self.program.dim

    @property
    def n_auxiliary(self) -> int:
        """Walls that are none of the domain or of the network; see :func:`_root_walls`."""
        return len(self.root_rows) - int(self.program.n_domain)

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


def _section(chart: Chart, first: fmpz_mat) -> tuple[tuple[int, ...], Chart]:
    """Leave out coordinates until no direction is constant for domain and first layer. Returns the
    remaining ones, and the chart of these."""
    linear = [g[:-1] for g in _varying(chart, first)]
    kept = independent([list(column) for column in zip(*linear, strict=True)], len(linear))
    columns = [*kept, chart.dim]
    matrix = fmpz_mat([[row[j] for j in columns] for row in rows_of(chart.matrix)])
    constraints = tuple(tuple(g[j] for j in columns) for g in chart.constraints)
    return tuple(kept), Chart(matrix, constraints, chart.sources)


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
    domain: list[IntegerRow], first_walls: list[IntegerRow], dim: int
) -> tuple[list[int], list[IntegerRow]]:
    """``dim`` independent walls: of the domain first, then of layer 1, then auxiliary ones.

    Auxiliary walls are needed only if a direction first matters in a later layer (through
    identity units) and the domain is unbounded in it; what they cut apart is merged again.
    """
    axes = [[int(i == j) for j in range(dim)] + [0] for i in range(dim)]
    rows = [*domain, *first_walls]
    chosen = independent([row[:-1] for row in rows], dim)
    if len(chosen) < dim:
        rows += axes
        chosen = independent([row[:-1] for row in rows], dim)
    n_domain, n_forms = len(domain), len(domain) + len(first_walls)
    auxiliary = [rows[i] for i in chosen if i >= n_forms]
    shift = len(auxiliary)  # auxiliary walls are numbered between the domain's and layer 1's
    root = [i if i < n_domain else i + shift for i in chosen if i < n_forms]
    return [*root, *(n_domain + i for i in range(shift))], auxiliary


def compile_network(network: Network, domain: Domain) -> Compiled:
    """Prepare a network on a domain for the kernel."""
    layers = list(network.layers)
    while layers and not layers[-1].thresholds:
        layers.pop()
    whole = chart = domain.chart()
    walls, kept = frame_of(chart), tuple(range(chart.dim))
    if walls.roots is None:
        kept, chart = _section(chart, _first_matrix(network, layers))
        walls = frame(chart.constraints, chart.dim)
    dim, matrix = chart.dim, chart.matrix
    is_exact = bool(layers) and layers[0].is_exact
    first_table = layers[0].table if is_exact and chart.is_identity else None
    seen = survey(layers)
    groupings = _groupings(layers, seen, matrix)
    root: list[int] = walls.independent
    auxiliary: list[IntegerRow] = []
    if walls.roots is None:
        root, auxiliary = _root_walls(walls.rows, _first_walls(layers, groupings, matrix), dim)
    units = [layer.units for layer in layers]
    place = layout(units, groupings, len(walls.rows), len(auxiliary))
    return Compiled(
        network=network,
        domain=domain,
        layers=tuple(layers),
        chart=matrix,
        kept=kept,
        n_lines=whole.dim - dim,
        sources=tuple(chart.sources[i] for i in walls.numbers),
        frame=walls,
        root_rows=walls.rows + auxiliary,
        root=root,
        first_table=first_table,
        places=seen.places,
        layout=place,
        program=_program(layers, seen, place, dim),
    )


def _first_matrix(network: Network, layers: Sequence[Layer]) -> fmpz_mat:
    """The forms of layer 1 in input coordinates; of no layer: the scale alone."""
    return layers[0].integer_matrix if layers else fmpz_mat([[0] * network.input_dim + [1]])


def _forms(layer: Layer, inputs: fmpz_mat | None) -> fmpz_mat:
    """Integer forms of a layer's units; None: as functions of what it takes."""
    return layer.integer_matrix if inputs is None else layer.integer_matrix * inputs


def _groupings(layers: Sequence[Layer], seen: Survey, chart: fmpz_mat) -> list[Grouping | None]:
    # What is proportional on the whole input space is so in all coordinates of it.
    is_whole = chart.nrows() == chart.ncols()
    found = []
    for k, (layer, prints) in enumerate(zip(layers, seen.prints, strict=True)):
        forms = partial(_forms, layer, None if k else chart)
        holds = layer.is_exact and (k > 0 or is_whole)
        found.append(_grouping(layer, forms, prints if holds else None))
    return found


def _first_walls(
    layers: Sequence[Layer], groupings: Sequence[Grouping | None], chart: fmpz_mat
) -> list[IntegerRow]:
    """Integer rows of the walls of layer 1."""
    if not layers:
        return []
    grouping, forms = groupings[0] or own_walls(layers[0].out_features), _forms(layers[0], chart)
    return [shifted(forms, wall.unit, wall.shift) for wall in grouping.walls]


def _grouping(
    layer: Layer, forms: Callable[[], fmpz_mat], prints: np.ndarray | None
) -> Grouping | None:
    """Which thresholds share walls; None if all units are ReLUs, and none do. ``prints``: see
    :func:`.walls.group`."""
    if prints is not None and are_relus(layer.units) and len(set(prints.tolist())) == len(prints):
        return None
    return group(layer.thresholds, forms, prints)


def _program(layers: list[Layer], seen: Survey, place: Layout, dim: int) -> Program:
    errors = [0.0, 0.0]
    for (before, layer), largest in zip(pairwise(layers), seen.largest[1:], strict=True):
        errors.append(_weight_error(before, layer, largest))
    return Program(
        dim=dim,
        first_match=first_match(layers),
        weight=seen.weight,
        weight_norm=seen.norm,
        left_out=seen.left_out,
        weight_error=np.array(errors),
        bias=seen.bias,
        **place.fields,
    )


def _denominator(units: Sequence[PiecewiseLinear]) -> int:
    """A common denominator of the units' slopes and intercepts."""
    alike = different(units)
    return 1 if alike == [RELU] else lcm(*map(_denominator_of_one, alike))


@lru_cache
def _denominator_of_one(unit: PiecewiseLinear) -> int:
    return lcm(*(v.denominator for piece in unit.pieces for v in piece))


@lru_cache
def _is_safe_unit(unit: PiecewiseLinear) -> bool:
    numbers = [v for piece in unit.pieces for v in piece]
    return all(map(_is_safe, [*numbers, *unit.breakpoints]))


def _is_safe(value: Fraction) -> bool:
    """No underflow or overflow that could escape the kernel's bounds."""
    return value == 0 or SAFE_WEIGHT < abs(value) < 1 / SAFE_WEIGHT


def _weight_error(before: Layer, layer: Layer, largest: float) -> float:
    """Relative rounding of a layer's weights; infinite (compose exactly) if its numbers, or
    those of the units before it, are so small or large that they under- or overflow.

    Small weights, which training leaves behind by the dozen, are no reason: see
    :class:`.survey.Survey`.
    """
    units = different((*before.units, *layer.units))
    units_safe = units == [RELU] or all(map(_is_safe_unit, units))
    bias_safe = layer.is_exact or all(
        abs(b) > SAFE_WEIGHT or row[-1] == 0
        for b, row in zip(layer.bias, layer.integer_matrix.table(), strict=False)
    )
    if not (units_safe and bias_safe and largest < 1 / SAFE_WEIGHT):
        return np.inf
    return 0.0 if layer.is_exact else UNIT * 2


def new_tables(compiled: Compiled, facet_slots: int) -> Tables:
    """Tables with the forms of the domain and of layer 1 in place."""
    program, place, dim = compiled.program, compiled.layout, compiled.dim
    n_units, n_walls, widest = place.first_unit[-1], place.first_wall[-1], place.widest
    tables = Tables(
        unit=np.zeros((dim + 1, n_units)),
        unit_norm=np.zeros(n_units),
        unit_error=np.zeros(n_units),
        wall=np.zeros((dim + 1, n_walls)),
        wall_norm=np.zeros(n_walls),
        wall_error=np.zeros(n_walls),
        wall_scale=_wall_scales(compiled),
        unit_low=NO_TABLE,
        unit_low_error=NO_COLUMN,
        wall_low=NO_TABLE,
        wall_low_norm=NO_COLUMN,
        wall_low_error=NO_COLUMN,
        low_name=NO_NAMES,
        scratch=np.zeros((4, dim + 2, dim + 1)),
        low=np.zeros((3, dim + 1)),
        values=np.zeros(widest),
        live=np.zeros(widest + 3, dtype=np.int64),
        coefficient=np.zeros((dim + 2, widest + 3)),
        coefficient_low=NO_TABLE,
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
    walls = compiled.frame  # scaling a row of the domain by a positive number moves nothing
    n = len(walls.rows)
    tables.wall[:, :n], tables.wall_norm[:n] = walls.columns, walls.norms
    tables.wall_error[:n] = walls.errors
    auxiliary = compiled.root_rows[n:]
    if auxiliary:
        here = slice(n, n + len(auxiliary))
        columns, norms, errors = round_rows(auxiliary, [1] * len(auxiliary))
        tables.wall[:, here], tables.wall_norm[here] = columns, norms
        tables.wall_error[here] = errors
    if compiled.first_table is not None:
        here = slice(0, place.first_unit[2])
        tables.unit[:, here] = compiled.first_table.T
        tables.unit_norm[here] = l1_norms(compiled.first_table)
        set_walls.py_func(program, tables, 1)
    elif compiled.layers:
        set_unit_forms(compiled, tables, 1, compiled.first_forms)
    return tables


def _wall_scales(compiled: Compiled) -> np.ndarray:
    """For each wall a multiple of its form's common denominator, on every cell; or infinity.

    The forms of layer k, composed, are integers over the product of the denominators of its
    weights and of all before it. Quantised networks have small ones; others get no use of it.
    """
    place = compiled.layout
    scales = np.ones(place.first_wall[-1])
    scales[: len(compiled.frame.rows)] = compiled.frame.scales
    layer_scale = 1
    for k, (layer, places) in enumerate(zip(compiled.layers, compiled.places, strict=True)):
        if k == 0 and compiled.first_table is None:
            layer_scale = int(compiled.first_forms[layer.out_features, compiled.dim])
        elif layer_scale < LARGEST_SCALE:
            units = compiled.layers[k - 1].units if k else ()
            denominator = 1 << places if layer.is_exact else layer.denominator
            layer_scale *= _denominator(units) * denominator
        here = slice(*place.first_wall[k + 1 : k + 3])
        if place.fields["is_plain"][k + 1]:
            scales[here] = as_scale(layer_scale)
        else:
            denominators = {id(w.shift): w.shift.denominator for w in place.walls[k]}
            scales[here] = [
                as_scale(layer_scale * denominators[id(w.shift)]) for w in place.walls[k]
            ]
    return scales


def set_unit_forms(compiled: Compiled, tables: Tables, layer: int, forms: fmpz_mat) -> None:
    """Write exact forms of a layer's units into the tables, each rounded once, and its walls."""
    table = rows_of(forms)
    here = slice(*compiled.program.first_unit[layer : layer + 2].tolist())
    columns, norms, errors = round_rows(table[:-1], [table[-1][-1]] * (len(table) - 1))
    tables.unit[:, here], tables.unit_norm[here], tables.unit_error[here] = columns, norms, errors
    set_walls.py_func(compiled.program, tables, layer)


def bit_of_wall(compiled: Compiled) -> np.ndarray:
    """Where the sign of each wall (layer 1 on) stands in a found pattern."""
    return compiled.layout.bits


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
