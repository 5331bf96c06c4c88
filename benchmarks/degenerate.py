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
    table.rows.append(_right(table.rows, ["polyrelu", *(tool.name for tool in installed)]))
    table.notes = [
        "polyrelu: every pattern and every pair that touches is compared with the oracle's.",
        "Other tools: the number of regions, and of walls if they have them (n/m: regions/walls).",
        *peers.notes(),
    ]
    yield table


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
    if tool.refusal(case, truth.regions):
        return None
    return judged(peers.run(tool, case), truth)


def judged(outcome: Outcome, truth: Truth) -> str:
    if outcome.failure is not None:
        return outcome.failure.split(" (")[0]
    regions, walls = outcome.answer["regions"], outcome.answer["walls"]
    if regions == truth.regions and walls in (None, truth.walls):
        return "right"
    return f"WRONG {regions}" if walls is None else f"WRONG {regions}/{walls}"


def _right(rows: list[Row], tools: list[str]) -> Row:
    """How many of the networks that it was asked about each tool got right."""
    total: Row = {"net": "right, of those asked"}
    for tool in tools:
        asked = [row[tool] for row in rows if row[tool] is not None]
        total[tool] = f"{sum(v == 'right' for v in asked)} of {len(asked)}"
    return total
