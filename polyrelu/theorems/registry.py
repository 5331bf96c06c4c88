"""The list of claims: those of polyrelu, by subject, and the reader's own."""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Sequence

from ..errors import ClaimError
from ..suggestion import did_you_mean
from .claim import Check, Claim, Hypothesis, Instances, Source

# Modules whose claims make up the list, in its order. They are imported when it is asked for.
SUBJECTS = (
    "counting",
    "averages",
    "degrees",
    "topology",
    "construction",
    "injectivity",
    "injective_networks",
    "gaussian_layers",
    "stability",
    "layer_geometry",
    "folding",
    "separability",
    "similarity",
    "recovery",
    "univariate",
    "paths",
    "gradients",
    "depth",
    "persistence",
    "data",
)

_claims: dict[str, Claim] = {}


def register(claim: Claim) -> Claim:
    """Put a claim on the list.

    Raises:
        ClaimError: its name is taken, or is not lower-case words with hyphens.
    """
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", claim.name):
        raise ClaimError(
            f"a claim's name must be lower-case words with hyphens, not {claim.name!r}"
        )
    if claim.name in _claims:
        raise ClaimError(f"there is a claim {claim.name!r} already")
    _claims[claim.name] = claim
    return claim


def claim(
    name: str,
    statement: str,
    *,
    source: Source | str,
    topic: str,
    instances: Instances,
    hypotheses: Sequence[Hypothesis] = (),
    refuted: str = "",
) -> Callable[[Check], Claim]:
    """Decorates the check of a claim and puts the claim on the list; see :class:`Claim`.

    Raises:
        ClaimError: the name is taken, or is not lower-case words with hyphens.
    """

    def made(check: Check) -> Claim:
        where = Source(source) if isinstance(source, str) else source
        found = Claim(name, statement, where, topic, instances, check, tuple(hypotheses), refuted)
        return register(found)

    return made


def claims(*names: str, topic: str | None = None, paper: str | None = None) -> tuple[Claim, ...]:
    """Those with these names, of this topic, of papers whose name contains ``paper``; default all.
    In the order of the list.

    Raises:
        ClaimError: a name, topic or paper that no claim has.
    """
    for module in SUBJECTS:
        importlib.import_module(f".{module}", __package__)
    for name in names:
        if name not in _claims:
            meant = did_you_mean(name, _claims) or "; see polyrelu theorems --list"
            raise ClaimError(f"there is no claim {name!r}{meant}")
    listed = sorted(_claims.values(), key=_place)
    chosen = [c for c in listed if not names or c.name in names]
    if topic is not None:
        chosen = _those("topic", topic, chosen, lambda c: _words(topic) == _words(c.topic))
    if paper is not None:
        chosen = _those("paper", paper, chosen, lambda c: paper.lower() in c.source.paper.lower())
    return tuple(chosen)


def _place(claim: Claim) -> int:
    """Of its subject; the reader's own come last. Which module was imported first has no say."""
    package, _, module = (claim.check.__module__ or "").rpartition(".")
    own = package != __package__ or module not in SUBJECTS
    return len(SUBJECTS) if own else SUBJECTS.index(module)


def _words(topic: str) -> str:
    return topic.lower().replace("-", " ")


def _those(kind: str, value: str, among: list[Claim], test: Callable[[Claim], bool]) -> list[Claim]:
    kept = [c for c in among if test(c)]
    if not kept:
        have = sorted({c.topic if kind == "topic" else c.source.paper for c in among})
        raise ClaimError(f"no claim has the {kind} {value!r}; there are: {', '.join(have)}")
    return kept
