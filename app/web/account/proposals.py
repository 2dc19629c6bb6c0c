"""Proposals that need two people: one member proposes, another approves, and the proposer carries it out.

Everybody affected by a change sees it here while it waits, and can stop it.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Annotated, Final
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.audit import queries
from app.audit.models import AuditEntry
from app.casework import api_clients as program_secrets
from app.casework import restrictions
from app.core import spreadsheet, written_dates
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.core.written_dates import NotADate
from app.directory.models import ServiceRow
from app.directory.packs import load_packs
from app.matching import service_history
from app.matching.order import WEIGHTS
from app.partners import sandbox_identity
from app.partners.organisations import Organisation
from app.staff import (
    access_changes,
    automatic_offers,
    invitations,
    members,
    organisation_keys,
    proposal_views,
    proposals,
)
from app.staff.models import Proposal, Role, Team
from app.staff.proposal_rules import RULES, ProposalKind
from app.staff.proposal_states import ProposalVerb
from app.staff.sessions import SignedIn
from app.web.account.api_clients import secret_page
from app.web.account.members import (
    centres,
    chosen_organisation,
    code_page,
    errors_by_field,
    members_page,
    new_name,
    own_slug,
    typed_again,
)
from app.web.account.my_notices import zone_of_team
from app.web.account.my_settings import uuid_of
from app.web.account.policies import DeskMember, Member, MemberEvenFrozen
from app.web.components import (
    path_convertors,  # noqa: F401  registers them
    staff_pages,
)
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/proposals")
partner_router = APIRouter(prefix="/partner/proposals")

Id = Annotated[str, Path(max_length=36)]
_NOBODY: Final = UUID(int=0)
"""Nobody is named for all restricted cases: what an export says of them leaves the service without codes."""
_DONE: Final = {
    ProposalVerb.APPROVE: "approved",
    ProposalVerb.CONFIRM: "confirmed",
    ProposalVerb.DECLINE: "declined",
    ProposalVerb.WITHDRAW: "withdrawn",
}
_PLACES: Final = ("organisation", "place", "team")
"""Codes of a proposal that are slugs."""
_PROPOSED_HERE: Final = (
    ProposalKind.NEW_ADMIN,
    ProposalKind.ORGANISATION_KEY,
    ProposalKind.BULK_EXPORT,
    ProposalKind.AUTOMATIC_OFFERS,
)
"""The kinds with a form on this page; the others are proposed on the pages of what they change: members, programs, teams."""


@router.get("", name="proposals")
def show_proposals(request: Request, member: DeskMember, session: ReadDb, now: Now) -> Response:
    return _page(request, member, session, now)


@router.post("", name="propose")
def propose(request: Request, member: DeskMember, session: Db, now: Now) -> Response:
    try:
        kind = ProposalKind(field_value(request.state.form, "kind"))
    except ValueError:
        raise _invalid("kind", N_("Choose what to propose.")) from None
    if kind not in _PROPOSE:
        raise _invalid("kind", N_("Choose what to propose."))
    try:
        _PROPOSE[kind](session, request, member, now)
    except (Invalid, Conflict) as error:
        return _page(request, member, session, now, wrong=(kind, error))
    return staff_pages.redirect("/desk/proposals?done=proposed")


@router.post("/{proposal}/{verb:proposal_verb}", name="decide_proposal")
def decide(
    proposal: Id, verb: str, request: Request, member: DeskMember, session: Db, keys: Keys, now: Now
) -> Response:
    """Approve, confirm, stop, withdraw or carry out a proposal."""
    return _decide(request, member, session, proposal, verb, keys, now)


@partner_router.get("", name="partner_proposals")
def show_partner_proposals(request: Request, member: MemberEvenFrozen, session: ReadDb, now: Now) -> Response:
    return _page(request, member, session, now)


@partner_router.post("", name="propose_own_key")
def propose_own_key(request: Request, member: Member, session: Db, now: Now) -> Response:
    """Propose a new key for the member's own organisation."""
    if member.organisation_id is None:
        raise NotFound
    try:
        slug, key = own_slug(session, member), _public_key(request)
        access_changes.propose_organisation_key(session, member, member.organisation_id, slug, key, now)
    except (Invalid, Conflict) as error:
        return members_page(request, member, session, now, wrong=error, first="public_key")
    return staff_pages.redirect("/partner/proposals?done=proposed")


@partner_router.post("/{proposal}/{verb:proposal_verb}", name="decide_partner_proposal")
def decide_at_partner(
    proposal: Id, verb: str, request: Request, member: MemberEvenFrozen, session: Db, keys: Keys, now: Now
) -> Response:
    """Approve, confirm, stop, withdraw or carry out a proposal that concerns the member's own organisation."""
    return _decide(request, member, session, proposal, verb, keys, now)


