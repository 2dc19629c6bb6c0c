"""The form in seven short steps. Answers are stored in a draft that only the cookie decrypts.

Each step that is sent gets a fresh secret, so that somebody who knew an earlier secret cannot read what is typed later.
"""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.errors import NotFound
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import drafts, form_counts, questions, wording
from app.intake.questions import STEPS, FormFields
from app.matching.code_names import CodeNames
from app.web.components import (
    csrf,
    path_convertors,  # noqa: F401  registers them
)
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import draft_answers, elsewhere_pages, form_fields, form_storage, spam_signals, urgent_contacts
from app.web.person.check_page import check_page
from app.web.person.dependencies import (
    AGAIN,
    Again,
    Config,
    Cookie,
    Directory,
    Form,
    Lang,
    Served,
    anyone,
    new_secret,
    set_cookie,
)
from app.web.person.draft_answers import DraftAnswers
from app.web.person.form_filing import file_form
from app.web.person.single_page_form import EXPIRED_NOTICE, NO_COOKIE_NOTICE, single_page

router = APIRouter(dependencies=[Depends(anyone)])
_EMPTY_DRAFT = DraftAnswers({})
_GONE = N_(
    "There is nothing to send: your request was already sent, or the form was open for too long. "
    "If you have a number, come back with it. You can then also change who may read your request."
)


def _step_page(
    lang: str,
    number: int,
    answers: FormFields,
    errors: dict[str, str],
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    served: frozenset[str],
    *,
    back_to_check: bool = False,
    changing: bool = False,
    notice: str = "",
) -> HTMLResponse:
    step = STEPS[number]
    code_names = CodeNames(lang, directory, wording.on_pages(answers))
    fields = form_fields.fields(step.questions, answers, errors, code_names, directory)
    return page(
        "person/step.html",
        lang,
        reworded=wording.on_pages(answers),
        status=422 if errors else 200,
        step=form_fields.worded(step, answers),
        number=number + 1,
        count=len(STEPS),
        fields=elsewhere_pages.at_country_question(fields, served, code_names, directory, lang),
        errors=errors,
        notice=notice,
        urgent=urgent_contacts.contacts_for_step(answers, number, code_names, directory, now),
        csrf=csrf.new_token(keys, now, csrf.UNBOUND),
        trap="",
        may_skip=not any(question.required for question in step.questions),
        back=f"/{lang}/form/{STEPS[number - 1].slug}" if number else f"/{lang}/",
        to_check=back_to_check,
        changing=changing,
        here=f"form/{step.slug}",
        switch=f"form/{step.slug}",
    )


def _step_index(slug: str) -> int:
    if slug not in questions.SLUGS:
        raise NotFound
    return questions.SLUGS.index(slug)


# --- the check page ----------------------------------------------- ------------------------------------------------


@router.get("/form/check")
def check(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: ReadDb, again: Again = ""
) -> Response:
    draft = draft_answers.load(session, cookie, now)
    if draft is None or not draft.answers:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}", 303)
    intake, field_errors = draft_answers.validate(draft.answers, lang, directory, now, draft.begun_at)
    code_names = CodeNames(lang, directory)
    unserved = elsewhere_pages.country_error(session, draft.answers, directory, code_names)
    if intake is None or unserved:
        errors = unserved | form_fields.in_words(field_errors, code_names, draft.answers)
        first = next((name for name in errors if name in questions.QUESTIONS), STEPS[0].questions[0].name)
        return RedirectResponse(f"/{lang}/form/{questions.step_of(first).slug}?{AGAIN}", 303)
    return check_page(
        lang,
        draft.answers,
        intake,
        session,
        keys,
        directory,
        now,
        binding=csrf.of_visit(cookie),
        notice=EXPIRED_NOTICE if again else "",
    )


