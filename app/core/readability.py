"""How hard a sentence is to read, the same way in every language: Björnsson's LIX, made of lengths alone.

LIX = words a sentence + 100 × the share of words of more than six letters. Up to 40 reads easily, 50 is a newspaper, 60 an
office. Languages with long words score higher for the same thought, so sentences are compared within one language.
"""

import re
from dataclasses import dataclass
from typing import Final

LONG_WORD: Final = 6
LONGEST_SENTENCE: Final = 20
"""Words. Somebody who is afraid, tired and on a phone loses the thread of a longer one."""
_SENTENCE: Final = re.compile(r"[.!?:;…]+(?:\s|$)")
_WORD: Final = re.compile(r"[^\W\d_]+(?:[’'-][^\W\d_]+)*")
_FIELD: Final = re.compile(r"\{\w+\}")


@dataclass(frozen=True, slots=True)
class Score:
    """`longest`: words of the longest sentence."""

    lix: float
    longest: int


def score(text: str) -> Score:
    """Of one message. Fields count as one short word, for a name stands there."""
    sentences = [_WORD.findall(part) for part in _SENTENCE.split(_FIELD.sub("x", text))]
    sentences = [words for words in sentences if words]
    words = [word for sentence in sentences for word in sentence]
    if not words:
        return Score(0.0, 0)
    long_words = sum(len(word) > LONG_WORD for word in words)
    return Score(round(len(words) / len(sentences) + 100 * long_words / len(words), 1), max(map(len, sentences)))
