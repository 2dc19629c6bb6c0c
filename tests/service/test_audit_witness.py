"""Somebody who writes every table makes the chain fit again; what a second party holds shows it."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.orm import Session
from typer.testing import CliRunner

from app import audit
from app.audit import service, witness
from app.audit.models import AuditEntry
from app.audit.witness import Witness
from app.cli.main import app
from app.core.db import Database
from tests.service.test_audit import NOW, note

KEPT = timedelta(days=731)
LATER = NOW + timedelta(days=1)
KEY = Ed25519PrivateKey.generate()


def act(database: Database, times: int = 1) -> None:
    for _ in range(times):
        with database.begin() as session:
            note(session)
    audit.place_all(database)


def taken(database: Database) -> Witness:
    with database.begin(write=False) as session:
        found = witness.take(session, KEY, NOW)
    assert found is not None
    return found


def rehash(session: Session) -> None:
    """What an attacker does who knows the code: every hash again."""
    last = service.GENESIS
    table = AuditEntry.__table__.c
    for row in session.execute(sa.select(*table).order_by(table.seq)).mappings().all():
        new = {**row, "prev_hash": last}
        new["hash"] = last = service._digest(new)
        session.execute(
            sa.update(AuditEntry).where(AuditEntry.seq == row["seq"]).values(prev_hash=new["prev_hash"], hash=last)
        )


def rewrite(session: Session) -> None:
    session.execute(sa.update(AuditEntry).where(AuditEntry.seq == 2).values(actor_id="somebody-else"))
    rehash(session)


def replace_all(session: Session) -> None:
    session.execute(sa.update(AuditEntry).values(action="case:other"))
    rehash(session)


def cut(session: Session) -> None:
    session.execute(sa.delete(AuditEntry).where(AuditEntry.seq > 2))


def cut_and_go_on(session: Session) -> None:
    cut(session)
    for _ in range(3):
        note(session)


def pretend_retention(session: Session) -> None:
    """The start of the chain is cut off, and an entry says that its time was over."""
    last = session.scalars(sa.select(AuditEntry).where(AuditEntry.seq == 4)).one()
    session.execute(sa.delete(AuditEntry).where(AuditEntry.seq <= 4))
    audit.record(
        session, actor_kind="clock", actor_id="-", action=service.SHORTENED, subject_kind="audit", subject_id=4,
        codes={"seq": 4, "hash": last.hash}, now=LATER,
    )  # fmt: skip


def verdicts(database: Database, *held: Witness) -> tuple[object, object]:
    with database.begin(write=False) as session:
        return audit.verify(session), witness.compare(session, held, kept=KEPT, now=LATER)


@pytest.mark.parametrize("attack", [rewrite, replace_all, cut, cut_and_go_on, pretend_retention])
def test_a_chain_made_to_fit_again_is_found_with_a_witness_and_not_before(
    database: Database, attack: Callable[[Session], None]
) -> None:
    act(database, 4)
    held = taken(database)
    act(database)
    assert verdicts(database, held) == (None, None)
    with database.begin() as session:
        attack(session)
    audit.place_all(database)
    alone, with_witness = verdicts(database, held)
    assert alone is None, "the entries fit each other"
    assert with_witness is not None


def test_retention_that_was_due_is_no_attack(database: Database) -> None:
    act(database, 3)
    held = taken(database)
    after = NOW + KEPT + timedelta(days=1)
    with database.begin() as session:
        audit.record(session, actor_kind="clock", actor_id="-", action="a:b", subject_kind="c", subject_id=1, now=after)
    audit.place_all(database)
    with database.begin() as session:
        assert audit.shorten(session, before=after - KEPT, now=after) == 3
    with database.begin(write=False) as session:
        assert audit.verify(session) is None
        assert witness.compare(session, [held], kept=KEPT, now=after) is None


def test_what_is_printed_can_be_typed_in_again_and_what_is_forged_is_refused(database: Database) -> None:
    act(database, 2)
    held = taken(database)
    [typed] = witness.read(held.paper().upper().replace("DATE", "date").replace("ENTRIES", "entries"))
    assert (typed.seq, typed.hash, typed.at) == (held.seq, held.hash, held.at)
    assert witness.read(held.line(), held.key) == [held]
    other = witness.public_key(Ed25519PrivateKey.generate())
    for text, trusted in (
        (held.line().replace('"seq": 2', '"seq": 1'), ""),
        (held.line(), other),
        ("nothing", ""),
        ("{", ""),
    ):
        with pytest.raises(witness.NoWitness):
            witness.read(text, trusted)


def test_heads_are_signed_once_an_hour_outside_the_database(database: Database, tmp_path: Path) -> None:
    heads = tmp_path / "var" / "heads.jsonl"

    def append(now: object) -> bool:
        with database.begin(write=False) as session:
            return witness.append_head(session, heads, KEY, now)  # type: ignore[arg-type]

    def verdict(now: object = LATER) -> object:
        with database.begin(write=False) as session:
            return witness.verify_heads(session, heads, KEY, kept=KEPT, now=now)  # type: ignore[arg-type]

    assert not append(NOW), "there is nothing to sign"
    act(database, 3)
    assert append(NOW)
    assert not append(NOW + timedelta(minutes=5))
    assert not append(NOW + timedelta(hours=1)), "nothing new"
    assert heads.stat().st_mode & 0o077 == 0
    assert verdict() is None
    act(database)
    assert verdict(NOW + timedelta(hours=1)) is None
    assert verdict() is not None, "an entry of yesterday that no head covers"
    assert append(NOW + timedelta(hours=2))
    assert verdict() is None
    with heads.open("a") as file:
        file.write('{"seq": 5')  # a crash
    assert verdict() is None
    with database.begin() as session:
        rewrite(session)
    assert verdict() is not None
    with heads.open("w") as file:  # whoever writes the file too lacks the key
        file.write(taken(database).line().replace('"seq": 4', '"seq": 3') + "\n")
    with pytest.raises(witness.NoWitness):
        verdict()


def test_the_key_is_made_once_and_is_private(tmp_path: Path) -> None:
    path = tmp_path / "var" / "audit-key"
    first = witness.signing_key(path)
    assert witness.signing_key(path).private_bytes_raw() == first.private_bytes_raw()
    assert path.stat().st_mode & 0o077 == 0


def test_the_commands(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    act(sqlite_database, 3)
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", sqlite_database.url.render_as_string())
    run, out, paper = CliRunner(), tmp_path / "witness.json", tmp_path / "paper.txt"
    printed = run.invoke(app, ["audit", "witness", "--out", str(out)])
    assert printed.exit_code == 0, printed.output
    paper.write_text(printed.stdout)
    for held in (out, paper):
        assert run.invoke(app, ["audit", "verify", "--witness", str(held)]).exit_code == 0
    with sqlite_database.begin() as session:
        rewrite(session)
    assert run.invoke(app, ["audit", "verify"]).exit_code == 0, "the entries fit each other"
    for held in (out, paper):
        assert run.invoke(app, ["audit", "verify", "--witness", str(held)]).exit_code == 1
    paper.write_text("no witness")
    assert run.invoke(app, ["audit", "verify", "--witness", str(paper)]).exit_code == 2
