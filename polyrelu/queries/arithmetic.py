"""One formula, three arithmetics: arrays of float64, of float64 with error bounds, of rationals.

Code that keeps to ``+ - * @ / [] .T .sum .reshape .repeat`` runs in all three. A product of float64
arrays is rounded; :class:`Balls` carry a bound on what that may be (Rump, Verification methods:
rigorous results using floating-point arithmetic, Acta Numerica 2010, section 9: matrix products in
midpoint-radius form); arrays of flint's rationals are exact, and some hundred times slower.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import fmpq, fmpq_mat

from ..network import Array, quotient
from ..rational import to_fraction
from .singular import Bounds

ARITHMETICS = ("float64", "bounds", "exact")
UNIT = 2.0**-53
LEAST = 2.0**-1070  # more than a few results lose by underflow

Numbers = Any  # float64, Balls, or an array of fmpq


def checked_arithmetic(name: str) -> str:
    if name not in ARITHMETICS:
        raise ValueError(f"arithmetic must be one of {', '.join(ARITHMETICS)}, not {name!r}")
    return name


class Balls:
    """Float64 numbers and how far each may be from the true one: ``|true - mid| <= rad``.

    Float64 arrays that they meet are taken as exact. Where float64 ends the radius is infinite or
    not a number, and then nothing is known.
    """

    __array_ufunc__ = None  # numpy's operators leave it to ours

    def __init__(self, mid: Array, rad: Array) -> None:
        self.mid, self.rad = mid, rad

    def __repr__(self) -> str:
        return f"Balls(mid={self.mid!r}, rad={self.rad!r})"

    @classmethod
    def between(cls, low: Array, high: Array) -> Balls:
        """Around intervals."""
        with np.errstate(all="ignore"):
            mid = low / 2 + high / 2
            rad = np.maximum(high - mid, mid - low)
            return cls(mid, _up(rad + UNIT * np.abs(mid)))

    @property
    def shape(self) -> tuple[int, ...]:
        return self.mid.shape

    def __len__(self) -> int:
        return len(self.mid)

    @property
    def T(self) -> Balls:
        return Balls(self.mid.T, self.rad.T)

    def __getitem__(self, at: Any) -> Balls:
        return Balls(self.mid[at], self.rad[at])

    def reshape(self, *shape: int) -> Balls:
        return Balls(self.mid.reshape(*shape), self.rad.reshape(*shape))

    def repeat(self, times: int, axis: int) -> Balls:
        return Balls(self.mid.repeat(times, axis), self.rad.repeat(times, axis))

    # -- bounds ------------------------------------------------------------------------------

    @property
    def low(self) -> Array:
        """Lower bounds; -inf where nothing is known."""
        return -(-self).high

    @property
    def high(self) -> Array:
        """Upper bounds; inf where nothing is known: an infinite middle has overflowed, and may be
        far from the true number on either side."""
        with np.errstate(all="ignore"):
            bound: Array = np.nextafter(self.mid + self.rad, np.inf)
        return np.where(np.isfinite(self.mid) & ~np.isnan(bound), bound, np.inf)

    # -- operations ----------------------------------------------------------------------------

    def __neg__(self) -> Balls:
        return Balls(-self.mid, self.rad)

    def __add__(self, other: Balls | Array | float) -> Balls:
        b, rb = _parts(other)
        with np.errstate(all="ignore"):
            mid = self.mid + b
            return Balls(mid, _up(self.rad + rb + UNIT * np.abs(mid)))

    __radd__ = __add__

    def __sub__(self, other: Balls | Array) -> Balls:
        return self + (-other)

    def __rsub__(self, other: Array | float) -> Balls:
        return -self + other

    def __mul__(self, other: Balls | Array) -> Balls:
        b, rb = _parts(other)
        with np.errstate(all="ignore"):
            mid = self.mid * b
            size = np.abs(b)
            rad = np.abs(self.mid) * rb + self.rad * (size + rb) + UNIT * np.abs(mid)
            return Balls(mid, _up(rad))

    __rmul__ = __mul__

    def __truediv__(self, other: Array | float) -> Balls:
        """By exact numbers."""
        size = np.abs(np.asarray(other, dtype=np.float64))
        with np.errstate(all="ignore"):
            mid = self.mid / other
            return Balls(mid, _up(self.rad / size + UNIT * np.abs(mid)))

    def over(self, divisor: Bounds) -> Balls:
        """Divided by a positive number that is known within bounds."""
        if divisor.low <= 0:
            return Balls(self.mid * np.nan, self.mid * np.nan)
        with np.errstate(all="ignore"):
            ends = np.array([v / d for v in (self.low, self.high)
                             for d in (divisor.low, divisor.high)])  # fmt: skip
            return Balls.between(np.nextafter(ends.min(0), -np.inf),
                                 np.nextafter(ends.max(0), np.inf))  # fmt: skip

    def __matmul__(self, other: Balls | Array) -> Balls:
        return _product(self, other)

    def __rmatmul__(self, other: Array) -> Balls:
        return _product(other, self)

    def sum(self, axis: int) -> Balls:
        n = self.mid.shape[axis]
        with np.errstate(all="ignore"):
            sizes = np.abs(self.mid).sum(axis) * _gamma(n)
            return Balls(self.mid.sum(axis), _up(self.rad.sum(axis) + sizes, n))


def _parts(x: Balls | Array | float) -> tuple[Array, Array | float]:
    return (x.mid, x.rad) if isinstance(x, Balls) else (np.asarray(x, dtype=np.float64), 0.0)


def _gamma(n: int) -> float:
    """What n additions in any order may lose, relative to the sum of sizes."""
    return 1.01 * (n + 2) * UNIT


def _up(rad: Array, n: int = 0) -> Array:
    """Radii that were themselves computed by sums of n numbers and a few operations more."""
    grown: Array = rad * (1 + (n + 16) * 2 * UNIT) + (n + 1) * LEAST
    return grown


def _product(left: Balls | Array, right: Balls | Array) -> Balls:
    """Each entry of a product of n terms is off by ``gamma_n |a| . |b|``, and by what the factors
    are. Where gamma_n |b| itself underflows, LEAST stands for it."""
    (a, ra), (b, rb) = _parts(left), _parts(right)
    n = a.shape[-1]
    with np.errstate(all="ignore"):
        size = np.abs(b)
        rad = np.abs(a) @ (rb + _gamma(n) * size + LEAST)
        if isinstance(left, Balls):
            rad = rad + ra @ (size + rb)
        return Balls(a @ b, _up(rad, n))


class Rationals(np.ndarray):
    """An array of flint's rationals; products of tables by flint, ten times as fast as numpy's."""

    def __matmul__(self, other: Any) -> Any:
        (n, m), (_, k) = self.shape, other.shape
        left, right = fmpq_mat(n, m, self.ravel().tolist()), fmpq_mat(m, k, other.ravel().tolist())
        return _filled((left * right).entries(), (n, k))


# --- from and to numbers --------------------------------------------------------------------------


def exactly(array: npt.NDArray[Any], arithmetic: str) -> Numbers:
    """An array of float64 (of fractions, if the arithmetic is exact), without rounding."""
    if arithmetic != "exact":
        return array
    flat = [fmpq(*v.as_integer_ratio()) for v in array.ravel().tolist()]
    return _filled(flat, array.shape)


def tracked(numbers: Numbers, arithmetic: str) -> Numbers:
    """What roundings are to be followed from: exact float64 as balls."""
    if arithmetic == "bounds" and not isinstance(numbers, Balls):
        return Balls(numbers, np.zeros(numbers.shape))
    return numbers


def from_fractions(values: Sequence[Sequence[Fraction]], arithmetic: str) -> Numbers:
    """A table of fractions; float64 rounds each once."""
    shape = (len(values), len(values[0]))
    flat = [v for row in values for v in row]
    if arithmetic == "exact":
        return exactly(_filled(flat, shape), arithmetic)
    mid = np.array([quotient(v.numerator, v.denominator) for v in flat]).reshape(shape)
    if arithmetic == "float64" or _equal(mid, flat):
        return mid
    return Balls(mid, _up(UNIT * np.abs(mid)))


def _equal(mid: Array, flat: Sequence[Fraction]) -> bool:
    return bool(np.isfinite(mid).all()) and mid.ravel().tolist() == list(flat)


def _filled(flat: Iterable[Any], shape: tuple[int, ...]) -> Rationals:
    array = np.empty(shape, dtype=object)
    array.ravel()[:] = list(flat)
    return array.view(Rationals)


def joined(left: Numbers, right: Numbers) -> Numbers:
    """Two tables side by side."""
    return stacked([left, right], axis=1)


def stacked(tables: Sequence[Numbers], axis: int = 0) -> Numbers:
    """Tables below each other."""
    if any(isinstance(table, Balls) for table in tables):
        parts = [_parts(table) for table in tables]
        return Balls(
            np.concatenate([mid for mid, _ in parts], axis=axis),
            np.concatenate([np.broadcast_to(rad, mid.shape) for mid, rad in parts], axis=axis),
        )
    return np.concatenate(tables, axis=axis)


def to_fractions(array: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    """flint's rationals as Python's; integers that sums of nothing leave are taken along."""
    flat = [to_fraction(v) if isinstance(v, fmpq) else Fraction(v) for v in array.ravel()]
    return np.asarray(_filled(flat, array.shape))


def bounds_of(value: Numbers) -> Bounds:
    """Of a single number in balls."""
    return Bounds(float(value.low), float(value.high))
