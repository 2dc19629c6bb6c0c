"""The ranking of candidates: one formula, defined only here, with every term stored for the explanation.

`ORDER_VERSION` identifies the formula and is stored with each run. Candidates are compared term by term, smaller first:

| term | 0 | more |
| --- | --- | --- |
| unverified | confirmed | 1: nobody has confirmed the centre |
| by_yourself | we can send the request | 1: the person has to go there or call |
| cost | free, or paid by the state | 1: it may cost money |
| needs_left | it helps with all needs of the person | how many it does not name |
| interpreter | a language in common | 1: an interpreter may be needed |
| urgency | fits | 1: an emergency, and it may be hard to reach; 2: it also chooses its cases |
| choosy | takes what it lists | 1: it chooses its cases |
| capacity | free places now | 1: not known |
| court | goes to court, or the need does not ask for it | 1: not known, 2: does not |
| answer_days | answers within a day | whole days it usually takes; 3 when there is no history |
| scarcity | the case needs what few offer, or the centre is there for it | 1: neither; 2: it would take such a place |
| turn | next in turn among equals | its place in the rotation by weight |

Rotation: each service has a weight. Whenever the first place goes to one of several equal services, each of them earns its
share of that place (weight / sum of weights) and the chosen one pays a whole place. The service that is owed most is next;
ties are decided by the seeded draw. Weights 5:1:1:1 give exactly 50/10/10/10 of 80 equal cases. After three places in a row
a service waits while another of the equal services is owed anything. A changed weight resets the count; a place that a
person chose by hand is not counted.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from app.directory.packs import ServiceEntry
from app.matching.facts import Facts
from app.matching.leaves import LiveStatus
from app.matching.outcomes import VALUE

ORDER_VERSION: Final = 3
TERMS: Final = (
    "unverified", "by_yourself", "cost", "needs_left", "interpreter", "urgency", "choosy",
    "capacity", "court", "answer_days", "scarcity", "turn",
)  # fmt: skip
UNIT: Final = 720_720
"""The units of one place: divisible by 1 … 16, so that shares with sums of weights up to 16 are exact."""
WEIGHTS: Final = range(1, 100)
"""The weights that a service can have."""
IN_A_ROW: Final = 3
NO_HISTORY_DAYS: Final = 3
LONGEST_DAYS: Final = 30
FEW: Final = 2
GOES_TO_COURT: Final = frozenset(
    {"appeals", "detention", "deportation", "dublin", "extradition_interpol", "criminal_defence"}
)


@dataclass(frozen=True, slots=True)
class Share:
    """The account of a service in the rotation: what it earned and received since the weights were last set.

    `in_a_row`: its latest consecutive places.
    """

    weight: int = 1
    earned: int = 0
    got: int = 0
    in_a_row: int = 0

    @property
    def owed(self) -> int:
        """The balance in units of a place; negative: it received more than it earned."""
        return self.earned - self.got * UNIT


NEW_SHARE: Final = Share()


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the ranking knows in addition to the rules, by service key; a missing key means "not known"."""

    live: Mapping[str, LiveStatus]
    answer_days: Mapping[str, float]
    shares: Mapping[str, Share]
    offered_by: Mapping[str, int]
    """For each need, how many verified services of the directory list it."""
    seed: int = 0


class Candidate(Protocol):
    """The attributes of a service that the formula uses."""

    @property
    def entry(self) -> ServiceEntry: ...
    @property
    def key(self) -> str: ...
    @property
    def verified(self) -> bool: ...
    @property
    def listed(self) -> frozenset[str]: ...


def terms(
    service: Candidate, facts: Facts, around: Circumstances, *, shares_language: bool, open_now: bool, made_for: bool
) -> tuple[int, ...]:
    """All terms but the last, `turn`, which depends on the other equal services."""
    offer = service.entry.service
    choosy = int(offer.selective)
    emergency = facts.urgency == "emergency"
    return (
        int(not service.verified),
        int(offer.takes_referrals == "no"),
        int(offer.cost == "unknown"),
        len(facts.needs - service.listed),
        int(not shares_language),
        (1 + choosy if offer.remote != "yes" else choosy * 2) if emergency else 0,
        choosy,
        int(not open_now),
        2 - VALUE[offer.representation] if facts.needs & GOES_TO_COURT else 0,
        answer_days(around, service.key),
        _scarcity(service, facts, around, open_now, made_for),
    )


def answer_days(around: Circumstances, key: str) -> int:
    days = around.answer_days.get(key)
    return NO_HISTORY_DAYS if days is None else max(0, min(int(days), LONGEST_DAYS))


def _scarcity(service: Candidate, facts: Facts, around: Circumstances, open_now: bool, made_for: bool) -> int:
    if made_for or any(around.offered_by.get(need, 0) <= FEW for need in facts.needs & service.listed):
        return 0
    if open_now and any(around.offered_by.get(need, 0) <= FEW for need in service.listed):
        return 2
    return 1


def tie_break(seed: int, key: str) -> int:
    """A pseudo-random number that breaks ties; the same for the same seed on any machine."""
    return int.from_bytes(hashlib.sha256(f"{seed}:{key}".encode()).digest()[:6], "big")


# --- the rotation ----------------------------------------------------------------------------------------------------


def rotation_order(equals: Sequence[str], shares: Mapping[str, Share], seed: int) -> list[str]:
    """Equal services in the order of their turn: the one that is owed most first, at most three places in a row."""
    total = sum(shares.get(key, NEW_SHARE).weight for key in equals) or 1

    def owed(key: str) -> int:
        share = shares.get(key, NEW_SHARE)
        return share.owed + share.weight * UNIT // total

    ordered = sorted(equals, key=lambda key: (-owed(key), tie_break(seed, key), key))
    if shares.get(ordered[0], NEW_SHARE).in_a_row >= IN_A_ROW:
        due = next((key for key in ordered[1:] if owed(key) > 0), None)
        if due is not None:
            ordered.remove(due)
            ordered.insert(0, due)
    return ordered


def shares_after_turn(equals: Sequence[str], chosen: str, shares: Mapping[str, Share]) -> dict[str, Share]:
    """The shares after `chosen` received a place that all of `equals` had a claim to. Only for places that the rotation gave."""
    total = sum(shares.get(key, NEW_SHARE).weight for key in equals) or 1
    after = {}
    for key in equals:
        share = shares.get(key, NEW_SHARE)
        won = key == chosen
        after[key] = replace(
            share,
            earned=share.earned + share.weight * UNIT // total,
            got=share.got + won,
            in_a_row=share.in_a_row + 1 if won else 0,
        )
    return after


def shares_with_weights(weights: Mapping[str, int]) -> dict[str, Share]:
    """New shares with these weights and all counts at zero."""
    return {key: Share(weight=weight) for key, weight in weights.items()}


def named_terms(values: Sequence[int]) -> dict[str, int]:
    """A candidate's terms by name."""
    return dict(zip(TERMS, values, strict=False))
