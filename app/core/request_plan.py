"""How a route is answered: its dependencies in the order in which FastAPI solves them, worked out once and not for each request.

FastAPI walks the tree of dependencies for every request, and looks for parameters of four kinds in each of them: for a route with a
dozen dependencies that took a quarter of a millisecond. Here the tree is a list of steps, each with the places of what it needs.
The order, the cache within a request and the errors of validation are FastAPI's. A route that the plan does not cover (a body that
FastAPI reads, a result that it serialises, a parameter for the response) is answered by FastAPI.

A request changes threads once. A dependency that asks the database can do so in the endpoint's thread, before the endpoint: it has
a method `in_thread` with the parameters of its `__call__`, which is then not called.
"""

from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction, signature
from operator import attrgetter
from types import NoneType
from typing import Any, Final

from anyio.to_thread import run_sync
from fastapi import Request, Response
from fastapi._compat import ModelField
from fastapi.dependencies.models import Dependant
from fastapi.dependencies.utils import request_params_to_args
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute

from app.core.errors import AppError

_FAILED: Final = object()
"""The value of a step whose parameters are not valid."""
_WAITS: Final = object()
"""The value of a step that is done in the endpoint's thread."""
_FUNCTION_STACK: Final = "fastapi_function_astack"
_REQUEST_STACK: Final = "fastapi_inner_astack"
Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class OnTheLoop(Exception):
    """Raised by `in_thread`: `work` has to be done on the event loop first. Then it is called again."""

    def __init__(self, work: Callable[[], Awaitable[None]]) -> None:
        super().__init__()
        self.work = work


class PlannedRoute(APIRoute):
    """A route that is answered by its plan if it has one."""

    def get_route_handler(self) -> Handler:
        plan = None if self.body_field else _plan(self.dependant)
        return super().get_route_handler() if plan is None else plan.answer


@dataclass(frozen=True, slots=True)
class _Source:
    """The parameters that a step takes from one place of a request: its path, query, headers or cookies.

    `defaults`: their values where they are left out, for those that need no validation then.
    """

    given: Callable[[Request], Mapping[str, Any]]
    fields: tuple[ModelField, ...]
    defaults: Mapping[str, Any]

    def add(self, request: Request, found: dict[str, Any]) -> list[Any]:
        """Add the values to `found`; returns the errors."""
        given = self.given(request)
        left_out = {field.name for field in self.fields if field.name in self.defaults and field.alias not in given}
        values, errors = request_params_to_args([field for field in self.fields if field.name not in left_out], given)
        found.update(values)
        for name in left_out:
            found[name] = self.defaults[name]
        return errors


def _sources(dependant: Dependant) -> tuple[_Source, ...]:
    kinds = (
        (attrgetter("path_params"), dependant.path_params),
        (attrgetter("query_params"), dependant.query_params),
        (attrgetter("headers"), dependant.header_params),
        (attrgetter("cookies"), dependant.cookie_params),
    )
    return tuple(
        _Source(given, tuple(fields), {field.name: field.default for field in fields if _has_plain_default(field)})
        for given, fields in kinds
        if fields
    )


def _has_plain_default(field: ModelField) -> bool:
    """Whether leaving it out gives a value that nobody can change, as it is."""
    info = field.field_info
    return (
        not info.is_required()
        and not info.validate_default
        and info.validation_alias in {None, field.alias}
        and isinstance(field.default, _PLAIN)
    )


_PLAIN: Final = (str, int, float, bytes, NoneType)


@dataclass(frozen=True, slots=True)
class _Step:
    """One dependency, or the endpoint. `inputs`: its parameters and the steps that make their values."""

    dependant: Dependant
    call: Callable[..., Any]
    inputs: tuple[tuple[str, int], ...]
    needs: tuple[int, ...]
    """All steps that must not have failed; some have no name in `inputs`, because their value is not used."""
    request_name: str | None
    sources: tuple[_Source, ...]
    is_generator: bool
    is_coroutine: bool

    def arguments(self, request: Request, values: list[Any], errors: list[Any]) -> dict[str, Any] | None:
        """What it is called with; None if it cannot be called, because something is not valid."""
        found = {name: values[at] for name, at in self.inputs}
        is_valid = all(values[at] is not _FAILED for at in self.needs)
        for source in self.sources:
            faults = source.add(request, found)
            errors += faults
            is_valid = is_valid and not faults
        if self.request_name is not None:
            found[self.request_name] = request
        return found if is_valid else None


