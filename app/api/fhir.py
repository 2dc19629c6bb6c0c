"""One referral as HL7 FHIR R4: the content of `/v1/referrals/{id}` for systems that use FHIR."""

from typing import Annotated, Any, Final

import sqlalchemy as sa
from fastapi import APIRouter, Query, Request
from fastapi.responses import JSONResponse

from app.api import etags
from app.api.content_negotiation import VARY, NotAcceptable, best_media_type
from app.api.dependencies import Packs, for_organisation, no_such_referral, parse_id
from app.api.openapi_components import ETAG, schema_of, signed_in, success
from app.api.openapi_components import VARY as VARY_HEADER
from app.api.referrals import ReferralId, ReferralReader
from app.api.schemas import FhirBundle
from app.core.dependencies import Keys, ReadDb
from app.core.keyring import KeyRing
from app.directory.packs import Directory
from app.intake.vocabulary import HELPS
from app.referrals import fhir, partner_queries
from app.referrals.fhir import FhirReferral
from app.referrals.states import ReferralState

router = APIRouter(tags=["Referrals"])

FHIR_JSON: Final = "application/fhir+json"
_FORMATS: Final = {
    "json": FHIR_JSON,
    FHIR_JSON: FHIR_JSON,
    "application/json": "application/json",
    "text/json": FHIR_JSON,
}
_FORMAT: Final = Query(
    alias="_format", description="Instead of the Accept header: json, application/fhir+json or application/json."
)
_IGNORED: Final = Query(
    include_in_schema=False, description="A parameter of FHIR that need not be honoured; taken and ignored."
)
MEDIA_TYPES: Final = (f"{FHIR_JSON}; fhirVersion=4.0", "application/json; fhirVersion=4.0")


@router.get(
    "/v1/referrals/{referral_id}/fhir",
    operation_id="getReferralAsFhir",
    response_model=FhirBundle,
    response_description="The referral as a Bundle, without names.",
    responses={
        200: success(headers={**ETAG, **VARY_HEADER}, media={FHIR_JSON: schema_of(FhirBundle)}),
        **signed_in(404, 406),
    },
)
def read_as_fhir(
    *,
    request: Request,
    caller: ReferralReader,
    session: ReadDb,
    keys: Keys,
    packs: Packs,
    referral_id: ReferralId,
    wanted: Annotated[str, _FORMAT] = "",
    _pretty: Annotated[str, _IGNORED] = "",
    _summary: Annotated[str, _IGNORED] = "",
    _elements: Annotated[str, _IGNORED] = "",
) -> JSONResponse:
    """One referral as a FHIR R4 Bundle: Task, ServiceRequest, and a Patient with languages and without a name.

    As `application/fhir+json`, or as `application/json` where only that is accepted.
    """
    media_type = _named_format(wanted) if wanted else best_media_type(request, *MEDIA_TYPES).partition(";")[0]
    partner = for_organisation(caller)
    row = partner_queries.by_id(session, partner.organisation_id, parse_id(referral_id))
    if row is None:
        raise no_such_referral()
    return JSONResponse(
        fhir.bundle(_content(row, keys, packs)),
        headers={"ETag": etags.of_version(row.version), **VARY},
        media_type=media_type,
    )


def _content(row: sa.Row[Any], keys: KeyRing, packs: Directory) -> FhirReferral:
    card = partner_queries.open_card(keys, row)
    return FhirReferral(
        id=row.id,
        label=row.label,
        version=row.version,
        state=ReferralState(row.state),
        urgency=row.urgency,
        organisation=row.service.partition("/")[0],
        service=row.service,
        needs=tuple((code, need.label if (need := packs.need(code)) else code) for code in row.needs),
        country=row.country,
        languages=tuple(row.languages),
        offered_at=row.offered_at,
        updated_at=row.updated_at,
        region=card.get("region"),
        helps=tuple((code, HELPS.get(code, code)) for code in card.get("helps", ())),
        respond_by=row.decide_by,
        last_safe_day=row.deadline_on,
        is_deadline_known=row.deadline_certainty not in {None, "assumed"},
        reason=row.reason,
        outcome=row.outcome,
    )


def _named_format(wanted: str) -> str:
    """The media type that `_format` names (FHIR R4, section 3.1.0.1.11), where `+` may have been decoded to a space.

    Raises NotAcceptable (406).
    """
    media_type = _FORMATS.get(wanted.partition(";")[0].strip().lower().replace(" ", "+"))
    if media_type is None:
        raise NotAcceptable("Available formats: json, application/fhir+json, application/json.")
    return media_type
