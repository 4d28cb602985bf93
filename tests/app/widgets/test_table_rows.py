from __future__ import annotations

from collections.abc import Sequence

import pytest
from rich.text import Text
from textual.content import Content
from textual.style import Style

from bptui.app.widgets.table_rows import PAGE, Cell, Column, Pages, Row, column_widths, draw_cells


class Numbers:
    """A source that remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def __call__(self, start: int, stop: int) -> Sequence[Row]:
        self.asked.append((start, stop))
        return [Row((str(index),)) for index in range(start, stop)]


def test_a_page_is_fetched_once() -> None:
    numbers = Numbers()
    pages = Pages(numbers)
    for index in range(PAGE + 1):
        row = pages.row(index, 1000)
        assert row is not None
        assert row.cells == (str(index),)
    assert numbers.asked == [(0, PAGE), (PAGE, 2 * PAGE)]


def test_dropping_keeps_the_pages_before() -> None:
    numbers = Numbers()
    pages = Pages(numbers)
    for index in (0, PAGE, 2 * PAGE):
        pages.row(index, 1000)
    pages.drop(PAGE + 5)
    numbers.asked.clear()
    for index in (0, PAGE, 2 * PAGE):
        pages.row(index, 1000)
    assert numbers.asked == [(PAGE, 2 * PAGE), (2 * PAGE, 3 * PAGE)]


def test_a_last_page_that_grew_is_fetched_again() -> None:
    numbers = Numbers()
    pages = Pages(numbers)
    pages.row(0, 5)
    assert pages.row(7, 8) == Row(("7",))
    assert numbers.asked == [(0, 5), (0, 8)]


def test_a_source_that_gives_too_little_is_not_asked_again() -> None:
    asked = []

    def source(start: int, stop: int) -> Sequence[Row]:
        asked.append((start, stop))
        return ()

    pages = Pages(source)
    assert pages.row(0, 10) is None
    assert pages.row(1, 10) is None
    assert len(asked) == 1


def test_few_pages_are_kept() -> None:
    numbers = Numbers()
    pages = Pages(numbers)
    for page in range(100):
        pages.row(page * PAGE, 1_000_000)
    pages.row(0, 1_000_000)
    assert len(numbers.asked) == 101


def test_growing_columns_share_the_spare_width() -> None:
    columns = (Column("a", 3, grow=True), Column("b", 4), Column("c", 2, grow=True))
    assert column_widths(columns, 16) == (6, 4, 4)
    assert column_widths(columns, 5) == (3, 4, 2)
    assert column_widths((), 5) == ()


@pytest.mark.parametrize(
    ("cell", "drawn"),
    [
        ("ab", "  ab"),
        ("abcd", "abcd"),
        ("abcde", "abc…"),
        ("日本語", "日 …"),
        ("a\nb\x1b", "a b "),
        (Content.from_markup("[bold]abcde"), "abc…"),
        (Content("a\nb"), " a b"),
        (Text("ab", style="bold red"), "  ab"),
    ],
)
def test_cells_fit_their_width(cell: Cell, drawn: str) -> None:
    segments = draw_cells((cell,), ((4, "right"),), Style())
    assert "".join(segment.text for segment in segments) == drawn


def test_styles_in_a_cell_are_kept() -> None:
    cells = ("a", Text("b", style="bold red"), Content.styled("c", "italic"))
    segments = draw_cells(cells, ((2, "left"), (2, "left"), (2, "left")), Style())
    by_text = {segment.text.strip(): segment.style for segment in segments}
    assert by_text["b"] is not None
    assert by_text["b"].bold
    assert by_text["b"].color is not None
    assert by_text["b"].color.name in {"red", "color(1)"}
    assert by_text["c"] is not None
    assert by_text["c"].italic
