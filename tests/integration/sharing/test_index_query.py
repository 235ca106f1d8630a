"""SQL of anybody's on the index: what it gives, and that it can do nothing else."""

from __future__ import annotations

import hashlib
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adaptor.errors import InvalidValueError, StateDirectoryError
from adaptor.sharing.index import VIEWS, Index, query, run_query
from adaptor.testing.log_entries import ALICE, BOB, FOUNDER, OWN, Entries, a_batch, a_manifest

MANIFEST = a_manifest()

ENDLESS = "with recursive r (x) as (select 1 union all select x + 1 from r) select"


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An index with one contribution to be seen and one that is withdrawn."""
    path, log = tmp_path_factory.mktemp("index") / "index.db", Entries(MANIFEST)
    cid = log.contribution(ALICE, a_batch("seen", durations_s=(2.5, 1.5), k="8"))
    log.verdict(FOUNDER, cid)
    log.withdrawal(BOB, log.contribution(BOB, a_batch("withdrawn")))
    with closing(Index(path, MANIFEST, OWN)) as index:
        index.apply(log.written)
    return path


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_the_documented_columns_in_their_order(path: Path, view: str) -> None:
    """The documentation is the index's own."""
    assert run_query(path, f"select * from {view}").columns == tuple(VIEWS[view])


@pytest.mark.parametrize(
    ("sql", "rows"),
    [
        (
            "select superstep from observations where algorithm = 'kmeans' and parallelism between 4 and 16 order by 1",
            [(1,), (2,)],
        ),
        ("select count(*) from observations", [(2,)]),
        ("select count(*), avg(duration_s) from observations where standing = 'confirmed'", [(2, 2.0)]),
        ("select parameters ->> 'k' as k, sum(cold) from observations group by k", [("8", 1)]),
        ("select j.key, j.value from contributions, json_each(parameters) j", [("k", "8")]),
        ("select judgement from observations join verdicts using (contribution) limit 1", [("valid",)]),
        ("with o as (select duration_s d from observations) select min(d) from o", [(1.5,)]),
        ("select superstep, rank() over (order by duration_s) from observations order by superstep", [(1, 2), (2, 1)]),
        ("select run from observations where run = 'withdrawn'", []),
        ("/* a comment */ select upper('a') -- another", [("A",)]),
        (f"{ENDLESS} count(*) from (select x from r limit 100)", [(100,)]),
    ],
)
def test_selects_of_all_kinds_are_answered(path: Path, sql: str, rows: list[tuple[object, ...]]) -> None:
    """It is SQLite's own SQL."""
    assert list(run_query(path, sql).rows) == rows


def test_placeholders_take_values(path: Path) -> None:
    """By name or in order."""
    for parameters in (["seen"], {"run": "seen"}):
        sql = "select count(*) from observations where run = " + ("?" if isinstance(parameters, list) else ":run")
        assert run_query(path, sql, parameters=parameters).rows == ((2,),)


def test_a_result_is_cut_off_and_says_so(path: Path) -> None:
    """At the number of rows, or of bytes."""
    assert run_query(path, f"{ENDLESS} x from r", max_rows=3).truncated
    assert not run_query(path, "select * from observations", max_rows=2).truncated
    large = run_query(path, f"{ENDLESS} hex(zeroblob(500000)) from r", max_rows=10**6)
    assert large.truncated
    assert 60 <= len(large.rows) <= 68


def test_columns_have_different_names(path: Path) -> None:
    """So that programs can tell them apart."""
    assert run_query(path, "select 1 as a, 2 as a, 3 as a_2, 4 as a").columns == ("a", "a_2", "a_2_2", "a_3")


@pytest.mark.parametrize(
    "sql",
    [
        "select * from _ix_entries",
        'select * from "_IX_batches"',
        "select * from [_ix_view_observations]",
        "with observations as (select * from _ix_batches) select * from observations",
        "with _ix_view_peers as (select * from _ix_batches) select * from _ix_view_peers",
        "select '_ix_'",
    ],
)
def test_names_of_tables_cannot_be_written(path: Path, sql: str) -> None:
    """Not even where they would mean nothing."""
    with pytest.raises(InvalidValueError, match="may not occur"):
        run_query(path, sql)


@pytest.mark.parametrize(
    "sql",
    [
        "select * from sqlite_master",
        "select * from main.sqlite_schema",
        "select count(*) from sqlite_master",
        "select * from sqlite_stat1",
        "with observations as (select * from sqlite_master) select * from observations",
        "select * from pragma_table_list",
        "select * from pragma_table_info('observations')",
        "select * from dbstat",
        "pragma query_only = off",
        "pragma writable_schema = on",
        "attach 'other.db' as other",
        "attach ':memory:' as other",
        "detach main",
        "vacuum",
        "vacuum into 'copy.db'",
        "analyze",
        "reindex",
        "begin",
        "savepoint a",
        "commit",
        "create table a (b)",
        "create temp table a (b)",
        "create temp view a as select 1",
        "create virtual table a using fts5(b)",
        "create trigger a instead of insert on peers begin select 1; end",
        "drop view peers",
        "alter table peers rename to a",
        "delete from observations",
        "update observations set duration_s = 0",
        "insert into peers values (1)",
        "replace into peers values (1)",
        "with a as (select 1) delete from peers",
        "select load_extension('a')",
        "select readfile('/etc/passwd')",
        "select writefile('/tmp/a', 'b')",
        "select edit('a')",
        "select fts3_tokenizer('a')",
        "select sqlite_compileoption_get(1)",
        "select random() from observations",
        "select randomblob(10)",
        "select last_insert_rowid()",
        "select * from generate_series(1, 10)",
        "select * from bytecode('select 1')",
    ],
)
def test_nothing_but_reading_the_views_is_allowed(path: Path, sql: str) -> None:
    """Whatever the means; and the file stays the same to the byte."""
    before = hashlib.sha256(path.read_bytes()).digest()
    with pytest.raises(InvalidValueError, match=r"^sql: "):
        run_query(path, sql)
    assert hashlib.sha256(path.read_bytes()).digest() == before
    assert sorted(one.name for one in path.parent.iterdir()) == ["index.db"] or path.with_name("index.db-wal").exists()


