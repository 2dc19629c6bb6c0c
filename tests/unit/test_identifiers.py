"""The same person, written in another way, is folded to the same identifier; different people are not."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core import identifiers
from app.core.identifiers import Kind


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Елена Смирнова", "Elena Smirnova"),
        ("Yelena Smirnova", "Смирнова Елена"),
        ("Алёна", "Aliona"),
        ("Алёна", "Alyona"),
        ("Григорій", "Hryhorii"),
        ("Григорий", "Grigory"),
        ("Сяргей", "Siargei"),
        ("Щербакова", "Shcherbakova"),
        ("Чайковский", "Chaikovskii"),
        ("Žukauskas", "Zhukauskas"),
        ("Иван Иванов", "ივან ივანოვ"),
        ("Łukasz", "Lukasz"),
        ("Анна-Мария", "Мария Анна"),
        ("МИХАИЛ", "михаил"),
        ("Ольга", "Olga"),
        ("Schmidt", "Шмидт"),
    ],
)
def test_one_name_in_two_spellings(one: str, other: str) -> None:
    assert identifiers.name(one) == identifiers.name(other)


@pytest.mark.parametrize(
    ("one", "other"), [("Анна", "Инна"), ("Иван Петров", "Пётр Иванов"), ("Олег", "Ольга"), ("Sova", "Savva")]
)
def test_different_names_stay_apart(one: str, other: str) -> None:
    assert identifiers.name(one) != identifiers.name(other)


@pytest.mark.parametrize(
    "written",
    ["+48 600 100 200", "0048600100200", "600-100-200", "(600) 100 200", "+48600100200", "６００ １００ ２００"],
)
def test_one_phone_number_in_several_ways(written: str) -> None:
    found = identifiers.of_contact("phone", written, "PL")
    assert found is not None
    assert (found.kind, found.text) == (Kind.PHONE, "+48600100200")
    assert identifiers.of_contact("signal", written, "PL") == found
    assert identifiers.of_contact("whatsapp", written, "PL") == found


@pytest.mark.parametrize("written", ["@Sova_1", "sova_1", "https://t.me/sova_1", "t.me/Sova_1?start=1"])
def test_one_user_name_in_several_ways(written: str) -> None:
    assert identifiers.of_contact("telegram", written, "PL") == identifiers.handle("sova_1")


def test_one_address_in_several_ways() -> None:
    assert identifiers.email("Sova+pl@Example.org") == identifiers.email("sova@example.org")
    assert identifiers.email("no address") is None


def test_the_number_itself_has_no_address() -> None:
    assert identifiers.of_contact("number", "", "PL") is None
    assert identifiers.of_contact("number", "whatever", "PL") is None


def test_a_first_name_alone_is_weak_and_hidden_in_any_case() -> None:
    first, whole = identifiers.name("Сова"), identifiers.name("Елена Смирнова")
    assert first is not None
    assert whole is not None
    assert not first.strong
    assert whole.strong
    assert "elena" not in repr(whole)


@given(st.text(max_size=400), st.sampled_from(["signal", "whatsapp", "telegram", "email", "phone", "number"]))
def test_anything_can_be_folded_and_always_to_the_same(text: str, channel: str) -> None:
    assert identifiers.of_contact(channel, text, "GE") == identifiers.of_contact(channel, text, "GE")
    folded = identifiers.name(text)
    assert folded == identifiers.name(text)
    if folded is not None:
        words = folded.text.split(" ")
        assert words == sorted(set(words))
        assert all(re.fullmatch("[a-z0-9]{2,}", word) for word in words), "what is hashed is plain, whatever was typed"


@given(
    st.lists(st.text(alphabet=string.ascii_letters + "абвгдеёжзийклмнопрстуфхцчшщъыьэюяґєіїў", min_size=1), max_size=5)
)
def test_capitals_spaces_and_the_order_of_words_make_no_other_person(words: list[str]) -> None:
    """That a fold is folded once more is promised by nobody: `sg` comes to `sh`, as both sides write it, and `sh` to 1."""
    folded = identifiers.name(" ".join(words))
    assert identifiers.name("  ".join(reversed(words)).upper()) == folded
    assert identifiers.name("-".join(words).lower()) == folded
