"""All kinks of a piecewise affine function on segments: between two straight runs of samples a
kink is where the runs meet, and two more samples close to it, one on each run, tell that there is
no other.

Nothing is bisected down to a tolerance: halving goes on only until the pieces are told apart, and
the kink is then as exact as the values. (Bisection alone would end at the root of the noise.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Array
from .oracle import SAFETY, Oracle

FIRST = 33  # samples to begin with
MOST = 6000  # samples of one segment
_ROUNDS = 40


@dataclass(frozen=True)
class Kinks:
    """The kinks on one segment.

    Attributes:
        start, direction: the segment is start + t * direction, t in [0, length], direction of
            length 1.
        length: of the segment.
        t: shape (k,), increasing.
        jump: shape (k, output_dim): slope behind minus slope before.
        gap: shape (k,), the distance from each to the nearest other, or to an end.
        unclear: shape (g, 2): gaps in which kinks too close to each other remain.
        torn: places where the value jumps.
    """

    start: Array
    direction: Array
    length: float
    t: Array
    jump: Array
    gap: Array
    unclear: Array
    torn: Array

    @property
    def points(self) -> Array:
        """Shape (k, input_dim)."""
        return self.start + self.t[:, None] * self.direction


def find_kinks(oracle: Oracle, starts: Array, ends: Array, first: int = FIRST) -> list[Kinks]:
    """The kinks on each segment from starts[i] to ends[i], both of shape (n, input_dim).

    Kinks whose change of slope is lost in the noise are not seen. Each takes some 10 queries.
    """
    lines = [_Line(oracle, a, b, first) for a, b in zip(starts, ends, strict=True)]
    for _ in range(_ROUNDS):
        wanted = [line.wanted() for line in lines]
        if not any(len(t) for t in wanted):
            break
        inputs = [line.at(t) for line, t in zip(lines, wanted, strict=True)]
        values = oracle(np.concatenate(inputs))
        ends_of = np.cumsum([len(t) for t in wanted])[:-1]
        for line, part in zip(lines, np.split(values, ends_of), strict=True):
            line.take(part)
    return [line.result() for line in lines]


@dataclass
class _Meeting:
    """Two straight runs meet at t, between two samples of the line.

    Attributes:
        probes: shape (2,), places next to t on either side.
        values: shape (2, output_dim), what the runs say there.
        gap: the index of the sample before.
    """

    t: float
    probes: Array
    values: Array
    tolerance: float
    gap: int


class _Line:
    """The samples of one segment, and what is known of the gaps between them."""

    def __init__(self, oracle: Oracle, start: Array, end: Array, first: int) -> None:
        self.start, self.length = start, float(np.linalg.norm(end - start))
        self.direction = (end - start) / self.length
        noise = float(max(oracle.noise(start), oracle.noise(end)))
        self.tolerance = SAFETY * noise
        self.t = np.empty(0)
        self.f = np.empty((0, oracle.output_dim))
        self.kinks: list[float] = []
        self.closed: set[float] = set()  # gaps, by their left sample, that are too short
        self.refused: set[float] = set()  # gaps in which the runs' meeting was no kink
        self._meetings: list[_Meeting] = []
        self._new = np.linspace(0.0, self.length, first)

    def at(self, t: Array) -> Array:
        return self.start + t[:, None] * self.direction

    def wanted(self) -> Array:
        """Where to sample next: meetings to be verified, then new samples."""
        if len(self.t):
            self._plan()
        return np.concatenate([*(m.probes for m in self._meetings), self._new])

    def take(self, values: Array) -> None:
        """The values at :meth:`wanted`."""
        n = 2 * len(self._meetings)
        probed = values[:n].reshape(-1, 2, values.shape[1])
        for meeting, seen in zip(self._meetings, probed, strict=True):
            if np.abs(seen - meeting.values).max() <= meeting.tolerance:
                self.kinks.append(meeting.t)
            else:
                self.refused.add(self.t[meeting.gap])
        t = np.concatenate([self.t, self._new])
        f = np.concatenate([self.f, values[n:]])
        order = np.argsort(t, kind="stable")
        self.t, self.f = t[order], f[order]
        self._meetings, self._new = [], np.empty(0)

    def straight(self) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        """Which interior samples lie on the chord of their neighbours, and which gaps are in such
        a triple, shapes (n - 2,) and (n - 1,)."""
        before, after = np.diff(self.t)[:-1, None], np.diff(self.t)[1:, None]
        chord = (after * self.f[:-2] + before * self.f[2:]) / (before + after)
        inside = np.abs(self.f[1:-1] - chord).max(axis=1) <= self.tolerance
        gaps = np.concatenate([inside, [False]]) | np.concatenate([[False], inside])
        return inside, gaps

    def _open(self, gaps: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
        """Gaps that are neither straight nor explained by a kink."""
        explained = np.zeros(len(gaps), dtype=bool)
        if self.kinks:
            places = np.searchsorted(self.t, self.kinks) - 1
            explained[np.clip(places, 0, len(gaps) - 1)] = True
        return np.flatnonzero(~gaps & ~explained & ~np.isin(self.t[:-1], list(self.closed)))

    def _plan(self) -> None:
        inside, gaps = self.straight()
        corners = self.t[1:-1][~inside & gaps[:-1] & gaps[1:]]
        self.kinks += sorted(set(corners.tolist()) - set(self.kinks))
        shortest = 1e-10 * self.length  # float64 tells no closer samples apart
        middles = []
        for g in self._open(gaps):
            left, right = self.t[g], self.t[g + 1]
            if right - left < shortest or len(self.t) > MOST:
                self.closed.add(left)
                continue
            meeting = self._meeting(g, gaps) if left not in self.refused else None
            if meeting is not None:
                self._meetings.append(meeting)
            else:
                self.refused.discard(left)
                middles.append((left + right) / 2)
        self._new = np.array(middles)

    def _meeting(self, g: int, gaps: npt.NDArray[np.bool_]) -> _Meeting | None:
        """Where the run that ends at sample g and the one that begins at g + 1 meet."""
        if g == 0 or g == len(gaps) - 1 or not (gaps[g - 1] and gaps[g + 1]):
            return None
        t, f, width = self.t, self.f, self.t[g + 1] - self.t[g]
        before, after = max(g - 2, 0), min(g + 3, len(t) - 1)
        if not (g >= 2 and gaps[g - 2]):
            before = g - 1
        if not (g + 2 < len(gaps) and gaps[g + 2]):
            after = g + 2
        slope_before = (f[g] - f[before]) / (t[g] - t[before])
        slope_after = (f[after] - f[g + 1]) / (t[after] - t[g + 1])
        jump = slope_after - slope_before
        size = float(jump @ jump)
        if size == 0:
            return None
        ahead = f[g + 1] - slope_after * width - f[g]
        step = -float(ahead @ jump) / size
        if not -1e-6 * width <= step <= width * (1 + 1e-6):
            return None
        stretch = 2 + width / (t[g] - t[before]) + width / (t[after] - t[g + 1])
        tolerance = self.tolerance * stretch
        aside = np.clip(100 * tolerance / np.sqrt(size), 1e-3 * width, 0.25 * width)
        # Between the samples, where the meeting is close to one of them.
        low, high = max(step - aside, 0.0), min(step + aside, width)
        values = np.stack([f[g] + slope_before * low, f[g + 1] + slope_after * (high - width)])
        return _Meeting(t[g] + step, t[g] + np.array([low, high]), values, tolerance, g)

    def result(self) -> Kinks:
        t = np.sort(np.array(self.kinks))
        bounds = np.concatenate([[0.0], t, [self.length]])
        slopes = np.zeros((len(t) + 1, self.f.shape[1]))
        anchors = np.zeros_like(slopes)
        for i in range(len(t) + 1):
            inside = np.flatnonzero((self.t >= bounds[i]) & (self.t <= bounds[i + 1]))
            if len(inside) >= 2:
                a, b = inside[0], inside[-1]
                slopes[i] = (self.f[b] - self.f[a]) / (self.t[b] - self.t[a])
                anchors[i] = self.f[a] - slopes[i] * self.t[a]
        jump = np.diff(slopes, axis=0)
        size = np.sum(jump**2, axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            better = -np.sum(np.diff(anchors, axis=0) * jump, axis=1) / size
        close = np.abs(better - t) < 1e-6 * self.length  # else a neighbour's slope is off
        t = np.where(close, better, t)
        widths = np.diff(np.concatenate([[0.0], t, [self.length]]))
        gap = np.minimum(widths[:-1], widths[1:])
        return Kinks(self.start, self.direction, self.length, t, jump, gap, *self._left_over())

    def _left_over(self) -> tuple[Array, Array]:
        """Gaps that stay open, and those of them over which the value jumps."""
        at = np.flatnonzero(np.isin(self.t[:-1], list(self.closed)))
        unclear = np.stack([self.t[at], self.t[at + 1]], axis=1)
        rise = np.abs(self.f[at + 1] - self.f[at]).max(axis=1, initial=0.0)
        steepest = np.abs(np.diff(self.f[:: max(1, len(self.f) // 64)], axis=0)).max(initial=0.0)
        # A jump: what the steepest slope does not explain.
        torn = rise > np.maximum(100 * self.tolerance, 1e-3 * steepest)
        return unclear, self.t[at][torn]
