"""Why a case counts as one with a letter of unknown kind and date: a document that nobody has read, or that does not say it."""

from enum import StrEnum


class UnreadLetter(StrEnum):
    """What is missing until the kind and the day of a letter are known.

    `PHOTO`: the person added a document and has said nothing of a letter; `DETAILS`: they have said that there is one, but not
    its kind or day. `..._SEEN`: the same once somebody has looked at the documents, or they were taken back.
    """

    PHOTO = "photo"
    DETAILS = "details"
    PHOTO_SEEN = "photo_seen"
    DETAILS_SEEN = "details_seen"

    @property
    def is_seen(self) -> bool:
        return self in {UnreadLetter.PHOTO_SEEN, UnreadLetter.DETAILS_SEEN}

    @property
    def is_only_assumed(self) -> bool:
        """Whether nobody has said that there is a letter."""
        return self in {UnreadLetter.PHOTO, UnreadLetter.PHOTO_SEEN}

    def seen(self) -> "UnreadLetter":
        return UnreadLetter.PHOTO_SEEN if self.is_only_assumed else UnreadLetter.DETAILS_SEEN


def of_column(code: str | None) -> UnreadLetter | None:
    """The value of `Case.unread_letter`."""
    return UnreadLetter(code) if code else None
