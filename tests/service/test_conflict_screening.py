"""Conflict lists: found before anything is disclosed, told to nobody, kept for ever, forgotten with the case."""

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import sqlalchemy as sa

from app import privacy
from app.audit.models import AuditEntry
from app.cases import person_access, sealed_parts, transitions
from app.cases.models import Case
from app.casework import corrections, person_actions, referral_actions
from app.client import conflicts as client
from app.conflicts import service as conflicts
from app.conflicts.models import ConflictEntry, ConflictTrace, Exclusion
from app.core import identifiers
from app.core.db import Database
from app.core.errors import Conflict
from app.core.ids import named_id
from app.intake import receipts
from app.intake.schemas import Intake
from app.partners.organisations import Organisation
from app.referrals.models import Referral
from app.referrals.states import ReferralVerb
from tests.support.partners import DESK, MINE, OTHER, Network, running

ADDRESS = "+48 600 000 000"
SERVICE = f"{MINE}/legal-help"
NAMED = {"mode": "named", "organisations": [MINE, OTHER]}


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")


def upload(network: Network, *lines: str, who: str = MINE) -> httpx.Response:
    """What the client does: hash here, send the hashes."""
    salt = urlsafe_b64decode(network.get("/v1/conflicts", who=who).json()["salt"] + "=")
    hashes = client.hashes(client.read(lines, "PL").identifiers, salt)
    assert hashes
    body = {"form": client.FORM, "hashes": [text(one) for one in hashes]}
    return network.call("POST", "/v1/conflicts", who=who, json=body)


def count(network: Network, table: Any, **where: Any) -> int:
    with network.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(table).filter_by(**where)) or 0


def holds(network: Network, case_id: UUID, slug: str) -> bool:
    with network.database.begin(write=False) as session:
        return named_id("organisation", slug) in sealed_parts.organisations_with_key(session, case_id)


def place_of(answer: dict[str, Any], service_key: str) -> tuple[str, set[str]]:
    for group in ("candidates", "nearest", "not_matched"):
        for found in answer[group]:
            if found["service"] == service_key:
                return group, {reason["key"] for reason in found["reasons"]}
    raise AssertionError(service_key)


def test_a_listed_person_is_kept_from_the_centre_when_they_write(network: Network):
    assert upload(network, ADDRESS).status_code == 200
    answer = network.file()
    with network.database.begin(write=False) as session:
        case_id = session.scalars(sa.select(Case.id).where(Case.label == answer.json()["case"])).one()
    assert not holds(network, case_id, MINE)
    assert holds(network, case_id, OTHER)
    assert place_of(answer.json(), SERVICE) == ("not_matched", {"accepts_referrals.no"})


def test_the_centre_looks_as_one_that_is_paused(network: Network):
    """Byte for byte: what the person is told, and what the desk is told when it tries."""
    with network.database.begin() as session:
        pause = sa.text("UPDATE organisations SET paused_until = :until WHERE slug = :slug")
        session.execute(pause, {"until": "2026-12-24 00:00:00.000000+00:00", "slug": MINE})
    paused_case = network.case()
    paused = next(found for found in network.file().json()["not_matched"] if found["service"] == SERVICE)
    paused_refused = refused(network, paused_case)
    with network.database.begin() as session:
        session.execute(sa.text("UPDATE organisations SET paused_until = NULL"))
    upload(network, ADDRESS)
    hit_case = network.case()
    hit = next(found for found in network.file().json()["not_matched"] if found["service"] == SERVICE)
    assert hit == paused
    assert refused(network, hit_case) == paused_refused


def refused(network: Network, case_id: UUID) -> tuple[str, dict[str, Any]]:
    with network.database.begin() as session:
        case = transitions.locked(session, case_id)
        with pytest.raises(Conflict) as error:
            referral_actions.create(session, network.keys, case, SERVICE, by=DESK, now=network.now)
    return error.value.detail, error.value.extra


@pytest.mark.parametrize(
    ("listed", "typed"),
    [
        ("0048600000000", {"answer_by": {"channel": "whatsapp", "address": "600-000-000"}}),
        ("Anna.Test+office@EXAMPLE.org", {"answer_by": {"channel": "email", "address": "anna.test@example.org"}}),
        ("https://t.me/Kotik77", {"answer_by": {"channel": "telegram", "address": "@kotik77"}}),
        ("Ivanova Anna", {"call_me": "Анна Иванова", "answer_by": {"channel": "number"}}),
        ("Пётр Петрович Иванов", {"call_me": "Piotr Iwanow", "answer_by": {"channel": "number"}}),
        ("Аляксандр Іваноў", {"call_me": "Александр Иванов", "answer_by": {"channel": "number"}}),
    ],
)
def test_other_spellings_are_the_same_person(network: Network, listed: str, typed: dict[str, Any]):
    upload(network, listed)
    assert not holds(network, network.case(**typed), MINE)


