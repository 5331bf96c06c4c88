"""A search that is divided, wherever and however often, finds what one search finds, to the bit."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import arrangement, gaussian_network, problem, resonance

from polyrelu import Box, FileFormatError, Network, Slice, Space
from polyrelu.domain import Domain
from polyrelu.engine import enumerate as enumerate_
from polyrelu.engine import kernel, lp, lp_enumerate
from polyrelu.engine.enumerate import Enumeration
from polyrelu.engine.lp_enumerate import LpEnumeration
from polyrelu.engine.open_cells import OpenCells
from polyrelu.engine.task import Elsewhere, Problem, run

COLUMNS = ("pattern", "witness", "n_facets", "n_vertices", "unbounded", "facet", "maybe")


def prepared(network: Network, domain: Domain | Slice, counting: bool, cells: str) -> Problem:
    if isinstance(domain, Slice):
        return Problem.of(domain.restrict(network), domain.domain, counting, cells)
    return Problem.of(network, domain, counting, cells)


def in_pieces(choose: Random, problem: Problem, largest: int):
    """What tasks of random size find that hand back random numbers of pieces, each of which was
    sent elsewhere."""
    found, n, splits = [], 0, 0
    todo: list[OpenCells | None] = [None]
    while todo:
        cells = todo.pop(0)
        if cells is not None:
            cells = OpenCells.decode(cells.encode(), problem.words)
        budget, parts = choose.randint(1, largest), choose.randint(1, 6)
        done = run(problem, cells, budget, Elsewhere(parts))
        assert done.n_regions <= budget
        assert len(done.left) <= parts
        found += done.found
        n += done.n_regions
        splits += done.splits
        todo = [*done.left, *todo]
    return found, n, splits


def columns(found) -> dict[str, bytes]:
    told = {}
    for name in COLUMNS:
        column = np.concatenate([getattr(block, name) for block in found])
        told[name] = column.tobytes()
    return told


def exact_witnesses(found) -> list[tuple]:
    return [point for block in found for point in block.exact_witness.values()]


def check_divided(choose: Random, network, domain, cells: str) -> None:
    for counting in (False, True):
        problem = prepared(network, domain, counting, cells)
        whole = run(problem, None, 1 << 40, Elsewhere(1))
        assert not whole.left
        largest = max(1, whole.n_regions // choose.randint(1, 12))
        found, n, splits = in_pieces(choose, problem, largest)
        assert (n, splits) == (whole.n_regions, whole.splits)
        if not counting:
            assert columns(found) == columns(whole.found)
            assert exact_witnesses(found) == exact_witnesses(whole.found)


@settings(deadline=None, max_examples=40)
@given(st.randoms(use_true_random=False), st.sampled_from(["vertices", "lp"]))
def test_nasty_networks_divided(choose, cells):
    check_divided(choose, *problem(choose), cells)


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@pytest.mark.parametrize(
    ("network", "domain"),
    [
        (gaussian_network(0, 2, 12, 12), Box(-1, 1, dim=2)),
        (gaussian_network(1, 3, 8, 6, 5), Space(3)),
        (gaussian_network(2, 5, 7, 4), Box(-1, 1, dim=5)),
        (resonance(4), Space(4)),
        (arrangement(np.zeros((2, 3)), np.ones(2)), Space(3)),
    ],
)
def test_networks_divided(network, domain, cells):
    for seed in range(3):
        check_divided(Random(seed), network, domain, cells)


class Pausing:
    """Searches that pause wherever they may after each answer, and hand over what they found."""

    def __init__(self, monkeypatch):
        for kind, work in ((Enumeration, kernel.WORK), (LpEnumeration, lp.WORK)):
            monkeypatch.setattr(kind, "_run", self.turn(kind._run, work))
        self.pauses = 0

    def turn(self, run, work):
        last = [None]

        def paused_run(search):
            if last[0] != kernel.PAUSE:
                search._scalar[work] = kernel.WORK_LIMIT + 1
            last[0] = run(search)
            self.pauses += last[0] == kernel.PAUSE
            return last[0]

        return paused_run


@pytest.mark.parametrize("cells", ["vertices", "lp"])
@pytest.mark.parametrize("seed", [12, 16, 29, 48])
def test_pauses_and_little_room_change_nothing(monkeypatch, cells, seed):
    """A region that had an exact witness just before a pause had another region's after it."""
    task = prepared(*problem(Random(seed)), False, cells)
    whole = run(task, None, 1 << 40, Elsewhere(1))
    pausing = Pausing(monkeypatch)
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 3)
    monkeypatch.setattr(lp_enumerate, "new_cells", partial(lp_enumerate.new_cells, entries=1))
    again = run(task, None, 1 << 40, Elsewhere(1))
    assert columns(again.found) == columns(whole.found)
    assert exact_witnesses(again.found) == exact_witnesses(whole.found) != []
    assert pausing.pauses > 0


