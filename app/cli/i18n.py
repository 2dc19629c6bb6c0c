"""`pristan i18n`: gather the messages, compile the catalogues, check that nothing is missing."""

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

i18n_app = typer.Typer(no_args_is_help=True, help="Catalogues of the pages.")
APP: Final = Path(__file__).resolve().parent.parent
DOMAINS: Final = (PERSON, STAFF)
_ONCE: Final = datetime(2026, 11, 24, tzinfo=UTC)
_STATE: Final = re.compile("State: (?:draft|signed by ).*")
KEYWORDS: Final = {"_": None, "N_": None, "n_": (1, 2)}

Message = str | tuple[str, str]
"""A sentence, or a counted one: for one and for many."""


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
    extracted = extract_from_dir(APP, methods, options, keywords=KEYWORDS)
    positions = {pattern: position for position, (pattern, _method) in enumerate(methods)}

    def position(path: str) -> int:
        return next(positions[pattern] for pattern in positions if pathmatch(pattern, path))

    in_order = sorted(extracted, key=lambda entry: position(entry[0]))
    ids = [message if isinstance(message, str) else (message[0], message[1]) for _file, _line, message, *_ in in_order]
    return [message for message in dict.fromkeys(ids) if message]


def extract_pack(
    file: BinaryIO, _keywords: object, _comment_tags: object, options: Mapping[str, str]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """A Babel extractor for country packs: the named `fields` of each entry of the file's one list, and their lines."""
    fields_wanted = options["fields"].split()
    document = yaml.compose(file, Loader=yaml.SafeLoader)
    for _name, entries in document.value if document else ():
        for entry in entries.value:
            for key, text in entry.value:
                if key.value in fields_wanted and text.value:
                    yield text.start_mark.line + 1, None, text.value, []


def catalogue(language: str) -> Catalog:
    path = po_file(language)
    if not path.exists():
        return Catalog(locale=language)
    with path.open("rb") as file:
        return read_po(file, locale=language)


def problems() -> Iterator[str]:
    """What is wrong with the catalogues, one sentence each: missing, empty, other placeholders, left over, not marked.

    Each begins with the file to mend.
    """
    extracted = {domain: messages(domain) for domain in DOMAINS}
    for domain in DOMAINS:
        if not _is_current(domain, extracted[domain]):
            yield f"app/locales/{domain}.pot is not up to date: run `pristan i18n extract`"
    wanted = extracted[PERSON]
    known = set(wanted)
    for language in LANGUAGES:
        have, name = catalogue(language), f"app/locales/{language}/LC_MESSAGES/{PERSON}.po"
        if not _STATE.search(have.header_comment):
            yield f"{name}: the catalogue's head says neither `State: draft` nor `State: signed by …`"
        for message in wanted:
            entry = have.get(message)
            said = _forms(entry.string) if entry else ()
            if not said or not all(said) or (not isinstance(message, str) and len(said) != plural_forms(language)[0]):
                yield f"{name}: not translated: {_short(message)}"
            elif any(fields(form) != fields(_forms(message)[-1]) for form in said):
                yield f"{name}: other placeholders: {_short(message)}"
        for entry in have:
            if entry.id and entry.id not in known:
                yield f"{name}: no longer used: {_short(entry.id)}"


def _is_current(domain: str, extracted: list[Message]) -> bool:
    """Whether the template of a domain holds these messages, in this order."""
    path = template_file(domain)
    with path.open("rb") as file:
        return [entry.id for entry in read_po(file) if entry.id] == extracted


def _forms(text: Any) -> tuple[str, ...]:
    return (text,) if isinstance(text, str) else tuple(text)


def _short(message: Any) -> str:
    return _forms(message)[0][:60]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


@i18n_app.command()
def extract() -> None:
    """Write each domain's template of all messages, and bring the catalogues' list of messages up to it."""
    wanted = messages()
    for domain, readers in ((PERSON, "people who ask for help"), (STAFF, "staff and partners")):
        template = _empty(f"# All messages that {readers} read.")
        for message in messages(domain):
            template.add(message)
        _write(template_file(domain), template)
    for language in LANGUAGES:
        have = catalogue(language)
        fresh = _empty(_head(language, have), language)
        for message in wanted:
            known = have.get(message)
            untranslated = "" if isinstance(message, str) else ("",) * plural_forms(language)[0]
            fresh.add(message, message if language == "en" else (known.string if known else untranslated))
        _write(po_file(language), fresh)
    typer.echo(f"{len(wanted)} messages")


def _empty(head: str, language: str | None = None) -> Catalog:
    """A catalogue without moments, so that gathering the same messages again changes no byte."""
    whose = f"{language or 'all'} <->"
    made = Catalog(
        locale=language, project="Pristan", version="1", charset="utf-8", header_comment=head, fuzzy=False,
        msgid_bugs_address="-", last_translator="-", language_team=whose, creation_date=_ONCE, revision_date=_ONCE,
    )  # fmt: skip
    if language:
        forms, rule = plural_forms(language)
        made._num_plurals, made._plural_expr = forms, rule  # type: ignore[assignment]
    return made


def _head(language: str, have: Catalog) -> str:
    """What stands above a catalogue. A native reader signs it by changing the line with its state."""
    state = _STATE.search(have.header_comment)
    said = state[0] if state else "State: draft. No native reader has signed it yet."
    return f"# Pristan, {Locale.parse(language).english_name}.\n# {said}"


def _write(path: Path, content: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, content, width=120, omit_header=False, no_location=True)


@i18n_app.command()
def compile() -> None:
    """Compile the catalogues that changed."""
    for language in LANGUAGES:
        source = po_file(language)
        target = source.with_suffix(".mo")
        if source.exists() and (not target.exists() or target.stat().st_mtime < source.stat().st_mtime):
            target.write_bytes(compile_po(source))


@i18n_app.command()
def check() -> None:
    """Exit code 1 when a template is not up to date, or a message of the person's pages has no translation in some language."""
    found = list(problems())
    for problem in found:
        typer.echo(problem, err=True)
    if found:
        raise typer.Exit(1)


def scores(language: str) -> list[tuple[Score, str]]:
    """Every message of a language with how hard it is to read, the hardest first."""
    told = [_forms(entry.string)[-1] for entry in catalogue(language) if entry.id and entry.string]
    return sorted(((score(text), text) for text in told), key=lambda pair: (-pair[0].lix, pair[1]))


@i18n_app.command()
def readability(worst: Annotated[int, typer.Option(help="How many of the hardest to list.")] = 5) -> None:
    """Score sentence length and word length per language, and list what reads worst."""
    for language in LANGUAGES:
        found = scores(language)
        middle = sorted(one.lix for one, _text in found)[len(found) // 2]
        longest = max(one.longest for one, _text in found)
        typer.echo(
            f"{language}: half of the messages score under {middle:.0f}; the longest sentence has {longest} words"
        )
        for one, text in found[:worst]:
            typer.echo(f"  {one.lix:5.0f}  {one.longest:3}  {text}")
