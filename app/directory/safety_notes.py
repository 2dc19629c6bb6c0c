"""Safety notes of organisations and countries: the packs contain keys, this module the sentences (English message ids).

An organisation's notes are shown wherever a match result names it (`matching/reasons.py`).
"""

from types import MappingProxyType
from typing import Final

from app.directory.schemas import Helper, Organisation


def N_(message: str) -> str:
    return message


ORGANISATION_NOTES: Final = MappingProxyType(
    {
        "confirm_before_referral": N_("Call them first: we do not know if they are still open."),
        "ask_before_referral": N_("Ask them first: we do not know if they are still open."),
        "may_be_closed": N_("We do not know if they are still open."),
        "contact_is_sensitive": N_(
            "Contact with this centre can be dangerous for people in Russia or Belarus. Tell only people who need to know."
        ),
    }
)
COUNTRY_NOTES: Final = MappingProxyType(
    {
        "store_little": N_("The authorities here may ask organisations for data. Write only what is needed."),
    }
)


def notes_of(organisation: Organisation | Helper) -> tuple[str, ...]:
    """The keys of an organisation's notes. A note that says to call is left out where the directory has no number."""
    return tuple(_confirm(organisation) if key == "confirm_before_referral" else key for key in organisation.safety)


def _confirm(organisation: Organisation | Helper) -> str:
    if organisation.phone:
        return "confirm_before_referral"
    return "ask_before_referral" if organisation.email or organisation.website else "may_be_closed"
