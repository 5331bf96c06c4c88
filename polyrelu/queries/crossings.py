"""Where the decision changes along a segment."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy.typing as npt

from ..domain import segment
from ..enumeration import regions
from ..errors import DomainError, IncompleteError, NetworkError
from ..graph import RegionGraph
from ..limits import Limits
from ..network import Layer, Network, finite_array
from ..progress import Progress
from ..rational import ExactPoint
from .robustness import exact_level
from .where import as_network, stopped

Line = tuple[Fraction, Fraction]  # slope and constant
Piece = tuple[Fraction, Fraction, frozenset[int]]  # from, to, and which classes are best between


@dataclass(frozen=True)
class Crossing:
    """A maximal part of a segment on which two decisions are equally good at every point.

    Attributes:
        start, end: parameters t in [0, 1], from x to y; they are equal but where decisions tie on
            an interval.
        start_point, end_point: the points there, exactly.
        before, after: the decision just before and just after; None at an end of the segment.
        classes: the decisions that are best somewhere on it.
    """

    start: Fraction
    end: Fraction
    start_point: ExactPoint
    end_point: ExactPoint
    before: int | None
    after: int | None
    classes: tuple[int, ...]

    @property
    def touches(self) -> bool:
        """Whether the decision is the same before and after."""
        return self.before is not None and self.before == self.after


def boundary_crossings(
    network: Layer | Network,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    level: float | Fraction = 0,
    limits: Limits | None = None,
    progress: bool | Progress = False,
) -> tuple[Crossing, ...]:
    """The pieces of the decision boundary on the segment from x to y, exactly and in order.

    Decisions are the classes, of which the greatest output is best; with one output 1 above the
    level and 0 below.

    Args:
        x, y: shape (input_dim,), two different points; the network's input box does not matter.
        level: of a network with one output.

    Raises:
        DomainError: wrong shapes, NaN, infinity; x equals y.
        IncompleteError: a limit was reached.
        NetworkError: a level for several outputs.

    The cost is that of the regions on the segment (some hundred for hundreds of neurons), 0.2 ms
    each in few dimensions, milliseconds for hundreds of inputs.
    """
    net, number = as_network(network), exact_level(level)
    if net.output_dim > 1 and number != 0:
        raise NetworkError(f"a level is for one output, but there are {net.output_dim}")
    ends = [_end(name, value, net.input_dim) for name, value in (("x", x), ("y", y))]
    graph = regions(net, segment(*ends), limits=limits, progress=progress)
    if not graph.complete:
        raise IncompleteError(f"the crossings need the whole segment, but {stopped(graph)}")
    pieces: list[Piece] = []
    ties: dict[Fraction, frozenset[int]] = {}
    for left, right, lines in _parts(graph, number):
        for t in (left, right):
            ties[t] = ties.get(t, frozenset()) | _best(lines, t)
        for piece in _upper_envelope(lines, left, right):
            ties[piece[0]] = ties.get(piece[0], frozenset()) | _best(lines, piece[0])
            pieces.append(piece)
    start, end = ([Fraction(v) for v in p] for p in ends)
    return tuple(_crossings(pieces, ties, start, end))


def _end(name: str, value: npt.ArrayLike, dim: int) -> list[float]:
    try:
        point: list[float] = finite_array(name, value, 1).tolist()
    except NetworkError as error:
        raise DomainError(str(error)) from None
    if len(point) != dim:
        raise DomainError(f"{name} must have shape ({dim},), not ({len(point)},)")
    return point


def _parts(
    graph: RegionGraph, level: Fraction
) -> Iterator[tuple[Fraction, Fraction, dict[int, Line]]]:
    """The regions in order: from, to, and each class's output as a function of t."""
    found = []
    for region in graph:
        left, right = sorted(t for (t,) in region.exact_vertices())
        slopes, constants = region.exact_affine_map
        outputs = [(a, c) for (a,), c in zip(slopes, constants, strict=True)]
        if len(outputs) == 1:
            outputs = [(Fraction(0), level), *outputs]
        found.append((left, right, dict(enumerate(outputs))))
    yield from sorted(found, key=lambda part: part[0])


def _value(line: Line, t: Fraction) -> Fraction:
    return line[0] * t + line[1]


def _best(lines: dict[int, Line], t: Fraction) -> frozenset[int]:
    """The classes that are best at t."""
    top = max(_value(line, t) for line in lines.values())
    return frozenset(k for k, line in lines.items() if _value(line, t) == top)


def _upper_envelope(lines: dict[int, Line], left: Fraction, right: Fraction) -> Iterator[Piece]:
    while left < right:
        best = _best(lines, left)
        slope = max(lines[k][0] for k in best)
        winners = frozenset(k for k in best if lines[k][0] == slope)
        top = _value(lines[next(iter(winners))], left)
        meetings = [left + (top - _value(line, left)) / (line[0] - slope)
                    for line in lines.values() if line[0] > slope]  # fmt: skip
        end = min([*meetings, right])
        yield left, end, winners
        left = end


def _crossings(
    pieces: list[Piece],
    ties: dict[Fraction, frozenset[int]],
    start: Sequence[Fraction],
    end: Sequence[Fraction],
) -> Iterator[Crossing]:
    """Join points and intervals on which decisions tie."""

    def point(t: Fraction) -> ExactPoint:
        return tuple(a + t * (b - a) for a, b in zip(start, end, strict=True))

    def crossing(run: tuple[Fraction, Fraction], after: int | None) -> Crossing:
        first, last = run
        return Crossing(first, last, point(first), point(last), before, after,
                        tuple(sorted(classes)))  # fmt: skip

    before: int | None = None
    run: tuple[Fraction, Fraction] | None = None
    classes: frozenset[int] = frozenset()
    for left, _, winners in pieces:  # where one ends the next begins
        if len(ties[left]) > 1:
            run = (left if run is None else run[0], left)
            classes |= ties[left]
        if len(winners) > 1:
            classes |= winners
            continue
        (winner,) = winners
        if run is not None:
            yield crossing(run, winner)
        before, run, classes = winner, None, frozenset()
    last = pieces[-1][1]
    if len(ties[last]) > 1:
        run = (last if run is None else run[0], last)
        classes |= ties[last]
    if run is not None:
        yield crossing(run, None)
