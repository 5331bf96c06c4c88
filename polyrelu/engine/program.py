"""From a network and a domain to what the kernel reads, rounded once, with its errors.

The forms of layer 1 are composed with the domain's chart exactly.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import lru_cache, partial
from itertools import pairwise

import numpy as np
from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..challenges import first_match
from ..domain import Domain
from ..network import Layer, Network
from ..rational import IntegerRow, independent
from .compiled import Compiled
from .frame import frame, frame_of
from .kernel.names import SAFE_WEIGHT, UNIT
from .layout import RELU, Layout, are_relus, different, layout, own_walls
from .section import first_matrix, forms_of, section_of
from .state import Program
from .survey import Survey, survey
from .walls import Grouping, group, shifted


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
        kept, chart = section_of(chart, first_matrix(network, layers))
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


def _groupings(layers: Sequence[Layer], seen: Survey, chart: fmpz_mat) -> list[Grouping | None]:
    # What is proportional on the whole input space is so in all coordinates of it.
    is_whole = chart.nrows() == chart.ncols()
    found = []
    for k, (layer, prints) in enumerate(zip(layers, seen.prints, strict=True)):
        forms = partial(forms_of, layer, None if k else chart)
        holds = layer.is_exact and (k > 0 or is_whole)
        found.append(_grouping(layer, forms, prints if holds else None))
    return found


def _first_walls(
    layers: Sequence[Layer], groupings: Sequence[Grouping | None], chart: fmpz_mat
) -> list[IntegerRow]:
    """Integer rows of the walls of layer 1."""
    if not layers:
        return []
    grouping, forms = groupings[0] or own_walls(layers[0].out_features), forms_of(layers[0], chart)
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
