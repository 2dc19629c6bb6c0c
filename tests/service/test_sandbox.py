"""The sandbox: open to anybody, always full, every error on demand, and no live row is ever touched or counted."""

from typing import Any

import pytest
import sqlalchemy as sa

from app.cases import queue
from app.cases.models import Case
from app.cases.queue_queries import QueueQuery
from app.cases.states import CaseState
from app.casework import scheduler
from app.casework.auto_offer import AutoOfferContext
from app.client import opened
from app.client import sandbox as published
from app.core.errors import Conflict
from app.core.sealing import CannotOpen
from app.intake.models import PersecutionCount
from app.matching.models import MatchRun
from app.messaging.models import OutboxMessage
from app.partners import sandbox_identity
from app.partners.models import OAuthClient
from app.partners.organisations import Organisation
from app.privacy import service as privacy
from app.referrals.models import Referral
from app.referrals.states import MAY_OPEN
from app.reporting import kept_figures
from app.reporting.periods import Quarter
from app.sandbox.service import ERROR_REHEARSALS, KEPT_FOR, MOST_AN_HOUR
from app.sandbox.stories import STORIES
from app.settings import Settings
from app.staff.models import Member, Team, TeamCountry
from tests.support.partners import MINE, Network
from tests.support.sandbox import WHO, refilled, worker

LANGUAGES = {"ru", "en", "be", "uk", "pl", "lt", "ka", "de"}


def listed(sandbox_network: Network) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = sandbox_network.get("/v1/referrals?limit=100", who=WHO).json()["referrals"]
    return found


def labelled(sandbox_network: Network, label: str) -> dict[str, Any]:
    return next(referral for referral in listed(sandbox_network) if referral["label"] == label)


def ordinary(sandbox_network: Network) -> list[dict[str, Any]]:
    return [referral for referral in listed(sandbox_network) if referral["label"] not in ERROR_REHEARSALS]


def test_the_published_key_signs_in_and_finds_a_case_in_each_language(sandbox_network: Network):
    found = ordinary(sandbox_network)
    assert {referral["languages"][0] for referral in found} == LANGUAGES == {story["language"] for story in STORIES}
    assert {referral["state"] for referral in found} == {"offered"}
    assert all("accept" in referral["allowed_actions"] for referral in found)


def test_whoever_accepts_opens_the_story_with_the_published_private_key(sandbox_network: Network):
    for referral in ordinary(sandbox_network):
        assert sandbox_network.act(referral["id"], "accept", who=WHO).status_code == 200
        document = sandbox_network.get(f"/v1/referrals/{referral['id']}/sealed", who=WHO).json()
        parts = {part.part: part.content for part in opened(document, sandbox_network.clients[WHO].pair.seed)}
        assert parts["contact"]["answer_by"]["address"].endswith("@example.org")
        assert len(parts["story"]["story"]) > 40


def test_there_is_always_something_to_do(sandbox_network: Network):
    assert refilled(sandbox_network) == 0
    taken = ordinary(sandbox_network)[0]
    sandbox_network.act(taken["id"], "accept", who=WHO)
    assert {
        referral["languages"][0] for referral in ordinary(sandbox_network) if referral["state"] == "offered"
    } < LANGUAGES
    assert refilled(sandbox_network) == 1
    assert {
        referral["languages"][0] for referral in ordinary(sandbox_network) if referral["state"] == "offered"
    } == LANGUAGES


def test_events_tell_of_it_like_of_any_other(sandbox_network: Network):
    taken = ordinary(sandbox_network)[0]
    before = sandbox_network.get("/v1/events?limit=100", who=WHO).json()
    sandbox_network.act(taken["id"], "decline", who=WHO, json={"reason": "no_capacity"})
    after = sandbox_network.get(f"/v1/events?cursor={before['cursor']}", who=WHO).json()
    assert [(event["subject"], event["data"]["state"]) for event in after["events"]] == [(taken["id"], "declined")]


