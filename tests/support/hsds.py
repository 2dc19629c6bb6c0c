"""The JSON schemas of HSDS 3.1, written from the specification and not from our code, to check answers against.

Beside what the specification has, an object may hold fields that begin with `x_`, and nothing else. Null is nowhere allowed.
"""

import csv
import io
import zipfile
from typing import Any

import jsonschema_rs

_UUID, _URI, _MAIL = {"format": "uuid"}, {"format": "uri"}, {"format": "email"}
_DAYS = "(MO|TU|WE|TH|FR|SA|SU)"
_ID = {"id": _UUID}
_FIELDS: dict[str, dict[str, Any]] = {
    "organization": {
        **_ID, "name": {}, "alternate_name": {}, "description": {}, "email": _MAIL, "website": _URI, "tax_status": {},
        "tax_id": {}, "legal_status": {}, "logo": {}, "uri": _URI, "parent_organization_id": _UUID,
        "phones": ["phone"], "locations": ["location"], "organization_identifiers": ["organization_identifier"],
        "attributes": ["attribute"], "services": ["service"],
    },
    "service": {
        **_ID, "organization_id": _UUID, "program_id": _UUID, "name": {}, "alternate_name": {}, "description": {}, "url": _URI,
        "email": _MAIL, "status": {"enum": ["active", "inactive", "defunct", "temporarily closed"]},
        "interpretation_services": {}, "application_process": {}, "fees_description": {}, "accreditations": {},
        "eligibility_description": {}, "assured_date": {"format": "date"}, "assurer_email": _MAIL, "alert": {},
        "last_modified": {"format": "date-time"}, "phones": ["phone"], "schedules": ["schedule"],
        "service_areas": ["service_area"], "service_at_locations": ["service_at_location"], "languages": ["language"],
        "organization": "organization", "attributes": ["attribute"],
    },
    "service_at_location": {
        **_ID, "service_id": _UUID, "location_id": _UUID, "description": {}, "service_areas": ["service_area"],
        "phones": ["phone"], "schedules": ["schedule"], "location": "location", "service": "service",
    },
    "location": {
        **_ID, "location_type": {"enum": ["physical", "postal", "virtual"]}, "url": _URI, "organization_id": _UUID, "name": {},
        "alternate_name": {}, "description": {}, "transportation": {}, "external_identifier": {},
        "external_identifier_type": {}, "addresses": ["address"], "phones": ["phone"], "schedules": ["schedule"],
    },
    "phone": {
        **_ID, "location_id": _UUID, "service_id": _UUID, "organization_id": _UUID, "contact_id": _UUID,
        "service_at_location_id": _UUID, "number": {}, "type": {}, "description": {}, "languages": ["language"],
    },
    "schedule": {
        **_ID, "service_id": _UUID, "location_id": _UUID, "service_at_location_id": _UUID, "valid_from": {"format": "date"},
        "valid_to": {"format": "date"}, "freq": {"enum": ["WEEKLY", "MONTHLY"]},
        "byday": {"pattern": f"^{_DAYS}(,{_DAYS})*$"}, "description": {}, "opens_at": {"pattern": r"^\d\d:\d\d"},
        "closes_at": {"pattern": r"^\d\d:\d\d"}, "notes": {},
    },
    "service_area": {
        **_ID, "service_id": _UUID, "service_at_location_id": _UUID, "name": {}, "description": {}, "extent": {},
        "extent_type": {}, "uri": {},
    },
    "language": {
        **_ID, "service_id": _UUID, "location_id": _UUID, "phone_id": _UUID, "name": {}, "code": {"pattern": "^[a-z]{2,3}$"},
        "note": {},
    },
    "attribute": {
        **_ID, "link_id": _UUID, "taxonomy_term_id": _UUID, "link_type": {}, "link_entity": {}, "value": {}, "label": {},
        "taxonomy_term": "taxonomy_term",
    },
    "taxonomy": {**_ID, "name": {}, "description": {}, "uri": _URI, "version": {}},
    "taxonomy_term": {
        **_ID, "code": {}, "name": {}, "description": {}, "parent_id": _UUID, "taxonomy": {}, "taxonomy_detail": "taxonomy",
        "language": {"pattern": "^[a-z]{2,3}$"}, "taxonomy_id": _UUID, "term_uri": _URI,
    },
    "organization_identifier": {
        **_ID, "organization_id": _UUID, "identifier_scheme": {}, "identifier_type": {}, "identifier": {},
    },
    "address": {},
}  # fmt: skip
REQUIRED: dict[str, list[str]] = {
    "organization": ["id", "name", "description"],
    "service": ["id", "name", "status"],
    "service_at_location": ["id"],
    "location": ["id", "location_type"],
    "phone": ["id", "number"],
    "schedule": ["id"],
    "service_area": ["id"],
    "language": ["id"],
    "attribute": ["id"],
    "taxonomy": ["id", "name", "description"],
    "taxonomy_term": ["id", "name", "description"],
    "organization_identifier": ["id", "identifier_type", "identifier"],
    "address": ["id"],
}
TABULAR_REQUIRED = {
    "service": ["organization_id"],
    "attribute": ["link_id", "taxonomy_term_id", "link_entity"],
    "service_at_location": ["service_id", "location_id"],
    "organization_identifier": ["organization_id"],
}
_EXTRA = {"^x_": {"not": {"type": "null"}}}


