"""The clock of a case that runs out next, whom it concerns, and the organisation that has the case now.

A clock is ours while a need of the case has nobody, and otherwise the organisation's, the person's or the law's.

| clock | it runs until |
| --- | --- |
| first answer | two hours after an emergency came in, counted from the full hour, because only the hour is stored |
| review | the local midnight after the day by which the desk looks at the case |
| seen, answer, expiry | the time by which the organisation says that it has seen the offer, answers, or loses it |
| contact | the time by which an organisation that has accepted reaches the person |
| consent, check | the time, or the end of the day, at which the service reminds the desk to ask again |
| deadline | the local midnight after the last safe day of the letter |
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from app.cases.queue import JoinedRows
from app.cases.states import CaseState
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from app.referrals.states import LIVE, ReferralState

FIRST_ANSWER_WITHIN: Final = timedelta(hours=2)
"""How soon a coordinator is to look at an emergency. The desk's tasks of emergencies have the same time."""
_NEAR: Final = timedelta(hours=3)
# The name is looked up and not joined: SQLite reads a join beside a list whole, the referrals of every case.
_ORGANISATION_NAME: Final = (
    sa.select(Organisation.name).where(Organisation.id == Referral.organisation_id).scalar_subquery()
)
REFERRAL_COLUMNS: Final = (
    Referral.case_id, Referral.id, Referral.label, Referral.state, Referral.offered_at, Referral.acknowledge_by,
    Referral.decide_by, Referral.expires_at, Referral.contact_by, Referral.review_on, Referral.due_at,
    Referral.paused_at, _ORGANISATION_NAME.label("organisation"),
)  # fmt: skip
"""What `offer_of` needs of a referral; the names begin with `beside_` there."""
IS_LIVE: Final = Referral.state.in_(sorted(state.value for state in LIVE))
LIVE_REFERRALS: Final = JoinedRows(sa.select(*REFERRAL_COLUMNS).where(IS_LIVE).subquery("live_referrals"))
"""The live referrals of each case with the names of their organisations; see `offer_of`."""


class ClockKind(StrEnum):
    FIRST_ANSWER = "first_answer"
    REVIEW = "review"
    SEEN = "seen"
    ANSWER = "answer"
    EXPIRY = "expiry"
    CONTACT = "contact"
    CONSENT = "consent"
    CHECK = "check"
    DEADLINE = "deadline"


class Nearness(StrEnum):
    """How soon a clock runs out. `soon`: at most three hours; `today`: before the next local midnight."""

    LATE = "late"
    SOON = "soon"
    TODAY = "today"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Clock:
    """A clock of a case. `day`: the last day that counts, of a clock that runs until midnight; None: it runs to the minute."""

    kind: ClockKind
    at: datetime
    day: date | None = None

    def nearness(self, now: datetime, zone: ZoneInfo) -> Nearness:
        if self.at <= now:
            return Nearness.LATE
        if self.at - now <= _NEAR and self.day is None:
            return Nearness.SOON
        last = self.day or self.at.astimezone(zone).date()
        return Nearness.TODAY if last <= now.astimezone(zone).date() else Nearness.LATER


@dataclass(frozen=True, slots=True)
class ListedReferral:
    """A live referral as far as lists show it. `organisation`: its name."""

    label: str
    state: ReferralState
    organisation: str
    offered_at: datetime | None
    acknowledge_by: datetime | None
    decide_by: datetime | None
    expires_at: datetime | None
    contact_by: datetime | None
    review_on: date | None
    due_at: datetime | None
    paused_at: datetime | None


_FIELDS: Final = tuple(entry.name for entry in fields(ListedReferral) if entry.name != "state")


def offer_of(row: sa.Row[Any]) -> ListedReferral:
    """The offer of a row that was read through `LIVE_REFERRALS`."""
    of = row._mapping
    return ListedReferral(state=ReferralState(of["beside_state"]), **{name: of[f"beside_{name}"] for name in _FIELDS})


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The local midnight at which a day ends."""
    return datetime.combine(day + timedelta(days=1), time(), zone)


def clock_of_offer(offer: ListedReferral, now: datetime, zone: ZoneInfo) -> Clock | None:
    """The next thing that the organisation, or the person who has to agree, has to do.

    A time that has passed gives way to the next one. None: no clock runs, for example while the organisation waits for an answer
    from the desk.
    """
    if offer.paused_at is not None:
        return None
    if offer.expires_at is not None:
        steps = (
            (ClockKind.SEEN, offer.acknowledge_by if offer.state is ReferralState.OFFERED else None),
            (ClockKind.ANSWER, offer.decide_by),
            (ClockKind.EXPIRY, offer.expires_at),
        )
        return next((Clock(kind, at) for kind, at in steps if at is not None and at > now), None) or Clock(
            ClockKind.EXPIRY, offer.expires_at
        )
    if offer.state is ReferralState.ACCEPTED and offer.contact_by is not None:
        return Clock(ClockKind.CONTACT, offer.contact_by)
    kind = ClockKind.CONSENT if offer.state is ReferralState.AWAITING_CONSENT else ClockKind.CHECK
    if offer.review_on is not None:
        return Clock(kind, end_of_day(offer.review_on, zone), offer.review_on)
    return Clock(kind, offer.due_at) if offer.due_at is not None else None


def next_clock(case: Any, offers: Iterable[ListedReferral], now: datetime, zone: ZoneInfo) -> Clock:
    """The clock of an open case that ends first. `case`: a case, or its row in a list.

    While a need has nobody, or nothing else runs, the desk's own clock counts too. A deadline that has passed counts no longer,
    because no work can keep it.
    """
    clocks = [clock for offer in offers if (clock := clock_of_offer(offer, now, zone)) is not None]
    if case.uncovered or not clocks:
        clocks.append(_own_clock(case, zone))
    if case.last_safe_day is not None and (end := end_of_day(case.last_safe_day, zone)) > now:
        clocks.append(Clock(ClockKind.DEADLINE, end, case.last_safe_day))
    return min(clocks, key=lambda clock: clock.at)


def _own_clock(case: Any, zone: ZoneInfo) -> Clock:
    if case.urgency == "emergency" and case.state == CaseState.SUBMITTED.value:
        return Clock(ClockKind.FIRST_ANSWER, case.waiting_since + FIRST_ANSWER_WITHIN)
    return Clock(ClockKind.REVIEW, end_of_day(case.due_on, zone), case.due_on)


def holders(offers: Sequence[ListedReferral]) -> list[str]:
    """The organisations that have the case or an offer of it; not those that still need the person's agreement."""
    asked = (offer for offer in offers if offer.offered_at is not None)
    return list(dict.fromkeys(offer.organisation for offer in asked))
