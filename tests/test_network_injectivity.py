"""Networks end to end: layer by layer, on the region graph, and against cddlib."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations, pairwise
from random import Random

import networks
import numpy as np
import pytest
from networks import gaussian_network

from polyrelu import (
    Box,
    DomainError,
    Layer,
    Limits,
    Network,
    Polytope,
    Space,
    Status,
    absolute,
    identity,
    is_coherently_oriented,
    is_injective,
    is_injective_on_regions,
    is_locally_injective,
    orientations,
    random_injective_network,
    regions,
    relu,
)
from polyrelu.network import Affine
from polyrelu.queries.images import Images, candidate_pairs, meeting_points, uncertain_pairs
from polyrelu.queries.injectivity import LayerwiseCertificate
from polyrelu.queries.network_injectivity import GraphCertificate, _without_lines
from polyrelu.verify import VerificationError, check_injectivity

DOUBLE = np.array([[1.0, 0.0], [-1, 0], [0, 1], [0, -1]])


def random_head(inputs: int, width: int, outputs: int, seed: int, bias: float = 0.0) -> Network:
    """An injective first layer and a random linear map of its output."""
    rng = np.random.default_rng(seed)
    B = rng.normal(size=(inputs, inputs))
    first = np.vstack([B, -B, rng.normal(size=(width - 2 * inputs, inputs))])
    return Network.from_layers(
        [
            (first, bias * rng.normal(size=width)),
            (rng.normal(size=(outputs, width)), np.zeros(outputs)),
        ]
    )


def check(network: Network, domain, injective: bool | None = None) -> None:
    answer = is_injective(network, domain)
    assert answer.status is not Status.UNKNOWN
    if injective is not None:
        assert answer.proved == injective, answer
    if answer.proved:
        check_injectivity(answer, sample=30)
        return
    x, y = answer.witness.x, answer.witness.y
    assert x != y
    assert network.exact(x)[0] == network.exact(y)[0] == answer.witness.output
    for g in domain.inequalities():
        for point in (x, y):
            assert sum(a * v for a, v in zip(g, (*point, 1), strict=True)) >= 0


def test_a_layer_alone_need_not_be_injective():
    """x -> (x+, x-) -> ReLU -> identity: the second layer is injective on what comes in."""
    network = Network.from_layers(
        [([[1.0], [-1]], [0, 0]), (np.eye(2), [0, 0]), (np.eye(2), [0, 0])]
    )
    assert not is_injective(Network(network.layers[1:]), Space(2))
    answer = is_injective(network, Space(1))
    assert answer.proved
    assert isinstance(answer.certificate, LayerwiseCertificate)
    assert check_injectivity(answer) == 6


def test_where_intervals_are_too_coarse_the_regions_decide():
    network = random_injective_network(2, 2, seed=1)
    answer = is_injective(network)
    assert answer.proved
    assert isinstance(answer.certificate, GraphCertificate)
    assert check_injectivity(answer) == len(answer.certificate.graph) * (
        len(answer.certificate.graph) - 1
    ) // 2  # fmt: skip


@pytest.mark.parametrize("inputs", [1, 2, 3])
@pytest.mark.parametrize("depth", [1, 2, 3])
def test_networks_made_to_be_injective_are(inputs, depth):
    if inputs * depth < 9:
        check(random_injective_network(inputs, depth), Space(inputs), True)


def test_random_heads_in_the_plane():
    """Without biases 2 d outputs are enough, as the secants make a cone of dimension 2 d; fewer
    are not (12 networks each; the counts in between are chance)."""
    counts = dict.fromkeys((2, 3, 4, 5), 0)
    for m in counts:
        for seed in range(12):
            network = random_head(2, 8, m, seed)
            check(network, Space(2))
            counts[m] += is_injective(network, Space(2)).proved
    assert counts[2] < 9
    assert counts[4] == counts[5] == 12


def crosses_itself(points: list[list[Fraction]]) -> bool:
    """A polyline in the plane: do two of its segments meet but at their common end?"""

    def meet(p, q, r, s) -> bool:
        d, e = (
            [b - a for a, b in zip(p, q, strict=True)],
            [b - a for a, b in zip(r, s, strict=True)],
        )
        cross = d[0] * e[1] - d[1] * e[0]
        w = [b - a for a, b in zip(p, r, strict=True)]
        if cross == 0:
            return False  # does not happen to Gaussian ones
        t = (w[0] * e[1] - w[1] * e[0]) / cross
        u = (w[0] * d[1] - w[1] * d[0]) / cross
        return 0 <= t <= 1 and 0 <= u <= 1

    segments = list(pairwise(points))
    return any(meet(*a, *b) for (i, a), (j, b) in combinations(enumerate(segments), 2) if j > i + 1)


@pytest.mark.parametrize("seed", range(30))
def test_curves_in_the_plane_against_segments(seed):
    rng = np.random.default_rng(seed)
    weight, bias = np.sign(rng.normal(size=(8, 1))), rng.normal(size=8)
    network = Network.from_layers([(weight, bias), (rng.normal(size=(2, 8)), np.zeros(2))])
    domain = Box(-1, 1, dim=1)
    graph = regions(network, domain)
    ends = sorted({v for region in graph for v in region.exact_vertices()})
    points = [list(network.exact(v)[0]) for v in ends]
    still = any(a == b for a, b in pairwise(points))  # a piece that does not move
    check(network, domain, not (still or crosses_itself(points)))


def test_folds_and_units_that_are_not_monotone():
    fold = Network.from_layers([(np.eye(2), [0, 0])], output_activation=absolute())
    check(fold, Space(2), False)
    check(fold, Box(0, 1, dim=2), True)
    twice = Network.from_layers(
        [(np.vstack([np.eye(2)] * 2), [0, 0, -1, -1])], output_activation=absolute()
    )
    check(twice, Space(2), True)


def test_regions_that_contain_lines():
    """One wall in the plane: half-planes have no vertices."""
    bend = Layer([Affine([[1.0, 0], [0, 1], [1, 1]], [0, 0, 0])], [identity(), identity(), relu()])
    head = Layer([Affine([[1.0, 0, 0], [0, 1, 2]], [0, 0])], identity())
    check(Network((bend, head)), Space(2), True)
    head = Layer([Affine([[1.0, 0, 0], [0, 1, -2]], [0, 0])], identity())
    check(Network((bend, head)), Space(2), False)
    plane = Layer([Affine(np.eye(2), [0, 0])], identity())
    check(Network((plane,)), Space(2), True)
    check(Network((Layer([Affine([[1.0, 1]], [0])], identity()),)), Space(2), False)


def test_winding_around_a_point_is_not_injective_though_coherently_oriented():
    """Eight sectors of 45 degrees are opened to 90: all turn one way, the map is 2 to 1."""
    angles = np.arange(8) * np.pi / 4
    normals = np.stack([-np.sin(angles[:4]), np.cos(angles[:4])], axis=1)
    first = np.vstack([normals, np.eye(2)])
    units = [absolute()] * 4 + [identity()] * 2
    corners = np.round(np.stack([np.cos(2 * angles), np.sin(2 * angles)]))
    sectors = np.stack([np.cos(angles), np.sin(angles)])
    values = np.vstack([np.abs(normals @ sectors), sectors])
    head = corners @ np.linalg.pinv(values)
    network = Network((Layer([Affine(first, np.zeros(6))], units),
                       Layer([Affine(head, np.zeros(2))], identity())))  # fmt: skip
    assert head @ values == pytest.approx(corners)
    assert is_coherently_oriented(network, Space(2))
    check(network, Space(2), False)


def test_orientations():
    graph = regions(Network.from_layers([(np.eye(2), [0, 0])], output_activation=absolute()),
                    Space(2))  # fmt: skip
    signs = {tuple(np.sign(w)): s for w, s in zip(graph.witnesses, orientations(graph),
                                                   strict=True)}  # fmt: skip
    assert signs == {(1, 1): 1, (-1, 1): -1, (1, -1): -1, (-1, -1): 1}
    answer = is_coherently_oriented(graph)
    i, j = answer.witness
    assert answer.refuted
    assert j in graph.neighbors(i)
    leaky = Network.from_layers([([[1.0, 2], [0, 1]], [0, 1]), (np.eye(2), [0, 0])],
                                activation=absolute())  # fmt: skip
    assert not is_coherently_oriented(leaky, Space(2))
    with pytest.raises(DomainError, match="there are 3 outputs"):
        orientations(regions(random_head(2, 5, 3, 0), Space(2)))


def test_rank_on_every_region_local_and_global_injectivity_differ():
    fold = Network.from_layers([(np.eye(2), [0, 0])], output_activation=absolute())
    assert is_injective_on_regions(fold, Space(2))
    for question in (is_locally_injective, is_injective):
        answer = question(fold, Space(2))
        assert answer.refuted
        assert fold.exact(answer.witness.x)[0] == fold.exact(answer.witness.y)[0]
    for question in (is_injective_on_regions, is_locally_injective):
        assert question(gaussian_network(1, 2, 3, 3), Box(-1, 1, dim=2)).refuted


def test_a_curve_may_cross_itself_and_still_be_locally_injective():
    """Right, up, left over itself: a loop in the plane."""
    corners = np.array([[0.0, 0], [2, 0], [2, 1], [1, 1], [1, -1]])
    steps = np.diff(corners, axis=0)
    bends = np.diff(steps, axis=0, prepend=np.zeros((1, 2)))
    loop = Network.from_layers([(np.ones((4, 1)), -np.arange(4.0)), (bends.T, [0, 0])])
    domain = Box(0, 4, dim=1)
    answer = is_locally_injective(loop, domain)
    assert answer.proved
    assert check_injectivity(answer) == 3
    assert is_injective(loop, domain).refuted
    back = Network.from_layers([(np.ones((2, 1)), [0.0, -1.0]), ([[1.0, -2.0]], [0.0])])
    assert is_locally_injective(back, Box(0, 2, dim=1)).refuted


@pytest.mark.parametrize("seed", range(25))
def test_pairs_of_regions_against_cddlib(seed):
    pytest.importorskip("cdd")
    choose = Random(seed)
    rng = np.random.default_rng(seed)
    inputs = choose.randint(1, 3)
    outputs = choose.randint(inputs, 2 * inputs + 1)
    if seed % 2:
        network = random_head(inputs, 2 * inputs + 2, outputs, seed, bias=0.5)
    else:
        width = choose.randint(2 * inputs, 2 * inputs + 2)
        weight = rng.integers(-2, 3, size=(width, inputs)).astype(float)
        network = Network.from_layers(
            [(weight, rng.integers(-1, 2, size=width)),
             (rng.integers(-2, 3, size=(outputs, width)), np.zeros(outputs))],
            activation=choose.choice([relu(), networks.ZIGZAG, absolute()]),
        )  # fmt: skip
    domain = choose.choice(
        [Box(-1, 1, dim=inputs), Space(inputs), Polytope(-np.eye(inputs), np.ones(inputs))]
    )
    graph = regions(network, domain)
    if any(region.exact_lines() for region in graph):
        graph = regions(_without_lines(network), domain)
    found = list(graph)
    images = Images.of(graph)
    rounded = images.rounded()
    pairs = np.array(list(combinations(range(len(found)), 2)), dtype=np.int64).reshape(-1, 2)
    if not len(pairs) or any(rank_of(region) < inputs for region in found):
        return
    near = {tuple(p) for block in candidate_pairs(images, *rounded) for p in block.tolist()}
    open_pairs = {tuple(p) for p in uncertain_pairs(images, pairs, rounded).tolist()}
    for a, b in map(tuple, pairs.tolist()):  # whose images have a point in common
        if any(not images.is_ray(g) for g in {*images.of_region(a)} & {*images.of_region(b)}):
            assert (a, b) in near
    for a, b in map(tuple, pairs[rng.permutation(len(pairs))[:40]].tolist()):
        collide = cdd_says_they_collide(found[a], found[b])
        points = meeting_points(images, a, b)
        assert (points is not None) == collide
        if collide:
            assert (a, b) in near & open_pairs
            x, y = points
            assert x != y
            assert network.exact(x)[0] == network.exact(y)[0]


def rank_of(region) -> int:
    rows, _ = region.exact_affine_map
    return int(np.linalg.matrix_rank(np.array(rows, dtype=float)))


def cdd_says_they_collide(r, s) -> bool:
    """Is a pre-activation that has different signs on two regions not 0 at some x of one whose
    image is also that of some y of the other?"""
    import cdd
    import cdd.gmp

    n = r.graph.dim
    none = [Fraction(0)] * n
    rows = [[Fraction(g[-1]), *map(Fraction, g[:-1]), *none] for g in r.inequality_rows]
    rows += [[Fraction(g[-1]), *none, *map(Fraction, g[:-1])] for g in s.inequality_rows]
    (A, a), (B, b) = r.exact_affine_map, s.exact_affine_map
    equal = range(len(rows), len(rows) + len(a))
    rows += [[u - v, *p, *(-w for w in q)] for u, v, p, q in zip(a, b, A, B, strict=True)]
    goal = [Fraction(0)] * (2 * n + 1)
    for t in np.flatnonzero(r.pattern != s.pattern).tolist():
        *g, c = r.form(t)
        sign = 1 if r.pattern[t] else -1
        goal = [v + sign * w for v, w in zip(goal, [c, *g, *none], strict=True)]
    matrix = cdd.gmp.matrix_from_array(rows, lin_set=equal, rep_type=cdd.RepType.INEQUALITY)
    matrix.obj_type = cdd.LPObjType.MAX
    for objective in ([Fraction(1), *[Fraction(0)] * (2 * n)], goal):  # is there a point at all?
        matrix.obj_func = objective
        program = cdd.gmp.linprog_from_matrix(matrix)
        cdd.gmp.linprog_solve(program)
        if program.status == cdd.LPStatusType.INCONSISTENT:
            return False
        if program.status == cdd.LPStatusType.OPTIMAL and program.obj_value <= 0:
            return False
    return True


def test_a_false_proof_by_regions_is_refused():
    fold = Network.from_layers([(np.eye(2), [0, 0])], output_activation=absolute())
    with pytest.raises(VerificationError, match="common images"):
        check_injectivity(GraphCertificate(regions(fold, Space(2)), 6))
    flat = regions(gaussian_network(0, 2, 3), Box(-1, 1, dim=2))
    with pytest.raises(VerificationError, match="too little rank"):
        check_injectivity(GraphCertificate(flat, 0))
    part = regions(fold, Space(2), limits=Limits(regions=2))
    with pytest.raises(VerificationError, match="not have all"):
        check_injectivity(GraphCertificate(part, 0))


def test_a_false_proof_by_layers_is_refused():
    """The second layer is injective on [0, 1]^2, but the first gives out more."""
    first = is_injective(Layer([Affine(DOUBLE[:2, :1], [0, 0])], relu()), Box(-2, 2, dim=1))
    second = is_injective(Layer([Affine(np.eye(2), [0, 0])], relu()), Box(0, 1, dim=2))
    wrong = LayerwiseCertificate((first.certificate, second.certificate))
    with pytest.raises(VerificationError, match="does not hold what comes in"):
        check_injectivity(wrong)


def test_limits_make_it_unknown():
    network = random_injective_network(2, 3)
    answer = is_injective(network, limits=Limits(regions=9))
    assert answer.status is Status.UNKNOWN
    assert "limit on regions" in answer.reason


def test_images_beyond_float64_are_compared_exactly():
    """-1 and 1e-400 are taken to 1; another network's images are beyond 1e308."""
    steep = Network.from_layers([([[-1.0], [1e200]], [0, 0]), ([[1.0, 1e200]], [0])])
    check(steep, Box(-1, 1, dim=1), False)
    wide = Network.from_layers([([[1.0], [-1.0]], [0, 0]), ([[1e200, 1e200]], [0])])
    check(wide, Box(-1e200, 1e200, dim=1), False)
    assert "inf" in str(is_injective(wide, Box(-1e200, 1e200, dim=1)).witness)


