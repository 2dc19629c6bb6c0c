"""A partner pulls its referrals, reads them and answers them."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from types import SimpleNamespace
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from sqlalchemy import event

from app.api import schemas
from app.audit.models import AuditEntry
from app.cases import sealed_parts
from app.cases.models import Case
from app.casework import letter_deadlines, referral_actions
from app.directory.packs import load_packs
from app.referrals import queries
from app.referrals.models import ReferralEvent
from app.referrals.states import ReferralVerb
from tests.support.partners import MINE, OTHER, Network


def test_the_list_shows_own_offers_only_and_fits_its_schema(network: Network):
    case = network.case()
    mine, _others = network.offer(MINE, case), network.offer(OTHER, case)
    answer = network.get("/v1/referrals")
    assert answer.status_code == 200
    page = schemas.ReferralPage.model_validate(answer.json())
    assert [str(one.id) for one in page.referrals] == [mine]
    assert ":null" not in answer.text
    only = page.referrals[0]
    assert (only.state, only.priority, only.service) == ("offered", "urgent", "pl-hfhr/legal-help")
    assert only.allowed_actions == ["acknowledge", "ask_info", "waitlist", "accept", "decline"]
    assert only.needs[0].code == "asylum"
    assert only.respond_by is not None
    assert only.time_zone == "Europe/Warsaw"
    assert only.respond_by_local is not None
    assert datetime.fromisoformat(only.respond_by_local) == only.respond_by
    assert only.respond_by_local.endswith("+01:00")
    assert not only.sealed


def test_a_draft_is_not_there_for_the_partner(network: Network):
    from app.cases import transitions
    from app.casework import referral_actions
    from tests.support.partners import DESK

    case_id = network.case()
    with network.database.begin() as session:
        case = transitions.locked(session, case_id)
        draft = referral_actions.create(session, network.keys, case, "pl-hfhr/legal-help", by=DESK, now=network.now)
    assert network.get("/v1/referrals").json()["referrals"] == []
    assert network.get(f"/v1/referrals/{draft.id}").status_code == 404


@pytest.mark.parametrize("end", ["decline", "expire"])
def test_after_a_refusal_or_expiry_nothing_of_the_card_is_left(network: Network, end: str):
    """What remains: label, service, state, reason, urgency, country and times. List, detail, table and FHIR alike."""
    referral = network.offer()
    if end == "decline":
        assert network.act(referral, "decline", json={"reason": "out_of_scope"}).status_code == 200
    else:
        with network.database.begin() as session:
            row, case = queries.locked(session, UUID(referral), None)
            referral_actions.expire(session, row, case, now=network.now)
    listed = network.get("/v1/referrals").json()["referrals"][0]
    detail = network.get(f"/v1/referrals/{referral}").json()
    schemas.ReferralDetail.model_validate(detail)
    for found in (listed, detail):
        assert (found["needs"], found["languages"], found.get("deadline")) == ([], [], None)
        assert found["state"] == {"decline": "declined", "expire": "expired"}[end]
    assert detail["card"] == {"speak": [], "helps": []}
    assert network.get("/v1/referrals?need=asylum").json()["referrals"] == []
    for path in ("/v1/referrals.csv", f"/v1/referrals/{referral}/fhir"):
        answer = network.get(path)
        assert answer.status_code == 200
        assert not any(word in answer.text for word in ("asylum", "PL-14", "interpreter"))


def test_one_referral_is_a_card_without_a_name(network: Network):
    referral = network.offer(story="Секретная история", call_me="Анна")
    answer = network.get(f"/v1/referrals/{referral}")
    found = schemas.ReferralDetail.model_validate(answer.json())
    assert answer.headers["etag"] == f'"{found.version}"'
    assert (found.card.region, found.card.helps, found.card.speak) == ("PL-14", ["interpreter"], ["ru"])
    for secret in ("Анна", "600 000", "Секретная", "\\u0410"):
        assert secret not in answer.text


def test_what_was_seen_is_not_sent_again(network: Network):
    referral = network.offer()
    seen = network.get(f"/v1/referrals/{referral}").headers["etag"]
    answer = network.get(f"/v1/referrals/{referral}", headers={"If-None-Match": f'"1", {seen}'})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", seen)
    assert network.get(f"/v1/referrals/{referral}", headers={"If-None-Match": '"1"'}).status_code == 200


def test_another_organisations_ids_answer_like_unknown_ones(network: Network):
    """Equal to the byte, on every address that takes an id."""
    theirs = network.offer(OTHER)
    for path in ("", "/sealed"):
        answers = [network.get(f"/v1/referrals/{one}{path}") for one in (theirs, uuid4(), "nonsense", "%00", "%ff")]
        assert {answer.status_code for answer in answers} == {404}
        assert len({answer.content for answer in answers}) == 1
    answers = [network.act(str(one), "accept", version=2) for one in (theirs, uuid4(), "nonsense")]
    assert {answer.status_code for answer in answers} == {404}
    assert len({answer.content for answer in answers}) == 1


def test_pages_follow_each_other_without_gap_or_repetition(network: Network):
    expected = []
    for _ in range(7):
        network.later(seconds=1)
        expected.append(network.offer())
    found, path = [], "/v1/referrals?limit=3"
    sizes = []
    while path:
        answer = network.get(path)
        sizes.append(len(answer.json()["referrals"]))
        found += [one["id"] for one in answer.json()["referrals"]]
        link = answer.headers.get("link")
        assert (link is None) == ("next_cursor" not in answer.json())
        path = link.partition(">")[0].removeprefix("<") if link else None
    assert (found, sizes) == (expected, [3, 3, 1])


def test_referrals_that_changed_at_the_same_moment_are_all_told(network: Network):
    expected = {network.offer() for _ in range(5)}
    first = network.get("/v1/referrals?limit=2").json()
    second = network.get("/v1/referrals", params={"limit": 3, "cursor": first["next_cursor"]}).json()
    assert {one["id"] for page in (first, second) for one in page["referrals"]} == expected


def test_filters_by_state_need_and_time(network: Network):
    asylum = network.offer()
    network.later(minutes=10)
    detention = network.offer(needs=["detention", "appeals"])
    assert network.act(asylum, "acknowledge").status_code == 200

    def ids(query: str) -> set[str]:
        answer = network.get(f"/v1/referrals?{query}")
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["referrals"]}

    assert ids("state=offered") == {detention}
    assert ids("state=offered&state=acknowledged") == {asylum, detention}
    assert ids("need=appeals") == {detention}
    assert network.get("/v1/referrals?need=app").status_code == 422, "part of a code is no code"
    assert ids("updated_since=2026-11-24T10:05:00Z") == {asylum, detention}
    assert ids("updated_since=2026-11-24T11:10:00%2B01:00") == {asylum, detention}
    assert ids("updated_since=2026-11-24T11:10:00+01:00") == {asylum, detention}, (
        "a plus that URL decoding made a space"
    )
    assert ids("updated_since=2026-11-24T10:10:00.000001Z") == set()
    assert ids("updated_since=2026-11-24T10:10:00.000000999Z") == {asylum, detention}, "Go and Java write nanoseconds"
    assert ids("updated_since=0001-01-01T00:00:00-00:00") == {asylum, detention}


@pytest.mark.parametrize(
    ("query", "status", "kind"),
    [
        ("limit=0", 422, "invalid-input"),
        ("limit=101", 422, "invalid-input"),
        ("limit=" + "9" * 5000, 422, "invalid-input"),
        ("limit=1e2", 422, "invalid-input"),
        ("limit=%D9%A1", 422, "invalid-input"),
        ("limit=", 422, "invalid-input"),
        ("limit=1&limit=2", 422, "invalid-input"),
        ("state=draft", 422, "invalid-input"),
        ("state=%00", 422, "invalid-input"),
        ("state=%ff", 422, "invalid-input"),
        ("need=A%20B", 422, "invalid-input"),
        ("updated_since=yesterday", 422, "invalid-input"),
        ("updated_since=2026-11-24", 422, "invalid-input"),
        ("updated_since=1700000000", 422, "invalid-input"),
        ("updated_since=2026-11-24T10:00:00", 422, "invalid-input"),
        ("updated_since=2026-99-24T10:00:00Z", 422, "invalid-input"),
        ("updated_since=0001-01-01T00:00:00%2B23:59", 422, "invalid-input"),
        ("updated_since=9999-12-31T23:59:59-23:59", 422, "invalid-input"),
        ("what=is_this_secret", 422, "invalid-input"),
        ("cursor=abc", 400, "bad-cursor"),
        ("cursor=", 400, "bad-cursor"),
        ("cursor=%00%ff", 400, "bad-cursor"),
        ("cursor=" + "A" * 54, 400, "bad-cursor"),
        ("cursor=" + "A" * 5000, 422, "invalid-input"),
    ],
)
def test_a_query_that_does_not_fit_is_refused(network: Network, query, status, kind):
    answer = network.get(f"/v1/referrals?{query}")
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == f"urn:pristan:problem:{kind}"
    assert "secret" not in answer.text


def test_a_cursor_belongs_to_its_client_and_its_filters(network: Network):
    case = network.case()
    for who in (MINE, OTHER):
        network.offer(who, case)
        network.offer(who)
    cursor = network.get("/v1/referrals?limit=1&state=offered").json()["next_cursor"]
    assert network.get(f"/v1/referrals?limit=1&state=offered&cursor={cursor}").status_code == 200
    assert network.get(f"/v1/referrals?limit=1&cursor={cursor}").status_code == 400
    assert network.get(f"/v1/referrals?limit=1&state=offered&need=asylum&cursor={cursor}").status_code == 400
    assert network.get(f"/v1/referrals?limit=1&state=offered&cursor={cursor}", who=OTHER).status_code == 400
    assert network.get(f"/v1/events?cursor={cursor}").status_code == 400


def test_a_page_of_a_hundred_takes_three_statements(network: Network):
    for _ in range(12):
        network.offer()
    network.token(MINE)
    statements: list[str] = []
    with listening(network, statements):
        assert len(network.get("/v1/referrals?limit=100").json()["referrals"]) == 12
    asked = [one for one in statements if one.startswith("SELECT")]
    assert len(asked) <= 3, asked


# --- actions -------------------------------------------------------------------------------------------------------


def test_from_offer_to_the_end(network: Network):
    referral = network.offer()
    for verb, state, body in (
        ("acknowledge", "acknowledged", None),
        ("accept", "accepted", {}),
        ("start", "in_progress", None),
        ("hold", "on_hold", {"until": "2026-12-24"}),
        ("resume", "in_progress", None),
        ("complete", "completed", {"outcome": "represented"}),
        ("reopen", "in_progress", None),
    ):
        answer = network.act(referral, verb, **({"json": body} if body is not None else {}))
        assert answer.status_code == 200, answer.text
        found = schemas.ReferralDetail.model_validate(answer.json())
        assert (found.state, answer.headers["etag"]) == (state, f'"{found.version}"')
    assert found.outcome == "represented"


def test_a_step_that_the_state_does_not_have_changes_nothing(network: Network):
    referral = network.offer()
    answer = network.act(referral, "start")
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert (problem["type"], problem["state"]) == ("urn:pristan:problem:illegal-move", "offered")
    assert problem["allowed_actions"] == ["acknowledge", "ask_info", "waitlist", "accept", "decline"]
    assert network.get(f"/v1/referrals/{referral}").json()["version"] == 2


@pytest.mark.parametrize(
    "verb", ["fly", "withdraw", "offer", "void", "expire", "consent", "ACCEPT", "accept%00", "%ff"]
)
def test_a_verb_that_is_no_partners_does_not_exist(network: Network, verb):
    assert network.act(network.offer(), verb).status_code == 404


def test_a_stale_version_is_told_the_present_state(network: Network):
    referral = network.offer()
    network.desk(referral, ReferralVerb.WITHDRAW, reason="better_option")
    answer = network.act(referral, "accept", version=2)
    assert answer.status_code == 412
    problem = answer.json()
    assert (problem["state"], problem["version"], problem["allowed_actions"]) == ("withdrawn", 3, [])


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ('"99999999999"', 412),
        ('"-2"', 412),
        ('"2\xb2"', 412),
        ("2", 400),
        ("abc", 400),
        ('"2", "3"', 400),
        ("'2'", 400),
        ("", 428),
    ],
)
def test_a_tag_that_is_none_of_ours_never_matches_and_one_without_its_quotes_is_told(network: Network, given, status):
    referral = network.offer()
    answer = network.act(referral, "accept", headers={"If-Match": given.encode("latin-1")})
    assert answer.status_code == status
    if status == 400:
        assert answer.json()["detail"].endswith('in its quotes: If-Match: "2".')
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "offered"


@pytest.mark.parametrize(
    ("headers", "status", "kind"),
    [
        ({"Idempotency-Key": "12345678"}, 428, "precondition-required"),
        ({"Idempotency-Key": "12345678", "If-Match": "*"}, 428, "precondition-required"),
        ({"If-Match": '"2"'}, 400, "idempotency-key-needed"),
        ({"If-Match": '"2"', "Idempotency-Key": "short"}, 400, "idempotency-key-needed"),
        ({"If-Match": '"2"', "Idempotency-Key": "a" * 256}, 400, "idempotency-key-needed"),
        ({"If-Match": '"2"', "Idempotency-Key": "with space"}, 400, "idempotency-key-needed"),
        ({"If-Match": '"2"', "Idempotency-Key": b"\xff" * 9}, 400, "idempotency-key-needed"),
    ],
)
def test_an_act_needs_a_version_and_a_key(network: Network, headers, status, kind):
    referral = network.offer()
    answer = network.call("POST", f"/v1/referrals/{referral}/actions/accept", headers=headers)
    assert (answer.status_code, answer.json()["type"]) == (status, f"urn:pristan:problem:{kind}")
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "offered"


@pytest.mark.parametrize(
    ("verb", "body", "pointer"),
    [
        ("decline", {}, "/reason"),
        ("decline", {"reason": "because"}, "/reason"),
        ("decline", {"reason": "unreachable"}, "/reason"),
        ("decline", {"reason": 7}, "/reason"),
        ("decline", {"reason": None}, "/reason"),
        ("decline", {"reason": "no_capacity", "until": "2026-12-24"}, "/until"),
        ("waitlist", {}, "/until"),
        ("waitlist", {"until": "2026-11-24"}, "/until"),
        ("waitlist", {"until": "soon"}, "/until"),
        ("waitlist", {"until": "2026-02-30"}, "/until"),
        ("waitlist", {"until": "20261224"}, "/until"),
        ("accept", {"reason": "no_capacity"}, "/reason"),
        ("accept", {"outcome": "advised"}, "/outcome"),
        ("accept", {"my_secret_field": 1}, ""),
        ("accept", [], ""),
        ("accept", "accept", ""),
        ("accept", 1, ""),
    ],
)
def test_a_body_that_does_not_fit_is_refused(network: Network, verb, body, pointer):
    answer = network.act(network.offer(), verb, json=body)
    assert answer.status_code == 422, answer.text
    assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert "because" not in answer.text
    assert "secret" not in answer.text


def test_a_repeated_act_is_done_once_and_answered_the_same(network: Network):
    referral = network.offer()
    first = network.act(referral, "accept", version=2, key="the-same-key")
    second = network.act(referral, "accept", version=2, key="the-same-key")
    assert (first.status_code, second.status_code) == (200, 200)
    assert first.content == second.content
    assert first.headers["etag"] == second.headers["etag"]
    assert "idempotency-replayed" not in first.headers
    assert second.headers["idempotency-replayed"] == "true"
    assert count(network, ReferralEvent.verb == "accept") == 1


def test_a_key_is_for_one_act(network: Network):
    referral = network.offer()
    network.act(referral, "acknowledge", version=2, key="the-same-key")
    for verb, body in (("acknowledge", {"reason": "other"}), ("accept", None)):
        answer = network.act(referral, verb, version=3, key="the-same-key", **({"json": body} if body else {}))
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:pristan:problem:idempotency-key-reused")
    other = network.offer(OTHER)
    assert network.act(other, "accept", version=2, key="the-same-key", who=OTHER).status_code == 200


def test_a_refusal_is_not_remembered(network: Network):
    referral = network.offer()
    assert network.act(referral, "decline", version=2, key="the-same-key", json={}).status_code == 422
    answer = network.act(referral, "decline", version=2, key="the-same-key", json={"reason": "no_capacity"})
    assert answer.status_code == 200
    assert "idempotency-replayed" not in answer.headers


def test_of_two_that_race_one_wins(network: Network):
    """Many at once: one accepts, the others see 412 or 409 with the state as it is now."""
    referral = network.offer()
    network.token(MINE)
    with ThreadPoolExecutor(6) as threads:
        verbs = ["accept", "decline"] * 3
        answers = list(
            threads.map(
                lambda verb: network.act(
                    referral, verb, version=2, **({"json": {"reason": "other"}} if verb == "decline" else {})
                ),
                verbs,
            )
        )
    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [200] + [412] * 5
    final = network.get(f"/v1/referrals/{referral}").json()["state"]
    assert final in {"accepted", "declined"}
    assert {answer.json()["state"] for answer in answers} == {final}


def test_the_same_act_sent_many_times_at_once_is_done_once(network: Network):
    referral = network.offer()
    network.token(MINE)
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: network.act(referral, "accept", version=2, key="one-and-only"), range(6)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 5
    assert count(network, ReferralEvent.verb == "accept") == 1


def test_acceptance_ends_the_other_offers(network: Network):
    case = network.case()
    mine, theirs = network.offer(MINE, case), network.offer(OTHER, case)
    assert network.act(mine, "accept").status_code == 200
    other = network.get(f"/v1/referrals/{theirs}", who=OTHER).json()
    assert (other["state"], other["allowed_actions"], other["reason"]) == ("withdrawn", [], "taken_elsewhere")


def test_every_act_is_audited_as_the_organisations(network: Network):
    referral = network.offer()
    network.act(referral, "accept")
    with network.database.begin(write=False) as session:
        entry = session.scalars(sa.select(AuditEntry).where(AuditEntry.action == "referral:accept")).one()
    assert entry.actor_kind == "partner"
    assert entry.actor_id == network.clients[MINE].organisation_id.hex
    assert entry.codes == {"state": "accepted", "version": 3}


def count(network: Network, which: sa.ColumnElement[bool]) -> int:
    with network.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(ReferralEvent).where(which)) or 0


class listening:
    """Writes down every statement that the database is given."""

    def __init__(self, network: Network, statements: list[str]) -> None:
        self.engine, self.statements = network.database.engine, statements

    def _note(self, _connection, _cursor, statement, *_rest) -> None:
        self.statements.append(statement)

    def __enter__(self) -> None:
        event.listen(self.engine, "before_cursor_execute", self._note)

    def __exit__(self, *_error) -> None:
        event.remove(self.engine, "before_cursor_execute", self._note)


def test_all_deadlines_of_a_letter_are_given_and_none_after_a_refusal(network: Network):
    """The letter's own day, and an earlier one that another organisation named; both organisations read the present ones."""
    letter = {"kind": "asylum_appeal_regular", "received_on": "2026-11-23"}
    case = network.case(letter=letter)
    first = network.offer(MINE, case)
    (own,) = network.get(f"/v1/referrals/{first}").json()["deadlines"]
    assert (own["last_safe_day"], own["event"], own["letters"]) == ("2026-12-07", "asylum_appeal_regular", True)
    assert own["what"] == "Asylum refused – normal procedure"
    with network.database.begin() as session:
        session.execute(sa.update(Case).where(Case.id == case).values(last_safe_day=date(2026, 12, 1)))
    second = network.offer(OTHER, case)
    found = schemas.ReferralDetail.model_validate(network.get(f"/v1/referrals/{second}", who=OTHER).json())
    assert found.deadlines is not None
    assert [(str(one.last_safe_day), one.letters) for one in found.deadlines] == [
        ("2026-12-01", False),
        ("2026-12-07", True),
    ]
    assert found.deadline is not None
    assert str(found.deadline.last_safe_day) == "2026-12-01"
    assert network.get(f"/v1/referrals/{first}").json()["deadlines"][0]["last_safe_day"] == "2026-12-01"
    assert network.act(second, "decline", who=OTHER, json={"reason": "out_of_scope"}).status_code == 200
    assert "deadlines" not in network.get(f"/v1/referrals/{second}", who=OTHER).json()


def test_a_further_step_of_a_letter_has_its_own_day_on_the_card(network: Network):
    facts = {
        "country": "DE", "needs": ["asylum"], "how_soon": "week", "consent": {"mode": "ask"},
        "letter": {"kind": "asylum_appeal_simple", "received_on": "2026-11-23"},
    }  # fmt: skip
    case_id = uuid4()
    row = SimpleNamespace(
        deadline_on=date(2026, 12, 7), deadline_certainty="sourced-medium", country="DE", waiting_since=network.now,
        case_id=case_id, facts_version=1,
        facts=network.keys.encrypt(sealed_parts.padded(facts), "cases", str(case_id), "facts", "1"),
    )  # fmt: skip
    days = letter_deadlines.due_days(row, network.keys, load_packs(), network.now, "de")  # type: ignore[arg-type]
    assert [(f"{day.last_safe_day}", day.event, day.is_known) for day in days] == [
        ("2026-12-07", "asylum_appeal_simple", True),
        ("2026-12-23", "asylum_appeal_reasons", True),
    ]
    assert days[1].what == "Die Gründe und Beweise müssen spätestens am 23. Dezember 2026 beim Gericht sein."
