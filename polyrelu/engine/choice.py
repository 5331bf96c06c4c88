"""Which representation of cells suits a network on a domain."""

from __future__ import annotations

import numpy as np

from .enumerate import Enumeration, TooManyVertices
from .lp_enumerate import LpEnumeration
from .program import Compiled

FEW_DIMENSIONS = 4  # cells have few vertices whatever the network: nothing to find out
SAMPLE = 256  # cells that are looked at
MANY_VERTICES = 60  # on average: about where both ways cost the same


def enumeration(
    compiled: Compiled, counting: bool, max_regions: int | None, cells: str
) -> Enumeration:
    """By vertices or by linear programs; "auto" decides by the vertices of some cells."""
    if cells == "auto":
        cells = "lp" if has_many_vertices(compiled) else "vertices"
    made = LpEnumeration if cells == "lp" and compiled.dim > 0 else Enumeration
    return made(compiled, counting, max_regions)


def has_many_vertices(compiled: Compiled) -> bool:
    """Do the first cells of a search have many vertices?"""
    if compiled.dim <= FEW_DIMENSIONS:
        return False
    trial = Enumeration(compiled, max_regions=SAMPLE, max_vertices=20 * MANY_VERTICES)
    counts: list[np.ndarray] = []
    try:
        for block in trial.blocks():
            assert not isinstance(block, int)
            counts.append(block.n_vertices)
            if sum(map(len, counts)) >= SAMPLE:
                break
    except TooManyVertices:
        return True
    return bool(np.concatenate(counts).mean() > MANY_VERTICES)
