"""A script that trains one weight in many ways, each some hundred quick samples that are alike until they are not.

Run by test_express.py. It says of each sample what it is: epoch, index, loss, gradient, weight before and after.
"""
# ruff: noqa: B007, E701

import json
import sys
from pathlib import Path

import torch

from bptui.debuggee.stepper import Stepper

EPOCHS, RATE = 30, 0.001
X = [0.5 + i / 10 for i in range(9)]
truth, passed = [], []
weight = torch.tensor([1.0], requires_grad=True)
kind = ""
pass_by = Stepper.pass_by


def count(*values):
    passed.append(kind)
    pass_by(*values)


def loss_of(x):
    return (weight * x - 3 * x) ** 2


def note(epoch, index, loss, grad, before):
    truth.append((kind, epoch, index, loss.item(), grad, before, weight.item()))


def update():
    weight.data -= RATE * weight.grad.data


def finish(epoch, index, loss, before, change=update):
    """What comes after the backward pass of a sample."""
    grad = weight.grad.item()
    change()
    weight.grad = None
    note(epoch, index, loss, grad, before)


def sample(epoch, index, x, change=update):
    """One sample as it should be."""
    before = weight.item()
    loss = loss_of(x)
    loss.backward()
    finish(epoch, index, loss, before, change)


def in_a_function():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x)


def train_epoch(epoch):
    for index, x in enumerate(X):
        sample(epoch, index, x)


def function_per_epoch():
    for epoch in range(EPOCHS):
        train_epoch(epoch)


def another_length():
    for epoch in range(EPOCHS):
        some = X if epoch % 7 else X[:4]
        for index, x in enumerate(some):
            sample(epoch, index, x)


def leaves_early():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x)
            if epoch % 5 == 4 and index == 3:
                break


def runs_dry():
    for epoch in range(EPOCHS):
        some = list(X)
        for index, x in enumerate(some):
            sample(epoch, index, x)
            if epoch % 5 == 4 and index == 3:
                del some[4:]


def rests():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x, update if index % 3 else lambda: None)


def in_place():
    def change():
        with torch.no_grad():
            weight.sub_(RATE * weight.grad)

    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x, change)


def set_between():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x)
        weight.data = torch.tensor([1.0 + epoch / 10])


def of_another_kind():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            if (epoch, index) == (20, 5):
                weight.data = weight.data.double()
            sample(epoch, index, x)
    weight.data = weight.data.float()


def not_a_number():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, float("nan") if (epoch, index) == (20, 5) else x)
    weight.data = torch.tensor([1.0])


def twice_at_times():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            before = weight.item()
            loss = loss_of(x)
            loss.backward()
            if epoch > 10 and index % 4 == 0:
                loss = loss_of(2 * x)
                loss.backward()
            finish(epoch, index, loss, before)


def gradients_between():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            sample(epoch, index, x)
            if epoch > 10 and index % 4 == 0:
                torch.autograd.grad(loss_of(x), weight)


def raises():
    for attempt in range(3):
        try:
            for epoch in range(EPOCHS):
                for index, x in enumerate(X):
                    before = weight.item()
                    loss = loss_of(x)
                    loss.backward()
                    finish(epoch, index, loss, before, lambda: None)
                    if (epoch, index) == (20, 5):
                        raise ValueError(attempt)
        except ValueError:
            pass


def yields():
    def samples(epoch):
        for index, x in enumerate(X):
            sample(epoch, index, x)
            yield

    for epoch in range(EPOCHS):
        list(samples(epoch))


def runs_of_epochs():
    for run in range(3):
        for epoch in range(EPOCHS):
            for index, x in enumerate(X):
                sample(epoch, index, x)


def one_line():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X): sample(epoch, index, x)  # fmt: skip


def says(index, x, epoch):
    print("before", len(truth))
    sample(epoch, index, x)
    print("after", len(truth) - 1)


def prints_below():
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            (says if (epoch + index) % 5 == 0 else lambda index, x, epoch: sample(epoch, index, x))(
                index, x, epoch
            )


def prints():
    for epoch in range(EPOCHS):
        print("begin", len(truth))
        for index, x in enumerate(X):
            if (epoch + index) % 5 == 0:
                print("before", len(truth))
            sample(epoch, index, x)
            if (epoch + index) % 7 == 0:
                print("after", len(truth) - 1)
        print("end", len(truth) - 1)


KINDS = (
    in_a_function, function_per_epoch, another_length, leaves_early, runs_dry, rests, in_place, set_between,
    yields, of_another_kind, not_a_number, twice_at_times, gradients_between, raises, runs_of_epochs, one_line,
    prints, prints_below,
)  # fmt: skip

if __name__ == "__main__":
    Stepper.pass_by = count
    for each in KINDS:
        kind = each.__name__
        each()
        weight.data = torch.tensor([1.0])

    kind = "of_the_module"
    for epoch in range(EPOCHS):
        for index, x in enumerate(X):
            before = weight.item()
            loss = loss_of(x)
            loss.backward()
            grad = weight.grad.item()
            weight.data -= RATE * weight.grad.data
            weight.grad.data.zero_()
            note(epoch, index, loss, grad, before)

    Path(sys.argv[1]).write_text(json.dumps([truth, passed]))
