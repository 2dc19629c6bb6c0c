"""An organisation has a new key: what was sealed to its old one is sealed to the new one, where somebody holds the case's key.

The server alone can not: it has no key. A coordinator's unlocked session can, for the cases of their team.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.orm import Session, aliased

from app.core.keyholders import SealingKey
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.intake import life, vault
from app.intake.models import CaseWrap, WrapFor
from app.intake.vault import Recipient


def stale(session: Session, new: SealingKey, team_keys: Mapping[UUID, KeyPair], limit: int) -> Sequence[UUID]:
    """Cases whose wrap for this organisation is of an older key, and whose team wrap one of these keys opens."""
    theirs, ours = aliased(CaseWrap), aliased(CaseWrap)
    return session.scalars(
        sa.select(theirs.case_id)
        .join(ours, sa.and_(ours.case_id == theirs.case_id, ours.purpose == vault.PERSON))
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
    """Seal one case's key to the new key. False: the organisation holds no wrap any more, or holds the new one already.

    Takes the case's row, so that consent taken back meanwhile stays taken back. Raises CannotOpen.
    """
    life.locked(session, case_id)
    wraps = session.scalars(
        sa.select(CaseWrap).where(CaseWrap.case_id == case_id, CaseWrap.purpose == vault.PERSON)
    ).all()
    theirs = next((wrap for wrap in wraps if wrap.owner_id == new.owner_id), None)
    ours = next((wrap for wrap in wraps if wrap.kind == WrapFor.TEAM.value and wrap.key_id in team_keys), None)
    if theirs is None or theirs.key_id == new.id or ours is None or ours.key_id is None:
        return False
    data_key = vault.data_key(session, keys, case_id, vault.PERSON, ours.owner_id, team_keys[ours.key_id])
    to = Recipient(WrapFor.ORGANISATION, new.owner_id, new.public_key, new.id)
    vault.grant(session, keys, case_id, vault.PERSON, data_key, [to])
    return True