def test_a_list_hashed_in_the_former_form_is_compared_too(network: Network):
    salt = conflicts.salt_of(network.keys, named_id("organisation", MINE))
    former = identifiers.name("Ivanova Anna")
    assert former is not None
    body = {"form": "1", "hashes": [text(former.keyed(salt))]}
    assert network.call("POST", "/v1/conflicts", json=body).status_code == 200
    assert not holds(network, network.case(call_me="Анна Иванова", answer_by={"channel": "number"}), MINE)


def test_a_first_name_alone_excludes_nobody(network: Network):
    assert client.read(["Anna"], "PL").identifiers == ()
    salt = conflicts.salt_of(network.keys, named_id("organisation", MINE))
    found = identifiers.name("Анна")
    assert found is not None
    body = {"form": client.FORM, "hashes": [text(found.keyed(salt))]}
    assert network.call("POST", "/v1/conflicts", json=body).status_code == 200
    assert holds(network, network.case(answer_by={"channel": "number"}), MINE)


def test_a_list_that_comes_later_hits_too_and_the_offer_ends(network: Network):
    case_id = network.case()
    referral = network.offer(MINE, case_id)
    theirs = network.offer(OTHER, case_id)
    before = upload(network, "+48 600 999 999")
    answer = upload(network, ADDRESS)
    assert {**answer.json(), "entries": 1} == before.json()  # the size of the list, and no more
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "withdrawn"
    assert network.get(f"/v1/referrals/{theirs}", who=OTHER).json()["state"] == "offered"
    assert not holds(network, case_id, MINE)
    assert refused(network, case_id)[0] == "This organisation takes no new cases at present."


def test_a_list_hits_only_whom_it_names_and_only_at_its_own_centre(network: Network):
    """Two people and two centres: one list that comes later takes away one key."""
    named = network.case()
    nobody = network.case(answer_by={"channel": "signal", "address": "+48 600 777 888"}, call_me="Борис")
    kept = [network.offer(OTHER, named), network.offer(MINE, nobody)]
    assert upload(network, ADDRESS).status_code == 200
    assert [holds(network, case_id, slug) for case_id in (named, nobody) for slug in (MINE, OTHER)] == [
        False, True, True, True,
    ]  # fmt: skip
    with network.database.begin(write=False) as session:
        hits = session.execute(sa.select(Exclusion.case_id, Exclusion.organisation_id)).all()
        assert [tuple(row) for row in hits] == [(named, named_id("organisation", MINE))]
        assert [session.get_one(Referral, UUID(one)).state for one in kept] == ["offered", "offered"]
        assert conflicts.excluded(session, named) == {MINE}
        assert conflicts.excluded(session, nobody) == frozenset()


def test_who_is_at_work_already_goes_on(network: Network):
    referral = network.offer(MINE)
    network.act(referral, "accept")
    upload(network, ADDRESS)
    assert network.get(f"/v1/referrals/{referral}").json()["state"] == "accepted"
    assert network.get(f"/v1/referrals/{referral}/sealed").status_code == 200


def test_one_organisations_list_says_nothing_of_anothers(network: Network):
    upload(network, ADDRESS, who=OTHER)
    salts = {network.get("/v1/conflicts", who=who).json()["salt"] for who in (MINE, OTHER)}
    assert len(salts) == 2
    case_id = network.case()
    assert holds(network, case_id, MINE)
    assert not holds(network, case_id, OTHER)
    with network.database.begin(write=False) as session:
        macs = session.scalars(sa.select(ConflictTrace.mac).where(ConflictTrace.case_id == case_id)).all()
    assert len(macs) == len(set(macs)) == 2  # one phone number, two organisations, nothing in common


def test_the_answer_to_a_hit_is_the_answer_to_a_miss(network: Network):
    network.case()
    miss, hit = upload(network, "+48 600 111 111"), upload(network, ADDRESS)
    assert set(miss.json()) == set(hit.json()) == {"form", "forms", "salt", "entries"}
    assert {name: value for name, value in miss.headers.items() if name != "content-length"}.keys() == {
        name for name in hit.headers if name != "content-length"
    }
    with network.database.begin(write=False) as session:
        noted = session.scalars(sa.select(AuditEntry.codes).where(AuditEntry.action == "conflicts:added")).all()
    assert noted == [{"count": 1}, {"count": 1}]


