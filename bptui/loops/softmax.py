"""Softmax regression: three classes of points, told apart by one linear layer and cross-entropy."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy, one_hot

from bptui.records import Sample


def make_points(per_class: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around three centres, shuffled: (3n, 2), and their classes: (3n,)."""
    centres = torch.tensor([[0.0, 2.0], [-2.0, -1.0], [2.0, -1.0]])
    classes = torch.arange(3).repeat(per_class)[torch.randperm(3 * per_class)]
    return centres[classes] + 0.7 * torch.randn(3 * per_class, 2), classes


def softmax(lr: float = 0.2, epochs: int = 10, batch_size: int = 10) -> Iterator[Sample]:
    """Tell three classes apart with softmax and cross-entropy.

    What to look at:
        1. `s`: in Graph (1) cross_entropy is log_softmax and nll_loss. The first loss is near log 3 = 1.1: three
           classes, and nothing known yet.
        2. `y` on log_softmax: what goes out is softmax - one_hot(class), the probability given less the one due,
           over the ten points of the sample. Where a class was given too much, its logit goes down.
        3. Gradients (2): (softmax - one_hot)ᵀ · x / n by hand has the norm of autograd's gradient of the weight;
           `x` there shows all six entries of both.
        4. `e`: the gradient shrinks as the probabilities become right; Console (5) has the accuracy.
        5. `bptui run softmax --lr 20`: too sure at once. After an epoch the loss is all but 0, and with it the
           gradient: a point that is surely right teaches nothing.

    Args:
        lr: The learning rate.
        epochs: How many times to go through the points.
        batch_size: How many of the 90 points make a sample.
    """
    torch.manual_seed(0)
    points, classes = make_points(per_class=30)
    model = nn.Linear(2, 3)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    batches = list(zip(points.split(batch_size), classes.split(batch_size), strict=True))

    for epoch in range(epochs):
        right = 0
        for index, (x, target) in enumerate(batches):
            # forward: logits may be any numbers, softmax makes them probabilities
            logits = model(x)
            loss = cross_entropy(logits, target)

            # backward
            optimizer.zero_grad()
            loss.backward()
            excess = logits.detach().softmax(1) - one_hot(target, 3)

            # update
            optimizer.step()

            right += int((logits.argmax(1) == target).sum())
            yield Sample(
                epoch=epoch, index=index, samples=len(batches), epochs=epochs,
                input=x, target=target, output=logits, loss=loss,
                grad=model.weight.grad, by_hand=excess.T @ x / len(x), weight_after=model.weight,
            )  # fmt: skip
        print(f"epoch {epoch + 1}: {right}/{len(points)} right")
