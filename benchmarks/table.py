"""Tables: rows of plain values, printed aligned, and the same rows for JSON."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from math import floor, log10
from typing import Any

Row = dict[str, Any]


@dataclass
class Table:
    """Some rows under a title.

    Attributes:
        columns: (key of a row, heading, format specification) for each column; a value that
            is a string is printed as it is, None as a dash. "three" is for three digits.
        notes: printed under the table.
    """

    title: str
    columns: Sequence[tuple[str, str, str]]
    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def text(self) -> str:
        cells = [[heading for _, heading, _ in self.columns]]
        cells += [[_cell(row.get(key), spec) for key, _, spec in self.columns] for row in self.rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        left = [self._is_text(key) for key, _, _ in self.columns]
        lines = [
            "  ".join(
                cell.ljust(w) if to_left else cell.rjust(w)
                for cell, w, to_left in zip(line, widths, left, strict=True)
            ).rstrip()
            for line in cells
        ]
        lines.insert(1, "  ".join("-" * w for w in widths))
        return "\n".join([f"== {self.title}", *lines, *(f"   {note}" for note in self.notes)])

    def _is_text(self, key: str) -> bool:
        """Columns in which most values are words are set to the left."""
        values = [v for row in self.rows if (v := row.get(key)) is not None]
        return 2 * sum(isinstance(v, str) for v in values) > len(values)

    def show(self) -> None:
        print(self.text() + "\n")
        sys.stdout.flush()

    def markdown(self) -> str:
        """The table alone."""
        heads = [heading for _, heading, _ in self.columns]
        sides = [":--" if self._is_text(key) else "--:" for key, _, _ in self.columns]
        cells = [
            [_cell(row.get(key), spec, "–").replace("|", r"\|") for key, _, spec in self.columns]
            for row in self.rows
        ]
        return "\n".join(f"| {' | '.join(line)} |" for line in (heads, sides, *cells))


def _cell(value: Any, spec: str, nothing: str = "-") -> str:
    if value is None:
        return nothing
    if isinstance(value, str):
        return value
    return three_digits(value) if spec == "three" else format(value, spec)


def three_digits(value: float) -> str:
    """At least so many that count, and no exponent."""
    return f"{value:,.{max(0, 2 - floor(log10(value)))}f}" if value > 0 else "0"
