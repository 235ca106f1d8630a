"""Rules for the jobs of a whole cluster: one from the command line's options, or several from a TOML file.

[[rule]]
select = "orders-*"
target = ["utilisation=0.6"]
max_parallelism = 8

[[rule]]
select = "ranks-*"
label = ["team=graphs"]
target = ["runtime=300s"]
supersteps = 40
shareable = true
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import runs_pb2
from adaptor.cli.attach_targets import SuperstepOptions, pairs_of, stream_target, superstep_wish
from adaptor.errors import InvalidValueError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOptions:
    """What the command line, or a table of the file, says of a kind of jobs; the names are those of the options.

    Attributes:
        select: Pattern of the names of jobs.
        label: Global job parameters, as ``NAME=VALUE``.
        ignore: Whether such jobs are left alone.
        target: What is wanted.
        supersteps: How many the jobs will have done at their end.
        superstep_source: Where they are told.
        program: Under which observations are kept.
        data: Characteristics of the data, as ``NAME=VALUE``.
        shareable: Whether observations may leave the service's machine.
        min_parallelism: Of any vertex.
        max_parallelism: Of any vertex; ``None`` for the slots there are.
        dry_run: Whether to change nothing.
    """

    select: str = "*"
    label: Sequence[str] = ()
    ignore: bool = False
    target: Sequence[str] = ()
    supersteps: int | None = None
    superstep_source: str = ""
    program: str = ""
    data: Sequence[str] = field(default=())
    shareable: bool = False
    min_parallelism: int = 1
    max_parallelism: int | None = None
    dry_run: bool = False

    @property
    def stream_target(self) -> pb.StreamTarget:
        """What is wanted of a stream.

        Raises:
            InvalidValueError: If it makes no sense.
        """
        return stream_target(self.target)

    @property
    def wish(self) -> pb.SuperstepWish | None:
        """What is wanted of supersteps, if anything.

        Raises:
            InvalidValueError: If it makes no sense.
        """
        options = SuperstepOptions(
            supersteps=self.supersteps,
            source=self.superstep_source,
            program=self.program,
            data=pairs_of(self.data, field="--data"),
            shareable=self.shareable,
        )
        return superstep_wish(self.target, options)

    @property
    def bounds(self) -> runs_pb2.Bounds:
        """Least and most parallelism."""
        return runs_pb2.Bounds(min_parallelism=self.min_parallelism, max_parallelism=self.max_parallelism or 0)

    @property
    def rule(self) -> pb.AttachRule:
        """The same as a rule.

        Raises:
            InvalidValueError: If something makes no sense.
        """
        return pb.AttachRule(
            select=self.select,
            labels=pairs_of(self.label, field="--label"),
            ignore=self.ignore,
            target=self.stream_target,
            bounds=self.bounds,
            dry_run=self.dry_run,
            supersteps=self.wish,
        )


def rules_in(path: Path) -> list[pb.AttachRule]:
    """The rules of a file.

    Raises:
        InvalidValueError: If it cannot be read, or says something that makes no sense.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8")).get("rule")
    except OSError as error:
        raise InvalidValueError("--rules", f"{path} cannot be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidValueError("--rules", f"{path} is not TOML ({error})") from error
    if not isinstance(tables, list) or not tables:
        raise InvalidValueError("--rules", f"{path} has no rules; they stand in tables called [[rule]]")
    return [_options(table, place=f"{path}, rule {number}").rule for number, table in enumerate(tables, start=1)]


_KINDS: Mapping[str, tuple[type, ...]] = {
    "select": (str,),
    "superstep_source": (str,),
    "program": (str,),
    "label": (list,),
    "target": (list,),
    "data": (list,),
    "supersteps": (int,),
    "min_parallelism": (int,),
    "max_parallelism": (int,),
    "ignore": (bool,),
    "shareable": (bool,),
    "dry_run": (bool,),
}


def _options(table: Any, *, place: str) -> RuleOptions:
    if not isinstance(table, dict):
        raise InvalidValueError("--rules", f"{place} is no table")
    for name, value in table.items():
        if name not in _KINDS:
            known = ", ".join(one.name for one in fields(RuleOptions))
            raise InvalidValueError("--rules", f"{place}: there is no {name!r}; there are {known}")
        is_list = isinstance(value, list) and all(isinstance(one, str) for one in value)
        if type(value) not in _KINDS[name] or (isinstance(value, list) and not is_list) or _is_negative(value):
            raise InvalidValueError("--rules", f"{place}: {name} cannot be {value!r}")
    return RuleOptions(**table)


def _is_negative(value: object) -> bool:
    return isinstance(value, int) and value < 0
