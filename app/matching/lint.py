"""The linter of rule sets: errors and warnings before a rule set is published.

An error prevents publication; a warning is shown. Each finding names its position as `service: field`. Whether a rule can be
fulfilled is found by walking all its ways to yes and collecting what each requires of one person, who has one status, one
citizenship, one age and one region, and may have many needs, groups and languages.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations
from typing import Any, Final, Literal

from app.core.i18n import N_, Translatable
from app.directory.catalogue import Directory, ServiceEntry
from app.directory.rules import AGES, GENDERS, GROUPS, STATUSES, URGENCIES, Rule
from app.matching import coverage
from app.matching.engine import evaluate, related_needs
from app.matching.facts import Facts
from app.matching.leaves import ALWAYS
from app.matching.reasons import SENTENCES

STALE_AFTER: Final = timedelta(days=730)
LONGEST: Final = {"hours": 240, "calendar_days": 400, "working_days": 260, "months": 36}
_ONE_OF: Final = frozenset({"country", "region", "status", "nationality", "gender", "age", "urgency"})
_SETS: Final = frozenset({"need", "group", "language"})
_WHOLE: Final[Mapping[str, frozenset[str]]] = {
    "status": STATUSES, "age": AGES, "gender": GENDERS, "urgency": URGENCIES, "group": GROUPS,
}  # fmt: skip
_STEPS: Final = 200_000

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One error or warning. `code` is stable, for tests and scripts."""

    level: Level
    code: str
    position: str
    text: str


def lint(
    directory: Directory, on: date, *, catalogues: Mapping[str, Callable[[str], bool]] | None = None
) -> list[Finding]:
    """All findings, errors first. `catalogues`: for each language, a function that says whether a message is translated."""
    findings = [
        *_rules(directory),
        *_dead_ends(directory, on),
        *_sentences(catalogues or {}),
        *_deadlines(directory),
        *_stale(directory, on),
    ]
    return sorted(findings, key=lambda finding: finding.level != "error")


# --- rules -----------------------------------------------------------------------------------------------------------


def _rules(directory: Directory) -> Iterator[Finding]:
    for entry in directory.services:
        yield from _rule(entry, directory)
    for organisation in directory.organisations:
        position = f"{directory.files.get(organisation.id, '?')}: {organisation.id}"
        for one, other in combinations(organisation.services, 2):
            if _same_people(one.rule, other.rule):
                yield Finding(
                    "error",
                    "identical",
                    position,
                    Translatable("{one} and {other} are for exactly the same people", one=one.id, other=other.id),
                )


def _same_people(one: Rule, other: Rule) -> bool:
    """Whether two rules are fulfilled by exactly the same people, whatever their form."""
    if _canonical(one) == _canonical(other):
        return True
    try:
        return all(
            not can_be(Rule.model_validate({"all": [inside, {"not": outside}]}), may=True)
            for inside, outside in ((one, other), (other, one))
        )
    except TooLong:
        return False


def _rule(entry: ServiceEntry, directory: Directory) -> Iterator[Finding]:
    position = f"{directory.files.get(entry.organisation.id, '?')}: {entry.key}"
    rule = entry.service.rule
    try:
        if not can_be(rule, may=True):
            yield Finding("error", "contradiction", position, N_("nobody can ever fulfil this rule"))
        elif not can_be(rule):
            yield Finding(
                "warning",
                "only_nearest",
                position,
                N_("the service can only ever be a near match: something stays unknown"),
            )
        for branch in _branches(rule):
            if not can_be(branch, may=True):
                yield Finding("error", "dead_branch", position, N_("one part of an `any` can never be fulfilled"))
        for part in _always_true(rule):
            yield Finding(
                "warning",
                "always_true",
                position,
                Translatable("a part of an `all` is always fulfilled: {part}", part=part),
            )
    except TooLong:
        yield Finding("warning", "too_long", position, N_("the rule has too many ways to try them all"))
    if entry.organisation.kind == "authority":
        yield Finding("error", "unreachable", position, N_("an authority is never sent a case"))
    if not entry.countries & {country.code for country in directory.countries}:
        yield Finding("error", "unreachable", position, N_("it is offered in no country we serve"))
    for leaf in _negated(rule, False):
        if leaf.kind in ALWAYS:
            yield Finding(
                "error",
                "contradiction",
                position,
                Translatable("{kind} is checked for every service, yet stands under `not`", kind=leaf.kind),
            )


def _branches(rule: Rule) -> Iterator[Rule]:
    if rule.kind in {"all", "any"}:
        for child in rule.test:
            if rule.kind == "any":
                yield child
            yield from _branches(child)


def _always_true(rule: Rule) -> Iterator[str]:
    for child in rule.test if rule.kind == "all" else ():
        if child.kind == "any" and not can_be(Rule.model_validate({"not": child}), may=True):
            yield ", ".join(sorted({leaf.kind for leaf in child.leaves()}))