def _property(kind: Any) -> dict[str, Any]:
    if isinstance(kind, list):
        return {"type": "array", "minItems": 1, "items": {"$ref": f"#/$defs/{kind[0]}"}}
    if isinstance(kind, str):
        return {"$ref": f"#/$defs/{kind}"}
    return {"type": "string", "minLength": 1, **kind}


DEFINITIONS = {
    name: {
        "type": "object",
        "properties": {field: _property(kind) for field, kind in fields.items()},
        "patternProperties": _EXTRA,
        "required": REQUIRED[name],
        "additionalProperties": False,
    }
    for name, fields in _FIELDS.items()
}
PAGE = {
    "type": "object",
    "properties": {
        **{name: {"type": "integer", "minimum": 0} for name in ("total_items", "total_pages", "page_number", "size")},
        **{name: {"type": "boolean"} for name in ("first_page", "last_page", "empty")},
        "contents": {"type": "array"},
    },
    "required": ["empty", "contents", "total_items", "total_pages", "page_number", "size", "first_page", "last_page"],
    "additionalProperties": False,
}


def check(name: str, document: Any) -> None:
    """Raises jsonschema_rs.ValidationError."""
    schema = {**DEFINITIONS[name], "$defs": DEFINITIONS}
    jsonschema_rs.validator_for(schema, validate_formats=True).validate(document)


def check_page(name: str, document: Any) -> None:
    jsonschema_rs.validate(PAGE, document)
    for one in document["contents"]:
        check(name, one)


def nulls(document: Any, path: str = "") -> list[str]:
    """Where a document says null."""
    if document is None:
        return [path]
    if isinstance(document, dict):
        return [place for name, inner in document.items() for place in nulls(inner, f"{path}/{name}")]
    if isinstance(document, list):
        return [place for number, inner in enumerate(document) for place in nulls(inner, f"{path}/{number}")]
    return []


def package(**files: list[dict[str, str]]) -> io.BytesIO:
    """A foreign package without a descriptor."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        for name, rows in files.items():
            text = io.StringIO()
            writer = csv.DictWriter(text, list({key: None for row in rows for key in row}))
            writer.writeheader()
            writer.writerows(rows)
            out.writestr(f"{name}.csv", text.getvalue())
    made.seek(0)
    return made


FOREIGN: dict[str, list[dict[str, str]]] = {
    "organization": [
        {"id": "o1", "name": "Help Łódź", "description": "They help.", "website": "https://help.example", "x_other": "1"},
        {"id": "o2", "name": "Без имени", "description": "Other script."},
        {"id": "o3", "name": "Nobody", "description": "No services."},
        {"id": "o4", "name": "", "description": "No name."},
    ],
    "service": [
        {"id": "s1", "organization_id": "o1", "name": "Advice", "status": "active"},
        {"id": "s2", "organization_id": "o1", "name": "Advice", "status": "active"},
        {"id": "s3", "organization_id": "o1", "name": "Gone", "status": "defunct"},
        {"id": "s4", "organization_id": "o2", "name": "Консультация", "status": "active"},
        {"id": "s5", "organization_id": "o9", "name": "Orphan", "status": "active"},
    ],
    "attribute": [
        {"id": "a1", "link_id": "s1", "taxonomy_term_id": "t1", "link_entity": "service"},
        {"id": "a2", "link_id": "s2", "taxonomy_term_id": "t1", "link_entity": "service"},
        {"id": "a3", "link_id": "s4", "taxonomy_term_id": "t1", "link_entity": "service"},
        {"id": "a4", "link_id": "s1", "taxonomy_term_id": "t2", "link_entity": "service"},
    ],
    "taxonomy_term": [
        {"id": "t1", "code": "asylum", "name": "Asylum", "description": "Asylum"},
        {"id": "t2", "code": "gardening", "name": "Gardening", "description": "Gardening"},
    ],
    "service_area": [
        {"id": "p1", "service_id": "s1", "name": "Poland"},
        {"id": "p2", "service_id": "s2", "name": "x", "x_iso_3166": "PL-14"},
        {"id": "p3", "service_id": "s4", "name": "Lithuania"},
        {"id": "p4", "service_id": "s1", "name": "Mars"},
    ],
    "language": [{"id": "l1", "service_id": "s1", "name": "Russian", "code": "RU"}],
    "phone": [{"id": "h1", "organization_id": "o1", "number": "'+48 1"}, {"id": "h2", "organization_id": "o3", "number": "1"}],
    "funding": [{"id": "f1", "organization_id": "o1", "source": "A fund"}],
}  # fmt: skip
