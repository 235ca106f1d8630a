"""Which core a TaskManager gets."""

from __future__ import annotations

import pytest

from adaptor.local.pinning import core_of_slot


@pytest.mark.parametrize(
    ("slot", "cores", "core"),
    [
        (0, (0, 1), 0),
        (1, (0, 1), 1),
        (2, (0, 1), 0),
        (1, (4, 6, 7), 6),
        (3, (), None),
    ],
)
def test_slots_are_dealt_to_the_allowed_cores_in_turn(slot, cores, core):
    """Beyond the cores they share; where the platform knows no affinity there is no pinning."""
    assert core_of_slot(slot, cores) == core
