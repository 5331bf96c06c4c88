"""The linear pieces along a segment, layer by layer: float64 with error bounds, rational where
those leave a sign or an order open.

A segment is cut at points in [0, 1]. Between neighbouring points all layers so far are affine, so
pre-activations at the points are all there is to know: a threshold is crossed between two points
iff its signs there are opposite. Signs at points are certified; a zero is proved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from ..network import Array, Network
from .exact_line import ExactLine, Origin
from .path_cuts import Cuts, find_cuts
from .path_values import Coordinate, Ints, LayerTable, Signs, rounded

Table = npt.NDArray[Any]


@dataclass
class Trace:
    """The open pieces of a segment, from its start to its end.

    Attributes:
        initial: shape (thresholds,): the pattern of the first piece.
        indptr, flips: at point i, between pieces i and i + 1, the thresholds
            ``flips[indptr[i]:indptr[i + 1]]`` flip, in increasing order; indptr has one entry for
            each piece.
        times, time_errors: shape (pieces - 1,): the points in [0, 1], rounded, and how far each may
            be off.
        rational_points, rational_orders: how often float64 left a sign or an order open.
    """

    initial: npt.NDArray[np.uint8]
    indptr: Ints
    flips: Ints
    times: Array
    time_errors: Array
    rational_points: int
    rational_orders: int
    line: ExactLine
    origins: list[Origin]

    def exact_time(self, i: int) -> Fraction:
        """Point i, exactly."""
        return self.line.time(self.origins[i + 1])


@dataclass
class _Points:
    """The points of a segment so far and a layer's values there, shape (units, points).

    Attributes:
        times, time_errors: shape (points,): where, rounded, and how far that may be off.
        origins: what vanishes there.
        values, errors: in float64, and how far they may be off.
    """

    times: Array
    time_errors: Array
    origins: list[Origin]
    values: Array
    errors: Array


@dataclass
class _Flips:
    thresholds: list[Ints] = field(default_factory=list)
    points: list[Ints] = field(default_factory=list)

    def add(self, first: int, bits: npt.NDArray[np.bool_]) -> None:
        threshold, piece = np.nonzero(bits[:, 1:] != bits[:, :-1])
        self.thresholds.append(threshold + first)
        self.points.append(piece + 1)

    def renumber(self, new: Ints) -> None:
        self.points = [new[p] for p in self.points]

    def columns(self, pieces: int) -> tuple[Ints, Ints]:
        """``indptr`` and ``flips`` of a :class:`Trace`."""
        points, flips = np.concatenate(self.points), np.concatenate(self.thresholds)
        order = np.lexsort((flips, points))
        counts = np.bincount(points, minlength=pieces + 1)[1:pieces]
        return np.concatenate([[0], np.cumsum(counts)]), flips[order]


class Tracer:
    """Traces segments through one network."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._tables = [LayerTable(layer) for layer in network.layers]

    def trace(self, start: Sequence[Coordinate], end: Sequence[Coordinate]) -> Trace:
        """The activation patterns on the open pieces of the segment from start to end.

        Both have length ``input_dim``. If they are equal, there is one piece: that point.

        The cost is two products of a weight matrix with the points for each layer. Deep networks
        lose bits: error bounds grow some 20-fold a layer of width 200, and a point that they leave
        open costs as much again in integers.
        """
        line = ExactLine(self.network, start, end)
        (x, x_error), (y, y_error) = map(rounded, (start, end))
        values, errors = np.stack([x, y], axis=1), np.stack([x_error, y_error], axis=1)
        ends = np.array([0.0, 1.0])
        points = _Points(ends, 0 * ends, [Origin.start(), Origin.end()], values, errors)
        flips, initial, first = _Flips(), [], 0
        for table in self._tables:
            points, bits, moved = _LayerStep(table, line, points).run()
            flips.renumber(moved)
            flips.add(first, bits)
            initial.append(bits[:, 0])
            first += len(bits)
        indptr, flipped = flips.columns(len(points.times) - 1)
        return Trace(
            np.concatenate(initial).astype(np.uint8), indptr, flipped, points.times[1:-1],
            points.time_errors[1:-1],
            line.rational_points, line.rational_orders, line, points.origins,
        )  # fmt: skip


