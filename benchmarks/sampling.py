"""Sampling beside exact enumeration: what it finds for the same cost, and what it would take."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

import polyrelu as pr
from polyrelu import sampling

from .folding import cantor_net
from .nets import degenerate, he_layers, he_random, short_name
from .table import Table

DEMO = Path(__file__).parents[1] / "demo"
BUNDLED = ("surfaces/torus", "surfaces/sphere", "surfaces/linked_rings", "surfaces/two_spheres",
           "network")  # fmt: skip
ARCHITECTURES = (
    (2, 4), (2, 8), (2, 16), (2, 64), (2, 256), (2, 8, 8), (2, 16, 16), (2, 32, 32, 32),
    (2, 64, 64, 64), (3, 4), (3, 8), (3, 32), (3, 8, 8), (3, 16, 16), (3, 32, 32), (3, 16, 16, 16),
    (4, 8), (4, 16), (4, 8, 8), (4, 12, 12), (4, 24, 24), (5, 8), (5, 7, 7), (5, 12, 12), (6, 10),
    (6, 8, 8), (8, 10), (8, 10, 10), (10, 14),
)  # fmt: skip
LINED = ((2, 16, 16), (3, 16, 16), (4, 8, 8))
LARGE = ((3, 64, 64), (4, 32, 32), (3, 32, 32, 32))
FOLLOWED = 50  # how many times the exact cost uniform points are drawn, on bundled networks
MOST = 20_000_000  # points
COST_COLUMNS = [
    ("net", "net", ""), ("regions", "regions", ",d"), ("ms", "exact ms", ",.1f"),
    ("pass", "pass us", ".2f"), ("passes", "exact in passes", ",d"),
    ("recall", "recall then", ".1%"), ("volume", "volume then", ".2%"),
    ("least", "least share", ".1e"), ("to90", "points for 90 %", ".2e"),
    ("to99", "99 %", ".2e"), ("all", "100 %", ".2e"), ("ratio", "99 % / exact", ",.2g"),
]  # fmt: skip


def run(quick: bool) -> Iterator[Table]:
    yield _bundled(BUNDLED[:1] if quick else BUNDLED)
    yield _architectures(ARCHITECTURES[:3] if quick else (*ARCHITECTURES, *LARGE))
    yield _trained(BUNDLED[:1] if quick else BUNDLED)
    yield _methods("surfaces/torus", 10_000 if quick else 1_000_000)
    if not quick:
        yield _methods("network", 1_000_000)
    yield _estimators("surfaces/torus", (1000,) if quick else (10**3, 10**4, 10**5, 10**6))
    if not quick:
        yield _estimators("network", (10**3, 10**4, 10**5, 10**6))
    yield _lines(ARCHITECTURES[1:2] if quick else LINED, 100 if quick else 8000)
    yield _inventions(2 if quick else None)


def _load(name: str) -> pr.Network:
    return pr.load_network(DEMO / f"{name}.npz")


def _random(widths: tuple[int, ...]) -> tuple[pr.Network, pr.Domain]:
    case = he_random(*widths)
    return case.network(), case.domain()


def _cost_row(
    name: str, network: pr.Network, domain: pr.Domain | None, volumes: bool | None = None
) -> tuple[dict[str, Any], sampling.Study]:
    """Exact enumeration and uniform points, of the same CPU time, in one run."""
    found = sampling.study(
        network, domain, methods=["uniform"], repeats=1, volumes=volumes,
        budget=_budget(network, domain),
    )  # fmt: skip
    (comparison,), cost = found.comparisons["uniform"], found.cost
    row = {
        "net": name, "regions": cost.regions, "ms": 1e3 * cost.seconds,
        "pass": 1e6 * cost.pass_seconds, "passes": cost.passes,
        "recall": float(comparison.recall_after(cost.passes)), "volume": None,
    }  # fmt: skip
    then = sampling.compare(found.graph, _cut(comparison, cost.passes), volumes=found.volumes)
    row["volume"] = None if then.coverage is None else then.coverage.value
    if found.volumes is not None:
        to99 = sampling.points_for(found.volumes, 0.99)
        row |= {
            "least": found.volumes.least, "to90": sampling.points_for(found.volumes, 0.9),
            "to99": to99, "all": sampling.points_for(found.volumes, 1.0),
            "ratio": to99 / cost.passes,
        }  # fmt: skip
    return row, found


def _budget(network: pr.Network, domain: pr.Domain | None) -> int:
    return min(MOST, max(1000, 2 * sampling.exact_cost(network, domain, repeats=1).passes))


def _cut(comparison: sampling.Comparison, passes: int) -> sampling.Sample:
    """What had been seen after so many passes (counts are those of the end)."""
    sample = comparison.sample
    k = int(sample.seen_after(passes))
    return replace(
        sample, packed_patterns=sample.packed_patterns[:k].copy(), counts=sample.counts[:k].copy(),
        first_pass=sample.first_pass[:k].copy(), first_point=sample.first_point[:k].copy(),
    )  # fmt: skip


def _bundled(names: tuple[str, ...]) -> Table:
    columns = [*COST_COLUMNS, ("drawn", "points drawn", ",d"), ("reached", "recall", ".1%"),
               ("times", "times exact", ",.0f"), ("seconds", "s for 99 %", ",.0f")]  # fmt: skip
    table = Table("bundled networks: exact enumeration beside uniform points", columns)
    for name in names:
        network = _load(name)
        row, found = _cost_row(name, network, None, volumes=True)
        budget = min(MOST, FOLLOWED * found.cost.passes)
        drawn = sampling.uniform_points(network, budget=budget, seed=7)
        reached = sampling.compare(found.graph, drawn, held_out=0)
        table.rows.append(row | {
            "drawn": drawn.passes, "reached": reached.recall,
            "times": drawn.seconds / found.cost.seconds,
            "seconds": row["to99"] * found.cost.pass_seconds,
        })  # fmt: skip
    table.notes += [
        "exact in passes: forward passes (batches of 4096, patterns packed) that take as long, in "
        "the same run; then: what as many uniform points found.",
        "points for: in expectation, by the exact volumes of all regions; s for 99 %: at the time "
        "of a pass. points drawn: by a sample of its own, with its CPU time beside the exact one.",
    ]
    return table


def _architectures(cases: tuple[tuple[int, ...], ...]) -> Table:
    table = Table("random networks: exact enumeration beside uniform points", COST_COLUMNS)
    for widths in cases:
        row, _ = _cost_row(short_name(widths), *_random(widths))
        table.rows.append(row)
    table.notes.append(
        "weights N(0, 2/inputs), biases N(0, 1/4), on [-1, 1]^d. Volumes only where they take 20 s "
        "at most; else that of the regions found is estimated."
    )
    return table


def _trained(names: tuple[str, ...]) -> Table:
    table = Table("trained networks beside random ones of the same widths on the same box",
                  COST_COLUMNS)  # fmt: skip
    for k, name in enumerate(names):
        network = _load(name)
        big = name == "network"
        table.rows.append(_cost_row(f"{name} (trained)", network, None, not big)[0])
        rng = np.random.default_rng([2, k])
        like = pr.Network.from_layers(he_layers(rng, network.widths))
        table.rows.append(_cost_row(f"{name} (random)", like, network.input_box)[0])
    return table


def _methods(name: str, budget: int) -> Table:
    columns = [
        ("method", "method", ""), ("passes", "passes", ",.0f"), ("seconds", "s", ".3g"),
        ("found", "found", ",.0f"), ("recall", "recall", ".1%"), ("false", "false", ",.0f"),
        ("volume", "volume", ".2%"), ("chao1", "Chao1", ",.0f"), ("std", "std", ",.0f"),
        ("to 90%", "to 90 %", ".3g"), ("to 99%", "99 %", ".3g"), ("to 100%", "100 %", ".3g"),
    ]  # fmt: skip
    table = Table(f"{name}: all methods, means of 3", columns)
    table.rows = sampling.study(_load(name), budget=budget).rows()
    return table


def _estimators(name: str, budgets: tuple[int, ...]) -> Table:
    network = _load(name)
    graph = pr.regions(network)
    names = ["seen", "chao1", "chao1_bias_corrected", "ace", "jackknife1", "jackknife2",
             "good_turing"]  # fmt: skip
    columns = [("points", "points", ",d"), *((n, n.replace("_", " "), "") for n in names)]
    table = Table(f"{name}: estimates of the {len(graph):,} regions, over the truth", columns)
    for budget in budgets:
        runs = [
            sampling.compare(graph, sampling.uniform_points(network, budget=budget, seed=s),
                             held_out=0)
            for s in range(5)
        ]  # fmt: skip
        errors = sampling.estimator_errors(runs)
        table.rows.append({"points": budget} | {
            n: f"{errors[n].mean / len(graph):.3f} +- {errors[n].variance**0.5 / len(graph):.3f}"
            for n in names
        })  # fmt: skip
    table.notes.append("mean and standard deviation of five samples of uniform points")
    return table


def _lines(cases: tuple[tuple[int, ...], ...], chords: int) -> Table:
    columns = [
        ("net", "net", ""), ("truth", "walls per volume", ".4f"), ("exact", "exact lines", ".4f"),
        ("error", "+-", ".4f"), ("m1000", "1000 points", ".4f"), ("m100", "100 points", ".4f"),
        ("m10", "10 points", ".4f"), ("per_neuron", "crossings per length, neuron", ".4f"),
    ]  # fmt: skip
    table = Table("random lines: crossings per length as the content of walls", columns)
    for widths in cases:
        network, domain = _random(widths)
        graph = pr.regions(network, domain)
        truth = sampling.wall_content(graph) / 2.0 ** widths[0]
        exact = sampling.random_lines(network, domain, budget=2 * chords, per_line=2, exact=True)
        row = {"net": short_name(widths), "truth": truth, "exact": exact.wall_density,
               "error": exact.standard_error / sampling.crossing_constant(widths[0]),
               "per_neuron": exact.per_neuron}  # fmt: skip
        for m in (10, 100, 1000):
            found = sampling.random_lines(network, domain, budget=chords * m, per_line=m)
            row[f"m{m}"] = found.wall_density
        table.rows.append(row)
    table.notes.append(f"{chords:,} chords each; points: changes of pattern between so many on one")
    return table


def _inventions(most: int | None) -> Table:
    columns = [
        ("net", "net", ""), ("regions", "regions", ",d"), ("found", "found", ",d"),
        ("false", "false patterns", ",d"), ("points", "points with them", ".1%"),
        ("chao1", "Chao1", ",.0f"), ("grid", "grid: false", ",d"), ("wall", "on walls", ",d"),
    ]  # fmt: skip
    table = Table("networks that are not in general position: patterns that no region has", columns)
    cases = [
        ("f - g, g permuted, 2-8-8-4", difference(2, 8, 8, 4), pr.Box(-1, 1, dim=2)),
        ("f - g, g permuted, 3-8-8-8", difference(3, 8, 8, 8), pr.Box(-1, 1, dim=3)),
        ("CantorNet 5", cantor_net(5), pr.Box(0, 1, dim=2)),
        *((case.name, case.network(), case.domain()) for case in degenerate()),
    ]
    for name, network, domain in cases[:most]:
        graph = pr.regions(network, domain)
        uniform = sampling.uniform_points(network, domain, budget=100_000)
        found = sampling.compare(graph, uniform, held_out=0)
        grid = sampling.grid_points(network, domain, budget=_odd_side(domain.dim) ** domain.dim)
        gridded = sampling.compare(graph, grid, held_out=0)
        table.rows.append({
            "net": name, "regions": len(graph), "found": found.found,
            "false": found.false_patterns, "points": found.false_points / found.sample.points,
            "chao1": found.estimates["chao1"].estimate, "grid": gridded.false_patterns,
            "wall": gridded.causes["wall"],
        })  # fmt: skip
    table.notes.append("100,000 uniform points; a grid of as many at most, with an odd side.")
    table.notes.append("f - g: ReLUs of the difference of a random network and a copy with its "
                       "neurons permuted, which is 0.")  # fmt: skip
    return table


def _odd_side(dim: int) -> int:
    """Of the largest grid of at most 100,000 points that has one in the middle."""
    side = 1
    while (side + 2) ** dim <= 100_000:
        side += 2
    return side


def difference(*widths: int) -> pr.Network:
    """ReLU(f - g), for a random network f and a copy g of it whose neurons are permuted: what one
    builds to verify that two networks are equal. Sums in another order round otherwise."""
    rng = np.random.default_rng(3)
    layers, order = [], np.arange(widths[0])
    pairs = list(pairwise(widths))
    for k, (m, n) in enumerate(pairs):
        weight, bias = rng.normal(size=(n, m)) * np.sqrt(2 / m), rng.normal(size=n) / 2
        new = rng.permutation(n) if k < len(pairs) - 1 else np.arange(n)
        copy = weight[new][:, order]
        if k == 0:
            both = np.vstack([weight, copy])
        else:
            both = np.block([[weight, 0 * weight], [0 * copy, copy]])
        layers.append((both, np.concatenate([bias, bias[new]])))
        order = new
    both, bias = layers.pop()
    n = widths[-1]
    layers.append((both[:n] - both[n:], bias[:n] - bias[n:]))
    return pr.Network.from_layers(layers, output_activation=pr.relu())
