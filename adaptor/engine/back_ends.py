"""What looking after attached jobs needs of the world."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from adaptor.engine.in_place import InPlaceRescaler
from adaptor.engine.ports import AttachmentStore, Clock, Meter, Runs, StreamClusters
from adaptor.engine.slot_ledger import SlotLedger


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamBackEnds:
    """What looking after streams needs of the world.

    Attributes:
        store: Keeps attached streams.
        clusters: Finds their clusters.
        ledger: Brings and takes slots.
        runs: Decides about those that have supersteps.
        rescaler: Learns who rescales the run of which.
        clock: Tells the time.
        chance: For the jitter of pauses.
        meter: Learns how long it took from a look to its decision.
    """

    store: AttachmentStore
    clusters: StreamClusters
    ledger: SlotLedger
    runs: Runs
    rescaler: InPlaceRescaler
    clock: Clock
    chance: Random
    meter: Meter
