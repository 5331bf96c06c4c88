"""Searches on all cores, in other processes, and on clusters: the same graph, whatever happens."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from mmap import mmap
from multiprocessing import get_context
from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import gaussian_network, he_layers, problem

from polyrelu import Box, Limits, Network, Space, count_regions, regions, zaslavsky
from polyrelu.engine import adjacency, assemble, joined
from polyrelu.engine import enumerate as enumerate_
from polyrelu.engine.task import Elsewhere, Problem, run
from polyrelu.search import crew, search

NET, BOX = gaussian_network(0, 2, 40, 40), Box(-2, 2, dim=2)
LINES, PLANE = gaussian_network(1, 2, 150), Space(2)
N_LINES = zaslavsky(150, 2)
COLUMNS = ("packed_patterns", "local_witnesses", "indptr", "facets", "neighbor", "unbounded",
           "coincident", "vanishing")  # fmt: skip


@pytest.fixture(autouse=True)
def _divide_early(monkeypatch):
    monkeypatch.setattr(search, "ALONE", 100)
    monkeypatch.setattr(crew, "FEWEST", 64)
    monkeypatch.setattr(assemble, "FEW", 64)
    monkeypatch.setattr(adjacency, "STRETCH", 64)
    monkeypatch.setattr(joined, "SMALL", 1)


@pytest.fixture(scope="module")
def alone():
    return regions(NET, BOX, workers=1)


def check_same(graph, other) -> None:
    assert (graph.complete, graph.stopped_by) == (True, None)
    for name in COLUMNS:
        assert getattr(graph, name).tobytes() == getattr(other, name).tobytes(), name


# ---------------------------------------------------------------- threads


@pytest.mark.parametrize("workers", [2, 3, 8])
def test_threads_find_the_same_graph(alone, workers):
    graph = regions(NET, BOX, workers=workers)
    check_same(graph, alone)
    assert graph.stats["workers"] == workers
    assert graph.stats["tasks"] > workers
    assert graph.stats["splits"] == alone.stats["splits"]
    assert count_regions(NET, BOX, workers=workers).count == len(alone)


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_threads_in_more_dimensions_and_without_a_box(cells):
    net = gaussian_network(2, 5, 9, 6)
    for domain in (Box(-1, 1, dim=5), Space(5)):
        one = regions(net, domain, workers=1, cells=cells)
        check_same(regions(net, domain, workers=4, cells=cells), one)


def pages(column: np.ndarray) -> type:
    """What holds an array's memory."""
    while isinstance(column.base, np.ndarray):
        column = column.base
    return type(getattr(column.base, "obj", None))  # a view of what holds it


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_blocks_that_a_thread_joins(monkeypatch, cells):
    """Tasks of several blocks, whose columns are large enough for pages of their own."""
    differences = np.zeros((3, 40))
    differences[:, :2] = 1, -1
    differences[[1, 2], [2, 3]] = 1  # they coincide where these neurons are off
    layers = [he_layers(0, 2, 40)[0], (differences, np.zeros(3)), (np.ones((1, 3)), [0.0])]
    ties = Network.from_layers(layers), Box(-2, 2, dim=2)
    one = regions(*ties, workers=1, cells=cells)
    assert len(one) > 500
    assert len(one.coincident)
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 8)
    columns = []

    def in_pages(parts):
        columns.append(joined.in_pages(parts))
        return columns[-1]

    monkeypatch.setattr(crew, "in_pages", in_pages)
    check_same(regions(*ties, workers=3, cells=cells), one)
    assert {pages(column) for column in columns if column.size} == {mmap}


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_slow_cells_are_shared_out_before_many_are_found(monkeypatch, cells):
    """By time: others are asked to help, and tasks handed back, after so many seconds."""
    monkeypatch.setattr(search, "ALONE", 10**6)
    monkeypatch.setattr(crew, "FEWEST", 10**6)
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 16)  # it looks at the clock so often
    monkeypatch.setattr(search, "ALONE_SECONDS", 1e9)
    one = regions(NET, BOX, workers=3, cells=cells)
    assert "tasks" not in one.stats
    monkeypatch.setattr(search, "ALONE_SECONDS", 0.0)
    monkeypatch.setattr(crew, "SHORTEST", 0.0)
    graph = regions(NET, BOX, workers=3, cells=cells)
    check_same(graph, one)
    assert graph.stats["tasks"] > 3


