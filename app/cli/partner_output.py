"""What `pristan partner` prints: one line for people, JSON for programs, and never a character that a terminal would obey."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import typer

from app.client import ApiError, Event, Referral


def in_utf8() -> None:
    """Names are in eight scripts; a Windows console or a pipe may be set to a code page that has none of them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def show(value: Any, as_json: bool) -> None:
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else harmless(str(value)))


def harmless(text: str) -> str:
    """What people wrote may hold control characters."""
    return "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)


def line(referral: Referral) -> str:
    due = referral.last_safe_day or "no date"
    answer = f", answer by {referral.respond_by}" if referral.respond_by else ""
    needs = ", ".join(referral.needs)
    shown = f"{referral.label:<11}  {referral.priority:<9}  {referral.state:<14}  {due:<10}  {referral.country}"
    return f"{shown}  {needs}{answer}  {referral.id}"


def flat(content: dict[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """Names and values of a sealed part, whatever its depth; what says nothing is left out."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from flat(value, f"{above}{name}.")
        elif value not in (None, "", []):
            yield above + name, harmless(", ".join(map(str, value)) if isinstance(value, list) else str(value))


def event_document(event: Event) -> dict[str, Any]:
    return {"id": event.id, "type": event.type, "referral": event.referral, "time": event.time, "data": event.data}


def explained(error: ApiError) -> str:
    words = [error.detail or error.title]
    if error.state:
        words.append(f"It is {error.state} now; possible: {', '.join(error.allowed_actions) or 'nothing'}.")
    words += [f"{entry['pointer']}: {entry['detail']}" for entry in error.problem.get("errors", ())]
    if error.code == "cursor-gone":
        words.append("Run `pristan partner listen --from-start`, and `pristan partner pull` once.")
    return " ".join(words)


def with_progress(found: Iterator[Referral], what: str) -> Iterator[Referral]:
    """Count on standard error while somebody looks at it; the result itself goes to standard output."""
    shown = sys.stderr.isatty() and not sys.stdout.isatty()
    for count, referral in enumerate(found, start=1):
        if shown and count % 100 == 0:
            typer.echo(f"\r{count} {what}", err=True, nl=False)
        yield referral
    if shown:
        typer.echo("\r", err=True, nl=False)
