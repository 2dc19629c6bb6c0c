"""Opening and ending tasks: every missed deadline and every end without help creates a task for a team.

A task is opened and ended in the transaction of its cause. There is at most one open task of a kind about the same thing,
however often the cause is repeated. The caller holds the case's row, which makes that check safe.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Final, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import restriction
from app.cases.models import Case
from app.core import bulk
from app.core.clock import to_the_hour
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_
from app.core.ids import named_id
from app.core.upsert import insert_if_absent
from app.referrals import deadlines
from app.referrals.deadline_storage import current_urgency
from app.referrals.deadlines import DeadlineTerms
from app.referrals.models import Referral
from app.referrals.working_hours import hours_of
from app.tasks import team_reach
from app.tasks.models import Task
from app.tasks.team_reach import TeamReach


class TaskKind(StrEnum):
    FIND_NEXT = "find_next"
    ASK_PERSON = "ask_person"
    UNMET = "unmet"
    HANDED_BACK = "handed_back"
    CONSENT_WAITS = "consent_waits"
    OVERDUE = "overdue"
    CLOSED = "closed"
    QUESTION = "question"
    MESSAGE = "message"
    MESSAGE_NOT_READ = "message_not_read"
    APPOINTMENT = "appointment"
    FIRST_CONTACT = "first_contact"
    PROGRESS = "progress"
    DISAGREEMENT = "disagreement"
    CHECK_CHANNEL = "check_channel"
    MERGE = "merge"
    REVIEW_RULE = "review_rule"
    CHANGE_RULE = "change_rule"
    TELL_PERSON = "tell_person"
    MOVED_HERE = "moved_here"
    UNDELIVERED_NOTICE = "dead_letter"  # as it is stored
    CROWD = "crowd"
    ASK_CENTRE = "ask_centre"
    TELL_CENTRE = "tell_centre"
    HAND_OVER = "hand_over"
    READ_DOCUMENT = "read_document"
    LINK_STOPPED = "link_stopped"
    WROTE_AFTER_END = "wrote_after_end"
    MENTION = "mention"
    NAMED = "named"
    TOO_FEW_NAMED = "too_few_named"


class TaskEnd(StrEnum):
    """Events that end a task without anybody marking it as done."""

    OFFERED = "offered"  # an organisation was asked
    MOVED = "moved"  # the referral it is about moved
    CASE_ENDED = "case_ended"


@dataclass(frozen=True, slots=True)
class TaskRule:
    """A kind's label on the desk's list, the time until it is due by urgency, and the events that end it."""

    label: str
    within: Mapping[str, timedelta]
    ends_with: frozenset[TaskEnd]


_SOON: Final = {"emergency": timedelta(hours=2), "urgent": timedelta(days=1), "normal": timedelta(days=3)}
_AT_ONCE: Final = {"emergency": timedelta(hours=2), "urgent": timedelta(hours=12), "normal": timedelta(days=1)}
"""For what may be worse than it looks, such as a letter that nobody has read."""
_LATER: Final = {"emergency": timedelta(days=1), "urgent": timedelta(days=3), "normal": timedelta(days=7)}
_SEARCH: Final = frozenset({TaskEnd.OFFERED, TaskEnd.CASE_ENDED})
_MOVE: Final = frozenset({TaskEnd.MOVED, TaskEnd.CASE_ENDED})
_CASE: Final = frozenset({TaskEnd.CASE_ENDED})
_NOTHING: Final[frozenset[TaskEnd]] = frozenset()
K = TaskKind
RULES: Final = MappingProxyType(
    {
        K.FIND_NEXT: TaskRule(N_("A need is not covered: find an organisation for it"), _SOON, _SEARCH),
        K.ASK_PERSON: TaskRule(
            N_("All organisations that may be asked were asked: ask the person about others"), _SOON, _SEARCH
        ),
        K.UNMET: TaskRule(N_("No service matches: check the near matches and tell the person"), _SOON, _SEARCH),
        K.HANDED_BACK: TaskRule(N_("Handed back: read what was done and find another organisation"), _SOON, _SEARCH),
        K.CONSENT_WAITS: TaskRule(
            N_("The person has not answered whether an organisation can read the case"), _SOON, _MOVE
        ),
        K.OVERDUE: TaskRule(N_("The organisation has not answered in time: call them"), _SOON, _MOVE),
        K.CLOSED: TaskRule(
            N_("The deadline is near and the organisation opens only later: look for another way to reach it"),
            _SOON,
            _MOVE,
        ),
        K.QUESTION: TaskRule(N_("An organisation's question is waiting for an answer"), _SOON, _MOVE),
        K.MESSAGE: TaskRule(N_("An organisation wrote to the team: read and answer its message"), _SOON, _CASE),
        K.MESSAGE_NOT_READ: TaskRule(N_("The organisation has not read a message: call them"), _SOON, _CASE),
        K.APPOINTMENT: TaskRule(N_("No time for a meeting or call is agreed yet: offer other times"), _SOON, _CASE),
        K.FIRST_CONTACT: TaskRule(N_("The organisation has not reached the person in time"), _SOON, _MOVE),
        K.PROGRESS: TaskRule(N_("Ask the organisation about progress"), _LATER, _MOVE),
        K.DISAGREEMENT: TaskRule(N_("The person and the organisation report different things"), _SOON, _CASE),
        K.CHECK_CHANNEL: TaskRule(N_("An organisation could not reach the person: look for a safe way"), _SOON, _CASE),
        K.MERGE: TaskRule(N_("An organisation already knows this case: check for a duplicate"), _LATER, _CASE),
        K.REVIEW_RULE: TaskRule(
            N_("An organisation says that the case does not fit: review its rule"), _LATER, _NOTHING
        ),
        K.CHANGE_RULE: TaskRule(
            N_(
                "A service was refused three times for one reason in three months: decide about the proposal to change its rule"
            ),
            _LATER,
            _NOTHING,
        ),
        K.TELL_PERSON: TaskRule(
            N_("There is news, but no message may be sent to the person: check whether a call is safe"), _SOON, _CASE
        ),
        K.MOVED_HERE: TaskRule(N_("The case was moved here from another country: review it"), _SOON, _SEARCH),
        K.UNDELIVERED_NOTICE: TaskRule(N_("A notice could not be delivered"), _LATER, _NOTHING),
        K.CROWD: TaskRule(
            N_("Very many requests arrive at the same time: check those that are marked as possible spam"),
            _SOON,
            _NOTHING,
        ),
        K.ASK_CENTRE: TaskRule(
            N_("Ask the organisation yourself whether it takes the case, and record its answer"), _SOON, _MOVE
        ),
        K.TELL_CENTRE: TaskRule(N_("Tell the organisation yourself what has changed"), _SOON, _NOTHING),
        K.LINK_STOPPED: TaskRule(
            N_("Wrong codes have stopped a link: phone the organisation before you make a new one"), _SOON, _CASE
        ),
        K.MENTION: TaskRule(N_("A colleague mentions you in a note of the team: read it"), _SOON, _CASE),
        K.NAMED: TaskRule(N_("You can now open a restricted case: read it"), _SOON, _CASE),
        K.TOO_FEW_NAMED: TaskRule(
            N_("Fewer than two members can open this restricted case: name another one"), _AT_ONCE, _CASE
        ),
        K.HAND_OVER: TaskRule(
            N_("The organisation has accepted: give it what the person agreed that it can read"), _SOON, _MOVE
        ),
        K.WROTE_AFTER_END: TaskRule(
            N_("The person wrote after the case was closed: read it, and reopen the case if help is still needed"),
            _SOON,
            _NOTHING,
        ),
        K.READ_DOCUMENT: TaskRule(
            N_("The person added a document: read it, and enter what a letter is about and its date"), _AT_ONCE, _CASE
        ),
    }
)


def open_task(
    session: Session,
    kind: TaskKind,
    case: Case,
    *,
    now: datetime,
    referral: Referral | None = None,
    due_at: datetime | None = None,
) -> None:
    """Open a task of the case's team, for the case's owner. It is due before the legal deadline is close.

    `due_at`: a time that is set already, such as that by which an organisation has to answer.
    """
    about_id = referral.id if referral is not None else case.id
    _insert(
        session,
        kind,
        about_id,
        team_id=case.team_id,
        due_at=due_at or _due(kind, case, now),
        now=now,
        case_id=case.id,
        referral_id=referral.id if referral is not None else None,
        owner_id=case.owner_id,
    )


def _due(kind: TaskKind, case: Case, now: datetime) -> datetime:
    urgency = current_urgency(case, now)
    latest = deadlines.latest_answer(now, DeadlineTerms(urgency, hours_of(case.country), case.last_safe_day))
    due = now + RULES[kind].within[urgency]
    return due if latest is None else min(due, latest)


def hasten(session: Session, kind: TaskKind, case: Case, *, now: datetime) -> None:
    """Bring the open task of this kind about the case forward, because the case is more urgent now. Never moves it back."""
    due = _due(kind, case, now)
    mine = sa.and_(Task.kind == kind.value, Task.about_id == case.id, Task.done_at.is_(None), Task.due_at > due)
    session.execute(sa.update(Task).where(mine).values(due_at=due))


def is_open(session: Session, kind: TaskKind, about_id: UUID) -> bool:
    """Whether a task of this kind about this is open."""
    same = sa.select(Task.id).where(Task.kind == kind.value, Task.about_id == about_id, Task.done_at.is_(None))
    return session.scalar(same) is not None


def open_mention(session: Session, case: Case, member_id: UUID, *, now: datetime) -> None:
    """Open the task of a member whom a note of the case mentions; one at a time for each member."""
    about_id = named_id("mention", f"{case.id.hex}:{member_id.hex}")
    due = now + RULES[K.MENTION].within[current_urgency(case, now)]
    _insert(
        session, K.MENTION, about_id, team_id=case.team_id, due_at=due, now=now, case_id=case.id, owner_id=member_id
    )


def open_named(session: Session, case: Case, member_id: UUID, *, now: datetime) -> None:
    """Open the task of a member who was named for a restricted case; one at a time for each member."""
    about_id = named_id("named", f"{case.id.hex}:{member_id.hex}")
    due = now + RULES[K.NAMED].within[current_urgency(case, now)]
    _insert(session, K.NAMED, about_id, team_id=case.team_id, due_at=due, now=now, case_id=case.id, owner_id=member_id)


def open_undelivered_notice(
    session: Session, message_id: UUID, team_id: UUID, case_id: UUID | None, *, now: datetime
) -> None:
    """Open the task about a notice that could not be delivered."""
    due = now + RULES[K.UNDELIVERED_NOTICE].within["urgent"]
    _insert(session, K.UNDELIVERED_NOTICE, message_id, team_id=team_id, due_at=due, now=now, case_id=case_id)


def open_rule_change(session: Session, service_id: UUID, team_id: UUID, *, now: datetime) -> None:
    """Open the task to propose another rule for a service; one for each service, whichever team has it."""
    due = to_the_hour(now) + RULES[K.CHANGE_RULE].within["normal"]
    row = {
        "id": uuid4(),
        "kind": K.CHANGE_RULE.value,
        "about_id": service_id,
        "team_id": team_id,
        "due_at": due,
        "opened_at": to_the_hour(now),
    }
    insert_if_absent(session, Task, row, key=())


def open_crowd(session: Session, team_id: UUID, *, now: datetime) -> bool:
    """Open the team's task to check a sudden crowd of requests. False: it is open already.

    Safe when several processes do it at the same time.
    """
    row = {
        "id": uuid4(),
        "kind": K.CROWD.value,
        "about_id": named_id("crowd", team_id.hex),
        "team_id": team_id,
        "due_at": to_the_hour(now) + RULES[K.CROWD].within["emergency"],
        "opened_at": to_the_hour(now),
    }
    return insert_if_absent(session, Task, row, key=())


def _insert(
    session: Session,
    kind: TaskKind,
    about_id: UUID,
    *,
    team_id: UUID,
    due_at: datetime,
    now: datetime,
    case_id: UUID | None = None,
    referral_id: UUID | None = None,
    owner_id: UUID | None = None,
) -> None:
    if is_open(session, kind, about_id):
        return
    session.execute(
        sa.insert(Task),
        {
            "id": uuid4(),
            "kind": kind.value,
            "about_id": about_id,
            "case_id": case_id,
            "referral_id": referral_id,
            "team_id": team_id,
            "owner_id": owner_id,
            "due_at": due_at,
            "opened_at": now,
        },
    )


def _kinds(ends: TaskEnd) -> list[str]:
    return [kind.value for kind, rule in RULES.items() if ends in rule.ends_with]


def _end(session: Session, which: sa.ColumnElement[bool], ending: str, now: datetime) -> None:
    session.execute(sa.update(Task).where(Task.done_at.is_(None), which).values(done_at=now, ending=ending))


def end_search_tasks(session: Session, case_id: UUID, now: datetime) -> None:
    """End the case's tasks to find an organisation, because one was asked."""
    _end(session, sa.and_(Task.case_id == case_id, Task.kind.in_(_kinds(TaskEnd.OFFERED))), "overtaken", now)


