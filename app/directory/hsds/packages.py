"""Writing an HSDS package: one CSV file for each kind of object, and a descriptor (datapackage.json) of their columns."""

import json
import zipfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, BinaryIO, Final

from app.core import spreadsheet
from app.directory.hsds.records import Record, Records
from app.directory.hsds.schemas import FILES, SHAPES, Property, columns

DESCRIPTOR: Final = "datapackage.json"
LICENCE: Final = {
    "name": "CC-BY-4.0",
    "path": "https://creativecommons.org/licenses/by/4.0/",
    "title": "Creative Commons Attribution 4.0",
}
"""Of the directory's data (decision 124); the program has another."""
_REFERENCES: Final = {
    "organization_id": "organization", "service_id": "service", "location_id": "location",
    "service_at_location_id": "service_at_location", "taxonomy_id": "taxonomy", "taxonomy_term_id": "taxonomy_term",
}  # fmt: skip
_EPOCH: Final = (1980, 1, 1, 0, 0, 0)


def write(file: BinaryIO, records: Records, now: datetime) -> dict[str, int]:
    """Write the package as a zip file; return the number of rows of each table. The same records and day give the same bytes."""
    tables = flatten(records)
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as package:
        _put(package, DESCRIPTOR, json.dumps(descriptor(now), indent=2, ensure_ascii=False))
        for name, path in FILES.items():
            _put(package, path, _csv(name, tables[name].values()))
    return {name: len(rows) for name, rows in tables.items()}


def flatten(records: Records) -> dict[str, dict[str, Record]]:
    """Every object once, by its id, in the table of its kind."""
    tables: dict[str, dict[str, Record]] = {name: {} for name in SHAPES}
    for kind, listed in (
        ("taxonomy", records.taxonomies),
        ("taxonomy_term", records.taxonomy_terms),
        ("organization", records.organizations),
        ("service", records.services),
    ):
        for record in listed:
            _spread(tables, kind, record)
    return tables


def descriptor(now: datetime) -> dict[str, Any]:
    return {
        "profile": "tabular-data-package",
        "name": "pristan-directory",
        "title": "Directory of legal aid for political exiles, HSDS 3.1",
        "licenses": [LICENCE],
        "created": now.date().isoformat() + "T00:00:00Z",
        "resources": [_resource(name) for name in FILES],
    }


def _spread(tables: Mapping[str, dict[str, Record]], kind: str, record: Record) -> None:
    """Add a record and its nested ones to the tables. A full record replaces a nested one; a brief one never does."""
    known = tables[kind].get(record["id"])
    if known is None or len(record) > len(known):
        tables[kind][record["id"]] = record
    for field in SHAPES[kind]:
        inner = record.get(field.name)
        if field.nested and inner is not None and not (kind == "organization" and field.name == "services"):
            for nested in inner if isinstance(inner, list) else [inner]:
                _spread(tables, field.of, nested)


def _csv(name: str, rows: Iterable[Record]) -> str:
    names = [column.name for column in columns(name)]
    return spreadsheet.csv_text(names, ([_cell(row.get(column)) for column in names] for row in rows))


def _cell(value: Any) -> Any:
    return ";".join(value) if isinstance(value, list) else value


def _resource(name: str) -> dict[str, Any]:
    keys = [
        {"fields": field.name, "reference": {"resource": _REFERENCES[field.name], "fields": "id"}}
        for field in columns(name)
        if field.name in _REFERENCES
    ]
    if name == "taxonomy_term":
        keys.append({"fields": "parent_id", "reference": {"resource": "taxonomy_term", "fields": "id"}})
    return {
        "name": name,
        "path": FILES[name],
        "profile": "tabular-data-resource",
        "format": "csv",
        "mediatype": "text/csv",
        "encoding": "utf-8",
        "schema": {
            "fields": [_field(field) for field in columns(name)],
            "primaryKey": "id",
            **({"foreignKeys": keys} if keys else {}),
        },
    }


def _field(field: Property) -> dict[str, Any]:
    constraints: dict[str, Any] = {}
    if field.required or field.tabular_required:
        constraints["required"] = True
    if field.name == "id":
        constraints["unique"] = True
    if field.choices:
        constraints["enum"] = list(field.choices)
    known = field.format if field.format in {"uuid", "uri", "email"} else "default"
    return {
        "name": field.name,
        "type": "boolean" if field.kind == "boolean" else "string",
        "format": known,
        **({"constraints": constraints} if constraints else {}),
    }


def _put(package: zipfile.ZipFile, path: str, text: str) -> None:
    """Add a file with a fixed timestamp, so that the same content gives the same bytes."""
    package.writestr(zipfile.ZipInfo(path, _EPOCH), text.encode(), zipfile.ZIP_DEFLATED)
