"""Commands around who may call a service: tokens, certificates, and a small authority where there is none."""

from __future__ import annotations

import json
import time
from datetime import datetime, timezone
from pathlib import Path

import click
from rich.table import Table

from adaptor.access.access_file import AccessFile, NewCaller
from adaptor.access.certificates import Authority, Pair, fingerprint_of, write_pair
from adaptor.access.entries import Entry
from adaptor.access.private_file import read_private, write_private
from adaptor.access.roles import Role
from adaptor.cli.options import Duration, config_option, json_option, output, settings_of
from adaptor.errors import InvalidValueError

AUTHORITY_NAME = "ca"
AUTHORITY_LIFETIME = "3650d"
"""As long as a cluster lives; everything it issued falls with it."""

CERTIFICATE_LIFETIME = "365d"
"""A year, after which somebody should look again who still needs one."""

_file = click.option(
    "--file", "path", type=click.Path(path_type=Path, dir_okay=False), help="File of the callers (access.file)."
)
_folder = click.argument("folder", type=click.Path(path_type=Path, file_okay=False))


@click.group()
def access() -> None:
    """Say who may call a service; one that runs takes changes within a second."""


@access.command()
@click.argument("name")
@click.option("--role", type=click.Choice([one.value for one in Role]), required=True, help="What the caller may do.")
@click.option("--expires", type=Duration(), help="How long it counts, for example 90d; for ever if not given.")
@click.option("--certificate", type=click.Path(path_type=Path), help="Known by this certificate, and no token.")
@click.option("--certificate-name", default="", help="Known by this name in a certificate of tls.client_ca, no token.")
@click.option(
    "--token-file", type=click.Path(path_type=Path), help="Write the token here, of mode 600; do not print it."
)
@_file
@config_option
def add(
    name: str,
    role: str,
    expires: float | None,
    certificate: Path | None,
    certificate_name: str,
    token_file: Path | None,
    path: Path | None,
    config_file: Path | None,
) -> None:
    """Let NAME in. Its token is printed once and kept nowhere; a second one may take the first one's place."""
    if sum((certificate is not None, bool(certificate_name), token_file is not None)) > 1:
        raise InvalidValueError("certificate", "give one of --certificate, --certificate-name and --token-file")
    new = NewCaller(name=name, role=Role(role), expires_at_s=None if expires is None else time.time() + expires)
    file = _opened(path, config_file)
    if certificate is not None or certificate_name:
        fingerprint = "" if certificate is None else fingerprint_of(certificate)
        entry = file.add_certificate(new, fingerprint=fingerprint, name=certificate_name)
        click.echo(f"{name} is let in as {role} with that certificate (credential {entry.entry_id})", err=True)
        return
    token = file.add_token(new)
    if token_file is not None:
        write_private(token_file, f"{token}\n".encode(), field="token_file")
        click.echo(f"{name} is let in as {role} with the token in {token_file}", err=True)
        return
    click.echo(token)
    click.echo(
        f"{name} is let in as {role} with this token, which is not shown again; keep it in a file of mode 600", err=True
    )


@access.command("list")
@_file
@config_option
@json_option
def list_(path: Path | None, config_file: Path | None, as_json: bool) -> None:
    """List callers with their credentials, those that count no more too."""
    entries, now_s = _opened(path, config_file).entries(), time.time()
    if as_json:
        click.echo(json.dumps([_document(one, now_s) for one in entries]))
        return
    table = Table("credential", "name", "role", "known by", "since", "until", "standing")
    for one in entries:
        until = "" if one.expires_at_s is None else _day(one.expires_at_s)
        since, standing = _day(one.created_at_s), one.standing(now_s).value
        table.add_row(one.entry_id, one.name, one.role.value, _known_by(one), since, until, standing)
    output().print(table)


@access.command()
@click.argument("name")
@_file
@config_option
def revoke(name: str, path: Path | None, config_file: Path | None) -> None:
    """Let NAME, a caller or one credential by its id, in no more."""
    for one in _opened(path, config_file).revoke(name):
        click.echo(f"the {one.proof.value} of {one.name} (credential {one.entry_id}) counts no more", err=True)


@access.command()
@_folder
@click.option("--host", "hosts", multiple=True, required=True, help="Host name or IP address of the service; repeat.")
@click.option("--lifetime", type=Duration(), default=CERTIFICATE_LIFETIME, show_default=True, help="Of the server's.")
def authority(folder: Path, hosts: tuple[str, ...], lifetime: float | str) -> None:
    """Make an authority in FOLDER, where there is none, and a certificate for a service on HOST.

    The service takes `server.pem` and `server.key`, clients take `ca.pem`. `ca.key` issues further certificates: keep
    it away from both.
    """
    issuer = _authority(folder)
    pair = issuer.issue(hosts, client=False, now_s=time.time(), lifetime_s=float(lifetime))
    for path in write_pair(pair, folder, "server"):
        click.echo(f"wrote {path}", err=True)


@access.command()
@_folder
@click.argument("name")
@click.option(
    "--lifetime", type=Duration(), default=CERTIFICATE_LIFETIME, show_default=True, help="Of the certificate."
)
def issue(folder: Path, name: str, lifetime: float | str) -> None:
    """Make a client certificate for NAME from the authority in FOLDER.

    `adaptor access add NAME --role ROLE --certificate-name NAME` lets it in.
    """
    if not (folder / f"{AUTHORITY_NAME}.key").exists():
        raise InvalidValueError("folder", f"{folder} holds no authority; `adaptor access authority` makes one")
    pair = _authority(folder).issue([name], client=True, now_s=time.time(), lifetime_s=float(lifetime))
    for path in write_pair(pair, folder, name):
        click.echo(f"wrote {path}", err=True)


def _authority(folder: Path) -> Authority:
    certificate, key = folder / f"{AUTHORITY_NAME}.pem", folder / f"{AUTHORITY_NAME}.key"
    if key.exists():
        return Authority(Pair(certificate=certificate.read_bytes(), key=read_private(key, field="folder")))
    lifetime_s = Duration().convert(AUTHORITY_LIFETIME, None, None)
    made = Authority.new("adaptor", now_s=time.time(), lifetime_s=lifetime_s)
    for path in write_pair(made.pair, folder, AUTHORITY_NAME):
        click.echo(f"wrote {path}", err=True)
    return made


def _opened(path: Path | None, config_file: Path | None) -> AccessFile:
    named = path or Path(settings_of(config_file)["access.file"])
    if named == Path():
        raise InvalidValueError("file", "name the file of the callers with --file, or set access.file")
    return AccessFile(named.expanduser(), now_s=time.time)


def _document(one: Entry, now_s: float) -> dict[str, object]:
    return {
        "id": one.entry_id,
        "name": one.name,
        "role": one.role.value,
        "known_by": _known_by(one),
        "created_at_s": one.created_at_s,
        "expires_at_s": one.expires_at_s,
        "standing": one.standing(now_s).value,
    }


def _known_by(one: Entry) -> str:
    return one.proof.value if one.proof.value == "token" else f"{one.proof.value} {one.value}"


def _day(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, tz=timezone.utc).strftime("%Y-%m-%d %H:%M")
