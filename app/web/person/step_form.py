"""The form in seven short steps. Answers are stored in a draft that only the cookie decrypts."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from app.casework import filing
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import NotFound
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import drafts, questions
from app.intake.questions import STEPS, Typed
from app.matching.code_names import CodeNames
from app.web.components import (
    csrf,
    path_convertors,  # noqa: F401  registers them
)
from app.web.components.rendering import page
from app.web.person import draft_answers, spam_signals, urgent_contacts
from app.web.person import form_fields as shown
from app.web.person.check_page import check_page
from app.web.person.dependencies import (
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    anyone,
    said,
    set_cookie,
)
from app.web.person.draft_answers import Draft
from app.web.person.single_page_form import AGAIN, NO_COOKIE, whole_page

router = APIRouter(dependencies=[Depends(anyone)])
_NOTHING = Draft({})


def _step_page(
    lang: str,
    number: int,
    typed: Typed,
    errors: dict[str, str],
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    *,
    back_to_check: bool = False,
) -> HTMLResponse:
    step = STEPS[number]
    reader = CodeNames(lang, directory)
    return page(
        "person/step.html",
        lang,
        status=422 if errors else 200,
        step=step,
        number=number + 1,
        count=len(STEPS),
        fields=shown.fields(step.questions, typed, errors, reader, directory),
        errors=errors,
        urgent=urgent_contacts.numbers(typed, number, reader, directory, now),
        token=csrf.new_token(keys, now, csrf.UNBOUND),
        trap="",
        may_skip=not any(question.required for question in step.questions),
        back=f"/{lang}/form/{STEPS[number - 1].slug}" if number else f"/{lang}/",
        to_check=back_to_check,
        here=f"form/{step.slug}",
        switch=f"form/{step.slug}",
    )


def _number(slug: str) -> int:
    if slug not in questions.SLUGS:
        raise NotFound
    return questions.SLUGS.index(slug)


# --- the page to check (named before the steps: "check" is no step) ------------------------------------------------


@router.get("/form/check")
def check(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    draft = draft_answers.load(session, cookie, now)
    if draft is None or not draft.typed:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}", 303)
    intake, found = draft_answers.checked(draft.typed, lang, directory, now)
    if intake is None:
        errors = shown.in_words(found, CodeNames(lang, directory))
        first = next((name for name in errors if name in questions.QUESTIONS), STEPS[0].questions[0].name)
        number = STEPS.index(questions.step_of(first))
        return _step_page(lang, number, draft.typed, errors, keys, directory, now)
    return check_page(lang, draft.typed, intake, session, keys, directory, now, binding=csrf.of_visit(cookie))


@router.post("/form/check")
def send(
    lang: Lang,
    typed: Form,
    cookie: Cookie,
    request: Request,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """File the draft. The number is stored in the sealed draft for the next page only."""
    if draft_answers.receipt(session, cookie, now) is not None:
        return RedirectResponse(f"/{lang}/sent", 303)
    draft = draft_answers.load(session, cookie, now)
    if not cookie or draft is None:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}", 303)
    typed_so_far = {**draft.typed, **{name: choice for name, choice in typed.items() if name.startswith("c_")}}
    intake, _found = draft_answers.checked(typed_so_far, lang, directory, now)
    fresh = csrf.is_valid(keys, said(typed, "token"), now, csrf.of_visit(cookie))
    if intake is None or "switch" in typed or not fresh:
        drafts.save(session, cookie, {"typed": typed_so_far, "begun": draft.begun}, now, settings.draft_idle)
        if intake is None or fresh:
            return RedirectResponse(f"/{lang}/form/check", 303)
        return check_page(
            lang,
            typed_so_far,
            intake,
            session,
            keys,
            directory,
            now,
            binding=csrf.of_visit(cookie),
            notice=AGAIN,
        )
    begun = datetime.fromisoformat(draft.begun) if draft.begun else None
    reply = filing.file_once(
        session,
        intake,
        who="form",
        key=cookie,
        payload=b"",
        keys=keys,
        directory=directory,
        now=now,
        ttl=settings.reply_ttl,
        held_reason=spam_signals.held_reason(request, draft.typed, begun, now),
    )
    drafts.save(session, cookie, {"receipt": reply.body}, now, settings.draft_idle)
    return RedirectResponse(f"/{lang}/sent", 303)


# --- the steps -----------------------------------------------------------------------------------------------------


@router.get("/form/{step:form_step}")
def step_form(
    lang: Lang,
    step: str,
    request: Request,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: ReadDb,
) -> Response:
    number = _number(step)
    if draft_answers.receipt(session, cookie, now) is not None:  # sent, and the number is not written down yet
        return RedirectResponse(f"/{lang}/sent", 303)
    typed = (draft_answers.load(session, cookie, now) or _NOTHING).typed
    done = bool(typed) and draft_answers.checked(typed, lang, directory, now)[0] is not None
    response = _step_page(lang, number, typed, {}, keys, directory, now, back_to_check=done)
    if cookie is None and request.headers.get("sec-fetch-site") != "cross-site":
        # So that the answer tells whether this browser keeps cookies at all. Who comes by a link of another site may have
        # a draft: a strict cookie is not sent then, and must not be replaced.
        set_cookie(response, drafts.new_secret(), settings)
    return response


@router.post("/form/{step:form_step}")
def send_step(
    lang: Lang,
    step: str,
    typed: Form,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Store the typed values, valid or not; continue when this step is valid. An error never loses input."""
    number = _number(step)
    asked = {question.name for question in STEPS[number].questions}
    answered = {name: values for name, values in typed.items() if name in asked}
    if draft_answers.receipt(session, cookie, now) is not None:
        return RedirectResponse(f"/{lang}/sent", 303)
    if cookie is None:
        return whole_page(lang, answered, {}, keys, directory, now, notice=NO_COOKIE)
    before = draft_answers.load(session, cookie, now)
    merged = {name: values for name, values in (before or _NOTHING).typed.items() if name not in asked} | answered
    if typed.get(spam_signals.TRAP, [""])[-1]:
        merged[spam_signals.TRAP] = typed[spam_signals.TRAP]
    secret = cookie if before else drafts.new_secret()
    begun = before.begun if before and before.begun else now.isoformat()
    drafts.save(session, secret, {"typed": merged, "begun": begun}, now, settings.draft_idle)
    response = _after(lang, number, typed, merged, asked, keys, directory, now)
    set_cookie(response, secret, settings)
    return response


def _after(
    lang: str,
    number: int,
    typed: Typed,
    merged: Typed,
    asked: set[str],
    keys: KeyRing,
    directory: Packs,
    now: datetime,
) -> Response:
    """The same step again (other language, or errors), else the page that the button leads to."""
    if "switch" in typed:
        return RedirectResponse(f"/{lang}/form/{STEPS[number].slug}", 303)
    _intake, found = draft_answers.checked(merged, lang, directory, now)
    here = [error for error in found if questions.question_of(error["pointer"]) in asked]
    if here:
        errors = shown.in_words(here, CodeNames(lang, directory))
        return _step_page(lang, number, merged, errors, keys, directory, now)
    if "to_check" in typed or number + 1 == len(STEPS):
        return RedirectResponse(f"/{lang}/form/check", 303)
    return RedirectResponse(f"/{lang}/form/{STEPS[number + 1].slug}", 303)
