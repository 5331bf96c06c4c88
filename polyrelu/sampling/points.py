"""Sampling by points: uniform, Gaussian, from data and their mixtures, and grids."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..domain import Box, Domain, Slice
from ..enumeration import resolve_domain
from ..errors import DomainError, NetworkError, PointsError
from ..limits import Limits
from ..network import Array, Network, finite_array
from ..progress import Progress
from .sample import Collector, Sample, positive
from .uniform import (
    Uniform,
    between,
    bounding_box,
    float_rows,
    full_dimensional,
    generator,
    inside,
)

JITTER = 0.05  # of the domain's sides
TRIES = 1_000_000  # points in a row that all lie outside of the domain: then it is given up


def uniform_points(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of points drawn uniformly from a bounded domain: the commonest way to count.

    A region is found with the probability of its share of the volume: see
    :func:`polyrelu.sampling.expected_regions`.

    Args:
        domain: a bounded one (of a Slice: its coordinates); default the network's input box.
        budget: forward passes.

    Raises:
        DomainError: the domain is unbounded, or does not fit the network.

    In a polytope points of its bounding box are rejected, or, if too many are, a walk by hit and
    run is made, whose points are not independent. Only accepted points cost a forward pass.
    """
    collector = Collector(network, domain, budget, limits, progress)
    source = Uniform(collector.domain, generator(seed))
    collector.run(source.draw)
    return collector.sample("uniform", seed=seed, independent=source.independent)


