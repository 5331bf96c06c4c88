"""A network on a domain, as the engine has it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np
from flint import fmpz_mat

from ..domain import Domain
from ..network import Array, Layer, Network, quotient
from ..rational import IntegerRow, dot, independent, integer_row, rows_of, solve_affine
from .frame import Frame
from .layout import Layout
from .roots import Roots, simplicial_cone
from .section import constant_directions, first_matrix, varying_rows
from .state import Program
from .walls import Wall, shifted


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
        return first_matrix(self.network, self.layers) * self.chart

    @cached_property
    def lines(self) -> list[IntegerRow]:
        """A basis of the lineality space (integers, length of the domain's dimension)."""
        if self.n_lines == 0:
            return []
        return constant_directions(self.domain.chart(), first_matrix(self.network, self.layers))

    @cached_property
    def roots(self) -> Roots:
        """The cones that a search starts from."""
        if self.frame.roots is not None:
            return self.frame.roots
        first = self.layout.first_wall[1]
        rows = [
            self.form(1, wall - first, self.first_forms) if wall >= first else self.root_rows[wall]
            for wall in self.root
        ]
        cone = simplicial_cone(rows, self.dim)
        return Roots(cone, self.root, self.program.n_domain, first)

    def form(self, layer: int, index: int, unit_forms: fmpz_mat | None) -> IntegerRow:
        """The integer row of wall ``index`` of a layer, given its units' integer forms."""
        if layer == 0:
            return self.root_rows[index]
        assert unit_forms is not None
        wall = self.walls[layer - 1][index]
        return shifted(unit_forms, wall.unit, wall.shift)


def bit_of_wall(compiled: Compiled) -> np.ndarray:
    """Where the sign of each wall (layer 1 on) stands in the kernel's words of these layers."""
    return compiled.layout.bits


def rounded_points(compiled: Compiled, points: Array) -> Array:
    """Points in the engine's coordinates, shape (n, compiled.dim), in those of the domain, rounded
    to float64; not finite where that is beyond float64."""
    matrix = rows_of(compiled.chart)
    table = np.array([[quotient(v, matrix[-1][-1]) for v in row] for row in matrix[:-1]])
    with np.errstate(over="ignore", invalid="ignore"):
        moved: Array = points @ table[:, :-1].T + table[:, -1]
    return moved


def to_engine(compiled: Compiled, x: Sequence[Fraction]) -> tuple[Fraction, ...] | None:
    """A point of the domain in the engine's coordinates; None if it is off the domain's affine
    hull. Where coordinates were left out, it is a point with the same values in layer 1."""
    if compiled.n_lines == 0:
        return solve_affine(_equations(compiled.chart, x), compiled.dim)
    chart = compiled.domain.chart()
    y = solve_affine(_equations(chart.matrix, x), chart.dim)
    if y is None:
        return None
    varying = varying_rows(chart, first_matrix(compiled.network, compiled.layers))
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
