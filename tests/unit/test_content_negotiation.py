"""Which form a caller is given for its Accept."""

from contextlib import suppress

import pytest
from fastapi import Request
from hypothesis import given, strategies

from app.api.content_negotiation import NotAcceptable, best_media_type

JSON, CSV = "application/json", "text/csv"
FHIR = "application/fhir+json; fhirVersion=4.0"


def asking(*accept: str) -> Request:
    return Request({"type": "http", "headers": [(b"accept", one.encode()) for one in accept]})


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        ((), JSON),
        (("",), JSON),
        (("json",), JSON),
        ((";;,,",), JSON),
        (("\x7f", "text/csv"), CSV),
        (("*/*",), JSON),
        (("application/*",), JSON),
        (("text/csv",), CSV),
        (("TEXT/CSV",), CSV),
        (("text/csv; charset=utf-8",), CSV),
        (("text/*;q=0.4, application/json;q=0.3",), CSV),
        (("*/*, application/json;q=0",), CSV),
        (("text/csv;q=0.2", "application/json;q=0.9"), JSON),
        (("text/html, */*;q=0.1",), JSON),
        (("text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2",), JSON),  # Java's own client
        (("text/html, *",), JSON),
        (("application/json;q=.1, text/csv ; q = .9",), CSV),
        (('text/csv; note="a, b/c"; q=0.9, application/json; q=0.8',), CSV),
    ],
)
def test_the_caller_chooses(accept: tuple[str, ...], given: str) -> None:
    assert best_media_type(asking(*accept), JSON, CSV) == given


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/json;q=0", "text/csv;q=2, text/csv;q=nan", "application/xml, image/*"],
)
def test_another_form_there_is_not(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        best_media_type(asking(accept), JSON, CSV)


def test_a_version_that_is_named_must_be_ours() -> None:
    assert best_media_type(asking("application/fhir+json"), FHIR) == FHIR
    assert best_media_type(asking('application/fhir+json; fhirVersion="4.0"; charset=utf-8'), FHIR) == FHIR
    with pytest.raises(NotAcceptable):
        best_media_type(asking("application/fhir+json; fhirVersion=5.0"), FHIR)


@given(strategies.text(strategies.characters(max_codepoint=255), max_size=80))
def test_no_header_breaks_it(accept: str) -> None:
    request = Request({"type": "http", "headers": [(b"accept", accept.encode("latin-1"))]})
    with suppress(NotAcceptable):
        assert best_media_type(request, JSON, CSV) in {JSON, CSV}
