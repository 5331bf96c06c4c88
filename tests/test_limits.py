"""Limits and Ctrl-C: what was found is kept, is right, and says that it is not all."""

from __future__ import annotations

import signal
import threading

import numpy as np
import pytest
from networks import cantor_net, gaussian_network, resonance

from polyrelu import (
    Affine,
    Box,
    Layer,
    Limits,
    Network,
    Space,
    count_regions,
    identity,
    regions,
    relu,
)
from polyrelu.errors import PolyreluError
from polyrelu.search import search

NET, BOX = gaussian_network(0, 2, 20, 20), Box(-1, 1, dim=2)
MANY = gaussian_network(1, 2, 200)  # on the plane: Zaslavsky's 1 + 200 + 200 * 199 / 2
N_MANY = 20_101


@pytest.fixture(scope="module")
def whole():
    return regions(NET, BOX)


@pytest.fixture(autouse=True)
def interrupts_are_not_ignored():
    """As they are where a shell started the tests in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def edges_of(G) -> set[frozenset[bytes]]:
    name = [row.tobytes() for row in G.packed_patterns]
    return {frozenset((name[i], name[j])) for i, j in G.edges().tolist()}


def check_part(part, whole):
    """Regions, facets and walls are the whole graph's; what is behind is known or -2."""
    places = [whole.find(pattern) for pattern in part.patterns]
    assert min(places, default=0) >= 0
    assert len(set(places)) == len(part)
    assert edges_of(part) <= edges_of(whole)
    back = {place: i for i, place in enumerate(places)}
    for i, place in enumerate(places):
        kept = dict(zip(*columns(part, i), strict=True))
        true = dict(zip(*columns(whole, place), strict=True))
        assert kept.keys() == true.keys()
        for facet, behind in true.items():
            expected = back.get(behind, -2) if behind >= 0 else -1
            assert kept[facet] == expected
        assert part[i].exact_affine_map == whole[place].exact_affine_map
    assert all(0 <= i < len(part) for i in part.exact_witnesses)
    assert part.witnesses.shape == (len(part), part.dim)


def columns(G, i):
    here = slice(*G.indptr[i : i + 2].tolist())
    return G.facets[here].tolist(), G.neighbor[here].tolist()


def check_stopped(part, by: str):
    assert (part.complete, part.stopped_by) == (False, by)
    assert f"incomplete: stopped by {by}" in repr(part)
    assert part.statistics()["stopped_by"] == by


class Clock:
    """A clock that ticks at each look: limits in seconds without waiting."""

    def __init__(self) -> None:
        self.now = 0

    def perf_counter(self) -> int:
        self.now += 1
        return self.now


# ---------------------------------------------------------------- regions


@pytest.mark.parametrize("limit", [1, 2, 7, 63, 200])
def test_exactly_as_many_regions_as_allowed(whole, limit):
    part = regions(NET, BOX, limits=Limits(regions=limit))
    assert len(part) == limit
    check_stopped(part, "regions")
    check_part(part, whole)
    assert part.statistics()["unexplored_facets"] > 0
    result = count_regions(NET, BOX, limits=Limits(regions=limit))
    assert (result.count, result.complete, result.stopped_by) == (limit, False, "regions")


@pytest.mark.parametrize("more", [0, 1, 10**12])
def test_a_limit_that_is_not_exceeded_stops_nothing(whole, more):
    """As many regions as there are: nothing is missing, so the graph is complete."""
    part = regions(NET, BOX, limits=Limits(regions=len(whole) + more))
    assert (len(part), part.complete, part.stopped_by) == (len(whole), True, None)
    assert edges_of(part) == edges_of(whole)
    result = count_regions(NET, BOX, limits=Limits(regions=len(whole) + more))
    assert (result.count, result.complete, result.stopped_by) == (len(whole), True, None)


@pytest.mark.parametrize("limit", [4095, 4096, 4097, 10_001, N_MANY - 1, N_MANY])
def test_limits_beyond_one_block(limit):
    part = regions(MANY, Space(2), limits=Limits(regions=limit))
    assert len(part) == limit
    assert part.complete == (limit == N_MANY)
    assert count_regions(MANY, Space(2), limits=Limits(regions=limit)).count == limit


@pytest.mark.parametrize("limit", [1, 3, 6])
def test_walls_that_flip_several_bits_and_zero_units(limit):
    for net, where in ((resonance(3), Space(3)), (cantor_net(2), Box(0, 1, dim=2))):
        full = regions(net, where)
        assert len(full) > limit
        check_part(regions(net, where, limits=Limits(regions=limit)), full)


