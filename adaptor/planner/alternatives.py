"""The candidates of a plan as people and programs read them: what each would mean, and why it was not taken."""

from __future__ import annotations

from adaptor.domain.plan import Alternative
from adaptor.planner.outlook import Outlook, finish_interval, shown, unknown_alternative
from adaptor.planner.policy import Choice


def alternatives(outlook: Outlook, choice: Choice) -> tuple[Alternative, ...]:
    """Candidates with their verdicts, narrowest first: all, or of very many an even choice, the chosen one included."""
    situation = outlook.situation
    words = dict.fromkeys(situation.failing, "supersteps fail at it") | choice.verdicts
    words |= {choice.parallelism: "chosen"}
    return tuple(_alternative(outlook, choice, one, words) for one in shown(outlook, choice.parallelism))


def _alternative(outlook: Outlook, choice: Choice, parallelism: int, words: dict[int, str]) -> Alternative:
    situation = outlook.situation
    index = situation.index(parallelism)
    if not situation.prediction.known[index]:
        return unknown_alternative(parallelism, words.get(parallelism, "nothing is known of it"))
    judged = choice.ahead or outlook
    chance = float(judged.chance[index])
    return Alternative(
        parallelism=parallelism,
        superstep_s=situation.prediction.superstep_interval(index),
        finish_s=finish_interval(outlook, index),
        cost_slot_s=float(judged.cost_slot_s[index]),
        on_time_probability=None if chance != chance else chance,  # noqa: PLR0124 - NaN: nothing to be met
        outside_observed_range=bool(situation.prediction.outside_observed_range[index]),
        verdict=words.get(parallelism, "not compared"),
    )
