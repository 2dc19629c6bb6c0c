"""Wiring only: builds the app from settings, keys, database and directory; errors become a page or a problem document."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse

from app import api, web
from app.app_context import main_database, replica_of
from app.core import addresses, database_errors, log, tracing
from app.core.clock import Clock, utc_now
from app.core.compression import PageCompression
from app.core.db import Database
from app.core.dependencies import Transactions
from app.core.errors import (
    AppError,
    BadRequest,
    Invalid,
    NotAllowed,
    NotFound,
    NotSignedIn,
    TooLarge,
)
from app.core.http_middleware import CLIENT_GONE, HEADERS, RequestMiddleware
from app.core.keyring import KeyRing, load_or_create
from app.core.problems import retry_after
from app.core.quotas import Quotas
from app.core.route_index import index_routes
from app.core.storage_brake import StorageBrake
from app.core.validation import field_error
from app.directory.packs import load_packs
from app.directory.published import DirectoryInForce
from app.documents.conversion import Converters
from app.operations import database_roles
from app.operations.metrics import Metrics
from app.settings import ALL_SURFACES, Settings, Surface
from app.worker import Worker

_MACHINE_PATHS: Final = ("/v1", "/oauth", "/hsds", "/.well-known", "/healthz", "/readyz", "/metrics")


def create_app(
    settings: Settings | None = None,
    *,
    surfaces: Iterable[Surface] = ALL_SURFACES,
    database: Database | None = None,
    keys: KeyRing | None = None,
    clock: Clock = utc_now,
) -> FastAPI:
    """The application with all of its surfaces, or some of them.

    Raises WeakSecret (no usable key file) or UnsafeDatabase (it could lose what it has acknowledged): then it does not start.
    """
    settings = settings or Settings()
    log.configure()
    wanted = frozenset(surfaces)
    database = database or main_database(settings)
    keys = keys or load_or_create(settings.key_file, clock().date())
    app = FastAPI(
        title="Pristan",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(settings, wanted),
    )
    app.state.settings = settings
    app.state.database = database
    app.state.traces = (
        tracing.start(settings.traces_url, settings.traces_share, ",".join(sorted(wanted)))
        if settings.traces_url
        else None
    )
    app.state.transactions = Transactions(database, replica_of(settings, database))
    app.state.keys = keys
    app.state.quotas = Quotas()
    app.state.storage = StorageBrake(settings.storage_limits)
    app.state.converters = Converters(web.document_limits(settings).file, at_once=settings.conversions_at_once)
    app.state.clock = clock
    app.state.max_body = settings.max_body
    app.state.current = DirectoryInForce(load_packs())
    app.state.directory = app.state.current.directory
    app.state.metrics = Metrics()
    api.mount(app, wanted)
    web.mount(app, wanted)
    index_routes(app)
    app.add_middleware(
        RequestMiddleware,
        max_body=settings.max_body,
        body_limits={**web.body_limits(wanted, settings), **api.body_limits(wanted, settings)},
        https=settings.base_url.startswith("https:"),
        hsts_preload=settings.hsts_preload,
        onion=settings.onion_location,
        on_request=app.state.metrics.observe_request,
    )
    app.add_middleware(PageCompression)  # outermost: it sees the headers that go out
    for kind, handler in _HANDLERS.items():
        app.add_exception_handler(kind, handler)
    return app


def _lifespan(
    settings: Settings, surfaces: frozenset[Surface]
) -> Callable[[FastAPI], AbstractAsyncContextManager[None]]:
    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.database.check_durability(accept_loss=settings.accept_data_loss)
        _warn_of_strong_role(app.state.database)
        worker = Worker(app.state.database, app.state.keys, app.state.directory, settings, app.state.clock)
        if settings.worker_in_web:
            worker.start()
        log.get().info("started", database=app.state.database.dialect, surface=",".join(sorted(surfaces)))
        try:
            yield
        finally:
            worker.stop()
            if app.state.traces is not None:
                tracing.stop(app.state.traces)
            app.state.database.dispose()
            if app.state.transactions.replica is not None:
                app.state.transactions.replica.dispose()

    return lifespan


def _warn_of_strong_role(database: Database) -> None:
    """Log a warning if the surface's role can do more than it needs, such as owning the tables or being a superuser."""
    with database.engine.connect() as connection:
        strength = database_roles.strength(connection)
    if strength is not None and strength.too_strong:
        log.get().warning("database_role", code="superuser" if strength.superuser else "owner")


