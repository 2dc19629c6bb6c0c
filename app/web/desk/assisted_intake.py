"""Assisted intake: a coordinator asks the questions on the phone, types the answers, and reads the number out.

The form is the person's own, in the person's language, so that it can be read aloud. The number is shown once, on the page
after filing; it is never stored.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from sqlalchemy.orm import Session

from app import audit
from app.casework import case_ownership, filing, restrictions
from app.casework.coordinator import Desk
from app.core.dependencies import Db, ReadDb
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES, N_, OWN_NAMES, translator
from app.intake import idempotency, wording
from app.intake.questions import STEPS, FormFields
from app.intake.schemas import Intake
from app.matching.code_names import CodeNames
from app.messaging.channels import ways_with
from app.staff import service as staff
from app.web.account.policies import AtDesk, Packs, coordinators
from app.web.components import csrf, staff_pages
from app.web.components.forms import field_value
from app.web.desk import case_form
from app.web.person import check_page, draft_answers, form_fields

router = APIRouter(prefix="/desk/assisted")


def _language_or_default(lang: str) -> str:
    """The language itself if we have it; otherwise Russian, which most of the people who write to us read."""
    return lang if lang in LANGUAGES else "ru"


@router.get("", name="assisted", dependencies=[Depends(coordinators)])
def show_form(request: Request, packs: Packs, lang: Annotated[str, Query(max_length=2)] = "ru") -> Response:
    """Show the empty form."""
    return _form(request, _language_or_default(lang), {}, {}, packs)


@router.post("", name="assisted_check")
def show_check_page(request: Request, desk: AtDesk, packs: Packs, session: ReadDb) -> Response:
    """Show who can help, to be read out, and ask for consent."""
    lang, answers = _language_or_default(field_value(request.state.form, "lang")), _answers(request, packs, desk.now)
    intake, errors = draft_answers.validate(answers, lang, packs, desk.now)
    if intake is None or "change" in request.state.form:
        return _form(request, lang, answers, form_fields.in_words(errors, CodeNames(lang, packs), answers), packs)
    return _check(request, desk, lang, answers, intake, session, packs)


@router.post("/send", name="assisted_send")
def file_case(request: Request, desk: AtDesk, packs: Packs, session: Db) -> Response:
    """File the case. The same page sent twice files one case and shows the same number."""
    lang, answers, submission = (
        _language_or_default(field_value(request.state.form, "lang")),
        _answers(request, packs, desk.now),
        field_value(request.state.form, "submission"),
    )
    named = case_form.named_members(request.state.form)
    intake, errors = draft_answers.validate(answers, lang, packs, desk.now)
    if intake is None or "change" in request.state.form:
        return _form(request, lang, answers, form_fields.in_words(errors, CodeNames(lang, packs), answers), packs)
    if not csrf.is_valid(desk.keys, submission, desk.now, csrf.of_session(desk.member.binding)):
        return _check(request, desk, lang, answers, intake, session, packs, named)
    if named:
        try:
            _check_names(session, desk, intake, named)
        except Invalid as error:
            return _check(request, desk, lang, answers, intake, session, packs, named, error.errors)
    response = filing.file_once(
        session,
        intake,
        who=f"assisted:{desk.member.member_id}",
        key=submission,
        payload=b"",
        keys=desk.keys,
        directory=packs,
        now=desk.now,
        ttl=idempotency.FORM_TTL,
        ways=ways_with(request.app.state.settings.gateways),
    )
    if not response.replayed:
        if named:
            restrictions.restrict_new(session, desk, str(response.body["case"]), named)
        audit.record(
            session,
            actor_kind=desk.actor.kind.value,
            actor_id=desk.member.member_id.hex,
            action="case:assisted",
            subject_kind="team",
            subject_id=desk.team_id,
            now=desk.now,
        )
    return staff_pages.page(request, "desk/assisted_number.html", response=response.body, **_read_out_context(lang))


def _check_names(session: Session, desk: Desk, intake: Intake, named: Sequence[UUID]) -> None:
    """Raises Invalid unless the case that is about to be filed can be restricted to these members."""
    if staff.team_for(session, intake.country) != desk.team_id:
        detail = N_(
            "Another team takes the cases of this country, so you cannot restrict it. Tell a senior of that team."
        )
        raise Invalid([FieldError(pointer="/named", code="unfit", detail=detail)])
    restrictions.check_names(session, desk, named)


def _answers(request: Request, packs: Any, now: datetime) -> FormFields:
    return draft_answers.answers_of_form(draft_answers.as_meant(request.state.form, packs, now))


def _read_out_context(lang: str, answers: FormFields | None = None) -> dict[str, Any]:
    """Context for the texts that are read out; `say` translates them to the person's language."""
    form_translator = translator(lang).reworded(wording.on_pages(answers or {}))
    return {
        "form_language": lang,
        "say": form_translator.text,
        "form_translator": form_translator,
        "own_names": OWN_NAMES,
        "languages": LANGUAGES,
    }


def _form(request: Request, lang: str, answers: FormFields, errors: dict[str, str], packs: Any) -> Response:
    code_names = CodeNames(lang, packs)
    return staff_pages.page(
        request,
        "desk/assisted.html",
        status=422 if errors else 200,
        steps=[
            (
                form_fields.worded(step, answers),
                form_fields.fields(step.questions, answers, errors, code_names, packs, on_one_page=True),
            )
            for step in STEPS
        ],
        consents={name: choice[-1] for name, choice in answers.items() if name.startswith("c_")},
        errors=errors,
        **_read_out_context(lang, answers),
    )


def _check(
    request: Request,
    desk: Desk,
    lang: str,
    answers: FormFields,
    intake: Intake,
    session: Session,
    packs: Any,
    named: Sequence[UUID] = (),
    errors: Sequence[FieldError] = (),
) -> Response:
    return staff_pages.page(
        request,
        "desk/assisted_check.html",
        status=422 if errors else 200,
        **check_page.check_context(lang, answers, intake, session, packs, desk.now),
        answers=answers,
        colleagues=case_ownership.colleagues(session, desk.team_id),
        ticked=named,
        named_error=errors[0]["detail"] if errors else "",
        submission=csrf.new_token(request.app.state.keys, desk.now, csrf.of_session(request.state.member.binding)),
        **_read_out_context(lang, answers),
    )
