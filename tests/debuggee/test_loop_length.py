"""How long a loop is, from its header."""

import ast
import sys

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, IterableDataset, TensorDataset

from bptui.debuggee.loop_length import counts_from_zero, length_of


class Endless(IterableDataset):
    def __iter__(self):
        return iter(int, 1)


class Holder:
    def __init__(self):
        self.batches = [1, 2]

    @property
    def trap(self):
        raise AssertionError("a property of the user's is run")


@pytest.mark.parametrize(
    ("header", "length"),
    [
        ("range(100)", 100),
        ("range(1, count)", 4),
        ("range(10, 0, -2)", 5),
        ("range(len(batches))", 3),
        ("range(unknown())", None),
        ("batches", 3),
        ("enumerate(batches)", 3),
        ("zip(x, batches)", 3),
        ("zip(x, generator)", None),
        ("tqdm(loader, desc='epoch')", 4),
        ("tqdm.tqdm(loader)", 4),
        ("tqdm.trange(7)", 7),
        ("endless", None),
        ("generator", None),
        ("itertools.cycle(batches)", None),
        ("holder.batches", 2),
        ("holder.trap", None),
        ("(1, 2, 3)", 3),
        ("[*batches]", None),
        ("x", 9),
        ("array", 5),
        ("missing", None),
        ("torch.tensor(1)", None),
    ],
)
def test_length(header, length):
    count, batches, generator, holder = 5, [1, 2, 3], iter("ab"), Holder()  # noqa: F841
    x, array, loader = torch.ones(9), np.ones(5), DataLoader(TensorDataset(torch.ones(7)), 2)  # noqa: F841
    endless = DataLoader(Endless())  # noqa: F841
    assert length_of(ast.parse(header, mode="eval").body, sys._getframe()) == length


@pytest.mark.parametrize(
    ("header", "does"),
    [
        ("range(100)", True),
        ("range(0, n)", True),
        ("tqdm(range(n))", True),
        ("range(1, 100)", False),
        ("range(start, 100)", False),
        ("range(0, 100, 2)", False),
        ("batches", False),
    ],
)
def test_counts_from_zero(header, does):
    assert counts_from_zero(ast.parse(header, mode="eval").body) is does
