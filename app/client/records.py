"""Typed records of the API's documents. `raw` is the whole document, with fields that this version does not name."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Referral:
    """One case that is offered or assigned to your organisation. `version` goes into If-Match."""

    id: str
    version: int
    state: str
    label: str
    priority: str
    needs: tuple[str, ...]
    country: str
    allowed_actions: tuple[str, ...]
    respond_by: str | None
    last_safe_day: str | None
    updated_at: str
    raw: dict[str, Any] = field(repr=False, compare=False)

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Referral":
        return cls(
            id=document["id"],
            version=document["version"],
            state=document["state"],
            label=document["label"],
            priority=document["priority"],
            needs=tuple(need["code"] for need in document["needs"]),
            country=document["country"],
            allowed_actions=tuple(document["allowed_actions"]),
            respond_by=document.get("respond_by"),
            last_safe_day=document.get("deadline", {}).get("last_safe_day"),
            updated_at=document["updated_at"],
            raw=document,
        )

    @property
    def deadline_known(self) -> bool | None:
        """False: the last safe day is a careful assumption, and the deadline may be over. None: the service does not say."""
        known: bool | None = self.raw.get("deadline", {}).get("known")
        return known


@dataclass(frozen=True, slots=True)
class Event:
    """A change of one of your referrals: ids and codes only. It may be delivered more than once, with the same `id`."""

    id: str
    type: str
    referral: str
    time: str
    data: dict[str, Any]

    @classmethod
    def read(cls, document: dict[str, Any]) -> "Event":
        return cls(document["id"], document["type"], document["subject"], document["time"], document.get("data", {}))
