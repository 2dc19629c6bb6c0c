"""Emergency numbers, shown from the step after the answer that signals urgency. The form continues."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.core.errors import Invalid
from app.directory.packs import Contact, Directory
from app.intake import questions, schemas
from app.intake.questions import STEPS, FormFields
from app.matching import runs
from app.matching.code_names import CodeNames


@dataclass(frozen=True, slots=True)
class UrgentContacts:
    """The numbers to call, by country.

    `expanded`: the previous step signalled urgency or named the country, so the list is shown open.
    """

    by_country: Sequence[tuple[str, Sequence[Contact]]]
    expanded: bool


def contacts_for_step(
    answers: FormFields, step: int, code_names: CodeNames, directory: Directory, now: datetime
) -> UrgentContacts | None:
    """Numbers to show above a step (0: the first), from the answers to the previous steps. None when nothing is urgent."""
    if not _is_urgent(answers, step, directory, now):
        return None
    chosen = answers.get("country", [""])[-1] if step > _COUNTRY else ""
    countries = [country for country in directory.places if country.code == chosen] or directory.countries
    needs = lines_needed(answers.get("needs", ()), answers.get("helps", ()))
    by_country = [
        (
            code_names.translator.country_name(country.code),
            directory.urgent_contacts(country.code, needs, status=answers.get("status", [""])[-1]),
        )
        for country in countries
    ]
    return UrgentContacts(
        by_country, expanded=not _is_urgent(answers, step - 1, directory, now) or step == _COUNTRY + 1
    )


def lines_needed(needs: Iterable[str], helps: Iterable[str] = ()) -> frozenset[str]:
    """The needs by which lines are chosen; a minor also needs a line for children."""
    return frozenset(needs) | ({"children"} if _MINOR & frozenset(helps) else set())


_MINOR = frozenset({"minor", "child_alone"})
_COUNTRY = STEPS.index(questions.step_of("country"))
_LETTER = frozenset({"letter_kind", "letter_received_on"})
_URGENCY_QUESTIONS = frozenset({"needs", "country", "how_soon", "helps"}) | _LETTER


def _is_urgent(answers: FormFields, steps: int, directory: Directory, now: datetime) -> bool:
    """True when the first `steps` steps report detention, removal, violence, a child alone, or a date within two days."""
    question_names = {
        question.name for step in STEPS[: max(steps, 0)] for question in step.questions
    } & _URGENCY_QUESTIONS
    relevant = {name: values for name, values in answers.items() if name in question_names}
    without_letter = {name: values for name, values in relevant.items() if name not in _LETTER}
    different = [relevant] if without_letter == relevant else [relevant, without_letter]
    return any(values and _is_emergency(values, directory, now) for values in different)


def _is_emergency(relevant: FormFields, directory: Directory, now: datetime) -> bool:
    """Whether the answers make an emergency; also False while an answer is not valid yet."""
    defaults = {"for_whom": "self", "needs": ["asylum"], "how_soon": "none", "country": directory.countries[0].code}
    try:
        intake = schemas.read({**defaults, **questions.to_answers(relevant, "en")}, directory, now.date())
    except Invalid:
        return False
    facts, _letter = runs.facts_and_deadline(intake.answers(), directory, now)
    return facts.urgency == "emergency"