def test_a_dead_neuron_does_not_disturb_a_layerwise_proof():
    first = Layer([Affine([[1.0], [-1], [0]], [0, 0, 1])], relu())
    second = Layer([Affine(np.diag([1.0, 1, 5]), np.zeros(3))], identity())
    third = Layer([Affine(np.eye(3), np.zeros(3))], identity())
    answer = is_injective(Network((first, second, third)))
    assert isinstance(answer.certificate, LayerwiseCertificate)
    assert check_injectivity(answer) > 0


def test_seconds_bound_the_whole():
    answer = is_injective(random_injective_network(5, 3), limits=Limits(seconds=0.2))
    assert answer.status is Status.UNKNOWN
    assert "limit on seconds" in answer.reason


@pytest.mark.parametrize("reason", ["interrupt", "memory"])
def test_only_too_few_regions_are_a_reason_to_enumerate_all(reason, monkeypatch):
    """Ctrl-C at the first regions must not start the full enumeration."""
    from dataclasses import replace

    from polyrelu.queries import network_injectivity

    calls = []

    def stopped(network, domain, **options):
        calls.append(options)
        part = regions(network, domain, limits=Limits(regions=3))
        return replace(part, stopped_by=reason)

    monkeypatch.setattr(network_injectivity, "regions", stopped)
    answer = is_injective(random_injective_network(2, 2))
    assert answer.status is Status.UNKNOWN
    assert len(calls) == 1


