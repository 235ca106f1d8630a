"""The scripts of `flink-jobs` import each other by name, as they do when they are run."""

from __future__ import annotations

import sys
from pathlib import Path

FLINK_JOBS = Path(__file__).resolve().parents[3] / "flink-jobs"
sys.path.insert(0, str(FLINK_JOBS))
