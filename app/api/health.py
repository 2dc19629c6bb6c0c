"""For what watches the service: is the process there, can it reach its database."""

import sqlalchemy as sa
from fastapi import APIRouter, Depends
from fastapi.responses import PlainTextResponse
from sqlalchemy.exc import SQLAlchemyError

from app.api.deps import anyone
from app.core.edge import ReadDb
from app.core.errors import Unavailable

router = APIRouter(include_in_schema=False, dependencies=[Depends(anyone)], default_response_class=PlainTextResponse)


@router.get("/healthz")
async def process_is_there() -> str:
    return "ok"


@router.get("/readyz")
def database_answers(session: ReadDb) -> str:
    """Raises Unavailable (503) while the database can not be asked."""
    try:
        session.execute(sa.text("SELECT 1"))
    except SQLAlchemyError:
        raise Unavailable("The database can not be reached.") from None
    return "ready"
