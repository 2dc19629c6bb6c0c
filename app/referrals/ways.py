"""How the organisation of a referral is asked, and how a coordinator spoke with it. Pure."""

from enum import StrEnum
from typing import Final


class ReferralWay(StrEnum):
    """How the organisation is told of a referral and answers. A referral without one is asked through its account."""

    ACCOUNT = "account"  # its members sign in, or its program calls the API
    HAND = "hand"  # a coordinator asks it, and records its answers on its behalf
    LINK = "link"  # by a link that was mailed to it and a code that it was told; a coordinator may record answers too


BY_COORDINATOR: Final = frozenset({ReferralWay.HAND, ReferralWay.LINK})
"""In these ways nobody of the organisation is notified by the service: a coordinator has to tell them."""


class ContactMeans(StrEnum):
    """How a coordinator and an organisation spoke."""

    PHONE = "phone"
    EMAIL = "email"
    LETTER = "letter"
    IN_PERSON = "in_person"
    LINK = "link"  # a link was sent, or the organisation answered through it


SPOKEN: Final = tuple(means for means in ContactMeans if means is not ContactMeans.LINK)
"""The means that a coordinator can say they used."""
ASKED: Final = "asked"
"""What a contact was for, besides the verbs that it led to: the organisation was asked."""

QUALITY: Final = "quality"
"""The same: it said how good the referral was."""


def way_of(code: str | None) -> ReferralWay:
    """The way in a referral's row: null, as in every referral that a former version made, means the account."""
    return ReferralWay(code) if code else ReferralWay.ACCOUNT
