"""Ways of looking after the stream: nobody does, the Autoscaler's rule does, adaptor does."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import grpc

from adaptor.api.v1 import attachments_pb2 as pb
from adaptor.api.v1 import attachments_pb2_grpc, runs_pb2
from adaptor.control.stream_watch import Watch, looked
from adaptor.domain.rescale import wish_for
from adaptor.domain.stream_job import StreamJob
from adaptor.errors import FlinkError
from adaptor.experiments.day.autoscaler import AutoscalerOptions, Memory, decided
from adaptor.experiments.demo.children import Children
from adaptor.experiments.demo.service_process import ServiceProcess
from adaptor.flink.stream_client import StreamClient

LOOK_S = 0.5
"""Between two looks: the Autoscaler's minute is 0.4 s of a day of ten minutes, and Flink counts anew as often."""

CALL_S = 30.0
"""Longest wait for adaptor's answer to a call."""


class Kind(Enum):
    """Who looks after the stream."""

    STATIC = "static"
    AUTOSCALER = "autoscaler"
    ADAPTOR = "adaptor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way of looking after the stream.

    Attributes:
        name: For people.
        kind: Who does.
        start: Subtasks at the beginning of the day.
        utilisation: That is wanted; of no meaning where nobody looks after it.
    """

    name: str
    kind: Kind
    start: int
    utilisation: float = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class Ward:
    """What somebody is to look after.

    Attributes:
        client: Of the cluster; thread-safe, as each thread has a connection of its own.
        flink_url: Its address.
        job_id: The stream.
        day_s: Seconds of a day.
        slots: That there are.
        home: Folder for a service's state and log.
    """

    client: StreamClient
    flink_url: str
    job_id: str
    day_s: float
    slots: int
    home: Path


@contextmanager
def looked_after(way: Way, ward: Ward) -> Iterator[None]:
    """Have the stream looked after while the block lasts.

    Raises:
        AdaptorError: If adaptor's service does not start, or does not take the stream.
    """
    if way.kind is Kind.ADAPTOR:
        with _by_adaptor(way, ward):
            yield
    elif way.kind is Kind.AUTOSCALER:
        with _by_autoscaler(way, ward):
            yield
    else:
        yield


@contextmanager
def _by_adaptor(way: Way, ward: Ward) -> Iterator[None]:
    ward.home.mkdir(parents=True, exist_ok=True)
    children = Children(ward.home)
    try:
        service = ServiceProcess(children, state_dir=ward.home / "state", log=ward.home / "service.log")
        service.start()
        with grpc.insecure_channel(service.address) as channel:
            attachments_pb2_grpc.AttachmentServiceStub(channel).Attach(
                pb.AttachRequest(
                    attachment_id="day",
                    flink_url=ward.flink_url,
                    job_id=ward.job_id,
                    target=pb.StreamTarget(utilisation=way.utilisation),
                    bounds=runs_pb2.Bounds(min_parallelism=1, max_parallelism=ward.slots),
                ),
                timeout=CALL_S,
            )
            yield
    finally:
        children.close()


@contextmanager
def _by_autoscaler(way: Way, ward: Ward) -> Iterator[None]:
    ending = threading.Event()
    options = AutoscalerOptions.for_day(ward.day_s, utilisation=way.utilisation, most_subtasks=ward.slots)
    thread = threading.Thread(target=_autoscale, args=(ward, options, ending), name="autoscaler")
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()


def _autoscale(ward: Ward, options: AutoscalerOptions, ending: threading.Event) -> None:
    """Look, decide, and put the bare wish, as the Autoscaler does it, until told to end."""
    watch, memory = Watch(settled_s=options.stabilization_s, span_s=LOOK_S), Memory()
    while not ending.wait(LOOK_S):
        try:
            job = ward.client.stream_job(ward.job_id)
            watch, memory = _looked(ward, job, watch, memory, options)
        except FlinkError:
            continue  # a job in a restart answers late or not; the next look tells


def _looked(
    ward: Ward, job: StreamJob, watch: Watch, memory: Memory, options: AutoscalerOptions
) -> tuple[Watch, Memory]:
    after = looked(watch, job, pending={})
    if not after.loads:
        return after, Memory() if memory.loads else memory
    if after.loads == watch.loads:
        return after, memory
    memory, wanted = decided(memory, after.loads[-1], now_s=time.monotonic(), options=options)
    if wanted is not None:
        ward.client.require(ward.job_id, wish_for(wanted))
    return after, memory
