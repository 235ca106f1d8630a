"""Options of `adaptor attach` that allow a job to be stopped and submitted again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.errors import InvalidValueError

F = TypeVar("F", bound=Callable[..., Any])

LETTING_GO_S = 3600.0
"""Longest wait at the end of the command for a job that is just being submitted again: a large savepoint and start."""


def resubmission_options(command: F) -> F:
    """Add them to a command."""
    for option in reversed(
        (
            click.option(
                "--allow-resubmit",
                is_flag=True,
                help="Where the job cannot be rescaled in place, stop it with a savepoint and submit it again.",
            ),
            click.option(
                "--jar", default="", metavar="JAR", help="With --allow-resubmit: the uploaded jar, by file name or id."
            ),
            click.option("--entry-class", default="", help="With --allow-resubmit.  [default: the jar's]"),
            click.option(
                "--argument",
                "arguments",
                multiple=True,
                help="With --allow-resubmit: of the program, as the job was submitted. May be repeated.",
            ),
            click.option(
                "--job-option",
                "job_options",
                multiple=True,
                metavar="KEY=VALUE",
                help="With --allow-resubmit: an option of Flink that was given with the job. May be repeated.",
            ),
            click.option("--savepoints", default="", metavar="URL", help="Where they go.  [default: the cluster's]"),
        )
    ):
        command = option(command)
    return command


def submission_of(
    *,
    allow_resubmit: bool,
    jar: str,
    entry_class: str,
    arguments: tuple[str, ...],
    job_options: tuple[str, ...],
    savepoints: str,
) -> pb.Submission | None:
    """How the job may be submitted again; ``None``: it may not.

    Raises:
        InvalidValueError: If the options do not go together.
    """
    if not allow_resubmit:
        if jar or entry_class or arguments or job_options or savepoints:
            raise InvalidValueError("--jar", "a job is only submitted again with --allow-resubmit")
        return None
    if not jar:
        raise InvalidValueError(
            "--jar", "give the jar that the job was submitted with, as `/jars` of the cluster lists it"
        )
    options = dict(one.partition("=")[::2] for one in job_options)
    if not all(options) or not all("=" in one for one in job_options):
        raise InvalidValueError("--job-option", "write KEY=VALUE")
    return pb.Submission(
        jar=jar, entry_class=entry_class, arguments=arguments, savepoint_folder=savepoints, configuration=options
    )
