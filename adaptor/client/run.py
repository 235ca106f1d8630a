"""A run as its driver sees it: supersteps to iterate over, each with the parallelism to use."""

from __future__ import annotations

import logging
import math
import os
import time
import uuid
from collections.abc import Iterator, Mapping
from types import TracebackType

import grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.client.channel import Credentials
from adaptor.client.delivery import Delivery

_log = logging.getLogger("adaptor.client")

DEFAULT_ADDRESS = "127.0.0.1:4400"
"""Where `adaptor serve` listens if nothing else is said."""

ADDRESS_VARIABLE = "ADAPTOR_ADDRESS"
"""Environment variable that names the service's address."""

MAX_WAIT_S = 2.0
"""Longest that one barrier waits for adaptor: a superstep worth rescaling for takes several times that."""

MAX_SLOT_WAIT_S = 20.0
"""Longest that a wider superstep waits for its slots: a TaskManager was seen to register after 2 to 12 s. A superstep
begun without them gains nothing by them: a batch job's first subtasks take all the work."""

MAX_KEPT_REPORTS = 10_000
"""Reports kept while the service is away: about 2 MB, and hours of supersteps."""


class RefusedError(ValueError):
    """The run was refused at its start; the message names the field and what would be right."""


class Superstep:
    """One superstep to be run.

    Attributes:
        number: From 1.
        attempt: Which try of it this is, from 1.
        parallelism: What to submit it with.
        plan: The whole decision; ``None`` if adaptor could not be reached.
    """

    def __init__(self, number: int, attempt: int, parallelism: int, plan: pb.Plan | None) -> None:
        self.number = number
        self.attempt = attempt
        self.parallelism = parallelism
        self.plan = plan
        self.job_id = ""
        self.has_failed = False
        self.convergence: float | None = None

    def submitted(self, job_id: str) -> None:
        """Say which Flink job runs this superstep, 32 hex digits, so that its statistics can be read."""
        self.job_id = str(job_id)  # PyFlink's own JobID is not a text

    def converged_to(self, figure: float) -> None:
        """Say what the job compares with its tolerance, zero or more: from it the supersteps left are foretold."""
        if math.isfinite(figure) and figure >= 0:
            self.convergence = float(figure)
        else:
            _log.warning("superstep %d: convergence must be zero or more, got %s; it is left out", self.number, figure)

    def failed(self) -> None:
        """Say that it failed and will be tried again: the next one has the same number."""
        self.has_failed = True


