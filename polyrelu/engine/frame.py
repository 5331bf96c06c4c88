"""What of a search depends on the domain alone: its walls, and the cone that it starts from.

In their charts all boxes of a dimension are one cube, so that it is worked out once for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ..domain import Chart
from ..rational import IntegerRow, independent, primitive
from .roots import Roots, simplicial_cone
from .rounding import as_scale, round_rows

REMEMBERED = 32  # domains
LARGEST = 1 << 12  # numbers in the walls of one that is remembered


@dataclass(frozen=True)
class Frame:
    """The walls of a domain.

    Attributes:
        rows: primitive integers, the different ones.
        numbers: of the domain's constraints that these are, the first of equal ones.
        independent: walls, as many as there are dimensions if there are.
        scales: of each row the greatest entry, as the kernel has denominators, shape (rows,).
        columns, norms, errors: rows, divided by these, as :func:`.rounding.round_rows` has them.
        roots: the cone of these, if they are as many as there are dimensions.
    """

    rows: list[IntegerRow]
    numbers: list[int]
    independent: list[int]
    scales: np.ndarray
    columns: np.ndarray
    norms: np.ndarray
    errors: np.ndarray
    roots: Roots | None


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
    roots = None
    if len(root) == dim:
        roots = Roots(simplicial_cone([rows[i] for i in root], dim), root, len(rows), len(rows))
    as_floats = np.array(list(map(as_scale, scales)))
    return Frame(rows, numbers, root, as_floats, columns, norms, errors, roots)


_remembered = lru_cache(REMEMBERED)(frame)
