"""Commands that measure."""

from __future__ import annotations

import signal
import sys
from pathlib import Path

import click
from rich.console import Console

from adaptor.cli.demo import end_as_ctrl_c_does
from adaptor.cli.options import json_option, output
from adaptor.experiments import cluster_bench
from adaptor.experiments.attach_bench import bench_attach
from adaptor.experiments.barrier_bench import bench_barrier
from adaptor.experiments.decoders import decoders
from adaptor.experiments.fuzz import WORKERS, bench_fuzz
from adaptor.experiments.models.bench import bench_models
from adaptor.experiments.overhead_bench import bench_overhead
from adaptor.experiments.planner_bench import bench_planner
from adaptor.experiments.query_bench import bench_query
from adaptor.experiments.report import Report, figures_with_goals, terminal_table
from adaptor.experiments.rescale_bench.bench import VERSIONS, Question, bench_rescale
from adaptor.experiments.sharing_bench import bench as sharing_bench
from adaptor.experiments.sharing_bench.bench import bench_scaling, bench_sharing
from adaptor.experiments.sharing_bench.trial import BACKENDS

BENCHES = {
    "barrier": "what one barrier costs the service",
    "overhead": "what adaptor costs a real run",
    "models": "what fitting a prior costs, and predicting at a barrier",
    "planner": "what one decision costs",
    "fuzz": "wrong bytes for every decoder that peers reach",
    "query": "how fast the index of shared observations answers",
    "sharing": "what sharing costs real peers on this machine",
    "cluster": "what managing many runs on many clusters costs",
    "attach": "what looking after many streams costs",
    "rescale": "rescales of a real stream, by adaptor and by the bare wish, in turn",
}


@click.group(invoke_without_command=True)
@click.option("--list", "listing", is_flag=True, help="Name the benchmarks and the figures that have goals.")
@click.pass_context
def bench(ctx: click.Context, listing: bool) -> None:
    """Measure adaptor; each benchmark prints its figures beside a baseline and the goal.

    The exit code is 0 when it was measured, whether or not goals are met.
    """
    if listing or ctx.invoked_subcommand is None:
        for name, text in BENCHES.items():
            click.echo(f"bench {name}: {text}")
        for name, goal in figures_with_goals().items():
            click.echo(f"  {name}: goal {goal['goal']:g}, {goal['better']} is better")


@bench.command()
@click.option("--runs", type=click.IntRange(1), default=1000, show_default=True, help="Runs in the store.")
@click.option("--calls", type=click.IntRange(1), default=1000, show_default=True, help="Barriers to measure.")
@click.option(
    "--while-sharing",
    type=click.IntRange(0),
    default=0,
    metavar="ENTRIES",
    help="Measure as many once more while so many entries of a shared log arrive from a peer.",
)
@json_option
def barrier(runs: int, calls: int, while_sharing: int, as_json: bool) -> None:
    """Measure barriers on the production path, stage by stage."""
    print_report(bench_barrier(runs=runs, calls=calls, while_sharing=while_sharing), as_json=as_json)


@bench.command()
@click.option(
    "--home", type=click.Path(path_type=Path), default=Path(".adaptor/demo"), show_default=True, help="Working folder."
)
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of jitter and start centroids.")
@json_option
def overhead(home: Path, seed: int, as_json: bool) -> None:
    """Measure how long a real run's driver is blocked, and the service's CPU time."""
    Console(file=sys.stderr).print("running the demo's job once ...")
    print_report(bench_overhead(home.absolute(), seed=seed), as_json=as_json)


@bench.command()
@click.option("--inputs", type=click.IntRange(1), default=20_000, show_default=True, help="Inputs for each decoder.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of all inputs.")
@click.option(
    "--decoder",
    "names",
    multiple=True,
    type=click.Choice([one.name for one in decoders()]),
    help="Only this one; may be repeated.",
)
@click.option("--workers", type=click.IntRange(1), default=WORKERS, show_default=True, help="Processes at work.")
@json_option
def fuzz(inputs: int, seed: int, names: tuple[str, ...], workers: int, as_json: bool) -> None:
    """Give wrong bytes to every decoder that peers reach; anything but its own refusal is a crash."""
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    report = bench_fuzz(inputs=inputs, seed=seed, progress=console.print, names=names, workers=workers)
    print_report(report, as_json=as_json)


@bench.command()
@click.option("--records", type=click.IntRange(1), default=10_000, show_default=True, help="Written by the first peer.")
@click.option(
    "--peers", type=click.IntRange(2, 16), default=3, show_default=True, help="Processes, the first included."
)
@click.option("--backend", type=click.Choice(BACKENDS), default=BACKENDS[0], show_default=True, help="How peers talk.")
@click.option("--single", "way", flag_value="single", help="Only with an entry for each record.")
@click.option("--batched", "way", flag_value="batched", help="Only with 500 records given at once.")
@click.option("--both", "way", flag_value="both", default=True, help="One after the other (the default).")
@click.option("--newcomers", type=click.IntRange(0), default=0, help="That join one by one.  [default: peers - 1]")
@click.option("--singles", type=click.IntRange(0), default=200, show_default=True, help="Records sent one by one.")
@click.option("--validate/--no-validate", default=True, show_default=True, help="Whether peers judge contributions.")
@click.option(
    "--orbitdb",
    type=click.Path(path_type=Path, exists=True),
    help="Folder with OrbitDB's script and packages, which is run beside ours; or a file of its output.",
)
@click.option("--scaling", is_flag=True, help="Instead: the time per entry of 1,000, 10,000 and 100,000 entries.")
@json_option
def sharing(
    records: int,
    peers: int,
    backend: str,
    way: str,
    newcomers: int,
    singles: int,
    validate: bool,
    orbitdb: Path | None,
    scaling: bool,
    as_json: bool,
) -> None:
    """Measure real peers that share a log: writing, a newcomer, single records, memory, bytes."""
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    if scaling:
        print_report(bench_scaling(backend, progress=console.print), as_json=as_json)
        return
    question = sharing_bench.Question(
        backend=backend,
        records=records,
        peers=peers,
        newcomers=newcomers,
        batched={"single": (False,), "batched": (True,), "both": (False, True)}[way],
        singles=singles,
        validate=validate,
    )
    print_report(bench_sharing(question, beside=orbitdb, progress=console.print), as_json=as_json)


