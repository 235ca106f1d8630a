"""What a cluster manager imports: says what slots there are, reads what they are worth, takes them back.

    with ClusterManager() as manager:
        manager.register("lab", "http://127.0.0.1:8081", capacity_slots=8)
        for demand in manager.demand("lab"):
            print(demand.run_id, demand.wanted_slots)
        back = manager.reclaim("lab", slots=2, within_s=60)

`AsyncClusterManager` is the same with `await`. Answers are the messages of `protos/adaptor/v1/clusters.proto`, which
say of every field what it means. It depends on `adaptor.api` and grpcio alone.
"""

from adaptor.cluster.async_manager import AsyncClusterManager
from adaptor.cluster.errors import ClusterCallError, NotKnownError, RefusedCallError, StaleRevisionError
from adaptor.cluster.manager import ClusterManager

__all__ = [
    "AsyncClusterManager",
    "ClusterCallError",
    "ClusterManager",
    "NotKnownError",
    "RefusedCallError",
    "StaleRevisionError",
]
