"""One layer: branching against the oracle's cells, known layers, certificates."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from random import Random

import networks
import numpy as np
import oracle
import pytest
from flint import fmpq_mat
from hypothesis import given, settings
from hypothesis import strategies as st

from polyrelu import (
    Box,
    DomainError,
    Layer,
    Limits,
    Network,
    Polytope,
    Slice,
    Space,
    Status,
    UnknownAnswerError,
    doubling_layer,
    hard_tanh,
    identity,
    is_injective,
    leaky_relu,
    relu,
)
from polyrelu.network import Affine
from polyrelu.queries.injectivity import LayerwiseCertificate
from polyrelu.queries.layer_certificate import (
    Branch,
    Constraint,
    LayerCertificate,
    PairsCertificate,
)
from polyrelu.queries.layer_injectivity import is_monotone, layer_output
from polyrelu.verify import VerificationError, check_injectivity


def layer(weight, bias=None, units=None) -> Layer:
    weight = np.array(weight, dtype=float)
    bias = np.zeros(len(weight)) if bias is None else bias
    return Layer([Affine(weight, bias)], units or relu())


def gaussian(m: int, n: int, seed: int) -> Layer:
    return layer(np.random.default_rng(seed).normal(size=(m, n)))


def check(one: Layer, domain, injective: bool) -> None:
    """The answer, and what stands behind it."""
    answer = is_injective(one, domain)
    assert answer.proved == injective, answer
    assert answer.refuted != injective
    if injective:
        assert check_injectivity(answer) == len(answer.certificate)
        return
    x, y = answer.witness.x, answer.witness.y
    assert x != y
    assert layer_output(one, x) == layer_output(one, y) == answer.witness.output
    for g in domain.inequalities():
        for point in (x, y):
            assert sum(a * v for a, v in zip(g, (*point, 1), strict=True)) >= 0


def rank(forms) -> int:
    rows = [form[:-1] for form in forms]
    return fmpq_mat(rows).rank() if rows and rows[0] else 0


def true_answer(one: Layer, domain) -> bool:
    """By the theorem, on the oracle's cells: each has active rows of full rank."""
    return all(rank(cell.values) == cell.dim for cell in oracle.cells(Network((one,)), domain))


@settings(max_examples=120, deadline=None)
@given(st.integers(0, 10**9))
def test_nasty_layers_agree_with_the_oracle(seed):
    choose = Random(seed)
    dim = choose.randint(1, 3)
    one = networks.network(choose, dim, 8).layers[0]
    if not all(map(is_monotone, one.units)):
        one = Layer(one.factors, relu())
    if choose.random() < 0.5:  # or hardly any would be injective
        table = one.table
        one = Layer(
            [Affine(np.vstack([table[:, :-1], -table[:, :-1]]),
                    np.concatenate([table[:, -1], choose.choice([-1, 1, 0]) * table[:, -1]]))],
            relu(),
        )  # fmt: skip
    domain = networks.domain(choose, dim)
    check(one, domain, true_answer(one, domain))


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("m", "n"), [(5, 2), (8, 2), (10, 3), (14, 3)])
def test_gaussian_layers_agree_with_the_oracle(m, n, seed):
    one = gaussian(m, n, seed)
    check(one, Space(n), true_answer(one, Space(n)))


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_the_narrowest_injective_layers_are_doubled_bases(n):
    rng = np.random.default_rng(n)
    B, D = rng.normal(size=(n, n)), rng.random(n) + 0.5
    check(doubling_layer(B), Space(n), True)
    rows = doubling_layer(B, D, np.ones((1, n))).weight
    assert rows == pytest.approx(np.vstack([B, -D[:, None] * B, np.ones((1, n))]))
    check(doubling_layer(B, D, rng.normal(size=(3, n)), rng.normal(size=n)), Space(n), True)
    W = np.vstack([B, -B])
    check(layer(W + 1e-3 * rng.normal(size=W.shape)), Space(n), n == 1)
    check(layer(W[:-1]), Space(n), False)
    check(layer(rng.normal(size=(2 * n - 1, n)), rng.normal(size=2 * n - 1)), Space(n), False)


