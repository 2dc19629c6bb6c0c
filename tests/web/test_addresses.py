"""Addresses as people type them lead to the page that they meant; HEAD answers like GET; a refusal names what is taken."""

import pytest

from tests.support.desk import StaffSite

LEADS_TO = {
    "/ru": "/ru/",
    "/RU/": "/ru/",
    "/ua/": "/uk/",
    "/ua/return": "/uk/return",
    "/by": "/be/",
    "/rus/": "/ru/",
    "/pl-PL/": "/pl/",
    "/de_AT": "/de/",
    "/ru/return/": "/ru/return",
    "/ru//return": "/ru/return",
    "/EN/Return": "/en/return",
    "/desk": "/desk/",
    "/partner": "/partner/",
    "/desk/sign-in/?next=/desk/": "/desk/sign-in?next=/desk/",
    "/hsds/3.1/services/?page=1": "/hsds/3.1/services?page=1",
    "/v1/openapi.json/": "/v1/openapi.json",
    "/DESK": "/desk/",
    "/V1/OpenAPI.json": "/v1/openapi.json",
    "/HSDS/3.1/Services/": "/hsds/3.1/services",
}
WITHOUT_LANGUAGE = {
    "/return": "/pl/return",
    "/Return/": "/pl/return",
    "/about?x=1": "/pl/about?x=1",
    "/contacts/pl": "/pl/contacts/pl",
    "/elsewhere": "/pl/elsewhere",
    "/show": "/pl/show",
}
NOWHERE = (
    "/xx",
    "/xx/",
    "/rus/nothing",
    "/ru/nothing",
    "/desk/nothing/",
    "/v1",
    "//evil.example",
    "//evil.example//",
    "/hsds",
)


def test_a_page_is_found_however_its_address_is_written(office: StaffSite) -> None:
    browser = office.browser()
    for typed, path in LEADS_TO.items():
        page = browser.get(typed)
        assert (page.status, page.location) == (308, path), typed
        assert browser.get(path).status != 404, path
    for typed in NOWHERE:
        page = browser.get(typed)
        assert page.status == 404 or page.location == "/ru/", typed
        assert "evil" not in page.location
    for typed, path in WITHOUT_LANGUAGE.items():
        answer = office.http.request("GET", typed, headers={"Accept-Language": "de;q=.2, pl;q=.9"})
        assert (answer.status_code, answer.headers["location"]) == (303, path), typed
        assert "Accept-Language" in answer.headers["vary"], typed


def test_a_label_is_found_in_small_letters_and_without_its_hyphen(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera = office.as_("vera")
    for typed in (label.lower(), label.replace("-", ""), label.lower().replace("-", ""), label + "/"):
        assert vera.get(f"/desk/cases/{typed}").location == f"/desk/cases/{label}", typed
    for unknown in ("222-2222", "aaa-aaaa", "R-222-2222"):
        seen, path = set(), f"/desk/cases/{unknown}"
        while path not in seen and (page := vera.get(path)).location:
            seen.add(path)
            path = page.location
        assert page.status == 404, "an unknown label is not sent round in a ring"
    assert vera.post("/desk/CASES", {}).status == 404, "what was sent is never sent on"


def test_head_answers_like_get_without_a_body(office: StaffSite) -> None:
    browser = office.browser()
    for path in (
        "/",
        "/ru/",
        "/ru/nothing",
        "/healthz",
        "/readyz",
        "/desk/sign-in",
        "/v1/openapi.json",
        "/v1/referrals",
        "/hsds/3.1/",
    ):
        got, head = (
            browser.send(method, path, headers={"accept-encoding": "identity"}).response for method in ("GET", "HEAD")
        )
        assert (head.status_code, head.content) == (got.status_code, b""), path
        names = ("content-type", "content-length", "location", "content-security-policy", "cache-control", "etag")
        assert [head.headers.get(name) for name in names] == [got.headers.get(name) for name in names], path


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/ru/", "GET, HEAD"),
        ("DELETE", "/v1/referrals", "GET, HEAD, POST"),
        ("GET", "/v1/intakes", "POST"),
        ("PUT", "/v1/conflicts", "GET, HEAD, POST, DELETE"),
        ("HEAD", "/oauth/token", "POST"),
        ("PUT", "/hsds/3.1/services", "GET, HEAD, OPTIONS"),
    ],
)
def test_a_method_that_is_not_taken_names_all_that_are(office: StaffSite, method: str, path: str, allow: str) -> None:
    response = office.browser().send(method, path).response
    assert (response.status_code, response.headers["allow"]) == (405, allow)


def test_an_address_that_does_not_exist_is_404_with_any_method(office: StaffSite) -> None:
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        for path in ("/v1/nothing", "/hsds/nothing", "/nothing/at/all"):
            assert office.browser().send(method, path).status == 404, (method, path)
