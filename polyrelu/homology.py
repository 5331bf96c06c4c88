"""Betti numbers over Z/2 of cell complexes, by their boundary matrices."""

from __future__ import annotations

from collections.abc import Sequence

Boundary = Sequence[Sequence[int]]


def betti_numbers(boundary: Sequence[Boundary], keep: Sequence[Sequence[bool]]) -> tuple[int, ...]:
    """The Betti numbers over Z/2 of the cells of a complex that are kept.

    Kept must be the cells of a locally closed union: with two cells, one a face of the other, all
    between them. The answer is the homology with closed supports (Borel-Moore) of that union: the
    usual one if it is compact.

    Args:
        boundary: for each dimension k, for each k-cell the (k-1)-cells of its boundary.
        keep: for each dimension, which cells.

    Every cell must be an open ball whose boundary crosses each of its (k-1)-cells once.
    """
    counts = [sum(row) for row in keep]
    ranks = [0] * (len(counts) + 1)
    cycles: set[int] = set()  # k-cells that are the last in a boundary: their own reduces to 0
    for k in range(len(counts) - 1, 0, -1):
        pivots = _reduced(boundary[k], keep[k], keep[k - 1], cycles)
        ranks[k] = len(pivots)
        cycles = set(pivots)
    return tuple(n - ranks[k] - ranks[k + 1] for k, n in enumerate(counts))


def _reduced(
    boundary: Boundary, columns: Sequence[bool], rows: Sequence[bool], skipped: set[int]
) -> dict[int, set[int]]:
    """The boundary matrix reduced by columns: last row of each that is not 0 -> the column."""
    pivots: dict[int, set[int]] = {}
    for j, kept in enumerate(columns):
        if not kept or j in skipped:
            continue
        column = {i for i in boundary[j] if rows[i]}
        while column:
            last = max(column)
            other = pivots.get(last)
            if other is None:
                pivots[last] = column
                break
            column = column ^ other
    return pivots
