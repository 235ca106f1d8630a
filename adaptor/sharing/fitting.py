"""Fits a prior in a process of its own: rows on standard input, the prior on standard output, both pickled.

Only the process that started this one writes and reads them.
"""

from __future__ import annotations

import os
import pickle
import sys

from adaptor.models.prior import Prior

NICENESS = 10
"""Jobs on this machine go first."""


def main() -> None:
    """Fit what comes in."""
    os.nice(NICENESS)
    rows = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the process that started this one
    pickle.dump(Prior.fit(rows), sys.stdout.buffer)


if __name__ == "__main__":
    main()
