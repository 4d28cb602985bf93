"""Karpathy's checks: each names the training that has the fault, and not the one that has not."""

import random

import pytest
import torch
from torch import nn
from torch.nn import functional

from bptui.debuggee import checking
from bptui.debuggee.checking import check_training
from bptui.debuggee.graph import Tracer
from bptui.protocol import Check, Checked
from bptui.records import Sample
from tests.debuggee.traced import traced

N, CLASSES = 8, 3


def mlp():
    return nn.Sequential(nn.Flatten(), nn.Linear(24, 16), nn.ReLU(), nn.Linear(16, CLASSES))


def training(loss_of, make=mlp, x=lambda: torch.randn(N, 4, 6), y=lambda: torch.randint(CLASSES, (N,))):
    """A loop of one sample."""

    def loop():
        torch.manual_seed(0)
        model = make()
        loss = loss_of(model, x(), y())
        loss.backward()
        yield Sample(0, 0, loss.detach())

    return loop


def cross_entropy(model, x, y):
    return functional.cross_entropy(model(x), y)


def ignored(model, x, y):
    return functional.cross_entropy(0 * model(x) + model[3].bias, y)


def clamped(model, x, y):
    return functional.cross_entropy(model(x).clamp(-0.01, 0.01), y)


def sure(model, x, y):
    return functional.cross_entropy(100 * model(x), y)


def mixed(model, x, y):
    hidden = torch.relu(model[1](x.flatten(1)))
    return functional.cross_entropy(model[3](hidden.view(16, N).t()), y)


def infinite(model, x, y):
    return functional.mse_loss((1e4 * model(x)).exp(), torch.zeros(N, CLASSES))


def normalised():
    layers = nn.Flatten(), nn.Linear(24, 16), nn.BatchNorm1d(16), nn.ReLU(inplace=True), nn.Dropout(0.5)
    return nn.Sequential(*layers, nn.Linear(16, CLASSES))


def mixed_normalised(model, x, y):
    hidden = model[:5](x)
    return functional.cross_entropy(model[5](hidden.view(16, N).t()), y)


class Language(nn.Module):
    """Tokens, (n, 5), → scores of the next ones, (n, 5, 11)."""

    def __init__(self):
        super().__init__()
        self.tokens, self.places = nn.Embedding(11, 16), nn.Embedding(5, 16)
        self.layer = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.last = nn.Linear(16, 11)

    def forward(self, x):
        hidden = self.tokens(x) + self.places(torch.arange(5))
        mask = nn.Transformer.generate_square_subsequent_mask(5)
        return self.last(self.layer(hidden, src_mask=mask, is_causal=True))


def next_token(model, x, y):
    return functional.cross_entropy(model(x).view(-1, 11), y.view(-1))


def tokens():
    return torch.randint(11, (N, 5))


class Recurrent(nn.Module):
    """The last state of an LSTM that takes the sequence first."""

    def __init__(self):
        super().__init__()
        self.lstm, self.last = nn.LSTM(6, 8), nn.Linear(8, CLASSES)

    def forward(self, x):
        return self.last(self.lstm(x)[0][-1])


HEALTHY = training(cross_entropy)
NORMALISED = training(cross_entropy, normalised)
LANGUAGE = training(next_token, Language, tokens, tokens)
SEQUENCE_FIRST = training(cross_entropy, Recurrent, lambda: torch.randn(5, N, 6))
SQUARE = training(cross_entropy, Recurrent, lambda: torch.randn(N, N, 6))
SQUARE_IMAGES = training(cross_entropy, x=lambda: torch.randn(N, 3, N), y=lambda: torch.randint(CLASSES, (N,)))
SQUARE_LANGUAGE = training(next_token, Language, *[lambda: torch.randint(11, (5, 5))] * 2)


@pytest.mark.parametrize(
    ("loop", "name", "is_good", "words"),
    [
        (HEALTHY, "initial loss", True, "−log(1/3) = 1.0986"),
        (HEALTHY, "overfit", True, "two examples: loss"),
        (HEALTHY, "zero input", True, "with zeros"),
        (HEALTHY, "batch leak", True, "on the other examples' 0"),
        (NORMALISED, "overfit", True, "two examples"),
        (NORMALISED, "batch leak", True, "BatchNorm mixes the examples, as it is meant to"),
        (LANGUAGE, "initial loss", True, "−log(1/11)"),
        (LANGUAGE, "overfit", True, "two examples"),
        (LANGUAGE, "zero input", True, "one token everywhere"),
        (LANGUAGE, "batch leak", True, "each of the 8"),
        (SEQUENCE_FIRST, "overfit", True, "two examples"),
        (SEQUENCE_FIRST, "batch leak", True, "each of the 8"),
        (training(sure), "initial loss", False, "surer of wrong classes"),
        (training(clamped), "overfit", False, "has a fault"),
        (training(ignored), "zero input", False, "no better with its inputs"),
        (training(mixed), "batch leak", False, "Examples of a batch mix"),
        (training(mixed_normalised, normalised), "batch leak", False, "Even without BatchNorm"),
        (SQUARE, "overfit", True, "the batch at hand"),
        (SQUARE_IMAGES, "overfit", True, "two examples"),
        (SQUARE_LANGUAGE, "batch leak", True, "each of the 5"),
        (SQUARE, "batch leak", None, "right if the sequence comes first"),
        (training(lambda model, x, y: 100 * model(x).mean() + 50), "overfit", None, "below 0"),
        (training(infinite), "batch leak", None, "not finite"),
        (training(lambda model, x, y: model(x).square().mean()), "initial loss", None, "no cross entropy"),
        (training(cross_entropy, x=lambda: torch.randn(1, 24), y=lambda: torch.tensor([1])), "batch leak", None,
         "one example"),
        (training(cross_entropy, x=lambda: torch.full((N, 4, 6), float("nan"))), "overfit", None, "not finite"),
    ],
)  # fmt: skip
def test_a_fault_is_named_and_what_is_sound_is_not(loop, name, is_good, words):
    told = check_training(name, traced(loop)[1].study.explainer, 0, None)
    assert told.is_good is is_good, told
    assert words in f"{told.found} {told.limit} {told.text}"


