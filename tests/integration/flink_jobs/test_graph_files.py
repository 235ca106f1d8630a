"""Graphs and loop state on disk."""

from __future__ import annotations

import json
from pathlib import Path

import graphs
import numpy as np
import pytest
from check_graph import agreement, power_iteration, spread_labels
from graphs import edge_files, prepare_graph, read_edges, read_manifest
from loop_state import StateFolders, read_rows, write_rows
from packages import Graph


@pytest.fixture(autouse=True)
def small_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph of 300 vertices, whatever the machine's package lists say."""
    draw = np.random.default_rng(1)
    edges = np.unique(draw.integers(300, size=(900, 2)), axis=0)
    graph = Graph(origin="test", vertices=300, edges=edges[edges[:, 0] != edges[:, 1]])
    monkeypatch.setattr(graphs, "source_graph", lambda source, reach, seed: graph)


def prepared(folder: Path, *, kind: str, copies: int = 2) -> np.ndarray:
    prepare_graph(folder, kind=kind, copies=copies, seed=1, source="auto")
    return read_edges(folder)


def test_an_undirected_graph_holds_every_edge_in_both_directions(tmp_path: Path) -> None:
    """Sorted by source, and the manifest says which sources a file holds."""
    edges = prepared(tmp_path / "graph", kind="undirected")
    pairs = set(map(tuple, edges.tolist()))
    assert pairs == {(target, source) for source, target in pairs}
    assert (np.diff(edges[:, 0]) >= 0).all()
    manifest = read_manifest(tmp_path / "graph")
    assert manifest is not None and (manifest.vertices, manifest.edges) == (600, len(edges))
    for file, (first, last) in zip(edge_files(tmp_path / "graph"), manifest.files, strict=True):
        sources = np.loadtxt(file, delimiter=",")[:, 0]
        assert (sources.min(), sources.max()) == (first, last)


def test_the_shares_of_a_directed_graph_add_up_to_one_for_each_source(tmp_path: Path) -> None:
    """What a vertex passes on is all it has."""
    prepared(tmp_path / "graph", kind="directed")
    sources, _, shares = read_rows(tmp_path / "graph" / "edges", columns=3)
    sums = np.bincount(sources, weights=shares)
    assert sums[np.unique(sources)] == pytest.approx(1.0)


def test_the_same_request_finds_the_graph_ready_and_another_replaces_it(tmp_path: Path) -> None:
    """A folder of something else is left alone."""
    prepared(tmp_path / "graph", kind="directed")
    stamp = edge_files(tmp_path / "graph")[0].stat().st_mtime_ns
    prepared(tmp_path / "graph", kind="directed")
    assert edge_files(tmp_path / "graph")[0].stat().st_mtime_ns == stamp
    assert len(prepared(tmp_path / "graph", kind="directed", copies=3)) > 0
    assert read_manifest(tmp_path / "graph").copies == 3
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years")
    with pytest.raises(ValueError, match="another folder"):
        prepared(tmp_path / "mine", kind="directed")
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "years"


def test_numbers_read_back_as_they_were_written(tmp_path: Path) -> None:
    """To the last bit; an empty vector, too."""
    values = np.random.default_rng(1).random(1000) * np.logspace(-300, 300, 1000)
    write_rows(tmp_path / "full", np.arange(1000), values)
    numbers, read = read_rows(tmp_path / "full", columns=2)
    assert np.array_equal(read[np.argsort(numbers)], values)
    assert len(list((tmp_path / "full").iterdir())) == 12
    write_rows(tmp_path / "empty", np.zeros(0, dtype=int), np.zeros(0))
    assert [len(column) for column in read_rows(tmp_path / "empty", columns=2)] == [0, 0]


def test_a_state_is_whole_or_not_there(tmp_path: Path) -> None:
    """A writer that fails leaves the state before it; what no superstep reads again is let go."""
    folders = StateFolders(tmp_path)
    assert folders.last() == -1
    for superstep in range(4):
        folders.write(superstep, lambda draft, text=str(superstep): (draft / "state").write_text(text))
    assert [folder.name for folder in sorted(folders.folder.iterdir())] == ["0002", "0003"]

    def failing(draft: Path) -> None:
        (draft / "state").write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        folders.write(4, failing)
    assert folders.last() == 3
    again = StateFolders(tmp_path)
    again.write(4, lambda draft: (draft / "state").write_text("4"))
    assert (again.path(4) / "state").read_text() == "4"


def a_result(folder: Path, **content: object) -> Path:
    path = folder / "result.json"
    path.write_text(json.dumps({"supersteps": 3, **content}))
    return path


def test_wrong_ranks_do_not_agree(tmp_path: Path) -> None:
    """Right ones do; one edge's share more is found."""
    edges = prepared(tmp_path / "graph", kind="directed")
    ranks = power_iteration(edges, vertices=600, supersteps=3)
    for folder, factor in (("right", 1.0), ("wrong", 1.001)):
        values = ranks.copy()
        values[17] *= factor
        (tmp_path / folder).mkdir()
        write_rows(tmp_path / folder / "ranks", np.arange(600), values)
        found = agreement(a_result(tmp_path, ranks=str(tmp_path / folder)), tmp_path / "graph")
        assert found.agree is (folder == "right")


@pytest.mark.parametrize("converged", [False, True])
def test_wrong_labels_do_not_agree(tmp_path: Path, converged: bool) -> None:
    """Whether the run was cut short or not; labels of a run that was are not those of one that ended."""
    edges = prepared(tmp_path / "graph", kind="undirected", copies=4)
    labels = spread_labels(edges, vertices=1200, supersteps=1200 if converged else 3)
    file = tmp_path / "labels.npy"
    np.save(file, labels)
    result = a_result(tmp_path, labels=str(file), converged=converged)
    assert agreement(result, tmp_path / "graph").agree
    labels[1100] += 1
    np.save(file, labels)
    assert agreement(result, tmp_path / "graph").max_difference == 1
