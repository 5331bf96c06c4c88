"""The page that shows a mesh: self-contained, well-formed, the same mesh, deaf to hostile names."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from test_mesh import gaussian, octahedron

from polyrelu import (
    Box,
    FileFormatError,
    PolyreluError,
    Space,
    boundary_mesh,
    decision_boundary,
)
from polyrelu.viewer import save_html

VOID = {"meta", "input", "br", "link", "img", "source"}


class Reader(HTMLParser):
    """Elements in order; fails where tags do not match."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: dict[int, str] = {}

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        if self.open:
            k = self.open[-1][1]
            self.texts[k] = self.texts.get(k, "") + data

    def of(self, tag, **attrs):
        """Texts of elements."""
        return [
            self.texts.get(k, "")
            for k, (name, found) in enumerate(self.elements)
            if name == tag and attrs.items() <= found.items()
        ]


def read(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    reader.close()
    assert not reader.open
    return reader


def decoded(data, name: str, kind: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(data[name], validate=True), dtype=kind)


@pytest.fixture(scope="module")
def boundary():
    return decision_boundary(gaussian(4, 3, 8, 8, 5), Box(-1, 1, dim=3))


def test_the_data_are_the_mesh(boundary, tmp_path: Path):
    mesh = boundary_mesh(boundary)
    mesh.save(tmp_path / "a.html")
    (text,) = read(tmp_path / "a.html").of("script", type="application/json", id="mesh")
    data = json.loads(text)
    assert (decoded(data, "vertices", "<f8").reshape(-1, 3) == mesh.vertices).all()
    sizes, corners = decoded(data, "sizes", "<u4"), decoded(data, "corners", "<u4")
    parts = np.split(corners, np.cumsum(sizes)[:-1])
    assert tuple(tuple(p.tolist()) for p in parts) == mesh.polygons
    assert (decoded(data, "pieces", "<i4") == mesh.piece_of).all()
    schemes = {s["label"]: s for s in data["schemes"]}
    assert (decoded(data, schemes["component"]["array"], "<i4") == mesh.components()).all()
    names = schemes["class pair"]["names"]
    pair_of = decoded(data, schemes["class pair"]["array"], "<i4")
    told = [names[k] for k in pair_of.tolist()]
    assert told == [f"class {a} | class {b}" for a, b in mesh.classes.tolist()]
    assert (np.diff(np.bincount(pair_of)) <= 0).all()  # the most frequent first
    assert np.allclose(decoded(data, "normals", "<f4").reshape(-1, 3), mesh.normals, atol=1e-6)
    assert np.allclose(decoded(data, "areas", "<f4"), mesh.areas(), rtol=1e-6)


def test_nothing_is_loaded_and_only_our_script_may_run(boundary, tmp_path: Path):
    file = tmp_path / "a.html"
    save_html(boundary, file, title="Five")
    text = file.read_text(encoding="utf-8")
    (data,) = read(file).of("script", id="mesh")
    text = text.replace(data, "")  # base64 may hold anything
    assert not re.search(r"(?:https?:)?//[a-z0-9]", text, re.IGNORECASE)
    assert not re.search(r"@import|url\(|fetch\(|XMLHttp|WebSocket|import\(|\beval\b", text)
    assert "{{" not in re.sub(r"<script>.*</script>", "", text, flags=re.DOTALL)
    page = read(file)
    for tag, attributes in page.elements:
        assert tag not in ("link", "iframe", "img", "object", "base")
        assert not {"src", "href", "action"} & attributes.keys()
        assert not any(name.startswith("on") for name in attributes)
    scripts = [
        page.texts[k]
        for k, (tag, found) in enumerate(page.elements)
        if tag == "script" and "type" not in found
    ]
    assert len(scripts) == 1
    (policy,) = (
        found["content"] for tag, found in page.elements
        if tag == "meta" and found.get("http-equiv") == "Content-Security-Policy"
    )  # fmt: skip
    digest = base64.b64encode(hashlib.sha256(scripts[0].encode()).digest()).decode()
    assert policy.startswith(f"default-src 'none'; script-src 'sha256-{digest}';")


def test_names_are_text(boundary, tmp_path: Path):
    bad = "</script><script>alert('x')</script><!--<img src=x onerror=alert(1)>\"'&{{DATA}}\u2028"
    names = [bad, "bee", "</title>", "<!--<script>", "eel"]
    file = tmp_path / "a.html"
    save_html(boundary, file, title=bad, class_names=names)
    page = read(file)
    assert page.of("title") == page.of("h1") == [bad]
    assert sum(tag == "script" for tag, _ in page.elements) == 2
    assert not any(tag == "img" for tag, _ in page.elements)
    (text,) = page.of("script", id="mesh")
    assert not set("<>&") & set(text)
    told = "".join(json.loads(text)["schemes"][0]["names"])
    assert all(name in told for name in names)
    assert bad in page.of("td")


def test_numbers_stand_in_the_page(tmp_path: Path):
    """For who cannot see the picture, or has no script."""
    file = tmp_path / "a.html"
    save_html(decision_boundary(octahedron(), Space(3)), file)
    page = read(file)
    assert page.of("h1") == ["Decision boundary"]
    facts = dict(zip(page.of("th", scope="row"), page.of("td"), strict=False))
    assert facts == {
        "polygons": "8", "edges": "12", "vertices": "6", "components": "1",
        "Euler characteristic": "2", "area": "6.9282", "watertight": "yes",
    }  # fmt: skip
    (canvas,) = (found for tag, found in page.elements if tag == "canvas")
    assert canvas["aria-label"] == "A surface: 8 polygons, 12 edges, 6 vertices, 1 components."
    assert canvas["tabindex"] == "0"
    assert {"≤ 0", "> 0"} <= set(page.of("td"))


def test_empty_and_cut(tmp_path: Path):
    boundary = decision_boundary(octahedron(), Space(3))
    save_html(boundary, tmp_path / "a.html", window=(5, 6))
    (text,) = read(tmp_path / "a.html").of("script", id="mesh")
    assert json.loads(text)["frame"] == [[5] * 3, [6] * 3]
    open_ended = decision_boundary(gaussian(1, 3, 8, 8, 1), Space(3))
    save_html(open_ended, tmp_path / "b.html")
    (text,) = read(tmp_path / "b.html").of("script", id="mesh")
    shown = np.ptp(json.loads(text)["frame"], axis=0).max()
    assert shown < np.ptp(boundary_mesh(open_ended).frame, axis=0).max()


def test_bad_requests(boundary, tmp_path: Path):
    mesh = boundary_mesh(boundary)
    with pytest.raises(FileFormatError, match=r"\.html files, not '\.htm'"):
        save_html(mesh, tmp_path / "a.htm")
    with pytest.raises(PolyreluError, match="window= is for a boundary"):
        save_html(mesh, tmp_path / "a.html", window=(0, 1))
    for what in (mesh, boundary):
        with pytest.raises(PolyreluError, match="5 names, not 2"):
            save_html(what, tmp_path / "a.html", class_names=["a", "b"])
    assert not list(tmp_path.iterdir())
    save_html(mesh, tmp_path / "a.html", class_names="vwxyz")
    assert "v" in read(tmp_path / "a.html").of("td")
