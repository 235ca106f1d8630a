"""The pages of the API are current, and hold all that the protos say."""

from __future__ import annotations

import re
from pathlib import Path

from adaptor.app.proto_pages import page, pages
from adaptor.app.protos import ROOT

PROTO = """// What it is for.
syntax = "proto3";

package adaptor.v1;

// Calls.
service S {
  // Does it | or not.
  // In two lines.
  rpc Do(DoRequest) returns (stream DoResponse);
}

// Kinds.
enum Kind {
  // None.
  KIND_UNSPECIFIED = 0;
}

// Asks.
message DoRequest {
  // How long, in seconds.
  optional double wait_s = 1;
  // What.
  oneof what {
    // This.
    Plan plan = 2;
  }
  // All of them.
  map<string, string> all = 3;
}

// Says nothing.
message DoResponse {}
"""


def test_the_committed_pages_are_current() -> None:
    """Otherwise `adaptor docs` was forgotten; and no page is left of a proto that is gone."""
    stale = [str(path) for path, text in pages().items() if (ROOT / path).read_text() != text]
    assert stale == []
    assert {path.name for path in (ROOT / "docs" / "api").iterdir()} == {path.name for path in pages()}


def test_a_page_holds_every_declaration_with_its_comment() -> None:
    """Calls, fields with their type and choice, values; links where a page has the type."""
    text = page(PROTO, name="s.proto")
    for part in (
        "# s.proto",
        "What it is for.",
        "| `Do` | `DoRequest` | stream of `DoResponse` | Does it \\| or not. In two lines. |",
        "| `KIND_UNSPECIFIED` | 0 | None. |",
        "| `wait_s` | optional `double` | 1 | How long, in seconds. |",
        "| `plan` | [Plan](runs.md#plan) | 2 | This. One of `what`. |",
        "| `all` | `map<string, string>` | 3 | All of them. |",
        "## DoResponse\n\nSays nothing.",
    ):
        assert part in text


def test_no_declaration_of_the_real_protos_is_left_out() -> None:
    """Counted in the files themselves."""
    for proto in sorted((ROOT / "protos").rglob("*.proto")):
        declared = re.findall(r"^\s*(?:rpc \w+|[\w.<>, ]+ \w+ = \d+;|\w+ = \d+;)", proto.read_text(), re.MULTILINE)
        told = Path(ROOT / "docs" / "api" / f"{proto.stem}.md").read_text()
        assert len(re.findall(r"^\| `", told, re.MULTILINE)) == len(declared), proto.name
