"""The Run panel: lines too long for it keep their structure."""

import pytest

from bptui.app.panels.run import _facts, _hung
from bptui.app.view import View
from bptui.protocol import Status
from bptui.recording.reader import Reader


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("short", ["short"]),
        ("", [""]),
        ("one\n  two\n", ["one", "  two", ""]),
        ("failed  ValueError: it is far too long", ["failed  ValueError: ", "    it is far too ", "    long"]),
        ('  File "/a/package/module.py", line 3', ['  File "/a/package/', '      module.py", ', "      line 3"]),
        ("    x = " + "y" * 20, ["    x = yyyyyyyyyyyy", "        yyyyyyyy"]),
        (" " * 30 + "^^^", [" " * 20, " " * 20, "          ^^^"]),
    ],
)
def test_a_line_is_continued_further_in(text, shown) -> None:
    lines = _hung(text, 20).split("\n")
    assert lines == shown
    assert "".join(line.strip() for line in lines).replace(" ", "") == text.replace("\n", "").replace(" ", "")


def test_what_is_changed_so_that_the_training_can_be_copied_is_said(recorded) -> None:
    record = recorded().epochs([3])
    record.writer.describe({"intra-op": "1 thread", "workers": "0, not 2"})
    record.writer.commit()
    lines = _facts(View(Status("paused", 0, 3, 1)), Reader(record.path), 80).plain.splitlines()
    assert {"intra-op  1 thread", "workers   0, not 2"} <= set(lines)
