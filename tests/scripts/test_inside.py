"""Stepping inside the samples of an unmodified script: what is recorded of it, and that it changes nothing."""

from bptui.protocol import Step
from bptui.recording.reader import Reader

NET = """\
import torch

torch.manual_seed(1)
net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1))
optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
for index in range(4):
    x = torch.full((5, 2), index + 1.0)
    loss = net(x).square().mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex())
"""


def test_placeholder():
    pass
