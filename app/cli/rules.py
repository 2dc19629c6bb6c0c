"""`pristan match` and `pristan rules …`: tools for authors of matching rules.

Only `replay` and the commands on proposed rule sets need the database.
"""

import json
from collections.abc import Callable, Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn
from uuid import UUID

import typer

from app.cli import files

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from app.casework.rule_replay import Summary
    from app.core.errors import AppError
    from app.directory.catalogue import Directory
    from app.matching.code_names import CodeNames
    from app.matching.deadlines import DeadlineFinding
    from app.matching.engine import MatchResult, ServiceMatch
    from app.matching.facts import Facts

rules_app = typer.Typer(no_args_is_help=True, help="Check, test, replay and publish matching rules.")
Packs = Annotated[
    Path | None,
    typer.Option("--packs", help="Folder of country packs. Default: the built-in packs.", callback=files.folder),
]
On = Annotated[
    datetime | None, typer.Option("--on", formats=["%Y-%m-%d"], help="Date to evaluate the rules on. Default: today.")
]


def match(
    file: Annotated[Path, typer.Argument(help="Intake as a JSON file; - reads standard input.")],
    packs: Packs = None,
    on: On = None,
    language: Annotated[str, typer.Option(help="Language of the explanation.")] = "en",
    seed: Annotated[int, typer.Option(help="Seed for the order of services that rank equally.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with the outcome of each condition.")] = False,
) -> None:
    """Print which services can help with an intake, in which order and why, and why the others cannot. Stores nothing."""
    from app.core.errors import Invalid
    from app.intake.schemas import read
    from app.matching import runs
    from app.matching.code_names import CodeNames
    from app.matching.engine import evaluate, related_needs

    directory = _directory(packs)
    now = _moment(on)
    try:
        intake = read(files.json_document(file), directory, now.date())
    except Invalid as error:
        for fault in error.errors:
            typer.echo(f"{fault['pointer'] or '/'}: {fault['detail']}", err=True)
        raise typer.Exit(2) from None
    facts, deadline = runs.facts_and_deadline(intake.answers(), directory, now)
    result = evaluate(
        facts,
        directory.services_for(facts.country),
        runs.local_date(directory, facts.country, now),
        related=related_needs(directory),
        seed=seed,
    )
    code_names = CodeNames(language, directory)
    if as_json:
        typer.echo(json.dumps(_result_document(facts, deadline, result, code_names), ensure_ascii=False, indent=2))
    else:
        _print_result(facts, deadline, result, code_names)


