"""Commands that read recorded runs from a state directory: runs, show, explain, replay.

They read the file itself, so they work while a service runs and after it has ended.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from google.protobuf.json_format import MessageToDict

from adaptor.app.replay import replayed_plans
from adaptor.cli.options import config_option, json_option, output, settings_of, state_dir_option
from adaptor.cli.rendering import plan_in_words, runs_table, supersteps_table
from adaptor.errors import InvalidValueError, ReplayDifferenceError, UnknownRunError
from adaptor.service import answers
from adaptor.store.history import Recorded, RunSummary
from adaptor.store.run_file import RunFile


@contextmanager
def _opened(state_dir: str | None, config_file: Path | None) -> Iterator[RunFile]:
    directory = settings_of(config_file, service__state_dir=state_dir)["service.state_dir"]
    file = RunFile(directory, read_only=True)
    try:
        yield file
    finally:
        file.close()


def _story(file: RunFile, run_id: str) -> tuple[RunSummary, list[Recorded]]:
    summary = file.run(run_id)
    if summary is None:
        raise UnknownRunError(run_id)
    return summary, file.history(run_id)


def _as_dict(message: Any) -> dict[str, Any]:
    return MessageToDict(message, preserving_proto_field_name=True)


@click.command()
@state_dir_option
@config_option
@click.option("--limit", type=click.IntRange(1), default=50, show_default=True, help="Most runs, newest first.")
@json_option
def runs(state_dir: str | None, config_file: Path | None, limit: int, as_json: bool) -> None:
    """List recorded runs, newest first."""
    with _opened(state_dir, config_file) as file:
        found = file.runs(limit=limit, before=None)
    if as_json:
        click.echo(json.dumps({"runs": [_as_dict(answers.summary(one)) for one in found]}))
    elif found:
        output().print(runs_table(found))
    else:
        click.echo("no run was recorded yet")


@click.command()
@click.argument("run_id", metavar="RUN")
@state_dir_option
@config_option
@json_option
def show(run_id: str, state_dir: str | None, config_file: Path | None, as_json: bool) -> None:
    """Show a run superstep by superstep: planned, requested and observed parallelism, duration, prediction."""
    with _opened(state_dir, config_file) as file:
        summary, story = _story(file, run_id)
    if as_json:
        document = {
            "summary": _as_dict(answers.summary(summary)),
            "start": _as_dict(answers.start_request(summary.spec)),
            "plans": [_as_dict(answers.plan(one.plan)) for one in story if one.plan],
            "observations": [_as_dict(answers.observation(one.observation)) for one in story if one.observation],
        }
        click.echo(json.dumps(document))
        return
    output().print(runs_table([summary]), supersteps_table(story))


@click.command()
@click.argument("run_id", metavar="RUN")
@click.argument("superstep", type=click.IntRange(1), required=False)
@state_dir_option
@config_option
@json_option
def explain(run_id: str, superstep: int | None, state_dir: str | None, config_file: Path | None, as_json: bool) -> None:
    """Say why the plan for SUPERSTEP (the newest one if not given) is what it is, with its alternatives."""
    with _opened(state_dir, config_file) as file:
        plans = {one.plan.superstep: one.plan for one in _story(file, run_id)[1] if one.plan}
    chosen = max(plans) if superstep is None else superstep
    if chosen not in plans:
        raise InvalidValueError("superstep", f"there is no plan for {chosen}; there are plans for 1 to {max(plans)}")
    if as_json:
        click.echo(json.dumps(_as_dict(answers.plan(plans[chosen]))))
    else:
        output().print(*plan_in_words(plans[chosen]))


@click.command()
@click.argument("run_id", metavar="RUN")
@state_dir_option
@config_option
@json_option
def replay(run_id: str, state_dir: str | None, config_file: Path | None, as_json: bool) -> None:
    """Run the recorded events through the core again; exit code 1 if any plan differs."""
    with _opened(state_dir, config_file) as file:
        replayed = replayed_plans(_story(file, run_id)[1])
    different = [one for one in replayed if not one.identical]
    if as_json:
        click.echo(json.dumps({"run_id": run_id, "plans": len(replayed), "different": len(different)}))
    else:
        click.echo(f"run {run_id}: {len(replayed)} plans replayed, {len(different)} different")
    if different:
        first = different[0]
        raise ReplayDifferenceError(f"run {run_id}: recorded {first.recorded}, replayed {first.replayed}")
