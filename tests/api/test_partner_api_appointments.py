"""Times that a program offers: sealed on its machine, picked by the person, told by state, slot and hour alone."""

import json
from datetime import datetime, timedelta
from uuid import UUID, uuid4

import httpx
import pytest
import sqlalchemy as sa

from app.api import schemas
from app.cases import appointments, callback_windows
from app.cases.appointment_states import AppointmentVerb
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.models import Case
from app.cases.person_access import OpenedCase
from app.casework import appointment_offers
from app.client import CaseKey, PartnerClient, opened_key, sealed_times
from app.referrals.models import Referral
from tests.support.partners import MINE, OTHER, Network
from tests.support.serving import BASE, SyncTransport

PLACE = "zinnober-street 7"


def at_work(network: Network) -> tuple[str, CaseKey]:
    referral = network.offer()
    network.act(referral, "accept")
    document = network.get(f"/v1/referrals/{referral}/sealed").json()
    return referral, opened_key(document, network.clients[MINE].pair.seed)


def times(network: Network) -> list[datetime]:
    return [network.now + timedelta(days=3, minutes=37), network.now + timedelta(days=1)]


def post(network: Network, referral: str, body: object, who: str = MINE) -> httpx.Response:
    return network.call("POST", f"/v1/referrals/{referral}/appointments", who=who, json=body)


def appointment(network: Network, referral: str) -> dict[str, object] | None:
    document = network.get(f"/v1/referrals/{referral}").json()
    schemas.ReferralDetail.model_validate(document)
    found: dict[str, object] | None = document.get("appointment")
    return found


def picks(network: Network, referral: str, key: CaseKey, slot: int) -> None:
    """As the person's page does, with the case's key."""
    with network.database.begin() as session:
        case = session.get_one(Case, session.get_one(Referral, UUID(referral)).case_id, with_for_update=True)
        row = appointments.of_case(session, case.id)[0]
        opened = OpenedCase(case, key.key)
        appointment_offers.answer(session, opened, row.id, AppointmentVerb.PICK, slot, network.now)


def test_times_are_offered_picked_and_cancelled(network: Network) -> None:
    referral, key = at_work(network)
    http = httpx.Client(transport=SyncTransport(network.http))
    program = network.clients[MINE]
    client = PartnerClient(BASE, program.client_id, program.secret, private_key=program.pair.seed, http=http)
    offered = client.offer_times(referral, times(network), way="office", place=PLACE, language="ru")
    assert appointment(network, referral) == {"id": offered, "state": "open"}
    picks(network, referral, key, 1)
    agreed = appointment(network, referral)
    assert agreed is not None
    assert (agreed["state"], agreed["slot"]) == ("agreed", 1)
    assert str(agreed["hour"]).endswith(":00:00.000Z"), (
        "the earliest is slot 0, and the minutes of the other are sealed"
    )
    types = [event["type"] for event in network.get("/v1/events").json()["events"]]
    assert types[-2:] == ["org.pristan.appointment.open", "org.pristan.appointment.agreed"]
    client.withdraw_times(referral, offered)
    assert appointment(network, referral) is None
    with network.database.begin(write=False) as session:
        (row,) = session.scalars(sa.select(Appointment))
        assert PLACE.encode() not in row.ciphertext
    http.close()


def test_the_same_id_five_times_is_one_offer_and_a_new_one_replaces_it(network: Network) -> None:
    referral, key = at_work(network)
    body = sealed_times(key, times(network), way="phone")
    assert PLACE not in json.dumps(body)
    assert [post(network, referral, body).status_code for _ in range(5)] == [200] * 5
    again = sealed_times(key, times(network)[:1], way="phone")
    assert post(network, referral, again).json() == {"id": again["id"], "state": "open"}
    assert post(network, referral, body).json()["state"] == "withdrawn"
    with network.database.begin(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Appointment)) == 2


