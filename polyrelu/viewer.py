"""A decision boundary in three dimensions as one HTML page to turn around and look into."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import FileFormatError, PolyreluError
from .io.mesh import write_whole
from .mesh import Mesh, Window, boundary_mesh, picture_units, picture_window
from .mesh import class_names as names_of

if TYPE_CHECKING:
    from .queries.boundary import DecisionBoundary

TITLE = "Decision boundary"
MOST_PAIRS = 50


def save_html(
    what: DecisionBoundary | Mesh,
    path: str | os.PathLike[str],
    *,
    title: str = TITLE,
    class_names: Sequence[str] | None = None,
    window: Window | None = None,
) -> None:
    """Write one HTML file that shows a surface: turn it, cut it open, point at pieces.

    The page holds all that it needs and loads nothing, so it works offline and in an archive. It
    needs a browser with WebGL; without one it still tells the numbers. A page of 50,000 triangles
    has some 3 MB.

    Args:
        what: a boundary in three coordinates, or a mesh.
        path: ends in ``.html``.
        title: of the page; plain text.
        class_names: one for each class; for a single output those of at most the level, and above
            it.
        window: of a boundary, as :func:`polyrelu.boundary_mesh` takes it; default on an unbounded
            domain, for a boundary without end, where most vertices are.

    Raises:
        FileFormatError: another suffix.
        DomainError, IncompleteError: see :func:`polyrelu.boundary_mesh`.
        PolyreluError: another number of names, or a window for a mesh.
    """
    file = Path(path)
    if file.suffix.lower() != ".html":
        raise FileFormatError(f"pages are written to .html files, not {file.suffix!r} ({file})")
    if isinstance(what, Mesh):
        if window is not None:
            raise PolyreluError("a mesh is cut already: window= is for a boundary")
        mesh, names = what, _renamed(what, class_names)
    else:
        names = names_of(what, class_names)
        mesh = boundary_mesh(what, window=picture_window(what) if window is None else window)
    write_whole(file, page(mesh, title, names).encode())


def _renamed(mesh: Mesh, names: Sequence[str] | None) -> dict[int, str]:
    if names is None:
        return mesh.class_names
    if len(names) != len(mesh.class_names):
        raise PolyreluError(f"class_names must be {len(mesh.class_names)} names, not {len(names)}")
    return dict(zip(mesh.class_names, map(str, names), strict=True))


def page(mesh: Mesh, title: str = TITLE, names: dict[int, str] | None = None) -> str:
    """The page's text; names of classes by their number."""
    names = mesh.class_names if names is None else names
    template = (files("polyrelu") / "data" / "viewer.html").read_text(encoding="utf-8")
    script = re.search(r"<script>(.*?)</script>", template, re.DOTALL)
    assert script is not None
    # No other script may run on the page, whatever the names hold.
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    pairs, pair_of, numbers = _pairs(mesh)
    facts = _facts(mesh)
    values = {
        "TITLE": escape(title),
        "HASH": f"sha256-{digest}",
        "SUMMARY": escape("A surface: " + ", ".join(f"{v} {k}" for k, v in facts[:4]) + "."),
        "NUMBERS": _tables(facts, pairs, numbers, names),
        "DATA": _json(_data(mesh, pairs, pair_of, names)),
    }
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda found: values[found[1]], template)


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


def _facts(mesh: Mesh) -> list[tuple[str, str]]:
    components = int(mesh.components().max(initial=-1)) + 1
    return [
        ("polygons", f"{len(mesh):,}"),
        ("edges", f"{len(mesh.edges()):,}"),
        ("vertices", f"{len(mesh.vertices):,}"),
        ("components", f"{components:,}"),
        ("Euler characteristic", f"{mesh.euler_characteristic:,}"),
        ("area", f"{mesh.areas().sum():.6g}"),
        ("watertight", "yes" if mesh.watertight else "no"),
    ]


def _tables(
    facts: list[tuple[str, str]],
    pairs: list[Pair],
    numbers: list[tuple[int, float]],
    names: dict[int, str],
) -> str:
    rows = [f'<tr><th scope="row">{k}</th><td class="n">{v}</td></tr>' for k, v in facts]
    lines = ["<h2>In numbers</h2>", "<table><tbody>", *rows, "</tbody></table>"]
    if pairs:
        head = "".join(
            f'<th scope="col">{t}</th>' for t in ("one side", "other side", "polygons", "area")
        )
        lines += ["<h2>Between the classes</h2>", f"<table><thead><tr>{head}</tr></thead><tbody>"]
        for (first, second), (n, area) in list(zip(pairs, numbers, strict=True))[:MOST_PAIRS]:
            sides = f"<td>{escape(names[first])}</td><td>{escape(names[second])}</td>"
            lines.append(f'<tr>{sides}<td class="n">{n:,}</td><td class="n">{area:.6g}</td></tr>')
        lines.append("</tbody></table>")
        if len(pairs) > MOST_PAIRS:
            lines.append(f"<p>and {len(pairs) - MOST_PAIRS:,} pairs more</p>")
    return "\n".join(lines)


def _data(
    mesh: Mesh, pairs: list[Pair], pair_of: npt.NDArray[np.int64], names: dict[int, str]
) -> dict[str, Any]:
    components = mesh.components()
    return {
        "axes": ["x[0]", "x[1]", "x[2]"],
        "frame": mesh.bounds.tolist(),
        "units": picture_units(mesh).tolist(),
        "class_names": {str(c): name for c, name in names.items()},
        "pairs": [{"first": a, "second": b} for a, b in pairs],
        "n_components": int(components.max(initial=-1)) + 1,
        "vertices": _base64(mesh.vertices, "<f8"),
        "sizes": _base64(mesh.sizes, "<u4"),
        "corners": _base64(mesh.corners, "<u4"),
        "normals": _base64(mesh.normals, "<f4"),
        "pieces": _base64(mesh.piece_of, "<i4"),
        "pair_of": _base64(pair_of, "<i4"),
        "components": _base64(components, "<i4"),
        "areas": _base64(mesh.areas(), "<f4"),
    }


def _base64(array: npt.NDArray[Any], kind: str) -> str:
    return base64.b64encode(array.astype(kind).tobytes()).decode()


def _json(data: dict[str, Any]) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or begins another."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text
