"""Systems of linear equations in fractions, and their solutions with entries 1 and -1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from ..errors import RecoveryError
from ..rational import IntegerRow, independent, integer_row, null_space, solve_affine

MOST_FREE = 12


@dataclass(frozen=True)
class Solutions:
    """All solutions of a linear system: ``particular`` plus combinations of ``free``."""

    particular: tuple[Fraction, ...]
    free: tuple[tuple[int, ...], ...]

    def at(self, factors: Sequence[Fraction]) -> list[Fraction]:
        """The solution with these multiples of ``free``."""
        total = list(self.particular)
        for y, row in zip(factors, self.free, strict=True):
            if y:
                total = [a + y * v for a, v in zip(total, row, strict=True)]
        return total


def solutions(equations: Sequence[Sequence[Fraction]], dim: int) -> Solutions | None:
    """Of equations ``g . (x, 1) = 0``; None if there is none."""
    rows = [list(r) for r in dict.fromkeys(tuple(integer_row(g)) for g in equations if any(g))]
    kept: list[IntegerRow] = [rows[i] for i in independent(rows, dim + 1)] if rows else []
    particular = solve_affine(kept, dim)
    if particular is None:
        return None
    free = null_space([g[:-1] for g in kept], dim)
    return Solutions(particular, tuple(map(tuple, free)))


def signs_of(found: Solutions, count: int) -> list[tuple[int, ...]]:
    """The values 1 and -1 that the first ``count`` unknowns can have.

    Raises:
        RecoveryError: more than 2**12 would have to be tried.
    """
    basis = [[row[i] for row in found.free] for i in range(count)]
    chosen = independent(basis, len(found.free)) if found.free else []
    if len(chosen) > MOST_FREE:
        raise RecoveryError(
            f"{len(chosen)} of {count} signs are fixed by no linear equation: the system of signs "
            f"lacks rank"
        )
    accepted = []
    for signs in product((1, -1), repeat=len(chosen)):
        values = _completed(found, dict(zip(chosen, signs, strict=True)))[:count]
        if all(abs(v) == 1 for v in values):
            accepted.append(tuple(int(v) for v in values))
    return accepted


def with_signs(found: Solutions, signs: Sequence[int]) -> list[Fraction]:
    """A solution whose first unknowns are these."""
    return _completed(found, dict(enumerate(signs)))


def _completed(found: Solutions, known: dict[int, int]) -> list[Fraction]:
    """A solution in which some unknowns have given values."""
    rows = [
        integer_row([*(Fraction(row[i]) for row in found.free), found.particular[i] - value])
        for i, value in known.items()
    ]
    factors = solve_affine(rows, len(found.free))
    assert factors is not None, "there is a solution with these values"
    return found.at(factors)