@bench.command("query")
@click.option("--contributions", type=click.IntRange(1000), default=100_000, show_default=True, help="In the index.")
@click.option("--queries", type=click.IntRange(10), default=1000, show_default=True, help="Queries to measure.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of contributions and queries.")
@json_option
def query_command(contributions: int, queries: int, seed: int, as_json: bool) -> None:
    """Measure filtered queries over many contributions, of ten observations each and of one each."""
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    report = bench_query(contributions=contributions, queries=queries, seed=seed, progress=console.print)
    print_report(report, as_json=as_json)


@bench.command()
@click.option("--observations", type=click.IntRange(10), default=10_000, show_default=True, help="To fit a prior to.")
@click.option("--calls", type=click.IntRange(1), default=500, show_default=True, help="Barriers to measure.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the observations.")
@json_option
def models(observations: int, calls: int, seed: int, as_json: bool) -> None:
    """Measure fitting a prior in the background, and update and prediction at a barrier."""
    print_report(bench_models(observations=observations, calls=calls, seed=seed), as_json=as_json)


@bench.command("cluster")
@click.option("--runs", type=click.IntRange(10), default=1000, show_default=True, help="On ten clusters.")
@click.option("--barriers", type=click.IntRange(10), default=500, show_default=True, help="To measure, twice.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of the runs' durations.")
@json_option
def cluster_command(runs: int, barriers: int, seed: int, as_json: bool) -> None:
    """Measure managed clusters: demand, arbitration, reclaims, and calls of managers beside barriers."""
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    question = cluster_bench.Question(runs=runs, barriers=barriers, seed=seed)
    print_report(cluster_bench.bench_cluster(question, progress=console.print), as_json=as_json)


@bench.command("attach")
@click.option("--jobs", type=click.IntRange(1, 5000), default=200, show_default=True, help="Streams of one cluster.")
@click.option("--seconds", type=click.IntRange(5), default=30, show_default=True, help="To look after them.")
@json_option
def attach_command(jobs: int, seconds: int, as_json: bool) -> None:
    """Measure looking after many streams of a scripted cluster: requests, CPU, memory, time to a decision."""
    print_report(bench_attach(jobs=jobs, seconds=seconds), as_json=as_json)


@bench.command()
@click.option("--parallelisms", type=click.IntRange(2), default=512, show_default=True, help="That may be used.")
@click.option("--supersteps", type=click.IntRange(1), default=100, show_default=True, help="That are left.")
@click.option("--calls", type=click.IntRange(1), default=1000, show_default=True, help="Decisions to measure.")
@json_option
def planner(parallelisms: int, supersteps: int, calls: int, as_json: bool) -> None:
    """Measure decisions, from a prediction to a choice, for each kind of objective."""
    print_report(bench_planner(parallelisms=parallelisms, supersteps=supersteps, calls=calls), as_json=as_json)


@bench.command()
@click.option("--flink", type=click.Choice(VERSIONS), default=VERSIONS[0], show_default=True, help="Version.")
@click.option("--times", type=click.IntRange(1), default=20, show_default=True, help="Rescales by each way.")
@click.option(
    "--interval",
    "intervals",
    type=click.IntRange(1),
    multiple=True,
    default=(10, 60),
    show_default=True,
    help="Seconds between checkpoints. May be repeated.",
)
@click.option(
    "--max-delay",
    "max_delays",
    multiple=True,
    default=("", "10 min", "0 s"),
    help="Flink's rescale-trigger.max-delay, or empty for as delivered; since 2.0. May be repeated.  "
    "[default: as delivered, 10 min, 0 s]",
)
@click.option("--rate", type=click.IntRange(1), default=1000, show_default=True, help="Records a second.")
@click.option("--rows", type=click.IntRange(1), default=60_000, show_default=True, help="Records of each stream.")
@click.option("--seed", type=click.IntRange(0), default=1, show_default=True, help="Of moments for the bare wish.")
@json_option
def rescale(
    flink: str,
    times: int,
    intervals: tuple[int, ...],
    max_delays: tuple[str, ...],
    rate: int,
    rows: int,
    seed: int,
    as_json: bool,
) -> None:
    """Measure rescales in place of a real stream: gap, records processed again, exactly once.

    Everything it starts has ended when the command ends.
    """
    signal.signal(signal.SIGTERM, end_as_ctrl_c_does)
    console = Console(file=sys.stderr, soft_wrap=True, markup=False, highlight=False)
    question = Question(
        flink=flink,
        times=times,
        rate=rate,
        rows=rows,
        intervals_s=intervals,
        max_delays=max_delays,
        seed=seed,
    )
    print_report(bench_rescale(question, progress=console.print), as_json=as_json)


def print_report(report: Report, *, as_json: bool) -> None:
    """One JSON object, or tables."""
    if as_json:
        click.echo(report.as_json())
        return
    for table in (*map(terminal_table, report.tables), report.as_table()):
        output().print(table)
