"""Forms in twice the precision of float64: room for their small parts, and those of layer 1."""

from __future__ import annotations

import numpy as np

from ..rational import rows_of
from .compiled import Compiled
from .rounding import l1_norms, remainders
from .state import Tables


def with_low_parts(compiled: Compiled, tables: Tables) -> Tables:
    """Tables with what the rounded forms of the domain and of layer 1 lack to the true ones.

    Those of deeper layers are worked out by the kernel when it needs them.
    """
    place, n_units, n_walls = compiled.layout, tables.unit.shape[1], tables.wall.shape[1]
    twice = tables._replace(
        unit_low=np.zeros_like(tables.unit),
        unit_low_error=np.zeros(n_units),
        wall_low=np.zeros_like(tables.wall),
        wall_low_norm=np.zeros(n_walls),
        wall_low_error=np.zeros(n_walls),
        low_name=np.full(len(place.first_unit), -1, dtype=np.int64),
        coefficient_low=np.zeros_like(tables.coefficient),
    )
    rows, framed = compiled.root_rows, len(compiled.frame.rows)
    if rows:
        here = slice(0, len(rows))
        scales = [max(map(abs, row)) if i < framed else 1 for i, row in enumerate(rows)]
        low, errors = remainders(rows, scales, tables.wall[:, here])
        twice.wall_low[:, here], twice.wall_low_error[here] = low, errors
        twice.wall_low_norm[here] = l1_norms(low.T)
    if compiled.layers and compiled.first_table is None:
        *forms, last = rows_of(compiled.first_forms)
        here = slice(0, len(forms))
        low, errors = remainders(forms, [last[-1]] * len(forms), tables.unit[:, here])
        twice.unit_low[:, here], twice.unit_low_error[here] = low, errors
    return twice
