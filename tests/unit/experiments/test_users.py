"""Users who arrive one after another: who comes, what the log holds for each, and what a choice costs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from adaptor.domain.context import ExecutionContext
from adaptor.experiments.models.c3o import Job, MeasuredContext
from adaptor.experiments.users import log
from adaptor.experiments.users.arrivals import LIE, Visit, arrivals, most_users
from adaptor.experiments.users.choice import chosen
from adaptor.experiments.users.experiment import figures
from adaptor.experiments.users.log import Left, Sharing, prior_for
from adaptor.experiments.users.regret import Regret, regrets
from adaptor.models.training import TrainingRow

SIZES = (2, 4, 8)


def job(name: str = "job", *, contexts: int = 8) -> Job:
    """Contexts of growing data, twice at 2, 4 and 8 workers of four cores each."""
    made = []
    for at in range(contexts):
        context = ExecutionContext(program=name, data={"data_size_MB": str(1000 * (at + 1))}, node_type="m")
        made.append(
            MeasuredContext.of(
                [
                    TrainingRow(
                        context=context,
                        parallelism=4 * size,
                        duration_s=(100.0 * (at + 1) / size + 10.0) * wobble,
                        scale_out=size,
                        memory_mb=16000.0 * size,
                    )
                    for size in SIZES
                    for wobble in (0.99, 1.01)
                ]
            )
        )
    return Job(name=name, contexts=tuple(made))


def order(seed: int = 1) -> tuple[Visit, ...]:
    return arrivals([job("one"), job("two")], np.random.default_rng(seed))


def visit(**changes: object) -> Visit:
    """A user whose runs take 100, 60 and 40 s at 2, 4 and 8 workers, with 70 s to finish within."""
    context = job().contexts[0]
    met = tuple(
        replace(context.rows[0], scale_out=size, parallelism=4 * size, duration_s=seconds)
        for size, seconds in zip(SIZES, (100.0, 60.0, 40.0), strict=True)
    )
    usual = Visit(
        user=0,
        context=context,
        met=met,
        target_s=70.0,
        start=1,
        earlier=job().contexts[5].rows[0],
        lie=(0.5, 4.0),
    )
    return replace(usual, **changes)  # type: ignore[arg-type]


def test_no_context_belongs_to_two_users() -> None:
    """Every user has two contexts of one program that nobody else has."""
    visits = order()
    assert [one.user for one in visits] == list(range(8)) == list(range(most_users([job("one"), job("two")])))
    keys = [key for one in visits for key in (one.context.place.context.key, one.earlier.context.key)]
    assert len(set(keys)) == len(keys) == 16
    assert all(one.earlier.context.program == one.context.place.context.program for one in visits)


def test_every_target_can_be_met() -> None:
    """The fastest of the runs that a user would meet is in time."""
    assert all(one.seconds.min() < one.target_s for seed in range(5) for one in order(seed))


def test_liars_are_some_and_their_lies_stay_in_range() -> None:
    """About three in ten lie, by factors of a tenth to ten; the others share what they measured."""
    lies = [one.lie for seed in range(40) for one in order(seed)]
    liars = [pair for pair in lies if pair != (1.0, 1.0)]
    assert 0.2 < len(liars) / len(lies) < 0.4
    assert all(LIE[0] <= one <= LIE[1] for pair in liars for one in pair)


@pytest.mark.parametrize(
    ("chosen_", "regret"),
    [
        (1, 0.0),
        (2, 320.0 / 240.0 - 1),
        (0, 100.0 / 70.0 - 1),
    ],
    ids=["the cheapest in time costs nothing more", "wider costs more", "a missed target counts with its overrun"],
)
def test_regret_is_cost_above_the_cheapest_in_time_and_overrun(chosen_: int, regret: float) -> None:
    """Both relative; being cheaper by being late is no gain."""
    assert visit().regret(chosen_) == pytest.approx(regret)


@pytest.mark.parametrize(
    ("sharing", "seconds"),
    [
        (Sharing.WITH, {"": [60.0], "user 0": [102.0, 60.0]}),
        (Sharing.WITHOUT, {"": [60.0]}),
        (Sharing.LIARS, {"": [60.0], "user 0": [51.0, 240.0]}),
    ],
)
def test_a_user_finds_what_the_setting_lets_through(
    sharing: Sharing, seconds: dict[str, list[float]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Own runs are never changed; those of others are shared, kept, or scaled by their lies."""
    fitted: list[TrainingRow] = []

    class Learner:
        @staticmethod
        def fit(rows: list[TrainingRow]) -> Learner:
            fitted.extend(rows)
            return Learner()

        def informed(self, *_: object, **__: object) -> None: ...

    monkeypatch.setattr(log, "Prior", Learner)
    before = visit(earlier=replace(visit().earlier, duration_s=102.0))
    mine = visit(user=1, earlier=replace(visit().earlier, duration_s=60.0))
    prior_for(mine, [Left(visit=before, chosen=1)], sharing)
    found: dict[str, list[float]] = {}
    for row in fitted:
        found.setdefault(row.contributor, []).append(row.duration_s)
    assert found == seconds


