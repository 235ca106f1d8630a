"""A cluster manager: hands out a day's slots by a curve, in fast motion, and asks for them back before they go.

Start a service and a job first, then for example, with a day of two minutes:

    python docs/cluster_manager.py http://127.0.0.1:8081 --day 120

What is no longer needed by the curve is reclaimed within the hour before, so that runs give it at a barrier and know of
it beforehand; what runs cannot give in time the manager leaves to them, and says so.
"""

from __future__ import annotations

import argparse
import time

from adaptor.api.v1 import clusters_pb2 as pb
from adaptor.cluster import ClusterManager

CURVE = {0: 1, 6: 2, 8: 4, 12: 3, 14: 4, 18: 2, 22: 1}
"""Slots from an hour on: little at night, most in office hours, a dip at noon."""


def run_day(manager: ClusterManager, name: str, *, day_s: float) -> None:
    """Follow the curve through one day."""
    hour_s, midnight_s = day_s / 24, time.time()
    announce(manager, name, {midnight_s + hour * hour_s: slots for hour, slots in CURVE.items()})
    for hour, slots in CURVE.items():
        sleep_until(midnight_s + (hour - 1) * hour_s)
        there = manager.cluster(name).capacity_slots
        if slots < there:
            take_back(manager, name, there - slots, within_s=hour_s)
        sleep_until(midnight_s + hour * hour_s)
        show(manager, name, hour)


def announce(manager: ClusterManager, name: str, curve: dict[float, int]) -> None:
    """Tell everything that is to come, so that plans can count on it."""
    later = [pb.AnnouncedCapacity(at_s=at_s, total_slots=slots) for at_s, slots in curve.items() if at_s > time.time()]
    manager.announce(name, later)


def take_back(manager: ClusterManager, name: str, slots: int, *, within_s: float) -> None:
    """See first what it would do to the runs, then do it."""
    preview = manager.preview_reclaim(name, slots=slots, within_s=within_s)
    for share in preview.reclaim.shares:
        print(f"  {share.run_id} {share.text}")
    for short in preview.reclaim.shortfalls:
        print(f"  {short.slots} slots cannot be had: {short.reason}")
    manager.reclaim(name, slots=slots, within_s=within_s, revision=preview.revision)


def show(manager: ClusterManager, name: str, hour: int) -> None:
    """Print how the cluster stands, and what each run gets and why."""
    cluster = manager.cluster(name)
    print(f"{hour:02}:00  {cluster.capacity_slots} slots, {cluster.held_slots} held by {cluster.runs} runs", flush=True)
    for grant in manager.grants(name):
        print(f"  {grant.run_id}: {grant.reason}")


def sleep_until(at_s: float) -> None:
    """Wait for a time in seconds since the epoch."""
    time.sleep(max(0.0, at_s - time.time()))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("flink_url")
    parser.add_argument("--service", default="", help="its address")
    parser.add_argument("--cluster", default="day", help="what to call it")
    parser.add_argument("--day", type=float, default=120.0, help="seconds of a whole day")
    options = parser.parse_args()
    with ClusterManager(options.service) as manager:
        manager.register(options.cluster, options.flink_url, capacity_slots=CURVE[0])
        run_day(manager, options.cluster, day_s=options.day)
        manager.remove(options.cluster)
