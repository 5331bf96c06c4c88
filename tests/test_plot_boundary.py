"""Pictures of boundaries: exact ends, hatched ties, all of a surface; errors are clear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from test_mesh import gaussian, octahedron

import polyrelu as pr

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib.collections import LineCollection, PolyCollection  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from polyrelu.plot import plot_boundary, save_html  # noqa: E402
from polyrelu.plot.boundary import COLORS  # noqa: E402


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture
def ax3():
    return Figure().add_subplot(projection="3d")


@pytest.fixture(scope="module")
def plane():
    return pr.decision_boundary(gaussian(3, 2, 8, 8, 3), pr.Box(-2, 2, dim=2))


@pytest.fixture(scope="module")
def surface():
    return pr.decision_boundary(gaussian(4, 3, 8, 8, 5), pr.Box(-1, 1, dim=3))


def curves(ax) -> list:
    """What is drawn above all walls and casings."""
    return [c for c in ax.collections if isinstance(c, LineCollection) and c.get_zorder() == 4]


def ends(segments) -> set:
    return {frozenset(map(tuple, np.asarray(s).tolist())) for s in segments}


@pytest.mark.parametrize("color", COLORS)
def test_each_piece_is_a_segment_between_its_vertices(color, plane, ax):
    plot_boundary(plane, color=color, ax=ax)
    (drawn,) = curves(ax)
    assert ends(drawn.get_segments()) == {
        frozenset(map(tuple, p.vertices().tolist())) for p in plane
    }
    assert ax.get_title() == f"{len(plane)} pieces"
    assert len(plane) > 5


def test_regions_are_filled_by_who_wins_and_walls_can_be_left_out(plane, ax):
    plot_boundary(plane, walls=False, class_names=["ant", "bee", "cow"], ax=ax)
    filled = [c for c in ax.collections if isinstance(c, PolyCollection)]
    assert sum(len(c.get_paths()) for c in filled) == len(plane.graph)
    assert len([c for c in ax.collections if isinstance(c, LineCollection)]) == 2
    labels = ax.get_legend_handles_labels()[1]
    assert set(labels) <= {"ant", "bee", "cow", "boundary"}
    assert {t.get_text() for t in ax.texts} <= {"ant", "bee", "cow"}


def test_walls_are_those_of_the_network_alone(plane, ax):
    plot_boundary(plane, ax=ax)
    walls = [c for c in ax.collections if isinstance(c, LineCollection) and c.get_zorder() < 3]
    facets = plane.graph.facets
    owner = np.repeat(np.arange(len(plane.graph)), np.diff(plane.graph.indptr))
    own = (facets >= 0) & (facets < plane.decision.first) & (owner < plane.graph.neighbor)
    assert sum(len(c.get_segments()) for c in walls) == own.sum()


def test_a_window_cuts_the_pieces(ax):
    line = pr.Network.from_layers([([[1.0, -1.0]], [0.0])])
    plot_boundary(pr.decision_boundary(line, pr.Space(2)), window=(-1, 2, -3, 1.5), ax=ax)
    (drawn,) = curves(ax)
    assert ends(drawn.get_segments()) == {frozenset([(-1, -1), (1.5, 1.5)])}
    assert ax.get_xlim() == (-1, 2)


def test_ties_are_hatched_and_what_only_touches_is_dashed(ax):
    half = pr.Network.from_layers([([[1.0, 0.0]], [0.0])], output_activation=pr.relu())
    plot_boundary(pr.decision_boundary(half, pr.Box(-1, 1, dim=2)), ax=ax)
    (tied,) = [c for c in ax.collections if c.get_hatch()]
    assert len(tied.get_paths()) == 1
    assert ax.get_title() == "0 pieces, 1 regions tied"
    assert "tied" in ax.get_legend_handles_labels()[1]
    fold = pr.Network.from_layers(
        [([[1.0, 0.0]], [0.0]), ([[1.0]], [0.0])], activation=pr.absolute()
    )
    other = Figure().subplots()
    plot_boundary(pr.decision_boundary(fold, pr.Box(-1, 1, dim=2)), ax=other)
    (drawn,) = curves(other)
    assert drawn.get_linestyle()[0][1] is not None
    assert "touches" in other.get_legend_handles_labels()[1]


def test_what_was_found_before_a_limit_can_be_drawn(ax):
    net = gaussian(0, 2, 16, 16, 1)
    part = pr.decision_boundary(net, pr.Box(-2, 2, dim=2), limits=pr.Limits(regions=60))
    plot_boundary(part, ax=ax)
    assert "incomplete" in ax.get_title()


@pytest.mark.parametrize("color", COLORS)
def test_a_surface(color, surface, ax3, tmp_path: Path):
    plot_boundary(surface, color=color, ax=ax3)
    assert ax3.get_title() == f"{len(surface)} pieces"
    assert len(ax3.collections) == 1
    ax3.figure.savefig(tmp_path / "a.png")
    pairs = {p.classes for p in surface}
    labels = ax3.get_legend_handles_labels()[1]
    assert len(labels) == {"class": len(pairs), "component": 2}.get(color, 0)


def test_bits_of_a_surface_are_all_of_it(surface):
    from polyrelu.plot.surface import _bits, _divided

    mesh = pr.boundary_mesh(surface)
    corners, owner = _bits(mesh, mesh.vertices, 0.1)
    a, b, c = np.moveaxis(corners, 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2
    assert np.allclose(np.bincount(owner, area, len(mesh)), mesh.areas())
    assert np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max() <= 0.1
    lines = mesh.vertices[mesh.edges()]
    parts = np.linalg.norm(np.diff(_divided(lines, 0.1), axis=1), axis=2)
    assert parts.sum() == pytest.approx(np.linalg.norm(np.diff(lines, axis=1), axis=2).sum())
    assert parts.max() <= 0.1 + 1e-12


def test_lengths_are_equal_unless_that_shows_nothing(ax3, tmp_path: Path):
    net = octahedron()
    wide = pr.Network((pr.Layer([pr.network.Affine(np.diag([1, 1, 1e-3]), np.zeros(3))],
                                net.layers[0].units), *net.layers[1:]))  # fmt: skip
    plot_boundary(pr.decision_boundary(wide, pr.Space(3)), ax=ax3)
    assert np.allclose(ax3._box_aspect, ax3._box_aspect[0])
    assert np.allclose(ax3.get_zlim(), (-1000, 1000))
    ax3.figure.savefig(tmp_path / "a.png")
    flat = pr.Network.from_layers([([[0.0, 0.0, 1.0]], [0.0])])
    other = Figure().add_subplot(projection="3d")
    plot_boundary(pr.decision_boundary(flat, pr.Box(-1, 1, dim=3)), ax=other)
    aspect = other._box_aspect / other._box_aspect[0]
    assert np.allclose(aspect, [1, 1, 0.02])


def test_numbers_colour_pieces(surface, plane, tmp_path: Path):
    for boundary in (surface, plane):
        ax = plot_boundary(boundary, color=[p.volume for p in boundary], walls=False)
        assert len(ax.figure.axes) == 2
        ax.figure.savefig(tmp_path / "a.png")


def test_a_surface_without_end_and_one_that_is_not_there(ax3, tmp_path: Path):
    open_ended = pr.decision_boundary(gaussian(1, 3, 6, 6, 1), pr.Space(3))
    plot_boundary(open_ended, ax=ax3)
    ax3.figure.savefig(tmp_path / "a.png")
    empty = pr.decision_boundary(octahedron(), pr.Box(2, 3, dim=3))
    ax = plot_boundary(empty)
    assert ax.get_title() == "0 pieces"
    ax.figure.savefig(tmp_path / "b.png")
    cut = plot_boundary(pr.decision_boundary(octahedron(), pr.Space(3)), window=(0, 2))
    assert cut.get_title() == "1 pieces"


def test_bad_requests(plane, surface, ax):
    line = pr.decision_boundary(gaussian(0, 1, 4, 1), pr.Box(-1, 1, dim=1))
    flat = pr.decision_boundary(gaussian(0, 3, 4, 1), pr.Box([0, -1, 0], [0, 1, 1]))
    with pytest.raises(pr.DomainError, match="two or three coordinates, not 1"):
        plot_boundary(line)
    with pytest.raises(pr.DomainError, match="interior"):
        plot_boundary(flat)
    with pytest.raises(pr.PolyreluError, match="color must be one of class"):
        plot_boundary(plane, color="colour", ax=ax)
    with pytest.raises(pr.PolyreluError, match=r"numbers, not \(2,\)"):
        plot_boundary(plane, color=[1.0, 2.0], ax=ax)
    with pytest.raises(pr.PolyreluError, match="3 names, not 1"):
        plot_boundary(plane, class_names=["a"], ax=ax)
    for window in ((1, 0, 0, 1), (0, 1), "abcd", (0, 1, 0, np.inf)):
        with pytest.raises(pr.DomainError, match="window must be"):
            plot_boundary(plane, window=window, ax=ax)
    with pytest.raises(pr.PolyreluError, match="projection"):
        plot_boundary(surface, ax=ax)
    part = pr.decision_boundary(
        gaussian(0, 3, 12, 12, 1), pr.Box(-1, 1, dim=3), limits=pr.Limits(regions=50)
    )
    with pytest.raises(pr.IncompleteError, match="all regions"):
        plot_boundary(part)


def test_names_are_found_where_pictures_are(surface, tmp_path: Path):
    assert pr.plot.plot_boundary is plot_boundary
    save_html(surface, tmp_path / "a.html")
    with pytest.raises(AttributeError, match="plot_volume"):
        pr.plot.plot_volume  # noqa: B018


def test_matplotlib_missing_names_the_extra(plane, monkeypatch: pytest.MonkeyPatch):
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(pr.MissingExtraError, match=r"pip install polyrelu\[plot\]"):
        plot_boundary(plane)
