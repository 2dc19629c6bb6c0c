"""Results of a simulation: how many cases were answered in time, expired or wait, by urgency and country, and who has the next
step.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from statistics import median
from uuid import UUID

import sqlalchemy as sa

from app.cases.models import Case
from app.referrals import deadline_storage, deadlines
from app.referrals.deadlines import answer_times
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import UNDECIDED, ReferralState
from app.referrals.ways import ReferralWay, way_of
from app.simulation.world import World
from app.tasks.models import Task

_DECISIONS = ("accept", "decline", "waitlist", "ask_info")


DESTINATIONS = (
    "accepted, by an organisation's own account",
    "accepted, asked by a coordinator by phone",
    "accepted, through a link with a code",
    "an organisation is asked",
    "the person is asked whether they agree",
    "a task of the team: all who may be asked were asked",
    "a task of the team: no organisation matches",
    "without a next step",
)


@dataclass(frozen=True, slots=True)
class CaseResult:
    """One case: when it was first accepted, when somebody first owned a next step by hand."""

    country: str
    urgency: str
    matched: bool
    filed_at: datetime
    deadline: datetime | None
    accepted_at: datetime | None
    owned_at: datetime | None
    went_to: str = ""
    """Where it is at the end: one of `DESTINATIONS`."""

    @property
    def kept(self) -> bool:
        """Whether the promise was kept: the case was accepted, or became somebody's task, before the legal deadline."""
        last = self.deadline or datetime.max.replace(tzinfo=UTC)
        return any(at is not None and at <= last for at in (self.accepted_at, self.owned_at))

    @property
    def waited(self) -> timedelta | None:
        return self.accepted_at - self.filed_at if self.accepted_at is not None else None


@dataclass(frozen=True, slots=True)
class OfferResult:
    country: str
    urgency: str
    ended: str  # in_time, late, expired, taken_back, open
    open_for: timedelta | None = None
    """Of an expired offer: how long the centre was open between the offer and the expiry."""
    beyond_help: bool = False
    """The legal deadline left less than an hour in which the centre is open."""


@dataclass(frozen=True, slots=True)
class Results:
    cases: tuple[CaseResult, ...]
    offers: tuple[OfferResult, ...]

    @property
    def promise(self) -> float:
        """Share of the cases with a matching centre that were accepted or had a task for a team in time."""
        matched = [case for case in self.cases if case.matched]
        return sum(case.kept for case in matched) / len(matched) if matched else 1.0

    @property
    def expired_unseen(self) -> int:
        """Offers that expired before the centre had one working hour, although the legal deadline left one."""
        return sum(
            offer.open_for is not None and offer.open_for < timedelta(hours=1) and not offer.beyond_help
            for offer in self.offers
        )


def results(world: World) -> Results:
    with world.database.begin(write=False) as session:
        accepted = _first(session.execute(
            sa.select(Referral.case_id, sa.func.min(ReferralEvent.at))
            .join(Referral, Referral.id == ReferralEvent.referral_id)
            .where(ReferralEvent.verb == "accept").group_by(Referral.case_id)
        ))  # fmt: skip
        owned = _first(session.execute(
            sa.select(Task.case_id, sa.func.min(Task.opened_at))
            .where(Task.case_id.is_not(None)).group_by(Task.case_id)
        ))  # fmt: skip
        cases = session.scalars(sa.select(Case).order_by(Case.waiting_since, Case.id)).all()
        offers = session.execute(
            sa.select(Referral, Case).join(Case, Case.id == Referral.case_id).order_by(Referral.created_at)
        ).all()
        events: dict[UUID, list[ReferralEvent]] = {}
        for event in session.scalars(sa.select(ReferralEvent).order_by(ReferralEvent.seq)):
            events.setdefault(event.referral_id, []).append(event)
        accepted_by: dict[UUID, Referral] = {}
        by_case: dict[UUID, list[Referral]] = {}
        for row in offers:
            by_case.setdefault(row.Case.id, []).append(row.Referral)
            if any(event.verb == "accept" for event in events[row.Referral.id]):
                accepted_by.setdefault(row.Case.id, row.Referral)
        open_tasks = set(session.scalars(sa.select(Task.case_id).where(Task.done_at.is_(None))))
        return Results(
            tuple(
                CaseResult(
                    case.country,
                    case.urgency,
                    world.matched.get(case.id, False),
                    case.waiting_since,
                    datetime.combine(case.last_safe_day, time(21), UTC) if case.last_safe_day else None,
                    accepted.get(case.id),
                    owned.get(case.id),
                    _destination(case, world, by_case.get(case.id, []), accepted_by.get(case.id), open_tasks),
                )
                for case in cases
            ),
            tuple(_offer_result(row.Referral, row.Case, events[row.Referral.id]) for row in offers),
        )


