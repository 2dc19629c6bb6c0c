"""The directory as a package of CSV files: it validates, it comes back, and of a foreign one no row is lost."""

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest

from app.directory.hsds import package_reader, packages
from app.directory.hsds.package_reader import NotAPackage, PackageContents
from app.directory.hsds.records import LiveState, records
from app.directory.packs import load_packs
from tests.support import hsds
from tests.support.hsds import FOREIGN, package

NOW = datetime(2026, 11, 24, 10, tzinfo=UTC)
TODAY = date(2026, 11, 24)


def exported() -> bytes:
    file = io.BytesIO()
    live = {"pl-hfhr/legal-help": LiveState(changed=NOW, capacity="open", capacity_until="2026-12-01")}
    packages.write(file, records(load_packs(), live), NOW)
    return file.getvalue()


def tables(content: bytes) -> dict[str, list[dict[str, str]]]:
    with zipfile.ZipFile(io.BytesIO(content)) as package:
        descriptor = json.loads(package.read("datapackage.json"))
        return {
            one["name"]: list(csv.DictReader(io.StringIO(package.read(one["path"]).decode())))
            for one in descriptor["resources"]
        }


def read(**changed: Any) -> PackageContents:
    return package_reader.read(package(**{**FOREIGN, **changed}), load_packs(), TODAY)


def test_the_package_validates_against_its_descriptor_and_the_specification() -> None:
    found = tables(exported())
    with zipfile.ZipFile(io.BytesIO(exported())) as made:
        descriptor = json.loads(made.read("datapackage.json"))
    for resource in descriptor["resources"]:
        rows, schema = found[resource["name"]], resource["schema"]
        assert rows or resource["name"] == "schedule"
        assert len({row["id"] for row in rows}) == len(rows)
        for one in schema["fields"]:
            values = [row[one["name"]] for row in rows]
            limits = one.get("constraints", {})
            assert not limits.get("required") or all(values), (resource["name"], one["name"])
            assert "enum" not in limits or set(values) <= {*limits["enum"], ""}
            if one["format"] == "uuid":
                assert all(str(UUID(value)) == value for value in values if value)
        for key in schema.get("foreignKeys", ()):
            known = {row["id"] for row in found[key["reference"]["resource"]]}
            assert {row[key["fields"]] for row in rows} - {""} <= known, (resource["name"], key)
        required = hsds.REQUIRED[resource["name"]] + hsds.TABULAR_REQUIRED.get(resource["name"], [])
        assert all(row[name] for row in rows for name in required), resource["name"]


def test_the_same_directory_gives_the_same_bytes() -> None:
    assert exported() == exported()


def test_unverified_centres_are_in_an_export_of_everything_alone() -> None:
    public = records(load_packs(), {})
    whole = records(load_packs(), {}, unverified=True)
    assert all(one["x_verified"] for one in public.organizations)
    assert len(whole.organizations) > len(public.organizations)


def test_our_own_package_comes_back_as_known() -> None:
    """Every row is told; organisations that are here already are left out by name."""
    content = exported()
    found = package_reader.read(io.BytesIO(content), load_packs(), TODAY)
    assert found.entries == {}
    assert len(found.lines) == sum(len(rows) for rows in tables(content).values())
    organisations = [line for line in found.lines if line.file == "organizations.csv"]
    assert all("already" in line.detail for line in organisations)


def test_our_own_package_fills_an_empty_directory() -> None:
    from dataclasses import replace

    empty = replace(load_packs(), organisations=(), services=(), files={})
    found = package_reader.read(io.BytesIO(exported()), empty, TODAY)
    shown = {one.id for one in load_packs().organisations if one.kind == "centre" and one.source.confidence != "low"}
    assert set(found.entries) == shown
    assert all(entry["source"]["confidence"] == "low" for entry in found.entries.values())
    assert found.entries["pl-hfhr"]["services"][0]["needs"]


