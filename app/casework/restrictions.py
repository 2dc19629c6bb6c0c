"""Restricting a case to named members of its team, changing who is named, and lifting it (docs/decisions/0160).

The data keys are sealed to a key of the case's own, which the named members are granted, and the wraps of the team are destroyed.
Nothing is encrypted again: whoever has read the case before knows it, and what the documents say about backups holds.
"""

from collections.abc import Collection, Mapping
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import access_control, case_presence, restriction, sealed_parts, transitions, undo
from app.cases.access_control import AuditedReader
from app.cases.models import Case, CaseWrap, WrapFor
from app.cases.restriction import FEWEST
from app.cases.sealed_parts import Recipient
from app.casework import coordinator, sealed_access
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed
from app.core.i18n import N_, Translatable
from app.core.keyholders import SealingKey
from app.core.sealing import KeyPair
from app.referrals import threads
from app.referrals.models import Referral
from app.staff import members as staff_members
from app.staff import seats
from app.staff.models import Member, Role
from app.tasks import service as tasks
from app.tasks.models import Task


def may_restrict(desk: Desk, case: Case) -> bool:
    """Whether this member may restrict the case: a senior, or the coordinator who holds it."""
    return desk.member.role is Role.SENIOR or case.owner_id == desk.member.member_id


def restrict(session: Session, desk: Desk, label: str, version: int, named: Collection[UUID]) -> Case:
    """Restrict the case to these members, or change who is named. Each of them has to hold the team's key.

    Who restricts a case is one of them; afterwards any of them may change the names, also to leave. Locks the case, then the
    members in the order of their ids, so that nobody is switched off meanwhile.

    Raises NotFound, StaleCase, RestrictedCase, NotAllowed (may not restrict it, or holds no key), Invalid (fewer than two, or
    somebody who cannot be named).
    """
    case = coordinator.locked_case(session, desk, label, version)
    if not case.restricted and not may_restrict(desk, case):
        raise NotAllowed("Only a senior coordinator, or the coordinator who owns the case, can restrict it.")
    before = {one.id for one in restriction.named(session, case.id)} if case.restricted else set()
    if not case.restricted and desk.member.member_id not in named:
        raise _invalid(N_("Name yourself too: otherwise you could not open the case any more."))
    chosen = _locked_members(session, case, named)
    _watch(session, desk, case)
    held = sealed_access.keys_for(session, desk, case)
    data_keys = _data_keys(session, desk, case)
    key = restriction.new_key(session, case.id, case.team_id, chosen, desk.now)
    _seal(session, desk, case, restriction.circle_id(case.id), key, data_keys, held)
    first = not case.restricted
    if first:
        transitions.close_country_move(session, case, desk.now)
        undo.forget(session, case.id)
        _mark(session, case, restricted=True)
    ids = {member.id for member in chosen}
    if case.owner_id not in ids:
        case.owner_id = desk.member.member_id if desk.member.member_id in ids else chosen[0].id
    tasks.hand_over_restricted(session, case.id, case.owner_id, ids)
    case_presence.forget(session, case.id, but=ids)
    for member_id in sorted(ids - before - {desk.member.member_id}):
        tasks.open_named(session, case, member_id, now=desk.now)
    codes = {"members": sorted(member_id.hex for member_id in ids)}
    coordinator.record_change(session, desk, case, "case:restricted" if first else "case:names_changed", codes)
    return case


