"""Changes a person makes on their status page: answers, contact, who may read, a new number; and a readable copy."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from sqlalchemy.orm import Session

from app import privacy
from app.cases import person_access
from app.cases.person_access import OpenedCase, TooManyChanges
from app.casework import corrections
from app.core.dependencies import Db, Keys, Now
from app.core.errors import Conflict, NotFound
from app.core.i18n import N_, Translator, translator
from app.core.keyring import KeyRing
from app.core.vocabulary import complete
from app.directory.packs import Directory as Packs
from app.intake import drafts, questions, storage, wording
from app.intake.questions import STEPS, FormFields, Step
from app.intake.schemas import Intake
from app.matching import deadlines
from app.matching.code_names import CodeNames
from app.referrals import centre_contacts
from app.web.components import csrf
from app.web.components.forms import field_value
from app.web.components.rendering import page
from app.web.person import centre_cards, conversation, draft_answers, ended_visit, form_fields, letter, visits
from app.web.person.case_page import TOO_MANY_CHANGES
from app.web.person.case_view import REFERRAL, STATUS, openings_of, referrals_of, sentence_of
from app.web.person.check_page import centres, connected_centres
from app.web.person.dependencies import AGAIN, ENDED, Again, Config, Cookie, Directory, Form, Lang, anyone
from app.web.person.single_page_form import EXPIRED_NOTICE

router = APIRouter(prefix="/case", dependencies=[Depends(anyone)])
_MOVED: Final = N_(
    "Our team does not cover this country. Go back to your request and send us a message. If another team covers it, "
    "a coordinator will ask you there if they may take over your request."
)
_CHOICES: Final = complete(
    set(draft_answers.CHOICES), {"allow": N_("Yes"), "never": N_("Never"), "ask": N_("Ask me first")}
)
_SAVED: Final = N_("Saved. The coordinator can see the change.")


def _redirect_to_case(lang: str) -> Response:
    return RedirectResponse(f"/{lang}/case", 303)


# --- answers and contact -------------------------------------------------------------------------------------------


@router.get("/answers")
def show_answers(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Show the stored answers, each with a link to the small page that corrects it."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    if opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    answers = questions.to_form(corrections.answers_of(session, opened, keys))
    reworded = wording.on_pages(answers)
    code_names = CodeNames(lang, directory, reworded)
    answered = [
        (form_fields.worded(step, answers), form_fields.fields(step.questions, answers, {}, code_names, directory))
        for step in STEPS
    ]
    return page("person/answers.html", lang, reworded=reworded, answered=answered, here="case/answers")


@router.get("/answers/{step:form_step}")
def show_step(
    lang: Lang,
    step: str,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    session: Db,
    again: Again = "",
) -> Response:
    """Show the questions of one step with their stored answers. `again`: the input that was refused, shown with its errors."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    if opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    asked = _step(step)
    typed = visits.kept(session, cookie, now, "answers") if again else None
    return _step_page(lang, step, asked, session, opened, cookie, keys, directory, now, typed)


def _step_page(
    lang: str,
    step: str,
    asked: Step,
    session: Session,
    opened: OpenedCase,
    cookie: str | None,
    keys: KeyRing,
    directory: Packs,
    now: datetime,
    typed: dict[str, Any] | None,
) -> HTMLResponse:
    code_names = CodeNames(lang, directory)
    answers, errors, notice = questions.to_form(corrections.answers_of(session, opened, keys)), dict[str, str](), ""
    if typed and typed["step"] == step:
        answers = _replaced(answers, typed["form"], asked)
        if typed["problem"] in {"late", "too_many"}:
            notice = EXPIRED_NOTICE if typed["problem"] == "late" else TOO_MANY_CHANGES
        elif typed["problem"]:
            field_errors = draft_answers.validate(answers, lang, directory, now)[1]
            errors = form_fields.in_words(field_errors, code_names, answers)
        if typed["problem"] == "moved":
            errors = {"country": code_names.text(_MOVED)}
    return page(
        "person/answers_step.html",
        lang,
        reworded=wording.on_pages(answers),
        status=422 if errors else 200,
        step=form_fields.worded(asked, answers),
        fields=form_fields.fields(asked.questions, answers, errors, code_names, directory),
        errors=errors,
        notice=notice,
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here=f"case/answers/{step}",
        switch=f"case/answers/{step}",
    )


