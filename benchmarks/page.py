"""docs/benchmark-results.md and its picture from what ``python -m benchmarks --json`` wrote."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from . import machine
from .table import Row, Table, three_digits

DOCS = Path(__file__).parents[1] / "docs"
PAGE, PICTURE = "benchmark-results.md", "benchmark_peers.png"

# Okabe and Ito's colours, which the colour-blind can tell apart, and a marker for each.
STYLES = {
    "polyrelu": ("#000000", "o"),
    "regioncam": ("#E69F00", "s"),
    "affinitree": ("#56B4E9", "^"),
    "relucent": ("#D55E00", "D"),
    "polypart": ("#009E73", "v"),
    "passagemath": ("#CC79A7", "P"),
}

INTRODUCTION = """\
# Benchmark results

polyrelu beside other tools that pip installs, on the same networks in one run.
[Benchmarks](benchmark.md) says what is measured. `python -m benchmarks.page` wrote this page from
the output of the run: no figure is typed by hand."""

RATIOS = """\
## In short

How many times the CPU time of polyrelu a tool took on the networks that it got right: below 1 it
was quicker."""

TIME = """\
## Time

CPU milliseconds from arrays of weights to the tool's own result, compiled and warm: the median of
some calls, imports excluded, worker processes included. For polyrelu that is regions *and* walls
with certified signs; affinitree, polypart and passagemath are not asked which regions touch.

- 3-16-16-16 has 3 inputs and three layers of 16 ReLUs, on [-1, 1]^d where no R^d is named.
  The last four are arrangements on R^d; polypart gets them in a box that each region meets.
- *judge*: who decides that the count is right: the rational oracle of the tests, a published count,
  Zaslavsky's formula, `verify()` (of so many regions, and of the walls of all). Bold: wrong.
- –: the tool does not take such a network; "> n s": no answer in that time, imports included."""

PICTURE_TEXT = f"""\
![CPU seconds and peak memory over the number of regions, for each tool]({PICTURE})

*Each mark is a network; hollow: the count is wrong. What was not answered in time is not there,
so slow tools have marks at the left only.*"""

MEMORY = """\
## Memory

Peak resident set in MB, each tool and network in a fresh process. In brackets, what the network
added to the tool with its libraries, imported and tried on three neurons a layer. Of a tool
with a worker process (relucent) it is the larger of the two, which favours it."""

START = """\
## Before the first network

Paid once a process, and not in the times above."""

DEGENERATE = """\
## Networks that are not in general position

