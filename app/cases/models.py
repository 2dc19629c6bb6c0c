"""Tables of a case: plain routing codes, encrypted facts, sealed parts, and the wraps of their keys."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.cases.need_states import NeedState
from app.core.db import Base

_ORDER = ("due_on", "urgency_rank", "waiting_since", "id")
_IS_OPEN = "closed_at IS NULL"
_IS_CLOSED = "closed_at IS NOT NULL"
TURN = """
CASE
    WHEN state = 'unmet' AND NOT person_wrote THEN 6
    WHEN uncovered OR person_wrote OR referral_status IS NULL OR referral_status = 'declined' THEN urgency_rank * 2
    WHEN referral_status = 'work' THEN 6
    WHEN urgency_rank = 0 THEN 1
    ELSE 5
END"""
"""Who has to act on an open case and how soon, as SQL over its columns; the order `next` of the queue begins with it.

The lines are those in which PostgreSQL tells the expression of the index, so that the two can be compared.

| number | case |
| --- | --- |
| 0 | an emergency on which the desk has to act: a need has nobody, the person wrote, or nobody is asked |
| 1 | an emergency that waits for an answer of somebody else |
| 2, 4 | an urgent case, and any other, on which the desk has to act |
| 5 | a case that waits for an answer of somebody else |
| 6 | a case that an organisation works on, or that ended unmet |
"""
# The columns of the queue's sort orders except the default one; each order has an index for open and one for closed cases.
_ORDERS: dict[str, tuple[str | sa.TextClause, ...]] = {
    "label": ("team_id", "label"),
    "urgency": ("team_id", "urgency_rank", "due_on", "waiting_since", "id"),
    "deadline": ("team_id", sa.text("coalesce(last_safe_day, '9999-12-31')"), *_ORDER),
    "waits": ("team_id", "waiting_since", "id"),
    "country": ("team_id", "country", *_ORDER),
    "owner_name": ("team_id", "owner_name", *_ORDER),
    "state": ("team_id", "state", *_ORDER),
    "next": ("team_id", sa.text(f"({TURN})"), *_ORDER),
}


def _partial(name: str, *columns: str | sa.TextClause, where: str = _IS_OPEN) -> sa.Index:
    """A partial index. The filters of the queue have four more indexes on PostgreSQL: see the end of this module."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


class ReferralStatus(StrEnum):
    """The status of the referrals of an open case: the first of these that applies; null when there is no live referral."""

    WORK = "work"  # an organisation has accepted
    ANSWER = "answer"  # an organisation has yet to answer
    CONSENT = "consent"  # only the person's consent is missing
    DECLINED = "declined"  # the organisations asked have declined, or did not answer in time


