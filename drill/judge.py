"""What was acknowledged, what is there at the end, and whether the two agree.

Pure: `tests/unit/test_drill_judge.py` shows what it finds.

The ledger is written by the clients alone, from answers that they got; what is kept is read from the database afterwards.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

MAX_NAMED: Final = 5
"""How many of each kind a report names."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of the feed: `id` of the event, referral, version, type such as `referral.accepted`."""

    id: str
    referral: str
    version: int
    type: str


@dataclass
class Ledger:
    """What clients were told. A key or a referral is in it only after its answer arrived."""

    filed: dict[str, str] = field(default_factory=dict)
    """The label of the case by the key of the filing that was acknowledged."""
    unanswered: set[str] = field(default_factory=set)
    """Keys of filings that were tried and never answered, although they were repeated until the end."""
    accepted: set[str] = field(default_factory=set)
    """Referrals whose acceptance was acknowledged."""
    read: list[Event] = field(default_factory=list)
    """The events that the reader of the feed got, in their order, repetitions included."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the database holds at the end."""

    labels: Sequence[str]
    """Labels of the cases that were filed during the drill."""
    acceptances: Sequence[str]
    """The referral of each acceptance in the history of referrals."""
    feed: Sequence[Event]
    """All events that the reader's organisation should have read."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Names of what is wrong, by kind; all empty: nothing was lost, doubled or missed."""

    lost: Mapping[str, Sequence[str]]
    doubled: Mapping[str, Sequence[str]]
    missed: Sequence[str]
    unanswered: Sequence[str]

    @property
    def is_sound(self) -> bool:
        """Whether nothing was lost, doubled or missed, as far as there were answers."""
        return not (self.lost_count or self.doubled_count or self.missed)

    @property
    def is_clean(self) -> bool:
        return self.is_sound and not self.unanswered

    @property
    def lost_count(self) -> int:
        return sum(map(len, self.lost.values()))

    @property
    def doubled_count(self) -> int:
        return sum(map(len, self.doubled.values()))

    def lines(self) -> list[str]:
        """The verdict for people, the first of each kind by name."""
        return [
            f"acknowledged and lost: {self.lost_count}" + _named(self.lost),
            f"doubled: {self.doubled_count}" + _named(self.doubled),
            f"events missed by the reader: {len(self.missed)}" + _named({"": self.missed}),
            f"never answered until the end: {len(self.unanswered)}",
        ]


def judge(ledger: Ledger, kept: Kept) -> Verdict:
    """Compare. A filing that was never answered may have been carried out: its case counts as neither lost nor doubled, but the
    verdict is not clean.
    """
    labels, there = Counter(ledger.filed.values()), Counter(kept.labels)
    acceptances = Counter(kept.acceptances)
    read, in_feed = {event.id for event in ledger.read}, {event.id for event in kept.feed}
    surplus = sorted((there - labels).elements())
    told = {event.referral for event in ledger.read if event.type == "referral.accepted"}
    return Verdict(
        lost={
            "intakes": sorted((labels - there).elements()),
            "acceptances": sorted(ledger.accepted - acceptances.keys()),
            "events that were read": sorted(read - in_feed),
        },
        doubled={
            "intakes": surplus[len(ledger.unanswered) :],
            "acceptances": sorted(referral for referral, count in acceptances.items() if count > 1),
            "events": _doubled_events(kept.feed),
        },
        missed=[*sorted(in_feed - read), *(f"the acceptance of {one}" for one in sorted(ledger.accepted - told))],
        unanswered=sorted(ledger.unanswered),
    )


def longest_gap(moments: Iterable[float]) -> float:
    """The longest time between two successes, in the unit of `moments`; 0 for fewer than two."""
    return max((later - earlier for earlier, later in pairwise(sorted(moments))), default=0.0)


def _doubled_events(feed: Iterable[Event]) -> list[str]:
    """One step of a referral that is in the feed under two ids."""
    steps = Counter((event.referral, event.version, event.type) for event in feed)
    return sorted(f"{referral} version {version}" for (referral, version, _type), count in steps.items() if count > 1)


def _named(found: Mapping[str, Sequence[str]]) -> str:
    words = [
        f"{kind + ': ' if kind else ''}{', '.join(names[:MAX_NAMED])}{' …' if len(names) > MAX_NAMED else ''}"
        for kind, names in found.items()
        if names
    ]
    return f" ({'; '.join(words)})" if words else ""
