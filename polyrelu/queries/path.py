"""The activation patterns along a segment, a polyline or a closed path, exactly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from ..activations import exact
from ..engine.path import Trace, Tracer
from ..errors import DomainError, NetworkError
from ..network import Array, FieldsOnly, Layer, Network, finite_array
from ..notebook import InNotebook
from ..rational import ExactPoint
from .folding import Folding, counted_bits
from .where import as_network

Ints = npt.NDArray[np.int64]
Corner = tuple[float | Fraction, ...]
Points = Sequence[Sequence[float | Fraction]] | npt.ArrayLike
Source = tuple[int, Trace | None, int]  # a segment, and the number of a point on it


@dataclass(frozen=True)
class SubPath:
    """A part of a path.

    Attributes:
        first, last: its pieces, the last one included.
        folding: of the part.
    """

    first: int
    last: int
    folding: Folding


@dataclass(frozen=True, eq=False)
class ActivationPath(FieldsOnly, InNotebook):
    """The patterns on the open pieces of a path, in order. Made by :func:`activation_path`.

    Between pieces i and i + 1 lies point i, where the thresholds
    ``flips[indptr[i]:indptr[i + 1]]`` flip: those that are crossed together make one step. Points
    are numbered along the path by a time u: corner k has u = k, and u = k + t is
    ``corner k + t (corner k+1 - corner k)``.

    Attributes:
        network: the network.
        corners: the points that the path joins by segments.
        initial: shape (thresholds,): the pattern of the first piece.
        indptr: shape (pieces,).
        flips: indices into ``network.thresholds``.
        times: shape (pieces - 1,): u of each point, in float64.
        time_errors: shape (pieces - 1,): a bound on how far that is off; see :meth:`exact_time`.
        rational: how many points and orders float64 left open.
    """

    network: Network
    corners: tuple[Corner, ...]
    initial: npt.NDArray[np.uint8]
    indptr: Ints
    flips: Ints
    times: Array
    time_errors: Array
    rational: int

    def __len__(self) -> int:
        """The number of pieces."""
        return len(self.indptr)

    def __repr__(self) -> str:
        return f"ActivationPath({len(self)} pieces, folding {self.folding()})"

    # -- pieces ------------------------------------------------------------------------------

    @property
    def patterns(self) -> npt.NDArray[np.uint8]:
        """Shape (pieces, thresholds), entries 0 and 1; made anew at each call."""
        change = np.zeros((len(self), len(self.initial)), dtype=np.uint8)
        change[0] = self.initial
        change[self._point_of_flip + 1, self.flips] = 1
        return np.bitwise_xor.accumulate(change, axis=0)

    def flips_at(self, point: int) -> Ints:
        """The thresholds that flip at a point, increasing."""
        return self.flips[self.indptr[point] : self.indptr[point + 1]]

    @cached_property
    def _point_of_flip(self) -> Ints:
        return np.repeat(np.arange(len(self) - 1), np.diff(self.indptr))

    def piece_at(self, times: npt.ArrayLike) -> Ints:
        """The pieces at times u, by the rounded times of the points."""
        return np.searchsorted(self.times, np.asarray(times, dtype=np.float64), side="right")

    def exact_time(self, point: int) -> Fraction:
        """The time of a point, exactly."""
        segment, trace, number = self._sources[point]
        return Fraction(segment) if trace is None else segment + trace.exact_time(number)

    @cached_property
    def _sources(self) -> list[Source]:
        """Traced again when exact times are asked for: what they need is large."""
        return [source for *_, source in _steps(_traces(Tracer(self.network), self.corners))]

    def exact_point(self, point: int) -> ExactPoint:
        """Where it is, in input coordinates, exactly."""
        u = self.exact_time(point)
        k = min(int(u), len(self.corners) - 2)
        ends = zip(self.corners[k], self.corners[k + 1], strict=True)
        return tuple(Fraction(a) + (u - k) * (Fraction(b) - Fraction(a)) for a, b in ends)

    # -- folding -----------------------------------------------------------------------------

    def folding(self, layers: Sequence[int] | None = None) -> Folding:
        """r1, r2 and chi.

        Args:
            layers: count only the bits of these layers.
        """
        flips, points = self._counted(layers)
        distance = _distances(_away(flips), points, len(self))
        return Folding(int(distance.max()), len(flips))

    def _counted(self, layers: Sequence[int] | None) -> tuple[Ints, Ints]:
        if layers is None:
            return self.flips, self._point_of_flip
        kept = counted_bits(self.network, layers)[self.flips]
        return self.flips[kept], self._point_of_flip[kept]

    @property
    def distances(self) -> Ints:
        """Shape (pieces,): the Hamming distance of each pattern from the first."""
        return _distances(_away(self.flips), self._point_of_flip, len(self))

    @property
    def folded(self) -> npt.NDArray[np.bool_]:
        """Shape (pieces,): which patterns are nearer to the first than an earlier one was."""
        distance = self.distances
        return distance < np.maximum.accumulate(distance)

    @property
    def returns(self) -> tuple[tuple[int, Ints], ...]:
        """Every point where thresholds flip back to what they are on the first piece, and which."""
        back = ~_away(self.flips)
        points, flips = self._point_of_flip[back], self.flips[back]
        return tuple((int(p), flips[points == p]) for p in np.unique(points))

    def greatest_folding(self) -> SubPath:
        """The part of the path with the greatest chi, in the direction of the path; of several the
        first, then the shortest.

        The cost is pieces times flips: 40 ms for 2,000 pieces. chi depends on the direction: see
        :meth:`reversed`.
        """
        best = SubPath(0, 0, Folding(0, 0))
        rank = _rank(self.flips)
        seen = np.zeros(len(self.initial), dtype=np.int64)
        for first in range(len(self) - 1):
            start = int(self.indptr[first])
            flips = self.flips[start:]
            away = (rank[start:] - seen[flips]) % 2 == 0
            distance = _distances(away, self._point_of_flip[start:] - first, len(self) - first)
            reach = np.maximum.accumulate(distance)[1:]
            length = self.indptr[first + 1 :] - start
            k = int(np.argmin(reach / length))
            found = Folding(int(reach[k]), int(length[k]))
            if found.chi > best.folding.chi:
                best = SubPath(first, first + k + 1, found)
            seen[self.flips_at(first)] += 1
        return best

    def reversed(self) -> ActivationPath:
        """The same path, walked from its end to its beginning."""
        total = len(self.corners) - 1
        lengths = np.diff(self.indptr)[::-1]
        order = np.argsort(-self._point_of_flip, kind="stable")
        return ActivationPath(
            self.network, self.corners[::-1], self.patterns[-1],
            np.concatenate([[0], np.cumsum(lengths)]), self.flips[order], total - self.times[::-1],
            self.time_errors[::-1] + 2.0**-50 * total, self.rational,
        )  # fmt: skip


def _rank(flips: Ints) -> Ints:
    """How often each threshold flipped before."""
    order = np.argsort(flips, kind="stable")
    ordered = flips[order]
    new = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]])[: len(ordered)])
    rank = np.empty(len(flips), dtype=np.int64)
    rank[order] = np.arange(len(flips)) - np.repeat(new, np.diff([*new, len(flips)]))
    return rank


def _away(flips: Ints) -> npt.NDArray[np.bool_]:
    """Which flips lead away from the first pattern: each threshold's first, third, ..."""
    away: npt.NDArray[np.bool_] = _rank(flips) % 2 == 0
    return away


