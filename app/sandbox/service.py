"""Refills the sandbox: one unanswered made-up referral in each language, and one for each error that can be tried.

The worker checks it every round and writes only when something is missing. Sandbox cases are never matched, offered to other
organisations or shown to coordinators: the private key of the sandbox team is discarded when it is created.
"""

from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import transitions
from app.cases.models import Case
from app.cases.short_labels import new_label
from app.casework import filing, referral_actions
from app.core import keyholders
from app.core.db import acquire_advisory_lock
from app.core.keyholders import OwnerKind
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory.models import ServiceRow
from app.directory.packs import Directory
from app.intake.schemas import Intake
from app.partners import sandbox_identity
from app.referrals.actors import ActorRef
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, ReferralActor, ReferralState, ReferralVerb
from app.sandbox.stories import STORIES
from app.staff.models import Team

ERROR_REHEARSALS: Final = {
    "SANDBOX-403": frozenset({ReferralState.OFFERED}),
    "SANDBOX-409": frozenset({ReferralState.OFFERED}),
    "SANDBOX-410": MAY_OPEN,
    "SANDBOX-412": frozenset({ReferralState.OFFERED}),
    "SANDBOX-429": frozenset({ReferralState.OFFERED}),
    "SANDBOX-503": frozenset({ReferralState.OFFERED}),
    sandbox_identity.FORGED_SIGNATURE_LABEL: MAY_OPEN,
}
"""Labels of the referrals that rehearse one error each, and the states in which they do so.

`app/api/sandbox_errors.py` implements the errors.
"""
MOST_AN_HOUR: Final = 120
"""Maximum number of new referrals per hour, whatever users of the published credentials do."""
KEPT_FOR: Final = timedelta(days=7)
_LOCK: Final = 0x50525F5342
_DESK: Final = ActorRef(ReferralActor.CLOCK)
_PARTNER: Final = ActorRef(ReferralActor.PARTNER, sandbox_identity.ORGANISATION_ID, sandbox_identity.ORGANISATION_ID)


def missing(session: Session, now: datetime) -> bool:
    """Whether `refill` has something to do. Only reads."""
    if (
        not sandbox_identity.is_open(session)
        or session.scalar(sa.select(Case.id).where(*_old(now)).limit(1)) is not None
    ):
        return True
    return _room(session, now) > 0 and bool(_languages_without_offer(session, now) or _missing_rehearsals(session))


def refill(session: Session, *, keys: KeyRing, directory: Directory, now: datetime) -> int:
    """Create missing referrals and schedule old cases for deletion; returns the number created. Takes an advisory lock."""
    acquire_advisory_lock(session, _LOCK)
    _found(session, keys, now)
    session.execute(sa.update(Case).where(*_old(now)).values(forget_at=now))
    room, made = _room(session, now), 0
    for story in STORIES:
        if made < room and story["language"] in _languages_without_offer(session, now):
            _offer(session, story, keys, directory, now)
            made += 1
    for label in _missing_rehearsals(session):
        if made < room:
            _rehearse(session, label, keys, directory, now)
            made += 1
    if made:
        _put_last(session, now)
    return made


def _put_last(session: Session, now: datetime) -> None:
    """Put the errors on demand behind the ordinary cases of the list, which begins with the longest unchanged."""
    rehearsals = sa.update(Referral).where(Referral.label.in_(list(ERROR_REHEARSALS)))
    session.execute(rehearsals.values(updated_at=now + timedelta(milliseconds=1)))


