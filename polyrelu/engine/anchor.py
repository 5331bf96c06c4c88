"""The span around a point far inside of some region, until one is far from there."""

from __future__ import annotations

import numpy as np

from .compiled import Compiled
from .facet_search import DomainRows
from .shoot import Rows
from .span import Span, SpannedRows
from .state import Tables

Array = np.ndarray

NEAR_ANCHOR = 2.0**-6  # of the squared Newton decrement


class Anchor:
    """Knows the slopes of the first layer's and the domain's rows, which stay the same."""

    def __init__(self, compiled: Compiled, tables: Tables, domain: DomainRows) -> None:
        program = compiled.program
        first, after = program.first_wall[[1, min(2, int(program.n_layers) + 1)]].tolist()
        fixed = np.zeros(after, dtype=np.bool_)
        fixed[domain.general] = fixed[first:] = True
        self._table, self._fixed = tables.wall[:-1, :after] * fixed, fixed
        self._n_general = len(domain.general)
        self._span: Span | None = None
        self._slopes = np.zeros((after, 0))

    def centred(
        self, rows: Rows, walls: Array, sign: Array, x: Array
    ) -> tuple[Array, SpannedRows | None]:
        """A point further inside, and the rows around it.

        Args:
            walls, sign: of each row, the general ones of the domain last.
        """
        spanned = self.around(rows, walls, sign, x)
        if spanned is not None:
            spanned.centre()
            if not spanned.is_near_side:
                return spanned.x, spanned
            x = spanned.x
        x = rows.centred(x, NEAR_ANCHOR)
        self._move(rows, x)
        return x, self.around(rows, walls, sign, x)

    def around(self, rows: Rows, walls: Array, sign: Array, x: Array) -> SpannedRows | None:
        """The rows around an interior point; None if they are beyond float64."""
        if self._span is None:
            return None
        known = np.flatnonzero(walls < len(self._slopes))
        later = slice(len(known) - self._n_general, len(walls) - self._n_general)
        slopes = np.empty((rows.m, self._slopes.shape[1]))
        slopes[later] = rows.A[later] @ self._span.basis
        slopes[known] = self._slopes[walls[known]] * sign[known, None]
        return SpannedRows(rows, self._span, slopes, x)

    def _move(self, rows: Rows, x: Array) -> None:
        self._span = Span.of(self._table[:, self._fixed].T, rows.low, rows.high, x)
        if self._span is not None:
            self._slopes = self._table.T @ self._span.basis
