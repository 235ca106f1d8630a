"""What the graph jobs compute outside of Flink: graphs from package lists, copies, ranks, labels."""

from __future__ import annotations

import numpy as np
import pytest
from check_graph import least_labels, power_iteration, spread_labels
from graphs import chained_copies, files_with
from hypothesis import given
from hypothesis import strategies as st
from packages import Graph, package_graph, rmat_graph, with_second_steps
from ranks import next_ranks

LISTS = """\
Package: editor
Version: 1
Depends: libc6 (>= 2.34), libgui | libtui,
 editor-data (= 1)
Recommends: spell [amd64], no-such-package
Description: needs nothing
 Depends: spell

Package: libc6
Depends: libc6

Package: editor-data
Suggests: editor

Package: libtui

Package: spell
Enhances: editor
"""


def test_edges_lead_from_a_package_to_all_it_names() -> None:
    """Alternatives and lines that go on included; itself, unknown names and other fields are not."""
    graph = package_graph(LISTS, origin="test")
    names = ["editor", "editor-data", "libc6", "libtui", "spell"]
    told = {(names[source], names[target]) for source, target in graph.edges}
    wanted = {("editor", other) for other in ("libc6", "libtui", "editor-data", "spell")}
    assert graph.vertices == len(names)
    assert told == wanted | {("editor-data", "editor")}


def test_a_need_at_one_remove_is_an_edge_too() -> None:
    """And no vertex needs itself, not even by way of another one."""
    chain = Graph(origin="chain", vertices=4, edges=np.array([[0, 1], [1, 0], [1, 2], [2, 3]]))
    found = with_second_steps(chain).edges
    assert found.tolist() == [[0, 1], [0, 2], [1, 0], [1, 2], [1, 3], [2, 3]]


def test_lists_without_packages_are_a_graph_without_anything() -> None:
    """A machine that is not Debian's has none."""
    graph = package_graph("", origin="test")
    assert (graph.vertices, graph.edges.shape) == (0, (0, 2))


def test_a_random_graph_is_the_same_for_the_same_seed_and_skewed() -> None:
    """No loops, no edge twice; a few vertices have many edges."""
    graph = rmat_graph(scale=10, edges_per_vertex=8, seed=3)
    assert np.array_equal(graph.edges, rmat_graph(scale=10, edges_per_vertex=8, seed=3).edges)
    assert not np.array_equal(graph.edges, rmat_graph(scale=10, edges_per_vertex=8, seed=4).edges)
    assert (graph.edges[:, 0] != graph.edges[:, 1]).all()
    assert len(np.unique(graph.edges, axis=0)) == len(graph.edges)
    assert graph.edges.max() < graph.vertices == 1024
    degrees = np.bincount(graph.edges[:, 0], minlength=1024)
    assert degrees.max() > 8 * degrees.mean()


@given(copies=st.integers(1, 6), seed=st.integers(0, 5))
def test_copies_of_a_connected_graph_are_one_component(copies: int, seed: int) -> None:
    """Each has numbers of its own, and one edge leads on."""
    ring = Graph(origin="ring", vertices=5, edges=np.array([[place, (place + 1) % 5] for place in range(5)]))
    chained = chained_copies(ring, copies=copies, seed=seed)
    assert chained.vertices == 5 * copies
    assert len(chained.edges) == 5 * copies + copies - 1
    assert (least_labels(chained.edges, vertices=chained.vertices) == 0).all()


def test_ranks_add_up_to_one_whatever_has_no_way_out() -> None:
    """Vertex 2 passes nothing on, so what it holds is dealt to all."""
    edges, ranks = np.array([[0, 1], [0, 2], [1, 2]]), np.array([0.2, 0.3, 0.5])
    incoming = np.array([0.0, 0.1, 0.1 + 0.3])
    found = next_ranks(ranks, incoming, np.array([False, False, True]))
    assert found.sum() == pytest.approx(1.0)
    assert found[0] == pytest.approx(0.15 / 3 + 0.85 * 0.5 / 3)
    assert power_iteration(edges, vertices=3, supersteps=50).sum() == pytest.approx(1.0)


EDGES = st.lists(st.tuples(st.integers(0, 19), st.integers(0, 19)), min_size=1, max_size=30)


@given(EDGES)
def test_spreading_labels_ends_with_the_components(pairs: list[tuple[int, int]]) -> None:
    """After as many supersteps as there are vertices at the latest."""
    edges = np.array([*pairs, *((target, source) for source, target in pairs)])
    assert np.array_equal(spread_labels(edges, vertices=20, supersteps=20), least_labels(edges, vertices=20))


@given(EDGES, st.sets(st.integers(0, 19)), st.integers(1, 6))
def test_no_file_with_edges_of_a_changed_vertex_is_left_out(
    pairs: list[tuple[int, int]], changed: set[int], parts: int
) -> None:
    """And a file that begins and ends with the same unchanged vertex is."""
    sources = np.array_split(np.sort([source for source, _ in pairs]), min(parts, len(pairs)))
    bounds = tuple((int(part[0]), int(part[-1])) for part in sources)
    wanted = files_with(np.array(sorted(changed), dtype=np.int64), bounds)
    for part, (first, last), read in zip(sources, bounds, wanted, strict=True):
        assert read or not changed & set(part.tolist())
        assert not read or any(first <= vertex <= last for vertex in changed)
