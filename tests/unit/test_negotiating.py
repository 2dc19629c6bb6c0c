"""Which form a caller is given for its Accept."""

import pytest
from fastapi import Request

from app.api.negotiating import NotAcceptable, preferred

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
    ],
)
def test_the_caller_chooses(accept: tuple[str, ...], given: str) -> None:
    assert preferred(asking(*accept), JSON, CSV) == given


@pytest.mark.parametrize(
    "accept",
    ["text/html", "application/json;q=0", "text/csv;q=2, text/csv;q=nan", "application/xml, image/*"],
)
def test_another_form_there_is_not(accept: str) -> None:
    with pytest.raises(NotAcceptable):
        preferred(asking(accept), JSON, CSV)


def test_a_version_that_is_named_must_be_ours() -> None:
    assert preferred(asking("application/fhir+json"), FHIR) == FHIR
    assert preferred(asking('application/fhir+json; fhirVersion="4.0"; charset=utf-8'), FHIR) == FHIR
    with pytest.raises(NotAcceptable):
        preferred(asking("application/fhir+json; fhirVersion=5.0"), FHIR)
