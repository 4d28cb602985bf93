"""Bytes into lines: marks, pieces, floods."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.session.console import LONGEST, TAIL, LineReader

PLENTY = 10**9


def read(*pieces, room=PLENTY):
    reader = LineReader(1)
    texts, lines = zip(*[reader.feed(piece, room) for piece in pieces], reader.finish(), strict=True)
    return b"".join(texts), [line for some in lines for line in some]


def mark(step):
    return b"\x1b_bptui;%d\x1b\\" % step


def test_lines_before_the_first_sample():
    assert read(b"one\ntwo\n") == (b"one\ntwo\n", [(-1, 1, "one"), (-1, 1, "two")])


def test_marks_are_followed_and_removed():
    text, lines = read(mark(0) + b"a\n" + mark(1) + b"b\nc\n" + mark(12) + b"d\n")
    assert text == b"a\nb\nc\nd\n"
    assert lines == [(0, 1, "a"), (1, 1, "b"), (1, 1, "c"), (12, 1, "d")]


def test_a_line_belongs_to_the_step_in_which_it_ends():
    assert read(mark(3) + b"10%", mark(4) + b"..\n")[1] == [(4, 1, "10%..")]


def test_the_last_line_needs_no_end():
    assert read(b"a\nb")[1] == [(-1, 1, "a"), (-1, 1, "b")]


def test_other_escapes_stay():
    said = b"\x1b[31mred\x1b[0m\x1b\n\x1b_x\x1b\\\n"
    text, lines = read(said)
    assert text == said
    assert [line[2] for line in lines] == ["\x1b[31mred\x1b[0m\x1b", "\x1b_x\x1b\\"]


def test_a_mark_of_an_absurd_step_is_text():
    assert read(b"\x1b_bptui;" + b"9" * 40 + b"\x1b\\\n")[1][0][0] == -1


@pytest.mark.parametrize(
    ("said", "shown"),
    [(b"a\rb\n", "b"), (b"windows\r\n", "windows"), (b"10%\r20%\r\n", "20%"), (b"\r\n", ""), (b"\n", "")],
)
def test_a_carriage_return_begins_the_line_anew(said, shown):
    assert read(said)[1] == [(-1, 1, shown)]


def test_bytes_that_are_no_text():
    assert read(b"\xff\0\n")[1] == [(-1, 1, "\\xff\\x00")]


def test_a_line_without_an_end_is_cut():
    lines = read(*[b"x" * 10_000] * 20)[1]
    assert max(len(text) for _, _, text in lines) == LONGEST
    assert "".join(text for _, _, text in lines) == "x" * 200_000


def test_of_a_flood_the_last_lines_are_kept():
    said = b"".join(b"%d\n" % i for i in range(1000))
    text, lines = read(said + b"half", b" a line\n", room=10)
    assert text == said + b"half a line\n"
    assert lines[0][2] == "… 900 lines not kept: too many at once …"
    assert [line[2] for line in lines[1:]] == [*map(str, range(1000 - TAIL, 1000)), "half a line"]


@given(
    st.lists(
        st.tuples(st.integers(0, 99), st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x1b\0")))
    ),
    st.data(),
)
def test_pieces_may_be_cut_anywhere(said, data):
    whole = b"".join(mark(step) + text.encode() + b"\n" for step, text in said)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=20)))
    pieces = [whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    text, lines = read(*pieces)
    assert text == b"".join(text.encode() + b"\n" for _, text in said)
    assert lines == [(step, 1, text) for step, text in said]
