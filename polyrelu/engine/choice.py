"""Which representation of cells suits a network on a domain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..progress import compilation_announced
from .assemble import concatenate
from .compiled import Compiled
from .enumerate import Enumeration, Found, TooManyVertices
from .lp_enumerate import LpEnumeration, TooManyAnswers
from .open_cells import OpenCells

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


@dataclass
class Trial:
    """The beginning of a search, which the search itself can go on from.

    Attributes:
        found: its blocks.
    """

    search: Enumeration
    found: list[Found | int]

    @classmethod
    def of(cls, search: Enumeration, over: Callable[[], bool] = lambda: False) -> Trial:
        """Until as many cells are found as are looked at, or it is ``over``."""
        trial = cls(search, [])
        for block in search.blocks():
            trial.found.append(block)
            if search.found >= SAMPLE or over():
                break
        return trial

    def resumed(self, counting: bool, most: int | None) -> Enumeration | None:
        """The search, which tells again what was found; None if that is too much already."""
        if most is not None and most <= self.search.found:
            return None
        found = self.search.found if counting else concatenate(blocks_of(self.found))
        self.search.resume(found, counting, most)
        return self.search


def representation(compiled: Compiled, counting: bool, cells: str) -> tuple[str, Trial | None]:
    """ "vertices" or "lp", and how such a search begins, if it was tried: "auto" does so."""
    if compiled.dim == 0 or (cells == "auto" and compiled.dim <= FEW_DIMENSIONS):
        return "vertices", None
    if cells != "auto":
        return cells, None
    with compilation_announced():
        return _cheaper(compiled, counting)


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


def _cheaper(compiled: Compiled, counting: bool) -> tuple[str, Trial | None]:
    """Do the first cells of a search cost less by linear programs than by their vertices?

    The costs are counted, not timed: the same question has the same answer everywhere.
    """
    search = Enumeration(compiled, max_regions=SAMPLE, max_vertices=TOO_MANY)
    try:
        by_vertices = Trial.of(search)
    except TooManyVertices:
        return "lp", None
    cost = SQUARE * _squared_vertices(blocks_of(by_vertices.found))
    least = LEAST_TO_COUNT if counting else LEAST_FOR_FACETS
    if cost > search.found * least:
        by_programs = _programs_that_cost_less(compiled, counting, search.found, cost)
        if by_programs is not None:
            return "lp", by_programs
    return "vertices", by_vertices


def blocks_of(found: list[Found | int]) -> list[Found]:
    """Without numbers of regions that were only counted."""
    return [block for block in found if not isinstance(block, int)]


def _squared_vertices(blocks: list[Found]) -> float:
    """The sum of the squares of the cells' numbers of vertices."""
    counts = [block.n_vertices for block in blocks]
    return float((np.concatenate(counts).astype(np.float64) ** 2).sum())


def _programs_that_cost_less(
    compiled: Compiled, counting: bool, n: int, cost: float
) -> Trial | None:
    """Linear programs that find n cells for at most that cost. They are stopped beyond it."""
    search = LpEnumeration(compiled, counting, max_regions=n, max_answers=int(cost / ANSWER))
    unit = WORK_TO_COUNT if counting else WORK_FOR_FACETS
    unit *= 1.0 if search.is_bounded else IF_UNBOUNDED

    def is_dear() -> bool:
        answers = search.resolver.counters.rational_signs
        return unit * search.work + ANSWER * answers > cost

    try:
        trial = Trial.of(search, lambda: is_dear() or search.found >= n)
    except TooManyAnswers:
        return None
    return None if is_dear() else trial
