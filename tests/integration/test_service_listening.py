"""Where the service listens, what it lets in, and how it stops."""

from __future__ import annotations

import asyncio
import socket

import grpc
import pytest
from google.protobuf import descriptor_pool
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from adaptor.api.v1 import runs_pb2 as pb
from adaptor.api.v1 import runs_pb2_grpc
from adaptor.errors import InvalidValueError, PortInUseError
from adaptor.service.server import SERVICE_NAMES
from adaptor.testing.calls import refused, report, start
from adaptor.testing.loopback import a_server
from adaptor.testing.workshop import Workshop, until

Stub = runs_pb2_grpc.RunServiceStub


async def test_a_message_over_the_limit_is_refused(shop: Workshop) -> None:
    """Before anything reads it."""
    server = a_server(shop, max_message_bytes=1000)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        parameters = {str(number): "x" * 200 for number in range(10)}
        code, _ = await refused(stub.StartRun(start(context=pb.ExecutionContext(parameters=parameters))))
        assert code is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert (await stub.StartRun(start())).next_superstep == 1
    await server.stop(grace_s=0.0)
    await shop.engine.stop()


async def test_health_and_reflection_answer(channel: grpc.aio.Channel) -> None:
    """For load balancers and for grpcurl."""
    health = health_pb2_grpc.HealthStub(channel)
    for service in ("", *SERVICE_NAMES):
        answer = await health.Check(health_pb2.HealthCheckRequest(service=service))
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    code, _ = await refused(health.Check(health_pb2.HealthCheckRequest(service="nonsense")))
    assert code is grpc.StatusCode.NOT_FOUND
    reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
    asked = iter([reflection_pb2.ServerReflectionRequest(list_services="")])
    async for answer in reflection.ServerReflectionInfo(asked):
        names = [one.name for one in answer.list_services_response.service]
        assert set(SERVICE_NAMES) <= set(names)
    assert descriptor_pool.Default().FindServiceByName(SERVICE_NAMES[0]).methods_by_name["WatchRun"]


async def test_calls_in_flight_are_given_time_to_end_when_the_service_stops(shop: Workshop) -> None:
    """Their answers arrive."""
    server = a_server(shop)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        await stub.StartRun(start())
        shop.observer.open.clear()
        call = stub.ReportBarrier(report(1))
        await until(lambda: shop.observer.asked)
        stopping = asyncio.create_task(server.stop(grace_s=30.0))
        await asyncio.sleep(0)
        shop.observer.open.set()
        assert (await call).plan.superstep == 2
        await stopping
    await shop.engine.stop()


@pytest.mark.parametrize(
    ("listen", "message"),
    [
        ("0.0.0.0:4400", "listen: 0.0.0.0 is beyond loopback"),
        ("example.org:4400", "listen: example.org is beyond loopback"),
        ("4400", "listen: '4400' is not an address and port"),
        ("127.0.0.1:port", "listen: '127.0.0.1:port' is not"),
        ("127.0.0.1:65536", "listen: '127.0.0.1:65536' is not"),
    ],
)
async def test_an_address_that_anybody_could_call_is_refused(shop: Workshop, listen: str, message: str) -> None:
    """Unless calls are encrypted and callers known, see `test_access_limits`."""
    with pytest.raises(InvalidValueError) as caught:
        a_server(shop, listen)
    assert str(caught.value).startswith(message)


async def test_a_port_in_use_is_said_to_be_so(shop: Workshop) -> None:
    """With the remedy, whether another service or something else holds it."""
    with socket.create_server(("127.0.0.1", 0)) as holder:
        address = f"127.0.0.1:{holder.getsockname()[1]}"
        with pytest.raises(PortInUseError, match=rf"^listen: {address} cannot be listened on .*another --listen$"):
            a_server(shop, address)
    server = a_server(shop, address)
    await server.start()
    with pytest.raises(PortInUseError):
        a_server(shop, address)
    await server.stop(grace_s=0.0)


async def test_a_call_without_a_deadline_is_given_one(shop: Workshop) -> None:
    """It ends although what it waits for never comes."""
    server = a_server(shop, default_deadline_s=0.02)
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        stub = runs_pb2_grpc.RunServiceStub(channel)
        await stub.StartRun(start())
        shop.observer.open.clear()
        code, text = await refused(stub.ReportBarrier(report(1)))
        assert (code, text) == (grpc.StatusCode.DEADLINE_EXCEEDED, "the call took longer than its deadline")
        shop.observer.open.set()
    await server.stop(grace_s=0.0)
    await shop.engine.stop()
