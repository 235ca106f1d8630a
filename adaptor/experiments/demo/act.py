"""One act: a driver runs the job, the service's watch tells what happens, and the result is made of that alone."""

from __future__ import annotations

import contextlib
import queue
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc

WATCH_PAUSE_S = 0.3
"""Pause between two looks for a run that has not begun: its driver starts a JVM first."""

END_WAIT_S = 10.0
"""Longest wait for the last news after the driver has ended."""

KEY_DIGITS = 12
"""Hex digits of a public key that are shown: among a million peers two alike are as likely as one in 600."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ActPlan:
    """What an act is about.

    Attributes:
        name: One word.
        question: One line for people.
        start: Parallelism the job starts with.
        target_s: Runtime target in seconds; infinite without one.
        points: Folder of its points, or of whatever its job reads.
        supersteps: Limit.
        k: Clusters to find, where that is what the job does.
        shareable: Whether peers may see what is observed.
    """

    name: str
    question: str
    start: int
    target_s: float
    points: Path
    supersteps: int
    k: int = 0
    shareable: bool = False


@dataclass(slots=True)
class ActStory:
    """What happened in an act so far, as the watch told it.

    Attributes:
        plan: What the act is about.
        started_at_s: Start of the run, seconds since the epoch; ``None`` before it.
        ended_at_s: Its end.
        state: Where the run is.
        plans: By superstep.
        observations: In order, with the time of each barrier.
        slots: Slots that exist, as of the newest rescale.
        outcomes: Outcomes of rescales.
    """

    plan: ActPlan
    run_id: str
    started_at_s: float | None = None
    ended_at_s: float | None = None
    state: int = pb.RUN_STATE_UNSPECIFIED
    plans: dict[int, pb.Plan] = field(default_factory=dict)
    observations: list[tuple[float, pb.Observation]] = field(default_factory=list)
    slots: int | None = None
    outcomes: list[pb.RescaleOutcome] = field(default_factory=list)

    def take(self, news: pb.WatchRunResponse) -> None:
        """Go one message further."""
        match news.WhichOneof("event"):
            case "plan":
                self.plans[news.plan.superstep] = news.plan
            case "observation":
                self.observations.append((news.at_s, news.observation))
            case "rescale":
                self.outcomes.append(news.rescale)
                if news.rescale.HasField("existing_slots"):
                    self.slots = news.rescale.existing_slots
            case "state":
                self.state = news.state
                if news.state == pb.RUN_STATE_RUNNING:
                    self.started_at_s = news.at_s
                else:
                    self.ended_at_s = news.at_s

    @property
    def elapsed_s(self) -> float:
        """Seconds from the start of the run to its end, or to now."""
        if self.started_at_s is None:
            return 0.0
        return (self.ended_at_s or time.time()) - self.started_at_s

    @property
    def rescales(self) -> int:
        """How often the parallelism really changed between two supersteps, the start counted from `plan.start`."""
        used = [self.plan.start, *(one.requested_parallelism for _, one in self.observations)]
        return sum(before != after for before, after in pairwise(used))

    @property
    def slot_seconds(self) -> float:
        """Slots of each superstep times the time from the barrier before it to its own."""
        before_s, total = self.started_at_s or 0.0, 0.0
        for at_s, one in self.observations:
            total += one.requested_parallelism * (at_s - before_s)
            before_s = at_s
        return total

    @property
    def first_plan(self) -> pb.Plan:
        """The plan for superstep 1; an empty one before it was told."""
        return self.plans.get(1, pb.Plan())

    @property
    def contributors(self) -> list[str]:
        """Whose observations the plan for superstep 1 rests on, the first digits of their keys."""
        return [one[:KEY_DIGITS] for one in self.first_plan.evidence.contributors]

    @property
    def most_used(self) -> int:
        """The parallelism that most supersteps were submitted with; of equal ones the widest."""
        used = Counter(one.requested_parallelism for _, one in self.observations)
        return max(used, key=lambda parallelism: (used[parallelism], parallelism), default=self.plan.start)

    @property
    def static_start_s(self) -> float | None:
        """What the start parallelism would have taken for as many supersteps, by the last plan that weighed it."""
        weighed = [one for plan in self.plans.values() for one in plan.alternatives if one.HasField("superstep_s")]
        here = [one.superstep_s.expected for one in weighed if one.parallelism == self.plan.start]
        if not here or not self.observations or self.started_at_s is None:
            return None
        busy_s = sum(one.duration_s for _, one in self.observations)
        gaps_s = self.observations[-1][0] - self.started_at_s - busy_s
        return len(self.observations) * here[-1] + max(0.0, gaps_s)

    @property
    def inside_interval(self) -> tuple[int, int]:
        """How many durations lay inside the predicted interval, and of how many that were predicted."""
        inside = predicted = 0
        for _, one in self.observations:
            plan = self.plans.get(one.superstep)
            if plan and plan.HasField("predicted_s"):
                predicted += 1
                inside += plan.predicted_s.low <= one.duration_s <= plan.predicted_s.high
        return inside, predicted

    def as_json(self) -> dict[str, Any]:
        """The act's result."""
        return {
            "name": self.plan.name,
            "run_id": self.run_id,
            "start_parallelism": self.plan.start,
            "target_s": self.plan.target_s,
            "runtime_s": self.elapsed_s,
            "target_met": self.elapsed_s <= self.plan.target_s,
            "rescales": self.rescales,
            "slot_seconds": self.slot_seconds,
            "static_start_predicted_s": self.static_start_s,
            "superstep_1_parallelism": self.first_plan.parallelism or None,
            "shared_observations": self.first_plan.evidence.shared_observations,
            "contributors": self.contributors,
            "supersteps": [self._superstep_json(one) for _, one in self.observations],
        }

    def _superstep_json(self, one: pb.Observation) -> dict[str, Any]:
        plan = self.plans.get(one.superstep, pb.Plan())
        known = plan.HasField("predicted_s")
        return {
            "superstep": one.superstep,
            "planned_parallelism": one.planned_parallelism,
            "requested_parallelism": one.requested_parallelism,
            "observed_parallelism": one.observed_parallelism if one.HasField("observed_parallelism") else None,
            "duration_s": one.duration_s,
            "predicted_low_s": plan.predicted_s.low if known else None,
            "predicted_high_s": plan.predicted_s.high if known else None,
            "failed": one.failed,
            "reason": plan.reason,
            "shared_observations": plan.evidence.shared_observations,
            "shared_weight": shared_weight(plan),
        }


