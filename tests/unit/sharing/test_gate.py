"""What peers see: every rule on every field, joinable where it should be, and nothing where it should not."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from adaptor.domain.checks import LONGEST_S, SHORTEST_S
from adaptor.domain.context import ExecutionContext
from adaptor.domain.observation import Observation
from adaptor.domain.shared import harmless
from adaptor.domain.statistics import FlinkStatistics
from adaptor.errors import InvalidValueError
from adaptor.sharing.contributions import contribution_payloads, read_contribution
from adaptor.sharing.filter import ALLOWED, Action, parse_filter
from adaptor.sharing.gate import Gate, coarse_text, preview

CONTEXT = ExecutionContext(
    program="kmeans",
    parameters={"k": "8", "init": "random"},
    data={"rows": "3367760", "customer": "Miller & Sons"},
    node_type="c5.xlarge",
)


def gate(text: str = "", *, salt: bytes = b"s" * 32, secret: bytes = b"k" * 32) -> Gate:
    """The gate of a settings text."""
    return Gate(filter=parse_filter(text, field="sharing.filter"), salt=salt, secret=secret)


def observation(
    *,
    superstep: int = 1,
    duration_s: float = 15.625,
    utilisation: float | None = 0.8765,
    context: ExecutionContext = CONTEXT,
) -> Observation:
    """One superstep of a run that may be shared."""
    return Observation(
        observation_id=f"secret-run/{superstep}/1",
        run_id="secret-run",
        superstep=superstep,
        attempt=1,
        context=context,
        planned_parallelism=4,
        requested_parallelism=4,
        observed_parallelism=4,
        duration_s=duration_s,
        cold=superstep == 1,
        failed=False,
        shareable=True,
        flink=FlinkStatistics(cpu_utilisation=utilisation),
    )


class TestTheDefault:
    """What nobody asked to change."""

    def test_it_keeps_what_contexts_are_joined_on(self) -> None:
        """Algorithm, parameters, node type and version are as they are."""
        shared = gate().shared_context(CONTEXT, flink_version="2.3.0")
        assert (shared.algorithm, shared.node_type, shared.flink_version) == ("kmeans", "c5.xlarge", "2.3.0")
        assert shared.parameters == CONTEXT.parameters

    def test_it_coarsens_numbers_of_the_data_and_hashes_its_texts(self) -> None:
        """A text is no number, and what cannot be coarsened is not kept instead."""
        shared = gate().shared_context(CONTEXT)
        assert shared.data["rows"] == "3400000"
        assert shared.data["customer"].startswith("h:")

    def test_it_hides_the_id_of_the_run(self) -> None:
        """But equal runs stay equal, so that two batches of one run belong together."""
        assert gate().shared_run("secret-run") == gate().shared_run("secret-run") != "secret-run"
        assert gate().shared_run("secret-run").startswith("h:")

    def test_it_keeps_durations_to_the_last_bit(self) -> None:
        """Utilisation is coarsened."""
        shared = gate().shared_observation(observation(duration_s=15.6250001))
        assert (shared.duration_s, shared.cpu_utilisation) == (15.6250001, 0.88)


class TestJoining:
    """Contexts of two peers are compared behind the gate."""

    def test_own_contexts_match_those_of_a_peer_with_the_same_rules(self) -> None:
        """Whatever the peer's secret and Flink."""
        rules = "algorithm=hash, parameters.*=hash, data.*=hash, node_type=hash"
        mine, yours = gate(rules), gate(rules, secret=b"other")
        assert mine.shared_context(CONTEXT).key == yours.shared_context(CONTEXT, flink_version="1.20.5").key

    def test_without_a_filter_on_it_the_key_is_that_of_the_own_context(self) -> None:
        """So an index may hold both."""
        assert gate("data.*=keep").shared_context(CONTEXT).key == CONTEXT.key

    def test_under_another_salt_nothing_matches(self) -> None:
        """Nobody joins two logs on hashes."""
        assert gate().shared_context(CONTEXT).data != gate(salt=b"t" * 32).shared_context(CONTEXT).data

    def test_equal_values_of_two_fields_have_different_hashes(self) -> None:
        """A customer who is a node type as well is not found out."""
        context = replace(CONTEXT, data={"a": "same", "b": "same"})
        assert len(set(gate("data.*=hash").shared_context(context).data.values())) == 2

    def test_sizes_that_are_alike_become_the_same(self) -> None:
        """However they were written."""
        sizes = ("3367760", "3400001.0", "3.41e6", " 3390000 ")
        contexts = [replace(CONTEXT, data={"rows": size}) for size in sizes]
        assert {gate().shared_context(one).data["rows"] for one in contexts} == {"3400000"}


