"""Systems of linear equations in fractions, and their solutions with entries 1 and -1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

from ..rational import IntegerRow, independent, integer_row, null_space, solve_affine

MOST_FREE = 12


@dataclass(frozen=True)
class Solutions:
    """All solutions of a linear system: ``particular`` plus combinations of ``free``."""

    particular: tuple[Fraction, ...]
    free: tuple[tuple[int, ...], ...]


def solutions(equations: Sequence[Sequence[Fraction]], dim: int) -> Solutions | None:
    """Of equations ``g . (x, 1) = 0``; None if there is none."""
    rows = [list(r) for r in dict.fromkeys(tuple(integer_row(g)) for g in equations if any(g))]
    kept: list[IntegerRow] = [rows[i] for i in independent(rows, dim + 1)] if rows else []
    particular = solve_affine(kept, dim)
    if particular is None:
        return None
    free = null_space([g[:-1] for g in kept], dim)
    return Solutions(particular, tuple(map(tuple, free)))


def sign_solutions(found: Solutions, wanted: Sequence[int]) -> list[tuple[int, ...]] | None:
    """The values 1 and -1 that the wanted unknowns can have; None if too many would be tried."""
    basis = [[row[i] for row in found.free] for i in wanted]
    n = len(found.free)
    chosen = independent(basis, n) if n and basis else []
    if len(chosen) > MOST_FREE:
        return None
    kept = [i for k, i in enumerate(wanted) if k in set(chosen)]
    accepted = []
    for signs in product((1, -1), repeat=len(kept)):
        values = _completed(found, wanted, kept, signs)
        if all(abs(v) == 1 for v in values):
            accepted.append(tuple(int(v) for v in values))
    return accepted


def _completed(
    found: Solutions, wanted: Sequence[int], kept: Sequence[int], signs: Sequence[int]
) -> list[Fraction]:
    """The wanted unknowns, if the kept ones have these values; they fix the others."""
    rows = []
    for i, sign in zip(kept, signs, strict=True):
        rows.append([*(Fraction(row[i]) for row in found.free), found.particular[i] - sign])
    y = solve_affine([integer_row(g) for g in rows], len(found.free))
    assert y is not None, "the kept unknowns are independent"
    return [
        found.particular[i] + sum((v * row[i] for v, row in zip(y, found.free, strict=True)),
                                  Fraction(0))
        for i in wanted
    ]  # fmt: skip
