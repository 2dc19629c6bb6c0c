"""A planned route answers as FastAPI would, with the same order, values and errors; what waits for the thread refuses first."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Header, Query, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute

from app.core.errors import BadRequest, NotAllowed
from app.core.request_plan import OnTheLoop, PlannedRoute


def ask(
    endpoint: Callable[..., Any], path: str, *, kind: type[APIRoute] = PlannedRoute, **headers: str
) -> httpx.Response:
    """GET `path`, answered by the endpoint at `/{word}`."""
    app = FastAPI()
    app.add_exception_handler(BadRequest, _as_text)
    app.add_exception_handler(NotAllowed, _as_text)
    router = APIRouter(route_class=kind)
    router.add_api_route("/{word}", endpoint)
    app.include_router(router)
    is_planned = kind is not PlannedRoute or hasattr(router.routes[0].get_route_handler(), "__self__")  # type: ignore[attr-defined]
    assert is_planned

    async def asked() -> httpx.Response:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://testserver") as client:
            return await client.get(path, headers=headers)

    return asyncio.run(asked())


async def _as_text(_request: Request, error: Exception) -> Response:
    return JSONResponse({"refused": type(error).__name__}, status_code=400)


async def length(word: str) -> int:
    return len(word)


async def twice(of: Annotated[int, Depends(length)], more: Annotated[int, Query(ge=0)] = 1) -> int:
    return of * 2 + more


def shown(
    word: str,
    size: Annotated[int, Depends(twice)],
    again: Annotated[int, Depends(length)],
    tags: Annotated[list[str], Query()] = [],  # noqa: B006  FastAPI copies it
    limit: Annotated[int, Query(ge=1, le=9, alias="most")] = 5,
    seen: Annotated[str | None, Header(alias="X-Seen")] = None,
) -> Response:
    return JSONResponse([word, size, again, tags, limit, seen])


@pytest.mark.parametrize(
    "path",
    ["/abc", "/abc?more=4", "/abc?more=-1", "/abc?more=x&most=0", "/abc?most=10&tags=a&tags=b", "/abc?tags=a&most=3"],
)
def test_values_and_errors_are_those_of_fastapi(path: str) -> None:
    planned, usual = ask(shown, path, **{"X-Seen": "7"}), ask(shown, path, kind=APIRoute, **{"X-Seen": "7"})
    assert (planned.status_code, planned.json()) == (usual.status_code, usual.json())
    assert ask(shown, path).json() == ask(shown, path, kind=APIRoute).json()


def test_a_default_that_can_be_changed_is_made_for_each_request() -> None:
    def grows(word: str, tags: Annotated[list[str], Query()] = []) -> Response:  # noqa: B006  FastAPI copies it
        tags.append(word)
        return JSONResponse(tags)

    assert [ask(grows, "/a").json(), ask(grows, "/b").json()] == [["a"], ["b"]]


def test_a_dependency_ends_before_the_response_and_knows_of_a_failure() -> None:
    seen = list[str]()

    async def opened() -> AsyncIterator[str]:
        try:
            yield "open"
        except BadRequest:
            seen.append("failed")
            raise
        seen.append("ended")

    def fine(word: str, state: Annotated[str, Depends(opened, scope="function")]) -> Response:
        seen.append(state)
        if word == "bad":
            raise BadRequest
        return Response()

    assert ask(fine, "/a").status_code == 200
    assert ask(fine, "/bad").json() == {"refused": "BadRequest"}
    assert seen == ["open", "ended", "open", "failed"]


class Allowed:
    """A policy that looks in the thread of the endpoint; the word `no` is refused, `share` needs the loop first."""

    def __init__(self) -> None:
        self.threads = list[int]()
        self.on_loop = list[int]()

    async def __call__(self, word: str) -> str:
        raise AssertionError(word)

    def in_thread(self, word: str) -> str:
        self.threads.append(threading.get_ident())
        if word == "no":
            raise NotAllowed
        if word == "share" and not self.on_loop:
            raise OnTheLoop(self._take)
        return word.upper()

    async def _take(self) -> None:
        self.on_loop.append(threading.get_ident())


async def late(word: str) -> None:
    if word in {"late", "no"}:
        raise BadRequest


def with_policy(policy: Allowed) -> Callable[..., Response]:
    def endpoint(
        allowed: Annotated[str, Depends(policy)], _late: Annotated[None, Depends(late)], n: int = 0
    ) -> Response:
        return JSONResponse([allowed, n, threading.get_ident()])

    return endpoint


def test_a_policy_is_asked_in_the_thread_of_the_endpoint() -> None:
    policy = Allowed()
    assert ask(with_policy(policy), "/yes").json() == ["YES", 0, *policy.threads]
    assert policy.threads[0] != threading.get_ident()


def test_a_policy_refuses_before_what_comes_after_it() -> None:
    policy = Allowed()
    assert ask(with_policy(policy), "/no?n=x").json() == {"refused": "NotAllowed"}
    assert ask(with_policy(policy), "/late").json() == {"refused": "BadRequest"}
    assert ask(with_policy(policy), "/yes?n=x").status_code == 422
    assert len(policy.threads) == 3


def test_what_has_to_be_done_on_the_loop_is_done_there_and_the_thread_tries_again() -> None:
    policy = Allowed()
    assert ask(with_policy(policy), "/share").json()[0] == "SHARE"
    assert (len(policy.threads), policy.on_loop) == (2, [threading.get_ident()])


def test_an_endpoint_on_the_loop_asks_its_policy_there() -> None:
    class OnLoop(Allowed):
        async def __call__(self, word: str) -> str:
            return word.upper()

    policy = OnLoop()

    async def endpoint(allowed: Annotated[str, Depends(policy)]) -> Response:
        return JSONResponse(allowed)

    assert ask(endpoint, "/yes").json() == "YES"
    assert policy.threads == []
