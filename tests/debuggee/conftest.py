import pytest

from .driver import Keeper, write_loop


@pytest.fixture(scope="session")
def keeper():
    keeper = Keeper()
    yield keeper
    keeper.close()


@pytest.fixture
def fork(keeper, tmp_path):
    """Forks a debuggee on a source with a function `loop`, or on a target."""
    started = []

    def start(source="", *arguments, target=""):
        target = target or write_loop(tmp_path / "loops.py", source)
        started.append(keeper.fork(target, *arguments))
        return started[-1]

    yield start
    for debuggee in started:
        debuggee.close()


@pytest.fixture
def begin(fork):
    """Forks a debuggee and waits until it has stopped before its first sample."""
    from bptui.protocol import Stopped

    def start(source="", *arguments, target=""):
        debuggee = fork(source, *arguments, target=target)
        assert debuggee.until(Stopped) == Stopped(0)
        return debuggee

    return start
