"""A convolutional network on tiny digits, which are drawn here: nothing is downloaded."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from bptui.records import Sample

FONT = """
### ..# ### ### #.# ### ### ### ### ###
#.# ..# ..# ..# #.# #.. #.. ..# #.# #.#
#.# ..# ### ### ### ### ### ..# ### ###
#.# ..# #.. ..# ..# ..# #.# ..# #.# ..#
### ..# ### ### ..# ### ### ..# ### ###
"""
"""The digits 0 to 9, five pixels high and three wide."""


def draw(digits: torch.Tensor) -> torch.Tensor:
    """Images of the digits, each somewhere on 8×8 pixels, with noise: (n, 1, 8, 8)."""
    rows = [line.split() for line in FONT.split("\n") if line]
    font = torch.tensor([[[pixel == "#" for pixel in row[digit]] for row in rows] for digit in range(10)])
    images = 0.2 * torch.randn(len(digits), 1, 8, 8)
    for image, digit in zip(images, digits, strict=True):
        top, left = int(torch.randint(1, 3, ())), int(torch.randint(2, 4, ()))
        image[0, top : top + 5, left : left + 3] += font[digit]
    return images


class CNN(nn.Module):
    """Eight 3×3 filters over the image, the strongest of each 2×2 pixels, a linear layer on what they found."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Conv2d(1, 8, 3, padding=1)
        self.pool = nn.MaxPool2d(2)
        self.classes = nn.Linear(8 * 4 * 4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Logits, (n, 10), of images, (n, 1, 8, 8)."""
        found = self.pool(torch.relu(self.filters(images)))  # (n, 8, 4, 4)
        return self.classes(found.flatten(1))


def cnn(lr: float = 0.01, epochs: int = 10, batch_size: int = 20) -> Iterator[Sample]:
    """Read tiny digits with eight 3×3 filters.

    What to look at:
        1. `s`: Graph (1) has the shapes along the way: (20, 1, 8, 8) images, 8 channels, pooled to 4×4, 10 logits.
        2. `y` on the op in pool: one of four pixels was the largest, and it alone gets the gradient.
        3. `y` on convolution: 72 weights serve all 64 places of the image, so each gradient is a sum over them.
        4. `x` on weight, under filters in Graph: the eight filters. Once trained, some have become edges.
        5. `e`, Console (5): accuracy on 200 digits that were never trained on; Gradients (2) has the loss.

    Args:
        lr: The learning rate of Adam.
        epochs: How many times to go through the digits.
        batch_size: How many of the 600 digits make a sample.
    """
    torch.manual_seed(0)
    digits, unseen = torch.randint(0, 10, (600,)), torch.randint(0, 10, (200,))
    images, unseen_images = draw(digits), draw(unseen)
    model = CNN()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    batches = list(zip(images.split(batch_size), digits.split(batch_size), strict=True))

    for epoch in range(epochs):
        for index, (x, target) in enumerate(batches):
            # forward
            logits = model(x)
            loss = cross_entropy(logits, target)

            # backward
            optimizer.zero_grad()
            loss.backward()

            # update
            optimizer.step()

            yield Sample(
                epoch=epoch, index=index, samples=len(batches), epochs=epochs,
                input=x, target=target, output=logits, loss=loss,
                grad=model.filters.weight.grad, weight_after=model.filters.weight,
            )  # fmt: skip
        with torch.no_grad():
            right = int((model(unseen_images).argmax(1) == unseen).sum())
        print(f"epoch {epoch + 1}: {right}/{len(unseen)} unseen digits right")
