"""Documents in the database: pages sealed in pieces under the case's `person` key, opened page by page.

Each document has a key of its own, derived from the case's; each piece is bound to case, document, page, piece and how many of
them there are, so that none can be left out, put elsewhere or brought back. So whoever may open the story may open the documents
too, from the same moment on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Session

from app.core import sealing
from app.core.clock import to_the_hour
from app.core.errors import Conflict, NotFound
from app.documents.limits import DocumentLimits
from app.documents.models import Document, DocumentPiece

PIECE_BYTES: Final = 1 << 16
"""Bytes of a padded piece. The last one of a page may be shorter: a power of two."""
ORIGINAL_PIECE: Final = PIECE_BYTES - 1
"""Bytes of each piece of an untouched file but the last."""
ORIGINAL: Final = 0
"""The page number of the pieces of an untouched file."""


@dataclass(frozen=True, slots=True)
class DocumentRoom:
    """How many files and pages a case can still take."""

    files: int
    pages: int

    @property
    def is_left(self) -> bool:
        return self.files > 0 and self.pages > 0


@dataclass(frozen=True, slots=True)
class SealedFile:
    """An untouched file, sealed piece by piece for one document; `pages`: how many that document has."""

    case_id: UUID
    document_id: UUID
    pages: int
    pieces: Sequence[bytes]


class DocumentsFull(Conflict):
    """The case has as many files or pages as it can have. Nothing was stored."""

    slug, title = "documents-full", "There is no room for this document"


def piece_aad(document_id: UUID, case_id: UUID, page: int, pages: int, piece: int, pieces: int) -> bytes:
    """The associated data that a piece is bound to. A partner's client builds the same bytes."""
    return sealing.context(
        "document_pieces", str(document_id), str(case_id), f"{page}/{pages}", f"{piece}/{pieces}", "1"
    )


def document_key(data_key: bytes, document_id: UUID) -> bytes:
    return sealing.derive(data_key, f"pristan/document:{document_id}")


def of_case(session: Session, case_id: UUID) -> Sequence[Document]:
    """The documents of a case, oldest first."""
    query = (
        sa.select(Document)
        .where(Document.case_id == case_id)
        .order_by(Document.created_at, Document.position, Document.id)
    )
    return session.scalars(query).all()


def room(session: Session, case_id: UUID, limits: DocumentLimits, *, author: str = "person") -> DocumentRoom:
    """The files and pages that the case can still take.

    All organisations together get at most half, so that the person always has room.
    """
    left = _left(session, limits.files, limits.pages, Document.case_id == case_id)
    if author != "partner":
        return left
    of_theirs = sa.and_(Document.case_id == case_id, Document.author == author)
    theirs = _left(session, max(limits.files // 2, 1), max(limits.pages // 2, 1), of_theirs)
    return DocumentRoom(min(left.files, theirs.files), min(left.pages, theirs.pages))


def _left(session: Session, most_files: int, most_pages: int, which: sa.ColumnElement[bool]) -> DocumentRoom:
    counted = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(Document.pages), 0)).where(which)
    files, pages = session.execute(counted).one()
    return DocumentRoom(max(most_files - files, 0), max(most_pages - int(pages), 0))


def add(
    session: Session,
    data_key: bytes,
    case_id: UUID,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    *,
    author: str,
    now: datetime,
    organisation_id: UUID | None = None,
) -> Document:
    """Seal and store the page pictures of one file. The caller holds the case's row lock. Raises DocumentsFull."""
    document_id = uuid4()
    return add_with_key(
        session,
        document_key(data_key, document_id),
        case_id,
        pages,
        limits,
        author=author,
        now=now,
        organisation_id=organisation_id,
        document_id=document_id,
    )


