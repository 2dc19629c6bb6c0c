"""One HTML file with every message of a catalogue, for a native reader without our tools; and the same file read back.

The file asks nobody for anything. Its own script saves it again with the answers in a block of JSON; without scripts it can be
read, printed and written on. What comes back is checked like a stranger's input.
"""

import base64
import csv
import gettext
import hashlib
import json
import re
import string
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import count
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from app.cli import translation_signatures as signatures
from app.cli.translation_signatures import Message
from app.core.i18n import OWN_NAMES, plural_forms

_HERE: Final = Path(__file__).resolve().parent
_APP: Final = _HERE.parent
GLOSSARY: Final = _APP / "locales" / "glossary.csv"
MOST_BYTES: Final = 20_000_000
LONGEST: Final = 4_000
"""Characters of one translation."""
_TAGS: Final = re.compile(r"</?[a-z][^<>]*>")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]")


class NotAReview(Exception):
    """The file is not one that this program made; the text says why."""


@dataclass(frozen=True, slots=True)
class ReviewEntry:
    """One message as a reader sees it. `key` names the message, `was` also its present translation."""

    number: int
    key: str
    was: str
    line: int
    others: list[str]
    source: tuple[str, ...]
    now: tuple[str, ...]
    examples: list[str]
    terms: list[tuple[str, str]]
    signed: bool


@dataclass(frozen=True, slots=True)
class MessageFile:
    """A file of the program in which messages stand, and the purpose of that file."""

    path: str
    title: str
    entries: list[ReviewEntry] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ReviewAnswer:
    """A reader's answer about one message: better forms ("" keeps the present one), that it is right, a remark."""

    was: str
    right: bool
    forms: tuple[str, ...]
    note: str


@dataclass(frozen=True, slots=True)
class ReviewOutcome:
    """The result of applying the answers. `left`: those that were not applied, each with the reason and its full text."""

    changed: dict[Message, tuple[str, ...]]
    right: list[str]
    left: list[str]
    notes: list[str]


def forms_of(message: Message) -> tuple[str, ...]:
    return (message,) if isinstance(message, str) else message


def plural_examples(language: str) -> list[str]:
    """For each plural form of a language some numbers that take it, like "1, 21, 31"."""
    forms, rule = plural_forms(language)
    select = gettext.c2py(rule)
    numbers: list[list[int]] = [[] for _ in range(forms)]
    for number in range(1, 1001):
        if len(numbers[select(number)]) < 3:
            numbers[select(number)].append(number)
    return [", ".join(map(str, some)) for some in numbers]


def glossary_terms(language: str) -> list[tuple[re.Pattern[str], str, str]]:
    """The terms of the glossary: a pattern that finds the English one, that term, and the one of this language."""
    terms = []
    with GLOSSARY.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if not row[language]:
                continue
            words = [re.sub(r"\s*\(.*?\)", "", word).strip() for word in row["en"].split("/")]
            found = "|".join(re.escape(word) + "(?:e?s)?" for word in words if word)
            terms.append((re.compile(rf"\b(?:{found})\b", re.IGNORECASE), row["en"], row[language]))
    return terms


def title_of(path: str) -> str:
    """The purpose of a file of the program, in words: a page's title, the first sentence of its comment, or of its docstring."""
    text = (_APP / path).read_text(encoding="utf-8")
    if path.endswith(".html"):
        comment = re.search(r"\{#-?\s*(.+?)(?: Context:| Needs:|\s*-?#\})", text, re.DOTALL)
        titles = re.search(r"\{% block title %\}(.*?)\{% endblock %\}", text, re.DOTALL)
        said = re.findall(r"_\(\"([^\"]+)\"", titles[1]) if titles else []
        title = next((one for one in said if not one.startswith("Error")), "")
        return f"Page: {title}" if title else (comment[1].strip().rstrip(".") if comment else Path(path).stem)
    if path.endswith(".py"):
        docstring = re.match(r'"""(.+?)(?:\.\s|\.?""")', text, re.DOTALL)
        return re.sub(r"\s+", " ", docstring[1]) if docstring else Path(path).stem
    parts = Path(path).parts
    return f"Country pack: {parts[-2]}, {Path(path).stem}" if len(parts) > 1 else Path(path).stem


def places_of(
    located: Mapping[Message, Sequence[tuple[str, int]]],
    translated: Mapping[Message, Sequence[str]],
    signed: frozenset[str],
    language: str,
) -> list[MessageFile]:
    """The messages by the file in which each stands first, in the order in which a translator reads them."""
    terms, examples, numbers = glossary_terms(language), plural_examples(language), count(1)
    places: dict[str, MessageFile] = {}
    for message, where in located.items():
        path, line = where[0]
        now = tuple(translated.get(message, ())) or ("",) * (1 if isinstance(message, str) else len(examples))
        was = signatures.digest_of(message, now)
        source = forms_of(message)
        others = dict.fromkeys(other for other, _line in where if other != path)
        entry = ReviewEntry(
            next(numbers), signatures.key_of(message), was, line, list(others), source, now, examples,
            [(english, term) for pattern, english, term in terms if any(map(pattern.search, source))], was in signed,
        )  # fmt: skip
        places.setdefault(path, MessageFile(path, title_of(path))).entries.append(entry)
    return list(places.values())


def page(places: Sequence[MessageFile], language: str, language_name: str, readers: str, domain: str) -> str:
    """The file for the reader."""
    script = (_HERE / "translation_review.js").read_text(encoding="utf-8").strip()
    template = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=False).from_string(
        (_HERE / "translation_review.html").read_text(encoding="utf-8")
    )
    listed = [entry for place in places for entry in place.entries]
    return template.render(
        places=places,
        entries=listed,
        drafts=sum(not entry.signed for entry in listed),
        language=language,
        language_name=language_name,
        own_name=OWN_NAMES[language],
        readers=readers,
        answers=_safe(json.dumps({"language": language, "domain": domain, "answers": {}})),
        script=_safe(script, is_script=True),
        script_digest=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
    )