def test_declining_for_conflict_spares_the_same_person_the_next_time_as_well(network: Network):
    referral = network.offer(MINE)
    network.act(referral, "decline", json={"reason": "conflict"})
    again = network.case()
    assert not holds(network, again, MINE)
    assert holds(network, network.case(answer_by={"channel": "email", "address": "else@example.org"}), MINE)


def test_an_exclusion_outlives_the_list(network: Network):
    upload(network, ADDRESS)
    case_id = network.case()
    assert network.call("DELETE", "/v1/conflicts").json()["entries"] == 0
    assert refused(network, case_id)[0] == "This organisation takes no new cases at present."
    assert holds(network, network.case(), MINE)


def test_erasure_forgets_all_of_it(network: Network):
    referral = network.offer(MINE)
    network.act(referral, "decline", json={"reason": "conflict"})
    assert count(network, ConflictTrace) > 0
    assert count(network, ConflictEntry) == 1
    with network.database.begin() as session:
        case = session.scalars(sa.select(Case)).one()
        privacy.erase(session, case, actor_kind="person", now=network.now)
    assert (count(network, ConflictTrace), count(network, ConflictEntry), count(network, Exclusion)) == (0, 0, 0)
    assert holds(network, network.case(), MINE)


def test_nothing_is_kept_of_who_comes_back_with_their_number(network: Network):
    network.case(answer_by={"channel": "number"})
    assert count(network, ConflictTrace) == 0


def test_a_centre_that_was_not_connected_is_looked_up_when_the_person_says_yes(network: Network):
    """The traces of filing know only who could be asked then; a key is given only after another look."""
    upload(network, ADDRESS)
    answer = network.file(consent={"mode": "ask_first"})
    with network.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == answer.json()["case"])).one()
        conflicts.forget(session, case.id)
        draft = referral_actions.create(session, network.keys, case, SERVICE, by=DESK, now=network.now)
        label = referral_actions.advance(session, draft.id, ReferralVerb.ASK_CONSENT, by=DESK, now=network.now).label
    receipt = receipts.parse(answer.json()["receipt"])
    with network.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, network.keys, network.now, lock=True)
        person_actions.answer_consent(session, opened, label, yes=True, keys=network.keys, now=network.now)
        assert not sealed_parts.organisations_with_key(session, opened.case.id)
        assert session.scalars(sa.select(Referral.state)).all() == ["withdrawn"]


def with_phone(network: Network, session: Any, opened: Any, address: str) -> Any:
    """The person corrects how they are reached."""
    said = corrections.answers_of(session, opened, network.keys)
    changed = Intake.model_validate({**said, "answer_by": {"channel": "phone", "address": address}})
    return corrections.correct(
        session, opened, changed, keys=network.keys, directory=network.directory, now=network.now
    )


def reopened(network: Network, session: Any, answer: httpx.Response) -> Any:
    receipt = receipts.parse(answer.json()["receipt"])
    return person_access.open_by_receipt(session, receipt, network.keys, network.now, lock=True)


def test_a_person_who_allows_the_centre_later_gives_it_no_key_either(network: Network):
    upload(network, ADDRESS)
    answer = network.file(consent={"mode": "ask_first"})
    with network.database.begin() as session:
        opened = reopened(network, session, answer)
        choices = {MINE: "allow", OTHER: "allow"}
        corrections.change_consent(
            session, opened, choices, keys=network.keys, directory=network.directory, now=network.now
        )
        assert sealed_parts.organisations_with_key(session, opened.case.id) == {named_id("organisation", OTHER)}


def test_another_address_is_looked_up_and_takes_the_key_back(network: Network):
    upload(network, "+48 600 555 555")
    answer = network.file()
    with network.database.begin() as session:
        opened = reopened(network, session, answer)
        assert named_id("organisation", MINE) in sealed_parts.organisations_with_key(session, opened.case.id)
        result = with_phone(network, session, opened, "600 555 555")
        assert named_id("organisation", MINE) not in sealed_parts.organisations_with_key(session, opened.case.id)
    hit = next(found for found in result.not_matched if found.service == SERVICE)
    assert [reason.key for reason in hit.reasons] == ["accepts_referrals.no"]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"form": "1", "hashes": []},
        {"form": "3", "hashes": ["A" * 43]},
        {"form": "1", "hashes": ["A" * 42]},
        {"form": "1", "hashes": [7]},
        {"form": "1", "hashes": ["я" * 43]},
        {"form": "1", "hashes": ["A" * 43], "name": "x"},
        {"form": "1", "hashes": ["A" * 43] * 5001},
    ],
)
def test_what_is_no_list_of_hashes_is_refused_and_not_repeated(network: Network, body: dict[str, Any]):
    answer = network.call("POST", "/v1/conflicts", json=body)
    assert answer.status_code == 422
    assert "я" not in answer.text
    assert count(network, ConflictEntry) == 0