def _distances(away: npt.NDArray[np.bool_], points: Ints, pieces: int) -> Ints:
    steps = np.bincount(points + 1, weights=np.where(away, 1.0, -1.0), minlength=pieces)
    return np.cumsum(steps).astype(np.int64)


def activation_path(
    network: Layer | Network, points: Points, *, closed: bool = False
) -> ActivationPath:
    """The exact sequence of activation patterns along the segments that join points.

    Patterns are those of open pieces; thresholds that are crossed at one point are one step. A
    corner on a wall is a step if the patterns before and after differ. Equal successive points
    count once; a path of one point alone has its pattern there. The network's input box does not
    matter.

    Args:
        network: with any number of inputs; convolutions are the matrices that they are.
        points: shape (k, input_dim), k >= 2, float64, or rows of fractions.
        closed: go back to the first point in the end. The return from the last pattern to the first
            is not counted as a step.

    Raises:
        DomainError: wrong shapes, NaN, infinity, fewer than two points.

    The cost is two products of each weight matrix with as many columns as there are pieces (several
    hundred pieces of 784-256-256-10: milliseconds) and rational arithmetic where float64 cannot
    tell. Lewandowski et al., TMLR 2025 (patterns on a straight path).
    """
    net = as_network(network)
    return traced(Tracer(net), path_corners(points, net.input_dim, closed))


