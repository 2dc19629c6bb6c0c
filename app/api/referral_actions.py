"""A partner's actions on a referral: which verbs it may use, what body each takes, and the route that applies them."""

import re
from dataclasses import dataclass
from datetime import date
from types import GenericAlias
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

from app.api import idempotency, openapi_examples, sandbox_errors, schemas
from app.api.dependencies import (
    Acts,
    Config,
    ExpectedVersion,
    IdempotencyKey,
    Packs,
    for_organisation,
    invalid,
    no_such_referral,
    object_with,
    parse_id,
    require_content_type,
)
from app.api.openapi_components import ETAG, REPLAYED, schema_of, signed_in, success
from app.api.referral_documents import detail
from app.api.referrals import ReferralId
from app.casework import referral_actions, referral_threads
from app.core import strict_json
from app.core.dependencies import Body, Db, Keys, Now
from app.core.errors import NotFound
from app.intake.idempotency import StoredResponse
from app.partners.oauth_clients import Caller
from app.referrals import threads
from app.referrals.actors import ActorRef
from app.referrals.commands import TransitionInput
from app.referrals.reasons import (
    DAY_REQUIRED,
    OUTCOME_REQUIRED,
    OUTCOMES,
    QUESTION_TAKEN,
    QUESTIONS,
    REASON_REQUIRED,
    UNNAMED_QUESTION,
    WORK_DONE,
    WORK_TAKEN,
    reasons_for,
)
from app.referrals.states import MOVES, Actor, Verb

router = APIRouter(tags=["Referrals"])

VERBS: Final = tuple(dict.fromkeys(move.verb for move in MOVES if Actor.PARTNER in move.by))
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _body_model(verb: Verb) -> type[BaseModel]:
    """The body that this verb takes, for the OpenAPI document. `_parse_payload` reads it; the transition checks the codes."""
    fields: Any = {}
    if codes := reasons_for(verb):
        fields["reason"] = (Literal[tuple(codes)], ... if verb in REASON_REQUIRED else None)
    if verb in OUTCOME_REQUIRED:
        fields["outcome"] = (Literal[tuple(OUTCOMES)], ...)
        description = "By need's code, the outcome of each need that differs from `outcome`."
        fields["outcomes"] = (
            GenericAlias(dict, (str, Literal[tuple(OUTCOMES)])),
            Field(default={}, description=description),
        )
    if verb in DAY_REQUIRED:
        fields["until"] = (date, Field(description="The day on which it is looked at again."))
    if verb in QUESTION_TAKEN:
        description = "What you ask. Without it: `other`, and a coordinator asks you."
        fields["question"] = (Literal[tuple(QUESTIONS)], Field(default=UNNAMED_QUESTION, description=description))
        description = "In your own words, to the team alone: it becomes a sealed message. The person does not read it."
        fields["text"] = (str | None, Field(default=None, max_length=threads.MAX_TEXT, description=description))
    if verb in WORK_TAKEN:
        fields["work_done"] = (
            GenericAlias(list, (Literal[tuple(WORK_DONE)],)),
            Field(default=[], description="What you did already."),
        )
        description = "The earliest day by which something has to be done, if you know one."
        fields["deadline_on"] = (date | None, Field(default=None, description=description))
    name = "".join(word.capitalize() for word in verb.split("_")) + "Body"
    return create_model(name, __base__=_Body, __doc__=f"What the action {verb} takes.", **fields)


