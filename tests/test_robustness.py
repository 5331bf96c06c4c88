"""Distances to a change of the decision: against brute force over all regions, and by hand."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import inf
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from networks import gaussian_network, problem

from polyrelu import (
    Box,
    DomainError,
    Limits,
    Network,
    NetworkError,
    Polytope,
    Slice,
    Space,
    Status,
    boundary_crossings,
    load_network,
    regions,
    robust_radius,
    segment,
)
from polyrelu.exact_program import NORMS, nearest_point
from polyrelu.queries.robust_certificate import Beyond, Flat
from polyrelu.rational import dot_point, integer_row
from polyrelu.verify import VerificationError, check_robustness

DEMO = Path(__file__).parents[1] / "demo" / "network.npz"
SMALL = 120  # regions: for the brute force


def brute_force(graph, x, norm, label, level=0):
    """The least distance (norm 2: squared) over all regions and rivals; None: there is no such
    point. Of regions only facets are used, and the output's form."""
    best = None
    hull = [h for g in graph.equalities() for h in (g, [-v for v in g])]
    for region in graph:
        *outputs, scale = region.output_form
        if len(outputs) == 1:
            level = Fraction(level)
            above = [level.denominator * a - level.numerator * s
                     for a, s in zip(outputs[0], scale, strict=True)]  # fmt: skip
            forms = [[-v for v in above] if label else above]
        else:
            forms = [
                [a - b for a, b in zip(other, outputs[label], strict=True)]
                for j, other in enumerate(outputs)
                if j != label
            ]
        for form in forms:
            rows = [*region.inequality_rows, *hull, form]
            centred = [integer_row([*map(Fraction, g[:-1]), dot_point(g, x)]) for g in rows]
            distance = nearest_point(centred, len(x), norm).distance
            if distance is not None and (best is None or distance < best):
                best = distance
    return best


def starting_point(rng, graph):
    """Inside a region, at a vertex, or between the two: on walls and on the domain's boundary."""
    region = graph[rng.randrange(len(graph))]
    inside, vertex = region.exact_point(), rng.choice(region.exact_vertices())
    t = rng.choice([0, 0, 1, Fraction(1, 3)])
    return tuple(a + t * (b - a) for a, b in zip(inside, vertex, strict=True))


@settings(deadline=None, max_examples=100)
@given(st.randoms(use_true_random=False))
def test_nasty_networks_by_brute_force(rng):
    network, domain = problem(rng, max_inputs=4)
    graph = regions(network, domain)
    if len(graph) > SMALL:
        return
    x = starting_point(rng, graph)
    level = rng.choice([0, 0, 1, Fraction(1, 3)]) if network.output_dim == 1 else 0
    for norm in NORMS:
        found = robust_radius(network, x, domain, norm=norm, level=level)
        check_robustness(found)
        if found.exact_squared == 0:
            assert found.point == x
            continue
        assert found.certificate.distance == brute_force(graph, x, norm, found.label, level)
        assert found.regions_visited <= len(graph)
        if found.point is None:
            assert (found.radius, found.regions_visited) == (inf, len(graph))


def test_the_demo_by_brute_force():
    """A part of the demo's domain that is small enough, and all norms."""
    network = load_network(DEMO)
    centre = np.array([0.7, -0.6, 0.9, 0.2])
    graph = regions(network, Box(centre - 0.1, centre + 0.1))
    rng = np.random.default_rng(1)
    found = 0
    for x in centre + rng.uniform(-0.1, 0.1, size=(3, 4)):
        for norm in NORMS:
            answer = robust_radius(graph, x, norm=norm)
            expected = brute_force(graph, tuple(map(Fraction, x)), norm, answer.label)
            assert answer.certificate.distance == expected
            found += expected is not None
    assert found


def test_few_of_the_demos_regions_are_visited():
    network = load_network(DEMO)  # 48,283 regions in its input box
    box, rng = network.input_box, np.random.default_rng(0)
    visited = []
    for x in rng.uniform(box.low, box.high, size=(10, 4)):
        answer = robust_radius(network, x)
        assert answer.status is Status.PROVED
        visited.append(answer.regions_visited)
        assert network(x).argmax() == answer.label
        check_robustness(answer)
        # No sampled point within the radius has another class.
        around = rng.normal(size=(2000, 4))
        around *= 0.999 * answer.radius * rng.random((2000, 1)) / np.linalg.norm(
            around, axis=1, keepdims=True
        )  # fmt: skip
        near = np.clip(x + around, box.low, box.high)
        assert (network(near).argmax(axis=1) == answer.label).all()
    assert np.median(visited) < 200


# --- by hand -----------------------------------------------------------------------------------