@pytest.mark.parametrize("pool", [ThreadPoolExecutor, ProcessPoolExecutor])
def test_executors_help_with_slow_cells_before_many_are_found(monkeypatch, alone, pool):
    monkeypatch.setattr(search, "ALONE", 10**6)
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 16)
    seconds = "ALONE_SECONDS" if pool is ThreadPoolExecutor else "ALONE_WITHOUT_THREADS"
    for other in ("ALONE_SECONDS", "ALONE_WITHOUT_THREADS"):
        monkeypatch.setattr(search, other, 1e9)
    how = {} if pool is ThreadPoolExecutor else {"mp_context": get_context("spawn")}
    with pool(2, **how) as executor:
        assert "tasks" not in regions(NET, BOX, executor=executor).stats
        monkeypatch.setattr(search, seconds, 0.0)
        graph = regions(NET, BOX, executor=executor)
    check_same(graph, alone)
    assert graph.stats["tasks"] > 0


def test_facets_at_a_limit_are_those_that_one_core_knows(monkeypatch):
    """Also where what is on the other side was found by a thread, beyond the limit."""
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 8)
    net, box = gaussian_network(3, 5, 8, 8), Box(-1, 1, dim=5)
    for limit in range(100, 400, 20):
        one, several = (
            regions(net, box, limits=Limits(regions=limit), cells="lp", workers=n) for n in (1, 3)
        )
        assert len(one) == len(several) == limit
        for name in COLUMNS:
            same = getattr(one, name).tobytes() == getattr(several, name).tobytes()
            assert same, (name, limit)


@pytest.mark.parametrize("seed", [886, 2309, 3592])
def test_witnesses_do_not_depend_on_the_way(monkeypatch, seed):
    """Of points that float64 solves poorly: cells share them, which several may search."""
    net, where = problem(Random(seed))
    one = regions(net, where, workers=1, cells="vertices")
    monkeypatch.setattr(search, "ALONE", 1)
    monkeypatch.setattr(crew, "FEWEST", 4)
    monkeypatch.setattr(crew, "SHORTEST", 0.0)
    for workers in (2, 3):
        check_same(regions(net, where, workers=workers, cells="vertices"), one)


@pytest.mark.parametrize("seed", [392, 2289, 3355])
def test_a_limit_where_auxiliary_walls_cut_regions(monkeypatch, seed):
    """It keeps those that one core knows all cells of when it stops."""
    net, where = problem(Random(seed))
    one = regions(net, where, workers=1, limits=Limits(regions=30))
    assert one.compiled.n_auxiliary > 0
    monkeypatch.setattr(search, "ALONE", 1)
    monkeypatch.setattr(crew, "FEWEST", 4)
    several = regions(net, where, workers=3, limits=Limits(regions=30))
    assert one.stopped_by == several.stopped_by == "regions"
    for name in COLUMNS:
        assert getattr(one, name).tobytes() == getattr(several, name).tobytes(), name


@pytest.mark.parametrize("seed", [25, 63, 75])
def test_a_way_that_takes_long_is_not_gone_for_nothing(monkeypatch, seed):
    """Who has not arrived, as integers are asked on the way, hands nothing back: else two threads
    would give the same task to each other for ever."""
    net, where = problem(Random(seed))
    one = regions(net, where, workers=1, cells="lp")
    monkeypatch.setattr(search, "ALONE", 1)
    monkeypatch.setattr(crew, "SHORTEST", 0.0)
    limits = Limits(seconds=30)
    check_same(regions(net, where, workers=2, cells="lp", limits=limits), one)


