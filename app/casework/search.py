"""Search of the desk: what words and labels lead to, and the cases of somebody who calls."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app import audit
from app.cases import duplicate_detection, restriction
from app.cases.models import Case
from app.cases.short_labels import of_text
from app.cases.states import CaseState
from app.casework import case_ownership, comparisons
from app.casework.coordinator import Desk
from app.core import identifiers
from app.core.errors import FieldError, Invalid
from app.core.i18n import Translatable
from app.core.identifiers import Identifier
from app.directory.packs import Directory
from app.referrals.models import Referral
from app.staff import read_quotas

LONGEST: Final = 120
_MOST: Final = 12
_MOST_HELD: Final = 60


@dataclass(frozen=True, slots=True)
class SearchResult:
    """The result of a search.

    `case`: the label of the case found, or of the case of the `referral` found; the others are slugs and names. `held`: the labels
    of the open cases that each member owns, the first due first.
    """

    case: str = ""
    referral: str = ""
    organisations: Sequence[tuple[str, str]] = ()
    services: Sequence[tuple[str, str, str]] = ()
    members: Sequence[tuple[UUID, str]] = ()
    held: Mapping[UUID | None, Sequence[str]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_empty(self) -> bool:
        return not (self.case or self.organisations or self.services or self.members)


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """A case that may be the caller's, and the kinds of identifiers that match: a match is a hint, not proof."""

    label: str
    state: str
    country: str
    kinds: tuple[str, ...]


def find(session: Session, desk: Desk, directory: Directory, text: str) -> SearchResult:
    """Cases and referrals of the team by their whole label; organisations, services and members by a part of their name."""
    label = of_text(text)
    if label is not None:
        case, referral = _by_label(session, desk, label)
        if case:
            return SearchResult(case=case, referral=referral)
    words = plain(text).split()
    if not words or len("".join(words)) < 2:
        return SearchResult()
    organisations = [
        (entry.id, entry.name.en)
        for entry in directory.organisations
        if matches(words, entry.id, *entry.name.model_dump().values())
    ]
    services = [
        (entry.organisation.id, entry.service.name.en, entry.organisation.name.en)
        for entry in directory.services
        if matches(words, *entry.service.name.model_dump().values())
    ]
    members = [
        (one.id, one.name) for one in case_ownership.colleagues(session, desk.team_id) if matches(words, one.name)
    ]
    held = _held(session, desk, [id for id, _name in members[:_MOST]])
    return SearchResult(
        organisations=organisations[:_MOST], services=services[:_MOST], members=members[:_MOST], held=held
    )


def _held(session: Session, desk: Desk, members: Sequence[UUID]) -> Mapping[UUID | None, Sequence[str]]:
    """The open cases of each member by their labels, at most 60 in all."""
    held: dict[UUID | None, list[str]] = {}
    if members:
        ours = sa.select(Case.owner_id, Case.label).where(
            Case.team_id == desk.team_id,
            Case.owner_id.in_(members),
            Case.closed_at.is_(None),
            sa.not_(restriction.hidden_from(desk.member.member_id)),
        )
        for owner_id, label in session.execute(ours.order_by(Case.due_on, Case.label).limit(_MOST_HELD)):
            held.setdefault(owner_id, []).append(label)
    return held


def plain(text: str) -> str:
    """The text in lower case, with spaces for hyphens, dots and other marks."""
    return re.sub(r"[\W_]+", " ", text[:LONGEST].casefold()).strip()


def matches(words: Iterable[str], *names: object) -> bool:
    """Whether each word (`plain`) begins one of the words of the names."""
    known = [word for name in names if isinstance(name, str) for word in plain(name).split()]
    return all(any(one.startswith(word) for one in known) for word in words)


def _by_label(session: Session, desk: Desk, label: str) -> tuple[str, str]:
    """The label of the team's case, and of the referral when it is one that was searched; empty if there is none."""
    ours = (Case.team_id == desk.team_id, Case.state != CaseState.ERASED.value)
    if label.startswith("R-"):
        found = session.scalar(
            sa.select(Case.label)
            .join(Referral, Referral.case_id == Case.id)
            .where(Referral.label == label, *ours, sa.not_(restriction.hidden_from(desk.member.member_id)))
        )
        return (found, label) if found else ("", "")
    return session.scalar(sa.select(Case.label).where(Case.label == label, *ours)) or "", ""


@dataclass(frozen=True, slots=True)
class CallerSearch:
    """What was found of a caller. `waiting`: how many cases of the team are not compared yet: one of them can be missing."""

    matches: Sequence[CallerMatch]
    waiting: int


def find_caller(session: Session, desk: Desk, directory: Directory, text: str) -> CallerSearch:
    """The team's cases with this phone number, e-mail address, user name or whole name. Counted as a read, and audited.

    The input is compared by keyed hashes (`app.cases.duplicate_detection`) and stored nowhere. Raises Invalid (nothing
    that could be compared), NotAllowed (the member was not given the team's key), QuotaReached.
    """
    countries = [country.code for country in directory.places]
    sought = _identifiers(text[:LONGEST], countries)
    if not sought:
        detail = Translatable(
            "Type a whole phone number, an e-mail address, a user name like @name, or a first and a last name."
        )
        raise Invalid([FieldError(pointer="/caller", code="required", detail=detail)])
    read_quotas.count(session, read_quotas.member_key(desk.member.member_id), desk.now, limit=desk.reads_a_day)
    by = comparisons.key_of(session, desk)
    rows = duplicate_detection.cases_of(session, desk.keys, by, sought, me=desk.member.member_id)
    kinds: dict[str, set[str]] = {}
    for row in rows:
        kinds.setdefault(row.label, set()).add(row.kind)
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.member.member_id.hex,
        action="desk:caller_sought",
        subject_kind="team",
        subject_id=desk.team_id,
        codes={"by": sorted({identifier.kind.value for identifier in sought}), "found": len(kinds)},
        now=desk.now,
    )
    by_label = {row.label: row for row in rows}
    matches = [
        CallerMatch(label, by_label[label].state, by_label[label].country, tuple(sorted(kinds[label])))
        for label in sorted(kinds, key=lambda one: (-len(kinds[one]), one))
    ]
    return CallerSearch(
        matches[:_MOST], duplicate_detection.count_waiting(session, desk.team_id, desk.member.member_id)
    )


def _identifiers(text: str, countries: Sequence[str]) -> list[Identifier]:
    """All identifiers that the text can be read as."""
    text = text.strip()
    found: dict[tuple[str, str, str], Identifier] = {}
    digits = sum(character.isdigit() for character in text)
    letters = sum(character.isalpha() for character in text)
    candidates: list[Identifier] = []
    if digits >= 6 and digits > letters:
        candidates += [one for country in countries for one in identifiers.of_contact("phone", text, country)]
    elif "@" in text.strip("@") and " " not in text:
        candidates += identifiers.of_contact("email", text, countries[0] if countries else "")
    elif " " not in text or text.startswith("@"):
        candidates += identifiers.of_contact("telegram", text, countries[0] if countries else "")
    else:
        candidates += identifiers.names(text)
    for one in candidates:
        if one.strong:
            found[(one.kind.value, one.text, one.form)] = one
    return list(found.values())
