"""Reading an HSDS package of another publisher: the organisations to propose, and the outcome of every row.

Each row of each file is reported as `proposed`, `used` (part of a proposal) or `left out` with the reason. Imported centres are
unverified until two people confirm them with a source.
"""

import csv
import hashlib
import io
import json
import re
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import PurePosixPath
from typing import Any, BinaryIO, Final, Literal

from pydantic import ValidationError

from app.core.i18n import N_, Translatable
from app.core.spreadsheet import original_text
from app.directory.catalogue import Directory
from app.directory.hsds.schemas import FILES
from app.directory.schemas import Organisation

Outcome = Literal["proposed", "used", "left out"]
MOST_BYTES: Final = 50 * 1024 * 1024
MOST_FILES: Final = 100
_SINGULAR: Final = (
    {name: name for name in FILES}
    | {PurePosixPath(path).stem: name for name, path in FILES.items()}
    | {"service_at_locations": "service_at_location"}
    | {"services_at_location": "service_at_location"}
)
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_OWNED: Final = ("service_id", "organization_id", "link_id", "location_id")


class NotAPackage(Exception):
    """The file is not a readable HSDS package. The message says why."""


@dataclass(frozen=True, slots=True)
class RowReport:
    """The outcome of one row. `number`: its line in the file, counted from the heading as 1."""

    file: str
    number: int
    id: str
    outcome: Outcome
    detail: str


@dataclass(frozen=True, slots=True)
class PackageRow:
    table: str
    file: str
    number: int
    values: Mapping[str, str]

    def get(self, name: str) -> str:
        return (self.values.get(name) or "").strip()


@dataclass(slots=True)
class PackageContents:
    """What a package contains. `entries`: in the directory's own format, by slug."""

    entries: dict[str, dict[str, Any]] = field(default_factory=dict)
    lines: list[RowReport] = field(default_factory=list)


class _LeftOut(Exception):
    pass


def read(file: BinaryIO, directory: Directory, today: date, most_bytes: int = MOST_BYTES) -> PackageContents:
    """Read a package. `most_bytes`: limit for all its files, unpacked. Raises NotAPackage."""
    rows = list(_rows(file, most_bytes))
    tables: dict[str, list[PackageRow]] = {}
    for row in rows:
        tables.setdefault(row.table, []).append(row)
    if not tables.get("organization") or not tables.get("service"):
        raise NotAPackage(N_("It contains no organisations, or no services."))
    result, outcomes = PackageContents(), dict[int, tuple[Outcome, str]]()
    index = _Index(tables)
    for organization in tables["organization"]:
        try:
            slug, entry, parts = _organisation(organization, index, directory, today, outcomes)
        except _LeftOut as reason:
            outcomes[id(organization)] = ("left out", reason.args[0])
            continue
        if slug in result.entries:
            outcomes[id(organization)] = ("left out", Translatable("Another row became {slug} already.", slug=slug))
            continue
        result.entries[slug] = entry
        outcomes[id(organization)] = ("proposed", Translatable("as {slug}, not verified", slug=slug))
        outcomes.update({id(part): ("used", Translatable("a part of {slug}", slug=slug)) for part in parts})
    for row in rows:
        outcome, detail = outcomes.get(id(row)) or ("left out", _why_not(row))
        result.lines.append(RowReport(row.file, row.number, row.get("id"), outcome, detail))
    return result


class _Index:
    """The rows of all tables, by the object that they belong to."""

    def __init__(self, tables: Mapping[str, Sequence[PackageRow]]) -> None:
        self._owned: dict[tuple[str, str, str], list[PackageRow]] = {}
        for table, rows in tables.items():
            for row in rows:
                for name in _OWNED:
                    if row.get(name):
                        self._owned.setdefault((table, name, row.get(name)), []).append(row)
        self.terms = {row.get("id"): row for row in tables.get("taxonomy_term", ())}
        self.locations = {row.get("id"): row for row in tables.get("location", ())}

    def of(self, table: str, name: str, owner: str) -> list[PackageRow]:
        return self._owned.get((table, name, owner), []) if owner else []


