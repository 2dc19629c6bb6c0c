"""A partner's actions on a referral: which verbs it may use, what body each takes, and the routes that apply them.

Each verb has a described path and a body of its own, because generators make no usable client of one path with many bodies
(decision 123).
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from types import GenericAlias
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy.orm import Session

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
    object_in,
    parse_id,
    require_content_type,
)
from app.api.openapi_components import ETAG, REPLAYED, json_body, signed_in, success
from app.api.referral_documents import detail
from app.api.referrals import ReferralId
from app.casework import referral_actions, referral_threads
from app.core import strict_json
from app.core.dependencies import Body, Db, Keys, Now
from app.core.errors import FieldError, Invalid, NotFound
from app.core.keyring import KeyRing
from app.core.vocabulary import complete
from app.directory.packs import Directory
from app.intake.idempotency import StoredResponse
from app.partners.oauth_clients import Caller
from app.referrals import commands, threads
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
from app.referrals.states import MAY_OPEN, MOVES, ReferralActor, ReferralVerb, allowed_actions
from app.settings import Settings

router = APIRouter(tags=["Referrals"])

VERBS: Final = tuple(dict.fromkeys(move.verb for move in MOVES if ReferralActor.PARTNER in move.by))
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _body_model(verb: ReferralVerb) -> type[BaseModel] | None:
    """The body that this verb takes, for the OpenAPI document; None: it takes none.

    `_parse_payload` reads it; the transition checks the codes.
    """
    fields: Any = {}
    if codes := reasons_for(verb):
        field = Field(description="Why.") if verb in REASON_REQUIRED else Field(default=None, description="Why.")
        fields["reason"] = (Literal[tuple(codes)], field)
    if verb in OUTCOME_REQUIRED:
        fields["outcome"] = (Literal[tuple(OUTCOMES)], Field(description="How it ended."))
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
    return (
        create_model(f"{_capitalised(verb)}Body", __base__=_Body, __doc__=f"What the action {verb} takes.", **fields)
        if fields
        else None
    )


def _capitalised(verb: ReferralVerb) -> str:
    return "".join(word.capitalize() for word in verb.split("_"))


BODY_BY_VERB: Final = {verb: model for verb in VERBS if (model := _body_model(verb)) is not None}
_FIELDS: Final = frozenset(name for body in BODY_BY_VERB.values() for name in body.model_fields)
_SUMMARIES: Final = complete(
    VERBS,
    {
        "acknowledge": ("Say that you have seen it", "You have seen the offer and will answer it."),
        "ask_info": (
            "Ask for more information",
            "You cannot decide yet. The question goes to the person, your own words go to the team.",
        ),
        "waitlist": (
            "Put the person on your waiting list",
            "You would take the referral, but not now: it is looked at again on the day that you name.",
        ),
        "accept": (
            "Accept",
            "You take the case. Only now `/sealed` opens, and the offers to others for the same needs end.",
        ),
        "decline": ("Decline", "You do not take it. The reason is a code; the team asks the next organisation."),
        "start": ("Say that you have begun", "You have contacted the person and work on it."),
        "hold": ("Pause the work", "Nothing is to be done until the day that you name."),
        "resume": ("Go on after a pause", "The work goes on."),
        "reopen": ("Take up again what you completed", "You completed it a short while ago, and there is more to do."),
        "undo_accept": (
            "Take back an acceptance",
            "You accepted by mistake, just now, and have read nothing that is sealed.",
        ),
        "complete": ("Complete", "Your work is done. Each need gets an outcome."),
        "hand_back": (
            "Hand the case back",
            "You cannot go on with it. Say what you did already, so that the next organisation does not repeat it.",
        ),
    },
)
_EXAMPLES: Final[Mapping[str, Any]] = {
    "decline": {"reason": "no_capacity"},
    "complete": {"outcome": "represented", "outcomes": {"psychosocial": "referred_on"}},
    "waitlist": {"until": "2026-12-15"},
    "hold": {"until": "2026-12-15"},
    "ask_info": {"question": "letter_date"},
    "hand_back": {"reason": "no_capacity", "work_done": ["contact_made", "appeal_filed"]},
}


def _example_after(verb: ReferralVerb) -> dict[str, Any]:
    """The referral of the examples after this verb, with what is possible in its new state."""
    state = next(move.target for move in MOVES if move.verb is verb and ReferralActor.PARTNER in move.by)
    return {
        **openapi_examples.DETAIL, "state": str(state), "version": 3, "sealed": state in MAY_OPEN,
        "allowed_actions": [str(action) for action in allowed_actions(state, by=ReferralActor.PARTNER)],
        **({"reason": _EXAMPLES[verb]["reason"]} if "reason" in _EXAMPLES.get(verb, {}) else {}),
    }  # fmt: skip


@dataclass(frozen=True, slots=True)
class RequestedAction:
    """A requested action: the referral, the verb, and the content of the body."""

    referral_id: UUID
    verb: ReferralVerb
    payload: TransitionInput
    text: str = ""


def _reader(verb: ReferralVerb) -> Callable[..., Awaitable[RequestedAction]]:
    """Make the dependency that reads a request for this verb."""

    async def read(request: Request, body: Body, now: Now, referral_id: ReferralId) -> RequestedAction:
        return _requested(request, body, now, referral_id, verb)

    return read


def _requested(request: Request, body: bytes, now: datetime, referral_id: str, verb: ReferralVerb) -> RequestedAction:
    """The action that a request asks for. Raises NotFound (no such id), UnsupportedType, BadRequest, Invalid (every fault)."""
    if not body.strip():
        return RequestedAction(parse_id(referral_id), verb, TransitionInput())
    require_content_type("application/json", request)
    document = object_in(strict_json.loads(body))
    payload, text, errors = _parse_payload(document, verb)
    if errors:
        known = {error["pointer"] for error in errors}
        more = (error for error in commands.faults(verb, payload, now) if error["pointer"] not in known)
        raise Invalid([*errors, *more])
    return RequestedAction(parse_id(referral_id), verb, payload, text)


def _parse_payload(document: dict[str, Any], verb: ReferralVerb) -> tuple[TransitionInput, str, list[FieldError]]:
    """The input for the verb, a text for the team, and the faults in the form of the body."""
    errors: list[FieldError] = []

    def wrong(pointer: str, code: str, detail: str) -> None:
        errors.append(FieldError(pointer=pointer, code=code, detail=detail))

    if not _FIELDS.issuperset(document):
        wrong("", "unknown_field", "The body has an unknown field.")
    work_done = document.get("work_done", [])
    if not isinstance(work_done, list) or not all(isinstance(code, str) for code in work_done):
        wrong("/work_done", "not_a_list", "This is to be a list of codes.")
        work_done = []
    outcomes = document.get("outcomes", {})
    if not isinstance(outcomes, dict) or not all(isinstance(code, str) for code in outcomes.values()):
        wrong("/outcomes", "not_an_object", "This is to be an object of codes by need.")
        outcomes = {}
    texts: dict[str, str] = {}
    for name in sorted(_FIELDS & document.keys() - {"work_done", "outcomes"}):
        if isinstance(document[name], str):
            texts[name] = document[name]
        else:
            wrong(f"/{name}", "not_a_string", "This is to be a string.")
    days: dict[str, date | None] = {}
    for name in ("until", "deadline_on"):
        try:
            days[name] = _parse_date(f"/{name}", texts.get(name))
        except Invalid as error:
            errors += error.errors
    if "text" in texts:
        if verb not in QUESTION_TAKEN:
            wrong("/text", "not_taken", "This action takes no text.")
        else:
            try:
                threads.check_text(texts["text"])
            except Invalid as error:
                errors += error.errors
    payload = TransitionInput(
        texts.get("reason"),
        texts.get("outcome"),
        days.get("until"),
        texts.get("question"),
        tuple(dict.fromkeys(work_done)),
        days.get("deadline_on"),
        outcomes,
    )
    return payload, texts.get("text", ""), errors


def _parse_date(pointer: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        if not _DAY.fullmatch(text):
            raise ValueError
        return date.fromisoformat(text)
    except ValueError:
        raise invalid(pointer, "not_a_day", "Write the day as YYYY-MM-DD.") from None


def _described(verb: ReferralVerb) -> dict[str, Any]:
    """The arguments of the route's decorator."""
    model = BODY_BY_VERB.get(verb)
    summary, description = _SUMMARIES[verb]
    body: dict[str, Any] = {}
    if model is not None:
        body = json_body(model, example=_EXAMPLES[verb])
        body["requestBody"]["required"] = any(field.is_required() for field in model.model_fields.values())
    return {
        "operation_id": _capitalised(verb)[0].lower() + _capitalised(verb)[1:] + "Referral",
        "summary": summary,
        "description": f"{description}\n\n{_REPEATING}",
        "response_model": schemas.ReferralDetail,
        "response_description": "The referral after the step.",
        "responses": {
            200: success(_example_after(verb), headers={**ETAG, **REPLAYED}),
            **signed_in(400, 404, 409, 412, 415, 428, 429),
        },
        "openapi_extra": body,
    }


