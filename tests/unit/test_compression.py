"""Which answers are sent with gzip, and to whom."""

import asyncio
import gzip

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from app.core import compression
from app.core.compression import KeptPage, PageCompression

TEXT = "Call a lawyer before you sign. " * 100


def answer(request: Request) -> Response:
    kind = request.query_params["type"]
    headers = dict(pair.split(":") for pair in request.query_params.getlist("header"))
    if "stream" in request.query_params:
        return StreamingResponse(iter([TEXT[:100], TEXT[100:]]), media_type=kind)
    size, status = int(request.query_params.get("size", len(TEXT))), int(request.query_params.get("status", 200))
    return Response(TEXT[:size], status, headers, kind)


APP = PageCompression(Starlette(routes=[Route("/", answer)]))


def get(app: ASGIApp, query: str, accept: str) -> tuple[httpx.Response, bytes]:
    """The answer, and its body as it was sent."""

    async def ask() -> tuple[httpx.Response, bytes]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://pristan.test") as client:
            async with client.stream("GET", f"/?{query}", headers={"accept-encoding": accept}) as answered:
                body = b"".join([part async for part in answered.aiter_raw()])
                return answered, body

    return asyncio.run(ask())


def encoding(query: str, accept: str = "gzip, deflate, br") -> str | None:
    answered, body = get(APP, query, accept)
    how = answered.headers.get("content-encoding")
    text = (gzip.decompress(body) if how == "gzip" else body).decode()
    assert text == (TEXT[:699] if "size=699" in query else TEXT)
    return how


@pytest.mark.parametrize("kind", ["text/html", "text/html; charset=utf-8", "TEXT/CSS", "image/svg%2bxml"])
def test_pages_and_style_sheets_are_compressed(kind: str) -> None:
    assert encoding(f"type={kind}") == "gzip"
    assert encoding(f"type={kind}&stream=1") == "gzip"


@pytest.mark.parametrize(
    "kind",
    ["application/json", "application/problem%2bjson", "application/fhir%2bjson", "text/csv", "text/plain", "image/png",
     "application/x-ndjson", "application/zip", "text/html-like"],
)  # fmt: skip
def test_no_answer_of_the_api_and_no_file_is_compressed(kind: str) -> None:
    """Secrets stand in them beside what the caller sent."""
    assert encoding(f"type={kind}") is None


def test_an_answer_without_a_type_is_not_compressed() -> None:
    app = PageCompression(Starlette(routes=[Route("/", lambda _request: Response(TEXT))]))
    assert "content-encoding" not in get(app, "", "gzip")[0].headers


@pytest.mark.parametrize("more", ["size=699", "status=206", "header=content-encoding:identity"])
def test_what_is_small_partial_or_encoded_already_stays_as_it_is(more: str) -> None:
    assert encoding(f"type=text/html&{more}") != "gzip"


@pytest.mark.parametrize(
    ("accept", "compressed"),
    [
        ("gzip", True), ("GZIP", True), ("br;q=1, gzip;q=0.2", True), ("", False), ("identity", False), ("br", False),
        ("gzip;q=0", False), ("gzip; q=0.000, *", False), ("not-gzip", False),
    ],
)  # fmt: skip
def test_only_who_accepts_gzip_is_sent_it(accept: str, compressed: bool) -> None:
    assert (encoding("type=text/html", accept) == "gzip") is compressed


def test_the_same_page_is_the_same_bytes_each_time() -> None:
    """Without the time in its head, which would tell how long a page took."""
    app = PageCompression(Starlette(routes=[Route("/", lambda _request: HTMLResponse(TEXT))]))
    answered, body = get(app, "", "gzip")
    assert body[4:8] == bytes(4)
    assert gzip.decompress(body).decode() == TEXT
    assert answered.headers["content-length"] == str(len(body))
    assert answered.headers["vary"] == "Accept-Encoding"


def test_a_kept_page_is_compressed_once_and_sent_as_it_is_to_who_wants_no_gzip() -> None:
    kept = PageCompression(Starlette(routes=[Route("/", lambda _request: KeptPage(TEXT))]))
    before = compression._compressed.cache_info().misses
    for accept, how in (("gzip, br", "gzip"), ("br", None), ("gzip;q=0", None), ("GZIP", "gzip")):
        answered, body = get(kept, "", accept)
        assert answered.headers.get("content-encoding") == how, accept
        assert answered.headers.get("vary") == ("Accept-Encoding" if how else None)
        assert int(answered.headers["content-length"]) == len(body)
        assert (gzip.decompress(body) if how else body).decode() == TEXT
    assert compression._compressed.cache_info().misses == before + 1


def test_a_short_kept_page_is_not_compressed() -> None:
    short = PageCompression(Starlette(routes=[Route("/", lambda _request: KeptPage(TEXT[:699]))]))
    assert get(short, "", "gzip")[1].decode() == TEXT[:699]
