"""What a reader can check by hand."""

from __future__ import annotations

from dataclasses import dataclass

from ..network import quotient
from ..rational import ExactPoint


@dataclass(frozen=True)
class Collision:
    """Two different points with exactly the same output.

    Attributes:
        x, y: the points, in the domain's coordinates.
        output: what both give.
    """

    x: ExactPoint
    y: ExactPoint
    output: ExactPoint

    def __str__(self) -> str:
        return f"({_short(self.x)}) and ({_short(self.y)}) both give ({_short(self.output)})"


@dataclass(frozen=True)
class Difference:
    """A point at which two networks do not have the same output.

    Attributes:
        x: the point, in the domain's coordinates.
        first, second: the two outputs.
    """

    x: ExactPoint
    first: ExactPoint
    second: ExactPoint

    def __str__(self) -> str:
        return f"at ({_short(self.x)}): ({_short(self.first)}) and ({_short(self.second)})"


def _short(point: ExactPoint) -> str:
    return ", ".join(f"{quotient(v.numerator, v.denominator):.6g}" for v in point)
