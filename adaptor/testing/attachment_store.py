"""The attachment store in memory. It passes the same contract suite as the one on disk."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.domain.attachment import Attachment, AttachmentNews
from adaptor.domain.cluster_watch import ClusterWatch


class InMemoryAttachmentStore:
    """Keeps attached streams as long as the process lives."""

    def __init__(self) -> None:
        self._attachments: dict[str, Attachment] = {}
        self._news: list[tuple[str, AttachmentNews]] = []
        self._gaps: list[tuple[str, str, float]] = []
        self._watches: dict[str, ClusterWatch] = {}

    async def save(self, attachment: Attachment, news: Sequence[AttachmentNews] = ()) -> None:
        """Keep how a stream stands and what happened to it."""
        spec = attachment.spec
        self._attachments[spec.attachment_id] = attachment
        self._news += [(spec.attachment_id, one) for one in news]
        self._gaps += [
            (spec.flink_url, attachment.mechanism, one.proof.gap_s)
            for one in news
            if one.proof is not None and one.proof.gap_s is not None
        ]

    async def all(self) -> list[Attachment]:
        """Every stream that was ever attached, in the order of their ids."""
        return [self._attachments[name] for name in sorted(self._attachments)]

    async def news_after(self, attachment_id: str, place: int, *, limit: int) -> list[tuple[int, AttachmentNews]]:
        """What happened to a stream after a place, in order, each with its place."""
        numbered = enumerate(self._news, start=1)
        return [(at, one) for at, (name, one) in numbered if name == attachment_id and at > place][:limit]

    async def cluster_news_after(
        self, flink_url: str, place: int, *, limit: int
    ) -> list[tuple[int, str, AttachmentNews]]:
        """What happened to all streams of a cluster after a place, each with its place and the stream's id."""
        here = {name for name, one in self._attachments.items() if one.spec.flink_url == flink_url}
        numbered = enumerate(self._news, start=1)
        return [(at, name, one) for at, (name, one) in numbered if name in here and at > place][:limit]

    async def save_watch(self, watch: ClusterWatch) -> None:
        """Keep that a whole cluster is looked after."""
        self._watches[watch.flink_url] = watch

    async def drop_watch(self, flink_url: str) -> None:
        """Forget it."""
        self._watches.pop(flink_url, None)

    async def watches(self) -> list[ClusterWatch]:
        """Every cluster that is looked after as a whole, in the order of their addresses."""
        return [self._watches[url] for url in sorted(self._watches)]

    async def gaps_s(self, flink_url: str, mechanism: str, *, limit: int) -> list[float]:
        """Gaps of the newest rescales on a cluster, in seconds, newest first."""
        found = [gap for url, kind, gap in self._gaps if (url, kind) == (flink_url, mechanism)]
        return found[::-1][:limit]
