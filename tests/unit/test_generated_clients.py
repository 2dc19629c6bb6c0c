"""The descriptions have no pattern on which client generators are known to fail.

`make generators` generates clients with real generators, compiles and drives them; this holds the patterns that failed, cheaply:
one path with many bodies, a body for what takes none, one name twice, choices between shapes, inherited shapes whose own fields
are dropped, and defaults in requests.
"""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from app.api import hsds_openapi, openapi, webhook_openapi
from app.api.referral_actions import BODY_BY_VERB, VERBS

PARTNER = openapi.document("https://pristan.test")
DOCUMENTS = {
    "partner": PARTNER,
    "webhooks": webhook_openapi.document(openapi.VERSION),
    "directory": hsds_openapi.document("https://pristan.test"),
}
ACTIONS = "/v1/referrals/{referral_id}/actions/"


def walk(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, inner in value.items():
            if name not in {"example", "examples"}:
                yield from walk(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")


def test_each_action_has_a_path_a_name_and_its_own_body_or_none():
    described = {path.removeprefix(ACTIONS) for path in PARTNER["paths"] if path.startswith(ACTIONS)}
    assert described == {str(verb) for verb in VERBS}
    for verb in VERBS:
        operation = PARTNER["paths"][ACTIONS + verb]["post"]
        model = BODY_BY_VERB.get(verb)
        assert ("requestBody" in operation) == (model is not None), verb
        assert [one["name"] for one in operation["parameters"] if one["in"] == "path"] == ["referral_id"]
        if model is not None:
            content = operation["requestBody"]["content"]["application/json"]
            assert content["schema"] == {"$ref": f"#/components/schemas/{model.__name__}"}
            model.model_validate(content["example"], strict=False)
    assert "requestBody" not in PARTNER["paths"][ACTIONS + "accept"]["post"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_schema_is_a_choice_between_shapes_or_inherits(name: str):
    for path, value in walk(DOCUMENTS[name]):
        if isinstance(value, dict):
            assert not {"anyOf", "oneOf", "allOf"} & value.keys(), path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_schema_has_a_default_and_no_object_is_without_fields(name: str):
    for path, value in walk(DOCUMENTS[name]["components"]["schemas"]):
        if isinstance(value, dict) and not path.endswith("/properties"):
            assert "default" not in value, path
            if value.get("type") == "object" and not isinstance(value.get("additionalProperties"), dict):
                assert value.get("properties") or value.get("additionalProperties") is True, path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_parameter_has_an_empty_default_that_a_client_would_send(name: str):
    for path, value in walk(DOCUMENTS[name].get("paths", {})):
        if isinstance(value, dict) and "in" in value:
            assert value["schema"].get("default", 1) not in ("", [], None), path


@pytest.mark.parametrize("name", DOCUMENTS)
def test_no_name_is_used_twice_however_a_language_writes_it(name: str):
    document = DOCUMENTS[name]

    def plain(text: str) -> str:
        return re.sub("[^a-z0-9]", "", text.lower())

    names = [plain(schema) for schema in document["components"]["schemas"]]
    assert len(names) == len(set(names))
    for methods in document.get("paths", {}).values():
        for operation in methods.values():
            if not isinstance(operation, dict):
                continue
            used = [plain(one["name"]) for one in operation.get("parameters", ())]
            for content in operation.get("requestBody", {}).get("content", {}).values():
                reference = content["schema"].get("$ref", "").rpartition("/")[2]
                fields = document["components"]["schemas"].get(reference, content["schema"]).get("properties", {})
                used += [plain(field) for field in fields if content is None]
            assert len(used) == len(set(used)), operation["operationId"]
    for schema, shape in document["components"]["schemas"].items():
        fields = [plain(field) for field in shape.get("properties", {})]
        assert len(fields) == len(set(fields)), schema


def test_fixed_codes_are_enums_and_each_field_of_an_intake_is_described():
    schemas = PARTNER["components"]["schemas"]
    intake = schemas["Intake"]["properties"]
    assert intake["status"]["enum"]
    assert intake["groups"]["items"]["enum"]
    assert intake["helps"]["items"]["enum"]
    for name in ("Intake", "Letter", "AnswerBy", "Helper", "Consent", "ReferralIn"):
        for field, schema in schemas[name]["properties"].items():
            if name != "ReferralIn" or field != "intake":
                assert schema.get("description"), f"{name}.{field}"
    assert "letter_kinds" in schemas["Letter"]["properties"]["kind"]["description"]


def test_the_scheme_that_writes_bearer_is_applied_last():
    """Generators sort the schemes by name. In typescript-fetch the last one sets the header, and OAuth's writes the token alone."""
    for methods in PARTNER["paths"].values():
        for operation in methods.values():
            names = sorted(name for choice in operation.get("security", ()) for name in choice)
            if "oauth2" in names:
                assert PARTNER["components"]["securitySchemes"][names[-1]]["scheme"] == "bearer", operation[
                    "operationId"
                ]


def test_no_schema_is_called_like_the_constructor_of_another():
    """In Go the constructor of `Webhook` is `NewWebhook`: with a schema of that name nothing compiles."""
    for document in DOCUMENTS.values():
        schemas = document["components"]["schemas"]
        assert not [name for name in schemas if f"New{name}" in schemas]
