"""Counts records: the figures that every table of a report is made of. Pure.

Figures of different cases add up, so that those of a team are the sum of those of its cases (`kept_figures`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final, NamedTuple
from uuid import UUID

from app.referrals.reasons import OUTCOMES, PASSED_OVER
from app.referrals.states import ReferralVerb
from app.reporting.queries import CountedCase, CountedChoice, CountedOffer

ANSWERED_WITHIN: Final = {"emergency": timedelta(hours=24), "urgent": timedelta(hours=72), "normal": timedelta(days=14)}
"""Time to decide on an offer, by urgency (see `app.referrals.deadlines`); a near legal deadline shortens it further."""
ANSWERABLE: Final = ("accepted", "declined", "only_acknowledged", "no_answer")
"""Ends of offers that the organisation had time to answer."""
IN_TIME: Final = ("in_time", "late_or_never")
"""Whether it answered such an offer in time."""


class Subject(StrEnum):
    """The subject of a figure, and the codes that such a figure has."""

    CASE = "case"  # country, language, urgency, how far it got (`FUNNEL`), its end
    NEED = "need"  # need, country, language, its end
    OFFER = "offer"  # urgency, its end, whether it was answered in time ("": it did not have to be), outcome or ""
    OFFER_NEED = "offer_need"  # need, end of the offer
    STEP = "step"  # timed step, urgency, how long it took (`duration_code`)
    OWN_STEP = "own_step"  # timed step, how long it took: of one organisation
    CHOICE = "choice"  # urgency, why the first suggestion was passed over


class TimedStep(StrEnum):
    """A part of a case's way through the service that is timed."""

    FIRST_OFFER = "first_offer"
    ACKNOWLEDGE = "acknowledge"
    DECIDE = "decide"
    START = "start"
    COMPLETE = "complete"


class Figure(NamedTuple):
    """The key of a count: cases by the month in which they came in, offers by the month in which they were made.

    `organisation`: the code of the one that it is about, or "".
    """

    month: str
    subject: str
    organisation: str
    codes: tuple[str, ...]


def tally(
    cases: Iterable[CountedCase], offers: Sequence[CountedOffer], choices: Iterable[CountedChoice] = ()
) -> Counter[Figure]:
    """The figures of these records. The offers of a case belong in the same call as the case."""
    figures: Counter[Figure] = Counter()
    first_offers: dict[UUID, datetime] = {}
    accepted = set()
    for offer in offers:
        end = offer.end
        first_offers[offer.case_id] = min(offer.offered_at, first_offers.get(offer.case_id, offer.offered_at))
        if end == "accepted":
            accepted.add(offer.case_id)
        _count_offer(figures, offer, end)
    for case in cases:
        reached = "accepted" if case.id in accepted else "offered" if case.id in first_offers else "not_offered"
        end = "helped" if case.helped else "unmet" if case.unmet else "open_or_withdrawn"
        figures[Figure(case.month, Subject.CASE, "", (case.country, case.language, case.urgency, reached, end))] += 1
        for need in case.needs:
            codes = (need, case.country, case.language, case.end_of(need))
            figures[Figure(case.month, Subject.NEED, "", codes)] += 1
        if case.id in first_offers:
            took = duration_code(first_offers[case.id] - case.came_in)
            figures[Figure(case.month, Subject.STEP, "", (TimedStep.FIRST_OFFER, case.urgency, took))] += 1
    for choice in choices:
        if choice.reason in PASSED_OVER:
            figures[Figure(choice.month, Subject.CHOICE, "", (choice.urgency, choice.reason))] += 1
    return figures


def _count_offer(figures: Counter[Figure], offer: CountedOffer, end: str) -> None:
    month, organisation = offer.month, offer.organisation
    answer = "" if end not in ANSWERABLE else "in_time" if is_in_time(offer) else "late_or_never"
    outcome = offer.outcome if offer.outcome is not None and offer.outcome in OUTCOMES else ""
    figures[Figure(month, Subject.OFFER, organisation, (offer.urgency, end, answer, outcome))] += 1
    for need in offer.needs:
        figures[Figure(month, Subject.OFFER_NEED, organisation, (need, end))] += 1
    accepted = offer.first.get(ReferralVerb.ACCEPT.value)
    for step, start, over in (
        (TimedStep.ACKNOWLEDGE, offer.offered_at, offer.first.get(ReferralVerb.ACKNOWLEDGE.value)),
        (TimedStep.DECIDE, offer.offered_at, offer.decided_at),
        (TimedStep.START, accepted, offer.first.get(ReferralVerb.START.value)),
        (TimedStep.COMPLETE, accepted, offer.first.get(ReferralVerb.COMPLETE.value)),
    ):
        if start is not None and over is not None:
            took = duration_code(over - start)
            figures[Figure(month, Subject.STEP, "", (step, offer.urgency, took))] += 1
            figures[Figure(month, Subject.OWN_STEP, organisation, (step, took))] += 1


def is_in_time(offer: CountedOffer) -> bool:
    """Whether the organisation decided within the time that offers of this urgency have."""
    decided_at = offer.decided_at
    return decided_at is not None and decided_at - offer.offered_at <= ANSWERED_WITHIN[offer.urgency]


def duration_code(took: timedelta) -> str:
    """A duration in tenths of an hour, with two significant digits of hours from ten hours on, so that codes are few."""
    tenths = max(round(took.total_seconds() / 360), 0)
    unit = 1 if tenths < 100 else 10 ** (len(str(tenths)) - 2)
    return str(round(tenths / unit) * unit)


def median_hours(durations: Iterable[tuple[str, int]]) -> float:
    """The median of durations as codes, each with how often it occurs; at least one occurs."""
    ordered = sorted((int(code), count) for code, count in durations if count > 0)
    total = sum(count for _code, count in ordered)
    middle: list[int] = []
    passed = 0
    for tenths, count in ordered:
        middle += [tenths for place in ((total - 1) // 2, total // 2) if passed <= place < passed + count]
        passed += count
    return round(sum(middle) / len(middle) / 10, 1)