def test_a_few_regions_refute_what_has_far_too_many():
    """Some 10^9 regions, of which the first do."""
    network = gaussian_network(0, 5, 60, 60, 60)
    layers = (*network.layers[:-1], Layer([Affine(np.eye(60)[:5], np.zeros(5))], identity()))
    check(Network(layers), Box(-1, 1, dim=5), False)


@pytest.mark.parametrize("outputs", [5, 9])
def test_faces_that_are_no_simplices(outputs):
    """In four dimensions faces of dimension 2 have more than three vertices: what float64 takes
    for apart is so, and what it leaves open does meet."""
    graph = regions(random_head(4, 9, outputs, 3, bias=0.3), Box(-1, 1, dim=4))
    images = Images.of(graph)
    pairs = np.array(list(combinations(range(len(graph)), 2)), dtype=np.int64)
    left = {tuple(p) for p in uncertain_pairs(images, pairs, images.rounded()).tolist()}
    some = np.random.default_rng(0).permutation(len(pairs))[:150]
    for a, b in map(tuple, pairs[some].tolist()):
        if (a, b) not in left:
            assert meeting_points(images, a, b) is None
    for a, b in sorted(left)[:60]:
        assert meeting_points(images, a, b) is not None
    crowded = [
        (a, b) for a, b in pairs.tolist()
        if images.face_dimension(a, b) == 2
        and len({*images.of_region(a)} & {*images.of_region(b)}) > 3
    ]  # fmt: skip
    assert crowded
