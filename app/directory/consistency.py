"""Checks across entries of the packs: ids are unique, and every code that is used exists.

Pure. A fault reads `file: entry: field: what is wrong`, like the errors of a single entry.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final
from zoneinfo import ZoneInfo

from app.directory.catalogue import ACROSS, Directory, ServiceEntry
from app.directory.rules import AGES, GENDERS, GROUPS, STATUSES, URGENCIES, Rule
from app.directory.safety_notes import COUNTRY_NOTES, ORGANISATION_NOTES
from app.directory.schemas import Country

_COUNTRY_CODE: Final = re.compile("[A-Z]{2}")
_LANGUAGE_CODE: Final = re.compile("[a-z]{2,3}")


def check(directory: Directory, folders: Sequence[str]) -> Iterator[str]:
    """The faults of a directory, one sentence each. `folders`: the folders of its countries, in the same order."""
    known = {need.id for need in directory.needs}
    yield from _twice("needs.yaml", (need.id for need in directory.needs))
    yield from _twice("persecution.yaml", (entry.code for entry in directory.persecution))
    yield from _twice("terms.yaml", (term.id for term in directory.terms))
    for need in directory.needs:
        for field in ("broader", "related"):
            for other, reason in getattr(need, field).items():
                if other not in known or other == need.id:
                    yield f"needs.yaml: {need.id}: {field}: there is no other need {other}"
                if not reason:
                    yield f"needs.yaml: {need.id}: {field}: {other}: the reason is missing"
    for folder, country in zip(folders, directory.countries, strict=True):
        yield from _country(directory, folder, country)
    if directory.elsewhere is not None:
        yield from _country(directory, ACROSS.lower(), directory.elsewhere)
    yield from _across(directory, known)
    yield from _twice("eu/deadlines.yaml", (row.event for row in directory.deadlines("EU")))
    for organisation in directory.organisations:
        position = f"{directory.files[organisation.id]}: {organisation.id}"
        yield from _twice(f"{position}: services", (service.id for service in organisation.services))
        yield from _unknown(f"{position}: safety", organisation.safety, ORGANISATION_NOTES)
    allowed = _vocabulary(directory)
    for entry in directory.services:
        position = f"{directory.files[entry.organisation.id]}: {entry.organisation.id}: services: {entry.service.id}"
        yield from _unknown(f"{position}: needs", entry.service.needs, known)
        yield from _rule(f"{position}: rule", entry, allowed)


def _across(directory: Directory, known: set[str]) -> Iterator[str]:
    """Faults that do not belong to one country: helpers elsewhere, and the needs of urgent contacts."""
    yield from _twice("xx/elsewhere.yaml", (helper.id for helper in directory.helpers))
    for helper in directory.helpers:
        yield from _unknown(f"xx/elsewhere.yaml: {helper.id}: needs", helper.needs, known)
        yield from _unknown(f"xx/elsewhere.yaml: {helper.id}: safety", helper.safety, ORGANISATION_NOTES)
        for code in (helper.country, *helper.places):
            if directory.is_host(code):
                yield f"xx/elsewhere.yaml: {helper.id}: country: {code} has a pack of its own"
    for code, facts in directory.guidance_by_country.items():
        for fact in facts:
            yield from _unknown(f"{code.lower()}/guidance.yaml: need", (fact.need,), known)
    for code, contacts in directory.contacts_by_country.items():
        for contact in contacts:
            yield from _unknown(f"{code.lower()}/emergency.yaml: {contact.purpose}: needs", contact.needs, known)


def _country(directory: Directory, folder: str, country: Country) -> Iterator[str]:
    position = f"{folder}/country.yaml"
    if country.code.lower() != folder:
        yield f"{position}: code: the folder is called {folder}"
    for region in country.regions:
        if not region.startswith(f"{country.code}-"):
            yield f"{position}: regions: {region} is not a code of {country.code}"
    yield from _unknown(f"{position}: safety", country.safety, COUNTRY_NOTES)
    rows = [row.event for row in directory.deadlines(country.code)]
    yield from _twice(f"{folder}/deadlines.yaml", rows)
    yield from _twice(f"{folder}/deadlines.yaml", (rule.rule for rule in directory.service_rules(country.code)))
    for row in directory.deadlines(country.code):
        with_limit = [one.event for one in directory.deadlines(country.code) if one.limit and not one.letter_kind]
        steps = (step.event for step in row.then)
        yield from _unknown(f"{folder}/deadlines.yaml: {row.event}: then", steps, frozenset(with_limit))
        told = frozenset(one.event for one in directory.deadlines(country.code) if one.in_words)
        yield from _unknown(f"{folder}/deadlines.yaml: {row.event}: if_missed", filter(None, (row.if_missed,)), told)
    letters = frozenset(row.event for row in directory.deadlines(country.code) if row.letter_kind)
    for fact in directory.guidance_by_country.get(country.code, ()):
        yield from _unknown(f"{folder}/guidance.yaml: letters", fact.letters, letters)
    if country.counting and country.counting.deadline not in rows:
        yield f"{position}: counting: deadline: there is no row {country.counting.deadline} in {folder}/deadlines.yaml"
    try:
        ZoneInfo(country.time_zone)
    except (OSError, ValueError, KeyError):
        yield f"{position}: time_zone: there is no such zone"


def _vocabulary(directory: Directory) -> dict[str, frozenset[str]]:
    return {
        "need": frozenset(need.id for need in directory.needs),
        "country": frozenset(country.code for country in directory.countries),
        "region": frozenset(region for country in directory.countries for region in country.regions),
        "status": STATUSES,
        "group": GROUPS,
        "age": AGES,
        "gender": GENDERS,
        "urgency": URGENCIES,
    }


def _rule(position: str, entry: ServiceEntry, allowed: dict[str, frozenset[str]]) -> Iterator[str]:
    if not entry.countries:
        yield f"{position}: country: it names no country"
    asked = set[str]()
    for leaf in entry.service.rule.leaves():
        codes = (*getattr(leaf.test, "any_of", ()), *getattr(leaf.test, "perhaps", ()))
        if leaf.kind in allowed:
            yield from _unknown(f"{position}: {leaf.kind}", codes, allowed[leaf.kind])
        elif leaf.kind in {"nationality", "language"}:
            yield from _misspelt(f"{position}: {leaf.kind}", leaf, codes)
        if leaf.kind == "need":
            asked.update(codes)
        if leaf.kind == "region":
            elsewhere = [code for code in codes if code.split("-")[0] not in entry.countries]
            yield from (f"{position}: region: {code} is not in a country that it serves" for code in elsewhere)
    for need in entry.service.needs:
        if need not in asked:
            yield f"{position}: need: {need} is listed, but the rule does not ask for it"


def _misspelt(position: str, leaf: Rule, codes: Iterable[str]) -> Iterator[str]:
    shape = _COUNTRY_CODE if leaf.kind == "nationality" else _LANGUAGE_CODE
    for code in codes:
        if not shape.fullmatch(code):
            yield f"{position}: {code} is not such a code"


def _unknown(position: str, codes: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    allowed = frozenset(known)
    for code in codes:
        if code not in allowed:
            yield f"{position}: there is no {code}"


def _twice(position: str, ids: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in ids:
        if name in seen:
            yield f"{position}: {name}: appears twice"
        seen.add(name)
