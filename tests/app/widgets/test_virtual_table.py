from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.style import Style
from textual import on
from textual.app import App, ComposeResult

from bptui.app.widgets.table_rows import PAGE
from bptui.app.widgets.virtual_table import Column, Row, VirtualTable

COLUMNS = (Column("op", 6, "left"), Column("value", 8), Column("where", 6, "left", grow=True))
HEIGHT = 10


class TableApp(App[None]):
    CSS = f"VirtualTable {{ width: 40; height: {HEIGHT}; }}"

    def __init__(self, columns: tuple[Column, ...] = COLUMNS, *, header: bool = True) -> None:
        super().__init__()
        self.table = VirtualTable(columns, self.rows, header=header)
        self.asked: list[tuple[int, int]] = []
        self.heard: list[tuple[str, int]] = []

    def rows(self, start: int, stop: int) -> Sequence[Row]:
        self.asked.append((start, stop))
        return [self.row(index) for index in range(start, stop)]

    def row(self, index: int) -> Row:
        if index % 10 == 9:
            return Row((), kind="rule", span=f"── epoch {index // 10}, all of it, across the table ──")
        return Row((f"op{index}", f"{index}.5", "here"))

    def compose(self) -> ComposeResult:
        yield self.table

    @on(VirtualTable.CursorMoved)
    def hear_move(self, message: VirtualTable.CursorMoved) -> None:
        self.heard.append(("moved", message.index))

    @on(VirtualTable.Activated)
    def hear_activation(self, message: VirtualTable.Activated) -> None:
        self.heard.append(("activated", message.index))


def lines(table: VirtualTable) -> list[str]:
    return [table.render_line(y).text.rstrip() for y in range(table.scrollable_content_region.height)]


def gutter_style(table: VirtualTable, y: int) -> Style:
    style = next(iter(table.render_line(y))).style
    assert style is not None
    return style


async def test_draws_header_rows_and_marks() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(3, cursor=1, current=2)
        await pilot.pause()
        assert lines(app.table)[:5] == [
            " op        value where",
            " op0         0.5 here",
            "›op1         1.5 here",
            "▶op2         2.5 here",
            "",
        ]
        assert {app.table.render_line(y).cell_length for y in range(HEIGHT)} == {40}


async def test_the_current_row_under_the_cursor_keeps_its_mark() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(3, cursor=1, current=1)
        await pilot.pause()
        assert [line[:1] for line in lines(app.table)[1:4]] == [" ", "▶", " "]


async def test_a_span_replaces_the_cells() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(10)
        await pilot.press("end")
        assert lines(app.table)[-1] == "›── epoch 0, all of it, across the tab…"


async def test_the_cursor_is_seen_without_colour_and_brighter_with_focus() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(3, cursor=1)
        backgrounds = []
        for focused in (True, False):
            app.set_focus(app.table if focused else None)
            await pilot.pause()
            backgrounds.append([gutter_style(app.table, y).bgcolor for y in (1, 2)])
        (plain, focused_cursor), (_, cursor) = backgrounds
        assert len({plain, focused_cursor, cursor}) == 3


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_the_focused_cursor_is_reverse_where_there_are_no_shades(theme: str) -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.theme = theme
        app.table.show(3, cursor=1)
        await pilot.pause()
        assert [gutter_style(app.table, y).reverse for y in (1, 2)] == [None, True]


async def test_a_million_rows_cost_a_few_pages() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(1_000_000)
        await pilot.pause()
        assert app.asked == [(0, PAGE)]
        await pilot.press("end")
        assert lines(app.table)[-2] == " op999… 999998.5 here"
        assert len(app.asked) <= 3
        assert all(stop - start == PAGE for start, stop in app.asked)


async def test_scrolling_asks_once_a_page() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(1000)
        for top in range(0, 3 * PAGE, 8):
            app.table.scroll_to(y=top, animate=False)
            await pilot.pause()
        assert len(app.asked) == len(set(app.asked)) == 4


async def test_keys_move_the_cursor_and_tell() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100)
        for key in ("down", "j", "up", "k", "up", "pagedown", "pageup", "end", "down", "home"):
            await pilot.press(key)
        # The third "up" at the top and "down" at the end move nothing.
        expected = [1, 2, 1, 0, 8, 0, 99, 0]
        assert app.heard == [("moved", index) for index in expected]


