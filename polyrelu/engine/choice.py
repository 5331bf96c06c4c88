"""Which representation of cells suits a network on a domain."""

from __future__ import annotations

import numpy as np

from ..progress import compilation_announced
from .enumerate import Enumeration, TooManyVertices
from .lp_enumerate import LpEnumeration
from .open_cells import OpenCells
from .program import Compiled

FEW_DIMENSIONS = 4  # cells have few vertices whatever the network: nothing to find out
SAMPLE = 256  # cells that are looked at
TOO_MANY = 500  # vertices of one cell; to split it takes their number cubed

# What cells cost in nanoseconds, measured (docs/engine.md, "Which one"); only speed depends on it.
# By vertices: for the square of a cell's number of vertices. By linear programs: for each unit of
# LpEnumeration.work, more in unbounded domains; for each answer in rational arithmetic; and for a
# cell at least, so that they need not be tried.
SQUARE = 8.0
WORK_TO_COUNT, WORK_FOR_FACETS, IF_UNBOUNDED = 0.6, 0.8, 1.6
ANSWER = 5e6
LEAST_TO_COUNT, LEAST_FOR_FACETS = 1500.0, 4000.0


def representation(compiled: Compiled, counting: bool, cells: str) -> str:
    """ "vertices" or "lp"; "auto" decides by trying some cells."""
    if compiled.dim == 0 or (cells == "auto" and compiled.dim <= FEW_DIMENSIONS):
        return "vertices"
    if cells != "auto":
        return cells
    with compilation_announced():
        return "lp" if is_for_programs(compiled, counting) else "vertices"


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
    """Do the first cells of a search cost less by linear programs than by their vertices?

    The costs are counted, not timed: the same question has the same answer everywhere.
    """
    if compiled.dim <= FEW_DIMENSIONS:
        return False
    squares = _squared_vertices(compiled)
    if squares is None:
        return True
    cost = SQUARE * float(squares.sum())
    if cost <= len(squares) * (LEAST_TO_COUNT if counting else LEAST_FOR_FACETS):
        return False
    return programs_cost_less(compiled, counting, len(squares), cost)


def _squared_vertices(compiled: Compiled) -> np.ndarray | None:
    """Of the first cells the squares of their numbers of vertices; None if one has too many."""
    trial = Enumeration(compiled, max_regions=SAMPLE, max_vertices=TOO_MANY)
    counts: list[np.ndarray] = []
    try:
        for block in trial.blocks():
            assert not isinstance(block, int)
            counts.append(block.n_vertices)
            if sum(map(len, counts)) >= SAMPLE:
                break
    except TooManyVertices:
        return None
    squares: np.ndarray = np.concatenate(counts).astype(np.float64) ** 2
    return squares


def programs_cost_less(compiled: Compiled, counting: bool, n: int, cost: float) -> bool:
    """Do linear programs find n cells for at most that cost? They are stopped beyond it."""
    trial = LpEnumeration(compiled, counting, max_regions=n)
    unit = WORK_TO_COUNT if counting else WORK_FOR_FACETS
    unit *= 1.0 if trial.is_bounded else IF_UNBOUNDED
    found = 0
    for block in trial.blocks():
        found += block if isinstance(block, int) else len(block)
        if unit * trial.work + ANSWER * trial.resolver.counters.rational_signs > cost:
            return False
        if found >= n:
            break
    return True
