"""A fault in a pack names file, entry and field, so that a lawyer can mend it."""

import shutil
from datetime import date
from pathlib import Path

import pytest
import yaml

from app.directory.packs import PackError, load_packs
from app.matching import examples
from app.matching.lint import lint
from tests.support.packs import change, copy

RECIPES = Path(__file__).parents[1] / "data/recipes"
LAW = "de/services.yaml"
FAULTS = [
    (LAW, "kind: centre", "kind: center", ["de-proasyl", "kind", "'centre' or 'authority'"]),
    (LAW, "    kind: centre\n", "    kind: centre\n    colour: red\n", ["de-proasyl", "colour", "not permitted"]),
    (LAW, "cost: free", "cost: gratis", ["de-proasyl: services: advice: cost"]),
    (LAW, "remote: 'yes'", "remote: true", ["de-proasyl: services: advice: remote"]),
    (LAW, "confidence: high", "confidence: certain", ["de-proasyl: source: confidence"]),
    (LAW, "      title: Assistance in", "      titel: Assistance in", ["de-proasyl: source: title", "required"]),
    (LAW, "    kind: centre\n", "    kind: authority\n", ["de-proasyl", "an authority has none"]),
    (LAW, "needs: [asylum, appeals, dublin, detention", "needs: [asylum, apeals, dublin, detention",
     ["de-proasyl: services: advice: needs", "there is no apeals"]),
    (LAW, "- need:\n                any_of: [asylum, appeals", "- need:\n                any_of: [asylum",
     ["de-proasyl: services: advice: rule: need: appeals is listed, but the rule does not ask for it"]),
    (LAW, "any_of: [de, en]", "any_of: [de, EN]", ["advice: rule: language: EN is not such a code"]),
    (LAW, "- country:\n", "- land:\n", ["de-proasyl: services: advice: rule: all", "land", "not permitted"]),
    (LAW, "any_of: [DE]", "any_of: [DEU]", ["advice: rule: country: there is no DEU"]),
    (LAW, "any_of: [DE-BE, DE-BB]", "any_of: [DE-BE, DE-B]", ["de-rlc-berlin", "rule: region: there is no DE-B"]),
    (LAW, "any_of: [DE-BE, DE-BB]", "any_of: [DE-BE, PL-14]", ["region: PL-14 is not in a country that it serves"]),
    (LAW, "any_of: [asylum_seeker, protected]", "any_of: [asylum_seekr]", ["rule: status: there is no asylum_seekr"]),
    (LAW, "perhaps: [residence_permit", "perhaps: [residence", ["rule: status: there is no residence"]),
    (LAW, "any_of: [journalist]", "any_of: [press]", ["de-hai: services: support: rule: group: there is no press"]),
    (LAW, "any_of: [BY]", "any_of: [by]", ["de-libereco", "rule: nationality: by is not such a code"]),
    (LAW, "safety: [contact", "safety: [kontact", ["de-quarteera: safety: there is no kontact_is_sensitive"]),
    (LAW, "  - id: de-rlcd", "  - id: de-proasyl", ["de-proasyl: id: is also in de/services.yaml"]),
    (LAW, "    city: nationwide\n", "    city: nationwide\n    city: Berlin\n", ["line 10: city appears twice"]),
    (LAW, "organisations:\n", "organisations: [\n", ["line", "not readable as YAML"]),
    (LAW, "    kind: centre\n", "    kind: centre\n    7: x\n", ["line 9: 7 is a number, and not the name of a field"]),
    ("lt/services.yaml", "            - country:\n                any_of: [LT]\n", "",
     ["lt-redcross: services: legal-help: rule: country: it names no country"]),
    ("ge/services.yaml", "      - id: court-representation", "      - id: legal-advice",
     ["ge-las: services: legal-advice: appears twice"]),
    ("pl/deadlines.yaml", "unit: calendar_days", "unit: days", ["asylum_appeal_regular: limit: unit"]),
    ("pl/deadlines.yaml", "value: 14", "value: 0", ["asylum_appeal_regular: limit: value"]),
    ("pl/deadlines.yaml", "    rolls_over: unknown", "    rolls_over: maybe", ["asylum_appeal_regular: rolls_over"]),
    ("pl/deadlines.yaml", "    label: Asylum", "    # label: Asylum", ["asylum_appeal_regular", "has a label"]),
    ("pl/deadlines.yaml", "event: return_decision_appeal", "event: asylum_appeal_regular",
     ["asylum_appeal_regular: appears twice"]),
    ("eu/deadlines.yaml", "rolls_over: 'yes'", "rolls_over: often", ["asylum_appeal_short_min: rolls_over"]),
    ("ge/emergency.yaml", "phone: '112'", "phone: 112", ["emergency: phone", "valid string"]),
    ("ge/emergency.yaml", "purpose: emergency", "purpose: First Aid", ["First Aid: purpose"]),
    ("lt/country.yaml", "Europe/Vilnius", "Europe/Wilno", ["time_zone: there is no such zone"]),
    ("lt/country.yaml", "code: LT", "code: LV", ["code: the folder is called lt"]),
    ("lt/country.yaml", "LT-AL:", "LV-AL:", ["regions: LV-AL is not a code of LT"]),
    ("ge/country.yaml", "store_little", "store_nothing", ["safety: there is no store_nothing"]),
    ("pl/country.yaml", "deadline: time_limit", "deadline: time_limits", ["counting: deadline: there is no row"]),
    ("needs.yaml", "appeals: A transfer", "apeal: A transfer", ["dublin: broader: there is no other need apeal"]),
    ("needs.yaml", "appeals: A transfer decision is fought by an appeal in asylum.", "appeals: ''",
     ["dublin: broader: appeals: the reason is missing"]),
    ("needs.yaml", "id: dublin", "id: asylum", ["needs.yaml: asylum: appears twice"]),
    ("terms.yaml", "    words:", "    worte:", ["words", "required"]),
    ("persecution.yaml", "phase: pre_emptive_fear", "phase: fear", ["threat_call: phase"]),
    ("persecution.yaml", "code: surveillance", "code: threat_call", ["threat_call: appears twice"]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "old", "new", "said"), FAULTS, ids=[f"{n}:{new.strip()[:40]}" for n, _, new, _ in FAULTS]
)
def test_a_fault_names_its_place(tmp_path: Path, name: str, old: str, new: str, said: list[str]) -> None:
    root = copy(tmp_path)
    change(root, name, old, new)
    with pytest.raises(PackError) as caught:
        load_packs(root)
    message = str(caught.value)
    assert message.startswith(f"{name}: ")
    for words in said:
        assert words in message