def test_doubled_bases_of_any_size_are_proved_by_pairs():
    rng = np.random.default_rng(0)
    one = doubling_layer(rng.normal(size=(100, 100)), rng.random(100) + 0.5)
    answer = is_injective(one)
    assert isinstance(answer.certificate, PairsCertificate)
    assert check_injectivity(answer) == 100


def test_pairs_with_bias_are_proved_if_they_leave_no_gap():
    for gap, injective in ((0.0, True), (-0.5, True), (0.5, False)):
        check(layer([[1.0, 0], [-2, 0], [0, 1], [0, -1]], [-1, 2 - gap, 0, 0]), Space(2), injective)
    # Also where the domain's hull is what makes them opposite.
    line = Polytope([[1, 1], [-1, -1]], [1, -1])
    check(layer([[1.0, 0], [0, 1]], [0.0, 0.0]), line, True)
    check(layer([[1.0, 0], [0, 1]], [0.0, -1.5]), line, False)


def test_false_pairs_are_refused():
    good = is_injective(layer([[1.0, 0], [-1, 0], [0, 1], [0, -1]])).certificate
    assert check_injectivity(good) == 2
    for slots, why in (
        (((0, 1),), "no basis"),
        (((0, 1), (0, 1)), "no basis"),
        (((0, 2), (1, 3)), "may all be flat"),
        (((0,), (2, 3)), "may all be flat"),
    ):
        with pytest.raises(VerificationError, match=why):
            check_injectivity(replace(good, slots=slots))
    with pytest.raises(VerificationError, match="may all be flat"):
        check_injectivity(replace(good, layer=layer(good.layer.weight, -np.ones(4))))


def test_rounding_what_should_be_opposite_is_noticed():
    B, D = np.array([[1.0, 0.1], [0.3, 1.0]]), np.array([0.1, 0.7])
    check(doubling_layer(B, D), Space(2), True)
    check(layer(np.vstack([B, -D[:, None] * B])), Space(2), False)


def test_the_bias_lemma_is_no_equivalence():
    """One row has a negative bias, the rest is not injective, and yet it is (spec of the layer)."""
    check(layer([[1.0], [-1.0]], [-1.0, 2.0]), Space(1), True)
    check(layer([[1.0], [-1.0]], [-1.0, 0.5]), Space(1), False)


def test_domains():
    check(layer(np.eye(3)), Box(0, 1, dim=3), True)
    check(layer(np.eye(3)), Box(-1, 1, dim=3), False)
    check(layer(np.eye(2)), Polytope(-np.eye(2), [0, 0]), True)
    check(layer(np.eye(2)), Polytope([[-1, 0], [0, -1]], [0, Fraction(1, 10**30)]), False)
    # On the line x + y = 1 one ReLU is enough, if it is on.
    line = Polytope([[1, 1], [-1, -1], [-1, 0]], [1, -1, 0])
    check(layer([[1.0, 0.0]]), line, True)
    check(layer([[0.0, 1.0]]), line, False)
    check(layer([[1.0, 2.0]]), Box([3.0, 4.0], [3.0, 4.0]), True)  # one point


def test_slices_are_asked_in_their_coordinates():
    one = layer(np.eye(784))
    assert is_injective(one, Slice.through(np.zeros(784), np.ones(784)))
    assert not is_injective(one, Slice.through(-np.ones(784), np.ones(784)))


def test_other_monotone_units():
    check(layer(np.eye(2), units=leaky_relu()), Space(2), True)
    check(layer(np.eye(2), units=hard_tanh()), Box(-1, 1, dim=2), True)
    check(layer(np.eye(2), units=hard_tanh()), Box(-1, 2, dim=2), False)
    shifted = layer([[1.0], [1.0]], [0.0, -2.0], hard_tanh())
    check(shifted, Box(-1, 3, dim=1), True)
    check(shifted, Box(-1, 4, dim=1), False)


