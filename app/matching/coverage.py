"""The coverage map: for each need, country and language, the services that could help, and the nearest ones where none can.

A service could help if some possible answers of a person make it a candidate. The engine evaluates a case that has only a
need, a country and languages: a candidate helps without further questions; a service with open questions might.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from app.directory.catalogue import Directory
from app.matching.engine import ServiceMatch, evaluate, related_needs
from app.matching.facts import Facts

SPOKEN: Final = ("ru", "be", "uk", "en")
"""The languages that the coverage map reports on."""


@dataclass(frozen=True, slots=True)
class CoverageCell:
    """One need in one country, with service keys. `asks` and `nearest` also name what is missing."""

    need: str
    country: str
    helps: tuple[str, ...]
    asks: tuple[str, ...]
    unverified: tuple[str, ...]
    nearest: tuple[ServiceMatch, ...]
    speaks: frozenset[str]
    """Languages of `SPOKEN` that a service in `helps` or `asks` is known to offer."""

    @property
    def verified(self) -> int:
        return len(self.helps) + len(self.asks)

    @property
    def is_hole(self) -> bool:
        return self.verified == 0

    @property
    def is_thin(self) -> bool:
        return self.verified == 1

    @property
    def ends_nowhere(self) -> bool:
        return self.is_hole and not self.unverified and not self.nearest


def coverage(directory: Directory, on: date, countries: Sequence[str] | None = None) -> list[CoverageCell]:
    """One cell for each need and country, in the order of the packs."""
    chosen = countries if countries is not None else [country.code for country in directory.countries]
    return list(_cells(directory, chosen, on))


def _cells(directory: Directory, countries: Iterable[str], on: date) -> Iterator[CoverageCell]:
    related = related_needs(directory)
    for country in countries:
        services = directory.services_for(country)
        for need in directory.needs:
            result = evaluate(Facts(frozenset({need.id}), country, languages=SPOKEN), services, on, related=related)
            listed = [match for match in result.nearest if match.reasons[0].key != "need.related"]
            known = [*result.candidates, *listed]
            verified = {match.service for match in known if match.verified}
            yield CoverageCell(
                need.id,
                country,
                tuple(match.service for match in result.candidates if match.verified),
                tuple(match.service for match in listed if match.verified),
                tuple(match.service for match in known if not match.verified),
                tuple(match for match in result.nearest if match.reasons[0].key == "need.related"),
                _spoken(directory, verified),
            )


def _spoken(directory: Directory, keys: Iterable[str]) -> frozenset[str]:
    spoken: set[str] = set()
    for key in keys:
        entry = directory.service(key)
        for leaf in entry.service.rule.leaves() if entry else ():
            if leaf.kind == "language":
                spoken.update(leaf.test.any_of)
    return frozenset(SPOKEN) & spoken