def absolute() -> Network:
    """|u| + |v|, and 1 less than that at the second output."""
    weight = np.vstack([np.eye(2), -np.eye(2)])
    return Network.from_layers([(weight, np.zeros(4)), (np.ones((1, 4)), [0.0])])


@pytest.mark.parametrize(("norm", "exact"), [(1, 2), (2, 2), (inf, 1)])
def test_distances_by_hand(norm, exact):
    """From the origin to |u| + |v| = 2."""
    found = robust_radius(absolute(), [0.0, 0.0], norm=norm, level=2)
    assert found.label == 0
    assert found.rival == 1
    assert found.certificate.distance == exact
    assert found.exact == (None if norm == 2 else exact)
    assert found.exact_squared == (2 if norm == 2 else exact**2)
    assert sum(map(abs, found.point)) == 2
    assert found.radius <= exact ** (0.5 if norm == 2 else 1) <= found.upper
    assert np.nextafter(found.radius, inf) >= found.upper


def test_a_value_that_is_touched():
    """|u| + |v| is 0 at one point only: the level set does not separate anything."""
    found = robust_radius(absolute(), [3.0, 4.0])
    assert (found.radius, found.upper, found.exact_squared) == (5, 5, 25)
    assert found.point == (0, 0)
    far = robust_radius(absolute(), [3.0, 4.0], level=-1)
    assert far.radius == far.upper == inf
    assert far.point is far.exact is far.rival is None
    assert far.regions_visited == 4
    assert check_robustness(far) == 4


def test_zero_on_a_region():
    """ReLU(u) is 0 on a half-plane: from its inside the radius is 0, from outside the distance."""
    network = Network.from_layers([([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0])])
    assert robust_radius(network, [2.0, 7.0]).point == (0, 7)
    for x in ([-1.0, 0.0], [0.0, 3.0]):
        found = robust_radius(network, x)
        assert found.radius == found.upper == 0
        assert found.point == tuple(x)
        assert check_robustness(found) == 0


def test_a_boundary_inside_a_wall():
    """Two classes tie exactly on the wall of a neuron that two others repeat."""
    hidden = np.array([[1.0, 1.0], [2.0, 2.0], [-1.0, -1.0], [-1.0, -1.0]])
    out = np.array([[1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0]])
    network = Network.from_layers([(hidden, np.zeros(4)), (out, np.zeros(2))])
    for norm, exact in ((1, 2), (2, 2), (inf, 1)):
        found = robust_radius(network, [1.0, 1.0], norm=norm)
        assert found.certificate.distance == exact
        assert sum(found.point) == 0
        assert found.regions_visited <= 2
        check_robustness(found)


def test_the_boundary_outside_of_the_domain_does_not_count():
    box = Box([-1, -1], [0.5, 1])
    network = Network.from_layers([([[1.0, 1.0]], [-1.0])])
    assert robust_radius(network, [0.0, 0.0], norm=inf).exact == Fraction(1, 2)
    assert robust_radius(network, [0.0, 0.0], box, norm=2).exact_squared == Fraction(1, 2)
    assert robust_radius(network, [0.5, -1.0], box, norm=2).point == (0.5, 0.5)
    assert robust_radius(network, [0.0, 0.0], Box([-1, -1], [0.5, 0.25])).radius == inf
    flat = Polytope([[1.0, -1.0], [-1.0, 1.0]], [0.0, 0.0])
    assert robust_radius(network, [0.0, 0.0], flat).point == (0.5, 0.5)
    line = segment([0.0, 0.0], [2.0, 2.0])
    assert robust_radius(network, [0.0], line, norm=1).exact == Fraction(1, 4)


def test_the_input_box_is_the_default():
    network = Network.from_layers([([[1.0]], [-3.0])], input_box=Box(-1, 1, dim=1))
    assert robust_radius(network, [0.0]).radius == inf
    assert robust_radius(network, [0.0], Space(1)).radius == 3


def test_fractions_and_labels():
    network = Network.from_layers([(np.eye(3), np.zeros(3))])
    x = (Fraction(1, 3), Fraction(1, 7), Fraction(0))
    found = robust_radius(network, x, norm=inf, label=0)
    assert found.exact == (x[0] - x[1]) / 2
    assert found.rival == 1
    wrong = robust_radius(network, x, label=2)
    assert (wrong.radius, wrong.rival, wrong.label) == (0, 0, 2)
    assert "not 2" in wrong.reason
    assert check_robustness(wrong) == 0
    tie = robust_radius(network, [1.0, 0.0, 1.0])
    assert (tie.radius, tie.rival, tie.label) == (0, 2, 0)
    below = robust_radius(Network.from_layers([([[1.0]], [0.0])]), [-1.0], label=1)
    assert (below.radius, below.rival) == (0, 0)


