from __future__ import annotations

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.app.widgets.lanes import Lanes


def lanes(inputs: Sequence[Sequence[int] | None], max_lanes: int = 12) -> tuple[str, ...]:
    return tuple(Lanes(inputs, max_lanes).rows(0, len(inputs)))


JOINS_ENDING = "╰╯┴"
JOINS_LASTING = "├┤┼"


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    size = draw(st.integers(0, 30))
    return [draw(st.lists(st.integers(0, row - 1), max_size=4)) if row else [] for row in range(size)]


def read_back(drawing: tuple[str, ...]) -> list[set[int]]:
    """Recover each row's inputs from the glyphs alone."""
    edges: list[set[int]] = []
    open_lanes: dict[int, int] = {}
    for row, text in enumerate(drawing):
        cells, gaps = text[::2], text[1::2]
        open_lanes = {column: source for column, source in open_lanes.items() if cells[column] not in " ─"}
        node = cells.index("●")
        left = right = node
        while left > 0 and gaps[left - 1] == "─":
            left -= 1
        while right < len(gaps) and gaps[right] == "─":
            right += 1
        assert gaps.count("─") == right - left, "a line hangs in the air"
        inputs = {open_lanes.pop(node)} if node in open_lanes else set()
        for column, glyph in enumerate(cells):
            if glyph in JOINS_ENDING:
                inputs.add(open_lanes.pop(column))
            elif glyph in JOINS_LASTING:
                inputs.add(open_lanes[column])
            elif glyph == "│":
                assert column in open_lanes, "a lane without a source"
            else:
                assert glyph == "●" or column not in open_lanes
                assert glyph != "─" or left < column < right
            assert glyph in " │●─" or left <= column <= right, "a join that nothing reaches"
        assert node not in open_lanes, "two lanes collide"
        open_lanes[node] = row
        edges.append(inputs)
    return edges


def drawn(inputs: list[list[int] | None] | list[list[int]], max_lanes: int = 12) -> list[str]:
    return [line.rstrip() for line in lanes(inputs, max_lanes)]


def test_chain_is_one_lane() -> None:
    assert lanes([[], [0], [1]]) == ("●", "●", "●")


def test_the_seed() -> None:
    assert drawn([[], [], [0, 1], [2], [3]]) == ["●", "│ ●", "●─╯", "●", "●"]


def test_residual_keeps_the_skipping_lane() -> None:
    assert drawn([[], [0], [1], [0, 2]]) == ["●", "├─●", "│ ●", "●─╯"]


def test_shared_weight_stays_open() -> None:
    graph = [[], [], [0, 1], [], [0, 3], [2, 4]]
    assert drawn(graph) == ["●", "│ ●", "├─●", "│ │ ●", "●─│─╯", "●─╯"]


def test_passing_lanes_differ_from_joining_ones() -> None:
    graph = [[], [], [], [], [0, 1, 3], [2, 4]]
    assert drawn(graph)[4] == "●─┴─│─╯"


def test_an_input_used_twice_by_one_row_is_one_edge() -> None:
    assert drawn([[], [0, 0]]) == ["●", "●"]


def test_a_row_below_an_output_nobody_uses_does_not_look_like_its_consumer() -> None:
    assert drawn([[], [], []]) == ["●", "  ●", "●"]


def test_lanes_pass_a_line_between_the_rows() -> None:
    assert drawn([None, [], None, [1], [1], None, [3, 4]]) == ["", "●", "│", "├─●", "● │", "│ │", "●─╯"]
    graph: list[list[int] | None] = [[], [], [], [], None, [0, 3], [2, 5], [1, 6]]
    assert drawn(graph, max_lanes=3)[4] == "│ │ …"


def test_no_rows() -> None:
    assert lanes([]) == ()


def test_more_lanes_than_shown() -> None:
    graph: list[list[int]] = [[], [], [], [], [0, 3], [2, 4], [1, 5]]
    assert drawn(graph, max_lanes=3) == ["●", "│ ●", "│ │ ●", "│ │ ●", "●─│─…", "●─│─…", "●─╯"]


@given(graphs(), st.data())
def test_a_line_between_the_rows_changes_nothing_else(graph: list[list[int]], data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(graph)))
    later = [[source + (source >= at) for source in inputs] for inputs in graph]
    drawing = lanes([*later[:at], None, *later[at:]], max_lanes=1000)
    assert (*drawing[:at], *drawing[at + 1 :]) == lanes(graph, max_lanes=1000)
    assert set(drawing[at]) <= set("│ ")


@given(graphs())
def test_every_edge_can_be_read_back(graph: list[list[int]]) -> None:
    drawing = lanes(graph, max_lanes=1000)
    assert read_back(drawing) == [set(inputs) for inputs in graph]


@given(graphs(), st.integers(1, 6))
def test_capped_drawings_stay_aligned(graph: list[list[int]], max_lanes: int) -> None:
    drawing = lanes(graph, max_lanes)
    assert len({len(line) for line in drawing}) <= 1
    assert all(line.count("●") == 1 for line in drawing)
    assert all(len(line) <= 2 * max_lanes - 1 for line in drawing)
    full = lanes(graph, 1000)
    if full and len(full[0]) <= 2 * max_lanes - 1:
        assert drawing == full


def ten_thousand() -> list[list[int]]:
    random = Random(0)
    return [[random.randrange(max(0, row - 30), row) for _ in range(2)] if row else [] for row in range(10_000)]


def test_ten_thousand_rows() -> None:
    assert len(lanes(ten_thousand())) == 10_000


@pytest.mark.parametrize("max_lanes", [5, 1000])
def test_a_window_is_a_part_of_the_whole(max_lanes: int) -> None:
    inputs: list[list[int] | None] = [*ten_thousand()]
    inputs[::7] = [None] * len(inputs[::7])
    inputs = [row and [source for source in row if inputs[source] is not None] for row in inputs]
    whole, parts = lanes(inputs, max_lanes), Lanes(inputs, max_lanes)
    assert {len(row) for row in whole} == {parts.width}
    for start in [9_990, 0, 5_000, 127, 128, 129, 10_000]:
        assert tuple(parts.rows(start, start + 40)) == whole[start : start + 40]
