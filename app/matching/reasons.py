"""Reasons for and against a service. A reason is a key and codes; its sentence is rendered when it is shown.

The English sentences are the message ids of the catalogues. `{…}` are filled with names in the same language.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Protocol

from app.directory.safety_notes import ORGANISATION_NOTES


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason. Parameters are codes or lists of codes, never words."""

    key: str
    params: Mapping[str, Any] = field(default_factory=dict)

    def __hash__(self) -> int:
        return hash((self.key, frozenset(map(repr, self.params.items()))))


class CodeTranslator(Protocol):
    """The translator that rendering needs: sentences, and names of codes, in one language."""

    def text(self, message: str, **params: object) -> str: ...
    def names(self, kind: str, codes: Any) -> str: ...


def N_(message: str) -> str:
    return message


SENTENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "need.yes": N_("They help with this: {needs}."),
        "need.no": N_("They do not offer help with this: {needs}."),
        "need.related": N_("They do not list {needs}, but they help with {listed}. Ask if they can help you."),
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
        "status.perhaps": N_("They help only some people with your status. Ask them if they can help you."),
        "status.not_perhaps": N_("They do not help all people with your status. Ask them if they can help you."),
        "group.yes": N_("They help people like you: {groups}."),
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
        "age.no": N_("They help people of a different age."),
        "age.unknown": N_("They help people of a certain age. Ask them."),
        "urgency.yes": N_("They take cases as urgent as yours."),
        "urgency.no": N_("They do not take cases as urgent as yours."),
        "deadline_within.yes": N_("They take requests with a deadline as close as yours."),
        "deadline_within.no": N_("They take only requests with an earlier deadline than yours."),
        "deadline_within.unknown": N_(
            "They take only requests with a close deadline. Tell us the date of your letter and we will look again."
        ),
        "consent_allows.yes": N_("You have not asked us to leave this centre out."),
        "consent_allows.no": N_("You asked us not to contact them."),
        "consent_allows.excluded": N_("They are not available for this request."),
        "accepts_referrals.yes": N_("They take requests."),
        "accepts_referrals.no": N_("They do not take new requests now."),
        "accepts_referrals.need_paused": N_("They do not take new requests for this now: {needs}."),
        "accepts_referrals.language_paused": N_("They do not take new requests in these languages now: {languages}."),
        "capacity.open": N_("They have free places now."),
        "capacity.unknown": N_("We do not know if they have free places now."),
        "capacity.full": N_("They have no free places now."),
        "need.not_yes": N_("They do not take requests about this: {needs}."),
        "need.not_no": N_("They can take the kind of request you made."),
        "country.not_yes": N_("They do not work in this country: {country}."),
        "country.not_no": N_("They work in this country: {country}."),
        "country.not_unknown": N_("They do not work in every country. Tell us where you are and we will look again."),
        "language.not_yes": N_("They do not take requests in these languages: {languages}."),
        "language.not_interpreter": N_("They do not work with these languages: {languages}."),
        "language.not_not_listed": N_("We do not know which languages they do not work in."),
        "language.not_no": N_("They take requests in your language."),
        "language.not_unknown": N_("They do not work in every language. Tell us yours and we will look again."),
        "region.not_yes": N_("They do not work in these regions: {regions}."),
        "region.not_no": N_("They work where you are."),
        "region.not_part": N_("They may not work in this place: {place}. Ask them if they can help you."),
        "region.not_unknown": N_("They do not work here: {regions}. Tell us where you are and we will look again."),
        "status.not_yes": N_("They do not help people with this status: {statuses}."),
        "status.not_no": N_("They help people with your status."),
        "status.not_unknown": N_(
            "They do not help people with this status: {statuses}. Tell us yours and we will look again."
        ),
        "group.not_yes": N_("They do not help these people: {groups}."),
        "group.not_no": N_("They help people like you."),
        "group.not_unknown": N_(
            "They do not help these people: {groups}. Tell us if this is you and we will look again."
        ),
        "nationality.not_yes": N_("They do not help people with this citizenship: {countries}."),
        "nationality.not_no": N_("They help people with your citizenship."),
        "nationality.not_unknown": N_(
            "They do not help people with this citizenship: {countries}. Tell us yours and we will look again."
        ),
        "gender.not_yes": N_("They do not help women."),
        "gender.not_no": N_("They help people of your gender."),
        "gender.not_unknown": N_("They do not help women. If this is not you, ask them."),
        "age.not_yes": N_("They do not help people of your age."),
        "age.not_no": N_("They help people of your age."),
        "age.not_unknown": N_("They do not help people of every age. Ask them."),
        "urgency.not_yes": N_("They do not take cases as urgent as yours."),
        "urgency.not_no": N_("They take cases as urgent as yours."),
        "deadline_within.not_yes": N_("They need more time than you have before your deadline."),
        "deadline_within.not_no": N_("There is enough time for them before your deadline."),
        "deadline_within.not_unknown": N_(
            "They need some time before a deadline. Tell us the date of your letter and we will look again."
        ),
        "left_out.yes": N_("Their rules exclude requests like yours."),
        "left_out.no": N_("Your request meets their rules."),
        "left_out.unknown": N_("Their rules may exclude requests like yours. Ask them."),
        "country.unknown": N_("They work only in some countries. Tell us where you are and we will look again."),
        "urgency.unknown": N_("They take only urgent cases. Tell us by when you need help and we will look again."),
        "urgency.not_unknown": N_(
            "They do not take every urgent case. Tell us by when you need help and we will look again."
        ),
        "not_verified": N_("We have not checked this centre yet. We never send your request there automatically."),
        "by_yourself": N_("They do not take requests from us. You need to contact them yourself."),
        "means_test": N_("This is for people who cannot pay a lawyer. They will ask about your income."),
        "selective": N_("They choose which cases they take."),
        "cost_unknown": N_("Ask them first if it costs money."),
        "state_run": N_("This is a state body. If you have a problem with the authorities here, ask a lawyer first."),
        **{f"note.{key}": sentence for key, sentence in ORGANISATION_NOTES.items()},
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


_FOR_UNSURE: Final = N_("They help with {listed}. Ask if they can help you.")
"""Of somebody who chose no need but "I do not know": there is nothing that a centre could have listed."""


def render(reason: Reason, reader: CodeTranslator) -> str:
    """The reason as a sentence in the language of `reader`."""
    if reason.key == "need.related" and reason.params.get("needs") in (["unsure"], ("unsure",)):
        return reader.text(_FOR_UNSURE, listed=reader.names("need", reason.params["listed"]))
    filled = {
        name: reader.names(_NAMED[name], value) if name in _NAMED else value for name, value in reason.params.items()
    }
    return reader.text(SENTENCES[reason.key], **filled)
