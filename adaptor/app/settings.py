"""Every setting of the service: its type, default and reason, from one list.

A value comes from, in rising order of precedence: the default, the TOML file, the environment
(``ADAPTOR_SERVICE_LISTEN`` for ``service.listen``), a flag. `adaptor config` prints each value with its origin, and
the table in ``docs/settings.md`` is made from the same list.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from adaptor.app.access_settings import ACCESS_SETTINGS
from adaptor.app.attach_settings import ATTACH_SETTINGS
from adaptor.app.cluster_settings import CLUSTER_SETTINGS
from adaptor.app.metrics_settings import METRICS_SETTINGS
from adaptor.app.setting import DURATION, FRACTION, INTEGER, LEVEL, PATH, TEXT, Setting
from adaptor.app.sharing_settings import SHARING_SETTINGS
from adaptor.client.run import DEFAULT_ADDRESS
from adaptor.domain.duration import format_duration
from adaptor.domain.objective import DEFAULT_CONFIDENCE
from adaptor.errors import InvalidValueError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE_VARIABLE = "ADAPTOR_CONFIG"


def _default_state_dir() -> str:
    return str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "adaptor")


SETTINGS: tuple[Setting, ...] = (
    Setting("service.listen", TEXT, DEFAULT_ADDRESS, "address and port of the gRPC API", "loopback is safe"),
    Setting(
        "service.mutual_listen",
        TEXT,
        "",
        "a second address, where clients must show a certificate of `tls.client_ca`; without it they must on the first",
        "one address is enough where all clients have certificates, or none",
    ),
    Setting("service.state_dir", PATH, _default_state_dir(), "where runs are kept", "the XDG convention"),
    Setting("service.default_deadline", DURATION, "10s", "deadline of calls that set none", "five barriers' waits"),
    Setting("service.stop_grace", DURATION, "2s", "time for calls in flight when stopping", "one barrier's wait"),
    Setting(
        "service.max_message_bytes",
        INTEGER,
        "4194304",
        "largest request",
        "gRPC's own default; requests are about 1 kB",
    ),
    Setting("service.log_level", LEVEL, "info", "least severe log line", "one line a plan"),
    *ACCESS_SETTINGS,
    *METRICS_SETTINGS,
    Setting("flink.timeout", DURATION, "1s", "longest wait for one REST answer", "half a barrier's wait"),
    Setting("flink.max_answer_bytes", INTEGER, "16777216", "longest REST answer", "10,000 subtasks take about 10 MB"),
    Setting(
        "observer.timeout",
        DURATION,
        "1s",
        "longest reading of a superstep's statistics",
        "half a barrier's wait, so that the plan still arrives in time",
    ),
    Setting("observer.max_requests", INTEGER, "16", "REST requests at once", "a barrier asks about ten questions"),
    Setting(
        "planner.confidence",
        FRACTION,
        str(DEFAULT_CONFIDENCE),
        "confidence of runtime targets that name none",
        "upper end of the 80 % intervals shown",
    ),
    Setting(
        "planner.initial_adaptation_cost",
        DURATION,
        "4s",
        "cost of a rescale before one was measured",
        "start of a TaskManager on two busy cores",
    ),
    Setting(
        "planner.earlier_observations",
        INTEGER,
        "500",
        "observations of earlier runs that a plan rests on",
        "fifty runs of ten supersteps; a fit of them takes under a millisecond",
    ),
    Setting(
        "engine.narrowing_wait",
        DURATION,
        "1s",
        "longest wait of an answer for surplus slots to go",
        "half a barrier's wait",
    ),
    Setting(
        "engine.reconcile_interval",
        DURATION,
        "2s",
        "time between two looks for slots that died",
        "Flink itself notices a dead TaskManager within seconds",
    ),
    Setting(
        "engine.run_idle_timeout",
        DURATION,
        "1h",
        "silence after which a run is taken for abandoned",
        "longer than any superstep worth rescaling for",
    ),
    Setting(
        "engine.idle_slots",
        INTEGER,
        "1",
        "slots that stay on an embedded cluster without runs",
        "the next run's first superstep need not wait",
    ),
    Setting("engine.max_loaded_runs", INTEGER, "10000", "runs kept in memory", "about 20 kB each"),
    *SHARING_SETTINGS,
    *ATTACH_SETTINGS,
    *CLUSTER_SETTINGS,
    Setting(
        "embedded.home",
        TEXT,
        "",
        "folder of an embedded Flink whose TaskManagers this service manages",
        "without one, slots are what the cluster has",
    ),
    Setting(
        "embedded.max_task_managers",
        INTEGER,
        "4",
        "most TaskManagers of one slot each",
        "four and a JobManager fit in 8 GiB",
    ),
)

BY_NAME: Mapping[str, Setting] = MappingProxyType({setting.name: setting for setting in SETTINGS})


@dataclass(frozen=True, slots=True)
class Value:
    """A value and where it came from."""

    value: Any
    text: str
    origin: str


class Settings(Mapping[str, Any]):
    """Values of all settings, by name.

    Attributes:
        values: Each with its origin.
    """

    def __init__(self, values: Mapping[str, Value]) -> None:
        self.values_by_name = values

    def __getitem__(self, name: str) -> Any:
        """The parsed value of a setting."""
        return self.values_by_name[name].value

    def __iter__(self) -> Any:
        """Names of the settings."""
        return iter(self.values_by_name)

    def __len__(self) -> int:
        """How many settings there are."""
        return len(self.values_by_name)


def load_settings(
    *, file: Path | None = None, environment: Mapping[str, str] = os.environ, flags: Mapping[str, str] | None = None
) -> Settings:
    """Every setting with its value.

    Args:
        file: TOML file; ``None`` takes the one named by ADAPTOR_CONFIG, if any.
        environment: Variables.
        flags: Values given on the command line, by setting name.

    Raises:
        InvalidValueError: If the file cannot be read, a key is unknown, or a value has the wrong form or unit.
    """
    path = file or (Path(environment[FILE_VARIABLE]) if environment.get(FILE_VARIABLE) else None)
    values = {one.name: _value(one, one.default, "default") for one in SETTINGS}
    if path is not None:
        for name, text in _file_texts(path).items():
            values[name] = _value(BY_NAME[name], text, str(path))
    for one in SETTINGS:
        if one.variable in environment:
            values[one.name] = _value(one, environment[one.variable], one.variable)
    for name, text in (flags or {}).items():
        values[name] = _value(BY_NAME[name], text, "flag")
    return Settings(values)


def _value(setting: Setting, text: str, origin: str) -> Value:
    return Value(setting.kind.parse(text, setting.name), text, origin)


def _file_texts(path: Path) -> dict[str, str]:
    try:
        tables = tomllib.loads(path.read_text())
    except OSError as error:
        raise InvalidValueError("config", f"{path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidValueError("config", f"{path} is not TOML ({error})") from error
    texts = {}
    for table, keys in tables.items():
        if not isinstance(keys, dict):
            raise InvalidValueError(table, f"in {path}: settings stand in tables, such as [service]")
        for key, value in keys.items():
            texts[f"{table}.{key}"] = _toml_text(f"{table}.{key}", value, path)
    return texts


def _toml_text(name: str, value: object, path: Path) -> str:
    setting = BY_NAME.get(name)
    if setting is None:
        known = ", ".join(
            other for other in BY_NAME if other.split(".")[0] == name.split(".", maxsplit=1)[0]
        ) or ", ".join(BY_NAME)
        raise InvalidValueError(name, f"in {path}: there is no such setting; there are {known}")
    if isinstance(value, str) or type(value) in setting.kind.toml_types:
        return str(value).lower() if isinstance(value, bool) else str(value)
    raise InvalidValueError(
        name, f"in {path}: {value!r} is not a {setting.kind.name}; write for example {_example(setting)}"
    )


def _example(setting: Setting) -> str:
    if setting.kind is DURATION:
        return f'"{format_duration(setting.kind.parse(setting.default, setting.name))}"'
    return setting.default if setting.kind.toml_types else f'"{setting.default}"'


def settings_table() -> str:
    """The documentation's table, as Markdown."""
    rows = ["| setting | environment | default | meaning | why this default |", "| --- | --- | --- | --- | --- |"]
    for one in SETTINGS:
        default = (
            "`~/.local/state/adaptor`" if one.name == "service.state_dir" else f"`{one.default}`" if one.default else ""
        )
        rows.append(f"| `{one.name}` ({one.kind.name}) | `{one.variable}` | {default} | {one.meaning} | {one.reason} |")
    return "\n".join(rows) + "\n"
