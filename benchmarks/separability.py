"""Linear separability: LS1 against the program over all pairs, and how all of it grows."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
import numpy.typing as npt

import polyrelu

from .measure import cpu_seconds
from .table import Row, Table

Array = npt.NDArray[np.float64]

AGAINST = ((20, 5), (40, 5), (80, 5), (80, 20), (150, 20))
GROWTH = (
    (500, 20),
    (1000, 20),
    (2000, 20),
    (4000, 20),
    (2000, 2),
    (2000, 5),
    (2000, 50),
    (1000, 100),
)
LS0 = ((10, 2), (100, 2), (1000, 2), (10, 3), (25, 3), (8, 4), (10, 4))
OTHERS = ((200, 2), (1000, 2), (20, 3), (2000, 20))
REPETITIONS = 3


def run(quick: bool) -> Iterator[Table]:
    polyrelu.ls1(*_gaussian(10, 2))
    polyrelu.ls0(*_gaussian(4, 3))
    repetitions = 1 if quick else REPETITIONS
    yield _against_all_pairs(AGAINST[:1] if quick else AGAINST, repetitions)
    yield _growth(GROWTH[:1] if quick else GROWTH, repetitions)
    if importlib.util.find_spec("sklearn") is not None:
        yield _digits(1 if quick else 10)
    yield _enumeration(LS0[:1] if quick else LS0)
    yield _others(OTHERS[:1] if quick else OTHERS)


def _gaussian(n: int, dim: int, gap: float = 0.3) -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(n, dim)) + gap, rng.normal(size=(n, dim))


def _all_pairs(a: Array, b: Array) -> float:
    """LS1 as ``min sum of |t_m| : t_m = <w, m>, <w, s> = 1``, by HiGHS."""
    from scipy.optimize import linprog
    from scipy.sparse import eye_array, hstack

    m = (a[:, None] - b[None]).reshape(-1, a.shape[1])
    n, dim = m.shape
    unit = eye_array(n)
    return 1 / float(
        linprog(
            np.concatenate([np.zeros(dim), np.ones(2 * n)]),
            A_eq=hstack([m, -unit, unit]).tocsr(),
            b_eq=np.zeros(n),
            A_ub=-np.concatenate([m.sum(axis=0), np.zeros(2 * n)])[None],
            b_ub=[-1.0],
            bounds=[(None, None)] * dim + [(0, None)] * (2 * n),
            method="highs",
        ).fun
    )


def _against_all_pairs(cases: tuple[tuple[int, int], ...], repetitions: int) -> Table:
    columns = [
        ("points", "points", ""), ("dim", "dim", "d"), ("pairs", "pairs", ",d"),
        ("ours", "ls1() s", ".3f"), ("theirs", "HiGHS, all pairs s", ".3f"),
        ("ratio", "ratio", ".0f"), ("off", "HiGHS is off by", ".0e"), ("exact", "exact", ""),
    ]  # fmt: skip
    table = Table("LS1, beside the linear program over all pairs", columns)
    for n, dim in cases:
        a, b = _gaussian(n, dim)
        spent = [cpu_seconds(polyrelu.ls1, a, b) for _ in range(repetitions)]
        theirs, value = cpu_seconds(_all_pairs, a, b)
        found = spent[0][1]
        ours = median(seconds for seconds, _ in spent)
        table.rows.append({
            "points": f"2 x {n}", "dim": dim, "pairs": n * n, "ours": ours, "theirs": theirs,
            "ratio": theirs / ours, "off": abs(value - found.value), "exact": _yes(found),
        })  # fmt: skip
    return table


def _growth(cases: tuple[tuple[int, int], ...], repetitions: int) -> Table:
    columns = [
        ("points", "points", ""), ("dim", "dim", "d"), ("pairs", "pairs", ",d"),
        ("s", "s", ".2f"), ("rough", "to a gap of 1e-6 s", ".2f"), ("steps", "Newton steps", "d"),
        ("value", "LS1", ".6f"), ("gap", "gap", ".0e"), ("exact", "exact", ""),
    ]  # fmt: skip
    table = Table("LS1: growth with points and dimension", columns)
    for n, dim in cases:
        a, b = _gaussian(n, dim)
        spent = [cpu_seconds(polyrelu.ls1, a, b) for _ in range(repetitions)]
        rough, _ = cpu_seconds(polyrelu.ls1, a, b, gap=1e-6)
        found = spent[0][1]
        table.rows.append({
            "points": f"2 x {n}", "dim": dim, "pairs": n * n, "s": median(s for s, _ in spent),
            "rough": rough, "steps": found.stats["steps"], "value": found.value,
            "gap": found.high - found.low, "exact": _yes(found),
        })  # fmt: skip
    return table


def _yes(found: polyrelu.SeparabilityMeasure) -> str:
    return "yes" if found.exact is not None else "no"


def _digits(classes: int) -> Table:
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    columns = [
        ("digit", "digit / rest", "d"), ("s", "is_linearly_separable() s", ".2f"),
        ("answer", "answer", ""), ("ls1_s", "ls1() s", ".2f"), ("ls1", "LS1", ".6f"),
    ]  # fmt: skip
    table = Table("1,797 digits in 64 dimensions, one class against the rest", columns)
    for digit in range(classes):
        a, b = x[y == digit], x[y != digit]
        seconds, answer = cpu_seconds(polyrelu.is_linearly_separable, a, b)
        spent, found = cpu_seconds(polyrelu.ls1, a, b)
        touches = answer.refuted and answer.witness.touching is not None
        verdict = "separable" if answer.proved else "touch" if touches else "overlap"
        table.rows.append(
            {"digit": digit, "s": seconds, "answer": verdict, "ls1_s": spent, "ls1": found.value}
        )
    table.notes.append("Every answer is proved in integers.")
    return table


def _enumeration(cases: tuple[tuple[int, int], ...]) -> Table:
    columns = [
        ("points", "points", ""), ("dim", "dim", "d"), ("pairs", "pairs", ",d"),
        ("s", "ls0() s", ".3f"), ("value", "LS0", ".4f"), ("how", "how", ""),
        ("sampled", "best of 10,000 directions", ".4f"), ("sampled_s", "s", ".2f"),
    ]  # fmt: skip
    table = Table("LS0, exactly, beside sampled directions", columns)
    for n, dim in cases:
        a, b = _gaussian(n, dim)
        seconds, found = cpu_seconds(polyrelu.ls0, a, b)
        spent, best = cpu_seconds(_sampled, a, b)
        table.rows.append({
            "points": f"2 x {n}", "dim": dim, "pairs": n * n, "s": seconds, "value": found.value,
            "how": found.method, "sampled": best, "sampled_s": spent,
        })  # fmt: skip
    return table


def _sampled(a: Array, b: Array) -> float:
    w = np.random.default_rng(1).normal(size=(10_000, a.shape[1]))
    return max(float(np.searchsorted(np.sort(b @ v), a @ v).mean()) / len(b) for v in w)


def _others(cases: tuple[tuple[int, int], ...]) -> Table:
    columns = [("points", "points", ""), ("dim", "dim", "d")]
    measures: dict[str, Any] = {
        "LS0": polyrelu.ls0, "LS2": polyrelu.ls2, "ball": polyrelu.ball_degree,
        "directional": polyrelu.directional_separability,
    }  # fmt: skip
    for name in measures:
        columns += [(f"{name}_s", f"{name} s", ".2f"), (f"{name}_gap", "gap", ".0e")]
    table = Table("the other measures, and how far their bounds are apart", columns)
    for n, dim in cases:
        row: Row = {"points": f"2 x {n}", "dim": dim}
        for name, measure in measures.items():
            a, b = _gaussian(n, dim, 4.0 if name == "ball" else 0.3)
            seconds, found = cpu_seconds(measure, a, b)
            row[f"{name}_s"], row[f"{name}_gap"] = seconds, found.high - found.low
        table.rows.append(row)
    table.notes.append("ball: of sets further apart, so that they are separable.")
    return table
