"""Every decoder that a peer's bytes reach, with good bytes to start from and the errors it may refuse others with.

A new decoder is one more item in `decoders`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from adaptor.api.v1 import peers_pb2
from adaptor.domain.shared import Measurement, SharedBatch, SharedContext, SharedObservation
from adaptor.domain.verdict import Assessment, Finding, Judgement, Verdict
from adaptor.errors import InvalidValueError
from adaptor.sharing.certificates import ForeignCertificateError, certificate_peer, server_credentials
from adaptor.sharing.contributions import read_contribution, write_contribution
from adaptor.sharing.core import wire
from adaptor.sharing.core.cid import cid_of
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.entry import Entry, Kind, read_entry, signed
from adaptor.sharing.core.limits import LogLimits
from adaptor.sharing.core.manifest import Manifest, read_manifest
from adaptor.sharing.core.messages import Announcement, Position
from adaptor.sharing.core.refusal import RefusedEntryError
from adaptor.sharing.identity import Identity
from adaptor.sharing.invitation import Invitation, parse_invitation
from adaptor.sharing.kubo.messages import MessageReader
from adaptor.sharing.payload import UnreadablePayloadError
from adaptor.sharing.residual import KnownObservation
from adaptor.sharing.statements import (
    Membership,
    MembershipOperation,
    read_membership,
    read_validation,
    read_withdrawal,
    write_membership,
    write_validation,
    write_withdrawal,
)
from adaptor.sharing.validators import judge

_KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
_AUTHOR = _KEY.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
_LIMITS = LogLimits()
_MANIFEST = Manifest(name="fuzzed", founder=_AUTHOR, writers=(b"w" * 32, b"v" * 32), quorum=2, salt=b"s" * 32)
_LOG = _MANIFEST.log_id
_TARGETS = tuple(cid_of(bytes((number,))) for number in range(3))
_NOW_S = 1_700_000_000.0
_POSITION = Position(b"e" * wire.EPOCH_BYTES, 12)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoder:
    """One way in for a peer's bytes.

    Attributes:
        name: For the report.
        decode: Takes bytes; what it returns does not matter.
        refusals: Errors by which it may refuse them.
        seeds: Bytes that it takes.
    """

    name: str
    decode: Callable[[bytes], object]
    refusals: tuple[type[Exception], ...]
    seeds: tuple[bytes, ...]


@cache
def decoders() -> tuple[Decoder, ...]:
    """All of them."""
    return (*_blocks(), *_payloads(), *_messages(), *_edges())


def _blocks() -> tuple[Decoder, ...]:
    return (
        Decoder(
            name="entry",
            decode=lambda data: read_entry(data, log=_LOG, limits=_LIMITS),
            refusals=(RefusedEntryError,),
            seeds=_entries(),
        ),
        Decoder(
            name="manifest",
            decode=read_manifest,
            refusals=(MalformedBlockError,),
            seeds=(_MANIFEST.block, replace(_MANIFEST, writers=None).block),
        ),
    )


def _payloads() -> tuple[Decoder, ...]:
    refusals = (UnreadablePayloadError,)
    return (
        Decoder(name="contribution", decode=_judged, refusals=refusals, seeds=_contributions()),
        Decoder(
            name="validation",
            decode=lambda data: read_validation(data, batch=_LIMITS.batch),
            refusals=refusals,
            seeds=(write_validation(_verdicts()[:1]), write_validation(_verdicts())),
        ),
        Decoder(
            name="withdrawal",
            decode=lambda data: read_withdrawal(data, batch=_LIMITS.batch),
            refusals=refusals,
            seeds=(write_withdrawal(_TARGETS[:1]), write_withdrawal(_TARGETS)),
        ),
        Decoder(
            name="membership",
            decode=read_membership,
            refusals=refusals,
            seeds=tuple(
                write_membership(Membership(operation=one, key=b"w" * 32, through_number=300))
                for one in MembershipOperation
            ),
        ),
    )


def _messages() -> tuple[Decoder, ...]:
    refusals = (wire.MalformedMessageError,)
    announcement = Announcement(
        heads=((_TARGETS[0], 3), (_TARGETS[1], 70_000)),
        position=_POSITION,
        blocks=_entries()[:1],
        address="peer.example:7443",
        peers=(("ab" * 32, "[::1]:7443"),),
    )
    page = peers_pb2.PullResponse(blocks=_entries(), position=wire.write_position(_POSITION), more=True)
    return (
        Decoder(
            name="announcement",
            decode=lambda data: wire.read_announcement(_LOG, wire.parsed(peers_pb2.Announcement, data)),
            refusals=refusals,
            seeds=(wire.write_announcement(_LOG, announcement).SerializeToString(),),
        ),
        Decoder(
            name="page",
            decode=lambda data: wire.read_page(wire.parsed(peers_pb2.PullResponse, data)),
            refusals=refusals,
            seeds=(page.SerializeToString(),),
        ),
        Decoder(
            name="pull",
            decode=lambda data: wire.read_position(wire.parsed(peers_pb2.PullRequest, data).after),
            refusals=refusals,
            seeds=(peers_pb2.PullRequest(log=_LOG, after=wire.write_position(_POSITION)).SerializeToString(),),
        ),
        Decoder(
            name="fetch",
            decode=lambda data: wire.read_cids(wire.parsed(peers_pb2.FetchRequest, data).cids, most=2),
            refusals=refusals,
            seeds=(peers_pb2.FetchRequest(log=_LOG, cids=_TARGETS[:2]).SerializeToString(),),
        ),
        Decoder(
            name="fetched",
            decode=lambda data: wire.read_blocks(wire.parsed(peers_pb2.FetchResponse, data).blocks),
            refusals=refusals,
            seeds=(peers_pb2.FetchResponse(blocks=_entries()).SerializeToString(),),
        ),
        Decoder(
            name="description",
            decode=lambda data: read_manifest(wire.parsed(peers_pb2.DescribeResponse, data).manifest),
            refusals=(*refusals, MalformedBlockError),
            seeds=(peers_pb2.DescribeResponse(manifest=_MANIFEST.block).SerializeToString(),),
        ),
    )


def _edges() -> tuple[Decoder, ...]:
    invitation = Invitation(
        log_id=_LOG,
        peers=(("ab" * 32, "10.0.0.7:4401"), ("cd" * 32, "[::1]:4401")),
        secret=b"z" * 32,
        swarm=("/ip4/10.0.0.7/tcp/4001/p2p/12D3KooW",),
        swarm_key=b"y" * 32,
    )
    shown = x509.load_pem_x509_certificate(server_credentials(Identity(_KEY), now_s=_NOW_S).certificate)
    message = {"from": "12D3KooW", "data": "uAQID", "seqno": "uAAAAAAAAAAE", "topicIDs": ["uL2FkYXB0b3I"]}
    return (
        Decoder(
            name="certificate",
            decode=certificate_peer,
            refusals=(ForeignCertificateError,),
            seeds=(shown.public_bytes(Encoding.DER),),
        ),
        Decoder(
            name="invitation",
            decode=lambda data: parse_invitation(data.decode(errors="replace")),
            refusals=(InvalidValueError,),
            seeds=(invitation.text.encode(), replace(invitation, secret=None, swarm=(), swarm_key=None).text.encode()),
        ),
        Decoder(
            name="swarm_message",
            decode=_swarm_messages,
            refusals=(wire.MalformedMessageError,),
            seeds=(f"{json.dumps(message)}\n".encode(),),
        ),
    )


def _swarm_messages(data: bytes) -> object:
    """Messages of a stream; one that cannot be read is skipped, which counts as a refusal here."""
    reader = MessageReader(max_payload_bytes=1_000)
    found = list(reader.read(data + b"\n"))
    if reader.unreadable:
        raise wire.MalformedMessageError("a line is no message")
    return found


def _entries() -> tuple[bytes, ...]:
    """A first entry and a later one, with every kind of link."""
    first = Entry(
        log=_LOG,
        kind=Kind.CONTRIBUTION,
        author=_AUTHOR,
        number=1,
        previous=None,
        parents=(),
        skips=(),
        height=1,
        at_ms=1_700_000_000_000,
        payload=_contributions()[0],
    )
    links = tuple(sorted(_TARGETS))
    later = replace(first, number=2, previous=links[0], parents=links[:2], skips=links[2:], height=40)
    return signed(first, _KEY).block, signed(later, _KEY).block


def _contributions() -> tuple[bytes, ...]:
    """A short and a long one; every field is set somewhere."""
    context = SharedContext(
        algorithm="kmeans",
        parameters={"k": "8"},
        data={"rows": "3400000", "customer": "h:0123456789abcdef"},
        node_type="c5.xlarge",
        flink_version="2.3.0",
    )
    observations = tuple(
        SharedObservation(
            superstep=number,
            parallelism=2 ** (number % 4),
            scale_out=number if number % 2 else None,
            duration_s=15.603 / number,
            cold=number == 1,
            cpu_utilisation=0.88 if number % 3 else None,
            measurement=Measurement.DRIVER_CLOCK,
        )
        for number in range(1, 13)
    )
    batch = SharedBatch(context=context, run="h:fedcba9876543210", observations=observations)
    return write_contribution(replace(batch, observations=observations[:2])), write_contribution(batch)


def _verdicts() -> tuple[Verdict, ...]:
    finding = Finding(validator="residual", text="9 of 12 durations are off by more than a factor of 2.1")
    return tuple(
        Verdict(target=target, assessment=Assessment(judgement=judgement, findings=(finding,)))
        for target, judgement in zip(_TARGETS, Judgement, strict=True)
    )


def _judged(data: bytes) -> object:
    """What becomes of a contribution: it is read, and if it can be, judged beside two peers, and that can be said."""
    assessment = judge(read_contribution(data, batch=_LIMITS.batch), _rest(), author=_AUTHOR)
    return write_validation([Verdict(target=_TARGETS[0], assessment=assessment)])


@cache
def _rest() -> tuple[KnownObservation, ...]:
    batch = read_contribution(_contributions()[1], batch=_LIMITS.batch)
    return tuple(
        KnownObservation(
            author, "r", batch.context.key, one.superstep, one.parallelism, one.duration_s, one.cold, before=True
        )
        for author in (b"b" * 32, b"c" * 32)
        for one in batch.observations
    )
