"""Loops in a real debuggee: where it stops, what it says, how it ends."""

import math
import time
from base64 import b64decode

import pytest

from bptui.debuggee.epochs import LATE
from bptui.loops.linear import linear
from bptui.protocol import (
    Ended,
    Explained,
    GraphTraced,
    InsideSeen,
    LayoutSeen,
    Loaded,
    Pause,
    Refused,
    Samples,
    SourceSeen,
    StackSeen,
    Step,
    Stopped,
    unpack_graph,
)

from ..leftovers import assert_ended

TEN = """
def loop(epochs: int = 3, declared: bool = True):
    for epoch in range(epochs):
        for index in range(4):
            known = {"samples": 4, "epochs": epochs} if declared else {}
            yield Sample(epoch=epoch, index=index, loss=float(4 * epoch + index), **known)
"""


def test_the_lesson_is_loaded_before_anything_runs(begin):
    debuggee = begin("", "--lr", "0.5", target="linear")
    assert [type(event) for event in debuggee.events] == [Loaded, SourceSeen, StackSeen, Stopped]
    target = debuggee.loaded.target
    assert (target.name, target.title) == ("linear", "Learn y = 3x from nine samples")
    assert target.options == {"lr": "0.5", "epochs": "100", "initial_weight": "1.0", "zero_grad": "True"}
    assert debuggee.loaded.source.splitlines()[target.line - 1].startswith("def linear(")
    assert debuggee.quit() == Ended("quit")
    assert debuggee.code() == 0


