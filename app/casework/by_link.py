"""Referrals to organisations without an account, by a link with a code: the organisation answers itself, in its own browser.

The link is mailed or handed over; the code is told in another way. With both it sees the card, which names nobody, and answers
through the same table as an organisation with an account. After its acceptance link and code open what the person agreed to. A
coordinator can still record answers (`by_hand`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit, messaging
from app.cases import access_control, rewrapping, sealed_parts
from app.cases.access_control import AuditedReader
from app.cases.models import Case, WrapFor
from app.cases.sealed_parts import OpenedPart, Recipient
from app.casework import (
    announced_documents,
    by_hand,
    conflict_screening,
    partner_access,
    quality_answers,
    referral_actions,
    sealed_access,
)
from app.casework.coordinator import Desk, StaleCase, record_change
from app.core import keyholders, kill_switch
from app.core.errors import Conflict, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.links import service as links
from app.links.models import ReferralLink
from app.links.service import NewLink
from app.messaging import recipients
from app.messaging.kinds import NoticeKind
from app.partners.organisations import Organisation
from app.referrals import centre_contacts, change_feed, partner_queries, preconditions, queries
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, WITH_PARTNER, ReferralActor, ReferralState, ReferralVerb
from app.referrals.ways import ASKED, ContactMeans, ReferralWay
from app.tasks import service as tasks
from app.tasks.service import TaskKind

VERBS: Final = (
    ReferralVerb.ACCEPT,
    ReferralVerb.DECLINE,
    ReferralVerb.ASK_INFO,
    ReferralVerb.START,
    ReferralVerb.COMPLETE,
    ReferralVerb.HAND_BACK,
)
"""What can be answered through a link, in the order of the page. Everything else the organisation says to the coordinator."""


def send(
    session: Session, desk: Desk, label: str, referral_label: str, version: int, made: NewLink, *, by_mail: bool
) -> Referral:
    """Give the organisation of a referral this link; an earlier link ends.

    `by_mail`: queue the mail with the link; otherwise the coordinator passes it on. Opens the case's key in this session, which
    is audited. Raises NotFound, StaleCase, and Conflict: it answers itself, the person has not agreed, the referral has ended, or
    there is no confirmed address to mail to.
    """
    referral, case = by_hand.locked(session, desk, label, referral_label)
    if referral.version != version:
        raise StaleCase("The referral has moved on since you opened the case.", state=referral.state)
    if not may_be_sent(referral):
        raise Conflict("There is nothing to send: the person has not agreed yet, or the referral has ended.")
    if referral.organisation_id not in sealed_parts.organisations_agreed(session, case.id):
        raise Conflict("The person has not agreed that this organisation may read the case, or no longer agrees.")
    if by_mail and not address_of(session, desk.keys, referral.organisation_id):
        raise Conflict("There is no confirmed address to mail to. Pass the link on yourself.", state=referral.state)
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    desk_key = sealed_access.data_key(session, desk, case, sealed_parts.DESK)
    links.make(
        session, desk.keys, made, referral, person_key, desk_key,
        member_id=desk.member.member_id, mailed=by_mail, now=desk.now,
    )  # fmt: skip
    referral.way = ReferralWay.LINK.value
    if ReferralState(referral.state) not in MAY_OPEN:
        centre_contacts.add(session, made.id, referral, ASKED, ContactMeans.LINK, desk.member.member_id, None, desk.now)
    if by_mail:
        to = referral.organisation_id
        messaging.queue(
            session, NoticeKind.REFERRAL_LINK, about_id=referral.id, organisation_id=to, now=desk.now, at_once=True
        )
    record_change(session, desk, case, "case:link_made", {"referral": referral.id.hex, "mailed": by_mail})
    return referral


def may_be_sent(referral: Referral) -> bool:
    """Whether the organisation was asked, or is at work, so that a link has something to open."""
    return referral.offered_at is not None and ReferralState(referral.state) in WITH_PARTNER


def revoke(session: Session, desk: Desk, label: str, referral_label: str) -> None:
    """End the link immediately: whoever has it open can read nothing more. Raises NotFound, Conflict."""
    referral, case = by_hand.locked(session, desk, label, referral_label)
    if links.end(session, referral.id, "revoked", desk.now):
        record_change(session, desk, case, "case:link_revoked", {"referral": referral.id.hex})


def tell_code_again(session: Session, desk: Desk, label: str, referral_label: str) -> str:
    """The code of the open link, for the coordinator to tell it by phone; audited. Raises NotFound, Conflict."""
    referral, case = by_hand.locked(session, desk, label, referral_label)
    link = links.open_of(session, [referral.id]).get(referral.id)
    desk_key = sealed_access.data_key(session, desk, case, sealed_parts.DESK)
    try:
        code = links.code_of(link, desk_key) if link is not None and link.expires_at > desk.now else ""
    except CannotOpen:
        code = ""
    if not code:
        raise Conflict("There is no link that works. Make a new one.", state=referral.state)
    record_change(session, desk, case, "case:link_code_shown", {"referral": referral.id.hex})
    return code


def address_of(session: Session, keys: KeyRing, organisation_id: UUID) -> str:
    """The confirmed address of an organisation: the one that it set for notices, else the directory's, if its source is trusted.

    "" where there is none: a link is never mailed to an address that nobody has confirmed.
    """
    try:
        own = recipients.address_of(session, keys, organisation_id)
    except CannotOpen:
        own = ""
    organisation = session.get_one(Organisation, organisation_id)
    return own or (str(organisation.entry.get("email") or "") if organisation.verified else "")


def give_to_account(session: Session, desk: Desk, label: str, referral_label: str, version: int) -> Referral:
    """For an organisation that has an account by now: seal the case's key to it, end its link, and let it answer there.

    Raises NotFound, StaleCase, and Conflict: it has no key yet, the person has not agreed, or the referral has ended.
    """
    referral, case = by_hand.locked(session, desk, label, referral_label)
    if referral.version != version:
        raise StaleCase("The referral has moved on since you opened the case.", state=referral.state)
    key = keyholders.active_key(session, referral.organisation_id)
    if key is None:
        raise Conflict("This organisation has no account with a key yet.", state=referral.state)
    if not may_be_sent(referral):
        raise Conflict("There is nothing to hand over: the person has not agreed yet, or the referral has ended.")
    if referral.organisation_id not in sealed_parts.organisations_agreed(session, case.id):
        raise Conflict("The person has not agreed that this organisation may read the case, or no longer agrees.")
    person_key = sealed_access.data_key(session, desk, case, sealed_parts.PERSON)
    if conflict_screening.is_hit(session, desk.keys, case, person_key, referral.organisation_id):
        raise Conflict("This organisation takes no new cases at present.")
    to = Recipient(WrapFor.ORGANISATION, referral.organisation_id, key.public_key, key.id)
    sealed_parts.grant(session, desk.keys, case.id, sealed_parts.PERSON, person_key, [to])
    links.end(session, referral.id, "account", desk.now)
    referral.way = None
    referral.version += 1
    referral.updated_at = desk.now
    tasks.end_referral_tasks(session, referral.id, desk.now)
    change_feed.publish(
        session, referral.organisation_id, referral.id, f"referral.{referral.state}", referral.version, desk.now
    )
    messaging.queue(
        session,
        NoticeKind.REFERRAL_OFFERED,
        about_id=referral.id,
        organisation_id=referral.organisation_id,
        now=desk.now,
    )
    record_change(session, desk, case, "case:given_to_account", {"referral": referral.id.hex})
    return referral


# --- the organisation ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LinkedReferral:
    """The content of a link's page: the card, the moves that are open, and after `open_parts` the decrypted parts."""

    row: partner_queries.Row
    card: dict[str, Any]
    verbs: Sequence[ReferralVerb]
    may_open: bool
    openings_left: int
    parts: Sequence[OpenedPart] = ()

    def __repr__(self) -> str:
        return f"LinkedReferral({self.row.label})"


