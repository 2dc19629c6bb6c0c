"""Implementation of `pristan serve` and `pristan worker`."""

import gc
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET
from socket import socket as Socket
from types import FrameType

import typer
import uvicorn

from app.app_context import open_app_context
from app.cli import startup
from app.cli.http_protocol import PatientProtocol
from app.core import log, process_memory, tracing
from app.core.clock import utc_now
from app.main import create_app
from app.settings import ALL_SURFACES, Settings, Surface
from app.worker import Worker


class AnnouncingServer(uvicorn.Server):
    """Reports when it listens: from then on a browser that opens its address gets an answer."""

    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[Socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


def serve(
    host: str,
    port: int,
    surfaces: Iterable[str],
    settings: Settings | None = None,
    *,
    socket: str = "",
    on_listening: Callable[[], None] = lambda: None,
) -> None:
    """Serve until stopped. Exits with 2 if the port is taken, or the database has no schema yet.

    Raises WeakSecret, UnsafeDatabase.

    `on_listening` is called once the server accepts connections.
    """
    chosen: list[Surface] = [surface for surface in ALL_SURFACES if surface in set(surfaces)]
    if set(surfaces) - ALL_SURFACES or not chosen:
        raise typer.BadParameter("the surfaces are public, desk and partner")
    if not socket:
        refuse_taken_port(host, port)
    app = create_app(settings, surfaces=chosen)
    startup.require_ready(app.state.database, app.state.settings)
    log.log_uncaught()
    _protect_memory()
    gc.freeze()
    gc.enable()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        uds=socket or None,
        http=PatientProtocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )
    server = AnnouncingServer(config, on_listening)
    try:
        server.run()
    except KeyboardInterrupt:
        pass  # Ctrl-C: it has shut down already
    finally:
        if socket:
            Path(socket).unlink(missing_ok=True)
    if not server.started:
        raise typer.Exit(3)


def _protect_memory() -> None:
    """No core dumps, no tracing, no swap; the log names what the system did not allow."""
    left = process_memory.protect().left()
    if left:
        log.get().info("memory", code=",".join(left))


def refuse_taken_port(host: str, port: int) -> None:
    """Exit with a message if the port is in use: the server's own message would not pass the log's allow-list."""
    family = AF_INET6 if ":" in host else AF_INET
    with Socket(family, SOCK_STREAM) as probe:
        probe.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            typer.echo(
                f"Pristan cannot listen on {host}, port {port}: {error.strerror}."
                " Choose another port, for example: PORT=8001 make run",
                err=True,
            )
            raise typer.Exit(2) from None


def work(*, once: bool) -> None:
    """Run one round and print its counts, or run rounds until SIGTERM or SIGINT.

    Exits with 1 if a job of the one round failed, with 2 if the database is not ready or not safe to use.
    """
    log.configure()
    log.log_uncaught()
    context = open_app_context()
    startup.require_ready(context.database, context.settings)
    _protect_memory()
    settings = context.settings
    traces = tracing.start(settings.traces_url, settings.traces_share, "worker") if settings.traces_url else None
    worker = Worker(context.database, context.keys, context.directory, settings, utc_now)
    if once:
        for name, count in worker.run_once().items():
            typer.echo(f"{name}: {count}")
        if worker.failed:
            typer.echo(f"Failed: {', '.join(worker.failed)}. The log says where.", err=True)
            raise typer.Exit(1)
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    log.get().info("started", database=context.database.dialect, surface="worker")
    try:
        worker.run_forever()
    finally:
        if traces is not None:
            tracing.stop(traces)
