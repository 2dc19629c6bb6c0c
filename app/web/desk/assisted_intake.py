"""Assisted intake: a coordinator asks the questions on the phone, types the answers, and reads the number out.

The same form and the same words as the person would see, in the person's language, so that they can be read aloud. The
coordinator learns the number for this one moment; it is kept nowhere.
"""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response

from app import audit
from app.casework import filing
from app.core.dependencies import Db, ReadDb
from app.core.i18n import LANGUAGES, OWN_NAMES, translator
from app.intake.questions import STEPS, Typed
from app.intake.schemas import Intake
from app.matching.code_names import CodeNames
from app.web.account.policies import AtDesk, Config, Packs, coordinators, field
from app.web.components import csrf, staff_pages
from app.web.person import check_page, draft_answers
from app.web.person import form_fields as shown

router = APIRouter(prefix="/desk/assisted")


def _known(lang: str) -> str:
    """Russian where no language of ours is named: most of our people read it."""
    return lang if lang in LANGUAGES else "ru"


@router.get("", name="assisted", dependencies=[Depends(coordinators)])
def ask(request: Request, packs: Packs, lang: Annotated[str, Query(max_length=2)] = "ru") -> Response:
    """The empty form."""
    return _form(request, _known(lang), {}, {}, packs)


@router.post("", name="assisted_check")
def look(request: Request, desk: AtDesk, packs: Packs, session: ReadDb) -> Response:
    """Who can help, to be read out; consent is asked for here."""
    lang, typed = _known(field(request, "lang")), draft_answers.kept(request.state.typed)
    intake, found = draft_answers.checked(typed, lang, packs, desk.now)
    if intake is None or "change" in request.state.typed:
        return _form(request, lang, typed, shown.in_words(found, CodeNames(lang, packs)), packs)
    return _check(request, lang, typed, intake, session, packs, desk.now)


@router.post("/send", name="assisted_send")
def send(request: Request, desk: AtDesk, packs: Packs, settings: Config, session: Db) -> Response:
    """File it. The same page sent twice is one case and shows the same number."""
    lang, typed, token = (
        _known(field(request, "lang")),
        draft_answers.kept(request.state.typed),
        field(request, "token"),
    )
    intake, found = draft_answers.checked(typed, lang, packs, desk.now)
    if intake is None or "change" in request.state.typed:
        return _form(request, lang, typed, shown.in_words(found, CodeNames(lang, packs)), packs)
    if not csrf.is_valid(desk.keys, token, desk.now, csrf.of_session(desk.who.binding)):
        return _check(request, lang, typed, intake, session, packs, desk.now)
    reply = filing.file_once(
        session,
        intake,
        who=f"assisted:{desk.who.member_id}",
        key=token,
        payload=b"",
        keys=desk.keys,
        directory=packs,
        now=desk.now,
        ttl=settings.reply_ttl,
    )
    if not reply.replayed:
        audit.record(
            session,
            actor_kind=desk.actor.kind.value,
            actor_id=desk.who.member_id.hex,
            action="case:assisted",
            subject_kind="team",
            subject_id=desk.team_id,
            now=desk.now,
        )
    return staff_pages.page(request, "desk/assisted_number.html", reply=reply.body, **_words(lang))


def _words(lang: str) -> dict[str, Any]:
    """The person's words beside the desk's own: `say` for what is read out."""
    words = translator(lang)
    return {"said_in": lang, "say": words.text, "said_words": words, "own_names": OWN_NAMES, "languages": LANGUAGES}


def _form(request: Request, lang: str, typed: Typed, errors: dict[str, str], packs: Any) -> Response:
    reader = CodeNames(lang, packs)
    return staff_pages.page(
        request,
        "desk/assisted.html",
        status=422 if errors else 200,
        steps=[(step, shown.fields(step.questions, typed, errors, reader, packs)) for step in STEPS],
        consents={name: choice[-1] for name, choice in typed.items() if name.startswith("c_")},
        errors=errors,
        **_words(lang),
    )


def _check(
    request: Request, lang: str, typed: Typed, intake: Intake, session: Any, packs: Any, now: datetime
) -> Response:
    return staff_pages.page(
        request,
        "desk/assisted_check.html",
        **check_page.shown_to(lang, typed, intake, session, packs, now),
        typed=typed,
        token=csrf.new_token(request.app.state.keys, now, csrf.of_session(request.state.who.binding)),
        **_words(lang),
    )
