"""Proposals that need two people: one member proposes, another approves, and the proposer carries it out."""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Final

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.audit import queries
from app.audit.models import AuditEntry
from app.core import spreadsheet, written_dates
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.core.written_dates import NotADate
from app.partners import organisations
from app.staff import invitations, members, organisation_keys, proposals
from app.staff.invitations import Invitee
from app.staff.models import Role
from app.staff.proposal_states import Verb
from app.staff.proposals import PROPOSERS, Kind, Proposal
from app.staff.sessions import SignedIn
from app.web.account.members import centres, new_name
from app.web.account.my_settings import uuid_of
from app.web.account.policies import Member, Overseer
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/proposals")
partner_router = APIRouter(prefix="/partner/proposals")

Id = Annotated[str, Path(max_length=36)]
_DONE: Final = {Verb.APPROVE: "approved", Verb.DECLINE: "declined", Verb.WITHDRAW: "withdrawn"}


@router.get("", name="proposals")
def show_proposals(request: Request, member: Overseer, session: ReadDb) -> Response:
    waiting = proposals.live(session)
    return staff_pages.page(
        request,
        "account/proposals.html",
        waiting=waiting,
        proposers=members.names(session, [proposal.proposed_by for proposal in waiting]),
        may_decide=member.role in proposals.DECIDERS,
        kinds=[kind.value for kind in Kind if member.role in PROPOSERS[kind]],
        centres=centres(session) if member.role is Role.ADMIN else [],
        exports=sorted(EXPORTS),
    )


@router.post("", name="propose")
def propose(request: Request, member: Overseer, session: Db, now: Now) -> Response:
    try:
        kind = Kind(field_value(request.state.form, "kind"))
    except ValueError:
        raise _invalid("kind", "Choose what to propose.") from None
    proposals.propose(session, member, kind, _READ_CODES[kind](session, request), now)
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{proposal}/{verb}", name="decide_proposal")
def decide(
    proposal: Id,
    verb: Annotated[str, Path(max_length=12)],
    request: Request,
    member: Overseer,
    session: Db,
    keys: Keys,
    now: Now,
) -> Response:
    """Approve, decline, withdraw or carry out a proposal."""
    if verb == Verb.CARRY_OUT:
        return _carry_out(request, member, session, proposal, keys, now)
    if verb not in _DONE:
        raise NotFound
    proposals.decide(session, member, uuid_of(proposal), Verb(verb), now)
    return staff_pages.redirect(f"/desk/proposals?done={_DONE[Verb(verb)]}")


@partner_router.post("", name="propose_own_key")
def propose_own_key(request: Request, member: Member, session: Db, now: Now) -> Response:
    """Propose a new key for the member's own organisation; the network approves it."""
    codes = {"organisation": _own_slug(session, member), **_public_key(request)}
    proposals.propose(session, member, Kind.ORGANISATION_KEY, codes, now)
    return staff_pages.redirect("/partner/members?done=proposed")


@partner_router.post("/{proposal}/carry_out", name="carry_out_own_key")
def carry_out_own_key(proposal: Id, request: Request, member: Member, session: Db, now: Now) -> Response:
    carried_out = proposals.carry_out(session, member, uuid_of(proposal), Kind.ORGANISATION_KEY, now)
    _create_key(session, carried_out, member, now)
    del request
    return staff_pages.redirect("/partner/members?done=key_made")


# --- content of proposals ---------------------------------------------------------------------------------------------


def _new_admin(_session: Session, request: Request) -> dict[str, Any]:
    return {"name": new_name(request)}


def _organisation_key(session: Session, request: Request) -> dict[str, Any]:
    organisation = organisations.by_slug(session, field_value(request.state.form, "organisation"))
    return {"organisation": organisation.slug, **_public_key(request)}


def _bulk_export(_session: Session, request: Request) -> dict[str, Any]:
    export = field_value(request.state.form, "what")
    if export not in EXPORTS:
        raise _invalid("what", "Choose what to export.")
    return {"what": export, "month": _month(field_value(request.state.form, "month"), request.app.state.clock().date())}


