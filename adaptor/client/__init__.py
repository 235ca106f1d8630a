"""What a job imports: about four lines in the driver of an iterative program.

    with start_run(program="kmeans", parallelism=1, max_supersteps=20, runtime_target_s=90) as run:
        for superstep in run.supersteps():
            config.set("parallelism.default", str(superstep.parallelism))
            superstep.submitted(submit_the_superstep())

It depends on `adaptor.api` and grpcio alone. Once a run has begun it never raises because of adaptor: with the
service missing, slow or restarted, the loop goes on with the parallelism it has, each barrier waits a bounded time,
and what could not be delivered is kept and delivered later.
"""

from adaptor.client.channel import Credentials
from adaptor.client.run import RefusedError, Run, Superstep, start_run

__all__ = ["Credentials", "RefusedError", "Run", "Superstep", "start_run"]
