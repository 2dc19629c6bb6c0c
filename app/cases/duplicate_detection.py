"""Who wrote twice: keyed marks of what was given with a case, compared within one team and never across teams.

A phone number, an e-mail address, a user name and a whole name (two words or more, as it sounds in any script) are folded
by `core.identifiers`, put through a MAC that holds for this team alone, and locked under the epoch key. A first name by
itself leaves no mark: too many share it. Nothing here says that two cases *are* one person.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.cases.models import Case, CaseFingerprint
from app.cases.states import CaseState
from app.core import bulk, identifiers
from app.core.identifiers import FORM, Identifier
from app.core.keyring import KeyRing

BINDING: Final = ("case_fingerprints", "fingerprint")
_MAX_SHOWN: Final = 12
_MAX_ROWS: Final = 60


@dataclass(frozen=True, slots=True)
class PossibleDuplicate:
    """Another case of the team: what the same was given in both (kinds, no values), and whether they are merged.

    `link`: "into" (this goes on as that one), "from" (that one was merged into this), "" (not linked to this).
    """

    label: str
    state: str
    version: int
    kinds: tuple[str, ...]
    link: str
    merged: bool


def identifiers_in(contact: Mapping[str, Any], country: str) -> list[Identifier]:
    """What a contact part (`call_me`, `answer_by`) can be recognised by."""
    answer_by = contact.get("answer_by") or {}
    address = str(answer_by.get("address") or "")
    found = (
        identifiers.of_contact(str(answer_by.get("channel") or ""), address, country),
        identifiers.name(str(contact.get("call_me") or "")),
    )
    return [one for one in found if one is not None and one.strong]


def replace_fingerprints(
    session: Session, keys: KeyRing, case_id: UUID, team_id: UUID, contact: Mapping[str, Any], country: str
) -> None:
    """Keep the marks of what is given now, instead of those that were kept before."""
    delete_fingerprints(session, case_id)
    add_fingerprints(session, keys, case_id, team_id, contact, country)


def add_fingerprints(
    session: Session, keys: KeyRing, case_id: UUID, team_id: UUID, contact: Mapping[str, Any], country: str
) -> None:
    """Keep the marks of what was given with a new case."""
    marks = [
        {
            "id": uuid4(),
            "case_id": case_id,
            "kind": one.kind.value,
            "fingerprint": keys.encrypt_deterministically(_mac(keys, team_id, one), *BINDING),
        }
        for one in identifiers_in(contact, country)
    ]
    bulk.insert(session, CaseFingerprint, marks)


def _candidates_statement() -> sa.CompoundSelect[Any]:
    case_id, team_id = sa.bindparam("case_id", type_=sa.Uuid()), sa.bindparam("team_id", type_=sa.Uuid())
    mine, theirs = sa.alias(CaseFingerprint.__table__), sa.alias(CaseFingerprint.__table__)
    told = (Case.id, Case.label, Case.state, Case.version, Case.merged_into_id, Case.waiting_since)
    ours = (Case.team_id == team_id, Case.id != case_id, Case.state != CaseState.ERASED.value)
    same = (
        sa.select(*told, theirs.c.kind)
        .select_from(mine)
        .join(theirs, theirs.c.fingerprint == mine.c.fingerprint)
        .join(Case, Case.id == theirs.c.case_id)
        .where(mine.c.case_id == case_id, *ours)
        .limit(_MAX_ROWS)
    )
    into = sa.bindparam("merged_into_id", type_=sa.Uuid())
    linked = sa.select(*told, sa.null().label("kind")).where(
        *ours, sa.or_(Case.merged_into_id == case_id, Case.id == into)
    )
    return sa.union_all(sa.select(same.subquery()), linked)


_CANDIDATES: Final = _candidates_statement()


def possible_duplicates(session: Session, case: Case) -> list[PossibleDuplicate]:
    """Other cases of this team with one of the same marks, those that agree in most first, and the merged ones. One statement."""
    given = {"case_id": case.id, "team_id": case.team_id, "merged_into_id": case.merged_into_id}
    found: dict[str, list[sa.Row[Any]]] = {}
    for row in session.execute(_CANDIDATES, given):
        found.setdefault(row.label, []).append(row)
    cases = [_duplicate_of(case, rows) for rows in found.values()]
    return sorted(cases, key=lambda one: (not one.link, -len(one.kinds), one.label))[:_MAX_SHOWN]


def _duplicate_of(case: Case, rows: list[sa.Row[Any]]) -> PossibleDuplicate:
    row = rows[0]
    link = "into" if row.id == case.merged_into_id else "from" if row.merged_into_id == case.id else ""
    kinds = tuple(sorted({row.kind for row in rows if row.kind}))
    return PossibleDuplicate(row.label, row.state, row.version, kinds, link, row.merged_into_id is not None)


def delete_fingerprints(session: Session, case_id: UUID) -> None:
    session.execute(sa.delete(CaseFingerprint).where(CaseFingerprint.case_id == case_id))


def leave_team(session: Session, case: Case) -> None:
    """Another team has the case from now on: marks and links to cases of the team before do not go with it."""
    delete_fingerprints(session, case.id)
    case.merged_into_id = None
    session.execute(sa.update(Case).where(Case.merged_into_id == case.id).values(merged_into_id=None))


def _mac(keys: KeyRing, team_id: UUID, one: Identifier) -> bytes:
    return keys.mac(f"likeness:{FORM}", team_id.bytes, one.canonical())
