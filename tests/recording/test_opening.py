"""What is no recording, or can not be read or made, is one clear line."""

import os
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest

from bptui.errors import RecordingError
from bptui.recording.reader import Reader
from bptui.recording.schema import ADDED, OLDEST_VERSION, SCHEMA_VERSION
from bptui.recording.writer import Writer, check_recordable

from .making import layout, losses


def refusal(path) -> str:
    with pytest.raises(RecordingError) as refused:
        Reader(path)
    assert "\n" not in str(refused.value)
    assert str(path) in str(refused.value)
    return str(refused.value)


def test_a_recording_that_is_not_there(path):
    assert "no such recording" in refusal(path)
    assert not path.exists()


def test_a_directory(tmp_path):
    assert "is a directory" in refusal(tmp_path)


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"step,epoch\n0,0\n" * 1000, b"SQLite format 3\0" + b"\0" * 84, os.urandom(5000)],
    ids=["empty", "short", "text", "half a header", "noise"],
)
def test_a_file_that_is_no_recording(path, content):
    path.write_bytes(content)
    assert "no bptui recording" in refusal(path)
    assert path.read_bytes() == content


def test_another_programs_database(path):
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE samples (id)")
    db.close()
    assert "is no bptui recording" in refusal(path)


@pytest.mark.parametrize("version", [0, SCHEMA_VERSION + 1])
def test_a_recording_of_another_version(writer, path, version):
    writer.close()
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    readable = f"versions {OLDEST_VERSION} to {SCHEMA_VERSION}"
    assert f"is of schema version {version}, this bptui reads {readable}" in refusal(path)


@pytest.mark.parametrize("version", range(OLDEST_VERSION, SCHEMA_VERSION))
def test_what_an_older_version_lacks_is_not_there(writer, path, version):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0]))
    writer.close()
    db = sqlite3.connect(path)
    for since, table in ADDED.items():
        if version < since:
            db.execute(f"DROP TABLE {table.partition(' ')[0]}")
    db.execute(f"PRAGMA user_version = {version}")
    db.close()
    reader = Reader(path)
    assert reader.sample(0, 0).quantities["loss"].item == 1.0
    assert reader.explanations(0, 0) is None
    assert reader.inside(0) is reader.inside_graph(0) is None
    assert reader.hits(0, 0, 9, 9) == []
    reader.close()


def test_a_damaged_recording_is_a_line_when_it_is_read(writer, path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 5000))
    writer.close()
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size // 3)
        file.write(b"\xab" * (size // 3))
    reader = Reader(path)
    with pytest.raises(RecordingError, match="can not be read"):
        for start in range(0, 5000, 100):
            reader.samples(0, start, start + 100)
    reader.close()


def test_a_truncated_recording_is_a_line(writer, path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0] * 5000))
    writer.close()
    os.truncate(path, path.stat().st_size // 2 // 4096 * 4096)
    with pytest.raises(RecordingError, match=r"can not be read|no bptui recording"):
        reader = Reader(path)
        try:
            reader.samples(0, 0, 5000)
        finally:
            reader.close()


def test_odd_names_of_files(tmp_path):
    for name in ("a b.bptui", "a?mode=rw#x%20.bptui", "∂.bptui", os.fsdecode(b"\xff.bptui")):
        writer = Writer(tmp_path / name)
        writer.begin_branch("start")
        writer.close()
        reader = Reader(tmp_path / name)
        assert len(reader.branches()) == 1
        reader.close()


def test_a_file_is_never_overwritten(path):
    path.write_text("mine")
    for attempt in (Writer, check_recordable):
        with pytest.raises(RecordingError, match="exists already"):
            attempt(path)
    assert path.read_text() == "mine"


def test_a_place_that_can_not_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    for attempt in (Writer, check_recordable):
        with pytest.raises(RecordingError, match="choose another place with --record"):
            attempt(tmp_path / "file" / "x.bptui")


def test_directories_are_made_and_the_file_is_ones_own(tmp_path):
    path = tmp_path / "a" / "b" / "x.bptui"
    check_recordable(path)
    assert list(path.parent.iterdir()) == []
    Writer(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_closed_recording_is_one_file(writer, path):
    writer.close()
    assert list(path.parent.iterdir()) == [path]


def test_a_recording_closed_under_a_reader_is_whole_in_its_file(writer, read, path, tmp_path):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    reader = read()
    assert reader.steps(0) == 2
    writer.samples(losses(2, [3.0]))
    writer.close()
    assert reader.steps(0) == 3
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shutil.copy(path, elsewhere)
    copied = Reader(elsewhere / path.name)
    assert copied.steps(0) == 3
    copied.close()


@pytest.fixture
def look_read_only():
    """Puts copies of files into a read-only directory, and says what somebody sees there."""
    place = Path(tempfile.mkdtemp())

    def look(*files) -> str:
        for file in files:
            shutil.copy(file, place)
            (place / file.name).chmod(0o444)
        place.chmod(0o555)
        ours, theirs = os.pipe()
        if (child := os.fork()) == 0:
            os.write(theirs, _look(place / files[0].name).encode())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(theirs)
        with os.fdopen(ours) as said:
            return said.read()

    yield look
    place.chmod(0o755)
    shutil.rmtree(place)


def _look(path) -> str:
    if os.geteuid() == 0:  # for whom nothing is read-only
        os.setgid(65534)
        os.setuid(65534)
    try:
        return str(Reader(path).steps(0))
    except Exception as error:
        return f"{type(error).__name__}: {error}"


def beside(path, *endings):
    return [Path(f"{path}{ending}") for ending in endings]


def test_a_closed_recording_in_a_read_only_directory(writer, path, look_read_only):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    writer.close()
    assert look_read_only(path) == "2"


def test_a_recording_closed_under_a_reader_in_a_read_only_directory(writer, read, path, look_read_only):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    read()
    writer.close()
    assert look_read_only(path) == "2"
    assert look_read_only(*beside(path, "", "-wal")) == "2"


def test_an_unfinished_recording_in_a_read_only_directory(writer, read, path, look_read_only):
    writer.layout(0, layout("loss"))
    writer.samples(losses(0, [1.0, 2.0]))
    read()
    said = look_read_only(*beside(path, "", "-wal"))
    assert said.startswith("RecordingError: can not read") and "copy both elsewhere" in said
    assert look_read_only(*beside(path, "", "-wal", "-shm")) == "2"