def test_samples_are_stepped_and_counted(begin):
    debuggee = begin(TEN)
    assert debuggee.step() == Stopped(1)
    assert debuggee.step("sample", 5) == Stopped(6)
    assert [row[:3] for row in debuggee.rows] == [(s, s // 4, s % 4) for s in range(6)]


def test_epochs_are_run_to_their_end(begin):
    debuggee = begin(TEN, "--epochs", "7")
    assert debuggee.step("epoch") == Stopped(4)
    assert debuggee.step("epoch", 2) == Stopped(12)
    assert debuggee.step() == Stopped(13)
    assert debuggee.step("epoch") == Stopped(16)
    assert debuggee.step("sample", 3) == Stopped(19)
    assert debuggee.step("epoch", 2) == Stopped(24)


def test_epochs_of_undeclared_length_end_late_once_and_then_on_time(begin):
    debuggee = begin(TEN, "--no-declared", "--epochs", "7")
    assert debuggee.step("epoch") == Stopped(5, LATE)
    assert debuggee.step("epoch") == Stopped(8)
    assert debuggee.step("epoch", 2) == Stopped(16)
    assert debuggee.step() == Stopped(17)


def test_a_run_goes_to_the_end(begin):
    debuggee = begin(TEN)
    assert debuggee.run() == Ended()
    assert debuggee.code() == 0
    assert [row[3]["loss"] for row in debuggee.rows] == [float(step) for step in range(12)]


def test_a_step_beyond_the_end_ends(begin):
    debuggee = begin(TEN)
    debuggee.send(Step("sample", 100))
    assert debuggee.until(Ended) == Ended()
    assert len(debuggee.rows) == 12


def test_a_pause_stops_a_running_loop_at_the_first_op_of_its_next_sample(begin):
    debuggee = begin(
        """
        def loop():
            w = torch.ones(1, requires_grad=True)
            while True:
                loss = w * 2
                loss.backward()
                yield Sample(epoch=0, index=0, loss=loss)
        """
    )
    debuggee.send(Step("run"))
    time.sleep(0.05)
    debuggee.send(Pause())
    stopped = debuggee.until(Stopped)
    assert stopped.steps == len(debuggee.rows) > 1
    stop = debuggee.of(InsideSeen)[-1].stop
    assert (stop.step, stop.phase, stop.position, stop.op) == (stopped.steps, "forward", 1, "mul")
    assert debuggee.step("sample") == Stopped(stopped.steps + 1)
    assert debuggee.traced[-1] == stopped.steps


def test_a_pause_lands_at_the_next_op_of_a_long_sample(begin, tmp_path):
    """The graph has what was made before, too."""
    debuggee = begin(
        """
        def loop(mark: str):
            w = torch.ones(1, requires_grad=True)
            for index in range(8):  # which are traced while it runs
                yield Sample(epoch=0, index=index, loss=w)
            loss = (w * 3).relu()
            open(mark, "w").close()
            for _ in range(10**9):
                loss = loss + 1
            loss.backward()
            yield Sample(epoch=0, index=8, loss=loss)
        """,
        "--mark",
        str(tmp_path / "mark"),
    )
    debuggee.channel.send(Step("run"))
    while not (tmp_path / "mark").exists():
        time.sleep(0.001)
    debuggee.send(Pause())
    debuggee.nudge()
    assert debuggee.until(Stopped) == Stopped(8, is_amid=True)
    seen = debuggee.of(InsideSeen)[-1]
    assert (seen.stop.phase, seen.stop.op) == ("forward", "add")
    names = [node.name for node in unpack_graph(b64decode(seen.nodes))]
    assert names[:3] == ["w", "mul", "relu"]
    assert set(names[3:]) == {"add"}
    count = len(names)
    debuggee.step("op", 2)
    assert len(unpack_graph(b64decode(debuggee.of(InsideSeen)[-1].nodes))) == count + 2


def test_a_pause_does_not_lengthen_a_step(begin):
    debuggee = begin(TEN)
    debuggee.channel.send(Step("sample", 1), Pause())
    assert debuggee.until(Stopped) == Stopped(1)


def test_quit_closes_the_loop_whose_clean_up_runs(begin, tmp_path):
    debuggee = begin(
        """
        def loop(path: str):
            try:
                while True:
                    yield Sample(epoch=0, index=0, loss=0.0)
            finally:
                open(path, "w").write("clean")
        """,
        "--path",
        str(tmp_path / "mark"),
    )
    debuggee.step()
    assert debuggee.quit() == Ended("quit")
    assert debuggee.code() == 0
    assert (tmp_path / "mark").read_text() == "clean"


def test_quit_while_running(begin):
    debuggee = begin("def loop():\n    while True: yield dict(epoch=0, index=0, loss=0.0)")
    debuggee.send(Step("run"))
    debuggee.until(Samples)
    assert debuggee.quit() == Ended("quit")
    assert debuggee.code() == 0


def test_a_clean_up_that_fails_is_said(begin):
    debuggee = begin(
        """
        def loop():
            try:
                yield Sample(epoch=0, index=0, loss=0.0)
            finally:
                raise OSError("disk gone")
        """
    )
    debuggee.step()
    ended = debuggee.quit()
    assert ended.line == "OSError: disk gone (loops.py:9)" and ended.code == 1
    assert debuggee.code() == 1


def test_an_exception_is_told_with_the_users_frames(begin):
    debuggee = begin(
        """
        def broken(x):
            return torch.ones(2) @ torch.ones(x)

        def loop():
            yield Sample(epoch=0, index=0, loss=1.0)
            broken(3)
        """
    )
    ended = debuggee.run()
    assert ended.code == debuggee.code() == 1
    assert ended.line.startswith("RuntimeError: ") and ended.line.endswith("(loops.py:6)")
    assert ended.traceback.splitlines()[1].endswith('loops.py", line 10, in loop')
    assert "bptui/" not in ended.traceback
    assert len(debuggee.rows) == 1


@pytest.mark.parametrize(
    ("statement", "line", "code"),
    [
        ("sys.exit(3)", "sys.exit(3)", 3),
        ("sys.exit()", "sys.exit(None)", 0),
        ("sys.exit('why')", "sys.exit('why')", 1),
        ("sys.exit(-1)", "sys.exit(-1)", 255),
        ("raise KeyboardInterrupt", "KeyboardInterrupt (loops.py:7)", 1),
        ("raise EOFError('mine')", "EOFError: mine (loops.py:7)", 1),
        ("raise StopIteration", "RuntimeError: generator raised StopIteration", 1),
    ],
)
def test_ways_to_end(begin, statement, line, code):
    debuggee = begin(f"def loop():\n    yield Sample(epoch=0, index=0, loss=1.0)\n    {statement}")
    ended = debuggee.run()
    assert (ended.line, ended.code) == (line, code)
    assert debuggee.code() == code


def test_a_bad_yield_is_one_line_that_names_the_key(begin):
    debuggee = begin("def loop():\n    yield dict(epoch=0, index=0, loss=1.0)\n    yield dict(epoch=0, loss=1.0)")
    ended = debuggee.run()
    assert ended == Ended("sample 2: key 'index' is missing: a sample needs epoch, index, loss", "", 2)
    assert debuggee.code() == 2


def test_a_quantity_that_turns_bad_is_one_line_too(begin):
    debuggee = begin(
        """
        def loop():
            yield dict(epoch=0, index=0, loss=torch.ones(2))
            yield dict(epoch=0, index=1, loss="low")
        """
    )
    ended = debuggee.run()
    assert ended == Ended("sample 2: key 'loss' must be a tensor, an array or a number: it is a str", "", 2)


def test_nan_and_infinity_are_yielded(begin):
    debuggee = begin(
        """
        def loop():
            yield Sample(epoch=0, index=0, loss=torch.tensor(float("nan")), grad=float("inf"), weight=-0.0)
        """
    )
    debuggee.run()
    ((_, _, _, values),) = debuggee.rows
    assert math.isnan(values["loss"]) and values["grad"] == math.inf and repr(values["weight"]) == "-0.0"


def test_layouts_are_announced_before_they_are_used_and_once(begin):
    debuggee = begin(
        """
        def loop():
            for index in range(6):
                yield Sample(epoch=0, index=index, loss=1.0, grad=torch.ones(index % 2 + 2))
        """
    )
    debuggee.run()
    known = set()
    for event in debuggee.events:
        if isinstance(event, LayoutSeen):
            known.add(event.id)
        if isinstance(event, Samples):
            assert event.layout in known
            assert len(event.tensors) == 1
    assert known == {0, 1}
    assert [row[0] for row in debuggee.rows] == list(range(6))


def test_the_line_of_the_yield_is_where_it_stopped(begin):
    debuggee = begin(
        "def loop():\n    yield Sample(epoch=0, index=0, loss=1.0)\n\n    yield Sample(epoch=0, index=1, loss=1.0)"
    )
    debuggee.run()
    assert [seen.layout.place.line for seen in debuggee.of(LayoutSeen)] == [6, 8]


def test_the_graph_of_the_last_samples_is_traced(begin):
    debuggee = begin("", "--epochs", "100", target="linear")
    debuggee.run()
    assert debuggee.traced[-1] == 899
    assert len(debuggee.rows) == 900


def test_a_step_is_traced_and_a_stop_comes_after_its_graph(begin):
    debuggee = begin("", target="linear")
    debuggee.step()
    assert [type(event) for event in debuggee.events[4:]] == [
        LayoutSeen,
        Samples,
        GraphTraced,
        Explained,
        StackSeen,
        Stopped,
    ]


def test_traced_and_untraced_samples_have_the_same_bits(begin):
    """Step all of it, each sample traced, and run all of it; compare with the plain generator."""
    stepped, run = begin("", "--epochs", "20", target="linear"), None
    stepped.step("sample", 30)
    for _ in range(5):
        stepped.step()
    stepped.run()
    stepped.code()
    run = begin("", "--epochs", "20", target="linear")
    run.run()
    run.code()
    assert len(stepped.traced) > 30 and len(run.traced) < 180
    plain = [
        (sample.loss.item().hex(), sample.grad.hex(), sample.weight_after.item().hex())
        for sample in linear(epochs=20)
    ]
    for debuggee in (stepped, run):
        rows = [row[3] for row in debuggee.rows]
        assert [(row["loss"].hex(), row["grad"].hex(), row["weight_after"].hex()) for row in rows] == plain


def test_text_is_marked_with_the_step_in_which_it_was_printed(begin):
    debuggee = begin(
        """
        import os
        print("importing")
        def loop():
            print("before")
            os.system("echo from a child")
            yield Sample(epoch=0, index=0, loss=1.0)
            print("first done", end="")
            print("error", file=sys.stderr)
            yield Sample(epoch=0, index=1, loss=1.0)
            sys.stdout.write("half a line")
        """
    )
    debuggee.run()
    mark = "\x1b_bptui;{}\x1b\\".format
    assert debuggee.printed() == (
        f"{mark(-1)}importing\n{mark(0)}before\nfrom a child\n{mark(2)}first donehalf a line"
    )  # fmt: skip
    assert debuggee.printed(2).endswith(f"{mark(1)}error\n")


def test_exit_handlers_run_and_their_output_is_kept(begin):
    debuggee = begin(
        """
        import atexit
        def loop():
            atexit.register(print, "bye")
            yield Sample(epoch=0, index=0, loss=1.0)
        """
    )
    debuggee.run()
    assert debuggee.code() == 0
    assert debuggee.printed().endswith("bye\n")


def test_what_the_loop_left_behind_ends_with_it(begin, tmp_path):
    debuggee = begin(
        f"""
        import multiprocessing, subprocess
        def loop():
            multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,), daemon=False).start()
            child = subprocess.Popen(["sleep", "60"])
            open({str(tmp_path / "pid")!r}, "w").write(str(child.pid))
            yield Sample(epoch=0, index=0, loss=1.0)
            import os
            os._exit(5)
        """
    )
    debuggee.send(Step("run"))
    with pytest.raises(EOFError):
        debuggee.until(Ended)
    assert debuggee.code() == 5
    assert_ended(int((tmp_path / "pid").read_text()))


def test_stdin_is_empty(begin):
    debuggee = begin("def loop():\n    yield Sample(epoch=0, index=0, loss=float(len(sys.stdin.read())))")
    debuggee.run()
    assert debuggee.rows[0][3]["loss"] == 0.0


def test_help_is_a_refusal_with_code_0(fork):
    debuggee = fork("", "--help", target="linear")
    refused = debuggee.until(Refused)
    assert refused.code == 0 == debuggee.code()
    assert "--zero-grad, --no-zero-grad" in refused.line and "Learn y = 3x" in refused.line


def test_a_refused_target(fork):
    debuggee = fork("print('hello')\n1 / 0")
    refused = debuggee.until(Refused)
    assert refused.line.endswith("loops.py does not import: ZeroDivisionError: division by zero (loops.py:6)")
    assert refused.code == 2 == debuggee.code()
    assert debuggee.printed() == "\x1b_bptui;-1\x1b\\hello\n"


def test_a_stop_says_whether_a_warm_keeper_would_have_helped(begin):
    plain = begin("def loop():\n    while True: yield Sample(epoch=0, index=0, loss=1.0)")
    assert not plain.step().imported_late
    optimized = begin(
        """
        import torch
        def loop():
            torch.optim.SGD([torch.ones(1, requires_grad=True)], lr=0.1)
            while True: yield Sample(epoch=0, index=0, loss=1.0)
        """
    )
    assert optimized.step().imported_late


YIELDS_FROM = """
def inner(x):
    for index in range(3):
        loss = x * index
        yield {"epoch": 0, "index": index, "loss": loss}
    raise ValueError("no more")

def loop(scale: float = 2.0):
    x = torch.tensor([scale])
    yield from inner(x)
"""


def stack_of(debuggee):
    return debuggee.of(StackSeen)[-1].stack


def test_the_stack_of_a_loop_is_its_own_and_that_of_what_it_yields_from(begin):
    debuggee = begin(YIELDS_FROM)
    assert [(frame.function, frame.locals[0].name) for frame in stack_of(debuggee).frames] == [("loop", "scale")]
    debuggee.step()
    frames = stack_of(debuggee).frames
    assert [frame.function for frame in frames] == ["inner", "loop"]
    assert frames[0].place == debuggee.of(LayoutSeen)[0].layout.place
    assert frames[0].place.line == frames[1].place.line - 5
    assert {local.name for local in frames[0].locals} == {"x", "loss", "index"}
    assert debuggee.of(StackSeen)[-1].steps == 1


def test_the_frames_of_an_exception_in_a_loop(begin):
    debuggee = begin(YIELDS_FROM)
    assert debuggee.run().code == 1
    assert debuggee.of(StackSeen)[-1].steps == 3
    stack = stack_of(debuggee)
    assert stack.error == "ValueError: no more"
    assert [frame.function for frame in stack.frames] == ["inner", "loop"]
    assert [local.summary.item for local in stack.frames[0].locals if local.name == "loss"] == [4.0]


def test_a_sample_of_the_wrong_shape_shows_where_it_was_yielded(begin):
    debuggee = begin("def loop():\n    yield 1\n    yield 2\n")
    assert debuggee.run().code == 2
    stack = stack_of(debuggee)
    assert "not a int" in stack.error
    assert [frame.function for frame in stack.frames] == ["loop"]
