"""Team and organisation talk about one referral: sealed, once, read by the two alone, and gone with the case."""

import json

import pytest
import sqlalchemy as sa

from app import privacy
from app.audit.models import AuditEntry
from app.cases import person_access, transitions
from app.cases.models import Case
from app.core import keyholders
from app.core.ids import named_id
from app.core.keyholders import KeyGrant, OwnerKind
from app.core.sealing import KeyPair
from app.intake.receipts import Receipt
from app.messaging.models import OutboxMessage
from app.operations import team_keys
from app.referrals import threads
from app.referrals.models import FeedEvent
from app.referrals.thread_models import ReferralMessage, ReferralMessageExport, ReferralMessageWrap, UnreadMessage
from app.staff.models import Team
from app.tasks.models import Task
from tests.service.test_canaries import WORDS, everything_written, found
from tests.support import desk
from tests.support.desk import ONE, Browser, Page, StaffSite
from tests.web.test_desk_case import referral_of, referred

ASKED, ANSWERED = "zinnober-question-of-the-centre", "zinnober-answer-of-the-team"


def offered(office: StaffSite, **answers: object) -> tuple[str, str, str, Receipt]:
    """A case that was offered: its label, its thread at the desk and on the partner's page, and the person's number."""
    label, receipt = office.file(**answers)
    assert referred(office, label, office.as_("vera")).status == 303
    referral = referral_of(office, label).label
    return label, f"/desk/cases/{label}/referrals/{referral}/thread", f"/partner/referrals/{referral}/thread", receipt


def write(browser: Browser, path: str, text: str) -> Page:
    return browser.submit(browser.get(path), path, text=text)


def read(browser: Browser, path: str) -> str:
    return browser.submit(browser.get(path), f"{path}/show").words()


def count(office: StaffSite, model: type) -> int:
    with office.database.begin(write=False) as session:
        return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


def export(office: StaffSite, receipt: Receipt, **how: bool) -> dict[str, object]:
    with office.database.begin() as session:
        opened = person_access.open_by_receipt(session, receipt, office.keys, office.time.at)
        return privacy.export(session, opened, office.keys, **how)


def test_both_write_and_read_and_nobody_else(office: StaffSite) -> None:
    label, at_desk, at_partner, receipt = offered(office)
    vera, partner = office.as_("vera"), office.as_("partner")
    assert write(partner, at_partner, ASKED).location == f"{at_partner}?done=message_sent"
    assert write(vera, at_desk, ANSWERED).status == 303
    assert count(office, UnreadMessage) == 1
    read(vera, at_desk)
    assert count(office, UnreadMessage) == 1, "the organisation has not read it"
    for browser, path in ((vera, at_desk), (partner, at_partner)):
        assert ASKED not in browser.get(path).text, "closed until it is opened"
        words = read(browser, path)
        assert words.index(ASKED) < words.index(ANSWERED)
    assert count(office, UnreadMessage) == 0
    assert "2 messages" in vera.get(f"/desk/cases/{label}").words()
    assert "2 messages" in partner.get(at_partner.removesuffix("/thread")).words()
    for stranger, path in (("outsider", at_desk), ("other-partner", at_partner)):
        assert office.as_(stranger).get(path).status == 404
    told = json.dumps(export(office, receipt), ensure_ascii=False)
    assert ASKED not in told
    assert ANSWERED not in told
    assert "team_conversations" not in told
    with office.database.begin(write=False) as session:
        openings = sa.select(AuditEntry).where(AuditEntry.action == "referral:thread_opened")
        opened = session.scalars(openings.order_by(AuditEntry.seq)).all()
    assert [entry.actor_kind for entry in opened] == ["coordinator", "coordinator", "partner"]


