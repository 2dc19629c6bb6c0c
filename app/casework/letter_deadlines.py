"""The deadline of a letter as it was calculated when the person reported the letter, with the pack's present remarks on it.

The day and its certainty are stored with the case and never become later by themselves. Source, note and further steps come
from the pack, for the kind of letter that the facts name.
"""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime
from typing import Any, cast

from app.cases.models import Case
from app.core.i18n import Translator
from app.directory.packs import Directory
from app.matching import deadline_texts, runs
from app.matching.deadlines import Certainty, DeadlineFinding


def of_case(case: Case, facts: Mapping[str, Any] | None, directory: Directory, now: datetime) -> DeadlineFinding | None:
    """The deadline stored with a case; None when it has none. `facts`: None or empty when they cannot be read any more.

    A deadline without a certainty counts as assumed.
    """
    if case.last_safe_day is None:
        return None
    today = runs.local_date(directory, case.country, now)
    computed = None
    if facts and directory.has_country(facts.get("country", "")):
        asked_on = runs.local_date(directory, case.country, case.waiting_since)
        _facts, computed = runs.facts_and_deadline(dict(facts), directory, now, asked_on=asked_on)
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
            stored, event=computed.event, rule=computed.rule
        )  # counted today it is another day: not its source
    return replace(
        stored, source=computed.source, source_url=computed.source_url, event=computed.event, rule=computed.rule
    )


def of_document(document: Mapping[str, Any], country: str, directory: Directory, today: date) -> DeadlineFinding:
    """The deadline finding that a JSON document from `document` was made from."""
    day, event = date.fromisoformat(document["last_safe_day"]), document.get("event")
    return DeadlineFinding(
        last_safe_day=day,
        certainty=document["certainty"],
        source=document["source"],
        source_url=document.get("source_url"),
        event=event,
        passed=day < today,
        rule=directory.deadline(country, event) if event else None,
    )


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
