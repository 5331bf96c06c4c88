"""Distances between the regions of a graph: hops, bits that differ, bits that must be flipped.

For two regions, the Hamming distance of their patterns is at most the least number of bits that a
walk through neighbours flips. They are equal for all pairs iff the graph, each edge as long as the
number of bits that its wall flips, embeds isometrically into the hypercube. With one hidden layer
it does (tope graphs of arrangements are isometric: a segment between points in general position
crosses one hyperplane after the other, and none twice). How far it is from that says how much a
deeper network folds its domain.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from math import floor
from numbers import Integral
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..engine.path import Tracer
from ..errors import DomainError, IncompleteError, UnknownAnswerError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network
from ..progress import Progress, reporter
from .path import traced
from .where import graph_of, stopped

ALL_SOURCES = 4096  # of so many regions all are sources, unless asked otherwise
SOURCES = 1000  # else so many
SEGMENTS = 1000
CELLS = 2**21  # entries of a block of distances

Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Distribution:
    """Rational values and how often each occurs.

    Attributes:
        values: increasing.
        counts: shape (len(values),), positive.
    """

    values: tuple[Fraction, ...]
    counts: Counts

    @classmethod
    def of(cls, values: Iterable[Fraction], counts: Sequence[int] | None = None) -> Distribution:
        """Of values that may repeat, each once or as often as told."""
        total: dict[Fraction, int] = {}
        listed = list(values)
        times = [1] * len(listed) if counts is None else counts
        for value, count in zip(listed, times, strict=True):
            total[value] = total.get(value, 0) + int(count)
        kept = sorted(value for value, count in total.items() if count)
        return cls(tuple(kept), np.array([total[value] for value in kept], dtype=np.int64))

    @property
    def size(self) -> int:
        return int(self.counts.sum())

    @property
    def mean(self) -> Fraction:
        """Raises ValueError if there are no values, as do the others."""
        self._check()
        pairs = zip(self.values, self.counts.tolist(), strict=True)
        return sum((value * count for value, count in pairs), Fraction(0)) / self.size

    @property
    def greatest(self) -> Fraction:
        self._check()
        return self.values[-1]

    @property
    def positive(self) -> Fraction:
        """The share of values greater than 0."""
        self._check()
        above = sum(int(c) for v, c in zip(self.values, self.counts, strict=True) if v > 0)
        return Fraction(above, self.size)

    def quantile(self, share: float) -> Fraction:
        """The least value that at least this share of them does not exceed."""
        self._check()
        if not 0 <= share <= 1:
            raise ValueError(f"share must be in [0, 1], not {share!r}")
        wanted = max(1, -floor(-Fraction(share) * self.size))
        return self.values[int(np.searchsorted(np.cumsum(self.counts), wanted))]

    def _check(self) -> None:
        if not self.values:
            raise ValueError("there are no pairs of regions")

    def __repr__(self) -> str:
        if not self.values:
            return "Distribution(no values)"
        low, high = float(self.values[0]), float(self.values[-1])
        return (f"Distribution({self.size} values in [{low:.4g}, {high:.4g}], "
                f"mean {float(self.mean):.4g})")  # fmt: skip


@dataclass(frozen=True, eq=False)
class GraphFolding:
    """Distances between ordered pairs of different regions.

    Attributes:
        graph: the regions.
        sources: the regions from which distances were measured, to all others.
        stopped_by: "seconds" if a limit came before the sources that were asked for.
        hop_hamming: shape (hops + 1, bits + 1): how many pairs are so many walls and so many bits
            apart.
        flip_hamming: shape (flips + 1, bits + 1): the same for the least number of bits that a walk
            from one to the other flips (a bit each time that it is).
        segment_pairs: shape (m, 2): between whose witnesses segments were looked at.
        segment_chi: chi of each.
    """

    graph: RegionGraph
    sources: npt.NDArray[np.int64]
    stopped_by: str | None
    hop_hamming: Counts
    flip_hamming: Counts
    segment_pairs: npt.NDArray[np.int64]
    segment_chi: tuple[Fraction, ...]

    @property
    def exhaustive(self) -> bool:
        """Whether all pairs of regions are counted, rather than those from a random sample of
        sources."""
        return len(self.sources) == len(self.graph)

    @property
    def n_pairs(self) -> int:
        return int(self.hop_hamming.sum())

    @cached_property
    def hops(self) -> Distribution:
        """Walls on a shortest walk."""
        return _marginal(self.hop_hamming, axis=1)

    @cached_property
    def hamming(self) -> Distribution:
        """Bits that differ."""
        return _marginal(self.hop_hamming, axis=0)

    @cached_property
    def flips(self) -> Distribution:
        """The least number of bits flipped on a walk."""
        return _marginal(self.flip_hamming, axis=1)

    @cached_property
    def geodesic_folding(self) -> Distribution:
        """1 - hamming / flips: the share of flips that every walk makes in vain. It bounds chi from
        below for each walk that ends where it is farthest from its start."""
        rows, columns = np.nonzero(self.flip_hamming)
        values = [1 - Fraction(int(d), int(f)) for f, d in zip(rows, columns, strict=True)]
        return Distribution.of(values, self.flip_hamming[rows, columns].tolist())

    @cached_property
    def segment_folding(self) -> Distribution:
        """chi of the segments."""
        return Distribution.of(self.segment_chi)

    @property
    def is_isometric(self) -> bool:
        """Whether every two regions are joined by a walk that flips no bit twice.

        Raises:
            UnknownAnswerError: it holds for the sampled sources, but these are not all.
        """
        rows, columns = np.nonzero(self.flip_hamming)
        if (rows != columns).any():
            return False
        if not self.exhaustive:
            raise UnknownAnswerError(
                f"no pair folds, but only {len(self.sources)} of {len(self.graph)} regions were "
                f"sources; ask with sources={len(self.graph)}"
            )
        return True

    def __repr__(self) -> str:
        some = f"from {len(self.sources)} of {len(self.graph)} regions"
        kind = "all" if self.exhaustive else some
        return f"GraphFolding({self.n_pairs} ordered pairs, {kind})"


def graph_folding(
    what: Layer | Network | RegionGraph,
    domain: Domain | Slice | None = None,
    *,
    sources: int | None = None,
    segments: int | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> GraphFolding:
    """Hop, Hamming and flip distances between all regions on a convex domain, and their folding.

    Args:
        domain: default the network's input box, else R^n; none with a region graph.
        sources: from how many regions distances are measured, to all others: a random sample
            without replacement. Default all of up to 4,096, else 1,000.
        segments: how many segments between the regions' witnesses are looked at, a random sample of
            ordered pairs; default all of up to 1,000, else 1,000. Their chi depends on the
            witnesses, which the engine chooses.
        seed: of the samples.
        limits: of the enumeration, and ``seconds`` of what follows; then fewer sources and segments
            are counted, still at random.
        progress: of the enumeration; then called with sources (later segments) and seconds.

    Raises:
        DomainError: the domain does not fit or is empty; sources or segments are not positive, or
            there are not so many.
        IncompleteError: a limit was reached before all regions were found.

    The cost is that of the regions; then two runs of Dijkstra's algorithm for each source, 0.5 us
    for each pair of regions or so. Memory does not grow with the number of pairs.
    """
    graph = graph_of(what, domain, limits, progress)
    if not graph.complete:
        raise IncompleteError(f"distances need all regions, but {stopped(graph)}")
    n = len(graph)
    default = n if n <= ALL_SOURCES else SOURCES
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(n)[: _checked("sources", sources, default, n)]
    clock = _Clock(limits, reporter(progress))
    done, stopped_by, hops, flips = _distances(graph, chosen, clock)
    all_pairs = n * (n - 1)
    count = _checked("segments", segments, min(all_pairs, SEGMENTS), all_pairs)
    pairs, tracer = _some_pairs(rng, n, count), Tracer(graph.network)
    chi: list[Fraction] = []
    for i, j in pairs.tolist():
        if clock.stops(len(chi)):
            stopped_by = "seconds"
            break
        ends = graph.exact_point(i), graph.exact_point(j)
        chi.append(traced(tracer, ends).folding().chi)
    return GraphFolding(graph, np.sort(chosen[:done]), stopped_by, hops, flips,
                        pairs[: len(chi)], tuple(chi))  # fmt: skip


def _checked(name: str, value: Any, default: int, most: int) -> int:
    if value is None:
        return default
    if not isinstance(value, Integral) or not 1 <= int(value) <= most:
        raise DomainError(f"{name} must be an integer from 1 to {most}, not {value!r}")
    return int(value)


class _Clock:
    def __init__(self, limits: Limits | None, report: Progress | None) -> None:
        self._most = None if limits is None else limits.seconds
        self._report = report
        self._started = time.monotonic()

    def stops(self, done: int) -> bool:
        seconds = time.monotonic() - self._started
        if self._report is not None:
            self._report(done, seconds)
        return done > 0 and self._most is not None and seconds >= self._most


def _some_pairs(rng: np.random.Generator, n: int, count: int) -> npt.NDArray[np.int64]:
    """Ordered pairs of different numbers below n, none twice, shape (count, 2)."""
    places = rng.choice(n * (n - 1), size=count, replace=False)
    first, second = np.divmod(places, max(n - 1, 1))
    return np.stack([first, second + (second >= first)], axis=1).astype(np.int64)


# --- distances -----------------------------------------------------------------------------------


def _distances(
    graph: RegionGraph, sources: npt.NDArray[np.int64], clock: _Clock
) -> tuple[int, str | None, Counts, Counts]:
    """How many sources were looked at, why no more, and the two histograms."""
    from scipy.sparse.csgraph import dijkstra

    n, bits = len(graph), len(graph.network.thresholds)
    words = _words(graph.packed_patterns)
    weights = _weights(graph, words)
    hop_hamming, flip_hamming = (np.zeros((0, bits + 1), dtype=np.int64) for _ in range(2))
    size = max(1, CELLS // n)
    for start in range(0, len(sources), size):
        if clock.stops(start):
            return start, "seconds", hop_hamming, flip_hamming
        block = sources[start : start + size]
        hamming = hamming_distances(words[block], words)
        others = np.ones(hamming.shape, dtype=bool)
        others[np.arange(len(block)), block] = False
        hops = dijkstra(weights, directed=False, indices=block, unweighted=True)
        flips = dijkstra(weights, directed=False, indices=block)
        assert np.isfinite(hops).all(), "the regions of a convex domain connect"
        hop_hamming = _added(hop_hamming, hops[others], hamming[others])
        flip_hamming = _added(flip_hamming, flips[others], hamming[others])
    return len(sources), None, hop_hamming, flip_hamming


def _words(packed: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint64]:
    """Rows of bytes as rows of 64-bit words."""
    padded = np.zeros((len(packed), -(-packed.shape[1] // 8) * 8), dtype=np.uint8)
    padded[:, : packed.shape[1]] = packed
    return padded.view(np.uint64)


def hamming_distances(
    a: npt.NDArray[np.uint64], b: npt.NDArray[np.uint64]
) -> npt.NDArray[np.int64]:
    """Between the rows of two arrays of packed patterns, shape (len(a), len(b))."""
    found = np.zeros((len(a), len(b)), dtype=np.int64)
    for x, y in zip(a.T, b.T, strict=True):
        found += np.bitwise_count(x[:, None] ^ y)
    return found


def _weights(graph: RegionGraph, words: npt.NDArray[np.uint64]) -> Any:
    """The sparse matrix of how many bits each wall flips; floats, which hold them exactly."""
    from scipy.sparse import csr_array

    edges = graph.edges()
    flipped = np.bitwise_count(words[edges[:, 0]] ^ words[edges[:, 1]]).sum(axis=1, dtype=float)
    shape = (len(graph), len(graph))
    return csr_array((flipped, (edges[:, 0], edges[:, 1])), shape=shape)


def _added(counts: Counts, rows: npt.NDArray[Any], columns: npt.NDArray[np.int64]) -> Counts:
    """With more pairs counted; rows are appended as they are needed."""
    width = counts.shape[1]
    found = np.bincount(rows.astype(np.int64) * width + columns)
    height = max(len(counts), -(-len(found) // width))
    total = np.zeros((height, width), dtype=np.int64)
    total[: len(counts)] = counts
    total.ravel()[: len(found)] += found
    return total


def _marginal(counts: Counts, axis: int) -> Distribution:
    sums = counts.sum(axis=axis)
    return Distribution.of(map(Fraction, range(len(sums))), sums.tolist())
