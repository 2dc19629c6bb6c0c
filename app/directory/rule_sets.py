"""Rule sets that are proposed by one person and published by another: the table, its life cycle, and which is in force.

A set holds the services whose rules are not the packs' own; all others go on as their pack says. Sets form one line: each is
proposed upon the last that was published, and takes effect with it or after it, so that nothing two people agreed on is lost. A
set is in force from its day on (in UTC) until the next one's. `matching.publishing` has the verbs, which also lint.
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
from app.directory.catalogue import Directory
from app.directory.models import RuleSet
from app.directory.rule_overlay import content_of, laid_over


class State(StrEnum):
    PROPOSED = "proposed"
    PUBLISHED = "published"
    REJECTED = "rejected"
    WITHDRAWN = "withdrawn"


class Verb(StrEnum):
    PUBLISH = "publish"
    REJECT = "reject"
    WITHDRAW = "withdraw"


_MOVES: Final = {
    # verb: who may (the author, or somebody else), and where it leads from PROPOSED
    Verb.PUBLISH: (False, State.PUBLISHED),
    Verb.REJECT: (False, State.REJECTED),
    Verb.WITHDRAW: (True, State.WITHDRAWN),
}


def next_state(state: State, verb: Verb, *, by_author: bool) -> State:
    """Raises IllegalMove (it was decided already), NotAllowed (this is for the other of the two)."""
    if state is not State.PROPOSED:
        raise IllegalMove("rule set", state, verb)
    for_author, target = _MOVES[verb]
    if for_author != by_author:
        who = "the one who proposed it" if for_author else "somebody else than the one who proposed it"
        raise NotAllowed(f"A rule set is {target} by {who}.")
    return target


class RuleProposal(Base):
    """A rule set somebody wants to be in force. `digest` is that of its content in `rule_sets`; `upon`: the set before it.

    `changed`: the services it says something new of. `replayed`: counts of the last replay over stored cases, no case in it.
    `why`: words of the staff, about rules.
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
_FOLLOWED: Final = sa.exists().where(_Next.upon == RuleProposal.id, _Next.state == State.PUBLISHED.value)
_TODAY: Final = sa.bindparam("today", type_=sa.Date())
IN_FORCE: Final = sa.select(RuleProposal.id, RuleProposal.digest).where(
    RuleProposal.state == State.PUBLISHED.value,
    RuleProposal.effective_on <= _TODAY,
    ~_FOLLOWED.where(_Next.effective_on <= _TODAY),
)


def published(session: Session, today: date) -> tuple[UUID, str] | None:
    """The publication in force on this day and the digest of its content; None: the packs' own rules are."""
    row = session.execute(IN_FORCE, {"today": today}).one_or_none()
    return (row.id, row.digest) if row else None


def in_force(session: Session, directory: Directory, today: date) -> Directory:
    """The directory with the rules of this day. Two statements when one was published, else one."""
    found = published(session, today)
    return directory if found is None else laid_over(directory, content(session, found[1]), found[1])


def last(session: Session) -> RuleProposal | None:
    """The end of the line, in force or still to come: what the next set is made upon."""
    return session.scalars(
        sa.select(RuleProposal).where(RuleProposal.state == State.PUBLISHED.value, ~_FOLLOWED)
    ).one_or_none()


def upon(session: Session, directory: Directory) -> Directory:
    """The directory with the rules of the last set."""
    tip = last(session)
    return directory if tip is None else laid_over(directory, content(session, tip.digest), tip.digest)


def content(session: Session, digest: str) -> dict[str, dict[str, Any]]:
    """What a rule set says. Raises NoResultFound."""
    kept: dict[str, dict[str, Any]] = session.execute(
        sa.select(RuleSet.content).where(RuleSet.digest == digest)
    ).scalar_one()
    return kept


def keep(session: Session, digest: str, said: dict[str, Any], now: datetime) -> bool:
    """Store a content by its digest, unless it is there. A stored run names the digest of its directory."""
    if session.get(RuleSet, digest) is not None:
        return False
    session.add(RuleSet(digest=digest, content=said, loaded_at=now))
    session.flush()
    return True


def keep_directory(session: Session, directory: Directory, now: datetime) -> bool:
    """So that runs under this directory can be explained for ever."""
    return keep(session, directory.digest, content_of(directory), now)


def all_of(session: Session, limit: int = 100) -> Sequence[RuleProposal]:
    """The newest first."""
    return session.scalars(
        sa.select(RuleProposal).order_by(RuleProposal.proposed_at.desc(), RuleProposal.id).limit(limit)
    ).all()