def path_corners(points: Points, dim: int, closed: bool) -> tuple[Corner, ...]:
    """The points, checked; equal neighbours once."""
    rows = list(points) if isinstance(points, Sequence) else points
    if isinstance(rows, list) and any(
        isinstance(v, Fraction) for row in rows if isinstance(row, Sequence) for v in row
    ):
        corners = [_exact_row(row) for row in rows]
    else:
        try:
            corners = [tuple(row) for row in finite_array("points", rows, 2).tolist()]
        except NetworkError as error:
            raise DomainError(str(error)) from None
    if len(corners) < 2:
        raise DomainError(f"a path joins two or more points, not {len(corners)}")
    wrong = next((row for row in corners if len(row) != dim), None)
    if wrong is not None:
        raise DomainError(f"points must have {dim} coordinates each, not {len(wrong)}")
    if closed:
        corners.append(corners[0])
    kept = [corners[0], *(b for a, b in pairwise(corners) if a != b)]
    return tuple(kept if len(kept) > 1 else 2 * kept)


def _exact_row(row: Any) -> tuple[Fraction, ...]:
    try:
        return tuple(exact(v) for v in row)
    except (TypeError, ValueError, OverflowError) as error:
        raise DomainError(f"points must be finite numbers ({error})") from None


def traced(tracer: Tracer, corners: Sequence[Corner]) -> ActivationPath:
    """The path through corners."""
    traces = _traces(tracer, corners)
    steps = list(_steps(traces))
    counts = [len(flips) for flips, *_ in steps]
    return ActivationPath(
        tracer.network, tuple(corners), traces[0].initial, np.cumsum([0, *counts]),
        np.concatenate([np.empty(0, dtype=np.int64), *(flips for flips, *_ in steps)]),
        np.array([time for _, time, _, _ in steps], dtype=np.float64),
        np.array([off for _, _, off, _ in steps], dtype=np.float64),
        sum(t.rational_points + t.rational_orders for t in traces),
    )  # fmt: skip


def _traces(tracer: Tracer, corners: Sequence[Corner]) -> list[Trace]:
    return [tracer.trace(a, b) for a, b in pairwise(corners)]


def _steps(traces: Sequence[Trace]) -> Iterator[tuple[Ints, float, float, Source]]:
    """Of each point: what flips, its time and that one's error, and who knows it exactly."""
    last = traces[0].initial
    for k, trace in enumerate(traces):
        corner = np.flatnonzero(last != trace.initial)
        if len(corner):
            yield corner, float(k), 0.0, (k, None, 0)
        last = trace.initial.copy()
        for i, (time, off) in enumerate(zip(trace.times, trace.time_errors, strict=True)):
            flips = trace.flips[trace.indptr[i] : trace.indptr[i + 1]]
            last[flips] ^= 1
            yield flips, k + float(time), float(off) + 2.0**-52 * k, (k, trace, i)
