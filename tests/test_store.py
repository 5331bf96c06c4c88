"""Stores: what is on disk is the graph in memory, however the work was cut into blocks; crashes."""

from __future__ import annotations

import errno
import itertools
import os
import re
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from networks import doubled, gaussian_network, problem
from stores import PROBLEMS, SKIPPED, Trial, check_store, files_of, tiny

from polyrelu import Space, open_store
from polyrelu.errors import FileFormatError, StoreError
from polyrelu.store.block import write_block
from polyrelu.threads import Threads

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.usefixtures(tiny.__name__)


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@given(seed=st.integers(0, 2**32), per_block=st.sampled_from([1, 3]))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_store_is_the_graph_in_memory(tmp_path_factory, cells, seed, per_block):
    network, domain = problem(Random(seed), max_inputs=4)
    trial = Trial(network, domain, cells=cells)
    check_store(trial, trial.store(tmp_path_factory.mktemp("store"), per_block))


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@given(seed=st.integers(0, 2**32), most=st.integers(1, 40))
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_search_that_was_stopped(tmp_path_factory, cells, seed, most):
    network, domain = problem(Random(seed), max_inputs=4)
    trial = Trial(network, domain, most=most, cells=cells)
    check_store(trial, trial.store(tmp_path_factory.mktemp("by_programs")))
    check_store(trial, trial.store(tmp_path_factory.mktemp("by_search"), settle=trial.settle))


@pytest.mark.parametrize("most", [None, 3, 6, 9])
def test_cells_cut_by_auxiliary_walls_are_merged(tmp_path, most):
    trial = Trial(SKIPPED, Space(2), most=most)
    check_store(trial, trial.store(tmp_path, 1))


def test_thin_regions(tmp_path):
    trial = Trial(doubled(1, 4, 2), Space(2))
    assert trial.graph.exact_witnesses
    check_store(trial, trial.store(tmp_path))


# ---------------------------------------------------------------- how the work was cut


@pytest.mark.parametrize("name", PROBLEMS)
def test_files_depend_on_neither_blocks_nor_threads(tmp_path, name):
    trial = Trial(*PROBLEMS[name]())
    first = files_of(trial.store(tmp_path / "a", 1).directory)
    assert len(first) >= 4
    assert first == files_of(trial.store(tmp_path / "b", 3, memory=1 << 30).directory)
    assert first == files_of(trial.store(tmp_path / "c", 10**9).directory)
    assert first == files_of(trial.store(tmp_path / "d", 1, workers=3).directory)


def test_an_error_in_a_thread_is_told_as_it_is(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    blocks = trial.write(tmp_path / "blocks", 1)
    blocks[3].write_bytes(blocks[3].read_bytes()[:-1])
    with pytest.raises(FileFormatError, match=re.escape(blocks[3].name)):
        trial.build(tmp_path / "s", blocks, workers=3)
    with pytest.raises(FileFormatError, match="not all those of a complete search"):
        trial.build(tmp_path / "s", trial.write(tmp_path / "some", 1)[:-1], workers=3)
    assert all(path.exists() for path in blocks)


def test_threads_work_ahead_by_no_more_than_there_are():
    given = []

    def items():
        for k in range(50):
            given.append(k)
            yield k

    with Threads(2) as threads:
        for k, result in enumerate(threads.map(lambda item: item * item, items())):
            assert result == k * k
            assert len(given) <= k + 3
    assert len(given) == 50


def test_parts_have_fewer_regions_if_these_are_large(tmp_path, monkeypatch):
    trial = Trial(gaussian_network(0, 2, 8), Space(2))
    monkeypatch.setattr("polyrelu.store.build.PART_BYTES", 1000)
    store = trial.store(tmp_path, part_regions=None)
    assert store.part_regions == 8  # some 100 bytes each
    assert len(trial.graph) == 37
    assert [len(part) for part in store.parts()] == [8, 8, 8, 8, 5]


# ---------------------------------------------------------------- crashes


def killed(work: Callable[[], None], step: int) -> bool:
    """Run it in a process of its own that is killed at its ``step``-th wait for the disk; False if
    it came to its end before."""
    child = os.fork()
    if child == 0:  # pragma: no cover: in the child
        left = step

        def wait(handle: int) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                os._exit(9)

        os.fsync = wait
        try:
            work()
        except BaseException:
            os._exit(1)
        os._exit(0)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 9)
    return code == 9


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("name", ["deep", "auxiliary"])
def test_a_build_that_is_killed_can_be_run_again(tmp_path, name, workers):
    trial = Trial(*PROBLEMS[name]())
    whole = files_of(trial.store(tmp_path / "whole", 2).directory)
    options = {"memory": 30_000, "part_regions": 7, "workers": workers}
    step = 0
    while True:
        target = tmp_path / str(step)
        blocks = trial.write(target / "blocks", 5)
        if not killed(lambda: trial.build(target, blocks, **options), step):  # noqa: B023
            break
        if not (target / "manifest.json").exists():
            assert all(path.exists() for path in blocks)
            with pytest.raises(FileFormatError, match="not finished"):
                open_store(target)
        trial.build(target, blocks, **options)
        assert files_of(target) == whole
        assert not any(path.exists() for path in blocks)
        step += 2
    assert step > 10


