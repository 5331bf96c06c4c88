"""What a direction scores, exactly, without forming pairs.

Everything is a sum over the differences t = p - q of two lists of projections, and comes from
sorting one of them: O(N log N) for N points.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from fractions import Fraction
from itertools import accumulate


def positive_pairs(p: Sequence[int], q: Sequence[int]) -> int:
    """How many differences are > 0."""
    ordered = sorted(q)
    return sum(bisect_left(ordered, v) for v in p)


def score0(p: Sequence[int], q: Sequence[int]) -> Fraction:
    """The fraction of differences that are > 0."""
    return Fraction(positive_pairs(p, q), len(p) * len(q))


def score1(p: Sequence[int], q: Sequence[int]) -> Fraction:
    """``sum of t / sum of |t|``; 0 if all differences are 0."""
    ordered = sorted(q)
    sums = [0, *accumulate(ordered)]
    size = 0
    for v in p:
        k = bisect_left(ordered, v)
        size += v * (2 * k - len(q)) - 2 * sums[k] + sums[-1]
    signed = len(q) * sum(p) - len(p) * sum(q)
    return Fraction(signed, size) if size else Fraction(0)


def score2(p: Sequence[int], q: Sequence[int]) -> Fraction:
    """``sum of sgn(t) t^2 / sum of t^2``; 0 if all differences are 0."""
    ordered = sorted(q)
    sums = [0, *accumulate(ordered)]
    squares = [0, *accumulate(v * v for v in ordered)]
    signed = size = 0
    for v in p:
        k = bisect_left(ordered, v)
        below = k * v * v - 2 * v * sums[k] + squares[k]
        whole = len(q) * v * v - 2 * v * sums[-1] + squares[-1]
        signed += 2 * below - whole
        size += whole
    return Fraction(signed, size) if size else Fraction(0)


def counts(p: Sequence[int], q: Sequence[int]) -> tuple[list[int], list[int]]:
    """The sums of the signs of all differences, by rows and by columns."""
    first, second = sorted(p), sorted(q)
    rows = [bisect_left(second, v) + bisect_right(second, v) - len(q) for v in p]
    columns = [len(p) - bisect_left(first, v) - bisect_right(first, v) for v in q]
    return rows, columns


def kept_inside(p: Sequence[int], q: Sequence[int]) -> Fraction:
    """The fraction of q that is not below all of p."""
    least = min(p)
    return Fraction(sum(v >= least for v in q), len(q))
