"""What colours regions and walls, and the number that a colour stands for."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .errors import PolyreluError
from .network import Array, Network
from .polygons import Forms

if TYPE_CHECKING:
    from .graph import RegionGraph

COLORS = ("class", "gradient", "direction", "pattern", "active", "degree", "index", "none")
# Paul Tol's "light" scheme and one more: pale enough for black lines, told apart when colours
# are not. The lines are dark ones of Okabe and Ito, and one more.
FILLS = (
    "#77aadd",
    "#ee8866",
    "#eedd88",
    "#ffaabb",
    "#99ddff",
    "#44bb99",
    "#bbcc33",
    "#aaaa00",
    "#dddddd",
    "#b28af0",
)
WALLS = ("#000000", "#0b5d9c", "#b3401a", "#00694e", "#8c3b6f", "#8833f1")
BARS = {
    "gradient": ("norm of the gradient", "cividis"),
    "direction": ("direction of the gradient (degrees)", "twilight"),
    "active": ("thresholds exceeded", "cividis"),
    "degree": ("neighbours", "cividis"),
    "index": ("index of the region", "cividis"),
}


def fill(k: int) -> str:
    return FILLS[k % len(FILLS)]


def ink(k: int) -> tuple[float, float, float]:
    """The fill's colour, dark enough for a line on white."""
    from matplotlib.colors import to_rgb

    red, green, blue = (0.75 * v for v in to_rgb(fill(k)))
    return red, green, blue


def wall_color(layer: int) -> str:
    return WALLS[layer % len(WALLS)]


def plain_color(graph: RegionGraph, region: int, color: str) -> str:
    """Of a region if colours stand for no number."""
    if color == "none":
        return "#ffffff"
    return fill(zlib.crc32(graph.packed_patterns[region].tobytes()))


def check_color(graph: RegionGraph, color: str | npt.ArrayLike, output: int | None) -> None:
    """Raises:
    PolyreluError: an unknown colour, another number of numbers, an output that is not there.
    """
    if isinstance(color, str) and color not in COLORS:
        raise PolyreluError(f"color must be one of {', '.join(COLORS)}, not {color!r}")
    if not isinstance(color, str):
        if np.shape(color) != (len(graph),):
            raise PolyreluError(
                f"color must be a name or {len(graph)} numbers, not {np.shape(color)}"
            )
        if not np.isfinite(np.asarray(color, dtype=np.float64)).all():
            raise PolyreluError("color must be a name or finite numbers")
    elif color == "direction" and graph.dim != 2:
        raise PolyreluError(f"color='direction' needs two coordinates, not {graph.dim}")
    if output is not None:
        check_outputs(graph.network, [output])


def check_outputs(network: Network, outputs: Sequence[int]) -> None:
    for k in outputs:
        if not 0 <= k < network.output_dim:
            raise PolyreluError(f"output must be 0 to {network.output_dim - 1}, not {k}")


def class_names(network: Network, names: Sequence[str] | None) -> list[str]:
    """What each class is called.

    Raises:
        PolyreluError: another number of names.
    """
    wanted = max(network.output_dim, 2)
    if names is None:
        return ["≤ 0", "> 0"] if network.output_dim == 1 else [str(k) for k in range(wanted)]
    if len(names) != wanted:
        raise PolyreluError(f"class_names must be {wanted} names, not {len(names)}")
    return list(map(str, names))


def legend_names(network: Network, names: Sequence[str] | None) -> list[str]:
    """What each class is called where no axis says what is named."""
    kind = "output" if names is None and network.output_dim == 1 else "class"
    return [f"{kind} {name}" for name in class_names(network, names)]


def witness_classes(graph: RegionGraph) -> npt.NDArray[np.int64]:
    """The class at each region's witness, shape (n,), in float64: the largest output, or of a
    single one whether it is positive."""
    outputs = graph.network(graph.witnesses)
    if outputs.shape[1] == 1:
        return (outputs[:, 0] > 0).astype(np.int64)
    return np.asarray(outputs.argmax(axis=1))


def region_values(
    graph: RegionGraph, forms: Forms | None, color: str | npt.ArrayLike, output: int | None
) -> Array:
    """The number that colours each region; for the gradient the forms are needed."""
    if not isinstance(color, str):
        return np.asarray(color, dtype=np.float64)
    if color == "degree":
        return np.asarray(graph.degrees, dtype=np.float64)
    if color == "index":
        return np.arange(len(graph), dtype=np.float64)
    if color == "active":
        bits = np.bitwise_count(graph.packed_patterns)
        return np.asarray(bits.sum(axis=1), dtype=np.float64)
    assert forms is not None
    jacobian = forms.outputs[..., :-1]
    if color == "direction":
        gradient = jacobian[:, _single(graph.network, output)]
        return np.asarray(np.degrees(np.arctan2(gradient[:, 1], gradient[:, 0])))
    chosen = jacobian if output is None else jacobian[:, [output]]
    return np.asarray(np.sqrt((chosen**2).sum(axis=(1, 2))))


def _single(network: Network, output: int | None) -> int:
    if output is None and network.output_dim > 1:
        raise PolyreluError("color='direction' needs output=, as the network has several")
    return output or 0


def scale(
    color: str | npt.ArrayLike, values: Array, ends: tuple[float, float] | None
) -> tuple[Any, str]:
    """What turns numbers into colours on which dark lines can be seen, and what they are."""
    import matplotlib
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    label, name = BARS[color] if isinstance(color, str) else ("", "cividis")
    if ends is None:
        ends = (-180.0, 180.0) if name == "twilight" else (values.min(), values.max())
    return ScalarMappable(Normalize(*ends), _pale(matplotlib.colormaps[name])), label


def _pale(colormap: Any) -> Any:
    from matplotlib.colors import ListedColormap

    return ListedColormap(0.35 + 0.65 * colormap(np.linspace(0, 1, 256)))


def color_bar(ax: Any, mappable: Any, label: str = "", shrink: float = 0.8) -> None:
    bar = ax.figure.colorbar(mappable, ax=ax, shrink=shrink, pad=0.02)
    bar.set_label(label)
    bar.outline.set_visible(False)