@rules_app.command()
def lint(
    packs: Packs = None,
    on: On = None,
    strict: Annotated[bool, typer.Option("--strict", help="Treat warnings as errors.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="Print errors only.")] = False,
) -> None:
    """Check the rules: contradictions, unreachable conditions, duplicates, missing reasons or translations, wrong units
    and dates, outdated sources.
    """
    from app.matching.lint import lint as find

    findings = find(_directory(packs), _moment(on).date(), catalogues=_catalogues())
    errors = sum(finding.level == "error" for finding in findings)
    for finding in findings:
        if finding.level == "error" or not quiet:
            typer.echo(f"{finding.level:8}{finding.code:15}{finding.position}: {finding.text}")
    typer.echo(f"{errors} errors, {len(findings) - errors} warnings")
    if errors or (strict and findings):
        raise typer.Exit(1)


@rules_app.command("test")
def try_examples(packs: Packs = None) -> None:
    """Run the examples of the packs: facts of a person, and the centres that must and must not match."""
    from app.directory.packs import PACKS, PackError
    from app.matching.examples import check

    directory = _directory(packs)
    try:
        count, faults = check(directory, packs or PACKS)
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None
    for fault in faults:
        typer.echo(f"{fault.country}: {fault.person}: {fault.difference}")
    typer.echo(f"{count} examples, {len({(fault.country, fault.person) for fault in faults})} failed")
    if faults:
        raise typer.Exit(1)


@rules_app.command()
def coverage(
    packs: Packs = None,
    on: On = None,
    country: Annotated[str | None, typer.Option(help="Only this country, for example PL.")] = None,
    holes: Annotated[
        bool, typer.Option("--holes", help="Only needs without a confirmed centre, with the nearest centres.")
    ] = False,
    language: Annotated[str, typer.Option(help="Language of the names and reasons.")] = "en",
) -> None:
    """Print for each need and country how many confirmed centres can help, in which languages, and where none can."""
    from app.matching.code_names import CodeNames
    from app.matching.coverage import SPOKEN
    from app.matching.coverage import coverage as cells_of
    from app.matching.reasons import render

    directory = _directory(packs)
    code_names = CodeNames(language, directory)
    cells = cells_of(directory, _moment(on).date(), [country.upper()] if country else None)
    for cell in cells:
        if holes and not cell.is_hole:
            continue
        spoken = " ".join(code for code in SPOKEN if code in cell.speaks)
        note = "nobody" if cell.is_hole else "one centre" if cell.is_thin else ""
        unsure = f"+{len(cell.unverified)} unverified" if cell.unverified else ""
        typer.echo(
            f"{cell.country}  {code_names.need(cell.need):45}{cell.verified:3}  {spoken:12}{note:12}{unsure}".rstrip()
        )
        for match in cell.nearest[:3] if cell.is_hole else ():
            typer.echo(
                f"      nearest {match.service}: {' '.join(render(reason, code_names) for reason in match.reasons)}"
            )
    nobody = sum(cell.is_hole and not cell.unverified for cell in cells)
    typer.echo(
        f"{len(cells)} cells: {sum(cell.is_hole for cell in cells)} without a confirmed centre ({nobody} without any),"
        f" {sum(cell.is_thin for cell in cells)} with a single one"
    )


@rules_app.command()
def replay(
    ruleset: Annotated[
        Path | None, typer.Option("--ruleset", help="Folder of country packs, or a file with the changed services.")
    ] = None,
    proposal: Annotated[
        str | None,
        typer.Option("--proposal", help="Id of a proposed rule set; the resulting counts are stored with it."),
    ] = None,
    show: Annotated[int, typer.Option(help="Number of cases to list.")] = 50,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Number of processes.")] = 2,
) -> None:
    """Match all stored cases under another rule set and print what would change. Changes no case."""
    from app.app_context import open_app_context
    from app.casework.rule_replay import Summary, count_replayable
    from app.cli.parallel_replay import replay_on
    from app.core.errors import AppError
    from app.matching import publication

    if (ruleset is None) == (proposal is None):
        raise typer.BadParameter("give either --ruleset or --proposal")
    context = open_app_context()
    summary = Summary()
    with context.database.begin(write=False) as session:
        try:
            directory = _other_rules(session, context.directory, ruleset, proposal)
        except AppError as error:
            _fail(error)
        count = count_replayable(session)
    with typer.progressbar(length=count, label="Cases") as bar:
        before = 0
        for done in replay_on(context, directory, summary, processes):
            bar.update(done - before)
            before = done
    if proposal is not None:
        with context.database.begin() as session:
            publication.store_replay_counts(
                session, publication.proposal_by_id(session, UUID(proposal)), summary.counts()
            )
    _print_replay(summary, show)


def _other_rules(session: "Session", packs: "Directory", ruleset: Path | None, proposal: str | None) -> "Directory":
    """The directory under the other rules. Raises Invalid, NotFound."""
    from app.core.clock import utc_now
    from app.core.errors import NotFound
    from app.directory import rule_sets as directory_rule_sets
    from app.matching import publication

    if ruleset is not None and ruleset.is_dir():
        return _directory(ruleset)
    now = utc_now()
    present = directory_rule_sets.in_force(session, packs, now.date())
    if ruleset is not None:
        content = publication.read(files.text(ruleset), present)
    else:
        try:
            content = directory_rule_sets.content(session, publication.proposal_by_id(session, UUID(proposal)).digest)
        except ValueError:
            raise NotFound("There is no such rule set.") from None
    return publication.checked(present, content, now.date())[0]


def _print_replay(summary: "Summary", show: int) -> None:
    for moved in summary.moved[:show]:
        difference = moved.difference
        typer.echo(
            f"{moved.label}  {moved.country}  {difference.first_was or 'nobody'} -> {difference.first_now or 'nobody'}"
        )
        for change in difference.changes:
            typer.echo(f"    {change.service}: {change.was} -> {change.now}")
    if len(summary.moved) > show:
        typer.echo(f"… and {len(summary.moved) - show} more")
    for country, count in sorted(summary.by_country().items()):
        typer.echo(f"{country}: {count} with another first choice")
    typer.echo(
        f"{summary.cases} cases: {summary.unchanged} unchanged, {summary.first_moved} with another first choice,"
        f" {summary.gained} gain a candidate, {summary.lost} lose one, {summary.now_without_anybody} would have no"
        f" candidate; {summary.unreadable} could not be read"
    )


def _fail(error: "AppError") -> NoReturn:
    """Print one line for each error and exit with 2."""
    for fault in getattr(error, "errors", None) or ({"detail": error.detail or error.title},):
        typer.echo(fault["detail"], err=True)
    raise typer.Exit(2) from None


# --- proposals, decided by two people --------------------------------------------------------------------------------

Who = Annotated[str, typer.Option("--as", help="Your sign-in name. You must be a senior or an admin.")]
Which = Annotated[str, typer.Argument(metavar="ID", help="Id of the rule set, as listed by `pristan rules sets`.")]


@rules_app.command()
def sets() -> None:
    """List all proposed rule sets, newest first, and mark the one in force."""
    from app.cli import rule_sets

    rule_sets.sets()


@rules_app.command()
def propose(
    file: Annotated[Path, typer.Argument(help="YAML file with the changed services, each with its needs and rule.")],
    who: Who,
    why: Annotated[str, typer.Option(help="Reason: what the centre said, and who asked them.")],
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="First day on which the rules apply (UTC).")
    ] = None,
) -> None:
    """Propose changed rules. They come into force after another member has published them."""
    from app.cli import rule_sets

    rule_sets.propose(file, who, why, _moment(first).date())


