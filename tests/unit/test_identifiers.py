"""The same person, written in another way, is folded to the same identifier; different people are not."""

import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.client import conflicts
from app.core import identifiers
from app.core.identifiers import IdentifierKind


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
    [
        "+48 600 100 200", "0048600100200", "600-100-200", "(600) 100 200", "+48600100200", "６００ １００ ２００",
        "48600100200", "тел. +48 600 100 200 (Аня)", "\u202a+48 600\u200b100 200\u202c", "https://wa.me/48600100200",
    ],
)  # fmt: skip
@pytest.mark.parametrize("channel", ["phone", "signal", "whatsapp"])
def test_one_phone_number_in_several_ways(written: str, channel: str) -> None:
    if channel == "signal" and re.search(r"[^\W\d_]", written):
        return  # a user name of Signal may have letters
    assert identifiers.Identifier(IdentifierKind.PHONE, "+48600100200") in identifiers.of_contact(
        channel, written, "PL"
    )


@pytest.mark.parametrize("country", ["PL", "LT", "GE", "DE"])
@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("8 916 123-45-67", "+79161234567"), ("79161234567", "+79161234567"), ("+7 (916) 123-45-67", "+79161234567"),
        ("8(916)1234567", "+79161234567"), ("007 916 123 45 67", "+79161234567"), ("8 10 7 916 123 45 67", "+79161234567"),
        ("моб. 8-916-123-45-67, вечером", "+79161234567"), ("wa.me/79161234567", "+79161234567"),
        ("8 (029) 123-45-67", "+375291234567"), ("8 029 123-45-67", "+375291234567"), ("80 29 123 45 67", "+375291234567"),
        ("375291234567", "+375291234567"), ("+375 29 123 45 67", "+375291234567"), ("00375291234567", "+375291234567"),
        ("tel:+7-916-123-45-67;ext=5", "+79161234567"), ("8 495 123 45 67 #12", "+74951234567"), ("89161234567.0", "+79161234567"),
        ("+7 9I6 I23-45-67", "+79161234567"), ("8 9О6 123 45 67", "+79061234567"), ("+48 0 600 100 200", "+48600100200"),
        ("+7 (8916) 123-45-67", "+79161234567"), ("0375291234567", "+375291234567"), ("8 067 123-45-67", "+380671234567"),
        ("+375 (8 029) 123-45-67", "+375291234567"), ("=\"+79161234567\"", "+79161234567"), ("+89161234567", "+79161234567"),
        ("viber://chat?number=%2B79161234567", "+79161234567"), ("011 7 916 123 45 67", "+79161234567"),
        ("8 701 123 45 67", "+77011234567"), ("+49 (0) 151 23456789", "+4915123456789"),
    ],
)  # fmt: skip
def test_a_number_as_it_is_written_at_home_is_recognised_in_every_host_country(
    written: str, number: str, country: str
) -> None:
    assert number in {found.text for found in identifiers.phones(written, country)}


def test_a_number_with_its_country_code_has_one_reading() -> None:
    for written in ("+7 916 123-45-67", "00375 29 123 45 67", "wa.me/48600100200", "+7 701 123 45 67"):
        assert len(identifiers.phones(written, "DE")) == 1


@pytest.mark.parametrize(
    "written",
    [
        "+7 916 123-45-67, +375 29 123-45-67", "+7 916 123-45-67 / +375 29 123-45-67", "+79161234567 +375291234567",
        "8 916 123-45-67; 8 029 123-45-67", "8 916 123-45-67 или 8 029 123-45-67", "89161234567 80291234567",
        "8 916 123 45 67 8 029 123 45 67", "8 916 123 45 67 (жена 8 029 123 45 67)",
    ],
)  # fmt: skip
def test_two_numbers_in_one_field_are_both_read(written: str) -> None:
    assert {"+79161234567", "+375291234567"} <= {found.text for found in identifiers.phones(written, "PL")}


@pytest.mark.parametrize("written", ["+7 916 123-45-67/68", "8 (916) 123-45-67 (68)", "+7 916 123 45 67, 68"])
def test_the_last_digits_of_a_second_number_are_read(written: str) -> None:
    assert {"+79161234567", "+79161234568"} <= {found.text for found in identifiers.phones(written, "PL")}


@pytest.mark.parametrize("written", ["000000", "+00000000", "1111111", "12345", "", "нет"])
def test_what_is_no_number_identifies_nobody(written: str) -> None:
    assert identifiers.phones(written, "PL") == []


