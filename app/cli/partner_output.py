"""Output of `pristan partner`: one line per item for people, JSON for programs, no control characters."""

import io
import json
import sys
from collections.abc import Iterator
from typing import Any

import typer

from app.client import ApiError, Event, OpenedMessage, Referral


def use_utf8() -> None:
    """Print in UTF-8: a Windows console or pipe may use a code page without the scripts that names are written in."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="replace")


def print_value(value: Any, as_json: bool) -> None:
    """Print a value as JSON, or as text without control characters."""
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else without_control_characters(str(value)))


def without_control_characters(text: str) -> str:
    """The text with characters that a terminal could interpret as commands replaced by U+FFFD."""
    return "".join(character if character.isprintable() or character in "\n\t" else "\ufffd" for character in text)


def referral_line(referral: Referral) -> str:
    """A referral in one line; times are in UTC."""
    due = referral.last_safe_day or "no date"
    due += " (not known)" if referral.deadline_known is False else ""
    respond_by = f", respond by {referral.respond_by}" if referral.respond_by else ""
    needs = ", ".join(referral.needs)
    visible = f"{referral.label:<11}  {referral.priority:<9}  {referral.state:<14}  {due:<10}  {referral.country}"
    return f"{visible}  {needs}{respond_by}  {referral.id}"


def flatten(content: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Dotted names and printable values of a nested document; empty values are left out."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from flatten(value, f"{prefix}{name}.")
        elif value not in (None, "", []):
            yield (
                prefix + name,
                without_control_characters(", ".join(map(str, value)) if isinstance(value, list) else str(value)),
            )


def event_document(event: Event) -> dict[str, Any]:
    """An event as a JSON object."""
    return {"id": event.id, "type": event.type, "referral": event.referral, "time": event.time, "data": event.data}


def message_document(message: OpenedMessage) -> dict[str, Any]:
    """A decrypted message as a JSON object."""
    at = message.at.isoformat()
    return {"id": message.id, "seq": message.seq, "author": message.author, "at": at, "text": message.text}


def message_text(message: OpenedMessage) -> str:
    """A decrypted message with who wrote it and when, its lines indented so that none can be taken for another message's head."""
    lines = "\n".join(f"  {line}" for line in message.text.splitlines())
    return f"{message.seq}  {message.at.isoformat(timespec='minutes')}  {message.author}\n{lines}"


def error_text(error: ApiError) -> str:
    """What went wrong and what is possible instead, in one line."""
    sentences = [error.detail or error.title]
    if error.state:
        sentences.append(
            f"The referral is now {error.state}. Possible actions: {', '.join(error.allowed_actions) or 'none'}."
        )
    sentences += [f"{entry['pointer']}: {entry['detail']}" for entry in error.problem.get("errors", ())]
    if error.code == "cursor-gone":
        sentences.append("Run `pristan partner pull` once, then `pristan partner listen --from-start`.")
    return " ".join(sentences)


def with_progress(referrals: Iterator[Referral], noun: str) -> Iterator[Referral]:
    """Show a count on standard error if that is a terminal and standard output is not."""
    visible = sys.stderr.isatty() and not sys.stdout.isatty()
    for count, referral in enumerate(referrals, start=1):
        if visible and count % 100 == 0:
            typer.echo(f"\r{count} {noun}", err=True, nl=False)
        yield referral
    if visible:
        typer.echo("\r", err=True, nl=False)
