"""The rule of a service as a form at the desk: as it is, proposed, published by another; YAML for the rest."""

from app.directory import rule_sets
from app.directory.packs import load_packs
from tests.support.desk import ONE, Browser, StaffSite
from tests.support.html import faults

PATH, KEY = "/desk/rules/form", f"{ONE}/legal-help"


def fields(browser: Browser) -> dict[str, list[str]]:
    """The form as a browser sends it, with each tick."""
    page = browser.get(f"{PATH}?service={KEY}")
    assert page.status == 200, page.words()
    assert faults(page.text) == []
    sent = {name: [value] for name, value in page.form(PATH).items()}
    for name in ("needs", "country", "status", "group"):
        ticked = page.tree.css(f'input[name="{name}"][checked]')
        sent[name] = [str(node.attributes["value"]) for node in ticked]
    return sent


def test_the_form_shows_the_rule_as_it_is_and_proposes_a_change(office: StaffSite) -> None:
    entry = load_packs().service(KEY)
    assert entry is not None
    sofia = office.as_("sofia")
    sent = fields(sofia)
    assert sent["needs"] == [need.id for need in load_packs().needs if need.id in entry.service.needs]
    less = [need for need in sent["needs"] if need != sent["needs"][-1]]
    done = sofia.send("POST", PATH, data={**sent, "needs": less, "why": ["They told us."]})
    assert done.did("rules_proposed"), done.words()
    with office.database.begin(write=False) as session:
        (proposal,) = rule_sets.proposals(session)
        content = rule_sets.content(session, proposal.digest)
    assert proposal.changed == [KEY]
    assert sorted(content[KEY]["needs"]) == sorted(less)


def test_errors_stand_on_the_form_with_what_was_typed(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    sent = fields(sofia)
    for changed, why in (
        ({"why": [""], "needs": sent["needs"][:-1]}, "Say why"),
        ({"needs": []}, "Choose at least one need."),
        ({"language": ["x1"]}, "language codes"),
        ({"country": ["QQ"]}, "does not fit the directory"),
        ({}, "These are the rules already."),
    ):
        page = sofia.send("POST", PATH, data={**sent, "why": ["Typed reason."], **changed})
        assert page.status == 422, why
        assert faults(page.text) == []
        assert why in page.words()
        if "why" not in changed:
            assert page.form(PATH)["why"] == "Typed reason."
    with office.database.begin(write=False) as session:
        assert list(rule_sets.proposals(session)) == []


def test_the_form_goes_on_in_yaml(office: StaffSite) -> None:
    sofia = office.as_("sofia")
    page = sofia.send("POST", PATH, data={**fields(sofia), "why": ["Typed reason."], "yaml": ["yes"]})
    assert page.status == 200
    form = page.form("/desk/rules")
    assert form["text"].startswith(f"{KEY}:")
    assert form["why"] == "Typed reason."


def test_only_editors_and_only_services_of_the_directory(office: StaffSite) -> None:
    assert office.as_("vera").get(f"{PATH}?service={KEY}").status == 403
    assert office.as_("sofia").get(f"{PATH}?service=nobody/nothing").status == 404
