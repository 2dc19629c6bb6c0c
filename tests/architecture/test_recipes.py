"""The recipes of CONTRIBUTING.md, walked in a copy of the repository.

Each recipe is carried out there whole, and the checks that guide an author pass. Then its steps are left out: each alone, but for
those that a test of their own tells, which are left out in one run. A check fails, and what it prints names every file to touch.
The files that CONTRIBUTING.md lists are those that were changed.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest
from babel.messages.pofile import read_po, write_po

from app.core.i18n import LANGUAGES

ROOT: Final = Path(__file__).parents[2]
CATALOGUES: Final = ("app/locales/{}/LC_MESSAGES/messages.po", "app/locales/{}/LC_MESSAGES/staff.po")
NONE_SUCH: Final = "app/locales/en/LC_MESSAGES/staff.po"
"""English is the source of the staff's messages."""
NEWEST_STEP: Final = max(int(path.name[:4]) for path in (ROOT / "alembic/versions").glob("0*.py"))
LIVE_INDEX_STEP: Final = f"alembic/versions/{NEWEST_STEP + 1:04}_count_deferred_referrals_as_live.py"
GENERATED: Final = ("app/locales/messages.pot", "app/locales/staff.pot", "docs/life-cycles.md", "docs/notices.md")
Edit = Callable[[Path], None]


