"""Referrals to organisations without an account: a coordinator asks them, records their answers, and gives them what they may read.

An answer goes through the same table as an organisation's own (`referrals.states`), with the same effects and deadlines. What the
coordinator types about whom they spoke to is encrypted with the case's desk key, which only the team can open.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import access_control, restriction, sealed_parts, team_cases
from app.cases.access_control import AuditedReader
from app.cases.models import Case
from app.cases.sealed_parts import OpenedPart
from app.casework import (
    announced_documents,
    conflict_screening,
    partner_access,
    quality_answers,
    referral_actions,
    sealed_access,
)
from app.casework.coordinator import Desk, StaleCase, record_audit, record_change
from app.core import sealing
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed, NotFound, PreconditionFailed
from app.core.i18n import Translatable
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.referrals import centre_contacts, partner_queries, preconditions, queries
from app.referrals.actors import ActorRef
from app.referrals.centre_contacts import CentreContact
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, UNDECIDED, ReferralActor, ReferralState, ReferralVerb, allowed_actions
from app.referrals.ways import ASKED, BY_COORDINATOR, QUALITY, SPOKEN, ContactMeans, way_of
from app.staff.models import Role

LONGEST_NAME: Final = 120
_WHOM: Final = "centre_contact"


@dataclass(frozen=True, slots=True)
class SpokenContact:
    """How the coordinator and the organisation spoke, and with whom: a name or a role, or nothing."""

    how: str
    whom: str = ""

    def __repr__(self) -> str:
        return f"SpokenContact(how={self.how!r})"


def let_be_asked(session: Session, desk: Desk, case: Case, organisation_id: UUID) -> None:
    """Note that an organisation without a key may be asked: the person agreed to it. Raises Conflict: a conflict of interest."""
    if organisation_id in sealed_parts.organisations_agreed(session, case.id):
        return
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    if conflict_screening.is_hit(session, desk.keys, case, person_key, organisation_id):
        raise Conflict("This organisation takes no new cases at present.")
    sealed_parts.agree(session, case.id, organisation_id)
    record_audit(session, desk, case, "case:by_hand_agreed", {"organisation": organisation_id.hex})


def record_asked(
    session: Session, desk: Desk, label: str, referral_label: str, version: int, contact: SpokenContact
) -> Case:
    """Record that the coordinator has put the referral to the organisation, or has asked it again. It stays in its state.

    Raises NotFound, StaleCase, Invalid, Conflict (the organisation has decided, or answers itself).
    """
    referral, case = locked(session, desk, label, referral_label)
    if referral.version != version:
        raise StaleCase("The referral has moved on since you opened the case.", state=referral.state)
    if ReferralState(referral.state) not in UNDECIDED:
        raise Conflict("There is nothing to ask this organisation now.", state=referral.state)
    _note(session, desk, case, referral, ASKED, contact)
    record_change(session, desk, case, "case:centre_asked", {"referral": referral.id.hex, "how": contact.how})
    return case


def record_answer(
    session: Session,
    desk: Desk,
    label: str,
    referral_label: str,
    version: int,
    verb: ReferralVerb,
    payload: TransitionInput,
    contact: SpokenContact,
) -> Referral:
    """Make a move on behalf of the organisation, as it told the coordinator. `version` is the referral's.

    Raises NotFound, StaleCase, and what `referral_actions.advance` raises.
    """
    referral, case = locked(session, desk, label, referral_label)
    means = _checked(contact)
    by = ActorRef(ReferralActor.ON_BEHALF, desk.member.member_id)
    codes = {name: getattr(payload, name) for name in ("reason", "outcome", "until", "question", "work_done",
             "deadline_on", "outcomes")}  # fmt: skip
    try:
        moved = referral_actions.advance(
            session, referral.id, verb, by=by, now=desk.now, expected_version=version,
            payload=TransitionInput(**codes, how=means.value),
        )  # fmt: skip
    except PreconditionFailed as error:
        raise StaleCase("The referral has moved on since you opened the case.", **error.extra) from None
    _note(session, desk, case, moved, verb.value, contact)
    record_change(session, desk, case, f"case:referral_{verb}")
    return moved


def record_quality(
    session: Session, desk: Desk, label: str, referral_label: str, quality: Sequence[str], contact: SpokenContact
) -> Referral:
    """Record what the organisation said about the quality of a referral that it accepted. It moves nothing.

    Raises NotFound, Invalid, Conflict (it has not accepted, or answers itself).
    """
    referral, case = locked(session, desk, label, referral_label)
    _checked(contact)
    quality_answers.say(
        session, referral.organisation_id, referral.id, quality,
        who=desk.member.member_id, now=desk.now, actor_kind=desk.actor.kind.value,
    )  # fmt: skip
    _note(session, desk, case, referral, QUALITY, contact)
    record_change(session, desk, case, "case:quality_recorded", {"referral": referral.id.hex, "how": contact.how})
    return referral


def answers_open(session: Session, referral: Referral, case: Case, now: datetime) -> list[ReferralVerb]:
    """The moves that a coordinator can now record for the organisation, in the table's order."""
    if way_of(referral.way) not in BY_COORDINATOR or referral.offered_at is None:
        return []
    verbs = [ReferralVerb(verb) for verb in allowed_actions(ReferralState(referral.state), by=ReferralActor.ON_BEHALF)]
    return [
        verb for verb in verbs if preconditions.may(session, referral, case, verb, by=ReferralActor.ON_BEHALF, now=now)
    ]


