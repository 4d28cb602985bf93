"""Any value of a type: hypothesis strategies made from the type hints of the messages themselves."""

import dataclasses
import types
from functools import cache
from typing import Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from bptui.protocol import Message

KINDS = get_args(Message)

LEAVES = {
    str: st.text(max_size=20) | st.sampled_from(["", "\n", "\0", "\ud800", "∂", '"\\', "\u2028", "💥"]),
    int: st.integers(),
    float: st.floats() | st.sampled_from([0.0, -0.0, 5e-324, 1.7976931348623157e308]),
    bool: st.booleans(),
}


@cache
def values(hint):
    """Any value of the type that a hint names."""
    if dataclasses.is_dataclass(hint):
        return st.builds(hint, **{name: values(part) for name, part in get_type_hints(hint).items()})
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin in (Union, types.UnionType):
        return st.one_of([st.none() if part is types.NoneType else values(part) for part in arguments])
    if origin is dict:
        return st.dictionaries(*(values(part) for part in arguments), max_size=3)
    if origin is tuple and arguments[-1] is Ellipsis:
        return st.lists(values(arguments[0]), max_size=3).map(tuple)
    if origin is tuple:
        return st.tuples(*(values(part) for part in arguments))
    return LEAVES[hint]


messages = st.one_of([values(kind) for kind in KINDS])
