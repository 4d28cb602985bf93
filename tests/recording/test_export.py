"""Recordings in other programs' formats."""

import base64
import csv
import json
import math
import tracemalloc
from array import array
from pathlib import Path

import pytest

from bptui.cli import main
from bptui.errors import BptuiError
from bptui.protocol import ABSENT, Edited, HitSeen, LossesSeen, ParameterSamples, ParametersSeen, RatesSeen
from bptui.recording.export import WINDOW, export
from bptui.records import Edit, Hit, Kind, Layout, OptimizerRates, Parameter, TensorSummary

from .making import batch, layout, losses, summary, tensor

COLUMNS = "step,epoch,index,input,target,output,loss,grad,weight,weight_after,by_hand,lr,losses,edits,hits"
NORMS = "weight_norm,grad_norm,update_norm,update_ratio"
NAN, INF = float("nan"), float("inf")


@pytest.fixture
def recording(writer, path):
    """A branch with an int, a matrix, NaN, infinities and an absent quantity; then one of a single sample."""
    one = Kind((1,), "float32", "cpu")
    matrix = Kind((2, 9), "float32", "cpu")
    writer.layout(0, Layout({"input": Kind((), "int64", "cpu"), "loss": one, "grad": one, "weight": matrix}))
    values = summary([0.5, NAN], matrix.shape)
    rows = [
        (0, 0, {"input": 3.0, "loss": 4.0, "grad": -15.680000305175781}),
        (0, 1, {"input": 4.0, "loss": NAN, "grad": -INF}),
    ]
    writer.samples(batch(0, 0, rows, [tensor(step, "weight", values) for step in (0, 1)]))
    writer.begin_branch("reset")
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [-0.0]))
    writer.commit()
    return path