def test_a_limit_on_regions_keeps_the_first(alone):
    """Those that one core finds first, whoever found others meanwhile."""
    for limit in (101, 500, len(alone) - 1):
        part = regions(NET, BOX, limits=Limits(regions=limit), workers=4)
        assert (len(part), part.stopped_by) == (limit, "regions")
        assert part.packed_patterns.tobytes() == alone.packed_patterns[:limit].tobytes()
        result = count_regions(NET, BOX, limits=Limits(regions=limit), workers=4)
        assert (result.count, result.stopped_by) == (limit, "regions")
    everything = regions(NET, BOX, limits=Limits(regions=len(alone)), workers=4)
    check_same(everything, alone)


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_what_is_found_before_a_stop_is_right(alone, cells):
    """A progress callback interrupts; what is there is a part of the graph, walls included."""

    def interrupt(n, seconds):
        if n > 400:
            raise KeyboardInterrupt

    part = regions(NET, BOX, workers=3, progress=interrupt, cells=cells)
    assert (part.complete, part.stopped_by) == (False, "interrupt")
    assert 0 < len(part) < len(alone)
    place = [alone.find(pattern) for pattern in part.patterns]
    assert min(place) >= 0
    if cells == "vertices":  # the order is that of each representation
        assert place == sorted(place)
    true = {tuple(edge) for edge in alone.edges().tolist()}
    found = {tuple(sorted((place[i], place[j]))) for i, j in part.edges().tolist()}
    kept = set(place)
    assert found == {(i, j) for i, j in true if i in kept and j in kept}
    for i, k in enumerate(place):
        facets = set(alone.facets[alone.indptr[k] : alone.indptr[k + 1]].tolist())
        assert set(part.facets[part.indptr[i] : part.indptr[i + 1]].tolist()) == facets


def test_seconds_and_memory_stop_threads():
    net = gaussian_network(0, 4, 40, 40, 40)
    box = Box(-1, 1, dim=4)
    began = time.perf_counter()
    part = regions(net, box, limits=Limits(seconds=1), workers=3)
    assert part.stopped_by == "seconds"
    assert time.perf_counter() - began < 30
    part = regions(net, box, limits=Limits(memory=2_000_000), workers=3)
    assert part.stopped_by == "memory"


def test_a_failing_thread_is_heard(monkeypatch):
    def fail(*asked):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(crew, "run", fail)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        regions(NET, BOX, workers=2)
    assert not [t for t in threading.enumerate() if t.name.startswith("polyrelu")]


class Stop(Exception):
    pass


def test_threads_of_a_given_pool_are_waited_for(monkeypatch):
    busy, seen = [], []
    original = crew.run

    def slow(*args):
        busy.append(0)
        done = original(*args)
        time.sleep(0.2)
        busy.pop()
        return done

    def progress(n, seconds):
        if busy:
            seen.append(n)
            raise Stop

    monkeypatch.setattr(crew, "run", slow)
    with ThreadPoolExecutor(2) as pool:
        with pytest.raises(Stop):
            regions(NET, BOX, executor=pool, progress=progress)
        assert seen
        assert not busy


def test_a_given_pool_of_threads_is_left_open(alone):
    with ThreadPoolExecutor(2) as pool:
        check_same(regions(NET, BOX, executor=pool), alone)
        assert pool.submit(int, "7").result() == 7


# ---------------------------------------------------------------- other processes


def test_processes(alone):
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        graph = regions(NET, BOX, executor=pool)
        check_same(graph, alone)
        assert graph.stats["bytes_received"] > 50 * (len(graph) - 100)
        assert graph.stats["bytes_sent"] > 1000 * graph.stats["tasks"]  # 40 x 40 weights each
        assert count_regions(LINES, PLANE, executor=pool).count == N_LINES


def test_blocks_that_cannot_be_written(alone):
    """As an executor may hand over what it received."""
    problem = Problem.of(NET, BOX, False, "vertices")
    search = problem.search()
    found = assemble.concatenate(run(problem, problem.all_cells, 10**6, Elsewhere(1)).found)
    for column in vars(found).values():
        if isinstance(column, np.ndarray):
            column.flags.writeable = False
    columns = assemble.assemble(problem.compiled, search.settle, [found])
    assert columns.patterns.tobytes() == alone.packed_patterns.tobytes()
    assert columns.neighbors.tobytes() == alone.neighbor.tobytes()


