"""The deadline of a person's letter in words, for their pages: known, probably over, or not known."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from app.cases import sealed_parts
from app.cases.models import Case
from app.casework import letter_deadlines
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.matching import deadline_texts, runs
from app.matching.code_names import CodeNames
from app.matching.deadline_texts import DeadlineText


def of_case(
    case: Case, keys: KeyRing, code_names: CodeNames, directory: Directory, now: datetime
) -> DeadlineText | None:
    """The deadline stored with a case; None when it has no letter."""
    try:
        facts = sealed_parts.decrypt_facts(keys, case.id, case.facts_version, case.facts) if case.facts else None
    except CannotOpen:
        facts = None
    finding = letter_deadlines.of_case(case, facts, directory, now)
    today = runs.local_date(directory, case.country, now)
    return deadline_texts.describe(finding, today, code_names.translator) if finding else None


def of_reply(
    reply: Mapping[str, Any], code_names: CodeNames, directory: Directory, now: datetime
) -> DeadlineText | None:
    """The deadline in the answer to an intake; None when it names none."""
    if not reply.get("deadline"):
        return None
    today = runs.local_date(directory, reply["country"], now)
    finding = letter_deadlines.of_document(reply["deadline"], reply["country"], directory, today)
    return deadline_texts.describe(finding, today, code_names.translator)
