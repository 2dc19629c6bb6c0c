"""The rules at the desk: rule sets in force and proposed, and the linter's findings. One member proposes, another publishes."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response
from sqlalchemy.orm import Session

from app.casework import refusal_rules, rule_replay
from app.core.dependencies import Db, Keys, Now, ReadDb
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_
from app.directory import field_input, published, rule_forms, rule_overlay, rule_sets
from app.directory.fields import Field
from app.directory.packs import Directory
from app.directory.rule_sets import RuleProposal, RuleSetState, RuleSetVerb
from app.directory.rules import STATUSES as TESTED_STATUSES
from app.intake.vocabulary import GROUPS, STATUSES
from app.matching import publication
from app.matching.lint import Finding, lint
from app.referrals import queries, refusal_proposals
from app.referrals.reasons import REASONS
from app.referrals.refusal_proposals import RefusalProposal
from app.staff import service as staff
from app.staff.models import Role
from app.staff.sessions import SignedIn
from app.web.account.policies import Packs, RealNetwork, requires_role
from app.web.components import (
    date_fields,
    path_convertors,  # noqa: F401  registers them
    staff_pages,
)
from app.web.components.forms import field_value

router = APIRouter(prefix="/desk/rules")

readers: Final = requires_role(Role.COORDINATOR, Role.SENIOR, Role.ADMIN, Role.AUDITOR)
editors: Final = RealNetwork(Role.SENIOR, Role.ADMIN)
Reads = Annotated[SignedIn, Depends(readers)]
Edits = Annotated[SignedIn, Depends(editors)]
ProposalId = Annotated[str, Path(max_length=36)]
REPLAYED_CASES: Final = 500
"""How many of the newest cases a replay at the desk tries; the command tries all."""


@router.get("", name="rules")
def show_rules(request: Request, member: Reads, session: ReadDb, packs: Packs, now: Now) -> Response:
    """Show the rule set in force, the proposals, and the linter's findings on today's rules."""
    proposals = rule_sets.proposals(session)
    today = now.astimezone(UTC).date()
    in_force = rule_sets.published(session, today)
    filed = refusal_proposals.waiting(session)
    present = rule_sets.with_last_set(session, _base(request, session)) if filed else packs
    return staff_pages.page(
        request,
        "desk/rules/list.html",
        proposals=proposals,
        member_names=staff.names(
            session, [member_id for row in proposals for member_id in (row.proposed_by, row.decided_by) if member_id]
        ),
        in_force=in_force[0] if in_force else None,
        digest=packs.digest[:12],
        services=len(packs.services),
        findings=_by_code(_linted(packs, today)),
        may_edit=member.role in editors.roles,
        filed=[(one, key, refusal_rules.changes_nothing(present, key, one)) for one, key in filed],
        organisations={organisation.id: organisation.name.en for organisation in packs.organisations} if filed else {},
    )


@router.get("/new", name="new_rules")
def new_rules(
    request: Request,
    _member: Edits,
    session: ReadDb,
    now: Now,
    service: Annotated[str, Query(max_length=130)] = "",
    filed: Annotated[str, Query(max_length=36)] = "",
) -> Response:
    """Show the form, with the present rule of one service to start from.

    `filed`: a proposal from refusals; the form then begins with its rule and its figures, to be edited.
    """
    present = rule_sets.with_last_set(session, _base(request, session))
    text, why = publication.as_yaml(present, [service]) if present.service(service) else "", ""
    chosen = [(one, key) for one, key in refusal_proposals.waiting(session) if filed and str(one.id) == filed]
    for one, key in chosen:
        text, why = refusal_rules.as_yaml(present, key, one), _why_refused(request, one)
    return _form(
        request,
        present,
        {
            "text": text,
            "why": why,
            "filed": str(chosen[0][0].id) if chosen else "",
            **dict(zip(date_fields.names("effective_on"), date_fields.of_day(now), strict=True)),
        },
    )


@router.get("/form", name="rule_form")
def show_rule_form(
    request: Request,
    _member: Edits,
    session: ReadDb,
    now: Now,
    service: Annotated[str, Query(max_length=130)] = "",
) -> Response:
    """Show the rule of a service, as it is, as a form with the common tests. Raises NotFound."""
    present = rule_sets.with_last_set(session, _base(request, session))
    dated = dict(zip(date_fields.names("effective_on"), date_fields.of_day(now), strict=True))
    form = rule_forms.read(_content_of(present, service))
    chosen = {
        "needs": form.needs,
        "country": form.codes["country"],
        "status": form.codes["status"],
        "group": form.codes["group"],
    }
    typed = {
        "service": service,
        "language": ", ".join(form.codes["language"]),
        "interpreter": form.interpreter,
        "why": "",
        **dated,
    }
    return _rule_form_page(request, present, typed, chosen)


@router.post("/form", name="propose_rule_form")
def propose_rule_form(request: Request, member: Edits, session: Db, now: Now) -> Response:
    """Propose the rule in the form, or continue with it in YAML. Errors are shown on the form, with what was typed."""
    base = _base(request, session)
    present = rule_sets.with_last_set(session, base)
    fields = request.state.form
    typed = {
        name: field_value(fields, name)
        for name in ("service", "language", "interpreter", "why", *date_fields.names("effective_on"))
    }
    chosen = {name: tuple(fields.get(name, ())) for name in ("needs", "country", "status", "group")}
    key = typed["service"]
    before = _content_of(present, key)
    try:
        codes = {**chosen, "language": field_input.parse(_LANGUAGES, typed, now.date())}
        if not chosen["needs"]:
            raise Invalid([FieldError(pointer="/needs", code="required", detail=N_("Choose at least one need."))])
        interpreter = typed["interpreter"] if typed["interpreter"] in rule_forms.INTERPRETER else "unknown"
        content = {key: rule_forms.write(before, chosen["needs"], codes, interpreter)}
        if "yaml" in fields:
            return _form(request, present, {**typed, "text": publication.as_yaml_of(content), "filed": ""})
        proposal = publication.propose(
            session,
            base,
            content,
            effective_on=_effective_on(request, now),
            why=typed["why"],
            by=member.member_id,
            now=now,
        )
    except Invalid as error:
        return _rule_form_page(request, present, typed, chosen, errors=error.errors)
    except Conflict as error:
        unchanged = FieldError(pointer="/needs", code="unchanged", detail=str(error.detail))
        return _rule_form_page(request, present, typed, chosen, errors=[unchanged])
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_proposed")


_LANGUAGES: Final = Field("language", N_("Working languages"), "languages")


def _content_of(present: Directory, service: str) -> Mapping[str, Any]:
    """Needs and rule of a service. Raises NotFound."""
    content = rule_overlay.content_of(present)
    if service not in content:
        raise NotFound("There is no such service in the directory.")
    return content[service]


def _rule_form_page(
    request: Request,
    present: Directory,
    typed: Mapping[str, str],
    chosen: Mapping[str, Sequence[str]],
    errors: Sequence[FieldError] = (),
) -> Response:
    names = staff_pages.code_names(request)
    key = typed["service"]
    entry = present.service(key)
    assert entry is not None
    rest = rule_forms.read(_content_of(present, key)).rest
    return staff_pages.page(
        request,
        "desk/rules/form.html",
        status=422 if errors else 200,
        key=key,
        name=f"{entry.organisation.name.en}: {entry.service.name.en}",
        submitted=typed,
        chosen=chosen,
        errors={error["pointer"].strip("/"): error["detail"] for error in errors},
        needs=[(need.id, names.name("need", need.id)) for need in present.needs],
        countries=[(country.code, names.name("country", country.code)) for country in present.countries],
        statuses=[(code, names.name("status", code)) for code in STATUSES if code in TESTED_STATUSES],
        groups=[(code, names.name("group", code)) for code in GROUPS],
        rest=publication.as_yaml_of({"rule": {"all": list(rest)}}) if rest else "",
    )


def _why_refused(request: Request, filed: RefusalProposal) -> str:
    """The reason of a proposal from refusals: the figures that the second person should read."""
    names = staff_pages.code_names(request)
    by_need = [
        f"{names.name('need', need)}: {refused}/{asked}" for need, (refused, asked) in filed.by_need.items() if refused
    ]
    until = filed.filed_at.date()
    period = f"{(until - queries.QUARTER).isoformat()} – {until.isoformat()}"
    return f"{REASONS[filed.reason].label}: {filed.times}x, {period}. {', '.join(by_need)}."[:500]


@router.post("", name="propose_rules")
def propose_rules(request: Request, member: Edits, session: Db, now: Now) -> Response:
    """Propose the rules. Rules that cannot be parsed, or that the linter refuses, are shown again as they were typed."""
    base = _base(request, session)
    present = rule_sets.with_last_set(session, base)
    typed = {
        name: field_value(request.state.form, name)
        for name in ("text", "why", "filed", *date_fields.names("effective_on"))
    }
    try:
        content = publication.read(typed["text"], present)
        first_day, why, by = _effective_on(request, now), typed["why"], member.member_id
        if typed["filed"]:
            proposal = refusal_rules.adopt(
                session, base, _filed_id(typed["filed"]), content, effective_on=first_day, why=why, by=by, now=now
            )
        else:
            proposal = publication.propose(session, base, content, effective_on=first_day, why=why, by=by, now=now)
    except Invalid as error:
        return _form(request, present, typed, errors=error.errors)
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_proposed")


@router.post("/filed/{filed_id:id}/adopt", name="adopt_filed_rules")
def adopt_filed(
    request: Request, filed_id: Annotated[str, Path(max_length=36)], member: Edits, session: Db, now: Now
) -> Response:
    """Propose the rule change that refusals suggest, unchanged, from today on. Another member has to publish it."""
    wanted = _filed_id(filed_id)
    filed, _service = refusal_proposals.locked(session, wanted)
    proposal = refusal_rules.adopt(
        session, _base(request, session), wanted, None,
        effective_on=now.astimezone(UTC).date(), why=_why_refused(request, filed), by=member.member_id, now=now,
    )  # fmt: skip
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_proposed")


@router.post("/filed/{filed_id:id}/reject", name="reject_filed_rules")
def reject_filed(filed_id: Annotated[str, Path(max_length=36)], member: Edits, session: Db, now: Now) -> Response:
    """Reject the rule change that refusals suggest: the rule stays as it is."""
    refusal_rules.reject(session, _filed_id(filed_id), by=member.member_id, now=now)
    return staff_pages.redirect("/desk/rules?done=rules_rejected")


@router.get("/{proposal_id:id}", name="rule_set")
def show_rule_set(request: Request, proposal_id: ProposalId, member: Reads, session: ReadDb, now: Now) -> Response:
    """Show one rule set: its changes by service, the new findings, the replay counts, and the decisions open to the member."""
    proposal = _proposal(session, proposal_id)
    base = _base(request, session)
    content = rule_sets.content(session, proposal.digest)
    before = _before(session, base, proposal)
    try:
        candidate, findings = publication.checked(base, content, now.date())
    except Invalid as error:
        candidate, findings = (
            None,
            [Finding("error", "unreadable", "rules", error_field["detail"]) for error_field in error.errors],
        )
    changes = [
        (key, publication.as_yaml(before, [key]), publication.as_yaml(candidate, [key]) if candidate else "")
        for key in proposal.changed
    ]
    known_findings = {(finding.code, finding.position) for finding in _linted(before, now.date())}
    return staff_pages.page(
        request,
        "desk/rules/show.html",
        proposal=proposal,
        member_names=staff.names(
            session, [member_id for member_id in (proposal.proposed_by, proposal.decided_by) if member_id]
        ),
        changes=changes,
        findings=_by_code([finding for finding in findings if (finding.code, finding.position) not in known_findings]),
        verbs=_verbs(proposal, member),
        may_edit=member.role in editors.roles,
        replayed_cases=REPLAYED_CASES,
    )


@router.post("/{proposal_id}/replay", name="replay_rule_set")
def replay_rule_set(
    request: Request, proposal_id: ProposalId, _member: Edits, session: Db, keys: Keys, now: Now
) -> Response:
    """Replay the newest cases with the rule set and store the counts."""
    proposal = _proposal(session, proposal_id)
    base = _base(request, session)
    candidate, _ = publication.checked(base, rule_sets.content(session, proposal.digest), now.date())
    summary = rule_replay.replay_cases(session, keys, candidate, rule_replay.newest_cases(session, REPLAYED_CASES))
    publication.store_replay_counts(session, proposal, summary.counts())
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=replayed")


@router.post("/{proposal_id}/{verb:rule_set_verb}", name="decide_rule_set")
def decide_rule_set(
    request: Request,
    proposal_id: ProposalId,
    verb: Annotated[str, Path(max_length=12)],
    member: Edits,
    session: Db,
    now: Now,
) -> Response:
    """Publish or reject (not by the proposer), or withdraw (by the proposer only)."""
    proposal = _proposal(session, proposal_id)
    publication.decide(session, _base(request, session), proposal.id, RuleSetVerb(verb), by=member.member_id, now=now)
    return staff_pages.redirect(f"/desk/rules/{proposal.id}?done=rules_{proposal.state}")


_findings_cache: Final[dict[tuple[str, date], list[Finding]]] = {}


def _linted(directory: Directory, on: date) -> list[Finding]:
    """The linter's findings on a directory, cached: they are slow to compute and stay the same all day."""
    key = (directory.digest, on)
    if key not in _findings_cache:
        findings = lint(directory, on)
        while len(_findings_cache) >= 8:
            _findings_cache.pop(next(iter(_findings_cache)), None)
        _findings_cache[key] = findings
    return _findings_cache[key]


