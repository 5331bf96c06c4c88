"""Coordinates in which no direction is constant for a network and a domain."""

from __future__ import annotations

from collections.abc import Sequence

from flint import fmpz_mat

from ..domain import Chart
from ..network import Layer, Network
from ..rational import IntegerRow, independent, null_space, primitive, rows_of


def section_of(chart: Chart, first: fmpz_mat) -> tuple[tuple[int, ...], Chart]:
    """Leave out coordinates until no direction is constant for domain and first layer. Returns the
    remaining ones, and the chart of these."""
    linear = [g[:-1] for g in varying_rows(chart, first)]
    kept = independent([list(column) for column in zip(*linear, strict=True)], len(linear))
    columns = [*kept, chart.dim]
    matrix = fmpz_mat([[row[j] for j in columns] for row in rows_of(chart.matrix)])
    constraints = tuple(tuple(g[j] for j in columns) for g in chart.constraints)
    return tuple(kept), Chart(matrix, constraints, chart.sources)


def varying_rows(chart: Chart, first: fmpz_mat) -> list[IntegerRow]:
    """The rows of the domain's walls and of layer 1, in the domain's coordinates."""
    return [*map(list, chart.constraints), *rows_of(first * chart.matrix)[:-1]]


def constant_directions(chart: Chart, first: fmpz_mat) -> list[IntegerRow]:
    """A basis of the directions on which neither depends."""
    directions = null_space([g[:-1] for g in varying_rows(chart, first)], chart.dim)
    if not directions:
        return []
    linear = fmpz_mat([row[:-1] for row in rows_of(chart.matrix)[:-1]])
    return [primitive(line) for line in rows_of(fmpz_mat(directions) * linear.transpose())]


def first_matrix(network: Network, layers: Sequence[Layer]) -> fmpz_mat:
    """The forms of layer 1 in input coordinates; of no layer: the scale alone."""
    return layers[0].integer_matrix if layers else fmpz_mat([[0] * network.input_dim + [1]])


def forms_of(layer: Layer, inputs: fmpz_mat | None) -> fmpz_mat:
    """Integer forms of a layer's units; None: as functions of what it takes."""
    return layer.integer_matrix if inputs is None else layer.integer_matrix * inputs
