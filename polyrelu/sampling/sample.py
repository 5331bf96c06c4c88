"""What a method found, and what it cost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..enumeration import resolve_domain
from ..errors import DomainError
from ..forward import Forward, Packed
from ..graph import as_keys
from ..interrupt import deferred_interrupt
from ..limits import Limits
from ..network import Array, FieldsOnly, Network
from ..progress import Meter, Progress, reporter

BATCH = 4096  # points of a forward pass: the matrices of usual networks then stay in the cache
BLOCK = 1 << 17  # patterns that are kept before they are sorted
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample(FieldsOnly):
    """The distinct activation patterns that a method saw, in the order of discovery.

    Patterns are those of a forward pass in float64, unless the method says otherwise: some may be
    patterns of no region (:func:`polyrelu.sampling.compare`).

    Attributes:
        method: its name.
        network: the network; for a slice, restricted to it.
        domain: where; for a slice, in its coordinates.
        packed_patterns: shape (k, ceil(thresholds / 8)), as in a :class:`polyrelu.RegionGraph`.
        counts: shape (k,): how many points had each pattern.
        first_pass: shape (k,): after how many forward passes each was seen first.
        first_point: shape (k, dim): where that was.
        passes: forward passes in all. Where a method needs the affine map of a region, that counts
            as input_dim + 1 of them.
        seconds: CPU seconds in all.
        seed: of what was drawn; None if nothing was.
        independent: whether the points are independent draws from one distribution, as estimators
            of richness assume.
        stopped_by: a limit, "interrupt", or None if the budget was used up.
        details: what the method found besides.
    """

    method: str
    network: Network
    domain: Domain
    packed_patterns: Packed
    counts: Counts
    first_pass: Counts
    first_point: Array
    passes: int
    seconds: float
    seed: int | None = None
    independent: bool = True
    stopped_by: str | None = None
    details: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("packed_patterns", "counts", "first_pass", "first_point"):
            getattr(self, name).flags.writeable = False

    def __len__(self) -> int:
        """How many distinct patterns were seen."""
        return len(self.counts)

    @property
    def points(self) -> int:
        """How many patterns were looked at, repeated ones included."""
        return int(self.counts.sum())

    @property
    def patterns(self) -> Packed:
        """Shape (k, thresholds), entries 0 and 1; made anew at each call."""
        n = len(self.network.thresholds)
        return np.unpackbits(self.packed_patterns, axis=1, count=n, bitorder="little")

    def seen_after(self, passes: npt.ArrayLike) -> Counts:
        """How many distinct patterns had been seen after so many forward passes."""
        return np.searchsorted(self.first_pass, np.asarray(passes), side="right").astype(np.int64)

    def __repr__(self) -> str:
        state = "" if self.stopped_by is None else f", stopped by {self.stopped_by}"
        return (f"Sample({self.method}: {len(self):,} patterns in {self.passes:,} forward passes, "
                f"{self.seconds:.3g} s{state})")  # fmt: skip


class Collector:
    """Looks at points until the budget or a limit is reached, and keeps what they show.

    Args:
        budget: of forward passes.

    Raises:
        DomainError: the domain does not fit the network; a budget that is no positive integer.
    """

    def __init__(
        self,
        network: Network,
        domain: Domain | Slice | None,
        budget: int,
        limits: Limits | None,
        progress: bool | Progress,
    ) -> None:
        self.slice, self.network, self.domain = resolve_domain(network, domain)
        self.budget = positive("budget", budget)
        self.forward = Forward(self.network)
        self.passes = 0
        self.stopped_by: str | None = None
        self._limits, self._report = Limits.checked(limits), reporter(progress, "forward passes")
        self.start()
        width = -(-len(self.network.thresholds) // 8)
        self._kept = _Seen.empty(width, self.domain.dim)
        self._new: list[_Seen] = []
        self._pending = 0

    def start(self) -> None:
        """Count seconds from here on."""
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    @property
    def left(self) -> int:
        """Of the budget."""
        return max(0, self.budget - self.passes)

    @property
    def batch(self) -> int:
        """How many points to look at next; 0: stop."""
        return 0 if self.stopped_by else min(BATCH, self.left)

    def charge(self, passes: int) -> None:
        """Count work that shows no pattern."""
        self.passes += passes

    def look(self, x: Array) -> Packed:
        """The patterns of points, shape (n, dim), at a forward pass each; all are kept."""
        packed = self.forward(x)
        self.keep(packed, x, self.passes + 1 + np.arange(len(x)))
        self.charge(len(x))
        self.check()
        return packed

    def keep(self, packed: Packed, x: Array, at: Counts) -> None:
        """Patterns, and after which forward pass each was seen."""
        self._new.append(_Seen(packed, np.ones(len(x), dtype=np.int64), at, np.array(x)))
        self._pending += len(x)
        if self._pending >= BLOCK:
            self._merge()

    def check(self) -> None:
        """Is a limit reached?"""
        seconds = time.perf_counter() - self._wall
        if self._report is not None:
            self._report(self.passes, seconds)
        if self._limits.regions is not None:
            self._merge()
        most, memory = self._limits.regions, self._kept.nbytes + sum(s.nbytes for s in self._new)
        self.stopped_by = self._limits.reached(len(self._kept.counts), seconds, memory, most)

    def _merge(self) -> None:
        self._kept = _Seen.union([self._kept, *self._new])
        self._new, self._pending = [], 0

    def run(self, draw: Callable[[int], Array]) -> None:
        """Look at what ``draw(n)`` gives, n points or fewer, until the budget is used up or it
        gives none."""

        def step(n: int) -> bool:
            x = draw(n)
            if len(x):
                self.look(x)
            return len(x) > 0

        self.repeat(step)

    def repeat(self, step: Callable[[int], bool]) -> None:
        """Call ``step(n)``, n points being left for a batch, until it returns False or there is
        nothing left. Ctrl-C keeps what there is."""
        with deferred_interrupt() as interrupted:
            while self.batch and step(self.batch):
                if interrupted():
                    self.stopped_by = "interrupt"

    def sample(self, method: str, **known: Any) -> Sample:
        """All that was seen."""
        if isinstance(self._report, Meter):
            self._report.close()
        self._merge()
        seen = self._kept.sorted_by_time()
        return Sample(method, self.network, self.domain, seen.packed, seen.counts, seen.at, seen.x,
                      self.passes, time.process_time() - self._cpu, stopped_by=self.stopped_by,
                      **known)  # fmt: skip


@dataclass
class _Seen:
    """Patterns, how often, when and where."""

    packed: Packed
    counts: Counts
    at: Counts
    x: Array

    @classmethod
    def empty(cls, width: int, dim: int) -> _Seen:
        none = np.zeros(0, dtype=np.int64)
        return cls(np.zeros((0, width), dtype=np.uint8), none, none.copy(), np.zeros((0, dim)))

    @classmethod
    def union(cls, parts: list[_Seen]) -> _Seen:
        """Each pattern once, as it was seen first. Earlier parts must be older."""
        packed, counts, at, x = (
            np.concatenate(c)
            for c in zip(*((p.packed, p.counts, p.at, p.x) for p in parts), strict=True)
        )
        first, group = distinct(packed)
        total = np.zeros(len(first), dtype=np.int64)
        np.add.at(total, group, counts)
        return cls(packed[first], total, at[first], x[first])

    def sorted_by_time(self) -> _Seen:
        order = np.argsort(self.at, kind="stable")
        return _Seen(self.packed[order], self.counts[order], self.at[order], self.x[order])

    @property
    def nbytes(self) -> int:
        return self.packed.nbytes + self.counts.nbytes + self.at.nbytes + self.x.nbytes


def distinct(packed: Packed) -> tuple[Counts, Counts]:
    """For each distinct row the index of its first copy; and for each row which of them it is."""
    if not packed.size:  # no thresholds: all patterns are alike
        return np.zeros(min(1, len(packed)), dtype=np.int64), np.zeros(len(packed), dtype=np.int64)
    _, first, group = np.unique(as_keys(packed), return_index=True, return_inverse=True)
    return first, group


def positive(name: str, value: object, least: int = 1) -> int:
    """A checked integer.

    Raises:
        DomainError: it is none, or less than ``least``.
    """
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
        raise DomainError(f"{name} must be an integer of at least {least}, not {value!r}")
    return int(value)
