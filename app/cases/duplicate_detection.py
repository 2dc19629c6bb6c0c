"""Possible duplicates: cases of one team with the same contact details or name. Teams are never compared with each other.

A phone number, an e-mail address, a user name and a full name (two words or more, in its usual spellings) are normalised by
`core.identifiers`, passed through a MAC under a key that is derived from the team's private key (`ComparisonKey`), and encrypted
deterministically under the epoch key: the fingerprint. So whoever takes database and key file can try no number: it needs the
team's key, which only its members open (docs/decisions/0216). A first name alone gives no fingerprint, because too many people
share it. A match suggests the same person but does not prove it.

Filing makes no fingerprint, because nobody who files holds the team's key. `Case.compared_with` is null until a signed-in member's
session has made them (`casework.comparisons`), and again when the contact or the team's key has changed.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction, sealed_parts
from app.cases.models import Case, CaseFingerprint, CaseWrap
from app.cases.queue_views import MEMBER_ID
from app.cases.states import CaseState
from app.core import bulk, identifiers, sealing
from app.core.identifiers import Identifier
from app.core.key_file import mac_under
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair

BINDING: Final = ("case_fingerprints", "fingerprint")
PURPOSE: Final = "pristan/fingerprints:1"
_MAX_SHOWN: Final = 12
_MAX_ROWS: Final = 60
MOST_COUNTED: Final = 10_000
"""Of the cases that are not compared yet, so many are counted."""


@dataclass(frozen=True, slots=True)
class ComparisonKey:
    """The key with which a team's fingerprints are made, and the id of the team's sealing key that it is derived from."""

    team_id: UUID
    key_id: UUID
    secret: bytes = field(repr=False)

    @classmethod
    def of(cls, team_id: UUID, key_id: UUID, pair: KeyPair) -> "ComparisonKey":
        return cls(team_id, key_id, sealing.derive(pair.seed, PURPOSE))

    def fingerprint(self, keys: KeyRing, identifier: Identifier) -> bytes:
        """The stored form. Raises Unavailable when the key file can no longer be read."""
        mac = mac_under(self.secret, (self.team_id.bytes, identifier.canonical()))
        return keys.encrypt_deterministically(mac, *BINDING)


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """Another case of the team: the kinds of identifiers that both have (no values), and whether it is merged.

    `link`: "into" (this case was merged into that one), "from" (that one was merged into this), "" (not linked).
    """

    label: str
    state: str
    version: int
    kinds: tuple[str, ...]
    link: str
    merged: bool


def identifiers_in(contact: Mapping[str, Any], country: str) -> list[Identifier]:
    """The identifiers in the sealed contact part (`call_me`, `answer_by`) that rarely belong to two people."""
    answer_by = contact.get("answer_by") or {}
    address = str(answer_by.get("address") or "")
    candidates = (
        *identifiers.of_contact(str(answer_by.get("channel") or ""), address, country),
        *identifiers.names(str(contact.get("call_me") or "")),
    )
    return [identifier for identifier in candidates if identifier.strong]


def replace_fingerprints(
    session: Session, keys: KeyRing, by: ComparisonKey, found: Mapping[UUID, Sequence[Identifier]]
) -> None:
    """Replace the fingerprints of these cases by those of their identifiers, and mark the cases as compared. Three statements.

    The caller holds the rows of the cases, and has read their contacts since then.
    """
    if not found:
        return
    rows = [
        {
            "id": uuid4(),
            "case_id": case_id,
            "kind": identifier.kind.value,
            "fingerprint": by.fingerprint(keys, identifier),
            "key_id": by.key_id,
        }
        for case_id, of_case in found.items()
        for identifier in of_case
    ]
    _delete(session, found.keys())
    bulk.insert(session, CaseFingerprint, rows)
    _mark(session, found.keys(), by.key_id)


_NOT_ERASED: Final = Case.state != sa.literal_column("'erased'")  # a literal, as in the index
_WAITING: Final = (Case.compared_with.is_(None), _NOT_ERASED, Case.restricted.is_(False))


def is_waiting(team_id: Any) -> sa.ColumnElement[bool]:
    """Whether a case of the team waits to be compared, as SQL. Restricted ones wait for a member who is named."""
    return sa.exists().where(Case.team_id == team_id, *_WAITING).correlate_except(Case)


def count_waiting(session: Session, team_id: UUID, me: UUID) -> int:
    """How many cases of the team are not compared yet, at most `MOST_COUNTED`; without restricted ones hidden from `me`."""
    some = sa.select(Case.id).where(
        Case.team_id == team_id, Case.compared_with.is_(None), _NOT_ERASED, sa.not_(restriction.hidden_from(me))
    )
    return session.scalar(sa.select(sa.func.count()).select_from(some.limit(MOST_COUNTED).subquery())) or 0


def lock_waiting(session: Session, by: ComparisonKey, at_most: int, *, first: str = "") -> list[UUID]:
    """The cases that wait to be compared and are sealed to this key of the team: the one with the label `first`, then the newest.

    Their rows are locked; those that somebody else has locked are passed over, so that two members share the work. Read the
    contacts afterwards: what was read together with the lock may be older than the row that was locked.
    """
    waiting = (
        sa.select(Case.id)
        .where(
            Case.team_id == by.team_id,
            *_WAITING,
            sa.exists().where(
                CaseWrap.case_id == Case.id, CaseWrap.purpose == sealed_parts.PERSON, CaseWrap.key_id == by.key_id
            ),
        )
        .with_for_update(skip_locked=True, of=Case)
    )
    named = list(session.scalars(waiting.where(Case.label == first))) if first else []
    newest = waiting.where(Case.id.not_in(named)).order_by(Case.waiting_since.desc(), Case.id)
    return [*named, *session.scalars(newest.limit(at_most - len(named)))]


def _candidates_statement() -> sa.CompoundSelect[Any]:
    case_id, team_id = sa.bindparam("case_id", type_=sa.Uuid()), sa.bindparam("team_id", type_=sa.Uuid())
    mine, theirs = sa.alias(CaseFingerprint.__table__), sa.alias(CaseFingerprint.__table__)
    columns = (Case.id, Case.label, Case.state, Case.version, Case.merged_into_id, Case.waiting_since)
    shown = sa.not_(restriction.hidden_from(MEMBER_ID))
    ours = (Case.team_id == team_id, Case.id != case_id, Case.state != CaseState.ERASED.value, shown)
    matching = (
        sa.select(*columns, theirs.c.kind)
        .select_from(mine)
        .join(theirs, theirs.c.fingerprint == mine.c.fingerprint)
        .join(Case, Case.id == theirs.c.case_id)
        .where(mine.c.case_id == case_id, *ours)
        .distinct()
        .limit(_MAX_ROWS)
    )
    into = sa.bindparam("merged_into_id", type_=sa.Uuid())
    linked = sa.select(*columns, sa.null().label("kind")).where(
        *ours, sa.or_(Case.merged_into_id == case_id, Case.id == into)
    )
    return sa.union_all(sa.select(matching.subquery()), linked)


_CANDIDATES: Final = _candidates_statement()


def possible_duplicates(session: Session, case: Case, *, me: UUID) -> list[PossibleDuplicate]:
    """Cases of the same team that are merged with this one or share a fingerprint with it, best matches first. One statement.

    Without restricted ones for which the member `me` is not named.
    """
    parameters = {"case_id": case.id, "team_id": case.team_id, "merged_into_id": case.merged_into_id, "me": me}
    rows_by_label: dict[str, list[sa.Row[Any]]] = {}
    for row in session.execute(_CANDIDATES, parameters):
        rows_by_label.setdefault(row.label, []).append(row)
    cases = [_duplicate_of(case, rows) for rows in rows_by_label.values()]
    return sorted(cases, key=lambda other: (not other.link, -len(other.kinds), other.label))[:_MAX_SHOWN]


def cases_of(
    session: Session, keys: KeyRing, by: ComparisonKey, sought: Collection[Identifier], *, me: UUID | None
) -> Sequence[sa.Row[str, str, str, str]]:
    """The team's cases with one of these identifiers: label, state, country and the kind that matches. One statement.

    `me`: who looks; restricted cases for which they are not named are left out.
    """
    return session.execute(
        sa.select(Case.label, Case.state, Case.country, CaseFingerprint.kind)
        .join(CaseFingerprint, CaseFingerprint.case_id == Case.id)
        .where(
            CaseFingerprint.fingerprint.in_({by.fingerprint(keys, identifier) for identifier in sought}),
            Case.team_id == by.team_id,
            Case.state != CaseState.ERASED.value,
            sa.not_(restriction.hidden_from(me)) if me else Case.restricted.is_(False),
        )
        .distinct()
        .limit(_MAX_ROWS)
    ).all()


def _duplicate_of(case: Case, rows: list[sa.Row[Any]]) -> PossibleDuplicate:
    row = rows[0]
    link = "into" if row.id == case.merged_into_id else "from" if row.merged_into_id == case.id else ""
    kinds = tuple(sorted({row.kind for row in rows if row.kind}))
    return PossibleDuplicate(row.label, row.state, row.version, kinds, link, row.merged_into_id is not None)


def delete_fingerprints(session: Session, case_id: UUID) -> None:
    _delete(session, [case_id])


def compare_again(session: Session, case: Case) -> None:
    """Delete the fingerprints of a case whose contact or team has changed: it waits to be compared. The caller holds its row."""
    delete_fingerprints(session, case.id)
    case.compared_with = None


def leave_team(session: Session, case: Case) -> None:
    """Delete the fingerprints of a case that moves to another team, and its links to merged cases of the old team."""
    compare_again(session, case)
    case.merged_into_id = None
    session.execute(sa.update(Case).where(Case.merged_into_id == case.id).values(merged_into_id=None))


def drop_former(session: Session, limit: int) -> int:
    """Delete the fingerprints that the version before made under a key of the server, of up to `limit` cases; returns of how many.

    The cases wait to be compared. Those that somebody else has locked are left for the next time.
    """
    former = sa.select(CaseFingerprint.case_id).where(CaseFingerprint.key_id.is_(None))
    return _drop(session, session.scalars(former.distinct().limit(limit)).all())


def drop_of_keys(
    session: Session, key_ids: Collection[UUID], limit: int, after: UUID | None = None
) -> tuple[int, UUID | None]:
    """Delete fingerprints that were made with these keys of a team, of up to `limit` cases, as `drop_former` does.

    `after`: the fingerprint that the last batch ended with, in the order of their ids. Returns of how many cases, and where this
    batch ended; None: at the last one.
    """
    query = sa.select(CaseFingerprint.id, CaseFingerprint.case_id).where(CaseFingerprint.key_id.in_(list(key_ids)))
    query = query.where(CaseFingerprint.id > after) if after else query
    rows = session.execute(query.order_by(CaseFingerprint.id).limit(limit)).all()
    dropped = _drop(session, {row.case_id for row in rows})
    return dropped, rows[-1].id if len(rows) == limit else None


def count_of_keys(session: Session, key_ids: Collection[UUID]) -> int:
    """How many fingerprints were made with these keys of a team."""
    counted = sa.select(sa.func.count()).where(CaseFingerprint.key_id.in_(list(key_ids)))
    return session.scalar(counted) or 0


def _drop(session: Session, case_ids: Collection[UUID]) -> int:
    if not case_ids:
        return 0
    free = sa.select(Case.id).where(Case.id.in_(list(case_ids))).with_for_update(skip_locked=True)
    held = session.scalars(free).all()
    _delete(session, held)
    _mark(session, held, None)
    return len(held)


def _delete(session: Session, case_ids: Collection[UUID]) -> None:
    of_cases = sa.delete(CaseFingerprint).where(CaseFingerprint.case_id.in_(list(case_ids)))
    session.execute(of_cases.execution_options(synchronize_session=False))


def _mark(session: Session, case_ids: Collection[UUID], key_id: UUID | None) -> None:
    mark = sa.update(Case).where(Case.id.in_(list(case_ids)), Case.compared_with.is_distinct_from(key_id))
    session.execute(mark.values(compared_with=key_id))
