"""`pristan hsds`: the directory goes out as a package, and a foreign one comes in as proposals that another person publishes."""

import csv
import io
import zipfile
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner, Result

from app.cli.main import app
from app.directory import edits, fields, published
from app.directory.edits import Editor
from app.directory.models import DirectoryEdit
from app.directory.packs import load_packs
from app.staff.models import Member
from tests.support.desk import StaffSite
from tests.support.hsds import FOREIGN, package


@pytest.fixture
def run(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> "Runner":
    from app import app_context

    opened = app_context.AppContext(office.app.state.settings, office.database, office.keys, load_packs())
    monkeypatch.setattr(app_context, "open_app_context", lambda: opened)
    return Runner()


class Runner:
    def __call__(self, *words: str | Path) -> Result:
        return CliRunner().invoke(app, ["hsds", *map(str, words)])


def proposals(office: StaffSite) -> list[str]:
    with office.database.begin(write=False) as session:
        return [edit.subject for edit in edits.pending(session)]


def test_the_package_is_written(run: Runner, tmp_path: Path) -> None:
    done = run("export", tmp_path / "directory.zip")
    assert done.exit_code == 0, done.output
    with zipfile.ZipFile(tmp_path / "directory.zip") as made:
        assert "datapackage.json" in made.namelist()
        rows = list(csv.DictReader(io.StringIO(made.read("organizations.csv").decode())))
    assert {row["x_verified"] for row in rows} == {"true"}
    run("export", tmp_path / "all.zip", "--all")
    with zipfile.ZipFile(tmp_path / "all.zip") as made:
        assert "false" in made.read("organizations.csv").decode()


def test_a_foreign_package_becomes_proposals_and_then_unverified_centres(
    office: StaffSite, run: Runner, tmp_path: Path
) -> None:
    foreign, report = tmp_path / "foreign.zip", tmp_path / "report.csv"
    foreign.write_bytes(package(**FOREIGN).getvalue())
    tried = run("import", foreign, "--by", "vera", "--dry-run")
    assert tried.exit_code == 0, tried.output
    assert proposals(office) == []
    done = run("import", foreign, "--by", "vera", "--report", report)
    assert done.exit_code == 0, done.output
    assert "pl-help-odz" in proposals(office)
    assert len(list(csv.DictReader(io.StringIO(report.read_text())))) == sum(len(rows) for rows in FOREIGN.values())
    again = run("import", foreign, "--by", "vera")
    assert "waits already" in again.output
    assert len(proposals(office)) == 2
    with office.database.begin() as session:
        pavel = session.scalars(sa.select(Member.id).where(Member.name == "pavel")).one()
        edit = session.scalars(
            sa.select(DirectoryEdit).where(DirectoryEdit.subject == "pl-help-odz", DirectoryEdit.field == fields.WHOLE)
        ).one()
        by = Editor(pavel, "coordinator")
        directory = edits.publish(session, load_packs(), edit.id, by=by, now=office.time.at)
        entry = directory.service("pl-help-odz/advice")
        assert entry is not None
        assert not entry.verified
        assert entry in directory.services_for("PL")
    vera = office.as_("vera")
    page = vera.get("/desk/directory/organisations/pl-help-odz")
    assert "Not verified" in page.words()
    assert vera.submit(page, "/desk/directory/as-pack").status == 303
    with office.database.begin() as session:
        (out,) = [one for one in edits.pending(session) if one.subject == "pl-help-odz"]
        edits.publish(session, load_packs(), out.id, by=by, now=office.time.at)
        assert published.with_edits(session, load_packs()).directory.organisation("pl-help-odz") is None
    assert vera.get("/desk/directory/organisations/pl-help-odz").status == 404


@pytest.mark.parametrize("name", ["partner", "auditor", "nobody"])
def test_only_the_desk_proposes(office: StaffSite, run: Runner, tmp_path: Path, name: str) -> None:
    foreign = tmp_path / "foreign.zip"
    foreign.write_bytes(package(**FOREIGN).getvalue())
    assert run("import", foreign, "--by", name).exit_code != 0
    assert proposals(office) == []


def test_what_is_no_package_is_told_and_nothing_is_written(office: StaffSite, run: Runner, tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"nothing")
    done = run("import", tmp_path / "x.zip", "--by", "vera")
    assert done.exit_code == 2
    assert "not a zip" in done.output
    assert proposals(office) == []
