"""The unit of work of a parallel search: some cells, and how many regions to find before the rest
is handed back. Pure: done twice, or elsewhere, it gives the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from ..domain import Domain
from ..network import FieldsOnly, Network
from .choice import enumeration, representation
from .enumerate import Enumeration, Found
from .open_cells import OpenCells
from .program import Compiled, compile_network
from .roots import roots_of


@dataclass(frozen=True, eq=False)
class Problem(FieldsOnly):
    """What is searched, and how: all that a task shares with the others of its search.

    Attributes:
        cells: "vertices" or "lp".
    """

    network: Network
    domain: Domain
    counting: bool
    cells: str

    @classmethod
    def of(cls, network: Network, domain: Domain, counting: bool, cells: str) -> Problem:
        """With cells "auto" the representation is chosen here, once for all tasks."""
        compiled = compile_network(network, domain)
        problem = cls(network, domain, counting, representation(compiled, counting, cells))
        vars(problem)["compiled"] = compiled
        return problem

    @cached_property
    def compiled(self) -> Compiled:
        return compile_network(self.network, self.domain)

    @property
    def all_cells(self) -> OpenCells:
        return OpenCells(0, len(roots_of(self.compiled)))

    @property
    def words(self) -> int:
        """Of the signs of a cell."""
        return int(self.compiled.program.first_word[-1])

    def search(self, begin: OpenCells | None = None, most: int | None = None) -> Enumeration:
        """Of these cells, which stops at so many regions."""
        return enumeration(self.compiled, self.counting, most, self.cells, begin)


@dataclass
class Done:
    """What a task came to.

    Attributes:
        found: the regions, in depth-first order; empty where they are only counted.
        left: what is still to be searched, after them in that order.
        counters: how much rational arithmetic it took.
    """

    n_regions: int
    found: list[Found]
    left: Sequence[OpenCells]
    splits: int
    seconds: float
    counters: dict[str, int] = field(default_factory=dict)


def work(
    problem: Problem,
    begin: OpenCells,
    budget: int | None,
    parts: int = 1,
    stopped: Callable[[Found | int], bool] = lambda block: False,
) -> Done:
    """Search some cells until ``budget`` regions are found, and hand the rest back in at most
    ``parts`` pieces.

    ``stopped`` is called with each block that is found, some of them empty; the search stops when
    it returns True.
    """
    began = time.perf_counter()
    search = problem.search(begin, budget)
    found: list[Found] = []
    n = 0

    def keep(block: Found | int) -> None:
        nonlocal n
        n += block if isinstance(block, int) else len(block)
        if not isinstance(block, int) and len(block):
            found.append(block)

    for block in search.blocks():
        keep(block)
        if search.finished or stopped(block) or (budget is not None and n >= budget):
            break
    left = search.left(parts)
    if not search.finished:
        keep(search.flush())
    seconds = time.perf_counter() - began
    counters = vars(search.resolver.counters)
    return Done(n, found, left, search.splits, seconds, counters)
