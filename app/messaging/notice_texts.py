"""Texts of notices: for partners in English, for a person in their language. Counts and a link, nothing else."""

from collections import Counter
from collections.abc import Sequence
from types import MappingProxyType
from typing import Final

from app.core.i18n import N_, translator

_NEWS: Final = N_("News")
_NEUTRAL: Final = N_("There is something new for you.")
_OPEN: Final = N_("There is something new about your request. Come back with your number to read it: {link}")

PARTNER_GROUPS: Final = MappingProxyType(
    {
        "referral_offered": "new request",
        "offer_reminder": "reminder to answer",
        "referral_acknowledged": "answer to your question",
        "person_wrote": "new message",
        "team_wrote": "new message",
        "times_answered": "answer about offered times",
        "look_at_waitlisted": "date to review",
        "look_at_accepted": "date to review",
        "look_at_in_progress": "date to review",
        "look_at_on_hold": "date to review",
        "referral_withdrawn": "request that has ended",
        "referral_client_declined": "request that has ended",
        "referral_entered_in_error": "request that has ended",
        "access_change": "proposed change to who can read your requests",
    }
)
"""What each kind of notice to an organisation is counted as. One row for every kind that is ever queued for one: a test
(`tests/architecture/test_notice_kinds.py`) compares it with the table of moves and with the scheduler."""
_PLURALS: Final = {
    "reminder to answer": "reminders to answer",
    "answer to your question": "answers to your questions",
    "answer about offered times": "answers about offered times",
    "date to review": "dates to review",
    "request that has ended": "requests that have ended",
    "proposed change to who can read your requests": "proposed changes to who can read your requests",
}


def for_partner(kinds: Sequence[str], link: str) -> tuple[str, str]:
    """Subject and text: counts by kind, and the sign-in link."""
    counted = Counter(PARTNER_GROUPS.get(kind, "other change") for kind in kinds)
    lines = [f"{number} {_named(name, number)}" for name, number in counted.items()]
    subject = lines[0] if len(lines) == 1 else f"{len(kinds)} updates for you"
    return subject, "\n".join([*lines, "", f"Sign in to read: {link}"])


def _named(name: str, number: int) -> str:
    return name if number == 1 else _PLURALS.get(name, f"{name}s")


def for_person(language: str, link: str, *, may_say_who: bool) -> tuple[str, str]:
    """Subject and text. Without permission to say who we are: no link, and no mention of the request."""
    words = translator(language)
    return words.text(_NEWS), words.text(_OPEN, link=link) if may_say_who else words.text(_NEUTRAL)
