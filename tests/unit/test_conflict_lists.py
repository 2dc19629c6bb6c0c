"""Conflict lists as people have them: what is understood is hashed, everything else is reported by its place and never hashed."""

import codecs
import datetime as dt
import io
from collections.abc import Callable

import pytest
import xlsxwriter

from app.client import conflicts
from app.client.conflicts import UnreadableListError
from app.core import identifiers
from app.core.identifiers import Identifier, IdentifierKind

LIST = "ФИО;Телефон;Почта\nИван Иванов;8 916 123-45-67;ivan@example.org\n"


def xlsx(*rows: tuple[object, ...]) -> bytes:
    book = xlsxwriter.Workbook(out := io.BytesIO(), {"in_memory": True, "default_date_format": "dd.mm.yyyy"})
    sheet = book.add_worksheet()
    for number, row in enumerate(rows):
        sheet.write_row(number, 0, row)
    book.close()
    return out.getvalue()


def whole(parsed: conflicts.ParsedList) -> bool:
    return parsed.problems == () and {
        Identifier(IdentifierKind.PHONE, "+79161234567"),
        identifiers.email("ivan@example.org"),
        identifiers.name("Иван Иванов"),
    } <= set(parsed.identifiers)


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (LIST.encode(), "utf-8"), (LIST.encode("utf-8-sig"), "utf-8"), (LIST.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + LIST.encode("utf-16-be"), "utf-16"), (LIST.encode("utf-16-le"), "utf-16-le"),
        (LIST.encode("cp1251"), "cp1251"), (LIST.encode("koi8-r"), "koi8-r"), (LIST.replace(";", "\t").encode(), "utf-8"),
        (LIST.replace(";", ",").replace("\n", "\r\n").encode(), "utf-8"), (b"sep=;\r\n" + LIST.encode("cp1251"), "cp1251"),
        (LIST.replace(";", "|").encode(), "utf-8"), (("Список 2026\n" + LIST).encode(), "utf-8"),
    ],
)  # fmt: skip
def test_a_text_is_read_in_the_encodings_and_with_the_separators_of_spreadsheets(content: bytes, encoding: str) -> None:
    parsed = conflicts.read_file(content, "PL")
    above = [str(problem) for problem in parsed.problems]
    assert above in ([], ["row 1, column A: above the headings"])
    assert {Identifier(IdentifierKind.PHONE, "+79161234567"), identifiers.name("Иван Иванов")} <= set(
        parsed.identifiers
    )
    assert parsed.encoding == encoding


def test_polish_and_lithuanian_letters_of_windows_are_not_read_as_russian_ones() -> None:
    for text, page in (("Nazwisko;Imię\nŁoś;Żaneta\n", "cp1250"), ("Pavardė;Vardas\nŽukauskas;Jonas\n", "cp1257")):
        parsed = conflicts.read_file(text.encode(page), "PL")
        last, first = text.splitlines()[1].split(";")
        assert identifiers.name(f"{first} {last}") in parsed.identifiers
        assert parsed.problems == ()


def test_a_quotation_mark_that_is_not_closed_swallows_no_rows_in_silence() -> None:
    with pytest.raises(UnreadableListError, match="quotation mark in row 2 is not closed"):
        conflicts.read(["name", '"Иван Петров', "Анна Попова", "Пётр Иванов"], "PL")
    closed = conflicts.read(["name;note", '"Анна Попова";"a\nb"', 'Иван Петров;5" high'], "PL")
    assert (closed.problems, closed.understood) == ((), {"name": 2})


@pytest.mark.parametrize("page", ["cp1251", "koi8-r", "koi8-u", "cp866", "iso8859-5", "mac-cyrillic"])
@pytest.mark.parametrize("in_case", [str, str.upper, str.lower])
def test_a_list_in_capitals_or_small_letters_only_is_read_in_its_code_page(
    page: str, in_case: Callable[[str], str]
) -> None:
    names = ["Анна Кузнецова", "Пётр Соколов", "Юлия Васильева", "Дмитрий Орлов", "Владимир Яковлев", "Елена Щербакова"]
    names = [name.replace("ё", "е") if page == "mac-cyrillic" else name for name in names]
    parsed = conflicts.read_file(in_case("\n".join(names)).encode(page), "PL")
    assert parsed.problems == ()
    assert set(parsed.identifiers) == {key for name in names for key in identifiers.names(in_case(name))}


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("ИВАН СОВА", "koi8-r"), ("Søren Holm", "cp1252"), ("Recep Erdoğan", "cp1254"), ("Ayşe Şahin", "cp1254"),
        ("Jānis Bērziņš", "cp1257"),
    ],
)  # fmt: skip
def test_letters_that_may_be_of_two_code_pages_are_asked_about_and_never_hashed(text: str, page: str) -> None:
    try:
        parsed = conflicts.read_file(text.encode(page), "PL")
    except UnreadableListError as error:
        assert "CSV in UTF-8" in str(error)  # noqa: PT017 - either it is asked about, or it is read as it was written
    else:
        assert set(parsed.identifiers) == set(identifiers.names(text))


