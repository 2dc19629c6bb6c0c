"""Which passphrases are hard enough to guess, and what a phone's keyboard may add."""

import pytest

from app.staff import passphrases


@pytest.mark.parametrize(
    "weak",
    [
        "password1234",
        "Qwertyuiop123",
        "qazwsxedcrfv",
        "iloveyou2024!!",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijkl",
        "parol12345678",
        "Пароль123456",
        "йцукенгшщзхъ",
        "навальный2024",
        "vera-coordinator",
        "мамамамамама",
        "short",
        " " * 40,
    ],
)
def test_what_others_try_first_is_refused(weak: str) -> None:
    assert passphrases.weakness(weak, "vera", "coordinator")


@pytest.mark.parametrize(
    "strong",
    [
        "four quite different words",
        "летом снег не идёт никогда",
        "x7#kQ9!vLm2$",
        "amber-birch-cloud-delta-4711",
    ],
)
def test_what_takes_long_to_guess_is_taken(strong: str) -> None:
    assert passphrases.weakness(strong, "vera") == ""


def test_what_is_offered_is_strong_and_never_the_same() -> None:
    offered = {passphrases.suggestion() for _ in range(20)}
    assert len(offered) == 20
    for words in offered:
        assert len(words.split()) == passphrases.WORDS
        assert passphrases.weakness(words) == ""
        assert passphrases.normalised(words) == words


@pytest.mark.parametrize("typed", ["Four words here", "four words here ", " four words here", "Four words here  "])
def test_a_capital_at_the_beginning_and_outer_spaces_do_not_matter(typed: str) -> None:
    assert passphrases.normalised(typed) == "four words here"


@pytest.mark.parametrize(
    "typed",
    [
        "it's four-words here",
        "It’s four–words  here",
        "it‘s four\u2011words\u00a0here",
        "it's\u200b four—words here\ufeff",
    ],
)
def test_smart_signs_of_a_phone_do_not_matter(typed: str) -> None:
    assert passphrases.normalised(typed) == "it's four-words here"
    assert passphrases.normalised("four–words here", form=1) == "four–words here", (
        "one that was set before counts as it did"
    )


def test_a_long_one_counts_to_its_last_character() -> None:
    long = " ".join([passphrases.suggestion(), passphrases.suggestion(), passphrases.suggestion()])
    assert len(long) > 64
    assert passphrases.weakness(long) == ""
    assert passphrases.normalised(long) == long
    assert passphrases.normalised(long + "x") != passphrases.normalised(long)


def test_everything_else_matters() -> None:
    assert passphrases.normalised("four Words here") != passphrases.normalised("four words here")
