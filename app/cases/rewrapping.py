"""Rewrapping: when an organisation has a new key, the case keys sealed to its old one are sealed to the new one.

The server and its worker cannot do it alone, because they hold no case key. A reader of a case can: a coordinator of its team, or
a member of the organisation who was given the old key. So a case is rewrapped whenever it is opened (`rewrap_opened`), and a
coordinator can rewrap all cases of a team at once (`outdated_cases`, `rewrap`). A case that nobody opens stays sealed to the old
key, which its owner keeps.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Final
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.cases import sealed_parts, transitions
from app.cases.models import CaseWrap, WrapFor
from app.cases.sealed_parts import Recipient
from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair


def outdated_cases(session: Session, new: SealingKey, team_keys: Mapping[UUID, KeyPair], limit: int) -> Sequence[UUID]:
    """Cases whose wrap for this organisation belongs to an older key, and whose team wrap one of `team_keys` opens."""
    theirs, ours = aliased(CaseWrap), aliased(CaseWrap)
    return session.scalars(
        sa.select(theirs.case_id)
        .join(ours, sa.and_(ours.case_id == theirs.case_id, ours.purpose == sealed_parts.PERSON))
        .where(
            theirs.owner_id == new.owner_id,
            theirs.kind == WrapFor.ORGANISATION.value,
            theirs.key_id != new.id,
            ours.kind == WrapFor.TEAM.value,
            ours.key_id.in_(list(team_keys)),
        )
        .order_by(theirs.case_id)
        .limit(limit)
    ).all()


def rewrap(session: Session, keys: KeyRing, case_id: UUID, new: SealingKey, team_keys: Mapping[UUID, KeyPair]) -> bool:
    """Seal a case's data key to the organisation's new key. False: it has no wrap any more, or has the new one already.

    Locks the case's row, so that consent withdrawn in the meantime stays withdrawn. Raises CannotOpen.
    """
    transitions.locked(session, case_id)
    wraps = session.scalars(
        sa.select(CaseWrap).where(CaseWrap.case_id == case_id, CaseWrap.purpose == sealed_parts.PERSON)
    ).all()
    theirs = next((wrap for wrap in wraps if wrap.owner_id == new.owner_id), None)
    ours = next((wrap for wrap in wraps if wrap.kind == WrapFor.TEAM.value and wrap.key_id in team_keys), None)
    if theirs is None or theirs.key_id == new.id or ours is None or ours.key_id is None:
        return False
    data_key = sealed_parts.data_key(session, keys, case_id, sealed_parts.PERSON, ours.owner_id, team_keys[ours.key_id])
    recipient = Recipient(WrapFor.ORGANISATION, new.owner_id, new.public_key, new.id)
    sealed_parts.grant(session, keys, case_id, sealed_parts.PERSON, data_key, [recipient])
    return True


def rewrap_opened(
    session: Session, keys: KeyRing, case_id: UUID, data_key: bytes, *, to: Collection[UUID] | None = None
) -> int:
    """Seal the data key of an opened case to the active keys of organisations that hold it under an older one; returns how many.

    `to`: only to these keys, because a member who has only the old key would lose access. Locks the case's row if there is anything
    to do, so that consent withdrawn in the meantime stays withdrawn.
    """
    if not _outdated_keys(session, case_id, to):
        return 0
    transitions.locked(session, case_id)
    rows = _outdated_keys(session, case_id, to)
    recipients = [Recipient(WrapFor.ORGANISATION, row.owner_id, row.public_key, row.id) for row in rows]
    sealed_parts.grant(session, keys, case_id, sealed_parts.PERSON, data_key, recipients)
    return len(recipients)


def _outdated_keys(session: Session, case_id: UUID, to: Collection[UUID] | None) -> list[sa.Row[UUID, bytes, UUID]]:
    return [row for row in session.execute(_OUTDATED_KEYS, {"case_id": case_id}) if to is None or row.id in to]


_OUTDATED_KEYS: Final = (
    sa.select(SealingKey.owner_id, SealingKey.public_key, SealingKey.id)
    .join(CaseWrap, CaseWrap.owner_id == SealingKey.owner_id)
    .where(
        CaseWrap.case_id == sa.bindparam("case_id"),
        CaseWrap.purpose == sealed_parts.PERSON,
        CaseWrap.kind == WrapFor.ORGANISATION.value,
        CaseWrap.key_id != SealingKey.id,
        SealingKey.active,
    )
)