# ---------------------------------------------------------------- seconds and memory


@pytest.mark.parametrize("seconds", [2, 3, 4, 5])
def test_seconds(monkeypatch, seconds):
    full = regions(MANY, Space(2))
    monkeypatch.setattr(search, "time", Clock())
    part = regions(MANY, Space(2), limits=Limits(seconds=seconds))
    check_stopped(part, "seconds")
    assert len(part) < N_MANY
    known = set(map(bytes, full.packed_patterns))
    assert set(map(bytes, part.packed_patterns)) <= known
    assert edges_of(part) <= edges_of(full)
    monkeypatch.setattr(search, "time", Clock())
    result = count_regions(MANY, Space(2), limits=Limits(seconds=seconds))
    assert (result.complete, result.stopped_by) == (False, "seconds")
    assert result.count < N_MANY


def test_seconds_that_end_amid_thin_regions(monkeypatch):
    """Stopped between the exact witness of a region and the region itself, say."""
    rng = np.random.default_rng(0)
    W, V, b = rng.normal(size=(5, 3)), rng.normal(size=(5, 3)), rng.normal(size=5)
    # Two factors, so that hyperplanes are 2**-140 apart: integers are asked.
    twice, tiny = np.vstack([np.eye(3), np.eye(3)]), 2.0**-140
    apart = np.vstack([np.hstack([W, 0 * V]), np.hstack([W, tiny * V])])
    factors = [Affine(twice, np.zeros(6)), Affine(apart, np.concatenate([b, b]))]
    net = Network([Layer(factors, [relu()] * 10)])
    where = Box(-3, 3, dim=3)
    full = regions(net, where)
    assert len(full.exact_witnesses) > 50
    sizes = set()
    for seconds in range(2, 80):
        monkeypatch.setattr(search, "time", Clock())
        part = regions(net, where, limits=Limits(seconds=seconds), workers=1)
        check_part(part, full)
        sizes.add(len(part))
    assert len(sizes) > 30  # it stops among them, too


def test_real_seconds_are_kept():
    net = gaussian_network(0, 6, 48, 48)  # many millions of regions
    part = regions(net, Box(-1, 1, dim=6), limits=Limits(seconds=0.05))
    check_stopped(part, "seconds")
    assert len(part) > 0


def test_memory(whole):
    part = regions(MANY, Space(2), limits=Limits(memory=1))
    check_stopped(part, "memory")
    assert 0 < len(part) < N_MANY
    generous = regions(NET, BOX, limits=Limits(memory=10**9))
    assert generous.complete
    assert len(generous) == len(whole)
    assert count_regions(MANY, Space(2), limits=Limits(memory=1)).count == N_MANY  # stores none


# ---------------------------------------------------------------- Ctrl-C


def interrupting(how):
    """A progress callback that interrupts at its second call."""
    calls = []

    def progress(n, seconds):
        calls.append(n)
        if len(calls) == 2:
            how()

    return progress, calls


def raise_interrupt():
    raise KeyboardInterrupt


def press():
    signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize("how", [raise_interrupt, press])
@pytest.mark.parametrize("call", [regions, count_regions])
def test_an_interrupt_keeps_what_was_found(how, call):
    progress, calls = interrupting(how)
    found = call(MANY, Space(2), progress=progress)
    size = found.count if call is count_regions else len(found)
    assert (found.complete, found.stopped_by) == (False, "interrupt")
    assert calls[1] <= size < N_MANY
    assert len(calls) == 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if call is regions:
        full = regions(MANY, Space(2))
        assert edges_of(found) <= edges_of(full)
        assert (found.neighbor == -2).any()


def test_an_interrupted_graph_can_be_used(tmp_path):
    progress, _ = interrupting(raise_interrupt)
    part = regions(MANY, Space(2), progress=progress)
    part.save(tmp_path / "part.npz")
    again = type(part).load(tmp_path / "part.npz")
    check_stopped(again, "interrupt")
    assert (again.neighbor == part.neighbor).all()


def test_an_interrupt_before_the_first_region(monkeypatch):
    """Also where nothing was found yet, there is a graph: an empty one."""

    def blocks(self):
        raise KeyboardInterrupt
        yield

    monkeypatch.setattr("polyrelu.engine.enumerate.Enumeration.blocks", blocks)
    part = regions(NET, BOX)
    check_stopped(part, "interrupt")
    assert len(part) == part.n_walls == 0
    assert part.patterns.shape == (0, 40)
    assert part.edges().shape == (0, 2)
    assert part.to_scipy().shape == (0, 0)
    assert len(part.to_networkx()) == 0
    assert part.locate([[0.0, 0.1]]).tolist() == [-1]
    assert part.find([0] * 40) == -1
    assert part.linear_regions().tolist() == []
    assert part.witnesses.shape == (0, 2)
    assert part.statistics()["regions"] == 0
    assert count_regions(NET, BOX).count == 0


