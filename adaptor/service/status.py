"""The one table from errors to gRPC status codes."""

from __future__ import annotations

import grpc

from adaptor.errors import (
    AdaptorError,
    CallerUnknownError,
    ConflictError,
    FlinkError,
    InvalidValueError,
    KuboError,
    LogRefusedError,
    NewsGoneError,
    NoLogError,
    NotAllowedError,
    OutOfOrderError,
    PeerError,
    ProvisionError,
    SlowReaderError,
    StaleRevisionError,
    StateDirectoryError,
    TooManyCallsError,
    UnknownAttachmentError,
    UnknownContributionError,
    UnknownNameError,
    UnknownRunError,
)

STATUS_OF: dict[type[AdaptorError], grpc.StatusCode] = {
    InvalidValueError: grpc.StatusCode.INVALID_ARGUMENT,
    UnknownRunError: grpc.StatusCode.NOT_FOUND,
    UnknownAttachmentError: grpc.StatusCode.NOT_FOUND,
    UnknownNameError: grpc.StatusCode.NOT_FOUND,
    ConflictError: grpc.StatusCode.ALREADY_EXISTS,
    StaleRevisionError: grpc.StatusCode.ABORTED,
    NewsGoneError: grpc.StatusCode.OUT_OF_RANGE,
    SlowReaderError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    OutOfOrderError: grpc.StatusCode.FAILED_PRECONDITION,
    LogRefusedError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    UnknownContributionError: grpc.StatusCode.NOT_FOUND,
    NoLogError: grpc.StatusCode.FAILED_PRECONDITION,
    CallerUnknownError: grpc.StatusCode.UNAUTHENTICATED,
    NotAllowedError: grpc.StatusCode.PERMISSION_DENIED,
    TooManyCallsError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    KuboError: grpc.StatusCode.UNAVAILABLE,
    PeerError: grpc.StatusCode.UNAVAILABLE,
    FlinkError: grpc.StatusCode.UNAVAILABLE,
    ProvisionError: grpc.StatusCode.RESOURCE_EXHAUSTED,
    StateDirectoryError: grpc.StatusCode.DATA_LOSS,
}


def status_of(error: AdaptorError) -> grpc.StatusCode:
    """The code of an error: that of its own class, or of the nearest class above it."""
    for kind in type(error).__mro__:
        if kind in STATUS_OF:
            return STATUS_OF[kind]
    return grpc.StatusCode.INTERNAL
