"""Restricted cases (docs/decisions/0160): the named members work on as before, and to nobody else a door, a list or a key leads."""

from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import restriction, sealed_parts
from app.cases.models import Case, CaseMove, CaseWrap
from app.core import keyholders
from app.core.keyholders import KeyGrant, SealingKey
from app.core.sealing import CannotOpen, KeyPair
from app.messaging.models import OutboxMessage
from app.privacy import service as privacy
from app.referrals.thread_models import ReferralMessageWrap
from app.reporting import kept_figures
from app.staff.models import Member
from app.tasks.models import Task
from tests.support.desk import NAME, ONE, STORY, Browser, Page, StaffSite, _seed
from tests.web.test_desk_case import audited, referral_of, referred
from tests.web.test_referral_threads import read, write

NEED = "Asylum"
ELENA = {"call_me": "Елена Смирнова", "answer_by": {"channel": "phone", "address": "+48 512 345 678"}}
SECRETS = (STORY, NAME, NEED, "Poland")


def ids(office: StaffSite, *names: str) -> list[UUID]:
    with office.database.begin(write=False) as session:
        found = {row.name: row.id for row in session.execute(sa.select(Member.name, Member.id))}
    return [found[name] for name in names]


def name(office: StaffSite, browser: Browser, label: str, *names: str) -> Page:
    """Restrict the case to these members on its page, whatever is ticked there."""
    action = f"/desk/cases/{label}/restrict"
    fields = browser.get(f"/desk/cases/{label}").form(action)
    kept = {key: value for key, value in fields.items() if not key.startswith("named_@") or key == "named_@shown"}
    ticks = {f"named_@{one.hex}": "yes" for one in ids(office, *names)}
    return browser.post(action, {**kept, **ticks})


def restricted(office: StaffSite, *names: str, **answers: object) -> str:
    """A case that vera has taken and restricted to herself and these."""
    label, _receipt = office.file(**answers)
    vera = office.as_("vera")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/take")
    assert name(office, vera, label, "vera", *names).did("restricted")
    return label


def opens(office: StaffSite, who: str, label: str) -> list[str]:
    """What of the desk's side of this case opens with all keys that were granted to this member, past every page."""
    case, opened = office.case(label), []
    with office.database.begin(write=False) as session:
        key_id = session.scalars(sa.select(Member.key_id).where(Member.name == who)).one()
        held = keyholders.open_granted(session, key_id, KeyPair.from_seed(_seed(who)))
        for table in (CaseWrap, ReferralMessageWrap):
            wraps = session.scalars(sa.select(table).where(table.case_id == case.id, table.kind == "team"))
            opened += [getattr(wrap, "purpose", "message") for wrap in wraps if wrap.key_id in held]
    return sorted(opened)


