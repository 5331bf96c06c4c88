"""Labelled data sets in files: ``.npz`` and ``.csv``.

- ``.npz``: an array ``x``, ``X``, ``inputs`` or ``data`` of shape (n, ...), and, if there are
  labels, ``y``, ``labels`` or ``target`` of shape (n,). Inputs of more than two dimensions are
  flattened.
- ``.csv``: a point in each line, numbers separated by commas, semicolons or tabs; the last column
  is the label. A first line without a number in it names the columns; one that is called ``y``,
  ``label``, ``labels``, ``class`` or ``target`` is the label then, wherever it stands.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import FileFormatError, NetworkError
from ..network import Array, finite_array
from ..suggestion import no_such_file
from ._archive import read_arrays

INPUTS, LABELS = ("x", "X", "inputs", "data"), ("y", "labels", "target")
COLUMNS = (*LABELS, "label", "class")
_MEMBER = re.compile(r"[A-Za-z_][A-Za-z_0-9]{0,60}\.npy")


@dataclass(frozen=True)
class DataSet:
    """Points, and their labels if there are any.

    Attributes:
        inputs: shape (n, dim).
        labels: shape (n,), integers or strings, or None.
    """

    inputs: Array
    labels: npt.NDArray[Any] | None

    def __len__(self) -> int:
        return len(self.inputs)


def load_data(path: str | Path) -> DataSet:
    """The data set in a ``.npz`` or ``.csv`` file. Nothing is unpickled.

    Raises:
        FileNotFoundError: no such file.
        FileFormatError: another kind of file, no inputs, numbers that are not finite, lines of
            different lengths, not as many labels as points.
    """
    path = Path(path)
    if not path.is_file():
        raise no_such_file(path)
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".csv"):
        raise FileFormatError(f"{path}: data must be in a .npz or .csv file")
    inputs, labels = (_from_npz if suffix == ".npz" else _from_csv)(path)
    try:
        points = finite_array("inputs", inputs, 2)
    except NetworkError as error:
        raise FileFormatError(f"{path}: {error}") from None
    if not points.size:
        raise FileFormatError(f"{path} must hold points, not an array of shape {points.shape}")
    if labels is not None and labels.shape != (len(points),):
        raise FileFormatError(
            f"{path}: labels must have shape ({len(points)},), not {labels.shape}"
        )
    return DataSet(points, labels)


def _from_npz(path: Path) -> tuple[Any, Any]:
    arrays = read_arrays(path, _MEMBER, "by a word")
    inputs, labels = _named(path, arrays, INPUTS), _named(path, arrays, LABELS)
    if inputs is None:
        raise FileFormatError(
            f"{path} must hold an array named {' or '.join(INPUTS)}, not only "
            f"{', '.join(sorted(arrays)) or 'nothing'}"
        )
    if inputs.ndim > 2:
        inputs = inputs.reshape(len(inputs), -1)
    return inputs, labels if labels is None else _whole(labels)


def _named(path: Path, arrays: dict[str, Any], names: tuple[str, ...]) -> Any:
    found = [name for name in names if name in arrays]
    if len(found) > 1:
        raise FileFormatError(f"{path} must hold one of the arrays {found}, not several")
    return arrays[found[0]] if found else None


def _from_csv(path: Path) -> tuple[Any, Any]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            text = stream.readline()
            separator = next((c for c in ";\t" if c in text), ",")
            stream.seek(0)
            rows = [row for row in csv.reader(stream, delimiter=separator) if row]
    except (UnicodeDecodeError, csv.Error) as error:
        raise FileFormatError(f"{path} is not a readable .csv file: {error}") from None
    header = [v.strip() for v in rows.pop(0)] if rows and not any(map(_is_number, rows[0])) else []
    if not rows:
        raise FileFormatError(f"{path} must hold a line for each point")
    width = len(header or rows[0])
    wrong = next((k for k, row in enumerate(rows) if len(row) != width), None)
    if wrong is not None or width < 2:
        raise FileFormatError(
            f"{path}: each line must have {max(width, 2)} entries, the label last, but point "
            f"{wrong or 0} has {len(rows[wrong or 0])}"
        )
    label = next((k for k, name in enumerate(header) if name.lower() in COLUMNS), width - 1)
    labels = np.array([row[label].strip() for row in rows])
    try:
        inputs = np.array([[float(v) for v in row[:label] + row[label + 1 :]] for row in rows])
    except ValueError as error:
        raise FileFormatError(f"{path}: inputs must be numbers ({error})") from None
    return inputs, _whole(labels.astype(np.float64) if all(map(_is_number, labels)) else labels)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _whole(labels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers as integers."""
    if labels.dtype.kind == "f" and np.all(np.isfinite(labels)) and np.all(labels % 1 == 0):
        return labels.astype(np.int64)
    return labels
