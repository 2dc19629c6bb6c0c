"""The words of a page in plain Latin letters: on a page in the pseudo-locale, what did not come through a translation."""

import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from selectolax.lexbor import LexborHTMLParser

_READ_OUT: Final = ("alt", "aria-label", "data-name", "label", "placeholder", "title")
_NOT_SHOWN: Final = frozenset({"script", "style", "template", "noscript"})
_WORD: Final = re.compile(r"(?<![^\W\d_])[A-Za-z]{2,}(?![^\W\d_])")
_CODES: Final = re.compile(
    r"https?://\S+|otpauth:\S+|\S+@\S+|\b[\w-]+/[\w/-]+|\b[A-Z]-?[0-9A-Z]{3}-[0-9A-Z]{4}\b|\b[0-9A-Z]{3}-[0-9A-Z]{4}\b"
    r"|\b(?:[A-Z]{2}-[A-Z0-9]{1,3}|UTC|CSV|XLSX|HSDS|YAML|TLS|HTTP|QR|PDF|API|JWK|IP|PIN|MB|ID|TOTP|OK)\b|\b[0-9a-f]{8,}\b"
    r"|\b[a-z]{2}(?:, [a-z]{2})+\b"
)


def _texts(html: str) -> Iterator[str]:
    tree = LexborHTMLParser(html)
    for node in tree.css("[translate=no], [lang]:not(html)"):
        node.decompose()
    for node in tree.css("*"):
        for name in _READ_OUT:
            if node.attributes.get(name):
                yield str(node.attributes[name])
        if node.tag == "button" and node.attributes.get("value") is None:
            continue
    for node in tree.root.traverse(include_text=True) if tree.root else ():
        if node.tag == "-text" and not _is_hidden(node):
            yield node.text_content or ""


def _is_hidden(node: Any) -> bool:
    parent = node.parent
    return parent is None or parent.tag in _NOT_SHOWN


def plain_words(html: str, data: Iterable[str] = ()) -> list[str]:
    """The texts of the page that have words in plain letters. `data`: texts that are shown as they are, such as names."""
    known = sorted({text for text in data if text}, key=len, reverse=True)
    found = []
    for text in _texts(html):
        rest = text
        for name in known:
            if name in rest:
                rest = rest.replace(name, " ")
        if _WORD.search(_CODES.sub(" ", rest)):
            found.append(" ".join(text.split()))
    return found
