"""Offered times: the person picks, declines or asks for others; what has passed cannot be picked; nothing personal is plain."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
import sqlalchemy as sa
from icalendar import Calendar

from app import privacy
from app.cases import appointments, callback_windows, person_access, transitions
from app.cases.appointment_states import UNDER_WAY, AppointmentState, AppointmentVerb, next_state
from app.cases.appointments import Appointment, OfferedTimes
from app.cases.callback_windows import CallbackWindow
from app.casework import appointment_offers, scheduler
from app.casework.auto_offer import AutoOfferContext
from app.core.errors import Conflict, Invalid
from app.directory.packs import load_packs
from app.intake.receipts import Receipt
from app.messaging.models import OutboxMessage
from app.referrals.models import FeedEvent
from app.tasks.models import Task
from tests.service.test_canaries import WORDS, everything_written, found
from tests.support.cases import together
from tests.support.desk import Browser, Page, StaffSite
from tests.web.test_desk_case import referral_of
from tests.web.test_desk_case_followup import person
from tests.web.test_partner_case_file import accepted

PLACE = "zinnober-street 7"


def form(*times: tuple[str, str], way: str = "office", place: str = PLACE, **more: str) -> dict[str, str]:
    """Days (ISO) and local times of Poland, as the form sends them."""
    fields = {"way": way, "place": place, "language": "ru", **more}
    for number, (day, hour) in enumerate(times, 1):
        fields |= {f"day_{number}": day, f"time_{number}": hour}
    return fields


TWO = form(("2026-11-26", "14:30"), ("2026-11-27", "9:05"))


def offer(browser: Browser, path: str, **fields: str) -> Page:
    return browser.submit(browser.get(path), path, **(fields or TWO))


def by_centre(office: StaffSite, **answers: object) -> tuple[str, str, Receipt]:
    label, path, receipt = accepted(office)
    assert offer(office.as_("partner"), f"{path}/appointments").did("times_offered")
    return label, f"{path}/appointments", receipt


def rows(office: StaffSite) -> list[Appointment]:
    with office.database.begin(write=False) as session:
        found = list(session.scalars(sa.select(Appointment).order_by(Appointment.created_at, Appointment.state)))
        session.expunge_all()
        return found


def answers(office: StaffSite, receipt: Receipt, verb: str, slot: int | None = None) -> None:
    """As the person's form does, for the offer that is under way."""
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at, lock=True)
        every = appointments.of_case(session, opened.case.id)
        identity = next(row.id for row in every if row.state in UNDER_WAY)
        appointment_offers.answer(session, opened, identity, AppointmentVerb(verb), slot, office.time.at)


def tasks_of(office: StaffSite, kind: str) -> list[bool]:
    with office.database.begin(write=False) as session:
        return [done is None for done in session.scalars(sa.select(Task.done_at).where(Task.kind == kind))]


def told(office: StaffSite, kind: str) -> int:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).where(OutboxMessage.kind == kind)) or 0


def test_the_table_of_states_is_the_policy() -> None:
    allowed = {
        ("open", "pick", "person"), ("open", "decline", "person"), ("open", "ask_others", "person"),
        ("agreed", "decline", "person"), ("agreed", "ask_others", "person"), ("open", "expire", "clock"),
        ("others_wanted", "withdraw", "clock"),
        *((state, "withdraw", by) for state in ("open", "agreed") for by in ("desk", "partner", "clock")),
    }  # fmt: skip
    for state in AppointmentState:
        for verb in AppointmentVerb:
            for by in ("person", "desk", "partner", "clock"):
                if (state, verb, by) in allowed:
                    next_state(state, verb, by=by)
                else:
                    with pytest.raises(Exception, match=r"(?s)."):
                        next_state(state, verb, by=by)


