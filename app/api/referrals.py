"""A partner's referrals: pulled, read, answered, and after acceptance their sealed part handed over."""

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from types import GenericAlias
from typing import Annotated, Any, Final, Literal
from urllib.parse import urlencode
from uuid import UUID

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model
from sqlalchemy.orm import Session

from app import audit
from app.api import cursors, documents, rehearsal, signatures
from app.api.deps import (
    Acts,
    Config,
    ExpectedVersion,
    IdempotencyKey,
    Packs,
    Partner,
    Reads,
    document_of,
    for_organisation,
    identified,
    invalid,
    moment_of,
    not_here,
    only,
    tag,
    told,
)
from app.core import keyholders, sealing, strict_json
from app.core.edge import Body, Db, Keys, Now, ReadDb
from app.core.errors import Conflict, Gone, NotFound
from app.core.keyring import KeyRing
from app.core.sealing import CannotOpen
from app.directory.packs import Directory
from app.intake import replies, vault
from app.intake.models import Case, Part
from app.intake.replies import Reply
from app.partners.service import Caller
from app.referrals import guard, opening, pulls, queries, service
from app.referrals.acting import ActorRef, Said
from app.referrals.guard import Reader as SealedReader
from app.referrals.models import Referral
from app.referrals.pulls import Place, Wanted
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
from app.referrals.states import MOVES, OPENED, SEEN_BY_PARTNER, Actor, State, Verb, allowed_actions

router = APIRouter(tags=["Referrals"])

VERBS: Final = tuple(dict.fromkeys(move.verb for move in MOVES if Actor.PARTNER in move.by))
STATES: Final = tuple(state.value for state in State if state in SEEN_BY_PARTNER)
ALG: Final = "HPKE+HKDF-SHA256+AES-256-GCM-SIV"
_PARTS: Final = (Part.CONTACT, Part.STORY, Part.HAPPENED, Part.THREAD)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PLACE_BYTES: Final = 8 + 16
_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d")
_ACTIONS: Final = {state: allowed_actions(state, by=Actor.PARTNER) for state in State}


class NotOpenYet(Conflict):
    slug, title = "not-open-yet", "This opens after acceptance"


# --- reading -------------------------------------------------------------------------------------------------------

