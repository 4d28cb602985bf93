"""XOR: the smallest task that needs a hidden layer, and so the chain rule."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn

from bptui.records import Sample


class MLP(nn.Module):
    """2-4-1: `hidden` makes new features of the input, `output` weighs them."""

    def __init__(self, tanh: bool) -> None:
        super().__init__()
        self.hidden = nn.Linear(2, 4)
        self.activation = nn.Tanh() if tanh else nn.Identity()
        self.output = nn.Linear(4, 1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """The hidden layer's activations (4,) and the prediction (1,)."""
        hidden = self.activation(self.hidden(x))
        return hidden, self.output(hidden)


def by_chain_rule(
    model: MLP, x: torch.Tensor, hidden: torch.Tensor, error: torch.Tensor, tanh: bool
) -> torch.Tensor:
    """∂loss/∂(hidden.weight), (4, 2), from the loss back to the weight, a factor for each step."""
    with torch.no_grad():
        grad_output = 2 * error  # of (output - target)²
        grad_hidden = grad_output * model.output.weight[0]  # a hidden unit counts by the weight that follows it
        grad_sum = grad_hidden * (1 - hidden**2) if tanh else grad_hidden  # tanh' = 1 - tanh²
        return torch.outer(grad_sum, x)


def xor(lr: float = 0.05, epochs: int = 100, tanh: bool = True) -> Iterator[Sample]:
    """Learn XOR with a hidden layer of four tanh.

    What to look at:
        1. `s` runs a sample. In Graph (1), follow the gradient from the loss up: output, tanh, hidden.
        2. No target says what a hidden unit should be. Select hidden's linear and press `y`: its gradient is
           the output's, times the weight between them, times tanh' = 1 - tanh².
        3. Gradients (2): that product by hand has the norm of autograd's gradient of hidden.weight; `x` there
           shows all eight entries of both.
        4. `20e`, then Console (5): how many of the four are right. `c` runs to 4/4.
        5. `bptui run xor --no-tanh`: two linear layers are one linear layer: at best three are right.

    Args:
        lr: The learning rate.
        epochs: How many times to go through the four samples.
        tanh: Whether there is a nonlinearity between the two layers.
    """
    torch.manual_seed(3)
    inputs = torch.tensor([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]])
    targets = torch.tensor([[-1.0], [1.0], [1.0], [-1.0]])
    model = MLP(tanh)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)

    for epoch in range(epochs):
        for index, (x, target) in enumerate(zip(inputs, targets, strict=True)):
            # forward
            hidden, output = model(x)
            loss = ((output - target) ** 2).sum()

            # backward
            optimizer.zero_grad()
            loss.backward()
            by_hand = by_chain_rule(model, x, hidden, output - target, tanh)

            # update
            optimizer.step()

            yield Sample(
                epoch=epoch, index=index, samples=len(inputs), epochs=epochs,
                input=x, target=target, output=output, loss=loss,
                grad=model.hidden.weight.grad, by_hand=by_hand, weight_after=model.hidden.weight,
            )  # fmt: skip
        with torch.no_grad():
            right = (model(inputs)[1] * targets > 0).sum().item()
        print(f"epoch {epoch + 1}: {right}/4 right")