def words_of(browser: Browser, label: str) -> Page:
    return browser.submit(browser.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/show")


def test_the_named_work_on_and_everybody_else_sees_that_it_exists(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    for who in ("vera", "pavel"):
        assert STORY in words_of(office.as_(who), label).text
        assert "Restricted to named members" in office.as_(who).get(f"/desk/cases/{label}").words()
        assert opens(office, who, label) == ["desk", "person"]
    page = office.as_("sofia").get(f"/desk/cases/{label}")
    assert page.status == 403
    assert "This case is restricted to named members" in page.words()
    assert label in page.words()
    assert not [word for word in (*SECRETS, "vera", "pavel") if word in page.words()]
    assert opens(office, "sofia", label) == []
    assert office.as_("outsider").get(f"/desk/cases/{label}").status == 404
    for who in ("auditor", "admin"):
        assert office.as_(who).get(f"/desk/cases/{label}").status == 403


def test_lists_tell_no_more_than_that_it_is_there(office: StaffSite) -> None:
    label = restricted(office, "pavel", **ELENA, letter={"kind": "other", "received_on": "2026-11-20"})
    twin, _receipt = office.file(**ELENA)
    vera, sofia = office.as_("vera"), office.as_("sofia")
    referred(office, label, vera)
    referral = referral_of(office, label).label
    queue = sofia.get("/desk/")
    row = next(one for one in queue.tree.css("#cases tr") if label in one.text())
    assert not [word for word in (*SECRETS, "vera", "Helsinki", "Russian") if word in row.text()]
    assert row.css_first('input[type="checkbox"]') is None
    assert NEED in next(one for one in vera.get("/desk/").tree.css("#cases tr") if label in one.text()).text()
    assert label not in sofia.get("/desk/today").tree.css_first('section[aria-labelledby="t-offers"]').text()
    narrowing = (
        "need=asylum",
        "country=PL",
        "language=ru",
        "sort=country",
        "sort=deadline",
        "sort=owner",
        "view=waiting",
    )
    for narrowed in narrowing:
        for browser in (vera, sofia):
            listed = browser.get(f"/desk/?{narrowed}")
            shown = [node.text() for node in listed.tree.css("#cases th a")]
            assert (label in shown) == (browser is vera), narrowed
            assert f"({len(shown)})" in listed.tree.css_first("title").text(), "the counts leave it out as the lists do"
    csv = sofia.post("/desk/queue.csv", sofia.get("/desk/").form("/desk/queue.csv")).text
    line = next(one for one in csv.splitlines() if one.startswith(label))
    assert "(restricted)" in line
    assert not [word for word in (*SECRETS, "vera", "Helsinki", "Russian") if word in line]
    assert label not in sofia.get("/desk/calendar").text
    assert "Nothing of this name" in sofia.submit(queue, "/desk/search", q=referral).words()
    assert sofia.submit(queue, "/desk/search", q=label).location == f"/desk/cases/{label}"
    assert label not in sofia.submit(queue, "/desk/search", q="vera").words()
    assert label not in sofia.get(f"/desk/cases/{twin}").words(), "who wrote twice"
    assert label in vera.get(f"/desk/cases/{twin}").words()
    assert label not in _caller(sofia)
    assert label in _caller(vera)


def _caller(browser: Browser) -> str:
    page = browser.get("/desk/search")
    action = next(node.attributes["action"] for node in page.tree.css("form") if node.css_first('[name="caller"]'))
    return browser.submit(page, str(action), caller="+48 512 345 678").words()


def test_tasks_households_and_the_audit_tell_its_label_alone(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    other, _receipt = office.file()
    vera, sofia = office.as_("vera"), office.as_("sofia")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/household", other=other)
    assert label in vera.get(f"/desk/cases/{other}").words()
    assert label not in sofia.get(f"/desk/cases/{other}").words()
    tasks = sofia.get("/desk/tasks")
    assert "A task of a restricted case" in tasks.words()
    assert "You can now open" not in tasks.words()
    assert "You can now open" in office.as_("pavel").get("/desk/tasks").words()
    with office.database.begin(write=False) as session:
        task = session.scalars(sa.select(Task.id).where(Task.done_at.is_(None))).first()
    csrf = sofia.get("/desk/").form("/desk/bulk")["csrf"]
    for act in ("take", "done", "reopen"):
        assert sofia.post(f"/desk/tasks/{task}/{act}", {"csrf": csrf}).status in {403, 404}
    for who, shown in (("auditor", False), ("admin", False)):
        page = office.as_(who).get("/desk/audit", params={"about": label})
        assert "case:restricted" in page.words()
        assert ("members:" in page.words()) == shown
        assert label in page.tree.css_first('section[aria-labelledby="t-restricted"]').text()


def test_what_a_member_types_is_kept_and_fewer_than_two_are_refused(office: StaffSite) -> None:
    label, _receipt = office.file()
    sofia = office.as_("sofia")
    for names, said in (
        (("sofia",), "Name at least 2 members"),
        (("vera", "pavel"), "Name yourself too"),
        (("sofia", "outsider"), "who hold the team's key"),
        (("sofia", "admin"), "who hold the team's key"),
    ):
        page = name(office, sofia, label, *names)
        assert page.status == 422
        assert said in page.words()
        ticked = {str(node.attributes["name"]) for node in page.tree.css('input[name^="named_@"][checked]')}
        known = ids(office, *(one for one in names if one in {"vera", "pavel", "sofia"}))
        assert ticked == {f"named_@{one.hex}" for one in known}
    assert not office.case(label).restricted
    assert opens(office, "pavel", label) == ["desk", "person"]
    pavel = office.as_("pavel")
    assert pavel.get(f"/desk/cases/{label}").button(f"/desk/cases/{label}/restrict") is None, "neither senior nor owner"
    csrf = pavel.get(f"/desk/cases/{label}").form(f"/desk/cases/{label}/take")
    forged = {**csrf, "with": "", **{f"named_@{one.hex}": "yes" for one in ids(office, "pavel", "vera")}}
    assert pavel.post(f"/desk/cases/{label}/restrict", forged).status == 403
    assert not office.case(label).restricted


def test_names_change_and_the_restriction_is_lifted_by_those_who_are_named(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    vera, pavel = office.as_("vera"), office.as_("pavel")
    with office.database.begin(write=False) as session:
        first_key = keyholders.active_key(session, restriction.circle_id(office.case(label).id))
        assert first_key is not None
    assert name(office, pavel, label, "pavel", "sofia").did("names_changed")
    assert opens(office, "vera", label) == []
    assert vera.get(f"/desk/cases/{label}").status == 403
    assert opens(office, "sofia", label) == ["desk", "person"]
    assert office.case(label).owner_id == ids(office, "pavel")[0], "its owner is one of those who can open it"
    with office.database.begin(write=False) as session:
        left = session.scalars(sa.select(KeyGrant.id).where(KeyGrant.sealing_key_id == first_key.id)).all()
        assert left == []
    sofia = office.as_("sofia")
    assert name(office, sofia, label, "vera", "pavel").location.startswith("/desk/?")
    assert opens(office, "sofia", label) == []
    action = f"/desk/cases/{label}/restrict/lift"
    assert pavel.submit(pavel.get(f"/desk/cases/{label}"), action).did("restriction_lifted")
    assert [opens(office, who, label) for who in ("vera", "pavel", "sofia")] == [["desk", "person"]] * 3
    assert STORY in words_of(office.as_("sofia"), label).text
    with office.database.begin(write=False) as session:
        keys = session.scalars(sa.select(SealingKey).where(SealingKey.case_id.is_not(None))).all()
        assert not [key for key in keys if key.active]
        granted = sa.select(KeyGrant.id).where(KeyGrant.sealing_key_id.in_([key.id for key in keys]))
        assert session.scalars(granted).all() == []
    done = [action for action, _codes in audited(office, "case:")]
    assert [one for one in done if "restrict" in one or "names" in one] == [
        "case:restricted", "case:names_changed", "case:names_changed", "case:restriction_lifted",
    ]  # fmt: skip


def test_a_conversation_goes_on_between_the_centre_and_those_who_are_named(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera, partner = office.as_("vera"), office.as_("partner")
    referred(office, label, vera)
    referral = referral_of(office, label).label
    at_desk, at_partner = f"/desk/cases/{label}/referrals/{referral}/thread", f"/partner/referrals/{referral}/thread"
    write(partner, at_partner, "zinnober-before")
    assert name(office, office.as_("sofia"), label, "sofia", "vera").did("restricted")
    write(partner, at_partner, "zinnober-after")
    assert opens(office, "pavel", label) == []
    assert office.as_("pavel").get(at_desk).status == 403
    for text in ("zinnober-before", "zinnober-after"):
        assert text in read(vera, at_desk)
        assert text in read(partner, at_partner)
    write(vera, at_desk, "zinnober-answer")
    assert "zinnober-answer" in read(partner, at_partner)
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/restrict/lift")
    assert opens(office, "pavel", label) == ["desk", "message", "message", "message", "person"]


def test_it_is_given_only_to_the_named_and_a_note_mentions_nobody_else(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert "sofia" not in [node.text().strip() for node in page.tree.css('select[name="member"] option')]
    (sofia,) = ids(office, "sofia")
    assert vera.submit(page, f"/desk/cases/{label}/assign", member=str(sofia)).status == 422
    assert vera.submit(page, f"/desk/cases/{label}/note", note="@sofia zinnober").status == 422
    assert vera.submit(page, f"/desk/cases/{label}/note", note="@pavel zinnober").status in {303, 200}


def test_an_open_question_to_another_team_ends_and_none_is_asked(office: StaffSite) -> None:
    label, _receipt = office.file()
    sofia, move = office.as_("sofia"), f"/desk/cases/{label}/move"
    sofia.submit(sofia.get(f"/desk/cases/{label}"), move, country="GE")
    assert name(office, sofia, label, "sofia", "vera").did("restricted")
    with office.database.begin(write=False) as session:
        row = session.scalars(sa.select(CaseMove)).one()
        assert (row.answer, row.desk_key) == ("ended", None), "no key waits for the other team"
    assert sofia.submit(sofia.get(f"/desk/cases/{label}"), move, country="GE").status == 409


def test_a_restricted_case_is_merged_with_none_that_is_not(office: StaffSite) -> None:
    label, (other, _receipt) = restricted(office, "pavel"), office.file()
    vera, sofia = office.as_("vera"), office.as_("sofia")
    assert vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/merge", into=other).status == 409
    assert sofia.submit(sofia.get(f"/desk/cases/{other}"), f"/desk/cases/{other}/merge", into=label).status == 403
    linked = sofia.submit(sofia.get(f"/desk/cases/{other}"), f"/desk/cases/{other}/household", other=label)
    assert linked.status == 403


def test_reports_count_it_nowhere_while_it_is_restricted(office: StaffSite) -> None:
    label, _receipt = office.file()
    vera = office.as_("vera")
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/take")

    def figures() -> int:
        with office.database.begin() as session:
            kept_figures.settle(session)
            return sum(kept_figures.read(session, ["2026-11"], team_id=office.case(label).team_id).figures.values())

    counted = figures()
    assert counted
    name(office, vera, label, "vera", "pavel")
    assert figures() == 0
    vera.submit(vera.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/restrict/lift")
    assert figures() == counted


@pytest.mark.parametrize("who", ["pavel", "sofia", "vera"])
def test_its_wraps_open_with_no_key_of_the_team(office: StaffSite, who: str) -> None:
    label = restricted(office, "pavel")
    with office.database.begin(write=False) as session:
        member = session.scalars(sa.select(Member).where(Member.name == who)).one()
        held = keyholders.open_granted(session, member.key_id, KeyPair.from_seed(_seed(who)), of_cases=False)
        assert held, "the team's"
        case_id = office.case(label).id
        for purpose in (sealed_parts.PERSON, sealed_parts.DESK):
            for seed in held.values():
                with pytest.raises(CannotOpen):
                    sealed_parts.data_key(
                        session, office.keys, case_id, purpose, restriction.circle_id(case_id), KeyPair.from_seed(seed)
                    )


def test_the_page_of_two_who_restrict_at_once_says_so_to_the_second(office: StaffSite) -> None:
    label, _receipt = office.file()
    sofia, action = office.as_("sofia"), f"/desk/cases/{label}/restrict"
    stale = {**sofia.get(f"/desk/cases/{label}").form(action)}
    stale |= {f"named_@{one.hex}": "yes" for one in ids(office, "sofia", "pavel")}
    assert name(office, sofia, label, "sofia", "vera").did("restricted")
    assert sofia.post(action, stale).status == 412
    assert opens(office, "pavel", label) == []


def test_a_case_page_that_was_open_before_does_nothing_afterwards(office: StaffSite) -> None:
    """The page of a colleague who was not named still stands on their screen: no button of it works any more."""
    label, _receipt = office.file()
    pavel, sofia = office.as_("pavel"), office.as_("sofia")
    page = pavel.get(f"/desk/cases/{label}")
    name(office, sofia, label, "sofia", "vera")
    for act in ("show", "take", "note", "message", "typed", "undo"):
        if page.button(f"/desk/cases/{label}/{act}") is not None:
            answer = pavel.submit(page, f"/desk/cases/{label}/{act}", note="n", text="t")
            assert answer.status == 403, act
            assert STORY not in answer.text


def test_an_erased_case_is_restricted_no_more(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    with office.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == label)).one()
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
        assert not case.restricted
        assert restriction.end_unused_keys(session) == 2
        assert restriction.overview(session) == []


def test_the_organisation_reads_on_after_it_accepts(office: StaffSite) -> None:
    label = restricted(office, "pavel")
    referred(office, label, office.as_("vera"), ONE)
    referral, partner = referral_of(office, label).label, office.as_("partner")
    page = partner.get(f"/partner/referrals/{referral}")
    assert page.status == 200
    assert "restricted" not in page.words().lower()


def test_signing_out_keeps_what_was_typed_for_a_case_restricted_meanwhile(office: StaffSite) -> None:
    label, _receipt = office.file()
    pavel, sofia, path = office.as_("pavel"), office.as_("sofia"), f"/desk/cases/{label}"
    page = pavel.get(path)
    name(office, sofia, label, "sofia", "vera")
    typed = {"note": "Called twice & wrote", "text": "When did the letter come?"}
    kept = pavel.submit(page, f"{path}/go", **typed, **{"with": "to=/desk/sign-out"})
    assert (kept.status, STORY in kept.text) == (403, False)
    assert {node.text().strip() for node in kept.tree.css("textarea")} == set(typed.values())
    assert pavel.submit(page, f"{path}/go", **typed, **{"with": "to=/desk/tasks"}).status == 403
    assert pavel.submit(page, f"{path}/go", **{"with": "to=/desk/tasks"}).location == "/desk/tasks", "nothing typed"
    assert pavel.submit(kept, "/desk/sign-out").location == "/desk/sign-in"


def test_signing_out_keeps_what_was_typed_for_a_case_erased_meanwhile(office: StaffSite) -> None:
    label, _receipt = office.file()
    pavel, path = office.as_("pavel"), f"/desk/cases/{label}"
    page = pavel.get(path)
    with office.database.begin() as session:
        case = session.scalars(sa.select(Case).where(Case.label == label)).one()
        privacy.erase(session, case, actor_kind="person", now=office.time.at)
    kept = pavel.submit(page, f"{path}/go", note="Called twice", **{"with": "to=/desk/sign-out"})
    assert kept.status == 404
    assert [node.text().strip() for node in kept.tree.css("textarea")] == ["Called twice"]
    assert pavel.submit(kept, "/desk/sign-out").location == "/desk/sign-in"


def test_who_is_named_is_told_by_a_notice_of_their_own(office: StaffSite) -> None:
    label, _receipt = office.file()
    sofia = office.as_("sofia")
    name(office, sofia, label, "sofia", "vera")
    told = sa.select(Member.name).join(OutboxMessage, OutboxMessage.member_id == Member.id).order_by(Member.name)
    told = told.where(OutboxMessage.kind == "named")
    with office.database.begin(write=False) as session:
        assert session.scalars(told).all() == ["vera"], "not who restricts it"
    name(office, sofia, label, "sofia", "vera", "pavel")
    with office.database.begin(write=False) as session:
        assert session.scalars(told).all() == ["pavel", "vera"], "once each: vera was named before"
