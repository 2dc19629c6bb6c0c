"""Rule sets: proposed by one, published by another, in force from a day on, in every process, with old runs still explained."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
import sqlalchemy as sa

from app.cases import transitions
from app.casework import filing, rematching
from app.core.errors import Conflict, IllegalMove, Invalid, NotAllowed
from app.core.ids import named_id
from app.directory import fields, published, rule_overlay, rule_sets
from app.directory.models import DirectoryEdit
from app.directory.packs import load_packs
from app.directory.published import DirectoryInForce
from app.directory.rule_sets import RuleProposal, RuleSetState, RuleSetVerb
from app.intake.schemas import Intake
from app.main import create_app
from app.matching import publication, runs
from app.matching.models import MatchRun
from app.operations.privileges import DatabaseRole
from app.referrals import refusal_proposals
from app.referrals.refusal_proposals import RefusalProposal
from app.settings import Settings
from app.staff import service as staff
from app.worker import Worker
from tests.support.databases import under
from tests.support.desk import ONE, StaffSite, intake

KEY = f"{ONE}/legal-help"
WITHOUT_ASYLUM = f"""
{KEY}:
  needs: [appeals, detention]
  rule:
    all:
      - need: {{any_of: [appeals, detention]}}
      - country: {{any_of: [PL]}}
      - language: {{any_of: [pl, ru, en]}}
