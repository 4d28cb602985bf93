"""What the README says is so: its key table, its example of a loop."""

from __future__ import annotations

import itertools
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from bptui.app.screens.help import markdown
from bptui.breakpoints import KINDS
from bptui.commands.lessons import title
from bptui.diagnostics.rules import RULES
from bptui.expressions import FUNCTIONS, NAMES
from bptui.expressions.language import WINDOWS
from bptui.loops import LESSONS
from bptui.loops.linear import linear
from bptui.recording.reader import Reader
from bptui.verbs import VERBS

README = (Path(__file__).parents[1] / "README.md").read_text()


def test_its_key_table_is_that_of_the_actions():
    (table,) = re.findall(r"<!-- keys -->\n(.*?)<!-- /keys -->", README, re.DOTALL)
    assert table == markdown(), "run python -m screenshots"


def test_its_lessons_are_those_that_there_are():
    (table,) = re.findall(r"<!-- lessons -->\n(.*?)<!-- /lessons -->", README, re.DOTALL)
    rows = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in table.splitlines()[2:]]
    assert rows == [(name, title(name)) for name in LESSONS]


def rows(name: str) -> list[tuple[str, str]]:
    """The rows of a table of two columns."""
    (table,) = re.findall(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", README, re.DOTALL)
    cells = (re.fullmatch(r"\| `(.*?)` \| (.*) \|", line) for line in table.splitlines()[2:])
    return [(each[1], each[2]) for each in cells]


def test_its_breakpoints_are_those_that_there_are():
    assert rows("breakpoints") == [kind.help.partition(": ")[::2] for kind in KINDS.values()]


def test_its_language_is_that_of_conditions():
    functions = {name: help_ for name, (_, help_) in FUNCTIONS.items() if name not in WINDOWS} | WINDOWS
    assert rows("language") == [*NAMES.items(), *((f"{name}(…)", help_) for name, help_ in functions.items())]


def test_its_rules_are_those_that_there_are():
    (table,) = re.findall(r"<!-- rules -->\n(.*?)<!-- /rules -->", README, re.DOTALL)
    rows = [tuple(cell.strip(" `") for cell in line.strip("|").split("|")) for line in table.splitlines()[2:]]
    assert rows == [(rule.name, rule.why) for rule in RULES]


def test_its_loop_runs(tmp_path):
    (example,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    (tmp_path / "train.py").write_text(example)
    command = [sys.executable, "-m", "bptui", "record", "-o", "run.bptui", "train.py:train", "--lr", "0.05"]
    subprocess.run(command, cwd=tmp_path, check=True)
    reader = Reader(tmp_path / "run.bptui")
    (branch,) = reader.branches()
    assert (branch.steps, branch.state) == (500, "finished")
    assert reader.target().options == {"lr": "0.05", "epochs": "5"}
    reader.close()


def test_the_learning_rate_at_which_it_says_the_lesson_diverges():
    (lr,) = re.findall(r"`bptui --lr (\S+)` makes it diverge", README)
    losses = [sample.loss.item() for sample in linear(lr=float(lr), epochs=5)]
    epochs = [losses[first : first + 9] for first in range(0, len(losses), 9)]
    assert all(max(after) > 10 * max(before) for before, after in itertools.pairwise(epochs))


def test_its_verbs_are_those_that_there_are():
    found = [(verb.replace("\\|", "|"), help_) for verb, help_ in rows("verbs")]
    assert found == [(verb.synopsis, verb.help) for verb in VERBS]


def test_its_batch_says_what_it_shows(tmp_path):
    (example,) = re.findall(r"<!-- batch -->\n```console\n\$ bptui (.*?)\n(.*?)```", README, re.DOTALL)
    command = [sys.executable, "-m", "bptui", *shlex.split(example[0])]
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=True, capture_output=True, text=True)
    assert done.stdout == example[1]