def _found(session: Session, keys: KeyRing, now: datetime) -> None:
    sandbox_identity.set_up(session, keys, now)
    if session.get(Team, sandbox_identity.TEAM_ID) is None:
        session.add(
            Team(id=sandbox_identity.TEAM_ID, slug=sandbox_identity.ORGANISATION, name="Sandbox", created_at=now)
        )
        session.flush()
        nobody = KeyPair.generate()
        keyholders.register(session, OwnerKind.TEAM, sandbox_identity.TEAM_ID, nobody.public, now)
    if session.get(ServiceRow, sandbox_identity.SERVICE_ID) is None:
        session.add(
            ServiceRow(
                id=sandbox_identity.SERVICE_ID,
                organisation_id=sandbox_identity.ORGANISATION_ID,
                key=sandbox_identity.SERVICE,
                name="Sandbox",
                entry={},
                updated_at=now,
            )
        )
        session.flush()


def _old(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    """Conditions for made-up cases that are due for deletion and not scheduled yet."""
    return (
        Case.team_id == sandbox_identity.TEAM_ID,
        Case.closed_at.is_(None),
        Case.forget_at.is_(None),
        Case.waiting_since < now - KEPT_FOR,
    )


def _room(session: Session, now: datetime) -> int:
    since = now - timedelta(hours=1)
    lately = sa.select(sa.func.count()).where(
        Referral.organisation_id == sandbox_identity.ORGANISATION_ID,
        Referral.updated_at > since,
        Referral.created_at > since,
    )
    return MOST_AN_HOUR - (session.scalar(lately) or 0)


def _languages_without_offer(session: Session, now: datetime) -> set[str]:
    """Languages without an unanswered referral. Referrals too old to be open are not read, because there may be many."""
    waiting = (
        sa.select(Case.language)
        .join(Referral, Referral.case_id == Case.id)
        .where(
            Referral.organisation_id == sandbox_identity.ORGANISATION_ID,
            Referral.updated_at > now - 2 * KEPT_FOR,
            Referral.state == ReferralState.OFFERED.value,
            Referral.label.not_in(list(ERROR_REHEARSALS)),
        )
    )
    return {story["language"] for story in STORIES} - set(session.scalars(waiting))


def _missing_rehearsals(session: Session) -> list[str]:
    """Labels without a referral, or whose referral is no longer in the required state."""
    state_of = dict(
        session.execute(
            sa.select(Referral.label, Referral.state).where(Referral.label.in_(list(ERROR_REHEARSALS)))
        ).all()
    )
    return [label for label, states in ERROR_REHEARSALS.items() if state_of.get(label) not in states]


def _offer(session: Session, story: dict[str, Any], keys: KeyRing, directory: Directory, now: datetime) -> Referral:
    intake = Intake.model_validate(story)
    case_id = filing.file_sandbox_intake(
        session, intake, sandbox_identity.TEAM_ID, keys=keys, directory=directory, now=now
    )
    case = transitions.locked(session, case_id)
    draft = referral_actions.create(session, keys, case, sandbox_identity.SERVICE, by=_DESK, now=now)
    return referral_actions.advance(session, draft.id, ReferralVerb.OFFER, by=_DESK, now=now)


def _rehearse(session: Session, label: str, keys: KeyRing, directory: Directory, now: datetime) -> None:
    """Create a referral with this label; the previous one gets an ordinary label."""
    before = session.scalars(sa.select(Referral).where(Referral.label == label)).one_or_none()
    if before is not None:
        before.label = new_label("R-")
        session.flush()
    story = STORIES[list(ERROR_REHEARSALS).index(label) % len(STORIES)]
    referral = _offer(session, story, keys, directory, now)
    referral.label = label
    session.flush()
    if ERROR_REHEARSALS[label] == MAY_OPEN:
        referral_actions.advance(session, referral.id, ReferralVerb.ACCEPT, by=_PARTNER, now=now)


def label_of(session: Session, referral_id: UUID) -> str | None:
    """The error label of a sandbox referral, or None."""
    return session.scalar(
        sa.select(Referral.label).where(
            Referral.id == referral_id,
            Referral.organisation_id == sandbox_identity.ORGANISATION_ID,
            Referral.label.in_(list(ERROR_REHEARSALS)),
        )
    )
