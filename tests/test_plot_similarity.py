"""The picture of a kernel: sorted by class, each class by its gaps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from networks import gaussian_network

import polyrelu as pr

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib.figure import Figure  # noqa: E402

from polyrelu.plot import plot_similarity  # noqa: E402


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    return pr.LabelledFeatures(
        gaussian_network(0, 2, 8), rng.normal(size=(30, 2)), rng.integers(0, 3, 30)
    )


def test_the_matrix_is_sorted_by_class_and_gap(data, ax, tmp_path: Path):
    assert plot_similarity(data, ax=ax) is ax
    found = pr.similarity_gap(data)
    order = np.lexsort([found.relative.mid, data.label])
    kernel = pr.kernel_matrix(data.network, data.points)[np.ix_(order, order)]
    (image,) = ax.images
    assert np.allclose(image.get_array(), kernel / found.scale.high)
    assert image.get_clim() == pytest.approx((-1, 1))
    (side,) = ax.child_axes
    widths = [bar.get_width() for bar in side.patches]
    assert widths == found.relative.mid[order].tolist()
    assert len(ax.lines) == 4
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0", "1", "2"]
    assert f"{found.mean.low:.3g}" in ax.get_title()
    ax.figure.savefig(tmp_path / "a.png")


def test_names_and_no_gaps(data, ax):
    plot_similarity(data, pr.EulerMetric(), gap=False, class_names=["a", "b", "c"], ax=ax)
    assert not ax.child_axes
    assert [t.get_text() for t in ax.get_xticklabels()] == ["a", "b", "c"]
    with pytest.raises(pr.PolyreluError, match="3 names"):
        plot_similarity(data, class_names=["a"], ax=ax)


def test_too_many_points(data, ax, monkeypatch):
    monkeypatch.setattr("polyrelu.plot.similarity.MOST_POINTS", 29)
    with pytest.raises(pr.PolyreluError, match="29 points at most"):
        plot_similarity(data, ax=ax)
