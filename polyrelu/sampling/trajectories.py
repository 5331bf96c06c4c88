"""Transitions of the activation pattern along trajectories (Raghu et al., ICML 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi

import numpy as np
import numpy.typing as npt

from ..domain import Domain, Slice
from ..errors import DomainError, NetworkError
from ..forward import Forward
from ..limits import Limits
from ..network import Array, Network, finite_array
from ..progress import Progress
from ..queries.path import ActivationPath, activation_path
from .sample import Collector, Sample, positive
from .uniform import Uniform, float_rows, generator, inside

TRIES = 100  # arcs in a row that all leave the domain, as rounding may of a flat one


@dataclass(frozen=True, eq=False)
class Trajectory:
    """What sampling sees along a polyline.

    Attributes:
        network: the network.
        corners: shape (k, input_dim): what it joins; a curve is a polyline of many.
        samples: how many points were looked at, by a forward pass each.
        transitions: how many successive ones had different patterns.
        flips: how many bits differed in all.
        lengths: of the image after 0, 1, ... layers, by the samples as corners: lower bounds.
    """

    network: Network
    corners: Array
    samples: int
    transitions: int
    flips: int
    lengths: tuple[float, ...]

    @property
    def density(self) -> float:
        """Transitions per length of the trajectory in the input space."""
        return self.transitions / self.lengths[0] if self.lengths[0] else 0.0

    @property
    def growth(self) -> tuple[float, ...]:
        """By what factor each layer lengthens the image (nan if it was a point before)."""
        pairs = zip(self.lengths[1:], self.lengths, strict=False)
        return tuple(b / a if a else float("nan") for b, a in pairs)

    def exact(self) -> ActivationPath:
        """The exact walk along the same polyline: ``len(trajectory.exact()) - 1`` transitions."""
        return activation_path(self.network, self.corners)

    def __repr__(self) -> str:
        return (f"Trajectory({self.transitions} transitions seen by {self.samples} samples, "
                f"{self.density:.4g} per length)")  # fmt: skip


def trajectory(network: Network, corners: npt.ArrayLike, *, samples: int = 1000) -> Trajectory:
    """Count transitions between points that are equally spaced in time along a polyline: each of
    its segments takes the same time.

    Args:
        corners: shape (k, input_dim), k >= 2.
        samples: ends included, at least 2.

    Raises:
        DomainError: wrong shapes, NaN, infinity, too few samples.

    Transitions that flip there and back between two samples are missed: it is never above the exact
    number but for rounding.
    """
    try:
        table = finite_array("corners", corners, 2)
    except NetworkError as error:
        raise DomainError(str(error)) from None
    if len(table) < 2 or table.shape[1] != network.input_dim:
        raise DomainError(
            f"corners must have shape (k, {network.input_dim}), k >= 2, not {table.shape}"
        )
    count = positive("samples", samples, 2)
    x = _points(table, np.linspace(0, len(table) - 1, count))
    bits = Forward(network).bits(x)
    changed = bits[1:] != bits[:-1]
    lengths = tuple(float(np.linalg.norm(np.diff(h, axis=0), axis=1).sum())
                    for h in _images(network, x))  # fmt: skip
    return Trajectory(network, table, count, int(changed.any(axis=1).sum()), int(changed.sum()),
                      lengths)  # fmt: skip


def _points(corners: Array, times: Array) -> Array:
    """At times from 0 to len(corners) - 1."""
    k = np.minimum(times.astype(np.int64), len(corners) - 2)
    share = (times - k)[:, None]
    found: Array = corners[k] * (1 - share) + corners[k + 1] * share
    return found


def _images(network: Network, x: Array) -> list[Array]:
    """The points, and their images after each layer."""
    images = [x]
    for layer in network.layers:
        images.append(layer(images[-1]))
    return images


def arc(x: npt.ArrayLike, y: npt.ArrayLike, *, centre: npt.ArrayLike = 0.0, corners: int = 257,
        turns: float = 0.25) -> Array:  # fmt: skip
    """Corners of Raghu's circular trajectory from x towards y, shape (corners, dim):
    ``centre + cos(2 pi t) (x - centre) + sin(2 pi t) (y - centre)`` for t from 0 to ``turns``.
    """
    first, second, middle = (np.asarray(v, dtype=np.float64) for v in (x, y, centre))
    angle = 2 * pi * np.linspace(0, turns, positive("corners", corners, 2))[:, None]
    found: Array = middle + np.cos(angle) * (first - middle) + np.sin(angle) * (second - middle)
    return found


def random_trajectories(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    budget: int = 100_000,
    samples: int = 1000,
    seed: int = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> Sample:
    """The patterns along circular arcs between uniform points of a bounded domain, around the mean
    of some of them; parts outside of the domain are left out.

    Args:
        samples: points of each arc, at least 2.

    Raises:
        DomainError: an unbounded domain.
    """
    collector = Collector(network, domain, budget, limits, progress)
    count = positive("samples", samples, 2)
    source, rows = Uniform(collector.domain, generator(seed)), float_rows(collector.domain)
    centre = source.take(1000).mean(axis=0)

    def draw(n: int) -> Array:
        for _ in range(TRIES):
            x, y = source.take(2)
            points = arc(x, y, centre=centre, corners=count)
            points = points[inside(rows, points)][:n]
            if len(points):
                break
        return points

    collector.run(draw)
    return collector.sample("trajectories", seed=seed, independent=False)
