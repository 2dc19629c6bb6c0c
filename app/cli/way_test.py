"""Sends one test notice at once, for `pristan notices test`."""

from uuid import uuid4

import sqlalchemy as sa

from app.app_context import AppContext, open_app_context
from app.core.ids import named_id
from app.messaging import member_settings, recipients, staff_texts, way_tests
from app.messaging.channels import Notice, NoticeWay, SendingFailed
from app.messaging.kinds import NoticeKind
from app.staff.models import Member
from app.staff.service import normalised_name
from app.worker.channel import channel_of, gateway_channels


def send_test(*, member: str = "", organisation: str = "", way: str = "") -> tuple[str, bool]:
    """The answer of the other end, in words, and whether it accepted the notice."""
    context = open_app_context()
    found = _address(context, member=member, organisation=organisation, way=way)
    if found is None:
        return "There is no such member.", False
    address, kind, language = found
    subject, text = staff_texts.for_member([NoticeKind.TEST], f"{context.settings.base_url}/desk/", language)
    notice = Notice(uuid4(), "test", subject, text, address, kind)
    channel = channel_of(context.settings) if kind is NoticeWay.EMAIL else gateway_channels(context.settings).get(kind)
    if not address or channel is None or not channel.takes(notice):
        return way_tests.in_words("no_address"), False
    try:
        channel.send(notice)
    except SendingFailed as error:
        return way_tests.in_words(error.reason), False
    if kind is NoticeWay.EMAIL and not context.settings.smtp_host:
        return "No mail server is set: the test was written as a file to var/outbox, and reaches nobody.", False
    return way_tests.SENT, True


def _address(context: AppContext, *, member: str, organisation: str, way: str) -> tuple[str, NoticeWay, str] | None:
    if way:
        return way, NoticeWay.TEAM, "en"
    with context.database.begin(write=False) as session:
        if organisation:
            there = named_id("organisation", organisation)
            return recipients.address_of(session, context.keys, there), NoticeWay.EMAIL, "en"
        wanted = sa.select(Member.id).where(Member.name == normalised_name(member), Member.active)
        member_id = session.scalar(wanted)
        if member_id is None:
            return None
        settings, _version = member_settings.read(session, context.keys, member_id)
        return settings.address, settings.way, settings.language
