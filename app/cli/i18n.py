"""`pristan i18n`: extract messages, compile the catalogues and check that they are complete."""

import re
import string
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Final

import typer
import yaml
from babel import Locale
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po, write_po
from babel.util import pathmatch

from app.core.i18n import LANGUAGES, LOCALES, PERSON, STAFF, compile_po, plural_forms, po_file
from app.core.readability import Score, score

i18n_app = typer.Typer(no_args_is_help=True, help="Manage the message catalogues.")
APP: Final = Path(__file__).resolve().parent.parent
DOMAINS: Final = (PERSON, STAFF)
_FIXED_DATE: Final = datetime(2026, 11, 24, tzinfo=UTC)
_STATE_LINE: Final = re.compile("State: (?:draft|signed by ).*")
_ERRORS: Final = (
    "BadRequest", "Conflict", "CountryNotServed", "NeedsOtherTeam", "NotAllowed", "NotFound", "NotSignedIn", "OldForm",
    "PreconditionFailed", "ProofNeeded", "StaleCase", "TooLarge", "TooMany", "Unavailable",
)  # fmt: skip
_MARKS: Final = {"_": None, "N_": None, "n_": (1, 2), "NN_": (1, 2), "Translatable": (1,)}
KEYWORDS: Final = {PERSON: _MARKS, STAFF: {**_MARKS, "FieldError": (3,), **dict.fromkeys(_ERRORS, (1,))}}
"""What marks a message in each domain, and which of its arguments are one. The sentence of an error that staff read needs no mark:
it is the first argument. The person's pages say errors in words of their own.
"""

Message = str | tuple[str, str]
"""A message, or the singular and plural of a counted one."""


def mapping_file(domain: str) -> Path:
    return LOCALES / f"{domain}.cfg"


def template_file(domain: str) -> Path:
    return LOCALES / f"{domain}.pot"


def messages(domain: str = PERSON) -> list[Message]:
    """Every message id of a domain, from code, templates and packs, in the order of the mapping file.

    Babel extracts them as `locales/<domain>.cfg` says; a template that cannot be parsed is an error.
    """
    with mapping_file(domain).open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file, file.name)  # type: ignore[no-untyped-call]
    extracted = extract_from_dir(APP, methods, options, keywords=KEYWORDS[domain])
    positions = {pattern: position for position, (pattern, _method) in enumerate(methods)}

    def position(path: str) -> int:
        return next(positions[pattern] for pattern in positions if pathmatch(pattern, path))

    in_order = sorted(extracted, key=lambda entry: position(entry[0]))
    ids = [message if isinstance(message, str) else (message[0], message[1]) for _file, _line, message, *_ in in_order]
    return [message for message in dict.fromkeys(ids) if message]


