"""What every attachment store does, on disk and in memory."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adaptor.domain.attachment import Attachment, AttachmentNews, StreamTraits
from adaptor.domain.cluster_watch import AttachRule, ClusterWatch
from adaptor.domain.objective import RuntimeTarget
from adaptor.domain.rescale import Order, Phase, Rescale
from adaptor.domain.stream import AttachmentState, RescaleOutcome, RescaleProof, StreamPlan, StreamReason, VertexPlan
from adaptor.domain.stream_job import ParallelismRange
from adaptor.domain.stream_supersteps import SuperstepProgress, SuperstepSpec, parse_source
from adaptor.engine.ports import AttachmentStore
from adaptor.store.attachments import SqliteAttachmentStore
from adaptor.testing.attachment_store import InMemoryAttachmentStore
from adaptor.testing.streams import a_stream_spec

PLAN = StreamPlan(
    reason=StreamReason.WIDEN,
    text="too narrow",
    vertices=(
        VertexPlan(
            vertex_id="v",
            name="worker",
            parallelism=2,
            previous_parallelism=1,
            target_records_per_s=100.0,
            true_records_per_s=None,
        ),
    ),
    slots=2,
    previous_slots=1,
)
PROOF = RescaleProof(outcome=RescaleOutcome.DONE, text="done", wanted={"v": 2}, observed={"v": 2}, gap_s=0.2)
FULL_SUPERSTEPS = SuperstepSpec(
    objective=RuntimeTarget(target_s=9.0),
    policy="adaptor",
    max_supersteps=40,
    source=parse_source("gauge:superstep").found_at("v", "op.superstep"),
    data={"rows": "7"},
)
FULL = Attachment(
    spec=replace(a_stream_spec(), supersteps=FULL_SUPERSTEPS),
    traits=StreamTraits(job_name="it", flink_version="2.3.0", order=Order.WISH_FIRST, cooldown_s=30.0),
    state=AttachmentState.WATCHING,
    attached_at_s=1.0,
    rescale=Rescale(
        wanted={"v": 2},
        before={"v": 1},
        slots=2,
        slots_before=1,
        order=Order.WISH_FIRST,
        cooldown_s=30.0,
        source_records_per_s=100.0,
        phase=Phase.COMPLETION,
        began_s=2.0,
        phase_s=3.0,
        request_id="r",
    ),
    wish={"v": ParallelismRange(lower=1, upper=2)},
    last_plan=PLAN,
    last_proof=PROOF,
    progress=SuperstepProgress(run_id="r", source=FULL_SUPERSTEPS.source, done=7, reading=3, offset=4, kept={"v": 1}),
)


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[AttachmentStore]:
    """Each store."""
    if request.param == "memory":
        yield InMemoryAttachmentStore()
        return
    made = SqliteAttachmentStore(tmp_path)
    yield made
    made.close()


async def test_what_was_saved_comes_back_as_it_was(store: AttachmentStore) -> None:
    """With the rescale under way, the wish, the plan and the proof; a second save takes its place."""
    await store.save(FULL)
    assert await store.all() == [FULL]
    paused = replace(FULL, state=AttachmentState.PAUSED, rescale=None)
    await store.save(paused)
    assert await store.all() == [paused]


async def test_news_are_read_in_order_from_a_place_on(store: AttachmentStore) -> None:
    """A page at a time; those of another stream are not among them."""
    news = [AttachmentNews(at_s=float(number), text=f"{number}", plan=PLAN) for number in range(3)]
    other = replace(FULL, spec=replace(FULL.spec, attachment_id="other"))
    await store.save(FULL, news[:1])
    await store.save(other, [AttachmentNews(at_s=9.0, text="other")])
    await store.save(FULL, news[1:])
    first = await store.news_after("it", 0, limit=2)
    assert [one for _, one in first] == news[:2]
    assert [one for _, one in await store.news_after("it", first[-1][0], limit=2)] == news[2:]


async def test_gaps_are_kept_for_each_cluster_and_mechanism_newest_first(store: AttachmentStore) -> None:
    """Those of proofs that have one."""
    for gap_s in (0.1, 0.2, 0.3):
        await store.save(FULL, [AttachmentNews(at_s=1.0, text="done", proof=replace(PROOF, gap_s=gap_s))])
    await store.save(FULL, [AttachmentNews(at_s=1.0, text="ignored", proof=replace(PROOF, gap_s=None))])
    assert await store.gaps_s(FULL.spec.flink_url, "wish_first", limit=2) == [0.3, 0.2]
    assert await store.gaps_s(FULL.spec.flink_url, "checkpoint_first", limit=2) == []


async def test_a_watched_cluster_is_kept_until_it_is_dropped(store: AttachmentStore) -> None:
    """Its newest rules count."""
    first = ClusterWatch(flink_url="http://a", rules=(AttachRule(select="x"),), since_s=1.0)
    again = replace(first, rules=(AttachRule(select="y", labels={"team": "b"}, supersteps=FULL_SUPERSTEPS),))
    other = replace(first, flink_url="http://b")
    for one in (other, first, again):
        await store.save_watch(one)
    assert await store.watches() == [again, other]
    await store.drop_watch("http://a")
    await store.drop_watch("http://never")
    assert await store.watches() == [other]


async def test_news_of_a_cluster_are_those_of_all_its_streams(store: AttachmentStore) -> None:
    """In order, each with its stream."""
    here = [replace(FULL, spec=replace(FULL.spec, attachment_id=name)) for name in ("one", "two")]
    there = replace(FULL, spec=replace(FULL.spec, attachment_id="three", flink_url="http://elsewhere"))
    for number, one in enumerate((here[0], there, here[1], here[0])):
        await store.save(one, (AttachmentNews(at_s=1.0, text=str(number)),))
    found = await store.cluster_news_after(FULL.spec.flink_url, 0, limit=9)
    assert [(name, news.text) for _, name, news in found] == [("one", "0"), ("two", "2"), ("one", "3")]
    rest = await store.cluster_news_after(FULL.spec.flink_url, found[0][0], limit=1)
    assert [news.text for *_, news in rest] == ["2"]