class Run:
    """A run that has begun; made by `start_run`.

    Attributes:
        run_id: Give it to `start_run` again to go on after a restart of the driver.
        blocked_s: Seconds that each barrier kept the driver, in order.
        slot_waits_s: Seconds that the driver waited for slots of wider supersteps, in order.
    """

    def __init__(
        self,
        delivery: Delivery,
        start: pb.StartRunRequest,
        answer: pb.StartRunResponse | None,
        *,
        max_slot_wait_s: float,
    ) -> None:
        self.run_id = start.run_id
        self.blocked_s: list[float] = []
        self.slot_waits_s: list[float] = []
        self._max_slot_wait_s = max_slot_wait_s
        self._slots = 0
        self._delivery = delivery
        self._max_supersteps = start.max_supersteps
        self._pausable = start.pausable
        self._number = answer.next_superstep if answer else 1
        self._attempt = answer.next_attempt if answer else 1
        self._parallelism = answer.plan.parallelism if answer else start.start_parallelism
        self._plan = answer.plan if answer else None
        self._current: Superstep | None = None
        self._began_s = 0.0
        self._finished = False

    def supersteps(self) -> Iterator[Superstep]:
        """The supersteps left to be run, up to the limit; `break` ends the run early, for example on convergence.

        The time of one is that from where it is handed out to where the next one is asked for.
        """
        while self._number <= self._max_supersteps and not self._finished:
            self._wait_while_paused()
            self._wait_for_slots()
            self._current = Superstep(self._number, self._attempt, self._parallelism, self._plan)
            self._began_s = time.monotonic()
            yield self._current
            self._end_superstep()

    def finish(self, *, failed: bool = False) -> None:
        """End the run; leaving the `with` block does this. Later calls change nothing."""
        if self._finished:
            return
        self._finished = True
        if self._current is not None:
            self._current.has_failed = self._current.has_failed or failed
            self._end_superstep()
        self._delivery.finish(pb.RUN_STATE_FAILED if failed else pb.RUN_STATE_FINISHED)
        self._delivery.close()

    def __enter__(self) -> Run:
        """The run itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the run, as failed if an exception leaves the block."""
        self.finish(failed=error is not None)

    def _wait_while_paused(self) -> None:
        """Hold a run that may be held, as long as the service says that there is no slot for it."""
        if self._pausable and self._plan is not None:
            began_s = time.monotonic()
            if self._delivery.waited_while_paused():
                self._slots = 0
                self.slot_waits_s.append(time.monotonic() - began_s)

    def _wait_for_slots(self) -> None:
        """Before a wider superstep: let its slots come, and use no more than did."""
        if self._plan is not None and self._parallelism > self._slots:
            began_s = time.monotonic()
            existing = self._delivery.existing_slots(self._parallelism, max_wait_s=self._max_slot_wait_s)
            if existing:
                self._parallelism = min(self._parallelism, existing)
            self.slot_waits_s.append(time.monotonic() - began_s)
        self._slots = self._parallelism

    def _end_superstep(self) -> None:
        """Report the superstep that has just ended, and take the plan for the next one if there is one."""
        superstep, ended_s = self._current, time.monotonic()
        if superstep is None:
            return
        self._current = None
        plan = self._delivery.report(
            pb.ReportBarrierRequest(
                run_id=self.run_id,
                superstep=superstep.number,
                attempt=superstep.attempt,
                job_id=superstep.job_id,
                requested_parallelism=superstep.parallelism,
                duration_s=max(1e-6, ended_s - self._began_s),
                failed=superstep.has_failed,
                convergence=superstep.convergence,
            )
        )
        self._number, self._attempt = (
            (superstep.number, superstep.attempt + 1) if superstep.has_failed else (superstep.number + 1, 1)
        )
        self._plan = plan if plan is not None and plan.superstep == self._number else None
        if self._plan is not None:
            self._parallelism = self._plan.parallelism
        self.blocked_s.append(time.monotonic() - ended_s)