def _base(request: Request, session: Session) -> Directory:
    """The directory without published rules, as this transaction sees it."""
    return published.without_rules(session, request.app.state.current.packs)


def _before(session: Session, base: Directory, proposal: RuleProposal) -> Directory:
    """The directory that the rule set is based on."""
    if proposal.upon is None:
        return base
    digest = publication.proposal_by_id(session, proposal.upon).digest
    return rule_overlay.apply_rules(base, rule_sets.content(session, digest), digest)


def _form(
    request: Request, present: Directory, typed: dict[str, str], errors: list[FieldError] | None = None
) -> Response:
    return staff_pages.page(
        request,
        "desk/rules/new.html",
        status=422 if errors else 200,
        typed=typed,
        errors=errors or [],
        services=[entry.key for entry in present.services],
    )


def _verbs(proposal: RuleProposal, member: SignedIn) -> list[str]:
    if proposal.state != RuleSetState.PROPOSED.value or member.role not in editors.roles:
        return []
    return ["withdraw"] if proposal.proposed_by == member.member_id else ["publish", "reject"]


def _proposal(session: Session, proposal_id: str) -> RuleProposal:
    try:
        return publication.proposal_by_id(session, UUID(proposal_id))
    except ValueError:
        raise NotFound("This rule set does not exist.") from None


def _filed_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound("There is no such proposal.") from None


def _by_code(findings: list[Finding]) -> dict[str, list[Finding]]:
    """The findings grouped by code, in their order."""
    by_code: dict[str, list[Finding]] = {}
    for finding in findings:
        by_code.setdefault(finding.code, []).append(finding)
    return by_code


def _effective_on(request: Request, now: datetime) -> date:
    day = date_fields.read(request.state.form, "effective_on", today=now.date())
    if day is None:
        detail = N_("Write the day from which the rules are in force.")
        raise Invalid([FieldError(pointer="/effective_on", code="required", detail=detail)])
    return day


__all__ = ["editors", "readers", "router"]