def test_xlsx_is_read_and_numbers_are_what_was_typed() -> None:
    assert whole(
        conflicts.read_file(xlsx(("Name", "Phone", "Mail"), ("Ivanov, Ivan", 79161234567, "ivan@example.org")), "PL")
    )
    unclear = xlsx(("name", "phone"), ("Иван Иванов", dt.date(2026, 1, 2)), ("Пётр Петров", 7.5), ("Анна Попова", True))
    assert [str(problem) for problem in conflicts.read_file(unclear, "PL").problems] == [
        "row 2, column B: this cell is a date",
        "row 3, column B: this cell is a number with a fraction",
        "row 4, column B: this cell is true or false",
    ]


@pytest.mark.parametrize(
    "heading",
    [
        "Name,Phone number,E-mail address", "Full name,Mobile,E-Mail", "ФИО,Номер телефона,Электронная почта",
        "Имя и фамилия,Тел.,Почта",
        "Фамилия Имя Отчество,Мобильный,E-mail", "Прозвішча і імя,Тэлефон,Пошта", "Прізвище та ім'я,Телефон,Ел. пошта",
        "Прізвище та ім’я,Телефон,Эл. адрес",
        "Imię i nazwisko,Nr telefonu (telefon),Adres e-mail",
        "Vardas ir pavardė,Telefonas,El. paštas",
        "Vor- und Nachname,Telefon,E-Mail",
        "სახელი და გვარი,ტელეფონი,ელფოსტა", " NAME : ,PHONE*,email",
    ],
)  # fmt: skip
def test_headings_in_eight_languages_and_their_synonyms(heading: str) -> None:
    assert whole(conflicts.read([heading, "Иванов Иван,+7 916 123-45-67,ivan@example.org"], "PL"))


@pytest.mark.parametrize(
    "lines",
    [
        ["Фамилия;Имя;Отчество", "Иванов;Иван;Петрович"], ["Name;Vorname", "Иванов;Иван"],
        ["First name;Family name", "Иван;Иванов"],
        ["Ivanov, Ivan"], ["name", "\"Ivanov, Ivan\""], ["Иванов;Иван"], ["ФИО;Контакт", "Иван Иванов;@sova_1"],
    ],
)  # fmt: skip
def test_parts_of_a_name_are_put_together(lines: list[str]) -> None:
    parsed = conflicts.read(lines, "PL")
    assert parsed.problems == ()
    assert set(identifiers.names("Иван Иванов")[:1]) <= set(parsed.identifiers)


def test_a_title_above_the_headings_is_not_taken_for_them() -> None:
    for title in ("Список клиентов;;", "Контактные данные;;", "Clients 2026;;"):
        parsed = conflicts.read([title, "ФИО;Тел;E-mail", "Иванов Иван;8 916 123-45-67;ivan@example.org"], "PL")
        assert [str(problem) for problem in parsed.problems] == ["row 1, column A: above the headings"]
        assert parsed.understood == {"name": 1, "phone": 1, "email": 1}


def test_a_cell_under_no_heading_is_reported_and_the_number_of_a_row_is_not() -> None:
    parsed = conflicts.read([";name;", "1;Иван Иванов;+79161234567", "2;Анна Попова;"], "PL")
    assert [str(problem) for problem in parsed.problems] == ["row 2, column C: its column has no heading"]
    assert parsed.understood == {"name": 2}