def test_a_centre_offers_and_the_person_picks(office: StaffSite) -> None:
    label, path, receipt = by_centre(office)
    them = person(office, receipt)
    page = them.get("/en/case")
    assert "26 November 2026, 14:30" in page.words()
    assert PLACE in page.words()
    slot = page.tree.css('input[name="slot"]')[1].attributes["value"]
    done = them.submit(page, "/en/case/appointment", slot=str(slot), answer="pick")
    assert done.location == "/en/case#appointments"
    assert "27 November 2026, 09:05" in them.get("/en/case").words()
    (row,) = rows(office)
    assert (row.state, row.agreed_slot, row.agreed_hour) == ("agreed", 1, datetime(2026, 11, 27, 8, tzinfo=UTC))
    file = Calendar.from_ical(them.get("/en/case/appointment.ics").response.content)
    (event,) = file.walk("VEVENT")
    assert (event["summary"], event["dtstart"].dt) == ("Reminder", datetime(2026, 11, 27, 8, 5, tzinfo=UTC))
    partner = office.as_("partner")
    assert "A time is agreed" in partner.get(path.removesuffix("/appointments")).words()
    assert "09:05" not in partner.get(path).words(), "closed until it is opened"
    opened = partner.submit(partner.get(path), f"{path}/show").words()
    assert "Fri 27 Nov 2026, 09:05 (Warsaw time)" in opened
    vera = office.as_("vera")
    assert "A time is agreed" in vera.get(f"/desk/cases/{label}").words()
    at_desk = f"/desk/cases/{label}/appointments"
    assert PLACE in vera.submit(vera.get(at_desk), f"{at_desk}/show").words()
    with office.database.begin(write=False) as session:
        kinds = session.scalars(
            sa.select(FeedEvent.type).where(FeedEvent.type.like("appointment.%")).order_by(FeedEvent.n)
        )
        assert list(kinds) == ["appointment.open.accepted", "appointment.agreed.accepted"]
    assert told(office, "times_answered") == 1


def test_the_same_form_twice_is_one_offer_and_a_new_one_replaces_it(office: StaffSite) -> None:
    _label, path, _receipt = by_centre(office)
    partner = office.as_("partner")
    page = partner.get(path)
    for _ in range(3):
        assert partner.submit(page, path, **TWO).status == 303
    assert sorted(row.state for row in rows(office)) == ["open", "withdrawn"]


def test_a_time_that_has_passed_or_is_taken_cannot_be_picked(office: StaffSite) -> None:
    _label, _path, receipt = by_centre(office)
    office.later(days=2, hours=3, minutes=31)  # 26 November, 14:31 in Warsaw
    with pytest.raises(Invalid):
        answers(office, receipt, "pick", 0)
    with pytest.raises(Invalid):
        answers(office, receipt, "pick", 5)
    them = person(office, receipt)
    assert "14:30" not in them.get("/en/case").words()
    answers(office, receipt, "pick", 1)
    answers(office, receipt, "pick", 1)
    with pytest.raises(Conflict):
        answers(office, receipt, "pick", 0)


def test_pick_against_withdraw_has_one_winner(office: StaffSite) -> None:
    _label, path, receipt = by_centre(office)
    partner, them = office.as_("partner"), person(office, receipt)
    page, (row,) = them.get("/en/case"), rows(office)
    assert partner.submit(partner.get(path), f"{path}/{row.id}/withdraw").did("times_withdrawn")
    late = them.submit(page, "/en/case/appointment", slot="0", answer="pick")
    assert late.status == 303, "the page says how it stands"
    assert rows(office)[0].state == "withdrawn"
    assert partner.submit(partner.get(path), path, **TWO).status == 303
    answers(office, receipt, "pick", 0)
    agreed = next(row for row in rows(office) if row.state == "agreed")
    assert partner.submit(partner.get(path), f"{path}/{agreed.id}/withdraw").status == 303
    assert {row.state for row in rows(office)} == {"withdrawn"}


