"""The English of the screens is plain: turns that a native reader stumbles over do not come back, in no message domain."""

import re
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from tests.architecture.test_tracked_files import texts

LOCALES = Path(__file__).parents[2] / "app" / "locales"
TEMPLATES = sorted(LOCALES.rglob("*.pot"))
BANNED = {
    "can not": r"\bcan not\b",  # cannot
    "all the same": r"\ball the same\b",  # anyway
    "surely": r"\bsurely\b",  # definitely, or nothing
    "anew": r"\banew\b",  # again
    "at once": r"\bat once\b",  # straight away
    "tell of": r"\b(?:tell|tells|told|telling) of\b",  # report
    "stands below": r"\bstands? (?:below|above|beside|behind|against|in)\b",  # is
    "whom it": r"\bwhom it\b",
    "not even we": r"\bnot even we\b",  # not even us
    "locked": r"\blocked (?:before|when|with)\b",  # encrypted
    "by our count": r"\bby our count\b",  # an estimate
    "last safe day": r"\blast safe day\b",  # the deadline
    "opens nothing": r"\bopens nothing\b",  # no longer works
    "take back a yes": r"\btakes? back a yes\b",  # withdraw your agreement
    "reckoning": r"\breckon",  # estimate
    "next-best": r"\bnext-best\b",  # next best
}


# In code, comments, data and docs too. "honeytoken" is the one word for a made-up case that raises an alarm.
BANNED_EVERYWHERE = re.compile(r"\b(?:can not|anew|reckon\w*|decoys?)\b", re.IGNORECASE)
SOURCES = (".py", ".md", ".html", ".yaml", ".toml", ".js")
THIS_FILE = "tests/architecture/test_plain_english.py"


def sentences(template: Path) -> list[str]:
    with template.open("rb") as file:
        found = [entry.id for entry in read_po(file) if entry.id]
    return [form for entry in found for form in ([entry] if isinstance(entry, str) else entry)]


def stumbles(sentence: str) -> list[str]:
    return [name for name, pattern in BANNED.items() if re.search(pattern, sentence, re.IGNORECASE)]


def test_there_are_messages_to_read() -> None:
    assert TEMPLATES
    assert all(len(sentences(template)) > 100 for template in TEMPLATES)


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.stem)
def test_no_message_has_an_archaic_turn(template: Path) -> None:
    assert {sentence: stumbles(sentence) for sentence in sentences(template) if stumbles(sentence)} == {}


@pytest.mark.parametrize(
    ("sentence", "name"),
    [
        ("If you take back a yes, they can not read it any more.", "can not"),
        ("Send your request all the same.", "all the same"),
        ("By our count the last safe day is {day}.", "last safe day"),
        ("If we have a question, it stands below.", "stands below"),
        ("What you write is locked before it is stored.", "locked"),
        ("Nobody can find your request, not even we.", "not even we"),
    ],
)
def test_the_turns_are_recognised(sentence: str, name: str) -> None:
    assert name in stumbles(sentence)


def test_plain_sentences_pass() -> None:
    assert (
        stumbles("We cannot recover it. This cannot be undone, and your number will stop working straight away.") == []
    )


def test_no_tracked_text_has_an_archaic_turn() -> None:
    read = [(name, text) for name, text in texts() if name.endswith(SOURCES) and name != THIS_FILE]
    assert len(read) > 500
    assert [(name, match[0]) for name, text in read for match in BANNED_EVERYWHERE.finditer(text)] == []
