"""Tables of documents: the plain codes of each, and its sealed pages in pieces."""

from datetime import datetime
from uuid import UUID, uuid4

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base


class Document(Base):
    """A photo or PDF that belongs to a case, in plain codes: who added it, how many pages. Its name was never kept.

    `author`: person, desk or partner; `organisation_id`: of a partner. `created_at` is truncated to the hour. `position`: in
    which order the documents of the case were added. `original_pieces`: of
    the untouched file, which is kept only if the person says that it is electronically signed; 0: it is not.
    """

    __tablename__ = "documents"
    __table_args__ = (
        sa.CheckConstraint("author IN ('person', 'desk', 'partner')", name="author_known"),
        sa.Index("ix_documents_case_id", "case_id", "created_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"))
    author: Mapped[str] = mapped_column(sa.String(8))
    organisation_id: Mapped[UUID | None]
    pages: Mapped[int]
    created_at: Mapped[datetime]
    position: Mapped[int] = mapped_column(sa.Integer(), server_default="0", default=0)
    original_pieces: Mapped[int] = mapped_column(sa.Integer(), server_default="0", default=0)


class DocumentPiece(Base):
    """A piece of a page's picture, sealed under the case's `person` key. Read by document and page alone, never listed.

    `page` and `piece` count from 1; the page 0 is the untouched file. `case_id` is here so that a row policy can see it.
    """

    __tablename__ = "document_pieces"

    document_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("documents.id"), primary_key=True)
    page: Mapped[int] = mapped_column(primary_key=True)
    piece: Mapped[int] = mapped_column(primary_key=True)
    case_id: Mapped[UUID] = mapped_column(sa.Uuid(), sa.ForeignKey("cases.id"), index=True)
    ciphertext: Mapped[bytes]