def lift(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Seal the case to the whole team again. A named member may.

    Raises NotFound, StaleCase, RestrictedCase, Conflict (it is not restricted, or the team has no key).
    """
    case = coordinator.locked_case(session, desk, label, version)
    if not case.restricted:
        raise Conflict("The case is not restricted.", state=case.state)
    key = keyholders.active_key(session, case.team_id)
    if key is None:
        raise Conflict("The team has no key yet, so nothing can be encrypted to it.", state=case.state)
    _watch(session, desk, case)
    held = sealed_access.keys_for(session, desk, case)
    _seal(session, desk, case, case.team_id, key, _data_keys(session, desk, case), held)
    restriction.end_key(session, case.id)
    _mark(session, case, restricted=False)
    coordinator.record_change(session, desk, case, "case:restriction_lifted")
    return case


def withheld_subjects(session: Session, member_id: UUID, ids: Collection[UUID] | None = None) -> frozenset[str]:
    """The subjects of the audit that belong to restricted cases for which this member is not named, as their hex ids: of them it
    tells who did what and when, without codes. `ids`: only these; None: all there are. Three statements.
    """
    found: set[str] = set()
    for subject, case_id in ((Case.id, Case.id), (Referral.id, Referral.case_id), (Task.id, Task.case_id)):
        query = (
            sa.select(subject).join_from(subject.class_, Case, Case.id == case_id)
            if subject is not Case.id
            else sa.select(subject)
        )
        query = query.where(restriction.hidden_from(member_id))
        found |= {one.hex for one in session.scalars(query if ids is None else query.where(subject.in_(list(ids))))}
    return frozenset(found)


def _invalid(detail: str | Translatable) -> Invalid:
    return Invalid([FieldError(pointer="/named", code="out_of_range", detail=detail)])


def _locked_members(session: Session, case: Case, named: Collection[UUID]) -> list[Member]:
    """These members by name, their rows locked. Raises Invalid."""
    if len(set(named)) < FEWEST:
        raise _invalid(
            Translatable(
                "Name at least {fewest} members, so that the case stays readable when one of them leaves or falls ill.",
                fewest=FEWEST,
            )
        )
    chosen = [member for one in sorted(set(named)) if (member := staff_members.lock(session, one)) is not None]
    fit = [
        member
        for member in chosen
        if member.active and member.team_id == case.team_id and seats.holds_key_of(session, member.key_id, case.team_id)
    ]
    fit.sort(key=lambda member: member.name)
    if len(fit) < len(set(named)):
        raise _invalid(N_("Choose members of this team who hold the team's key."))
    return fit


def _watch(session: Session, desk: Desk, case: Case) -> None:
    """Nothing is opened for anybody's eyes, so it counts as no read; who gets at a honeytoken's keys gives themselves away."""
    reader = AuditedReader.member(desk.actor.kind.value, desk.member.member_id, desk.reads_a_day)
    access_control.raise_alarm(session, desk.keys, reader, case.id, desk.now)


def _data_keys(session: Session, desk: Desk, case: Case) -> Mapping[str, bytes]:
    return {
        purpose: sealed_access.data_key(session, desk, case, purpose)
        for purpose in (sealed_parts.PERSON, sealed_parts.DESK)
    }


def _seal(
    session: Session,
    desk: Desk,
    case: Case,
    holder_id: UUID,
    key: SealingKey,
    data_keys: Mapping[str, bytes],
    held: Mapping[UUID, KeyPair],
) -> None:
    """Seal what the desk reads of the case to this key alone. What was sealed for the desk before is destroyed."""
    if not threads.move_to(session, desk.keys, case.id, held, holder_id, key):
        raise NotAllowed("You were not given the key that this case was sealed to. Ask a colleague to grant it.")
    session.execute(sa.delete(CaseWrap).where(CaseWrap.case_id == case.id, CaseWrap.kind == WrapFor.TEAM.value))
    to = Recipient(WrapFor.TEAM, holder_id, key.public_key, key.id)
    for purpose, data_key in data_keys.items():
        sealed_parts.grant(session, desk.keys, case.id, purpose, data_key, [to])


def _mark(session: Session, case: Case, *, restricted: bool) -> None:
    """Set the mark. The state is written with it, unchanged, so that the figures of reports note the case as changed."""
    session.flush()
    mark = sa.update(Case).where(Case.id == case.id).values(restricted=restricted, state=Case.state)
    session.execute(mark.execution_options(synchronize_session=False))
    session.refresh(case, ["restricted"])
