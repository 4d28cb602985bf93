"""What is kept of a target from run to run."""

from dataclasses import replace

from bptui import kept
from bptui.breakpoints import parse_any


def test_breakpoints_come_back_but_those_that_were_to_go(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    path = kept.path_of("train.py", is_script=True)
    assert path == kept.path_of(str(tmp_path / "train.py"), is_script=True)
    assert path != kept.path_of("train.py:loop", is_script=False)
    assert kept.load(path) == kept.Kept("")
    lasting, once, logged = (parse_any(text, i) for i, text in enumerate(("nan", "once op mul", "log {loss}"), 1))
    kept.save(path, kept.Kept("train.py", (replace(lasting, ignore=3, is_enabled=False), once, logged), ("loss",)))
    assert kept.load(path) == kept.Kept("train.py", (replace(lasting, is_enabled=False), logged), ("loss",))
    path.write_text("{")
    assert kept.load(path) == kept.Kept("")


def test_a_directory_that_can_not_be_written_stops_nothing(tmp_path):
    (tmp_path / "file").touch()
    kept.save(tmp_path / "file" / "x.json", kept.Kept("train.py"))