@router.post("/answers/{step:form_step}")
def correct(
    lang: Lang,
    step: str,
    form: Form,
    request: Request,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Replace the stored answers to the questions of one step and run the rules again."""
    opened = visits.case_of_visit(session, cookie, keys, now, lock=True)
    if opened is None or cookie is None:
        return ended_visit.leads_to(lang, field_value(form, "story"), session, request, cookie, keys, settings, now)
    asked, stored = _step(step), questions.to_form(corrections.answers_of(session, opened, keys))
    replaced = draft_answers.in_one_country(_replaced(stored, form, asked), directory)
    answers = draft_answers.as_meant(replaced, directory, now)
    problem = "" if csrf.is_valid(keys, field_value(form, "csrf"), now, csrf.of_visit(cookie)) else "late"
    if not problem and "switch" not in form:
        intake, _errors = draft_answers.validate(answers, lang, directory, now)
        try:
            if intake is not None:
                corrections.correct(session, opened, intake, keys=keys, directory=directory, now=now)
                visits.keep(session, cookie, now, settings.draft_idle, answers=None)
                return RedirectResponse(f"/{lang}/case/saved", 303)
            problem = "invalid"
        except corrections.NeedsOtherTeam:
            problem = "moved"
        except TooManyChanges:
            problem = "too_many"
        except Conflict:
            return _redirect_to_case(lang)
    typed = {name: values for name, values in answers.items() if name in draft_answers.fields_of(asked.questions)}
    kept = {"step": step, "form": typed, "problem": problem}
    if not (draft_answers.is_honest(typed) and drafts.fits(kept)):  # it is not kept: it comes back at once
        return _step_page(lang, step, asked, session, opened, cookie, keys, directory, now, kept)
    visits.keep(session, cookie, now, settings.draft_idle, answers=kept, message=None)
    return RedirectResponse(f"/{lang}/case/answers/{step}?{AGAIN}", 303)


def _step(slug: str) -> Step:
    """The step with this slug. Raises NotFound."""
    known_step = next((step for step in STEPS if step.slug == slug), None)
    if known_step is None:
        raise NotFound
    return known_step


def _replaced(answers: FormFields, form: FormFields, step: Step) -> FormFields:
    """The answers, with those to the questions of one step taken from the form."""
    names = draft_answers.fields_of(step.questions)
    other_answers = {name: values for name, values in answers.items() if name not in names}
    return other_answers | {name: values for name, values in form.items() if name in names}


@router.get("/saved")
def saved(lang: Lang) -> Response:
    """Say that a change was saved. A page of its own, so that Back and reload send nothing again."""
    return page("person/saved.html", lang, message=_SAVED, here="case/saved")


# --- who may read it -----------------------------------------------------------------------------------------------


@router.get("/centres")
def show_centres(
    lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db, again: Again = ""
) -> Response:
    """Show the centres that match now, each with the person's choice for it.

    `again`: choices that were not saved, shown with the reason.
    """
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    if opened.case.closed_at is not None:
        return _redirect_to_case(lang)
    stored_answers, result = corrections.current_matches(session, opened, keys=keys, directory=directory, now=now)
    answers = questions.to_form(stored_answers)
    code_names = CodeNames(lang, directory, wording.on_pages(answers))
    unsaved, problem = (visits.kept(session, cookie, now, "choices") if again else None) or ({}, "")
    answers |= {f"c_{slug}": [choice] for slug, choice in unsaved.items()}
    connected = connected_centres(session, [match.organisation for match in result.candidates])
    centre_list = centres(result.candidates, answers, directory, code_names, connected)
    asked = {centre["slug"] for centre in centre_list if centre["ask"]}
    chosen = [name.removeprefix("c_") for name in answers if name.startswith("c_")]
    return page(
        "person/centres.html",
        lang,
        notice={"late": EXPIRED_NOTICE, "too_many": TOO_MANY_CHANGES}.get(problem, ""),
        reworded=wording.on_pages(answers),
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
def choose(
    lang: Lang,
    form: Form,
    request: Request,
    cookie: Cookie,
    now: Now,
    keys: Keys,
    directory: Directory,
    settings: Config,
    session: Db,
) -> Response:
    """Grant access to the centres that are allowed now and revoke it from all others."""
    choices = {
        name.removeprefix("c_"): values[-1] for name, values in draft_answers.consent_choices(form, directory).items()
    }
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None:
        if cookie is None or visits.number(session, cookie, now) is None:
            text = _choices_in_words(choices, directory, translator(lang))
            return ended_visit.leads_to(lang, text, session, request, cookie, keys, settings, now, chosen=True)
        if not choices:
            return visits.nothing_changed(lang, session, cookie, now)
        visits.keep(session, cookie, now, settings.draft_idle, choices=(choices, "late"))
        return RedirectResponse(f"/{lang}/case/centres?{AGAIN}", 303)
    if opened.case.closed_at is not None or cookie is None:
        return _redirect_to_case(lang)
    try:
        corrections.change_consent(session, opened, choices, keys=keys, directory=directory, now=now)
    except TooManyChanges:
        visits.keep(session, cookie, now, settings.draft_idle, choices=(choices, "too_many"))
        return RedirectResponse(f"/{lang}/case/centres?{AGAIN}", 303)
    visits.keep(session, cookie, now, settings.draft_idle, choices=None)
    return RedirectResponse(f"/{lang}/case/saved", 303)


def _choices_in_words(choices: Mapping[str, str], directory: Packs, words: Translator) -> str:
    """One line for each centre, in the words of the form; yes and never first, because those were most likely changed."""
    in_order = sorted(choices.items(), key=lambda pair: [*_CHOICES].index(pair[1]))
    return "\n".join(
        f"{words.text(_CHOICES[choice])}: {centre_cards.readable_name(slug, directory, words)}"
        for slug, choice in in_order
    )


# --- another number ------------------------------------------------------------------------------------------------


@router.post("/number")
def change_number(
    lang: Lang, form: Form, cookie: Cookie, now: Now, keys: Keys, settings: Config, session: Db
) -> Response:
    """Issue a new number; the old one stops working."""
    opened = visits.case_of_form(session, form, cookie, keys, now)
    if opened is None or cookie is None:
        return visits.nothing_changed(lang, session, cookie, now)
    if field_value(form, "sure") == "yes":
        receipt = person_access.replace_number(session, opened, keys, now)
        visits.begin(session, cookie, receipt, now, settings.draft_idle, is_new=True)
    return RedirectResponse(f"/{lang}/case/number", 303)


@router.get("/number")
def show_number(lang: Lang, cookie: Cookie, now: Now, keys: Keys, session: Db, again: Again = "") -> Response:
    """Show the new number until it is written down. The old number is never shown again; the user already has it."""
    number = visits.number(session, cookie, now)
    if number is None or not number[1]:
        return _redirect_to_case(lang)
    return _number_page(lang, number[0].grouped(), cookie, keys, now, mistyped=bool(again))


@router.post("/number/kept")
def confirm_number(lang: Lang, form: Form, cookie: Cookie, now: Now, settings: Config, session: Db) -> Response:
    number = visits.number(session, cookie, now)
    if number is None or cookie is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    digits = "".join(character for character in field_value(form, "last_four") if character.isdecimal())
    if digits and int(digits) != int(number[0].digits[-4:]):
        return RedirectResponse(f"/{lang}/case/number?{AGAIN}", 303)
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
def ask_for_copy(lang: Lang, _form: Form) -> Response:
    """Show the copy on a page that can be requested again."""
    return RedirectResponse(f"/{lang}/case/copy", 303)


@router.get("/copy")
def copy(lang: Lang, cookie: Cookie, now: Now, keys: Keys, directory: Directory, session: Db) -> Response:
    """Show everything we hold about the person; the same data can be downloaded as a file."""
    opened = visits.case_of_visit(session, cookie, keys, now)
    if opened is None:
        return RedirectResponse(f"/{lang}/return?{ENDED}", 303)
    return page(
        "person/copy.html",
        lang,
        **_copy_context(lang, opened, session, keys, directory, now),
        csrf=csrf.new_token(keys, now, csrf.of_visit(cookie)),
        here="case/copy",
    )


def _copy_context(
    lang: str, opened: OpenedCase, session: Session, keys: KeyRing, directory: Packs, now: datetime
) -> dict[str, Any]:
    document, case = privacy.export(session, opened, keys), opened.case
    parts = {entry["part"]: entry for entry in document["parts"]}
    answers = questions.to_form(
        storage.answers_in(Intake, {"case": document["case"], "facts": document["facts"], **parts})
    )
    reworded = wording.on_pages(answers)
    code_names = CodeNames(lang, directory, reworded)
    fields = form_fields.fields(questions.QUESTIONS.values(), answers, {}, code_names, directory)
    consent = document["facts"].get("consent") or {}
    words = code_names.translator
    referrals = referrals_of(session, case, directory, words)
    asked_by = centre_contacts.first_asked(session, [entry.id for entry in referrals])
    return {
        "reworded": reworded,
        "case": case,
        "headline": STATUS[case.state][0],
        "answered": [field for field in fields if (field.value or field.chosen) and field.name in answers],
        "allowed": [centre_cards.readable_name(slug, directory, words) for slug in consent.get("organisations") or ()],
        "never": [centre_cards.readable_name(slug, directory, words) for slug in consent.get("never") or ()],
        "referrals": [(entry, sentence_of(entry, asked_by)) for entry in referrals if entry.state in REFERRAL],
        "thread": conversation.of_case(session, opened, directory, words),
        "openings": openings_of(session, case, directory, words),
        "documents": document["documents"],
        "chat": document.get("telegram", {}).get("chat", ""),
        "deadline": letter.of_case(case, keys, code_names, directory, now),
        "zone": deadlines.time_zone(directory.country(case.country)),
    }