def end_referral_tasks(session: Session, referral_id: UUID, now: datetime) -> None:
    """End the tasks that waited for the referral's next move."""
    _end(session, sa.and_(Task.referral_id == referral_id, Task.kind.in_(_kinds(TaskEnd.MOVED))), "overtaken", now)


def end_case_tasks(session: Session, case_id: UUID, now: datetime) -> None:
    """End the tasks of a case that has ended."""
    _end(session, sa.and_(Task.case_id == case_id, Task.kind.in_(_kinds(TaskEnd.CASE_ENDED))), "case_ended", now)


def end_undelivered_notices(session: Session, case_id: UUID, now: datetime) -> None:
    """End the tasks about notices of a case that is erased: the notices are deleted with it."""
    _end(session, sa.and_(Task.case_id == case_id, Task.kind == K.UNDELIVERED_NOTICE.value), "case_ended", now)


def hand_over_restricted(session: Session, case_id: UUID, owner_id: UUID | None, named: Collection[UUID]) -> None:
    """Give the open tasks of a restricted case, which somebody else has, to this member."""
    theirs = sa.and_(Task.case_id == case_id, Task.owner_id.not_in(list(named)))
    session.execute(sa.update(Task).where(Task.done_at.is_(None), theirs).values(owner_id=owner_id))


