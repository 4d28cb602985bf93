"""What a debuggee says of its samples, in shared memory: there it is safe from whatever happens to the debuggee.

The debuggee writes a record per sample and does not wait for anybody; the session takes the records when it likes,
also while the debuggee is blocked in a call, and after a kill. All of them together are two streams, of samples as
numbers and of lines of JSON, each in its order.
"""

from __future__ import annotations

import base64
import mmap
import struct
from collections.abc import Callable, Iterator, Sequence

from bptui.errors import ProtocolError
from bptui.protocol.codec import decode, encode
from bptui.protocol.framing import LineSplitter
from bptui.protocol.messages import Message, Samples
from bptui.records import QUANTITIES

_FLAG, _WRITTEN, _READ, _START = 0, 1, 2, 64
"""Where the flag is as a byte, the two counters as words of 8 bytes, and the records from."""

_CAPACITY = 1 << 22
"""36 000 samples: the quickest training fills it in 2 s, and the session looks twice a second."""

SHARED_BYTES = _START + _CAPACITY
"""How much memory the two processes share."""

_NUMBERS = 2 + len(QUANTITIES)
_HEAD = struct.Struct("=II")
_ROW = struct.Struct(f"=II{_NUMBERS}d")
"""Its size in bytes, a multiple of 8; its layout; epoch, index and all quantities."""

_TEXT = 0xFFFF_FFFF
"""In place of a layout: a piece of the stream of lines."""

_NOTHING = 0xFFFF_FFFE
"""In place of a layout: the next record begins at the start of the memory."""

_LONGEST_PIECE = 1 << 16
"""A multiple of 8, so that only the end of a line is filled up, with more ends of lines."""


class Ring:
    """The debuggee's end.

    Attributes:
        flag: The byte that the session raises for the debuggee to look up from its work.
    """

    def __init__(self, memory: mmap.mmap, wait: Callable[[], None]) -> None:
        """Begin at the start of the memory.

        Args:
            memory: Of `SHARED_BYTES` zeros.
            wait: Called again and again while there is no room.
        """
        self._wait = wait
        self.reopen(memory)

    def reopen(self, memory: mmap.mmap) -> None:
        """Write into another memory from now on, from its start."""
        self.flag = memoryview(memory)[_FLAG : _FLAG + 1]
        self._records = memoryview(memory)[_START:]
        self._counters = memoryview(memory)[:_START].cast("Q")
        self._limit = 0

    def put_row(self, layout: int, numbers: Sequence[float]) -> None:
        """Write a sample: the id of its layout; its epoch, its index and all `QUANTITIES`."""
        at = self._counters[_WRITTEN]
        if at + _ROW.size > self._limit:
            at = self._make_room(_ROW.size)
        _ROW.pack_into(self._records, at % _CAPACITY, _ROW.size, layout, *numbers)
        # Only now is it there for the session; if we are interrupted before, there is no half of it.
        self._counters[_WRITTEN] = at + _ROW.size

    def put(self, *messages: Message) -> None:
        """Write messages that need not wake the session."""
        text = b"".join(map(encode, messages))
        for start in range(0, len(text), _LONGEST_PIECE):
            self._put_text(text[start : start + _LONGEST_PIECE])

    def _put_text(self, piece: bytes) -> None:
        size = _HEAD.size + -(-len(piece) // 8) * 8
        at = self._make_room(size)
        place = at % _CAPACITY
        _HEAD.pack_into(self._records, place, size, _TEXT)
        self._records[place + _HEAD.size : place + size] = piece.ljust(size - _HEAD.size, b"\n")
        self._counters[_WRITTEN] = at + size

    def _make_room(self, size: int) -> int:
        """Where a record of this size can be written, all in one piece."""
        at = self._counters[_WRITTEN]
        lap_end = (at // _CAPACITY + 1) * _CAPACITY
        if at + size > lap_end:
            self._await(lap_end)
            _HEAD.pack_into(self._records, at % _CAPACITY, lap_end - at, _NOTHING)
            self._counters[_WRITTEN] = at = lap_end
            lap_end += _CAPACITY
        self._await(at + size)
        self._limit = min(lap_end, self._counters[_READ] + _CAPACITY)
        return at

    def _await(self, end: int) -> None:
        while end > self._counters[_READ] + _CAPACITY:
            self._wait()


class RingReader:
    """The session's end."""

    def __init__(self, memory: mmap.mmap, steps: int = 0) -> None:
        """Begin at the start of the memory, of `SHARED_BYTES` zeros, and after so many samples."""
        self._memory = memory
        self._records = memoryview(memory)[_START:]
        self._counters = memoryview(memory)[:_START].cast("Q")
        self._splitter = LineSplitter()
        self._rows = bytearray()
        self._layout, self._steps = 0, steps

    def raise_flag(self) -> None:
        """Have the debuggee look up from its work."""
        self._memory[_FLAG] = (self._memory[_FLAG] + 1) & 0xFF

    def take(self) -> Iterator[Message]:
        """What was written since the last time; samples of one layout as one message.

        Raises:
            ProtocolError: The memory holds something else.
        """
        at, written = self._counters[_READ], self._counters[_WRITTEN]
        while at < written:
            place = at % _CAPACITY
            size, kind = _HEAD.unpack_from(self._records, place)
            if not _HEAD.size <= size <= min(_CAPACITY - place, written - at):
                raise ProtocolError(f"a record of {size} bytes in the memory shared with bptui")
            yield from self._record(kind, self._records[place + _HEAD.size : place + size])
            at += size
        yield from self._batch()
        self._counters[_READ] = at

    def close(self) -> None:
        """Let go of the memory."""
        self._records.release()
        self._counters.release()
        self._memory.close()

    def _record(self, kind: int, content: memoryview) -> Iterator[Message]:
        if kind == _TEXT:
            yield from self._batch()
            for line in filter(None, self._splitter.feed(bytes(content))):
                yield self._noted(decode(line))
        elif kind != _NOTHING:
            if kind != self._layout:
                yield from self._batch()
                self._layout = kind
            self._rows += content

    def _batch(self) -> Iterator[Message]:
        if self._rows:
            rows, self._rows = base64.b64encode(self._rows).decode(), bytearray()
            yield self._noted(Samples(self._steps, self._layout, rows))

    def _noted(self, message: Message) -> Message:
        if isinstance(message, Samples):
            self._steps += message.count
        return message