BODY_BY_VERB: Final = {verb: _body_model(verb) for verb in VERBS}
_FIELDS: Final = frozenset(name for body in BODY_BY_VERB.values() for name in body.model_fields)
_ACTION_BODY: Final = {
    "requestBody": {
        "required": False,
        "description": "A JSON object with what the action takes; empty for most.",
        "content": {
            "application/json": {
                "schema": schema_of(*BODY_BY_VERB.values(), mode="validation"),
                "examples": {
                    "decline": {"value": {"reason": "no_capacity"}},
                    "complete": {"value": {"outcome": "represented"}},
                    "complete_by_need": {
                        "value": {"outcome": "represented", "outcomes": {"psychosocial": "referred_on"}}
                    },
                    "waitlist": {"value": {"until": "2026-12-15"}},
                    "ask_info": {"value": {"question": "letter_date"}},
                    "hand_back": {"value": {"reason": "no_capacity", "work_done": ["contact_made", "appeal_filed"]}},
                },
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class RequestedAction:
    """A requested action: the referral, the verb, and the content of the body."""

    referral_id: UUID
    verb: Verb
    payload: TransitionInput
    text: str = ""


async def requested_action(
    request: Request,
    body: Body,
    referral_id: ReferralId,
    verb: Annotated[str, Path(json_schema_extra={"enum": [item.value for item in VERBS]})],
) -> RequestedAction:
    """The action that a request asks for. Raises NotFound (no such verb or id), UnsupportedType, BadRequest, Invalid."""
    if verb not in VERBS:
        raise NotFound("There is no such action.")
    payload, text = _parse_payload(request, body)
    if text is not None:
        if verb not in QUESTION_TAKEN:
            raise invalid("/text", "not_taken", "This action takes no text.")
        threads.check_text(text)
    return RequestedAction(parse_id(referral_id), Verb(verb), payload, text or "")


def _parse_payload(request: Request, body: bytes) -> tuple[TransitionInput, str | None]:
    """What comes with the verb, and a text for the team."""
    if not body.strip():
        return TransitionInput(), None
    require_content_type("application/json", request)
    document = object_with(strict_json.loads(body), _FIELDS)
    work_done = document.pop("work_done", [])
    if not isinstance(work_done, list) or not all(isinstance(code, str) for code in work_done):
        raise invalid("/work_done", "not_a_list", "This is to be a list of codes.")
    outcomes = document.pop("outcomes", {})
    if not isinstance(outcomes, dict) or not all(isinstance(code, str) for code in outcomes.values()):
        raise invalid("/outcomes", "not_an_object", "This is to be an object of codes by need.")
    for name, value in document.items():
        if not isinstance(value, str):
            raise invalid(f"/{name}", "not_a_string", "This is to be a string.")
    payload = TransitionInput(
        document.get("reason"),
        document.get("outcome"),
        _parse_date("/until", document.get("until")),
        document.get("question"),
        tuple(dict.fromkeys(work_done)),
        _parse_date("/deadline_on", document.get("deadline_on")),
        outcomes,
    )
    return payload, document.get("text")


def _parse_date(pointer: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(pointer, "not_a_day", "Write the day as YYYY-MM-DD.") from None


@router.post(
    "/v1/referrals/{referral_id}/actions/{verb}",
    operation_id="takeAction",
    response_model=schemas.ReferralDetail,
    response_description="The referral after the step.",
    responses={
        200: success(
            {**openapi_examples.DETAIL, "state": "accepted", "version": 3, "sealed": True}, headers={**ETAG, **REPLAYED}
        ),
        **signed_in(400, 404, 409, 412, 415, 428, 429),
    },
    openapi_extra=_ACTION_BODY,
)
def take_action(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    key: IdempotencyKey,
    version: ExpectedVersion,
    requested_action: Annotated[RequestedAction, Depends(requested_action)],
    body: Body,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    now: Now,
) -> JSONResponse:
    """Take one of the referral's `allowed_actions`.

    Only a successful action is stored under the Idempotency-Key: after a refusal you may use the key again.
    """
    partner = for_organisation(caller)
    sandbox_errors.act(session, caller, requested_action.referral_id, requested_action.verb)
    by = ActorRef(Actor.PARTNER, id=partner.organisation_id, organisation_id=partner.organisation_id)

    def act() -> StoredResponse:
        try:
            referral_actions.advance(
                session,
                requested_action.referral_id,
                requested_action.verb,
                by=by,
                now=now,
                expected_version=version,
                payload=requested_action.payload,
            )
            if requested_action.text and not caller.sandbox:
                referral_threads.write_by_partner(
                    session,
                    keys,
                    partner.organisation_id,
                    requested_action.referral_id,
                    partner.organisation_id,
                    requested_action.text,
                    key,
                    now=now,
                    limit=config.conversation_messages,
                )
        except NotFound:
            raise no_such_referral() from None
        return StoredResponse(200, detail(session, partner, requested_action.referral_id, keys, packs))

    payload = f"{requested_action.referral_id}/{requested_action.verb}\n".encode() + body
    namespace = f"act:{partner.client_id}"
    return idempotency.answer(session, keys, config, now, namespace=namespace, key=key, payload=payload, act=act)