def _safe(text: str, *, is_script: bool = False) -> Markup:
    """Text for a script element, in which no entities are read."""
    if is_script and "</" in text:
        raise ValueError("the script holds an end tag")
    return Markup(text if is_script else text.replace("<", "\\u003c"))  # noqa: S704  our own, and without a tag


class _AnswersBlock(HTMLParser):
    """Finds the block with the answers."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.blocks: list[str] = []
        self._inside = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag == "script" and ("id", "answers") in attrs
        if self._inside:
            self.blocks.append("")

    def handle_data(self, data: str) -> None:
        if self._inside:
            self.blocks[-1] += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "script":
            self._inside = False


def read_answers(content: bytes, language: str, domain: str) -> dict[str, ReviewAnswer]:
    """The answers in a file that came back, by the key of their message. Raises NotAReview."""
    if len(content) > MOST_BYTES:
        raise NotAReview(f"The file has more than {MOST_BYTES} bytes.")
    try:
        parser = _AnswersBlock()
        parser.feed(content.decode("utf-8-sig"))
        parser.close()
    except (UnicodeDecodeError, AssertionError, RecursionError):
        raise NotAReview("The file is not UTF-8 text.") from None
    if len(parser.blocks) != 1:
        raise NotAReview("There are no answers in this file. It has to be one that was saved with “Save my answers”.")
    try:
        stored = json.loads(parser.blocks[0])
        named, answers = (stored["language"], stored["domain"]), stored["answers"]
        parsed = {str(key): _answer(answer) for key, answer in answers.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise NotAReview("The answers in this file cannot be read.") from None
    if named != (language, domain):
        raise NotAReview(f"This file is about {named[0]!r} ({named[1]!r}), not about {language!r} ({domain!r}).")
    return parsed


def _answer(stored: Mapping[str, Any]) -> ReviewAnswer:
    forms = tuple(stored["forms"])
    if not all(isinstance(text, str) for text in (*forms, stored["note"], stored["was"])):
        raise TypeError
    return ReviewAnswer(stored["was"], stored["right"] is True, tuple(map(_unpadded, forms)), stored["note"].strip())


def _unpadded(text: str) -> str:
    return re.sub(r"\r\n?", "\n", text).strip()


def apply(answers: Mapping[str, ReviewAnswer], translated: Mapping[Message, Sequence[str]]) -> ReviewOutcome:
    """The changes from the answers. An answer that cannot be applied is returned in full, with the reason."""
    by_key = {signatures.key_of(message): message for message in translated}
    outcome = ReviewOutcome({}, [], [], [])
    for key, answer in answers.items():
        message = by_key.get(key)
        name = f"“{forms_of(message)[0][:60]}”" if message is not None else f"message {key}"
        if answer.note:
            outcome.notes.append(f"{name}: {answer.note}")
        wanted = any(answer.forms)
        present = tuple(translated[message]) if message is not None else ()
        new = tuple(form or old for form, old in zip(answer.forms, present, strict=False))
        reason = _why_not(message, answer, present, new)
        if reason is not None and (wanted or answer.right):
            outcome.left.append(f"{name}: {reason}" + "".join(f"\n    {form}" for form in answer.forms if form))
        elif message is not None and reason is None:
            if wanted and new != present:
                outcome.changed[message] = new
            if answer.right or wanted:
                outcome.right.append(key)
    return outcome


def _why_not(
    message: Message | None, answer: ReviewAnswer, present: tuple[str, ...], new: tuple[str, ...]
) -> str | None:
    """Why an answer cannot be applied; None: it can."""
    if message is None:
        return "this message is no longer used"
    if len(answer.forms) != len(present):
        return "the number of plural forms is another one now"
    is_known = answer.was == signatures.digest_of(message, present)
    if not is_known and (new != present or not any(answer.forms)):
        return "the translation has changed since this file was made"
    return next((reason for form in new if (reason := wrong_with(form, forms_of(message))) is not None), None)


def wrong_with(text: str, source: Iterable[str]) -> str | None:
    """The formal fault of a translation, such as a missing placeholder; None: it has none."""
    wanted = list(source)[-1]
    try:
        named = _fields(text)
    except ValueError:
        return "a brace { or } stands alone"
    unseen = _CONTROL.search(text) or any(0xD800 <= ord(sign) <= 0xDFFF for sign in text)
    is_lone = re.search(r"[<>]", _TAGS.sub("", text)) and not re.search(r"[<>]", _TAGS.sub("", wanted))
    checks = {
        f"longer than {LONGEST} characters": len(text) > LONGEST,
        "it holds a sign that cannot be seen": unseen,
        f"the words in braces have to be {' '.join(_fields(wanted)) or 'none'}": named != _fields(wanted),
        "the marks in angle brackets are others": sorted(_TAGS.findall(text)) != sorted(_TAGS.findall(wanted)),
        "an angle bracket stands alone": is_lone,
    }
    return next((reason for reason, is_wrong in checks.items() if is_wrong), None)


def _fields(text: str) -> list[str]:
    """The fields of a message, as they are written. Raises ValueError."""
    found = set()
    for _literal, name, form, conversion in string.Formatter().parse(text):
        if name is not None:
            found.add("{" + name + (f"!{conversion}" if conversion else "") + (f":{form}" if form else "") + "}")
    return sorted(found)
