"""Actions on a rule set: propose, publish, reject, withdraw, replay. A set with linter errors is refused."""

from collections.abc import Collection, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import yaml
from sqlalchemy.orm import Session

from app import audit
from app.core.db import acquire_advisory_lock
from app.core.errors import Conflict, FieldError, Invalid, NotFound
from app.core.i18n import N_, Translatable
from app.directory import rule_overlay, rule_sets
from app.directory.catalogue import Directory
from app.directory.packs import PackError, document
from app.directory.rule_overlay import BadRuleSet, Content
from app.directory.rule_sets import RuleProposal, RuleSetState, RuleSetVerb, next_state
from app.matching.lint import Finding, lint

LATEST: Final = timedelta(days=366)
LONGEST: Final = 200_000
_LOCK: Final = 0x52554C4553


def read(text: str, directory: Directory) -> dict[str, dict[str, Any]]:
    """Parse a rule set written in YAML: `organisation/service: {needs: […], rule: {…}}` for each service that changes.

    Needs or rule may be left out; then they stay as in `directory`. Raises Invalid.
    """
    if len(text) > LONGEST:
        raise _invalid("too_long", N_("This is too long for a rule set."))
    try:
        entries = document("the rule set", text)
    except PackError as error:
        raise _invalid("not_yaml", Translatable("This cannot be read. {problem}", problem=str(error))) from None
    if not isinstance(entries, dict) or not entries:
        raise _invalid("not_a_rule_set", N_("Write at least one service with its needs and its rule."))
    known, content = rule_overlay.content_of(directory), {}
    for key, entry in entries.items():
        if key not in known:
            raise _invalid("unknown_code", N_("There is a service in it that the directory does not have."))
        if not isinstance(entry, dict) or set(entry) - {"needs", "rule"}:
            raise _invalid(
                "unknown_field", Translatable("{service}: it has needs and a rule, and nothing else.", service=key)
            )
        content[key] = {**known[key], **entry}
    return content


def as_yaml(directory: Directory, keys: list[str]) -> str:
    """These services as YAML that `read` parses."""
    content = rule_overlay.content_of(directory)
    return as_yaml_of({key: content[key] for key in keys if key in content})


def as_yaml_of(content: Content) -> str:
    """Services with their needs and rules as YAML that `read` parses."""
    return yaml.safe_dump(
        content,
        sort_keys=False,
        allow_unicode=True,
        width=120,
        default_flow_style=None,
    )


def without_needs(directory: Directory, key: str, needs: Collection[str]) -> str:
    """One service as YAML, without these needs, unless none would be left. Its rule stays as it is."""
    content = {key: dict(rule_overlay.content_of(directory)[key])}
    left = [need for need in content[key]["needs"] if need not in needs]
    return as_yaml_of({key: {**content[key], "needs": left or content[key]["needs"]}})


def checked(directory: Directory, content: Content, on: date) -> tuple[Directory, list[Finding]]:
    """The directory with these rules, and the linter's findings. Raises Invalid if the content is not a rule set."""
    try:
        tried = rule_overlay.apply_rules(directory, content, rule_overlay.digest_of(content))
    except BadRuleSet as error:
        raise _invalid("bad_rule", Translatable("This is not a rule set. {problem}", problem=str(error))) from None
    faults = rule_overlay.faults(tried)
    if faults:
        raise _invalid("unknown_code", Translatable("This does not fit the directory. {problem}", problem=faults[0]))
    return tried, lint(tried, on)


