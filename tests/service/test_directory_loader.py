"""Packs are brought into the tables by slug: again and again the same rows, and nothing that was is ever deleted."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from app.core.db import Database
from app.core.ids import named_id
from app.directory import loader
from app.directory.models import RuleSet, ServiceRow
from app.directory.packs import Directory, load_packs
from app.partners.organisations import Organisation
from tests.support.packs import change, copy

NOW = datetime(2026, 11, 24, 9, tzinfo=UTC)
LATER = NOW + timedelta(days=1)


def load(database: Database, directory: Directory, now: datetime) -> dict[str, dict[str, Any]]:
    """Upsert, and every row there is then, by table and key."""
    with database.begin() as session:
        loader.upsert(session, directory, now)
    with database.begin(write=False) as session:
        return {
            model.__tablename__: {
                getattr(row, key): dict(row._mapping) for row in session.execute(sa.select(model.__table__))
            }
            for model, key in ((Organisation, "slug"), (ServiceRow, "key"), (RuleSet, "digest"))
        }


def without(tmp_path: Path, organisation: str) -> Directory:
    root = copy(tmp_path)
    path = root / "lt/services.yaml"
    text = path.read_text(encoding="utf-8")
    start = text.index(f"  - id: {organisation}\n")
    path.write_text(text[:start] + text[text.index("\n  - id: ", start) + 1 :], encoding="utf-8")
    return load_packs(root)


def test_loading_twice_gives_the_same_rows(database: Database) -> None:
    packs = load_packs()
    first = load(database, packs, NOW)
    assert set(first["organisations"]) == {organisation.id for organisation in packs.organisations}
    assert set(first["services"]) == {entry.key for entry in packs.services}
    assert len(first["rule_sets"]) == 1
    assert load(database, load_packs(), LATER) == first


def test_a_row_says_what_the_pack_says(database: Database) -> None:
    rows = load(database, load_packs(), NOW)
    low = rows["organisations"]["de-rlc-muc"]
    assert low["verified"] is False
    assert low["entry"]["source"]["confidence"] == "low"
    assert "services" not in low["entry"]
    assert rows["organisations"]["de-bamf"]["kind"] == "authority"
    assert rows["services"]["de-avb/counselling"]["organisation_id"] == named_id("organisation", "de-avb")
    assert rows["services"]["de-avb/counselling"]["entry"]["rule"]["all"][0] == {
        "need": {"any_of": ["asylum", "appeals", "dublin"]}
    }


def test_what_vanished_from_a_pack_is_retired_and_comes_back_as_itself(database: Database, tmp_path: Path) -> None:
    before = load(database, load_packs(), NOW)
    gone = load(database, without(tmp_path, "lt-relex"), LATER)
    assert gone["organisations"]["lt-relex"]["retired_at"] == LATER
    assert gone["services"]["lt-relex/legal-help"]["retired_at"] == LATER
    retired = [row for table in ("organisations", "services") for row in gone[table].values() if row["retired_at"]]
    assert len(retired) == 2
    assert load(database, without(tmp_path / "again", "lt-relex"), LATER + timedelta(days=1)) == gone
    back = load(database, load_packs(), LATER + timedelta(days=2))
    assert back["organisations"]["lt-relex"]["retired_at"] is None
    assert back["organisations"]["lt-relex"]["id"] == before["organisations"]["lt-relex"]["id"]
    assert len(back["rule_sets"]) == 2


def test_a_change_touches_only_its_own_row(database: Database, tmp_path: Path) -> None:
    before = load(database, load_packs(), NOW)
    root = copy(tmp_path)
    change(root, "lt/services.yaml", "email: info@relex.lt", "email: office@relex.lt")
    after = load(database, load_packs(root), LATER)
    changed = {key for key, row in after["organisations"].items() if row != before["organisations"][key]}
    assert changed == {"lt-relex"}
    assert after["organisations"]["lt-relex"]["updated_at"] == LATER
    assert after["services"] == before["services"]


def test_capacity_pauses_and_the_sandbox_are_left_alone(database: Database) -> None:
    load(database, load_packs(), NOW)
    until = LATER.date()
    with database.begin() as session:
        session.execute(
            sa.update(ServiceRow)
            .where(ServiceRow.key == "lt-relex/legal-help")
            .values(capacity="full", capacity_until=until)
        )
        session.execute(sa.update(Organisation).where(Organisation.slug == "lt-relex").values(paused_until=LATER))
        sandbox = named_id("organisation", "sandbox")
        common = {"name": "Sandbox", "entry": {}, "updated_at": NOW}
        session.add(Organisation(id=sandbox, slug="sandbox", kind="sandbox", verified=True, **common))
        session.flush()
        session.add(
            ServiceRow(id=named_id("service", "sandbox/help"), organisation_id=sandbox, key="sandbox/help", **common)
        )
    rows = load(database, load_packs(), LATER)
    assert rows["services"]["lt-relex/legal-help"]["capacity"] == "full"
    assert rows["services"]["lt-relex/legal-help"]["capacity_until"] == until
    assert rows["organisations"]["lt-relex"]["paused_until"] == LATER
    assert rows["organisations"]["sandbox"]["retired_at"] is None
    assert rows["services"]["sandbox/help"]["retired_at"] is None


def test_a_rule_set_is_kept_as_it_was(database: Database, tmp_path: Path) -> None:
    old = load_packs()
    load(database, old, NOW)
    rows = load(database, without(tmp_path, "lt-relex"), LATER)
    assert set(rows["rule_sets"][old.digest]["content"]) == {entry.key for entry in old.services}
    assert rows["rule_sets"][old.digest]["loaded_at"] == NOW