class Case(Base):
    """One person's request. Every column is a plain routing code, except `facts`, which is encrypted under the epoch key.

    `waiting_since` is truncated to the hour; the exact moment is kept only in the sealed story.
    `due_on` is the day the queue is ordered by: the last safe day of a letter, or the day by which a case of this
    urgency needs attention.
    `merged_into_id`: the same person wrote twice; work continues on that other case.
    `held_reason`: why the form looks like spam and waits for review; such a case is not offered to anybody.
    `referred_by`: the organisation that referred the person in; null if they came by themselves.
    `unread_letter`: why the deadline is a careful assumption, see `unread_letters`; null once kind and day of the letter are known.
    `uncovered`: nobody has one of the needs (a row of `case_needs` is open); for the queue.
    `restricted`: its keys are sealed to a key of its own, which named members hold, and not to the team's (`restriction`).
    `compared_with`: the key of the team with which its fingerprints were made (`duplicate_detection`); null: not compared yet.
    `owner_name` follows `owner_id` by a trigger (`triggers.py`), for the queue ordered by owner.
    """

    __tablename__ = "cases"
    __table_args__ = (
        sa.CheckConstraint("urgency IN ('emergency', 'urgent', 'normal')", name="urgency_known"),
        sa.CheckConstraint(
            "state IN ('submitted', 'in_review', 'referred', 'helped', 'advised', 'unmet', 'withdrawn', 'erased')",
            name="state_known",
        ),
        sa.CheckConstraint(
            "(state IN ('helped', 'advised', 'withdrawn', 'erased')) = (closed_at IS NOT NULL)", name="closed_when_ended"
        ),
        sa.CheckConstraint("held_reason IN ('trap', 'haste', 'crowd')", name="held_reason_known"),
        sa.CheckConstraint("state <> 'erased' OR (facts IS NULL AND receipt_id IS NULL)", name="erased_is_empty"),
        sa.Index(
            "ix_cases_queue", "team_id", "due_on", "urgency_rank", "waiting_since", "id",
            sqlite_where=sa.text("closed_at IS NULL"), postgresql_where=sa.text("closed_at IS NULL"),
        ),
        _partial("ix_cases_owner", "owner_id", *_ORDER, where=f"{_IS_OPEN} AND owner_id IS NOT NULL"),
        _partial(
            "ix_cases_referral_status", "team_id", "referral_status", *_ORDER,
            where=f"{_IS_OPEN} AND referral_status IS NOT NULL",
        ),
        _partial("ix_cases_uncovered", "team_id", *_ORDER, where=f"{_IS_OPEN} AND uncovered"),
        _partial(
            "ix_cases_uncovered_urgency", "team_id", "urgency_rank", "due_on", "waiting_since", "id",
            where=f"{_IS_OPEN} AND uncovered",
        ),
        _partial("ix_cases_wrote", "team_id", *_ORDER, where=f"{_IS_OPEN} AND person_wrote"),
        _partial("ix_cases_snoozed", "team_id", *_ORDER, where=f"{_IS_OPEN} AND snoozed_until IS NOT NULL"),
        _partial("ix_cases_held", "team_id", *_ORDER, where=f"{_IS_OPEN} AND held_reason IS NOT NULL"),
        _partial("ix_cases_restricted", "team_id", *_ORDER, where="restricted"),
        _partial("ix_cases_closed", "team_id", *_ORDER, where=_IS_CLOSED),
        *(_partial(f"ix_cases_{name}", *columns) for name, columns in _ORDERS.items()),
        *(_partial(f"ix_cases_closed_{name}", *columns, where=_IS_CLOSED) for name, columns in _ORDERS.items()),
        _partial("ix_cases_merged_into", "merged_into_id", where="merged_into_id IS NOT NULL"),
        sa.Index("ix_cases_forget", "forget_at"),
        _partial("ix_cases_erased", "updated_at", where="state = 'erased'"),
        _partial(
            "ix_cases_not_compared", "team_id", "waiting_since", "id",
            where="compared_with IS NULL AND state <> 'erased'",
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    label: Mapped[str] = mapped_column(sa.String(12), unique=True)
    receipt_id: Mapped[bytes | None] = mapped_column(sa.LargeBinary(), unique=True)
    state: Mapped[str] = mapped_column(sa.String(16))
    version: Mapped[int]
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    country: Mapped[str] = mapped_column(sa.String(2))
    language: Mapped[str] = mapped_column(sa.String(8))
    needs: Mapped[list[str]]
    languages: Mapped[list[str]]
    urgency: Mapped[str] = mapped_column(sa.String(12))
    urgency_rank: Mapped[int] = mapped_column(sa.SmallInteger)
    last_safe_day: Mapped[date | None]
    deadline_certainty: Mapped[str | None] = mapped_column(sa.String(16))
    unread_letter: Mapped[str | None] = mapped_column(sa.String(16))
    due_on: Mapped[date]
    waiting_since: Mapped[datetime]
    owner_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    owner_name: Mapped[str] = mapped_column(sa.String(64), server_default=sa.text("''"))
    snoozed_until: Mapped[date | None]
    person_wrote: Mapped[bool] = mapped_column(default=False)
    referral_status: Mapped[str | None] = mapped_column(sa.String(8))
    uncovered: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    restricted: Mapped[bool] = mapped_column(default=False, server_default=sa.false())
    merged_into_id: Mapped[UUID | None]
    held_reason: Mapped[str | None] = mapped_column(sa.String(8))
    referred_by: Mapped[UUID | None]
    compared_with: Mapped[UUID | None]
    facts: Mapped[bytes | None]
    facts_version: Mapped[int] = mapped_column(default=1)
    closed_at: Mapped[datetime | None]
    forget_at: Mapped[datetime | None]
    updated_at: Mapped[datetime]


_NEED_STATES = ", ".join(f"'{state}'" for state in NeedState)


class CaseNeed(Base):
    """One need of a case and how it stands, in plain routing codes. `need_states` is the table of its moves.

    `referral_id`: the referral whose organisation has the need or ended it. A need that is offered can be named by several
    referrals (`referrals.needs`). `outcome`: the code with which that organisation completed it.
    """

    __tablename__ = "case_needs"
    __table_args__ = (
        sa.CheckConstraint(f"state IN ({_NEED_STATES})", name="state_known"),
        sa.CheckConstraint("state <> 'with_centre' OR referral_id IS NOT NULL", name="with_a_referral"),
        sa.CheckConstraint("state NOT IN ('open', 'offered') OR referral_id IS NULL", name="waits_for_one"),
        sa.CheckConstraint("outcome IS NULL OR state IN ('helped', 'advised')", name="outcome_of_an_end"),
    )

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    need: Mapped[str] = mapped_column(sa.String(64), primary_key=True)
    position: Mapped[int] = mapped_column(sa.SmallInteger)
    state: Mapped[str] = mapped_column(sa.String(12))
    referral_id: Mapped[UUID | None]
    outcome: Mapped[str | None] = mapped_column(sa.String(24))
    updated_at: Mapped[datetime]


class EmergencyAlert(Base):
    """An emergency that nobody of its team has opened yet. Ids and the worker's own clock only; deleted once it is opened.

    `step`: how often it was escalated; `due_at`: when it will be next, by the worker's clock and not by the person's; null: never
    again. `told`: the members who were told, so that the next one on the rota is somebody else. `was_taken`: it became an
    emergency later, when somebody may have had it already, so that only opening it ends the alert.
    """

    __tablename__ = "emergency_alerts"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    step: Mapped[int] = mapped_column(sa.SmallInteger)
    due_at: Mapped[datetime | None] = mapped_column(index=True)
    told: Mapped[list[str]]
    was_taken: Mapped[bool | None]


class WrapFor(StrEnum):
    RECEIPT = "receipt"
    TEAM = "team"
    ORGANISATION = "organisation"


class CaseWrap(Base):
    """A case's data key (`person` or `desk`), HPKE-sealed to one recipient and then encrypted under the epoch key.

    `ciphertext` is that value. `owner_id` is the case itself for the receipt, else the team or organisation; of a restricted case
    it is not the team but the circle of its named members (`restriction.circle_id`). `key_id` is the public key that the data key
    is sealed to.
    """

    __tablename__ = "case_wraps"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "purpose", "owner_id"),
        sa.CheckConstraint("purpose IN ('person', 'desk')", name="purpose_known"),
        sa.CheckConstraint("kind IN ('receipt', 'team', 'organisation')", name="kind_known"),
        sa.CheckConstraint("purpose = 'person' OR kind = 'team'", name="desk_key_is_the_teams"),
        sa.CheckConstraint("(kind = 'receipt') = (key_id IS NULL)", name="key_named_but_for_receipt"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    purpose: Mapped[str] = mapped_column(sa.String(8))
    kind: Mapped[str] = mapped_column(sa.String(16))
    owner_id: Mapped[UUID]
    key_id: Mapped[UUID | None] = mapped_column(sa.Uuid(), sa.ForeignKey("sealing_keys.id"))
    version: Mapped[int]
    ciphertext: Mapped[bytes]


class CaseAgreement(Base):
    """The person agreed that this organisation, which has no key of its own, is asked and may read the case if it accepts.

    A routing code like the list of wraps: it says which organisations may be asked. Deleted where a wrap would be.
    """

    __tablename__ = "case_agreements"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    organisation_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("organisations.id"), primary_key=True)


class PartKind(StrEnum):
    """The kinds of sealed parts. Each has its own key, derived from the case's `person` key; that of the note from `desk`."""

    CONTACT = "contact"
    STORY = "story"
    HAPPENED = "happened"
    THREAD = "thread"
    NOTE = "note"


class SealedPart(Base):
    """One sealed part, or one message of the thread. `author` is a code: person, desk, partner."""

    __tablename__ = "sealed_parts"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "part", "seq"),
        sa.CheckConstraint("part IN ('contact', 'story', 'happened', 'thread', 'note')", name="part_known"),
        sa.CheckConstraint("author IN ('person', 'desk', 'partner')", name="author_known"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    part: Mapped[str] = mapped_column(sa.String(12))
    seq: Mapped[int]
    version: Mapped[int]
    author: Mapped[str] = mapped_column(sa.String(8))
    organisation_id: Mapped[UUID | None]
    ciphertext: Mapped[bytes]


class CaseEvent(Base):
    """What happened to a case, append-only and in codes. Replaying the events gives the state of the case."""

    __tablename__ = "case_events"
    __table_args__ = (sa.UniqueConstraint("case_id", "seq"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    seq: Mapped[int]
    verb: Mapped[str] = mapped_column(sa.String(24))
    source: Mapped[str | None] = mapped_column(sa.String(16))
    target: Mapped[str] = mapped_column(sa.String(16))
    actor_kind: Mapped[str] = mapped_column(sa.String(16))
    actor_id: Mapped[UUID | None]
    codes: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class HouseholdMember(Base):
    """A case that belongs to a household. Each case keeps its own consent, referrals and conflicts of interest."""

    __tablename__ = "household_members"
    __table_args__ = (sa.Index("ix_household_members_household", "household_id"),)

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    household_id: Mapped[UUID]
    joined_at: Mapped[datetime]


class CaseMove(Base):
    """The question whether a case may move to another country's team, and the person's answer (its time cut to the hour).

    While the question is open, `desk_key` is the notes' key, sealed to the new team and encrypted under the epoch key. It becomes a
    wrap of the case if the answer is yes and is deleted if it is no.
    """

    __tablename__ = "case_moves"
    __table_args__ = (
        sa.CheckConstraint("answer IN ('yes', 'no', 'ended')", name="answer_known"),
        sa.CheckConstraint("(answer IS NULL) = (answered_at IS NULL)", name="answered_when_answer"),
        sa.CheckConstraint("answer IS NULL OR desk_key IS NULL", name="key_while_asked"),
        sa.Index(
            "uq_case_moves_one_open", "case_id", unique=True,
            sqlite_where=sa.text("answer IS NULL"), postgresql_where=sa.text("answer IS NULL"),
        ),
    )  # fmt: skip

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    from_country: Mapped[str] = mapped_column(sa.String(2))
    to_country: Mapped[str] = mapped_column(sa.String(2))
    from_team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    to_team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    desk_key_id: Mapped[UUID | None]
    desk_key: Mapped[bytes | None]
    answer: Mapped[str | None] = mapped_column(sa.String(8))
    asked_at: Mapped[datetime]
    answered_at: Mapped[datetime | None]


class CaseCounter(Base):
    """How many cases have these codes: the sum of `count` over the matching rows. Written by triggers (docs/decisions/0060).

    A case counts once under each need and each language that it has, and once under "" (any). Closed cases are counted without
    owner, days, referral status and held reason.
    """

    __tablename__ = "case_counters"
    __table_args__ = (
        sa.Index("ix_case_counters_kind", "team_id", "need", "language"),
        _partial("ix_case_counters_new", "id", where="NOT compacted"),
    )

    id: Mapped[int] = mapped_column(
        sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True, autoincrement=True
    )
    team_id: Mapped[UUID]
    need: Mapped[str] = mapped_column(sa.String(64))
    language: Mapped[str] = mapped_column(sa.String(64))
    country: Mapped[str] = mapped_column(sa.String(2))
    urgency: Mapped[str] = mapped_column(sa.String(12))
    state: Mapped[str] = mapped_column(sa.String(16))
    is_open: Mapped[bool]
    is_merged: Mapped[bool]
    owner_id: Mapped[UUID | None]
    due_on: Mapped[date | None]
    snoozed_until: Mapped[date | None]
    person_wrote: Mapped[bool]
    referral_status: Mapped[str | None] = mapped_column(sa.String(8))
    held_reason: Mapped[str | None] = mapped_column(sa.String(8))
    uncovered: Mapped[bool] = mapped_column(server_default=sa.false())
    restricted: Mapped[bool] = mapped_column(server_default=sa.false())
    count: Mapped[int]
    compacted: Mapped[bool]


class CaseFingerprint(Base):
    """The fingerprint of a phone number, an address, a user name or a full name that was given with a case.

    `fingerprint` is a MAC under a key derived from the team's private key, encrypted deterministically under the epoch key
    (`KeyRing.encrypt_deterministically`). Rotation re-encrypts it; after that, nobody can test an old backup for a phone number.
    `key_id`: the team's sealing key; null: of the version before, under a key of the server (the worker deletes these).
    """

    __tablename__ = "case_fingerprints"
    __table_args__ = (
        sa.UniqueConstraint("case_id", "kind", "fingerprint"),
        sa.CheckConstraint("kind IN ('phone', 'email', 'handle', 'name')", name="kind_known"),
        sa.Index("ix_case_fingerprints_fingerprint", "fingerprint"),
        _partial("ix_case_fingerprints_former", "case_id", where="key_id IS NULL"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    kind: Mapped[str] = mapped_column(sa.String(8))
    fingerprint: Mapped[bytes]
    key_id: Mapped[UUID | None]


class CasePresence(Base):
    """A member has this case open on the screen. It does not lock the case, and expires after some minutes."""

    __tablename__ = "case_presence"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)


class CaseUndo(Base):
    """The desk's last action on a case, and the case's codes before it, to which "Undo" goes back while nothing else has happened.

    `version` is the case's version right after the action.
    """

    __tablename__ = "case_undos"

    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), primary_key=True)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"))
    act: Mapped[str] = mapped_column(sa.String(12))
    version: Mapped[int]
    before: Mapped[dict[str, Any]]
    at: Mapped[datetime]


class SavedView(Base):
    """A member's saved view of the queue: a view, filters and an order, as codes from which its title is made."""

    __tablename__ = "saved_views"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    member_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("members.id"), index=True)
    view: Mapped[str] = mapped_column(sa.String(16))
    filters: Mapped[dict[str, Any]]
    sort: Mapped[str] = mapped_column(sa.String(16))
    created_at: Mapped[datetime]


class SavedReply(Base):
    """A reply that a team sends often, with its text in one or more languages.

    What a team writes for everybody: nothing of a person belongs here, and nothing of it is sealed.
    """

    __tablename__ = "saved_replies"
    __table_args__ = (sa.UniqueConstraint("team_id", "title", name="uq_saved_replies_team_id_title"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    team_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("teams.id"))
    title: Mapped[str] = mapped_column(sa.String(80))
    texts: Mapped[dict[str, Any]]
    updated_at: Mapped[datetime]


for _name, _column, _where in (
    ("needs", "needs", _IS_OPEN),
    ("languages", "languages", _IS_OPEN),
    ("closed_needs", "needs", _IS_CLOSED),
    ("closed_languages", "languages", _IS_CLOSED),
):
    _gin = sa.Index(
        f"ix_cases_{_name}",
        Case.__table__.c[_column],
        postgresql_using="gin",
        postgresql_ops={_column: "jsonb_path_ops"},
        postgresql_where=sa.text(_where),
    )
    _gin.ddl_if(dialect="postgresql")
