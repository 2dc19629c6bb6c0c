"""All questions on one page, without a cookie: the answers travel in the page itself."""

from datetime import datetime

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, Response
from sqlalchemy.orm import Session

from app.core.dependencies import Brake, Db, Keys, Now, ReadDb
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import form_counts
from app.intake.questions import STEPS, FormFields
from app.matching.code_names import CodeNames
from app.staff import service as staff
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import draft_answers, elsewhere_pages, form_fields, spam_signals
from app.web.person.check_page import check_page
from app.web.person.dependencies import Directory, Form, Lang, anyone
from app.web.person.form_filing import file_form
from app.web.person.receipt_page import receipt_page

router = APIRouter(dependencies=[Depends(anyone)])
EXPIRED_NOTICE = N_("This page was open for a long time. Everything you typed is still here. Please send it again.")
NO_COOKIE_NOTICE = N_(
    "Your browser does not keep our cookies. That is fine: this page does not need them. Everything you typed is still here."
)


@router.get("/form/all")
def show_single_page(lang: Lang, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    return single_page(lang, {}, {}, keys, directory, now, session)


@router.post("/form/all")
def check_single_page(lang: Lang, form: Form, now: Now, keys: Keys, directory: Directory, session: ReadDb) -> Response:
    """Validate the form and show the check page. A language button shows the same page in that language."""
    form = draft_answers.as_meant(form, directory, now)
    answers = draft_answers.answers_of_form(form)
    if "switch" in form:
        return single_page(lang, form, {}, keys, directory, now, session)
    intake, field_errors = draft_answers.validate(answers, lang, directory, now, _begun(form, keys))
    code_names = CodeNames(lang, directory)
    unserved = elsewhere_pages.country_error(session, answers, directory, code_names)
    if intake is None or unserved or "change" in form:
        errors = unserved | form_fields.in_words(field_errors, code_names, answers)
        return single_page(lang, form, errors, keys, directory, now, session)
    return check_page(lang, answers, intake, session, keys, directory, now, carried=_hidden_fields(form, keys, now))


@router.post("/form/all/send")
def file_single_page(
    lang: Lang,
    form: Form,
    request: Request,
    now: Now,
    keys: Keys,
    directory: Directory,
    brake: Brake,
    session: Db,
) -> Response:
    """File the case and reply with its number. The same page sent twice creates one case and shows the same number."""
    form = draft_answers.as_meant(form, directory, now)
    answers, token = draft_answers.answers_of_form(form), field_value(form, "csrf")
    intake, field_errors = draft_answers.validate(answers, lang, directory, now, _begun(form, keys))
    code_names = CodeNames(lang, directory)
    unserved = elsewhere_pages.country_error(session, answers, directory, code_names)
    if intake is None or unserved or "change" in form:
        errors = unserved | form_fields.in_words(field_errors, code_names, answers)
        return single_page(lang, form, errors, keys, directory, now, session)
    if "switch" in form or not csrf.is_valid(keys, token, now, csrf.UNBOUND):
        notice = "" if "switch" in form else EXPIRED_NOTICE
        carried = _hidden_fields(form, keys, now)
        return check_page(lang, answers, intake, session, keys, directory, now, carried=carried, notice=notice)
    reply = file_form(
        lang,
        answers,
        intake,
        request,
        session,
        keys,
        directory,
        brake,
        now,
        key=token,
        signals=form,
        begun=_begun(form, keys),
        carried=_hidden_fields(form, keys, now),
    )
    if isinstance(reply, Response):
        return reply
    if not reply.replayed:
        form_counts.add(session, lang, now, began=1, sent=1)
    return receipt_page(lang, reply.body, directory, keys, now, here=None)


def _begun(form: FormFields, keys: KeyRing) -> datetime | None:
    """When the form was opened, as its hidden field proves; None without a genuine one."""
    return csrf.made_at(keys, field_value(form, "begun"), csrf.UNBOUND)


def _hidden_fields(form: FormFields, keys: KeyRing, now: datetime) -> FormFields:
    """Hidden fields for the next page: the answers, when the form was opened, and the honeypot field."""
    begun = field_value(form, "begun") or csrf.new_token(keys, now, csrf.UNBOUND)
    return {
        **draft_answers.answers_of_form(form),
        "begun": [begun],
        spam_signals.HONEYPOT: form.get(spam_signals.HONEYPOT, []),
    }


def all_steps(
    template: str,
    lang: str,
    answers: FormFields,
    errors: dict[str, str],
    directory: Packs,
    session: Session,
    **context: object,
) -> HTMLResponse:
    """Show every question on one page with the typed values; status 422 when there are errors."""
    code_names, served = CodeNames(lang, directory), staff.served_countries(session)
    steps = [
        (
            form_fields.worded(step, answers),
            elsewhere_pages.at_country_question(
                form_fields.fields(step.questions, answers, errors, code_names, directory, on_one_page=True),
                served,
                code_names,
                directory,
                lang,
            ),
        )
        for step in STEPS
    ]
    return page(template, lang, status=422 if errors else 200, steps=steps, errors=errors, **context)


def single_page(
    lang: str,
    form: FormFields,
    errors: dict[str, str],
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    session: Session,
    *,
    notice: str = "",
) -> HTMLResponse:
    return all_steps(
        "person/single_page.html",
        lang,
        form,
        errors,
        directory,
        session,
        consents={name: choice[-1] for name, choice in form.items() if name.startswith("c_")},
        begun=field_value(form, "begun") or csrf.new_token(keys, now, csrf.UNBOUND),
        trap=field_value(form, spam_signals.HONEYPOT),
        csrf=csrf.new_token(keys, now, csrf.UNBOUND),
        notice=notice,
        here="form/all",
        switch="form/all",
    )
