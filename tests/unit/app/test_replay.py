"""Recorded events run through the core again give the recorded plans, and a difference is found."""

from __future__ import annotations

from dataclasses import replace

from adaptor.app.replay import replayed_plans
from adaptor.domain.objective import RuntimeTarget
from adaptor.testing.values import a_report, a_spec
from adaptor.testing.workshop import Workshop


async def a_history() -> list:
    """A run with failures and rescales."""
    shop = Workshop()
    await shop.engine.start_run(a_spec(objective=RuntimeTarget(target_s=110.0)))
    for report in (
        a_report(1),
        a_report(2, failed=True, at=2),
        a_report(2, 6.0, at=2, attempt=2),
        a_report(3, 5.0, at=4),
    ):
        await shop.engine.report_barrier("run-1", report)
        await shop.settled()
    await shop.engine.stop()
    return await shop.store.history("run-1")


async def test_a_replay_gives_identical_plans() -> None:
    """One for the start and one for each barrier."""
    plans = replayed_plans(await a_history())
    assert len(plans) == 5
    assert all(one.identical for one in plans)


async def test_a_plan_that_differs_is_found_and_does_not_make_the_others_differ() -> None:
    """A changed record, or a core that decides otherwise now."""
    history = await a_history()
    place = next(i for i, one in enumerate(history) if one.plan and one.plan.superstep == 3)
    history[place] = replace(history[place], plan=replace(history[place].plan, parallelism=3))
    different = [one.recorded.superstep for one in replayed_plans(history) if not one.identical and one.recorded]
    assert different == [3]
