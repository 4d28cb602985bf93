"""bptui check: what is wrong with a recorded training, for people, for programs, and as an exit code."""

import json

import pytest

FAULTY = """
    import torch
    from bptui import Sample

    def loop():
        weight = torch.ones(2, 2, requires_grad=True)
        for index in range(3):
            loss = (weight * (1.0 if index < 1 else float("nan"))).sum()
            loss.backward()
            yield Sample(epoch=0, index=index, samples=3, loss=loss, grad=weight.grad)
            weight.grad = None
"""


@pytest.fixture
def recorded(shell):
    shell.write(FAULTY)
    assert shell.record("loop.py:loop").returncode == 0
    return shell


def test_what_is_found_is_an_exit_code_text_and_json(recorded):
    done = recorded.bptui("check", recorded.recording)
    assert (done.returncode, done.stderr) == (1, "")
    assert done.stdout.startswith(
        "not-finite-sample: loss\n    since sample 2: it is NaN\nnot-finite-sample: gradient"
    )
    assert done.stdout.count("What is NaN") == 1  # of all of them
    done = recorded.bptui("check", recorded.recording, "--format", "json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["branch"], said["samples"]) == (1, 0, 3)
    first = said["findings"][0]
    assert (first["rule"], first["subject"], first["since"], first["until"]) == (
        "not-finite-sample",
        "loss",
        1,
        None,
    )
    assert (first["actual"], first["limit"]) == ("nan", "inf")

    rules = recorded.folder / "rules.toml"
    rules.write_text("".join(f"[not-finite-{what}]\non = false\n" for what in ("sample", "op", "parameter")))
    done = recorded.bptui("check", recorded.recording, "--rules", rules)
    assert (done.returncode, done.stdout) == (0, "nothing found in 3 samples\n")

    for arguments, words in (
        (("none.bptui",), "no such recording"),
        ((recorded.recording, "--branch", "3"), "has no branch 3; its branches are 0 to 0"),
        ((recorded.recording, "--preset", "smdebgu"), "unknown preset 'smdebgu'; did you mean 'smdebug'?"),
        ((recorded.recording, "--rules", "none.toml"), "can not read the rules of none.toml"),
    ):
        done = recorded.bptui("check", *arguments)
        assert (done.returncode, done.stdout) == (2, "")
        assert words in done.stderr and done.stderr.count("\n") == 1