REHEARSED = [
    ("SANDBOX-403", "act", 403, "insufficient-scope"),
    ("SANDBOX-403", "open", 403, "insufficient-scope"),
    ("SANDBOX-409", "act", 409, "illegal-move"),
    ("SANDBOX-410", "open", 410, "gone"),
    ("SANDBOX-412", "act", 412, "version-mismatch"),
    ("SANDBOX-429", "act", 429, "too-many-requests"),
    ("SANDBOX-429", "open", 429, "too-many-requests"),
    ("SANDBOX-503", "act", 503, "unavailable"),
    ("SANDBOX-503", "open", 503, "unavailable"),
]


@pytest.mark.parametrize(("label", "how", "status", "slug"), REHEARSED)
def test_a_label_rehearses_its_error_and_nothing_is_written(
    sandbox_network: Network, label: str, how: str, status: int, slug: str
):
    referral = labelled(sandbox_network, label)
    if how == "act":
        answer = sandbox_network.act(referral["id"], "acknowledge", who=WHO)
    else:
        answer = sandbox_network.get(f"/v1/referrals/{referral['id']}/sealed", who=WHO)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pristan:problem:{slug}")
    if status in {409, 412}:
        assert answer.json()["state"] == "offered"
        assert "accept" in answer.json()["allowed_actions"]
    if status in {429, 503}:
        assert answer.headers["retry-after"] == "1"
    assert labelled(sandbox_network, label)["version"] == referral["version"]


def test_every_label_is_rehearsed():
    assert {label for label, *_rest in REHEARSED} | {"SANDBOX-SIG"} == set(ERROR_REHEARSALS)


def test_a_bit_that_was_turned_over_on_the_way_opens_nothing(sandbox_network: Network):
    referral = labelled(sandbox_network, "SANDBOX-SIG")
    document = sandbox_network.get(f"/v1/referrals/{referral['id']}/sealed", who=WHO).json()
    with pytest.raises(CannotOpen):
        opened(document, sandbox_network.clients[WHO].pair.seed)


def test_a_label_that_was_used_up_comes_back(sandbox_network: Network):
    referral = labelled(sandbox_network, "SANDBOX-SIG")
    assert sandbox_network.act(referral["id"], "hand_back", who=WHO, json={"reason": "other"}).status_code == 200
    assert refilled(sandbox_network) == 1
    assert labelled(sandbox_network, "SANDBOX-SIG")["id"] != referral["id"]
    assert labelled(sandbox_network, "SANDBOX-SIG")["state"] in MAY_OPEN
    assert [one["state"] for one in listed(sandbox_network) if one["id"] == referral["id"]] == ["handed_back"]


def test_a_true_organisation_never_rehearses(sandbox_network: Network):
    """The flag of the program decides, not the label."""
    true = sandbox_network.offer(MINE)
    with sandbox_network.database.begin() as session:
        session.execute(sa.update(Referral).where(Referral.label == "SANDBOX-403").values(label="R-000-0001"))
        session.execute(sa.update(Referral).where(Referral.label == "SANDBOX-412").values(label="R-000-0002"))
        session.execute(
            sa.update(Referral)
            .where(Referral.id == sa.literal(true, sa.Uuid(as_uuid=False)))
            .values(label="SANDBOX-412")
        )
    assert sandbox_network.act(true, "acknowledge").status_code == 200


def test_the_published_key_reaches_nothing_but_the_sandbox(sandbox_network: Network):
    true = sandbox_network.offer(MINE)
    for path in (f"/v1/referrals/{true}", f"/v1/referrals/{true}/sealed"):
        assert sandbox_network.get(path, who=WHO).status_code == 404
    assert sandbox_network.act(true, "accept", who=WHO, version=2).status_code == 404
    assert true not in {referral["id"] for referral in listed(sandbox_network)}
    headers = {"Idempotency-Key": "from-the-sandbox"}
    assert sandbox_network.call("POST", "/v1/intakes", who=WHO, headers=headers, json={}).status_code == 403
    assert set(sandbox_identity.SCOPES).isdisjoint({"intakes:create", "referrals:create"})


