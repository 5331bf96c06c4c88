"""Searches that are stopped at any moment, and go on: nothing lost, nothing twice."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from networks import gaussian_network

from polyrelu import (
    Box,
    FileFormatError,
    Limits,
    PolyreluError,
    Slice,
    Space,
    StoreError,
    count_regions,
    open_store,
    regions,
    save_network,
    store_regions,
)
from polyrelu.activations import identity
from polyrelu.cli import main
from polyrelu.engine import enumerate as enumerate_
from polyrelu.engine.enumerate import Enumeration
from polyrelu.network import Affine, Layer, Network, relu
from polyrelu.search import checkpoint, crew, search
from polyrelu.search.checkpoint import Checkpoint, _checked
from polyrelu.storing import SEARCH

pytest.importorskip("pyarrow")

NET, BOX = gaussian_network(0, 2, 40, 40), Box(-2, 2, dim=2)
N_REGIONS = 2479
# Identity units pass an unbounded direction on, so that auxiliary walls cut regions apart.
MERGED = Network(
    [
        Layer([Affine([[1, 0], [0, 1.0]], [0, 0])], [relu(), identity()]),
        Layer([Affine([[1, 1], [1, -2.0]], [1, 1])], [relu(), relu()]),
    ]
)


@pytest.fixture(autouse=True)
def _divide_early(monkeypatch):
    monkeypatch.setattr(search, "ALONE", 100)
    monkeypatch.setattr(crew, "FEWEST_ON_DISK", 64)


def count(path, **options):
    return count_regions(NET, BOX, checkpoint=path, **options)


def files_of(store: Path) -> dict[str, str]:
    """Name and hash of all that a store consists of, but for what the run took."""
    files = [p for p in store.rglob("*") if p.is_file() and p.name != "manifest.json"]
    return {str(p.relative_to(store)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """A store made in one go, by one task."""
    path = tmp_path_factory.mktemp("stores") / "whole"
    store_regions(NET, BOX, path, workers=1)
    return path


class Killed(BaseException):
    pass


def kill_at(monkeypatch, moment: int, name: str) -> None:
    """Let the process die as a method of the checkpoint is called for the n-th time: before what
    it does, or after, every other time."""
    original = getattr(Checkpoint, name)
    calls = []

    def dying(self, *args):
        calls.append(0)
        if len(calls) == moment and moment % 2:
            raise Killed
        result = original(self, *args)
        if len(calls) == moment:
            raise Killed
        return result

    monkeypatch.setattr(Checkpoint, name, dying)


# ---------------------------------------------------------------- counting


def test_counting_with_a_checkpoint(tmp_path):
    result = count(tmp_path / "run", workers=3)
    assert (result.count, result.complete) == (N_REGIONS, True)
    assert result.stats["splits"] == N_REGIONS - 1
    again = count(tmp_path / "run")  # from the record alone
    assert (again.count, again.complete) == (N_REGIONS, True)
    assert "tasks" not in again.stats


def test_a_count_that_died_again_and_again_goes_on(tmp_path):
    choose = Random(0)
    for _ in range(100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "ALONE", 100)
            patch.setattr(crew, "FEWEST_ON_DISK", 64)
            kill_at(patch, choose.randint(1, 4), "record")
            try:
                result = count(tmp_path, workers=2)
                break
            except Killed:
                pass
    assert (result.count, result.complete) == (N_REGIONS, True)
    assert result.stats["splits"] == N_REGIONS - 1


def test_limits_stop_and_another_call_goes_on(tmp_path):
    for limit in (60, 150, 700, 701, 2000):
        part = count(tmp_path, limits=Limits(regions=limit), workers=2)
        assert (part.count, part.complete, part.stopped_by) == (limit, False, "regions")
    result = count(tmp_path, limits=Limits(regions=N_REGIONS))
    assert (result.count, result.complete) == (N_REGIONS, True)


def test_progress_goes_on_too(tmp_path):
    seen = []
    part = count(tmp_path, limits=Limits(regions=1000))
    whole = count(tmp_path, progress=lambda *now: seen.append(now))
    assert seen[0] >= (1000, 0)
    assert seen == sorted(seen)
    # Regions of earlier runs with their seconds: else the rate would be too high.
    assert 0 < part.stats["volume_share"] < 1
    assert "volume_share" not in whole.stats
    assert part.stats["seconds"] < seen[0][1] <= seen[-1][1] <= whole.stats["seconds"]


KILLED = """
import sys
sys.path[:0] = {path!r}
from networks import gaussian_network
from polyrelu import Box, count_regions, store_regions
from polyrelu.search import crew, search
import time
search.ALONE, crew.FEWEST_ON_DISK = 100, 64
slow = crew.run
def run(*asked):
    time.sleep(0.03)
    return slow(*asked)
