"""Who is right on networks that are not in general position."""

from __future__ import annotations

from collections.abc import Iterator

import polyrelu

from . import nets
from .measure import time_regions, warm_up
from .process import Outcome
from .table import Row, Table
from .tools import Peers, Tool
from .truth import Truth, ask_oracle


def run(quick: bool, peers: Peers) -> Iterator[Table]:
    warm_up()
    installed = peers.installed()
    columns = [
        ("net", "net on a box", ""),
        ("dim", "d", "d"),
        ("regions", "regions", "d"),
        ("walls", "walls", "d"),
        ("polyrelu", "polyrelu", ""),
        ("ms", "ms", ".2f"),
        ("rational_signs", "rational signs", "d"),
        *((tool.name, tool.name, "") for tool in installed),
    ]
    table = Table("degenerate: regions and walls by the rational oracle, and who agrees", columns)
    for case in nets.degenerate()[: 2 if quick else None]:
        truth, row = _ours(case, 0.05 if quick else 0.3)
        for tool in installed:
            row[tool.name] = _theirs(case, tool, truth, peers)
        table.rows.append(row)
    table.notes = [
        "polyrelu: every pattern and every pair that touches is compared with the oracle's.",
        "Other tools: the number of regions, and of walls if they have them (n/m: regions/walls).",
        *peers.notes(),
    ]
    yield table
    yield _summary(table.rows, ["polyrelu", *(tool.name for tool in installed)])


def _ours(case: nets.Case, budget: float) -> tuple[Truth, Row]:
    timing = time_regions(case.network, case.domain(), budget=budget)
    truth = ask_oracle(case, polyrelu.regions(case.network(), case.domain()))
    return truth, {
        "net": case.name,
        "dim": case.dim,
        "regions": truth.regions,
        "walls": truth.walls,
        "polyrelu": "right" if truth.agrees else f"WRONG {timing.regions}/{timing.walls}",
        "ms": 1e3 * timing.total,
        "rational_signs": timing.rational["rational_signs"],
    }


def _theirs(case: nets.Case, tool: Tool, truth: Truth, peers: Peers) -> str | None:
    if not tool.takes(case):
        return None
    return judged(peers.run(tool, case), truth)


def judged(outcome: Outcome, truth: Truth) -> str:
    if outcome.failure is not None:
        return outcome.failure.split(" (")[0]
    regions, walls = outcome.answer["regions"], outcome.answer["walls"]
    if regions == truth.regions and walls in (None, truth.walls):
        return "right"
    return f"WRONG {regions}" if walls is None else f"WRONG {regions}/{walls}"


def _summary(rows: list[Row], tools: list[str]) -> Table:
    """Of the networks that it takes: how many each tool got right, how it failed on the others."""
    names = ("taken", "right", "wrong", "refuses", "crash", "too slow")
    columns = [("tool", "tool", ""), *((name, name, "d") for name in names)]
    table = Table("degenerate: of the networks that a tool takes", columns)
    for tool in tools:
        asked = [row[tool].split(" ")[0].rstrip(":") for row in rows if row[tool] is not None]
        if asked:
            table.rows.append(
                {
                    "tool": tool,
                    "taken": len(asked),
                    "right": asked.count("right"),
                    "wrong": asked.count("WRONG"),
                    "refuses": asked.count("refuses"),
                    "crash": asked.count("crash"),
                    "too slow": asked.count("more"),
                }
            )
    return table
