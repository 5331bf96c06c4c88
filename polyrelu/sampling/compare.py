"""What sampling found beside all that there is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from math import nan
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import DomainError, IncompleteError, PointsError
from ..graph import RegionGraph
from ..locate import exact_patterns, in_domain
from ..network import Array
from ..volumes import RegionVolumes
from .coupons import needed
from .richness import ESTIMATORS, Richness, richness
from .sample import Counts, Sample, positive
from .uniform import Uniform, generator

HELD_OUT = 5000
SHARES = (0.9, 0.99, 1.0)
CAUSES = ("rounding", "wall", "outside")


@dataclass(frozen=True)
class Coverage:
    """The share of the domain's volume that the regions found have together.

    Attributes:
        low, high: proved bounds if ``exact``; else the ends of a 99 % confidence interval (Clopper
            and Pearson, Biometrika 1934) from fresh uniform points, each located exactly.
        exact: whether all regions' volumes were known.
    """

    low: float
    high: float
    exact: bool

    @property
    def value(self) -> float:
        """The middle."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, eq=False)
class Comparison:
    """A sample beside the graph of all regions. Made by :func:`compare`.

    Attributes:
        sample: what was compared.
        regions: how many regions there are.
        region: shape (k,): for each pattern of the sample the region that has it, or -1.
        cause: shape (k,): why a pattern is that of no region: "rounding" (the point where it was
            seen first lies inside of a region with another: float64 got a sign wrong), "wall" (it
            lies exactly on a wall) or "outside" (of the domain, by rounding); "" where a region has
            it.
        coverage: by volume; None on an unbounded domain, or if it was left out.
    """

    sample: Sample
    regions: int
    region: Counts
    cause: npt.NDArray[np.str_]
    coverage: Coverage | None = field(repr=False)

    @property
    def found(self) -> int:
        """How many regions were found."""
        return int((self.region >= 0).sum())

    @property
    def recall(self) -> float:
        """The share of the regions that was found."""
        return self.found / self.regions

    @property
    def false_patterns(self) -> int:
        """How many patterns no region has."""
        return int((self.region < 0).sum())

    @property
    def false_points(self) -> int:
        """How many points showed one of these."""
        return int(self.sample.counts[self.region < 0].sum())

    @property
    def causes(self) -> dict[str, int]:
        """How many false patterns there are of each cause."""
        return {name: int((self.cause == name).sum()) for name in CAUSES}

    @cached_property
    def _times(self) -> Counts:
        """After how many passes each region was found, increasing."""
        return self.sample.first_pass[self.region >= 0]

    def recall_after(self, passes: npt.ArrayLike) -> Array:
        """The recall after so many forward passes."""
        found: Array = np.searchsorted(self._times, np.asarray(passes), side="right") / self.regions
        return found

    def passes_to(self, share: float) -> int | None:
        """After how many forward passes this share of the regions had been found; None if it never
        was.

        Raises:
            PointsError: share is not in (0, 1].
        """
        if not 0 < share <= 1:
            raise PointsError(f"share must be in (0, 1], not {share!r}")
        last = needed(share, self.regions) - 1
        return int(self._times[last]) if last < len(self._times) else None

    @cached_property
    def estimates(self) -> dict[str, Richness]:
        """How many regions estimators of richness infer from the counts, false patterns included:
        nobody who samples knows of them."""
        return richness(self.sample)

    def errors(self) -> dict[str, float]:
        """Each estimate minus the number of regions."""
        return {name: r.estimate - self.regions for name, r in self.estimates.items()}

    def __repr__(self) -> str:
        return (f"Comparison({self.sample.method}: {self.found:,} of {self.regions:,} regions, "
                f"{self.false_patterns:,} false patterns)")  # fmt: skip


def compare(
    graph: RegionGraph,
    sample: Sample,
    *,
    volumes: RegionVolumes | None = None,
    held_out: int = HELD_OUT,
    seed: int = 0,
) -> Comparison:
    """What a sample found of a graph's regions, what it invented, and what it cost.

    Args:
        graph: all regions, of the same network on the same domain.
        volumes: of :func:`polyrelu.sampling.region_volumes`: coverage by volume is then exact. Else
            it is estimated.
        held_out: fresh uniform points for that; 0: leave the coverage out.
        seed: of these.

    Raises:
        IncompleteError: the graph is not complete: what it lacks cannot be told from inventions.
        DomainError: the sample is of another network or domain.

    The cost is that of a sorted search for each pattern; of rational arithmetic, half a
    millisecond each, for false ones and for held-out points that float64 cannot locate.
    """
    _check(graph, sample)
    region = graph._lookup(sample.packed_patterns)
    cause = np.full(len(region), "", dtype="<U8")
    false = np.flatnonzero(region < 0)
    cause[false] = _causes(graph, sample.first_point[false])
    found = np.unique(region[region >= 0])
    return Comparison(sample, len(graph), region, cause,
                      _coverage(graph, found, volumes, held_out, seed))  # fmt: skip


