"""The API reference as a page, rendered from the OpenAPI documents, without scripts and without requests to other hosts."""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from typing import Any, Final

from fastapi import APIRouter, Depends
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from app.api import openapi, webhook_openapi
from app.api.dependencies import Config, anyone

router = APIRouter(dependencies=[Depends(anyone)], include_in_schema=False)

_PAGES: Final = Environment(
    loader=PackageLoader("app.api", "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_CODE: Final = re.compile(r"`([^`]+)`")
_CACHEABLE: Final = {"Cache-Control": "public, max-age=3600"}


@router.get("/v1/docs")
async def reference(config: Config) -> Response:
    return HTMLResponse(page(config.base_url.rstrip("/")), headers=_CACHEABLE)


@router.get("/v1/docs.css")
async def style() -> Response:
    return Response(_css(), media_type="text/css", headers=_CACHEABLE)


@lru_cache(maxsize=4)
def page(base_url: str) -> str:
    """The page, with both documents: the API that partners call, and the webhooks that call them."""
    document, webhooks = openapi.document(base_url), webhook_openapi.document(openapi.VERSION)
    return _PAGES.get_template("reference.html").render(
        document=document,
        tags=[(tag, list(operations(document, tag["name"]))) for tag in document["tags"]],
        webhooks=webhooks,
        schemas={**document["components"]["schemas"], **webhooks["components"]["schemas"]},
        named=named,
        resolved=lambda value: resolved(document, value),
    )


def operations(document: dict[str, Any], tag: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything with this tag."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            if tag in operation["tags"]:
                yield method.upper(), path, operation


def resolved(document: dict[str, Any], value: dict[str, Any]) -> dict[str, Any]:
    """The component that a reference points to; anything else unchanged."""
    if "$ref" not in value:
        return value
    kind, name = value["$ref"].split("/")[-2:]
    component: dict[str, Any] = document["components"][kind][name]
    return component


def named(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """A schema in a few words: each a text and, where it is a component, its name to link to."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [(name, name)]
    if "anyOf" in schema:
        parts = [named(option) for option in schema["anyOf"]]
        return [word for index, part in enumerate(parts) for word in ([(" or ", "")] if index else []) + part]
    if "const" in schema:
        return [(str(schema["const"]), "")]
    if "enum" in schema:
        return [(" | ".join(map(str, schema["enum"])), "")]
    if schema.get("type") == "array":
        return [("list of ", ""), *named(schema.get("items", {}))]
    words = str(schema.get("type", "anything")) + (f" ({schema['format']})" if "format" in schema else "")
    return [(words, "")]


def coded(text: str) -> Markup:
    """A sentence of the document, with text in backticks as `<code>`."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))  # noqa: S704  escaped just before


_PAGES.filters["coded"] = coded


@lru_cache(maxsize=1)
def _css() -> str:
    return (files("app.api") / "templates" / "reference.css").read_text(encoding="utf-8")
