"""What is left to do: every end that is no success, and every clock that runs out, leaves a row that a team owns.

A task is opened and ended in the transaction of the act that causes it. There is one open task for a kind and what it is
about, however often the cause comes again. The caller holds the case's row, which makes that check safe.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NamedTuple
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases.models import Case
from app.core.errors import NotFound
from app.referrals import deadlines
from app.referrals.deadlines import DeadlineTerms
from app.referrals.models import Referral
from app.referrals.working_hours import hours_of
from app.tasks.models import Task


class TaskKind(StrEnum):
    FIND_NEXT = "find_next"
    ASK_PERSON = "ask_person"
    UNMET = "unmet"
    HANDED_BACK = "handed_back"
    CONSENT_WAITS = "consent_waits"
    OVERDUE = "overdue"
    QUESTION = "question"
    FIRST_CONTACT = "first_contact"
    PROGRESS = "progress"
    DISAGREEMENT = "disagreement"
    CHECK_CHANNEL = "check_channel"
    MERGE = "merge"
    REVIEW_RULE = "review_rule"
    TELL_PERSON = "tell_person"
    MOVED_HERE = "moved_here"
    DEAD_LETTER = "dead_letter"


class Ends(StrEnum):
    """What makes a task needless, besides somebody doing it."""

    OFFERED = "offered"  # somebody was asked
    MOVED = "moved"  # the referral it is about took its next step
    CASE_ENDED = "case_ended"


@dataclass(frozen=True, slots=True)
class TaskRule:
    """What stands on the desk's list, by when, and what else ends it."""

    label: str
    within: Mapping[str, timedelta]
    ends_with: frozenset[Ends]


_SOON: Final = {"emergency": timedelta(hours=2), "urgent": timedelta(days=1), "normal": timedelta(days=3)}
_LATER: Final = {"emergency": timedelta(days=1), "urgent": timedelta(days=3), "normal": timedelta(days=7)}
_ASKED: Final = frozenset({Ends.OFFERED, Ends.CASE_ENDED})
_STEP: Final = frozenset({Ends.MOVED, Ends.CASE_ENDED})
_CASE: Final = frozenset({Ends.CASE_ENDED})
_NOTHING: Final[frozenset[Ends]] = frozenset()
K = TaskKind
RULES: Final = MappingProxyType(
    {
        K.FIND_NEXT: TaskRule("Nobody is asked any more: find the next step", _SOON, _ASKED),
        K.ASK_PERSON: TaskRule("Whoever may be asked was asked: ask the person about others", _SOON, _ASKED),
        K.UNMET: TaskRule("No centre matches: look at the nearest, tell the person", _SOON, _ASKED),
        K.HANDED_BACK: TaskRule("Handed back: read what was done, find who goes on", _SOON, _ASKED),
        K.CONSENT_WAITS: TaskRule("The person has not answered whether a centre may read the case", _SOON, _STEP),
        K.OVERDUE: TaskRule("The centre does not answer in time: call them", _SOON, _STEP),
        K.QUESTION: TaskRule("A centre's question waits for an answer", _SOON, _STEP),
        K.FIRST_CONTACT: TaskRule("The centre has not reached the person in time", _SOON, _STEP),
        K.PROGRESS: TaskRule("Ask the centre how it goes", _LATER, _STEP),
        K.DISAGREEMENT: TaskRule("The person says otherwise than the centre", _SOON, _CASE),
        K.CHECK_CHANNEL: TaskRule("A centre could not reach the person: look for a safe way", _SOON, _CASE),
        K.MERGE: TaskRule("A centre knows this case already: did the person write twice?", _LATER, _CASE),
        K.REVIEW_RULE: TaskRule("A centre says the case does not fit: look at its rule", _LATER, _NOTHING),
        K.TELL_PERSON: TaskRule("There is news, and no machine may tell the person: is a call safe?", _SOON, _CASE),
        K.MOVED_HERE: TaskRule("The case came here from another country: read it", _SOON, _ASKED),
        K.DEAD_LETTER: TaskRule("A notice could not be delivered", _LATER, _NOTHING),
    }
)


def open_task(session: Session, kind: TaskKind, case: Case, *, now: datetime, referral: Referral | None = None) -> None:
    """Put it on the list of the case's team, for the case's owner. It is due before the legal deadline comes near."""
    about_id = referral.id if referral is not None else case.id
    urgency = deadlines.urgency_now(case.urgency, case.last_safe_day, now.date())  # type: ignore[arg-type]
    latest = deadlines.latest_answer(now, DeadlineTerms(urgency, hours_of(case.country), case.last_safe_day))
    due = now + RULES[kind].within[urgency]
    _insert(
        session,
        kind,
        about_id,
        team_id=case.team_id,
        due_at=due if latest is None else min(due, latest),
        now=now,
        case_id=case.id,
        referral_id=referral.id if referral is not None else None,
        owner_id=case.owner_id,
    )


