"""The stack of a script at its stops and at its end, as the recording has it."""

import pytest

NESTED = """
import sys
import torch
from training import fit

class Hostile:
    def __repr__(self):
        return f"{torch.rand(1)}"
    __len__ = __getattr__ = __repr__

class Net(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = torch.nn.Linear(3, 4), torch.nn.Linear(4, 1)
    def forward(self, x):
        hidden = torch.relu(self.first(x))
        if where == "forward":
            raise ValueError("in forward")
        return self.second(hidden)

def main():
    torch.manual_seed(0)
    net, hostile = Net(), Hostile()
    fit(net, 6)

where = ""
main()
"""

TRAINING = """
import torch

def step(net, optimizer, x, y):
    optimizer.zero_grad()
    loss = ((net(x) - y) ** 2).mean()
    loss.backward()
    optimizer.step()
    return loss

def fit(net, count):
    optimizer = torch.optim.SGD(net.parameters(), 0.1)
    losses = []
    for index in range(count):
        x = torch.randn(5, 3)
        losses.append(step(net, optimizer, x, x.sum(1, keepdim=True)))
        print(losses[-1].item().hex())
"""


def line_of(source, words):
    return source[: source.index(words)].count("\n") + 1


def shown(frame):
    return {local.name: local for local in frame.locals}


def functions(stack):
    return [frame.function for frame in stack.frames]


@pytest.fixture
def nested(workshop):
    """Writes the script and its module; returns the paths of both."""

    def write(where=""):
        training = workshop.write(TRAINING, "training.py")
        return workshop.write(NESTED.replace('where = ""', f'where = "{where}"')), training

    return write


async def test_a_stack_at_every_stop_and_the_same_training(workshop, nested):
    script, training = nested()
    said = workshop.said(script)
    async with workshop.session(script) as stepped:
        assert stepped.done().reader.stack(0, 0) is None  # before its first line
        await stepped.step(1)
        await stepped.step(3)
        reader = stepped.done().reader
        first, second = reader.stack(0, 1), reader.stack(0, 4)
        assert functions(first) == ["fit", "main", "<module>"] == functions(second)
        assert first.frames[0].place.path == training
        assert first.frames[0].place.line == line_of(TRAINING, "for index")
        assert first.frames[1].place.line == line_of(NESTED, "fit(net, 6)")
        inner = shown(second.frames[0])
        assert inner["x"].summary.shape == (5, 3)
        assert (inner["losses"].text, inner["index"].summary.item) == ("4 items", 3)
        assert inner["net"].text == "21 parameters"
        assert shown(second.frames[1])["hostile"].kind == "Hostile"
        assert reader.sample(0, 0).layout.place.line == line_of(TRAINING, "loss.backward()")
        assert reader.source(training) == TRAINING and reader.source(script) == NESTED
        assert reader.stack(0, 2) is None  # it did not stop there
        await stepped.step(1, "run")
        done = stepped.done()
        assert done.code == 0
        assert done.stdout == said  # every loss, bit for bit, and nothing else was printed
        assert done.reader.stack(0, 6) is None


def test_an_exception_in_forward(workshop, nested):
    script, training = nested("forward")
    done = workshop.record(script)
    stack = done.reader.stack(0, 0)
    assert stack.error == "ValueError: in forward"
    assert functions(stack) == ["Net.forward", "step", "fit", "main", "<module>"]
    assert stack.frames[0].place.line == line_of(NESTED, "raise")
    assert shown(stack.frames[0])["hidden"].summary.shape == (5, 4)
    assert stack.frames[1].inside == "3 frames of torch"  # two, and one where a module is listened to
    assert done.reader.source(training) == TRAINING  # no sample was seen in it, but a frame


HOOKED = """
import torch

def fail(grad):
    scale = grad * 2
    raise RuntimeError("in a hook")

def train():
    weight = torch.ones(3, requires_grad=True)
    for index in range(5):
        loss = (weight * index).sum()
        if index == 3:
            weight.register_hook(fail)
        loss.backward()

train()
"""


def test_an_exception_in_a_hook_of_the_users(workshop):
    done = workshop.record(workshop.write(HOOKED))
    assert done.branch.steps == 3
    stack = done.reader.stack(0, 3)
    assert stack.error == "RuntimeError: in a hook"
    assert functions(stack) == ["fail", "train", "<module>"]
    assert shown(stack.frames[0])["scale"].summary.mean == 6
    assert shown(stack.frames[1])["index"].summary.item == 3


def test_a_syntax_error_in_what_is_imported(workshop):
    workshop.write("x = = 1\n", "broken.py")
    done = workshop.record(workshop.write("import torch\nimport broken\n"))
    stack = done.reader.stack(0, 0)
    assert stack.error == "SyntaxError: invalid syntax"
    assert [frame.place.line for frame in stack.frames] == [2]