def test_of_a_foreign_package_no_row_is_lost() -> None:
    found = read()
    told = {line.id: line for line in found.lines}
    assert len(found.lines) == sum(len(rows) for rows in FOREIGN.values())
    assert set(found.entries) == {"pl-help-odz", next(slug for slug in found.entries if slug.startswith("lt-"))}
    assert {one: told[one].outcome for one in ("o1", "o2", "o3", "o4")} == {
        "o1": "proposed", "o2": "proposed", "o3": "left out", "o4": "left out",
    }  # fmt: skip
    used = {"s1", "s2", "s4", "a1", "a2", "a3", "t1", "p1", "p2", "p3", "l1", "h1"}
    assert {line.id for line in found.lines if line.outcome == "used"} == used
    left = {line.id: line.detail for line in found.lines if line.outcome == "left out"}
    assert set(left) == {"o3", "o4", "s3", "s5", "a4", "t2", "p4", "h2", "f1"}
    assert left["s3"] == "It is not active."
    assert all(left.values())
    entry = found.entries["pl-help-odz"]
    assert entry["source"]["confidence"] == "low"
    assert [service["id"] for service in entry["services"]] == ["advice", "advice-2"]
    assert entry["services"][0]["rule"]["all"][2]["language"]["any_of"] == ["ru"]
    assert entry["phone"] == "+48 1"
    assert next(line for line in found.lines if line.id == "o1").number == 2


def test_an_unknown_need_or_country_is_said_and_not_guessed() -> None:
    none_of_ours = read(taxonomy_term=[{"id": "t1", "code": "plumbing", "name": "Plumbing", "description": "x"}])
    assert none_of_ours.entries == {}
    assert {line.detail for line in none_of_ours.lines if line.id == "s1"} == {
        "None of its taxonomy terms matches one of our needs: add it by hand."
    }
    nowhere = read(service_area=[{"id": "p1", "service_id": "s1", "name": "Mars"}])
    assert nowhere.entries == {}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04nonsense", b"id,name\n1,2\n"])
def test_what_is_no_package_is_said_to_be_none(content: bytes) -> None:
    with pytest.raises(NotAPackage):
        package_reader.read(io.BytesIO(content), load_packs(), TODAY)


def test_a_package_that_swells_or_is_not_text_is_refused() -> None:
    with pytest.raises(NotAPackage, match="too large"):
        package_reader.read(package(**FOREIGN), load_packs(), TODAY, most_bytes=100)
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as out:
        out.writestr("organization.csv", b"id,name\n\xff\xfe,x\n")
    made.seek(0)
    with pytest.raises(NotAPackage, match="UTF-8"):
        package_reader.read(made, load_packs(), TODAY)


def locations() -> dict[str, list[dict[str, Any]]]:
    return {one["x_slug"]: one.get("locations", []) for one in records(load_packs(), {}, unverified=True).organizations}


def test_only_towns_are_physical_places() -> None:
    found = locations()
    assert [one["name"] for one in found["pl-ocalenie"]] == ["Warszawa", "Łódź", "Łomża"]
    assert {one["location_type"] for one in found["pl-ocalenie"]} == {"physical"}
    for slug in ("de-proasyl", "x-kovcheg", "x-frontline", "de-frbw"):  # nationwide, online, international, a Land
        (place,) = found[slug]
        assert place["location_type"] == "virtual", slug
    everything = [place for places in found.values() for place in places]
    assert len({place["id"] for place in everything}) == len(everything)
    words = ("nationwide", "online", "international", "region")
    assert not [
        place
        for place in everything
        if place["location_type"] == "physical" and any(word in place["name"].lower() for word in words)
    ]


def test_who_works_in_the_whole_country_or_anywhere_says_so_by_areas() -> None:
    areas = {
        one["x_slug"]: {(area["name"], area.get("description")) for area in one["service_areas"]}
        for one in records(load_packs(), {}, unverified=True).services
    }
    assert ("Germany", "The whole country.") in areas["de-proasyl/advice"]
    assert ("International", "Other countries too.") in areas["x-frontline/support"]


def test_phones_can_be_dialled_from_anywhere_or_say_that_they_cannot() -> None:
    for organization in records(load_packs(), {}, unverified=True).organizations:
        for phone in organization.get("phones", ()):
            assert phone["number"].startswith("+") != ("description" in phone), phone["number"]


def test_the_data_has_a_licence_and_files_are_named_as_upstream_names_them() -> None:
    with zipfile.ZipFile(io.BytesIO(exported())) as package:
        assert json.loads(package.read("datapackage.json"))["licenses"][0]["name"] == "CC-BY-4.0"
        assert "service_at_location.csv" in package.namelist()