def _check(graph: RegionGraph, sample: Any) -> None:
    if not isinstance(graph, RegionGraph):
        raise TypeError(f"a RegionGraph is needed, such as regions(...), not {graph!r}")
    if not isinstance(sample, Sample):
        hint = "; give its .sample" if hasattr(sample, "sample") else ""
        raise TypeError(f"a Sample is needed, not {type(sample).__name__}{hint}")
    if not graph.complete:
        raise IncompleteError(
            f"a comparison needs all regions; a limit on {graph.stopped_by} stopped the enumeration"
        )
    if graph.network is not sample.network and graph.network.hash != sample.network.hash:
        raise DomainError("the sample is of another network than the graph")
    if graph.domain is not sample.domain and graph.domain.to_dict() != sample.domain.to_dict():
        raise DomainError(f"the sample is of {sample.domain!r}, the graph of {graph.domain!r}")


def _causes(graph: RegionGraph, x: Array) -> npt.NDArray[np.str_]:
    """Where points lie, whose patterns no region has."""
    within = in_domain(graph, x)
    _, off_walls = exact_patterns(graph, x)
    return np.where(off_walls, "rounding", np.where(within, "wall", "outside"))


def _coverage(
    graph: RegionGraph, found: Counts, volumes: RegionVolumes | None, held_out: int, seed: int
) -> Coverage | None:
    if graph.unbounded.any() or (volumes is None and held_out == 0):
        return None
    if volumes is not None:
        if len(volumes) != len(graph):
            raise DomainError(f"volumes of {len(volumes)} regions do not belong to {len(graph)}")
        total = float(volumes.shares[found].sum())
        error = 2 * volumes.relative_error * total if total else 0.0
        return Coverage(max(0.0, total - error), min(1.0, total + error), True)
    rng = generator(seed, HELD_OUT)
    at = graph.locate(Uniform(graph.domain, rng).take(positive("held_out", held_out, 0)))
    at = at[at >= 0]
    hits = int(np.isin(at, found).sum())
    return Coverage(*_clopper_pearson(hits, len(at), 0.99), False)


def _clopper_pearson(hits: int, trials: int, confidence: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    tail = (1 - confidence) / 2
    low = float(betaincinv(hits, trials - hits + 1, tail)) if hits else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - tail)) if hits < trials else 1.0
    return low, high


@dataclass(frozen=True)
class EstimatorError:
    """How far an estimator is off, over repeated samples.

    Attributes:
        name: of the estimator; "seen" is the number of patterns seen.
        truth: the number of regions.
        mean: of the estimates; of those that were finite.
        variance: of them, with n - 1 below; nan for one.
        repeats: how many were finite.
        infinite: how many were not.
    """

    name: str
    truth: int
    mean: float
    variance: float
    repeats: int
    infinite: int = 0

    @property
    def bias(self) -> float:
        return self.mean - self.truth

    @property
    def rms_error(self) -> float:
        """The root of bias^2 + variance."""
        return float(np.sqrt(self.bias**2 + (0 if np.isnan(self.variance) else self.variance)))


def estimator_errors(comparisons: Sequence[Comparison]) -> dict[str, EstimatorError]:
    """Bias and variance of each estimator, over repetitions with different seeds.

    Args:
        comparisons: of one method, with the same graph, at the same budget.

    Raises:
        PointsError: none, or of different graphs.
    """
    truths = {c.regions for c in comparisons}
    if len(truths) != 1:
        raise PointsError("comparisons must be one or more, with one graph")
    table = {name: [c.estimates[name].estimate for c in comparisons]
             for name in ("seen", *ESTIMATORS)}  # fmt: skip
    return {name: _error(name, truths.copy().pop(), values) for name, values in table.items()}


def _error(name: str, truth: int, values: list[float]) -> EstimatorError:
    finite = np.array([v for v in values if np.isfinite(v)])
    mean = float(finite.mean()) if len(finite) else nan
    variance = float(finite.var(ddof=1)) if len(finite) > 1 else nan
    return EstimatorError(name, truth, mean, variance, len(finite), len(values) - len(finite))