def test_runs_of_other_programs_are_not_fitted() -> None:
    """What a user learns from is of the own program, the own earlier run included."""
    other = visit(
        context=job("other").contexts[0],
        met=tuple(replace(row, context=job("other").contexts[0].rows[0].context) for row in visit().met),
        earlier=job("other").contexts[5].rows[0],
    )
    alone = prior_for(visit(user=1), [], Sharing.WITH)
    beside = prior_for(visit(user=1), [Left(visit=other, chosen=1)], Sharing.WITH)
    assert alone == beside is not None


def test_without_knowledge_the_users_own_scale_out_is_planned() -> None:
    """The planner has nothing to go by, so the first superstep measures where the user would have begun."""
    assert [chosen(visit(start=start), None) for start in range(3)] == [0, 1, 2]


def test_with_much_knowledge_the_planner_chooses_the_cheapest_that_is_safely_in_time() -> None:
    """Seven contexts with every scale-out measured leave no doubt about the eighth."""
    jobs = job()
    known, last = jobs.contexts[:7], jobs.contexts[7]
    log_rows = [
        Left(
            visit=visit(
                user=at, context=context, met=tuple(context.rows[2 * place] for place in range(3)), lie=(1.0, 1.0)
            ),
            chosen=place,
        )
        for at, context in enumerate(known)
        for place in range(3)
    ]
    met = tuple(last.rows[2 * place] for place in range(3))
    mine = visit(user=9, context=last, met=met, target_s=280.0, start=2)
    # 410 s, 210 s and 110 s: the second one is in time with room to spare.
    assert chosen(mine, prior_for(mine, log_rows, Sharing.WITH)) == 1


def test_an_order_is_the_same_each_time_and_the_first_user_knows_the_same_in_all_settings() -> None:
    """Seeds decide everything; sharing can make no difference to whoever comes first."""
    jobs = [job(contexts=6)]
    first, again = (regrets(jobs, order=3, seed=1) for _ in range(2))
    assert first == again
    assert len({(one.regret, one.late) for one in first if one.after == 0}) == 1
    assert {one.after for one in first} == {0, 1, 2}


def test_figures_set_the_settings_side_by_side_after_so_many_users() -> None:
    """With sharing beside without, and with liars beside clean."""
    values = {Sharing.WITH: 0.1, Sharing.WITHOUT: 0.4, Sharing.LIARS: 0.2}
    found = [
        Regret(sharing=sharing, order=0, after=after, regret=value, late=False)
        for sharing, value in values.items()
        for after in range(3)
    ]
    rows = [
        {"setting": sharing.value, "after": after, "regret_percent": 100 * value}
        for sharing, value in values.items()
        for after in range(3)
    ]
    value = {one.name: one.value for one in figures(rows, found)}
    assert value["users_regret_after_2"] == pytest.approx(10.0)
    assert value["users_sharing_ratio_after_2"] == pytest.approx(0.25)
    assert value["users_liars_ratio_after_2"] == pytest.approx(2.0)
    assert value["users_regret_with_liars_of_all"] == pytest.approx(20.0)
    assert "users_regret_after_5" not in value
