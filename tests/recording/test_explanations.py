"""Explanations, written and read again, whatever numbers are in them."""

from base64 import b64encode

import pytest

from bptui.errors import ProtocolError
from bptui.protocol import Explained, pack_explanations, unpack_explanations
from bptui.records import ExplainedRow, Explanation, Explanations, InputGradient, Place

from .making import layout, losses

INPUTS = (
    InputGradient("self", "a", "grad * other", "∂L/∂a = g · b", "∂L/∂a = 6", (1, 2), 6.0, ("summed",), (3, 4),
                  6.0, 3.0, 1e-8, 3.0, "3"),
    InputGradient("other", remark="needs no gradient"),
)  # fmt: skip
ROWS = (
    ExplainedRow(
        5, (4, None), Explanation("MulBackward0", "mul", "mul(…)", "y = a · b", "", None, (3, 4), 2.0, INPUTS)
    ),
    ExplainedRow(4, (0,), Explanation("MyBackward", "My", place=Place("/x/loop.py", 3), norm=float("inf"))),
)
SOME = Explanations(ROWS, (2, 1), 0.15, (5,))


def test_what_is_written_is_read(writer, read):
    writer.layout(0, layout("loss"))
    writer.explanations(Explained(1, b64encode(pack_explanations(SOME)).decode()))
    writer.samples(losses(0, [1.0] * 3))
    writer.commit()
    reader = read()
    assert reader.explanations(0, 1) == SOME
    assert reader.explanations(0, 0) is None and reader.explanations(1, 1) is None


@pytest.mark.parametrize("damaged", [b"", b"hello", pack_explanations(SOME)[:-9]])
def test_what_is_damaged_is_refused(damaged):
    with pytest.raises(ProtocolError):
        unpack_explanations(damaged)
