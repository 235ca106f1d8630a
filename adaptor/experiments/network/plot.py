"""The picture of how a shared log behaves as the number of its peers grows."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from adaptor.experiments.network.scale import Scale


def save_scale_plot(scales: Sequence[Scale], folder: Path) -> Path:
    """Draw times and bytes over the number of peers.

    Args:
        scales: What was measured, from few to many peers.
        folder: Where ``network_scale.svg`` is written, made if missing.

    Returns:
        The file.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    peers = [one.peers for one in scales]
    # Texts stay texts, and the file the same for the same figures.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "adaptor"}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        times, sizes = figure.subplots(1, 2)
        times.plot(peers, [one.entry_s for one in scales], "o-", label="a new entry is at all peers")
        times.plot(peers, [one.entry_worst_s for one in scales], "o:", color="C0", label="the slowest of them")
        times.plot(peers, [one.newcomer_s for one in scales], "s-", color="C1", label="a newcomer holds 1,000 entries")
        times.set(xscale="log", xlabel="peers", ylabel="seconds", ylim=(0, None))
        sizes.plot(peers, [one.entry_bytes / 1e3 for one in scales], "o-", label="per peer for a new entry")
        sizes.plot(peers, [one.newcomer_bytes / 1e3 for one in scales], "s-", label="for a newcomer, all together")
        sizes.set(xscale="log", xlabel="peers", ylabel="kB sent", ylim=(0, None))
        for axes in (times, sizes):
            axes.grid(alpha=0.3)
            axes.legend(fontsize="small")
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "network_scale.svg"
        figure.savefig(path, metadata={"Date": None})
    return path
