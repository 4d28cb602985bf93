"""(d) A small GPT over characters: 4 layers, 4 heads, 128 wide."""

import torch
from torch import nn
from torch.nn import functional as F

from benchmarks.training.log import Log


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm_1, self.norm_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = nn.Linear(width, 3 * width)
        self.projection = nn.Linear(width, width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, x):
        batch, length, width = x.shape
        parts = self.attention(self.norm_1(x)).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*parts, is_causal=True)
        x = x + self.projection(attended.transpose(1, 2).reshape(batch, length, width))
        return x + self.mlp(self.norm_2(x))


class GPT(nn.Module):
    def __init__(self, vocabulary=65, length=32, width=128, layers=4, heads=4):
        super().__init__()
        self.tokens = nn.Embedding(vocabulary, width)
        self.positions = nn.Embedding(length, width)
        self.blocks = nn.ModuleList([Block(width, heads) for _ in range(layers)])
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, vocabulary, bias=False)

    def forward(self, tokens):
        x = self.tokens(tokens) + self.positions(torch.arange(tokens.shape[1]))
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))


def get_batch(text):
    starts = torch.randint(len(text) - 33, (8,))
    windows = torch.stack([text[start : start + 33] for start in starts])
    return windows[:, :-1], windows[:, 1:]


def train():
    torch.manual_seed(0)
    text = torch.randint(0, 65, (20_000,))
    model = GPT()
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4)
    loss_function = nn.CrossEntropyLoss()
    log = Log(model.named_parameters(), model, loss_function, optimizer)
    for iteration in range(1_000_000):
        tokens, following = get_batch(text)
        logits = model(tokens)
        loss = loss_function(logits.flatten(0, 1), following.flatten())
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        log(loss)


if __name__ == "__main__":
    train()
