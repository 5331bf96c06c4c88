"""Space folding: the exact walk beside sampling it, what it costs and what samples miss."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import polyrelu
from polyrelu.engine.path import Tracer
from polyrelu.queries.path import traced

from .measure import cpu_seconds
from .nets import he_network
from .table import Table

DEMO = Path(__file__).parents[1] / "demo" / "network.npz"
REPETITIONS = 9
SEGMENTS = 30
NETWORKS = (
    (64, 64, 64, 10), (784, 256, 256, 10), (784, 256, 256, 256, 256, 10),
    (16, *[64] * 8, 1), (16, *[64] * 16, 1), (2, 1024, 1),
)  # fmt: skip
SAMPLES = (10, 100, 1000, 10_000)


def run(quick: bool) -> Iterator[Table]:
    yield _cost(NETWORKS[:1] if quick else NETWORKS, 2 if quick else REPETITIONS)
    yield _cantor(range(1, 4) if quick else range(1, 11))
    yield _error(2 if quick else SEGMENTS)


def _cost(cases: tuple[tuple[int, ...], ...], repetitions: int) -> Table:
    columns = [
        ("net", "net", ""), ("pieces", "pieces", ",d"), ("first", "first segment ms", ".1f"),
        ("exact", "each further ms", ".1f"), ("rational", "rational", ",d"),
        ("samples", "samples", ",d"), ("sampled", "sampling ms", ".1f"),
        ("ratio", "sampling/exact", ".1f"), ("chi", "chi", ".4f"),
        ("chi_sampled", "sampled chi", ".4f"),
    ]  # fmt: skip
    table = Table("exact folding of a segment, beside sampling it", columns)
    for widths in cases:
        network = he_network(widths)
        ends = np.random.default_rng(1).normal(size=(2, widths[0]))
        first, _ = cpu_seconds(polyrelu.activation_path, he_network(widths), ends)
        tracer, corners = Tracer(network), tuple(map(tuple, ends.tolist()))
        exact = [cpu_seconds(traced, tracer, corners) for _ in range(repetitions)]
        path = exact[0][1]
        samples = 10 * len(path)
        sampled = [cpu_seconds(_plain, network, ends, samples) for _ in range(repetitions)]
        seconds, other = (median(s for s, _ in runs) for runs in (exact, sampled))
        table.rows.append({
            "net": _name(widths), "pieces": len(path), "first": 1e3 * first,
            "exact": 1e3 * seconds, "rational": path.rational, "samples": samples,
            "sampled": 1e3 * other, "ratio": other / seconds, "chi": float(path.folding().chi),
            "chi_sampled": float(sampled[0][1].chi),
        })  # fmt: skip
    table.notes.append("sampling: a forward pass of 10 samples a piece and their folding, in plain "
                       "numpy; medians.")  # fmt: skip
    table.notes.append("rational: points and orders that float64 left open.")
    return table


def _plain(network: polyrelu.Network, ends: Any, samples: int) -> polyrelu.Folding:
    """The quickest sampling that numpy has for ReLUs: no bounds, nothing kept but bits."""
    t = np.linspace(0.0, 1.0, samples)[:, None]
    h, bits = ends[0] + t * (ends[1] - ends[0]), []
    for layer in network.layers[:-1]:
        h = h @ layer.weight.T + layer.bias
        bits.append(h > 0)
        np.maximum(h, 0, out=h)
    patterns = np.concatenate(bits, axis=1)
    flips = np.count_nonzero(patterns[1:] != patterns[:-1])
    reach = (patterns != patterns[0]).sum(axis=1).max()
    return polyrelu.Folding(int(reach), int(flips))


def _name(widths: tuple[int, ...]) -> str:
    hidden = widths[1:-1]
    if len(hidden) > 4 and len(set(hidden)) == 1:
        return f"{widths[0]}-{hidden[0]}x{len(hidden)}-{widths[-1]}"
    return "-".join(map(str, widths))


def cantor_net(depth: int) -> polyrelu.Network:
    """CantorNet (Lewandowski et al., NeurReps 2024) without its top neuron."""
    one = ([[3.0, 0.0], [-3.0, 0.0], [0.0, 1.0]], [-2.0, 1.0, 0.0])
    two = ([[1.0, 1.0, 0.0], [0.0, 0.0, 1.0]], [0.0, 0.0])
    relu = polyrelu.relu()
    return polyrelu.Network.from_layers([one, two] * depth, output_activation=relu)


def _cantor(depths: range) -> Table:
    columns = [
        ("depth", "CantorNet", "d"), ("pieces", "pieces", ",d"), ("chi", "chi", ".6f"),
        ("formula", "1 - n/(2(2^n - 1))", ".6f"), ("ms", "ms", ".1f"),
        ("greatest_ms", "greatest part ms", ".1f"), ("samples", "samples for 99 %", ",d"),
    ]  # fmt: skip
    table = Table("CantorNet from (0, 1/4) to (1, 1/4)", columns)
    for n in depths:
        seconds, path = cpu_seconds(polyrelu.activation_path, cantor_net(n), [[0, 0.25], [1, 0.25]])
        most, _ = cpu_seconds(path.greatest_folding)
        table.rows.append({
            "depth": n, "pieces": len(path), "chi": float(path.folding().chi),
            "formula": 1 - n / (2 * (2**n - 1)), "ms": 1e3 * seconds, "greatest_ms": 1e3 * most,
            "samples": polyrelu.samples_needed(path),
        })  # fmt: skip
    table.notes.append("samples: equally spaced ones (1, 2, 5, 10, ...) that find 99 % of r2.")
    return table


def _error(segments: int) -> Table:
    columns = [
        ("net", "net", ""), ("pieces", "pieces", ",.0f"), ("chi", "mean chi", ".4f"),
        *((f"e{n}", f"{n:,} samples", ".4f") for n in SAMPLES),
        ("halving", "halving", ".4f"), ("halvings", "its samples", ",.0f"),
        ("needed", "for 99 % of r2", ",.0f"), ("most", "most", ",d"),
    ]  # fmt: skip
    table = Table("mean error of chi by sampling", columns)
    cases = {"demo 4-20-20-10": polyrelu.load_network(DEMO)}
    cases |= {_name(w): he_network(w) for w in NETWORKS[:1] + NETWORKS[3:4]}
    for name, network in cases.items():
        table.rows.append({"net": name, **_errors(network, segments)})
    table.notes.append(f"{segments} random segments each; halving: between samples that differ in "
                       "more than one bit.")  # fmt: skip
    return table


def _errors(network: polyrelu.Network, segments: int) -> dict[str, Any]:
    ends = np.random.default_rng(2).normal(size=(segments, 2, network.input_dim))
    paths = [polyrelu.activation_path(network, pair) for pair in ends]
    chi = np.array([float(path.folding().chi) for path in paths])
    row: dict[str, Any] = {"pieces": np.mean([len(p) for p in paths]), "chi": chi.mean()}
    for n in SAMPLES:
        found = [float(polyrelu.sampled_folding(network, *pair, n).chi) for pair in ends]
        row[f"e{n}"] = np.abs(np.array(found) - chi).mean()
    halved = [polyrelu.bisected_folding(network, *pair) for pair in ends]
    row["halving"] = np.abs(np.array([float(f.chi) for f, _ in halved]) - chi).mean()
    row["halvings"] = np.mean([n for _, n in halved])
    needed = [n for n in map(polyrelu.samples_needed, paths) if n is not None]
    return row | {"needed": median(needed), "most": max(needed)}
