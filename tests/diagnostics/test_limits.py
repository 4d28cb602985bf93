"""Presets and the user's own numbers; what is not known is refused with the nearest name."""

import pytest

from bptui.diagnostics import PRESETS, read_limits
from bptui.diagnostics.rules import BY_NAME
from bptui.errors import BptuiError


@pytest.fixture(autouse=True)
def own_config(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return tmp_path / "config" / "bptui" / "diagnostics.toml"


@pytest.mark.parametrize("preset", PRESETS)
def test_each_preset_has_all_rules_and_all_keys(preset):
    limits, known = read_limits(preset), read_limits()
    assert limits.keys() == BY_NAME.keys()
    assert {rule: table.keys() for rule, table in limits.items()} == {r: t.keys() for r, t in known.items()}


def test_the_published_numbers():
    found = {preset: read_limits(preset) for preset in PRESETS}
    assert {preset: limits["vanishing-gradient"]["rms"] for preset, limits in found.items()} == {
        "relative": 0, "smdebug": 1e-7, "mindspore": 1e-9, "thedeepchecker": 1e-6,
    }  # fmt: skip
    ratios = {
        preset: (limits["update-ratio"]["high"], limits["update-ratio"]["low"]) for preset, limits in found.items()
    }
    assert ratios == {
        "relative": (0.5, 0), "smdebug": (10, 1e-8), "mindspore": (0.1, 1e-4), "thedeepchecker": (0.1, 1e-4),
    }  # fmt: skip


def test_a_file_is_laid_over_the_preset(tmp_path):
    path = tmp_path / "rules.toml"
    path.write_text('preset = "smdebug"\n[frozen-parameter]\non = false\n[update-ratio]\nhigh = 2\n')
    limits = read_limits(path=path)
    assert limits["frozen-parameter"]["on"] is False
    assert (limits["update-ratio"]["high"], limits["update-ratio"]["low"]) == (2, 1e-8)
    assert read_limits("mindspore", path)["update-ratio"]["low"] == 1e-4


def test_the_users_own_file_is_found(own_config):
    own_config.parent.mkdir(parents=True)
    own_config.write_text("[loss-spike]\ngrowth = 7\n")
    assert read_limits()["loss-spike"]["growth"] == 7


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[dead-rleu]\non = true\n", ("unknown rule 'dead-rleu'; did you mean 'dead-relu'?",)),
        ("[dead-relu]\nzeroes = 1\n", ("unknown key 'zeroes' in [dead-relu]; did you mean 'zeros'?",)),
        ("[dead-relu]\nxyz = 1\n", ("unknown key 'xyz' in [dead-relu]; known are on, steps, zeros",)),
        ("[dead-relu]\nzeros = 'most'\n", ("zeros in [dead-relu] must be a number, not 'most'",)),
        ("[dead-relu]\nzeros = nan\n", ("zeros in [dead-relu] must not be nan",)),
        ("[dead-relu]\non = 1\n", ("on in [dead-relu] must be true or false, not 1",)),
        ("[dead-relu]\nsteps = 0\n", ("steps in [dead-relu] must be a whole number from 1",)),
        ("[loss-spike]\nwindow = 2.5\n", ("window in [loss-spike] must be a whole number",)),
        ("dead-relu = 3\n", ("dead-relu is a table",)),
        ('preset = "smdbug"\n', ("unknown preset 'smdbug'; did you mean 'smdebug'?",)),
        ("[dead-relu\n", ("can not read the rules of", "line 1")),
    ],
)
def test_what_is_wrong_is_said_in_a_line_with_the_file(tmp_path, text, words):
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(BptuiError) as error:
        read_limits(path=path)
    assert "\n" not in str(error.value) and str(path) in str(error.value)
    assert all(word in str(error.value) for word in words), error.value


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(BptuiError, match="No such file"):
        read_limits(path=tmp_path / "none.toml")


def test_an_unknown_preset():
    with pytest.raises(BptuiError, match="unknown preset 'x'; known are relative, smdebug"):
        read_limits("x")
