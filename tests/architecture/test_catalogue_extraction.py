"""What Babel extracts for the catalogues, as the mapping file of each domain says."""

import ast
import io
import sys
from collections.abc import Iterator, Mapping
from gettext import NullTranslations
from pathlib import Path

import pytest
from babel.messages.extract import extract
from babel.messages.frontend import CommandLineInterface, parse_mapping_cfg
from babel.messages.pofile import read_po, write_po
from babel.util import pathmatch
from jinja2 import TemplateSyntaxError

import app.main  # noqa: F401  knows every error
from app.cli import i18n
from app.core.errors import AppError, Conflict
from app.core.i18n import PERSON, STAFF, Translatable, Translator, translator
from app.directory.packs import PACKS, load_packs
from app.web.components import rendering


def mapping(domain: str) -> tuple[list[tuple[str, str]], dict[str, dict[str, str]]]:
    with i18n.mapping_file(domain).open(encoding="utf-8") as file:
        methods, options = parse_mapping_cfg(file)
    return methods, options


@pytest.mark.parametrize("domain", i18n.DOMAINS)
def test_every_line_of_the_mapping_names_files_that_exist(domain: str) -> None:
    paths = [path.relative_to(i18n.APP).as_posix() for path in i18n.APP.rglob("*") if path.is_file()]
    methods, _ = mapping(domain)
    assert [pattern for pattern, _ in methods if not any(pathmatch(pattern, path) for path in paths)] == []


def test_what_a_country_pack_shows_to_a_person_is_extracted() -> None:
    packs = load_packs()
    countries = [country.code for country in packs.countries]
    shown = {need.label for need in packs.needs} | {code.label for code in packs.persecution}
    shown |= {row.label for code in countries for row in packs.deadlines(code) if row.letter_kind and row.label}
    shown |= {text for code in countries for contact in packs.emergency(code) for text in (contact.name, contact.hours)}
    assert len(packs.places) == len(list(PACKS.glob("*/country.yaml")))
    assert shown - {None, ""} - set(i18n.messages()) == set()


def labels_of_pages() -> Iterator[tuple[str, str]]:
    """The sentences and labels in the tables of the pages' modules, each with its table: what begins with a capital."""
    for module in [sys.modules[name] for name in sorted(sys.modules) if name.startswith("app.web.")]:
        for table, rows in vars(module).items():
            if table.lstrip("_").isupper() and table != "OWN_NAMES" and isinstance(rows, Mapping):
                for value in rows.values():
                    for text in value if isinstance(value, tuple | list) else (value,):
                        if isinstance(text, str) and text[:1].isupper() and not text.isupper():
                            yield f"{module.__name__}.{table}", text


def test_every_label_in_a_table_of_the_pages_is_a_message() -> None:
    """Whichever way a table was put together: one with the English names of the domain's codes would stay in English."""
    known = {
        message if isinstance(message, str) else message[0]
        for domain in i18n.DOMAINS
        for message in i18n.messages(domain)
    }
    found = list(labels_of_pages())
    assert len(found) > 500, "the walk itself finds them"
    assert [(table, text) for table, text in found if text not in known] == []


def test_a_pack_names_the_line_of_each_text() -> None:
    file = io.BytesIO(
        b"contacts:\n- name: Police\n  phone: '112'\n  hours: ''\n- phone: '113'\n  name: >-\n    Ambulance\n"
    )
    found = list(i18n.extract_pack(file, {}, [], {"fields": "name hours"}))
    assert found == [(2, None, "Police", []), (6, None, "Ambulance", [])]


TEMPLATES = [
    (domain, pattern) for domain in i18n.DOMAINS for pattern, method in mapping(domain)[0] if method == "jinja2"
]


@pytest.mark.parametrize(("domain", "pattern"), TEMPLATES)
def test_a_sentence_that_is_broken_over_lines_is_one_message_without_its_indentation(domain: str, pattern: str) -> None:
    _, options = mapping(domain)
    template = io.BytesIO(b"{% trans %}Tell only\n    those who must know.{% endtrans %}")
    assert [entry[1] for entry in extract("jinja2", template, options=options[pattern])] == [
        "Tell only those who must know."
    ]


@pytest.mark.parametrize(("domain", "pattern"), TEMPLATES)
def test_a_template_that_cannot_be_parsed_is_an_error_and_not_an_empty_one(domain: str, pattern: str) -> None:
    _, options = mapping(domain)
    with pytest.raises(TemplateSyntaxError):
        list(extract("jinja2", io.BytesIO(b'{{ _("Lost" }}'), options=options[pattern]))


@pytest.mark.parametrize("domain", i18n.DOMAINS)
def test_pybabel_extracts_the_same(tmp_path: Path, domain: str) -> None:
    template = tmp_path / "messages.pot"
    positions = {name: ":" + ",".join(map(str, of)) if of else "" for name, of in i18n.KEYWORDS[domain].items()}
    keywords = [f"--keyword={name}{of}" for name, of in positions.items()]
    where = ["--output", str(template), str(i18n.APP)]
    CommandLineInterface().run(
        ["pybabel", "--quiet", "extract", "--mapping", str(i18n.mapping_file(domain)), *keywords, *where]
    )
    with template.open("rb") as file:
        assert {entry.id for entry in read_po(file) if entry.id} == set(i18n.messages(domain))


