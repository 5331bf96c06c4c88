"""All cores beside one; what a region costs, as a formula; large networks from files, counted."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from math import comb
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import numpy as np

import polyrelu

from . import nets
from .measure import cpu_seconds, warm_up
from .table import Row, Table

# About a million regions.
MILLION = nets.he_random(4, 25, 25, 25, 25, 25, radius=1.4)
SMALL = nets.he_random(3, 16, 16, 16)

# Networks of which the first regions are counted: inputs, hidden layers, their width.
GRID = [
    (d, layers, width) for d in (2, 3, 4, 5, 6) for layers in (1, 2, 4, 6) for width in (12, 25, 50)
]
QUICK_GRID = [(2, 1, 12), (3, 2, 12), (3, 1, 25), (4, 1, 12), (2, 2, 25), (4, 2, 12)]


def run(quick: bool, folder: Path | None) -> Iterator[Table]:
    warm_up()
    yield cores(quick)
    yield cost(quick)
    if folder is not None:
        yield files(folder, quick)


# ---------------------------------------------------------------- cores


def cores(quick: bool) -> Table:
    """Wall time on one core and on all: here the clock on the wall is the subject."""
    case = SMALL if quick else MILLION
    n = len(os.sched_getaffinity(0))
    columns = [
        ("what", "what", ""),
        ("regions", "regions", ",d"),
        ("one_s", "1 core s", ".2f"),
        ("all_s", f"{n} cores s", ".2f"),
        ("speedup", "times faster", ".2f"),
        ("extra", "CPU all / one", ".2f"),
        ("machine", "processes apart", ".2f"),
    ]
    table = Table(f"scaling: {case.name}, one core and {n}", columns)
    repetitions = 1 if quick else 5
    with ProcessPoolExecutor(n, get_context("spawn"), warm_up) as apart:
        for what, function in (("graph", "regions"), ("count", "count_regions")):
            table.rows.append(_cores_of(what, function, case, n, repetitions, apart))
    with tempfile.TemporaryDirectory() as scratch:
        table.rows.append(_stored(case, n, repetitions, Path(scratch)))
    table.notes = [
        "medians of wall time, in turns; all cores give the same graph to the last bit",
        f"processes apart: how much more {n} one-core processes get done at once than one, which",
        "   have nothing in common but the machine: what it has to give",
        f"load of the machine before: {os.getloadavg()[0]:.1f}",
    ]
    return table


def _cores_of(
    what: str, function: str, case: nets.Case, n: int, repetitions: int, apart: Executor
) -> Row:
    one, several, machine, regions = [], [], [], 0
    list(apart.map(_found, [function] * n, [SMALL] * n, [1] * n))  # they start
    for _ in range(repetitions):
        for workers, seconds in ((1, one), (n, several)):
            wall, cpu = time.perf_counter(), time.process_time()
            regions = _found(function, case, workers)
            seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
        wall = time.perf_counter()
        list(apart.map(_found, [function] * n, [case] * n, [1] * n))
        machine.append(n * one[-1][0] / (time.perf_counter() - wall))
    return _compared(what, regions, one, several) | {"machine": median(machine)}


def _found(function: str, case: nets.Case, workers: int) -> int:
    found = getattr(polyrelu, function)(case.network(), case.domain(), workers=workers)
    return found.count if function == "count_regions" else len(found)


def _stored(case: nets.Case, n: int, repetitions: int, scratch: Path) -> Row:
    one, several, regions = [], [], 0
    for k in range(repetitions):
        for workers, seconds in ((1, one), (n, several)):
            wall, cpu = time.perf_counter(), time.process_time()
            target = scratch / f"{k}-{workers}"
            store = polyrelu.store_regions(case.network(), case.domain(), target, workers=workers)
            seconds.append((time.perf_counter() - wall, time.process_time() - cpu))
            regions = len(store)
    return _compared("graph on disk", regions, one, several)


def _compared(
    what: str, regions: int, one: list[tuple[float, float]], several: list[tuple[float, float]]
) -> Row:
    (one_s, one_cpu), (all_s, all_cpu) = (
        tuple(median(column) for column in zip(*seconds, strict=True)) for seconds in (one, several)
    )
    return {
        "what": what,
        "regions": regions,
        "one_s": one_s,
        "all_s": all_s,
        "speedup": one_s / all_s,
        "extra": all_cpu / one_cpu,
    }


# ---------------------------------------------------------------- cost


def cost(quick: bool) -> Table:
    """CPU microseconds for a region that is counted, and a formula fitted to them."""
    columns = [
        ("net", "net", ""),
        ("regions", "regions counted", ",d"),
        ("us", "us/region", ".2f"),
        ("fit", "by the formula", ".2f"),
    ]
    table = Table("scaling: what a region costs, one core", columns)
    most = 2_000 if quick else 100_000
    sizes = []
    for d, layers, width in QUICK_GRID if quick else GRID:
        case = nets.he_random(d, *[width] * layers)
        seconds, found = cpu_seconds(
            polyrelu.count_regions,
            case.network(),
            case.domain(),
            limits=polyrelu.Limits(regions=most),
            workers=1,
            cells="vertices",
        )
        if found.count < most // 50:
            continue  # it is the fixed cost of a call
        sizes.append((d, layers, width))
        us = 1e6 * seconds / found.count
        table.rows.append({"net": case.name, "regions": found.count, "us": us})
    exponents, fitted = _fitted(sizes, [row["us"] for row in table.rows])
    for row, us in zip(table.rows, fitted, strict=True):
        row["fit"] = us
    worst = max(max(r["us"] / r["fit"], r["fit"] / r["us"]) for r in table.rows)
    a, b, c, e = exponents
    table.notes = [
        f"formula: {np.exp(a):.3f} us * {np.exp(b):.2f}^inputs * layers^{c:.2f} * width^{e:.2f},",
        f"least squares of the logarithms; at worst {worst:.1f} times off",
    ]
    return table


def _fitted(sizes: list[tuple[int, int, int]], us: list[float]) -> tuple[np.ndarray, np.ndarray]:
    rows = np.array([[1.0, d, np.log(layers), np.log(width)] for d, layers, width in sizes])
    exponents = np.linalg.lstsq(rows, np.log(us), rcond=None)[0]
    return exponents, np.exp(rows @ exponents)


# ---------------------------------------------------------------- files


def files(folder: Path, quick: bool) -> Table:
    """HCAS networks, whole boxes, with graphs."""
    columns = [
        ("net", "net", ""),
        ("regions", "regions", ",d"),
        ("walls", "walls", ",d"),
        ("hyperplanes", "of C(neurons, inputs)", ".2f"),
        ("rational_signs", "rational signs", ",d"),
        ("seconds", "s", ".2f"),
    ]
    table = Table("scaling: networks from files, whole boxes, with graphs", columns)
    paths = [path for _, path in nets.from_files(folder, "HCAS*.nnet")]
    for path in paths[: 1 if quick else None]:
        network = polyrelu.load_network(path)
        began = time.perf_counter()
        graph = polyrelu.regions(network)
        most = comb(len(network.thresholds), network.input_dim)
        table.rows.append(
            {
                "net": path.stem,
                "regions": len(graph),
                "walls": graph.n_walls,
                "hyperplanes": len(graph) / most,
                "rational_signs": graph.stats["rational_signs"],
                "seconds": time.perf_counter() - began,
            }
        )
    if not paths:
        table.notes.append("no file matches HCAS*.nnet")
    return table
