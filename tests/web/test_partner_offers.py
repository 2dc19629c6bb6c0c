"""The partner's page: a centre without developers answers, opens what it accepted, and finishes."""

from tests.support.desk import ADDRESS, NAME, STORY, StaffSite
from tests.web.test_desk_case import ONE, refer_link, referral_of, referred

SECRETS = (STORY, NAME, ADDRESS)


def offered(office: StaffSite) -> tuple[str, str]:
    label, _receipt = office.file(helps=["woman_lawyer"])
    assert referred(office, label, office.as_("vera")).status == 303
    return label, f"/partner/referrals/{referral_of(office, label).label}"


def test_a_partner_goes_from_the_list_to_completion(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    listed = browser.get("/partner/")
    assert path in listed.text
    words = listed.words()
    assert words.index("say that you have seen it by") < words.index("then answer by"), "what is owed next comes first"
    card = browser.get(path)
    for said in ("Asylum", "Mazowieckie", "Russian", "A woman lawyer", "once you have accepted the request"):
        assert said in card.words()
    for page in (listed, card):
        assert not any(secret in page.text for secret in SECRETS)
    assert browser.submit(card, f"{path}/accept").location == f"{path}?done=recorded"
    page = browser.get(path)
    assert not any(secret in page.text for secret in SECRETS)
    page = browser.submit(page, f"{path}/show")
    words = page.words()
    assert all(secret in words for secret in SECRETS)
    assert words.index("Do not say who you are") < words.index(ADDRESS)
    assert browser.submit(browser.get(path), f"{path}/start").status == 303
    assert browser.submit(browser.get(path), f"{path}/complete", outcome="represented").status == 303
    assert referral_of(office, label).state == "completed"
    assert office.case(label).state == "helped"


def test_before_acceptance_nothing_opens(office: StaffSite) -> None:
    _label, path = offered(office)
    browser = office.as_("partner")
    csrf = browser.get(path).form("/desk/sign-out")["csrf"]
    page = browser.post(f"{path}/show", {"csrf": csrf})
    assert page.status == 409
    assert not any(secret in page.text for secret in SECRETS)
    early = browser.get(f"{path}/documents")
    assert early.status == 409
    assert "The documents open once you have accepted." in early.words()
    assert "went wrong on our side" not in early.words(), "nothing did"


def test_what_a_partner_did_is_confirmed_as_what_it_is(office: StaffSite) -> None:
    _label, path = offered(office)
    browser = office.as_("partner")
    done = browser.submit(browser.get(path), f"{path}/acknowledge").location
    words = browser.get(done).words()
    assert "Recorded. The team sees it straight away." in words
    assert "task" not in words


def test_after_handing_back_nothing_opens(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    browser.submit(browser.get(path), f"{path}/accept")
    page = browser.get(path)
    shown = page.form(f"{path}/show")
    assert browser.submit(page, f"{path}/hand_back", reason="no_capacity").status == 303
    page = browser.post(f"{path}/show", shown)
    assert page.status == 409
    assert not any(secret in page.text for secret in SECRETS)
    assert office.case(label).state == "in_review"


def test_declining_names_a_reason_and_a_conflict_is_not_told_to_others(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    page = browser.submit(browser.get(path), f"{path}/decline", reason="")
    assert page.status == 422
    assert browser.submit(browser.get(path), f"{path}/decline", reason="conflict").status == 303
    assert referral_of(office, label).state == "declined"
    page = office.as_("vera").get(f"/desk/cases/{label}")
    assert "Not available for this case." in page.words()


def test_a_centre_that_declined_reads_nothing_more_of_the_request_and_is_asked_again_only_on_purpose(
    office: StaffSite,
) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    browser.submit(browser.get(path), f"{path}/decline", reason="out_of_scope")
    for page in (browser.get(path), browser.get("/partner/")):
        assert not any(word in page.words() for word in ("Asylum", "Russian"))
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert "Asked before: Declined" in page.words()
    assert "Reason given: They do not offer this kind of help." in page.words()
    form = vera.get(refer_link(page, ONE))
    assert "Asked before: Declined" in form.words()
    assert vera.submit(form, f"/desk/cases/{label}/refer", by_hand="yes").status == 422
    assert vera.submit(form, f"/desk/cases/{label}/refer", again="yes", by_hand="yes").status == 303


def test_waitlist_names_a_day(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    assert browser.submit(browser.get(path), f"{path}/waitlist", until="soon").status == 422
    assert browser.submit(browser.get(path), f"{path}/waitlist", until="2026-12-01").status == 303
    assert referral_of(office, label).state == "waitlisted"


def test_asking_for_more_and_the_desk_answering_starts_the_clock_again(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    assert browser.submit(browser.get(path), f"{path}/ask_info").status == 303
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}")
    assert "More information requested" in page.words()
    answer = f"/desk/cases/{label}/referrals/{referral_of(office, label).label}/answer"
    assert vera.submit(page, answer).status == 303
    assert referral_of(office, label).state == "acknowledged"


def test_who_is_late_learns_the_state_of_now(office: StaffSite) -> None:
    _label, path = offered(office)
    browser = office.as_("partner")
    page = browser.get(path)
    browser.submit(page, f"{path}/accept")
    late = browser.submit(page, f"{path}/decline", reason="other")
    assert late.status == 412
    assert "Accepted" in late.words()


def test_another_organisation_sees_nothing_of_it(office: StaffSite) -> None:
    _label, path = offered(office)
    browser = office.as_("other-partner")
    assert path not in browser.get("/partner/").text
    assert browser.get(path).status == 404
    assert browser.get("/partner/referrals/R-000-0000").text == browser.get(path).text


def test_a_verb_of_another_actor_is_refused(office: StaffSite) -> None:
    label, path = offered(office)
    browser = office.as_("partner")
    fields = browser.get(path).form(f"{path}/accept")
    for verb, status in (("withdraw", 403), ("expire", 403), ("offer", 409), ("x", 404)):
        assert browser.post(f"{path}/{verb}", {**fields, "reason": "other"}).status == status, verb
    assert referral_of(office, label).state == "offered"


def test_a_card_with_nothing_but_the_needs_is_shown_too(office: StaffSite) -> None:
    label, _receipt = office.file(region=None, helps=[])
    referred(office, label, office.as_("vera"))
    assert office.as_("partner").get(f"/partner/referrals/{referral_of(office, label).label}").status == 200
