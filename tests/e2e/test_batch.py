"""`bptui run --batch`: verbs without a terminal."""

import json
import signal

import pytest

SCRIPT = """
    import sys
    import torch

    torch.manual_seed(0)
    model = torch.nn.Linear(3, 1)
    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    print("begin", sys.stdin.isatty(), sys.stdout.isatty())
    for i in range(12):
        opt.zero_grad()
        loss = (model(torch.ones(2, 3)) - 1).pow(2).mean()
        loss.backward()
        opt.step()
    print("end")
    sys.exit(7)
"""


def batch(shell, *arguments, is_json=True):
    verbs, target = arguments[:-1], arguments[-1]
    each = [part for verb in verbs for part in ("-x", verb)]
    return shell.bptui("run", "--batch", *["--json"] * is_json, "--record", shell.recording, *each, target)


def records(done):
    return [json.loads(line, parse_constant=pytest.fail) for line in done.stdout.splitlines()]


VERBS = (
    "info rates", "step 3", "print loss", "print float('nan')", "break sample 5",
    'log "at {sample}: {loss:.3f}" if sample == 4', "continue", "info sample", "info breakpoints", "info graph",
    "info hits", "info diagnoses",
    "watch weight", "step op 3", "info stack", "set learning = 1", "delete", "until sample == 9", "info watches",
    "goto 4", "info sample", "goto e1", "set weight = 0", "print weight", "reset", "step",
    "export run.csv", "step phase", "info params", "help step",
)  # fmt: skip


def test_a_lesson(shell):
    done = batch(shell, *VERBS, "linear")
    assert [each["verb"] for each in records(done)] == list(VERBS)
    came = {verb: record for verb, record in zip(VERBS, records(done), strict=True) if VERBS.count(verb) == 1}
    value = {verb: record["value"] for verb, record in came.items()}
    at = {verb: record["at"] for verb, record in came.items()}

    assert at["step 3"] == {"epoch": 0, "sample": 3, "step": 3}
    assert value["step 3"]["loss"] == pytest.approx(29.2638, rel=1e-5) == value["print loss"]
    assert value["print float('nan')"] == "NaN"
    assert (value["continue"]["breakpoints"], value["continue"]["reason"]) == ([1], "breakpoint 1: sample 5")
    assert [(each["id"], each["hits"]) for each in value["info breakpoints"]] == [(1, 1), (2, 1)]
    assert [(each["text"], each["hits"], each["sample"]) for each in value["info hits"]] == [
        ("sample 5", 1, 5), ('log "at {sample}: {loss:.3f}" if sample == 4', 1, 4),
    ]  # fmt: skip
    assert value["info diagnoses"] == []
    assert [(each["row"], each["name"], each["inputs"]) for each in value["info graph"]][2] == (3, "mul", [1, 2])
    inside = {"epoch": 0, "sample": 6, "step": 6, "phase": "forward", "position": 3, "op": "pow"}
    assert at["step op 3"] == inside
    assert value["step op 3"]["loss"] is None
    assert value["info stack"][-1]["function"] == "linear"
    assert "no variable is called 'learning'" in came["set learning = 1"]["problem"]
    assert value["delete"] == [1, 2]
    assert at["until sample == 9"] == {"epoch": 0, "sample": 9, "step": 9}
    assert list(value["info watches"]) == ["weight"]
    assert at["goto 4"] == {"epoch": 0, "sample": 4, "step": 4}
    past = [each["value"] for each in records(done) if each["verb"] == "info sample"]
    assert [each["input"] for each in past] == [5.0, 4.0]
    assert at["goto e1"] == {"epoch": 1, "sample": 9, "step": 18}
    assert value["print weight"] == 0.0
    assert at["reset"] == {"epoch": None, "sample": None, "step": 0}
    assert at["step"] == {"epoch": 0, "sample": 1, "step": 1}
    assert (shell.folder / "run.csv").read_text().startswith("step,epoch,index")

    assert done.returncode == 2  # a verb could not be done
    assert "bptui: set learning = 1: " in done.stderr
    reader = shell.reader()
    assert [branch.steps for branch in reader.branches()] == [18, 18, 1]  # what was set began a branch
    reader.close()


def test_a_script_keeps_its_exit_code_and_its_output_is_on_stderr(shell):
    shell.write(SCRIPT)
    done = batch(
        shell,
        "step 2",
        "info params",
        "info rates",
        "set lr 0.5",
        "step",
        "info rates",
        "until loss < -1",
        "loop.py",
    )
    stepped, params, rates, _, _, raised, ended = records(done)
    assert stepped["at"]["step"] == 2
    assert [(each["name"], each["shape"]) for each in params["value"]] == [
        ("model.weight", [1, 3]),
        ("model.bias", [1]),
    ]
    assert (rates["value"], raised["value"]) == ({"SGD": [0.1]}, {"SGD": [0.5]})
    assert (ended["value"]["state"], ended["value"]["exit_code"]) == ("failed", 7)
    assert ended["value"]["reason"] == "it came to its end, and loss < -1 never held"
    assert done.returncode == 7
    assert "begin False False" in done.stderr and "end" in done.stderr


def test_standing_at_a_breakpoint_is_an_exit_code(shell):
    done = batch(shell, "break loss > 20", "continue", "linear", is_json=False)
    assert done.returncode == 3
    assert done.stdout.splitlines() == [
        "break loss > 20",
        "  breakpoint 1: loss > 20",
        "continue",
        "  epoch 0 · sample 3 · loss 29.2638",
        "  breakpoint 1: loss > 20",
    ]


BREAKS = """
    import torch

    weight = torch.ones(1, requires_grad=True)
    for i in range(12):
        loss = weight.square().sum()
        loss.backward()
        with torch.no_grad():
            weight -= 0.1
            weight /= i != 8
        weight.grad = None
"""


def test_since_when_something_holds(shell):
    shell.write(BREAKS)
    verbs = ("step 12", "bisect weight.isinf()", "first-nan", "goto 12", "bisect loss == inf", "bisect weight")
    *_, by_state, first, _, recorded, neither = records(batch(shell, *verbs, "loop.py"))
    tried = [f"after sample {steps}: {holds}" for steps, holds in ((12, True), (6, False), (9, True), (8, False))]
    assert by_state["value"] == {"step": 9, "tried": tried}
    assert by_state["at"]["step"] == 9
    assert first["value"]["reason"].startswith("first not finite: div_, output has 1 +Inf")
    assert recorded["value"]["step"] == recorded["at"]["step"] == 10
    assert neither["value"]["step"] == 1


def test_a_signal_ends_it(shell):
    with shell.start(
        "run", "--batch", "-x", "step", "-x", "print sum(range(10**14))", "linear", stdout=-1, stderr=-1
    ) as process:
        while b"sample 1" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGTERM)
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("--batch", "-x", "step", "-x", "stp 3", "linear"), "no verb 'stp'; did you mean 'step'?, in 'stp 3'"),
        (("--batch", "-x", "until loss <", "linear"), "invalid syntax, in 'until loss <'"),
        (("--batch", "linear"), "--batch, --json and -x go together"),
        (("-x", "step", "linear"), "--batch, --json and -x go together"),
        (("--batch", "-x", "step", "nosuch.py"), "no such file: nosuch.py"),
    ],
)
def test_bad_input_is_one_line_before_anything_runs(shell, arguments, line):
    done = shell.bptui("run", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"bptui: {line}")
    assert done.stderr.count("\n") == 1
