"""Why and why not, in whole sentences. A reason is a key and codes; the sentence is made when somebody reads it.

The English sentences are the message ids of the catalogues. `{…}` are filled with names in the reader's own language.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. Parameters are codes or lists of codes, never words."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)


class Reader(Protocol):
    """What rendering needs of a translator: sentences, and names of codes in the reader's language."""

    def text(self, message: str, **params: object) -> str: ...
    def names(self, kind: str, codes: Any) -> str: ...


def N_(message: str) -> str:  # noqa: N802  the usual mark for "translate later"
    return message


SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "need.yes": N_("They help with this: {needs}."),
        "need.no": N_("They do not offer help with this: {needs}."),
        "need.related": N_("They do not name {needs}, but they help with something close: {listed}. Ask them."),
        "country.yes": N_("They work in this country: {country}."),
        "country.no": N_("They do not work in this country: {country}."),
        "language.yes": N_("You share a language: {languages}."),
        "language.interpreter": N_("They work in these languages: {languages}. You may need an interpreter."),
        "language.not_listed": N_("We do not know which languages they speak. Ask for an interpreter if you need one."),
        "language.no": N_("They work only in these languages: {languages}."),
        "language.unknown": N_(
            "They work only in these languages: {languages}. Tell us which languages you speak and we will look again."
        ),
        "region.yes": N_("They work where you are: {regions}."),
        "region.no": N_("They work only here: {regions}."),
        "region.unknown": N_("They work only here: {regions}. Tell us where you are and we will look again."),
        "region.part": N_("They work only in one place: {place}. Ask them if they can help you."),
        "remote_ok.yes": N_("They also help by phone or online."),
        "remote_ok.no": N_("They help only in person."),
        "remote_ok.unknown": N_("We do not know if they help people who live elsewhere. Ask them."),
        "status.yes": N_("They help people with your status: {statuses}."),
        "status.no": N_("They help only people with this status: {statuses}."),
        "status.unknown": N_(
            "They help only people with this status: {statuses}. Tell us your status and we will look again."
        ),
        "group.yes": N_("They are there for people like you: {groups}."),
        "group.no": N_("They help only these people: {groups}."),
        "group.unknown": N_("They help only these people: {groups}. If this is you, tell us and we will look again."),
        "nationality.yes": N_("They help people with this citizenship: {countries}."),
        "nationality.no": N_("They help only people with this citizenship: {countries}."),
        "nationality.unknown": N_(
            "They help only people with this citizenship: {countries}. Tell us yours and we will look again."
        ),
        "gender.yes": N_("They help women."),
        "gender.no": N_("They help only women."),
        "gender.unknown": N_("They help women. If this is you, ask them."),
        "age.yes": N_("They help people of your age."),
        "age.no": N_("They help people of another age."),
        "age.unknown": N_("They help people of a certain age. Ask them."),
        "urgency.yes": N_("They take cases as urgent as yours."),
        "urgency.no": N_("They do not take cases as urgent as yours."),
        "deadline_within.yes": N_("They can act before your last safe day."),
        "deadline_within.no": N_("They need more time than you have."),
        "deadline_within.unknown": N_("They need to know the date on your letter. Tell us and we will look again."),
        "consent_allows.yes": N_("You did not ask us to leave them out."),
        "consent_allows.no": N_("You asked us not to contact them."),
        "consent_allows.excluded": N_("They are not available for this request."),
        "accepts_referrals.yes": N_("They take requests."),
        "accepts_referrals.no": N_("They do not take new requests now."),
        "capacity.open": N_("They have free places now."),
        "capacity.unknown": N_("We do not know if they have free places now."),
        "capacity.full": N_("They have no free places now."),
        "not_verified": N_("We have not confirmed this centre yet. We never send your request there by ourselves."),
        "selective": N_("They choose which cases they take."),
        "cost_unknown": N_("Ask them first if it costs money."),
    }
)
_NAMED: Final[Mapping[str, str]] = MappingProxyType(
    {
        "needs": "need",
        "listed": "need",
        "country": "country",
        "countries": "country",
        "languages": "language",
        "regions": "region",
        "statuses": "status",
        "groups": "group",
    }
)


def render(reason: Reason, reader: Reader) -> str:
    """The sentence in the reader's language."""
    filled = {
        name: reader.names(_NAMED[name], value) if name in _NAMED else value for name, value in reason.params.items()
    }
    return reader.text(SENTENCES[reason.key], **filled)


