"""How many regions there are, from the regions of small boxes: before one counts them all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np

from ..domain import Box, Domain, Slice
from ..enumeration import count_regions, resolve_domain
from ..errors import DomainError
from ..network import Array, Network
from ..progress import Progress, reporter
from .sample import positive
from .uniform import full_dimensional, generator


@dataclass(frozen=True, eq=False)
class CountEstimate:
    """An unbiased estimate of a number of regions.

    Attributes:
        values: shape (boxes,): how many regions each box was charged with.
        cells: of how many the grid consists that the boxes were drawn from.
        counted: how many regions the boxes and their sides have, which took the time.
        seconds: wall time.
        complete: False if Ctrl-C ended it: boxes with many regions are then missing more often.
    """

    values: Array
    cells: int
    counted: int
    seconds: float
    complete: bool

    @property
    def estimate(self) -> float:
        return float(self.values.mean()) * self.cells

    @property
    def standard_error(self) -> float:
        """From how the boxes differ; nan for one. Too small if few boxes have most regions and
        none of these was drawn."""
        n = len(self.values)
        return float(self.values.std(ddof=1)) / sqrt(n) * self.cells if n > 1 else float("nan")

    def __repr__(self) -> str:
        return (f"CountEstimate({self.estimate:.3g} +- {self.standard_error:.2g} regions, from "
                f"{len(self.values)} boxes of {self.cells})")  # fmt: skip


def estimate_count(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    pieces: int = 8,
    boxes: int = 200,
    seed: int = 0,
    progress: bool | Progress = False,
) -> CountEstimate:
    """About how many regions a network has in a box, from those of some of its parts.

    A grid with random offsets cuts each side in ``pieces`` and a rest; boxes of it are drawn and
    enumerated exactly. A region that reaches into several counts once: a box is charged with its
    own regions, less those that meet a lower side of it, plus those that meet two, and so on. That
    is the Euler characteristic of a region's part of the half-open box, summed over regions; over
    all boxes it adds up to that of the region, which is 1, as it is convex. So the estimate is
    unbiased, and only few parts need be small enough to be counted.

    Args:
        domain: a :class:`polyrelu.Box`, or a Slice with one; default the network's own.
        pieces: more make smaller boxes, which are quicker, differ more, and have more in common.
        boxes: how many to draw, with repetition.
        progress: counts boxes.

    Raises:
        DomainError: a domain that is no box, or is flat; a number that is not positive.
        KeyboardInterrupt: Ctrl-C before the first box was counted; later ones end the drawing.
    """
    _, network, box = resolve_domain(network, domain)
    if not isinstance(box, Box):
        raise DomainError(f"the domain must be a Box, or a Slice with one, not {box!r}")
    full_dimensional(box)
    network, box = seen_from_its_corner(network, box)
    n, pieces, rng = positive("boxes", boxes), positive("pieces", pieces), generator(seed)
    tell = reporter(progress, "boxes")
    began, counted, complete = time.perf_counter(), 0, True
    values: list[int] = []
    try:
        while len(values) < n and complete:
            place = rng.integers(pieces + 1, size=box.dim)
            last = place + rng.uniform(size=box.dim)
            low, high = between(box, np.clip(np.stack([last - 1, last]) / pieces, 0.0, 1.0))
            value, met, complete = begun_in(network, low, high, np.flatnonzero(place).tolist())
            counted += met
            if complete:
                values.append(value)
            if tell is not None:
                tell(len(values), time.perf_counter() - began)
    except KeyboardInterrupt:
        complete = False
    if not values:
        raise KeyboardInterrupt
    cells = (pieces + 1) ** box.dim
    seconds = time.perf_counter() - began
    return CountEstimate(np.array(values, dtype=np.float64), cells, counted, seconds, complete)


def seen_from_its_corner(network: Network, box: Box) -> tuple[Network, Box]:
    """The same with the origin moved along sides that are far from it, where float64 are so sparse
    that a side of a random piece may lie in a wall: regions of such a side are none of the box's.
    """
    low, high = box.low, box.high
    with np.errstate(over="ignore"):
        is_far = ((low > 0) & (high <= 2 * low)) | ((high < 0) & (low >= 2 * high))
    if not is_far.any():
        return network, box
    corner = np.where(is_far, low, 0.0)  # the differences are exact (Sterbenz)
    moved = Box(low - corner, high - corner)
    return Slice(corner, np.eye(box.dim), moved).restrict(network), moved


def between(box: Box, at: Array) -> Array:
    """Points between the lower (0) and the upper (1) ends of the sides, in order however they
    are rounded: a grid's pieces must not overlap."""
    half = box.high / 2 - box.low / 2  # of which none overflows
    points = np.clip(box.low + half * at + half * at, box.low, box.high)
    return np.where(at == 1, box.high, points)


def begun_in(
    network: Network, low: Array, high: Array, open_axes: list[int]
) -> tuple[int, int, bool]:
    """The regions of a box without its lower sides along some axes, each by the Euler
    characteristic of its part; how many were counted for that, and whether none was missed."""
    value = counted = 0
    for k in range(len(open_axes) + 1):
        for axes in combinations(open_axes, k):
            top = high.copy()
            top[list(axes)] = low[list(axes)]
            found = count_regions(network, Box(low, top))
            if not found.complete:
                return value, counted, False
            value += (-1) ** k * found.count
            counted += found.count
    return value, counted, True
