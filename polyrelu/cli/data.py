"""The points of a file, as ``--data`` names it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .where import UsageError

if TYPE_CHECKING:
    from ..io.data import DataSet
    from ..network import Network


def labelled(path: str | None, network: Network) -> DataSet:
    """The data set of ``--data``, of a network's inputs.

    Raises:
        UsageError: none was given, or of another width.
    """
    from ..io.data import load_data

    if path is None:
        raise UsageError("this question is about points: give --data=FILE, .npz (x, y) or .csv")
    data = load_data(path)
    if data.inputs.shape[1] != network.input_dim:
        raise UsageError(
            f"{path} has points of {data.inputs.shape[1]} numbers, but the network takes "
            f"{network.input_dim} inputs"
        )
    return data
