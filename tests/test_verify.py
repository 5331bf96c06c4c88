"""Right graphs pass every level of verify(); each kind of corruption is caught by its level."""

from __future__ import annotations

import builtins
from dataclasses import replace

import numpy as np
import pytest
from networks import gaussian_network

from polyrelu import (
    Box,
    Limits,
    MissingExtraError,
    Network,
    Polytope,
    Slice,
    Space,
    absolute,
    hard_tanh,
    identity,
    leaky_relu,
    regions,
    relu,
    segment,
)
from polyrelu.network import Affine, Layer
from polyrelu.region import Region
from polyrelu.verify import LEVELS, VerificationError, verify

INTEGERS = np.array([[1.0, 0], [0, 1], [1, 1], [1, -1], [1, 0], [-1, 0]])


def zero_biases() -> Network:
    """Concurrent, repeated and opposite lines, then a layer that bends on the same ones."""
    second = np.array([[1.0, -1, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, -1]])
    return Network.from_layers(
        [(INTEGERS, np.zeros(6)), (second, np.zeros(3)), (np.ones((1, 3)), np.zeros(1))]
    )


def thin() -> Network:
    """Two walls one ulp apart, crossed by a third."""
    weight = np.array([[1.0, 0.3], [1.0, 0.3], [0.2, -1.0]])
    bias = np.array([0.1, np.nextafter(0.1, 1), 0.05])
    return Network.from_layers([(weight, bias), (np.ones((1, 3)), np.zeros(1))])


def with_units(*units) -> Network:
    rng = np.random.default_rng(3)
    first = Layer([Affine(rng.normal(size=(4, 2)), rng.normal(size=4))], (units * 4)[:4])
    second = Layer([Affine(rng.normal(size=(3, 4)), rng.normal(size=3))], (units * 3)[:3])
    return Network((first, second))


def seen_by(weight, *units) -> Network:
    """One layer: where only an identity sees a direction, only the output changes along it."""
    weight = np.asarray(weight, dtype=float)
    return Network((Layer([Affine(weight, 0.3 * np.arange(len(units)))], units),))


ASKEW = [[1.0, 0.3, 0.7], [0.1, 1 / 3, -0.2], [0.5, -1.1, 0.9]]
TRIANGLE = Polytope([[-1.0, 0], [0, -1], [1, 1], [1, 1]], [1.0, 1, 1, 5])
RIGHT = {
    "box": (gaussian_network(0, 2, 6, 4, 1), Box(-1, 1, dim=2)),
    "box in 3": (gaussian_network(1, 3, 5, 3, 1), Box([-1, 0, -2], [1, 1, 2])),
    "one input": (gaussian_network(2, 1, 5, 5, 1), Box(-3, 3, dim=1)),
    "polytope": (gaussian_network(3, 2, 6, 4, 1), TRIANGLE),
    "half-space": (gaussian_network(4, 2, 6, 1), Polytope([[1.0, 2.0]], [0.5])),
    "whole space": (gaussian_network(5, 3, 6, 1), Space(3)),
    "whole space, deep": (gaussian_network(6, 2, 5, 4, 1), Space(2)),
    "lines": (gaussian_network(7, 4, 2, 3, 1), Space(4)),
    "strip of lines": (gaussian_network(8, 3, 1, 1), Polytope([[1.0, 0, 0], [-1, 0, 0]], [1, 1])),
    "flat box": (gaussian_network(9, 3, 6, 4, 1), Box([0, 0.5, -1], [1, 0.5, 1])),
    "flat polytope": (gaussian_network(10, 2, 8, 1), Polytope([[1.0, 1], [-1, -1]], [1, -1])),
    "one point": (gaussian_network(11, 2, 4, 1), Box([0.25, 0.5], [0.25, 0.5])),
    "slice": (gaussian_network(12, 5, 8, 4, 1), Slice(np.ones(5), np.eye(5)[:2], Box(-2, 2, 2))),
    "segment": (gaussian_network(13, 6, 8, 4, 1), segment(-np.ones(6), 2 * np.ones(6))),
    "zero biases": (zero_biases(), Space(2)),
    "zero biases in a box": (zero_biases(), Box(-1, 1, dim=2)),
    "leaky": (with_units(leaky_relu(0.1), absolute()), Box(-2, 2, dim=2)),
    "hard tanh and skips": (with_units(hard_tanh(), identity()), Space(2)),
    "a line for the output": (seen_by(np.eye(2), identity(), relu()), Space(2)),
    "and a line for nothing": (seen_by(np.eye(2, 3), identity(), relu()), Space(3)),
    "two lines, askew": (seen_by(ASKEW, identity(), identity(), relu()), Space(3)),
    "a line in a plane": (
        seen_by(ASKEW, identity(), relu(), identity()),
        Polytope([[1.0, 1, 0.1], [-1, -1, -0.1]], [1, -1]),
    ),
    "no thresholds": (Network.from_layers([(np.ones((1, 2)), np.ones(1))]), Space(2)),
    "thin": (thin(), Box(-1, 1, dim=2)),
}


