"""Made-up cases and referrals by number: the same number gives the same rows in every run, true to the schema's rules.

Needs, languages, countries, owners and states are mixed, with common and rare values, and all wait for one team. Sealed
parts are left out, because no list reads them; encrypted columns get the same number of meaningless bytes.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any, Final
from uuid import UUID

from app.cases.queue_views import URGENCY_RANK
from app.casework.filing import due_on
from app.core.clock import to_the_hour
from app.core.ids import named_id
from app.directory.packs import Directory
from app.referrals.states import ANSWER_DUE, ReferralState

Row = dict[str, Any]
MOST_ASKED: Final = "pl-hfhr"
RARE_NEED: Final = "statelessness"
RARE_LANGUAGE: Final = "ka"
OLDEST: Final = timedelta(days=400)
_LETTERS: Final = "23456789BCDFGHJKMNPQRSTVWXZ"
_LABELS: Final = len(_LETTERS) ** 7
_COMPARED_WITH: Final = named_id("sealing-key", "made up")  # no case waits to be compared: none has a contact
_LOCKED: Final = bytes(range(256)) + bytes(40)  # as long as an encrypted value after padding

_STATES: Final = {
    "submitted": 20,
    "in_review": 10,
    "referred": 38,
    "unmet": 10,
    "helped": 10,
    "advised": 7,
    "withdrawn": 5,
}
_COUNTRIES: Final = {"PL": 50, "GE": 20, "DE": 18, "LT": 12}
_URGENCIES: Final = {"emergency": 5, "urgent": 20, "normal": 75}
_NEEDS: Final = (["asylum"], ["asylum", "appeals"], ["housing"], ["residence_permit", "housing"], ["detention"])
_SPEAK: Final = (["ru"], ["ru", "en"], ["be", "ru"], ["uk", "ru"])
_LIVE: Final = {"offered": 3, "acknowledged": 2, "accepted": 1, "in_progress": 3, "waitlisted": 1}
_LAST: Final = {"helped": "completed", "advised": "completed", "withdrawn": "client_declined"}
_ASKED: Final = {
    "offered": "answer",
    "acknowledged": "answer",
    "waitlisted": "answer",
    "accepted": "work",
    "in_progress": "work",
}


@dataclass(frozen=True, slots=True)
class World:
    """Ids that the rows refer to."""

    team_id: UUID
    members: Mapping[UUID, str]
    services: Mapping[str, Sequence[tuple[UUID, UUID]]]
    now: datetime

    @classmethod
    def of(cls, team_id: UUID, members: Mapping[UUID, str], packs: Directory, now: datetime) -> "World":
        """Organisation and service by country, one service of each organisation; the one that is asked most stands first."""
        services = {}
        for country in _COUNTRIES:
            first = {entry.organisation.id: entry.key for entry in reversed(packs.services_for(country))}
            ordered = sorted(first, key=lambda slug: (slug != MOST_ASKED, slug))
            services[country] = [(named_id("organisation", slug), named_id("service", first[slug])) for slug in ordered]
        return cls(team_id, members, services, to_the_hour(now))


@dataclass(frozen=True, slots=True)
class MadeUp:
    """One case, its referrals, and one event of each."""

    case: Row
    referrals: Sequence[Row]
    events: Sequence[Row]


def made_up(world: World, numbers: range) -> Iterator[MadeUp]:
    for number in numbers:
        chance = random.Random(number)
        case = _case(world, number, chance)
        referrals = list(_referrals(world, number, case, chance))
        yield MadeUp(case, referrals, [_event(referral, chance) for referral in referrals])


def _pick(chance: random.Random, weights: Mapping[str, int]) -> str:
    return chance.choices(list(weights), list(weights.values()))[0]


def _uuid(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)


def label(number: int) -> str:
    """As `referrals.labels` makes them, and no two numbers have the same."""
    rest, text = (number * 6_364_136_223 + 1_442_695_041) % _LABELS, ""
    for _ in range(7):
        rest, digit = divmod(rest, len(_LETTERS))
        text += _LETTERS[digit]
    return f"{text[:3]}-{text[3:]}"


def _case(world: World, number: int, chance: random.Random) -> Row:
    case_id, state, urgency = _uuid(chance), _pick(chance, _STATES), _pick(chance, _URGENCIES)
    waiting = world.now - timedelta(hours=chance.randrange(OLDEST // timedelta(hours=1)))
    has_letter, is_open = chance.random() < 0.4, state not in _LAST
    last_safe_day = waiting.date() + timedelta(days=chance.randrange(1, 90)) if has_letter else None
    closed_at = None if is_open else waiting + (world.now - waiting) * chance.random()
    owner_id = chance.choice(list(world.members)) if state != "submitted" and chance.random() < 0.6 else None
    return {
        "id": case_id,
        "label": label(number),
        "receipt_id": chance.randbytes(32),
        "state": state,
        "version": 1,
        "team_id": world.team_id,
        "country": _pick(chance, _COUNTRIES),
        "language": "ru",
        "needs": list(chance.choice(_NEEDS)) if number % 1000 else [RARE_NEED],
        "languages": list(chance.choice(_SPEAK)) if number % 1000 != 1 else [RARE_LANGUAGE],
        "urgency": urgency,
        "urgency_rank": URGENCY_RANK[urgency],
        "last_safe_day": last_safe_day,
        "deadline_certainty": "sure" if has_letter else None,
        "due_on": due_on(urgency, last_safe_day, waiting),
        "waiting_since": waiting,
        "owner_id": owner_id,
        "owner_name": world.members[owner_id] if owner_id else "",
        "snoozed_until": world.now.date() + timedelta(days=chance.randrange(-10, 30))
        if chance.random() < 0.05
        else None,
        "person_wrote": is_open and chance.random() < 0.02,
        "referral_status": None,
        "uncovered": is_open,
        "merged_into_id": UUID(int=number) if chance.random() < 0.005 else None,
        "held_reason": "haste" if state == "submitted" and chance.random() < 0.01 else None,
        "referred_by": None,
        "compared_with": _COMPARED_WITH,
        "facts": _LOCKED,
        "facts_version": 1,
        "closed_at": closed_at,
        "forget_at": closed_at + timedelta(days=30) if closed_at else None,
        "updated_at": closed_at or waiting,
    }


def _referrals(world: World, number: int, case: Row, chance: random.Random) -> Iterator[Row]:
    """One after the other, each to another organisation; the last stands as the case's state says. Sets the case's `asked`."""
    if case["state"] == "submitted":
        return
    most_asked, *others = world.services[case["country"]]
    asked = [most_asked, chance.choice(others)] if chance.random() < 0.5 else chance.sample(others, 1)
    states = ["declined" if chance.random() < 0.6 else "expired" for _ in asked]
    states[-1] = _pick(chance, _LIVE) if case["state"] == "referred" else _LAST.get(case["state"], states[-1])
    case["referral_status"] = None if case["closed_at"] else _ASKED.get(states[-1], "declined")
    case["uncovered"] = case["referral_status"] == "declined"
    until = case["closed_at"] or world.now
    moments = [
        case["waiting_since"],
        *sorted(case["waiting_since"] + (until - case["waiting_since"]) * chance.random() for _ in asked),
    ]
    for place, ((organisation_id, service_id), (offered_at, changed_at)) in enumerate(
        zip(asked, pairwise(moments), strict=True)
    ):
        state = ReferralState(states[place])
        owes = state in ANSWER_DUE
        yield {
            "id": _uuid(chance),
            "label": f"R-{label(2 * number + place)}",
            "case_id": case["id"],
            "service_id": service_id,
            "organisation_id": organisation_id,
            "state": state.value,
            "version": 3,
            "urgency": case["urgency"],
            "deadline_on": case["last_safe_day"],
            "card": _LOCKED,
            "waiting_since": case["waiting_since"],
            "created_at": offered_at,
            "offered_at": offered_at,
            "acknowledge_by": offered_at + timedelta(days=2),
            "decide_by": offered_at + timedelta(days=14),
            "expires_at": world.now + timedelta(days=chance.randrange(1, 14)) if owes else None,
            "contact_by": None,
            "review_on": None,
            "paused_at": None,
            "pauses": 0,
            "clock_steps": 0,
            "due_at": world.now + timedelta(days=chance.randrange(1, 14)) if owes else None,
            "completed_at": changed_at if state is ReferralState.COMPLETED else None,
            "reason": "no_capacity" if state is ReferralState.DECLINED else None,
            "outcome": "advised" if state is ReferralState.COMPLETED else None,
            "updated_at": changed_at,
            "question": None,
            "read_at": None,
            "predecessor_id": None,
            "hours": None,
        }  # fmt: skip


def _event(referral: Row, chance: random.Random) -> Row:
    return {
        "id": _uuid(chance),
        "organisation_id": referral["organisation_id"],
        "referral_id": referral["id"],
        "type": f"referral.{referral['state']}",
        "version": referral["version"],
        "at": referral["updated_at"],
    }
