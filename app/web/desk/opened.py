"""What a partner's people do with a request they accepted: open it, print it, write to the person. Each of these is noted."""

from fastapi import APIRouter, Request, Response

from app.core.edge import Db, Keys, Now, ReadDb
from app.referrals import opening, pulls
from app.web.desk import offer, pages, table
from app.web.desk.deps import Config, Member, Packs, field, number
from app.web.desk.partner import Label, organisation_of

router = APIRouter(prefix="/partner")


@router.post("/referrals/{label}/show", name="show_sealed")
def show_sealed(
    label: Label, request: Request, who: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """Open the sealed parts on this one page."""
    opened = opening.open_parts(session, keys, who, label, now, config.reads_a_day)
    return offer.page(request, session, keys, packs, label, organisation_of(who), opened=opened)


@router.post("/referrals/{label}/print", name="print_sealed")
def print_sealed(
    label: Label, request: Request, who: Member, session: Db, keys: Keys, packs: Packs, config: Config, now: Now
) -> Response:
    """The opened parts as one sheet for the lawyer's file."""
    opened = opening.open_parts(session, keys, who, label, now, config.reads_a_day, purpose="print")
    return offer.page(
        request, session, keys, packs, label, organisation_of(who), opened=opened, template="partner/print.html"
    )


@router.post("/referrals/{label}/message", name="write_to_person")
def write_to_person(label: Label, request: Request, who: Member, session: Db, keys: Keys, now: Now) -> Response:
    """Add a line to the conversation. If it has grown meanwhile, the text is kept and asked about."""
    opening.write(session, keys, who, label, field(request, "text"), now=now, lines_seen=number(request, "version"))
    return pages.to(f"/partner/referrals/{label}?done=sent")


@router.get("/table.csv", name="offers_table")
def offers_table(who: Member, session: ReadDb) -> Response:
    """All requests of the organisation, without names, for a spreadsheet."""
    rows = pulls.everything(session, organisation_of(who))
    return table.download(rows)
