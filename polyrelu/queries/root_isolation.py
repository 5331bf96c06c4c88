"""Certified isolation of the zeros of smooth functions on [0, 1].

The unit interval is bisected until on each part each function is known to keep its sign, or to be
monotone. Neighbouring monotone parts are one, on which signs at the ends tell whether there is a
zero, so that it never matters which side of a bisection it lies on. What is neither at the greatest
depth is reported as such.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise
from math import inf
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..balls import Balls
from ..locate import UNIT
from ..network import Array
from .smooth_segment import Models

START = 16  # intervals at first
KEEPS, MONOTONE, CURVED, OPEN = 1, 2, 3, 0  # times the sign of the function or its derivative
NEWTON_STEPS = 64

Signs = npt.NDArray[np.int8]


class Functions(Protocol):
    """Several functions on [0, 1]."""

    def models(self, centre: Array, half: Array) -> Models:
        """On intervals of shape (k,): shape (functions, k)."""

    def sign(self, index: int, t: Fraction) -> int:
        """Of one at a point; 0 if it is not known."""

    def vanishes(self, index: int, t: Fraction) -> bool:
        """Whether one is known to be 0 at a point."""

    def chunk(self) -> int:
        """How many intervals to look at together."""


@dataclass
class Zero:
    """Where a function changes its sign between ``least`` and ``most`` times, within [low, high];
    outside of these intervals it does not.

    ``before`` and ``after`` are its signs there, 0 if not known. ``single``: it vanishes at most
    once in it.
    """

    function: int
    low: Fraction
    high: Fraction
    least: int
    most: float
    before: int
    after: int
    single: bool = False

    @property
    def is_simple(self) -> bool:
        return self.least == self.most == 1


@dataclass
class _Run:
    """Neighbouring parts of one kind, and the signs at their ends."""

    low: Fraction
    high: Fraction
    kind: int
    before: int = 0
    after: int = 0


def isolate(
    functions: Functions,
    count: int,
    depth: int,
    out_of: Callable[[int], bool],
) -> tuple[list[int], list[Zero]]:
    """The zeros of ``count`` functions inside (0, 1).

    Args:
        depth: how often the unit interval is halved at most.
        out_of: asked with the number of intervals that were looked at; True: halve no more.

    Returns:
        The sign of each function just behind 0 (0: not known), and the zeros, by function.
    """
    if not count:
        return [], []
    leaves = _bisected(functions, count, depth, out_of)
    start = [0] * count
    zeros: list[Zero] = []
    for index, parts in groupby(leaves, key=lambda leaf: leaf[0]):
        runs = _runs(functions, index, [part[1:] for part in parts])
        start[index] = runs[0].before
        for run in runs:
            zeros += _zeros(functions, index, run)
    narrow(functions, zeros)
    return start, zeros


# --- bisection -----------------------------------------------------------------------------------


def _bisected(
    functions: Functions, count: int, depth: int, out_of: Callable[[int], bool]
) -> list[tuple[int, float, float, int]]:
    """Parts (function, low, high, kind) of [0, 1], in order for each function."""
    half = np.full(START, 0.5 / START)
    centre = (2 * np.arange(START) + 1) * half
    open_ = np.ones((count, START), dtype=bool)
    found: list[Array] = []
    looked, level = 0, START.bit_length() - 1
    while len(centre):
        looked += len(centre)
        kind = _kinds(functions, centre, half)
        last = level >= depth or out_of(looked)
        settled = open_ & (np.isin(np.abs(kind), (KEEPS, MONOTONE)) | last)
        rows, columns = np.nonzero(settled)
        c, h = centre[columns], half[columns]
        found.append(np.stack([rows, c - h, c + h, kind[rows, columns]]))
        open_ &= ~settled
        kept = np.flatnonzero(open_.any(axis=0))
        half = np.repeat(half[kept] / 2, 2)
        centre = np.repeat(centre[kept], 2) + half * np.tile([-1, 1], len(kept))
        open_ = np.repeat(open_[:, kept], 2, axis=1)
        level += 1
    table = np.concatenate(found, axis=1)
    table = table[:, np.lexsort((table[1], table[0]))]
    return [(int(f), a, b, int(k)) for f, a, b, k in table.T.tolist()]


def _kinds(functions: Functions, centre: Array, half: Array) -> npt.NDArray[np.int8]:
    size = functions.chunk()
    parts = []
    for start in range(0, len(centre), size):
        models = functions.models(centre[start : start + size], half[start : start + size])
        kind = CURVED * models.bends.sign
        slope, sign = models.slopes.sign, models.sign
        kind = np.where(slope != 0, MONOTONE * slope, kind)
        parts.append(np.where(sign != 0, KEEPS * sign, kind))
    return np.concatenate(parts, axis=1)


# --- from parts to zeros -------------------------------------------------------------------------


def _runs(
    functions: Functions, index: int, parts: Sequence[tuple[float, float, int]]
) -> list[_Run]:
    """Of one function: maximal runs of one kind, and the signs where they meet."""
    runs: list[_Run] = []
    for kind, group in groupby(parts, key=lambda part: part[2]):
        members = list(group)
        runs.append(_Run(Fraction(members[0][0]), Fraction(members[-1][1]), kind))
    for left, right in pairwise(runs):
        keeping = [run.kind for run in (left, right) if abs(run.kind) == KEEPS]
        left.after = right.before = keeping[0] if keeping else functions.sign(index, left.high)
    runs[0].before = _sign_at_end(functions, index, runs[0], Fraction(0))
    runs[-1].after = _sign_at_end(functions, index, runs[-1], Fraction(1))
    return runs


def _sign_at_end(functions: Functions, index: int, run: _Run, t: Fraction) -> int:
    """Just inside the unit interval; where a monotone function starts or ends at 0, it is that of
    its slope."""
    if abs(run.kind) == KEEPS:
        return run.kind
    sign = functions.sign(index, t)
    if not sign and abs(run.kind) == MONOTONE and functions.vanishes(index, t):
        return run.kind // MONOTONE * (1 if t == 0 else -1)
    return sign


def _zeros(functions: Functions, index: int, run: _Run) -> Iterator[Zero]:
    known = run.before != 0 != run.after
    changes = int(known and run.before != run.after)
    kind = abs(run.kind)

    def zero(least: int, most: float, single: bool = False) -> Zero:
        return Zero(index, run.low, run.high, least, most, run.before, run.after, single)

    if kind == KEEPS or (kind == MONOTONE and known and not changes):
        return
    if kind == MONOTONE or (kind == CURVED and changes):
        # A convex function whose signs at the ends differ has one zero. With an unknown sign at an
        # end there may be another zero at the end itself.
        yield zero(changes, 1 if known else 2, single=True)
    elif kind == CURVED and known:
        yield from _of_curved(functions, zero(0, 2), run.kind // CURVED)
    else:
        yield zero(changes, inf)


def _of_curved(functions: Functions, zero: Zero, outer: int) -> Iterator[Zero]:
    """Of a convex (``outer`` = 1) or concave function with one sign at both ends."""
    if zero.before != outer:  # below its chord
        return
    middle = (zero.low + zero.high) / 2
    if functions.sign(zero.function, middle) != -outer:
        yield zero
        return
    yield Zero(zero.function, zero.low, middle, 1, 1, outer, -outer, single=True)
    yield Zero(zero.function, middle, zero.high, 1, 1, -outer, outer, single=True)


# --- narrower intervals --------------------------------------------------------------------------


def narrow(functions: Functions, zeros: Sequence[Zero]) -> None:
    """Make the intervals of single zeros as short as float64 allows, by Newton's method for
    intervals; where the derivative is not known to keep its sign, by halving, for which single
    points are asked where the one in the middle does not tell."""
    active = [z for z in zeros if z.single]
    for _ in range(NEWTON_STEPS):
        active = [z for z in active if z.low < z.high]
        if not active:
            return
        low, high, silent = _narrowed(functions, active)
        shorter = []
        for zero, a, b, ask in zip(active, low.tolist(), high.tolist(), silent, strict=True):
            before = zero.high - zero.low
            if ask and zero.is_simple and halve(functions, zero):
                shorter.append(zero)
                continue
            if zero.before:  # else nothing is known up to the end of the unit interval
                zero.low = max(zero.low, Fraction(a))
            if zero.after:
                zero.high = min(zero.high, Fraction(b))
            assert zero.low <= zero.high, "the zero lies in both intervals"
            if 10 * (zero.high - zero.low) < 9 * before:
                shorter.append(zero)
        active = shorter


def halve(functions: Functions, zero: Zero) -> bool:
    """Halve the interval of a simple zero, more or less; False if the signs are unknown."""
    for share in (Fraction(1, 2), Fraction(3, 8), Fraction(11, 16)):
        t = zero.low + share * (zero.high - zero.low)
        sign = functions.sign(zero.function, t)
        if sign == zero.before:
            zero.low = t
        elif sign:
            zero.high = t
        if sign:
            return True
    return False


def _narrowed(
    functions: Functions, zeros: Sequence[Zero]
) -> tuple[Array, Array, npt.NDArray[np.bool_]]:
    """New ends, and where nothing was found out."""
    index = np.array([z.function for z in zeros])
    low, high = (np.array([float(getattr(z, end)) for z in zeros]) for end in ("low", "high"))
    centre = (low + high) / 2
    half = np.nextafter(np.maximum(centre - low, high - centre) * (1 + 4 * UNIT), np.inf)
    value, slope = _own(functions, index, centre, half)
    toward = slope.sign
    with np.errstate(all="ignore"):
        numerators = np.stack([-value.mid - value.rad, -value.mid + value.rad])
        denominators = np.stack([slope.mid - slope.rad, slope.mid + slope.rad])
        steps = half * (numerators[:, None] / denominators[None]).reshape(4, -1)
        error = 16 * UNIT * (np.abs(centre) + np.abs(steps).max(axis=0)) + 2.0**-1000
        left, right = centre + steps.min(axis=0) - error, centre + steps.max(axis=0) + error
    before, after = (np.array([getattr(z, end) for z in zeros]) for end in ("before", "after"))
    middle = value.sign
    is_right = (middle != 0) & ((middle == before) | (middle == -after))
    is_left = (middle != 0) & ((middle == -before) | (middle == after))
    left = np.where(toward != 0, left, np.where(is_right, centre, low))
    right = np.where(toward != 0, right, np.where(is_left, centre, high))
    silent = (toward == 0) & ~is_left & ~is_right
    return np.fmax(left, low), np.fmin(right, high), silent


def _own(
    functions: Functions, index: npt.NDArray[np.int64], centre: Array, half: Array
) -> tuple[Balls, Balls]:
    """For each interval the value at its centre and all slopes, of one function each."""
    size = functions.chunk()
    parts = []
    for start in range(0, len(centre), size):
        chosen = slice(start, start + size)
        models = functions.models(centre[chosen], half[chosen])
        own = index[chosen], np.arange(len(centre[chosen]))
        parts.append((models.value[own], models.slopes[own]))
    value, slope = (
        Balls(*(np.concatenate([getattr(p[k], a) for p in parts]) for a in ("mid", "rad")))
        for k in (0, 1)
    )
    return value, slope
