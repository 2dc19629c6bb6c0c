"""The fields of the HSDS 3.1 objects that we publish; our own extensions begin with `x_`.

One table for the API description, the CSV files and their descriptor. `*` marks required fields, `+` fields that are
required in the tabular form only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

Kind = Literal["string", "boolean", "object", "array", "strings"]


@dataclass(frozen=True, slots=True)
class Property:
    """One field. `of`: the kind of the nested objects; in the tabular form they are a separate table."""

    name: str
    kind: Kind = "string"
    format: str = ""
    required: bool = False
    tabular_required: bool = False
    of: str = ""
    choices: tuple[str, ...] = ()

    @property
    def nested(self) -> bool:
        return bool(self.of)


_TEXT: Final = {
    "organization": """id*:uuid name* alternate_name description* email:email website:uri phones[]:phone locations[]:location
        organization_identifiers[]:organization_identifier services[]:service x_slug x_country x_confirmed_on x_confidence
        x_verified:boolean""",
    "service": """id*:uuid organization_id+:uuid name* alternate_name description url:uri email:email
        status*=active|inactive|defunct|temporarily_closed interpretation_services application_process fees_description
        eligibility_description assured_date alert last_modified:date-time phones[]:phone schedules[]:schedule
        service_areas[]:service_area service_at_locations[]:service_at_location languages[]:language organization.:organization
        attributes[]:attribute x_slug x_representation=yes|no|unknown x_remote=yes|no|unknown x_takes_referrals=yes|no|unknown
        x_capacity=open|full|unknown x_capacity_until x_paused_needs:strings x_paused_languages:strings""",
    "service_at_location": """id*:uuid service_id+:uuid location_id+:uuid description schedules[]:schedule
        location.:location service.:service""",
    "location": """id*:uuid location_type*=physical|postal|virtual url:uri organization_id:uuid name description""",
    "phone": "id*:uuid organization_id:uuid service_id:uuid number* description",
    "schedule": """id*:uuid service_id:uuid service_at_location_id:uuid freq=WEEKLY|MONTHLY byday description opens_at closes_at
        x_time_zone""",
    "service_area": "id*:uuid service_id:uuid name description x_iso_3166",
    "language": "id*:uuid service_id:uuid name code",
    "attribute": "id*:uuid link_id+:uuid taxonomy_term_id+:uuid link_type link_entity+ taxonomy_term.:taxonomy_term",
    "taxonomy": "id*:uuid name* description* uri:uri version x_slug",
    "taxonomy_term": """id*:uuid code name* description* parent_id:uuid taxonomy taxonomy_detail.:taxonomy language taxonomy_id:uuid
        term_uri:uri x_cross_references:strings""",
    "organization_identifier": "id*:uuid organization_id+:uuid identifier_scheme identifier_type* identifier*",
}  # fmt: skip
FILES: Final = MappingProxyType(
    {
        "organization": "organizations.csv",
        "service": "services.csv",
        "location": "locations.csv",
        "service_at_location": "service_at_location.csv",
        "phone": "phones.csv",
        "schedule": "schedules.csv",
        "service_area": "service_areas.csv",
        "language": "languages.csv",
        "attribute": "attributes.csv",
        "taxonomy": "taxonomies.csv",
        "taxonomy_term": "taxonomy_terms.csv",
        "organization_identifier": "organization_identifiers.csv",
    }
)
EXTRAS: Final = MappingProxyType(
    {
        "x_slug": "Our own short name. It does not change.",
        "x_country": "Country of the organisation, ISO 3166-1; XX: several.",
        "x_confirmed_on": "Day, month or year of the source that confirms the entry.",
        "x_confidence": "How sure the source is: high or medium; low only in an export of everything.",
        "x_verified": "Whether somebody has confirmed the organisation. Only verified ones are in the API.",
        "x_representation": "Whether they represent people before offices and courts.",
        "x_remote": "Whether they help by phone or online.",
        "x_takes_referrals": "Whether they take requests through this service; `no`: the person goes there or calls.",
        "x_capacity": "Whether there are free places, as far as the centre has said.",
        "x_capacity_until": "The last day on which `x_capacity` holds; after it nobody knows.",
        "x_paused_needs": "Codes of needs for which the service takes no new requests now.",
        "x_paused_languages": "Languages in which it takes no new requests now.",
        "x_time_zone": "The zone that `opens_at` and `closes_at` are local to.",
        "x_iso_3166": "Code of the country or region, ISO 3166; XX: no country in particular.",
        "x_cross_references": "Codes of other taxonomies that include this term, as `scheme:code`.",
    }
)


def _property(word: str) -> Property:
    name, _, choices = word.partition("=")
    name, _, rest = name.partition(":")
    required, tabular = name.endswith("*"), name.endswith("+")
    name = name.rstrip("*+")
    if name.endswith("[]"):
        return Property(name.removesuffix("[]"), "array", of=rest)
    if name.endswith("."):
        return Property(name.removesuffix("."), "object", of=rest)
    listed = tuple(choice.replace("_", " ") for choice in choices.split("|")) if choices else ()
    if rest in {"boolean", "strings"}:
        return Property(name, "boolean" if rest == "boolean" else "strings")
    return Property(name, "string", rest, required, tabular, choices=listed)


SHAPES: Final[Mapping[str, tuple[Property, ...]]] = MappingProxyType(
    {name: tuple(_property(word) for word in text.split()) for name, text in _TEXT.items()}
)


def json_schema(name: str, *, ref: str = "#/components/schemas/") -> dict[str, Any]:
    """The JSON schema of one object. Empty fields are absent, never null."""
    properties: dict[str, Any] = {}
    for field in SHAPES[name]:
        if field.kind == "array":
            properties[field.name] = {"type": "array", "items": {"$ref": ref + field.of}}
        elif field.kind == "object":
            properties[field.name] = {"$ref": ref + field.of}
        elif field.kind == "strings":
            properties[field.name] = {"type": "array", "items": {"type": "string"}}
        else:
            properties[field.name] = {"type": field.kind}
            if field.format:
                properties[field.name]["format"] = field.format
            if field.choices:
                properties[field.name]["enum"] = list(field.choices)
        if field.name in EXTRAS:
            properties[field.name]["description"] = EXTRAS[field.name]
    required = [field.name for field in SHAPES[name] if field.required]
    return {"type": "object", "properties": properties, "required": required}


def columns(name: str) -> tuple[Property, ...]:
    """The columns of the tabular form: all fields that are not separate tables."""
    return tuple(field for field in SHAPES[name] if not field.nested)