def locked(session: Session, desk: Desk, label: str, referral_label: str) -> tuple[Referral, Case]:
    """A referral of the team's case whose organisation a coordinator speaks for, both rows locked. Raises NotFound, Conflict."""
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    referral_id = _referral_id(session, case, referral_label)
    referral, case = queries.locked(session, referral_id)
    if way_of(referral.way) not in BY_COORDINATOR:
        raise Conflict("This organisation has an account and answers itself.", state=referral.state)
    return referral, case


def _referral_id(session: Session, case: Case, referral_label: str) -> UUID:
    referral_id = session.scalar(
        sa.select(Referral.id).where(Referral.label == referral_label, Referral.case_id == case.id)
    )
    if referral_id is None:
        raise NotFound("There is no such referral.")
    return referral_id


def _checked(contact: SpokenContact) -> ContactMeans:
    """The means. Raises Invalid: none, or a name that is too long."""
    if len(contact.whom.strip()) > LONGEST_NAME:
        detail = Translatable("At most {most} characters: a name or a role.", most=LONGEST_NAME)
        raise Invalid([FieldError(pointer="/whom", code="too_long", detail=detail)])
    try:
        return SPOKEN[SPOKEN.index(ContactMeans(contact.how))]
    except ValueError:
        raise Invalid([FieldError(pointer="/how", code="required", detail="Say how you spoke with them.")]) from None


def _note(session: Session, desk: Desk, case: Case, referral: Referral, what: str, contact: SpokenContact) -> None:
    means, whom, contact_id = _checked(contact), contact.whom.strip(), uuid4()
    sealed = None
    if whom:
        desk_key = sealed_access.data_key(session, desk, case, sealed_parts.DESK)
        sealed = sealing.encrypt(_key(desk_key), sealing.pad(whom.encode()), _binding(contact_id, referral.id))
    centre_contacts.add(session, contact_id, referral, what, means, desk.member.member_id, sealed, desk.now)


def _key(desk_key: bytes) -> bytes:
    return sealed_parts.part_key(desk_key, _WHOM)


def _binding(contact_id: UUID, referral_id: UUID) -> bytes:
    return sealing.context("centre_contacts", str(contact_id), str(referral_id), "whom", "1")


def open_names(session: Session, desk: Desk, case: Case, contacts: Sequence[CentreContact]) -> dict[UUID, str]:
    """The person spoken to in each contact, decrypted. The caller has audited the opening. Raises NotAllowed, Conflict."""
    if not any(contact.whom for contact in contacts):
        return {}
    key = _key(sealed_access.data_key(session, desk, case, sealed_parts.DESK))
    names = {}
    for contact in contacts:
        if contact.whom is None:
            continue
        try:
            plain = sealing.decrypt(key, contact.whom, _binding(contact.id, contact.referral_id))
        except CannotOpen:
            continue
        names[contact.id] = sealing.unpad(plain).decode()
    return names