"""


def propose(office: StaffSite, text: str = WITHOUT_ASYLUM, *, by: str = "sofia", days: int = 0) -> RuleProposal:
    packs = load_packs()
    with office.database.begin() as session:
        return publication.propose(
            session,
            packs,
            publication.read(text, rule_sets.with_last_set(session, packs)),
            effective_on=office.time.at.date() + timedelta(days=days),
            why="They told us by phone",
            by=member(office, by),
            now=office.time.at,
        )


def decide(office: StaffSite, proposal: RuleProposal, verb: RuleSetVerb, *, by: str) -> RuleProposal:
    with office.database.begin() as session:
        return publication.decide(session, load_packs(), proposal.id, verb, by=member(office, by), now=office.time.at)


def member(office: StaffSite, name: str) -> UUID:
    with office.database.begin(write=False) as session:
        return session.scalars(sa.select(staff.Member.id).where(staff.Member.name == name)).one()


def said_of(office: StaffSite, label: str) -> str:
    """Where the centre stands in the stored run of a case."""
    with office.database.begin(write=False) as session:
        found = runs.latest_run(session, office.keys, office.case(label).id)
    assert found is not None
    _row, result = found
    groups = (("candidate", result.candidates), ("nearest", result.nearest), ("not", result.not_matched))
    return next(place for place, group in groups for one in group if one.service == KEY)


def test_a_cases_runs_are_its_own(office: StaffSite):
    """Two people with other needs: each case shows its own runs, also after both were matched again."""
    labels = [office.file()[0], office.file(needs=["housing"], answer_by={"channel": "number"}, call_me="")[0]]
    cases = [office.case(label) for label in labels]
    for label in reversed(labels):
        with office.database.begin() as session:
            case = transitions.locked(session, office.case(label).id)
            rematching.rematch(session, office.keys, load_packs(), case, by=member(office, "vera"), now=office.time.at)
    with office.database.begin(write=False) as session:
        for case in cases:
            found = runs.runs_of_case(session, office.keys, case.id, 10)
            assert [(row.case_id, row.seq) for row, _result in found] == [(case.id, 2), (case.id, 1)]
            latest = runs.latest_run(session, office.keys, case.id)
            assert latest is not None
            assert latest[0].id == found[0][0].id
        best = [runs.latest_run(session, office.keys, case.id)[1].candidates for case in cases]  # type: ignore[index]
        assert {one.service for one in best[0]} != {one.service for one in best[1]}
    with office.database.begin() as session:
        runs.forget(session, cases[0].id)
        assert [len(runs.runs_of_case(session, office.keys, case.id, 10)) for case in cases] == [0, 2]


def filed_over_http(office: StaffSite) -> str:
    """A case that goes through the service itself, with the rules it follows."""
    directory = office.app.state.current.directory
    with office.database.begin() as session:
        return filing.file_intake(
            session, Intake.model_validate(intake()), keys=office.keys, directory=directory, now=office.time.at
        ).label


def test_what_another_person_published_is_what_the_service_follows(office: StaffSite):
    assert said_of(office, filed_over_http(office)) == "candidate"
    proposal = propose(office)
    office.later(seconds=3)
    office.as_("vera").get("/desk/rules")
    assert said_of(office, filed_over_http(office)) == "candidate"  # proposed is not published
    decide(office, proposal, RuleSetVerb.PUBLISH, by="pavel")
    office.later(seconds=3)
    office.as_("vera").get("/desk/rules")
    assert said_of(office, filed_over_http(office)) == "nearest"  # an appeal is close to it


def test_every_process_follows_it_within_seconds(office: StaffSite, tmp_path: Path):
    """Another web process and a worker, each with a memory of its own."""
    settings = Settings(var=tmp_path / "var", worker_in_web=False, base_url="http://pristan.test")
    other = create_app(settings, database=office.database, keys=office.keys, clock=office.time)
    worker = Worker(under(office.database, DatabaseRole.WORKER), office.keys, load_packs(), settings, office.time)
    decide(office, propose(office), RuleSetVerb.PUBLISH, by="pavel")
    with office.database.begin(write=False) as session:
        there = other.state.current.refresh(session, office.time.at)
        here = office.app.state.current.refresh(session, office.time.at)
        at_work = worker._current.refresh(session, office.time.at)
    assert there.digest == here.digest == at_work.digest != load_packs().digest
    entry = there.service(KEY)
    assert entry is not None
    assert entry.service.needs == ("appeals", "detention")


def in_georgian(office: StaffSite) -> DirectoryEdit:
    """The centre said at the desk that it works in Georgian only; another person published it."""
    edit = DirectoryEdit(
        subject=KEY, field="languages", old={"value": ["pl", "ru", "en"]}, new={"value": ["ka"]}, state="published",
        origin="desk", proposed_by=member(office, "sofia"), proposed_at=office.time.at,
        decided_by=member(office, "pavel"), decided_at=office.time.at,
    )  # fmt: skip
    with office.database.begin() as session:
        session.add(edit)
    return edit


def languages(office: StaffSite) -> tuple[str, ...]:
    with office.database.begin(write=False) as session:
        entry = DirectoryInForce(load_packs()).refresh(session, office.time.at).service(KEY)
    assert entry is not None
    assert entry.service.needs == ("appeals", "detention")
    return fields.languages(entry.service.rule)


def test_languages_published_at_the_desk_stand_whatever_a_rule_set_says(office: StaffSite):
    decide(office, propose(office), RuleSetVerb.PUBLISH, by="pavel")
    assert languages(office) == ("pl", "ru", "en")
    in_georgian(office)
    assert languages(office) == ("ka",)


def test_a_rule_set_with_other_languages_than_the_desk_is_told_where_to_change_them(office: StaffSite):
    in_georgian(office)
    with office.database.begin(write=False) as session:
        base = published.without_rules(session, load_packs())
        with pytest.raises(Invalid) as refused:
            publication.propose(
                session,
                base,
                publication.read(WITHOUT_ASYLUM, base),
                effective_on=office.time.at.date(),
                why="They told us by phone",
                by=member(office, "sofia"),
                now=office.time.at,
            )
    (error,) = refused.value.errors
    assert error["detail"].startswith(f"{KEY}: The languages of this service were changed in the directory.")


def test_nobody_publishes_what_they_proposed(office: StaffSite):
    proposal = propose(office)
    with pytest.raises(NotAllowed):
        decide(office, proposal, RuleSetVerb.PUBLISH, by="sofia")
    with pytest.raises(NotAllowed):
        decide(office, proposal, RuleSetVerb.REJECT, by="sofia")
    with pytest.raises(NotAllowed):
        decide(office, proposal, RuleSetVerb.WITHDRAW, by="pavel")
    assert decide(office, proposal, RuleSetVerb.WITHDRAW, by="sofia").state == RuleSetState.WITHDRAWN


def test_the_database_holds_it_too(office: StaffSite):
    proposal = propose(office)
    same = sa.update(RuleProposal).where(RuleProposal.id == proposal.id)
    values = {"state": "published", "decided_by": proposal.proposed_by, "decided_at": office.time.at}
    with pytest.raises(sa.exc.IntegrityError), office.database.begin() as session:
        session.execute(same.values(**values))


@pytest.mark.parametrize("verb", list(RuleSetVerb))
@pytest.mark.parametrize("state", list(RuleSetState))
@pytest.mark.parametrize("by_author", [True, False])
def test_every_step_that_is_not_written_here_is_refused(state: RuleSetState, verb: RuleSetVerb, by_author: bool):
    allowed = {
        (RuleSetState.PROPOSED, RuleSetVerb.PUBLISH, False): RuleSetState.PUBLISHED,
        (RuleSetState.PROPOSED, RuleSetVerb.REJECT, False): RuleSetState.REJECTED,
        (RuleSetState.PROPOSED, RuleSetVerb.WITHDRAW, True): RuleSetState.WITHDRAWN,
    }
    if (state, verb, by_author) in allowed:
        assert rule_sets.next_state(state, verb, by_author=by_author) is allowed[state, verb, by_author]
    else:
        with pytest.raises((IllegalMove, NotAllowed)):
            rule_sets.next_state(state, verb, by_author=by_author)


def test_a_set_begins_on_its_day_and_not_before(office: StaffSite):
    decide(office, propose(office, days=7), RuleSetVerb.PUBLISH, by="pavel")
    today = office.time.at.date()
    with office.database.begin(write=False) as session:
        for days, changed in ((0, False), (6, False), (7, True), (30, True)):
            found = rule_sets.in_force(session, load_packs(), today + timedelta(days=days))
            assert (found.digest != load_packs().digest) == changed


def test_one_set_is_made_upon_the_other_and_none_gets_lost(office: StaffSite):
    first, second = propose(office, days=3), propose(office, WITHOUT_ASYLUM.replace(ONE, "pl-sip"))
    decide(office, first, RuleSetVerb.PUBLISH, by="pavel")
    with pytest.raises(Conflict, match="Another rule set was published"):
        decide(office, second, RuleSetVerb.PUBLISH, by="pavel")
    third = propose(office, WITHOUT_ASYLUM.replace(ONE, "pl-sip"))
    assert third.effective_on == first.effective_on  # it cannot be earlier than the set it was made from
    decide(office, third, RuleSetVerb.PUBLISH, by="pavel")
    with office.database.begin(write=False) as session:
        later = rule_sets.in_force(session, load_packs(), third.effective_on)
    for slug in (ONE, "pl-sip"):
        entry = later.service(f"{slug}/legal-help")
        assert entry is not None
        assert entry.service.needs == ("appeals", "detention")


def test_an_old_run_is_explained_by_the_rules_it_was_made_with(office: StaffSite, tmp_path: Path):
    label = filed_over_http(office)
    decide(office, propose(office), RuleSetVerb.PUBLISH, by="pavel")
    settings = Settings(var=tmp_path / "var", worker_in_web=False)
    Worker(under(office.database, DatabaseRole.WORKER), office.keys, load_packs(), settings, office.time).run_once()
    with office.database.begin(write=False) as session:
        office.app.state.current.refresh(session, office.time.at)
    new = filed_over_http(office)
    with office.database.begin(write=False) as session:
        for case, needs in ((label, 6), (new, 2)):
            digest = session.scalars(sa.select(MatchRun.rule_set).where(MatchRun.case_id == office.case(case).id)).one()
            assert len(rule_sets.content(session, digest)[KEY]["needs"]) == needs
    assert said_of(office, label) == "candidate"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("nonsense: [", "not readable as YAML"),
        ("[]", "at least one service"),
        ("pl-nobody/legal-help: {needs: [asylum]}", "does not have"),
        (f"{KEY}: {{rules: {{}}}}", "needs and a rule, and nothing else"),
        (f"{KEY}: {{needs: [asylum], rule: {{need: {{any_of: [asylum]}}, country: {{any_of: [PL]}}}}}}", "exactly one"),
        (f"{KEY}: {{needs: [nonsense]}}", "nonsense"),
        (
            f"{KEY}: {{needs: [asylum], rule: {{all: [{{need: {{any_of: [asylum]}}}}, {{country: {{any_of: [PL]}}}},"
            " {status: {any_of: [visa]}}, {not: {status: {any_of: [visa]}}}]}}",
            "nobody can ever fulfil",
        ),
    ],
)
def test_what_can_not_be_right_is_refused_and_writes_nothing(office: StaffSite, text: str, said: str):
    with pytest.raises(Invalid) as error:
        propose(office, text)
    assert said in " ".join(found["detail"] for found in error.value.errors)
    with office.database.begin(write=False) as session:
        assert rule_sets.proposals(session) == []


def test_what_changes_nothing_is_no_proposal(office: StaffSite):
    with pytest.raises(Conflict):
        propose(office, publication.as_yaml(load_packs(), [KEY]))


def test_the_pages_propose_show_try_and_publish(office: StaffSite):
    office.file()
    sofia, pavel = office.as_("sofia"), office.as_("vera")
    with office.database.begin() as session:  # vera becomes a senior, too
        session.execute(sa.update(staff.Member).where(staff.Member.name == "vera").values(role="senior"))
    form = sofia.get(f"/desk/rules/new?service={KEY}")
    assert "any_of" in form.form("/desk/rules")["text"]
    bad = sofia.submit(form, "/desk/rules", text=f"{KEY}: {{needs: [nonsense]}}", why="They <b>said</b> so")
    assert bad.status == 422
    assert bad.form("/desk/rules")["why"] == "They <b>said</b> so"
    made = sofia.submit(form, "/desk/rules", text=WITHOUT_ASYLUM, why="They told us by phone")
    assert made.status == 303, made.words()
    address = made.location.partition("?")[0]
    mine = sofia.get(address)
    assert f'action="{address}/publish"' not in mine.text
    tried = sofia.submit(mine, f"{address}/replay")
    assert tried.status == 303
    shown = pavel.get(address)
    words = shown.words()
    assert "Waiting for a second person" in words
    assert "Cases tried1" in words
    assert "Fewer matches1" in words
    assert pavel.submit(shown, f"{address}/publish").status == 303
    assert "in force" in pavel.get("/desk/rules").words()
    assert sofia.get(address).words().count("Published")


def test_the_case_is_matched_again_and_the_difference_is_shown(office: StaffSite):
    label, _receipt = office.file()
    decide(office, propose(office), RuleSetVerb.PUBLISH, by="pavel")
    office.later(seconds=3)
    vera = office.as_("vera")
    page = vera.get(f"/desk/cases/{label}/runs")
    assert "no earlier result" in page.words()
    done = vera.submit(page, f"/desk/cases/{label}/match")
    assert done.status == 303
    words = vera.get(done.location).words()
    assert f"{KEY}: could help → near match" in words
    assert "but they help with" in words
    stale = vera.post(f"/desk/cases/{label}/match", {**page.form(f"/desk/cases/{label}/match")})
    assert stale.status == 412
    assert vera.get(f"/desk/cases/{label}").status == 200


def test_the_coverage_page_says_the_holes_as_they_are(office: StaffSite):
    vera = office.as_("vera")
    page = vera.get("/desk/coverage?country=LT")
    words = page.words()
    assert page.status == 200
    assert "Gaps in coverage, and who to ask" in words
    assert "Lithuania: Forced labour or human trafficking" in words
    assert vera.get("/desk/coverage?country=XX").status == 404


def test_a_rule_set_keeps_what_it_does_not_change_the_same_object():
    packs = load_packs()
    content = publication.read(WITHOUT_ASYLUM, packs)
    laid = rule_overlay.apply_rules(packs, content, "x")
    assert sum(a is not b for a, b in zip(packs.services, laid.services, strict=True)) == 1
    assert laid.organisation(ONE) is not packs.organisation(ONE)
    assert rule_overlay.apply_rules(packs, {"gone/away": {"needs": [], "rule": {}}}, "x").services == packs.services
    assert DirectoryInForce(packs).directory is packs


def filed_by_refusals(office: StaffSite, by_need: dict[str, list[int]]) -> UUID:
    """A proposal as the third refusal files it."""
    with office.database.begin() as session:
        filed = RefusalProposal(
            service_id=named_id("service", KEY), reason="out_of_scope", times=3, by_need=by_need, state="open",
            filed_at=office.time.at,
        )  # fmt: skip
        session.add(filed)
        session.flush()
        return filed.id


def test_what_refusals_have_filed_needs_one_who_adopts_it_and_another_who_publishes_it(office: StaffSite) -> None:
    filed = filed_by_refusals(office, {"asylum": [3, 3], "detention": [0, 2]})
    adopt, sofia = f"/desk/rules/filed/{filed}/adopt", office.as_("sofia")
    assert adopt not in office.as_("vera").get("/desk/rules").text, "a coordinator reads it"
    shown = sofia.get("/desk/rules")
    assert "Asylum" in shown.words()
    assert "3 of 3" in shown.words()
    made = sofia.submit(shown, adopt)
    assert made.did("rules_proposed")
    with office.database.begin(write=False) as session:
        (proposal,) = rule_sets.proposals(session)
        assert (proposal.state, proposal.proposed_by) == ("proposed", member(office, "sofia"))
        assert "asylum" not in rule_sets.content(session, proposal.digest)[KEY]["needs"]
        assert "3/3" in proposal.why
        assert refusal_proposals.waiting(session) == []
    with pytest.raises(NotAllowed):
        decide(office, proposal, RuleSetVerb.PUBLISH, by="sofia")
    decide(office, proposal, RuleSetVerb.PUBLISH, by="pavel")
    assert sofia.post(adopt, shown.form(adopt)).status == 409
    with office.database.begin() as session:
        assert not refusal_proposals.file(session, named_id("service", KEY), "out_of_scope", office.time.at)


def test_what_refusals_have_filed_can_be_changed_or_rejected(office: StaffSite) -> None:
    filed = filed_by_refusals(office, {"asylum": [3, 9]})
    sofia = office.as_("sofia")
    listed = sofia.get("/desk/rules")
    assert f"/desk/rules/filed/{filed}/adopt" not in listed.text, "the numbers show no other rule"
    form = sofia.get(f"/desk/rules/new?filed={filed}")
    assert sofia.submit(form, "/desk/rules", text=f"{KEY}: {{needs: [asylum, unknown]}}").status == 422
    assert sofia.submit(form, "/desk/rules", text=WITHOUT_ASYLUM).did("rules_proposed")
    again = filed_by_refusals(office, {"asylum": [3, 9]})
    reject = f"/desk/rules/filed/{again}/reject"
    assert sofia.submit(sofia.get("/desk/rules"), reject).did("rules_rejected")
    with office.database.begin(write=False) as session:
        rows = {row.id: row for row in session.scalars(sa.select(RefusalProposal))}
        assert (rows[filed].state, rows[again].state) == ("adopted", "rejected")
        assert rows[filed].adopted_as == rule_sets.proposals(session)[0].id
        assert len(rule_sets.proposals(session)) == 1
