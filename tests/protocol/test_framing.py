"""Messages over a stream that is cut anywhere."""

import asyncio
import itertools
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.errors import ProtocolError
from bptui.protocol import Channel, LineSplitter, Pause, Quit, Step, decode, encode, read_message

from .strategies import messages


@given(st.lists(messages, max_size=5), st.lists(st.integers(0, 2000), max_size=20))
def test_lines_are_found_wherever_the_stream_is_cut(sent, cuts):
    stream = b"".join(map(encode, sent))
    places = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    splitter = LineSplitter()
    pieces = [stream[begin:end] for begin, end in itertools.pairwise(places)]
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert [encode(decode(line)) for line in lines] == [encode(message) for message in sent]
    assert splitter.rest == b""


def test_a_piece_that_ends_no_line_is_kept():
    splitter = LineSplitter()
    assert splitter.feed(b"ab") == []
    assert splitter.feed(b"c\n\nd") == [b"abc", b""]
    assert splitter.rest == b"d"


@pytest.fixture
def ends():
    one, other = socket.socketpair()
    yield Channel(one), other
    one.close()
    other.close()


def test_a_channel_receives_in_order_and_across_pieces(ends):
    channel, other = ends
    whole = encode(Step("epoch", 2)) + encode(Pause())
    other.sendall(whole[:10])
    assert list(channel.poll()) == []
    other.sendall(whole[10:])
    assert channel.receive() == Step("epoch", 2)
    assert channel.receive() == Pause()
    assert list(channel.poll()) == []


def test_poll_gives_all_that_is_there(ends):
    channel, other = ends
    other.sendall(encode(Pause()) + encode(Step("sample", 3)) + encode(Quit())[:-1])
    assert list(channel.poll()) == [Pause(), Step("sample", 3)]


def test_the_end_of_the_other_side_is_an_eof(ends):
    channel, other = ends
    other.close()
    with pytest.raises(EOFError):
        channel.receive()
    with pytest.raises(EOFError):
        list(channel.poll())
    with pytest.raises(OSError):
        for _ in range(2):
            channel.send(Pause())


def test_send_takes_several_messages(ends):
    channel, other = ends
    channel.send(Pause(), Step("run"))
    assert other.recv(1000) == encode(Pause()) + encode(Step("run"))


async def _read_all(data: bytes, limit: int = 1 << 16):
    reader = asyncio.StreamReader(limit=limit)
    reader.feed_data(data)
    reader.feed_eof()
    found = []
    while (message := await read_message(reader)) is not None:
        found.append(message)
    return found


async def test_an_asyncio_stream_is_read_to_its_end():
    assert await _read_all(encode(Pause()) + encode(Step("run"))) == [Pause(), Step("run")]
    assert await _read_all(b"") == []


async def test_half_a_line_at_the_end_is_no_message():
    assert await _read_all(encode(Pause()) + encode(Step("run"))[:-1]) == [Pause()]


async def test_a_line_without_end_is_refused():
    with pytest.raises(ProtocolError, match="more than"):
        await _read_all(b"x" * 100 + b"\n", limit=10)
    with pytest.raises(ProtocolError, match="does not know"):
        await _read_all(b"{}\n")
