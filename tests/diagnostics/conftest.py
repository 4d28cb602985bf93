import pytest

from bptui.diagnostics import Diagnosis, read_limits
from bptui.protocol import Step, Stopped
from bptui.recording.reader import Reader
from bptui.session.recorder import Recorder

from ..debuggee.driver import Keeper, write_loop


@pytest.fixture(scope="module")
def keeper():
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture
def diagnosed(keeper, tmp_path):
    """Runs a lesson, or a source with a function `loop`, and gives what is found in its recording."""

    def run(*arguments, source="", steps=(), goes_on=False):
        """By so many samples at a time, few enough that each is traced; then to the end, if it is to go on."""
        target = arguments or (write_loop(tmp_path / "loops.py", source),)
        debuggee = keeper.fork(*target)
        try:
            debuggee.until(Stopped)
            for count in steps:
                debuggee.send(Step("sample", count))
                debuggee.until(Stopped)
            ended = debuggee.run() if goes_on or not steps else debuggee.quit()
        finally:
            debuggee.close()
        recorder = Recorder(tmp_path / "run.bptui")
        recorder.begin_branch("start")
        for event in debuggee.events:
            recorder.event(event)
        recorder.close()
        assert not recorder.trouble
        reader = Reader(tmp_path / "run.bptui")
        diagnosis = Diagnosis(reader, 0, read_limits())
        assert diagnosis.follow(reader.steps(0))
        reader.close()
        return ended, diagnosis.findings

    return run
