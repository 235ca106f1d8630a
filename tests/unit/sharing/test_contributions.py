"""Payloads say what was measured, survive newer versions, and are refused with one error whatever a peer sends."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import pytest
from google.protobuf.internal.encoder import TagBytes
from hypothesis import given
from hypothesis import strategies as st

from adaptor.api.v1 import log_pb2
from adaptor.domain.checks import LONGEST_S, SHORTEST_S
from adaptor.domain.context import MAX_PAIRS, MAX_TEXT, ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.shared import (
    MAX_PARALLELISM,
    MAX_RUN_NAME,
    Measurement,
    SharedBatch,
    SharedContext,
    SharedObservation,
    harmless,
)
from adaptor.domain.statistics import FlinkStatistics
from adaptor.domain.verdict import MAX_FINDINGS, Assessment, Finding, Judgement, Verdict
from adaptor.sharing.contributions import contribution_payloads, read_contribution, write_contribution
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.limits import LogLimits
from adaptor.sharing.filter import parse_filter
from adaptor.sharing.gate import Gate
from adaptor.sharing.payload import UnreadablePayloadError
from adaptor.sharing.statements import (
    Membership,
    MembershipOperation,
    read_membership,
    read_validation,
    read_withdrawal,
    write_membership,
    write_validation,
    write_withdrawal,
)

OPEN = Gate(filter=parse_filter("data.*=keep, run=keep, cpu_utilisation=keep", field="f"), salt=b"", secret=b"")
TARGET = cid_of(b"a contribution")


def observation(superstep: int, **changes: object) -> Observation:
    """One superstep that may be shared."""
    plain = Observation(
        observation_id=f"r/{superstep}/1",
        run_id="r",
        superstep=superstep,
        attempt=1,
        context=ExecutionContext(program="kmeans", parameters={"k": "8"}, data={"rows": "100"}, node_type="t"),
        planned_parallelism=4,
        requested_parallelism=4,
        observed_parallelism=3,
        duration_s=superstep + 0.5,
        cold=superstep == 1,
        failed=False,
        shareable=True,
        flink=FlinkStatistics(cpu_utilisation=0.75),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def payloads(*observations: Observation, batch: int = 512) -> list[bytes]:
    """What goes out through an open gate."""
    return contribution_payloads(observations, gate=OPEN, flink_version="2.3.0", run="r", batch=batch)


TEXT = st.text(min_size=1, max_size=MAX_TEXT).map(harmless).filter(str.strip)
PAIRS = st.dictionaries(TEXT, TEXT, max_size=4)
BATCHES = st.builds(
    SharedBatch,
    context=st.builds(
        SharedContext,
        algorithm=TEXT,
        parameters=PAIRS,
        data=PAIRS,
        node_type=TEXT | st.just(""),
        flink_version=TEXT | st.just(""),
    ),
    run=st.text(max_size=MAX_RUN_NAME).map(harmless),
    observations=st.lists(
        st.builds(
            SharedObservation,
            superstep=st.integers(1, 1_000_000),
            parallelism=st.integers(1, MAX_PARALLELISM),
            scale_out=st.none() | st.integers(1, MAX_PARALLELISM),
            duration_s=st.floats(SHORTEST_S, LONGEST_S),
            cold=st.booleans(),
            cpu_utilisation=st.none() | st.floats(0, 64),
            measurement=st.sampled_from(Measurement),
        ),
        min_size=1,
        max_size=5,
    ).map(tuple),
    schema_version=st.integers(1, 9),
)


class TestWriting:
    """Observations become payloads."""

    def test_everything_that_peers_need_is_there(self) -> None:
        """The observed parallelism, not the one asked for."""
        (payload,) = payloads(observation(1), observation(2))
        assert read_contribution(payload, batch=2) == SharedBatch(
            context=SharedContext(
                algorithm="kmeans",
                parameters={"k": "8"},
                data={"rows": "100"},
                node_type="t",
                flink_version="2.3.0",
            ),
            run="r",
            observations=(
                SharedObservation(
                    superstep=1,
                    parallelism=3,
                    duration_s=1.5,
                    cold=True,
                    cpu_utilisation=0.75,
                    measurement=Measurement.DRIVER_CLOCK,
                ),
                SharedObservation(
                    superstep=2,
                    parallelism=3,
                    duration_s=2.5,
                    cpu_utilisation=0.75,
                    measurement=Measurement.DRIVER_CLOCK,
                ),
            ),
        )

    @pytest.mark.parametrize(
        "private",
        [observation(2, shareable=False), observation(2, failed=True), observation(2, observed_parallelism=1_000_001)],
        ids=["private", "failed", "beyond the schema"],
    )
    def test_some_supersteps_never_leave(self, private: Observation) -> None:
        """And do not keep others from leaving; alone they make no payload."""
        (payload,) = payloads(observation(1), private, observation(3))
        assert [one.superstep for one in read_contribution(payload, batch=9).observations] == [1, 3]
        assert payloads(private) == []

    def test_a_run_of_a_thousand_supersteps_is_two_payloads(self) -> None:
        """In the order in which they were measured."""
        parts = [read_contribution(one, batch=512) for one in payloads(*map(observation, range(1, 1001)))]
        assert [len(part.observations) for part in parts] == [512, 488]
        assert [one.superstep for part in parts for one in part.observations] == [*range(1, 1001)]

    def test_every_context_has_payloads_of_its_own(self) -> None:
        """As peers see contexts."""
        other = ExecutionContext(program="kmeans", parameters={"k": "9"})
        first, second = payloads(observation(1), observation(2, context=other), observation(3))
        assert [one.superstep for one in read_contribution(first, batch=9).observations] == [1, 3]
        assert read_contribution(second, batch=9).context.parameters == {"k": "9"}

    def test_the_largest_payload_fits_into_an_entry(self) -> None:
        """By the default limits, with every text as long and as wide as it may be."""
        wide = {f"{number:03}" + "\U0001f600" * (MAX_TEXT - 3): "\U0001f600" * MAX_TEXT for number in range(MAX_PAIRS)}
        context = ExecutionContext(
            program="\U0001f600" * MAX_TEXT, parameters=wide, data=wide, node_type="t" * MAX_TEXT
        )
        limits = LogLimits()
        (payload,) = payloads(*(observation(one, context=context) for one in range(1, limits.batch + 1)))
        links = (limits.parents + limits.skips + 2) * 41
        assert len(payload) + links + 512 < limits.entry_bytes

    @given(BATCHES)
    def test_reading_gives_back_what_was_written(self, batch: SharedBatch) -> None:
        """Byte for byte, too: the same batch always makes the same payload."""
        payload = write_contribution(batch)
        assert read_contribution(payload, batch=5) == batch
        assert write_contribution(read_contribution(payload, batch=5)) == payload


class TestNewerVersions:
    """A peer may know more."""

    def test_unknown_fields_are_kept_in_the_bytes_and_known_ones_read(self) -> None:
        """At every level; what is stored and passed on is what was signed."""
        extra = TagBytes(999, 2) + b"\x05newer"
        message = log_pb2.Contribution.FromString(payloads(observation(1))[0] + extra)
        message.context.MergeFromString(extra)
        message.observations[0].MergeFromString(extra)
        payload = message.SerializeToString()
        assert payload.count(b"newer") == 3
        batch = read_contribution(payload, batch=1)
        assert (batch.context.algorithm, batch.observations[0].duration_s) == ("kmeans", 1.5)
        assert log_pb2.Contribution.FromString(payload).SerializeToString() == payload

    def test_a_newer_schema_is_read_for_what_is_known(self) -> None:
        """Values of enumerations that are not known are unknown."""
        message = log_pb2.Contribution.FromString(payloads(observation(1))[0])
        message.schema_version = 7
        message.observations[0].ParseFromString(message.observations[0].SerializeToString() + b"\x38\x63")
        batch = read_contribution(message.SerializeToString(), batch=1)
        assert (batch.schema_version, batch.observations[0].measurement) == (7, Measurement.UNKNOWN)


def changed(change: Callable[[log_pb2.Contribution], object]) -> bytes:
    """A good payload with one thing wrong."""
    message = log_pb2.Contribution.FromString(payloads(observation(1), observation(2))[0])
    change(message)
    return message.SerializeToString()


def set_field(name: str, value: object) -> Callable[[log_pb2.Contribution], object]:
    """Change a field of the second observation."""
    return lambda message: setattr(message.observations[1], name, value)


class TestRefusals:
    """A payload that no honest peer writes."""

    @pytest.mark.parametrize(
        "change",
        [
            *(set_field("duration_s", value) for value in (math.nan, math.inf, -1.0, 0.0, 1e10, 1e-9)),
            *(set_field("cpu_utilisation", value) for value in (math.nan, math.inf, -0.1, 1e300)),
            *(set_field(name, value) for name in ("parallelism", "scale_out") for value in (0, 1_000_001, 2**32 - 1)),
            *(set_field("superstep", value) for value in (0, 1_000_001)),
            lambda message: message.ClearField("observations"),
            lambda message: message.observations.extend([message.observations[0]] * 2),
            lambda message: message.ClearField("context"),
            lambda message: message.ClearField("schema_version"),
            lambda message: setattr(message, "run", "r" * 101),
            lambda message: setattr(message, "run", "r\n"),
            lambda message: setattr(message.context, "algorithm", " "),
            lambda message: setattr(message.context, "algorithm", "a" * 201),
            lambda message: setattr(message.context, "node_type", "\x1b[2J"),
            lambda message: setattr(message.context, "flink_version", "\u202e2.3"),
            lambda message: message.context.data.update({"": "a"}),
            lambda message: message.context.data.update({"a": ""}),
            lambda message: message.context.data.update({"a": "b\x00"}),
            lambda message: message.context.parameters.update({str(key): "v" for key in range(65)}),
        ],
    )
    def test_a_value_that_makes_no_sense_refuses_the_payload(self, change: Callable[..., object]) -> None:
        """The whole of it: what else it says is not to be believed."""
        with pytest.raises(UnreadablePayloadError):
            read_contribution(changed(change), batch=3)

    @pytest.mark.parametrize(
        "payload", [b"", b"\xff" * 20, b"\x0a\xff\xff\xff\xff\x0f", b"\x0b" * 5000, b"\x12\x02\x0a\x00"]
    )
    def test_bytes_that_are_no_message_are_refused(self, payload: bytes) -> None:
        """By every reader."""
        for read in (
            lambda data: read_contribution(data, batch=3),
            lambda data: read_validation(data, batch=3),
            lambda data: read_withdrawal(data, batch=3),
            read_membership,
        ):
            with pytest.raises(UnreadablePayloadError):
                read(payload)

    @given(st.binary(max_size=200))
    def test_no_bytes_raise_anything_else(self, payload: bytes) -> None:
        """One error, whatever comes."""
        for read in (lambda data: read_contribution(data, batch=3), lambda data: read_validation(data, batch=3)):
            try:
                read(payload)
            except UnreadablePayloadError as error:
                assert len(str(error)) < 300


class TestStatements:
    """Verdicts, withdrawals and memberships."""

    @given(
        st.lists(
            st.builds(
                Verdict,
                target=st.binary().map(cid_of),
                assessment=st.builds(
                    Assessment,
                    judgement=st.sampled_from(Judgement),
                    findings=st.lists(
                        st.builds(
                            Finding,
                            validator=st.just("residual"),
                            text=st.text(min_size=1, max_size=200).map(harmless).filter(str.strip),
                        ),
                        max_size=MAX_FINDINGS,
                    ).map(tuple),
                ),
            ),
            min_size=1,
            max_size=3,
        )
    )
    def test_verdicts_are_read_as_they_were_written(self, verdicts: list[Verdict]) -> None:
        """With their reasons."""
        assert read_validation(write_validation(verdicts), batch=3) == tuple(verdicts)

    def test_a_judgement_that_is_not_known_is_no_verdict(self) -> None:
        """Others of the same payload count."""
        message = log_pb2.Validation.FromString(
            write_validation([Verdict(target=TARGET, assessment=Assessment(judgement=Judgement.VALID))] * 3)
        )
        message.verdicts[0].ClearField("judgement")
        message.verdicts[1].ParseFromString(message.verdicts[1].SerializeToString() + b"\x10\x63")
        assert len(read_validation(message.SerializeToString(), batch=3)) == 1

    @pytest.mark.parametrize(
        "verdict",
        [
            log_pb2.Verdict(target=b"short", judgement=log_pb2.JUDGEMENT_VALID),
            log_pb2.Verdict(target=TARGET, judgement=log_pb2.JUDGEMENT_VALID, findings=[log_pb2.Finding()]),
            log_pb2.Verdict(
                target=TARGET,
                judgement=log_pb2.JUDGEMENT_VALID,
                findings=[log_pb2.Finding(validator="v", text="t")] * (MAX_FINDINGS + 1),
            ),
            log_pb2.Verdict(
                target=TARGET, judgement=log_pb2.JUDGEMENT_VALID, findings=[log_pb2.Finding(validator="v", text="\x07")]
            ),
        ],
        ids=["no id", "empty finding", "too many findings", "control character"],
    )
    def test_a_verdict_that_makes_no_sense_is_refused(self, verdict: log_pb2.Verdict) -> None:
        """As contributions are."""
        with pytest.raises(UnreadablePayloadError):
            read_validation(log_pb2.Validation(verdicts=[verdict]).SerializeToString(), batch=3)

    def test_withdrawals_name_entries_and_not_too_many(self) -> None:
        """By their ids."""
        assert read_withdrawal(write_withdrawal([TARGET, TARGET]), batch=2) == (TARGET, TARGET)
        for payload, batch in ((write_withdrawal([TARGET, TARGET]), 1), (write_withdrawal([]), 1)):
            with pytest.raises(UnreadablePayloadError):
                read_withdrawal(payload, batch=batch)

    @pytest.mark.parametrize("operation", MembershipOperation)
    def test_memberships_are_read_as_they_were_written(self, operation: MembershipOperation) -> None:
        """Both operations."""
        membership = Membership(operation=operation, key=b"k" * 32, through_number=2**63 - 1)
        assert read_membership(write_membership(membership)) == membership

    @pytest.mark.parametrize(
        "message",
        [
            log_pb2.Membership(key=b"k" * 32),
            log_pb2.Membership(operation=log_pb2.MEMBERSHIP_OPERATION_ADD, key=b"k" * 31),
            log_pb2.Membership(operation=log_pb2.MEMBERSHIP_OPERATION_REVOKE, key=b"k" * 32, through_number=2**63),
        ],
        ids=["no operation", "no key", "giant number"],
    )
    def test_a_membership_that_makes_no_sense_is_refused(self, message: log_pb2.Membership) -> None:
        """It then changes nothing."""
        with pytest.raises(UnreadablePayloadError):
            read_membership(message.SerializeToString())
