"""(e) A convolutional net on small images, fed by a DataLoader."""

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.training.log import Log


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10))

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def train_epoch(model, loader, loss_function, optimizer, log):
    model.train()
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_function(model(images), labels)
        loss.backward()
        optimizer.step()
        log(loss)


def main():
    torch.manual_seed(0)
    data = TensorDataset(torch.randn(640, 1, 28, 28), torch.randint(0, 10, (640,)))
    loader = DataLoader(data, batch_size=32, shuffle=True)
    model = Net()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_function = nn.CrossEntropyLoss()
    log = Log(model.named_parameters(), model, loss_function, optimizer)
    for epoch in range(1_000_000):
        train_epoch(model, loader, loss_function, optimizer, log)


if __name__ == "__main__":
    main()
