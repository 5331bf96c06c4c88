"""Methods of sampling: where they look, what they count, what they cost."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, one_layer, problem

import polyrelu as pr
from polyrelu import sampling
from polyrelu.errors import DomainError
from polyrelu.forward import Forward
from polyrelu.sampling.boxes import begun_in
from polyrelu.sampling.uniform import Uniform, bounding_box, float_rows, inside

rationals = st.randoms(use_true_random=False)
NET = gaussian_network(1, 2, 8, 6)
BOX = pr.Box([-1.0, 0.0], [1.0, 3.0])
FLAT = pr.Polytope([[1, 1], [-1, -1], [-1, 0], [0, -1]], [1, -1, 0, 0])
TRIANGLE = pr.Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 1])


def patterns_one_by_one(net, x):
    """The slow way: a point and a layer at a time."""
    found = []
    for point in x:
        bits, h = "", point
        for layer in net.layers:
            z = layer.pre_activation(h)
            bits += "".join(str(int(z[unit] > float(t))) for unit, t in layer.thresholds)
            h = layer.activate(z)
        found.append(bits)
    return found


# --- forward passes ------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_forward_gives_the_bits_of_each_layer(rng):
    net, _ = problem(rng, 3)
    x = np.random.default_rng(0).normal(size=(7, net.input_dim))
    found = ["".join(map(str, row.astype(int))) for row in Forward(net).bits(x)]
    assert found == patterns_one_by_one(net, x)


@settings(deadline=None, max_examples=60)
@given(rationals)
def test_along_a_line_the_forms_are_those_of_the_regions(rng):
    net, _ = problem(rng, 3)
    x, u = np.random.default_rng(0).normal(size=(2, 5, net.input_dim))
    bits, slack, speed = Forward(net).along(x, u)
    np.testing.assert_array_equal(bits, Forward(net).bits(x))
    for i in range(5):
        pattern = bits[i].astype(np.uint8)
        for t, (k, unit, shift) in enumerate(net.thresholds):
            table = pr.region.region_forms(net, pattern)[k].table()
            scale = int(table[-1][-1])
            row = [int(v) / scale for v in table[unit]]
            sign = 1 if pattern[t] else -1
            size = max(1.0, abs(np.array(row)).max())
            value = sign * (row[:-1] @ x[i] + row[-1] - float(shift))
            assert slack[i, t] == pytest.approx(value, rel=1e-6, abs=1e-6 * size)
            assert speed[i, t] == pytest.approx(sign * (row[:-1] @ u[i]), rel=1e-6, abs=1e-6 * size)


# --- what a sample keeps -------------------------------------------------------------------------


def test_counts_first_points_and_the_curve_against_a_dictionary():
    budget = 300_000  # several blocks
    sample = sampling.uniform_points(NET, BOX, budget=budget, seed=5)
    rng = np.random.default_rng(5)
    source, seen, parts = Uniform(BOX, rng), Counter(), []
    while sum(map(len, parts)) < budget:
        parts.append(source.draw(min(4096, budget - sum(map(len, parts)))))
    x = np.concatenate(parts)
    keys = [row.tobytes() for row in Forward(NET)(x)]
    first = {}
    for i, key in enumerate(keys):
        seen[key] += 1
        first.setdefault(key, i)
    assert [row.tobytes() for row in sample.packed_patterns] == list(first)
    assert sample.counts.tolist() == [seen[key] for key in first]
    assert sample.first_pass.tolist() == [i + 1 for i in first.values()]
    np.testing.assert_array_equal(sample.first_point, x[list(first.values())])
    assert sample.passes == sample.points == budget
    for n in (0, 1, 17, 5000, budget):
        assert sample.seen_after(n) == len(set(keys[:n]))


def test_seeds_repeat_and_differ():
    for name in sampling.METHODS:
        if name == "planes":  # its passes are measured
            continue
        first, again, other = (sampling.run_method(name, NET, BOX, budget=5000, seed=seed)
                               for seed in (1, 1, 2))  # fmt: skip
        np.testing.assert_array_equal(first.packed_patterns, again.packed_patterns)
        np.testing.assert_array_equal(first.first_pass, again.first_pass)
        assert not np.array_equal(first.first_point, other.first_point)


@pytest.mark.parametrize("name", [*sampling.METHODS])
def test_every_method_finds_true_patterns_where_it_looked_and_keeps_to_the_budget(name):
    graph = pr.regions(NET, BOX)
    sample = sampling.run_method(name, NET, BOX, budget=20_000)
    assert name == "planes" or 0 < sample.passes <= 20_000
    assert len(sample) > len(graph) // 4
    found = [graph.region_at(x).pattern.tolist() for x in sample.first_point]
    assert found == sample.patterns.tolist()
    assert (np.diff(sample.first_pass) >= 0).all()
    assert sample.first_pass[-1] <= sample.passes


def test_limits_and_progress_keep_what_there_is():
    seen = []
    sample = sampling.uniform_points(
        NET, BOX, budget=10**9, limits=pr.Limits(seconds=0.05), progress=lambda n, s: seen.append(n)
    )
    assert sample.stopped_by == "seconds"
    assert sample.passes == sample.points == seen[-1] > 0
    sample = sampling.uniform_points(NET, BOX, budget=10**9, limits=pr.Limits(regions=5))
    assert sample.stopped_by == "regions"
    assert len(sample) >= 5


def test_a_network_without_thresholds_has_one_pattern():
    net = pr.Network.from_layers([([[1.0, 2.0]], [0.0])])
    sample = sampling.uniform_points(net, BOX, budget=5000)
    assert (len(sample), sample.counts.tolist(), sample.patterns.shape) == (1, [5000], (1, 0))
    assert sampling.compare(pr.regions(net, BOX), sample).recall == 1


def test_slices_are_sampled_in_their_coordinates():
    plane = pr.Slice([0.0, 0.5, 0.0], np.eye(3)[1:], pr.Box(-1, 1, dim=2))
    net = gaussian_network(2, 3, 6)
    graph = pr.regions(net, plane)
    sample = sampling.uniform_points(net, plane, budget=20_000)
    assert sample.first_point.shape[1] == 2
    assert sampling.compare(graph, sample).false_patterns == 0


# --- where points are drawn ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "mean", "covariance"),
    [
        (pr.Box([0.0, 1 / 3], [1.0, 1 / 3]), [0.5, 1 / 3], [[1 / 12, 0], [0, 0]]),
        (BOX, [0, 1.5], [[1 / 3, 0], [0, 3 / 4]]),
        (TRIANGLE, [1 / 3, 1 / 3], [[1 / 18, -1 / 36], [-1 / 36, 1 / 18]]),
        (pr.Box([0.0, 2.0], [1.0, 2.0]), [0.5, 2], [[1 / 12, 0], [0, 0]]),
    ],
)
def test_uniform_points_have_the_moments_of_the_uniform_distribution(domain, mean, covariance):
    x = Uniform(domain, np.random.default_rng(0)).take(40_000)
    np.testing.assert_allclose(x.mean(axis=0), mean, atol=0.02)
    np.testing.assert_allclose(np.cov(x.T), covariance, atol=0.02)
    assert inside(float_rows(domain), x).all()


def test_thin_polytopes_are_walked_and_say_so():
    """A narrow diagonal strip of the square: rejection would take thousands of trials a point."""
    strip = pr.Polytope([[1, -1], [-1, 1], [1, 0], [-1, 0]], [1e-4, 0, 1, 0])
    source = Uniform(strip, np.random.default_rng(0))
    assert not source.independent
    x = source.take(20_000)
    assert inside(float_rows(strip), x).all()
    assert (x[:, 0] - x[:, 1]).mean() == pytest.approx(0.5e-4, rel=0.1)
    sample = sampling.uniform_points(NET, strip, budget=1000)
    assert not sample.independent
    assert Uniform(TRIANGLE, np.random.default_rng(0)).independent


def test_flat_polytopes_are_sampled_in_their_hull():
    x = Uniform(FLAT, np.random.default_rng(0)).take(5000)
    np.testing.assert_allclose(x.sum(axis=1), 1, atol=1e-12)
    assert x[:, 0].var() == pytest.approx(1 / 12, rel=0.1)


def test_bounding_boxes():
    low, high = bounding_box(TRIANGLE)
    np.testing.assert_allclose([low, high], [[0, 0], [1, 1]], atol=1e-9)
    low, high = bounding_box(pr.Polytope([[-1, 0]], [2]))
    assert low.tolist() == pytest.approx([-2, -np.inf])
    assert high.tolist() == [np.inf, np.inf]


def test_gaussian_points_stay_inside_and_follow_mean_and_scale():
    sample = sampling.gaussian_points(NET, BOX, budget=3000)
    assert inside(float_rows(BOX), sample.first_point).all()
    assert sample.passes == 3000
    tight = sampling.gaussian_points(NET, BOX, mean=[0.5, 1.0], scale=1e-6, budget=500)
    np.testing.assert_allclose(tight.first_point, [[0.5, 1.0]] * len(tight), atol=1e-4)
    assert len(sampling.gaussian_points(NET, pr.Space(2), budget=3000)) > 10


def test_grid_points_are_the_middles_of_cells():
    counts = sampling.grid_points(
        pr.Network.from_layers([(np.eye(2), [-0.5, -1.0])], output_activation=pr.relu()),
        BOX, budget=40,
    )  # fmt: skip
    assert counts.details["side"] == 6  # x = -5/6, -1/2, ..., 5/6; y = 1/4, 3/4, ..., 11/4
    assert counts.passes == 36
    by_pattern = {tuple(p): c for p, c in zip(counts.patterns.tolist(), counts.counts, strict=True)}
    # x = 0.5 is not greater than 0.5: 1 of 6; y > 1: 4 of 6
    assert by_pattern == {(0, 0): 10, (1, 0): 2, (0, 1): 20, (1, 1): 4}


def test_data_come_first_and_what_is_drawn_lies_near_or_between():
    data = np.array([[0.25, 0.5], [0.75, 2.5], [9.0, 9.0]])  # the last is outside
    once = sampling.data_points(NET, data, BOX)
    assert (once.method, once.passes, once.seed) == ("data", 2, None)
    near = sampling.data_points(NET, data, BOX, jitter=1e-9, budget=1000)
    assert (near.method, near.passes) == ("jitter", 1000)
    assert len(near) == len(once)
    between = sampling.data_points(NET, data, BOX, mixup=1.0, budget=20_000)
    path = pr.activation_path(NET, data[:2])
    assert {tuple(p) for p in between.patterns.tolist()} == {tuple(p) for p in path.patterns}


# --- lines, trajectories, bisection, walks -------------------------------------------------------


@pytest.mark.parametrize("dim", [1, 2, 3, 5])
def test_crossing_constant_is_the_mean_of_a_coordinate_on_the_sphere(dim):
    u = np.random.default_rng(0).normal(size=(200_000, dim))
    mean = np.abs(u[:, 0] / np.linalg.norm(u, axis=1)).mean()
    assert sampling.crossing_constant(dim) == pytest.approx(mean, rel=0.01)


@pytest.mark.parametrize("widths", [(1, 9), (2, 6, 5), (3, 5, 4)])
def test_exact_crossings_per_length_estimate_the_content_of_the_walls(widths):
    net, box = gaussian_network(4, *widths), pr.Box(-1, 1, dim=widths[0])
    graph = pr.regions(net, box)
    truth = sampling.wall_content(graph) / 2 ** widths[0]
    found = sampling.random_lines(net, box, budget=1000, per_line=2, exact=True, seed=1)
    error = max(found.standard_error / sampling.crossing_constant(widths[0]), 1e-9 * truth)
    assert abs(found.wall_density - truth) <= 4 * error
    assert error < 0.1 * truth
    assert found.per_neuron == pytest.approx(found.density / sum(widths[1:]))


def test_points_on_lines_miss_crossings_and_never_see_more():
    coarse, fine = (
        sampling.random_lines(NET, BOX, budget=2000, per_line=m, seed=2) for m in (5, 100)
    )
    exact = sampling.random_lines(NET, BOX, budget=2000, per_line=100, exact=True, seed=2)
    np.testing.assert_array_equal(fine.ends, exact.ends)
    assert (fine.crossings <= exact.crossings).all()
    assert coarse.density < exact.density
    assert (len(fine.crossings), fine.sample.passes) == (20, 2000)


def test_planes_meet_the_regions_of_their_slices():
    net, box = gaussian_network(1, 3, 6, 4), pr.Box(-1, 1, dim=3)
    graph = pr.regions(net, box)
    sample = sampling.random_planes(net, box, planes=5)
    assert sum(sample.details["met"]) == sample.points
    assert sampling.compare(graph, sample).false_patterns == 0
    whole = sampling.random_planes(net, box, planes=1, plane_dim=3)
    assert len(whole) == len(graph)


def test_trajectories_count_no_more_than_the_exact_walk_and_their_arcs_are_circles():
    corners = sampling.arc([0.9, 1.0], [0.0, 2.0], centre=[0.0, 1.0], corners=100)
    np.testing.assert_allclose(corners[[0, -1]], [[0.9, 1.0], [0.0, 2.0]], atol=1e-15)
    around = sampling.arc([1.0, 0.0], [0.0, 1.0], turns=1.0, corners=50)
    np.testing.assert_allclose(np.linalg.norm(around, axis=1), 1)
    found = sampling.trajectory(NET, corners, samples=5000)
    path = found.exact()
    assert 0 < found.transitions <= len(path) - 1
    assert found.transitions >= 0.9 * (len(path) - 1)
    assert found.flips >= found.transitions
    length = np.linalg.norm(np.diff(corners, axis=0), axis=1).sum()
    assert found.lengths[0] == pytest.approx(length, rel=1e-3)
    times = np.linspace(0, 99, 5000)
    x = np.stack([np.interp(times, np.arange(100), column) for column in corners.T], axis=1)
    image = NET(x)
    assert found.lengths[-1] == pytest.approx(np.abs(np.diff(image, axis=0)).sum())
    assert found.density == found.transitions / found.lengths[0]
    assert sampling.trajectory(NET, corners[:2], samples=2).growth[0] > 0


def test_bisection_ends_on_both_sides_of_a_wall():
    found = sampling.bisect_boundaries(NET, BOX, budget=20_000, halvings=30, seed=1)
    assert len(found) > 100
    assert (found.widths <= 4 * 2.0**-30).all()
    assert found.single > 0.9 * len(found)
    forward = Forward(NET)
    apart = forward.bits(found.before) != forward.bits(found.after)
    assert apart.sum(axis=1).tolist() == found.flips.tolist()
    for x, y in zip(found.before[:20], found.after[:20], strict=True):
        assert len(pr.activation_path(NET, [x, y])) > 1


def test_walkers_reach_all_regions_of_a_small_net():
    graph = pr.regions(NET, BOX)
    sample = sampling.facet_walk(NET, BOX, budget=60_000, start=[0.0, 1.0], walkers=16)
    assert sampling.compare(graph, sample).recall == 1
    assert sample.first_pass[0] == 2  # a value and a slope
    assert sample.points <= sample.passes // 2
    assert len(sampling.facet_walk(NET, pr.Space(2), budget=20_000)) > 20


def test_points_of_one_region_are_inside_of_it():
    graph = pr.regions(NET, BOX)
    for region in graph[:10]:
        x = sampling.region_points(region, 50)
        assert (graph.locate(x) == region.index).mean() > 0.95
    square = pr.regions(pr.Network.from_layers([(np.eye(2), [0.0, 0.0])]), BOX)
    x = sampling.region_points(square[0], 20_000)
    np.testing.assert_allclose(x.mean(axis=0), [0, 1.5], atol=0.03)
    np.testing.assert_allclose(x.var(axis=0), [1 / 3, 3 / 4], atol=0.03)


# --- wrong input ---------------------------------------------------------------------------------


def unbounded_region():
    graph = pr.regions(NET, pr.Space(2))
    return graph[int(np.flatnonzero(graph.unbounded)[0])]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sampling.uniform_points(NET, pr.Space(2)), "unbounded"),
        (lambda: sampling.uniform_points(NET), "no input box"),
        (lambda: sampling.uniform_points(NET, BOX, budget=0), "budget must be an integer"),
        (lambda: sampling.uniform_points(NET, BOX, budget=1.5), "budget must be an integer"),
        (lambda: sampling.uniform_points(NET, BOX, budget=True), "budget must be an integer"),
        (lambda: sampling.uniform_points(NET, BOX, seed=-1), "seed must be an integer"),
        (lambda: sampling.uniform_points(NET, pr.Box(-1, 1, dim=3)), "dimension 3"),
        (lambda: sampling.uniform_points(NET, pr.Polytope([[1, 0], [-1, 0]], [0, -1])), "empty"),
        (lambda: sampling.gaussian_points(NET, BOX, scale=0), "scale must be positive"),
        (lambda: sampling.gaussian_points(NET, BOX, mean=[1, 2, 3]), "mean must be a number"),
        (lambda: sampling.gaussian_points(NET, BOX, mean=np.nan), "finite"),
        (lambda: sampling.gaussian_points(NET, BOX, mean=1e6, scale=1), "none of a million"),
        (lambda: sampling.gaussian_points(NET, FLAT), "full-dimensional"),
        (lambda: sampling.grid_points(NET, TRIANGLE), "needs a Box"),
        (lambda: sampling.data_points(NET, [[np.nan, 0]], BOX), "finite"),
        (lambda: sampling.data_points(NET, np.zeros((0, 2)), BOX), "must have points"),
        (lambda: sampling.data_points(NET, [[1.0]], BOX), "2 coordinates"),
        (lambda: sampling.data_points(NET, [[50.0, 0.0]], BOX), "no point of the data"),
        (lambda: sampling.data_points(NET, [[0, 0]], BOX, jitter=1, mixup=1), "do not go together"),
        (lambda: sampling.data_points(NET, [[0, 0]], BOX, jitter=-1), "jitter must be"),
        (lambda: sampling.random_lines(NET, BOX, per_line=1), "per_line must be"),
        (lambda: sampling.random_lines(NET, BOX, budget=10), "less than a line"),
        (lambda: sampling.random_lines(NET, pr.Box([0, 0], [0, 1])), "full-dimensional"),
        (lambda: sampling.facet_walk(NET, pr.Box([0, 0], [0, 1])), "full-dimensional"),
        (lambda: sampling.random_planes(NET, FLAT), "full-dimensional"),
        (lambda: sampling.random_planes(NET, BOX, plane_dim=3), "from 1 to 2"),
        (lambda: sampling.trajectory(NET, [[0, 0]]), "corners must have shape"),
        (lambda: sampling.trajectory(NET, [[0, 0], [np.inf, 0]]), "finite"),
        (lambda: sampling.bisect_boundaries(NET, BOX, halvings=60), "at most 52"),
        (lambda: sampling.bisect_boundaries(NET, BOX, budget=10), "less than a bisection"),
        (lambda: sampling.facet_walk(NET, BOX, start=[5, 5]), "outside"),
        (lambda: sampling.facet_walk(NET, BOX, start=[0]), "start must be 2"),
        (lambda: sampling.run_method("sobol", NET, BOX), "uniform, gaussian"),
        (lambda: sampling.run_method("mixup", NET, BOX), "needs data"),
        (lambda: sampling.region_points(unbounded_region(), 5), "unbounded"),
    ],
)  # fmt: skip
def test_wrong_input(call, message):
    with pytest.raises(pr.PolyreluError, match=message):
        call()


# --- boxes ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("dim", "cuts"), [(1, [0.2]), (2, [-0.31, 0.45]), (3, [0.17])])
def test_half_open_boxes_count_each_region_once(dim, cuts):
    net = gaussian_network(3, dim, 9, 7)
    ends = [-1.0, *cuts, 1.0]
    total = 0
    for place in np.ndindex(*[len(cuts) + 1] * dim):
        low, high = np.array([(ends[i], ends[i + 1]) for i in place]).T
        value, _, complete = begun_in(net, low, high, [i for i, k in enumerate(place) if k])
        assert complete
        total += value
    assert total == len(pr.regions(net, pr.Box(-1, 1, dim=dim)))


def test_a_count_from_boxes_is_near_the_truth():
    net = gaussian_network(2, 3, 12, 10)
    box = pr.Box([-1, 0, -2], [1, 3, 0.5])
    truth = pr.count_regions(net, box).count
    found = sampling.estimate_count(net, box, pieces=3, boxes=150, seed=1)
    assert found.complete
    assert len(found.values) == 150
    assert found.cells == 4**3
    assert found.standard_error < truth / 5
    assert abs(found.estimate - truth) < 4 * found.standard_error


def test_an_estimated_count_is_shown_in_whole_numbers():
    net = gaussian_network(2, 2, 60)
    found = sampling.estimate_count(net, pr.Box(-3, 3, dim=2), pieces=2, boxes=20)
    assert found.estimate > 1000
    assert found.standard_error > 100
    shown = f"CountEstimate({found.estimate:,.0f} +- {found.standard_error:,.0f} regions, "
    assert repr(found).startswith(shown)


def test_boxes_are_as_large_as_they_can_be_counted(monkeypatch):
    assert sampling.estimate_count(NET, BOX, boxes=3).cells == 2**2
    monkeypatch.setattr("polyrelu.sampling.boxes.FEW_REGIONS", 12)
    found = sampling.estimate_count(NET, BOX, boxes=300)
    assert found.cells > 3**2
    assert abs(found.estimate - len(pr.regions(NET, BOX))) < 4 * found.standard_error


def test_a_count_from_boxes_needs_a_box():
    with pytest.raises(DomainError, match="must be a Box"):
        sampling.estimate_count(NET, TRIANGLE)
    with pytest.raises(DomainError, match="pieces"):
        sampling.estimate_count(NET, BOX, pieces=0)
    with pytest.raises(DomainError):
        sampling.estimate_count(NET, pr.Box([0, 0], [1, 0]))


def test_a_count_from_boxes_of_a_domain_that_is_thin_and_far_away():
    """Its corners are eight float64 apart: a grid among these would often lie in walls."""
    low = np.array([1e9, -1e9])
    box = pr.Box(low, low + 2.0**-20)
    walls = np.vstack([np.eye(2)] * 2)
    net = one_layer(walls, -np.concatenate([low, low + 2.0**-21]))
    found = sampling.estimate_count(net, box, pieces=2, boxes=400)
    assert pr.count_regions(net, box).count == 4
    assert abs(found.estimate - 4) < 4 * found.standard_error
    assert found.estimate > 3


@pytest.mark.parametrize("counted", [1, 3])
def test_ctrl_c_between_boxes_keeps_what_was_counted(counted):
    def interrupt(boxes, seconds):
        if boxes == counted:
            raise KeyboardInterrupt

    found = sampling.estimate_count(NET, BOX, boxes=9, progress=interrupt)
    assert not found.complete
    whole = sampling.estimate_count(NET, BOX, boxes=9)
    assert found.values.tolist() == whole.values[:counted].tolist()