def extract_pack(
    file: BinaryIO, _keywords: object, _comment_tags: object, options: Mapping[str, str]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """A Babel extractor for country packs: the named `fields` of each entry of the file's lists, and their lines.

    A field may hold a list of texts, or stand in a field that groups some, or in each of a list of such groups.
    """
    fields_wanted = options["fields"].split()
    document = yaml.compose(file, Loader=yaml.SafeLoader)
    for _name, entries in document.value if document else ():
        for entry in entries.value:
            yield from _texts(entry, fields_wanted)


def _texts(entry: yaml.MappingNode, fields_wanted: list[str]) -> Iterator[tuple[int, None, str, list[str]]]:
    for key, value in entry.value:
        groups = value.value if isinstance(value, yaml.SequenceNode) else [value]
        if groups and all(isinstance(group, yaml.MappingNode) for group in groups):
            for group in groups:
                yield from _texts(group, fields_wanted)
        elif key.value in fields_wanted:
            texts = value.value if isinstance(value, yaml.SequenceNode) else [value]
            yield from ((text.start_mark.line + 1, None, text.value, []) for text in texts if text.value)


def catalogue(language: str) -> Catalog:
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def problems() -> Iterator[str]:
    """Yields one sentence for each problem: missing or empty translation, other placeholders, unused entry, no state.

    Each sentence starts with the file to correct.
    """
    extracted = {domain: messages(domain) for domain in DOMAINS}
    for domain in DOMAINS:
        if not _is_up_to_date(domain, extracted[domain]):
            yield f"app/locales/{domain}.pot is not up to date: run `pristan i18n extract`"
    expected = extracted[PERSON]
    known = set(expected)
    for language in LANGUAGES:
        existing, name = catalogue(language), f"app/locales/{language}/LC_MESSAGES/{PERSON}.po"
        if not _STATE_LINE.search(existing.header_comment):
            yield f"{name}: the catalogue's header has neither `State: draft` nor `State: signed by …`"
        for message in expected:
            entry = existing.get(message)
            translations = _forms(entry.string) if entry else ()
            if (
                not translations
                or not all(translations)
                or (not isinstance(message, str) and len(translations) != plural_forms(language)[0])
            ):
                yield f"{name}: not translated: {_short(message)}"
            elif any(placeholders(form) != placeholders(_forms(message)[-1]) for form in translations):
                yield f"{name}: other placeholders: {_short(message)}"
        for entry in existing:
            if entry.id and entry.id not in known:
                yield f"{name}: no longer used: {_short(entry.id)}"


def _is_up_to_date(domain: str, extracted: list[Message]) -> bool:
    """Whether the template of a domain holds these messages, in this order."""
    path = template_file(domain)
    with path.open("rb") as file:
        return [entry.id for entry in read_po(file) if entry.id] == extracted


def _forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _short(message: Any) -> str:
    return _forms(message)[0][:60]


def placeholders(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@i18n_app.command()
def extract() -> None:
    """Extract all messages into the templates and update the catalogues to match."""
    expected = messages()
    for domain, audience in ((PERSON, "people who ask for help"), (STAFF, "staff and partners")):
        template = _empty_catalogue(f"# All messages that {audience} read.")
        for message in messages(domain):
            template.add(message)
        _write(template_file(domain), template)
    for language in LANGUAGES:
        existing = catalogue(language)
        updated = _empty_catalogue(_header_comment(language, existing), language)
        for message in expected:
            previous = existing.get(message)
            untranslated = "" if isinstance(message, str) else ("",) * plural_forms(language)[0]
            updated.add(message, message if language == "en" else (previous.string if previous else untranslated))
        _write(po_file(language), updated)
    typer.echo(f"{len(expected)} messages")


def _empty_catalogue(head: str, language: str | None = None) -> Catalog:
    """An empty catalogue with fixed dates, so that extracting the same messages again changes no byte."""
    team = f"{language or 'all'} <->"
    new = Catalog(
        locale=language, project="Pristan", version="1", charset="utf-8", header_comment=head, fuzzy=False,
        msgid_bugs_address="-", last_translator="-", language_team=team, creation_date=_FIXED_DATE, revision_date=_FIXED_DATE,
    )  # fmt: skip
    if language:
        forms, rule = plural_forms(language)
        new._num_plurals, new._plural_expr = forms, rule  # type: ignore[assignment]
    return new


def _header_comment(language: str, existing: Catalog) -> str:
    """The header comment of a catalogue. A native reader signs it by changing the line with its state."""
    state = _STATE_LINE.search(existing.header_comment)
    state_line = state[0] if state else "State: draft. No native reader has signed it yet."
    return f"# Pristan, {Locale.parse(language).english_name}.\n# {state_line}"


def _write(path: Path, content: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, content, width=120, omit_header=False, no_location=True)


@i18n_app.command()
def compile() -> None:
    """Compile the catalogues that have changed."""
    for language in LANGUAGES:
        source = po_file(language)
        target = source.with_suffix(".mo")
        if source.exists() and (not target.exists() or target.stat().st_mtime < source.stat().st_mtime):
            target.write_bytes(compile_po(source))


@i18n_app.command()
def check() -> None:
    """Check that templates are up to date and the person's pages are translated. Exit code 1 otherwise."""
    listed = list(problems())
    for problem in listed:
        typer.echo(problem, err=True)
    if listed:
        raise typer.Exit(1)


def scores(language: str) -> list[tuple[Score, str]]:
    """All messages of a language with their readability scores, the hardest to read first."""
    texts = [_forms(entry.string)[-1] for entry in catalogue(language) if entry.id and entry.string]
    return sorted(((score(text), text) for text in texts), key=lambda pair: (-pair[0].lix, pair[1]))


@i18n_app.command()
def readability(worst: Annotated[int, typer.Option(help="Number of the hardest messages to list.")] = 5) -> None:
    """Print readability scores per language and list the messages that are hardest to read."""
    for language in LANGUAGES:
        rated = scores(language)
        median = sorted(rating.lix for rating, _text in rated)[len(rated) // 2]
        longest = max(rating.longest for rating, _text in rated)
        typer.echo(
            f"{language}: half of the messages score under {median:.0f}; the longest sentence has {longest} words"
        )
        for rating, text in rated[:worst]:
            typer.echo(f"  {rating.lix:5.0f}  {rating.longest:3}  {text}")
