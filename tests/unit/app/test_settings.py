"""Settings: where a value comes from, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from adaptor.app.settings import SETTINGS, load_settings, settings_table
from adaptor.errors import InvalidValueError

ROOT = Path(__file__).resolve().parents[3]


def toml(folder: Path, text: str) -> Path:
    """A file of settings."""
    path = folder / "adaptor.toml"
    path.write_text(text)
    return path


def test_every_setting_has_a_default_that_is_valid_and_a_reason_for_it() -> None:
    """And an environment variable of its own."""
    settings = load_settings(environment={})
    assert [*settings] == [one.name for one in SETTINGS]
    assert all(one.meaning and one.reason for one in SETTINGS)
    assert len({one.variable for one in SETTINGS}) == len(SETTINGS)
    assert {value.origin for value in settings.values_by_name.values()} == {"default"}


def test_a_flag_beats_the_environment_and_that_the_file_and_that_the_default(tmp_path: Path) -> None:
    """Each value says where it came from."""
    path = toml(tmp_path, '[engine]\nnarrowing_wait = "3s"\nreconcile_interval = "4s"\nrun_idle_timeout = "5h"\n')
    environment = {"ADAPTOR_ENGINE_RECONCILE_INTERVAL": "6s", "ADAPTOR_ENGINE_RUN_IDLE_TIMEOUT": "7h"}
    settings = load_settings(file=path, environment=environment, flags={"engine.run_idle_timeout": "8h"})
    found = {name: settings.values_by_name[f"engine.{name}"] for name in ("narrowing_wait", "reconcile_interval")}
    assert {name: (one.value, one.origin) for name, one in found.items()} == {
        "narrowing_wait": (3.0, str(path)),
        "reconcile_interval": (6.0, "ADAPTOR_ENGINE_RECONCILE_INTERVAL"),
    }
    assert settings["engine.run_idle_timeout"] == 8 * 3600
    assert settings.values_by_name["engine.run_idle_timeout"].origin == "flag"
    assert settings.values_by_name["engine.idle_slots"].origin == "default"


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    """So that a service manager needs no flags."""
    path = toml(tmp_path, "[engine]\nidle_slots = 3\n")
    assert load_settings(environment={"ADAPTOR_CONFIG": str(path)})["engine.idle_slots"] == 3


def test_values_may_be_written_in_the_types_of_toml(tmp_path: Path) -> None:
    """Or as texts."""
    path = toml(tmp_path, '[sharing]\nvalidate = false\n[planner]\nconfidence = 0.8\ninitial_adaptation_cost = "2s"\n')
    settings = load_settings(file=path, environment={})
    assert (settings["sharing.validate"], settings["planner.confidence"]) == (False, 0.8)
    assert settings["planner.initial_adaptation_cost"] == 2.0


BAD_FILES = [
    ("[service]\nport = 1\n", "service.port: ", "there is no such setting; there are service.listen"),
    ("[nonsense]\nport = 1\n", "nonsense.port: ", "there is no such setting"),
    ("listen = 1\n", "listen: ", "settings stand in tables"),
    ("[engine]\nnarrowing_wait = 3\n", "engine.narrowing_wait: ", '3 is not a duration; write for example "1.0s"'),
    ('[engine]\nnarrowing_wait = "3"\n', "engine.narrowing_wait: ", "is not a duration; write for example"),
    ('[engine]\nnarrowing_wait = "0s"\n', "engine.narrowing_wait: ", "must be longer than nothing"),
    ('[engine]\nidle_slots = "many"\n', "engine.idle_slots: ", "is not a whole number"),
    ("[engine]\nidle_slots = -1\n", "engine.idle_slots: ", "must be zero or more"),
    ("[engine]\nidle_slots = true\n", "engine.idle_slots: ", "True is not a number"),
    ("[planner]\nconfidence = 90.0\n", "planner.confidence: ", "must lie between 0 and 1"),
    ('[sharing]\nvalidate = "yes"\n', "sharing.validate: ", "is neither true nor false"),
    ('[service]\nlog_level = "loud"\n', "service.log_level: ", "is none of debug"),
    ("[service\n", "config: ", "is not TOML"),
]


@pytest.mark.parametrize(
    ("text", "field", "problem"), BAD_FILES, ids=[field + problem for _, field, problem in BAD_FILES]
)
def test_a_file_with_a_mistake_is_refused_naming_the_key_and_the_remedy(
    tmp_path: Path, text: str, field: str, problem: str
) -> None:
    """Nothing is guessed."""
    with pytest.raises(InvalidValueError) as caught:
        load_settings(file=toml(tmp_path, text), environment={})
    assert str(caught.value).startswith(field)
    assert problem in str(caught.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    """Rather than taken for an empty one."""
    with pytest.raises(InvalidValueError, match=r"^config: .* cannot be read \(No such file"):
        load_settings(file=tmp_path / "missing.toml", environment={})


def test_a_wrong_value_in_the_environment_names_the_setting() -> None:
    """As in a file."""
    with pytest.raises(InvalidValueError, match=r"^flink.timeout: '5' is not a duration"):
        load_settings(environment={"ADAPTOR_FLINK_TIMEOUT": "5"})


def test_the_table_in_the_documentation_is_current() -> None:
    """`adaptor docs` makes it from the same list."""
    assert settings_table() in (ROOT / "docs" / "settings.md").read_text()
