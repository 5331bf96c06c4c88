"""Networks from files and from other libraries.

Optional packages are imported by the loader that needs them, when it is called.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import FileFormatError
from ..network import Network
from ..suggestion import no_such_file

if TYPE_CHECKING:
    from ..graph import RegionGraph

__all__ = ["load_graph", "load_network", "save_network"]


def load_network(path: str | os.PathLike[str]) -> Network:
    """The network in a file, by the file's suffix: ``.npz``, ``.nnet`` or ``.onnx``.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: another suffix, or the file is not what its suffix says.
        NetworkError: the file's numbers are unusable (NaN, sizes that do not fit).
        UnsupportedLayerError: an operation is not piecewise affine or not known.
        MissingExtraError: ``.onnx`` needs ``pip install polyrelu[onnx]``.
    """
    file = Path(path)
    loader = _loader(file.suffix.lower())
    if loader is None:
        raise FileFormatError(
            f"a network file must end in .npz, .nnet or .onnx, not {file.suffix!r} ({file})"
            + _way_of(file.suffix.lower())
        )
    if not file.exists():
        raise no_such_file(file)
    return loader(file)


def _way_of(suffix: str) -> str:
    """How a model that another library keeps in such a file becomes a network file."""
    if suffix in (".pt", ".pth", ".ckpt", ".safetensors"):
        model = "torch goes through Network.from_torch"
    elif suffix in (".joblib", ".pkl", ".pickle"):
        model = "scikit-learn goes through Network.from_sklearn"
    else:
        return ""
    return f"; a model of {model}, and save_network writes an .npz"


def _loader(suffix: str) -> Callable[[Path], Network] | None:
    if suffix == ".npz":
        from .npz import load_npz

        return load_npz
    if suffix == ".nnet":
        from .nnet import load_nnet

        return load_nnet
    if suffix == ".onnx":
        from .onnx import load_onnx

        return load_onnx
    return None


def save_network(network: Network, path: str | os.PathLike[str]) -> None:
    """Write ``network`` to a ``.npz`` file, see :mod:`polyrelu.io.npz`; nothing is lost.

    ``load_network(path)`` is the same function in the same factors: its hash is equal. The
    notes are not written.

    Raises:
        FileFormatError: the path does not end in ``.npz``.
        OSError: the file cannot be written.
    """
    from .npz import save_npz

    save_npz(network, Path(path))


def load_graph(path: str | os.PathLike[str]) -> RegionGraph:
    """The region graph that :meth:`RegionGraph.save` wrote, see :mod:`polyrelu.io.graph`.

    Raises:
        FileNotFoundError: there is no such file.
        FileFormatError: the file is not a region graph, or is damaged.
    """
    from .graph import load_graph as load

    return load(Path(path))
