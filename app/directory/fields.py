"""The fields of an organisation and of a service that can be edited one by one, with reading and writing of their values.

A value is plain JSON. The rule of a service is not a field: rule sets have their own life cycle. The languages are a field,
though they are kept in the rule's language test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from app.core.i18n import N_
from app.directory.rules import Rule
from app.directory.schemas import Organisation, Service

Kind = Literal["line", "text", "url", "email", "choice", "languages", "hours", "source"]
Entity = Organisation | Service
WHOLE: Final = "entry"
"""The pseudo-field of a whole new organisation with its services."""


@dataclass(frozen=True, slots=True)
class Field:
    """One editable field. `may_be_empty`: it may be left unknown. `of_partner`: members of the organisation may propose a value."""

    name: str
    label: str
    kind: Kind
    longest: int = 200
    may_be_empty: bool = True
    of_partner: bool = False
    choices: Mapping[str, str] | None = None


_YES_NO: Final = {"yes": N_("Yes"), "no": N_("No"), "unknown": N_("Not known")}
ORGANISATION: Final = (
    Field("name_en", N_("Name in English"), "line", may_be_empty=False),
    Field("name_local", N_("Name in the country's language"), "line"),
    Field("city", N_("Town (no street)"), "line", 120, of_partner=True),
    Field("address", N_("Address that people can go to"), "line", 200, of_partner=True),
    Field("website", N_("Website"), "url", 300, of_partner=True),
    Field("email", N_("E-mail"), "email", 120, of_partner=True),
    Field("phone", N_("Phone (separate several with a semicolon)"), "line", 120, of_partner=True),
    Field("eligibility", N_("Who they help, in their own words"), "text", 600),
    Field("hours", N_("Opening hours"), "hours", 600, of_partner=True),
    Field("phone_hours", N_("When the phone is answered"), "hours", 600, of_partner=True),
    Field("source", N_("Verification: source, date, confidence"), "source", may_be_empty=False),
)
SERVICE: Final = (
    Field("name_en", N_("Name in English"), "line", may_be_empty=False),
    Field("languages", N_("Working languages"), "languages", of_partner=True),
    Field("remote", N_("Helps by phone or online"), "choice", may_be_empty=False, of_partner=True, choices=_YES_NO),
    Field("takes_referrals", N_("Accepts referrals through this network"), "choice", may_be_empty=False, choices=_YES_NO),
    Field("representation", N_("Represents people before authorities and courts"), "choice", may_be_empty=False, choices=_YES_NO),
    Field(
        "cost", N_("Cost"), "choice", may_be_empty=False,
        choices={"free": N_("Free"), "state_funded": N_("State-funded"), "unknown": N_("Not known")},
    ),
)  # fmt: skip
_BY_NAME: Final = {True: {field.name: field for field in SERVICE}, False: {field.name: field for field in ORGANISATION}}


def is_service(subject: str) -> bool:
    """A service's key is `organisation-slug/service-slug`; an organisation's slug contains no slash."""
    return "/" in subject


def field_of(subject: str, name: str) -> Field | None:
    return _BY_NAME[is_service(subject)].get(name)


def fields_of(subject: str) -> tuple[Field, ...]:
    return SERVICE if is_service(subject) else ORGANISATION


def read(entity: Entity, name: str) -> Any:
    """The current value of a field."""
    if name in {"name_en", "name_local"}:
        return getattr(entity.name, name.removeprefix("name_"))
    if name == "languages":
        assert isinstance(entity, Service)
        return list(languages(entity.rule))
    value = getattr(entity, name)
    if name == "source":
        return value.model_dump(mode="json", exclude_none=True)
    if name in {"hours", "phone_hours"}:
        return [entry.model_dump(mode="json") for entry in value]
    return value


def with_value(entity: Entity, name: str, value: Any) -> Entity:
    """The entity with a new value in this field. Raises pydantic's ValidationError."""
    document = entity.model_dump(mode="json", exclude_none=True, by_alias=True)
    if name in {"name_en", "name_local"}:
        document["name"][name.removeprefix("name_")] = value
    elif name == "languages":
        document["rule"] = with_languages(document["rule"], value)
    else:
        document[name] = value
    return type(entity).model_validate(document)


def languages(rule: Rule) -> tuple[str, ...]:
    """The languages that the rule's first language test names."""
    return next((leaf.test.any_of for leaf in rule.leaves() if leaf.kind == "language"), ())


def with_languages(rule: dict[str, Any], codes: list[str]) -> dict[str, Any]:
    """The rule with these languages in every language test; one is added where the rule has none."""
    has_test = [False]

    def change(test: dict[str, Any]) -> dict[str, Any]:
        has_test[0] = True
        return {**test, "any_of": codes}

    changed = _each_language(rule, change)
    if has_test[0]:
        return changed
    leaf = {"language": {"any_of": codes, "interpreter": "unknown"}}
    return {"all": [*changed["all"], leaf]} if "all" in changed else {"all": [changed, leaf]}


def _each_language(rule: dict[str, Any], change: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    (kind, test), *_rest = rule.items()
    if kind in {"all", "any"}:
        return {kind: [_each_language(child, change) for child in test]}
    if kind == "not":
        return {kind: _each_language(test, change)}
    return {kind: change(test)} if kind == "language" else rule
