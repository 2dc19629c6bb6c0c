"""The directory in memory: all packs together, with lookups by code and key."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from app.directory.schemas import (
    Contact,
    Country,
    Deadline,
    Deadlines,
    Guidance,
    Helper,
    Need,
    Organisation,
    Persecution,
    Service,
    ServiceRule,
    Term,
)

ACROSS: Final = "XX"
"""The pack of helpers across borders, and the made-up country of people who are in none of the host countries."""
IN_DANGER_TO_LIFE: Final = "emergency"
"""The purpose of a country's general emergency number."""


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service with its organisation. Its key is `organisation-slug/service-slug`."""

    key: str
    organisation: Organisation
    service: Service
    countries: frozenset[str]

    @property
    def verified(self) -> bool:
        return self.organisation.source.confidence != "low"


@dataclass(frozen=True)
class Directory:
    """All packs, read-only. `digest` identifies the content; stored runs refer to it.

    `countries`: the host countries. `elsewhere`: the made-up country `XX` for every other, if the packs have it. `files`: the pack
    file of each organisation. `deadlines("EU")` gives the rows of the EU frame. `desk_languages`: keys of the services whose
    languages were published at the desk.
    """

    countries: tuple[Country, ...]
    organisations: tuple[Organisation, ...]
    services: tuple[ServiceEntry, ...]
    needs: tuple[Need, ...]
    persecution: tuple[Persecution, ...]
    deadlines_by_country: Mapping[str, Deadlines] = field(repr=False)
    contacts_by_country: Mapping[str, tuple[Contact, ...]] = field(repr=False)
    digest: str = ""
    elsewhere: Country | None = field(default=None, repr=False)
    terms: tuple[Term, ...] = field(default=(), repr=False)
    files: Mapping[str, str] = field(default_factory=dict, repr=False)
    helpers: tuple[Helper, ...] = field(default=(), repr=False)
    guidance_by_country: Mapping[str, tuple[Guidance, ...]] = field(default_factory=dict, repr=False)
    desk_languages: frozenset[str] = field(default=frozenset(), repr=False)

    @cached_property
    def _country(self) -> dict[str, Country]:
        return {country.code: country for country in self.places}

    @cached_property
    def _organisation(self) -> dict[str, Organisation]:
        return {organisation.id: organisation for organisation in self.organisations}

    @cached_property
    def _need(self) -> dict[str, Need]:
        return {need.id: need for need in self.needs}

    @cached_property
    def _service(self) -> dict[str, ServiceEntry]:
        return {entry.key: entry for entry in self.services}

    @cached_property
    def _services(self) -> dict[str, tuple[ServiceEntry, ...]]:
        return {
            country.code: tuple(entry for entry in self.services if self.serves(entry, country.code))
            for country in self.places
        }

    @property
    def places(self) -> tuple[Country, ...]:
        """Where a request may come from: the host countries, then the made-up one for everywhere else."""
        return (*self.countries, self.elsewhere) if self.elsewhere else self.countries

    def country(self, code: str) -> Country:
        """The host country with this code, or `elsewhere`. Raises KeyError."""
        return self._country[code]

    def has_country(self, code: str) -> bool:
        """Whether requests from there can be taken, if a team does: a host country, or `XX`."""
        return code in self._country

    def is_host(self, code: str) -> bool:
        """Whether this is a country with a pack of its own."""
        return code != ACROSS and code in self._country

    def serves(self, entry: ServiceEntry, country: str) -> bool:
        """Whether a service works in a country. Elsewhere are those that work across borders and in every host country."""
        if country != ACROSS:
            return country in entry.countries
        is_across = self.files.get(entry.organisation.id, "").startswith(f"{ACROSS.lower()}/")
        return is_across and entry.countries.issuperset(host.code for host in self.countries)

    def organisation(self, slug: str) -> Organisation | None:
        return self._organisation.get(slug)

    def need(self, slug: str) -> Need | None:
        return self._need.get(slug)

    def broader(self, need: str) -> Mapping[str, str]:
        """The broader needs that include this one, each with the reason."""
        entry = self._need.get(need)
        return entry.broader if entry else {}

    def related(self, need: str) -> Mapping[str, str]:
        """The needs related to this one, each with the reason."""
        entry = self._need.get(need)
        return entry.related if entry else {}

    def term(self, concept: str, language: str) -> str | None:
        """The legal term for a concept in a language; None if no sourced term is known."""
        entry = next((term for term in self.terms if term.id == concept), None)
        return entry.words.get(language) if entry else None

    def services_for(self, country: str) -> tuple[ServiceEntry, ...]:
        return self._services.get(country, ())

    def service(self, key: str) -> ServiceEntry | None:
        return self._service.get(key)

    def deadlines(self, country: str) -> tuple[Deadline, ...]:
        rules = self.deadlines_by_country.get(country)
        return rules.deadlines if rules else ()

    def service_rules(self, country: str) -> tuple[ServiceRule, ...]:
        """When a letter counts as delivered in a country."""
        rules = self.deadlines_by_country.get(country)
        return rules.service_rules if rules else ()

    def deadline(self, country: str, event: str) -> Deadline | None:
        return next((row for row in self.deadlines(country) if row.event == event), None)

    def further_rows(self, country: str, rule: Deadline | None) -> tuple[Deadline, ...]:
        """The rows of the further steps of a kind of letter, in their order."""
        found = (self.deadline(country, step.event) for step in (rule.then if rule else ()))
        return tuple(row for row in found if row is not None)

    def row_if_missed(self, country: str, rule: Deadline | None) -> Deadline | None:
        """The row on restoring the time limit of a letter after it was missed; None: no source says what holds for it."""
        return self.deadline(country, rule.if_missed) if rule and rule.if_missed else None

    def emergency(self, country: str) -> tuple[Contact, ...]:
        """All rows of the country's file, including those that are never shown: see `urgent_contacts`."""
        return self.contacts_by_country.get(country, ())

    def urgent_contacts(
        self, country: str, needs: Collection[str] | None = None, *, status: str | None = None
    ) -> tuple[Contact, ...]:
        """The numbers to call in danger for somebody with these needs: the general number first, then lines for these needs.

        Without `needs`: the lines for everybody and for any need. An authority is no help against an authority, so its lines are
        left out, except the general number. A row of low confidence is left out too. State legal aid is not named to somebody
        whose `status` is that they have no permission to stay.
        """
        rows = (*self.emergency(country), *(self.emergency(ACROSS) if country != ACROSS else ()))
        shown = [
            contact
            for contact in rows
            if contact.source.confidence != "low"
            and not (status == "no_status" and contact.purpose == "state_legal_aid")
            and (contact.purpose == IN_DANGER_TO_LIFE or not contact.authority)
            and (needs is None or not contact.needs or not set(needs).isdisjoint(contact.needs))
        ]
        return tuple(sorted(shown, key=lambda contact: contact.purpose != IN_DANGER_TO_LIFE))

    def guidance(self, country: str, need: str) -> tuple[Guidance, ...]:
        """Facts for somebody who waits with this need: of the country, of the law above it, then those that hold everywhere."""
        frame = self.country(country).frame if self.has_country(country) else None
        return tuple(
            entry
            for code in (country, frame, ACROSS)
            for entry in self.guidance_by_country.get(code or "", ())
            if entry.need == need and entry.source.confidence != "low"
        )

    def guidance_of_letter(self, country: str, letter: str) -> tuple[Guidance, ...]:
        """Facts of the country about this kind of letter, whatever somebody who holds it needs."""
        return tuple(
            entry
            for entry in self.guidance_by_country.get(country, ())
            if letter in entry.letters and entry.source.confidence != "low"
        )

    def helpers_in(self, country: str) -> tuple[Helper, ...]:
        """The helpers for a country without a pack: first those who work there, then those who help from afar."""
        there = [helper for helper in self.helpers if helper.country == country != ACROSS]
        afar = [
            helper for helper in self.helpers if helper.country == ACROSS and country in (helper.places or (country,))
        ]
        return (*there, *afar)

    def authority_lines(self, country: str) -> tuple[Contact, ...]:
        """Lines of the police and of offices that decide. Only for information, never as help."""
        return tuple(
            contact
            for contact in self.emergency(country)
            if contact.authority and contact.purpose != IN_DANGER_TO_LIFE and contact.source.confidence != "low"
        )