def label_of(session: Session, token: str, now: datetime) -> str | None:
    """The label of the referral of a working link; None for any other. Changes nothing, and opens nothing."""
    link = links.by_token(session, token, now)
    return session.get_one(Referral, link.referral_id).label if link is not None else None


def take_try(session: Session, token: str, now: datetime) -> bool:
    """Count one code before it is computed. False: the link does not work, or has no try left; in that case it ends here.

    Raises Frozen: all reading by partners is stopped.
    """
    if kill_switch.is_on(session, kill_switch.FREEZE):
        raise kill_switch.Frozen
    link = _locked(session, links.by_token(session, token, now), now)
    if link is None:
        return False
    if links.take_try(session, link):
        return True
    _stop(session, link, now)  # a former try was never finished
    return False


def try_code(session: Session, keys: KeyRing, token: str, cookie: str, kek: bytes, now: datetime) -> bool:
    """Begin a visit in the browser with this cookie, if the code fits. The try was counted before; a correct code gives it back.

    The last wrong code ends the link, and the team is told. False: a wrong code, or the link has ended.
    """
    link = _locked(session, links.by_token(session, token, now), now)
    if link is None:
        return False
    try:
        links.open_key(keys, link, kek)
    except CannotOpen:
        _record(session, link, "link:wrong_code", {"tries": link.tries}, now)
        if link.tries >= links.MAX_TRIES:
            _stop(session, link, now)
        return False
    links.give_try_back(link)
    links.begin_visit(link, cookie, kek, now)
    _record(session, link, "link:code_given", {}, now)
    return True


