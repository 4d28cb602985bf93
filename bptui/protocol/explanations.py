"""Explanations in few bytes: the same words come again and again in them."""

from __future__ import annotations

import zlib

from bptui.errors import ProtocolError
from bptui.protocol.codec import from_json, to_json
from bptui.records import Explanations


def pack_explanations(explanations: Explanations) -> bytes:
    """Explanations as bytes, some 150 of them a row."""
    return zlib.compress(to_json(explanations).encode("utf-8", "backslashreplace"), 1)


def unpack_explanations(packed: bytes) -> Explanations:
    """What `pack_explanations` was given.

    Raises:
        ProtocolError: It is damaged, or of another version.
    """
    try:
        text = zlib.decompress(packed)
    except zlib.error as error:
        raise ProtocolError(f"explanations that this version of bptui does not know ({error})") from error
    return from_json(Explanations, text)
