"""Which samples are traced while a training runs."""

import math

from bptui.debuggee.live_traces import FIRST, ROWS, LiveTraces


def traced(live, count, rows=10, has_ticked=False):
    found = []
    for step in range(count):
        if live.is_due(step, has_ticked):
            found.append(step)
            live.begin(step)
            live.end(step + 1, rows)
    return found


def test_the_first_ones_are_traced_though_nobody_looks():
    assert traced(LiveTraces(0.01), 50) == list(range(FIRST))


def test_of_large_graphs_there_are_fewer_and_of_none_none():
    assert traced(LiveTraces(0.01), 50, rows=ROWS) == [0, 1]
    assert traced(LiveTraces(0), 50, has_ticked=True) == []


def test_where_somebody_looks_at_each_not_all_are_traced():
    live = LiveTraces(1e-12)
    found = traced(live, FIRST + 20, has_ticked=True)
    assert FIRST not in found
    assert found[FIRST : FIRST + 2] == [FIRST + 1, FIRST + 2]
    assert FIRST + 3 not in found


def test_then_two_in_a_row_and_a_pause_that_pays_for_them():
    live = LiveTraces(1e-12)
    traced(live, FIRST)
    assert not live.is_due(20, has_ticked=False)
    assert live.is_due(20, has_ticked=True)
    live.begin(20)
    live.end(21, 10)
    assert live.is_due(21, has_ticked=False)
    live.begin(21)
    live._typical = -math.inf  # as if it had cost much
    live.end(22, 10)
    assert not live.is_due(22, has_ticked=True)
