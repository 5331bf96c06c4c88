"""Rows in columns, for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


def table_lines(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Rows with the same keys, in columns."""
    if not rows:
        return []
    texts = [[_cell(v) for v in row.values()] for row in rows]
    texts.insert(0, list(rows[0]))
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    return ["  " + "  ".join(t.rjust(w) for t, w in zip(row, widths, strict=True)) for row in texts]


def _cell(value: Any) -> str:
    if value is None:
        return "all"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
