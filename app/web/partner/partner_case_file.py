"""Actions on an accepted referral: open, print, write to the person. Each writes an audit entry."""

from fastapi import APIRouter, Request, Response

from app.casework import partner_access
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.referrals import partner_queries
from app.web.account.policies import Config, Member, Packs, submitted_version
from app.web.components import staff_pages
from app.web.components.forms import field_value
from app.web.partner import offer_page, tabular_export
from app.web.partner.offers import Label, organisation_of

router = APIRouter(prefix="/partner")


@router.post("/referrals/{label}/show", name="show_sealed")
def show_sealed(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """Show the page with the sealed parts decrypted."""
    opened = partner_access.open_parts(session, keys, member, label, now, config.member_reads_per_day)
    return offer_page.page(request, session, keys, packs, label, organisation_of(member), opened=opened)


@router.post("/referrals/{label}/print", name="print_sealed")
def print_sealed(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """Show the decrypted parts as one sheet for the lawyer's file."""
    opened = partner_access.open_parts(session, keys, member, label, now, config.member_reads_per_day, purpose="print")
    return offer_page.page(
        request, session, keys, packs, label, organisation_of(member), opened=opened, template="partner/print.html"
    )


@router.post("/referrals/{label}/message", name="write_to_person")
def write_to_person(label: Label, request: Request, member: Member, session: Db, keys: Keys, now: Now) -> Response:
    """Add a message to the conversation. If there are new messages since the page was shown, the text is shown again for
    confirmation.
    """
    partner_access.write_message(
        session,
        keys,
        member,
        label,
        field_value(request.state.form, "text"),
        now=now,
        lines_seen=submitted_version(request),
    )
    return staff_pages.redirect(f"/partner/referrals/{label}?done=sent")


@router.get("/table.csv", name="offers_table")
def offers_table(member: Member, session: ReadDb) -> Response:
    """Download all referrals of the organisation, without names, for a spreadsheet."""
    rows = partner_queries.all_referrals(session, organisation_of(member))
    return tabular_export.download(rows)
