"""What the client refuses by itself, without asking anybody."""

from __future__ import annotations

from typing import Any

import pytest

from adaptor.client import RefusedError, start_run


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"parallelism": 0}, "parallelism: must be at least 1, got 0"),
        ({"parallelism": -2}, "parallelism: must be at least 1, got -2"),
        ({"max_supersteps": 0}, "max_supersteps: must be at least 1, got 0"),
        ({"min_parallelism": -1}, "min_parallelism: must be at least 0, got -1"),
        ({"max_parallelism": -1}, "max_parallelism: must be at least 0, got -1"),
        ({"efficiency_target": 0.5}, "objective: give one of runtime_target_s, efficiency_target and cost_budget"),
    ],
)
def test_numbers_that_no_service_would_take_are_refused_at_once(fields: dict[str, Any], message: str) -> None:
    """Also where there is no service: the job must not begin with them."""
    good: dict[str, Any] = {"program": "p", "parallelism": 1, "max_supersteps": 2, "runtime_target_s": 9.0}
    with pytest.raises(RefusedError) as caught:
        start_run(**{**good, **fields})
    assert str(caught.value) == message


def test_a_refusal_is_a_value_error() -> None:
    """A driver need not import a class of ours to catch it."""
    assert issubclass(RefusedError, ValueError)