def replace(name: str, old: str, new: str) -> Edit:
    """Put `new` in place of the only `old` in a file."""

    def edit(root: Path) -> None:
        path = root / name
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name} has {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def append(name: str, new: str) -> Edit:
    def edit(root: Path) -> None:
        with (root / name).open("a", encoding="utf-8") as file:
            file.write(new)

    return edit


def add(name: str, source: str) -> Edit:
    """A new file, from `tests/data/recipes/`."""

    def edit(root: Path) -> None:
        (root / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "tests/data/recipes" / source, root / name)

    return edit


def without_helpers(country: str) -> Edit:
    """The list of helpers elsewhere, without those in a country."""

    def edit(root: Path) -> None:
        path = root / "app/countries/xx/elsewhere.yaml"
        head, *entries = re.split(r"(?m)^(?=  - id: )", path.read_text(encoding="utf-8"))
        others = [entry for entry in entries if not re.search(rf"(?m)^    country: {country}$", entry)]
        assert len(others) < len(entries)
        path.write_text("".join((head, *others)), encoding="utf-8")

    return edit


def after(name: str, *pairs: tuple[str, str]) -> dict[str, tuple[Edit, ...]]:
    """The step of one file: each second text is put behind the first."""
    return {name: tuple(replace(name, old, old + new) for old, new in pairs)}


@dataclass(frozen=True)
class Recipe:
    """`steps`: the edits of each file that an author writes. `tests`: those that guide them, beside `make check`.

    `subject`: the files that state the new thing. They cannot be forgotten, for without them there is nothing new.
    """

    title: str
    steps: Mapping[str, tuple[Edit, ...]]
    tests: tuple[str, ...] = ()
    subject: str = ""
    apart: tuple[str, ...] = ()
    """Steps that are each told by a test of its own while the program starts without them: they are left out in one run."""
    languages: tuple[str, ...] = LANGUAGES


RECIPES: Final = [
    Recipe(
        "A country",
        {
            f"app/countries/am/{name}.yaml": (add(f"app/countries/am/{name}.yaml", f"am/{name}.yaml"), *more)
            for name, more in {
                "country": (),
                "services": (),
                "deadlines": (
                    replace(
                        "app/countries/am/deadlines.yaml", "label: Asylum refused – normal", "label: Refusal – normal"
                    ),
                ),
                "emergency": (),
                "guidance": (),
                "examples": (),
            }.items()
        }
        | {"app/countries/xx/elsewhere.yaml": (without_helpers("AM"),)},
        tests=(
            "tests/unit/test_pack_facts.py",
            "tests/unit/test_rules_coverage.py",
            "tests/unit/test_waiting.py::test_every_fact_of_the_table_that_may_be_shown_is_there_with_its_source",
        ),
    ),
    Recipe(
        "A need",
        {
            "app/countries/needs.yaml": (
                append(
                    "app/countries/needs.yaml",
                    "  - id: debts\n    kind: life\n    label: Debts and fines\n    related:\n"
                    "      social_benefits: Advice on benefits includes debts.\n",
                ),
            ),
        },
        tests=("tests/unit/test_pack_rules.py",),
        subject="app/countries/needs.yaml",
    ),
    Recipe(
        "A question",
        {
            "app/intake/schemas.py": (
                replace(
                    "app/intake/schemas.py",
                    "    received_on: Annotated[Day | None, FACTS] = None\n",
                    "    received_on: Annotated[Day | None, FACTS] = None\n"
                    '    appealed: Annotated[Literal["yes", "no", "unknown"] | None, FACTS] = None\n',
                ),
            ),
            "app/intake/questions.py": (
                replace(
                    "app/intake/questions.py",
                    'of="letter_kind", field="letter.received_on"),\n',
                    'of="letter_kind", field="letter.received_on"),\n'
                    '        Question("appealed", FieldKind.SELECT, N_("Have you already appealed against it?"), '
                    'options="appealed", of="letter_kind", field="letter.appealed"),\n',
                ),
            ),
            "app/intake/vocabulary.py": (
                append(
                    "app/intake/vocabulary.py",
                    'APPEALED: Final = MappingProxyType(\n'
                    '    {"yes": N_("Yes, I have"), "no": N_("Not yet"), "unknown": N_("I do not know")}\n)\n',
                ),
            ),
            "app/web/person/form_fields.py": (
                replace("app/web/person/form_fields.py", "import CHANNELS", "import APPEALED, CHANNELS"),
                replace("app/web/person/form_fields.py", ' FOR_WHOM,\n', ' FOR_WHOM,\n    "appealed": APPEALED,\n'),
            ),
        },
        tests=("tests/unit/test_questions.py", "tests/unit/test_intake_storage.py"),
    ),
    Recipe(
        "A language",
        {
            "app/core/i18n.py": (replace("app/core/i18n.py", '"de": "Deutsch",', '"de": "Deutsch", "nl": "Nederlands",'),),
            "tests/unit/test_plurals.py": (replace("tests/unit/test_plurals.py", '"de": 2}', '"de": 2, "nl": 2}'),),
        },
        tests=("tests/unit/test_plurals.py",),
        subject="app/core/i18n.py",
        languages=("nl",),
    ),
    Recipe(
        "A referral state",
        {
            **after(
                "app/referrals/states.py",
                ('    INFO_REQUESTED = "info_requested"\n', '    DEFERRED = "deferred"\n'),
                ("        S.WAITLISTED: ReferralPhase.WAITLISTED,\n", "        S.DEFERRED: ReferralPhase.WAITLISTED,\n"),
                (
                    "MOVES: Final = tuple(\n    move\n    for moves in (\n",
                    "        _moves([S.WAITLISTED], V.HOLD, S.DEFERRED, _PARTNER, C.REVIEW, D.CARD),\n",
                ),
            ),
            **after(
                "app/referrals/fhir.py",
                ('        ReferralState.WAITLISTED: "received",\n', '        ReferralState.DEFERRED: "received",\n'),
                ('        ReferralState.WAITLISTED: "active",\n', '        ReferralState.DEFERRED: "active",\n'),
            ),
            **after(
                "app/messaging/kinds.py",
                ('    REVIEW_WAITLISTED = "look_at_waitlisted"\n', '    REVIEW_DEFERRED = "look_at_deferred"\n'),
                (
                    "        NoticeKind.REVIEW_WAITLISTED:         "
                    "_row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),\n",
                    "        NoticeKind.REVIEW_DEFERRED:           "
                    "_row(Group.REVIEW, _ORGANISATION, _TEAM, to=_OWNER, speed=_DAILY),\n",
                ),
            ),
            **after(
                "app/reporting/queries.py",
                ('        ReferralState.WAITLISTED: "waiting",\n', '        ReferralState.DEFERRED: "waiting",\n'),
            ),
            **after(
                "app/web/components/labels.py",
                ('        "waitlisted": N_("On the waiting list"),\n', '        "deferred": N_("Deferred"),\n'),
            ),
            **after(
                "app/web/person/case_view.py",
                (
                    '    "waitlisted": N_("They have put you on their waiting list."),\n',
                    '    "deferred": N_("They will decide later."),\n',
                ),
            ),
            LIVE_INDEX_STEP: (
                add(LIVE_INDEX_STEP, "state/count_deferred_referrals_as_live.py"),
                replace(LIVE_INDEX_STEP, '"0015"', f'"{NEWEST_STEP + 1:04}"'),
                replace(LIVE_INDEX_STEP, '"0014"', f'"{NEWEST_STEP:04}"'),
            ),
            **after(
                "docs/partner-api.md",
                ("| `hold` / `resume` | in_progress", ", waitlisted"),
                ("/ on_hold | on_hold", ", deferred"),
                ("acknowledged, info_requested, waitlisted", ", deferred"),
            ),
            **after("docs/webhooks.md", ("`waitlisted`, ", "`deferred`, ")),
            "tests/unit/test_referral_states.py": (
                replace(
                    "tests/unit/test_referral_states.py",
                    "\naccepted          start ",
                    "\nwaitlisted hold deferred partner on_behalf\ndeferred decline declined partner on_behalf\n"
                    "deferred withdraw withdrawn coordinator senior clock\n"
                    "deferred client_withdraw client_declined person\ndeferred narrow deferred clock\n"
                    "deferred void entered_in_error senior\naccepted          start ",
                ),
            ),
            "tests/unit/test_referral_effects.py": (
                replace(
                    "tests/unit/test_referral_effects.py",
                    "\naccepted          start ",
                    "\nwaitlisted hold referral-tasks |\n"
                    "deferred decline team referral-tasks answer-time | need:return desk task:find_next@case\n"
                    "deferred withdraw organisation referral-tasks | need:return desk task:find_next@case\n"
                    "deferred client_withdraw organisation referral-tasks | need:return keys desk task:find_next@case\n"
                    "deferred narrow |\n"
                    "deferred void organisation referral-tasks | need:return desk task:find_next@case\naccepted          start ",
                ),
            ),
        },
        tests=(
            "tests/unit/test_referral_states.py",
            "tests/unit/test_referral_effects.py",
            "tests/architecture/test_life_cycles.py",
            "tests/architecture/test_notice_kinds.py",
            "tests/api/test_partner_docs.py::test_the_table_of_actions_is_the_codes",
            "tests/api/test_partner_docs.py::test_every_type_of_event_is_on_the_page",
            "tests/migrations/test_migrations.py::test_the_promises_of_the_models_stand_in_the_database[sqlite]",
        ),
        subject="app/referrals/states.py",
        apart=(
            "app/messaging/kinds.py",
            LIVE_INDEX_STEP,
            "docs/life-cycles.md",
            "docs/partner-api.md",
            "docs/webhooks.md",
            "tests/unit/test_referral_states.py",
            "tests/unit/test_referral_effects.py",
        ),
    ),
    Recipe(
        "A notice",
        {
            **after(
                "app/messaging/kinds.py",
                ('    CROWD = "crowd"\n', '    CASE_RELEASED = "case_released"\n'),
                ('    ALARM = "alarm"\n', '    RELEASED = "released"\n'),
                (
                    "        NoticeKind.CROWD:                     _row(Group.ALARM, _TEAM, to=_ON_CALL, speed=_NOW),\n",
                    "        NoticeKind.CASE_RELEASED:             _row(Group.RELEASED, _TEAM, to=_OWNER),\n",
                ),
            ),
            **after(
                "app/casework/spam_review.py",
                (
                    '    remember_undo(session, desk, case, "release", was)\n',
                    "    messaging.queue(\n        session, NoticeKind.CASE_RELEASED,\n        about_id=case.id, "
                    "team_id=case.team_id, now=desk.now,\n    )\n",
                ),
                ("from app.cases import spam_screening, undo\n", "from app import messaging\n"),
                (
                    "from app.casework.coordinator import Desk, locked_case, remember_undo\n",
                    "from app.messaging.kinds import NoticeKind\n",
                ),
            ),
            **after(
                "app/messaging/staff_texts.py",
                ('        "alarm": NN_("{n} alarm", "{n} alarms"),\n', '        "released": NN_("{n} case", "{n} cases"),\n'),
            ),
            **after(
                "app/web/desk/labels.py", ('        "alarm": N_("Alarm"),\n', '        "released": N_("Released case"),\n')
            ),
        },
        tests=("tests/architecture/test_notice_kinds.py",),
        subject="app/messaging/kinds.py app/casework/spam_review.py",
    ),
    Recipe(
        "A report",
        {
            "app/reporting/queries.py": (
                append(
                    "app/reporting/queries.py",
                    "\n\ndef is_handed_back(offer: CountedOffer) -> bool:\n"
                    "    return ReferralState(offer.state) is ReferralState.HANDED_BACK\n",
                ),
            ),
            **after(
                "app/reporting/tally.py",
                ("from app.referrals.states import ReferralVerb\n", "from app.reporting.queries import is_handed_back\n"),
                ('"""Whether it answered such an offer in time."""\n', 'KEPT: Final = ("kept", "handed_back")\n'),
                (
                    '    CHOICE = "choice"  # urgency, why the first suggestion was passed over\n',
                    '    KEPT = "kept"  # urgency, whether it was handed back\n',
                ),
                (
                    '    outcome = offer.outcome if offer.outcome is not None and offer.outcome in OUTCOMES else ""\n',
                    '    kept = "handed_back" if is_handed_back(offer) else "kept"\n'
                    "    figures[Figure(month, Subject.KEPT, organisation, (offer.urgency, kept))] += 1\n",
                ),
            ),
            **after(
                "app/reporting/figures.py",
                ("ANSWERED_WITHIN, IN_TIME, ", "KEPT, "),
                ("*IN_TIME, ", "*KEPT, "),
                ('    IN_TIME = "in_time"\n', '    KEPT = "kept"\n'),
                (
                    "    counts.equal(_grand_total(\"to_answer\"), [(\"offers\", ALL, end) for end in ANSWERABLE])\n",
                    '    counts.add(TableName.KEPT, "urgency", KEPT, '
                    "(((urgency,), kept, many) for (urgency, kept), many in _codes_of(figures, Subject.KEPT)))\n",
                ),
            ),
            **after(
                "app/web/components/report_page.py",
                ('        "in_time": N_("Answered in time"),\n', '        "kept": N_("Kept or handed back"),\n'),
                (
                    '        "late_or_never": N_("Late or never"),\n',
                    '        "kept": N_("Kept"),\n        "handed_back": N_("Handed back"),\n',
                ),
            ),
            **after(
                "docs/reports.md",
                (
                    "| Answered in time | decided within 24 hours, 72 hours or 14 days, by urgency |\n",
                    "| Kept or handed back | offers that were handed back, and the others |\n",
                ),
            ),
            **after(
                "tests/unit/test_reporting.py",
                ("in_time urgency in_time late_or_never\n", "kept urgency kept handed_back\n"),
            ),
        },
        tests=("tests/unit/test_reporting.py", "tests/architecture/test_docs.py::test_each_table_of_a_report_is_explained"),
        subject="app/reporting/figures.py",
        apart=("docs/reports.md", "tests/unit/test_reporting.py"),
    ),
]  # fmt: skip


@dataclass
class Workshop:
    """The copy, and the process that runs checks in it."""

    root: Path
    runner: "subprocess.Popen[str]"
    written: dict[str, bytes] = field(default_factory=dict)
    """Every file of the copy before the recipe."""

    def run(self, **what: Any) -> tuple[bool, str]:
        assert self.runner.stdin is not None
        assert self.runner.stdout is not None
        self.runner.stdin.write(json.dumps(what) + "\n")
        self.runner.stdin.flush()
        answer = json.loads(self.runner.stdout.readline())
        return answer["failed"], answer["output"]

    def put(self, name: str, content: bytes | None) -> None:
        path = self.root / name
        if content is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)

    def content(self, name: str) -> bytes | None:
        path = self.root / name
        return path.read_bytes() if path.exists() else None

    def carry_out(self, recipe: Recipe) -> dict[str, bytes | None]:
        """Do every step, generate what is generated, translate. Returns what was changed, as it was before."""
        languages = dict.fromkeys((*LANGUAGES, *recipe.languages))
        catalogues = [path for one in CATALOGUES for each in languages if (path := one.format(each)) != NONE_SUCH]
        before = {name: self.content(name) for name in (*recipe.steps, *catalogues, *GENERATED)}
        for edits in recipe.steps.values():
            for edit in edits:
                edit(self.root)
        failed, output = self.run(generate=True)
        assert not failed, output
        for name in catalogues:
            _translate(self.root / name)
        return {name: content for name, content in before.items() if self.content(name) != content}