def snapshot(sandbox_network: Network) -> dict[str, Any]:
    """Everything of the living that could be touched, counted or shown."""
    with sandbox_network.database.begin(write=False) as session:
        team = session.scalars(sa.select(Team).where(Team.slug == "pl")).one()
        today = sandbox_network.now.date()
        counts = queue.counts(session, team.id, QueueQuery("open"), me=team.id, today=today)
        quarter = Quarter.of(sandbox_network.now.date())
        live = sa.select(Case).where(Case.team_id != sandbox_identity.TEAM_ID).order_by(Case.id)
        referrals = (
            sa.select(Referral)
            .where(Referral.organisation_id != sandbox_identity.ORGANISATION_ID)
            .order_by(Referral.id)
        )
        return {
            "queue": counts,
            "cases": [(case.id, case.version, case.state, case.updated_at) for case in session.scalars(live)],
            "referrals": [(one.id, one.version, one.state) for one in session.scalars(referrals)],
            "runs": session.scalar(sa.select(sa.func.count()).select_from(MatchRun)),
            "happened": session.scalar(sa.select(sa.func.count()).select_from(PersecutionCount)),
            "told": session.scalar(sa.select(sa.func.count()).select_from(OutboxMessage)),
            "reported": kept_figures.read(session, quarter.months).figures,
            "organisations": session.scalar(sa.select(sa.func.count()).where(Organisation.kind != "sandbox")),
        }


def test_a_busy_sandbox_leaves_the_living_as_they_were(sandbox_network: Network):
    sandbox_network.offer(MINE)
    before = snapshot(sandbox_network)
    context = AutoOfferContext(sandbox_network.keys, sandbox_network.directory)
    for step, referral in enumerate(ordinary(sandbox_network)):
        if step % 2:
            sandbox_network.act(referral["id"], "decline", who=WHO, json={"reason": "conflict"})
        else:
            sandbox_network.act(referral["id"], "accept", who=WHO)
            sandbox_network.act(referral["id"], "complete", who=WHO, json={"outcome": "advised"})
        with sandbox_network.database.begin() as session:
            due = scheduler.due(session, sandbox_network.now, 50)
        for referral_id in due:
            with sandbox_network.database.begin() as session:
                scheduler.tick(session, referral_id, now=sandbox_network.now, context=context)
        refilled(sandbox_network)
    assert snapshot(sandbox_network) == before


def test_nobody_sits_in_its_team_and_no_country_leads_there(sandbox_network: Network):
    with sandbox_network.database.begin(write=False) as session:
        assert session.scalar(sa.select(Member.id).where(Member.team_id == sandbox_identity.TEAM_ID)) is None
        assert (
            session.scalar(sa.select(TeamCountry.country).where(TeamCountry.team_id == sandbox_identity.TEAM_ID))
            is None
        )
        kinds = session.scalars(
            sa.select(Organisation.kind).where(Organisation.id == sandbox_identity.ORGANISATION_ID)
        ).all()
        assert kinds == ["sandbox"]


def test_the_rules_never_name_it(sandbox_network: Network):
    filed = sandbox_network.file(consent={"mode": "ask_first"}).json()
    told = [entry["service"] for name in ("candidates", "nearest", "not_matched") for entry in filed[name]]
    assert told
    assert sandbox_identity.SERVICE not in told


def test_somebody_who_plays_day_and_night_fills_no_disk(sandbox_network: Network):
    made = len(listed(sandbox_network))
    for _round in range(30):
        for referral in ordinary(sandbox_network):
            if referral["state"] == "offered":
                sandbox_network.act(
                    referral["id"], "decline", who=WHO, version=referral["version"], json={"reason": "other"}
                )
        made += refilled(sandbox_network)
    assert made == MOST_AN_HOUR
    sandbox_network.later(hours=1, seconds=1)
    assert refilled(sandbox_network) > 0


