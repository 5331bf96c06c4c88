"""Networks: exactness of factors, the rational forward pass, hashes, and what is refused."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu.activations import absolute, hard_tanh, identity, relu
from polyrelu.domain import Box
from polyrelu.errors import NetworkError
from polyrelu.network import Affine, Layer, Network, integers

Matrix = list[list[Fraction]]


def rows(array: np.ndarray) -> Matrix:
    return [[Fraction(float(v)) for v in row] for row in array]


def apply_factor(factor: Affine, x: list[Fraction]) -> list[Fraction]:
    """The factor by its definition, in fractions."""
    divisor = np.ones(len(factor.bias)) if factor.divisor is None else factor.divisor
    return [
        (sum((w * v for w, v in zip(row, x, strict=True)), Fraction(float(b)))) / Fraction(float(d))
        for row, b, d in zip(rows(factor.weight), factor.bias, divisor, strict=True)
    ]


def apply_network(network: Network, x: list[Fraction]) -> tuple[list[Fraction], list[int]]:
    signs: list[int] = []
    for layer in network.layers:
        for factor in layer.factors:
            x = apply_factor(factor, x)
        signs += [
            (v > t) - (v < t) for v, u in zip(x, layer.units, strict=True) for t in u.breakpoints
        ]
        x = [unit.exact(v) for unit, v in zip(layer.units, x, strict=True)]
    return x, signs


entries = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-4, 4),
    st.sampled_from([0.1, 1 / 3, 5e-324, -1e300, 2.0**-1074 * 3]),
)


@st.composite
def networks(draw: st.DrawFn) -> Network:
    widths = draw(st.lists(st.integers(1, 3), min_size=3, max_size=5))
    layers: list[Layer] = []
    factors: list[Affine] = []
    for n_in, n_out in pairwise(widths):
        size = n_out * n_in
        weight = draw(st.lists(entries, min_size=size, max_size=size))
        bias = draw(st.lists(entries, min_size=n_out, max_size=n_out))
        divisor = draw(st.none() | st.lists(st.floats(0.1, 7), min_size=n_out, max_size=n_out))
        shaped = np.array(weight).reshape(n_out, n_in)
        factors.append(
            Affine(shaped, np.array(bias), None if divisor is None else np.array(divisor))
        )
        if draw(st.booleans()):
            kinds = st.sampled_from([relu(), identity(), absolute(), hard_tanh(-1, 0.3)])
            layers.append(Layer(factors, draw(st.lists(kinds, min_size=n_out, max_size=n_out))))
            factors = []
    if factors:
        layers.append(Layer(factors, identity()))
    return Network(tuple(layers))


@given(networks(), st.data())
@settings(deadline=None)
def test_exact_is_the_definition(network: Network, data: st.DataObject) -> None:
    n = network.input_dim
    point = data.draw(st.lists(st.fractions(-2, 2), min_size=n, max_size=n))
    output, signs = network.exact(point)
    assert (list(output), list(signs)) == apply_network(network, point)
    assert len(signs) == len(network.thresholds)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=6))
@settings(deadline=None)
def test_integers_keep_every_bit(values: list[float]) -> None:
    numerators, shift = integers(np.array(values))
    assert shift >= 0
    assert [Fraction(m, 1 << shift) for m in numerators] == [Fraction(v) for v in values]


def test_float_call_agrees_with_exact_and_broadcasts() -> None:
    rng = np.random.default_rng(1)
    pairs = [(rng.normal(size=(b, a)), rng.normal(size=b)) for a, b in ((3, 7), (7, 4), (4, 2))]
    network = Network.from_layers(pairs, activation=absolute())
    x = rng.normal(size=(5, 2, 3))
    y = network(x)
    assert y.shape == (5, 2, 2)
    exact, _ = network.exact(x[3, 1].tolist())
    np.testing.assert_allclose(y[3, 1], [float(v) for v in exact], rtol=1e-12)


def test_composed_weight_is_rounded_once() -> None:
    tenth = np.array([[0.1]])
    layer = Layer([Affine(tenth, [0.0]), Affine(3 * np.eye(1), [0.0], [7.0])], relu())
    assert layer.weight[0, 0] == float(Fraction(0.1) * 3 / 7)
    assert layer.in_features == layer.out_features == 1


def test_thresholds_are_in_order_of_layers_units_breakpoints() -> None:
    layers = [Layer([Affine(np.eye(2), np.zeros(2))], [hard_tanh(-1, 2), relu()])] * 2
    network = Network(tuple(layers))
    once = [(0, -1), (0, 2), (1, 0)]
    assert list(network.thresholds) == [(k, unit, t) for k in range(2) for unit, t in once]
    assert network.exact([2, -1])[1] == (1, 0, -1, 1, 0, 0)


def test_hash_is_of_the_function_not_of_names() -> None:
    def make(entry: float, note: str = "") -> Network:
        return Network((Layer([Affine([[entry]], [0.0])], relu()),), notes=(note,))

    assert make(1.0).hash == make(1.0, "loaded").hash
    assert make(0.0).hash == make(-0.0).hash
    assert make(1.0).hash != make(np.nextafter(1.0, 2)).hash


def test_arrays_are_copied_and_read_only() -> None:
    weight = np.eye(2)
    factor = Affine(weight, np.zeros(2))
    weight[0, 0] = 9
    assert factor.weight[0, 0] == 1
    with pytest.raises(ValueError, match="read-only"):
        factor.weight[0, 0] = 9


@pytest.mark.parametrize(
    ("weight", "bias", "divisor", "message"),
    [
        ([[np.nan]], [0.0], None, r"entry \(0, 0\) is nan"),
        ([[np.inf]], [0.0], None, "must be finite"),
        ([[1.0]], [0.0, 1.0], None, r"must have shape \(1,\)"),
        ([1.0], [0.0], None, "2 dimension"),
        (np.zeros((0, 2)), [], None, "rows and columns"),
        ([["a"]], [0.0], None, "real numbers"),
        ([[1j]], [0.0], None, "real numbers"),
        ([[2**53 + 1]], [0.0], None, "cannot hold exactly"),
        ([[1.0]], [0.0], [0.0], "must be positive"),
        ([[1.0]], [0.0], [1.0, 1.0], "divisor must have shape"),
    ],
)
def test_unusable_factors_are_refused(
    weight: object, bias: object, divisor: object, message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        Affine(weight, bias, divisor)  # type: ignore[arg-type]


def test_layers_that_do_not_fit_are_refused() -> None:
    two, three = Affine(np.eye(2), np.zeros(2)), Affine(np.eye(3), np.zeros(3))
    with pytest.raises(NetworkError, match="factor 0 has 2 outputs, but factor 1 takes 3"):
        Layer([two, three], relu())
    with pytest.raises(NetworkError, match="needs 2 units, not 1"):
        Layer([two], [relu()])
    with pytest.raises(NetworkError, match="must have an affine map"):
        Layer([], relu())
    with pytest.raises(NetworkError, match="layer 0 has 2 outputs, but layer 1 takes 3"):
        Network((Layer([two], relu()), Layer([three], relu())))
    with pytest.raises(NetworkError, match="at least one layer"):
        Network(())
    with pytest.raises(NetworkError, match="dimension 2, not 3"):
        Network((Layer([two], relu()),), input_box=Box(-1, 1, dim=3))
    with pytest.raises(NetworkError, match=r"layer 0 must be a \(weight, bias\) pair"):
        Network.from_layers([[1.0]])  # type: ignore[list-item]
    with pytest.raises(NetworkError, match="layer 1: bias"):
        Network.from_layers([([[1.0]], [0.0]), ([[1.0]], [0.0, 0.0])])


def test_inputs_that_do_not_fit_are_refused() -> None:
    network = Network.from_layers([(np.eye(2), np.zeros(2))])
    with pytest.raises(NetworkError, match="shape"):
        network([1.0, 2.0, 3.0])
    with pytest.raises(NetworkError, match="2 coordinates, not 1"):
        network.exact([1.0])