def shared_weight(plan: pb.Plan) -> float | None:
    """How much predictions that peers' observations are part of count in a plan; ``None`` without any."""
    return plan.evidence.shared_weight if plan.evidence.HasField("shared_weight") else None


def follow(
    story: ActStory, *, address: str, driver: subprocess.Popen[str], on_change: Callable[[ActStory], None]
) -> None:
    """Bring a story up to date until its driver has ended.

    Args:
        story: Of the driver's run.
        address: Of the service.
        driver: The driver's process.
        on_change: Told after every message, and a few times a second.
    """
    messages: queue.Queue[pb.WatchRunResponse] = queue.Queue()
    with grpc.insecure_channel(address) as channel:
        watcher = threading.Thread(target=_watch, args=(channel, story.run_id, driver, messages), daemon=True)
        watcher.start()
        while driver.poll() is None or (watcher.is_alive() and _still_waiting(story, driver)):
            with contextlib.suppress(queue.Empty):
                story.take(messages.get(timeout=0.25))
            on_change(story)
        while not messages.empty():
            story.take(messages.get())
        on_change(story)


def _still_waiting(story: ActStory, driver: subprocess.Popen[str]) -> bool:
    """Whether the end of the run may still be told: the driver ended well and its last report is on the way."""
    return driver.returncode == 0 and story.ended_at_s is None


def _watch(
    channel: grpc.Channel, run_id: str, driver: subprocess.Popen[str], messages: queue.Queue[pb.WatchRunResponse]
) -> None:
    stub = runs_pb2_grpc.RunServiceStub(channel)
    token, ended_s = "", None
    while ended_s is None or time.monotonic() < ended_s + END_WAIT_S:
        if driver.poll() is not None and ended_s is None:
            ended_s = time.monotonic()
        try:
            for news in _news(stub, run_id, token):
                token = news.resume_token
                messages.put(news)
        except grpc.RpcError:
            # Not begun yet, or the service is being restarted: the resume token takes up where this ended.
            time.sleep(WATCH_PAUSE_S)
        except ValueError:
            return  # the channel was closed
        else:
            return


def _news(stub: runs_pb2_grpc.RunServiceStub, run_id: str, token: str) -> Iterator[pb.WatchRunResponse]:
    yield from stub.WatchRun(pb.WatchRunRequest(run_id=run_id, resume_token=token))
