"""What a forward pass costs, what an exact enumeration costs, and one in units of the other."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np

from ..domain import Domain, Slice
from ..enumeration import regions, resolve_domain
from ..errors import DomainError
from ..forward import Forward
from ..limits import Limits
from ..network import Network
from .sample import BATCH, positive
from .uniform import Uniform

REPEATS = 7
LONG = 10.0  # seconds
RESERVE = 1 << 21  # numbers: once they were freed, malloc keeps what a pass needs (4x faster)


@dataclass(frozen=True)
class ExactCost:
    """What the exact enumeration of a network's regions took, beside forward passes.

    Attributes:
        regions: how many there are.
        seconds: CPU seconds of the enumeration, who touches whom included, on a network object
            that was never looked at: the median of some calls.
        pass_seconds: CPU seconds of one forward pass in a batch of 4096, patterns packed, measured
            in turns with the enumerations.
        passes: the forward passes that take as long as the enumeration: the median of the quotients
            of the two, turn by turn, as a busy machine slows both.
        operations: multiplications of one forward pass.
        splits: of cells, by the enumeration: as many as it makes on any machine.
        rational_signs: how many of its signs took rational arithmetic.
    """

    regions: int
    seconds: float
    pass_seconds: float
    passes: int
    operations: int
    splits: int
    rational_signs: int

    @property
    def passes_per_region(self) -> float:
        return self.passes / self.regions

    def __repr__(self) -> str:
        return (f"ExactCost({self.regions:,} regions in {self.seconds:.3g} s, as long as "
                f"{self.passes:,} forward passes)")  # fmt: skip


def exact_cost(
    network: Network, domain: Domain | Slice | None = None, *, repeats: int = 5
) -> ExactCost:
    """Measure an enumeration and forward passes in turns.

    Args:
        repeats: how often, or fewer if that takes ten seconds.

    One call before that compiles the engine, if need be, and is not counted.

    Raises:
        DomainError: the domain does not fit.
    """
    repeats = positive("repeats", repeats)
    _, restricted, where = resolve_domain(network, domain)
    regions(_fresh(restricted), where, limits=Limits(regions=100))
    times: list[float] = []
    passes = []
    while len(times) < repeats and sum(times) < LONG:
        seconds, graph = cpu_seconds(regions, _fresh(restricted), where)
        times.append(seconds)
        passes.append(forward_seconds(restricted, where, repeats=3))
    stats = graph.stats
    ratio = median(t / p for t, p in zip(times, passes, strict=True))
    return ExactCost(
        regions=len(graph),
        seconds=median(times),
        pass_seconds=median(passes),
        passes=max(1, round(ratio)),
        operations=Forward(restricted).operations,
        splits=int(stats["splits"]),
        rational_signs=int(stats["rational_signs"]),
    )


def _fresh(network: Network) -> Network:
    """A copy that has worked nothing out yet."""
    return deepcopy(network)


def forward_seconds(
    network: Network, domain: Domain | Slice | None = None, *, repeats: int = REPEATS
) -> float:
    """CPU seconds of one forward pass with packed patterns, in a batch of 4096 uniform points (on
    an unbounded domain: Gaussian ones); the median of ``repeats``, of 10 ms each at least."""
    _, network, where = resolve_domain(network, domain)
    rng = np.random.default_rng(0)
    try:
        x = Uniform(where, rng).take(BATCH)
    except DomainError:
        x = rng.normal(size=(BATCH, where.dim))
    forward = Forward(network)
    found = []
    np.ones(RESERVE).sum()
    forward(x)
    for _ in range(positive("repeats", repeats)):
        began, calls = time.process_time(), 0
        while time.process_time() - began < 0.01:
            forward(x)
            calls += 1
        found.append((time.process_time() - began) / (calls * BATCH))
    return median(found)


def cpu_seconds(function: Callable[..., Any], *args: Any, **kwargs: Any) -> tuple[float, Any]:
    """CPU seconds of a call without the garbage collector, and what it returned."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        began = time.process_time()
        result = function(*args, **kwargs)
        return time.process_time() - began, result
    finally:
        if was_on:
            gc.enable()
