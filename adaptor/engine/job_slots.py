"""Slots of one attached job: noted on the ledger, asked for before it is widened, given back after it was narrowed."""

from __future__ import annotations

import logging

from adaptor.domain.rescale import Rescale, SlotsSeen
from adaptor.domain.resubmission import Resubmission
from adaptor.domain.stream import AttachmentSpec
from adaptor.engine.ports import StreamCluster
from adaptor.engine.slot_ledger import SlotLedger
from adaptor.errors import AdaptorError

_log = logging.getLogger(__name__)


class JobSlots:
    """The slots of one attached job.

    Args:
        spec: What was asked for the job.
        ledger: Brings and takes slots.
    """

    def __init__(self, spec: AttachmentSpec, ledger: SlotLedger) -> None:
        self._spec = spec
        self._ledger = ledger
        self._releases_left = 0

    def grant(self, slots: int) -> None:
        """Note what the job uses from now on; none takes it off the ledger."""
        self._ledger.grant(self._spec.attachment_id, flink_url=self._spec.flink_url, slots=slots)

    async def most(self, cluster: StreamCluster, *, own: int) -> int:
        """Slots that the job may use: its own, those without tasks, and those that can be had.

        Raises:
            AdaptorError: If the cluster cannot be asked.
        """
        capacity = await self._ledger.capacity_for(self._spec.attachment_id, self._spec.flink_url)
        more = max(0, capacity.obtainable_slots - capacity.existing_slots)
        return max(own, own + await cluster.free_slots() + more)

    async def provided(self, cluster: StreamCluster, rescale: Rescale | Resubmission) -> SlotsSeen:
        """Ask for slots before the wish; what does not come is told by the number of those there are."""
        before = rescale.slots_before
        self.grant(max(before, rescale.slots))
        await self._settle()
        try:
            return SlotsSeen(slots=before + await cluster.free_slots())
        except AdaptorError:
            return SlotsSeen(slots=before)

    def concluded(self, slots: int, *, tries: int) -> None:
        """Note what the job uses after a rescale, and that surplus is to be given back at so many looks."""
        self.grant(slots)
        self._releases_left = tries

    async def release_surplus(self) -> None:
        """Give back slots after narrowing; Flink keeps them for the job for a while, so several looks are needed."""
        if self._releases_left > 0:
            self._releases_left -= 1
            await self._settle()

    async def _settle(self) -> None:
        try:
            await self._ledger.settle(self._spec.flink_url)
        except AdaptorError as error:
            _log.warning("%s", error)