def _organisation(
    row: PackageRow, index: _Index, directory: Directory, today: date, outcomes: dict[int, tuple[Outcome, str]]
) -> tuple[str, dict[str, Any], list[PackageRow]]:
    """Slug, entry and source rows of one organisation. Raises _LeftOut; services that are left out are reported as well."""
    own_id, name = row.get("id"), row.get("name")
    if not own_id or not name:
        raise _LeftOut(N_("The id or the name is missing."))
    services: list[dict[str, Any]] = []
    parts, countries = list[PackageRow](), set[str]()
    for service_row in index.of("service", "organization_id", own_id):
        try:
            service, used, served = _service(service_row, index, directory)
        except _LeftOut as reason:
            outcomes[id(service_row)] = ("left out", reason.args[0])
            continue
        service["id"] = _free(service["id"], {known["id"] for known in services})
        services.append(service)
        parts += [service_row, *used]
        countries |= served
    if not services:
        raise _LeftOut(N_("None of its services can be used."))
    identifiers = index.of("organization_identifier", "organization_id", own_id)
    phones = index.of("phone", "organization_id", own_id)
    places = [
        location
        for location in index.of("location", "organization_id", own_id)
        if location.get("location_type") == "physical"
    ]
    slug = _slug(row, identifiers, countries)
    if directory.organisation(slug) is not None:
        raise _LeftOut(Translatable("The directory has {slug} already.", slug=slug))
    entry = {
        "id": slug,
        "name": _known({"en": name[:200], "local": row.get("alternate_name")[:200]}),
        "kind": "centre",
        "city": places[0].get("name")[:120] if places else "",
        "website": row.get("website")[:300],
        "email": row.get("email")[:120],
        "phone": "; ".join(dict.fromkeys(phone.get("number") for phone in phones if phone.get("number")))[:120],
        "eligibility": row.get("description")[:600],
        "source": {"title": "Imported HSDS package", "date": today.isoformat(), "confidence": "low"},
        "services": services,
    }
    try:
        checked = Organisation.model_validate(_known(entry))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise _LeftOut(
            Translatable("The field {field} does not fit the directory.", field=".".join(map(str, first["loc"])))
        ) from None
    used = [*parts, *identifiers, *phones, *places[:1]]
    return slug, checked.model_dump(mode="json", exclude_none=True, by_alias=True), used


def _service(row: PackageRow, index: _Index, directory: Directory) -> tuple[dict[str, Any], list[PackageRow], set[str]]:
    """Raises _LeftOut: not active, no known need, or no country with a pack."""
    own_id = row.get("id")
    if row.get("status") not in {"active", ""}:
        raise _LeftOut(N_("It is not active."))
    attributes = index.of("attribute", "link_id", own_id)
    named = {id(attribute): index.terms.get(attribute.get("taxonomy_term_id")) for attribute in attributes}
    needs = {
        id(attribute): term.get("code")
        for attribute in attributes
        if (term := named[id(attribute)]) and directory.need(term.get("code"))
    }
    if not needs:
        raise _LeftOut(N_("None of its taxonomy terms matches one of our needs: add it by hand."))
    areas = [
        (area, code) for area in index.of("service_area", "service_id", own_id) if (code := _country(area, directory))
    ]
    if not areas:
        raise _LeftOut(N_("By its service areas, it serves no country that has a pack."))
    spoken = [
        attribute
        for attribute in index.of("language", "service_id", own_id)
        if _LANGUAGE.fullmatch(attribute.get("code").lower())
    ]
    served = {code for _area, code in areas}
    listed = sorted(set(needs.values()))
    rule: list[dict[str, Any]] = [{"need": {"any_of": listed}}, {"country": {"any_of": sorted(served)}}]
    if spoken:
        codes = list(dict.fromkeys(attribute.get("code").lower() for attribute in spoken))
        rule.append({"language": {"any_of": codes, "interpreter": "unknown"}})
    service = {
        "id": _word(row.get("name")) or "service",
        "name": {"en": row.get("name")[:200] or "Service"},
        "cost": "unknown",
        "representation": "unknown",
        "remote": "unknown",
        "needs": listed,
        "rule": {"all": rule},
    }
    used = [attribute for attribute in attributes if id(attribute) in needs] + [area for area, _code in areas] + spoken
    used += [term for attribute in attributes if id(attribute) in needs and (term := named[id(attribute)])]
    return service, used, served