_REPEATING: Final = (
    "One of the referral's `allowed_actions`. Only a successful action is stored under the Idempotency-Key: after a "
    "refusal you may use the key again."
)


def _add_route(verb: ReferralVerb) -> None:
    @router.post(f"/v1/referrals/{{referral_id}}/actions/{verb}", **_described(verb))
    def action(
        *,
        caller: Annotated[Caller, Depends(Acts("referrals:write"))],
        key: IdempotencyKey,
        version: ExpectedVersion,
        requested_action: Annotated[RequestedAction, Depends(_reader(verb))],
        body: Body,
        session: Db,
        keys: Keys,
        packs: Packs,
        config: Config,
        now: Now,
    ) -> JSONResponse:
        return _take(caller, key, version, requested_action, body, session, keys, packs, config, now)


for _verb in VERBS:
    _add_route(_verb)


def _take(
    caller: Caller,
    key: str,
    version: int,
    requested_action: RequestedAction,
    body: bytes,
    session: Session,
    keys: KeyRing,
    packs: Directory,
    config: Settings,
    now: datetime,
) -> JSONResponse:
    partner = for_organisation(caller)
    sandbox_errors.act(session, caller, requested_action.referral_id, requested_action.verb)
    by = ActorRef(ReferralActor.PARTNER, id=partner.organisation_id, organisation_id=partner.organisation_id)

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
        return StoredResponse(200, detail(session, partner, requested_action.referral_id, keys, packs, now))

    payload = f"{requested_action.referral_id}/{requested_action.verb}\n".encode() + body
    namespace = f"act:{partner.client_id}"
    return idempotency.answer(session, keys, config, now, namespace=namespace, key=key, payload=payload, act=act)
