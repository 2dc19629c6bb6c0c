"""The description for people: whole, without a script, without a request to anywhere else; and valid for the tools that read it."""

from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from app.api import openapi, webhook_openapi
from tests.support.partners import Network

DOCUMENT = openapi.document("https://pristan.test")


@pytest.fixture
def page(network: Network) -> HTMLParser:
    answer = network.http.get("/v1/docs")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'")
    return HTMLParser(answer.text)


def test_it_names_every_operation_answer_shape_and_event(page: HTMLParser):
    ids = [node.attributes["id"] for node in page.css("[id]")]
    assert len(ids) == len(set(ids))
    text = page.text()
    for path, methods in DOCUMENT["paths"].items():
        assert path in text
        for operation in methods.values():
            assert operation["operationId"] in ids
            assert all(paragraph in text for paragraph in operation["description"].replace("`", "").split("\n\n"))
    assert {f"schema-{name}" for name in DOCUMENT["components"]["schemas"]} <= set(ids)
    for name in webhook_openapi.document("1")["webhooks"]:
        assert name in text


def test_it_stands_alone(page: HTMLParser, network: Network):
    assert not page.css("script, iframe, img, style, [style], [onclick]")
    assert [node.attributes["href"] for node in page.css("link")] == ["/v1/docs.css"]
    ids = {node.attributes["id"] for node in page.css("[id]")}
    for node in page.css("a"):
        target: Any = node.attributes["href"]
        if target.startswith("#"):
            assert target[1:] in ids, target
        else:
            assert network.http.get(target).status_code == 200, target
    css = network.http.get("/v1/docs.css")
    assert css.headers["content-type"] == "text/css; charset=utf-8"
    assert "url(" not in css.text
    assert "@import" not in css.text


@pytest.mark.parametrize("path", ["/v1/openapi.json", "/v1/webhooks.openapi.json"])
def test_both_documents_are_valid_openapi_3_1(network: Network, path: str):
    document = network.http.get(path).json()
    assert [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()] == []
    broken = {**document, "info": {}}
    assert list(OpenAPIV31SpecValidator(broken).iter_errors())


def test_what_we_send_is_described_apart_from_what_is_called():
    assert "webhooks" not in DOCUMENT
    assert "paths" not in webhook_openapi.document("1")
    for sent in webhook_openapi.document("1")["webhooks"].values():
        names = {parameter["name"] for parameter in sent["post"]["parameters"]}
        assert names == {"webhook-id", "webhook-timestamp", "webhook-signature"}
