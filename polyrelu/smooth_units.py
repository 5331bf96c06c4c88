"""Smooth units (GELU, SiLU, ...) and certified enclosures of their Taylor coefficients.

An activation's Taylor coefficients are tabulated on a grid by ball arithmetic (Arb, in
python-flint), with the remainder between grid points. Float64 sums and products then enclose them
everywhere, for whole arrays at once; no exponential of the platform's library is trusted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt
from flint import arb, arb_series, ctx

from .balls import SLACK, TINY, Balls
from .errors import NetworkError
from .locate import UNIT
from .network import Array

ORDER = 3  # Taylor coefficients 0, ..., ORDER are enclosed
DEGREE = 10  # of the polynomials between grid points
STEPS = 32  # grid points for a length of 1
EDGE = 48  # where the grid ends
TABLE_BITS = 160
# For x <= -EDGE, |sigma(x + w)| <= 49 e^-47 1.01 for |w| = 1 (GELU: still less), and by Cauchy's
# estimate so are all Taylor coefficients at x. At the other end each unit is its asymptote plus or
# minus itself mirrored.
TAIL = 1e-18


def _sigmoid(x: Any) -> Any:
    """Of a ball or a power series, without cancellation."""
    if _constant(x) > 0:
        return 1 / (1 + (-x).exp())
    power = x.exp()
    return power / (1 + power)


def _softplus(x: Any) -> Any:
    positive = _constant(x) > 0
    rest = (1 + (-x if positive else x).exp()).log()
    return rest + x if positive else rest


def _gelu(x: Any) -> Any:
    return x * (-x / arb(2).sqrt()).erfc() / 2


def _constant(x: Any) -> float:
    return float(x[0] if isinstance(x, arb_series) else x)


@dataclass(frozen=True)
class _Kind:
    function: Callable[[Any], Any]
    left: tuple[int, int]  # constant and slope of the asymptotes
    right: tuple[int, int]
    at_zero: Fraction | None  # if it is rational


_KINDS = {
    "gelu": _Kind(_gelu, (0, 0), (0, 1), Fraction(0)),
    "silu": _Kind(lambda x: x * _sigmoid(x), (0, 0), (0, 1), Fraction(0)),
    "tanh": _Kind(lambda x: 2 * _sigmoid(2 * x) - 1, (-1, 0), (1, 0), Fraction(0)),
    "sigmoid": _Kind(_sigmoid, (0, 0), (1, 0), Fraction(1, 2)),
    "softplus": _Kind(_softplus, (0, 0), (0, 1), None),
}
_SAME = {"swish": "silu", "swiglu": "silu"}
_SCALED = ("swish", "softplus")
_BOUNDED_BELOW = ("gelu", "silu")
NAMES = (*_KINDS, *_SAME)


@dataclass(frozen=True)
class SmoothUnit:
    """An activation function.

    Args:
        name: ``"gelu"`` (x Phi(x), the exact one), ``"silu"`` (x / (1 + e^-x)), ``"tanh"``,
            ``"sigmoid"``, ``"softplus"``; ``"swish"`` is x / (1 + e^(-beta x)); ``"swiglu"`` takes
            two inputs, silu(gate) times value.
        beta: of swish, and of softplus as in torch: log(1 + e^(beta x)) / beta.

    Raises:
        NetworkError: an unknown name; beta not positive, or given to another unit.
    """

    name: str
    beta: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise NetworkError(f"activation must be one of {', '.join(NAMES)}, not {self.name!r}")
        try:
            beta = float(self.beta)
        except (TypeError, ValueError):
            raise NetworkError(f"beta must be a positive number, not {self.beta!r}") from None
        if not 0 < beta < float("inf"):
            raise NetworkError(f"beta must be positive and finite, not {self.beta!r}")
        if beta != 1 and self.name not in _SCALED:
            raise NetworkError(f"only {' and '.join(_SCALED)} take a beta, not {self.name}")
        object.__setattr__(self, "beta", beta)

    @property
    def base(self) -> str:
        """The unit whose table serves: this unit is ``base(beta x) / beta``."""
        return _SAME.get(self.name, self.name)

    @property
    def is_gated(self) -> bool:
        return self.name == "swiglu"

    @property
    def at_zero(self) -> Fraction | None:
        """The value at 0 if it is rational."""
        return _KINDS[self.base].at_zero

    def value(self, x: Any) -> Any:
        """At a ball of arbitrary precision."""
        return _KINDS[self.base].function(x * self.beta) / self.beta

    def minimiser(self, bits: int) -> Any:
        """A ball around the point where the unit stops falling and begins to rise.

        Raises:
            NetworkError: the unit is monotone.
        """
        if self.base not in _BOUNDED_BELOW:
            raise NetworkError(f"{self.name} is monotone: its only threshold is the sign")
        low, high = _bracket(self.base, bits)
        with ctx.workprec(bits + 10):
            return arb(low).union(arb(high)) / self.beta

    def coefficients(self, mid: Array, *radii: Array) -> list[list[Balls]]:
        """Enclosures of ``base^(k)(z) / k!``, k = 0, ..., ORDER, for all z within each radius."""
        table = _table(self.base)
        with np.errstate(all="ignore"):
            found = table.at(mid)
            return [_widened(found, table.most(mid, rad), rad) for rad in radii]


def _widened(found: list[Balls], most: list[Array], rad: Array) -> list[Balls]:
    """Taylor coefficients at midpoints made to hold for all within the radius: the best of what
    Taylor's theorem gives in all orders, and of bounds (``most``) on coefficients in the radius."""
    sizes = [c.size for c in found]
    wide = []
    for k in range(ORDER + 1):
        bounds = [sizes[k] + most[k]]
        head: Array | float = 0.0
        for j in range(k + 1, ORDER + 2):
            power = comb(j, k) * rad ** (j - k)
            bounds.append(head + power * most[j])
            if j <= ORDER:
                head = head + power * sizes[j]
        wide.append(found[k].widened(np.fmin.reduce(bounds) * SLACK + TINY))
    return wide


