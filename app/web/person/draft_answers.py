"""Answers of an unfinished form: their fields, their storage, and their errors."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy.orm import Session

from app.core import look_alikes, written_dates
from app.core.errors import FieldError, Invalid
from app.core.i18n import translator
from app.core.written_dates import Nearest, NotADate
from app.directory.packs import Directory
from app.intake import drafts, questions, schemas
from app.intake.questions import FieldKind, FormFields, Question
from app.matching import runs
from app.web.components import date_fields


@dataclass(frozen=True, slots=True)
class DraftAnswers:
    """Stored state of an unfinished form. `begun`: time of its first answer (ISO 8601), or ""."""

    answers: FormFields
    begun: str = ""

    @property
    def begun_at(self) -> datetime | None:
        return datetime.fromisoformat(self.begun) if self.begun else None


_DATES: Final = tuple(name for name, question in questions.QUESTIONS.items() if question.kind is FieldKind.DAY)
ADDRESS_MEANT: Final = "address_meant"
"""The tick with which a person says that they meant the address of the question."""
CHOICES: Final = ("ask", "allow", "never")
_LONGEST_CODE: Final = 100
_MOST_CODES: Final = 64
_BOXES: Final = frozenset(box for name in _DATES for box in date_fields.names(name))


def fields_of(question_list: Iterable[Question]) -> frozenset[str]:
    """The names of the fields of these questions: one each, three of a date, and the tick of the address."""
    return frozenset(field for question in question_list for field in _names(question))


def _names(question: Question) -> tuple[str, ...]:
    if question.kind is FieldKind.DAY:
        return tuple(date_fields.names(question.name))
    return (question.name, ADDRESS_MEANT) if question.name == "address" else (question.name,)


def as_meant(form: FormFields, directory: Directory, now: datetime) -> FormFields:
    """The form as the person meant it: readable dates as ISO 8601, and the suggested address if it was accepted.

    Other input stays as it was typed. A missing year is the latest one in which the day is past, as of today in the
    country of the form.
    """
    country = form.get("country", [""])[-1]
    today = runs.local_date(directory, country, now) if directory.has_country(country) else now.date()
    read = dict(form)
    for name in _DATES:
        try:
            day = written_dates.read(*date_fields.typed(form, name), today=today, nearest=Nearest.PAST)
        except NotADate:
            continue
        for box in date_fields.names(name):
            read.pop(box, None)
        if day is not None:
            read[name] = [day.isoformat()]
    if read.pop(ADDRESS_MEANT, None) and (meant := meant_address(form)):
        read["address"] = [meant]
    return read


def meant_address(form: FormFields) -> str | None:
    """The address with look-alike letters replaced, if the typed one has some."""
    return look_alikes.meant(form.get("channel", [""])[-1], form.get("address", [""])[-1])


def in_one_country(form: FormFields, directory: Directory) -> FormFields:
    """The form; a region of a country other than the chosen one is left out, so that it is asked for again."""
    country, region = form.get("country", [""])[-1], form.get("region", [""])[-1]
    if not region or not directory.has_country(country) or region in directory.country(country).regions:
        return form
    return {name: values for name, values in form.items() if name != "region"}


def answers_of_form(form: FormFields) -> FormFields:
    """The fields that are stored in a draft: answers, not buttons."""
    return {
        name: values
        for name, values in form.items()
        if name in questions.QUESTIONS or name in _BOXES or name.startswith("c_")
    }


def consent_choices(form: FormFields, directory: Directory) -> FormFields:
    """The choices of who may read the request, as the check page offers them: one of three words for a known organisation."""
    return {
        name: values[-1:]
        for name, values in form.items()
        if name.startswith("c_") and values[-1] in CHOICES and directory.organisation(name[2:]) is not None
    }


def is_honest(form: FormFields) -> bool:
    """Whether a browser could have sent these answers.

    Texts at most a quarter longer than allowed (an overlong one is shown again), and for other fields short values, no more than
    there are codes.
    """
    for name, values in form.items():
        question = questions.QUESTIONS.get(name)
        longest = question.longest * 5 // 4 if question and question.longest else _LONGEST_CODE
        most = _MOST_CODES if question and question.kind is FieldKind.CHECKS else 2
        if len(values) > most or any(len(value) > longest for value in values):
            return False
    return True


def load(session: Session, secret: str | None, now: datetime) -> DraftAnswers | None:
    return _answers(drafts.load(session, secret, now) or {})


def reply_or_draft(
    session: Session, secret: str | None, now: datetime
) -> tuple[dict[str, Any] | None, DraftAnswers | None]:
    """What `receipt` and `load` find, read and decrypted once."""
    content = drafts.load(session, secret, now) or {}
    return content.get("receipt"), _answers(content)


def _answers(content: dict[str, Any]) -> DraftAnswers | None:
    return DraftAnswers(content["typed"], content.get("begun", "")) if "typed" in content else None


def receipt(session: Session, secret: str | None, now: datetime) -> dict[str, Any] | None:
    """The stored reply to a submitted form, until its number has been written down."""
    content = drafts.load(session, secret, now) or {}
    response: dict[str, Any] | None = content.get("receipt")
    return response


def sent_choices(session: Session, secret: str | None, now: datetime) -> FormFields:
    """The choices of who may read the request with which the form was sent."""
    content = drafts.load(session, secret, now) or {}
    return dict(content.get("choices") or {})


def validate(
    answers: FormFields, lang: str, directory: Directory, now: datetime, begun: datetime | None = None
) -> tuple[schemas.Intake | None, list[FieldError]]:
    """Validate the whole form, with its dates read: an intake, or its errors.

    `begun`: the time of the first answer. A letter without a day of receipt is counted from the day of that answer, even if the
    form is finished on a later day.
    """
    faults: list[FieldError] = []
    for name in _DATES:
        try:
            written_dates.read(*date_fields.typed(answers, name), today=now.date())
        except NotADate as problem:
            pointer = "/" + "/".join(questions.QUESTIONS[name].stored.path)
            detail = date_fields.message(problem, translator(lang))
            faults.append(FieldError(pointer=pointer, code=problem.fault.value, detail=detail))
            answers = {field: values for field, values in answers.items() if field not in date_fields.names(name)}
    try:
        intake = schemas.read(questions.to_answers(answers, lang), directory, now.date())
    except Invalid as error:
        return None, faults + error.errors
    if faults:
        return None, faults
    return intake.first_asked(runs.local_date(directory, intake.country, min(begun or now, now))), []
