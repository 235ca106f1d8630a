"""A stream in plain SQL that knows nothing of adaptor: numbered records, keyed state, real work, two sinks.

Every record goes through a keyed sum over the last records of its key and then through a hash of a long text, the
real work, which is done behind the key's exchange and so spreads over the subtasks. Each record comes out once:

- at the transactional sink, files below `--out`, exactly once whatever is rescaled or killed in between, so that at
  the end of the stream outputs equal inputs;
- with `--echo` also at a sink without transactions, the TaskManagers' standard output, where what was processed again
  after a restart stands again.

With `--day` the share of records that do the work follows a day's curve in fast motion, with a surge in the evening;
without, all do. The whole pipeline runs in the JVM: no Python is left behind when this script ends, which it does once
the job is submitted.

    python flink-jobs/stream.py --flink http://127.0.0.1:8081 --rate 2000 --rows 100000 --out /tmp/out
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from urllib.parse import urlsplit

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

ECHO = "record"
"""What the lines of the sink without transactions begin with."""

LAST_RECORDS = 10
"""Records of a key that its sum spans: state that must be carried over, yet small."""


def main() -> int:
    """Submit the stream and print its job id as one JSON object."""
    options = parsed_options()
    environment = stream_environment(options)
    for statement in tables(options):
        environment.execute_sql(statement)
    statements = environment.create_statement_set()
    for statement in insertions(options):
        statements.add_insert_sql(statement)
    client = statements.execute().get_job_client()
    print(json.dumps({"job_id": str(client.get_job_id())}))
    return 0


def parsed_options() -> argparse.Namespace:
    """What the command line says."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--flink", required=True, help="address of Flink's REST API")
    parser.add_argument("--out", type=Path, required=True, help="new folder of the transactional sink")
    parser.add_argument("--rate", type=int, default=1000, help="records a second")
    parser.add_argument("--rows", type=int, default=100_000, help="records in all; the stream ends after them")
    parser.add_argument("--work", type=int, default=4000, help="characters that are hashed for each record, in tens")
    parser.add_argument("--keys", type=int, default=997, help="distinct keys")
    parser.add_argument("--day", type=int, default=0, help="seconds of a day in fast motion; 0 for an even load")
    parser.add_argument("--day-start", type=int, default=0, help="when a day begins, in seconds since the epoch")
    parser.add_argument("--key-groups", type=int, default=128, help="most subtasks that keyed state can be spread over")
    parser.add_argument("--echo", action="store_true", help="write to a sink without transactions as well")
    parser.add_argument("--parallelism", type=int, default=1)
    parser.add_argument("--checkpoint-interval", default="10 s")
    parser.add_argument("--name", default="stream")
    return parser.parse_args()


def stream_environment(options: argparse.Namespace) -> TableEnvironment:
    """Return an environment that submits to the cluster and does not wait for the stream's end."""
    address = urlsplit(options.flink)
    configuration = Configuration()
    for key, value in {
        "execution.target": "remote",
        "rest.address": str(address.hostname),
        "rest.port": str(address.port or 80),
        "pipeline.name": options.name,
        "parallelism.default": str(options.parallelism),
        "pipeline.max-parallelism": str(options.key_groups),
        "execution.checkpointing.interval": options.checkpoint_interval,
        "execution.checkpointing.mode": "EXACTLY_ONCE",
        "table.exec.sink.upsert-materialize": "NONE",
    }.items():
        configuration.set_string(key, value)
    settings = EnvironmentSettings.new_instance().in_streaming_mode().with_configuration(configuration).build()
    return TableEnvironment.create(settings)


def tables(options: argparse.Namespace) -> list[str]:
    """Return the statements that declare the source, what is made of it, and the sinks."""
    return [
        f"""CREATE TABLE numbers (id BIGINT, seen_at AS PROCTIME()) WITH (
            'connector' = 'datagen', 'rows-per-second' = '{options.rate}',
            'fields.id.kind' = 'sequence', 'fields.id.start' = '1', 'fields.id.end' = '{options.rows}')""",
        f"""CREATE VIEW summed AS SELECT id, SUM(id) OVER (
            PARTITION BY MOD(id, {options.keys}) ORDER BY seen_at
            ROWS BETWEEN {LAST_RECORDS} PRECEDING AND CURRENT ROW) AS total
            FROM numbers WHERE {busy_share(options.day, options.day_start)}""",
        f"""CREATE VIEW worked AS SELECT id, total,
            SHA512(REPEAT(LPAD(CAST(total AS STRING), 10, '0'), {options.work})) AS digest FROM summed""",
        f"""CREATE TABLE files (id BIGINT, total BIGINT, digest STRING) WITH (
            'connector' = 'filesystem', 'format' = 'csv', 'path' = '{options.out.absolute().as_uri()}',
            'sink.rolling-policy.rollover-interval' = '1 s', 'sink.rolling-policy.check-interval' = '1 s')""",
        f"CREATE TABLE echoes (id BIGINT) WITH ('connector' = 'print', 'print-identifier' = '{ECHO}')",
    ]


def insertions(options: argparse.Namespace) -> list[str]:
    """Return the statements that fill the sinks from one pipeline."""
    statements = ["INSERT INTO files SELECT id, total, digest FROM worked"]
    if options.echo:
        statements.append("INSERT INTO echoes SELECT id FROM worked WHERE digest <> ''")
    return statements


def busy_share(day_s: int, day_start_s: int) -> str:
    """Return the condition that lets through a tenth of the records at night, and all at noon and in the surge."""
    if not day_s:
        return "TRUE"
    phase = f"(CAST(MOD(UNIX_TIMESTAMP() - {day_start_s}, {day_s}) AS DOUBLE) / {day_s})"
    return f"(MOD(id, 1000) < 550 - 450 * COS(2 * PI() * {phase}) OR {phase} BETWEEN 0.85 AND 0.93)"


if __name__ == "__main__":
    sys.exit(main())
