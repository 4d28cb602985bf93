"""(a) The seed's own script: one weight, no module, no optimizer."""

import numpy as np
import torch

from benchmarks.training.log import Log


class BackPropagationModel:
    def __init__(self, weight):
        self.weight = weight

    def forward(self, input_x):
        return input_x * self.weight

    def loss_function(self, input_x, true_output_y):
        output_prediction = self.forward(input_x)
        return (output_prediction - true_output_y) ** 2


x = np.arange(1.0, 10.0, 1.0)
y = 3 * x
weight = torch.tensor([1.0], requires_grad=True)
lr = 0.01
log = Log([("weight", weight)])

for epoch in range(1_000_000):
    for training_x, training_y in zip(x, y):
        model = BackPropagationModel(weight)

        # forward to get the loss
        loss = model.loss_function(training_x, training_y)

        # backward to get the opt
        loss.backward()
        log(loss)

        # update the weight
        weight.data -= lr * weight.grad.data
        weight.grad.data.zero_()
