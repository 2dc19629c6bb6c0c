"""Rule sets: the table, its life cycle (one person proposes, another publishes), and which set is in force.

A set contains only services whose rules differ from their pack. Sets form a chain: each is based on the last published one and
takes effect on the same day or later, so that no published change is lost. A set is in force from its day (UTC) until the next
set's day. `matching.publication` has the actions, which also lint.
"""

from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from app.core.db import Base
from app.core.errors import IllegalMove, NotAllowed
from app.core.i18n import N_
from app.directory.catalogue import Directory
from app.directory.models import RuleSet
from app.directory.rule_overlay import apply_rules, content_of


class RuleSetState(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class RuleSetVerb(StrEnum):
    PUBLISH = "publish"
    REJECT = "reject"
    WITHDRAW = "withdraw"


_MOVES: Final = {
    # verb: who may (the author, or a second person), and the state it leads to from PROPOSED
    RuleSetVerb.PUBLISH: (False, RuleSetState.PUBLISHED),
    RuleSetVerb.REJECT: (False, RuleSetState.REJECTED),
    RuleSetVerb.WITHDRAW: (True, RuleSetState.WITHDRAWN),
}


def next_state(state: RuleSetState, verb: RuleSetVerb, *, by_author: bool) -> RuleSetState:
    """The state after `verb`. Raises IllegalMove (already decided), NotAllowed (reserved for the other person)."""
    if state is not RuleSetState.PROPOSED:
        raise IllegalMove("rule set", state, verb)
    for_author, target = _MOVES[verb]
    if for_author != by_author:
        raise NotAllowed(
            N_("Only its author can withdraw a rule set.")
            if for_author
            else N_("A rule set must be published or rejected by someone other than its author.")
        )
    return target


class RuleProposal(Base):
    """A proposed or published rule set. `digest`: of its content in `rule_sets`; `upon`: the set it is based on.

    `changed`: keys of the services that it changes. `replayed`: counts of the last replay over stored cases, without any case.
    `why`: the author's reason.
    """

    __tablename__ = "rule_proposals"
    __table_args__ = (
        sa.CheckConstraint("state IN ('proposed', 'published', 'rejected', 'withdrawn')", name="state_known"),
        sa.CheckConstraint("(state = 'proposed') = (decided_at IS NULL)", name="decided_when_not_proposed"),
        sa.CheckConstraint("state <> 'published' OR decided_by <> proposed_by", name="published_by_another"),
        sa.Index(
            "uq_rule_proposals_one_line", "upon", unique=True,
            sqlite_where=sa.text("state = 'published'"), postgresql_where=sa.text("state = 'published'"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    digest: Mapped[str] = mapped_column(sa.String(64), sa.ForeignKey("rule_sets.digest"))
    upon: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("rule_proposals.id"))
    changed: Mapped[list[str]]
    why: Mapped[str] = mapped_column(sa.String(500))
    effective_on: Mapped[date]
    state: Mapped[str] = mapped_column(sa.String(12))
    proposed_by: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    proposed_at: Mapped[datetime]
    decided_by: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    decided_at: Mapped[datetime | None]
    replayed: Mapped[dict[str, int] | None]


_Next: Final = aliased(RuleProposal)
_FOLLOWED: Final = sa.exists().where(_Next.upon == RuleProposal.id, _Next.state == RuleSetState.PUBLISHED.value)
_TODAY: Final = sa.bindparam("today", type_=sa.Date())
IN_FORCE: Final = sa.select(RuleProposal.id, RuleProposal.digest).where(
    RuleProposal.state == RuleSetState.PUBLISHED.value,
    RuleProposal.effective_on <= _TODAY,
    ~_FOLLOWED.where(_Next.effective_on <= _TODAY),
)


def published(session: Session, today: date) -> tuple[UUID, str] | None:
    """Id and content digest of the rule set in force on this day; None if the packs' own rules are in force."""
    row = session.execute(IN_FORCE, {"today": today}).one_or_none()
    return (row.id, row.digest) if row else None


def in_force(session: Session, directory: Directory, today: date) -> Directory:
    """The directory with the rules in force on this day. Two statements if a set is in force, else one."""
    publication = published(session, today)
    return (
        directory if publication is None else apply_rules(directory, content(session, publication[1]), publication[1])
    )


def last_published(session: Session) -> RuleProposal | None:
    """The last published set, in force or with a future date: the base of the next one."""
    return session.scalars(
        sa.select(RuleProposal).where(RuleProposal.state == RuleSetState.PUBLISHED.value, ~_FOLLOWED)
    ).one_or_none()


def with_last_set(session: Session, directory: Directory) -> Directory:
    """The directory with the rules of the last published set."""
    tip = last_published(session)
    return directory if tip is None else apply_rules(directory, content(session, tip.digest), tip.digest)


def content(session: Session, digest: str) -> dict[str, dict[str, Any]]:
    """The content of a rule set. Raises NoResultFound."""
    stored: dict[str, dict[str, Any]] = session.execute(
        sa.select(RuleSet.content).where(RuleSet.digest == digest)
    ).scalar_one()
    return stored


def store_content(session: Session, digest: str, content: dict[str, Any], now: datetime) -> bool:
    """Store content under its digest unless it exists; return whether it was new."""
    if session.get(RuleSet, digest) is not None:
        return False
    session.add(RuleSet(digest=digest, content=content, loaded_at=now))
    session.flush()
    return True


def store_directory(session: Session, directory: Directory, now: datetime) -> bool:
    """Store the rules of this directory, so that its runs can always be explained."""
    return store_content(session, directory.digest, content_of(directory), now)


def proposals(session: Session, limit: int = 100) -> Sequence[RuleProposal]:
    """Proposals, newest first."""
    return session.scalars(
        sa.select(RuleProposal).order_by(RuleProposal.proposed_at.desc(), RuleProposal.id).limit(limit)
    ).all()