# --- the hand-over sheet ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class HandOverSheet:
    """The parts of a case that one organisation may read now: the card and, after its acceptance, the decrypted parts."""

    case: Case
    row: partner_queries.Row
    card: dict[str, object]
    parts: Sequence[OpenedPart]

    @property
    def is_whole(self) -> bool:
        """Whether the organisation has accepted, so that the sheet has name, contact and words."""
        return bool(self.parts)

    def __repr__(self) -> str:
        return f"HandOverSheet({self.row.label})"


def card_sheet(session: Session, keys: KeyRing, referral_label: str, now: datetime) -> HandOverSheet:
    """The card of a referral that is asked by hand or by a link, for the operator's command; the printing is audited.

    It names nobody. Name, contact and words need a member's key (`open_sheet`). Raises NotFound, Conflict
    (the organisation answers through its account, was not asked yet, has accepted, or the referral has ended).
    """
    referral = session.scalars(sa.select(Referral).where(Referral.label == referral_label)).one_or_none()
    if referral is None:
        raise NotFound("There is no such referral.")
    if way_of(referral.way) not in BY_COORDINATOR:
        raise Conflict("This organisation answers through its account.")
    if referral.offered_at is None or ReferralState(referral.state) not in UNDECIDED:
        raise Conflict("There is no card to print: it was not asked yet, has accepted, or the referral has ended.")
    row = partner_queries.by_id(session, referral.organisation_id, referral.id)
    if row is None:
        raise NotFound("There is no such referral.")
    restriction.refuse_unnamed(session, session.get_one(Case, referral.case_id), None)
    audit.record(
        session,
        actor_kind="operator",
        actor_id="-",
        action="referral:card_printed",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"parts": ["card"], "purpose": "sheet"},
        now=now,
    )
    return HandOverSheet(session.get_one(Case, referral.case_id), row, partner_queries.open_card(keys, row), ())


def open_sheet_of(session: Session, desk: Desk, referral_label: str) -> HandOverSheet:
    """`open_sheet` of a referral whose case is not named: a member's command. Raises NotFound, also for another team's case."""
    label = session.scalar(
        sa.select(Case.label).join(Referral, Referral.case_id == Case.id).where(Referral.label == referral_label)
    )
    if label is None:
        raise NotFound("There is no such referral.")
    if desk.member.role not in {Role.COORDINATOR, Role.SENIOR}:
        raise NotAllowed("This is for coordinators of a team.")
    return open_sheet(session, desk, label, referral_label)


def open_sheet(session: Session, desk: Desk, label: str, referral_label: str) -> HandOverSheet:
    """Open exactly what the organisation of this referral may read now, to be printed or read out; the opening is audited.

    Before its acceptance that is the card, which names nobody; after it, everything that an organisation with an account could
    open. Raises NotFound, Conflict (it answers itself, was not asked yet, or the referral has ended), NotAllowed, QuotaReached.
    """
    referral, case = locked(session, desk, label, referral_label)
    state = ReferralState(referral.state)
    if referral.offered_at is None or state not in MAY_OPEN | UNDECIDED:
        raise Conflict("There is nothing to hand over: the person has not agreed yet, or the referral has ended.")
    row = partner_queries.by_id(session, referral.organisation_id, referral.id)
    if row is None:
        raise NotFound("There is no such referral.")
    parts: Sequence[OpenedPart] = ()
    codes = {"parts": ["card"], "purpose": "sheet"}
    if state in MAY_OPEN:
        reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
        access_control.authorize_read(session, desk.keys, reader, case.id, desk.now)
        codes["parts"] = [part.value for part in partner_access.PARTS]
        partner_access.mark_opened(session, referral, desk.now)
        opened = sealed_access.open_parts(session, desk, case, partner_access.PARTS)
        parts = announced_documents.with_deleted(session, case.id, opened)
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.member.member_id.hex,
        action="referral:sheet_opened" if state in MAY_OPEN else "referral:card_printed",
        subject_kind="referral",
        subject_id=referral.id,
        codes=codes,
        now=desk.now,
    )
    return HandOverSheet(case, row, partner_queries.open_card(desk.keys, row), parts)
