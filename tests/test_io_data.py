"""Data sets from files: shapes, labels, and files that are not what they claim."""

from __future__ import annotations

import numpy as np
import pytest

from polyrelu import FileFormatError
from polyrelu.io.data import load_data


def test_npz(tmp_path):
    path = tmp_path / "d.npz"
    images = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    np.savez(path, X=images, target=np.array([1.0, 0.0]))
    data = load_data(path)
    assert np.array_equal(data.inputs, images.reshape(2, 12))
    assert data.labels.tolist() == [1, 0]
    assert data.labels.dtype.kind == "i"
    np.savez(path, data=images[0], labels=np.array(["a", "b", "a"]))
    assert load_data(path).labels.tolist() == ["a", "b", "a"]
    np.savez(path, x=images[0])
    assert load_data(path).labels is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize(
    ("header", "rows"),
    [
        ("", ["1,2.5,0", "3,-4e2,1", ""]),
        ("a,b,c", ["1,2.5,0", "3,-4e2,1"]),
        ("a,label,b", ["1,0,2.5", "3,1,-4e2"]),
    ],
)
def test_csv(tmp_path, separator, header, rows):
    path = tmp_path / "d.csv"
    lines = "\n".join([header, *rows] if header else rows)
    path.write_text(lines.replace(",", separator), encoding="utf-8")
    data = load_data(path)
    assert data.inputs.tolist() == [[1, 2.5], [3, -400]]
    assert data.labels.tolist() == [0, 1]


def test_csv_with_names_for_labels(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text("\ufeff1,2,cat\n3,4,dog\n", encoding="utf-8")
    assert load_data(path).labels.tolist() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("d.csv", "", "a line for each point"),
        ("d.csv", "a,b,c\n", "a line for each point"),
        ("d.csv", "1,2,3\n1,2\n", "point 1 has 2"),
        ("d.csv", "1\n2\n", "entries"),
        ("d.csv", "1,x,0\n", "must be numbers"),
        ("d.csv", "1,nan,0\n", "finite"),
        ("d.csv", "1,1e999,0\n", "finite"),
        ("d.csv", b"\xff\xfe1,2,3", "not a readable"),
        ("d.txt", "1,2,3", r"\.npz or \.csv"),
        ("d.npz", "PK", "not a readable"),
    ],
)
def test_bad_files(tmp_path, name, text, message):
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(FileFormatError, match=message):
        load_data(path)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"z": np.zeros((2, 2))}, "named x or X"),
        ({"x": np.zeros((2, 2)), "X": np.zeros((2, 2))}, "not several"),
        ({"x": np.zeros((2, 2)), "y": np.zeros(3)}, "labels must have shape"),
        ({"x": np.zeros(2)}, "dimension"),
        ({"x": np.zeros((0, 2))}, "must hold points"),
        ({"x": np.full((2, 2), np.inf)}, "finite"),
        ({"x": np.array([["a", "b"]])}, "real numbers"),
        ({"x": np.array([[1, 2**60 + 1]])}, "2\\*\\*53"),
    ],
)
def test_bad_arrays(tmp_path, arrays, message):
    np.savez(tmp_path / "d.npz", **arrays)
    with pytest.raises(FileFormatError, match=message):
        load_data(tmp_path / "d.npz")


def test_nothing_is_unpickled(tmp_path):
    np.savez(tmp_path / "d.npz", x=np.array([object()], dtype=object))
    with pytest.raises(FileFormatError, match="float64"):
        load_data(tmp_path / "d.npz")


def test_no_file(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file"):
        load_data(tmp_path / "d.npz")
