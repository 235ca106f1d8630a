"""Streams as tests need them: a source and a worker, or any graph, with rates given."""

from __future__ import annotations

from adaptor.domain.objective import Bounds
from adaptor.domain.stream import AttachmentSpec, StreamLoad, StreamTarget, VertexLoad
from adaptor.domain.stream_job import Counters, StreamJob, StreamVertex


def a_vertex(name: str, *, inputs: tuple[str, ...] = (), **fields: object) -> VertexLoad:
    """A vertex of one subtask that is half at work on 100 records a second."""
    defaults: dict[str, object] = {
        "parallelism": 1,
        "max_parallelism": 128,
        "sharing_group": "",
        "in_records_per_s": 100.0 if inputs else 0.0,
        "out_records_per_s": 100.0,
        "busy": 0.5,
        "backpressured": 0.0,
    }
    return VertexLoad(vertex_id=name, name=name, inputs=inputs, **{**defaults, **fields})  # type: ignore[arg-type]


def a_load(*vertices: VertexLoad, span_s: float = 10.0) -> StreamLoad:
    """What these vertices did."""
    return StreamLoad(span_s=span_s, vertices=vertices)


def a_stream_spec(target: StreamTarget | None = None, bounds: Bounds | None = None) -> AttachmentSpec:
    """An attachment with the targets as delivered."""
    return AttachmentSpec(
        attachment_id="it",
        flink_url="http://127.0.0.1:8081",
        job_id="1" * 32,
        target=target or StreamTarget(),
        bounds=bounds or Bounds(),
    )


def a_stream_job(
    *, at_s: float, created_s: float = 0.0, parallelism: int = 1, running: int | None = None, **counters: object
) -> StreamJob:
    """A job of a source and a worker; `counters` are the worker's."""
    known = Counters(**counters)  # type: ignore[arg-type]

    def vertex(name: str, inputs: tuple[str, ...], found: Counters) -> StreamVertex:
        return StreamVertex(
            vertex_id=name,
            name=name,
            parallelism=parallelism,
            max_parallelism=128,
            running=parallelism if running is None else running,
            inputs=inputs,
            sharing_group="",
            counters=found,
        )

    emitted = Counters(records_in=0, records_out=known.records_in, idle_s=0.0, backpressured_s=0.0)
    return StreamJob(
        job_id="1" * 32,
        name="it",
        state="RUNNING",
        ended=False,
        kind="STREAMING",
        scheduler="Adaptive",
        at_s=at_s,
        created_s=created_s,
        vertices=(vertex("source", (), emitted), vertex("worker", ("source",), known)),
    )
