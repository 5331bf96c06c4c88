"""Arrays of real numbers, each enclosed by a ball: a midpoint and a radius in float64.

All that numpy does to the midpoints rounds correctly (sums, products and quotients only), so each
operation is off by half a unit in the last place at most, and adds that to the radius. Where
float64 ends, the radius is infinite or not a number: ask ``abs(mid) > rad``, which is then False.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .locate import UNIT
from .network import Array, quotient

TINY = 2.0**-1000  # more than all underflow in one operation can take
SLACK = 1.0 + 2.0**-20  # more than the roundings of a radius itself, which are less than 1000


@dataclass(frozen=True, eq=False)
class Balls:
    """Real numbers within ``rad`` of ``mid``, arrays of one shape (or that broadcast)."""

    mid: Array
    rad: Array

    @classmethod
    def of(cls, values: Iterable[Fraction]) -> Balls:
        """Shape (n,): fractions, each rounded once."""
        mid = np.array([quotient(v.numerator, v.denominator) for v in values], dtype=np.float64)
        return cls(mid, UNIT * np.abs(mid) + TINY)

    @property
    def size(self) -> Array:
        """Upper bounds on absolute values."""
        bound: Array = (np.abs(self.mid) + self.rad) * SLACK
        return bound

    @property
    def sign(self) -> npt.NDArray[np.int8]:
        """1, -1, or 0 where the ball holds 0 (or float64 has ended)."""
        certain = np.abs(self.mid) > self.rad * SLACK
        return np.where(certain, np.sign(self.mid), 0).astype(np.int8)

    def __getitem__(self, index: Any) -> Balls:
        return Balls(self.mid[index], self.rad[index])

    def __neg__(self) -> Balls:
        return Balls(-self.mid, self.rad)

    def __add__(self, other: Balls) -> Balls:
        mid = self.mid + other.mid
        return Balls(mid, (self.rad + other.rad + UNIT * np.abs(mid)) * SLACK)

    def __sub__(self, other: Balls) -> Balls:
        return self + -other

    def __mul__(self, other: Balls) -> Balls:
        mid = self.mid * other.mid
        rad = np.abs(self.mid) * other.rad + self.rad * (np.abs(other.mid) + other.rad)
        return Balls(mid, (rad + UNIT * np.abs(mid)) * SLACK + TINY)

    def scaled(self, factor: float) -> Balls:
        """Times a float."""
        mid = self.mid * factor
        return Balls(mid, (self.rad * abs(factor) + UNIT * np.abs(mid)) * SLACK + TINY)

    def divided(self, divisor: float) -> Balls:
        """By a positive float."""
        mid = self.mid / divisor
        return Balls(mid, (self.rad / divisor + UNIT * np.abs(mid)) * SLACK + TINY)

    def widened(self, by: Array) -> Balls:
        """With greater radii."""
        return Balls(self.mid, (self.rad + by) * SLACK)


def product(weight: Array, columns: Balls) -> Balls:
    """``weight @ columns`` for exact floats of shape (m, n) and balls of shape (n, k).

    A sum of n products, in any order and with or without fused operations, is off by at most n
    roundings of the sum of their sizes.
    """
    n = weight.shape[1]
    shape = (len(weight), *columns.mid.shape[1:])
    mid, rad = columns.mid.reshape(n, -1), columns.rad.reshape(n, -1)
    share = 2 * (n + 2) * UNIT
    rad = np.abs(weight) @ (rad + share * np.abs(mid)) * (1 + share) * SLACK + TINY
    return Balls((weight @ mid).reshape(shape), rad.reshape(shape))