def _page(
    request: Request,
    member: SignedIn,
    session: Session,
    now: datetime,
    *,
    wrong: tuple[ProposalKind, Invalid | Conflict] | None = None,
) -> Response:
    """The page of proposals. `wrong`: the kind of a form that was refused, and why."""
    if wrong is not None:
        session.rollback()
    waiting, changed = proposal_views.visible(session, member, now), access_changes.recent(session, member, now)
    shown = [*(entry.proposal for entry in waiting), *(entry.proposal for entry in changed)]
    return staff_pages.page(
        request,
        "account/proposals.html",
        status=422 if wrong else 200,
        base=_base(member),
        waiting=waiting,
        changed=changed,
        people=members.names(session, [person for proposal in shown for person in _people(proposal)]),
        kinds=[kind.value for kind in _PROPOSED_HERE if member.role in RULES[kind].proposers],
        centres=centres(session) if member.role is Role.ADMIN else [],
        exports=sorted(EXPORTS),
        names_of=staff_pages.code_names(request),
        place_names=_place_names(session, shown),
        countries=[
            (country.code, staff_pages.code_names(request).name("country", country.code))
            for country in load_packs().countries
        ],
        urgencies=automatic_offers.URGENCIES,
        automatic=sorted(automatic_offers.in_force(session).items()) if member.role is not Role.PARTNER else [],
        zone=zone_of_team(session, member, load_packs()) if member.team_id else None,
        kind=wrong[0].value if wrong else "",
        typed=typed_again(request) if wrong else {},
        errors=errors_by_field(wrong[1], _FIRST_FIELD[wrong[0]]) if wrong else {},
        **(_services() if wrong and wrong[0] is ProposalKind.SERVICE_WEIGHT else {}),
    )


def _place_names(session: Session, shown: Sequence[Proposal]) -> dict[str, str]:
    """The names of the teams and organisations that these proposals name by their slugs. One statement, or none."""
    slugs = {str(proposal.codes[name]) for proposal in shown for name in _PLACES if proposal.codes.get(name)}
    if not slugs:
        return {}
    tables = (Organisation, Team)
    named = sa.union_all(*(sa.select(table.slug, table.name).where(table.slug.in_(slugs)) for table in tables))
    return {row.slug: row.name for row in session.execute(named)}


def _services() -> dict[str, object]:
    """What the form for the weight of a service chooses from."""
    packs = load_packs()
    return {
        "services": sorted(service.key for service in packs.services),
        "organisations": {organisation.id: organisation.name.en for organisation in packs.organisations},
    }


def _people(proposal: Proposal) -> list[UUID]:
    return [person for person in (proposal.proposed_by, proposal.decided_by, proposal.confirmed_by) if person]


def _base(member: SignedIn) -> str:
    return "/partner/proposals" if member.role is Role.PARTNER else "/desk/proposals"


def _decide(
    request: Request, member: SignedIn, session: Session, proposal: str, verb: str, keys: KeyRing, now: datetime
) -> Response:
    if verb == ProposalVerb.CARRY_OUT:
        return _carry_out(request, member, session, proposal, keys, now)
    if verb == "void":
        access_changes.void_code(session, member, uuid_of(proposal), now)
        return staff_pages.redirect(f"{_base(member)}?done=voided")
    proposals.decide(session, member, uuid_of(proposal), ProposalVerb(verb), now)
    return staff_pages.redirect(f"{_base(member)}?done={_DONE[ProposalVerb(verb)]}")


# --- content of proposals ---------------------------------------------------------------------------------------------


def _new_admin(session: Session, request: Request, member: SignedIn, now: datetime) -> None:
    name = invitations.free_name(session, new_name(request))
    proposals.propose(session, member, ProposalKind.NEW_ADMIN, {"name": name}, now)


def _organisation_key(session: Session, request: Request, member: SignedIn, now: datetime) -> None:
    organisation_id, slug = chosen_organisation(session, request)
    access_changes.propose_organisation_key(
        session, member, organisation_id, slug, _public_key(request), now,
        first_holder=field_value(request.state.form, "first_holder"),
    )  # fmt: skip


def _bulk_export(session: Session, request: Request, member: SignedIn, now: datetime) -> None:
    export = field_value(request.state.form, "what")
    if export not in EXPORTS:
        raise _invalid("what", N_("Choose what to export."))
    month = _month(field_value(request.state.form, "month"), now.date())
    proposals.propose(session, member, ProposalKind.BULK_EXPORT, {"what": export, "month": month}, now)


def _automatic_offers(session: Session, request: Request, member: SignedIn, now: datetime) -> None:
    country, urgency, after = (field_value(request.state.form, name) for name in ("country", "urgency", "after"))
    if not load_packs().is_host(country):
        raise _invalid("country", N_("Choose a country."))
    if urgency not in automatic_offers.URGENCIES:
        raise _invalid("urgency", N_("Choose an urgency."))
    if after != automatic_offers.OPERATOR and after not in automatic_offers.WAITS:
        raise _invalid("after", N_("Choose when new cases are offered automatically."))
    codes = {"country": country, "urgency": urgency, "after": after}
    proposals.propose(session, member, ProposalKind.AUTOMATIC_OFFERS, codes, now)


