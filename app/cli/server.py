"""Implementation of `pristan serve` and `pristan worker`."""

import gc
import signal
from collections.abc import Iterable
from socket import AF_INET, AF_INET6, SO_REUSEADDR, SOCK_STREAM, SOL_SOCKET
from socket import socket as new_socket
from types import FrameType

import typer
import uvicorn

from app.app_context import open_app_context
from app.cli.http_protocol import PatientProtocol
from app.core import log, process_memory
from app.core.clock import utc_now
from app.core.db import UnsafeDatabase
from app.core.keyring import WeakSecret
from app.main import create_app
from app.settings import ALL_SURFACES, Settings, Surface
from app.worker import Worker


def serve(host: str, port: int, surfaces: Iterable[str], settings: Settings | None = None, *, socket: str = "") -> None:
    """Serve until stopped. Exits with 2 if the port is taken, or the secret or the database is not safe to use."""
    chosen: list[Surface] = [surface for surface in ALL_SURFACES if surface in set(surfaces)]
    if set(surfaces) - ALL_SURFACES or not chosen:
        raise typer.BadParameter("the surfaces are public, desk and partner")
    try:
        app = create_app(settings, surfaces=chosen)
    except (WeakSecret, UnsafeDatabase) as error:
        typer.echo(f"Pristan cannot start: {error}", err=True)
        raise typer.Exit(2) from None
    _protect_memory()
    gc.freeze()
    gc.enable()
    if not socket:
        _refuse_taken_port(host, port)
    uvicorn.run(
        app,
        host=host,
        port=port,
        uds=socket or None,
        http=PatientProtocol,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=10,
    )


def _protect_memory() -> None:
    """No core dumps, no tracing, no swap; the log names what the system did not allow."""
    left = process_memory.protect().left()
    if left:
        log.get().info("memory", code=",".join(left))


def _refuse_taken_port(host: str, port: int) -> None:
    """Exit with a message if the port is in use: the server's own message would not pass the log's allow-list."""
    family = AF_INET6 if ":" in host else AF_INET
    with new_socket(family, SOCK_STREAM) as probe:
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
    """Run one round and print its counts, or run rounds until SIGTERM or SIGINT."""
    context = open_app_context()
    log.configure()
    _protect_memory()
    worker = Worker(context.database, context.keys, context.directory, context.settings, utc_now)
    if once:
        for name, count in worker.run_once().items():
            typer.echo(f"{name}: {count}")
        return

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    typer.echo("The worker is running. SIGTERM stops it after the current round.")
    worker.run_forever()
