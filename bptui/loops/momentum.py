"""SGD, momentum and Adam go down the same valley from the same place."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bptui.records import Sample


def valley(point: torch.Tensor) -> torch.Tensor:
    """(x² + 30·y²) / 2: steep across, nearly flat along. The lowest point is (0, 0)."""
    x, y = point
    return (x**2 + 30 * y**2) / 2


def momentum(lr: float = 0.03, adam_lr: float = 0.2, epochs: int = 10) -> Iterator[Sample]:
    """SGD, momentum and Adam down the same valley.

    What to look at:
        1. A sample is a step of each of the three: its loss is three losses, which `x` in Gradients (2) shows.
           `s`, then `n` a few times: forward, backward, update, thrice.
        2. At an update (`o`), Op (0) shows the optimizer's state: momentum_buffer is the sum of the gradients,
           each older one times 0.9; Adam's exp_avg and exp_avg_sq are means of the gradient and of its square.
        3. Across (y) SGD is there at once; along (x) the gradient is small, and so are its steps.
        4. Momentum: gradients of one sign add up along x, so it is faster, and it overshoots: x changes its sign.
        5. Adam divides by the gradient's size: its first step is as long along x as along y, whatever the slope.
        6. Console (5) after `e`: where each is. `bptui run momentum --lr 0.07`: across the valley SGD diverges
           (lr · 30 > 2), momentum does not (it may go to 3.8).

    Args:
        lr: The learning rate of SGD and momentum.
        adam_lr: The learning rate of Adam, about the length of its steps.
        epochs: How often ten steps are taken.
    """
    start = torch.tensor([-4.0, 1.0])
    sgd, heavy, adam = (nn.Parameter(start.clone()) for _ in range(3))
    runs = {
        "SGD": (sgd, torch.optim.SGD([sgd], lr=lr)),
        "momentum": (heavy, torch.optim.SGD([heavy], lr=lr, momentum=0.9)),
        "Adam": (adam, torch.optim.Adam([adam], lr=adam_lr)),
    }

    for epoch in range(epochs):
        for index in range(10):
            losses = {}
            for name, (point, optimizer) in runs.items():
                loss = valley(point)  # forward
                optimizer.zero_grad()
                loss.backward()  # backward
                optimizer.step()  # update
                losses[name] = loss.detach()

            yield Sample(
                epoch=epoch, index=index, samples=10, epochs=epochs,
                loss=torch.stack(list(losses.values())),
                grad=torch.stack([sgd.grad, heavy.grad, adam.grad]), weight_after=torch.stack([sgd, heavy, adam]),
            )  # fmt: skip
        for name, (point, _) in runs.items():
            x, y = point.tolist()
            print(f"epoch {epoch + 1}: {name:8} x {x:9.4f}  y {y:9.4f}  loss {losses[name]:.6f}")
