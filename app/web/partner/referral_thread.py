"""The conversation with the team about one referral, on the partner's page: open, write. Each opening writes an audit entry."""

from collections.abc import Sequence
from uuid import UUID

from fastapi import APIRouter, Request, Response
from sqlalchemy.orm import Session

from app.casework import partner_access, referral_threads
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.referrals import threads
from app.referrals.models import Referral
from app.referrals.threads import OpenedMessage
from app.web.account.policies import Config, Member
from app.web.components import message_thread, reader_language, staff_pages
from app.web.components.forms import field_value
from app.web.partner.offers import Label, organisation_of

router = APIRouter(prefix="/partner/referrals/{label}/thread")


@router.get("", name="offer_thread")
def show_thread(label: Label, request: Request, member: Member, session: ReadDb) -> Response:
    """Show how many messages there are, and the form, without decrypting anything."""
    return _page(request, session, organisation_of(member), label)


@router.post("/show", name="show_offer_thread")
def open_thread(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, config: Config, now: Now
) -> Response:
    """Show the page with the messages decrypted. Writes an audit entry."""
    opened = referral_threads.open_by_partner(session, keys, member, label, now, config.member_reads_per_day)
    return _page(request, session, organisation_of(member), label, opened)


@router.post("", name="write_offer_thread")
def write_thread(
    label: Label, request: Request, member: Member, session: Db, keys: Keys, config: Config, now: Now
) -> Response:
    """Send a message to the team; the same form sent again is the same message."""
    organisation_id, form = organisation_of(member), request.state.form
    referral_threads.write_by_partner(
        session,
        keys,
        organisation_id,
        partner_access.referral_id_of(session, organisation_id, label),
        member.member_id,
        field_value(form, "text"),
        field_value(form, "once"),
        now=now,
        limit=config.conversation_messages,
    )
    return staff_pages.redirect(f"/partner/referrals/{label}/thread?done=message_sent")


def _page(
    request: Request,
    session: Session,
    organisation_id: UUID,
    label: str,
    opened: Sequence[OpenedMessage] | None = None,
) -> Response:
    referral = session.get_one(Referral, partner_access.referral_id_of(session, organisation_id, label))
    context = message_thread.context(
        session, referral.id, opened, reader_language.times(request), may_write=threads.may_talk(referral)
    )
    return staff_pages.page(request, "partner/referral_thread.html", referral=referral, **context)
