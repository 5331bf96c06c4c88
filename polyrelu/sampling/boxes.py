"""How many regions there are, from the regions of small boxes: before one counts them all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from itertools import combinations
from math import sqrt

import numpy as np
import numpy.typing as npt

from ..domain import Box, Domain, Slice
from ..enumeration import count_regions, resolve_domain
from ..errors import DomainError
from ..limits import Limits
from ..network import Array, Network
from ..progress import Progress, reporter
from .sample import positive
from .uniform import generator

FEW_REGIONS = 20_000
MOST_PIECES = 1 << 40  # beyond, offsets are lost in roundings
TRIED = 9  # boxes, to find out how large they should be


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
        return (f"CountEstimate({self.estimate:,.0f} +- {self.standard_error:,.0f} regions, from "
                f"{len(self.values)} boxes of {self.cells:,})")  # fmt: skip


def estimate_count(
    network: Network,
    domain: Domain | Slice | None = None,
    *,
    pieces: int | None = None,
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
            Default the least power of two with which most boxes have at most 20,000 regions.
        boxes: how many to draw, with repetition.
        progress: counts boxes.

    Raises:
        DomainError: a domain that is no box, or is flat; a number that is not positive.
        KeyboardInterrupt: Ctrl-C before the first box was counted; later ones end the drawing.
    """
    _, network, box = resolve_domain(network, domain)
    if not isinstance(box, Box):
        raise DomainError(f"the domain must be a Box, or a Slice with one, not {box!r}")
    if (box.low == box.high).any():
        raise DomainError("the box must be full-dimensional: a side has length 0")
    network, box = seen_from_its_corner(network, box)
    n, rng = positive("boxes", boxes), generator(seed)
    if pieces is None:
        pieces = least_pieces(network, box, generator(seed, 1))
    if positive("pieces", pieces) > MOST_PIECES:
        raise DomainError(f"pieces must be at most {MOST_PIECES:,}, not {pieces}")
    tell = reporter(progress, "boxes")
    began, counted, complete = time.perf_counter(), 0, True
    values: list[int] = []
    try:
        while len(values) < n and complete:
            place, low, high = drawn(box, pieces, rng)
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


def drawn(
    box: Box, pieces: int, rng: np.random.Generator
) -> tuple[npt.NDArray[np.int64], Array, Array]:
    """A box of a grid with random offsets: its place in the grid, and its ends."""
    place = rng.integers(pieces + 1, size=box.dim)
    last = place + rng.uniform(size=box.dim)
    first, last = np.clip([last - 1, last], 0, pieces) / pieces
    return place, between(box, first), between(box, last)


def least_pieces(network: Network, box: Box, rng: np.random.Generator) -> int:
    """A power of two: boxes are drawn until most have few regions."""
    pieces, few = 1, Limits(regions=FEW_REGIONS)
    while True:
        ends = [drawn(box, pieces, rng)[1:] for _ in range(TRIED)]
        found = [count_regions(network, Box(*pair), limits=few) for pair in ends]
        if any(each.stopped_by == "interrupt" for each in found):
            raise KeyboardInterrupt
        if 2 * sum(each.complete for each in found) > TRIED:
            return pieces
        pieces *= 2


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