def test_generic_layers_are_injective_iff_the_origin_is_deep():
    """With independent rows and no bias: at least n rows are active everywhere (Tukey depth)."""
    for seed in range(10):
        one = gaussian(9, 2, seed)
        angles = np.linspace(0, 2 * np.pi, 4001)
        active = (one.weight @ [np.cos(angles), np.sin(angles)] > 0).sum(axis=0)
        check(one, Space(2), bool(active.min() >= 2))


@pytest.mark.parametrize(("m", "law"), [(4, 0), (5, 1 / 16), (6, 1 / 4), (7, 29 / 64), (8, 5 / 8)])
def test_the_exact_law_in_the_plane(m, law):
    """P(a Gaussian layer with m rows in R^2 is injective), within four standard deviations."""
    n = 600
    found = sum(is_injective(gaussian(m, 2, s), Space(2)).proved for s in range(n))
    assert abs(found / n - law) <= 4 * (law * (1 - law) / n) ** 0.5


def test_the_law_on_the_line():
    """1 - 2^(1 - m): injective unless all rows have one sign."""
    for m in (2, 3, 4):
        found = sum(is_injective(gaussian(m, 1, s), Space(1)).proved for s in range(300))
        assert abs(found / 300 - (1 - 2 ** (1 - m))) < 0.12


def test_few_nodes_and_hardly_more_with_more_rows():
    nodes = {}
    for m in (40, 160):
        answer = is_injective(gaussian(m, 5, 3), Space(5))
        assert answer.proved
        nodes[m] = answer.stats["nodes"]
        assert check_injectivity(answer) == nodes[m]
    assert nodes[40] < 835  # of 184,342 cells
    assert nodes[160] < 2 * nodes[40]


@pytest.fixture(scope="module")
def proof() -> LayerCertificate:
    rng = np.random.default_rng(1)
    one = layer(rng.normal(size=(14, 3)), rng.normal(size=14) / 2 + 0.6)
    certificate = is_injective(one, Box(-1, 1, dim=3)).certificate
    assert isinstance(certificate, LayerCertificate)
    return certificate


def test_a_certificate_that_was_tampered_with_is_refused(proof):
    assert check_injectivity(proof) == len(proof)
    branch = next(i for i, node in enumerate(proof) if isinstance(node, Branch))
    leaf = next(i for i, node in enumerate(proof) if not isinstance(node, Branch))
    codes = proof.records[leaf, 2 : 2 + proof.records[leaf, 1]]
    unit = 2 + next(j for j, c in enumerate(codes) if proof.constraints[c >> 1].kind == "unit")
    k = proof.rank
    for i, column, value in [
        (branch, 1, proof.records[branch, 2]),  # a unit twice is no basis
        (branch, 1 + k, 0),  # an interval where the unit is off
        (leaf, 2, proof.records[leaf, 3]),  # a constraint twice
        (leaf, unit, proof.records[leaf, unit] ^ 1),  # the other side of a unit's boundary
    ]:
        changed = proof.records.copy()
        changed[i, column] = value
        with pytest.raises(VerificationError, match="node"):
            check_injectivity(replace(proof, records=changed))


def test_a_leaf_may_only_use_what_its_node_says(proof):
    """A unit both on and off is a contradiction, but no node has it."""
    leaf = next(i for i, node in enumerate(proof) if not isinstance(node, Branch))
    row = next(r for r, named in enumerate(proof.constraints) if named.kind == "unit")
    changed = proof.records.copy()
    changed[leaf, 1:4] = 2, 2 * row, 2 * row + 1
    with pytest.raises(VerificationError, match="does not say where unit"):
        check_injectivity(replace(proof, records=changed))


def test_a_certificate_that_is_cut_or_of_another_layer_is_refused(proof):
    with pytest.raises(VerificationError, match="missing"):
        check_injectivity(replace(proof, records=proof.records[:-1]))
    with pytest.raises(VerificationError, match="no branch"):
        check_injectivity(replace(proof, records=np.vstack([proof.records, proof.records[-1:]])))
    with pytest.raises(VerificationError):
        check_injectivity(replace(proof, layer=gaussian(14, 3, 2)))
    with pytest.raises(VerificationError):
        check_injectivity(replace(proof, domain=Box(-9, 9, dim=3)))
    units = [*proof.layer.units[:-1], networks.ZIGZAG]
    other = replace(proof, layer=Layer(proof.layer.factors, units))
    with pytest.raises(VerificationError, match="monotone"):
        check_injectivity(other)
    with pytest.raises(TypeError, match="no proof"):
        check_injectivity("proof")


