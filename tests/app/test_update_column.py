"""Where samples and updates are not one to one, the Gradients table says which update follows a sample."""

from __future__ import annotations

from textual.content import Content

from bptui.app.panels.gradient_rows import GradientRows, columns
from bptui.records import Kind, Layout, RecordedSample

NUMBER = Kind((), "int", "")


def sample(*names: str) -> RecordedSample:
    return RecordedSample(0, 0, 0, 0, Layout(dict.fromkeys(names, NUMBER)), {})


def test_it_is_there_only_where_it_says_something() -> None:
    assert "update_number" not in columns(None)
    assert "update_number" not in columns(sample("loss"))
    assert list(columns(sample("loss", "update_number")))[:3] == ["epoch", "sample", "update_number"]


def test_a_micro_batch_has_a_dot(recorded) -> None:
    numbers = [0, 1, 0, 2]
    rows = [{"epoch": 0, "index": i, "loss": 1.0, "update_number": number} for i, number in enumerate(numbers)]
    reader = recorded().samples(rows).reader()
    shown = {"update_number": columns(sample("update_number"))["update_number"]}
    cells = [row.cells[0] for row in GradientRows(reader, 0, 4, shown).rows(0, 4)]
    assert [cell.plain if isinstance(cell, Content) else cell for cell in cells] == ["·", "1", "·", "2"]
