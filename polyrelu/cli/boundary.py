"""``polyrelu query boundary``: the decision boundary, drawn or written as a mesh."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .drawing import PICTURES
from .where import UsageError

if TYPE_CHECKING:
    from ..queries.boundary import DecisionBoundary

MESHES = (".ply", ".obj", ".stl", ".html")


def check_dimension(path: str, dim: int) -> None:
    """Can a boundary of so many inputs be written there?

    Raises:
        UsageError: a picture needs two or three, a mesh three.
    """
    dims = (2, 3) if path.lower().endswith(PICTURES) else (3,)
    if dim not in dims:
        raise UsageError(f"{path} needs {' or '.join(map(str, dims))} inputs, not {dim}")


def save_boundary(boundary: DecisionBoundary, path: str) -> None:
    """A picture or a mesh, by the suffix."""
    if path.lower().endswith(PICTURES):
        from ..io._extras import require

        require("matplotlib", "plot").use("Agg")
        from ..plot import plot_boundary

        plot_boundary(boundary).figure.savefig(path, dpi=200)
    elif path.lower().endswith(".html"):
        from ..viewer import save_html

        save_html(boundary, path)
    else:
        from ..mesh import boundary_mesh

        boundary_mesh(boundary).save(path)
