"""``polyrelu query`` about data: what a network does to the points of a file."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .cli_report import Report
from .cli_where import UsageError

if TYPE_CHECKING:
    from .io.data import DataSet
    from .limits import Limits
    from .network import Network

QUESTIONS = ("folding", "separability", "similarity")


@dataclass(frozen=True)
class Shown:
    """An answer, written and ready to be drawn: ``draw(ax)``."""

    report: Report
    draw: Callable[[Any], Any]


def labelled(path: str | None, network: Network) -> DataSet:
    """The data set of ``--data``, of a network's inputs.

    Raises:
        UsageError: none was given, or of another width.
    """
    from .io.data import load_data

    if path is None:
        raise UsageError("this question is about points: give --data=FILE, .npz (x, y) or .csv")
    data = load_data(path)
    if data.inputs.shape[1] != network.input_dim:
        raise UsageError(
            f"{path} has points of {data.inputs.shape[1]} numbers, but the network takes "
            f"{network.input_dim} inputs"
        )
    return data


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


def plot() -> Any:
    """The pictures, which need matplotlib."""
    from . import plot as pictures

    return pictures


def answer(args: argparse.Namespace, network: Network, limits: Limits, progress: Any) -> Shown:
    """To a question of :data:`QUESTIONS`."""
    from .cli_folding import folding
    from .cli_separability import separability
    from .cli_similarity import similarity

    tasks: dict[str, Callable[..., Shown]] = {
        "folding": folding, "separability": separability, "similarity": similarity,
    }  # fmt: skip
    return tasks[args.question](args, network, limits, progress)


def save_picture(shown: Shown, path: Path) -> None:
    """The answer, drawn."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 6), layout="constrained")
    shown.draw(figure.subplots())
    figure.savefig(path, dpi=150)
