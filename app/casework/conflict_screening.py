"""Screening cases against organisations' conflict lists: a hit means no key and no offer, and nobody is told.

An organisation learns nothing from uploading its list: the answer is the size of the list. To the person and the desk, the
organisation appears to take no requests at the moment.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.cases import sealed_parts, transitions
from app.cases.models import Case, PartKind
from app.casework import referral_actions
from app.conflicts import service as conflicts
from app.conflicts.service import ConflictCheck
from app.core import identifiers, keyholders
from app.core.identifiers import Identifier
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake.schemas import Intake
from app.referrals import queries, threads


def identifiers_in(contact: Mapping[str, Any], country: str) -> list[Identifier]:
    """The identifiers in the encrypted contact: the person's address, and their name if it is more than a first name."""
    way = contact.get("answer_by") or {}
    candidates = (
        *identifiers.of_contact(way.get("channel", ""), way.get("address", ""), country),
        *identifiers.names(contact.get("call_me", "")),
    )
    return [identifier for identifier in candidates if identifier.strong]


def reachable_organisations(directory: Directory, intake: Intake) -> set[UUID]:
    """The organisations that this intake could be sent to: those of its country, and those the person named."""
    here = {entry.organisation.id for entry in directory.services_for(intake.country)}
    return {named_id("organisation", slug) for slug in here | set(intake.consent.organisations)}


def screen_intake(
    session: Session, keys: KeyRing, contact: Mapping[str, Any], country: str, connected: Collection[UUID]
) -> ConflictCheck:
    """Compare a new intake with the lists of these organisations. No SQL statement when the contact identifies nobody."""
    known = identifiers_in(contact, country)
    return conflicts.compare(session, keys, known, sorted(connected)) if known else ConflictCheck()


def slugs_of(hits: Collection[UUID], directory: Directory) -> frozenset[str]:
    return frozenset(entry.id for entry in directory.organisations if named_id("organisation", entry.id) in hits)


def is_hit(session: Session, keys: KeyRing, case: Case, person_key: bytes, organisation_id: UUID) -> bool:
    """Whether the person is on this organisation's list.

    Called before the organisation is given a key, even if it was connected only now. Stores the case's identifiers for later
    comparisons. The caller holds the case's row.
    """
    check = conflicts.compare(session, keys, _known(session, case, person_key), [organisation_id])
    conflicts.store_check(session, case.id, check, readers=[organisation_id])
    return bool(check.hits)


def _known(session: Session, case: Case, person_key: bytes) -> list[Identifier]:
    parts = [
        sealed_parts.open_part(person_key, row) for row in sealed_parts.parts(session, case.id, [PartKind.CONTACT])
    ]
    return [identifier for part in parts for identifier in identifiers_in(part.content, case.country)]


def add_to_list(
    session: Session, keys: KeyRing, organisation_id: UUID, hashes: Collection[bytes], now: datetime
) -> None:
    """Add to an organisation's list. Cases that match the list are excluded from this organisation permanently."""
    for case_id in conflicts.add(session, keys, organisation_id, hashes, now):
        exclude(session, transitions.locked(session, case_id), organisation_id, now)


def exclude(session: Session, case: Case, organisation_id: UUID, now: datetime) -> None:
    """Destroy the key of an organisation that has not accepted, and withdraw its offers. The caller holds the case's row."""
    conflicts.exclude(session, case.id, [organisation_id])
    if not queries.has_accepted(session, case.id, organisation_id):
        sealed_parts.destroy_wraps(session, case.id, [organisation_id])
        threads.destroy_for(session, case.id, [organisation_id])
        referral_actions.withdraw_offers_to(session, case, organisation_id, now)


def rescreen(
    session: Session, keys: KeyRing, directory: Directory, case: Case, person_key: bytes, now: datetime
) -> None:
    """Compare the case with the lists again, after the person gave another address or moved to another country.

    Organisations that were excluded stay excluded. The caller holds the case's row.
    """
    here = {named_id("organisation", entry.organisation.id) for entry in directory.services_for(case.country)}
    ids = (
        here | conflicts.traced_organisations(session, case.id) | sealed_parts.organisations_with_key(session, case.id)
    )
    conflicts.drop_traces(session, case.id)
    known = _known(session, case, person_key)
    check = conflicts.compare(session, keys, known, sorted(keyholders.public_keys(session, ids)) if known else ())
    conflicts.store_check(session, case.id, check, readers=sealed_parts.organisations_agreed(session, case.id))
    for organisation_id in sorted(check.hits):
        exclude(session, case, organisation_id, now)
