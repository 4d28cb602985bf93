"""Samples in shared memory: what was written is read, in its order, however full and whoever has gone."""

import mmap
import multiprocessing
import os
import signal
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.errors import ProtocolError
from bptui.protocol import SHARED_BYTES, Doing, LossesSeen, Ring, RingReader, Samples
from bptui.records import QUANTITIES
from tests.recording.making import batch, summary


def ends(wait=None):
    """Both ends; a full ring is taken from as a session does, into the list that is returned."""
    memory, taken = mmap.mmap(-1, SHARED_BYTES), []
    reader = RingReader(memory)
    return Ring(memory, wait or (lambda: taken.extend(reader.take()))), reader, taken


def row(step, value):
    return (step // 10, step % 10, *([value] * len(QUANTITIES)))


def expected(first, layout, rows):
    return batch(first, layout, [(e, i, dict(zip(QUANTITIES, values, strict=True))) for e, i, *values in rows])


def test_samples_of_one_layout_are_one_message():
    ring, reader, _ = ends()
    rows = [row(step, step / 7) for step in range(25)]
    for each in rows[:20]:
        ring.put_row(0, each)
    for each in rows[20:]:
        ring.put_row(3, each)
    assert list(reader.take()) == [expected(0, 0, rows[:20]), expected(20, 3, rows[20:])]
    assert list(reader.take()) == []


def test_messages_keep_their_place_among_the_samples():
    ring, reader, _ = ends()
    said = LossesSeen(1, summary([1.0, 2.0]))
    ring.put_row(0, row(0, 1.0))
    ring.put(said)
    ring.put_row(0, row(1, 2.0))
    ring.put(Samples(2, 0, batch(2, 0, [(0, 2, {})]).rows, ((2, "loss", "{}"),)))
    ring.put_row(0, row(3, 4.0))
    kinds = [(type(each), getattr(each, "first", None)) for each in reader.take()]
    assert kinds == [(Samples, 0), (LossesSeen, None), (Samples, 1), (Samples, 2), (Samples, 3)]


@given(st.lists(st.integers(0, 300) | st.text(max_size=200_000).map(Doing), min_size=5, max_size=40))
def test_everything_arrives_in_its_order(parts):
    """Samples and texts of any length, more than there is room for."""
    ring, reader, taken = ends()
    written = []
    for part in parts * 3:
        if isinstance(part, Doing):
            ring.put(part)
            written.append(part)
        else:
            for _ in range(part):
                ring.put_row(part % 3, row(len(written), part))
                written.append(part % 3)
    taken.extend(reader.take())
    steps, arrived = 0, []
    for each in taken:
        if isinstance(each, Samples):
            assert each.first == steps
            steps += each.count
            arrived += [each.layout] * each.count
        else:
            arrived.append(each)
    assert arrived == written


def test_a_message_longer_than_the_memory():
    ring, reader, taken = ends()
    ring.put(Doing("x" * 3 * SHARED_BYTES), Doing("after it"))
    taken.extend(reader.take())
    assert taken == [Doing("x" * 3 * SHARED_BYTES), Doing("after it")]


def test_what_was_written_outlives_its_writer():
    memory = mmap.mmap(-1, SHARED_BYTES)

    def write():
        ring = Ring(memory, lambda: None)
        for step in range(1000):
            ring.put_row(0, row(step, 0.5))
        os.kill(os.getpid(), signal.SIGKILL)

    writer = multiprocessing.get_context("fork").Process(target=write)
    writer.start()
    writer.join()
    (samples,) = RingReader(memory).take()
    assert samples.count == 1000


def test_a_flag_is_seen_and_is_no_part_of_the_records():
    ring, reader, _ = ends()
    for _ in range(300):
        reader.raise_flag()
    assert ring.flag[0] == 300 % 256
    assert list(reader.take()) == []


@pytest.mark.parametrize("size", [0, 4, SHARED_BYTES])
def test_a_stray_write_into_the_memory_is_no_crash(size):
    ring, reader, _ = ends()
    ring.put_row(0, row(0, 1.0))
    reader._records[:8] = struct.pack("=II", size, 0)
    with pytest.raises(ProtocolError, match=f"a record of {size} bytes"):
        list(reader.take())
