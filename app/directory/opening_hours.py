"""Opening hours as typed text: one line for each period, like `Mo-Fr 09:00-17:00` or `Sa, Su 10:00-12:30`.

A line without days, like `10:00-17:00`, stands for hours of which nobody said on which days.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from app.core.i18n import N_, Translatable

DAYS: Final = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_LINE: Final = re.compile(
    r"(?:(?P<days>[A-Za-z ,–-]+?)\s+)?(?P<opens>\d{1,2}[:.]\d{2})\s*[–-]\s*(?P<closes>\d{1,2}[:.]\d{2})"
)
MOST_LINES: Final = 14


def parse(text: str) -> list[dict[str, Any]]:
    """Parse the text into entries. Raises ValueError, with a message for the user, for the first invalid line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MOST_LINES:
        raise ValueError(N_("There are too many lines."))
    return [_line(number, line) for number, line in enumerate(lines, 1)]


def format_hours(hours: Iterable[Any]) -> str:
    """Format entries (dicts or `Hours`) as text that `parse` reads."""
    entries = [entry if isinstance(entry, dict) else entry.model_dump() for entry in hours]
    return "\n".join(f"{_days(entry['days'])} {entry['opens']}-{entry['closes']}".strip() for entry in entries)


def _line(number: int, line: str) -> dict[str, Any]:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(Translatable("Line {number} cannot be read. Write it like: Mo-Fr 09:00-17:00", number=number))
    opens, closes = (_time(number, match[name]) for name in ("opens", "closes"))
    if opens >= closes:
        raise ValueError(Translatable("Line {number} closes before it opens.", number=number))
    days = set(_day_codes(number, match["days"])) if match["days"] else set()
    return {"days": [day for day in DAYS if day in days], "opens": opens, "closes": closes}


def _time(number: int, text: str) -> str:
    hour, minute = (int(part) for part in re.split("[:.]", text))
    if hour > 23 or minute > 59:
        raise ValueError(Translatable("Line {number} has a time that does not exist.", number=number))
    return f"{hour:02}:{minute:02}"


def _day_codes(number: int, text: str) -> Iterator[str]:
    for part in text.split(","):
        ends = [end.strip().upper()[:2] for end in re.split("[–-]", part)]
        if len(ends) > 2 or not set(ends) <= set(DAYS):
            raise ValueError(
                Translatable(
                    "Line {number} has a day that cannot be read. The days are Mo, Tu, We, Th, Fr, Sa, Su.",
                    number=number,
                )
            )
        first, last = DAYS.index(ends[0]), DAYS.index(ends[-1])
        if first > last:
            raise ValueError(Translatable("Line {number} has days in the wrong order.", number=number))
        yield from DAYS[first : last + 1]


def _days(codes: Iterable[str]) -> str:
    """`Mo-Fr`, or `Mo, We, Fr`."""
    indexes = [DAYS.index(code) for code in codes]
    runs: list[list[int]] = []
    for index in indexes:
        if runs and runs[-1][-1] == index - 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(
        DAYS[run[0]].title() if len(run) == 1 else f"{DAYS[run[0]].title()}-{DAYS[run[-1]].title()}" for run in runs
    )