def _negated(rule: Rule, inside: bool) -> Iterator[Rule]:
    if rule.kind == "not_":
        yield from _negated(rule.test, not inside)
    elif rule.kind in {"all", "any"}:
        for child in rule.test:
            yield from _negated(child, inside)
    elif inside:
        yield rule


def _canonical(rule: Rule) -> Any:
    """A form of the rule in which the order of its parts does not matter."""
    if rule.kind == "not_":
        return ("not", _canonical(rule.test))
    if rule.kind in {"all", "any"}:
        return (rule.kind, frozenset(_canonical(child) for child in rule.test))
    test = rule.test
    if not hasattr(test, "any_of"):
        return (rule.kind, test)
    rest = tuple(sorted((name, str(value)) for name, value in test.model_dump().items() if name != "any_of"))
    return (rule.kind, frozenset(test.any_of), rest)


class TooLong(Exception):
    """A rule can be fulfilled in more ways than the linter tries."""


@dataclass(frozen=True, slots=True)
class _Person:
    """The requirements on one person, collected from the parts of a rule."""

    one_of: Mapping[str, frozenset[str]]
    not_one_of: Mapping[str, frozenset[str]]
    some_of: tuple[tuple[str, frozenset[str]], ...]
    within: tuple[int, int]


_NOBODY: Final = _Person({}, {}, (), (-10_000, 10_000))


def can_be(rule: Rule, *, may: bool = False) -> bool:
    """Whether any person can fulfil the rule. `may`: a test that is never certain counts as fulfilled.

    Raises TooLong.
    """
    left = [_STEPS]
    return next(_ways([(rule, False)], _NOBODY, may, left), None) is not None


def _ways(todo: list[tuple[Rule, bool]], person: _Person, may: bool, left: list[int]) -> Iterator[_Person]:
    """The possible people who fulfil all rules of `todo`, each paired with whether it is negated."""
    left[0] -= 1
    if left[0] < 0:
        raise TooLong
    if not todo:
        yield person
        return
    (rule, negated), rest = todo[0], todo[1:]
    if rule.kind == "not_":
        yield from _ways([(rule.test, not negated), *rest], person, may, left)
    elif rule.kind in {"all", "any"}:
        children = [(child, negated) for child in rule.test]
        if (rule.kind == "all") != negated:
            yield from _ways([*sorted(children, key=_hard_last), *rest], person, may, left)
        else:
            for child in children:
                yield from _ways([child, *rest], person, may, left)
    else:
        stricter = _asked(rule, negated, person, may)
        if stricter is not None:
            yield from _ways(rest, stricter, may, left)


def _hard_last(child: tuple[Rule, bool]) -> bool:
    return child[0].kind in {"all", "any", "not_"}


def _asked(leaf: Rule, negated: bool, person: _Person, may: bool) -> _Person | None:
    """The person with the requirement of this test added; None if they contradict."""
    kind, test = leaf.kind, leaf.test
    if kind == "remote_ok":
        fulfilled = test == ("no" if negated else "yes") or (may and test == "unknown")
        return person if fulfilled else None
    if kind in ALWAYS:
        return None if negated else person
    if kind == "deadline_within":
        low, high = person.within
        span = (max(low, test + 1), high) if negated else (low, min(high, test))
        return None if span[0] > span[1] else _Person(person.one_of, person.not_one_of, person.some_of, span)
    wanted = frozenset(test.any_of)
    if kind == "region" and test.only_part is not None and negated == may:
        return person if may else None  # living there answers neither yes nor no
    if kind == "status":
        wanted |= frozenset(test.perhaps) if may != negated else frozenset()
    if kind == "language" and (not wanted or test.interpreter != "no"):
        return None if negated else person
    return _narrowed(kind, wanted, negated, person)


def _narrowed(kind: str, wanted: frozenset[str], negated: bool, person: _Person) -> _Person | None:
    one_of, none_of, some_of = dict(person.one_of), dict(person.not_one_of), person.some_of
    if negated:
        none_of[kind] = none_of.get(kind, frozenset()) | wanted
    elif kind in _SETS:
        some_of = (*some_of, (kind, wanted))
    else:
        one_of[kind] = one_of[kind] & wanted if kind in one_of else wanted
    asked = _Person(one_of, none_of, some_of, person.within)
    return asked if _exists(asked) else None


def _exists(person: _Person) -> bool:
    for kind, allowed in person.one_of.items():
        if not allowed - person.not_one_of.get(kind, frozenset()):
            return False
    for kind, wanted in person.some_of:
        if not wanted - person.not_one_of.get(kind, frozenset()):
            return False
    for kind, left_out in person.not_one_of.items():
        if kind in _ONE_OF and kind in _WHOLE and not _WHOLE[kind] - left_out:
            return False
    regions, countries = person.one_of.get("region"), person.one_of.get("country")
    return regions is None or countries is None or any(code.split("-")[0] in countries for code in regions)


# --- the rest of the packs -------------------------------------------------------------------------------------------


