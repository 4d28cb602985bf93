"""A block of attention with the same numbers on every machine."""

import torch

from bptui.records import Sample


def spread(*shape):
    """Numbers that repeat nowhere."""
    count = torch.Size(shape).numel()
    return torch.sin(torch.arange(count) * 1.3).round(decimals=2).reshape(shape)


def attention():
    """One step of attention over three tokens of four numbers."""
    query, key, value = (spread(4, 4).roll(by).requires_grad_() for by in range(3))
    tokens = spread(3, 4)
    scores = (tokens @ query) @ (tokens @ key).T / 2
    weights = scores.softmax(1)
    loss = (weights @ (tokens @ value)).square().mean()
    loss.backward()
    yield Sample(0, 0, loss.detach())
