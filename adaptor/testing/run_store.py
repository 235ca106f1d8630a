"""The store without a disk: lists and dictionaries with the same promises, except that nothing survives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from adaptor.domain.effects import ReleaseSlots, RequestRescale
from adaptor.domain.events import BarrierReached, RescaleSucceeded, RunFinished, RunStarted
from adaptor.domain.observation import Observation, ObservedDuration, Origin
from adaptor.domain.plan import Plan
from adaptor.domain.run import Mechanism, RunLength, RunState
from adaptor.domain.statistics import SuperstepReport
from adaptor.errors import StateDirectoryError
from adaptor.store.history import Recorded, RunSummary


class InMemoryRunStore:
    """Runs in memory.

    Attributes:
        failing: Whether every write fails, as on a full disk.
    """

    def __init__(self) -> None:
        self.failing = False
        self._events: dict[str, list[Recorded]] = {}
        self._summaries: dict[str, RunSummary] = {}
        self._observations: dict[str, Observation] = {}
        self._pending: dict[tuple[str, int], RequestRescale | ReleaseSlots] = {}
        self._costs: list[tuple[str, float]] = []
        self._outbox: list[str] = []

    async def record(self, recorded: Recorded) -> None:
        """Keep an event and everything decided on it, at once or not at all."""
        self._require_writable(recorded)
        self._summaries[recorded.run_id] = self._summary_after(recorded)
        kept = replace(recorded, slot_effect=None, completes=None)
        self._events.setdefault(recorded.run_id, []).append(kept)
        if recorded.observation:
            self._keep_observation(recorded.observation)
        if recorded.slot_effect:
            self._pending[recorded.run_id, recorded.sequence] = recorded.slot_effect
        if recorded.completes is not None:
            self._pending.pop((recorded.run_id, recorded.completes), None)
        if isinstance(recorded.event, RescaleSucceeded):
            spec = self._summaries[recorded.run_id].spec
            if spec.mechanism is Mechanism.DRIVER_LOOP:
                self._costs.append((spec.flink_url, recorded.event.duration_s))

    async def complete(self, run_id: str, sequence: int) -> None:
        """Note that a slot effect was performed, or has become void."""
        self._pending.pop((run_id, sequence), None)

    async def published(self, observation_ids: Sequence[str]) -> None:
        """Note that peers were given these observations."""
        self._outbox = [one for one in self._outbox if one not in observation_ids]

    async def history(self, run_id: str) -> list[Recorded]:
        """Every event of a run, in order; empty if the run is unknown."""
        return list(self._events.get(run_id, ()))

    async def history_after(self, run_id: str, sequence: int) -> list[Recorded]:
        """The events after a place."""
        return [one for one in self._events.get(run_id, ()) if one.sequence > sequence]

    async def barrier(self, run_id: str, superstep: int, attempt: int) -> tuple[SuperstepReport, Plan] | None:
        """What was reported of a superstep and planned on it."""
        for one in self._events.get(run_id, ()):
            if isinstance(one.event, BarrierReached) and one.plan:
                report = one.event.report
                if (report.superstep, report.attempt) == (superstep, attempt):
                    return report, one.plan
        return None

    async def run(self, run_id: str) -> RunSummary | None:
        """One run in one line."""
        return self._summaries.get(run_id)

    async def runs(self, *, limit: int, before: tuple[float, str] | None, owner: str | None = None) -> list[RunSummary]:
        """Runs, newest first; those of one owner alone if one is given."""
        fitting = [one for one in self._summaries.values() if owner in (None, one.spec.owner)]
        newest_first = sorted(fitting, key=_place, reverse=True)
        return [one for one in newest_first if before is None or _place(one) < before][:limit]

    async def running(self) -> list[RunSummary]:
        """Every run that has neither ended nor been abandoned."""
        return [one for one in self._summaries.values() if one.state is RunState.RUNNING]

    async def earlier_observations(self, context_key: str, *, limit: int) -> list[ObservedDuration]:
        """The newest durations of an execution context, oldest first."""
        fitting = [one for one in self._observations.values() if one.context.key == context_key and not one.failed]
        return [one.observed_duration(Origin.EARLIER_RUN) for one in fitting[max(0, len(fitting) - limit) :]]

    async def earlier_lengths(self, context_key: str, *, limit: int) -> list[RunLength]:
        """How long the newest runs of an execution context were that came to their end, oldest first."""
        ended = [one for one in self._summaries.values() if one.state is RunState.FINISHED and one.supersteps]
        fitting = sorted((one for one in ended if one.spec.context.key == context_key), key=_place)
        lengths = [RunLength(supersteps=one.supersteps, limit=one.spec.max_supersteps) for one in fitting]
        return lengths[max(0, len(lengths) - limit) :]

    async def adaptation_costs_s(self, flink_url: str, *, limit: int) -> list[float]:
        """Seconds of the newest rescales on a cluster, oldest first."""
        fitting = [duration_s for url, duration_s in self._costs if url == flink_url]
        return fitting[max(0, len(fitting) - limit) :]

    async def pending_slot_effects(self) -> list[tuple[str, int, RequestRescale | ReleaseSlots]]:
        """Slot effects whose outcome was never noted, those of a run in order."""
        return [(run_id, sequence, effect) for (run_id, sequence), effect in sorted(self._pending.items())]

    async def unpublished(self, *, limit: int) -> list[Observation]:
        """Shareable observations that peers were not given yet."""
        return [self._observations[one] for one in self._outbox[:limit]]

    def _require_writable(self, recorded: Recorded) -> None:
        places = [one.sequence for one in self._events.get(recorded.run_id, ())]
        if self.failing:
            raise StateDirectoryError("state_dir: cannot be written (the disk is full)")
        if recorded.sequence in places or isinstance(recorded.event, RunStarted) == bool(places):
            raise StateDirectoryError(f"state_dir: event {recorded.sequence} of {recorded.run_id} does not fit")
        if recorded.observation and recorded.observation.observation_id in self._observations:
            raise StateDirectoryError(f"state_dir: {recorded.observation.observation_id} is there already")

    def _keep_observation(self, one: Observation) -> None:
        self._observations[one.observation_id] = one
        if one.shareable and not one.failed:
            self._outbox.append(one.observation_id)

    def _summary_after(self, recorded: Recorded) -> RunSummary:
        match recorded.event:
            case RunStarted(spec=spec, at_s=at_s):
                summary = RunSummary(
                    spec=spec,
                    state=RunState.RUNNING,
                    started_at_s=at_s,
                    updated_at_s=at_s,
                    supersteps=0,
                    parallelism=spec.start_parallelism,
                )
            case BarrierReached(report=report, at_s=at_s):
                before = self._summaries[recorded.run_id]
                done = before.supersteps + (not report.failed)
                summary = replace(before, state=RunState.RUNNING, updated_at_s=at_s, supersteps=done)
            case RunFinished(state=state, at_s=at_s):
                summary = replace(self._summaries[recorded.run_id], state=state, updated_at_s=at_s)
            case _:
                summary = self._summaries[recorded.run_id]
        return replace(summary, parallelism=recorded.plan.parallelism) if recorded.plan else summary


def _place(summary: RunSummary) -> tuple[float, str]:
    return summary.started_at_s, summary.spec.run_id
