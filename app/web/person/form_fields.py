"""Questions as form fields: options in the reader's language, typed values and error messages."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final

from app.core.errors import FieldError
from app.core.i18n import LANGUAGES, N_
from app.directory.catalogue import ACROSS
from app.directory.packs import Deadline, Directory
from app.intake import questions
from app.intake.questions import FieldKind, FormFields, Question, Step
from app.intake.vocabulary import CHANNELS, FOR_WHOM, GOOD_HOURS, GROUPS, HELPS, HOW_SOON, NEED_KINDS, PHASES, STATUSES
from app.intake.wording import asked, is_for_another
from app.matching.code_names import CodeNames
from app.web.components import date_fields
from app.web.components.date_fields import Boxes
from app.web.person import draft_answers

SPOKEN: Final = tuple(dict.fromkeys((*LANGUAGES, "ce", "tt", "az", "hy", "kk", "fr")))
NATIONALITIES: Final = ("RU", "BY", "UA", "GE", "AM", "AZ", "KZ", "KG", "TJ", "TM", "UZ", "MD")
_MESSAGES: Final[Mapping[str, str]] = {
    "required": N_("Please answer this question."),
    "too_few": N_("Please choose at least one answer."),
    "too_many": N_("This is too long. Please shorten it."),
    "too_long": N_("This is too long. Please shorten it."),
    "address_required": N_("Please tell us where we can reach you, or choose to come back with your number."),
    "nowhere_to_notify": N_("To be notified, choose another way for us to reach you, such as e-mail."),
    "not_an_email": N_("This does not look like an e-mail address."),
    "not_a_number": N_("This does not look like a phone number."),
    "not_a_user_name": N_("This does not look like a user name."),
    "in_the_future": N_("This date is in the future. Please check it."),
    "too_long_ago": N_("This date is a very long time ago. Please check it."),
    "not_in_country": N_("This region is in another country. Please choose again."),
    "control_characters": N_("This text contains characters that we cannot store. Please type it again."),
}
_LOOK_ALIKE: Final = N_("Letters of two alphabets are mixed here. Did you mean {address}?")
_FIELD_TO_CORRECT: Final = {"nowhere_to_notify": "channel"}
_ELSEWHERE: Final[Mapping[str, str]] = {
    questions.QUESTIONS["region"].label: N_("Which country is that?"),
    questions.QUESTIONS["region"].hint: N_("You can skip this. It is encrypted before we store it."),
}
"""The question for the region, where the regions are countries."""
_CHOOSE: Final = N_("Please choose one of the answers.")


@dataclass(frozen=True, slots=True)
class Option:
    value: str
    label: str
    chosen: bool


@dataclass(frozen=True, slots=True)
class OptionGroup:
    """Options under a heading; "" for none."""

    label: str
    options: tuple[Option, ...]


@dataclass(frozen=True, slots=True)
class FormField:
    """A question with its input. `value`: the text, or a date in words; `boxes`: the content of the boxes of a date.

    `fold_groups`: each heading with its options is behind a line of its own. `meant`: the address that was probably meant.
    """

    name: str
    kind: str
    label: str
    hint: str
    required: bool
    folded: str
    longest: int
    groups: tuple[OptionGroup, ...]
    value: str
    error: str
    boxes: Boxes
    guide: tuple[str, ...] = ()
    fold_groups: bool = False
    why: str = ""
    meant: str = ""

    @property
    def chosen(self) -> list[str]:
        return [option.label for group in self.groups for option in group.options if option.chosen]


def fields(
    question_list: Iterable[Question],
    answers: FormFields,
    errors: Mapping[str, str],
    code_names: CodeNames,
    directory: Directory,
    *,
    on_one_page: bool = False,
) -> list[FormField]:
    """The questions for whoever fills in this form, each worded for them.

    `on_one_page`: the country is asked on the same page, so that regions of all countries are offered; in steps, only those of
    the chosen country. Without a chosen country a step names kinds of letters without their headings.
    """
    is_known = bool(answers.get("for_whom"))
    has_country = on_one_page or directory.has_country(answers.get("country", [""])[-1])
    return [
        _field(question, answers, errors.get(question.name, ""), code_names, directory, with_headings=has_country)
        for question in question_list
        if (not question.for_helper or not is_known or is_for_another(answers))
        and (question.options != "regions" or has_country)
    ]


def worded(step: Step, answers: FormFields) -> Step:
    """The step, with its title worded for whoever fills in this form."""
    return replace(step, title=asked(step.title, answers))


def _field(
    question: Question,
    answers: FormFields,
    error: str,
    code_names: CodeNames,
    directory: Directory,
    *,
    with_headings: bool,
) -> FormField:
    is_elsewhere = answers.get("country", [""])[-1] == ACROSS

    def text(message: str) -> str:
        return code_names.text(asked(_ELSEWHERE.get(message, message) if is_elsewhere else message, answers))

    default = code_names.translator.language if question.default == questions.FORM_LANGUAGE else question.default
    values = answers.get(question.name, [default] if default else [])
    groups = tuple(
        OptionGroup(label, tuple(Option(value, name, value in values) for value, name in options))
        for label, options in _options(question.options, answers, code_names, directory, with_headings=with_headings)
        if options
    )
    value, boxes = values[-1] if values and question.kind is not FieldKind.CHECKS else "", Boxes()
    if question.kind is FieldKind.DAY:
        value, boxes = _day(date_fields.typed(answers, question.name), code_names)
    return FormField(
        question.name,
        question.kind.value,
        text(question.label),
        text(question.hint),
        question.required,
        "" if question.for_helper and is_for_another(answers) else text(question.folded),
        question.longest,
        groups,
        value,
        error,
        boxes,
        guide=_guide(question, answers, code_names, directory),
        fold_groups=question.options == "needs",
        why=code_names.text(question.why),
        meant=(draft_answers.meant_address(answers) or "") if error and question.name == "address" else "",
    )


def _guide(question: Question, answers: FormFields, code_names: CodeNames, directory: Directory) -> tuple[str, ...]:
    """Hints for the chosen country: where to find the date; none while no country is chosen."""
    country = answers.get("country", [""])[-1]
    rules = directory.service_rules(country) if question.guide else ()
    return tuple(code_names.text(asked(rule.look_at, answers)) for rule in rules)


def _day(typed: Boxes, code_names: CodeNames) -> tuple[str, Boxes]:
    """A date in words and in its boxes; one that could not be read is in the boxes alone, as it was typed."""
    try:
        day = date.fromisoformat(typed.day)
    except ValueError:
        return "", typed
    return code_names.translator.weekday_date(day), date_fields.of_day(day)


Options = Sequence[tuple[str, str]]


def _options(
    vocabulary: str, answers: FormFields, code_names: CodeNames, directory: Directory, *, with_headings: bool
) -> Iterable[tuple[str, Options]]:
    """Headed lists of (value, label). `with_headings`: a kind of letter with the heading that such a letter has."""
    translator = code_names.translator
    if vocabulary in _PLAIN:
        yield "", [(code, code_names.text(asked(label, answers))) for code, label in _PLAIN[vocabulary].items()]
    elif vocabulary == "needs":
        for kind, heading in NEED_KINDS.items():
            needs = [
                (need.id, code_names.text(asked(need.label, answers))) for need in directory.needs if need.kind == kind
            ]
            yield code_names.text(heading) if len(needs) > 1 else "", needs
    elif vocabulary == "countries":
        yield "", [(country.code, translator.country_name(country.code)) for country in directory.places]
    elif vocabulary == "languages":
        yield "", [(code, translator.language_name(code)) for code in SPOKEN]
    elif vocabulary == "nationalities":
        yield "", [(code, translator.country_name(code)) for code in NATIONALITIES]
    elif vocabulary == "regions":
        for country in _countries(answers, directory):
            names = [(code, code_names.region(code)) for code in country.regions]
            yield translator.country_name(country.code), sorted(names, key=lambda pair: pair[1])
    elif vocabulary == "letters":
        yield "", [("unknown", code_names.text(N_("I do not know")))]
        for country in _countries(answers, directory):
            rows = [row for row in directory.deadlines(country.code) if row.letter_kind]
            yield (
                translator.country_name(country.code),
                [
                    (
                        f"{country.code}.{row.event}",
                        _kind_of_letter(row, answers, code_names, with_heading=with_headings),
                    )
                    for row in rows
                ],
            )
    elif vocabulary == "happened":
        for phase, label in PHASES.items():
            entries = [entry for entry in directory.persecution if entry.phase == phase]
            yield (
                code_names.text(label),
                [(entry.code, code_names.text(asked(entry.label, answers))) for entry in entries],
            )


def _kind_of_letter(row: Deadline, answers: FormFields, code_names: CodeNames, *, with_heading: bool) -> str:
    """The kind of a letter with its own heading, in the language of the country: what it looks like."""
    kind = code_names.text(asked(row.label or "", answers))
    if not with_heading or not row.heading or row.heading.casefold() == kind.casefold():
        return kind
    return code_names.text(N_("{kind}. Looks like: {heading}"), kind=kind, heading=row.heading)


_PLAIN: Final = {
    "for_whom": FOR_WHOM,
    "how_soon": HOW_SOON,
    "statuses": STATUSES,
    "groups": GROUPS,
    "helps": HELPS,
    "channels": CHANNELS,
    "good_hours": GOOD_HOURS,
}
_COMPUTED: Final = frozenset({"needs", "countries", "languages", "nationalities", "regions", "letters", "happened"})
_UNKNOWN: Final = sorted(
    {question.options for question in questions.QUESTIONS.values()} - _PLAIN.keys() - _COMPUTED - {""}
)
if _UNKNOWN:
    raise ValueError(
        f"app/web/person/form_fields.py: there are no options {_UNKNOWN}, which app/intake/questions.py names."
    )


def _countries(answers: FormFields, directory: Directory) -> list:  # type: ignore[type-arg]
    """The chosen country, or all countries while none is chosen."""
    chosen_code = answers.get("country", [""])[-1]
    return [country for country in directory.places if country.code == chosen_code] or list(directory.places)


def in_words(field_errors: Sequence[FieldError], code_names: CodeNames, answers: FormFields) -> dict[str, str]:
    """The first error of each field, by field name in the order of the questions, in the reader's language."""
    errors: dict[str, str] = {}
    for entry in field_errors:
        name = _FIELD_TO_CORRECT.get(entry["code"]) or questions.question_of(entry["pointer"])
        if entry["code"] in date_fields.MESSAGES:  # in words already, because they name the day
            errors.setdefault(name, entry["detail"])
        elif entry["code"] == "look_alike":
            errors.setdefault(name, code_names.text(_LOOK_ALIKE, address=draft_answers.meant_address(answers) or ""))
        else:
            errors.setdefault(name, code_names.text(asked(_MESSAGES.get(entry["code"], _CHOOSE), answers)))
    order = [*questions.QUESTIONS]
    return dict(sorted(errors.items(), key=lambda pair: order.index(pair[0]) if pair[0] in order else len(order)))
