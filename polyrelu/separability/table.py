"""Separability of classes, layer by layer and epoch by epoch: rows that print as a table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .measure import SeparabilityMeasure

COLUMNS = ("epoch", "layer", "name", "width", "classes", "separable")


@dataclass(frozen=True)
class SeparabilityRow:
    """Two classes after one layer.

    Attributes:
        epoch: which network, from 0 on.
        layer: 0: the inputs; k: the outputs of layer k - 1.
        name: "input", "layer 0", ..., "output".
        width: the number of coordinates.
        first, second: the labels; second is None for all other classes together.
        separable: whether a hyperplane separates them strictly; None if it was not asked.
        measures: by name.
    """

    epoch: int
    layer: int
    name: str
    width: int
    first: Any
    second: Any
    separable: bool | None
    measures: dict[str, SeparabilityMeasure]

    @property
    def classes(self) -> str:
        return f"{self.first} / {'rest' if self.second is None else self.second}"


@dataclass(frozen=True)
class SeparabilityTable:
    """What :func:`polyrelu.layer_separability` found. ``print(table)`` shows it.

    Attributes:
        rows: by epoch, layer and classes.
        names: the measures.
        accuracies: for each epoch the fraction of inputs that the network itself puts into their
            class, in float64; None if its outputs are not one for each class.
        exact_outputs: whether the outputs measured are exact, not rounded to float64.
    """

    rows: tuple[SeparabilityRow, ...]
    names: tuple[str, ...]
    accuracies: tuple[float | None, ...]
    exact_outputs: bool

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[SeparabilityRow]:
        return iter(self.rows)

    def records(self) -> list[dict[str, Any]]:
        """A flat dictionary of plain values for each row, as ``pandas.DataFrame`` takes them.

        Each measure has its name (its ``value``), and that with ``_low`` and ``_high``.
        """
        found = []
        for row in self.rows:
            record: dict[str, Any] = {key: getattr(row, key) for key in COLUMNS}
            record["accuracy"] = self.accuracies[row.epoch]
            for name, measure in row.measures.items():
                record[name] = measure.value
                record[f"{name}_low"], record[f"{name}_high"] = measure.low, measure.high
            found.append(record)
        return found

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "names": list(self.names),
            "accuracies": list(self.accuracies),
            "exact_outputs": self.exact_outputs,
            "rows": self.records(),
        }

    def lines(self) -> list[str]:
        """The table, aligned; values that are not exact as intervals."""
        several = len(self.accuracies) > 1
        heads = ["layer", "width", "classes", "separable", *self.names]
        cells = [["epoch", *heads] if several else heads]
        for row in self.rows:
            separable = "" if row.separable is None else "yes" if row.separable else "no"
            line = [row.name, str(row.width), row.classes, separable]
            line += [_shown(row.measures[name]) for name in self.names]
            cells.append([str(row.epoch), *line] if several else line)
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        lines = ["  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
                 for line in cells]  # fmt: skip
        return [lines[0], "  ".join("-" * w for w in widths), *lines[1:]]

    def __str__(self) -> str:
        return "\n".join(self.lines())

    def __repr__(self) -> str:
        return f"SeparabilityTable({len(self)} rows, {', '.join(self.names)})"


def _shown(measure: SeparabilityMeasure) -> str:
    if measure.high - measure.low < 1e-6:  # as one number, to the digits shown
        return f"{measure.value:.6f}"
    return f"[{measure.low:.4f}, {measure.high:.4f}]"
