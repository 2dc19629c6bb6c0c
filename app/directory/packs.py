"""Country packs: folders of YAML, read and validated whole. A fifth country is a new folder.

An error names file, entry and field, for the people who mend it are lawyers and not programmers.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from app.directory.rules import Answer, Rule

PACKS: Final = Path(__file__).resolve().parent.parent / "countries"
CROSS_BORDER: Final = "xx"
FRAME: Final = "eu"
Confidence = Literal["high", "medium", "low"]
_Model = TypeVar("_Model", bound=BaseModel)


class PackError(Exception):
    """A pack can not be used. The message reads `file: entry: field: what is wrong`."""


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Source(_Entry):
    title: str
    url: str | None = None
    date: str | None = None
    confidence: Confidence
    note: str | None = None


class Name(_Entry):
    en: str
    local: str | None = None


class Service(_Entry):
    """One delivery form of a centre, with the rule that says whom it is for."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: Name
    cost: Literal["free", "state_funded", "unknown"]
    representation: Answer
    remote: Answer
    selective: bool = False
    needs: tuple[str, ...] = Field(min_length=1)
    rule: Rule


class Organisation(_Entry):
    """A centre, or an authority: the latter decides on people and is never a target."""

    id: str = Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$")
    name: Name
    kind: Literal["centre", "authority"]
    city: str | None = None
    website: str | None = None
    email: str | None = None
    phone: str | None = None
    eligibility: str | None = None
    safety: tuple[str, ...] = ()
    source: Source
    services: tuple[Service, ...] = ()

    @model_validator(mode="after")
    def _an_authority_offers_nothing(self) -> "Organisation":
        if (self.kind == "authority") == bool(self.services):
            raise ValueError("a centre has services and an authority has none")
        return self


class Limit(_Entry):
    value: int = Field(ge=1, le=400)
    unit: Literal["calendar_days", "working_days", "hours", "months"]


class Deadline(_Entry):
    """A legal time limit. `letter_kind`: a person can recognise it by a letter they hold; `label` says how."""

    event: str = Field(pattern=r"^[a-z0-9_]+$")
    title: str
    letter_kind: bool = False
    label: str | None = None
    limit: Limit | None = None
    counted_from: str | None = None
    rolls_over: Answer
    suspensive: str | None = None
    legal_basis: str | None = None
    source: Source

    @model_validator(mode="after")
    def _a_letter_has_a_label(self) -> "Deadline":
        if self.letter_kind and not self.label:
            raise ValueError("a letter kind needs a label")
        return self


class Contact(_Entry):
    purpose: str
    name: str
    phone: str
    hours: str | None = None
    languages: tuple[str, ...] = ()
    source: Source


class Region(_Entry):
    local: str
    en: str | None = None


class Counting(_Entry):
    """The general way of counting: whether a last day on a day off moves to the next working day."""

    rolls_over: bool
    legal_basis: str
    deadline: str


class Country(_Entry):
    code: str = Field(pattern=r"^[A-Z]{2}$")
    name: str
    time_zone: str
    languages: tuple[str, ...]
    holidays: str
    regions: dict[str, Region]
    counting: Counting | None = None
    safety: tuple[str, ...] = ()


class Need(_Entry):
    id: str
    label: str
    broader: tuple[str, ...] = ()
    related: tuple[str, ...] = ()


class Persecution(_Entry):
    code: str
    phase: Literal["pre_emptive_fear", "direct_repression", "designation", "administrative", "criminal", "abroad"]
    label: str
    legal_provision: str | None = None
    confidence: Confidence
    note: str | None = None


class _Organisations(_Entry):
    organisations: tuple[Organisation, ...]


class _Deadlines(_Entry):
    deadlines: tuple[Deadline, ...]


class _Contacts(_Entry):
    contacts: tuple[Contact, ...]


class _Needs(_Entry):
    needs: tuple[Need, ...]


class _Codes(_Entry):
    codes: tuple[Persecution, ...]


@dataclass(frozen=True, slots=True)
class ServiceEntry:
    """A service where it is looked for: with its organisation, as `organisation-slug/service-slug`."""

    key: str
    organisation: Organisation
    service: Service
    countries: frozenset[str]

    @property
    def verified(self) -> bool:
        return self.organisation.source.confidence != "low"


@dataclass(frozen=True)
class Directory:
    """All packs, read-only. `digest` names this very content: stored runs refer to it."""

    countries: tuple[Country, ...]
    organisations: tuple[Organisation, ...]
    services: tuple[ServiceEntry, ...]
    needs: tuple[Need, ...]
    persecution: tuple[Persecution, ...]
    deadlines_by_country: Mapping[str, tuple[Deadline, ...]] = field(repr=False)
    contacts_by_country: Mapping[str, tuple[Contact, ...]] = field(repr=False)
    digest: str = ""

    @cached_property
    def _country(self) -> dict[str, Country]:
        return {country.code: country for country in self.countries}

    @cached_property
    def _organisation(self) -> dict[str, Organisation]:
        return {organisation.id: organisation for organisation in self.organisations}

    @cached_property
    def _need(self) -> dict[str, Need]:
        return {need.id: need for need in self.needs}

    @cached_property
    def _services(self) -> dict[str, tuple[ServiceEntry, ...]]:
        return {
            country.code: tuple(entry for entry in self.services if country.code in entry.countries)
            for country in self.countries
        }

    def country(self, code: str) -> Country:
        """Raises KeyError."""
        return self._country[code]

    def has_country(self, code: str) -> bool:
        return code in self._country

    def organisation(self, slug: str) -> Organisation | None:
        return self._organisation.get(slug)

    def need(self, slug: str) -> Need | None:
        return self._need.get(slug)

    def services_for(self, country: str) -> tuple[ServiceEntry, ...]:
        return self._services.get(country, ())

    def service(self, key: str) -> ServiceEntry | None:
        return next((entry for entry in self.services if entry.key == key), None)

    def deadlines(self, country: str) -> tuple[Deadline, ...]:
        return self.deadlines_by_country.get(country, ())

    def deadline(self, country: str, event: str) -> Deadline | None:
        return next((row for row in self.deadlines(country) if row.event == event), None)

    def emergency(self, country: str) -> tuple[Contact, ...]:
        return self.contacts_by_country.get(country, ())