def test_an_interrupt_from_outside_stops_a_long_run():
    net = gaussian_network(0, 6, 48, 48)
    timer = threading.Timer(0.3, signal.pthread_kill, (threading.get_ident(), signal.SIGINT))
    timer.start()
    try:
        part = regions(net, Box(-1, 1, dim=6), limits=Limits(regions=10**6))
    finally:
        timer.join()
    check_stopped(part, "interrupt")
    assert len(part) > 0


def test_other_exceptions_of_a_callback_pass_through():
    def progress(n, seconds):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        regions(NET, BOX, progress=progress)


# ---------------------------------------------------------------- progress


@pytest.mark.parametrize("call", [regions, count_regions])
def test_progress_is_told_of_every_region(call):
    calls = []
    call(MANY, Space(2), progress=lambda n, seconds: calls.append((n, seconds)))
    assert len(calls) > 1
    numbers, times = zip(*calls, strict=True)
    assert list(numbers) == sorted(numbers)
    assert list(times) == sorted(times)
    assert numbers[-1] == N_MANY
    assert times[0] > 0


# ---------------------------------------------------------------- looking up in a part


def test_a_point_in_a_region_that_was_not_found(whole):
    part = regions(NET, BOX, limits=Limits(regions=5))
    points = whole.witnesses
    found = part.locate(points)
    assert sorted(found[found >= 0].tolist()) == list(range(5))
    missing = points[int(np.argmin(found))]
    with pytest.raises(PolyreluError, match="in a part that was not enumerated"):
        part.region_at(missing)


def test_a_direction_that_matters_first_in_a_later_layer():
    """Cells are merged there; a region that is kept is kept whole."""
    first = Layer([Affine(np.eye(2), np.zeros(2))], [relu(), identity()])
    second = Layer([Affine([[1.0, 1.0], [-1.0, 1.0], [0.0, 1.0]], [0.0, 1.0, -0.5])], relu())
    net = Network((first, second))
    full = regions(net, Space(2))
    assert len(full) == count_regions(net, Space(2)).count == 10
    for limit in range(1, 11):
        part = regions(net, Space(2), limits=Limits(regions=limit))
        assert len(part) <= limit
        for region in part:
            true = full[full.find(region.pattern)]
            assert sorted(region.inequality_rows) == sorted(true.inequality_rows)


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"regions": 0}, "limits: regions must be a positive integer, not 0"),
        ({"regions": 2.5}, "limits: regions must be a positive integer, not 2.5"),
        ({"regions": "3"}, "limits: regions must be a positive integer, not '3'"),
        ({"memory": -1}, "limits: memory must be a positive integer, not -1"),
        ({"seconds": 0.0}, "limits: seconds must be a positive number, not 0.0"),
        ({"seconds": float("nan")}, "limits: seconds must be a positive number, not nan"),
        ({"seconds": "1"}, "limits: seconds must be a positive number, not '1'"),
    ],
)
def test_limits_that_are_refused(limits, message):
    with pytest.raises(PolyreluError, match=message):
        Limits(**limits)


def test_what_is_left_of_the_time():
    limits = Limits(regions=7, seconds=10)
    assert limits.after(4) == Limits(regions=7, seconds=6)
    assert Limits(regions=7).after(4) == Limits(regions=7)
    over = limits.after(10)
    assert over.regions == 7
    assert over.reached(0, 1e-9, 0, None) == "seconds"


def test_limits_of_numpy_types():
    limits = Limits(regions=np.int64(4), seconds=np.float64(60), memory=np.int32(10**9))
    assert len(regions(NET, BOX, limits=limits)) == 4


@pytest.mark.parametrize("widths", [(5, 6), (7, 6)])  # by linear programs, by vertices
@pytest.mark.parametrize("limits", [Limits(seconds=1e-9), Limits(memory=1)])
def test_a_search_that_its_trial_has_finished_is_complete(widths, limits):
    network, domain = gaussian_network(0, *widths), Space(widths[0])
    graph = regions(network, domain, limits=limits)
    count = count_regions(network, domain, limits=limits)
    assert graph.complete
    assert count.complete
    assert len(graph) == count.count == len(regions(network, domain))
