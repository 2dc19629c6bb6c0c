"""Export of referrals: CSV for a spreadsheet, or one JSON document or FHIR bundle per line. Contains no names."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final, TextIO

from app.cli import files
from app.client import PartnerClient, Referral
from app.core import spreadsheet


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    FHIR = "fhir"


COLUMNS: Final = (
    "id",
    "label",
    "state",
    "priority",
    "country",
    "needs",
    "last_safe_day",
    "respond_by",
    "updated_at",
    "deadline_known",
)


@contextmanager
def output_file(file: Path | None, standard: TextIO) -> Iterator[TextIO]:
    """The file opened for writing in UTF-8, or standard output; line ends are not translated, on Windows either."""
    if file is None:
        if isinstance(standard, io.TextIOWrapper):
            standard.reconfigure(newline="")
        yield standard
        return
    with files.writing(file):
        out = file.open("w", encoding="utf-8", newline="")
    with out:
        yield out


def write(referrals: Iterator[Referral], out: TextIO, file_format: Format, client: PartnerClient) -> None:
    """Write each referral as it arrives. FHIR needs one more API call per referral."""
    if file_format is Format.CSV:
        spreadsheet.write_csv(out, COLUMNS, map(_cells, referrals))
        return
    for referral in referrals:
        document = client.fhir(referral.id) if file_format is Format.FHIR else referral.raw
        out.write(json.dumps(document, ensure_ascii=False) + "\n")


def _cells(referral: Referral) -> list[object]:
    values = {**{name: getattr(referral, name) for name in COLUMNS}, "needs": " ".join(referral.needs)}
    return [values[name] for name in COLUMNS]