def end_kind_of_case(
    session: Session, kind: TaskKind, case_id: UUID, now: datetime, *, but: Collection[UUID] = ()
) -> None:
    """End the tasks of this kind that the case has, except those of these members."""
    theirs = sa.true() if not but else sa.or_(Task.owner_id.is_(None), Task.owner_id.not_in(list(but)))
    _end(session, sa.and_(Task.kind == kind.value, Task.case_id == case_id, theirs), "overtaken", now)


def end_tasks_of_kind(session: Session, kind: TaskKind, about_id: UUID, now: datetime) -> None:
    """End the open task of this kind, because what it asks for has already happened."""
    _end(session, sa.and_(Task.kind == kind.value, Task.about_id == about_id), "overtaken", now)


# --- the desk's list -------------------------------------------------------------------------------------------------

MAX_LISTED: Final = 100
UNDO_WITHIN: Final = timedelta(minutes=30)
KEPT: Final = timedelta(days=90)
"""How long a task is kept after it ended."""
_UNDELIVERED: Final = Task.kind == TaskKind.UNDELIVERED_NOTICE.value
_OPEN_COUNT: Final = sa.select(
    sa.func.count(),
    sa.func.coalesce(sa.func.sum(sa.case((_UNDELIVERED, 1), else_=0)), 0),
    team_reach.MEMBERS_TOLD,
    team_reach.SHIFTS,
    team_reach.ZONE,
).where(Task.team_id == sa.bindparam("team_id", type_=sa.Uuid()), Task.done_at.is_(None))
OpenTaskRow = sa.Row[UUID, str | None, datetime, datetime, str | None, str | None, str | None, UUID | None]


