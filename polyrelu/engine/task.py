"""The unit of work of a parallel search: some cells, and how many regions to find before the rest
is handed back. Pure: done twice, or elsewhere, it gives the same."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from ..domain import Domain
from ..network import FieldsOnly, Network
from .assemble import packed_patterns, take
from .choice import Trial, enumeration, representation
from .compiled import Compiled
from .enumerate import Enumeration, Found
from .measure import Measure, measure_of
from .open_cells import OpenCells
from .program import compile_network

if TYPE_CHECKING:
    from .explore import Explorer


@dataclass(eq=False)
class Problem(FieldsOnly):
    """What is searched, and how: all that a task shares with the others of its search.

    Attributes:
        cells: "vertices" or "lp".
        is_measured: whether it is told how much of the domain open cells are.
        above: a threshold: of the regions, which are all searched and counted, only those are kept
            on which it is on. Default: all are.
    """

    network: Network
    domain: Domain
    counting: bool
    cells: str
    is_measured: bool = False
    above: int | None = None

    @classmethod
    def of(
        cls,
        network: Network,
        domain: Domain,
        counting: bool,
        cells: str,
        is_measured: bool = False,
    ) -> Problem:
        """With cells "auto" the representation is chosen here, once for all tasks."""
        compiled = compile_network(network, domain)
        cells, trial = representation(compiled, counting, cells)
        problem = cls(network, domain, counting, cells, is_measured)
        vars(problem)["compiled"], vars(problem)["_trial"] = compiled, trial
        return problem

    @cached_property
    def compiled(self) -> Compiled:
        return compile_network(self.network, self.domain)

    @cached_property
    def measure(self) -> Measure | None:
        return measure_of(self.compiled) if self.is_measured else None

    @property
    def all_cells(self) -> OpenCells:
        return OpenCells(0, len(self.compiled.roots))

    @property
    def words(self) -> int:
        """Of the signs of a cell."""
        return int(self.compiled.program.first_word[-1])

    def search(self, begin: OpenCells | None = None, most: int | None = None) -> Enumeration:
        """Of these cells, which stops at so many regions."""
        if begin is None:
            trial: Trial | None = vars(self).pop("_trial", None)  # of use once
            begun = None if trial is None else trial.resumed(self.counting, most)
            if begun is not None:
                return begun
        return enumeration(self.compiled, self.counting, most, self.cells, begin)

    def kept(self, found: Found) -> Found:
        """Those of the regions that are kept."""
        if self.above is None:
            return found
        packed = packed_patterns(self.compiled, found)
        is_on = packed[:, self.above >> 3] >> np.uint8(self.above & 7) & 1
        return take(found, np.flatnonzero(is_on))


@dataclass
class Done:
    """What a task came to.

    Attributes:
        found: the regions, in depth-first order; empty where they are only counted.
        left: what is still to be searched, after them in that order.
        counters: how much rational arithmetic it took.
        interrupted: whether Ctrl-C ended it.
        block: about the file that has ``found``, if it was written to one.
    """

    n_regions: int
    found: list[Found]
    left: Sequence[OpenCells]
    splits: int
    seconds: float
    counters: dict[str, int] = field(default_factory=dict)
    interrupted: bool = False
    block: Any = None


class Host(Protocol):
    """Whom a task asks while it runs."""

    def stopped(self, regions: int, n_bytes: int) -> bool:
        """Is it to stop? It tells how many regions it has just found, and what those take that it
        keeps."""

    def parts(self) -> int:
        """In how many pieces is what is left wanted?"""


def work(
    search: Enumeration | Explorer,
    budget: int | None,
    host: Host,
    problem: Problem | None = None,
) -> Done:
    """Search until ``budget`` regions are found, or the host wants it to stop. With a ``problem``
    regions are kept, and what is left is measured, as it says."""
    began = time.perf_counter()
    found: list[Found] = []
    n = 0

    def keep(block: Found | int) -> tuple[int, int]:
        nonlocal n
        if isinstance(block, int):
            n += block
            return block, 0
        n += len(block)
        kept = block if problem is None else problem.kept(block)
        if len(kept):
            found.append(kept)
        return len(block), kept.nbytes

    interrupted = False
    try:
        for block in search.blocks():
            over = host.stopped(*keep(block))
            if search.finished or over or (budget is not None and n >= budget):
                break
    except KeyboardInterrupt:  # from a progress callback, or a second Ctrl-C
        interrupted = True
    left: Sequence[OpenCells] = ()
    if not search.finished:
        left = search.left(host.parts(), None if problem is None else problem.measure)
        keep(search.flush())
    seconds = time.perf_counter() - began
    counters = vars(search.resolver.counters)
    return Done(n, found, left, search.splits, seconds, counters, interrupted)


@dataclass(frozen=True)
class Elsewhere:
    """The host of a task on another machine, which nobody talks to while it runs."""

    n_parts: int

    def stopped(self, regions: int, n_bytes: int) -> bool:
        return False

    def parts(self) -> int:
        return self.n_parts


def run(problem: Problem, begin: OpenCells | None, budget: int, host: Host) -> Done:
    """One task: :func:`work` on these cells.

    Raises:
        KeyboardInterrupt: Ctrl-C came amid a step: what was found may not fit what is left.
    """
    done = work(problem.search(begin, budget), budget, host, problem)
    if done.interrupted:
        raise KeyboardInterrupt
    return done
