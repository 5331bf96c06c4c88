"""Claims of papers: each runs, each can fail, and limits, seeds and reports do what they say."""

from __future__ import annotations

import json
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binomtest
from scipy.stats import t as student

from polyrelu import ClaimError, Limits, Network, UnknownAnswerError, theorems
from polyrelu.cli import main
from polyrelu.theorems import Claim, Hypothesis, Source, Verdict
from polyrelu.theorems.page import BEGIN, END, insert, markdown
from polyrelu.theorems.statistics import LEVEL

ALL = {claim.name: claim for claim in theorems.claims()}


@pytest.fixture(scope="module")
def quick():
    return {report.claim.name: report for report in theorems.run()}


@pytest.mark.parametrize("name", ALL)
def test_every_claim_has_the_verdict_that_is_expected(quick, name):
    report = quick[name]
    assert report.expected, report.counterexample
    assert report.verdict.against == bool(ALL[name].refuted)
    assert report.verdict not in (Verdict.UNKNOWN, Verdict.DOES_NOT_APPLY)
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


@pytest.mark.parametrize("drawn", [3, (1, 2), ("one", 1, 2), "ab"])
def test_instances_are_named_subjects(drawn):
    claim = made(lambda n, limits: (True, {}), lambda rng, size: [drawn])
    with pytest.raises(ClaimError, match=r"must be \(name, subject\)"):
        list(theorems.reports([claim]))


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


def test_claims_are_chosen_by_topic_and_paper():
    topics = {c.topic for c in theorems.claims(topic="Layer-Geometry")}
    assert topics == {"layer geometry"}
    found = theorems.claims(paper="serra")
    assert "serra-bound" in {c.name for c in found}
    assert all("Serra" in c.source.paper for c in found)
    assert len(theorems.claims("serra-bound", topic="counting", paper="serra")) == 1
    with pytest.raises(ClaimError, match="there are: counting"):
        theorems.claims("serra-bound", topic="folding")


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


# --- a claim of one's own ----------------------------------------------------------------------

OWN = """
from polyrelu import Space, regions, theorems

@theorems.claim("NAME", "A hidden neuron adds a region at least.", source="me", topic="mine",
                instances=theorems.gaussian_networks([(2, 5)]))
def at_least_one(network, limits):
    found = len(theorems.all_regions(network, limits))
    return found > len(network.thresholds), {"regions": found}
"""


@pytest.fixture
def forgotten(monkeypatch):
    """What a test puts on the list is taken off again."""
    from polyrelu.theorems import registry

    monkeypatch.setattr(registry, "_claims", dict(registry._claims))


@pytest.mark.usefixtures("forgotten")
def test_a_claim_of_ones_own_in_a_dozen_lines():
    exec(OWN.replace("NAME", "my-claim"), {})
    (report,) = theorems.run("my-claim", seed=3)
    assert report.verdict is Verdict.HOLDS
    assert report.claim in theorems.claims(topic="mine")
    assert str(report.claim.source) == "me"


# --- averages ----------------------------------------------------------------------------------


@given(st.integers(1, 60), st.floats(0, 1))
@settings(deadline=None, max_examples=60)
def test_proportion_against_scipy(sample, share):
    successes = round(share * sample)
    found = theorems.proportion(successes, sample, 0.5)
    judge = binomtest(successes, sample).proportion_ci(LEVEL, "exact")
    assert found.value == Fraction(successes, sample)
    assert found.low == pytest.approx(judge.low, abs=1e-9)
    assert found.high == pytest.approx(judge.high, abs=1e-9)


def test_mean_by_hand():
    """Of 1, 2, 3, 4: 2.5, deviation sqrt(5/3), Student's quantile with 3 degrees of freedom."""
    found = theorems.mean([1, 2, 3, 4], 2)
    half = student.ppf((1 + LEVEL) / 2, 3) * (5 / 3) ** 0.5 / 2
    assert (found.value, found.high) == (2.5, pytest.approx(2.5 + half))
    assert found.consistent
    assert "approximate" in found.interval


