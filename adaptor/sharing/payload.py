"""Payloads of entries as messages: read from a peer's bytes, refused with one error, written the same way always."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from google.protobuf.message import DecodeError, Message

from adaptor.errors import InvalidValueError

M = TypeVar("M", bound=Message)


class UnreadablePayloadError(Exception):
    """A payload does not say what its kind should; ends at the indexer as a recorded refusal."""


def parsed(message: M, payload: bytes) -> M:
    """The message, filled from a payload; fields that this version does not know are no fault.

    Raises:
        UnreadablePayloadError: If it is no such message.
    """
    try:
        message.ParseFromString(payload)
    except DecodeError as error:
        raise UnreadablePayloadError(f"no {message.DESCRIPTOR.name}") from error
    return message


def written(message: Message) -> bytes:
    """The message as bytes, the same ones whenever it holds the same."""
    return message.SerializeToString(deterministic=True)


def require_count(name: str, count: int, *, most: int) -> None:
    """Refuse a list that is empty or too long.

    Raises:
        UnreadablePayloadError: If there are not 1 to `most`.
    """
    if not 1 <= count <= most:
        raise UnreadablePayloadError(f"{name}: must be 1 to {most}, got {count}")


@contextmanager
def reading() -> Iterator[None]:
    """Turns the refusal of a value into that of the payload it was read from."""
    try:
        yield
    except InvalidValueError as error:
        raise UnreadablePayloadError(str(error)) from error
