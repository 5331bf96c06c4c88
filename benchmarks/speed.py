"""How fast: enumeration and adjacency against the project's targets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median

import polyrelu

from . import nets, startup
from .measure import Timing, cpu_seconds_of_each, time_regions, warm_up
from .table import Row, Table

# Regions a second, enumeration and adjacency, that the project has set itself.
TARGETS: list[tuple[tuple[int, ...], float]] = [
    ((2, 512), 1e6),
    ((3, 64), 5e5),
    ((3, 16, 16, 16), 5e5),
    ((2, 32, 32), 5e5),
    ((2, 64, 64, 64), 2e5),
    ((4, 32), 2e5),
    ((5, 12, 12), 1e5),
]
QUICK = ((3, 16, 16, 16), (2, 32, 32))
FILE_TARGET = 2e5
FILE_LIMIT = 2_000_000  # regions of a network from a file, which may have any number

COLUMNS = [
    ("net", "net", ""),
    ("regions", "regions", ",d"),
    ("walls", "walls", ",d"),
    ("enumeration_s", "enumeration s", ".4f"),
    ("adjacency_s", "adjacency s", ".4f"),
    ("other_s", "other s", ".4f"),
    ("total_s", "all s", ".4f"),
    ("rate", "regions/s", ",.0f"),
    ("enumeration_rate", "enumeration only", ",.0f"),
    ("target", "target", ",.0f"),
    ("ratio", "ratio", ".2f"),
    ("best_ratio", "best ratio", ".2f"),
    ("rational_signs", "rational signs", ",d"),
]


def run(quick: bool, folder: Path | None, pattern: str) -> Iterator[Table]:
    warm_up()
    yield random_nets(quick)
    yield per_call(quick)
    if folder is not None:
        yield files(folder, pattern, quick)
    yield startup.run()


def random_nets(quick: bool) -> Table:
    table = Table("speed: random nets on [-1,1]^d, compiled and warm", COLUMNS)
    for widths, target in TARGETS:
        if quick and widths not in QUICK:
            continue
        case = nets.he_random(*widths)
        timing = time_regions(case.network, case.domain(), budget=0.2 if quick else 4.0)
        table.rows.append(_row(case.name, timing, target))
    table.notes = [
        "all: polyrelu.regions() of a network that was never looked at; other: exact integer",
        "forms, kernel tables, checks; ratio: regions/s divided by the target (1 or more: met);",
        "best ratio: by the quickest call, which other load on the machine disturbed least.",
    ]
    return table


def files(folder: Path, pattern: str, quick: bool) -> Table:
    """Networks from files, on the box of inputs that each names."""
    table = Table(f"speed: networks from files, {pattern}", COLUMNS)
    found = [
        (name, path)
        for name, path in nets.from_files(folder, pattern)
        if polyrelu.load_network(path).input_box is not None
    ]
    for name, path in found[: 1 if quick else None]:
        network = polyrelu.load_network(path)
        limits = None
        counted = polyrelu.count_regions(network, limits=polyrelu.Limits(regions=FILE_LIMIT))
        if not counted.complete:
            limits = polyrelu.Limits(regions=FILE_LIMIT)
            name += " (incomplete)"
        timing = time_regions(
            lambda path=path: polyrelu.load_network(path),  # type: ignore[misc]
            network.input_box,
            limits=limits,
            budget=0.0,
            least=1 if quick or len(found) > 5 else 3,
        )
        table.rows.append(_row(name, timing, FILE_TARGET))
    if len(table.rows) > 1:
        table.rows.append(_sum(table.rows))
    if not found:
        table.notes.append("no file matches that names a box of inputs")
    return table


def _row(name: str, timing: Timing, target: float) -> Row:
    return {
        "net": name,
        "regions": timing.regions,
        "walls": timing.walls,
        "setup_s": timing.setup,
        "enumeration_s": timing.enumeration,
        "adjacency_s": timing.adjacency,
        "other_s": timing.total - timing.enumeration - timing.adjacency,
        "total_s": timing.total,
        "rate": timing.rate,
        "enumeration_rate": timing.regions / timing.enumeration,
        "target": target,
        "ratio": timing.rate / target,
        "best_s": timing.best,
        "best_ratio": timing.regions / timing.best / target,
        "repetitions": timing.repetitions,
        **timing.rational,
    }


def _sum(rows: list[Row]) -> Row:
    keys = ["regions", "walls", "enumeration_s", "adjacency_s", "other_s", "total_s",
            "best_s", "rational_signs"]  # fmt: skip
    total: Row = {key: sum(row[key] for row in rows) for key in keys}
    rate = total["regions"] / total["total_s"]
    return {
        **total,
        "net": f"all {len(rows)}",
        "rate": rate,
        "enumeration_rate": total["regions"] / total["enumeration_s"],
        "target": FILE_TARGET,
        "ratio": rate / FILE_TARGET,
        "best_ratio": total["regions"] / total["best_s"] / FILE_TARGET,
    }


def per_call(quick: bool) -> Table:
    """What a call costs that has nearly nothing to enumerate."""
    columns = [
        ("net", "net", ""),
        ("regions", "regions", ",d"),
        ("fresh_ms", "new network ms", ".3f"),
        ("again_ms", "same network again ms", ".3f"),
    ]
    table = Table("speed: overhead of a call", columns)
    for widths in ((2, 1), (2, 8), (3, 8, 8), (3, 25, 25, 25, 25, 25))[: 2 if quick else None]:
        case = nets.he_random(*widths)
        box = polyrelu.Box(-1e-9, 1e-9, dim=case.dim)  # few walls come so near to the origin
        repetitions = 5 if quick else 51
        networks = [case.network() for _ in range(repetitions)]
        fresh, graph = cpu_seconds_of_each(polyrelu.regions, networks, box)
        again, _ = cpu_seconds_of_each(polyrelu.regions, networks[-1:] * repetitions, box)
        table.rows.append(
            {
                "net": case.name,
                "regions": len(graph),
                "fresh_ms": 1e3 * median(fresh),
                "again_ms": 1e3 * median(again),
            }
        )
    table.notes = ["on a box of size 1e-9: hardly anything but the overhead is left."]
    return table
