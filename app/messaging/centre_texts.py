"""The text of the mail that carries a link to a referral, in the centre's language."""

from typing import Final

from app.core.i18n import N_, translator

_SUBJECT: Final = N_("A request for you: {label}")
_TEXT: Final = (
    N_("A coordinator has a request for your organisation: {label}"),
    N_("Open it here: {link}"),
    N_("You also need a code. The coordinator tells you the code in another way, never by e-mail."),
    N_("Please do not forward this message."),
)


def for_link(label: str, link: str, language: str) -> tuple[str, str]:
    """Subject and text: the referral's label and the link. No need, no country, no code."""
    words = translator(language)
    lines = [words.text(_TEXT[0], label=label), words.text(_TEXT[1], link=link), *map(words.text, _TEXT[2:])]
    return words.text(_SUBJECT, label=label), "\n\n".join(lines)