def test_a_form_sent_five_times_is_one_message_and_one_task(office: StaffSite) -> None:
    _label, at_desk, at_partner, _receipt = offered(office)
    partner, vera = office.as_("partner"), office.as_("vera")
    page = partner.get(at_partner)
    for _ in range(5):
        assert partner.submit(page, at_partner, text=ASKED).status == 303
    assert count(office, ReferralMessage) == 1
    with office.database.begin(write=False) as session:
        task = session.scalars(sa.select(Task).where(Task.kind == "message")).one()
        assert task.done_at is None
    page = vera.get(at_desk)
    for _ in range(5):
        assert vera.submit(page, at_desk, text=ANSWERED).status == 303
    assert count(office, ReferralMessage) == 2
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(Task.ending).where(Task.kind == "message")).all() == ["overtaken"]
        told = session.scalars(
            sa.select(OutboxMessage.kind).where(OutboxMessage.kind.in_(["team_wrote", "partner_wrote"]))
        )
        assert sorted(told) == ["partner_wrote", "team_wrote"]
        assert session.scalars(sa.select(FeedEvent.type).where(FeedEvent.type.like("message.%"))).all() == [
            "message.offered"
        ]


def test_a_question_in_own_words_goes_to_the_team_alone(office: StaffSite) -> None:
    label, at_desk, at_partner, _receipt = offered(office)
    path, partner = at_partner.removesuffix("/thread"), office.as_("partner")
    answer = partner.submit(partner.get(path), f"{path}/ask_info", question="papers", text=f" {ASKED} ")
    assert answer.status == 303
    assert ASKED in read(office.as_("vera"), at_desk)
    assert referral_of(office, label).question == "papers"
    assert ASKED.encode() not in _written(office)


def test_a_text_that_is_too_long_is_asked_for_again_and_moves_nothing(office: StaffSite) -> None:
    label, _at_desk, at_partner, _receipt = offered(office)
    path, partner = at_partner.removesuffix("/thread"), office.as_("partner")
    long = ASKED + "x" * threads.MAX_TEXT
    answer = partner.submit(partner.get(path), f"{path}/ask_info", question="papers", text=long)
    assert answer.status == 422
    assert ASKED in answer.text
    assert referral_of(office, label).state == "offered"
    assert partner.submit(partner.get(at_partner), at_partner, text="  ").status == 422
    assert count(office, ReferralMessage) == 0


def test_after_the_end_the_organisation_reads_and_writes_nothing_more(office: StaffSite) -> None:
    _label, at_desk, at_partner, _receipt = offered(office)
    partner, path = office.as_("partner"), at_partner.removesuffix("/thread")
    write(partner, at_partner, ASKED)
    page = partner.get(at_partner)
    partner.submit(partner.get(path), f"{path}/decline", reason="other")
    late = partner.submit(page, at_partner, text="zinnober-late")
    assert late.status == 409
    assert "zinnober-late" in late.text, "nothing typed is lost"
    assert partner.submit(page, f"{at_partner}/show").status == 409
    assert ASKED in read(office.as_("vera"), at_desk), "the team still reads it"
    assert office.as_("vera").get(at_desk).tree.css_first("textarea") is None


def test_with_consent_the_organisations_keys_go_and_with_the_case_everything(office: StaffSite) -> None:
    label, _at_desk, at_partner, _receipt = offered(office)
    write(office.as_("partner"), at_partner, ASKED)
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        privacy.withdraw(session, case, now=office.time.at)
    with office.database.begin(write=False) as session:
        assert session.scalars(sa.select(ReferralMessageWrap.kind)).all() == ["team"]
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    assert [count(office, model) for model in (ReferralMessage, ReferralMessageWrap, ReferralMessageExport)] == [
        0,
        0,
        0,
    ]


def test_a_member_without_the_key_writes_and_does_not_read(office: StaffSite) -> None:
    _label, _at_desk, at_partner, _receipt = offered(office)
    partner = office.as_("partner")
    write(partner, at_partner, ASKED)
    with office.database.begin() as session:
        session.execute(sa.delete(KeyGrant))
    partner = office.as_("partner")
    assert partner.submit(partner.get(at_partner), f"{at_partner}/show").status == 403