def test_what_is_old_is_forgotten_and_made_anew(sandbox_network: Network):
    first = {referral["id"] for referral in listed(sandbox_network)}
    sandbox_network.later(seconds=KEPT_FOR.total_seconds() + 3601)
    sandbox_network.tokens.clear()
    refilled(sandbox_network)
    with sandbox_network.database.begin() as session:
        assert privacy.forget_due(session, now=sandbox_network.now, limit=100) == len(first)
        old = session.scalars(sa.select(Case.state).where(Case.team_id == sandbox_identity.TEAM_ID)).all()
        assert set(old) == {CaseState.ERASED.value}
    refilled(sandbox_network)
    assert {
        referral["languages"][0] for referral in ordinary(sandbox_network) if referral["state"] == "offered"
    } == LANGUAGES
    assert set(ERROR_REHEARSALS) <= {
        referral["label"] for referral in listed(sandbox_network) if referral["id"] not in first
    }


def test_where_the_setting_is_off_nobody_gets_in(sandbox_network: Network):
    assert Settings().sandbox is False
    assert worker(sandbox_network, sandbox=False).jobs["sandbox"](sandbox_network.now) == 1
    assert worker(sandbox_network, sandbox=False).jobs["sandbox"](sandbox_network.now) == 0
    form = {"grant_type": "client_credentials"}
    auth = (published.CLIENT_ID, published.CLIENT_SECRET)
    assert sandbox_network.http.post("/oauth/token", data=form, auth=auth).status_code == 401
    token = sandbox_network.tokens.get((WHO, ""))
    assert token is None or sandbox_network.get("/v1/referrals", who=WHO).status_code == 401
    refilled(sandbox_network)
    assert sandbox_network.http.post("/oauth/token", data=form, auth=auth).status_code == 200


def test_making_it_twice_makes_it_once(sandbox_network: Network):
    with sandbox_network.database.begin() as session:
        sandbox_identity.set_up(session, sandbox_network.keys, sandbox_network.now)
        assert session.scalar(sa.select(sa.func.count()).where(OAuthClient.id == published.CLIENT_ID)) == 1


def test_the_operator_makes_somebody_a_program_of_their_own(sandbox_network: Network):
    with sandbox_network.database.begin() as session:
        secret = sandbox_identity.add_own_client(session, sandbox_network.keys, "acme-test", sandbox_network.now)
        own = session.get_one(OAuthClient, "acme-test")
        assert (own.organisation_id, own.sandbox) == (sandbox_identity.ORGANISATION_ID, True)
        assert set(own.scopes) == set(sandbox_identity.SCOPES)
        for name in ("acme-test", published.CLIENT_ID, "No Good", "x"):
            with pytest.raises(Conflict):
                sandbox_identity.add_own_client(session, sandbox_network.keys, name, sandbox_network.now)
    form = {"grant_type": "client_credentials"}
    assert sandbox_network.http.post("/oauth/token", data=form, auth=("acme-test", secret)).status_code == 200


def test_the_list_begins_with_ordinary_cases_and_ends_with_the_errors_on_demand(sandbox_network: Network):
    def places() -> tuple[list[int], list[int]]:
        labels = [referral["label"] in ERROR_REHEARSALS for referral in listed(sandbox_network)]
        return [i for i, one in enumerate(labels) if one], [i for i, one in enumerate(labels) if not one]

    errors, usual = places()
    assert len(errors) == len(ERROR_REHEARSALS)
    assert max(usual) < min(errors)
    for referral in ordinary(sandbox_network):
        sandbox_network.act(referral["id"], "decline", who=WHO, json={"reason": "other"})
    sandbox_network.later(hours=2)
    sandbox_network.tokens.clear()  # they have ended by then
    refilled(sandbox_network)
    errors, usual = places()
    assert min(usual) < min(errors), "new ones come before errors that are older"
    assert all(
        referral["state"] != "offered" or index < min(errors)
        for index, referral in enumerate(listed(sandbox_network))
        if referral["label"] not in ERROR_REHEARSALS
    )
