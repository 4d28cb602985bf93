"""Parameters as a tree: what its rows are, what a fold hides, how deep it opens."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bptui.app.panels.folding import unfolded
from bptui.app.panels.parameter_tree import folds_to_fit, path_of, tree

GPT = [
    "model.wte.weight",
    *(f"model.h.{i}.{part}" for i in range(12) for part in ("attn.c.weight", "attn.c.bias", "ln.weight")),
    "model.head.weight",
    "model.head.bias",
]


def drawn(items) -> list[str]:
    return ["  " * item.depth + item.label + ("/" if item.is_module else "") for item in items]


def test_modules_stand_before_what_they_hold() -> None:
    assert drawn(tree(GPT[:4] + GPT[-2:])) == [
        "model/",
        "  wte.weight",
        "  h.0/",  # what is alone in a module is one row with it
        "    attn.c/",
        "      weight",
        "      bias",
        "    ln.weight",
        "  head/",
        "    weight",
        "    bias",
    ]


def test_plain_tensors_make_no_tree() -> None:
    assert drawn(tree(["weight"])) == ["weight"]
    assert drawn(tree(["w1", "b1", "w2"])) == ["w1", "b1", "w2"]
    assert drawn(tree(["params[0]", "params['a.b']"])) == ["params[0]", "params['a.b']"]


def test_odd_names() -> None:
    assert drawn(tree(["", "", "a", "a", "a.b", "a.c", ".", "x."])) == [
        "parameter 1",
        "parameter 2",
        "a",
        "a",
        "a/",
        "  b",
        "  c",
        ".",
        "x",
    ]
    assert path_of(0, "layers[3].weight") == ["layers[3]", "weight"]


def test_members_are_in_forward_order_of_their_modules() -> None:
    # A module that is used, left and used again stands where it was first used.
    items = tree(["a.x", "b.x", "a.y", "b.y"])
    assert [(item.path, item.members) for item in items if item.is_module] == [("a", (0, 2)), ("b", (1, 3))]


def test_a_tree_of_some() -> None:
    assert drawn(tree(GPT, [0, 4])) == ["model/", "  wte.weight", "  h.1.attn.c.weight"]
    assert [item.members for item in tree(GPT, [0, 4])] == [(0, 4), (0,), (4,)]


def test_folding() -> None:
    items = tree(GPT[:7])
    assert drawn(unfolded(items, frozenset({"model"}))) == ["model/"]
    folded = unfolded(items, frozenset({"model.h.0", "model.h.1.attn.c"}))
    assert drawn(folded) == [
        "model/",
        "  wte.weight",
        "  h/",
        "    0/",
        "    1/",
        "      attn.c/",
        "      ln.weight",
    ]


def test_it_opens_as_deep_as_fits() -> None:
    items = tree(GPT)
    seen = {rows: len(unfolded(items, folds_to_fit(items, rows))) for rows in (1, 4, 17, 18, 41, 42, 66, 99)}
    # model; wte, h, head; 0 … 11 and head's two; attn.c and ln of each; attn.c's two.
    assert seen == {1: 4, 4: 4, 17: 4, 18: 18, 41: 18, 42: 42, 66: 66, 99: 66}
    many = tree([f"w{i}" for i in range(50)])
    assert len(unfolded(many, folds_to_fit(many, 7))) == 50  # nothing to fold
    assert folds_to_fit((), 7) == frozenset()


NAMES = st.lists(st.lists(st.sampled_from("abc"), min_size=1, max_size=5).map(".".join), max_size=30)


@given(NAMES, st.data())
def test_any_tree(names: list[str], data) -> None:
    items = tree(names)
    leaves = [item for item in items if not item.is_module]
    assert sorted(item.members[0] for item in leaves) == list(range(len(names)))
    assert all(item.path == names[item.members[0]] for item in leaves)
    for at, item in enumerate(items):
        inside = [other.members[0] for other in items[at : item.end] if not other.is_module]
        assert item.members == tuple(inside)
        assert item.is_module == (item.end > at + 1)
        assert all(other.depth > item.depth for other in items[at + 1 : item.end])
    folded = frozenset(data.draw(st.sets(st.sampled_from([item.path for item in items] or [""]))))
    hidden = {
        inside
        for at, item in enumerate(items)
        if item.is_module and item.path in folded
        for inside in range(at + 1, item.end)
    }
    assert unfolded(items, folded) == [item for at, item in enumerate(items) if at not in hidden]
