"""A partner refers a person to the network: it files the person's intake and states how they agreed."""

from dataclasses import dataclass
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from app.api import idempotency, openapi_examples
from app.api.dependencies import (
    Acts,
    Config,
    IdempotencyKey,
    Packs,
    for_organisation,
    require_content_type,
)
from app.api.faults import Faults
from app.api.intakes import answer_of
from app.api.openapi_components import REPLAYED, json_body, signed_in, success
from app.api.schemas import FiledIntake
from app.casework.filing import ReferredIn, file_intake
from app.core import strict_json
from app.core.dependencies import Body, Brake, Db, Keys, Now
from app.core.errors import FieldError, Invalid
from app.intake import schemas
from app.intake.idempotency import StoredResponse
from app.intake.schemas import Intake
from app.matching import runs
from app.matching.code_names import CodeNames
from app.partners.oauth_clients import Caller

router = APIRouter(tags=["Referrals"])

AGREEMENTS: Final = ("spoken", "written")


class ReferralIn(BaseModel):
    """A person that you refer to the network. They get a number of their own."""

    model_config = ConfigDict(extra="forbid")

    person_agreed: Literal["spoken", "written"] = Field(
        description="How the person told you that this may be passed on, and to whom (`intake.consent`)."
    )
    intake: Intake


@dataclass(frozen=True, slots=True)
class _InboundReferral:
    agreed: str
    intake: Intake


async def _parse_referral(request: Request, body: Body, packs: Packs, now: Now) -> _InboundReferral:
    """Read the body before a transaction is opened. Raises UnsupportedType, BadRequest, Invalid."""
    require_content_type("application/json", request)
    faults = Faults()
    document, errors = faults.object(strict_json.loads(body), ReferralIn.model_fields), faults.errors
    agreed, intake = document.get("person_agreed"), None
    if agreed not in AGREEMENTS:
        code = "required" if agreed is None else "unknown_code"
        detail = "One of: spoken, written. Without their word nothing is passed on."
        errors.append(FieldError(pointer="/person_agreed", code=code, detail=detail))
    try:
        if "intake" in document:
            intake = schemas.read(document["intake"], packs, now.date())
        else:
            errors.append(FieldError(pointer="/intake", code="required", detail="This is required."))
    except Invalid as error:
        errors += [{**found, "pointer": f"/intake{found['pointer']}"} for found in error.errors]
    if errors or intake is None:
        raise Invalid(errors)
    return _InboundReferral(str(agreed), intake)


@router.post(
    "/v1/referrals",
    status_code=201,
    operation_id="referIn",
    response_model=FiledIntake,
    response_description="The intake is filed.",
    responses={201: success(openapi_examples.FILED, headers=REPLAYED), **signed_in(400, 409, 415)},
    openapi_extra=json_body(ReferralIn, example=openapi_examples.REFERRED),
)
def refer_in(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:create"))],
    key: IdempotencyKey,
    parsed: Annotated[_InboundReferral, Depends(_parse_referral)],
    body: Body,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    brake: Brake,
    now: Now,
) -> JSONResponse:
    """Refer a person to the network. It becomes a case, with your organisation recorded as its source.

    The answer holds the person's receipt number: hand it to them, keep it nowhere. You see nothing more of the case
    unless it is offered to you; to keep that from happening, name yourself in `intake.consent.never`.
    """
    partner = for_organisation(caller)
    referred = ReferredIn(partner.organisation_id, partner.client_id, parsed.agreed)
    reader = CodeNames(parsed.intake.language or "en", packs)

    def act() -> StoredResponse:
        filed = file_intake(
            session,
            parsed.intake,
            keys=keys,
            directory=packs,
            now=now,
            referred=referred,
            only_urgent=brake.is_on(session),
        )
        today = runs.local_date(packs, parsed.intake.country, now)
        return StoredResponse(201, answer_of(filed, reader, packs, today))

    namespace = f"refer:{partner.client_id}"
    return idempotency.answer(session, keys, config, now, namespace=namespace, key=key, payload=body, act=act)
