"""Re-checking a linear separation, or its impossibility, by sums of fractions and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from ..answer import Answer
from .report import VerificationError


def check_separability(answer: Answer, a: Sequence[Any], b: Sequence[Any]) -> int:
    """Check an answer of :func:`polyrelu.is_linearly_separable` again, for the sets asked about.

    Of a proof: every point is strictly on its side of the hyperplane. Of a refutation: the weights
    are positive, add up to 1, and both combinations are the point that is named; a hyperplane that
    is said to separate weakly does, and not all points are on it.

    Returns how many points were looked at.

    Raises:
        VerificationError: what does not hold, and where.
        TypeError: not such an answer.
    """
    first, second = ([[Fraction(v) for v in x] for x in points] for points in (a, b))
    certificate, witness = answer.certificate, answer.witness
    if answer.proved and hasattr(certificate, "threshold"):
        if not _sides(certificate, first, 1, True) or not _sides(certificate, second, -1, True):
            raise VerificationError("a point is not strictly on its side of the hyperplane")
    elif answer.refuted and hasattr(witness, "touching"):
        _check_common_point(witness, first, second)
    else:
        raise TypeError(f"this is no answer about linear separability: {answer!r}")
    return len(first) + len(second)


def _check_common_point(
    witness: Any, first: list[list[Fraction]], second: list[list[Fraction]]
) -> None:
    for weights, points in ((witness.first, first), (witness.second, second)):
        if any(y <= 0 for y in weights.values()) or sum(weights.values()) != 1:
            raise VerificationError("weights must be positive and add up to 1")
        if not all(0 <= i < len(points) for i in weights):
            raise VerificationError("there is no such point")
        for k, v in enumerate(witness.point):
            if sum(y * points[i][k] for i, y in weights.items()) != v:
                raise VerificationError(f"coordinate {k} of the common point is another one")
    plane = witness.touching
    if plane is None:
        return
    if not _sides(plane, first, 1, False) or not _sides(plane, second, -1, False):
        raise VerificationError("a point is on the wrong side of the touching hyperplane")
    if all(_above(plane, x) == 0 for x in [*first, *second]):
        raise VerificationError("all points are on the touching hyperplane")


def _above(plane: Any, x: Sequence[Fraction]) -> Fraction:
    pairs = zip(plane.normal, x, strict=True)
    return sum((w * v for w, v in pairs), -Fraction(plane.threshold))


def _sides(plane: Any, points: list[list[Fraction]], sign: int, strict: bool) -> bool:
    values = [sign * _above(plane, x) for x in points]
    return all(v > 0 if strict else v >= 0 for v in values)
