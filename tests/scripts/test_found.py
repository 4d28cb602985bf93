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


LENGTHS = """
    import torch
    weight = torch.ones(1, requires_grad=True)

    def train(batches, epochs, is_hidden=lambda i: False):
        def step(i):
            if not is_hidden(i):
                (weight * 1).sum().backward()

        for epoch in range(epochs):
            for i in batches:
                step(i)
"""


CALLS = {
    "train([1, 2, 3], 2)": [(3, 2)] * 6,
    # A sample that was promised and did not come: that loop is not believed again.
    "train([1, 2, 3], 2, lambda i: i == 3)": [(3, 2)] * 2 + [(None, 2)] * 2,
    "train(iter(range(3)), 1)": [(None, 1)] * 3,
}
"""The lengths (samples of the epoch, epochs) that each sample declares."""


def test_the_length_of_an_epoch(workshop):
    done = workshop.record(workshop.write(LENGTHS + "".join(f"\n    {call}" for call in CALLS) + "\n"))
    assert (done.code, done.stderr) == (0, "")
    declared = [(sample.layout.samples, sample.layout.epochs) for sample in done.samples]
    assert declared == [length for lengths in CALLS.values() for length in lengths]


def test_epochs_of_a_notebook_and_of_reinforcement_learning(workshop):
    """A function per epoch, and a counter of epochs that is set back."""
    done = workshop.record(
        workshop.write("""
        import torch
        weight = torch.ones(1, requires_grad=True)

        def train(epoch):
            for i in range(2):
                (weight * 1).sum().backward()

        train(epoch=1)
        train(epoch=2)
        for rollout in range(2):
            for epoch in range(1):
                for i in range(2):
                    (weight * 1).sum().backward()
    """)
    )
    assert done.places == [(1, 0), (1, 1), (2, 0), (2, 1)] + [(0, 0), (0, 1)] * 2
    ends = done.reader.epoch_ends(0, 0, 9)
    assert [(end.epoch, end.first, end.last) for end in ends] == [(1, 0, 1), (2, 2, 3), (0, 4, 5), (0, 6, 7)]


def test_which_loss_is_shown_and_what_is_not_heard(workshop):
    done = workshop.record(
        workshop.write("""
        import threading, torch
        weight = torch.ones(1, requires_grad=True)
        opt = torch.optim.SGD([weight], 0.1)
        scaler = torch.amp.GradScaler("cpu", init_scale=4.0)
        for i in range(2):
            (weight * 1).sum().backward()
            scaler.scale((weight * 2).sum()).backward()
            scaler.step(opt)
            scaler.update()
        thread = threading.Thread(target=lambda: (weight * 1).sum().backward())
        thread.start()
        thread.join()
    """)
    )
    facts = done.reader.facts()
    assert facts["loss"] == (
        "of the last of 2 backward passes per sample; x shows all; "
        "scaled by GradScaler, by 4 at first; the gradients are scaled back"
    )
    assert facts["threads"] == "backward passes in other threads than the main one are not listened to"
    assert next(sample.quantities["loss"].item for sample in done.samples) == 8
    assert len(done.samples) == 2


async def test_an_epoch_that_ends_before_its_time(workshop):
    """What the header promises is not so: the stop is late by one sample, not by what is missing."""
    async with workshop.session(
        workshop.write(LENGTHS + "\n    train([1, 2, 3, 4], 3, lambda i: i > 2)\n")
    ) as stepped:
        await stepped.step(1, "epoch")
        assert stepped.status.steps == 3
        await stepped.step(1, "epoch")
        assert stepped.status.steps == 4


def test_updates_by_hand_of_two_networks(workshop):
    done = workshop.record(
        workshop.write("""
        import torch
        one, other = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
        for i in range(3):
            for weight in (one, other):
                (weight * 2).sum().backward()
                weight.data -= 0.1 * weight.grad
                weight.grad = None
        for i in range(3):
            (one * 2).sum().backward()
            (other * 2).sum().backward()
            for weight in (one, other):
                weight.data -= 0.1 * weight.grad
                weight.grad = None
    """)
    )
    assert [sample.quantities.get("update_number") for sample in done.samples] == [None] * 9


BY_HAND = """
    import torch
    weight = torch.ones(1, requires_grad=True)
    for i in range(6):
        (weight * DATA[i]).sum().backward()
        if i % 2 or not ACCUMULATES:
            weight.data -= 0.1 * weight.grad
            weight.grad = None
"""


@pytest.mark.parametrize(
    ("data", "accumulates", "numbers"),
    [
        ([1.0] * 6, True, [0, 1, 0, 2, 0, 3]),
        # It has come to rest in the end, but each sample has its update.
        ([1.0] * 4 + [0.0] * 2, False, [None] * 6),
    ],
)
def test_updates_by_hand(workshop, data, accumulates, numbers):
    source = BY_HAND.replace("DATA", str(data)).replace("ACCUMULATES", str(accumulates))
    done = workshop.record(workshop.write(source))
    found = [sample.quantities.get("update_number") for sample in done.samples]
    assert [each and each.item for each in found] == numbers
    assert done.reader.facts()["update"] == "by hand: the weights have changed"
