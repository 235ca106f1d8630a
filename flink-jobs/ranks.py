"""The arithmetic and the files of PageRank that need no Flink."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from loop_state import read_rows

# The usual damping: the chance to follow a link (Page, Brin, Motwani, Winograd 1999).
DAMPING = 0.85
RANKS_FOLDER = "ranks"


def next_ranks(ranks: np.ndarray, incoming: np.ndarray, dangling: np.ndarray) -> np.ndarray:
    """Return the ranks after a superstep.

    Args:
        ranks: Those before it.
        incoming: What flows into each vertex along edges.
        dangling: Whether a vertex has no edge to pass its rank on along.
    """
    spread = ranks[dangling].sum() / len(ranks)
    return (1 - DAMPING) / len(ranks) + DAMPING * (incoming + spread)


def ranks_of(folder: Path, vertices: int) -> np.ndarray:
    """Return the ranks that a folder of the loop state holds."""
    numbers, values = read_rows(folder / RANKS_FOLDER, columns=2)
    ranks = np.zeros(vertices)
    ranks[numbers] = values
    return ranks
