"""Calls of a running service from the command line; what goes wrong becomes one line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import click
import grpc

from adaptor.api.v1 import attachments_pb2_grpc, sharing_pb2_grpc
from adaptor.client.channel import (
    CA_VARIABLE,
    CERTIFICATE_VARIABLE,
    KEY_VARIABLE,
    TOKEN_VARIABLE,
    CredentialError,
    Credentials,
    open_channel,
)
from adaptor.client.run import DEFAULT_ADDRESS
from adaptor.cluster import ClusterCallError, ClusterManager
from adaptor.errors import ServiceCallError

F = TypeVar("F", bound=Callable[..., Any])

CALL_S = 30.0
"""Longest wait for an answer: joining asks several peers one after the other."""

_CREDENTIALS = "adaptor.credentials"


def service_option(command: F) -> F:
    """The options that say which service is called, and who calls; `credentials` has the latter within a command."""
    for name, variable, text in (
        ("token_file", TOKEN_VARIABLE, "Holds the token that shows who calls."),
        ("key_file", KEY_VARIABLE, "Private key of that certificate in PEM."),
        ("certificate_file", CERTIFICATE_VARIABLE, "Client certificate in PEM, where the service demands one."),
        ("ca_file", CA_VARIABLE, "Authorities of the service's certificate in PEM."),
    ):
        option = click.option(
            f"--{name.replace('_', '-')}",
            name,
            envvar=variable,
            show_envvar=True,
            expose_value=False,
            callback=_keep,
            help=text,
        )
        command = option(command)
    return _address(command)


_address = click.option("--service", default=DEFAULT_ADDRESS, show_default=True, help="Address of the running service.")


def _keep(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
    context.meta.setdefault(_CREDENTIALS, {})[parameter.name] = value or ""


def credentials() -> Credentials:
    """What the options of this command, or the environment, say of who calls."""
    context = click.get_current_context(silent=True)
    given = context.meta.get(_CREDENTIALS) if context else None
    return Credentials.from_environment() if given is None else Credentials(**given)


@contextmanager
def sharing_service(address: str) -> Iterator[sharing_pb2_grpc.SharingServiceStub]:
    """The service's calls about sharing.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with _called(address) as channel:
        yield sharing_pb2_grpc.SharingServiceStub(channel)


@contextmanager
def attachment_service(address: str, *, plain: bool = False) -> Iterator[attachments_pb2_grpc.AttachmentServiceStub]:
    """The service's calls about attached streams.

    Args:
        address: Of the service.
        plain: Whether it is one that this command started, which asks nobody who he is.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with _called(address, plain=plain) as channel:
        yield attachments_pb2_grpc.AttachmentServiceStub(channel)


@contextmanager
def _called(address: str, *, plain: bool = False) -> Iterator[grpc.Channel]:
    with open_channel(address, Credentials()) if plain else channel_to(address) as channel:
        try:
            yield channel
        except grpc.RpcError as error:
            raise ServiceCallError(_problem(address, error)) from error


@contextmanager
def cluster_manager(address: str) -> Iterator[ClusterManager]:
    """The service's calls about clusters.

    Raises:
        ServiceCallError: If a call within comes to nothing.
    """
    with ClusterManager(channel=channel_to(address), call_s=CALL_S) as manager:
        try:
            yield manager
        except ClusterCallError as error:
            text = str(error)
            raise ServiceCallError(
                _away(address) if error.code == "UNAVAILABLE" and "connect" in text else text
            ) from error


def channel_to(address: str) -> grpc.Channel:
    """A connection to a service, as the options of this command have it.

    Raises:
        ServiceCallError: If a file of credentials cannot be used.
    """
    try:
        return open_channel(address, credentials())
    except CredentialError as error:
        raise ServiceCallError(str(error)) from error


def _problem(address: str, error: grpc.RpcError) -> str:
    if error.code() is grpc.StatusCode.UNAVAILABLE and "connect" in (error.details() or ""):
        return _away(address)
    return error.details() or error.code().name


def _away(address: str) -> str:
    return (
        f"service: nothing answers at {address}, or not in this way (plain text, TLS, a client certificate); "
        "`adaptor serve` starts one, --service names another, --ca-file speaks TLS"
    )
