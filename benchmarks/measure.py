"""CPU time of an enumeration, as a whole and by its stages."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median
from typing import Any

import polyrelu
from polyrelu.engine.assemble import assemble
from polyrelu.engine.program import compile_network
from polyrelu.engine.task import Problem

QUICK = 0.005  # CPU seconds
RUN = 25

MakeNetwork = Callable[[], polyrelu.Network]


@dataclass(frozen=True)
class Timing:
    """Medians in CPU seconds.

    Attributes:
        total: of :func:`polyrelu.regions` on one core, of a network that was never looked at.
        best: the least instead of the median: what the machine's other load disturbed least.
        setup: exact integer forms and the tables of the kernel.
        enumeration: all regions, signs certified.
        adjacency: who touches whom, and the columns of the graph.
        repetitions: how many calls the medians are of.
        rational: counters of the rational stage.
    """

    regions: int
    walls: int
    complete: bool
    total: float
    best: float
    setup: float
    enumeration: float
    adjacency: float
    repetitions: int
    rational: dict[str, int]

    @property
    def rate(self) -> float:
        return self.regions / self.total


def warm_up() -> None:
    """Compile the kernels, or read them from the cache."""
    for widths in ((2, 4), (3, 4, 4)):
        rows = [([[1.0] * m] * n, [0.25] * n) for m, n in pairwise(widths)]
        polyrelu.regions(polyrelu.Network.from_layers(rows), polyrelu.Box(-1, 1, dim=widths[0]))
    gc.collect()
    gc.freeze()  # what was imported need not be looked at by each later collection


def time_regions(
    make_network: MakeNetwork,
    domain: Any,
    *,
    limits: polyrelu.Limits | None = None,
    budget: float = 2.0,
    least: int = 3,
    most: int = 101,
) -> Timing:
    """Repeat for about ``budget`` CPU seconds, whole calls and calls by stages in turns.

    Calls of less than QUICK come in runs, as the workers of other tools take theirs: after the
    garbage collector has gone through the memory, a short call mostly waits for the caches.
    """
    totals: list[float] = []
    stages: list[tuple[float, float, float]] = []
    graph = None
    began = time.process_time()
    while len(totals) < least or (len(totals) < most and time.process_time() - began < budget):
        n = RUN if totals and totals[0] < QUICK else 1
        networks = [make_network() for _ in range(n)]
        seconds, graph = cpu_seconds_of_each(
            polyrelu.regions, networks, domain, limits=limits, workers=1
        )
        totals += seconds
        stages.append(_stages(make_network(), domain) if limits is None else _stages_of(graph))
    assert graph is not None
    setup, enumeration, adjacency = (median(column) for column in zip(*stages, strict=True))
    return Timing(
        regions=len(graph),
        walls=graph.n_walls,
        complete=graph.complete,
        total=median(totals),
        best=min(totals),
        setup=setup,
        enumeration=enumeration,
        adjacency=adjacency,
        repetitions=len(totals),
        rational={k: v for k, v in graph.stats.items() if k.startswith("rational_")},
    )


def cpu_seconds(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[float, Any]:
    """CPU seconds of a call without the garbage collector, and what it returned."""
    (seconds,), result = cpu_seconds_of_each(lambda _: function(*args, **kwargs), [None])
    return seconds, result


def cpu_seconds_of_each(
    function: Callable[..., Any], firsts: Sequence[Any], *args: Any, **kwargs: Any
) -> tuple[list[float], Any]:
    """CPU seconds of calls with these as first arguments, one right after the other, and what the
    last returned."""
    seconds, result = [], None
    gc.collect()
    gc.disable()
    try:
        for first in firsts:
            began = time.process_time()
            result = function(first, *args, **kwargs)
            seconds.append(time.process_time() - began)
    finally:
        gc.enable()
    return seconds, result


def _stages(network: polyrelu.Network, domain: Any) -> tuple[float, float, float]:
    setup, compiled = cpu_seconds(compile_network, network, domain)
    preparation, problem = cpu_seconds(Problem.of, network, domain, counting=False, cells="auto")
    search, blocks = cpu_seconds(lambda: list(problem.search().blocks()))
    enumeration = preparation - setup + search
    adjacency, _ = cpu_seconds(assemble, compiled, lambda found, doubtful: doubtful, blocks)
    return setup, enumeration, adjacency


def _stages_of(graph: polyrelu.RegionGraph) -> tuple[float, float, float]:
    """Under limits, by the graph's own clock (wall time)."""
    return float("nan"), graph.stats["seconds"], graph.stats["adjacency_seconds"]