def propose(
    session: Session,
    directory: Directory,
    content: Content,
    *,
    effective_on: date,
    why: str,
    by: UUID,
    now: datetime,
) -> RuleProposal:
    """Propose a rule set. `directory`: the directory without published rules; they are applied here.

    Raises Invalid (not a rule set, linter errors, or a day in the past), Conflict (it changes nothing).
    """
    today = now.astimezone(UTC).date()
    if not today <= effective_on <= today + LATEST:
        raise _invalid("out_of_range", N_("Choose a day from today on, at most one year ahead."), "/effective_on")
    if not why.strip() or len(why) > 500:
        raise _invalid("required", N_("Say why, in 1 to 500 characters."), "/why")
    tip = rule_sets.last_published(session)
    before = rule_sets.with_last_set(session, directory)
    tried, findings = checked(before, content, today)
    _refuse_errors(findings)
    _refuse_other_languages(directory, content)
    wanted = rule_overlay.content_of(tried)
    changed = rule_overlay.differences(rule_overlay.content_of(before), wanted)
    if not changed:
        raise Conflict("These are the rules already.")
    content = {**(rule_sets.content(session, tip.digest) if tip else {}), **{key: wanted[key] for key in changed}}
    digest = rule_overlay.digest_of(content)
    rule_sets.store_content(session, digest, content, now)
    proposal = RuleProposal(
        digest=digest,
        upon=tip.id if tip else None,
        changed=changed,
        why=why.strip(),
        effective_on=max(effective_on, tip.effective_on) if tip else effective_on,
        state=RuleSetState.PROPOSED.value,
        proposed_by=by,
        proposed_at=now,
    )
    session.add(proposal)
    session.flush()
    _note(session, proposal, "proposed", by, now)
    return proposal


def decide(
    session: Session, directory: Directory, proposal_id: UUID, verb: RuleSetVerb, *, by: UUID, now: datetime
) -> RuleProposal:
    """Publish, reject or withdraw a proposal. A start date that has passed becomes today.

    Raises NotFound, IllegalMove, NotAllowed (the author decides, or a second person withdraws), Conflict (another set was
    published since), Invalid (the linter now finds an error).
    """
    acquire_advisory_lock(session, _LOCK)
    proposal = session.get(RuleProposal, proposal_id, with_for_update=True, populate_existing=True)
    if proposal is None:
        raise NotFound("There is no such rule set.")
    target = next_state(RuleSetState(proposal.state), verb, by_author=proposal.proposed_by == by)
    today = now.astimezone(UTC).date()
    if target is RuleSetState.PUBLISHED:
        tip = rule_sets.last_published(session)
        if proposal.upon != (tip.id if tip else None):
            raise Conflict("Another rule set was published since then. Reject this one and propose it again.")
        _tried, findings = checked(directory, rule_sets.content(session, proposal.digest), today)
        _refuse_errors(findings)
        proposal.effective_on = max(proposal.effective_on, today)
    proposal.state = target.value
    proposal.decided_by, proposal.decided_at = by, now
    session.flush()
    _note(session, proposal, target.value, by, now)
    return proposal


def proposal_by_id(session: Session, proposal_id: UUID) -> RuleProposal:
    """The proposed or published rule set with this id. Raises NotFound."""
    proposal = session.get(RuleProposal, proposal_id)
    if proposal is None:
        raise NotFound("There is no such rule set.")
    return proposal


def store_replay_counts(session: Session, proposal: RuleProposal, counts: Mapping[str, int]) -> None:
    """Store the counts of a replay, for the second person to read before publishing."""
    proposal.replayed = dict(counts)
    session.flush()


def _refuse_errors(findings: list[Finding]) -> None:
    errors = [finding for finding in findings if finding.level == "error"]
    if errors:
        raise Invalid(
            [
                FieldError(
                    pointer="/rules",
                    code=finding.code,
                    detail=Translatable("{position}: {problem}", position=finding.position, problem=finding.text),
                )
                for finding in errors[:20]
            ]
        )


def _refuse_other_languages(directory: Directory, content: Content) -> None:
    """Refuse language changes that would have no effect: languages published at the desk take precedence."""
    detail = N_("{service}: The languages of this service were changed in the directory. Change them there.")
    if keys := rule_overlay.other_languages(directory, content):
        raise _invalid("languages_of_the_directory", Translatable(detail, service=keys[0]))


def _invalid(code: str, detail: str, pointer: str = "/rules") -> Invalid:
    return Invalid([FieldError(pointer=pointer, code=code, detail=detail)])


def _note(session: Session, proposal: RuleProposal, what: str, by: UUID, now: datetime) -> None:
    audit.record(
        session,
        actor_kind="member",
        actor_id=by.hex,
        action=f"rules:{what}",
        subject_kind="rule_set",
        subject_id=proposal.id,
        codes={"digest": proposal.digest[:12], "from": proposal.effective_on.isoformat()},
        now=now,
    )