@pytest.mark.parametrize("name", ["pl/deadlines.yaml", "xx/services.yaml", "eu/deadlines.yaml", "needs.yaml"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    root = copy(tmp_path)
    (root / name).unlink()
    with pytest.raises(PackError, match=f"{name}: the whole file: missing"):
        load_packs(root)


def test_a_file_that_nobody_reads_is_named(tmp_path: Path) -> None:
    root = copy(tmp_path)
    (root / "pl" / "servcies.yaml").write_text("organisations: []\n")
    with pytest.raises(PackError, match=r"pl/servcies\.yaml: the whole file: unknown file"):
        load_packs(root)


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    root = copy(tmp_path)
    (root / "needs.yaml").write_bytes("needs: []  # Україна".encode("cp1251"))
    with pytest.raises(PackError, match=r"needs\.yaml: the whole file: not UTF-8"):
        load_packs(root)


def test_yes_no_and_days_need_no_quotes(tmp_path: Path) -> None:
    root = copy(tmp_path)
    text = (root / "de/services.yaml").read_text(encoding="utf-8")
    (root / "de/services.yaml").write_text(
        text.replace("'yes'", "yes").replace("'no'", "no").replace("'2023-06-01'", "2023-06-01")
    )
    assert load_packs(root).digest == load_packs().digest


def test_the_digest_names_the_content_and_not_its_comments(tmp_path: Path) -> None:
    root = copy(tmp_path)
    before = load_packs(root).digest
    change(root, "lt/country.yaml", "code: LT\nname: Lithuania\n", "# a comment\nname: Lithuania\ncode: LT\n")
    assert load_packs(root).digest == before
    change(root, "lt/country.yaml", "name: Lithuania", "name: Lietuva")
    assert load_packs(root).digest != before


def test_a_fifth_country_is_a_new_folder(tmp_path: Path) -> None:
    root = copy(tmp_path)
    shutil.rmtree(root / "is", ignore_errors=True)
    before = load_packs(root)
    everywhere = frozenset(country.code for country in before.countries)
    (root / "is").mkdir()
    (root / "is/country.yaml").write_text(
        "code: IS\nname: Iceland\ntime_zone: Atlantic/Reykjavik\nlanguages: [is]\nholidays: IS\n"
        "regions: {IS-1: {local: Höfuðborgarsvæði}}\n"
    )
    (root / "is/services.yaml").write_text("organisations: []\n")
    (root / "is/deadlines.yaml").write_text("deadlines: []\n")
    (root / "is/emergency.yaml").write_text("contacts: []\n")
    directory = load_packs(root)
    assert {country.code for country in directory.countries} == everywhere | {"IS"}
    across = {entry.key for entry in before.services if entry.key.startswith("x-") and entry.countries == everywhere}
    assert across
    assert {entry.key for entry in directory.services_for("IS")} == across


def test_the_made_up_country_of_the_tests_is_whole(tmp_path: Path) -> None:
    root = copy(tmp_path)
    shutil.copytree(RECIPES / "am", root / "am", dirs_exist_ok=True)
    elsewhere = yaml.safe_load((root / "xx/elsewhere.yaml").read_text(encoding="utf-8"))
    elsewhere["helpers"] = [helper for helper in elsewhere["helpers"] if helper["country"] != "AM"]
    (root / "xx/elsewhere.yaml").write_text(yaml.safe_dump(elsewhere, allow_unicode=True), encoding="utf-8")
    directory = load_packs(root)
    assert [found for found in lint(directory, date(2026, 11, 24)) if found.level == "error"] == []
    assert examples.check(directory, root)[1] == []
