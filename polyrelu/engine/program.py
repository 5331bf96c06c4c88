"""From a network and a domain to what the kernel reads, rounded once, with its errors.

Thresholds whose forms are proportional share one *wall*: repeated and opposite neurons are
decided once. The forms of layer 1 are composed with the domain's chart exactly.
"""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from operator import mul

import numpy as np
from flint import fmpz_mat

from ..domain import Chart, Domain
from ..network import Layer, Network, quotient
from ..rational import IntegerRow, dot, null_space, primitive, rows_of
from .kernel import SAFE_WEIGHT, TINY, UNIT, set_walls
from .state import Program, Tables

CACHE_SLOTS = (
    1 << 12
)  # points kept for reuse (a power of two): more than the L2 cache holds is slower


@dataclass(frozen=True)
class Wall:
    """A hyperplane that thresholds of one unit's layer share.

    Attributes:
        unit: unit of the representative threshold, counted within its layer; -1: no unit.
        shift: its breakpoint.
    """

    unit: int
    shift: Fraction


@dataclass(frozen=True)
class Compiled:
    """A network on a domain, ready for the kernel.

    Attributes:
        network, domain: as given.
        layers: the layers up to the last one with thresholds; the kernel's layer k is
            ``layers[k - 1]``.
        chart: exact coordinates in which the domain is full-dimensional and no direction is
            constant for the network: shape (dim + 1, program.dim + 1).
        lines: directions of the domain (integers, length dim) that were left out because
            neither the network nor the domain's walls depend on them: the lineality space.
        sources: for each wall of the domain the index of the domain's inequality.
        root_rows: integer rows of layer 0: the domain's walls, then the auxiliary ones.
        first_forms: integer forms of the units of layer 1, shape (units + 1, dim + 1).
        walls: of layers 1, 2, ...
        threshold_wall, threshold_side: for each threshold of the network, its wall (counted
            from layer 1 on) and +1 or -1.
        root: indices (as global walls) of independent walls that make the root cones.
    """

    network: Network
    domain: Domain
    layers: tuple[Layer, ...]
    chart: fmpz_mat
    lines: list[IntegerRow]
    sources: tuple[int, ...]
    root_rows: list[IntegerRow]
    first_forms: fmpz_mat
    walls: list[list[Wall]]
    threshold_wall: np.ndarray
    threshold_side: np.ndarray
    root: list[int]
    program: Program

    @property
    def dim(self) -> int:
        return self.program.dim

    def form(self, layer: int, index: int, unit_forms: fmpz_mat | None) -> IntegerRow:
        """The integer row of wall ``index`` of a layer, given its units' integer forms."""
        if layer == 0:
            return self.root_rows[index]
        assert unit_forms is not None
        wall = self.walls[layer - 1][index]
        return shifted(unit_forms, wall.unit, wall.shift)


def shifted(forms: fmpz_mat, unit: int, shift: Fraction) -> IntegerRow:
    """Integer row of ``form(unit) - shift``, from homogeneous integer forms."""
    n = forms.nrows() - 1
    columns = range(forms.ncols())
    row = [int(forms[unit, j]) for j in columns]
    if shift:
        scale = [int(forms[n, j]) for j in columns]
        row = [shift.denominator * a - shift.numerator * s for a, s in zip(row, scale, strict=True)]
    return row


def _section(chart: Chart, first: fmpz_mat) -> tuple[fmpz_mat, list[IntegerRow], list[IntegerRow]]:
    """Leave out coordinates until no direction is constant for domain and first layer.

    Returns the matrix of the remaining coordinates, the domain's rows in them, and a basis of
    the directions left out.
    """
    k = chart.dim
    forms = rows_of(first * chart.matrix)[:-1] + [list(g) for g in chart.constraints]
    linear = [g[:-1] for g in forms]
    pivots: list[int] = []
    if k and linear:
        reduced, _, rank = fmpz_mat(linear).rref()
        pivots = [next(j for j in range(k) if reduced[r, j] != 0) for r in range(rank)]
    keep = [*pivots, k]
    matrix = fmpz_mat([[int(row[j]) for j in keep] for row in rows_of(chart.matrix)])
    rows = [primitive([g[j] for j in keep]) for g in chart.constraints]
    flat = [[*direction, 0] for direction in null_space(linear, k)] if k else []
    lines = [[dot(row, d) for row in rows_of(chart.matrix)[:-1]] for d in flat]
    return matrix, rows, [primitive(line) for line in lines]


