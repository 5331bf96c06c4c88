"""polyrelu and what pip can install, on the same networks in the same run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf

import polyrelu

from . import nets
from .measure import Timing, time_regions, warm_up
from .speed import TARGETS
from .table import Row, Table
from .tools import TOOLS, Peers, Tool
from .truth import ask_oracle

# The oracle checks these; relucent manages them.
SMALL = ((2, 16), (2, 8, 8), (3, 6, 6), (3, 8, 8))
WHOLE_SPACE = ((2, 8, 8), (3, 6, 6))  # where relucent has walls that can be compared
MIDDLE = ((2, 128), (2, 16, 16), (3, 32))

COLUMNS = [
    ("net", "net", ""),
    ("tool", "tool", ""),
    ("regions", "regions", ",d"),
    ("walls", "walls", ",d"),
    ("verdict", "verdict", ""),
    ("cpu_s", "CPU s", ".3g"),
    ("ratio", "times polyrelu", ".3g"),
    ("note", "note", ""),
]


def run(quick: bool, peers: Peers) -> Iterator[Table]:
    warm_up()
    table = Table(
        "peers: random nets on [-1,1]^d, enumeration and what adjacency there is", COLUMNS
    )
    small = [nets.he_random(*widths) for widths in SMALL]
    small += [nets.he_random(*widths, radius=inf) for widths in WHOLE_SPACE]
    others = [nets.he_random(*widths) for widths in (*MIDDLE, *(w for w, _ in TARGETS))]
    for case in small[:2] if quick else (*small, *others):
        check = any(case is s for s in small)
        table.rows += compared(case, peers, 0.1 if quick else 1.0, check=check)
    table.notes = [
        "times polyrelu: CPU seconds of the tool over those of polyrelu, which are for regions,",
        "certified signs, and walls; affinitree and polypart find no walls. Imports excluded.",
        "relucent: CPU seconds of its worker process too; its dual graph is timed everywhere but",
        "compared on the whole space only (in a cube it also joins cells that touch outside).",
        *peers.notes(),
    ]
    yield table
    yield _least_ratios(table)


def compared(
    case: nets.Case,
    peers: Peers,
    budget: float,
    adapted: Callable[[nets.Case, Tool], nets.Case] = lambda case, _: case,
    check: bool = False,
) -> list[Row]:
    """polyrelu and each tool on a network, or on one that suits the tool and has as many."""
    ours, row = _ours(case, budget, check)
    return [row, *(_theirs(adapted(case, t), t, ours, peers) for t in peers.installed())]


def _ours(case: nets.Case, budget: float, check: bool) -> tuple[Timing, Row]:
    timing = time_regions(case.network, case.domain(), budget=budget)
    verdict = "reference"
    if check:
        truth = ask_oracle(case, polyrelu.regions(case.network(), case.domain()))
        verdict = "right (oracle)" if truth.agrees else "WRONG (oracle)"
    row: Row = {
        "net": case.name,
        "tool": "polyrelu",
        "regions": timing.regions,
        "walls": timing.walls,
        "verdict": verdict,
        "cpu_s": timing.total,
        "ratio": 1.0,
        "note": "",
    }
    return timing, row


def _theirs(case: nets.Case, tool: Tool, ours: Timing, peers: Peers) -> Row:
    row: Row = {"net": case.name, "tool": tool.name, "verdict": "not run", "note": ""}
    refusal = tool.refusal(case, ours.regions)
    if refusal:
        return row | {"note": refusal}
    outcome = peers.run(tool, case)
    if outcome.failure:
        bound = peers.seconds / ours.total if outcome.timed_out else None
        ratio = f"> {bound:.3g}" if bound else None
        return row | {"verdict": "no answer", "ratio": ratio, "note": outcome.failure}
    found = outcome.answer
    return row | {
        "regions": found["regions"],
        "walls": found["walls"],
        "verdict": _verdict(found, ours.regions, ours.walls),
        "cpu_s": found["cpu"],
        "ratio": found["cpu"] / ours.total,
    }


def _verdict(found: dict[str, int | None], regions: int, walls: int) -> str:
    if found["regions"] != regions:
        return "WRONG regions"
    return "right" if found["walls"] in (None, walls) else "WRONG walls"


def _least_ratios(table: Table) -> Table:
    columns = [
        ("tool", "tool", ""),
        ("nets", "answered", "d"),
        ("right", "right", "d"),
        ("least", "least ratio", ".3g"),
        ("least_net", "on", ""),
        ("greatest", "greatest ratio", ".3g"),
        ("greatest_net", "on", ""),
    ]
    summary = Table("peers: how many times the CPU seconds of polyrelu", columns)
    for tool in TOOLS:
        rows = [r for r in table.rows if r["tool"] == tool.name and r.get("cpu_s") is not None]
        if rows:
            least, greatest = (pick(rows, key=lambda r: r["ratio"]) for pick in (min, max))
            summary.rows.append(
                {
                    "tool": tool.name,
                    "nets": len(rows),
                    "right": sum(r["verdict"] == "right" for r in rows),
                    "least": least["ratio"],
                    "least_net": least["net"],
                    "greatest": greatest["ratio"],
                    "greatest_net": greatest["net"],
                }
            )
    return summary