@pytest.mark.parametrize("name", RIGHT)
def test_right_graphs_pass(name):
    G = regions(*RIGHT[name])
    result = verify(G, "geometry")
    assert result, str(result)
    assert result.failures == ()
    by_name = {check.name: check for check in result.checks}
    assert by_name["facets"].checked == len(G.facets)
    assert by_name["walls"].checked == 2 * G.n_walls
    assert by_name["euler"].checked > 0
    result.raise_if_failed()


@pytest.mark.parametrize("name", RIGHT)
def test_cddlib_agrees(name):
    pytest.importorskip("cdd")
    G = regions(*RIGHT[name])
    result = verify(G, "judge", sample=12)
    assert result, str(result)


def test_thin_regions_have_exact_witnesses():
    G = regions(*RIGHT["thin"])
    assert G.exact_witnesses
    assert len(G) == 6


def test_volumes_are_summed_in_fixed_point_when_many(monkeypatch):
    monkeypatch.setattr("polyrelu.verify.geometry.EXACT_SUM_REGIONS", 5)
    G = regions(*RIGHT["box"])
    result = verify(G)
    assert result
    assert "1024 bits" in str(result)
    assert caught(drop_a_region(G), "geometry") >= {"volume", "euler"}


def test_incomplete_graphs_pass_for_what_they_hold():
    G = regions(*RIGHT["box"], limits=Limits(regions=7))
    assert not G.complete
    result = verify(G)
    assert result, str(result)
    assert "left out: the graph is incomplete" in str(result)


def test_a_direction_that_only_the_output_sees():
    """Vertices are one point of each minimal face; the region itself lists the line."""
    G = regions(*RIGHT["a line for the output"])
    assert len(G) == 2
    assert not G.lines
    assert G.unbounded.all()
    assert all(np.abs(region.lines()).tolist() == [[1.0, 0.0]] for region in G)


# ---------------------------------------------------------------- corruption


@pytest.fixture(scope="module")
def graph():
    return regions(*RIGHT["box"])


def caught(G, level) -> set[str]:
    """Names of the checks that fail."""
    result = verify(G, level)
    assert len(result.checks) == 1 or {c.level for c in result.checks} == set(
        LEVELS[: LEVELS.index(level) + 1]
    )
    assert result.ok == (not result.failures)
    return {check.name for check in result.checks if not check.ok}


def changed(G, column, **at):
    """A copy of one column with entry ``index`` set to ``value``."""
    array = np.array(getattr(G, column))
    array[at["index"]] = at["value"]
    return replace(G, **{column: array})


def facet_of(G, i, j) -> int:
    here = range(G.indptr[i], G.indptr[i + 1])
    return next(f for f in here if G.neighbor[f] == j)


def without_facets(G, gone):
    """Facets left out of the lists of the regions that have them."""
    keep = np.ones(len(G.facets), dtype=bool)
    keep[gone] = False
    owner = np.repeat(np.arange(len(G)), np.diff(G.indptr))[keep]
    return replace(
        G,
        indptr=np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=len(G)))]),
        facets=G.facets[keep],
        neighbor=G.neighbor[keep],
    )


