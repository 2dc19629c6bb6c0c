"""The description of the partner surface is whole: everything named exists, everything that happens is named."""

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from pydantic import BaseModel

from app import api
from app.api import open_addresses, openapi, openapi_components, openapi_examples, schemas
from app.api.dependencies import Policy, anyone
from app.api.hsds import everybody
from app.api.referral_actions import BODY_BY_VERB, VERBS
from app.core import errors
from app.partners.oauth_clients import SCOPES
from app.staff import read_quotas

DOCUMENT = openapi.document("https://pristan.test")
OPERATIONS = [
    (method, path, operation) for path, methods in DOCUMENT["paths"].items() for method, operation in methods.items()
]
OPEN = {"/v1/openapi.json", "/v1/vocabularies", "/v1/webhooks.openapi.json", "/v1/docs", "/v1/docs.css"}
WITHOUT_BODY = [f"/actions/{verb}" for verb in VERBS if verb not in BODY_BY_VERB]
NAMES = [f"{method} {path}" for method, path, _ in OPERATIONS]


def routes() -> list[APIRoute]:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    api.mount(app, {"partner", "public"})
    return list(below(app.routes))


def below(found: Any) -> Iterator[APIRoute]:
    """All routes, those of included routers too."""
    for route in found:
        if isinstance(route, APIRoute):
            yield route
        yield from below(getattr(getattr(route, "original_router", None), "routes", ()))


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from walk(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")


@pytest.mark.parametrize("route", routes(), ids=lambda route: route.path)
def test_every_route_says_who_may_call_it(route: APIRoute):
    calls = [dependant.call for dependant in all_of(route.dependant)]
    policies = [call for call in calls if isinstance(call, Policy) or call in {anyone, everybody}]
    assert len(policies) == 1, f"{route.path} has no policy of its own"
    asks_before = route.methods == {"OPTIONS"}  # a browser asks whether a script may read what is open
    assert (policies[0] is everybody) == (route.path.startswith("/hsds/") or asks_before)
    assert not asks_before or open_addresses.is_open(route.path)
    assert (policies[0] in {anyone, everybody}) == (not route.path.startswith("/v1/") or route.path in OPEN)


def all_of(dependant: Any) -> Iterator[Any]:
    yield dependant
    for inner in dependant.dependencies:
        yield from all_of(inner)


def test_every_route_but_those_for_monitoring_is_described():
    described = {(path, method) for method, path, _ in OPERATIONS}
    every = {(route.path_format, method.lower()) for route in routes() for method in route.methods - {"OPTIONS"}}
    directory = {(path, method) for path, method in every if path.startswith("/hsds/")}  # has a document of its own
    served = every - directory
    not_for_programs = {(path, "get") for path in ("/healthz", "/readyz", "/metrics", "/v1/docs", "/v1/docs.css")}
    assert served - described == not_for_programs
    assert described <= served


def test_it_is_openapi_3_1_with_what_a_generator_needs():
    assert DOCUMENT["openapi"].startswith("3.1.")
    assert DOCUMENT["servers"] == [{"url": "https://pristan.test"}]
    ids = [operation["operationId"] for _, _, operation in OPERATIONS]
    assert len(ids) == len(set(ids))
    tags = {tag["name"] for tag in DOCUMENT["tags"]}
    for _, _, operation in OPERATIONS:
        assert set(operation["tags"]) <= tags
        assert operation["summary"]
        assert operation["description"]


def test_every_reference_leads_somewhere():
    for path, value in walk(DOCUMENT):
        if isinstance(value, dict) and "$ref" in value:
            target: Any = DOCUMENT
            for step in value["$ref"].removeprefix("#/").split("/"):
                assert step in target, f"{path}: {value['$ref']}"
                target = target[step]


def test_nothing_is_described_that_nothing_uses():
    used = {value["$ref"] for _, value in walk(DOCUMENT) if isinstance(value, dict) and "$ref" in value}
    for kind in ("schemas", "responses", "headers"):
        for name in DOCUMENT["components"][kind]:
            assert f"#/components/{kind}/{name}" in used, name


def test_null_is_neither_sent_nor_taken():
    for path, value in walk(DOCUMENT):
        assert value is not None, path
        assert value != {"type": "null"}, path


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_an_operation_names_its_answers_and_its_security(method, path, operation):
    statuses = set(operation["responses"])
    assert any(status.startswith("2") for status in statuses)
    assert "default" not in statuses
    is_open = not path.startswith("/v1/") or path in OPEN
    if is_open:
        assert not {name for entry in operation.get("security", []) for name in entry} - {"clientSecretBasic"}
    else:
        scopes = [scope for entry in operation["security"] for scope in entry.get("oauth2", [])]
        assert scopes
        assert set(scopes) <= set(SCOPES)
        assert {"401", "403", "422", "503"} <= statuses
    if method in {"post", "patch"}:
        assert "413" in statuses
        assert ("requestBody" in operation) == (
            not path.endswith(("/secret", "/test", "/retry", "/documents/ask", *WITHOUT_BODY))
        )
        assert all(media["schema"] for media in operation.get("requestBody", {}).get("content", {}).values())


@pytest.mark.parametrize(("method", "path", "operation"), OPERATIONS, ids=NAMES)
def test_every_parameter_of_the_path_is_described(method, path, operation):
    named = {step[1:-1] for step in path.split("/") if step.startswith("{")}
    found = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "path"}
    assert named == found
    for parameter in operation.get("parameters", ()):
        assert parameter["schema"]
        assert parameter.get("description") or parameter["name"] in {"verb", "limit", "wait"}


