"""Draws the table of notices in docs/notices.md from `messaging.kinds`: `python -m app.cli.notice_kinds`."""

from pathlib import Path
from typing import Final

from app.core.vocabulary import complete
from app.messaging.kinds import KINDS, Audience, NoticeKind, NoticeRule, Recipient, Speed
from app.messaging.staff_texts import COUNTED

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "notices.md"
BEGIN, END = "<!-- kinds: begin -->", "<!-- kinds: end -->"
_AUDIENCES: Final = complete(
    Audience,
    {
        "on_call": "who is on call",
        "owner": "the owner of the case",
        "team": "everybody of the team",
        "overseers": "admins and auditors",
        "operations": "admins and auditors; if none of them can be told, all seniors",
        "named": "the member it concerns",
    },
)
_SPEEDS: Final = complete(
    Speed, {"at_once": "at once", "soon": "outside quiet hours", "digest": "with the daily notice"}
)


def table() -> str:
    """The lines between the two marks of the page."""
    head = ["| notice | members | how fast | others | counted as |", "| --- | --- | --- | --- | --- |"]
    return "\n".join([BEGIN, *head, *(_line(kind, KINDS[kind]) for kind in NoticeKind), END])


def _line(kind: NoticeKind, row: NoticeRule) -> str:
    members = "–"
    if row.audience is not None:
        members = _AUDIENCES[row.audience]
        if Recipient.OPERATORS in row.recipients and row.audience not in {Audience.OVERSEERS, Audience.OPERATIONS}:
            members += "; without a team, admins and auditors"
    others = ", ".join(str(to) for to in (Recipient.ORGANISATION, Recipient.PERSON) if to in row.recipients)
    speed = _SPEEDS[row.speed] if row.audience is not None else "–"
    return f"| `{kind}` | {members} | {speed} | {others or '–'} | {COUNTED[row.group][0].format(n=1)} |"


def drawn(text: str) -> str:
    """The page with the present table in it."""
    before, _, rest = text.partition(BEGIN)
    return before + table() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
