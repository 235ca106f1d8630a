"""What a member says of a contribution, from nothing but it and the rest of the index: the same for the same rows.

Four validators: *schema* (the batch contradicts itself), *plausibility* (no machine does this), *duplicates* (these are
somebody's measurements already published) and *residual* (others measured something else). One that refutes is enough
to refute; only the residual can confirm, as agreement with others is the only thing that speaks for a duration. With
too little to compare with, the verdict is an abstention.

Which of two copies came first is decided by which one reached this replica first. The order of the log would not do:
by naming few parents an author can place his copy before the original, and have the original refuted.

What stays open: who changes every last digit copies unseen, and who writes under many keys has many votes, which is a
matter of who is admitted.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from adaptor.domain.shared import SharedBatch, SharedObservation
from adaptor.domain.verdict import MAX_FINDING, Assessment, Finding, Judgement
from adaptor.sharing.residual import (
    OTHER_CONTEXT_SPREAD,
    OUTLYING_SHARE,
    SAME_CONTEXT_SPREAD,
    Comparison,
    KnownObservation,
    compared,
)

REST_AUTHORS = 64
"""Most authors whose rows are worth reading: their median is then known to an eighth of their spread."""

REST_ROWS_PER_AUTHOR = 256
"""Most rows of one author: sixteen supersteps at each of sixteen parallelisms. The limit is per author, so that nobody
crowds out others."""

SHORTEST_SUPERSTEP_S = 1e-4
"""Least seconds of a superstep: one message to a process on the same machine and back."""

SECONDS_PER_SUBTASK = 1e-6
"""Least seconds that each further subtask adds: somebody has to be told of it."""

LONGEST_SUPERSTEP_S = 30 * 86_400.0
"""Most seconds of a superstep: thirty days without a barrier, and so without anything to decide."""

MAX_CORES_PER_SLOT = 256.0
"""Most utilisation of a slot: the cores of the largest common machines, all for one slot."""

MAX_SLOTS_PER_WORKER = 1024.0
"""Most subtasks on one worker: four for each core of the largest common machines."""

WHOLE_NUMBERS = 5
"""Durations that must all be whole numbers before their unit is suspected: clocks give fractions."""

DISTINCT_DIGITS = 9.0
"""Decimal digits in which copied durations must agree by more than like runs do: once in a billion by chance."""

ORDINARY_DIGITS = 2
"""Leading digits in which durations of like runs agree anyway."""


def judge(
    batch: SharedBatch, rest: Sequence[KnownObservation], *, author: bytes, own: bytes | None = None
) -> Assessment:
    """What is to be said of a contribution.

    Args:
        batch: The contribution.
        rest: Rows of other contributions that count: of the same algorithm, at most `REST_ROWS_PER_AUTHOR` of at most
            `REST_AUTHORS`, those of the same context first, and every row that equals a superstep of the batch in
            number, parallelism and duration. A row may be given twice.
        author: Who wrote the contribution.
        own: Key of who judges; his own measurements are enough to compare with.

    Returns:
        The judgement with one finding for each validator that had something to say.
    """
    objections = [
        Finding(validator=name, text=text)
        for name, text in (
            ("schema", _contradiction(batch)),
            ("plausibility", _impossibility(batch)),
            ("duplicates", _duplication(batch, rest, author=author)),
        )
        if text
    ]
    judgement, text = _residual(batch, [row for row in set(rest) if row.author != author], own=own)
    findings = (*objections, Finding(validator="residual", text=text))
    if objections:
        return Assessment(judgement=Judgement.INVALID, findings=findings)
    if judgement is Judgement.ABSTAIN and (doubt := _unit_doubt(batch)):
        findings = (*findings, Finding(validator="plausibility", text=doubt))
    return Assessment(judgement=judgement, findings=findings)


def _residual(batch: SharedBatch, others: Sequence[KnownObservation], *, own: bytes | None) -> tuple[Judgement, str]:
    """Judged by the same context where enough is known of it; by others of the algorithm it can only be refuted."""
    key = batch.context.key
    same = [row for row in others if row.context_key == key]
    here = compared(batch, same, own=own, least_spread=SAME_CONTEXT_SPREAD)
    if here.refutes:
        return Judgement.INVALID, str(here)
    if here.confirms:
        return Judgement.VALID, str(here)
    anywhere: Comparison = compared(batch, others, own=own, least_spread=OTHER_CONTEXT_SPREAD)
    if anywhere.refutes:
        return Judgement.INVALID, f"all contexts of the algorithm: {anywhere}"[:MAX_FINDING]
    return Judgement.ABSTAIN, f"neither confirmed nor refuted: {here}"[:MAX_FINDING]


def _contradiction(batch: SharedBatch) -> str:
    repeated = len(batch.observations) - len({one.superstep for one in batch.observations})
    return f"{repeated} supersteps are there more than once" if repeated else ""


def _impossibility(batch: SharedBatch) -> str:
    return next((text for one in batch.observations for text in _impossibilities(one)), "")


def _impossibilities(one: SharedObservation) -> Iterator[str]:
    where = f"superstep {one.superstep}: "
    least_s = max(SHORTEST_SUPERSTEP_S, SECONDS_PER_SUBTASK * one.parallelism)
    if one.duration_s < least_s:
        yield f"{where}{one.duration_s:.3g} s is less than {one.parallelism} subtasks take to start, {least_s:g} s"
    if one.duration_s > LONGEST_SUPERSTEP_S:
        yield f"{where}{one.duration_s:.3g} s is more than {LONGEST_SUPERSTEP_S:g} s"
    if one.cpu_utilisation is not None and one.cpu_utilisation > MAX_CORES_PER_SLOT:
        yield f"{where}a slot used {one.cpu_utilisation:.3g} cores, more than {MAX_CORES_PER_SLOT:g}"
    if one.scale_out is not None and one.parallelism > MAX_SLOTS_PER_WORKER * one.scale_out:
        yield f"{where}{one.parallelism} subtasks on {one.scale_out} workers, over {MAX_SLOTS_PER_WORKER:g} on each"


def _unit_doubt(batch: SharedBatch) -> str:
    """Whether all durations look like milliseconds: whole numbers from 1,000, finer than coarsening leaves them."""
    durations_s = [one.duration_s for one in batch.observations]
    if len(durations_s) < WHOLE_NUMBERS or any(one < 1000 or one % 1 for one in durations_s):  # noqa: PLR2004
        return ""
    if all(_digits(one) <= ORDINARY_DIGITS for one in durations_s):
        return ""
    return f"all {len(durations_s)} durations are whole numbers from 1000, as milliseconds would be"


def _duplication(batch: SharedBatch, rest: Sequence[KnownObservation], *, author: bytes) -> str:
    """Whether one earlier run holds a good part of these supersteps, in more digits than chance explains."""
    sought = {(one.superstep, one.parallelism, one.duration_s) for one in batch.observations}
    found: defaultdict[tuple[bytes, str], set[tuple[int, int, float]]] = defaultdict(set)
    for row in rest:
        if row.before and (superstep := (row.superstep, row.parallelism, row.duration_s)) in sought:
            found[row.author, row.run].add(superstep)
    for source in sorted(found):
        again = bool(batch.run) and source == (author, batch.run)
        digits = sum(max(0, _digits(one) - ORDINARY_DIGITS) for one in {one for *_, one in found[source]})
        if len(found[source]) >= OUTLYING_SHARE * len(sought) and (again or digits >= DISTINCT_DIGITS):
            who = "the same author" if source[0] == author else f"author {source[0].hex()[:16]}"
            return f"{len(found[source])} of {len(sought)} supersteps were published before by {who}"
    return ""


def _digits(value: float) -> int:
    """Significant decimal digits of a number."""
    mantissa = repr(value).partition("e")[0].replace(".", "").strip("0")
    return len(mantissa)
