"""Random people and centres: what people ask for, and how centres answer.

Each request has a seeded generator of its own, so that a plan has the same requests in every network; another one decides how
they are answered.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Final

from app.directory.packs import Directory
from app.referrals.reasons import QUESTIONS
from app.referrals.states import ReferralVerb
from app.referrals.working_time import WorkingHours

_HOW_SOON: Final = ("today", "week", "month", "none", "unknown")
_SOON_WEIGHTS: Final = (6, 20, 34, 25, 15)
_DECLINES: Final = ("no_capacity", "no_capacity", "out_of_scope", "not_eligible", "conflict", "duplicate", "other")
_THINKS_FOR: Final = {"emergency": timedelta(hours=5), "urgent": timedelta(hours=20), "normal": timedelta(days=4)}
_QUIET_DAY: Final = 0.35
"""Load of a weekend day relative to a weekday."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Parameters of a simulation. `answers`: share of offers that are answered; the others expire.

    `accepts`: share of these that are a yes. `connected`: how many centres have an account; a coordinator asks the others by
    phone or with a link. None: all have one, and nobody is at the desk. `start`: the first day, from midnight UTC. By default a
    Monday; the holidays at the end of the year are three months later.
    """

    cases: int = 300
    days: int = 90
    answers: float = 0.6
    accepts: float = 0.75
    seed: int = 1
    start: date = date(2026, 9, 7)
    connected: int | None = None


def chance_of_requests(plan: Plan, number: int | None = None) -> Random:
    """The generator of one request, or (None) of the times at which all of them arrive."""
    return Random(f"{plan.seed}/request/{number}")  # noqa: S311  no secret


def arrivals(plan: Plan, start: datetime, chance: Random) -> list[datetime]:
    """Times of requests in order: more on weekdays, most in the evening."""
    days = [start + timedelta(days=day) for day in range(plan.days)]
    weights = [1.0 if day.weekday() < 5 else _QUIET_DAY for day in days]
    return sorted(
        day + timedelta(hours=chance.triangular(0, 24, 19)) for day in chance.choices(days, weights, k=plan.cases)
    )


def answers_of(directory: Directory, country: str, chance: Random, today: datetime) -> dict[str, Any]:
    """A random intake, without the consent."""
    answers: dict[str, Any] = {
        "language": chance.choice(("ru", "ru", "be", "en")),
        "for_whom": "self",
        "needs": chance.sample([need.id for need in directory.needs], chance.choice((1, 1, 2))),
        "how_soon": chance.choices(_HOW_SOON, _SOON_WEIGHTS)[0],
        "country": country,
        "speak": chance.sample(("ru", "en", "be", "pl"), 2),
    }
    letters = [row.event for row in directory.deadlines(country) if row.letter_kind]
    if letters and chance.random() < 0.4:
        received_on = (today - timedelta(days=chance.randrange(4))).date().isoformat()
        answers["letter"] = {"kind": chance.choice([*letters, "unknown"]), "received_on": received_on}
    return answers


def consent_of(candidates: list[str], chance: Random) -> dict[str, Any]:
    """Most name some of the centres that the rules found; some want to be asked first."""
    if not candidates or chance.random() < 0.15:
        return {"mode": "ask_first"}
    named = chance.sample(candidates, min(len(candidates), chance.randint(1, 4)))
    return {"mode": "named", "organisations": named}


@dataclass(frozen=True, slots=True)
class PlannedAnswer:
    """The answer that a centre will give to an offer, and when."""

    verb: ReferralVerb
    at: datetime
    reason: str | None = None
    question: str | None = None


def answer_to_offer(
    plan: Plan, urgency: str, offered_at: datetime, hours: WorkingHours, chance: Random
) -> PlannedAnswer | None:
    """The centre's answer to an offer; None: it never answers."""
    if chance.random() >= plan.answers:
        return None
    thinks = timedelta(seconds=chance.expovariate(1 / _THINKS_FOR[urgency].total_seconds()))
    at = offered_at + thinks if urgency == "emergency" else hours.next_open(offered_at + thinks)
    if chance.random() < 0.05:
        return PlannedAnswer(ReferralVerb.ASK_INFO, at, question=chance.choice(list(QUESTIONS)))
    if chance.random() < plan.accepts:
        return PlannedAnswer(ReferralVerb.ACCEPT, at)
    return PlannedAnswer(ReferralVerb.DECLINE, at, reason=chance.choice(_DECLINES))
