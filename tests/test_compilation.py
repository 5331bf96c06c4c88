"""How kernels are compiled: tuples by reference, inner functions without code of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from numba import njit
from numba.core.errors import NumbaError

from polyrelu.engine.compilation import CALLED, INLINED, address_of, call_at, reference

OPTIONS: dict[str, Any] = {"_nrt": False, "nogil": True, "error_model": "numpy"}


class Fields(NamedTuple):
    number: int
    half: float
    row: Any
    table: Any
    cube: Any


def fields() -> Fields:
    table = np.arange(12.0).reshape(3, 4)
    return Fields(7, 0.5, np.arange(5), table, np.arange(24, dtype=np.uint8).reshape(2, 3, 4))


@njit(**CALLED)
def total(s):
    value = s.number + s.half + len(s.row) + s.table.shape[1] + s.cube.size
    for i in range(len(s.table)):
        for j in range(s.table.shape[1]):
            value += s.table[i, j] * s.row[j]
    return value + s.cube[1, 2, 3]


@njit(**OPTIONS)
def total_of(s):
    return total(reference(s))


def test_a_reference_has_the_fields_of_its_tuple():
    s = fields()
    expected = 7 + 0.5 + 5 + 4 + 24 + (s.table * s.row[:4]).sum() + 23
    assert total_of(s) == expected
    assert total_of(s._replace(table=s.table * 2)) == expected + (s.table * s.row[:4]).sum()


@njit(**CALLED)
def add_one(s, k):
    s.row[k] += 1
    s.table[k, 0] = s.row[k]
    return s.row[k]


@njit(**OPTIONS)
def count_up(s, n):
    s = reference(s)
    value = 0
    for _ in range(n):
        value += s.row[1]
        value += add_one(s, 1)
        value += s.table[1, 0] == s.row[1]
    return value


def test_stores_to_the_arrays_are_seen_by_all():
    s = fields()
    expected = sum((1 + i) + (2 + i) + 1 for i in range(6))
    assert count_up(s, 6) == expected
    assert s.row[1] == 7
    assert s.table[1, 0] == 7


@njit(**OPTIONS)
def of_two(first, second):
    first, second = reference(first), reference(second)
    return first.row[0] - second.row[0] + first.number - second.number


def test_references_to_two_tuples_of_one_type_are_apart():
    s = fields()
    other = s._replace(number=1, row=s.row + 100)
    assert of_two(s, other) == -94
    assert of_two(other, s) == 94


@njit(**OPTIONS)
def misspelt(s):
    return reference(s).nubmer


def test_a_field_that_is_not_there_is_refused():
    with pytest.raises(NumbaError, match="nubmer"):
        misspelt(fields())


@njit(**CALLED)
def twice(x):
    return 2 * x


@njit(**INLINED)
def four_times(x):
    return twice(twice(x))


@njit(**OPTIONS)
def eight_times(x):
    return four_times(twice(x))


def test_inner_functions_call_each_other_for_each_type():
    assert eight_times(3) == 24
    assert eight_times(0.25) == 2.0
    assert len(twice.signatures) == 2


def row_sum_times(a, b, c, d, factor):
    a.row[0] += 1
    return (a.row[1] + b.row[1] + c.row[1] + d.number) * factor


@njit(**OPTIONS)
def at_address(address, a, b, c, d, factor):
    return call_at(address, reference(a), reference(b), reference(c), reference(d), factor)


def test_what_is_compiled_apart_is_called_by_its_address():
    a, b, c, d = (fields()._replace(row=np.array([0, k, 0])) for k in (1, 20, 300, 0))
    at = address_of(row_sum_times, a, b, c, d)
    assert at_address(at, a, b, c, d, 3) == 3 * (1 + 20 + 300 + 7)
    assert at_address(at, c, b, a, d._replace(number=-1), -1) == -320
    assert [s.row[0] for s in (a, b, c, d)] == [1, 0, 1, 0]


def test_there_is_an_address_for_each_type_of_the_tuples():
    a = fields()
    at = address_of(row_sum_times, a, a, a, a)
    assert address_of(row_sum_times, a, a._replace(number=8, row=np.arange(9)), a, a) == at
    short = a._replace(row=np.array([0, 5], dtype=np.int32))
    assert address_of(row_sum_times, short, a, a, a) != at
    assert at_address(address_of(row_sum_times, short, a, a, a), short, a, a, a, 1) == 5 + 2 + 7


MODULE = """
from typing import Any, NamedTuple
import numpy as np
from numba import njit
from polyrelu.engine.compilation import CALLED, ENTRY, reference

class Pair(NamedTuple):
    a: Any
    b: Any

@njit(**CALLED)
def dot(s):
    total = 0.0
    for i in range(len(s.a)):
        total += s.a[i] * s.b[i]
    return total

@njit(**CALLED)
def dot_and_one(s):
    return dot(s) + 1.0

@njit(**ENTRY)
def entry(s):
    return dot_and_one(reference(s))

print(entry(Pair(np.arange(3.0), np.ones(3))), sum(entry.stats.cache_hits.values()),
      len(dot.signatures))
"""


def test_an_entry_is_read_from_the_cache_with_all_that_it_calls(tmp_path):
    (tmp_path / "cached.py").write_text(MODULE)
    root = str(Path(__file__).parents[1])
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path), "PYTHONPATH": root}
    printed = [
        subprocess.run(
            [sys.executable, "-c", "import cached"], cwd=tmp_path, env=environment, check=True,
            capture_output=True, text=True,
        ).stdout.split()
        for _ in range(2)
    ]  # fmt: skip
    assert printed == [["4.0", "0", "1"], ["4.0", "1", "0"]]


SURVEY = """
import polyrelu
from polyrelu.engine import program, survey
network = polyrelu.Network.from_layers([([[1.5]], [0.1]), ([[1.5]], [0.1])])
program.compile_network(network, polyrelu.Box(-1, 1, dim=1))
print(sum(survey._look.stats.cache_hits.values()))
"""


def test_an_edit_in_another_file_of_the_engine_is_noticed(tmp_path):
    ours = Path(__file__).parents[1] / "polyrelu"
    copy = shutil.copytree(
        ours, tmp_path / "polyrelu", ignore=shutil.ignore_patterns("__pycache__")
    )

    def hits() -> int:
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        environment.pop("NUMBA_CACHE_DIR", None)
        done = subprocess.run(
            [sys.executable, "-c", SURVEY], cwd=tmp_path, env=environment, check=True,
            capture_output=True, text=True,
        )  # fmt: skip
        return int(done.stdout)

    assert [hits(), hits()] == [0, 1]
    bits = copy / "engine" / "kernel" / "bits.py"
    bits.write_text(bits.read_text() + "\n# edited\n")
    assert [hits(), hits()] == [0, 1]


ORDINARY = """
import polyrelu
from polyrelu.engine import kernel, lp
from polyrelu.engine.kernel.twice_signs import signs_twice
net = polyrelu.Network.from_layers(
    [([[1.5, 2.1], [3.3, -1.7]], [0.1, 0.5]), ([[1.2, 1.1], [2.3, -1.4]], [0.25, 0.13])],
    output_activation=polyrelu.relu())
polyrelu.regions(net, polyrelu.Box(-1, 1, dim=2))
print(*[len(f.signatures) for f in (kernel.run, signs_twice, lp.run_cells)])
"""


def test_the_first_call_compiles_nothing_that_an_ordinary_network_does_not_need():
    done = subprocess.run(
        [sys.executable, "-c", ORDINARY], cwd=Path(__file__).parents[1], check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["1", "0", "0"]