class OpenTaskCounts(NamedTuple):
    """The number of a team's open tasks, how many of them are undelivered notices, and whether somebody of the team can be told."""

    tasks: int
    undelivered: int
    reach: TeamReach


def count_open(session: Session, team_id: UUID) -> OpenTaskCounts:
    """Count the team's open tasks. One statement."""
    count, undelivered, *reach = session.execute(_OPEN_COUNT, {"team_id": team_id}).one()
    return OpenTaskCounts(count, undelivered, TeamReach(*reach))


def open_tasks(
    session: Session, team_id: UUID, *, me: UUID, owner_id: UUID | None = None, most: int = MAX_LISTED
) -> list[OpenTaskRow]:
    """Open tasks with the labels and the country of what they are about, those due first. At most `most`.

    Of a restricted case for which the member `me` is not named, they have its label alone: kind, country and referral are None.
    """
    hidden = sa.and_(Task.case_id.is_not(None), restriction.hidden_from(me))

    def shown(column: Any) -> sa.ColumnElement[Any]:
        return sa.case((hidden, sa.null()), else_=column)

    query = (
        sa.select(
            Task.id, shown(Task.kind).label("kind"), Task.due_at, Task.opened_at, Case.label.label("case_label"),
            shown(Case.country).label("country"), shown(Referral.label).label("referral_label"),
            shown(Task.owner_id).label("owner_id"),
        )
        .outerjoin(Case, Case.id == Task.case_id)
        .outerjoin(Referral, Referral.id == Task.referral_id)
        .where(Task.team_id == team_id, Task.done_at.is_(None))
        .order_by(Task.due_at, Task.id)
        .limit(most)
    )  # fmt: skip
    if owner_id is not None:
        query = query.where(Task.owner_id == owner_id)
    return list(session.execute(query))


