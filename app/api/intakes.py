"""Filing an intake from a trusted front end (a bot, a helpline, another form), with the schema of our own pages."""

from collections.abc import Iterable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse

from app.api import idempotency, openapi_examples
from app.api.dependencies import Acts, Config, IdempotencyKey, Packs, require_content_type
from app.api.openapi_components import REPLAYED, json_body, signed_in, success
from app.api.schemas import FiledIntake
from app.casework import letter_deadlines
from app.casework.filing import FiledCase, file_intake, results_by_need
from app.core import strict_json
from app.core.dependencies import Body, Brake, Db, Keys, Now
from app.directory.packs import Directory
from app.intake import schemas
from app.intake.idempotency import StoredResponse
from app.intake.schemas import Intake
from app.matching import runs
from app.matching.code_names import CodeNames
from app.matching.engine import ServiceMatch
from app.matching.reasons import render
from app.partners.oauth_clients import Caller

router = APIRouter(tags=["Intakes"])


async def read_intake(request: Request, body: Body, packs: Packs, now: Now) -> Intake:
    """Read the body before a transaction is opened. Raises UnsupportedType, BadRequest, Invalid."""
    require_content_type("application/json", request)
    return schemas.read(strict_json.loads(body), packs, now.date())


@router.post(
    "/v1/intakes",
    status_code=201,
    operation_id="createIntake",
    response_model=FiledIntake,
    response_description="The intake is filed.",
    responses={201: success(openapi_examples.FILED, headers=REPLAYED), **signed_in(400, 409, 415)},
    openapi_extra=json_body(Intake, example=openapi_examples.INTAKE),
)
def create_intake(
    *,
    caller: Annotated[Caller, Depends(Acts("intakes:create"))],
    key: IdempotencyKey,
    intake: Annotated[Intake, Depends(read_intake)],
    body: Body,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    brake: Brake,
    now: Now,
) -> JSONResponse:
    """File a request for help. The answer is sent after the intake is stored; the same Idempotency-Key gets the same answer.

    It contains the person's number: show it to them and do not store it. Nobody can recover it.
    """

    reader = CodeNames(intake.language or "en", packs)

    def act() -> StoredResponse:
        only_urgent = brake.is_on(session)
        filed = file_intake(session, intake, keys=keys, directory=packs, now=now, only_urgent=only_urgent)
        return StoredResponse(201, answer_of(filed, reader, packs, runs.local_date(packs, intake.country, now)))

    namespace = f"intake:{caller.client_id}"
    return idempotency.answer(session, keys, config, now, namespace=namespace, key=key, payload=body, act=act)


def answer_of(filed: FiledCase, reader: CodeNames, directory: Directory, today: date) -> dict[str, Any]:
    """The answer to the caller. `today`: the date in the country."""
    result = filed.result
    return {
        "receipt": filed.receipt.grouped(),
        "case": filed.label,
        "urgency": filed.urgency,
        **({"deadline": letter_deadlines.document(filed.deadline, today, reader.translator)} if filed.deadline else {}),
        "candidates": [{**_named(match), "rank": match.rank, **_reasons(match, reader)} for match in result.candidates],
        "nearest": [{**_named(match), **_reasons(match, reader)} for match in result.nearest],
        "not_matched": [{"service": match.service, **_reasons(match, reader)} for match in result.not_matched],
        "by_need": results_by_need(filed, directory),
    }


def _named(match: ServiceMatch) -> dict[str, str]:
    return {"service": match.service, "organisation": match.organisation, "name": match.name}


def _reasons(match: ServiceMatch, reader: CodeNames) -> dict[str, Iterable[dict[str, str]]]:
    return {"reasons": [{"key": reason.key, "text": render(reason, reader)} for reason in match.reasons]}
