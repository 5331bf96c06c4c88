"""Decision boundaries: what they cost beside the enumeration, and their topology."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import polyrelu
from polyrelu import DecisionBoundary
from polyrelu.verify import check_robustness

from .measure import cpu_seconds, warm_up
from .nets import he_network, short_name
from .table import Row, Table

REPETITIONS = 9
SURFACES = Path(__file__).parents[1] / "demo" / "surfaces"

# Widths with the outputs last, in the box [-1, 1]^d.
NETWORKS = (
    (2, 32, 32, 1), (2, 64, 64, 64, 1), (3, 16, 16, 1), (3, 16, 16, 16, 1), (3, 32, 32, 1),
    (4, 16, 16, 1), (3, 32, 32, 2), (3, 32, 32, 3), (3, 32, 32, 10),
)  # fmt: skip
GRIDS = (16, 32, 64)
DEMO = Path(__file__).parents[1] / "demo" / "network.npz"
POINTS = 20


def run(quick: bool) -> Iterator[Table]:
    warm_up()
    polyrelu.decision_boundary(he_network((2, 4, 1), 0), polyrelu.Box(-1, 1, dim=2)).betti()
    cases = NETWORKS[2:3] if quick else NETWORKS
    yield _extraction(cases, 3 if quick else REPETITIONS)
    yield _topology(cases)
    yield _surfaces(GRIDS[:1] if quick else GRIDS)
    yield _radii(2 if quick else POINTS)


def _extraction(cases: tuple[tuple[int, ...], ...], repetitions: int) -> Table:
    columns = [
        ("net", "net", ""),
        ("regions", "regions", ",d"),
        ("cut", "with the decision", ",d"),
        ("pieces", "pieces", ",d"),
        ("regions_s", "regions() s", ".4f"),
        ("boundary_s", "decision_boundary() s", ".4f"),
        ("ratio", "ratio", ".2f"),
    ]
    table = Table("extraction, beside enumerating the same network without it", columns)
    for widths in cases:
        box = polyrelu.Box(-1, 1, dim=widths[0])
        spent: list[list[float]] = [[], []]
        for _ in range(repetitions):
            seconds, graph = cpu_seconds(polyrelu.regions, he_network(widths, 0), box)
            spent[0].append(seconds)
            seconds, boundary = cpu_seconds(polyrelu.decision_boundary, he_network(widths, 0), box)
            spent[1].append(seconds)
        first, second = map(median, spent)
        table.rows.append({
            "net": short_name(widths), "regions": len(graph), "cut": len(boundary.graph),
            "pieces": len(boundary), "regions_s": first, "boundary_s": second,
            "ratio": second / first,
        })  # fmt: skip
    table.notes.append("2 is: as much again. Medians of calls in turns, each on a new network.")
    return table


def _topology(cases: tuple[tuple[int, ...], ...]) -> Table:
    columns = [
        ("net", "net", ""),
        ("regions", "regions", ",d"),
        ("faces", "faces", ",d"),
        ("faces_s", "all faces s", ".2f"),
        ("winners_s", "who wins on them s", ".2f"),
        ("betti_s", "Betti numbers s", ".2f"),
        ("components_s", "components s", ".2f"),
        ("ms_region", "ms/region", ".2f"),
        ("betti", "boundary", ""),
        ("infinity", "with infinity", ""),
    ]
    table = Table("topology: faces of all dimensions, Betti numbers over Z/2", columns)
    table.rows += [_topology_row(widths) for widths in cases]
    table.notes.append("Betti numbers: of the boundary, also with infinity, and of all classes.")
    return table


def _topology_row(widths: tuple[int, ...]) -> Row:
    boundary = polyrelu.decision_boundary(he_network(widths, 0), polyrelu.Box(-1, 1, dim=widths[0]))
    faces, cells = cpu_seconds(lambda: boundary.complex)
    winners, _ = cpu_seconds(lambda: boundary.winners)
    betti, (own, closed) = cpu_seconds(_all_betti, boundary)
    components, _ = cpu_seconds(lambda: boundary.components)
    total = faces + winners + betti + components
    return {
        "net": short_name(widths), "regions": len(boundary.graph), "faces": sum(cells.f_vector),
        "faces_s": faces, "winners_s": winners, "betti_s": betti, "components_s": components,
        "ms_region": 1e3 * total / len(boundary.graph), "betti": _numbers(own),
        "infinity": _numbers(closed),
    }  # fmt: skip


def _all_betti(boundary: DecisionBoundary) -> tuple[tuple[int, ...], tuple[int, ...]]:
    for label in boundary.decision.classes:
        boundary.region_betti(label)
    return boundary.betti(), boundary.betti("infinity")


def _numbers(betti: tuple[int, ...]) -> str:
    return " ".join(map(str, betti))


def _surfaces(grids: tuple[int, ...]) -> Table:
    columns = [
        ("surface", "3-16-16-1", ""),
        ("regions", "regions", ",d"),
        ("pieces", "pieces", ",d"),
        ("s", "s", ".2f"),
        ("betti", "boundary", ""),
        ("gudhi", "gudhi: its pieces triangulated", ""),
        ("inside", "inside", ""),
        *((f"grid{n}", f"gudhi: {n}^3 samples", "") for n in grids),
    ]
    table = Table("trained surfaces: Betti numbers over Z/2, exactly and by others", columns)
    for file in sorted(SURFACES.glob("*.npz")):
        table.rows.append(_surface_row(file, grids))
    table.notes.append("samples: of where the output is <= 0, on a grid in the box, as cubes.")
    if importlib.util.find_spec("gudhi") is None:
        table.notes.append("gudhi not installed (pip install gudhi)")
    return table


def _surface_row(file: Path, grids: tuple[int, ...]) -> Row:
    network = polyrelu.load_network(file)

    def examine() -> tuple[DecisionBoundary, tuple[int, ...]]:
        found = polyrelu.decision_boundary(network)
        return found, found.betti()

    seconds, (boundary, betti) = cpu_seconds(examine)
    row: Row = {
        "surface": file.stem, "regions": len(boundary.graph), "pieces": len(boundary), "s": seconds,
        "betti": _numbers(betti), "inside": _numbers(boundary.region_betti(0)),
    }  # fmt: skip
    judged = importlib.util.find_spec("gudhi") is not None
    row["gudhi"] = _numbers(_by_gudhi(boundary)) if judged else None
    for n in grids:
        row[f"grid{n}"] = _numbers(_by_samples(network, n)) if judged else None
    return row


def _by_gudhi(boundary: DecisionBoundary) -> tuple[int, ...]:
    """Of the pieces, each divided into triangles around its middle."""
    import gudhi

    cells, winners = boundary.complex, boundary.winners
    tree = gudhi.SimplexTree()
    for face, edges in enumerate(cells.boundary[2]):
        if winners[2][face].bit_count() > 1:
            for edge in edges:
                tree.insert([cells.n_points + face, *cells.members[1][edge]])
    tree.compute_persistence(homology_coeff_field=2, persistence_dim_max=True)
    return (*tree.betti_numbers(), 0)


def _by_samples(network: polyrelu.Network, n: int) -> tuple[int, ...]:
    import gudhi

    box: Any = network.input_box
    axes = [np.linspace(a, b, n) for a, b in zip(box.low, box.high, strict=True)]
    values = network(np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1))[..., 0]
    cubes = gudhi.CubicalComplex(vertices=values)
    cubes.compute_persistence(homology_coeff_field=2)
    found = cubes.persistent_betti_numbers(0, 0)
    return (*found, 0)


def _radii(points: int) -> Table:
    columns = [
        ("norm", "norm", ""),
        ("visited", "regions visited", ",.0f"),
        ("most", "most", ",d"),
        ("share", "of all", ".2%"),
        ("s", "s", ".3f"),
        ("most_s", "most s", ".2f"),
        ("check_s", "check again s", ".3f"),
        ("lipschitz", "Lipschitz constant", ".6g"),
        ("lipschitz_s", "s", ".2f"),
    ]
    table = Table("the demo's 4-20-20-10: robust radii at random points of its box", columns)
    network = polyrelu.load_network(DEMO)
    box: Any = network.input_box
    graph = polyrelu.regions(network)
    inputs = np.random.default_rng(0).uniform(box.low, box.high, size=(points, network.input_dim))
    for norm in (1, 2, np.inf):
        polyrelu.robust_radius(network, inputs[0], norm=norm)  # compiled and warm
        runs = [cpu_seconds(polyrelu.robust_radius, network, x, norm=norm) for x in inputs]
        visited = [found.regions_visited for _, found in runs]
        checks = [cpu_seconds(check_robustness, found)[0] for _, found in runs]
        seconds, steepest = cpu_seconds(polyrelu.lipschitz_constant, graph, norm=norm)
        table.rows.append({
            "norm": str(norm), "visited": median(visited), "most": max(visited),
            "share": median(visited) / len(graph), "s": median(s for s, _ in runs),
            "most_s": max(s for s, _ in runs), "check_s": median(checks),
            "lipschitz": steepest.value.high, "lipschitz_s": seconds,
        })  # fmt: skip
    table.notes.append(f"medians of {points} points; {len(graph):,} regions in all.")
    return table
