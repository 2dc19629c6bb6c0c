"""Where an organisation is, as our sources write it: towns to go to, or words like "nationwide" and "online". Pure."""

import re
from dataclasses import dataclass
from typing import Final

import phonenumbers

from app.directory.catalogue import Directory

_EVERYWHERE: Final = frozenset({"nationwide", "online", "international"})
_NO_TOWN: Final = re.compile(r"\b(?:regions?|abroad|hubs|offices)\b", re.IGNORECASE)
_OTHER_STATES: Final = frozenset({"France", "Germany", "Poland", "Lithuania", "Georgia"})
_LAENDER: Final = frozenset({"North Rhine-Westphalia"})
"""Regions that our sources write in another form than the list of regions."""


@dataclass(frozen=True, slots=True)
class Places:
    """`towns`: where people can go to. `words`: which of "nationwide", "online" and "international" the source uses."""

    towns: tuple[str, ...] = ()
    words: frozenset[str] = frozenset()


def places_of(written: str, directory: Directory) -> Places:
    """The parts of what a source writes as the place. A region or state without a town is no place to go to."""
    words = frozenset(word for word in _EVERYWHERE if re.search(rf"\b{word}\b", written, re.IGNORECASE))
    regions = {
        name
        for country in directory.countries
        for region in country.regions.values()
        for name in (region.en, region.local)
        if name
    }
    towns = []
    for part in re.split(r";|\band\b", re.sub(r"\([^)]*\)", "", written)):
        name = part.strip()
        is_city_state = name in {"Berlin", "Hamburg", "Bremen", "Tbilisi"}
        if not name or name.lower() in _EVERYWHERE or _NO_TOWN.search(name) or name in _OTHER_STATES | _LAENDER:
            continue
        if name in regions and not is_city_state:
            continue
        towns.append(name)
    return Places(tuple(dict.fromkeys(towns)), words)


def international(number: str, country: str) -> tuple[str, str]:
    """A phone number as it is dialled from anywhere, and a remark on it; a short one can be dialled within the country only."""
    try:
        parsed = phonenumbers.parse(number, country if country.isalpha() and len(country) == 2 else None)
    except phonenumbers.NumberParseException:
        return number, ""
    if phonenumbers.is_valid_number(parsed):
        return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL), ""
    return number, "" if number.startswith("+") else "A short number, for calls within the country only."
