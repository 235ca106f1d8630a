"""What a log is: its name, who may write, how many votes decide, its limits. The log's id is the manifest's CID."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields

from adaptor.domain.checks import require_text
from adaptor.domain.shared import harmless
from adaptor.errors import InvalidValueError
from adaptor.sharing.core import dag_cbor
from adaptor.sharing.core.cid import Cid, cid_of
from adaptor.sharing.core.dag_cbor import MalformedBlockError
from adaptor.sharing.core.limits import LogLimits

KEY_BYTES = 32
SALT_BYTES = 32
MAX_NAME = 200
MAX_WRITERS = 10_000
"""Most keys listed in a manifest: about 350 kB, still one message."""
MAX_MANIFEST_BYTES = 524_288

_NAMES = frozenset({"name", "version", "founder", "writers", "quorum", "salt", "limits"})
_LIMITS = frozenset(one.name for one in fields(LogLimits))
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """The rules of one log, never changed: other rules are another log.

    Attributes:
        name: For people.
        founder: Public key of who made it; only he writes membership entries.
        writers: Public keys that may write besides the founder; ``None`` lets anyone write.
        quorum: Votes of members that confirm or refute a contribution.
        salt: Secret of the group's own under which hashed fields are joinable within it and nowhere else.
        limits: Bounds on entries.
    """

    name: str
    founder: bytes
    writers: tuple[bytes, ...] | None
    quorum: int
    salt: bytes
    limits: LogLimits = field(default_factory=LogLimits)

    def __post_init__(self) -> None:
        require_text("name", self.name, max_length=MAX_NAME)
        if harmless(self.name) != self.name:
            raise InvalidValueError("name", "must not hold control characters")
        if self.quorum < 1:
            raise InvalidValueError("quorum", f"must be at least 1, got {self.quorum}")
        if len(self.salt) != SALT_BYTES:
            raise InvalidValueError("salt", f"must have {SALT_BYTES} bytes, got {len(self.salt)}")
        for key in (self.founder, *(self.writers or ())):
            if len(key) != KEY_BYTES:
                raise InvalidValueError("writers", f"a public key has {KEY_BYTES} bytes, got {len(key)}")
        if len(self.writers or ()) > MAX_WRITERS:
            raise InvalidValueError("writers", f"at most {MAX_WRITERS} keys, got {len(self.writers or ())}")

    @property
    def block(self) -> bytes:
        """The manifest as a block."""
        writers = self.writers
        return dag_cbor.mapping(
            {
                "name": dag_cbor.text(self.name),
                "version": dag_cbor.unsigned(VERSION),
                "founder": dag_cbor.byte_string(self.founder),
                "writers": dag_cbor.NULL if writers is None else dag_cbor.array(map(dag_cbor.byte_string, writers)),
                "quorum": dag_cbor.unsigned(self.quorum),
                "salt": dag_cbor.byte_string(self.salt),
                "limits": dag_cbor.mapping({k: dag_cbor.unsigned(v) for k, v in asdict(self.limits).items()}),
            }
        )

    @property
    def log_id(self) -> Cid:
        """The id of the log."""
        return cid_of(self.block)


def read_manifest(block: bytes) -> Manifest:
    """The manifest of a block.

    Raises:
        MalformedBlockError: If it is none, or not canonical.
    """
    if len(block) > MAX_MANIFEST_BYTES:
        raise MalformedBlockError(f"a manifest has at most {MAX_MANIFEST_BYTES} bytes, got {len(block)}")
    value = dag_cbor.fields(dag_cbor.read(block), _NAMES)
    if value["version"] != VERSION:
        raise MalformedBlockError(f"version {value['version']!r} is unknown, this adaptor knows {VERSION}")
    limits = dag_cbor.fields(value["limits"], _LIMITS)
    writers = value["writers"]
    if not isinstance(value["name"], str) or not isinstance(writers, list | None):
        raise MalformedBlockError("name is no text, or writers no list")
    keys = (value["founder"], value["salt"], *(writers or ()))
    if not all(isinstance(key, bytes) for key in keys):
        raise MalformedBlockError("founder, salt and writers must be bytes")
    try:
        manifest = Manifest(
            name=value["name"],
            founder=value["founder"],
            writers=None if writers is None else tuple(writers),
            quorum=dag_cbor.whole_number(value["quorum"], "quorum", least=1),
            salt=value["salt"],
            limits=LogLimits(**{key: dag_cbor.whole_number(limits[key], key, least=1) for key in limits}),
        )
    except InvalidValueError as error:
        raise MalformedBlockError(str(error)) from error
    if manifest.block != block:
        raise MalformedBlockError("not canonical dag-cbor")
    return manifest
