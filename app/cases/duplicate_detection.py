"""Possible duplicates: cases of one team with the same contact details or name. Teams are never compared with each other.

A phone number, an e-mail address, a user name and a full name (two words or more, in its usual spellings) are normalised by
`core.identifiers`, passed through a MAC that is specific to the team, and encrypted deterministically under the epoch key: the
fingerprint. A first name alone gives no fingerprint, because too many people share it. A match suggests the same person but does
not prove it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases import restriction
from app.cases.models import Case, CaseFingerprint
from app.cases.queue_views import MEMBER_ID
from app.cases.states import CaseState
from app.core import bulk, identifiers
from app.core.identifiers import Identifier
from app.core.keyring import KeyRing

BINDING: Final = ("case_fingerprints", "fingerprint")
_MAX_SHOWN: Final = 12
_MAX_ROWS: Final = 60


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
    session: Session, keys: KeyRing, case_id: UUID, team_id: UUID, contact: Mapping[str, Any], country: str
) -> None:
    """Replace the fingerprints of a case by those of its current contact details."""
    delete_fingerprints(session, case_id)
    add_fingerprints(session, keys, case_id, team_id, contact, country)


def add_fingerprints(
    session: Session, keys: KeyRing, case_id: UUID, team_id: UUID, contact: Mapping[str, Any], country: str
) -> None:
    """Store the fingerprints of a new case."""
    fingerprints = [
        {
            "id": uuid4(),
            "case_id": case_id,
            "kind": identifier.kind.value,
            "fingerprint": keys.encrypt_deterministically(_mac(keys, team_id, identifier), *BINDING),
        }
        for identifier in identifiers_in(contact, country)
    ]
    bulk.insert(session, CaseFingerprint, fingerprints)


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
    session: Session, keys: KeyRing, team_id: UUID, sought: Collection[Identifier], *, me: UUID | None
) -> Sequence[sa.Row[str, str, str, str]]:
    """The team's cases with one of these identifiers: label, state, country and the kind that matches. One statement.

    `me`: who looks; restricted cases for which they are not named are left out.
    """
    marks = {keys.encrypt_deterministically(_mac(keys, team_id, identifier), *BINDING) for identifier in sought}
    return session.execute(
        sa.select(Case.label, Case.state, Case.country, CaseFingerprint.kind)
        .join(CaseFingerprint, CaseFingerprint.case_id == Case.id)
        .where(
            CaseFingerprint.fingerprint.in_(marks),
            Case.team_id == team_id,
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
    session.execute(sa.delete(CaseFingerprint).where(CaseFingerprint.case_id == case_id))


def leave_team(session: Session, case: Case) -> None:
    """Delete the fingerprints of a case that moves to another team, and its links to merged cases of the old team."""
    delete_fingerprints(session, case.id)
    case.merged_into_id = None
    session.execute(sa.update(Case).where(Case.merged_into_id == case.id).values(merged_into_id=None))


def _mac(keys: KeyRing, team_id: UUID, identifier: Identifier) -> bytes:
    return keys.mac("likeness:1", team_id.bytes, identifier.canonical())
