"""Certified bounds on singular values: float64 with proofs for many matrices, rationals for the few
that decide."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
from flint import fmpz_mat

from ..engine.kernel import UNIT
from ..network import Array, quotient
from ..rational import integer_row

RELATIVE = Fraction(1, 2**50)  # to which exact bounds are refined


@dataclass(frozen=True)
class Bounds:
    """A number that is certainly in ``[low, high]``."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __repr__(self) -> str:
        return f"[{self.low!r}, {self.high!r}]"


def down(value: Fraction) -> float:
    """The greatest float64 that is not above."""
    rounded = quotient(value.numerator, value.denominator)
    if rounded == math.inf:
        return sys.float_info.max
    if rounded == -math.inf or Fraction(rounded) <= value:
        return rounded
    return math.nextafter(rounded, -math.inf)


def up(value: Fraction) -> float:
    return -down(-value) + 0.0  # -0.0 is 0.0


def root_down(value: Fraction) -> float:
    """A float64 at most, and nearly, the square root; 0 of what is not positive."""
    if value <= 0:
        return 0.0
    return down(root_of(value))


def root_up(value: Fraction) -> float:
    if value <= 0:
        return 0.0
    root = root_of(value)
    return up(root if root * root == value else root * (1 + Fraction(1, 2**80)))


def root_of(value: Fraction) -> Fraction:
    """At most the square root, off by less than one part in 2**80."""
    shift = max(0, 170 + value.denominator.bit_length() - value.numerator.bit_length())
    shift += shift % 2
    return Fraction(math.isqrt((value.numerator << shift) // value.denominator), 1 << shift // 2)


def frobenius_norms(matrices: Array) -> Array:
    """Of matrices of shape (n, k, l), scaled so that no square underflows; infinite of those that
    are not finite."""
    largest = np.abs(matrices).max(axis=(1, 2))
    scaled = matrices / np.where(largest > 0, largest, 1.0)[:, None, None]
    found: Array = largest * np.sqrt((scaled**2).sum(axis=(1, 2)))
    return np.where(np.isfinite(found), found, np.inf)


def eigenvalue_bounds(gram: Array, error: npt.ArrayLike) -> tuple[Array, Array, Array, Array]:
    """Bounds on the least and greatest eigenvalues of symmetric matrices.

    Args:
        gram: shape (n, k, k); error: (n,), how far in the Frobenius norm the true matrices may be.

    Returns ``(least low, least high, greatest low, greatest high)``, each of shape (n,). With the
    computed eigenvectors V and eigenvalues w, the true ones are within
    ``|V' V - 1| |w| + |G - V diag(w) V'|`` of w (Ostrowski and Weyl).
    """
    k = gram.shape[1]
    finite: npt.NDArray[np.bool_] = np.asarray(np.isfinite(gram).all(axis=(1, 2)))
    gram = np.where(finite[:, None, None], gram, 0.0)  # eigh does not take what has overflowed
    values, vectors = np.linalg.eigh(gram)
    largest = np.abs(values).max(axis=1)
    size = np.abs(vectors).sum(axis=(1, 2)) ** 2
    again = (vectors * values[:, None, :]) @ vectors.transpose(0, 2, 1)
    left = (
        frobenius_norms(gram - again) * 1.001
        + (2 * k + 6) * UNIT * size * largest
        + np.asarray(error)
    )
    skew = vectors.transpose(0, 2, 1) @ vectors - np.eye(k)
    departure = np.sqrt((skew**2).sum(axis=(1, 2))) * 1.001 + (k + 6) * UNIT * size
    off = left + departure * largest
    off = np.where(finite, off * 1.001 + 2.0**-1000, np.inf)
    return values[:, 0] - off, values[:, 0] + off, values[:, -1] - off, values[:, -1] + off


ExactMatrix = Sequence[Sequence[Fraction]]


def is_positive_definite(matrix: ExactMatrix) -> bool:
    """By the leading principal minors (Sylvester), exactly."""
    k = len(matrix)
    flat = integer_row([v for row in matrix for v in row])
    rows = [flat[i * k : (i + 1) * k] for i in range(k)]
    return all(fmpz_mat([row[:m] for row in rows[:m]]).det() > 0 for m in range(1, k + 1))


def exceeds(gram: ExactMatrix, metric: ExactMatrix, bound: Fraction, sign: int = 1) -> bool:
    """Are all eigenvalues of gram (in a metric) above the bound, or with sign = -1 below?"""
    return is_positive_definite(
        [
            [sign * (g - bound * m) for g, m in zip(row, other, strict=True)]
            for row, other in zip(gram, metric, strict=True)
        ]
    )


def extreme_eigenvalue(
    gram: ExactMatrix, metric: ExactMatrix, low: float, high: float, sign: int
) -> tuple[Fraction, Fraction]:
    """Bounds on the least (sign = 1) or greatest (-1) eigenvalue, refined by bisection from bounds
    that hold."""
    largest = max(g[i] / m[i] for i, (g, m) in enumerate(zip(gram, metric, strict=True)))
    if largest == 0 or (sign > 0 and not is_positive_definite(gram)):
        return Fraction(0), Fraction(0)
    a = max(_exact(low), largest if sign < 0 else Fraction(0))
    b = min(_exact(high), largest) if sign > 0 else _exact(high)
    while b - a > RELATIVE * b:
        middle = (a + b) / 2 if a else b / 2**40
        if exceeds(gram, metric, middle, sign) == (sign > 0):
            a = middle
        else:
            b = middle
    return a, b


def _exact(bound: float) -> Fraction:
    return Fraction(bound) if 0 < bound < math.inf else Fraction(0 if bound <= 0 else 1 << 2200)