def test_what_an_interval_says_of_bounds():
    values = [10.0, 10.1, 9.9, 10.0] * 20
    assert theorems.mean(values, 10).consistent
    assert not theorems.mean(values, 11).consistent
    assert theorems.mean(values, theorems.at_most(11)).consistent
    assert not theorems.mean(values, theorems.at_most(9)).consistent
    assert theorems.mean(values, theorems.at_least(9)).consistent
    assert not theorems.mean(values, theorems.at_least(11)).consistent


@pytest.mark.parametrize("call", [
    lambda: theorems.proportion(0, 0, 0.5), lambda: theorems.proportion(3, 2, 0.5),
    lambda: theorems.mean([1.0], 1),
])  # fmt: skip
def test_a_sample_must_be_there(call):
    with pytest.raises(ClaimError):
        call()


def test_an_average_is_evidence_and_never_proof(quick):
    kinds = {report.verdict for report in quick.values() if "interval" in str(report.to_dict())}
    assert kinds <= {Verdict.CONSISTENT, Verdict.INCONSISTENT}


# --- plain data, pages -------------------------------------------------------------------------


def test_a_counterexample_can_be_rebuilt_from_plain_data():
    network = theorems.gaussian_network(np.random.default_rng(0), (2, 3))
    data = json.loads(json.dumps(theorems.plain(network)))
    layers = [layer["factors"][0] for layer in data["layers"]]
    again = Network.from_layers([(layer["weight"], layer["bias"]) for layer in layers])
    assert again.hash == network.hash


def test_every_counterexample_is_written_out(quick):
    """Nothing of a subject is left to the ``repr`` of an object."""
    for report in quick.values():
        assert " at 0x" not in json.dumps(report.to_dict())


def test_plain_data():
    value = {
        "a": Fraction(3, 8),
        2: [np.int64(1), np.float64("inf"), True, None],
        "v": Verdict.HOLDS,
    }
    expected = {"a": "3/8", "2": [1, "inf", True, None], "v": "holds"}
    assert theorems.plain(value) == expected


def test_a_page_is_written_between_its_markers(quick):
    reports = [quick["serra-bound"], quick["bias-lemma"], quick["gaussian-threshold"]]
    table = markdown(reports)
    assert "| `serra-bound`: " in table
    assert "`bias-lemma` is false as stated" in table
    assert "claimed >= 1/2" in table
    page = f"before\n{BEGIN}\nstale words\n{END}\nafter\n"
    new = insert(page, table)
    assert new.startswith(f"before\n{BEGIN}\n")
    assert new.endswith(f"{END}\nafter\n")
    assert "stale" not in new
    assert insert(new, table) == new
    for bad in ("", BEGIN, f"{END}{BEGIN}", page + page):
        with pytest.raises(ClaimError, match="once"):
            insert(bad, table)


def test_a_page_says_what_nobody_expected():
    claim = made(lambda n, limits: (n < 2, {}))
    (report,) = theorems.reports([claim])
    assert "fails (UNEXPECTED) (1 of 2)" in markdown([report])
    assert "UNEXPECTED: 1" in markdown([report])


# --- the command -------------------------------------------------------------------------------


def test_the_command_lists_without_running(capsys, tmp_path):
    assert main(["theorems", "--list"]) == 0
    out = capsys.readouterr().out
    for name, claim in ALL.items():
        assert f"{name}  [{claim.topic}]" in out
    assert "FALSE as stated" in out
    assert main(["theorems", "--list", "--json", str(tmp_path / "list.json"), "-q"]) == 0
    listed = json.loads((tmp_path / "list.json").read_text())["claims"]
    names = [claim["name"] for claim in listed]
    assert names[: len(ALL)] == list(ALL)  # those of other tests come last


