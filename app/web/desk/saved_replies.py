"""Saved questions to the person, in the person's language, and a team's own replies. The text can be edited before it is sent.

The sentences of the questions belong to the catalogues of the person's pages, because the person reads them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Path, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.cases import saved_replies
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES, N_, translator
from app.web.account.my_settings import uuid_of
from app.web.account.policies import AtDesk
from app.web.components import staff_pages
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/replies")
Id = Annotated[str, Path(max_length=36)]


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A saved question. `text`: the message id in the person's catalogue; its title for the desk is in `labels.SAVED_REPLIES`."""

    text: str


QUESTIONS: Final = MappingProxyType(
    {
        "letter_date": SavedQuestion(
            N_(
                "Please look at the letter or decision you were given. What date is printed on it, and when did you"
                " receive it? This helps us work out your deadline."
            ),
        ),
        "letter_kind": SavedQuestion(
            N_(
                "Please tell us what is written at the top of the letter or decision and which office sent it. You can"
                " copy the heading exactly as it is, in any language."
            ),
        ),
        "letter_photo": SavedQuestion(
            N_(
                "Please photograph all pages of the letter and add the photos here, under “Letters and documents”."
                " You do not have to."
            ),
        ),
        "region": SavedQuestion(
            N_(
                "In which town or region are you now? Some centres help only in certain places. You do not need to give the street."
            ),
        ),
        "language": SavedQuestion(
            N_("Which languages can you speak with a lawyer? Do you need an interpreter?"),
        ),
        "papers": SavedQuestion(
            N_("What documents or permission to stay do you have now, and until what date are they valid?"),
        ),
        "safe_way": SavedQuestion(
            N_(
                "We could not reach you in the way you chose. Is there another safe way? You can also come back here with"
                " your number and read our answer."
            ),
        ),
        "still": SavedQuestion(
            N_("Do you still need help with this? If something has changed, please write it here."),
        ),
        "centre": SavedQuestion(
            N_(
                "We have found a centre that may be able to help you. Please look at the question above and tell us if it"
                " may read your request."
            ),
        ),
    }
)


def text(code: str, language: str, reworded: Mapping[str, str]) -> str:
    """The question in the person's language; empty for an unknown code. `reworded`: as in `app.intake.wording`, for this case."""
    question = QUESTIONS.get(code)
    return translator(language).reworded(reworded).text(question.text) if question else ""


def in_two_languages(
    session: Session, team_id: UUID, code: str, language: str, reworded: Mapping[str, str], reader: str
) -> tuple[str, str]:
    """A question, or a reply of the team by its id: its text for the person, and its meaning for the coordinator.

    `reworded`: as in `text`; `reader`: the coordinator's language.

    The second is in the reader's language, else in English, else empty. Raises NotFound.
    """
    if code in QUESTIONS:
        return text(code, language, reworded), text(code, reader, reworded)
    reply = saved_replies.find(session, team_id, uuid_of(code))
    for_person, written_in = saved_replies.text_for(reply, language)
    return for_person, for_person if written_in == reader else reply.texts.get(reader) or reply.texts.get("en", "")


@router.get("", name="saved_replies")
def show_replies(request: Request, desk: AtDesk, session: ReadDb) -> Response:
    """Show the team's own replies, each with a form to change it, and a form for a new one."""
    return _page(request, desk, session)


@router.post("", name="save_reply")
def save_reply(request: Request, desk: AtDesk, session: Db) -> Response:
    """Save a new reply, or change one. Errors are shown at their fields, with the input."""
    form = request.state.form
    reply_id = field_value(form, "reply")
    texts = {code: field_value(form, f"text_{code}") for code in LANGUAGES}
    try:
        reply = saved_replies.save(
            session, desk.team_id, uuid_of(reply_id) if reply_id else None, field_value(form, "title"), texts, desk.now
        )
    except Invalid as error:
        return _page(request, desk, session, errors=error.errors)
    _record(session, desk, "reply:saved", reply.id)
    return staff_pages.redirect("/desk/replies?done=reply_saved")


@router.post("/{reply}/drop", name="drop_reply")
def drop_reply(reply: Id, desk: AtDesk, session: Db) -> Response:
    reply_id = uuid_of(reply)
    saved_replies.delete(session, desk.team_id, reply_id)
    _record(session, desk, "reply:dropped", reply_id)
    return staff_pages.redirect("/desk/replies?done=reply_dropped")


def _page(request: Request, desk: Desk, session: Session, errors: Sequence[FieldError] = ()) -> Response:
    form = request.state.form if errors else {}
    return staff_pages.page(
        request,
        "desk/replies.html",
        status=422 if errors else 200,
        replies=saved_replies.of_team(session, desk.team_id),
        most=saved_replies.MAX_REPLIES,
        longest=(saved_replies.LONGEST_TITLE, saved_replies.LONGEST_TEXT),
        typed={name: values[-1] for name, values in form.items()},
        errors={error["pointer"].removeprefix("/"): error["detail"] for error in errors},
    )


def _record(session: Session, desk: Desk, action: str, reply_id: UUID) -> None:
    audit.record(
        session,
        actor_kind=desk.actor.kind.value,
        actor_id=desk.member.member_id.hex,
        action=action,
        subject_kind="reply",
        subject_id=reply_id,
        now=desk.now,
    )
