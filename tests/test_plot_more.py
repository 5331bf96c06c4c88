"""Pictures of graphs, solids, walks and training: what is drawn is what there is."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from test_plot import network
from test_viewer import decoded, read

import polyrelu as pr
from polyrelu.boundary_colors import STRONG
from polyrelu.cli import main
from polyrelu.region_colors import FILLS, WALLS, witness_classes
from polyrelu.solids import region_mesh

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib.collections import LineCollection, PathCollection  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from polyrelu.plot import (  # noqa: E402
    plot_graph,
    plot_regions,
    plot_solids,
    plot_walk,
    save_html,
    save_training,
)


@pytest.fixture
def ax():
    return Figure().subplots()


@pytest.fixture(scope="module")
def plane() -> pr.RegionGraph:
    return pr.regions(network(2, 8, 6, 3), pr.Box(-1, 1, dim=2))


@pytest.fixture(scope="module")
def solid() -> pr.RegionGraph:
    return pr.regions(network(3, 5, 4, 2), pr.Box(-1, 1, dim=3))


def segments(ax) -> int:
    return sum(len(c.get_segments()) for c in ax.collections if isinstance(c, LineCollection))


def dots(ax) -> np.ndarray:
    (found,) = (c for c in ax.collections if isinstance(c, PathCollection))
    return np.asarray(found.get_offsets())


# --- the decision boundary and ranges of colours -------------------------------------------------


def test_the_boundary_can_lie_on_any_colour(plane: pr.RegionGraph, ax) -> None:
    by_class = segments(plot_regions(plane, walls=False, ax=ax))
    assert by_class > 0
    for color in ("gradient", "pattern", "none"):
        ax = Figure().subplots()
        assert segments(plot_regions(plane, color=color, walls=False, ax=ax)) == 0
        ax = Figure().subplots()
        drawn = plot_regions(plane, color=color, walls=False, boundary=True, ax=ax)
        assert segments(drawn) == by_class
    bare = plot_regions(plane, walls=False, boundary=False, ax=Figure().subplots())
    assert segments(bare) == 0


def test_the_ends_of_the_colours_can_be_given(plane: pr.RegionGraph) -> None:
    fixed = plot_regions(plane, color="degree", color_range=(0, 40))
    assert fixed.figure.axes[1].get_ylim() == (0, 40)


def seen_as(matrix, color: str) -> np.ndarray:
    """A colour in Lab as somebody sees it whose vision the matrix simulates."""
    rgb = np.array([int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(matrix @ linear, 0, 1) / [0.9505, 1, 1.089]
    f = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


# Machado, Oliveira, Fernandes 2009, severity 1.0
VISION = {
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                     [-0.011820, 0.042940, 0.968881]],
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                   [-0.003882, -0.048116, 1.051998]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602],
                   [0.004733, 0.691367, 0.303900]],
}  # fmt: skip


@pytest.mark.parametrize("colors", [FILLS, WALLS, STRONG])
@pytest.mark.parametrize("vision", VISION)
def test_colours_are_told_apart_without_red_green_or_blue(colors, vision) -> None:
    lab = np.array([seen_as(np.array(VISION[vision]), c) for c in colors])
    apart = np.linalg.norm(lab[:, None] - lab[None], axis=2) + 99 * np.eye(len(lab))
    assert apart.min() > 10


# --- graphs --------------------------------------------------------------------------------------


@pytest.mark.parametrize("layout", ["plane", "spring", "spectral"])
def test_a_dot_for_each_region_and_a_line_for_each_wall(layout, plane, ax) -> None:
    plot_graph(plane, layout=layout, color="degree", ax=ax)
    at = dots(ax)
    assert at.shape == (len(plane), 2)
    assert segments(ax) == plane.n_walls
    drawn = [s for c in ax.collections if isinstance(c, LineCollection) for s in c.get_segments()]
    expected = {frozenset(map(tuple, at[[i, j]].tolist())) for i, j in plane.edges()}
    assert {frozenset(map(tuple, s.tolist())) for s in drawn} == expected


def test_dots_of_a_plane_lie_in_their_regions(plane: pr.RegionGraph, ax) -> None:
    plot_graph(plane, ax=ax)
    assert (plane.locate(dots(ax)) == np.arange(len(plane))).all()


def test_walls_name_a_threshold_that_flips_there(plane: pr.RegionGraph) -> None:
    edges, thresholds = plane.walls()
    for (i, j), t in zip(edges.tolist(), thresholds.tolist(), strict=True):
        assert t in plane.flips(i, j)


@pytest.mark.parametrize("n", [1, 2, 3])
def test_tiny_graphs_and_own_positions(n: int, ax) -> None:
    line = pr.Network.from_layers([(np.ones((n, 1)), -np.arange(n)), (np.ones((1, n)), [0])])
    graph = pr.regions(line, pr.Box(-0.5, n, dim=1))
    assert len(graph) == n + 1
    plot_graph(graph, ax=ax)
    own = np.arange(2.0 * len(graph)).reshape(-1, 2)
    assert (dots(plot_graph(graph, layout=own, ax=Figure().subplots())) == own).all()


def test_bad_layouts(plane, solid, ax) -> None:
    with pytest.raises(pr.PolyreluError, match="layout must be one of"):
        plot_graph(plane, layout="circle", ax=ax)
    with pytest.raises(pr.PolyreluError, match=r"layout must have shape \(\d+, 2\)"):
        plot_graph(plane, layout=np.zeros((3, 2)), ax=ax)
    with pytest.raises(pr.DomainError, match="needs two coordinates"):
        plot_graph(solid, layout="plane", ax=ax)
    with pytest.raises(pr.PolyreluError, match="needs two coordinates, not 3"):
        plot_graph(solid, color="direction", output=0, ax=ax)
    with pytest.raises(pr.PolyreluError, match="finite numbers"):
        plot_graph(plane, color=np.full(len(plane), np.nan), ax=ax)


# --- solids --------------------------------------------------------------------------------------


def test_each_region_is_a_closed_solid_of_its_facets(solid: pr.RegionGraph) -> None:
    mesh = region_mesh(solid, gap=0.0)
    assert mesh.watertight
    assert len(mesh) == len(solid.facets)
    assert mesh.euler_characteristic == 2 * len(solid)
    assert int(mesh.components().max()) + 1 == len(solid)
    for region in solid:
        own = np.unique(np.concatenate(
            [p for p, i in zip(mesh.polygons, mesh.piece_of, strict=True) if i == region.index]
        ))  # fmt: skip
        corners = mesh.vertices[own]
        assert {tuple(v) for v in corners.tolist()} == {
            tuple(v) for v in region.vertices().tolist()
        }
    assert (mesh.classes[:, 0] == witness_classes(solid)[mesh.piece_of]).all()
    behind = np.array([pair[0][1] for pair in mesh.regions])
    assert (behind == solid.neighbor).all()


def test_normals_of_solids_point_outwards_and_gaps_shrink(solid: pr.RegionGraph) -> None:
    whole, apart = region_mesh(solid, gap=0.0), region_mesh(solid, gap=0.25)
    for mesh in (whole, apart):
        for polygon, normal, i in zip(mesh.polygons, mesh.normals, mesh.piece_of, strict=True):
            own = [q for q, k in zip(mesh.polygons, mesh.piece_of, strict=True) if k == i]
            middle = mesh.vertices[np.unique(np.concatenate(own))].mean(axis=0)
            assert (mesh.vertices[polygon[0]] - middle) @ normal > 0
    assert np.allclose(apart.areas(), 0.75**2 * whole.areas())


def test_a_page_of_solids_holds_what_colours_them(solid: pr.RegionGraph, tmp_path: Path) -> None:
    file = tmp_path / "solids.html"
    save_html(solid, file, title="S & T")
    page = read(file)
    assert page.of("h1") == ["S & T"]
    (text,) = page.of("script", id="mesh")
    data = json.loads(text)
    schemes = {s["label"]: s for s in data["schemes"]}
    of = {label: decoded(data, s["array"], "<i4") for label, s in schemes.items() if "array" in s}
    owner = np.repeat(np.arange(len(solid)), np.diff(solid.indptr))
    assert (of["region"] == owner).all()
    assert (of["neighbours"] == solid.degrees[owner]).all()
    assert (of["thresholds exceeded"] == solid.patterns.sum(axis=1)[owner]).all()
    layers = [schemes["layer of the wall"]["names"][k] for k in of["layer of the wall"]]
    expected = [
        "the domain's boundary" if f < 0 else f"wall of layer {solid.network.thresholds[f][0]}"
        for f in solid.facets.tolist()
    ]
    assert layers == expected
    assert data["frame"] == [[-1] * 3, [1] * 3]


@pytest.mark.parametrize("color", ["class", "pattern", "gradient", "degree"])
def test_solids_can_be_drawn(color, solid: pr.RegionGraph, tmp_path: Path) -> None:
    plot_solids(solid, color=color).figure.savefig(tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 20_000


def test_what_is_no_solid(plane, solid, ax) -> None:
    with pytest.raises(pr.DomainError, match="three coordinates, not 2"):
        plot_solids(plane)
    with pytest.raises(pr.DomainError, match="bounded domain"):
        plot_solids(pr.regions(network(3, 3, 1), pr.Space(3)))
    with pytest.raises(pr.PolyreluError, match="gap must be"):
        plot_solids(solid, gap=1.0)
    with pytest.raises(pr.PolyreluError, match='projection="3d"'):
        plot_solids(solid, ax=ax)


def test_the_command_draws_solids(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    pr.save_network(network(3, 3, 2), "net.npz")
    pr.save_network(network(4, 3, 2), "four.npz")
    for name in ("a.png", "a.html"):
        assert main(["plot", "net.npz", "--box=-1,1", "--color=active", "-o", name]) == 0
    assert read(tmp_path / "a.html").of("h1") == ["net.npz"]
    assert (tmp_path / "a.png").stat().st_size > 10_000
    wrong = (["net.npz", "--window=0,1"], ["net.npz", "--axes=0,1", "-o", "b.html"],
             ["net.npz", "--color=direction"], ["four.npz"])  # fmt: skip
    for options in wrong:
        assert main(["plot", *options, "--box=-1,1"]) == 2
    assert len(capsys.readouterr().err.splitlines()) == len(wrong)


# --- walks ---------------------------------------------------------------------------------------


def test_a_walk_is_split_where_bits_flip(plane: pr.RegionGraph, ax) -> None:
    path = pr.activation_path(plane.network, [[-0.9, -0.8], [0.9, 0.7], [-0.8, 0.9]])
    plot_walk(plane, path, walls=False, ax=ax)
    assert segments(ax) == len(path) + 1  # the corner lies within a piece
    (bits,) = (line for line in ax.lines if line.get_label() == "bits flip")
    at = np.column_stack(bits.get_data())
    exact = [[float(v) for v in path.exact_point(k)] for k in range(len(path) - 1)]
    assert np.allclose(at, exact)


def test_a_walk_in_a_slice_and_beside_it(ax) -> None:
    net = network(4, 6, 3)
    cut = pr.Slice([0, 0, 0.5, 0.5], np.eye(4)[:2], pr.Box(-1, 1, dim=2))
    graph = pr.regions(net, cut)
    path = pr.activation_path(net, [[-0.5, -0.25, 0.5, 0.5], [1, 0.75, 0.5, 0.5]])
    plot_walk(graph, path, ax=ax)
    (start,) = (line for line in ax.lines if line.get_label() == "start")
    assert np.allclose(start.get_xydata(), [[-0.5, -0.25]])
    beside = pr.activation_path(net, [[0, 0, 0.5, 0.5], [1, 1, 0.5, 0.75]])
    with pytest.raises(pr.DomainError, match="must lie in the plane"):
        plot_walk(graph, beside, ax=Figure().subplots())
    flat = pr.regions(network(2, 4, 1), pr.Box(-1, 1, dim=2))
    with pytest.raises(pr.DomainError, match="has 4 coordinates, the graph 2"):
        plot_walk(flat, path, ax=Figure().subplots())


# --- training ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def trained() -> list[pr.Network]:
    first, last = network(2, 5, 3, seed=1), network(2, 5, 3, seed=2)
    return [
        pr.Network.from_layers(
            [((1 - t) * a.weight + t * b.weight, (1 - t) * a.bias + t * b.bias)
             for a, b in zip(first.layers, last.layers, strict=True)]
        )
        for t in np.linspace(0, 1, 4)
    ]  # fmt: skip


def test_a_gif_has_a_frame_for_each_network(trained, tmp_path: Path) -> None:
    from PIL import Image

    graphs = save_training(trained, tmp_path / "a.gif", pr.Box(-1, 1, dim=2), color="gradient")
    with Image.open(tmp_path / "a.gif") as film:
        assert film.n_frames == len(graphs) == 4
    assert [path.name for path in tmp_path.iterdir()] == ["a.gif"]


def frames_of(film: Path) -> np.ndarray:
    """What a player shows: shape (frames, height, width, 3)."""
    size = (640, 800, 3)
    done = subprocess.run(
        ["ffmpeg", "-v", "error", "-i", film, "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:"],
        capture_output=True, check=True,
    )  # fmt: skip
    assert done.stderr == b""
    return np.frombuffer(done.stdout, np.uint8).reshape(-1, *size).astype(float)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="there is no ffmpeg")
def test_an_mp4_shows_each_network_in_its_turn(trained, tmp_path: Path) -> None:
    from polyrelu.plot.training import _Film

    graphs = save_training(
        trained, tmp_path / "a.mp4", pr.Box(-1, 1, dim=2), color="degree", frames_per_second=2
    )
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]
    shown = frames_of(tmp_path / "a.mp4")
    assert len(shown) == len(graphs) == 4
    film = _Film(list(graphs), "degree", None, True, None, None, None)
    for k in range(4):
        film.show(k, f"step {k}")
        film.figure.canvas.draw()
        drawn = np.asarray(film.figure.canvas.buffer_rgba())[:, :, :3]
        off = np.abs(shown - drawn).mean(axis=(1, 2, 3))
        assert off.argmin() == k
        assert off[k] < 3, "of 255: a codec loses that much, another picture loses more"
    told = subprocess.run(["ffmpeg", "-i", tmp_path / "a.mp4"], capture_output=True, text=True)
    assert "Duration: 00:00:02.00" in told.stderr


def test_without_ffmpeg_the_error_says_what_to_do(trained, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("polyrelu.plot.training.regions", None)  # it is told before the work
    with pytest.raises(pr.MissingExtraError, match=r"install ffmpeg.*\.gif and \.html do without"):
        save_training(trained, tmp_path / "a.mp4", pr.Box(-1, 1, dim=2))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("script", ["echo no such codec >&2; exit 1",
                                    "cat > /dev/null; echo no such codec >&2; exit 1"])  # fmt: skip
def test_an_ffmpeg_that_fails_is_an_error(
    trained, tmp_path: Path, monkeypatch, script: str
) -> None:
    program = tmp_path / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    (tmp_path / "film").mkdir()
    with pytest.raises(pr.PolyreluError, match=r"ffmpeg could not write .*a\.mp4 .*\.gif"):
        save_training(trained, tmp_path / "film" / "a.mp4", pr.Box(-1, 1, dim=2))
    assert not list((tmp_path / "film").iterdir())


def test_a_page_with_a_slider_says_what_each_frame_is(trained, tmp_path: Path) -> None:
    names = [f"<epoch {k}>" for k in range(4)]
    limits = pr.Limits(regions=5)
    graphs = save_training(trained, tmp_path / "a.html", pr.Box(-1, 1, dim=2), labels=names,
                           title="<b>", limits=limits)  # fmt: skip
    page = read(tmp_path / "a.html")
    assert page.of("h1") == ["<b>"]
    (text,) = page.of("script", id="frames")
    data = json.loads(text)
    assert len(data["frames"]) == 4
    for label, name, graph in zip(data["labels"], names, graphs, strict=True):
        assert label.startswith(f"{name}: {len(graph)} regions")
        assert not graph.complete
        assert "(incomplete: regions)" in label
    sizes = set()
    for frame in data["frames"]:
        png = base64.b64decode(frame.removeprefix("data:image/png;base64,"))
        sizes.add(png[16:24])  # width and height
    assert len(sizes) == 1


def test_frames_share_window_and_range(trained) -> None:
    from polyrelu.plot.training import _enumerated, _Film

    graphs = _enumerated(trained, pr.Space(2), None, None)
    film = _Film(graphs, "degree", None, True, None, None, None)
    shown = []
    for k in range(4):
        film.show(k, "frame")
        shown.append((film.ax.get_xlim(), film.ax.get_ylim(), film.ax.get_position().bounds))
    assert all(a == b for a, b in pairwise(shown))
    degrees = np.concatenate([graph.degrees for graph in graphs])
    assert film.options["color_range"] == (degrees.min(), degrees.max())


def test_bad_films(trained, tmp_path: Path) -> None:
    box = pr.Box(-1, 1, dim=2)
    with pytest.raises(pr.FileFormatError, match=r"\.gif, \.mp4, \.html files, not '\.avi'"):
        save_training(trained, tmp_path / "a.avi", box)
    with pytest.raises(pr.PolyreluError, match="at least one"):
        save_training([], tmp_path / "a.gif", box)
    with pytest.raises(pr.PolyreluError, match=r"network 1 has \(2, 4\)"):
        save_training([trained[0], network(2, 3, 4)], tmp_path / "a.gif", box)
    with pytest.raises(pr.DomainError, match="two coordinates, not 3"):
        save_training([network(3, 3, 4)], tmp_path / "a.gif", pr.Box(-1, 1, dim=3))
    with pytest.raises(pr.PolyreluError, match="labels must be 4"):
        save_training(trained, tmp_path / "a.gif", box, labels=["a"])
    with pytest.raises(pr.PolyreluError, match="frames_per_second"):
        save_training(trained, tmp_path / "a.gif", box, frames_per_second=0)
    assert not list(tmp_path.iterdir())
