"""Values to JSON and back, so that the file can be read with any SQLite browser and by any later version.

A field that a later version drops is ignored when an old row is read; a field that it adds needs a default.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar, get_args

from cattrs.preconf.orjson import OrjsonConverter, make_converter
from cattrs.strategies import configure_tagged_union

from adaptor.domain.cluster_news import ClusterEvent
from adaptor.domain.effects import Effect, ReleaseSlots, RequestRescale
from adaptor.domain.events import Event
from adaptor.domain.objective import Objective

T = TypeVar("T")

TAG = "type"


def _make_converter() -> OrjsonConverter:
    converter = make_converter()
    for union in (Objective, Event, RequestRescale | ReleaseSlots, ClusterEvent):
        configure_tagged_union(union, converter, tag_name=TAG)
    # Mappings are plain dictionaries in JSON and here, whatever their values are.
    converter.register_structure_hook_func(
        lambda kind: getattr(kind, "__origin__", None) is Mapping,
        lambda value, kind: {key: converter.structure(one, get_args(kind)[1]) for key, one in value.items()},
    )
    return converter


_CONVERTER = _make_converter()


def dumps(value: object, kind: object) -> bytes:
    """JSON of a value.

    Args:
        value: A domain value.
        kind: Its type, or the union it belongs to; a union's members are told apart by their name.
    """
    return _CONVERTER.dumps(value, unstructure_as=kind)


def loads(text: bytes | str, kind: type[T]) -> T:
    """The value of a JSON text.

    Raises:
        Exception: cattrs' or orjson's own, if the text is not such a value; the caller knows which file is damaged.
    """
    return _CONVERTER.loads(text, kind)


def event_json(event: Event) -> bytes:
    """JSON of an event."""
    return dumps(event, Event)


def event_of(text: bytes | str) -> Event:
    """The event of a JSON text."""
    return _CONVERTER.loads(text, Event)  # type: ignore[arg-type]  # a union is not a `type` to mypy


def slot_effect_json(effect: Effect) -> bytes:
    """JSON of an effect that reaches outside."""
    return dumps(effect, RequestRescale | ReleaseSlots)


def slot_effect_of(text: bytes | str) -> RequestRescale | ReleaseSlots:
    """The effect of a JSON text."""
    return _CONVERTER.loads(text, RequestRescale | ReleaseSlots)  # type: ignore[arg-type]
