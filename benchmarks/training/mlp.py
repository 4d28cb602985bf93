"""(c) A perceptron of 50 layers."""

import torch
from torch import nn

from benchmarks.training.log import Log

torch.manual_seed(0)
layers = [layer for _ in range(50) for layer in (nn.Linear(64, 64), nn.ReLU())]
model = nn.Sequential(*layers, nn.Linear(64, 10))
for param in model.parameters():
    if param.ndim == 2:
        nn.init.kaiming_normal_(param)
optimizer = torch.optim.SGD(model.parameters(), lr=0.001, momentum=0.9)
loss_function = nn.CrossEntropyLoss()
images, labels = torch.randn(1600, 64), torch.randint(0, 10, (1600,))
log = Log(model.named_parameters(), model, loss_function, optimizer)

for epoch in range(1_000_000):
    for x, y in zip(images.view(100, 16, 64), labels.view(100, 16)):
        optimizer.zero_grad()
        loss = loss_function(model(x), y)
        loss.backward()
        optimizer.step()
        log(loss)