@pytest.mark.parametrize(
    ("sql", "hint"),
    [
        ("select foo from observations", r"no such column: foo; observations has algorithm, .*contributed_at$"),
        ("select foo from peers", "no such column: foo; peers has peer, "),
        ("select * from observation", "no such table: observation; there are observations, contributions"),
        ("select frobnicate(1)", "no such function: frobnicate"),
        ("selec 1", 'near "selec": syntax error'),
        ("", "is empty; write one SELECT"),
        ("-- nothing", "is empty; write one SELECT"),
        ("select 1; select 2", "write one SELECT"),
        ("select ?", "1, and there are 0 supplied"),
        ("select 'a\0b'", "control characters"),
        ("select '\ud800'", "control characters"),
        ("select 1" + " " * 100_000, "at most 100000 characters"),
        ("select (" * 200 + "1" + ")" * 200, "^sql: "),
        ("select delete", "^sql: near"),
    ],
)
def test_a_mistake_is_explained(path: Path, sql: str, hint: str) -> None:
    """With what would be right, where that can be said."""
    with pytest.raises(InvalidValueError, match=hint):
        run_query(path, sql)


@pytest.mark.parametrize(
    "sql",
    [
        f"{ENDLESS} count(*) from r",
        f"{ENDLESS} x from r where x < 0",
        "with recursive r (x) as (select 1 union select x + 1 from r) select max(x) from r",
        f"{ENDLESS} group_concat(x) from (select x from r limit 100000), (select x as y from r limit 1000)",
        "with recursive r (x) as (select 'a' union all select x || x from r) select count(*) from r where x = ''",
        "select count(*) from " + ", ".join(f"observations o{n}" for n in range(30)) + " where o1.run <> o2.run || 1",
    ],
)
def test_bombs_end_in_time(path: Path, sql: str) -> None:
    """Within the bound, or sooner for want of memory; nobody waits for them."""
    began_s = time.monotonic()
    with pytest.raises(InvalidValueError, match=r"longer than 0\.3 s|too big|memory"):
        run_query(path, sql, max_s=0.3)
    assert time.monotonic() - began_s < 30  # a guard against hanging, not a measurement


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python cannot limit single values before 3.11")
@pytest.mark.parametrize(
    "sql",
    [
        "select zeroblob(100000000)",
        "select replace(hex(zeroblob(10000)), '0', hex(zeroblob(10000)))",
        "select " + ", ".join(["1"] * 200),
        "select '" + "a" * 90_000 + "' like '" + "%a" * 300 + "'",
    ],
)
def test_single_values_and_statements_stay_small(path: Path, sql: str) -> None:
    """Whatever functions could make of them."""
    with pytest.raises(InvalidValueError, match=r"^sql: "):
        run_query(path, sql)


def test_texts_that_are_none_are_shown_all_the_same(path: Path) -> None:
    """SQL can make bytes that are no text."""
    assert run_query(path, "select cast(x'ff41' as text), x'ff'").rows == (("\ufffdA", b"\xff"),)


def test_without_an_index_it_says_so(tmp_path: Path) -> None:
    """Rather than making one."""
    with pytest.raises(StateDirectoryError, match=r"holds no index\.db yet"):
        run_query(tmp_path / "index.db", "select 1")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("bounds", [{"max_rows": 0}, {"max_s": 0.0}, {"max_s": float("nan")}])
def test_bounds_must_make_sense(path: Path, bounds: dict[str, float]) -> None:
    """No row or no time is no query."""
    with pytest.raises(InvalidValueError, match="max_"):
        run_query(path, "select 1", **bounds)  # type: ignore[arg-type]


def test_a_query_sees_what_was_applied_last_while_the_index_is_kept(tmp_path: Path) -> None:
    """Whole steps, and none that is not done."""
    log = Entries(MANIFEST)
    path = tmp_path / "index.db"
    with closing(Index(path, MANIFEST, OWN)) as index:
        for number in range(3):
            log.contribution(ALICE)
            index.apply(log.written)
            assert run_query(path, "select count(*) from contributions").rows == ((number + 1,),)

        def entries() -> Iterator[object]:
            for one in log.written[:2]:
                yield one
                assert run_query(path, "select count(*) from contributions").rows == ((3,),)

        index.rebuild(entries())  # type: ignore[arg-type]
        assert run_query(path, "select count(*) from contributions").rows == ((2,),)


def test_every_function_that_is_allowed_only_computes() -> None:
    """The list names nothing that SQLite itself calls unsafe, and most of what it calls harmless."""
    with closing(sqlite3.connect(":memory:")) as db:
        # 0x80000 marks what may not be used by a schema that somebody else wrote, 0x200000 what is harmless anywhere.
        known = dict(db.execute("select name, flags from pragma_function_list where builtin").fetchall())
    unsafe = {name for name in query._FUNCTIONS if known.get(name, 0) & 0x80000}
    assert unsafe == set()
    assert not any(re.search("file|load|token|edit|random|sqlite", name) for name in query._FUNCTIONS)
