"""Pictures: the polygons are the regions, classes change where they should, errors are clear."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import polyrelu as pr
from polyrelu.polygons import affine_forms, by_largest_output, centre_and_area, polygons

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib.collections import LineCollection, PolyCollection  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402
from scipy.spatial import KDTree  # noqa: E402

from polyrelu.plot import plot_graph, plot_line, plot_regions, plot_slice  # noqa: E402
from polyrelu.region_colors import COLORS  # noqa: E402


def network(
    *widths: int, seed: int = 0, activation: pr.PiecewiseLinear | None = None
) -> pr.Network:
    rng = np.random.default_rng(seed)
    return pr.Network.from_layers(
        [
            (rng.normal(size=(b, a)) * np.sqrt(2 / a), rng.normal(size=b) * 0.5)
            for a, b in pairwise(widths)
        ],
        activation,
    )


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def graph() -> pr.RegionGraph:
    return pr.regions(network(2, 8, 6, 3), pr.Box(-1, 1, dim=2))


def area(polygon) -> float:
    return centre_and_area(polygon)[2]


def n_polygons(ax) -> int:
    return sum(len(c.get_paths()) for c in ax.collections if isinstance(c, PolyCollection))


def n_lines(ax) -> int:
    return sum(len(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection))


@pytest.mark.parametrize(
    "net",
    [network(2, 8, 6, 3), network(2, 5, 5, 1, activation=pr.hard_tanh()),
     network(2, 6, 2, activation=pr.leaky_relu(0.1))],
)  # fmt: skip
def test_polygons_and_forms_are_those_of_the_exact_regions(net: pr.Network) -> None:
    graph = pr.regions(net, pr.Box([-1, -2], [1, 0.5]))
    forms = affine_forms(graph)
    shapes = polygons(graph, forms.facets, (-1, 1, -2, 0.5))
    for region, shape, outputs in zip(graph, shapes, forms.outputs, strict=True):
        corners = np.array(shape)[:, :2]
        exact = region.vertices()
        assert len(corners) == len(exact)
        assert np.abs(corners[:, None] - exact[None]).max(axis=2).min(axis=1).max() < 1e-9
        assert np.allclose(outputs, np.column_stack(region.affine_map))


def test_parts_of_a_region_have_the_class_of_the_network(graph: pr.RegionGraph) -> None:
    forms = affine_forms(graph)
    total = 0.0
    for shape, outputs in zip(
        polygons(graph, forms.facets, (-1, 1, -1, 1)), forms.outputs, strict=True
    ):
        for kind, part in by_largest_output(shape, outputs):
            x, y, size = centre_and_area(part)
            assert graph.network([x, y]).argmax() == kind
            total += size
    assert total == pytest.approx(4.0)


def test_one_output_is_divided_by_its_sign() -> None:
    square = [(0.0, 0.0, -1), (1.0, 0.0, -1), (1.0, 1.0, -1), (0.0, 1.0, -1)]
    parts = dict(by_largest_output(square, np.array([[1.0, 0.0, -0.25]])))
    assert area(parts[0]) == pytest.approx(0.25)
    assert area(parts[1]) == pytest.approx(0.75)


@pytest.mark.parametrize("color", [c for c in COLORS if c not in ("class", "direction")])
def test_each_region_is_one_polygon_and_each_wall_one_line(color, graph, ax) -> None:
    plot_regions(graph, color=color, ax=ax)
    assert n_polygons(ax) == len(graph)
    assert n_lines(ax) == graph.n_walls


def test_direction_needs_an_output(graph, ax) -> None:
    with pytest.raises(pr.PolyreluError, match="needs output="):
        plot_regions(graph, color="direction", ax=ax)
    plot_regions(graph, color="direction", output=2, walls=False, ax=ax)
    assert n_polygons(ax) == len(graph)
    assert n_lines(ax) == 0


def test_colours_can_be_numbers_and_classes_can_have_names(graph, ax) -> None:
    plot_regions(graph, color=graph.degrees, ax=ax)
    named = plot_regions(graph, class_names=["ant", "bee", "cow"])
    assert {t.get_text() for t in named.texts} <= {"ant", "bee", "cow"}
    assert "class bee" in named.get_legend_handles_labels()[1]
    with pytest.raises(pr.PolyreluError, match="3 names, not 2"):
        plot_regions(graph, class_names=["ant", "bee"], ax=ax)


@pytest.mark.parametrize("seed", [0, 3, 5, 6])
def test_the_name_of_a_class_stands_clear_of_the_others(seed) -> None:
    net = network(2, 16, 16, 3, seed=seed)
    one = pr.Box(-1, 1, dim=2)
    side = np.linspace(-1, 1, 101)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    labels = np.array([net(p) for p in grid]).argmax(axis=1)
    for text in plot_regions(pr.regions(net, one)).texts:
        c = int(text.get_text())
        if (labels == c).all():
            continue
        others = KDTree(grid[labels != c])
        widest = np.minimum(others.query(grid[labels == c])[0], 1 - abs(grid[labels == c]).max(1))
        here = np.asarray(text.get_position())
        assert min(others.query(here)[0], 1 - abs(here).max()) > 0.5 * widest.max()


def test_the_legend_of_a_single_output_tells_its_sign() -> None:
    bent = pr.Network.from_layers([([[1.0, 0.0]], [0.0]), ([[1.0]], [-0.5])])
    one = pr.regions(bent, pr.Box([-1, -1], [2, 1]))
    for ax in (plot_regions(one), plot_graph(one)):
        assert {"output ≤ 0", "output > 0"} <= set(ax.get_legend_handles_labels()[1])
    named = plot_regions(one, class_names=["low", "high"])
    assert {"class low", "class high"} <= set(named.get_legend_handles_labels()[1])


@pytest.mark.parametrize(
    "domain",
    [
        pr.Space(2),
        pr.Polytope([[-1, 0], [0, -1]], [0, 0]),
        pr.Polytope([[1, 1], [-1, 0], [0, -1]], [1, 0, 0]),
        pr.Box([1e9, -1e-9], [1e9 + 1, 1e-9]),
    ],
)
@pytest.mark.parametrize("widths", [(2, 6, 2), (2, 1, 1)])
def test_any_domain_of_the_plane_can_be_drawn(domain, widths, ax, tmp_path: Path) -> None:
    plot_regions(pr.regions(network(*widths), domain), ax=ax)
    ax.figure.savefig(tmp_path / "a.png")
    assert n_polygons(ax) > 0


def test_a_network_without_walls_and_an_incomplete_graph(ax) -> None:
    flat = pr.Network.from_layers([([[1.0, 2.0]], [0.5])])
    plot_regions(pr.regions(flat, pr.Space(2)), ax=ax)
    part = pr.regions(network(2, 16, 16, 1), pr.Box(-1, 1, dim=2), limits=pr.Limits(regions=9))
    assert "incomplete" in plot_regions(part).get_title()


def test_slices_name_their_coordinates(ax) -> None:
    net = network(4, 6, 3)
    plane = pr.Slice([0, 0, 0, 0.5], np.eye(4)[[0, 2]], pr.Box(-1, 1, dim=2))
    plot_slice(net, plane, ax=ax)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("x[0]", "x[2]")
    skew = pr.Slice.through([0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1])
    assert plot_slice(net, skew).get_xlabel() == "t[0]"


@pytest.mark.parametrize("domain", [pr.Box(-1, 1, dim=1), pr.Space(1)])
def test_lines_bend_where_the_walls_are(domain, ax) -> None:
    graph = pr.regions(network(1, 5, 5, 2), domain)
    plot_line(graph, ax=ax)
    bends = ax.lines[0].get_xdata()
    assert len(bends) == graph.n_walls + 2
    assert plot_slice(graph.network, domain, ax=Figure().subplots()).get_ylabel() == "output"


def test_wrong_requests_are_errors(graph, ax) -> None:
    solid = pr.regions(network(3, 4, 1), pr.Box(-1, 1, dim=3))
    line = pr.regions(network(1, 4, 1), pr.Box(-1, 1, dim=1))
    flat = pr.regions(network(2, 4, 1), pr.Box([0, -1], [0, 1]))
    with pytest.raises(pr.DomainError, match="two coordinates, not 3: use plot_solids"):
        plot_regions(solid, ax=ax)
    with pytest.raises(pr.DomainError, match="use plot_line"):
        plot_regions(line, ax=ax)
    with pytest.raises(pr.DomainError, match="interior"):
        plot_regions(flat, ax=ax)
    with pytest.raises(pr.DomainError, match="one coordinate"):
        plot_line(graph, ax=ax)
    with pytest.raises(pr.PolyreluError, match="color must be one of"):
        plot_regions(graph, color="colour", ax=ax)
    with pytest.raises(pr.PolyreluError, match="numbers, not"):
        plot_regions(graph, color=[1.0, 2.0], ax=ax)
    with pytest.raises(pr.PolyreluError, match="output must be 0 to 2"):
        plot_regions(graph, color="gradient", output=3, ax=ax)
    with pytest.raises(pr.DomainError, match="window"):
        plot_regions(graph, window=(1, 0, 0, 1), ax=ax)


def test_matplotlib_missing_names_the_extra(graph, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(pr.MissingExtraError, match=r"pip install polyrelu\[plot\]"):
        plot_regions(graph)
