"""A stream with supersteps of its own that knows nothing of adaptor: it only publishes how many are done.

Numbered records go through real work in SQL, which runs in the JVM and spreads over the subtasks. So many records are
a superstep. One in fifty goes on to a Python operator, which does nothing but hold the number of the newest superstep
in a gauge called `superstep`, where Flink's web page shows it and adaptor finds it. The number follows from the
records, so it is the same after a restart.

That operator has one subtask and a slot of its own, for two Python operators in one slot crashed a TaskManager when it
ended (Flink 2.3.0).

    python flink-jobs/supersteps.py --flink http://127.0.0.1:8081 --rate 400 --superstep 500
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pyflink
from pyflink.common import Configuration, Row, Types
from pyflink.datastream import ProcessFunction, RuntimeContext, StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway
from pyflink.table import StreamTableEnvironment

PUBLISHED = 50
"""One in so many records reaches the operator that publishes: enough for a number that moves, no load for Python."""

GROUP = "publishes supersteps"
"""Slot sharing group of that operator."""


class PublishedSuperstep(ProcessFunction):
    """Holds the number of supersteps done in a gauge.

    Args:
        records: Of a superstep.
    """

    def __init__(self, records: int) -> None:
        self._records = records
        self._done = 0

    def open(self, runtime_context: RuntimeContext) -> None:
        """Register the gauge."""
        runtime_context.get_metrics_group().gauge("superstep", lambda: self._done)

    def process_element(self, value: Row, _ctx: ProcessFunction.Context) -> Iterator[int]:
        """Take in a record that went through the work; nothing goes on from here."""
        self._done = max(self._done, value[0] // self._records)
        yield from ()


def main() -> int:
    """Submit the stream and print its job id as one JSON object."""
    options = parsed_options()
    environment = remote_environment(configuration(options))
    tables = StreamTableEnvironment.create(environment)
    for statement in views(options):
        tables.execute_sql(statement)
    worked = tables.to_data_stream(tables.from_path("published"))
    published = worked.process(PublishedSuperstep(options.superstep), output_type=Types.LONG())
    published.name("superstep").force_non_parallel().slot_sharing_group(GROUP)
    published.print().set_parallelism(1)
    job_id = environment.execute_async(options.name).get_job_id()
    print(json.dumps({"job_id": str(job_id)}))
    return 0


def parsed_options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flink", required=True, help="address of Flink's REST API")
    parser.add_argument("--rate", type=int, default=1000, help="records a second")
    parser.add_argument("--rows", type=int, default=1_000_000, help="records in all; the stream ends after them")
    parser.add_argument("--work", type=int, default=4000, help="characters that are hashed for each record, in tens")
    parser.add_argument("--superstep", type=int, default=500, help="records of a superstep")
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--checkpoint-interval", default="10 s")
    parser.add_argument("--name", default="supersteps")
    return parser.parse_args()


def remote_environment(chosen: Configuration) -> StreamExecutionEnvironment:
    """Return an environment that submits where the configuration says.

    `get_execution_environment` runs the stream in this process, whatever target it is given.
    """
    java = get_gateway().jvm.org.apache.flink.streaming.api.environment.StreamExecutionEnvironment
    return StreamExecutionEnvironment(java(chosen._j_configuration))


def configuration(options: argparse.Namespace) -> Configuration:
    """How to submit, and that Python hands over its gauges ten times a second."""
    address = urlsplit(options.flink)
    chosen = Configuration()
    for key, value in {
        "execution.target": "remote",
        "rest.address": str(address.hostname),
        "rest.port": str(address.port or 80),
        "parallelism.default": str(options.parallelism),
        "pipeline.max-parallelism": "128",
        "execution.checkpointing.interval": options.checkpoint_interval,
        # What runs Python operators stands beside the distribution's class path and goes to the cluster with the job.
        "pipeline.jars": next((Path(pyflink.__file__).parent / "opt").glob("flink-python-*.jar")).as_uri(),
        "python.executable": sys.executable,
        "python.client.executable": sys.executable,
        "python.fn-execution.bundle.time": "100",
    }.items():
        chosen.set_string(key, value)
    return chosen


def views(options: argparse.Namespace) -> list[str]:
    """Return the statements that declare the source and the work."""
    return [
        f"""CREATE TABLE numbers (id BIGINT) WITH (
            'connector' = 'datagen', 'rows-per-second' = '{options.rate}',
            'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{options.rows}')""",
        f"""CREATE VIEW worked AS SELECT id,
            SHA512(REPEAT(LPAD(CAST(id AS STRING), 10, '0'), {options.work})) AS digest FROM numbers""",
        f"CREATE VIEW published AS SELECT id FROM worked WHERE digest <> '' AND MOD(id, {PUBLISHED}) = 0",
    ]


if __name__ == "__main__":
    sys.exit(main())
