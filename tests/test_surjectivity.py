"""Ranges of networks with one output; convolutions by their kernels."""

from __future__ import annotations

from fractions import Fraction
from itertools import product
from operator import mul
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from networks import gaussian_network, problem

from polyrelu import (
    Box,
    IncompleteError,
    Layer,
    Limits,
    Network,
    NetworkError,
    Space,
    Status,
    identity,
    is_convolution_injective,
    is_injective,
    is_surjective,
    output_range,
    regions,
    relu,
)
from polyrelu.network import Affine
from polyrelu.queries.ends import end_of, ends
from polyrelu.rational import margin
from polyrelu.verify import check_injectivity


def one_hidden(weight, a) -> Network:
    return Network.from_layers(
        [(np.asarray(weight, dtype=float), np.zeros(len(weight))), (np.array([a]), [0.0])]
    )


def contains(outer, inner) -> bool:
    """Is the zonotope of one set of segments [0, g] inside that of another? By its vertices."""
    for bits in product((0, 1), repeat=len(inner)):
        point = [sum(b * g[j] for b, g in zip(bits, inner, strict=True)) for j in range(2)]
        rows = []
        n = len(outer)
        for k in range(n):
            unit = [int(i == k) for i in range(n)]
            rows += [[*unit, 0], [*(-v for v in unit), 1]]
        for j in range(2):
            column = [g[j] for g in outer]
            rows += [[*column, -point[j]], [*(-v for v in column), point[j]]]
        goal = [0] * n + [1]
        try:
            margin([*rows, goal], frozenset(range(len(rows))))
        except ValueError:  # no point satisfies the rows
            return False
    return True


@pytest.mark.parametrize("seed", range(30))
def test_without_bias_it_is_containment_of_zonotopes(seed):
    """Not surjective iff one of Z+ and Z- contains the other (one hidden layer, one output)."""
    rng = np.random.default_rng(seed)
    weight = rng.integers(-3, 4, size=(5, 2))
    a = rng.choice([-1, 1], size=5)
    plus = [tuple(map(int, w)) for w, s in zip(weight, a, strict=True) if s > 0]
    minus = [tuple(map(int, w)) for w, s in zip(weight, a, strict=True) if s < 0]
    nested = contains(plus, minus) or contains(minus, plus)
    assert is_surjective(one_hidden(weight, a.astype(float)), Space(2)).proved != nested


def test_ranges():
    distance = one_hidden([[1.0], [-1.0]], [1.0, 1.0])
    found = output_range(distance, Box(-1, 3, dim=1))
    assert (found.low.value, found.low.point) == (0, (0,))
    assert (found.high.value, found.high.point) == (3, (3,))
    answer = is_surjective(distance)
    assert answer.refuted
    assert answer.witness.value == 0
    line = one_hidden([[1.0], [-1.0]], [1.0, -1.0])
    ends = is_surjective(line).certificate
    for end, sign in ((ends.low, -1), (ends.high, 1)):
        far = [p + 10**6 * v for p, v in zip(end.point, end.direction, strict=True)]
        assert sign * line.exact(far)[0][0] > 10**5