ALL_TEMPLATES = sorted(path.relative_to(i18n.APP).as_posix() for path in rendering.TEMPLATES.rglob("*.html"))


@pytest.mark.parametrize("path", ALL_TEMPLATES)
def test_each_template_belongs_to_one_domain(path: str) -> None:
    """A template outside every mapping would show English for ever, and nobody would be told."""
    owners = [domain for domain in i18n.DOMAINS if any(pathmatch(pattern, path) for pattern, _ in mapping(domain)[0])]
    assert len(owners) == 1, f"{path}: add it to one of {[i18n.mapping_file(one).name for one in i18n.DOMAINS]}"


@pytest.mark.parametrize("domain", i18n.DOMAINS)
def test_a_template_of_messages_that_is_not_up_to_date_fails_the_check(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not [problem for problem in i18n.problems() if ".pot" in problem]
    shortened = i18n.template_file(domain).read_text(encoding="utf-8").rpartition("\n\nmsgid")[0]
    (tmp_path / f"{domain}.pot").write_text(shortened + "\n", encoding="utf-8")
    real = i18n.template_file
    monkeypatch.setattr(i18n, "template_file", lambda one: tmp_path / f"{one}.pot" if one == domain else real(one))
    assert f"app/locales/{domain}.pot is not up to date: run `pristan i18n extract`" in list(i18n.problems())


@pytest.mark.parametrize("domain", i18n.DOMAINS)
def test_a_catalogue_that_lacks_a_message_or_has_other_fields_fails_the_check(
    domain: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content, name = i18n.catalogue("lt", domain), f"app/locales/lt/LC_MESSAGES/{domain}.po"
    plain = [entry for entry in content if entry.id and isinstance(entry.id, str)]
    missing = next(entry for entry in plain if not i18n.placeholders(str(entry.id)))
    filled = next(entry for entry in plain if i18n.placeholders(str(entry.id)))
    missing.string, filled.string = "", "be lauko"
    content.add("Nobody says this.", "Niekas to nesako.")
    path = tmp_path / f"{domain}.po"
    with path.open("wb") as file:
        write_po(file, content)
    real = i18n.po_file
    monkeypatch.setattr(
        i18n, "po_file", lambda code, of=PERSON: path if (code, of) == ("lt", domain) else real(code, of)
    )
    assert {problem for problem in i18n.problems() if "the header" not in problem} == {
        f"{name}: not translated: {str(missing.id)[:60]}",
        f"{name}: other placeholders: {str(filled.id)[:60]}",
        f"{name}: no longer used: Nobody says this.",
    }


# --- the sentences of errors -------------------------------------------------------------------------------------------

MACHINES = (
    "api/", "cli/", "client/", "webhooks/", "sandbox/", "operations/", "conflicts/", "intake/", "matching/runs.py",
    "partners/credentials.py", "partners/oauth_clients.py", "partners/sandbox_identity.py", "main.py", "core/keyring.py",
    "core/strict_json.py", "web/person/",
)  # fmt: skip
"""Their errors are read by programs and operators, in English, or a page says them in words of its own."""


def error_names() -> set[str]:
    """The names of all errors that become a response: those of the family, wherever they are declared."""
    known = [AppError]
    for kind in known:
        known += kind.__subclasses__()
    return {kind.__name__ for kind in known}


def sentences(path: Path, errors: set[str]) -> Iterator[tuple[int, ast.expr]]:
    """The sentence of each error that a file makes, and its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in errors - {"Invalid", "IllegalMove"} and node.args:
                yield node.lineno, node.args[0]
            if node.func.id == "FieldError":
                yield from ((node.lineno, word.value) for word in node.keywords if word.arg == "detail")


def test_each_sentence_of_an_error_that_a_page_can_show_is_a_message() -> None:
    """A literal one stands in a catalogue; one with fields is a `Translatable`, not a string that was filled in before."""
    known, errors, wrong = {*i18n.messages(PERSON), *i18n.messages(STAFF)}, error_names(), []
    for path in sorted(i18n.APP.rglob("*.py")):
        name = path.relative_to(i18n.APP).as_posix()
        if name.startswith(MACHINES):
            continue
        for line, sentence in sentences(path, errors):
            is_lost = isinstance(sentence, ast.Constant) and sentence.value and sentence.value not in known
            if is_lost or isinstance(sentence, ast.JoinedStr | ast.BinOp):
                wrong.append(f"app/{name}:{line}")
    assert wrong == [], "name the file in app/locales/staff.cfg, and the error in KEYWORDS of app/cli/i18n.py"


class _Catalogue(NullTranslations):
    def gettext(self, message: str) -> str:
        return {"Offer 1 to {most} times.": "Zaproponuj od 1 do {most} terminów."}.get(message, message)


def test_a_sentence_with_fields_is_translated_where_it_is_shown_and_is_english_elsewhere() -> None:
    sentence = Translatable("Offer 1 to {most} times.", most=5)
    assert sentence == "Offer 1 to 5 times."
    assert Translator("pl", _Catalogue()).text(sentence) == "Zaproponuj od 1 do 5 terminów."
    assert translator("en", STAFF).text(Conflict(sentence).detail) == "Offer 1 to 5 times."
