"""The audit page: who did what to which id, in codes. No case can be opened from it."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request, Response
from sqlalchemy.orm import Session

from app.audit import queries
from app.audit.models import WAITING, AuditEntry
from app.audit.queries import KINDS, EntryFilter
from app.cases import restriction
from app.cases.models import Case
from app.casework import restrictions
from app.core.dependencies import Now, ReadDb
from app.core.errors import Invalid
from app.core.written_dates import Nearest
from app.referrals.models import Referral
from app.staff import members
from app.staff.models import Member
from app.web.account.policies import Auditor
from app.web.components import date_fields, staff_pages

router = APIRouter(prefix="/desk/audit")

Text = Annotated[str, Query(max_length=64)]
Position = Annotated[int | None, Query(gt=-WAITING, lt=2**53)]
_NO_ID = "nobody"


@router.get("", name="audit")
def show_audit(
    request: Request,
    member: Auditor,
    session: ReadDb,
    now: Now,
    kind: Text = "",
    by: Text = "",
    about: Text = "",
    older: Position = None,
    newer: Position = None,
) -> Response:
    typed, days, errors = dict(request.query_params), dict[str, date | None](), dict[str, str]()
    for name in ("since", "until"):
        try:
            days[name] = date_fields.read(typed, name, today=now.date(), nearest=Nearest.PAST)
        except Invalid as error:
            days[name], errors[name] = None, error.errors[0]["detail"]
    criteria = EntryFilter(
        kind if kind in KINDS else "",
        _actor(session, by),
        _subject(session, about),
        days["since"],
        days["until"],
    )
    result = queries.page(session, criteria, older_than=older, newer_than=newer)
    filters = {
        "kind": criteria.kind,
        "by": by,
        "about": about,
        "since": _iso(days["since"]),
        "until": _iso(days["until"]),
    }
    active_filters = {name: value for name, value in filters.items() if value}
    return staff_pages.page(
        request,
        "desk/audit.html",
        status=422 if errors else 200,
        entries=result.entries,
        actor_names=actor_names(session, result.entries),
        subject_labels=subject_labels(session, result.entries),
        withheld=restrictions.withheld_subjects(session, member.member_id, _ids(result.entries)),
        restricted=restriction.overview(session),
        filters=filters,
        boxes={
            name: date_fields.typed(typed, name) if name in errors else date_fields.of_day(days[name]) for name in days
        },
        errors=errors,
        kinds=KINDS,
        older=_page_url(active_filters, older=result.older_than),
        newer=_page_url(active_filters, newer=result.newer_than),
    )


def _page_url(active_filters: dict[str, str], **position: int | None) -> str | None:
    (value,) = position.values()
    return f"/desk/audit?{urlencode({**active_filters, **position})}" if value is not None else None


def _actor(session: Session, name: str) -> str:
    """The id under which the audit lists the member of this name; for an unknown name, an id that matches no entry."""
    if not name.strip():
        return ""
    member_id = session.scalar(sa.select(Member.id).where(Member.name == name.strip().casefold()))
    return member_id.hex if member_id else _NO_ID


def _subject(session: Session, text: str) -> str:
    """The id of the case or referral with this label; text that is no label is taken as an id."""
    text = text.strip()
    if not text:
        return ""
    for model in (Case, Referral):
        subject_id: UUID | None = session.scalar(sa.select(model.id).where(model.label == text.upper()))
        if subject_id is not None:
            return subject_id.hex
    return text.replace("-", "").lower() or _NO_ID


def actor_names(session: Session, entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Names of the members who acted, by id."""
    ids = {UUID(hex=entry.actor_id) for entry in entries if _is_id(entry.actor_id)}
    return {member_id.hex: name for member_id, name in members.names(session, list(ids)).items()}


def subject_labels(session: Session, entries: Sequence[AuditEntry]) -> dict[str, str]:
    """Labels of the cases and referrals, and names of the members, that the entries are about, by id."""
    ids = _ids(entries)
    label_of = {member_id.hex: name for member_id, name in members.names(session, ids).items()}
    for model in (Case, Referral):
        rows = session.execute(sa.select(model.id, model.label).where(model.id.in_(ids)))
        label_of |= {row.id.hex: row.label for row in rows}
    return label_of


def _ids(entries: Sequence[AuditEntry]) -> list[UUID]:
    return [UUID(hex=entry.subject_id) for entry in entries if _is_id(entry.subject_id)]


def _is_id(text: str) -> bool:
    return len(text) == 32 and all(character in "0123456789abcdef" for character in text)


def _iso(day: date | None) -> str:
    return day.isoformat() if day else ""
