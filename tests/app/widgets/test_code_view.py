from __future__ import annotations

from textual.app import App, ComposeResult

from bptui.app.widgets.code_highlight import highlighted_lines
from bptui.app.widgets.code_view import CodeView

CODE = "".join(f"x{number} = {number}  # comment\n" for number in range(1, 101))
HEIGHT = 12


class CodeApp(App[None]):
    CSS = f"CodeView {{ width: 40; height: {HEIGHT}; }}"

    def __init__(self) -> None:
        super().__init__()
        self.view = CodeView()

    def compose(self) -> ComposeResult:
        yield self.view


def lines(view: CodeView) -> list[str]:
    return [view.render_line(y).text.rstrip() for y in range(view.size.height)]


def background(view: CodeView, y: int) -> object:
    style = next(iter(view.render_line(y))).style
    assert style is not None
    return style.bgcolor


async def test_numbers_and_marks() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE, 2, frozenset({3}))
        await pilot.pause()
        assert lines(app.view)[:4] == [
            "   1   x1 = 1  # comment",
            "   2 ▶ x2 = 2  # comment",
            "   3 · x3 = 3  # comment",
            "   4   x4 = 4  # comment",
        ]
        assert len({background(app.view, y) for y in range(4)}) == 3


async def test_the_current_line_comes_to_two_thirds_of_the_height() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE, 50)
        await pilot.pause()
        assert lines(app.view)[HEIGHT * 2 // 3].startswith("  50 ▶")


async def test_nothing_scrolls_while_the_current_line_is_visible() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        tops = []
        for current in (50, 52, 46, None, 53, 54, 100):
            app.view.show("a.py", CODE, current)
            await pilot.pause()
            tops.append(app.view.scroll_offset.y)
        assert tops == [41, 41, 41, 41, 41, 45, 88]


async def test_another_file_starts_at_its_top() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE, 50)
        await pilot.pause()
        app.view.show("b.py", CODE)
        await pilot.pause()
        assert lines(app.view)[0].startswith("   1")


async def test_keys_scroll() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE)
        app.view.focus()
        app.animation_level = "none"
        await pilot.pause()
        tops = []
        for key in ("pagedown", "end", "home"):
            await pilot.press(key)
            tops.append(app.view.scroll_offset.y)
        assert tops == [12, 88, 0]


async def test_keys_move_a_cursor_that_stays_in_sight() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE, current=3, signs={4: "●"})
        app.view.focus()
        app.animation_level = "none"
        await pilot.press("down")
        assert app.view.cursor == 4
        assert lines(app.view)[3].startswith("●  4 ›")
        await pilot.press(*["down"] * 30)
        assert app.view.cursor == 34
        assert app.view.scroll_offset.y > 0
        app.view.show("a.py", CODE, current=5)
        assert app.view.cursor == 5


async def test_long_lines_scroll_sideways_and_the_numbers_stay() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", "x = '" + "-" * 60 + "end'\n")
        await pilot.pause()
        app.view.scroll_to(x=app.view.max_scroll_x, animate=False)
        await pilot.pause()
        assert lines(app.view)[0].startswith(" 1   -")
        assert lines(app.view)[0].endswith("-end'")


async def test_placeholder() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.placeholder = "Nothing is running"
        await pilot.pause()
        assert lines(app.view)[HEIGHT // 2] == " " * 11 + "Nothing is running"
        app.view.show("a.py", CODE)
        app.view.show("", "")
        await pilot.pause()
        assert "Nothing is running" in lines(app.view)[HEIGHT // 2]
        assert app.view.max_scroll_y == 0


async def test_shown_before_it_is_mounted() -> None:
    app = CodeApp()
    app.view.show("a.py", CODE, 50)
    async with app.run_test() as pilot:
        await pilot.pause()
        assert lines(app.view)[HEIGHT * 2 // 3].startswith("  50 ▶")


async def test_current_line_is_reverse_and_plain_where_there_are_no_shades() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.theme = "ansi-dark"
        app.view.show("a.py", CODE, 2)
        await pilot.pause()
        styles = {segment.style for segment in app.view.render_line(1)}
        assert len(styles) == 1
        assert all(style is not None and style.reverse for style in styles)


def test_lines_are_pythons_lines() -> None:
    text = "a = '\x0c'\r\nb = 1\r\tc = '\u2028'\n\n"
    drawn = [line.plain for line in highlighted_lines("a.py", text)]
    assert drawn == ["a = ' '", "b = 1", "        c = ' '", ""]


def test_highlighting_is_cached() -> None:
    assert highlighted_lines("a.py", CODE) is highlighted_lines("a.py", CODE)


def test_long_text_stays_plain() -> None:
    lines = highlighted_lines("a.py", "x = 1\n" * 50_000)
    assert len(lines) == 50_000
    assert not lines[0].spans


def test_language_by_name() -> None:
    assert {str(span.style) for line in highlighted_lines("a.yaml", "key: 1") for span in line.spans}
    assert highlighted_lines("<stdin>", "import a")[0].spans == highlighted_lines("a.py", "import a")[0].spans
    assert highlighted_lines("a.unknown", "import a")[0].plain == "import a"


async def test_the_line_of_an_error_is_marked_as_one() -> None:
    app = CodeApp()
    async with app.run_test() as pilot:
        app.view.show("a.py", CODE, 2, is_error=True)
        await pilot.pause()
        assert lines(app.view)[1] == "   2 ✗ x2 = 2  # comment"
        assert background(app.view, 1) != background(app.view, 2)
