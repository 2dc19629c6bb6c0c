"""`pristan i18n`: extract messages, compile the catalogues and check that they are complete."""

import re
import string
from collections.abc import Iterator, Mapping, Sequence
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

from app.cli import translation_review as reviews
from app.cli import translation_signatures as signatures
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
    return list(located_messages(domain))


def located_messages(domain: str = PERSON) -> dict[Message, list[tuple[str, int]]]:
    """The messages of a domain as `messages` gives them, each with the files (below `app`) and lines in which it occurs."""
    with mapping_file(domain).open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file, file.name)  # type: ignore[no-untyped-call]
    extracted = extract_from_dir(APP, methods, options, keywords=KEYWORDS[domain])
    positions = {pattern: position for position, (pattern, _method) in enumerate(methods)}

    def position(path: str) -> int:
        return next(positions[pattern] for pattern in positions if pathmatch(pattern, path))

    places: dict[Message, list[tuple[str, int]]] = {}
    for path, line, message, *_ in sorted(extracted, key=lambda entry: position(entry[0])):
        if message:
            identity = message if isinstance(message, str) else (message[0], message[1])
            places.setdefault(identity, []).append((path, line))
    return places


def extract_pack(
    file: BinaryIO, _keywords: object, _comment_tags: object, options: Mapping[str, str]
) -> Iterator[tuple[int, None, str, list[str]]]:
    """A Babel extractor for country packs: the named `fields` of each entry of the file's lists, and their lines.

    A field may hold a list of texts. It may be nested in a group of fields, or in each of a list of such groups.
    """
    fields_wanted = options["fields"].split()
    document = yaml.compose(file, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
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


def catalogue(language: str, domain: str = PERSON) -> Catalog:
    path = po_file(language, domain)
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
    for domain, language in _kept():
        yield from _problems_of(language, domain, extracted[domain])


def _kept() -> Iterator[tuple[str, str]]:
    """The catalogues that are kept, by domain and language. English needs none of the staff's, being the source."""
    for domain in DOMAINS:
        for language in LANGUAGES:
            if domain == PERSON or language != "en":
                yield domain, language


def _problems_of(language: str, domain: str, expected: Sequence[Message]) -> Iterator[str]:
    existing, name = catalogue(language, domain), f"app/locales/{language}/LC_MESSAGES/{domain}.po"
    stated = _STATE_LINE.search(existing.header_comment)
    if stated is None or stated[0] != state_line(language, existing, domain):
        yield f"{name}: the header does not say what is signed: run `pristan i18n extract`"
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
    known = set(expected)
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
    expected = {domain: messages(domain) for domain in DOMAINS}
    for domain, audience in ((PERSON, "people who ask for help"), (STAFF, "staff and partners")):
        template = _empty_catalogue(f"# All messages that {audience} read.")
        for message in expected[domain]:
            template.add(message)
        _write(template_file(domain), template)
    for domain, language in _kept():
        existing = catalogue(language, domain)
        updated = _empty_catalogue("", language)
        for message in expected[domain]:
            previous = existing.get(message)
            untranslated = "" if isinstance(message, str) else ("",) * plural_forms(language)[0]
            updated.add(message, message if language == "en" else (previous.string if previous else untranslated))
        write(language, updated, domain)
    typer.echo(", ".join(f"{domain}: {len(expected[domain])} messages" for domain in DOMAINS))


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


def state_line(language: str, content: Catalog, domain: str = PERSON) -> str:
    """What the header of a catalogue says about its signatures: `State: signed by …`, or `State: draft. …`."""
    return signatures.state_line(signatures.read(signatures.file_of(po_file(language, domain))), entries(content))


def entries(content: Catalog) -> dict[Message, tuple[str, ...]]:
    """The messages of a catalogue with their translations: one for each plural form."""
    return {
        entry.id if isinstance(entry.id, str) else (entry.id[0], entry.id[1]): _forms(entry.string)
        for entry in content
        if entry.id
    }


def write(language: str, content: Catalog, domain: str = PERSON) -> None:
    """Write a catalogue; its header says which part of it is signed."""
    content.header_comment = (
        f"# Pristan, {Locale.parse(language).english_name}.\n# {state_line(language, content, domain)}"
    )
    _write(po_file(language, domain), content)


def _write(path: Path, content: Catalog) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        write_po(file, content, width=120, omit_header=False, no_location=True)


@i18n_app.command()
def compile() -> None:
    """Compile the catalogues that have changed."""
    for domain, language in _kept():
        source = po_file(language, domain)
        target = source.with_suffix(".mo")
        if source.exists() and (not target.exists() or target.stat().st_mtime < source.stat().st_mtime):
            target.write_bytes(compile_po(source))


@i18n_app.command()
def check() -> None:
    """Check that templates are up to date and all pages are translated. Exit code 1 otherwise."""
    listed = list(problems())
    for problem in listed:
        typer.echo(problem, err=True)
    if listed:
        raise typer.Exit(1)


_READERS: Final = {PERSON: "people who ask for help", STAFF: "coordinators, partners and members"}


def _translated(language: str, domain: str) -> Catalog:
    """The catalogue of a language. Ends the command with a sentence: unknown, the source, or not there."""
    if language not in LANGUAGES or language == "en" or domain not in DOMAINS:
        typer.echo(
            f"Choose one of {', '.join(code for code in LANGUAGES if code != 'en')}; English is the source.", err=True
        )
        raise typer.Exit(2)
    if not po_file(language, domain).exists():
        typer.echo(f"There is no catalogue of {domain!r} in this language yet.", err=True)
        raise typer.Exit(2)
    return catalogue(language, domain)


Language = Annotated[str, typer.Argument(metavar="LANG", help="The language, such as lt.")]
Domain = Annotated[str, typer.Option(help="The catalogue: messages (the person's pages) or staff.")]


@i18n_app.command()
def review(
    language: Language,
    apply: Annotated[
        Path | None, typer.Option(help="Apply the corrections in this file, which a reader has saved.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file to write.")] = None,
    domain: Domain = PERSON,
) -> None:
    """Make one HTML file in which a native reader reads and corrects every message; or apply the corrections in such a file.

    With --apply it prints what was changed, and in full what was not, and why. Exit code 1: something was not applied.
    """
    content = _translated(language, domain)
    if apply is None:
        path = out or Path(f"pristan-review-{language}.html")
        signed = signatures.signed(signatures.read(signatures.file_of(po_file(language, domain))))
        places = reviews.places_of(located_messages(domain), entries(content), signed, language)
        name = str(Locale.parse(language).english_name)
        path.write_text(reviews.page(places, language, name, _READERS[domain], domain), encoding="utf-8")
        typer.echo(
            f"{path}: {sum(len(place.entries) for place in places)} messages. It needs no network and no other file."
        )
        return
    outcome = reviews.apply(_answers(apply, language, domain), entries(content))
    for message, forms in outcome.changed.items():
        content.get(message).string = forms[0] if isinstance(message, str) else forms  # type: ignore[union-attr]
        typer.echo(f"changed: “{_short(message)}”")
    if outcome.changed:
        write(language, content, domain)
    for title, lines in (("not taken over", outcome.left), ("remark", outcome.notes)):
        for line in lines:
            typer.echo(f"{title}: {line}")
    typer.echo(
        f"{len(outcome.changed)} changed, {len(outcome.right)} read and right now, {len(outcome.left)} not taken over, "
        f"{len(outcome.notes)} remarks"
    )
    if outcome.left:
        raise typer.Exit(1)


def _answers(path: Path, language: str, domain: str) -> dict[str, reviews.ReviewAnswer]:
    try:
        with path.open("rb") as file:
            return reviews.read_answers(file.read(reviews.MOST_BYTES + 1), language, domain)
    except (OSError, reviews.NotAReview) as error:
        typer.echo(f"{path.name}: {error if isinstance(error, reviews.NotAReview) else 'cannot be read'}", err=True)
        raise typer.Exit(2) from None


@i18n_app.command()
def sign(
    language: Language,
    by: Annotated[str, typer.Option(help="The name under which it is recorded; it can be an invented one.")],
    read: Annotated[
        Path | None,
        typer.Option(help="Sign only the messages that are ticked as right or corrected in this saved file."),
    ] = None,
    domain: Domain = PERSON,
) -> None:
    """Record that a native reader has read a catalogue and found it right. A message that is changed later is a draft again."""
    content = _translated(language, domain)
    only = None
    if read is not None:
        outcome = reviews.apply(_answers(read, language, domain), entries(content))
        if outcome.changed:
            typer.echo(f"Apply the corrections in this file first: pristan i18n review {language} --apply", err=True)
            raise typer.Exit(1)
        only = outcome.right
    path = signatures.file_of(po_file(language, domain))
    try:
        new = signatures.sign(signatures.read(path), entries(content), by=by, on=datetime.now(UTC).date(), only=only)
    except (ValueError, signatures.NotSigned) as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(1) from None
    signatures.write(path, new)
    write(language, content, domain)
    typer.echo(f"{len(new[-1].messages)} messages signed by {by}; digest {new[-1].digest}")
    typer.echo(state_line(language, content, domain))


@i18n_app.command()
def state() -> None:
    """Print which part of each catalogue is signed."""
    for language in LANGUAGES:
        for domain in DOMAINS:
            if language != "en" and po_file(language, domain).exists():
                typer.echo(f"{language} {domain}: {state_line(language, catalogue(language, domain), domain)}")


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
