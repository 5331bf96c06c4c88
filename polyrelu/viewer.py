"""A decision boundary, or regions, in three dimensions as one HTML page to turn around and look
into."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .boundary_colors import between
from .errors import FileFormatError, PolyreluError
from .graph import RegionGraph
from .io.mesh import write_whole
from .mesh import Mesh, Window, boundary_mesh, picture_units, picture_window
from .mesh import class_names as names_of
from .network import Array
from .pages import filled, script_json
from .queries.boundary import DecisionBoundary
from .queries.where import stopped
from .solids import region_mesh

TITLE = "Decision boundary"
MOST_PAIRS = 50

Facts = list[tuple[str, str]]


def save_html(
    what: DecisionBoundary | Mesh | RegionGraph,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    class_names: Sequence[str] | None = None,
    window: Window | None = None,
    gap: float = 0.08,
) -> None:
    """Write one HTML file that shows a surface, or regions as solids: turn it, cut it open, point
    at pieces.

    The page holds all that it needs and loads nothing, so it works offline and in an archive. It
    needs a browser with WebGL; without one it still tells the numbers. A page of 50,000 triangles
    has some 3 MB.

    Args:
        what: a boundary in three coordinates, a mesh, or a region graph of a bounded domain with
            three coordinates.
        path: ends in ``.html``.
        title: of the page; plain text.
        class_names: one for each class; for a single output those of at most the level, and above
            it.
        window: of a boundary, as :func:`polyrelu.boundary_mesh` takes it; default on an unbounded
            domain, for a boundary without end, where most vertices are.
        gap: of regions: how much each is shrunk, 0 to 1, so that one sees in between.

    Raises:
        FileFormatError: another suffix.
        DomainError, IncompleteError: see :func:`polyrelu.boundary_mesh`; of regions
            :func:`polyrelu.solids.region_mesh`.
        PolyreluError: another number of names, or a window for what is cut already.
    """
    file = Path(path)
    if file.suffix.lower() != ".html":
        raise FileFormatError(f"pages are written to .html files, not {file.suffix!r} ({file})")
    if window is not None and not isinstance(what, DecisionBoundary):
        raise PolyreluError("a mesh is cut already: window= is for a boundary")
    if isinstance(what, RegionGraph):
        text = solids_page(what, title or "Regions", class_names, gap)
    elif isinstance(what, Mesh):
        text = page(what, title or TITLE, _renamed(what, class_names))
    else:
        mesh = boundary_mesh(what, window=picture_window(what) if window is None else window)
        text = page(mesh, title or TITLE, names_of(what, class_names))
    write_whole(file, text.encode())


def _renamed(mesh: Mesh, names: Sequence[str] | None) -> dict[int, str]:
    if names is None:
        return mesh.class_names
    if len(names) != len(mesh.class_names):
        raise PolyreluError(f"class_names must be {len(mesh.class_names)} names, not {len(names)}")
    return dict(zip(mesh.class_names, map(str, names), strict=True))


def page(mesh: Mesh, title: str = TITLE, names: dict[int, str] | None = None) -> str:
    """The page of a decision boundary; names of classes by their number."""
    names = mesh.class_names if names is None else names
    pairs, pair_of, numbers = _pairs(mesh)
    components = mesh.components()
    n = int(components.max(initial=-1)) + 1
    schemes = [
        Scheme("class pair", "names", pair_of, [between(p, names) for p in pairs]),
        Scheme("component", "names", components, [f"component {k}" for k in range(n)]),
        Scheme("piece", "arbitrary", mesh.piece_of),
        Scheme("direction", "direction"),
    ]
    facts = _facts(mesh, n)
    tables = [_table("In numbers", facts), _pairs_table(pairs, numbers, names)]
    chosen = int(len(pairs) < 2 and n > 1)
    return _filled(mesh, title, "A surface", facts, tables, "piece", schemes, chosen, mesh.bounds)


def solids_page(
    graph: RegionGraph, title: str, class_names: Sequence[str] | None = None, gap: float = 0.08
) -> str:
    """The page of the regions of a network with three inputs."""
    mesh = region_mesh(graph, gap=gap, names=class_names)
    owner = mesh.piece_of
    layer_of = np.array([layer for layer, _, _ in graph.network.thresholds], dtype=np.int64)
    n = len(graph.network.layers)
    inside = graph.facets >= 0
    layers = np.full(len(graph.facets), n)
    layers[inside] = layer_of[graph.facets[inside]]
    classes, which = np.unique(mesh.classes[:, 0], return_inverse=True)
    used, layer = np.unique(layers, return_inverse=True)
    active = np.bitwise_count(graph.packed_patterns).sum(axis=1, dtype=np.int64)
    schemes = [
        Scheme("class", "names", which, [mesh.class_names[c] for c in classes.tolist()]),
        Scheme("region", "arbitrary", owner),
        Scheme("layer of the wall", "names", layer,
               ["the domain's boundary" if k == n else f"wall of layer {k}"
                for k in used.tolist()]),
        Scheme("neighbours", "number", graph.degrees[owner]),
        Scheme("thresholds exceeded", "number", active[owner]),
        Scheme("direction", "direction"),
    ]  # fmt: skip
    state = "all" if graph.complete else f"incomplete: {stopped(graph)}"
    facts = [("regions", f"{len(graph):,}"), ("walls", f"{graph.n_walls:,}"), ("found", state),
             ("facets", f"{len(mesh):,}")]  # fmt: skip
    chosen = 1 if len(classes) < 2 else 0
    tables = [_table("In numbers", facts)]
    return _filled(mesh, title, "Solids", facts, tables, "region", schemes, chosen, mesh.frame)


@dataclass(frozen=True)
class Scheme:
    """What colours the polygons of a page.

    Attributes:
        label: what it is called.
        kind: "names" (a colour for each), "arbitrary", "number", or "direction" (of the normal).
        of: for each polygon which name, which number; of directions nothing.
        names: of kind "names".
    """

    label: str
    kind: str
    of: npt.NDArray[np.int64] | None = None
    names: Sequence[str] = ()


def _filled(
    mesh: Mesh,
    title: str,
    what: str,
    facts: Facts,
    tables: Sequence[str],
    item: str,
    schemes: Sequence[Scheme],
    chosen: int,
    frame: Array,
) -> str:
    """The template with all that it needs."""
    data = _data(mesh, frame) | _of_schemes(schemes) | {"item": item, "chosen": chosen}
    summary = ", ".join(f"{v} {k}" for k, v in facts[:4])
    values = {
        "TITLE": escape(title),
        "SUMMARY": escape(f"{what}: {summary}."),
        "NUMBERS": "\n".join(tables),
        "DATA": script_json(data),
    }
    return filled("viewer.html", values)


Pair = tuple[int, int]


def _pairs(mesh: Mesh) -> tuple[list[Pair], npt.NDArray[np.int64], list[tuple[int, float]]]:
    """The pairs of classes that occur, the most frequent ones first; which one each polygon has;
    how many polygons each has, and what area."""
    pairs, inverse = np.unique(mesh.classes, axis=0, return_inverse=True)
    order = np.argsort(-np.bincount(inverse.ravel(), minlength=len(pairs)), kind="stable")
    pair_of = np.argsort(order)[inverse.ravel()]
    areas = mesh.areas()
    numbers = [
        (int((pair_of == k).sum()), float(areas[pair_of == k].sum())) for k in range(len(pairs))
    ]
    return [(a, b) for a, b in pairs[order].tolist()], pair_of, numbers


def _facts(mesh: Mesh, components: int) -> Facts:
    return [
        ("polygons", f"{len(mesh):,}"),
        ("edges", f"{len(mesh.edges()):,}"),
        ("vertices", f"{len(mesh.vertices):,}"),
        ("components", f"{components:,}"),
        ("Euler characteristic", f"{mesh.euler_characteristic:,}"),
        ("area", f"{mesh.areas().sum():.6g}"),
        ("watertight", "yes" if mesh.watertight else "no"),
    ]


def _table(heading: str, facts: Facts) -> str:
    rows = [
        f'<tr><th scope="row">{escape(k)}</th><td class="n">{escape(v)}</td></tr>' for k, v in facts
    ]
    return "\n".join([f"<h2>{heading}</h2>", "<table><tbody>", *rows, "</tbody></table>"])


def _pairs_table(pairs: list[Pair], numbers: list[tuple[int, float]], names: dict[int, str]) -> str:
    if not pairs:
        return ""
    head = "".join(
        f'<th scope="col">{t}</th>' for t in ("one side", "other side", "polygons", "area")
    )
    lines = [
        "<h2>Between the classes</h2>",
        f"<table><thead><tr>{head}</tr></thead><tbody>",
    ]
    for (first, second), (n, area) in list(zip(pairs, numbers, strict=True))[:MOST_PAIRS]:
        sides = f"<td>{escape(names[first])}</td><td>{escape(names[second])}</td>"
        lines.append(f'<tr>{sides}<td class="n">{n:,}</td><td class="n">{area:.6g}</td></tr>')
    lines.append("</tbody></table>")
    if len(pairs) > MOST_PAIRS:
        lines.append(f"<p>and {len(pairs) - MOST_PAIRS:,} pairs more</p>")
    return "\n".join(lines)


def _data(mesh: Mesh, frame: Array) -> dict[str, Any]:
    return {
        "axes": ["x[0]", "x[1]", "x[2]"],
        "frame": frame.tolist(),
        "units": picture_units(mesh).tolist(),
        "vertices": _base64(mesh.vertices, "<f8"),
        "sizes": _base64(mesh.sizes, "<u4"),
        "corners": _base64(mesh.corners, "<u4"),
        "normals": _base64(mesh.normals, "<f4"),
        "pieces": _base64(mesh.piece_of, "<i4"),
        "areas": _base64(mesh.areas(), "<f4"),
    }


def _of_schemes(schemes: Sequence[Scheme]) -> dict[str, Any]:
    """What the page calls them, and their arrays by name."""
    shown, arrays = [], {}
    for k, scheme in enumerate(schemes):
        described: dict[str, Any] = {"label": scheme.label, "kind": scheme.kind}
        if scheme.kind == "names":
            described["names"] = list(scheme.names)
        if scheme.of is not None:
            described["array"] = f"scheme{k}"
            arrays[f"scheme{k}"] = _base64(scheme.of, "<i4")
        shown.append(described)
    return {"schemes": shown, **arrays}


def _base64(array: npt.NDArray[Any], kind: str) -> str:
    return base64.b64encode(array.astype(kind).tobytes()).decode()
