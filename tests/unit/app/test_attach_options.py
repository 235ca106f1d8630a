"""What the command line and a file of rules say of attached jobs."""

from __future__ import annotations

import pytest

from adaptor.cli.attach_rules import RuleOptions, rules_in
from adaptor.errors import InvalidValueError


def test_a_file_of_rules_says_the_same_as_the_options(tmp_path):
    """Keys are the names of the options."""
    path = tmp_path / "rules.toml"
    path.write_text(
        '[[rule]]\nselect = "ranks-*"\nlabel = ["team=a"]\ntarget = ["runtime=5m"]\nsupersteps = 40\nshareable = true\n'
        '[[rule]]\ntarget = ["rate=5000", "lag=5s"]\nmax_parallelism = 4\n'
    )
    first, second = rules_in(path)
    assert (first.select, dict(first.labels)) == ("ranks-*", {"team": "a"})
    assert (first.supersteps.runtime_target.target_s, first.supersteps.max_supersteps) == (300.0, 40)
    assert first.supersteps.shareable
    assert (second.target.rate_records_per_s, second.target.max_lag_s, second.bounds.max_parallelism) == (5000, 5.0, 4)
    assert not second.HasField("supersteps")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"target": ("speed=3",)}, "is none of utilisation="),
        ({"target": ("runtime=30s", "rate=3")}, "must be the only one"),
        ({"target": ("runtime=30s", "budget=3")}, "must be the only one"),
        ({"target": ("efficiency=x",)}, "positive number"),
        ({"supersteps": 3}, "--target runtime=300s"),
        ({"target": ("budget=20",), "data": ("rows",)}, "--data"),
        ({"label": ("=a",)}, "--label"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    """The message names the option."""
    with pytest.raises(InvalidValueError, match=message):
        _ = RuleOptions(**options).rule


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no rules"),
        ("[rule]\nselect = 'x'", "has no rules"),
        ("[[rule]]\nselct = 'x'", "there is no 'selct'"),
        ("[[rule]]\ntarget = 'rate=3'", "target cannot be"),
        ("[[rule]]\ntarget = [3]", "target cannot be"),
        ("[[rule]]\nmax_parallelism = -1", "max_parallelism cannot be"),
        ("[[rule]]\nmax_parallelism = true", "max_parallelism cannot be"),
        ("[[rule", "is not TOML"),
    ],
)
def test_a_file_of_rules_that_makes_no_sense_is_refused(tmp_path, text, message):
    """The message names the file and the remedy."""
    path = tmp_path / "rules.toml"
    path.write_text(text)
    with pytest.raises(InvalidValueError, match=message):
        rules_in(path)
    with pytest.raises(InvalidValueError, match="cannot be read"):
        rules_in(tmp_path / "none.toml")
