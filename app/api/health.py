"""For monitoring: liveness, readiness and metrics."""

import hmac
from datetime import datetime
from functools import partial
from typing import Final

import anyio
import sqlalchemy as sa
from anyio.to_thread import run_sync
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from app.api.dependencies import Config, anyone
from app.core import durability, patience
from app.core.db import Database
from app.core.dependencies import Brake, Keys, Now, ReadDb
from app.core.errors import NotFound, Unavailable
from app.core.keyring import KeyRing
from app.core.storage_brake import StorageBrake
from app.operations import heartbeats, status
from app.operations.metrics import Metrics

READY_WITHIN = 1.8
"""Seconds."""
_PROBES: Final = 4
router = APIRouter(include_in_schema=False, dependencies=[Depends(anyone)], default_response_class=PlainTextResponse)


class NotReady(Unavailable):
    """503 with `problems`, a code for each fault."""

    def __init__(self, *codes: str) -> None:
        super().__init__("The service cannot work at the moment.", problems=list(codes))


@router.get("/healthz")
async def is_alive() -> str:
    return "ok"


@router.get("/readyz")
async def is_ready(request: Request, keys: Keys, brake: Brake, now: Now) -> str:
    """`ready`, followed by codes of faults that do not stop the service but need attention.

    Answers within two seconds, whatever the database does. Raises NotReady (503): `database-unreachable`, `database-read-only`,
    `schema-behind`, `key-file-unreadable`.
    """
    state = request.app.state
    found: list[str] | None = None
    with anyio.move_on_after(READY_WITHIN):
        if not hasattr(state, "probes"):
            state.probes = anyio.CapacityLimiter(_PROBES)  # not of the requests' threads: those may all be waiting
        look = partial(_look, state.database, keys, brake, now)
        found = await run_sync(look, limiter=state.probes, abandon_on_cancel=True)
    if found is None:
        raise NotReady("database-unreachable")
    return "\n".join(["ready", *found])


def _look(database: Database, keys: KeyRing, brake: StorageBrake, now: datetime) -> list[str]:
    """Faults that need attention. Raises NotReady. Stops by itself some time after the caller has given up waiting."""
    try:
        with patience.each(READY_WITHIN), database.begin(write=False) as session:
            session.execute(sa.text("SELECT 1"))
            read_only = durability.is_read_only(session.connection())
            behind = status.schema(session) < status.schema_wanted()
            no_room = brake.is_on(session)
            worker = heartbeats.latest(session).get(heartbeats.WORKER)
            losses = durability.possible_losses(session.connection())
    except SQLAlchemyError:
        raise NotReady("database-unreachable") from None
    faults = ["database-read-only"] * read_only + ["schema-behind"] * behind
    faults += ["key-file-unreadable"] * (not keys.is_readable())
    if faults:
        raise NotReady(*faults)
    worker_late = worker is not None and now - worker.at > status.WORKER_LATE
    return ["worker-late"] * worker_late + ["storage-full"] * no_room + ["data-can-be-lost"] * bool(losses)


@router.get("/metrics")
def metrics(request: Request, config: Config, session: ReadDb, keys: Keys, brake: Brake, now: Now) -> Response:
    """Metrics, for a collector that sends the token of the settings. Raises NotFound for any other caller."""
    authorization = request.headers.get("authorization", "").encode("utf-8", "replace")
    if not config.metrics_token or not hmac.compare_digest(authorization, f"Bearer {config.metrics_token}".encode()):
        raise NotFound
    metrics: Metrics = request.app.state.metrics
    try:
        present = status.read_status(session, keys, now, brake.limits)
    except ProgrammingError:  # a role that may not read all of it: the desk's process tells the rest
        session.rollback()
        present = None
    return Response(metrics.text(present), media_type=CONTENT_TYPE_LATEST)
