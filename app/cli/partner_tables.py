"""All referrals in one file: a table for a spreadsheet, lines of JSON, or lines of FHIR bundles. No names in any of them."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

from app.client import PartnerClient, Referral
from app.core import spreadsheet


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    FHIR = "fhir"


COLUMNS: Final = ("id", "label", "state", "priority", "country", "needs", "last_safe_day", "respond_by", "updated_at")


@contextmanager
def opened(file: Path | None, standard: TextIO) -> Iterator[TextIO]:
    """The file, or standard output, as UTF-8; line ends are the writer's own, on Windows too."""
    if file is None:
        if isinstance(standard, io.TextIOWrapper):
            standard.reconfigure(newline="")
        yield standard
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        yield out


def write(found: Iterator[Referral], out: TextIO, style: Format, client: PartnerClient) -> None:
    if style is Format.CSV:
        spreadsheet.write_csv(out, COLUMNS, map(_cells, found))
        return
    for referral in found:
        document = client.fhir(referral.id) if style is Format.FHIR else referral.raw
        out.write(json.dumps(document, ensure_ascii=False) + "\n")


def _cells(referral: Referral) -> list[object]:
    values = {**{name: getattr(referral, name) for name in COLUMNS}, "needs": " ".join(referral.needs)}
    return [values[name] for name in COLUMNS]
