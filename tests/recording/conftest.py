import pytest

from bptui.recording.reader import Reader
from bptui.recording.writer import Writer


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.bptui"


@pytest.fixture
def writer(path):
    """A writer that has begun its first branch."""
    writer = Writer(path)
    writer.begin_branch("start")
    yield writer
    writer.abandon()


@pytest.fixture
def read(writer, path):
    """Commits, and opens a reader on what is there."""
    readers = []

    def open_reader():
        writer.commit()
        readers.append(Reader(path))
        return readers[-1]

    yield open_reader
    for reader in readers:
        reader.close()
