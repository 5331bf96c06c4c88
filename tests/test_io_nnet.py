"""``.nnet`` files: the exact function of the raw inputs, and errors with line numbers."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from polyrelu.errors import FileFormatError
from polyrelu.io import load_network

LINES = [
    "// a comment, with commas",
    "2,2,1,3,",
    "2,3,1,",
    "0,",
    "-1.0,-2.0,",
    "1.0,2.0",
    "0.1,0.0,0.3,",
    "3.0,1.0,7.0,",
    "1.0,2.0,",
    "0.1,-1.0",
    "0.0,1e-3,",
    "0.5,",
    "0.0,",
    "-0.25,",
    "1.0,-1.0,0.1,",
    "0.7,",
]


def write(tmp_path: Path, lines: list[str]) -> Path:
    path = tmp_path / "net.nnet"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_function_of_raw_inputs_is_exact(tmp_path: Path) -> None:
    network = load_network(write(tmp_path, LINES))
    F = Fraction
    x = [F(1, 3), F(-2)]
    n = [(x[0] - F(0.1)) / 3, x[1]]
    z = [n[0] + 2 * n[1] + F(0.5), F(0.1) * n[0] - n[1], F(1e-3) * n[1] - F(0.25)]
    h = [max(v, F(0)) for v in z]
    y = (h[0] - h[1] + F(0.1) * h[2] + F(0.7)) * 7 + F(0.3)
    assert network.exact(x)[0] == (y,)
    assert network.widths == (2, 3, 1)
    assert network.input_box is not None
    assert network.input_box.low.tolist() == [-1, -2]
    assert network.input_box.high.tolist() == [1, 2]


def test_trivial_normalisation_makes_no_factor(tmp_path: Path) -> None:
    lines = [*LINES]
    lines[6:8] = ["0,0,0,", "1,1,1,"]
    network = load_network(write(tmp_path, lines))
    assert [len(layer.factors) for layer in network.layers] == [1, 1]


def test_comments_and_blank_lines_are_skipped_anywhere(tmp_path: Path) -> None:
    noisy = [noise for line in LINES for noise in (line, "", "// note")]
    assert load_network(write(tmp_path, noisy)).hash == load_network(write(tmp_path, LINES)).hash


@pytest.mark.parametrize(
    ("line", "text", "message"),
    [
        (2, "2,2,1,", "line 2: the header must be 4 number"),
        (2, "2,2.5,1,3,", "line 2: the header must be positive integers"),
        (2, "0,2,1,3,", "line 2: the header must be positive"),
        (2, "1000000000,2,1,3,", "line 3: the sizes of the layers must be 1000000001"),
        (2, "2,5,1,3,", "line 3: .*must agree with the header's 5 inputs"),
        (3, "2,3,1,1,", "line 3: the sizes of the layers must be 3"),
        (3, "2,1000000000000,1,", "line 3: .*truncated"),
        (5, "-1.0,-2.0,-3.0,", "line 5: the smallest inputs must be 2 number"),
        (5, "5.0,-2.0,", "line 6: "),
        (7, "0.1,0.0,", "line 7: the means must be 3"),
        (8, "3.0,0.0,7.0,", "line 8: the ranges must be positive"),
        (8, "3.0,-1.0,7.0,", "line 8: the ranges must be positive"),
        (9, "1.0,nan,", "line 9: row 0 of the weight of layer 0 must be finite.*'nan'"),
        (9, "1.0,1e999,", "line 9: .*'1e999'"),
        (9, "1.0,two,", "line 9: .*'two'"),
        (9, "1.0,1_0,", "line 9: .*'1_0'"),
        (9, "1.0,,", "line 9: .*finite"),
        (10, "0.1", "line 10: row 1 of the weight of layer 0 must be 2"),
        (12, "0.5,0.5", "line 12: entry 0 of the bias of layer 0 must be 1"),
        (15, "1.0,-1.0,", "line 15: row 0 of the weight of layer 1 must be 3"),
        (16, "0.7\n1.0", "line 17: the file goes on"),
    ],
)
def test_errors_name_the_line(tmp_path: Path, line: int, text: str, message: str) -> None:
    lines = [*LINES]
    lines[line - 1] = text
    with pytest.raises(FileFormatError, match=message):
        load_network(write(tmp_path, lines))


@pytest.mark.parametrize("count", range(len(LINES)))
def test_every_truncation_is_refused(tmp_path: Path, count: int) -> None:
    with pytest.raises(FileFormatError, match="line"):
        load_network(write(tmp_path, LINES[:count]))


def test_binary_garbage_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "net.nnet"
    path.write_bytes(np.random.default_rng(0).bytes(999))
    with pytest.raises(FileFormatError, match="line"):
        load_network(path)
