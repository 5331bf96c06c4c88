"""Several methods on one network, beside its exact enumeration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median
from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Box, Domain, Slice
from ..enumeration import regions, resolve_domain
from ..errors import DomainError, IncompleteError, PolyreluError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Network
from ..progress import Progress
from ..volumes import RegionVolumes, region_volumes
from .compare import SHARES, Comparison, EstimatorError, compare, estimator_errors
from .cost import ExactCost, exact_cost
from .coupons import expected_regions, points_for
from .methods import METHODS, check_method, run_method
from .sample import positive

UNBOUNDED = ("gaussian", "walk")
VOLUME_SECONDS = 20.0
# Measured seconds of the volume of a region, by dimension; beyond, they are left out.
PER_VOLUME = {0: 1e-4, 1: 1e-4, 2: 1e-4, 3: 3e-4, 4: 1.3e-3, 5: 7e-3}


@dataclass(frozen=True, eq=False)
class Study:
    """Made by :func:`study`.

    Attributes:
        graph: all regions.
        cost: of enumerating them, in forward passes too, measured in the same run.
        volumes: of all regions; None where they would take long, or the domain is unbounded.
        comparisons: for each method its repetitions, with seeds one after the other.
        stopped_by: a limit that ended a sample early, or "interrupt" (after which there are no
            further samples), or None.
    """

    graph: RegionGraph
    cost: ExactCost
    volumes: RegionVolumes | None
    comparisons: dict[str, tuple[Comparison, ...]]
    stopped_by: str | None = None

    def errors(self, method: str) -> dict[str, EstimatorError]:
        """Bias and variance of each estimator of richness."""
        return estimator_errors(self.comparisons[method])

    def expected_recall(self, points: npt.ArrayLike) -> npt.NDArray[np.float64] | None:
        """Of so many uniform points, by the volumes; None without them."""
        if self.volumes is None:
            return None
        found: npt.NDArray[np.float64] = expected_regions(self.volumes, points) / len(self.graph)
        return found

    def rows(self) -> list[dict[str, Any]]:
        """A row for each method, with means over its repetitions, and medians of the passes to a
        recall (None if most did not reach it); then, by the volumes, what uniform points need in
        expectation; and the exact enumeration."""
        rows = [self._row(name) for name in self.comparisons]
        if self.volumes is not None:
            rows.append(_blank("uniform, expected") | _needed(
                {share: points_for(self.volumes, share) for share in SHARES}))  # fmt: skip
        exact = {share: float(self.cost.passes) for share in SHARES}
        rows.append(_blank("exact") | {
            "passes": self.cost.passes, "seconds": self.cost.seconds, "found": len(self.graph),
            "recall": 1.0, "false": 0, "volume": 1.0, "chao1": None, "bias": 0.0, "std": 0.0,
        } | _needed(exact))  # fmt: skip
        return rows

    def _row(self, name: str) -> dict[str, Any]:
        runs = self.comparisons[name]
        chao = self.errors(name)["chao1"]
        covered = [c.coverage.value for c in runs if c.coverage is not None]
        return _blank(name) | {
            "passes": round(fmean(c.sample.passes for c in runs)),
            "seconds": fmean(c.sample.seconds for c in runs),
            "found": fmean(c.found for c in runs),
            "recall": fmean(c.recall for c in runs),
            "false": fmean(c.false_patterns for c in runs),
            "volume": fmean(covered) if covered else None,
            "chao1": chao.mean, "bias": chao.bias, "std": float(np.sqrt(chao.variance)),
            **_needed({share: _middle([c.passes_to(share) for c in runs]) for share in SHARES}),
        }  # fmt: skip

    def __repr__(self) -> str:
        return f"Study({', '.join(self.comparisons)}; {self.cost!r})"


def _blank(name: str) -> dict[str, Any]:
    names = ("passes", "seconds", "found", "recall", "false", "volume", "chao1", "bias", "std")
    return {"method": name, **dict.fromkeys(names)}


def _needed(passes: Mapping[float, float | None]) -> dict[str, float | None]:
    return {f"to {share:.0%}": value for share, value in passes.items()}


def _middle(passes: Sequence[int | None]) -> float | None:
    """The median, if most repetitions got there."""
    found = median(float("inf") if p is None else float(p) for p in passes)
    return None if found == float("inf") else found


def study(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    methods: Sequence[str] | None = None,
    budget: int | None = None,
    repeats: int = 3,
    seed: int = 0,
    data: npt.ArrayLike | None = None,
    volumes: bool | None = None,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Study:
    """Enumerate the regions, sample them by several methods, and compare.

    Args:
        methods: names as of :func:`polyrelu.sampling.run_method`; default all that fit the domain.
        budget: forward passes of each; default as many as take as long as the exact enumeration,
            but 10^5 to 10^7.
        repeats: of each, with seeds ``seed``, ``seed + 1``, ...
        data: shape (n, dim), for the methods that need it.
        volumes: compute the regions' volumes; default: if that takes some 20 s at most.
        limits: of the enumeration. Those of seconds hold for each sample as well.

    Raises:
        IncompleteError: a limit stopped the enumeration: there is no truth to compare with.
        PolyreluError: an unknown method; and as the methods.
    """
    limits, repeats = Limits.checked(limits), positive("repeats", repeats)
    for name in methods or ():
        check_method(name, data is not None)
    _, network, where = resolve_domain(network, domain)
    graph = regions(network, where, limits=limits, progress=progress)
    if not graph.complete:
        raise IncompleteError(
            f"a limit on {graph.stopped_by} stopped the enumeration after {len(graph)} regions: "
            f"there is no truth to compare with"
        )
    chosen = _chosen(methods, graph, data is not None)
    by_volume = _volumes(graph, volumes, progress)
    cost = exact_cost(network, where)
    budget = min(max(cost.passes, 10**5), 10**7) if budget is None else positive("budget", budget)
    how: dict[str, Any] = {"budget": budget, "data": data, "limits": Limits(seconds=limits.seconds),
           "progress": progress}  # fmt: skip
    runs = [(name, seed + k) for name in chosen for k in range(repeats)]
    comparisons: dict[str, tuple[Comparison, ...]] = {}
    stopped_by = None
    for name, own_seed in runs:
        sample = run_method(name, network, where, seed=own_seed, **how)
        stopped_by = sample.stopped_by or stopped_by
        compared = compare(graph, sample, volumes=by_volume, seed=seed)
        comparisons[name] = (*comparisons.get(name, ()), compared)
        if stopped_by == "interrupt":
            break
    return Study(graph, cost, by_volume, comparisons, stopped_by)


def _chosen(methods: Sequence[str] | None, graph: RegionGraph, data: bool) -> list[str]:
    if methods is not None:
        if not methods:
            raise PolyreluError("methods must be one or more names")
        return list(dict.fromkeys(methods))
    names = list(UNBOUNDED) if graph.unbounded.any() else list(METHODS)
    unfit = set() if graph.dim > 1 else {"planes"}
    if graph.domain.chart().dim < graph.dim:
        unfit |= {"lines", "planes", "walk"}
    if not isinstance(graph.domain, Box):
        unfit |= {"grid", "gaussian"} if "walk" in unfit else {"grid"}
    return [name for name in names if name not in unfit] + (["jitter", "mixup"] if data else [])


def _volumes(
    graph: RegionGraph, wanted: bool | None, progress: bool | Progress
) -> RegionVolumes | None:
    if wanted is None:
        each = PER_VOLUME.get(graph.compiled.dim, float("inf"))
        wanted = each * len(graph) <= VOLUME_SECONDS and not graph.unbounded.any()
    if not wanted:
        return None
    if graph.unbounded.any():
        raise DomainError("an unbounded domain has no volumes")
    return region_volumes(graph, progress=progress)