def add_with_key(
    session: Session,
    key: bytes,
    case_id: UUID,
    pages: Sequence[bytes],
    limits: DocumentLimits,
    *,
    author: str,
    now: datetime,
    organisation_id: UUID | None,
    document_id: UUID,
    original: SealedFile | None = None,
) -> Document:
    """`add` with the document's own key and its id, for a sender who derived the key. `original`: sealed for this id."""
    left = room(session, case_id, limits, author=author)
    if not left.is_left or len(pages) > left.pages:
        raise DocumentsFull
    document = Document(
        id=document_id,
        case_id=case_id,
        author=author,
        organisation_id=organisation_id,
        pages=len(pages),
        created_at=to_the_hour(now),
        position=_next_position(session, case_id),
        original_pieces=len(original.pieces) if original else 0,
    )
    session.add(document)
    session.flush()
    for number, content in enumerate(pages, 1):
        session.execute(sa.insert(DocumentPiece), _sealed(key, document, number, content))
    if original is not None:
        assert (original.case_id, original.document_id, original.pages) == (case_id, document_id, len(pages))
        session.execute(sa.insert(DocumentPiece), _of_original(document, original))
    return document


def _next_position(session: Session, case_id: UUID) -> int:
    """One after the last: the hour alone does not tell apart the photos of one form."""
    return (session.scalar(sa.select(sa.func.max(Document.position)).where(Document.case_id == case_id)) or 0) + 1


def seal_piece(key: bytes, document_id: UUID, case_id: UUID, pages: int, part: bytes, piece: int, pieces: int) -> bytes:
    """One piece of an untouched file, of at most `PIECE_BYTES` - 1 bytes, for a document of so many pages."""
    return sealing.encrypt(key, sealing.pad(part), piece_aad(document_id, case_id, ORIGINAL, pages, piece, pieces))


def _of_original(document: Document, original: SealedFile) -> list[dict[str, object]]:
    return [
        {
            "document_id": document.id,
            "page": ORIGINAL,
            "piece": piece,
            "case_id": document.case_id,
            "ciphertext": ciphertext,
        }
        for piece, ciphertext in enumerate(original.pieces, 1)
    ]


def _sealed(key: bytes, document: Document, page: int, content: bytes) -> list[dict[str, object]]:
    """The rows of one page. A piece holds one byte less than its size, because the padding needs one."""
    room_in_piece = PIECE_BYTES - 1
    parts = [content[start : start + room_in_piece] for start in range(0, len(content), room_in_piece)]
    return [
        {
            "document_id": document.id,
            "page": page,
            "piece": piece,
            "case_id": document.case_id,
            "ciphertext": sealing.encrypt(
                key,
                sealing.pad(part),
                piece_aad(document.id, document.case_id, page, document.pages, piece, len(parts)),
            ),
        }
        for piece, part in enumerate(parts, 1)
    ]


def find(session: Session, case_id: UUID, document_id: UUID) -> Document:
    """A document of this case. Raises NotFound, also for another case's."""
    query = sa.select(Document).where(Document.id == document_id, Document.case_id == case_id)
    document = session.scalars(query).one_or_none()
    if document is None:
        raise NotFound("There is no such document.")
    return document


def sealed_pieces(session: Session, document: Document, page: int) -> list[bytes]:
    """The pieces of one page, still sealed, in order. Raises NotFound: the document has no such page."""
    query = (
        sa.select(DocumentPiece.ciphertext)
        .where(DocumentPiece.document_id == document.id, DocumentPiece.page == page)
        .order_by(DocumentPiece.piece)
    )
    pieces = [bytes(piece) for piece in session.scalars(query)]
    if not pieces:
        raise NotFound("The document has no such page.")
    return pieces


@dataclass(frozen=True, slots=True)
class SealedPiece:
    """One piece of a document, still sealed, and its place: `piece` of `pieces` of the page `page`, all from 1."""

    page: int
    piece: int
    pieces: int
    ciphertext: bytes


def count_pieces(session: Session, case_id: UUID) -> dict[UUID, int]:
    """How many pieces the pages of each document of a case have."""
    query = (
        sa.select(DocumentPiece.document_id, sa.func.count())
        .where(DocumentPiece.case_id == case_id, DocumentPiece.page > ORIGINAL)
        .group_by(DocumentPiece.document_id)
    )
    return {row[0]: row[1] for row in session.execute(query)}


