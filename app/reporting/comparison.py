"""The main measures of a period beside those of the one before, and differences between groups of people. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import sqrt
from typing import Final

from app.reporting.tally import Figure, Subject, TimedStep, median_hours


class Measure(StrEnum):
    """A number at the head of a report."""

    CASES = "cases"
    OFFERED = "offered"
    ACCEPTED = "accepted"
    HELPED = "helped"
    UNMET = "unmet"
    FIRST_OFFER = "first_offer"
    DECIDE = "decide"
    IN_TIME = "in_time"


PERCENTAGES: Final = frozenset({Measure.OFFERED, Measure.ACCEPTED, Measure.IN_TIME})
HOURS: Final = frozenset({Measure.FIRST_OFFER, Measure.DECIDE})
_Z: Final = 1.96


@dataclass(frozen=True, slots=True)
class GroupShare:
    """A share of a group: `part` of `total`; `low` and `high` are the ends of the 95 % interval (Wilson)."""

    group: str
    code: str
    part: int
    total: int
    low: float
    high: float

    @property
    def share(self) -> float:
        return self.part / self.total


def summary(figures: Mapping[Figure, int]) -> dict[Measure, float | None]:
    """Each measure over these figures; None: there is nothing to measure."""
    cases = [(figure.codes, many) for figure, many in figures.items() if figure.subject == Subject.CASE]
    answers = [(figure.codes[2], many) for figure, many in figures.items() if figure.subject == Subject.OFFER]
    total = sum(many for _codes, many in cases)
    to_answer = sum(many for answer, many in answers if answer)
    return {
        Measure.CASES: total,
        Measure.OFFERED: _percent(sum(many for codes, many in cases if codes[3] != "not_offered"), total),
        Measure.ACCEPTED: _percent(sum(many for codes, many in cases if codes[3] == "accepted"), total),
        Measure.HELPED: sum(many for codes, many in cases if codes[4] == "helped"),
        Measure.UNMET: sum(many for codes, many in cases if codes[4] == "unmet"),
        Measure.FIRST_OFFER: _median(figures, TimedStep.FIRST_OFFER),
        Measure.DECIDE: _median(figures, TimedStep.DECIDE),
        Measure.IN_TIME: _percent(sum(many for answer, many in answers if answer == "in_time"), to_answer),
    }


def disparities(figures: Mapping[Figure, int]) -> list[GroupShare]:
    """For each language, country and urgency: the share of cases that an organisation accepted. The largest groups first."""
    parts: dict[tuple[str, str], list[int]] = {}
    for figure, many in figures.items():
        if figure.subject == Subject.CASE:
            country, language, urgency, reached, _end = figure.codes
            for group, code in (("language", language), ("country", country), ("urgency", urgency)):
                counted = parts.setdefault((group, code), [0, 0])
                counted[0] += many if reached == "accepted" else 0
                counted[1] += many
    groups = ("language", "country", "urgency")
    ordered = sorted(parts.items(), key=lambda item: (groups.index(item[0][0]), -item[1][1], item[0][1]))
    return [share_of(group, code, part, total) for (group, code), (part, total) in ordered if total]


def share_of(group: str, code: str, part: int, total: int) -> GroupShare:
    """A share with its interval; `total` is at least 1."""
    share, square = part / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    reach = _Z * sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return GroupShare(group, code, part, total, max(middle - reach, 0.0), min(middle + reach, 1.0))


def _percent(part: int, total: int) -> float | None:
    return round(100 * part / total) if total else None


def _median(figures: Mapping[Figure, int], step: TimedStep) -> float | None:
    durations = [
        (figure.codes[2], many)
        for figure, many in figures.items()
        if figure.subject == Subject.STEP and figure.codes[0] == step
    ]
    return median_hours(durations) if durations else None