def gaussian_points(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    mean: npt.ArrayLike | None = None,
    scale: npt.ArrayLike | None = None,
    budget: int = 100_000,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of Gaussian points, independent in each coordinate; those outside of the domain
    are drawn again and cost nothing.

    Args:
        mean, scale: numbers, or of shape (dim,); default 0 and 1, on a bounded domain its middle
            and a quarter of its sides.

    Raises:
        DomainError: a flat polytope; a mean or scale of another shape, a scale that is not
            positive; hardly any point falls into the domain.
    """
    collector = Collector(network, domain, budget, limits, progress)
    if not isinstance(collector.domain, Box):
        full_dimensional(collector.domain)
    middle, spread = _gaussian(collector.domain, mean, scale)
    rng, rows = generator(seed), float_rows(collector.domain)

    def draw(n: int) -> Array:
        for _ in range(1 + TRIES // n):
            x: Array = middle + spread * rng.normal(size=(n, len(middle)))
            x = x[inside(rows, x)]
            if len(x):
                break
        return x

    collector.run(draw)
    if not collector.passes:
        raise DomainError("none of a million Gaussian points falls into the domain: give mean and "
                          "scale")  # fmt: skip
    return collector.sample("gaussian", seed=seed)


def _gaussian(
    domain: Domain, mean: npt.ArrayLike | None, scale: npt.ArrayLike | None
) -> tuple[Array, Array]:
    low, high = bounding_box(domain)
    bounded = np.isfinite(low) & np.isfinite(high)
    low, high = np.where(bounded, low, -2.0), np.where(bounded, high, 2.0)  # 0 and 1 there
    middle, spread = low / 2 + high / 2, high / 4 - low / 4
    if mean is not None:
        middle = _vector("mean", mean, domain.dim)
    if scale is not None:
        spread = _vector("scale", scale, domain.dim)
        if not (spread > 0).all():
            raise DomainError("scale must be positive")
    return middle, spread


def _vector(name: str, value: npt.ArrayLike, dim: int) -> Array:
    try:
        return finite_array(name, np.broadcast_to(np.asarray(value), (dim,)), 1)
    except (NetworkError, ValueError) as error:
        raise DomainError(f"{name} must be a number or have shape ({dim},) ({error})") from None


def data_points(
    network: Network,
    data: npt.ArrayLike,
    domain: Domain | Slice | None = None,
    *,
    jitter: float | None = None,
    mixup: float | None = None,
    budget: int | None = None,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of a data set, and of points near or between its points.

    First come the points of the data, in their order. Then, until the budget is used up, points
    that are drawn from them: Gaussian jitter around one, or convex mixtures of two (mixup: Zhang,
    Cisse, Dauphin, Lopez-Paz, ICLR 2018). Those outside of the domain are left out.

    Args:
        data: shape (n, dim).
        jitter: the standard deviation; default, if there is no mixup, 0.05 of the domain's sides
            (of the data's, where it is unbounded).
        mixup: alpha > 0 of the Beta(alpha, alpha) distribution of the weight; 1 is uniform.
        budget: forward passes; default those of the data alone.

    Raises:
        PointsError: no data in the domain, of another dimension, not finite.
        DomainError: jitter and mixup together; a negative one.
    """
    where = resolve_domain(network, domain)[2]
    rows = float_rows(where)
    points = _data_within(data, where, rows)
    budget = len(points) if budget is None else budget
    collector = Collector(network, domain, budget, limits, progress)
    near = _Near(points, collector.domain, jitter, mixup, generator(seed))
    given = iter(np.array_split(points, -(-len(points) // 4096)))

    def draw(n: int) -> Array:
        part = next(given, None)
        if part is not None:
            return part[:n]
        for _ in range(1 + TRIES // n):
            x = near.draw(n)
            x = x[inside(rows, x)]
            if len(x):
                break
        return x

    collector.run(draw)
    drawn = collector.passes > len(points)
    return collector.sample(near.name if drawn else "data", seed=seed if drawn else None,
                            independent=False)  # fmt: skip


def _data_within(data: npt.ArrayLike, domain: Domain, rows: Array) -> Array:
    """The points, checked, that lie in the domain."""
    try:
        points = finite_array("data", data, 2)
    except NetworkError as error:
        raise PointsError(str(error)) from None
    if 0 in points.shape:
        raise PointsError(f"data must have points, not shape {points.shape}")
    if points.shape[1] != domain.dim:
        raise PointsError(f"data must have {domain.dim} coordinates, not {points.shape[1]}")
    points = points[inside(rows, points)]
    if not len(points):
        raise PointsError("no point of the data lies in the domain")
    return points


class _Near:
    """Points near or between those of a data set."""

    def __init__(
        self,
        data: Array,
        domain: Domain,
        jitter: float | None,
        mixup: float | None,
        rng: np.random.Generator,
    ) -> None:
        if jitter is not None and mixup is not None:
            raise DomainError("jitter and mixup do not go together")
        for name, value in (("jitter", jitter), ("mixup", mixup)):
            if value is not None and not 0 < value < np.inf:
                raise DomainError(f"{name} must be a positive number, not {value!r}")
        self.name = "jitter" if mixup is None else "mixup"
        self._data, self._mixup, self._rng = data, mixup, rng
        low, high = bounding_box(domain)
        sides = np.where(np.isfinite(high - low), high - low, np.ptp(data, axis=0))
        self._spread: Any = JITTER * sides if jitter is None else jitter

    def draw(self, n: int) -> Array:
        first: Array = self._data[self._rng.integers(len(self._data), size=n)]
        if self._mixup is None:
            near: Array = first + self._spread * self._rng.normal(size=first.shape)
            return near
        other = self._data[self._rng.integers(len(self._data), size=n)]
        weight = self._rng.beta(self._mixup, self._mixup, size=(n, 1))
        mixed: Array = weight * first + (1 - weight) * other
        return mixed


def grid_points(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of a regular grid: the middles of the cells of the finest one that the budget
    allows, equally many along each coordinate of a box.

    Args:
        seed: of the order in which the grid's points are visited, so that the first of them are
            spread over the box.

    Raises:
        DomainError: the domain is not a Box.
    """
    collector = Collector(network, domain, budget, limits, progress)
    box = collector.domain
    if not isinstance(box, Box):
        raise DomainError(f"a grid needs a Box, not {box!r}")
    wide = np.flatnonzero(box.low < box.high)
    side = _side(positive("budget", budget), len(wide))
    order = generator(seed).permutation(side ** len(wide))
    done = 0

    def draw(n: int) -> Array:
        nonlocal done
        chosen = order[done : done + n]
        done += len(chosen)
        share = np.full((len(chosen), box.dim), 0.5)
        for axis in wide:
            chosen, k = np.divmod(chosen, side)
            share[:, axis] = (k + 0.5) / side
        return between(box, share)

    collector.run(draw)
    return collector.sample("grid", seed=seed, independent=False, details={"side": side})


def _side(budget: int, dim: int) -> int:
    """The greatest s with s**dim <= budget; 1 without dimensions."""
    side = 1
    while dim and (side + 1) ** dim <= budget:
        side += 1
    return side
