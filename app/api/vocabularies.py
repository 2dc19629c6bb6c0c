"""The codes that an intake and a query may name, with their labels in the languages of the form."""

import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api import etags
from app.api.dependencies import Packs, anyone
from app.api.faults import CodeOf
from app.api.open_addresses import OPEN
from app.api.openapi_components import PUBLIC, ref
from app.core.i18n import LANGUAGES, translator
from app.directory.packs import Directory
from app.intake.vocabulary import GROUPS, HELPS, STATUSES

router = APIRouter(dependencies=[Depends(anyone)], tags=["Intakes"])


class CodeLabels(BaseModel):
    """A code and what people read for it."""

    model_config = ConfigDict(extra="forbid")

    code: str = Field(examples=["asylum"])
    labels: dict[str, str] = Field(description="By language (BCP 47).", examples=[{"en": "Asylum"}])


class LetterKind(CodeLabels):
    """A kind of letter with a time limit, in one country."""

    country: str = Field(pattern="^[A-Z]{2}$")
    heading: str | None = Field(default=None, description="What the letter's own heading looks like.")
    no_heading: str | None = Field(default=None, description="Why no heading is given. English.")


class Vocabularies(BaseModel):
    """The codes by the field of the intake that takes them."""

    model_config = ConfigDict(extra="forbid")

    needs: list[CodeLabels] = Field(description="`needs`, and the query parameter `need`.")
    status: list[CodeLabels]
    groups: list[CodeLabels]
    helps: list[CodeLabels]
    happened: list[CodeLabels]
    letter_kinds: list[LetterKind] = Field(description="`letter.kind`; in every country also `unknown`.")


Language = Annotated[
    str | None,
    CodeOf(lambda _directory: LANGUAGES),
    Query(description="Labels in this language alone.", json_schema_extra={"enum": list(LANGUAGES)}),
]
Country = Annotated[
    str | None,
    CodeOf(lambda directory: [country.code for country in directory.countries]),
    Query(description="Kinds of letter of this country alone, like PL."),
]
_TAG: Final = {"ETag": {"description": "Of the content, in quotes.", "schema": {"type": "string"}}}


@router.get(
    "/v1/vocabularies",
    operation_id="getVocabularies",
    response_model=Vocabularies,
    response_description="The codes. They change only by addition.",
    responses={
        200: {"headers": {**PUBLIC, **_TAG}},
        304: {"description": "You have it already.", "headers": {**PUBLIC, **_TAG}},
        422: ref("responses", "Invalid"),
    },
)
def vocabularies(
    packs: Packs,
    language: Language = None,
    country: Country = None,
    seen: Annotated[str | None, Header(alias="If-None-Match", description="The ETag you have.")] = None,
) -> Response:
    """All codes of needs, status, groups, helps, happened and kinds of letter, with their labels."""
    body = json.dumps(_document(packs, [language] if language else LANGUAGES, country), ensure_ascii=False).encode()
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**OPEN, "Cache-Control": "public, max-age=3600", "ETag": tag}
    if seen is not None and etags.is_in(seen, tag):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


def _document(packs: Directory, languages: Iterable[str], country: str | None) -> dict[str, Any]:
    translators = {language: translator(language) for language in languages}

    def entry(code: str, label: str) -> dict[str, Any]:
        return {"code": code, "labels": {language: one.text(label) for language, one in translators.items()}}

    return {
        "needs": [entry(need.id, need.label) for need in packs.needs],
        "status": [entry(*item) for item in STATUSES.items()],
        "groups": [entry(*item) for item in GROUPS.items()],
        "helps": [entry(*item) for item in HELPS.items()],
        "happened": [entry(kind.code, kind.label) for kind in packs.persecution],
        "letter_kinds": [
            {
                "country": host.code,
                **entry(row.event, row.label or row.title),
                **({"heading": row.heading} if row.heading else {"no_heading": row.no_heading}),
            }
            for host in packs.countries
            if country in {None, host.code}
            for row in packs.deadlines(host.code)
            if row.letter_kind
        ],
    }
