"""What bias a frame can bear, and inverting a layer."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest

from polyrelu import (
    Box,
    DomainError,
    Layer,
    NetworkError,
    Polytope,
    Space,
    doubling_layer,
    is_injective,
    largest_uniform_bias,
    polytope_bias,
    reconstruct,
    relu,
)
from polyrelu.network import Affine
from polyrelu.queries.bias import nearest_point, project_on_cone

GOLDEN = (1 + 5**0.5) / 2
ICOSAHEDRON = np.array(
    [p for a in (-1, 1) for b in (-GOLDEN, GOLDEN) for p in [(0, a, b), (a, b, 0), (b, 0, a)]]
) / math.hypot(1, GOLDEN)
TETRAHEDRON = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]]) / 3**0.5
OCTAHEDRON = np.vstack([np.eye(3), -np.eye(3)])


@pytest.mark.parametrize(
    ("frame", "sphere", "ball"),
    [
        (ICOSAHEDRON, 1 / 5**0.5, 0.0),
        (TETRAHEDRON, -1 / 3**0.5, -1 / 3**0.5),
        (OCTAHEDRON, 0.0, 0.0),
        (np.array([[1.0], [-1.0]]), 1.0, 0.0),
        (np.array([[2.0, 0], [0, 1], [-1, 0], [0, -1]]), 0.0, 0.0),
    ],
)
def test_platonic_solids(frame, sphere, ball):
    for on, value in (("sphere", sphere), ("ball", ball)):
        found = largest_uniform_bias(frame, on).value
        assert found.low == pytest.approx(value, abs=1e-15)
        assert found.high - found.low < 1e-15
    assert polytope_bias(frame, "sphere").alpha.min() <= sphere + 1e-15


def test_polytope_bias_of_the_icosahedron_is_the_best():
    assert polytope_bias(ICOSAHEDRON, "sphere").alpha == pytest.approx(1 / 5**0.5)
    assert len(polytope_bias(ICOSAHEDRON).facets) >= 20
    assert polytope_bias(ICOSAHEDRON, "sphere", radius=3.0).alpha == pytest.approx(3 / 5**0.5)


@pytest.mark.parametrize("seed", range(5))
def test_the_uniform_bias_is_sharp_on_the_sphere(seed):
    """In general position in R^3 it is the least, over x, of the third largest <x, w_i>."""
    frame = np.random.default_rng(seed).normal(size=(9, 3))
    found = largest_uniform_bias(frame).value
    x = np.random.default_rng(1).normal(size=(200_000, 3))
    x /= np.linalg.norm(x, axis=1)[:, None]
    third = np.sort(x @ frame.T, axis=1)[:, -3]
    assert found.low <= third.min() + 1e-12
    assert third.min() - found.low < 0.1


@pytest.mark.parametrize("seed", range(4))
def test_the_uniform_bias_is_sharp_on_a_polytope(seed):
    """There an exact test of injectivity agrees: just below it is, just above it is not."""
    rng = np.random.default_rng(seed)
    frame = rng.normal(size=(8, 2))
    for domain in (Box(-1, 1, dim=2), Polytope([[-1, 0], [0, -1], [1, 1]], [0, 0, 3])):
        best = largest_uniform_bias(frame, domain).value
        for shift, injective in ((-1e-9, True), (1e-9, False)):
            layer = Layer([Affine(frame, np.full(8, -(best.low + shift)))], relu())
            assert is_injective(layer, domain).proved == injective


def test_rows_that_do_not_span_bear_nothing():
    assert largest_uniform_bias([[1.0, 0], [-1, 0]]).value.high == -math.inf


@pytest.mark.parametrize("on", ["sphere", "ball"])
@pytest.mark.parametrize("seed", range(4))
def test_polytope_bias_keeps_a_facet_active_everywhere(on, seed):
    rng = np.random.default_rng(seed)
    frame = np.vstack([OCTAHEDRON, rng.normal(size=(6, 3))])
    found = polytope_bias(frame, on, radius=2.0)
    x = rng.normal(size=(5000, 3))
    x *= 2 / np.linalg.norm(x, axis=1)[:, None]
    if on == "ball":
        x *= rng.random((5000, 1))
    for point in x:
        active = frame @ point >= found.alpha - 1e-12
        assert np.linalg.matrix_rank(frame[active]) == 3
        assert any(all(active[i] for i in facet) for facet in found.facets)


def test_polytope_bias_wants_rows_on_all_sides():
    with pytest.raises(NetworkError, match="omnidirectional"):
        polytope_bias(np.eye(3))
    with pytest.raises(NetworkError, match="row of zeros"):
        polytope_bias(np.vstack([OCTAHEDRON, np.zeros((1, 3))]))
    with pytest.raises(DomainError, match="sphere"):
        polytope_bias(OCTAHEDRON, "cube")
    with pytest.raises(DomainError, match="radius"):
        polytope_bias(OCTAHEDRON, radius=-1.0)


def test_bad_sets():
    with pytest.raises(DomainError, match="not 'cube'"):
        largest_uniform_bias(OCTAHEDRON, "cube")
    with pytest.raises(DomainError, match="dimension 2"):
        largest_uniform_bias(OCTAHEDRON, Box(-1, 1, dim=2))
    with pytest.raises(DomainError, match="bounded"):
        largest_uniform_bias([[1.0, 0], [0, 1]], Space(2))
    with pytest.raises(NetworkError, match="finite"):
        largest_uniform_bias([[np.nan, 1.0]])


def test_reconstruction():
    rng = np.random.default_rng(0)
    layer = Layer([Affine(ICOSAHEDRON, np.full(12, -0.3))], relu())
    for _ in range(50):
        x = rng.normal(size=3)
        x /= np.linalg.norm(x)
        assert reconstruct(layer, layer(x)) == pytest.approx(x, abs=1e-12)
    batch = rng.normal(size=(2, 5, 3))
    assert reconstruct(layer, layer(batch)) == pytest.approx(batch, abs=1e-12)
    with pytest.raises(NetworkError, match="do not determine"):
        reconstruct(layer, layer(np.zeros(3)))
    with pytest.raises(NetworkError, match=r"shape \(\.\.\., 12\)"):
        reconstruct(layer, np.ones(3))
    with pytest.raises(NetworkError, match="not an output"):
        reconstruct(layer, np.ones(12))
    with pytest.raises(TypeError, match=r"polyrelu\.Layer"):
        reconstruct(is_injective, np.ones(12))
    with pytest.raises(NetworkError, match="no ReLU"):
        reconstruct(Layer(layer.factors, _identity()), np.ones(12))


def test_reconstruction_on_the_boundary_of_cells():
    """There a row that is 0 may be needed, though it looks as if it were off."""
    doubled = doubling_layer(np.eye(2))
    for x in ([1.0, 0.0], [0.0, 0.0], [0.0, -2.0]):
        assert reconstruct(doubled, doubled(np.array(x))) == pytest.approx(x, abs=1e-9)
    best = largest_uniform_bias(ICOSAHEDRON).value.low
    layer = Layer([Affine(ICOSAHEDRON, np.full(12, -best + 1e-12))], relu())
    for x in ICOSAHEDRON:
        assert reconstruct(layer, layer(x)) == pytest.approx(x, abs=1e-6)


def _identity():
    from polyrelu import identity

    return identity()


def exactly(rows) -> list[tuple[Fraction, ...]]:
    return [tuple(Fraction(v) for v in row) for row in np.asarray(rows).tolist()]


@pytest.mark.parametrize("seed", range(10))
def test_nearest_points_and_projections_by_their_conditions(seed):
    rng = np.random.default_rng(seed)
    points = exactly(rng.integers(-3, 4, size=(6, 3)) + np.array([2, 0, 0]))
    p = nearest_point(points)
    assert all(inner(p, q) >= inner(p, p) for q in points)
    rays = exactly(rng.integers(-3, 4, size=(4, 3)))
    z = exactly(rng.integers(-3, 4, size=(1, 3)))[0]
    on = project_on_cone(z, rays)
    rest = tuple(a - b for a, b in zip(z, on, strict=True))
    assert inner(rest, on) == 0
    assert all(inner(rest, r) <= 0 for r in rays)


def inner(a, b) -> Fraction:
    return sum((u * v for u, v in zip(a, b, strict=True)), Fraction(0))


def test_sizes_do_not_matter():
    """Scaled by any power of ten the answers scale; inverses are found of badly scaled layers."""
    triangle = np.array([[1.0, 0], [0, 1], [-1, -1]])
    plain = polytope_bias(triangle, "sphere").alpha
    for size in (1e200, 1e-200):
        assert polytope_bias(triangle * size, "sphere").alpha == pytest.approx(plain * size)
    big = largest_uniform_bias(np.vstack([triangle, -triangle]) * 1e9, Box(-1e300, 1e300, dim=2))
    assert big.value.high <= 0
    for basis in (np.diag([1e9, 1e-9]), np.diag([1.0, 1e-16])):
        layer = doubling_layer(basis)
        assert reconstruct(layer, layer(np.ones(2))) == pytest.approx([1, 1])


def test_a_row_that_no_facet_needs_stays_off():
    inner = np.vstack([OCTAHEDRON, [[0.6, 0.6, 0.6], [0.5, 0.4, 0.1]]])
    for radius in (1.0, 2.0):
        found = polytope_bias(inner, radius=radius)
        used = {i for facet in found.facets for i in facet}
        assert np.isfinite(found.alpha).all()
        for i in set(range(len(inner))) - used:
            assert found.alpha[i] >= radius * np.linalg.norm(inner[i])


def test_empty_domains_and_odd_sets_are_named():
    with pytest.raises(DomainError, match="empty"):
        largest_uniform_bias(OCTAHEDRON, Polytope([[1, 0, 0], [-1, 0, 0]], [0, -1]))
    with pytest.raises(DomainError, match="must be"):
        largest_uniform_bias(OCTAHEDRON, np.ones(3))
    with pytest.raises(DomainError, match="radius"):
        polytope_bias(OCTAHEDRON, radius="1")
