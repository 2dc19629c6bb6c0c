"""The result of matching need by need: which of the candidates help with each need, and for which nobody was found."""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from app.directory.catalogue import Directory
from app.matching.engine import ServiceMatch
from app.matching.order import GOES_TO_COURT

Match = TypeVar("Match")


def by_deadline(needs: Iterable[str], *, has_deadline: bool) -> list[str]:
    """The needs in order; with a letter's deadline, those first that go before a court or an authority within a given time."""
    return sorted(needs, key=lambda need: need not in GOES_TO_COURT) if has_deadline else list(needs)


def candidates_by_need(
    needs: Iterable[str], candidates: Iterable[ServiceMatch], directory: Directory, *, has_deadline: bool
) -> dict[str, list[ServiceMatch]]:
    """The verified candidates that list each need, in their order; an empty list where nobody was found."""
    by_need: dict[str, list[ServiceMatch]] = {need: [] for need in by_deadline(needs, has_deadline=has_deadline)}
    for match in candidates:
        entry = directory.service(match.service)
        if entry is None or not match.verified:
            continue
        for need, helping in by_need.items():
            if need in entry.service.needs:
                helping.append(match)
    return by_need


def most_pressing_first(
    matches: Iterable[Match], helping_by_need: Iterable[Collection[str]], service_of: Callable[[Match], str]
) -> list[Match]:
    """The matches for display: first those that help with the first need, and so on; otherwise in their order.

    `helping_by_need`: for each need, the one that presses most first, the services that help with it.
    """
    rank: dict[str, int] = {}
    for number, services in enumerate(helping_by_need):
        for service in services:
            rank.setdefault(service, number)
    return sorted(matches, key=lambda match: rank.get(service_of(match), len(rank)))
