"""The sentences on what happens after a request is sent, for the choices that the person made. Pure."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Final

from app.core.i18n import N_, Translator

_READ: Final = N_("A coordinator will read your request. The most urgent requests come first.")
_ASKED_FIRST: Final = N_("No centre is asked until you come back with your number and say yes.")
_CHOSEN: Final = N_(
    "We ask a centre that you chose. It has to answer within a fixed time. If it does not, we ask the next one you chose."
)
_BY_HAND: Final = N_("A coordinator contacts the centres that you chose, first without your name.")
_BY_YOURSELF: Final = N_(
    "The centres that we have found do not take requests from us: contact them yourself. A coordinator will look for others."
)
_NOBODY: Final = N_("We have found no centre yet. A coordinator will look for one and write to you here.")
IN_HOURS: Final = N_("Come back with your number in a few hours. After that, look every day.")
_ON_A_DAY: Final = N_("Come back with your number on {day}. After that, look every few days.")
_ON_A_DAY_THEN_DAILY: Final = N_("Come back with your number on {day}. After that, look every day.")
_NOTICE: Final = N_("We will also let you know in the way you chose when there is something new.")
_COME_BACK_AFTER: Final = {"urgent": timedelta(days=1), "normal": timedelta(days=2)}


def sentences(reply: Mapping[str, Any], today: date, words: Translator) -> list[str]:
    """Sentences from the stored reply to an intake (`casework.filing.filing_reply`): who is asked, and when to come back."""
    return [words.text(_who_is_asked(reply)), words.text(_READ), when_to_come(reply["urgency"], today, words)] + (
        [words.text(_NOTICE)] if reply.get("notified") else []
    )


def _who_is_asked(reply: Mapping[str, Any]) -> str:
    if reply.get("chosen"):
        return _CHOSEN if reply.get("chosen_are_connected") else _BY_HAND
    confirmed = [candidate for candidate in reply["candidates"] if candidate["verified"]]
    if confirmed and all(_takes_no_request(candidate) for candidate in confirmed):
        return _BY_YOURSELF
    return _ASKED_FIRST if confirmed else _NOBODY


def _takes_no_request(candidate: Mapping[str, Any]) -> bool:
    return any(reason["key"] == "by_yourself" for reason in candidate["reasons"])


def when_to_come(urgency: str, today: date, words: Translator) -> str:
    """When the person should come back with their number for the first time."""
    if urgency == "emergency":
        return words.text(IN_HOURS)
    sentence = _ON_A_DAY_THEN_DAILY if urgency == "urgent" else _ON_A_DAY
    return words.text(sentence, day=words.date(today + _COME_BACK_AFTER[urgency]))
