"""Restricting a case to named members of its team, changing who is named, and lifting it (docs/decisions/0160).

The data keys are sealed to a key of the case's own, which the named members are granted, and the wraps of the team are destroyed.
Nothing is encrypted again: whoever has read the case before knows it, and what the documents say about backups holds.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import messaging
from app.cases import access_control, case_presence, restriction, sealed_parts, team_cases, transitions, undo
from app.cases.access_control import AuditedReader
from app.cases.models import Case, CaseWrap, WrapFor
from app.cases.restriction import FEWEST
from app.cases.sealed_parts import Recipient
from app.cases.states import CaseState
from app.casework import coordinator, sealed_access, team_notices
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.errors import Conflict, FieldError, Invalid, NotAllowed
from app.core.i18n import N_, Translatable
from app.core.keyholders import SealingKey
from app.core.sealing import KeyPair
from app.messaging.kinds import NoticeKind
from app.referrals import threads
from app.referrals.models import Referral
from app.staff import members as staff_members
from app.staff import seats
from app.staff.models import Member, Role
from app.tasks import service as tasks
from app.tasks.models import Task
from app.tasks.service import TaskKind


def may_restrict(desk: Desk, case: Case) -> bool:
    """Whether this member may restrict the case: a senior, or the coordinator who holds it."""
    return desk.member.role is Role.SENIOR or case.owner_id == desk.member.member_id


def restrict(session: Session, desk: Desk, label: str, version: int, named: Collection[UUID]) -> Case:
    """Restrict the case to these members, or change who is named. Each of them has to hold the team's key.

    Who restricts a case is one of them; afterwards any of them may change the names, also to leave. Cases that are merged with
    it hold the same person's words, so they are restricted to the same members. Locks the cases in the order of their labels,
    then the members in the order of their ids, so that nobody is switched off meanwhile.

    Raises NotFound, StaleCase, RestrictedCase, NotAllowed (may not restrict it, or holds no key), Invalid (fewer than two, or
    somebody who cannot be named).
    """
    case, merged = _locked_with_merged(session, desk, label, version)
    if not case.restricted and not may_restrict(desk, case):
        raise NotAllowed("Only a senior coordinator, or the coordinator who owns the case, can restrict it.")
    if not case.restricted and desk.member.member_id not in named:
        raise _invalid(N_("Name yourself too: otherwise you could not open the case any more."))
    chosen = _locked_members(session, case.team_id, named)
    for one in (*merged, case):
        _restrict_one(session, desk, one, chosen)
    return case


def restrict_new(session: Session, desk: Desk, label: str, named: Collection[UUID]) -> Case:
    """Restrict a case that this member has just filed for somebody, in the same transaction: nobody else has ever seen it.

    It becomes their own. Raises as `restrict` does.
    """
    case = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id, lock=True)
    case.owner_id = desk.member.member_id
    session.flush()
    return restrict(session, desk, label, case.version, named)


def check_names(session: Session, desk: Desk, named: Collection[UUID]) -> None:
    """Raises Invalid unless this member could restrict a case of their team to these, of whom they are one."""
    if desk.member.member_id not in named:
        raise _invalid(N_("Name yourself too: otherwise you could not open the case any more."))
    _locked_members(session, desk.team_id, named)


def _restrict_one(session: Session, desk: Desk, case: Case, chosen: Sequence[Member]) -> None:
    before = {one.id for one in restriction.named(session, case.id)} if case.restricted else set()
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
    tasks.end_kind_of_case(session, TaskKind.NAMED, case.id, desk.now, but=ids)
    tasks.end_kind_of_case(session, TaskKind.TOO_FEW_NAMED, case.id, desk.now)
    tasks.hand_over_restricted(session, case.id, case.owner_id, ids)
    case_presence.forget(session, case.id, but=ids)
    if case.closed_at is None:
        for member_id in sorted(ids - before - {desk.member.member_id}):
            tasks.open_named(session, case, member_id, now=desk.now)
            team_notices.tell_member(session, NoticeKind.NAMED, member_id, case, desk.now)
    codes = {"members": sorted(member_id.hex for member_id in ids)}
    coordinator.record_change(session, desk, case, "case:restricted" if first else "case:names_changed", codes)


def _locked_with_merged(session: Session, desk: Desk, label: str, version: int) -> tuple[Case, list[Case]]:
    """The case in the version that was seen, and those that are merged with it, all locked. Raises as `locked_case` does."""
    seen = team_cases.by_label(session, desk.team_id, label, me=desk.member.member_id)
    root = seen.merged_into_id or seen.id
    query = sa.select(Case.label).where(sa.or_(Case.id == root, Case.merged_into_id == root), Case.id != seen.id)
    labels = session.scalars(query.where(Case.state != CaseState.ERASED.value)).all()
    others = []
    for one in sorted({label, *labels}):
        if one == label:
            case = coordinator.locked_case(session, desk, label, version)
        else:
            others.append(team_cases.by_label(session, desk.team_id, one, me=desk.member.member_id, lock=True))
    return case, others


def lift(session: Session, desk: Desk, label: str, version: int) -> Case:
    """Seal the case, and those that are merged with it, to the whole team again. A named member may.

    Holds the team's key as it is until the transaction ends: a rotation waits, so that nothing is left sealed to a key whose
    grants it deletes. Raises NotFound, StaleCase, RestrictedCase, Conflict (it is not restricted, or the team has no key).
    """
    case, merged = _locked_with_merged(session, desk, label, version)
    if not case.restricted:
        raise Conflict("The case is not restricted.", state=case.state)
    key = keyholders.held_active_key(session, case.team_id)
    if key is None:
        raise Conflict("The team has no key yet, so nothing can be encrypted to it.", state=case.state)
    for one in (*merged, case):
        if one.restricted:
            _lift_one(session, desk, one, key)
    return case


def _lift_one(session: Session, desk: Desk, case: Case, key: SealingKey) -> None:
    _watch(session, desk, case)
    held = sealed_access.keys_for(session, desk, case)
    _seal(session, desk, case, case.team_id, key, _data_keys(session, desk, case), held)
    restriction.end_key(session, case.id)
    _mark(session, case, restricted=False)
    for kind in (TaskKind.TOO_FEW_NAMED, TaskKind.NAMED):
        tasks.end_kind_of_case(session, kind, case.id, desk.now)
    coordinator.record_change(session, desk, case, "case:restriction_lifted")


def with_too_few(session: Session, limit: int) -> Sequence[UUID]:
    """Open restricted cases that fewer than two active members can open, and of which nobody was told yet. Takes no lock."""
    told = sa.exists().where(Task.case_id == Case.id, Task.kind == TaskKind.TOO_FEW_NAMED.value, Task.done_at.is_(None))
    query = restriction.with_fewest_names().where(Case.closed_at.is_(None), sa.not_(told))
    return session.scalars(query.limit(limit)).all()


def tell_of_too_few(session: Session, case_id: UUID, *, now: datetime) -> bool:
    """Give whoever can still open the case the task to name another member, and tell them; with nobody left, the seniors.

    The case becomes that of somebody who can open it, so that its clocks tell them. False: there are enough names again.
    """
    case = transitions.locked(session, case_id)
    ids = [one.id for one in restriction.named(session, case.id)] if case.restricted else []
    if not case.restricted or case.closed_at is not None or len(ids) >= FEWEST:
        return False
    if tasks.is_open(session, TaskKind.TOO_FEW_NAMED, case.id):
        return False
    if case.owner_id not in ids:
        case.owner_id = ids[0] if ids else None
        case.version, case.updated_at = case.version + 1, now
        session.flush()
    tasks.hand_over_restricted(session, case.id, case.owner_id, ids)
    tasks.open_task(session, TaskKind.TOO_FEW_NAMED, case, now=now)
    messaging.queue(session, NoticeKind.TOO_FEW_NAMED, about_id=case.id, team_id=case.team_id, now=now)
    return True


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


def _locked_members(session: Session, team_id: UUID, named: Collection[UUID]) -> list[Member]:
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
        if member.active and member.team_id == team_id and seats.holds_key_of(session, member.key_id, team_id)
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
