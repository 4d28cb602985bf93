from __future__ import annotations

from textual.app import App, ComposeResult

from bptui.app.widgets.plot_widget import Plot

RAMP = tuple((float(value), float(value)) for value in range(200))


class PlotApp(App[None]):
    CSS = "Plot { width: 10; height: 2; }"

    def compose(self) -> ComposeResult:
        yield Plot()


def lines(plot: Plot) -> list[str]:
    return [plot.render_line(y).text for y in range(plot.size.height)]


async def test_shows_the_newest_that_fit() -> None:
    async with PlotApp().run_test() as pilot:
        plot = pilot.app.query_one(Plot)
        assert plot.columns_wanted == 20
        plot.show(RAMP)
        await pilot.pause()
        everything = lines(plot)
        plot.show(RAMP[-20:])
        await pilot.pause()
        assert lines(plot) == everything
        assert everything[1].rstrip() == "⣀⠤⠔⠊⠉"


async def test_marks_bad_columns_on_the_bottom_row() -> None:
    async with PlotApp().run_test() as pilot:
        plot = pilot.app.query_one(Plot)
        plot.show((*RAMP[:6], None), frozenset({6}))
        await pilot.pause()
        top, bottom = lines(plot)
        assert "×" not in top
        assert bottom[3] == "×"
        mark = next(segment for segment in plot.render_line(1) if segment.text == "×")
        assert mark.style is not None
        assert mark.style.bold


async def test_bad_columns_out_of_view_are_not_marked() -> None:
    async with PlotApp().run_test() as pilot:
        plot = pilot.app.query_one(Plot)
        plot.show(RAMP, frozenset({0, 180}))
        await pilot.pause()
        assert [index for index, glyph in enumerate(lines(plot)[1]) if glyph == "×"] == [0]


async def test_empty() -> None:
    async with PlotApp().run_test() as pilot:
        assert "".join(lines(pilot.app.query_one(Plot))).strip() == ""