@pytest.mark.parametrize(
    "written",
    [
        "@Sova_1", "sova_1", "https://t.me/sova_1", "t.me/Sova_1?start=1", "https://telegram.me/sova_1", "sova_1.t.me",
        "tg://resolve?domain=Sova_1", "@sova_1\u200b", "\u200e@sova_1", "телеграм @sova_1", "Telegram: sova_1", "тг sova_1",
        "tg:resolve?domain=sova_1", "https://web.telegram.org/k/#@sova_1", "t.me//sova_1", "https://t.me/sova_1#", "«@sova_1»",
        "(@sova_1)", "Телега: sova_1", "в телеграме @sova_1", "telegram=sova_1", "sova_1 (tg)", "sova_1 в телеграме",
        "<https://t.me/sova_1>", "[Сова](https://t.me/sova_1)", "мой ник в телеграме sova_1", "telegram@sova_1",
    ],
)  # fmt: skip
def test_one_user_name_in_several_ways(written: str) -> None:
    assert identifiers.of_contact("telegram", written, "PL") == [identifiers.handle("sova_1")]


def test_a_name_of_signal_keeps_its_digits_and_an_empty_one_is_none() -> None:
    found = identifiers.handle("Sova.01")
    assert found is not None
    assert found.text == "sova.01"
    assert [identifiers.handle(text) for text in ("@", "000000", "\u200b", "t.me/")] == [None] * 4
    assert [identifiers.handle(text) for text in ("телеграм", "Telegram:", "tg://resolve?domain=")] == [None] * 3
    assert identifiers.handle("sova.01 (Signal)") == identifiers.handle("signal.me/#u/sova.01") == found


def test_two_user_names_in_one_field_are_both_read_and_a_link_to_a_number_is_a_number() -> None:
    sova, filin = identifiers.handle("sova_1"), identifiers.handle("filin_2")
    for written in ("@sova_1 @filin_2", "@sova_1, t.me/filin_2", "https://t.me/sova_1 https://t.me/filin_2"):
        assert identifiers.of_contact("telegram", written, "PL") == [sova, filin]
    assert identifiers.of_contact("telegram", "@sova_1 или напишите маме", "PL") == [sova]
    for channel, link in (("telegram", "https://t.me/+79161234567"), ("signal", "https://signal.me/#p/+79161234567")):
        assert [found.text for found in identifiers.of_contact(channel, link, "DE")] == ["+79161234567"]


@pytest.mark.parametrize(
    "written", ["нет", "no", "няма", "None", "t.me/joinchat/AAAA", "tg://user?id=1234", "username"]
)
def test_no_name_and_a_link_that_leads_to_nobody_join_no_two_people(written: str) -> None:
    assert identifiers.of_contact("telegram", written, "PL") == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("i.van.demo@gmail.com", "IvanDemo+x@googlemail.com"), ("ivan.demo@yandex.ru", "ivan-demo@ya.ru"),
        ("ivan@pm.me", "i.v_an@protonmail.com"),
    ],
)  # fmt: skip
def test_one_box_of_a_provider_under_its_addresses(one: str, other: str) -> None:
    assert set(identifiers.emails(one)) & set(identifiers.emails(other))
    assert identifiers.email(one) in identifiers.emails(one), "what was hashed before is found"
    assert not set(identifiers.emails("i.van@mail.ru")) & set(identifiers.emails("ivan@mail.ru"))


@pytest.mark.parametrize(
    "written",
    [
        "ivan@example.org",
        "mailto:Ivan@example.org",
        "ivan@example.org.",
        "Иван <ivan@example.org>",
        "ivan\u200b@example.org",
        "e-mail: ivan@example.org",
        "почта ivan@example.org (рабочая)",
        "ivan @example.org",
        "«ivan@example.org»",
        "mailto://ivan@example.org",
        "ivan@example.org!",
    ],
)
def test_one_address_with_what_comes_with_it(written: str) -> None:
    assert identifiers.email(written) == identifiers.email("ivan@example.org") is not None
    kept = identifiers.written_address("email", written)
    assert kept.lower() == "ivan@example.org", "a notice is sent to the address alone"


def test_a_domain_in_its_letters_and_in_punycode_is_one() -> None:
    assert identifiers.email("ivan@почта.рф") == identifiers.email("ivan@xn--80a1acny.xn--p1ai") is not None


@pytest.mark.parametrize("sign", [",", ";", "\t"])
def test_a_conflict_list_is_read_as_spreadsheets_write_it(sign: str) -> None:
    lines = [
        sign.join(("name", "phone")),
        sign.join(("Иван Иванов", "8 916 123-45-67")),
        sign.join(("", "7.91612E+10")),
    ]
    parsed = conflicts.read(lines, "PL")
    assert identifiers.Identifier(IdentifierKind.PHONE, "+79161234567") in parsed.identifiers
    assert identifiers.name("Иван Иванов") in parsed.identifiers
    assert parsed.skipped == (3,), "a rounded number is nobody's, and is reported"


def test_one_address_in_several_ways() -> None:
    assert identifiers.email("Sova+pl@Example.org") == identifiers.email("sova@example.org")
    assert identifiers.email("no address") is None


def test_the_number_itself_has_no_address() -> None:
    assert identifiers.of_contact("number", "", "PL") == []
    assert identifiers.of_contact("number", "whatever", "PL") == []


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
