"""Each closed vocabulary has one table an audience, with a row for each code; a new code is refused by each that lacks it."""

import ast
import filecmp
import inspect
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, get_args

import pytest
import sqlalchemy as sa

from app.cases import queue_queries, spam_screening
from app.cases.models import Case
from app.cases.states import CaseState, CaseVerb
from app.casework import case_closing, sealed_access
from app.casework.rule_replay import Summary
from app.core.vocabulary import complete
from app.directory import models as directory_models
from app.directory import rule_sets
from app.directory.edit_states import EditState
from app.matching import lint
from app.matching.deadlines import Certainty
from app.matching.facts import Urgency
from app.operations import status
from app.referrals import fhir, reasons, states
from app.referrals import models as referral_models
from app.referrals.models import Referral
from app.referrals.states import ReferralActor, ReferralState, ReferralVerb
from app.reporting import queries as reporting
from app.staff import proposal_rules, proposal_states
from app.staff.models import Role
from app.tasks.models import Task
from app.tasks.service import RULES, TaskKind
from app.web.account import labels as account_labels
from app.web.account.proposals import EXPORTS
from app.web.components import labels
from app.web.components.rendering import environment
from app.web.desk import labels as desk_labels
from app.web.desk import saved_replies
from app.web.person import case_view, person_prompts

ROOT = Path(__file__).resolve().parents[2]
APP = ROOT / "app"