def _country(area: PackageRow, directory: Directory) -> str | None:
    """The country of a service area, by its code or English name."""
    code = area.get("x_iso_3166")[:2].upper()
    if directory.is_host(code):
        return code
    name = area.get("name").casefold()
    return next(
        (country.code for country in directory.countries if name in {country.name.casefold(), country.code.casefold()}),
        None,
    )


def _slug(row: PackageRow, identifiers: Iterable[PackageRow], countries: set[str]) -> str:
    """The slug from the package if another Pristan exported it, else one made from country and name."""
    ours = next(
        (
            identifier.get("identifier")
            for identifier in identifiers
            if identifier.get("identifier_type") == "Pristan slug"
        ),
        "",
    )
    if re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", ours):
        return ours[:64].rstrip("-")
    prefix = next(iter(countries)).lower() if len(countries) == 1 else "x"
    return f"{prefix}-{_word(row.get('name')) or hashlib.sha256(row.get('id').encode()).hexdigest()[:8]}"[:64].rstrip(
        "-"
    )


def _word(name: str) -> str:
    """The Latin letters and digits of a name as a slug; empty for a name in another script."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].rstrip("-")


def _free(slug: str, taken: set[str]) -> str:
    number = 2
    free = slug
    while free in taken:
        free, number = f"{slug}-{number}", number + 1
    return free


def _known(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in entry.items() if value}


def _why_not(row: PackageRow) -> str:
    if row.table in FILES:
        return N_("The object that it belongs to is not proposed, or it contains nothing that the directory keeps.")
    return N_("The directory keeps nothing of this kind.")


# --- files ---------------------------------------------------------------------------------------------------------


def _rows(file: BinaryIO, most_bytes: int) -> Iterator[PackageRow]:
    try:
        package = zipfile.ZipFile(file)
    except zipfile.BadZipFile:
        raise NotAPackage(N_("It is not a zip file.")) from None
    with package:
        entries = [entry for entry in package.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > most_bytes:
            raise NotAPackage(N_("It is too large."))
        tables = _named_in(package)
        for entry in entries:
            if entry.filename.lower().endswith(".csv"):
                stem = PurePosixPath(entry.filename).stem.lower()
                table = tables.get(entry.filename) or _SINGULAR.get(stem, stem)
                yield from _read(entry.filename, table, _unpacked(package, entry))


def _unpacked(package: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    """Unpack at most the size that the entry declares. Raises NotAPackage: damaged, encrypted, or an unknown compression."""
    try:
        return package.read(entry)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError):
        raise NotAPackage(N_("One of its files cannot be unpacked.")) from None


def _named_in(package: zipfile.ZipFile) -> dict[str, str]:
    """The table of each file, from the descriptor, if it can be read."""
    try:
        document = json.loads(_unpacked(package, package.getinfo("datapackage.json")))
        return {str(resource["path"]): str(resource["name"]) for resource in document["resources"]}
    except (KeyError, ValueError, TypeError, RecursionError):
        return {}


def _read(file: str, table: str, content: bytes) -> Iterator[PackageRow]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NotAPackage(Translatable("{file} is not UTF-8 text.", file=file)) from None
    try:
        for number, values in enumerate(csv.DictReader(io.StringIO(text)), 2):
            plain = {
                name: _plain(value)
                for name, value in values.items()
                if isinstance(name, str) and isinstance(value, str)
            }
            yield PackageRow(table, file, number, plain)
    except csv.Error:
        raise NotAPackage(Translatable("{file} cannot be read as CSV.", file=file)) from None


def _plain(value: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from calculating, and without control characters."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", original_text(value))