def test_limits_make_it_unknown():
    one = gaussian(64, 8, 0)  # some 7,000 nodes
    for limits in (Limits(regions=5), Limits(seconds=1e-9), Limits(memory=1)):
        answer = is_injective(one, Space(8), limits=limits)
        assert answer.status is Status.UNKNOWN
        assert "limit on" in answer.reason
        with pytest.raises(UnknownAnswerError, match="unknown"):
            bool(answer)
    assert is_injective(one, Space(8)).proved


def test_bad_input_is_named():
    with pytest.raises(TypeError, match=r"polyrelu\.Network or Layer"):
        is_injective(np.eye(2))
    with pytest.raises(DomainError, match="dimension 3"):
        is_injective(layer(np.eye(2)), Space(3))
    with pytest.raises(DomainError, match="must be a Box"):
        is_injective(layer(np.eye(2)), "everywhere")
    with pytest.raises(DomainError, match="empty"):
        is_injective(layer(np.eye(1)), Polytope([[1], [-1]], [-1, -1]))


def forged(one: Layer, domain, rank: int, records, *constraints) -> LayerCertificate:
    table = np.array(records, dtype=np.int32)
    units = tuple(range(one.out_features))
    return LayerCertificate(one, domain, rank, table, units, constraints)


@pytest.mark.parametrize(
    ("certificate", "why"),
    [
        # An inequality that is 0 on the whole domain is not strict there.
        (forged(layer([[0.0, 0]]), Box([0, 0], [1, 0]), 1, [[0, 1, 0, 0]],
                Constraint("domain", 2)), "excludes nothing"),
        (forged(layer([[0.0, 0]]), Polytope([[0, 0], [1, 0]], [0, 1]), 2, [[0, 1, 0, 0, 0]],
                Constraint("domain", 0)), "excludes nothing"),
        (forged(layer([[1.0]]), Box(0, 1, dim=1), 1, [[0, 1, 0, 0]], Constraint("domain", 7)),
         "no inequality 7"),
        # A boundary that is counted from the end: "one ReLU is injective".
        (forged(layer([[1.0]]), Space(1), 1, [[1, 0, 1, 0], [0, 2, 0, 3]],
                Constraint("unit", 0, -1), Constraint("unit", 0, 0)), "boundary|does not say"),
        # A layer of two inputs on a line: x + y.
        (forged(layer([[1.0, 1]], units=identity()), Space(1), 1, [[1, 0, 0]]), "takes 2 inputs"),
    ],
)  # fmt: skip
def test_forged_certificates_are_refused(certificate, why):
    with pytest.raises(VerificationError, match=why):
        check_injectivity(certificate)


def test_forged_unit_numbers_and_layers_are_refused():
    mixed = Layer([Affine([[0.0], [1.0]], [0, 0])], [identity(), relu()])
    assert not is_injective(mixed)
    wrong = LayerCertificate(mixed, Space(1), 1, np.array([[1, 0, 0, 0]], np.int32), (-2,), ())
    with pytest.raises(VerificationError, match="no units"):
        check_injectivity(wrong)
    plane = is_injective(layer(np.eye(2), units=identity())).certificate
    line = is_injective(layer([[1.0]], units=identity())).certificate
    with pytest.raises(VerificationError, match="does not take what comes in"):
        check_injectivity(LayerwiseCertificate((plane, line)))
    with pytest.raises(VerificationError, match="no layer"):
        check_injectivity(LayerwiseCertificate(()))
    with pytest.raises(ValueError, match="sample"):
        check_injectivity(plane, sample=0)


def test_witnesses_on_all_of_space_are_of_ordinary_size():
    for seed in range(20):
        answer = is_injective(gaussian(9, 4, seed), Space(4))
        if answer.refuted:
            for point in (answer.witness.x, answer.witness.y):
                assert 1e-3 < max(map(abs, point)) < 1e3
