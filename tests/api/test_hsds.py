"""The directory for everybody as HSDS 3.1: what it says, how it is asked, and what it never says."""

import csv
import io
import json
import re
from datetime import timedelta
from itertools import product
from typing import Any

import pytest
import schemathesis
from fastapi.routing import APIRoute
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from app.api import hsds as hsds_api
from app.api import hsds_openapi, hsds_parameters
from app.core.ids import named_id
from app.directory import availability
from app.directory.edits import Editor
from app.directory.packs import load_packs
from tests.support import hsds
from tests.support.desk import ONE, StaffSite

ROOT = "/hsds/3.1"
LISTS = {
    "services": "service",
    "organizations": "organization",
    "taxonomies": "taxonomy",
    "taxonomy_terms": "taxonomy_term",
    "service_at_locations": "service_at_location",
}
SERVICE = f"{ONE}/legal-help"
SERVICE_ID = str(named_id("service", SERVICE))


def read(office: StaffSite, path: str, **headers: str) -> Any:
    return office.http.request("GET", f"{ROOT}{path}", headers=headers)


def everything(office: StaffSite, path: str) -> list[dict[str, Any]]:
    """All pages, one after another."""
    found: list[dict[str, Any]] = []
    for number in range(1, 100):
        page = read(office, f"{path}{'&' if '?' in path else '?'}page={number}&per_page=7").json()
        found += page["contents"]
        if page["last_page"]:
            return found
    raise AssertionError("there is no last page")


def test_it_says_what_it_is(office: StaffSite) -> None:
    for path in ("", "/"):
        answer = read(office, path)
        assert answer.status_code == 200
        assert answer.json()["version"] == "3.1"
        assert answer.json()["openapi_url"].endswith("/hsds/3.1/openapi.json")
    assert read(office, "/openapi.json").json()["openapi"] == "3.1.0"


def test_lists_and_entries_are_as_the_specification_has_them(office: StaffSite) -> None:
    for name, kind in LISTS.items():
        as_specified(office, name, kind)