Regions, and walls where a tool has them, against the oracle of the tests, which is rational
throughout. `WRONG n/m`: it found n regions and m walls. To refuse is honest. affinitree keeps a
leaf whose closed polytope is not empty: where walls coincide or meet in a point, some have no
interior and are no regions, so it is asked for something here that it does not promise."""


def main(arguments: Sequence[str] | None = None) -> int:
    made = argparse.ArgumentParser(prog="python -m benchmarks.page", description=__doc__)
    made.add_argument("file", nargs="+", type=Path, help="written by python -m benchmarks --json")
    made.add_argument("--folder", type=Path, default=DOCS, help="where to (default: docs)")
    options = made.parse_args(arguments)
    runs = []
    for file in options.file:
        try:
            runs.append(dict(json.loads(file.read_text())))
        except (OSError, TypeError, ValueError) as error:
            made.error(f"{file} is not what python -m benchmarks --json writes: {error}")
        if not runs[-1].get("complete"):
            made.error(f"{file} is of a run that did not come to its end: run it again")
    (options.folder / PAGE).write_text(page(runs))
    found = _subjects(runs)
    if "peers" in found:
        picture(found["peers"][1].rows, options.folder / PICTURE)
    return 0


def page(runs: list[dict[str, Any]]) -> str:
    """The page in markdown."""
    parts = [INTRODUCTION, *map(_run, runs)]
    found = _subjects(runs)
    for subject, tables in found.items():
        chapter = {"peers": _peers, "degenerate": _degenerate}.get(subject, _others)
        parts += chapter(tables)
    return "\n\n".join(parts) + "\n"


def _subjects(runs: list[dict[str, Any]]) -> dict[str, list[Table]]:
    return {
        subject: [Table(**table) for table in tables]
        for run in runs
        for subject, tables in run["results"].items()
    }


def _run(run: dict[str, Any]) -> str:
    """On what, and how to do it again."""
    known, subjects = run["machine"], " ".join(run["results"])
    quick = " --quick" if known["quick"] else ""
    lines = [
        "```text",
        machine.header(known),
        "```",
        "",
        "```sh",
        "python3 -m venv build/peers",
        "build/peers/bin/python -m pip install -r benchmarks/requirements-peers.txt",
        f'make bench ARGS="{subjects}{quick} --time-limit {known["time_limit"]:g} '
        '--peer-python build/peers/bin/python --json build/results.json"',
        ".venv/bin/python -m benchmarks.page build/results.json",
        "```",
    ]
    if quick:
        lines = ["**A quick run, to see that it works: its figures mean nothing.**", "", *lines]
    return "\n".join(lines)


def _peers(tables: list[Table]) -> list[str]:
    tools, measured, ratios, starts = tables
    return [
        "## The tools",
        "\n".join(_tool(row) for row in tools.rows),
        _sentence(tools.notes),
        RATIOS,
        ratios.markdown(),
        TIME,
        _by_tool(measured.rows, _time).markdown(),
        PICTURE_TEXT,
        MEMORY,
        _by_tool(measured.rows, _memory).markdown(),
        START,
        starts.markdown(),
        _sentence(starts.notes),
    ]


def _tool(row: Row) -> str:
    return (
        f"- **{row['tool']}** {row['version']} ({row['licence']}; {row['with']}): "
        f"{row['subject']}. Arithmetic: {row['arithmetic']}. Takes {row['takes']}; "
        f"who touches whom: {row['walls']}. Fair to expect: {row['fair']}."
    )


def _by_tool(rows: list[Row], cell: Callable[[Row], str | None]) -> Table:
    """A row for each network, a column for each tool that is there."""
    tools = list(dict.fromkeys(row["tool"] for row in rows))
    columns = [("net", "net", ""), ("regions", "regions", ",d"), ("walls", "walls", ",d"),
               ("judge", "judge", ""), *((tool, tool, "") for tool in tools)]  # fmt: skip
    nets: dict[str, Row] = {}
    for row in rows:
        net = nets.setdefault(row["net"], {"net": row["net"]})
        net[row["tool"]] = cell(row)
        if row["tool"] == "polyrelu":
            net |= {"regions": row.get("regions"), "walls": row.get("walls"), "judge": row["note"]}
    return Table("", columns, list(nets.values()))


def _time(row: Row) -> str | None:
    if row["verdict"] == "not taken":
        return None
    if row.get("cpu_s") is None:
        return (
            row["note"].replace("more than", ">")
            if row["verdict"] == "too slow"
            else row["verdict"]
        )
    milliseconds = three_digits(1e3 * row["cpu_s"])
    if not row["verdict"].startswith("WRONG"):
        return milliseconds
    what = row["verdict"].split()[1]
    return f"{milliseconds} (**{row[what]:,} {what}**)"


def _memory(row: Row) -> str | None:
    if row.get("peak_mb") is None:
        return None
    return f"{row['peak_mb']:,.0f} (+{row['peak_mb'] - row['baseline_mb']:,.0f})"


def _degenerate(tables: list[Table]) -> list[str]:
    networks, summary = tables
    return [DEGENERATE, summary.markdown(), networks.markdown()]


def _others(tables: list[Table]) -> list[str]:
    return [p for t in tables for p in (f"## {t.title}", t.markdown(), _sentence(t.notes)) if p]


def _sentence(notes: Sequence[str]) -> str:
    """Notes, which are lines below a table, as a paragraph."""
    text = " ".join(notes)
    return text[:1].upper() + text[1:]


def picture(rows: list[Row], path: Path) -> None:
    """Time and memory over regions, log-log, a mark for each tool and network."""
    from matplotlib.figure import Figure

    # As polyrelu counts them: a wrong count does not move the mark.
    regions = {r["net"]: r["regions"] for r in rows if r["tool"] == "polyrelu" and "regions" in r}
    figure = Figure(figsize=(10.5, 4.6), layout="constrained")
    for axes, key, name in zip(
        figure.subplots(1, 2), ("cpu_s", "peak_mb"), ("CPU seconds", "peak memory, MB"), strict=True
    ):
        for tool, (colour, marker) in STYLES.items():
            done = [r for r in rows if r["tool"] == tool and r["net"] in regions and "cpu_s" in r]
            right = [r["verdict"] == "right" for r in done]
            axes.scatter(
                [regions[r["net"]] for r in done],
                [r[key] for r in done],
                s=34,
                marker=marker,
                edgecolors=colour,
                facecolors=[colour if yes else "none" for yes in right],
            )
            if done:  # in the legend always full
                axes.scatter([], [], s=34, marker=marker, color=colour, label=tool)
        axes.set(xscale="log", yscale="log", xlabel="regions", ylabel=name)
        axes.grid(alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=len(STYLES),
                  frameon=False)  # fmt: skip
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    sys.exit(main())
