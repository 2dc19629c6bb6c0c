"""The one schema of an intake: the step-by-step form, the one-page form and `POST /v1/intakes` all become an `Intake`.

Five fields are required. Every field says in its annotation where it is kept (`app.intake.storage`). Errors name the field by
JSON pointer and say what would fit; they never repeat what was typed.
"""

import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Final, Literal, Protocol

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, Field, StringConstraints, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from app.core import identifiers
from app.core.errors import FieldError, Invalid
from app.core.i18n import LANGUAGES
from app.intake.storage import CARD, COUNTED, FACTS, NOT_KEPT, NOTICE, StoredModel, column, sealed
from app.intake.vocabulary import GROUPS, HELPS, MOST_NEEDS, OTHER_LANGUAGE, STATUSES

LONGEST_STORY: Final = 20_000
OLDEST_LETTER: Final = timedelta(days=5 * 366)
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def _clean(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control_characters", "This contains characters that cannot be stored.")
    return value.strip()


def _once(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _one_of(codes: Mapping[str, str]) -> AfterValidator:
    def check(value: str) -> str:
        if value not in codes:
            raise PydanticCustomError("unknown_code", "Not a code of the list.")
        return value

    return AfterValidator(check)


Text = Annotated[str, AfterValidator(_clean)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Codes = Annotated[tuple[Slug, ...], Field(max_length=64), AfterValidator(_once)]
Language = Annotated[str, StringConstraints(pattern=r"^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$")]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class Vocabulary(Protocol):
    """The directory codes that an intake may name. `app.directory.catalogue.Directory` implements it."""

    @property
    def places(self) -> tuple[Any, ...]: ...
    @property
    def persecution(self) -> tuple[Any, ...]: ...
    def has_country(self, code: str) -> bool: ...
    def country(self, code: str) -> Any: ...
    def need(self, slug: str) -> Any: ...
    def organisation(self, slug: str) -> Any: ...
    def deadline(self, country: str, event: str) -> Any: ...


def spoken_languages(answers: Mapping[str, Any]) -> list[str]:
    """Primary language subtags that the person speaks, from answers as JSON; without an answer, the language of the form."""
    spoken = dict.fromkeys(code.split("-")[0].lower() for code in answers.get("speak") or ())
    return list(spoken) or [code for code in (answers.get("language"),) if code]


def _form_language(answers: Mapping[str, Any]) -> str:
    return answers.get("language") or "en"


class Letter(StoredModel):
    """A letter with a time limit: its kind (an event of the country's deadlines, or "unknown") and the day it arrived.

    `received_on`: when it was handed over. `earlier_on`: an earlier day that the envelope, a notice left or the electronic
    mailbox shows; the earliest day counts. `asked_on`: when this was first asked; by default the day of filing. If no
    other day is known the count starts there, and stays there.
    """

    kind: Annotated[Slug | None, FACTS] = None
    received_on: Annotated[date | None, FACTS] = None
    earlier_on: Annotated[date | None, FACTS] = None
    asked_on: Annotated[date | None, FACTS] = None


class AnswerBy(StoredModel):
    """How an answer may reach the person. By default they come back with their number, and nobody writes to them.

    `notify`: this one address is also stored for the service itself, so that it can send a notice in the `good_hours`.
    """

    channel: Annotated[
        Literal["number", "signal", "whatsapp", "telegram", "email", "phone"], sealed("contact"), NOTICE
    ] = "number"
    address: Annotated[Text, Field(max_length=320), sealed("contact"), NOTICE] = ""
    notify: Annotated[bool, sealed("contact")] = False
    may_say_who: Annotated[bool, sealed("contact"), NOTICE] = False
    may_leave_message: Annotated[bool, sealed("contact"), NOTICE] = False
    good_times: Annotated[Text, Field(max_length=200), sealed("contact"), NOTICE] = ""
    good_hours: Annotated[
        tuple[Literal["morning", "day", "evening", "weekend"], ...], Field(max_length=4), sealed("contact"), NOTICE
    ] = ()

    @model_validator(mode="after")
    def _an_address_where_one_is_needed(self) -> "AnswerBy":
        if self.channel == "number" and self.notify:
            raise PydanticCustomError("nowhere_to_notify", "A notification needs an address.")
        if self.channel != "number" and not self.address:
            raise PydanticCustomError("address_required", "This channel needs an address or a number.")
        if self.channel == "email":
            try:
                validate_email(self.address, check_deliverability=False)
            except EmailNotValidError:
                raise PydanticCustomError("not_an_email", "This is not an e-mail address.") from None
        digits = [c for c in self.address if c.isdigit()]
        if (
            self.channel in {"signal", "whatsapp", "phone"}
            and (len(digits) < 6 or len(set(digits)) == 1)
            and (self.channel != "signal" or "." not in self.address)
        ):
            raise PydanticCustomError("not_a_number", "This is not a phone number.")
        if self.channel == "telegram" and identifiers.handle(self.address) is None:
            raise PydanticCustomError("address_required", "This channel needs an address or a number.")
        return self


class Helper(StoredModel):
    """How to reach whoever fills the form in for the person, if the person cannot be reached. `good_times`: their rules."""

    address: Annotated[Text, Field(max_length=320), sealed("contact")] = ""
    good_times: Annotated[Text, Field(max_length=200), sealed("contact")] = ""


class Consent(StoredModel):
    """Who may read the case. `named` without organisations asks for each one first, like `ask_first`."""

    mode: Annotated[Literal["named", "ask_first"], FACTS]
    organisations: Annotated[Codes, FACTS] = ()
    never: Annotated[Codes, FACTS] = ()

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
Groups = Annotated[tuple[Annotated[str, _one_of(GROUPS)], ...], Field(max_length=16), AfterValidator(_once)]
Helps = Annotated[tuple[Annotated[str, _one_of(HELPS)], ...], Field(max_length=16), AfterValidator(_once)]


class Intake(StoredModel):
    """One request for help. Required: `for_whom`, `needs`, `how_soon`, `country`, `consent.mode`."""

    # Published as `speak` and `answer_by`: the aliases below are the one place where the published names are mapped.
    language: Annotated[LanguageOfPages | None, FACTS, column("language", _form_language)] = None
    for_whom: Annotated[Literal["self", "relative", "volunteer"], FACTS, CARD, sealed("story")]
    needs: Annotated[Needs, FACTS, column("needs")]
    how_soon: Annotated[Literal["today", "week", "month", "none", "unknown"], FACTS]
    letter: Letter | None = None
    country: Annotated[CountryCode, FACTS, column("country")]
    region: Annotated[Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}-[A-Z0-9]{1,3}$")] | None, FACTS, CARD] = None
    languages: Annotated[Languages, FACTS, column("languages", spoken_languages)] = Field(default=(), alias="speak")
    other_language: Annotated[Text, Field(max_length=120), sealed("story")] = ""
    story: Annotated[Text, Field(max_length=LONGEST_STORY), sealed("story")] = ""
    contact: AnswerBy = Field(default=AnswerBy(), alias="answer_by")
    call_me: Annotated[Text, Field(max_length=120), sealed("contact")] = ""
    spoken_word: Annotated[Text, Field(max_length=60), sealed("contact")] = ""
    helper: Helper = Helper()
    consent: Consent
    nationality: Annotated[CountryCode | None, FACTS] = None
    status: Annotated[Annotated[str, _one_of(STATUSES)] | None, FACTS] = None
    groups: Annotated[Groups, FACTS] = ()
    helps: Annotated[Helps, FACTS, CARD] = ()
    happened: Annotated[Codes, sealed("happened", "codes"), COUNTED] = ()
    count_me: Annotated[bool, NOT_KEPT] = False

    @model_validator(mode="after")
    def _a_language_in_own_words_is_a_code_too(self) -> "Intake":
        """A centre reads of a language in own words only that there is one: the words are sealed, the code is on its card."""
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


_DETAILS: Final[Mapping[str, str]] = {
    "missing": "This is required.",
    "extra_forbidden": "There is no such field.",
    "string_too_long": "This is too long.",
    "too_long": "This has too many entries.",
    "too_short": "Choose at least one.",
    "string_pattern_mismatch": "This does not have the right format.",
    "date_from_datetime_parsing": "Write the day as YYYY-MM-DD.",
    "date_parsing": "Write the day as YYYY-MM-DD.",
    "date_type": "Write the day as YYYY-MM-DD.",
    "bool_type": "Use true or false.",
    "string_type": "Use a string.",
}


def read(answers: Any, directory: Vocabulary, today: date) -> Intake:
    """Check answers (plain JSON values) against the schema and the directory. Raises Invalid with a pointer for each fault."""
    if not isinstance(answers, dict):
        raise Invalid([FieldError(pointer="", code="object_expected", detail="An object is expected.")])
    try:
        # Strict, and as JSON: a day is a string and a tick is a boolean, never a number or "yes" that pydantic would convert.
        intake = Intake.model_validate_json(json.dumps(answers), strict=True)
    except ValidationError as error:
        raise Invalid([_field_error(entry) for entry in error.errors(include_url=False, include_input=False)]) from None
    errors = _against(directory, intake, today)
    if errors:
        raise Invalid(errors)
    return intake


def _field_error(entry: Any) -> FieldError:
    code = entry["type"]
    custom = code in {
        "control_characters", "unknown_code", "address_required", "nowhere_to_notify", "not_an_email", "not_a_number",
        "allowed_and_excluded", "named_but_ask_first",
    }  # fmt: skip
    detail = entry["msg"] if custom else _DETAILS.get(code, "This value is not valid.")
    if code == "literal_error":
        detail = f"One of: {_allowed(entry['ctx']['expected'])}."
    pointer = "".join("/" + _pointer_step(step) for step in entry["loc"] if not str(step).startswith("function-"))
    if code == "extra_forbidden":  # the name of an unknown field was typed by somebody
        pointer = pointer.rpartition("/")[0]
    return FieldError(pointer=pointer, code=code, detail=detail)


def _allowed(expected: str) -> str:
    """The values that pydantic names as `'a', 'b' or 'c'`, separated by commas."""
    return ", ".join(re.findall(r"'([^']*)'", expected))


def _pointer_step(step: object) -> str:
    return str(step).replace("~", "~0").replace("/", "~1")


def _against(directory: Vocabulary, intake: Intake, today: date) -> list[FieldError]:
    """Checks that need the directory or the calendar."""
    errors: list[FieldError] = []

    def wrong(pointer: str, code: str, detail: str) -> None:
        errors.append(FieldError(pointer=pointer, code=code, detail=detail))

    if not directory.has_country(intake.country):
        known = ", ".join(country.code for country in directory.places)
        wrong("/country", "unknown_code", f"One of: {known}.")
        return errors
    for index, need in enumerate(intake.needs):
        if directory.need(need) is None:
            wrong(f"/needs/{index}", "unknown_code", "Not a need of the list.")
    if intake.region is not None and intake.region not in directory.country(intake.country).regions:
        wrong("/region", "not_in_country", "Not an ISO 3166-2 region of this country.")
    codes = {entry.code for entry in directory.persecution}
    for index, code in enumerate(intake.happened):
        if code not in codes:
            wrong(f"/happened/{index}", "unknown_code", "Not a code of the list.")
    for name in ("organisations", "never"):
        for index, slug in enumerate(getattr(intake.consent, name)):
            organisation = directory.organisation(slug)
            if organisation is None or (name == "organisations" and organisation.kind == "authority"):
                wrong(f"/consent/{name}/{index}", "unknown_code", "Not an organisation that takes cases.")
    if intake.letter is not None:
        _check_letter(directory, intake.country, intake.letter, today, wrong)
    return errors


def _check_letter(directory: Vocabulary, country: str, letter: Letter, today: date, wrong: Any) -> None:
    if letter.kind not in {None, "unknown"} and directory.deadline(country, str(letter.kind)) is None:
        wrong("/letter/kind", "unknown_code", "Not a kind of letter of this country; use unknown.")
    for name in ("received_on", "earlier_on", "asked_on"):
        day = getattr(letter, name)
        if day is None:
            continue
        if day > today + timedelta(days=1):  # it may be tomorrow already where the person is
            wrong(f"/letter/{name}", "in_the_future", "This day is still to come.")
        elif day < today - OLDEST_LETTER:
            wrong(f"/letter/{name}", "too_long_ago", "This day is too long ago.")
