"""An organisation says how good a referral was: codes that are counted, words that only the team reads, both gone with the case."""

import sqlalchemy as sa

from app import privacy
from app.cases import transitions
from app.referrals import quality
from app.referrals.quality import ReferralQuality
from tests.service.test_canaries import WORDS, everything_written, found
from tests.support.desk import Browser, Page, StaffSite
from tests.web.test_desk_case import referral_of, referred
from tests.web.test_partner_case_file import accepted
from tests.web.test_referral_threads import export

WORD = "zinnober-what-we-missed"


def say(browser: Browser, path: str, *codes: str, text: str = "") -> Page:
    fields = browser.get(path).form(f"{path}/quality")
    return browser.post(f"{path}/quality", {**fields, "quality": list(codes), "text": text})  # type: ignore[dict-item]


def said(office: StaffSite) -> list[list[str]]:
    with office.database.begin(write=False) as session:
        return list(session.scalars(sa.select(ReferralQuality.codes)))


def test_codes_are_counted_and_words_are_sealed_to_the_team(office: StaffSite) -> None:
    label, path, _receipt = accepted(office)
    centre, desk = office.as_("partner"), office.as_("vera")
    assert say(centre, path, "too_late", "facts_missing", text=WORD).did("quality")
    assert said(office) == [["facts_missing", "too_late"]]
    assert say(centre, path, "complete").did("quality")
    assert said(office) == [["complete"]], "the last answer counts"
    thread = f"/desk/cases/{label}/referrals/{referral_of(office, label).label}/thread"
    page = desk.get(thread)
    assert "Everything that we needed was there" in page.words()
    assert WORD in desk.submit(page, f"{thread}/show").words()
    assert "Everything that we needed was there: fewer than 10" in desk.get("/desk/coverage/shares").words()
    with office.database.begin() as session:
        case = transitions.locked(session, office.case(label).id)
        privacy.service.erase(session, case, actor_kind="person", now=office.time.at)
    assert said(office) == []


def test_the_persons_copy_has_the_codes_only_where_the_law_wants_it(office: StaffSite) -> None:
    _label, path, receipt = accepted(office)
    assert say(office.as_("partner"), path, "too_late").did("quality")
    (silent,) = export(office, receipt)["referrals"]
    assert "quality" not in silent
    (told,) = export(office, receipt, team_conversations=True)["referrals"]
    assert told["quality"] == ["too_late"]


def test_words_about_a_referral_are_found_nowhere(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    assert say(office.as_("partner"), path, "not_for_us", text=" ".join(WORDS)).did("quality")
    assert found(everything_written(office.database, office.app.state.settings.var)) == set()


def test_what_is_missing_is_asked_again_and_nothing_typed_is_lost(office: StaffSite) -> None:
    _label, path, _receipt = accepted(office)
    centre = office.as_("partner")
    for codes in ((), ("because",), tuple(quality.QUALITY)[:5]):
        page = say(centre, path, *codes, text=WORD)
        assert page.status == 422
        assert "Choose one to four answers." in page.words()
        assert WORD in page.text
    assert said(office) == []


def test_only_what_was_accepted_is_answered_about(office: StaffSite) -> None:
    label, _receipt = office.file()
    assert referred(office, label, office.as_("vera")).status == 303
    path = f"/partner/referrals/{referral_of(office, label).label}"
    centre = office.as_("partner")
    page = centre.get(path)
    assert "How good was this referral?" not in page.words()
    csrf = page.form("/desk/sign-out")["csrf"]
    assert centre.post(f"{path}/quality", {"csrf": csrf, "quality": "complete"}).status == 409
