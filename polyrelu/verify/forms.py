"""Integer rows, and the threshold forms of a network composed anew from patterns.

On purpose this repeats what the engine can do: what re-checks an answer must not share its code.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import gcd, lcm
from typing import Any

from flint import fmpz_mat

from ..network import Network

Row = list[int]


def primitive(row: Sequence[int]) -> Row:
    common = gcd(*row)
    return [v // common for v in row] if common > 1 else list(row)


def reduced(row: Sequence[Any]) -> Row:
    """:func:`primitive` of flint integers."""
    return primitive([int(v) for v in row])


def over_common(values: Sequence[Fraction]) -> Row:
    """A positive integer multiple."""
    scale = lcm(*(v.denominator for v in values))
    return [v.numerator * (scale // v.denominator) for v in values]


def combined(a: int, row: Sequence[int], b: int, other: Sequence[int]) -> Row:
    if b:
        return [a * v + b * w for v, w in zip(row, other, strict=True)]
    return list(row) if a == 1 else [a * v for v in row]


def dot(row: Sequence[Any], column: Sequence[Any]) -> Any:
    return sum(a * b for a, b in zip(row, column, strict=True) if a)


def pivots(rows: fmpz_mat) -> list[int]:
    echelon, _, rank = rows.rref()
    table = echelon.table()
    return [next(j for j, v in enumerate(table[r]) if v != 0) for r in range(rank)]


def null_space(rows: list[Row], dim: int) -> list[Row]:
    if not rows:
        return [[int(i == j) for j in range(dim)] for i in range(dim)]
    basis, nullity = fmpz_mat(rows).nullspace()
    return [reduced([basis[i, j] for i in range(dim)]) for j in range(nullity)]


class Forms:
    """The threshold forms of a network on the regions of patterns, in given coordinates.

    ``start`` takes homogeneous coordinates to homogeneous inputs, up to a positive factor. The
    row of a threshold is oriented by the pattern's bit: positive inside the region.
    """

    def __init__(self, network: Network, start: fmpz_mat) -> None:
        self.start, self.layers = start, []
        depth = max((layer + 1 for layer, _, _ in network.thresholds), default=0)
        for layer in network.layers[:depth]:
            pieces = [[unit.piece(k) for k in range(len(unit.slopes))] for unit in layer.units]
            scale = lcm(*(v.denominator for unit in pieces for piece in unit for v in piece))
            scaled = [[(int(a * scale), int(c * scale)) for a, c in unit] for unit in pieces]
            bends = [unit.breakpoints for unit in layer.units]
            self.layers.append((layer.integer_matrix, bends, scaled, scale))

    def rows(self, bits: Row) -> list[Any]:
        """One row of flint integers for each threshold."""
        values, rows, t = self.start, [], 0
        for matrix, bends, pieces, scale in self.layers:
            *forms, bottom = (matrix * values).table()
            outputs = []
            for form, breakpoints, piece in zip(forms, bends, pieces, strict=True):
                k = 0
                for b in breakpoints:
                    sign = 1 if bits[t] else -1
                    rows.append(combined(sign * b.denominator, form, -sign * b.numerator, bottom))
                    k += bits[t]
                    t += 1
                outputs.append(combined(piece[k][0], form, piece[k][1], bottom))
            outputs.append(combined(scale, bottom, 0, bottom))
            values = fmpz_mat(outputs)
        return rows