def look(session: Session, keys: KeyRing, cookie: str, now: datetime) -> LinkedReferral | None:
    """The referral of a visit, without anything decrypted but its card; None: the visit or its link has ended. Changes nothing.

    Raises Frozen.
    """
    if kill_switch.is_on(session, kill_switch.FREEZE):
        raise kill_switch.Frozen
    link = links.by_visit(session, cookie, now)
    return _seen(session, keys, link, now) if link is not None and _is_agreed(session, link) else None


def open_parts(session: Session, keys: KeyRing, cookie: str, now: datetime) -> LinkedReferral | None:
    """Open what the organisation may read after its acceptance; counted and audited. None: the visit or its link has ended.

    Raises Conflict: it has not accepted, or has opened it too often. Frozen.
    """
    link = visited(session, cookie, now)
    if link is None:
        return None
    referral = session.get_one(Referral, link.referral_id)
    if ReferralState(referral.state) not in MAY_OPEN:
        raise Conflict("The encrypted parts open once you have accepted.", state=referral.state)
    if link.openings >= links.MAX_OPENINGS:
        raise Conflict("This link has opened the request as often as it can.", state=referral.state)
    data_key = key_of_visit(keys, link, cookie)
    if data_key is None:
        return None
    access_control.authorize_read(session, keys, reader_of(link), referral.case_id, now)
    link.openings += 1
    link.opened_at = now
    partner_access.mark_opened(session, referral, now)
    rows = sealed_parts.parts(session, referral.case_id, partner_access.PARTS)
    opened = [sealed_parts.open_part(data_key, row) for row in rows]
    parts = announced_documents.with_deleted(session, referral.case_id, opened)
    codes = {"parts": [part.value for part in partner_access.PARTS], "purpose": "read"}
    _record(session, link, "referral:opened_by_link", codes, now)
    tasks.end_tasks_of_kind(session, TaskKind.HAND_OVER, referral.id, now)
    rewrapping.rewrap_opened(session, keys, referral.case_id, data_key)
    seen = _seen(session, keys, link, now)
    return LinkedReferral(seen.row, seen.card, seen.verbs, seen.may_open, seen.openings_left, parts)


def visited(session: Session, cookie: str, now: datetime) -> ReferralLink | None:
    """The link of a visit, with the rows of link, referral and case locked.

    For actions that only an organisation that the person agreed to may take. None: the visit or its link has ended, or the
    consent. Raises Frozen.
    """
    if kill_switch.is_on(session, kill_switch.FREEZE):
        raise kill_switch.Frozen
    link = _locked(session, links.by_visit(session, cookie, now), now)
    return link if link is not None and _is_agreed(session, link) else None


def still_opens(session: Session, keys: KeyRing, cookie: str, now: datetime) -> bool:
    """Whether the visit may go on reading what it has begun to read, without a lock."""
    link = None if kill_switch.is_on(session, kill_switch.FREEZE) else links.by_visit(session, cookie, now)
    if link is None or not _is_agreed(session, link) or key_of_visit(keys, link, cookie) is None:
        return False
    return ReferralState(session.get_one(Referral, link.referral_id).state) in MAY_OPEN


def key_of_visit(keys: KeyRing, link: ReferralLink, cookie: str) -> bytes | None:
    """The case's `person` key, in the browser in which the code was entered; None: it cannot be opened any more."""
    try:
        return links.open_key(keys, link, links.key_of_visit(link, cookie))
    except CannotOpen:
        return None


def reader_of(link: ReferralLink) -> AuditedReader:
    """The reader, for the audit log and for the daily limit."""
    return AuditedReader("partner", link.id.hex, f"link:{link.id.hex}", links.MAX_OPENINGS)


