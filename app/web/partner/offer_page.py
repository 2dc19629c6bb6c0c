"""One referral as its partner sees it: the card without a name, and after acceptance the parts opened for this page."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import Request, Response
from sqlalchemy.orm import Session

from app.cases import appointments
from app.cases.models import PartKind
from app.cases.sealed_parts import OpenedPart
from app.casework import announced_documents, letter_deadlines, partner_access
from app.core.errors import FieldError, NotFound
from app.core.i18n import N_, Translator
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.documents import storage as documents
from app.referrals import history, partner_queries, preconditions, quality, threads
from app.referrals.states import MAY_OPEN, ReferralState
from app.web.components import date_fields, reader_language, staff_pages, time_format
from app.web.components.time_format import TimeFormat
from app.web.partner import answer_steps

_MESSAGES = {
    "/reason": N_("Choose the reason that fits best."),
    "/outcome": N_("Choose how the request ended."),
    "/question": N_("Choose a question."),
    "/deadline_on": N_("Choose a day or leave the field empty."),
    "/until": N_("Choose a day after today, at most six months ahead."),
}


@dataclass(frozen=True, slots=True)
class RefusedAnswer:
    """A refused answer, its errors and the input, so that the page can ask again."""

    answer: str
    errors: Sequence[FieldError]
    typed: Mapping[str, Sequence[str]]

    @property
    def messages(self) -> dict[str, str]:
        """Messages by field name; for a field that is not on the page, the detail of the error."""
        return {
            error["pointer"].removeprefix("/"): error["detail"]
            if error["code"] in date_fields.MESSAGES
            else _MESSAGES.get(error["pointer"], error["detail"])
            for error in self.errors
        }


def page(
    request: Request,
    session: Session,
    keys: KeyRing,
    packs: Directory,
    label: str,
    organisation_id: UUID,
    *,
    opened: Sequence[OpenedPart] | None = None,
    refused: RefusedAnswer | None = None,
    template: str = "partner/offer.html",
) -> Response:
    """Render the page of one referral. Raises NotFound."""
    row = partner_queries.by_id(
        session, organisation_id, partner_access.referral_id_of(session, organisation_id, label)
    )
    if row is None:
        raise NotFound("This request does not exist.")
    times, words = reader_language.times(request), reader_language.words(request)
    state, now, zone = ReferralState(row.state), request.app.state.clock(), time_format.zone_of(packs, row.country)
    return staff_pages.page(
        request,
        template,
        status=422 if refused else 200,
        row=row,
        card=partner_queries.open_card(keys, row),
        deadlines=letter_deadlines.due_days(row, keys, packs, now, reader_language.of(request)),
        answers=answer_steps.available(preconditions.open_to_partner(session, row.id, organisation_id, now)),
        may_open=state in MAY_OPEN,
        appointments=appointments.live_states(session, row.case_id, row.id) if state in MAY_OPEN else [],
        documents=len(documents.of_case(session, row.case_id)) if state in MAY_OPEN else 0,
        messages=threads.last_seq(session, row.id),
        quality=quality.of_referrals(session, [row.id]).get(row.id, []) if state in MAY_OPEN else [],
        once=secrets.token_urlsafe(16),
        lines_seen=partner_access.count_messages(session, row.case_id),
        steps=history.history_of(session, row.id, organisation_id),
        parts=parts_by_kind(announced_documents.with_deleted(session, row.case_id, opened), packs, words)
        if opened is not None
        else None,
        refused=refused,
        by=lambda moment: times.respond_by(moment, now, zone),
    )


def parts_by_kind(opened: Sequence[OpenedPart], packs: Directory, words: Translator) -> dict[str, Any]:
    """The decrypted parts for the template: contact, story, persecution in words, and conversation."""
    labels = {entry.code: entry.label for entry in packs.persecution}
    by_part = {part.part: part.content for part in opened if part.part is not PartKind.THREAD}
    return {
        "contact": by_part.get(PartKind.CONTACT),
        "story": by_part.get(PartKind.STORY),
        "happened": [
            words.text(labels[code]) if code in labels else code
            for code in (by_part.get(PartKind.HAPPENED) or {}).get("codes", ())
        ],
        "thread": [_with_formatted_time(part, TimeFormat(words)) for part in opened if part.part is PartKind.THREAD],
    }


def _with_formatted_time(message: OpenedPart, times: TimeFormat) -> OpenedPart:
    """A message of the conversation with its time formatted."""
    at = times.moment(datetime.fromisoformat(message.content["at"]))
    return replace(message, content={**message.content, "at": at})
