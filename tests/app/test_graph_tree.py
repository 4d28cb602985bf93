"""The graph as a tree: where modules begin and end, what is folded to fit, and which edges are left."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from bptui.app.panels import graph_tree
from bptui.app.panels.folding import unfolded
from bptui.app.panels.graph_tree import folds_to_fit
from bptui.records import Node


def tree(nodes):
    return graph_tree.tree(tuple((node.module, node.types) for node in nodes))


def edges(nodes, rows, folded):
    return graph_tree.edges([node.inputs for node in nodes], rows, folded)


def op(module="", types="", *inputs):
    return Node("mul", "op", inputs, module=module, types=types or ".".join("T" * len(module.split("."))))


def ops(*modules):
    """A chain of ops in these modules."""
    return [op(module, "", *([i - 1] if i else [])) for i, module in enumerate(modules)]


def drawn(nodes, folded=frozenset()):
    """The rows that are seen: a module with a +, or with a - if it is open."""
    rows = unfolded(tree(nodes), frozenset(folded))
    sign = {True: "+", False: "-"}
    return [" " * r.depth + (sign[r.path in folded] + r.label if r.is_module else str(r.first)) for r in rows]


def transformer(layers):
    """Two ops a leaf module, as many leaf modules a block as in the real ones."""
    blocks = [
        f"model.h.{i}.{part}"
        for i in range(layers)
        for part in ("ln_1", "attn.c_attn", "attn.c_proj", "ln_2", "mlp")
    ]
    return ops(*(module for module in ["model.wte", *blocks, "model.ln_f", "model.lm_head"] for _ in range(2)), "")


def test_modules_hold_what_was_called_in_them():
    nodes = ops("net.a", "net.a", "net", "net.b", "")
    assert drawn(nodes) == ["-net", " -a", "  0", "  1", " 2", " -b", "  3", "4"]
    assert drawn(nodes, {"net.a"}) == ["-net", " +a", " 2", " -b", "  3", "4"]
    assert drawn(nodes, {"net"}) == ["+net", "4"]


def test_a_module_around_one_other_is_one_row_with_it():
    assert drawn(ops("wrapper.module.a", "wrapper.module.b")) == ["-wrapper.module", " -a", "  0", " -b", "  1"]
    assert drawn(ops("net.a")) == ["-net.a", " 0"]


def test_calls_of_the_same_module_and_modules_that_take_turns():
    assert drawn(ops("d", "d#2", "d#2"), {"d#2"}) == ["-d", " 0", "+d#2"]
    assert drawn(ops("net.convs.0", "net.act", "net.convs.1"), {"net.convs.0"}) == [
        "-net", " +convs.0", " -act", "  1", " -convs.1", "  2",
    ]  # fmt: skip


def test_the_dots_of_a_variable_are_part_of_its_name():
    items = tree(
        [op("self.nets['a.b']", "..T"), op("self.critic.0", ".Critic.Linear"), op("self.critic", ".Critic")]
    )
    assert [(item.label, item.type) for item in items if item.is_module] == [
        ("self.nets['a.b']", "T"), ("self.critic", "Critic"), ("0", "Linear"),
    ]  # fmt: skip


def test_without_modules_the_rows_are_the_graph():
    nodes = ops("", "", "")
    assert drawn(nodes) == ["0", "1", "2"]
    assert edges(nodes, tree(nodes), frozenset()) == [(), (0,), (1,)]


def test_a_transformer_fits_a_screen():
    items = tree(transformer(12))
    rows = unfolded(items, folds_to_fit(items, 30))
    assert [row.label for row in rows] == ["model", "wte", "h", *map(str, range(12)), "ln_f", "lm_head", ""]
    rows = unfolded(items, folds_to_fit(items, 10))
    assert [row.label for row in rows] == ["model", "wte", "h", "ln_f", "lm_head", ""]
    assert len(unfolded(items, folds_to_fit(items, 1))) == 6  # its root is open in any case
    assert folds_to_fit(items, len(items)) == frozenset()


def test_a_folded_module_uses_what_is_used_in_it_and_not_itself():
    nodes = [op(), op("a"), op("a", "", 0, 1), op("b", "", 1, 2), op("", "", 3, 0)]
    rows = unfolded(tree(nodes), frozenset({"a", "b"}))
    assert edges(nodes, rows, frozenset({"a", "b"})) == [(), (0,), (1,), (0, 2)]
    rows = unfolded(tree(nodes), frozenset({"b"}))
    assert edges(nodes, rows, frozenset({"b"})) == [(), None, (), (0, 2), (2, 3), (0, 4)]


@st.composite
def graphs(draw):
    """Rows in any modules, and any of these folded."""
    paths = draw(st.lists(st.lists(st.sampled_from("abc"), max_size=3).map(".".join), max_size=25))
    nodes = [
        op(path, "", *draw(st.lists(st.integers(0, i - 1), max_size=3)) if i else ())
        for i, path in enumerate(paths)
    ]
    modules = sorted({item.path for item in tree(nodes) if item.is_module})
    return nodes, frozenset(draw(st.sets(st.sampled_from(modules)))) if modules else frozenset()


@given(graphs())
def test_every_row_is_seen_once_and_every_edge_is_the_image_of_one(graph):
    nodes, folded = graph
    rows = unfolded(tree(nodes), folded)
    found = edges(nodes, rows, folded)
    solid = [at for at, sources in enumerate(found) if sources is not None]
    assert [row for at in solid for row in range(rows[at].first, rows[at].last + 1)] == list(range(len(nodes)))
    seen_at = {row: at for at in solid for row in range(rows[at].first, rows[at].last + 1)}
    images = {(seen_at[source], seen_at[i]) for i, node in enumerate(nodes) for source in node.inputs}
    drawn_edges = [(source, at) for at in solid for source in found[at]]
    assert sorted(images - {(at, at) for at in solid}) == sorted(drawn_edges)
    assert all(source < at for source, at in drawn_edges)


@given(graphs(), st.integers(1, 40))
def test_what_is_folded_to_fit_fits_if_it_can(graph, room):
    items = tree(graph[0])
    modules = {item.path for item in items if item.is_module}
    assert folds_to_fit(items, room) <= modules
    assert len(items) <= room or not modules or folds_to_fit(items, room)
    assert all(item.end > at and item.first <= item.last for at, item in enumerate(items))
    assert folds_to_fit(items, len(items)) == frozenset()


def test_ten_thousand_rows():
    random = Random(0)
    nodes = transformer(1000)
    nodes = [
        op(n.module, "", *(random.randrange(max(0, i - 30), i) for _ in n.inputs)) for i, n in enumerate(nodes)
    ]
    items = tree(nodes)
    assert sum(not item.is_module for item in items) == len(nodes) > 10_000
    assert len(edges(nodes, items, frozenset())) == len(items)
