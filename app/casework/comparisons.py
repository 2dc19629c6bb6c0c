"""Making the fingerprints by which possible duplicates are found: with the team's key, in a signed-in member's request.

The contacts of cases that nobody has compared yet are opened in this process's memory alone. Nothing of them is returned, shown or
logged; nobody reads them, so it counts as no read and is no opening that the person is told of. A batch is one row of the audit,
with the number of cases. See docs/decisions/0216.
"""

from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.cases import duplicate_detection, restriction, sealed_parts, transitions
from app.cases.duplicate_detection import ComparisonKey
from app.cases.models import Case
from app.casework.coordinator import Desk
from app.core import keyholders
from app.core.errors import NotAllowed
from app.core.identifiers import Identifier
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen, KeyPair

BATCH: Final = 50
"""Cases of one transaction, in which their rows are locked: some 25 ms."""


def held_key(session: Session, desk: Desk) -> ComparisonKey | None:
    """The key of the team's fingerprints; None: this member was not given the team's present key. Two statements."""
    held = _team_pair(session, desk)
    return ComparisonKey.of(desk.team_id, *held) if held is not None else None


def _team_pair(session: Session, desk: Desk) -> tuple[UUID, KeyPair] | None:
    """The team's present key pair with its id, if this member was given it."""
    active = keyholders.active_key(session, desk.team_id)
    pair = desk.member.key_of_team(session, active.id) if active is not None else None
    return (active.id, pair) if active is not None and pair is not None else None


def key_of(session: Session, desk: Desk) -> ComparisonKey:
    """The same. Raises NotAllowed."""
    key = held_key(session, desk)
    if key is None:
        raise NotAllowed("You were not given the team's key yet. Ask a colleague to grant it.")
    return key


def compare_new(session: Session, desk: Desk, *, at_most: int = BATCH, first: str = "") -> int:
    """Make the fingerprints of cases of the team that wait for them: the one with the label `first`, then the newest.

    Returns of how many; 0 also when the member does not hold the team's present key. A case whose contact is gone, or cannot be
    opened, gets none and does not wait any more. Locks the cases. Nine statements at most, however many cases. Raises Unavailable.
    """
    held = _team_pair(session, desk)
    if held is None:
        return 0
    by = ComparisonKey.of(desk.team_id, *held)
    waiting = duplicate_detection.lock_waiting(session, by, at_most, first=first)
    if not waiting:
        return 0
    found, unreadable = _identifiers(session, desk.keys, waiting, dict([held]))
    duplicate_detection.replace_fingerprints(session, desk.keys, by, found)
    codes = {"cases": len(waiting), **({"unreadable": unreadable} if unreadable else {})}
    audit.record(
        session, actor_kind=desk.actor.kind.value, actor_id=desk.member.member_id.hex, action="cases:compared",
        subject_kind="team", subject_id=desk.team_id, codes=codes, now=desk.now,
    )  # fmt: skip
    return len(waiting)


def compare_restricted(session: Session, desk: Desk, case: Case) -> None:
    """Make the fingerprints of a restricted case that waits for them, when a named member opens it, since the team's key does not.

    They are made with the team's key like all others. Does nothing for other cases, or without the team's present key. Locks the
    case.
    """
    if not case.restricted or case.compared_with is not None:
        return
    case = transitions.locked(session, case.id)
    circle = keyholders.active_key(session, restriction.circle_id(case.id))
    pair = desk.member.key_of_case(session, circle.id) if circle is not None else None
    by = held_key(session, desk)
    if circle is None or pair is None or by is None:
        return
    found, _unreadable = _identifiers(session, desk.keys, [case.id], {circle.id: pair})
    duplicate_detection.replace_fingerprints(session, desk.keys, by, found)
    session.refresh(case, ["compared_with"])


def _identifiers(
    session: Session, keys: KeyRing, case_ids: Collection[UUID], held: Mapping[UUID, KeyPair]
) -> tuple[dict[UUID, list[Identifier]], int]:
    """The identifiers in the contacts of these cases, and how many contacts could not be opened. One statement."""
    found: dict[UUID, list[Identifier]] = {case_id: [] for case_id in case_ids}
    unreadable = 0
    for sealed in sealed_parts.sealed_contacts(session, case_ids, held):
        try:
            contact = sealed.open(keys, held[sealed.key_id])
            found[sealed.case_id] = duplicate_detection.identifiers_in(contact, sealed.country)
        except CannotOpen:
            unreadable += 1
    return found, unreadable
