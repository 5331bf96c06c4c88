"""Meshes of boundaries: against the pieces' vertices, topology, exact sides; files read back."""

from __future__ import annotations

import pickle
import struct
from collections import Counter
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from networks import network

from polyrelu import (
    Box,
    DomainError,
    FileFormatError,
    IncompleteError,
    Layer,
    Limits,
    Network,
    Polytope,
    Slice,
    Space,
    absolute,
    boundary_mesh,
    decision_boundary,
    identity,
    relu,
)
from polyrelu.network import Affine


def octahedron(radius: float = 1.0) -> Network:
    """|x| + |y| + |z| - radius."""
    return Network.from_layers(
        [(np.eye(3), np.zeros(3)), (np.ones((1, 3)), [-radius])], activation=absolute()
    )


def gaussian(seed: int, *widths: int) -> Network:
    rng = np.random.default_rng(seed)
    return Network.from_layers(
        [
            (rng.normal(size=(b, a)) * np.sqrt(2 / a), rng.normal(size=b) / 2)
            for a, b in pairwise(widths)
        ]
    )


def nasty(seed: int, outputs: int) -> Network:
    """Repeated, opposite, dead, concurrent units."""
    choose = Random(seed)
    net = network(choose, 3, 5)
    weight = [[choose.randint(-3, 3) or 1 for _ in range(net.output_dim)] for _ in range(outputs)]
    head = Affine(weight, [choose.choice([0, 0.5, -0.25]) for _ in range(outputs)])
    return Network((*net.layers, Layer([head], identity())))


def torus() -> Network:
    """||x| + |y| - 2| + |z| - 1/2: a torus with corners."""
    first = ([[1, 0, 0], [0, 1, 0], [0, 0, 1]], [0, 0, 0])
    second = ([[1, 1, 0], [0, 0, 1]], [-2, 0])
    return Network.from_layers([first, second, ([[1, 1]], [-0.5])], activation=absolute())


def rounded(point) -> tuple[float, ...]:
    return tuple(map(float, point))


def polygons_of(mesh) -> list[frozenset[tuple[float, ...]]]:
    return [frozenset(map(tuple, mesh.vertices[list(p)].tolist())) for p in mesh.polygons]


def exact_normal(piece, corners):
    """Of the first corner that is one, in the order of the mesh, from the exact vertices."""
    exact = {rounded(v): v for v in piece.exact_vertices()}
    a, b, c = (exact[tuple(corner)] for corner in corners[:3])
    u, v = ([q - p for p, q in zip(a, other, strict=True)] for other in (b, c))
    return [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]], a


def winners(net: Network, point) -> list[int]:
    y = net.exact(point)[0]
    y = [0, y[0]] if len(y) == 1 else list(y)
    return [k for k, v in enumerate(y) if v == max(y)]


def check(mesh, boundary) -> None:
    """Of an uncut mesh: vertices are those of the pieces, in order, and face to the second class,
    which wins alone on that side."""
    net, graph = boundary.decision.network, boundary.graph
    assert mesh.piece_of.tolist() == list(range(len(boundary)))
    areas, distinct = mesh.areas(), {}
    for k, (polygon, points) in enumerate(zip(mesh.polygons, polygons_of(mesh), strict=True)):
        piece = boundary[k]
        exact = piece.exact_vertices()
        assert len(polygon) == len(set(polygon)) == len(exact)
        assert points == set(map(rounded, exact))
        assert areas[k] == pytest.approx(piece.volume, rel=1e-9)
        for v, x in zip(polygon, mesh.vertices[list(polygon)].tolist(), strict=True):
            distinct.setdefault(v, tuple(x))
        assert tuple(mesh.classes[k].tolist()) == piece.classes
        assert list(mesh.regions[k]) == piece.regions
        if len(points) < len(exact):
            continue  # vertices that float64 does not tell apart
        normal, origin = exact_normal(piece, mesh.vertices[list(polygon)].tolist())
        unit = map(Fraction, mesh.normals[k].tolist())
        assert sum(u * n for u, n in zip(unit, normal, strict=True)) > 0
        for sides in mesh.regions[k]:
            for i, sign, name in zip(sides, (-1, 1), piece.classes, strict=True):
                x = graph.exact_point(i)
                height = sum(n * (p - o) for n, p, o in zip(normal, x, origin, strict=True))
                assert height * sign > 0
                assert winners(net, x) == [name]
    assert sorted(distinct) == list(range(len(mesh.vertices)))


# ---------------------------------------------------------------- shapes that are known


