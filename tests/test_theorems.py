"""Claims of papers: each runs, each can fail, and limits, seeds and reports do what they say."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest

from polyrelu import ClaimError, Limits, theorems
from polyrelu.theorems import Claim, Hypothesis, Source, Verdict

ALL = {claim.name: claim for claim in theorems.claims()}


@pytest.fixture(scope="module")
def quick():
    return {report.claim.name: report for report in theorems.run()}


@pytest.mark.parametrize("name", ALL)
def test_every_claim_has_the_verdict_that_is_expected(quick, name):
    report = quick[name]
    assert report.expected, report.counterexample
    expected = {Verdict.FAILS} if ALL[name].refuted else {Verdict.HOLDS, Verdict.CONSISTENT}
    assert report.verdict in expected
    json.dumps(report.to_dict(), allow_nan=False)


# --- the machinery -----------------------------------------------------------------------------


def made(check, instances=lambda rng, size: [("one", 1), ("two", 2)], **more) -> Claim:
    return Claim(
        "made-up", "Numbers are small.", Source("nobody"), "test", instances, check, **more
    )


def verdict_of(claim: Claim, **options) -> Verdict:
    (report,) = theorems.reports([claim], **options)
    return report.verdict


def test_a_counterexample_is_kept():
    claim = made(lambda n, limits: (n < 2, {"n": Fraction(n, 3)}))
    (report,) = theorems.reports([claim])
    assert report.verdict is Verdict.FAILS
    assert not report.expected
    assert report.counterexample is report.outcomes[1]
    assert report.counterexample.evidence == {"n": "2/3"}
    assert report.to_dict()["outcomes"][1]["subject"] == 2


def test_a_failed_hypothesis_is_not_success():
    odd = Hypothesis("n is odd", lambda n, limits: n % 2 == 1)
    claim = made(lambda n, limits: (True, {}), hypotheses=(odd,))
    (report,) = theorems.reports([claim])
    assert [o.verdict for o in report.outcomes] == [Verdict.HOLDS, Verdict.DOES_NOT_APPLY]
    assert "n is odd" in report.outcomes[1].reason
    never = Hypothesis("n is negative", lambda n, limits: n < 0)
    assert verdict_of(made(lambda n, limits: (True, {}), hypotheses=(never,))) is (
        Verdict.DOES_NOT_APPLY
    )


def test_instances_depend_on_seed_and_name_alone():
    def numbers(rng, size):
        return [("a", rng.normal())]

    claim = made(lambda x, limits: (True, {"x": x}), numbers)
    seen = [list(claim.draw(seed)) for seed in (0, 0, 1)]
    assert seen[0] == seen[1] != seen[2]
    assert seen[0] == list(made(lambda x, limits: (False, {}), numbers).draw(0))


@pytest.mark.parametrize("found", [True, (1, {}), (True, None), None, "yes"])
def test_a_check_must_give_a_verdict_and_evidence(found):
    with pytest.raises(ClaimError, match=r"must return \(True or False, a dict"):
        made(lambda n, limits: found).examine(1)


def test_numpy_booleans_are_verdicts():
    assert made(lambda n, limits: (np.bool_(True), {})).examine(1).verdict is Verdict.HOLDS


def test_a_limit_makes_it_unknown():
    claim = ALL["serra-bound"]
    (report,) = theorems.reports([claim], limits=Limits(regions=35))
    assert report.verdict is Verdict.UNKNOWN
    assert {o.verdict for o in report.outcomes} == {Verdict.HOLDS, Verdict.UNKNOWN}
    assert "the limit on regions" in " ".join(o.reason for o in report.outcomes)
    (report,) = theorems.reports([claim], limits=Limits(seconds=1e-9))
    assert [o.verdict for o in report.outcomes] == [Verdict.UNKNOWN]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"seed": -1}, "seed must be"),
        ({"seed": 1.5}, "seed must be"),
        ({"size": "huge"}, "size must be"),
        ({"topic": "cooking"}, "no claim has the topic"),
        ({"paper": "Nobody"}, "no claim has the paper"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ClaimError, match=message):
        theorems.run(**arguments)


def test_an_unknown_name_is_an_error_that_suggests():
    with pytest.raises(ClaimError, match="did you mean serra-bound"):
        theorems.run("sera-bound")


def test_a_name_must_be_new_and_plain():
    with pytest.raises(ClaimError, match="already"):
        theorems.register(ALL["serra-bound"])
    with pytest.raises(ClaimError, match="lower-case"):
        theorems.claim("Bad name", "", source="x", topic="y", instances=lambda r, s: [])(
            lambda x, limits: (True, {})
        )
