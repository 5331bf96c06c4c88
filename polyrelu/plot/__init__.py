"""Pictures.

Needs ``pip install polyrelu[plot]``. What is drawn is rounded to float64; the graph is not. Each
picture has a module of its own, which is imported when it is first asked for.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..viewer import save_html as save_html
    from .boundary import plot_boundary as plot_boundary
    from .folding import plot_distances as plot_distances
    from .folding import plot_folding as plot_folding
    from .graph import plot_graph as plot_graph
    from .line import plot_line as plot_line
    from .path import plot_folding_table as plot_folding_table
    from .path import plot_path as plot_path
    from .regions import plot_regions as plot_regions
    from .regions import plot_slice as plot_slice
    from .sampling import plot_recall as plot_recall
    from .separability import plot_separability as plot_separability
    from .similarity import plot_similarity as plot_similarity
    from .solids import plot_solids as plot_solids
    from .training import save_training as save_training
    from .walk import plot_walk as plot_walk

_MODULES = {
    "plot_boundary": ".boundary",
    "plot_distances": ".folding",
    "plot_folding": ".folding",
    "plot_folding_table": ".path",
    "plot_graph": ".graph",
    "plot_line": ".line",
    "plot_path": ".path",
    "plot_recall": ".sampling",
    "plot_regions": ".regions",
    "plot_separability": ".separability",
    "plot_similarity": ".similarity",
    "plot_slice": ".regions",
    "plot_solids": ".solids",
    "plot_walk": ".walk",
    "save_html": "..viewer",
    "save_training": ".training",
}
__all__ = sorted(_MODULES)


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return getattr(import_module(_MODULES[name], __name__), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