@pytest.mark.parametrize("domain", [Space(3), Box(-2, 2, dim=3), Box(-1, 1, dim=3)])
def test_an_octahedron(domain):
    boundary = decision_boundary(octahedron(), domain)
    mesh = boundary_mesh(boundary)
    check(mesh, boundary)
    assert repr(mesh) == "Mesh(8 polygons, 12 edges, 6 vertices)"
    assert mesh.watertight
    assert mesh.euler_characteristic == 2
    assert mesh.triangles().shape == (8, 3)
    assert mesh.areas().sum() == pytest.approx(4 * 3**0.5)
    assert (mesh.components() == 0).all()
    # outwards: to the class "above 0"
    middle = mesh.vertices[mesh.triangles()].mean(axis=1)
    assert ((middle * mesh.normals).sum(axis=1) > 0).all()


@pytest.mark.parametrize("domain", [Space(3), Box(-4, 4, dim=3)])
def test_a_torus(domain):
    boundary = decision_boundary(torus(), domain)
    assert boundary.betti() == (1, 2, 1, 0)
    mesh = boundary_mesh(boundary)
    check(mesh, boundary)
    assert mesh.watertight
    assert mesh.euler_characteristic == 0


def test_two_components_one_in_the_other():
    shell = Network.from_layers(
        [(np.eye(3), np.zeros(3)), (np.ones((1, 3)), [-2.0]), ([[1.0]], [-1.0])],
        activation=absolute(),
    )
    mesh = boundary_mesh(decision_boundary(shell, Space(3)))
    assert mesh.watertight
    assert mesh.euler_characteristic == 4
    assert Counter(mesh.components().tolist()) == {0: 8, 1: 8}
    assert sorted(set(np.abs(mesh.vertices).sum(axis=1).tolist())) == [1, 3]


def test_where_the_mesh_is_cut_it_has_a_rim():
    boundary = decision_boundary(octahedron(), Space(3))
    mesh = boundary_mesh(boundary, window=([-2, -2, 0.5], [2, 2, 2]))
    assert not mesh.watertight
    assert mesh.euler_characteristic == 1
    assert sorted(mesh.vertices.tolist()) == sorted(
        [[0, 0, 1], [0.5, 0, 0.5], [-0.5, 0, 0.5], [0, 0.5, 0.5], [0, -0.5, 0.5]]
    )
    assert mesh.frame.tolist() == [[-2, -2, 0.5], [2, 2, 2]]
    away = boundary_mesh(boundary, window=(5, 6))
    assert len(away) == len(away.vertices) == len(away.triangles()) == 0
    assert not away.watertight
    assert away.euler_characteristic == 0


def test_a_plane_and_a_cylinder_have_no_vertices_of_their_own():
    plane = Network.from_layers([([[1.0, 2.0, 3.0]], [-1.0])])
    mesh = boundary_mesh(decision_boundary(plane, Space(3)), window=(-1, 1))
    assert mesh.areas().sum() == pytest.approx(3.75 * 14**0.5 / 3)
    assert len(mesh) == 1
    (first, *rest) = octahedron().layers
    flat = np.diag([1.0, 1.0, 0.0])
    cylinder = Network((Layer([Affine(flat, np.zeros(3))], first.units), *rest))
    boundary = decision_boundary(cylinder, Space(3))
    mesh = boundary_mesh(boundary)
    assert len(mesh) == 4
    assert mesh.euler_characteristic == 0  # that of a circle
    cut = boundary_mesh(boundary, window=(-2, 2))
    assert cut.areas().sum() == pytest.approx(4 * 4 * 2**0.5)
    assert cut.vertices.min(axis=0).tolist() == [-1, -1, -2]


# ---------------------------------------------------------------- any network


@pytest.mark.parametrize("seed", range(40))
def test_nasty_networks(seed):
    half = Random(seed).choice([0.5, 1.0, 1.25])
    boundary = decision_boundary(nasty(seed, 1 + seed % 3), Box(-half, half, dim=3))
    check(boundary_mesh(boundary), boundary)


@pytest.mark.parametrize(("seed", "outputs"), [(1, 1), (2, 2), (4, 5)])
def test_gaussian_networks(seed, outputs):
    boundary = decision_boundary(gaussian(seed, 3, 8, 8, outputs), Box(-1, 1, dim=3))
    mesh = boundary_mesh(boundary)
    assert len(mesh) > 10
    check(mesh, boundary)
    # Polygons meet in whole edges: only on the box does an edge lie in one alone.
    sides = mesh._directed()
    edges, times = np.unique(np.sort(sides, axis=1), axis=0, return_counts=True)
    ends = mesh.vertices[edges]
    on_box = ((np.abs(ends) == 1).all(axis=1) & (ends[:, 0] == ends[:, 1])).any(axis=1)
    assert ((times == 1) == on_box).all()
    assert times.max() == (3 if outputs > 2 else 2)  # three classes meet in an edge


