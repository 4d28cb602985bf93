"""Which parameters an update leaves as they were."""

import math

import pytest
import torch

from bptui.debuggee.at_rest import AtRest
from bptui.records import Parameter


def kind(name):
    return Parameter(name, (2,), "float32", "cpu", False)


@pytest.fixture
def looking():
    weights = [torch.zeros(2, requires_grad=True) for _ in range(3)]
    found = AtRest()
    found.choose([*map(kind, "abc")], weights)
    return found, weights


def update(found, leaves, change):
    found.begin(leaves)
    with torch.no_grad():
        change()
    found.finish()
    return found.names


def test_the_smallest_change_of_one_element_is_one(looking):
    found, (a, b, c) = looking
    leaves = [a, b, c]
    assert update(found, leaves, lambda: a[1].add_(1e-45)) == ("b", "c")
    assert update(found, leaves, lambda: b.fill_(math.nan)) == ("a", "c")
    assert update(found, leaves, lambda: None) == ("a", "c"), "NaN is not equal to itself"


def test_what_is_not_looked_at_is_not_known(looking):
    found, (a, b, c) = looking
    found.finish()
    assert found.names is None, "it had not begun"
    found.choose((), ())
    assert update(found, [a, b, c], lambda: None) is None


def test_weights_of_another_kind_are_no_weights_at_rest(looking):
    found, (a, b, c) = looking
    leaves = [a, b, c]
    assert update(found, leaves, lambda: None) == ("a", "b", "c")
    a.data = torch.zeros(3, dtype=torch.float64)
    assert update(found, leaves, lambda: None) == ("a", "b", "c")

    def grow():
        b.data = torch.zeros(5)

    assert update(found, leaves, grow) is None


def test_other_leaves_may_be_of_other_parameters(looking):
    found, (a, b, c) = looking
    leaves = [a, b, c]
    update(found, leaves, lambda: None)
    assert not found.is_in_doubt
    update(found, [a, b], lambda: None)
    assert found.is_in_doubt
