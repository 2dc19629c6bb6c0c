"""The index finds the route that the list of routes would have found, for every address and method of the service."""

import asyncio
import re
from typing import Any
from unittest.mock import create_autospec

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import Match

from app import api, web
from app.api import referrals
from app.core.route_index import RouteIndex, index_routes
from app.settings import ALL_SURFACES

_EXAMPLES = {"id": "00000000-0000-4000-8000-000000000000", "int": "7", "language": "ru", "country": "pl"}


def scope(path: str, method: str = "GET") -> dict[str, Any]:
    return {"type": "http", "path": path, "method": method, "headers": [], "root_path": ""}


def ask(app: FastAPI, path: str, method: str = "GET") -> httpx.Response:
    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
            return await client.request(method, path)

    return asyncio.run(asked())


def example(route: APIRoute) -> str:
    """An address of the route: of a parameter with a list of words, its first word."""

    def filled(found: re.Match[str]) -> str:
        words = route.param_convertors[found[1]].regex.split("|")
        return _EXAMPLES.get(found[2] or "", words[0].strip("()?:") if len(words) > 1 else "abc")

    return re.sub(r"\{(\w+)(?::(\w+))?\}", filled, route.path)


@pytest.fixture(scope="module")
def everything() -> FastAPI:
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    api.mount(app, ALL_SURFACES)
    web.mount(app, ALL_SURFACES)
    index_routes(app)
    return app


def test_every_route_is_found_by_its_own_address(everything: FastAPI) -> None:
    index, *routes = everything.router.routes
    of_api = [route for route in routes if isinstance(route, APIRoute) and ":path}" not in route.path]
    assert len(of_api) > 250
    for route in of_api:
        for method in (route.methods or set()) - {"HEAD"}:
            asked = scope(example(route), method)
            match, found = index.matches(asked)
            in_list = next(each.matches(asked)[1] for each in routes if each.matches(asked)[0] is Match.FULL)
            assert match is Match.FULL, route.path
            assert (found["route"], found["path_params"]) == (in_list["route"], in_list["path_params"])


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/desk/no-such-page", "GET"),
        ("/", "POST"),
        ("/xx/", "POST"),
        ("/desk/cases", "DELETE"),
        ("", "GET"),
        ("/s/x.css", "GET"),
    ],
)
def test_the_index_does_not_decide_what_it_does_not_know(everything: FastAPI, path: str, method: str) -> None:
    assert everything.router.routes[0].matches(scope(path, method)) == (Match.NONE, {})


def test_a_mounted_prefix_is_left_to_the_list(everything: FastAPI) -> None:
    assert everything.router.routes[0].matches({**scope("/healthz"), "root_path": "/under"}) == (Match.NONE, {})


def test_a_fixed_word_and_a_parameter_in_one_place_are_both_tried() -> None:
    app, part = FastAPI(openapi_url=None), APIRouter(prefix="/cases")
    part.get("/{label:int}/pages/{page}")(lambda label, page: f"{label} {page}")
    part.get("/7/notes/{note}")(lambda note: note)
    app.include_router(part)
    index_routes(app)
    assert ask(app, "/cases/7/pages/2").json() == "7 2"
    assert ask(app, "/cases/7/notes/x").json() == "x"
    assert ask(app, "/cases/7/other/x").status_code == 404
    assert ask(app, "/cases/7/notes/x", "POST").status_code == 405


def test_dependencies_and_responses_of_every_router_around_a_route_are_kept() -> None:
    inner_policy, outer_policy = create_autospec(lambda: None), create_autospec(lambda: None)
    inner, outer = APIRouter(dependencies=[Depends(inner_policy)]), APIRouter(dependencies=[Depends(outer_policy)])
    inner.get("/page", status_code=202, responses={404: {"description": "none"}})(lambda: "here")
    outer.include_router(inner, prefix="/in")
    app = FastAPI(openapi_url=None)
    app.include_router(outer, prefix="/out")
    index_routes(app)
    answer = ask(app, "/out/in/page")
    assert (answer.status_code, answer.json()) == (202, "here")
    inner_policy.assert_called_once_with()
    outer_policy.assert_called_once_with()
    assert isinstance(app.router.routes[0], RouteIndex)
    [route] = [each for each in app.router.routes if isinstance(each, APIRoute)]
    assert 404 in route.responses


def test_the_description_of_the_api_is_that_of_the_included_routers(everything: FastAPI) -> None:
    """The names, models and responses come through: nothing is described otherwise than where it is declared."""
    of_index = {
        (route.path, frozenset(route.methods or ())): route
        for route in everything.router.routes
        if isinstance(route, APIRoute)
    }
    for declared in referrals.router.routes:
        assert isinstance(declared, APIRoute)
        flat = of_index[declared.path, frozenset(declared.methods or ())]
        assert (flat.response_model, flat.operation_id, flat.name, flat.description) == (
            declared.response_model, declared.operation_id, declared.name, declared.description,
        )  # fmt: skip
