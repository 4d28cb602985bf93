"""What the debuggee shows of its tensors, and what it does not."""

from base64 import b64decode

import numpy as np
import pytest

from bptui.protocol import (
    GraphTraced,
    InsideSeen,
    Inspect,
    Inspected,
    SaveTensor,
    Stopped,
    TensorCounted,
    TensorRef,
    TensorSaved,
    unpack_graph,
)
from tests.debuggee.driver import write_loop
from tests.debuggee.test_inside import NET

WIDE = """
    def loop():
        torch.manual_seed(1)
        weight = torch.nn.Parameter(torch.arange(2000.0).reshape(40, 50))
        optimizer = torch.optim.SGD([weight], lr=0.5, momentum=0.9)
        huge = torch.arange(100, dtype=torch.uint8).expand(10**6, 100)
        deep = torch.arange(24.0).reshape(2, 3, 4)
        deep[1, 2, 1] = float("nan")
        for index in range(4):
            loss = (weight * 2).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            yield Sample(0, index, loss)
"""


class Looking:
    """A debuggee that is asked about its tensors."""

    def __init__(self, debuggee):
        self.debuggee = debuggee
        self.request = 0

    def ask(self, kind, at, name, part="value", stop=None, kind_of=Inspect, **more):
        self.request += 1
        ref = TensorRef(kind, at, name, part)
        more = {"window": (4, 5), **more} if kind_of is Inspect else more
        stop = self.stop if stop is None else stop
        self.debuggee.send(kind_of(self.request, 0, stop, ref, **more))
        answer = self.debuggee.until(Inspected if kind_of is Inspect else TensorSaved)
        assert answer.request == self.request
        return answer

    @property
    def stop(self):
        return len(self.debuggee.of(Stopped))


@pytest.fixture(scope="module")
def wide(keeper, tmp_path_factory):
    debuggee = keeper.fork(write_loop(tmp_path_factory.mktemp("wide") / "wide.py", WIDE))
    debuggee.until(Stopped)
    debuggee.step()
    debuggee.step()
    yield Looking(debuggee)
    debuggee.close()


def test_a_window(wide) -> None:
    found = wide.ask("variable", 1, "deep", index="[1, :, 1:]", window=(2, 2), heat=(2, 2))
    assert (found.problem, found.shape, found.dtype, found.index) == ("", (2, 3, 4), "float32", "[1, :, 1:]")
    assert (found.size, found.first) == ((3, 3), (0, 0))
    assert found.values == ((13.0, 14.0), (17.0, 18.0))
    assert found.heat[0] == (13.0, 15.0) and found.every == (2, 2)


def test_the_update_of_a_parameter(wide) -> None:
    value = wide.ask("variable", 1, "weight")
    assert value.parts == ("value", "grad", "update", "momentum_buffer")
    assert value.before_steps == 1
    change = wide.ask("variable", 1, "weight", "update")
    assert change.values[0][0] == pytest.approx(value.values[0][0] - value.before[0][0])
    assert change.values[0][0] == pytest.approx(-1.9)
    assert wide.ask("variable", 1, "weight", "momentum_buffer").values[0][0] == pytest.approx(3.8)


def test_a_hundred_million_elements(wide) -> None:
    found = wide.ask("variable", 1, "huge", first=(999_998, 98), heat=(10, 20))
    assert found.shape == (10**6, 100) and found.size == (10**6, 100)
    assert found.values == ((98, 99), (98, 99))
    assert len(found.heat) == 10 and len(found.heat[0]) == 20


def test_statistics_follow_and_other_questions_are_answered_meanwhile(wide) -> None:
    wide.ask("variable", 1, "weight", "grad", bins=4)
    wide.ask("variable", 1, "deep")
    while len(wide.debuggee.of(TensorCounted)) < 2:
        wide.debuggee.until(TensorCounted)
    counted = wide.debuggee.of(TensorCounted)
    assert [each.bins for each in counted] == [(), (0, 0, 2000, 0)]
    assert counted[0].summary.mean == 2.0


def test_the_next_one_that_is_not_finite(wide) -> None:
    found = wide.ask("variable", 1, "deep", find=True)
    assert found.index == "[1, :, :]" and found.found == (2, 1)
    again = wide.ask("variable", 1, "deep", index="[1, :, :]", find=True, cursor=(2, 1))
    assert again.found == (2, 1)
    assert wide.ask("variable", 1, "weight", find=True).found is None


def test_a_file(wide, tmp_path) -> None:
    path = tmp_path / "deep.npy"
    saved = wide.ask("variable", 1, "deep", kind_of=SaveTensor, path=str(path))
    assert saved.is_done and str(path) in saved.text
    assert np.load(path).shape == (2, 3, 4)
    again = wide.ask("variable", 1, "deep", kind_of=SaveTensor, path=str(path))
    assert not again.is_done and "there already" in again.text


def test_what_is_not_there(wide) -> None:
    assert "gone on" in wide.ask("variable", 1, "deep", stop=1).problem
    assert "not at hand" in wide.ask("variable", 1, "nothing").problem
    assert "out of range" in wide.ask("variable", 1, "deep", index="[7]").problem
    assert "too many" in wide.ask("variable", 1, "deep", index="[0,0,0,0]").problem


def test_rows_of_the_graph(begin) -> None:
    looking = Looking(begin(NET))
    looking.debuggee.step()
    nodes = unpack_graph(b64decode(looking.debuggee.of(GraphTraced)[-1].nodes))
    for row in range(len(nodes)):
        found = looking.ask("row", row, nodes[row].name, window=(9, 9))
        grad = looking.ask("row", row, nodes[row].name, "grad", window=(9, 9))
        if nodes[row].kind == "op":
            for summary, shown in ((nodes[row].value, found), (nodes[row].grad, grad)):
                assert (shown.problem == "") == (summary is not None)
                if summary is not None:
                    assert [n for line in shown.values for n in line] == list(summary.values)


def weights(debuggee):
    return [numbers["loss"].hex() for *_, numbers in debuggee.rows]


def test_training_is_the_same_bit_for_bit(begin) -> None:
    plain, looking = begin(NET), Looking(begin(NET))
    for _ in range(3):
        plain.step()
        looking.debuggee.step("op", 5)
        for name in ("loss", "x", "net"):
            looking.ask("variable", 1, name, heat=(3, 3), bins=5, find=True)
        for at in range(3):
            looking.ask("part", at, "", heat=(3, 3), bins=5)
        looking.debuggee.step()
        for part in ("value", "grad", "update", "exp_avg"):
            looking.ask("row", 0, "net[0].weight", part, bins=5)
    assert weights(plain) == weights(looking.debuggee)


def test_every_part_of_a_stop_inside_is_its_own_tensor(begin) -> None:
    looking = Looking(begin(NET))
    roles = set()
    for _ in range(40):
        looking.debuggee.step("op")
        seen = looking.debuggee.of(InsideSeen)[-1].stop
        if len(looking.debuggee.rows) > 0:
            break
        for at, part in enumerate(seen.parts):
            if part.summary is None:
                continue
            found = looking.ask("part", at, part.name, window=(9, 99))
            assert found.problem == "", (seen, part)
            assert [number for line in found.values for number in line] == list(part.summary.values)
            roles.add(part.role)
    assert roles >= {"input", "output", "gradient in", "gradient out", "value", "before", "after", "state"}