class Cube(torch.autograd.Function):
    """y = a³."""

    @staticmethod
    def forward(ctx, a):
        ctx.save_for_backward(a)
        return a**3

    @staticmethod
    def backward(ctx, g):
        return g * 3 * ctx.saved_tensors[0] ** 2


def everything():
    """A loop with what is easily touched: random numbers, buffers, an optimizer's state, ops in place."""
    torch.manual_seed(0)
    random.seed(0)
    first, norm, last = nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, CLASSES)
    model = nn.ModuleList([first, norm, last])
    optimizer = torch.optim.SGD(model.parameters(), 0.1, momentum=0.9)
    for index in range(3):
        hidden = Cube.apply(norm(first(torch.randn(N, 6))))
        padded = torch.zeros(N, 8)
        padded[:, :6] = functional.dropout(hidden, 0.3)[:, :6]
        padded[0].mul_(2)
        loss = functional.cross_entropy(last(padded.relu_()), torch.randint(CLASSES, (N,)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield Sample(0, index, loss.detach() + random.random())
    yield [*(each.detach().clone() for each in model.state_dict().values()), torch.get_rng_state()]


def test_nothing_of_it_is_left_in_the_training():
    *samples, state = everything()
    generator, seen, told = everything(), [], []
    while True:
        with Tracer(explains=lambda: True) as tracer:
            item = next(generator)
        if isinstance(item, list):
            break
        tracer.graph(item, generator.gi_frame)
        explainer = tracer.study.explainer
        told += [check_training(name, explainer, len(seen), 1.1) for name in ("overfit", "batch leak")]
        seen.append(item)
    assert not any("Not checked" in each.text for each in told), told
    assert [each.loss for each in samples] == [each.loss for each in seen]
    assert all(map(torch.equal, state, item))


def later():
    weight = torch.ones(3, requires_grad=True)
    middle = weight * torch.arange(3.0)
    loss = middle.exp().sum()
    loss.backward()
    yield Sample(0, 0, loss.detach())


def test_what_can_not_be_checked_says_why(monkeypatch):
    assert "step one sample" in check_training("overfit", None, 0, None).text
    explainer = traced(later)[1].study.explainer
    monkeypatch.setattr(checking, "STATES", 2**50)
    assert "memory" in check_training("overfit", explainer, 0, None).text
    monkeypatch.undo()
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    assert "CUDA" in check_training("overfit", explainer, 0, None).text
    monkeypatch.undo()
    explainer.kept.calls[0].outputs = ()
    explainer.kept.calls[0].overwrites = True
    assert "came about is not known" in check_training("overfit", explainer, 0, None).text
    explainer.kept._calls.clear()
    assert "was not kept" in check_training("overfit", explainer, 0, None).text


def changed_without_a_word():
    weight = torch.ones(3, requires_grad=True)
    middle = weight * torch.arange(3.0)
    middle.data.add_(1)
    loss = middle.sum()
    loss.backward()
    yield Sample(0, 0, loss.detach())


def test_what_is_not_the_training_itself_is_refused():
    told = check_training("overfit", traced(changed_without_a_word)[1].study.explainer, 0, None)
    assert told.is_good is None and "give the loss 3 and not 6" in told.text


def test_later_samples_are_judged_by_the_loss_of_the_first():
    explainer = traced(HEALTHY)[1].study.explainer
    assert check_training("initial loss", explainer, 5, 30.0).is_good is False
    assert check_training("initial loss", explainer, 5, 1.1).is_good is True
    assert "after the first sample" in check_training("initial loss", explainer, 5, None).text


def test_in_a_loop(begin):
    debuggee = begin(target="softmax")
    debuggee.step("sample")
    debuggee.send(Check(0, ("initial loss", "batch leak")))
    debuggee.until(Checked)
    debuggee.step("sample")
    assert [(told.step, told.check.name, told.check.is_good) for told in debuggee.of(Checked)] == [
        (0, "initial loss", True),
        (0, "batch leak", True),
    ]