@dataclass(frozen=True, eq=False)
class _Table:
    """Polynomials for the Taylor coefficients: ``terms[k][j]`` (one number for each grid point)
    times offset**j, off by ``error[k]``; ``beyond[k][i]`` bounds coefficient k where
    ``|x| >= i / STEPS``."""

    terms: list[list[Array]]
    error: list[Array]
    beyond: list[Array]

    def at(self, x: Array) -> list[Balls]:
        """At floats: coefficients 0, ..., ORDER."""
        finite = np.isfinite(x)
        safe = np.where(finite, x, 0.0)
        place = np.rint(np.clip(safe, -EDGE - 1, EDGE + 1) * STEPS).astype(np.int64)
        outside = np.abs(place) > EDGE * STEPS
        offset = safe - np.where(outside, 0.0, place / STEPS)  # exact: the two are close, or one 0
        row = np.clip(place + EDGE * STEPS + 1, 0, 2 * EDGE * STEPS + 2)
        found = []
        for terms, error in zip(self.terms, self.error, strict=True):
            value = terms[-1][row]
            for term in terms[-2::-1]:
                value = value * offset + term[row]
            rad = error[row] + 2 * UNIT * np.abs(value)
            found.append(Balls(value, np.where(finite, rad, np.inf)))
        return found

    def most(self, x: Array, rad: Array) -> list[Array]:
        """Bounds on coefficients 0, ..., ORDER + 1 within the radius of floats."""
        least = (np.abs(x) - rad) * (1 - 2.0**-20) * STEPS
        place = np.clip(np.where(np.isfinite(least), least, 0.0), 0, EDGE * STEPS + 1)
        return [bound[place.astype(np.int64)] for bound in self.beyond]


@cache
def _table(base: str) -> _Table:
    """Half a second, once for each kind of unit."""
    kind = _KINDS[base]
    count = 2 * EDGE * STEPS + 1
    taylor, sizes = np.zeros((count, DEGREE + 1)), np.zeros((count, DEGREE + 2))
    cap, ctx.cap = ctx.cap, DEGREE + 2
    try:
        with ctx.workprec(TABLE_BITS):
            for i in range(count):
                at = Fraction(i - EDGE * STEPS, STEPS)
                taylor[i], sizes[i] = _expansion(kind, at.numerator, at.denominator)
    finally:
        ctx.cap = cap
    terms, error = [], []
    power = (0.5 / STEPS) ** np.arange(DEGREE + 2)
    for k in range(ORDER + 1):
        rows = [comb(k + j, k) * taylor[:, k + j] for j in range(DEGREE + 1 - k)]
        # Term j goes through 2j + 1 roundings and one of its own.
        size = sum((2 * j + 2) * np.abs(row) * power[j] for j, row in enumerate(rows))
        remainder = comb(DEGREE + 1, k) * sizes[:, DEGREE + 1] * power[DEGREE + 1 - k]
        off = (remainder + UNIT * size + 2.0**-120) * SLACK
        ends = [(side[k : k + 1] + (0,) * 2)[0] for side in (kind.left, kind.right)]
        slopes = [side[1] if k == 0 else 0 for side in (kind.left, kind.right)]
        for j, row in enumerate(rows):
            outer = ends if j == 0 else slopes if j == 1 else [0, 0]
            rows[j] = np.concatenate([[outer[0]], row, [outer[1]]])
        terms.append(rows)
        error.append(np.concatenate([[TAIL], off, [TAIL]]))
    beyond = [np.maximum(_suprema(sizes[:, k]), TAIL) for k in range(ORDER + 2)]
    beyond[0][:] = np.inf
    beyond[1] = np.maximum(beyond[1], 1 + TAIL)
    return _Table(terms, error, beyond)


def _suprema(sizes: Array) -> Array:
    """From bounds on grid cells those on all that is as far from 0, and 0 for beyond the grid."""
    middle = EDGE * STEPS
    folded = np.maximum(sizes[middle:], sizes[middle::-1])
    suprema: Array = np.maximum.accumulate(np.append(folded, 0.0)[::-1])[::-1] * SLACK
    return suprema


def _expansion(kind: _Kind, p: int, q: int) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Taylor coefficients at p/q, rounded, and bounds on them over the whole grid cell."""
    centre = arb(p) / q
    exact = kind.function(arb_series([centre, 1]))
    cell = kind.function(arb_series([arb(centre, arb(1) / (2 * STEPS)), 1]))
    taylor = [exact[j] for j in range(DEGREE + 1)]
    assert all(float(c.rad()) < 2.0**-125 for c in taylor)
    sizes = [float(cell[j].abs_upper()) * SLACK + TINY for j in range(DEGREE + 2)]
    return np.array([float(c.mid()) for c in taylor]), np.array(sizes)


@cache
def _bracket(base: str, bits: int) -> tuple[Any, Any]:
    """Dyadic numbers around the minimiser, by the sign of the derivative."""
    low, high = Fraction(-2), Fraction(-1, 2)
    with ctx.workprec(2 * bits + 20):
        while high - low > Fraction(1, 2**bits):
            middle = (low + high) / 2
            point = arb(middle.numerator) / middle.denominator
            slope = _KINDS[base].function(arb_series([point, 1], 2))[1]
            low, high = (low, middle) if slope > 0 else (middle, high)
            assert slope != 0, "transcendental, so no dyadic number hits it"
        return tuple(arb(v.numerator) / v.denominator for v in (low, high))