def sealed_piece(session: Session, document: Document, number: int) -> SealedPiece:
    """The piece `number` of a document, counted from 1 through all its pages, and then through its untouched file if it was kept.

    Raises NotFound: it has no such piece.
    """
    of_pages = sa.select(sa.func.count()).where(DocumentPiece.document_id == document.id, DocumentPiece.page > ORIGINAL)
    if document.original_pieces and number > (before := session.scalar(of_pages) or 0):
        return sealed_original_piece(session, document, number - before)
    query = (
        sa.select(DocumentPiece.page, DocumentPiece.piece, DocumentPiece.ciphertext)
        .where(DocumentPiece.document_id == document.id, DocumentPiece.page > ORIGINAL)
        .order_by(DocumentPiece.page, DocumentPiece.piece)
        .offset(number - 1)
        .limit(1)
    )
    row = session.execute(query).one_or_none() if number > 0 else None
    if row is None:
        raise NotFound("The document has no such piece.")
    of_the_page = sa.select(sa.func.count()).where(
        DocumentPiece.document_id == document.id, DocumentPiece.page == row.page
    )
    return SealedPiece(row.page, row.piece, session.scalar(of_the_page) or 0, bytes(row.ciphertext))


def sealed_original_piece(session: Session, document: Document, number: int) -> SealedPiece:
    """The piece `number` of the untouched file, from 1. Raises NotFound: it was not kept, or has no such piece."""
    query = sa.select(DocumentPiece.ciphertext).where(
        DocumentPiece.document_id == document.id, DocumentPiece.page == ORIGINAL, DocumentPiece.piece == number
    )
    ciphertext = session.scalar(query)
    if ciphertext is None:
        raise NotFound("The document has no such piece.")
    return SealedPiece(ORIGINAL, number, document.original_pieces, bytes(ciphertext))


def open_original_piece(session: Session, key: bytes, document: Document, number: int) -> bytes:
    """A piece of the untouched file, opened with the document's own key. Raises NotFound, CannotOpen."""
    sealed = sealed_original_piece(session, document, number)
    aad = piece_aad(document.id, document.case_id, ORIGINAL, document.pages, number, document.original_pieces)
    return sealing.unpad(sealing.decrypt(key, sealed.ciphertext, aad))


def open_page(session: Session, data_key: bytes, document: Document, page: int) -> bytes:
    """The picture of one page, as JPEG. Raises NotFound, CannotOpen (another key, or a piece is missing or not in its place)."""
    return open_page_with(session, document_key(data_key, document.id), document, page)


def open_page_with(session: Session, key: bytes, document: Document, page: int) -> bytes:
    """The picture of one page, opened with the document's own key. Raises as `open_page`."""
    if page <= ORIGINAL:
        raise NotFound("The document has no such page.")
    pieces = sealed_pieces(session, document, page)
    return b"".join(
        sealing.unpad(
            sealing.decrypt(
                key, piece, piece_aad(document.id, document.case_id, page, document.pages, number, len(pieces))
            )
        )
        for number, piece in enumerate(pieces, 1)
    )


def remove(session: Session, document: Document) -> None:
    """Delete a document with all of its pieces."""
    session.execute(sa.delete(DocumentPiece).where(DocumentPiece.document_id == document.id))
    session.execute(sa.delete(Document).where(Document.id == document.id))
    session.flush()


def forget(session: Session, case_id: UUID) -> None:
    """Delete all documents of a case."""
    session.execute(sa.delete(DocumentPiece).where(DocumentPiece.case_id == case_id))
    session.execute(sa.delete(Document).where(Document.case_id == case_id))


def export(session: Session, case_id: UUID) -> list[dict[str, object]]:
    """The plain codes of each document; the person saves the pages themselves from their own page."""
    return [
        {
            "number": number,
            "document": str(document.id),
            "by": document.author,
            "pages": document.pages,
            "signed_file_kept": document.original_pieces > 0,
            "day": f"{document.created_at:%Y-%m-%d}",
        }
        for number, document in enumerate(of_case(session, case_id), 1)
    ]
