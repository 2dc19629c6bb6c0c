"""The deadlines of a letter as they were calculated when the person reported the letter, with the pack's present remarks on them.

The day and its certainty are stored with the case and never become later by themselves. Source, note and further steps come
from the pack, for the kind of letter that the facts name.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any, cast

from app.cases import sealed_parts
from app.cases.models import Case
from app.core.i18n import Translator, translator
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.matching import deadline_texts, runs
from app.matching.deadlines import Certainty, DeadlineFinding, FurtherDay
from app.referrals import partner_queries


def of_case(case: Case, facts: Mapping[str, Any] | None, directory: Directory, now: datetime) -> DeadlineFinding | None:
    """The deadline stored with a case; None when it has none. `facts`: None or empty when they cannot be read any more.

    A deadline without a certainty counts as assumed.
    """
    if case.last_safe_day is None:
        return None
    today = runs.local_date(directory, case.country, now)
    computed = _counted_again(case.country, case.waiting_since, facts, directory, now)
    stored = DeadlineFinding(
        last_safe_day=case.last_safe_day,
        certainty=cast("Certainty", case.deadline_certainty or "assumed"),
        source="",
        source_url=None,
        event=None,
        passed=case.last_safe_day < today,
    )
    if computed is None:
        return stored
    if (computed.last_safe_day, computed.certainty) != (stored.last_safe_day, stored.certainty):
        return replace(
            stored, event=computed.event, rule=computed.rule, further=computed.further
        )  # counted today it is another day: not its source
    return replace(computed, passed=stored.passed)


def _counted_again(
    country: str, waiting_since: datetime, facts: Mapping[str, Any] | None, directory: Directory, now: datetime
) -> DeadlineFinding | None:
    if not facts or not directory.has_country(facts.get("country", "")):
        return None
    asked_on = runs.local_date(directory, country, waiting_since)
    _facts, computed = runs.facts_and_deadline(dict(facts), directory, now, asked_on=asked_on)
    return computed


@dataclass(frozen=True, slots=True)
class DueDay:
    """One day by which something is due, for an organisation.

    `what`: the kind of letter, or what has to be done; empty where neither is known. `is_letters`: it is the letter's own limit,
    not a further step and not a day that somebody else named. `is_known`: not a careful assumption.
    """

    last_safe_day: date
    certainty: Certainty
    what: str
    event: str | None
    is_letters: bool
    also: tuple[str, ...] = ()

    @property
    def is_known(self) -> bool:
        return self.certainty != "assumed"


def due_days(row: partner_queries.Row, keys: KeyRing, directory: Directory, now: datetime, lang: str) -> list[DueDay]:
    """All days of a referral by which something is due, in order.

    The case's deadline, the letter's own where another day is stored, and its further steps. Nothing once the organisation may
    not see the card any more.

    `row`: as `partner_queries.by_id` reads it.
    """
    if row.deadline_on is None:
        return []
    facts: dict[str, Any] = {}
    if row.facts is not None:
        with contextlib.suppress(CannotOpen):
            facts = sealed_parts.decrypt_facts(keys, row.case_id, row.facts_version, row.facts)
    words = translator(lang)
    certainty = cast("Certainty", row.deadline_certainty or "assumed")
    letter = _counted_again(row.country, row.waiting_since, facts, directory, now)
    if letter is None:
        return [DueDay(row.deadline_on, certainty, "", None, is_letters=False)]
    text = deadline_texts.describe(letter, runs.local_date(directory, row.country, now), words)
    own = DueDay(
        letter.last_safe_day, letter.certainty, text.kind, letter.event, is_letters=True,
        also=tuple(words.text(sentence) for sentence in (letter.rule.also if letter.rule else ())),
    )  # fmt: skip
    days = [own]
    if row.deadline_on != own.last_safe_day:  # another day was named, or was counted when the request was filed
        days.append(DueDay(row.deadline_on, certainty, "", None, is_letters=False))
    steps = {step.event: step for step in (letter.rule.then if letter.rule else ())}
    days += [
        DueDay(
            day.last_safe_day,
            day.certainty,
            words.text(steps[day.rule.event].by, day=words.date(day.last_safe_day)),
            day.rule.event,
            is_letters=False,
        )
        for day in letter.further
    ]
    return sorted(days, key=lambda one: one.last_safe_day)


def of_document(document: Mapping[str, Any], country: str, directory: Directory, today: date) -> DeadlineFinding:
    """The deadline finding in a JSON document that `document` made."""
    day, event = date.fromisoformat(document["last_safe_day"]), document.get("event")
    return DeadlineFinding(
        last_safe_day=day,
        certainty=document["certainty"],
        source=document["source"],
        source_url=document.get("source_url"),
        event=event,
        passed=day < today,
        rule=directory.deadline(country, event) if event else None,
        further=tuple(_further(document.get("further", ()), country, directory)),
    )


def _further(days: Iterable[Mapping[str, Any]], country: str, directory: Directory) -> Iterator[FurtherDay]:
    for day in days:
        row = directory.deadline(country, day["event"])
        if row is not None:
            yield FurtherDay(date.fromisoformat(day["last_safe_day"]), day["certainty"], row)


def document(finding: DeadlineFinding, today: date, translator: Translator) -> dict[str, Any]:
    """A deadline as JSON, with sentences in the reader's language. Empty fields are left out."""
    text, rule = deadline_texts.describe(finding, today, translator), finding.rule
    optional = {
        "event": finding.event,
        "heading": text.heading,
        "note": text.note,
        "source_url": finding.source_url,
        "certainty_text": text.certainty,
        "stops_removal": rule.stops_removal if rule else None,
        "removal_text": text.removal,
        "appeal_to": text.appeal_to,
        "filed_through": text.filed_through,
        "also_due": list(text.also),
        "further": [
            {"event": day.rule.event, "last_safe_day": day.last_safe_day.isoformat(), "certainty": day.certainty}
            for day in finding.further
        ],
        "remarks": [sentence for sentence in (text.competing, *text.remarks) if sentence],
    }
    return {
        "last_safe_day": finding.last_safe_day.isoformat(),
        "certainty": finding.certainty,
        "source": finding.source,
        "known": finding.is_known,
        "passed": text.passed,
        "text": f"{text.sentence} {text.remaining}".rstrip(),
        **{name: value for name, value in optional.items() if value},
    }
