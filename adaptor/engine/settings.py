"""What the engine takes from the settings."""

from __future__ import annotations

from dataclasses import dataclass

from adaptor.domain.run import PlanningSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """Bounds of the engine; `adaptor.app.settings` holds each one's default and its reason.

    Attributes:
        planning: Given to every run that starts.
        earlier_observations: Most observations of earlier runs that a plan rests on.
        narrowing_wait_s: Longest wait of a barrier's answer for surplus slots to go.
        reconcile_interval_s: Time between two looks for slots that died.
        run_idle_timeout_s: Silence after which a run is taken for abandoned.
        publish_interval_s: Time between two tries to give observations to peers.
        max_loaded_runs: Runs kept in memory before ended ones are dropped.
    """

    planning: PlanningSettings
    earlier_observations: int
    narrowing_wait_s: float
    reconcile_interval_s: float
    run_idle_timeout_s: float
    publish_interval_s: float
    max_loaded_runs: int
