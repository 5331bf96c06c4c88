"""Peak memory of a process that enumerates about a million regions and keeps their graph."""

from __future__ import annotations

import resource
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .process import run_module, serve
from .table import Table

# About a million regions with the patterns of 125 neurons, as a HCAS network has; and wider.
CASES: list[dict[str, Any]] = [
    {"widths": (4, 25, 25, 25, 25, 25), "radius": 1.4, "seed": 1},
    {"widths": (3, 62, 62, 62, 62, 62), "radius": 1.0, "seed": 1},
]
QUICK: list[dict[str, Any]] = [{"widths": (3, 16, 16, 16), "radius": 1.0, "seed": 1}]
TARGET_MB = 500

COLUMNS = [
    ("net", "net", ""),
    ("regions", "regions", ",d"),
    ("walls", "walls", ",d"),
    ("baseline_mb", "baseline MB", ".0f"),
    ("peak_mb", "peak MB", ".0f"),
    ("bytes_per_region", "(peak - baseline) B/region", ".0f"),
    ("graph_mb", "graph MB", ".0f"),
    ("per_million_mb", "peak MB at 1e6 regions", ".0f"),
    ("ratio", "ratio to target", ".2f"),
]


def run(quick: bool) -> Iterator[Table]:
    table = Table("memory: peak resident set of a fresh process", COLUMNS)
    for case in QUICK if quick else CASES:
        outcome = run_module("benchmarks.memory", case, seconds=900)
        table.rows.append(outcome.answer or {"net": str(case["widths"])})
        if outcome.failure:
            table.notes.append(f"{case['widths']}: {outcome.failure}")
    table.notes += [
        "baseline: after import and a small enumeration (numpy, scipy, numba, LLVM, kernels);",
        "peak at 1e6 regions: baseline + a million times the bytes per region;",
        f"ratio: {TARGET_MB} MB divided by that (1 or more: met).",
    ]
    yield table


def child(case: dict[str, Any]) -> dict[str, Any]:
    import polyrelu

    from . import nets
    from .measure import warm_up

    warm_up()
    baseline = peak_bytes()
    net = nets.he_random(*case["widths"], seed=case["seed"], radius=case["radius"])
    graph = polyrelu.regions(net.network(), net.domain())
    peak = peak_bytes()
    columns = [graph.packed_patterns, graph.local_witnesses, graph.unbounded, graph.indptr,
               graph.facets, graph.neighbor]  # fmt: skip
    each = (peak - baseline) / len(graph)
    at_a_million = (baseline + 1e6 * each) / 1e6
    return {
        "net": net.name,
        "regions": len(graph),
        "walls": graph.n_walls,
        "baseline_mb": baseline / 1e6,
        "peak_mb": peak / 1e6,
        "bytes_per_region": each,
        "graph_mb": sum(c.nbytes for c in columns) / 1e6,
        "per_million_mb": at_a_million,
        "ratio": TARGET_MB / at_a_million,
    }


def peak_bytes() -> int:
    """The peak of this process image; ru_maxrss alone also remembers the parent's on Linux."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        unit = 1 if sys.platform == "darwin" else 1024
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    (peak,) = (line for line in lines if line.startswith("VmHWM"))
    return int(peak.split()[1]) * 1024


if __name__ == "__main__":
    serve(child)
