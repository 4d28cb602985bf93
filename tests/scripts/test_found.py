"""What a sample and an epoch are: how it is found, said, and set by the user."""

import pytest

PLAIN = """
    import torch
    weight = torch.ones(3, requires_grad=True)
    opt = torch.optim.SGD([weight], 0.1)
    for epoch in range(2):
        for i in range(4):
            weight.sum().backward()
            weight.prod().backward()
            if i % 2:
                opt.step()
                opt.zero_grad()
"""


@pytest.mark.parametrize(
    ("options", "places", "sample", "epoch"),
    [
        (
            (),
            [(0, 4), (1, 4)],
            "each iteration of the loop at train.py:6",
            "the loop at train.py:5, variable epoch",
        ),
        (
            ("--sample-at", "update", "--epoch-length", "3"),
            [(0, 3), (1, 1)],
            "each update of the weights, set by you",
            "every 3 samples, set by you",
        ),
        (
            ("--sample-at", "backward"),
            [(0, 8), (1, 8)],
            "each backward pass, set by you",
            "the loop at train.py:5, variable epoch",
        ),
        (
            ("--sample-at", "loop"),
            [(0, 4), (1, 4)],
            "each iteration of the loop at train.py:6, set by you",
            "the loop at train.py:5, variable epoch",
        ),
    ],
)
def test_set_by_the_user(workshop, options, places, sample, epoch):
    done = workshop.record(*options, workshop.write(PLAIN))
    assert (done.code, done.stderr) == (0, "")
    assert done.places == [(epoch, index) for epoch, count in places for index in range(count)]
    facts = done.reader.facts()
    assert (facts["sample"], facts["epoch"], facts["update"]) == (sample, epoch, "SGD.step()")


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (("--sample-at", "batch", "train.py"), "invalid choice: 'batch'"),
        (("--epoch-length", "0", "train.py"), "not a whole number from 1: '0'"),
        (("--epoch-length", "many", "train.py"), "not a whole number from 1: 'many'"),
        (("--epoch-length", "3", "linear"), "--sample-at and --epoch-length are for scripts"),
    ],
)
def test_nonsense_is_one_line(workshop, options, line):
    workshop.write(PLAIN)
    done = workshop.record(*options)
    assert done.code == 2
    assert line in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
