"""Twenty layers, twice: sigmoids lose the gradient on the way down, ReLUs with residuals do not."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bptui.records import Sample


class SigmoidLayer(nn.Module):
    """sigmoid(W·x + b), as it was done until about 2010."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (n, width), (n, width)."""
        return torch.sigmoid(self.linear(x))


class ResidualLayer(nn.Module):
    """x + W·relu(x) + b: the layer adds to what it is given (He et al., 2016)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.linear = nn.Linear(width, width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of (n, width), (n, width)."""
        return x + self.linear(torch.relu(x))


def vanishing(lr: float = 0.03, epochs: int = 10, layers: int = 20) -> Iterator[Sample]:
    """Twenty sigmoid layers against twenty ReLU with residuals.

    What to look at:
        1. `s`, then `z` for the whole of Graph (1). From layer 19 of sigmoids up to layer 0 the gradient falls by
           about a factor of eight a layer; from layer 19 of residuals to 0 it hardly changes.
        2. → on a layer of sigmoids, `y` on its sigmoid: the factor is s·(1 - s), at most 1/4, and W's is on top.
        3. → on a layer of residuals: add passes its gradient on as it is, past the linear and the ReLU.
        4. Weights (3): the first layer of sigmoids does not move; its gradient is too small for its update to
           change a float32.
        5. `c`: the losses in Console (5). The sigmoids come to know the mean, and nothing else.
        6. `bptui run vanishing --layers 3`: through so few sigmoids some of the gradient still arrives.

    Args:
        lr: The learning rate.
        epochs: How many times to go through 20 batches of 16.
        layers: How many layers each of the two networks has.
    """
    torch.manual_seed(0)
    width = 8
    x = torch.randn(20, 16, width)
    y = x.sum(2, keepdim=True) / width
    sigmoids = nn.Sequential(*(SigmoidLayer(width) for _ in range(layers)), nn.Linear(width, 1))
    residuals = nn.Sequential(*(ResidualLayer(width) for _ in range(layers)), nn.Linear(width, 1))
    optimizer = torch.optim.SGD([*sigmoids.parameters(), *residuals.parameters()], lr=lr)

    for epoch in range(epochs):
        for index in range(len(x)):
            # forward: the two networks share nothing but the data, so each gets the gradient of its own loss
            sigmoids_loss = ((sigmoids(x[index]) - y[index]) ** 2).mean()
            residuals_loss = ((residuals(x[index]) - y[index]) ** 2).mean()
            loss = sigmoids_loss + residuals_loss

            # backward
            optimizer.zero_grad()
            loss.backward()

            # update
            optimizer.step()

            yield Sample(
                epoch=epoch, index=index, samples=len(x), epochs=epochs,
                input=x[index], target=y[index], loss=loss,
                grad=sigmoids[0].linear.weight.grad, weight_after=sigmoids[0].linear.weight,
            )  # fmt: skip
        print(f"epoch {epoch + 1}: loss {sigmoids_loss:.4f} sigmoids, {residuals_loss:.4f} residuals")