def test_ranges_hold_all_values():
    for seed in range(5):
        network = gaussian_network(seed, 2, 6, 4)
        found = output_range(network, Box(-1, 1, dim=2))
        values = network(np.random.default_rng(0).uniform(-1, 1, size=(5000, 2)))
        assert float(found.low.value) <= values.min() + 1e-12
        assert float(found.high.value) >= values.max() - 1e-12
        for end in (found.low, found.high):
            assert network.exact(end.point)[0][0] == end.value


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_ends_are_those_of_all_regions(monkeypatch, seed):
    """From one start, so that they are seldom found at once."""
    monkeypatch.setattr("polyrelu.queries.ends.STARTS", 1)
    monkeypatch.setattr("polyrelu.queries.ends.CLIMBS", 1)
    choose = Random(seed)
    network, domain = problem(choose, max_inputs=3)
    weights = [
        Fraction(choose.randint(-2, 2), choose.randint(1, 3)) for _ in range(network.output_dim)
    ]
    graph = regions(network, domain)
    assume(len(graph) <= 300)
    low, high = ends(graph, [graph], tuple(weights), Limits(), False)
    for found, sign in ((low, -1), (high, 1)):
        all_ends = [end_of(region, sign, tuple(weights)) for region in graph]
        values = [end.value for end in all_ends if end.value is not None]
        if len(values) < len(all_ends):
            assert found.value is None
        else:
            assert found.value == sign * max(sign * value for value in values)
            outputs, _ = graph.network.exact(found.point)
            assert found.value == sum(map(mul, weights, outputs))


@pytest.mark.parametrize("weights", [(10**400, 1), (Fraction(2**60 + 1, 7), Fraction(1, 3))])
def test_weights_that_no_floats_are(weights):
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(7, 2)), rng.normal(size=7)), (rng.normal(size=(2, 7)), [0, 1])]
    network, box = Network.from_layers(pairs), Box(-1, 1, dim=2)
    found = output_range(network, box, output=tuple(map(Fraction, weights)))
    each = [end_of(region, 1, weights).value for region in regions(network, box)]
    assert found.high.value == max(each)


def test_limits_hold_for_the_passes():
    """That on memory for what they keep, which is next to nothing."""
    network, box = gaussian_network(0, 2, 30, 1), Box(-1, 1, dim=2)
    graph = regions(network, box)
    assert sum(v.nbytes for v in (graph.packed_patterns, graph.local_witnesses)) > 4000
    assert output_range(graph, limits=Limits(regions=1, memory=4000)) == output_range(graph)
    with pytest.raises(IncompleteError, match="limit on seconds was reached"):
        ends(graph, [graph], (Fraction(1),), Limits(seconds=1e-9), False)
    answer = is_surjective(graph, limits=Limits(seconds=1e-9))
    assert answer.status is Status.UNKNOWN
    assert "limit on seconds was reached" in answer.reason


def test_lines_are_unbounded_both_ways():
    assert is_surjective(Layer([Affine([[1.0, 1.0]], [0.0])], identity()))
    assert not is_surjective(Layer([Affine([[0.0, 0.0]], [2.0])], identity()))


def test_limits_and_outputs():
    network = gaussian_network(0, 2, 8)
    assert is_surjective(network, limits=Limits(regions=2)).status is Status.UNKNOWN
    with pytest.raises(IncompleteError, match="all regions"):
        output_range(network, Space(2), limits=Limits(regions=2))
    with pytest.raises(NetworkError, match="one output, not 2"):
        is_surjective(Layer([Affine(np.eye(2), [0, 0])], identity()))


# --- convolutions ------------------------------------------------------------------------------


def as_matrix(kernels: np.ndarray, length: int) -> np.ndarray:
    """The convolution (one dimension, no padding) as a matrix."""
    n_out, n_in, k = kernels.shape
    rows = []
    for at in range(length - k + 1):
        row = np.zeros((n_out, n_in, length))
        row[:, :, at : at + k] = kernels
        rows.append(row.reshape(n_out, -1))
    return np.vstack(rows)


@pytest.mark.parametrize("seed", range(6))
def test_a_proof_by_kernels_holds_for_inputs_of_every_size(seed):
    rng = np.random.default_rng(seed)
    kernels = rng.normal(size=(6, 1, 2))
    answer = is_convolution_injective(kernels)
    if answer.proved:
        assert check_injectivity(answer) > 0
        for length in range(answer.value[0], answer.value[0] + 3):
            matrix = as_matrix(kernels, length)
            layer = Layer([Affine(matrix, np.zeros(len(matrix)))], relu())
            assert is_injective(layer, Space(length))
    else:
        assert answer.status is Status.UNKNOWN


