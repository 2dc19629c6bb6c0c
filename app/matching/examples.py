"""Example cases of the packs, written by lawyers: facts about a person, and the services that must and must not match.

`app/countries/<country>/examples.yaml`. A service is named by its organisation, or as `organisation/service` where
the organisation has several. Facts that are left out are unknown.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.directory.catalogue import Directory
from app.directory.packs import EXAMPLES, PACKS, PackError, document
from app.directory.rules import GROUPS, STATUSES
from app.matching import deadlines, runs
from app.matching.engine import MatchResult, evaluate, related_needs

_CONSENT: Final = {"mode": "ask_first"}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ExampleLetter(_Strict):
    kind: str | None = None
    received_on: date | None = None


class ExamplePerson(_Strict):
    """The known facts about a person: the fields of an intake that matching reads."""

    needs: tuple[str, ...] = Field(min_length=1)
    region: str | None = None
    speak: tuple[str, ...] = ()
    language: str | None = None
    nationality: str | None = None
    status: str | None = None
    groups: tuple[str, ...] = ()
    helps: tuple[str, ...] = ()
    happened: tuple[str, ...] = ()
    how_soon: Literal["today", "week", "month", "none", "unknown"] = "unknown"
    letter: ExampleLetter | None = None
    never: tuple[str, ...] = ()


class Example(_Strict):
    """One person and the expected result. `first`: the candidate that must be ranked first."""

    person: str
    on: date = date(2026, 11, 24)
    facts: ExamplePerson
    named: tuple[str, ...] = ()
    first: str | None = None
    nearest: tuple[str, ...] = ()
    refused: tuple[str, ...] = Field(default=(), alias="not")
    urgency: Literal["emergency", "urgent", "normal"] | None = None
    last_safe_day: date | None = None
    certainty: str | None = None


class _Examples(_Strict):
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class ExampleFault:
    """An example whose expected result differs from the actual one."""

    country: str
    person: str
    difference: str


def read(folder: Path) -> tuple[Example, ...]:
    """The examples of one pack. Raises PackError."""
    path = folder / EXAMPLES
    name = f"{folder.name}/{EXAMPLES}"
    if not path.exists():
        return ()
    try:
        return _Examples.model_validate(document(name, path.read_text(encoding="utf-8"))).examples
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise PackError(f"{name}: {': '.join(map(str, first['loc']))}: {first['msg']}") from None


def check(directory: Directory, root: Path = PACKS) -> tuple[int, list[ExampleFault]]:
    """The number of examples, and those that fail."""
    count, faults = 0, list[ExampleFault]()
    for country in directory.countries:
        for example in read(root / country.code.lower()):
            count += 1
            faults += [
                ExampleFault(country.code, example.person, difference)
                for difference in faults_of(example, directory, country.code)
            ]
    return count, faults


def faults_of(example: Example, directory: Directory, country: str) -> Iterator[str]:
    """The differences from the expected result, one sentence each."""
    misspelt = list(_misspelt(example, directory, country))
    if misspelt:
        yield from misspelt
        return
    facts, finding = runs.facts_and_deadline(
        _answers(example.facts, country), directory, _noon(example, directory, country)
    )
    result = evaluate(facts, directory.services_for(country), example.on, related=related_needs(directory))
    places = _places(result)
    for expected, allowed in (
        (example.named, ("named",)),
        (example.nearest, ("nearest",)),
        (example.refused, ("not", "nearest")),
    ):
        for name in expected:
            for key in _keys(name, directory, country):
                if places[key] not in allowed:
                    yield f"{key} should be {allowed[0]} and is {places[key]}"
    if example.first is not None and _first(result) not in _keys(example.first, directory, country):
        yield f"{example.first} should be first, and {_first(result)} is"
    if example.urgency is not None and facts.urgency != example.urgency:
        yield f"the urgency should be {example.urgency} and is {facts.urgency}"
    day = finding.last_safe_day if finding else None
    if example.last_safe_day is not None and day != example.last_safe_day:
        yield f"the last safe day should be {example.last_safe_day} and is {day}"
    certainty = finding.certainty if finding else None
    if example.certainty is not None and certainty != example.certainty:
        yield f"the certainty should be {example.certainty} and is {certainty}"


def _noon(example: Example, directory: Directory, country: str) -> datetime:
    return datetime.combine(example.on, time(12), deadlines.time_zone(directory.country(country)))


def _answers(person: ExamplePerson, country: str) -> dict[str, Any]:
    known = person.model_dump(mode="json", exclude={"never"}, exclude_none=True)
    return {**known, "country": country, "for_whom": "self", "consent": {**_CONSENT, "never": list(person.never)}}


def _places(result: MatchResult) -> Mapping[str, str]:
    groups = (("named", result.candidates), ("nearest", result.nearest), ("not", result.not_matched))
    return {match.service: where for where, group in groups for match in group}


def _first(result: MatchResult) -> str | None:
    return result.candidates[0].service if result.candidates else None


def _keys(name: str, directory: Directory, country: str) -> list[str]:
    services = directory.services_for(country)
    return [entry.key for entry in services if name in {entry.key, entry.organisation.id}]


def _misspelt(example: Example, directory: Directory, country: str) -> Iterator[str]:
    for name in (*example.named, *example.nearest, *example.refused, *((example.first,) if example.first else ())):
        if not _keys(name, directory, country):
            yield f"there is no service {name} in this country"
    person = example.facts
    known = (
        (person.needs, {need.id for need in directory.needs}, "need"),
        ((person.region,), directory.country(country).regions, "region"),
        ((person.status,), STATUSES | {"unknown"}, "status"),
        (person.groups, GROUPS, "group"),
        (person.happened, {entry.code for entry in directory.persecution}, "code of what happened"),
    )
    for codes, allowed, what in known:
        for code in codes:
            if code is not None and code not in allowed:
                yield f"there is no {what} {code}"
    kind = person.letter.kind if person.letter else None
    if kind not in {None, "unknown"} and directory.deadline(country, str(kind)) is None:
        yield f"there is no letter {kind}"
