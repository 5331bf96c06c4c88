"""What a measure of separability answers: bounds, and a direction that attains the lower one."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from ..queries.singular import Bounds, down, up
from .points import Direction


@dataclass(frozen=True)
class SeparabilityMeasure:
    """A measure of how separable two point sets are; certainly in ``[low, high]``.

    Attributes:
        name: "LS0", "LS1", "LS2", "ball" or "directional".
        low, high: float64, rounded outward.
        exact: the value, if it is known exactly; else None.
        direction: the linear scorer w that attains ``low`` ("directional": ``high``), exactly:
            points of the first set should have the greater ``<w, x>``. None: there is none (all
            points are the same, or no direction is better than another).
        method: how the bounds were found.
        stats: what it took.
    """

    name: str
    low: float
    high: float
    exact: Fraction | None
    direction: Direction | None
    method: str
    stats: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def between(
        cls,
        name: str,
        low: Fraction,
        high: Fraction,
        direction: Direction | None,
        method: str,
        **stats: Any,
    ) -> SeparabilityMeasure:
        """From exact bounds; if they are equal they are the value."""
        exact = low if low == high else None
        return cls(name, down(low), up(high), exact, direction, method, stats)

    @property
    def value(self) -> float:
        """The exact value rounded; else what ``direction`` attains: one of the bounds."""
        if self.exact is not None:
            return float(self.exact)
        return self.high if self.name == "directional" else self.low

    @property
    def bounds(self) -> Bounds:
        return Bounds(self.low, self.high)

    def to_dict(self) -> dict[str, Any]:
        """Plain numbers and strings, for JSON; an exact value as "p/q"."""
        return {
            "name": self.name,
            "low": self.low,
            "high": self.high,
            "exact": None if self.exact is None else str(self.exact),
            "direction": None if self.direction is None else rounded(self.direction),
            "method": self.method,
        }

    def __repr__(self) -> str:
        if self.exact is not None and self.exact.denominator < 10**12:
            return f"{self.name} = {self.exact} ({self.method})"
        sign = "=" if self.exact is not None else "in"
        shown = repr(float(self.exact)) if self.exact is not None else repr(self.bounds)
        return f"{self.name} {sign} {shown} ({self.method})"


def rounded(direction: Direction) -> list[float]:
    """A direction divided by its greatest entry, in float64."""
    size = max(map(abs, direction), default=Fraction(0)) or Fraction(1)
    return [float(v / size) for v in direction]
