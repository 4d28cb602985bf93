"""A training that works, and five bugs to put into it."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bptui.records import Sample


def make_points(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points, (n, 2), and whether each is outside the unit circle, (n, 1); the last of them is far out."""
    points = 1.2 * torch.randn(count, 2)
    points[-1] = torch.tensor([40.0, 40.0])
    return points, (points.norm(dim=1, keepdim=True) > 1).float()


class Model(nn.Module):
    """The probability of being outside, by sixteen ReLUs."""

    def __init__(self) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 16)
        self.output = nn.Linear(16, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Probabilities, (n, 1), of points, (n, 2)."""
        return torch.sigmoid(self.output(torch.relu(self.hidden(x))))


def broken(bug: int = 1, lr: float = 0.5, epochs: int = 20) -> Iterator[Sample]:
    """Five bugs to find.

    What to look at:
        0. `bptui run broken --bug 0` is sound: keep its numbers in mind. Then find what is wrong with
        1. --bug 1: `e`. In Gradients (2), grad grows and grows, and swings, though the loss is no worse at first.
        2. --bug 2: `e`. In Gradients (2), the loss leaps, though the gradients are hardly larger; Weights (3) has
           how far a step goes.
        3. --bug 3: `s`. In Gradients (2), grad is 0. Graph (1): where does the gradient from the loss end, and
           what is the value of the op there?
        4. --bug 4: `s`. It learns, but worse. Graph (1), → on model: which layer got no gradient?
        5. --bug 5: `e`. In Gradients (2) the last sample is NaN, the one before was fine. Graph (1): which op was
           the first, from the input on, with an infinity or a NaN in its value? `y` on it.
    Each is one line of bptui/loops/broken.py: look at Source (4) last. The solutions are at the end.

    Args:
        bug: Which one, 1 to 5; 0 for none.
        lr: The learning rate.
        epochs: How many times to go through the points.

    Solutions:
        1: Gradients are not zeroed: each sample adds its own to those of all before.
        2: The learning rate is too high, by a factor of 20.
        3: A dead ReLU: a bias of -1000 makes every hidden unit 0 for every input, and its gradient 0 for ever.
        4: A frozen layer: hidden does not require grad, so it stays what chance made it.
        5: log(0): far out, the probability rounds to 1, and 0 · log(1 - 1) is 0 · -∞ = NaN. Better: clamp it, and
           best: binary_cross_entropy_with_logits.
    """
    torch.manual_seed(0)
    points, outside = make_points(200)
    model = Model()
    if bug == 3:
        nn.init.constant_(model.hidden.bias, -1000.0)
    if bug == 4:
        model.hidden.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=20 * lr if bug == 2 else lr)
    batches = list(zip(points.split(20), outside.split(20), strict=True))

    for epoch in range(epochs):
        right = 0
        for index, (x, target) in enumerate(batches):
            # forward
            output = model(x)
            likely = output if bug == 5 else output.clamp(1e-6, 1 - 1e-6)
            loss = -(target * likely.log() + (1 - target) * (1 - likely).log()).mean()

            # backward
            if bug != 1:
                optimizer.zero_grad()
            loss.backward()

            # update
            optimizer.step()

            right += int(((output > 0.5) == (target > 0.5)).sum())
            yield Sample(
                epoch=epoch, index=index, samples=len(batches), epochs=epochs,
                input=x, target=target, output=output, loss=loss,
                grad=model.output.weight.grad, weight_after=model.output.weight,
            )  # fmt: skip
        print(f"epoch {epoch + 1}: {right}/{len(points)} right")
