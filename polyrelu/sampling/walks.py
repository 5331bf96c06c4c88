"""Walks through the input space: inside of regions by hit and run, and across their facets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import DomainError
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress
from ..region import Region
from .sample import Collector, Sample, positive
from .uniform import (
    Uniform,
    bounding_box,
    chord,
    directions,
    float_rows,
    full_dimensional,
    generator,
    hit_and_run,
    inside,
)

OVERSHOOT = 1e-7  # of the domain's diagonal: how far behind a facet a walker looks
WALKERS = 128


def facet_walk(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    start: npt.ArrayLike | None = None,
    inner: int = 1,
    walkers: int = WALKERS,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns of walkers that go from region to region through facets, in float64.

    A walker makes ``inner`` steps of hit and run inside of its region, then follows a random ray
    through the facet that it meets first and looks just behind it. No graph is needed: the forms of
    the region along the ray are a forward pass of their own, so each step costs two.

    Args:
        start: where all walkers begin, shape (dim,); default uniform points, or Gaussian ones if
            the domain is unbounded.
        inner: steps inside of a region before each crossing, at least 0.
        walkers: how many.

    Raises:
        DomainError: start is outside of the domain; a flat domain.
    """
    collector = Collector(network, domain, budget, limits, progress)
    full_dimensional(collector.domain)
    number, inner = positive("walkers", walkers), positive("inner", inner, 0)
    rng, rows = generator(seed), float_rows(collector.domain)
    x = _starts(collector.domain, rows, start, number, rng)
    reach = OVERSHOOT * _diagonal(collector.domain)
    turn = 0

    def step(n: int) -> bool:
        nonlocal x, turn
        if n < 2:
            return False
        x = x[: max(1, n // 2)]
        u = directions(len(x), x.shape[1], rng)
        low, high = _ray(collector, rows, x, u)
        crossing = turn % (inner + 1) == inner
        x = _cross(rows, x, u, high, reach) if crossing else _within(x, u, low, high, rng)
        turn += 1
        return True

    collector.repeat(step)
    return collector.sample("walk", seed=seed, independent=False)


def _starts(
    domain: Domain, rows: Array, start: npt.ArrayLike | None, n: int, rng: np.random.Generator
) -> Array:
    if start is not None:
        x = np.asarray(start, dtype=np.float64)
        if x.shape != (domain.dim,) or not np.isfinite(x).all():
            raise DomainError(f"start must be {domain.dim} finite numbers, not {start!r}")
        if not inside(rows, x[None])[0]:
            raise DomainError("start is outside of the domain")
        return np.tile(x, (n, 1))
    try:
        return Uniform(domain, rng).take(n)
    except DomainError:
        x = rng.normal(size=(n, domain.dim))
        x = x[inside(rows, x)]
        if not len(x):
            raise DomainError("no walker starts inside of the domain: give start") from None
        return x


def _diagonal(domain: Domain) -> float:
    low, high = bounding_box(domain)
    size = float(np.linalg.norm(high - low))
    return size if np.isfinite(size) else 1.0


def _ray(collector: Collector, rows: Array, x: Array, u: Array) -> tuple[Array, Array]:
    """How far the region of each point, cut by the domain, reaches along a line. Each point's
    pattern is kept."""
    bits, slack, speed = collector.forward.along(x, u)
    at = collector.passes + 2 * (1 + np.arange(len(x)))
    collector.keep(np.packbits(bits, axis=1, bitorder="little"), x, at)
    collector.charge(2 * len(x))
    collector.check()
    normals = rows[:, :-1].T
    return chord(np.hstack([slack, x @ normals + rows[:, -1]]), np.hstack([speed, u @ normals]))


def _within(x: Array, u: Array, low: Array, high: Array, rng: np.random.Generator) -> Array:
    """A random point of each chord; of an unbounded one no further than its other end, or 1."""
    size = np.where(np.isfinite(high), high, np.where(np.isfinite(low), -low, 1.0))
    low, high = np.maximum(low, -np.maximum(size, 1.0)), np.minimum(high, np.maximum(size, 1.0))
    t = low + (high - low) * rng.random(len(x))
    moved: Array = x + t[:, None] * u
    return moved


def _cross(rows: Array, x: Array, u: Array, high: Array, reach: float) -> Array:
    """Just behind the facet ahead; who would leave the domain, or meets none, stays."""
    t = np.where(np.isfinite(high), high + reach, 0.0)
    moved = x + t[:, None] * u
    stays = ~inside(rows, moved)
    moved[stays] = x[stays]
    return moved


def region_points(region: Region, count: int, *, steps: int | None = None, seed: int = 0) -> Array:
    """Nearly uniform points inside of one bounded region, by hit and run, shape (count, dim).

    Args:
        steps: of each walker, all of which start from the region's witness; default twenty for
            each dimension. Long regions take more (:mod:`polyrelu.sampling.uniform`).

    Raises:
        DomainError: the region is unbounded, or the domain flat.
    """
    number = positive("count", count)
    if not region.bounded:
        raise DomainError(f"region {region.index} is unbounded: there is no uniform distribution")
    if region.graph.equalities():
        raise DomainError("hit and run needs a full-dimensional domain")
    A, b = region.inequalities()
    steps = 20 * A.shape[1] if steps is None else positive("steps", steps)
    start = np.tile(region.witness, (number, 1))
    return hit_and_run(np.column_stack([-A, b]), start, steps, generator(seed))
