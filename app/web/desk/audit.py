"""The audit for whoever watches the watchers: who did what to which id, in codes. No case can be opened from here."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.audit import queries
from app.audit.models import AuditEntry
from app.audit.queries import KINDS, Wanted
from app.cases.models import Case
from app.core.dependencies import ReadDb
from app.core.errors import FieldError, Invalid
from app.referrals.models import Referral
from app.staff import members
from app.staff.models import Member
from app.web.account.policies import Auditor
from app.web.components import staff_pages

router = APIRouter(prefix="/desk/audit")

Text = Annotated[str, Query(max_length=64)]
Place = Annotated[int | None, Query(ge=0, lt=2**53)]
_NOBODY = "nobody"


@router.get("", name="audit")
def show_audit(
    request: Request,
    who: Auditor,
    session: ReadDb,
    kind: Text = "",
    by: Text = "",
    about: Text = "",
    since: Text = "",
    until: Text = "",
    older: Place = None,
    newer: Place = None,
) -> Response:
    del who
    wanted = Wanted(
        kind if kind in KINDS else "",
        _actor(session, by),
        _subject(session, about),
        day_of(since, "since"),
        day_of(until, "until"),
    )
    found = queries.page(session, wanted, older_than=older, newer_than=newer)
    filters = {"kind": wanted.kind, "by": by, "about": about, "since": since, "until": until}
    kept = {name: value for name, value in filters.items() if value}
    return staff_pages.page(
        request,
        "desk/audit.html",
        entries=found.entries,
        who_did=actors(session, found.entries),
        labels=labels(session, found.entries),
        filters=filters,
        kinds=KINDS,
        older=_address(kept, older=found.older_than),
        newer=_address(kept, newer=found.newer_than),
    )


def _address(kept: dict[str, str], **place: int | None) -> str | None:
    (value,) = place.values()
    return f"/desk/audit?{urlencode({**kept, **place})}" if value is not None else None


def _actor(session: Session, name: str) -> str:
    """The id that stands in the audit for a member's name; for a name nobody has, one that is nobody's."""
    if not name.strip():
        return ""
    found = session.scalar(sa.select(Member.id).where(Member.name == name.strip().casefold()))
    return found.hex if found else _NOBODY


def _subject(session: Session, text: str) -> str:
    """The id behind a case's or referral's label, or an id itself."""
    text = text.strip()
    if not text:
        return ""
    for model in (Case, Referral):
        found: UUID | None = session.scalar(sa.select(model.id).where(model.label == text.upper()))
        if found is not None:
            return found.hex
    return text.replace("-", "").lower() or _NOBODY


def actors(session: Session, entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Names of the members among those who acted."""
    ids = {UUID(hex=entry.actor_id) for entry in entries if _is_id(entry.actor_id)}
    return {member_id.hex: name for member_id, name in members.names(session, list(ids)).items()}


def labels(session: Session, entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Labels of the cases and referrals, and names of the members, that it was done to."""
    ids = [UUID(hex=entry.subject_id) for entry in entries if _is_id(entry.subject_id)]
    found = {member_id.hex: name for member_id, name in members.names(session, ids).items()}
    for model in (Case, Referral):
        rows = session.execute(sa.select(model.id, model.label).where(model.id.in_(ids)))
        found |= {row.id.hex: row.label for row in rows}
    return found


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(character in "0123456789abcdef" for character in text)


def day_of(text: str, name: str) -> date | None:
    """Raises Invalid."""
    if not text.strip():
        return None
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid(
            [FieldError(pointer=f"/{name}", code="not_a_day", detail="Write the day as YYYY-MM-DD.")]
        ) from None