def scalars(folder):
    """What TensorBoard reads: tag → (step, value)."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    seen = EventAccumulator(str(folder))
    seen.Reload()
    return {tag: [(each.step, each.value) for each in seen.Scalars(tag)] for tag in seen.Tags()["scalars"]}


def test_csv(recording, tmp_path):
    export(recording, "csv", tmp_path / "x.csv", 0)
    lines = (tmp_path / "x.csv").read_text().splitlines()
    assert lines[0] == COLUMNS
    first, second = csv.DictReader(lines)
    assert (first["step"], first["epoch"], first["index"], first["input"]) == ("0", "0", "0", "3")
    assert (first["loss"], first["grad"]) == ("4.0", "-15.680000305175781")
    assert (second["loss"], second["grad"]) == ("nan", "-inf")
    assert first["target"] == first["by_hand"] == ""
    assert first["weight"] == (
        "float32[2,9] min=-1.5 max=inf mean=0.25 std=1.0 norm=2.5 nan=1 inf=1 -inf=2"
    )  # fmt: skip


def test_what_was_set_and_which_breakpoints_hit(writer, path, tmp_path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0, 3.0]))
    for edit in (Edit(1, "lr", "0.1", "0.2"), Edit(1, "scale", "2", "3"), Edit(3, "lr", "0.2", "0.1")):
        writer.edit(Edited(edit))
    for hit in (Hit(1, 2, "op relu", "forward · relu"), Hit(1, 1, "loss > 1"), Hit(2, 1, "loss > 1")):
        writer.hit(HitSeen(hit))
    writer.commit()
    export(path, "csv", tmp_path / "x.csv", None)
    rows = list(csv.DictReader((tmp_path / "x.csv").read_text().splitlines()))
    assert [row["edits"] for row in rows] == [
        "",
        "lr: 0.1 → 0.2; scale: 2 → 3",
        "",
    ]  # the last is before no sample
    assert [row["hits"] for row in rows] == ["", "op relu; loss > 1", "loss > 1"]
    export(path, "jsonl", tmp_path / "x.jsonl", None)
    first, second, _ = map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())
    assert first["edits"] is first["hits"] is None
    assert second["edits"][0] == {"what": "lr", "old": "0.1", "new": "0.2"}
    assert second["hits"][0] == {"breakpoint": 2, "text": "op relu", "place": "forward · relu"}


def test_jsonl(recording, tmp_path):
    export(recording, "jsonl", tmp_path / "x.jsonl", 0)
    first, second = [
        json.loads(line, parse_constant=pytest.fail) for line in (tmp_path / "x.jsonl").read_text().splitlines()
    ]
    assert ",".join(first) == COLUMNS + ",parameters"
    assert (first["step"], first["input"], first["loss"], first["target"]) == (0, 3, 4.0, None)
    assert math.isnan(float(second["loss"])) and float(second["grad"]) == -INF
    weight = first["weight"]
    assert (weight["shape"], weight["dtype"]) == ([2, 9], "float32")
    assert (weight["values"], weight["max"]) == ([0.5, "NaN"], "Infinity")
    assert list(weight) == list(TensorSummary.__dataclass_fields__)


def test_tensorboard(recording, tmp_path):
    export(recording, "tensorboard", tmp_path / "logs", 0)
    seen = scalars(tmp_path / "logs")
    norms = [f"weight/{stat}" for stat in ("norm", "mean", "std", "min", "max")]
    assert set(seen) == {"input", "loss", "grad", *norms}
    assert seen["grad"] == [(0, -15.680000305175781), (1, -INF)]
    assert math.isnan(seen["loss"][1][1])
    assert seen["weight/norm"][0] == (0, 2.5)


def test_learning_rates(writer, path, tmp_path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 3))
    writer.rates(RatesSeen(1, (OptimizerRates("SGD", (0.5,)),)))
    writer.rates(RatesSeen(2, (OptimizerRates("SGD", (0.25, None, 0.125)), OptimizerRates("Adam", (0.75,)))))
    writer.commit()
    export(path, "csv", tmp_path / "x.csv", None)
    assert [row["lr"] for row in csv.DictReader((tmp_path / "x.csv").read_text().splitlines())] == [
        "",
        "0.5",
        "0.25 None 0.125 0.75",
    ]
    export(path, "jsonl", tmp_path / "x.jsonl", None)
    lines = map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())
    both = {"SGD": [0.25, None, 0.125], "Adam": [0.75]}
    assert [line["lr"] for line in lines] == [None, {"SGD": [0.5]}, both]
    export(path, "tensorboard", tmp_path / "logs", None)
    seen = scalars(tmp_path / "logs")
    assert seen.pop("loss") == [(step, 1.0) for step in range(3)]
    several = {"lr/SGD/0": [(2, 0.25)], "lr/SGD/2": [(2, 0.125)], "lr/Adam": [(2, 0.75)]}
    assert seen == {"lr": [(1, 0.5)], **several}


def test_the_losses_of_several_backward_passes(writer, path, tmp_path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    writer.losses(LossesSeen(1, summary([0.5, INF, 2.0])))
    writer.commit()
    export(path, "csv", tmp_path / "x.csv", None)
    rows = csv.DictReader((tmp_path / "x.csv").read_text().splitlines())
    assert [row["losses"] for row in rows] == ["", "0.5 inf 2.0"]
    export(path, "jsonl", tmp_path / "x.jsonl", None)
    lines = map(json.loads, (tmp_path / "x.jsonl").read_text().splitlines())
    assert [line["losses"] for line in lines] == [None, [0.5, "Infinity", 2.0]]
    export(path, "tensorboard", tmp_path / "logs", None)
    each = {"loss/1": [(1, 0.5)], "loss/2": [(1, INF)], "loss/3": [(1, 2.0)]}
    assert scalars(tmp_path / "logs") == {"loss": [(0, 1.0), (1, 2.0)], **each}


@pytest.fixture
def measured(writer, path):
    """Three samples, of which the second and the third were measured: the third with one parameter more."""
    writer.layout(0, layout("loss"))
    kinds = [Parameter(name, (2,), "float32", "cpu") for name in ("fc.weight", "", "late")]
    for number, (step, *numbers) in enumerate(
        [(1, 2.0, 4.0, 0.5, NAN, INF, ABSENT), (2, *[0.0] * 3, *[ABSENT] * 3, 1.0, ABSENT, 0.25)]
    ):
        writer.parameters(ParametersSeen(number, tuple(kinds[: number + 2])))
        blob = base64.b64encode(array("d", numbers)).decode()
        writer.parameter_samples(ParameterSamples(number, (step,), blob))
    writer.samples(losses(0, [1.0] * 3))
    writer.commit()
    return path


def test_parameters_as_csv(measured, tmp_path):
    export(measured, "csv-parameters", tmp_path / "x.csv", None)
    assert (tmp_path / "x.csv").read_text().splitlines() == [
        "step,epoch,index,parameter," + NORMS,
        "1,0,1,fc.weight,2.0,4.0,0.5,0.25",
        "1,0,1,parameter 2,nan,inf,,",
        "2,0,2,fc.weight,0.0,0.0,0.0,",
        "2,0,2,late,1.0,,0.25,0.25",
    ]


def test_parameters_as_jsonl(measured, tmp_path):
    export(measured, "jsonl", tmp_path / "x.jsonl", None)
    none, first, second = [
        json.loads(line)["parameters"] for line in (tmp_path / "x.jsonl").read_text().splitlines()
    ]
    assert none is None
    keys = NORMS.split(",")
    assert first == {
        "fc.weight": dict(zip(keys, (2.0, 4.0, 0.5, 0.25), strict=True)),
        "parameter 2": dict(zip(keys, ("NaN", "Infinity", None, None), strict=True)),
    }
    assert list(second) == ["fc.weight", "late"]


def test_parameters_for_tensorboard(measured, tmp_path):
    export(measured, "tensorboard", tmp_path / "logs", None)
    seen = scalars(tmp_path / "logs")
    assert seen["loss"] == [(step, 1.0) for step in range(3)]
    assert seen["param/fc.weight/grad_norm"] == [(1, 4.0), (2, 0.0)]
    assert seen["param/fc.weight/update_ratio"] == [(1, 0.25)]
    assert seen["param/late/update_norm"] == [(2, 0.25)]
    assert "param/late/grad_norm" not in seen


def test_the_newest_branch_unless_asked(recording, tmp_path):
    export(recording, "csv", tmp_path / "x.csv", None)
    assert (tmp_path / "x.csv").read_text().splitlines()[1:] == ["0,0,0,,,,-0.0,,,,,,,,"]


@pytest.mark.parametrize("branch", [2, -1])
def test_a_branch_that_is_not_there(recording, tmp_path, branch):
    with pytest.raises(BptuiError, match=f"has no branch {branch}: its branches are 0, 1"):
        export(recording, "csv", tmp_path / "x.csv", branch)
    assert not (tmp_path / "x.csv").exists()


@pytest.mark.parametrize("name", ["csv", "jsonl", "tensorboard"])
def test_nothing_is_overwritten(recording, tmp_path, name):
    for output in (tmp_path / "there", recording):
        output.touch()
        before = output.read_bytes()
        with pytest.raises(BptuiError, match="exists already"):
            export(recording, name, output, None)
        assert output.read_bytes() == before


def test_tensorboard_goes_into_an_empty_directory_only(recording, tmp_path):
    (tmp_path / "logs").mkdir()
    export(recording, "tensorboard", tmp_path / "logs", None)
    with pytest.raises(BptuiError, match="new or empty directory"):
        export(recording, "tensorboard", tmp_path / "logs", None)


@pytest.mark.parametrize("name", ["csv", "jsonl", "tensorboard"])
def test_a_place_that_can_not_be_written(recording, tmp_path, name):
    (tmp_path / "file").touch()
    with pytest.raises(BptuiError, match="can not export to"):
        export(recording, name, tmp_path / "file" / "x", None)


def test_a_full_disk_is_a_line(recording):
    with pytest.raises(BptuiError, match="No space left"):
        export(recording, "csv", Path("/dev/full"), None)


def test_what_was_begun_and_not_finished_is_removed(writer, recording, tmp_path, monkeypatch):
    monkeypatch.setattr("bptui.recording.export.csv._cell", lambda summary: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        export(recording, "csv", tmp_path / "x.csv", None)
    assert not (tmp_path / "x.csv").exists()


def test_an_unknown_format(recording, tmp_path):
    with pytest.raises(BptuiError, match="there are csv, csv-parameters, jsonl, tensorboard"):
        export(recording, "xml", tmp_path / "x", None)


def test_a_dash_is_stdout(recording, capsys):
    export(recording, "csv", Path("-"), 0)
    assert capsys.readouterr().out.startswith(COLUMNS + "\n0,0,0,3,")


def test_the_command_line(recording, tmp_path, capsys):
    command = ["export", str(recording), "--format", "csv", "-o", str(tmp_path / "x.csv")]
    assert main([*command, "--branch", "0"]) == 0
    assert main(command) == 2
    assert capsys.readouterr().err.startswith("bptui: ")


def test_memory_does_not_grow_with_the_recording(writer, path, tmp_path):
    writer.layout(0, layout("loss"))
    peaks = []
    for steps in (3 * WINDOW, 12 * WINDOW):
        writer.samples(losses(writer.steps, [1.5] * (steps - writer.steps)))
        writer.commit()
        tracemalloc.start()
        export(path, "csv", tmp_path / f"{steps}.csv", None)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert len((tmp_path / f"{steps}.csv").read_text().splitlines()) == steps + 1
    assert peaks[1] < 1.2 * peaks[0]