def as_specified(office: StaffSite, name: str, kind: str) -> None:
    listed = read(office, f"/{name}?per_page=500").json()
    hsds.check_page(kind, listed)
    assert hsds.nulls(listed) == []
    assert listed["total_items"] == listed["size"] > 0
    for one in listed["contents"][:: max(1, listed["size"] // 5)]:
        whole = read(office, f"/{name}/{one['id']}").json()
        hsds.check(kind, whole)
        assert hsds.nulls(whole) == []
        assert one.items() <= {**whole, **{key: one[key] for key in one if isinstance(one[key], dict)}}.items()
    if name in {"services", "organizations", "service_at_locations"}:
        hsds.check_page(kind, read(office, f"/{name}?full=true&per_page=500").json())


def test_pages_hold_everything_once(office: StaffSite) -> None:
    found = everything(office, "/services")
    assert len({one["id"] for one in found}) == len(found) == read(office, "/services").json()["total_items"]
    beyond = read(office, "/services?page=999").json()
    assert (beyond["empty"], beyond["contents"], beyond["last_page"]) == (True, [], True)
    first = read(office, "/services?per_page=2")
    assert first.headers["link"].endswith('page=2>; rel="next"')
    assert first.json()["first_page"] is True


def test_a_foreign_host_is_in_no_answer_that_is_cached(office: StaffSite) -> None:
    answer = read(office, "/services?per_page=2", Host="evil.example")
    assert "evil" not in str(answer.headers)
    base = office.app.state.settings.base_url.rstrip("/")
    assert (
        read(office, "/services?per_page=2").headers["link"]
        == f'<{base}/hsds/3.1/services?per_page=2&page=2>; rel="next"'
    )


def test_scripts_of_any_site_can_page(office: StaffSite) -> None:
    assert read(office, "/services").headers["access-control-expose-headers"] == "ETag, Link, X-Total-Items"


def test_ids_are_made_of_slugs_and_slugs_are_identifiers(office: StaffSite) -> None:
    organisation = read(office, f"/organizations/{named_id('organisation', ONE)}").json()
    assert organisation["organization_identifiers"][0]["identifier"] == organisation["x_slug"] == ONE
    assert read(office, f"/services/{SERVICE_ID}").json()["organization_id"] == organisation["id"]
    for written in (SERVICE_ID.upper(), SERVICE_ID.replace("-", "")):
        assert read(office, f"/services/{written}").json()["id"] == SERVICE_ID
    assert SERVICE_ID in {one["id"] for one in organisation["services"]}
    full = read(office, f"/organizations/{organisation['id']}?full_service=true").json()
    assert full["services"][0]["attributes"]


def test_unconfirmed_centres_authorities_and_notes_are_never_there(office: StaffSite) -> None:
    text = read(office, "/organizations?full=true&full_service=true&per_page=500").text
    text += read(office, "/service_at_locations?full=true&per_page=500").text
    packs = load_packs()
    hidden = [one for one in packs.organisations if one.kind == "authority" or one.source.confidence == "low"]
    assert len(hidden) > 5
    assert [one.id for one in hidden if f'"{one.id}"' in text] == []
    assert [one.id for one in packs.organisations if one.source.note and one.source.note[:40] in text] == []
    assert '"address' not in text


def test_filters_narrow_together(office: StaffSite) -> None:
    asylum = str(named_id("hsds-term", "asylum"))
    mine = str(named_id("organisation", ONE))
    both = everything(office, f"/services?taxonomy_term_id={asylum}&organization_id={mine}")
    assert {one["id"] for one in both} == {SERVICE_ID}
    housing = str(named_id("hsds-term", "statelessness"))
    assert everything(office, f"/services?taxonomy_term_id={housing}&organization_id={mine}&search=zzz") == []
    terms = str(named_id("hsds-taxonomy", "list"))
    assert everything(office, f"/services?taxonomy_id={terms}") == []
    assert everything(office, f"/services?taxonomy_id={named_id('hsds-taxonomy', 'pristan-needs')}")
    words = everything(office, "/organizations?search=helsinki%20foundation")
    assert [one["x_slug"] for one in words] == [ONE]
    top = everything(office, "/taxonomy_terms?top_only=true")
    assert not any("parent_id" in one for one in top)
    below = everything(office, f"/taxonomy_terms?parent_id={asylum}")
    assert [one["code"] for one in below] == ["appeals"]
    assert {one["code"] for one in everything(office, f"/taxonomy_terms?taxonomy_id={terms}")} == {
        "IM-00-00-00-00", "HO-00-00-00-00",
    }  # fmt: skip


def test_what_changed_since_is_found_pauses_and_free_places_too(office: StaffSite) -> None:
    office.later(hours=1)
    since = office.time.at.isoformat().replace("+00:00", "Z")
    assert everything(office, f"/services?modified_after={since}") == []
    office.later(seconds=1)
    with office.database.begin() as session:
        from app.staff.models import Member

        by = Editor(session.query(Member.id).filter_by(name="vera").scalar(), "coordinator")
        until = (office.time.at + timedelta(days=5)).date()
        availability.pause_service(session, SERVICE, until, need="asylum", by=by, now=office.time.at)
        availability.set_capacity(session, SERVICE, "full", until, by=by, now=office.time.at)
    (found,) = everything(office, f"/services?modified_after={since}")
    assert (found["id"], found["x_capacity"], found["x_paused_needs"], found["status"]) == (
        SERVICE_ID, "full", ["asylum"], "active",
    )  # fmt: skip
    assert everything(office, f"/service_at_locations?modified_after={since}")
    assert everything(office, f"/services?modified_after={found['last_modified']}") == [], (
        "a record is not after its own time"
    )
    assert everything(office, f"/services?modified_after={since}&search=nobody-says-this") == []
    office.later(days=9)
    assert read(office, f"/services/{SERVICE_ID}").json()["x_capacity"] == "unknown"


def test_minimal_and_flat_and_full(office: StaffSite) -> None:
    minimal = read(office, "/services?minimal=true&per_page=500").json()["contents"]
    assert {tuple(sorted(one)) for one in minimal} == {("id", "last_modified")}
    flat = read(office, "/services?per_page=500").json()["contents"]
    assert not any(name in one for one in flat for name in ("phones", "languages", "attributes"))
    assert all(one["organization"]["name"] for one in flat)
    full = read(office, "/services?full=true&per_page=500").json()["contents"]
    assert all(one["attributes"] for one in full)


def test_lines_and_csv_say_the_same(office: StaffSite) -> None:
    for name in LISTS:
        same_in_every_format(office, name)


def same_in_every_format(office: StaffSite, name: str) -> None:
    contents = read(office, f"/{name}?per_page=500").json()["contents"]
    lines = read(office, f"/{name}?per_page=500&format=ndjson")
    assert lines.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in lines.text.splitlines()] == contents
    table = read(office, f"/{name}?per_page=500&format=csv")
    assert table.headers["content-type"] == "text/csv; charset=utf-8"
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["id"] for row in rows] == [one["id"] for one in contents]