def _codes_in(module: Any, call: str) -> set[str]:
    """The second argument of each call of this name in the module's source."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == call]
    return {str(node.args[1].value) for node in calls if isinstance(node.args[1], ast.Constant)}


def _problem_codes() -> set[str]:
    return set(re.findall(r'^            "([a-z-]+)":', inspect.getsource(status.Status.problems), re.MULTILINE))


TABLES: list[tuple[str, Mapping[Any, Any], Iterable[str]]] = [
    ("staff: urgency", labels.URGENCIES, get_args(Urgency)),
    ("staff: case states", labels.CASE_STATES, CaseState),
    ("desk: views", desk_labels.VIEWS, [*queue_queries.VIEWS, "undelivered"]),
    ("desk: empty views", desk_labels.EMPTY_VIEWS, desk_labels.VIEWS),
    ("staff: rule set states", labels.RULE_STATES, rule_sets.RuleSetState),
    ("desk: rule set verbs", desk_labels.RULE_VERBS, rule_sets.RuleSetVerb),
    ("desk: replay counts", desk_labels.REPLAY_COUNTS, Summary().counts()),
    ("desk: findings of the linter", desk_labels.FINDINGS, _codes_in(lint, "Finding") | {"unreadable"}),
    ("staff: referral states", labels.REFERRAL_STATES, ReferralState),
    ("desk: reasons", desk_labels.REASONS, reasons.REASONS),
    ("staff: outcomes", labels.OUTCOMES, reasons.OUTCOMES),
    ("staff: questions", labels.QUESTIONS, reasons.QUESTIONS),
    ("staff: work done", labels.WORK_DONE, reasons.WORK_DONE),
    ("desk: tasks", desk_labels.TASKS, TaskKind),
    ("staff: proposal states", labels.PROPOSAL_STATES, proposal_states.ProposalState),
    ("desk: saved replies", desk_labels.SAVED_REPLIES, saved_replies.QUESTIONS),
    ("desk: held reasons", desk_labels.HELD_REASONS, spam_screening.HELD_REASONS),
    ("staff: states of a directory edit", labels.EDIT_STATES, EditState),
    ("desk: origins of a directory edit", desk_labels.EDIT_ORIGINS, directory_models.ORIGINS),
    ("staff: actors", labels.ACTORS, [*ReferralActor, "desk", "client"]),
    ("desk: endings of a case", desk_labels.CASE_ENDINGS, case_closing.ENDS),
    ("desk: purposes of reading a contact", desk_labels.CONTACT_PURPOSES, sealed_access.PURPOSES),
    ("desk: certainty of a deadline", desk_labels.CERTAINTY, get_args(Certainty)),
    ("account: roles", account_labels.ROLES, Role),
    ("account: proposals", account_labels.PROPOSALS, proposal_rules.ProposalKind),
    ("account: exports", account_labels.EXPORTS, EXPORTS),
    ("desk: problems of operations", desk_labels.PROBLEMS, _problem_codes()),
    ("desk: how soon a task is due and what ends it", RULES, TaskKind),
    ("person: states of the case", case_view.STATUS, set(CaseState) - {CaseState.ERASED}),
    ("person: states of a referral", case_view.REFERRAL, ReferralState),
    ("person: a centre's questions", person_prompts.QUESTIONS, reasons.QUESTIONS),
    ("FHIR: status of the Task", fhir.TASK_STATUS, ReferralState),
    ("FHIR: status of the ServiceRequest", fhir.REQUEST_STATUS, ReferralState),
    ("FHIR: priority", fhir.PRIORITY, get_args(Urgency)),
    ("reports: what became of an offer", reporting._END_OF, ReferralState),
    ("referrals: phases", states.PHASES, ReferralState),
]


@pytest.mark.parametrize(("name", "table", "vocabulary"), TABLES, ids=[name for name, *_ in TABLES])
def test_a_table_has_a_row_for_each_code_and_no_other(
    name: str, table: Mapping[Any, Any], vocabulary: Iterable[str]
) -> None:
    assert {str(code) for code in table} == {str(code) for code in vocabulary}, name


def test_templates_name_only_tables_and_helpers_that_exist() -> None:
    """A template is refused by its own request alone, and some of its lines are rarely rendered."""
    shared = environment().globals
    named = {
        (template.name, module, name)
        for template in (APP / "web/templates").rglob("*.html")
        for module, name in re.findall(r"\b(\w*labels|time_format)\.(\w+)", template.read_text(encoding="utf-8"))
        if module in shared
    }
    assert len(named) > 40
    assert [entry for entry in named if not hasattr(shared[entry[1]], entry[2])] == []


def test_each_verb_of_a_referral_and_of_a_case_has_a_label() -> None:
    assert {verb.value for verb in [*ReferralVerb, *CaseVerb]} - set(labels.VERBS) == set()


def test_a_missing_row_and_a_row_too_many_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"no row for \['lost'\], and rows for \['found'\]"):
        complete(["lost", "seen"], {"found": 1, "seen": 2})


def test_the_live_states_of_the_index_and_the_checks_are_those_of_the_table() -> None:
    index = next(one for one in Referral.__table__.indexes if one.name == "uq_referrals_one_live")  # type: ignore[attr-defined]
    for dialect in ("sqlite", "postgresql"):
        assert set(re.findall(r"'(\w+)'", str(index.dialect_options[dialect]["where"]))) == set(states.LIVE)
    assert set(re.findall(r"'(\w+)'", referral_models._OWES)) == set(states.ANSWER_DUE)


@pytest.mark.parametrize(
    ("column", "vocabulary"),
    [
        (Referral.__table__.c.state, ReferralState),
        (Referral.__table__.c.reason, reasons.REASONS),
        (Referral.__table__.c.outcome, reasons.OUTCOMES),
        (Referral.__table__.c.question, reasons.QUESTIONS),
        (Case.__table__.c.state, CaseState),
        (Case.__table__.c.held_reason, spam_screening.HELD_REASONS),
        (Case.__table__.c.deadline_certainty, get_args(Certainty)),
        (Task.__table__.c.kind, TaskKind),
    ],
    ids=["state", "reason", "outcome", "question", "case state", "held", "certainty", "task"],
)
def test_a_column_is_wide_enough_for_each_code(column: sa.Column[str], vocabulary: Iterable[str]) -> None:
    assert max(len(code) for code in vocabulary) <= (column.type.length or 0)  # type: ignore[attr-defined]


class Copy:
    """The service's code in a folder of its own, to be changed; each program is run in it as in a fresh process."""

    def __init__(self, root: Path, runner: "subprocess.Popen[str]") -> None:
        self.app, self._runner = root / "app", runner

    def run(self, code: str) -> tuple[bool, str]:
        """Whether it failed, and what it printed."""
        assert self._runner.stdin is not None
        assert self._runner.stdout is not None
        self._runner.stdin.write(json.dumps({"code": code}) + "\n")
        self._runner.stdin.flush()
        answer = json.loads(self._runner.stdout.readline())
        return answer["failed"], answer["output"]


@pytest.fixture(scope="module")
def one_copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    root = tmp_path_factory.mktemp("copy")
    shutil.copytree(APP, root / "app", ignore=shutil.ignore_patterns("__pycache__"))
    command = [sys.executable, str(ROOT / "tests/support/recipe_runner.py"), str(root)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as runner:
        assert runner.stdin is not None
        assert runner.stdout is not None
        assert runner.stdout.readline() == "ready\n"
        yield Copy(root, runner)
        runner.stdin.close()


@pytest.fixture
def copied(one_copy: Copy) -> Iterator[Copy]:
    """As the repository has it; whatever a test changes is set right after it."""
    yield one_copy
    for path in APP.rglob("*"):
        here = one_copy.app / path.relative_to(APP)
        if path.suffix != ".pyc" and path.is_file() and not filecmp.cmp(path, here, shallow=False):
            shutil.copy2(path, here)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path}: {old}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