def _shaped(request: Request, error: AppError) -> Response:
    if request.url.path.startswith(_MACHINE_PATHS):
        return api.error_answer(request, error)
    response = web.error_page(request, error)
    for name, value in retry_after(error).items():
        response.headers.setdefault(name, value)
    return response


async def _on_app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    is_page = request.method in {"GET", "HEAD"}
    if isinstance(error, NotFound) and (is_page or request.url.path.startswith(_MACHINE_PATHS)):
        meant = addresses.meant(request.app.routes, request.scope)
        if meant is not None:
            return RedirectResponse(meant, status_code=308)
    if isinstance(error, NotFound) and is_page:
        language = web.preferred_language(request.headers.get("accept-language", ""))
        page = addresses.in_language(request.app.routes, request.scope, language)
        if page is not None:
            return RedirectResponse(page, status_code=303, headers={"Vary": "Accept-Language"})
    return _shaped(request, error)


async def _on_invalid_request(request: Request, error: Exception) -> Response:
    """FastAPI's validation errors, without the input that it would repeat."""
    assert isinstance(error, RequestValidationError)
    entries = error.errors()
    if any(entry["type"] == "json_invalid" for entry in entries):
        return _shaped(request, BadRequest("The body is not valid JSON in UTF-8."))
    return _shaped(request, Invalid([field_error(entry) for entry in entries]))


class _MethodNotAllowed(AppError):
    status, slug, title = 405, "method-not-allowed", "This address does not take this method"


_FROM_STATUS: Final[dict[int, type[AppError]]] = {
    400: BadRequest,
    401: NotSignedIn,
    403: NotAllowed,
    413: TooLarge,
}


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == _MethodNotAllowed.status:
        methods = addresses.methods_of(request.app.routes, request.scope)
        refusal = _MethodNotAllowed(headers={"Allow": ", ".join(methods)}) if methods else NotFound()
        return await _on_app_error(request, refusal)
    if error.status_code == NotFound.status:
        return await _on_app_error(request, NotFound())
    kind = _FROM_STATUS.get(error.status_code, BadRequest if error.status_code < 500 else AppError)
    return _shaped(request, kind(headers=dict(error.headers or {})))


async def _on_database_failure(request: Request, error: Exception) -> Response:
    """The database is unreachable, too slow or cannot be written: 503. The transaction is rolled back; a retry may succeed."""
    found = database_errors.response_to(error)
    if found is None:  # our mistake
        raise error
    log.failure("database", error)
    return _shaped(request, found)


async def _on_anything_else(request: Request, error: Exception) -> Response:
    """An unexpected error. It is handled outside every middleware, so it has to set the security headers itself."""
    log.failure("unexpected", error)
    response = _shaped(request, AppError())
    response.headers.update(HEADERS)
    return response


async def _on_client_gone(_request: Request, _error: Exception) -> Response:
    """The client left while it was sending. Nobody reads this."""
    return Response(status_code=CLIENT_GONE)


_HANDLERS: Final = {
    ClientDisconnect: _on_client_gone,
    AppError: _on_app_error,
    RequestValidationError: _on_invalid_request,
    HTTPException: _on_http_exception,
    DBAPIError: _on_database_failure,
    PoolTimeout: _on_database_failure,
    Exception: _on_anything_else,
}
