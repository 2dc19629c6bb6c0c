"""An organisation answers about the quality of a referral that it accepted: codes in plain, free words sealed to the team."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from app import audit
from app.casework import referral_threads
from app.core.errors import Conflict
from app.core.keyring import KeyRing
from app.referrals import quality, queries, threads
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN, ReferralState


def say(
    session: Session,
    organisation_id: UUID,
    referral_id: UUID,
    codes: Sequence[str],
    *,
    who: UUID,
    now: datetime,
    actor_kind: str = "partner",
) -> Referral:
    """Store what the organisation says.

    `who`: the member, the link, or the organisation whose program it is; with the `actor_kind` of a coordinator, the one who
    recorded it. Raises NotFound, Invalid, Conflict (it has not accepted the referral, or has handed it back).
    """
    chosen = quality.checked(codes)
    referral, _case = queries.locked(session, referral_id, organisation_id)
    if ReferralState(referral.state) not in MAY_OPEN:
        raise Conflict("This is asked about requests that you have accepted.", state=referral.state)
    quality.put(session, referral.id, chosen, now)
    audit.record(
        session, actor_kind=actor_kind, actor_id=who.hex, action="referral:quality_said", subject_kind="referral",
        subject_id=referral.id, codes={"quality": chosen}, now=now,
    )  # fmt: skip
    return referral


def say_in_words(
    session: Session,
    keys: KeyRing,
    organisation_id: UUID,
    referral_id: UUID,
    codes: Sequence[str],
    text: str,
    token: str,
    *,
    who: UUID,
    now: datetime,
    limit: int,
) -> None:
    """Store what the organisation says in a form; `text`, if there is any, becomes a sealed message to the team.

    `token`: makes it count once.
    """
    text = text.strip()
    if text:
        threads.check_text(text)
    say(session, organisation_id, referral_id, codes, who=who, now=now)
    if text:
        referral_threads.write_by_partner(
            session, keys, organisation_id, referral_id, who, text, f"quality:{token}", now=now, limit=limit
        )
