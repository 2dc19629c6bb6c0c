"""Draws the table of docs/retention.md from `privacy.lifetimes`: `python -m app.cli.lifetimes`."""

from pathlib import Path
from typing import Final

from app.privacy.lifetimes import LIFETIMES, Ending

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "retention.md"
BEGIN, END = "<!-- lifetimes: begin -->", "<!-- lifetimes: end -->"


def table() -> str:
    """The lines between the two marks of the page: by what deletes a row, then by name."""
    head = ["| table | its rows are kept | deleted by |", "| --- | --- | --- |"]
    order = list(Ending)
    rows = sorted(LIFETIMES.items(), key=lambda row: (order.index(row[1].ending), row[0]))
    return "\n".join([BEGIN, *head, *(f"| `{name}` | {row.kept} | {row.ending} |" for name, row in rows), END])


def drawn(text: str) -> str:
    """The page with the present table in it."""
    before, _, rest = text.partition(BEGIN)
    return before + table() + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(drawn(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
