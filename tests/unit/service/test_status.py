"""Every error of ours has a gRPC status, by name or on purpose."""

from __future__ import annotations

import grpc
import pytest

from adaptor import errors
from adaptor.errors import AdaptorError
from adaptor.service.status import STATUS_OF, status_of

NEVER_IN_A_CALL = {
    errors.AdaptorError,
    errors.ServiceCallError,
    errors.TrialError,
    errors.JavaMissingError,
    errors.EmbeddedFlinkError,
    errors.PortInUseError,
    errors.ReplayDifferenceError,
}
"""What belongs to commands: should a call ever meet one, that is a bug, and INTERNAL says so."""


def every(kind: type[AdaptorError]) -> set[type[AdaptorError]]:
    """A class with all below it."""
    return {kind}.union(*(every(one) for one in kind.__subclasses__()))


def made(kind: type[AdaptorError]) -> AdaptorError:
    """An error of a class, whatever its constructor takes."""
    return kind.__new__(kind)


@pytest.mark.parametrize("kind", sorted(every(AdaptorError), key=lambda one: one.__name__))
def test_an_error_has_a_status_of_its_own_or_is_internal_on_purpose(kind: type[AdaptorError]) -> None:
    """A new error makes this fail until somebody decides."""
    internal = status_of(made(kind)) is grpc.StatusCode.INTERNAL
    assert internal == (kind in NEVER_IN_A_CALL)


def test_the_nearest_class_decides() -> None:
    """A job that Flink does not know is a trouble with Flink."""
    assert status_of(made(errors.UnknownJobError)) is STATUS_OF[errors.FlinkError]
