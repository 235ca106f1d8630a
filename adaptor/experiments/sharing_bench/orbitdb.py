"""OrbitDB, measured by a script of its own on the same machine, so that both sets of figures stand in one report.

The script prints one JSON object a line, each with ``n``, ``figure``, ``value`` and ``unit``. Either it is run from a
folder in which its packages are installed, cut off from every network but loopback, as it demands; or lines that it
printed before are read.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from adaptor.errors import InvalidValueError

NAME = "OrbitDB 4.0.0"

SCRIPT = "orbitdb_bench.mjs"
NODE = "node_modules/.bin/node"

LIVE = 200
"""Single records that are timed: as many as of ours."""

STEP_S = 600
"""Longest time of one step of the script: four times what writing 10,000 records took on a busy machine."""

RUN_S = 1800.0
"""Longest time of all of it."""

_LONGEST_LINE_BYTES = 65_536

_APPEND = "append_s"
_NEWCOMER = "newcomer_all_since_dial_s"
_SINGLE = {"median": "live_2peers_median_ms", "max": "live_2peers_max_ms"}
_MEMORY = ("three_writer_rss_mib", "three_newcomer_rss_mib", "three_second_newcomer_rss_mib")
_BYTES_PER_MIB = 1_048_576
_BYTES_PER_MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the script measured; ``None`` where it could not.

    Attributes:
        append_s: One peer writes all records, alone.
        bootstrap_s: From the newcomer's call to the first peer until it holds all.
        single_ms: One record at both other peers: median and most.
        rss_mb: Resident memory of each of three processes in the end.
        lines: Everything that the script said.
    """

    append_s: float | None
    bootstrap_s: float | None
    single_ms: Mapping[str, float | None]
    rss_mb: tuple[float, ...]
    lines: tuple[Mapping[str, object], ...]


async def measured(place: Path, *, records: int, work: Path) -> Measured:
    """Run the script, or read what it printed.

    Args:
        place: Folder with the script and its packages, or a file of its output.
        records: How many records to write.
        work: Folder for the script's databases.

    Raises:
        InvalidValueError: If there is no script, or it measured nothing for so many records.
    """
    said = await asyncio.to_thread(_kept, place)
    return read(await _run(place, records, work) if said is None else said, records=records)


def read(lines: Iterable[str], *, records: int) -> Measured:
    """What lines of the script say about so many records.

    Raises:
        InvalidValueError: If nothing.
    """
    said = tuple(one for line in lines if (one := _parsed(line)) is not None and one.get("n", records) == records)
    values = {str(one.get("figure")): one.get("value") for one in said}
    if _APPEND not in values:
        raise InvalidValueError("orbitdb", f"its script measured nothing for {records} records")
    memory = [_number(values.get(name)) for name in _MEMORY]
    return Measured(
        append_s=_number(values[_APPEND]),
        bootstrap_s=_number(values.get(_NEWCOMER)),
        single_ms={name: _number(values.get(figure)) for name, figure in _SINGLE.items()},
        rss_mb=tuple(one * _BYTES_PER_MIB / _BYTES_PER_MB for one in memory if one is not None),
        lines=said,
    )


def _kept(place: Path) -> list[str] | None:
    """Lines that were printed before; ``None`` for a folder, in which the script and its packages must be."""
    if place.is_file():
        return place.read_text().splitlines()
    if not (place / SCRIPT).exists() or not (place / NODE).exists():
        raise InvalidValueError("orbitdb", f"{place} needs {SCRIPT} and, by `npm install`, {NODE}")
    return None


async def _run(folder: Path, records: int, work: Path) -> list[str]:
    process = await asyncio.create_subprocess_exec(
        "unshare",
        "-n",
        "sh",
        "-c",
        'ip link set lo up && exec "$@"',
        "sh",
        str(folder / NODE),
        str(folder / SCRIPT),
        str(records),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "OB": str(folder), "WORK": str(work), "LIVE": str(LIVE), "LIMIT_S": str(STEP_S)},
        limit=_LONGEST_LINE_BYTES,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(), RUN_S)
    finally:
        if process.returncode is None:
            # It ends the peers that it started when it is told to end.
            process.terminate()
            await process.wait()
    return output.decode().splitlines()


def _parsed(line: str) -> Mapping[str, object] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, (int, float)) else None