def test_kernels_and_their_opposites():
    """+-c with an injective convolution by c: proved by a window where c alone has full rank."""
    c = np.array([[[1.0, 2.0]], [[0.0, 1.0]]])
    answer = is_convolution_injective(np.concatenate([c, -c]))
    assert answer.proved
    assert answer.value == (2,)
    assert is_convolution_injective(c).status is Status.UNKNOWN
    assert is_convolution_injective(np.concatenate([c, -c]), window=3, bias=np.ones(4)).proved


def test_planes_channels_and_strides():
    rng = np.random.default_rng(0)
    plane = rng.normal(size=(8, 2, 2, 2))
    assert is_convolution_injective(np.concatenate([plane, -plane]), stride=2)
    for window, stride in ((1, 1), (2, 3)):
        with pytest.raises(NetworkError, match="at least as large"):
            is_convolution_injective(plane, window=window, stride=stride)
    with pytest.raises(NetworkError, match="must have shape"):
        is_convolution_injective(np.ones((3, 3)))
    with pytest.raises(NetworkError, match="bias"):
        is_convolution_injective(plane, bias=np.ones(3))
    with pytest.raises(NetworkError, match="stride"):
        is_convolution_injective(plane, stride=0)


def test_the_zonotope_oracle_itself():
    assert contains([(2, 0), (0, 2)], [(1, 0), (0, 1)])
    assert not contains([(1, 0), (0, 1)], [(2, 0)])


def test_values_beyond_float64_are_named_all_the_same():
    huge = Network.from_layers([([[1e200], [-1e200]], [1e200, 1e200]), ([[1e200, 1e200]], [0])])
    answer = is_surjective(huge)
    assert answer.refuted
    assert answer.witness.value > 10**400


def test_strides_count_the_padding():
    """A window of 3 and stride 3: of an input of 3, padded to 5, the last entry is not seen."""
    kernels = np.zeros((6, 1, 3))
    for i in range(3):
        kernels[i, 0, i], kernels[3 + i, 0, i] = 1, -1
    answer = is_convolution_injective(kernels, stride=3)
    assert answer.proved
    assert "with padding" in answer.reason
    with pytest.raises(NetworkError, match=r"beyond 2\*\*53"):
        is_convolution_injective(np.array([[[2**53 + 1]], [[-(2**53)]]]))
    for bad in ({"stride": 1.5}, {"window": [4, 4]}, {"window": "a"}):
        with pytest.raises(NetworkError):
            is_convolution_injective(kernels, **bad)


def test_one_output_of_several_and_combinations():
    rng = np.random.default_rng(0)
    pairs = [(rng.normal(size=(7, 2)), rng.normal(size=7)), (rng.normal(size=(3, 7)), [0, 1, 2])]
    network, box = Network.from_layers(pairs), Box(-1, 1, dim=2)
    values = network(rng.uniform(-1, 1, size=(5000, 2)))
    for output, weights in ((1, [0, 1, 0]), ([1, -0.5, 0], [1, -0.5, 0]), (0, [1, 0, 0])):
        found = output_range(network, box, output=output)
        combined = values @ np.array(weights)
        assert float(found.low.value) <= combined.min() + 1e-9
        assert float(found.high.value) >= combined.max() - 1e-9
        for end in (found.low, found.high):
            exact, _ = network.exact(end.point)
            assert sum(Fraction(w) * v for w, v in zip(weights, exact, strict=True)) == end.value
    third = output_range(network, box, output=(Fraction(1, 3), 0, 0))
    assert 3 * third.low.value == output_range(network, box, output=0).low.value
    for bad in (3, -1, [1, 2], [1, 2, np.nan], "abc"):
        with pytest.raises(NetworkError, match="output must"):
            output_range(network, box, output=bad)
    with pytest.raises(NetworkError, match="one output, not 3"):
        output_range(network, box)