@rules_app.command()
def publish(which: Which, who: Who) -> None:
    """Publish a proposed rule set. Its author cannot do this."""
    from app.cli import rule_sets

    rule_sets.decide("publish", which, who)


@rules_app.command()
def reject(which: Which, who: Who) -> None:
    """Reject a proposed rule set. Its author cannot do this."""
    from app.cli import rule_sets

    rule_sets.decide("reject", which, who)


@rules_app.command()
def withdraw(which: Which, who: Who) -> None:
    """Withdraw a rule set that you proposed."""
    from app.cli import rule_sets

    rule_sets.decide("withdraw", which, who)


# --- reading ---------------------------------------------------------------------------------------------------------


def _directory(packs: Path | None) -> "Directory":
    from app.directory.packs import PackError, load_packs

    try:
        return load_packs(packs)
    except PackError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(2) from None


def _moment(on: datetime | None) -> datetime:
    from datetime import UTC

    from app.core.clock import utc_now

    return datetime.combine(on.date(), time(12), UTC) if on else utc_now()


def _catalogues() -> dict[str, Callable[[str], bool]]:
    """For each language except English, a function that tells whether its catalogue translates a message."""
    from babel.messages.pofile import read_po

    from app.core.i18n import LANGUAGES, po_file

    catalogues: dict[str, Callable[[str], bool]] = {}
    for language in LANGUAGES:
        if language == "en":
            continue
        path = po_file(language)
        if not path.exists():
            catalogues[language] = lambda _message: False
            continue
        with path.open("rb") as file:
            translated = {message.id for message in read_po(file) if message.id and message.string}
        catalogues[language] = translated.__contains__
    return catalogues


# --- writing ---------------------------------------------------------------------------------------------------------


def _print_result(
    facts: "Facts", deadline: "DeadlineFinding | None", result: "MatchResult", code_names: "CodeNames"
) -> None:
    typer.echo(f"Urgency: {facts.urgency}")
    if deadline is not None:
        passed = " It has passed." if deadline.passed else ""
        passed += "" if deadline.is_known else " We do not know the deadline: it may be over."
        typer.echo(
            f"Last safe day: {code_names.translator.date(deadline.last_safe_day)} ({deadline.certainty}).{passed}"
        )
        typer.echo(f"  Source: {deadline.source}. Check the date printed in your letter.")
    for title, group in (
        ("Candidates", result.candidates),
        ("Nearest", result.nearest),
        ("Not matched", result.not_matched),
    ):
        typer.echo(f"\n{title}: {len(group)}")
        for match in group:
            _print_service(match, code_names)


def _print_service(match: "ServiceMatch", code_names: "CodeNames") -> None:
    from app.matching.order import named_terms
    from app.matching.reasons import render

    rank = f"{match.rank}. " if match.rank else "   "
    typer.echo(f"{rank:>4}{match.name} ({match.service}){'' if match.verified else ' [unverified]'}")
    for reason in match.reasons:
        typer.echo(f"      {render(reason, code_names)}")
    if match.rank:
        terms = ", ".join(f"{name} {value}" for name, value in named_terms(match.terms).items())
        typer.echo(f"      order: {terms}")


def _result_document(
    facts: "Facts", deadline: "DeadlineFinding | None", result: "MatchResult", code_names: "CodeNames"
) -> dict[str, Any]:
    from app.matching.order import named_terms

    data: dict[str, Any] = {"urgency": facts.urgency, "order_version": result.order_version}
    if deadline is not None:
        data["deadline"] = {
            "last_safe_day": _iso(deadline.last_safe_day),
            "certainty": deadline.certainty,
            "source": deadline.source,
            "passed": deadline.passed,
        }
    data["candidates"] = [
        {**_service_document(match, code_names), "rank": match.rank, "order": named_terms(match.terms)}
        for match in result.candidates
    ]
    data["nearest"] = [_service_document(match, code_names) for match in result.nearest]
    data["not_matched"] = [_service_document(match, code_names) for match in result.not_matched]
    return data


def _service_document(match: "ServiceMatch", code_names: "CodeNames") -> dict[str, Any]:
    from app.matching.reasons import render

    reasons: Iterable[dict[str, str]] = (
        {"key": reason.key, "text": render(reason, code_names)} for reason in match.reasons
    )
    return {
        "service": match.service,
        "organisation": match.organisation,
        "name": match.name,
        "verified": match.verified,
        "reasons": list(reasons),
        "outcomes": "".join("nuy"[value] for value in match.outcomes),
    }


def _iso(day: date) -> str:
    return day.isoformat()
