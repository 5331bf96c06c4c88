"""Which representation of cells suits a network on a domain."""

from __future__ import annotations

import numpy as np

from .enumerate import Enumeration, TooManyVertices
from .lp_enumerate import LpEnumeration, domain_is_bounded
from .open_cells import OpenCells
from .program import Compiled

FEW_DIMENSIONS = 4  # cells have few vertices whatever the network: nothing to find out
SAMPLE = 256  # cells that are looked at
TOO_MANY = 500  # vertices of one cell; to split it takes their number cubed

# How many vertices a cell has, on average, where both ways cost the same (measured), and how
# many more of them cost as much as a linear program that ends in rational arithmetic.
MANY_TO_COUNT = {"bounded": 17, "unbounded": 14}
MANY_FOR_FACETS = {"bounded": 27, "one layer, unbounded": 17, "unbounded": 35}
QUESTION = 5000


def representation(compiled: Compiled, counting: bool, cells: str) -> str:
    """ "vertices" or "lp"; "auto" decides by trying some cells."""
    if cells == "auto":
        cells = "lp" if is_for_programs(compiled, counting) else "vertices"
    return cells if compiled.dim > 0 else "vertices"


def enumeration(
    compiled: Compiled,
    counting: bool,
    max_regions: int | None,
    cells: str,
    begin: OpenCells | None = None,
) -> Enumeration:
    """Of these cells, default all, in that :func:`representation`."""
    made = LpEnumeration if cells == "lp" else Enumeration
    return made(compiled, counting, max_regions, begin=begin)


def is_for_programs(compiled: Compiled, counting: bool = False) -> bool:
    """Do the first cells of a search have many vertices, and few ties, for which linear
    programs need rational arithmetic?"""
    if compiled.dim <= FEW_DIMENSIONS:
        return False
    many = _many(compiled, counting)
    vertices = _vertices_per_cell(compiled)
    return vertices > many and has_few_questions(compiled, counting, (vertices - many) / QUESTION)


def _many(compiled: Compiled, counting: bool) -> int:
    kind = "bounded" if domain_is_bounded(compiled) else "unbounded"
    if counting:
        return MANY_TO_COUNT[kind]
    if kind == "unbounded" and len(compiled.layers) == 1:
        kind = "one layer, unbounded"
    return MANY_FOR_FACETS[kind]


def _vertices_per_cell(compiled: Compiled) -> float:
    """On average, infinite if a cell has too many."""
    trial = Enumeration(compiled, max_regions=SAMPLE, max_vertices=TOO_MANY)
    counts: list[np.ndarray] = []
    try:
        for block in trial.blocks():
            assert not isinstance(block, int)
            counts.append(block.n_vertices)
            if sum(map(len, counts)) >= SAMPLE:
                break
    except TooManyVertices:
        return np.inf
    return float(np.concatenate(counts).mean())


def has_few_questions(compiled: Compiled, counting: bool, most: float) -> bool:
    """Do linear programs on the first cells need rational arithmetic at most so often per cell?"""
    trial = LpEnumeration(compiled, counting, max_regions=SAMPLE)
    found = 0
    for block in trial.blocks():
        found += block if isinstance(block, int) else len(block)
        if trial.resolver.counters.rational_signs > most * SAMPLE:
            return False
        if found >= SAMPLE:
            break
    return trial.resolver.counters.rational_signs <= most * found
