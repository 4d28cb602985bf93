"""What a terminal shows of what a script prints: rows, some of them rewritten."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.session.console import LONGEST, TAIL
from bptui.session.screen import Screen

PLENTY = 10**9


def rows(*pieces, room=PLENTY, height=24):
    """The last that was said of each row, and the text that went through."""
    screen, shown, passed = Screen(height), {}, b""
    for piece in pieces:
        text, _ = screen.feed(piece, room)
        passed += text
        shown |= {row: rest for row, *rest in screen.take()}
    return [shown[row] for row in sorted(shown)], passed


def texts(*pieces, **options):
    return [text for _, _, text in rows(*pieces, **options)[0]]


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"a\nb\n", ["a", "b"]),
        (b"name? ", ["name?"]),
        (b"\n\na", ["", "", "a"]),
        (b"10%\r20%", ["20%"]),
        (b"long line\rshort", ["shortline"]),
        (b"long line\r\x1b[Kshort", ["short"]),
        (b"abc\x1b[2K\rx", ["x"]),
        (b"abc\x1b[1K", [""]),
        (b"abx\bc", ["abc"]),
        (b"a\x1b[3Cb\x1b[2DX\x1b[1GY", ["Y  Xb"]),
        (b"outer\n\rinner 1\x1b[A\n\rinner 2\x1b[A\rOUTER", ["OUTER", "inner 2"]),
        (b"one\ntwo\n\x1b[99A\r1\x1b[1B\r2", ["1ne", "2wo"]),
        (b"\x1b[1;31mred\x1b[0m \x1b]0;title\x07\x1b]8;;x\x1b\\link\x1b7\n", ["red link"]),
        (b"\xff\0\xc3\xa9\n", ["\\xff\\x00é"]),
        (b"windows\r\n", ["windows"]),
        (b"kept\x1b[2J\x1b[H\n", ["kept"]),
        (b"\x1b[", []),
    ],
)
def test_what_is_shown(said, shown):
    assert texts(said) == shown
    assert texts(*[said[i : i + 1] for i in range(len(said))]) == shown


def test_a_row_that_has_scrolled_away_stays():
    assert texts(b"a\nb\nc\n\x1b[9A\rX", height=3) == ["a", "X", "c"]


def test_of_another_height_nothing_that_was_printed_is_lost():
    screen, shown = Screen(5), {}
    for said, height in ((b"a\nb\nc\nd\n\x1b[9AA", 2), (b"\x1b[9AX", 4), (b"\n\n\n\n\x1b[9AY", 10**6)):
        screen.feed(said, PLENTY)
        screen.resize(height)
        shown |= {row: text for row, *_, text in screen.take()}
    # The cursor was at the first row, and is at the first that is left.
    assert [shown[row] for row in sorted(shown)] == ["A", "b", "c", "dX", "Y", "", ""]


def test_marks_say_step_and_stream_and_do_not_pass():
    said = b"\x1b_bptui;0;1\x1b\\a\n\x1b_bptui;1;2\x1b\\b\x1b_bptui;2;1\x1b\\c\n"
    assert rows(said) == ([[0, 1, "a"], [1, 2, "bc"]], b"a\nbc\n")


def test_a_row_that_was_wiped_belongs_to_what_comes_next():
    said = b"\x1b_bptui;0;2\x1b\\bar\r   \r\x1b_bptui;7;1\x1b\\loss\n"
    assert rows(said)[0] == [[7, 1, "loss"]]


def test_only_what_has_changed_is_said_again():
    screen = Screen(24)
    screen.feed(b"a\nb\nc", PLENTY)
    assert [row for row, *_ in screen.take()] == [0, 1, 2]
    screen.feed(b"\x1b[1A\rB\n", PLENTY)
    assert [(row, text) for row, _, _, text in screen.take()] == [(1, "B")]
    assert screen.take() == []


def test_a_line_without_an_end_is_cut():
    shown = texts(b"x" * (2 * LONGEST + 1))
    assert [len(text) for text in shown] == [LONGEST, LONGEST, 1]


def test_of_a_flood_the_last_lines_are_kept():
    shown = texts(b"".join(b"%d\n" % i for i in range(1000)), room=10)
    assert shown == ["… 900 lines not kept: too many at once …", *map(str, range(1000 - TAIL, 1000))]


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=5))
def test_anything_goes_and_may_be_cut_anywhere(said, cuts):
    cuts = sorted(min(cut, len(said)) for cut in cuts)
    pieces = [said[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(said)], strict=True)]
    assert texts(*pieces) == texts(said) or b"\x1b" in said
