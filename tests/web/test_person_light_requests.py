"""What the lightest requests of the person's surface ask the database for; and how soon they know of a team that came or went."""

from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from app.core.errors import Unavailable
from app.directory import published
from app.main import create_app
from app.settings import Settings
from app.staff.models import TeamCountry
from tests.support.desk import Counter
from tests.support.people import PersonSite
from tests.support.serving import in_process


def test_the_start_page_asks_for_nothing_and_a_question_for_the_draft_alone(person_site: PersonSite) -> None:
    browser = person_site.browser().open("/en/").open("/en/form/3")
    assert "s" in browser.client.cookies
    for path, most in (("/en/", 0), ("/en/safety", 0), ("/en/form/3", 1), ("/en/form/1", 1)):
        with Counter(person_site.database) as asked:
            assert browser.open(path).answer.status_code == 200
        asked_of_tables = [statement for statement in asked.seen if statement.startswith("SELECT")]
        assert len(asked_of_tables) == most, (path, asked_of_tables)


def test_every_process_follows_a_team_that_goes_within_seconds(person_site: PersonSite, tmp_path: Path) -> None:
    """Two web processes, each with a memory of its own. What decides about a request asks the database itself."""
    settings = Settings(var=tmp_path / "other", worker_in_web=False, base_url="http://pristan.test")
    other = create_app(settings, database=person_site.database, keys=person_site.keys, clock=person_site.time)
    here = person_site.browser().client
    with in_process(other) as there:
        for client in (here, there):
            assert "Lithuania" in client.get("/en/").text
        with person_site.database.begin() as session:
            session.execute(sa.delete(TeamCountry).where(TeamCountry.country == "LT"))
        person_site.time.at += published.LOOK_AGAIN
        for client in (here, there):
            assert "Lithuania" not in client.get("/en/").text
            assert 'value="LT"' not in client.get("/en/form/3").text


def test_a_process_that_could_never_ask_does_not_say_that_nobody_takes_requests(
    person_site: PersonSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unreachable(*_arguments: object) -> None:
        raise Unavailable

    current = person_site.app.state.current
    client = person_site.browser().client
    assert client.get("/en/").status_code == 200
    monkeypatch.setattr(current, "refresh", unreachable)
    person_site.time.at += timedelta(minutes=1)
    assert client.get("/en/").status_code == 200  # as it was last known
    current.served = None
    assert client.get("/en/").status_code == 503
    assert client.get("/en/safety").status_code == 200
