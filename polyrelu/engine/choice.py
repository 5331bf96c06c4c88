"""Which representation of cells suits a network on a domain."""

from __future__ import annotations

import numpy as np

from .enumerate import Enumeration, TooManyVertices
from .lp_enumerate import LpEnumeration, domain_is_bounded
from .program import Compiled

FEW_DIMENSIONS = 4  # cells have few vertices whatever the network: nothing to find out
SAMPLE = 256  # cells that are looked at

# How many vertices a cell has, on average, where both ways cost the same (measured). To find a
# cell takes less than to find its facets. In unbounded domains forms of deeper layers are
# often constant along rays: linear programs then end in exact zeros, vertices do not.
MANY_TO_COUNT, MANY_FOR_FACETS, MANY_UNBOUNDED = 25, 60, 500


def enumeration(
    compiled: Compiled, counting: bool, max_regions: int | None, cells: str
) -> Enumeration:
    """By vertices or by linear programs; "auto" decides by the vertices of some cells."""
    if cells == "auto":
        cells = "lp" if has_many_vertices(compiled, counting) else "vertices"
    made = LpEnumeration if cells == "lp" and compiled.dim > 0 else Enumeration
    return made(compiled, counting, max_regions)


def has_many_vertices(compiled: Compiled, counting: bool = False) -> bool:
    """Do the first cells of a search have so many vertices that it should do without?"""
    if compiled.dim <= FEW_DIMENSIONS:
        return False
    many = MANY_TO_COUNT if counting else MANY_FOR_FACETS
    if len(compiled.layers) > 1 and not domain_is_bounded(compiled):
        many = MANY_UNBOUNDED
    trial = Enumeration(compiled, max_regions=SAMPLE, max_vertices=20 * many)
    counts: list[np.ndarray] = []
    try:
        for block in trial.blocks():
            assert not isinstance(block, int)
            counts.append(block.n_vertices)
            if sum(map(len, counts)) >= SAMPLE:
                break
    except TooManyVertices:
        return True
    return bool(np.concatenate(counts).mean() > many)
