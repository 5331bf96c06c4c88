"""Every claim can come out otherwise: a wrong instance, a wrong number, or a bug in what it calls.

A check that cannot fail proves nothing. Hypotheses are tested twice: with them such an instance
"does not apply", and without them the check itself fails on it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from fractions import Fraction
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from polyrelu import (
    Affine,
    Arrangement,
    Box,
    Layer,
    Network,
    Persistence,
    Space,
    hard_tanh,
    identity,
    leaky_relu,
    pattern_clusters,
    recover_from_graph,
    regions,
    relu,
    stability,
    theorems,
)
from polyrelu.queries.counting import RegionBounds
from polyrelu.queries.folding import Folding
from polyrelu.queries.gradient_product import GradientProduct
from polyrelu.queries.singular import Bounds
from polyrelu.theorems import Claim, Verdict, gaussian_network
from polyrelu.theorems.averages import _he, _square_layers
from polyrelu.theorems.construction import folded_line
from polyrelu.theorems.data import Samples
from polyrelu.theorems.folding import cantor_net
from polyrelu.theorems.gradients import _derivatives
from polyrelu.theorems.injectivity import doubling_layer, relu_layer
from polyrelu.theorems.layer_geometry import Level, layer_geometry
from polyrelu.theorems.paths import Labelled
from polyrelu.theorems.separability import XOR, _doubled, _relu
from polyrelu.theorems.similarity import _contributions
from polyrelu.theorems.stability import Frame
from polyrelu.theorems.topology import sphere, torus
from polyrelu.theorems.univariate import X_LINE, Spline, spline_network

RNG = np.random.default_rng(0)
CLAIMS = {c.name: c for c in theorems.claims()}
AGAINST = (Verdict.FAILS, Verdict.INCONSISTENT)


@dataclass(frozen=True)
class Break:
    """How a claim's verdict is turned around.

    Attributes:
        subject: what to examine; None: the first of the quick instances.
        patches: names in the claim's module, and what stands there instead.
        excluded: does a hypothesis leave the subject out? Then the check is examined without.
    """

    subject: Any = None
    patches: tuple[tuple[str, Any], ...] = ()
    excluded: bool = False


def bug(name: str, instead: Any, subject: Any = None) -> Break:
    return Break(subject, ((name, instead),))


def left_out(subject: Any, *patches: tuple[str, Any]) -> Break:
    return Break(subject, patches, excluded=True)


def always(value: Any) -> Callable[..., Any]:
    return lambda *args, **kwargs: value


# --- subjects ----------------------------------------------------------------------------------

CONCURRENT = Arrangement([[1, 0], [0, 1], [1, -1]])
THREE_LINES = Network.from_layers(
    [([[1, 0], [0, 1], [1, -1]], [0, 0, 0]), ([[1, 1, 1]], [0])]
)  # through one point
PARALLEL = Network.from_layers([([[1, 0], [1, 0]], [0, 1]), ([[1, 1]], [0])])
SMALL = RegionBounds((2, 4), 0, 0, 0, 0)
FLAT = relu_layer(np.eye(2))
DOUBLED = doubling_layer(np.eye(2))
THROUGH_ONE_POINT = gaussian_network(RNG, (2, 4, 3))
THROUGH_ONE_POINT = Network.from_layers(
    [(layer.factors[0].weight, np.zeros(layer.out_features)) for layer in THROUGH_ONE_POINT.layers]
)
LINEAR = Layer([Affine(np.array([[1.0], [-1.0]]), np.zeros(2))], identity())
PAIR = np.array([[[1.0], [2.0]]])
ZIGZAG = Network.from_layers([([[1]] * 5, [0, -1, -2, -3, -4]), ([[1, -2, 2, -2, 2]], [-0.5])])
FOLD = Network.from_layers([([[1], [1]], [0, -1]), ([[1, -2]], [-0.5]), ([[1]], [0])])
SQUARE_LEVEL = Level(np.eye(2), np.zeros(2), np.array([1.0, -1.0]), 0.0)
OTHER_LAYER = layer_geometry(2 * np.eye(4)[:2, :2], [5.0, 5.0])
BIASED_NET = gaussian_network(RNG, (2, 3)), RNG.normal(size=(4, 2))
LINE = [[Fraction(-1)]], [[Fraction(-2)]]
DEAD = Network.from_layers([([[1, 0], [0, 1], [1, 1]], [0, 0, -1]), ([[-1, -1, -1]], [-1]),
                            ([[1]], [0])])  # fmt: skip


HALF = Persistence((Fraction(1, 2),) * 6)
SATURATED = Labelled(
    Network.from_layers([([[1.0], [3.0]], [0.5, 1.0]), ([[1.0, 2.0]], [0.0])],
                        activation=hard_tanh()), np.array([[0.25], [1.0]]), (1, 2))  # fmt: skip
LEAKY = Network.from_layers([([[1.0], [2.0]], [0, -1]), ([[1, 1]], [0])], leaky_relu(0.25))
TURNING = Network.from_layers([(-np.eye(3), np.zeros(3))] * 3, identity())


def alternating() -> Network:
    """x - 2 ReLU(x) + 2 ReLU(x - 1)."""
    hidden = Network.from_layers([([[1.0], [1.0], [1.0]], [0.0, 0.0, -1.0])]).layers[0]
    layer = Layer(hidden.factors, [identity(), relu(), relu()])
    return Network((layer, *Network.from_layers([([[1.0, -2.0, 2.0]], [0.0])]).layers))


def of_other_deviation() -> tuple[list[Network], np.ndarray]:
    """Half as large weights."""
    layers = [_square_layers(RNG, 10, 3) for _ in range(20)]
    halved = [Network.from_layers([(f.weight / 2, f.bias) for layer in net.layers
                                   for f in layer.factors], output_activation=relu())
              for net in layers]  # fmt: skip
    return halved, RNG.normal(size=(2, 10))


def flipped_labels() -> tuple[Network, np.ndarray, np.ndarray]:
    """Every label is the other one."""
    network, points = gaussian_network(RNG, (2, 6)), RNG.normal(size=(30, 2))
    return network, points, (network(points)[:, 0] <= 0).astype(int)


LABELLED = flipped_labels()


# --- bugs --------------------------------------------------------------------------------------


def in_a_box(network: Network, limits: Any, domain: Any = None) -> Any:
    return regions(network, Box(-1, 1, dim=network.input_dim))


def far_too_good(layer: Layer, **options: Any) -> Any:
    return replace(stability(layer), frame_bound=Bounds(99.0, 99.0))


def worthless(layer: Layer, **options: Any) -> Any:
    return replace(stability(layer), frame_bound=Bounds(0.0, 0.0))


class NoBoundary:
    """What ``decision_boundary`` would say if it had lost everything."""

    def __len__(self) -> int:
        return 1

    def betti(self, closure: str = "none") -> tuple[int, ...]:
        return (1, 0, 0, 0)

    def region_betti(self, c: int) -> tuple[int, ...]:
        return (7, 0, 0)

    def is_convex(self, c: int) -> bool:
        return False


def returning_path(*args: Any) -> Any:
    return SimpleNamespace(patterns=np.array([[0], [1], [0]]), folding=lambda: Folding(2, 2))


def unfolding_part(*args: Any) -> Any:
    part = SimpleNamespace(folding=SimpleNamespace(chi=Fraction(3, 4)))
    return SimpleNamespace(greatest_folding=lambda: part, folding=lambda: Folding(1, 2))


def worst_metric(data: Any, size: int) -> Any:
    """Of :data:`LABELLED`."""
    c = [float(v) for v in _contributions(LABELLED)]
    return SimpleNamespace(support=[int(np.argmin(c))])


def another_recovery(*args: Any, **options: Any) -> Any:
    graph = regions(Network.from_layers([([[1, 2], [3, 1]], [1, 1]), ([[1, 1]], [0])]), Space(2))
    return recover_from_graph(graph, allow_open=True)


class Restless:
    """A function of one piece that changes its sign twice."""

    sign_changes = (0, 1)

    def __len__(self) -> int:
        return 1


def of_another_network(network: Network, points: Any) -> Any:
    return pattern_clusters(gaussian_network(np.random.default_rng(1), (2, 8)), points)


BREAKS: dict[str, Break] = {
    # counting
    "zaslavsky-cells": left_out(CONCURRENT),
    "zaslavsky-faces": left_out(CONCURRENT),
    "deletion-restriction": bug("with_last_neurons", lambda network, kept: network),
    "serra-bound": bug("region_bounds", always(SMALL)),
    "montufar-bound": bug("region_bounds", always(SMALL)),
    "raghu-bound": bug("region_bounds", always(SMALL)),
    "bounds-of-small-networks": Break(((2, 4, 4), 120, 121)),
    "regions-on-the-line": Break([_he(RNG, (1, 20, 20), 0.0) for _ in range(9)]),
    "hanin-rolnick-average": bug("at_most", always((0, 1))),
    "breaks-on-an-interval": Break(([_he(RNG, (1, 20), 1e-9) for _ in range(9)], 1.0)),
    "trajectory-second-moment": Break(of_other_deviation()),
    "raghu-trajectory-length": bug("at_least", always((0, np.inf))),
    # degrees
    "average-degree": bug("average", always(Fraction(100))),
    "average-facets-of-faces": bug("average_facets", always(Fraction(100))),
    "least-degree": left_out(PARALLEL),
    "average-degree-of-arrangements": left_out(CONCURRENT),
    "average-degree-of-shallow-networks": Break([CONCURRENT, Arrangement([[1, 0], [0, 1]])]),
    "average-degree-by-last-neurons": bug("average", always(Fraction(1))),
    "diameter-of-arrangements": bug("_diameter", always(17)),
    "diameter-bound": bug("_diameter", always(10**6)),
    "diameter-lower-bound": bug("_diameter", always(1)),
    "published-diameter": bug("_diameter", always(23)),
    # topology
    "euler-characteristic": bug("all_regions", in_a_box, gaussian_network(RNG, (3, 4, 2))),
    "cubical-star": left_out(THREE_LINES),
    "zeros-tell-the-dimension": left_out(THREE_LINES),
    "signs-tell-faces": bug("all_regions", in_a_box),
    "product-tells-faces": bug("_times", lambda s, t: s),
    "product-tells-edges": bug("_times", lambda s, t: s),
    "known-surfaces": Break((torus(), (1, 0, 1, 0))),
    "alexander-duality": bug("whole_boundary", always(NoBoundary())),
    # construction
    "one-input-maximum": Break(Network(gaussian_network(RNG, (1, 3, 3)).layers[:-1])),
    "one-input-bound": bug("hidden_widths", always((1,))),
    "two-units-do-not-alternate": Break(alternating()),
    "montufar-lower-bound": Break(THROUGH_ONE_POINT),
    # injectivity
    "doubling-is-injective": Break(FLAT),
    "perturbed-doubling-is-not-injective": Break(DOUBLED),
    "minimal-expansivity": left_out(DOUBLED),
    "width-optimal-layers": Break(doubling_layer(np.eye(2), extra=[[1.0, 1.0]])),
    "injectivity-by-ranks": bug("is_injective", always(True), (FLAT, Space(2))),
    "injectivity-by-depth": left_out(relu_layer(np.array([[1, 0], [1, 0], [-1, 0], [-1, 0]]))),
    "bias-lemma": Break(relu_layer(np.array([[1], [-1]]))),
    "bias-sufficient": left_out(FLAT),
    "bias-necessary": left_out(FLAT),
    "layers-need-not-be-injective": Break(Network((DOUBLED, doubling_layer(np.eye(4))))),
    "injective-end-to-end": Break(Network((FLAT,))),
    "injective-heads-without-bias": Break(Network((FLAT,))),
    "convolution-by-kernels": left_out(np.array([[[1.0, 2.0]], [[0.0, 1.0]]])),
    "surjectivity-by-zonotopes": bug(
        "_contains", always(False),
        (np.vstack([np.eye(2), -np.eye(2), np.eye(2)]), np.array([1, 1, 1, 1, -0.1, -0.1])),
    ),
    # Gaussian layers
    "gaussian-layers-of-the-plane": Break(([DOUBLED] * 40, Fraction(1, 4))),
    "law-of-the-plane": Break((5, Fraction(1, 8))),
    "gaussian-layers-of-the-line": Break(([FLAT] * 40, Fraction(1, 2))),
    "gaussian-threshold": Break(([DOUBLED] * 40, (0, Fraction(1, 2)))),
    "expected-euler-characteristic": Break([Arrangement(np.vstack([np.eye(2), [[-1, -1], [1, -1],
                                                                              [-1, 2]]]))] * 9),
    "gaussian-constants": Break((lambda c: c - 3, "3.5")),
    # stability
    "lower-lipschitz-bounds": Break((DOUBLED, RNG.normal(size=(3, 2, 2))),
                                    (("stability", far_too_good),)),
    "lower-lipschitz-of-the-region": Break((DOUBLED, None), (("stability", worthless),)),
    "condition-number": left_out((LINEAR, PAIR)),
    "constants-of-doubling": Break(doubling_layer(2 * np.eye(2))),
    "biases-of-platonic-solids": Break(
        Frame(np.vstack([np.eye(3), -np.eye(3)]), "sphere", Fraction(1, 5), Fraction(0))
    ),
    "polytope-bias-is-injective": bug(
        "polytope_bias", always(SimpleNamespace(alpha=np.full(6, 10.0))),
        np.vstack([np.eye(3), -np.eye(3)]),
    ),
    "rectifying-sets": Break((DOUBLED, [[1.0, 2.0], [3.0, 4.0]])),
    # the geometry of a layer
    "preimages-of-points": left_out((layer_geometry(np.eye(2), [0.0, 0.0]), [1, -1])),
    "layer-is-a-projection": Break(SimpleNamespace(
        is_square_invertible=True, dim=2, check_factorisation=always(False))),
    "projection-is-oblique": bug("_is_nearest", always(True)),
    "boundary-pieces": bug("whole_boundary", always([])),
    "boundary-types": bug("layer_geometry", always(OTHER_LAYER)),
    "boundary-topology": bug("whole_boundary", always(NoBoundary())),
    "boundary-convexity": bug("whole_boundary", always(NoBoundary())),
    "boundary-at-level-zero": left_out(replace(SQUARE_LEVEL, offset=1.0)),
    "narrow-networks-are-unbounded": left_out(sphere(2)),
    "one-bounded-component": left_out(ZIGZAG),
    # folding
    "cantor-net-folds": bug("cantor_net", lambda depth, top=False: cantor_net(depth + 1, top)),
    "cantor-net-folds-most-as-a-whole": bug("_across", unfolding_part),
    "cantor-net-with-its-top-neuron": Break((1, 6, Fraction(1, 2))),
    "cantor-net-regions": bug("cantor_net", lambda depth, top=False: cantor_net(depth + 1, top)),
    "one-hidden-layer-does-not-fold": left_out((FOLD, [[-1], [3]])),
    "folding-is-bits-that-return": bug("activation_path", returning_path),
    "sampling-sees-less": bug("folding_of_patterns", lambda patterns: Folding(0, -len(patterns))),
    "folding-depends-on-the-direction": Break((FOLD, [[-1], [3]], Fraction(1, 2), Fraction(1, 2))),
    # separability
    "ls0-is-the-best-auc": bug("_rank_score", always(Fraction(0))),
    "ls1-is-a-maximum-over-vertices": bug("_critical", always([]), ([[1, 0], [2, 0]], [[0, 0]])),
    "separability-is-affinely-invariant": left_out((([[0, 0]], [[0, 1]]), [[1, 0], [0, 0]])),
    "ball-degree-tells-separability": bug(
        "ball_degree", always(SimpleNamespace(low=0.5, high=0.5)), XOR),
    "directional-measure-at-its-ends": bug(
        "directional_separability", always(SimpleNamespace(exact=Fraction(0))), XOR),
    "separability-of-xor": Break((XOR, Fraction(3, 4), Fraction(0))),
    "doubling-keeps-separability": Break((LINE, _relu)),
    "relu-keeps-separability": Break((LINE, _doubled)),
    "ls1-tells-separability": Break(XOR),
    # similarity
    "euler-identity": left_out(BIASED_NET),
    "euler-identity-with-biases": bug("_outputs", lambda network, points: [1000] * len(points)),
    "euler-metric-is-the-output": left_out(BIASED_NET),
    "euler-classifier-is-the-network": left_out(LABELLED),
    "last-layer-kernel": bug("_kernel", always([])),
    "sparse-metric-beats-uniform": bug("sparse_metric", worst_metric, LABELLED),
    "kernel-by-region-pairs": bug("_kernel", lambda network, points, metric=None:
                                  [[None] * len(points)] * len(points)),
    # one input
    "knots-of-one-layer": bug("_pieces", always(SimpleNamespace(knots=range(6)))),
    "units-for-knots": bug(
        "spline_network", lambda s: spline_network(replace(s, value=s.value + 1))),
    "sign-changes-take-pieces": bug("_pieces", always(Restless())),
    "cubic-spline-kernel": left_out((Fraction(2), Fraction(1))),
    "knots-between-samples": Break(([spline_network(Spline((0,), (1, -1), 2))], X_LINE)),
    # paths
    "path-norm-ignores-rescaling": Break((THROUGH_ONE_POINT, PARALLEL)),
    "path-norm-bounds-gradients": bug("path_norm", always(Fraction(1, 100))),
    "independent-paths": Break(((3, 4, 2), 17)),
    "gradient-flow-conserves": left_out(SATURATED),
    # gradients
    "egop-shows-the-index-rank": bug("_in_the_cube", always(GradientProduct(
        ((Fraction(1), Fraction(1)), (Fraction(1), Fraction(1))), Fraction(1), ((1, 0), (0, 1))))),
    "index-rank-by-the-first-layer": bug("index_space", always(((1, 0, 0), (0, 1, 0)))),
    "egop-by-samples": bug("_derivatives", lambda net, points: 2 * _derivatives(net, points)),
    # depth
    "rank-falls-with-depth": bug("jacobian_ranks", always(np.array([[1, 2]]))),
    "formula-on-activation-domains": left_out(LEAKY),
    "steps-of-deep-networks": left_out(TURNING),
    "deep-limits-need-the-identity": Break(Network.from_layers(
        [(2 * np.eye(2), np.zeros(2))] * 3, output_activation=relu())),
    "sample-variance-by-depth": Break({1: "0.68169", 2: "0.50628"}),
    "sample-variance-limit": bug("correlation_map", lambda rho: rho),
    "arc-cosine-kernel": Break((np.maximum(RNG.normal(size=(4000, 2)), 0), Fraction(9, 10))),
    # persistence
    "neural-persistence-is-normalised": bug("neural_persistence", always(HALF)),
    "persistence-counts-components": bug("neural_persistence", always(HALF)),
    "deep-persistence-of-one-layer": left_out(THROUGH_ONE_POINT),
    # data
    "clusters-are-affine": bug("pattern_clusters", of_another_network),
    "clusters-are-convex": bug("pattern_clusters", lambda network, points: SimpleNamespace(
        labels=np.arange(len(points)) >= 60)),
    "regions-that-samples-see": Break(Samples(
        gaussian_network(RNG, (2, 8)), [0.01 * RNG.uniform(-1, 1, (50, 2)) for _ in range(9)])),
    "regions-through-training": bug("region_bounds", always(SMALL)),
    # recovery
    "rank-one-jumps": bug("_jumps", lambda network, limits: [([(1, 0), (0, 1)], [1, 0])]),
    "bends-show-weights": bug("_exact_rows", lambda layer: [(0,) * layer.in_features]
                              * layer.out_features),
    "rank-of-the-sign-system": Break((gaussian_network(RNG, (3, 7, 1)), 7)),
    "recovery-from-the-complex": bug("recover_from_graph", another_recovery),
    "isomorphic-networks-are-equal": Break((THREE_LINES, PARALLEL)),
}  # fmt: skip


def turned(claim: Claim) -> tuple[Verdict, ...]:
    """The verdicts that the claim does not have on its own instances."""
    return (Verdict.HOLDS, Verdict.CONSISTENT) if claim.refuted else AGAINST


def module_of(claim: Claim) -> Any:
    return importlib.import_module(claim.check.__module__)


def test_every_claim_is_broken_below():
    assert set(BREAKS) == set(CLAIMS)


@pytest.mark.parametrize("name", BREAKS)
def test_a_claim_can_come_out_otherwise(name, monkeypatch):
    how, claim = BREAKS[name], CLAIMS[name]
    subject = next(iter(claim.draw()))[1] if how.subject is None else how.subject
    if how.excluded:
        assert claim.examine(subject).verdict is Verdict.DOES_NOT_APPLY
        claim = replace(claim, hypotheses=())
    for attribute, instead in how.patches:
        assert hasattr(module_of(claim), attribute)
        monkeypatch.setattr(module_of(claim), attribute, instead)
    assert claim.examine(subject).verdict in turned(claim)


@pytest.mark.parametrize("name", [n for n, c in CLAIMS.items() if c.refuted])
def test_a_false_claim_has_its_counterexample_on_another_seed(name):
    (report,) = theorems.reports([CLAIMS[name]], seed=1)
    assert report.verdict in AGAINST


GENERIC_ONLY = [n for n, c in CLAIMS.items() if theorems.GENERIC in c.hypotheses]


@pytest.mark.parametrize("name", GENERIC_ONLY)
def test_what_is_not_generic_is_left_out(name):
    assert CLAIMS[name].examine(THREE_LINES).verdict is Verdict.DOES_NOT_APPLY


def test_a_network_with_a_dead_neuron_is_not_said_to_be_recovered():
    outcome = CLAIMS["recovery-from-the-complex"].examine(DEAD)
    assert outcome.verdict is Verdict.DOES_NOT_APPLY


def test_bounds_that_hold_1_do_not_make_a_constant_1(monkeypatch):
    def nearly(layer: Layer, **options: Any) -> Any:
        near_1 = Bounds(1 - 2**-50, 1 + 2**-50)
        stretched = doubling_layer((1 + 2**-52) * np.eye(layer.in_features))
        return replace(stability(stretched), frame_bound=near_1, upper=near_1)

    claim = CLAIMS["constants-of-doubling"]
    monkeypatch.setattr(module_of(claim), "stability", nearly)
    assert claim.examine(DOUBLED).verdict is Verdict.FAILS


def test_a_quotient_above_the_constant_by_less_than_rounding_is_not_below_it(monkeypatch):
    def a_little_too_low(layer: Layer, **options: Any) -> Any:
        found = stability(layer, **options)
        low = found.frame_bound.low * (1 - 1e-9)
        return replace(found, frame_bound=Bounds(low, low))

    claim = CLAIMS["lower-lipschitz-of-the-region"]
    monkeypatch.setattr(module_of(claim), "stability", a_little_too_low)
    assert claim.examine(next(iter(claim.draw()))[1]).verdict is Verdict.FAILS


def test_folding_lines_are_the_greatest_of_their_widths():
    assert CLAIMS["one-input-maximum"].examine(folded_line(2)).verdict is Verdict.HOLDS