def test_other_times_and_a_no_reach_who_offered(office: StaffSite) -> None:
    label, receipt = office.file()
    vera, at_desk = office.as_("vera"), f"/desk/cases/{label}/appointments"
    assert offer(vera, at_desk, **form(("2026-11-26", "14:30"), way="safe_call", place="")).did("times_offered")
    them = person(office, receipt)
    page = them.get("/en/case")
    assert "encrypted call: They call you" in page.words()
    them.submit(page, "/en/case/appointment", answer="ask_others")
    assert "You asked for other times" in them.get("/en/case").words()
    assert tasks_of(office, "appointment") == [True]
    offer(vera, at_desk)
    assert tasks_of(office, "appointment") == [False], "times were offered again"
    answers(office, receipt, "decline")
    assert told(office, "times_answered") == 2


def test_an_offer_nobody_answers_leaves_a_task_and_an_agreed_time_is_reminded_of(office: StaffSite) -> None:
    notify = {"channel": "email", "address": "x@example.org", "may_leave_message": True, "notify": True}
    label, receipt = office.file(answer_by=notify)
    case_id = office.case(label).id
    vera, at_desk = office.as_("vera"), f"/desk/cases/{label}/appointments"
    offer(vera, at_desk)
    answers(office, receipt, "pick", 0)
    (row,) = rows(office)
    assert row.remind_at == datetime(2026, 11, 25, 13, tzinfo=UTC), "a day before, to the hour"
    with office.database.begin() as session:
        session.execute(sa.delete(OutboxMessage))
        assert not appointments.due_for_reminder(session, office.time.at, 10)
    office.later(days=1, hours=4)
    for expected in (True, False):
        with office.database.begin() as session:
            assert appointment_offers.remind(session, case_id, now=office.time.at) is expected
    with office.database.begin(write=False) as session:
        near = sa.select(OutboxMessage.case_id, OutboxMessage.team_id).where(OutboxMessage.kind == "appointment_near")
        told_of = {tuple(row) for row in session.execute(near)}
    assert told_of == {(case_id, None), (None, office.case(label).team_id)}, "the person, and the team that offered it"
    offer(office.as_("vera"), at_desk)
    office.later(days=5)
    with office.database.begin() as session:
        assert list(appointments.due_for_expiry(session, office.time.at, 10)) == [case_id]
        assert appointment_offers.expire(session, case_id, now=office.time.at)
    assert sorted(row.state for row in rows(office)) == ["expired", "withdrawn"]
    assert tasks_of(office, "appointment") == [True]


def test_the_first_contact_is_the_agreed_time(office: StaffSite) -> None:
    label, _path, receipt = by_centre(office)
    answers(office, receipt, "pick", 1)
    referral = referral_of(office, label)
    assert referral.contact_by is not None
    context = AutoOfferContext(office.keys, load_packs(), frozenset())
    with office.database.begin() as session:
        session.execute(sa.update(type(referral)).values(due_at=office.time.at, contact_by=office.time.at))
    with office.database.begin() as session:
        assert scheduler.tick(session, referral.id, now=office.time.at, context=context)
    assert tasks_of(office, "first_contact") == []
    assert referral_of(office, label).due_at == datetime(2026, 11, 27, 9, tzinfo=UTC)
    office.later(days=4)
    with office.database.begin() as session:
        assert scheduler.tick(session, referral.id, now=office.time.at, context=context)
    assert tasks_of(office, "first_contact") == [True]


