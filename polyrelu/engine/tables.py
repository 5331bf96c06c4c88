"""The tables of forms that a search begins with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import lcm

import numpy as np
from flint import fmpz_mat

from ..activations import PiecewiseLinear
from ..rational import rows_of
from .compiled import Compiled
from .kernel.forms import set_walls
from .layout import RELU, different
from .rounding import LARGEST_SCALE, as_scale, l1_norms, round_rows
from .state import Tables

# Points kept for reuse (a power of two): more than the L2 cache holds is slower.
CACHE_SLOTS = 1 << 12
NO_TABLE, NO_COLUMN, NO_NAMES = np.empty((0, 0)), np.empty(0), np.empty(0, dtype=np.int64)


def _denominator(units: Sequence[PiecewiseLinear]) -> int:
    """A common denominator of the units' slopes and intercepts."""
    alike = different(units)
    return 1 if alike == [RELU] else lcm(*map(_denominator_of_one, alike))


@lru_cache
def _denominator_of_one(unit: PiecewiseLinear) -> int:
    return lcm(*(v.denominator for piece in unit.pieces for v in piece))


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
