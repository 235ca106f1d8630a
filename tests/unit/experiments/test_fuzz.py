"""Wrong bytes are made the same way again, get behind the first checks, and what they break is told."""

from __future__ import annotations

import random

import pytest

from adaptor.api.v1 import log_pb2
from adaptor.experiments.block_items import with_one_item_changed
from adaptor.experiments.decoders import Decoder, decoders
from adaptor.experiments.fuzz import Job, tally_of
from adaptor.experiments.mutation import mutated
from adaptor.experiments.wire_fields import LONGEST
from adaptor.sharing.payload import UnreadablePayloadError

DECODERS = {decoder.name: decoder for decoder in decoders()}


def job(name: str, *, inputs: int = 400, seed: int = 1) -> Job:
    """A short chunk."""
    return Job(decoder=name, seed=seed, number=0, inputs=inputs)


@pytest.mark.parametrize("name", DECODERS)
def test_no_decoder_raises_anything_but_its_refusal(name: str) -> None:
    """A short run of what `adaptor bench fuzz` does at length."""
    tally = tally_of(job(name), DECODERS[name])
    assert tally.crashes == []
    assert tally.outcomes


@pytest.mark.parametrize("name", DECODERS)
def test_every_seed_is_taken(name: str) -> None:
    """Else inputs would only ever meet the first check."""
    for seed in DECODERS[name].seeds:
        DECODERS[name].decode(seed)


def test_wrong_bytes_get_behind_the_first_checks() -> None:
    """Of a contribution, many different values are refused, and some changed ones are taken."""
    tally = tally_of(job("contribution", inputs=3000), DECODERS["contribution"])
    assert len(tally.outcomes) > 10
    assert tally.accepted > 50


def test_the_same_seed_makes_the_same_inputs() -> None:
    """So what crashed is found again; none is longer than it may be."""
    seeds = DECODERS["page"].seeds
    first, again = ([mutated(random.Random(3), seeds) for _ in range(200)] for _ in range(2))
    assert first == again
    assert max(map(len, first)) <= LONGEST


def test_any_other_error_is_a_crash_with_its_input() -> None:
    """A reader that takes a peer's word for a duration, planted; the input breaks it again."""

    def trusting(data: bytes) -> float:
        message = log_pb2.Contribution()
        try:
            message.ParseFromString(data)
        except Exception as error:
            raise UnreadablePayloadError("no contribution") from error
        return sum(1 / one.duration_s for one in message.observations)

    planted = Decoder(
        name="trusting",
        decode=trusting,
        refusals=(UnreadablePayloadError,),
        seeds=DECODERS["contribution"].seeds,
    )
    tally = tally_of(job("trusting", inputs=2000), planted)
    assert tally.crash_count >= len(tally.crashes) > 0
    with pytest.raises(ZeroDivisionError):
        trusting(bytes.fromhex(tally.crashes[0].input_hex))


def test_a_panic_of_native_code_is_a_crash_too() -> None:
    """It is raised past `Exception`."""

    class PanicError(BaseException):
        pass

    def panicking(data: bytes) -> None:
        raise PanicError

    tally = tally_of(
        job("panicking", inputs=20), Decoder(name="panicking", decode=panicking, refusals=(), seeds=(b"a",))
    )
    assert (tally.crash_count, len(tally.crashes)) == (20, 10)


def test_blocks_nested_deeper_than_can_be_taken_apart_stay_as_they_are() -> None:
    """Inputs grow from one another; one that is all nesting must not end the fuzzing."""
    nested = b"\xa2" + b"\x61a" + b"\x81" * 900 + b"\x80" + b"\x61b" + b"\x01"
    changed = {with_one_item_changed(random.Random(seed), nested) for seed in range(30)}
    assert nested in changed
