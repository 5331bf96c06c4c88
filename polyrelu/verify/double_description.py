"""The double description of a polyhedral cone, in integers: Motzkin's method.

T. S. Motzkin, H. Raiffa, G. L. Thompson, R. M. Thrall: The double description method, 1953.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from flint import fmpz_mat

from .forms import Row, combined, dot, over_common, pivots, primitive


@dataclass(frozen=True)
class Cone:
    """The extreme rays of a pointed cone ``{y : g . y >= 0}``, and which lie on each row."""

    generators: list[tuple[int, ...]]
    on: list[int]  # for each row the set of its generators, as bits


def double_description(rows: list[Row]) -> Cone | None:
    """Motzkin's method on homogeneous integer rows; None if the cone contains a line."""
    n = len(rows[0])
    basis = pivots(fmpz_mat(rows).transpose())
    if len(basis) < n:
        return None
    inverse = fmpz_mat([rows[r] for r in basis]).inv().table()
    found: list[tuple[tuple[int, ...], int]] = []  # generator, set of the rows it lies on
    for j, r in enumerate(basis):
        column = over_common([Fraction(int(row[j].p), int(row[j].q)) for row in inverse])
        found.append((tuple(primitive(column)), sum(1 << b for b in basis) ^ (1 << r)))
    for r in sorted(set(range(len(rows))) - set(basis)):
        found = _cut(found, rows[r], 1 << r, n)
    on = [
        sum(1 << k for k, (_, mask) in enumerate(found) if mask >> r & 1) for r in range(len(rows))
    ]
    return Cone([g for g, _ in found], on)


def _cut(
    found: list[tuple[tuple[int, ...], int]], row: Row, bit: int, n: int
) -> list[tuple[tuple[int, ...], int]]:
    """Intersect with one more half-space: keep what is inside, add where edges cross it."""
    value = [dot(row, g) for g, _ in found]
    kept = [
        (g, mask if v else mask | bit)
        for (g, mask), v in zip(found, value, strict=True) if v >= 0
    ]  # fmt: skip
    above = [(g, mask, v) for (g, mask), v in zip(found, value, strict=True) if v > 0]
    below = [(g, mask, v) for (g, mask), v in zip(found, value, strict=True) if v < 0]
    for g, mask, v in above:
        for h, other, w in below:
            shared = mask & other
            if shared.bit_count() < n - 2:
                continue
            if sum(shared & m == shared for _, m in found) == 2:  # they span an edge
                kept.append((tuple(primitive(combined(v, h, -w, g))), shared | bit))
    return kept


def members(mask: int) -> list[int]:
    return [k for k in range(mask.bit_length()) if mask >> k & 1]
