"""Meshes in files that other programs open: PLY, OBJ, STL."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..errors import FileFormatError

if TYPE_CHECKING:
    from ..mesh import Mesh


def save_mesh(mesh: Mesh, path: str | os.PathLike[str]) -> None:
    """See :meth:`polyrelu.mesh.Mesh.save`."""
    file = Path(path)
    suffix = file.suffix.lower()
    if suffix not in WRITERS:
        known = ", ".join(WRITERS)
        raise FileFormatError(f"meshes are written to {known} files, not {suffix!r} ({file})")
    write_whole(file, WRITERS[suffix](mesh))


def write_whole(file: Path, data: bytes) -> None:
    """Write a file that appears under its name when it is whole."""
    part = file.with_name(file.name + ".part")
    try:
        part.write_bytes(data)
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def ply(mesh: Mesh) -> bytes:
    """Binary, little endian; Turk's format, with the names of properties that others read."""
    count, kind = ("uchar", "<u1") if mesh.sizes.max(initial=0) < 256 else ("uint", "<u4")
    header = f"""\
ply
format binary_little_endian 1.0
comment decision boundary of a ReLU network, by polyrelu
element vertex {len(mesh.vertices)}
property double x
property double y
property double z
element face {len(mesh)}
property list {count} int vertex_indices
property int piece
property int first_class
property int second_class
end_header
"""
    numbers = np.column_stack([mesh.piece_of, mesh.classes]).astype("<i4")
    faces = [
        np.array(n, dtype=kind).tobytes() + np.array(polygon, dtype="<i4").tobytes() + row.tobytes()
        for n, polygon, row in zip(mesh.sizes.tolist(), mesh.polygons, numbers, strict=True)
    ]
    return b"".join([header.encode(), mesh.vertices.astype("<f8").tobytes(), *faces])


def obj(mesh: Mesh) -> bytes:
    """Wavefront's text; indices count from 1."""
    lines = ["# decision boundary of a ReLU network, by polyrelu"]
    lines += [f"v {x!r} {y!r} {z!r}" for x, y, z in mesh.vertices.tolist()]
    pairs, group = np.unique(mesh.classes, axis=0, return_inverse=True)
    for k, (first, second) in enumerate(pairs.tolist()):
        lines.append(f"g classes_{first}_{second}")
        for i in np.flatnonzero(group.ravel() == k).tolist():
            lines.append("f " + " ".join(str(v + 1) for v in mesh.polygons[i]))
    return ("\n".join(lines) + "\n").encode()


def stl(mesh: Mesh) -> bytes:
    """Binary: a normal and three corners a triangle, in float32."""
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    triangles = mesh.triangles()
    rows = np.zeros(len(triangles), dtype=record)
    with np.errstate(over="ignore"):
        rows["normal"] = np.repeat(mesh.normals, mesh.sizes - 2, axis=0)
        rows["corners"] = mesh.vertices[triangles]
    if not np.isfinite(rows["corners"]).all():
        raise FileFormatError("STL holds float32; these coordinates are greater: write .ply")
    header = b"decision boundary of a ReLU network, by polyrelu".ljust(80)
    return header + len(rows).to_bytes(4, "little") + bytes(rows.tobytes())


def html(mesh: Mesh) -> bytes:
    from ..viewer import page

    return page(mesh).encode()


WRITERS: dict[str, Callable[[Mesh], bytes]] = {
    ".ply": ply,
    ".obj": obj,
    ".stl": stl,
    ".html": html,
}
