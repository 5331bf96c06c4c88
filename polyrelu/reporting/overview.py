"""The sections on what there is: network and domain, regions, certificate, pictures."""

from __future__ import annotations

import numpy as np

from ..describe import layer_rows
from ..domain import Slice
from ..enumeration import regions
from ..errors import DomainError, NetworkError
from ..graph import RegionGraph
from ..limits import Limits
from ..queries.counting import region_bounds
from ..queries.where import stopped
from .blocks import Bars, Block, Code, Facts, Section, Table, Text
from .pictures import picture, region_pictures
from .subject import Subject

MOST_REGIONS = 2_000_000  # without limits of the caller's: some 300 MB
LINEAR, CHECK, ADJACENCY, DRAWN = 6e-5, 1.5e-2, 3e-5, 2e-4  # seconds a region, on a slow machine
SAMPLE = 200
MOST_SOLIDS = 1000


def subject_section(subject: Subject, section: Section) -> None:
    """The network and where it is looked at."""
    net = subject.given
    where = subject.where
    rows = [
        ("inputs, outputs", f"{net.input_dim}, {net.output_dim}"),
        ("thresholds", f"{len(net.thresholds):,} (bits of an activation pattern)"),
        ("SHA-256 of the function", net.hash),
        ("domain", repr(where) + (" (a slice)" if isinstance(where, Slice) else "")),
        *(("note", note) for note in net.notes),
    ]
    layers = [[str(k), str(r["inputs"]), str(r["outputs"]), r["units"]]
              for k, r in enumerate(layer_rows(net))]  # fmt: skip
    head = ("layer", "inputs", "outputs", "units")
    section.blocks += [Facts(rows), Table("Layers", head, layers, numeric=False)]


def regions_section(subject: Subject, section: Section) -> None:
    """All regions, or as many as there is time for."""
    limits = subject.within(0.8)
    if limits.regions is None:
        limits = Limits(MOST_REGIONS, limits.seconds, limits.memory)
    graph = regions(subject.network, subject.domain, limits=limits, progress=subject.progress)
    subject.graph = graph
    found = graph.statistics()
    kind = "" if graph.complete else "at least "
    subject.headline += [
        ("regions", f"{kind}{len(graph):,}"),
        ("walls", f"{kind}{graph.n_walls:,}"),
    ]
    if not graph.complete:
        section.state, section.reason = "cut short", f"{stopped(graph)}: counts are lower bounds"
    rows = [
        ("regions", f"{kind}{len(graph):,}"),
        ("linear regions", _linear_regions(subject, graph)),
        ("walls between regions", f"{kind}{graph.n_walls:,}"),
        ("facets on the domain's boundary", f"{kind}{found['domain_facets']:,}"),
        ("facets behind which nobody looked", f"{found['unexplored_facets']:,}"),
        ("unbounded regions", f"{kind}{found['unbounded_regions']:,}"),
        ("neighbours" + ("" if graph.complete else ", of those that were found"),
         f"{found['average_degree']:.3f} on average, {found['least_degree']} to "
         f"{found['greatest_degree']}"),
        *_bound_rows(subject),
    ]  # fmt: skip
    section.blocks += [Facts(rows), _degree_bars(graph)]


def _linear_regions(subject: Subject, graph: RegionGraph) -> str:
    if not graph.complete:
        return "not known: not all regions were found"
    if not subject.affords(LINEAR * len(graph)):
        return "left out: no time"
    n = len(np.unique(graph.linear_regions()))
    subject.headline.append(("linear regions", f"{n:,}"))
    return f"{n:,}"


def _bound_rows(subject: Subject) -> list[tuple[str, str]]:
    """By the widths alone."""
    try:
        bounds = region_bounds(subject.network)
    except NetworkError:  # other units, or no hidden layer
        return []
    return [("upper bound by the widths, in R^n", f"{bounds.serra_2018:,} (Serra et al. 2018)")]


def _degree_bars(graph: RegionGraph) -> Block:
    counts = np.bincount(graph.degrees)
    first = int(np.flatnonzero(counts)[0]) if counts.any() else 0
    values = [(str(k), int(counts[k])) for k in range(first, len(counts))]
    return Bars("Regions by their number of neighbours", values)


def certificate_section(subject: Subject, section: Section) -> None:
    """How it was decided, what an independent check says, and how to do it again."""
    graph = _needed(subject)
    stats = graph.stats
    sample = int(np.clip(0.6 * subject.left / CHECK, 5, SAMPLE))
    # Adjacency is checked of all regions, geometry of the sample.
    level = "geometry" if subject.affords(ADJACENCY * len(graph)) else "patterns"
    checked = graph.verify(level, sample=min(sample, len(graph)), seed=subject.seed)
    which = "all" if checked.sample == len(graph) else f"{checked.sample:,} drawn at random"
    state = "passed" if checked.ok else "FAILED"
    subject.headline.append(("independent check", state))
    versions = ", ".join(f"{k} {v}" for k, v in stats.get("versions", {}).items())
    rows = [
        ("signs that float64 left open, decided in rationals",
         f"{stats.get('rational_signs', 0):,}; all others lie behind a rigorous error bound"),
        ("vertices, maps, points in rationals",
         ", ".join(f"{stats.get(f'rational_{k}', 0):,}"
                   for k in ("generators", "compositions", "witnesses"))),
        ("enumeration", f"{stats.get('seconds', 0.0):.2f} s, and "
         f"{stats.get('adjacency_seconds', 0.0):.2f} s for which regions touch"),
        ("versions", versions),
    ]  # fmt: skip
    section.blocks += [
        Text(f"Checked again by code that shares nothing with the engine, in rational arithmetic: "
             f"{state}, level {level}, regions: {which} of {len(graph):,}.",
             "proved" if checked.ok else "refuted"),
        Facts(rows),
        Code(str(checked)),
        Text("Made by:"),
        Code(subject.command),
    ]  # fmt: skip


def pictures_section(subject: Subject, section: Section) -> None:
    """The domain itself if it is a plane or a line; else a plane through its middle."""
    whole = subject.graph
    if subject.plane is subject.domain and whole is not None:
        graph = whole
    else:
        graph = regions(subject.network, subject.plane, limits=subject.within(0.3))
        section.blocks.append(Text(
            f"The domain has {subject.domain.dim} coordinates; this is a plane of two of them, the "
            f"others in the middle: {len(graph):,} regions."))  # fmt: skip
    if not graph.complete:
        section.state, section.reason = "cut short", f"{stopped(graph)}: the rest is left white"
    if not len(graph) or graph.equalities():
        raise DomainError("a picture needs a domain with an interior")
    for caption, draw, alt in region_pictures(graph, subject.names):
        if not subject.affords(2 * DRAWN * len(graph)):
            section.state, section.reason = "cut short", "no time for all pictures"
            return
        section.blocks.append(picture(draw, caption, alt))
    if whole is not None and whole.dim == 3 and len(whole) <= MOST_SOLIDS:
        _add_solids(subject, whole, section)


def _add_solids(subject: Subject, graph: RegionGraph, section: Section) -> None:
    from ..clipping import domain_bounds
    from ..plot import plot_solids

    if domain_bounds(graph.domain) is None or graph.equalities():
        return
    section.blocks.append(picture(
        lambda ax: plot_solids(graph, class_names=subject.names, ax=ax),
        "All regions as solids, by the class in their middle.",
        f"{len(graph):,} solids in a box.", space=True))  # fmt: skip


def _needed(subject: Subject) -> RegionGraph:
    if subject.graph is None or not len(subject.graph):
        raise DomainError("no regions were found")
    return subject.graph
