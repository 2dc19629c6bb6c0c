"""Texts of notices for a person, in their language: no name, no word about the request that they did not allow, nothing else."""

from typing import Final

from app.core.i18n import N_, translator

_NEWS: Final = N_("News")
_NEUTRAL: Final = N_("There is something new for you.")
_OPEN: Final = N_("There is something new about your request. Come back with your number to read it: {link}")

SET_UP: Final = N_(
    "This is set up. There will be a message here when there is something new. Nobody reads what you write here. "
    "To end it, send /stop"
)
ENDED: Final = N_("This has ended. Nothing more will be sent here.")
TOO_OLD: Final = N_("This link does not work any more. Make a new one on the page where you found it.")
NOBODY_READS: Final = N_("Nobody reads what you write here.")
"""What the Telegram bot answers. None of it says what the bot is for."""


def for_person(language: str, link: str, *, may_say_who: bool) -> tuple[str, str]:
    """Subject and text. Without permission to say who we are: no link, and no mention of the request."""
    words = translator(language)
    return words.text(_NEWS), words.text(_OPEN, link=link) if may_say_who else words.text(_NEUTRAL)


LETTER_READ: Final = N_(
    "We have read your letter and entered what it is about and its date. The deadline was worked out again."
    " You see it on this page."
)
"""What the person reads in their conversation when a coordinator has read a letter that they photographed."""
LETTER_UNCLEAR: Final = N_(
    "We have looked at your letter. What it is about or its date is not certain yet. You see on this page which day we count with."
)
"""The same when the kind or the day is still not known."""
NO_LETTER: Final = N_("We have looked at what was added, and found no letter with a deadline in it.")
"""The same when the documents are something else."""
DOCUMENT_GONE: Final = N_("A document was added for you here. It has been deleted since.")
"""What stands there once the document was taken back."""
DOCUMENT_SENT: Final = N_("We have added a document for you. You find it under “Letters and documents” on this page.")
"""What the person reads in their conversation when a coordinator has sent them a document."""