def test_a_limit_gives_bounds():
    network = load_network(DEMO)
    x = np.array([0.3, -0.4, 0.2, 0.1])
    whole = robust_radius(network, x)
    assert whole.regions_visited > 3
    lows = []
    for n in (1, 2, whole.regions_visited - 1):
        part = robust_radius(network, x, limits=Limits(regions=n))
        assert part.status is Status.UNKNOWN
        assert part.regions_visited == n
        assert part.exact_squared is part.certificate is None
        assert part.radius <= whole.radius <= whole.upper <= part.upper
        lows.append(part.radius)
    assert lows == sorted(lows)
    assert lows[-1] > 0
    assert robust_radius(network, x, limits=Limits(regions=whole.regions_visited)).exact_squared
    late = robust_radius(network, x, limits=Limits(seconds=1e-9))
    assert late.status is Status.UNKNOWN
    assert late.radius == 0
    assert "seconds" in late.reason
    seen = []
    robust_radius(network, x, progress=lambda n, seconds: seen.append(n))
    assert seen == list(range(1, whole.regions_visited + 1))


def test_bad_input():
    network = gaussian_network(0, 2, 5)
    for x, message in (
        ([0.0], "must have shape"), ([[0.0, 0.0]], "must have shape"), (0.0, "must have shape"),
        ([0.0, np.nan], "finite"), ([0.0, np.inf], "finite"), (["a", 0.0], "finite"),
        ([0.0, 2.0], "outside of the domain"),
    ):  # fmt: skip
        with pytest.raises(DomainError, match=message):
            robust_radius(network, x, Box(-1, 1, dim=2))
    for norm in (0, 3, "2", True, np.nan, None):
        with pytest.raises(ValueError, match="norm must be"):
            robust_radius(network, [0, 0], norm=norm)
    with pytest.raises(DomainError, match="dimension 3"):
        robust_radius(network, [0, 0], Box(-1, 1, dim=3))
    with pytest.raises(DomainError, match="has its domain"):
        robust_radius(regions(network, Space(2)), [0, 0], Space(2))
    with pytest.raises(NetworkError, match="label"):
        robust_radius(network, [0, 0], label=2)
    with pytest.raises(NetworkError, match="level"):
        robust_radius(network, [0, 0], level=np.inf)
    many = Network.from_layers([(np.eye(2), np.zeros(2))])
    with pytest.raises(NetworkError, match="label"):
        robust_radius(many, [0, 0], label=2)
    with pytest.raises(NetworkError, match="level is for one output"):
        robust_radius(many, [0, 0], level=1)
    with pytest.raises(TypeError, match="Limits"):
        robust_radius(network, [0, 0], limits=3)
    with pytest.raises(TypeError):
        robust_radius("net.onnx", [0, 0])
    off = Polytope([[1.0, 1.0], [-1.0, -1.0]], [1.0, -1.0])
    with pytest.raises(DomainError, match="outside"):
        robust_radius(network, [0.1, 0.1], off)


# --- the checker -------------------------------------------------------------------------------


def forged(found):
    """The certificate, with one thing changed at a time."""
    c = found.certificate
    parts = c.parts
    yield replace(c, parts=())
    yield replace(c, parts=parts[:-1])
    yield replace(c, distance=c.distance * 2)
    yield replace(c, distance=None)
    yield replace(c, distance=None, point=None)
    yield replace(c, label=1 - c.label)
    yield replace(c, point=c.x)
    yield replace(c, parts=(replace(parts[0], rivals={}), *parts[1:]))
    yield replace(c, parts=(replace(parts[0], parent=0), *parts[1:]))
    yield replace(c, parts=(replace(parts[0], steps=parts[0].steps[1:]), *parts[1:]))
    for rival in parts[0].rivals:
        nothing = parts[0].rivals | {rival: Beyond({}, 0)}
        yield replace(c, parts=(replace(parts[0], rivals=nothing), *parts[1:]))
    for k, step in enumerate(parts[0].steps):
        others = [replace(step, across=Flat({}, 1)), replace(step, across=None)]
        if isinstance(step.across, Beyond):  # else two parts may well change places
            others.append(replace(step, bit=1 - step.bit))
        for other in others:
            steps = [*parts[0].steps[:k], other, *parts[0].steps[k + 1 :]]
            yield replace(c, parts=(replace(parts[0], steps=steps), *parts[1:]))