def test_what_is_wrong_is_said_and_nothing_typed_is_lost(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    path, partner = f"{path}/appointments", office.as_("partner")
    for wrong in (
        form(), form(("2026-11-26", "25:00")), form(("", "14:30")), form(("2026-11-26", "")),
        form(("2026-11-23", "14:30")), form(("2027-11-23", "14:30")), form(("2026-11-26", "14:30"), way=""),
        form(("2026-11-26", "14:30"), ("2026-11-26", "14:30")), form(("2026-11-26", "14:30"), place=""),
    ):  # fmt: skip
        refused = offer(partner, path, **wrong)
        assert refused.status == 422, wrong
        assert wrong["place"] in refused.text
    assert rows(office) == []


def test_an_offer_needs_work_on_the_request_and_ends_with_it(office: StaffSite) -> None:
    _label, path, _receipt = by_centre(office)
    partner, request = office.as_("partner"), path.removesuffix("/appointments")
    other = office.as_("other-partner")
    assert other.get(path).status == 404
    page = partner.get(path)
    partner.submit(partner.get(request), f"{request}/hand_back", reason="no_capacity")
    assert [row.state for row in rows(office)] == ["withdrawn"]
    assert partner.submit(page, path, **{**TWO, "once": "another"}).status == 409


def test_it_is_in_the_persons_copy_and_goes_with_the_case(office: StaffSite) -> None:
    label, _path, receipt = by_centre(office)
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        (line,) = privacy.export(session, opened, office.keys)["appointments"]
    assert (line["place"], line["way"], line["state"]) == (PLACE, "office", "open")
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    assert rows(office) == []


def test_planted_words_and_minutes_are_found_nowhere(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    offer(office.as_("partner"), f"{path}/appointments", **form(("2026-11-26", "14:37"), place=" ".join(WORDS)[:480]))
    (row,) = rows(office)
    assert row.last_hour.minute == 0
    written = everything_written(office.database, office.app.state.settings.var)
    assert found(written) == set()
    assert b"13:37" not in written


def test_words_typed_into_refused_times_and_callback_windows_are_found_nowhere(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    words = " ".join(WORDS)
    past = offer(office.as_("partner"), f"{path}/appointments", **form(("2020-11-26", "14:00"), place=words[:480]))
    assert past.status == 422
    desk = office.as_("vera")
    typed = {"day": words, "time": words, "hours": words, "places": words}
    assert desk.submit(desk.get("/desk/callbacks"), "/desk/callbacks", **typed).status == 422
    assert found(everything_written(office.database, office.app.state.settings.var)) == set()


def test_an_offer_shows_no_content() -> None:
    one = OfferedTimes((datetime(2026, 11, 26, tzinfo=UTC) + timedelta(hours=1),), "office", PLACE)
    assert repr(one) == "Offer(1 times)"


def test_an_agreed_time_to_come_stands_in_the_row_of_the_queue(office: StaffSite) -> None:
    _label, _path, receipt = by_centre(office)
    desk = office.as_("vera")
    before = desk.get("/desk/?view=working").words()
    assert "Appointment:" not in before
    assert "Times offered, the last on" in before
    answers(office, receipt, "pick", 1)
    assert "Appointment: Fri 27 Nov 2026" in desk.get("/desk/?view=working").words()
    assert "Times offered" not in desk.get("/desk/?view=working").words()
    office.later(days=4)
    assert "Appointment:" not in office.as_("vera").get("/desk/?view=working").words()


def test_the_row_of_the_queue_names_the_day_where_the_case_is(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    offer(office.as_("partner"), f"{path}/appointments", **form(("2026-11-27", "00:00")))
    (row,) = rows(office)
    assert row.last_hour == datetime(2026, 11, 26, 23, tzinfo=UTC), "in UTC it is the day before"
    assert "Times offered, the last on Fri 27 Nov 2026" in office.as_("vera").get("/desk/?view=working").words()
    answers(office, receipt, "pick", 0)
    assert "Appointment: Fri 27 Nov 2026" in office.as_("vera").get("/desk/?view=working").words()


def test_callback_windows_are_deleted_a_day_after_they_began(office: StaffSite) -> None:
    window(office)
    starts_at = datetime(2026, 11, 26, 13, tzinfo=UTC)
    for later, deleted in ((timedelta(hours=23), 0), (timedelta(days=1), 1), (timedelta(days=1), 0)):
        with office.database.begin() as session:
            assert callback_windows.delete_past(session, starts_at + later) == deleted


def window(office: StaffSite, places: int = 1, hour: str = "14:00", day: str = "2026-11-26") -> str:
    desk = office.as_("vera")
    typed = {"day": day, "time": hour, "hours": "2", "places": str(places)}
    assert desk.submit(desk.get("/desk/callbacks"), "/desk/callbacks", **typed).did("callbacks_added")
    with office.database.begin(write=False) as session:
        every = session.scalars(sa.select(CallbackWindow).order_by(CallbackWindow.starts_at)).all()
        return str(next(row.id for row in every if f"{row.starts_at + timedelta(hours=1):%H:%M}" == hour))


def taken(office: StaffSite) -> list[tuple[int, int]]:
    with office.database.begin(write=False) as session:
        every = session.scalars(sa.select(CallbackWindow).order_by(CallbackWindow.starts_at))
        return [(row.taken, row.places) for row in every]


def offer_windows(office: StaffSite, label: str, *chosen: str, **typed: str) -> Page:
    desk, path = office.as_("vera"), f"/desk/cases/{label}/appointments"
    page = desk.get(path)
    fields = {**page.form(f"{path}/windows"), "window": list(chosen), "window_way": "phone", **typed}
    return desk.post(f"{path}/windows", fields)


def test_the_last_place_of_a_callback_window_is_given_once_and_is_free_again_when_it_is_given_up(
    office: StaffSite,
) -> None:
    first, second = window(office), window(office, hour="16:00", places=2)
    people = [office.file(language="en") for _ in range(2)]
    for label, _receipt in people:
        assert offer_windows(office, label, first, second).did("times_offered")
    label, receipt = people[0]
    assert "Thursday, 26 November 2026, 14:00–16:00" in person(office, receipt).get("/en/case").words()
    answers(office, receipt, "pick", 0)
    assert taken(office) == [(1, 1), (0, 2)]
    with pytest.raises(Conflict):
        answers(office, people[1][1], "pick", 0)
    other = person(office, people[1][1])
    page = other.get("/en/case")
    assert "14:00–16:00" not in page.words(), "a full window is not shown"
    assert "16:00–18:00" in page.words()
    answers(office, receipt, "ask_others")
    assert taken(office) == [(0, 1), (0, 2)]
    answers(office, people[1][1], "pick", 0)
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(people[1][0]).id)
        privacy.service.erase(session, case, actor_kind="person", now=office.time.at)
    assert taken(office) == [(0, 1), (0, 2)], "an erased case holds no place"
    assert offer_windows(office, label, second).did("times_offered")
    answers(office, receipt, "pick", 0)
    (row,) = [one for one in rows(office) if one.state == "agreed"]
    desk = office.as_("vera")
    desk.submit(desk.get(f"/desk/cases/{label}/appointments"), f"/desk/cases/{label}/appointments/{row.id}/withdraw")
    assert taken(office) == [(0, 1), (0, 2)], "what the team cancels is free again"


def test_a_closed_or_full_window_is_not_offered_and_one_that_fills_up_is_said(office: StaffSite) -> None:
    first = window(office)
    label, receipt = office.file(language="en")
    assert offer_windows(office, label, first).did("times_offered")
    desk = office.as_("vera")
    assert desk.submit(desk.get("/desk/callbacks"), f"/desk/callbacks/{first}/close").did("callbacks_closed")
    words = person(office, receipt).get("/en/case").words()
    assert "These times have all been taken by now." in words
    with pytest.raises(Conflict):
        answers(office, receipt, "pick", 0)
    answers(office, receipt, "ask_others")
    assert "no callback window with a free place" in desk.get(f"/desk/cases/{label}/appointments").words()
    second = window(office, hour="16:00")
    assert offer_windows(office, label, first).status == 422
    assert offer_windows(office, label).status == 422
    assert offer_windows(office, label, second, window_way="office").status == 422
    wrong = {"day": "2026-11-26", "time": "14:30", "hours": "2", "places": "1"}
    for change in ({}, {"time": "2 pm"}, {"time": "14:00", "places": "51"}, {"time": "14:00", "hours": "²"}):
        page = desk.submit(desk.get("/desk/callbacks"), "/desk/callbacks", **{**wrong, **change})
        assert page.status == 422
    assert len(taken(office)) == 2


def test_the_last_place_is_taken_once_by_whoever_comes_at_the_same_moment(office: StaffSite) -> None:
    last = UUID(window(office))

    def take() -> bool:
        with office.database.begin() as session:
            return callback_windows.take(session, last)

    assert sorted(together(*[take] * 4)) == [False, False, False, True]
    assert taken(office) == [(1, 1)]