def test_a_list_needs_an_organisation_and_the_scope(network: Network):
    assert network.get("/v1/conflicts", who="bot").status_code == 403
    assert network.get("/v1/conflicts", scope="referrals:read").status_code == 403
    assert network.http.request("GET", "/v1/conflicts").status_code == 401


def test_the_command_hashes_here_and_says_what_it_could_not_read(network: Network, tmp_path: Path):
    import httpx as lines
    from typer.testing import CliRunner

    from app.cli import partner, partner_conflicts
    from app.client import PartnerClient
    from tests.support.serving import BASE, SyncTransport

    program, sent = network.clients[MINE], list[bytes]()

    class Line(SyncTransport):
        def handle_request(self, request: lines.Request) -> lines.Response:
            sent.append(request.read())
            return super().handle_request(request)

    file = tmp_path / "list.csv"
    file.write_text("name,phone,email\nАнна Иванова,,\nAnna,,\n,600 000 000,anna@example.org\n", encoding="utf-8-sig")
    with lines.Client(transport=Line(network.http)) as http, pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            partner_conflicts, "open_client", lambda: PartnerClient(BASE, program.client_id, program.secret, http=http)
        )
        told = CliRunner().invoke(partner_conflicts.conflicts_app, ["upload", str(file), "--country", "PL"])
        assert (told.exit_code, sent) == (2, []), "nothing is sent until it is accepted that a cell is left out"
        told = CliRunner().invoke(partner_conflicts.conflicts_app, ["upload", str(file), "--country", "PL", "--accept"])
        assert told.exit_code == 0, told.output
        assert "1 names, 1 phone numbers, 1 e-mail addresses understood" in told.output
        assert "row 3, column A: a name needs at least two words" in told.output
        assert "Your list has 4 entries." in told.output
        cleared = CliRunner().invoke(partner_conflicts.conflicts_app, ["clear", "--yes"])
        assert cleared.exit_code == 0
    assert partner.partner_app is not None
    whole = b" ".join(sent)
    for secret in ("Анна", "Иванова", "600 000", "600000", "example", "ivanov"):
        assert secret.encode() not in whole
    assert count(network, ConflictEntry) == 0


ASK_FIRST = {"mode": "ask_first"}


def right_guesses(network: Network, case_id: UUID) -> set[str]:
    """Slugs of the centres in whose traces of this case a thief of database and key file finds the number that they guess.

    The thief does as `compare` does, for each organisation that there is.
    """
    guessed = [one for one in identifiers.of_contact("phone", ADDRESS, "PL") if one.strong]
    with network.database.begin(write=False) as session:
        rows = session.execute(
            sa.select(ConflictTrace.organisation_id, ConflictTrace.mac).where(ConflictTrace.case_id == case_id)
        ).all()
        organisations = {one.id: one.slug for one in session.scalars(sa.select(Organisation))}
    kept = {(organisation_id, mac) for organisation_id, mac in rows}
    return {
        slug
        for organisation_id, slug in organisations.items()
        for one in guessed
        for form in network.keys.hidden_forms(
            conflicts.mac_of(
                network.keys, organisation_id, one.keyed(conflicts.salt_of(network.keys, organisation_id))
            ),
            *conflicts.BINDING,
        )
        if (organisation_id, form) in kept
    }


def test_a_thief_can_test_no_guess_where_no_centre_has_a_list_or_a_key(network: Network):
    asked_first, named = network.case(consent=ASK_FIRST), network.case(consent={**NAMED, "organisations": [OTHER]})
    assert count(network, ConflictTrace, case_id=asked_first) == 0
    assert (count(network, ConflictEntry), count(network, Exclusion)) == (0, 0)
    assert right_guesses(network, asked_first) == set()
    assert right_guesses(network, named) == {OTHER}


