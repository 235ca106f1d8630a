"""Calls of a running service from the command line; what goes wrong becomes one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import grpc

from adaptor.api.v1 import attachments_pb2_grpc, sharing_pb2_grpc
from adaptor.client.run import DEFAULT_ADDRESS
from adaptor.cluster import ClusterCallError, ClusterManager
from adaptor.errors import ServiceCallError

F = TypeVar("F", bound=Callable[..., Any])

CALL_S = 30.0
"""Longest wait for an answer: joining asks several peers one after the other."""

service_option = click.option(
    "--service", default=DEFAULT_ADDRESS, show_default=True, help="Address of the running service."
)


@contextmanager
def sharing_service(address: str) -> Iterator[sharing_pb2_grpc.SharingServiceStub]:
    """The service's calls about sharing.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with grpc.insecure_channel(address) as channel:
        try:
            yield sharing_pb2_grpc.SharingServiceStub(channel)
        except grpc.RpcError as error:
            raise ServiceCallError(_problem(address, error)) from error


@contextmanager
def attachment_service(address: str) -> Iterator[attachments_pb2_grpc.AttachmentServiceStub]:
    """The service's calls about attached streams.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with grpc.insecure_channel(address) as channel:
        try:
            yield attachments_pb2_grpc.AttachmentServiceStub(channel)
        except grpc.RpcError as error:
            raise ServiceCallError(_problem(address, error)) from error


@contextmanager
def cluster_manager(address: str) -> Iterator[ClusterManager]:
    """The service's calls about clusters.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with ClusterManager(channel=grpc.insecure_channel(address), call_s=CALL_S) as manager:
        try:
            yield manager
        except ClusterCallError as error:
            text = str(error)
            raise ServiceCallError(
                _away(address) if error.code == "UNAVAILABLE" and "connect" in text else text
            ) from error


def _problem(address: str, error: grpc.RpcError) -> str:
    if error.code() is grpc.StatusCode.UNAVAILABLE and "connect" in (error.details() or ""):
        return _away(address)
    return error.details() or error.code().name


def _away(address: str) -> str:
    return f"service: nothing answers at {address}; `adaptor serve` starts one, --service names another"
