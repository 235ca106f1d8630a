"""`adaptor share` and the calls behind it, against services on loopback."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import grpc
import pytest
from click.testing import CliRunner, Result

from adaptor.api.v1 import log_pb2, sharing_pb2_grpc
from adaptor.api.v1 import sharing_pb2 as pb
from adaptor.cli.main import cli
from adaptor.control.run_controller import observation_of
from adaptor.domain.events import BarrierReached
from adaptor.domain.observation import Observation
from adaptor.errors import AdaptorError
from adaptor.sharing.core.limits import ReplicaLimits
from adaptor.sharing.participation import Participation
from adaptor.sharing.precedence import Precedence
from adaptor.sharing.settings import SharingSettings
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.values import a_report, after, barrier, started


def observations(count: int) -> list[Observation]:
    made = observation_of(after(started()).record, cast(BarrierReached, barrier(a_report(1), at_s=1.0)))
    return [
        replace(made, observation_id=f"run-1/{n}/1", superstep=n, duration_s=10.0 + n / 8, shareable=True)
        for n in range(1, count + 1)
    ]


class Machine:
    """A service with its part in a log."""

    def __init__(self, folder: Path) -> None:
        self.part = Participation(
            folder,
            SharingSettings(listen="127.0.0.1:0", limits=ReplicaLimits(anti_entropy_s=0.3), validate=False),
            now_s=time.time,
            chance=random.Random(str(folder)),
            precedence=Precedence(),
        )
        self.service = LoopbackService(sharing=self.part).start()

    def share(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.output

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(cli, ["share", *arguments, "--service", self.service.address])

    def fails(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert isinstance(result.exception, AdaptorError), (result.output, result.exception)
        return str(result.exception)

    def publish(self, count: int) -> None:
        self.service.run(self.part.publish(observations(count)))

    def status(self) -> dict[str, object]:
        return cast(dict[str, object], json.loads(self.share("status", "--json")))


@pytest.fixture
def machines(tmp_path: Path) -> Iterator[tuple[Machine, Machine]]:
    made = Machine(tmp_path / "first"), Machine(tmp_path / "second")
    yield made
    for one in made:
        one.service.close()


def until(condition, within_s: float = 10.0) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def test_one_string_joins_and_the_status_names_the_peer_it_is_in_sync_with(machines: tuple[Machine, Machine]) -> None:
    first, second = machines
    assert "created my lab" in first.share("create", "my lab")
    invitation = first.share("invite").strip()
    assert invitation.startswith("adaptor1:")
    assert "joined my lab" in second.share("join", invitation)
    first.publish(3)
    until(lambda: second.status().get("indexed") == "1")
    shown = second.share("status")
    assert f"holds all heads that 1 of 1 peers named last: {first.part.identity.peer[:16]}" in shown
    assert "1 entries applied" in shown
    sent = json.loads(first.share("sent", "--json"))["sent"]
    assert [one["observation_id"] for one in sent] == ["run-1/1/1", "run-1/2/1", "run-1/3/1"]
    assert "nothing left this machine" in second.share("sent")
    assert "nobody judged it yet" in second.share("why", sent[0]["contribution"])
    assert "withdrawn by bafy" in first.share("withdraw", sent[0]["contribution"])
    assert "the log is kept as" in second.share("leave")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("status",), "share create NAME"),
        (("join", "nonsense"), "invitation: it does not begin with adaptor1:"),
        (("create", ""), "name:"),
        (("create", "lab", "--writer", "ab"), "--writer: needs --listed"),
        (("create", "lab", "--listed", "--writer", "xyz"), "key: 'xyz' is not a public key"),
        (("why", "bafy"), "contribution: 'bafy' is not an id"),
        (("withdraw", "nonsense"), "contributions: 'nonsense' is not an id"),
        (("admit", "00"), "key: '00' is not a public key"),
    ],
)
def test_bad_input_is_one_line_that_names_the_field(
    machines: tuple[Machine, Machine], arguments: tuple[str, ...], says: str
) -> None:
    assert says in machines[0].fails(*arguments)


def test_no_service_is_one_line_with_the_remedy(machines: tuple[Machine, Machine]) -> None:
    machines[0].service.stop()
    assert "nothing answers at" in machines[0].fails("status")


def test_pages_of_a_typed_query_follow_each_other_and_the_stream_has_them_all(
    machines: tuple[Machine, Machine],
) -> None:
    first, _ = machines
    first.share("create", "lab")
    first.publish(25)
    until(lambda: first.status().get("indexed") == "1")
    with grpc.insecure_channel(first.service.address) as channel:
        stub = sharing_pb2_grpc.SharingServiceStub(channel)
        wanted = pb.ObservationFilter(algorithm=observations(1)[0].context.program)
        seen, token = [], ""
        while True:
            page = stub.QueryObservations(
                pb.QueryObservationsRequest(filter=wanted, page_size=10, page_token=token), timeout=5
            )
            seen += [one.observation.superstep for one in page.observations]
            token = page.next_page_token
            if not token:
                break
        assert seen == list(range(1, 26))
        streamed = [
            one.observation.superstep
            for part in stub.StreamObservations(pb.StreamObservationsRequest(filter=wanted), timeout=5)
            for one in part.observations
        ]
        assert streamed == seen
        for request, code in (
            (pb.QueryObservationsRequest(page_size=1001), grpc.StatusCode.INVALID_ARGUMENT),
            (pb.QueryObservationsRequest(page_token="nonsense"), grpc.StatusCode.INVALID_ARGUMENT),
        ):
            with pytest.raises(grpc.RpcError) as refused:
                stub.QueryObservations(request, timeout=5)
            assert refused.value.code() is code
        with pytest.raises(grpc.RpcError) as refused:
            stub.SetMember(pb.SetMemberRequest(key=bytes(32)), timeout=5)
        assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        answer = stub.SetMember(
            pb.SetMemberRequest(key=bytes(32), operation=log_pb2.MEMBERSHIP_OPERATION_ADD), timeout=5
        )
        assert answer.entry.startswith("bafy")