def test_the_command_prints_a_table(capsys):
    assert main(["theorems", "serra-bound", "bias-lemma"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1].split()[:2] == ["serra-bound", "holds"]
    assert out[2].split()[:3] == ["bias-lemma", "fails,", "known"]
    assert out[-1] == "2 claims; hold: 1; false, as is known: 1"


def test_the_command_writes_json_and_a_page(capsys, tmp_path):
    json_file, page = tmp_path / "out.json", tmp_path / "page.md"
    args = ["theorems", "--topic", "folding", "--seed", "7", "-q"]
    assert main([*args, "--json", str(json_file), "--page", str(page)]) == 0
    assert capsys.readouterr().out == ""
    data = json.loads(json_file.read_text())
    assert {claim["seed"] for claim in data["claims"]} == {7}
    assert page.read_text().startswith("# Claims\n\n`polyrelu theorems --size quick --seed 7`")
    page.write_text(f"# Mine\n{BEGIN}{END}")
    assert main([*args, "--page", str(page)]) == 0
    assert page.read_text().startswith(f"# Mine\n{BEGIN}\n\n`polyrelu theorems")
    assert main(["theorems", "serra-bound", "--json", "-"]) == 0
    assert json.loads(capsys.readouterr().out)["claims"][0]["verdict"] == "holds"


@pytest.mark.usefixtures("forgotten")
def test_the_exit_code_tells(capsys, tmp_path):
    own = tmp_path / "own.py"
    own.write_text(OWN.replace("NAME", "wrong").replace("found >", "found <"))
    assert main(["theorems", "--own", str(own), "wrong"]) == 1
    assert "wrong                                 fails!" in capsys.readouterr().out
    assert main(["theorems", "serra-bound", "--limit-regions", "35"]) == 3
    assert "the limit on regions" in capsys.readouterr().out
    assert main(["theorems", "--limit-seconds", "1e-9"]) == 3


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["no-such-claim"], "there is no claim"),
        (["--topic", "cooking"], "no claim has the topic"),
        (["--own", "missing.py"], "no file"),
        (["--list", "--page", "x.md"], "--list runs nothing"),
        (["--page", "no/such/folder/x.md"], "--page must be a file"),
        (["--json", "no/such/folder/x.json"], "--json must be a file"),
        (["--size", "huge"], "invalid choice"),
    ],
)
def test_wrong_usage(args, message, capsys):
    assert main(["theorems", *args]) == 2
    assert message in capsys.readouterr().err


def test_a_file_of_claims_that_does_not_run_is_an_error(capsys, tmp_path):
    (tmp_path / "own.py").write_text("nonsense(")
    assert main(["theorems", "--own", str(tmp_path / "own.py")]) == 2
    assert "SyntaxError" in capsys.readouterr().err
    (tmp_path / "own.py").write_text("undefined_name")
    assert main(["theorems", "--own", str(tmp_path / "own.py")]) == 2
    assert "NameError" in capsys.readouterr().err


def test_ctrl_c_keeps_what_there_is():
    def check(n, limits):
        if n == 2:
            raise KeyboardInterrupt
        return True, {}

    found = list(theorems.reports([made(check), ALL["serra-bound"]]))
    assert len(found) == 1
    assert [o.verdict for o in found[0].outcomes] == [Verdict.HOLDS, Verdict.UNKNOWN]
    assert "Ctrl-C" in found[0].outcomes[1].reason


def test_ctrl_c_in_a_query_stops_the_list():
    def check(n, limits):
        raise UnknownAnswerError("the answer is unknown (Ctrl-C stopped it after 3 cells)")

    (report,) = theorems.reports([made(check), ALL["serra-bound"]])
    assert [o.verdict for o in report.outcomes] == [Verdict.UNKNOWN]


def test_progress_is_told():
    told = []
    list(
        theorems.reports([made(lambda n, limits: (True, {}))], progress=lambda n, s: told.append(n))
    )
    assert told == [1, 2]