def test_what_a_killed_build_left_is_removed_where_the_store_is_there(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    whole = files_of(trial.store(tmp_path / "s", 2).directory)
    blocks = trial.write(tmp_path / "left", 2)
    (tmp_path / "s" / ".building").mkdir()
    trial.build(tmp_path / "s", blocks)
    assert files_of(tmp_path / "s") == whole
    assert not any(path.exists() for path in blocks)


def test_a_search_that_goes_on_after_it_was_stopped(tmp_path):
    part, whole = (Trial(*PROBLEMS["deep"](), most=most) for most in (9, None))
    store = part.store(tmp_path / "s")
    assert not store.complete
    part.build(tmp_path / "s", [tmp_path / "s" / "blocks" / "000000.npz"])  # gone: nothing to do
    check_store(part, open_store(tmp_path / "s"))
    whole.build(tmp_path / "s", whole.write(tmp_path / "more", 2), part_regions=7)
    check_store(whole, open_store(tmp_path / "s"))
    assert files_of(tmp_path / "s") == files_of(whole.store(tmp_path / "again").directory)


def test_blocks_are_kept_on_request(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    blocks = trial.write(tmp_path / "blocks", 2)
    trial.build(tmp_path / "s", blocks, keep_blocks=True)
    assert all(path.exists() for path in blocks)


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, error, workers):
    trial = Trial(*PROBLEMS["deep"]())
    whole = files_of(trial.store(tmp_path / "whole", 2).directory)
    blocks = trial.write(tmp_path / "s" / "blocks", 2)
    options = {"memory": 2000, "part_regions": 7, "workers": workers}
    for step in (0, 1, 5, 9):
        waits = itertools.count()

        def full(handle, step=step, waits=waits):
            if next(waits) >= step:
                raise OSError(error, os.strerror(error))

        with monkeypatch.context() as patch:
            patch.setattr("os.fsync", full)
            with pytest.raises(StoreError, match=re.escape(os.strerror(error)) + r".* are kept"):
                trial.build(tmp_path / "s", blocks, **options)
        assert all(path.exists() for path in blocks)
        assert not list((tmp_path / "s").rglob("*.part"))
    trial.build(tmp_path / "s", blocks, **options)
    assert files_of(tmp_path / "s") == whole


def test_a_disk_that_is_full_amid_a_block(tmp_path, monkeypatch):
    trial = Trial(*PROBLEMS["deep"]())
    monkeypatch.setattr(np, "savez", lambda stream, **_: stream.write(b"PK") and full_disk())
    with pytest.raises(StoreError, match=r"block.npz could not be written: .*No space left"):
        write_block(tmp_path / "block.npz", trial.compiled, trial.found)
    assert list(tmp_path.iterdir()) == []


def full_disk() -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