def test_lines_tables_and_the_short_form_come_whole_unless_a_page_is_asked_for(
    office: StaffSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hsds_parameters, "_PER_PAGE", 5)
    first = read(office, "/services").json()
    every = first["total_items"]
    assert (first["size"], first["last_page"]) == (5, False)
    assert len(read(office, "/services?format=ndjson").text.splitlines()) == every
    assert (
        len(list(csv.DictReader(io.StringIO(read(office, "/services?format=csv").content.decode("utf-8-sig")))))
        == every
    )
    short = read(office, "/services?minimal=true").json()
    assert (short["size"], short["total_pages"], short["last_page"]) == (every, 1, True)
    lines = read(office, "/services?format=ndjson&per_page=2")
    assert len(lines.text.splitlines()) == 2
    assert lines.headers["link"].endswith('page=2>; rel="next"')


def test_a_postcode_finds_who_covers_its_country_and_nothing_is_known_to_be_near(office: StaffSite) -> None:
    def countries(asked: str) -> set[str]:
        found = everything(office, f"/service_at_locations?full=true&{asked}")
        return {area["x_iso_3166"] for one in found for area in one["service"]["service_areas"]}

    for postcode, country in (("00-950", "PL"), ("lt-01100", "LT"), ("0105", "GE"), ("D-10115", "DE")):
        found = everything(office, f"/service_at_locations?full=true&postcode={postcode}")
        fits = {
            c.code for c in load_packs().countries if c.postcode and re.fullmatch(c.postcode, postcode, re.IGNORECASE)
        }
        assert country in fits
        assert found
        assert all(fits & {area["x_iso_3166"] for area in one["service"]["service_areas"]} for one in found)
    assert {"DE", "LT"} <= countries("postcode=10115")  # five digits: either of the two
    for nowhere in ("postcode=SW1A%201AA", "postcode=00-950&proximity=5000", "proximity=5000"):
        page = read(office, f"/service_at_locations?{nowhere}").json()
        assert (page["empty"], page["total_items"], page["contents"]) == (True, 0, [])