def _translate(path: Path) -> None:
    """Every message that has no translation gets its English."""
    with path.open("rb") as file:
        catalogue = read_po(file)
    untranslated = [entry for entry in catalogue if entry.id and not any(entry.string)]
    for entry in untranslated:
        entry.string = entry.id if isinstance(entry.id, str) else (entry.id[-1],) * catalogue.num_plurals
    if untranslated:
        with path.open("wb") as file:
            write_po(file, catalogue, width=120, no_location=True)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    root = tmp_path_factory.mktemp("copy")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    environment = {key: value for key, value in os.environ.items() if key not in {"PYTHONPATH", "PYTEST_ADDOPTS"}}
    command = [sys.executable, str(ROOT / "tests/support/recipe_runner.py"), str(root)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root, env=environment
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == "ready\n"
        made = Workshop(root, runner)
        failed, output = made.run(compile=True, tests=sorted({test for recipe in RECIPES for test in recipe.tests}))
        assert not failed, output
        yield made
        assert runner.stdin is not None
        runner.stdin.close()


def listed_in(title: str) -> set[str]:
    """The files that CONTRIBUTING.md lists for a recipe, with their placeholders."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text.split(f"### {title}\n", 1)[1].split("\n#", 1)[0]
    return set(re.findall(r"^- `([^`]+)`", section, re.MULTILINE))


def named(name: str, output: str) -> bool:
    """Packs are named without their folder; a migration that is not there yet by its folder."""
    return re.sub(r"app/countries/|(?<=versions/)\d.*", "", name) in output


def test_every_recipe_of_contributing_is_walked() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").split("\n## Recipes\n", 1)[1]
    assert re.findall(r"(?m)^### (.+)$", text) == [recipe.title for recipe in RECIPES]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_is_whole_and_whatever_is_forgotten_is_told(workshop: Workshop, recipe: Recipe) -> None:
    before = workshop.carry_out(recipe)
    try:
        placeholders = {"am": "<country>"} | dict.fromkeys((*LANGUAGES, *recipe.languages), "<language>")
        changed = {
            re.sub(r"(?<=/)(\w\w)(?=/)", lambda found: placeholders.get(found[1], found[1]), name) for name in before
        }
        changed = {name.replace("spam_review", "<action>") for name in changed}
        changed = {re.sub(r"(?<=versions/)\d.*(?=\.py)", "<step>", name) for name in changed}
        assert changed == listed_in(recipe.title), "CONTRIBUTING.md lists other files than the recipe changes"
        failed, output = workshop.run(tests=recipe.tests, catalogues=True)
        assert not failed, output
        catalogues = tuple(name for name in before if name.startswith("app/locales/"))
        alone = [(name,) for name in before if name not in {*recipe.subject.split(), *catalogues, *recipe.apart}]
        for forgotten in filter(None, (*alone, recipe.apart, catalogues)):
            after = {name: workshop.content(name) for name in forgotten}
            for name in forgotten:
                workshop.put(name, before[name])
            translating = forgotten is catalogues
            failed, output = workshop.run(
                tests=() if translating else recipe.tests, catalogues=translating, all=forgotten is recipe.apart
            )
            assert failed, f"nothing tells that {forgotten} was forgotten"
            assert [name for name in forgotten if not named(name, output)] == [], output
            for name, content in after.items():
                workshop.put(name, content)
    finally:
        for name, content in before.items():
            workshop.put(name, content)