async def test_show_is_silent_and_follows_with_the_least_scrolling() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        tops = []
        for cursor in (0, 8, 9, 20, 19, 12, 11):
            app.table.show(100, cursor=cursor)
            await pilot.pause()
            tops.append(app.table.scroll_offset.y)
        assert tops == [0, 0, 1, 12, 12, 12, 11]
        assert app.heard == []


async def test_rows_added_while_following() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        for count in range(1, 40):
            app.table.show(count, cursor=count - 1, changed_from=None)
        await pilot.pause()
        assert lines(app.table)[-2:] == [" op37       37.5 here", "›op38       38.5 here"]


async def test_only_what_changed_is_asked_again() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100)
        await pilot.pause()
        app.asked.clear()
        app.table.show(101, changed_from=PAGE)
        await pilot.pause()
        assert app.asked == []
        app.table.show(101)
        await pilot.pause()
        assert app.asked == [(0, PAGE)]


async def test_fewer_rows_pull_cursor_and_view_back() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100, cursor=99)
        await pilot.pause()
        app.table.show(5)
        await pilot.pause()
        assert app.table.cursor == 4
        assert lines(app.table)[1] == " op0         0.5 here"
        app.table.show(0)
        await pilot.press("down", "end", "enter")
        assert app.table.cursor == 0
        assert app.heard == []


async def test_scrolling_leaves_the_header_and_the_cursor_where_they_are() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100)
        await pilot.pause()
        app.table.scroll_to(y=5, animate=False)
        await pilot.pause()
        assert lines(app.table)[:2] == [" op        value where", " op5         5.5 here"]
        assert app.table.cursor == 0
        await pilot.press("down")
        assert app.table.scroll_offset.y == 1


async def test_click_moves_and_double_click_opens() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100, cursor=20)
        await pilot.pause()
        top = app.table.scroll_offset.y
        await pilot.click(app.table, offset=(5, 3))
        assert app.heard == [("moved", top + 2)]
        app.heard.clear()
        await pilot.double_click(app.table, offset=(5, 4))
        assert app.heard == [("moved", top + 3), ("activated", top + 3)]
        app.heard.clear()
        await pilot.click(app.table, offset=(5, 0))
        assert app.heard == []


async def test_clicks_below_the_last_row_do_nothing() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(2)
        await pilot.pause()
        await pilot.click(app.table, offset=(5, 5))
        assert app.heard == []


async def test_enter_opens_the_cursor_row() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(10, cursor=3)
        await pilot.press("enter")
        assert app.heard == [("activated", 3)]


async def test_without_header() -> None:
    app = TableApp(header=False)
    async with app.run_test() as pilot:
        app.table.show(100)
        await pilot.press("end")
        assert lines(app.table)[-2].split() == ["op98", "98.5", "here"]
        app.table.header = True
        await pilot.press("home")
        assert lines(app.table)[0].split() == ["op", "value", "where"]


async def test_wide_columns_scroll_sideways_but_not_the_marks() -> None:
    app = TableApp((Column("first", 30, "left"), Column("second", 30, "left")))
    async with app.run_test() as pilot:
        app.table.show(3)
        await pilot.pause()
        assert app.table.max_scroll_x == 22
        app.table.scroll_to(x=22, animate=False)
        await pilot.pause()
        assert lines(app.table)[:2] == [" " * 10 + "second", "›" + " " * 9 + "0.5"]


async def test_columns_grow_with_the_width_and_can_be_replaced() -> None:
    app = TableApp((Column("op", 4, "left", grow=True), Column("value", 6)))
    async with app.run_test() as pilot:
        app.table.show(1)
        await pilot.pause()
        assert lines(app.table)[1] == "›op0" + "0.5".rjust(36)
        app.table.styles.width = 20
        await pilot.pause()
        assert lines(app.table)[1] == "›op0" + "0.5".rjust(16)
        app.table.set_columns((Column("only", 6, "left"),))
        await pilot.pause()
        assert lines(app.table)[:2] == [" only", "›op0"]


async def test_the_cursor_stays_in_view_when_the_table_shrinks() -> None:
    app = TableApp()
    async with app.run_test() as pilot:
        app.table.show(100, cursor=8)
        await pilot.pause()
        app.table.styles.height = 5
        await pilot.pause()
        assert lines(app.table)[-1].startswith("›op8")


async def test_shown_before_it_is_mounted() -> None:
    app = TableApp()
    app.table.show(100, cursor=50, current=50)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert lines(app.table)[-1].startswith("▶op50")