def drop_a_region(G):
    """The last region, and every facet of others that leads to it, without a trace."""
    last = len(G) - 1
    G = without_facets(G, np.flatnonzero(G.neighbor == last))
    end = G.indptr[last]
    return replace(
        G,
        packed_patterns=G.packed_patterns[:last],
        local_witnesses=G.local_witnesses[:last],
        unbounded=G.unbounded[:last],
        indptr=G.indptr[: last + 1],
        facets=G.facets[:end],
        neighbor=G.neighbor[:end],
    )


def test_a_flipped_bit(graph):
    packed = graph.packed_patterns[3, 0] ^ 4
    assert "witnesses" in caught(
        changed(graph, "packed_patterns", index=(3, 0), value=packed), "patterns"
    )


def test_a_bit_beyond_the_last_threshold(graph):
    packed = graph.packed_patterns[3, 1] | 128
    assert caught(changed(graph, "packed_patterns", index=(3, 1), value=packed), "patterns") == {
        "columns"
    }


def test_a_moved_witness(graph):
    moved = changed(graph, "local_witnesses", index=2, value=graph.local_witnesses[5])
    assert caught(moved, "patterns") == {"witnesses"}
    outside = changed(graph, "local_witnesses", index=2, value=3.0)
    assert caught(outside, "patterns") == {"witnesses"}


def test_a_witness_on_a_wall():
    network = Network.from_layers([(np.eye(2), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))])
    G = regions(network, Box(-1, 1, dim=2))
    on_wall = changed(G, "local_witnesses", index=G.find([0, 1]), value=(0.0, 0.5))
    assert caught(on_wall, "patterns") == {"witnesses"}
    at_the_edge = changed(G, "local_witnesses", index=G.find([0, 1]), value=(-1.0, 0.5))
    assert caught(at_the_edge, "patterns") == {"witnesses"}


def test_a_region_that_stands_twice(graph):
    n, d = len(graph), graph.local_witnesses.shape[1]
    last = slice(graph.indptr[n - 1], graph.indptr[n])
    twice = replace(
        graph,
        packed_patterns=np.vstack([graph.packed_patterns, graph.packed_patterns[-1:]]),
        local_witnesses=np.vstack([graph.local_witnesses, graph.local_witnesses[-1:]]).reshape(
            -1, d
        ),
        unbounded=np.append(graph.unbounded, graph.unbounded[-1]),
        indptr=np.append(graph.indptr, len(graph.facets) + len(graph.facets[last])),
        facets=np.append(graph.facets, graph.facets[last]),
        neighbor=np.append(graph.neighbor, graph.neighbor[last]),
    )
    assert caught(twice, "patterns") == {"distinct"}
    assert caught(twice, "adjacency") >= {"distinct", "symmetric"}


def test_a_dropped_region(graph):
    dropped = drop_a_region(graph)
    assert not caught(dropped, "patterns")
    assert caught(dropped, "geometry") >= {"facets"}


def test_a_dropped_region_with_its_facets_unexplored(graph):
    last = len(graph) - 1
    neighbor = np.where(graph.neighbor == last, -2, graph.neighbor)[: graph.indptr[last]]
    dropped = replace(
        graph,
        packed_patterns=graph.packed_patterns[:last],
        local_witnesses=graph.local_witnesses[:last],
        unbounded=graph.unbounded[:last],
        indptr=graph.indptr[: last + 1],
        facets=graph.facets[: len(neighbor)],
        neighbor=neighbor,
    )
    assert caught(dropped, "adjacency") == {"explored"}
    assert caught(dropped, "geometry") >= {"volume", "euler"}
    assert verify(replace(dropped, complete=False, stopped_by="regions"))


def test_a_dropped_neighbour(graph):
    i, j = graph.edges()[4]
    one_way = without_facets(graph, [facet_of(graph, i, j)])
    assert caught(one_way, "adjacency") == {"symmetric"}
    both_ways = without_facets(graph, [facet_of(graph, i, j), facet_of(graph, j, i)])
    assert not caught(both_ways, "adjacency")
    assert caught(both_ways, "geometry") >= {"facets"}


