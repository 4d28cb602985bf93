"""A softmax written by hand, whose logarithm becomes infinite as soon as the data grow."""

import torch

torch.manual_seed(0)
net = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
data = torch.randn(240, 4) * 3
labels = data[:, :3].argmax(1)


def nll(logits, y):
    p = torch.softmax(logits, dim=1)
    return -torch.log(p[torch.arange(len(y)), y]).mean()


for epoch in range(20):
    for i in range(0, 240, 8):
        x, y = data[i : i + 8], labels[i : i + 8]
        loss = nll(net(x * (1 + epoch * 8)), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