def start_run(
    *,
    program: str,
    parallelism: int,
    max_supersteps: int,
    tolerance: float | None = None,
    runtime_target_s: float | None = None,
    confidence: float | None = None,
    efficiency_target: float | None = None,
    cost_budget: float | None = None,
    price_per_slot_s: float = 1.0,
    parameters: Mapping[str, object] | None = None,
    data: Mapping[str, object] | None = None,
    node_type: str = "",
    flink_url: str = "",
    min_parallelism: int = 1,
    max_parallelism: int = 0,
    policy: str = "",
    shareable: bool = False,
    tenant: str = "",
    priority: int = 0,
    pausable: bool = False,
    run_id: str = "",
    address: str = "",
    credentials: Credentials | None = None,
    max_wait_s: float = MAX_WAIT_S,
    max_slot_wait_s: float = MAX_SLOT_WAIT_S,
    max_kept_reports: int = MAX_KEPT_REPORTS,
) -> Run:
    """Begin a run, or take up one that this driver began before it was restarted.

    Args:
        program: Name of the algorithm; runs of the same program, parameters, data and node type learn from
            each other.
        parallelism: Subtasks to start with, and to keep if adaptor is not there.
        max_supersteps: The job's own limit.
        tolerance: The job ends before its limit once what it tells `Superstep.converged_to` is no greater.
        runtime_target_s: Seconds within which the run should finish, at least cost.
        confidence: Probability between 0 and 1 that the target or the budget should be met; the service has a default.
        efficiency_target: Parallel efficiency between 0 and 1 to keep, as fast as possible.
        cost_budget: Slot-seconds, or money where a price is given, within which the run should be as fast as possible.
            Exactly one of the two targets and the budget must be given.
        price_per_slot_s: Money that one slot costs in one second; 1 for a budget in slot-seconds.
        parameters: What else changes the work.
        data: Characteristics of the data, such as rows.
        node_type: Kind of worker.
        flink_url: Base address of Flink's REST API; without it nothing but durations is observed.
        min_parallelism: Least subtasks to use.
        max_parallelism: Most subtasks to use; 0 stands for whatever slots there are.
        policy: Name of the policy; empty stands for adaptor's own.
        shareable: Whether observations of this run may be given to peers.
        tenant: Whom the run counts for where a cluster manager hands out slots.
        priority: Among runs of tenants of equal priority; higher goes first, from -1000 to 1000.
        pausable: Whether the loop may be held before a superstep for as long as a cluster manager leaves it no slots;
            otherwise it goes on after `max_slot_wait_s` and leaves the waiting to Flink.
        run_id: Identity of the run; empty makes a new one.
        address: Of the service; empty takes the environment variable ADAPTOR_ADDRESS, else 127.0.0.1:4400.
        credentials: What shows who calls, where the service asks; ``None`` takes the files that the environment names
            (ADAPTOR_CA_FILE, ADAPTOR_TOKEN_FILE, ADAPTOR_CERTIFICATE_FILE, ADAPTOR_KEY_FILE), if any.
        max_wait_s: Longest that one barrier waits for adaptor.
        max_slot_wait_s: Longest that a wider superstep waits for its slots to come.
        max_kept_reports: Most reports kept while the service is away.

    Returns:
        The run, also if the service cannot be reached: then it keeps `parallelism` until it can.

    Raises:
        RefusedError: If a field makes no sense, the run id was used for another run, or the run has ended. No
            superstep has run then.
    """
    _require_at_least(1, parallelism=parallelism, max_supersteps=max_supersteps)
    _require_at_least(0, min_parallelism=min_parallelism, max_parallelism=max_parallelism)
    start = pb.StartRunRequest(
        run_id=run_id or f"{_as_id(program)}-{uuid.uuid4().hex[:12]}",
        context=pb.ExecutionContext(
            program=program, parameters=_texts(parameters), data=_texts(data), node_type=node_type
        ),
        bounds=pb.Bounds(min_parallelism=min_parallelism, max_parallelism=max_parallelism),
        start_parallelism=parallelism,
        max_supersteps=max_supersteps,
        flink_url=flink_url,
        policy=policy,
        shareable=shareable,
        tolerance=tolerance,
        tenant=tenant,
        priority=priority,
        pausable=pausable,
    )
    wanted = (runtime_target_s, efficiency_target, cost_budget)
    _set_objective(start, *wanted, confidence=confidence, price_per_slot_s=price_per_slot_s)
    service = address or os.environ.get(ADDRESS_VARIABLE, "") or DEFAULT_ADDRESS
    shown = Credentials.from_environment() if credentials is None else credentials
    delivery = Delivery(service, shown, start, max_wait_s=max_wait_s, max_kept=max_kept_reports)
    try:
        return Run(delivery, start, delivery.start(), max_slot_wait_s=max_slot_wait_s)
    except grpc.RpcError as error:
        delivery.close()
        raise RefusedError(error.details()) from error


def _set_objective(
    start: pb.StartRunRequest,
    runtime_target_s: float | None,
    efficiency_target: float | None,
    cost_budget: float | None,
    *,
    confidence: float | None,
    price_per_slot_s: float,
) -> None:
    """Put the one that is given into the request; none at all is for the service to refuse."""
    if sum(one is not None for one in (runtime_target_s, efficiency_target, cost_budget)) > 1:
        raise RefusedError("objective: give one of runtime_target_s, efficiency_target and cost_budget")
    if runtime_target_s is not None:
        start.runtime_target.CopyFrom(pb.RuntimeTarget(target_s=runtime_target_s, confidence=confidence))
    elif efficiency_target is not None:
        start.efficiency_target.min_efficiency = efficiency_target
    elif cost_budget is not None:
        if not price_per_slot_s > 0:
            raise RefusedError(f"price_per_slot_s: must be above 0, got {price_per_slot_s}")
        start.cost_budget.CopyFrom(pb.CostBudget(budget_slot_s=cost_budget / price_per_slot_s, confidence=confidence))


def _require_at_least(least: int, **values: int) -> None:
    for name, value in values.items():
        if value < least:
            raise RefusedError(f"{name}: must be at least {least}, got {value}")


def _texts(pairs: Mapping[str, object] | None) -> dict[str, str]:
    return {key: str(value) for key, value in (pairs or {}).items()}


def _as_id(program: str) -> str:
    return "".join(char if char.isalnum() and char.isascii() else "-" for char in program).strip("-")[:40] or "run"
