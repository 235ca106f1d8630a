"""What all tests share: no deadline for generated examples (machines are shared), and nothing written by hypothesis."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "adaptor", deadline=None, database=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("adaptor")