PLACES = [
    "referrals/states.py: PHASES",
    "referrals/fhir.py: TASK_STATUS",
    "referrals/fhir.py: REQUEST_STATUS",
    "reporting/queries.py: _END_OF",
    "web/components/labels.py: REFERRAL_STATES",
    "web/person/case_view.py: REFERRAL",
]


def test_a_made_up_referral_state_is_refused_at_import_by_each_place_that_lacks_its_row(copied: Copy) -> None:
    """The program is started again and again; each time the row is added that it asked for, until it starts."""
    app = copied.app
    _edit(app / "referrals/states.py", '    DRAFT = "draft"', '    DRAFT = "draft"\n    LOST = "lost"')
    places = []
    while True:
        failed, told = copied.run("import app.main")
        if not failed:
            break
        assert "no row for ['lost']" in told, told
        path, number = re.findall(r'File "[^"]*?/app/([^"]+)", line (\d+)', told)[-2]
        lines = (app / path).read_text(encoding="utf-8").splitlines(keepends=True)
        start = int(number) - 1
        brace = next(position for position in range(start, start + 4) if lines[position].rstrip().endswith("{"))
        value = "ReferralPhase.FAILED" if "ReferralPhase." in lines[brace + 1] else '""'
        lines.insert(brace + 1, f'    "lost": {value},\n')
        (app / path).write_text("".join(lines), encoding="utf-8")
        places.append(f"{path}: {lines[start].partition(':')[0]}")
        assert len(places) <= len(PLACES), places
    assert sorted(places) == sorted(PLACES)


NINTH_LANGUAGE = """
import json
from app.core.i18n import LANGUAGES, OWN_NAMES, translator, plural_forms
from datetime import date
from app.cli import i18n
from app.intake.schemas import Intake
from app.web.person.form_fields import SPOKEN
from app.web.components.rendering import render
import app.main
schema = Intake.model_json_schema()["properties"]["language"]
print(json.dumps({
    "name": OWN_NAMES["fr"], "plurals": plural_forms("fr")[0], "day": translator("fr").date(date(2026, 11, 24)),
    "schema": json.dumps(schema), "spoken": SPOKEN, "page": render("person/error.html", "fr", status=404, message="x"),
    "problems": sorted({one.partition(":")[0] for one in i18n.problems()}),
}))
"""


def test_a_ninth_language_is_one_code_and_a_catalogue(copied: Copy) -> None:
    app = copied.app
    _edit(app / "core/i18n.py", '"de": "Deutsch",', '"de": "Deutsch", "fr": "Français",')
    failed, output = copied.run(NINTH_LANGUAGE)
    assert not failed, output
    told = json.loads(output)
    assert (told["name"], told["plurals"], told["day"]) == ("Français", 2, "24 novembre 2026")
    assert '"fr"' in told["schema"]
    assert "fr" in told["spoken"]
    assert 'lang="fr"' in told["page"]
    assert told["problems"] == ["app/locales/fr/LC_MESSAGES/messages.po", "app/locales/fr/LC_MESSAGES/staff.po"], (
        "all that is missing is said, and is the catalogues"
    )


def test_a_30th_need_is_one_entry_of_the_file_of_needs(copied: Copy) -> None:
    app = copied.app
    before = json.loads(copied.run(NEEDS)[1])
    needs = app / "countries/needs.yaml"
    text = needs.read_text(encoding="utf-8")
    entry = re.search(r"^  - id: .*?(?=^  - )", text, re.MULTILINE | re.DOTALL)
    assert entry is not None
    made_up = re.sub(r"id: \S+", "id: made_up", entry[0])
    needs.write_text(text.replace(entry[0], entry[0] + made_up, 1), encoding="utf-8")
    failed, output = copied.run(NEEDS)
    assert not failed, output
    after = json.loads(output)
    assert (before["most"], before["packs"]) == (29, 29)
    assert (after["most"], after["packs"]) == (30, 30)


NEEDS = """
import json
from app.directory.packs import load_packs
from app.intake.schemas import Intake
print(json.dumps({"most": Intake.model_json_schema()["properties"]["needs"]["maxItems"], "packs": len(load_packs().needs)}))
"""
