"""Degenerate arrangements at speed, many inputs, and what is too large to enumerate."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from math import inf

import polyrelu
from polyrelu.arrangement import Arrangement

from . import nets
from .measure import cpu_seconds, warm_up
from .table import Row, Table

CELLS_PER_SECOND = {"degenerate": 100_000, "general": 300_000}

FAMILIES = (
    ("braid", 7), ("type b", 6), ("type e", 6), ("shi", 6), ("catalan", 6),
    ("threshold", 5), ("demicube", 5), ("resonance", 5), ("resonance", 6),
)  # fmt: skip

# Copies of neurons that float64 can hardly tell apart: what of them, inputs, neurons, half a side.
COPIES = tuple(
    (what, dim, n, radius)
    for dim, n in ((3, 30), (4, 16), (5, 13))
    for what in ("normals", "biases")
    for radius in (1.0, 1.1)
)

# One layer in general position: inputs, neurons.
ONE_LAYER = ((6, 16), (7, 18), (8, 20), (9, 18), (10, 16))

# Widths, whether in R^d, and seconds for a graph, if that is a target.
DEEP = (((3, 16, 16, 16), True, 0.3), ((8, 10, 10), True, 3.0), ((8, 10, 10), False, None),
        ((6, 8, 8, 8), True, None), ((12, 10, 6), False, None))  # fmt: skip

# Hundreds of inputs: widths, whether in R^d, how many regions.
AROUND = (((784, 32, 32), True, 1000), ((784, 32, 32), False, 300), ((784, 128, 64), True, 300),
          ((784, 128, 64), False, 100))  # fmt: skip


def run(quick: bool) -> Iterator[Table]:
    warm_up()
    _warm_up_programs()
    yield _families(FAMILIES[:2] if quick else FAMILIES)
    yield _copies((("biases", 3, 6, 1.1),) if quick else COPIES)
    yield _one_layer(ONE_LAYER[:1] if quick else ONE_LAYER)
    yield _deep(DEEP[:1] if quick else DEEP)
    yield _around((((100, 8, 8), False, 10),) if quick else AROUND)


def _warm_up_programs() -> None:
    case = nets.he_random(3, 4, 4, radius=inf)
    for radius in (inf, 1.0):
        small = replace(case, radius=radius)
        polyrelu.regions(small.network(), small.domain(), cells="lp")
        polyrelu.count_regions(small.network(), small.domain(), cells="lp")
        polyrelu.regions(small.network(), small.domain(), start=[0.1, 0.2, 0.3])
    braid = nets.arrangement("braid", 4)
    polyrelu.regions(braid.network(), braid.domain(), start=[0.1, 0.2, 0.4, 0.7])


def _families(chosen: tuple[tuple[str, int], ...]) -> Table:
    columns = [
        ("name", "arrangement", ""),
        ("dim", "d", "d"),
        ("planes", "hyperplanes", "d"),
        ("cells", "cells", ",d"),
        ("count_s", "count s", ".3f"),
        ("graph_s", "graph s", ".3f"),
        ("cells_per_s", "cells/s (graph)", ",.0f"),
        ("ratio", "ratio to target", ".2f"),
        ("chi_s", "deletion-restriction s", ".3f"),
        ("agrees", "the same count", ""),
    ]
    table = Table("degenerate arrangements on R^d", columns)
    for name, n in chosen:
        case = nets.arrangement(name, n)
        (A, b), *_ = case.layers
        count_s, graph_s, cells = _both(case)
        chi_s, chambers = cpu_seconds(lambda A=A, b=b: Arrangement(A, b).n_chambers())
        table.rows.append(
            {
                "name": case.name,
                "dim": case.dim,
                "planes": len(A),
                "cells": cells,
                "count_s": count_s,
                "graph_s": graph_s,
                "cells_per_s": cells / graph_s,
                "ratio": cells / graph_s / CELLS_PER_SECOND["degenerate"],
                "chi_s": chi_s,
                "agrees": "yes" if chambers == cells else f"NO: {chambers}",
            }
        )
    table.notes = ["deletion-restriction: the number of chambers without any geometry."]
    return table


def _both(case: nets.Case) -> tuple[float, float, int]:
    """CPU seconds of counting and of the graph (the better of two), and the number."""
    counts, graphs = [], []
    for _ in range(2):
        seconds, counted = cpu_seconds(polyrelu.count_regions, case.network(), case.domain())
        counts.append(seconds)
        seconds, graph = cpu_seconds(polyrelu.regions, case.network(), case.domain())
        graphs.append(seconds)
        assert counted.count == len(graph), case.name
    return min(counts), min(graphs), len(graph)


SPEED = [
    ("net", "net", ""),
    ("regions", "regions", ",d"),
    ("count_s", "count s", ".3f"),
    ("graph_s", "graph s", ".3f"),
    ("counted_per_s", "regions/s (count)", ",.0f"),
    ("per_s", "regions/s (graph)", ",.0f"),
    ("ratio", "ratio to target", ".2f"),
]


def _copies(chosen: tuple[tuple[str, int, int, float], ...]) -> Table:
    table = Table("neurons and their copies, in boxes", [SPEED[0], ("dim", "d", "d"), *SPEED[1:]])
    for what, dim, n, radius in chosen:
        case = nets.one_ulp_apart(what, dim, n, radius)
        row = _row(case)
        row |= {"dim": dim, "ratio": row["per_s"] / CELLS_PER_SECOND["degenerate"]}
        table.rows.append(row)
    return table


def _row(case: nets.Case) -> Row:
    count_s, graph_s, regions = _both(case)
    return {
        "net": case.name,
        "regions": regions,
        "count_s": count_s,
        "graph_s": graph_s,
        "counted_per_s": regions / count_s,
        "per_s": regions / graph_s,
    }


def _one_layer(chosen: tuple[tuple[int, int], ...]) -> Table:
    table = Table("one layer, d = 6 to 10, He-scaled random", SPEED)
    for d, n in chosen:
        for radius in (inf, 1.0):
            row = _row(nets.he_random(d, n, radius=radius))
            if radius == inf:
                row["ratio"] = row["counted_per_s"] / CELLS_PER_SECOND["general"]
            table.rows.append(row)
    table.notes = ["ratio: regions/s counted on R^d, divided by 300,000 (1 or more: met)."]
    return table


def _deep(chosen: tuple[tuple[tuple[int, ...], bool, float | None], ...]) -> Table:
    table = Table("deep networks", SPEED)
    for widths, whole, target in chosen:
        row = _row(nets.he_random(*widths, radius=inf if whole else 1.0))
        table.rows.append(row | {"ratio": target and target / row["graph_s"]})
    table.notes = ["ratio: the target in seconds divided by graph s (1 or more: met)."]
    return table


def _around(chosen: tuple[tuple[tuple[int, ...], bool, int], ...]) -> Table:
    columns = [
        ("net", "net", ""),
        ("regions", "regions", ",d"),
        ("facets", "facets/region", ".0f"),
        ("setup_s", "set-up s", ".2f"),
        ("ms", "ms/region", ".2f"),
        ("rational", "rational signs", "d"),
    ]
    table = Table("outward from a point (wall time)", columns)
    for widths, whole, n in chosen:
        case = nets.he_random(*widths, radius=inf if whole else 1.0)
        start = nets.inside(case)
        began = time.perf_counter()
        graph = polyrelu.regions(
            case.network(), case.domain(), start=start, limits=polyrelu.Limits(regions=n)
        )
        searched = graph.stats["seconds"]
        table.rows.append(
            {
                "net": case.name,
                "regions": len(graph),
                "facets": len(graph.facets) / len(graph),
                "setup_s": time.perf_counter() - began - searched,
                "ms": 1e3 * searched / len(graph),
                "rational": graph.stats["rational_signs"],
            }
        )
    return table
