"""The service as it runs in production: a process for each surface, each with a database role of its own, behind one address.

On SQLite, which has no roles, one process serves all surfaces.
"""

from collections.abc import Awaitable, Callable, Collection, MutableMapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final

from fastapi import FastAPI

from app.core.clock import Clock
from app.core.db import Database
from app.core.keyring import KeyRing
from app.main import create_app
from app.operations.privileges import DatabaseRole
from app.settings import ALL_SURFACES, Settings, Surface
from tests.support.databases import BY_ROLE, under

_PREFIXES: Final[dict[Surface, tuple[str, ...]]] = {
    "desk": ("/desk", "/healthz", "/readyz", "/metrics"),
    "partner": ("/partner", "/v1", "/oauth", "/hsds", "/.well-known"),
    "public": ("/",),
}


def create_surfaces(
    settings: Settings,
    *,
    surfaces: Collection[Surface] = ALL_SURFACES,
    database: Database,
    keys: KeyRing,
    clock: Clock,
) -> FastAPI:
    """An app that serves these surfaces; on PostgreSQL each has the privileges of its role and no more."""
    if database.dialect == "sqlite" or not BY_ROLE:
        return create_app(settings, surfaces=surfaces, database=database, keys=keys, clock=clock)
    apps = {
        surface: create_app(
            settings, surfaces={surface}, database=under(database, DatabaseRole(surface)), keys=keys, clock=clock
        )
        for surface in _PREFIXES
        if surface in surfaces
    }
    if len(apps) == 1:
        return next(iter(apps.values()))
    first = next(iter(apps.values()))
    return _Behind(apps, first)


class _Behind(FastAPI):
    """What a reverse proxy does: the beginning of the path says which process answers. Its state is the first one's."""

    def __init__(self, apps: dict[Surface, FastAPI], first: FastAPI) -> None:
        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> Any:
            async with AsyncExitStack() as stack:
                for app in apps.values():
                    await stack.enter_async_context(app.router.lifespan_context(app))
                yield

        super().__init__(lifespan=lifespan, openapi_url=None)
        self.apps = apps
        self.state = first.state
        self.router.routes[:] = [route for app in apps.values() for route in app.router.routes]

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        path = scope.get("path", "/")
        asked = [name for name in self.apps if path.startswith(_PREFIXES[name])]
        await self.apps[asked[0] if asked else next(iter(self.apps))](scope, receive, send)