class TestRules:
    """One rule for one field."""

    def test_a_pair_follows_its_own_rule_before_that_of_its_group(self) -> None:
        """In whatever order they are written."""
        for text in ("data.customer=drop, data.*=keep", "data.*=keep,data.customer=drop"):
            assert gate(text).shared_context(CONTEXT).data == {"rows": "3367760"}

    def test_a_dropped_pair_takes_its_key_with_it(self) -> None:
        """A key may be telling, too."""
        assert gate("parameters.*=drop").shared_context(CONTEXT).parameters == {}

    def test_a_kept_value_that_looks_like_a_hash_is_hashed(self) -> None:
        """So nobody takes a text for a hash."""
        shared = gate("data.*=keep").shared_context(replace(CONTEXT, data={"a": "h:0123456789abcdef"}))
        assert shared.data["a"] != "h:0123456789abcdef"

    def test_a_kept_name_too_long_for_the_log_is_hashed(self) -> None:
        """Rather than cut, which could make two runs one."""
        assert gate("run=keep").shared_run("r" * 101).startswith("h:")
        assert gate("run=keep").shared_run("r" * 100) == "r" * 100

    def test_control_characters_do_not_leave(self) -> None:
        """Peers would refuse them."""
        shared = gate("data.*=keep").shared_context(replace(CONTEXT, data={"a\x1b[2J": "b\u202ec"}))
        assert shared.data == {"a\ufffd[2J": "b\ufffdc"}

    @given(st.floats(SHORTEST_S, LONGEST_S), st.floats(0.001, 0.5))
    def test_noise_is_drawn_once_for_each_observation(self, duration_s: float, share: float) -> None:
        """Publishing again tells nothing new, and what comes out is still a duration."""
        noisy = gate(f"duration_s=noise:{share}")
        one = observation(duration_s=duration_s)
        assert noisy.shared_observation(one) == noisy.shared_observation(one)
        assert SHORTEST_S <= noisy.shared_observation(one).duration_s <= LONGEST_S

    def test_noise_is_as_wide_as_it_says_and_differs_between_observations_and_machines(self) -> None:
        """The spread of log durations over 2,000 supersteps, within three standard errors."""
        noisy = gate("duration_s=noise:0.1")
        logs = [
            math.log(noisy.shared_observation(observation(superstep=number, duration_s=1.0)).duration_s)
            for number in range(1, 2001)
        ]
        mean = sum(logs) / 2000
        spread = math.sqrt(sum((one - mean) ** 2 for one in logs) / 2000)
        assert abs(mean) < 3 * 0.1 / math.sqrt(2000)
        assert spread == pytest.approx(0.1, rel=0.05)
        other = gate("duration_s=noise:0.1", secret=b"other").shared_observation(observation())
        assert other != noisy.shared_observation(observation())

    @pytest.mark.parametrize("value", [math.nan, math.inf, -0.1, 1e9])
    def test_what_is_no_utilisation_is_unknown(self, value: float) -> None:
        """Flink's metrics hold such values at times."""
        assert gate().shared_observation(observation(utilisation=value)).cpu_utilisation is None

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=None).map(str), st.integers(1, 15))
    def test_coarsening_twice_is_coarsening_once(self, text: str, digits: int) -> None:
        """And keeps a number within half a unit of its last digit."""
        assume((coarse := coarse_text(text, digits=digits)) is not None)
        assert coarse is not None
        assert coarse_text(coarse, digits=digits) == coarse
        assert float(coarse) == pytest.approx(float(text), rel=0.51 * 10 ** (1 - digits), abs=0)
        assert len(coarse) <= 40

    @pytest.mark.parametrize("text", ["nan", "inf", "1_000", "٣", "1e9999", "3 GB", "0x10", "", "1e400000000", "--1"])
    def test_what_only_looks_like_a_number_is_not_coarsened(self, text: str) -> None:
        """It is hashed then."""
        assert coarse_text(text, digits=2) is None


class TestParsing:
    """The settings text."""

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("duration_s", "is no rule"),
            ("colour=drop", "is no field"),
            ("data=drop", "is no field"),
            ("data.=drop", "is no field"),
            ("data.a=forget", "keep, drop, coarsen, hash"),
            ("algorithm=drop", "keep, hash"),
            ("duration_s=hash", "keep, coarsen, noise"),
            ("data.a=noise", "keep, drop, coarsen, hash"),
            ("data.a=coarsen:0", "1 to 15 digits"),
            ("data.a=coarsen:two", "1 to 15 digits"),
            ("duration_s=noise:2", "a share up to 0.5"),
            ("duration_s=noise:nan", "a share up to 0.5"),
            ("run=hash:3", "others take nothing"),
            ("run=hash, run=drop", "two rules"),
        ],
    )
    def test_an_error_names_the_setting_and_what_would_be_right(self, text: str, problem: str) -> None:
        """And the field within it."""
        with pytest.raises(InvalidValueError, match=problem) as error:
            parse_filter(text, field="sharing.filter")
        assert error.value.field == "sharing.filter"

    def test_a_filter_is_written_as_it_is_read(self) -> None:
        """With its defaults said."""
        parsed = parse_filter("data.a=b=hash, duration_s=noise:0.02, data.*=coarsen:3", field="f")
        assert parse_filter(str(parsed), field="f").rule("data.a=b").action is Action.HASH
        assert str(parse_filter(str(parsed), field="f")) == str(parsed)

    @pytest.mark.parametrize("name", ALLOWED)
    def test_every_field_has_a_default_that_is_allowed_for_it(self, name: str) -> None:
        """The table of defaults is complete."""
        assert parse_filter("", field="f").rule(name).action in ALLOWED[name]


