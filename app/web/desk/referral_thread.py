"""The conversation with the organisation about one referral, at the desk: open, write. Each opening writes an audit entry."""

from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app.cases.models import Case
from app.casework import referral_threads
from app.core.dependencies import Db, ReadDb
from app.partners.organisations import Organisation
from app.referrals import quality, threads
from app.referrals.models import Referral
from app.referrals.threads import OpenedMessage
from app.web.account.policies import AtDesk, Config
from app.web.components import message_thread, reader_language, staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/cases/{label}/referrals/{referral}/thread")

Label = Annotated[str, Path(max_length=14)]


@router.get("", name="referral_thread")
def show_thread(label: Label, referral: Label, request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Show how many messages there are, and the form, without decrypting anything."""
    case, row = referral_threads.of_case(session, desk, label, referral)
    return _page(request, session, case, row)


@router.post("/show", name="show_referral_thread")
def open_thread(label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, config: Config) -> Response:
    """Show the page with the messages decrypted. Writes an audit entry."""
    case, row, opened = referral_threads.open_at_desk(
        session, desk, label, referral, for_export=config.export_team_conversations
    )
    return _page(request, session, case, row, opened)


@router.post("", name="write_referral_thread")
def write_thread(
    label: Label, referral: Label, request: Request, desk: AtDesk, session: Db, config: Config
) -> Response:
    """Send a message to the organisation; the same form sent again is the same message."""
    form = request.state.form
    referral_threads.write_at_desk(
        session,
        desk,
        label,
        referral,
        field_value(form, "text"),
        field_value(form, "once"),
        limit=config.conversation_messages,
    )
    return staff_pages.redirect(f"/desk/cases/{label}/referrals/{referral}/thread?done=message_sent")


def _page(
    request: Request,
    session: Session,
    case: Case,
    referral: Referral,
    opened: Sequence[OpenedMessage] | None = None,
) -> Response:
    organisation = session.get_one(Organisation, referral.organisation_id)
    context: dict[str, Any] = message_thread.context(
        session, referral.id, opened, reader_language.times(request), may_write=threads.may_talk(referral)
    )
    return staff_pages.page(
        request,
        "desk/referral_thread.html",
        case=case,
        referral=referral,
        organisation=organisation.name,
        quality=quality.of_referrals(session, [referral.id]).get(referral.id, []),
        **context,
    )
