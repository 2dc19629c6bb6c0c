"""Search of the desk: labels however they are written, names of the directory, and the case of somebody who calls."""

import pytest
import sqlalchemy as sa

from app.cases.models import Case
from app.referrals.models import Referral
from tests.support.desk import ONE, StaffSite
from tests.web.test_desk_case import audited, referral_of, referred

ELENA = {"call_me": "Елена Смирнова", "answer_by": {"channel": "phone", "address": "+48 512 345 678"}}


def test_a_label_in_any_way_of_writing_leads_to_its_case(office: StaffSite) -> None:
    label, _receipt = office.file()
    browser = office.as_("vera")
    referred(office, label, browser)
    referral = referral_of(office, label).label
    page = browser.get("/desk/")
    for written in (
        label,
        label.lower(),
        label.replace("-", ""),
        f" {label[:3]} {label[4:]} ",
        label.replace("-", "–"),
    ):
        assert browser.submit(page, "/desk/search", q=written).location == f"/desk/cases/{label}", written
    for written in (referral, referral.lower().replace("-", "")):
        assert browser.submit(page, "/desk/search", q=written).location == f"/desk/cases/{label}#r-{referral}"
    assert browser.get(f"/desk/cases/{label.lower().replace('-', '')}").location == f"/desk/cases/{label}"
    other = office.as_("outsider")
    assert "Nothing of this name" in other.submit(other.get("/desk/"), "/desk/search", q=label).words()


def test_of_two_referrals_each_leads_to_its_own_case(office: StaffSite) -> None:
    browser = office.as_("vera")
    for _ in range(2):
        referred(office, office.file()[0], browser)
    with office.database.begin(write=False) as session:
        both = session.execute(sa.select(Case.label, Referral.label).join(Referral, Referral.case_id == Case.id)).all()
    assert len(both) == 2
    page = browser.get("/desk/")
    for case, referral in both:
        assert browser.submit(page, "/desk/search", q=referral).location == f"/desk/cases/{case}#r-{referral}"


def test_organisations_services_and_members_are_found_by_the_beginning_of_words(office: StaffSite) -> None:
    browser = office.as_("vera")
    page = browser.submit(browser.get("/desk/"), "/desk/search", q="HELSINKI found")
    assert page.tree.css_first(f'main a[href="/desk/directory/organisations/{ONE}"]') is not None
    label, _receipt = office.file()
    pavel = office.as_("pavel")
    assert "pavel: no open case" in browser.submit(page, "/desk/search", q="pav").words()
    pavel.submit(pavel.get(f"/desk/cases/{label}"), f"/desk/cases/{label}/take")
    found = browser.submit(page, "/desk/search", q="pav")
    assert "pavel: 1 open case" in found.words()
    assert found.tree.css_first(f'main a[href="/desk/cases/{label}"]') is not None
    assert "Nothing of this name" in browser.submit(page, "/desk/search", q="<b>zzz").words()
    assert browser.submit(page, "/desk/search", q="").status == 200


@pytest.mark.parametrize(
    "typed", ["+48 512 345 678", "0048512345678", "512-345-678", "Elena Smirnova", "смирнова елена"]
)
def test_a_caller_is_found_by_what_they_say_and_each_look_up_is_counted(
    office: StaffSite, typed: str, capfd: pytest.CaptureFixture[str]
) -> None:
    label, _receipt = office.file(**ELENA)
    browser = office.as_("vera")
    page = browser.submit(browser.get("/desk/search"), "/desk/search/caller", caller=typed)
    assert page.tree.css_first(f'main a[href="/desk/cases/{label}"]') is not None
    assert "A match is a sign and no proof" in page.words()
    (_action, codes), *more = audited(office, "desk:caller_sought")
    assert not more
    assert codes["found"] == 1
    assert typed not in str(codes)
    other = office.as_("outsider")
    none = other.submit(other.get("/desk/search"), "/desk/search/caller", caller=typed)
    assert label not in none.text
    assert "Say neither that there is a case" in none.words()
    logged = capfd.readouterr()
    assert "/desk/search/caller" in logged.err + logged.out
    assert typed not in logged.err + logged.out


def test_what_cannot_be_compared_is_refused_at_its_field_and_looks_nothing_up(office: StaffSite) -> None:
    browser = office.as_("vera")
    for typed in ("", "aaa"):
        page = browser.submit(browser.get("/desk/search"), "/desk/search/caller", caller=typed)
        assert page.status == 422, typed
        assert page.form("/desk/search/caller")["caller"] == typed
        assert page.tree.css_first("#e-caller") is not None
    assert audited(office, "desk:caller_sought") == []


def test_the_directory_is_searched_and_filtered(office: StaffSite) -> None:
    browser = office.as_("vera")

    def slugs(query: str) -> set[str]:
        page = browser.get(f"/desk/directory?{query}")
        assert page.status == 200
        links = page.tree.css('tbody a[href^="/desk/directory/organisations/"]')
        return {str(node.attributes["href"]).rpartition("/")[2] for node in links}

    everything = slugs("")
    assert slugs("q=HELSINKI+found") == {ONE}
    assert ONE in slugs("reach=connected") < everything
    assert ONE not in slugs("reach=link") | slugs("reach=hand")
    assert ONE in slugs("need=asylum&country=PL&language=ru") < everything
    assert slugs("capacity=full") == set()
    assert ONE in slugs("capacity=unknown")
    assert slugs("shelf=unverified") < everything
    assert slugs("q=%3Cscript%3E") == set()
    page = browser.get("/desk/directory?need=asylum")
    assert page.tree.css_first('nav.views a[href*="need=asylum"]') is not None, "the other lists keep the filters"