def test_a_program_cannot_fill_the_table(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(appointment_offers, "MOST_OFFERS", 2)
    referral, key = at_work(network)
    made = [post(network, referral, sealed_times(key, times(network), way="phone")).status_code for _ in range(3)]
    assert made == [200, 200, 409]


def test_what_does_not_open_as_an_offer_is_shown_to_nobody(network: Network) -> None:
    referral, key = at_work(network)
    good = sealed_times(key, times(network), way="phone")
    late = sealed_times(CaseKey(key.case_id, bytes(32)), times(network), way="phone")
    odd = sealed_times(key, times(network), way="by horse")
    for body in (
        {**good, "id": str(uuid4())},
        late,
        odd,
        sealed_times(key, times(network), way="phone", language="xx"),
        {**sealed_times(key, times(network), way="phone"), "times": 1},
    ):
        assert post(network, referral, body).status_code == 200
        with network.database.begin(write=False) as session:
            (row,) = session.scalars(sa.select(Appointment).where(Appointment.state == "open"))
            assert appointments.opened(key.key, row).offer is None
    soon, past = network.now + timedelta(days=1), network.now - timedelta(hours=2)
    changed = {
        "times": [6, True, "2"],
        "last_hour": ["soon", 7, past.replace(minute=0).isoformat(), soon.replace(minute=7).isoformat()],
        "id": ["1", 7],
        "ciphertext": ["!", "q" * 12_000],
    }
    fresh = {**good, "id": str(uuid4())}
    for wrong in [{}, *({**fresh, name: value} for name, values in changed.items() for value in values)]:
        assert post(network, referral, wrong).status_code in {400, 422}


def test_only_the_centre_at_work_offers_times(network: Network) -> None:
    referral, key = at_work(network)
    body = sealed_times(key, times(network), way="phone")
    assert post(network, referral, body, who=OTHER).status_code == 404
    assert post(network, network.offer(), body).status_code == 409
    path = f"/v1/referrals/{referral}/appointments/{uuid4()}"
    assert network.call("DELETE", path).status_code == 404
    with pytest.raises(ValueError, match="one to five"):
        sealed_times(key, [], way="phone")


def test_the_times_of_the_team_are_seen_by_who_works_on_the_case(network: Network) -> None:
    """An agreed callback is told by its hour, so that two do not phone at once; another organisation's referral has none of it."""
    referral, key = at_work(network)
    elsewhere = network.offer()
    before = len(network.get("/v1/events").json()["events"])
    begins = network.now.replace(minute=0, second=0, microsecond=0) + timedelta(days=1)
    with network.database.begin() as session:
        case = session.get_one(Case, session.get_one(Referral, UUID(referral)).case_id, with_for_update=True)
        window = callback_windows.add(session, case.team_id, begins, 2, 3, by=uuid4(), now=network.now)
        offer = OfferedTimes((begins,), "phone", windows=(str(window.id),), hours=(2,))
        appointments.add(session, key.key, case.id, offer, network.now, identity=uuid4())
        appointment_offers._after_offer(session, case, None, network.now)
    assert team_times(network, referral) == {"state": "open"}
    picks(network, referral, key, 0)
    assert team_times(network, referral) == {
        "state": "agreed",
        "hour": f"{begins:%Y-%m-%dT%H}:00:00.000Z",
        "callback": True,
    }
    assert appointment(network, referral) is None, "it is none of the organisation's own"
    assert team_times(network, elsewhere) is None
    events = network.get("/v1/events").json()["events"][before:]
    assert [event["type"] for event in events] == [
        "org.pristan.team_appointment.open", "org.pristan.team_appointment.agreed",
    ]  # fmt: skip
    assert all(referral in event["subject"] for event in events)
    network.act(referral, "hand_back", json={"reason": "no_capacity"})
    assert team_times(network, referral) is None


def team_times(network: Network, referral: str) -> dict[str, object] | None:
    document = network.get(f"/v1/referrals/{referral}").json()
    schemas.ReferralDetail.model_validate(document)
    found: dict[str, object] | None = document.get("team_appointment")
    return found
