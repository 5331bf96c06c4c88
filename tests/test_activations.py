"""Piecewise-linear units: exact values, pieces, and what is refused."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import activations
from polyrelu.activations import PiecewiseLinear
from polyrelu.errors import NetworkError

numbers = st.fractions(-9, 9, max_denominator=12)


@st.composite
def units(draw: st.DrawFn) -> PiecewiseLinear:
    breakpoints = sorted(draw(st.sets(numbers, max_size=4)))
    n = len(breakpoints) + 1
    slopes = draw(st.lists(st.integers(-2, 2), min_size=n, max_size=n))
    return PiecewiseLinear(tuple(breakpoints), tuple(slopes), draw(numbers))


def by_definition(
    breakpoints: list[Fraction], slopes: list[int], value: Fraction, z: Fraction
) -> Fraction:
    """Walk from the first breakpoint to ``z``, slope by slope."""
    start = breakpoints[0] if breakpoints else Fraction(0)
    if z <= start:
        return value + slopes[0] * (z - start)
    ends = [*breakpoints[1:], z]
    for slope, end in zip(slopes[1:] if breakpoints else slopes, ends, strict=True):
        end = min(end, z)
        value += slope * max(end - start, Fraction(0))
        start = max(start, end)
    return value


@given(st.sets(numbers, max_size=4), st.data(), numbers, numbers)
@settings(deadline=None)
def test_exact_is_the_definition(
    places: set[Fraction], data: st.DataObject, value: Fraction, z: Fraction
) -> None:
    breakpoints = sorted(places)
    n = len(breakpoints) + 1
    slopes = data.draw(st.lists(st.integers(-2, 2), min_size=n, max_size=n))
    unit = PiecewiseLinear(tuple(breakpoints), tuple(slopes), value)
    assert unit.exact(z) == by_definition(breakpoints, slopes, value, z)


@given(units())
@settings(deadline=None)
def test_pieces_meet_at_breakpoints_and_bend_there(unit: PiecewiseLinear) -> None:
    for k, t in enumerate(unit.breakpoints):
        (a, c), (b, d) = unit.piece(k), unit.piece(k + 1)
        assert a * t + c == b * t + d
        assert a != b


@given(units(), st.lists(st.floats(-9, 9), min_size=1, max_size=9))
@settings(deadline=None)
def test_float_call_agrees_with_exact(unit: PiecewiseLinear, z: list[float]) -> None:
    exact = [float(unit.exact(Fraction(v))) for v in z]
    np.testing.assert_allclose(unit(np.array(z)), exact, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("unit", "function"),
    [
        (activations.identity(), lambda z: z),
        (activations.relu(), lambda z: max(z, 0)),
        (activations.leaky_relu(Fraction(1, 3)), lambda z: z if z > 0 else z / 3),
        (activations.hard_tanh(-2, 5), lambda z: min(max(z, -2), 5)),
        (activations.relu6(), lambda z: min(max(z, 0), 6)),
        (activations.absolute(), abs),
    ],
)
def test_named_units(unit: PiecewiseLinear, function: object) -> None:
    assert callable(function)
    for z in (Fraction(n, 2) for n in range(-15, 16)):
        assert unit.exact(z) == function(z)


def test_breakpoint_that_bends_nothing_is_dropped() -> None:
    assert PiecewiseLinear((0, 1), (0, 0, 1), 0) == PiecewiseLinear((1,), (0, 1), 0)
    assert PiecewiseLinear((2,), (1, 1), 2) == activations.identity()
    assert activations.leaky_relu(1).is_identity
    assert not PiecewiseLinear((), (1,), 1).is_identity


@pytest.mark.parametrize(
    ("breakpoints", "slopes", "value", "message"),
    [
        ((0,), (1,), 0, "has 2 slopes, not 1"),
        ((1, 0), (0, 1, 0), 0, "strictly increasing"),
        ((0, 0), (0, 1, 0), 0, "strictly increasing"),
        ((float("nan"),), (0, 1), 0, "must be finite"),
        ((0,), (0, float("inf")), 0, "must be finite"),
        ((), (1,), float("nan"), "must be finite"),
    ],
)
def test_unusable_units_are_refused(
    breakpoints: tuple[float, ...], slopes: tuple[float, ...], value: float, message: str
) -> None:
    with pytest.raises(NetworkError, match=message):
        PiecewiseLinear(breakpoints, slopes, value)
