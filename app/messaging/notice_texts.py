"""Texts of notices: for partners in English, for a person in their language. Counts and a link, nothing else."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.core.i18n import N_, translator

_NEWS: Final = N_("News")
_NEUTRAL: Final = N_("There is something new for you.")
_OPEN: Final = N_("There is something new about your request. Come back with your number to read it: {link}")

_GROUPS: Final = (
    ("new request", frozenset({"referral_offered"})),
    ("reminder to answer", frozenset({"offer_reminder"})),
    ("answer to your question", frozenset({"referral_acknowledged"})),
    ("date to review", frozenset({"look_at_waitlisted", "look_at_accepted", "look_at_in_progress", "look_at_on_hold"})),
    ("request that has ended", frozenset({"referral_withdrawn", "referral_client_declined", "referral_entered_in_error"})),
)  # fmt: skip
_IRREGULAR: Final = {
    "reminder to answer": "reminders to answer",
    "answer to your question": "answers to your questions",
    "date to review": "dates to review",
    "request that has ended": "requests that have ended",
}


def for_partner(kinds: Sequence[str], link: str) -> tuple[str, str]:
    """Subject and text: counts by kind, and the sign-in link."""
    counted = Counter(_group(kind) for kind in kinds)
    lines = [f"{number} {_named(name, number)}" for name, number in counted.items()]
    subject = lines[0] if len(lines) == 1 else f"{len(kinds)} updates for you"
    return subject, "\n".join([*lines, "", f"Sign in to read: {link}"])


def _group(kind: str) -> str:
    return next((name for name, kinds in _GROUPS if kind in kinds), "other change")


def _named(name: str, number: int) -> str:
    return name if number == 1 else _IRREGULAR.get(name, f"{name}s")


def for_person(language: str, link: str, *, may_say_who: bool) -> tuple[str, str]:
    """Subject and text. Without permission to say who we are: no link, and no mention of the request."""
    words = translator(language)
    return words.text(_NEWS), words.text(_OPEN, link=link) if may_say_who else words.text(_NEUTRAL)
