"""Blocks of a search on disk: they come back, or are refused."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest
from stores import PROBLEMS, Trial, tiny

from polyrelu import Box
from polyrelu.engine.assemble import concatenate
from polyrelu.engine.enumerate import Enumeration
from polyrelu.engine.program import compile_network
from polyrelu.errors import FileFormatError
from polyrelu.store.block import inspect_block, read_block, write_block
from polyrelu.store.build import build_store

pytest.importorskip("pyarrow")
pytestmark = pytest.mark.usefixtures(tiny.__name__)


def test_a_block_comes_back(tmp_path):
    for name in PROBLEMS:
        trial = Trial(*PROBLEMS[name]())
        info = write_block(tmp_path / "b.npz", trial.compiled, trial.found)
        block = read_block(tmp_path / "b.npz", trial.compiled, info)
        assert info == inspect_block(tmp_path / "b.npz", trial.compiled)
        assert (info.regions, info.facets) == (len(block.found), len(block.found.facet))
        assert info.open_facets == (block.across == -2).sum()
        whole = concatenate(list(trial.found))
        for column in ("pattern", "witness", "n_facets", "unbounded", "facet", "maybe", "attached",
                       "zero"):  # fmt: skip
            assert getattr(block.found, column).tolist() == getattr(whole, column).tolist()
        assert dict(block.found.exact_witness) == dict(whole.exact_witness)


def test_a_block_of_nothing(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    with pytest.raises(ValueError, match="at least one Found"):
        write_block(tmp_path / "b.npz", trial.compiled, [])
    info = write_block(tmp_path / "b.npz", trial.compiled, [Enumeration(trial.compiled).nothing()])
    assert (info.regions, info.facets, info.open_facets) == (0, 0, 0)
    assert len(read_block(tmp_path / "b.npz", trial.compiled).found) == 0


def test_blocks_of_something_else_are_refused(tmp_path):
    trial, other = Trial(*PROBLEMS["deep"]()), Trial(*PROBLEMS["thin"]())
    path = tmp_path / "b.npz"
    write_block(path, trial.compiled, trial.found)
    with pytest.raises(FileFormatError, match=r"b.npz must be of the network that is searched"):
        read_block(path, other.compiled)
    elsewhere = compile_network(trial.compiled.network, Box(-1, 2, dim=2))
    with pytest.raises(FileFormatError, match=r"b.npz must be of the domain that is searched"):
        read_block(path, elsewhere)
    with pytest.raises(FileFormatError, match=r"b.npz must be of the network"):
        build_store(tmp_path / "s", other.compiled, [path])
    assert path.exists()
    with pytest.raises(FileNotFoundError, match=r"c\.npz"):
        build_store(tmp_path / "s", trial.compiled, [tmp_path / "c.npz"])
    trial.graph.save(tmp_path / "g.npz")
    with pytest.raises(FileFormatError, match="as in a block of regions"):
        read_block(tmp_path / "g.npz", trial.compiled)


def test_a_block_with_a_bit_flipped_or_a_torn_one(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    path = tmp_path / "b.npz"
    info = write_block(path, trial.compiled, trial.found)
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for at in [*rng.integers(0, len(content), 60).tolist(), 0, len(content) - 1]:
        changed = bytearray(content)
        changed[at] ^= 1 << int(rng.integers(8))
        path.write_bytes(changed)
        with pytest.raises(FileFormatError, match=r"b\.npz"):
            read_block(path, trial.compiled, info)
    for length in (0, 1, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        for known in (info, None):
            with pytest.raises(FileFormatError, match=r"b\.npz"):
                read_block(path, trial.compiled, known)


BAD_COLUMNS: dict[str, Callable[[dict], None]] = {
    "a facet too many": lambda a: a["n_facets"].__setitem__(0, a["n_facets"][0] + 1),
    "negative number": lambda a: a.update(n_facets=shifted(a["n_facets"])),
    "no such wall": lambda a: a["facet"].__setitem__(0, 10**6),
    "no such region": lambda a: a["across"].__setitem__(0, len(a["pattern"])),
    "attached to nothing": lambda a: a.update(attached=np.array([[0, 10**6, 5]])),
    "zero nowhere": lambda a: a.update(zero=np.array([[-1, 5]])),
    "thin nowhere": lambda a: a.update(thin=np.array([10**6]), low=np.zeros((1, 2))),
    "not finite": lambda a: a["witness"].__setitem__((0, 0), np.nan),
    "another dimension": lambda a: a.update(witness=a["witness"][:, :1]),
    "another type": lambda a: a.update(facet=a["facet"].astype(np.int64)),
    "a column is missing": lambda a: a.pop("across"),
    "no JSON": lambda a: a.update(header=np.frombuffer(b"{", np.uint8)),
    "version": lambda a: a.update(header=header(a, version=1)),
    "bad witness": lambda a: a.update(header=header(a, exact_witnesses={"0": ["1/0", "1/1"]})),
    "witness of nobody": lambda a: a.update(header=header(a, exact_witnesses={"-1": ["1/1"] * 2})),
}  # fmt: skip


def shifted(n_facets: np.ndarray) -> np.ndarray:
    """As many in all, the first region with -1."""
    changed = n_facets.copy()
    changed[:2] = -1, n_facets[:2].sum() + 1
    return changed


def header(arrays: dict, **changes) -> np.ndarray:
    data = json.loads(arrays["header"].tobytes()) | changes
    return np.frombuffer(json.dumps(data).encode(), np.uint8)


@pytest.mark.parametrize("name", BAD_COLUMNS)
def test_a_hostile_block(tmp_path, name):
    trial = Trial(*PROBLEMS["deep"]())
    path = tmp_path / "b.npz"
    write_block(path, trial.compiled, trial.found)
    arrays = dict(np.load(path))
    BAD_COLUMNS[name](arrays)
    np.savez(path, **arrays)
    with pytest.raises(FileFormatError, match=r"b\.npz"):
        read_block(path, trial.compiled)


def test_blocks_that_are_not_those_of_one_search(tmp_path):
    trial = Trial(*PROBLEMS["deep"]())
    blocks = trial.write(tmp_path / "blocks", 2)
    for some in (
        blocks[:-1],
        blocks[1:],
        [*blocks, blocks[0]],
        [*blocks, *blocks],
        [blocks[0]] * 2,
    ):
        with pytest.raises(FileFormatError, match="the blocks are not"):
            trial.build(tmp_path / "s", some)
    whole = tmp_path / "whole.npz"  # of which no facet is open
    write_block(whole, trial.compiled, trial.found)
    with pytest.raises(FileFormatError, match=r"regions \d+ and \d+ are the same"):
        trial.build(tmp_path / "s", [whole, whole])
    assert all(path.exists() for path in [whole, *blocks])
    infos = [inspect_block(path, trial.compiled) for path in blocks]
    with pytest.raises(FileFormatError, match=r"000000\.npz is damaged: it is not the file"):
        trial.build(tmp_path / "s", blocks, infos=infos[::-1])
