"""Machines are told an instant in one form, whatever its fraction and zone."""

import re
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

from app.core import clock

MOMENT = datetime(2026, 11, 24, 10, 5, 12, tzinfo=UTC)


def test_there_are_always_milliseconds_and_the_rest_is_cut_off():
    assert clock.instant(MOMENT) == "2026-11-24T10:05:12.000Z"
    assert clock.instant(MOMENT.replace(microsecond=999_999)) == "2026-11-24T10:05:12.999Z"
    assert clock.instant(MOMENT.astimezone(timezone(timedelta(hours=4)))) == "2026-11-24T10:05:12.000Z"


def test_no_module_writes_another_form():
    app = Path(clock.__file__).parents[1]
    own = re.compile(r"isoformat\([^)]*\)\.replace\(\"\+00:00\"")
    assert [file.name for file in app.rglob("*.py") if own.search(file.read_text(encoding="utf-8"))] == ["clock.py"]
