"""Observations as payloads of contributions, and back.

What is stored and passed on are the bytes that were signed, never a message written again; so fields that a newer
adaptor added survive every hop, and this module only ever reads what it knows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

from adaptor.api.v1 import log_pb2
from adaptor.domain.observation import Observation
from adaptor.domain.run import MAX_SUPERSTEPS
from adaptor.domain.shared import (
    CONTEXTS_KEPT,
    MAX_PARALLELISM,
    Measurement,
    SharedBatch,
    SharedContext,
    SharedObservation,
)
from adaptor.sharing.gate import Gate
from adaptor.sharing.payload import parsed, reading, require_count, written

SCHEMA_VERSION = 1
"""Version of the schema that is written; goes up when the meaning of a field changes, not when one is added."""

_Pairs = tuple[tuple[str, str], ...]

REMEMBERED_BYTES = 2048
"""Largest context that is remembered: ten times a usual one, and all that are remembered take half a megabyte."""

_TO_WIRE = {
    Measurement.UNKNOWN: log_pb2.MEASUREMENT_UNSPECIFIED,
    Measurement.DRIVER_CLOCK: log_pb2.MEASUREMENT_DRIVER_CLOCK,
    Measurement.FLINK: log_pb2.MEASUREMENT_FLINK,
}
_FROM_WIRE = {number: measurement for measurement, number in _TO_WIRE.items()}


def contribution_payloads(
    observations: Sequence[Observation], *, gate: Gate, flink_version: str, run: str, batch: int
) -> list[bytes]:
    """Payloads that hold what peers may see of a run's observations, in their order.

    Private ones, failed supersteps, and what lies beyond the schema's bounds are left out.

    Args:
        observations: Of one run.
        gate: Between private and shareable.
        flink_version: Of the cluster the run used; empty if unknown.
        run: Name or id of the run; the gate decides what peers see of it.
        batch: Most observations in one payload, the log's limit.
    """
    by_key: dict[str, tuple[SharedContext, list[SharedObservation]]] = {}
    for one in filter(goes_out, observations):
        context = gate.shared_context(one.context, flink_version=flink_version)
        by_key.setdefault(context.key, (context, []))[1].append(gate.shared_observation(one))
    name = gate.shared_run(run)
    return [
        write_contribution(SharedBatch(context=context, run=name, observations=part, schema_version=SCHEMA_VERSION))
        for context, shared in by_key.values()
        for part in _parts(shared, batch)
    ]


def goes_out(observation: Observation) -> bool:
    """Whether an observation may and can be given to peers at all."""
    return (
        observation.shareable
        and not observation.failed
        and observation.parallelism <= MAX_PARALLELISM
        and observation.superstep <= MAX_SUPERSTEPS
    )


def write_contribution(batch: SharedBatch) -> bytes:
    """The batch as a payload."""
    return written(
        log_pb2.Contribution(
            schema_version=batch.schema_version,
            context=context_message(batch.context),
            observations=map(observation_message, batch.observations),
            run=batch.run,
        )
    )


def read_contribution(payload: bytes, *, batch: int) -> SharedBatch:
    """The batch of a payload.

    Args:
        payload: A peer's bytes.
        batch: Most observations, the log's limit.

    Raises:
        UnreadablePayloadError: If it is no contribution, or holds a value that makes no sense.
    """
    message = parsed(log_pb2.Contribution(), payload)
    require_count("observations", len(message.observations), most=batch)
    data = message.context.SerializeToString()
    with reading():
        return SharedBatch(
            context=_known_context(data) if len(data) <= REMEMBERED_BYTES else _context_of(message.context),
            run=message.run,
            observations=tuple(map(_observation_of, message.observations)),
            schema_version=message.schema_version,
        )


def _parts(observations: Sequence[SharedObservation], batch: int) -> Iterator[tuple[SharedObservation, ...]]:
    for start in range(0, len(observations), batch):
        yield tuple(observations[start : start + batch])


def context_message(context: SharedContext) -> log_pb2.SharedContext:
    """The message of a context; not to be changed."""
    pairs = tuple(context.parameters.items()), tuple(context.data.items())
    return _context_message(context.algorithm, *pairs, context.node_type, context.flink_version)


@lru_cache(CONTEXTS_KEPT)
def _context_message(
    algorithm: str, parameters: _Pairs, data: _Pairs, node_type: str, flink_version: str
) -> log_pb2.SharedContext:
    return log_pb2.SharedContext(
        algorithm=algorithm,
        parameters=dict(parameters),
        data=dict(data),
        node_type=node_type,
        flink_version=flink_version,
    )


def observation_message(observation: SharedObservation) -> log_pb2.SharedObservation:
    """The message of an observation."""
    return log_pb2.SharedObservation(
        superstep=observation.superstep,
        parallelism=observation.parallelism,
        scale_out=observation.scale_out,
        duration_s=observation.duration_s,
        cold=observation.cold,
        cpu_utilisation=observation.cpu_utilisation,
        measurement=_TO_WIRE[observation.measurement],
    )


@lru_cache(CONTEXTS_KEPT)
def _known_context(data: bytes) -> SharedContext:
    return _context_of(log_pb2.SharedContext.FromString(data))


def _context_of(message: log_pb2.SharedContext) -> SharedContext:
    return SharedContext(
        algorithm=message.algorithm,
        parameters=dict(message.parameters),
        data=dict(message.data),
        node_type=message.node_type,
        flink_version=message.flink_version,
    )


def _observation_of(message: log_pb2.SharedObservation) -> SharedObservation:
    return SharedObservation(
        superstep=message.superstep,
        parallelism=message.parallelism,
        scale_out=message.scale_out if message.HasField("scale_out") else None,
        duration_s=message.duration_s,
        cold=message.cold,
        cpu_utilisation=message.cpu_utilisation if message.HasField("cpu_utilisation") else None,
        measurement=_FROM_WIRE.get(message.measurement, Measurement.UNKNOWN),
    )