def _dead_ends(directory: Directory, on: date) -> Iterator[Finding]:
    for cell in coverage.coverage(directory, on):
        position = f"{cell.country}: {cell.need}"
        if cell.ends_nowhere and not directory.urgent_contacts(cell.country, {cell.need}):
            yield Finding(
                "error",
                "dead_end",
                position,
                N_("nobody helps, there is no near match, and there is no emergency contact"),
            )
        elif cell.ends_nowhere:
            yield Finding(
                "warning",
                "hole",
                position,
                N_("nobody helps, and there is no near match: only the emergency contacts are left"),
            )
        elif cell.is_hole:
            near = cell.nearest[0].service if cell.nearest else cell.unverified[0]
            yield Finding(
                "warning", "hole", position, Translatable("no confirmed centre helps; what is left: {near}", near=near)
            )
        else:
            for language in coverage.SPOKEN:
                if language not in cell.speaks:
                    yield from _in_language(cell, language, directory, on)


def _in_language(cell: coverage.CoverageCell, language: str, directory: Directory, on: date) -> Iterator[Finding]:
    """Warnings for people who speak only this language: a cell without a candidate and without a fallback is a dead end."""
    case = Facts(frozenset({cell.need}), cell.country, languages=(language,))
    result = evaluate(case, directory.services_for(cell.country), on, related=related_needs(directory))
    position = f"{cell.country}: {cell.need}: {language}"
    if any(match.verified for match in result.candidates):
        return
    near = [match.service for match in (*result.nearest, *result.candidates)]
    fallback = near or [contact.name for contact in directory.urgent_contacts(cell.country, {cell.need})]
    if fallback:
        yield Finding(
            "warning",
            "language",
            position,
            Translatable(
                "nobody works in this language or with an interpreter; what is left: {near}", near=fallback[0]
            ),
        )
    else:
        yield Finding(
            "error",
            "dead_end",
            position,
            N_("nobody works in this language or with an interpreter, and there is no near match"),
        )


def _sentences(catalogues: Mapping[str, Callable[[str], bool]]) -> Iterator[Finding]:
    for key, sentence in SENTENCES.items():
        if not sentence.strip() or sentence[-1] not in ".?!":
            yield Finding("error", "no_reason", f"reasons: {key}", N_("the reason is not a whole sentence"))
    for language, has in catalogues.items():
        missing = [key for key, sentence in SENTENCES.items() if not has(sentence)]
        if missing:
            shown = ", ".join(missing[:5]) + (" …" if len(missing) > 5 else "")
            yield Finding(
                "error",
                "no_translation",
                f"locales: {language}",
                Translatable("translations of reasons are missing ({n}): {shown}", n=len(missing), shown=shown),
            )


def _deadlines(directory: Directory) -> Iterator[Finding]:
    for country in (*(entry.code for entry in directory.countries), "EU"):
        for row in directory.deadlines(country):
            position = f"{country.lower()}/deadlines.yaml: {row.event}"
            if row.limit is not None and row.limit.value > LONGEST[row.limit.unit]:
                yield Finding(
                    "error",
                    "unit",
                    position,
                    Translatable(
                        "a time limit of `{limit}` cannot be right", limit=f"{row.limit.value} {row.limit.unit}"
                    ),
                )
            if row.letter_kind and row.limit is None:
                yield Finding(
                    "warning", "no_limit", position, N_("a letter without a time limit: it is treated as due in 5 days")
                )


def _stale(directory: Directory, on: date) -> Iterator[Finding]:
    sources: list[tuple[str, str | None]] = [
        (f"{directory.files.get(entry.id, '?')}: {entry.id}", entry.source.date)
        for entry in directory.organisations
        if entry.kind == "centre" and entry.source.confidence != "low"
    ]
    sources += [
        (f"{country.code.lower()}/deadlines.yaml: {row.event}", row.source.date)
        for country in directory.countries
        for row in directory.deadlines(country.code)
        if row.letter_kind
    ]
    for position, written in sources:
        if written is None:
            yield Finding("warning", "undated", position, N_("nobody wrote down when it was confirmed"))
            continue
        day = latest_day(written)
        if day is None:
            yield Finding(
                "error",
                "date",
                position,
                Translatable("the date of the source cannot be read: {written}", written=written),
            )
        elif day > on and not _this_period(written, on):
            yield Finding(
                "error",
                "date",
                position,
                Translatable("the date of the source is still to come: {written}", written=written),
            )
        elif on - day > STALE_AFTER:
            yield Finding("warning", "stale", position, Translatable("not confirmed since {written}", written=written))


def _this_period(written: str, on: date) -> bool:
    return on.isoformat().startswith(written)


def latest_day(written: str) -> date | None:
    """The last day that `2024`, `2024-05` or `2024-05-17` can mean."""
    parts: Sequence[str] = written.split("-")
    try:
        numbers = [int(part) for part in parts]
        if len(numbers) == 1:
            return date(numbers[0], 12, 31)
        if len(numbers) == 2:
            first = date(numbers[0], numbers[1], 1)
            return date(first.year + first.month // 12, first.month % 12 + 1, 1) - timedelta(days=1)
        return date(*numbers)
    except (ValueError, TypeError):
        return None
