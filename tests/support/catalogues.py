"""Watches which messages the pages ask for, and which of these no catalogue has."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
from babel.messages.pofile import read_po

from app.cli.i18n import template_file
from app.core.i18n import PERSON, STAFF, Translatable, Translator


@cache
def messages_of(domain: str) -> frozenset[Any]:
    """The messages that pages of this domain can be shown in: staff pages share some with the person's."""
    with template_file(domain).open("rb") as file:
        own = frozenset(entry.id for entry in read_po(file) if entry.id)
    return own | messages_of(PERSON) if domain == STAFF else own


@contextmanager
def missing_messages() -> Iterator[set[str]]:
    """Collects what is asked for while this is open and stands in no catalogue: it would be shown in English for ever."""
    missing: set[str] = set()
    text, plural = Translator.text, Translator.plural

    def watched_text(self: Translator, message: str, **params: object) -> str:
        known = message.message if isinstance(message, Translatable) else message
        if known and known not in messages_of(self.domain):
            missing.add(f"{self.domain}: {known}")
        return text(self, message, **params)

    def watched_plural(self: Translator, one: str, many: str, n: int, **params: object) -> str:
        if (one, many) not in messages_of(self.domain):
            missing.add(f"{self.domain}: {one}")
        return plural(self, one, many, n, **params)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Translator, "text", watched_text)
        patch.setattr(Translator, "plural", watched_plural)
        yield missing
