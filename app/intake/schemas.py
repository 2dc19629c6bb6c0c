"""The one schema of an intake: the step-by-step form, the one-page form and `POST /v1/intakes` all become an `Intake`.

Five fields are required. Every field says in its annotation where it is kept (`app.intake.storage`), and the line below it is its
description in the API's document. Errors name the field by JSON pointer, with a code of `app.core.validation`, and say what would
fit; they never repeat what was typed, and all of them come in one round.
"""

import copy
import json
import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, Protocol, TypeAlias

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from app.core import identifiers, look_alikes
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES
from app.core.validation import field_error
from app.intake.storage import CARD, COUNTED, FACTS, NOT_KEPT, NOTICE, StoredModel, column, sealed
from app.intake.vocabulary import GROUPS, HELPS, MOST_NEEDS, OTHER_LANGUAGE, STATUSES

LONGEST_STORY: Final = 20_000
OLDEST_LETTER: Final = timedelta(days=5 * 366)
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ROUNDED: Final = re.compile(r"\d(?:[.,]\d+)?[eEеЕ][+-]?\d+")
"""A number as a spreadsheet rounds it: 7.91612E+10."""
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _clean(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_characters", "This contains characters that cannot be stored.")
    return value.strip()


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _iso_day(value: Any) -> Any:
    """The day of a text YYYY-MM-DD. Refuses numbers, and texts of digits, which would be read as seconds since 1970."""
    if isinstance(value, date):
        return value
    try:
        if isinstance(value, str) and _DAY.fullmatch(value):
            return date.fromisoformat(value)
    except ValueError:
        pass
    raise PydanticCustomError("not_a_day", "Write the day as YYYY-MM-DD.")


Day = Annotated[date, BeforeValidator(_iso_day)]
Text = Annotated[str, AfterValidator(_clean)]
Status: TypeAlias = Literal[tuple(STATUSES)]  # type: ignore[valid-type]
Group: TypeAlias = Literal[tuple(GROUPS)]  # type: ignore[valid-type]
Help: TypeAlias = Literal[tuple(HELPS)]  # type: ignore[valid-type]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Codes = Annotated[tuple[Slug, ...], Field(max_length=64), AfterValidator(_once)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Vocabulary(Protocol):
    """The codes of the directory that an intake may name. `app.directory.catalogue.Directory` implements it."""

    @property
    def places(self) -> tuple[Any, ...]: ...
    @property
    def persecution(self) -> tuple[Any, ...]: ...
    def has_country(self, code: str) -> bool: ...
    def country(self, code: str) -> Any: ...
    def need(self, slug: str) -> Any: ...
    def organisation(self, slug: str) -> Any: ...
    @property
    def needs(self) -> tuple[Any, ...]: ...
    def deadline(self, country: str, event: str) -> Any: ...
    def deadlines(self, country: str) -> Any: ...


def spoken_languages(answers: Mapping[str, Any]) -> list[str]:
    """Primary language subtags that the person speaks, from answers as JSON; without an answer, the language of the form."""
    spoken = dict.fromkeys(code.split("-")[0].lower() for code in answers.get("speak") or ())
    return list(spoken) or [code for code in (answers.get("language"),) if code]


def _form_language(answers: Mapping[str, Any]) -> str:
    return answers.get("language") or "en"


class Letter(StoredModel):
    """A letter with a time limit.

    If no day is known, the deadline is counted from the day on which this was first asked; that day stays.
    """

    kind: Annotated[Slug | None, FACTS] = None
    """What it is about: an event of the country's deadlines (`letter_kinds` of `/v1/vocabularies`), or `unknown`."""
    received_on: Annotated[Day | None, FACTS] = None
    """The day on which it was handed over."""
    earlier_on: Annotated[Day | None, FACTS] = None
    """An earlier day that the envelope, a notice left or the electronic mailbox shows; the earliest day counts."""
    asked_on: Annotated[Day | None, FACTS] = None
    """When this was first asked. Without it: the day of filing."""


class AnswerBy(StoredModel):
    """How an answer may reach the person. By default they come back with their number, and nobody writes to them."""

    channel: Annotated[
        Literal["number", "signal", "whatsapp", "telegram", "email", "phone"], sealed("contact"), NOTICE
    ] = "number"
    """The way. Without it: `number`."""
    address: Annotated[Text, Field(max_length=320), sealed("contact"), NOTICE] = ""
    """The phone number, user name or e-mail address of the channel. Needed unless it is `number`."""
    notify: Annotated[bool, sealed("contact")] = False
    """true: this one address is also stored for the service itself, so that it can send a notice in the `good_hours`."""
    may_say_who: Annotated[bool, sealed("contact"), NOTICE] = False
    """Whether whoever calls or writes may say who they are."""
    may_leave_message: Annotated[bool, sealed("contact"), NOTICE] = False
    """Whether a message may be left with whoever answers."""
    good_times: Annotated[Text, Field(max_length=200), sealed("contact"), NOTICE] = ""
    """When it is safe to call or write, in the person's own words."""
    good_hours: Annotated[
        tuple[Literal["morning", "day", "evening", "weekend"], ...], Field(max_length=4), sealed("contact"), NOTICE
    ] = ()
    """The same as codes, which notices obey."""

    @model_validator(mode="after")
    def _an_address_where_one_is_needed(self) -> "AnswerBy":
        if self.channel == "number" and self.notify:
            raise PydanticCustomError("nowhere_to_notify", "A notification needs an address.")
        address = identifiers.written_address(self.channel, self.address)
        if self.channel != "number" and not address:
            raise PydanticCustomError("address_required", "This channel needs an address or a number.")
        if self.channel != "number" and look_alikes.meant(self.channel, address) is not None:
            raise PydanticCustomError("look_alike", "Letters of two alphabets that look alike are mixed.")
        if self.channel == "email":
            try:
                validate_email(address, check_deliverability=False)
            except EmailNotValidError:
                raise PydanticCustomError("not_an_email", "This is not an e-mail address.") from None
        digits = [c for c in address if c.isdigit()]
        if (
            self.channel in {"signal", "whatsapp", "phone"}
            and (len(digits) < 6 or len(set(digits)) == 1 or _ROUNDED.fullmatch(address))
            and (self.channel != "signal" or "." not in address)
        ):
            raise PydanticCustomError("not_a_number", "This is not a phone number.")
        if self.channel == "telegram" and identifiers.handle(address) is None:
            raise PydanticCustomError("not_a_user_name", "This is not a user name.")
        return self if address == self.address else self.model_copy(update={"address": address})


class Helper(StoredModel):
    """How to reach whoever fills the form in for the person, if the person cannot be reached."""

    address: Annotated[Text, Field(max_length=320), sealed("contact")] = ""
    """Phone number, user name or e-mail address."""
    good_times: Annotated[Text, Field(max_length=200), sealed("contact")] = ""
    """When and how it is safe, in their own words."""


class Consent(StoredModel):
    """Who may read the case."""

    mode: Annotated[Literal["named", "ask_first"], FACTS]
    """`named`: the `organisations`; without any, each is asked about first. `ask_first`: the person is asked about each one."""
    organisations: Annotated[Codes, FACTS] = ()
    """Who may be asked and may read, by `x_slug` of `/hsds/3.1/organizations`."""
    never: Annotated[Codes, FACTS] = ()
    """Who must not, by the same codes."""

    @model_validator(mode="after")
    def _no_one_is_both(self) -> "Consent":
        if set(self.organisations) & set(self.never):
            raise PydanticCustomError("allowed_and_excluded", "An organisation is both allowed and excluded.")
        if self.mode == "ask_first" and self.organisations:
            raise PydanticCustomError("named_but_ask_first", "With ask_first, no organisation may be named.")
        return self


LanguageOfPages = Literal[LANGUAGES]  # type: ignore[valid-type]
Needs = Annotated[tuple[Slug, ...], Field(min_length=1, max_length=MOST_NEEDS), AfterValidator(_once)]
Languages = Annotated[tuple[Language, ...], Field(max_length=12), AfterValidator(_once)]
Groups = Annotated[tuple[Group, ...], Field(max_length=16), AfterValidator(_once)]
Helps = Annotated[tuple[Help, ...], Field(max_length=16), AfterValidator(_once)]


class Intake(StoredModel):
    """One request for help. Required: `for_whom`, `needs`, `how_soon`, `country`, `consent.mode`."""

    # Published as `speak` and `answer_by`: the aliases below are the one place where the published names are mapped.
    language: Annotated[LanguageOfPages | None, FACTS, column("language", _form_language)] = None
    """In which the person reads what the service writes. Without it: English."""
    for_whom: Annotated[Literal["self", "relative", "volunteer"], FACTS, CARD, sealed("story")]
    """Who fills this in: the person, somebody close to them, or somebody who helps them."""
    needs: Annotated[Needs, FACTS, column("needs")]
    """What help is needed with: `needs` of `/v1/vocabularies`."""
    how_soon: Annotated[Literal["today", "week", "month", "none", "unknown"], FACTS]
    """By when something has to be done; `today` is today or tomorrow."""
    letter: Letter | None = None
    """A letter that set a deadline."""
    country: Annotated[CountryCode, FACTS, column("country")]
    """Where the person is, ISO 3166-1."""
    region: Annotated[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None, FACTS, CARD] = None
    """Where in that country, ISO 3166-2."""
    languages: Annotated[Languages, FACTS, column("languages", spoken_languages)] = Field(default=(), alias="speak")
    """The languages that the person speaks, BCP 47."""
    other_language: Annotated[Text, Field(max_length=120), sealed("story")] = ""
    """A language that has no code, in own words."""
    story: Annotated[Text, Field(max_length=LONGEST_STORY), sealed("story")] = ""
    """What happened, in own words. Sealed."""
    contact: AnswerBy = Field(default=AnswerBy(), alias="answer_by")
    """How an answer may reach the person."""
    call_me: Annotated[Text, Field(max_length=120), sealed("contact")] = ""
    """What to call the person; any name. Sealed."""
    spoken_word: Annotated[Text, Field(max_length=60), sealed("contact")] = ""
    """A word that a coordinator asks for on the phone."""
    helper: Helper = Helper()
    """Whoever fills this in for the person."""
    consent: Consent
    """Who may read this."""
    nationality: Annotated[CountryCode | None, FACTS] = None
    """Citizenship, ISO 3166-1."""
    status: Annotated[Status | None, FACTS] = None
    """On what basis the person is in the country."""
    groups: Annotated[Groups, FACTS] = ()
    """Whom they belong to, where that decides who can help."""
    helps: Annotated[Helps, FACTS, CARD] = ()
    """What else they need, like an interpreter or large print."""
    happened: Annotated[Codes, sealed("happened", "codes"), COUNTED] = ()
    """What they were persecuted by: `happened` of `/v1/vocabularies`. Sealed; counted if `count_me`."""
    count_me: Annotated[bool, NOT_KEPT] = False
    """true: `happened` may be counted in anonymous statistics."""

    @model_validator(mode="after")
    def _a_language_in_own_words_is_a_code_too(self) -> "Intake":
        """Add the code for a language named in the person's own words: the words are sealed, the card shows the code."""
        if not self.other_language or OTHER_LANGUAGE in self.helps:
            return self
        return self.model_copy(update={"helps": (*self.helps, OTHER_LANGUAGE)})

    def answers(self) -> dict[str, Any]:
        """The intake as JSON answers, under the published names."""
        return self.model_dump(mode="json", by_alias=True)

    def first_asked(self, day: date) -> "Intake":
        """The same intake, whose letter was first asked about on this day, unless it already names an earlier one."""
        if self.letter is None or (self.letter.asked_on is not None and self.letter.asked_on <= day):
            return self
        return self.model_copy(update={"letter": self.letter.model_copy(update={"asked_on": day})})


_FIELD_AT_FAULT: Final[Mapping[str, str]] = {
    "nowhere_to_notify": "notify", "address_required": "address", "not_an_email": "address", "not_a_number": "address",
    "not_a_user_name": "address", "look_alike": "address",
    "allowed_and_excluded": "never", "named_but_ask_first": "organisations",
}  # fmt: skip
"""The field to point to, for a fault that is found by looking at a whole object."""
_LISTS_OF_CODES: Final = frozenset({"needs", "happened", "organisations", "never"})
_MOST_ROUNDS: Final = 4
_SHOWN_FITTING: Final[Mapping[str, Any]] = {
    "for_whom": "self", "needs": ["0"], "how_soon": "none", "country": "ZZ", "consent": {"mode": "ask_first"},
}  # fmt: skip
"""What stands for a required field that does not fit, while the others are checked. ZZ is no country."""


def read(answers: Any, directory: Vocabulary, today: date) -> Intake:
    """Check answers (plain JSON values) against the schema and the directory. Raises Invalid with a pointer for each fault.

    Every fault is named in one round: what does not fit is replaced in a copy, and the rest of it is checked again.
    """
    if not isinstance(answers, dict):
        raise Invalid([FieldError(pointer="", code="not_an_object", detail="Use a JSON object.")])
    errors: dict[str, FieldError] = {}
    intake, fitting = None, answers
    for _round in range(_MOST_ROUNDS):
        try:
            # Strict, and as JSON: a day is a string and a tick is a boolean, never a number or "yes" that pydantic would convert.
            intake = Intake.model_validate_json(json.dumps(fitting), strict=True)
            break
        except ValidationError as error:
            entries = error.errors(include_url=False, include_input=False)
            for entry in entries:
                found = _field_error(entry)
                errors.setdefault(found["pointer"], found)
            fitting = _without_faults(fitting, entries)
    if intake is not None:
        for found in _against(directory, intake, fitting, today):
            if not _is_below(found["pointer"], errors):
                errors[found["pointer"]] = found
    if errors or intake is None:
        raise Invalid([found for found in errors.values() if not _follows(found, errors)])
    return intake


def _follows(fault: FieldError, errors: Iterable[str]) -> bool:
    """Whether a list is too short only because its invalid entries were left out."""
    return fault["code"] == "too_few" and any(pointer.startswith(f"{fault['pointer']}/") for pointer in errors)


def _field_error(entry: Any) -> FieldError:
    found = field_error(entry)
    field = _FIELD_AT_FAULT.get(found["code"])
    return {**found, "pointer": f"{found['pointer']}/{field}"} if field else found


def _without_faults(answers: Mapping[str, Any], entries: Iterable[Any]) -> dict[str, Any]:
    """A copy of the answers in which the values that these errors name are left out, or replaced by valid ones."""
    fitting = copy.deepcopy(dict(answers))
    for entry in entries:
        steps = [step for step in entry["loc"] if not str(step).startswith("function-")]
        field = _FIELD_AT_FAULT.get(entry["type"])
        _leave_out(fitting, [*steps, field] if field else steps)
        if entry["type"] in {"address_required", "not_an_email", "not_a_number", "not_a_user_name", "look_alike"}:
            _leave_out(fitting, [*steps, "channel"])
            _leave_out(fitting, [*steps, "notify"])
    for name, value in _SHOWN_FITTING.items():
        if name not in fitting:
            fitting[name] = copy.deepcopy(value)
    if isinstance(fitting["consent"], dict):
        fitting["consent"].setdefault("mode", "named")
    return fitting


def _leave_out(document: Any, steps: list[Any]) -> None:
    """Take a value out of a document; a code in a list of codes is replaced, so that the others keep their places."""
    outer: list[Any] = []
    for step in steps[:-1]:
        outer.append(document)
        if not isinstance(document, dict):
            return
        document = document.get(step)
    if isinstance(document, dict):
        document.pop(steps[-1], None)
    elif isinstance(document, list) and steps[-2] in _LISTS_OF_CODES:
        document[steps[-1]] = "0"
    elif outer:
        outer[-1].pop(steps[-2], None)


def _is_below(pointer: str, errors: Mapping[str, FieldError]) -> bool:
    """Whether an error is known already for this value or for what it is part of."""
    steps = pointer.split("/")
    return any("/".join(steps[:length]) in errors for length in range(2, len(steps) + 1))


def _against(directory: Vocabulary, intake: Intake, answers: Mapping[str, Any], today: date) -> list[FieldError]:
    """Checks that need the directory or the calendar.

    `answers`: the JSON that the intake was read from, with each entry in its place.
    """
    errors: list[FieldError] = []

    def wrong(pointer: str, code: str, detail: str) -> None:
        errors.append(FieldError(pointer=pointer, code=code, detail=detail))

    for index, need in enumerate(answers["needs"]):
        if directory.need(need) is None:
            wrong(f"/needs/{index}", "unknown_code", f"One of: {', '.join(one.id for one in directory.needs)}.")
    codes = {entry.code for entry in directory.persecution}
    for index, code in enumerate(answers.get("happened", ())):
        if code not in codes:
            wrong(f"/happened/{index}", "unknown_code", "One of `happened` of /v1/vocabularies.")
    for name in ("organisations", "never"):
        for index, slug in enumerate(answers["consent"].get(name, ())):
            organisation = directory.organisation(slug)
            if organisation is None or (name == "organisations" and organisation.kind == "authority"):
                wrong(f"/consent/{name}/{index}", "unknown_code", "One of `x_slug` of /hsds/3.1/organizations.")
    if not directory.has_country(intake.country):
        known = ", ".join(country.code for country in directory.places)
        wrong("/country", "unknown_code", f"One of: {known}.")
        return errors
    if intake.region is not None and intake.region not in directory.country(intake.country).regions:
        wrong("/region", "not_in_country", "Not an ISO 3166-2 region of this country.")
    if intake.letter is not None:
        _check_letter(directory, intake.country, intake.letter, today, wrong)
    return errors


def _check_letter(directory: Vocabulary, country: str, letter: Letter, today: date, wrong: Any) -> None:
    if letter.kind not in {None, "unknown"} and directory.deadline(country, str(letter.kind)) is None:
        kinds = ", ".join(dict.fromkeys(rule.event for rule in directory.deadlines(country) if rule.letter_kind))
        wrong("/letter/kind", "unknown_code", f"In this country one of: {kinds}, unknown.")
    for name in ("received_on", "earlier_on", "asked_on"):
        day = getattr(letter, name)
        if day is None:
            continue
        if day > today + timedelta(days=1):  # it may be tomorrow already where the person is
            wrong(f"/letter/{name}", "in_the_future", "This day is still to come.")
        elif day < today - OLDEST_LETTER:
            wrong(f"/letter/{name}", "too_long_ago", "This day is too long ago.")