def _destination(
    case: Case, world: World, asked: list[Referral], accepted: Referral | None, with_task: set[UUID | None]
) -> str:
    if accepted is not None:
        return DESTINATIONS[list(ReferralWay).index(way_of(accepted.way))]
    states = {ReferralState(referral.state) for referral in asked}
    if states & UNDECIDED:
        return DESTINATIONS[3]
    if ReferralState.AWAITING_CONSENT in states:
        return DESTINATIONS[4]
    if case.id not in with_task:
        return DESTINATIONS[7]
    return DESTINATIONS[5 if case.id in world.has_candidates else 6]


def destinations_table(results: Results) -> str:
    """Where each case went, as plain text: one line for each destination, and their sum."""
    counts = [(sum(case.went_to == where for case in results.cases), where) for where in DESTINATIONS]
    return "\n".join(f"{count:>5}  {where}" for count, where in [*counts, (len(results.cases), "all")])


def _first(rows: Iterable[sa.Row[UUID, datetime]]) -> dict[UUID, datetime]:
    return {row[0]: row[1] for row in rows}


def _offer_result(referral: Referral, case: Case, events: list[ReferralEvent]) -> OfferResult:
    ended = _ended(referral, case, events)
    if ended != "expired":
        return OfferResult(case.country, referral.urgency, ended)
    at = {event.verb: event.at for event in reversed(events)}
    terms = deadline_storage.terms_of(referral, case)
    asked_at = _asked_at(at)
    open_for = terms.hours.time_between(asked_at, at["expire"])
    left = deadlines.open_hours_left(asked_at, terms)
    beyond = left is not None and left < timedelta(hours=1)
    return OfferResult(case.country, referral.urgency, ended, open_for, beyond)


def _ended(referral: Referral, case: Case, events: list[ReferralEvent]) -> str:
    """How the partner answered the offer: its first decision compared with the deadline for it."""
    at = {event.verb: event.at for event in reversed(events)}
    decided = min((at[verb] for verb in _DECISIONS if verb in at), default=None)
    if decided is not None and _was_asked(at):
        _acknowledge, decide_by, _expires = answer_times(_asked_at(at), deadline_storage.terms_of(referral, case))
        return "in_time" if decided <= decide_by else "late"
    if "expire" in at and _was_asked(at):
        return "expired"
    return "taken_back" if {"withdraw", "client_withdraw", "refuse", "expire"} & set(at) else "open"


def _was_asked(at: dict[str, datetime]) -> bool:
    return "offer" in at or "consent" in at


def _asked_at(at: dict[str, datetime]) -> datetime:
    """When the organisation was asked: immediately, or after the person agreed."""
    return at["offer"] if "offer" in at else at["consent"]


def table(results: Results) -> str:
    """The results as a plain-text table by urgency and country, with the overall share below."""
    head = (
        "",
        "cases",
        "matched",
        "accepted",
        "owned step",
        "waiting",
        "offers",
        "in time",
        "late",
        "expired",
        "days to yes",
    )
    rows: list[tuple[str, ...]] = [head]
    keys = [("urgency", urgency) for urgency in ("emergency", "urgent", "normal")]
    keys += [("country", country) for country in sorted({case.country for case in results.cases})]
    for what, key in [*keys, ("", "all")]:
        cases = [case for case in results.cases if not what or getattr(case, what) == key]
        offers = [offer for offer in results.offers if not what or getattr(offer, what) == key]
        rows.append(_row(key, cases, offers))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    matched = sum(case.matched for case in results.cases)
    lines += ["", f"Of {matched} cases with a matching centre {results.promise:.1%} were accepted or had an owned next step"
                  " before the legal deadline."]  # fmt: skip
    expired = [offer for offer in results.offers if offer.ended == "expired"]
    lines.append(f"Of {len(expired)} offers that expired, {results.expired_unseen} had not one working hour of the centre"
                 f" ({sum(offer.beyond_help for offer in expired)} more: the legal deadline left none).")  # fmt: skip
    return "\n".join(lines)


def _row(name: str, cases: list[CaseResult], offers: list[OfferResult]) -> tuple[str, ...]:
    accepted = [case for case in cases if case.accepted_at is not None]
    owned = [case for case in cases if case.accepted_at is None and case.owned_at is not None]
    waits = [case.waited.total_seconds() / 86_400 for case in accepted if case.waited is not None]
    return (
        name,
        str(len(cases)),
        str(sum(case.matched for case in cases)),
        str(len(accepted)),
        str(len(owned)),
        str(len(cases) - len(accepted) - len(owned)),
        str(len(offers)),
        *(_share(sum(offer.ended == how for offer in offers), len(offers)) for how in ("in_time", "late", "expired")),
        f"{median(waits):.1f}" if waits else "–",
    )


def _share(part: int, whole: int) -> str:
    return f"{part / whole:.0%}" if whole else "–"
