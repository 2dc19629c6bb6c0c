"""The deadline of a person's letter, as their pages say it: known, probably over, or not known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.cases.models import Case
from app.matching.deadlines import Certainty


@dataclass(frozen=True, slots=True)
class LetterDeadline:
    """What `day_of_letter` in `parts/centres.html` needs. `passed`: the last safe day lies before today."""

    last_safe_day: date
    certainty: Certainty | str
    passed: bool


def of_case(case: Case, today: date) -> LetterDeadline | None:
    """The deadline stored with a case; None when it has no letter. One without a certainty counts as assumed."""
    if case.last_safe_day is None:
        return None
    return LetterDeadline(case.last_safe_day, case.deadline_certainty or "assumed", case.last_safe_day < today)


def of_reply(reply: Mapping[str, Any], today: date) -> LetterDeadline | None:
    """The deadline in the answer to an intake; None when it names none."""
    if not reply.get("deadline"):
        return None
    day = date.fromisoformat(reply["deadline"]["last_safe_day"])
    return LetterDeadline(day, reply["deadline"]["certainty"], day < today)
