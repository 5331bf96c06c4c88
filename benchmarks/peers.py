"""polyrelu and what pip can install, on the same networks in the same run."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from math import inf
from statistics import median

import polyrelu

from . import nets
from .measure import warm_up
from .process import Outcome
from .table import Row, Table
from .tools import POLYRELU, TOOLS, Peers, Tool
from .truth import Truth, truth_of

ONE_LAYER = ((2, 16), (2, 128), (2, 512), (3, 32), (3, 64), (4, 32))
DEEP = ((2, 8, 8), (2, 16, 16), (2, 32, 32), (2, 64, 64, 64), (3, 6, 6), (3, 8, 8),
        (3, 16, 16, 16), (4, 10, 10), (5, 12, 12), (6, 8, 8))  # fmt: skip
WHOLE_SPACE = ((2, 16), (3, 16), (5, 10), (2, 8, 8), (3, 6, 6), (3, 12, 12), (6, 6, 6),
               (3, 16, 16, 16), (8, 10, 10))  # fmt: skip
# n!, 2^n n!, and the sequences A034997 and A000609 of the OEIS
FAMILIES = (("braid", 5, 120), ("type b", 4, 384), ("resonance", 4, 370), ("threshold", 4, 1882))

COLUMNS = [
    ("net", "net", ""),
    ("tool", "tool", ""),
    ("regions", "regions", ",d"),
    ("walls", "walls", ",d"),
    ("verdict", "verdict", ""),
    ("cpu_s", "CPU s", "three"),
    ("ratio", "times polyrelu", "three"),
    ("start_s", "start s", ".2f"),
    ("baseline_mb", "baseline MB", ".0f"),
    ("peak_mb", "peak MB", ".0f"),
    ("note", "note", ""),
]


def run(quick: bool, peers: Peers) -> Iterator[Table]:
    yield peers.table()
    warm_up()
    table = Table("peers: random networks in [-1, 1]^d and R^d, arrangements in R^d", COLUMNS)
    for case, published in QUICK if quick else _cases():
        table.rows += compared(case, peers, published)
    table.notes = [
        "Each tool in a process of its own, polyrelu too, from arrays of weights to its result.",
        "CPU s: the median of some calls, worker processes included; start: importing and a first",
        "small network; baseline and peak: resident set after that, and at most until the first",
        "call ends. times polyrelu: CPU s over that of polyrelu, which is for regions, certified",
        "signs and walls; affinitree, polypart and passagemath are not asked for walls.",
        "A note of polyrelu says who judged it; verify() of n looks at n regions one by one.",
        "relucent: its dual graph is timed everywhere but compared on R^d only (in a box it also",
        "joins cells that touch outside).",
        f"too slow: no answer after {peers.seconds:.0f} s, imports included.",
    ]
    yield table
    yield _least_ratios(table)
    yield _starts(table, peers)


def _cases() -> Iterator[tuple[nets.Case, int | None]]:
    """With a published number of regions, if there is one."""
    for widths in (*ONE_LAYER, *DEEP):
        yield nets.he_random(*widths), None
    for widths in WHOLE_SPACE:
        yield nets.he_random(*widths, radius=inf), None
    for name, n, published in FAMILIES:
        yield nets.arrangement(name, n), published


QUICK = ((nets.he_random(2, 16), None), (nets.he_random(3, 6, 6, radius=inf), None),
         (nets.arrangement("braid", 4), 24))  # fmt: skip


def compared(case: nets.Case, peers: Peers, published: int | None) -> list[Row]:
    """polyrelu and each tool on a network, or in a box that as many regions meet."""
    truth = truth_of(case, polyrelu.regions(case.network(), case.domain()), published)
    rows = []
    for tool in (POLYRELU, *peers.installed()):
        row: Row = {"net": case.name, "dim": case.dim, "layers": len(case.layers),
                    "tool": tool.name}  # fmt: skip
        suited = tool.suited(case)
        if not tool.takes(suited):
            rows.append(row | {"verdict": "not taken"})
            continue
        rows.append(row | result(peers.run(tool, suited), truth, tool))
        if rows[0].get("cpu_s") and rows[-1].get("cpu_s"):
            rows[-1]["ratio"] = rows[-1]["cpu_s"] / rows[0]["cpu_s"]
    return rows


def result(outcome: Outcome, truth: Truth, tool: Tool) -> Row:
    """What is said of a tool's answer, or of why there is none."""
    if outcome.failure is not None:
        return {"verdict": outcome.kind, "note": outcome.failure}
    found = outcome.answer
    judge = truth.judge if truth.agrees else f"WRONG by {truth.judge}"
    return {
        "regions": found["regions"],
        "walls": found["walls"],
        "verdict": _verdict(found, truth, tool),
        "cpu_s": found["cpu"],
        "start_s": found["start"],
        "baseline_mb": found["baseline_mb"],
        "peak_mb": found["peak_mb"],
        "note": judge if tool is POLYRELU else None,
    }