def _month(text: str, today: date) -> str:
    """The month of a text like "November 2026", "11 2026" or "2026-11", as `YYYY-MM`. Raises Invalid."""
    text = f"{text.strip()}-01" if re.fullmatch(r"\d{4}-\d\d", text.strip()) else f"1 {text}"
    try:
        first = written_dates.read(text, today=today)
    except NotADate:
        first = None
    if first is None or first.day != 1:
        raise _invalid("month", "Write the month and the year, for example November 2026.")
    return f"{first:%Y-%m}"


_READ_CODES: Final[Mapping[Kind, Callable[[Session, Request], dict[str, Any]]]] = {
    Kind.NEW_ADMIN: _new_admin,
    Kind.ORGANISATION_KEY: _organisation_key,
    Kind.BULK_EXPORT: _bulk_export,
}


def _public_key(request: Request) -> dict[str, str]:
    """The public key of a key that the organisation keeps itself; empty if the service shall create one. Raises Invalid."""
    text = "".join(field_value(request.state.form, "public_key").split())
    if not text:
        return {}
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
        organisation_keys.check(raw)
    except (binascii.Error, ValueError):
        raise _invalid("public_key", "This is not an X-Wing public key (1,216 bytes in base64).") from None
    return {"public_key": base64.b64encode(raw).decode(), "fingerprint": members.fingerprint(raw)}


def _own_slug(session: Session, member: SignedIn) -> str:
    if member.organisation_id is None:
        raise NotFound
    return organisations.by_id(session, member.organisation_id).slug


# --- carrying out ----------------------------------------------------------------------------------------------------


def _carry_out(
    request: Request, member: SignedIn, session: Session, proposal: str, keys: KeyRing, now: datetime
) -> Response:
    proposal_id = uuid_of(proposal)
    kind = proposals.kind_of(session, proposal_id)
    carried_out = proposals.carry_out(session, member, proposal_id, kind, now)
    if kind is Kind.NEW_ADMIN:
        seat = Invitee(str(carried_out.codes["name"]), Role.ADMIN)
        code = invitations.invite(session, keys, seat, by=member.member_id, now=now)
        return staff_pages.page(request, "account/invited.html", name=seat.name, code=code)
    if kind is Kind.ORGANISATION_KEY:
        _create_key(session, carried_out, member, now)
        return staff_pages.redirect("/desk/proposals?done=key_made")
    return _export(session, carried_out, member, now)


def _create_key(session: Session, carried_out: Proposal, member: SignedIn, now: datetime) -> None:
    organisation = organisations.by_slug(session, str(carried_out.codes["organisation"]))
    public_key = carried_out.codes.get("public_key")
    if public_key:
        organisation_keys.register(session, organisation.id, base64.b64decode(public_key), by=member.member_id, now=now)
    else:
        organisation_keys.make(session, organisation.id, by=member.member_id, now=now)


def _export(session: Session, carried_out: Proposal, member: SignedIn, now: datetime) -> Response:
    export, month = str(carried_out.codes["what"]), date.fromisoformat(f"{carried_out.codes['month']}-01")
    text = EXPORTS[export](session, month)
    audit.record(
        session, actor_kind="member", actor_id=member.member_id.hex, action="export:taken", subject_kind="proposal",
        subject_id=carried_out.id, codes=carried_out.codes, now=now,
    )  # fmt: skip
    name = f"{export}-{carried_out.codes['month']}.csv"
    return Response(
        text, media_type="text/csv; charset=utf-8", headers={"Content-Disposition": f'attachment; filename="{name}"'}
    )


def _audit_csv(session: Session, month: date) -> str:
    """The audit of a month as CSV, with the same codes as on the page."""
    next_month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    criteria = queries.EntryFilter(since=month, until=next_month - timedelta(days=1))
    header = ("seq", "at", "actor_kind", "actor_id", "action", "subject_kind", "subject_id", "codes", "hash")
    return spreadsheet.csv_text(header, map(_audit_row, queries.all_entries(session, criteria)))


def _audit_row(entry: AuditEntry) -> tuple[object, ...]:
    codes = " ".join(f"{name}={value}" for name, value in sorted(entry.codes.items()))
    at, subject = entry.at.isoformat(), (entry.subject_kind, entry.subject_id)
    return entry.seq, at, entry.actor_kind, entry.actor_id, entry.action, *subject, codes, entry.hash


EXPORTS: Final[dict[str, Callable[[Session, date], str]]] = {"audit": _audit_csv}
"""The bulk exports by code: each makes a CSV of one month."""


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{pointer}", code="unfit", detail=detail)])
