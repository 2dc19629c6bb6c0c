"""No address is matched by two routes, so the order in which routers are included means nothing."""

import re
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import NamedTuple

import pytest
from fastapi import APIRouter, FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path

from app import api, web
from app.settings import ALL_SURFACES

_EXAMPLES = {"id": "00000000-0000-4000-8000-000000000000", "int": "7", "language": "ru", "str": "x"}


class Route(NamedTuple):
    """An address with its parameters, its methods, and the pattern that Starlette holds an address against."""

    path: str
    methods: frozenset[str]
    pattern: re.Pattern[str]


def routes(app: FastAPI) -> list[Route]:
    """Every route, those of included routers too. GET and HEAD are one."""
    return [
        Route(str(context.path), methods, compile_path(str(context.path))[0])
        for context in iter_route_contexts(app.routes)
        if (methods := frozenset(context.methods or ()) - {"HEAD"})
    ]


def both_match(routes: list[Route]) -> Iterator[tuple[str, str]]:
    """Pairs of routes that one address fits: an address of the first, made of the fixed words of the second, fits both."""
    for one, other in permutations(routes, 2):
        if one.methods & other.methods and other.pattern.fullmatch(_address(one.path, other.path)):
            address = _address(one.path, other.path)
            if one.pattern.fullmatch(address):
                yield one.path, other.path


def _address(path: str, words_of: str) -> str:
    """The path with each parameter filled: with the other's fixed word in the same place, else with an example of its type."""
    words = words_of.split("/")
    parts = []
    for place, part in enumerate(path.split("/")):
        if not part.startswith("{"):
            parts.append(part)
        elif place < len(words) and not words[place].startswith("{"):
            parts.append(words[place])
        else:
            kind = part.strip("{}").partition(":")[2] or "str"
            parts.append(_EXAMPLES.get(kind, "accept"))
    return "/".join(parts)


@pytest.fixture
def everything() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    api.mount(app, ALL_SURFACES)
    web.mount(app, ALL_SURFACES)
    return app


def test_no_address_is_matched_by_two_routes(everything: FastAPI) -> None:
    found = routes(everything)
    assert len(found) > 200
    assert sorted(both_match(found)) == []


def test_a_route_that_takes_every_word_is_seen() -> None:
    app, part = FastAPI(openapi_url=None, docs_url=None, redoc_url=None), APIRouter(prefix="/cases/{label}")
    part.post("/{verb}")(lambda: None)
    part.post("/close")(lambda: None)
    app.include_router(part)
    assert ("/cases/{label}/{verb}", "/cases/{label}/close") in set(both_match(routes(app)))


def test_each_page_of_the_desk_and_the_partner_is_mounted_once(everything: FastAPI) -> None:
    found = [(route.path, method) for route in routes(everything) for method in route.methods]
    assert sorted(found) == sorted(set(found))


def test_every_module_of_pages_with_a_router_is_mounted() -> None:
    """A router that nobody includes is a page that nobody reaches."""
    folder = Path(web.__file__).parent
    for path in sorted(folder.glob("*/*.py")):
        if re.search(r"^(?:\w+_)?router = APIRouter", path.read_text(encoding="utf-8"), re.MULTILINE):
            module = path.stem
            assembled = (path.parent / "__init__.py").read_text(encoding="utf-8")
            assert path.name == "__init__.py" or re.search(rf"\b{module}\.\w*(?:router|root)\b", assembled), path.name
