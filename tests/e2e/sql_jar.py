"""A jar whose program runs SQL statements, built with the compiler inside Flink: no JDK is needed."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path

import requests

from adaptor.local.distribution import find_distribution
from adaptor.local.java import find_java

SOURCES = Path(__file__).with_name("java")
PROGRAM = "SqlStatements"
LONGEST_S = 120.0


def built_jar(folder: Path) -> Path:
    """Compile and pack."""
    command = [str(find_java().executable), "-cp", find_distribution().class_path, "org.codehaus.janino.SimpleCompiler"]
    command += [str(SOURCES / "Compile.java"), "Compile", str(SOURCES / f"{PROGRAM}.java"), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_S)
    jar = folder / "statements.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("META-INF/MANIFEST.MF", f"Manifest-Version: 1.0\nMain-Class: {PROGRAM}\n\n")
        archive.write(folder / f"{PROGRAM}.class", f"{PROGRAM}.class")
    return jar


def uploaded(rest_url: str, jar: Path) -> str:
    """Upload a jar and return its id."""
    with jar.open("rb") as file:
        answer = requests.post(f"{rest_url}/jars/upload", files={"jarfile": (jar.name, file)}, timeout=LONGEST_S)
    answer.raise_for_status()
    return str(answer.json()["filename"]).rpartition("/")[2]


def statements(out: Path, *, rate: int, rows: int) -> tuple[str, ...]:
    """A stream with keyed state and a transactional sink."""
    return (
        "CREATE TABLE numbers (id BIGINT, seen_at AS PROCTIME()) WITH ('connector' = 'datagen', "
        f"'rows-per-second' = '{rate}', 'fields.id.kind' = 'sequence', 'fields.id.start' = '1', "
        f"'fields.id.end' = '{rows}')",
        "CREATE TABLE files (id BIGINT, total BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', "
        f"'path' = '{out.as_uri()}', 'sink.rolling-policy.rollover-interval' = '1 s', "
        "'sink.rolling-policy.check-interval' = '1 s')",
        "INSERT INTO files SELECT id, SUM(id) OVER (PARTITION BY MOD(id, 97) ORDER BY seen_at "
        "ROWS BETWEEN 10 PRECEDING AND CURRENT ROW) FROM numbers",
    )
