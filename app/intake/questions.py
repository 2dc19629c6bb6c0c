"""The questions of the form, in order. One list drives the steps, the one-page form, the paper form and the check page.

Each question answers one field of the schema (`app.intake.schemas`). A question without a field, and a field without a
question, fail when this module is imported.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from app.intake import storage
from app.intake.schemas import Intake
from app.intake.storage import StoredField


def N_(message: str) -> str:
    return message


class FieldKind(StrEnum):
    RADIO = "radio"
    CHECKS = "checks"
    SELECT = "select"
    TEXT = "text"
    AREA = "area"
    DAY = "day"
    TICK = "tick"


@dataclass(frozen=True, slots=True)
class Question:
    """One question of the form.

    Args:
        name: the name of the form field.
        options: the vocabulary to choose from.
        folded: the summary line that the question is collapsed behind; "" for a question that is always shown.
        guide: further hints, collapsed, from the country's pack: "service_rules".
        of: the question whose answer this one completes, such as the day of a letter.
        for_helper: asked only of somebody who fills the form in for another.
        default: the answer that is selected at first.
        why: why we ask, where the hint does not say it. Worded impersonally, so that it fits a helper too.
        field: the field of the schema as a dotted path of published names; "" if it has the question's name.
    """

    name: str
    kind: FieldKind
    label: str
    hint: str = ""
    options: str = ""
    required: bool = False
    folded: str = ""
    guide: str = ""
    of: str = ""
    for_helper: bool = False
    default: str = ""
    why: str = ""
    field: str = ""

    @property
    def stored(self) -> StoredField:
        """The field of the schema. Raises KeyError: there is none of this name."""
        return _FIELDS[self.field or self.name]

    @property
    def longest(self) -> int:
        """The most characters that the schema allows in a text; 0 for other kinds."""
        return self.stored.longest if self.kind in {FieldKind.TEXT, FieldKind.AREA} else 0


@dataclass(frozen=True, slots=True)
class Step:
    slug: str
    title: str
    questions: tuple[Question, ...]


_HELPER: Final = N_("I am filling this in for someone else")
_MORE_HAPPENED: Final = N_("I want to say more about what happened")
FORM_LANGUAGE: Final = "form language"
"""A default: the language of the form, which is also what counts as spoken where nothing is chosen."""
STEPS: Final = (
    Step("1", N_("Who needs help?"), (
        Question("for_whom", FieldKind.RADIO, N_("Who is this request for?"), options="for_whom", required=True, why=N_("The next questions are then worded for you, or about the person you help.")),
    )),
    Step("2", N_("What do you need help with?"), (
        Question("needs", FieldKind.CHECKS, N_("What do you need help with?"), N_("Choose all that apply."), options="needs", required=True, why=N_("Each centre helps with certain things. We look for a centre for each thing that is chosen here.")),
    )),
    Step("3", N_("Where are you?"), (
        Question("country", FieldKind.RADIO, N_("Which country are you in now?"), options="countries", required=True, why=N_("Laws, deadlines and centres are different in each country.")),
        Question("status", FieldKind.SELECT, N_("What is your immigration status in that country?"), N_("You can skip this."), options="statuses", why=N_("Rights depend on it, and some centres help only people with a certain status.")),
        Question("nationality", FieldKind.SELECT, N_("What is your citizenship?"), N_("Some centres help only citizens of certain countries. You can skip this."), options="nationalities"),
    )),
    Step("4", N_("How urgent is it?"), (
        Question("how_soon", FieldKind.RADIO, N_("When do you need help by?"), options="how_soon", required=True),
        Question("letter_kind", FieldKind.SELECT, N_("Have you had a letter or decision from the authorities? What is it about?"), N_("Look at the heading of the letter. If you are not sure, choose “I do not know”."), options="letters", field="letter.kind"),
        Question("letter_received_on", FieldKind.DAY, N_("What date did you receive the letter?"), N_("For example 24 11 2026. If the envelope or a delivery note shows an earlier date, use that one. We use it to work out your deadline."), guide="service_rules", of="letter_kind", field="letter.received_on"),
        Question("letter_earlier_on", FieldKind.DAY, N_("Is there an earlier date on the envelope, on a delivery note or in your electronic mailbox?"), N_("If there are several, give the earliest. We count from the earlier day."), folded=N_("There is an earlier date: on the envelope, on a note or online"), of="letter_kind", field="letter.earlier_on"),
        Question("region", FieldKind.SELECT, N_("Which region?"), N_("Some centres work only in one region. You can skip this."), options="regions", of="country"),
    )),
    Step("5", N_("Languages and support you need"), (
        Question("speak", FieldKind.CHECKS, N_("Which languages do you speak?"), options="languages", default=FORM_LANGUAGE, why=N_("We prefer centres that speak one of these languages.")),
        Question("other_language", FieldKind.TEXT, N_("Another language, in your own words"), N_("You can skip this."), of="speak"),
        Question("helps", FieldKind.CHECKS, N_("Is there anything else we should know?"), N_("You can skip this."), options="helps", why=N_("A centre can then prepare, for example find an interpreter or a woman lawyer.")),
        Question("groups", FieldKind.CHECKS, N_("Do any of these apply to you?"), N_("Some centres help only certain groups of people. You can skip this."), options="groups"),
    )),
    Step("6", N_("In your own words"), (
        Question("story", FieldKind.AREA, N_("What happened? What are you afraid of?"), N_("A few sentences are enough. You can skip this. Please do not name other people."), why=N_("A coordinator and a centre then understand sooner what is urgent. It need not be everything.")),
        Question("call_me", FieldKind.TEXT, N_("What should we call you?"), N_("You can use any name. It does not have to be your real one.")),
        Question("happened", FieldKind.CHECKS, N_("Have any of these happened to you?"), N_("The coordinators for your country and the lawyer who takes your case can read this."), options="happened", folded=_MORE_HAPPENED),
        Question("count_me", FieldKind.TICK, N_("I agree that this can be counted in anonymous statistics"), folded=_MORE_HAPPENED, of="happened"),
    )),
    Step("7", N_("How can we reply to you?"), (
        Question("channel", FieldKind.RADIO, N_("How can we reply to you?"), N_("The safest way is to come back here with your number. Then nobody will write to you."), options="channels", required=True, default="number", field="answer_by.channel", why=N_("Phones and mailboxes are sometimes read by others. The way that is chosen here should be safe.")),
        Question("address", FieldKind.TEXT, N_("Phone number, user name or e-mail address"), N_("You do not need this if you come back with your number."), of="channel", field="answer_by.address"),
        Question("notify", FieldKind.TICK, N_("Notify me at this address when there is news"), N_("We will write only “There is something new for you”, unless you let us say who we are. We write by e-mail or Signal only if you also allow us to leave you a message. What our system cannot send, a coordinator sends. To do this, we must store your address in a form that our system can read. Signal sees that we wrote to you and when, but not what. The safest choice is not to tick this."), of="channel", field="answer_by.notify"),
        Question("may_say_who", FieldKind.TICK, N_("You can say who you are when you contact me"), of="channel", field="answer_by.may_say_who"),
        Question("may_leave_message", FieldKind.TICK, N_("You can leave me a message (voicemail, e-mail or messenger)"), of="channel", field="answer_by.may_leave_message"),
        Question("good_hours", FieldKind.CHECKS, N_("At what times of day can we write to you?"), N_("You can skip this."), options="good_hours", of="channel", field="answer_by.good_hours"),
        Question("good_times", FieldKind.TEXT, N_("When is it safe to contact you?"), N_("You can skip this."), of="channel", field="answer_by.good_times"),
        Question("helper_address", FieldKind.TEXT, N_("How can we reach you, if we cannot reach the person?"), N_("You can skip this. A phone number, a user name or an e-mail address that is safe for you."), folded=_HELPER, of="channel", for_helper=True, field="helper.address"),
        Question("helper_times", FieldKind.TEXT, N_("What should we know before we contact you?"), N_("For example: only in the evening, do not say who you are. You can skip this."), folded=_HELPER, of="channel", for_helper=True, field="helper.good_times"),
        Question("spoken_word", FieldKind.TEXT, N_("A word by which we recognise you on the phone"), N_("You can skip this. Before anything is said, a coordinator asks for this word. Choose one that nobody can guess."), of="channel"),
    )),
)  # fmt: skip
CONSENT: Final = "consent"
"""The last question, who may read the request, is asked on the check page, next to the centres."""
QUESTIONS: Final = {question.name: question for step in STEPS for question in step.questions}
SLUGS: Final = tuple(step.slug for step in STEPS)
ELSEWHERE: Final = {
    "language": "the language of the page",
    "letter.asked_on": "the day on which the form was begun",
    "consent.mode": "the page to check",
    "consent.organisations": "the page to check",
    "consent.never": "the page to check",
}
"""Fields that are answered without a question of the form, and by what."""
API_ONLY: Final[frozenset[str]] = frozenset()
"""Fields that only callers of `POST /v1/intakes` can fill."""


class Unmapped(Exception):
    """A question without a field of the schema, or a field of the schema without a question."""


def check(asked: Iterable[Question], schema: type[Intake]) -> None:
    """Raises Unmapped, with the file to change."""
    fields = [str(field) for field in storage.fields_of(schema)]
    answered = [question.field or question.name for question in asked] + [*ELSEWHERE, *API_ONLY]
    for name in sorted({*answered} - {*fields}):
        raise Unmapped(f"app/intake/questions.py: {name} is asked, but is no field of Intake (app/intake/schemas.py).")
    for name in fields:
        if name not in answered:
            raise Unmapped(
                f"app/intake/schemas.py: no question asks for {name}. Add one to STEPS in app/intake/questions.py, "
                "or name the field in API_ONLY there."
            )
        if answered.count(name) > 1:
            raise Unmapped(f"app/intake/questions.py: {name} is asked {answered.count(name)} times.")


_FIELDS: Final = {str(field): field for field in storage.fields_of(Intake)}
check(QUESTIONS.values(), Intake)
_LISTS: Final = frozenset(name for name, question in QUESTIONS.items() if question.kind is FieldKind.CHECKS)
_TICKS: Final = frozenset(name for name, question in QUESTIONS.items() if question.kind is FieldKind.TICK)
assert {question.of for question in QUESTIONS.values() if question.of} <= QUESTIONS.keys()
FormFields = dict[str, list[str]]
"""A submitted form: the values of each field in the order in which they were sent."""


def to_answers(form: FormFields, language: str) -> dict[str, Any]:
    """Convert the fields of a form to the JSON answers that `schemas.read` validates. Empty fields are omitted."""
    read: dict[str, Any] = {"language": language}
    is_for_self = (form.get("for_whom") or [""])[-1] == "self"
    for name, question in QUESTIONS.items():
        if question.for_helper and is_for_self:
            continue
        value = _value(name, form.get(name, []))
        if value not in (None, "", []):
            question.stored.put(read, value)
    allowed = [
        key.removeprefix("c_") for key, values in form.items() if key.startswith("c_") and values[-1:] == ["allow"]
    ]
    never = [
        key.removeprefix("c_") for key, values in form.items() if key.startswith("c_") and values[-1:] == ["never"]
    ]
    read["consent"] = {"mode": "named" if allowed else "ask_first", "organisations": allowed, "never": never}
    return read


def to_form(answers: Mapping[str, Any]) -> FormFields:
    """The inverse of `to_answers`: JSON answers as a form would send them."""
    form: FormFields = {}
    for name, question in QUESTIONS.items():
        value = question.stored.value(answers)
        if name == "letter_kind" and value and value != "unknown":
            value = f"{answers['country']}.{value}"
        if value in (None, "", (), [], False):
            continue
        form[name] = list(value) if name in _LISTS else ["yes" if value is True else str(value)]
    consent = answers.get(CONSENT) or {}
    for choice, slugs in (("allow", consent.get("organisations")), ("never", consent.get("never"))):
        form.update({f"c_{slug}": [choice] for slug in slugs or ()})
    return form


def _value(name: str, values: list[str]) -> Any:
    if name in _LISTS:
        return [value for value in values if value]
    last = values[-1].strip() if values else ""
    if QUESTIONS[name].kind is FieldKind.TEXT:  # pasted from a document, perhaps: one line stays one line
        last = " ".join(last.split())
    if name in _TICKS:
        return bool(last)
    if name == "letter_kind" and "." in last:
        return last.split(".", 1)[1]
    return last


def question_of(pointer: str) -> str:
    """The form field that a JSON pointer of an error belongs to; "consent" for the centres, "" for none."""
    steps = pointer.strip("/").split("/")
    for name, question in QUESTIONS.items():
        path = question.stored.path
        if tuple(steps[: len(path)]) == path:
            return name
    if steps[0] == "answer_by":
        return "address"
    if steps[0] == "letter":
        return "letter_received_on"
    return CONSENT if steps[0] == CONSENT else ""


def step_of(name: str) -> Step:
    """The step that asks this question."""
    return next(step for step in STEPS if any(question.name == name for question in step.questions))
