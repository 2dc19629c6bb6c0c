"""A partner's referrals: the list and the detail. Actions are in `referral_actions`, the sealed part in `referral_sealed`."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Annotated, Final
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Path, Query, Response
from fastapi.responses import JSONResponse
from pydantic import AfterValidator
from sqlalchemy.orm import Session

from app.api import cursors, etags, openapi_examples, schemas
from app.api.dependencies import (
    Config,
    Packs,
    Reads,
    checked_instant,
    for_organisation,
    next_page,
    parse_id,
    parse_instant,
)
from app.api.faults import CodeOf, one_of
from app.api.openapi_components import ETAG, LINK, NO_STORE, signed_in, success
from app.api.referral_documents import detail, summary
from app.core import spreadsheet
from app.core.dependencies import Keys, Now, ReadDb
from app.core.keyring import KeyRing
from app.partners.oauth_clients import Caller
from app.referrals import partner_queries, tabular_export
from app.referrals.partner_queries import Position, ReferralFilter
from app.referrals.states import VISIBLE_TO_PARTNER, ReferralState
from app.settings import Settings

router = APIRouter(tags=["Referrals"])

STATES: Final = tuple(state.value for state in ReferralState if state in VISIBLE_TO_PARTNER)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_POSITION_BYTES: Final = 8 + 16
CSV: Final = "text/csv; charset=utf-8; header=present"

StateFilter = Annotated[
    list[Annotated[str, AfterValidator(partial(one_of, STATES))]],
    Query(
        alias="state",
        description="May be given more than once.",
        json_schema_extra={"items": {"type": "string", "enum": list(STATES)}},
    ),
]
NeedFilter = Annotated[
    str | None,
    CodeOf(lambda directory: [need.id for need in directory.needs]),
    Query(alias="need", description="A need's code.", json_schema_extra={"pattern": "^[a-z0-9][a-z0-9_-]{0,63}$"}),
]


SinceFilter = Annotated[
    Annotated[str, AfterValidator(checked_instant)] | None,
    Query(description="RFC 3339, like 2026-11-24T08:00:00Z.", json_schema_extra={"format": "date-time"}),
]
Cursor = Annotated[str | None, Query(max_length=200, description="The next_cursor of the last page.")]
Limit = Annotated[int, Query(ge=1, le=100)]
ReferralId = Annotated[str, Path(description="The referral's id.", json_schema_extra={"format": "uuid"})]
ReferralReader = Annotated[Caller, Depends(Reads("referrals:read"))]


class CsvResponse(Response):
    """Declares the media type for the OpenAPI document; each answer adds its parameters (`CSV`)."""

    media_type = "text/csv"


@dataclass(frozen=True, slots=True)
class ReferralQuery:
    """The query of a list: its filters and its cursor."""

    state: StateFilter
    need: NeedFilter = None
    updated_since: SinceFilter = None
    cursor: Cursor = None
    limit: Limit = 50

    def following(self, cursor: str) -> str:
        """The query of the next page."""
        parameters = {
            "need": self.need,
            "updated_since": self.updated_since,
            "limit": str(self.limit),
            "cursor": cursor,
        }
        return urlencode(
            [*(("state", value) for value in self.state), *((key, value) for key, value in parameters.items() if value)]
        )


def referral_query(
    state: StateFilter = [],  # noqa: B006  FastAPI copies it
    need: NeedFilter = None,
    updated_since: SinceFilter = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> ReferralQuery:
    return ReferralQuery(state, need, updated_since, cursor, limit)


QueryParameters = Annotated[ReferralQuery, Depends(referral_query)]


@router.get(
    "/v1/referrals",
    operation_id="listReferrals",
    response_model=schemas.ReferralPage,
    response_description="A page, oldest change first.",
    responses={200: success({"referrals": [openapi_examples.SUMMARY]}, headers=LINK), **signed_in(400)},
)
def list_referrals(
    caller: ReferralReader, session: ReadDb, keys: Keys, packs: Packs, config: Config, query: QueryParameters
) -> Response:
    """Your organisation's referrals, the least recently changed first.

    Continue with `next_cursor` or the Link header. To poll, ask with `updated_since` a few minutes before your last request;
    to miss nothing, follow `/v1/events`. The same for a spreadsheet: `/v1/referrals.csv`.
    """
    rows, cursor = _page(session, keys, caller, query)
    following = {} if cursor is None else {"next_cursor": cursor}
    headers = _link(config, "/v1/referrals", query, cursor)
    return JSONResponse({"referrals": [summary(row, packs) for row in rows], **following}, headers=headers)


@router.get(
    "/v1/referrals.csv",
    operation_id="listReferralsAsCsv",
    response_class=CsvResponse,
    response_description="A page with a head line, oldest change first. Codes and days, no names.",
    responses={200: success(headers=LINK), **signed_in(400)},
)
def list_referrals_as_csv(
    caller: ReferralReader, session: ReadDb, keys: Keys, config: Config, query: QueryParameters
) -> Response:
    """The list as a table for a spreadsheet, with a header row on every page. Continue with the Link header."""
    rows, cursor = _page(session, keys, caller, query)
    return CsvResponse(_table(rows), media_type=CSV, headers=_link(config, "/v1/referrals.csv", query, cursor))


def _page(
    session: Session, keys: KeyRing, caller: Caller, query: ReferralQuery
) -> tuple[Sequence[partner_queries.Row], str | None]:
    """The rows, and the cursor of the next page when there is one."""
    partner, since = for_organisation(caller), query.updated_since
    wanted = ReferralFilter(
        tuple(sorted(set(query.state))),
        query.need,
        None if since is None else parse_instant(since, "/query/updated_since"),
    )
    belongs_to = (partner.client_id, *wanted.states, f"need={query.need}", f"since={wanted.updated_since}")
    after = (
        None
        if query.cursor is None
        else _parse_position(cursors.read(keys, query.cursor, _POSITION_BYTES, *belongs_to))
    )
    rows = partner_queries.page(session, partner.organisation_id, wanted, after=after, limit=query.limit + 1)
    if len(rows) <= query.limit:
        return rows, None
    last = rows[query.limit - 1]
    return rows[: query.limit], cursors.signed(keys, _position_bytes((last.updated_at, last.id)), *belongs_to)


def _link(config: Settings, path: str, query: ReferralQuery, cursor: str | None) -> dict[str, str]:
    return {} if cursor is None else next_page(config, f"{path}?{query.following(cursor)}")


def _table(rows: Sequence[partner_queries.Row]) -> str:
    return spreadsheet.csv_text(
        ("id", "version", *tabular_export.COLUMNS),
        ([row.id, row.version, *tabular_export.cells(row)] for row in rows),
    )


@router.get(
    "/v1/referrals/{referral_id}",
    operation_id="getReferral",
    response_model=schemas.ReferralDetail,
    response_description="The referral.",
    responses={
        200: success(openapi_examples.DETAIL, headers=ETAG),
        304: {"description": "You have seen this version.", "headers": {**NO_STORE, **ETAG}},
        **signed_in(404),
    },
)
def read_referral(
    *,
    caller: ReferralReader,
    session: ReadDb,
    keys: Keys,
    packs: Packs,
    now: Now,
    referral_id: ReferralId,
    seen: Annotated[str | None, Header(alias="If-None-Match", description="The ETag you have.")] = None,
) -> Response:
    """One referral with its anonymous card: what you need in order to decide."""
    document = detail(session, for_organisation(caller), parse_id(referral_id), keys, packs, now)
    headers = {"ETag": etags.of_version(document["version"])}
    if seen is not None and etags.is_in(seen, headers["ETag"]):
        return Response(status_code=304, headers=headers)
    return JSONResponse(document, headers=headers)


def _position_bytes(position: Position) -> bytes:
    micros = (position[0] - _EPOCH) // timedelta(microseconds=1)
    return micros.to_bytes(8, "big") + position[1].bytes


def _parse_position(raw: bytes) -> Position:
    return _EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big")), UUID(bytes=raw[8:])