def test_what_is_left_is_told_in_order_and_is_all():
    problem = prepared(gaussian_network(3, 2, 20, 20), Box(-1, 1, dim=2), True, "vertices")
    whole = run(problem, None, 1 << 40, Elsewhere(1)).n_regions
    first = run(problem, None, 30, Elsewhere(5))
    assert first.n_regions == 30
    assert len(first.left) == 5
    rest = [run(problem, cells, 1 << 40, Elsewhere(1)) for cells in first.left]
    assert all(not done.left for done in rest)
    assert 30 + sum(done.n_regions for done in rest) == whole


def test_shares_are_of_the_volume():
    """In a box whose regions are known: slabs between x = 0, 1, ..., 9."""
    slabs = arrangement(np.tile([1.0, 0.0], (9, 1)), -np.arange(1.0, 10.0))
    problem = replace(prepared(slabs, Box(0, 10, dim=2), True, "vertices"), is_measured=True)
    left = run(problem, None, 4, Elsewhere(1)).left
    assert left[0].share == pytest.approx(0.6, abs=0.05)
    pieces = run(problem, None, 4, Elsewhere(9)).left
    assert sum(piece.share for piece in pieces) == pytest.approx(left[0].share)


def test_cells_of_another_network_are_refused():
    """Whoever is led astray says so, and finds nothing that is not there."""
    here = prepared(gaussian_network(4, 2, 16, 16), Box(-1, 1, dim=2), True, "vertices")
    there = prepared(gaussian_network(5, 2, 16, 16), Box(-1, 1, dim=2), True, "vertices")
    for budget in (5, 20, 50):
        astray = run(there, None, budget, Elsewhere(1)).left
        with pytest.raises(FileFormatError, match="not on the way"):
            run(here, astray[0], 1 << 40, Elsewhere(1))


@pytest.mark.parametrize("cells", ["vertices", "lp"])
def test_cells_that_were_changed_are_refused(cells):
    problem = prepared(gaussian_network(4, 2, 16, 16), Box(-1, 1, dim=2), True, cells)
    (left,) = run(problem, None, 40, Elsewhere(1)).left
    guide = left.guide.copy()
    guide[2] = 0
    lonely = OpenCells(left.first, left.stop, guide)
    run(problem, lonely, 1 << 40, Elsewhere(1))  # fewer cells are not wrong
    guide[2] = guide[0] | guide[1]
    with pytest.raises(FileFormatError, match="not on the way"):
        run(problem, OpenCells(left.first, left.stop, guide), 1 << 40, Elsewhere(1))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "bytes"),
        (bytes(17), "bytes"),
        (bytes(16), "begin before they end"),
        (OpenCells(0, 1, np.ones((3, 2), np.uint64)).encode(), "one side"),
        (OpenCells(0, 1, np.array([[0, 0], [0, 0], [0, 1]], np.uint64)).encode(), "one side"),
    ],
)
def test_bytes_that_are_no_cells(data, message):
    with pytest.raises(FileFormatError, match=message):
        OpenCells.decode(data, 2)