def test_every_json_answer_is_declared_by_a_model():
    """Except where there is nothing in it, where the document is no model of ours, and in the directory (`hsds_responses`)."""
    without = {
        route.operation_id
        for route in routes()
        if route.include_in_schema
        and route.response_model is None
        and route.status_code != 204
        and not route.path.startswith("/hsds/")
    }
    assert without == {"revokeToken", "listReferralsAsCsv", "getDescription", "getWebhookDescription"}


def test_two_schemas_of_one_name_are_refused():
    class FhirBundle(BaseModel):
        other: int

    router = APIRouter()

    @router.get(
        "/x", response_model=schemas.FhirBundle, openapi_extra=openapi_components.json_body(FhirBundle, example={})
    )
    def x() -> None: ...

    found = [route for route in router.routes if isinstance(route, APIRoute)]
    document = get_openapi(title="x", version="1", routes=found)
    with pytest.raises(ValueError, match="FhirBundle"):
        openapi_components.complete(document, found, "https://pristan.test")


def test_schemes_and_scopes():
    schemes = DOCUMENT["components"]["securitySchemes"]
    flow = schemes["oauth2"]["flows"]["clientCredentials"]
    assert flow["tokenUrl"] == "https://pristan.test/oauth/token"
    assert set(flow["scopes"]) == set(SCOPES)


def test_examples_are_true():
    schemas.ReferralPage.model_validate({"referrals": [openapi_examples.SUMMARY]})
    schemas.ReferralDetail.model_validate(openapi_examples.DETAIL)
    for _, path, operation in OPERATIONS:
        for status, answer in operation["responses"].items():
            for media, content in answer.get("content", {}).items():
                if "example" in content and media == "application/json":
                    name = content["schema"]["$ref"].rpartition("/")[2]
                    getattr(schemas, name).model_validate(content["example"]), (path, status)


def test_problems_in_the_examples_are_problems_that_exist():
    slugs = {
        kind.slug
        for module in (errors, read_quotas, *submodules())
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, errors.AppError)
    }
    for name, answer in DOCUMENT["components"]["responses"].items():
        example = answer["content"]["application/problem+json"]["example"]
        assert example["type"].removeprefix("urn:pristan:problem:") in slugs, name


def submodules() -> list[Any]:
    from app.api import content_negotiation, cursors, dependencies, events, referral_sealed
    from app.intake import idempotency

    return [cursors, dependencies, events, content_negotiation, referral_sealed, idempotency]
