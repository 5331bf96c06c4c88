"""Where thresholds change their sign between the points of a segment, in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from ..network import Array, quotient
from .exact_line import LEAST, UNIT, ExactLine, Origin
from .path_values import SLACK, Ints, Signs

WIDE = 2.0**-20  # a time that is known less well is worked out exactly


@dataclass
class Cuts:
    """Where thresholds of a layer change their sign between two points, in order.

    Attributes:
        threshold, piece: of each change, shape (changes,).
        group: changes at the same point have the same number; increasing.
        home: of each group the piece, shape (groups,).
        share, share_error: of each group how far along the piece, and how far that may be off.
    """

    threshold: Ints
    piece: Ints
    group: Ints
    home: Ints
    share: Array
    share_error: Array

    def interpolated(self, z: Array, error: Array) -> tuple[Array, Array]:
        """What is affine on pieces, of shape (values, points), at the groups, with its error."""
        left, right = z[:, self.home], z[:, self.home + 1]
        off = np.maximum(error[:, self.home], error[:, self.home + 1])
        way, share, doubt = right - left, self.share, self.share_error
        sizes = np.abs(left) + np.abs(right)
        bound = off + doubt * (np.abs(way) + 2 * off) + 6 * UNIT * sizes + 2 * LEAST * (sizes > 0)
        return left + share * way, SLACK * bound


def find_cuts(
    value: Array, bound: Array, signs: Signs, times: Array, origins: list[Origin], line: ExactLine
) -> Cuts:
    """The changes of sign, those at one point together.

    Args:
        value, bound: of every threshold at every point, off by at most the bound.
        signs: certain.
        times, origins: of the points.
        line: decides the order that the bounds leave open.
    """
    threshold, piece = np.nonzero(signs[:, :-1] * signs[:, 1:] < 0)
    low, high = _shares(value, bound, threshold, piece)
    order = np.lexsort((low, piece))
    threshold, piece, low, high = threshold[order], piece[order], low[order], high[order]
    group = np.empty(len(order), dtype=np.int64)
    shares: list[tuple[float, float]] = []
    home: list[int] = []

    def separate(begin: int, end: int) -> None:
        group[begin:end] = len(home) + np.arange(end - begin)
        shares.extend(_middles(low[begin:end], high[begin:end]))
        home.extend(piece[begin:end].tolist())

    done = 0
    for begin, end in _unclear(piece, low, high, np.diff(times)[piece]):
        separate(done, begin)
        here = int(piece[begin])
        for share, which in _exact_shares(line, origins, threshold[begin:end].tolist(), here):
            group[begin + np.array(which)] = len(home)
            shares.append((share, UNIT))
            home.append(here)
        done = end
    separate(done, len(order))
    sort = np.argsort(group, kind="stable")
    table = np.array(shares).reshape(-1, 2)
    homes = np.array(home, dtype=np.int64)
    return Cuts(threshold[sort], piece[sort], group[sort], homes, table[:, 0], table[:, 1])


def _shares(value: Array, bound: Array, threshold: Ints, piece: Ints) -> tuple[Array, Array]:
    """Bounds on how far along its piece a threshold vanishes: a / (a + b), of a, b > 0."""
    near, far = (np.abs(value[threshold, piece + k]) for k in (0, 1))
    near_off, far_off = (bound[threshold, piece + k] for k in (0, 1))
    a, b = near - near_off, far + far_off
    low = a / (a + b) * (1 - 8 * UNIT) - LEAST
    a, b = near + near_off, far - far_off
    high = a / (a + b) * (1 + 8 * UNIT) + LEAST
    usable = (low >= 0) & (high <= 1)
    return np.where(usable, low, 0.0), np.where(usable, high, 1.0)


def _exact_shares(
    line: ExactLine, origins: list[Origin], thresholds: list[int], piece: int
) -> list[tuple[float, list[int]]]:
    """The shares in order, and which of the thresholds vanish there."""
    line.rational_orders += 1
    left, right = (line.time(origins[piece + k]) for k in (0, 1))
    found: dict[Fraction, list[int]] = {}
    for i, t in enumerate(thresholds):
        found.setdefault(line.root(line.depth, piece, t), []).append(i)
    shares = [(time - left) / (right - left) for time in sorted(found)]
    rounded = [quotient(share.numerator, share.denominator) for share in shares]
    return list(zip(rounded, (found[time] for time in sorted(found)), strict=True))


def _unclear(piece: Ints, low: Array, high: Array, length: Array) -> Iterator[tuple[int, int]]:
    """Ranges of bounds, sorted by ``low``, that are not disjoint, or that are too wide alone."""
    wide = ~((high - low) * length < WIDE)
    wide[:-1] |= (piece[1:] == piece[:-1]) & ~(high[:-1] < low[1:])
    done = 0
    for i in np.flatnonzero(wide).tolist():
        if i < done:
            continue
        top, end = high[i], i + 1
        while end < len(low) and piece[end] == piece[i] and not low[end] > top:
            top = max(top, high[end])
            end += 1
        yield i, end
        done = end


def _middles(low: Array, high: Array) -> list[tuple[float, float]]:
    middle = (low + high) / 2
    off = np.maximum(high - middle, middle - low) * SLACK + UNIT
    return list(zip(middle.tolist(), off.tolist(), strict=True))