def test_a_centre_with_a_list_is_compared_with_whatever_was_agreed(network: Network):
    upload(network, "+48 600 555 555")
    case_id = network.case(consent=ASK_FIRST)
    assert right_guesses(network, case_id) == {MINE}
    assert count(network, Exclusion) == 0
    upload(network, ADDRESS)
    assert refused(network, case_id)[0] == "This organisation takes no new cases at present."
    with network.database.begin(write=False) as session:
        assert conflicts.excluded(session, case_id) == {MINE}


def test_a_list_of_declined_cases_is_a_list(network: Network):
    network.act(network.offer(MINE), "decline", json={"reason": "conflict"})
    assert right_guesses(network, network.case(consent=ASK_FIRST)) == {MINE}


def test_withdrawing_deletes_the_traces_of_this_case(network: Network):
    upload(network, "+48 600 555 555")
    mine, other = network.case(), network.case()
    assert right_guesses(network, mine) == right_guesses(network, other) == {MINE, OTHER}
    with network.database.begin() as session:
        privacy.withdraw(session, transitions.locked(session, mine), now=network.now)
    assert right_guesses(network, mine) == set()
    assert right_guesses(network, other) == {MINE, OTHER}


def test_taking_the_consent_back_deletes_the_traces_of_a_centre_without_a_list(network: Network):
    answer, beside = network.file(), network.case()
    with network.database.begin(write=False) as session:
        case_id = session.scalars(sa.select(Case.id).where(Case.label == answer.json()["case"])).one()
    assert right_guesses(network, case_id) == {MINE, OTHER}
    choose(network, answer, {MINE: "ask", OTHER: "allow"})
    assert right_guesses(network, case_id) == {OTHER}
    upload(network, "+48 600 555 555", who=OTHER)
    choose(network, answer, {MINE: "ask", OTHER: "ask"})
    assert right_guesses(network, case_id) == {OTHER}  # it has a list
    assert right_guesses(network, beside) == {MINE, OTHER}


def choose(network: Network, answer: httpx.Response, choices: dict[str, str]) -> None:
    with network.database.begin() as session:
        opened = reopened(network, session, answer)
        corrections.change_consent(
            session, opened, choices, keys=network.keys, directory=network.directory, now=network.now
        )


def test_a_first_list_after_filing_is_looked_up_before_the_key_is_given(network: Network):
    """There is no trace that the list could have found. The contact itself is compared; the other centre gets its key."""
    answer = network.file(consent=ASK_FIRST)
    upload(network, ADDRESS)
    upload(network, "+48 600 555 555", who=OTHER)
    with network.database.begin(write=False) as session:
        case_id = session.scalars(sa.select(Case.id).where(Case.label == answer.json()["case"])).one()
        assert conflicts.excluded(session, case_id) == frozenset()
    choose(network, answer, {MINE: "allow", OTHER: "allow"})
    assert (holds(network, case_id, MINE), holds(network, case_id, OTHER)) == (False, True)
    with network.database.begin(write=False) as session:
        assert conflicts.excluded(session, case_id) == {MINE}


def test_another_address_leaves_no_trace_for_who_has_neither_list_nor_key(network: Network):
    upload(network, "+48 600 555 555", who=OTHER)
    answer = network.file(consent=ASK_FIRST, answer_by={"channel": "number"})
    with network.database.begin() as session:
        opened = reopened(network, session, answer)
        with_phone(network, session, opened, ADDRESS)
        case_id = opened.case.id
    assert right_guesses(network, case_id) == {OTHER}


def test_a_first_list_written_while_the_person_says_yes_ends_the_offer_on_acceptance(postgres_network: Network):
    """Two transactions that do not see each other: the key is given before the list is there, the trace is kept with it."""
    network = postgres_network
    answer, theirs = network.file(consent=ASK_FIRST), network.case()
    with network.database.begin() as session:
        opened = reopened(network, session, answer)
        case_id = opened.case.id
        corrections.change_consent(
            session, opened, {MINE: "allow"}, keys=network.keys, directory=network.directory, now=network.now
        )
        session.flush()
        upload(network, ADDRESS)  # commits in a transaction of its own
        assert count(network, ConflictTrace, case_id=case_id) == 0
    assert holds(network, case_id, MINE)
    with network.database.begin(write=False) as session:
        assert conflicts.excluded(session, case_id) == {MINE}
        assert conflicts.excluded(session, theirs) == {MINE}
    assert refused(network, case_id)[0] == "This organisation takes no new cases at present."


@pytest.fixture
def postgres_network(postgres_database: Database, tmp_path: Path) -> Iterator[Network]:
    with running(postgres_database, tmp_path / "var") as started:
        yield started
