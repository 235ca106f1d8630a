"""A driver loop that does not scale: each superstep is a tiny Flink job and a fixed wait, whatever the parallelism."""

from __future__ import annotations

import argparse
import time

from pyflink.common import Configuration
from pyflink.table import EnvironmentSettings, TableEnvironment

from adaptor.client import start_run

WAIT_S = 3.0
SUPERSTEP = "INSERT INTO nowhere SELECT n FROM numbers"


def environment(url: str) -> TableEnvironment:
    """Batch SQL on the session cluster at a URL."""
    host, _, port = url.removeprefix("http://").partition(":")
    configuration = Configuration()
    for key, value in (("execution.target", "remote"), ("rest.address", host), ("rest.port", port)):
        configuration.set_string(key, value)
    return TableEnvironment.create(
        EnvironmentSettings.new_instance().in_batch_mode().with_configuration(configuration).build()
    )


def main() -> None:
    """Run the supersteps."""
    parser = argparse.ArgumentParser()
    for name in ("--flink", "--run-id"):
        parser.add_argument(name, required=True)
    options = parser.parse_args()
    table_env = environment(options.flink)
    table_env.execute_sql(
        "CREATE TEMPORARY TABLE numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '1000')"
    )
    table_env.execute_sql("CREATE TEMPORARY TABLE nowhere (n INT) WITH ('connector' = 'blackhole')")
    # Planner and TaskManager are warmed up before the run begins: that takes seconds that are not work of superstep 1.
    table_env.get_config().set("parallelism.default", "1")
    table_env.execute_sql(SUPERSTEP).wait()
    with start_run(
        program="fixed-wait",
        run_id=options.run_id,
        parallelism=1,
        max_supersteps=8,
        runtime_target_s=4.0,
        flink_url=options.flink,
    ) as run:
        for superstep in run.supersteps():
            table_env.get_config().set("parallelism.default", str(superstep.parallelism))
            job = table_env.execute_sql(SUPERSTEP)
            superstep.submitted(str(job.get_job_client().get_job_id()))
            job.wait()
            time.sleep(WAIT_S)


if __name__ == "__main__":
    main()
