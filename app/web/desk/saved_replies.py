"""Saved questions to the person, in the person's language. A coordinator can edit the text before it is sent.

The sentences belong to the catalogues of the person's pages, because the person reads them.
"""

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from app.core.i18n import N_, translator


@dataclass(frozen=True, slots=True)
class SavedQuestion:
    """A saved question. `text`: what the person reads, in their catalogue; the desk reads its title in `labels.SAVED_REPLIES`."""

    text: str


QUESTIONS: Final = MappingProxyType(
    {
        "letter_date": SavedQuestion(
            N_(
                "Please look at the letter or decision you were given. What date is printed on it, and when did you"
                " receive it? This helps us work out your deadline."
            ),
        ),
        "letter_kind": SavedQuestion(
            N_(
                "Please tell us what is written at the top of the letter or decision and which office sent it. You can"
                " copy the heading exactly as it is, in any language."
            ),
        ),
        "letter_photo": SavedQuestion(
            N_(
                "Please photograph all pages of the letter and add the photos here, under “Letters and documents”."
                " You do not have to."
            ),
        ),
        "region": SavedQuestion(
            N_(
                "In which town or region are you now? Some centres help only in certain places. You do not need to give the street."
            ),
        ),
        "language": SavedQuestion(
            N_("Which languages can you speak with a lawyer? Do you need an interpreter?"),
        ),
        "papers": SavedQuestion(
            N_("What documents or permission to stay do you have now, and until what date are they valid?"),
        ),
        "safe_way": SavedQuestion(
            N_(
                "We could not reach you in the way you chose. Is there another safe way? You can also come back here with"
                " your number and read our answer."
            ),
        ),
        "still": SavedQuestion(
            N_("Do you still need help with this? If something has changed, please write it here."),
        ),
        "centre": SavedQuestion(
            N_(
                "We have found a centre that may be able to help you. Please look at the question above and tell us if it"
                " may read your request."
            ),
        ),
    }
)


def text(code: str, language: str) -> str:
    """The question in the person's language; empty for an unknown code."""
    question = QUESTIONS.get(code)
    return translator(language).text(question.text) if question else ""