def test_an_answer_may_be_kept_and_every_sites_scripts_may_ask(office: StaffSite) -> None:
    first = read(office, "/services")
    assert first.headers["cache-control"].startswith("public")
    assert first.headers["access-control-allow-origin"] == "*"
    assert first.headers["cross-origin-resource-policy"] == "cross-origin"
    again = read(office, "/services", **{"if-none-match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert read(office, "/services", **{"if-none-match": '"other"'}).status_code == 200
    preflight = office.http.request("OPTIONS", f"{ROOT}/services", headers={"origin": "https://other.example"})
    assert preflight.status_code == 204
    assert preflight.headers["access-control-allow-methods"] == "GET"
    assert preflight.headers["allow"] == "GET, HEAD, OPTIONS"
    for path in (
        "/v1/openapi.json", "/v1/webhooks.openapi.json", "/v1/vocabularies", "/.well-known/jwks.json",
        "/.well-known/oauth-authorization-server",
    ):  # fmt: skip
        assert office.http.request("GET", path).headers["access-control-allow-origin"] == "*", path
        asked = office.http.request("OPTIONS", path, headers={"access-control-request-headers": "if-none-match"})
        assert (asked.status_code, asked.headers["access-control-allow-headers"]) == (204, "If-None-Match, Accept"), (
            path
        )
    for path in (f"{ROOT}/nothing", f"{ROOT}/services/x", f"{ROOT}/services?x=1", "/v1/vocabularies?language=xx"):
        refused = office.http.request("GET", path)
        assert (refused.status_code >= 400, refused.headers["access-control-allow-origin"]) == (True, "*"), path
    assert "access-control-allow-origin" not in office.http.request("GET", "/v1/referrals").headers
    assert office.http.request("POST", f"{ROOT}/services").status_code == 405


BAD = (
    "/services?page=0", "/services?page=-1", "/services?page=1e9", "/services?page=١", "/services?per_page=501",
    "/services?format=xml", "/services?modified_after=yesterday", "/services?modified_after=0001-01-01T00:00:00%2B14:00",
    "/services?organization_id=1", "/services?full=maybe", "/services?unknown=1", "/services?page=1&page=2",
    "/services?search=" + "x" * 201, "/taxonomies?taxonomy_id=1", "/services?postcode=00-950",
    "/service_at_locations?proximity=near", "/service_at_locations?proximity=-1", "/service_at_locations?postcode=" + "1" * 17,
    "/services/x?page=1", "/?x=1", "/services?page=%00", "/services?taxonomy_term_id=%ff",
)  # fmt: skip


def test_what_can_not_be_is_a_problem_and_never_our_fault(office: StaffSite) -> None:
    for path in BAD:
        answer = read(office, path)
        assert answer.status_code == 422, (path, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["access-control-allow-origin"] == "*"


def test_an_unknown_id_is_not_found(office: StaffSite) -> None:
    for name, wrong in product(LISTS, ("x", "00000000-0000-0000-0000-000000000000", "%00", "null", "a" * 3000)):
        answer = read(office, f"/{name}/{wrong}")
        assert answer.status_code == 404
        assert answer.headers["content-type"] == "application/problem+json"


SCHEMA = schemathesis.openapi.from_dict(hsds_openapi.document("https://pristan.test"))
OPERATIONS = {found.ok().path: found.ok() for found in SCHEMA.get_all_operations()}
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]


def test_the_description_names_the_eleven() -> None:
    document = hsds_openapi.document("https://pristan.test")
    assert len(document["paths"]) == 11
    served = {
        route.path.removeprefix(ROOT) or "/"
        for route in (*hsds_api.router.routes, *hsds_openapi.router.routes)
        if isinstance(route, APIRoute) and "GET" in route.methods
    }
    assert served == {*document["paths"], "/openapi.json"}
    assert {path for path, verbs in document["paths"].items() if verbs["get"]["tags"] == ["required"]} == {
        "/", "/services", "/services/{id}",
    }  # fmt: skip


@pytest.mark.parametrize("mode", list(GenerationMode))
def test_every_answer_is_one_that_is_described(office: StaffSite, mode: GenerationMode) -> None:
    for path, operation in OPERATIONS.items():
        if mode.is_positive or list(operation.iter_parameters()):
            as_described(office, path, operation, mode)


def as_described(office: StaffSite, path: str, operation: Any, mode: GenerationMode) -> None:
    name = path.split("/")[1]
    known = read(office, f"/{name}?per_page=1").json()["contents"][0]["id"] if path.endswith("{id}") else None

    @settings(
        max_examples=10,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(found=operation.as_strategy(generation_mode=mode), ours=st.booleans())
    def run(found: Any, ours: bool) -> None:
        if ours and known:
            found.path_parameters["id"] = known
        sent = found.as_transport_kwargs(base_url="http://pristan.test")
        try:
            answer = office.http.request(
                found.method, f"{ROOT}{found.formatted_path}", headers=sent.get("headers"), params=sent.get("params")
            )
        except (UnicodeError, ValueError, TypeError):
            return  # no client can send it
        found.validate_response(answer, checks=CHECKS)

    run()


def test_the_table_is_for_people_too(office: StaffSite) -> None:
    raw = read(office, "/services?format=csv").content
    assert raw.startswith("\ufeff".encode())
    rows = {row["x_slug"]: row for row in csv.DictReader(io.StringIO(raw.decode("utf-8-sig")))}
    row = rows["pl-ocalenie/legal-help"]
    assert row["organisation"]
    assert (row["country"], row["town"], row["phone"]) == ("Poland", "Warszawa; Łódź; Łomża", "+48 22 828 04 50")
    assert row["languages"]
    assert read(office, "/").json()["license"]["url"].startswith("https://creativecommons.org/")