def answer(
    session: Session, cookie: str, verb: ReferralVerb, payload: TransitionInput, version: int, now: datetime
) -> Referral | None:
    """One answer of the organisation, through its link. None: the visit or its link has ended, or there is no such answer.

    Raises what `referral_actions.advance` raises, and Frozen.
    """
    if kill_switch.is_on(session, kill_switch.FREEZE):
        raise kill_switch.Frozen
    link = _locked(session, links.by_visit(session, cookie, now), now)
    if link is None or verb not in VERBS:
        return None
    organisation_id = session.get_one(Referral, link.referral_id).organisation_id
    by = ActorRef(ReferralActor.PARTNER, link.id, organisation_id)
    return referral_actions.advance(
        session, link.referral_id, verb, by=by, now=now, expected_version=version, payload=payload
    )


def say_quality(session: Session, cookie: str, quality: Sequence[str], now: datetime) -> bool:
    """Store what the organisation says about the quality of the referral, through its link. False: the visit or its link has ended.

    Raises Invalid, Conflict (it has not accepted), Frozen.
    """
    if kill_switch.is_on(session, kill_switch.FREEZE):
        raise kill_switch.Frozen
    link = _locked(session, links.by_visit(session, cookie, now), now)
    if link is None:
        return False
    organisation_id = session.get_one(Referral, link.referral_id).organisation_id
    quality_answers.say(session, organisation_id, link.referral_id, quality, who=link.id, now=now)
    return True


def end_visit(session: Session, cookie: str) -> None:
    """End the visit: this browser needs the code again."""
    links.end_visit(session, cookie)


def _locked(session: Session, link: ReferralLink | None, now: datetime) -> ReferralLink | None:
    """The link, with the rows of link, referral and case locked in the usual order: a revocation waits, or is seen."""
    if link is None:
        return None
    visit_id, token_hash = link.visit_id, link.token_hash
    try:
        queries.locked(session, link.referral_id)
    except NotFound:
        return None
    again = links.locked(session, link.id, now)
    return again if again is not None and (again.visit_id, again.token_hash) == (visit_id, token_hash) else None


def _is_agreed(session: Session, link: ReferralLink) -> bool:
    referral = session.get_one(Referral, link.referral_id)
    return referral.organisation_id in sealed_parts.organisations_agreed(session, referral.case_id)


def _seen(session: Session, keys: KeyRing, link: ReferralLink, now: datetime) -> LinkedReferral:
    referral = session.get_one(Referral, link.referral_id)
    row = partner_queries.by_id(session, referral.organisation_id, referral.id)
    if row is None:
        raise NotFound
    may = preconditions.open_to_partner(session, referral.id, referral.organisation_id, now)
    return LinkedReferral(
        row,
        partner_queries.open_card(keys, row),
        [verb for verb in VERBS if verb in may],
        ReferralState(referral.state) in MAY_OPEN,
        links.MAX_OPENINGS - link.openings,
    )


def _stop(session: Session, link: ReferralLink, now: datetime) -> None:
    """End a link whose tries are used up, and tell the team: somebody has the link and not the code."""
    links.end(session, link.referral_id, "tries", now)
    referral = session.get_one(Referral, link.referral_id)
    case = session.get_one(Case, referral.case_id)
    tasks.open_task(session, TaskKind.LINK_STOPPED, case, referral=referral, now=now)
    messaging.queue(session, NoticeKind.LINK_STOPPED, about_id=referral.id, team_id=case.team_id, now=now)
    _record(session, link, "link:stopped", {}, now)


def _record(session: Session, link: ReferralLink, action: str, codes: dict[str, Any], now: datetime) -> None:
    audit.record(
        session, actor_kind="partner", actor_id=link.id.hex, action=action, subject_kind="referral",
        subject_id=link.referral_id, codes=codes, now=now,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class LinkMail:
    """The data that the mail with a link needs."""

    link_id: UUID
    address: str
    label: str
    slug: str
    token: str

    def __repr__(self) -> str:
        return f"LinkMail({self.label})"


def mail_of(session: Session, keys: KeyRing, referral_id: UUID, now: datetime) -> LinkMail | None:
    """The mail of a referral's link that has yet to go out; None: the link has ended, or there is no confirmed address any more."""
    link = links.open_of(session, [referral_id]).get(referral_id)
    token = links.waiting_token(keys, link, now) if link is not None else None
    if link is None or token is None:
        return None
    row = session.execute(
        sa.select(Referral.label, Referral.organisation_id, Organisation.slug)
        .join(Organisation, Organisation.id == Referral.organisation_id)
        .where(Referral.id == referral_id)
    ).one()
    address = address_of(session, keys, row.organisation_id)
    return LinkMail(link.id, address, row.label, row.slug, token) if address else None