MERSENNE = 2**61 - 1


def _fingerprint(row: IntegerRow, weights: list[int]) -> int:
    """Equal for proportional rows; rarely equal for others."""
    lead = next((v for v in row if v), 0)
    if lead % MERSENNE == 0:
        return -1
    total = sum(map(mul, row, weights))
    return int(total * pow(lead, -1, MERSENNE) % MERSENNE)


def _group(rows: list[IntegerRow]) -> tuple[list[int], list[int], list[int]]:
    """Proportional rows share a wall. Returns (representatives, wall and side of each row).

    Fingerprints tell which rows need not be compared: nearly all, nearly always.
    """
    weights = random.Random(0).choices(range(1, MERSENNE), k=len(rows[0]) if rows else 0)
    prints = [_fingerprint(row, weights) for row in rows]
    common = Counter(prints)
    seen: dict[tuple[int, ...], tuple[int, int]] = {}
    representatives: list[int] = []
    wall: list[int] = []
    side: list[int] = []
    for i, row in enumerate(rows):
        at, turned = len(representatives), 1
        if common[prints[i]] > 1:
            least = primitive(row)
            sign = 1 if next((v for v in least if v), 1) > 0 else -1
            at, first = seen.setdefault(tuple(sign * v for v in least), (at, sign))
            turned = sign * first
        if at == len(representatives):
            representatives.append(i)
        wall.append(at)
        side.append(turned)
    return representatives, wall, side


def _root_walls(
    domain: list[IntegerRow], first_walls: list[IntegerRow], dim: int
) -> tuple[list[int], list[IntegerRow]]:
    """``dim`` independent walls: of the domain first, then of layer 1, then auxiliary ones.

    Auxiliary walls are needed only if a direction first matters in a later layer (through
    identity units) and the domain is unbounded in it; what they cut apart is merged again.
    """
    axes = [[int(i == j) for j in range(dim)] + [0] for i in range(dim)]
    candidates = domain + first_walls + axes
    chosen: list[int] = []
    rank = 0
    stacked: list[IntegerRow] = []
    for i, row in enumerate(candidates):
        if rank == dim:
            break
        if any(row[:-1]) and fmpz_mat([*stacked, row[:-1]]).rank() > rank:
            stacked.append(row[:-1])
            chosen.append(i)
            rank += 1
    n_domain, n_first = len(domain), len(first_walls)
    auxiliary = [candidates[i] for i in chosen if i >= n_domain + n_first]
    shift = len(auxiliary)  # auxiliary walls are numbered between the domain's and layer 1's
    root = [i if i < n_domain else i + shift for i in chosen if i < n_domain + n_first]
    return [*root, *(n_domain + i for i in range(shift))], auxiliary


def compile_network(network: Network, domain: Domain) -> Compiled:
    """Prepare a network on a domain for the kernel."""
    layers = list(network.layers)
    while layers and not layers[-1].thresholds:
        layers.pop()
    chart = domain.chart()
    first = (
        network.layers[0].integer_matrix if layers else fmpz_mat([[0] * network.input_dim + [1]])
    )
    matrix, domain_rows, lines = _section(chart, first)
    first_forms = first * matrix
    walls, wall_of, side_of, n_walls = [], [], [], 0
    for k, layer in enumerate(layers):
        forms = first_forms if k == 0 else layer.integer_matrix
        rows = [shifted(forms, unit, t) for unit, t in layer.thresholds]
        representatives, wall, side = _group(rows)
        walls.append([Wall(*layer.thresholds[i]) for i in representatives])
        wall_of += [n_walls + w for w in wall]
        side_of += side
        n_walls += len(representatives)
    first_walls = [shifted(first_forms, w.unit, w.shift) for w in walls[0]] if layers else []
    root, auxiliary = _root_walls(domain_rows, first_walls, matrix.ncols() - 1)
    threshold_wall = np.array(wall_of, dtype=np.int64)
    threshold_side = np.array(side_of, dtype=np.int64)
    program = _program(
        tuple(layers),
        walls,
        threshold_wall,
        threshold_side,
        len(domain_rows),
        len(auxiliary),
        int(matrix.ncols()) - 1,
    )
    return Compiled(
        network, domain, tuple(layers), matrix, lines, chart.sources, domain_rows + auxiliary,
        first_forms, walls, threshold_wall, threshold_side, root, program,
    )  # fmt: skip


