"""A packed graph is the same graph."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.errors import ProtocolError
from bptui.protocol import pack_graph, unpack_graph
from bptui.protocol.graphs import SAMPLED_ROWS
from bptui.records import EXACT, Node, TensorSummary

from .strategies import values

_stats = st.none() | st.floats(allow_nan=False)
_summaries = st.builds(
    replace, values(TensorSummary), **dict.fromkeys(("min", "max", "mean", "std", "norm"), _stats)
)
_nodes = st.builds(replace, values(Node), value=st.none() | _summaries, grad=st.none() | _summaries)


def large(numel):
    return TensorSummary((numel,), "float32", "cpu", 0.0, 1.0, 0.5, 0.5, 1.0, 0, 0, 0, 0, (0.5,) * min(numel, 64))


@given(st.lists(_nodes, max_size=5).map(tuple))
def test_it_comes_back_as_it_was(nodes):
    assert repr(tuple(unpack_graph(pack_graph(nodes)))) == repr(nodes)


def test_a_large_graph_keeps_exact_values_alone():
    nodes = (Node("mul", "op", value=large(100), grad=large(EXACT)),) * (SAMPLED_ROWS + 1)
    packed = unpack_graph(pack_graph(nodes))
    assert packed[0] == replace(nodes[0], value=replace(large(100), values=()))
    assert tuple(unpack_graph(pack_graph(nodes[:-1]))) == nodes[:-1]


@pytest.mark.parametrize("packed", [b"", b"hello", pack_graph(())[:-3]])
def test_what_is_damaged(packed):
    with pytest.raises(ProtocolError):
        unpack_graph(packed)


@given(st.lists(_nodes, max_size=5).map(tuple), st.integers(0, 5), st.integers(0, 5))
def test_some_of_its_rows(nodes, first, stop):
    graph = unpack_graph(pack_graph(nodes))
    assert repr(graph[first:stop]) == repr(nodes[first:stop])
    assert repr(graph[-1:]) == repr(nodes[-1:])
    values = [node.value for node in nodes[first:stop] if node.value is not None]
    counted = graph.values(range(len(nodes))[first:stop])
    assert sum(times for _, times in counted) == len(values)
    assert sum(times for counts, times in counted if counts.nans) == sum(value.nans != 0 for value in values)
    assert all(counts.is_one for counts, _ in counted) == all(value.item is not None for value in values)


@given(st.lists(_nodes, max_size=5).map(tuple))
def test_its_structure_is_kept_while_numbers_change(nodes):
    first, other = (
        unpack_graph(pack_graph(nodes)),
        unpack_graph(pack_graph(tuple(replace(node, value=None) for node in nodes))),
    )
    assert first.structure is other.structure
    assert first.structure.is_alike(other.structure)
    assert list(first.structure.is_op) == [node.kind == "op" for node in nodes]
    assert first.structure.modules == tuple((node.module, node.types) for node in nodes)
