"""For monitoring: liveness, readiness and metrics."""

import hmac

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import ProgrammingError, SQLAlchemyError

from app.api.dependencies import Config, anyone
from app.core.dependencies import Brake, Keys, Now, ReadDb
from app.core.errors import NotFound, Unavailable
from app.operations import heartbeats, status
from app.operations.metrics import Metrics

router = APIRouter(include_in_schema=False, dependencies=[Depends(anyone)], default_response_class=PlainTextResponse)


class NotReady(Unavailable):
    """503 with `problems`, a code for each fault."""

    def __init__(self, *codes: str) -> None:
        super().__init__("The service cannot work at the moment.", problems=list(codes))


@router.get("/healthz")
async def is_alive() -> str:
    return "ok"


@router.get("/readyz")
def is_ready(session: ReadDb, keys: Keys, brake: Brake, now: Now) -> str:
    """`ready`, followed by codes of faults that do not stop the service but need attention.

    Raises NotReady (503): `database-unreachable`, `schema-behind`, `key-file-unreadable`.
    """
    try:
        session.execute(sa.text("SELECT 1"))
        behind = status.schema(session) < status.schema_wanted()
        no_room = brake.is_on(session)
        worker = heartbeats.latest(session).get(heartbeats.WORKER)
    except SQLAlchemyError:
        raise NotReady("database-unreachable") from None
    faults = ["schema-behind"] * behind + ["key-file-unreadable"] * (not keys.is_readable())
    if faults:
        raise NotReady(*faults)
    worker_late = worker is not None and now - worker.at > status.WORKER_LATE
    return "\n".join(["ready", *["worker-late"] * worker_late, *["storage-full"] * no_room])


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
