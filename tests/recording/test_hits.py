"""The hits of breakpoints."""

from bptui.protocol import HitSeen
from bptui.records import Hit

from .making import layout, losses


def test_hits_by_window_and_by_breakpoint(writer, read):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 30))
    inside = [Hit(step, 2, "op relu", f"forward · relu · net.{place}") for step in (3, 7) for place in (1, 3)]
    after = [Hit(step, 1, "loss > 1") for step in (7, 20)]
    for hit in sorted((*inside, *after), key=lambda hit: hit.step):
        writer.hit(HitSeen(hit))
    writer.begin_branch("reset")
    writer.hit(HitSeen(other := Hit(0, 3, "op relu")))
    writer.commit()
    reader = read()
    assert reader.hits(0, 0, 30, 99) == [*inside, *after]
    assert reader.hits(0, 7, 8, 99) == [*inside[2:], after[0]]
    assert reader.hits(0, 0, 30, 3) == inside[:3]
    assert reader.hits(1, 0, 1, 99) == [other]
    assert reader.breakpoints_hit(0) == ((2, after[-1]), (4, inside[-1]))
    assert reader.breakpoints_hit(1) == ((1, other),)


def test_a_window_is_found_in_the_tables_own_order(read):
    """Of a run of any length only what is in the window is read."""
    plan = str(
        read()._rows("EXPLAIN QUERY PLAN SELECT * FROM hits WHERE sample >= 1 AND sample < 9 ORDER BY 1, 2")
    )
    assert "SEARCH hits USING PRIMARY KEY" in plan and "TEMP B-TREE" not in plan
