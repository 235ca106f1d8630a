"""How a manager's call can end without an answer."""

from __future__ import annotations

import grpc


class ClusterCallError(Exception):
    """A call came to nothing; the message names the field and the remedy.

    Attributes:
        code: Name of gRPC's status code, for example "UNAVAILABLE".
    """

    def __init__(self, code: str, problem: str) -> None:
        super().__init__(problem)
        self.code = code


class RefusedCallError(ClusterCallError, ValueError):
    """The call makes no sense as it is: repeating it changes nothing."""


class NotKnownError(ClusterCallError, LookupError):
    """A cluster, run, tenant or reclaim is not known."""


class StaleRevisionError(ClusterCallError):
    """Somebody else wrote since what the call rests on was read: read again, decide again."""


_KINDS = {
    grpc.StatusCode.INVALID_ARGUMENT: RefusedCallError,
    grpc.StatusCode.ALREADY_EXISTS: RefusedCallError,
    grpc.StatusCode.FAILED_PRECONDITION: RefusedCallError,
    grpc.StatusCode.NOT_FOUND: NotKnownError,
    grpc.StatusCode.ABORTED: StaleRevisionError,
}

PASSING = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED)
"""Ends of a watch after which it is worth to watch again: the service restarts, or the reader was too slow."""


def error_of(error: grpc.RpcError) -> ClusterCallError:
    """What a failed call means to whoever made it."""
    code = error.code()
    return _KINDS.get(code, ClusterCallError)(code.name, error.details() or code.name)
