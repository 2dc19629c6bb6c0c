"""The facts about a case that matching reads. Plain values; None means "not answered", never "no"."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal

Urgency = Literal["emergency", "urgent", "normal"]
Age = Literal["minor", "adult"]


@dataclass(frozen=True, slots=True)
class Facts:
    """One case in codes. `languages`: primary language subtags; `groups` None: the question was not answered.

    `unsafe`: organisations that must not be named to this person, because they are a part of the state that could remove them.
    """

    needs: frozenset[str]
    country: str
    region: str | None = None
    languages: tuple[str, ...] = ()
    nationality: str | None = None
    status: str | None = None
    groups: frozenset[str] | None = None
    age: Age | None = None
    gender: str | None = None
    helps: frozenset[str] = field(default_factory=frozenset)
    urgency: Urgency = "normal"
    last_safe_day: date | None = None
    never: frozenset[str] = field(default_factory=frozenset)
    excluded: frozenset[str] = field(default_factory=frozenset)
    unsafe: frozenset[str] = field(default_factory=frozenset)
