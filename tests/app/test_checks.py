"""The checks of the training: asked for by a key, shown as they come, and kept in the recording."""

import pytest

from bptui.app.app import BptuiApp
from bptui.app.screens.checks import NAMES, Checks
from bptui.protocol import Check, Checked, Status
from bptui.records import TrainingCheck

from .test_snapshots import MEDIUM, SMALL, picture, stand_still, then

TOLD = (
    TrainingCheck("initial loss", False, "loss of the first sample 29.2808",
                  "−log(1/3) = 1.0986, at most ×1.5 or /1.5", "It begins surer of wrong classes."),
    TrainingCheck("overfit", True, "two examples: loss 0.9943 → 0.0067, −99.3 %, in 13 updates (Adam, lr 0.01)",
                  "at least −99 %", "It can learn two examples by heart."),
    TrainingCheck("zero input", None, text="Not checked: CUDA is in use."),
)  # fmt: skip


@pytest.fixture
def checked(recorded, fake_link, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("bptui.recording.writer.time.time", lambda: 0.0)
    recording = (
        recorded("checks.bptui").target().samples([{"epoch": 0, "index": i, "loss": 1.0} for i in range(3)])
    )
    for told in TOLD:
        recording.writer.check(Checked(2, told))
    recording.state()
    link = fake_link(recording.path.relative_to(tmp_path), Status("paused", 0, 3))
    return BptuiApp(link), link, recording


async def test_each_is_asked_for_once_until_it_comes(checked):
    app, link, recording = checked
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        await pilot.press("V", "4", "4")
        assert link.sent == [Check(2, ("batch leak",))]
        await pilot.press("V")
        assert link.sent[1:] == [Check(2, NAMES[:3])]
        assert sum("checking …" in line for line in picture(app)) == 4
        recording.writer.check(Checked(2, TOLD[0]))
        recording.writer.commit()
        link.say(Status("paused", 0, 3, 1))
        await stand_still(pilot)
        assert sum("checking …" in line for line in picture(app)) == 3
        await pilot.press("escape")
        assert not isinstance(app.screen, Checks)


async def test_looking_back_they_are_only_shown(checked):
    app, link, _ = checked
    async with app.run_test(size=MEDIUM) as pilot:
        await stand_still(pilot)
        await pilot.press("S", "V", "V")
        await stand_still(pilot)
        assert link.sent == [] and any("Looking back" in line for line in picture(app))


@pytest.mark.parametrize("size", [SMALL], ids=["small"])
def test_checks(snap_compare, checked, size):
    assert snap_compare(checked[0], terminal_size=size, run_before=then("V", "4"))