class _LayerStep:
    """One layer: its pre-activations at the points, new points where signs change, its outputs."""

    def __init__(self, table: LayerTable, line: ExactLine, before: _Points) -> None:
        self.table, self.line, self.before = table, line, before

    def run(self) -> tuple[_Points, npt.NDArray[np.bool_], Ints]:
        """The points after the layer with its outputs; bits on all pieces, shape (thresholds,
        pieces); and the new number of each old point."""
        with np.errstate(all="ignore"):  # what overflows is decided exactly
            table, before = self.table, self.before
            z, error = table.affine(before.values, before.errors)
            signs = self._signs(z, error)
            value, bound = table.shifted(z, error)
            cuts = find_cuts(value, bound, signs, before.times, before.origins, self.line)
            after, signs, bits, moved = self._insert(z, error, signs, cuts)
            table.activate(after.values, after.errors, signs)
        self.line.push(np.repeat(np.arange(len(moved) - 1), np.diff(moved)), bits)
        return after, bits, moved

    def _signs(self, z: Array, error: Array) -> Signs:
        """Of every threshold at every point; ``z`` and ``error`` are mended where these do not
        tell."""
        value, bound = self.table.shifted(z, error)
        signs = np.sign(value).astype(np.int8)
        open_ = ~((np.abs(value) > bound) | ((value == 0) & (bound == 0)))
        for k in np.flatnonzero(open_.any(axis=0)).tolist():
            piece = min(k, signs.shape[1] - 2)
            z[:, k], error[:, k], signs[:, k] = self.line.values(piece, self.before.origins[k])
            on = np.flatnonzero(signs[:, k] == 0)
            self.table.put_on_threshold(z, error, on, np.full(len(on), k))
        return signs

    def _insert(
        self, z: Array, error: Array, signs: Signs, cuts: Cuts
    ) -> tuple[_Points, Signs, npt.NDArray[np.bool_], Ints]:
        before, pieces = self.before, z.shape[1] - 1
        added = np.bincount(cuts.home, minlength=pieces)
        moved = np.arange(pieces + 1) + np.concatenate([[0], np.cumsum(added)])
        placed = np.arange(len(cuts.home)) + cuts.home + 1
        new_z, new_error = cuts.interpolated(z, error)
        sign = np.maximum(signs[:, :-1], signs[:, 1:]) + np.minimum(signs[:, :-1], signs[:, 1:])
        between = np.sign(sign).astype(np.int8)  # on open pieces; what changes is set below
        time, time_error = cuts.interpolated(before.times[None], before.time_errors[None])
        after = _Points(
            _merged(before.times, time[0], moved, placed),
            _merged(before.time_errors, time_error[0], moved, placed),
            self._origins(cuts, moved, placed),
            _merged(z, new_z, moved, placed), _merged(error, new_error, moved, placed),
        )  # fmt: skip
        all_signs = _merged(signs, between[:, cuts.home], moved, placed)
        bits = np.repeat(between > 0, added + 1, axis=1)
        column = placed[cuts.group]
        self.table.put_on_threshold(after.values, after.errors, cuts.threshold, column)
        rising = signs[cuts.threshold, cuts.piece] < 0
        for t, p, at, up in zip(cuts.threshold.tolist(), cuts.piece.tolist(), column.tolist(),
                                rising.tolist(), strict=True):  # fmt: skip
            start, end = int(moved[p]), int(moved[p + 1])
            bits[t, start:at], bits[t, at:end] = not up, up
            all_signs[t, start + 1 : at] = -1 if up else 1
            all_signs[t, at + 1 : end] = 1 if up else -1
        return after, all_signs, bits, moved

    def _origins(self, cuts: Cuts, moved: Ints, placed: Ints) -> list[Origin]:
        merged: list[Origin] = [Origin.start()] * (len(moved) + len(placed))
        for k, origin in zip(moved.tolist(), self.before.origins, strict=True):
            merged[k] = origin
        depth = self.line.depth
        for t, p, k in zip(cuts.threshold.tolist(), cuts.piece.tolist(),
                           placed[cuts.group].tolist(), strict=True):  # fmt: skip
            merged[k] = Origin(depth, p, t)
        return merged


def _merged(old: Table, new: Table, moved: Ints, placed: Ints) -> Table:
    """Old and new columns at their places."""
    merged = np.empty((*old.shape[:-1], len(moved) + len(placed)), dtype=old.dtype)
    merged[..., moved] = old
    merged[..., placed] = new
    return merged
