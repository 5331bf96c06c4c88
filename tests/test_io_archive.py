"""Arrays out of archives: what numpy wrote, also where threads read at once."""

from __future__ import annotations

import gc
import io
import re
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from polyrelu.errors import FileFormatError
from polyrelu.io._archive import read_arrays, read_header, read_numbers

ANY = re.compile(r"\w+\.npy")
ARRAYS = {
    "rows": np.arange(6.0).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6).reshape(2, 3)),
    "number": np.array(3.5),
    "nothing": np.zeros((0, 4), dtype=np.int32),
    "big_endian": np.arange(3, dtype=">i4"),
    "text": np.array(["relu", "abs"]),
    "no_text": np.zeros(0, dtype=np.str_),
    "large": np.arange(300_000),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    np.savez_compressed(tmp_path / "a.npz", **ARRAYS)
    return tmp_path / "a.npz"


def test_arrays_are_as_numpy_wrote_them(file: Path) -> None:
    found = read_arrays(file, ANY, "by a word")
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert (found[name].shape, found[name].dtype) == (array.shape, array.dtype), name
        assert np.array_equal(found[name], array), name
    assert found["columns"].flags.f_contiguous


def test_a_stream_that_ends_early_is_an_error() -> None:
    stream = io.BytesIO()
    np.save(stream, np.zeros(9))
    size = stream.tell()
    stream.seek(0)
    header = read_header("it", stream, size)
    stream.truncate(size - 1)
    with pytest.raises(EOFError, match="71 of 72"):
        read_numbers(stream, header)


class Collected:
    """Runs Python's code when it is collected, which may be anywhere: another thread goes on."""

    def __init__(self) -> None:
        self.me = self

    def __del__(self) -> None:
        for _ in range(300):
            pass


@pytest.fixture
def _eager_collector() -> Iterator[None]:
    before = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.set_threshold(50)
    yield
    sys.setswitchinterval(before[0])
    gc.set_threshold(*before[1])


@pytest.mark.usefixtures("_eager_collector")
def test_threads_may_read_at_once(file: Path) -> None:
    """Python's parser, which reads headers for numpy, fails by twos (before 3.11.8, 3.12.2)."""
    small = file.with_name("small.npz")
    np.savez(small, **dict.fromkeys("abcdefgh", ARRAYS["rows"]))

    def read(_: int) -> int:
        failed = 0
        for _ in range(400):
            Collected()
            try:
                read_arrays(small, ANY, "by a word")
            except FileFormatError:
                failed += 1
        return failed

    with ThreadPoolExecutor(4) as threads:
        assert sum(threads.map(read, range(4))) == 0
