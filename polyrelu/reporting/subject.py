"""What a report is about, and the clock that its sections share."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ..clipping import domain_bounds
from ..domain import Box, Domain, Slice
from ..errors import DomainError
from ..graph import RegionGraph
from ..interrupt import deferred_so_far
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress


@dataclass
class Subject:
    """The network where it is looked at, and what sections have found so far.

    Attributes:
        given: the network as it was given; ``where``: the domain or slice as it was given.
        network, domain: restricted to the slice, if it is one.
        plane: the plane of the pictures, or the line of a network on one; a domain if that is it.
        limits: of enumerations, by who asks; seconds are the least of these and of the share.
        names: of the classes, or None.
        seed: of what is drawn at random.
        command: how to make the report again.
        interrupts: deferred before the report began.
    """

    given: Network
    where: Domain | Slice
    network: Network
    domain: Domain
    plane: Domain | Slice
    limits: Limits
    names: list[str] | None
    seed: int
    command: str
    progress: bool | Progress = False
    graph: RegionGraph | None = None
    headline: list[tuple[str, str]] = field(default_factory=list)
    until: float = 0.0
    interrupts: int = field(default_factory=deferred_so_far)

    def begin(self, share: float) -> None:
        """A section may take so many seconds from now on."""
        self.until = time.perf_counter() + share

    @property
    def interrupted(self) -> bool:
        """Did Ctrl-C stop an enumeration of a section?"""
        return deferred_so_far() > self.interrupts

    @property
    def left(self) -> float:
        """Seconds that the section still has: none after Ctrl-C."""
        return 0.0 if self.interrupted else max(self.until - time.perf_counter(), 0.0)

    def affords(self, seconds: float) -> bool:
        """Is there time for what takes about so long?"""
        return seconds <= self.left

    def within(self, part: float = 1.0) -> Limits:
        """Limits that keep a part of the section's time."""
        seconds = max(part * self.left, 0.01)
        own = self.limits.seconds
        return Limits(
            self.limits.regions, seconds if own is None else min(own, seconds), self.limits.memory
        )

    @property
    def sight(self) -> tuple[Array, Array]:
        """The ends of a box to look at, of the domain; of what has no end the cube of side 2."""
        if isinstance(self.domain, Box):
            return self.domain.low, self.domain.high
        bounds = domain_bounds(self.domain)
        if bounds is None:
            return -np.ones(self.domain.dim), np.ones(self.domain.dim)
        low, high = (np.array([float(v) for v in side]) for side in bounds)
        return low, high


def plane_through(domain: Domain, axes: tuple[int, int] | None) -> Domain | Slice:
    """What a picture shows: the domain itself up to two coordinates; else the plane of two inputs
    (by default the first two that vary), the others in the middle of the domain's bounds.

    Raises:
        DomainError: inputs that are not there.
    """
    n = domain.dim
    if n <= 2:
        return domain
    bounds = domain_bounds(domain)
    low, high = bounds or ((Fraction(-1),) * n, (Fraction(1),) * n)
    if axes is None:
        vary = [k for k in range(n) if low[k] < high[k]] + list(range(n))
        axes = (vary[0], next(k for k in vary if k != vary[0]))
    i, j = axes
    if i == j or not (0 <= i < n and 0 <= j < n):
        raise DomainError(f"a plane must be two different inputs from 0 to {n - 1}, not {axes}")
    middle = [
        0.0 if k in axes else float(a + b) / 2
        for k, (a, b) in enumerate(zip(low, high, strict=True))
    ]
    units = np.eye(n)[[i, j]]
    if bounds is None or isinstance(domain, Box):
        part = Box([float(low[k]) for k in axes], [float(high[k]) for k in axes])
        return Slice(middle, units, part)
    return Slice(middle, units, within=domain)
