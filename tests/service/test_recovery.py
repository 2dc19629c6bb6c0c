"""The day on which nobody holds a key any more; and the commands of upkeep, run as they are."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.cli.main import app
from app.core import keyholders
from app.core.db import Database
from app.core.keyholders import KeyGrant
from app.core.keyring import KeyRing
from app.core.kill_switch import FREEZE, is_on
from app.core.sealing import KeyPair
from app.staff import recovery, team_setup
from app.staff.models import Member, Role, Team
from app.staff.recovery import WrongKey
from tests.support.desk import PASSPHRASE, StaffSite, running

PAPER = KeyPair.generate()


def printed(office: StaffSite) -> str:
    """A recovery key that holds the Polish team's key, as it would be from the first day on."""
    with office.database.begin() as session:
        vera = session.scalars(sa.select(Member).where(Member.name == "vera")).one()
        held = keyholders.open_granted(session, vera.key_id, _pair_of("vera"))
        key, seed = recovery.create_key(session, office.time.at)
        for key_id, inner in held.items():
            keyholders.grant(session, keyholders.by_id(session, key_id), inner, key)
    return recovery.format_key(seed)


def _pair_of(name: str) -> KeyPair:
    from tests.support.desk import _pair

    return _pair(name)


def test_what_is_on_paper_is_read_as_people_type_it() -> None:
    seed = bytes(range(7, 39))
    text = recovery.format_key(seed)
    assert len(text.replace("-", "")) == 52
    assert recovery.parse_key(text.lower().replace("-", " ")) == seed
    for wrong in ("", text[:-1], "!" * 52):
        with pytest.raises(WrongKey):
            recovery.parse_key(wrong)


def test_all_keys_lost_one_member_gets_them_again_and_the_paper_is_replaced(office: StaffSite) -> None:
    label, _receipt = office.file()
    paper = printed(office)
    with office.database.begin() as session:
        held = sa.select(Member.key_id).where(Member.role != Role.ADMIN.value)
        session.execute(sa.delete(KeyGrant).where(KeyGrant.holder_key_id.in_(held)))
    vera = office.as_("vera")
    path = f"/desk/cases/{label}/show"
    assert vera.submit(vera.get(f"/desk/cases/{label}"), path).status == 403
    seed = recovery.parse_key(paper)
    with office.database.begin() as session:
        assert recovery.grant_to(session, seed, "Vera", office.time.at) == 1
        new = recovery.renew(session, seed, office.time.at)
    assert "zinnober-story-of-mine" in vera.submit(vera.get(f"/desk/cases/{label}"), path).text
    with office.database.begin() as session:
        with pytest.raises(WrongKey):
            recovery.granted_seeds(session, seed)
        assert len(recovery.granted_seeds(session, new)) == 1


def test_the_commands_of_upkeep(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """backup-key, rotate with a backup, restore elsewhere, a team's key by passphrase, freeze, the first admin, recover."""
    var = tmp_path / "var"
    with running(sqlite_database, var) as office:
        office.keys.save(var / "keys.json")
        office.file()
        paper = printed(office)
        with sqlite_database.begin() as session:  # the Polish team is the first: this paper holds its key
            session.execute(
                sa.update(Team).where(Team.slug == "ge").values(created_at=office.time.at + timedelta(days=1))
            )
    url = sqlite_database.url.render_as_string(hide_password=False)
    monkeypatch.setenv("PRISTAN_VAR", str(var))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", url)
    run = CliRunner().invoke

    def rotate_without_waiting(*arguments: object, **named: object) -> object:
        return rotate(*arguments, **{**named, "patience": timedelta(0), "sleep": lambda _s: None})  # type: ignore[arg-type]

    from app.operations.rotation import rotate

    monkeypatch.setattr("app.operations.rotation.rotate", rotate_without_waiting)
    monkeypatch.setattr("app.operations.team_keys.PATIENCE", timedelta(0))
    made = run(app, ["keys", "backup-key"])
    private = made.output.strip().splitlines()[-1]
    assert made.exit_code == 0, made.output
    assert run(app, ["keys", "backup-key"]).exit_code == 1, "never over another"
    file = tmp_path / "one.backup"
    rotated = run(app, ["keys", "rotate", "--backup", str(file)])
    assert rotated.exit_code == 0, rotated.output
    assert KeyRing.load(var / "keys.json").epochs == (2,)
    assert run(app, ["backup", str(file)]).exit_code == 1, "never over another"
    for typed in ("", recovery.format_key(bytes(range(32))) + "\n"):
        assert run(app, ["keys", "rotate", "--root"], input=typed).exit_code == 1, "the server alone is not enough"
    assert run(app, ["keys", "rotate", "--at-once"]).exit_code == 2, "only with --root"
    assert KeyRing.load(var / "keys.json").epochs == (2,)
    renewed = run(app, ["keys", "rotate", "--root", "--at-once"], input=paper + "\n")
    assert renewed.exit_code == 0, renewed.output
    assert "Nothing in the database is left under the former one." in renewed.output
    ring = KeyRing.load(var / "keys.json")
    assert (ring.epochs, ring.root_is_new, ring.former()) == ((3,), True, [])

    team = run(app, ["keys", "rotate", "--team", "pl", "--as", "vera"], input=f"{PASSPHRASE}\n")
    assert team.exit_code == 0, team.output
    assert "2 case keys encrypted" in team.output
    assert run(app, ["keys", "rotate", "--team", "pl", "--as", "vera"], input="wrong\n").exit_code == 1

    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'other.db'}")
    assert run(app, ["restore", str(file)], input=recovery.format_key(PAPER.seed) + "\n").exit_code == 1
    back = run(app, ["restore", str(file)], input=private + "\n")
    assert back.exit_code == 0, back.output
    assert "rows restored" in back.output
    monkeypatch.setenv("PRISTAN_DATABASE_URL", url)

    assert run(app, ["freeze"]).exit_code == 0
    with sqlite_database.begin(write=False) as session:
        assert is_on(session, FREEZE)
    run(app, ["unfreeze"])
    assert run(app, ["members", "invite-admin", "second"]).exit_code == 1, "there is an admin already"
    with sqlite_database.begin() as session:
        other = team_setup.create_team(session, "other", "other", [], office.time.at + timedelta(days=2)).recovery
    for command in (["return", "vera"], ["return", "admin"], ["invite", "nadja", "--team", "pl", "--senior"]):
        wrong = run(app, ["members", *command], input=recovery.format_key(bytes(range(32))) + "\n")
        assert wrong.exit_code == 1, "the server alone is not enough"
        foreign = run(app, ["members", *command], input=other + "\n")
        assert foreign.exit_code == 1, "the recovery key of another team"
        right = run(app, ["members", *command], input=paper + "\n")
        assert right.exit_code == 0, right.output
        assert "Code to enter at /desk/join" in right.output
    assert run(app, ["recover", "vera"], input="AAAA\n").exit_code == 1
    recovered = run(app, ["recover", "vera"], input=paper + "\n")
    assert recovered.exit_code == 0, recovered.output
    assert paper not in recovered.output
