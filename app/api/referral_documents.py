"""A referral as JSON for partners: the entry of the list, and the detail with its anonymous card."""

from datetime import datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.api.dependencies import Partner, format_instant, no_such_referral
from app.cases import appointments, unread_letters
from app.cases.appointment_states import UNDER_WAY
from app.casework import letter_deadlines
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.referrals import partner_queries
from app.referrals.states import AT_WORK, MAY_OPEN, ReferralActor, ReferralState, allowed_actions

ACTIONS: Final = {state: allowed_actions(state, by=ReferralActor.PARTNER) for state in ReferralState}


def detail(
    session: Session, partner: Partner, referral_id: UUID, keys: KeyRing, packs: Directory, now: datetime
) -> dict[str, Any]:
    """The detail of one referral. Raises NotFound, worded the same for an unknown id and for another organisation's."""
    row = partner_queries.by_id(session, partner.organisation_id, referral_id)
    if row is None:
        raise no_such_referral()
    locked = partner_queries.open_card(keys, row)
    card = {name: locked[name] for name in ("region", "for_whom") if locked.get(name)}
    return {
        **summary(row, packs),
        **_appointments(session, row),
        **_deadlines(row, keys, packs, now),
        "card": {**card, "speak": row.languages, "helps": locked.get("helps", [])},
    }


def _appointments(session: Session, row: sa.Row[Any]) -> dict[str, Any]:
    """The state of the times that this organisation offered last and, while it works on the case, of the team's."""
    found: dict[str, Any] = {}
    at_work = ReferralState(row.state) in AT_WORK
    for one in appointments.of_case(session, row.case_id):
        if one.state not in UNDER_WAY:
            continue
        hour = {"hour": format_instant(one.agreed_hour)} if one.agreed_hour else {}
        if one.referral_id == row.id:
            slot = {"slot": one.agreed_slot} if one.agreed_slot is not None else {}
            found.setdefault("appointment", {"id": str(one.id), "state": one.state, **slot, **hour})
        elif one.referral_id is None and at_work:
            callback = {"callback": one.window_id is not None} if hour else {}
            found.setdefault("team_appointment", {"state": one.state, **hour, **callback})
    return found


def summary(row: sa.Row[Any], packs: Directory) -> dict[str, Any]:
    state = ReferralState(row.state)
    owed_by = _owed_by(row, state)
    zone = packs.country(row.country).time_zone if packs.has_country(row.country) else None
    optional = {
        "deadline": _deadline(row),
        "respond_by": format_instant(owed_by),
        "respond_by_local": owed_by.astimezone(ZoneInfo(zone)).isoformat(timespec="seconds")
        if owed_by and zone
        else None,
        "time_zone": zone,
        "decide_by": format_instant(row.decide_by),
        "review_on": row.review_on.isoformat() if row.review_on else None,
        "reason": row.reason,
        "outcome": row.outcome,
        "question": row.question,
    }
    return {
        "id": str(row.id),
        "version": row.version,
        "label": row.label,
        "service": row.service,
        "state": row.state,
        "allowed_actions": ACTIONS[state],
        "priority": row.urgency,
        "needs": [{"code": code, "label": _label(code, packs)} for code in row.needs],
        "country": row.country,
        "languages": row.languages,
        "sealed": state in MAY_OPEN,
        "waiting_since": format_instant(row.waiting_since),
        "offered_at": format_instant(row.offered_at),
        "updated_at": format_instant(row.updated_at),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _label(code: str, packs: Directory) -> str:
    need = packs.need(code)
    return need.label if need else code


def _deadline(row: sa.Row[Any]) -> dict[str, Any] | None:
    if row.deadline_on is None:
        return None
    certainty = {"certainty": row.deadline_certainty} if row.deadline_certainty else {}
    known = row.deadline_certainty not in {None, "assumed"}
    unread = unread_letters.of_column(row.unread_letter)
    reason = {} if known or unread is None else {"reason": "unclear_letter" if unread.is_seen else "unread_letter"}
    return {"last_safe_day": row.deadline_on.isoformat(), **certainty, "known": known, **reason}


def _deadlines(row: sa.Row[Any], keys: KeyRing, packs: Directory, now: datetime) -> dict[str, Any]:
    days = [
        {
            "last_safe_day": day.last_safe_day.isoformat(),
            "certainty": day.certainty,
            "known": day.is_known,
            "letters": day.is_letters,
            **({"event": day.event} if day.event else {}),
            **({"what": day.what} if day.what else {}),
            **({"also_due": list(day.also)} if day.also else {}),
        }
        for day in letter_deadlines.due_days(row, keys, packs, now, "en")
    ]
    return {"deadlines": days} if days else {}


def _owed_by(row: sa.Row[Any], state: ReferralState) -> datetime | None:
    """By when the partner has to answer next; None while it waits for an answer itself."""
    if state is ReferralState.OFFERED:
        moment: datetime | None = row.acknowledge_by
    elif state is ReferralState.ACKNOWLEDGED:
        moment = row.decide_by
    else:
        moment = row.contact_by if state is ReferralState.ACCEPTED else None
    return moment
