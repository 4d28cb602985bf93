"""Every message comes back as it was; whatever is no message of ours is refused."""

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bptui.errors import ProtocolError
from bptui.protocol import Ended, GraphTraced, LayoutSeen, Status, Step, decode, encode, from_json, to_json
from bptui.protocol.codec import _tag
from bptui.records import Layout, Node, Stack, TensorSummary

from .strategies import KINDS, messages, values


def alike(one, other) -> bool:
    """Equality in which a NaN is a NaN, -0.0 is not 0.0 and an int is no float."""
    return repr(one) == repr(other)


@given(messages)
def test_a_message_comes_back_as_it_was(message):
    line = encode(message)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert alike(decode(line), message)


def test_every_kind_has_a_tag_of_its_own():
    assert len({_tag(kind) for kind in KINDS}) == len(KINDS)
    assert json.loads(encode(GraphTraced(3, ""))) == {"tag": "graph_traced", "step": 3, "nodes": ""}


@given(values(tuple[Node, ...]), values(TensorSummary), values(Stack))
def test_parts_of_messages_come_back_too(nodes, summary, stack):
    assert alike(from_json(Stack, to_json(stack)), stack)
    assert alike(from_json(TensorSummary, to_json(summary)), summary)
    assert alike(from_json(tuple[Node, ...], to_json(nodes)), nodes)


def test_whole_numbers_keep_all_their_digits():
    exact = TensorSummary((1,), "int64", "cpu", *[None] * 5, 0, 0, 0, 0, (2**63 - 1,))
    assert from_json(TensorSummary, to_json(exact)).values == (9223372036854775807,)


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"hello",
        b"[]",
        b"3",
        b"null",
        b'"pause"',
        b"{}",
        b'{"tag":"launch_missiles"}',
        b'{"tag":["step"]}',
        b'{"tag":null}',
        b'{"tag":"step"}',
        b'{"tag":"step","granularity":"month","count":1}',
        b'{"tag":"step","granularity":"sample","count":1.5}',
        b'{"tag":"step","granularity":"sample","count":"1"}',
        b'{"tag":"step","granularity":"sample","count":true}',
        b'{"tag":"step","granularity":"sample","count":1,"speed":2}',
        b'{"tag":"step","granularity":["sample"],"count":1}',
        b'{"tag":"fork","target":"x","arguments":"--lr"}',
        b'{"tag":"fork","target":"x","arguments":[1]}',
        b'{"tag":"layout_seen","id":0,"layout":{"kinds":[]}}',
        b'{"tag":"layout_seen","id":0,"layout":7}',
        b'{"tag":"samples","first":0,"layout":0,"rows":"","tensors":[[1,"loss"]]}',
        b'{"tag":"pause"',
        b"\xff\xfe",
        b"[" * 100_000,
    ],
    ids=lambda line: line[:60].decode("utf-8", "replace"),
)
def test_what_is_no_message_is_refused(line):
    with pytest.raises(ProtocolError, match="does not know") as refusal:
        decode(line)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 1000


@given(st.binary(max_size=60))
def test_any_bytes_are_a_message_or_refused(line):
    with contextlib.suppress(ProtocolError):
        decode(line)


leaves = st.none() | st.booleans() | st.floats() | st.text(max_size=5)


@given(st.recursive(leaves, lambda part: st.lists(part) | st.dictionaries(st.text(max_size=5), part)))
def test_any_json_is_a_message_or_refused(body):
    for tag in ("step", "status", "samples", "graph_traced"):
        with contextlib.suppress(ProtocolError):
            decode(json.dumps({"tag": tag, "nodes": body, "steps": body, "count": body}).encode())


def test_optional_fields_may_be_left_out_by_an_older_peer():
    assert decode(b'{"tag":"ended"}') == Ended()
    assert decode(b'{"tag":"step","granularity":"run"}') == Step("run")
    assert decode(b'{"tag":"status","state":"paused","branch":0,"steps":9}') == Status("paused", 0, 9)


def test_a_layout_keeps_what_a_loop_does_not_declare():
    assert decode(encode(LayoutSeen(2, Layout({})))) == LayoutSeen(2, Layout({}, None, None, None))