def test_parts_that_are_not_connected(graph):
    i = int(np.argmin(graph.degrees))
    own = np.arange(graph.indptr[i], graph.indptr[i + 1])
    away = np.concatenate([own[graph.neighbor[own] >= 0], np.flatnonzero(graph.neighbor == i)])
    assert caught(without_facets(graph, away), "adjacency") == {"connected"}


def test_rewired_neighbours(graph):
    """Two walls on one threshold exchange what is behind them: symmetric, bit for bit right."""
    pairs = {}
    for i, j in graph.edges():
        flips = graph.flips(i, j)
        f = facet_of(graph, i, j)
        if len(flips) == 1 and flips[0] == graph.facets[f]:
            low, high = (i, j) if graph.pattern(i)[flips[0]] == 0 else (j, i)
            pairs.setdefault(int(flips[0]), []).append((low, high))
    (a, b), (c, d) = next(p for p in pairs.values() if len(p) > 3)[::3]
    neighbor = np.array(graph.neighbor)
    for i, j, k in ((a, b, d), (d, c, a), (c, d, b), (b, a, c)):
        neighbor[facet_of(graph, i, j)] = k
    rewired = replace(graph, neighbor=neighbor)
    assert not caught(rewired, "adjacency")
    assert caught(rewired, "geometry") == {"walls"}


def test_a_neighbour_with_the_wrong_bit(graph):
    i, j = graph.edges()[0]
    other = next(k for k in range(len(graph)) if graph.pattern(k)[graph.facets[
        facet_of(graph, i, j)]] == graph.pattern(i)[graph.facets[facet_of(graph, i, j)]]
        and k not in (i, j))  # fmt: skip
    wrong = changed(graph, "neighbor", index=facet_of(graph, i, j), value=other)
    assert caught(wrong, "adjacency") >= {"bits", "symmetric"}


def test_an_edge_between_patterns_one_bit_apart_that_do_not_touch():
    for seed in range(20):
        G = regions(gaussian_network(seed, 2, 6, 6, 1), Box(-3, 3, dim=2))
        apart = (G.patterns[:, None] != G.patterns[None]).sum(axis=2) == 1
        apart[tuple(G.edges().T)] = False
        found = np.argwhere(np.triu(apart))
        if len(found):
            break
    i, j = found[0]
    t = int(G.flips(i, j)[0])
    facets, neighbor = G.facets, G.neighbor
    for here, there in sorted([(i, j), (j, i)], reverse=True):
        at = G.indptr[here + 1]
        facets, neighbor = np.insert(facets, at, t), np.insert(neighbor, at, there)
    ends = np.arange(len(G) + 1)
    indptr = G.indptr + (ends > i) + (ends > j)
    extra = replace(G, facets=facets, neighbor=neighbor, indptr=indptr)
    assert not caught(extra, "adjacency")
    assert caught(extra, "geometry") >= {"facets"}


def test_a_swapped_threshold(graph):
    """Named after a threshold that has its bits right but another line."""
    i, j = next((i, j) for i, j in graph.edges() if len(graph.flips(i, j)) == 1)
    f = facet_of(graph, i, j)
    other = (int(graph.facets[f]) + 1) % len(graph.network.thresholds)
    swapped = changed(graph, "facets", index=f, value=other)
    assert caught(swapped, "adjacency") == {"bits"}
    assert caught(swapped, "geometry") >= {"bits", "facets"}


def test_a_swapped_inequality_of_the_domain(graph):
    f = int(np.flatnonzero(graph.facets == -1)[0])
    assert caught(changed(graph, "facets", index=f, value=-2), "geometry") >= {"facets"}


def test_a_wrong_unbounded_flag(graph):
    wrong = changed(graph, "unbounded", index=4, value=True)
    assert caught(wrong, "geometry") == {"unbounded"}


@pytest.mark.parametrize(
    ("column", "index", "value"),
    [
        ("indptr", 2, -1),
        ("indptr", 0, 1),
        ("indptr", -1, 5),
        ("neighbor", 0, 10_000),
        ("neighbor", 0, -3),
        ("facets", 0, 10_000),
        ("facets", 0, -10_000),
    ],
)
def test_columns_that_do_not_fit_end_it(graph, column, index, value):
    assert caught(changed(graph, column, index=index, value=value), "geometry") == {"columns"}