StateFilter = Annotated[
    list[str],
    Query(
        alias="state",
        description="May be given more than once.",
        json_schema_extra={"items": {"type": "string", "enum": list(STATES)}},
    ),
]
NeedFilter = Annotated[
    str | None, Query(alias="need", pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$", description="A need's code.")
]
SinceFilter = Annotated[
    str | None,
    Query(description="RFC 3339, like 2026-11-24T08:00:00Z.", json_schema_extra={"format": "date-time"}),
]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the last page.")]
Limit = Annotated[int, Query(ge=1, le=100)]
ReferralId = Annotated[str, Path(description="The referral's id.", json_schema_extra={"format": "uuid"})]
Reader = Annotated[Caller, Depends(Reads("referrals:read"))]


@router.get("/v1/referrals", operation_id="listReferrals", responses=documents.REFERRALS)
def list_referrals(
    *,
    caller: Reader,
    session: ReadDb,
    keys: Keys,
    packs: Packs,
    state: StateFilter = [],  # noqa: B006  FastAPI copies it
    need: NeedFilter = None,
    updated_since: SinceFilter = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> JSONResponse:
    """Your organisation's referrals, those changed longest ago first.

    Go on with `next_cursor`, or with the Link header. To look again later, ask with `updated_since` a few minutes
    before your last look; to miss nothing, follow `/v1/events`.
    """
    partner = for_organisation(caller)
    wanted = Wanted(
        _states(state), need, moment_of(updated_since, "/query/updated_since") if updated_since is not None else None
    )
    belongs_to = (partner.client_id, *wanted.states, f"need={need}", f"since={wanted.updated_since}")
    after = _place_of(cursors.read(keys, cursor, _PLACE_BYTES, *belongs_to)) if cursor is not None else None
    rows = pulls.page(session, partner.organisation_id, wanted, after=after, limit=limit + 1)
    answer: dict[str, Any] = {"referrals": [_summary(row, packs) for row in rows[:limit]]}
    headers = {}
    if len(rows) > limit:
        last = rows[limit - 1]
        answer["next_cursor"] = cursors.signed(keys, _place_bytes((last.updated_at, last.id)), *belongs_to)
        query = [("state", one) for one in state]
        query += [("need", need)] if need else []
        query += [("updated_since", updated_since)] if updated_since else []
        query += [("limit", str(limit)), ("cursor", answer["next_cursor"])]
        headers["Link"] = f'</v1/referrals?{urlencode(query)}>; rel="next"'
    return JSONResponse(answer, headers=headers)


@router.get("/v1/referrals/{referral_id}", operation_id="getReferral", responses=documents.REFERRAL)
def read_referral(
    *,
    caller: Reader,
    session: ReadDb,
    keys: Keys,
    packs: Packs,
    referral_id: ReferralId,
    seen: Annotated[str | None, Header(alias="If-None-Match", description="The ETag you have.")] = None,
) -> Response:
    """One referral, with a card without a name: what there is to decide on."""
    document = _detail(session, for_organisation(caller), identified(referral_id), keys, packs)
    headers = {"ETag": tag(document["version"])}
    if seen is not None and headers["ETag"] in {entry.strip().removeprefix("W/") for entry in seen.split(",")}:
        return Response(status_code=304, headers=headers)
    return JSONResponse(document, headers=headers)


def _detail(session: Session, partner: Partner, referral_id: UUID, keys: KeyRing, packs: Directory) -> dict[str, Any]:
    """Raises NotFound, in the same words for an unknown id and for another organisation's."""
    row = pulls.one(session, partner.organisation_id, referral_id)
    if row is None:
        raise not_here()
    locked = pulls.unlocked_card(keys, row)
    card = {name: locked[name] for name in ("region", "for_whom") if locked.get(name)}
    return {**_summary(row, packs), "card": {**card, "speak": row.speak, "helps": locked.get("helps", [])}}


def _summary(row: sa.Row[Any], packs: Directory) -> dict[str, Any]:
    state = State(row.state)
    optional = {
        "deadline": _deadline(row),
        "respond_by": told(_owed_by(row, state)),
        "decide_by": told(row.decide_by),
        "review_on": row.review_on.isoformat() if row.review_on else None,
        "reason": row.reason,
        "outcome": row.outcome,
        "question": row.question,
    }
    return {
        "id": str(row.id),
        "version": row.version,
        "label": row.label,
        "service": row.service,
        "state": row.state,
        "allowed_actions": _ACTIONS[state],
        "priority": row.tier,
        "needs": [{"code": code, "label": _label(code, packs)} for code in row.needs],
        "country": row.country,
        "languages": row.speak,
        "sealed": state in OPENED,
        "waiting_since": told(row.waiting_since),
        "offered_at": told(row.offered_at),
        "updated_at": told(row.updated_at),
        **{name: value for name, value in optional.items() if value is not None},
    }


def _label(code: str, packs: Directory) -> str:
    need = packs.need(code)
    return need.label if need else code


def _deadline(row: sa.Row[Any]) -> dict[str, str] | None:
    if row.deadline_on is None:
        return None
    certainty = {"certainty": row.deadline_certainty} if row.deadline_certainty else {}
    return {"last_safe_day": row.deadline_on.isoformat(), **certainty}


def _owed_by(row: sa.Row[Any], state: State) -> datetime | None:
    """By when the partner owes its next answer. While it waits for an answer itself, nothing is owed."""
    if state is State.OFFERED:
        moment: datetime | None = row.acknowledge_by
    elif state is State.ACKNOWLEDGED:
        moment = row.decide_by
    else:
        moment = row.contact_by if state is State.ACCEPTED else None
    return moment


def _states(given: Sequence[str]) -> tuple[str, ...]:
    if not set(given) <= set(STATES):
        raise invalid("/query/state", "unknown_code", f"One of: {', '.join(STATES)}.")
    return tuple(sorted(set(given)))


def _place_bytes(place: Place) -> bytes:
    micros = (place[0] - _EPOCH) // timedelta(microseconds=1)
    return micros.to_bytes(8, "big") + place[1].bytes


def _place_of(raw: bytes) -> Place:
    return _EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big")), UUID(bytes=raw[8:])


# --- acting --------------------------------------------------------------------------------------------------------


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


def _body_of(verb: Verb) -> type[BaseModel]:
    """The body that this verb takes, for the description; `_said_of` reads it, and the verb itself checks the codes."""
    fields: Any = {}
    if codes := reasons_for(verb):
        fields["reason"] = (Literal[tuple(codes)], ... if verb in REASON_REQUIRED else None)
    if verb in OUTCOME_REQUIRED:
        fields["outcome"] = (Literal[tuple(OUTCOMES)], ...)
    if verb in DAY_REQUIRED:
        fields["until"] = (date, Field(description="The day on which it is looked at again."))
    if verb in QUESTION_TAKEN:
        told = "What you ask. Without it: `other`, and a coordinator asks you."
        fields["question"] = (Literal[tuple(QUESTIONS)], Field(default=UNNAMED_QUESTION, description=told))
    if verb in WORK_TAKEN:
        fields["work_done"] = (
            GenericAlias(list, (Literal[tuple(WORK_DONE)],)),
            Field(default=[], description="What you did already."),
        )
        told = "The earliest day by which something has to be done, if you know one."
        fields["deadline_on"] = (date | None, Field(default=None, description=told))
    name = "".join(word.capitalize() for word in verb.split("_")) + "Body"
    return create_model(name, __base__=_Body, __doc__=f"What the action {verb} takes.", **fields)


BODY_BY_VERB: Final = {verb: _body_of(verb) for verb in VERBS}
_FIELDS: Final = frozenset(name for body in BODY_BY_VERB.values() for name in body.model_fields)
_ACTION_BODY: Final = {
    "requestBody": {
        "required": False,
        "description": "A JSON object with what the action takes; empty for most.",
        "content": {
            "application/json": {
                "schema": {"anyOf": [documents.ref("schemas", body.__name__) for body in BODY_BY_VERB.values()]},
                "examples": {
                    "decline": {"value": {"reason": "no_capacity"}},
                    "complete": {"value": {"outcome": "represented"}},
                    "waitlist": {"value": {"until": "2026-12-15"}},
                    "ask_info": {"value": {"question": "letter_date"}},
                    "hand_back": {"value": {"reason": "no_capacity", "work_done": ["contact_made", "appeal_filed"]}},
                },
            }
        },
    }
}


@dataclass(frozen=True, slots=True)
class Step:
    """What is asked for: a verb of a partner's on one referral, and what the body says."""

    referral_id: UUID
    verb: Verb
    said: Said


async def step(
    request: Request,
    body: Body,
    referral_id: ReferralId,
    verb: Annotated[str, Path(json_schema_extra={"enum": [one.value for one in VERBS]})],
) -> Step:
    """Raises NotFound (no such verb or id), UnsupportedType, BadRequest, Invalid."""
    if verb not in VERBS:
        raise NotFound("There is no such action.")
    return Step(identified(referral_id), Verb(verb), _said_of(request, body))


def _said_of(request: Request, body: bytes) -> Said:
    if not body.strip():
        return Said()
    only("application/json", request)
    document = document_of(strict_json.loads(body), _FIELDS)
    work_done = document.pop("work_done", [])
    if not isinstance(work_done, list) or not all(isinstance(code, str) for code in work_done):
        raise invalid("/work_done", "not_a_list", "This is to be a list of codes.")
    for name, value in document.items():
        if not isinstance(value, str):
            raise invalid(f"/{name}", "not_a_string", "This is to be a string.")
    return Said(
        document.get("reason"),
        document.get("outcome"),
        _day_of("/until", document.get("until")),
        document.get("question"),
        tuple(dict.fromkeys(work_done)),
        _day_of("/deadline_on", document.get("deadline_on")),
    )


def _day_of(pointer: str, text: str | None) -> date | None:
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
    responses=documents.ACTION,
    openapi_extra=_ACTION_BODY,
)
def take_action(
    *,
    caller: Annotated[Caller, Depends(Acts("referrals:write"))],
    key: IdempotencyKey,
    version: ExpectedVersion,
    step: Annotated[Step, Depends(step)],
    body: Body,
    session: Db,
    keys: Keys,
    packs: Packs,
    config: Config,
    now: Now,
) -> JSONResponse:
    """Take one of the referral's `allowed_actions`.

    Only what was done is remembered under the Idempotency-Key: after a refusal you may send it again.
    """
    partner = for_organisation(caller)
    rehearsal.act(session, caller, step.referral_id, step.verb)
    by = ActorRef(Actor.PARTNER, id=partner.organisation_id, organisation_id=partner.organisation_id)

    def act() -> Reply:
        try:
            service.advance(
                session, step.referral_id, step.verb, by=by, now=now, expected_version=version, said=step.said
            )
        except NotFound:
            raise not_here() from None
        return Reply(200, _detail(session, partner, step.referral_id, keys, packs))

    payload = f"{step.referral_id}/{step.verb}\n".encode() + body
    reply = replies.once(session, keys, f"act:{partner.client_id}", key, payload, act, now=now, ttl=config.reply_ttl)
    replayed = {"Idempotency-Replayed": "true"} if reply.replayed else {}
    return JSONResponse(reply.body, status_code=reply.status, headers={"ETag": tag(reply.body["version"]), **replayed})


# --- handing over --------------------------------------------------------------------------------------------------


@router.get("/v1/referrals/{referral_id}/sealed", operation_id="getSealed", responses=documents.SEALED)
def hand_over(
    caller: Annotated[Caller, Depends(Acts("referrals:contact"))],
    session: Db,
    keys: Keys,
    config: Config,
    now: Now,
    referral_id: ReferralId,
) -> JSONResponse:
    """The sealed part of a referral that you accepted: contact, story, what happened, and the thread.

    Only your private key opens it, and our signature says that it comes from us. Each read is written into the audit, in
    the same transaction: without that there is no answer.
    """
    partner = for_organisation(caller)
    rehearsal.open_sealed(session, caller, identified(referral_id))
    referral, case = _opened(session, partner, identified(referral_id))
    case_id = case.id
    try:
        wrap, sealed = vault.unlocked_wrap(session, keys, case_id, vault.PERSON, partner.organisation_id)
    except (NotFound, CannotOpen):
        raise Gone("The person has had this erased, or it is no longer kept.") from None
    reader = SealedReader.client(partner.client_id, partner.organisation_id, config.partner_reads_a_day)
    guard.before_opening(session, keys, reader, case_id, now)
    rows = vault.parts(session, case_id, _PARTS)
    opening.first_read(session, referral, now)
    audit.record(
        session,
        actor_kind="partner",
        actor_id=partner.organisation_id.hex,
        action="referral:sealed_read",
        subject_kind="referral",
        subject_id=referral.id,
        codes={"client": partner.client_id, "version": referral.version},
        now=now,
    )
    sealed_to = keyholders.by_id(session, wrap.key_id) if wrap.key_id else None
    kem = sealing.kem_of(sealed_to.public_key) if sealed_to else sealing.X_WING
    document = {
        "referral": str(referral.id),
        "case": case.label,
        "key_id": str(wrap.key_id),
        "alg": ALG,
        "hpke": {"kem": kem, "kdf": 1, "aead": 2},
        "info": _b64(vault.wrap_info(case_id, wrap.purpose, wrap.kind, wrap.owner_id, wrap.version)),
        "wrap": _b64(sealed),
        "parts": [
            {
                "id": str(row.id),
                "part": row.part,
                "seq": row.seq,
                "author": row.author,
                "version": row.version,
                "aad": _b64(vault.part_aad(row.id, case_id, row.part, row.version)),
                "ciphertext": _b64(row.ciphertext),
            }
            for row in rows
        ],
    }
    return JSONResponse(rehearsal.handed_over(session, caller, referral.id, signatures.signed(keys, document, now)))


def _opened(session: Session, partner: Partner, referral_id: UUID) -> tuple[Referral, Case]:
    """The referral and its case, rows locked: no verb closes it meanwhile. Raises NotFound, NotOpenYet."""
    try:
        referral, case = queries.locked(session, referral_id, partner.organisation_id)
    except NotFound:
        raise not_here() from None
    if not opening.may_open(referral):
        state = State(referral.state)
        raise NotOpenYet("It opens with acceptance.", state=state, allowed_actions=_ACTIONS[state])
    return referral, case


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).decode().rstrip("=")


BODIES: Final = [(body, "validation") for body in BODY_BY_VERB.values()]
