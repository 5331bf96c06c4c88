"""How the cost grows: with neurons, depth, dimension, and the number of regions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from . import nets
from .measure import time_regions, warm_up
from .table import Table

MEASURED = [
    ("regions", "regions", ",d"),
    ("walls", "walls", ",d"),
    ("total_s", "all s", ".4f"),
    ("total_us", "us/region", ".2f"),
    ("enumeration_us", "enumeration us/region", ".2f"),
    ("adjacency_us", "adjacency us/region", ".2f"),
    ("rational_signs", "rational signs", ",d"),
]

# One layer with about 5,000 regions in [-1,1]^d.
ABOUT_EQUAL = ((1, 6400), (2, 128), (3, 40), (4, 24), (5, 18), (6, 16))


def run(quick: bool) -> Iterator[Table]:
    warm_up()
    neurons = [(n, nets.he_random(2, n)) for n in (32, 64, 128, 256, 512, 1024)]
    depth = [(k, nets.he_random(2, *[32] * k)) for k in (1, 2, 3, 4, 5, 6, 8)]
    dimension = [(w[0], nets.he_random(*w)) for w in ABOUT_EQUAL]
    boxes = [(r, nets.he_random(3, 32, 32, 32, radius=r)) for r in (1 / 8, 1 / 4, 1 / 2, 1, 2, 4)]
    kinds = [
        ("neurons (one layer, two inputs)", "neurons", "d", neurons),
        ("depth (two inputs, layers of 32)", "layers", "d", depth),
        ("dimension (one layer, about as many regions)", "inputs", "d", dimension),
        ("regions (3-32-32-32, growing boxes)", "radius", "g", boxes),
    ]
    for title, key, spec, cases in kinds:
        yield _table(title, key, spec, cases[1:3] if quick else cases, 0.1 if quick else 2.0)


def _table(
    title: str, key: str, spec: str, cases: Iterable[tuple[float, nets.Case]], budget: float
) -> Table:
    columns = [(key, key, spec), ("net", "net", ""), *MEASURED]
    table = Table(f"growth with {title}", columns)
    for value, case in cases:
        timing = time_regions(case.network, case.domain(), budget=budget)
        per_region = 1e6 / timing.regions
        table.rows.append(
            {
                key: value,
                "net": case.name,
                "regions": timing.regions,
                "walls": timing.walls,
                "total_s": timing.total,
                "total_us": timing.total * per_region,
                "enumeration_us": timing.enumeration * per_region,
                "adjacency_us": timing.adjacency * per_region,
                **timing.rational,
            }
        )
    return table