def test_columns_of_wrong_lengths(graph):
    for column in ("neighbor", "facets", "indptr", "local_witnesses", "unbounded"):
        shorter = replace(graph, **{column: np.array(getattr(graph, column)[:-1])})
        assert caught(shorter, "geometry") == {"columns"}
    narrow = replace(graph, packed_patterns=np.array(graph.packed_patterns[:, :1]))
    assert caught(narrow, "patterns") == {"columns"}


def test_the_judge_catches_walls_and_neighbours(graph):
    pytest.importorskip("cdd")
    i, j = graph.edges()[4]
    gone = without_facets(graph, [facet_of(graph, i, j), facet_of(graph, j, i)])
    assert caught(gone, "judge") >= {"redundancy", "vertices"}
    far = next(k for k in range(len(graph)) if k not in (i, *graph.neighbors(i)))
    wrong = changed(graph, "neighbor", index=facet_of(graph, i, j), value=far)
    assert caught(wrong, "judge") >= {"crossing"}
    flipped = changed(graph, "packed_patterns", index=(i, 0), value=graph.packed_patterns[i, 0] ^ 1)
    assert caught(flipped, "judge") >= {"witnesses", "crossing"}


@pytest.mark.parametrize(
    "lines",
    [[], [[0.0, 1, 0]], [[1, 2**-50, 0], [0, 0, 1]], [[1, 0, 0], [1, 0, 0]], [[1, 0, 0]] * 3],
)
def test_the_judge_catches_lines(monkeypatch, lines):
    pytest.importorskip("cdd")
    G = regions(*RIGHT["and a line for nothing"])
    monkeypatch.setattr(Region, "lines", lambda self: np.array([[1.0, 0, -0.5], [0, 0, 0.1]]))
    assert verify(G, "judge"), "any basis will do"
    monkeypatch.setattr(Region, "lines", lambda self: np.array(lines).reshape(-1, 3))
    assert caught(G, "judge") == {"vertices"}


# ---------------------------------------------------------------- the face


def test_levels_are_named(graph):
    with pytest.raises(ValueError, match="patterns, adjacency, geometry, judge, not 'all'"):
        verify(graph, "all")
    with pytest.raises(ValueError, match="sample"):
        verify(graph, sample=-1)


def test_the_result_reads_as_a_table(graph):
    result = graph.verify("patterns")
    assert bool(result)
    assert str(result).startswith(f"passed: level patterns, all {len(graph)} regions")
    wrong = changed(graph, "local_witnesses", index=slice(None), value=graph.local_witnesses[5])
    result = verify(wrong, "patterns")
    assert not result
    assert f"and {len(graph) - 11} more" in str(result)
    assert "region 0: its point has sign" in str(result)
    with pytest.raises(VerificationError, match="FAILED: level patterns"):
        result.raise_if_failed()


def test_a_sample_is_drawn_by_its_seed(graph):
    wrong = changed(graph, "local_witnesses", index=slice(None), value=5.0)
    seen = [
        [f.region for f in verify(wrong, "patterns", sample=4, seed=s).failures] for s in (1, 1, 2)
    ]
    assert len(seen[0]) == 4
    assert seen[0] == seen[1] != seen[2]
    assert verify(graph, sample=0)
    assert verify(graph, sample=10_000).sample == len(graph)


def test_progress_is_reported(graph):
    calls = []
    verify(graph, "geometry", progress=lambda n, seconds: calls.append((n, seconds)))
    assert [n for n, _ in calls] == list(range(1, 2 * len(graph) + 1))


def test_progress_is_silent_without_a_terminal(graph, capsys):
    verify(graph, "patterns", progress=True)
    assert capsys.readouterr() == ("", "")


def test_without_cddlib_the_judge_says_what_to_install(graph, monkeypatch):
    real = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name.startswith("cdd"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingExtraError, match=r"pip install polyrelu\[cdd\].*libcdd-dev"):
        verify(graph, "judge")
    assert verify(graph, "patterns")
