"""Changes a person makes on their status page: answers, contact, who may read, a new number; and a readable copy."""

from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app import privacy
from app.cases import person_access
from app.cases.person_access import OpenedCase
from app.casework import corrections, person_actions
from app.core.dependencies import Db, Keys, Now
from app.core.errors import Conflict
from app.core.i18n import N_
from app.core.keyring import KeyRing
from app.directory.packs import Directory as Packs
from app.intake import questions, storage
from app.intake.questions import FormFields
from app.intake.schemas import Intake
from app.matching import deadlines
from app.matching.code_names import CodeNames
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import centre_cards, draft_answers, form_fields, letter, visits
from app.web.person.case_page import REFERRAL, STATUS
from app.web.person.check_page import centres, connected_centres
from app.web.person.dependencies import Config, Cookie, Directory, Form, Lang, anyone
from app.web.person.single_page_form import EXPIRED_NOTICE, all_steps

router = APIRouter(prefix="/case", dependencies=[Depends(anyone)])
_MOVED: Final = N_(
    "A different team covers this country. Go back to your request and send us a message: we will transfer it."
)
_SAVED: Final = N_("Saved. The coordinator can see the change.")


def _redirect_to_case(lang: str) -> Response:
    return RedirectResponse(f"/{lang}/case", 303)


# --- answers and contact -------------------------------------------------------------------------------------------


@router.get("/answers")
def show_answers(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Show the whole form with the stored answers, ready to correct."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return", 303)
    if opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    answers = questions.to_form(corrections.answers_of(session, opened, keys))
    return _answers_page(lang, answers, {}, cookie, keys, directory, now, session)


@router.post("/answers")
def correct(
    lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db
) -> Response:
    """Replace the stored answers and run the rules again."""
    new_answers = draft_answers.answers_of_form(draft_answers.with_dates(form, directory, now))
    opened = visits.case_of_visit(session, cookie, keys, now, lock=True)
    if opened is None:
        return page("person/visit_ended.html", lang, status=403, text=field_value(form, "story"), here="return")
    is_valid_token = csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_visit(cookie))
    if "switch" in form or not is_valid_token:
        return _answers_page(
            lang,
            new_answers,
            {},
            cookie,
            keys,
            directory,
            now,
            session,
            notice="" if is_valid_token else EXPIRED_NOTICE,
        )
    intake, field_errors = draft_answers.validate(new_answers, lang, directory, now)
    if intake is None:
        errors = form_fields.in_words(field_errors, CodeNames(lang, directory))
        return _answers_page(lang, new_answers, errors, cookie, keys, directory, now, session)
    try:
        corrections.correct(session, opened, intake, keys=keys, directory=directory, now=now)
    except corrections.NeedsOtherTeam:
        errors = {"country": CodeNames(lang, directory).text(_MOVED)}
        return _answers_page(lang, new_answers, errors, cookie, keys, directory, now, session)
    except Conflict:
        return _redirect_to_case(lang)
    return page("person/saved.html", lang, message=_SAVED, here="case")


def _answers_page(
    lang: str,
    answers: FormFields,
    errors: dict[str, str],
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    session: Session,
    *,
    notice: str = "",
) -> HTMLResponse:
    return all_steps(
        "person/answers.html",
        lang,
        answers,
        errors,
        directory,
        session,
        notice=notice,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/answers",
        switch="case/answers",
    )


# --- who may read it -----------------------------------------------------------------------------------------------


