"""The example manager of the documentation runs as it stands there."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

from adaptor.client import start_run
from adaptor.testing.clock import ManualClock
from adaptor.testing.loopback import LoopbackService
from adaptor.testing.provisioner import InMemoryProvisioner
from adaptor.testing.values import FLINK_URL
from adaptor.testing.workshop import Workshop

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "cluster_manager.py"


class RealClock(ManualClock):
    """The time of the manager's own process."""

    def now_s(self) -> float:
        """Seconds since the epoch."""
        return time.time()


def test_a_day_of_the_example_manager_is_obeyed_by_a_run() -> None:
    """In a day of eight seconds: what the curve takes away is reclaimed, and comes back, before it goes."""
    service = LoopbackService(Workshop(cluster=InMemoryProvisioner(most=8), clock=RealClock())).start()
    command = [sys.executable, str(EXAMPLE), FLINK_URL, "--service", service.address, "--day", "8"]
    widths: list[int] = []
    done = threading.Event()

    def job() -> None:
        with start_run(
            program="p",
            parallelism=4,
            max_supersteps=100_000,
            efficiency_target=0.3,
            max_parallelism=4,
            flink_url=FLINK_URL,
            address=service.address,
        ) as run:
            for superstep in run.supersteps():
                widths.append(superstep.parallelism)
                if done.wait(0.1 / superstep.parallelism):
                    break

    driver = threading.Thread(target=job)
    try:
        manager = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        driver.start()
        output, _ = manager.communicate(timeout=120)
        service_reclaims = service.run(service.shop.managed.book()).reclaims
    finally:
        done.set()
        driver.join()
        service.close()
    assert manager.returncode == 0
    assert [line.split()[0] for line in output.splitlines() if not line.startswith(" ")] == [
        "00:00",
        "06:00",
        "08:00",
        "12:00",
        "14:00",
        "18:00",
        "22:00",
    ]
    # On a busy machine hours of a third of a second may pass unseen; what falls then is not asked for beforehand.
    assert service_reclaims
    assert all(one.state.ended and one.request.slots in (1, 2) for one in service_reclaims)
    assert 1 <= min(widths) <= max(widths) <= 4
    assert len(EXAMPLE.read_text().splitlines()) < 80
