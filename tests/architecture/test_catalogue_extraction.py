"""What Babel extracts for the catalogues of the person's pages, as the mapping file says."""

import io
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.frontend import CommandLineInterface, parse_mapping_cfg
from babel.messages.pofile import read_po
from babel.util import pathmatch
from jinja2 import TemplateSyntaxError

from app.cli import i18n
from app.directory.packs import load_packs


def mapping() -> tuple[list[tuple[str, str]], dict[str, dict[str, str]]]:
    with i18n.MAPPING.open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    return methods, options


def test_every_line_of_the_mapping_names_files_that_exist() -> None:
    paths = [path.relative_to(i18n.APP).as_posix() for path in i18n.APP.rglob("*") if path.is_file()]
    methods, _ = mapping()
    assert [pattern for pattern, _ in methods if not any(pathmatch(pattern, path) for path in paths)] == []


def test_what_a_country_pack_shows_to_a_person_is_extracted() -> None:
    packs = load_packs()
    countries = [country.code for country in packs.countries]
    shown = {need.label for need in packs.needs} | {code.label for code in packs.persecution}
    shown |= {row.label for code in countries for row in packs.deadlines(code) if row.letter_kind and row.label}
    shown |= {text for code in countries for contact in packs.emergency(code) for text in (contact.name, contact.hours)}
    assert len(countries) == 4
    assert shown - {None, ""} - set(i18n.messages()) == set()


def test_a_pack_names_the_line_of_each_text() -> None:
    file = io.BytesIO(
        b"contacts:\n- name: Police\n  phone: '112'\n  hours: ''\n- phone: '113'\n  name: >-\n    Ambulance\n"
    )
    found = list(i18n.extract_pack(file, {}, [], {"fields": "name hours"}))
    assert found == [(2, None, "Police", []), (6, None, "Ambulance", [])]


TEMPLATES = [pattern for pattern, method in mapping()[0] if method == "jinja2"]


@pytest.mark.parametrize("pattern", TEMPLATES)
def test_a_sentence_that_is_broken_over_lines_is_one_message_without_its_indentation(pattern: str) -> None:
    _, options = mapping()
    template = io.BytesIO(b"{% trans %}Tell only\n    those who must know.{% endtrans %}")
    assert [entry[1] for entry in extract("jinja2", template, options=options[pattern])] == [
        "Tell only those who must know."
    ]


@pytest.mark.parametrize("pattern", TEMPLATES)
def test_a_template_that_cannot_be_parsed_is_an_error_and_not_an_empty_one(pattern: str) -> None:
    _, options = mapping()
    with pytest.raises(TemplateSyntaxError):
        list(extract("jinja2", io.BytesIO(b'{{ _("Lost" }}'), options=options[pattern]))


def test_pybabel_extracts_the_same(tmp_path: Path) -> None:
    template = tmp_path / "messages.pot"
    CommandLineInterface().run(
        ["pybabel", "--quiet", "extract", "--mapping", str(i18n.MAPPING), "--keyword", "n_:1,2", "--keyword", "N_",
         "--output", str(template), str(i18n.APP)]
    )  # fmt: skip
    with template.open("rb") as file:
        assert {entry.id for entry in read_po(file) if entry.id} == set(i18n.messages())
