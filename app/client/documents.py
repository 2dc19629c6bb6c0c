"""Putting the pictures of a document's pages, or its untouched file, together from sealed pieces, with the case's key."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final
from uuid import UUID

from app.client.decryption import CaseKey, OpenedPart, from_base64url
from app.core import sealing
from app.core.sealing import CannotOpen

_JPEG_BEGINS: Final = b"\xff\xd8\xff"


@dataclass(frozen=True, slots=True)
class OpenedPage:
    """A page of a document: a JPEG picture. `page` counts from 1. The repr shows no content."""

    document: str
    page: int
    pages: int
    content: bytes = field(repr=False)


def with_deleted(sealed: dict[str, Any], parts: Sequence[OpenedPart]) -> list[OpenedPart]:
    """The same parts; a message that announces a document that is no longer there has `document_deleted` in its content.

    `sealed`: the response of `/sealed` from which the parts are.
    """
    present = {UUID(str(entry["id"])).hex for entry in sealed.get("documents", ())}
    return [
        replace(part, content={**part.content, "document_deleted": True})
        if part.content.get("document") and part.content["document"] not in present
        else part
        for part in parts
    ]


def document_key(case_key: CaseKey, document_id: str) -> bytes:
    """The key of one document, derived from its case's."""
    return sealing.derive(case_key.key, f"pristan/document:{document_id}")


def opened_pages(
    document: dict[str, Any], case_key: CaseKey, piece: Callable[[int], dict[str, Any]]
) -> Iterator[OpenedPage]:
    """The pages of a document, in order, one in memory at a time. `document`: an entry of `documents` of `/sealed`.

    `piece(number)`: the response for that piece. Raises CannotOpen: another key, changed bytes, a piece that is missing
    or not in its place, or a page that is not JPEG.
    """
    try:
        identity, pages, last = str(document["id"]), int(document["pages"]), int(document["pieces"])
        number = 0
        for page in range(1, pages + 1):
            content, place, pieces = bytearray(), 0, 1
            while place < pieces:
                number, place = number + 1, place + 1
                answer = piece(number)
                pieces = int(answer["pieces"]) if place == 1 else pieces
                content += _opened(answer, case_key, identity, f"{page}/{pages}", f"{place}/{pieces}")
            if not content.startswith(_JPEG_BEGINS):
                raise CannotOpen
            yield OpenedPage(identity, page, pages, bytes(content))
        if number != last:
            raise CannotOpen
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CannotOpen from error


def opened_original(
    document: dict[str, Any], case_key: CaseKey, piece: Callable[[int], dict[str, Any]]
) -> Iterator[bytes]:
    """The untouched file of a document, piece by piece; nothing if it was not kept. Raises CannotOpen.

    Nobody has looked into it: open it only to check its signature, on a computer that has nothing else to lose.
    """
    try:
        identity, pages, before = str(document["id"]), int(document["pages"]), int(document["pieces"])
        last = int(document.get("original_pieces") or 0)
        for place in range(1, last + 1):
            yield _opened(piece(before + place), case_key, identity, f"0/{pages}", f"{place}/{last}")
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise CannotOpen from error


def _opened(answer: dict[str, Any], case_key: CaseKey, identity: str, page: str, piece: str) -> bytes:
    """One piece, decrypted. Raises CannotOpen when it does not belong in this place."""
    aad = sealing.context("document_pieces", identity, case_key.case_id, page, piece, "1")
    if from_base64url(answer["aad"]) != aad:
        raise CannotOpen
    return sealing.unpad(sealing.decrypt(document_key(case_key, identity), from_base64url(answer["ciphertext"]), aad))