def _verdict(found: dict[str, int | None], truth: Truth, tool: Tool) -> str:
    if found["regions"] != truth.regions or (tool is POLYRELU and not truth.agrees):
        return "WRONG regions"
    return "right" if found["walls"] in (None, truth.walls) else "WRONG walls"


def _least_ratios(table: Table) -> Table:
    columns = [
        ("tool", "tool", ""),
        ("asked", "asked", "d"),
        ("answered", "answered", "d"),
        ("right", "right", "d"),
        ("least", "least ratio", "three"),
        ("least_net", "on", ""),
        ("greatest", "greatest ratio", "three"),
        ("greatest_net", "on", ""),
    ]
    summary = Table("peers: how many times the CPU seconds of polyrelu", columns)
    for tool in TOOLS:
        asked = _rows_of(tool, table)
        right = [r for r in asked if r["verdict"] == "right" and "ratio" in r]
        if right:
            least, greatest = (pick(right, key=lambda r: r["ratio"]) for pick in (min, max))
            summary.rows.append(
                {
                    "tool": tool.name,
                    "asked": len(asked),
                    "answered": sum(r.get("cpu_s") is not None for r in asked),
                    "right": len(right),
                    "least": least["ratio"],
                    "least_net": least["net"],
                    "greatest": greatest["ratio"],
                    "greatest_net": greatest["net"],
                }
            )
    summary.notes = ["Right, and the ratios: of networks that polyrelu answered too."]
    return summary


def _rows_of(tool: Tool, table: Table) -> list[Row]:
    return [r for r in table.rows if r["tool"] == tool.name and r["verdict"] != "not taken"]


def _starts(table: Table, peers: Peers) -> Table:
    """What comes before the first network, and once after installation."""
    columns = [
        ("tool", "tool", ""),
        ("start_s", "start CPU s", ".2f"),
        ("baseline_mb", "memory MB", ".0f"),
    ]
    starts = Table("peers: before the first network", columns)
    for tool in (POLYRELU, *TOOLS):
        rows = [r for r in _rows_of(tool, table) if r.get("start_s") is not None]
        if rows:
            middle = {k: median(r[k] for r in rows) for k in ("start_s", "baseline_mb")}
            starts.rows.append({"tool": tool.name, **middle})
    with tempfile.TemporaryDirectory() as cache:
        patient = Peers(peers.python, 600.0)
        first = patient.run(POLYRELU, nets.he_random(2, 8, 8), {"NUMBA_CACHE_DIR": cache}).answer
    if first:
        starts.rows.insert(1, {"tool": "polyrelu, the first time ever", "start_s": first["start"],
                               "baseline_mb": first["baseline_mb"]})  # fmt: skip
    starts.notes = [
        "Medians over the networks above: importing, and a network of three neurons a layer.",
        "The first time ever: numba compiles the kernels and keeps them on disk.",
    ]
    return starts