def load_packs(root: Path = PACKS) -> Directory:
    """Read all packs below `root`, once. Raises PackError."""
    return _load(root.resolve())


@lru_cache(maxsize=4)
def _load(root: Path) -> Directory:
    needs = _read(root / "needs.yaml", _Needs).needs
    codes = _read(root / "persecution.yaml", _Codes).codes
    folders = sorted(path.parent for path in root.glob("*/country.yaml"))
    order = {"pl": 0, "ge": 1, "lt": 2, "de": 3}
    folders.sort(key=lambda folder: (order.get(folder.name, 9), folder.name))
    countries = tuple(_read(folder / "country.yaml", Country) for folder in folders)
    organisations: list[Organisation] = []
    for folder in (*folders, root / CROSS_BORDER):
        organisations += _read(folder / "services.yaml", _Organisations).organisations
    deadlines = {
        country.code: _read(folder / "deadlines.yaml", _Deadlines).deadlines
        for country, folder in zip(countries, folders, strict=True)
    }
    contacts = {
        country.code: _read(folder / "emergency.yaml", _Contacts).contacts
        for country, folder in zip(countries, folders, strict=True)
    }
    _read(root / FRAME / "deadlines.yaml", _Deadlines)
    services = tuple(_entries(organisations))
    directory = Directory(
        countries, tuple(organisations), services, needs, codes, deadlines, contacts, digest=_digest(root)
    )
    _check(directory, root)
    return directory


def _entries(organisations: list[Organisation]) -> list[ServiceEntry]:
    entries = []
    for organisation in organisations:
        for service in organisation.services:
            countries = [leaf.test.any_of for leaf in service.rule.leaves() if leaf.kind == "country"]
            served = frozenset(code for codes in countries for code in codes)
            entries.append(ServiceEntry(f"{organisation.id}/{service.id}", organisation, service, served))
    return entries


def _read(path: Path, model: type[_Model]) -> _Model:
    name = "/".join(path.parts[-2:])
    try:
        document = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506  a safe loader, in C
    except FileNotFoundError:
        raise PackError(f"{name}: the file is missing") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise PackError(f"{name}: line {mark.line + 1 if mark else '?'}: not readable as YAML") from None
    try:
        return model.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PackError(f"{name}: {_where(document, first['loc'])}: {first['msg']}") from None


def _where(document: Any, steps: tuple[int | str, ...]) -> str:
    """`entry: field` for a place in the document: entries are called by their id, event, code or name."""
    names: list[str] = []
    for step in steps:
        inside = document[step] if _has(document, step) else None
        if isinstance(step, int) and isinstance(inside, dict):
            called = next((inside[key] for key in ("id", "event", "code", "name") if isinstance(inside.get(key), str)), None)
            names.append(called or f"entry {step + 1}")
        else:
            names.append(str(step))
        document = inside
    return ": ".join(names) or "the whole file"


def _has(document: Any, step: int | str) -> bool:
    if isinstance(document, dict):
        return step in document
    return isinstance(document, list) and isinstance(step, int) and step < len(document)


_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _check(directory: Directory, root: Path) -> None:
    """What no single entry can know: unique ids, and that every code that is used exists."""
    _unique("organisations", [organisation.id for organisation in directory.organisations])
    _unique("services", [entry.key for entry in directory.services])
    _unique("needs.yaml", [need.id for need in directory.needs])
    known = {need.id for need in directory.needs}
    for need in directory.needs:
        for other in (*need.broader, *need.related):
            if other not in known:
                raise PackError(f"needs.yaml: {need.id}: there is no need {other}")
    regions = {region for country in directory.countries for region in country.regions}
    codes = {country.code for country in directory.countries}
    allowed = {"need": known, "region": regions, "country": codes}
    for entry in directory.services:
        for need_id in entry.service.needs:
            if need_id not in known:
                raise PackError(f"services.yaml: {entry.key}: needs: there is no need {need_id}")
        if not entry.countries:
            raise PackError(f"services.yaml: {entry.key}: rule: names no country")
        for leaf in entry.service.rule.leaves():
            for code in sorted(set(getattr(leaf.test, "any_of", ())) - allowed.get(leaf.kind, set())):
                if leaf.kind in allowed:
                    raise PackError(f"services.yaml: {entry.key}: rule: {leaf.kind}: there is no {code}")
    for country, rows in directory.deadlines_by_country.items():
        _unique(f"{country.lower()}/deadlines.yaml", [row.event for row in rows])
    for country_entry in directory.countries:
        _zone(country_entry, root)


def _zone(country: Country, _root: Path) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(country.time_zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise PackError(f"{country.code.lower()}/country.yaml: time_zone: there is no such zone") from None


def _unique(place: str, ids: list[str]) -> None:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            raise PackError(f"{place}: {name}: stands there twice")
        seen.add(name)


def _digest(root: Path) -> str:
    content = {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.yaml"))}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