class Unreliable(Executor):
    """Loses every third task, and breaks after so many."""

    def __init__(self, breaks_after: int | None = None) -> None:
        self._pool = ThreadPoolExecutor(2)
        self._n, self._breaks_after = 0, breaks_after

    def submit(self, function, *args):
        self._n += 1
        if self._breaks_after is not None and self._n > self._breaks_after:
            raise BrokenProcessPool("gone")
        if self._n % 3 == 0:
            lost: Future = Future()
            lost.set_exception(ConnectionError("a worker died"))
            return lost
        return self._pool.submit(function, *args)


def test_tasks_that_are_lost_are_done_again(alone):
    graph = regions(NET, BOX, executor=Unreliable(), workers=2)
    check_same(graph, alone)
    assert graph.stats["repeated_tasks"] > 0


def test_what_was_found_before_the_executor_broke_is_kept(alone):
    graph = regions(NET, BOX, executor=Unreliable(breaks_after=4), workers=2)
    assert (graph.complete, graph.stopped_by) == (False, "executor")
    assert 100 <= len(graph) < len(alone)


def test_a_task_that_fails_again_and_again_is_an_error():
    class Hopeless(Executor):
        def submit(self, function, *args):
            failed: Future = Future()
            failed.set_exception(MemoryError("too small"))
            return failed

    with pytest.raises(MemoryError, match="too small"):
        regions(NET, BOX, executor=Hopeless(), workers=2)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": 0}, "workers must be a positive integer, not 0"),
        ({"workers": 1.5}, "workers must be a positive integer"),
        ({"workers": True}, "workers must be a positive integer"),
        ({"executor": 3}, "executor must be a concurrent.futures.Executor"),
    ],
)
def test_wrong_workers(options, message):
    with pytest.raises((TypeError, ValueError), match=message):
        regions(NET, BOX, **options)


# ---------------------------------------------------------------- clusters, for real


@pytest.mark.slow
def test_dask_with_a_worker_killed(alone):
    distributed = pytest.importorskip("distributed")
    import dask

    dask.config.set({"distributed.worker.daemon": True})
    with (
        distributed.LocalCluster(2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        victim = next(iter(client.run(os.getpid).values()))
        killed = []

        def kill(n, seconds):
            if n > 100 and not killed:
                os.kill(victim, signal.SIGKILL)
                killed.append(n)

        graph = regions(NET, BOX, executor=client.get_executor(), workers=2, progress=kill)
        assert killed
        assert killed[0] < len(alone)
        check_same(graph, alone)  # nothing lost, nothing twice


MPI = """
import sys
sys.path[:0] = {path!r}
from mpi4py import MPI
from mpi4py.futures import MPIPoolExecutor
from networks import gaussian_network
from polyrelu import Box, regions
from polyrelu.search import crew, search

if __name__ == "__main__":
    search.ALONE, crew.FEWEST = 100, 64
    net, box = gaussian_network(0, 2, 40, 40), Box(-2, 2, dim=2)
    with MPIPoolExecutor() as pool:
        graph = regions(net, box, executor=pool)
    print(MPI.COMM_WORLD.size, len(graph), graph.stats["tasks"], graph.complete)
    print(graph.neighbor.tobytes().hex() + graph.local_witnesses.tobytes().hex())
"""


@pytest.mark.slow
def test_mpi_with_two_ranks(alone, tmp_path):
    pytest.importorskip("mpi4py")
    beside = Path(sys.executable).with_name("mpiexec")
    launcher = beside if beside.exists() else shutil.which("mpiexec")
    if launcher is None:
        pytest.skip("no mpiexec")
    script = tmp_path / "script.py"
    here = Path(__file__).parent
    script.write_text(MPI.format(path=[str(here), str(here.parent)]))
    command = [launcher, "-n", "2", sys.executable, "-m", "mpi4py.futures", str(script)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ran.returncode == 0, ran.stderr
    told, columns = ran.stdout.split("\n", 1)
    size, n, tasks, complete = told.split()
    assert (size, int(n), complete) == ("2", len(alone), "True")
    assert int(tasks) > 2
    own = alone.neighbor.tobytes().hex() + alone.local_witnesses.tobytes().hex()
    assert columns.strip() == own


def test_neighbours_are_what_was_compared(alone):
    """The columns that these tests compare are not empty."""
    assert len(alone) > 1000
    assert np.count_nonzero(alone.neighbor >= 0) > 4000