@dataclass(frozen=True, slots=True)
class _Plan:
    steps: tuple[_Step, ...]
    in_thread: frozenset[int]
    """The steps that are done in the endpoint's thread."""
    endpoint: _Step

    async def answer(self, request: Request) -> Response:
        """Raises what dependencies and the endpoint raise, and RequestValidationError."""
        values, errors = list[Any](), list[Any]()
        waiting: list[tuple[int, dict[str, Any]]] = []
        arguments: dict[str, Any] | None = None
        problem: Exception | None = None
        try:
            await self._solve(request, values, errors, waiting)
        except AppError as error:
            if not waiting:
                raise
            problem = error  # what waits may have a reason to refuse that comes before this one
        else:
            arguments = self.endpoint.arguments(request, values, errors)
        if errors and problem is None:
            problem = RequestValidationError(errors)
        if problem is not None and not waiting:
            raise problem
        if self.endpoint.is_coroutine:
            return _checked(await self.endpoint.call(**(arguments or {})))
        while True:
            try:
                return _checked(await run_sync(self._in_thread, waiting, arguments, problem))
            except OnTheLoop as first:
                await first.work()

    async def _solve(
        self, request: Request, values: list[Any], errors: list[Any], waiting: list[tuple[int, dict[str, Any]]]
    ) -> None:
        """Find the values of the steps; those of `waiting`, with their arguments, come later. Raises what a step raises."""
        for at, step in enumerate(self.steps):
            arguments = step.arguments(request, values, errors)
            if arguments is None:
                values.append(_FAILED)
            elif at in self.in_thread:
                waiting.append((at, arguments))
                values.append(_WAITS)
            else:
                values.append(await _value(step, arguments, request))

    def _in_thread(
        self, waiting: list[tuple[int, dict[str, Any]]], arguments: dict[str, Any] | None, problem: Exception | None
    ) -> Any:
        made = {at: self.steps[at].call.in_thread(**given) for at, given in waiting}  # type: ignore[attr-defined]
        if problem is not None:
            raise problem
        assert arguments is not None
        for name, at in self.endpoint.inputs:
            if at in made:
                arguments[name] = made[at]
        return self.endpoint.call(**arguments)


def _checked(result: Any) -> Response:
    assert isinstance(result, Response)
    return result


async def _value(step: _Step, arguments: dict[str, Any], request: Request) -> Any:
    if step.is_coroutine:
        return await step.call(**arguments)
    if step.is_generator:
        name = _FUNCTION_STACK if step.dependant.scope == "function" else _REQUEST_STACK
        stack: AsyncExitStack = request.scope[name]
        return await stack.enter_async_context(asynccontextmanager(step.call)(**arguments))
    return await run_sync(partial(step.call, **arguments))


def _plan(dependant: Dependant) -> _Plan | None:
    """The plan of a route; None if it needs something that only FastAPI does."""
    if not _returns_response(dependant.call) or not all(map(_is_covered, _all(dependant))):
        return None
    steps: list[_Step] = []
    endpoint = _step(dependant, steps, {})
    return _Plan(tuple(steps), _in_thread(steps, endpoint), endpoint)


def _in_thread(steps: list[_Step], endpoint: _Step) -> frozenset[int]:
    """The steps with a method for it, unless the endpoint is on the loop or another step needs their value."""
    if endpoint.is_coroutine:
        return frozenset()
    needed = {at for step in steps for at in step.needs}
    return frozenset(at for at, step in enumerate(steps) if hasattr(step.call, "in_thread") and at not in needed)


def _step(dependant: Dependant, steps: list[_Step], places: dict[Any, int]) -> _Step:
    """The step of a dependant; the steps of its dependencies are added to `steps` before, each once (FastAPI's cache)."""
    inputs, needs = list[tuple[str, int]](), list[int]()
    for inner in dependant.dependencies:
        key = (inner.call, inner.scope)
        if key not in places or not inner.use_cache:
            steps.append(_step(inner, steps, places))
            places[key] = len(steps) - 1
        needs.append(places[key])
        if inner.name is not None:
            inputs.append((inner.name, places[key]))
    assert dependant.call is not None
    return _Step(
        dependant,
        dependant.call,
        tuple(inputs),
        tuple(needs),
        dependant.request_param_name,
        _sources(dependant),
        isasyncgenfunction(dependant.call),
        iscoroutinefunction(dependant.call) or iscoroutinefunction(getattr(dependant.call, "__call__", None)),  # noqa: B004
    )


def _all(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for inner in dependant.dependencies:
        yield from _all(inner)


def _is_covered(dependant: Dependant) -> bool:
    needs_fastapi = (
        dependant.body_params
        or dependant.websocket_param_name
        or dependant.http_connection_param_name
        or dependant.response_param_name
        or dependant.background_tasks_param_name
        or dependant.security_scopes_param_name
        or dependant.own_oauth_scopes
        or dependant.concurrency
        or isgeneratorfunction(dependant.call)
    )
    return not needs_fastapi


def _returns_response(call: Callable[..., Any] | None) -> bool:
    result = signature(call).return_annotation if call is not None else None
    return isinstance(result, type) and issubclass(result, Response)