@router.get("/centres")
def show_centres(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Show the centres that match now, each with the person's choice for it."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return", 303)
    if opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    stored_answers, result = corrections.current_matches(session, opened, keys=keys, directory=directory, now=now)
    answers, code_names = questions.to_form(stored_answers), CodeNames(lang, directory)
    connected = connected_centres(session, [match.organisation for match in result.candidates])
    centre_list = centres(result.candidates, answers, directory, code_names, connected)
    asked = {centre["slug"] for centre in centre_list if centre["ask"]}
    chosen = [name.removeprefix("c_") for name in answers if name.startswith("c_")]
    return page(
        "person/centres.html",
        lang,
        centre_list=[centre for centre in centre_list if centre["ask"]],
        others=[
            centre_cards.card_of(
                slug,
                slug,
                directory,
                code_names.translator,
                choice=answers[f"c_{slug}"][-1],
                ask=True,
                connected=slug in connected_centres(session, [slug]),
            )
            for slug in chosen
            if slug not in asked
        ],
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/centres",
    )


@router.post("/centres")
def choose(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Grant access to the centres that are allowed now and revoke it from all others."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None or opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    choices = {name.removeprefix("c_"): values[-1] for name, values in form.items() if name.startswith("c_")}
    corrections.change_consent(session, opened, choices, keys=keys, directory=directory, now=now)
    return page("person/saved.html", lang, message=_SAVED, here="case")


# --- another number ------------------------------------------------------------------------------------------------


@router.post("/number")
def change_number(
    lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    """Issue a new number; the old one stops working."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is not None and cookie and field_value(form, "sure") == "yes":
        receipt = person_access.replace_number(session, opened, keys, now)
        visits.begin(session, cookie, receipt, now, settings.draft_idle, is_new=True)
    return RedirectResponse(f"/{lang}/case/number", 303)


@router.get("/number")
def show_number(lang: Lang, cookie: Cookie, now: Now, keys: Keys, session: Db) -> Response:
    """Show the new number until it is written down. The old number is never shown again; the user already has it."""
    number = visits.number(session, cookie, now)
    if number is None or not number[1]:
        return _redirect_to_case(lang)
    return _number_page(lang, number[0].grouped(), cookie, keys, now)


@router.post("/number/kept")
def confirm_number(
    lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    number = visits.number(session, cookie, now)
    if number is None or cookie is None:
        return RedirectResponse(f"/{lang}/return", 303)
    digits = "".join(character for character in field_value(form, "last_four") if character.isdecimal())
    if digits and int(digits) != int(number[0].digits[-4:]):
        return _number_page(lang, number[0].grouped(), cookie, keys, now, mistyped=True)
    visits.begin(session, cookie, number[0], now, settings.draft_idle)
    return _redirect_to_case(lang)


def _number_page(
    lang: str, number: str, cookie: str | None, keys: KeyRing, now: datetime, *, mistyped: bool = False
) -> HTMLResponse:
    return page(
        "person/new_number.html",
        lang,
        status=422 if mistyped else 200,
        number=number,
        mistyped=mistyped,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/number",
    )


# --- a copy to read ------------------------------------------------------------------------------------------------


@router.post("/copy")
def copy(lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Show everything we hold about the person; the same data can be downloaded as a file."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        return _redirect_to_case(lang)
    return page(
        "person/copy.html",
        lang,
        **_copy_context(lang, opened, session, keys, directory, now),
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case",
    )


def _copy_context(
    lang: str, opened: OpenedCase, session: Session, keys: KeyRing, directory: Packs, now: datetime
) -> dict[str, Any]:
    document, code_names, case = privacy.export(session, opened, keys), CodeNames(lang, directory), opened.case
    parts = {entry["part"]: entry for entry in document["parts"]}
    answers = questions.to_form(
        storage.answers_in(Intake, {"case": document["case"], "facts": document["facts"], **parts})
    )
    fields = form_fields.fields(questions.QUESTIONS.values(), answers, {}, code_names, directory)
    consent = document["facts"].get("consent") or {}
    return {
        "case": case,
        "headline": STATUS[case.state][0],
        "answered": [field for field in fields if (field.value or field.chosen) and field.name in answers],
        "allowed": [_organisation_name(slug, directory) for slug in consent.get("organisations") or ()],
        "never": [_organisation_name(slug, directory) for slug in consent.get("never") or ()],
        "referrals": [
            (entry, REFERRAL[entry.state])
            for entry in person_actions.referrals_of(session, case.id)
            if entry.state in REFERRAL
        ],
        "thread": person_access.thread(session, opened),
        "deadline": letter.of_case(case, keys, code_names, directory, now),
        "zone": deadlines.time_zone(directory.country(case.country)),
    }


def _organisation_name(slug: str, directory: Packs) -> str:
    organisation = directory.organisation(slug)
    return (organisation.name.local or organisation.name.en) if organisation else slug
