"""How a shared log behaves as the number of its peers grows, as plots."""

from __future__ import annotations

from collections.abc import Sequence

from adaptor.experiments.network.scale import Scale
from adaptor.experiments.plots import Plot, Series


def scale_plots(scales: Sequence[Scale]) -> list[Plot]:
    """Times and bytes over the number of peers.

    Args:
        scales: What was measured, from few to many peers.
    """
    peers = [float(one.peers) for one in scales]
    times = {
        "a new entry is at all peers": [one.entry_s for one in scales],
        "the slowest of them": [one.entry_worst_s for one in scales],
        "a newcomer holds 1,000 entries": [one.newcomer_s for one in scales],
    }
    sizes = {
        "per peer for a new entry": [one.entry_bytes / 1e3 for one in scales],
        "for a newcomer, all together": [one.newcomer_bytes / 1e3 for one in scales],
    }
    return [
        Plot(
            name=name,
            title=title,
            x_label="peers",
            y_label=unit,
            x_log=True,
            series=[Series(name=what, x=peers, y=y) for what, y in lines.items()],
        )
        for name, title, unit, lines in (
            ("times", "Time until news has come", "seconds", times),
            ("bytes", "What is sent for it", "kB", sizes),
        )
    ]