def test_new_keys_of_team_and_organisation_open_what_was_written_before(office: StaffSite) -> None:
    _label, at_desk, at_partner, _receipt = offered(office)
    write(office.as_("partner"), at_partner, ASKED)
    with office.database.begin() as session:  # the organisation's new key goes to its member
        owner, pair = named_id("organisation", ONE), KeyPair.generate()
        new = keyholders.register(session, OwnerKind.ORGANISATION, owner, pair.public, office.time.at)
        member = session.scalars(sa.select(desk.staff.Member).where(desk.staff.Member.name == "partner")).one()
        keyholders.grant(session, new, pair.seed, keyholders.by_id(session, member.key_id))
    assert ASKED in read(office.as_("vera"), at_desk)
    with office.database.begin() as session:
        wrap = session.scalars(sa.select(ReferralMessageWrap).where(ReferralMessageWrap.kind == "organisation")).one()
        assert wrap.key_id == new.id, "sealed again when the team opened it"
        team = session.scalars(sa.select(Team).where(Team.slug == "pl")).one()
        vera = session.scalars(sa.select(desk.staff.Member).where(desk.staff.Member.name == "vera")).one()
        held = keyholders.open_granted(session, vera.key_id, desk._pair("vera"))
        team_id, key_id = team.id, team_keys.begin(session, team.id, held, office.time.at)
        held = keyholders.open_granted(session, vera.key_id, desk._pair("vera"))
        assert team_keys.remaining(session, team_id) == 2 + 1 + 3, "two keys of the case, one message, its marks"
    team_keys.rewrap_cases(office.database, office.keys, team_id, held)
    team_keys.drop_fingerprints(office.database, team_id)
    with office.database.begin() as session:
        assert team_keys.remaining(session, team_id) == 0
        assert team_keys.end(session, team_id, office.time.at) > 0
        assert session.scalars(
            sa.select(ReferralMessageWrap.key_id).where(ReferralMessageWrap.owner_id == team_id)
        ).all() == [key_id]
    assert ASKED in read(office.as_("vera"), at_desk)
    assert ASKED in read(office.as_("partner"), at_partner)


def test_the_persons_copy_contains_it_only_where_the_law_says_so(office: StaffSite) -> None:
    _label, at_desk, at_partner, receipt = offered(office)
    write(office.as_("partner"), at_partner, ASKED)
    read(office.as_("vera"), at_desk)
    assert count(office, ReferralMessageExport) == 0
    object.__setattr__(office.app.state.settings, "export_team_conversations", True)
    assert export(office, receipt, team_conversations=True)["team_conversations"] == []
    read(office.as_("vera"), at_desk)
    (line,) = export(office, receipt, team_conversations=True)["team_conversations"]
    assert (line["by"], line["text"]) == ("partner", ASKED)


def test_a_conversation_has_an_end(office: StaffSite, monkeypatch: pytest.MonkeyPatch) -> None:
    _label, at_desk, at_partner, _receipt = offered(office)
    object.__setattr__(office.app.state.settings, "conversation_messages", 2)
    for text in ("one", "two"):
        assert write(office.as_("vera"), at_desk, text).status == 303
    refused = write(office.as_("partner"), at_partner, ASKED)
    assert refused.status == 409
    assert ASKED in refused.text


def _written(office: StaffSite) -> bytes:
    return everything_written(office.database, office.app.state.settings.var)


def test_thirty_planted_words_are_found_nowhere(office: StaffSite) -> None:
    _label, at_desk, at_partner, _receipt = offered(office)
    path, partner = at_partner.removesuffix("/thread"), office.as_("partner")
    partner.submit(partner.get(path), f"{path}/ask_info", question="other", text=" ".join(WORDS[:10]))
    write(partner, at_partner, " ".join(WORDS[10:20]))
    write(office.as_("vera"), at_desk, " ".join(WORDS[20:]))
    words = read(office.as_("vera"), at_desk)
    assert all(word in words for word in WORDS)
    assert found(_written(office)) == set()


def test_the_case_of_a_conversation_is_closed_to_another_team_after_a_move(office: StaffSite) -> None:
    label, _at_desk, at_partner, _receipt = offered(office)
    write(office.as_("partner"), at_partner, ASKED)
    with office.database.begin() as session:
        threads.destroy(session, session.scalars(sa.select(Case.id).where(Case.label == label)).one())
    assert count(office, ReferralMessage) == 0
