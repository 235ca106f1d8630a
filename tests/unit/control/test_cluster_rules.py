"""Which jobs of a watched cluster are taken up, and by which rule."""

from __future__ import annotations

import pytest

from adaptor.control.cluster_rules import MOST_AT_ONCE, needs_labels, newcomers, rule_for, spec_of
from adaptor.domain.cluster_watch import AttachRule, ClusterWatch
from adaptor.domain.stream_job import JobListed
from adaptor.errors import InvalidValueError

EU = AttachRule(select="orders-eu", dry_run=True)
TEAM = AttachRule(select="orders-*", labels={"team": "a"})
OLD = AttachRule(select="*-old", ignore=True)
REST = AttachRule(select="?anks")


def listed(number: int, state: str = "RUNNING") -> JobListed:
    """One line of a cluster's list."""
    return JobListed(job_id=f"{number:032x}", name="x", state=state, ended=state == "FINISHED")


@pytest.mark.parametrize(
    ("name", "labels", "rule"),
    [
        ("orders-old", {"team": "a"}, None),
        ("orders-eu", {}, EU),
        ("orders-us", {"team": "a", "x": "y"}, TEAM),
        ("orders-us", {"team": "b"}, None),
        ("ranks", {}, REST),
        ("franks", {}, None),
    ],
)
def test_the_first_rule_that_selects_a_job_decides(name, labels, rule):
    """A rule that ignores decides, too; what none selects is left alone."""
    assert rule_for((OLD, EU, TEAM, REST), name, labels) is rule


def test_labels_are_asked_for_only_where_a_rule_of_the_name_wants_some():
    """Each costs a question."""
    assert needs_labels((EU, TEAM), "orders-us")
    assert not needs_labels((EU, TEAM), "ranks")


def test_a_few_jobs_that_run_are_taken_up_at_a_time():
    """Those that begin or have ended are not, nor those that are known."""
    found = {one.job_id: one for one in [listed(number) for number in range(9)]}
    found |= {one.job_id: one for one in (listed(10, "FINISHED"), listed(11, "CREATED"))}
    taken = newcomers(found, {listed(0).job_id})
    assert [one.job_id for one in taken] == [listed(number).job_id for number in range(1, 1 + MOST_AT_ONCE)]


def test_an_attachment_is_called_after_its_job():
    """With the beginning of its id, as many jobs may have one name."""
    watch = ClusterWatch(flink_url="http://here", rules=(EU,), since_s=1.0)
    spec = spec_of(watch, EU, listed(7))
    assert (spec.attachment_id, spec.dry_run, spec.taken_up) == ("x-00000000", True, True)


def test_a_cluster_without_rules_makes_no_sense():
    """Nothing would ever be taken up."""
    with pytest.raises(InvalidValueError, match="rules"):
        ClusterWatch(flink_url="http://here", rules=(), since_s=1.0)