def _locked_task(session: Session, team_id: UUID, task_id: UUID, member_id: UUID) -> Task:
    """The team's open task, its row locked. Raises NotFound: unknown, another team's, or no longer open; RestrictedCase."""
    task = session.scalars(
        sa.select(Task).where(Task.id == task_id, Task.team_id == team_id, Task.done_at.is_(None)).with_for_update()
    ).one_or_none()
    if task is None:
        raise NotFound("There is no such open task.")
    _refuse_unnamed(session, task, member_id)
    return task


def _refuse_unnamed(session: Session, task: Task, member_id: UUID) -> None:
    case = session.get(Case, task.case_id) if task.case_id is not None else None
    if case is not None:
        restriction.refuse_unnamed(session, case, member_id)


def take_task(session: Session, team_id: UUID, task_id: UUID, member_id: UUID, *, now: datetime) -> None:
    """Make the member the task's owner. Raises NotFound."""
    task = _locked_task(session, team_id, task_id, member_id)
    task.owner_id = member_id
    session.flush()
    _record_audit(session, task, "task:taken", member_id, now)


def finish_task(session: Session, team_id: UUID, task_id: UUID, member_id: UUID, *, now: datetime) -> None:
    """End the task as done. Raises NotFound."""
    task = _locked_task(session, team_id, task_id, member_id)
    task.done_at, task.done_by, task.ending = now, member_id, "done"
    session.flush()
    _record_audit(session, task, "task:done", member_id, now)


def reopen_task(session: Session, team_id: UUID, task_id: UUID, member_id: UUID, *, now: datetime) -> Task:
    """Open a task again that this member has just marked as done.

    Raises NotFound (not theirs, or longer ago than `UNDO_WITHIN`), Conflict (there is another such task by now).
    """
    task = session.scalars(
        sa.select(Task)
        .where(Task.id == task_id, Task.team_id == team_id, Task.done_by == member_id, Task.ending == "done")
        .with_for_update()
    ).one_or_none()
    if task is None or task.done_at is None or now - task.done_at > UNDO_WITHIN:
        raise NotFound("There is no task that you have just marked as done.")
    _refuse_unnamed(session, task, member_id)
    if is_open(session, TaskKind(task.kind), task.about_id):
        raise Conflict("There is another task of this kind about the same by now.")
    task.done_at, task.done_by, task.ending = None, None, None
    session.flush()
    _record_audit(session, task, "task:reopened", member_id, now)
    return task


def delete_done(session: Session, now: datetime, limit: int = bulk.BATCH) -> int:
    """Delete the tasks that ended longer than `KEPT` ago; returns how many. The audit log says who ended them."""
    return bulk.delete_some(session, Task, Task.done_at <= now - KEPT, limit)


def _record_audit(session: Session, task: Task, action: str, member_id: UUID, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id=member_id.hex,
        action=action,
        subject_kind="task",
        subject_id=task.id,
        codes={"kind": task.kind},
        now=now,
    )