def _service_weight(session: Session, request: Request, member: SignedIn, now: datetime) -> None:
    key, weight = (field_value(request.state.form, name) for name in ("service", "weight"))
    row = session.get(ServiceRow, named_id("service", key))
    if row is None or row.retired_at is not None or row.organisation_id == sandbox_identity.ORGANISATION_ID:
        raise _invalid("service", N_("Choose a service."))
    if not weight.isascii() or not weight.isdigit() or len(weight) > 2 or int(weight) not in WEIGHTS:
        raise _invalid("weight", N_("Write a whole number from 1 to 99."))
    proposals.propose(
        session, member, ProposalKind.SERVICE_WEIGHT, {"service": row.key, "weight": str(int(weight))}, now
    )


def _month(text: str, today: date) -> str:
    """The month of a text like "November 2026", "11 2026" or "2026-11", as `YYYY-MM`. Raises Invalid."""
    text = f"{text.strip()}-01" if re.fullmatch(r"\d{4}-\d\d", text.strip()) else f"1 {text}"
    try:
        first = written_dates.read(text, today=today)
    except NotADate:
        first = None
    if first is None or first.day != 1:
        raise _invalid("month", N_("Write the month and the year, for example November 2026."))
    return f"{first:%Y-%m}"


_PROPOSE: Final[Mapping[ProposalKind, Callable[[Session, Request, SignedIn, datetime], None]]] = {
    ProposalKind.NEW_ADMIN: _new_admin,
    ProposalKind.ORGANISATION_KEY: _organisation_key,
    ProposalKind.BULK_EXPORT: _bulk_export,
    ProposalKind.AUTOMATIC_OFFERS: _automatic_offers,
    ProposalKind.SERVICE_WEIGHT: _service_weight,
}

_FIRST_FIELD: Final[Mapping[ProposalKind, str]] = {
    ProposalKind.NEW_ADMIN: "name",
    ProposalKind.ORGANISATION_KEY: "organisation",
    ProposalKind.BULK_EXPORT: "month",
    ProposalKind.AUTOMATIC_OFFERS: "country",
    ProposalKind.SERVICE_WEIGHT: "service",
}
"""The field of each form at which a conflict is shown."""


def _public_key(request: Request) -> dict[str, str]:
    """The public half of a key pair that the organisation keeps itself; empty if the service is to create one. Raises Invalid."""
    text = "".join(field_value(request.state.form, "public_key").split())
    if not text:
        return {}
    try:
        raw = base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
        organisation_keys.check(raw)
    except (binascii.Error, ValueError):
        raise _invalid("public_key", N_("This is not an X-Wing public key (1,216 bytes in base64).")) from None
    return {"public_key": base64.b64encode(raw).decode(), "fingerprint": members.fingerprint(raw)}


# --- carrying out ----------------------------------------------------------------------------------------------------


def _carry_out(
    request: Request, member: SignedIn, session: Session, proposal: str, keys: KeyRing, now: datetime
) -> Response:
    done = access_changes.carry_out(session, keys, member, uuid_of(proposal), now)
    if done.code:
        return code_page(
            request, done.name, done.code,
            language=str(done.proposal.codes.get("language", "")), new_team=done.proposal.kind == ProposalKind.NEW_TEAM,
        )  # fmt: skip
    if done.proposal.kind == ProposalKind.BULK_EXPORT:
        return _export(session, done.proposal, member, now)
    if done.proposal.kind == ProposalKind.API_CLIENT:
        secret = program_secrets.carry_out(session, keys, done.proposal, member.member_id, now)
        return secret_page(request, str(done.proposal.codes["client"]), secret)
    if done.proposal.kind == ProposalKind.SERVICE_WEIGHT:
        codes = done.proposal.codes
        service_history.set_weight(session, named_id("service", str(codes["service"])), int(codes["weight"]))
    return staff_pages.redirect(f"{_base(member)}?done=carried_out")


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
    """The audit of a month as CSV, with the same codes as on the page, and none of restricted cases.

    An entry that waits for its place has no number, no hash.
    """
    next_month = (month.replace(day=28) + timedelta(days=4)).replace(day=1)
    criteria = queries.EntryFilter(since=month, until=next_month - timedelta(days=1))
    header = ("seq", "at", "actor_kind", "actor_id", "action", "subject_kind", "subject_id", "codes", "hash")
    withheld = restrictions.withheld_subjects(session, _NOBODY)
    entries = queries.all_entries(session, criteria)
    return spreadsheet.csv_text(
        header, (_audit_row(entry, shown=entry.subject_id not in withheld) for entry in entries)
    )


def _audit_row(entry: AuditEntry, *, shown: bool) -> tuple[object, ...]:
    codes = " ".join(f"{name}={value}" for name, value in sorted(entry.codes.items()) if shown)
    at, subject = entry.at.isoformat(), (entry.subject_kind, entry.subject_id)
    place, digest = (entry.seq, entry.hash) if entry.is_placed else ("", "")
    return place, at, entry.actor_kind, entry.actor_id, entry.action, *subject, codes, digest


EXPORTS: Final[dict[str, Callable[[Session, date], str]]] = {"audit": _audit_csv}
"""The bulk exports by code: each makes a CSV of one month."""


def _invalid(pointer: str, detail: str) -> Invalid:
    return Invalid([FieldError(pointer=f"/{pointer}", code="unfit", detail=detail)])