@pytest.mark.parametrize("seed", range(30))
def test_a_window_is_a_box(seed):
    """Cut by a window, or enumerated in that box: the same polygons."""
    net = nasty(seed, 1) if seed % 2 else gaussian(seed, 3, 6, 4, 1 + 2 * (seed % 4 == 0))
    low, high = np.array([-1.0, -0.75, -2.0]), np.array([1.0, 1.5, 0.5])
    inside = boundary_mesh(decision_boundary(net, Box(low, high)))
    cut = boundary_mesh(decision_boundary(net, Space(3)), window=(low, high))
    # A piece that lies in a side of the window is no wall of the box's regions.
    kept = [
        p for p in polygons_of(cut)
        if not any({v[i] for v in p} == {end} for i in range(3) for end in (low[i], high[i]))
    ]  # fmt: skip
    assert Counter(kept) == Counter(polygons_of(inside))


@pytest.mark.parametrize("seed", range(30))
def test_by_default_a_cut_mesh_has_the_shape_of_the_whole(seed):
    net = nasty(seed, 1) if seed % 2 else gaussian(seed, 3, 6, 4, 1)
    boundary = decision_boundary(net, Space(3))
    # Without ties, and points or edges that are no part of a piece
    far = any(abs(v) > 1e300 for face in boundary.complex.faces(0) for p in face.exact_vertices()
              for v in p)  # fmt: skip
    if far:
        with pytest.raises(DomainError, match="beyond the range of float64"):
            boundary_mesh(boundary)
        return
    mesh = boundary_mesh(boundary)
    cells, top = boundary.complex, len(boundary.winners) - 1
    kept = [{i for i, w in enumerate(row) if w & (w - 1)} for row in boundary.winners]
    pure = not kept[top] and all(
        kept[k] <= {f for i in kept[k + 1] for f in cells.boundary[k + 1][i]}
        for k in range(top - 1)
    )
    if pure:
        assert mesh.euler_characteristic == boundary.euler_characteristic
    assert len(mesh) == len(boundary)


def test_slices_and_polytopes():
    net = gaussian(3, 6, 8, 1)
    where = Slice(np.zeros(6), np.eye(6)[:3], Box(-1, 1, dim=3))
    boundary = decision_boundary(net, where)
    check(boundary_mesh(boundary), boundary)
    corner = Polytope([[-1, 0, 0], [0, -1, 0], [0, 0, -1], [1, 1, 1]], [0, 0, 0, Fraction(4, 3)])
    boundary = decision_boundary(octahedron(), corner)
    mesh = boundary_mesh(boundary)
    check(mesh, boundary)
    assert len(mesh) == 1
    assert mesh.frame.tolist() == [[0, 0, 0], [4 / 3] * 3]
    half = decision_boundary(octahedron(), Polytope([[0, 0, -1]], [-0.5]))
    assert len(boundary_mesh(half)) == 4


def test_where_the_boundary_only_touches_and_where_it_is_thick():
    fold = Network.from_layers([([[1.0, 0, 0]], [0.0]), ([[1.0]], [0.0])], activation=absolute())
    mesh = boundary_mesh(decision_boundary(fold, Box(-1, 1, dim=3)))
    assert mesh.classes.tolist() == [[1, 1]]
    thick = Network.from_layers([([[1.0, 0, 0]], [0.0])], output_activation=relu())
    assert len(boundary_mesh(decision_boundary(thick, Box(-1, 1, dim=3)))) == 0


def test_a_mesh_can_be_pickled():
    mesh = boundary_mesh(decision_boundary(octahedron(), Space(3)))
    assert len(mesh.edges()) == len(pickle.loads(pickle.dumps(mesh)).edges())  # noqa: S301
    with pytest.raises(ValueError, match="read-only"):
        mesh.vertices[0] = 0


# ---------------------------------------------------------------- files


@pytest.fixture(scope="module")
def mesh():
    return boundary_mesh(decision_boundary(gaussian(1, 3, 8, 8, 3), Box(-1, 1, dim=3)))


def read_ply(data: bytes):
    """By what the header says, and nothing else."""
    head, body = data.split(b"end_header\n", 1)
    lines = head.decode("ascii").splitlines()
    assert lines[:2] == ["ply", "format binary_little_endian 1.0"]
    codes = {"double": "d", "int": "i", "uchar": "B", "uint": "I"}
    elements: list = []
    for word, *rest in map(str.split, lines[2:]):
        if word == "element":
            elements.append((rest[0], int(rest[1]), []))
        elif word == "property":
            elements[-1][2].append(rest)
    at, tables = 0, {}
    for name, count, properties in elements:
        rows = []
        for _ in range(count):
            row = {}
            for kind, *rest in properties:
                if kind == "list":
                    length, code = codes[rest[0]], codes[rest[1]]
                    (n,) = struct.unpack_from(f"<{length}", body, at)
                    at += struct.calcsize(f"<{length}")
                    row[rest[2]] = struct.unpack_from(f"<{n}{code}", body, at)
                    at += struct.calcsize(f"<{n}{code}")
                else:
                    (row[rest[0]],) = struct.unpack_from(f"<{codes[kind]}", body, at)
                    at += struct.calcsize(f"<{codes[kind]}")
            rows.append(row)
        tables[name] = rows
    assert at == len(body)
    return tables


