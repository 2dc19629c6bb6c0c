"""Whether the service is healthy: the page of operations, /readyz with its codes, and metrics that hold nothing of a request."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from app.app_context import migrate, open_app_context
from app.cli.main import app as cli
from app.core.db import Database
from app.core.ids import named_id
from app.core.keyring import KeyRing
from app.messaging.models import OutboxMessage
from app.operations import heartbeats, status
from app.operations.privileges import DatabaseRole
from app.operations.status import Status
from app.partners.organisations import Organisation
from app.webhooks.models import WebhookDelivery, WebhookEndpoint
from app.worker.loop import Worker
from tests.support.databases import BY_ROLE, as_role, under
from tests.support.desk import ONE, TWO, StaffSite, load_packs, running

TOKEN = "a-collector-s-long-token"


def told(office: StaffSite) -> list[str]:
    with as_role(office.database, DatabaseRole.DESK).begin(write=False) as session:
        return status.read_status(session, office.keys, office.time.at).problems()


def all_is_well(office: StaffSite) -> None:
    with office.database.begin() as session:
        for name in (heartbeats.WORKER, heartbeats.BACKUP):
            heartbeats.record(session, name, office.time.at)


def test_a_healthy_service_says_so(office: StaffSite) -> None:
    all_is_well(office)
    assert told(office) == []
    page = office.as_("admin").get("/desk/operations").words()
    if office.app.state.database.dialect == "postgresql" and not BY_ROLE:
        assert "a database role that owns the tables" in page, "this test's own database role"
    else:
        assert "Everything works" in page
    for name, status_code in (("vera", 403), ("partner", 403), ("sofia", 200), ("auditor", 200)):
        assert office.as_(name).get("/desk/operations").status == status_code


def test_what_goes_wrong_is_named(office: StaffSite) -> None:
    all_is_well(office)
    office.file()
    office.later(minutes=71)
    assert told(office) == ["worker-late", "messages-late"]
    office.later(days=3)
    assert "backup-old" in told(office)
    office.later(days=40)
    assert "epoch-key-old" in told(office)
    assert "root-secret-old" not in told(office)
    office.later(days=400)
    assert "root-secret-old" in told(office)
    with office.database.begin() as session:
        session.execute(sa.update(OutboxMessage).values(state="dead"))
        heartbeats.record(session, heartbeats.ROTATION, office.time.at)
    assert {"messages-dead", "backup-before-rotation"} <= set(told(office))
    page = office.as_("admin").get("/desk/operations").words()
    assert "Some messages could not be sent" in page
    assert "The last backup was made before the last rotation" in page


def test_the_worker_says_that_it_went_round_and_what_failed(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    worker = Worker(
        under(office.database, DatabaseRole.WORKER), office.keys, load_packs(), office.app.state.settings, office.time
    )
    worker.run_once()
    assert "worker-late" not in told(office)

    def fails(_now: object) -> int:
        raise RuntimeError

    worker.jobs["retention"] = fails
    office.later(minutes=1)
    worker.run_once()
    assert "worker-job-failed" in told(office)
    office.later(minutes=3)
    assert "worker-late" in told(office)


def test_readyz_says_in_codes_what_is_wrong(database: Database, tmp_path: Path) -> None:
    with running(database, tmp_path / "var") as office:
        path = tmp_path / "keys.json"
        office.keys.save(path)
        office.app.state.keys = KeyRing.load(path)
        assert office.http.get("/readyz").text == "ready"
        with database.begin() as session:
            heartbeats.record(session, heartbeats.WORKER, office.time.at - timedelta(minutes=5))
        late = office.http.get("/readyz")
        assert (late.status_code, late.text) == (200, "ready\nworker-late")
        path.unlink()
        with database.begin() as session:
            session.execute(sa.text("UPDATE alembic_version SET version_num = '0001'"))
        wrong = office.http.get("/readyz")
        with database.begin() as session:
            session.execute(sa.text("UPDATE alembic_version SET version_num = :step"), {"step": status.schema_wanted()})
        assert wrong.status_code == 503
        assert wrong.json()["problems"] == ["schema-behind", "key-file-unreadable"]


def test_metrics_are_for_who_has_the_token_and_hold_templates_only(database: Database, tmp_path: Path) -> None:
    with running(database, tmp_path / "var", metrics_token=TOKEN) as office:
        label, _receipt = office.file()
        vera = office.as_("vera")
        vera.get(f"/desk/cases/{label}", params={"q": "zinnober"})
        office.http.request("BREW", "/desk/zinnober-path")
        for wrong in ({}, {"authorization": "Bearer x"}, {"authorization": f"Basic {TOKEN}"}):
            assert office.http.get("/metrics", headers=wrong).status_code == 404
        answer = office.http.get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        text = answer.text
        assert 'pristan_requests_total{method="GET",route="/desk/cases/{label}",status="200"} 1.0' in text
        assert 'method="other"' in text
        assert not [word for word in (label, "zinnober", "BREW") if word in text]
        names = set(re.findall(r'(\w+)="', text))
        assert names <= {"method", "route", "status", "le", "code"}
        assert "pristan_messages_waiting 1.0" in text
        assert 'pristan_problem{code="backup-old"} 1.0' in text


def test_without_a_token_in_the_settings_there_is_no_such_page(office: StaffSite) -> None:
    assert office.http.get("/metrics", headers={"authorization": "Bearer "}).status_code == 404


def test_a_way_of_sending_that_is_down_is_a_trouble_until_it_works_again(database: Database, tmp_path: Path) -> None:
    with running(database, tmp_path, signal_number="+48600000000") as office:
        all_is_well(office)
        sofia = office.as_("sofia")
        assert "Sending by signalset up, not used yet" in sofia.get("/desk/operations").words()
        for reason, problems in (("too_slow", ["way-down"]), ("", [])):
            with office.database.begin() as session:
                heartbeats.record(session, "way:signal", office.time.at, reason=reason)
            assert told(office) == problems
            assert ("failed: too_slow" in sofia.get("/desk/operations").words()) == bool(reason)


def test_a_message_that_somebody_dropped_is_no_trouble_any_more(office: StaffSite) -> None:
    all_is_well(office)
    office.file()
    with office.database.begin() as session:
        session.execute(sa.update(OutboxMessage).values(state="dead"))
    assert "messages-dead" in told(office)
    with office.database.begin() as session:
        session.execute(sa.update(OutboxMessage).values(dropped_at=office.time.at))
    assert told(office) == []


def test_how_long_what_is_kept_stands_on_the_page_as_it_was_set(database: Database, tmp_path: Path) -> None:
    with running(database, tmp_path, contact_kept=timedelta(days=21)) as office:
        page = office.as_("sofia").get("/desk/operations")
    kept = {row.css_first("dt").text(): row.css_first("dd").text() for row in page.tree.css("dl.facts > div")}  # type: ignore[union-attr]
    assert kept["Contact details in a closed case"] == "21 d"
    assert kept["Unfinished form, after the last change"] == "60 min"


@pytest.mark.parametrize(
    ("endpoint", "delivery", "days", "named"),
    [
        ("gone", None, 0, True),
        ("active", "dead", 3, True),
        ("active", "dead", 8, False),
        ("active", "delivered", 1, False),
    ],
)
def test_whose_program_is_not_reached_is_named(
    office: StaffSite, endpoint: str, delivery: str | None, days: int, named: bool
) -> None:
    at = office.time.at - timedelta(days=days)
    with office.database.begin() as session:
        where, neighbour = (
            WebhookEndpoint(
                organisation_id=named_id("organisation", slug), url="https://partner.example/", types=[], state=state,
                signature="v1", secret=b"", position=0, created_at=at, updated_at=at,
            )
            for slug, state in ((ONE, endpoint), (TWO, "active"))
        )  # fmt: skip
        session.add_all([where, neighbour])
        session.flush()
        session.add(
            WebhookDelivery(
                endpoint_id=neighbour.id,
                event_id=neighbour.id,
                type="test",
                happened_at=at,
                state="delivered",
                created_at=at,
            )
        )
        if delivery:
            session.add(
                WebhookDelivery(
                    endpoint_id=where.id, event_id=where.id, type="test", happened_at=at, state=delivery, created_at=at
                )
            )
    page = office.as_("auditor").get("/desk/operations")
    assert ("Helsinki Foundation" in page.words()) is named
    with office.database.begin(write=False) as session:
        found = status.read_status(session, office.keys, office.time.at).not_reached
        helsinki = session.scalars(sa.select(Organisation.name).where(Organisation.slug == ONE)).one()
    assert list(found) == ([helsinki] if named else []), "the neighbour's program is reached"


def test_the_command_prints_the_codes_and_its_status_says_whether_there_are_any(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PRISTAN_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("PRISTAN_DATABASE_URL", f"sqlite:///{tmp_path / 'pristan.db'}")
    migrate(open_app_context().database)
    told = CliRunner().invoke(cli, ["status"])
    assert told.exit_code == 1
    assert {"worker-late", "backup-old"} <= set(told.stdout.split())
    monkeypatch.setattr(Status, "problems", lambda _self: [])
    told = CliRunner().invoke(cli, ["status"])
    assert (told.exit_code, told.stdout) == (0, "Nothing to do.\n")
