"""Which variable is this?"""

import sys

import torch
from torch import nn

from bptui.debuggee.names import Names, name_of
from bptui.records import Sample

GLOBAL = torch.ones(1)


def here(value):
    return name_of(value, [sys._getframe(1)])


class Box:
    def __init__(self, value):
        self.value = value

    @property
    def trap(self):
        raise AssertionError("a property of the user's was run")


def test_variables_and_what_is_in_them():
    weight, pair, table = torch.ones(1), (torch.ones(1), torch.ones(1)), {"w": torch.ones(1), 3: [torch.ones(1)]}
    box = Box(torch.ones(1))
    boxes, sample = [box], Sample(0, 0, torch.ones(1))
    assert here(weight) == "weight"
    assert here(pair[1]) == "pair[1]"
    assert here(table["w"]) == "table['w']"
    assert here(table[3][0]) == "table[3][0]"
    assert here(box.value) == "box.value"
    assert here(boxes) == "boxes"
    assert here(sample.loss) == "sample.loss"
    assert here(GLOBAL) == "GLOBAL"
    assert here(torch.ones(1)) is None


def test_the_shortest_name_wins():
    box = Box(torch.ones(1))
    weight = box.value
    assert here(weight) == "weight"


def test_modules_have_the_names_that_torch_gives():
    model = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.Sequential(nn.BatchNorm1d(3))))
    assert here(model[0].weight) == "model.0.weight"
    assert here(model[1][0][0].bias) == "model.1.0.0.bias"
    assert here(model[1][0][0].running_mean) == "model.1.0.0.running_mean"


def test_a_name_of_an_outer_frame_is_found_after_that_of_an_inner_one():
    outer = torch.ones(1)

    def inside(value):
        return name_of(value, [sys._getframe(), sys._getframe(1)]), name_of(outer, [sys._getframe(1)])

    assert inside(outer) == ("value", "outer")


class Counted(list):
    looks = 0

    def __iter__(self):
        for item in super().__iter__():
            Counted.looks += 1
            yield item


def test_of_a_large_variable_only_a_part_is_looked_at():
    data = Counted((float(number), number) for number in range(200_000))
    nested = [data] * 1000
    assert here(object()) is None
    assert nested
    assert 1000 <= Counted.looks <= 50_000


def test_names_that_know_what_others_have_seen_are_the_same():
    def outside():
        outer = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
        outer[1].weight.scale = torch.ones(1)
        return outer, sys._getframe()

    def inside(outer):
        box, tagged = Box(outer[0].weight), outer[1]
        del outer
        return [box.value, tagged.bias, tagged.weight.scale, GLOBAL], sys._getframe()

    outer, caller = outside()
    values, frame = inside(outer)
    both = Names([frame, caller])
    own = Names([frame], both)
    expected = ["box.value", "tagged.bias", "tagged.weight.scale", "GLOBAL"]
    assert [both.of(value) for value in values] == [own.of(value) for value in values] == expected
    assert [Names([caller], both).of(value) for value in values] == [
        "outer.0.weight", "outer.1.bias", "outer.1.weight.scale", "GLOBAL",
    ]  # fmt: skip