def test_ply(mesh, tmp_path: Path):
    mesh.save(tmp_path / "a.ply")
    tables = read_ply((tmp_path / "a.ply").read_bytes())
    assert [[v[c] for c in "xyz"] for v in tables["vertex"]] == mesh.vertices.tolist()
    faces = tables["face"]
    assert tuple(f["vertex_indices"] for f in faces) == mesh.polygons
    assert [f["piece"] for f in faces] == mesh.piece_of.tolist()
    assert [[f["first_class"], f["second_class"]] for f in faces] == mesh.classes.tolist()


def test_obj(mesh, tmp_path: Path):
    mesh.save(str(tmp_path / "a.OBJ"))
    vertices, faces, group = [], {}, None
    for line in (tmp_path / "a.OBJ").read_text().splitlines():
        word, *rest = line.split()
        if word == "v":
            vertices.append(list(map(float, rest)))
        elif word == "g":
            (group,) = rest
        elif word == "f":
            faces[tuple(int(v) - 1 for v in rest)] = group
    assert vertices == mesh.vertices.tolist()
    assert faces == {
        p: f"classes_{a}_{b}" for p, (a, b) in zip(mesh.polygons, mesh.classes, strict=True)
    }


def test_stl(mesh, tmp_path: Path):
    mesh.save(tmp_path / "a.stl")
    data = (tmp_path / "a.stl").read_bytes()
    assert not data.startswith(b"solid")  # that would say: text
    (n,) = struct.unpack_from("<I", data, 80)
    assert len(data) == 84 + 50 * n
    rows = [struct.unpack_from("<12fH", data, 84 + 50 * k) for k in range(n)]
    corners = np.array([r[3:12] for r in rows]).reshape(n, 3, 3)
    assert (corners == mesh.vertices[mesh.triangles()].astype(np.float32)).all()
    u, v = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    assert (np.einsum("ij,ij->i", np.cross(u, v), [r[:3] for r in rows]) > 0).mean() > 0.99
    assert n == (mesh.sizes - 2).sum()


def test_a_file_is_whole_or_not_there(mesh, tmp_path: Path, monkeypatch):
    file = tmp_path / "a.ply"
    file.write_text("before")

    def full(self, data):
        self.open("wb").write(data[:10])
        raise OSError("no space left")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="no space"):
        mesh.save(file)
    assert [p.name for p in tmp_path.iterdir()] == ["a.ply"]
    assert file.read_text() == "before"


def test_files_that_cannot_be(mesh, tmp_path: Path):
    with pytest.raises(FileFormatError, match=r"\.ply, \.obj, \.stl, \.html files, not '\.off'"):
        mesh.save(tmp_path / "a.off")
    far = decision_boundary(octahedron(1e39), Box(-1e40, 1e40, dim=3))
    with pytest.raises(FileFormatError, match=r"float32.*\.ply"):
        boundary_mesh(far).save(tmp_path / "a.stl")
    assert not list(tmp_path.iterdir())


# ---------------------------------------------------------------- bad requests


def test_bad_requests():
    plane = decision_boundary(gaussian(0, 2, 4, 1), Box(-1, 1, dim=2))
    with pytest.raises(DomainError, match="three coordinates, not 2"):
        boundary_mesh(plane)
    flat = decision_boundary(gaussian(0, 3, 4, 1), Box([-1, -1, 0], [1, 1, 0]))
    with pytest.raises(DomainError, match="interior"):
        boundary_mesh(flat)
    part = decision_boundary(
        gaussian(0, 3, 12, 12, 1), Box(-1, 1, dim=3), limits=Limits(regions=50)
    )
    with pytest.raises(IncompleteError, match="a mesh needs all regions, but the limit on regions"):
        boundary_mesh(part)
    whole = decision_boundary(octahedron(), Space(3))
    for window, message in [
        (1, r"\(low, high\)"),
        ((1, 2, 3), r"\(low, high\)"),
        ((1, 1), "less than high"),
        ((0, np.inf), "finite"),
        (([0, 0], [1, 1]), "fit together"),
    ]:
        with pytest.raises(DomainError, match=message):
            boundary_mesh(whole, window=window)
