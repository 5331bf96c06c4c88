"""What the first call costs: importing, compiling, and reading compiled kernels back."""

from __future__ import annotations

import tempfile
import time
from statistics import median
from typing import Any

from .process import run_module, serve
from .table import Row, Table

TARGETS = {"import polyrelu": 0.3, "first call": 15.0}
STAGES = ("import polyrelu", "import of the engine", "first call", "second call")
WARM_RUNS = 5


def run() -> Table:
    """One process with an empty cache of numba, then some that find it filled."""
    columns = [
        ("stage", "stage", ""),
        ("cold", "cold s", ".3f"),
        ("warm", "cached s", ".3f"),
        ("target", "target (cold) s", ".1f"),
    ]
    table = Table("speed: the first call of a process (CPU seconds)", columns)
    with tempfile.TemporaryDirectory() as cache:
        outcomes = [
            run_module(
                "benchmarks.startup", None, seconds=600, environment={"NUMBA_CACHE_DIR": cache}
            )
            for _ in range(1 + WARM_RUNS)
        ]
    failures = [o.failure for o in outcomes if o.failure]
    if failures:
        table.notes.append(f"failed: {failures[0]}")
        return table
    cold, *warm = (o.answer for o in outcomes)
    for stage in STAGES:
        row: Row = {"stage": stage, "cold": cold[stage], "target": TARGETS.get(stage)}
        table.rows.append(row | {"warm": median(w[stage] for w in warm)})
    table.notes = ["cold: with an empty NUMBA_CACHE_DIR, which compiles every kernel needed."]
    return table


def child(_: Any) -> dict[str, float]:
    """In a fresh process: the CPU seconds of each stage (numpy is imported by polyrelu)."""
    seconds = {}

    def stage(name: str, began: float) -> float:
        seconds[name] = time.process_time() - began
        return time.process_time()

    at = time.process_time()
    import polyrelu

    at = stage("import polyrelu", at)
    import polyrelu.engine.assemble
    import polyrelu.engine.enumerate

    box = polyrelu.Box(-1, 1, dim=2)
    network = polyrelu.Network.from_layers(
        [([[1, 2], [3, -1]], [0, 0.5]), ([[1, 1], [2, -1]], [0.25, 0])],
        output_activation=polyrelu.relu(),
    )
    at = stage("import of the engine", at)
    polyrelu.regions(network, box)
    at = stage("first call", at)
    polyrelu.regions(network, box)
    stage("second call", at)
    return seconds


if __name__ == "__main__":
    serve(child)
