"""The Run panel: lines too long for it keep their structure."""

import pytest

from bptui.app.panels.run import _hung


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
