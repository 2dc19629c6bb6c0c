"""Words for people who are afraid and tired: short sentences in every language."""

import pytest

from app.cli import i18n
from app.core.i18n import LANGUAGES
from app.core.readability import LONGEST_SENTENCE, Score, score


def test_a_sentence_is_scored_by_its_length_and_its_long_words() -> None:
    assert score("We read it. You come back.") == Score(3.0, 3)
    assert score("Administrative proceedings continue.") == Score(103.0, 3)
    assert score("Come back with {number} words in {country}") == Score(7.0, 7)
    assert score("2026: 112!") == Score(0.0, 0)
    assert score("Пришёл отказ; срок — неделя.").longest == 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_sentence_is_longer_than_twenty_words(language: str) -> None:
    too_long = [(one.longest, text) for one, text in i18n.scores(language) if one.longest > LONGEST_SENTENCE]
    assert too_long == []


def test_the_worst_come_first() -> None:
    lix = [one.lix for one, _text in i18n.scores("ru")]
    assert lix == sorted(lix, reverse=True)
    assert len(lix) == len(i18n.messages())
