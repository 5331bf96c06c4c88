"""Level "geometry": what the facets bound, what lies behind them, and whether it all adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import fmpz_mat

from .double_description import Cone, double_description, members
from .forms import Row, pivots
from .report import Check, Tally
from .run import Run
from .union import VOLUME_BITS, Union

EXACT_SUM_REGIONS = 500  # beyond, volumes are summed in fixed point, rounded down
VOLUME_DIM, EULER_DIM, EULER_REGIONS = 6, 4, 50_000


class Section:
    """Coordinates of the chart in which regions have no lines; the other coordinates are 0."""

    def __init__(self, rows: list[Row], dim: int) -> None:
        linear = [g[:-1] for g in rows if any(g[:-1])]
        columns = pivots(fmpz_mat(linear)) if linear else []
        self.keep = [*columns, dim]
        self.rank, self.lines = len(columns), dim - len(columns)
        self.basis = [linear[i] for i in pivots(fmpz_mat(linear).transpose())] if linear else []

    def contains(self, rows: list[Row]) -> bool:
        """Is every row constant along the lines that were left out?"""
        if not self.lines:
            return True
        linear = [*self.basis, *(g[:-1] for g in rows)]
        return not linear or int(fmpz_mat(linear).rank()) == self.rank

    def cone(self, rows: list[Row]) -> Cone | None:
        """The homogeneous cone of ``{y : g . (y, 1) >= 0}``; its last row is "at infinity"."""
        cut = [[g[j] for j in self.keep] for g in rows]
        return double_description([*cut, [0] * self.rank + [1]])


def check_geometry(run: Run) -> list[Check]:
    graph = run.graph
    whole = graph.complete and len(run.chosen) == len(graph)
    facets = Tally("geometry", "facets", "the facets are all walls and nothing but walls")
    walls = Tally("geometry", "walls", "each facet lies on its neighbour, as its wall")
    ends = Tally("geometry", "unbounded", "unbounded regions are those with a ray")
    chart_rows = [list(g) for g in run.chart.constraints]
    section = Section(chart_rows + (run.rows(0) if len(graph) else []), run.dim)
    domain = Section(chart_rows, run.dim)
    domain_cone = domain.cone(chart_rows)
    assert domain_cone is not None, "a section has no lines"
    bounded = not domain.lines and not domain_cone.on[-1]
    union = Union(
        len(graph) <= EXACT_SUM_REGIONS,
        whole and bounded and run.dim <= VOLUME_DIM,
        whole and run.dim <= EULER_DIM and len(graph) <= EULER_REGIONS,
    )
    for i in run.chosen:
        cone = _check_facets(run, section, chart_rows, i, facets)
        if cone is not None:
            _check_walls(run, section, cone, i, walls)
            ends.checked += 1
            if (bool(cone.on[-1]) or section.lines > 0) != bool(graph.unbounded[i]):
                rays = cone.on[-1].bit_count()
                ends.fail(i, f"has {rays} rays, but unbounded is {bool(graph.unbounded[i])}")
            union.add(cone)
        run.step()
    volume = _check_volume(run, union, domain_cone, whole, bounded)
    euler = _check_euler(union, section.lines, domain_cone, domain.lines, whole)
    return [facets.done(), walls.done(), ends.done(), volume, euler]


def _check_facets(
    run: Run, section: Section, domain: list[Row], i: int, tally: Tally
) -> Cone | None:
    """The polyhedron of the listed facets; None if that is not the region."""
    named = run.facets(i)
    tally.checked += len(named)
    rows, failed = run.rows(i), tally.failed
    walls = [run.wall(i, name) for name, _ in named]
    cone = section.cone(walls) if section.contains(rows) else None
    if cone is None or not cone.generators:
        tally.fail(i, "the listed facets do not bound a polyhedron with a vertex")
        return None
    points = (1 << len(cone.generators)) - 1 & ~cone.on[-1]
    for (name, _), wall, on in zip(named, walls, cone.on, strict=False):
        spanned = [list(cone.generators[k]) for k in members(on)]
        if not any(wall) or not on & points or fmpz_mat(spanned).rank() != section.rank:
            tally.fail(i, f"facet {name} is not a wall of dimension {run.dim - 1}")
    if len(set(map(tuple, walls))) < len(walls):
        tally.fail(i, "one wall is listed twice")
    t = _violated([*rows, *domain], section, cone.generators)
    if t is not None:
        what = f"threshold {t}" if t < len(rows) else "the domain"
        tally.fail(i, f"the listed facets leave room beyond {what}: a wall is missing")
    return cone if tally.failed == failed else None


def _values(rows: list[Row], section: Section, generators: list[tuple[int, ...]]) -> list[Any]:
    if not rows or not generators:
        return []
    cut = fmpz_mat([[g[j] for j in section.keep] for g in rows])
    table: list[Any] = (cut * fmpz_mat([list(g) for g in generators]).transpose()).table()
    return table


def _violated(rows: list[Row], section: Section, generators: list[tuple[int, ...]]) -> int | None:
    values = _values(rows, section, generators)
    return next((t for t, row in enumerate(values) if any(v < 0 for v in row)), None)


def _check_walls(run: Run, section: Section, cone: Cone, i: int, tally: Tally) -> None:
    mine = run.bits(i)
    for (name, j), on in zip(run.facets(i), cone.on, strict=False):
        if j < 0:
            continue
        tally.checked += 1
        corners = [cone.generators[k] for k in members(on)]
        behind = [run.wall(j, other) for other, back in run.facets(j) if back == i]
        t = _violated(run.rows(j), section, corners) if section.contains(run.rows(j)) else -1
        if t is not None:
            tally.fail(i, f"facet {name} does not lie on region {j}: see its threshold {t}")
            continue
        flips = [t for t, bit in enumerate(run.bits(j)) if bit != mine[t]]
        if any(any(r) for r in _values([run.rows(i)[t] for t in flips], section, corners)):
            tally.fail(i, f"a bit differs in region {j} whose form is not 0 on facet {name}")
        if [-v for v in run.wall(i, name)] not in behind:
            tally.fail(i, f"facet {name} is not the wall that region {j} has towards it")


def _check_volume(run: Run, union: Union, domain: Cone, whole: bool, bounded: bool) -> Check:
    tally = Tally("geometry", "volume", "volumes add up to the domain's")
    if not union.with_volume:
        tally.note = "left out: " + (
            "not all regions" if not whole else "unbounded" if not bounded else "many dimensions"
        )
        return tally.done()
    tally.checked = len(run.graph)
    total = Union(union.exact, True, False)
    total.add(domain)
    missing, slack = total.volume - union.volume, union.roundings + total.roundings
    tally.note = (
        "added up exactly"
        if union.exact
        else f"each rounded to {VOLUME_BITS} bits, the sum is right within that"
    )
    if abs(missing) > slack:
        share = float(missing / total.volume)
        tally.fail(None, f"the regions leave {share:.3g} of the domain's volume uncovered")
    return tally.done()


def _check_euler(union: Union, lines: int, domain: Cone, domain_lines: int, whole: bool) -> Check:
    """(-1)^lines for a domain that is bounded but for its lines, else 0."""
    tally = Tally("geometry", "euler", "the complex has the domain's Euler characteristic")
    if not union.with_faces:
        tally.note = "left out: " + ("many faces" if whole else "not all regions")
        return tally.done()
    tally.checked = len(union.faces)
    found, right = union.euler(lines), 0 if domain.on[-1] else (-1) ** domain_lines
    counts = np.bincount([k + lines for k in union.faces.values()] or [0]).tolist()
    tally.note = f"faces by dimension {counts}"
    if found != right:
        tally.fail(None, f"the Euler characteristic is {found}, not {right}")
    return tally.done()
