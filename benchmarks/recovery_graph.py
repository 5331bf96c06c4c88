"""Networks recovered from their unlabelled complex: how often, and in what time."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median

import polyrelu
from polyrelu.queries.reproduction import reproduces

from .measure import cpu_seconds
from .nets import he_network, short_name
from .table import Table

SEEDS = 10
CASES = (
    ((2, 8, 1), "space"), ((2, 4, 4, 1), "space"), ((2, 4, 4, 1), "box"), ((2, 6, 6, 1), "space"),
    ((2, 8, 8, 1), "space"), ((2, 8, 8, 1), "box"), ((2, 8, 8, 3), "space"),
    ((3, 5, 4, 1), "space"), ((3, 6, 6, 1), "box"), ((4, 6, 3, 1), "space"),
)  # fmt: skip


def run(quick: bool) -> Iterator[Table]:
    columns = [
        ("net", "net", ""), ("domain", "domain", ""), ("regions", "regions", ",.0f"),
        ("generic", "all show", "d"), ("unique", "determined", "d"), ("same", "same network", "d"),
        ("open", "open", "d"), ("refused", "refused", "d"), ("wrong", "wrong", "d"),
        ("complex", "complex s", ".2f"), ("recovery", "recovery s", ".2f"),
        ("slowest", "slowest s", ".1f"),
    ]  # fmt: skip
    table = Table("networks recovered from their unlabelled complex, in rationals", columns)
    for widths, domain in CASES[:2] if quick else CASES:
        table.rows.append(_row(widths, domain, 3 if quick else SEEDS))
    table.notes += [
        f"all show: of {3 if quick else SEEDS} random networks those without neurons that are "
        "always active or invisible.",
        "determined: recovered, and no other network of its size has the function; same network: "
        "of these, the given one up to permutation and scaling (the others had dead neurons).",
        "open: recovered with exactly the same function, which leaves weights open; refused: with "
        "the reason.",
        "box: [-5, 5]^d; medians of CPU seconds.",
    ]
    yield table


def _row(widths: tuple[int, ...], domain: str, seeds: int) -> dict[str, object]:
    where = polyrelu.Space(widths[0]) if domain == "space" else polyrelu.Box(-5, 5, dim=widths[0])
    counts = dict.fromkeys(("generic", "unique", "same", "open", "refused", "wrong"), 0)
    sizes, making, recovering = [], [], []
    for seed in range(seeds):
        network = he_network(widths, seed)
        graph = polyrelu.regions(network, where)
        kinds = {neuron.kind for neuron in polyrelu.identifiability(graph).neurons}
        counts["generic"] += not kinds & {"always active", "invisible"}
        seconds, given = cpu_seconds(polyrelu.Complex.from_graph, graph, seed)
        making.append(seconds)
        seconds, found = cpu_seconds(_recovered, given)
        recovering.append(seconds)
        sizes.append(len(graph))
        if found is None:
            counts["refused"] += 1
            continue
        counts["wrong"] += not reproduces(found.network, given)
        counts["open" if found.open else "unique"] += 1
        if not found.open:
            pair = network, found.network.to_network()
            counts["same"] += len({polyrelu.canonical(n, exact=True).hash for n in pair}) == 1
            counts["wrong"] += not polyrelu.equivalent(*pair, where).proved
    return counts | {
        "net": short_name(widths), "domain": domain, "regions": median(sizes),
        "complex": median(making), "recovery": median(recovering), "slowest": max(recovering),
    }  # fmt: skip


def _recovered(given: polyrelu.Complex) -> polyrelu.GraphRecovery | None:
    try:
        return polyrelu.recover_from_graph(given, allow_open=True)
    except polyrelu.RecoveryError:
        return None