crew.run = run
print("begins", flush=True)
net, box = gaussian_network(0, 2, 40, 40), Box(-2, 2, dim=2)
if {store!r}:
    print(len(store_regions(net, box, {target!r})))
else:
    print(count_regions(net, box, checkpoint={target!r}).count)
"""


@pytest.mark.parametrize("store", [False, True])
def test_kill_9(tmp_path, store, whole):
    """For real: a process that is killed as soon as it has written some lines, again and again."""
    here, target = Path(__file__).parent, tmp_path / "run"
    path = [str(here), str(here.parent)]
    journal = target / SEARCH / "journal" if store else target / "journal"
    script = KILLED.format(path=path, store=store, target=str(target))
    kills = 0
    while True:
        before = journal.stat().st_size if journal.exists() else 0
        process = subprocess.Popen(
            [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
        )
        while process.poll() is None and kills < 4:
            if journal.exists() and journal.stat().st_size > before + 500:
                os.kill(process.pid, signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.002)
        told, _ = process.communicate(timeout=120)
        if process.returncode == 0:
            break
        assert process.returncode == -signal.SIGKILL
    assert kills == 4
    assert told.split() == ["begins", str(N_REGIONS)]
    if store:
        assert files_of(target) == files_of(whole)


# ---------------------------------------------------------------- stores


@pytest.mark.parametrize("workers", [1, 3])
def test_a_store_is_the_graph(whole, tmp_path, workers):
    store = store_regions(NET, BOX, tmp_path / "store", workers=workers)
    assert files_of(tmp_path / "store") == files_of(whole)
    graph, kept = regions(NET, BOX), store.to_graph()
    assert graph.packed_patterns.tobytes() == kept.packed_patterns.tobytes()
    assert graph.neighbor.tolist() == kept.neighbor.tolist()
    assert graph.local_witnesses.tobytes() == kept.local_witnesses.tobytes()
    assert store.complete
    assert not (tmp_path / "store" / SEARCH).exists()
    again = store_regions(NET, BOX, tmp_path / "store")
    assert len(again) == N_REGIONS


@pytest.mark.parametrize("name", ["write", "record"])
def test_a_store_that_died_again_and_again(whole, tmp_path, name):
    choose = Random(1)
    for _ in range(100):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(search, "ALONE", 100)
            patch.setattr(crew, "FEWEST_ON_DISK", 64)
            kill_at(patch, choose.randint(1, 4), name)
            try:
                store_regions(NET, BOX, tmp_path, workers=2)
                break
            except Killed:
                pass
    assert files_of(tmp_path) == files_of(whole)


def test_a_store_that_was_stopped_grows(whole, tmp_path):
    for limit in (50, 800):
        part = store_regions(NET, BOX, tmp_path, limits=Limits(regions=limit), workers=2)
        assert (len(part), part.complete, part.stopped_by) == (limit, False, "regions")
        graph = part.to_graph()
        assert graph.verify(sample=20).ok
    store_regions(NET, BOX, tmp_path)
    assert files_of(tmp_path) == files_of(whole)


def test_a_store_of_a_slice_and_of_a_cone(tmp_path):
    net = gaussian_network(3, 5, 20)
    plane = Slice([0.0] * 5, [[1, 0, 0, 0, 0], [0, 1, 2, 0, 0]], Box(-1, 1, dim=2))
    for k, where in enumerate((plane, Space(5))):
        store = store_regions(net, where, tmp_path / str(k), limits=Limits(regions=3000))
        graph = regions(net, where)
        assert len(store) == min(3000, len(graph))
        if store.complete:
            assert store.to_graph().edges().tolist() == graph.edges().tolist()


def test_a_count_that_cannot_be_recorded_says_so(tmp_path, capsys):
    with pytest.raises(PolyreluError, match=r"auxiliary walls.*store_regions"):
        count_regions(MERGED, Space(2), checkpoint=tmp_path / "run")
    save_network(MERGED, tmp_path / "net.npz")
    ask = ["regions", str(tmp_path / "net.npz"), "--count", "-q"]
    assert main([*ask, "--space", "--checkpoint", str(tmp_path / "run")]) == 2
    assert "polyrelu regions --store" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()
    assert main([*ask, "--space"]) == 0
    assert int(capsys.readouterr().out) == len(regions(MERGED, Space(2)))
    assert main([*ask, "--box=-1,1", "--checkpoint", str(tmp_path / "run")]) == 0


def test_files_of_regions_do_not_grow_with_the_search(tmp_path, monkeypatch):
    monkeypatch.setattr(crew, "MOST_ON_DISK", 40)
    monkeypatch.setattr(enumerate_, "BLOCK_REGIONS", 8)
    monkeypatch.setattr(crew, "FEWEST_ON_DISK", 10**6)
    with monkeypatch.context() as stop:
        stop.setattr(crew.Crew, "somebody_waits", False)  # who would take what is not done yet
        store_regions(NET, BOX, tmp_path, workers=1, limits=Limits(regions=1000))
    lines = (tmp_path / SEARCH / "journal").read_bytes().splitlines()[2:]  # after the first task
    found = [json.loads(line.partition(b" ")[2])["regions"] for line in lines]
    assert sum(found) > 800
    assert max(found) <= 48


def test_the_command_line_tells_how_far_a_count_came(tmp_path, capsys):
    save_network(NET, tmp_path / "net.npz")
    ask = ["regions", str(tmp_path / "net.npz"), "--box=-2,2", "--count"]
    ask += ["--checkpoint", str(tmp_path / "run")]
    assert main([*ask, f"--limit-regions={N_REGIONS // 2}"]) == 3
    told = re.search(r"done: some (\d+)\.\d % of the domain's volume", capsys.readouterr().out)
    assert told
    assert 10 <= int(told[1]) <= 90
    assert main(ask) == 0
    assert "volume" not in capsys.readouterr().out


def test_a_store_of_cells_that_are_merged(tmp_path):
    store = store_regions(MERGED, Space(2), tmp_path)
    graph = regions(MERGED, Space(2))
    assert {tuple(p) for p in store.to_graph().patterns.tolist()} == {
        tuple(p) for p in graph.patterns.tolist()
    }


# ---------------------------------------------------------------- what may be wrong with the files


def stopped(path, limit=300, store=False):
    if store:
        return store_regions(NET, BOX, path, limits=Limits(regions=limit))
    return count(path, limits=Limits(regions=limit))


def test_a_line_that_was_cut_off_is_found_again(tmp_path):
    stopped(tmp_path)
    journal = tmp_path / "journal"
    text = journal.read_bytes()
    for cut in (1, 20, len(text.splitlines()[-1]) + 1):
        journal.write_bytes(text[:-cut])
        assert count(tmp_path).count == N_REGIONS
        journal.write_bytes(text)


def test_blocks_of_another_version_are_left_alone(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(checkpoint, "BLOCKS", replace(checkpoint.BLOCKS, version=1))
        part = stopped(tmp_path, store=True)
    with pytest.raises(FileFormatError, match="blocks are those of another version"):
        store_regions(NET, BOX, tmp_path)
    assert len(open_store(tmp_path)) == len(part) > 0
    assert count(tmp_path / "count").count == N_REGIONS  # has none


def test_a_damaged_line_is_an_error_that_says_which(tmp_path):
    stopped(tmp_path)
    journal = tmp_path / "journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    assert len(lines) > 4
    good = list(lines)
    lines[2] = lines[2].replace(b'"regions": ', b'"regions": 1')
    journal.write_bytes(b"".join(lines))
    with pytest.raises(FileFormatError, match="line 3 is damaged"):
        count(tmp_path)
    journal.write_bytes(b"".join(good[:2]))  # as the message says
    assert count(tmp_path).count == N_REGIONS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"PK\x03\x04 something else\nand more\n", "line 1 is damaged"),
        (_checked('{"format": "else"}'), "no journal"),
        (b"my diary", "line 1 is damaged"),
        (b"00000000 \n\n", "line 1 is damaged"),
    ],
)
def test_files_that_are_no_journals(tmp_path, content, message):
    (tmp_path / "journal").write_bytes(content)
    with pytest.raises(FileFormatError, match=message):
        count(tmp_path)
    assert (tmp_path / "journal").read_bytes() == content


def test_a_journal_of_which_only_the_beginning_was_written(tmp_path):
    count(tmp_path / "a")
    first = (tmp_path / "a" / "journal").read_bytes().splitlines(keepends=True)[0]
    for n in (0, 5, 40, len(first) - 1, len(first)):
        (tmp_path / "a" / "journal").write_bytes(first[:n])
        assert count(tmp_path / "a").count == N_REGIONS


def test_another_search_is_refused(tmp_path):
    stopped(tmp_path)
    other = gaussian_network(9, 2, 40, 40)
    with pytest.raises(FileFormatError, match="of another network"):
        count_regions(other, BOX, checkpoint=tmp_path)
    with pytest.raises(FileFormatError, match="of another domain"):
        count_regions(NET, Box(-1, 1, dim=2), checkpoint=tmp_path)
    with pytest.raises(FileFormatError, match='cells="vertices"'):
        count(tmp_path, cells="lp")
    assert count(tmp_path).count == N_REGIONS  # nothing was lost


def test_another_store_is_refused(tmp_path, whole):
    with pytest.raises(FileFormatError, match="another network or domain"):
        store_regions(gaussian_network(9, 2, 40, 40), BOX, whole)
    stopped(tmp_path, store=True)
    with pytest.raises(FileFormatError, match="another network"):
        store_regions(gaussian_network(9, 2, 40, 40), BOX, tmp_path)
    assert len(open_store(tmp_path)) == 300


def test_two_processes_do_not_share_a_checkpoint(tmp_path):
    problem = None

    def look(n, seconds):
        nonlocal problem
        if problem is None:
            try:
                count(tmp_path)
            except StoreError as error:
                problem = str(error)

    assert count(tmp_path, progress=look).count == N_REGIONS
    assert "in use" in problem


@pytest.mark.parametrize("store", [False, True])
def test_a_full_disk_loses_nothing(tmp_path, monkeypatch, whole, store):
    calls = []
    real = os.fsync

    def full(handle):
        calls.append(0)
        if len(calls) == 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    task = store_regions if store else None
    with pytest.raises(StoreError, match="No space left"):
        task(NET, BOX, tmp_path, workers=2) if task else count(tmp_path, workers=2)
    if store:
        assert len(store_regions(NET, BOX, tmp_path)) == N_REGIONS
        assert files_of(tmp_path) == files_of(whole)
    else:
        assert count(tmp_path).count == N_REGIONS


@pytest.mark.parametrize("room", [0, 10, 3000])
def test_a_journal_for_which_there_is_no_room(tmp_path, room):
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, before[1]))
    try:
        with pytest.raises(StoreError, match="journal could not be written"):
            count(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert count(tmp_path).count == N_REGIONS


def test_blocks_that_are_gone_are_found_again(tmp_path, whole):
    stopped(tmp_path, 600, store=True)
    blocks = sorted((tmp_path / SEARCH).glob("block-*.npz"))
    assert len(blocks) > 3
    blocks[0].unlink()
    blocks[2].write_bytes(blocks[2].read_bytes()[:100])
    store_regions(NET, BOX, tmp_path)
    assert files_of(tmp_path) == files_of(whole)


def test_a_corrupt_block_is_an_error_that_says_which(tmp_path, whole):
    stopped(tmp_path, 600, store=True)
    block = sorted((tmp_path / SEARCH).glob("block-*.npz"))[1]
    data = bytearray(block.read_bytes())
    data[len(data) // 2] ^= 1
    block.write_bytes(bytes(data))
    with pytest.raises(FileFormatError, match=block.name):
        store_regions(NET, BOX, tmp_path)
    block.unlink()  # as the message says
    store_regions(NET, BOX, tmp_path)
    assert files_of(tmp_path) == files_of(whole)


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StoreError, match="file must be a directory, or nothing yet"):
        count(tmp_path / "file")
    with pytest.raises(StoreError, match="could not be written"):
        count(tmp_path / "file" / "run")
    assert (tmp_path / "file").read_text() == "in the way"


# ---------------------------------------------------------------- what must not be touched


@pytest.mark.parametrize("name", ["network.npz", "slice.npz", "regions/mine.parquet", "index/x"])
def test_files_of_somebody_else_are_not_overwritten(tmp_path, name):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"mine")
    with pytest.raises(FileFormatError, match="is no store, but has a "):
        store_regions(NET, BOX, tmp_path)
    assert file.read_bytes() == b"mine"
    assert not (tmp_path / SEARCH).exists()


def test_files_of_other_names_do_not_matter(tmp_path, whole):
    (tmp_path / "README").write_text("mine")
    store_regions(NET, BOX, tmp_path)
    assert files_of(tmp_path).items() > files_of(whole).items()


@pytest.mark.parametrize("name", ["regions", "index"])
def test_a_store_does_not_lead_out_of_its_directory(tmp_path, name):
    store, other = tmp_path / "store", tmp_path / "other"
    store_regions(NET, BOX, store, limits=Limits(regions=200))
    (store / name).rename(other)
    (store / name).symlink_to(other)
    before = files_of(other)
    with pytest.raises(FileFormatError, match="leads elsewhere"):
        store_regions(NET, BOX, store)
    assert files_of(other) == before


def test_only_files_of_a_store_are_removed_by_a_build(tmp_path):
    store_regions(NET, BOX, tmp_path, limits=Limits(regions=200))
    mine = tmp_path / "regions" / "mine.parquet"
    mine.write_bytes(b"mine")
    with pytest.raises(FileFormatError, match=r"not 'mine\.parquet'"):
        store_regions(NET, BOX, tmp_path)
    assert mine.read_bytes() == b"mine"


def test_a_store_is_no_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="must be a directory"):
        store_regions(NET, BOX, tmp_path / "file")


# ---------------------------------------------------------------- interrupts


def interrupted_after(monkeypatch, n_blocks: int) -> None:
    """Let Ctrl-C come as a block of regions is on its way."""
    original = Enumeration.blocks

    def blocks(self):
        for k, block in enumerate(original(self)):
            if k == n_blocks:
                raise KeyboardInterrupt  # and the block is lost
            yield block

    monkeypatch.setattr(Enumeration, "blocks", blocks)


def test_what_an_interrupt_cut_is_not_recorded(tmp_path, monkeypatch):
    interrupted_after(monkeypatch, 0)
    with pytest.raises(KeyboardInterrupt):
        count(tmp_path)
    monkeypatch.undo()
    assert count(tmp_path).count == N_REGIONS


def test_an_interrupt_while_blocks_are_found_again(tmp_path, monkeypatch, whole):
    store_regions(NET, BOX, tmp_path, limits=Limits(regions=200))
    for block in (tmp_path / SEARCH).glob("block-*"):
        block.unlink()
    with monkeypatch.context() as patch:
        interrupted_after(patch, 0)
        with pytest.raises(KeyboardInterrupt):
            store_regions(NET, BOX, tmp_path)
    store_regions(NET, BOX, tmp_path)
    assert files_of(tmp_path) == files_of(whole)


# ---------------------------------------------------------------- strangers' journals


@pytest.mark.parametrize(
    ("name", "value"),
    [("task", -1), ("task", True), ("regions", -1), ("regions", 2.5), ("regions", 10**30),
     ("splits", -1), ("seconds", -1), ("seconds", 1e400), ("counters", [1]),
     ("counters", {"a": 0.5}),
     ("left", ["00" * 8 + "ff" * 8]), ("clock", 1e400), ("block", 3), ("block", {"regions": 1})],
)  # fmt: skip
def test_values_that_cannot_be(tmp_path, name, value):
    count(tmp_path, limits=Limits(regions=200))
    journal = tmp_path / "journal"
    *lines, last = journal.read_bytes().splitlines(keepends=True)
    line = json.loads(last[9:]) | {name: value}
    journal.write_bytes(b"".join(lines) + _checked(json.dumps(line)))
    with pytest.raises(FileFormatError, match="this cannot be"):
        count(tmp_path)


@pytest.mark.parametrize("name", ["regions", "facets", "open_facets"])
def test_a_journal_that_lies_about_a_block(tmp_path, name):
    store_regions(NET, BOX, tmp_path, limits=Limits(regions=200), workers=1)
    journal = tmp_path / SEARCH / "journal"
    *lines, last = journal.read_bytes().splitlines(keepends=True)
    line = json.loads(last[9:])
    line["block"][name] += 1
    if name == "regions":
        line["regions"] += 1
    journal.write_bytes(b"".join(lines) + _checked(json.dumps(line)))
    with pytest.raises(FileFormatError, match="does not hold as many regions and facets"):
        store_regions(NET, BOX, tmp_path, workers=1)


def test_a_task_that_slept_does_not_make_others_small(tmp_path):
    count(tmp_path, limits=Limits(regions=200), workers=1)
    journal = tmp_path / "journal"
    *lines, last = journal.read_bytes().splitlines(keepends=True)
    line = json.loads(last[9:]) | {"seconds": 1e9}
    journal.write_bytes(b"".join(lines) + _checked(json.dumps(line)))
    result = count(tmp_path, workers=1)
    assert result.count == N_REGIONS
    assert result.stats["tasks"] < N_REGIONS // 5