def _program(
    layers: tuple[Layer, ...],
    walls: list[list[Wall]],
    threshold_wall: np.ndarray,
    threshold_side: np.ndarray,
    n_domain: int,
    n_auxiliary: int,
    dim: int,
) -> Program:
    n_root = n_domain + n_auxiliary
    n_walls = [n_root] + [len(w) for w in walls]
    n_units = [0] + [layer.out_features for layer in layers]
    words = [(n + 63) // 64 for n in n_walls]
    units = [u for layer in layers for u in layer.units]
    known = {id(u): [u.piece(k) for k in range(len(u.slopes))] for u in units}
    pieces = [piece for u in units for piece in known[id(u)]]
    unit_threshold = np.cumsum([0] + [len(u.breakpoints) for u in units])
    first_weight = np.cumsum([0, 0, 0] + [x.weight.size for x in layers[1:]])
    flushed = [_flushed(layer) for layer in layers]
    flat = [np.ascontiguousarray(weight.T).ravel() for weight, _ in flushed[1:]]
    shifts = [wall.shift for group in walls for wall in group]
    first_unit = np.cumsum([0, *n_units])
    wall_unit = [-1] * n_root
    for k, group in enumerate(walls):
        wall_unit += [int(first_unit[k + 1]) + wall.unit for wall in group]
    errors = [0.0, 0.0] + [_weight_error(a, b) for a, b in pairwise(layers)]
    return Program(
        dim=dim,
        n_layers=len(layers),
        n_domain=n_domain,
        first_wall=np.cumsum([0, *n_walls]),
        first_word=np.cumsum([0, *words]),
        first_unit=first_unit,
        wall_unit=np.array(wall_unit, dtype=np.int64),
        wall_shift=np.array([0.0] * n_root + [_float(s) for s in shifts]),
        wall_shift_error=np.array([0.0] * n_root + [_rounding(s) for s in shifts]),
        unit_threshold=unit_threshold.astype(np.int64),
        threshold_wall=threshold_wall + n_root,
        threshold_side=threshold_side,
        slope=np.array([_float(s) for s, _ in pieces]),
        intercept=np.array([_float(c) for _, c in pieces]),
        piece_error=np.array(
            [2 * UNIT if _rounding(s) or _rounding(c) else 0.0 for s, c in pieces]
        ),
        weight=np.concatenate([np.zeros(0), *flat]),
        first_weight=first_weight.astype(np.int64),
        weight_norm=np.concatenate([np.zeros(0), *(norm for _, norm in flushed)]),
        weight_error=np.array(errors),
        bias=np.concatenate([np.zeros(0), *(layer.bias for layer in layers)]),
    )


def _float(value: Fraction) -> float:
    """Rounded to nearest; infinite where float64 ends."""
    return quotient(value.numerator, value.denominator)


def _rounding(value: Fraction) -> float:
    """A bound on ``|_float(value) - value|``; 0 if value is a float."""
    if value.denominator == 1 and abs(value.numerator) < 2**53:
        return 0.0
    rounded = _float(value)
    if _is_exact(value.numerator, value.denominator, rounded):
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
    units = {id(u): u for u in (*before.units, *layer.units)}.values()
    numbers = [v for u in units for k in range(len(u.slopes)) for v in u.piece(k)]
    numbers += [t for u in units for t in u.breakpoints]
    exact = len(layer.factors) == 1 and layer.factors[0].divisor is None
    bias_safe = exact or all(
        abs(b) > SAFE_WEIGHT or row[-1] == 0
        for b, row in zip(layer.bias, layer.integer_matrix.table(), strict=False)
    )
    largest = max(np.abs(layer.weight).max(), np.abs(layer.bias).max())
    if not (all(map(_is_safe, numbers)) and bias_safe and largest < 1 / SAFE_WEIGHT):
        return np.inf
    return 0.0 if exact else UNIT * 2


def _flushed(layer: Layer) -> tuple[np.ndarray, np.ndarray]:
    """The layer's weights without those below SAFE_WEIGHT, and bounds on its rows' l1 norms.

    The kernel's error of a row is at least 2**-52 * (greatest input) * (norm); 2**-148 more in
    the norm for each weight left out therefore covers what it could contribute.
    """
    small = np.abs(layer.weight) <= SAFE_WEIGHT
    weight = np.where(small, 0.0, layer.weight)
    with np.errstate(over="ignore"):
        norm = np.abs(weight).sum(axis=1) * (1 + 1e-6)
    if small.any():
        left_out = np.array([[v != 0 for v in row[:-1]] for row in layer.integer_matrix.table()])
        norm += (small & left_out[:-1]).sum(axis=1) * 2.0**-148
    return weight, norm


def round_rows(
    rows: list[IntegerRow], scales: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, each divided by its scale, in float64: columns, l1 norms and errors."""
    table = np.array(
        [[quotient(v, scale) for v in row] for row, scale in zip(rows, scales, strict=True)]
    )
    with np.errstate(over="ignore"):
        norm = np.abs(table).sum(axis=1)
    exact = [
        all(_is_exact(v, scale, q) for v, q in zip(row, line, strict=True))
        for row, line, scale in zip(rows, table.tolist(), scales, strict=True)
    ]
    error = np.where(exact, 0.0, 2 * UNIT * norm + 2.0**-1000)
    return table.T, norm * (1 + 1e-7), error


def _is_exact(value: int, scale: int, rounded: float) -> bool:
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
        scratch=np.zeros((3, dim + 2, dim + 1)),
        values=np.zeros((2, int(widest))),
        live=np.zeros(int(widest), dtype=np.int64),
        coefficient=np.zeros((dim + 1, int(widest))),
        picked=np.zeros(facet_slots + 1, dtype=np.int64),
        name=np.arange(n_walls, dtype=np.int64),
        names=np.zeros(dim + 1, dtype=np.int64),
        cache_names=np.zeros((CACHE_SLOTS, dim), dtype=np.int64),
        cache_x=np.zeros((CACHE_SLOTS, dim)),
        cache_radius=np.zeros(CACHE_SLOTS),
        cache_size=np.zeros(CACHE_SLOTS),
        cache_ident=np.zeros(CACHE_SLOTS, dtype=np.int64),
    )
    if compiled.root_rows:  # scaling a row of the domain by a positive number moves nothing
        scales = [max(map(abs, row)) for row in compiled.root_rows]
        columns, norms, errors = round_rows(compiled.root_rows, scales)
        n = len(scales)
        tables.wall[:, :n], tables.wall_norm[:n], tables.wall_error[:n] = columns, norms, errors
    if compiled.layers:
        set_unit_forms(compiled, tables, 1, compiled.first_forms)
    return tables


def set_unit_forms(compiled: Compiled, tables: Tables, layer: int, forms: fmpz_mat) -> None:
    """Write exact forms of a layer's units into the tables, each rounded once, and its walls."""
    table = rows_of(forms)
    here = slice(*compiled.program.first_unit[layer : layer + 2].tolist())
    columns, norms, errors = round_rows(table[:-1], [table[-1][-1]] * (len(table) - 1))
    tables.unit[:, here], tables.unit_norm[here], tables.unit_error[here] = columns, norms, errors
    set_walls(compiled.program, tables, layer)
