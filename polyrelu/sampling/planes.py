"""The regions that random planes meet: each plane enumerated exactly."""

from __future__ import annotations

import time

import numpy as np

from ..domain import Domain, Slice
from ..enumeration import regions
from ..errors import DomainError
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress
from .cost import forward_seconds
from .sample import Collector, Sample, positive
from .uniform import Uniform, full_dimensional, generator


def random_planes(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    planes: int = 20,
    plane_dim: int = 2,
    budget: int | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of the regions that planes through uniform points, in uniform directions, meet.

    Each plane's regions are enumerated exactly (:class:`polyrelu.Slice`), so that none is invented.
    No forward pass is made: ``passes`` are those that take the same CPU time, measured in the call,
    so here they depend on the machine. Counts say how many planes met a region.

    Args:
        planes: how many; fewer if the budget is used up.
        plane_dim: 1 (lines), 2, ..., at most the domain's dimension.

    Raises:
        DomainError: an unbounded or flat domain; planes of more dimensions than it has.
    """
    number = positive("planes", planes)
    collector = Collector(network, domain, budget or 2**62, limits, progress)
    dim = collector.domain.dim
    if not 1 <= positive("plane_dim", plane_dim) <= dim:
        raise DomainError(f"plane_dim must be from 1 to {dim}, not {plane_dim}")
    full_dimensional(collector.domain)
    rng = generator(seed)
    source = Uniform(collector.domain, rng)
    regions(collector.network, _plane(source, 1, rng, collector.domain))  # compiles the engine
    pass_seconds = forward_seconds(collector.network, collector.domain)
    met: list[int] = []
    collector.start()

    def step(_: int) -> bool:
        plane = _plane(source, plane_dim, rng, collector.domain)
        began = time.process_time()
        graph = regions(collector.network, plane)
        collector.charge(max(1, round((time.process_time() - began) / pass_seconds)))
        at = np.full(len(graph), collector.passes, dtype=np.int64)
        collector.keep(graph.packed_patterns, plane.to_input(graph.witnesses), at)
        met.append(len(graph))
        collector.check()
        return len(met) < number

    collector.repeat(step)
    details = {"met": met, "plane_dim": plane_dim, "pass_seconds": pass_seconds}
    return collector.sample("planes", seed=seed, independent=False, details=details)


def _plane(source: Uniform, dim: int, rng: np.random.Generator, domain: Domain) -> Slice:
    """Through a uniform point; orthonormal but for rounding."""
    origin = source.draw(1)[0]
    basis: Array = np.linalg.qr(rng.normal(size=(domain.dim, dim)))[0].T
    return Slice(origin, basis, within=domain)
