"""What is counted, read in three statements however long it is: the cases that came in, and the offers that were made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.cases.states import CaseState
from app.core.vocabulary import complete
from app.partners import sandbox_identity
from app.partners.organisations import Organisation
from app.referrals.models import Referral, ReferralEvent
from app.referrals.states import State, Verb
from app.reporting.periods import Quarter, Stretch

_DECISIONS = frozenset({Verb.ACCEPT.value, Verb.DECLINE.value, Verb.WAITLIST.value})
_READ = frozenset(
    {Verb.OFFER.value, Verb.CONSENT.value, Verb.ACKNOWLEDGE.value, Verb.ASK_INFO.value, *_DECISIONS}
    | {Verb.START.value, Verb.COMPLETE.value, Verb.EXPIRE.value, Verb.WITHDRAW.value, Verb.CLIENT_WITHDRAW.value}
)


@dataclass(frozen=True, slots=True)
class CaseSeen:
    """A case that came in within the time, as plain codes."""

    id: UUID
    month: str
    came_in: datetime
    country: str
    language: str
    urgency: str
    needs: tuple[str, ...]
    state: str

    @property
    def helped(self) -> bool:
        return self.state in {CaseState.HELPED.value, CaseState.ADVISED.value}

    @property
    def unmet(self) -> bool:
        return self.state == CaseState.UNMET.value


@dataclass(slots=True)
class OfferSeen:
    """An offer made within the time. `first`: when each verb was first taken."""

    case_id: UUID
    organisation: str
    month: str
    country: str
    urgency: str
    needs: tuple[str, ...]
    offered_at: datetime
    state: str
    outcome: str | None
    first: dict[str, datetime] = field(default_factory=dict)

    @property
    def decided_at(self) -> datetime | None:
        return min((at for verb, at in self.first.items() if verb in _DECISIONS), default=None)

    @property
    def end(self) -> str:
        """What became of the offer: exactly one of `ENDS`."""
        if Verb.ACCEPT.value in self.first:
            return "accepted"
        if Verb.DECLINE.value in self.first:
            return "declined"
        end = _END_OF[self.state]
        seen = {Verb.ACKNOWLEDGE.value, Verb.ASK_INFO.value}
        return "only_acknowledged" if end == "no_answer" and seen & set(self.first) else end


_END_OF: Final = complete(
    State,
    {
        State.DRAFT: "waiting",
        State.AWAITING_CONSENT: "waiting",
        State.OFFERED: "waiting",
        State.ACKNOWLEDGED: "waiting",
        State.INFO_REQUESTED: "waiting",
        State.WAITLISTED: "waiting",
        State.ACCEPTED: "waiting",
        State.IN_PROGRESS: "waiting",
        State.ON_HOLD: "waiting",
        State.COMPLETED: "waiting",
        State.DECLINED: "waiting",
        State.HANDED_BACK: "waiting",
        State.EXPIRED: "no_answer",
        State.WITHDRAWN: "taken_back",
        State.CLIENT_DECLINED: "taken_back",
        State.ENTERED_IN_ERROR: "taken_back",
    },
)
"""What became of an offer that was neither accepted nor declined, by its state; `waiting` while nothing has become of it."""
ENDS = ("accepted", "declined", "only_acknowledged", "no_answer", "taken_back", "waiting")


def cases(session: Session, period: Quarter | Stretch, team_id: UUID | None) -> Sequence[CaseSeen]:
    """None: every team's, but for what is made up. Erased cases are not there any more, and are not counted."""
    columns = (Case.id, Case.waiting_since, Case.country, Case.language, Case.urgency, Case.needs, Case.state)
    wanted = sa.select(*columns).where(
        Case.waiting_since >= period.start, Case.waiting_since < period.end, Case.state != CaseState.ERASED.value
    )
    wanted = wanted.where(Case.team_id == team_id if team_id is not None else Case.team_id != sandbox_identity.TEAM_ID)
    return [
        CaseSeen(
            row.id,
            _month(row.waiting_since),
            row.waiting_since,
            row.country,
            row.language,
            row.urgency,
            tuple(row.needs),
            row.state,
        )
        for row in session.execute(wanted)
    ]


def offers(
    session: Session, period: Quarter | Stretch, team_id: UUID | None = None, organisation_id: UUID | None = None
) -> Sequence[OfferSeen]:
    """The offers, each with the first time of every step. Of everybody's, what is made up is left out."""
    within = [Referral.offered_at >= period.start, Referral.offered_at < period.end]
    if team_id is not None:
        within.append(Case.team_id == team_id)
    if organisation_id is not None:
        within.append(Referral.organisation_id == organisation_id)
    if team_id is None and organisation_id is None:
        within.append(Referral.organisation_id != sandbox_identity.ORGANISATION_ID)
    columns = (
        Referral.id, Referral.case_id, Referral.offered_at, Referral.state, Referral.outcome,
        Case.country, Case.urgency, Case.needs, Organisation.slug,
    )  # fmt: skip
    base = (
        sa.select(*columns)
        .join_from(Referral, Case, Case.id == Referral.case_id)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(*within)
    )
    found = {
        row.id: OfferSeen(
            row.case_id, row.slug, _month(row.offered_at), row.country, row.urgency, tuple(row.needs), row.offered_at,
            row.state, row.outcome,
        )
        for row in session.execute(base)
    }  # fmt: skip
    steps = (
        sa.select(ReferralEvent.referral_id, ReferralEvent.verb, sa.func.min(ReferralEvent.at).label("at"))
        .join(Referral, Referral.id == ReferralEvent.referral_id)
        .join(Case, Case.id == Referral.case_id)
        .where(*within, ReferralEvent.verb.in_(_READ))
        .group_by(ReferralEvent.referral_id, ReferralEvent.verb)
    )
    for row in session.execute(steps):
        if row.referral_id in found:
            found[row.referral_id].first[row.verb] = row.at
    return list(found.values())


def first_offer(made: Iterable[OfferSeen]) -> dict[UUID, datetime]:
    """When each case was first offered to anybody."""
    found: dict[UUID, datetime] = {}
    for one in made:
        found[one.case_id] = min(one.offered_at, found.get(one.case_id, one.offered_at))
    return found


def _month(at: datetime) -> str:
    return f"{at:%Y-%m}"
