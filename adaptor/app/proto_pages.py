"""Reference pages of the gRPC API, one for each file under `protos/`, made from the comments that stand there.

The files are written in one form (a comment right above each declaration, one declaration on a line), which a test of
the architecture keeps, so reading them needs no compiler.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from adaptor.app.protos import ROOT

PROTOS = ROOT / "protos" / "adaptor" / "v1"
PAGES = Path("docs") / "api"

_BLOCK = re.compile(r"(service|message|enum) (\w+) \{(\})?")
_RPC = re.compile(r"rpc (\w+)\((\w+)\) returns \((stream )?(\w+)\);")
_FIELD = re.compile(r"(?P<kind>[\w.<>, ]+?) (?P<name>\w+) = (?P<number>\d+);")
_VALUE = re.compile(r"(\w+) = (\d+);")
_ONEOF = re.compile(r"oneof (\w+) \{")


@dataclass
class Block:
    """A service, message or enumeration.

    Attributes:
        kind: Which of them.
        name: Its name.
        text: What its comment says.
        rows: Of its table: calls, fields or values.
    """

    kind: str
    name: str
    text: str
    rows: list[tuple[str, ...]] = field(default_factory=list)


def pages() -> dict[Path, str]:
    """Every page by its path below the root of the checkout."""
    return {PAGES / f"{proto.stem}.md": page(proto.read_text(), name=proto.name) for proto in sorted(PROTOS.glob("*"))}


def update_pages(root: Path) -> None:
    """Write every page below a checkout's root."""
    (root / PAGES).mkdir(parents=True, exist_ok=True)
    for path, text in pages().items():
        (root / path).write_text(text)


def page(proto: str, *, name: str) -> str:
    """The page of one file.

    Args:
        proto: Its text.
        name: Its name.
    """
    head, _, rest = proto.partition('syntax = "proto3";')
    parts = [f"# {name}", "", "Made from the comments in the file by `adaptor docs`; do not edit.", "", _comment(head)]
    for block in _blocks(rest.splitlines()):
        parts += ["", f"## {block.name}", "", block.text, *_table(block)]
    return "\n".join(parts) + "\n"


def _comment(text: str) -> str:
    return "\n".join(line.removeprefix("//").removeprefix(" ") for line in text.strip().splitlines())


def _blocks(lines: list[str]) -> Iterator[Block]:
    comment: list[str] = []
    block: Block | None = None
    choice = ""
    for line in map(str.strip, lines):
        if line.startswith("//"):
            comment.append(line.removeprefix("//").strip())
            continue
        text, comment = " ".join(comment), []
        if opened := _BLOCK.match(line):
            block = Block(opened[1], opened[2], text)
            if opened[3]:
                yield block
        elif oneof := _ONEOF.match(line):
            choice = oneof[1]
        elif line == "}" and choice:
            choice = ""
        elif line == "}" and block is not None:
            yield block
        elif block is not None and (row := _row(block.kind, line, text, choice)):
            block.rows.append(row)


def _row(kind: str, line: str, text: str, choice: str) -> tuple[str, ...] | None:
    text = text.replace("|", "\\|")
    if kind == "service" and (call := _RPC.match(line)):
        answer = f"stream of {_link(call[4])}" if call[3] else _link(call[4])
        return f"`{call[1]}`", _link(call[2]), answer, text
    if kind == "enum" and (value := _VALUE.match(line)):
        return f"`{value[1]}`", value[2], text
    if kind == "message" and (found := _FIELD.match(line)):
        one_of = f" One of `{choice}`." if choice else ""
        return f"`{found['name']}`", _type(found["kind"]), found["number"], text + one_of
    return None


def _type(kind: str) -> str:
    *words, name = kind.split(" ") if not kind.startswith("map<") else [kind]
    return " ".join([*words, _link(name) if name[0].isupper() else f"`{name}`"])


def _link(name: str) -> str:
    """The name, linked where this page or another has it."""
    home = _home_of(name)
    return f"[{name}]({home}#{name.lower()})" if home else f"`{name}`"


def _home_of(name: str) -> str:
    declared = re.compile(rf"^(?:message|enum) {name} \{{", re.MULTILINE)
    return next((f"{proto.stem}.md" for proto in sorted(PROTOS.glob("*")) if declared.search(proto.read_text())), "")


_HEADS = {
    "service": ("call", "request", "answer", "what it does"),
    "message": ("field", "type", "number", "meaning"),
    "enum": ("value", "number", "meaning"),
}


def _table(block: Block) -> list[str]:
    if not block.rows:
        return []
    head = _HEADS[block.kind]
    rows = [head, ("---",) * len(head), *block.rows]
    return ["", *(f"| {' | '.join(row)} |" for row in rows)]
