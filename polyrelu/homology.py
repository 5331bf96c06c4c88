"""Betti numbers over Z/2 of cell complexes, by their boundary matrices."""

from __future__ import annotations

from collections.abc import Collection, Sequence

Boundary = Sequence[Sequence[int]]
Cells = Sequence[Collection[int]]  # for each dimension the numbers of some cells


def betti_numbers(boundary: Sequence[Boundary], kept: Cells) -> tuple[int, ...]:
    """The Betti numbers over Z/2 of some cells of a complex.

    They must be the cells of a locally closed union: with two cells, one a face of the other, all
    between them. The answer is the homology with closed supports (Borel-Moore) of that union: the
    usual one if it is compact.

    Args:
        boundary: for each dimension k, for each k-cell the (k-1)-cells of its boundary.
        kept: for each dimension, which cells.

    Every cell must be an open ball whose boundary crosses each of its (k-1)-cells once.
    """
    sets = [frozenset(cells) for cells in kept]
    ranks = [0] * (len(sets) + 1)
    cycles: frozenset[int] = frozenset()  # the last cell of a boundary: its own reduces to 0
    for k in range(len(sets) - 1, 0, -1):
        cycles = _last_rows(boundary[k], sets[k] - cycles, sets[k - 1])
        ranks[k] = len(cycles)
    return tuple(len(cells) - ranks[k] - ranks[k + 1] for k, cells in enumerate(sets))


def _last_rows(boundary: Boundary, columns: frozenset[int], rows: frozenset[int]) -> frozenset[int]:
    """The last row of each column of the boundary matrix that is not 0 when it is reduced."""
    reduced: dict[int, set[int]] = {}
    for j in sorted(columns):
        column = rows.intersection(boundary[j])
        while column:
            last = max(column)
            other = reduced.get(last)
            if other is None:
                reduced[last] = set(column)
                break
            column = column.symmetric_difference(other)
    return frozenset(reduced)