def test_several_values_in_a_cell_are_all_read() -> None:
    lines = [
        "name,phone,email,telegram",
        '"Иван Иванов; Анна Попова","8 916 123-45-67, 8 029 123-45-67","a@example.org b@example.org","@sova_1; @filin_2"',
    ]
    parsed = conflicts.read(lines, "PL")
    assert parsed.problems == ()
    assert {Identifier(IdentifierKind.PHONE, "+79161234567"), Identifier(IdentifierKind.PHONE, "+375291234567")} <= set(
        parsed.identifiers
    )
    for one in (
        *(identifiers.email(f"{letter}@example.org") for letter in "ab"), identifiers.handle("sova_1"),
        identifiers.handle("filin_2"),
        *identifiers.names("Иван Иванов"), *identifiers.names("Анна Попова"),
    ):  # fmt: skip
        assert one in parsed.identifiers


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["name,phone", "Иван Иванов,7.91612E+10"], "row 2, column B: a spreadsheet has rounded this phone number"),
        (["name;phone", "Иван Иванов;7,91612E+10"], "row 2, column B: a spreadsheet has rounded this phone number"),
        (["name,phone", "Иван Иванов,000000"], "row 2, column B: this is no phone number"),
        (["name,email", "Иван Иванов,ivan at example"], "row 2, column B: this is no e-mail address"),
        (["name,telegram", "Иван Иванов,@"], "row 2, column B: this is no user name"),
        (["name", "Анна"], "row 2, column A: a name needs at least two words"),
        (["name", "ООО Ромашка"], "row 2, column A: this looks like an organisation; only people are compared"),
        (["name", "Дело 123 Иванов"], "row 2, column A: this is no name"),
        (["name", "Адвокат: Иван Иванов"], "row 2, column A: this is no name"),
        (["name", "Иван Петров???"], "row 2, column A: this is no name"),
        (["name", "!!python/object ['id']"], "row 2, column A: this is no name"),
        (["telegram", "https://t.me/joinchat/AAAA"], "row 2, column A: this is no user name"),
        (
            ["name,Кличка", "Иван Иванов,Сова Лесная"],
            "row 1, column B: this heading is not understood, and its column is not read",
        ),
        (["name,phone", "Иван Иванов,,+48600100200"], "row 2, column C: this cell is beyond the last heading"),
        (["name,note", ",видели в суде"], "row 2: nothing in a column that is understood"),
    ],
)
def test_what_is_not_understood_is_reported_by_its_place_and_never_hashed(lines: list[str], place: str) -> None:
    parsed = conflicts.read(lines, "PL")
    assert [str(problem) for problem in parsed.problems] == [place]
    assert set(parsed.identifiers) <= set(identifiers.names("Иван Иванов"))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\xef\xbb\xbf\n",
        b"PK\x03\x04cut off",
        b"\xd0\xcf\x11\xe0old",
        b"\x89PNG\r\n\x1a\n\x00\x01",
        xlsx(),
        xlsx(("name",))[:900],
    ],
)
def test_what_is_no_list_is_one_sentence(content: bytes) -> None:
    with pytest.raises(UnreadableListError, match=r"^it[^\n]+[^.]$"):
        conflicts.read_file(content, "PL")


def test_columns_are_lettered_as_a_spreadsheet_letters_them() -> None:
    letters = [conflicts._letter(place) for place in (0, 1, 25, 26, 51, 52, 701, 702)]
    assert letters == ["A", "B", "Z", "AA", "AZ", "BA", "ZZ", "AAA"]


@pytest.mark.parametrize(
    "content",
    ["Name;Vorname;Telefon\nIvanov;Ivan;+79161234567\n", "Name;Telefon\nIvan Ivanov;+79161234567\n"],
)
def test_a_name_is_a_surname_only_beside_a_first_name(content: str) -> None:
    parsed = conflicts.read_file(content.encode(), "DE")
    assert parsed.problems == ()
    assert identifiers.name("Ivan Ivanov") in parsed.identifiers


OF_WORDS = "ФИО;Телефон\nИванов Пётр Петрович;8 916 123-45-67\nШАХОВА АННА;8 903 111-22-33\n"


@pytest.mark.parametrize("page", ["cp1251", "koi8-r", "cp866", "iso8859-5", "mac-cyrillic"])
def test_the_code_page_of_a_list_is_told_by_its_words(page: str) -> None:
    found = conflicts.read_file(OF_WORDS.encode(page), "PL")
    assert found.encoding == page
    assert (found.identifiers, found.problems) == (conflicts.read_file(OF_WORDS.encode(), "PL").identifiers, ())


def test_words_of_other_alphabets_are_not_taken_for_cyrillic_ones() -> None:
    for text, page in (
        ("name\nŁukasz Żółć\n", "cp1250"),
        ("name\nŽydrūnas Šeškus\n", "cp1257"),
        ("name\nJürgen Groß\n", "cp1250"),
    ):
        found = conflicts.read_file(text.encode(page), "PL")
        assert found.identifiers == conflicts.read_file(text.encode(), "PL").identifiers, page


@pytest.mark.parametrize(
    "content",
    [
        b"<html><table><tr><td>Ivan Petrov</td></tr></table>", b'<?xml version="1.0"?><a/>', b"\xef\xbb\xbf<!DOCTYPE html>",
        b'[{"name": "Ivan Petrov"}]', b'{"name": "Ivan Petrov"}', b"%PDF-1.7\n1 0 obj", b"{\\rtf1 Ivan Petrov}",
        b"BEGIN:VCARD\nFN:Ivan Petrov\nEND:VCARD\n", b"From ivan Mon Jan  1 00:00:00 2026\nSubject: Ivan Petrov\n",
    ],
)  # fmt: skip
def test_a_file_of_another_form_is_refused_whole(content: bytes) -> None:
    with pytest.raises(conflicts.UnreadableListError, match="neither XLSX nor CSV"):
        conflicts.read_file(content, "PL")


def test_a_date_and_a_look_alike_are_not_understood() -> None:
    for text in ("phone\n12.05.1990\n", "phone\n1990-05-12\n", "email\nivan@mail.рu\n", "telegram\n@ехile_demo\n"):
        found = conflicts.read_file(text.encode(), "PL")
        assert (found.identifiers, len(found.problems)) == ((), 1), text


def test_a_heading_with_hyphens_is_understood() -> None:
    assert conflicts.read_file(b"Name;E-Mail-Adresse\nMax Muster;a@example.org\n", "DE").problems == ()
