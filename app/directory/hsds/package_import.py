"""Import of an HSDS package: one proposal for each organisation, unverified, for a second person to publish."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import BinaryIO

from sqlalchemy.orm import Session

from app.core.i18n import Translatable
from app.directory import edits, published
from app.directory.catalogue import Directory
from app.directory.edits import Editor
from app.directory.hsds import package_reader
from app.directory.hsds.package_reader import RowReport


@dataclass(frozen=True, slots=True)
class ImportResult:
    """The slugs proposed by this import, and the outcome of every row of the package."""

    proposed: Sequence[str]
    lines: Sequence[RowReport]


def import_package(
    session: Session,
    packs: Directory,
    file: BinaryIO,
    *,
    by: Editor,
    now: datetime,
    only_look: bool = False,
    most_bytes: int = package_reader.MOST_BYTES,
) -> ImportResult:
    """Propose all organisations that have no pending proposal; with `only_look` nothing is written. Raises NotAPackage."""
    contents = package_reader.read(file, published.with_edits(session, packs).directory, now.date(), most_bytes)
    waits = {edit.subject for edit in edits.pending(session)}
    new = [slug for slug in contents.entries if slug not in waits]
    if not only_look:
        for slug in new:
            edits.propose_organisation(session, packs, slug, contents.entries[slug], by=by, now=now)
    return ImportResult(new, [_told(line, waits) for line in contents.lines])


def _told(line: RowReport, waits: set[str]) -> RowReport:
    if line.outcome == "proposed" and any(f"as {slug}," in line.detail for slug in waits):
        return replace(line, detail=Translatable("{outcome}; a proposal for it waits already", outcome=line.detail))
    return line
