"""How much of ``sum of |<w, m>|`` one difference can be, whatever w is: bounds for LS0 and LS2.

Let H be square, its columns sums of all differences m with weights in [-1, 1]: then ``|<w, h>| <=
S(w) = sum of |<w, m>|`` for a column h. With ``m = H y`` so ``|<w, m>| <= |y|_1 S(w)``: the norm of
y bounds the part that m can have; and if LS1 <= t the differences with <w, m> < 0 have at least
the part (1 - t) / 2 of S(w) together.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from flint import fmpq_mat, fmpz_mat

from ..network import Array, quotient
from .points import PointSets
from .scores import counts

MOST_DIMS = 60
MOST_PAIRS = 50_000_000
UNIT = 2.0**-53
ROUNDING = 1e-12  # relative, of a bound on one part, with room to spare
BLOCK = 1 << 22  # entries that are looked at together


@dataclass(frozen=True)
class Gauge:
    """Bounds in float64, rounded up, on the parts of the differences.

    Attributes:
        parts: in falling order.
    """

    parts: Array

    def least_negative(self, ls1_high: Fraction) -> int:
        """At least so many differences have <w, m> < 0, for every w."""
        needed = float((1 - ls1_high) / 2) * (1 - ROUNDING)
        if needed <= 0:
            return 0
        sums = np.cumsum(self.parts) * (1 + ROUNDING + 2 * len(self.parts) * UNIT)
        return min(int(np.searchsorted(sums, needed)) + 1, len(sums))

    def least_negative_square(self, ls1_high: Fraction) -> Fraction:
        """The differences with <w, m> < 0 have at least this part of ``sum of <w, m>^2``: their sum
        of squares is at least the square of their sum over their number, and all squares are at
        most the greatest part times S(w)^2."""
        share = (1 - ls1_high) / 2
        most = Fraction(float(self.parts[0])) * len(self.parts)
        return share * share / most if share > 0 else Fraction(0)


def gauge(sets: PointSets) -> Gauge | None:
    """O(P rank) for P pairs; None of too many dimensions or pairs."""
    if sets.rank > MOST_DIMS or sets.n_pairs > MOST_PAIRS:
        return None
    frame = sets.frame
    columns = []
    for k in range(sets.rank):
        signs = counts(frame.a[:, k].tolist(), frame.b[:, k].tolist())
        columns.append(sets.combination(*signs))
    try:
        inverse = fmpq_mat(fmpz_mat(columns).transpose()).inv()
    except ZeroDivisionError:
        return None
    numerator, denominator = inverse.numer_denom()
    first, second = (_coordinates(x, numerator, int(denominator)) for x in sets.reduced)
    size = max(float(np.abs(first).max()), float(np.abs(second).max()))
    parts = []
    step = max(1, BLOCK // second.size)
    for start in range(0, len(first), step):
        gaps = np.abs(first[start : start + step, None, :] - second[None]).sum(axis=2)
        parts.append(gaps.ravel())
    found = np.concatenate(parts) * (1 + ROUNDING) + 4 * sets.rank * 2.0**-52 * size
    if not np.isfinite(found).all():
        return None
    return Gauge(np.sort(found)[::-1])


def _coordinates(points: list[list[int]], numerator: fmpz_mat, denominator: int) -> Array:
    """The points in the basis H, rounded."""
    table = (fmpz_mat(points) * numerator.transpose()).table()
    return np.array([[quotient(int(v), denominator) for v in row] for row in table])