class TestPreview:
    """What `adaptor share preview` prints."""

    def test_it_shows_both_sides_of_the_gate(self) -> None:
        """A dropped field is nothing behind it."""
        rows = {
            row.name: row
            for row in preview(
                observation(),
                gate=gate("data.customer=drop, duration_s=coarsen:2"),
                run="secret-run",
                flink_version="2.3.0",
            )
        }
        assert (rows["data.rows"].before, rows["data.rows"].after) == ("3367760", "3400000")
        assert (rows["data.customer"].before, rows["data.customer"].after) == ("Miller & Sons", None)
        assert (rows["duration_s"].before, rows["duration_s"].after) == ("15.625", "16.0")
        assert (rows["duration_s"].rule, rows["superstep"].rule) == ("coarsen:2", "always")

    def test_it_shows_exactly_what_is_published(self) -> None:
        """Every text behind the gate is in the payload, and no other."""
        one, the_gate = observation(), gate("data.customer=hash, data.*=coarsen:3, node_type=drop")
        batch = read_contribution(
            contribution_payloads([one], gate=the_gate, flink_version="2.3.0", run=one.run_id, batch=1)[0], batch=1
        )
        shown = {
            row.name: row.after
            for row in preview(one, gate=the_gate, run=one.run_id, flink_version="2.3.0")
            if row.after
        }
        context, (measured,) = batch.context, batch.observations
        assert shown == {
            "algorithm": context.algorithm,
            **{f"parameters.{key}": value for key, value in context.parameters.items()},
            **{f"data.{key}": value for key, value in context.data.items()},
            "flink_version": context.flink_version,
            "run": batch.run,
            "duration_s": str(measured.duration_s),
            "cpu_utilisation": str(measured.cpu_utilisation),
            "superstep": str(measured.superstep),
            "parallelism": str(measured.parallelism),
            "cold": str(measured.cold).lower(),
            "measurement": measured.measurement.value,
        }


SECRET_TEXT = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=20).map(
    lambda text: f"Zz{text}zZ"
)
"""Texts that neither a hash nor a name of a field can contain by chance."""

HIDING = st.sampled_from(("drop", "hash", "coarsen"))


@given(
    st.dictionaries(st.from_regex(r"[a-y]{1,8}", fullmatch=True), st.tuples(SECRET_TEXT, HIDING), max_size=8),
    st.dictionaries(st.from_regex(r"[a-y]{1,8}", fullmatch=True), st.tuples(SECRET_TEXT, HIDING), max_size=8),
    SECRET_TEXT,
    SECRET_TEXT,
    st.sampled_from(("drop", "hash")),
)
def test_no_hidden_text_is_ever_in_the_bytes_that_leave(
    parameters: dict[str, tuple[str, str]],
    data: dict[str, tuple[str, str]],
    node_type: str,
    run: str,
    rule: str,
) -> None:
    """Dropped, hashed or coarsened, in any field, as it is or as peers would be shown it."""
    context = ExecutionContext(
        program="Zzalgorithm",
        parameters={key: value for key, (value, _) in parameters.items()},
        data={key: value for key, (value, _) in data.items()},
        node_type=node_type,
    )
    rules = [f"parameters.{key}={action}" for key, (_, action) in parameters.items()]
    rules += [f"data.{key}={action}" for key, (_, action) in data.items()]
    rules += [f"node_type={rule}", f"run={rule}", "algorithm=hash", f"flink_version={rule}"]
    (payload,) = contribution_payloads(
        [observation(context=context)], gate=gate(", ".join(rules)), flink_version="Zz2.3.0zZ", run=run, batch=8
    )
    hidden = {context.program, *context.parameters.values(), *context.data.values(), node_type, run, "Zz2.3.0zZ"}
    for text in hidden:
        assert text.encode() not in payload
        assert harmless(text).encode() not in payload
    assert b"secret-run" not in payload
    assert b"Zz" not in payload