def open_dead_letter(session: Session, message_id: UUID, team_id: UUID, case_id: UUID | None, *, now: datetime) -> None:
    due = now + RULES[K.DEAD_LETTER].within["urgent"]
    _insert(session, K.DEAD_LETTER, message_id, team_id=team_id, due_at=due, now=now, case_id=case_id)


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
    same = sa.select(Task.id).where(Task.kind == kind.value, Task.about_id == about_id, Task.done_at.is_(None))
    if session.scalar(same) is not None:
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


def _kinds(ends: Ends) -> list[str]:
    return [kind.value for kind, rule in RULES.items() if ends in rule.ends_with]


def _end(session: Session, which: sa.ColumnElement[bool], ending: str, now: datetime) -> None:
    session.execute(sa.update(Task).where(Task.done_at.is_(None), which).values(done_at=now, ending=ending))


def offered(session: Session, case_id: UUID, now: datetime) -> None:
    """Somebody is asked: whoever was to find one has."""
    _end(session, sa.and_(Task.case_id == case_id, Task.kind.in_(_kinds(Ends.OFFERED))), "overtaken", now)


def moved(session: Session, referral_id: UUID, now: datetime) -> None:
    """The referral took a step: what waited for it is over."""
    _end(session, sa.and_(Task.referral_id == referral_id, Task.kind.in_(_kinds(Ends.MOVED))), "overtaken", now)


def case_ended(session: Session, case_id: UUID, now: datetime) -> None:
    _end(session, sa.and_(Task.case_id == case_id, Task.kind.in_(_kinds(Ends.CASE_ENDED))), "case_ended", now)


def end_kind(session: Session, kind: TaskKind, about_id: UUID, now: datetime) -> None:
    """What this kind of task asked for has happened by itself."""
    _end(session, sa.and_(Task.kind == kind.value, Task.about_id == about_id), "overtaken", now)


# --- the desk's list -------------------------------------------------------------------------------------------------

LISTED: Final = 100
_UNDELIVERED: Final = Task.kind == TaskKind.DEAD_LETTER.value
_OPEN_COUNT: Final = sa.select(
    sa.func.count(), sa.func.coalesce(sa.func.sum(sa.case((_UNDELIVERED, 1), else_=0)), 0)
).where(Task.team_id == sa.bindparam("team_id", type_=sa.Uuid()), Task.done_at.is_(None))
Row = sa.Row[UUID, str, datetime, datetime, str | None, str | None, UUID | None]


class ToDo(NamedTuple):
    """How many tasks of a team are open, and how many of them are notices that were not delivered."""

    tasks: int
    dead_letters: int


def count(session: Session, team_id: UUID) -> ToDo:
    """One statement, over what is open."""
    return ToDo(*session.execute(_OPEN_COUNT, {"team_id": team_id}).one())


def listed(session: Session, team_id: UUID, *, owner_id: UUID | None = None) -> list[Row]:
    """Open tasks with the labels of what they are about, those due first. At most `LISTED`."""
    query = (
        sa.select(
            Task.id, Task.kind, Task.due_at, Task.opened_at,
            Case.label.label("case_label"), Referral.label.label("referral_label"), Task.owner_id,
        )
        .outerjoin(Case, Case.id == Task.case_id)
        .outerjoin(Referral, Referral.id == Task.referral_id)
        .where(Task.team_id == team_id, Task.done_at.is_(None))
        .order_by(Task.due_at, Task.id)
        .limit(LISTED)
    )  # fmt: skip
    if owner_id is not None:
        query = query.where(Task.owner_id == owner_id)
    return list(session.execute(query))


def _mine(session: Session, team_id: UUID, task_id: UUID) -> Task:
    """Raises NotFound: unknown, another team's, or no longer open."""
    task = session.scalars(
        sa.select(Task).where(Task.id == task_id, Task.team_id == team_id, Task.done_at.is_(None)).with_for_update()
    ).one_or_none()
    if task is None:
        raise NotFound("There is no such open task.")
    return task


def take(session: Session, team_id: UUID, task_id: UUID, member_id: UUID, *, now: datetime) -> None:
    """Have it in hand. Raises NotFound."""
    task = _mine(session, team_id, task_id)
    task.owner_id = member_id
    session.flush()
    _note(session, task, "task:taken", member_id, now)


def finish(session: Session, team_id: UUID, task_id: UUID, member_id: UUID, *, now: datetime) -> None:
    """It is done. Raises NotFound."""
    task = _mine(session, team_id, task_id)
    task.done_at, task.done_by, task.ending = now, member_id, "done"
    session.flush()
    _note(session, task, "task:done", member_id, now)


def _note(session: Session, task: Task, action: str, member_id: UUID, now: datetime) -> None:
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
