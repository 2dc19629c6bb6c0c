"""Finds the route of a request by the segments of its path, instead of trying every route in turn.

FastAPI keeps an included router as a branch and asks each branch and each of its routes for every request: with 370 routes that
took longer than everything else a start page needs. Here the routes of all branches stand in one list, and an index in front of it
names the few whose fixed segments agree with the path. A request that the index does not find (no such address, another method)
goes through the list as before, so that refusals are FastAPI's own.
"""

from collections.abc import Iterator
from typing import Final

from fastapi import FastAPI
from fastapi.routing import APIRoute, RouteContext, iter_route_contexts
from starlette.routing import BaseRoute, Match
from starlette.types import Receive, Scope, Send

from app.core.dependencies import committing
from app.core.request_plan import PlannedRoute

_ANY: Final = "{}"
"""The key of a segment with a parameter. No request has a segment of this name that leads elsewhere: the route itself decides."""
_CHOSEN: Final = "pristan.route"


def index_routes(app: FastAPI) -> None:
    """Put the routes of all included routers into one list, with an index in front. Called once, when all are included."""
    routes = [_flat(context, app) for context in iter_route_contexts(app.router.routes)]
    app.router.routes[:] = [RouteIndex(routes), *routes]


class RouteIndex(BaseRoute):
    """The first entry of the list of routes: it matches what one of `routes` matches in full, and lets that one answer.

    A tree by segments: each node has its fixed segments, and one for a parameter. Mounted applications are not in it.
    """

    def __init__(self, routes: list[BaseRoute]) -> None:
        self._root = _Node()
        for route in routes:
            if isinstance(route, APIRoute) and ":path}" not in route.path:
                node = self._root
                for segment in route.path.split("/"):
                    node = node.child(_ANY if "{" in segment else segment)
                node.routes.append(route)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """FULL with the parameters of the path, or NONE; never PARTIAL (another method), which the list itself reports."""
        if scope["type"] == "http" and not scope.get("root_path"):
            for route in self._root.find(scope["path"].split("/")):
                match, child_scope = route.matches(scope)
                if match is Match.FULL:
                    return match, {**child_scope, _CHOSEN: route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        route: APIRoute = scope[_CHOSEN]
        await route.handle(scope, receive, send)


class _Node:
    """A segment of addresses: the routes that end here and what may follow."""

    __slots__ = ("children", "routes")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.routes: list[APIRoute] = []

    def child(self, segment: str) -> "_Node":
        return self.children.setdefault(segment, _Node())

    def find(self, segments: list[str], at: int = 0) -> Iterator[APIRoute]:
        """The routes that have as many segments, with the same words at the places of their fixed ones."""
        if at == len(segments):
            yield from self.routes
            return
        for key in (segments[at], _ANY):
            if key in self.children:
                yield from self.children[key].find(segments, at + 1)


def _flat(context: RouteContext, app: FastAPI) -> BaseRoute:
    """The route as its router was included, with the prefix, dependencies and responses of every router around it.

    Its endpoint commits in its own thread, and its dependencies are solved by a plan.
    """
    if not isinstance(context.original_route, APIRoute) or context.endpoint is None:
        return context.original_route
    return PlannedRoute(
        str(context.path),
        committing(context.endpoint),
        response_model=context.response_model,
        status_code=context.status_code,
        tags=context.tags,
        dependencies=context.dependencies,
        summary=context.summary,
        description=context.description,
        response_description=context.response_description,
        responses=context.responses,
        deprecated=context.deprecated,
        name=context.name,
        methods=context.methods,
        operation_id=context.operation_id,
        response_model_include=context.response_model_include,
        response_model_exclude=context.response_model_exclude,
        response_model_by_alias=context.response_model_by_alias,
        response_model_exclude_unset=context.response_model_exclude_unset,
        response_model_exclude_defaults=context.response_model_exclude_defaults,
        response_model_exclude_none=context.response_model_exclude_none,
        include_in_schema=context.include_in_schema,
        response_class=context.response_class,
        dependency_overrides_provider=app,
        callbacks=context.callbacks,
        openapi_extra=context.openapi_extra,
        generate_unique_id_function=context.generate_unique_id_function,
        strict_content_type=context.strict_content_type,
        max_body_size=context.max_body_size,
        form_limits=context.original_route.form_limits,
    )