@router.post("/form/check")
def send(
    lang: Lang,
    form: Form,
    cookie: Cookie,
    request: Request,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    brake: Brake,
    session: Db,
) -> Response:
    """File the draft. The number is stored in the sealed draft for the next page only."""
    choices = draft_answers.consent_choices(form, directory)
    if draft_answers.receipt(session, cookie, now) is not None:
        is_other = draft_answers.sent_choices(session, cookie, now) != choices
        return RedirectResponse(f"/{lang}/sent?{AGAIN}" if is_other else f"/{lang}/sent", 303)
    draft = draft_answers.load(session, cookie, now)
    if not cookie or draft is None:
        return RedirectResponse(f"/{lang}/form/{STEPS[0].slug}?{AGAIN}", 303)
    merged = {**draft.answers, **choices}
    intake, _errors = draft_answers.validate(merged, lang, directory, now, draft.begun_at)
    if elsewhere_pages.country_error(session, merged, directory, CodeNames(lang, directory)):
        intake = None  # the page that follows says so at the question
    is_valid_token = csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_visit(cookie))
    if intake is None or "switch" in form or not is_valid_token:
        content = {"typed": merged, "begun": draft.begun}
        if drafts.fits(content):
            drafts.save(session, cookie, content, now, settings.draft_idle)
        if intake is None or is_valid_token:
            return RedirectResponse(f"/{lang}/form/check", 303)
        return RedirectResponse(f"/{lang}/form/check?{AGAIN}", 303)
    reply = file_form(
        lang,
        merged,
        intake,
        request,
        session,
        keys,
        directory,
        brake,
        now,
        key=cookie,
        signals=draft.answers,
        begun=draft.begun_at,
        binding=csrf.of_visit(cookie),
    )
    if isinstance(reply, Response):
        return reply
    if not reply.replayed:
        form_counts.add(session, lang, now, sent=1)
    secret = new_secret(keys)
    drafts.renew(session, cookie, secret, {"receipt": reply.body, "choices": choices}, now, settings.draft_idle)
    response = RedirectResponse(f"/{lang}/sent", 303)
    set_cookie(response, secret, settings)
    return response


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
    served: Served,
    session: ReadDb,
    again: Again = "",
    change: Again = "",
) -> Response:
    """One step. `again`: it has errors, or there was nothing to send. `change`: the person came from the check page."""
    number = _step_index(step)
    reply, stored_draft = draft_answers.reply_or_draft(session, cookie, now)
    if reply is not None:  # sent, but the number is not written down yet
        return RedirectResponse(f"/{lang}/sent", 303)
    answers = (stored_draft or _EMPTY_DRAFT).answers
    is_complete = bool(answers) and draft_answers.validate(answers, lang, directory, now)[0] is not None
    errors = _errors(lang, number, answers, directory, now, session) if again and stored_draft else {}
    response = _step_page(
        lang,
        number,
        answers,
        errors,
        keys,
        directory,
        now,
        served,
        back_to_check=is_complete,
        changing=is_complete and bool(change),
        notice=_GONE if again and stored_draft is None else "",
    )
    if cookie is None and request.headers.get("sec-fetch-site") != "cross-site":
        # The next request then shows whether this browser keeps cookies. A person who follows a link of another site may have
        # a draft: a strict cookie is not sent then, and must not be replaced.
        set_cookie(response, new_secret(keys), settings)
    return response


@router.post("/form/{step:form_step}")
def send_step(
    lang: Lang,
    step: str,
    form: Form,
    cookie: Cookie,
    request: Request,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Store the typed values, valid or not; continue when this step is valid. An error never loses input.

    Where they cannot be stored, the person goes on with the single page.
    """
    number = _step_index(step)
    field_names = draft_answers.fields_of(STEPS[number].questions)
    answered = {name: values for name, values in form.items() if name in field_names}
    if draft_answers.receipt(session, cookie, now) is not None:
        return RedirectResponse(f"/{lang}/sent", 303)
    if cookie is None:
        return single_page(lang, answered, {}, keys, directory, now, session, notice=NO_COOKIE_NOTICE)
    stored_draft = draft_answers.load(session, cookie, now)
    other_answers = {
        name: values for name, values in (stored_draft or _EMPTY_DRAFT).answers.items() if name not in field_names
    }
    merged = draft_answers.as_meant(other_answers | answered, directory, now)
    if form.get(spam_signals.HONEYPOT, [""])[-1]:
        merged[spam_signals.HONEYPOT] = [form[spam_signals.HONEYPOT][-1][:20]]
    secret = new_secret(keys)
    begun = stored_draft.begun if stored_draft and stored_draft.begun else now.isoformat()
    content = {"typed": merged, "begun": begun}
    is_storable = draft_answers.is_honest(answered) and drafts.fits(content)
    if not (form_storage.of(request).has_room(session, request, now) and is_storable):
        errors = _errors(lang, number, merged, directory, now, session) if "switch" not in form else {}
        return single_page(lang, merged, errors, keys, directory, now, session, notice=form_storage.NOT_STORED)
    is_new = stored_draft is None or not stored_draft.begun
    if is_new and csrf.is_valid(
        keys, field_value(form, "csrf"), now, csrf.UNBOUND
    ):  # what nobody opened is not counted
        form_counts.add(session, lang, now, began=1)
    drafts.renew(session, cookie, secret, content, now, settings.draft_idle)
    response = _next_page(lang, number, form, merged, directory, now, session)
    set_cookie(response, secret, settings)
    return response


def _next_page(
    lang: str,
    number: int,
    answers: FormFields,
    merged: FormFields,
    directory: Packs,
    now: datetime,
    session: Session,
) -> Response:
    """Redirect to the same step (other language, or errors), else to the page that the button leads to. So Back works."""
    if "switch" in answers:
        return RedirectResponse(f"/{lang}/form/{STEPS[number].slug}", 303)
    if _errors(lang, number, merged, directory, now, session):
        return RedirectResponse(f"/{lang}/form/{STEPS[number].slug}?{AGAIN}", 303)
    if "to_check" in answers or number + 1 == len(STEPS):
        return RedirectResponse(f"/{lang}/form/check", 303)
    return RedirectResponse(f"/{lang}/form/{STEPS[number + 1].slug}", 303)


def _errors(
    lang: str, number: int, merged: FormFields, directory: Packs, now: datetime, session: Session
) -> dict[str, str]:
    """The errors of one step's answers, by field name."""
    _intake, field_errors = draft_answers.validate(merged, lang, directory, now)
    asked = {question.name for question in STEPS[number].questions}
    step_errors = [error for error in field_errors if questions.question_of(error["pointer"]) in asked]
    code_names = CodeNames(lang, directory)
    errors = form_fields.in_words(step_errors, code_names, merged)
    if "country" in asked:
        errors = elsewhere_pages.country_error(session, merged, directory, code_names) | errors
    return errors