def too_early(c):
    """Steps that rely on a threshold, moved to before it is decided."""
    layer = [k for k, _, _ in c.network.thresholds]
    for number, part in enumerate(c.parts):
        for i, step in enumerate(part.steps):
            for j, before in enumerate(part.steps[:i]):
                if (
                    isinstance(step.across, Beyond)
                    and before.threshold in step.across.multipliers
                    and layer[step.threshold] == layer[before.threshold]
                    and not any(isinstance(s.across, int) for s in part.steps[j:i])
                ):
                    steps = [*part.steps[:j], step, *part.steps[j:i], *part.steps[i + 1 :]]
                    parts = (*c.parts[:number], replace(part, steps=steps), *c.parts[number + 1 :])
                    yield replace(c, parts=parts)


def test_what_is_not_decided_cannot_be_relied_on():
    network, refused = gaussian_network(3, 2, 6, 4), 0
    for x in np.random.default_rng(0).uniform(-1, 1, size=(20, 2)):
        found = robust_radius(network, x, Box(-2, 2, dim=2), level=3)
        for wrong in too_early(found.certificate):
            refused += 1
            with pytest.raises(VerificationError, match="does not bound"):
                check_robustness(wrong)
    assert refused


def test_a_boundary_point_that_is_not_the_nearest_is_refused():
    """Everything about it is true, but that none is nearer."""
    network, x = gaussian_network(3, 2, 6, 4), [0.125, 0.25]
    found = robust_radius(network, x, Space(2), level=3)
    refused = 0
    for end in ([4.0, 4.0], [-4.0, 4.0], [4.0, -4.0], [-4.0, -4.0]):
        for crossing in boundary_crossings(network, x, end, level=3):
            far = crossing.start_point
            square = sum((a - b) ** 2 for a, b in zip(far, found.certificate.x, strict=True))
            assert square > found.exact_squared
            refused += 1
            with pytest.raises(VerificationError, match="nearer than the radius"):
                check_robustness(replace(found.certificate, point=far, distance=square))
    assert refused


def test_forged_certificates_are_refused():
    network = gaussian_network(3, 2, 6, 4)
    found = robust_radius(network, [0.1, 0.2], Box(-2, 2, dim=2), level=3)
    assert found.regions_visited > 1
    assert check_robustness(found) == found.regions_visited
    for wrong in forged(found):
        with pytest.raises(VerificationError):
            check_robustness(wrong)
    for changed in ({"radius": 7.0}, {"rival": 5}, {"point": (0, 0)}, {"exact_squared": 1}):
        with pytest.raises(VerificationError):
            check_robustness(replace(found, **changed))
    with pytest.raises(TypeError, match="no proof"):
        check_robustness(robust_radius(network, [0.1, 0.2], limits=Limits(regions=1)))


def test_a_graph_of_a_slice():
    network = gaussian_network(2, 5, 8, 6)
    plane = Slice.through(*np.random.default_rng(0).normal(size=(3, 5)))
    graph = regions(network, plane)
    x = graph[0].exact_point()
    level = network(graph.to_input(graph[len(graph) - 1].witness))[0]
    for norm in NORMS:
        ours = robust_radius(graph, x, norm=norm, level=level)
        assert ours.certificate.distance == brute_force(graph, x, norm, ours.label, level)
        again = robust_radius(network, x, plane, norm=norm, level=level)
        assert again.exact_squared == ours.exact_squared


def test_certificates_of_other_than_exact_numbers_are_refused():
    """Floats would underflow; other norms, labels and ends are not what was proved."""
    found = robust_radius(cross(), [0.1, 0.2], Space(2))
    c = found.certificate
    tiny = Beyond({}, 1e-200)  # type: ignore[arg-type]
    part = c.parts[0]
    steps = [replace(step, across=tiny) for step in part.steps]
    weak = replace(part, steps=steps, rivals=dict.fromkeys(part.rivals, tiny))
    far = (Fraction(10), c.x[1])
    square = (far[0] - c.x[0]) ** 2
    wrong = [
        replace(c, distance=square, point=far, parts=(weak,)),
        replace(c, norm=3), replace(c, norm="x"), replace(c, label=-1), replace(c, label=7),
        replace(c, label=None), replace(c, x=None), replace(c, network=None),
        replace(found, upper=-100.0), replace(found, radius=float("nan")),
        replace(found, upper=float("nan")), replace(found, radius=float("inf")),
    ]  # fmt: skip
    for forged in wrong:
        with pytest.raises(VerificationError):
            check_robustness(forged)
    assert check_robustness(c) == check_robustness(found) > 0


def cross() -> Network:
    """ReLU(u) + ReLU(v) - 1."""
    return Network.from_layers([(np.eye(2), np.zeros(2)), ([[1.0, 1.0]], [-1.0])])
