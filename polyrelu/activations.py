"""Piecewise-linear units, each a list of breakpoints and slopes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import NetworkError

Real = int | float | Fraction


def exact(value: Any) -> Fraction:
    """The exact value of a number; numpy's integers would overflow inside a Fraction."""
    return Fraction(value.item() if isinstance(value, np.generic) else value)


@dataclass(frozen=True)
class PiecewiseLinear:
    """A continuous piecewise-linear function R -> R.

    Args:
        breakpoints: where the slope changes, strictly increasing; may be empty.
        slopes: one more than breakpoints, from left to right.
        value: the function at ``breakpoints[0]``, or at 0 if there are no breakpoints.

    Every number is taken at its exact value (a float64 is a rational number). A breakpoint
    at which the slope does not change is dropped: it bends nothing.

    Raises:
        NetworkError: wrong lengths, breakpoints not increasing, NaN or infinity.
    """

    breakpoints: tuple[Fraction, ...]
    slopes: tuple[Fraction, ...]
    value: Fraction

    def __init__(
        self, breakpoints: tuple[Real, ...], slopes: tuple[Real, ...], value: Real = 0
    ) -> None:
        try:
            t = [exact(x) for x in breakpoints]
            s = [exact(x) for x in slopes]
            v = exact(value)
        except (ValueError, OverflowError, TypeError) as error:
            raise NetworkError(f"a unit's numbers must be finite, not {error}") from None
        if len(s) != len(t) + 1:
            raise NetworkError(
                f"a unit with {len(t)} breakpoints has {len(t) + 1} slopes, not {len(s)}"
            )
        if any(a >= b for a, b in pairwise(t)):
            raise NetworkError(f"breakpoints must be strictly increasing, not {breakpoints}")
        bends = [k for k in range(len(t)) if s[k] != s[k + 1]]
        anchor = t[0] if t else Fraction(0)
        kept = tuple(t[k] for k in bends)
        if kept:  # a dropped first breakpoint moves the anchor along the first slope
            v += s[0] * (kept[0] - anchor)
        else:
            v -= s[0] * anchor
        object.__setattr__(self, "breakpoints", kept)
        object.__setattr__(self, "slopes", (s[0], *(s[k + 1] for k in bends)))
        object.__setattr__(self, "value", v)

    @cached_property
    def pieces(self) -> tuple[tuple[Fraction, Fraction], ...]:
        """Slope and intercept of each piece, from left to right."""
        if not self.breakpoints:
            return ((self.slopes[0], self.value),)
        found: list[tuple[Fraction, Fraction]] = []
        value, before = self.value, self.breakpoints[0]
        for slope, at in zip(self.slopes, (before, *self.breakpoints), strict=True):
            if found:
                value += found[-1][0] * (at - before)
            found.append((slope, value - slope * at))
            before = at
        return tuple(found)

    def piece(self, k: int) -> tuple[Fraction, Fraction]:
        """Slope and intercept right of ``k`` breakpoints."""
        return self.pieces[k]

    def exact(self, z: Fraction) -> Fraction:
        """The value at ``z``, exactly."""
        slope, intercept = self.piece(sum(t < z for t in self.breakpoints))
        return slope * z + intercept

    def __call__(self, z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The value at each entry of ``z`` in float64."""
        slope = np.array([float(s) for s, _ in self.pieces])
        intercept = np.array([float(c) for _, c in self.pieces])
        k = np.searchsorted(np.array([float(t) for t in self.breakpoints]), z, side="left")
        y: npt.NDArray[np.float64] = slope[k] * z + intercept[k]
        return y

    @property
    def is_identity(self) -> bool:
        return not self.breakpoints and self.slopes == (Fraction(1),) and self.value == 0


@cache
def identity() -> PiecewiseLinear:
    return PiecewiseLinear((), (1,), 0)


@cache
def relu() -> PiecewiseLinear:
    return PiecewiseLinear((0,), (0, 1), 0)


def leaky_relu(negative_slope: Real = 0.01) -> PiecewiseLinear:
    return PiecewiseLinear((0,), (negative_slope, 1), 0)


def hard_tanh(low: Real = -1, high: Real = 1) -> PiecewiseLinear:
    """``min(max(z, low), high)``."""
    return PiecewiseLinear((low, high), (0, 1, 0), low)


def relu6() -> PiecewiseLinear:
    return hard_tanh(0, 6)


def absolute() -> PiecewiseLinear:
    return PiecewiseLinear((0,), (-1, 1), 0)
