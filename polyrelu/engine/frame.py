"""What of a search depends on the domain alone: its walls, and the cone that it starts from.

In their charts all boxes of a dimension are one cube, so that it is worked out once for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from flint import fmpz_mat

from ..domain import Chart
from ..rational import IntegerRow, independent, primitive, rows_of
from .rounding import round_generator, round_rows

REMEMBERED = 32  # domains
LARGEST = 1 << 12  # numbers in the walls of one that is remembered


@dataclass(frozen=True)
class Cone:
    """A simplicial cone ``{row_i >= 0}`` of n - 1 rows: its apex and its directions.

    Direction i is off row i. Rows are in facet slots 1, ..., n - 1; slot 0 is INFINITY.

    Attributes:
        generators: the apex, then the directions.
        x, radius, size, gap: the same as the kernel holds them.
        mask: the facets that each is on, shape (n, words).
        used: the slots of the facets, shape (words,).
        named: each generator, and what it is when turned, by the idents 1 + 2 i and 2 + 2 i.
    """

    generators: list[IntegerRow]
    x: np.ndarray
    radius: np.ndarray
    size: np.ndarray
    gap: np.ndarray
    mask: np.ndarray
    used: np.ndarray
    named: dict[int, IntegerRow]


@dataclass(frozen=True)
class Frame:
    """The walls of a domain.

    Attributes:
        rows: primitive integers, the different ones.
        numbers: of the domain's constraints that these are, the first of equal ones.
        root: as many independent walls as there are dimensions, or all that are.
        scales: of each row the greatest entry, which it is divided by in the next three.
        columns, norms, errors: rows in float64, as :func:`.rounding.round_rows` has them.
        cone: of the root walls, if they are as many as there are dimensions.
    """

    rows: list[IntegerRow]
    numbers: list[int]
    root: list[int]
    scales: list[int]
    columns: np.ndarray
    norms: np.ndarray
    errors: np.ndarray
    cone: Cone | None


def frame_of(chart: Chart) -> Frame:
    if len(chart.constraints) * (chart.dim + 1) > LARGEST:
        return frame(chart.constraints, chart.dim)
    return _remembered(chart.constraints, chart.dim)


def frame(constraints: tuple[tuple[int, ...], ...], dim: int) -> Frame:
    rows = [primitive(g) for g in constraints]
    at = {tuple(row): i for i, row in reversed(list(enumerate(rows)))}  # the first of equal ones
    numbers = sorted(at.values())
    rows = [rows[i] for i in numbers]
    root = independent([row[:-1] for row in rows], dim)
    scales = [max(map(abs, row)) for row in rows]
    columns, norms, errors = np.zeros((dim + 1, 0)), np.zeros(0), np.zeros(0)
    if rows:
        columns, norms, errors = round_rows(rows, scales)
    whole = simplicial_cone([rows[i] for i in root], dim) if len(root) == dim else None
    return Frame(rows, numbers, root, scales, columns, norms, errors, whole)


_remembered = lru_cache(REMEMBERED)(frame)


def simplicial_cone(rows: list[IntegerRow], dim: int) -> Cone:
    """Of independent rows.

    The columns of the inverse of rows and infinity: each is on all of these but one, and above it.
    """
    inverse, _ = fmpz_mat([*rows, [0] * dim + [1]]).inv().numer_denom()
    *directions, apex = (primitive(column) for column in rows_of(inverse.transpose()))
    generators = [apex, *directions]
    columns = zip(*map(round_generator, generators), strict=True)
    x, radius, size, gap = (np.array(column) for column in columns)
    n = dim + 1
    on = np.zeros((n + 1, -(-n // 64) * 64), dtype=bool)
    on[:n, :n] = ~np.eye(n, dtype=bool)
    on[n, 1:n] = True
    *mask, used = _words(on)
    named = {}
    for i, generator in enumerate(generators):
        named[1 + 2 * i], named[2 + 2 * i] = generator, [-v for v in generator]
    return Cone(generators, x, radius, size, gap, np.array(mask), used, named)


def _words(bits: np.ndarray) -> np.ndarray:
    """Rows of booleans (a multiple of 64 of them) as words."""
    packed: np.ndarray = np.packbits(bits, axis=1, bitorder="little").view("<u8")
    return packed.astype(np.uint64)
