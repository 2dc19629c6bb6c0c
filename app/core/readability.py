"""Readability of a text in any language: Björnsson's LIX, which needs only the lengths of words and sentences.

LIX = words per sentence + 100 × the share of words with more than six letters. Up to 40 is easy to read, 50 is a newspaper, 60 an
official letter. Languages with long words score higher for the same content, so texts are compared within one language.
"""

import re
from dataclasses import dataclass
from typing import Final

LONG_WORD: Final = 6
LONGEST_SENTENCE: Final = 20
"""In words. Somebody who is afraid, tired and on a phone cannot follow a longer one."""
_SENTENCE: Final = re.compile(r"[.!?:;…]+(?:\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")
_FIELD: Final = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Score:
    """The readability of a text. `longest`: the number of words of its longest sentence."""

    lix: float
    longest: int


def score(text: str) -> Score:
    """The score of one message. A `{field}` counts as one short word."""
    sentences = [_WORD.findall(part) for part in _SENTENCE.split(_FIELD.sub("x", text))]
    sentences = [words for words in sentences if words]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return Score(0.0, 0)
    long_words = sum(len(word) > LONG_WORD for word in words)
    return Score(round(len(words) / len(sentences) + 100 * long_words / len(words), 1), max(map(len, sentences)))
